//! What the proximal methods share: the iterate, and the step that moves many nodes at once.

use super::limits::{Step, step_allowed};
use crate::adjacency::Adjacency;
use crate::explored::Explored;
use crate::objective::finish;
use crate::query::{LocalQuery, LocalSolution, Status, Work, Workspace};

/// The change of one node in an iteration.
pub(crate) struct Move {
    pub(crate) slot: u32,
    /// Change of the mass divided by α, so that a tiny α loses no digits.
    pub(crate) step: f64,
    /// The mass after it.
    pub(crate) mass: f64,
}

/// Mass and residual of a proximal computation under way, by slot.
pub(crate) struct Iterate<'a, G> {
    query: &'a LocalQuery,
    graph: &'a G,
    seeds: &'a [(u64, f64)],
    explored: &'a mut Explored,
    pub(crate) p: Vec<f64>,
    pub(crate) r: Vec<f64>,
    /// Nodes with too many neighbours, which never move.
    hubs: Vec<bool>,
    ever_active: Vec<bool>,
    work: Work,
    status: Status,
}

impl<'a, G: Adjacency> Iterate<'a, G> {
    /// `p = 0`, `r = s`.
    pub(crate) fn start(
        query: &'a LocalQuery,
        graph: &'a G,
        seeds: &'a [(u64, f64)],
        workspace: &'a mut Workspace,
    ) -> Self {
        let explored = &mut workspace.explored;
        let mut r = Vec::with_capacity(seeds.len());
        for &(node, mass) in seeds {
            explored.touch(graph, node);
            r.push(mass);
        }
        let mut iterate = Self {
            query,
            graph,
            seeds,
            explored,
            p: Vec::new(),
            r,
            hubs: Vec::new(),
            ever_active: Vec::new(),
            work: Work::default(),
            status: Status::Converged,
        };
        iterate.lengthen();
        iterate
    }

    fn lengthen(&mut self) {
        let len = self.explored.len();
        self.p.resize(len, 0.0);
        self.r.resize(len, 0.0);
        self.hubs.resize(len, false);
        self.ever_active.resize(len, false);
    }

    /// The slots that may move, each with `ρ d`.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let thresholds = self.explored.degrees().iter().map(|degree| self.query.rho * degree);
        thresholds.enumerate().filter(|&(slot, _)| !self.hubs[slot])
    }

    /// Makes all `moves` at once, or, when a limit forbids that, none of them and returns false. Hubs are
    /// taken out of `moves`.
    pub(crate) fn apply(&mut self, moves: &mut Vec<Move>) -> bool {
        let mut work = Work { iterations: self.work.iterations + 1, ..self.work };
        let mut allowed = work.iterations <= self.query.max_iterations;
        moves.retain(|&Move { slot, .. }| {
            if !allowed {
                return false;
            }
            match step_allowed(self.query.limits, self.graph, self.explored, slot, work.edges_touched) {
                Step::Allowed => {}
                Step::Hub => {
                    self.hubs[slot as usize] = true;
                    self.status = Status::HubsSkipped;
                    return false;
                }
                Step::Limit => {
                    allowed = false;
                    return false;
                }
            }
            self.explored.expand(self.graph, slot);
            work.pushes += 1;
            work.edges_touched += self.explored.arc_count(slot) as u64;
            work.volume_touched += self.explored.degrees()[slot as usize];
            true
        });
        self.lengthen();
        if !allowed {
            self.status = Status::WorkLimit;
            return false;
        }
        self.work = work;
        let alpha = self.query.alpha;
        for &Move { slot, step, mass } in moves.iter() {
            let u = slot as usize;
            self.p[u] = mass;
            self.ever_active[u] |= mass != 0.0;
            self.r[u] -= f64::midpoint(1.0, alpha) * step;
            let share = (1.0 - alpha) / 2.0 * step / self.explored.degrees()[u];
            self.explored.neighbors(slot, |v, weight| self.r[v as usize] += share * weight);
        }
        true
    }

    pub(crate) fn finish(self) -> LocalSolution {
        let LocalQuery { alpha, rho, .. } = *self.query;
        let value = |slot: usize| (self.p[slot], self.r[slot]);
        let mut solution = finish(self.explored, self.seeds, (alpha, rho), self.status, self.work, value);
        solution.work.nodes_ever_active = self.ever_active.iter().filter(|&&active| active).count() as u64;
        solution
    }
}
