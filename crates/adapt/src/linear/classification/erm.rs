//! Logistic regression on sources: empirical risk minimisation, and with class weights from its own predictions.
//!
//! ```text
//! min (1/M) Σ_m mean of the loss on source m + ridge/2 · (‖W‖² + ‖b‖²)
//! ```

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::{Constraints, DEFAULT_RIDGE, Reweighted, Stacked, statistics};
use crate::error::require;
use crate::linear::LinearModel;
use crate::{AdaptError, Adaptation, LabelShiftEstimator, SourceChoice};

/// Logistic regression; see the [module](super) for the ridge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErmLogistic {
    /// The sources to fit.
    pub sources: SourceChoice,
    /// At least 0.
    pub ridge: f64,
}

impl ErmLogistic {
    /// With the default ridge.
    pub fn new(sources: SourceChoice) -> Self {
        Self { sources, ridge: DEFAULT_RIDGE }
    }

    /// Fits the sources.
    ///
    /// # Errors
    /// When the ridge is negative, the source does not exist, the labels are values, or Newton's method fails.
    pub fn fit(&self, problem: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_weighted(problem, None)
    }

    fn fit_weighted(
        &self,
        problem: &Adaptation<Mat<f64>>,
        class_weights: Option<&[f64]>,
    ) -> Result<LinearModel, AdaptError> {
        require::finite_non_negative("ridge", self.ridge)?;
        let stacked = Stacked::new(self.sources.pick(problem.sources())?, class_weights)?;
        let features = stacked.x.ncols();
        stacked.fit(&Constraints::none(features), self.ridge)
    }
}

/// IW-ERM: logistic regression, class weights from it, and logistic regression with these.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IwErmLogistic {
    /// Both fits.
    pub erm: ErmLogistic,
    /// How the weights are estimated, from the same sources.
    pub estimator: LabelShiftEstimator,
}

impl IwErmLogistic {
    /// Fits sources, and weights from the target's rows.
    ///
    /// # Errors
    /// As [`ErmLogistic::fit`] and [`LabelShiftEstimator::weights`].
    pub fn fit(&self, problem: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.erm.fit(problem)?;
        let sources = self.erm.sources.pick(problem.sources())?;
        let shift = self.estimator.weights(&statistics(&first, sources, problem)?)?;
        Ok(Reweighted { model: self.erm.fit_weighted(problem, Some(&shift.weights))?, shift })
    }
}
