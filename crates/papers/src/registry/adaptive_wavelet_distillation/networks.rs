//! The networks that are distilled, and their training by Adam on squared errors.

use burn::module::Module;
use burn::nn::{Linear, Lstm};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::TensorError;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::registry::small_networks::Uniform;
use kiln_receipts::statistics::mean;

/// A network as a function of `[batch, channels, length]`.
pub(super) trait Regression: Module {
    /// `[batch, outputs]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<2>;
}

/// Fully connected layers with rectifiers between.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    pub(super) fn new(widths: &[usize], seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut uniform = Uniform::new(seed, device);
        let layers = widths.windows(2).map(|pair| uniform.linear(pair[0], pair[1]));
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }
}

impl Regression for Mlp {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let mut x: Tensor<2> = x.flatten(1, 2);
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(if index == 0 { x } else { relu(x) });
        }
        x
    }
}

/// A long short-term memory and a linear layer on its last state.
#[derive(Module, Debug)]
pub(super) struct Recurrent {
    lstm: Lstm,
    last: Linear,
}

impl Recurrent {
    pub(super) fn new(hidden: usize, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut uniform = Uniform::new(seed, device);
        Ok(Self { lstm: uniform.lstm(1, hidden), last: uniform.linear(hidden, 1)? })
    }
}

impl Regression for Recurrent {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, state) = self.lstm.forward(x.swap_dims(1, 2), None);
        self.last.forward(state.hidden)
    }
}

/// Adam on squared errors, batches of 100 in a new order each epoch; the network is on a device with
/// autodiff.
pub(super) fn trained<M: Regression>(
    mut network: M,
    x: &Tensor<3>,
    y: &Tensor<2>,
    (epochs, learning_rate): (usize, f64),
    seed: u64,
) -> M {
    const BATCH: usize = 100;
    let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<i64> = (0..x.dims()[0].cast_signed() as i64).collect();
    for _ in 0..epochs {
        for place in (1..order.len()).rev() {
            order.swap(place, (rng.next_u64() % (place as u64 + 1)) as usize);
        }
        for batch in order.chunks(BATCH) {
            let rows = Tensor::from_data(TensorData::new(batch.to_vec(), [batch.len()]), &x.device());
            let (x, y) = (x.clone().select(0, rows.clone()), y.clone().select(0, rows));
            let loss = (network.forward(x.autodiff()) - y.autodiff()).square().mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = adam.step(learning_rate, network, gradients);
        }
    }
    network
}

/// One less the squared error over the variance.
pub(super) fn r_squared(predictions: &[f64], y: &[f64]) -> f64 {
    let mean = mean(y);
    let errors: f64 = predictions.iter().zip(y).map(|(p, y)| (p - y).powi(2)).sum();
    1.0 - errors / y.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
}

/// A tensor's numbers.
pub(super) fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}
