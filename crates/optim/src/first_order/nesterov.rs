//! Nesterov's accelerated gradient (Nesterov 1983; *Introductory lectures on convex optimization*, 2004,
//! (2.2.22) for the strongly convex case; proximal form: FISTA, Beck, Teboulle 2009).
//!
//! ```text
//! y   ← zₜ + βₜ (zₜ − zₜ₋₁),   z₋₁ = z₀
//! zₜ₊₁ ← J(y − η F(y)),         J = (I + η G)⁻¹
//! ```
//!
//! With `η = 1/L`: for convex `f` and `βₜ = t/(t + 3)`, `f(zₜ) − f* ≤ 2L‖z₀ − z*‖²/(t + 1)²`; for
//! `μ`-strongly convex `f` and `β = (√κ − 1)/(√κ + 1)`, `κ = L/μ`, the error shrinks by `1 − 1/√κ` per step.
//! Cost per step: `n` component gradients; memory: the last iterate and one gradient.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use super::ConvexConstants;
use crate::state::memory;
use crate::{Operator, OptimError, Solver, State, StepSize};

/// Nesterov's accelerated gradient; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nesterov {
    /// `η`.
    pub step_size: StepSize,
    /// `β` in `[0, 1)`, or `None` for `t/(t + 3)`.
    pub momentum: Option<f64>,
}

impl Nesterov {
    /// The settings for an `L`-smooth and `μ`-strongly convex function; `μ = 0` for one that is merely
    /// convex.
    ///
    /// # Errors
    /// [`InputError::Setting`](crate::InputError) unless `0 ≤ μ ≤ L` and `0 < L`, both finite.
    pub fn for_constants(constants: ConvexConstants) -> Result<Self, OptimError> {
        let ConvexConstants { strong_convexity, smoothness } = constants;
        let momentum = if strong_convexity == 0.0 {
            check::positive("smoothness", smoothness)?;
            None
        } else {
            constants.check()?;
            let root = (smoothness / strong_convexity).sqrt();
            Some((root - 1.0) / (root + 1.0))
        };
        Ok(Self { step_size: (1.0 / smoothness).into(), momentum })
    }
}

/// What the method remembers: the last iterate, none before the first step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NesterovMemory<V> {
    previous: Option<V>,
}

memory!(NesterovMemory { previous; });

impl<P: Operator> Solver<P> for Nesterov {
    const NAME: &'static str = "nesterov";

    type Memory = NesterovMemory<P::Point>;

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<Self::Memory, OptimError> {
        self.step_size.check("step_size")?;
        if let Some(momentum) = self.momentum {
            check::fraction("momentum", momentum)?;
        }
        Ok(NesterovMemory { previous: None })
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, Self::Memory>) -> Result<(), OptimError> {
        let t = state.iteration as f64;
        let momentum = self.momentum.unwrap_or(t / (t + 3.0));
        let current = state.iterate.clone();
        if let Some(previous) = state.memory.previous.replace(current) {
            let difference = state.iterate.sub(&previous)?;
            state.iterate.axpy(momentum, &difference)?;
        }
        let gradient = state.work.operator(problem, &state.iterate)?;
        state.descend(problem, self.step_size.at(state.iteration), &gradient)
    }
}
