//! Models that domain adaptation can train: features that are aligned between domains, and outputs made of
//! them.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use kiln_core::{InputError, check};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use crate::AdaptError;

/// A model in two parts: features `[n, k]` that penalties align, and outputs `[n, classes]` (logits) or `[n,
/// 1]` (regression) made of them.
///
/// Implement it for any Burn module; a penultimate layer is the usual choice of features for deep networks,
/// and the outputs themselves for small ones.
pub trait FeatureModel<X>: Module {
    /// The features of the rows, `[n, k]`.
    fn features(&self, x: X) -> Tensor<2>;

    /// The outputs made of features, `[n, outputs]`.
    fn outputs(&self, features: Tensor<2>) -> Tensor<2>;

    /// Whether rows of this shape can be taken. A model that knows what it takes says so here: then other
    /// rows are an error, where Burn would panic.
    ///
    /// # Errors
    /// When they cannot.
    fn check_row(&self, _shape: &[usize]) -> Result<(), InputError> {
        Ok(())
    }

    /// The outputs for rows, `[n, outputs]`.
    fn forward(&self, x: X) -> Tensor<2> {
        self.outputs(self.features(x))
    }
}

/// A linear model: its features are its outputs.
impl FeatureModel<Tensor<2>> for Linear {
    fn features(&self, x: Tensor<2>) -> Tensor<2> {
        Linear::forward(self, x)
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        features
    }

    fn check_row(&self, shape: &[usize]) -> Result<(), InputError> {
        let [inputs, _] = self.weight.val().dims();
        check::shape("a row", shape, &[inputs])
    }
}

/// A linear layer whose weights are drawn from the seed, Glorot normal times `gain`, with biases of zero.
///
/// The released code of the paper on conditionally invariant components starts its linear models with a gain
/// of 0.01.
///
/// # Errors
/// When a size is 0 or the gain is negative or not finite.
pub fn glorot_linear(
    inputs: usize,
    outputs: usize,
    gain: f64,
    seed: u64,
    device: &Device,
) -> Result<Linear, AdaptError> {
    check::at_least_one("inputs", inputs)?;
    check::at_least_one("outputs", outputs)?;
    check::nonnegative("gain", gain)?;
    let deviation = gain * (2.0 / (inputs + outputs) as f64).sqrt();
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let weight = noise.tensor(0, 0, [inputs, outputs], device)? * deviation;
    let bias = Tensor::zeros([outputs], device);
    Ok(Linear { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(bias)) })
}

/// Uniform on ±`1/√fan_in`, the start values of PyTorch's layers.
struct FanIn {
    noise: Noise,
    next: u64,
}

impl FanIn {
    fn new(seed: u64) -> Self {
        Self { noise: Noise { seed, distribution: Distribution::Uniform }, next: 0 }
    }

    fn tensor<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        device: &Device,
    ) -> Result<Param<Tensor<D>>, AdaptError> {
        let bound = 1.0 / (fan_in as f64).sqrt();
        let uniform = self.noise.tensor(self.next, 0, shape, device)?;
        self.next += 1;
        Ok(Param::from_tensor(uniform * (2.0 * bound) - bound))
    }

    fn linear(&mut self, inputs: usize, outputs: usize, device: &Device) -> Result<Linear, AdaptError> {
        let weight = self.tensor([inputs, outputs], inputs, device)?;
        Ok(Linear { weight, bias: Some(self.tensor([outputs], inputs, device)?) })
    }

    fn convolution(
        &mut self,
        channels: [usize; 2],
        kernel: usize,
        padding: usize,
        device: &Device,
    ) -> Result<Conv2d, AdaptError> {
        let fan_in = channels[0] * kernel * kernel;
        let mut layer = Conv2dConfig::new(channels, [kernel, kernel])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .init(device);
        layer.weight = self.tensor([channels[1], channels[0], kernel, kernel], fan_in, device)?;
        layer.bias = Some(self.tensor([channels[1]], fan_in, device)?);
        Ok(layer)
    }
}

/// What a network's features are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// Its outputs, as in the small networks of the paper on conditionally invariant components.
    #[default]
    Outputs,
    /// Its last hidden layer, as in its large ones.
    LastHidden,
}

/// Fully connected layers with rectifiers between them.
#[derive(Module, Debug)]
pub struct MultilayerPerceptron {
    hidden: Vec<Linear>,
    last: Linear,
    #[module(skip)]
    features: Features,
}

impl MultilayerPerceptron {
    /// Layers of these widths, inputs first and outputs last, drawn from the seed as PyTorch draws them.
    ///
    /// # Errors
    /// With fewer than two widths, or when one is 0.
    pub fn new(widths: &[usize], features: Features, seed: u64, device: &Device) -> Result<Self, AdaptError> {
        for &width in widths {
            check::at_least_one("width", width)?;
        }
        let mut start = FanIn::new(seed);
        let mut layers = Vec::new();
        for pair in widths.windows(2) {
            layers.push(start.linear(pair[0], pair[1], device)?);
        }
        let last = layers.pop().ok_or(InputError::size("widths of the perceptron", widths.len(), 2))?;
        Ok(Self { hidden: layers, last, features })
    }
}

impl FeatureModel<Tensor<2>> for MultilayerPerceptron {
    fn features(&self, x: Tensor<2>) -> Tensor<2> {
        let hidden = self.hidden.iter().fold(x, |x, layer| relu(layer.forward(x)));
        match self.features {
            Features::Outputs => self.last.forward(hidden),
            Features::LastHidden => hidden,
        }
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        match self.features {
            Features::Outputs => features,
            Features::LastHidden => self.last.forward(features),
        }
    }

    fn check_row(&self, shape: &[usize]) -> Result<(), InputError> {
        self.hidden.first().unwrap_or(&self.last).check_row(shape)
    }
}

/// The convolutional network of the paper's MNIST experiments, for pictures `[n, channels, side, side]`:
/// convolutions 5×5 to 20 and 50 channels, each followed by 2×2 maximum pooling, then 500 hidden units.
#[derive(Module, Debug)]
pub struct LeNet {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    hidden: Linear,
    last: Linear,
    #[module(skip)]
    features: Features,
}

impl LeNet {
    /// A network drawn from the seed as PyTorch draws it.
    ///
    /// # Errors
    /// When a number is 0, or pictures are smaller than 16×16, too small for two convolutions of 5×5 with
    /// pooling.
    pub fn new(
        channels: usize,
        side: usize,
        outputs: usize,
        features: Features,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AdaptError> {
        check::at_least_one("channels", channels)?;
        check::at_least_one("outputs", outputs)?;
        check::setting("side", side as f64, side >= 16, "at least 16")?;
        let mut start = FanIn::new(seed);
        let after = ((side - 4) / 2 - 4) / 2;
        Ok(Self {
            first: start.convolution([channels, 20], 5, 0, device)?,
            second: start.convolution([20, 50], 5, 0, device)?,
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            hidden: start.linear(50 * after * after, 500, device)?,
            last: start.linear(500, outputs, device)?,
            features,
        })
    }
}

impl FeatureModel<Tensor<4>> for LeNet {
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.first.forward(x)));
        let x = self.pool.forward(relu(self.second.forward(x)));
        let hidden = relu(self.hidden.forward(x.flatten(1, 3)));
        match self.features {
            Features::Outputs => self.last.forward(hidden),
            Features::LastHidden => hidden,
        }
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        match self.features {
            Features::Outputs => features,
            Features::LastHidden => self.last.forward(features),
        }
    }

    fn check_row(&self, shape: &[usize]) -> Result<(), InputError> {
        let ([_, channels, ..], [inputs, _]) =
            (self.first.weight.val().dims(), self.hidden.weight.val().dims());
        // Of two convolutions of 5×5 with pooling.
        let after = |side: usize| if side < 16 { 0 } else { ((side - 4) / 2 - 4) / 2 };
        if let [found, height, width] = *shape
            && found == channels
            && 50 * after(height) * after(width) == inputs
        {
            return Ok(());
        }
        let side = 4 * (inputs / 50).isqrt() + 12;
        check::shape("a row", shape, &[channels, side, side])
    }
}
