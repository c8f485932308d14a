//! Two classes with Gaussian features of one covariance: accuracies in closed form.
//!
//! With shares `1 − p` and `p`, means `μ₀` and `μ₁`, covariance `Σ`, and `Φ` the normal distribution
//! function,
//!
//! ```text
//! accuracy of the sign of wᵀx + b:  (1 − p) Φ(−(wᵀμ₀ + b)/s) + p Φ((wᵀμ₁ + b)/s),   s² = wᵀΣw
//! of the best classifier:           (1 − p) Φ(δ/2 + t) + p Φ(δ/2 − t),   t = ln((1 − p)/p)/δ
//! ```
//!
//! where `δ² = (μ₁ − μ₀)ᵀ Σ⁻¹ (μ₁ − μ₀)`; half-way between the means the best direction reaches `Φ(δ/2)`.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat};
use kiln_core::{InputError, check};

use super::random::{Purpose, Random};
use crate::linear::LinearModel;
use crate::linear::algebra::cholesky;
use crate::{AdaptError, Labelled, Labels};

/// `Φ`.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// The law of a domain; see the [module](self).
#[derive(Debug, Clone)]
pub struct TwoGaussians {
    positive_share: f64,
    means: [Vec<f64>; 2],
    covariance: Mat<f64>,
    /// Lower triangular `L` with `L Lᵀ = Σ`.
    factor: Mat<f64>,
    separation: f64,
}

impl TwoGaussians {
    /// `p`, `[μ₀, μ₁]` and `Σ`.
    ///
    /// # Errors
    /// When `p` is not in `[0, 1]`, sizes do not fit, something is not finite, or `Σ` is not positive
    /// definite.
    pub fn new(positive_share: f64, means: [Vec<f64>; 2], covariance: Mat<f64>) -> Result<Self, AdaptError> {
        check::probability("positive_share", positive_share)?;
        let features = covariance.ncols();
        for found in [means[0].len(), means[1].len(), covariance.nrows()] {
            if found != features {
                let what = "features of the means and rows of the covariance";
                return Err(InputError::size(what, found, features).into());
            }
        }
        if !covariance.is_all_finite() || means.iter().flatten().any(|mean| !mean.is_finite()) {
            return Err(InputError::not_finite("the means or the covariance").into());
        }
        let factor = cholesky(&covariance, "the covariance", "give every feature noise of its own")?;
        let difference = Col::from_fn(features, |j| means[1][j] - means[0][j]);
        let squared: f64 = difference.transpose() * factor.solve(&difference);
        let lower = Mat::from_fn(features, features, |i, j| if i >= j { factor.L()[(i, j)] } else { 0.0 });
        Ok(Self { positive_share, means, covariance, factor: lower, separation: squared.max(0.0).sqrt() })
    }

    /// `p`.
    pub fn positive_share(&self) -> f64 {
        self.positive_share
    }

    /// `[μ₀, μ₁]`.
    pub fn means(&self) -> &[Vec<f64>; 2] {
        &self.means
    }

    /// `Σ`.
    pub fn covariance(&self) -> &Mat<f64> {
        &self.covariance
    }

    /// `δ`.
    pub fn separation(&self) -> f64 {
        self.separation
    }

    /// Share of each class that the classifier gets right, `[class 0, class 1]`. One that ignores `x` is
    /// right about the class that it always predicts.
    ///
    /// # Errors
    /// When the model has another number of features, or not two outputs.
    pub fn recalls(&self, model: &LinearModel) -> Result<[f64; 2], AdaptError> {
        if model.outputs() != 2 || model.features() != self.covariance.ncols() {
            let found = vec![model.features(), model.outputs()];
            let expected = vec![self.covariance.ncols(), 2];
            return Err(InputError::shape("the classifier", &found, &expected).into());
        }
        let (w, b) = model.direction()?;
        let w = Col::from_fn(w.len(), |j| w[j]);
        let deviation = (self.factor.transpose() * &w).norm_l2();
        let margin = |class: usize, sign: f64| {
            let mean: f64 = w.iter().zip(&self.means[class]).map(|(w, mean)| w * mean).sum();
            let score = sign * (mean + b);
            match deviation {
                // Ties go to class 0, as in predictions.
                0.0 => f64::from(u8::from(score > 0.0 || (score == 0.0 && class == 0))),
                _ => normal_cdf(score / deviation),
            }
        };
        Ok([margin(0, -1.0), margin(1, 1.0)])
    }

    /// Exact accuracy of a linear classifier.
    ///
    /// # Errors
    /// As [`recalls`](Self::recalls).
    pub fn accuracy(&self, model: &LinearModel) -> Result<f64, AdaptError> {
        let [negative, positive] = self.recalls(model)?;
        Ok((1.0 - self.positive_share) * negative + self.positive_share * positive)
    }

    /// Exact mean of the two classes' accuracies.
    ///
    /// # Errors
    /// As [`recalls`](Self::recalls).
    pub fn balanced_accuracy(&self, model: &LinearModel) -> Result<f64, AdaptError> {
        let [negative, positive] = self.recalls(model)?;
        Ok(0.5 * (negative + positive))
    }

    /// Accuracy of the best classifier there is.
    pub fn best_accuracy(&self) -> f64 {
        let (p, delta) = (self.positive_share, self.separation);
        if delta == 0.0 || p == 0.0 || p == 1.0 {
            return p.max(1.0 - p);
        }
        let t = ((1.0 - p) / p).ln() / delta;
        (1.0 - p) * normal_cdf(0.5 * delta + t) + p * normal_cdf(0.5 * delta - t)
    }

    /// Accuracy of the best direction with its threshold half-way between the means: best if both classes
    /// were equally frequent.
    pub fn midpoint_accuracy(&self) -> f64 {
        normal_cdf(0.5 * self.separation)
    }

    /// The law of some features.
    ///
    /// # Errors
    /// When one is not below the number of features, or occurs twice.
    pub fn restricted(&self, features: &[usize]) -> Result<Self, AdaptError> {
        if let Some(&found) = features.iter().find(|feature| **feature >= self.covariance.ncols()) {
            let what = "feature index, which must be below the number of features";
            return Err(InputError::size(what, found, self.covariance.ncols()).into());
        }
        let pick = |mean: &Vec<f64>| features.iter().map(|j| mean[*j]).collect::<Vec<_>>();
        let covariance =
            Mat::from_fn(features.len(), features.len(), |i, j| self.covariance[(features[i], features[j])]);
        Self::new(self.positive_share, [pick(&self.means[0]), pick(&self.means[1])], covariance)
    }

    /// Rows: classes at random, then features.
    pub(super) fn draw(
        &self,
        name: String,
        rows: usize,
        random: Random,
        domain: usize,
    ) -> Result<Labelled<Mat<f64>>, AdaptError> {
        let uniform = random.uniform(Purpose::Classes, domain, rows);
        let classes: Vec<usize> = uniform.iter().map(|u| usize::from(*u < self.positive_share)).collect();
        let noise = random.gaussian(Purpose::Rows, domain, rows, self.covariance.ncols());
        let mut x = noise * self.factor.transpose();
        for j in 0..x.ncols() {
            for (value, &class) in x.col_mut(j).iter_mut().zip(&classes) {
                *value += self.means[class][j];
            }
        }
        Labelled::new(name, x, Labels::classes(classes, 2))
    }
}
