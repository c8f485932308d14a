//! Conditionally invariant projection: the mean prediction given `y` must be the same in all sources.
//!
//! With `x̃ = [x, 1]`, and means over the rows of source `m`,
//!
//! ```text
//! d_m = mean x̃ − mean(y) · mean(x̃ y) / mean(y²)
//! [ Σ q_m mean(x̃ x̃ᵀ) + λ Σ q_m (d_m − d̄)(d_m − d̄)ᵀ ] β = Σ q_m mean(x̃ y),   d̄ = Σ q_m d_m
//! ```
//!
//! for shares `q_m` of the sources: `1/M`, the authors' own, or those of their rows ([`Pooling`]).
//!
//! `d_m` is the mean of `x̃` less its regression on `y` through the origin, so the result depends on where
//! `y` has its zero, as in the authors' code; where features have theirs changes the intercept only. In the
//! limit `λ → ∞` all `(d_m − d̄)ᵀβ` are 0; `d + 1` or more of them in general position leave the zero model.

use faer::{Col, Mat};
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::Regression;
use crate::linear::algebra::{NO_DIFFERENCE, factor_covariance, solve_penalised};
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments, Weight};
use crate::{AdaptError, Pooling};

/// CIP; see the [module](self). With one source it is least squares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cip {
    /// `λ`.
    pub weight: Weight,
    /// Weight of `‖β‖²` beside the mean squared error, at least 0; the intercept is free.
    pub ridge: f64,
    /// What each source counts, in the mean squared error and in the penalty; by rows, those that the
    /// [moments](Moments::rows) are of.
    #[serde(default)]
    pub pooling: Pooling,
}

impl Cip {
    /// Without a ridge, each source counted the same.
    pub fn new(weight: impl Into<Weight>) -> Self {
        Self { weight: weight.into(), ridge: 0.0, pooling: Pooling::BySource }
    }

    /// The target has no part in it.
    pub(super) fn fit_sources(&self, sources: &[Moments]) -> Result<LinearModel, AdaptError> {
        self.weight.check("weight")?;
        check::nonnegative("ridge", self.ridge)?;
        let pooled = Moments::pooled(sources, self.pooling)?;
        let d = pooled.features().features();
        // Features count from their pooled mean: large means would cost digits, and move only the intercept.
        let origin = pooled.features().mean();
        let mut gram = Mat::zeros(d + 1, d + 1);
        gram.submatrix_mut(0, 0, d, d).copy_from(pooled.features().covariance());
        for j in 0..d {
            gram[(j, j)] += self.ridge;
        }
        gram[(d, d)] = 1.0;
        let mut right = Col::zeros(d + 1);
        right.subrows_mut(0, d).copy_from(pooled.cross_covariance());
        right[d] = pooled.label_mean();

        let given_label: Vec<Col<f64>> = sources.iter().map(|source| given_label(source, origin)).collect();
        let shares = self.pooling.shares(&sources.iter().map(Moments::rows).collect::<Vec<_>>());
        let mean =
            given_label.iter().zip(&shares).fold(Col::zeros(d + 1), |sum, (d, q)| sum + d * faer::Scale(*q));
        let differences =
            Mat::from_fn(sources.len(), d + 1, |m, j| shares[m].sqrt() * (given_label[m][j] - mean[j]));
        let beta = solve_penalised(
            &factor_covariance(gram.as_ref(), 0.0)?,
            right.as_ref(),
            &differences,
            self.weight,
            NO_DIFFERENCE,
        )?;
        let w = beta.subrows(0, d);
        LinearModel::new(w.as_mat().to_owned(), vec![beta[d] - w.transpose() * origin])
    }
}

/// `d_m`.
fn given_label(source: &Moments, origin: faer::ColRef<'_, f64>) -> Col<f64> {
    let mean = source.features().mean() - origin;
    let label_mean = source.label_mean();
    let square = source.label_variance() + label_mean * label_mean;
    let ratio = if square > 0.0 { label_mean / square } else { 0.0 };
    let with_label = source.cross_covariance() + &mean * faer::Scale(label_mean);
    let d = mean.nrows();
    Col::from_fn(d + 1, |j| if j < d { mean[j] - ratio * with_label[j] } else { 1.0 - ratio * label_mean })
}

impl Regression for Cip {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        check_moments(sources, Some(target))?;
        self.fit_sources(sources)
    }
}
