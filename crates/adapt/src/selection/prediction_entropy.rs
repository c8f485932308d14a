//! Certainty on the target: minus the mean entropy of the predicted probabilities,
//!
//! ```text
//! (1/n) Σ_i Σ_y p_iy log p_iy.
//! ```
//!
//! Morerio, Cavazza, Murino, "Minimal-entropy correlation alignment for unsupervised deep domain adaptation",
//! ICLR 2018.
//!
//! Cost: a forward pass over the target. Labels are not used at all; a model that predicts one class with
//! certainty has the best score of all.

use serde::{Deserialize, Serialize};

use super::{Scorer, log_probabilities};
use crate::{AdaptError, Adaptation, Predict, Rows};

/// Minus the mean entropy of the predictions on the target, in nats; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PredictionEntropy;

impl<X: Rows, F: Predict<X>> Scorer<X, F> for PredictionEntropy {
    fn name(&self) -> &'static str {
        "negative prediction entropy"
    }

    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let logarithms = log_probabilities(model, validation.target().x())?;
        // 0 · log 0 is 0; `exp` of less than −700 is 0 long before the logarithm is infinite.
        let term = |logarithm: &f64| if *logarithm < -700.0 { 0.0 } else { logarithm.exp() * logarithm };
        let sum: f64 = logarithms.col_iter().map(|column| column.iter().map(term).sum::<f64>()).sum();
        Ok(sum / logarithms.nrows() as f64)
    }
}
