//! Nonnegative matrix factorization (Lee, Seung 1999): examples as sums of parts, with no part ever taken
//! away.
//!
//! ```text
//! min ½‖X − WH‖²   over   W ≥ 0 [n, k], H ≥ 0 [k, features]
//! ```
//!
//! by turns in closed form over each column of `W` and each row of `H` (HALS; Cichocki, Phan 2009), which
//! goes down in every step as Lee and Seung's multiplicative updates do, in far fewer of them. `O(n d k)` for
//! each iteration, on the host in `f64`.
//!
//! The coefficients of new examples are nonnegative least squares by the same steps; the inverse `wH` is
//! linear. What the parts cannot say is the residual.

use burn::tensor::Tensor;
use faer::{ColRef, Mat, MatRef, Side};
use kiln_core::{InputError, random};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::basis::{Basis, check_count, rows};
use super::features::Features;
use super::matrix::{Matrix, near};
use crate::InterpretError;
use crate::border::numbers;

/// Amounts of nonnegative parts.
///
/// [`forward`](Transform::forward) works on the host and passes no gradient, which TRIM does not ask for.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::transform::{NonnegativeFactorization, Transform};
///
/// // Sums of two patterns that do not overlap.
/// let x = Tensor::<2>::from_data(
///     [[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, 1.0], [2.0, 4.0, 3.0, 1.0]],
///     &Device::flex(),
/// );
/// let parts = NonnegativeFactorization::fit(&x, 2, 200, 1)?;
/// let amounts = parts.forward(x.clone())?;
/// let back: Tensor<2> = parts.inverse(amounts)?;
/// assert!((back - x).abs().max().into_scalar::<f32>() < 1e-4);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonnegativeFactorization {
    basis: Basis,
}

impl NonnegativeFactorization {
    /// Finds `parts` of the examples `[n, …]` from a random start, each of length 1 in the end.
    ///
    /// # Errors
    /// Without examples, for numbers that are negative or not finite, or when `parts` is 0 or more than
    /// `min(n, features)`.
    pub fn fit<const D: usize>(
        x: &Tensor<D>,
        parts: usize,
        iterations: usize,
        seed: u64,
    ) -> Result<Self, InterpretError> {
        let (features, x) = nonnegative_rows(x, parts)?;
        let (n, width) = (x.nrows(), x.ncols());
        let mut rng = random::stream(seed, 0);
        let mean = x.sum() / (n * width) as f64;
        let scale = (mean / parts as f64).sqrt();
        let mut h = Mat::from_fn(width, parts, |_, _| scale * rng.random::<f64>());
        let mut w = Mat::from_fn(n, parts, |_, _| scale * rng.random::<f64>());
        for _ in 0..iterations {
            sweep((h.transpose() * &h).as_ref(), (&x * &h).as_ref(), &mut w);
            sweep((w.transpose() * &w).as_ref(), (x.transpose() * &w).as_ref(), &mut h);
        }
        for part in h.col_iter_mut() {
            let norm = part.norm_l2();
            if norm > 0.0 {
                part.iter_mut().for_each(|value| *value /= norm);
            }
        }
        let parts = Matrix::from_fn(parts, width, |k, j| h[(j, k)]);
        Ok(Self { basis: Basis { features, parts } })
    }

    /// Finds `parts` of the examples from their singular vectors (NNDSVD; Boutsidis, Gallopoulos 2008), in at most so
    /// many iterations, and leaves each part the length that it comes to: what scikit-learn's `NMF` does with
    /// `init="nndsvd"`, stopped by the same rule. Nothing is random.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`InterpretError::Decomposition`] for examples whose squares are too large.
    pub fn fit_from_svd<const D: usize>(
        x: &Tensor<D>,
        parts: usize,
        iterations: usize,
    ) -> Result<Self, InterpretError> {
        let (features, x) = nonnegative_rows(x, parts)?;
        let (n, width) = (x.nrows(), x.ncols());
        // Right singular vectors, the largest last.
        let eigen = (x.transpose() * &x).self_adjoint_eigen(Side::Lower).map_err(|_| {
            InterpretError::Decomposition { what: "the eigendecomposition", hint: "rescale the examples" }
        })?;
        let (mut w, mut h) = (Mat::zeros(n, parts), Mat::zeros(width, parts));
        for k in 0..parts {
            let right = eigen.U().col(width - 1 - k);
            let left = &x * right;
            let [above, below] = [1.0, -1.0].map(|sign| (half(sign, left.as_ref()), half(sign, right)));
            let size = |(left, right): &(Half, Half)| left.length * right.length;
            let (left, right) = if size(&above) >= size(&below) { above } else { below };
            let root = (left.length * right.length).sqrt();
            let scaled = |length: f64| if length > 0.0 { root / length } else { 0.0 };
            for (i, value) in left.values.iter().enumerate() {
                w[(i, k)] = value * scaled(left.length);
            }
            for (j, value) in right.values.iter().enumerate() {
                h[(j, k)] = value * scaled(right.length);
            }
        }
        let mut first = None;
        for _ in 0..iterations {
            let of_amounts = sweep((h.transpose() * &h).as_ref(), (&x * &h).as_ref(), &mut w);
            let of_parts = sweep((w.transpose() * &w).as_ref(), (x.transpose() * &w).as_ref(), &mut h);
            let slope = of_amounts.slope + of_parts.slope;
            if slope <= STOP * *first.get_or_insert(slope) {
                break;
            }
        }
        let parts = Matrix::from_fn(parts, width, |k, j| h[(j, k)]);
        Ok(Self { basis: Basis { features, parts } })
    }

    /// Part `index`, in row-major order; `None` when there is none of that number.
    pub fn part(&self, index: usize) -> Option<&[f64]> {
        self.basis.parts.row(index)
    }
}

/// Examples without negative numbers, enough of them for so many parts.
fn nonnegative_rows<const D: usize>(
    x: &Tensor<D>,
    parts: usize,
) -> Result<(Features, Mat<f64>), InterpretError> {
    let (features, x) = rows(x)?;
    check_count(
        "parts",
        parts,
        x.nrows().min(x.ncols()),
        "from 1 to the number of examples and of features",
    )?;
    if let Some(&value) = x.col_iter().flat_map(ColRef::iter).find(|value| **value < 0.0) {
        return Err(InputError::setting("examples", value, "at least 0").into());
    }
    Ok((features, x))
}

/// Where one singular vector is positive, or where it is negative.
struct Half {
    values: Vec<f64>,
    length: f64,
}

fn half(sign: f64, vector: ColRef<'_, f64>) -> Half {
    let values: Vec<f64> = vector.iter().map(|value| (sign * value).max(0.0)).collect();
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    Half { values, length }
}

/// What a sweep did.
struct Swept {
    /// By how much an entry has changed at most, as a share of the largest.
    change: f64,
    /// Sum of the sizes of the slopes that the sweep met, but for those out of the nonnegative numbers.
    slope: f64,
}

/// For each column `k` of `w ≥ 0` in turn, the best one: `w_k ← max(0, w_k + (b_k − w g_k)/g_kk)`.
fn sweep(g: MatRef<'_, f64>, b: MatRef<'_, f64>, w: &mut Mat<f64>) -> Swept {
    let (mut change, mut largest, mut sum) = (0.0_f64, 0.0_f64, 0.0);
    for k in 0..g.ncols() {
        let own = g[(k, k)];
        if own <= 0.0 {
            continue;
        }
        let fitted = &*w * g.col(k);
        for i in 0..w.nrows() {
            let (before, slope) = (w[(i, k)], fitted[i] - b[(i, k)]);
            let after = (before - slope / own).max(0.0);
            if before > 0.0 || slope < 0.0 {
                sum += slope.abs();
            }
            change = change.max((after - before).abs());
            largest = largest.max(after);
            w[(i, k)] = after;
        }
    }
    Swept { change: if change > 0.0 { change / largest.max(change) } else { 0.0 }, slope: sum }
}

/// Coefficients are as good as this, as a share of the largest one in the batch.
const TOLERANCE: f64 = 1e-10;
/// Share of the first slopes at which [`NonnegativeFactorization::fit_from_svd`] stops.
const STOP: f64 = 1e-4;
const MOST_SWEEPS: usize = 2_000;

impl<const D: usize> Transform<D> for NonnegativeFactorization {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        let x = self.basis.features.flatten(x)?;
        let [n, width] = x.dims();
        let values = numbers("the input", x.clone())?;
        let parts = &self.basis.parts;
        let h = Mat::from_fn(width, parts.rows, |j, k| parts.values[k * parts.columns + j]);
        let b = MatRef::from_row_major_slice(&values, n, width) * &h;
        let g = h.transpose() * &h;
        let mut w = Mat::zeros(n, parts.rows);
        for _ in 0..MOST_SWEEPS {
            if sweep(g.as_ref(), b.as_ref(), &mut w).change < TOLERANCE {
                break;
            }
        }
        let rows = (0..n).flat_map(|i| w.row(i).iter().copied().collect::<Vec<_>>()).collect();
        Ok(near(rows, [n, parts.rows], &x))
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        self.basis.features.unflatten(self.basis.sum(&coefficients)?)
    }
}
