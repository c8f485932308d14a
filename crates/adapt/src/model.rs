//! Models that domain adaptation can train: features that are aligned between domains, and outputs made of
//! them.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use kiln_core::{InputError, check};
use kiln_tensor::network::{
    ConvolutionalNetwork, ConvolutionalSizes, InitialLaw, LayerDraws, MultilayerPerceptron,
};
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
    Ok(LayerDraws::new(InitialLaw::Glorot { gain }, seed, device).linear(inputs, outputs)?)
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

/// A network of [`kiln_tensor::network`], and what of it is aligned.
#[derive(Module, Debug)]
pub struct FeatureNetwork<N: Module> {
    network: N,
    #[module(skip)]
    features: Features,
}

impl<N: Module> FeatureNetwork<N> {
    /// With these features.
    pub fn new(network: N, features: Features) -> Self {
        Self { network, features }
    }

    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }
}

impl FeatureNetwork<MultilayerPerceptron> {
    /// Layers of these widths, inputs first and outputs last, drawn from the seed as `PyTorch` draws them.
    ///
    /// # Errors
    /// With fewer than two widths, or when one is 0.
    pub fn perceptron(
        widths: &[usize],
        features: Features,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AdaptError> {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, seed, device);
        Ok(Self::new(MultilayerPerceptron::new(widths, &mut layers)?, features))
    }
}

impl FeatureNetwork<ConvolutionalNetwork> {
    /// A network for pictures `[n, channels, side, side]`, drawn from the seed as `PyTorch` draws it. That of
    /// the paper's MNIST experiments is [`ConvolutionalSizes::le_net`].
    ///
    /// # Errors
    /// When a size is 0, or pictures are too small for two convolutions with pooling.
    pub fn convolutional(
        sizes: &ConvolutionalSizes,
        features: Features,
        seed: u64,
        device: &Device,
    ) -> Result<Self, AdaptError> {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, seed, device);
        Ok(Self::new(ConvolutionalNetwork::new(sizes, &mut layers)?, features))
    }
}

impl FeatureModel<Tensor<2>> for FeatureNetwork<MultilayerPerceptron> {
    fn features(&self, x: Tensor<2>) -> Tensor<2> {
        match self.features {
            Features::Outputs => self.network.forward(x),
            Features::LastHidden => self.network.hidden(x),
        }
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        match self.features {
            Features::Outputs => features,
            Features::LastHidden => Linear::forward(self.network.last_layer(), features),
        }
    }

    fn check_row(&self, shape: &[usize]) -> Result<(), InputError> {
        self.network.hidden_layers().first().unwrap_or(self.network.last_layer()).check_row(shape)
    }
}

impl FeatureModel<Tensor<4>> for FeatureNetwork<ConvolutionalNetwork> {
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        match self.features {
            Features::Outputs => self.network.forward(x),
            Features::LastHidden => self.network.hidden(x),
        }
    }

    fn outputs(&self, features: Tensor<2>) -> Tensor<2> {
        match self.features {
            Features::Outputs => features,
            Features::LastHidden => self.network.outputs(features),
        }
    }

    fn check_row(&self, shape: &[usize]) -> Result<(), InputError> {
        let ConvolutionalSizes { channels: [channels, ..], side, .. } = *self.network.sizes();
        check::shape("a row", shape, &[channels, side, side])
    }
}
