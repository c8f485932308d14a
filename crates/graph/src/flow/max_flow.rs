//! Maximum flow by Dinic's algorithm, for real capacities and networks that grow.
//!
//! Dinitz 1970: breadth-first levels of the residual network, then a blocking flow along them. Residual
//! capacities are stored, not flows, so the arc that limits a path becomes exactly 0 and at most one phase
//! per level is needed whatever the rounding. What rounding leaves of an arc (10⁻¹² of its pair's capacity)
//! counts as nothing. (petgraph's `dinics` restarts its search from scratch for every path and cannot add
//! nodes to a flow.)

#[derive(Debug, Clone, Copy)]
struct Arc {
    head: u32,
    /// The next arc of the same tail.
    next: u32,
    residual: f64,
    /// A residual up to this is rounding.
    negligible: f64,
}

/// A flow network; arcs `2i` and `2i + 1` are each other's reverse. Adding to it keeps the present flow.
#[derive(Debug, Default)]
pub(super) struct FlowNetwork {
    arcs: Vec<Arc>,
    leaving: Vec<Leaving>,
    levels: Vec<u32>,
    /// The arc of each node that is to be tried next.
    cursors: Vec<u32>,
    waiting: Vec<u32>,
    path: Vec<u32>,
    /// Arcs looked at so far: what the flow costs.
    scanned: u64,
}

/// The arcs of one tail, in the order in which they came.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    first: u32,
    last: u32,
    count: u32,
}

const UNREACHED: u32 = u32::MAX;
const NONE: u32 = u32::MAX;
const NO_ARCS: Leaving = Leaving { first: NONE, last: NONE, count: 0 };

impl FlowNetwork {
    /// Starts anew with so many nodes, in the same memory.
    pub(super) fn clear(&mut self, count: usize) {
        self.arcs.clear();
        self.leaving.clear();
        self.grow(count);
        self.scanned = 0;
    }

    /// Adds nodes until there are `count`.
    pub(super) fn grow(&mut self, count: usize) {
        self.leaving.resize(count, NO_ARCS);
    }

    /// Joins two nodes by capacity `forward` from u to v and `backward` from v to u; one may be infinite.
    pub(super) fn join(&mut self, u: u32, v: u32, forward: f64, backward: f64) {
        let pair = forward + backward;
        let negligible = if pair.is_finite() { 1e-12 * pair } else { 0.0 };
        for (tail, head, residual) in [(u, v, forward), (v, u, backward)] {
            let (arc, leaving) = (self.arcs.len() as u32, &mut self.leaving[tail as usize]);
            match std::mem::replace(&mut leaving.last, arc) {
                NONE => leaving.first = arc,
                last => self.arcs[last as usize].next = arc,
            }
            leaving.count += 1;
            self.arcs.push(Arc { head, next: NONE, residual, negligible });
        }
    }

    /// Augments the present flow to a maximum one; returns the number of paths used, or `None` if that takes a
    /// look at more than `most` arcs in the life of the network. Afterwards
    /// [`is_source_side`](Self::is_source_side) tells the smallest minimum cut.
    pub(super) fn maximize(&mut self, source: u32, sink: u32, most: u64) -> Option<u64> {
        let mut paths = 0;
        while self.find_levels(source, sink, most)? {
            self.cursors.clear();
            self.cursors.extend(self.leaving.iter().map(|leaving| leaving.first));
            while self.augment(source, sink, most)? {
                paths += 1;
            }
        }
        Some(paths)
    }

    /// Arcs looked at in all flows of this network.
    pub(super) fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Whether the source still reaches `node` in the residual network of a maximum flow.
    pub(super) fn is_source_side(&self, node: u32) -> bool {
        self.levels[node as usize] != UNREACHED
    }

    /// Levels of everything that the source reaches or, if that includes the sink, of all before it; whether it
    /// does.
    fn find_levels(&mut self, source: u32, sink: u32, most: u64) -> Option<bool> {
        self.levels.clear();
        self.levels.resize(self.leaving.len(), UNREACHED);
        self.levels[source as usize] = 0;
        self.waiting.clear();
        self.waiting.push(source);
        let mut next = 0;
        while let Some(&u) = self.waiting.get(next) {
            next += 1;
            let Leaving { first, count, .. } = self.leaving[u as usize];
            self.scanned += u64::from(count);
            if self.scanned > most {
                return None;
            }
            let level = self.levels[u as usize] + 1;
            let mut a = first;
            while a != NONE {
                let arc = self.arcs[a as usize];
                if arc.residual > arc.negligible && self.levels[arc.head as usize] == UNREACHED {
                    self.levels[arc.head as usize] = level;
                    if arc.head == sink {
                        return Some(true);
                    }
                    self.waiting.push(arc.head);
                }
                a = arc.next;
            }
        }
        Some(false)
    }

    /// Sends as much as fits along one path of descending levels, found by depth-first search from where the
    /// last search stopped.
    fn augment(&mut self, source: u32, sink: u32, most: u64) -> Option<bool> {
        let Self { arcs, levels, cursors, path, scanned, .. } = self;
        path.clear();
        let mut u = source;
        while u != sink {
            if *scanned > most {
                return None;
            }
            let level = levels[u as usize] + 1;
            let mut a = cursors[u as usize];
            while a != NONE {
                *scanned += 1;
                let arc = arcs[a as usize];
                if arc.residual > arc.negligible && levels[arc.head as usize] == level {
                    break;
                }
                a = arc.next;
            }
            cursors[u as usize] = a;
            if a == NONE {
                let Some(back) = path.pop() else { return Some(false) };
                u = arcs[back as usize ^ 1].head;
                cursors[u as usize] = arcs[back as usize].next;
            } else {
                path.push(a);
                u = arcs[a as usize].head;
            }
        }
        let amount = path.iter().map(|&a| arcs[a as usize].residual).fold(f64::INFINITY, f64::min);
        for &a in path.iter() {
            arcs[a as usize].residual -= amount;
            arcs[a as usize ^ 1].residual += amount;
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::FlowNetwork;
    use proptest::prelude::*;

    proptest! {
        /// The cut found has the least capacity of all cuts, also when the network grew during the flow.
        #[test]
        fn the_cut_is_minimum(
            arcs in prop::collection::vec((0_u32..8, 0_u32..8, 0.0_f64..3.0, 0.0_f64..1.0), 1..30),
            early in 0_usize..30,
        ) {
            let arcs: Vec<_> = arcs.into_iter().filter(|a| a.0 != a.1).collect();
            let mut network = FlowNetwork::default();
            network.clear(8);
            for (i, &(u, v, forward, backward)) in arcs.iter().enumerate() {
                if i == early {
                    network.maximize(0, 1, u64::MAX);
                }
                network.join(u, v, forward, backward);
            }
            network.maximize(0, 1, u64::MAX);
            let capacity = |inside: &dyn Fn(u32) -> bool| -> f64 {
                arcs.iter()
                    .map(|&(u, v, forward, backward)| match (inside(u), inside(v)) {
                        (true, false) => forward,
                        (false, true) => backward,
                        _ => 0.0,
                    })
                    .sum()
            };
            let found = capacity(&|v| network.is_source_side(v));
            prop_assert!(network.is_source_side(0) && !network.is_source_side(1));
            for subset in 0_u32..64 {
                let other = capacity(&|v| v == 0 || (v >= 2 && subset >> (v - 2) & 1 == 1));
                prop_assert!(found <= other + 1e-10, "{found} > {other}");
            }
        }
    }
}
