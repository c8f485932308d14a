//! Regularization paths: fits from strong penalties to weak ones, each from the one before, judged by rows
//! that are held out.

use kiln_core::{check, random};
use serde::{Deserialize, Serialize};

use crate::{
    ClassLabel, DataRows, FitWith, FittedClassifier, FittedRegressor, LinearClassifier, LinearDataError,
    LinearFit, LinearPenalty, LinearRegressor,
};

/// Rows that judge the points of a path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HeldOut {
    /// The share of rows that is held out, between 0 and 1.
    pub share: f64,
    /// Which rows these are follows from it.
    pub seed: u64,
    /// The path ends after so many points without a new least loss of the rows held out.
    pub patience: usize,
}

impl HeldOut {
    /// A fifth of the rows; the path ends after 10 points without progress.
    pub fn new(seed: u64) -> Self {
        Self { share: 0.2, seed, patience: 10 }
    }

    /// Rows to fit to and rows to judge by, each ascending.
    fn split(&self, rows: usize) -> Result<(Vec<usize>, Vec<usize>), LinearDataError> {
        check::setting("share", self.share, self.share > 0.0 && self.share < 1.0, "between 0 and 1")?;
        check::at_least_one("patience", self.patience)?;
        let held = (self.share * rows as f64).round() as usize;
        check::not_empty("the list of rows held out", held)?;
        check::not_empty("the list of rows to fit to", rows - held)?;
        let mut order: Vec<usize> = (0..rows).collect();
        let mut generator = random::named_stream(self.seed, "rows held out");
        for at in (1..rows).rev() {
            order.swap(at, random::below(&mut generator, at + 1));
        }
        let (judges, learners) = order.split_at(held);
        let ascending = |rows: &[usize]| {
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            rows
        };
        Ok((ascending(learners), ascending(judges)))
    }
}

/// A sequence of strengths, falling by a constant factor.
///
/// ```
/// use kiln_linear::{DenseRows, HeldOut, LinearPath, LinearPenalty, LinearRegressor};
///
/// let values = (0..40).flat_map(|i| [f64::from(i), f64::from(i * i % 7), f64::from(i * 3 % 5)]).collect();
/// let labels: Vec<f64> = (0..40).map(|i| f64::from(2 * i) + f64::from(i * 5 % 3)).collect();
/// let rows = DenseRows::new(3, values)?.into();
/// let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
/// let answer = LinearPath { points: 20, ..LinearPath::new(HeldOut::new(1)) }.fit(&regressor, &rows, &labels)?;
/// // The first strength leaves no weight; the best one keeps the column that matters.
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
    /// The model, fitted to the rows that are not held out.
    pub model: M,
    /// How many weights are not 0.
    pub used: usize,
    /// The mean loss of the rows held out, without the penalty.
    pub held_out_loss: Option<f64>,
    /// The relative duality gap of the fit.
    pub gap: f64,
    /// What the fit cost.
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

/// What a path needs of a classifier or a regressor.
pub trait PathMethod {
    /// A label.
    type Label: Clone;
    /// What is fitted.
    type Model: Clone;

    /// The same with another strength.
    #[must_use]
    fn with_strength(&self, strength: f64) -> Self;

    /// The strength at which a path begins.
    ///
    /// # Errors
    /// As a fit.
    fn first_strength(&self, rows: &DataRows, labels: &[Self::Label]) -> Result<f64, LinearDataError>;

    /// A fit from a start.
    ///
    /// # Errors
    /// As a fit.
    fn fit_from(
        &self,
        rows: &DataRows,
        labels: &[Self::Label],
        start: Option<&Self::Model>,
    ) -> Result<LinearFit<Self::Model>, LinearDataError>;

    /// The mean loss of a model on rows.
    ///
    /// # Errors
    /// When the rows do not fit the model.
    fn mean_loss(
        model: &Self::Model,
        rows: &DataRows,
        labels: &[Self::Label],
    ) -> Result<f64, LinearDataError>;

    /// How many weights are not 0.
    fn used(model: &Self::Model) -> usize;
}

/// Where a ridge of this strength times the mean curvature removes all but a hundredth of the weights.
const REMOVES: f64 = 100.0;

impl PathMethod for LinearRegressor {
    type Label = f64;
    type Model = FittedRegressor;

    fn with_strength(&self, strength: f64) -> Self {
        Self { penalty: LinearPenalty { strength, ..self.penalty.clone() }, ..self.clone() }
    }

    fn first_strength(&self, rows: &DataRows, labels: &[f64]) -> Result<f64, LinearDataError> {
        if self.penalty.l1_share > 0.0 {
            return self.largest_strength(rows, labels);
        }
        Ok(REMOVES * self.mean_curvature(rows, labels)?)
    }

    fn fit_from(
        &self,
        rows: &DataRows,
        labels: &[f64],
        start: Option<&FittedRegressor>,
    ) -> Result<LinearFit<FittedRegressor>, LinearDataError> {
        self.fit_with(rows, labels, FitWith { start, ..FitWith::default() })
    }

    fn mean_loss(model: &FittedRegressor, rows: &DataRows, labels: &[f64]) -> Result<f64, LinearDataError> {
        model.mean_loss(rows, labels)
    }

    fn used(model: &FittedRegressor) -> usize {
        model.weights().iter().filter(|w| **w != 0.0).count()
    }
}

impl PathMethod for LinearClassifier {
    type Label = ClassLabel;
    type Model = FittedClassifier;

    fn with_strength(&self, strength: f64) -> Self {
        Self { penalty: LinearPenalty { strength, ..self.penalty.clone() }, ..self.clone() }
    }

    fn first_strength(&self, rows: &DataRows, labels: &[ClassLabel]) -> Result<f64, LinearDataError> {
        if self.penalty.l1_share > 0.0 {
            return self.largest_strength(rows, labels);
        }
        // No loss of classes bends by more than 1.
        Ok(REMOVES)
    }

    fn fit_from(
        &self,
        rows: &DataRows,
        labels: &[ClassLabel],
        start: Option<&FittedClassifier>,
    ) -> Result<LinearFit<FittedClassifier>, LinearDataError> {
        self.fit_with(rows, labels, FitWith { start, ..FitWith::default() })
    }

    fn mean_loss(
        model: &FittedClassifier,
        rows: &DataRows,
        labels: &[ClassLabel],
    ) -> Result<f64, LinearDataError> {
        model.mean_loss(rows, labels)
    }

    fn used(model: &FittedClassifier) -> usize {
        model.weights().iter().flatten().filter(|w| **w != 0.0).count()
    }
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
    /// When a setting is out of its range, a class is in none of the rows to fit to, or as a fit.
    pub fn fit<T: PathMethod>(
        &self,
        method: &T,
        rows: &DataRows,
        labels: &[T::Label],
    ) -> Result<PathFit<T::Model>, LinearDataError> {
        check::at_least_one("points", self.points)?;
        check::setting("least", self.least, self.least > 0.0 && self.least < 1.0, "between 0 and 1")?;
        check::size("labels", labels.len(), rows.rows())?;
        let some = |rows: &[usize]| rows.iter().map(|&i| labels[i].clone()).collect::<Vec<_>>();
        let split = self.held_out.map(|held| held.split(rows.rows())).transpose()?;
        let parts = match &split {
            Some((learners, judges)) => {
                Some((rows.select(learners)?, some(learners), rows.select(judges)?, some(judges)))
            }
            None => None,
        };
        let (fit_rows, fit_labels) = match &parts {
            Some((rows, labels, ..)) => (rows, &labels[..]),
            None => (rows, labels),
        };
        let first = match self.first {
            Some(first) => first,
            None => method.with_strength(1.0).first_strength(fit_rows, fit_labels)?,
        };
        check::positive("first", first)?;
        let mut points: Vec<PathPoint<T::Model>> = Vec::new();
        let mut best = (f64::INFINITY, 0);
        for at in 0..self.points {
            let share = if self.points > 1 { at as f64 / (self.points - 1) as f64 } else { 0.0 };
            let strength = first * self.least.powf(share);
            let start = points.last().map(|point| &point.model);
            let fit = method.with_strength(strength).fit_from(fit_rows, fit_labels, start)?;
            let held_out_loss = match &parts {
                Some((_, _, judges, labels)) => Some(T::mean_loss(&fit.model, judges, labels)?),
                None => None,
            };
            let used = T::used(&fit.model);
            let (gap, passes) = (fit.certificate.relative, fit.work.passes);
            points.push(PathPoint { strength, model: fit.model, used, held_out_loss, gap, passes });
            match held_out_loss {
                Some(loss) if loss < best.0 => best = (loss, at),
                None => best = (0.0, at),
                _ => {}
            }
            if self.held_out.is_some_and(|held| at >= best.1 + held.patience) {
                break;
            }
        }
        let best = best.1;
        let chosen = method.with_strength(points[best].strength);
        let fit = chosen.fit_from(rows, labels, Some(&points[best].model))?;
        Ok(PathFit { points, best, fit })
    }
}
