//! `kiln adapt predict`.

use std::path::PathBuf;

use clap::Args;
use kiln_adapt::Predict as _;
use kiln_linear::{ClassLabel, DenseRows};
use kiln_table::{PreprocessingNotice, read_table};

use super::model::ModelFile;
use super::tables::Numbers;
use crate::cli::{FOUND, Failure};
use crate::files::{check_folder, save};
use crate::linear::predictions::{Predictions, Truth};
use crate::linear::words;

/// Predict the column of a model for the rows of a table.
///
/// Columns are found by their names, wherever they stand. Where the label is in the table too, the
/// predictions are scored.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln adapt predict --help")]
pub(crate) struct Predict {
    /// The model, as kiln adapt fit wrote it with --out
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The table: the target, or more rows like it; - reads standard input
    #[arg(value_name = "TABLE")]
    table: PathBuf,
    /// Columns of the table to write beside the predictions, such as the names of rows
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    with: Vec<String>,
    /// The file for the predictions, as CSV; by default standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  kiln adapt predict ill.json zurich.csv --with patient --out risk.csv

There is one line a row, in the order of the table. Of classes it has the most probable one and the
probability of each, which is the model's and not calibrated for the target.

Exit status:
  0  done
  2  the model or the table cannot be read, or a column of the model is not in the table";

impl Predict {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(path) = &self.out {
            check_folder(path)?;
        }
        let file = ModelFile::read(&self.model)?;
        let table = read_table(&self.table, &file.reading)?;
        for note in table.notes() {
            eprintln!("note: {}", words::note(note));
        }
        let (encoded, notices) = file.preprocessing.apply(&table)?;
        for notice in
            notices.iter().filter(|notice| !matches!(notice, PreprocessingNotice::ExtraColumns { .. }))
        {
            eprintln!("note: {}", words::notice(notice));
        }
        let all: Vec<usize> = (0..table.rows()).collect();
        let x = Numbers { width: encoded.columns.len(), values: encoded.to_dense() }.of(&all);
        let overflow = |error| format!("{}: {error}", table.file());
        let predictions = match &file.classes {
            None => Predictions::Values(file.model.predict_values(&x).map_err(overflow)?),
            Some(names) => {
                let known: Vec<ClassLabel> = names.iter().cloned().map(ClassLabel::from).collect();
                let found = file.model.predict_classes(&x).map_err(overflow)?;
                let probabilities = file.model.predict_probabilities(&x).map_err(overflow)?;
                let values = probabilities.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<_>>());
                Predictions::Classes {
                    classes: found.into_iter().filter_map(|class| known.get(class).cloned()).collect(),
                    probabilities: Some(DenseRows::new(known.len(), values.collect())?),
                    known,
                }
            }
        };
        let beside = self.with.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
        let csv = predictions.csv(&file.label, &beside);
        match &self.out {
            Some(path) => save(path, csv.as_bytes())?,
            None => kiln_receipts::cli::print(&csv)?,
        }
        if let Ok(column) = table.column(&file.label) {
            eprintln!("{}", predictions.score(&file.label, &Truth::Column(column)));
        }
        Ok(FOUND)
    }
}
