//! What the small networks of several papers share: parameters drawn as PyTorch draws them, orders of rows,
//! the loss.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, Lstm, LstmConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor};
use kiln_tensor::{Distribution, Noise, TensorError};

/// Draws parameters uniformly from ±`1/√fan_in`; every call is another draw.
pub(super) struct Uniform<'a> {
    noise: Noise,
    next: u64,
    device: &'a Device,
}

impl<'a> Uniform<'a> {
    pub(super) fn new(seed: u64, device: &'a Device) -> Self {
        Self { noise: Noise { seed, distribution: Distribution::Uniform }, next: 0, device }
    }

    pub(super) fn draw<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
    ) -> Result<Param<Tensor<D>>, TensorError> {
        let bound = (fan_in as f64).sqrt().recip();
        let uniform: Tensor<D> = self.noise.tensor(self.next, 0, shape, self.device)?;
        self.next += 1;
        Ok(Param::from_tensor(uniform * (2.0 * bound) - bound))
    }

    pub(super) fn linear(&mut self, inputs: usize, outputs: usize) -> Result<Linear, TensorError> {
        let weight = self.draw([inputs, outputs], inputs)?;
        Ok(Linear { weight, bias: Some(self.draw([outputs], inputs)?) })
    }

    pub(super) fn convolution(
        &mut self,
        inputs: usize,
        outputs: usize,
        kernel: usize,
    ) -> Result<Conv2d, TensorError> {
        let mut layer = Conv2dConfig::new([inputs, outputs], [kernel, kernel]).init(self.device);
        let fan_in = inputs * kernel * kernel;
        layer.weight = self.draw([outputs, inputs, kernel, kernel], fan_in)?;
        layer.bias = Some(self.draw([outputs], fan_in)?);
        Ok(layer)
    }

    /// Every parameter on ±`1/√hidden`.
    pub(super) fn lstm(&mut self, inputs: usize, hidden: usize) -> Lstm {
        let lstm = LstmConfig::new(inputs, hidden, true).init(self.device);
        lstm.map(&mut WithFanIn { uniform: self, fan_in: hidden })
    }
}

/// Redraws all parameters of a module.
struct WithFanIn<'u, 'a> {
    uniform: &'u mut Uniform<'a>,
    fan_in: usize,
}

impl ModuleMapper for WithFanIn<'_, '_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = parameter.val().dims();
        self.uniform.draw(shape, self.fan_in).unwrap_or(parameter)
    }
}

/// The numbers below `count` in an order drawn for the stream.
pub(super) fn shuffled(count: usize, noise: Noise, stream: u64) -> Vec<i32> {
    let mut keys = vec![0.0_f64; count];
    noise.fill(stream, 0, &mut keys);
    let mut places: Vec<i32> = (0..).take(count).collect();
    places.sort_by(|&a, &b| keys[a as usize].total_cmp(&keys[b as usize]));
    places
}

/// The mean over the batch.
pub(super) fn cross_entropy(outputs: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
    -log_softmax(outputs, 1).gather(1, classes.unsqueeze_dim(1)).mean()
}
