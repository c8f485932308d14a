//! The small networks of the experiments, drawn as PyTorch draws them, and how they are trained.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, Relu};
use burn::optim::{AdamConfig, GradientsParams, decay::WeightDecayConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::pictures::{AwdCnn, Pictures, TrimLeNet};
use crate::registry::small_networks::{Uniform, cross_entropy, shuffled};
use kiln_receipts::ExperimentError;

/// A classifier of pictures that can be decomposed.
pub(super) trait Network: Module + Decompose<4, 2> {
    /// `[pictures, classes]`.
    fn logits(&self, x: Tensor<4>) -> Tensor<2>;
}

impl Network for AwdCnn {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        self.forward(x)
    }
}

impl Network for TrimLeNet {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        self.forward(x)
    }
}

/// Three linear layers with rectifiers between them.
#[derive(Module, Debug)]
pub(super) struct Perceptron {
    layers: [Linear; 3],
}

impl Perceptron {
    pub(super) fn new(widths: [usize; 4], seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut draw = Uniform::new(seed, device);
        let [a, b, c, d] = widths;
        Ok(Self { layers: [draw.linear(a, b)?, draw.linear(b, c)?, draw.linear(c, d)?] })
    }
}

impl Network for Perceptron {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        let [first, second, third] = &self.layers;
        third.forward(relu(second.forward(relu(first.forward(x.flatten(1, 3))))))
    }
}

impl Decompose<4, 2> for Perceptron {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let [first, second, third] = &self.layers;
        parts.flatten().through(first)?.through(&Relu)?.through(second)?.through(&Relu)?.through(third)
    }
}

/// Two convolutions, each with a rectifier and pooling, then two linear layers.
#[derive(Module, Debug)]
pub(super) struct Convolutional {
    first: Conv2d,
    second: Conv2d,
    hidden: Linear,
    last: Linear,
    pool: MaxPool2d,
}

/// The sizes of a [`Convolutional`] network for ten classes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) channels: [usize; 3],
    pub(super) kernel: usize,
    pub(super) hidden: usize,
}

impl Convolutional {
    /// For pictures of `side` pixels.
    pub(super) fn new(sizes: Sizes, side: usize, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut draw = Uniform::new(seed, device);
        let Sizes { channels: [a, b, c], kernel, hidden } = sizes;
        let shrink = |side: usize| (side + 1 - kernel) / 2;
        let side = shrink(shrink(side));
        Ok(Self {
            first: draw.convolution(a, b, kernel)?,
            second: draw.convolution(b, c, kernel)?,
            hidden: draw.linear(c * side * side, hidden)?,
            last: draw.linear(hidden, 10)?,
            pool: MaxPool2dConfig::new([2, 2]).init(),
        })
    }
}

impl Network for Convolutional {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.first.forward(x)));
        let x = self.pool.forward(relu(self.second.forward(x)));
        self.last.forward(relu(self.hidden.forward(x.flatten(1, 3))))
    }
}

impl Decompose<4, 2> for Convolutional {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let parts = parts.through(&self.first)?.through(&Relu)?.through(&self.pool)?;
        let parts = parts.through(&self.second)?.through(&Relu)?.through(&self.pool)?;
        parts.flatten().through(&self.hidden)?.through(&Relu)?.through(&self.last)
    }
}

/// Share of pictures that a network without autodiff puts in their class.
pub(super) fn accuracy<N: Network>(
    network: &N,
    x: &Tensor<4>,
    labels: &[u8],
) -> Result<f64, ExperimentError> {
    let predicted = in_batches(x, |x| network.logits(x).argmax(1).flatten::<1>(0, 1).float())?;
    let right = predicted.iter().zip(labels).filter(|(predicted, label)| **predicted == f32::from(**label));
    Ok(right.count() as f64 / labels.len() as f64)
}

/// The numbers that a function gives for the rows, a thousand at a time.
pub(super) fn in_batches<const D: usize, const E: usize>(
    x: &Tensor<D>,
    of: impl Fn(Tensor<D>) -> Tensor<E>,
) -> Result<Vec<f32>, ExperimentError> {
    let (rows, mut values) = (x.dims()[0], Vec::new());
    for start in (0..rows).step_by(1000) {
        let part = x.clone().slice_dim(0, start..rows.min(start + 1000));
        values.extend(of(part).into_data().try_to_vec::<f32>()?);
    }
    Ok(values)
}

/// Adam at rate 1e-3, in batches drawn anew in each epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Training {
    pub(super) epochs: usize,
    pub(super) batch: usize,
    /// Added to the gradient times the weights.
    pub(super) weight_decay: f32,
    pub(super) seed: u64,
}

impl Training {
    /// Trains a network that was drawn on an autodiff device. Gives what `look` sees after each epoch.
    ///
    /// `penalty` is of the network, a batch, its classes and the number of the step; it is added to the
    /// cross-entropy.
    pub(super) fn fit<N: Network, T>(
        &self,
        mut network: N,
        data: &Pictures,
        device: &Device,
        penalty: impl Fn(&N, &Tensor<4>, &Tensor<1, Int>, u64) -> Result<Option<Tensor<1>>, ExperimentError>,
        mut look: impl FnMut(&N) -> Result<T, ExperimentError>,
    ) -> Result<Vec<T>, ExperimentError> {
        let (x, classes) = (data.tensor(device), data.classes(device));
        let decay = WeightDecayConfig::new(self.weight_decay);
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).with_weight_decay(Some(decay)).init();
        let noise = Noise { seed: self.seed, distribution: Distribution::Uniform };
        let (mut step, mut seen) = (0, Vec::new());
        for epoch in 0..self.epochs {
            for rows in shuffled(data.len(), noise, epoch as u64).chunks(self.batch) {
                let rows = Tensor::<1, Int>::from_data(rows, device);
                let x = x.clone().select(0, rows.clone()).autodiff();
                let classes = classes.clone().select(0, rows).autodiff();
                let mut loss = cross_entropy(network.logits(x.clone()), classes.clone());
                if let Some(penalty) = penalty(&network, &x, &classes, step)? {
                    loss = loss + penalty;
                }
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                network = optimizer.step(1e-3, network, gradients);
                step += 1;
            }
            seen.push(look(&network.valid())?);
        }
        Ok(seen)
    }
}
