//! Fine-tuning: a start that needs no labels of the target, moved within a few directions by a few labels.
//!
//! If the target differs from the sources by an intervention of low dimension `k`, so does the best
//! regression `β_T` from a start `β₀`: it lies in `β₀ + span B` for directions `B` that follow from
//! covariances alone. Least squares in these directions has excess risk of order `σ²k/n` for `n` labelled
//! rows, where least squares from nothing has `σ²d/(n − d − 1)`.
//!
//! | Method | Start `β₀` | Directions `B` | Exact when |
//! |---|---|---|---|
//! | [`FtDip`] | DIP along `V` | `Σ_T⁻¹ V` | noise of rank `q` enters features and label |
//! | [`FtOlsSource`] | source least squares | `Σ_T⁻¹ V` | this, or `q/2` features depend otherwise on others |
//! | [`FtCip`] | CIP along `Ū` | `β₀` and `Ω⁻¹ Ū` | the label's effects on features vary in `p` directions |
//! | [`TargetOnly`] | 0 | all | always |
//!
//! `V`: the `q` eigenvectors of `Σ_T − Σ_S` with the largest absolute eigenvalues;
//! `Ω = mean over m of Cov_m(X | Y)`; `Ū`: the first `p` principal directions of `c_m − c̄`,
//! `c_m = Cov_m(X, Y) / Var_m(Y)`. [`LinearMasft`] picks among starts and ranks by a validation half of the
//! labels.
//!
//! The problem is that of Ha and Chen, "When few labeled target data suffice: a theory of semi-supervised
//! domain adaptation via fine-tuning from multiple adaptive starts" (arXiv 2507.14661); its text was not
//! available to us. The methods here are our instantiation of its abstract: names and rates are the paper's,
//! estimators ours.
//!
//! Cost: `O(d³)` for the directions, `O(n k²)` for the fit.

pub mod ft_cip;
pub mod ft_dip;
pub mod ft_ols_source;
pub mod masft;
mod target_only;

use faer::linalg::solvers::{Llt, Solve};
use faer::{Col, Mat, Side};
pub use ft_cip::FtCip;
pub use ft_dip::FtDip;
pub use ft_ols_source::FtOlsSource;
use kiln_core::InputError;
pub use masft::{Choice, LinearMasft, LinearMasftFit, StartKind};
pub use target_only::TargetOnly;

use super::algebra::{all_finite, least_squares, orthonormal, solve_penalised, undecomposed};
use super::moments::centre;
use super::regression::of_sources;
use super::{FeatureMoments, LinearModel, Moments, Weight};
use crate::{AdaptError, Fit, Labelled, Predict, SemiSupervised};

/// A method that is a start and directions.
pub trait LinearFineTuning {
    /// The start and its directions, from moments of populations, or of samples. It sees no label of the
    /// target.
    ///
    /// # Errors
    /// When a setting is out of its range, domains do not fit each other, or a covariance is singular.
    fn start(&self, sources: &[Moments], target: &FeatureMoments) -> Result<FineTuningStart, AdaptError>;
}

macro_rules! fit_from_start {
    ($($method:ty),*) => {
        $(
            impl Fit<Mat<f64>> for $method {
                type Data = SemiSupervised<Mat<f64>>;
                type Fitted = LinearModel;

                /// The start from data, moved by the labelled rows.
                ///
                /// # Errors
                /// As [`start`](LinearFineTuning::start), and when the labels are classes.
                fn fit(&self, data: &SemiSupervised<Mat<f64>>) -> Result<LinearModel, AdaptError> {
                    let sources = of_sources(data.adaptation().sources())?;
                    let target = FeatureMoments::of(data.adaptation().target().x())?;
                    self.start(&sources, &target)?.fine_tune(data.labelled())
                }
            }
        )*
    };
}

fit_from_start!(FtDip, FtOlsSource, FtCip, dyn LinearFineTuning);

/// A regression, and directions in which to move it.
#[derive(Debug, Clone)]
pub struct FineTuningStart {
    model: LinearModel,
    basis: Mat<f64>,
    intercept: bool,
}

impl FineTuningStart {
    /// `directions` are columns. Without `intercept` that of the start is dropped and none is fitted.
    fn new(
        coefficients: &Col<f64>,
        intercept: Option<f64>,
        directions: &Mat<f64>,
    ) -> Result<Self, AdaptError> {
        let model = LinearModel::new(coefficients.as_mat().to_owned(), vec![intercept.unwrap_or(0.0)])?;
        Ok(Self { model, basis: orthonormal(directions)?, intercept: intercept.is_some() })
    }

    /// The start itself: no label of the target has been seen.
    pub fn untuned(&self) -> &LinearModel {
        &self.model
    }

    /// Number of directions.
    pub fn dimension(&self) -> usize {
        self.basis.ncols()
    }

    /// Least squares over `start + span of the directions`, and the intercept if there is one. With fewer
    /// rows than directions, the solution nearest to the start; without directions, the start.
    ///
    /// # Errors
    /// When the labels are classes, or rows have another number of features.
    pub fn fine_tune(&self, labelled: &Labelled<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        let predicted = self.model.predict_values(labelled.x())?;
        if self.dimension() == 0 {
            return Ok(self.model.clone());
        }
        let residual: Vec<f64> = labelled.values()?.iter().zip(predicted).map(|(y, p)| y - p).collect();
        let (alpha, shift) = fit_residual(&(labelled.x() * &self.basis), &residual, self.intercept)?;
        let coefficients = self.model.coefficients() + (&self.basis * alpha).as_mat();
        let intercept = self.model.intercepts().first().copied().unwrap_or(0.0) + shift;
        LinearModel::new(coefficients, vec![intercept])
    }
}

/// Shortest least-squares coefficients of `residual` on the columns of `design`, and the intercept, 0 if none
/// is fitted.
fn fit_residual(design: &Mat<f64>, residual: &[f64], intercept: bool) -> Result<(Col<f64>, f64), AdaptError> {
    let residual = Col::from_fn(residual.len(), |i| residual[i]);
    if !intercept {
        return Ok((least_squares(design, residual.as_ref())?, 0.0));
    }
    let (mean, centred) = centre(design)?;
    let level = residual.iter().sum::<f64>() / residual.nrows() as f64;
    let alpha = least_squares(&centred, Col::from_fn(residual.nrows(), |i| residual[i] - level).as_ref())?;
    let shift = level - mean.transpose() * &alpha;
    Ok((alpha, shift))
}

/// The `rank` eigenvectors of `Σ_T − Σ_S` with the largest absolute eigenvalues.
fn changed_directions(
    source: &Moments,
    target: &FeatureMoments,
    rank: usize,
) -> Result<Mat<f64>, AdaptError> {
    check_rank(rank, target.features())?;
    if rank == 0 {
        return Ok(Mat::zeros(target.features(), 0));
    }
    let change = target.covariance() - source.features().covariance();
    all_finite(&change)?;
    let eigen = change.self_adjoint_eigen(Side::Lower).map_err(|_| undecomposed())?;
    let values = eigen.S().column_vector();
    let mut order: Vec<usize> = (0..values.nrows()).collect();
    order.sort_by(|a, b| values[*b].abs().total_cmp(&values[*a].abs()));
    Ok(Mat::from_fn(target.features(), rank, |i, k| eigen.U()[(i, order[k])]))
}

fn check_rank(rank: usize, features: usize) -> Result<(), AdaptError> {
    if rank > features {
        let must = "at most the number of features";
        return Err(InputError::setting("rank", rank as f64, must).into());
    }
    Ok(())
}

/// Least squares on `domain`, with prediction orthogonal to the columns of `directions` if there are any.
fn without(
    domain: &Moments,
    factor: &Llt<f64>,
    directions: Option<&Mat<f64>>,
) -> Result<Col<f64>, AdaptError> {
    match directions {
        None => Ok(factor.solve(domain.cross_covariance())),
        Some(v) => solve_penalised(
            factor,
            domain.cross_covariance(),
            &v.transpose().to_owned(),
            Weight::Infinite,
            0.0,
        ),
    }
}

/// The intercept that suits `coefficients` on `domain`, if one is asked for.
fn intercept_of(domain: &Moments, coefficients: &Col<f64>, intercept: bool) -> Option<f64> {
    intercept.then(|| domain.label_mean() - coefficients.transpose() * domain.features().mean())
}
