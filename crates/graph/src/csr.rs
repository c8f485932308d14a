//! A graph in memory: compressed sparse rows.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicUsize};

use rayon::prelude::*;

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result};
use crate::slab::Slab;

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
    offsets: Slab<usize>,
    targets: Slab<u32>,
    weighted: Option<Weights>,
    total_volume: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Weights {
    arcs: Slab<f64>,
    degrees: Slab<f64>,
}

/// What a graph is stored as.
pub(crate) struct Parts<'a> {
    pub(crate) offsets: &'a [usize],
    pub(crate) targets: &'a [u32],
    /// Of the arcs, and the degrees.
    pub(crate) weights: Option<(&'a [f64], &'a [f64])>,
    pub(crate) total_volume: f64,
}

impl CsrGraph {
    /// Builds an unweighted graph on nodes `0..node_count`; each edge is given once, in either
    /// direction. A pair that is given k times becomes one edge of weight k.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an end outside `0..node_count`, [`GraphError::TooManyNodes`]
    /// if `node_count` exceeds 2³² - 1.
    pub fn from_edges(node_count: u64, edges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self> {
        let (node_count, ends) = checked_ends(node_count, edges)?;
        Self::from_read(u64::from(node_count), ends, Vec::new())
    }

    /// Builds an unweighted simple graph: a pair counts once however often and in whichever direction it
    /// is given. For generators and for files that list each edge from both ends.
    ///
    /// ```
    /// use kiln_graph::{Adjacency, CsrGraph};
    /// let graph = CsrGraph::from_simple_edges(2, [(0, 1), (1, 0), (0, 1)])?;
    /// assert_eq!(graph.degree(0), 1.0);
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`from_edges`](Self::from_edges).
    pub fn from_simple_edges(node_count: u64, edges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self> {
        let (node_count, ends) = checked_ends(node_count, edges)?;
        let (mut offsets, mut targets) = place(node_count, ends);
        if sort_rows(&offsets, &mut targets) {
            merge_rows(&mut offsets, &mut targets, None);
        }
        Ok(Self::unweighted(offsets, targets))
    }

    /// Builds a weighted graph; parallel edges are summed and zero weights dropped.
    ///
    /// # Errors
    /// Those of [`from_edges`](Self::from_edges), [`GraphError::BadWeight`] for a weight that is negative,
    /// infinite or NaN, and [`GraphError::WeightOverflow`] if the weights sum to infinity.
    pub fn from_weighted_edges(
        node_count: u64,
        edges: impl IntoIterator<Item = (u64, u64, f64)>,
    ) -> Result<Self> {
        let node_count = checked_node_count(node_count)?;
        let mut ends = Vec::new();
        let mut edge_weights = Vec::new();
        for (u, v, weight) in edges {
            let pair = (checked_node(u, node_count)?, checked_node(v, node_count)?);
            check_weight(u, v, weight)?;
            if weight > 0.0 {
                ends.push(pair);
                edge_weights.push(weight);
            }
        }
        Self::from_read(u64::from(node_count), ends, edge_weights)
    }

    /// [`from_weighted_edges`](Self::from_weighted_edges) of ends that are known to be nodes and weights that
    /// are known to be finite and not negative (none if all are 1), without a copy of either.
    pub(crate) fn from_read(
        node_count: u64,
        mut ends: Vec<(u32, u32)>,
        mut weights: Vec<f64>,
    ) -> Result<Self> {
        let node_count = checked_node_count(node_count)?;
        debug_assert!(ends.iter().all(|&(u, v)| u < node_count && v < node_count));
        if weights.contains(&0.0) {
            let mut kept = weights.iter();
            ends.retain(|_| kept.next().is_some_and(|&weight| weight > 0.0));
            weights.retain(|&weight| weight > 0.0);
        }
        if weights.iter().all(|&weight| weight == 1.0) {
            drop(weights);
            let (mut offsets, mut targets) = place(node_count, ends);
            if !sort_rows(&offsets, &mut targets) {
                return Ok(Self::unweighted(offsets, targets));
            }
            let mut weights = vec![1.0; targets.len()];
            merge_rows(&mut offsets, &mut targets, Some(&mut weights));
            return Self::weighted(offsets, targets, weights);
        }
        let (mut offsets, mut targets, mut placed) = place_weighted(node_count, ends, &weights);
        drop(weights);
        if sort_weighted_rows(&offsets, &mut targets, &mut placed) {
            merge_rows(&mut offsets, &mut targets, Some(&mut placed));
        }
        Self::weighted(offsets, targets, placed)
    }

    fn unweighted(offsets: Vec<usize>, targets: Vec<u32>) -> Self {
        let total_volume = targets.len() as f64;
        Self { offsets: offsets.into(), targets: targets.into(), weighted: None, total_volume }
    }

    /// Takes rows that are sorted and merged, and need not be symmetric.
    pub(crate) fn weighted(offsets: Vec<usize>, targets: Vec<u32>, arcs: Vec<f64>) -> Result<Self> {
        if arcs.par_iter().all(|&weight| weight == 1.0) {
            return Ok(Self::unweighted(offsets, targets));
        }
        // From 0.0: the sum of nothing is -0.0 otherwise.
        let degree = |row: &[usize]| arcs[row[0]..row[1]].iter().fold(0.0, |sum, weight| sum + weight);
        let degrees: Vec<f64> = offsets.par_windows(2).map(degree).collect();
        let mut total_volume = 0.0;
        for (node, degree) in degrees.iter().enumerate() {
            total_volume += degree;
            if total_volume == f64::INFINITY {
                return Err(GraphError::WeightOverflow { node: node as u64 });
            }
        }
        let weighted = Some(Weights { arcs: arcs.into(), degrees: degrees.into() });
        Ok(Self { offsets: offsets.into(), targets: targets.into(), weighted, total_volume })
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts {
            offsets: &self.offsets,
            targets: &self.targets,
            weights: self.weighted.as_ref().map(|weights| (&*weights.arcs, &*weights.degrees)),
            total_volume: self.total_volume,
        }
    }

    /// A graph of parts from a file, unless they could make a method fail: lists out of bounds or out of order,
    /// weights that are none. That every edge is there from both ends is not looked at.
    pub(crate) fn from_checked_parts(
        offsets: Slab<usize>,
        targets: Slab<u32>,
        weights: Option<(Slab<f64>, Slab<f64>)>,
        total_volume: f64,
    ) -> Option<Self> {
        let nodes = offsets.len().checked_sub(1)?;
        let bounded = offsets.first() == Some(&0)
            && offsets.last() == Some(&targets.len())
            && offsets.par_windows(2).all(|pair| pair[0] <= pair[1])
            && u32::try_from(nodes).is_ok();
        if !bounded {
            return None;
        }
        let row_is_good = |row: &[usize]| {
            let row = &targets[row[0]..row[1]];
            row.is_sorted_by(|a, b| a < b) && row.last().is_none_or(|&last| (last as usize) < nodes)
        };
        let is_weight = |weight: &f64| weight.is_finite() && *weight > 0.0;
        let is_degree = |degree: &f64| degree.is_finite() && *degree >= 0.0;
        let weights_are_good = weights.as_ref().is_none_or(|(arcs, degrees)| {
            arcs.len() == targets.len()
                && degrees.len() == nodes
                && arcs.par_iter().all(is_weight)
                && degrees.par_iter().all(is_degree)
        });
        let volume_is_good = match &weights {
            Some(_) => is_degree(&total_volume),
            None => total_volume == targets.len() as f64,
        };
        if !offsets.par_windows(2).all(row_is_good) || !weights_are_good || !volume_is_good {
            return None;
        }
        let weighted = weights.map(|(arcs, degrees)| Weights { arcs, degrees });
        Some(Self { offsets, targets, weighted, total_volume })
    }

    /// Every edge once as `(u, v, weight)` with `u <= v`, in ascending order.
    pub fn edges(&self) -> impl Iterator<Item = (u64, u64, f64)> + '_ {
        (0..self.offsets.len() - 1).flat_map(move |u| {
            self.row(u).filter(move |&(v, _)| v as usize >= u).map(move |(v, w)| (u as u64, u64::from(v), w))
        })
    }

    /// Number of edges, a self-loop counted as one.
    pub fn edge_count(&self) -> u64 {
        let is_loop = |&u: &usize| self.targets_of(u).binary_search(&(u as u32)).is_ok();
        let loops = (0..self.offsets.len() - 1).filter(is_loop).count();
        (loops + (self.targets.len() - loops) / 2) as u64
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
    #[inline]
    fn node_count(&self) -> u64 {
        (self.offsets.len() - 1) as u64
    }

    #[inline]
    fn total_volume(&self) -> f64 {
        self.total_volume
    }

    #[inline]
    fn mean_weight(&self) -> f64 {
        if self.targets.is_empty() { 1.0 } else { self.total_volume / self.targets.len() as f64 }
    }

    #[inline]
    fn degree(&self, u: u64) -> f64 {
        match &self.weighted {
            Some(weights) if u < self.node_count() => weights.degrees[u as usize],
            Some(_) => 0.0,
            None => self.arc_count(u) as f64,
        }
    }

    #[inline]
    fn arc_count(&self, u: u64) -> usize {
        if u < self.node_count() { self.offsets[u as usize + 1] - self.offsets[u as usize] } else { 0 }
    }

    #[inline]
    fn neighbors(&self, u: u64, mut visit: impl FnMut(u64, f64)) {
        if u >= self.node_count() {
            return;
        }
        let range = self.offsets[u as usize]..self.offsets[u as usize + 1];
        let targets = &self.targets[range.clone()];
        match &self.weighted {
            Some(weights) => {
                for (&v, &weight) in targets.iter().zip(&weights.arcs[range]) {
                    visit(u64::from(v), weight);
                }
            }
            None => {
                for &v in targets {
                    visit(u64::from(v), 1.0);
                }
            }
        }
    }

    #[inline]
    fn is_weighted(&self) -> bool {
        self.weighted.is_some()
    }
}

pub(crate) fn check_weight(u: u64, v: u64, weight: f64) -> Result<()> {
    if weight.is_finite() && weight >= 0.0 { Ok(()) } else { Err(GraphError::BadWeight { u, v, weight }) }
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

fn checked_ends(
    node_count: u64,
    edges: impl IntoIterator<Item = (u64, u64)>,
) -> Result<(u32, Vec<(u32, u32)>)> {
    let node_count = checked_node_count(node_count)?;
    let ends = edges
        .into_iter()
        .map(|(u, v)| Ok((checked_node(u, node_count)?, checked_node(v, node_count)?)))
        .collect::<Result<_>>()?;
    Ok((node_count, ends))
}

/// Calls `visit(tail, head)` for both directions of an edge, once for a self-loop.
fn for_both_arcs((u, v): (u32, u32), mut visit: impl FnMut(usize, u32)) {
    visit(u as usize, v);
    if u != v {
        visit(v as usize, u);
    }
}

/// Counting sort of unweighted arcs by tail, in parallel: returns offsets and unsorted rows.
fn place(node_count: u32, ends: Vec<(u32, u32)>) -> (Vec<usize>, Vec<u32>) {
    // cursors[u + 1] counts u's arcs, then holds where u's next arc goes, and so ends as the start of row
    // u + 1. Which thread places an arc first does not matter: rows are sorted afterwards.
    let mut cursors: Vec<AtomicUsize> = (0..=node_count).map(|_| AtomicUsize::new(0)).collect();
    ends.par_iter().for_each(|&edge| {
        for_both_arcs(edge, |tail, _| {
            cursors[tail + 1].fetch_add(1, Relaxed);
        });
    });
    let mut arc_count = 0;
    for cursor in &mut cursors[1..] {
        arc_count += std::mem::replace(cursor.get_mut(), arc_count);
    }
    let targets: Vec<AtomicU32> = (0..arc_count).map(|_| AtomicU32::new(0)).collect();
    ends.par_iter().for_each(|&edge| {
        for_both_arcs(edge, |tail, head| {
            targets[cursors[tail + 1].fetch_add(1, Relaxed)].store(head, Relaxed);
        });
    });
    drop(ends);
    (
        cursors.into_iter().map(AtomicUsize::into_inner).collect(),
        targets.into_iter().map(AtomicU32::into_inner).collect(),
    )
}

/// Counting sort of weighted arcs by tail. Sequential, because the order of parallel edges decides the
/// bits of their sum.
fn place_weighted(
    node_count: u32,
    ends: Vec<(u32, u32)>,
    edge_weights: &[f64],
) -> (Vec<usize>, Vec<u32>, Vec<f64>) {
    let mut cursors = vec![0_usize; node_count as usize + 1];
    for &edge in &ends {
        for_both_arcs(edge, |tail, _| cursors[tail + 1] += 1);
    }
    let mut arc_count = 0;
    for cursor in &mut cursors[1..] {
        arc_count += std::mem::replace(cursor, arc_count);
    }
    let mut targets = vec![0; arc_count];
    let mut weights = vec![0.0; arc_count];
    for (edge, &weight) in ends.into_iter().zip(edge_weights) {
        for_both_arcs(edge, |tail, head| {
            let place = cursors[tail + 1];
            cursors[tail + 1] += 1;
            targets[place] = head;
            weights[place] = weight;
        });
    }
    (cursors, targets, weights)
}

/// Cuts rows into blocks of 1024 nodes: each block's offsets and its part of `arcs`.
fn blocks<'a, T>(offsets: &'a [usize], mut arcs: &'a mut [T]) -> Vec<(&'a [usize], &'a mut [T])> {
    let n = offsets.len() - 1;
    (0..n)
        .step_by(1024)
        .map(|first| {
            let bounds = &offsets[first..=(first + 1024).min(n)];
            let (block, rest) = std::mem::take(&mut arcs).split_at_mut(bounds[bounds.len() - 1] - bounds[0]);
            arcs = rest;
            (bounds, block)
        })
        .collect()
}

/// Sorts every row, and says whether a target occurs twice in one.
fn sort_rows(offsets: &[usize], targets: &mut [u32]) -> bool {
    let sort_block = |(bounds, block): (&[usize], &mut [u32])| {
        let mut repeated = false;
        for row in bounds.windows(2) {
            let row = &mut block[row[0] - bounds[0]..row[1] - bounds[0]];
            row.sort_unstable();
            repeated |= row.windows(2).any(|pair| pair[0] == pair[1]);
        }
        repeated
    };
    blocks(offsets, targets).into_par_iter().map(sort_block).reduce(|| false, |a, b| a | b)
}

/// [`sort_rows`] with weights that move along. Parallel edges keep the order in which they were given, so
/// that their sum has the same bits from both ends.
fn sort_weighted_rows(offsets: &[usize], targets: &mut [u32], weights: &mut [f64]) -> bool {
    let sort_block = |arcs: &mut Vec<(u32, f64)>,
                      (bounds, targets, weights): (&[usize], &mut [u32], &mut [f64])| {
        let mut repeated = false;
        for row in bounds.windows(2) {
            let row = row[0] - bounds[0]..row[1] - bounds[0];
            arcs.clear();
            arcs.extend(targets[row.clone()].iter().copied().zip(weights[row.clone()].iter().copied()));
            arcs.sort_by_key(|arc| arc.0);
            repeated |= arcs.windows(2).any(|pair| pair[0].0 == pair[1].0);
            for (i, &(target, weight)) in row.zip(arcs.iter()) {
                targets[i] = target;
                weights[i] = weight;
            }
        }
        repeated
    };
    let target_blocks = blocks(offsets, targets);
    let weight_blocks = blocks(offsets, weights);
    let both: Vec<_> =
        target_blocks.into_iter().zip(weight_blocks).map(|((bounds, t), (_, w))| (bounds, t, w)).collect();
    both.into_par_iter().map_init(Vec::new, sort_block).reduce(|| false, |a, b| a | b)
}

/// Merges equal targets of sorted rows in place, summing their weights, and closes the gaps.
fn merge_rows(offsets: &mut [usize], targets: &mut Vec<u32>, mut weights: Option<&mut Vec<f64>>) {
    let mut kept = 0;
    let mut start = 0;
    for end in &mut offsets[1..] {
        let row_start = kept;
        for i in start..*end {
            if kept > row_start && targets[kept - 1] == targets[i] {
                if let Some(weights) = &mut weights {
                    weights[kept - 1] += weights[i];
                }
            } else {
                targets[kept] = targets[i];
                if let Some(weights) = &mut weights {
                    weights[kept] = weights[i];
                }
                kept += 1;
            }
        }
        start = std::mem::replace(end, kept);
    }
    targets.truncate(kept);
    targets.shrink_to_fit();
    if let Some(weights) = weights {
        weights.truncate(kept);
        weights.shrink_to_fit();
    }
}
