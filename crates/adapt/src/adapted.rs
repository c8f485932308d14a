use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use faer::Mat;
use kiln_tensor::TensorError;
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{AdaptError, FeatureModel, LabelShiftWeights, Labelled, Labels, Method, Rows};

/// A model fitted by a [`Method`]: it predicts, and it can be saved and loaded.
#[derive(Debug, Clone)]
pub struct Adapted<M> {
    model: M,
    summary: Summary,
    first_stage: Option<Box<Self>>,
}

/// What is known of a fit besides the model's parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The method.
    pub method: Method,
    /// Number of columns of the model's output: the classes, or 1 for regression.
    pub outputs: usize,
    /// The class weights that a first stage found.
    pub class_weights: Option<LabelShiftWeights>,
    /// The final weights of the sources, for groupDRO.
    pub group_weights: Option<Vec<f64>>,
}

impl<M> Adapted<M> {
    pub(crate) fn new(
        model: M,
        method: Method,
        outputs: usize,
        class_weights: Option<LabelShiftWeights>,
        group_weights: Option<Vec<f64>>,
        first_stage: Option<Self>,
    ) -> Self {
        let summary = Summary { method, outputs, class_weights, group_weights };
        Self { model, summary, first_stage: first_stage.map(Box::new) }
    }

    /// The fitted model, without autodiff.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The fitted model, without autodiff.
    pub fn into_model(self) -> M {
        self.model
    }

    /// The method and what it found besides the model.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The model of the first stage, if the method has one: for the IW forms and JointDIP a conditionally
    /// invariant one.
    pub fn first_stage(&self) -> Option<&Self> {
        self.first_stage.as_deref()
    }

    /// The model's outputs for rows, `[n, outputs]`: logits, or values.
    ///
    /// # Errors
    /// Without rows, or when one is not finite.
    pub fn outputs<X: Rows>(&self, x: X) -> Result<Tensor<2>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        if x.rows() == 0 {
            return Err(AdaptError::Empty { what: "the batch to predict".to_owned() });
        }
        if !x.is_finite() {
            return Err(AdaptError::NotFinite { what: "the batch to predict".to_owned() });
        }
        Ok(self.model.forward(x.inner()))
    }

    /// The class of each row: the one with the largest logit.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and when the model was fitted to values.
    pub fn predict<X: Rows>(&self, x: X) -> Result<Vec<usize>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        require::check(
            "number of classes",
            self.summary.outputs as f64,
            self.summary.outputs > 1,
            "above 1",
        )?;
        let best = self.outputs(x)?.argmax(1).try_into_vec_as::<i64>().map_err(TensorError::from)?;
        Ok(best.into_iter().map(|class| class as usize).collect())
    }

    /// The value of each row.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and when the model was fitted to classes.
    pub fn predict_values<X: Rows>(&self, x: X) -> Result<Vec<f64>, AdaptError>
    where
        M: FeatureModel<X>,
    {
        require::check("number of outputs", self.summary.outputs as f64, self.summary.outputs == 1, "1")?;
        Ok(self.outputs(x)?.try_into_vec_as::<f64>().map_err(TensorError::from)?)
    }

    /// The classes of a stream of batches, each predicted when it is asked for.
    pub fn predict_batches<'a, X: Rows + 'a>(
        &'a self,
        batches: impl IntoIterator<Item = X> + 'a,
    ) -> impl Iterator<Item = Result<Vec<usize>, AdaptError>> + 'a
    where
        M: FeatureModel<X>,
    {
        batches.into_iter().map(|x| self.predict(x))
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
        let outputs = self.in_batches(x, batch_size, FeatureModel::forward)?;
        let [rows, columns] = outputs.dims();
        let values = softmax(outputs, 1).try_into_vec_as::<f64>().map_err(TensorError::from)?;
        Ok(Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))
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
        let x = x.clone().inner();
        let rows: Vec<usize> = (0..x.rows()).collect();
        let parts: Vec<_> =
            rows.chunks(batch_size.max(1)).map(|rows| function(&self.model, x.select(rows))).collect();
        if parts.is_empty() {
            return Err(AdaptError::Empty { what: "the list of rows".to_owned() });
        }
        Ok(Tensor::cat(parts, 0))
    }

    /// How well the model does on a domain with labels; `batch_size` rows are held at a time.
    ///
    /// # Errors
    /// When the labels are of another kind or number of classes than those fitted to.
    pub fn evaluate<X: Rows>(&self, domain: &Labelled<X>, batch_size: usize) -> Result<Evaluation, AdaptError>
    where
        M: FeatureModel<X>,
    {
        let found = domain.y().outputs();
        if found != self.summary.outputs {
            let what = format!("outputs for the labels of {}", domain.name());
            return Err(AdaptError::Size { what, found, expected: self.summary.outputs });
        }
        let outputs = self.in_batches(domain.x(), batch_size, FeatureModel::forward)?;
        match domain.y() {
            Labels::Classes { classes, count } => {
                let best = outputs.argmax(1).try_into_vec_as::<i64>().map_err(TensorError::from)?;
                let predicted: Vec<usize> = best.into_iter().map(|class| class as usize).collect();
                Ok(Evaluation::of_classes(&predicted, classes, *count))
            }
            Labels::Values(values) => {
                let predicted = outputs.try_into_vec_as::<f64>().map_err(TensorError::from)?;
                let squares = predicted.iter().zip(values).map(|(p, y)| (p - y).powi(2));
                Ok(Evaluation::Values { mean_squared_error: squares.sum::<f64>() / values.len() as f64 })
            }
        }
    }
}

impl<M: Module> Adapted<M> {
    /// Writes the parameters (Burn's format) and the summary (JSON) of all stages into a folder, which is
    /// made if need be.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), AdaptError> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| AdaptError::Record {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let path = folder.join(SUMMARY);
        let json = serde_json::to_vec_pretty(&self.summary).map_err(|error| failed(&path, &error))?;
        std::fs::write(&path, json).map_err(|error| failed(&path, &error))?;
        let path = folder.join(PARAMETERS);
        self.model.clone().save_file(&path).map_err(|error| failed(&path, &error))?;
        match &self.first_stage {
            None => Ok(()),
            Some(first) => first.save(&folder.join(FIRST_STAGE)),
        }
    }

    /// Reads what [`save`](Self::save) wrote, into a copy of `model`, which has the architecture and the device.
    ///
    /// # Errors
    /// When a file is missing or damaged, or its parameters do not fit the model.
    pub fn load(folder: &Path, model: &M) -> Result<Self, AdaptError> {
        let failed = |path: &Path, error: &dyn std::fmt::Display| AdaptError::Record {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let path = folder.join(SUMMARY);
        let json = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
        let summary: Summary = serde_json::from_slice(&json).map_err(|error| failed(&path, &error))?;
        let path = folder.join(PARAMETERS);
        let loaded = model.clone().try_load_file(&path);
        // A GPU's server reads the file when it gets to it, which must not be after the caller has deleted it.
        for device in model.devices() {
            device.sync().map_err(|error| failed(&path, &error))?;
        }
        let fitted = loaded.map_err(|error| failed(&path, &error))?.valid();
        let first_stage = match summary.method.first_stage {
            None => None,
            Some(_) => Some(Box::new(Self::load(&folder.join(FIRST_STAGE), model)?)),
        };
        Ok(Self { model: fitted, summary, first_stage })
    }
}

const SUMMARY: &str = "summary.json";
const PARAMETERS: &str = "parameters.bpk";
const FIRST_STAGE: &str = "first-stage";

/// How well a model does on a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Evaluation {
    /// Of classes.
    Classes {
        /// Share of rows whose class was predicted.
        accuracy: f64,
        /// Mean of the recalls of the classes that occur: 0.5 for a constant answer on two classes, whatever
        /// their shares.
        balanced_accuracy: f64,
        /// For each class the share of its rows that were predicted as it; `None` when it does not occur.
        recalls: Vec<Option<f64>>,
    },
    /// Of values.
    Values {
        /// Mean squared error.
        mean_squared_error: f64,
    },
}

impl Evaluation {
    /// From predicted and true classes, of which there are `count`.
    pub(crate) fn of_classes(predicted: &[usize], classes: &[usize], count: usize) -> Self {
        let (mut hits, mut rows) = (vec![0_usize; count], vec![0_usize; count]);
        for (p, &y) in predicted.iter().zip(classes) {
            rows[y] += 1;
            hits[y] += usize::from(*p == y);
        }
        let recalls: Vec<Option<f64>> =
            hits.iter().zip(&rows).map(|(&hit, &n)| (n > 0).then(|| hit as f64 / n as f64)).collect();
        let found: Vec<f64> = recalls.iter().flatten().copied().collect();
        Self::Classes {
            accuracy: hits.iter().sum::<usize>() as f64 / classes.len() as f64,
            balanced_accuracy: found.iter().sum::<f64>() / found.len() as f64,
            recalls,
        }
    }

    /// Accuracy, or the negative mean squared error: larger is better.
    pub fn score(&self) -> f64 {
        match self {
            Self::Classes { accuracy, .. } => *accuracy,
            Self::Values { mean_squared_error } => -mean_squared_error,
        }
    }
}
