//! Gradient SHAP, also called expected gradients: Lundberg, Lee, *A unified approach to interpreting model
//! predictions* (NeurIPS 2017; the authors' package `shap`); Erion, Janizek, Sturmfels, Lundberg, Lee,
//! *Improving performance of deep learning models with axiomatic attribution priors and expected gradients*
//! (Nature Machine Intelligence 2021).
//!
//! The mean of `(x − r) ⊙ ∇f(r + α (x − r))` over references `r` and `α`, both drawn uniformly: integrated
//! gradients, averaged over baselines. The scores sum to `f(x)` less the mean of `f` over the references in
//! expectation only, so the result has a standard error and no `delta`. Cost: a forward and a backward pass
//! for each sample, and memory for a gradient of each.

use burn::tensor::{Int, Tensor, TensorData};
use kiln_core::{check, random};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::{Attributed, Attribution, Model, Question};
use crate::InterpretError;

/// Integrated gradients from a set of references, by sampling. The question's baseline holds the references,
/// of any number; each example is compared with all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradientShap {
    /// How many pairs of a reference and a place on the way are drawn, at least 1.
    pub samples: usize,
    /// Of the draws.
    pub seed: u64,
    /// Rows in one call of the model, at least 1; whole batches are called in any case.
    pub batch_size: usize,
}

impl Default for GradientShap {
    /// 32 samples, 256 rows.
    fn default() -> Self {
        Self { samples: 32, seed: 0, batch_size: 256 }
    }
}

impl Attribution for GradientShap {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        check::at_least_one("samples", self.samples)?;
        let mut asked = Asked::with_references(model, x, question, self.batch_size)?;
        let references = asked.baseline.dims()[0];
        let mut generator = random::stream(self.seed, 0);
        let mut scores = Vec::new();
        for portion in asked.portions(self.samples) {
            let count = portion.len();
            let (chosen, alpha): (Vec<u64>, Vec<f64>) = portion
                .map(|_| (generator.random_range(0..references) as u64, generator.random::<f64>()))
                .unzip();
            let chosen = Tensor::<1, Int>::from_data(TensorData::new(chosen, [count]), &asked.x.device());
            let reference = asked.baseline.clone().select(0, chosen).unsqueeze_dim::<3>(1);
            let way = asked.as_it_is() - reference.clone();
            let alpha = asked.constant(alpha, [count, 1, 1]);
            let gradients = asked.gradients(reference + way.clone() * alpha)?;
            scores.push(asked.grouped(way * gradients));
        }
        asked.finish_sampled(Tensor::cat(scores, 0))
    }
}
