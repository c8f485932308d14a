//! Extragradient (Korpelevich 1976), with steps of two sizes EG+ (Diakonikolas, Daskalakis, Jordan,
//! *Efficient methods for structured nonconvex-nonconcave min-max optimization*, AISTATS 2021, algorithm 1).
//!
//! ```text
//! w ← J₁(z − η₁ F(z)),   z ← J₂(z − η₂ F(w)),   Jᵢ = (I + ηᵢ G)⁻¹
//! ```
//!
//! Converges for monotone `L`-Lipschitz `F` and `η₁ = η₂ < 1/L`, bilinear games included, and linearly for
//! strongly monotone `F`; EG+ takes `η₂ < η₁`. On bilinear games `η₂ = 2η₁` always diverges. Cost per step: 2
//! evaluations of `F`; memory: one extra point and one operator value, both transient.

use faer::{Mat, Scale};
use serde::{Deserialize, Serialize};

use crate::problems::QuadraticGame;
use crate::{Operator, OptimError, Solver, State, StepSize};

/// Extragradient; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extragradient {
    /// `η₁`, from the current point to the one where `F` is taken.
    pub extrapolation_step: StepSize,
    /// `η₂`.
    pub step_size: StepSize,
}

impl Extragradient {
    /// `η₁ = η₂`; `1/(2L)` is a safe choice.
    pub fn new(step_size: impl Into<StepSize>) -> Self {
        let step_size = step_size.into();
        Self { extrapolation_step: step_size, step_size }
    }

    /// The matrix of one step on the error `z − z*` of a quadratic game, `I − η₂J + η₁η₂J²`, with the step
    /// sizes of iteration 0.
    pub fn iteration_matrix(&self, game: &QuadraticGame) -> Mat<f64> {
        let (extrapolation, step) = (self.extrapolation_step.at(0), self.step_size.at(0));
        let jacobian = game.jacobian();
        let identity = Mat::<f64>::identity(jacobian.nrows(), jacobian.ncols());
        let square = &jacobian * &jacobian;
        identity - Scale(step) * &jacobian + Scale(extrapolation * step) * square
    }
}

impl<P: Operator> Solver<P> for Extragradient {
    const NAME: &'static str = "extragradient";

    type Memory = ();

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<(), OptimError> {
        self.extrapolation_step.check("extrapolation_step")?;
        self.step_size.check("step_size")
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, ()>) -> Result<(), OptimError> {
        let before = state.iterate.clone();
        let here = state.work.operator(problem, &before)?;
        state.descend(problem, self.extrapolation_step.at(state.iteration), &here)?;
        let there = state.work.operator(problem, &state.iterate)?;
        state.iterate = before;
        state.descend(problem, self.step_size.at(state.iteration), &there)
    }
}
