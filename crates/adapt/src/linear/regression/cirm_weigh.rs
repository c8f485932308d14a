//! CIRM from every source, weighted by how well it fits, as in `DIPweigh`.
//!
//! ```text
//! criterion_m = MSE_m(β_m) + λ (Δ_mᵀβ_m)²
//! prediction Σ w_m β_mᵀx,   w_m ∝ exp(−κ (criterion_m − min criterion))
//! ```

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::cirm::Residual;
use super::{Cip, Regression, criterion, matched, softmin};
use crate::AdaptError;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments, Weight};

/// Weighted CIRM; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CirmWeigh {
    /// The first step.
    pub cip: Cip,
    /// `λ` of the DIP steps.
    pub weight: Weight,
    /// `κ`, at least 0. It is compared with squared labels.
    pub sharpness: f64,
}

impl CirmWeigh {
    /// Without a ridge, and with the authors' `κ = 1000`.
    pub fn new(cip_weight: impl Into<Weight>, weight: impl Into<Weight>) -> Self {
        Self { cip: Cip::new(cip_weight), weight: weight.into(), sharpness: 1000.0 }
    }
}

impl Regression for CirmWeigh {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        self.weight.check("weight")?;
        check::nonnegative("sharpness", self.sharpness)?;
        check_moments(sources, Some(target))?;
        let residual = Residual::fit(&self.cip, sources)?;
        let in_target = residual.mean(target);
        let fit = |source: &Moments| {
            let delta = &in_target - residual.mean(source.features());
            let model = matched(source, &delta, self.weight, self.cip.ridge)?;
            let criterion = criterion(source, &delta, self.weight, &model)?;
            Ok((model, criterion))
        };
        softmin(&sources.iter().map(fit).collect::<Result<Vec<_>, AdaptError>>()?, self.sharpness)
    }
}
