//! One local query: its parameters, its limits, its answer.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result, check};
use crate::explored::Explored;
use crate::seeds::SeedDistribution;
use crate::solvers::push::PushBuffers;
use crate::solvers::{appr, appr_opt, l1_cd, l1_exact, l1_fista, l1_ista};
use crate::sweep::{SweepCut, SweepLimits, sweep};

/// Which algorithm answers a [`LocalQuery`]. The [crate's documentation](crate#methods) compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// Approximate personalised PageRank by lazy pushes; `rho` is its threshold ε.
    Appr,
    /// Approximate personalised PageRank by pushes that move the whole residual; `rho` is ε.
    ApprOpt,
    /// ℓ1-regularised PageRank by coordinate descent: the fastest, and monotone.
    #[default]
    L1Cd,
    /// ℓ1-regularised PageRank by proximal gradient steps.
    L1Ista,
    /// ℓ1-regularised PageRank by accelerated proximal gradient steps. Not confined to the support.
    L1Fista,
    /// ℓ1-regularised PageRank by exact active sets, to rounding error.
    L1Exact,
}

/// In which order waiting nodes are pushed ([`Solver::Appr`], [`Solver::ApprOpt`], [`Solver::L1Cd`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueOrder {
    /// First in, first out.
    #[default]
    Fifo,
    /// Last in, first out.
    Lifo,
    /// Largest residual over degree first, as it was when the node was queued.
    MaxFirst,
}

/// Bounds on the work of a query, of a path, of a diffusion or of a flow method. Reaching one ends the query
/// with a valid partial answer.
///
/// ```
/// use kiln_graph::{Limits, LocalQuery, Status, generators::HashedPlantedPartition};
/// let graph = HashedPlantedPartition::new(1000).generate()?;
/// let limits = Limits { max_work: Some(500), ..Limits::default() };
/// let solution = LocalQuery::node(0).limits(limits).run(&graph)?;
/// assert_eq!(solution.status, Status::WorkLimit);
/// assert!(solution.work.edges_touched <= 500);
/// assert!((solution.mass_l1() + solution.residual_mass - 1.0).abs() < 1e-12);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Most edges to touch.
    pub max_work: Option<u64>,
    /// Most nodes to touch, at least 1; the seeds are touched in any case.
    pub max_nodes: Option<usize>,
    /// Nodes with more stored neighbours than this are never pushed: their residual stays where it is.
    pub max_arcs: Option<usize>,
}

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every residual is within its threshold.
    Converged,
    /// The answer is 0: `rho` is, up to the tolerance, at least `max s_i / d_i`.
    Empty,
    /// A limit ended the query. The partial answer is valid: mass and residual still sum to 1.
    WorkLimit,
    /// Converged but for nodes with more than [`Limits::max_arcs`] neighbours, which were not pushed.
    HubsSkipped,
}

/// What a query cost. All counts are exact and independent of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Updates of single nodes.
    pub pushes: u64,
    /// Sum of the number of neighbours over all updates.
    pub edges_touched: u64,
    /// Sum of the degrees over all updates.
    pub volume_touched: f64,
    /// Nodes whose degree was read.
    pub nodes_touched: u64,
    /// Neighbours read from the graph: each list is read once, however often its node is pushed.
    pub arcs_read: u64,
    /// Nodes whose mass was ever different from 0. Only [`Solver::L1Fista`] lets a node go back to 0.
    pub nodes_ever_active: u64,
    /// Passes over the active nodes (proximal methods), rounds of the active set, or queue stages.
    pub iterations: u64,
}

/// The answer to a [`LocalQuery`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalSolution {
    /// Nonzero entries of the mass vector `p`, by ascending node.
    pub mass: Vec<(u64, f64)>,
    /// `Σ r_i`. For every solver `Σ p_i + Σ r_i = 1` up to rounding.
    pub residual_mass: f64,
    /// `max r_i / d_i` over touched nodes.
    pub max_residual_over_degree: f64,
    /// Largest violation of the optimality conditions of the ℓ1 problem at this `rho`.
    ///
    /// `max |r_i - rho d_i|` on the support and `max(0, r_i - rho d_i, -r_i)` off it.
    /// [`certify`](crate::certify) computes it anew from the graph.
    pub kkt_residual: f64,
    /// Value of the ℓ1-regularised objective.
    pub objective: f64,
    /// How the query ended.
    pub status: Status,
    /// What it cost.
    pub work: Work,
}

impl LocalSolution {
    /// The nodes with positive mass, ascending.
    pub fn support(&self) -> impl Iterator<Item = u64> + '_ {
        self.mass.iter().map(|entry| entry.0)
    }

    /// `‖p‖₁`.
    pub fn mass_l1(&self) -> f64 {
        self.mass.iter().map(|entry| entry.1.abs()).sum()
    }

    /// Mass of `node`, 0 off the support.
    pub fn mass_of(&self, node: u64) -> f64 {
        self.mass.binary_search_by_key(&node, |entry| entry.0).map_or(0.0, |i| self.mass[i].1)
    }
}

/// Memory that queries use, kept from one query to the next.
///
/// A fresh one costs nothing; reusing it saves allocation when many queries run one after the other.
/// Its size follows the largest query, never the graph.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) explored: Explored,
    pub(crate) push: PushBuffers,
}

/// A local clustering query, built step by step and checked when it runs.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (solution, cluster) = LocalQuery::node(0).alpha(0.1).rho(0.02).cluster(&graph)?;
/// assert_eq!(cluster.unwrap().nodes, vec![0, 1, 2]);
/// assert!(solution.kkt_residual <= 0.02 * 0.02 * 3.0); // tolerance * rho * largest degree
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalQuery {
    pub(crate) seeds: SeedDistribution,
    pub(crate) alpha: f64,
    pub(crate) rho: f64,
    pub(crate) tolerance: f64,
    pub(crate) solver: Solver,
    pub(crate) order: QueueOrder,
    pub(crate) limits: Limits,
    pub(crate) max_iterations: u64,
}

impl LocalQuery {
    /// A query from a seed distribution, with `alpha` 0.1, `rho` 1e-4, tolerance 1e-2 and
    /// [`Solver::L1Cd`].
    pub fn new(seeds: SeedDistribution) -> Self {
        Self {
            seeds,
            alpha: 0.1,
            rho: 1e-4,
            tolerance: 1e-2,
            solver: Solver::default(),
            order: QueueOrder::default(),
            limits: Limits::default(),
            max_iterations: 1_000_000,
        }
    }

    /// A query from one seed node.
    pub fn node(seed: u64) -> Self {
        Self::new(SeedDistribution::node(seed))
    }

    /// Teleport probability of the lazy walk, in (0, 1): the larger, the closer to the seeds.
    ///
    /// `alpha = (1 - c) / (1 + c)` for the damping c of other libraries (0.85 gives 0.081), and
    /// `a / (2 - a)` for the teleport probability a of a walk that is not lazy.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Weight of the ℓ1 term, or the threshold ε of the APPR solvers; positive. The support's volume is
    /// at most `1 / rho` for the ℓ1 solvers.
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Relative tolerance of the iterative ℓ1 solvers, positive: they stop when every
    /// `r_i <= (1 + tolerance) rho d_i`. The coordinate-descent and ISTA answers are then within
    /// `tolerance * rho * vol(support)` of the exact one in the 1-norm. Where rounding
    /// does not allow a tolerance, coordinate descent ends when its total excess stops falling and the proximal
    /// methods at [`max_iterations`](Self::max_iterations); the answer's `kkt_residual` says what was reached.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The algorithm.
    #[must_use]
    pub fn solver(mut self, solver: Solver) -> Self {
        self.solver = solver;
        self
    }

    /// Order of pushes.
    #[must_use]
    pub fn queue_order(mut self, order: QueueOrder) -> Self {
        self.order = order;
        self
    }

    /// Bounds on the work.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Bound on the number of iterations of [`Solver::L1Ista`] and [`Solver::L1Fista`] (default 10⁶).
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Runs the query.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`] for a parameter, and those of [`SeedDistribution::resolve`].
    pub fn run(&self, graph: &impl Adjacency) -> Result<LocalSolution> {
        self.run_in(graph, &mut Workspace::default())
    }

    /// Runs the query with memory kept by the caller.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_in(&self, graph: &impl Adjacency, workspace: &mut Workspace) -> Result<LocalSolution> {
        let seeds = self.checked_seeds(graph)?;
        workspace.explored.clear();
        Ok(self.dispatch(graph, &seeds, workspace))
    }

    /// Runs the query and sweeps its answer. The cut is `None` when the answer is empty.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn cluster(&self, graph: &impl Adjacency) -> Result<(LocalSolution, Option<SweepCut>)> {
        self.cluster_in(graph, &mut Workspace::default())
    }

    /// [`cluster`](Self::cluster) with memory kept by the caller.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn cluster_in(
        &self,
        graph: &impl Adjacency,
        workspace: &mut Workspace,
    ) -> Result<(LocalSolution, Option<SweepCut>)> {
        let solution = self.run_in(graph, workspace)?;
        let cut = sweep(graph, &solution.mass, SweepLimits::default())?;
        Ok((solution, cut))
    }

    /// Answers for several values of alpha. The touched part of the graph is read once and shared, so
    /// `nodes_touched` and `arcs_read` of an answer count what has been read up to then.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_alphas(&self, graph: &impl Adjacency, alphas: &[f64]) -> Result<Vec<LocalSolution>> {
        let mut workspace = Workspace::default();
        let queries: Vec<Self> = alphas.iter().map(|&alpha| self.clone().alpha(alpha)).collect();
        let mut seeds = Vec::new();
        for query in &queries {
            seeds = query.checked_seeds(graph)?;
        }
        Ok(queries.iter().map(|query| query.dispatch(graph, &seeds, &mut workspace)).collect())
    }

    /// This query from each of many seed distributions, in parallel over a shared graph, in order.
    ///
    /// Runs on the current `rayon` pool, one [`Workspace`] a worker.
    pub fn run_batch<G: Adjacency + Sync>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
    ) -> Vec<Result<LocalSolution>> {
        self.batch(seeds, |query, workspace| query.run_in(graph, workspace))
    }

    /// [`cluster`](Self::cluster) from each of many seed distributions, in parallel, in order.
    pub fn cluster_batch<G: Adjacency + Sync>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
    ) -> Vec<Result<(LocalSolution, Option<SweepCut>)>> {
        self.batch(seeds, |query, workspace| query.cluster_in(graph, workspace))
    }

    fn batch<T: Send>(
        &self,
        seeds: &[SeedDistribution],
        answer: impl Fn(&Self, &mut Workspace) -> T + Sync,
    ) -> Vec<T> {
        seeds
            .par_iter()
            .map_init(Workspace::default, |workspace, seeds| {
                answer(&Self { seeds: seeds.clone(), ..self.clone() }, workspace)
            })
            .collect()
    }

    fn checked_seeds(&self, graph: &impl Adjacency) -> Result<Vec<(u64, f64)>> {
        check("alpha", self.alpha, |a| a > 0.0 && a < 1.0, "between 0 and 1, both excluded")?;
        check("rho", self.rho, |r| r > 0.0, "finite and positive")?;
        check("tolerance", self.tolerance, |t| t > 0.0, "finite and positive")?;
        if self.limits.max_nodes == Some(0) {
            return Err(GraphError::OutOfRange { argument: "max_nodes", value: 0.0, range: "at least 1" });
        }
        self.seeds.resolve(graph)
    }

    fn dispatch(
        &self,
        graph: &impl Adjacency,
        seeds: &[(u64, f64)],
        workspace: &mut Workspace,
    ) -> LocalSolution {
        match self.solver {
            Solver::Appr => appr::solve(self, graph, seeds, workspace),
            Solver::ApprOpt => appr_opt::solve(self, graph, seeds, workspace),
            Solver::L1Cd => l1_cd::solve(self, graph, seeds, workspace),
            Solver::L1Ista => l1_ista::solve(self, graph, seeds, workspace),
            Solver::L1Fista => l1_fista::solve(self, graph, seeds, workspace),
            Solver::L1Exact => l1_exact::solve(self, graph, seeds, workspace),
        }
    }
}
