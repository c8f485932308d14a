//! Logistic regression on sources: empirical risk minimisation, and with class weights from its own
//! predictions.
//!
//! ```text
//! min Σ_m share_m · mean of the loss on source m + ridge/2 · ‖W‖²
//! ```

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Constraints, DEFAULT_RIDGE, Reweighted, Stacked, statistics};
use crate::linear::LinearModel;
use crate::{AdaptError, Adaptation, Fit, LabelShiftEstimator, Pooling, SourceChoice};

/// Logistic regression; see the [module](super) for the ridge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ErmLogistic {
    /// The sources to fit.
    pub sources: SourceChoice,
    /// At least 0.
    pub ridge: f64,
    /// What each of several sources counts.
    pub pooling: Pooling,
}

impl ErmLogistic {
    /// With the default ridge, each source counted the same.
    pub fn new(sources: SourceChoice) -> Self {
        Self { sources, ridge: DEFAULT_RIDGE, pooling: Pooling::BySource }
    }

    fn fit_weighted(
        &self,
        data: &Adaptation<Mat<f64>>,
        class_weights: Option<&[f64]>,
    ) -> Result<LinearModel, AdaptError> {
        check::nonnegative("ridge", self.ridge)?;
        let stacked = Stacked::new(self.sources.pick(data.sources())?, class_weights, self.pooling)?;
        let features = stacked.x.ncols();
        stacked.fit(&Constraints::none(features), self.ridge)
    }
}

impl Fit<Mat<f64>> for ErmLogistic {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits the sources.
    ///
    /// # Errors
    /// When the ridge is negative, the source does not exist, the labels are values, or the solver does
    /// not converge.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_weighted(data, None)
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

impl Fit<Mat<f64>> for IwErmLogistic {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = Reweighted;

    /// Fits sources, and weights from the target's rows.
    ///
    /// # Errors
    /// As [`ErmLogistic`] and [`LabelShiftEstimator::weights`].
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.erm.fit(data)?;
        let sources = self.erm.sources.pick(data.sources())?;
        let shift = self.estimator.weights(&statistics(&first, sources, data)?)?;
        Ok(Reweighted { model: self.erm.fit_weighted(data, Some(&shift.weights))?, shift })
    }
}
