//! Labels and probabilities between the host and the device.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::TensorError;

use crate::{AdaptError, Adaptation, FeatureModel};

/// All sources' rows and classes.
pub(super) fn pooled(data: &Adaptation<Tensor<2>>) -> Result<(Tensor<2>, Vec<usize>), AdaptError> {
    let (mut parts, mut classes) = (Vec::new(), Vec::new());
    for source in data.sources() {
        parts.push(source.x().clone().inner());
        classes.extend_from_slice(source.classes()?.0);
    }
    Ok((Tensor::cat(parts, 0), classes))
}

/// A row per class index, 1 in its column.
pub(super) fn one_hot(classes: &[usize], count: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0.0; classes.len() * count];
    classes.iter().enumerate().for_each(|(row, class)| rows[row * count + class] = 1.0);
    tensor(&rows, count, device)
}

/// Numbers row after row as a tensor.
pub(super) fn tensor(rows: &[f64], columns: usize, device: &Device) -> Tensor<2> {
    let numbers: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Tensor::from_data(TensorData::new(numbers, [rows.len() / columns, columns]), device)
}

/// Logarithms of a model's class probabilities, row after row.
pub(super) fn log_probabilities<M: Module + FeatureModel<Tensor<2>>>(
    model: &M,
    z: &Tensor<2>,
) -> Result<Vec<f64>, AdaptError> {
    let logits = model.valid().forward(z.clone());
    let classes = logits.dims()[1];
    let mut rows = logits.try_into_vec_as::<f64>().map_err(TensorError::from)?;
    for row in rows.chunks_exact_mut(classes) {
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - most).exp()).sum();
        for logit in row.iter_mut() {
            *logit -= most + sum.ln();
        }
    }
    Ok(rows)
}
