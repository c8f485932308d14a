//! Soft neighborhood density: how many neighbours the target's rows have among their predictions. With `z_i`
//! the probabilities of row `i`, of length 1, and the temperature `τ`,
//!
//! ```text
//! P_ij = exp(z_iᵀz_j/τ) / Σ_{l≠i} exp(z_iᵀz_l/τ),     score = −(1/n) Σ_i Σ_{j≠i} P_ij log P_ij.
//! ```
//!
//! Between 0 and `log(n − 1)`, so only scores on equally many rows compare.
//!
//! Saito, Kim, Teterwak, Sclaroff, Darrell, Saenko, "Tune it the right way: unsupervised validation of domain
//! adaptation via soft neighborhood density", ICCV 2021.
//!
//! Cost: a forward pass over the target and `O(n²k)` on the host, with `O(nk)` memory.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use super::{Scorer, log_probabilities};
use crate::{AdaptError, Adaptation, Predict, Rows};

/// Mean entropy of the soft neighbourhoods of the target's predictions; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SoftNeighborhood {
    /// τ, above 0.
    pub temperature: f64,
}

impl Default for SoftNeighborhood {
    /// τ = 0.05, as in the paper.
    fn default() -> Self {
        Self { temperature: 0.05 }
    }
}

impl<X: Rows, F: Predict<X>> Scorer<X, F> for SoftNeighborhood {
    fn name(&self) -> &'static str {
        "soft neighborhood density"
    }

    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        check::positive("temperature", self.temperature)?;
        let logarithms = log_probabilities(model, validation.target().x())?;
        let rows: Vec<Vec<f64>> = logarithms
            .row_iter()
            .map(|row| {
                let values: Vec<f64> = row.iter().map(|logarithm| logarithm.exp()).collect();
                let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
                values.into_iter().map(|value| value / norm).collect()
            })
            .collect();
        let n = rows.len();
        check::setting("rows of the target", n as f64, n > 1, "at least 2, to have neighbours")?;
        let entropy = |i: usize| {
            let similarity =
                |j: usize| rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum::<f64>() / self.temperature;
            // Σ −P log P = log Σe^s − Σ s e^s / Σe^s, with the largest possible similarity taken off all.
            let (mut total, mut weighted) = (0.0, 0.0);
            for j in (0..n).filter(|j| *j != i) {
                let s = similarity(j) - 1.0 / self.temperature;
                total += s.exp();
                weighted += s * s.exp();
            }
            total.ln() - weighted / total
        };
        Ok((0..n).map(entropy).sum::<f64>() / n as f64)
    }
}
