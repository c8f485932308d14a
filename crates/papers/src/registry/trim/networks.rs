//! How networks are trained and asked.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_tensor::TensorError;
use kiln_tensor::training::{ByRows, Descent, EpochReport, RowOrder, index_tensor};

use crate::pictures::AwdCnn;
use kiln_receipts::ExperimentError;

/// Of pictures `[batch, height, width]`.
pub(super) fn outputs(network: &AwdCnn, x: Tensor<3>) -> Tensor<2> {
    network.forward(x.unsqueeze_dim(1))
}

/// What a part of pictures does to the outputs, all the rest being irrelevant.
pub(super) fn relevant(
    network: &AwdCnn,
    part: Tensor<3>,
    all: &Tensor<3>,
) -> Result<Tensor<2>, InterpretError> {
    let parts = Parts::new(part.clone(), all.clone() - part)?;
    Ok(network.decompose(parts.map_linear(|x| x.unsqueeze_dim::<4>(1)))?.relevant)
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
