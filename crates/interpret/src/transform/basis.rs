use burn::tensor::Tensor;
use faer::Mat;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::features::{Features, check_coefficients};
use super::matrix::Matrix;
use crate::InterpretError;
use crate::border::{not_empty, numbers};

/// Parts of an example, one a row, of which coefficients are the amounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Basis {
    pub(super) features: Features,
    pub(super) parts: Matrix,
}

impl Basis {
    /// `Σ_k c_k part_k`, flat.
    pub(super) fn sum(&self, coefficients: &Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        check_coefficients(coefficients, self.parts.rows)?;
        Ok(coefficients.clone().matmul(self.parts.near(coefficients)))
    }
}

/// Rows of examples `[n, …]` in `f64`, one or more, all finite.
pub(super) fn rows<const D: usize>(x: &Tensor<D>) -> Result<(Features, Mat<f64>), InterpretError> {
    let what = "the examples to fit";
    let shape = x.dims();
    not_empty(what, x)?;
    let features = Features::new(&shape[1..], 0)?;
    let values = numbers(what, x.clone())?;
    Ok((features.clone(), Mat::from_fn(shape[0], features.count(), |i, j| values[i * features.count() + j])))
}

/// That `1 ≤ count ≤ most`.
pub(super) fn check_count(name: &'static str, count: usize, most: usize, must: &'static str) -> Checked {
    check::setting(name, count as f64, (1..=most).contains(&count), must)
}
