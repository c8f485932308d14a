use burn::tensor::Tensor;
use kiln_tensor::TensorError;

use super::check_model;
use crate::{AdaptError, Evaluation, FeatureModel, Labelled, Unlabelled};

/// How well any classifier of features does on a domain with labels, as a validation score needs it.
///
/// # Errors
/// When the labels are not classes, or the model has another number of outputs or lives on another device
/// than the rows.
pub fn evaluate<M: FeatureModel<Tensor<2>>>(
    model: &M,
    domain: &Labelled<Tensor<2>>,
) -> Result<Evaluation, AdaptError> {
    let (truth, count) = domain.classes()?;
    check_model(model, domain.x(), count)?;
    Ok(Evaluation::of_classes(&classes(model, domain.x().clone())?, truth, count))
}

pub(super) fn classes<M: FeatureModel<Tensor<2>>>(model: &M, z: Tensor<2>) -> Result<Vec<usize>, AdaptError> {
    let z = Unlabelled::new("the batch to predict", z)?.x().clone().inner();
    let best = model.valid().forward(z).argmax(1).try_into_vec_as::<i64>().map_err(TensorError::from)?;
    Ok(best.into_iter().map(|class| class as usize).collect())
}
