//! Pools. Of several maxima in a window the first in row-major order counts.

use burn::nn::pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::module::{max_pool1d_with_indices, max_pool2d_with_indices};
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Int, Tensor};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};

use super::{Decompose, Parts};
use crate::InterpretError;

impl Decompose<3, 3> for MaxPool1d {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        let [_, _, length] = parts.relevant.dims();
        let padding = padding_1d(&self.padding, length, self.kernel_size, self.stride);
        require_window(length, padding, self.kernel_size, self.dilation)?;
        require_pool(padding, self.kernel_size, self.stride, self.dilation)?;
        let options = MaxPoolOptions::new([self.kernel_size])
            .with_stride([self.stride])
            .with_padding_pairs([padding])
            .with_dilation([self.dilation])
            .with_ceil_mode(self.ceil_mode);
        let (_, places) = max_pool1d_with_indices(parts.sum().inner(), options);
        let places = beside(&parts.relevant, places);
        Ok(parts.map_linear(|part| part.gather(2, places.clone())))
    }
}

impl Decompose<4, 4> for MaxPool2d {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<4>, InterpretError> {
        let [batch, channels, height, width] = parts.relevant.dims();
        let padding = padding_2d(&self.padding, [height, width], self.kernel_size, self.stride);
        for (axis, size) in [height, width].into_iter().enumerate() {
            require_window(size, padding[axis], self.kernel_size[axis], self.dilation[axis])?;
            require_pool(padding[axis], self.kernel_size[axis], self.stride[axis], self.dilation[axis])?;
        }
        let options = MaxPoolOptions::new(self.kernel_size)
            .with_stride(self.stride)
            .with_padding_pairs(padding)
            .with_dilation(self.dilation)
            .with_ceil_mode(self.ceil_mode);
        let (_, places) = max_pool2d_with_indices(parts.sum().inner(), options);
        let pooled = places.dims();
        let places = places.reshape([batch, channels, pooled[2] * pooled[3]]);
        let places = beside(&parts.relevant, places);
        Ok(parts.map_linear(|part| {
            let pixels = part.reshape([batch, channels, height * width]);
            pixels.gather(2, places.clone()).reshape(pooled)
        }))
    }
}

impl Decompose<3, 3> for AvgPool1d {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        let [_, _, length] = parts.relevant.dims();
        let padding = padding_1d(&self.padding, length, self.kernel_size, self.stride);
        require_window(length, padding, self.kernel_size, 1)?;
        require_pool(padding, self.kernel_size, self.stride, 1)?;
        Ok(parts.map_linear(|part| self.forward(part)))
    }
}

impl Decompose<4, 4> for AvgPool2d {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<4>, InterpretError> {
        let [_, _, height, width] = parts.relevant.dims();
        let padding = padding_2d(&self.padding, [height, width], self.kernel_size, self.stride);
        for (axis, size) in [height, width].into_iter().enumerate() {
            require_window(size, padding[axis], self.kernel_size[axis], 1)?;
            require_pool(padding[axis], self.kernel_size[axis], self.stride[axis], 1)?;
        }
        Ok(parts.map_linear(|part| self.forward(part)))
    }
}

impl Decompose<3, 3> for AdaptiveAvgPool1d {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<3>, InterpretError> {
        check::at_least_one("output_size", self.output_size)?;
        Ok(parts.map_linear(|part| self.forward(part)))
    }
}

impl Decompose<4, 4> for AdaptiveAvgPool2d {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<4>, InterpretError> {
        check::at_least_one("output_size", self.output_size[0].min(self.output_size[1]))?;
        Ok(parts.map_linear(|part| self.forward(part)))
    }
}

/// Places with the autodiff of a part.
fn beside<const D: usize, const E: usize>(part: &Tensor<D>, places: Tensor<E, Int>) -> Tensor<E, Int> {
    match part.gradient_checkpointing_strategy() {
        Some(strategy) => places.autodiff().with_gradient_checkpointing_strategy(strategy),
        None => places,
    }
}

/// Whether windows move, and none lies in the padding alone.
fn require_pool((before, after): (usize, usize), kernel: usize, stride: usize, dilation: usize) -> Checked {
    check::at_least_one("kernel_size", kernel)?;
    check::at_least_one("stride", stride)?;
    let (padding, window) = (before.max(after), dilation * kernel.saturating_sub(1) + 1);
    check::setting("padding", padding as f64, padding < window, "smaller than a window")
}

/// Before and after. Burn keeps its own to itself.
pub(super) fn padding_1d(
    padding: &PaddingConfig1d,
    length: usize,
    kernel: usize,
    stride: usize,
) -> (usize, usize) {
    match padding {
        PaddingConfig1d::Valid => (0, 0),
        PaddingConfig1d::Same => same(length, kernel, stride),
        PaddingConfig1d::Explicit(before, after) => (*before, *after),
    }
}

pub(super) fn padding_2d(
    padding: &PaddingConfig2d,
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
) -> [(usize, usize); 2] {
    match padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Same => [0, 1].map(|axis| same(size[axis], kernel[axis], stride[axis])),
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(*top, *bottom), (*left, *right)],
    }
}

fn same(size: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let windows = size.div_ceil(stride.max(1));
    let total = (windows.saturating_sub(1) * stride + kernel).saturating_sub(size);
    (total / 2, total - total / 2)
}

/// Whether a window fits at least once.
pub(super) fn require_window(
    size: usize,
    (before, after): (usize, usize),
    kernel: usize,
    dilation: usize,
) -> Checked {
    check::at_least_one("dilation", dilation)?;
    let (found, expected) = (size + before + after, dilation * kernel.saturating_sub(1) + 1);
    if found >= expected {
        return Ok(());
    }
    Err(InputError::size("an input with its padding, smaller than a window", found, expected))
}
