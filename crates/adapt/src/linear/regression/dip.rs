//! Domain-invariant projection: the mean prediction must be the same in source and target.
//!
//! ```text
//! (S + λ Δ Δᵀ) β = c,   Δ = x̄_T − x̄_s,   intercept ȳ − x̄_sᵀβ
//! ```
//!
//! In the limit `λ → ∞`, least squares under `Δᵀβ = 0`. If `y` is a cause of the features, with coefficients
//! `b` and unit noise, the risk in the limit is `1/(1 + |b|² − (bᵀΔ)²/|Δ|²)` in source and target alike,
//! against `1/(1 + |b|²) + (bᵀΔ)²/(1 + |b|²)²` of least squares in the target.

use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::{Regression, matched};
use crate::linear::alarm::lost_variance;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments, Weight};
use crate::{AdaptError, SourceChoice};

/// DIP from one source; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Dip {
    /// Index of the source.
    pub source: usize,
    /// `λ`.
    pub weight: Weight,
    /// Weight of `‖β‖²` beside the mean squared error, at least 0.
    pub ridge: f64,
}

impl Dip {
    /// Without a ridge.
    pub fn new(source: usize, weight: impl Into<Weight>) -> Self {
        Self { source, weight: weight.into(), ridge: 0.0 }
    }

    pub(super) fn check(&self) -> Checked {
        self.weight.check("weight")?;
        check::nonnegative("ridge", self.ridge)
    }
}

impl Regression for Dip {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        self.check()?;
        check_moments(sources, Some(target))?;
        let source = &SourceChoice::One(self.source).pick(sources)?[0];
        let delta = target.mean() - source.features().mean();
        let model = matched(source, &delta, self.weight, self.ridge)?;
        let (free, aligned) = (source.regression(self.ridge)?, source.risk(&model)?);
        let warning = lost_variance(source.risk(&free)?, aligned, source.label_variance());
        Ok(model.noted(warning))
    }
}
