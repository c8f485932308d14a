//! The `ℓ₁` norm, whose proximal map is soft thresholding: `xᵢ ← sign(xᵢ) max(|xᵢ| − s λ, 0)`. `O(d)`.

use serde::{Deserialize, Serialize};

use super::Prox;
use crate::TensorError;

/// `g(x) = λ ‖x‖₁`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct L1 {
    /// `λ ≥ 0`.
    pub weight: f64,
}

impl Prox<Vec<f64>> for L1 {
    fn prox(&self, step: f64, x: &mut Vec<f64>) -> Result<(), TensorError> {
        let threshold = step * self.weight;
        for x in x {
            *x = x.signum() * (x.abs() - threshold).max(0.0);
        }
        Ok(())
    }

    fn value(&self, x: &Vec<f64>) -> Result<f64, TensorError> {
        Ok(self.weight * x.iter().map(|x| x.abs()).sum::<f64>())
    }
}
