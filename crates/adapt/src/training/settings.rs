use burn::optim::ModuleOptimizer;
use kiln_core::check::{self, Checked};
use kiln_tensor::training::{RowOrder, adam};
use serde::{Deserialize, Serialize};

use super::held_out::EarlyStopping;
use crate::Scaling;

/// Which shares the classes have in the batches of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchClasses {
    /// Those of the source's rows, by chance more or less.
    #[default]
    AsDrawn,
    /// Equal ones: the classes that a source has take turns, those with few rows begin again. Every batch has
    /// rows of each class, and the risk is that of a population with equal shares.
    Equal,
}

/// How a method is trained: by whatever optimizer of Burn's, or of `kiln_optim`'s that implements Burn's
/// trait.
#[derive(Clone)]
pub struct Training {
    /// Passes over the longest domain of the problem, whether the method uses it or not.
    pub epochs: usize,
    /// Rows of each domain in a step; shorter domains begin again. A last batch of a single row is merged
    /// into the one before it, since one row has neither a covariance nor a neighbour.
    pub batch_size: usize,
    /// Which shares the classes have in them; for values there is nothing but [`BatchClasses::AsDrawn`].
    pub classes: BatchClasses,
    /// Passed to the optimizer.
    pub learning_rate: f64,
    /// Whether rows and values are standardized; what is found is part of the fitted model.
    pub scaling: Scaling,
    /// Whether rows of the sources are held out to stop by. The target's are all used, having no labels.
    pub early_stopping: Option<EarlyStopping>,
    /// Whether rows are shuffled in each epoch.
    pub shuffle: bool,
    /// Determines the order of rows and the start of a discriminator.
    pub seed: u64,
    /// The optimizer; each stage starts from a copy.
    pub optimizer: ModuleOptimizer,
}

impl Training {
    /// Adam as PyTorch has it, rows as they are and shuffled, every epoch, seed 0.
    pub fn adam(epochs: usize, batch_size: usize, learning_rate: f64) -> Self {
        Self {
            epochs,
            batch_size,
            classes: BatchClasses::AsDrawn,
            learning_rate,
            scaling: Scaling::AsGiven,
            early_stopping: None,
            shuffle: true,
            seed: 0,
            optimizer: adam(),
        }
    }

    /// The order of rows.
    pub(crate) fn order(&self) -> RowOrder {
        if self.shuffle { RowOrder::Shuffled { seed: self.seed } } else { RowOrder::AsGiven }
    }

    pub(crate) fn check(&self) -> Checked {
        check::at_least_one("epochs", self.epochs)?;
        check::at_least_one("batch_size", self.batch_size)?;
        self.early_stopping.as_ref().map_or(Ok(()), EarlyStopping::check)?;
        check::positive("learning_rate", self.learning_rate)
    }
}

impl std::fmt::Debug for Training {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Training")
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("classes", &self.classes)
            .field("learning_rate", &self.learning_rate)
            .field("scaling", &self.scaling)
            .field("early_stopping", &self.early_stopping)
            .field("shuffle", &self.shuffle)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// What an epoch of training was like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// How many first stages follow this one: 0 in the fit proper, 1 in its first stage.
    pub depth: usize,
    /// From 0.
    pub epoch: usize,
    /// Mean over its steps of the risk on the sources, before each step.
    pub risk: f64,
    /// Mean over its steps of each penalty, without its weight; for a discriminator its cross-entropy.
    pub penalties: Vec<f64>,
}
