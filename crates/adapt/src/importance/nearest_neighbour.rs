//! Importance weights by nearest neighbours.
//!
//! ```text
//! r_i = a + number of rows of the target whose nearest row of the source is the i-th
//! ```
//!
//! The target's rows in the Voronoi cell of a source's row, and a pseudo-count `a`; a row of the target with
//! several nearest ones is shared among them. No kernel and no width; a step is as local as the source is
//! dense. Features count in standard deviations over both domains, so that units do not matter.
//!
//! Loog, "Nearest neighbor-based importance weighting", IEEE International Workshop on Machine Learning for
//! Signal Processing 2012, with Laplace's `a = 1`.
//!
//! Cost: `O(n_S n_T d)`.

use faer::Mat;
use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::distance::{squares, standardized};
use super::{DensityRatio, ImportanceWeights, WeightLimit, refuse_unreached};
use crate::{AdaptError, Rows};

/// Rows of the target whose distances are held at a time.
const BATCH: usize = 256;

/// The nearest-neighbour ratio; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NearestNeighbourRatio {
    /// `a`, at least 0; without it a row that is nearest to nothing counts nothing.
    pub pseudo_count: f64,
    /// How large a weight can be.
    pub limit: WeightLimit,
    /// Share of the source's rows that the weights must be worth, and of the shift that they must bridge, 0
    /// to 1; below it there is an error.
    pub least_effective: f64,
}

impl Default for NearestNeighbourRatio {
    /// A pseudo-count of 1, weights of up to `√n` times their mean, at least one effective row in twenty.
    fn default() -> Self {
        Self { pseudo_count: 1.0, limit: WeightLimit::RootOfRows, least_effective: 0.05 }
    }
}

impl NearestNeighbourRatio {
    /// The weight of each row of the source, and how many rows they are worth.
    ///
    /// # Errors
    /// Without rows or features, when the domains have different features, a number is not finite or a setting
    /// is out of range, and [`AdaptError::FewEffectiveRows`] when the source has too few rows like the
    /// target's.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::importance::NearestNeighbourRatio;
    ///
    /// let source = mat![[-2.0], [-1.0], [0.0], [1.0], [2.0]];
    /// let target = mat![[0.1], [1.1], [1.9]];
    /// let found = NearestNeighbourRatio::default().weights(&source, &target)?;
    /// // Counts of 1, 1, 2, 2, 2.
    /// assert!((found.weights[4] - 2.0 * found.weights[0]).abs() < 1e-12);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn weights(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        check::nonnegative("pseudo_count", self.pseudo_count)?;
        let (standard_source, standard_target) = standardized(source, target)?;
        let mut counts = vec![self.pseudo_count; source.nrows()];
        let all: Vec<usize> = (0..target.nrows()).collect();
        for batch in all.chunks(BATCH) {
            let distances = squares(&standard_source, &standard_target.select(batch));
            for column in distances.col_iter() {
                let least = column.iter().copied().fold(f64::INFINITY, f64::min);
                // Twins differ by rounding alone.
                let near = |square: &f64| *square <= least * (1.0 + 1e-12);
                let ties = column.iter().filter(|square| near(square)).count() as f64;
                counts
                    .iter_mut()
                    .zip(column.iter())
                    .filter(|(_, square)| near(square))
                    .for_each(|(count, _)| *count += 1.0 / ties);
            }
        }
        let logarithms: Vec<f64> = counts.iter().map(|count| count.ln()).collect();
        let found = ImportanceWeights::of_logarithms(&logarithms, self.limit, self.least_effective)?;
        refuse_unreached(source, target, found, self.least_effective)
    }
}

impl DensityRatio for NearestNeighbourRatio {
    fn weigh(&self, source: &Mat<f64>, target: &Mat<f64>) -> Result<ImportanceWeights, AdaptError> {
        self.weights(source, target)
    }
}
