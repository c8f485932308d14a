//! Capacity releasing diffusion (CRD).
//!
//! Wang, Fountoulakis, Henzinger, Mahoney, Rao, "Capacity releasing diffusion for speed and locality", ICML
//! 2017; checked against the authors' library (`LocalGraphClustering`). Every seed u starts with `w d_u`. A
//! round lets all mass flow by unit flow (pushes and lifts up to the height h, see `unit_flow.rs`), looks at
//! the cuts between its heights, and multiplies what has settled by w:
//!
//! ```text
//! Δ_u ← w d_u on the seeds;   in round t = 0, 1, …:  m, l ← unit flow of Δ;
//! sets {u : l_u >= j}, j = h, …, 1: keep the one of least conductance over all rounds;
//! stop if the excess is above w^t vol(seeds) / 10, or the full nodes' volume above a third of the graph's;
//! Δ_u ← w min(m_u, d_u).
//! ```
//!
//! Mass that finds too few edges to leave a cluster stays as excess, which is what ends it. The library's w
//! is 2 in the start and in the rule, its edges have weight 1, and it takes the first seed's degree for
//! vol(seeds), which is the same for one seed. The answer is a heuristic's: its certificate says what the set
//! is, not that there is no better one.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::unit_flow::{Bounds, UnitFlow};
use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::conductance::conductance_of;
use crate::error::Result;
use crate::explored::Explored;
use crate::method::{Clustering, LocalMethod};
use crate::outcome::Judge;
use crate::question::LocalQuestion;
use crate::sweep::SweepCut;

/// Capacity releasing diffusion from the seeds, whose shares don't matter.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, flow::CapacityReleasing};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let answer = LocalQuery::node(0).method(CapacityReleasing::default()).run(&graph)?;
/// assert!(answer.support().eq([0, 1, 2]));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CapacityReleasing {
    /// U: an edge carries at most this times its weight; at least 1, and 3 unless set.
    pub capacity: u32,
    /// h: the largest height, at least 2; 10 unless set.
    pub height: u32,
    /// w: how much a node may hold in units of its degree, and by how much mass grows from round to round;
    /// above 1, and 2 unless set.
    pub overload: f64,
    /// Most rounds, at least 1; 20 unless set.
    pub rounds: u32,
}

impl Default for CapacityReleasing {
    fn default() -> Self {
        Self { capacity: 3, height: 10, overload: 2.0, rounds: 20 }
    }
}

/// What is known of the set that a capacity releasing diffusion found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CapacityReleasingCertificate {
    /// The set's conductance, the least of all cuts between heights.
    pub conductance: f64,
    /// Its volume.
    pub volume: f64,
    /// Weight of the edges that leave it.
    pub cut: f64,
    /// Mass of the last round, in the weights' unit.
    pub mass: f64,
    /// How much of that found no sink.
    pub excess: f64,
}

/// The answer's mass lies on the set found, in proportion to the degrees. A limit leaves the best set of the
/// rounds before, at worst the seeds.
impl LocalMethod for CapacityReleasing {
    type Certificate = CapacityReleasingCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<CapacityReleasingCertificate>> {
        question.refuse_error_goal()?;
        let Self { capacity, height, overload, rounds } = *self;
        check::setting("capacity", f64::from(capacity), capacity >= 1, "at least 1")?;
        check::setting("height", f64::from(height), height >= 2, "at least 2")?;
        check::setting("overload", overload, overload > 1.0 && overload.is_finite(), "finite and above 1")?;
        check::setting("rounds", f64::from(rounds), rounds >= 1, "at least 1")?;
        let bounds = Bounds { capacity, height, overload };
        let (graph, limits) = (question.graph, question.limits);
        let explored = &mut question.workspace.explored;
        let seeds: Vec<u32> = (0..question.seeds.len() as u32).collect();
        for &slot in &seeds {
            explored.expand(graph, slot);
        }
        let total = graph.total_volume();
        let mut best = Levels::default().next(explored, &seeds);
        let seed_volume = best.volume;
        let mut masses: Vec<f64> =
            seeds.iter().map(|&slot| overload * explored.degrees()[slot as usize]).collect();
        let (mut mass, mut excess) = (0.0, 0.0);
        let mut work = GraphWork::default();
        let mut status = Status::Converged;
        let mut growth = 1.0;
        for _ in 0..rounds {
            let mut flow = UnitFlow::new(masses);
            let ended = flow.run(graph, explored, bounds, limits, &mut work);
            work.iterations += 1;
            if flow.has_skipped_hubs {
                status = Status::HubsSkipped;
            }
            let degrees = explored.degrees();
            mass = flow.masses.iter().sum();
            excess = degrees.iter().enumerate().map(|(slot, &degree)| flow.excess(slot, degree)).sum();
            let lifted = || (0..degrees.len() as u32).filter(|&slot| flow.heights[slot as usize] > 0);
            let arcs: u64 = lifted().map(|slot| explored.arc_count(slot) as u64).sum();
            if !ended || limits.max_work.is_some_and(|most| work.edges_touched + arcs > most) {
                status = Status::WorkLimit;
                break;
            }
            work.edges_touched += arcs;
            let mut levels = Levels::default();
            for level in (1..=height).rev() {
                let new: Vec<u32> = lifted().filter(|&slot| flow.heights[slot as usize] == level).collect();
                if !new.is_empty() {
                    levels = levels.next(explored, &new);
                    if levels.conductance(total) < best.conductance(total) {
                        best = levels.clone();
                    }
                }
            }
            let full = |slot: &usize| flow.masses[*slot] >= degrees[*slot];
            let full: f64 = (0..degrees.len()).filter(full).map(|slot| degrees[slot]).sum();
            if excess > growth * seed_volume / 10.0 || full > total / 3.0 {
                break;
            }
            growth *= overload;
            masses = flow.masses.iter().zip(degrees).map(|(m, degree)| overload * m.min(*degree)).collect();
        }
        let explored = question.explored();
        let Levels { nodes, volume, cut, .. } = &best;
        let (volume, cut) = (*volume, *cut);
        let share =
            |&slot: &u32| (explored.nodes()[slot as usize], explored.degrees()[slot as usize] / volume);
        let mut shares: Vec<(u64, f64)> = nodes.iter().map(share).collect();
        shares.sort_unstable_by_key(|entry| entry.0);
        let certificate =
            CapacityReleasingCertificate { conductance: best.conductance(total), volume, cut, mass, excess };
        let work = GraphWork {
            nodes_touched: explored.len() as u64,
            arcs_read: explored.arcs_read(),
            nodes_ever_active: shares.len() as u64,
            ..work
        };
        Ok(LocalAnswer { seeds: question.asked.clone(), mass: shares, certificate, status, work })
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<CapacityReleasingCertificate>> {
        let judge = Judge::new(question)?;
        let answer = self.solve(question)?;
        let CapacityReleasingCertificate { conductance, volume, cut, .. } = answer.certificate;
        let set = SweepCut { nodes: answer.support().collect(), conductance, volume, cut };
        Ok((answer, judge.set(set)))
    }
}

/// A set that grows level by level, with its scores.
#[derive(Debug, Clone, Default)]
struct Levels {
    nodes: Vec<u32>,
    inside: Vec<bool>,
    volume: f64,
    cut: f64,
}

impl Levels {
    /// With more nodes, whose lists have been read.
    fn next(mut self, explored: &Explored, new: &[u32]) -> Self {
        self.inside.resize(explored.len(), false);
        for &slot in new {
            self.inside[slot as usize] = true;
            self.nodes.push(slot);
            self.volume += explored.degrees()[slot as usize];
            explored.neighbors(slot, |v, weight| {
                if v != slot {
                    self.cut += if self.inside[v as usize] { -weight } else { weight };
                }
            });
        }
        self
    }

    fn conductance(&self, total: f64) -> f64 {
        conductance_of(self.cut.max(0.0), self.volume, total)
    }
}
