//! Forward stagewise approximation of the solution path of ℓ1-regularised PageRank.
//!
//! Ha, Fountoulakis, Mahoney, "Statistical guarantees for local graph clustering", JMLR 22(148), 2021, section 5,
//! equation (10): from `p = 0, r = s`, with a fixed step η in the norm `‖Dx‖₁ = ‖p‖₁`,
//!
//! ```text
//! u = argmax r_u / d_u;   p_u += η;   r_u -= η (1+α)/(2α);   r_v += η (1-α)/(2α) A_uv/d_u for every neighbour v.
//! ```
//!
//! After k steps `‖p‖₁ = kη`, and `max r_u/d_u` is the ρ that this mass belongs to; as η → 0 it follows the
//! exact path (Corollary 12). A step costs the number of neighbours of u, and a heap access for each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::limits::{Step, step_allowed};
use crate::adjacency::Adjacency;
use crate::error::{Result, check};
use crate::explored::Explored;
use crate::objective::finish;
use crate::query::{Limits, LocalSolution, Status, Work};
use crate::seeds::SeedDistribution;

/// A forward stagewise run.
///
/// ```
/// use kiln_graph::{CsrGraph, SeedDistribution, Stagewise};
/// let star = CsrGraph::from_edges(4, [(0, 1), (0, 2), (0, 3)])?;
/// let run = Stagewise::new(SeedDistribution::node(0)).step_size(1e-3).rho_stop(0.05).run(&star)?;
/// let steps = run.solution.work.pushes;
/// assert!((run.solution.mass_l1() - 1e-3 * steps as f64).abs() < 1e-12);
/// assert!(run.solution.max_residual_over_degree <= 0.05);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stagewise {
    seeds: SeedDistribution,
    alpha: f64,
    step_size: f64,
    rho_stop: f64,
    max_steps: u64,
    limits: Limits,
    record_path: bool,
}

/// What a forward stagewise run gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagewiseSolution {
    /// The last iterate. Its `work.pushes` is the number of steps; its certificate is taken at `rho_stop`.
    pub solution: LocalSolution,
    /// One point before every step and one after the last; empty unless [`Stagewise::record_path`] was asked.
    pub path: Vec<StagewisePoint>,
}

/// A point of the stagewise path.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StagewisePoint {
    /// `‖p‖₁`, the number of steps times the step size.
    pub mass_l1: f64,
    /// `max r_u / d_u`.
    pub rho: f64,
}

impl Stagewise {
    /// From a seed distribution, with `alpha` 0.1, step size 1e-3, until ρ = 1e-4 or 10⁶ steps.
    pub fn new(seeds: SeedDistribution) -> Self {
        Self {
            seeds,
            alpha: 0.1,
            step_size: 1e-3,
            rho_stop: 1e-4,
            max_steps: 1_000_000,
            limits: Limits::default(),
            record_path: false,
        }
    }

    /// Teleport probability of the lazy walk, in (0, 1).
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Mass η that one step adds, positive.
    ///
    /// Residuals stay at least 0 up to `2α/(1+α) · rho_stop · (smallest degree touched)`; beyond that the
    /// answer may overshoot.
    #[must_use]
    pub fn step_size(mut self, step_size: f64) -> Self {
        self.step_size = step_size;
        self
    }

    /// Stops once every `r_u <= rho_stop · d_u`; positive.
    #[must_use]
    pub fn rho_stop(mut self, rho_stop: f64) -> Self {
        self.rho_stop = rho_stop;
        self
    }

    /// Most steps to take.
    #[must_use]
    pub fn max_steps(mut self, max_steps: u64) -> Self {
        self.max_steps = max_steps;
        self
    }

    /// Bounds on the work. A node with more than [`Limits::max_arcs`] neighbours is passed over.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Records mass and ρ at every step.
    #[must_use]
    pub fn record_path(mut self) -> Self {
        self.record_path = true;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange) for a parameter, and those of
    /// [`SeedDistribution::resolve`].
    pub fn run(&self, graph: &impl Adjacency) -> Result<StagewiseSolution> {
        let Self { alpha, step_size, .. } = *self;
        check("alpha", alpha, |a| a > 0.0 && a < 1.0, "between 0 and 1, both excluded")?;
        check("step_size", step_size, |eta| eta > 0.0, "finite and positive")?;
        check("rho_stop", self.rho_stop, |r| r > 0.0, "finite and positive")?;
        let seeds = self.seeds.resolve(graph)?;
        let mut explored = Explored::default();
        let mut values = Values::default();
        for &(node, mass) in &seeds {
            explored.touch(graph, node);
            values.touch_all(&explored);
            values.r[values.p.len() - 1] = mass;
        }
        values.rebuild(&explored);
        let mut work = Work::default();
        let mut path = Vec::new();
        let mut status = Status::Converged;
        let spent = (1.0 + alpha) / (2.0 * alpha) * step_size;
        while let Some((rho, slot)) = values.largest(&explored) {
            if rho <= self.rho_stop {
                break;
            }
            match step_allowed(self.limits, graph, &explored, slot, work.edges_touched) {
                Step::Allowed if work.pushes < self.max_steps => {}
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
            if self.record_path {
                path.push(StagewisePoint { mass_l1: work.pushes as f64 * step_size, rho });
            }
            explored.expand(graph, slot);
            values.touch_all(&explored);
            let degree = explored.degrees()[slot as usize];
            let share = (1.0 - alpha) / (2.0 * alpha) * step_size / degree;
            values.p[slot as usize] += step_size;
            values.r[slot as usize] -= spent;
            explored.neighbors(slot, |v, weight| {
                values.r[v as usize] += share * weight;
                values.queue(&explored, v);
            });
            values.queue(&explored, slot);
            work.pushes += 1;
            work.edges_touched += explored.arc_count(slot) as u64;
            work.volume_touched += degree;
        }
        work.iterations = work.pushes;
        let value = |slot: usize| (values.p[slot], values.r[slot]);
        let solution = finish(&explored, &seeds, (alpha, self.rho_stop), status, work, value);
        if self.record_path {
            let rho = solution.max_residual_over_degree;
            path.push(StagewisePoint { mass_l1: work.pushes as f64 * step_size, rho });
        }
        Ok(StagewiseSolution { solution, path })
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
