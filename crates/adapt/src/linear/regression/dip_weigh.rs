//! DIP from every source, weighted by how well it fits.
//!
//! ```text
//! criterion_m = MSE_m(β_m) + λ (Δ_mᵀβ_m)²
//! prediction Σ w_m β_mᵀx,   w_m ∝ exp(−κ (criterion_m − min criterion))
//! ```

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Regression, criterion, matched, softmin};
use crate::AdaptError;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments, Weight};

/// Weighted DIP; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DipWeigh {
    /// `λ`.
    pub weight: Weight,
    /// Weight of `‖β‖²` beside the mean squared error, at least 0.
    pub ridge: f64,
    /// `κ`, at least 0. It is compared with squared labels.
    pub sharpness: f64,
}

impl DipWeigh {
    /// Without a ridge, and with the authors' `κ = 1000`.
    pub fn new(weight: impl Into<Weight>) -> Self {
        Self { weight: weight.into(), ridge: 0.0, sharpness: 1000.0 }
    }
}

impl Regression for DipWeigh {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        self.weight.check("weight")?;
        check::nonnegative("ridge", self.ridge)?;
        check::nonnegative("sharpness", self.sharpness)?;
        check_moments(sources, Some(target))?;
        let fit = |source: &Moments| {
            let delta = target.mean() - source.features().mean();
            let model = matched(source, &delta, self.weight, self.ridge)?;
            let criterion = criterion(source, &delta, self.weight, &model)?;
            Ok((model, criterion))
        };
        softmin(&sources.iter().map(fit).collect::<Result<Vec<_>, AdaptError>>()?, self.sharpness)
    }
}
