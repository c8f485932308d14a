//! A question about a graph: seeds, limits, and what has been read of the graph.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::cluster_limits::ClusterLimits;
use crate::error::Result;
use crate::explored::Explored;
use crate::seeds::SeedDistribution;

/// Bounds on the work of a method. Reaching one ends it with a valid partial answer.
///
/// ```
/// use kiln_graph::{Limits, LocalQuery, Status, generators::HashedPlantedPartition};
/// let graph = HashedPlantedPartition::new(1000).generate()?;
/// let limits = Limits { max_work: Some(500), ..Limits::default() };
/// let answer = LocalQuery::node(0).limits(limits).run(&graph)?;
/// assert_eq!(answer.status, Status::WorkLimit);
/// assert!(answer.work.edges_touched <= 500);
/// assert!((answer.mass_l1() + answer.certificate.residual_mass - 1.0).abs() < 1e-12);
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

/// What counts as a weight of 1 in a threshold.
///
/// `rho` and `epsilon` are masses over degrees, so their unit is one over that of the weights.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, WeightUnit};
/// let edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)];
/// let weighted = |unit: f64| CsrGraph::from_weighted_edges(6, edges.map(|(u, v)| (u, v, unit)));
/// // Seconds or microseconds: the same answer.
/// let query = LocalQuery::node(0).rho(0.02);
/// let (seconds, micros) = (query.run(&weighted(1.0)?)?, query.run(&weighted(1e6)?)?);
/// assert!(seconds.support().eq(micros.support()));
/// // The paper's rho, as it stands in the papers' formulas and in every certificate.
/// let paper = LocalQuery::node(0).rho(2e-8).weight_unit(WeightUnit::AsGiven);
/// assert!(paper.run(&weighted(1e6)?)?.support().eq(micros.support()));
/// assert!((micros.certificate.rho - 2e-8).abs() < 1e-20);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightUnit {
    /// The graph's [mean weight](Adjacency::mean_weight): multiplying all weights by a constant changes no
    /// answer. Where all weights are equal, volumes are numbers of neighbours.
    #[default]
    Mean,
    /// Weights as they are given: `rho` and `epsilon` in the papers' unit. The same as
    /// [`Mean`](Self::Mean) on a graph without weights.
    AsGiven,
}

impl WeightUnit {
    /// The weight on `graph` that counts as 1.
    pub fn on(self, graph: &impl Adjacency) -> f64 {
        match self {
            Self::Mean => graph.mean_weight(),
            Self::AsGiven => 1.0,
        }
    }
}

/// Memory that questions use, kept from one to the next.
///
/// A fresh one costs nothing; reusing it saves allocation when many questions are asked one after the other.
/// Its size follows the largest question, never the graph.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) explored: Explored,
    pub(crate) push: PushBuffers,
    /// Residuals by slot, as the last certificate recomputed them.
    pub(crate) residuals: Vec<f64>,
    /// For questions that come up within a question.
    pub(crate) spare: Option<Box<Workspace>>,
}

/// What a push reads and writes at every neighbour: kept small for the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) residual: f64,
    /// The node's degree; infinite while it is queued.
    pub(crate) degree: f64,
}

/// Per-slot values and the queue of the push methods.
#[derive(Debug, Default)]
pub(crate) struct PushBuffers {
    pub(crate) cells: Vec<Cell>,
    pub(crate) masses: Vec<f64>,
    /// The slots with mass, in the order in which they got it.
    pub(crate) support: Vec<u32>,
    /// The neighbours that one push lets wait.
    pub(crate) woken: Vec<u32>,
    pub(crate) fifo: VecDeque<u32>,
    pub(crate) lifo: Vec<u32>,
    /// Keyed by the bits of residual / degree, which order as the positive numbers do.
    pub(crate) heap: BinaryHeap<(u64, Reverse<u32>)>,
}

/// A question about a graph, checked: what every [`LocalMethod`](crate::LocalMethod) answers.
///
/// Methods that answer the same question share what has been read of the graph, so `nodes_touched` and
/// `arcs_read` of an answer count what has been read for the question up to then.
///
/// ```
/// use kiln_graph::{Appr, CsrGraph, L1Cd, Limits, LocalMethod, LocalQuestion, SeedDistribution, Workspace};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (seeds, mut workspace) = (SeedDistribution::node(0), Workspace::default());
/// let mut question = LocalQuestion::new(&graph, &seeds, Limits::default(), &mut workspace)?;
/// let pushed = Appr::new(0.02).solve(&mut question)?;
/// let regularised = L1Cd::new(0.02).solve(&mut question)?;
/// assert!(regularised.mass_l1() < pushed.mass_l1());
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug)]
pub struct LocalQuestion<'a, G> {
    pub(crate) graph: &'a G,
    pub(crate) asked: &'a SeedDistribution,
    /// The normalised seeds. They hold the first slots of what has been explored.
    pub(crate) seeds: Vec<(u64, f64)>,
    pub(crate) limits: Limits,
    pub(crate) cluster_limits: ClusterLimits,
    /// What counts as a weight of 1.
    weight_unit: f64,
    pub(crate) error_goal: Option<f64>,
    pub(crate) workspace: &'a mut Workspace,
}

impl<'a, G: Adjacency> LocalQuestion<'a, G> {
    /// Asks about `seeds` in `graph`. Nothing but the seeds is read yet.
    ///
    /// # Errors
    /// Those of [`SeedDistribution::resolve`], and [`GraphError::Input`](crate::GraphError::Input) for
    /// [`Limits::max_nodes`] 0.
    pub fn new(
        graph: &'a G,
        seeds: &'a SeedDistribution,
        limits: Limits,
        workspace: &'a mut Workspace,
    ) -> Result<Self> {
        if limits.max_nodes == Some(0) {
            return Err(InputError::setting("max_nodes", 0.0, "at least 1").into());
        }
        let resolved = seeds.resolve(graph)?;
        workspace.explored.clear_for(graph);
        for &(node, _) in &resolved {
            workspace.explored.touch(graph, node);
        }
        let (cluster_limits, weight_unit) = (ClusterLimits::default(), WeightUnit::default().on(graph));
        let (asked, error_goal) = (seeds, None);
        Ok(Self { graph, asked, seeds: resolved, limits, cluster_limits, weight_unit, error_goal, workspace })
    }

    /// What counts as a cluster.
    #[must_use]
    pub fn cluster_limits(mut self, cluster_limits: ClusterLimits) -> Self {
        self.cluster_limits = cluster_limits;
        self
    }

    /// The same question with thresholds in another unit.
    #[must_use]
    pub fn with_weight_unit(mut self, unit: WeightUnit) -> Self {
        self.weight_unit = unit.on(self.graph);
        self
    }

    /// The same question with an error at which to stop:
    /// [`LocalQuery::stop_at_error`](crate::LocalQuery::stop_at_error).
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) unless it is positive and finite.
    pub fn with_error_goal(mut self, goal: Option<f64>) -> Result<Self> {
        if let Some(goal) = goal {
            check::positive("stop_at_error", goal)?;
        }
        self.error_goal = goal;
        Ok(self)
    }

    /// The graph.
    pub fn graph(&self) -> &'a G {
        self.graph
    }

    /// The seeds as they were given.
    pub fn asked(&self) -> &'a SeedDistribution {
        self.asked
    }

    /// The normalised seeds, in the order of first mention; their masses sum to 1.
    pub fn seeds(&self) -> &[(u64, f64)] {
        &self.seeds
    }

    /// The bounds on the work.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The ℓ1 error at which to stop, if one was asked for: it then takes the place of a method's tolerance.
    pub fn error_goal(&self) -> Option<f64> {
        self.error_goal
    }

    /// The weight that counts as 1 in thresholds and volumes that are settings.
    pub fn weight_unit(&self) -> f64 {
        self.weight_unit
    }

    /// A threshold of mass over degree, such as `rho`, in the weights' own unit.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) naming the setting, unless it is positive and finite
    /// in both units.
    pub fn threshold(&self, name: &'static str, relative: f64) -> Result<f64> {
        check::positive(name, relative)?;
        let threshold = relative / self.weight_unit;
        check::positive(name, threshold)?;
        Ok(threshold)
    }

    /// For a method that has no ℓ1 error to stop at.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) if one was asked for.
    pub fn refuse_error_goal(&self) -> Result<()> {
        match self.error_goal {
            None => Ok(()),
            Some(goal) => {
                Err(InputError::setting("stop_at_error", goal, "left out: PageRank methods have it").into())
            }
        }
    }

    pub(crate) fn explored(&self) -> &Explored {
        &self.workspace.explored
    }
}

/// Whether the limits allow an update of a node.
pub(crate) enum Step {
    Allowed,
    Hub,
    Limit,
}

/// Judges, before any list is read, whether `slot` may be updated once `edges_touched` edges have been.
#[inline]
pub(crate) fn step_allowed(
    limits: Limits,
    graph: &impl Adjacency,
    explored: &Explored,
    slot: u32,
    edges_touched: u64,
) -> Step {
    if limits.max_work.is_none() && limits.max_nodes.is_none() && limits.max_arcs.is_none() {
        return Step::Allowed;
    }
    let expanded = explored.is_expanded(slot);
    let arcs =
        if expanded { explored.arc_count(slot) } else { graph.arc_count(explored.nodes()[slot as usize]) };
    if limits.max_arcs.is_some_and(|most| arcs > most) {
        Step::Hub
    } else if limits.max_work.is_some_and(|most| edges_touched + arcs as u64 > most)
        || (!expanded && limits.max_nodes.is_some_and(|most| explored.len() + arcs > most))
    {
        Step::Limit
    } else {
        Step::Allowed
    }
}
