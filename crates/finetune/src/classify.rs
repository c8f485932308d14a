//! What a classifier answers, and how good its answers are.

use burn::tensor::activation::softmax;
use kiln_core::check;
use kiln_models::{ModelError, TextClassifier, TokenBatch, cross_entropies, largest_logits};

use super::error::FinetuneError;
use super::scores::{ClassifierScores, f1};
use super::task::{Examples, sum};

/// The scores of a classifier on examples, at most `micro_batch` of which pass through it at a time.
///
/// # Errors
/// Without examples, for a `micro_batch` of 0, for a label that the classifier has no class for, and when it
/// cannot take the tokens.
pub fn evaluate<M: TextClassifier>(
    model: &M,
    examples: &Examples,
    micro_batch: usize,
) -> Result<ClassifierScores, FinetuneError> {
    check::at_least_one("micro_batch", micro_batch)?;
    check::not_empty("the set of examples", examples.len())?;
    let places: Vec<usize> = (0..examples.len()).collect();
    let (mut loss, mut answers) = (0.0, Vec::with_capacity(examples.len()));
    for batch in places.chunks(micro_batch) {
        let (labels, logits) = examples.logits(model, batch)?;
        loss += sum(cross_entropies(logits.clone(), &labels)?)?;
        answers.extend(largest_logits(logits)?);
    }
    let count = examples.len() as f64;
    let wrong = answers.iter().zip(examples.labels()).filter(|(answer, label)| answer != label).count();
    let f1 = f1(&answers, examples.labels(), model.classes());
    Ok(ClassifierScores { loss: loss / count, accuracy: 1.0 - wrong as f64 / count, f1 })
}

/// The most likely class of each text, at most `micro_batch` of which pass through the classifier at a time.
///
/// # Errors
/// For a `micro_batch` of 0, and when the classifier cannot take the tokens.
pub fn predict_classes<M: TextClassifier>(
    model: &M,
    texts: &TokenBatch,
    micro_batch: usize,
) -> Result<Vec<usize>, FinetuneError> {
    let mut classes = Vec::with_capacity(texts.rows());
    in_parts(texts, micro_batch, |part| {
        classes.extend(largest_logits(model.logits(part)?)?);
        Ok(())
    })?;
    Ok(classes)
}

/// The probability of each class for each text, at most `micro_batch` of which pass through the classifier at
/// a time. Those of a text add up to 1.
///
/// # Errors
/// As [`predict_classes`].
pub fn predict_probabilities<M: TextClassifier>(
    model: &M,
    texts: &TokenBatch,
    micro_batch: usize,
) -> Result<Vec<Vec<f64>>, FinetuneError> {
    let mut probabilities = Vec::with_capacity(texts.rows());
    in_parts(texts, micro_batch, |part| {
        let of_part = softmax(model.logits(part)?.inner(), 1).try_into_vec_as::<f64>()?;
        probabilities.extend(of_part.chunks(model.classes().max(1)).map(<[f64]>::to_vec));
        Ok(())
    })?;
    Ok(probabilities)
}

fn in_parts(
    texts: &TokenBatch,
    micro_batch: usize,
    mut visit: impl FnMut(&TokenBatch) -> Result<(), ModelError>,
) -> Result<(), FinetuneError> {
    check::at_least_one("micro_batch", micro_batch)?;
    let places: Vec<usize> = (0..texts.rows()).collect();
    for part in places.chunks(micro_batch) {
        visit(&texts.select(part)?)?;
    }
    Ok(())
}
