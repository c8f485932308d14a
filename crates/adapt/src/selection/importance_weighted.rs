//! Accuracy on the sources with each row weighted by how much more frequent its class is in the target:
//!
//! ```text
//! Σ_m (1/n_m) Σ_i w_{y_i} 1(f(x_i) = y_i)  /  Σ_m (1/n_m) Σ_i w_{y_i}
//! ```
//!
//! where rows of a source that have weights count by them, within the source. For weights by rows, under
//! covariate shift, see [`DensityWeighted`](super::DensityWeighted).
//!
//! It estimates the target's accuracy without bias when the target differs from the pooled sources in the
//! shares of its classes only, and the weights are right.
//!
//! Sugiyama, Krauledat, Müller, "Covariate shift adaptation by importance weighted cross validation", JMLR
//! 2007; with class weights by [`label_shift`](crate::label_shift).
//!
//! Cost: a forward pass over the sources, and over the target when the weights are estimated.

use kiln_core::{InputError, check};
use serde::{Deserialize, Serialize};

use super::{Scorer, chosen};
use crate::{AdaptError, Adaptation, LabelShiftEstimator, Predict, Rows, ShiftStatistics, SourceChoice};

/// Where class weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// These, one a class, the same for every candidate.
    Given(Vec<f64>),
    /// From the predictions of each candidate.
    Estimated(LabelShiftEstimator),
}

/// Accuracy on the sources, weighted to the target's shares of the classes; see the source file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportanceWeighted {
    /// The weights.
    pub weights: ClassWeights,
    /// The sources that count, in the accuracy and in the estimate of weights.
    pub sources: SourceChoice,
}

impl Default for ImportanceWeighted {
    /// Weights by BBSE from each candidate's predictions, all sources.
    fn default() -> Self {
        Self { weights: ClassWeights::Estimated(LabelShiftEstimator::Bbse), sources: SourceChoice::All }
    }
}

impl<X: Rows, F: Predict<X>> Scorer<X, F> for ImportanceWeighted {
    fn name(&self) -> &'static str {
        "importance-weighted accuracy"
    }

    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let count = validation.outputs();
        check::size("outputs of the model", model.outputs(), count)?;
        let mut sources = Vec::new();
        for source in chosen(self.sources, validation)? {
            let (classes, _) = source.classes()?;
            if matches!(self.weights, ClassWeights::Estimated(_)) {
                source.unweighted()?;
            }
            sources.push((model.predict_classes(source.x())?, classes, source));
        }
        let weights = match &self.weights {
            ClassWeights::Given(weights) => weights.clone(),
            ClassWeights::Estimated(estimator) => {
                let pairs: Vec<_> =
                    sources.iter().map(|(found, classes, _)| (found.as_slice(), *classes)).collect();
                let probabilities = model.predict_probabilities(validation.target().x())?;
                let target = model.predict_classes(validation.target().x())?;
                let statistics = ShiftStatistics::from_predictions(&pairs, &target, count)?;
                estimator.weights(&statistics.with_posteriors(probabilities)?)?.weights
            }
        };
        if weights.len() != count {
            return Err(InputError::size("class weights", weights.len(), count).into());
        }
        for &weight in &weights {
            check::nonnegative("class weight", weight)?;
        }
        let (mut right, mut total) = (0.0, 0.0);
        for (found, classes, source) in &sources {
            let rows: f64 = (0..classes.len()).map(|row| source.weight(row)).sum();
            for (row, (prediction, &class)) in found.iter().zip(*classes).enumerate() {
                let weight = weights[class] * source.weight(row) / rows;
                total += weight;
                right += if *prediction == class { weight } else { 0.0 };
            }
        }
        check::setting("total weight of the sources", total, total > 0.0, "above 0")?;
        Ok(right / total)
    }
}
