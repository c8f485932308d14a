//! Two convolutions, and the notebook's head.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use kiln_adapt::FeatureModel;
use kiln_tensor::TensorError;
use kiln_tensor::network::{InitialLaw, LayerDraws};

/// Pixels of a side.
pub(super) const SIDE: usize = 28;

/// For digits `[n, 1, 28, 28]`: 32 and 48 channels, kernels of 5×5, each convolution with batch normalization,
/// a rectifier and maximum pooling; then the head.
#[derive(Module, Debug)]
pub(super) struct Network {
    convolutions: [Conv2d; 2],
    norms: [BatchNorm; 2],
    pool: MaxPool2d,
    pub(super) head: Head,
}

/// Linear layers of 128, 64 and 10 units, the first two with batch normalization and a rectifier.
#[derive(Module, Debug)]
pub(super) struct Head {
    layers: [Linear; 3],
    norms: [BatchNorm; 2],
}

impl Network {
    /// Drawn from the seed as `PyTorch` draws it.
    pub(super) fn new(seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut draws = LayerDraws::new(InitialLaw::FanIn, seed, device);
        let norms = |widths: [usize; 2]| widths.map(|width| BatchNormConfig::new(width).init(device));
        Ok(Self {
            convolutions: [draws.convolution([1, 32], 5, 0)?, draws.convolution([32, 48], 5, 0)?],
            norms: norms([32, 48]),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            head: Head {
                // 28 − 4 is halved to 12, 12 − 4 to 4.
                layers: [draws.linear(48 * 4 * 4, 128)?, draws.linear(128, 64)?, draws.linear(64, 10)?],
                norms: norms([128, 64]),
            },
        })
    }
}

impl FeatureModel<Tensor<4>> for Network {
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let through = |x: Tensor<4>, (layer, norm): (&Conv2d, &BatchNorm)| {
            self.pool.forward(relu(norm.forward(layer.forward(x))))
        };
        self.convolutions.iter().zip(&self.norms).fold(x, through).flatten(1, 3)
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        FeatureModel::forward(&self.head, features)
    }
}

impl FeatureModel<Tensor<2>> for Head {
    fn features(&self, x: Tensor<2>) -> Tensor<2> {
        let through =
            |x: Tensor<2>, (layer, norm): (&Linear, &BatchNorm)| relu(norm.forward(layer.forward(x)));
        let hidden = self.layers.iter().zip(&self.norms).fold(x, through);
        self.layers[2].forward(hidden)
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        features
    }
}
