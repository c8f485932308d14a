//! Schedule-free SGD (Defazio, Yang, Mehta, Mishchenko, Khaled, Cutkosky, *The road less scheduled*, NeurIPS
//! 2024, [arXiv 2405.15682](https://arxiv.org/abs/2405.15682), eqs. 3-5), with a proximal step where the
//! problem has a `G`. For Burn's optimizers see [`training::ScheduleFree`](crate::training::ScheduleFree).
//!
//! ```text
//! y = (1 − β) z + β x
//! z ← J(z − ηₜ F_B(y)),   J = (I + ηₜ G)⁻¹
//! x ← (1 − c) x + c z,   c = ηₜ²/Σᵢ ηᵢ²
//! ```
//!
//! The iterate is `x`, the average. For convex `f` it has the rate `1/√t` that SGD reaches only with a step size
//! that falls to 0 at a time known beforehand; `β = 0` is Polyak's averaging, `β = 1` primal averaging. Cost per
//! step: `b` component gradients; memory: `z`, and a transient `y`.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// Schedule-free SGD; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleFreeSgd {
    /// `ηₜ`; constant, or with warmup.
    pub step_size: StepSize,
    /// `β` in `[0, 1]`; 0.9 is the paper's.
    pub interpolation: f64,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl ScheduleFreeSgd {
    /// Single components with replacement, `β = 0.9`.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        let (interpolation, batch_size, order) = (0.9, 1, Order::WithReplacement);
        Self { step_size: step_size.into(), interpolation, batch_size, order, seed }
    }
}

/// What schedule-free SGD remembers besides `x`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScheduleFreeSgdMemory<V> {
    z: V,
    /// `Σ ηᵢ²` in units of `η₀²`.
    weight: f64,
    sampler: Sampler,
}

memory!(ScheduleFreeSgdMemory { z; weight, sampler });

impl<V> ScheduleFreeSgdMemory<V> {
    /// `z`, which takes the steps.
    pub fn z(&self) -> &V {
        &self.z
    }
}

impl<P: FiniteSum> Solver<P> for ScheduleFreeSgd {
    const NAME: &'static str = "schedule-free-sgd";

    type Memory = ScheduleFreeSgdMemory<P::Point>;

    fn init(&self, problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        check::probability("interpolation", self.interpolation)?;
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(ScheduleFreeSgdMemory { z: start.clone(), weight: 0.0, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let step_size = self.step_size.at(*iteration);
        let y = memory.z.lerp(iterate, self.interpolation)?;
        let gradient = work.batch(problem, memory.sampler.next_batch(), &y)?;
        memory.z.axpy(-step_size, &gradient)?;
        problem.resolvent(step_size, &mut memory.z)?;
        let weight = (step_size / self.step_size.at(0)).powi(2);
        memory.weight += weight;
        *iterate = iterate.lerp(&memory.z, weight / memory.weight)?;
        Ok(())
    }
}
