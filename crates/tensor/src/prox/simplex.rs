//! The simplex and the `ℓ₁` ball, by sorting (Held, Wolfe, Crowder 1974; Duchi et al., ICML 2008): the
//! projection is `max(xᵢ − θ, 0)` with the one `θ` for which the entries have the right sum. `O(d log d)`, on
//! the host.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{ConstraintSet, Prox, indicator, on_host};
use crate::{Coordinates, TensorError};

/// The simplex `{x : xᵢ ≥ 0, Σ xᵢ = total}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Simplex {
    /// Sum of the entries, greater than 0.
    pub total: f64,
}

/// The probability simplex.
impl Default for Simplex {
    fn default() -> Self {
        Self { total: 1.0 }
    }
}

impl<V: Coordinates> Prox<V> for Simplex {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        check::positive("total", self.total)?;
        on_host(x, |x| {
            check::setting("dimension", x.len() as f64, !x.is_empty(), "at least 1: a simplex has a point")?;
            let (largest, threshold) = threshold(x, self.total);
            for x in x {
                *x = (*x - largest - threshold).max(0.0);
            }
            Ok(())
        })
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for Simplex {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// `{x : ‖x‖₁ ≤ r}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct L1Ball {
    /// `r ≥ 0`.
    pub radius: f64,
}

impl<V: Coordinates> Prox<V> for L1Ball {
    fn prox(&self, _step: f64, x: &mut V) -> Result<(), TensorError> {
        check::nonnegative("radius", self.radius)?;
        on_host(x, |x| {
            let magnitudes: Vec<f64> = x.iter().map(|x| x.abs()).collect();
            if magnitudes.iter().sum::<f64>() > self.radius {
                let (largest, threshold) = threshold(&magnitudes, self.radius);
                for x in x {
                    // Rounding must not make an entry longer when ‖x‖₁ is a little above the radius.
                    let magnitude = (x.abs() - largest - threshold).max(0.0);
                    *x = magnitude.min(x.abs()).copysign(*x);
                }
            }
            Ok(())
        })
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        indicator(self, x)
    }
}

impl<V: Coordinates> ConstraintSet<V> for L1Ball {
    fn concavity(&self, _x: &V) -> Result<f64, TensorError> {
        Ok(0.0)
    }
}

/// The largest entry `x̂`, and `θ` with `Σ max(xᵢ − x̂ − θ, 0) = total`. A constant added to all entries changes no
/// projection, and without the largest one their sums do not overflow.
pub(super) fn threshold(x: &[f64], total: f64) -> (f64, f64) {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut x: Vec<f64> = x.iter().map(|x| x - largest).collect();
    x.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut threshold) = (0.0, -total);
    for (count, x) in (1_u32..).zip(x) {
        sum += x;
        let candidate = (sum - total) / f64::from(count);
        if x <= candidate {
            break;
        }
        threshold = candidate;
    }
    (largest, threshold)
}
