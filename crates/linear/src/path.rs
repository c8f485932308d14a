//! Regularization paths: fits from strong penalties to weak ones, each from the one before, judged by rows
//! that are held out, once or in folds.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::held_out::{HeldOut, HeldOutRows, Part};
use crate::judged::Judged;
use crate::path_method::PathMethod;
use crate::{DataRows, FitWith, LinearDataError, LinearFit};

/// A sequence of strengths, falling by a constant factor.
///
/// ```
/// use kiln_linear::{DenseRows, HeldOut, LinearPath, LinearPenalty, LinearRegressor};
///
/// let values = (0..40).flat_map(|i| [f64::from(i), f64::from(i * i % 7), f64::from(i * 3 % 5)]).collect();
/// let labels: Vec<f64> = (0..40).map(|i| f64::from(2 * i) + f64::from(i * 5 % 3)).collect();
/// let rows = DenseRows::new(3, values)?.into();
/// let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
/// let answer = LinearPath { points: 20, ..LinearPath::new(HeldOut::new(1)) }.fit(&regressor, &rows,
/// &labels)?; // The first strength leaves no weight; the best one keeps the column that matters.
/// assert!(answer.points[0].model.weights().iter().all(|w| *w == 0.0));
/// assert!((answer.fit.model.weights()[0] - 2.0).abs() < 0.1);
/// # Ok::<(), kiln_linear::LinearDataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinearPath {
    /// How many strengths there are.
    pub points: usize,
    /// The last strength over the first one, less than 1.
    pub least: f64,
    /// The first strength. Without it, with an ℓ1 part that at which all weights are 0, else a hundred times
    /// the mean curvature of the losses at their best constant, where a ridge all but removes the weights.
    #[serde(default)]
    pub first: Option<f64>,
    /// What chooses the strength. Without it the whole path is fitted to all rows, and the last point is the
    /// answer.
    #[serde(default)]
    pub held_out: Option<HeldOut>,
}

/// A point of a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PathPoint<M> {
    /// The strength of the penalty.
    pub strength: f64,
    /// The model: fitted to the rows that are not held out, with folds to all rows.
    pub model: M,
    /// How many weights are not 0.
    pub used: usize,
    /// The mean loss of the rows held out, without the penalty.
    pub held_out_loss: Option<f64>,
    /// The share of the rows held out whose class is predicted; none for regressors.
    pub held_out_right: Option<f64>,
    /// The relative duality gap of the fit.
    pub gap: f64,
    /// What its fits cost.
    pub passes: f64,
}

/// A path and the model that it leads to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PathFit<M> {
    /// From the strongest penalty to the weakest one fitted.
    pub points: Vec<PathPoint<M>>,
    /// The point with the least loss of the rows held out; without them the last.
    pub best: usize,
    /// The model of that strength, fitted to all rows.
    pub fit: LinearFit<M>,
}

/// What a path may be given besides rows and labels.
#[derive(Default)]
pub struct PathWith<'a> {
    /// A weight for every row, for fits and for judgements.
    pub weights: Option<&'a [f64]>,
    /// Names of the columns, for the models.
    pub columns: Option<&'a [String]>,
    /// Called after each point with the number of points so far.
    pub progress: Option<&'a mut dyn FnMut(usize)>,
}

impl LinearPath {
    /// 100 strengths that fall to a ten-thousandth, judged by rows held out.
    pub fn new(held_out: HeldOut) -> Self {
        Self { points: 100, least: 1e-4, first: None, held_out: Some(held_out) }
    }

    /// Fits the path, and the model of the best strength to all rows. The strength that the method itself has
    /// is not used.
    ///
    /// # Errors
    /// When a setting is out of its range, or as a fit.
    pub fn fit<T: PathMethod>(
        &self,
        method: &T,
        rows: &DataRows,
        labels: &[T::Label],
    ) -> Result<PathFit<T::Model>, LinearDataError> {
        self.fit_with(method, rows, labels, PathWith::default())
    }

    /// As [`fit`](Self::fit), with weights of rows, names of columns, and progress.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); also when a weight is negative or not finite.
    pub fn fit_with<T: PathMethod>(
        &self,
        method: &T,
        rows: &DataRows,
        labels: &[T::Label],
        mut with: PathWith<'_>,
    ) -> Result<PathFit<T::Model>, LinearDataError> {
        check::at_least_one("points", self.points)?;
        check::setting("least", self.least, self.least > 0.0 && self.least < 1.0, "between 0 and 1")?;
        check::size("labels", labels.len(), rows.rows())?;
        // All weights are checked once, wherever they will be needed.
        crate::fit::shares(with.weights, rows.rows())?;
        let mut parts = match &self.held_out {
            None => Vec::new(),
            Some(held) => Part::<T>::all(held, rows, labels, with.weights)?,
        };
        let to_all = !matches!(self.held_out, Some(HeldOut { rows: HeldOutRows::Share(_), .. }));
        let first = match (self.first, parts.first()) {
            (Some(first), _) => first,
            (None, Some(part)) if !to_all => {
                method.with_strength(1.0).first_strength(&part.rows, &part.labels, part.weights.as_deref())?
            }
            (None, _) => method.with_strength(1.0).first_strength(rows, labels, with.weights)?,
        };
        check::positive("first", first)?;
        let mut points: Vec<PathPoint<T::Model>> = Vec::new();
        let mut best = (f64::INFINITY, 0);
        for at in 0..self.points {
            let share = if self.points > 1 { at as f64 / (self.points - 1) as f64 } else { 0.0 };
            let strength = first * self.least.powf(share);
            let method = method.with_strength(strength);
            let mut judged = Judged::default();
            let (mut passes, mut kept) = (0.0, None);
            for part in &mut parts {
                let fit = part.fit(&method, with.columns)?;
                passes += fit.work.passes;
                judged.add(
                    T::judge(&fit.model, &part.judges, &part.judge_labels)?,
                    part.judge_weights.as_deref(),
                );
                part.start = Some(fit.model.clone());
                kept = Some(fit);
            }
            let fit = if let Some(fit) = kept.filter(|_| !to_all) {
                fit
            } else {
                let start = points.last().map(|point| &point.model);
                let all = FitWith { weights: with.weights, start, columns: with.columns };
                let fit = method.fit_with(rows, labels, all)?;
                passes += fit.work.passes;
                fit
            };
            let (held_out_loss, held_out_right) = (judged.mean_loss(), judged.share_right());
            points.push(PathPoint {
                strength,
                used: T::used(&fit.model),
                model: fit.model,
                held_out_loss,
                held_out_right,
                gap: fit.certificate.relative,
                passes,
            });
            match held_out_loss {
                Some(loss) if loss < best.0 => best = (loss, at),
                None => best = (0.0, at),
                _ => {}
            }
            if let Some(progress) = &mut with.progress {
                progress(at + 1);
            }
            if self.held_out.is_some_and(|held| at >= best.1 + held.patience) {
                break;
            }
        }
        let best = best.1;
        let chosen = method.with_strength(points[best].strength);
        let all = FitWith { weights: with.weights, start: Some(&points[best].model), columns: with.columns };
        let fit = chosen.fit_with(rows, labels, all)?;
        Ok(PathFit { points, best, fit })
    }
}
