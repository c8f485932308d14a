//! Penalized linear models.
//!
//! ```text
//! f(w) = (1/n) Σᵢ φ(xᵢᵀw; yᵢ) + (λ/2)‖w‖²,   fᵢ(w) = φ(xᵢᵀw; yᵢ) + (λ/2)‖w‖²
//! ```

use std::sync::OnceLock;

use kiln_core::{InputError, check};
use kiln_tensor::TensorError;

use super::visits::Plan;
use super::{DataRows, LinearDataError, Loss};
use crate::first_order::ConvexConstants;
use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// A linear model on given data; see the [module](super). Points are `Vec<f64>` of [`columns`](Self::columns)
/// weights.
#[derive(Clone, Debug)]
pub struct LinearLoss {
    rows: DataRows,
    labels: Vec<f64>,
    squared_norms: Vec<f64>,
    loss: Loss,
    l2_weight: f64,
    /// What follows from the rest, once it was needed.
    balanced: OnceLock<Plan>,
}

impl LinearLoss {
    /// `l2_weight` is λ. There is no intercept; [`DataRows::with_intercept`] adds one as a column.
    ///
    /// ```
    /// use kiln_optim::Operator;
    /// use kiln_optim::linear::{DenseRows, LinearLoss, Loss};
    ///
    /// // (1/2)[½(w₁ − 1)² + ½(2 w₂ − 2)²]
    /// let rows = DenseRows::new(2, vec![1.0, 0.0, 0.0, 2.0])?;
    /// let model = LinearLoss::new(rows, vec![1.0, 2.0], Loss::Squares, 0.0)?;
    /// assert_eq!(model.operator(&vec![0.0, 0.0])?, [-0.5, -2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there are not as many labels as rows, a label has no meaning for the loss, the loss has no bounded
    /// curvature, or λ is negative or not finite; also when the squared norm of a row overflows.
    pub fn new(
        rows: impl Into<DataRows>,
        labels: Vec<f64>,
        loss: Loss,
        l2_weight: f64,
    ) -> Result<Self, LinearDataError> {
        let rows = rows.into();
        if labels.len() != rows.rows() {
            return Err(InputError::size("labels", labels.len(), rows.rows()).into());
        }
        if !loss.curvature().is_finite() {
            return Err(LinearDataError::Unsupported {
                what: "the hinge and the Poisson loss have no bounded curvature, which a finite sum here needs",
                instead: "fit them with the crate kiln-linear, or take the squared hinge",
            });
        }
        for (row, &value) in labels.iter().enumerate() {
            loss.check_label(value).map_err(|must| LinearDataError::Label { row, value, must })?;
        }
        check::nonnegative("l2_weight", l2_weight)?;
        let squared_norms: Vec<f64> = (0..rows.rows()).map(|i| rows.squared_norm(i)).collect();
        if let Some(row) = squared_norms.iter().position(|q| !q.is_finite()) {
            return Err(LinearDataError::Overflow { row });
        }
        Ok(Self { rows, labels, squared_norms, loss, l2_weight, balanced: OnceLock::new() })
    }

    /// The data.
    pub fn rows(&self) -> &DataRows {
        &self.rows
    }

    /// The labels.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// λ.
    pub fn l2_weight(&self) -> f64 {
        self.l2_weight
    }

    /// The number of weights.
    pub fn columns(&self) -> usize {
        self.rows.columns()
    }

    /// `‖xᵢ‖²` of every row.
    pub fn squared_norms(&self) -> &[f64] {
        &self.squared_norms
    }

    /// `L = c maxᵢ‖xᵢ‖² + λ`: every component's gradient is `L`-Lipschitz. `c` is ¼ for the logistic loss, 1
    /// for squares.
    pub fn smoothness(&self) -> f64 {
        self.loss.curvature() * self.squared_norms.iter().fold(0.0_f64, |l, &q| l.max(q)) + self.l2_weight
    }

    /// `μ = λ`. With many rows the data may make `f` more strongly convex than that.
    pub fn strong_convexity(&self) -> f64 {
        self.l2_weight
    }

    /// `μ` and `L`, for methods that need both.
    pub fn constants(&self) -> ConvexConstants {
        ConvexConstants { strong_convexity: self.strong_convexity(), smoothness: self.smoothness() }
    }

    /// `maxᵢ‖xᵢ‖² / medianᵢ‖xᵢ‖²`. Above 10 or so, methods that draw rows uniformly with a step of order
    /// `1/L` are slow and the rows should be scaled, or visited by their norms
    /// ([`Visits::Balanced`](super::Visits)). Infinite when more than half of the rows are 0, and 1 when all
    /// are.
    pub fn row_norm_spread(&self) -> f64 {
        let mut sorted = self.squared_norms.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted[sorted.len() - 1] {
            0.0 => 1.0,
            largest => largest / sorted[sorted.len() / 2],
        }
    }

    /// `xᵢᵀw` of every row.
    ///
    /// # Errors
    /// When `w` has not one weight a column.
    pub fn predictions(&self, w: &[f64]) -> Result<Vec<f64>, OptimError> {
        self.check(w)?;
        Ok((0..self.labels.len()).map(|i| self.rows.dot(i, w)).collect())
    }

    pub(super) fn check(&self, w: &[f64]) -> Result<(), OptimError> {
        if w.len() == self.columns() {
            Ok(())
        } else {
            Err(TensorError::shape(&[w.len()], &[self.columns()]).into())
        }
    }

    pub(super) fn balanced(&self) -> &Plan {
        self.balanced.get_or_init(|| Plan::balanced(self))
    }

    /// `φ'` of row `i` for its prediction.
    pub(super) fn derivative(&self, i: usize, prediction: f64) -> f64 {
        self.loss.derivative(prediction, self.labels[i])
    }

    /// The mean gradient over some rows.
    fn gradient(&self, rows: impl ExactSizeIterator<Item = usize>, w: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = w.iter().map(|w| self.l2_weight * w).collect();
        let share = 1.0 / rows.len() as f64;
        for i in rows {
            let derivative = self.derivative(i, self.rows.dot(i, w));
            self.rows.axpy(i, share * derivative, &mut gradient);
        }
        gradient
    }
}

impl Operator for LinearLoss {
    type Point = Vec<f64>;

    fn operator(&self, w: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(w)?;
        Ok(self.gradient(0..self.labels.len(), w))
    }

    fn components(&self) -> usize {
        self.labels.len()
    }
}

impl Objective for LinearLoss {
    fn value(&self, w: &Vec<f64>) -> Result<f64, OptimError> {
        self.check(w)?;
        let losses = self.labels.iter().enumerate().map(|(i, &y)| self.loss.value(self.rows.dot(i, w), y));
        let penalty = self.l2_weight / 2.0 * w.iter().map(|w| w * w).sum::<f64>();
        Ok(losses.sum::<f64>() / self.labels.len() as f64 + penalty)
    }
}

impl FiniteSum for LinearLoss {
    fn batch(&self, batch: &[usize], w: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.check(w)?;
        check_batch(batch, self.labels.len())?;
        Ok(self.gradient(batch.iter().copied(), w))
    }
}
