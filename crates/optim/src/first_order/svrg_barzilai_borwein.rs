//! SVRG-BB: [SVRG](super::Svrg) that finds its step size by itself (Tan, Ma, Dai, Qian, *Barzilai-Borwein step
//! size for stochastic gradient descent*, NIPS 2016, Algorithm 2; the step: Barzilai, Borwein 1988), with a
//! proximal step where the problem has a `G`.
//!
//! ```text
//! every m steps:  a₋ ← a,  h₋ ← h,  a ← z,  h ← F(a)
//!                 η ← (1/m) ‖a − a₋‖² / ⟨a − a₋, h − h₋⟩       (the first m steps take η₀)
//! z ← J(z − η (F_B(z) − F_B(a) + h)),   J = (I + η G)⁻¹
//! ```
//!
//! For `μ`-strongly convex sums of `L`-smooth components `1/(mL) ≤ η ≤ 1/(mμ)`, and it converges linearly once
//! `m` is of the order of `(L/μ)²`; so `η₀` matters little and no constant need be known. Where the quotient
//! is not positive, as it may be without convexity, or the anchor did not move, the last `η` is kept. Cost:
//! `n + 2bm` component gradients per `m` steps, the step sizes are free; memory: two anchors with their
//! gradients.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State};

/// SVRG-BB; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SvrgBarzilaiBorwein {
    /// `η₀`, of the first `m` steps. Small ones cost an epoch; too large ones may diverge within it.
    pub initial_step: f64,
    /// `m`, steps from one anchor to the next; `2n/b` when it is `None`.
    pub epoch_length: Option<u64>,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl SvrgBarzilaiBorwein {
    /// Single components with replacement, `m = 2n`.
    pub fn new(initial_step: f64, seed: u64) -> Self {
        let order = Order::WithReplacement;
        Self { initial_step, epoch_length: None, batch_size: 1, order, seed }
    }
}

/// What SVRG-BB remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SvrgBarzilaiBorweinMemory<V> {
    /// `a` and `h = F(a)`; none before the first step.
    anchor: Option<V>,
    anchor_operator: Option<V>,
    step_size: f64,
    sampler: Sampler,
}

memory!(SvrgBarzilaiBorweinMemory { anchor, anchor_operator; step_size, sampler });

impl<V> SvrgBarzilaiBorweinMemory<V> {
    /// `η` of the last step.
    pub fn step_size(&self) -> f64 {
        self.step_size
    }
}

impl<V: Vector> SvrgBarzilaiBorweinMemory<V> {
    /// Moves the anchor, and finds the step size that belongs to it.
    fn renew(&mut self, anchor: V, operator: V, epoch_length: u64) -> Result<(), OptimError> {
        if let (Some(last), Some(last_operator)) = (&self.anchor, &self.anchor_operator) {
            let moved = anchor.sub(last)?;
            let curvature = moved.dot(&operator.sub(last_operator)?)? * epoch_length as f64;
            let step_size = moved.dot(&moved)? / curvature;
            if step_size > 0.0 && step_size.is_finite() {
                self.step_size = step_size;
            }
        }
        self.anchor = Some(anchor);
        self.anchor_operator = Some(operator);
        Ok(())
    }
}

impl<P: FiniteSum> Solver<P> for SvrgBarzilaiBorwein {
    const NAME: &'static str = "svrg-barzilai-borwein";

    type Memory = SvrgBarzilaiBorweinMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("initial_step", self.initial_step)?;
        if let Some(length) = self.epoch_length {
            check::at_least_one("epoch_length", length as usize)?;
        }
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        let step_size = self.initial_step;
        Ok(SvrgBarzilaiBorweinMemory { anchor: None, anchor_operator: None, step_size, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let State { iterate, iteration, work, memory, .. } = state;
        let epoch_length =
            self.epoch_length.unwrap_or_else(|| (2 * problem.components()).div_ceil(self.batch_size) as u64);
        if iteration.is_multiple_of(epoch_length) {
            let operator = work.operator(problem, iterate)?;
            memory.renew(iterate.clone(), operator, epoch_length)?;
        }
        let (Some(anchor), Some(anchor_operator)) = (&memory.anchor, &memory.anchor_operator) else {
            return Err(OptimError::State("SVRG-BB is between two anchors without one".to_owned()));
        };
        let batch = memory.sampler.next_batch();
        let mut direction = work.batch(problem, batch, iterate)?;
        direction.axpy(-1.0, &work.batch(problem, batch, anchor)?)?;
        direction.axpy(1.0, anchor_operator)?;
        let step_size = memory.step_size;
        state.descend(problem, step_size, &direction)
    }
}
