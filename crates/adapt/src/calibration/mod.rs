//! Probabilities that are right as often as they say, by a map of a classifier's scores that is fitted to
//! held-out rows.
//!
//! ```text
//! p_c(x) ∝ exp(a_c s_c(x) + b_c)
//! min over a, b of   −Σ_i v_i Σ_c t_ic ln p_c(x_i),   t_ic = (1 − ρ) 1(y_i = c) + ρ/k,   ρ = r/(n + r)
//! ```
//!
//! for scores `s` of `k` classes, `n` held-out rows with weights `v` that sum to 1, and `r` prior rows that are
//! spread evenly over the classes.
//!
//! | [`Calibrator`] | Free |
//! |---|---|
//! | [`Temperature`](Calibrator::Temperature) | `a_c = 1/T`, `b = 0` |
//! | [`BiasCorrected`](Calibrator::BiasCorrected) | `a_c = 1/T`, `b` |
//! | [`Vector`](Calibrator::Vector) | `a`, `b` |
//!
//! Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017; bias-corrected:
//! Alexandari, Kundaje, Shrikumar, "Maximum likelihood with bias-corrected calibration is hard to beat at label
//! shift adaptation", ICML 2020.
//!
//! The loss is convex in `a` and `b`: Newton's method with line search finds the minimum (`likelihood.rs`).
//! Without prior rows, which is the papers' own, it has none where the scores separate the held-out classes:
//! then this is an error. With one, as in Platt, "Probabilistic outputs for support vector machines", 1999, it
//! always has, and a classifier is as sure of itself as so many rows allow.
//!
//! The bias makes the mean probability of each class its share of the held-out rows, which is what estimates
//! of label shift by maximum likelihood need ([`SourceFree`](crate::source_free::SourceFree)).
//!
//! Cost: `O(n k)` memory, and for `p` parameters `O(n k p + p³)` a step, but for a vector `O(n k² + k³)`; some
//! ten steps.
//!
//! ```
//! use faer::mat;
//! use kiln_adapt::calibration::{Calibration, Calibrator};
//!
//! // Right for three of four rows, and sure of it as of 98 of 100.
//! let score = (0.98_f64 / 0.02).ln();
//! let scores = mat![[score, 0.0], [score, 0.0], [score, 0.0], [0.0, score]];
//! let found = Calibration::fit(Calibrator::Temperature, 0.0, &scores, &[0, 0, 1, 1], None)?;
//! let probabilities = found.probabilities(&scores)?;
//! assert!((probabilities[(0, 0)] - 0.75).abs() < 1e-9);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

mod calibrated;
mod check;
mod likelihood;

use faer::Mat;
use kiln_core::{InputError, check as settings};
use serde::{Deserialize, Serialize};

pub use calibrated::{Calibrate, Calibrated};
pub use check::{CalibrationCheck, CalibrationReport, ReliabilityBin};

use crate::AdaptError;
use crate::predict::softmax;

/// What is free in the map of the scores; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibrator {
    /// One factor. The predicted classes stay what they are.
    Temperature,
    /// One factor, and a constant for each class.
    #[default]
    BiasCorrected,
    /// A factor and a constant for each class.
    Vector,
}

/// A fitted map of scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// `a`, one a class.
    pub scales: Vec<f64>,
    /// `b`, one a class, with mean 0.
    pub biases: Vec<f64>,
}

impl Calibration {
    /// Fits the map to the scores of held-out rows, rows by classes, and their classes. `weights` are what rows
    /// count, each the same where they are `None`.
    ///
    /// # Errors
    /// Without rows, with fewer than two classes, when sizes do not fit, a number is not finite, a weight or
    /// `prior_rows` is negative, a class index is not below the number of columns; when the scores say nothing
    /// about the classes; and without prior rows when a class has no row or the scores separate the classes.
    pub fn fit(
        calibrator: Calibrator,
        prior_rows: f64,
        scores: &Mat<f64>,
        classes: &[usize],
        weights: Option<&[f64]>,
    ) -> Result<Self, AdaptError> {
        likelihood::fit(calibrator, prior_rows, scores, classes, weights)
    }

    /// The calibrated scores, whose softmax are the probabilities.
    ///
    /// # Errors
    /// When the scores have another number of columns, or one is not finite.
    pub fn scores(&self, scores: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        settings::size("columns of the scores", scores.ncols(), self.scales.len())?;
        settings::size("biases", self.biases.len(), self.scales.len())?;
        let mapped = Mat::from_fn(scores.nrows(), scores.ncols(), |i, c| {
            self.scales[c] * scores[(i, c)] + self.biases[c]
        });
        if mapped.is_all_finite() { Ok(mapped) } else { Err(InputError::not_finite("the scores").into()) }
    }

    /// The calibrated probabilities, rows by classes.
    ///
    /// # Errors
    /// As [`scores`](Self::scores).
    pub fn probabilities(&self, scores: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        let mut mapped = self.scores(scores)?;
        softmax(&mut mapped);
        Ok(mapped)
    }
}
