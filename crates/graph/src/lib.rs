//! Local graph clustering: find the cluster around a few seed nodes without looking at the rest of the graph.
//!
//! ```
//! use kiln_graph::{CsrGraph, LocalQuery};
//! // Two triangles joined by one edge.
//! let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
//! let (solution, cluster) = LocalQuery::node(0).alpha(0.1).rho(0.02).cluster(&graph)?;
//! let cluster = cluster.expect("rho is small enough for a nonzero answer");
//! assert_eq!(cluster.nodes, [0, 1, 2]);
//! assert_eq!(cluster.conductance, 1.0 / 7.0);
//! assert!(solution.work.edges_touched < 200);
//! # Ok::<(), kiln_graph::GraphError>(())
//! ```
//!
//! Every method asks a graph only what [`Adjacency`] offers, touches only what it reaches, counts its work and
//! certifies its answer ([`certify`]). Conventions (they differ between libraries):
//!
//! * alpha is the teleport probability of the **lazy** walk `W = (I + A D⁻¹)/2`;
//! * answers are mass vectors `p`; sweeps order nodes by `p_u / d_u`;
//! * a self-loop counts once in its node's degree and never in a cut.

mod adjacency;
mod bfs_ball;
#[cfg(feature = "webgraph")]
mod bvgraph;
mod conductance;
mod csr;
pub mod diffusions;
mod dirichlet;
mod error;
mod explored;
pub mod flow;
pub mod generators;
pub mod io;
mod network_community_profile;
mod node_index;
mod objective;
mod petgraph_adapter;
mod query;
mod seeds;
mod solvers;
mod sweep;
mod symmetrize;

pub use adjacency::{Adjacency, CountingGraph};
pub use bfs_ball::bfs_ball;
#[cfg(feature = "webgraph")]
pub use bvgraph::{BvAccess, MappedBvGraph};
pub use conductance::{ClusterScores, Recovery, conductance, cut, volume};
pub use csr::CsrGraph;
pub use dirichlet::dirichlet_eigenvalue;
pub use error::{GraphError, Result};
pub use network_community_profile::{NetworkCommunityProfile, ProfilePoint};
pub use objective::{Certificate, certify};
pub use query::{Limits, LocalQuery, LocalSolution, QueueOrder, Solver, Status, Work, Workspace};
pub use seeds::SeedDistribution;
pub use solvers::l1_path_exact::{Breakpoint, Path, PathQuery};
pub use solvers::l1_stagewise::{Stagewise, StagewisePoint, StagewiseSolution};
pub use sweep::{SweepCut, SweepLimits, SweepPoint, sweep, sweep_profile};
pub use symmetrize::Symmetrize;
