//! Label shift corrected around any classifier's probabilities: no model, no features, no retraining.
//!
//! ```text
//! p_T(c | x) ∝ w_c p_S(c | x),   w_c = P_T(c)/P_S(c)
//! ```
//!
//! when the target differs from the source in the shares of its classes only. What is needed are probabilities
//! and classes of held-out source rows, and probabilities of target rows, from whatever program: the first
//! calibrate (see [`calibration`](crate::calibration)), both together give the weights (see
//! [`label_shift`](crate::label_shift)), and the weights correct the probabilities of any rows of the target.
//!
//! Calibration is not optional for maximum likelihood: a classifier that is right for 80 % of either class and
//! claims 94 % finds weights .591 and 1.409 where .4 and 1.6 are true. BBSE and RLLS use what it predicts, not
//! how sure it is, so their weights need none; the corrected probabilities do.
//!
//! Saerens, Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities",
//! Neural Computation 14, 2002; Alexandari, Kundaje, Shrikumar, ICML 2020. In a stream the expectation step is
//! averaged over the rows that pass, after Cappé and Moulines, "On-line expectation-maximization algorithm for
//! latent data models", Journal of the Royal Statistical Society B 71, 2009:
//!
//! ```text
//! π ← (1 − γ) π + γ p_π(· | x),   γ = (i + 1)^−0.6 at the i-th row,   shares: mean of π over all steps
//! ```
//!
//! Cost: that of the calibration and the estimator; `O(k)` a row of a stream.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, Calibrator};
use crate::probabilities::{logarithms, normalized};
use crate::{AdaptError, LabelShiftEstimator, LabelShiftWeights, ShiftStatistics};

/// Label-shift correction of probabilities; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SourceFree {
    /// How probabilities are calibrated; `None` for those that are already.
    pub calibrator: Option<Calibrator>,
    /// Prior rows of the calibration, at least 0.
    pub prior_rows: f64,
    /// How the weights are estimated.
    pub estimator: LabelShiftEstimator,
}

impl Default for SourceFree {
    /// Bias-corrected temperature scaling with one prior row, maximum likelihood.
    fn default() -> Self {
        Self {
            calibrator: Some(Calibrator::BiasCorrected),
            prior_rows: 1.0,
            estimator: LabelShiftEstimator::Em,
        }
    }
}

/// A correction of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// Of the logarithms of probabilities, if they are calibrated.
    pub calibration: Option<Calibration>,
    /// `P_S`, the share of each class among the held-out rows.
    pub source_shares: Vec<f64>,
    /// `w`, and what had to be worked around.
    pub shift: LabelShiftWeights,
}

impl SourceFree {
    /// Learns from the probabilities of held-out source rows, rows by classes, their classes, and the
    /// probabilities of target rows.
    ///
    /// # Errors
    /// Without rows, when sizes do not fit, when a row is no probabilities, and as [`Calibration::fit`] and
    /// [`LabelShiftEstimator::weights`].
    ///
    /// ```
    /// use faer::Mat;
    /// use kiln_adapt::source_free::SourceFree;
    ///
    /// // A classifier of another program: 80 % of either class are right, and it claims 94 %. The source has as
    /// // many rows of either class, the target 20 % of class 0.
    /// let claims = |ones: usize, rows: usize| {
    ///     Mat::from_fn(rows, 2, move |i, c| if (i < ones) == (c == 1) { 0.94 } else { 0.06 })
    /// };
    /// let held_out = claims(500, 1000);
    /// let classes: Vec<usize> = (0..1000).map(|i| usize::from((100..600).contains(&i))).collect();
    /// let target = claims(680, 1000);
    ///
    /// let exact = SourceFree { prior_rows: 0.0, ..SourceFree::default() };
    /// let correction = exact.fit(&held_out, &classes, &target)?;
    /// assert!((correction.shift.weights[0] - 0.4).abs() < 1e-3);
    /// let corrected = correction.probabilities(&target)?;
    /// // 0.8 · 1.6 against 0.2 · 0.4.
    /// assert!((corrected[(0, 1)] - 1.28 / 1.36).abs() < 1e-3);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn fit(
        &self,
        held_out: &Mat<f64>,
        classes: &[usize],
        target: &Mat<f64>,
    ) -> Result<Correction, AdaptError> {
        let held_out = normalized("the held-out probabilities", held_out)?;
        let target = normalized("the target's probabilities", target)?;
        check::size("classes of the target's probabilities", target.ncols(), held_out.ncols())?;
        check::size("classes of the held-out rows", classes.len(), held_out.nrows())?;
        let calibration = match self.calibrator {
            None => None,
            Some(calibrator) => {
                Some(Calibration::fit(calibrator, self.prior_rows, &logarithms(&held_out), classes, None)?)
            }
        };
        let calibrated = |probabilities: &Mat<f64>| match &calibration {
            None => Ok(probabilities.clone()),
            Some(calibration) => calibration.probabilities(&logarithms(probabilities)),
        };
        let (source, goal) = (calibrated(&held_out)?, calibrated(&target)?);
        let statistics = ShiftStatistics::from_predictions(
            &[(&predicted(&source), classes)],
            &predicted(&goal),
            goal.ncols(),
        )?
        .with_posteriors(goal)?;
        let shift = self.estimator.weights(&statistics)?;
        Ok(Correction { source_shares: statistics.source_shares(), shift, calibration })
    }
}

impl Correction {
    /// Share of each class in the target, by the estimate; they sum to 1.
    pub fn target_shares(&self) -> Vec<f64> {
        let shares: Vec<f64> =
            self.source_shares.iter().zip(&self.shift.weights).map(|(p, w)| p * w).collect();
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            shares.iter().map(|share| share / total).collect()
        } else {
            self.source_shares.clone()
        }
    }

    /// The corrected probabilities of rows of the target, from those of the classifier, rows by classes. A row
    /// whose whole probability is on classes that the target does not have keeps it.
    ///
    /// # Errors
    /// Without rows, with another number of classes, or when a row is no probabilities.
    pub fn probabilities(&self, probabilities: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        let mut corrected = self.calibrated(probabilities)?;
        reweigh(&mut corrected, &self.shift.weights);
        Ok(corrected)
    }

    /// The most probable class of each row after the correction.
    ///
    /// # Errors
    /// As [`probabilities`](Self::probabilities).
    pub fn classes(&self, probabilities: &Mat<f64>) -> Result<Vec<usize>, AdaptError> {
        Ok(predicted(&self.probabilities(probabilities)?))
    }

    /// The same correction for rows of the target that come one after another, starting from its shares.
    pub fn stream(&self) -> StreamingShift {
        let shares = self.target_shares();
        StreamingShift { correction: self.clone(), current: shares.clone(), mean: shares, seen: 0 }
    }

    fn calibrated(&self, probabilities: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        check::size("classes of the probabilities", probabilities.ncols(), self.source_shares.len())?;
        check::size("weights of the classes", self.shift.weights.len(), self.source_shares.len())?;
        let probabilities = normalized("the probabilities", probabilities)?;
        match &self.calibration {
            None => Ok(probabilities),
            Some(calibration) => calibration.probabilities(&logarithms(&probabilities)),
        }
    }
}

/// Shares of the classes that follow a stream of rows of the target.
///
/// ```
/// use faer::Mat;
/// use kiln_adapt::source_free::SourceFree;
///
/// let claims = |ones: usize| Mat::from_fn(100, 2, move |i, c| if (i < ones) == (c == 1) { 0.8 } else { 0.2 });
/// let classes: Vec<usize> = (0..100).map(|i| usize::from((10..60).contains(&i))).collect();
/// let mut stream = SourceFree::default().fit(&claims(50), &classes, &claims(50))?.stream();
/// for _ in 0..20 {
///     stream.update(&claims(68))?;
/// }
/// // 68 % of the rows look like class 1: 80 % of them are.
/// assert!((stream.shares()[1] - 0.8).abs() < 0.05);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamingShift {
    correction: Correction,
    /// `π`.
    current: Vec<f64>,
    /// The mean of `π`.
    mean: Vec<f64>,
    seen: u64,
}

impl StreamingShift {
    /// Takes rows into account, in this order, and returns their probabilities, each corrected with what is
    /// known after it.
    ///
    /// # Errors
    /// As [`Correction::probabilities`]; then nothing is taken into account.
    pub fn update(&mut self, probabilities: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        let mut rows = self.correction.calibrated(probabilities)?;
        for i in 0..rows.nrows() {
            self.seen += 1;
            let mut row = Mat::from_fn(1, rows.ncols(), |_, c| rows[(i, c)]);
            let mut corrected = row.clone();
            reweigh(&mut row, &self.weights(&self.current));
            let step = (self.seen as f64 + 1.0).powf(-0.6);
            for (c, share) in self.current.iter_mut().enumerate() {
                *share += step * (row[(0, c)] - *share);
            }
            for (mean, share) in self.mean.iter_mut().zip(&self.current) {
                *mean += (share - *mean) / self.seen as f64;
            }
            reweigh(&mut corrected, &self.weights(&self.mean));
            (0..rows.ncols()).for_each(|c| rows[(i, c)] = corrected[(0, c)]);
        }
        Ok(rows)
    }

    /// Share of each class in the target so far; they sum to 1.
    pub fn shares(&self) -> &[f64] {
        &self.mean
    }

    /// How many rows have passed.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// `w`; 1 where the source has no row of a class.
    fn weights(&self, shares: &[f64]) -> Vec<f64> {
        let of_source = &self.correction.source_shares;
        shares.iter().zip(of_source).map(|(t, s)| if *s > 0.0 { t / s } else { 1.0 }).collect()
    }
}

/// Each row times the weights, divided by its sum; as it is where that is 0.
fn reweigh(probabilities: &mut Mat<f64>, weights: &[f64]) {
    for i in 0..probabilities.nrows() {
        let total: f64 = probabilities.row(i).iter().zip(weights).map(|(p, w)| p * w).sum();
        if total > 0.0 && total.is_finite() {
            probabilities.row_mut(i).iter_mut().zip(weights).for_each(|(p, w)| *p = *p * w / total);
        }
    }
}

fn predicted(probabilities: &Mat<f64>) -> Vec<usize> {
    (0..probabilities.nrows()).map(|row| crate::predict::largest(probabilities, row)).collect()
}
