//! Divergences between two samples of features, as penalties to train with: differentiable in the features,
//! on every device, in `f32` and `f64`.
//!
//! | | `D(a, b)` | cost for `n` rows of `k` features |
//! |---|---|---|
//! | [`Mean`](Divergence::Mean) | `‖μ_a − μ_b‖² / k` | `nk` |
//! | [`Mmd`](Divergence::Mmd) | `‖E φ(a) − E φ(b)‖²` in the feature space of a [kernel](MmdKernel) | `n²k` |
//! | [`UnbiasedMmd`](Divergence::UnbiasedMmd) | the same of the populations, on average over samples | `n²k` |
//! | [`Coral`](Divergence::Coral) | mean squared differences of means and covariances ([`CoralForm`]) | `nk²` |
//! | [`SlicedWasserstein`](Divergence::SlicedWasserstein) | mean of `W₂²` over `L` directions | `Lnk + Ln log n` |
//!
//! All but the unbiased one, which is around 0 between samples of one population, are at least 0 and 0
//! between equal samples, in exact arithmetic: nothing is clamped at the end, so that gradients survive, and
//! rounding can leave an [`Mmd`](Divergence::Mmd) of `−1e-7` in `f32`. Each is symmetric.
//!
//! Shapes, settings, weights and row indices are checked. Features are not, as that would read them back in
//! each step of training: a feature that is not a number makes the result not a number. On wgpu the kernels
//! of [`Mmd`](Divergence::Mmd) are right in `f32` only ([`MmdKernel`]).
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_tensor::{Divergence, Sample};
//!
//! let device = Device::flex().autodiff();
//! let source = Tensor::<2>::from_data([[1.0, 0.0], [3.0, 0.0]], &device).require_grad();
//! let target = Tensor::<2>::from_data([[0.0, 0.0]], &device);
//! let (a, b) = (Sample::new(source.clone()), Sample::new(target));
//!
//! let divergence = Divergence::Mean.between(&a, &b)?;
//! let gradients = divergence.backward();
//! assert_eq!(divergence.into_scalar::<f32>(), 2.0); // ‖(2, 0)‖² / 2
//! assert_eq!(source.grad(&gradients).unwrap().try_into_vec_as::<f32>()?, [1.0, 0.0, 1.0, 0.0]);
//!
//! // With weights 3 : 1 on the rows of the source its mean is (1.5, 0).
//! let a = a.weighted(Tensor::from_data([3.0, 1.0], &device));
//! assert_eq!(Divergence::Mean.between(&a, &b)?.into_scalar::<f32>(), 1.125);
//! # Ok::<(), kiln_tensor::TensorError>(())
//! ```

use burn::tensor::{Int, Tensor, TensorData};
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use crate::{TensorError, border};

mod coral;
mod mean;
mod mmd;
mod sliced_wasserstein;

pub use coral::CoralForm;
pub use mmd::MmdKernel;

/// Rows of features, perhaps weighted.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `[rows, features]`, at least one of each.
    pub features: Tensor<2>,
    /// One for each row: finite, at least 0, not all 0. Only their ratios matter. They are read back in each
    /// evaluation, and are constants to automatic differentiation.
    pub weights: Option<Tensor<1>>,
}

impl Sample {
    /// All rows count the same.
    pub fn new(features: Tensor<2>) -> Self {
        Self { features, weights: None }
    }

    /// The same rows with these weights.
    #[must_use]
    pub fn weighted(self, weights: Tensor<1>) -> Self {
        Self { weights: Some(weights), ..self }
    }

    fn checked(&self) -> Result<Rows, TensorError> {
        let [rows, _] = check_features(&self.features)?;
        check::not_empty("a sample", rows)?;
        let shares = self.weights.as_ref().map(|weights| shares(weights, rows)).transpose()?;
        Ok(Rows { features: self.features.clone(), shares })
    }
}

/// A sample that passed the checks.
struct Rows {
    features: Tensor<2>,
    /// The weights, to sum 1; `None` for equal ones.
    shares: Option<Vec<f64>>,
}

impl Rows {
    fn count(&self) -> usize {
        self.features.dims()[0]
    }

    fn shares(&self) -> Vec<f64> {
        self.shares.clone().unwrap_or_else(|| vec![1.0 / self.count() as f64; self.count()])
    }

    /// `[1, features]`.
    fn mean(&self) -> Tensor<2> {
        match &self.shares {
            None => self.features.clone().mean_dim(0),
            Some(shares) => {
                constant(shares.clone(), [1, self.count()], &self.features).matmul(self.features.clone())
            }
        }
    }
}

/// A measure of how far apart two samples are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// `‖μ_a − μ_b‖² / k`: the mean over the `k` features of the squared difference of means.
    Mean,
    /// The squared maximum mean discrepancy `uᵀ K u` (Gretton et al. 2012), biased, that is with all `n²`
    /// terms: `u` has the weights of `a`, to sum 1, and those of `b`, to sum −1.
    Mmd(MmdKernel),
    /// The unbiased estimate of the squared maximum mean discrepancy, without the `n` terms of a row with
    /// itself: it may be negative. For penalties on few rows, whose bias [`Mmd`](Self::Mmd) would have the
    /// model pay for. With [`MmdKernel::Linear`] and weights that differ, features count from the mean of all
    /// rows.
    UnbiasedMmd(MmdKernel),
    /// Correlation alignment (Sun, Saenko 2016), which compares covariances.
    Coral(CoralForm),
    /// The squared sliced Wasserstein-2 distance: the mean of the `W₂²` between the projections on random
    /// directions.
    SlicedWasserstein {
        /// The number of directions `L`, at least 1.
        projections: usize,
        /// Determines the directions. Take a new one in each step of training.
        seed: u64,
        /// Whether the part that the difference of means has in it is taken in expectation over all
        /// directions, instead of over these `L`. Without bias either way.
        control_variate: bool,
    },
}

impl Divergence {
    /// The divergence between two samples, of shape `[1]`. Their numbers of rows may differ.
    ///
    /// # Errors
    /// When the samples differ in number of features, element type or device, a sample is empty, its weights
    /// are not as [`Sample`] says, or a setting is out of range. Each sample needs
    /// [`least_rows`](Self::least_rows) with a weight.
    pub fn between(&self, a: &Sample, b: &Sample) -> Result<Tensor<1>, TensorError> {
        self.check()?;
        let (a, b) = (a.checked()?, b.checked()?);
        same_space(&a.features, &b.features)?;
        match self {
            Self::Mean => Ok(mean::between(&a, &b)),
            Self::Mmd(kernel) => Ok(mmd::between(kernel, &a, &b)),
            Self::UnbiasedMmd(kernel) => {
                for shares in [&a, &b].map(Rows::shares) {
                    let largest = shares.iter().copied().fold(0.0, f64::max);
                    check::setting(
                        "largest share of the weights",
                        largest,
                        largest < 1.0 - f64::EPSILON,
                        "less than 1 for an unbiased estimate: two rows or more",
                    )?;
                }
                Ok(mmd::unbiased_between(kernel, &a, &b))
            }
            Self::Coral(form) => coral::between(*form, &a, &b),
            Self::SlicedWasserstein { projections, seed, control_variate } => {
                sliced_wasserstein::between(*projections, *seed, *control_variate, &a, &b)
            }
        }
    }

    /// The sum over unordered pairs of groups of the divergence between their rows of `features`, of shape
    /// `[1]`. `groups` holds the row indices of each group; a row may be in several groups, or repeatedly in
    /// one.
    ///
    /// A pair with a group of fewer than [`least_rows`](Self::least_rows) counts 0. Where no pair counts the
    /// result is a constant, which autodiff has nothing to say about.
    ///
    /// All pairs are evaluated at once, from one matrix product for [`Mean`](Self::Mean) and one kernel
    /// matrix for [`Mmd`](Self::Mmd) (except with [`MmdKernel::MeanDistance`], whose kernels differ between
    /// pairs); for the others the work per pair is that of comparing two vectors.
    ///
    /// # Errors
    /// When an index is not that of a row, there are no features, or a setting is out of range.
    pub fn pairwise(&self, features: &Tensor<2>, groups: &[Vec<usize>]) -> Result<Tensor<1>, TensorError> {
        self.check()?;
        let [rows, _] = check_features(features)?;
        if let Some(&row) = groups.iter().flatten().find(|&&row| row >= rows) {
            return Err(InputError::index("row of a group", row, rows).into());
        }
        let least = self.least_rows();
        let groups: Vec<&[usize]> = groups.iter().map(Vec::as_slice).filter(|g| g.len() >= least).collect();
        if groups.len() < 2 {
            return Ok(constant(vec![0.0], [1], features));
        }
        match self {
            Self::Mean => Ok(mean::pairwise(features, &groups)),
            Self::Mmd(kernel) => Ok(mmd::pairwise(kernel, features, &groups)),
            Self::UnbiasedMmd(kernel) => Ok(mmd::unbiased_pairwise(kernel, features, &groups)),
            Self::Coral(form) => coral::pairwise(*form, features, &groups),
            Self::SlicedWasserstein { projections, seed, control_variate } => {
                sliced_wasserstein::pairwise(*projections, *seed, *control_variate, features, &groups)
            }
        }
    }

    /// How many rows a sample must have: 2 for [`Coral`](Self::Coral), which needs a covariance, and for
    /// [`UnbiasedMmd`](Self::UnbiasedMmd), else 1.
    pub fn least_rows(&self) -> usize {
        if matches!(self, Self::Coral(_) | Self::UnbiasedMmd(_)) { 2 } else { 1 }
    }

    fn check(&self) -> Result<(), TensorError> {
        match self {
            Self::Mean | Self::Coral(_) => Ok(()),
            Self::Mmd(kernel) | Self::UnbiasedMmd(kernel) => Ok(kernel.check()?),
            Self::SlicedWasserstein { projections, .. } => {
                Ok(check::at_least_one("projections", *projections)?)
            }
        }
    }
}

fn check_features(features: &Tensor<2>) -> Result<[usize; 2], TensorError> {
    border::real("a sample", features)?;
    let dims = features.dims();
    check::at_least_one("number of features", dims[1])?;
    Ok(dims)
}

fn same_space(a: &Tensor<2>, b: &Tensor<2>) -> Result<(), TensorError> {
    border::width("the second sample", b, a.dims()[1])?;
    Ok(border::like("the second sample", b, a)?)
}

/// The weights divided by their sum.
fn shares(weights: &Tensor<1>, rows: usize) -> Result<Vec<f64>, TensorError> {
    border::real("the weights of a sample", weights)?;
    check::size("weights of a sample", weights.dims()[0], rows)?;
    let mut weights = weights.clone().inner().try_into_vec_as::<f64>()?;
    for (row, &weight) in weights.iter().enumerate() {
        if !weight.is_finite() {
            return Err(InputError::not_finite(format!("weight {row} of the sample")).into());
        }
        check::nonnegative("weight", weight)?;
    }
    // Weights of any size have a sum: they are first divided by the largest.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    check::positive("largest weight", largest)?;
    let sum: f64 = weights.iter().map(|weight| weight / largest).sum();
    for weight in &mut weights {
        *weight = *weight / largest / sum;
    }
    Ok(weights)
}

/// Numbers from the host where `like` is, in its element type, with no gradient.
fn constant<const D: usize>(values: Vec<f64>, shape: [usize; D], like: &Tensor<2>) -> Tensor<D> {
    let device = like.device().without_autodiff();
    Tensor::from_data(TensorData::new(values, shape), (&device, like.dtype()))
}

fn indices(values: &[usize], like: &Tensor<2>) -> Tensor<1, Int> {
    let data = TensorData::new(values.iter().map(|&i| i as u64).collect(), [values.len()]);
    Tensor::from_data(data, &like.device().without_autodiff())
}

/// These rows of `features`, equally weighted.
fn select(features: &Tensor<2>, rows: &[usize]) -> Rows {
    Rows { features: features.clone().select(0, indices(rows, features)), shares: None }
}

/// `C`, of shape `[M − 1, rows]`, such that for all `Z` the rows `c` of `C` have
///
/// ```text
/// Σ_c ‖Zᵀc‖² = Σ_{i<j} ‖μ_i − μ_j‖²,    μ_i the mean of the rows of Z in group i of M
/// ```
///
/// so that pairs cost nothing. `√M μ_i` is multiplied by the rows of Helmert's matrix, which are orthonormal
/// and sum to 0; unlike `M Σ‖μ_i‖² − ‖Σμ_i‖²` this loses nothing to a large common mean. For two groups it is
/// `μ_1 − μ_2`.
fn contrasts(groups: &[&[usize]], rows: usize, like: &Tensor<2>) -> Tensor<2> {
    let count = groups.len();
    let mut matrix = vec![0.0; (count - 1) * rows];
    for (contrast, i) in matrix.chunks_exact_mut(rows).zip(1..) {
        let scale = (count as f64 / (i as f64 * (i + 1) as f64)).sqrt();
        for (j, group) in groups.iter().enumerate().take(i + 1) {
            let share = scale * if j < i { 1.0 } else { -(i as f64) } / group.len() as f64;
            for &row in *group {
                contrast[row] += share;
            }
        }
    }
    constant(matrix, [count - 1, rows], like)
}

/// `Σ_{i<j} ‖x_i − x_j‖²` over the rows of `points`.
fn spread(points: Tensor<2>) -> Tensor<1> {
    let count = points.dims()[0];
    (points.clone() - points.mean_dim(0)).square().sum() * count as f64
}
