//! How good a set of nodes is as a cluster: conductance and the other usual scores.
//!
//! For a set S with volume `vol(S) = Σ_{u∈S} d_u` and `cut(S) = Σ_{u∈S, v∉S} A_uv`
//! (definitions as surveyed by Yang and Leskovec, "Defining and evaluating network communities based on
//! ground-truth", ICDM 2012; a self-loop counts once in a degree and never in a cut). Costs one pass over the
//! neighbours of S; nothing else is read.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result, check_nodes};
use crate::node_index::NodeIndex;

/// The volume of a set's complement: 0 below 10⁻¹² of the total, which is what rounding leaves of nothing.
pub(crate) fn rest_of(total_volume: f64, volume: f64) -> f64 {
    let rest = total_volume - volume;
    if rest <= 1e-12 * total_volume { 0.0 } else { rest }
}

/// `cut / min(volume, total_volume - volume)`, and 1 when that denominator is 0.
pub(crate) fn conductance_of(cut: f64, volume: f64, total_volume: f64) -> f64 {
    let smaller = volume.min(rest_of(total_volume, volume));
    if smaller > 0.0 { cut / smaller } else { 1.0 }
}

/// The nodes as an index, after checking that they are a set of the graph's nodes.
pub(crate) fn node_set(graph: &impl Adjacency, argument: &'static str, nodes: &[u64]) -> Result<NodeIndex> {
    check::not_empty(argument, nodes.len())?;
    check_nodes(nodes.iter().copied(), graph.node_count())?;
    let mut set = NodeIndex::default();
    match nodes.iter().find(|&&node| !set.insert(node).1) {
        Some(&node) => Err(GraphError::DuplicateNode { argument, node }),
        None => Ok(set),
    }
}

/// What one pass over a set's neighbours finds. The scores are methods.
///
/// ```
/// use kiln_graph::{ClusterScores, CsrGraph};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let scores = ClusterScores::of(&graph, &[0, 1, 2])?;
/// assert_eq!((scores.volume, scores.cut, scores.internal_weight), (7.0, 1.0, 3.0));
/// assert_eq!(scores.conductance(), 1.0 / 7.0);
/// assert_eq!(scores.internal_density(), 1.0);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClusterScores {
    /// Number of nodes in the set.
    pub size: u64,
    /// Number of nodes in the graph.
    pub node_count: u64,
    /// Sum of the set's degrees.
    pub volume: f64,
    /// Sum of the graph's degrees.
    pub total_volume: f64,
    /// Weight of the edges that leave the set.
    pub cut: f64,
    /// Weight of the edges with both ends in the set, each counted once, without self-loops.
    pub internal_weight: f64,
    /// Weight of the set's self-loops.
    pub loop_weight: f64,
}

impl ClusterScores {
    /// Measures a set.
    ///
    /// # Errors
    /// [`GraphError::Input`] for an empty set, [`GraphError::UnknownNode`], [`GraphError::DuplicateNode`].
    pub fn of(graph: &impl Adjacency, nodes: &[u64]) -> Result<Self> {
        let set = node_set(graph, "nodes", nodes)?;
        let mut scores = Self {
            size: nodes.len() as u64,
            node_count: graph.node_count(),
            volume: 0.0,
            total_volume: graph.total_volume(),
            cut: 0.0,
            internal_weight: 0.0,
            loop_weight: 0.0,
        };
        for &u in nodes {
            scores.volume += graph.degree(u);
            graph.neighbors(u, |v, weight| {
                if v == u {
                    scores.loop_weight += weight;
                } else if set.slot(v).is_none() {
                    scores.cut += weight;
                } else if u < v {
                    scores.internal_weight += weight;
                }
            });
        }
        Ok(scores)
    }

    /// `cut / min(vol(S), vol(V) - vol(S))`, in [0, 1]; 1 when that denominator is 0.
    pub fn conductance(&self) -> f64 {
        conductance_of(self.cut, self.volume, self.total_volume)
    }

    /// `cut / vol(S) + cut / vol(V∖S)`, in [0, 2]; a ratio whose volume is 0 counts as 1.
    pub fn normalized_cut(&self) -> f64 {
        let rest = rest_of(self.total_volume, self.volume);
        [self.volume, rest].iter().map(|&side| if side > 0.0 { self.cut / side } else { 1.0 }).sum()
    }

    /// `cut / |S|`: weight that leaves, a node.
    pub fn expansion(&self) -> f64 {
        self.cut / self.size as f64
    }

    /// `cut / (|S| (n - |S|))`: weight that leaves, a pair of inside and outside nodes; 0 for the whole
    /// graph.
    pub fn cut_ratio(&self) -> f64 {
        ratio(self.cut, self.size as f64 * (self.node_count as f64 - self.size as f64))
    }

    /// Internal weight a pair of nodes, `w(S) / (|S| (|S| - 1) / 2)`; 0 for a single node.
    pub fn internal_density(&self) -> f64 {
        let size = self.size as f64;
        ratio(self.internal_weight, size * (size - 1.0) / 2.0)
    }

    /// Twice the internal weight a node, `2 w(S) / |S|`.
    pub fn average_internal_degree(&self) -> f64 {
        2.0 * self.internal_weight / self.size as f64
    }

    /// Internal over leaving weight, `w(S) / cut`; infinite when nothing but inner edges exist, 0 without
    /// edges.
    pub fn separability(&self) -> f64 {
        if self.internal_weight == 0.0 { 0.0 } else { self.internal_weight / self.cut }
    }

    /// The set's term of Newman's modularity: `(vol(S) - cut) / vol(V) - (vol(S) / vol(V))²`; 0 in a graph
    /// without edges. Summed over a partition this is the modularity.
    pub fn modularity(&self) -> f64 {
        let share = ratio(self.volume, self.total_volume);
        ratio(self.volume - self.cut, self.total_volume) - share * share
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Sum of the degrees of a set. Reads no neighbour lists.
///
/// # Errors
/// As [`ClusterScores::of`].
pub fn volume(graph: &impl Adjacency, nodes: &[u64]) -> Result<f64> {
    node_set(graph, "nodes", nodes)?;
    Ok(nodes.iter().map(|&u| graph.degree(u)).sum())
}

/// Weight of the edges that leave a set.
///
/// # Errors
/// As [`ClusterScores::of`].
pub fn cut(graph: &impl Adjacency, nodes: &[u64]) -> Result<f64> {
    Ok(ClusterScores::of(graph, nodes)?.cut)
}

/// Conductance of a set: `cut / min(vol(S), vol(V) - vol(S))`, and 1 when that denominator is 0.
///
/// # Errors
/// As [`ClusterScores::of`].
pub fn conductance(graph: &impl Adjacency, nodes: &[u64]) -> Result<f64> {
    Ok(ClusterScores::of(graph, nodes)?.conductance())
}

/// How well a cluster C recovers a known set K, nodes weighted by degree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// `vol(K ∩ C) / vol(C)`.
    pub precision: f64,
    /// `vol(K ∩ C) / vol(K)`.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

impl Recovery {
    /// Compares the cluster `found` with the known set `truth`. All three scores are 0 if no common node has
    /// an edge.
    ///
    /// ```
    /// use kiln_graph::{CsrGraph, Recovery};
    /// let path = CsrGraph::from_edges(4, [(0, 1), (1, 2), (2, 3)])?;
    /// let recovery = Recovery::of(&path, &[0, 1], &[1, 2])?;
    /// assert_eq!((recovery.precision, recovery.recall), (2.0 / 3.0, 0.5));
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ClusterScores::of`], for either set.
    pub fn of(graph: &impl Adjacency, found: &[u64], truth: &[u64]) -> Result<Self> {
        let found_set = node_set(graph, "found", found)?;
        node_set(graph, "truth", truth)?;
        let volume = |nodes: &[u64]| nodes.iter().map(|&u| graph.degree(u)).sum::<f64>();
        let shared: f64 =
            truth.iter().filter(|&&u| found_set.slot(u).is_some()).map(|&u| graph.degree(u)).sum();
        let precision = ratio(shared, volume(found));
        let recall = ratio(shared, volume(truth));
        Ok(Self { precision, recall, f1: ratio(2.0 * precision * recall, precision + recall) })
    }
}
