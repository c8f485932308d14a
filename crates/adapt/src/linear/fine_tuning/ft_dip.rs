//! FT-DIP: least squares on the source without what changed, moved along what changed.
//!
//! ```text
//! β₀ = β_S − Σ_S⁻¹V (VᵀΣ_S⁻¹V)⁻¹ Vᵀβ_S,   B = Σ_T⁻¹V
//! ```
//!
//! If noise `U` of dimension `q` enters the target with effects `Γ` on the features and `γ` on the label,
//! then `Σ_T − Σ_S = ΓΓᵀ` and `β_T − β_S = Σ_T⁻¹Γ(γ − Γᵀβ_S)`: both starts are `q` directions away from
//! `β_T`.

use faer::linalg::solvers::Solve;
use serde::{Deserialize, Serialize};

use super::{FineTuningStart, LinearFineTuning, changed_directions, intercept_of, without};
use crate::linear::algebra::factor_covariance;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, Moments};
use crate::{AdaptError, SourceChoice};

/// FT-DIP; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FtDip {
    /// The sources of the start; the mixture of them when they are pooled.
    pub sources: SourceChoice,
    /// `q`, at most the number of features. At 0 the start is source least squares, and is returned.
    pub rank: usize,
    /// Whether there is an intercept. Without one, rows should have mean 0.
    pub intercept: bool,
}

impl FtDip {
    /// From all sources, with an intercept.
    pub fn new(rank: usize) -> Self {
        Self { sources: SourceChoice::All, rank, intercept: true }
    }
}

impl LinearFineTuning for FtDip {
    fn start(&self, sources: &[Moments], target: &FeatureMoments) -> Result<FineTuningStart, AdaptError> {
        check_moments(sources, Some(target))?;
        let source = Moments::mixture(self.sources.pick(sources)?)?;
        let changed = changed_directions(&source, target, self.rank)?;
        let factor = factor_covariance(source.features().covariance(), 0.0)?;
        let start = without(&source, &factor, Some(&changed))?;
        let directions = factor_covariance(target.covariance(), 0.0)?.solve(&changed);
        let intercept = intercept_of(&source, &start, self.intercept);
        FineTuningStart::new(&start, intercept, &directions)
    }
}
