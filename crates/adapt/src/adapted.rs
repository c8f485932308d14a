use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use faer::Mat;
use kiln_core::check;
use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use crate::border::check_rows;
use crate::rows::RowKind;
use crate::scaling::Standardization;
use crate::{AdaptError, AdaptMethod, FeatureModel, FitWarning, LabelShiftWeights, Predict, Rows, record};

/// Rows that a model is given at a time where there is nothing to train.
pub(crate) const BATCH: usize = 256;

/// A module fitted by an [`AdaptMethod`]: it predicts, and it can be saved and loaded.
#[derive(Debug, Clone)]
pub struct Adapted<M> {
    model: M,
    summary: FitSummary,
    first_stage: Option<Box<Self>>,
}

/// What is known of a fit besides the model's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitSummary {
    /// The method.
    pub method: AdaptMethod,
    /// Number of columns of the model's output: the classes, or 1 for regression.
    pub outputs: usize,
    /// The rows that it was fitted to: others are refused.
    pub rows: RowKind,
    /// The class weights that a first stage found.
    pub class_weights: Option<LabelShiftWeights>,
    /// The final weights of the sources, for groupDRO.
    pub group_weights: Option<Vec<f64>>,
    /// How rows and values are standardized around the model, if they are.
    pub standardization: Option<Standardization>,
    /// Epochs that were trained for until the model was as it is.
    pub epochs: usize,
    /// Reasons not to trust the model.
    pub warnings: Vec<FitWarning>,
}

impl<M> Adapted<M> {
    pub(crate) fn new(model: M, summary: FitSummary, first_stage: Option<Self>) -> Self {
        Self { model, summary, first_stage: first_stage.map(Box::new) }
    }

    /// The same fit with another model.
    pub(crate) fn with_model(&self, model: M) -> Self
    where
        M: Clone,
    {
        Self { model, summary: self.summary.clone(), first_stage: self.first_stage.clone() }
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<FitWarning>) -> Self {
        self.summary.warnings = warnings;
        self
    }

    /// The same fit around other rows, in its first stages too.
    pub(crate) fn with_standardization(mut self, standardization: Option<&Standardization>) -> Self {
        self.summary.standardization = standardization.cloned();
        self.first_stage =
            self.first_stage.map(|first| Box::new((*first).with_standardization(standardization)));
        self
    }

    /// The fitted model, without autodiff. It takes rows as
    /// [`standardization`](FitSummary::standardization) has them, if there is one.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The fitted model, without autodiff.
    pub fn into_model(self) -> M {
        self.model
    }

    /// The method and what it found besides the model.
    pub fn summary(&self) -> &FitSummary {
        &self.summary
    }

    /// Number of columns of the scores: the classes, or 1 for values.
    pub fn outputs(&self) -> usize {
        self.summary.outputs
    }

    /// The model of the first stage, if the method has one: for the IW forms and JointDIP a conditionally
    /// invariant one.
    pub fn first_stage(&self) -> Option<&Self> {
        self.first_stage.as_deref()
    }

    /// The class probabilities of each row, `[n, classes]`.
    pub(crate) fn probabilities_in_batches<X: Rows>(
        &self,
        x: &X,
        batch_size: usize,
    ) -> Result<Mat<f64>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        matrix(softmax(self.in_batches(x, batch_size, FeatureModel::forward)?, 1))
    }

    /// A function of the model on all rows, without gradients, a batch at a time.
    pub(crate) fn in_batches<X: Rows>(
        &self,
        x: &X,
        batch_size: usize,
        function: impl Fn(&M, X) -> Tensor<2>,
    ) -> Result<Tensor<2>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        self.summary.rows.check("the rows to predict", x)?;
        match &self.summary.standardization {
            None => in_batches(&self.model, x, batch_size, function),
            Some(standardization) => in_batches(&self.model, &standardization.rows(x), batch_size, function),
        }
    }
}

/// A function of a model on all rows, without gradients, a batch at a time.
pub(crate) fn in_batches<X: Rows, M: FeatureModel<X>>(
    model: &M,
    x: &X,
    batch_size: usize,
    function: impl Fn(&M, X) -> Tensor<2>,
) -> Result<Tensor<2>, AdaptError> {
    check::not_empty("the rows to predict", x.rows())?;
    check_rows(model, x)?;
    let x = x.clone().inner();
    let rows: Vec<usize> = (0..x.rows()).collect();
    let parts = rows.chunks(batch_size.max(1)).map(|rows| function(model, x.select(rows))).collect();
    Ok(Tensor::cat(parts, 0))
}

/// On the host.
pub(crate) fn matrix(tensor: Tensor<2>) -> Result<Mat<f64>, AdaptError> {
    let [rows, columns] = tensor.dims();
    let values = tensor.try_into_vec_as::<f64>().map_err(TensorError::from)?;
    Ok(Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))
}

impl<X: Rows, M: FeatureModel<X>> Predict<X> for Adapted<M> {
    fn outputs(&self) -> usize {
        self.summary.outputs
    }

    fn scores(&self, x: &X) -> Result<Mat<f64>, AdaptError> {
        x.check("the rows to predict")?;
        let scores = matrix(self.in_batches(x, BATCH, FeatureModel::forward)?)?;
        Ok(match &self.summary.standardization {
            None => scores,
            Some(standardization) => standardization.back(scores),
        })
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.summary.warnings.clone()
    }
}

impl<M: Module> Adapted<M> {
    /// Writes the parameters (Burn's format) and the summary (JSON) of all stages into a folder, which is
    /// made if need be.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), AdaptError> {
        record::save(folder, &self.model, &self.summary)?;
        match &self.first_stage {
            None => Ok(()),
            Some(first) => first.save(&folder.join(FIRST_STAGE)),
        }
    }

    /// Reads what [`save`](Self::save) wrote, into a copy of `model`, which has the architecture and the
    /// device.
    ///
    /// # Errors
    /// When a file is missing or damaged, or its parameters do not fit the model.
    pub fn load(folder: &Path, model: &M) -> Result<Self, AdaptError> {
        let (fitted, summary): (M, FitSummary) = record::load(folder, model)?;
        let first_stage = match summary.method.first_stage {
            None => None,
            Some(_) => Some(Box::new(Self::load(&folder.join(FIRST_STAGE), model)?)),
        };
        Ok(Self { model: fitted, summary, first_stage })
    }
}

const FIRST_STAGE: &str = "first-stage";
