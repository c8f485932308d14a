//! What acts on the singular values of a matrix `X = U Σ Vᵀ`: the nuclear norm, matrices of low rank,
//! matrices with orthonormal columns. One singular value decomposition, `O(m n min(m, n))`, on the host in
//! `f64`.

use faer::{Mat, MatRef};
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::simplex::threshold;
use super::{ConstraintSet, LinearOracle, Prox, finite, indicator, on_host, scaled};
use crate::{Coordinates, TensorError};

/// `g(X) = λ ‖X‖∗`, the sum of the singular values; its proximal map soft-thresholds them at `s λ`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NuclearNorm {
    /// `λ ≥ 0`.
    pub weight: f64,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
}

impl<V: Coordinates> Prox<V> for NuclearNorm {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        let threshold = scaled(step, self.weight)?;
        let shape = Shape::of(self.rows, self.columns, x.dimension())?;
        on_host(x, |x| shape.change(x, |_, value| (value - threshold).max(0.0)))
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        scaled(1.0, self.weight)?;
        Ok(self.weight * Shape::of(self.rows, self.columns, x.dimension())?.values(x)?.iter().sum::<f64>())
    }
}

/// `{X : ‖X‖∗ ≤ r}`, the convex stand-in for matrices of low rank. The projection takes the singular values
/// to the `ℓ₁` ball; the minimizer of a linear function has rank 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NuclearBall {
    /// `r ≥ 0`.
    pub radius: f64,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
}

impl<V: Coordinates> Prox<V> for NuclearBall {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        check::nonnegative("radius", self.radius)?;
        let shape = Shape::of(self.rows, self.columns, x.dimension())?;
        let values = shape.values(x)?;
        if values.iter().sum::<f64>() <= self.radius {
            return Ok(());
        }
        let (largest, threshold) = threshold(&values, self.radius);
        on_host(x, |x| shape.change(x, |_, value| (value - largest - threshold).clamp(0.0, value.max(0.0))))
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for NuclearBall {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// `−r u vᵀ` with the first singular vectors of the direction; 0 along the zero direction.
impl<V: Coordinates> LinearOracle<V> for NuclearBall {
    fn minimize_linear(&self, direction: &V) -> Result<V, TensorError> {
        check::nonnegative("radius", self.radius)?;
        let shape = Shape::of(self.rows, self.columns, direction.dimension())?;
        let mut point = direction.clone();
        let first = |i, value: f64| if i == 0 && value > 0.0 { -self.radius } else { 0.0 };
        on_host(&mut point, |x| shape.change(x, first))?;
        Ok(point)
    }
}

/// The matrices of rank at most `r`. The projection keeps the first `r` singular triples; of equal singular
/// values it keeps those that the decomposition gives first.
///
/// Its local concavity is `1/(2σᵣ)` in the spectral norm: infinite where the rank is less than `r`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowRank {
    /// `r`.
    pub rank: usize,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
}

impl<V: Coordinates> Prox<V> for LowRank {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        let shape = Shape::of(self.rows, self.columns, x.dimension())?;
        on_host(x, |x| {
            if self.rank < shape.rows.min(shape.columns) {
                shape.change(x, |i, value| if i < self.rank { value } else { 0.0 })?;
            }
            Ok(())
        })
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for LowRank {
    fn concavity(&self, x: &V) -> Result<f64, TensorError> {
        let values = Shape::of(self.rows, self.columns, x.dimension())?.values(x)?;
        Ok(if self.rank == 0 || self.rank >= values.len() { 0.0 } else { 0.5 / values[self.rank - 1] })
    }
}

/// The matrices with `XᵀX = I` (the Stiefel manifold), for `rows ≥ columns`. The projection is the polar
/// factor `U Vᵀ`.
///
/// Its local concavity is `1/2` in the spectral norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orthonormal {
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
}

impl<V: Coordinates> Prox<V> for Orthonormal {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        let shape = Shape::of(self.rows, self.columns, x.dimension())?;
        check::setting("columns", shape.columns as f64, shape.rows >= shape.columns, "at most `rows`")?;
        on_host(x, |x| shape.change(x, |_, _| 1.0))
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for Orthonormal {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.5)
    }
}

#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
}

impl Shape {
    fn of(rows: usize, columns: usize, dimension: usize) -> Result<Self, TensorError> {
        if rows.checked_mul(columns) == Some(dimension) {
            Ok(Self { rows, columns })
        } else {
            Err(InputError::shape("the matrix, as a vector,", &[dimension], &[rows, columns]).into())
        }
    }

    fn matrix(self, x: &[f64]) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(x, self.rows, self.columns)
    }

    /// `X ← U diag(f(i, σᵢ)) Vᵀ`.
    fn change(self, x: &mut [f64], f: impl Fn(usize, f64) -> f64) -> Result<(), TensorError> {
        if x.is_empty() {
            return Ok(());
        }
        let svd = self.matrix(x).thin_svd().map_err(|_| TensorError::Decomposition)?;
        let changed: Vec<f64> =
            svd.S().column_vector().iter().enumerate().map(|(i, &value)| f(i, value)).collect();
        let kept = changed.iter().rposition(|&value| value != 0.0).map_or(0, |last| last + 1);
        let left = svd.U().subcols(0, kept);
        let left = Mat::from_fn(self.rows, kept, |i, j| left[(i, j)] * changed[j]);
        let product = left * svd.V().subcols(0, kept).transpose();
        for (i, row) in x.chunks_exact_mut(self.columns.max(1)).enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = product[(i, j)];
            }
        }
        // The decomposition reports what did not converge, but not an overflow inside.
        if x.iter().all(|x| x.is_finite()) { Ok(()) } else { Err(TensorError::Decomposition) }
    }

    /// The singular values in descending order.
    fn values<V: Coordinates>(self, x: &V) -> Result<Vec<f64>, TensorError> {
        let x = x.coordinates()?;
        finite(&x)?;
        if x.is_empty() {
            return Ok(Vec::new());
        }
        self.matrix(&x).singular_values().map_err(|_| TensorError::Decomposition)
    }
}
