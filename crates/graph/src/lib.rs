//! Local graph clustering: find the cluster around a few seed nodes without looking at the rest of the graph.
//!
//! ```
//! use kiln_graph::{CsrGraph, LocalQuery};
//! // Two triangles joined by one edge.
//! let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
//! let (answer, cluster) = LocalQuery::node(0).alpha(0.1).rho(0.02).cluster(&graph)?;
//! let cluster = cluster.found()?; // or the reason why there is none
//! assert_eq!(cluster.nodes, [0, 1, 2]);
//! assert_eq!(cluster.conductance, 1.0 / 7.0);
//! assert!(answer.work.edges_touched < 200);
//! # Ok::<(), kiln_graph::GraphError>(())
//! ```
//!
//! Every method is a struct of settings that meets one contract, [`LocalMethod`]: it answers a
//! [`LocalQuestion`] (a graph, seeds, [`Limits`]) with a [`LocalAnswer`] (mass, certificate, [`Status`],
//! [`GraphWork`]). [`LocalQuery`] asks any of them. A method asks a graph only what [`Adjacency`] offers,
//! touches only what it reaches and counts its work; answers of the PageRank problems and of the flow methods
//! carry a certificate that their `certify` recomputes from the graph.
//! Conventions (they differ between libraries):
//!
//! * alpha is the teleport probability of the **lazy** walk `W = (I + A D⁻¹)/2`;
//! * answers are mass vectors `p`; sweeps order nodes by `p_u / d_u`;
//! * a self-loop counts once in its node's degree and never in a cut;
//! * settings such as `rho` and `epsilon` count weights in the graph's mean weight, so that multiplying all
//!   weights changes nothing ([`WeightUnit`] has the papers' unit); certificates are in the papers' unit;
//! * `vol(S)` is the sum of the degrees of S; `n` and the number of edges occur in no bound below.
//!
//! # Methods
//!
//! The documentation of each method's file gives its source, its update rule in formulas and its cost.
//! Volumes are those touched, with repetition; `S` is the support of the answer, `tol` the relative
//! tolerance.
//!
//! | Method | Computes | Source | Cost |
//! |---|---|---|---|
//! | [`Appr`] | approximate PageRank, lazy push | Andersen, Chung, Lang 2006 | volume ≤ 1/(αε) |
//! | [`ApprOpt`] | approximate PageRank, whole push | Shun et al. 2016 | volume ≤ (1+α)/(2αε) |
//! | [`L1Cd`], the default | ℓ1-PageRank | Fountoulakis et al. 2019 | volume ≤ (1+α)/(2α tol ρ) |
//! | [`L1Ista`] | ℓ1-PageRank, proximal gradient | Fountoulakis et al. 2019 | volume ≤ 1/ρ an iteration |
//! | [`L1Fista`] | ℓ1-PageRank, accelerated | Fountoulakis et al. 2019 | no local bound |
//! | [`L1Exact`] | ℓ1-PageRank, active set | Ha et al. 2021 | at most \|S\| linear systems on S |
//! | [`Stagewise`] | ℓ1-PageRank, forward stagewise | Ha et al. 2021 | at most 1/η steps |
//! | [`Aspr`] | ℓ1-PageRank, accelerated | Martínez-Rubio et al. 2023 | log(1/tol)/√α passes a round |
//! | [`LocalSor`] | PageRank, over-relaxed pushes | Zhou et al. 2024 | volume ≤ (1+α)/(2ω(2-ω)αε² min dₛ) |
//! | [`LocalChebyshev`] | PageRank, Chebyshev steps | Zhou et al. 2024 | volume O(1/(αε)) |
//! | [`EvolvingSets`] | PageRank, proximal steps | Huang et al. 2025 | log(1/ε)/√α easy problems |
//! | [`DynamicPush`] | PageRank, from an answer | Zhang et al. 2016 | volume ≤ ‖r‖₁(1+α)/(2αε) |
//! | [`diffusions::PagerankNibble`] | APPR and targets | Andersen, Chung, Lang 2006 | volume ≤ 1/(αε) |
//! | [`diffusions::Nibble`] | truncated lazy walk | Spielman, Teng 2013 | volume ≤ T/ε |
//! | [`diffusions::HeatKernel`] | heat-kernel PageRank | Kloster, Gleich 2014 | volume ≤ vol(seeds) + 2Nψ₁/ε |
//! | [`flow::FlowDiffusion`] | flow diffusion | Yang, Fountoulakis 2023 | no bound |
//! | [`flow::CapacityReleasing`] | a set by unit flows | Wang et al. 2017 | no bound |
//! | [`flow::FlowImprove`] | best set near R | Andersen, Lang 2008 | vol(R)(1 + 1/σ) a network |
//! | [`flow::SimpleLocal`] | the same, nearer | Veldt et al. 2016 | vol(R)(1 + 1/σ) a network |
//! | [`flow::Mqi`] | best subset of R | Lang, Rao 2004 | vol(R) a network |
//!
//! [`PageRankMethod`] is any of the PageRank methods that fit a file of settings, chosen at run time.
//! [`Limits`] bounds the work of every method: reaching one gives a valid partial answer and a [`Status`] for
//! it.
//!
//! Functions for other questions:
//!
//! | Function | Computes | Source | Cost |
//! |---|---|---|---|
//! | [`DirectedPush::run`] | PageRank along arcs | Andersen, Chung, Lang 2008 | arcs ≤ (1+α)/(2αε) |
//! | [`L1Path::solve`] | the ℓ1 answer for every ρ | Ha et al. 2021 | two linear systems a breakpoint |
//! | [`Stagewise::solve_path`] | the same path in steps | Ha et al. 2021 | at most 1/η steps |
//! | [`sweep()`], [`sweep_profile`] | best prefix | Andersen, Chung, Lang 2006 | vol(S) and one sort |
//! | [`bfs_ball()`] | ball around a seed | breadth-first search | volume of the ball |
//! | [`dirichlet_eigenvalue`] | how fast a walk leaves a set | Chung 2007 | a Lanczos run on the set |
//! | [`Clusterer`] | the cluster, nothing to tune | a grid of the above | a budget |
//! | [`top_k_for_all`] | top-k matrix of all nodes | Bojchevski et al. 2020 | one query a node |
//! | [`NetworkCommunityProfile`] | best conductance by size | Leskovec et al. 2009 | queries |
//!
//! Sweeps have [`SweepLimits`]; a ball ends where its caller says. What counts as a cluster is said by
//! [`ClusterLimits`]; a [`ClusterOutcome`] is one, or the reason why there is none.
//!
//! # Graphs
//!
//! [`CsrGraph`] in memory (from edges, files: [`io`], petgraph, or [`generators`]), with names of its nodes as
//! [`LabelledGraph`], `BvAccess` for compressed
//! files read through a memory map (feature `webgraph`), and [`generators::ImplicitPlanted`], which computes
//! its edges. [`DirectedGraph`] keeps the directions of its arcs, for PageRank only: clusters are those of
//! undirected graphs, and [`Symmetrize`] makes one. Anything else needs only to
//! implement [`Adjacency`]; [`CountingGraph`] wraps any of them and
//! records what is read.

pub mod diffusions;
pub mod flow;
pub mod generators;
pub mod io;

mod adjacency;
mod answer;
mod bfs_ball;
#[cfg(feature = "webgraph")]
mod bvgraph;
mod cluster_limits;
mod clusterer;
mod conductance;
mod csr;
mod directed_graph;
mod directed_push;
mod dirichlet;
mod error;
mod error_bar;
mod explored;
mod labelled;
mod method;
mod methods;
mod names;
mod network_community_profile;
mod node_index;
mod objective;
mod outcome;
mod pagerank_method;
mod petgraph_adapter;
mod query;
mod question;
mod seeds;
mod slab;
mod sweep;
mod symmetrize;
mod top_k;

pub use adjacency::{Adjacency, CountingGraph};
pub use answer::{GraphWork, LocalAnswer, Status};
pub use bfs_ball::bfs_ball;
#[cfg(feature = "webgraph")]
pub use bvgraph::{BvAccess, MappedBvGraph};
pub use cluster_limits::{ClusterLimits, NoClusterReason, SeedRule};
pub use clusterer::{Clusterer, ClustererAnswer, Polish, ScalePoint};
pub use conductance::{ClusterScores, Recovery, conductance, cut, volume};
pub use csr::CsrGraph;
pub use directed_graph::DirectedGraph;
pub use directed_push::{AlongArcs, DirectedCertificate, DirectedPush};
pub use dirichlet::dirichlet_eigenvalue;
pub use error::{GraphError, Result};
pub use error_bar::{proved_prefixes, stale_bound};
pub use labelled::{LabelledGraph, NodeLabels};
pub use method::{Clustering, LocalMethod};
pub use methods::appr::Appr;
pub use methods::appr_opt::ApprOpt;
pub use methods::aspr::{Aspr, AsprSteps};
pub use methods::dynamic_push::{DynamicPageRank, DynamicPush, EdgeChange};
pub use methods::evolving_sets::EvolvingSets;
pub use methods::l1_cd::L1Cd;
pub use methods::l1_exact::L1Exact;
pub use methods::l1_fista::L1Fista;
pub use methods::l1_ista::L1Ista;
pub use methods::l1_path_exact::{Breakpoint, L1Path, SolutionPath};
pub use methods::l1_stagewise::{Stagewise, StagewisePoint};
pub use methods::local_chebyshev::LocalChebyshev;
pub use methods::local_sor::LocalSor;
pub use methods::push::QueueOrder;
pub use network_community_profile::{NetworkCommunityProfile, ProfilePoint};
pub use objective::{PageRankCertificate, PageRankProblem};
pub use outcome::ClusterOutcome;
pub use pagerank_method::PageRankMethod;
pub use query::LocalQuery;
pub use question::{Limits, LocalQuestion, WeightUnit, Workspace};
pub use seeds::SeedDistribution;
pub use sweep::{SweepCut, SweepLimits, SweepPoint, sweep, sweep_profile};
pub use symmetrize::Symmetrize;
pub use top_k::top_k_for_all;
