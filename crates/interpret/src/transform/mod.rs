//! Other coordinates of an input, in which a model may be easier to explain.

use burn::tensor::Tensor;

use crate::InterpretError;

/// A map of inputs `[batch, …]` to coefficients `[batch, coefficients]`, and back.
///
/// Both ways are made of tensor operations, so gradients pass. Where [`inverse`](Self::inverse) does not give the input
/// back exactly, what is left is the residual `x − T⁻¹Tx`, which TRIM adds again.
pub trait Transform<const D: usize> {
    /// The coefficients of each row.
    ///
    /// # Errors
    /// When the input does not fit the transform.
    fn forward(&self, x: Tensor<D>) -> Result<Tensor<2>, InterpretError>;

    /// The input that has these coefficients.
    ///
    /// # Errors
    /// When the coefficients do not fit the transform.
    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<D>, InterpretError>;
}
