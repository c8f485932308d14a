//! Linear layers, of any rank: the last dimension holds the features.

use burn::nn::Linear;

use super::{Decompose, Parts};
use crate::InterpretError;

impl<const D: usize> Decompose<D, D> for Linear {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        let weight = self.weight.val();
        let [inputs, outputs] = weight.dims();
        parts.require_size("features of the input of a linear layer", D - 1, inputs)?;
        let parts = parts.beside(&weight)?;
        let mut shape = parts.relevant.dims();
        shape[D - 1] = outputs;
        // Of rank 2: Burn's backward pass is slow for others.
        let rows = shape[..D - 1].iter().product::<usize>();
        let parts = parts.map_linear(|part| part.reshape([rows, inputs]).matmul(weight.clone()));
        let parts = match &self.bias {
            Some(bias) => parts.with_bias(bias.val().reshape([1, outputs])),
            None => parts,
        };
        Ok(parts.map_linear(|part| part.reshape(shape)))
    }
}
