use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::LayerDraws;
use crate::TensorError;

/// The sizes of a [`ConvolutionalNetwork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConvolutionalSizes {
    /// Of the pictures, of the first and of the second convolution.
    pub channels: [usize; 3],
    /// Side of the pictures in pixels; at least what leaves a pixel, `3 kernel + 1`.
    pub side: usize,
    /// Side of the kernels.
    pub kernel: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Number of outputs.
    pub outputs: usize,
}

impl ConvolutionalSizes {
    /// `LeNet`, as Caffe and many papers since train it: 20 and 50 channels, kernels of 5×5, 500 hidden
    /// units.
    pub fn le_net(channels: usize, side: usize, outputs: usize) -> Self {
        Self { channels: [channels, 20, 50], side, kernel: 5, hidden: 500, outputs }
    }

    /// Side of the second convolution's pooled output.
    fn pooled(&self) -> usize {
        let after = |side: usize| (side + 1).saturating_sub(self.kernel) / 2;
        after(after(self.side))
    }

    fn check(&self) -> Checked {
        for channels in self.channels {
            check::at_least_one("channels", channels)?;
        }
        check::at_least_one("kernel", self.kernel)?;
        check::at_least_one("hidden", self.hidden)?;
        check::at_least_one("outputs", self.outputs)?;
        let must = "so large that two convolutions with pooling leave a pixel";
        check::setting("side", self.side as f64, self.pooled() > 0, must)
    }
}

/// Two convolutions, each with a rectifier and then maximum pooling of 2×2, a hidden layer with a rectifier,
/// and a last layer.
#[derive(Module, Debug)]
pub struct ConvolutionalNetwork {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    last: Linear,
    #[module(skip)]
    sizes: ConvolutionalSizes,
}

impl ConvolutionalNetwork {
    /// A network for pictures `[rows, channels, side, side]`.
    ///
    /// # Errors
    /// [`TensorError::Input`] when a size is 0 or the pictures are too small; as [`LayerDraws::weights`].
    pub fn new(sizes: &ConvolutionalSizes, layers: &mut LayerDraws<'_>) -> Result<Self, TensorError> {
        sizes.check()?;
        let ([from, first, second], side) = (sizes.channels, sizes.pooled());
        Ok(Self {
            first: layers.convolution([from, first], sizes.kernel, 0)?,
            second: layers.convolution([first, second], sizes.kernel, 0)?,
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: layers.linear(second * side * side, sizes.hidden)?,
            last: layers.linear(sizes.hidden, sizes.outputs)?,
            sizes: *sizes,
        })
    }

    /// The sizes that it was made with.
    pub fn sizes(&self) -> &ConvolutionalSizes {
        &self.sizes
    }

    /// The convolutions, in order.
    pub fn convolutions(&self) -> [&Conv2d; 2] {
        [&self.first, &self.second]
    }

    /// The pooling after each convolution.
    pub fn pool(&self) -> &MaxPool2d {
        &self.pool
    }

    /// The linear layers, in order.
    pub fn linear_layers(&self) -> [&Linear; 2] {
        [&self.hidden, &self.last]
    }

    /// What the last layer sees, `[rows, hidden]`.
    pub fn hidden(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.first.forward(x)));
        let x = self.pool.forward(relu(self.second.forward(x)));
        relu(self.hidden.forward(x.flatten(1, 3)))
    }

    /// The last layer of what [`hidden`](Self::hidden) gives, `[rows, outputs]`.
    pub fn outputs(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.last.forward(hidden)
    }

    /// The outputs, `[rows, outputs]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.outputs(self.hidden(x))
    }
}
