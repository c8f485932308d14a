//! `JointDIP` in the limit: beside the scores' mean, their covariance with an invariant score `h` is the same
//! in source and target.
//!
//! ```text
//! Wᵀ(x̄_s − x̄_T) = 0,   Wᵀ(Cov_s(x, h) − Cov_T(x, h)) = 0
//! ```
//!
//! `h` is the score of CIP (for `k` classes, the `k − 1` differences from the score of class 0). Features
//! whose relation to the label is reversed in the target have the same means in both; their covariance with
//! `h` gives them away.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::{CipHard, Constraints, Reweighted, Stacked, row_size, statistics, weighted_moments};
use crate::linear::LinearModel;
use crate::linear::alarm::lost_accuracy;
use crate::linear::moments::centre;
use crate::{AdaptError, Adaptation, Fit, LabelShiftEstimator, Pooling, Predict, SourceChoice};

/// `JointDIP` as constraints; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct JointDipHard {
    /// Index of the source of the second fit.
    pub source: usize,
    /// The first fit, on all sources. Its ridge is that of the second too.
    pub cip: CipHard,
}

impl JointDipHard {
    /// With the default CIP.
    pub fn new(source: usize) -> Self {
        Self { source, cip: CipHard::default() }
    }

    fn fit_weighted(
        &self,
        data: &Adaptation<Mat<f64>>,
        invariant: &LinearModel,
        class_weights: Option<&[f64]>,
    ) -> Result<LinearModel, AdaptError> {
        let source = data.source(self.source)?;
        let (mean, covariance) =
            weighted_moments(source, class_weights, &differences(invariant, source.x())?)?;
        let (in_target, centred) = centre(data.target().x())?;
        let scores = differences(invariant, data.target().x())?;
        let covariance_in_target = centred.transpose() * &scores * faer::Scale(1.0 / centred.nrows() as f64);
        let (row, score) = (row_size(data.target().x()), row_size(&scores));
        let mut vectors = vec![(mean - &in_target, row)];
        for column in 0..covariance.ncols() {
            let change = covariance.col(column) - covariance_in_target.col(column);
            vectors.push((change, row * score));
        }
        let sources = SourceChoice::One(self.source).pick(data.sources())?;
        let fit = |constraints: &Constraints| {
            Stacked::new(sources, class_weights, Pooling::BySource)?.fit(constraints, self.cip.ridge)
        };
        let model = fit(&Constraints::all(&vectors, in_target.nrows()))?;
        let free = fit(&Constraints::none(in_target.nrows()))?;
        let warning = lost_accuracy(&free, &model, source, class_weights)?;
        Ok(model.noted(warning))
    }
}

impl Fit<Mat<f64>> for JointDipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits sources, means and covariances.
    ///
    /// # Errors
    /// As [`CipHard`], and when the source does not exist.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_weighted(data, &self.cip.fit(data)?, None)
    }
}

/// Scores less that of class 0.
fn differences(model: &LinearModel, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
    let scores = model.scores(x)?;
    Ok(Mat::from_fn(x.nrows(), model.outputs().saturating_sub(1), |i, c| scores[(i, c + 1)] - scores[(i, 0)]))
}

/// IW-JointDIP: CIP, class weights from it and all sources, and `JointDIP` with these in the loss and in the
/// source's moments.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IwJointDipHard {
    /// Both fits.
    pub joint_dip: JointDipHard,
    /// How the weights are estimated.
    pub estimator: LabelShiftEstimator,
}

impl Fit<Mat<f64>> for IwJointDipHard {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = Reweighted;

    /// Fits sources, weights and moments.
    ///
    /// # Errors
    /// As [`JointDipHard`] and [`LabelShiftEstimator::weights`].
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<Reweighted, AdaptError> {
        let first = self.joint_dip.cip.fit(data)?;
        let shift = self.estimator.weights(&statistics(&first, data.sources(), data)?)?;
        let model = self.joint_dip.fit_weighted(data, &first, Some(&shift.weights))?;
        Ok(Reweighted { model, shift })
    }
}
