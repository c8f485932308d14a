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
use crate::{AdaptError, SourceChoice};

/// Least squares; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ols {
    /// The sources to fit; the mixture of them when they are [all](SourceChoice::All).
    pub sources: SourceChoice,
    /// Weight of `‖β‖²` beside the mean squared error, at least 0. Above 0 no system is singular.
    pub ridge: f64,
}

impl Regression for Ols {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        check::nonnegative("ridge", self.ridge)?;
        check_moments(sources, Some(target))?;
        Moments::mixture(self.sources.pick(sources)?)?.regression(self.ridge)
    }
}
