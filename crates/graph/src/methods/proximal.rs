//! What the proximal methods share: the iterate, and the step that moves many nodes at once.

use kiln_core::check;

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::objective::{PageRankCertificate, check_alpha, error_bar, finish};
use crate::question::{LocalQuestion, Step, step_allowed};

/// The settings that the proximal methods share.
#[derive(Clone, Copy)]
pub(crate) struct Proximal {
    pub(crate) alpha: f64,
    pub(crate) rho: f64,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: u64,
}

/// The change of one node in an iteration.
pub(crate) struct Move {
    pub(crate) slot: u32,
    /// Change of the mass divided by α, so that a tiny α loses no digits.
    pub(crate) step: f64,
    /// The mass after it.
    pub(crate) mass: f64,
}

/// Mass and residual of a proximal computation under way, by slot.
pub(crate) struct Iterate<'q, 'g, G> {
    question: &'q mut LocalQuestion<'g, G>,
    settings: Proximal,
    pub(crate) p: Vec<f64>,
    pub(crate) r: Vec<f64>,
    /// Nodes with too many neighbours, which never move.
    hubs: Vec<bool>,
    ever_active: Vec<bool>,
    work: GraphWork,
    status: Status,
}

impl<'q, 'g, G: Adjacency> Iterate<'q, 'g, G> {
    /// `p = 0`, `r = s`.
    pub(crate) fn start(question: &'q mut LocalQuestion<'g, G>, settings: Proximal) -> Result<Self> {
        check_alpha(settings.alpha)?;
        check::positive("tolerance", settings.tolerance)?;
        let rho = question.threshold("rho", settings.rho)?;
        let settings = Proximal { rho, ..settings };
        let r = question.seeds.iter().map(|seed| seed.1).collect();
        let mut iterate = Self {
            question,
            settings,
            p: Vec::new(),
            r,
            hubs: Vec::new(),
            ever_active: Vec::new(),
            work: GraphWork::default(),
            status: Status::Converged,
        };
        iterate.lengthen();
        Ok(iterate)
    }

    fn lengthen(&mut self) {
        let len = self.question.explored().len();
        self.p.resize(len, 0.0);
        self.r.resize(len, 0.0);
        self.hubs.resize(len, false);
        self.ever_active.resize(len, false);
    }

    /// The slots that may move, each with `ρ d`.
    pub(crate) fn thresholds(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let thresholds = self.question.explored().degrees().iter().map(|degree| self.settings.rho * degree);
        thresholds.enumerate().filter(|&(slot, _)| !self.hubs[slot])
    }

    /// Whether rounding keeps every one of the moves from changing its mass.
    pub(crate) fn is_stuck(&mut self, moves: &[Move]) -> bool {
        let stuck =
            moves.iter().all(|&Move { slot, mass, .. }| mass.to_bits() == self.p[slot as usize].to_bits());
        if stuck && self.status == Status::Converged {
            self.status = Status::Stagnated;
        }
        stuck
    }

    /// Whether the iterate is within the error asked for; `None` if none was.
    pub(crate) fn is_near_enough(&self) -> Option<bool> {
        let goal = self.question.error_goal?;
        let Proximal { alpha, rho, .. } = self.settings;
        let degrees = self.question.explored().degrees();
        Some(error_bar((alpha, rho), &self.p, &self.r, degrees) <= goal)
    }

    /// Makes all `moves` at once, or, when a limit forbids that, none of them and returns false. Hubs are
    /// taken out of `moves`.
    pub(crate) fn apply(&mut self, moves: &mut Vec<Move>) -> bool {
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        let mut work = GraphWork { iterations: self.work.iterations + 1, ..self.work };
        let mut allowed = work.iterations <= self.settings.max_iterations;
        moves.retain(|&Move { slot, .. }| {
            if !allowed {
                return false;
            }
            match step_allowed(*limits, *graph, explored, slot, work.edges_touched) {
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
            explored.expand(*graph, slot);
            work.pushes += 1;
            work.edges_touched += explored.arc_count(slot) as u64;
            work.volume_touched += explored.degrees()[slot as usize];
            true
        });
        self.lengthen();
        if !allowed {
            self.status = Status::WorkLimit;
            return false;
        }
        self.work = work;
        let alpha = self.settings.alpha;
        let explored = &self.question.workspace.explored;
        for &Move { slot, step, mass } in moves.iter() {
            let u = slot as usize;
            self.p[u] = mass;
            self.ever_active[u] |= mass != 0.0;
            self.r[u] -= f64::midpoint(1.0, alpha) * step;
            let share = (1.0 - alpha) / 2.0 * step / explored.degrees()[u];
            explored.neighbors(slot, |v, weight| self.r[v as usize] += share * weight);
        }
        true
    }

    pub(crate) fn finish(self) -> LocalAnswer<PageRankCertificate> {
        let Proximal { alpha, rho, .. } = self.settings;
        let mut answer = finish(self.question, (alpha, rho), self.status, self.work, |slot| self.p[slot]);
        answer.work.nodes_ever_active = self.ever_active.iter().filter(|&&active| active).count() as u64;
        answer
    }
}
