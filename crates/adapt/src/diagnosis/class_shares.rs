//! The target's class shares, from predictions alone, with intervals.
//!
//! Pooled logistic regression learns on one half of each source; on the other halves and the target's rows its
//! predictions give BBSE's weights (see [`label_shift`](crate::label_shift)), and these times the sources'
//! shares the target's. The interval holds the middle 95 % of [`RESAMPLES`] draws of rows with replacement.
//! All of it holds when the target differs from the sources in the shares of its classes and in nothing
//! else that matters to the predictions.
//!
//! Cost: one fit, and counting.

use faer::Mat;
use kiln_core::random;
use serde::{Deserialize, Serialize};

use super::candidate::LinearCandidate;
use crate::label_shift::{LabelShiftEstimator, ShiftStatistics};
use crate::selection::hold_out;
use crate::{AdaptError, Adaptation, Fit, Labels, Predict};

/// Draws behind an interval.
pub const RESAMPLES: usize = 200;

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassShare {
    /// Its share of each source's rows.
    pub sources: Vec<f64>,
    /// Its share of all rows of the sources.
    pub pooled: f64,
    /// What BBSE says of its share of the target.
    pub target: f64,
    /// The 95 % interval of that.
    pub interval: [f64; 2],
}

/// `None` for values, and where rows are too few to hold out a half.
pub(super) fn class_shares(
    data: &Adaptation<Mat<f64>>,
    seed: u64,
) -> Result<Option<Vec<ClassShare>>, AdaptError> {
    let Labels::Classes { count, .. } = *data.source(0)?.y() else { return Ok(None) };
    let Ok((train, held)) = hold_out(data, 0.5, seed) else { return Ok(None) };
    let Ok(model) = LinearCandidate::PooledErm.fit(&train) else { return Ok(None) };
    let (mut predicted, mut actual) = (Vec::new(), Vec::new());
    for source in held.sources() {
        predicted.extend(model.predict_classes(source.x())?);
        actual.extend_from_slice(source.classes()?.0);
    }
    let target = model.predict_classes(data.target().x())?;
    let Some(found) = target_shares(&predicted, &actual, &target, count) else { return Ok(None) };
    let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); count];
    for resample in 0..RESAMPLES {
        let mut generator = random::stream(seed, resample as u64);
        let mut draw =
            |rows: usize| (0..rows).map(|_| random::below(&mut generator, rows)).collect::<Vec<_>>();
        let rows = draw(actual.len());
        let [p, a] = [&predicted, &actual].map(|all| rows.iter().map(|row| all[*row]).collect::<Vec<_>>());
        let of_target: Vec<usize> = draw(target.len()).into_iter().map(|row| target[row]).collect();
        for (class, share) in target_shares(&p, &a, &of_target, count).into_iter().flatten().enumerate() {
            drawn[class].push(share);
        }
    }
    let mut shares = Vec::new();
    let mut rows = 0.0;
    for source in data.sources() {
        let (y, _) = source.classes()?;
        rows += y.len() as f64;
        let mut of_source = vec![0.0; count];
        for class in y {
            of_source[*class] += 1.0;
        }
        shares.push(of_source);
    }
    let of_class = |(class, mut drawn): (usize, Vec<f64>)| {
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * drawn.len().saturating_sub(1) as f64).round() as usize;
            drawn.get(place).copied().unwrap_or(found[class])
        };
        ClassShare {
            sources: shares.iter().map(|of| of[class] / of.iter().sum::<f64>()).collect(),
            pooled: shares.iter().map(|of| of[class]).sum::<f64>() / rows,
            target: found[class],
            interval: [at(0.025).min(found[class]), at(0.975).max(found[class])],
        }
    };
    Ok(Some(drawn.into_iter().enumerate().map(of_class).collect()))
}

/// BBSE's weights times the sources' shares, made to sum to 1.
fn target_shares(
    predicted: &[usize],
    actual: &[usize],
    target: &[usize],
    classes: usize,
) -> Option<Vec<f64>> {
    let statistics = ShiftStatistics::from_predictions(&[(predicted, actual)], target, classes).ok()?;
    let weights = LabelShiftEstimator::Bbse.weights(&statistics).ok()?.weights;
    let mut shares = vec![0.0; classes];
    for class in actual {
        shares[*class] += weights[*class];
    }
    let total: f64 = shares.iter().sum();
    (total > 0.0).then(|| shares.iter().map(|share| share / total).collect())
}
