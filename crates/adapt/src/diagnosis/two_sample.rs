//! Whether two domains have one law: a classifier of the domain does better than chance on rows held out.
//!
//! A logistic regression on the features and their squares (in standard deviations, with a ridge) learns on
//! one half of each domain to tell them apart. With `s` its scores of the other halves,
//!
//! ```text
//! AUC = P(s of a row of the one < s of a row of the other) + ½ P(they are equal)
//! ```
//!
//! is ½ if the laws are one, whatever was learned; `p` is that of the test of Mann and Whitney with ties, and
//! the interval that of DeLong. It sees shifts of means and variances along the features, and sums of these;
//! not, for instance, a correlation that turned around.
//!
//! Lopez-Paz, Oquab, "Revisiting classifier two-sample tests", ICLR 2017; DeLong, DeLong, Clarke-Pearson,
//! Biometrics 44, 1988.
//!
//! Cost: one logistic regression on half of the rows, and sorting.

use faer::Mat;
use kiln_core::random;
use kiln_linear::{DenseRows, FitWith, LinearClassifier, LinearPenalty};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::candidate::mean_and_deviation;
use crate::AdaptError;
use crate::linear::classification::solver_error;

/// `λ` beside the mean loss.
const STRENGTH: f64 = 1e-2;
/// Rows of each half that are looked at: more cost time and tell no more.
const MOST_ROWS: usize = 2000;
/// Rows of each domain below which halves say nothing.
pub const LEAST_ROWS: usize = 8;

/// How well a domain is told from others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainTest {
    /// The domain.
    pub domain: String,
    /// What it is told from.
    pub from: String,
    /// From ½, not at all, to 1; below ½ by chance.
    pub auc: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// How likely such an AUC or a larger one is when both have one law.
    pub p_value: f64,
}

/// `None` where there are too few rows for a test.
pub(super) fn domain_test(
    [domain, from]: [&str; 2],
    one: &Mat<f64>,
    other: &Mat<f64>,
    seed: u64,
) -> Result<Option<DomainTest>, AdaptError> {
    if one.nrows().min(other.nrows()) < LEAST_ROWS || one.ncols() == 0 {
        return Ok(None);
    }
    let halves = |x: &Mat<f64>, stream| {
        let mut rows: Vec<usize> = (0..x.nrows()).collect();
        rows.shuffle(&mut random::stream(seed, stream));
        let half = (x.nrows() / 2).min(MOST_ROWS);
        (rows[..half].to_vec(), rows[half..(2 * half).max(half + 1).min(rows.len())].to_vec())
    };
    let (learn, hold) = halves(one, 0);
    let (learn_other, hold_other) = halves(other, 1);
    let units = units(&[(one, &learn), (other, &learn_other)]);
    let classes: Vec<usize> = learn.iter().map(|_| 1).chain(learn_other.iter().map(|_| 0)).collect();
    let share = |class: usize| if class == 1 { learn.len() } else { learn_other.len() } as f64;
    let weights: Vec<f64> = classes.iter().map(|class| 1.0 / share(*class)).collect();
    let x = with_squares(&[(one, &learn), (other, &learn_other)], &units)?;
    let classifier = LinearClassifier::new(LinearPenalty::ridge(STRENGTH));
    let with = FitWith { weights: Some(&weights), ..FitWith::default() };
    let model = classifier.fit_with(&x.into(), &classes, with).map_err(solver_error)?.model;
    let scores = |x: &Mat<f64>, rows: &[usize]| -> Result<Vec<f64>, AdaptError> {
        let x = with_squares(&[(x, rows)], &units)?;
        let scores = model.predict_scores(&x.into()).map_err(solver_error)?;
        Ok(scores.values().to_vec())
    };
    let (high, low) = (scores(one, &hold)?, scores(other, &hold_other)?);
    let ranked = Ranked::of(&high, &low);
    Ok(Some(DomainTest {
        domain: domain.to_owned(),
        from: from.to_owned(),
        auc: ranked.auc,
        interval: ranked.interval(),
        p_value: ranked.p_value,
    }))
}

/// Mean and deviation of each column.
fn units(parts: &[(&Mat<f64>, &[usize])]) -> Vec<(f64, f64)> {
    let columns = parts.first().map_or(0, |(x, _)| x.ncols());
    let column = |j: usize| -> Vec<f64> {
        parts.iter().flat_map(|(x, rows)| rows.iter().map(|row| x[(*row, j)]).collect::<Vec<_>>()).collect()
    };
    (0..columns).map(|j| mean_and_deviation(&column(j))).collect()
}

/// The rows in these units, and the squares, bounded: a far row must not be all that counts.
fn with_squares(parts: &[(&Mat<f64>, &[usize])], units: &[(f64, f64)]) -> Result<DenseRows, AdaptError> {
    let mut values = Vec::new();
    for (x, rows) in parts {
        for row in *rows {
            let inside = |(j, (mean, deviation)): (usize, &(f64, f64))| {
                ((x[(*row, j)] - mean) / deviation).clamp(-FAR, FAR)
            };
            let row: Vec<f64> = units.iter().enumerate().map(inside).collect();
            values.extend(row.iter().copied());
            values.extend(row.iter().map(|value| value * value));
        }
    }
    DenseRows::new(2 * units.len(), values).map_err(solver_error)
}

/// Deviations beyond which a row is as far as it can be.
const FAR: f64 = 6.0;

/// What two samples of scores say.
struct Ranked {
    auc: f64,
    deviation: f64,
    p_value: f64,
}

impl Ranked {
    /// By the places of each score among those of the other sample.
    fn of(high: &[f64], low: &[f64]) -> Self {
        let (n, m) = (high.len() as f64, low.len() as f64);
        let place = |score: f64, sorted: &[f64]| {
            let below = sorted.partition_point(|other| *other < score);
            let up_to = sorted.partition_point(|other| *other <= score);
            (below + up_to) as f64 / (2.0 * sorted.len() as f64)
        };
        let sorted = |scores: &[f64]| {
            let mut sorted = scores.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (of_high, of_low) = (sorted(high), sorted(low));
        let wins: Vec<f64> = high.iter().map(|score| place(*score, &of_low)).collect();
        let losses: Vec<f64> = low.iter().map(|score| 1.0 - place(*score, &of_high)).collect();
        let auc = wins.iter().sum::<f64>() / n;
        let variance = |places: &[f64]| {
            let count = places.len() as f64;
            places.iter().map(|place| (place - auc).powi(2)).sum::<f64>() / (count - 1.0).max(1.0) / count
        };
        // Of one law: with ties, n + m + 1 becomes less.
        let both = sorted(&[high, low].concat());
        let ties: f64 =
            both.chunk_by(|a, b| a == b).map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64).sum();
        let all = n + m;
        let null = (all + 1.0 - ties / (all * (all - 1.0))) / (12.0 * n * m);
        let z = if null > 0.0 { (auc - 0.5) / null.sqrt() } else { 0.0 };
        Self {
            auc,
            deviation: (variance(&wins) + variance(&losses)).sqrt(),
            p_value: Normal::standard().sf(z),
        }
    }

    fn interval(&self) -> [f64; 2] {
        let half = Normal::standard().inverse_cdf(0.975) * self.deviation;
        [(self.auc - half).max(0.0), (self.auc + half).min(1.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.mannwhitneyu([1, 2, 3, 3, 5], [0, 1, 1, 2, 3, 2], alternative="greater",
    /// use_continuity=False, method="asymptotic")`: U = 23, p = 0.066531.
    #[test]
    fn ranks_are_those_of_mann_and_whitney() {
        let ranked = Ranked::of(&[1.0, 2.0, 3.0, 3.0, 5.0], &[0.0, 1.0, 1.0, 2.0, 3.0, 2.0]);
        assert!((ranked.auc - 23.0 / 30.0).abs() < 1e-12, "{}", ranked.auc);
        assert!((ranked.p_value - 0.066_531_093_713_882_73).abs() < 1e-9, "{}", ranked.p_value);
    }
}
