//! Rosenbrock's valley (Rosenbrock 1960).

use kiln_tensor::TensorError;

use crate::curvature::{SecondOrder, SecondOrderSum};
use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// `f(x, y) = (1 − x)² + 100 (y − x²)²`, with its minimum 0 at `(1, 1)`; a finite sum of one component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rosenbrock;

fn pair(z: &[f64]) -> Result<[f64; 2], OptimError> {
    z.try_into().map_err(|_| TensorError::shape(&[z.len()], &[2]).into())
}

impl Operator for Rosenbrock {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let [x, y] = pair(z)?;
        let off = y - x * x;
        Ok(vec![-2.0 * (1.0 - x) - 400.0 * x * off, 200.0 * off])
    }
}

impl Objective for Rosenbrock {
    fn value(&self, z: &Vec<f64>) -> Result<f64, OptimError> {
        let [x, y] = pair(z)?;
        Ok((1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2))
    }
}

impl FiniteSum for Rosenbrock {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, 1)?;
        self.operator(z)
    }
}

impl SecondOrder for Rosenbrock {
    fn hessian_vector(&self, z: &Vec<f64>, v: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let ([x, y], [u, w]) = (pair(z)?, pair(v)?);
        let mixed = -400.0 * x;
        Ok(vec![(2.0 + 1200.0 * x * x - 400.0 * y) * u + mixed * w, mixed * u + 200.0 * w])
    }
}

impl SecondOrderSum for Rosenbrock {
    fn batch_hessian_vector(
        &self,
        batch: &[usize],
        z: &Vec<f64>,
        v: &Vec<f64>,
    ) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, 1)?;
        self.hessian_vector(z, v)
    }
}
