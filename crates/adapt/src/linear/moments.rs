//! Means and covariances: all that the methods for regression see of a domain.

use faer::linalg::solvers::Solve;
use faer::{Col, ColRef, Mat, MatRef};
use kiln_core::InputError;

use super::LinearModel;
use super::algebra::factor_covariance;
use crate::{AdaptError, Labelled, Pooling};

/// Mean and covariance of a domain's features: of a sample, divided by its number of rows, or of a
/// population.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMoments {
    mean: Col<f64>,
    covariance: Mat<f64>,
}

impl FeatureMoments {
    /// Mean and covariance, of which the lower triangle is used.
    ///
    /// # Errors
    /// When sizes do not fit, something is not finite, or a variance is negative.
    pub fn new(mean: &[f64], covariance: &Mat<f64>) -> Result<Self, AdaptError> {
        for found in [covariance.nrows(), covariance.ncols()] {
            if found != mean.len() {
                let what = "rows or columns of the covariance";
                return Err(InputError::size(what, found, mean.len()).into());
            }
        }
        if !covariance.is_all_finite() || mean.iter().any(|mean| !mean.is_finite()) {
            return Err(InputError::not_finite("the mean or the covariance").into());
        }
        if let Some(value) = (0..mean.len()).map(|j| covariance[(j, j)]).find(|variance| *variance < 0.0) {
            return Err(InputError::setting("variance", value, "at least 0").into());
        }
        let symmetric = |i: usize, j: usize| covariance[(i.max(j), i.min(j))];
        Ok(Self {
            mean: Col::from_fn(mean.len(), |j| mean[j]),
            covariance: Mat::from_fn(mean.len(), mean.len(), symmetric),
        })
    }

    /// Of the rows of `x`.
    ///
    /// # Errors
    /// Without rows, or when a number, or its square, is not finite.
    pub fn of(x: &Mat<f64>) -> Result<Self, AdaptError> {
        let (mean, centred) = centre(x)?;
        let covariance = centred.transpose() * &centred * faer::Scale(1.0 / x.nrows() as f64);
        finite(&covariance)?;
        Ok(Self { mean, covariance })
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.mean.nrows()
    }

    /// The mean.
    pub fn mean(&self) -> ColRef<'_, f64> {
        self.mean.as_ref()
    }

    /// The covariance.
    pub fn covariance(&self) -> MatRef<'_, f64> {
        self.covariance.as_ref()
    }

    /// Of the features `A x`.
    pub(crate) fn map(&self, a: &Mat<f64>) -> Self {
        Self { mean: a * &self.mean, covariance: a * &self.covariance * a.transpose() }
    }

    /// Of a mixture with these shares.
    fn mixture(parts: &[&Self], shares: &[f64]) -> Self {
        let features = parts.first().map_or(0, |part| part.features());
        let mut mean = Col::zeros(features);
        let mut covariance = Mat::zeros(features, features);
        for (part, share) in parts.iter().zip(shares) {
            mean += &part.mean * faer::Scale(*share);
            covariance += &part.covariance * faer::Scale(*share);
        }
        for (part, share) in parts.iter().zip(shares) {
            let shift = &part.mean - &mean;
            covariance += &shift * shift.transpose() * faer::Scale(*share);
        }
        Self { mean, covariance }
    }
}

/// Means, variances and covariances of a domain's features and its real-valued label.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    features: FeatureMoments,
    label_mean: f64,
    cross_covariance: Col<f64>,
    label_variance: f64,
    rows: f64,
}

impl Moments {
    /// Moments of the features, mean and variance of the label, and the covariance of each feature with it.
    ///
    /// # Errors
    /// When sizes do not fit, something is not finite, or the variance is negative.
    pub fn new(
        features: FeatureMoments,
        cross_covariance: &[f64],
        label_mean: f64,
        label_variance: f64,
    ) -> Result<Self, AdaptError> {
        if cross_covariance.len() != features.features() {
            let what = "covariances with the label";
            let (found, expected) = (cross_covariance.len(), features.features());
            return Err(InputError::size(what, found, expected).into());
        }
        let numbers = cross_covariance.iter().chain([&label_mean, &label_variance]);
        if numbers.into_iter().any(|number| !number.is_finite()) {
            return Err(InputError::not_finite("the moments of the label").into());
        }
        if label_variance < 0.0 {
            return Err(InputError::setting("label_variance", label_variance, "at least 0").into());
        }
        let cross_covariance = Col::from_fn(cross_covariance.len(), |j| cross_covariance[j]);
        Ok(Self { features, label_mean, cross_covariance, label_variance, rows: 1.0 })
    }

    /// Of a domain's rows.
    ///
    /// # Errors
    /// When the labels are classes, or a square is not finite.
    pub fn of(domain: &Labelled<Mat<f64>>) -> Result<Self, AdaptError> {
        let values = domain.values()?;
        // Counted from the plain mean, for the digits.
        let (origin, mut centred) = centre(domain.x())?;
        let total: f64 = (0..domain.rows()).map(|row| domain.weight(row)).sum();
        let share = faer::Scale(1.0 / total);
        let weights = Col::from_fn(domain.rows(), |row| domain.weight(row));
        let mut mean = origin;
        if domain.weights().is_some() {
            let shift = centred.transpose() * &weights * share;
            for (j, shift) in shift.iter().enumerate() {
                centred.col_mut(j).iter_mut().for_each(|value| *value -= shift);
            }
            mean += shift;
        }
        let label_mean = values.iter().zip(weights.iter()).map(|(y, w)| y * w).sum::<f64>() / total;
        let labels = Col::from_fn(values.len(), |i| values[i] - label_mean);
        let label_variance = labels.iter().zip(weights.iter()).map(|(y, w)| y * y * w).sum::<f64>() / total;
        let weighted = if domain.weights().is_some() {
            Mat::from_fn(centred.nrows(), centred.ncols(), |i, j| weights[i] * centred[(i, j)])
        } else {
            centred.clone()
        };
        let covariance = weighted.transpose() * &centred * share;
        finite(&covariance)?;
        let cross_covariance = weighted.transpose() * &labels * share;
        if !label_variance.is_finite() || !cross_covariance.is_all_finite() {
            return Err(InputError::not_finite(format!("a square of the labels of {}", domain.name())).into());
        }
        Ok(Self {
            features: FeatureMoments { mean, covariance },
            label_mean,
            cross_covariance,
            label_variance,
            rows: total,
        })
    }

    /// What they count when pooled by rows: the sum of the weights of their rows, 1 for a
    /// population.
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// Of the features.
    pub fn features(&self) -> &FeatureMoments {
        &self.features
    }

    /// Mean of the label.
    pub fn label_mean(&self) -> f64 {
        self.label_mean
    }

    /// Covariance of each feature with the label.
    pub fn cross_covariance(&self) -> ColRef<'_, f64> {
        self.cross_covariance.as_ref()
    }

    /// Variance of the label.
    pub fn label_variance(&self) -> f64 {
        self.label_variance
    }

    /// Of an equal mixture of domains with the same features.
    ///
    /// # Errors
    /// Without domains, or when they differ in their number of features.
    pub fn mixture(parts: &[Self]) -> Result<Self, AdaptError> {
        Self::pooled(parts, Pooling::BySource)
    }

    /// Of a mixture of domains with the same features, each counted so.
    ///
    /// # Errors
    /// Without domains, or when they differ in their number of features.
    pub fn pooled(parts: &[Self], pooling: Pooling) -> Result<Self, AdaptError> {
        check_moments(parts, None)?;
        let shares = pooling.shares(&parts.iter().map(|part| part.rows).collect::<Vec<_>>());
        let of_features: Vec<_> = parts.iter().map(|part| &part.features).collect();
        let features = FeatureMoments::mixture(&of_features, &shares);
        let label_mean = parts.iter().zip(&shares).map(|(part, share)| part.label_mean * share).sum::<f64>();
        let mut cross_covariance = Col::zeros(features.features());
        let mut label_variance = 0.0;
        for (part, share) in parts.iter().zip(&shares) {
            let shift = part.label_mean - label_mean;
            let covariance =
                &part.cross_covariance + (&part.features.mean - &features.mean) * faer::Scale(shift);
            cross_covariance += covariance * faer::Scale(*share);
            label_variance += (part.label_variance + shift * shift) * share;
        }
        let rows = parts.iter().map(|part| part.rows).sum();
        Ok(Self { features, label_mean, cross_covariance, label_variance, rows })
    }

    /// Exact mean squared error of a regression.
    ///
    /// # Errors
    /// When the model has another number of features, or more than one output.
    pub fn risk(&self, model: &LinearModel) -> Result<f64, AdaptError> {
        let (w, bias) = self.bias(model)?;
        let explained = w.transpose() * &self.cross_covariance;
        let spread = w.transpose() * &self.features.covariance * &w;
        Ok((self.label_variance - 2.0 * explained + spread + bias * bias).max(0.0))
    }

    /// The linear regression of least risk.
    ///
    /// # Errors
    /// When the covariance is singular.
    pub fn best(&self) -> Result<LinearModel, AdaptError> {
        self.regression(0.0)
    }

    /// How much the exact mean squared error of a regression is above the least: `(β − β*)ᵀ Σ (β − β*)` plus
    /// the squared error of its mean. At least 0.
    ///
    /// # Errors
    /// As [`risk`](Self::risk) and [`best`](Self::best).
    pub fn excess_risk(&self, model: &LinearModel) -> Result<f64, AdaptError> {
        let (w, bias) = self.bias(model)?;
        let away = w - factor_covariance(self.features.covariance(), 0.0)?.solve(&self.cross_covariance);
        let spread: f64 = away.transpose() * &self.features.covariance * &away;
        Ok(spread.max(0.0) + bias * bias)
    }

    /// Variance of the label that no linear regression explains.
    ///
    /// # Errors
    /// When the covariance of the features is singular.
    pub fn unexplained(&self) -> Result<f64, AdaptError> {
        let factor = factor_covariance(self.features.covariance(), 0.0)?;
        let explained = self.cross_covariance.transpose() * factor.solve(&self.cross_covariance);
        Ok((self.label_variance - explained).max(0.0))
    }

    /// Least squares with `ridge · ‖w‖²` added to the mean squared error.
    pub(crate) fn regression(&self, ridge: f64) -> Result<LinearModel, AdaptError> {
        let factor = factor_covariance(self.features.covariance(), ridge)?;
        self.with_intercept(factor.solve(&self.cross_covariance).as_ref())
    }

    /// The coefficients with the intercept that suits them best.
    pub(crate) fn with_intercept(&self, w: ColRef<'_, f64>) -> Result<LinearModel, AdaptError> {
        let intercept = self.label_mean - w.transpose() * &self.features.mean;
        LinearModel::new(w.as_mat().to_owned(), vec![intercept])
    }

    /// Of the features `A x` and the label `y − gᵀx`.
    pub(crate) fn map(&self, a: &Mat<f64>, g: ColRef<'_, f64>) -> Self {
        let covariance_g = &self.features.covariance * g;
        let explained: f64 = g.transpose() * &self.cross_covariance;
        let spread: f64 = g.transpose() * &covariance_g;
        Self {
            features: self.features.map(a),
            label_mean: self.label_mean - g.transpose() * &self.features.mean,
            cross_covariance: a * (&self.cross_covariance - covariance_g),
            label_variance: (self.label_variance - 2.0 * explained + spread).max(0.0),
            rows: self.rows,
        }
    }

    /// Coefficients, and mean of the label less the prediction.
    fn bias(&self, model: &LinearModel) -> Result<(Col<f64>, f64), AdaptError> {
        let [intercept] = *model.intercepts() else {
            return Err(AdaptError::Method("the risk of a regression needs a model with one output"));
        };
        if model.features() != self.features.features() {
            let what = "features of the model";
            let (found, expected) = (model.features(), self.features.features());
            return Err(InputError::size(what, found, expected).into());
        }
        let w = model.coefficients().col(0).to_owned();
        let bias = self.label_mean - intercept - w.transpose() * &self.features.mean;
        Ok((w, bias))
    }
}

/// Sources there must be, and all domains must have the same features.
pub(crate) fn check_moments(sources: &[Moments], target: Option<&FeatureMoments>) -> Result<(), AdaptError> {
    let Some(first) = sources.first() else {
        return Err(InputError::empty("the list of sources").into());
    };
    let expected = first.features.features();
    for found in sources.iter().map(|source| &source.features).chain(target).map(FeatureMoments::features) {
        if found != expected {
            return Err(InputError::size("features of a domain", found, expected).into());
        }
    }
    Ok(())
}

/// The mean, and the rows less it. A column that is constant up to rounding comes out as zeros.
pub(crate) fn centre(x: &Mat<f64>) -> Result<(Col<f64>, Mat<f64>), AdaptError> {
    let rows = x.nrows();
    if rows == 0 {
        return Err(InputError::empty("the matrix of rows").into());
    }
    let mut mean = Col::<f64>::zeros(x.ncols());
    let mut centred = x.clone();
    for (j, mean) in mean.iter_mut().enumerate() {
        // The second pass removes what rounding left of the mean in the first.
        for _ in 0..2 {
            let rest = centred.col(j).iter().sum::<f64>() / rows as f64;
            centred.col_mut(j).iter_mut().for_each(|value| *value -= rest);
            *mean += rest;
        }
        let largest = centred.col(j).iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        if largest <= 8.0 * f64::EPSILON * mean.abs() {
            centred.col_mut(j).fill(0.0);
        }
    }
    Ok((mean, centred))
}

fn finite(covariance: &Mat<f64>) -> Result<(), AdaptError> {
    if covariance.is_all_finite() {
        Ok(())
    } else {
        Err(InputError::not_finite("the square of a feature").into())
    }
}
