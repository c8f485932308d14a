//! Exact alternating minimization (block Gauss-Seidel; over nonconvex sets: Ha, Barber, arXiv 1709.04451, eq.
//! 2).
//!
//! ```text
//! x ← argmin_{x ∈ X} L(x, y)
//! y ← argmin_{y ∈ Y} L(x, y)
//! ```
//!
//! `L` never increases. For `L = ½xᵀAx + xᵀBy + ½yᵀCy` over whole spaces the error of `y` is multiplied by
//! `C⁻¹BᵀA⁻¹B` in each step, which is linear convergence at the rate `‖A^{-1/2} B C^{-1/2}‖²`. Cost per step:
//! two block minimizations; memory: none.

use serde::{Deserialize, Serialize};

use super::ExactBlocks;
use crate::{OptimError, Solver, State};

/// Alternating minimization; see the [module](self). The first block of the start is not used.
///
/// ```
/// use kiln_optim::{Stop, alternating::AlternatingMinimization, problems::LowRankPlusSparse, run};
/// use kiln_tensor::prox::{LowRank, SparseVectors};
///
/// // A matrix of ones and one outlier.
/// let mut observed = vec![1.0; 36];
/// observed[6] = 3.0;
/// let low_rank = LowRank { rank: 1, rows: 6, columns: 6 };
/// let problem = LowRankPlusSparse::new(observed, low_rank, SparseVectors { nonzeros: 1 })?;
/// let start = (vec![0.0; 36], vec![0.0; 36]);
/// let solution = run(&AlternatingMinimization, &problem, start, &Stop::after(50))?;
/// assert!((solution.state.iterate.1[6] - 2.0).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlternatingMinimization;

impl<P: ExactBlocks> Solver<P> for AlternatingMinimization {
    const NAME: &'static str = "alternating-minimization";

    type Memory = ();

    fn init(&self, _problem: &P, _start: &P::Point) -> Result<(), OptimError> {
        Ok(())
    }

    fn step(&self, problem: &P, state: &mut State<P::Point, ()>) -> Result<(), OptimError> {
        let (x, y) = &mut state.iterate;
        *x = state.work.minimize_x(problem, y)?;
        *y = state.work.minimize_y(problem, x)?;
        Ok(())
    }
}
