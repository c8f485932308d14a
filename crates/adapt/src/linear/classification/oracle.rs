//! A classifier that sees the target's labels: for comparison, never for adaptation.

use faer::Mat;
use kiln_core::check;

use super::{Constraints, Stacked};
use crate::linear::LinearModel;
use crate::{AdaptError, Labelled, Pooling};

/// Logistic regression on labelled rows of the target, with a ridge as in the [module](super).
///
/// # Errors
/// When the ridge is negative, the labels are values, or the solver does not converge.
pub fn target_logistic(labelled_target: &Labelled<Mat<f64>>, ridge: f64) -> Result<LinearModel, AdaptError> {
    check::nonnegative("ridge", ridge)?;
    let constraints = Constraints::none(labelled_target.x().ncols());
    Stacked::new(std::slice::from_ref(labelled_target), None, Pooling::BySource)?.fit(&constraints, ridge)
}
