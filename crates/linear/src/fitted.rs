//! What a fit returns: the answer with its certificate, and models that predict.

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::judged::Judged;
use crate::row_loss::softmax;
use crate::{
    ClassLabel, ClassifierLoss, DataRows, DenseRows, DualityGap, FitStatus, LinearDataError, LinearWarning,
    LinearWork, RegressorLoss,
};

/// The answer of a fit: the model and what is needed to trust it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinearFit<M> {
    /// The model, or the best one so far where the fit did not converge.
    pub model: M,
    /// How much better the best model can be, at most.
    pub certificate: DualityGap,
    /// What the fit cost.
    pub work: LinearWork,
    /// How it ended.
    pub status: FitStatus,
    /// Reasons to look twice.
    pub warnings: Vec<LinearWarning>,
}

/// Weights and intercepts as they are written: one list of weights an output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Stored<L> {
    loss: L,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    classes: Option<Vec<ClassLabel>>,
    columns: Vec<String>,
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

/// The scores `X w + b` of every output.
#[derive(Clone, Debug, PartialEq)]
struct Scores {
    columns: Vec<String>,
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl Scores {
    fn new(
        columns: Vec<String>,
        weights: Vec<Vec<f64>>,
        intercepts: Vec<f64>,
    ) -> Result<Self, LinearDataError> {
        check::not_empty("the list of columns", columns.len())?;
        check::size("intercepts", intercepts.len(), weights.len())?;
        for weights in &weights {
            check::size("weights of an output", weights.len(), columns.len())?;
            check::all_finite("the list of weights", weights.iter().copied())?;
        }
        check::all_finite("the list of intercepts", intercepts.iter().copied())?;
        Ok(Self { columns, weights, intercepts })
    }

    /// From weights column by column.
    fn from_columns(
        columns: Option<&[String]>,
        raw: &[f64],
        intercepts: &[f64],
    ) -> Result<Self, LinearDataError> {
        let outputs = intercepts.len();
        let count = raw.len() / outputs;
        let names = match columns {
            Some(names) => {
                check::size("names of columns", names.len(), count)?;
                names.to_vec()
            }
            None => (0..count).map(|j| format!("column {j}")).collect(),
        };
        let weights = (0..outputs).map(|k| raw.iter().skip(k).step_by(outputs).copied().collect()).collect();
        Self::new(names, weights, intercepts.to_vec())
    }

    fn by_columns(&self) -> Vec<f64> {
        (0..self.columns.len()).flat_map(|j| self.weights.iter().map(move |weights| weights[j])).collect()
    }

    /// Row by row, one score an output.
    fn of(&self, rows: &DataRows) -> Result<Vec<f64>, LinearDataError> {
        check::size("columns", rows.columns(), self.columns.len())?;
        let mut scores = Vec::with_capacity(rows.rows() * self.weights.len());
        for i in 0..rows.rows() {
            for (weights, intercept) in self.weights.iter().zip(&self.intercepts) {
                scores.push(intercept + rows.dot(i, weights));
            }
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return Err(LinearDataError::Overflow { row: at / self.weights.len() });
        }
        Ok(scores)
    }
}

/// A classifier that was fitted, or read back.
///
/// With two classes there is one output, whose positive scores speak for the second class; with more there is
/// one a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<ClassifierLoss>", into = "Stored<ClassifierLoss>")]
pub struct FittedClassifier {
    loss: ClassifierLoss,
    classes: Vec<ClassLabel>,
    scores: Scores,
}

impl TryFrom<Stored<ClassifierLoss>> for FittedClassifier {
    type Error = LinearDataError;

    fn try_from(stored: Stored<ClassifierLoss>) -> Result<Self, LinearDataError> {
        let classes = stored.classes.unwrap_or_default();
        if classes.len() < 2 {
            return Err(InputError::size("classes", classes.len(), 2).into());
        }
        let outputs = if classes.len() == 2 { 1 } else { classes.len() };
        check::size("outputs", stored.weights.len(), outputs)?;
        let scores = Scores::new(stored.columns, stored.weights, stored.intercepts)?;
        Ok(Self { loss: stored.loss, classes, scores })
    }
}

impl From<FittedClassifier> for Stored<ClassifierLoss> {
    fn from(model: FittedClassifier) -> Self {
        let Scores { columns, weights, intercepts } = model.scores;
        Self { loss: model.loss, classes: Some(model.classes), columns, weights, intercepts }
    }
}

impl FittedClassifier {
    pub(crate) fn from_columns(
        loss: ClassifierLoss,
        classes: Vec<ClassLabel>,
        columns: Option<&[String]>,
        (raw, intercepts): (&[f64], &[f64]),
    ) -> Result<Self, LinearDataError> {
        Ok(Self { loss, classes, scores: Scores::from_columns(columns, raw, intercepts)? })
    }

    /// The classes, in the order of outputs and probabilities.
    pub fn classes(&self) -> &[ClassLabel] {
        &self.classes
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.scores.columns
    }

    /// One list of weights an output.
    pub fn weights(&self) -> &[Vec<f64>] {
        &self.scores.weights
    }

    /// One intercept an output.
    pub fn intercepts(&self) -> &[f64] {
        &self.scores.intercepts
    }

    pub(crate) fn by_columns(&self) -> (Vec<f64>, &[f64]) {
        (self.scores.by_columns(), &self.scores.intercepts)
    }

    /// The scores, one row a row: `X w + b`.
    ///
    /// # Errors
    /// When the rows have another number of columns, or a score overflows.
    pub fn predict_scores(&self, rows: &DataRows) -> Result<DenseRows, LinearDataError> {
        DenseRows::new(self.scores.weights.len(), self.scores.of(rows)?)
    }

    /// The class with the highest score; of equal ones the first.
    ///
    /// # Errors
    /// When the rows have another number of columns, or a score overflows.
    pub fn predict_classes(&self, rows: &DataRows) -> Result<Vec<&ClassLabel>, LinearDataError> {
        let scores = self.scores.of(rows)?;
        let best = |scores: &[f64]| match scores {
            [score] => usize::from(*score > 0.0),
            _ => (0..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best }),
        };
        Ok(scores.chunks_exact(self.scores.weights.len()).map(|scores| &self.classes[best(scores)]).collect())
    }

    /// The probability of every class, one row a row; they sum to 1.
    ///
    /// # Errors
    /// [`LinearDataError::NoProbabilities`] after a hinge loss; when the rows have another number of columns,
    /// or a score overflows.
    pub fn predict_probabilities(&self, rows: &DataRows) -> Result<DenseRows, LinearDataError> {
        if matches!(self.loss, ClassifierLoss::Hinge | ClassifierLoss::SquaredHinge) {
            return Err(LinearDataError::NoProbabilities);
        }
        let scores = self.scores.of(rows)?;
        let k = self.classes.len();
        let mut out = Vec::with_capacity(rows.rows() * k);
        for scores in scores.chunks_exact(self.scores.weights.len()) {
            if let [score] = scores {
                let p = sigmoid(*score);
                out.extend([sigmoid(-score), p]);
            } else {
                let mut p = scores.to_vec();
                if self.loss == ClassifierLoss::LogisticOneAgainstRest {
                    for p in &mut p {
                        *p = sigmoid(*p);
                    }
                    let total: f64 = p.iter().sum();
                    let share = |p: f64| if total > 0.0 { p / total } else { 1.0 / k as f64 };
                    for p in &mut p {
                        *p = share(*p);
                    }
                } else {
                    softmax(&mut p);
                }
                out.extend(p);
            }
        }
        DenseRows::new(k, out)
    }

    /// The share of rows whose class is predicted.
    ///
    /// # Errors
    /// [`LinearDataError::UnknownClass`] for a label that the model does not have; when lengths do not fit.
    pub fn score<L: Clone + Into<ClassLabel>>(
        &self,
        rows: &DataRows,
        labels: &[L],
    ) -> Result<f64, LinearDataError> {
        check::size("labels", labels.len(), rows.rows())?;
        let mut right = 0;
        for (predicted, label) in self.predict_classes(rows)?.into_iter().zip(labels) {
            let label = label.clone().into();
            if !self.classes.contains(&label) {
                return Err(LinearDataError::UnknownClass { class: label, known: self.classes.clone() });
            }
            right += usize::from(*predicted == label);
        }
        Ok(right as f64 / labels.len() as f64)
    }

    /// The loss of each row and whether its class is predicted, by which a path is judged.
    pub(crate) fn judge(&self, rows: &DataRows, labels: &[ClassLabel]) -> Result<Judged, LinearDataError> {
        let scores = self.scores.of(rows)?;
        let outputs = self.scores.weights.len();
        let mut losses = Vec::with_capacity(labels.len());
        for (scores, label) in scores.chunks_exact(outputs).zip(labels) {
            let Some(class) = self.classes.iter().position(|class| class == label) else {
                return Err(LinearDataError::UnknownClass {
                    class: label.clone(),
                    known: self.classes.clone(),
                });
            };
            let loss = self.loss.scalar();
            losses.push(match (scores, self.loss) {
                ([score], _) => loss.value(*score, if class == 1 { 1.0 } else { -1.0 }),
                (_, ClassifierLoss::Logistic) => {
                    let mut p = scores.to_vec();
                    softmax(&mut p);
                    -p[class].max(f64::MIN_POSITIVE).ln()
                }
                _ => (0..outputs).map(|k| loss.value(scores[k], if k == class { 1.0 } else { -1.0 })).sum(),
            });
        }
        let predicted = self.predict_classes(rows)?;
        let right = predicted.into_iter().zip(labels).map(|(predicted, label)| predicted == label).collect();
        Ok(Judged::new(losses, right))
    }
}

/// `1/(1 + e^{−m})`, which does not overflow.
fn sigmoid(m: f64) -> f64 {
    let e = (-m.abs()).exp();
    if m >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// A regressor that was fitted, or read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<RegressorLoss>", into = "Stored<RegressorLoss>")]
pub struct FittedRegressor {
    loss: RegressorLoss,
    scores: Scores,
}

impl TryFrom<Stored<RegressorLoss>> for FittedRegressor {
    type Error = LinearDataError;

    fn try_from(stored: Stored<RegressorLoss>) -> Result<Self, LinearDataError> {
        check::size("outputs", stored.weights.len(), 1)?;
        let scores = Scores::new(stored.columns, stored.weights, stored.intercepts)?;
        Ok(Self { loss: stored.loss, scores })
    }
}

impl From<FittedRegressor> for Stored<RegressorLoss> {
    fn from(model: FittedRegressor) -> Self {
        let Scores { columns, weights, intercepts } = model.scores;
        Self { loss: model.loss, classes: None, columns, weights, intercepts }
    }
}

impl FittedRegressor {
    pub(crate) fn from_columns(
        loss: RegressorLoss,
        columns: Option<&[String]>,
        (raw, intercepts): (&[f64], &[f64]),
    ) -> Result<Self, LinearDataError> {
        Ok(Self { loss, scores: Scores::from_columns(columns, raw, intercepts)? })
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.scores.columns
    }

    /// One weight a column.
    pub fn weights(&self) -> &[f64] {
        &self.scores.weights[0]
    }

    /// The intercept; 0 where none was fitted.
    pub fn intercept(&self) -> f64 {
        self.scores.intercepts[0]
    }

    pub(crate) fn by_columns(&self) -> (Vec<f64>, &[f64]) {
        (self.scores.by_columns(), &self.scores.intercepts)
    }

    /// The expected label of every row: `X w + b`, or its exponential after the Poisson loss.
    ///
    /// # Errors
    /// When the rows have another number of columns, or a value overflows.
    pub fn predict_values(&self, rows: &DataRows) -> Result<Vec<f64>, LinearDataError> {
        let mut values = self.scores.of(rows)?;
        if self.loss == RegressorLoss::Poisson {
            for value in &mut values {
                *value = value.exp();
            }
            if let Some(row) = values.iter().position(|value| !value.is_finite()) {
                return Err(LinearDataError::Overflow { row });
            }
        }
        Ok(values)
    }

    /// The share of the loss that the model explains: 1 less the loss of its predictions over that of the
    /// best constant. With squares this is `R²`, with Poisson the share of the deviance. 1 is perfect, 0 no
    /// better than a constant.
    ///
    /// # Errors
    /// When lengths do not fit, a label has no meaning for the loss, or all labels are the same number.
    pub fn score(&self, rows: &DataRows, labels: &[f64]) -> Result<f64, LinearDataError> {
        check::size("labels", labels.len(), rows.rows())?;
        let constant = crate::regressor::best_constant(self.loss, labels)?;
        let loss = self.loss.scalar();
        let null: f64 = labels.iter().map(|&y| loss.value(constant, y)).sum();
        let model: f64 = self.scores.of(rows)?.iter().zip(labels).map(|(&m, &y)| loss.value(m, y)).sum();
        if null <= 0.0 || labels.iter().all(|y| *y == labels[0]) {
            return Err(LinearDataError::Unsupported {
                what: "all labels are the same number, which leaves nothing to explain",
                instead: "score on rows with different labels",
            });
        }
        Ok(1.0 - model / null)
    }

    /// The loss of each row, by which a path is judged.
    pub(crate) fn judge(&self, rows: &DataRows, labels: &[f64]) -> Result<Judged, LinearDataError> {
        let loss = self.loss.scalar();
        let scores = self.scores.of(rows)?;
        Ok(Judged::new(scores.iter().zip(labels).map(|(&m, &y)| loss.value(m, y)).collect(), Vec::new()))
    }
}
