//! Multinomial logistic regression with a squared penalty, in the convention of scikit-learn.
//!
//! ```text
//! min ½ ‖W‖² + C Σ over rows of the loss
//! ```
//!
//! The intercept is free. Two classes have one vector of coefficients, `½ |w|²`, as there. The solvers are
//! those of [`kiln_linear`], to a duality gap of 1e-12 of the loss of the best constant answer, whatever the
//! units.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Stacked, logistic};
use crate::linear::LinearModel;
use crate::{AdaptError, Adaptation, Fit, Labelled, Pooling};

/// Penalised logistic regression; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// `C`, above 0: the larger, the weaker the penalty. scikit-learn's default is 1.
    pub c: f64,
    /// What each of several sources counts.
    pub pooling: Pooling,
}

impl Default for Logistic {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Logistic {
    /// With this `C`, each source counted the same.
    pub const fn new(c: f64) -> Self {
        Self { c, pooling: Pooling::BySource }
    }

    /// Fits one domain, whichever it is.
    ///
    /// # Errors
    /// When `c` is not above 0, the labels are values, a class is without a row, or the solver does not
    /// converge.
    pub fn fit_domain(&self, domain: &Labelled<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_domains(std::slice::from_ref(domain))
    }

    /// Fits one domain whose rows have these weights, such as [importance
    /// weights](crate::linear::density_ratio).
    ///
    /// # Errors
    /// As [`fit_domain`](Self::fit_domain); when there are not as many weights as rows, one is negative or
    /// not finite, or those of a class are all 0; when the domain has weights already.
    pub fn fit_weighted(
        &self,
        domain: &Labelled<Mat<f64>>,
        weights: &[f64],
    ) -> Result<LinearModel, AdaptError> {
        check::positive("c", self.c)?;
        domain.unweighted()?;
        self.fit_domain(&domain.clone().weighted(weights)?)
    }

    fn fit_domains(self, domains: &[Labelled<Mat<f64>>]) -> Result<LinearModel, AdaptError> {
        check::positive("c", self.c)?;
        let Stacked { x, classes, count, weights, total } = Stacked::new(domains, None, self.pooling)?;
        let counts = |class: usize| classes.iter().zip(&weights).any(|(of, w)| *of == class && *w > 0.0);
        if let Some(class) = (0..count).find(|class| !counts(*class)) {
            let domain = domains.iter().map(Labelled::name).collect::<Vec<_>>().join(", ");
            return Err(missing(domain, class));
        }
        let ridge = 1.0 / (self.c * total);
        check::setting("sum of the weights", total, total.is_finite() && ridge.is_finite(), SUM)?;
        logistic(&x, &classes, count, &weights, ridge)
    }
}

impl Fit<Mat<f64>> for Logistic {
    type Data = Adaptation<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits all sources. Pooled by source, a row of a source with `n_m` of the `n` rows of `M` sources counts
    /// `n / (M n_m)`.
    ///
    /// # Errors
    /// As [`fit_domain`](Self::fit_domain).
    fn fit(&self, data: &Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_domains(data.sources())
    }
}

const SUM: &str =
    "neither so large nor so small that `1/(c · sum)` is lost: divide the weights by their mean";

fn missing(domain: String, class: usize) -> AdaptError {
    AdaptError::MissingClass { domain, class, why: "its free intercept would be infinite" }
}
