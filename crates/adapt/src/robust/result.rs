use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use faer::Mat;
use serde::{Deserialize, Serialize};

use super::conditionals::Conditionals;
use crate::adapted::{BATCH, in_batches, matrix};
use crate::rows::RowKind;
use crate::{AdaptError, FeatureModel, FitWarning, Predict, Rows, record};

/// A model fitted by [`RobustClassification`](super::RobustClassification), and how it came about.
#[derive(Debug, Clone)]
pub struct Robust<M> {
    model: M,
    found: Found,
}

/// All but the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) mixture: Vec<f64>,
    pub(super) conditionals: Conditionals,
    pub(super) trace: Vec<Round>,
    pub(super) robust_value: f64,
    pub(super) entropy: f64,
    pub(super) rows: RowKind,
    pub(super) warnings: Vec<FitWarning>,
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
    pub(super) fn new(model: M, found: Found) -> Self {
        Self { model, found }
    }

    pub(super) fn with_warnings(mut self, warnings: Vec<FitWarning>) -> Self {
        self.found.warnings = warnings;
        self
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
        &self.found.mixture
    }

    /// The conditionals at the target's rows.
    pub fn conditionals(&self) -> &Conditionals {
        &self.found.conditionals
    }

    /// Every round.
    pub fn trace(&self) -> &[Round] {
        &self.found.trace
    }

    /// The model's [`surrogate`](super::RobustClassification::surrogate) value, in nats: the objective that
    /// was minimized.
    pub fn robust_value(&self) -> f64 {
        self.found.robust_value
    }

    /// `(1/n) Σ_i H(y°(β, z_i))`, in nats: no model of any kind has a smaller robust value. So the model's
    /// distance from the saddle point is at most `robust_value() − entropy_bound()` (up to what the robust
    /// value misses when `ε₁ > 0`).
    pub fn entropy_bound(&self) -> f64 {
        self.found.entropy
    }
}

impl<M: FeatureModel<Tensor<2>>> Predict<Tensor<2>> for Robust<M> {
    fn outputs(&self) -> usize {
        self.found.conditionals.classes()
    }

    fn scores(&self, x: &Tensor<2>) -> Result<Mat<f64>, AdaptError> {
        let what = "the rows to predict";
        x.check(what)?;
        self.found.rows.check(what, x)?;
        matrix(in_batches(&self.model, x, BATCH, FeatureModel::forward)?)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.found.warnings.clone()
    }
}

impl<M: Module> Robust<M> {
    /// Writes the parameters (Burn's format) and everything else (JSON) into a folder, which is made if need
    /// be.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), AdaptError> {
        record::save(folder, &self.model, &self.found)
    }

    /// Reads what [`save`](Self::save) wrote, into a copy of `model`, which has the architecture and the
    /// device.
    ///
    /// # Errors
    /// When a file is missing or damaged, or its parameters do not fit the model.
    pub fn load(folder: &Path, model: &M) -> Result<Self, AdaptError> {
        let (model, found) = record::load(folder, model)?;
        Ok(Self { model, found })
    }
}
