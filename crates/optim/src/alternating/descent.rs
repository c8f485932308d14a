//! Alternating descent: alternating minimization with inexact steps (Ha, Barber, arXiv 1709.04451, eq. 3).
//!
//! ```text
//! k times:  x ← P_X(x − (s/Lₓ) ∇ₓL(x, y))      Lₓ the smoothness of L(·, y)
//! k times:  y ← P_Y(y − (s/Lᵧ) ∇ᵧL(x, y))      Lᵧ the smoothness of L(x, ·)
//! ```
//!
//! For `s ≤ 1` it never increases `L` from a feasible point, over any closed sets. Cost per step: `2k`
//! partial gradients and projections, and the two constants; memory: one partial gradient.

use kiln_core::check;
use kiln_tensor::Vector;
use serde::{Deserialize, Serialize};

use super::TwoBlocks;
use crate::{OptimError, Solver, State, Work};

/// Alternating descent; see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlternatingDescent {
    /// `k`, gradient steps in one block before the other has its turn.
    pub inner_steps: usize,
    /// `s`, the step size as a multiple of `1/L` of the block; below 2.
    pub relative_step: f64,
}

/// One step of `1/L` in each block.
impl Default for AlternatingDescent {
    fn default() -> Self {
        Self { inner_steps: 1, relative_step: 1.0 }
    }
}

impl<P: TwoBlocks> Solver<P> for AlternatingDescent {
    const NAME: &'static str = "alternating-descent";

    type Memory = ();

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<(), OptimError> {
        check::at_least_one("inner_steps", self.inner_steps)?;
        Ok(check::positive("relative_step", self.relative_step)?)
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, ()>) -> Result<(), OptimError> {
        let (x, y) = &mut state.iterate;
        let step_size = self.relative_step / problem.smoothness_x(y)?;
        for _ in 0..self.inner_steps {
            let gradient = state.work.block_gradient(problem.gradient_x(x, y))?;
            x.axpy(-step_size, &gradient)?;
            problem.project_x(x)?;
        }
        let step_size = self.relative_step / problem.smoothness_y(x)?;
        for _ in 0..self.inner_steps {
            let gradient = state.work.block_gradient(problem.gradient_y(x, y))?;
            y.axpy(-step_size, &gradient)?;
            problem.project_y(y)?;
        }
        Ok(())
    }
}

impl Work {
    fn block_gradient<G>(&mut self, gradient: Result<G, OptimError>) -> Result<G, OptimError> {
        self.partial_gradients += 1;
        gradient
    }
}
