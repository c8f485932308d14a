//! DIP in the limit: the scores have the same mean in source and target.
//!
//! ```text
//! Wᵀ(x̄_s − x̄_T) = 0
//! ```
//!
//! Under label shift the means differ for that reason alone; then `x̄_s` is the mean with class weights.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::{
    CipHard, Constraints, DEFAULT_RIDGE, Reweighted, Stacked, row_size, statistics, weighted_moments,
};
use crate::error::require;
use crate::linear::LinearModel;
use crate::linear::moments::centre;
use crate::{AdaptError, Adaptation, LabelShiftEstimator, SourceChoice};

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

    /// Fits the source and the means.
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
        let source = problem.source(self.source)?;
        let (mean, _) = weighted_moments(source, class_weights, &Mat::zeros(source.rows(), 0))?;
        let (in_target, _) = centre(problem.target().x())?;
        let constraints =
            Constraints::all(&[(mean - &in_target, row_size(problem.target().x()))], in_target.nrows());
        let sources = SourceChoice::One(self.source).pick(problem.sources())?;
        Stacked::new(sources, class_weights)?.fit(&constraints, self.ridge)
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

impl IwDipHard {
    /// Fits sources, weights and means.
    ///
    /// # Errors
    /// As [`DipHard::fit`], [`CipHard::fit`] and [`LabelShiftEstimator::weights`].
    pub fn fit(&self, problem: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.cip.fit(problem)?;
        let source = SourceChoice::One(self.dip.source).pick(problem.sources())?;
        let shift = self.estimator.weights(&statistics(&first, source, problem)?)?;
        Ok(Reweighted { model: self.dip.fit_weighted(problem, Some(&shift.weights))?, shift })
    }
}
