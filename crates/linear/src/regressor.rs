use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::fit::{Prepared, not_converged, shares};
use crate::method::linear_method;
use crate::row_loss::{RowLoss, ScalarLoss};
use crate::{
    DataRows, DualityGap, FitStatus, FittedRegressor, LinearDataError, LinearFit, LinearWarning, LinearWork,
    Loss,
};

/// The loss of a regressor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegressorLoss {
    /// `½(m − y)²`
    #[default]
    Squares,
    /// Squares within `delta` of the label, lines beyond: wild labels do little.
    Huber {
        /// In the unit of the labels.
        delta: f64,
    },
    /// Counts: half the deviance of the mean `e^m`.
    Poisson,
}

impl RegressorLoss {
    pub(crate) fn scalar(self) -> Loss {
        match self {
            Self::Squares => Loss::Squares,
            Self::Huber { delta } => Loss::Huber { delta },
            Self::Poisson => Loss::Poisson,
        }
    }
}

/// What a fit may be given besides rows and labels.
#[derive(Debug)]
pub struct FitWith<'a, M> {
    /// A weight for every row; a weight of 2 counts as the row twice. Only their ratios matter.
    pub weights: Option<&'a [f64]>,
    /// A model to start from, of the same columns and classes.
    pub start: Option<&'a M>,
    /// Names of the columns, for the model.
    pub columns: Option<&'a [String]>,
}

impl<M> Clone for FitWith<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for FitWith<'_, M> {}

impl<M> Default for FitWith<'_, M> {
    fn default() -> Self {
        Self { weights: None, start: None, columns: None }
    }
}

linear_method! {
/// Predicts numbers from rows.
///
/// ```
/// use kiln_linear::{DenseRows, LinearPenalty, LinearRegressor};
///
/// // Rooms and distance (in metres) of houses, and their prices.
/// let rows = DenseRows::new(2, vec![3.0, 900.0, 4.0, 200.0, 5.0, 1500.0, 7.0, 400.0, 2.0, 100.0])?.into();
/// let prices = [255_000.0, 370_000.0, 345_000.0, 560_000.0, 230_000.0];
/// let fit = LinearRegressor::new(LinearPenalty::none()).fit(&rows, &prices)?;
/// assert!((fit.model.predict_values(&rows)?[0] - 255_000.0).abs() < 10_000.0);
/// assert!(fit.model.score(&rows, &prices)? > 0.99 && fit.certificate.relative < 1e-6);
/// # Ok::<(), kiln_linear::LinearDataError>(())
/// ```
LinearRegressor {
    /// The loss; squares by default.
    loss: RegressorLoss,
}
}

impl LinearRegressor {
    /// Fits the model.
    ///
    /// # Errors
    /// When lengths do not fit, a label has no meaning for the loss, a setting is out of its range, or the
    /// squares of a column overflow. A fit that does not converge is no error: it has a warning.
    pub fn fit(
        &self,
        rows: &DataRows,
        labels: &[f64],
    ) -> Result<LinearFit<FittedRegressor>, LinearDataError> {
        self.fit_with(rows, labels, FitWith::default())
    }

    /// Fits the model with weights of rows, from a start, with names of columns.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also when a weight is negative or not finite, or all are 0.
    pub fn fit_with(
        &self,
        rows: &DataRows,
        labels: &[f64],
        with: FitWith<'_, FittedRegressor>,
    ) -> Result<LinearFit<FittedRegressor>, LinearDataError> {
        let prepared = self.prepare(rows, labels, with.weights)?;
        let settings = self.settings();
        let mut warnings = prepared.warnings.clone();
        let start = with
            .start
            .map(|model| {
                check::size("columns of the start", model.columns().len(), rows.columns())?;
                let (weights, intercepts) = model.by_columns();
                Ok::<_, LinearDataError>(prepared.design.of_raw(&weights, intercepts))
            })
            .transpose()?;
        let constant = constant_label(labels, &prepared.shares);
        if let Some(constant) = constant.filter(|_| self.intercept) {
            // The constant has no loss: its rounding must not be fitted.
            warnings.push(LinearWarning::ConstantLabels);
            let score = match self.loss {
                RegressorLoss::Poisson if constant == 0.0 => {
                    return Err(LinearDataError::Unsupported {
                        what: "all counts are 0, and no mean but 0 fits them",
                        instead: "fit rows of which some have a count",
                    });
                }
                RegressorLoss::Poisson => constant.ln(),
                RegressorLoss::Squares | RegressorLoss::Huber { .. } => constant,
            };
            let weights = vec![0.0; rows.columns()];
            return Ok(LinearFit {
                model: FittedRegressor::from_columns(self.loss, with.columns, (&weights, &[score]))?,
                certificate: DualityGap::new(0.0, 0.0, 0.0, None),
                work: LinearWork::default(),
                status: FitStatus::Converged,
                warnings,
            });
        }
        let fitted = prepared.fit_scalar(self.loss.scalar(), labels, &settings, start.as_deref())?;
        let (weights, intercepts) = prepared.design.to_raw(&fitted.v, 1);
        let model = FittedRegressor::from_columns(self.loss, with.columns, (&weights, &intercepts))?;
        warnings.extend(not_converged(fitted.status, &fitted.certificate, self.tolerance));
        if self.penalty.is_sparse() && constant.is_none() && weights.iter().all(|w| *w == 0.0) {
            let from_strength = prepared.largest_strength(self.loss.scalar(), labels, &self.penalty);
            warnings.push(LinearWarning::AllWeightsZero { from_strength });
        }
        let certificate = fitted.certificate;
        Ok(LinearFit { model, certificate, work: fitted.work, status: fitted.status, warnings })
    }

    /// The certificate of a model for rows and labels, whoever fitted it: `with.start`, its intercept
    /// replaced by the best one for its weights.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with); also without a start.
    pub fn certify(
        &self,
        rows: &DataRows,
        labels: &[f64],
        with: FitWith<'_, FittedRegressor>,
    ) -> Result<DualityGap, LinearDataError> {
        check::not_empty("the start", usize::from(with.start.is_some()))?;
        Ok(self.look().fit_with(rows, labels, with)?.certificate)
    }

    fn prepare<'a>(
        &self,
        rows: &'a DataRows,
        labels: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<Prepared<'a>, LinearDataError> {
        check::size("labels", labels.len(), rows.rows())?;
        check_labels(self.loss, labels)?;
        Prepared::new(rows, shares(weights, rows.rows())?, &self.settings())
    }

    /// The least strength at which all weights are 0, for a penalty with an ℓ1 part: where a path begins.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also for a penalty without an ℓ1 part.
    pub fn largest_strength(&self, rows: &DataRows, labels: &[f64]) -> Result<f64, LinearDataError> {
        self.largest_strength_with(rows, labels, None)
    }

    pub(crate) fn largest_strength_with(
        &self,
        rows: &DataRows,
        labels: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<f64, LinearDataError> {
        check::setting("l1_share", self.penalty.l1_share, self.penalty.l1_share > 0.0, "greater than 0")?;
        let prepared = self.prepare(rows, labels, weights)?;
        Ok(prepared.largest_strength(self.loss.scalar(), labels, &self.penalty))
    }

    /// The mean second derivative of the losses at the best constant.
    pub(crate) fn mean_curvature(&self, rows: &DataRows, labels: &[f64]) -> Result<f64, LinearDataError> {
        check::size("labels", labels.len(), rows.rows())?;
        let constant = best_constant(self.loss, labels)?;
        let loss = self.loss.scalar();
        let total: f64 = labels.iter().map(|&y| loss.second_derivative(constant, y)).sum();
        let mean = total / labels.len() as f64;
        Ok(if mean > 0.0 { mean } else { 1.0 })
    }
}

fn check_labels(loss: RegressorLoss, labels: &[f64]) -> Result<(), LinearDataError> {
    if let RegressorLoss::Huber { delta } = loss {
        check::positive("delta", delta)?;
    }
    for (row, &value) in labels.iter().enumerate() {
        loss.scalar().check_label(value).map_err(|must| LinearDataError::Label { row, value, must })?;
    }
    Ok(())
}

/// The number that all labels which count are.
fn constant_label(labels: &[f64], shares: &[f64]) -> Option<f64> {
    let mut counted = labels.iter().zip(shares).filter(|(_, share)| **share > 0.0).map(|(y, _)| *y);
    let first = counted.next()?;
    counted.all(|y| y == first).then_some(first)
}

/// The score that has the least loss for some labels.
pub(crate) fn best_constant(loss: RegressorLoss, labels: &[f64]) -> Result<f64, LinearDataError> {
    check::not_empty("the list of labels", labels.len())?;
    check_labels(loss, labels)?;
    let rows = labels.len();
    let losses =
        ScalarLoss { loss: loss.scalar(), labels: labels.to_vec(), shares: vec![1.0 / rows as f64; rows] };
    let (mut m, mut intercept) = (vec![0.0; rows], [0.0]);
    losses.settle_intercepts(&mut m, &mut intercept);
    Ok(intercept[0])
}
