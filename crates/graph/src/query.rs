//! The front door: one question, asked of any local method.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::cluster_limits::ClusterLimits;
use crate::error::Result;
use crate::method::{Clustering, LocalMethod};
use crate::methods::l1_cd::L1Cd;
use crate::objective::PageRankCertificate;
use crate::question::{Limits, LocalQuestion, WeightUnit, Workspace};
use crate::seeds::SeedDistribution;

/// Seeds, a method and limits: everything about a question but the graph. It is checked when it is asked.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, diffusions::HeatKernel};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (answer, cluster) = LocalQuery::node(0).alpha(0.1).rho(0.02).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// assert!(answer.certificate.l1_error < 0.01);
/// // The same question to another method.
/// let (_, cluster) = LocalQuery::node(0).method(HeatKernel::new(3.0, 1e-3)).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocalQuery<M = L1Cd> {
    /// Where the walk starts; the reference set of a flow method.
    pub seeds: SeedDistribution,
    /// The method and its settings.
    pub method: M,
    /// Bounds on the work.
    pub limits: Limits,
    /// What counts as a cluster.
    #[serde(default)]
    pub cluster_limits: ClusterLimits,
    /// What counts as a weight of 1 in the method's thresholds and volumes; the mean weight unless set.
    #[serde(default)]
    pub weight_unit: WeightUnit,
    /// The ℓ1 error at which to stop, positive: see [`stop_at_error`](Self::stop_at_error).
    #[serde(default)]
    pub stop_at_error: Option<f64>,
}

impl LocalQuery {
    /// A query from a seed distribution to [`L1Cd`] with `alpha` 0.1, `rho` 1e-4 and tolerance 1e-2.
    pub fn new(seeds: SeedDistribution) -> Self {
        Self {
            seeds,
            method: L1Cd::new(1e-4),
            limits: Limits::default(),
            cluster_limits: ClusterLimits::default(),
            weight_unit: WeightUnit::default(),
            stop_at_error: None,
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
        self.method.alpha = alpha;
        self
    }

    /// Weight of the ℓ1 term, positive. The support's volume is at most `1 / rho`, counted in mean weights:
    /// on a graph without weights, its nodes have at most `1 / rho` neighbours together. For the paper's unit
    /// see [`weight_unit`](Self::weight_unit).
    #[must_use]
    pub fn rho(mut self, rho: f64) -> Self {
        self.method.rho = rho;
        self
    }

    /// Relative tolerance, positive: see [`L1Cd::tolerance`].
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.method.tolerance = tolerance;
        self
    }
}

impl<M> LocalQuery<M> {
    /// The same question to another method.
    #[must_use]
    pub fn method<N>(self, method: N) -> LocalQuery<N> {
        let Self { seeds, method: _, limits, cluster_limits, weight_unit, stop_at_error } = self;
        LocalQuery { seeds, method, limits, cluster_limits, weight_unit, stop_at_error }
    }

    /// The unit of thresholds and volumes among the method's settings. [`WeightUnit::AsGiven`] is that of the
    /// papers.
    #[must_use]
    pub fn weight_unit(mut self, unit: WeightUnit) -> Self {
        self.weight_unit = unit;
        self
    }

    /// Bounds on the work.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What counts as a cluster.
    #[must_use]
    pub fn cluster_limits(mut self, cluster_limits: ClusterLimits) -> Self {
        self.cluster_limits = cluster_limits;
        self
    }
}

impl<M: LocalMethod<Certificate = PageRankCertificate>> LocalQuery<M> {
    /// Goes on until the answer is proved to be within `error` of the exact one in the 1-norm, a positive
    /// mass, in place of the method's own tolerance (for [`Appr`](crate::Appr) and
    /// [`ApprOpt`](crate::ApprOpt): of its `epsilon`). Where rounding or a setting such as a step size does
    /// not allow that, the answer's status is [`Status::Stagnated`](crate::Status::Stagnated).
    ///
    /// ```
    /// use kiln_graph::{LocalQuery, Status, generators::HashedPlantedPartition};
    /// let graph = HashedPlantedPartition::new(1000).generate()?;
    /// let answer = LocalQuery::node(0).rho(1e-3).stop_at_error(1e-6).run(&graph)?;
    /// assert_eq!(answer.status, Status::Converged);
    /// assert!(answer.certificate.l1_error <= 1e-6);
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn stop_at_error(mut self, error: f64) -> Self {
        self.stop_at_error = Some(error);
        self
    }
}

impl<M: LocalMethod> LocalQuery<M> {
    /// Asks.
    ///
    /// # Errors
    /// Those of [`LocalQuestion::new`] and of the method.
    pub fn run(&self, graph: &impl Adjacency) -> Result<LocalAnswer<M::Certificate>> {
        self.run_in(graph, &mut Workspace::default())
    }

    /// Asks, with memory kept by the caller.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_in(
        &self,
        graph: &impl Adjacency,
        workspace: &mut Workspace,
    ) -> Result<LocalAnswer<M::Certificate>> {
        self.method.solve(&mut self.question(graph, &self.seeds, workspace)?)
    }

    /// Asks for the answer and the cluster that it shows, or why there is none: see [`ClusterLimits`].
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`GraphError::Input`](crate::GraphError::Input) for
    /// [`cluster_limits`](Self::cluster_limits) that are out of range.
    pub fn cluster(&self, graph: &impl Adjacency) -> Result<Clustering<M::Certificate>> {
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
    ) -> Result<Clustering<M::Certificate>> {
        self.method.cluster(&mut self.question(graph, &self.seeds, workspace)?)
    }

    /// The answers of several methods, or of one with several settings, in place of this query's own. The
    /// touched part of the graph is read once and shared, so `nodes_touched` and `arcs_read` of an answer
    /// count what has been read up to then.
    ///
    /// ```
    /// use kiln_graph::{L1Cd, LocalQuery, generators::star};
    /// let methods = [0.2, 0.1, 0.05].map(|alpha| L1Cd { alpha, ..L1Cd::new(1e-3) });
    /// let answers = LocalQuery::node(1).run_each(&star(100)?, &methods)?;
    /// assert!(answers[0].mass_of(1) > answers[2].mass_of(1));
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_each<N: LocalMethod>(
        &self,
        graph: &impl Adjacency,
        methods: &[N],
    ) -> Result<Vec<LocalAnswer<N::Certificate>>> {
        let mut workspace = Workspace::default();
        let mut question = self.question(graph, &self.seeds, &mut workspace)?;
        methods.iter().map(|method| method.solve(&mut question)).collect()
    }

    /// This query from each of many seed distributions, in parallel over a shared graph, in order.
    ///
    /// Runs on the current `rayon` pool, one [`Workspace`] a worker.
    pub fn run_batch<G: Adjacency + Sync>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
    ) -> Vec<Result<LocalAnswer<M::Certificate>>>
    where
        M: Sync,
        M::Certificate: Send,
    {
        self.batch(graph, seeds, M::solve)
    }

    /// [`cluster`](Self::cluster) from each of many seed distributions, in parallel, in order.
    pub fn cluster_batch<G: Adjacency + Sync>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
    ) -> Vec<Result<Clustering<M::Certificate>>>
    where
        M: Sync,
        M::Certificate: Send,
    {
        self.batch(graph, seeds, M::cluster)
    }

    pub(crate) fn question<'a, G: Adjacency>(
        &self,
        graph: &'a G,
        seeds: &'a SeedDistribution,
        workspace: &'a mut Workspace,
    ) -> Result<LocalQuestion<'a, G>> {
        LocalQuestion::new(graph, seeds, self.limits, workspace)?
            .cluster_limits(self.cluster_limits)
            .with_weight_unit(self.weight_unit)
            .with_error_goal(self.stop_at_error)
    }

    fn batch<G: Adjacency + Sync, T: Send>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
        ask: impl Fn(&M, &mut LocalQuestion<'_, G>) -> Result<T> + Sync,
    ) -> Vec<Result<T>>
    where
        M: Sync,
    {
        seeds
            .par_iter()
            .map_init(Workspace::default, |workspace, seeds| {
                ask(&self.method, &mut self.question(graph, seeds, workspace)?)
            })
            .collect()
    }
}
