//! Ordinary least squares on the sources: what every method that adapts must beat.
//!
//! ```text
//! (S + ridge · I) β = c,   intercept ȳ − x̄ᵀβ
//! ```

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::Regression;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments};
use crate::{AdaptError, Pooling, SourceChoice};

/// Least squares; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ols {
    /// The sources to fit; the mixture of them when they are [all](SourceChoice::All).
    pub sources: SourceChoice,
    /// Weight of `‖β‖²` beside the mean squared error, at least 0. Above 0 no system is singular.
    pub ridge: f64,
    /// What each of several sources counts; by rows, those that the [moments](Moments::rows) are of.
    pub pooling: Pooling,
}

impl Ols {
    /// Without a ridge, each source counted the same.
    pub const fn new(sources: SourceChoice) -> Self {
        Self { sources, ridge: 0.0, pooling: Pooling::BySource }
    }
}

impl Regression for Ols {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        check::nonnegative("ridge", self.ridge)?;
        check_moments(sources, Some(target))?;
        Moments::pooled(self.sources.pick(sources)?, self.pooling)?.regression(self.ridge)
    }
}
