//! Correlation alignment: Sun, Saenko, *Deep CORAL* (ECCV workshops 2016); with means as in `DomainBed`
//! (Gulrajani, Lopez-Paz, *In search of lost domain generalization*, ICLR 2021).
//!
//! ```text
//! mean and covariance:  D = ‖μ_a − μ_b‖² / k + ‖S_a − S_b‖_F² / k²
//! deep:                 D = ‖S_a − S_b‖_F² / (4k²)
//! S = Σ_i p_i (z_i − μ)(z_i − μ)ᵀ / (1 − Σ_i p_i²),    p the weights, to sum 1
//! ```
//!
//! For equal weights the divisor makes it the unbiased `1/(n − 1)`, and for any weights independent of the
//! data it is unbiased too. Weights are importances, not counts: the weights 2, 1 have the `Σ` of the
//! repeated rows, but not their divisor, `1 − 1/3`. `O(nk²)`; pairs of `M` groups add `O(Mk²)`.

use burn::tensor::Tensor;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Rows, constant, select, spread};
use crate::TensorError;

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoralForm {
    /// `mean((μ_a − μ_b)²) + mean((S_a − S_b)²)` over entries, as in `DomainBed`.
    #[default]
    MeanAndCovariance,
    /// `‖S_a − S_b‖_F² / (4k²)`, as in Deep CORAL. Blind to the means.
    Deep,
}

pub(super) fn between(form: CoralForm, a: &Rows, b: &Rows) -> Result<Tensor<1>, TensorError> {
    Ok((moments(form, a)? - moments(form, b)?).square().sum())
}

pub(super) fn pairwise(
    form: CoralForm,
    features: &Tensor<2>,
    groups: &[&[usize]],
) -> Result<Tensor<1>, TensorError> {
    let moments = groups.iter().map(|group| moments(form, &select(features, group)));
    Ok(spread(Tensor::cat(moments.collect::<Result<_, _>>()?, 0)))
}

/// A vector `[1, …]` of scaled moments whose squared distances are the divergence.
fn moments(form: CoralForm, sample: &Rows) -> Result<Tensor<2>, TensorError> {
    let [rows, width] = sample.features.dims();
    let mean = sample.mean();
    // S does not change with μ to first order, so no gradient flows there.
    let centred = sample.features.clone() - mean.clone().inner();
    let scale = match form {
        CoralForm::MeanAndCovariance => 1.0 / width as f64,
        CoralForm::Deep => 0.5 / width as f64,
    };
    let scaled = match &sample.shares {
        None => {
            check::setting("number of rows", rows as f64, rows > 1, "at least 2 to have a covariance")?;
            centred.clone() * (scale / (rows - 1) as f64)
        }
        Some(shares) => {
            let unbiased: f64 = shares.iter().map(|p| p * (1.0 - p)).sum();
            let largest = shares.iter().copied().fold(0.0, f64::max);
            check::setting(
                "largest share of the weights",
                largest,
                unbiased > f64::EPSILON,
                "less than 1 to have a covariance",
            )?;
            let column = shares.iter().map(|p| p * scale / unbiased).collect();
            centred.clone() * constant(column, [rows, 1], &sample.features)
        }
    };
    let covariance = scaled.transpose().matmul(centred).reshape([1, width * width]);
    Ok(match form {
        CoralForm::MeanAndCovariance => Tensor::cat(vec![mean / (width as f64).sqrt(), covariance], 1),
        CoralForm::Deep => covariance,
    })
}
