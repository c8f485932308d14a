//! Importance weights from a classifier that tells target from source.
//!
//! ```text
//! w(x) = P(target | x) / P(source | x) = exp(βᵀx + b)
//! ```
//!
//! for the logistic regression of the domain on the features, each domain counted the same, with the ridge `½
//! λ ‖Dβ‖²` in standard deviations `D` of the features, so that their units do not matter. It is the ratio of
//! the densities when that is log-linear in the features, as for Gaussians of one covariance and whatever is
//! tilted exponentially; for Gaussians of two covariances see
//! [`GaussianDensityRatio`](super::GaussianDensityRatio).
//!
//! Qin, "Inferences for case-control and semiparametric two-sample density ratio models", Biometrika 85,
//! 1998; Bickel, Brückner, Scheffer, "Discriminative learning for differing training and test distributions",
//! ICML 2007.
//!
//! Cost: a logistic regression of the rows of both domains.

use faer::Mat;
use kiln_core::check;
use kiln_linear::{DenseRows, FitWith, LinearClassifier, LinearPenalty};
use serde::{Deserialize, Serialize};

use super::classification::solver_error;
use crate::importance::{DensityRatio, ImportanceWeights, WeightLimit};
use crate::{AdaptError, Rows};

/// Relative duality gap of the regression.
const TOLERANCE: f64 = 1e-10;

/// The ratio that a classifier of the domains implies; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DiscriminatorRatio {
    /// `λ`, above 0, beside the mean loss: with it, domains that a plane separates have finite weights.
    pub strength: f64,
    /// How large a weight can be.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, 0 to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for DiscriminatorRatio {
    /// `λ` of 1e-3, weights of up to `√n` times their mean, at least one effective row in twenty.
    fn default() -> Self {
        Self { strength: 1e-3, limit: WeightLimit::RootOfRows, least_effective: 0.05 }
    }
}

impl DiscriminatorRatio {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// Without rows or features, when the domains have different features, a number is not finite or a
    /// setting is out of range, and [`AdaptError::FewEffectiveRows`] when the source has too few rows like
    /// the target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::linear::DiscriminatorRatio;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.0], [1.0], [2.0]];
    /// let found = DiscriminatorRatio::default().weights(&source, &target)?;
    /// assert!(found.weights[4] > 1.0 && found.weights[0] < 0.5);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        check::positive("strength", self.strength)?;
        check::size("features of the target", target.ncols(), source.ncols())?;
        source.check("the source")?;
        target.check("the target")?;
        let columns = source.ncols();
        check::not_empty("a row of the source", columns)?;
        let rows = |x: &Mat<f64>| {
            let values: Vec<f64> = x.row_iter().flat_map(|row| row.iter().copied()).collect();
            DenseRows::new(columns, values).map_err(solver_error)
        };
        let both = [rows(source)?.values(), rows(target)?.values()].concat();
        let both = DenseRows::new(columns, both).map_err(solver_error)?.into();
        let [n, m] = [source, target].map(Mat::nrows);
        let domains: Vec<usize> = (0..n + m).map(|row| usize::from(row >= n)).collect();
        let weights: Vec<f64> =
            domains.iter().map(|domain| if *domain == 0 { 1.0 / n as f64 } else { 1.0 / m as f64 }).collect();
        let penalty = LinearPenalty::ridge(self.strength);
        let classifier = LinearClassifier { tolerance: TOLERANCE, ..LinearClassifier::new(penalty) };
        let with = FitWith { weights: Some(&weights), ..FitWith::default() };
        let fit = classifier.fit_with(&both, &domains, with).map_err(solver_error)?;
        let scores = fit.model.predict_scores(&rows(source)?.into()).map_err(solver_error)?;
        let found = ImportanceWeights::of_logarithms(scores.values(), self.limit, self.least_effective)?;
        // The mean of the ratios is the share of the target that the source's rows stand for.
        let reached = found.log_mean.exp();
        if reached < self.least_effective {
            let (effective, least) = (found.effective_rows * reached, self.least_effective);
            return Err(AdaptError::FewEffectiveRows { effective, rows: n, least });
        }
        Ok(found)
    }
}

impl DensityRatio for DiscriminatorRatio {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}
