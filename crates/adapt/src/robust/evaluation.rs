use burn::tensor::Tensor;
use kiln_core::check;

use crate::adapted::{BATCH, in_batches, matrix};
use crate::predict::largest;
use crate::{AdaptError, Evaluation, FeatureModel, Labelled};

/// How well any classifier of features does on a domain with labels, as a validation score needs it.
///
/// # Errors
/// When the labels are not classes, or the model has another number of outputs, takes other rows or lives on
/// another device than the rows.
pub fn evaluate<M: FeatureModel<Tensor<2>>>(
    model: &M,
    domain: &Labelled<Tensor<2>>,
) -> Result<Evaluation, AdaptError> {
    let (truth, count) = domain.classes()?;
    let scores = matrix(in_batches(&model.valid(), domain.x(), BATCH, FeatureModel::forward)?)?;
    check::size("outputs of the model", scores.ncols(), count)?;
    let classes: Vec<usize> = (0..scores.nrows()).map(|row| largest(&scores, row)).collect();
    Ok(Evaluation::of_classes(&classes, truth, count, |row| domain.weight(row)))
}
