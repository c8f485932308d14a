//! Importance weights from Gaussian densities. Shimodaira, "Improving predictive inference under covariate
//! shift by weighting the log-likelihood function", Journal of Statistical Planning and Inference 90, 2000.
//!
//! ```text
//! w(x) = N(x; μ_T, Σ_T) / N(x; μ_S, Σ_S),     Σ = (1 − s) S + s (tr S / d) I
//! ```
//!
//! for the covariance `S` of a domain's rows and the shrinkage `s`. A loss on the source weighted so
//! estimates that on the target when the labels' law given the features is the same and both features are
//! Gaussian.
//!
//! Cost: two Cholesky factorizations `O(d³)`, and `O(n d²)`.

use faer::Mat;
use faer::linalg::solvers::Solve;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::FeatureMoments;
use super::algebra::{factor_covariance, shrunk};
use crate::AdaptError;

/// The ratio of Gaussian densities; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GaussianDensityRatio {
    /// Share `s` of the covariances that is replaced by their mean variance, 0 to 1.
    pub shrinkage: f64,
}

impl GaussianDensityRatio {
    /// The weight of each row of the source, `w(x) ≥ 0`; their mean is near 1 where the source has rows like
    /// the target's.
    ///
    /// # Errors
    /// Without rows, when the domains have different features or the shrinkage is out of range, when a
    /// covariance is singular after it, when a weight is too large for an `f64`, or when all weights are 0.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::linear::GaussianDensityRatio;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [1.0], [2.0]];
    /// let weights = GaussianDensityRatio::default().weights(&source, &target)?;
    /// // Rows like the target's count more.
    /// assert!(weights[3] > 1.0 && weights[0] < 0.1);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<Vec<f64>, AdaptError> {
        if source.ncols() != target.ncols() {
            let what = "features of the target";
            return Err(InputError::size(what, target.ncols(), source.ncols()).into());
        }
        let numerator = self.log_densities(source, target)?;
        let denominator = self.log_densities(source, source)?;
        let weights: Vec<f64> = numerator.iter().zip(denominator).map(|(t, s)| (t - s).exp()).collect();
        if weights.iter().any(|weight| !weight.is_finite()) {
            return Err(InputError::not_finite("the weights of the source's rows").into());
        }
        let sum: f64 = weights.iter().sum();
        check::setting(
            "sum of the weights",
            sum,
            sum > 0.0,
            "above 0: no row of the source is like the target's",
        )?;
        Ok(weights)
    }

    /// Of the rows of `x` under the Gaussian of `domain`, without `(d/2) ln 2π`.
    fn log_densities(self, x: &Mat<f64>, domain: &Mat<f64>) -> Result<Vec<f64>, AdaptError> {
        let moments = FeatureMoments::of(domain)?;
        let factor = factor_covariance(shrunk(moments.covariance(), self.shrinkage)?.as_ref(), 0.0)?;
        let half_log_determinant: f64 = (0..x.ncols()).map(|j| factor.L()[(j, j)].ln()).sum();
        let mean = moments.mean();
        let away = Mat::from_fn(x.ncols(), x.nrows(), |j, i| x[(i, j)] - mean[j]);
        let solved = factor.solve(&away);
        let squares = away.col_iter().zip(solved.col_iter()).map(|(a, b)| a.transpose() * b);
        Ok(squares.map(|square: f64| -0.5 * square - half_log_determinant).collect())
    }
}
