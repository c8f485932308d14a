//! Unit flow: a preflow by pushes and lifts in which capacities are released with height.
//!
//! Wang, Fountoulakis, Henzinger, Mahoney, Rao, "Capacity releasing diffusion for speed and locality", ICML
//! 2017, section 2; checked against the authors' library. Node v holds the mass `m_v` and has a sink of
//! capacity `d_v`; what is above that is its excess. The lowest active node v (with excess, and a height
//! below h) pushes along its edges to lower nodes u
//!
//! ```text
//! min(excess of v,  A_vu min(l_v, U) - f(v, u),  w d_u - m_u),
//! ```
//!
//! and is lifted by 1 when no edge takes any. At the end (the paper's conditions, checked by the tests)
//!
//! ```text
//! l_v >= 1       ⇒  m_v >= d_v;        l_v < h  ⇒  v has no excess;        m_v <= w d_v;
//! l_v > l_u + 1  ⇒  f(v, u) >= A_vu min(l_v - 1, U).
//! ```
//!
//! (The library's edges have weight 1.) If h exceeds U by more than the number of nodes, no more can be
//! settled.

use std::collections::{BTreeMap, BTreeSet};

use crate::adjacency::Adjacency;
use crate::answer::GraphWork;
use crate::explored::Explored;
use crate::question::{Limits, Step, step_allowed};

/// A part of a capacity or of a sink that is rounding.
const NEGLIGIBLE: f64 = 1e-12;

/// How far heights and masses go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// U, at least 1.
    pub(super) capacity: u32,
    /// h, at least 1.
    pub(super) height: u32,
    /// w, above 1.
    pub(super) overload: f64,
}

/// Masses, heights and flows by slot.
#[derive(Debug, Default)]
pub(super) struct UnitFlow {
    pub(super) masses: Vec<f64>,
    pub(super) heights: Vec<u32>,
    /// The place in its list of the edge that a node will look at next.
    cursors: Vec<usize>,
    /// Flow from the smaller slot to the larger.
    flows: BTreeMap<(u32, u32), f64>,
    hubs: Vec<bool>,
    pub(super) has_skipped_hubs: bool,
}

impl UnitFlow {
    /// `masses` by slot; slots touched later hold none.
    pub(super) fn new(masses: Vec<f64>) -> Self {
        Self { masses, ..Self::default() }
    }

    fn lengthen(&mut self, len: usize) {
        self.masses.resize(len, 0.0);
        self.heights.resize(len, 0);
        self.cursors.resize(len, 0);
        self.hubs.resize(len, false);
    }

    /// What a node holds above its sink's capacity, 0 if that is rounding.
    pub(super) fn excess(&self, slot: usize, degree: f64) -> f64 {
        let excess = self.masses[slot] - degree;
        if excess > NEGLIGIBLE * degree { excess } else { 0.0 }
    }

    /// Flow from v to u.
    fn flow(&self, v: u32, u: u32) -> f64 {
        let flow = self.flows.get(&(v.min(u), v.max(u))).copied().unwrap_or(0.0);
        if v < u { flow } else { -flow }
    }

    fn add_flow(&mut self, v: u32, u: u32, amount: f64) {
        *self.flows.entry((v.min(u), v.max(u))).or_insert(0.0) += if v < u { amount } else { -amount };
        self.masses[v as usize] -= amount;
        self.masses[u as usize] += amount;
    }

    /// Pushes and lifts until no node is active; false if a limit ended it. An edge that is looked at counts
    /// as touched.
    pub(super) fn run(
        &mut self,
        graph: &impl Adjacency,
        explored: &mut Explored,
        bounds: Bounds,
        limits: Limits,
        work: &mut GraphWork,
    ) -> bool {
        self.lengthen(explored.len());
        let mut active: BTreeSet<(u32, u32)> = BTreeSet::new();
        for slot in 0..explored.len() {
            if self.excess(slot, explored.degrees()[slot]) > 0.0 {
                self.heights[slot] = 1;
                if bounds.height > 1 {
                    active.insert((1, slot as u32));
                }
            }
        }
        while let Some(&(height, slot)) = active.first() {
            let v = slot as usize;
            if !explored.is_expanded(slot) {
                match step_allowed(limits, graph, explored, slot, work.edges_touched) {
                    Step::Allowed => explored.expand(graph, slot),
                    Step::Hub => {
                        self.hubs[v] = true;
                        self.heights[v] = 0;
                        self.has_skipped_hubs = true;
                        active.remove(&(height, slot));
                        continue;
                    }
                    Step::Limit => return false,
                }
                self.lengthen(explored.len());
            }
            let Some((other, weight)) = explored.neighbor(slot, self.cursors[v]) else {
                active.remove(&(height, slot));
                self.cursors[v] = 0;
                self.heights[v] = height + 1;
                if height + 1 < bounds.height {
                    active.insert((height + 1, slot));
                }
                continue;
            };
            if limits.max_work.is_some_and(|most| work.edges_touched >= most) {
                return false;
            }
            work.edges_touched += 1;
            let u = other as usize;
            let (degree_v, degree_u) = (explored.degrees()[v], explored.degrees()[u]);
            let room = weight * f64::from(height.min(bounds.capacity)) - self.flow(slot, other);
            let amount = self.excess(v, degree_v).min(room).min(bounds.overload * degree_u - self.masses[u]);
            if self.heights[u] >= height || room <= NEGLIGIBLE * weight || amount <= 0.0 {
                self.cursors[v] += 1;
                continue;
            }
            self.add_flow(slot, other, amount);
            work.pushes += 1;
            work.volume_touched += degree_v;
            if self.excess(v, degree_v) <= 0.0 {
                active.remove(&(height, slot));
            }
            let entry = (self.heights[u], other);
            if self.excess(u, degree_u) > 0.0
                && entry.0 < bounds.height
                && !self.hubs[u]
                && active.insert(entry)
            {
                self.cursors[u] = 0;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Bounds, UnitFlow};
    use crate::CsrGraph;
    use crate::adjacency::Adjacency;
    use crate::answer::GraphWork;
    use crate::explored::Explored;
    use crate::question::Limits;

    proptest! {
        #[test]
        fn the_papers_conditions_hold_and_a_high_flow_is_maximum(
            edges in prop::collection::vec((0_u64..7, 0_u64..7, 1_u32..9), 1..16),
            loads in prop::collection::vec(0.0_f64..1.0, 7),
            overload in 1.1_f64..4.0, capacity in 1_u32..4, height in 1_u32..14,
        ) {
            let weighted = edges.into_iter().map(|(u, v, eighths)| (u, v, f64::from(eighths) / 8.0));
            let graph = CsrGraph::from_weighted_edges(7, weighted).unwrap();
            let mut explored = Explored::default();
            let mut sources = Vec::new();
            for node in (0..7).filter(|&node| graph.degree(node) > 0.0) {
                explored.touch(&graph, node);
                sources.push(loads[node as usize] * overload * graph.degree(node));
            }
            let mut flow = UnitFlow::new(sources.clone());
            let mut work = GraphWork::default();
            let bounds = Bounds { capacity, height, overload };
            prop_assert!(flow.run(&graph, &mut explored, bounds, Limits::default(), &mut work));
            let n = sources.len();
            prop_assert_eq!(explored.len(), n);
            let mut masses = sources.clone();
            let mut weights = vec![vec![0.0; n]; n];
            for v in 0..n {
                graph.neighbors(explored.nodes()[v], |node, weight| {
                    let u = explored.nodes().iter().position(|&other| other == node).unwrap();
                    weights[v][u] = weight;
                    masses[v] -= flow.flow(v as u32, u as u32);
                });
            }
            for v in 0..n {
                let (degree, l, m) = (explored.degrees()[v], flow.heights[v], flow.masses[v]);
                prop_assert!((masses[v] - m).abs() < 1e-9, "mass is conserved");
                prop_assert!(l <= height && m <= overload * degree * (1.0 + 1e-9));
                prop_assert!(l == 0 || m >= degree * (1.0 - 1e-9), "a lifted node's sink is full");
                prop_assert!(l >= height || flow.excess(v, degree) == 0.0, "excess lies at the top");
                for (u, &weight) in weights[v].iter().enumerate() {
                    let carried = flow.flow(v as u32, u as u32);
                    prop_assert!(carried <= weight * f64::from(capacity) * (1.0 + 1e-9));
                    if u != v && l > flow.heights[u] + 1 {
                        let released = weight * f64::from((l - 1).min(capacity));
                        prop_assert!(carried >= released - 1e-9, "{} {}", carried, released);
                    }
                }
            }
            if height as usize > capacity as usize + n + 1 {
                // What can settle at most is the least cut: sources beyond it, edges across, sinks before it.
                let settled: f64 = (0..n).map(|v| flow.masses[v].min(explored.degrees()[v])).sum();
                let cut = |set: u32| -> f64 {
                    let inside = |v: usize| set >> v & 1 == 1;
                    (0..n)
                        .map(|v| {
                            let across: f64 = (0..n).filter(|&u| !inside(u)).map(|u| weights[v][u]).sum();
                            let across = f64::from(capacity) * across;
                            if inside(v) { across + explored.degrees()[v] } else { sources[v] }
                        })
                        .sum()
                };
                let least = (0..1_u32 << n).map(cut).fold(f64::INFINITY, f64::min);
                prop_assert!((settled - least).abs() <= 1e-9 * (1.0 + least), "{} {}", settled, least);
            }
        }
    }
}
