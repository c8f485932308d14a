//! Early stopping: rows of the sources that are not trained on say when to stop.

use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::adapted::{BATCH, in_batches, matrix};
use crate::method::Risk;
use crate::predict::row_losses;
use crate::split::split_rows;
use crate::{AdaptError, AdaptMethod, Adaptation, FeatureModel, Labelled, Labels, Rows};

/// When training ends before its last epoch, and which epoch's model is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Share of each source's rows that is held out, between 0 and 1; of each class its share.
    pub share: f64,
    /// Training ends after so many epochs without a smaller loss on them, at least 1.
    pub patience: usize,
}

impl EarlyStopping {
    /// A fifth of the rows, so many epochs of patience.
    pub fn new(patience: usize) -> Self {
        Self { share: 0.2, patience }
    }

    pub(super) fn check(&self) -> Checked {
        check::at_least_one("patience", self.patience)?;
        check::setting("share", self.share, self.share > 0.0 && self.share < 1.0, "between 0 and 1")
    }
}

/// The rows held out, and the best model on them so far.
pub(super) struct HeldOut<X, M> {
    /// The problem without them.
    pub(super) rest: Adaptation<X>,
    held: Vec<(Labelled<X>, f64)>,
    class_weights: Option<Vec<f64>>,
    patience: usize,
    /// Epoch, loss and model.
    best: Option<(usize, f64, M)>,
}

impl<X: Rows, M: FeatureModel<X>> HeldOut<X, M> {
    pub(super) fn new(
        data: &Adaptation<X>,
        method: &AdaptMethod,
        stopping: EarlyStopping,
        seed: u64,
        class_weights: Option<Vec<f64>>,
    ) -> Result<Self, AdaptError> {
        let (mut rest, mut held, mut rows) = (Vec::new(), Vec::new(), Vec::<f64>::new());
        for (index, source) in data.sources().iter().enumerate() {
            let (kept, out) = split_rows(source, stopping.share, seed, index as u64)?;
            rest.push(kept);
            let judged = !matches!(method.risk, Risk::Source(only) if only != index);
            if judged {
                rows.push((0..source.rows()).map(|row| source.weight(row)).sum());
                held.push(out);
            }
        }
        let shares = match method.risk {
            Risk::Pooled(pooling) => pooling.shares(&rows),
            _ => vec![1.0 / rows.len() as f64; rows.len()],
        };
        let rest = Adaptation::new(rest, data.target().clone())?;
        let held = held.into_iter().zip(shares).collect();
        Ok(Self { rest, held, class_weights, patience: stopping.patience, best: None })
    }

    /// Looks at the model after an epoch. Whether to go on.
    pub(super) fn look(&mut self, epoch: usize, model: &M) -> Result<bool, AdaptError> {
        let model = model.valid();
        let mut loss = 0.0;
        for (source, share) in &self.held {
            let outputs = matrix(in_batches(&model, source.x(), BATCH, FeatureModel::forward)?)?;
            let losses = row_losses(&outputs, source.y());
            let mut weights: Vec<f64> = (0..losses.len()).map(|row| source.weight(row)).collect();
            if let (Labels::Classes { classes, .. }, Some(of_classes)) = (source.y(), &self.class_weights) {
                weights.iter_mut().zip(classes).for_each(|(weight, class)| *weight *= of_classes[*class]);
            }
            let total: f64 = weights.iter().sum();
            if total > 0.0 {
                loss += share * losses.iter().zip(&weights).map(|(l, w)| l * w).sum::<f64>() / total;
            }
        }
        let better = self.best.as_ref().is_none_or(|(_, least, _)| loss < *least);
        if better {
            self.best = Some((epoch, loss, model));
        }
        Ok(self.best.as_ref().is_none_or(|(best, _, _)| epoch - best < self.patience))
    }

    /// The best epoch, from 0, and its model.
    pub(super) fn into_best(self) -> Option<(usize, M)> {
        self.best.map(|(epoch, _, model)| (epoch, model))
    }
}
