//! The networks of the experiments, drawn as `PyTorch` draws them.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, Relu};
use burn::optim::ModuleOptimizer;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_tensor::TensorError;
use kiln_tensor::network::{InitialLaw, LayerDraws};
use kiln_tensor::training::{ByRows, Descent, EpochReport, RowOrder, index_tensor};

use kiln_receipts::ExperimentError;

/// Two convolutions of 5×5, each followed by pooling and a rectifier, then a hidden layer.
#[derive(Module, Debug)]
pub(super) struct Convolutional {
    first: Conv2d,
    second: Conv2d,
    hidden: Linear,
    last: Linear,
    pool: MaxPool2d,
}

const KERNEL: usize = 5;

impl Convolutional {
    /// For pictures of `side` pixels, with 10 and 20 channels and 50 hidden units.
    pub(super) fn new(side: usize, outputs: usize, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut draw = LayerDraws::new(InitialLaw::FanIn, seed, device);
        let shrink = |side: usize| (side + 1 - KERNEL) / 2;
        let side = shrink(shrink(side));
        Ok(Self {
            first: draw.convolution([1, 10], KERNEL, 0)?,
            second: draw.convolution([10, 20], KERNEL, 0)?,
            hidden: draw.linear(20 * side * side, 50)?,
            last: draw.linear(50, outputs)?,
            pool: MaxPool2dConfig::new([2, 2]).init(),
        })
    }

    /// Of pictures `[batch, height, width]`.
    pub(super) fn outputs(&self, x: Tensor<3>) -> Tensor<2> {
        let x = relu(self.pool.forward(self.first.forward(x.unsqueeze_dim(1))));
        let x = relu(self.pool.forward(self.second.forward(x)));
        self.last.forward(relu(self.hidden.forward(x.flatten(1, 3))))
    }
}

impl Decompose<3, 2> for Convolutional {
    fn decompose(&self, parts: Parts<3>) -> Result<Parts<2>, InterpretError> {
        let parts = parts.map_linear(|x| x.unsqueeze_dim::<4>(1));
        let parts = parts.through(&self.first)?.through(&self.pool)?.through(&Relu)?;
        let parts = parts.through(&self.second)?.through(&self.pool)?.through(&Relu)?;
        parts.flatten().through(&self.hidden)?.through(&Relu)?.through(&self.last)
    }
}

/// How often which rows are seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Training {
    pub(super) epochs: usize,
    pub(super) batch: usize,
    pub(super) rate: f64,
    pub(super) seed: u64,
}

impl Training {
    /// Trains on batches of `rows`, drawn anew in each epoch, of which `loss` is told the numbers.
    pub(super) fn fit<N: Module>(
        &self,
        network: N,
        optimizer: ModuleOptimizer,
        rows: usize,
        loss: impl Fn(&N, Tensor<1, Int>) -> Result<Tensor<1>, TensorError>,
        device: &Device,
    ) -> Result<N, TensorError> {
        let mut task = ByRows {
            rows,
            batch_size: self.batch,
            order: RowOrder::ByKeys { seed: self.seed },
            learning_rate: self.rate,
            loss: |network: &N, rows: &[usize]| loss(network, index_tensor(rows, device)),
        };
        let go_on = |_: &N, _: &EpochReport| Ok(ControlFlow::Continue(()));
        Ok(Descent::new(network, optimizer).run(self.epochs, &mut task, go_on)?.into_module())
    }
}

/// What a network answers, 500 rows at a time.
pub(super) fn in_batches<const D: usize>(
    x: &Tensor<D>,
    of: impl Fn(Tensor<D>) -> Result<Tensor<2>, ExperimentError>,
) -> Result<Tensor<2>, ExperimentError> {
    let rows = x.dims()[0];
    let parts = (0..rows).step_by(500).map(|start| of(x.clone().narrow(0, start, 500.min(rows - start))));
    Ok(Tensor::cat(parts.collect::<Result<_, _>>()?, 0))
}

/// The column with the largest number in each row.
pub(super) fn best(scores: Tensor<2>) -> Result<Vec<usize>, ExperimentError> {
    let best = scores.argmax(1).try_into_vec_as::<i64>()?;
    Ok(best.into_iter().map(|place| usize::try_from(place).unwrap_or(usize::MAX)).collect())
}

/// The share of `found` that is `right`.
pub(super) fn share<T: PartialEq>(found: &[T], right: impl Fn(usize) -> T) -> f64 {
    found.iter().enumerate().filter(|(i, found)| **found == right(*i)).count() as f64 / found.len() as f64
}

/// Rows of `f32`.
pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Classes for [`cross_entropy`].
pub(super) fn classes(values: &[bool], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.iter().map(|&value| i32::from(value)).collect();
    Tensor::from_data(values.as_slice(), device)
}
