//! What every exact linear method returns.

use faer::{Mat, MatRef};
use serde::{Deserialize, Serialize};

use crate::{AdaptError, Labelled, Labels};

/// Scores `X W + b`, one column an output: the predicted value of a regression, or a score for each class.
///
/// The probabilities of the classes are the softmax of the scores. For two classes the columns are `−w/2` and
/// `w/2`, so that the score that decides is `wᵀx`.
///
/// ```
/// use faer::mat;
/// use kiln_adapt::linear::LinearModel;
///
/// let model = LinearModel::new(mat![[2.0], [-1.0]], vec![0.5])?;
/// assert_eq!(model.predict(&mat![[1.0, 1.0], [0.0, 3.0]])?, [1.5, -2.5]);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct LinearModel {
    coefficients: Mat<f64>,
    intercepts: Vec<f64>,
}

impl LinearModel {
    /// `W`, features by outputs, and `b`.
    ///
    /// # Errors
    /// Without outputs, when the number of intercepts is not that of columns, or when something is not finite.
    pub fn new(coefficients: Mat<f64>, intercepts: Vec<f64>) -> Result<Self, AdaptError> {
        if intercepts.is_empty() {
            return Err(AdaptError::Empty { what: "the list of intercepts".to_owned() });
        }
        if intercepts.len() != coefficients.ncols() {
            let what = "intercepts".to_owned();
            return Err(AdaptError::Size { what, found: intercepts.len(), expected: coefficients.ncols() });
        }
        if !coefficients.is_all_finite() || intercepts.iter().any(|b| !b.is_finite()) {
            return Err(AdaptError::NotFinite { what: "the linear model".to_owned() });
        }
        Ok(Self { coefficients, intercepts })
    }

    /// A regression `wᵀx + b`.
    ///
    /// # Errors
    /// When something is not finite.
    pub fn regression(coefficients: &[f64], intercept: f64) -> Result<Self, AdaptError> {
        Self::new(Mat::from_fn(coefficients.len(), 1, |i, _| coefficients[i]), vec![intercept])
    }

    /// A classifier of two classes by the sign of `wᵀx + b`.
    ///
    /// # Errors
    /// When something is not finite.
    pub fn binary(coefficients: &[f64], intercept: f64) -> Result<Self, AdaptError> {
        let half = |c: usize| if c == 0 { -0.5 } else { 0.5 };
        Self::new(
            Mat::from_fn(coefficients.len(), 2, |i, c| half(c) * coefficients[i]),
            vec![-0.5 * intercept, 0.5 * intercept],
        )
    }

    /// `W`, features by outputs.
    pub fn coefficients(&self) -> MatRef<'_, f64> {
        self.coefficients.as_ref()
    }

    /// `b`, one an output.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.coefficients.nrows()
    }

    /// Number of outputs: 1 for a regression, otherwise the number of classes.
    pub fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// `w` and `b` of what decides: of a regression's value, or of the score of class 1 less that of class 0.
    ///
    /// # Errors
    /// With more than two outputs.
    pub fn direction(&self) -> Result<(Vec<f64>, f64), AdaptError> {
        match self.intercepts[..] {
            [b] => Ok((self.coefficients.col(0).iter().copied().collect(), b)),
            [b0, b1] => {
                let (zero, one) = (self.coefficients.col(0), self.coefficients.col(1));
                Ok((one.iter().zip(zero.iter()).map(|(one, zero)| one - zero).collect(), b1 - b0))
            }
            _ => Err(AdaptError::Method("a model of more than two classes has no single direction")),
        }
    }

    /// `X W + b`, rows by outputs.
    ///
    /// # Errors
    /// When `x` has another number of columns than the model has features.
    pub fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        if x.ncols() != self.features() {
            let what = "columns of the rows to predict".to_owned();
            return Err(AdaptError::Size { what, found: x.ncols(), expected: self.features() });
        }
        let mut scores = x * &self.coefficients;
        for (column, b) in scores.col_iter_mut().zip(&self.intercepts) {
            column.iter_mut().for_each(|score| *score += b);
        }
        Ok(scores)
    }

    /// Predicted values, one a row.
    ///
    /// # Errors
    /// As [`scores`](Self::scores), or with more than one output.
    pub fn predict(&self, x: &Mat<f64>) -> Result<Vec<f64>, AdaptError> {
        if self.outputs() != 1 {
            return Err(AdaptError::Method("a classifier predicts classes, not values"));
        }
        Ok(self.scores(x)?.col(0).iter().copied().collect())
    }

    /// The class with the largest score, one a row; the first of them when scores are equal.
    ///
    /// # Errors
    /// As [`scores`](Self::scores), or with one output.
    pub fn predict_classes(&self, x: &Mat<f64>) -> Result<Vec<usize>, AdaptError> {
        self.needs_classes()?;
        let scores = self.scores(x)?;
        let best = |i: usize| {
            (1..self.outputs()).fold(0, |c, k| if scores[(i, k)] > scores[(i, c)] { k } else { c })
        };
        Ok((0..x.nrows()).map(best).collect())
    }

    /// Probabilities of the classes, rows by classes.
    ///
    /// # Errors
    /// As [`predict_classes`](Self::predict_classes).
    pub fn probabilities(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        self.needs_classes()?;
        let mut scores = self.scores(x)?;
        for i in 0..scores.nrows() {
            let largest = scores.row(i).iter().fold(f64::NEG_INFINITY, |largest, score| largest.max(*score));
            let mut total = 0.0;
            for c in 0..self.outputs() {
                scores[(i, c)] = (scores[(i, c)] - largest).exp();
                total += scores[(i, c)];
            }
            for c in 0..self.outputs() {
                scores[(i, c)] /= total;
            }
        }
        Ok(scores)
    }

    /// Probability of the predicted class, one a row.
    ///
    /// # Errors
    /// As [`predict_classes`](Self::predict_classes).
    pub fn confidence(&self, x: &Mat<f64>) -> Result<Vec<f64>, AdaptError> {
        let probabilities = self.probabilities(x)?;
        Ok(probabilities.row_iter().map(|row| row.iter().fold(0.0, |p: f64, q| p.max(*q))).collect())
    }

    /// Share of rows whose class is predicted, or for values the mean squared error.
    ///
    /// # Errors
    /// When the rows or the kind of label do not fit the model.
    pub fn evaluate(&self, domain: &Labelled<Mat<f64>>) -> Result<f64, AdaptError> {
        let rows = domain.rows() as f64;
        match domain.y() {
            Labels::Classes { classes, .. } => {
                let predicted = self.predict_classes(domain.x())?;
                Ok(predicted.iter().zip(classes).filter(|(p, y)| p == y).count() as f64 / rows)
            }
            Labels::Values(values) => {
                let predicted = self.predict(domain.x())?;
                Ok(predicted.iter().zip(values).map(|(p, y)| (p - y).powi(2)).sum::<f64>() / rows)
            }
        }
    }

    /// Mean over the classes of the share of their rows that are predicted right; classes without a row are left out.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and when the labels are values.
    pub fn balanced_accuracy(&self, domain: &Labelled<Mat<f64>>) -> Result<f64, AdaptError> {
        let (classes, count) = domain.classes()?;
        let predicted = self.predict_classes(domain.x())?;
        let recall = |class: usize| {
            let of_class = || predicted.iter().zip(classes).filter(|(_, y)| **y == class);
            let rows = of_class().count();
            (rows > 0).then(|| of_class().filter(|(p, _)| **p == class).count() as f64 / rows as f64)
        };
        let recalls: Vec<f64> = (0..count).filter_map(recall).collect();
        Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
    }

    /// Share of the squared weights on each group of features; what is common to all classes' scores decides
    /// nothing and is left out. All are 0 when the model ignores every feature.
    ///
    /// # Errors
    /// When a group holds an index that is not below the number of features.
    pub fn weight_shares(&self, groups: &[&[usize]]) -> Result<Vec<f64>, AdaptError> {
        let outputs = self.outputs() as f64;
        let squares: Vec<f64> = self
            .coefficients
            .row_iter()
            .map(|row| {
                let mean = if self.outputs() > 1 { row.iter().sum::<f64>() / outputs } else { 0.0 };
                row.iter().map(|w| (w - mean).powi(2)).sum()
            })
            .collect();
        let total: f64 = squares.iter().sum();
        let share = |group: &&[usize]| {
            let mut sum = 0.0;
            for &feature in *group {
                sum += squares.get(feature).ok_or_else(|| AdaptError::Size {
                    what: "feature index, which must be below the number of features".to_owned(),
                    found: feature,
                    expected: squares.len(),
                })?;
            }
            Ok(if total > 0.0 { sum / total } else { 0.0 })
        };
        groups.iter().map(share).collect()
    }

    fn needs_classes(&self) -> Result<(), AdaptError> {
        if self.outputs() == 1 {
            return Err(AdaptError::Method("a regression predicts values, not classes"));
        }
        Ok(())
    }
}

/// The model as it is stored: the rows of `W`, and `b`.
#[derive(Serialize, Deserialize)]
struct Stored {
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl From<LinearModel> for Stored {
    fn from(model: LinearModel) -> Self {
        let coefficients = model.coefficients.row_iter().map(|row| row.iter().copied().collect()).collect();
        Self { coefficients, intercepts: model.intercepts }
    }
}

impl TryFrom<Stored> for LinearModel {
    type Error = AdaptError;

    fn try_from(stored: Stored) -> Result<Self, AdaptError> {
        let outputs = stored.intercepts.len();
        if let Some(row) = stored.coefficients.iter().find(|row| row.len() != outputs) {
            let what = "columns of the stored coefficients".to_owned();
            return Err(AdaptError::Size { what, found: row.len(), expected: outputs });
        }
        let rows = &stored.coefficients;
        Self::new(Mat::from_fn(rows.len(), outputs, |i, j| rows[i][j]), stored.intercepts)
    }
}
