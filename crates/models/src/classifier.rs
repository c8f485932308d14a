use burn::module::{Initializer, Module};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Tensor, activation::log_softmax};
use kiln_core::check;
use kiln_tensor::border;

use crate::batch::integers;
use crate::{Bert, ModelError, TokenBatch, tuning};

/// A model that sorts texts into classes, to be fine-tuned by any method: it is a function of its parameters,
/// without dropout or other randomness.
pub trait TextClassifier: Module {
    /// The logits of the classes for each row, `[rows, classes]`.
    ///
    /// # Errors
    /// [`ModelError::TooLong`]; [`InputError::Index`](kiln_core::InputError::Index) for a token outside the vocabulary.
    fn logits(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError>;

    /// Number of classes.
    fn classes(&self) -> usize;

    /// Number of layers of the language model.
    fn layers(&self) -> usize;

    /// The cross-entropy of each row, `[rows]`; `labels` has the class of each.
    ///
    /// # Errors
    /// As [`logits`](Self::logits) and [`cross_entropies`].
    fn losses(&self, batch: &TokenBatch, labels: &[usize]) -> Result<Tensor<1>, ModelError> {
        cross_entropies(self.logits(batch)?, labels)
    }

    /// The most likely class of each row.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    fn predict_classes(&self, batch: &TokenBatch) -> Result<Vec<usize>, ModelError> {
        largest_logits(self.logits(batch)?)
    }

    /// Freezes everything but the last `layers` layers and what comes after them: a classifier's head, a
    /// decoder's last normalization. Whatever was frozen before stays so.
    #[must_use]
    fn train_last(self, layers: usize) -> Self {
        let first = self.layers().saturating_sub(layers);
        tuning::freeze_first(self, first)
    }
}

/// `−log softmax(logits)[label]` for each row of `logits`, `[rows, classes]`, as `[rows]`.
///
/// # Errors
/// [`ModelError::Input`] for another number of labels than of rows, a label without a class, or no rows or
/// classes.
pub fn cross_entropies(logits: Tensor<2>, labels: &[usize]) -> Result<Tensor<1>, ModelError> {
    let [rows, classes] = logits.dims();
    border::not_empty("the logits", &logits)?;
    border::real("the logits", &logits)?;
    check::size("labels", labels.len(), rows)?;
    labels.iter().try_for_each(|&label| check::index("class", label, classes))?;
    let labels = integers(labels.iter().copied(), [rows, 1], &logits.device());
    Ok(-log_softmax(logits, 1).gather(1, labels).squeeze_dim(1))
}

/// The index of the largest logit in each row.
///
/// # Errors
/// [`InputError::Setting`](kiln_core::InputError::Setting) without classes; [`ModelError::ReadBack`].
pub fn largest_logits(logits: Tensor<2>) -> Result<Vec<usize>, ModelError> {
    let [rows, classes] = logits.dims();
    border::real("the logits", &logits)?;
    check::at_least_one("number of classes", classes)?;
    if rows == 0 {
        return Ok(Vec::new());
    }
    let best = logits.inner().argmax(1).try_into_vec_as::<i64>()?;
    Ok(best.into_iter().map(|class| class as usize).collect())
}

/// An encoder with a linear head on the mean of its last hidden states.
#[derive(Module, Debug)]
pub struct Classifier {
    encoder: Bert,
    head: Linear,
}

impl Classifier {
    /// Puts a head of zeros on an encoder: all classes are equally likely at first.
    ///
    /// # Errors
    /// [`InputError::Setting`](kiln_core::InputError::Setting) without classes.
    pub fn new(encoder: Bert, classes: usize) -> Result<Self, ModelError> {
        check::at_least_one("classes", classes)?;
        let head = LinearConfig::new(encoder.config().hidden_size, classes)
            .with_initializer(Initializer::Zeros)
            .init(&encoder.device());
        Ok(Self { encoder, head })
    }

    /// Draws the head's matrix from `N(0, initializer_range²)`, the numbers a function of the seed.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] when the device's float type is not one that noise is made in.
    pub fn with_random_head(mut self, seed: u64) -> Result<Self, ModelError> {
        self.head = tuning::draw_matrices(self.head, self.encoder.config().initializer_range, seed)?;
        Ok(self)
    }

    /// The encoder.
    pub fn encoder(&self) -> &Bert {
        &self.encoder
    }
}

impl TextClassifier for Classifier {
    fn logits(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError> {
        Ok(self.head.forward(self.encoder.embed(batch)?))
    }

    fn classes(&self) -> usize {
        self.head.weight.dims()[1]
    }

    fn layers(&self) -> usize {
        self.encoder.config().num_hidden_layers
    }
}
