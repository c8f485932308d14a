//! Whether what an alignment removes carries the label.

use faer::Mat;

use super::LinearModel;
use crate::{AdaptError, FitWarning, Labelled, Predict};

/// Share of what the features say of the label that an alignment may cost without a word.
const COST: f64 = 0.25;

/// A warning when the aligned model does worse on the source than the free one, by more than a quarter of
/// what that gains over the commonest class, and by more than chance may (two deviations of a count of lost
/// rows).
pub(super) fn lost_accuracy(
    free: &LinearModel,
    aligned: &LinearModel,
    source: &Labelled<Mat<f64>>,
    class_weights: Option<&[f64]>,
) -> Result<Option<FitWarning>, AdaptError> {
    let (classes, count) = source.classes()?;
    let of_class = |class: usize| class_weights.map_or(1.0, |weights| weights[class]);
    let weight = |row: usize| source.weight(row) * of_class(classes[row]);
    let total: f64 = (0..classes.len()).map(weight).sum();
    let mut shares = vec![0.0; count];
    classes.iter().enumerate().for_each(|(row, class)| shares[*class] += weight(row) / total);
    let right = |model: &LinearModel| -> Result<f64, AdaptError> {
        let found = model.predict_classes(source.x())?;
        let hit = |row: &usize| found[*row] == classes[*row];
        Ok((0..classes.len()).filter(hit).map(|row| weight(row) / total).sum())
    };
    let (free, aligned) = (right(free)?, right(aligned)?);
    let commonest = shares.iter().copied().fold(0.0, f64::max);
    let (gain, cost) = (free - commonest, free - aligned);
    let by_chance = 2.0 / (classes.len() as f64 * cost).max(0.0).sqrt();
    Ok(warning(cost, gain).filter(|_| by_chance < 1.0))
}

/// A warning when the aligned regression leaves unexplained more than a quarter of what the free one
/// explains.
pub(super) fn lost_variance(free: f64, aligned: f64, variance: f64) -> Option<FitWarning> {
    warning(aligned - free, variance - free)
}

fn warning(cost: f64, gain: f64) -> Option<FitWarning> {
    (gain > 0.0 && cost > COST * gain).then(|| FitWarning::AlignmentCarriesLabel { lost: cost / gain })
}
