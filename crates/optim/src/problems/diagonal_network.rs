//! Linear diagonal networks.

use kiln_core::{InputError, check};
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::curvature::{SecondOrder, SecondOrderSum};
use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// `f(u, v) = (1/n) Σᵢ ½ (xᵢᵀw − yᵢ)²` with `w = u ⊙ u − v ⊙ v`: linear regression by a network of two layers
/// with diagonal weights. A point is `u` followed by `v`, `2d` numbers.
#[derive(Clone, Debug)]
pub struct DiagonalNetwork {
    inputs: Vec<Vec<f64>>,
    targets: Vec<f64>,
    indices: Vec<usize>,
}

impl DiagonalNetwork {
    /// The rows `xᵢ` and the numbers `yᵢ`.
    ///
    /// # Errors
    /// Without rows, when they differ in length, when there is not one target for each, or something is not
    /// finite.
    pub fn new(inputs: Vec<Vec<f64>>, targets: Vec<f64>) -> Result<Self, OptimError> {
        let expected = inputs.first().map_or(0, Vec::len);
        if expected == 0 {
            return Err(InputError::empty("the set of inputs").into());
        }
        if let Some(found) = inputs.iter().map(Vec::len).find(|found| *found != expected) {
            return Err(InputError::size("entries of a row", found, expected).into());
        }
        if targets.len() != inputs.len() {
            return Err(InputError::size("targets", targets.len(), inputs.len()).into());
        }
        if !inputs.iter().flatten().chain(&targets).all(|x| x.is_finite()) {
            return Err(InputError::not_finite("an input or a target").into());
        }
        let indices = (0..targets.len()).collect();
        Ok(Self { inputs, targets, indices })
    }

    /// Gaussian inputs, `samples` rows of `dimension` entries, with exact targets
    /// `yᵢ = Σ_{j < nonzeros} x_ij`.
    ///
    /// # Errors
    /// When a size is 0 or there are more nonzeros than dimensions.
    pub fn sparse_regression(
        samples: usize,
        dimension: usize,
        nonzeros: usize,
        seed: u64,
    ) -> Result<Self, OptimError> {
        check::at_least_one("samples", samples)?;
        check::at_least_one("dimension", dimension)?;
        if nonzeros > dimension {
            return Err(InputError::size("nonzeros", nonzeros, dimension).into());
        }
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut entries = vec![0.0; samples * dimension];
        noise.fill(0, 0, &mut entries);
        let inputs: Vec<Vec<f64>> = entries.chunks(dimension).map(<[f64]>::to_vec).collect();
        let targets = inputs.iter().map(|x| x[..nonzeros].iter().sum()).collect();
        Self::new(inputs, targets)
    }

    /// `d`, half the number of parameters.
    pub fn dimension(&self) -> usize {
        self.inputs[0].len()
    }

    /// `w = u ⊙ u − v ⊙ v`.
    ///
    /// # Errors
    /// When `z` has not `2d` entries.
    pub fn weights(&self, z: &[f64]) -> Result<Vec<f64>, OptimError> {
        let (u, v) = self.halves(z)?;
        Ok(u.iter().zip(v).map(|(u, v)| u * u - v * v).collect())
    }

    /// The trace of the Hessian, `(4/n) Σᵢⱼ x_ij² (u_j² + v_j²)`, which is exact everywhere: the residuals'
    /// part cancels.
    ///
    /// # Errors
    /// When `z` has not `2d` entries.
    pub fn hessian_trace(&self, z: &[f64]) -> Result<f64, OptimError> {
        let (u, v) = self.halves(z)?;
        let sizes: Vec<f64> = u.iter().zip(v).map(|(u, v)| u * u + v * v).collect();
        let sum: f64 = self.inputs.iter().flat_map(|x| x.iter().zip(&sizes)).map(|(x, s)| x * x * s).sum();
        Ok(4.0 * sum / self.inputs.len() as f64)
    }

    fn halves<'a>(&self, z: &'a [f64]) -> Result<(&'a [f64], &'a [f64]), OptimError> {
        let size = 2 * self.dimension();
        if z.len() != size {
            return Err(TensorError::shape(&[z.len()], &[size]).into());
        }
        Ok(z.split_at(size / 2))
    }

    /// The mean over a batch of `(xᵀw − y) x`, without `y` when `linear`.
    fn back_projection(&self, batch: &[usize], w: &[f64], linear: bool) -> Vec<f64> {
        let mut sum = vec![0.0; w.len()];
        for &i in batch {
            let x = &self.inputs[i];
            let output: f64 = x.iter().zip(w).map(|(x, w)| x * w).sum();
            let residual = if linear { output } else { output - self.targets[i] } / batch.len() as f64;
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum += residual * x;
            }
        }
        sum
    }
}

impl Operator for DiagonalNetwork {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch(&self.indices, z)
    }

    fn components(&self) -> usize {
        self.targets.len()
    }
}

impl Objective for DiagonalNetwork {
    fn value(&self, z: &Vec<f64>) -> Result<f64, OptimError> {
        let w = self.weights(z)?;
        let residual = |(x, y): (&Vec<f64>, &f64)| x.iter().zip(&w).map(|(x, w)| x * w).sum::<f64>() - y;
        let squares = self.inputs.iter().zip(&self.targets).map(|row| residual(row).powi(2));
        Ok(squares.sum::<f64>() / (2 * self.targets.len()) as f64)
    }
}

impl FiniteSum for DiagonalNetwork {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.targets.len())?;
        let (u, v) = self.halves(z)?;
        let c = self.back_projection(batch, &self.weights(z)?, false);
        let left = u.iter().zip(&c).map(|(u, c)| 2.0 * u * c);
        Ok(left.chain(v.iter().zip(&c).map(|(v, c)| -2.0 * v * c)).collect())
    }
}

impl SecondOrder for DiagonalNetwork {
    fn hessian_vector(&self, z: &Vec<f64>, direction: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch_hessian_vector(&self.indices, z, direction)
    }
}

impl SecondOrderSum for DiagonalNetwork {
    fn batch_hessian_vector(
        &self,
        batch: &[usize],
        z: &Vec<f64>,
        direction: &Vec<f64>,
    ) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.targets.len())?;
        let ((u, v), (du, dv)) = (self.halves(z)?, self.halves(direction)?);
        let c = self.back_projection(batch, &self.weights(z)?, false);
        let change: Vec<f64> = (0..c.len()).map(|j| 2.0 * (u[j] * du[j] - v[j] * dv[j])).collect();
        let dc = self.back_projection(batch, &change, true);
        let left = (0..c.len()).map(|j| 2.0 * (du[j] * c[j] + u[j] * dc[j]));
        Ok(left.chain((0..c.len()).map(|j| -2.0 * (dv[j] * c[j] + v[j] * dc[j]))).collect())
    }
}
