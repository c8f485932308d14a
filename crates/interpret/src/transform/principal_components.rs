//! Principal component analysis (Pearson 1901; Hotelling 1933): the `k` orthogonal directions in which
//! examples vary most.
//!
//! ```text
//! c = V (x − μ),   x ≈ Vᵀ c + μ
//! ```
//!
//! with the rows of `V` the first right singular vectors of the centred examples. Where `k` is less than the
//! rank a residual is left. Fitted on the host in `f64`, `O(n d min(n, d))`; both ways cost `O(k d)` for each
//! example.

use burn::tensor::Tensor;
use faer::Mat;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::basis::{Basis, check_count, rows};
use super::matrix::{Matrix, near};
use crate::InterpretError;

/// Coefficients along the main directions of examples.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use kiln_interpret::transform::{PrincipalComponents, Transform};
///
/// // Points near a line.
/// let x = Tensor::<2>::from_data([[0.0, 0.1], [1.0, 0.9], [2.0, 2.1], [3.0, 2.9]], &Device::flex());
/// let line = PrincipalComponents::fit(&x, 1)?;
/// assert!(line.explained()[0] > 0.99);
/// let along = line.forward(x)?;
/// assert_eq!(along.dims(), [4, 1]);
/// # Ok::<(), kiln_interpret::InterpretError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrincipalComponents {
    basis: Basis,
    mean: Vec<f64>,
    explained: Vec<f64>,
}

impl PrincipalComponents {
    /// The first `components` of the examples `[n, …]`; of each, the largest entry is positive.
    ///
    /// # Errors
    /// Without examples, for numbers that are not finite, or when `components` is 0 or more than `min(n,
    /// features)`.
    pub fn fit<const D: usize>(x: &Tensor<D>, components: usize) -> Result<Self, InterpretError> {
        let (features, mut rows) = rows(x)?;
        let (n, width) = (rows.nrows(), rows.ncols());
        check_count(
            "components",
            components,
            n.min(width),
            "from 1 to the number of examples and of features",
        )?;
        let mean: Vec<f64> = (0..width).map(|j| rows.col(j).iter().sum::<f64>() / n as f64).collect();
        for (j, mean) in mean.iter().enumerate() {
            rows.col_mut(j).iter_mut().for_each(|value| *value -= mean);
        }
        // Directions do not change when tall matrices are first made square.
        let small = if n > width { rows.qr().thin_R().to_owned() } else { rows };
        let svd = Mat::thin_svd(&small).map_err(|_| InterpretError::Decomposition {
            what: "the singular value decomposition",
            hint: "rescale the examples",
        })?;
        let squares: Vec<f64> = svd.S().column_vector().iter().map(|s| s * s).collect();
        let total = squares.iter().sum::<f64>();
        let explained =
            squares.iter().take(components).map(|square| if total > 0.0 { square / total } else { 0.0 });
        let explained = explained.collect();
        let v = svd.V();
        let signs: Vec<f64> = (0..components)
            .map(|k| {
                let largest =
                    v.col(k).iter().fold(0.0_f64, |most, x| if x.abs() > most.abs() { *x } else { most });
                if largest < 0.0 { -1.0 } else { 1.0 }
            })
            .collect();
        let parts = Matrix::from_fn(components, width, |k, j| signs[k] * v[(j, k)]);
        Ok(Self { basis: Basis { features, parts }, mean, explained })
    }

    /// Direction `component`, of length 1, in row-major order; `None` when there is none of that number.
    pub fn direction(&self, component: usize) -> Option<&[f64]> {
        self.basis.parts.row(component)
    }

    /// The mean of the examples, which has coefficients 0.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The share of the examples' variance along each direction.
    pub fn explained(&self) -> &[f64] {
        &self.explained
    }

    fn mean_near(&self, x: &Tensor<2>) -> Tensor<2> {
        near(self.mean.clone(), [1, self.mean.len()], x)
    }
}

impl<const D: usize> Transform<D> for PrincipalComponents {
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError> {
        let x = self.basis.features.flatten(x)?;
        let centred = x.clone() - self.mean_near(&x);
        Ok(centred.matmul(self.basis.parts.near(&x).transpose()))
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError> {
        let x = self.basis.sum(&coefficients)?;
        self.basis.features.unflatten(x + self.mean_near(&coefficients))
    }
}
