//! Least squares with closed-form excess, by values and by gradients.

use faer::prelude::Solve;
use faer::{MatRef, Side};
use kiln_optim::zeroth_order::BatchObjective;
use kiln_optim::{FiniteSum, Operator, OptimError, check_batch};
use kiln_tensor::{Distribution, Noise};

use kiln_receipts::ExperimentError;

pub(in crate::registry) const ROWS: usize = 1000;
pub(in crate::registry) const COLUMNS: usize = 100;

/// `f(θ) = ‖Xθ − y‖²/n` with `y = Xw + σ ξ`; `X`, `w` and `ξ` standard normal.
#[derive(Debug)]
pub(in crate::registry) struct LeastSquares {
    /// `X`, row by row.
    inputs: Vec<f64>,
    targets: Vec<f64>,
    minimizer: Vec<f64>,
}

impl LeastSquares {
    pub(in crate::registry) fn new(sigma: f64, seed: u64) -> Result<Self, ExperimentError> {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let draw = |stream: u64, length: usize| {
            let mut values = vec![0.0; length];
            noise.fill(stream, 0, &mut values);
            values
        };
        let (inputs, coefficients, errors) = (draw(0, ROWS * COLUMNS), draw(1, COLUMNS), draw(2, ROWS));
        let targets: Vec<f64> = inputs
            .chunks_exact(COLUMNS)
            .zip(&errors)
            .map(|(row, error)| dot(row, &coefficients) + sigma * error)
            .collect();
        let x = MatRef::from_row_major_slice(&inputs, ROWS, COLUMNS);
        let gram = x.transpose() * x;
        let right = x.transpose() * MatRef::from_column_major_slice(&targets, ROWS, 1);
        let factor = gram.llt(Side::Lower).map_err(|error| format!("the normal equations: {error:?}"))?;
        let minimizer = factor.solve(&right).col(0).iter().copied().collect();
        Ok(Self { inputs, targets, minimizer })
    }

    /// `f(θ) − min f = ‖X(θ − θ*)‖²/n`, without cancellation; infinite where it is not a number.
    pub(in crate::registry) fn excess(&self, point: &[f64]) -> f64 {
        let difference: Vec<f64> = point.iter().zip(&self.minimizer).map(|(a, b)| a - b).collect();
        let sum: f64 = self.inputs.chunks_exact(COLUMNS).map(|row| dot(row, &difference).powi(2)).sum();
        if sum.is_nan() { f64::INFINITY } else { sum / ROWS as f64 }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.inputs[i * COLUMNS..][..COLUMNS]
    }

    fn residual(&self, i: usize, point: &[f64]) -> f64 {
        dot(self.row(i), point) - self.targets[i]
    }
}

impl BatchObjective for LeastSquares {
    type Point = Vec<f64>;

    fn components(&self) -> usize {
        ROWS
    }

    fn batch_sum(&self, batch: &[usize], point: &Vec<f64>) -> Result<f64, OptimError> {
        check_batch(batch, ROWS)?;
        Ok(batch.iter().map(|&i| self.residual(i, point).powi(2)).sum())
    }
}

impl Operator for LeastSquares {
    type Point = Vec<f64>;

    fn operator(&self, point: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch(&(0..ROWS).collect::<Vec<_>>(), point)
    }

    fn components(&self) -> usize {
        ROWS
    }
}

impl FiniteSum for LeastSquares {
    fn batch(&self, batch: &[usize], point: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, ROWS)?;
        let mut gradient = vec![0.0; COLUMNS];
        for &i in batch {
            let weight = 2.0 * self.residual(i, point) / batch.len() as f64;
            for (g, x) in gradient.iter_mut().zip(self.row(i)) {
                *g += weight * x;
            }
        }
        Ok(gradient)
    }
}

/// With eight partial sums, which the compiler turns into vector instructions.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
