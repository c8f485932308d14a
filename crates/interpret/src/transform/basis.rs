use burn::tensor::Tensor;
use faer::Mat;
use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use super::features::{Features, check_coefficients};
use super::matrix::Matrix;
use crate::InterpretError;

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
    if shape[0] == 0 {
        return Err(InterpretError::Empty { what: what.to_owned() });
    }
    let features = Features::new(&shape[1..], 0)?;
    let values = on_host(x.clone(), what)?;
    Ok((features.clone(), Mat::from_fn(shape[0], features.count(), |i, j| values[i * features.count() + j])))
}

/// Numbers in row-major order, all finite.
pub(super) fn on_host<const D: usize>(x: Tensor<D>, what: &str) -> Result<Vec<f64>, InterpretError> {
    let values = x.inner().try_into_vec_as::<f64>().map_err(TensorError::from)?;
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(InterpretError::NotFinite { what: what.to_owned() })
    }
}

/// That `1 ≤ count ≤ most`.
pub(super) fn check_count(
    name: &'static str,
    count: usize,
    most: usize,
    must: &'static str,
) -> Result<(), InterpretError> {
    if (1..=most).contains(&count) {
        Ok(())
    } else {
        Err(InterpretError::Setting { name, value: count as f64, must })
    }
}
