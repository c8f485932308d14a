//! Estimates of the labels' law given a row, one per source or resample, at the target's rows.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::TensorError;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::RobustClassification;
use super::descent::Descent;
use super::oracle::check_mixture;
use crate::error::require;
use crate::{AdaptError, Adaptation, FeatureModel, Rows, glorot_linear};

/// What the conditionals are fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum ConditionalSource {
    /// One conditional per source.
    #[default]
    PerSource,
    /// One per resample of all sources' rows, for sources that are not known apart. The paper draws 10, each
    /// of a fifth of the rows.
    Resampled {
        /// Number of resamples, at least 1.
        count: usize,
        /// Rows of each, drawn with replacement, at least 1.
        size: usize,
    },
}

/// Class probabilities at the target's rows under each of several conditionals.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditionals {
    /// Row-major: conditional, row, class.
    probabilities: Vec<f64>,
    count: usize,
    rows: usize,
    classes: usize,
}

impl Conditionals {
    /// `probabilities[k][i][c]` is that of class c at row i under conditional k.
    ///
    /// # Errors
    /// When a list is empty or its length differs from its neighbours', or the probabilities of a row are not
    /// finite and non-negative with the sum 1 (within 1e-6).
    pub fn new(probabilities: &[Vec<Vec<f64>>]) -> Result<Self, AdaptError> {
        let empty = || AdaptError::Empty { what: "the list of conditionals".to_owned() };
        let first = probabilities.first().ok_or_else(empty)?;
        let classes = first.first().ok_or_else(empty)?.len();
        let mut all = Vec::with_capacity(probabilities.len() * first.len() * classes);
        for conditional in probabilities {
            if conditional.len() != first.len() {
                let what = "rows of a conditional".to_owned();
                return Err(AdaptError::Size { what, found: conditional.len(), expected: first.len() });
            }
            for row in conditional {
                check_mixture(row, classes)?;
                all.extend_from_slice(row);
            }
        }
        Ok(Self { probabilities: all, count: probabilities.len(), rows: first.len(), classes })
    }

    /// Number of conditionals, K.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The probabilities of each conditional, row after row.
    pub(super) fn each(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.rows * self.classes)
    }

    /// `y°(β)`: the probabilities of each row, in order, under the mixture with these weights.
    ///
    /// # Errors
    /// When there are not K weights, or they are not finite and non-negative with the sum 1 (within 1e-6).
    pub fn mixture(&self, weights: &[f64]) -> Result<Vec<f64>, AdaptError> {
        check_mixture(weights, self.count)?;
        Ok(self.mixed(weights))
    }

    pub(super) fn mixed(&self, weights: &[f64]) -> Vec<f64> {
        let mut mixture = vec![0.0; self.rows * self.classes];
        for (conditional, weight) in self.each().zip(weights) {
            mixture.iter_mut().zip(conditional).for_each(|(sum, p)| *sum += weight * p);
        }
        mixture
    }

    /// `g_k`: mean over the rows of the cross-entropy of log-probabilities (row after row) to each conditional.
    pub(super) fn cross_entropies(&self, logarithms: &[f64]) -> Vec<f64> {
        let sum = |p: &[f64]| p.iter().zip(logarithms).map(|(p, log)| p * log).sum::<f64>();
        self.each().map(|p| -sum(p) / self.rows as f64).collect()
    }
}

impl RobustClassification {
    /// Fits the heads and evaluates them at the target's rows. Every head starts from weights of 0 and sees
    /// its rows in an order that does not depend on its place among the sources.
    ///
    /// # Errors
    /// When a setting is out of range, labels are not classes, or a source (a resample) has no row of a class: its head
    /// would make up the class's probability. Merge such sources, draw larger resamples, or give the conditionals to
    /// [`fit_given`](Self::fit_given).
    pub fn estimate_conditionals(&self, data: &Adaptation<Tensor<2>>) -> Result<Conditionals, AdaptError> {
        self.check()?;
        let classes = data.outputs();
        let mut parts = Vec::new();
        match self.conditionals {
            ConditionalSource::PerSource => {
                for source in data.sources() {
                    let found = source.classes()?.0.to_vec();
                    parts.push((source.name().to_owned(), source.x().clone().inner(), found));
                }
            }
            ConditionalSource::Resampled { count, size } => {
                require::at_least_one("count", count)?;
                require::at_least_one("size", size)?;
                let (z, all) = pooled(data)?;
                for k in 0..count {
                    let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
                    generator.set_stream(k as u64);
                    let rows: Vec<usize> = (0..size).map(|_| generator.random_range(0..all.len())).collect();
                    let found = rows.iter().map(|&row| all[row]).collect();
                    parts.push((format!("resample {k}"), Rows::select(&z, &rows), found));
                }
            }
        }
        let target = data.target().x().clone().inner();
        let mut probabilities = Vec::new();
        for (name, z, found) in &parts {
            if let Some(class) = (0..classes).find(|class| !found.contains(class)) {
                let why = "a conditional is fitted to rows of every class";
                return Err(AdaptError::MissingClass { domain: name.clone(), class, why });
            }
            let device = z.device();
            let head = glorot_linear(z.dims()[1], classes, 0.0, 0, &device)?;
            let labels = one_hot(found, classes, &device);
            let head = Descent::new(&head, self.heads.learning_rate, self.batch_size, self.seed).supervised(
                z,
                &labels,
                &self.heads,
            )?;
            probabilities.extend(log_probabilities(&head, &target)?.into_iter().map(f64::exp));
        }
        Ok(Conditionals { probabilities, count: parts.len(), rows: target.dims()[0], classes })
    }
}

/// All sources' rows and classes.
pub(super) fn pooled(data: &Adaptation<Tensor<2>>) -> Result<(Tensor<2>, Vec<usize>), AdaptError> {
    let (mut parts, mut classes) = (Vec::new(), Vec::new());
    for source in data.sources() {
        parts.push(source.x().clone().inner());
        classes.extend_from_slice(source.classes()?.0);
    }
    Ok((Tensor::cat(parts, 0), classes))
}

/// A row per class index, 1 in its column.
pub(super) fn one_hot(classes: &[usize], count: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0.0; classes.len() * count];
    classes.iter().enumerate().for_each(|(row, class)| rows[row * count + class] = 1.0);
    tensor(&rows, count, device)
}

/// Numbers row after row as a tensor.
pub(super) fn tensor(rows: &[f64], columns: usize, device: &Device) -> Tensor<2> {
    let numbers: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    Tensor::from_data(TensorData::new(numbers, [rows.len() / columns, columns]), device)
}

/// Logarithms of a model's class probabilities, row after row.
pub(super) fn log_probabilities<M: Module + FeatureModel<Tensor<2>>>(
    model: &M,
    z: &Tensor<2>,
) -> Result<Vec<f64>, AdaptError> {
    let logits = model.valid().forward(z.clone());
    let classes = logits.dims()[1];
    let mut rows = logits.try_into_vec_as::<f64>().map_err(TensorError::from)?;
    for row in rows.chunks_exact_mut(classes) {
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - most).exp()).sum();
        for logit in row.iter_mut() {
            *logit -= most + sum.ln();
        }
    }
    Ok(rows)
}
