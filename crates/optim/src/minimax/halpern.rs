//! Halpern iteration (Halpern, *Fixed points of nonexpanding maps*, 1967), with the weights for which Lieder
//! 2021 proved the exact rate.
//!
//! ```text
//! u ← 1/(k+2) u₀ + (k+1)/(k+2) T(u),   T = J(I − η F),   J = (I + η G)⁻¹,   k = 0, 1, …
//! ```
//!
//! For a nonexpansive `T` with a fixed point `u*`, `‖u − T(u)‖ ≤ 2 ‖u₀ − u*‖ / (k + 1)` after `k` steps,
//! which is the best possible. `T` is nonexpansive for `η ≤ 2/L` when `F` is `1/L`-cocoercive, as a gradient
//! with Lipschitz constant `L` is; a monotone Lipschitz `F` need not be, and then
//! [`InexactHalpern`](super::InexactHalpern) applies. For a `T` of one's own, let `F = I − T` and `η = 1`.
//! Cost per step: `n` component operators; memory: the start.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use crate::state::memory;
use crate::{Operator, OptimError, Solver, State};

/// Halpern iteration.
///
/// ```
/// use kiln_optim::{Stop, minimax::Halpern, problems::Quadratic, residual, run};
///
/// let problem = Quadratic::diagonal(vec![1.0, 0.001], vec![0.0, 0.0])?;
/// let start = vec![1.0, 1.0];
/// let solution = run(&Halpern { step_size: 1.0 }, &problem, start, &Stop::after(100))?;
/// assert!(residual(&problem, &solution.state.iterate)? <= 2.0 * 2_f64.sqrt() / 101.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Halpern {
    /// `η`; `1/L` where `F` is `1/L`-cocoercive.
    pub step_size: f64,
}

/// What Halpern iteration remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HalpernMemory<V> {
    /// `u₀`.
    pub(super) anchor: V,
}

memory!(HalpernMemory { anchor; });

impl<V: Vector> HalpernMemory<V> {
    /// Pulls an iterate to which `T` was applied towards the start.
    pub(super) fn pull(&self, iterate: &mut V, iteration: u64) -> Result<(), OptimError> {
        let weight = 1.0 / (iteration as f64 + 2.0);
        iterate.scale(1.0 - weight);
        Ok(iterate.axpy(weight, &self.anchor)?)
    }
}

impl<P: Operator> Solver<P> for Halpern {
    const NAME: &'static str = "halpern";

    type Memory = HalpernMemory<P::Point>;

    fn init(&self, _problem: &P, start: &P::Point) -> Result<Self::Memory, OptimError> {
        check::positive("step_size", self.step_size)?;
        Ok(HalpernMemory { anchor: start.clone() })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let direction = state.work.operator(problem, &state.iterate)?;
        state.descend(problem, self.step_size, &direction)?;
        state.memory.pull(&mut state.iterate, state.iteration)
    }
}
