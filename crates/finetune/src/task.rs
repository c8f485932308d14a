//! Tokenised examples, and the loss of a classifier on them.

use std::marker::PhantomData;

use burn::tensor::Tensor;
use kiln_models::{ModelError, TextClassifier, TokenBatch, cross_entropies, largest_logits};
use kiln_optim::zeroth_order::BatchObjective;
use kiln_optim::{OptimError, check_batch};
use kiln_tensor::Parameters;

use super::choices::TuningObjective;
use super::error::FinetuneError;
use super::scores::f1;

/// Tokenised texts with their classes.
#[derive(Debug, Clone)]
pub struct Examples {
    tokens: TokenBatch,
    labels: Vec<usize>,
}

impl Examples {
    /// One class for each row of tokens.
    ///
    /// # Errors
    /// When there are not as many labels as rows.
    pub fn new(tokens: TokenBatch, labels: Vec<usize>) -> Result<Self, FinetuneError> {
        if tokens.rows() != labels.len() {
            let reason = format!("{} labels for {} texts", labels.len(), tokens.rows());
            return Err(FinetuneError::Setting { option: "labels", reason });
        }
        Ok(Self { tokens, labels })
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The tokens, padded to the longest text.
    pub fn tokens(&self) -> &TokenBatch {
        &self.tokens
    }

    /// The class of each.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The labels of a batch, and the classifier's logits of it.
    pub(super) fn logits<M: TextClassifier>(
        &self,
        model: &M,
        batch: &[usize],
    ) -> Result<(Vec<usize>, Tensor<2>), ModelError> {
        let labels = batch.iter().map(|&i| self.labels[i]).collect();
        Ok((labels, model.logits(&self.tokens.select(batch)?)?))
    }
}

pub(super) fn sum(losses: Tensor<1>) -> Result<f64, ModelError> {
    Ok(losses.try_into_vec_as::<f64>()?.iter().sum())
}

/// A classifier's objective over its training examples.
#[derive(Debug)]
pub struct TextObjective<'a, M> {
    pub(super) examples: &'a Examples,
    pub(super) objective: TuningObjective,
    pub(super) micro_batch: usize,
    model: PhantomData<fn(&M)>,
}

impl<'a, M: TextClassifier> TextObjective<'a, M> {
    /// The objective over `examples`, at most `micro_batch` of them at a time in the model.
    ///
    /// # Errors
    /// When there are no examples, or `micro_batch` is 0.
    pub fn new(
        examples: &'a Examples,
        objective: TuningObjective,
        micro_batch: usize,
    ) -> Result<Self, FinetuneError> {
        if examples.is_empty() {
            return Err(FinetuneError::Setting { option: "train", reason: "there are no examples".into() });
        }
        if micro_batch == 0 {
            let reason = "0 examples at a time; it must be at least 1".into();
            return Err(FinetuneError::Setting { option: "micro-batch", reason });
        }
        Ok(Self { examples, objective, micro_batch, model: PhantomData })
    }

    fn batch_sum(&self, batch: &[usize], model: &M) -> Result<f64, ModelError> {
        let (mut total, mut answers) = (0.0, Vec::new());
        for chunk in batch.chunks(self.micro_batch) {
            let (labels, logits) = self.examples.logits(model, chunk)?;
            match self.objective {
                TuningObjective::CrossEntropy => total += sum(cross_entropies(logits, &labels)?)?,
                TuningObjective::Accuracy => {
                    let wrong = largest_logits(logits)?.iter().zip(&labels).filter(|(a, l)| a != l).count();
                    total += wrong as f64;
                }
                TuningObjective::F1 => answers.extend(largest_logits(logits)?),
            }
        }
        if self.objective == TuningObjective::F1 {
            let labels: Vec<usize> = batch.iter().map(|&i| self.examples.labels[i]).collect();
            total = batch.len() as f64 * (1.0 - f1(&answers, &labels, model.classes()));
        }
        Ok(total)
    }

    /// The mean loss of a batch and its gradient. The model must live on a device with autodiff.
    pub(super) fn gradient(
        &self,
        batch: &[usize],
        point: &Parameters<M>,
    ) -> Result<(f64, Parameters<M>), FinetuneError> {
        use kiln_tensor::Vector;
        let mut total = 0.0;
        let mut mean: Option<Parameters<M>> = None;
        for chunk in batch.chunks(self.micro_batch) {
            let (labels, logits) = self.examples.logits(point.as_ref(), chunk)?;
            let loss = cross_entropies(logits, &labels)?.sum() / batch.len() as f64;
            let gradient = point.gradient(&loss.backward());
            total += sum(loss.inner())?;
            match &mut mean {
                Some(mean) => mean.axpy(1.0, &gradient)?,
                None => mean = Some(gradient),
            }
        }
        let mean = mean.ok_or_else(|| OptimError::problem("the batch is empty"))?;
        Ok((total, mean))
    }
}

impl<M: TextClassifier> BatchObjective for TextObjective<'_, M> {
    type Point = Parameters<M>;

    fn components(&self) -> usize {
        self.examples.len()
    }

    fn batch_sum(&self, batch: &[usize], point: &Parameters<M>) -> Result<f64, OptimError> {
        check_batch(batch, self.examples.len())?;
        self.batch_sum(batch, point.as_ref()).map_err(|error| OptimError::Problem(Box::new(error)))
    }

    fn is_discrete(&self) -> bool {
        !self.objective.has_gradient()
    }

    fn is_additive(&self) -> bool {
        self.objective != TuningObjective::F1
    }
}
