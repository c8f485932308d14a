//! FT-OLS-Src: least squares on the source, moved along what changed.
//!
//! ```text
//! β₀ = β_S,   B = Σ_T⁻¹V
//! ```
//!
//! If `r` features depend otherwise on other features or the label than in the source, `Σ_T − Σ_S` has rank
//! `q ≤ 2r` with column space `V`, which holds `Cov_T(X, Y) − Cov_S(X, Y)` as well; so `β_T − β_S` is in
//! `Σ_T⁻¹V`.

use faer::linalg::solvers::Solve;
use serde::{Deserialize, Serialize};

use super::{FineTuningStart, LinearFineTuning, changed_directions, intercept_of, without};
use crate::linear::algebra::factor_covariance;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, Moments};
use crate::{AdaptError, SourceChoice};

/// FT-OLS-Src; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FtOlsSource {
    /// The sources of the start; the mixture of them when they are pooled.
    pub sources: SourceChoice,
    /// `q`, at most the number of features. At 0 the start is returned.
    pub rank: usize,
    /// Whether there is an intercept. Without one, rows should have mean 0.
    pub intercept: bool,
}

impl FtOlsSource {
    /// From all sources, with an intercept.
    pub fn new(rank: usize) -> Self {
        Self { sources: SourceChoice::All, rank, intercept: true }
    }
}

impl LinearFineTuning for FtOlsSource {
    fn start(&self, sources: &[Moments], target: &FeatureMoments) -> Result<FineTuningStart, AdaptError> {
        check_moments(sources, Some(target))?;
        let source = Moments::mixture(self.sources.pick(sources)?)?;
        let changed = changed_directions(&source, target, self.rank)?;
        let start = without(&source, &factor_covariance(source.features().covariance(), 0.0)?, None)?;
        let directions = factor_covariance(target.covariance(), 0.0)?.solve(&changed);
        let intercept = intercept_of(&source, &start, self.intercept);
        FineTuningStart::new(&start, intercept, &directions)
    }
}
