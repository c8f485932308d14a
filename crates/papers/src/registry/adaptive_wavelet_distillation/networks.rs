//! The networks that are distilled, and their training by Adam on squared errors.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use kiln_core::random::{self, Rng};
use kiln_receipts::statistics::mean;
use kiln_tensor::TensorError;
use kiln_tensor::network::{ConvolutionalNetwork, InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::{ByBatches, Descent, adam, index_tensor, mean_squared_error};

/// A network as a function of tensors of three axes.
pub(super) trait Regression: Module {
    /// `[batch, outputs]`.
    fn outputs(&self, x: Tensor<3>) -> Tensor<2>;
}

/// Pixels or samples in one row.
impl Regression for MultilayerPerceptron {
    fn outputs(&self, x: Tensor<3>) -> Tensor<2> {
        self.forward(x.flatten(1, 2))
    }
}

/// Layers of these widths with rectifiers between.
pub(super) fn perceptron(
    widths: &[usize],
    seed: u64,
    device: &Device,
) -> Result<MultilayerPerceptron, TensorError> {
    MultilayerPerceptron::new(widths, &mut LayerDraws::new(InitialLaw::FanIn, seed, device))
}

/// Pictures of one channel, `[batch, rows, columns]`.
impl Regression for ConvolutionalNetwork {
    fn outputs(&self, x: Tensor<3>) -> Tensor<2> {
        self.forward(x.unsqueeze_dim(1))
    }
}

/// Adam on squared errors, batches of 100 in a new order each epoch; the network is on a device with
/// autodiff.
pub(super) fn trained<M: Regression>(
    network: M,
    x: &Tensor<3>,
    y: &Tensor<2>,
    (epochs, learning_rate): (usize, f64),
    seed: u64,
) -> Result<M, TensorError> {
    const BATCH: usize = 100;
    let mut generator = random::stream(seed, 0);
    // Each epoch goes on from the order of the last.
    let mut order: Vec<usize> = (0..x.dims()[0]).collect();
    let mut task = ByBatches {
        batches: |_| {
            for place in (1..order.len()).rev() {
                order.swap(place, (generator.next_u64() % (place as u64 + 1)) as usize);
            }
            Ok(order.chunks(BATCH).map(|batch| index_tensor(batch, &x.device())).collect::<Vec<_>>())
        },
        learning_rate,
        loss: |network: &M, rows: &Tensor<1, Int>, _| {
            let (x, y) = (x.clone().select(0, rows.clone()), y.clone().select(0, rows.clone()));
            mean_squared_error(network.outputs(x.autodiff()), y.autodiff())
        },
    };
    let trained =
        Descent::new(network, adam()).run(epochs, &mut task, |_, _| Ok(ControlFlow::Continue(())))?;
    Ok(trained.into_module())
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
