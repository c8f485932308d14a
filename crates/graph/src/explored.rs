//! The part of a graph that a query has read, renumbered by order of first touch.

use crate::adjacency::Adjacency;
use crate::node_index::NodeIndex;

/// A growing copy of the touched part of a graph. Nodes are named by *slots* `0, 1, …`.
///
/// Each degree and each neighbour list is read from the graph at most once in the life of a query, so a
/// compressed or computed graph pays for decoding a hub once, and every later push of a node is a walk
/// along a contiguous array of slots. Memory is proportional to nodes touched + arcs read.
#[derive(Debug, Default)]
pub(crate) struct Explored {
    index: NodeIndex,
    degrees: Vec<f64>,
    lists: Vec<List>,
    neighbors: Vec<u32>,
    /// Parallel to `neighbors`; empty when the graph is unweighted.
    weights: Vec<f64>,
    /// The list being read.
    list: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    start: usize,
    pub(crate) len: u32,
    pub(crate) loop_weight: f64,
    /// Beside the list, since who reads it needs both.
    pub(crate) degree: f64,
}

impl List {
    fn unread(degree: f64) -> Self {
        Self { start: usize::MAX, len: 0, loop_weight: 0.0, degree }
    }
}

impl Explored {
    /// Forgets what has been read, to read of `graph`.
    pub(crate) fn clear_for(&mut self, graph: &impl Adjacency) {
        self.index.clear_for(graph.node_count());
        self.degrees.clear();
        self.lists.clear();
        self.neighbors.clear();
        self.weights.clear();
    }

    /// Number of nodes touched.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Number of neighbours read from the graph.
    pub(crate) fn arcs_read(&self) -> u64 {
        self.neighbors.len() as u64
    }

    /// Node number of each slot.
    #[inline]
    pub(crate) fn nodes(&self) -> &[u64] {
        self.index.nodes()
    }

    /// Degree of each slot.
    #[inline]
    pub(crate) fn degrees(&self) -> &[f64] {
        &self.degrees
    }

    /// Whether `node` has been touched.
    pub(crate) fn knows(&self, node: u64) -> bool {
        self.index.slot(node).is_some()
    }

    /// The slot of `node`, touching it if it is new.
    #[inline]
    pub(crate) fn touch(&mut self, graph: &impl Adjacency, node: u64) -> u32 {
        let (slot, new) = self.index.insert(node);
        if new {
            let degree = graph.degree(node);
            self.degrees.push(degree);
            self.lists.push(List::unread(degree));
        }
        slot
    }

    /// The slot of `node`, if it has been touched.
    pub(crate) fn slot(&self, node: u64) -> Option<u32> {
        self.index.slot(node)
    }

    /// Whether the neighbour list of `slot` has been read.
    #[inline]
    pub(crate) fn is_expanded(&self, slot: u32) -> bool {
        self.lists[slot as usize].start != usize::MAX
    }

    /// Reads the neighbour list of `slot` unless that has been done, touching every neighbour.
    pub(crate) fn expand(&mut self, graph: &impl Adjacency, slot: u32) {
        if self.is_expanded(slot) {
            return;
        }
        let start = self.neighbors.len();
        let node = self.index.nodes()[slot as usize];
        let weighted = graph.is_weighted();
        let mut loop_weight = 0.0;
        self.list.clear();
        graph.neighbors(node, |v, weight| {
            self.list.push(v);
            if weighted {
                self.weights.push(weight);
            }
            if v == node {
                loop_weight = weight;
            }
        });
        // One kind of memory access at a time: cache misses of a kind overlap.
        self.index.warm(&self.list);
        let Self { index, neighbors, list, .. } = self;
        neighbors.extend(list.iter().map(|&v| index.insert(v).0));
        let new = &self.index.nodes()[self.degrees.len()..];
        self.degrees.extend(new.iter().map(|&v| graph.degree(v)));
        self.lists.extend(self.degrees[self.lists.len()..].iter().map(|&degree| List::unread(degree)));
        let (len, list) = ((self.neighbors.len() - start) as u32, &mut self.lists[slot as usize]);
        *list = List { start, len, loop_weight, degree: list.degree };
    }

    /// What is known of an expanded slot.
    #[inline]
    pub(crate) fn list(&self, slot: u32) -> List {
        self.lists[slot as usize]
    }

    /// Number of stored neighbours of an expanded slot.
    #[inline]
    pub(crate) fn arc_count(&self, slot: u32) -> usize {
        self.lists[slot as usize].len as usize
    }

    /// `A_uu` of an expanded slot.
    #[inline]
    pub(crate) fn loop_weight(&self, slot: u32) -> f64 {
        self.lists[slot as usize].loop_weight
    }

    /// The slot of the neighbour at a place of an expanded slot's list, and the edge's weight; none beyond
    /// it.
    #[inline]
    pub(crate) fn neighbor(&self, slot: u32, place: usize) -> Option<(u32, f64)> {
        let List { start, len, .. } = self.lists[slot as usize];
        if place >= len as usize {
            return None;
        }
        let weight = self.weights.get(start + place).copied().unwrap_or(1.0);
        Some((self.neighbors[start + place], weight))
    }

    /// Calls `visit(slot of v, A_uv)` for the neighbours of an expanded slot, in ascending order of node v.
    #[inline]
    pub(crate) fn neighbors(&self, slot: u32, mut visit: impl FnMut(u32, f64)) {
        let List { start, len, .. } = self.lists[slot as usize];
        let neighbors = &self.neighbors[start..start + len as usize];
        if self.weights.is_empty() {
            for &v in neighbors {
                visit(v, 1.0);
            }
        } else {
            let weights = &self.weights[start..start + len as usize];
            for (&v, &weight) in neighbors.iter().zip(weights) {
                visit(v, weight);
            }
        }
    }
}
