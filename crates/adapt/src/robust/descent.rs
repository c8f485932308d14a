//! Adam on the cross-entropy to soft labels.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use kiln_core::random;
use kiln_tensor::TensorError;
use rand::seq::SliceRandom;

use super::settings::Supervised;
use crate::{AdaptError, FeatureModel, Rows};

/// A model in training, with its optimizer's moments.
pub(super) struct Descent<M> {
    model: M,
    optimizer: ModuleOptimizer,
    learning_rate: f64,
    batch_size: usize,
    seed: u64,
    epochs: usize,
}

impl<M: FeatureModel<Tensor<2>>> Descent<M> {
    pub(super) fn new(model: &M, learning_rate: f64, batch_size: usize, seed: u64) -> Self {
        // PyTorch's ε; Burn's own is 1e-5.
        let optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        Self { model: model.clone().train(), optimizer, learning_rate, batch_size, seed, epochs: 0 }
    }

    /// The model, where gradients are recorded.
    pub(super) fn model(&self) -> &M {
        &self.model
    }

    /// One pass over the rows in a new order; the mean loss on the way.
    pub(super) fn epoch(mut self, z: &Tensor<2>, labels: &Tensor<2>) -> Result<(Self, f64), AdaptError> {
        let count = z.dims()[0];
        let mut rows: Vec<usize> = (0..count).collect();
        rows.shuffle(&mut random::stream(self.seed, self.epochs as u64));
        let mut total: Option<Tensor<1>> = None;
        for batch in rows.chunks(self.batch_size) {
            let losses = cross_entropy(
                &self.model,
                Rows::select(z, batch).autodiff(),
                Rows::select(labels, batch).autodiff(),
            );
            let sum = losses.clone().inner().sum();
            total = Some(match total {
                None => sum,
                Some(total) => total + sum,
            });
            let mut gradients = losses.mean().backward();
            let gradients = GradientsParams::from_module(&mut gradients, &self.model);
            self.model = self.optimizer.step(self.learning_rate, self.model, gradients);
        }
        let loss = match total {
            None => 0.0,
            Some(total) => total.try_into_scalar::<f64>().map_err(TensorError::from)? / count as f64,
        };
        if !loss.is_finite() {
            return Err(AdaptError::Diverged { epoch: self.epochs, loss });
        }
        self.epochs += 1;
        Ok((self, loss))
    }

    /// Epochs until the loss no longer falls; the model without gradients.
    pub(super) fn supervised(
        mut self,
        z: &Tensor<2>,
        labels: &Tensor<2>,
        settings: &Supervised,
    ) -> Result<M, AdaptError> {
        let (mut least, mut since) = (f64::INFINITY, 0);
        for _ in 0..settings.epochs {
            let (next, loss) = self.epoch(z, labels)?;
            self = next;
            since = if loss < least { 0 } else { since + 1 };
            least = least.min(loss);
            if since == settings.patience {
                break;
            }
        }
        Ok(self.model.valid())
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
