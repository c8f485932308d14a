//! The contract that every fitted model meets.

use faer::Mat;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Labelled, Labels, Rows};

/// A fitted model: scores of rows, and what follows from them.
pub trait Predict<X: Rows> {
    /// Number of columns of the scores: the classes, or 1 for values.
    fn outputs(&self) -> usize;

    /// Rows by outputs: logits of classes, or values.
    ///
    /// # Errors
    /// Without rows, when one is not finite, or when they differ from what the model was fitted to in width,
    /// shape, element type or device.
    fn scores(&self, x: &X) -> Result<Mat<f64>, AdaptError>;

    /// The class with the largest score, one a row; the first of them when scores are equal.
    ///
    /// # Errors
    /// As [`scores`](Self::scores), when the model predicts values, or when a score is not finite.
    fn predict_classes(&self, x: &X) -> Result<Vec<usize>, AdaptError> {
        needs_classes(self.outputs())?;
        let scores = finite(self.scores(x)?)?;
        Ok((0..scores.nrows()).map(|row| largest(&scores, row)).collect())
    }

    /// Probabilities of the classes, rows by classes: the softmax of the scores.
    ///
    /// # Errors
    /// As [`predict_classes`](Self::predict_classes).
    fn predict_probabilities(&self, x: &X) -> Result<Mat<f64>, AdaptError> {
        needs_classes(self.outputs())?;
        let mut scores = finite(self.scores(x)?)?;
        softmax(&mut scores);
        Ok(scores)
    }

    /// Probability of the predicted class, one a row.
    ///
    /// # Errors
    /// As [`predict_classes`](Self::predict_classes).
    fn confidence(&self, x: &X) -> Result<Vec<f64>, AdaptError> {
        let probabilities = self.predict_probabilities(x)?;
        Ok(probabilities.row_iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect())
    }

    /// The value of each row.
    ///
    /// # Errors
    /// As [`scores`](Self::scores), when the model predicts classes, or when a value is not finite.
    fn predict_values(&self, x: &X) -> Result<Vec<f64>, AdaptError> {
        if self.outputs() != 1 {
            return Err(AdaptError::Method("a classifier predicts classes, not values"));
        }
        Ok(finite(self.scores(x)?)?.col(0).iter().copied().collect())
    }

    /// How well the model does on a domain with labels.
    ///
    /// # Errors
    /// As [`scores`](Self::scores), and when the labels are of another kind or number of classes than those
    /// fitted to.
    fn evaluate(&self, domain: &Labelled<X>) -> Result<Evaluation, AdaptError> {
        let what = || format!("outputs for the labels of {}", domain.name());
        check::size(what(), domain.y().outputs(), self.outputs())?;
        match domain.y() {
            Labels::Classes { classes, count } => {
                let weight = |row: usize| domain.weight(row);
                Ok(Evaluation::of_classes(&self.predict_classes(domain.x())?, classes, *count, weight))
            }
            Labels::Values(values) => {
                let weight = |row: usize| domain.weight(row);
                Ok(Evaluation::of_values(&self.predict_values(domain.x())?, values, weight))
            }
        }
    }

    /// What is known to be wrong with the model. Empty when nothing is.
    fn warnings(&self) -> Vec<FitWarning> {
        Vec::new()
    }
}

/// A reason not to trust a fitted model: its answer is known to be void.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FitWarning {
    /// Every row of the target that was looked at, spread evenly over it, is predicted as this class.
    ConstantClass {
        /// The class.
        class: usize,
        /// How many rows were looked at.
        rows: usize,
    },
    /// Every row of the target that was looked at, spread evenly over it, has this value.
    ConstantValue {
        /// The value.
        value: f64,
        /// How many rows were looked at.
        rows: usize,
    },
    /// The loss fell to the end of the training: the last tenth of the epochs brought this share of its whole
    /// fall, more than half of what a steady fall would have.
    LossStillFalls {
        /// The epochs.
        epochs: usize,
        /// The share.
        share: f64,
    },
    /// The loss on the sources is above that of the best constant answer.
    WorseThanConstant {
        /// The mean loss on rows of the sources, spread evenly over them.
        loss: f64,
        /// That of the best constant answer on the same rows.
        constant: f64,
    },
    /// Training left the parameters where they were, to a millionth of their size.
    Unmoved,
    /// What was made alike in source and target carries the label: without it the model does not do as well
    /// on the source.
    AlignmentCarriesLabel {
        /// Share that is lost of what the source's features say of the label: of the accuracy above that of
        /// the commonest class, or of the variance explained. Above 1 the answer is worse than a constant.
        lost: f64,
    },
    /// The weights of the sources' rows do not bring them to where the target is.
    ShiftRemains {
        /// Share of the difference between the means of sources and target that is left.
        remaining: f64,
    },
    /// No weight of a linear model tells its outputs apart, so its answer is the same for all rows.
    ZeroWeights,
}

impl std::fmt::Display for FitWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConstantClass { class, rows } => {
                write!(f, "class {class} is predicted for all of {rows} rows of the target")
            }
            Self::ConstantValue { value, rows } => {
                write!(f, "the value {value} is predicted for all of {rows} rows of the target")
            }
            Self::LossStillFalls { epochs, share } => write!(
                f,
                "the loss still fell after {epochs} epochs ({:.0} % of its fall was in the last tenth of them): \
                 train for more epochs, raise the learning rate, or standardize the rows (`Scaling`)",
                100.0 * share
            ),
            Self::WorseThanConstant { loss, constant } => write!(
                f,
                "the loss on the sources is {loss:.3e}, that of a constant answer {constant:.3e}: lower the \
                 learning rate or the weight of the penalty, or standardize the rows (`Scaling`)"
            ),
            Self::Unmoved => write!(f, "training did not move the parameters: raise the learning rate"),
            Self::AlignmentCarriesLabel { lost } => write!(
                f,
                "{:.0} % of what the source's features say of the label is lost with what was made alike in \
                 source and target: the shift is in features that matter, and a method that keeps them, such as \
                 pooled ERM or CIP, may do better",
                100.0 * lost
            ),
            Self::ShiftRemains { remaining } => write!(
                f,
                "{:.0} % of the difference between the means of sources and target is left once the sources' rows \
                 are weighted: take another ratio, or move the rows instead (`linear::Coral`)",
                100.0 * remaining
            ),
            Self::ZeroWeights => write!(f, "all weights are 0: the answer is the same for all rows"),
        }
    }
}

/// Most rows that are looked at for [`FitWarning`]s.
const LOOKED_AT: usize = 256;

/// Warnings of a model that is constant on the target, after so many epochs of training.
///
/// # Errors
/// [`AdaptError::Diverged`] when a score is not finite: the last step of a training can do that, and no loss
/// tells of it.
pub(crate) fn constant_on<X: Rows, F: Predict<X>>(
    model: &F,
    target: &X,
    epochs: usize,
) -> Result<Vec<FitWarning>, AdaptError> {
    let rows = target.rows();
    let looked_at = spread(rows);
    let count = looked_at.len();
    let scores = model.scores(&target.select(&looked_at))?;
    if !scores.is_all_finite() {
        return Err(AdaptError::Diverged { epoch: epochs.saturating_sub(1), loss: f64::NAN });
    }
    if count < 2 {
        return Ok(Vec::new());
    }
    let same = |of: &dyn Fn(usize) -> f64| (1..count).all(|row| of(row) == of(0));
    let warning = if model.outputs() > 1 {
        let class = |row: usize| largest(&scores, row);
        same(&|row| class(row) as f64).then(|| FitWarning::ConstantClass { class: class(0), rows: count })
    } else {
        let value = scores[(0, 0)];
        same(&|row| scores[(row, 0)]).then_some(FitWarning::ConstantValue { value, rows: count })
    };
    Ok(warning.into_iter().collect())
}

/// At most [`LOOKED_AT`] of so many rows, spread evenly over them.
pub(crate) fn spread(rows: usize) -> Vec<usize> {
    let count = rows.min(LOOKED_AT);
    (0..count).map(|i| i * rows / count).collect()
}

/// Cross-entropy, or squared error, of each row of scores.
pub(crate) fn row_losses(scores: &Mat<f64>, labels: &Labels) -> Vec<f64> {
    match labels {
        Labels::Classes { classes, .. } => {
            let of_row = |(row, &class): (usize, &usize)| {
                let scores = || scores.row(row).iter();
                let largest = scores().fold(f64::NEG_INFINITY, |largest, score| largest.max(*score));
                largest + scores().map(|score| (score - largest).exp()).sum::<f64>().ln()
                    - scores().nth(class).copied().unwrap_or(f64::NEG_INFINITY)
            };
            classes.iter().enumerate().map(of_row).collect()
        }
        Labels::Values(values) => {
            values.iter().enumerate().map(|(row, y)| (scores[(row, 0)] - y).powi(2)).collect()
        }
    }
}

/// The column of the largest entry of a row, the first of equal ones.
pub(crate) fn largest(scores: &Mat<f64>, row: usize) -> usize {
    (1..scores.ncols()).fold(0, |c, k| if scores[(row, k)] > scores[(row, c)] { k } else { c })
}

/// Each row's exponentials, divided by their sum.
pub(crate) fn softmax(scores: &mut Mat<f64>) {
    for i in 0..scores.nrows() {
        let largest = scores.row(i).iter().fold(f64::NEG_INFINITY, |largest, score| largest.max(*score));
        let mut total = 0.0;
        for c in 0..scores.ncols() {
            scores[(i, c)] = (scores[(i, c)] - largest).exp();
            total += scores[(i, c)];
        }
        for c in 0..scores.ncols() {
            scores[(i, c)] /= total;
        }
    }
}

fn needs_classes(outputs: usize) -> Result<(), AdaptError> {
    if outputs == 1 {
        return Err(AdaptError::Method("a regression predicts values, not classes"));
    }
    Ok(())
}

fn finite(scores: Mat<f64>) -> Result<Mat<f64>, AdaptError> {
    if scores.is_all_finite() { Ok(scores) } else { Err(InputError::not_finite("the model's scores").into()) }
}

/// How well a model does on a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evaluation {
    /// Of classes.
    Classes {
        /// Share of rows whose class was predicted.
        accuracy: f64,
        /// Mean of the recalls of the classes that occur: 0.5 for a constant answer on two classes, whatever
        /// their shares.
        balanced_accuracy: f64,
        /// For each class the share of its rows that were predicted as it; `None` when it does not occur.
        recalls: Vec<Option<f64>>,
    },
    /// Of values.
    Values {
        /// Mean squared error.
        mean_squared_error: f64,
    },
}

impl Evaluation {
    /// From predicted and true classes, of which there are `count`, and what each row counts.
    pub(crate) fn of_classes(
        predicted: &[usize],
        classes: &[usize],
        count: usize,
        weight: impl Fn(usize) -> f64,
    ) -> Self {
        let (mut hits, mut rows) = (vec![0.0; count], vec![0.0; count]);
        for (row, (p, &y)) in predicted.iter().zip(classes).enumerate() {
            rows[y] += weight(row);
            hits[y] += if *p == y { weight(row) } else { 0.0 };
        }
        let recalls: Vec<Option<f64>> =
            hits.iter().zip(&rows).map(|(hit, total)| (*total > 0.0).then(|| hit / total)).collect();
        let found: Vec<f64> = recalls.iter().flatten().copied().collect();
        Self::Classes {
            accuracy: hits.iter().sum::<f64>() / rows.iter().sum::<f64>(),
            balanced_accuracy: found.iter().sum::<f64>() / found.len() as f64,
            recalls,
        }
    }

    /// From predicted and true values, and what each row counts.
    fn of_values(predicted: &[f64], values: &[f64], weight: impl Fn(usize) -> f64) -> Self {
        let squares = predicted.iter().zip(values).enumerate();
        let squares: f64 = squares.map(|(row, (p, y))| weight(row) * (p - y).powi(2)).sum();
        let total: f64 = (0..values.len()).map(weight).sum();
        Self::Values { mean_squared_error: squares / total }
    }

    /// Accuracy, or the negative mean squared error: larger is better.
    pub fn score(&self) -> f64 {
        match self {
            Self::Classes { accuracy, .. } => *accuracy,
            Self::Values { mean_squared_error } => -mean_squared_error,
        }
    }
}
