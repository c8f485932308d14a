//! Features and a real label that are Gaussian together.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat};

use super::random::{Purpose, Random};
use crate::linear::{FeatureMoments, Moments};
use crate::{AdaptError, Labelled, Labels};

/// The law of `(X, Y) = μ + F z` with standard normal `z`; the label is last.
#[derive(Debug, Clone)]
pub struct LinearGaussian {
    mean: Col<f64>,
    factor: Mat<f64>,
}

impl LinearGaussian {
    /// `(X, Y) = B (X, Y) + ε + a + E u`, with independent `ε` of these variances and standard normal `u`;
    /// `B` is acyclic.
    pub(super) fn structural(
        b: &Mat<f64>,
        variances: &[f64],
        shift: &Col<f64>,
        extra: Option<&Mat<f64>>,
    ) -> Self {
        let size = b.nrows();
        let total = (Mat::<f64>::identity(size, size) - b).partial_piv_lu().solve(Mat::identity(size, size));
        let columns = size + extra.map_or(0, Mat::ncols);
        let mut noise = Mat::zeros(size, columns);
        for (j, variance) in variances.iter().enumerate() {
            noise[(j, j)] = variance.sqrt();
        }
        if let Some(extra) = extra {
            noise.subcols_mut(size, extra.ncols()).copy_from(extra);
        }
        Self { mean: &total * shift, factor: total * noise }
    }

    /// Exact moments.
    ///
    /// # Errors
    /// When the numbers are so large that they overflow.
    pub fn moments(&self) -> Result<Moments, AdaptError> {
        let d = self.mean.nrows() - 1;
        let covariance = &self.factor * self.factor.transpose();
        let mean: Vec<f64> = self.mean.iter().copied().collect();
        let cross: Vec<f64> = (0..d).map(|j| covariance[(j, d)]).collect();
        let features = FeatureMoments::new(&mean[..d], &covariance.submatrix(0, 0, d, d).to_owned())?;
        Moments::new(features, &cross, mean[d], covariance[(d, d)])
    }

    pub(super) fn draw(
        &self,
        name: String,
        rows: usize,
        random: Random,
        purpose: Purpose,
        domain: usize,
    ) -> Result<Labelled<Mat<f64>>, AdaptError> {
        let d = self.mean.nrows() - 1;
        let all = random.gaussian(purpose, domain, rows, self.factor.ncols()) * self.factor.transpose();
        let x = Mat::from_fn(rows, d, |i, j| all[(i, j)] + self.mean[j]);
        let y: Vec<f64> = (0..rows).map(|i| all[(i, d)] + self.mean[d]).collect();
        Labelled::new(name, x, Labels::values(y))
    }
}
