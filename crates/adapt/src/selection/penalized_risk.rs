//! What DIP minimizes, on held-out rows, with one weight for all candidates: minus
//!
//! ```text
//! (1/|S|) Σ_{m ∈ S} [ R_m + λ D(Z_m, Z_T) ],
//! ```
//!
//! `S` being the sources whose risk the model was fitted to. With squared error, `D` the squared difference
//! of means and a linear model it is the criterion by which `DIPweigh` weighs the fits to different sources.
//!
//! Chen, Bühlmann, "Domain adaptation under structural causal models", JMLR 2021.
//!
//! Cost: a forward pass over sources and target, and the divergence between them.

use kiln_core::check;
use kiln_tensor::{Divergence, Sample, TensorError};
use serde::{Deserialize, Serialize};

use super::{Scorer, chosen, losses, mean, sources_of};
use crate::adapted::BATCH;
use crate::{AdaptError, Adaptation, Adapted, FeatureModel, Rows};

/// Minus the loss on a model's own sources and their distance from the target; see the source file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PenalizedRisk {
    /// D.
    pub divergence: Divergence,
    /// λ, at least 0.
    pub weight: f64,
}

impl<X: Rows, M: FeatureModel<X>> Scorer<X, Adapted<M>> for PenalizedRisk {
    fn name(&self) -> &'static str {
        "negative penalized source risk"
    }

    fn score(&self, model: &Adapted<M>, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        check::nonnegative("weight", self.weight)?;
        let sample = |x: &X| Ok::<_, AdaptError>(Sample::new(model.in_batches(x, BATCH, M::features)?));
        let target = sample(validation.target().x())?;
        let mut values = Vec::new();
        for source in chosen(sources_of(&model.summary().method), validation)? {
            let distance = self.divergence.between(&sample(source.x())?, &target)?;
            let distance = distance.try_into_vec_as::<f64>().map_err(TensorError::from)?;
            values.push(mean(&losses(model, source)?) + self.weight * mean(&distance));
        }
        Ok(-mean(&values))
    }
}
