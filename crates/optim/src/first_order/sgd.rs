//! Stochastic gradient descent (Robbins, Monro, *A stochastic approximation method*, 1951), in every
//! [`Order`] of visiting the components: with replacement, random reshuffling, shuffle once, cyclic.
//!
//! ```text
//! z ← J(z − ηₜ (1/b) Σ_{i ∈ batch} Fᵢ(z)),   J = (I + ηₜ G)⁻¹
//! ```
//!
//! With a constant step it stops at a distance of order `√η` from the solution (`η` when reshuffled) unless
//! all `Fᵢ` vanish there. Cost per step: `b` component gradients; memory: one gradient, and `n` indices when
//! shuffled.

use serde::{Deserialize, Serialize};

use crate::{FiniteSum, OptimError, Order, Sampler, Solver, State, StepSize};

/// Stochastic gradient descent; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// `ηₜ`; `1/(2L)` with `L` the largest smoothness of a component.
    pub step_size: StepSize,
    /// `b`.
    pub batch_size: usize,
    /// Which components come next.
    pub order: Order,
    /// Seed of the order.
    pub seed: u64,
}

impl<P: FiniteSum> Solver<P> for Sgd {
    const NAME: &'static str = "sgd";

    type Memory = Sampler;

    fn init(&self, problem: &P, _start: &P::Point) -> Result<Sampler, OptimError> {
        self.step_size.check("step_size")?;
        Sampler::new(self.order, problem.components(), self.batch_size, self.seed)
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Sampler>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let batch = state.memory.next_batch();
        let gradient = state.work.batch(problem, batch, &state.iterate)?;
        state.descend(problem, step_size, &gradient)
    }
}
