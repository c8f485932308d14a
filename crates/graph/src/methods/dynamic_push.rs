//! Approximate personalised PageRank on a graph that changes, by pushes of both signs.
//!
//! Zhang, Lofgren, Goel, "Approximate personalized PageRank on dynamic graphs", KDD 2016 (arXiv 1603.07796),
//! whose idea it is to repair the residual where an edge changes and to push what is then too large, whatever
//! its sign. Their rule was not at hand; ours follows from the residual's definition. `x = p/d` is kept, so
//! with `r = s - Qx/α` and `Q = αD + (1-α)/2 (D - A)` a change of the weight of edge u – v by w is
//!
//! ```text
//! r_u -= w x_u + (1-α)/(2α) w (x_u - x_v);   r_v -= w x_v + (1-α)/(2α) w (x_v - x_u),
//! ```
//!
//! and of a self-loop `r_u -= w x_u`: two numbers an edge, exact, with `Σp + Σr = 1` before and after. While
//! some `|r_u| >= ε d_u`:
//!
//! ```text
//! c = (1+α) - (1-α) A_uu/d_u;   p_u += 2α r_u / c;   r_u ← 0;
//! r_v += (1-α) r_u / c · A_uv / d_u for every neighbour v ≠ u,
//! ```
//!
//! each of which takes at least `2α/(1+α) ε d_u` from `Σ|r|`: the volume touched is at most `(1+α)/(2αε)`
//! times what the changes have added to `Σ|r|`.
//!
//! [`DynamicPush`] starts from any mass, such as a cached answer, and finds the residual by one pass over the
//! mass's lists: it needs not be told what has changed. [`DynamicPageRank`] keeps the residual and is told.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::signed::{Relaxation, Signed};
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::{GraphError, Result, check_nodes};
use crate::method::LocalMethod;
use crate::node_index::NodeIndex;
use crate::objective::{PageRankCertificate, PageRankProblem, check_alpha};
use crate::question::LocalQuestion;
use crate::seeds::SeedDistribution;

/// Approximate PageRank from where another answer stopped, by pushes of both signs.
///
/// No node's mass over degree is farther than `epsilon` from PageRank's.
///
/// ```
/// use kiln_graph::{CsrGraph, DynamicPush, LocalQuery};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let old = LocalQuery::node(0).method(DynamicPush::new(1e-4)).run(&graph)?;
/// // The edge between the triangles goes.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)])?;
/// let repair = DynamicPush { start: old.mass, ..DynamicPush::new(1e-4) };
/// let new = LocalQuery::node(0).method(repair).run(&graph)?;
/// assert!(new.certificate.sup_error <= 1e-4);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicPush {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Threshold of the residual's size over degree, positive, in the question's
    /// [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// The mass to start from, each node named once; none unless set. Mass on nodes that have no edge (any
    /// more) is left out.
    pub start: Vec<(u64, f64)>,
}

impl DynamicPush {
    /// Pushes down to `epsilon` from nothing, with `alpha` 0.1.
    pub fn new(epsilon: f64) -> Self {
        Self { alpha: 0.1, epsilon, start: Vec::new() }
    }
}

impl LocalMethod for DynamicPush {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, epsilon, start } = self;
        check_alpha(*alpha)?;
        let threshold = question.threshold("epsilon", *epsilon)?;
        check_nodes(start.iter().map(|entry| entry.0), question.graph.node_count())?;
        let mut named = NodeIndex::default();
        for &(node, mass) in start {
            check::finite("start", mass)?;
            if !named.insert(node).1 {
                return Err(GraphError::DuplicateNode { argument: "start", node });
            }
        }
        let mut signed = Signed::start(question, *alpha);
        signed.load(start);
        if !signed.is_stopped() {
            signed.run_to_goal(Relaxation { factor: 1.0, shift: 0.0, threshold });
        }
        Ok(signed.finish())
    }
}

/// A change of an edge's weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EdgeChange {
    /// One end.
    pub u: u64,
    /// The other end, or the same one for a self-loop.
    pub v: u64,
    /// The new weight less the old one: 1 for a new edge without weights, -1 for one that goes. Finite.
    pub by: f64,
}

/// Approximate PageRank that follows a graph: kept up to date at a cost that depends on the changes, not on
/// the answer's size.
///
/// ```
/// use kiln_graph::{CsrGraph, DynamicPageRank, EdgeChange, SeedDistribution};
/// let edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)];
/// let graph = CsrGraph::from_edges(6, edges)?;
/// let mut pagerank = DynamicPageRank::start(&graph, &SeedDistribution::node(0), 0.1, 1e-4)?;
/// let graph = CsrGraph::from_edges(6, edges.into_iter().chain([(1, 4)]))?;
/// pagerank.update(&graph, &[EdgeChange { u: 1, v: 4, by: 1.0 }])?;
/// assert!(pagerank.answer(&graph)?.certificate.sup_error <= 1e-4);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DynamicPageRank {
    seeds: SeedDistribution,
    alpha: f64,
    epsilon: f64,
    index: NodeIndex,
    nodes: Vec<Node>,
    queue: std::collections::VecDeque<u32>,
    work: GraphWork,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    degree: f64,
    /// Mass over degree.
    x: f64,
    r: f64,
    seed: f64,
    queued: bool,
}

impl DynamicPageRank {
    /// PageRank with the given `alpha`, in (0, 1), down to residuals of `epsilon`, positive, over degree, in
    /// the weights' own unit.
    ///
    /// # Errors
    /// [`GraphError::Input`] for alpha or epsilon, and those of [`SeedDistribution::resolve`].
    pub fn start(graph: &impl Adjacency, seeds: &SeedDistribution, alpha: f64, epsilon: f64) -> Result<Self> {
        check_alpha(alpha)?;
        check::positive("epsilon", epsilon)?;
        let mut pagerank = Self {
            seeds: seeds.clone(),
            alpha,
            epsilon,
            index: NodeIndex::default(),
            nodes: Vec::new(),
            queue: std::collections::VecDeque::new(),
            work: GraphWork::default(),
        };
        pagerank.update(graph, &[])?;
        Ok(pagerank)
    }

    /// Follows the changes that have made `graph` of the graph before, and returns what that cost. Every
    /// changed edge must be named; several changes of one edge add up.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`], [`GraphError::Input`] for a change that is not finite, and those of
    /// [`SeedDistribution::resolve`], as for a seed that has lost its last edge. Nothing has then been
    /// changed.
    pub fn update(&mut self, graph: &impl Adjacency, changes: &[EdgeChange]) -> Result<GraphWork> {
        check_nodes(changes.iter().flat_map(|change| [change.u, change.v]), graph.node_count())?;
        for change in changes {
            check::finite("by", change.by)?;
        }
        let seeds = self.seeds.resolve(graph)?;
        self.work = GraphWork::default();
        self.reseed(graph, &seeds);
        let pull = (1.0 - self.alpha) / (2.0 * self.alpha);
        for &EdgeChange { u, v, by } in changes {
            let (u, v) = (self.touch(graph, u) as usize, self.touch(graph, v) as usize);
            let (x_u, x_v) = (self.nodes[u].x, self.nodes[v].x);
            self.nodes[u].r -= by * (x_u + pull * (x_u - x_v));
            if u != v {
                self.nodes[v].r -= by * (x_v + pull * (x_v - x_u));
            }
        }
        for change in changes {
            for node in [change.u, change.v] {
                let slot = self.touch(graph, node);
                let entry = &mut self.nodes[slot as usize];
                entry.degree = graph.degree(node);
                if entry.degree <= 0.0 {
                    // Without edges a node has no mass, and its residual is its seed: 0.
                    *entry = Node::default();
                }
                self.enqueue(slot);
            }
        }
        self.push(graph);
        Ok(GraphWork { nodes_touched: self.nodes.len() as u64, ..self.work })
    }

    /// The present answer with its certificate, which costs one pass over the lists of its support. `graph`
    /// is the one of the last [`update`](Self::update).
    ///
    /// # Errors
    /// Those of [`PageRankProblem::certify`].
    pub fn answer(&self, graph: &impl Adjacency) -> Result<LocalAnswer<PageRankCertificate>> {
        let masses = self.index.nodes().iter().zip(&self.nodes);
        let mut mass: Vec<(u64, f64)> = masses
            .map(|(&node, entry)| (node, entry.x * entry.degree))
            .filter(|entry| entry.1 != 0.0)
            .collect();
        mass.sort_unstable_by_key(|entry| entry.0);
        let problem = PageRankProblem { seeds: self.seeds.clone(), alpha: self.alpha, rho: 0.0 };
        let certificate = problem.certify(graph, &mass)?;
        let status = if mass.is_empty() { Status::Empty } else { Status::Converged };
        let (touched, active) = (self.nodes.len() as u64, mass.len() as u64);
        let work = GraphWork { nodes_touched: touched, nodes_ever_active: active, ..self.work };
        Ok(LocalAnswer { seeds: self.seeds.clone(), mass, certificate, status, work })
    }

    fn touch(&mut self, graph: &impl Adjacency, node: u64) -> u32 {
        let (slot, new) = self.index.insert(node);
        if new {
            self.nodes.push(Node { degree: graph.degree(node), ..Node::default() });
        }
        slot
    }

    /// Isolated seeds may be left out, so that the others' shares change with the graph.
    fn reseed(&mut self, graph: &impl Adjacency, seeds: &[(u64, f64)]) {
        let mut before: Vec<u32> = Vec::new();
        for slot in 0..self.nodes.len() {
            if self.nodes[slot].seed != 0.0 {
                before.push(slot as u32);
            }
        }
        let now: Vec<(u32, f64)> =
            seeds.iter().map(|&(node, share)| (self.touch(graph, node), share)).collect();
        for slot in before {
            let entry = &mut self.nodes[slot as usize];
            entry.r -= std::mem::take(&mut entry.seed);
        }
        for &(slot, share) in &now {
            let entry = &mut self.nodes[slot as usize];
            entry.seed = share;
            entry.r += share;
            self.enqueue(slot);
        }
    }

    fn enqueue(&mut self, slot: u32) {
        let entry = &mut self.nodes[slot as usize];
        if !entry.queued && entry.degree > 0.0 && entry.r.abs() >= self.epsilon * entry.degree {
            entry.queued = true;
            self.queue.push_back(slot);
        }
    }

    fn push(&mut self, graph: &impl Adjacency) {
        let alpha = self.alpha;
        let mut list: Vec<(u64, f64)> = Vec::new();
        while let Some(slot) = self.queue.pop_front() {
            let u = slot as usize;
            let node = self.index.nodes()[u];
            self.nodes[u].queued = false;
            list.clear();
            graph.neighbors(node, |v, weight| list.push((v, weight)));
            let Node { degree, r, .. } = self.nodes[u];
            let loops: f64 = list.iter().filter(|entry| entry.0 == node).map(|entry| entry.1).sum();
            let step = r / ((1.0 + alpha) - (1.0 - alpha) * (loops / degree));
            self.nodes[u].x += 2.0 * alpha * step / degree;
            self.nodes[u].r = 0.0;
            let share = (1.0 - alpha) * step / degree;
            for &(v, weight) in list.iter().filter(|entry| entry.0 != node) {
                let at = self.touch(graph, v);
                self.nodes[at as usize].r += share * weight;
                self.enqueue(at);
            }
            let arcs = list.len() as u64;
            self.work += GraphWork {
                pushes: 1,
                edges_touched: arcs,
                arcs_read: arcs,
                volume_touched: degree,
                ..GraphWork::default()
            };
        }
    }
}
