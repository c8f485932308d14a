//! How far probabilities are from what they say.
//!
//! ```text
//! ECE = Σ_b (n_b/n) |accuracy_b − confidence_b|
//! ```
//!
//! over bins of equal width of the largest probability of a row. The estimate is above 0 for calibrated
//! probabilities too, the more so the fewer the rows; what it would be for them is found by drawing each row's
//! class from its own probabilities (consistency resampling: Bröcker, Smith, "Increasing the reliability of
//! reliability diagrams", Weather and Forecasting 22, 2007).
//!
//! Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015;
//! Guo et al., ICML 2017, with 15 bins.
//!
//! Cost: `O(n k)`, and `O(n)` a draw.

use faer::Mat;
use kiln_core::{check, random};
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::predict::largest;
use crate::probabilities::normalized;

/// How calibration is checked; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationCheck {
    /// Bins of equal width, at least 1.
    pub bins: usize,
    /// Draws of all rows' classes, at least 1.
    pub draws: usize,
    /// Determines them.
    pub seed: u64,
}

impl Default for CalibrationCheck {
    /// 15 bins, 200 draws.
    fn default() -> Self {
        Self { bins: 15, draws: 200, seed: 0 }
    }
}

/// How far probabilities are from what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationReport {
    /// The expected calibration error, 0 to 1.
    pub error: f64,
    /// Its mean over draws of calibrated probabilities with as many rows.
    pub by_chance: f64,
    /// What it is below in 95 % of these draws: a larger `error` is no chance.
    pub by_chance_95: f64,
    /// Mean of minus the logarithm of the probability of the class, in nats; infinite when one is 0.
    pub log_loss: f64,
    /// The bins, from the least confident; those without rows too.
    pub bins: Vec<ReliabilityBin>,
}

/// The rows whose confidence is in a bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// How many they are.
    pub rows: usize,
    /// Mean of their largest probabilities; 0 without rows.
    pub confidence: f64,
    /// Share of those whose class is the most probable one; 0 without rows.
    pub accuracy: f64,
}

impl CalibrationCheck {
    /// Of probabilities, rows by classes, and the rows' classes.
    ///
    /// # Errors
    /// Without rows, when sizes do not fit, when a row is no probabilities, when a class index is not below the
    /// number of columns, or when a setting is 0.
    ///
    /// ```
    /// use faer::Mat;
    /// use kiln_adapt::calibration::CalibrationCheck;
    ///
    /// // 90 of 100 are right, and all claim 99 %.
    /// let claims = Mat::from_fn(100, 2, |_, c| if c == 0 { 0.99 } else { 0.01 });
    /// let classes: Vec<usize> = (0..100).map(|i| usize::from(i % 10 == 0)).collect();
    /// let found = CalibrationCheck::default().of(&claims, &classes)?;
    /// assert!((found.error - 0.09).abs() < 1e-9 && found.error > found.by_chance_95);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn of(&self, probabilities: &Mat<f64>, classes: &[usize]) -> Result<CalibrationReport, AdaptError> {
        check::at_least_one("bins", self.bins)?;
        check::at_least_one("draws", self.draws)?;
        let probabilities = normalized("the probabilities", probabilities)?;
        let (rows, count) = probabilities.shape();
        check::size("classes of the rows", classes.len(), rows)?;
        if let Some((row, &class)) = classes.iter().enumerate().find(|(_, class)| **class >= count) {
            return Err(AdaptError::Class { domain: "the rows".into(), row, class, classes: count });
        }
        let likeliest: Vec<usize> = (0..rows).map(|row| largest(&probabilities, row)).collect();
        let confidences: Vec<f64> = (0..rows).map(|row| probabilities[(row, likeliest[row])]).collect();
        let place =
            |confidence: f64| ((confidence * self.bins as f64).ceil() as usize).clamp(1, self.bins) - 1;
        let bin_of: Vec<usize> = confidences.iter().map(|confidence| place(*confidence)).collect();
        let binned = |right: &dyn Fn(usize) -> bool| {
            let mut bins = vec![ReliabilityBin { rows: 0, confidence: 0.0, accuracy: 0.0 }; self.bins];
            for row in 0..rows {
                let bin = &mut bins[bin_of[row]];
                bin.rows += 1;
                bin.confidence += confidences[row];
                bin.accuracy += f64::from(u8::from(right(row)));
            }
            let away: f64 = bins.iter().map(|bin| (bin.accuracy - bin.confidence).abs()).sum();
            (bins, away / rows as f64)
        };
        let (mut bins, error) = binned(&|row| classes[row] == likeliest[row]);
        for bin in bins.iter_mut().filter(|bin| bin.rows > 0) {
            bin.confidence /= bin.rows as f64;
            bin.accuracy /= bin.rows as f64;
        }
        let mut generator = random::stream(self.seed, 0);
        let mut drawn: Vec<f64> = (0..self.draws)
            .map(|_| {
                let right: Vec<bool> = confidences
                    .iter()
                    .map(|confidence| random::unit_interval(&mut generator) < *confidence)
                    .collect();
                binned(&|row| right[row]).1
            })
            .collect();
        drawn.sort_by(f64::total_cmp);
        let at_95 = ((0.95 * self.draws as f64).ceil() as usize).clamp(1, self.draws) - 1;
        let logarithms = classes.iter().enumerate().map(|(row, class)| -probabilities[(row, *class)].ln());
        Ok(CalibrationReport {
            error,
            by_chance: drawn.iter().sum::<f64>() / self.draws as f64,
            by_chance_95: drawn[at_95],
            log_loss: logarithms.sum::<f64>() / rows as f64,
            bins,
        })
    }
}
