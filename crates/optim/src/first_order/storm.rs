//! STORM (Cutkosky, Orabona, *Momentum-based variance reduction in non-convex SGD*, NeurIPS 2019, Algorithm
//! 1, with step sizes on a schedule in place of its adaptive ones), with a proximal step where the problem
//! has a `G`.
//!
//! ```text
//! v ← F_B(z) + (1 − aₜ) (v − F_B(z₋)),   at first v ← F_B(z)
//! z ← J(z − ηₜ v),   J = (I + ηₜ G)⁻¹
//! aₜ = min{1, a (ηₜ₋₁/η₀)²}
//! ```
//!
//! `z₋` is the point before `z`; `a = 1` is SGD. The paper's `aₜ = c ηₜ₋₁²` is `a = c η₀²`, a number without a
//! unit. With `η` falling as `t^(−1/3)` it finds a point of gradient norm `ε` with `O(1/ε³)` component
//! gradients on sums and streams of any length, and never takes a full gradient. Cost per step: `2b`
//! component gradients; memory: two vectors.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::RecursiveMemory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// STORM; see the [module](self).
///
/// ```
/// use kiln_optim::{Operator, Stop, StepSize, first_order::Storm, problems::AffineFiniteSum, run};
///
/// let problem = AffineFiniteSum::strongly_monotone_games(10, 3, 1)?;
/// let step_size = StepSize::Power { initial: 0.05, period: 100.0, exponent: 1.0 / 3.0 };
/// let solution = run(&Storm::new(step_size, 7), &problem, vec![1.0; 6], &Stop::after(3000))?;
/// let norm = |z: &Vec<f64>| -> Result<f64, kiln_optim::OptimError> {
///     Ok(problem.operator(z)?.iter().map(|f| f * f).sum::<f64>().sqrt())
/// };
/// assert!(norm(&solution.state.iterate)? < 0.05 * norm(&vec![1.0; 6])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Storm {
    /// `ηₜ`.
    pub step_size: StepSize,
    /// `a`, greater than 0 and at most 1: the share of the estimate that is drawn anew.
    pub renewal: f64,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl Storm {
    /// Single components with replacement, `a = 0.1`.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        let (renewal, batch_size, order) = (0.1, 1, Order::WithReplacement);
        Self { step_size: step_size.into(), renewal, batch_size, order, seed }
    }
}

impl<P: FiniteSum> Solver<P> for Storm {
    const NAME: &'static str = "storm";

    type Memory = RecursiveMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        let holds = self.renewal > 0.0 && self.renewal <= 1.0;
        check::setting("renewal", self.renewal, holds, "greater than 0 and at most 1")?;
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(RecursiveMemory::new(sampler))
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let before = self.step_size.at(iteration.saturating_sub(1)) / self.step_size.at(0);
        let keep = 1.0 - (self.renewal * before * before).min(1.0);
        let direction = memory.next(problem, work, iterate, keep)?;
        memory.set(iterate.clone(), direction.clone());
        let step_size = self.step_size.at(*iteration);
        state.descend(problem, step_size, &direction)
    }
}
