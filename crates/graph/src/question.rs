//! A question about a graph: seeds, limits, and what has been read of the graph.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use kiln_core::InputError;
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

/// Memory that questions use, kept from one to the next.
///
/// A fresh one costs nothing; reusing it saves allocation when many questions are asked one after the other.
/// Its size follows the largest question, never the graph.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) explored: Explored,
    pub(crate) push: PushBuffers,
}

/// What a push reads and writes at every neighbour: kept small for the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) residual: f64,
    /// Infinite while the node is queued.
    pub(crate) threshold: f64,
}

/// Per-slot values and the queue of the push methods.
#[derive(Debug, Default)]
pub(crate) struct PushBuffers {
    pub(crate) cells: Vec<Cell>,
    pub(crate) masses: Vec<f64>,
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
        workspace.explored.clear();
        for &(node, _) in &resolved {
            workspace.explored.touch(graph, node);
        }
        let cluster_limits = ClusterLimits::default();
        Ok(Self { graph, asked: seeds, seeds: resolved, limits, cluster_limits, workspace })
    }

    /// What counts as a cluster.
    #[must_use]
    pub fn cluster_limits(mut self, cluster_limits: ClusterLimits) -> Self {
        self.cluster_limits = cluster_limits;
        self
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
