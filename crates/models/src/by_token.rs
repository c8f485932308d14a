//! Linear layers on sequences.

use burn::nn::Linear;
use burn::tensor::Tensor;

/// A linear layer on every token, `[batch, length, from]` to `[batch, length, to]`, as one product of
/// matrices. Burn's own forward pass multiplies batch row by batch row, and its backward pass then builds a
/// gradient of the whole weight matrix for each of them.
pub(crate) fn by_token(linear: &Linear, x: Tensor<3>) -> Tensor<3> {
    let [rows, length, width] = x.dims();
    let y = linear.forward(x.reshape([rows * length, width]));
    let [_, to] = y.dims();
    y.reshape([rows, length, to])
}
