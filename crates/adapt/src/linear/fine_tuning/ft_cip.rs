//! FT-CIP: least squares on the sources without what varies among them, scaled, and moved along what varies.
//!
//! ```text
//! β₀ = β_pool − Σ⁻¹Ū (ŪᵀΣ⁻¹Ū)⁻¹ Ūᵀβ_pool,   B = [β₀, Ω⁻¹Ū]
//! ```
//!
//! with `Σ` and `β_pool` of the pooled sources. If the label's effects are `b_m = b + Uθ_m`, `U` of `p`
//! columns, and nothing else differs, `β_T` is a combination of `Ω⁻¹c` and `Ω⁻¹Ū` in every domain. `M`
//! sources show at most `M − 1` directions: with fewer than `p + 1` of them these are used, and the rest of
//! the error stays.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat};
use serde::{Deserialize, Serialize};

use super::{FineTuningStart, LinearFineTuning, check_rank, intercept_of, without};
use crate::AdaptError;
use crate::linear::algebra::{all_finite, factor_covariance, undecomposed};
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, Moments};

/// FT-CIP; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FtCip {
    /// `p`, at most the number of features. At 0 the start is pooled least squares, and is returned.
    pub rank: usize,
    /// Whether there is an intercept. Without one, rows should have mean 0.
    pub intercept: bool,
}

impl FtCip {
    /// With an intercept.
    pub fn new(rank: usize) -> Self {
        Self { rank, intercept: true }
    }
}

impl LinearFineTuning for FtCip {
    fn start(&self, sources: &[Moments], target: &FeatureMoments) -> Result<FineTuningStart, AdaptError> {
        check_moments(sources, Some(target))?;
        check_rank(self.rank, target.features())?;
        let pooled = Moments::mixture(sources)?;
        let factor = factor_covariance(pooled.features().covariance(), 0.0)?;
        if self.rank == 0 {
            let start = without(&pooled, &factor, None)?;
            let intercept = intercept_of(&pooled, &start, self.intercept);
            return FineTuningStart::new(&start, intercept, &Mat::zeros(target.features(), 0));
        }
        if sources.len() < 2 {
            return Err(AdaptError::TooFewSources { method: "FT-CIP", needed: 2, found: sources.len() });
        }
        let effects = sources.iter().map(effect).collect::<Result<Vec<_>, _>>()?;
        let share = faer::Scale(1.0 / sources.len() as f64);
        let mut given_label = Mat::<f64>::zeros(target.features(), target.features());
        let mut mean = Col::<f64>::zeros(target.features());
        for (source, effect) in sources.iter().zip(&effects) {
            let explained = effect * effect.transpose() * faer::Scale(source.label_variance());
            given_label += (source.features().covariance() - explained) * share;
            mean += effect * share;
        }
        let differences = Mat::from_fn(target.features(), effects.len(), |i, m| effects[m][i] - mean[i]);
        all_finite(&differences)?;
        let svd = differences.thin_svd().map_err(|_| undecomposed())?;
        let rank = self.rank.min(sources.len() - 1).min(svd.U().ncols());
        let varying = svd.U().subcols(0, rank).to_owned();
        let start = without(&pooled, &factor, Some(&varying))?;
        let along = factor_covariance(given_label.as_ref(), 0.0)?.solve(&varying);
        let directions = Mat::from_fn(target.features(), rank + 1, |i, k| match k {
            0 => start[i],
            _ => along[(i, k - 1)],
        });
        let intercept = intercept_of(&pooled, &start, self.intercept);
        FineTuningStart::new(&start, intercept, &directions)
    }
}

/// `c_m`.
fn effect(source: &Moments) -> Result<Col<f64>, AdaptError> {
    if source.label_variance() > 0.0 {
        Ok(source.cross_covariance() * faer::Scale(1.0 / source.label_variance()))
    } else {
        Err(AdaptError::Method("FT-CIP needs labels that vary in every source"))
    }
}
