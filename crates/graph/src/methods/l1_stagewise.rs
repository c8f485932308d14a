//! Forward stagewise approximation of the solution path of ℓ1-regularised PageRank.
//!
//! Ha, Fountoulakis, Mahoney, "Statistical guarantees for local graph clustering", JMLR 22(148), 2021,
//! section 5, equation (10): from `p = 0, r = s`, with a fixed step η in the norm `‖Dx‖₁ = ‖p‖₁`,
//!
//! ```text
//! u = argmax r_u / d_u;   p_u += η;   r_u -= η (1+α)/(2α);   r_v += η (1-α)/(2α) A_uv/d_u for every neighbour v.
//! ```
//!
//! After k steps `‖p‖₁ = kη`, and `max r_u/d_u` is the ρ that this mass belongs to; as η → 0 it follows the
//! exact path (Corollary 12). A step costs the number of neighbours of u, and a heap access for each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::error::Result;
use crate::explored::Explored;
use crate::method::LocalMethod;
use crate::objective::{PageRankCertificate, check_alpha, error_bar, finish};
use crate::question::{Limits, LocalQuestion, Step, Workspace, step_allowed};
use crate::seeds::SeedDistribution;

/// ℓ1-regularised PageRank at `rho`, approached by forward stagewise steps of one size. Its `work.pushes` is
/// the number of steps.
///
/// ```
/// use kiln_graph::{LocalQuery, Stagewise, generators::star};
/// let method = Stagewise { step_size: 1e-3, ..Stagewise::new(0.05) };
/// let answer = LocalQuery::node(0).method(method).run(&star(3)?)?;
/// assert!((answer.mass_l1() - 1e-3 * answer.work.pushes as f64).abs() < 1e-12);
/// assert!(answer.certificate.max_residual_over_degree <= 0.05);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stagewise {
    /// Teleport probability of the lazy walk, in (0, 1); 0.1 unless set.
    pub alpha: f64,
    /// Weight of the ℓ1 term, positive, in the question's [`WeightUnit`](crate::WeightUnit): it ends once every
    /// `r_u <= rho · d_u`.
    pub rho: f64,
    /// Mass η that one step adds, positive; 1e-3 unless set.
    ///
    /// Residuals stay at least 0 up to `2α/(1+α) · rho · (smallest degree touched)`; beyond that the
    /// answer may overshoot.
    pub step_size: f64,
    /// Most steps; 10⁶ unless set. Reaching it counts as a limit.
    pub max_steps: u64,
}

/// A point of the stagewise path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StagewisePoint {
    /// `‖p‖₁`, the number of steps times the step size.
    pub mass_l1: f64,
    /// `max r_u / d_u`, in the paper's unit.
    pub rho: f64,
}

impl Stagewise {
    /// Steps of 1e-3 down to `rho`, at most 10⁶, with `alpha` 0.1.
    pub fn new(rho: f64) -> Self {
        Self { alpha: 0.1, rho, step_size: 1e-3, max_steps: 1_000_000 }
    }

    /// The answer, and the way to it: one point before every step and one after the last.
    ///
    /// # Errors
    /// Those of [`solve`](LocalMethod::solve) and [`LocalQuestion::new`].
    pub fn solve_path(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
        limits: Limits,
    ) -> Result<(LocalAnswer<PageRankCertificate>, Vec<StagewisePoint>)> {
        let mut workspace = Workspace::default();
        let mut question = LocalQuestion::new(graph, seeds, limits, &mut workspace)?;
        let mut path = Vec::new();
        let answer = self.walk(&mut question, |point| path.push(point))?;
        let mass_l1 = answer.work.pushes as f64 * self.step_size;
        path.push(StagewisePoint { mass_l1, rho: answer.certificate.max_residual_over_degree });
        Ok((answer, path))
    }

    /// Calls `before_step` with the point before every step.
    fn walk<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
        mut before_step: impl FnMut(StagewisePoint),
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let Self { alpha, rho: rho_stop, step_size, max_steps } = *self;
        check_alpha(alpha)?;
        check::positive("step_size", step_size)?;
        let rho_stop = question.threshold("rho", rho_stop)?;
        let (graph, limits) = (question.graph, question.limits);
        let explored = &mut question.workspace.explored;
        let mut values = Values::default();
        values.touch_all(explored);
        for (r, &(_, mass)) in values.r.iter_mut().zip(&question.seeds) {
            *r = mass;
        }
        values.rebuild(explored);
        let mut work = GraphWork::default();
        let mut status = Status::Converged;
        let spent = (1.0 + alpha) / (2.0 * alpha) * step_size;
        let mut next_look = 0;
        while let Some((rho, slot)) = values.largest(explored) {
            if rho <= rho_stop {
                break;
            }
            if let Some(goal) = question.error_goal
                && work.pushes >= next_look
            {
                if error_bar((alpha, rho_stop), &values.p, &values.r, explored.degrees()) <= goal {
                    break;
                }
                next_look = work.pushes + 1 + values.p.len() as u64 / 8;
            }
            match step_allowed(limits, graph, explored, slot, work.edges_touched) {
                Step::Allowed if work.pushes < max_steps => {}
                Step::Hub => {
                    values.hubs[slot as usize] = true;
                    status = Status::HubsSkipped;
                    continue;
                }
                Step::Allowed | Step::Limit => {
                    status = Status::WorkLimit;
                    break;
                }
            }
            before_step(StagewisePoint { mass_l1: work.pushes as f64 * step_size, rho });
            explored.expand(graph, slot);
            values.touch_all(explored);
            let degree = explored.degrees()[slot as usize];
            let share = (1.0 - alpha) / (2.0 * alpha) * step_size / degree;
            values.p[slot as usize] += step_size;
            values.r[slot as usize] -= spent;
            explored.neighbors(slot, |v, weight| {
                values.r[v as usize] += share * weight;
                values.queue(explored, v);
            });
            values.queue(explored, slot);
            work.pushes += 1;
            work.edges_touched += explored.arc_count(slot) as u64;
            work.volume_touched += degree;
        }
        work.iterations = work.pushes;
        Ok(finish(question, (alpha, rho_stop), status, work, |slot| values.p[slot]))
    }
}

impl LocalMethod for Stagewise {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        self.walk(question, |_| ())
    }
}

/// Mass and residual by slot, and a heap of `r/d` with lazy deletion: an entry counts only while its key is
/// the slot's present one.
#[derive(Default)]
struct Values {
    p: Vec<f64>,
    r: Vec<f64>,
    hubs: Vec<bool>,
    /// Key: the bits of `r/d`, which order as the positive numbers do; ties by node.
    heap: BinaryHeap<(u64, Reverse<u64>, u32)>,
}

impl Values {
    fn touch_all(&mut self, explored: &Explored) {
        self.p.resize(explored.len(), 0.0);
        self.r.resize(explored.len(), 0.0);
        self.hubs.resize(explored.len(), false);
    }

    fn key(&self, explored: &Explored, slot: u32) -> f64 {
        self.r[slot as usize] / explored.degrees()[slot as usize]
    }

    fn queue(&mut self, explored: &Explored, slot: u32) {
        let key = self.key(explored, slot);
        if key > 0.0 {
            self.heap.push((key.to_bits(), Reverse(explored.nodes()[slot as usize]), slot));
        }
    }

    /// The slot of the largest `r/d` that is positive and no hub's.
    fn largest(&mut self, explored: &Explored) -> Option<(f64, u32)> {
        // Keeps the heap as small as the touched part of the graph, however many steps are taken.
        if self.heap.len() > 4 * self.p.len() {
            self.rebuild(explored);
        }
        while let Some(&(bits, _, slot)) = self.heap.peek() {
            let key = self.key(explored, slot);
            if key.to_bits() == bits && !self.hubs[slot as usize] {
                return Some((key, slot));
            }
            self.heap.pop();
        }
        None
    }

    fn rebuild(&mut self, explored: &Explored) {
        self.heap.clear();
        for slot in 0..self.p.len() {
            self.queue(explored, slot as u32);
        }
    }
}
