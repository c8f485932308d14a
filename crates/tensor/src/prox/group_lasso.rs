//! The group lasso (Yuan, Lin 2006): `x_g ← x_g max(1 − s λ_g / ‖x_g‖, 0)`, group by group. `O(d)`, on the
//! host.

use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use super::{Prox, finite, on_host, scaled};
use crate::{Coordinates, TensorError};

/// `g(x) = λ Σ_g √|g| ‖x_g‖` over groups of coordinates that do not overlap. What is in no group is not
/// penalized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupLasso {
    /// `λ ≥ 0`.
    pub weight: f64,
    /// The coordinates of each group.
    pub groups: Vec<Vec<usize>>,
}

impl GroupLasso {
    /// Groups of `size` consecutive coordinates, such as the rows of a matrix of `size` columns; the last may
    /// be shorter.
    ///
    /// # Errors
    /// [`InputError::Setting`] when `size` is 0.
    pub fn consecutive(weight: f64, dimension: usize, size: usize) -> Result<Self, InputError> {
        check::at_least_one("size", size)?;
        let groups = (0..dimension)
            .step_by(size)
            .map(|i| (i..i.saturating_add(size).min(dimension)).collect())
            .collect();
        Ok(Self { weight, groups })
    }

    fn check(&self, dimension: usize) -> Checked {
        let mut seen = vec![false; dimension];
        for &index in self.groups.iter().flatten() {
            check::index("a coordinate of `groups`", index, dimension)?;
            check::setting("a coordinate of `groups`", index as f64, !seen[index], "in one group only")?;
            seen[index] = true;
        }
        Ok(())
    }
}

fn norm(group: &[usize], x: &[f64]) -> f64 {
    group.iter().map(|&i| x[i] * x[i]).sum::<f64>().sqrt()
}

impl<V: Coordinates> Prox<V> for GroupLasso {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        let weight = scaled(step, self.weight)?;
        self.check(x.dimension())?;
        on_host(x, |x| {
            for group in &self.groups {
                let (norm, threshold) = (norm(group, x), weight * (group.len() as f64).sqrt());
                let factor = if norm > threshold { 1.0 - threshold / norm } else { 0.0 };
                for &i in group {
                    x[i] *= factor;
                }
            }
            Ok(())
        })
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        scaled(1.0, self.weight)?;
        self.check(x.dimension())?;
        let x = x.coordinates()?;
        finite(&x)?;
        let norms = self.groups.iter().map(|group| (group.len() as f64).sqrt() * norm(group, &x));
        Ok(self.weight * norms.sum::<f64>())
    }
}
