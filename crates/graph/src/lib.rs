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
//! Every method asks a graph only what [`Adjacency`] offers, touches only what it reaches and counts its work
//! ([`Work`]); answers of the PageRank problems carry a certificate that [`certify`] recomputes from the graph.
//! Conventions (they differ between libraries):
//!
//! * alpha is the teleport probability of the **lazy** walk `W = (I + A D⁻¹)/2`;
//! * answers are mass vectors `p`; sweeps order nodes by `p_u / d_u`;
//! * a self-loop counts once in its node's degree and never in a cut;
//! * `vol(S)` is the sum of the degrees of S; `n` and the number of edges occur in no bound below.
//!
//! # Methods
//!
//! The file of each method gives its source, its update rule in formulas and its cost. Volumes are those touched,
//! with repetition; `S` is the support of the answer, `tol` the relative tolerance.
//!
//! | Method | Asked for by | File | Source | Cost |
//! |---|---|---|---|---|
//! | approximate PageRank, lazy push | [`Solver::Appr`] | `solvers/appr.rs` | Andersen, Chung, Lang 2006 | volume ≤ 1/(αε) |
//! | approximate PageRank, whole push | [`Solver::ApprOpt`] | `solvers/appr_opt.rs` | Shun et al. 2016 | volume ≤ (1+α)/(2αε) |
//! | ℓ1-PageRank, coordinate descent (the default) | [`Solver::L1Cd`] | `solvers/l1_cd.rs` | Fountoulakis et al. 2019 | volume ≤ (1+α)/(2α tol ρ) |
//! | ℓ1-PageRank, proximal gradient | [`Solver::L1Ista`] | `solvers/l1_ista.rs` | Fountoulakis et al. 2019 | volume ≤ 1/ρ an iteration, error × (1-α) |
//! | ℓ1-PageRank, accelerated | [`Solver::L1Fista`] | `solvers/l1_fista.rs` | Fountoulakis et al. 2019 | no local bound |
//! | ℓ1-PageRank, active set | [`Solver::L1Exact`] | `solvers/l1_exact.rs` | Ha et al. 2021 | at most \|S\| linear systems on S |
//! | exact path in ρ | [`PathQuery`] | `solvers/l1_path_exact.rs` | Ha et al. 2021 | two linear systems a breakpoint |
//! | forward stagewise path | [`Stagewise`] | `solvers/l1_stagewise.rs` | Ha et al. 2021 | at most 1/η steps of one list each |
//! | sweep cut | [`sweep()`], [`sweep_profile`] | `sweep.rs` | Andersen, Chung, Lang 2006 | vol(S) and one sort |
//! | PageRank-Nibble | [`diffusions::PagerankNibble`] | `diffusions/pagerank_nibble.rs` | Andersen, Chung, Lang 2006 | volume ≤ 1/(αε), and a sweep |
//! | Nibble | [`diffusions::Nibble`] | `diffusions/nibble.rs` | Spielman, Teng 2013 | volume ≤ T/ε, and a sweep a step |
//! | heat-kernel PageRank | [`diffusions::HeatKernel`] | `diffusions/heat_kernel.rs` | Kloster, Gleich 2014 | volume ≤ vol(seeds) + 2Nψ₁/ε |
//! | `MQI`, `FlowImprove`, `SimpleLocal` | [`flow::FlowMethod`] | `flow/simple_local.rs` | Lang, Rao 2004; Andersen, Lang 2008; Veldt et al. 2016 | vol(R)(1 + 1/σ) in each network |
//! | ball around a seed | [`bfs_ball()`] | `bfs_ball.rs` | breadth-first search | volume of the ball |
//! | smallest Dirichlet eigenvalue | [`dirichlet_eigenvalue`] | `dirichlet.rs` | Chung 2007 | a Lanczos run on the set |
//! | network community profile | [`NetworkCommunityProfile`] | `network_community_profile.rs` | Leskovec et al. 2009 | a query and a sweep for each seed, α and ρ |
//!
//! [`Limits`] bounds the work of every solver, path, diffusion and flow method: reaching one gives a valid partial
//! answer and a [`Status`] that says so. Sweeps have [`SweepLimits`]; a ball ends where its caller says.
//!
//! # Graphs
//!
//! [`CsrGraph`] in memory (from edges, files: [`io`], petgraph, or [`generators`]), `BvAccess` for compressed files
//! read through a memory map (feature `webgraph`), and [`generators::ImplicitPlanted`], which computes its edges.
//! Anything else needs only to implement [`Adjacency`]; [`CountingGraph`] wraps any of them and records what is read.

pub mod diffusions;
pub mod flow;
pub mod generators;
pub mod io;

mod adjacency;
mod bfs_ball;
#[cfg(feature = "webgraph")]
mod bvgraph;
mod conductance;
mod csr;
mod dirichlet;
mod error;
mod explored;
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
pub use solvers::l1_path_exact::{Breakpoint, PathQuery, SolutionPath};
pub use solvers::l1_stagewise::{Stagewise, StagewisePoint, StagewiseSolution};
pub use sweep::{SweepCut, SweepLimits, SweepPoint, sweep, sweep_profile};
pub use symmetrize::Symmetrize;
