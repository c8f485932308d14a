//! OLS-Tar: least squares on the labelled rows of the target alone, excess risk `σ²d/(n − d − 1)`.

use faer::Mat;
use serde::{Deserialize, Serialize};

use super::fit_residual;
use crate::linear::LinearModel;
use crate::{AdaptError, Fit, Labelled, SemiSupervised};

/// Least squares from nothing; with fewer rows than features, the shortest solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetOnly {
    /// Whether there is an intercept. Without one, rows should have mean 0.
    pub intercept: bool,
}

impl TargetOnly {
    /// Fits these rows.
    ///
    /// # Errors
    /// When the labels are classes.
    pub fn fit_labelled(&self, labelled: &Labelled<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        let (coefficients, intercept) = fit_residual(labelled.x(), labelled.values()?, self.intercept)?;
        LinearModel::new(coefficients.as_mat().to_owned(), vec![intercept])
    }
}

impl Fit<Mat<f64>> for TargetOnly {
    type Data = SemiSupervised<Mat<f64>>;
    type Fitted = LinearModel;

    /// Fits the labelled rows of the target.
    ///
    /// # Errors
    /// When the labels are classes.
    fn fit(&self, data: &SemiSupervised<Mat<f64>>) -> Result<LinearModel, AdaptError> {
        self.fit_labelled(data.labelled())
    }
}
