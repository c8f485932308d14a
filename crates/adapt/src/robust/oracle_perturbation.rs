use burn::tensor::Tensor;
use kiln_core::InputError;

use super::host::one_hot;
use super::method::RobustMethod;
use super::problem::{Problem, Score};
use super::result::Robust;
use crate::{AdaptError, Adaptation, FeatureModel, Labelled};

/// The variant in the notebook released with the paper, whose step (a) perturbs rows against the **true
/// labels of the target**. It is an oracle, there to reproduce that notebook's figures: it is not
/// unsupervised, and [`fit`](crate::Fit::fit) never does this.
///
/// Everything else is as in [`fit_validated`](RobustMethod::fit_validated); the robust value is that of the
/// label-free problem.
///
/// # Errors
/// As [`fit_validated`](RobustMethod::fit_validated).
pub fn oracle_perturbation<M: FeatureModel<Tensor<2>>>(
    method: &RobustMethod<M>,
    sources: Vec<Labelled<Tensor<2>>>,
    labelled_target: &Labelled<Tensor<2>>,
    score: Option<&mut Score<M>>,
) -> Result<Robust<M>, AdaptError> {
    let data = Adaptation::new(sources, labelled_target.without_labels())?;
    let (classes, count) = labelled_target.classes()?;
    if count != data.outputs() {
        let what = format!("classes of {}", labelled_target.name());
        return Err(InputError::size(what, count, data.outputs()).into());
    }
    let labels = one_hot(classes, count, &labelled_target.x().device().inner());
    let conditionals = method.settings.estimate_conditionals(&data)?;
    let model = method.started(&data)?;
    Problem::new(&method.settings, data.target(), &conditionals)?.solve(&model, Some(&labels), score)
}
