//! How far a point can be from the best one, at most: Fenchel duality.
//!
//! ```text
//! P(v, b) = F(A v + b) + G(v)
//! D(r)    = −F*(r) − G*(−Aᵀ r)   for slopes r with Σᵢ rᵢ = 0 (an intercept is free)
//! P(v, b) ≥ P* ≥ D(r)
//! ```
//!
//! The slopes of the loss at the predictions are the natural `r`. They sum to 0 once the intercept is the
//! best one for the weights, which costs no pass. With them `F(m) + F*(r) = rᵀm`, and for a ridge the gap is
//! the gradient's square alone, computed without cancellation:
//!
//! ```text
//! P − D = ½ Σⱼ gⱼ² / ridgeⱼ,   g = Aᵀ r + ridge v
//! ```
//!
//! With an ℓ1 part `r` is scaled down until `‖Aᵀ r‖∞` allows it. A column without any penalty has no dual
//! point off the optimum; for it the certificate speaks of the points within a radius, by convexity:
//! `P − P* ≤ ‖g‖ radius`.

use serde::{Deserialize, Serialize};

/// The certificate of a fit: no model of the same form can be better by more than `gap`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DualityGap {
    /// The objective: mean loss plus penalty.
    pub objective: f64,
    /// The objective less a lower bound of its minimum.
    pub gap: f64,
    /// The loss of the best constant prediction: what the fit starts from, and the unit of `relative`. Being
    /// a loss itself, it does not change with the unit of columns, and changes with that of labels as the
    /// gap does.
    pub start: f64,
    /// `gap / start`; 0 where both are 0.
    pub relative: f64,
    /// Where some weights are not penalized, or so little that rounding hides it: the bound holds for all models
    /// whose unpenalized weights
    /// (in standard deviations of their columns) are within this distance of the fitted ones.
    pub within: Option<f64>,
}

impl DualityGap {
    pub(crate) fn new(objective: f64, gap: f64, start: f64, within: Option<f64>) -> Self {
        let relative = if gap == 0.0 { 0.0 } else { gap / start };
        Self { objective, gap, start, relative, within }
    }
}

/// Whether the penalty of a column is none, up to rounding: its curvature is lost in that of the losses.
pub(crate) fn is_free(ridge: f64, bend: f64) -> bool {
    ridge <= 1e-14 * bend
}

pub(crate) fn has_free(ridge: &[f64], bend: f64) -> bool {
    ridge.iter().any(|&l| is_free(l, bend))
}

/// Half the sum of squares of the gradient over the ridge, and the radius times the rest of it. The
/// intercepts, which come last, are taken to be settled.
pub(crate) fn ridge_gap(ridge: &[f64], bend: f64, v: &[f64], g: &[f64], outputs: usize) -> f64 {
    let mut gap = 0.0;
    let mut free = 0.0;
    for (g, &l) in g.chunks_exact(outputs).zip(ridge) {
        let square: f64 = g.iter().map(|g| g * g).sum();
        if is_free(l, bend) {
            free += square;
        } else {
            gap += square / (2.0 * l);
        }
    }
    if free > 0.0 { gap + free.sqrt() * radius(ridge, bend, v, free, outputs) } else { gap }
}

/// Ten times the length of the unpenalized weights, or of a gradient step on them where that is more.
fn radius(ridge: &[f64], bend: f64, v: &[f64], free: f64, outputs: usize) -> f64 {
    let length: f64 = v
        .chunks_exact(outputs)
        .zip(ridge)
        .filter(|(_, l)| is_free(**l, bend))
        .map(|(v, _)| v.iter().map(|v| v * v).sum::<f64>())
        .sum();
    10.0 * length.sqrt().max(free.sqrt() / bend)
}

/// The radius of the certificate, where there is need of one.
pub(crate) fn within(ridge: &[f64], bend: f64, v: &[f64], g: &[f64], outputs: usize) -> Option<f64> {
    let free = ridge.iter().zip(g.chunks_exact(outputs)).filter(|(l, _)| is_free(**l, bend));
    let square: f64 = free.map(|(_, g)| g.iter().map(|g| g * g).sum::<f64>()).sum();
    has_free(ridge, bend).then(|| radius(ridge, bend, v, square, outputs))
}
