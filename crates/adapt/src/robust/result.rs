use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::Conditionals;
use super::evaluation::{classes, evaluate};
use crate::{AdaptError, Evaluation, FeatureModel, Labelled};

/// A model fitted by [`RobustClassification`](super::RobustClassification), and how it came about.
#[derive(Debug, Clone)]
pub struct Robust<M> {
    model: M,
    mixture: Vec<f64>,
    conditionals: Conditionals,
    trace: Vec<Round>,
    value: f64,
    entropy: f64,
}

/// What a round was like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The mean cross-entropy at the round's z' and β, before the model's epochs.
    pub value: f64,
    /// β after the round's steps.
    pub mixture: Vec<f64>,
    /// The validation score after the model's epochs, if there is one.
    pub score: Option<f64>,
}

impl<M> Robust<M> {
    pub(super) fn new(
        model: M,
        mixture: Vec<f64>,
        conditionals: Conditionals,
        trace: Vec<Round>,
        value: f64,
        entropy: f64,
    ) -> Self {
        Self { model, mixture, conditionals, trace, value, entropy }
    }

    /// The model of the last round, or of the best if there was a validation score; without autodiff.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// [`model`](Self::model).
    pub fn into_model(self) -> M {
        self.model
    }

    /// β of that round.
    pub fn mixture(&self) -> &[f64] {
        &self.mixture
    }

    /// The conditionals at the target's rows.
    pub fn conditionals(&self) -> &Conditionals {
        &self.conditionals
    }

    /// Every round.
    pub fn trace(&self) -> &[Round] {
        &self.trace
    }

    /// The model's [`surrogate`](super::RobustClassification::surrogate) value, in nats: the objective that
    /// was minimized.
    pub fn robust_value(&self) -> f64 {
        self.value
    }

    /// `(1/n) Σ_i H(y°(β, z_i))`, in nats: no model of any kind has a smaller robust value. So the model's
    /// distance from the saddle point is at most `robust_value() − entropy_bound()` (up to what the robust
    /// value misses when `ε₁ > 0`).
    pub fn entropy_bound(&self) -> f64 {
        self.entropy
    }

    /// The class of each row: the one with the largest logit.
    ///
    /// # Errors
    /// Without rows, or when one is not finite.
    pub fn predict(&self, z: Tensor<2>) -> Result<Vec<usize>, AdaptError>
    where
        M: FeatureModel<Tensor<2>>,
    {
        classes(&self.model, z)
    }

    /// How well the model does on a domain with labels.
    ///
    /// # Errors
    /// When the labels are not classes, or of another number than those fitted to.
    pub fn evaluate(&self, domain: &Labelled<Tensor<2>>) -> Result<Evaluation, AdaptError>
    where
        M: FeatureModel<Tensor<2>>,
    {
        evaluate(&self.model, domain)
    }
}
