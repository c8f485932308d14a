//! Node numbers to consecutive slots: an open-addressed hash map that is cleared in O(entries).

/// Maps node numbers to slots `0, 1, 2, …` in the order of insertion.
///
/// The order of slots, and so every result, is independent of the hash function. Memory is
/// proportional to the largest number of entries ever held, never to the graph. Once that is enough for a place
/// for every node of the graph, nodes are found without hashing.
#[derive(Debug, Default, Clone)]
pub(crate) struct NodeIndex {
    /// Slot + 1, or 0 where empty; a power of two long, at most half full while it is hashed.
    table: Vec<u32>,
    nodes: Vec<u64>,
    /// Nodes are below this; 0 where that is not known.
    node_count: u64,
    /// Whether node u stands at place u.
    is_direct: bool,
}

impl NodeIndex {
    pub(crate) fn clear(&mut self) {
        if self.nodes.len() * 8 < self.table.len() {
            // Last in, first out: an entry taken away early would hide those that were put after it.
            for i in (0..self.nodes.len()).rev() {
                let at = self.position(self.nodes[i]);
                self.table[at] = 0;
            }
        } else {
            self.table.fill(0);
        }
        self.nodes.clear();
    }

    /// Takes out all entries; those to come are nodes of a graph of so many.
    pub(crate) fn clear_for(&mut self, node_count: u64) {
        self.clear();
        self.node_count = node_count;
        self.is_direct = self.has_a_place_for_each();
    }

    fn has_a_place_for_each(&self) -> bool {
        self.node_count > 0 && self.node_count <= self.table.len() as u64
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    pub(crate) fn nodes(&self) -> &[u64] {
        &self.nodes
    }

    #[inline]
    pub(crate) fn slot(&self, node: u64) -> Option<u32> {
        if self.table.is_empty() || (self.is_direct && node >= self.table.len() as u64) {
            return None;
        }
        self.table[self.position(node)].checked_sub(1)
    }

    /// The slot of `node`, and whether it is new.
    #[inline]
    pub(crate) fn insert(&mut self, node: u64) -> (u32, bool) {
        if !self.is_direct && self.table.len() < 2 * (self.nodes.len() + 1) {
            self.grow();
        }
        if self.is_direct && node >= self.table.len() as u64 {
            self.hash_from_now_on();
        }
        let at = self.position(node);
        match self.table[at] {
            0 => {
                self.nodes.push(node);
                self.table[at] = self.nodes.len() as u32;
                (self.nodes.len() as u32 - 1, true)
            }
            entry => (entry - 1, false),
        }
    }

    /// Reads the table where `nodes` will be looked up. The reads do not wait for each other, so the look-ups
    /// that follow find their places in the cache instead of missing one after the other.
    #[inline]
    pub(crate) fn warm(&self, nodes: &[u64]) {
        if !self.table.is_empty() && !self.is_direct {
            let mask = self.table.len() - 1;
            std::hint::black_box(nodes.iter().fold(0, |sum, &node| sum ^ self.table[hash(node) & mask]));
        }
    }

    /// Where `node` stands in the table, or the empty place where it would.
    #[inline]
    fn position(&self, node: u64) -> usize {
        if self.is_direct {
            return node as usize;
        }
        let mask = self.table.len() - 1;
        let mut at = hash(node) & mask;
        loop {
            match self.table[at] {
                0 => return at,
                entry if self.nodes[entry as usize - 1] == node => return at,
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.resize((self.table.len() * 2).max(64));
        self.is_direct = self.has_a_place_for_each() && self.nodes.iter().all(|&node| node < self.node_count);
        self.fill();
    }

    /// For a graph that names a node beyond its own count.
    #[cold]
    fn hash_from_now_on(&mut self) {
        (self.node_count, self.is_direct) = (0, false);
        self.resize((2 * self.nodes.len() + 2).next_power_of_two().max(self.table.len()));
        self.fill();
    }

    fn resize(&mut self, capacity: usize) {
        self.table.clear();
        self.table.resize(capacity, 0);
    }

    fn fill(&mut self) {
        for slot in 0..self.nodes.len() {
            let at = self.position(self.nodes[slot]);
            self.table[at] = slot as u32 + 1;
        }
    }
}

#[inline]
fn hash(node: u64) -> usize {
    (node.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::NodeIndex;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn agrees_with_the_standard_map(
            rounds in prop::collection::vec(prop::collection::vec(0_u64..300, 0..400), 1..4),
        ) {
            let mut index = NodeIndex::default();
            for round in rounds {
                let mut expected = HashMap::new();
                for node in round {
                    let node = node.wrapping_mul(0x0001_0000_0000_0001);
                    let next = expected.len() as u32;
                    let slot = *expected.entry(node).or_insert(next);
                    prop_assert_eq!(index.insert(node), (slot, slot == next && expected.len() as u32 == next + 1));
                }
                for (&node, &slot) in &expected {
                    prop_assert_eq!(index.slot(node), Some(slot));
                }
                prop_assert_eq!(index.slot(u64::MAX), None);
                index.clear();
                prop_assert_eq!(index.len(), 0);
            }
        }

        /// Also where the graph names nodes that it does not have.
        #[test]
        fn knows_of_a_small_graph(
            rounds in prop::collection::vec((1_u64..400, prop::collection::vec(0_u64..300, 0..400)), 1..4),
        ) {
            let mut index = NodeIndex::default();
            for (node_count, round) in rounds {
                index.clear_for(node_count);
                let mut expected = HashMap::new();
                for node in round {
                    let next = expected.len() as u32;
                    let slot = *expected.entry(node).or_insert(next);
                    prop_assert_eq!(index.insert(node).0, slot);
                }
                for node in 0..1000 {
                    prop_assert_eq!(index.slot(node), expected.get(&node).copied());
                }
                prop_assert_eq!(index.len(), expected.len());
            }
        }
    }
}
