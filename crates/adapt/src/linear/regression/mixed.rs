//! DIP⋄ and CIRM⋄: a method on what the causes of `y` leave unexplained.
//!
//! With `C` the features that are causes of `y`, regress `y` and every other feature on them over the pooled
//! sources, run the method on the residuals, and add the regressions back:
//!
//! ```text
//! y = γᵀx_C + y',   x_N = Γᵀx_C + x',   prediction γᵀx_C + β'ᵀ(x_N − Γᵀx_C) + intercept
//! ```
//!
//! The authors' code averages the coefficients of growing pools of sources; here all sources are pooled
//! once.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat};
use kiln_core::InputError;
use serde::{Deserialize, Serialize};

use super::Regression;
use crate::linear::algebra::cholesky;
use crate::linear::moments::check_moments;
use crate::linear::{FeatureMoments, LinearModel, Moments};
use crate::{AdaptError, Pooling};

/// A method on residuals; see the [module](self). Someone must know the causes: that makes it an oracle in
/// simulations.
///
/// ```
/// use kiln_adapt::linear::regression::{Dip, Mixed};
///
/// let dip_of_residuals = Mixed::new(vec![1, 3], Dip::new(0, 10.0));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixed<R> {
    /// Indices of the features that are causes of the label, each once.
    pub causal: Vec<usize>,
    /// The method.
    pub method: R,
    /// What each source counts in the regressions on the causes; by rows, those that the
    /// [moments](Moments::rows) are of.
    #[serde(default)]
    pub pooling: Pooling,
}

impl<R> Mixed<R> {
    /// Each source counted the same.
    pub fn new(causal: Vec<usize>, method: R) -> Self {
        Self { causal, method, pooling: Pooling::BySource }
    }
}

impl<R: Regression> Regression for Mixed<R> {
    fn fit_moments(&self, sources: &[Moments], target: &FeatureMoments) -> Result<LinearModel, AdaptError> {
        check_moments(sources, Some(target))?;
        let d = target.features();
        let mut is_cause = vec![false; d];
        for &cause in &self.causal {
            match is_cause.get_mut(cause) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    let must = "one of the features, and listed once";
                    return Err(InputError::setting("causal", cause as f64, must).into());
                }
            }
        }
        let causes = &self.causal;
        let others: Vec<usize> = (0..d).filter(|j| !is_cause[*j]).collect();
        let pooled = Moments::pooled(sources, self.pooling)?;
        let covariance = pooled.features().covariance();
        let factor = cholesky(
            &Mat::from_fn(causes.len(), causes.len(), |i, j| covariance[(causes[i], causes[j])]),
            "the covariance of the causes",
            "drop causes that are constant or sums of others",
        )?;
        let gamma = factor.solve(Col::from_fn(causes.len(), |i| pooled.cross_covariance()[causes[i]]));
        let of_others =
            factor.solve(Mat::from_fn(causes.len(), others.len(), |i, j| covariance[(causes[i], others[j])]));

        let mut residual = Mat::zeros(others.len(), d);
        let mut explained = Col::zeros(d);
        for (i, &other) in others.iter().enumerate() {
            residual[(i, other)] = 1.0;
            for (k, &cause) in causes.iter().enumerate() {
                residual[(i, cause)] = -of_others[(k, i)];
            }
        }
        for (k, &cause) in causes.iter().enumerate() {
            explained[cause] = gamma[k];
        }
        let sources: Vec<Moments> =
            sources.iter().map(|source| source.map(&residual, explained.as_ref())).collect();
        let inner = self.method.fit_moments(&sources, &target.map(&residual))?;
        let w = explained + residual.transpose() * inner.coefficients().col(0);
        LinearModel::new(w.as_mat().to_owned(), inner.intercepts().to_vec())
    }
}
