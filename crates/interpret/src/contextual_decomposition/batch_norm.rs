//! Batch norm by its running statistics, also while training: an affine map of each channel.

use burn::nn::BatchNorm;
use kiln_core::InputError;

use super::parts::epsilon;
use super::{Decompose, Parts};
use crate::InterpretError;

impl<const D: usize> Decompose<D, D> for BatchNorm {
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<D>, InterpretError> {
        if D < 2 {
            return Err(InputError::size("axes of the input of a batch norm", D, 2).into());
        }
        let gamma = self.gamma.val();
        let [channels] = gamma.dims();
        parts.require_size("channels of the input of a batch norm", 1, channels)?;
        let parts = parts.beside(&gamma)?;
        let device = gamma.device();
        let mean = self.running_mean.value().to_device(&device);
        let variance = self.running_var.value().to_device(&device);
        let scale = gamma / (variance + self.epsilon).sqrt();
        let shift = self.beta.val() - scale.clone() * mean;
        let mut shape = [1; D];
        shape[1] = channels;
        let scale = scale.reshape(shape);
        let parts = parts.map_linear(|part| part * scale.clone());
        // Where both parts are 0 the irrelevant one gets the shift.
        let [ours, others] = [&parts.relevant, &parts.irrelevant].map(|part| part.clone().abs());
        let share = ours.clone() / (ours + others + epsilon(shift.dtype()));
        Ok(parts.add_shared(share, shift.reshape(shape)))
    }
}
