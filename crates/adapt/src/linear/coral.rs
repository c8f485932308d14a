//! CORAL (correlation alignment): source rows moved so that their mean and covariance are the target's. Sun,
//! Feng, Saenko, "Return of frustratingly easy domain adaptation", AAAI 2016, Algorithm 1.
//!
//! ```text
//! x' = μ_T + Σ_T^½ Σ_S^−½ (x − μ_S),     Σ = (1 − s) S + s (tr S / d) I
//! ```
//!
//! for the covariance `S` of a domain's rows and the shrinkage `s`. The paper adds `I` to both covariances
//! instead, and leaves the means to a standardization beforehand. Any method fitted to the moved sources then
//! predicts the target's rows as they are.
//!
//! Cost: two eigendecompositions `O(d³)` for each source, and `O(n d²)`.

use faer::{Mat, MatRef, Side};
use serde::{Deserialize, Serialize};

use super::FeatureMoments;
use super::algebra::{all_finite, shrunk, undecomposed};
use crate::{AdaptError, Adaptation};

/// An eigenvalue of at most this times the largest is rounding error.
const SINGULAR: f64 = 1e-13;

/// Correlation alignment; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Coral {
    /// Share `s` of the covariances that is replaced by their mean variance, 0 to 1.
    pub shrinkage: f64,
}

impl Coral {
    /// The problem with every source moved to the target's mean and covariance.
    ///
    /// # Errors
    /// When the shrinkage is out of range, rows have weights, or a source's covariance is singular after it.
    ///
    /// ```
    /// use faer::mat;
    /// use kiln_adapt::linear::{Coral, FeatureMoments};
    /// use kiln_adapt::{Adaptation, Labelled, Labels, Unlabelled};
    ///
    /// let source = mat![[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]];
    /// let target = mat![[5.0, 1.0], [1.0, 3.0], [0.0, 0.0]];
    /// let labelled = Labelled::new("source", source, Labels::classes([0, 1, 1], 2))?;
    /// let data = Adaptation::new(vec![labelled], Unlabelled::new("target", target.clone())?)?;
    /// let aligned = Coral::default().align(&data)?;
    ///
    /// let moments = |x| FeatureMoments::of(x);
    /// let (source, target) = (moments(aligned.sources()[0].x())?, moments(&target)?);
    /// assert!((source.covariance() - target.covariance()).norm_max() < 1e-12);
    /// # Ok::<(), kiln_adapt::AdaptError>(())
    /// ```
    pub fn align(&self, data: &Adaptation<Mat<f64>>) -> Result<Adaptation<Mat<f64>>, AdaptError> {
        let target = FeatureMoments::of(data.target().x())?;
        let to = power(&shrunk(target.covariance(), self.shrinkage)?, 0.5)?;
        let mut sources = Vec::new();
        for source in data.sources() {
            source.unweighted()?;
            let of_source = FeatureMoments::of(source.x())?;
            let map = power(&shrunk(of_source.covariance(), self.shrinkage)?, -0.5)? * &to;
            let moved = |x: &Mat<f64>| {
                let (from, to) = (of_source.mean(), target.mean());
                let centred = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - from[j]);
                let turned = centred * &map;
                Mat::from_fn(x.nrows(), x.ncols(), |i, j| turned[(i, j)] + to[j])
            };
            sources.push(source.map(moved)?);
        }
        Adaptation::new(sources, data.target().clone())
    }
}

/// A symmetric positive semidefinite matrix to a power; to a negative one only if it is definite.
fn power(matrix: &Mat<f64>, exponent: f64) -> Result<Mat<f64>, AdaptError> {
    all_finite(matrix)?;
    let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| undecomposed())?;
    let values = eigen.S().column_vector();
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(*value));
    if exponent < 0.0 && values.iter().any(|value| *value <= SINGULAR * largest) {
        return Err(AdaptError::Singular {
            what: "the covariance of a source",
            remedy: "drop features that are constant or sums of others, or use a shrinkage above 0",
        });
    }
    let vectors: MatRef<'_, f64> = eigen.U();
    let scaled = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| {
        vectors[(i, j)] * values[j].max(0.0).powf(exponent)
    });
    Ok(scaled * vectors.transpose())
}
