//! DIP in the limit: the scores have the same mean in source and target.
//!
//! ```text
//! Wᵀ(x̄_s − x̄_T) = 0
//! ```
//!
//! Under label shift the means differ for that reason alone; then `x̄_s` is the mean with class weights.
//!
//! When the difference of means carries the label, it takes the label out of the score. A second fit, without
//! the constraint, tells how much is lost on the source
//! ([`FitWarning::AlignmentCarriesLabel`](crate::FitWarning::AlignmentCarriesLabel)).

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{
    CipHard, Constraints, DEFAULT_RIDGE, Reweighted, Stacked, row_size, statistics, weighted_moments,
};
use crate::linear::LinearModel;
use crate::linear::alarm::lost_accuracy;
use crate::linear::moments::centre;
use crate::{AdaptError, Adaptation, Fit, LabelShiftEstimator, Pooling, SourceChoice};

/// DIP as a constraint; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DipHard {
    /// Index of the source.
    pub source: usize,
    /// At least 0; see the [module of all](super).
    pub ridge: f64,
}

impl DipHard {
    /// With the default ridge.
    pub fn new(source: usize) -> Self {
        Self { source, ridge: DEFAULT_RIDGE }
    }

    fn fit_weighted(
        &self,
        data: &Adaptation<Mat<f64>>,
        class_weights: Option<&[f64]>,
    ) -> Result<LinearModel, AdaptError> {
        check::nonnegative("ridge", self.ridge)?;
        let source = data.source(self.source)?;
        let (mean, _) = weighted_moments(source, class_weights, &Mat::zeros(source.rows(), 0))?;
        let (in_target, _) = centre(data.target().x())?;
        let constraints =
            Constraints::all(&[(mean - &in_target, row_size(data.target().x()))], in_target.nrows());
        let sources = SourceChoice::One(self.source).pick(data.sources())?;
        let fit = |constraints: &Constraints| {
            Stacked::new(sources, class_weights, Pooling::BySource)?.fit(constraints, self.ridge)
        };
        let model = fit(&constraints)?;
        let free = fit(&Constraints::none(in_target.nrows()))?;
        let warning = lost_accuracy(&free, &model, source, class_weights)?;
        Ok(model.noted(warning))
    }
}

impl Fit<Mat<f64>> for DipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits the source and the means.
    ///
    /// # Errors
    /// When the ridge is negative, the source does not exist, the labels are values, or the solver does
    /// not converge.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_weighted(data, None)
    }
}

/// IW-DIP: CIP on all sources, class weights from it and **this source alone**, and DIP with these in the
/// loss and in the source's mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IwDipHard {
    /// The last fit.
    pub dip: DipHard,
    /// The first one.
    pub cip: CipHard,
    /// How the weights are estimated.
    pub estimator: LabelShiftEstimator,
}

impl Fit<Mat<f64>> for IwDipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = Reweighted;

    /// Fits sources, weights and means.
    ///
    /// # Errors
    /// As [`DipHard`], [`CipHard`] and [`LabelShiftEstimator::weights`].
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.cip.fit(data)?;
        let source = SourceChoice::One(self.dip.source).pick(data.sources())?;
        let shift = self.estimator.weights(&statistics(&first, source, data)?)?;
        Ok(Reweighted { model: self.dip.fit_weighted(data, Some(&shift.weights))?, shift })
    }
}
