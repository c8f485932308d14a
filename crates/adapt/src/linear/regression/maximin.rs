//! Maximin aggregation (Meinshausen and Bühlmann, Annals of Statistics 43, 2015; for several sources and a
//! target without labels, arXiv 2309.02211): the regression that explains most in the worst mixture of the
//! sources' conditionals.
//!
//! ```text
//! f = Σ β_k f_k,   β = argmin over the simplex of βᵀΓβ,   Γ_kl = E_T[f_k f_l]
//! ```
//!
//! `f_k` is least squares on source `k`. The quadratic problem is solved exactly: with `u ≥ 0` the minimiser
//! of `uᵀΓu + (1ᵀu − 1)²`, `β = u / 1ᵀu`.

use faer::Mat;
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::{Ols, Regression, combination};
use crate::linear::algebra::non_negative_quadratic;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments};
use crate::{AdaptError, SourceChoice};

/// Maximin aggregation; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct MaximinAggregate {
    /// Ridge of each source's least squares, at least 0.
    pub ridge: f64,
}

impl Regression for MaximinAggregate {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        check_moments(sources, Some(target))?;
        let fit = |index| {
            Ols { ridge: self.ridge, ..Ols::new(SourceChoice::One(index)) }.fit_moments(sources, target)
        };
        let models = (0..sources.len()).map(fit).collect::<Result<Vec<_>, AdaptError>>()?;
        let weights = maximin_weights(&models, target)?;
        combination(models.iter().zip(weights))
    }
}

/// `β` for regressions on the target: at least 0, with sum 1.
///
/// # Errors
/// Without models, or when one has another number of features or more than one output.
pub fn maximin_weights(models: &[LinearModel], target: &FeatureMoments) -> Result<Vec<f64>, AdaptError> {
    if models.is_empty() {
        return Err(InputError::empty("the list of models").into());
    }
    for model in models {
        if model.features() != target.features() {
            let what = "features of a model";
            return Err(InputError::size(what, model.features(), target.features()).into());
        }
        if model.outputs() != 1 {
            return Err(AdaptError::Method("only regressions can be aggregated"));
        }
    }
    let coefficients = Mat::from_fn(target.features(), models.len(), |i, k| models[k].coefficients()[(i, 0)]);
    let means: Vec<f64> = models
        .iter()
        .map(|model| model.coefficients().col(0).transpose() * target.mean() + model.intercepts()[0])
        .collect();
    let covariance = coefficients.transpose() * target.covariance() * &coefficients;
    let scale = (0..models.len()).map(|k| covariance[(k, k)] + means[k] * means[k]).fold(0.0, f64::max);
    if scale == 0.0 {
        // All predict 0 in the target.
        return Ok(vec![1.0 / models.len() as f64; models.len()]);
    }
    let gram = Mat::from_fn(models.len(), models.len(), |k, l| {
        (covariance[(k, l)] + means[k] * means[l]) / scale + 1.0
    });
    let u = non_negative_quadratic(&gram, &vec![1.0; models.len()])?;
    let total: f64 = u.iter().sum();
    Ok(u.into_iter().map(|u| u / total).collect())
}
