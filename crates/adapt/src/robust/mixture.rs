//! Mixtures: what they must be, and the method's step.

use kiln_core::InputError;
use kiln_core::check::{self, Checked};

use crate::AdaptError;

/// One step of (b): `β ← normalise(β exp(η g))`, then `β̄ + s(β − β̄)` with the largest `s ≤ 1` that is in
/// the ball.
///
/// # Errors
/// When β or β̄ are not mixtures of as many as there are losses, a loss is not finite, or the radius or η is
/// negative or not finite.
///
/// ```
/// use kiln_adapt::robust::mixture_step;
///
/// let half = [0.5, 0.5];
/// let step = mixture_step(&half, &[1.0, 2.0], &half, 1.5, 0.05)?;
/// assert!((step[1] - 1.0 / (1.0 + (-0.05_f64).exp())).abs() < 1e-12);
/// assert_eq!(mixture_step(&half, &[1.0, 2.0], &half, 0.0, 0.05)?, half);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
pub fn mixture_step(
    mixture: &[f64],
    losses: &[f64],
    reference: &[f64],
    radius: f64,
    step_size: f64,
) -> Result<Vec<f64>, AdaptError> {
    check_losses(losses, reference, radius)?;
    check_losses(losses, mixture, radius)?;
    check::nonnegative("step_size", step_size)?;
    // Subtracting the largest exponent changes nothing after normalization; so nothing overflows, and some
    // share stays.
    let present = mixture.iter().zip(losses).filter(|(b, _)| **b > 0.0).map(|(_, g)| *g);
    let most = present.fold(f64::NEG_INFINITY, f64::max);
    let mut next: Vec<f64> =
        mixture.iter().zip(losses).map(|(b, g)| b * (step_size * (g - most).min(0.0)).exp()).collect();
    let sum: f64 = next.iter().sum();
    for share in &mut next {
        *share /= sum;
    }
    let far = distance(&next, reference);
    if far > radius {
        for (share, reference) in next.iter_mut().zip(reference) {
            *share = reference + radius / far * (*share - reference);
        }
    }
    Ok(next)
}

pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

pub(super) fn check_losses(losses: &[f64], reference: &[f64], radius: f64) -> Checked {
    check_mixture(reference, losses.len())?;
    check::all_finite("the list of losses", losses.iter().copied())?;
    check::nonnegative("radius", radius)
}

/// Whether these are `count` non-negative numbers with the sum 1.
pub(super) fn check_mixture(mixture: &[f64], count: usize) -> Checked {
    if mixture.len() != count || count == 0 {
        let what = "shares of a mixture";
        return Err(InputError::size(what, mixture.len(), count.max(1)));
    }
    mixture.iter().try_for_each(|share| check::nonnegative("share of a mixture", *share))?;
    let sum: f64 = mixture.iter().sum();
    check::setting("sum of a mixture's shares", sum, (sum - 1.0).abs() <= 1e-6, "1")
}
