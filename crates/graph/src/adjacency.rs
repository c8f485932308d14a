//! What a local method may ask of a graph.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

/// An undirected graph with nodes `0..node_count()` and symmetric weights `A_uv = A_vu > 0`.
///
/// This is all that an algorithm of this crate may ask, so anything that answers these questions
/// (arrays, a compressed file, a formula) can be clustered. Conventions:
///
/// * a self-loop is one stored entry `A_uu`; it counts once in the degree and never in a cut;
/// * there are no parallel edges: [`neighbors`](Self::neighbors) names each neighbour once;
/// * the graph is symmetric: implementors promise it, nothing checks it at query time;
/// * a number that is no node's has degree 0, no stored neighbours and none to visit: these methods have no
///   way to report an error. The functions of this crate check the nodes they are given before they ask.
pub trait Adjacency {
    /// Number of nodes. Used for checks of node numbers only.
    fn node_count(&self) -> u64;

    /// `vol(V)`, the sum of all degrees. Must take O(1).
    fn total_volume(&self) -> f64;

    /// Weighted degree `d_u = Σ_v A_uv`.
    fn degree(&self, u: u64) -> f64;

    /// Number of stored neighbours of `u`, a self-loop counted once.
    fn arc_count(&self, u: u64) -> usize;

    /// Calls `visit(v, A_uv)` for every neighbour `v` of `u`, in ascending order of `v`.
    fn neighbors(&self, u: u64, visit: impl FnMut(u64, f64));

    /// False if every weight is 1, which lets a query store no weights.
    fn is_weighted(&self) -> bool {
        true
    }

    /// The mean of the stored weights, positive: the unit in which thresholds such as `rho` count weights
    /// (see [`WeightUnit`](crate::WeightUnit)). Must take O(1). It is 1 unless overridden, which is right for
    /// a graph without weights and leaves a weighted one in the unit that it is given in.
    fn mean_weight(&self) -> f64 {
        1.0
    }
}

impl<G: Adjacency> Adjacency for &G {
    fn node_count(&self) -> u64 {
        (**self).node_count()
    }
    fn total_volume(&self) -> f64 {
        (**self).total_volume()
    }
    fn degree(&self, u: u64) -> f64 {
        (**self).degree(u)
    }
    fn arc_count(&self, u: u64) -> usize {
        (**self).arc_count(u)
    }
    fn neighbors(&self, u: u64, visit: impl FnMut(u64, f64)) {
        (**self).neighbors(u, visit);
    }
    fn is_weighted(&self) -> bool {
        (**self).is_weighted()
    }
    fn mean_weight(&self) -> f64 {
        (**self).mean_weight()
    }
}

/// A graph that records what is read from it: the witness that a method is local.
///
/// ```
/// use kiln_graph::{Adjacency, CountingGraph, CsrGraph, LocalQuery};
/// let path = CsrGraph::from_edges(1000, (0..999).map(|u| (u, u + 1)))?;
/// let counting = CountingGraph::new(&path);
/// let solution = LocalQuery::node(0).alpha(0.5).rho(0.01).run(&counting)?;
/// assert_eq!(counting.arcs_read(), solution.work.arcs_read);
/// assert!(counting.nodes_read().len() < 20);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug)]
pub struct CountingGraph<G> {
    graph: G,
    arcs: Cell<u64>,
    lists: Cell<u64>,
    nodes: RefCell<BTreeSet<u64>>,
}

impl<G: Adjacency> CountingGraph<G> {
    /// Wraps `graph`, with all counts at zero.
    pub fn new(graph: G) -> Self {
        Self { graph, arcs: Cell::new(0), lists: Cell::new(0), nodes: RefCell::default() }
    }

    /// Number of neighbours handed out so far.
    pub fn arcs_read(&self) -> u64 {
        self.arcs.get()
    }

    /// Number of neighbour lists read so far.
    pub fn lists_read(&self) -> u64 {
        self.lists.get()
    }

    /// Every node whose degree or list has been asked for.
    pub fn nodes_read(&self) -> BTreeSet<u64> {
        self.nodes.borrow().clone()
    }

    fn read(&self, u: u64) {
        self.nodes.borrow_mut().insert(u);
    }
}

impl<G: Adjacency> Adjacency for CountingGraph<G> {
    fn node_count(&self) -> u64 {
        self.graph.node_count()
    }
    fn total_volume(&self) -> f64 {
        self.graph.total_volume()
    }
    fn degree(&self, u: u64) -> f64 {
        self.read(u);
        self.graph.degree(u)
    }
    fn arc_count(&self, u: u64) -> usize {
        self.read(u);
        self.graph.arc_count(u)
    }
    fn neighbors(&self, u: u64, mut visit: impl FnMut(u64, f64)) {
        self.read(u);
        self.lists.set(self.lists.get() + 1);
        self.graph.neighbors(u, |v, weight| {
            self.arcs.set(self.arcs.get() + 1);
            visit(v, weight);
        });
    }
    fn is_weighted(&self) -> bool {
        self.graph.is_weighted()
    }
    fn mean_weight(&self) -> f64 {
        self.graph.mean_weight()
    }
}
