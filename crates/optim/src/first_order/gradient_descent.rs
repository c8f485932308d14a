//! Gradient descent (Cauchy 1847), with a proximal step where the problem has a `G`; on a game it is
//! simultaneous gradient descent-ascent.
//!
//! ```text
//! z ← J(z − η F(z)),   J = (I + η G)⁻¹
//! ```
//!
//! Converges linearly for `η < 2/L` when `F` is the gradient of a strongly convex function. Cost per step:
//! `n` component gradients; memory: one gradient.

use serde::{Deserialize, Serialize};

use crate::{Operator, OptimError, Solver, State, StepSize};

/// Gradient descent; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientDescent {
    /// `η`; `1/L` is the safe choice where `L` is the smoothness of `f`.
    pub step_size: StepSize,
}

impl<P: Operator> Solver<P> for GradientDescent {
    const NAME: &'static str = "gradient-descent";

    type Memory = ();

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<(), OptimError> {
        self.step_size.check("step_size")
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, ()>) -> Result<(), OptimError> {
        let step_size = self.step_size.at(state.iteration);
        let gradient = state.work.operator(problem, &state.iterate)?;
        state.descend(problem, step_size, &gradient)
    }
}
