//! The `ℓ₀` ball, by hard thresholding. `O(d)`, on the host.

use serde::{Deserialize, Serialize};

use super::{ConstraintSet, Prox, indicator, on_host};
use crate::{Coordinates, TensorError};

/// `{x : at most k entries are not 0}`. The projection keeps the `k` entries of largest magnitude, of equal
/// ones those with the smallest index.
///
/// Its local concavity is `1/(2m)` in the maximum norm, `m` the least magnitude of the `k` entries: infinite
/// at a point with fewer than `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparseVectors {
    /// `k`.
    pub nonzeros: usize,
}

impl<V: Coordinates> Prox<V> for SparseVectors {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        on_host(x, |x| {
            if self.nonzeros < x.len() {
                let mut order: Vec<usize> = (0..x.len()).collect();
                order.select_nth_unstable_by(self.nonzeros, |&i, &j| {
                    x[j].abs().total_cmp(&x[i].abs()).then(i.cmp(&j))
                });
                for &i in &order[self.nonzeros..] {
                    x[i] = 0.0;
                }
            }
            Ok(())
        })
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for SparseVectors {
    fn concavity(&self, x: &V) -> Result<f64, TensorError> {
        let mut magnitudes: Vec<f64> = x.coordinates()?.iter().map(|x| x.abs()).collect();
        if self.nonzeros == 0 || self.nonzeros >= magnitudes.len() {
            return Ok(0.0);
        }
        let (_, least, _) = magnitudes.select_nth_unstable_by(self.nonzeros - 1, |a, b| b.total_cmp(a));
        Ok(0.5 / *least)
    }
}
