//! `kiln linear predict`.

use std::path::PathBuf;

use clap::Args;
use kiln_linear::LinearDataError;
use kiln_table::{DataTable, PreprocessingNotice};

use super::fit::data_rows;
use super::input::{Input, Loaded};
use super::model::ModelFile;
use super::predictions::{Predictions, Truth};
use super::words;
use crate::cli::{FOUND, Failure};
use crate::files::{check_folder, save};

/// Predict the column of a model for the rows of another table.
///
/// Columns are found by their names, wherever they stand. What the model does not use is reported,
/// and so are words that it has never seen. Where the label is in the table too, the predictions are
/// scored.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln linear predict --help")]
pub(crate) struct Predict {
    /// The model, as kiln linear fit wrote it with --out
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    input: Input,
    /// Columns of the table to write beside the predictions, such as the names of rows
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    with: Vec<String>,
    /// The file for the predictions, as CSV; by default standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  kiln linear predict rent.json new.csv
  kiln linear predict died.json patients.csv --with patient --out risk.csv
  zcat more.csv.gz | kiln linear predict rent.json - > predicted.csv

There is one line a row, in the order of the table. Of classes it has the most probable one and the
probability of each.

Exit status:
  0  done
  2  the model or the table cannot be read, or a column of the model is not in the table";

impl Predict {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(path) = &self.out {
            check_folder(path)?;
        }
        let model = ModelFile::read(&self.model)?;
        let fitted = model.fitted()?;
        let (csv, score) =
            match (self.input.read(&model.reading, Some(model.numbered()))?, &model.preprocessing) {
                (Loaded::Table(table), Some(preprocessing)) => {
                    let (encoded, notices) = preprocessing.apply(&table)?;
                    self.say(&table, &notices, &model.label);
                    let rows = data_rows(encoded)?;
                    let predictions =
                        Predictions::of(&fitted, &rows).map_err(|error| explained(&error, &table))?;
                    let beside =
                        self.with.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
                    let truth = table.column(&model.label).ok().map(Truth::Column);
                    let score = truth.map(|truth| predictions.score(&model.label, &truth));
                    (predictions.csv(&model.label, &beside), score)
                }
                (Loaded::Rows(read), None) => {
                    let predictions = Predictions::of(&fitted, &read.rows.into())?;
                    let score = predictions.score(&model.label, &Truth::Numbers(&read.labels));
                    (predictions.csv(&model.label, &[]), Some(score))
                }
                (Loaded::Table(_), None) => {
                    return Err(format!(
                    "{} was fitted to an svmlight file, and {} is none: --format svmlight reads it as one",
                    self.model.display(),
                    self.input.name()
                )
                .into());
                }
                (Loaded::Rows(_), Some(_)) => {
                    return Err(format!(
                        "{} was fitted to a table with named columns, and {} has none",
                        self.model.display(),
                        self.input.name()
                    )
                    .into());
                }
            };
        match &self.out {
            Some(path) => save(path, csv.as_bytes())?,
            None => kiln_receipts::cli::print(&csv)?,
        }
        if let Some(score) = score {
            eprintln!("{score}");
        }
        Ok(FOUND)
    }

    /// What was made of the table.
    fn say(&self, table: &DataTable, notices: &[PreprocessingNotice], label: &str) {
        for note in table.notes() {
            eprintln!("note: {}", words::note(note));
        }
        for notice in notices {
            let notice = match notice {
                // The label is used, and what is written beside the predictions too.
                PreprocessingNotice::ExtraColumns { columns } => {
                    let extra = columns.iter().filter(|name| *name != label && !self.with.contains(name));
                    let columns: Vec<String> = extra.cloned().collect();
                    if columns.is_empty() {
                        continue;
                    }
                    PreprocessingNotice::ExtraColumns { columns }
                }
                other => other.clone(),
            };
            eprintln!("note: {notice}");
        }
    }
}

/// An error of a prediction with the place of its row.
fn explained(error: &LinearDataError, table: &DataTable) -> Failure {
    match error {
        LinearDataError::Overflow { row } => {
            format!("{}, {}: the prediction overflows", table.file(), table.place(*row)).into()
        }
        error => error.to_string().into(),
    }
}
