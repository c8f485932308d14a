//! Activations with `a(0) = 0`. Others, as sigmoids, have no rule by which the parts add.

use burn::nn::{LeakyRelu, Relu, Tanh};

use super::{Decompose, Parts};
use crate::InterpretError;

impl<const D: usize> Decompose<D, D> for Relu {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        Ok(parts.one_sided(|x| self.forward(x)))
    }
}

impl<const D: usize> Decompose<D, D> for LeakyRelu {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        Ok(parts.one_sided(|x| self.forward(x)))
    }
}

impl<const D: usize> Decompose<D, D> for Tanh {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        Ok(parts.symmetric(|x| self.forward(x)))
    }
}
