//! Conjugate gradients (Hestenes, Stiefel 1952) for `A x = b` with a symmetric positive definite `A`.
//!
//! ```text
//! x = 0, r = p = b;   α = ‖r‖² / pᵀAp,  x ← x + α p,  r' = r − α A p,  p ← r' + (‖r'‖²/‖r‖²) p
//! ```
//!
//! The error in the norm of `A` falls at least like `2 ((√κ − 1)/(√κ + 1))^t`; exact after as many steps as
//! there are distinct eigenvalues, but for rounding. Cost per step: one product; memory: four vectors.

use serde::{Deserialize, Serialize};

use super::{LinearOperator, at_least_one_iteration, finite, positive_tolerance};
use crate::{TensorError, Vector};

/// Conjugate gradients; see `linear_operator/conjugate_gradient.rs` for the method.
///
/// ```
/// use kiln_tensor::{ConjugateGradient, TensorError};
///
/// let map = |v: &Vec<f64>| Ok::<_, TensorError>(vec![2.0 * v[0] + v[1], v[0] + 3.0 * v[1]]);
/// let solution = ConjugateGradient { tolerance: 1e-12, max_iterations: 10 }.solve(&map, &vec![3.0, 4.0])?;
/// assert!((solution.x[0] - 1.0).abs() < 1e-12 && (solution.x[1] - 1.0).abs() < 1e-12);
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConjugateGradient {
    /// The norm of the residual `b − A x`, relative to `‖b‖`, at which it ends.
    pub tolerance: f64,
    /// Products after which it ends in any case, at least 1.
    pub max_iterations: usize,
}

/// An approximate solution of `A x = b`.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearSolution<V> {
    /// `x`.
    pub x: V,
    /// `‖b − A x‖` by the recurrence; larger than the tolerance allows if the iteration limit came first.
    pub residual: f64,
    /// Products taken.
    pub products: u64,
}

impl ConjugateGradient {
    /// Solves `A x = b` from `x = 0`.
    ///
    /// # Errors
    /// [`TensorError::Input`] for a setting or a number that is not finite,
    /// [`TensorError::NotPositiveDefinite`], and those of the map.
    pub fn solve<V: Vector, A: LinearOperator<V>>(
        &self,
        map: &A,
        right_hand_side: &V,
    ) -> Result<LinearSolution<V>, A::Error> {
        positive_tolerance(self.tolerance)?;
        at_least_one_iteration(self.max_iterations)?;
        let mut x = right_hand_side.zeros_like();
        let mut remainder = right_hand_side.clone();
        let mut direction = right_hand_side.clone();
        let mut square = finite(remainder.dot(&remainder)?, "the right-hand side")?;
        let enough = self.tolerance.powi(2) * square;
        let mut products = 0;
        while square > enough && products < self.max_iterations as u64 {
            let image = map.apply(&direction)?;
            products += 1;
            let curvature = finite(direction.dot(&image)?, "a product with the linear map")?;
            if curvature <= 0.0 {
                let curvature = curvature / direction.dot(&direction)?;
                return Err(TensorError::NotPositiveDefinite { curvature }.into());
            }
            let step = square / curvature;
            x.axpy(step, &direction)?;
            remainder.axpy(-step, &image)?;
            let before = square;
            square = finite(remainder.dot(&remainder)?, "the residual")?;
            direction.scale(square / before);
            direction.axpy(1.0, &remainder)?;
        }
        Ok(LinearSolution { x, residual: square.sqrt(), products })
    }
}
