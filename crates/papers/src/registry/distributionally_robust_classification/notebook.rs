//! The steps of the released notebook on frozen features.
//!
//! They differ from `kiln_adapt::robust`, which has the paper's: labels are classes, those of the mean of the
//! heads' scores (not of their probabilities), and β climbs the loss of that mean at the model's answers.

use burn::module::Module;
use burn::tensor::Tensor;
use kiln_adapt::robust::{Conditionals, evaluate, mixture_step};
use kiln_adapt::{FeatureModel, Labelled};
use kiln_receipts::ExperimentError;
use kiln_tensor::TensorError;
use kiln_tensor::training::{ByRows, Descent, RowOrder, adam, cross_entropy, index_tensor};
use serde::{Deserialize, Serialize};

use super::network::Head;

pub(super) const CLASSES: usize = 10;
pub(super) const BATCH: usize = 100;
pub(super) const LEARNING_RATE: f64 = 1e-3;
/// ε₂ of the judged method.
pub(super) const MIXTURE_RADIUS: f64 = 0.4;
const ROUNDS: usize = 150;
const EPOCHS: usize = 2;
const MIXTURE_STEPS: usize = 20;
const MIXTURE_STEP: f64 = 0.05;
/// β is left alone once a step of it is shorter.
const MIXTURE_REST: f64 = 1e-4;

/// The labels that rows are moved against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Against {
    /// Those of the mixture, as in the paper's objective.
    Mixture,
    /// The model's answers.
    Own,
    /// The target's, as in the notebook.
    Truth,
}

/// Accuracies on the target's test file.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Accuracy {
    /// After the last round.
    pub(super) last: f64,
    /// After the epoch with the best accuracy on the target's labelled validation rows, the first of such.
    pub(super) selected: f64,
}

/// Features of the target, and what the heads say of them.
pub(super) struct Target<'a> {
    rows: &'a Labelled<Tensor<2>>,
    validation: &'a Labelled<Tensor<2>>,
    test: &'a Labelled<Tensor<2>>,
    /// By head: logarithms of the class probabilities of each row in turn. They are the scores but for a number
    /// a row, which changes neither classes nor β's steps.
    heads: Vec<Vec<f64>>,
}

impl<'a> Target<'a> {
    /// The conditionals are those at `rows`.
    pub(super) fn new(
        rows: &'a Labelled<Tensor<2>>,
        validation: &'a Labelled<Tensor<2>>,
        test: &'a Labelled<Tensor<2>>,
        conditionals: &Conditionals,
    ) -> Self {
        let heads: Vec<Vec<Vec<f64>>> = conditionals.clone().into();
        let logarithms =
            |head: &Vec<Vec<f64>>| head.iter().flatten().map(|p| p.max(f64::MIN_POSITIVE).ln()).collect();
        Self { rows, validation, test, heads: heads.iter().map(logarithms).collect() }
    }

    /// The method from this head.
    pub(super) fn adapt(
        &self,
        head: &Head,
        against: Against,
        radius: f64,
        seed: u64,
    ) -> Result<Accuracy, ExperimentError> {
        let z = self.rows.x();
        let recording = z.device().autodiff();
        let mut mixture = vec![1.0 / self.heads.len() as f64; self.heads.len()];
        let mut descent = Descent::new(head.clone().train(), adam());
        let mut best = (f64::NEG_INFINITY, 0.0);
        for _ in 0..ROUNDS {
            let model = descent.module();
            let labels = match against {
                Against::Mixture => self.labels(&mixture),
                Against::Own => answers(model, z)?,
                Against::Truth => self.rows.classes()?.0.to_vec(),
            };
            let moved = moved(model, z, &labels, radius)?;
            mixture = self.worse(mixture, &answers(model, &moved)?)?;
            let labels = self.labels(&mixture);
            let moved = moved.autodiff();
            let mut task = ByRows {
                rows: labels.len(),
                batch_size: BATCH,
                order: RowOrder::Shuffled { seed },
                learning_rate: LEARNING_RATE,
                loss: |head: &Head, rows: &[usize]| {
                    let classes: Vec<usize> = rows.iter().map(|row| labels[*row]).collect();
                    let z = moved.clone().select(0, index_tensor(rows, &recording));
                    cross_entropy(head.forward(z), index_tensor(&classes, &recording))
                },
            };
            for _ in 0..EPOCHS {
                descent = descent.epoch(&mut task)?.0;
                let model = descent.module().valid();
                let score = evaluate(&model, self.validation)?.score();
                if score > best.0 {
                    best = (score, evaluate(&model, self.test)?.score());
                }
            }
        }
        let last = evaluate(&descent.module().valid(), self.test)?.score();
        Ok(Accuracy { last, selected: best.1 })
    }

    /// The mean of the heads' scores.
    fn scores(&self, mixture: &[f64]) -> Vec<f64> {
        let mut scores = vec![0.0; self.rows.rows() * CLASSES];
        for (head, weight) in self.heads.iter().zip(mixture) {
            scores.iter_mut().zip(head).for_each(|(sum, score)| *sum += weight * score);
        }
        scores
    }

    /// The class of each row by that mean.
    fn labels(&self, mixture: &[f64]) -> Vec<usize> {
        let largest =
            |row: &[f64]| (0..CLASSES).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
        self.scores(mixture).chunks_exact(CLASSES).map(largest).collect()
    }

    /// β after its steps up the cross-entropy of that mean at the model's answers.
    fn worse(&self, mut mixture: Vec<f64>, answers: &[usize]) -> Result<Vec<f64>, ExperimentError> {
        let equal = vec![1.0 / mixture.len() as f64; mixture.len()];
        for _ in 0..MIXTURE_STEPS {
            // The loss's slope in the scores: probabilities less the answer.
            let mut slopes = self.scores(&mixture);
            for (row, answer) in slopes.chunks_exact_mut(CLASSES).zip(answers) {
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|score| (score - most).exp()).sum();
                for score in row.iter_mut() {
                    *score = (*score - most).exp() / sum;
                }
                row[*answer] -= 1.0;
            }
            let along = |head: &Vec<f64>| {
                head.iter().zip(&slopes).map(|(score, slope)| score * slope).sum::<f64>()
                    / answers.len() as f64
            };
            let gradient: Vec<f64> = self.heads.iter().map(along).collect();
            let next = mixture_step(&mixture, &gradient, &equal, MIXTURE_RADIUS, MIXTURE_STEP)?;
            let step: f64 = next.iter().zip(&mixture).map(|(a, b)| (a - b).powi(2)).sum();
            mixture = next;
            if step.sqrt() < MIXTURE_REST {
                break;
            }
        }
        Ok(mixture)
    }
}

/// The model's classes.
fn answers(head: &Head, z: &Tensor<2>) -> Result<Vec<usize>, ExperimentError> {
    let classes =
        head.valid().forward(z.clone()).argmax(1).try_into_vec_as::<i64>().map_err(TensorError::from)?;
    Ok(classes.into_iter().map(usize::try_from).collect::<Result<_, _>>()?)
}

/// One step of this size by the signs of the loss's slope, batch normalization using its running statistics.
fn moved(head: &Head, z: &Tensor<2>, labels: &[usize], radius: f64) -> Result<Tensor<2>, ExperimentError> {
    if radius == 0.0 {
        return Ok(z.clone());
    }
    let at = z.clone().autodiff().require_grad();
    let loss = cross_entropy(head.clone().freeze().forward(at.clone()), index_tensor(labels, &at.device()))?;
    let slope = at.grad_remove(&mut loss.backward()).ok_or("the head ignores its input")?;
    Ok(z.clone() + slope.sign() * radius)
}
