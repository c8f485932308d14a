//! Importance weights from Gaussian densities. Shimodaira, "Improving predictive inference under covariate
//! shift by weighting the log-likelihood function", Journal of Statistical Planning and Inference 90, 2000.
//!
//! ```text
//! w(x) = N(x; μ_T, Σ_T) / N(x; μ_S, Σ_S),     Σ = (1 − s) S + s (tr S / d) I
//! ```
//!
//! for the covariance `S` of a domain's rows and the shrinkage `s`. A loss on the source weighted so
//! estimates that on the target when the labels' law given the features is the same and both features are
//! Gaussian. The ratios are formed in logarithms, divided by their mean and clipped ([`ImportanceWeights`]);
//! what they are worth is returned, and too little is an error.
//!
//! Cost: two Cholesky factorizations `O(d³)`, and `O(n d²)`.

use faer::Mat;
use faer::linalg::solvers::Solve;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::FeatureMoments;
use super::algebra::{factor_covariance, shrunk};
use crate::AdaptError;
use crate::importance::{DensityRatio, ImportanceWeights, WeightLimit};

/// The ratio of Gaussian densities; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GaussianDensityRatio {
    /// Share `s` of the covariances that is replaced by their mean variance, 0 to 1.
    pub shrinkage: f64,
    /// How large a weight can be.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, 0 to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for GaussianDensityRatio {
    /// No shrinkage, weights of up to `√n` times their mean, at least one effective row in twenty.
    fn default() -> Self {
        Self { shrinkage: 0.0, limit: WeightLimit::RootOfRows, least_effective: 0.05 }
    }
}

impl GaussianDensityRatio {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// Without rows, when the domains have different features or a setting is out of range, when a covariance
    /// is singular after the shrinkage, and [`AdaptError::FewEffectiveRows`] when the source has too few rows
    /// like the target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::linear::GaussianDensityRatio;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [1.0], [2.0]];
    /// let found = GaussianDensityRatio::default().weights(&source, &target)?;
    /// // Rows like the target's count more.
    /// assert!(found.weights[3] > 1.0 && found.weights[0] < 0.1);
    /// assert!(found.effective_rows > 2.0);
    ///
    /// // From a target far off little can be learned: one row of five has all the weight.
    /// let far = mat![[40.0], [41.0], [42.0]];
    /// let careful = GaussianDensityRatio { least_effective: 0.25, ..GaussianDensityRatio::default() };
    /// assert!(careful.weights(&source, &far).is_err());
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        check::size("features of the target", target.ncols(), source.ncols())?;
        check::not_empty("a row of the source", source.ncols())?;
        let numerator = self.log_densities(source, target)?;
        let denominator = self.log_densities(source, source)?;
        let logarithms: Vec<f64> = numerator.iter().zip(denominator).map(|(t, s)| t - s).collect();
        ImportanceWeights::of_logarithms(&logarithms, self.limit, self.least_effective)
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

impl DensityRatio for GaussianDensityRatio {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}
