//! What the methods share whose residuals have both signs: the iterate, one node's relaxation, and the queue.
//!
//! They answer PageRank itself, `ρ = 0`. In masses, with `r = s - (1+α)/(2α) p + (1-α)/(2α) A D⁻¹ p`, the
//! relaxation of node u with the factor ω and the shift η (the proximal term of the accelerated evolving
//! sets, else 0) is
//!
//! ```text
//! c = (1+α+2η) - (1-α) A_uu/d_u;   p_u += ω 2α r_u / c;   r_u ← (1-ω) r_u;
//! r_v += ω (1-α) r_u / c · A_uv / d_u for every neighbour v ≠ u.
//! ```
//!
//! With η > 0 the residual is that of the shifted problem, divided by α.
//!
//! A residual is stored, not recomputed, and its rounding errors are in proportion to the residuals
//! themselves: it falls below any threshold, and what rounding has done to the answer is in its certificate.

use std::collections::VecDeque;

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::objective::{PageRankCertificate, finish, residual, rounding};
use crate::question::{LocalQuestion, Step, step_allowed};

/// The factor by which thresholds fall when an error is asked for that the present one does not reach.
pub(super) const REFINEMENT: f64 = 0.5;
/// What may still move once this part of the error asked for is left of it: the rest lies on hubs.
pub(super) const NEGLIGIBLE: f64 = 1e-6;

/// How nodes are relaxed, and until when.
#[derive(Clone, Copy)]
pub(super) struct Relaxation {
    /// ω, between 0 and 2.
    pub(super) factor: f64,
    /// η, at least 0.
    pub(super) shift: f64,
    /// Nodes with `|r_u|` of at least this times the degree are relaxed.
    pub(super) threshold: f64,
}

/// Mass and residual of a computation under way, by slot.
pub(super) struct Signed<'q, 'g, G> {
    pub(super) question: &'q mut LocalQuestion<'g, G>,
    pub(super) alpha: f64,
    pub(super) p: Vec<f64>,
    pub(super) r: Vec<f64>,
    /// Nodes with too many neighbours, which are never relaxed.
    hubs: Vec<bool>,
    queued: Vec<bool>,
    queue: VecDeque<u32>,
    pub(super) work: GraphWork,
    status: Status,
}

impl<'q, 'g, G: Adjacency> Signed<'q, 'g, G> {
    /// `p = 0`, `r = s`.
    pub(super) fn start(question: &'q mut LocalQuestion<'g, G>, alpha: f64) -> Self {
        let r = question.seeds.iter().map(|seed| seed.1).collect();
        let mut signed = Self {
            question,
            alpha,
            p: Vec::new(),
            r,
            hubs: Vec::new(),
            queued: Vec::new(),
            queue: VecDeque::new(),
            work: GraphWork::default(),
            status: Status::Converged,
        };
        signed.lengthen();
        signed
    }

    /// Puts masses in place, as far as the limits allow, and finds their residual. Mass of nodes without
    /// edges and of hubs is left out.
    pub(super) fn load(&mut self, masses: &[(u64, f64)]) {
        for &(node, mass) in masses {
            let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
            if mass == 0.0 || graph.degree(node) <= 0.0 {
                continue;
            }
            let known = workspace.explored.len();
            if limits.max_nodes.is_some_and(|most| known >= most) && !workspace.explored.knows(node) {
                self.status = Status::WorkLimit;
                break;
            }
            let slot = workspace.explored.touch(*graph, node);
            self.lengthen();
            if self.admit(slot) {
                self.p[slot as usize] = mass;
            } else if self.is_stopped() {
                break;
            }
        }
        let LocalQuestion { graph, seeds, workspace, .. } = &mut *self.question;
        let p = &self.p;
        residual(*graph, &mut workspace.explored, seeds, self.alpha, |slot| p[slot], &mut self.r);
    }

    fn lengthen(&mut self) {
        let len = self.question.explored().len();
        self.p.resize(len, 0.0);
        self.r.resize(len, 0.0);
        self.hubs.resize(len, false);
        self.queued.resize(len, false);
    }

    /// Whether a limit has ended the computation.
    pub(super) fn is_stopped(&self) -> bool {
        self.status == Status::WorkLimit
    }

    pub(super) fn stop(&mut self) {
        self.status = Status::WorkLimit;
    }

    pub(super) fn degree(&self, slot: usize) -> f64 {
        self.question.explored().degrees()[slot]
    }

    /// Whether a node's residual is at or above the threshold, and the node may be relaxed.
    pub(super) fn is_active(&self, slot: usize, threshold: f64) -> bool {
        !self.hubs[slot] && self.r[slot].abs() >= threshold * self.degree(slot)
    }

    /// Whether any node is active.
    pub(super) fn any_active(&self, threshold: f64) -> bool {
        (0..self.r.len()).any(|slot| self.is_active(slot, threshold))
    }

    /// `Σ|r_i|`
    pub(super) fn residual_l1(&self) -> f64 {
        self.r.iter().map(|r| r.abs()).sum()
    }

    /// `Σ|r_i|` of the nodes that may be relaxed.
    pub(super) fn movable_l1(&self) -> f64 {
        self.r.iter().zip(&self.hubs).map(|(r, &hub)| if hub { 0.0 } else { r.abs() }).sum()
    }

    /// The largest `|r_i|/d_i` of the nodes that may be relaxed.
    pub(super) fn steepest(&self) -> f64 {
        let slots = (0..self.r.len()).filter(|&slot| !self.hubs[slot]);
        slots.map(|slot| self.r[slot].abs() / self.degree(slot)).fold(0.0, f64::max)
    }

    /// Whether the limits allow `arcs` more edges to be touched.
    pub(super) fn affords(&self, arcs: u64) -> bool {
        self.question.limits.max_work.is_none_or(|most| self.work.edges_touched.saturating_add(arcs) <= most)
    }

    /// Reads a node's list and counts its update, unless the node is a hub or a limit is reached.
    pub(super) fn admit(&mut self, slot: u32) -> bool {
        let LocalQuestion { graph, limits, workspace, .. } = &mut *self.question;
        let explored = &mut workspace.explored;
        match step_allowed(*limits, *graph, explored, slot, self.work.edges_touched) {
            Step::Allowed => {
                explored.expand(*graph, slot);
                self.work.pushes += 1;
                self.work.edges_touched += explored.arc_count(slot) as u64;
                self.work.volume_touched += explored.degrees()[slot as usize];
                self.lengthen();
                return true;
            }
            Step::Hub => {
                self.hubs[slot as usize] = true;
                if self.status == Status::Converged {
                    self.status = Status::HubsSkipped;
                }
            }
            Step::Limit => self.status = Status::WorkLimit,
        }
        false
    }

    /// Moves `step` of residual out of an admitted node and lets its neighbours, itself included, have their
    /// shares: `p_u += 2α/(1+α) step`, `r_u -= step`, `r_v += (1-α)/(1+α) step A_uv/d_u`.
    pub(super) fn send(&mut self, slot: u32, step: f64) {
        let alpha = self.alpha;
        let u = slot as usize;
        self.p[u] += 2.0 * alpha / (1.0 + alpha) * step;
        self.r[u] -= step;
        let share = (1.0 - alpha) / (1.0 + alpha) * step / self.degree(u);
        let r = &mut self.r;
        self.question.workspace.explored.neighbors(slot, |v, weight| r[v as usize] += share * weight);
    }

    /// Relaxes nodes, first in, first out, until none is active or a limit is reached.
    pub(super) fn run(&mut self, rule: Relaxation) {
        self.run_to(rule, None);
    }

    /// As [`run`](Self::run), but ends at the error that the question asks for, if it asks for one: as soon
    /// as it is reached, and not before, whatever the threshold.
    pub(super) fn run_to_goal(&mut self, mut rule: Relaxation) {
        let Some(goal) = self.question.error_goal else { return self.run(rule) };
        while !self.is_stopped() && !self.has_reached(goal) && self.movable_l1() > NEGLIGIBLE * goal {
            rule.threshold = REFINEMENT * self.steepest();
            self.run_to(rule, Some(goal));
        }
    }

    /// Whether the certificate will say that the error is at most `goal`, or rounding keeps it from saying
    /// so.
    pub(super) fn has_reached(&self, goal: f64) -> bool {
        let errors = self.residual_l1();
        let support = self.p.iter().filter(|&&p| p != 0.0).count();
        let mass_l1: f64 = self.p.iter().map(|p| p.abs()).sum();
        let rounding = rounding(self.alpha, support, self.p.len(), mass_l1, errors);
        // The stored residuals are as far from the recomputed ones as rounding takes both.
        errors + 2.0 * rounding <= goal || (errors <= 0.5 * goal && 2.0 * rounding > 0.5 * goal)
    }

    fn run_to(&mut self, rule: Relaxation, goal: Option<f64>) {
        let Relaxation { factor, shift, threshold } = rule;
        let alpha = self.alpha;
        self.work.iterations += 1;
        let mut left = self.residual_l1();
        self.queue.clear();
        self.queued.fill(false);
        for slot in 0..self.r.len() {
            if self.is_active(slot, threshold) {
                self.queued[slot] = true;
                self.queue.push_back(slot as u32);
            }
        }
        let mut next_check = 0;
        while let Some(slot) = self.queue.pop_front() {
            // The running sum says when a pass over all nodes is worth while.
            if goal.is_some_and(|goal| left <= goal) && self.work.pushes >= next_check {
                if goal.is_some_and(|goal| self.has_reached(goal)) {
                    return;
                }
                next_check = self.work.pushes + self.r.len() as u64;
            }
            let u = slot as usize;
            self.queued[u] = false;
            if !self.admit(slot) {
                if self.is_stopped() {
                    return;
                }
                continue;
            }
            let explored = &self.question.workspace.explored;
            let degrees = explored.degrees();
            let curvature =
                (1.0 + alpha + 2.0 * shift) - (1.0 - alpha) * (explored.loop_weight(slot) / degrees[u]);
            let before = self.r[u];
            let step = factor * before / curvature;
            self.p[u] += 2.0 * alpha * step;
            self.r[u] = (1.0 - factor) * before;
            left += self.r[u].abs() - before.abs();
            let share = (1.0 - alpha) * step / degrees[u];
            let Self { r, hubs, queued, queue, .. } = self;
            if !queued[u] && r[u].abs() >= threshold * degrees[u] {
                queued[u] = true;
                queue.push_back(slot);
            }
            explored.neighbors(slot, |v, weight| {
                if v == slot {
                    return;
                }
                let at = v as usize;
                let before = r[at];
                r[at] += share * weight;
                left += r[at].abs() - before.abs();
                if !queued[at] && !hubs[at] && r[at].abs() >= threshold * degrees[at] {
                    queued[at] = true;
                    queue.push_back(v);
                }
            });
        }
    }

    /// The residual anew from the mass: one pass over the lists of the support, counted. Returns false, and
    /// changes nothing, if a limit does not allow that.
    pub(super) fn recompute(&mut self) -> bool {
        let explored = self.question.explored();
        let support: Vec<usize> = (0..self.p.len()).filter(|&slot| self.p[slot] != 0.0).collect();
        let arcs = support.iter().map(|&slot| explored.arc_count(slot as u32) as u64).sum();
        if !self.affords(arcs) {
            return false;
        }
        self.work.pushes += support.len() as u64;
        self.work.edges_touched += arcs;
        self.work.volume_touched += support.iter().map(|&slot| explored.degrees()[slot]).sum::<f64>();
        let LocalQuestion { graph, seeds, workspace, .. } = &mut *self.question;
        let p = &self.p;
        residual(*graph, &mut workspace.explored, seeds, self.alpha, |slot| p[slot], &mut self.r);
        true
    }

    /// The answer, certified as PageRank.
    pub(super) fn finish(self) -> LocalAnswer<PageRankCertificate> {
        let Self { question, alpha, p, work, status, .. } = self;
        finish(question, (alpha, 0.0), status, work, |slot| p[slot])
    }
}
