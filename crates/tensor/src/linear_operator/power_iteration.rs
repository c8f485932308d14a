//! Power iteration (von Mises, Pollaczek-Geiringer 1929) for the eigenvalue of largest magnitude.
//!
//! ```text
//! v ← A v / ‖A v‖,   λ = ⟨v, A v⟩   until   ‖A v − λ v‖ ≤ tolerance · |λ|
//! ```
//!
//! For symmetric `A` the residual bounds the distance of `λ` to an eigenvalue, and falls like `|λ₂/λ₁|` per
//! step: use [`Lanczos`](crate::Lanczos) when that is close to 1. When `λ` and `−λ` are both extreme, `v` and the
//! vector before it, `p`, end as mirror images, `A v = |λ| p`: then `v + p` is an eigenvector of `|λ|`, and takes
//! their place. Cost per step: one product; memory: three vectors.

use serde::{Deserialize, Serialize};

use super::{LinearOperator, at_least_one_iteration, finite, normalize, positive_tolerance, residual};
use crate::{TensorError, Vector};

/// Power iteration; see `linear_operator/power_iteration.rs` for the method.
///
/// ```
/// use kiln_tensor::{PowerIteration, TensorError, Vector};
///
/// let map = |v: &Vec<f64>| Ok::<_, TensorError>(vec![2.0 * v[0], -5.0 * v[1]]);
/// let found = PowerIteration { tolerance: 1e-10, max_iterations: 100 }.largest(&map, &vec![1.0, 1.0])?;
/// assert!((found.value + 5.0).abs() < 1e-9);
/// # Ok::<(), TensorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerIteration {
    /// The residual, relative to `|λ|`, at which it ends.
    pub tolerance: f64,
    /// Products after which it ends in any case, at least 1.
    pub max_iterations: usize,
}

/// An approximate eigenvalue with its eigenvector.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpair<V> {
    /// `λ = ⟨v, A v⟩`.
    pub value: f64,
    /// `v`, of norm 1.
    pub vector: V,
    /// `‖A v − λ v‖`; larger than the tolerance allows if the iteration limit came first.
    pub residual: f64,
    /// Products taken.
    pub products: u64,
}

impl PowerIteration {
    /// The eigenvalue of largest magnitude of a symmetric `A`.
    ///
    /// # Errors
    /// [`TensorError::Input`] for a setting or a number that is not finite, [`TensorError::ZeroStart`], and
    /// those of the map.
    pub fn largest<V: Vector, A: LinearOperator<V>>(
        &self,
        map: &A,
        start: &V,
    ) -> Result<Eigenpair<V>, A::Error> {
        positive_tolerance(self.tolerance)?;
        at_least_one_iteration(self.max_iterations)?;
        let (mut vector, norm) = normalize(start.clone())?;
        finite(norm, "the start vector")?;
        if norm == 0.0 {
            return Err(TensorError::ZeroStart.into());
        }
        let mut products = 0;
        let mut previous: Option<V> = None;
        loop {
            let image = map.apply(&vector)?;
            products += 1;
            let value = finite(vector.dot(&image)?, "a product with the linear map")?;
            let residual = residual(&image, value, &vector)?;
            if residual <= self.tolerance * value.abs() || products >= self.max_iterations as u64 {
                return Ok(Eigenpair { value, vector, residual, products });
            }
            let (mut next, growth) = normalize(image)?;
            if let Some(previous) = previous
                && growth > 0.0
                && next.sub(&previous)?.norm()? <= self.tolerance
            {
                next.axpy(1.0, &vector)?;
                next = normalize(next)?.0;
            }
            previous = Some(std::mem::replace(&mut vector, next));
        }
    }
}
