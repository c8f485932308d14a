use burn::tensor::Tensor;

use super::conditionals::one_hot;
use super::problem::Problem;
use super::{Robust, RobustClassification, Score};
use crate::{AdaptError, Adaptation, FeatureModel, Labelled};

/// The variant in the notebook released with the paper, whose step (a) perturbs rows against the **true labels of the
/// target**. It is an oracle, there to reproduce that notebook's figures: it is not unsupervised, and
/// [`RobustClassification::fit`] never does this.
///
/// Everything else is as in [`fit_validated`](RobustClassification::fit_validated); the robust value is that of the
/// label-free problem.
///
/// # Errors
/// As [`fit_validated`](RobustClassification::fit_validated).
pub fn oracle_perturbation<M: FeatureModel<Tensor<2>>>(
    settings: &RobustClassification,
    sources: Vec<Labelled<Tensor<2>>>,
    labelled_target: &Labelled<Tensor<2>>,
    model: &M,
    score: Option<&mut Score<M>>,
) -> Result<Robust<M>, AdaptError> {
    let data = Adaptation::new(sources, labelled_target.without_labels())?;
    let (classes, count) = labelled_target.classes()?;
    if count != data.outputs() {
        let what = format!("classes of {}", labelled_target.name());
        return Err(AdaptError::Size { what, found: count, expected: data.outputs() });
    }
    let labels = one_hot(classes, count, &labelled_target.x().device().inner());
    let conditionals = settings.estimate_conditionals(&data)?;
    let model = settings.started(&data, model)?;
    Problem::new(settings, data.target(), &conditionals)?.solve(&model, Some(&labels), score)
}
