//! The `ℓ₁` norm, whose proximal map is soft thresholding: `xᵢ ← sign(xᵢ) max(|xᵢ| − s λ, 0)`. `O(d)`.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Entrywise, Prox, scaled};
use crate::TensorError;

/// `g(x) = λ ‖x‖₁`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct L1 {
    /// `λ ≥ 0`.
    pub weight: f64,
}

impl<V: Entrywise> Prox<V> for L1 {
    fn prox(&self, step: f64, x: &mut V) -> Result<(), TensorError> {
        x.soft_threshold(scaled(step, self.weight)?);
        Ok(())
    }

    fn value(&self, x: &V) -> Result<f64, TensorError> {
        check::nonnegative("weight", self.weight)?;
        Ok(self.weight * x.coordinates()?.iter().map(|x| x.abs()).sum::<f64>())
    }
}
