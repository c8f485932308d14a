//! A directed graph in memory.

use crate::adjacency::Adjacency;
use crate::csr::{CsrGraph, check_weight};
use crate::error::{GraphError, Result, check_nodes};
use crate::symmetrize::Symmetrize;

/// A directed graph in memory: the arcs that leave each node, 4 bytes an arc, 12 with weights.
///
/// It is no [`Adjacency`], which promises symmetric weights: conductance, and with it a cluster, is defined on
/// undirected graphs only, such as [`symmetrized`](Self::symmetrized) gives.
///
/// ```
/// use kiln_graph::{DirectedGraph, DirectedPush, Limits, SeedDistribution};
/// // 0 and 1 cite each other and 2, which cites nothing.
/// let graph = DirectedGraph::from_arcs(3, [(0, 1, 1.0), (1, 0, 1.0), (0, 2, 1.0)])?;
/// assert!(graph.is_dangling(2));
/// let answer = DirectedPush::new(1e-9).run(&graph, &SeedDistribution::node(0), Limits::default())?;
/// assert!(answer.certificate.l1_error < 1e-8);
/// assert_eq!(answer.mass.len(), 3);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DirectedGraph {
    /// The rows are the arcs that leave: not symmetric, so that no method may see it.
    out: CsrGraph,
}

impl DirectedGraph {
    /// Builds a graph on nodes `0..node_count` from arcs `(tail, head, weight)`. Parallel arcs are summed, zero
    /// weights dropped.
    ///
    /// # Errors
    /// Those of [`CsrGraph::from_weighted_edges`].
    pub fn from_arcs(node_count: u64, arcs: impl IntoIterator<Item = (u64, u64, f64)>) -> Result<Self> {
        if node_count > u64::from(u32::MAX) {
            return Err(GraphError::TooManyNodes { node: node_count - 1 });
        }
        let mut sorted: Vec<(u32, u32, f64)> = Vec::new();
        for (u, v, weight) in arcs {
            check_nodes([u, v], node_count)?;
            check_weight(u, v, weight)?;
            if weight > 0.0 {
                sorted.push((u as u32, v as u32, weight)); // fits: both are below the count
            }
        }
        // Stable, so that parallel arcs are summed in the order in which they were given.
        sorted.sort_by_key(|&(u, v, _)| (u, v));
        let mut offsets = vec![0; node_count as usize + 1];
        let (mut targets, mut weights) = (Vec::new(), Vec::new());
        for arcs in sorted.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (u, v, _) = arcs[0];
            offsets[u as usize + 1] += 1;
            targets.push(v);
            weights.push(arcs.iter().map(|arc| arc.2).sum::<f64>());
        }
        let mut count = 0;
        for offset in &mut offsets {
            count += *offset;
            *offset = count;
        }
        Ok(Self { out: CsrGraph::weighted(offsets, targets, weights)? })
    }

    /// Number of nodes.
    pub fn node_count(&self) -> u64 {
        self.out.node_count()
    }

    /// Number of arcs.
    pub fn arc_count(&self) -> u64 {
        (0..self.node_count()).map(|u| self.out_degree(u) as u64).sum()
    }

    /// Number of arcs that leave `u`; 0 for a number that is no node's.
    pub fn out_degree(&self, u: u64) -> usize {
        self.out.arc_count(u)
    }

    /// Whether no arc leaves `u`.
    pub fn is_dangling(&self, u: u64) -> bool {
        self.out_degree(u) == 0
    }

    /// Every arc as `(tail, head, weight)`, by tail and then head.
    pub fn arcs(&self) -> impl Iterator<Item = (u64, u64, f64)> + '_ {
        (0..self.node_count()).flat_map(|u| {
            let mut leaving = Vec::with_capacity(self.out_degree(u));
            self.out.neighbors(u, |v, weight| leaving.push((u, v, weight)));
            leaving
        })
    }

    /// The undirected graph that an explicit rule makes of it, to look for clusters.
    ///
    /// # Errors
    /// Those of [`CsrGraph::from_arcs`].
    pub fn symmetrized(&self, rule: Symmetrize) -> Result<CsrGraph> {
        CsrGraph::from_arcs(self.node_count(), self.arcs(), rule)
    }
}

/// The arcs that leave, for what reads lists; not symmetric.
pub(crate) struct Out<'a>(pub(crate) &'a DirectedGraph);

impl Adjacency for Out<'_> {
    fn node_count(&self) -> u64 {
        self.0.out.node_count()
    }
    fn total_volume(&self) -> f64 {
        self.0.out.total_volume()
    }
    fn degree(&self, u: u64) -> f64 {
        self.0.out.degree(u)
    }
    fn arc_count(&self, u: u64) -> usize {
        self.0.out.arc_count(u)
    }
    fn neighbors(&self, u: u64, visit: impl FnMut(u64, f64)) {
        self.0.out.neighbors(u, visit);
    }
    fn is_weighted(&self) -> bool {
        self.0.out.is_weighted()
    }
}
