//! Weights of a source's rows by which it stands for the target, and how much of it they leave.
//!
//! ```text
//! w_i ∝ min(r_i, L · mean r),   mean w = 1,   effective rows (Σ r)² / Σ r²
//! ```
//!
//! for ratios `r_i` of densities, target to source, given by their logarithms, so that none is lost however
//! far the target is. The effective rows (Kish, *Survey Sampling*, 1965) are how many rows of equal weight
//! give a mean of the same variance: with few, whatever is learned from the weighted rows is learned from
//! these. They are counted before large weights are clipped, since clipping hides a lack of rows without
//! mending it.
//!
//! | Ratio | How it is found | Chosen by itself |
//! |---|---|---|
//! | [`Kmm`] | means in the space of a kernel are matched, a quadratic program | nothing: the width is the median |
//! | [`Kliep`] | likelihood of the target under a mixture over the source | the width, by held-out likelihood |
//! | [`Ulsif`] | least squares for the ratio | width and ridge, by rows left out |
//! | [`NearestNeighbourRatio`] | target rows in the Voronoi cell of a source row | nothing |
//! | [`GaussianDensityRatio`](crate::linear::GaussianDensityRatio) | two Gaussians | nothing |
//! | [`DiscriminatorRatio`](crate::linear::DiscriminatorRatio) | a classifier of the domains | nothing |
//!
//! Each is a [`DensityRatio`], and so can be put before any method ([`CovariateShift`]) and into validation
//! ([`DensityWeighted`](crate::selection::DensityWeighted)).
//!
//! The limit `L = √n` is of Ionides, "Truncated importance sampling", Journal of Computational and Graphical
//! Statistics 17, 2008: the clipped estimate converges with a finite variance whatever the tail of `r`.

mod covariate_shift;
mod distance;
mod kliep;
mod kmm;
mod nearest_neighbour;
mod remaining;
mod ulsif;

use faer::Mat;
use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

pub use covariate_shift::{CovariateShift, Weighed, weigh_sources};
pub use kliep::Kliep;
pub use kmm::{Kmm, MatchedMeans};
pub use nearest_neighbour::NearestNeighbourRatio;
use remaining::refuse_unreached;
pub use remaining::remaining_shift;
pub use ulsif::Ulsif;

use crate::AdaptError;

/// What weighs a source's rows by how much more often rows like them occur in the target.
pub trait DensityRatio {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// When the rows or a setting do not suit, and [`AdaptError::FewEffectiveRows`] when the source has too few
    /// rows like the target's.
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError>;
}

/// How large a weight can be.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightLimit {
    /// As large as it comes.
    Unlimited,
    /// So many times the mean of the ratios, at least 1.
    TimesMean(f64),
    /// `√n` times the mean of the ratios of `n` rows.
    #[default]
    RootOfRows,
}

/// The weights of a source's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportanceWeights {
    /// One a row, at least 0, with mean 1.
    pub weights: Vec<f64>,
    /// How many rows of equal weight the ratios are worth, from 1 to the number of rows, before clipping.
    pub effective_rows: f64,
    /// How many were clipped.
    pub clipped: usize,
    /// Logarithm of the mean of the ratios as they were given. Of true densities it is near 0 where the
    /// source has rows like all of the target's.
    pub log_mean: f64,
}

impl ImportanceWeights {
    /// Of the logarithms of density ratios, clipped at the limit. `least_effective` is the share of the rows
    /// that must be left, 0 to 1.
    ///
    /// # Errors
    /// Without rows, when a setting is out of range or a logarithm is not a number or `+∞`, and
    /// [`AdaptError::FewEffectiveRows`] when too few are left.
    ///
    /// ```
    /// use kiln_adapt::importance::{ImportanceWeights, WeightLimit};
    ///
    /// // Ratios of 1 and e, far below what an `f64` can hold.
    /// let found = ImportanceWeights::of_logarithms(&[-2000.0, -1999.0], WeightLimit::Unlimited, 0.05)?;
    /// assert!((found.weights[1] / found.weights[0] - 1.0_f64.exp()).abs() < 1e-12);
    /// assert!((found.weights[0] + found.weights[1] - 2.0).abs() < 1e-12);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn of_logarithms(
        logarithms: &[f64],
        limit: WeightLimit,
        least_effective: f64,
    ) -> Result<Self, AdaptError> {
        check::probability("least_effective", least_effective)?;
        check::not_empty("the list of density ratios", logarithms.len())?;
        let rows = logarithms.len() as f64;
        let factor = match limit {
            WeightLimit::Unlimited => f64::INFINITY,
            WeightLimit::TimesMean(times) => {
                check::setting("limit", times, times >= 1.0, "at least 1")?;
                times
            }
            WeightLimit::RootOfRows => rows.sqrt(),
        };
        let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !largest.is_finite() || logarithms.iter().any(|logarithm| logarithm.is_nan()) {
            return Err(InputError::not_finite("the logarithms of the density ratios").into());
        }
        let mut weights: Vec<f64> = logarithms.iter().map(|logarithm| (logarithm - largest).exp()).collect();
        let mean = weights.iter().sum::<f64>() / rows;
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        let effective_rows = ((mean * rows).powi(2) / squares).clamp(1.0, rows);
        if effective_rows < least_effective * rows {
            let (rows, least) = (logarithms.len(), least_effective);
            return Err(AdaptError::FewEffectiveRows { effective: effective_rows, rows, least });
        }
        let clipped = weights.iter().filter(|w| **w > factor * mean).count();
        for weight in &mut weights {
            *weight = weight.min(factor * mean);
        }
        let kept = weights.iter().sum::<f64>() / rows;
        for weight in &mut weights {
            *weight /= kept;
        }
        Ok(Self { weights, effective_rows, clipped, log_mean: largest + mean.ln() })
    }
}
