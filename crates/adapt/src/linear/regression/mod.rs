//! Regression that adapts: closed forms of means and covariances.
//!
//! Everything is after Chen and Bühlmann, "Domain adaptation under structural causal models", JMLR 22, 2021
//! (arXiv
//! 2010.15764), unless a file says otherwise. With `x̄, S, c` the mean and covariance of a domain's features
//! and their covariance with the label, ordinary least squares is `S β = c` with intercept `ȳ − x̄ᵀβ`. The
//! methods change `S` or what is subtracted from `x`:
//!
//! | Method | In words | Right when the target differs by |
//! |---|---|---|
//! | [`Ols`] | least squares on sources | nothing |
//! | [`Dip`], [`DipWeigh`] | same mean prediction in source and target | shifts of features that `y` causes |
//! | [`Cip`] | same mean prediction given `y` in all sources | also shifts of `y`, if some features keep |
//! | [`Cirm`], [`CirmWeigh`] | DIP on what CIP's prediction leaves of the features | both of these |
//! | [`Mixed`] | any of them, once the causes of `y` are regressed out | the same, with causes known |
//! | [`MaximinAggregate`] | the mixture of regressions that explains least | a mixture of the sources' conditionals |
//!
//! Each is a [`Regression`]: it fits data, or exact moments of populations. Cost: `O(n d²)` for the moments,
//! `O(d³)` for each system.
//!
//! Target labels enter in [`target_ols`] and [`dip_oracle`] only, which are there to be compared with.

pub mod cip;
pub mod cirm;
pub mod cirm_weigh;
pub mod dip;
pub mod dip_weigh;
pub mod maximin;
pub mod mixed;
pub mod ols;
mod oracle;

pub use cip::Cip;
pub use cirm::Cirm;
pub use cirm_weigh::CirmWeigh;
pub use dip::Dip;
pub use dip_weigh::DipWeigh;
use faer::{Col, Mat};
pub use maximin::{MaximinAggregate, maximin_weights};
pub use mixed::Mixed;
pub use ols::Ols;
pub use oracle::{dip_oracle, target_ols};

use super::algebra::{NO_DIFFERENCE, factor_covariance, solve_penalised};
use super::{FeatureMoments, LinearModel, Moments, Weight};
use crate::{AdaptError, Adaptation, Fit, Labelled};

/// A method whose result depends on the domains through their moments.
pub trait Regression {
    /// Fits moments of populations, or of samples.
    ///
    /// # Errors
    /// When a setting is out of its range, domains do not fit each other, or a system is singular.
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError>;
}

/// A [`Regression`] fits data by their moments.
fn fit_by_moments<R: Regression + ?Sized>(
    method: &R,
    data: &Adaptation<Mat<f64>>,
) -> Result<LinearModel, AdaptError> {
    let sources = of_sources(data.sources())?;
    method.fit_moments(&sources, &FeatureMoments::of(data.target().x())?)
}

macro_rules! fit_by_moments {
    ($($method:ty),*) => {
        $(
            impl Fit<Mat<f64>> for $method {
                type Data = Adaptation<Mat<f64>>;
                type Fitted = LinearModel;

                /// Fits the moments of the data.
                ///
                /// # Errors
                /// As [`fit_moments`](Regression::fit_moments), and when the labels are classes.
                fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
                    fit_by_moments(self, data)
                }
            }
        )*
    };
}

fit_by_moments!(Ols, Dip, DipWeigh, Cip, Cirm, CirmWeigh, MaximinAggregate, dyn Regression);

impl<R: Regression> Fit<Mat<f64>> for Mixed<R> {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits the moments of the data.
    ///
    /// # Errors
    /// As [`fit_moments`](Regression::fit_moments), and when the labels are classes.
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        fit_by_moments(self, data)
    }
}

pub(crate) fn of_sources(sources: &[Labelled<Mat<f64>>]) -> Result<Vec<Moments>, AdaptError> {
    sources.iter().map(Moments::of).collect()
}

/// Least squares on `domain` with `λ (Δᵀw)²` added to the mean squared error, or `Δᵀw = 0` in the limit.
fn matched(
    domain: &Moments,
    delta: &Col<f64>,
    weight: Weight,
    ridge: f64,
) -> Result<LinearModel, AdaptError> {
    let factor = factor_covariance(domain.features().covariance(), ridge)?;
    let gap = delta.transpose().as_mat().to_owned();
    let w = solve_penalised(&factor, domain.cross_covariance(), &gap, weight, NO_DIFFERENCE)?;
    domain.with_intercept(w.as_ref())
}

/// Mean squared error on `domain` plus `λ (Δᵀw)²`.
fn criterion(
    domain: &Moments,
    delta: &Col<f64>,
    weight: Weight,
    model: &LinearModel,
) -> Result<f64, AdaptError> {
    let gap = model.coefficients().col(0).transpose() * delta;
    let penalty = if let Weight::Finite(lambda) = weight { lambda * gap * gap } else { 0.0 };
    Ok(domain.risk(model)? + penalty)
}

/// The mean of the models with weights proportional to `exp(−sharpness · (criterion − least criterion))`.
fn softmin(fits: &[(LinearModel, f64)], sharpness: f64) -> Result<LinearModel, AdaptError> {
    let least = fits.iter().fold(f64::INFINITY, |least, (_, criterion)| least.min(*criterion));
    let weights: Vec<f64> =
        fits.iter().map(|(_, criterion)| (-sharpness * (criterion - least)).exp()).collect();
    let total: f64 = weights.iter().sum();
    let models = fits.iter().map(|(model, _)| model);
    combination(models.zip(weights.iter().map(|weight| weight / total)))
}

/// `Σ weight · model`.
fn combination<'a>(
    parts: impl Iterator<Item = (&'a LinearModel, f64)> + Clone,
) -> Result<LinearModel, AdaptError> {
    let features = parts.clone().next().map_or(0, |(model, _)| model.features());
    let mut coefficients = Mat::zeros(features, 1);
    let mut intercept = 0.0;
    for (model, weight) in parts {
        coefficients += model.coefficients() * faer::Scale(weight);
        intercept += weight * model.intercepts().first().copied().unwrap_or(0.0);
    }
    LinearModel::new(coefficients, vec![intercept])
}
