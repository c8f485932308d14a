//! Conditional invariant residual matching: DIP on what CIP's prediction leaves of the features.
//!
//! ```text
//! f = CIP's prediction,   b = Σ mean(x (y − ȳ)) / Σ mean(f (y − ȳ)),   r_m = mean x − mean(f) b
//! DIP with Δ = r_T − r_s
//! ```
//!
//! with sums over the sources, each counted as in CIP's [`pooling`](Cip::pooling), and `ȳ` their mean label.
//! `x − f b` is uncorrelated with `y` over the sources, so a shift of `y` in the target does not move its mean,
//! and what does is a shift of the features.

use faer::Col;
use serde::{Deserialize, Serialize};

use super::{Cip, Regression, matched};
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments, Weight};
use crate::{AdaptError, SourceChoice};

/// CIRM from one source; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cirm {
    /// Index of the source of the DIP step.
    pub source: usize,
    /// The first step.
    pub cip: Cip,
    /// `λ` of the DIP step.
    pub weight: Weight,
}

impl Cirm {
    /// Without a ridge.
    pub fn new(source: usize, cip_weight: impl Into<Weight>, weight: impl Into<Weight>) -> Self {
        Self { source, cip: Cip::new(cip_weight), weight: weight.into() }
    }
}

impl Regression for Cirm {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        self.weight.check("weight")?;
        check_moments(sources, Some(target))?;
        let source = &SourceChoice::One(self.source).pick(sources)?[0];
        let residual = Residual::fit(&self.cip, sources)?;
        let delta = residual.mean(target) - residual.mean(source.features());
        matched(source, &delta, self.weight, self.cip.ridge)
    }
}

/// `x − f b`.
pub(super) struct Residual {
    invariant: LinearModel,
    b: Col<f64>,
}

impl Residual {
    pub(super) fn fit(cip: &Cip, sources: &[Moments]) -> Result<Self, AdaptError> {
        let invariant = cip.fit_sources(sources)?;
        let pooled = Moments::pooled(sources, cip.pooling)?;
        // The sums over the sources are so many times the covariances of their mixture.
        let with_label = pooled.cross_covariance();
        let explained: f64 = invariant.coefficients().col(0).transpose() * with_label;
        if explained.abs() <= 1e-12 * pooled.label_variance() || explained == 0.0 {
            return Err(AdaptError::Method(
                "CIP's prediction does not vary with the labels, so CIRM cannot remove them from the features",
            ));
        }
        Ok(Self { invariant, b: with_label * faer::Scale(1.0 / explained) })
    }

    /// `r`.
    pub(super) fn mean(&self, features: &FeatureMoments) -> Col<f64> {
        let slope: f64 = self.invariant.coefficients().col(0).transpose() * features.mean();
        let prediction = slope + self.invariant.intercepts().first().copied().unwrap_or(0.0);
        features.mean() - &self.b * faer::Scale(prediction)
    }
}
