//! Exact solutions of the method's inner problems, in `f64` on the host: for its robust value, and to test
//! its steps against.

use kiln_core::check;
use kiln_tensor::prox::{ConstraintSet, Simplex};

use super::conditionals::Conditionals;
use super::mixture::{check_losses, check_mixture, distance};
use super::settings::Ball;
use crate::AdaptError;

/// Halvings of a bracket, after which it is as narrow as `f64` allows.
const HALVINGS: usize = 100;
/// [`maximum_entropy_mixture`] stops when the maximum is within this of the entropy found, and gives up after
/// so many iterations.
const GAP: f64 = 1e-10;
const ITERATIONS: usize = 100_000;

/// `argmax β·g` over the simplex with `‖β − β̄‖₂ ≤ radius`.
///
/// `β(t) = P_simplex(β̄ + t g)` moves away from β̄ as t grows: bisection finds the t at which it leaves the
/// ball, unless it stays inside; then the maximizer is its limit, the point nearest to β̄ among the best
/// corners' mixtures. Cost `O(K log K)` per halving.
///
/// # Errors
/// When a number is not finite, the radius is negative, or the reference is not a mixture of as many.
///
/// ```
/// use kiln_adapt::robust::oracle::exact_mixture;
///
/// let half = [0.5, 0.5];
/// assert_eq!(exact_mixture(&[1.0, 2.0], &half, 1.5)?, [0.0, 1.0]);
/// let near = exact_mixture(&[1.0, 2.0], &half, 0.1)?;
/// assert!((near[1] - (0.5 + 0.1 / 2.0_f64.sqrt())).abs() < 1e-12);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
pub fn exact_mixture(losses: &[f64], reference: &[f64], radius: f64) -> Result<Vec<f64>, AdaptError> {
    check_losses(losses, reference, radius)?;
    let most = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let spread = most / 2.0 - least / 2.0;
    // Nothing on the simplex changes when a constant is added; so the best stay where they are, however large
    // t is.
    let direction: Vec<f64> = losses
        .iter()
        .map(|loss| if loss < &most { (loss / 2.0 - most / 2.0) / spread } else { 0.0 })
        .collect();
    let best: Vec<usize> = (0..losses.len()).filter(|&k| direction[k] == 0.0).collect();
    let face = simplex(best.iter().map(|&k| reference[k]).collect())?;
    let mut limit = vec![0.0; losses.len()];
    best.iter().zip(face).for_each(|(&k, share)| limit[k] = share);
    if distance(&limit, reference) <= radius {
        return Ok(limit);
    }
    let mut outside = 1.0;
    // At 1e18 nothing but the best is left: no two numbers of this size differ by less than 1e-16.
    while outside < 1e18 && distance(&along(reference, &direction, outside)?, reference) <= radius {
        outside *= 2.0;
    }
    leave(reference, &direction, radius, outside)
}

/// A row of a two-class linear model at its worst place.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstPoint {
    /// `z' − z`.
    pub displacement: Vec<f64>,
    /// The cross-entropy there.
    pub loss: f64,
}

/// The worst place within `radius` of a row for a linear model of two classes, whose logits differ by
/// `margin = wᵀz + b` there (second less first), with `slope = w`, when the second class has the probability
/// `share`.
///
/// The cross-entropy `log(1 + eᵗ) − share t` is convex in `t = margin + wᵀ(z' − z)`, so its maximum is at an
/// end of `margin ± radius ‖w‖`, with the dual norm (ℓ₁ for the ℓ∞ ball). Cost `O(d)`.
///
/// # Errors
/// When a number is not finite, the radius is negative, or the share is not in \[0, 1\].
pub fn worst_point(
    slope: &[f64],
    margin: f64,
    share: f64,
    ball: Ball,
    radius: f64,
) -> Result<WorstPoint, AdaptError> {
    check::all_finite("the slope", slope.iter().copied())?;
    check::finite("margin", margin)?;
    check::probability("share", share)?;
    check::nonnegative("radius", radius)?;
    let (norm, direction): (f64, Vec<f64>) = match ball {
        Ball::L2 => {
            let norm = slope.iter().map(|w| w * w).sum::<f64>().sqrt();
            (norm, slope.iter().map(|w| if norm > 0.0 { w / norm } else { 0.0 }).collect())
        }
        Ball::LInf => {
            let sign = |w: &f64| if *w == 0.0 { 0.0 } else { w.signum() };
            (slope.iter().map(|w| w.abs()).sum(), slope.iter().map(sign).collect())
        }
    };
    let loss = |t: f64| t.max(0.0) + (-t.abs()).exp().ln_1p() - share * t;
    let (up, down) = (loss(margin + radius * norm), loss(margin - radius * norm));
    let sign = if up >= down { radius } else { -radius };
    let displacement = direction.into_iter().map(|e| sign * e).collect();
    Ok(WorstPoint { displacement, loss: up.max(down) })
}

/// The mixture of conditionals that says least about the labels.
#[derive(Debug, Clone, PartialEq)]
pub struct EntropyMixture {
    /// β*.
    pub mixture: Vec<f64>,
    /// `(1/n) Σ_i H(y°(β*, z_i))`, in nats.
    pub entropy: f64,
    /// By how much the maximum can be larger, at most.
    pub gap: f64,
}

/// `β* = argmax (1/n) Σ_i H(y°(β, z_i))` over the simplex with `‖β − β̄‖₂ ≤ radius`.
///
/// When rows are not moved (`ε₁ = 0`) and any model is allowed, this is the adversary's side of the method's
/// saddle point, and the model's is `y°(β*)`: the least value of `CE(f, y°(β))` over all f is the entropy of
/// `y°(β)`.
///
/// The entropy is concave in β: accelerated projected gradient ascent with backtracking, until the linear
/// bound `max_b ∇·(b − β)` over the set, which [`exact_mixture`] solves, is below 1e-10. Cost `O(K n C)` per
/// iteration.
///
/// # Errors
/// When the reference is not a mixture of as many as there are conditionals, the radius is negative or not
/// finite, or the bound is not reached.
pub fn maximum_entropy_mixture(
    conditionals: &Conditionals,
    reference: &[f64],
    radius: f64,
) -> Result<EntropyMixture, AdaptError> {
    check_mixture(reference, conditionals.count())?;
    check::nonnegative("radius", radius)?;
    let mut point = reference.to_vec();
    let mut value = mean_entropy(conditionals, &point);
    let (mut lead, mut age, mut curvature) = (point.clone(), 1.0_f64, 1.0_f64);
    for _ in 0..ITERATIONS {
        let (start, gradient) = (mean_entropy(conditionals, &lead), entropy_gradient(conditionals, &lead));
        let (next, reached) = loop {
            let step = lead.iter().zip(&gradient).map(|(x, g)| x + g / curvature).collect();
            let next = project(step, reference, radius)?;
            let reached = mean_entropy(conditionals, &next);
            let rise: f64 = gradient.iter().zip(next.iter().zip(&lead)).map(|(g, (a, b))| g * (a - b)).sum();
            let bend = 0.5 * curvature * distance(&next, &lead).powi(2);
            // The last term is rounding: near the maximum nothing else is left.
            if reached >= start + rise - bend - 1e-14 * (1.0 + start) {
                break (next, reached);
            }
            curvature *= 2.0;
        };
        if reached < value && lead != point {
            // The momentum overshot.
            (lead, age) = (point.clone(), 1.0);
            continue;
        }
        let gradient = entropy_gradient(conditionals, &next);
        let best = exact_mixture(&gradient, reference, radius)?;
        let gap = gradient.iter().zip(best.iter().zip(&next)).map(|(g, (b, x))| g * (b - x)).sum::<f64>();
        if gap <= GAP {
            return Ok(EntropyMixture { mixture: next, entropy: reached, gap: gap.max(0.0) });
        }
        let older = f64::midpoint(1.0, (1.0 + 4.0 * age * age).sqrt());
        lead = next.iter().zip(&point).map(|(a, b)| a + (age - 1.0) / older * (a - b)).collect();
        lead = project(lead, reference, radius)?;
        (point, value, age, curvature) = (next, reached, older, 0.9 * curvature);
    }
    Err(AdaptError::NotConverged { what: "the mixture of largest entropy", iterations: ITERATIONS })
}

/// Mean over the rows of the entropy of the mixture's class probabilities, in nats.
pub(super) fn mean_entropy(conditionals: &Conditionals, mixture: &[f64]) -> f64 {
    let term = |q: f64| if q > 0.0 { -q * q.ln() } else { 0.0 };
    conditionals.mixed(mixture).into_iter().map(term).sum::<f64>() / conditionals.rows() as f64
}

/// `−(1/n) Σ_i Σ_c p_kic log q_ic`, without the −1 that all entries have.
fn entropy_gradient(conditionals: &Conditionals, mixture: &[f64]) -> Vec<f64> {
    let logarithms: Vec<f64> =
        conditionals.mixed(mixture).into_iter().map(|q| q.max(f64::MIN_POSITIVE).ln()).collect();
    conditionals.cross_entropies(&logarithms)
}

/// The nearest point of the simplex with `‖x − β̄‖ ≤ radius`: `P_simplex(β̄ + s(x − β̄))` for the largest s ≤
/// 1 that is within.
fn project(x: Vec<f64>, reference: &[f64], radius: f64) -> Result<Vec<f64>, AdaptError> {
    let direction: Vec<f64> = x.iter().zip(reference).map(|(x, r)| x - r).collect();
    let nearest = simplex(x)?;
    if distance(&nearest, reference) <= radius {
        return Ok(nearest);
    }
    leave(reference, &direction, radius, 1.0)
}

/// `P_simplex(β̄ + t direction)` for the largest t at which it is in the ball; at `outside` it is not.
fn leave(
    reference: &[f64],
    direction: &[f64],
    radius: f64,
    mut outside: f64,
) -> Result<Vec<f64>, AdaptError> {
    let mut inside = 0.0;
    for _ in 0..HALVINGS {
        let t = f64::midpoint(inside, outside);
        if distance(&along(reference, direction, t)?, reference) <= radius {
            inside = t;
        } else {
            outside = t;
        }
    }
    along(reference, direction, inside)
}

fn along(reference: &[f64], direction: &[f64], t: f64) -> Result<Vec<f64>, AdaptError> {
    simplex(reference.iter().zip(direction).map(|(r, d)| r + t * d).collect())
}

fn simplex(mut x: Vec<f64>) -> Result<Vec<f64>, AdaptError> {
    Simplex::default().project(&mut x)?;
    Ok(x)
}
