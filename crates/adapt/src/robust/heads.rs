//! Conditionals by softmax heads, one fitted to each source or resample.

use burn::tensor::Tensor;
use kiln_core::{check, random};
use rand::RngExt;

use super::conditionals::Conditionals;
use super::descent::SoftLabels;
use super::host::{log_probabilities, one_hot, pooled};
use super::settings::{ConditionalSource, RobustClassification};
use crate::border::check_training;
use crate::{AdaptError, Adaptation, Labelled, Rows, glorot_linear};

impl RobustClassification {
    /// Fits the heads and evaluates them at the target's rows. Every head starts from weights of 0 and sees
    /// its rows in an order that does not depend on its place among the sources.
    ///
    /// # Errors
    /// When a setting is out of range, labels are not classes, or a source (a resample) has no row of a
    /// class: its head would make up the class's probability. Merge such sources, draw larger resamples, or
    /// give the conditionals to [`RobustMethod::fit_given`](super::RobustMethod::fit_given).
    pub fn estimate_conditionals(&self, data: &Adaptation<Tensor<2>>) -> Result<Conditionals, AdaptError> {
        self.check()?;
        data.sources().iter().try_for_each(Labelled::unweighted)?;
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
                check::at_least_one("count", count)?;
                check::at_least_one("size", size)?;
                let (z, all) = pooled(data)?;
                for k in 0..count {
                    let mut generator = random::stream(self.seed, k as u64);
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
            check_training(&head, z, classes)?;
            let labels = one_hot(found, classes, &device);
            let task = SoftLabels {
                z,
                labels: &labels,
                learning_rate: self.heads.learning_rate,
                batch_size: self.batch_size,
                seed: self.seed,
            };
            let head = task.supervised(&head, &self.heads)?;
            probabilities.extend(log_probabilities(&head, &target)?.into_iter().map(f64::exp));
        }
        Ok(Conditionals::known(probabilities, parts.len(), target.dims()[0], classes))
    }
}
