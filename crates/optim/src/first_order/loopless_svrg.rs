//! Loopless SVRG (Kovalev, Horváth, Richtárik, *Don't jump through hoops and remove those loops: SVRG and
//! Katyusha are better without the outer loop*, ALT 2020, Algorithm 1): a coin in place of SVRG's loop.
//!
//! ```text
//! with probability p, and at the first step:  a ← z,  h ← F(a)
//! z ← J(z − η (F_B(z) − F_B(a) + h)),   J = (I + η G)⁻¹
//! ```
//!
//! The paper flips the coin after the step and sets `a` to the point before it; flipped before the step, as
//! here, the anchor is one step younger, and `p = 1` is gradient descent. With `p = b/n` and `η = 1/(6L)` the
//! cost to accuracy `ε` is `O((n + L/μ) log 1/ε)` component gradients. Cost per step: `2b + pn` on average;
//! memory as [`Svrg`](super::Svrg).

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::order::coin;
use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// Loopless SVRG; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LooplessSvrg {
    /// `η`.
    pub step_size: StepSize,
    /// `p`; `b/n` when it is `None`. With 0 the start is the only anchor.
    pub anchor_probability: Option<f64>,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order and of the coin.
    pub seed: u64,
}

impl LooplessSvrg {
    /// Single components with replacement, `p = 1/n`.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self {
            step_size: step_size.into(),
            anchor_probability: None,
            batch_size: 1,
            order: Order::WithReplacement,
            seed,
        }
    }
}

/// What loopless SVRG remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LooplessSvrgMemory<V> {
    /// `a` and `h = F(a)`; none before the first step.
    anchor: Option<V>,
    anchor_operator: Option<V>,
    sampler: Sampler,
}

memory!(LooplessSvrgMemory { anchor, anchor_operator; sampler });

impl<P: FiniteSum> Solver<P> for LooplessSvrg {
    const NAME: &'static str = "loopless-svrg";

    type Memory = LooplessSvrgMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        if let Some(probability) = self.anchor_probability {
            check::probability("anchor_probability", probability)?;
        }
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(LooplessSvrgMemory { anchor: None, anchor_operator: None, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let State { iterate, iteration, work, memory, .. } = state;
        let probability =
            self.anchor_probability.unwrap_or(self.batch_size as f64 / problem.components() as f64);
        let coin = coin(self.seed, *iteration);
        let (anchor, anchor_operator) = match (memory.anchor.take(), memory.anchor_operator.take()) {
            (Some(anchor), Some(anchor_operator)) if coin >= probability => (anchor, anchor_operator),
            _ => (iterate.clone(), work.operator(problem, iterate)?),
        };
        let batch = memory.sampler.next_batch();
        let mut direction = work.batch(problem, batch, iterate)?;
        direction.axpy(-1.0, &work.batch(problem, batch, &anchor)?)?;
        direction.axpy(1.0, &anchor_operator)?;
        memory.anchor = Some(anchor);
        memory.anchor_operator = Some(anchor_operator);
        state.descend(problem, step_size, &direction)
    }
}
