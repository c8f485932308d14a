//! Stochastic variance-reduced gradient (Johnson, Zhang, *Accelerating stochastic gradient descent using
//! predictive variance reduction*, NIPS 2013, Procedure SVRG, option I; proximal form: Xiao, Zhang 2014). On
//! games: Palaniappan, Bach 2016.
//!
//! ```text
//! every m steps:  a ← z,  h ← F(a)
//! z ← J(z − η (F_B(z) − F_B(a) + h)),   J = (I + η G)⁻¹
//! ```
//!
//! with `F_B` the mean of `Fᵢ` over a batch of `b`. Linear convergence for strongly convex `f` with a
//! constant step; in theory `η = 1/(10L)`, in practice `1/(4L)`, `L` the largest smoothness of a component.
//! Cost: `n + 2bm` component gradients per `m` steps; memory: anchor, its gradient, and two transient
//! gradients.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// SVRG; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Svrg {
    /// `η`.
    pub step_size: StepSize,
    /// `m`, steps from one anchor to the next; `2n/b` when it is `None`.
    pub epoch_length: Option<u64>,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl Svrg {
    /// Single components with replacement, `m = 2n`.
    pub fn new(step_size: impl Into<StepSize>, seed: u64) -> Self {
        Self {
            step_size: step_size.into(),
            epoch_length: None,
            batch_size: 1,
            order: Order::WithReplacement,
            seed,
        }
    }
}

/// What SVRG remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SvrgMemory<V> {
    /// `a` and `h = F(a)`; none before the first step.
    anchor: Option<V>,
    anchor_operator: Option<V>,
    sampler: Sampler,
}

memory!(SvrgMemory { anchor, anchor_operator; sampler });

impl<P: FiniteSum> Solver<P> for Svrg {
    const NAME: &'static str = "svrg";

    type Memory = SvrgMemory<P::Point>;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        if let Some(length) = self.epoch_length {
            check::at_least_one("epoch_length", length as usize)?;
        }
        let sampler = Sampler::new(self.order, problem.components(), self.batch_size, self.seed)?;
        Ok(SvrgMemory { anchor: None, anchor_operator: None, sampler })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let State { iterate, iteration, work, memory, .. } = state;
        let epoch_length =
            self.epoch_length.unwrap_or_else(|| (2 * problem.components()).div_ceil(self.batch_size) as u64);
        if iteration.is_multiple_of(epoch_length) {
            memory.anchor_operator = Some(work.operator(problem, iterate)?);
            memory.anchor = Some(iterate.clone());
        }
        let (Some(anchor), Some(anchor_operator)) = (&memory.anchor, &memory.anchor_operator) else {
            return Err(OptimError::State("SVRG is between two anchors without one".to_owned()));
        };
        let batch = memory.sampler.next_batch();
        let mut direction = work.batch(problem, batch, iterate)?;
        direction.axpy(-1.0, &work.batch(problem, batch, anchor)?)?;
        direction.axpy(1.0, anchor_operator)?;
        state.descend(problem, step_size, &direction)
    }
}
