//! The networks that are distilled, and their training by Adam on squared errors.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::{Linear, LinearConfig, Lstm, LstmConfig};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::{Distribution, Noise};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::claim::ExperimentError;

/// A network with one output, as a function of `[batch, channels, length]`.
pub(super) trait Regression: Module {
    /// `[batch, 1]`.
    fn forward(&self, x: Tensor<3>) -> Tensor<2>;
}

/// Fully connected layers with rectifiers between.
#[derive(Module, Debug)]
pub(super) struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    pub(super) fn new(widths: &[usize], seed: u64, device: &Device) -> Self {
        let layers = widths.windows(2).map(|pair| LinearConfig::new(pair[0], pair[1]).init(device)).collect();
        // Burn's linear layers are [inputs, outputs].
        drawn(Self { layers }, seed, |shape| shape[0])
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
    pub(super) fn new(hidden: usize, seed: u64, device: &Device) -> Self {
        let lstm = LstmConfig::new(1, hidden, true).init(device);
        let last = LinearConfig::new(hidden, 1).init(device);
        drawn(Self { lstm, last }, seed, |_| hidden)
    }
}

impl Regression for Recurrent {
    fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, state) = self.lstm.forward(x.swap_dims(1, 2), None);
        self.last.forward(state.hidden)
    }
}

/// Every parameter drawn uniformly from ±`1/√fan_in`, as PyTorch does; a bias has the fan-in of the weight before it.
fn drawn<M: Module>(module: M, seed: u64, fan_in: impl Fn(&[usize]) -> usize) -> M {
    struct Draw<F> {
        noise: Noise,
        next: u64,
        bound: f64,
        fan_in: F,
    }
    impl<F: Fn(&[usize]) -> usize> ModuleMapper for Draw<F> {
        fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
            parameter.map(|old| {
                if D > 1 {
                    self.bound = ((self.fan_in)(&old.dims()) as f64).sqrt().recip();
                }
                let mut values = vec![0.0_f32; old.shape().num_elements()];
                self.noise.fill(self.next, 0, &mut values);
                self.next += 1;
                let uniform = Tensor::<D>::from_data(TensorData::new(values, old.dims()), &old.device());
                (uniform * (2.0 * self.bound) - self.bound).detach().require_grad()
            })
        }
    }
    let noise = Noise { seed, distribution: Distribution::Uniform };
    module.map(&mut Draw { noise, next: 0, bound: 0.0, fan_in })
}

/// Adam on squared errors, batches of 100 in a new order each epoch; the network is on a device with autodiff.
pub(super) fn trained<M: Regression>(
    mut network: M,
    x: &Tensor<3>,
    y: &Tensor<2>,
    (epochs, learning_rate): (usize, f64),
    seed: u64,
) -> Result<M, ExperimentError> {
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
    Ok(network)
}

/// One less the squared error over the variance.
pub(super) fn r_squared(predictions: &[f64], y: &[f64]) -> f64 {
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let errors: f64 = predictions.iter().zip(y).map(|(p, y)| (p - y).powi(2)).sum();
    1.0 - errors / y.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
}

/// A tensor's numbers.
pub(super) fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}
