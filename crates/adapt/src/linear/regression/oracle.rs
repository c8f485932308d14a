//! Regressions that see the target's labels: for comparison, never for adaptation.

use faer::Mat;
use kiln_core::check;

use super::{Dip, matched, of_sources};
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments};
use crate::{AdaptError, Adaptation, Labelled, SourceChoice};

/// Least squares on labelled rows of the target.
///
/// # Errors
/// When the labels are classes, `ridge` is negative, or the covariance is singular.
pub fn target_ols(labelled_target: &Labelled<Mat<f64>>, ridge: f64) -> Result<LinearModel, AdaptError> {
    check::nonnegative("ridge", ridge)?;
    Moments::of(labelled_target)?.regression(ridge)
}

/// DIP with the target's covariances in place of the source's, `(S_T + λ Δ Δᵀ) β = c_T`: the best that
/// matching means with this weight can do.
///
/// # Errors
/// As DIP, and when the target does not fit the sources.
pub fn dip_oracle(
    dip: &Dip,
    data: &Adaptation<Mat<f64>>,
    labelled_target: &Labelled<Mat<f64>>,
) -> Result<LinearModel, AdaptError> {
    dip.check()?;
    let sources = of_sources(data.sources())?;
    let target = Moments::of(labelled_target)?;
    check_moments(&sources, Some(target.features()))?;
    let source = &SourceChoice::One(dip.source).pick(&sources)?[0];
    let unlabelled = FeatureMoments::of(data.target().x())?;
    matched(&target, &(unlabelled.mean() - source.features().mean()), dip.weight, dip.ridge)
}
