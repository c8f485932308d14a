//! The small networks of `kiln_tensor`, layer by layer.

use burn::nn::Relu;
use kiln_tensor::network::{ConvolutionalNetwork, MultilayerPerceptron};

use super::{Decompose, Parts};
use crate::InterpretError;

impl Decompose<2, 2> for MultilayerPerceptron {
    fn decompose(&self, parts: Parts<2>) -> Result<Parts<2>, InterpretError> {
        let hidden = self
            .hidden_layers()
            .iter()
            .try_fold(parts, |parts, layer| parts.through(layer)?.through(&Relu))?;
        hidden.through(self.last_layer())
    }
}

impl Decompose<4, 2> for ConvolutionalNetwork {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let [hidden, last] = self.linear_layers();
        let parts = self
            .convolutions()
            .into_iter()
            .try_fold(parts, |parts, layer| parts.through(layer)?.through(&Relu)?.through(self.pool()))?;
        parts.flatten().through(hidden)?.through(&Relu)?.through(last)
    }
}
