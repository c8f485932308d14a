//! What every exact linear method returns.

use faer::{Mat, MatRef, RowRef};
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::{AdaptError, FitWarning, Predict, Rows};

/// Scores `X W + b`, one column an output: the predicted value of a regression, or a score for each class.
///
/// The probabilities of the classes are the softmax of the scores. For two classes the columns are `−w/2` and
/// `w/2`, so that the score that decides is `wᵀx`.
///
/// ```
/// use faer::mat;
/// use kiln_adapt::Predict;
/// use kiln_adapt::linear::LinearModel;
///
/// let model = LinearModel::new(mat![[2.0], [-1.0]], vec![0.5])?;
/// assert_eq!(model.predict_values(&mat![[1.0, 1.0], [0.0, 3.0]])?, [1.5, -2.5]);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct LinearModel {
    coefficients: Mat<f64>,
    intercepts: Vec<f64>,
    /// What its fit has to say.
    noted: Vec<FitWarning>,
}

impl LinearModel {
    /// `W`, features by outputs, and `b`.
    ///
    /// # Errors
    /// Without outputs, when the number of intercepts is not that of columns, or when something is not
    /// finite.
    pub fn new(coefficients: Mat<f64>, intercepts: Vec<f64>) -> Result<Self, AdaptError> {
        if intercepts.is_empty() {
            return Err(InputError::empty("the list of intercepts").into());
        }
        if intercepts.len() != coefficients.ncols() {
            let what = "intercepts";
            return Err(InputError::size(what, intercepts.len(), coefficients.ncols()).into());
        }
        if !coefficients.is_all_finite() || intercepts.iter().any(|b| !b.is_finite()) {
            return Err(InputError::not_finite("the linear model").into());
        }
        Ok(Self { coefficients, intercepts, noted: Vec::new() })
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

    /// The same model with warnings of its fit.
    pub(crate) fn noted(mut self, warnings: impl IntoIterator<Item = FitWarning>) -> Self {
        self.noted.extend(warnings);
        self
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
                sum += squares.get(feature).ok_or_else(|| {
                    InputError::size(
                        "feature index, which must be below the number of features",
                        feature,
                        squares.len(),
                    )
                })?;
            }
            Ok(if total > 0.0 { sum / total } else { 0.0 })
        };
        groups.iter().map(share).collect()
    }
}

impl Predict<Mat<f64>> for LinearModel {
    fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    /// `X W + b`, rows by outputs.
    fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        x.check("the rows to predict")?;
        check::size("columns of the rows to predict", x.ncols(), self.features())?;
        let mut scores = x * &self.coefficients;
        for (column, b) in scores.col_iter_mut().zip(&self.intercepts) {
            column.iter_mut().for_each(|score| *score += b);
        }
        Ok(scores)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        let tells = |row: RowRef<'_, f64>| {
            row.iter().any(|w| if self.outputs() > 1 { *w != row[0] } else { *w != 0.0 })
        };
        let constant = !self.coefficients.row_iter().any(tells);
        constant.then_some(FitWarning::ZeroWeights).into_iter().chain(self.noted.iter().cloned()).collect()
    }
}

/// The model as it is stored: the rows of `W`, `b`, and what its fit has to say.
#[derive(Serialize, Deserialize)]
struct Stored {
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FitWarning>,
}

impl From<LinearModel> for Stored {
    fn from(model: LinearModel) -> Self {
        let coefficients = model.coefficients.row_iter().map(|row| row.iter().copied().collect()).collect();
        Self { coefficients, intercepts: model.intercepts, warnings: model.noted }
    }
}

impl TryFrom<Stored> for LinearModel {
    type Error = AdaptError;

    fn try_from(stored: Stored) -> Result<Self, AdaptError> {
        let outputs = stored.intercepts.len();
        if let Some(row) = stored.coefficients.iter().find(|row| row.len() != outputs) {
            let what = "columns of the stored coefficients";
            return Err(InputError::size(what, row.len(), outputs).into());
        }
        let rows = &stored.coefficients;
        let model = Self::new(Mat::from_fn(rows.len(), outputs, |i, j| rows[i][j]), stored.intercepts)?;
        Ok(model.noted(stored.warnings))
    }
}
