//! Heavy ball (Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964), with a
//! proximal step where the problem has a `G`.
//!
//! ```text
//! zₜ₊₁ ← J(zₜ − ηₜ F(zₜ) + β (zₜ − zₜ₋₁)),   z₋₁ = z₀,   J = (I + ηₜ G)⁻¹
//! ```
//!
//! On a quadratic with curvatures in `[μ, L]` it converges iff `ηL < 2(1 + β)`; the rate is best,
//! `(√κ − 1)/(√κ + 1)` with `κ = L/μ`, for the settings of [`HeavyBall::for_constants`]. On other functions
//! those settings may cycle. Cost per step: `n` component gradients; memory: the last iterate and one
//! gradient.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use super::ConvexConstants;
use crate::state::memory;
use crate::{Operator, OptimError, Solver, State, StepSize};

/// Heavy ball; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeavyBall {
    /// `ηₜ`.
    pub step_size: StepSize,
    /// `β` in `[0, 1)`; 0 is gradient descent.
    pub momentum: f64,
}

impl HeavyBall {
    /// The best settings for a quadratic with curvatures between `μ` and `L`:
    /// `η = 4/(√L + √μ)²`, `β = ((√L − √μ)/(√L + √μ))²`.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError) unless `0 < μ ≤ L`, both finite.
    pub fn for_constants(constants: ConvexConstants) -> Result<Self, OptimError> {
        constants.check()?;
        let ConvexConstants { strong_convexity, smoothness } = constants;
        let sum = smoothness.sqrt() + strong_convexity.sqrt();
        let difference = smoothness.sqrt() - strong_convexity.sqrt();
        Ok(Self { step_size: (4.0 / (sum * sum)).into(), momentum: (difference / sum).powi(2) })
    }
}

/// What heavy ball remembers: the last iterate, none before the first step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeavyBallMemory<V> {
    previous: Option<V>,
}

memory!(HeavyBallMemory { previous; });

impl<P: Operator> Solver<P> for HeavyBall {
    const NAME: &'static str = "heavy-ball";

    type Memory = HeavyBallMemory<P::Point>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        check::fraction("momentum", self.momentum)?;
        Ok(HeavyBallMemory { previous: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let gradient = state.work.operator(problem, &state.iterate)?;
        let current = state.iterate.clone();
        if let Some(previous) = state.memory.previous.replace(current) {
            let momentum = state.iterate.sub(&previous)?;
            state.iterate.axpy(self.momentum, &momentum)?;
        }
        state.descend(problem, step_size, &gradient)
    }
}
