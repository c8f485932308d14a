//! Convolutions.

use burn::nn::conv::{Conv1d, Conv2d};
use kiln_core::check;

use super::pooling::require_window;
use super::{Decompose, Parts};
use crate::InterpretError;

const CHANNELS: &str = "channels of the input of a convolution";

impl Decompose<3, 3> for Conv1d {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        let weight = self.weight.val();
        let [outputs, inputs, size] = weight.dims();
        parts.require_size(CHANNELS, 1, inputs * self.groups)?;
        let [_, _, length] = parts.relevant.dims();
        let padding = super::pooling::padding_1d(&self.padding, length, size, self.stride);
        check::at_least_one("stride", self.stride)?;
        require_window(length, padding, size, self.dilation)?;
        let parts = parts.beside(&weight)?;
        let linear = Self { bias: None, ..self.clone() };
        let parts = parts.map_linear(|part| linear.forward(part));
        Ok(match &self.bias {
            Some(bias) => parts.with_bias(bias.val().reshape([1, outputs, 1])),
            None => parts,
        })
    }
}

impl Decompose<4, 4> for Conv2d {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<4>, InterpretError> {
        let weight = self.weight.val();
        let [outputs, inputs, ..] = weight.dims();
        parts.require_size(CHANNELS, 1, inputs * self.groups)?;
        let [_, _, height, width] = parts.relevant.dims();
        let padding =
            super::pooling::padding_2d(&self.padding, [height, width], self.kernel_size, self.stride);
        for (axis, size) in [height, width].into_iter().enumerate() {
            check::at_least_one("stride", self.stride[axis])?;
            require_window(size, padding[axis], self.kernel_size[axis], self.dilation[axis])?;
        }
        let parts = parts.beside(&weight)?;
        let linear = Self { bias: None, ..self.clone() };
        let parts = parts.map_linear(|part| linear.forward(part));
        Ok(match &self.bias {
            Some(bias) => parts.with_bias(bias.val().reshape([1, outputs, 1, 1])),
            None => parts,
        })
    }
}
