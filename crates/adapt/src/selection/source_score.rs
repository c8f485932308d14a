//! How well a model does on held-out rows of the sources ("training-domain validation"): the mean over
//! sources of the accuracy, or of minus the mean squared error.
//!
//! Gulrajani, Lopez-Paz, "In search of lost domain generalization", ICLR 2021.
//!
//! Cost: a forward pass over the sources. The target is not used.

use serde::{Deserialize, Serialize};

use super::{Scorer, chosen, mean};
use crate::{AdaptError, Adaptation, Predict, Rows, SourceChoice};

/// `(1/M) Σ_m accuracy_m`, or with values as labels minus the mean squared errors; see the source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceScore {
    /// The sources that count.
    pub sources: SourceChoice,
}

impl Default for SourceScore {
    /// All sources.
    fn default() -> Self {
        Self { sources: SourceChoice::All }
    }
}

impl<X: Rows, F: Predict<X>> Scorer<X, F> for SourceScore {
    fn name(&self) -> &'static str {
        "source score"
    }

    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let scores = chosen(self.sources, validation)?.map(|source| Ok(model.evaluate(source)?.score()));
        Ok(mean(&scores.collect::<Result<Vec<_>, AdaptError>>()?))
    }
}
