//! The single-neuron autoencoder of Ghosh, Frei, Ha, Yu, *The effect of SGD batch size on autoencoder
//! learning*, JMLR 26, 2025 ([arXiv 2308.03215](https://arxiv.org/abs/2308.03215)), on orthonormal data.

use kiln_core::{InputError, check};
use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use crate::{FiniteSum, Objective, Operator, OptimError, check_batch};

/// What the neuron applies to `wᵀx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `φ(t) = t`.
    Linear,
    /// `φ(t) = max(t, 0)`, with `φ'(0) = 0`.
    Relu,
}

impl Activation {
    fn value(self, t: f64) -> f64 {
        match self {
            Self::Linear => t,
            Self::Relu => t.max(0.0),
        }
    }

    fn is_active(self, t: f64) -> bool {
        self == Self::Linear || t > 0.0
    }
}

/// Reconstruction of orthonormal points by one neuron with tied weights `w ∈ ℝᵈ`:
///
/// ```text
/// f(w) = (1/n) Σᵢ ‖xᵢ − w φ(wᵀxᵢ)‖² = 1 + (‖w‖² − 2) ‖p‖²/n,   pᵢ = φ(wᵢ)
/// ```
///
/// in the basis of the data, `xᵢ = eᵢ` for `i < n ≤ d`. The minimum is `1 − 1/n`. With the linear activation
/// and `n = d` every unit vector is a minimizer, with the `ReLU` every nonnegative unit vector that vanishes
/// off the data. Among them only `±eᵢ` (`eᵢ` for the `ReLU`) are stationary for every batch of fewer than `n`
/// points: gradient descent stops at dense weights, stochastic gradient descent at weights with one entry.
///
/// One sample has curvature up to 8 at a minimizer, so batches of one ask for step sizes below 1/4. A `ReLU`
/// neuron without a positive entry is dead: its gradient is zero. It dies on the way when `‖w‖² > 2` and the
/// positive entries are small.
///
/// ```
/// use kiln_optim::{Stop, first_order::GradientDescent, run};
/// use kiln_optim::problems::{Activation, SingleNeuronAutoencoder};
///
/// let problem = SingleNeuronAutoencoder::new(2, 2, Activation::Linear)?;
/// let solver = GradientDescent { step_size: 0.1.into() };
/// let solution = run(&solver, &problem, vec![0.3, 0.4], &Stop::after(500))?;
/// assert!((solution.state.iterate[0] - 0.6).abs() < 1e-9); // as dense as the start, and of its direction
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SingleNeuronAutoencoder {
    dimension: usize,
    samples: usize,
    activation: Activation,
}

impl SingleNeuronAutoencoder {
    /// `samples` orthonormal points of `ℝ^dimension`.
    ///
    /// # Errors
    /// When there are no samples, or more than dimensions.
    pub fn new(dimension: usize, samples: usize, activation: Activation) -> Result<Self, OptimError> {
        check::at_least_one("samples", samples)?;
        if samples > dimension {
            return Err(InputError::setting(
                "samples",
                samples as f64,
                "at most the dimension, since the samples are orthogonal",
            )
            .into());
        }
        Ok(Self { dimension, samples, activation })
    }

    /// The least value of the objective, `1 − 1/n`.
    pub fn minimum(&self) -> f64 {
        1.0 - 1.0 / self.samples as f64
    }

    /// The trace of the Hessian at `w`, with `φ''= 0` and `φ'(0) = 0`:
    ///
    /// ```text
    /// ((2d + 8) ‖p‖² + 2 (‖w‖² − 2) |A|) / n,   A = active samples
    /// ```
    ///
    /// Entries of absolute value below `residue` count as zero. With the `ReLU` each tiny positive entry,
    /// left over where the limit has a zero, would otherwise be an active sample and take `2/n` from the
    /// trace; 1e-3 is a good value.
    ///
    /// # Errors
    /// When `w` has not the dimension of the problem.
    pub fn hessian_trace(&self, w: &[f64], residue: f64) -> Result<f64, OptimError> {
        self.check_dimension(w)?;
        let w: Vec<f64> = w.iter().map(|&w| if w.abs() < residue { 0.0 } else { w }).collect();
        let square_norm: f64 = w.iter().map(|w| w * w).sum();
        let data = &w[..self.samples];
        let codes: f64 = data.iter().map(|&w| self.activation.value(w).powi(2)).sum();
        let active = data.iter().filter(|&&w| self.activation.is_active(w)).count() as f64;
        let trace = (2.0 * self.dimension as f64 + 8.0) * codes + 2.0 * (square_norm - 2.0) * active;
        Ok(trace / self.samples as f64)
    }

    fn check_dimension(&self, w: &[f64]) -> Result<(), OptimError> {
        if w.len() == self.dimension {
            Ok(())
        } else {
            Err(TensorError::shape(&[w.len()], &[self.dimension]).into())
        }
    }

    /// The mean gradient over samples that are known to exist.
    fn gradient(
        &self,
        samples: impl ExactSizeIterator<Item = usize> + Clone,
        w: &[f64],
    ) -> Result<Vec<f64>, OptimError> {
        self.check_dimension(w)?;
        let count = samples.len() as f64;
        let square_norm: f64 = w.iter().map(|w| w * w).sum();
        let codes: f64 = samples.clone().map(|i| self.activation.value(w[i]).powi(2)).sum();
        let mut gradient: Vec<f64> = w.iter().map(|w| 2.0 * codes / count * w).collect();
        for i in samples {
            gradient[i] += (2.0 * square_norm - 4.0) / count * self.activation.value(w[i]);
        }
        Ok(gradient)
    }
}

impl Operator for SingleNeuronAutoencoder {
    type Point = Vec<f64>;

    fn operator(&self, w: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.gradient(0..self.samples, w)
    }

    fn components(&self) -> usize {
        self.samples
    }
}

impl Objective for SingleNeuronAutoencoder {
    fn value(&self, w: &Vec<f64>) -> Result<f64, OptimError> {
        self.check_dimension(w)?;
        let square_norm: f64 = w.iter().map(|w| w * w).sum();
        let codes: f64 = w[..self.samples].iter().map(|&w| self.activation.value(w).powi(2)).sum();
        Ok(1.0 + (square_norm - 2.0) * codes / self.samples as f64)
    }
}

impl FiniteSum for SingleNeuronAutoencoder {
    fn batch(&self, batch: &[usize], w: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.samples)?;
        self.gradient(batch.iter().copied(), w)
    }
}
