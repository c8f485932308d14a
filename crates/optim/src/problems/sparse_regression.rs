//! Linear regression and classification with the data stored by columns, for coordinate methods.

use kiln_core::{InputError, check};
use kiln_tensor::{Distribution, Noise, TensorError};
use serde::{Deserialize, Serialize};

use crate::block_coordinate::CoordinateProblem;
use crate::{Objective, Operator, OptimError};

/// The loss of one row, as a function of its prediction `u` and its target `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegressionLoss {
    /// `½ (u − b)²`
    Squared,
    /// `log(1 + exp(−b u))`, `b = ±1`.
    Logistic,
}

impl RegressionLoss {
    fn value(self, u: f64, b: f64) -> f64 {
        match self {
            Self::Squared => (u - b) * (u - b) / 2.0,
            Self::Logistic => {
                let margin = -b * u;
                margin.max(0.0) + (-margin.abs()).exp().ln_1p()
            }
        }
    }

    fn derivative(self, u: f64, b: f64) -> f64 {
        match self {
            Self::Squared => u - b,
            Self::Logistic => -b / (1.0 + (b * u).exp()),
        }
    }

    fn curvature(self, u: f64) -> f64 {
        match self {
            Self::Squared => 1.0,
            Self::Logistic => {
                let e = (-u.abs()).exp();
                e / ((1.0 + e) * (1.0 + e))
            }
        }
    }

    /// The largest curvature.
    fn bound(self) -> f64 {
        match self {
            Self::Squared => 1.0,
            Self::Logistic => 0.25,
        }
    }
}

/// `f(x) = Σᵣ loss((A x)ᵣ, bᵣ) + ½ λ₂ ‖x‖² + λ₁ Σᵢ xᵢ`; over `x ≥ 0` the last term is the `ℓ₁` norm.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRegression {
    columns: Vec<Vec<(usize, f64)>>,
    targets: Vec<f64>,
    loss: RegressionLoss,
    ridge: f64,
    tilt: f64,
    curvatures: Vec<f64>,
}

impl SparseRegression {
    /// The columns of `A`, each by its entries `(row, value)` in ascending order of rows, and `b`.
    ///
    /// # Errors
    /// When there is no column or no target, rows are out of range or not ascending, something is not finite,
    /// or a label of logistic regression is not `±1`.
    pub fn new(
        columns: Vec<Vec<(usize, f64)>>,
        targets: Vec<f64>,
        loss: RegressionLoss,
    ) -> Result<Self, OptimError> {
        if columns.is_empty() || targets.is_empty() {
            return Err(InputError::empty("the data").into());
        }
        for column in &columns {
            if !column.is_sorted_by(|a, b| a.0 < b.0) {
                return Err(OptimError::problem("the rows of a column are not in ascending order"));
            }
            if let Some(&(index, _)) = column.last().filter(|last| last.0 >= targets.len()) {
                return Err(InputError::index("component", index, targets.len()).into());
            }
        }
        if !columns.iter().flatten().map(|entry| &entry.1).chain(&targets).all(|value| value.is_finite()) {
            return Err(InputError::not_finite("A or b").into());
        }
        if loss == RegressionLoss::Logistic
            && let Some(&value) = targets.iter().find(|b| b.abs() != 1.0)
        {
            return Err(InputError::setting("a label", value, "1 or -1").into());
        }
        let curvatures = columns
            .iter()
            .map(|column| loss.bound() * column.iter().map(|(_, a)| a * a).sum::<f64>())
            .collect();
        Ok(Self { columns, targets, loss, ridge: 0.0, tilt: 0.0, curvatures })
    }

    /// With `½ λ₂ ‖x‖²`.
    ///
    /// # Errors
    /// When `λ₂` is negative or not finite.
    pub fn with_ridge(mut self, ridge: f64) -> Result<Self, OptimError> {
        check::nonnegative("ridge", ridge)?;
        for curvature in &mut self.curvatures {
            *curvature += ridge - self.ridge;
        }
        self.ridge = ridge;
        Ok(self)
    }

    /// With `λ₁ Σ xᵢ`.
    ///
    /// # Errors
    /// When `λ₁` is negative or not finite.
    pub fn with_tilt(mut self, tilt: f64) -> Result<Self, OptimError> {
        check::nonnegative("tilt", tilt)?;
        self.tilt = tilt;
        Ok(self)
    }

    /// Data set A of Nutini, Laradji, Schmidt: entries `N(0, 1) + 1`, each column multiplied by `10 N(0, 1)`,
    /// entries kept with probability `min(1, 10 ln(n)/n)`, `b = A w + N(0, 1)` with `w` normal in a tenth of
    /// the columns; squared loss. With [`RegressionLoss::Logistic`] data set B: `b` is the sign of `A w`,
    /// flipped with probability 0.1.
    ///
    /// # Errors
    /// When a size is 0.
    pub fn generate(
        rows: usize,
        columns: usize,
        loss: RegressionLoss,
        seed: u64,
    ) -> Result<Self, OptimError> {
        let draw = |distribution: Distribution, parameter: usize, count: usize| {
            let mut values = vec![0.0; count];
            Noise { seed, distribution }.fill(parameter as u64, 0, &mut values);
            values
        };
        let keep = 10.0 * (rows as f64).ln() / rows as f64;
        let scales = draw(Distribution::Gaussian, 0, columns);
        let (weights, chosen) =
            (draw(Distribution::Gaussian, 1, columns), draw(Distribution::Uniform, 2, columns));
        let mut targets = vec![0.0; rows];
        let matrix: Vec<Vec<(usize, f64)>> = (0..columns)
            .map(|i| {
                let values = draw(Distribution::Gaussian, 5 + 2 * i, rows);
                let kept = draw(Distribution::Uniform, 6 + 2 * i, rows);
                let entries = (0..rows).filter(|&r| kept[r] < keep);
                let column: Vec<_> = entries.map(|r| (r, (values[r] + 1.0) * 10.0 * scales[i])).collect();
                if chosen[i] < 0.1 {
                    for &(r, a) in &column {
                        targets[r] += a * weights[i];
                    }
                }
                column
            })
            .collect();
        let noise = match loss {
            RegressionLoss::Squared => draw(Distribution::Gaussian, 3, rows),
            RegressionLoss::Logistic => draw(Distribution::Uniform, 4, rows),
        };
        for (target, noise) in targets.iter_mut().zip(noise) {
            *target = match loss {
                RegressionLoss::Squared => *target + noise,
                RegressionLoss::Logistic if (*target > 0.0) == (noise < 0.1) => -1.0,
                RegressionLoss::Logistic => 1.0,
            };
        }
        Self::new(matrix, targets, loss)
    }

    /// `Σᵣ w(r) aᵣᵢ aᵣⱼ + λ₂ [i = j]`.
    fn weighted(&self, i: usize, j: usize, weight: impl Fn(usize) -> f64) -> f64 {
        let mut sum = if i == j { self.ridge } else { 0.0 };
        let mut others = self.columns[j].iter().peekable();
        for &(row, a) in &self.columns[i] {
            while others.next_if(|other| other.0 < row).is_some() {}
            if let Some(other) = others.next_if(|other| other.0 == row) {
                sum += weight(row) * a * other.1;
            }
        }
        sum
    }
}

impl Operator for SparseRegression {
    type Point = Vec<f64>;

    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let image = self.image(x)?;
        let slopes: Vec<f64> =
            image.iter().zip(&self.targets).map(|(u, b)| self.loss.derivative(*u, *b)).collect();
        let product = |column: &[(usize, f64)]| column.iter().map(|(r, a)| a * slopes[*r]).sum::<f64>();
        Ok(self
            .columns
            .iter()
            .zip(x)
            .map(|(column, x)| product(column) + self.ridge * x + self.tilt)
            .collect())
    }
}

impl Objective for SparseRegression {
    fn value(&self, x: &Vec<f64>) -> Result<f64, OptimError> {
        Ok(self.value_from(x, &self.image(x)?))
    }
}

/// The image is the predictions `A x`.
impl CoordinateProblem for SparseRegression {
    fn dimension(&self) -> usize {
        self.columns.len()
    }

    fn image(&self, x: &[f64]) -> Result<Vec<f64>, OptimError> {
        if x.len() != self.columns.len() {
            return Err(TensorError::shape(&[x.len()], &[self.columns.len()]).into());
        }
        let mut image = vec![0.0; self.targets.len()];
        for (i, x) in x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            self.shift(&mut image, i, *x);
        }
        Ok(image)
    }

    fn shift(&self, image: &mut [f64], i: usize, by: f64) {
        for (row, a) in &self.columns[i] {
            image[*row] += by * a;
        }
    }

    fn partial(&self, x: &[f64], image: &[f64], i: usize) -> f64 {
        let slope = |&(row, a): &(usize, f64)| a * self.loss.derivative(image[row], self.targets[row]);
        self.columns[i].iter().map(slope).sum::<f64>() + self.ridge * x[i] + self.tilt
    }

    fn value_from(&self, x: &[f64], image: &[f64]) -> f64 {
        let losses = image.iter().zip(&self.targets).map(|(u, b)| self.loss.value(*u, *b));
        let penalties = x.iter().map(|x| (self.ridge * x / 2.0 + self.tilt) * x);
        losses.sum::<f64>() + penalties.sum::<f64>()
    }

    fn curvature(&self, i: usize) -> f64 {
        self.curvatures[i]
    }

    fn hessian_bound(&self, i: usize, j: usize) -> f64 {
        self.weighted(i, j, |_| self.loss.bound())
    }

    fn hessian(&self, image: &[f64], i: usize, j: usize) -> f64 {
        self.weighted(i, j, |row| self.loss.curvature(image[row]))
    }

    fn hessian_bound_product(&self, v: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; self.targets.len()];
        for (i, v) in v.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            self.shift(&mut image, i, *v);
        }
        let product = |column: &[(usize, f64)]| column.iter().map(|(r, a)| a * image[*r]).sum::<f64>();
        self.columns
            .iter()
            .zip(v)
            .map(|(column, v)| self.loss.bound() * product(column) + self.ridge * v)
            .collect()
    }

    fn hessian_bound_row_sums(&self) -> Vec<f64> {
        let mut rows = vec![Vec::new(); self.targets.len()];
        for (i, column) in self.columns.iter().enumerate() {
            for &(row, a) in column {
                rows[row].push((i, a));
            }
        }
        let mut hessian_row = vec![0.0; self.columns.len()];
        let sum = |(i, column): (usize, &Vec<(usize, f64)>)| {
            hessian_row.fill(0.0);
            hessian_row[i] = self.ridge;
            for &(row, a) in column {
                for &(j, other) in &rows[row] {
                    hessian_row[j] += self.loss.bound() * a * other;
                }
            }
            hessian_row.iter().map(|h| h.abs()).sum()
        };
        self.columns.iter().enumerate().map(sum).collect()
    }
}
