use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// A constant matrix in `f64`, sent to the device of whatever it meets: next to a product with it the copy
/// costs little.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// By rows.
    pub(super) values: Vec<f64>,
}

impl Matrix {
    pub(super) fn from_fn(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let value = &value;
        let values = (0..rows).flat_map(|i| (0..columns).map(move |j| value(i, j))).collect();
        Self { rows, columns, values }
    }

    pub(super) fn row(&self, index: usize) -> Option<&[f64]> {
        self.values.chunks_exact(self.columns).nth(index)
    }

    /// On the device of `x`, in its element type.
    pub(super) fn near<const D: usize>(&self, x: &Tensor<D>) -> Tensor<2> {
        near(self.values.clone(), [self.rows, self.columns], x)
    }
}

/// Numbers on the device of `x`, in its element type.
pub(super) fn near<const D: usize, const E: usize>(
    values: Vec<f64>,
    shape: [usize; E],
    x: &Tensor<D>,
) -> Tensor<E> {
    Tensor::from_data(TensorData::new(values, shape), (&x.device(), x.dtype()))
}
