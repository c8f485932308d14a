//! The file of a model: readable by people, and all that a prediction needs.

use std::path::Path;

use kiln_linear::{
    ClassLabel, DualityGap, FitStatus, FittedClassifier, FittedRegressor, LinearPenalty, LinearWarning,
};
use kiln_table::{Preprocessing, TableOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::Failure;

/// What every file of a model says it is.
const FORMAT: &str = "kiln-linear-model";
/// The version of the form.
const VERSION: u32 = 1;

/// A model with everything that was decided on the way to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ModelFile {
    format: String,
    version: u32,
    /// The column that is predicted.
    pub(super) label: String,
    /// What was fitted.
    pub(super) loss: Value,
    /// The classes, where there are any, in the order of weights and probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) classes: Option<Vec<ClassLabel>>,
    /// One intercept a class; one for two classes, or a number.
    intercepts: Vec<f64>,
    /// In the units of the columns.
    pub(super) coefficients: Vec<Coefficient>,
    /// What became of the columns of the table; none for svmlight files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) preprocessing: Option<Preprocessing>,
    /// How the table was read, where that cannot be found out.
    #[serde(default)]
    pub(super) reading: TableOptions,
    /// The penalty.
    pub(super) penalty: LinearPenalty,
    /// How its strength was chosen.
    pub(super) strength_chosen: StrengthChosen,
    /// How near the model is to the best one.
    pub(super) certificate: DualityGap,
    /// How the fit ended.
    pub(super) status: FitStatus,
    /// Reasons to look twice.
    pub(super) warnings: Vec<LinearWarning>,
    /// What it was fitted to.
    pub(super) fitted_to: FittedTo,
}

/// What a column counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Coefficient {
    /// The column.
    pub(super) column: String,
    /// What is added to the score for one unit more: one number a class; one for two classes, or a number.
    pub(super) weights: Vec<f64>,
    /// The standard deviation of the column.
    pub(super) deviation: f64,
}

/// How a strength was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum StrengthChosen {
    /// It was given.
    Given,
    /// By rows held out.
    Path {
        /// In so many folds; a fifth or another share of the rows where none.
        folds: Option<usize>,
        /// The share held out, without folds.
        share: Option<f64>,
        /// Which rows follows from it.
        seed: u64,
        /// How many strengths were tried.
        tried: usize,
        /// The mean loss of the rows held out.
        held_out_loss: f64,
        /// The share of them whose class was predicted.
        held_out_right: Option<f64>,
    },
}

/// What a model was fitted to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FittedTo {
    pub(super) file: String,
    pub(super) rows: usize,
}

/// A model that predicts.
#[derive(Debug, Clone)]
pub(crate) enum Fitted {
    Classes(FittedClassifier),
    Values(FittedRegressor),
}

impl Fitted {
    pub(super) fn columns(&self) -> &[String] {
        match self {
            Self::Classes(model) => model.columns(),
            Self::Values(model) => model.columns(),
        }
    }

    /// One list of weights an output.
    pub(super) fn weights(&self) -> Vec<&[f64]> {
        match self {
            Self::Classes(model) => model.weights().iter().map(Vec::as_slice).collect(),
            Self::Values(model) => vec![model.weights()],
        }
    }

    pub(super) fn intercepts(&self) -> Vec<f64> {
        match self {
            Self::Classes(model) => model.intercepts().to_vec(),
            Self::Values(model) => vec![model.intercept()],
        }
    }

    pub(super) fn classes(&self) -> Option<&[ClassLabel]> {
        match self {
            Self::Classes(model) => Some(model.classes()),
            Self::Values(_) => None,
        }
    }

    /// What it is called in the library's form, of which the loss is a part.
    fn stored(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Classes(model) => serde_json::to_value(model),
            Self::Values(model) => serde_json::to_value(model),
        }
    }
}

/// The weights of each column with its standard deviation.
pub(super) fn coefficients(fitted: &Fitted, deviations: &[f64]) -> Vec<Coefficient> {
    let weights = fitted.weights();
    let columns = fitted.columns().iter().zip(deviations).enumerate();
    columns
        .map(|(at, (column, &deviation))| Coefficient {
            column: column.clone(),
            weights: weights.iter().filter_map(|weights| weights.get(at)).copied().collect(),
            deviation,
        })
        .collect()
}

/// What a file holds besides the model.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) label: String,
    pub(super) preprocessing: Option<Preprocessing>,
    pub(super) reading: TableOptions,
    pub(super) penalty: LinearPenalty,
    pub(super) strength_chosen: StrengthChosen,
    pub(super) certificate: DualityGap,
    pub(super) status: FitStatus,
    pub(super) warnings: Vec<LinearWarning>,
    pub(super) fitted_to: FittedTo,
}

impl ModelFile {
    pub(super) fn new(fitted: &Fitted, deviations: &[f64], about: About) -> Result<Self, Failure> {
        let stored = fitted.stored()?;
        let About {
            label,
            preprocessing,
            reading,
            penalty,
            strength_chosen,
            certificate,
            status,
            warnings,
            fitted_to,
        } = about;
        Ok(Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            label,
            loss: stored.get("loss").cloned().unwrap_or_default(),
            classes: fitted.classes().map(<[ClassLabel]>::to_vec),
            intercepts: fitted.intercepts(),
            coefficients: coefficients(fitted, deviations),
            preprocessing,
            reading,
            penalty,
            strength_chosen,
            certificate,
            status,
            warnings,
            fitted_to,
        })
    }

    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let no_model = "is no model of kiln linear fit, which writes one with --out";
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format!("{name} {no_model}: {error}"))?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(format!("{name} {no_model}").into());
        }
        let version = value.get("version").and_then(Value::as_u64);
        if version != Some(u64::from(VERSION)) {
            return Err(format!("{name} is of another version of kiln: fit the model again").into());
        }
        let file: Self =
            serde_json::from_value(value).map_err(|error| format!("{name} is damaged: {error}"))?;
        let expected = file.preprocessing.as_ref().map(Preprocessing::encoded_names);
        let columns = file.coefficients.iter().map(|coefficient| &coefficient.column);
        if expected.is_some_and(|expected| !expected.iter().eq(columns)) {
            return Err(
                format!("{name} is damaged: its coefficients are not those of its preprocessing").into()
            );
        }
        file.fitted().map_err(|error| format!("{name} is damaged: {error}"))?;
        Ok(file)
    }

    /// The number of the first column of an svmlight file, and how many there are.
    pub(super) fn numbered(&self) -> (u32, usize) {
        let first = self.coefficients.first().is_some_and(|first| first.column == "column 0");
        (u32::from(!first), self.coefficients.len())
    }

    /// The model.
    pub(super) fn fitted(&self) -> Result<Fitted, serde_json::Error> {
        let outputs = self.intercepts.len();
        let columns: Vec<&String> = self.coefficients.iter().map(|one| &one.column).collect();
        let weights: Vec<Vec<Option<f64>>> = (0..outputs)
            .map(|output| self.coefficients.iter().map(|one| one.weights.get(output).copied()).collect())
            .collect();
        let mut stored = json!({
            "loss": self.loss, "columns": columns, "weights": weights, "intercepts": self.intercepts,
        });
        if let Some(classes) = &self.classes {
            stored["classes"] = serde_json::to_value(classes)?;
            return Ok(Fitted::Classes(serde_json::from_value(stored)?));
        }
        Ok(Fitted::Values(serde_json::from_value(stored)?))
    }
}
