//! The file of a model: readable by people, and all that a prediction needs.

use std::path::Path;

use kiln_adapt::diagnosis::LinearCandidate;
use kiln_adapt::linear::LinearModel;
use kiln_table::{Preprocessing, TableOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tables::Ready;
use crate::cli::Failure;

/// What every file of a model says it is.
const FORMAT: &str = "kiln-adapt-model";
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
    /// The classes, where there are any, in the order of scores and probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) classes: Option<Vec<String>>,
    /// How it was fitted.
    method: LinearCandidate,
    /// Why.
    reasons: Vec<String>,
    /// The columns of numbers, in the order of the coefficients.
    columns: Vec<String>,
    /// Coefficients and intercepts in the units of the columns, one a class or one.
    pub(super) model: LinearModel,
    /// What became of the columns of the tables.
    pub(super) preprocessing: Preprocessing,
    /// How tables are read, where that cannot be found out.
    pub(super) reading: TableOptions,
    /// What it was fitted to.
    fitted_to: FittedTo,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FittedTo {
    sources: Vec<TableRows>,
    target: TableRows,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct TableRows {
    file: String,
    rows: usize,
}

impl ModelFile {
    pub(super) fn new(
        ready: &Ready,
        method: LinearCandidate,
        reasons: Vec<String>,
        model: LinearModel,
    ) -> Self {
        let target = ready.data.target();
        let sources = ready.data.sources().iter();
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            label: ready.label.clone(),
            classes: ready.classes.clone(),
            method,
            reasons,
            columns: ready.columns.clone(),
            model,
            preprocessing: ready.preprocessing.clone(),
            reading: ready.reading.clone(),
            fitted_to: FittedTo {
                sources: sources
                    .map(|source| TableRows { file: source.name().to_owned(), rows: source.rows() })
                    .collect(),
                target: TableRows { file: target.name().to_owned(), rows: target.x().nrows() },
            },
        }
    }

    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let no_model = "is no model of kiln adapt fit, which writes one with --out";
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format!("{name} {no_model}: {error}"))?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(format!("{name} {no_model}").into());
        }
        if value.get("version").and_then(Value::as_u64) != Some(u64::from(VERSION)) {
            return Err(format!("{name} is of another version of kiln: fit the model again").into());
        }
        let file: Self =
            serde_json::from_value(value).map_err(|error| format!("{name} is damaged: {error}"))?;
        let outputs = file.classes.as_ref().map_or(1, Vec::len);
        if file.preprocessing.encoded_names() != file.columns
            || file.model.features() != file.columns.len()
            || file.model.outputs() != outputs
        {
            let damage = "its coefficients are not those of its columns and classes";
            return Err(format!("{name} is damaged: {damage}").into());
        }
        Ok(file)
    }
}
