//! A graph in memory: compressed sparse rows.

use rayon::prelude::*;

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result};

/// An undirected graph in compressed sparse rows: 4 bytes an arc, 12 with weights, 8 bytes a node.
///
/// Parallel edges are summed, zero weights dropped, a self-loop is stored once. A graph whose weights
/// are all 1 stores none.
///
/// ```
/// use kiln_graph::{Adjacency, CsrGraph};
/// let graph = CsrGraph::from_edges(3, [(0, 1), (1, 2)])?;
/// assert_eq!(graph.degree(1), 2.0);
/// let doubled = CsrGraph::from_weighted_edges(2, [(0, 1, 0.5), (1, 0, 2.0)])?;
/// assert_eq!(doubled.degree(0), 2.5);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CsrGraph {
    /// `offsets[u]..offsets[u + 1]` is node u's range in `targets`.
    offsets: Vec<usize>,
    targets: Vec<u32>,
    weighted: Option<Weights>,
    total_volume: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Weights {
    arcs: Vec<f64>,
    degrees: Vec<f64>,
}

impl CsrGraph {
    /// Builds an unweighted graph on nodes `0..node_count`; each edge is given once, in either
    /// direction. A pair that is given k times becomes one edge of weight k.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an end outside `0..node_count`, [`GraphError::TooManyNodes`]
    /// if `node_count` exceeds 2³² - 1.
    pub fn from_edges(node_count: u64, edges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self> {
        let node_count = checked_node_count(node_count)?;
        let arcs = edges
            .into_iter()
            .map(|(u, v)| Ok((checked_node(u, node_count)?, checked_node(v, node_count)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::build(node_count, &arcs, None))
    }

    /// Builds a weighted graph; parallel edges are summed and zero weights dropped.
    ///
    /// # Errors
    /// Those of [`from_edges`](Self::from_edges), and [`GraphError::BadWeight`] for a weight that is
    /// negative, infinite or NaN.
    pub fn from_weighted_edges(
        node_count: u64,
        edges: impl IntoIterator<Item = (u64, u64, f64)>,
    ) -> Result<Self> {
        let node_count = checked_node_count(node_count)?;
        let mut ends = Vec::new();
        let mut weights = Vec::new();
        for (u, v, weight) in edges {
            let pair = (checked_node(u, node_count)?, checked_node(v, node_count)?);
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(GraphError::BadWeight { u, v, weight });
            }
            if weight > 0.0 {
                ends.push(pair);
                weights.push(weight);
            }
        }
        Ok(Self::build(node_count, &ends, Some(&weights)))
    }

    /// Counting sort of the arcs by tail, then each row sorted and merged in parallel.
    fn build(node_count: u32, edges: &[(u32, u32)], weights: Option<&[f64]>) -> Self {
        let n = node_count as usize;
        let mut offsets = vec![0_usize; n + 1];
        for &(u, v) in edges {
            offsets[u as usize + 1] += 1;
            if u != v {
                offsets[v as usize + 1] += 1;
            }
        }
        for u in 0..n {
            offsets[u + 1] += offsets[u];
        }
        let mut next = offsets[..n].to_vec();
        let mut arcs = vec![(0_u32, 0_f64); offsets[n]];
        for (e, &(u, v)) in edges.iter().enumerate() {
            let weight = weights.map_or(1.0, |w| w[e]);
            let mut place = |tail: u32, head: u32| {
                arcs[next[tail as usize]] = (head, weight);
                next[tail as usize] += 1;
            };
            place(u, v);
            if u != v {
                place(v, u);
            }
        }
        let mut rows = Vec::with_capacity(n);
        let mut rest = arcs.as_mut_slice();
        for u in 0..n {
            let (row, tail) = rest.split_at_mut(offsets[u + 1] - offsets[u]);
            rows.push(row);
            rest = tail;
        }
        let lengths: Vec<usize> = rows.par_iter_mut().map(|row| merge_row(row)).collect();

        let mut kept_offsets = vec![0_usize; n + 1];
        for u in 0..n {
            kept_offsets[u + 1] = kept_offsets[u] + lengths[u];
        }
        let kept = || (0..n).flat_map(|u| &arcs[offsets[u]..offsets[u] + lengths[u]]);
        let targets: Vec<u32> = kept().map(|arc| arc.0).collect();
        if kept().all(|arc| arc.1 == 1.0) {
            let total_volume = targets.len() as f64;
            return Self { offsets: kept_offsets, targets, weighted: None, total_volume };
        }
        let arc_weights: Vec<f64> = kept().map(|arc| arc.1).collect();
        let degrees: Vec<f64> =
            (0..n).map(|u| arc_weights[kept_offsets[u]..kept_offsets[u + 1]].iter().sum()).collect();
        let total_volume = degrees.iter().sum();
        let weighted = Some(Weights { arcs: arc_weights, degrees });
        Self { offsets: kept_offsets, targets, weighted, total_volume }
    }

    /// Every edge once as `(u, v, weight)` with `u <= v`, in ascending order.
    pub fn edges(&self) -> impl Iterator<Item = (u64, u64, f64)> + '_ {
        (0..self.offsets.len() - 1).flat_map(move |u| {
            self.row(u).filter(move |&(v, _)| v as usize >= u).map(move |(v, w)| (u as u64, u64::from(v), w))
        })
    }

    /// Number of edges, a self-loop counted as one.
    pub fn edge_count(&self) -> u64 {
        let loops =
            (0..self.offsets.len() - 1).filter(|&u| self.targets_of(u).binary_search(&(u as u32)).is_ok());
        usize::midpoint(self.targets.len(), loops.count()) as u64
    }

    /// The neighbours of `u` in ascending order; empty for an unknown node.
    pub fn neighbor_ids(&self, u: u64) -> &[u32] {
        if u < self.node_count() { self.targets_of(u as usize) } else { &[] }
    }

    /// The same edges with every weight set to 1.
    #[must_use]
    pub fn without_weights(&self) -> Self {
        Self {
            offsets: self.offsets.clone(),
            targets: self.targets.clone(),
            weighted: None,
            total_volume: self.targets.len() as f64,
        }
    }

    /// The nodes of the largest connected component, in ascending order (the first one on ties).
    pub fn largest_component(&self) -> Vec<u64> {
        let n = self.offsets.len() - 1;
        let mut seen = vec![false; n];
        let mut largest = Vec::new();
        for start in 0..n {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            let mut component = vec![start as u64];
            let mut next = 0;
            while next < component.len() {
                for &v in self.targets_of(component[next] as usize) {
                    if !std::mem::replace(&mut seen[v as usize], true) {
                        component.push(u64::from(v));
                    }
                }
                next += 1;
            }
            if component.len() > largest.len() {
                largest = component;
            }
        }
        largest.sort_unstable();
        largest
    }

    fn targets_of(&self, u: usize) -> &[u32] {
        &self.targets[self.offsets[u]..self.offsets[u + 1]]
    }

    fn row(&self, u: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.offsets[u]..self.offsets[u + 1];
        let weights = self.weighted.as_ref().map(|w| &w.arcs[range.clone()]);
        self.targets[range].iter().enumerate().map(move |(i, &v)| (v, weights.map_or(1.0, |w| w[i])))
    }
}

impl Adjacency for CsrGraph {
    fn node_count(&self) -> u64 {
        (self.offsets.len() - 1) as u64
    }

    fn total_volume(&self) -> f64 {
        self.total_volume
    }

    fn degree(&self, u: u64) -> f64 {
        match &self.weighted {
            Some(weights) => weights.degrees[u as usize],
            None => self.arc_count(u) as f64,
        }
    }

    fn arc_count(&self, u: u64) -> usize {
        self.offsets[u as usize + 1] - self.offsets[u as usize]
    }

    fn neighbors(&self, u: u64, mut visit: impl FnMut(u64, f64)) {
        let range = self.offsets[u as usize]..self.offsets[u as usize + 1];
        let targets = &self.targets[range.clone()];
        match &self.weighted {
            Some(weights) => {
                targets
                    .iter()
                    .zip(&weights.arcs[range])
                    .for_each(|(&v, &weight)| visit(u64::from(v), weight));
            }
            None => targets.iter().for_each(|&v| visit(u64::from(v), 1.0)),
        }
    }

    fn is_weighted(&self) -> bool {
        self.weighted.is_some()
    }
}

fn checked_node_count(node_count: u64) -> Result<u32> {
    u32::try_from(node_count).map_err(|_| GraphError::TooManyNodes { node: node_count - 1 })
}

fn checked_node(node: u64, node_count: u32) -> Result<u32> {
    match u32::try_from(node) {
        Ok(narrow) if narrow < node_count => Ok(narrow),
        Ok(_) => Err(GraphError::UnknownNode { node, node_count: u64::from(node_count) }),
        Err(_) => Err(GraphError::TooManyNodes { node }),
    }
}

/// Sorts a row, sums parallel arcs to its front, and returns how many are left.
fn merge_row(row: &mut [(u32, f64)]) -> usize {
    // A stable sort keeps the order of parallel edges, so that their sum has the same bits from both ends.
    row.sort_by_key(|arc| arc.0);
    let mut kept = 0;
    for i in 0..row.len() {
        if kept > 0 && row[kept - 1].0 == row[i].0 {
            row[kept - 1].1 += row[i].1;
        } else {
            row[kept] = row[i];
            kept += 1;
        }
    }
    kept
}
