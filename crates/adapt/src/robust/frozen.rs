use burn::tensor::Tensor;
use kiln_core::check;

use crate::adapted::in_batches;
use crate::{AdaptError, Adaptation, FeatureModel, Labelled, Rows, Unlabelled};

/// The same problem on a fitted model's features, `batch_size` rows of it at a time: where a deep model's
/// head is adapted and the rest is kept as it is.
///
/// # Errors
/// When the batch size is 0, the rows are not those that the model takes, or a feature is not finite.
pub fn frozen_features<X: Rows, M: FeatureModel<X>>(
    model: &M,
    data: &Adaptation<X>,
    batch_size: usize,
) -> Result<Adaptation<Tensor<2>>, AdaptError> {
    check::at_least_one("batch_size", batch_size)?;
    let model = model.valid();
    let features = |x: &X| in_batches(&model, x, batch_size, FeatureModel::features);
    let map = |source: &Labelled<X>| source.with_rows(features(source.x())?, source.y().clone());
    let sources = data.sources().iter().map(map).collect::<Result<_, _>>()?;
    Adaptation::new(sources, Unlabelled::new(data.target().name(), features(data.target().x())?)?)
}
