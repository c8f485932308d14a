//! Direction-aware shrinking (DASH: Shin, Oh, Cho, Yun, *DASH: warm-starting neural network training in
//! stationary settings without loss of plasticity*, `NeurIPS` 2024, [arXiv
//! 2410.23495](https://arxiv.org/abs/2410.23495), Algorithm 1), and shrink and perturb (Ash, Adams, *On
//! warm-starting neural network training*, `NeurIPS` 2020).
//!
//! New data have arrived and a trained network is to go on training on all data so far. Before it does:
//!
//! ```text
//! G ← 0;  for each chunk of data, oldest first:  G ← (1 − α) G − α ∇ loss(chunk)
//! for each unit W:  W ← clamp(cos(G, W), λ, 1) W
//! ```
//!
//! Weights that point where the loss falls stay, the others, which mostly hold memorized noise, shrink; all
//! keep their direction. The cosine is `⟨G, W⟩ / (max(‖G‖, 1e-8) max(‖W‖, 1e-8))`. Cost: one gradient over
//! all data; memory: `G` and one gradient.

use burn::module::Module;
use burn::tensor::Tensor;
use kiln_core::{InputError, check};
use kiln_tensor::{Coordinates, Distribution, Noise, ParameterInfo, Parameters, Vector};
use serde::{Deserialize, Serialize};

use crate::OptimError;

/// Direction-aware shrinking; see the [module](self). The default is the paper's `λ = α = 0.3`.
///
/// ```
/// use burn::{nn::{Linear, LinearConfig}, tensor::{Device, Tensor}};
/// use kiln_optim::{FiniteSum, ModuleObjective, training::Dash};
/// use kiln_tensor::{Parameters, Vector};
///
/// let device = Device::flex().autodiff();
/// device.seed(1);
/// let inputs = Tensor::<2>::from_data([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]], &device);
/// let problem = ModuleObjective::new(4, |model: &Linear, batch: &[usize]| {
///     (model.forward(inputs.clone().slice(batch[0]..batch[0] + batch.len())) - 1.0).powf_scalar(2.0).mean()
/// })?;
/// let mut model = Parameters::new(LinearConfig::new(2, 1).init(&device));
/// let before = model.norm()?;
///
/// // Two chunks of data: two examples each.
/// let dash = Dash::default();
/// let direction = dash.direction([[0, 1], [2, 3]].iter().map(|chunk| problem.batch(chunk, &model)))?;
/// dash.shrink(&mut model, &direction)?;
/// assert!(0.3 * before <= model.norm()? * 1.0001 && model.norm()? <= before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dash {
    /// `λ` in `[0, 1]`, the strongest shrinking; 1 changes nothing.
    pub lambda: f64,
    /// `α` in `(0, 1]`, the share of the latest chunk in the average; 1 looks at that chunk alone.
    pub alpha: f64,
}

impl Default for Dash {
    fn default() -> Self {
        Self { lambda: 0.3, alpha: 0.3 }
    }
}

/// How a parameter is cut into units, each of which is shrunk as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DashUnits {
    /// It is not shrunk.
    Untouched,
    /// It is one unit.
    Whole,
    /// One unit for each index of the first dimension.
    Rows,
    /// One unit for each index of the last dimension, which is an output neuron of Burn's `[in, out]` linear
    /// weights.
    Columns,
    /// One unit for each pair of indices of the first two dimensions, which is a kernel of a convolution.
    Kernels,
}

impl DashUnits {
    /// The rule of [`Dash::shrink`], by the struct that holds the parameter. Of Burn's `Linear`, the weights
    /// of an output neuron are a unit; of its convolutions, each kernel; a bias of either is one unit. All
    /// else is left alone: normalizations, as in the paper, but also embeddings and parameters of one's own
    /// structs, of which the paper says nothing.
    pub fn of(parameter: &ParameterInfo) -> Self {
        let holder = parameter.container.trim_start_matches("Struct:");
        let is_convolution = matches!(
            holder,
            "Conv1d"
                | "Conv2d"
                | "Conv3d"
                | "DeformConv2d"
                | "ConvTranspose1d"
                | "ConvTranspose2d"
                | "ConvTranspose3d"
        );
        match parameter.shape.len() {
            1 if is_convolution || holder == "Linear" => Self::Whole,
            2 if holder == "Linear" => Self::Columns,
            3.. if is_convolution => Self::Kernels,
            _ => Self::Untouched,
        }
    }

    /// The matrix that a tensor of this shape is reshaped to, and the dimension along which a unit lies.
    fn matrix(self, shape: &[usize]) -> Option<([usize; 2], usize)> {
        let length: usize = shape.iter().product();
        if length == 0 {
            return None;
        }
        let rows = match self {
            Self::Untouched => return None,
            Self::Whole => 1,
            Self::Rows => shape.first().copied().unwrap_or(1),
            Self::Kernels => shape.iter().take(2).product(),
            Self::Columns => {
                let columns = shape.last().copied().unwrap_or(1);
                return Some(([length / columns, columns], 0));
            }
        };
        Some(([rows, length / rows], 1))
    }
}

/// The cosine's denominator is at least the square of this.
const SMALLEST_NORM: f64 = 1e-8;

impl Dash {
    /// `G`: the exponential average of the negative gradients on the chunks of data, oldest first, all taken
    /// at the parameters that are to be shrunk. A chunk's gradient is that of its mean loss.
    ///
    /// # Errors
    /// When there are no chunks, a setting is out of range, or a gradient is an error or of another space.
    pub fn direction<V: Vector>(
        &self,
        gradients: impl IntoIterator<Item = Result<V, OptimError>>,
    ) -> Result<V, OptimError> {
        self.check()?;
        let mut average: Option<V> = None;
        for gradient in gradients {
            let gradient = gradient?;
            let average = average.get_or_insert_with(|| gradient.zeros_like());
            average.scale(1.0 - self.alpha);
            average.axpy(-self.alpha, &gradient)?;
        }
        average.ok_or_else(|| InputError::empty("the list of chunks").into())
    }

    /// Shrinks the units that [`DashUnits::of`] names, given the [`direction`](Self::direction) `G`.
    ///
    /// Parameters keep their ids, so an optimizer's state still belongs to them; the paper keeps it too.
    ///
    /// # Errors
    /// When a setting is out of range, or the direction is not finite or of another space.
    pub fn shrink<M: Module>(
        &self,
        parameters: &mut Parameters<M>,
        direction: &Parameters<M>,
    ) -> Result<(), OptimError> {
        self.shrink_units(parameters, direction, DashUnits::of)
    }

    /// Shrinks units by a rule of one's own.
    ///
    /// # Errors
    /// As [`shrink`](Self::shrink).
    pub fn shrink_units<M: Module>(
        &self,
        parameters: &mut Parameters<M>,
        direction: &Parameters<M>,
        units: impl Fn(&ParameterInfo) -> DashUnits,
    ) -> Result<(), OptimError> {
        self.check()?;
        // The cosine of a direction that is not a number would make the weights none.
        check::all_finite("the direction", [direction.norm()?])?;
        Ok(parameters.zip_map(direction, |info, weights, direction| {
            match units(info).matrix(&info.shape) {
                Some((matrix, dimension)) => {
                    let length = weights.dims();
                    let weights = weights.reshape(matrix);
                    let scale = self.scale(weights.clone(), direction.reshape(matrix), dimension);
                    (weights * scale).reshape(length)
                }
                None => weights,
            }
        })?)
    }

    /// `clamp(cos, λ, 1)` of the units that lie along a dimension of a matrix.
    fn scale(&self, weights: Tensor<2>, direction: Tensor<2>, dimension: usize) -> Tensor<2> {
        let norm = |t: Tensor<2>| (t.clone() * t).sum_dim(dimension).sqrt().clamp_min(SMALLEST_NORM);
        let inner = (weights.clone() * direction.clone()).sum_dim(dimension);
        (inner / norm(weights) / norm(direction)).clamp(self.lambda, 1.0)
    }

    fn check(&self) -> Result<(), OptimError> {
        check::probability("lambda", self.lambda)?;
        let holds = self.alpha > 0.0 && self.alpha <= 1.0;
        Ok(check::setting("alpha", self.alpha, holds, "greater than 0 and at most 1")?)
    }
}

/// Shrink and perturb: `W ← s W + ε`, `ε ~ N(0, σ²)`, for the weights and biases of linear layers and convolutions.
/// All else is left alone, as by [`DashUnits::of`]: the gains of normalizations above all, which a shrinking
/// would change in what the network computes. The default is `s = 0.3`, `σ = 0.01`, with which the DASH paper
/// compares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShrinkAndPerturb {
    /// `s` in `[0, 1]`.
    pub shrink: f64,
    /// `σ ≥ 0`.
    pub deviation: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for ShrinkAndPerturb {
    fn default() -> Self {
        Self { shrink: 0.3, deviation: 0.01, seed: 0 }
    }
}

impl ShrinkAndPerturb {
    /// Shrinks and perturbs before the given stage of training; each stage has its own noise.
    ///
    /// # Errors
    /// When a setting is out of range, or the device fails.
    pub fn apply<M: Module>(&self, parameters: &mut Parameters<M>, stage: u64) -> Result<(), OptimError> {
        check::probability("shrink", self.shrink)?;
        check::nonnegative("deviation", self.deviation)?;
        let noise = Noise { seed: self.seed, distribution: Distribution::Gaussian };
        let noise = parameters.random_like(&noise, stage)?;
        Ok(parameters.zip_map(&noise, |info, weights, noise| match DashUnits::of(info) {
            DashUnits::Untouched => weights,
            _ => weights * self.shrink + noise * self.deviation,
        })?)
    }
}
