//! The objective of adaptive wavelet distillation, term by term.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::InterpretError;
use crate::wavelet::{FilterBank, LearnableDwt};

/// What each term of the objective counts for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AwdWeights {
    /// Of the reconstruction error.
    pub reconstruction: f64,
    /// Of each of the five conditions on the filter.
    pub filter: f64,
    /// `λ`: of the coefficients' absolute values.
    pub sparsity: f64,
    /// `γ`: of the attributions' absolute values.
    pub interpretation: f64,
}

impl AwdWeights {
    /// The authors' weights 1 for reconstruction and filter.
    pub fn new(sparsity: f64, interpretation: f64) -> Self {
        Self { reconstruction: 1.0, filter: 1.0, sparsity, interpretation }
    }
}

/// The terms without their weights, as tensors `[1]` or as numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwdTerms<T = f64> {
    /// `(1/B) Σ ‖x − T⁻¹Tx‖²`.
    pub reconstruction: T,
    /// `½ (Σ h − √2)²`.
    pub low_sum: T,
    /// `½ (Σ h₁)²`.
    pub high_sum: T,
    /// `½ (Σ h² − 1)²`.
    pub unit_norm: T,
    /// `½ Σ_{k<F/2} (|ĥ_k|² + |ĥ_{k+F/2}|² − 2)²`: the conjugate mirror filter's condition.
    pub mirror: T,
    /// `½ Σ_{|m| ≤ F/2} (Σ_k h[k] h[k+2m] − δ_m)²`.
    pub shifts: T,
    /// `(1/(B(J+1))) Σ |coefficient|`.
    pub sparsity: T,
    /// `(1/(B(J+1))) Σ |attribution|`, also over targets.
    pub interpretation: T,
}

impl<T: Clone + std::ops::Add<Output = T> + std::ops::Mul<f64, Output = T>> AwdTerms<T> {
    /// The sum of the five conditions on the filter: how far it is from a wavelet's.
    pub fn filter(&self) -> T {
        self.low_sum.clone()
            + self.high_sum.clone()
            + self.unit_norm.clone()
            + self.mirror.clone()
            + self.shifts.clone()
    }

    /// The objective.
    pub fn total(&self, weights: &AwdWeights) -> T {
        self.reconstruction.clone() * weights.reconstruction
            + self.filter() * weights.filter
            + self.sparsity.clone() * weights.sparsity
            + self.interpretation.clone() * weights.interpretation
    }
}

impl AwdTerms<Tensor<1>> {
    /// All terms in one tensor `[8]`, in the order of the fields.
    pub(super) fn stacked(&self) -> Tensor<1> {
        let Self { reconstruction, low_sum, high_sum, unit_norm, mirror, shifts, sparsity, interpretation } =
            self;
        let terms = [reconstruction, low_sum, high_sum, unit_norm, mirror, shifts, sparsity, interpretation];
        Tensor::cat(terms.into_iter().cloned().collect(), 0)
    }

    /// The numbers.
    pub fn values(&self) -> AwdTerms {
        AwdTerms::from_slice(&self.stacked().into_data().iter::<f64>().collect::<Vec<_>>())
    }
}

impl AwdTerms {
    pub(super) fn from_slice(values: &[f64]) -> Self {
        Self {
            reconstruction: values[0],
            low_sum: values[1],
            high_sum: values[2],
            unit_norm: values[3],
            mirror: values[4],
            shifts: values[5],
            sparsity: values[6],
            interpretation: values[7],
        }
    }
}

/// All terms for the filter `h = rec_lo`, `[F]`, and signals `x`, `[batch, channels, …]`.
///
/// `gradients` are those of a teacher's outputs at `x`, `[targets · batch, channels, …]`. That the residual
/// pins the teacher's input to `x` makes the attributions of the coefficients `(T⁻¹)ᵀ ∇f(x)`, linear in the
/// gradients.
///
/// # Errors
/// When the filter, the signals or the gradients do not fit the transform, or there are none.
pub fn awd_terms<const D: usize>(
    dwt: &impl LearnableDwt<D>,
    rec_lo: &Tensor<1>,
    x: &Tensor<D>,
    gradients: &Tensor<D>,
) -> Result<AwdTerms<Tensor<1>>, InterpretError> {
    let filters = FilterBank::orthogonal(rec_lo.clone().flip([0]))?;
    let coefficients = dwt.forward(&filters, x.clone())?;
    let back = dwt.inverse(&filters, coefficients.clone())?;
    let attributions = dwt.inverse_transposed(&filters, gradients.clone())?;
    let blocks = dwt.blocks().len() as f64;
    let rows = |x: &Tensor<D>| x.dims()[0] as f64;
    let [low_sum, high_sum, unit_norm, mirror, shifts] = filter_terms(rec_lo, &filters.rec_hi);
    Ok(AwdTerms {
        reconstruction: (x.clone() - back).square().sum() / rows(x),
        low_sum,
        high_sum,
        unit_norm,
        mirror,
        shifts,
        sparsity: coefficients.abs().sum() / (rows(x) * blocks),
        interpretation: attributions.abs().sum() / (rows(gradients) * blocks),
    })
}

/// The conditions on the filter, in the order of [`AwdTerms`].
fn filter_terms(low: &Tensor<1>, high: &Tensor<1>) -> [Tensor<1>; 5] {
    let len = low.dims()[0];
    let half = |error: Tensor<1>| error.square().sum() * 0.5;
    let autocorrelation =
        |shift: usize| (low.clone().slice_dim(0, ..len - shift) * low.clone().slice_dim(0, shift..)).sum();
    // Those at positive and negative shifts are the same.
    let shifts = (1..len / 2)
        .map(|m| autocorrelation(2 * m).square())
        .fold(half(autocorrelation(0) - 1.0), |sum, term| sum + term);
    [
        half(low.clone().sum() - std::f64::consts::SQRT_2),
        half(high.clone().sum()),
        half(autocorrelation(0) - 1.0),
        half(power(low).reshape([2, len / 2]).sum_dim(0).reshape([len / 2]) - 2.0),
        shifts,
    ]
}

/// `|ĥ_k|²`.
fn power(filter: &Tensor<1>) -> Tensor<1> {
    let len = filter.dims()[0];
    let matrix = |part: fn(f64) -> f64| {
        let angle = |i: usize| std::f64::consts::TAU * ((i / len) * (i % len) % len) as f64 / len as f64;
        let values: Vec<f64> = (0..len * len).map(|i| part(angle(i))).collect();
        Tensor::<2>::from_data(TensorData::new(values, [len, len]), (&filter.device(), filter.dtype()))
    };
    let transformed = |matrix: Tensor<2>| matrix.matmul(filter.clone().reshape([len, 1])).square();
    (transformed(matrix(f64::cos)) + transformed(matrix(f64::sin))).reshape([len])
}
