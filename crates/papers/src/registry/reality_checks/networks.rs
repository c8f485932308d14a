//! The small networks of the experiments, drawn as PyTorch draws them, and how they are trained.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::{AdamConfig, decay::WeightDecayConfig};
use burn::tensor::{Device, Int, Tensor};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_tensor::TensorError;
use kiln_tensor::network::{
    ConvolutionalNetwork, ConvolutionalSizes, InitialLaw, LayerDraws, MultilayerPerceptron,
};
use kiln_tensor::training::{ByBatches, Descent, RowOrder, cross_entropy, index_tensor};

use serde::{Deserialize, Serialize};

use crate::pictures::{AwdCnn, Pictures, TrimLeNet};
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

/// Linear layers on the pixels, with rectifiers between them.
#[derive(Module, Debug)]
pub(super) struct OnPixels {
    perceptron: MultilayerPerceptron,
}

impl OnPixels {
    pub(super) fn new(widths: &[usize], seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, seed, device);
        Ok(Self { perceptron: MultilayerPerceptron::new(widths, &mut layers)? })
    }
}

impl Network for OnPixels {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        self.perceptron.forward(x.flatten(1, 3))
    }
}

impl Decompose<4, 2> for OnPixels {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        parts.flatten().through(&self.perceptron)
    }
}

/// A convolutional network that `PyTorch` would draw.
pub(super) fn drawn(
    sizes: &ConvolutionalSizes,
    seed: u64,
    device: &Device,
) -> Result<ConvolutionalNetwork, TensorError> {
    ConvolutionalNetwork::new(sizes, &mut LayerDraws::new(InitialLaw::FanIn, seed, device))
}

impl Network for ConvolutionalNetwork {
    fn logits(&self, x: Tensor<4>) -> Tensor<2> {
        self.forward(x)
    }
}

/// How a network without autodiff does on pictures.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Look {
    /// Share that it puts in their class, in percent.
    pub(super) accuracy: f64,
    /// Mean cross-entropy.
    pub(super) loss: f64,
}

impl Look {
    pub(super) fn at<N: Network>(network: &N, x: &Tensor<4>, labels: &[u8]) -> Result<Self, ExperimentError> {
        let logits = in_batches(x, |x| network.logits(x))?;
        let (mut right, mut loss) = (0_u32, 0.0);
        for (row, &label) in logits.chunks_exact(logits.len() / labels.len()).zip(labels) {
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let of_label = row[usize::from(label)];
            right += u32::from(row.iter().position(|x| *x == most) == Some(usize::from(label)));
            loss +=
                f64::from(most - of_label) + row.iter().map(|x| f64::from(x - most).exp()).sum::<f64>().ln();
        }
        let count = labels.len() as f64;
        Ok(Self { accuracy: 100.0 * f64::from(right) / count, loss: loss / count })
    }
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
#[derive(Debug, Clone, Copy, Serialize)]
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
        network: N,
        data: &Pictures,
        device: &Device,
        penalty: impl Fn(&N, &Tensor<4>, &Tensor<1, Int>, u64) -> Result<Option<Tensor<1>>, ExperimentError>,
        mut look: impl FnMut(&N) -> Result<T, ExperimentError>,
    ) -> Result<Vec<T>, ExperimentError> {
        let (x, classes) = (data.tensor(device), data.classes(device));
        let decay = WeightDecayConfig::new(self.weight_decay);
        let optimizer = AdamConfig::new().with_epsilon(1e-8).with_weight_decay(Some(decay)).init();
        let order = RowOrder::ByKeys { seed: self.seed };
        let mut task = ByBatches {
            batches: |epoch| {
                let rows = order.of(data.len(), epoch as u64);
                Ok(rows.chunks(self.batch).map(|rows| index_tensor(rows, device)).collect::<Vec<_>>())
            },
            learning_rate: 1e-3,
            loss: |network: &N, rows: &Tensor<1, Int>, step| -> Result<_, ExperimentError> {
                let x = x.clone().select(0, rows.clone()).autodiff();
                let classes = classes.clone().select(0, rows.clone()).autodiff();
                let loss = cross_entropy(network.logits(x.clone()), classes.clone())?;
                Ok(match penalty(network, &x, &classes, step)? {
                    Some(penalty) => loss + penalty,
                    None => loss,
                })
            },
        };
        let mut seen = Vec::new();
        Descent::new(network, optimizer).run(self.epochs, &mut task, |network, _| {
            seen.push(look(&network.valid())?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(seen)
    }
}
