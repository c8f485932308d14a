//! How much of a shift weights leave.
//!
//! ```text
//! excess(w) = Σ_j max(0, (mean_w x_j − mean t_j)² − Var_w(x_j)/n_w − Var(t_j)/m),   left = √(excess(w)/excess(1))
//! ```
//!
//! over features `x_j` of the source and `t_j` of the target in standard deviations over both, with `n_w`
//! effective rows: what sampling explains is no shift. A ratio whose shape cannot follow the target weighs all
//! rows much the same, and then has many effective rows: only this tells.

use faer::Mat;
use kiln_core::check;

use super::ImportanceWeights;
use super::distance::standardized;
use crate::AdaptError;

/// A squared difference of means up to so many times what sampling explains is none to be bridged.
const NOISE: f64 = 10.0;

/// Share of the difference between the means of source and target that is left when the source's rows are
/// weighted, from 0; 0 where there is none to begin with, 1 where the weights do nothing.
///
/// ```
/// use faer::{Mat, mat};
/// use kiln_adapt::importance::remaining_shift;
///
/// let source = Mat::from_fn(40, 1, |i, _| (i % 4) as f64);
/// let target = Mat::from_fn(40, 1, |i, _| if i % 4 == 0 { 2.0 } else { 3.0 });
/// assert_eq!(remaining_shift(&source, &target, &[1.0; 40])?, 1.0);
/// let like_target: Vec<f64> = (0..40).map(|i| [0.0, 0.0, 1.0, 3.0][i % 4]).collect();
/// assert_eq!(remaining_shift(&source, &target, &like_target)?, 0.0);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
///
/// # Errors
/// Without rows or features, with numbers that are not finite, when sizes do not fit, a weight is negative or
/// all are 0.
pub fn remaining_shift(source: &Mat<f64>, target: &Mat<f64>, weights: &[f64]) -> Result<f64, AdaptError> {
    check::size("weights of the source's rows", weights.len(), source.nrows())?;
    weights.iter().try_for_each(|weight| check::nonnegative("weight of a row", *weight))?;
    let largest = weights.iter().copied().fold(0.0, f64::max);
    check::setting("largest weight", largest, largest > 0.0, "above 0")?;
    let (source, target) = standardized(source, target)?;
    // Of the largest: their squares may be no f64.
    let weights: Vec<f64> = weights.iter().map(|weight| weight / largest).collect();
    let even = vec![1.0; weights.len()];
    let of_target = moments(&target, &vec![1.0; target.nrows()]);
    let differences = |weights: &[f64]| {
        let of_source = moments(&source, weights);
        let (mut square, mut noise, mut excess) = (0.0, 0.0, 0.0);
        for ((mean, variance), (goal, own)) in of_source.iter().zip(&of_target) {
            let (away, chance) = ((mean - goal).powi(2), variance + own);
            square += away;
            noise += chance;
            excess += (away - chance).max(0.0);
        }
        (square, noise, excess)
    };
    let (square, noise, excess) = differences(&even);
    if square <= NOISE * noise || excess <= 0.0 {
        return Ok(0.0);
    }
    Ok((differences(&weights).2 / excess).sqrt())
}

/// Weighted mean of each column, and the variance of that mean.
fn moments(x: &Mat<f64>, weights: &[f64]) -> Vec<(f64, f64)> {
    let total: f64 = weights.iter().sum();
    let effective = total * total / weights.iter().map(|w| w * w).sum::<f64>();
    let of_column = |j: usize| {
        let mean = x.col(j).iter().zip(weights).map(|(x, w)| w * x).sum::<f64>() / total;
        let variance = x.col(j).iter().zip(weights).map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total;
        (mean, variance / effective)
    };
    (0..x.ncols()).map(of_column).collect()
}

/// The weights, unless they bridge less than this share of the shift.
pub(super) fn refuse_unreached(
    source: &Mat<f64>,
    target: &Mat<f64>,
    found: ImportanceWeights,
    least: f64,
) -> Result<ImportanceWeights, AdaptError> {
    let reached = (1.0 - remaining_shift(source, target, &found.weights)?).clamp(0.0, 1.0);
    if reached < least {
        let effective = found.effective_rows * reached;
        return Err(AdaptError::FewEffectiveRows { effective, rows: source.nrows(), least });
    }
    Ok(found)
}
