//! Adam on the cross-entropy to soft labels.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use kiln_tensor::training::{BatchLoss, Descent, RowOrder, TrainingTask, adam};

use super::settings::Supervised;
use crate::{AdaptError, FeatureModel, Rows};

/// Rows and the shares of their classes, seen in a new order in each epoch.
pub(super) struct SoftLabels<'a> {
    pub(super) z: &'a Tensor<2>,
    pub(super) labels: &'a Tensor<2>,
    pub(super) learning_rate: f64,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
}

impl<M: FeatureModel<Tensor<2>>> TrainingTask<M> for SoftLabels<'_> {
    type Batch = Vec<usize>;
    type Error = AdaptError;

    fn batches(&mut self, epoch: usize) -> Result<Vec<Vec<usize>>, AdaptError> {
        let rows = RowOrder::Shuffled { seed: self.seed }.of(self.z.dims()[0], epoch as u64);
        Ok(rows.chunks(self.batch_size).map(<[usize]>::to_vec).collect())
    }

    fn learning_rate(&self, _epoch: usize, _step: u64) -> f64 {
        self.learning_rate
    }

    /// Reports the sum of the rows' losses.
    fn loss(&mut self, model: &M, batch: &Vec<usize>, _step: u64) -> Result<BatchLoss, AdaptError> {
        let (z, labels) = (Rows::select(self.z, batch), Rows::select(self.labels, batch));
        let losses = cross_entropy(model, z.autodiff(), labels.autodiff());
        Ok(BatchLoss { report: losses.clone().inner().sum(), loss: losses.mean() })
    }
}

impl SoftLabels<'_> {
    /// A copy of the model after epochs until the loss no longer falls, without gradients.
    pub(super) fn supervised<M: FeatureModel<Tensor<2>>>(
        mut self,
        model: &M,
        settings: &Supervised,
    ) -> Result<M, AdaptError> {
        let (mut least, mut since) = (f64::INFINITY, 0);
        let count = self.z.dims()[0] as f64;
        let descent = Descent::new(model.clone().train(), adam());
        let descent = descent.run(settings.epochs, &mut self, |_, report| {
            let loss = report.sums.iter().sum::<f64>() / count;
            since = if loss < least { 0 } else { since + 1 };
            least = least.min(loss);
            Ok(if since == settings.patience { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(descent.module().valid())
    }
}

/// The cross-entropy of each row, `[n, 1]`.
pub(super) fn cross_entropy<M: Module + FeatureModel<Tensor<2>>>(
    model: &M,
    z: Tensor<2>,
    labels: Tensor<2>,
) -> Tensor<2> {
    -(log_softmax(model.forward(z), 1) * labels).sum_dim(1)
}
