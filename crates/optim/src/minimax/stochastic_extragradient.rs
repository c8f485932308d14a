//! Stochastic extragradient, in every order of visiting the components.
//!
//! ```text
//! w = J(z − α F_B(z)),   z ← J(z − β F_B'(w)),   J = (I + step G)⁻¹
//! ```
//!
//! with batches `B` and `B'` that are the same or independent. Anchored variants remember the point `a` at
//! which the epoch began and end it with `z ← ½ (a + z)`.
//!
//! | constructor | batches | `α` | anchored |
//! |---|---|---|---|
//! | [`independent_samples`] (DSEG; Hsieh et al., NeurIPS 2020) | `B`, `B'` independent | any | no |
//! | [`with_replacement`] (SEG-US) | `B = B'`, independent | `β` | no |
//! | [`reshuffled`] (SEG-RR) | `B = B'`, a permutation an epoch | `β` | no |
//! | [`flip_flop`] (SEG-FF) | a permutation, then backwards | `β` | no |
//! | [`reshuffled_anchored`] (SEG-RRA) | a permutation an epoch | `β` | yes |
//! | [`flip_flop_anchored`] (SEG-FFA) | a permutation, then backwards | `β/2` | yes |
//!
//! On monotone problems that are not strongly monotone, only DSEG with step sizes that fall at different
//! rates and SEG-FFA converge. Cost per step: `2b` component operators, hence `4n` per epoch of flip-flop,
//! which counts as two passes of extragradient; memory: one operator value, the extrapolated point, and the
//! anchor if there is one.
//!
//! [`independent_samples`]: StochasticExtragradient::independent_samples
//! [`with_replacement`]: StochasticExtragradient::with_replacement
//! [`reshuffled`]: StochasticExtragradient::reshuffled
//! [`flip_flop`]: StochasticExtragradient::flip_flop
//! [`reshuffled_anchored`]: StochasticExtragradient::reshuffled_anchored
//! [`flip_flop_anchored`]: StochasticExtragradient::flip_flop_anchored

use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// Which components the two evaluations of a step see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Samples {
    /// Two independent batches, drawn with replacement.
    Independent,
    /// One batch for both, the next in this order.
    Same(Order),
}

/// What a step-size schedule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleUnit {
    /// Steps.
    Iteration,
    /// Epochs: the step size is constant within one.
    Epoch,
}

/// Stochastic extragradient.
///
/// ```
/// use kiln_optim::minimax::StochasticExtragradient;
/// use kiln_optim::problems::AffineFiniteSum;
/// use kiln_optim::{Stop, StepSize, residual, run};
///
/// // 10 quadratic games of two players with 3 coordinates each, monotone only on average.
/// let problem = AffineFiniteSum::monotone_games(10, 3, 1)?;
/// let step_size = StepSize::Power { initial: 0.02, period: 10.0, exponent: 0.34 };
/// let solver = StochasticExtragradient::flip_flop_anchored(step_size, 7);
/// let epochs = 2000;
/// let solution = run(&solver, &problem, vec![1.0; 6], &Stop::after(epochs * 2 * 10))?;
/// assert_eq!(solution.state.work.components, epochs * 4 * 10);
/// assert!(residual(&problem, &solution.state.iterate)? < residual(&problem, &vec![1.0; 6])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StochasticExtragradient {
    /// `α`, from `z` to the extrapolated point `w`.
    pub extrapolation_step: StepSize,
    /// `β`.
    pub step_size: StepSize,
    /// What the two schedules count.
    pub schedule_unit: ScheduleUnit,
    /// Which components come next.
    pub samples: Samples,
    /// `b`.
    pub batch_size: usize,
    /// Whether an epoch ends half way back to where it began.
    pub anchored: bool,
    /// Seed of the order.
    pub seed: u64,
}

impl StochasticExtragradient {
    /// Two independent components a step. Converges in expectation on monotone problems when both step sizes
    /// fall, the second faster; the authors' choices are `α = 0.1 (t + 19)^(−1/3)`,
    /// `β = 0.05 (t + 19)^(−2/3)` in general, and a constant `α` with `β = 0.1 / (t + 19)` for affine `Fᵢ`.
    pub fn independent_samples(
        extrapolation_step: impl Into<StepSize>,
        step_size: impl Into<StepSize>,
        seed: u64,
    ) -> Self {
        Self {
            extrapolation_step: extrapolation_step.into(),
            step_size: step_size.into(),
            schedule_unit: ScheduleUnit::Iteration,
            samples: Samples::Independent,
            batch_size: 1,
            anchored: false,
            seed,
        }
    }

    /// One uniform component a step; its schedule counts epochs of `n` steps.
    pub fn with_replacement(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self::same_sample(Order::WithReplacement, step_size.into(), seed)
    }

    /// All components in an order drawn afresh each epoch.
    pub fn reshuffled(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self::same_sample(Order::Reshuffled, step_size.into(), seed)
    }

    pub(super) fn same_sample(order: Order, step_size: StepSize, seed: u64) -> Self {
        Self {
            extrapolation_step: step_size,
            step_size,
            schedule_unit: ScheduleUnit::Epoch,
            samples: Samples::Same(order),
            batch_size: 1,
            anchored: false,
            seed,
        }
    }
}

/// What stochastic extragradient remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExtragradientMemory<V> {
    /// Where the epoch began, of anchored variants that are inside one.
    anchor: Option<V>,
    sampler: Sampler,
}

memory!(ExtragradientMemory { anchor; sampler });

impl<P: FiniteSum> Solver<P> for StochasticExtragradient {
    const NAME: &'static str = "stochastic-extragradient";

    type Memory = ExtragradientMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.extrapolation_step.check("extrapolation_step")?;
        self.step_size.check("step_size")?;
        let order = match self.samples {
            Samples::Independent => Order::WithReplacement,
            Samples::Same(order) => order,
        };
        let sampler = Sampler::new(order, problem.components(), self.batch_size, self.seed)?;
        Ok(ExtragradientMemory { anchor: None, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let steps_per_epoch = memory.sampler.batches_per_epoch();
        let time = match self.schedule_unit {
            ScheduleUnit::Iteration => *iteration,
            ScheduleUnit::Epoch => *iteration / steps_per_epoch,
        };
        if self.anchored && iteration.is_multiple_of(steps_per_epoch) {
            memory.anchor = Some(iterate.clone());
        }
        let (extrapolation_step, step_size) = (self.extrapolation_step.at(time), self.step_size.at(time));
        let batch = memory.sampler.next_batch();
        let mut extrapolated = iterate.clone();
        extrapolated.axpy(-extrapolation_step, &work.batch(problem, batch, iterate)?)?;
        problem.resolvent(extrapolation_step, &mut extrapolated)?;
        let direction = match self.samples {
            Samples::Same(_) => work.batch(problem, batch, &extrapolated)?,
            Samples::Independent => work.batch(problem, memory.sampler.next_batch(), &extrapolated)?,
        };
        let last = (*iteration + 1).is_multiple_of(steps_per_epoch);
        state.descend(problem, step_size, &direction)?;
        if last && let Some(anchor) = state.memory.anchor.take() {
            state.iterate.scale(0.5);
            state.iterate.axpy(0.5, &anchor)?;
        }
        Ok(())
    }
}
