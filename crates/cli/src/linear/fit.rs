//! `kiln linear fit`.

use std::path::PathBuf;

use clap::Args;
use kiln_linear::{ClassLabel, DataRows, DenseRows, LinearDataError, SparseRows};
use kiln_table::{
    ColumnValues, DataTable, EncodedRows, Entries, Preprocessing, PreprocessingNotice, PreprocessingOptions,
    TableOptions,
};

use super::answer::Answer;
use super::choice::{Labels, LossName, PenaltyName, method};
use super::input::{Input, Loaded};
use super::learn::{Choosing, Sample, learn};
use super::model::{About, FittedTo, ModelFile};
use super::words;
use crate::cli::{FOUND, Failure};
use crate::files::{check_folder, command, json, save};
use crate::numbers::count;

/// Learn to predict a column of a table from the others.
///
/// Name the column with --label. Nothing else needs to be said: numbers are used as they are in the
/// table, words become one column a word, missing values are filled and marked. Whether classes or
/// numbers are predicted follows from the label, and is said. The strength of the penalty is the one
/// that predicts rows held out best.
///
/// The weights that are printed first matter most: they are given for a step of one standard
/// deviation, so that metres and millimetres compare. The model in --out has them in the units of the
/// columns.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln linear fit --help")]
pub(crate) struct Fit {
    #[command(flatten)]
    input: Input,
    /// The column to predict; svmlight files have theirs in front
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// What a wrong prediction costs
    #[arg(long, value_enum, value_name = "LOSS", default_value_t = LossName::Auto)]
    loss: LossName,
    /// What keeps the model simple
    #[arg(long, value_enum, value_name = "PENALTY", default_value_t = PenaltyName::Ridge)]
    penalty: PenaltyName,
    /// Strength of the penalty; by default many are tried on rows held out
    #[arg(long, value_name = "λ", allow_negative_numbers = true, conflicts_with_all = ["folds", "held_out"])]
    strength: Option<f64>,
    /// Columns that must not be used, with commas, such as what is known only afterwards
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Columns that are used even if they look like names or numbers of rows
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    keep: Vec<String>,
    /// A column with the weights of rows: 2 counts as the row twice
    #[arg(long, value_name = "COLUMN")]
    weights: Option<String>,
    /// All classes count the same, however many rows they have
    #[arg(long)]
    balance: bool,
    /// Choose the strength by cross-validation in so many folds; 5 by default up to 10,000 rows
    #[arg(long, value_name = "K", conflicts_with = "held_out", help_heading = CHOOSING)]
    folds: Option<usize>,
    /// Choose the strength by this share of the rows, held out once; a fifth by default from 10,000 rows
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = CHOOSING)]
    held_out: Option<f64>,
    /// Determines which rows are held out
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = CHOOSING)]
    seed: u64,
    /// The file for the model, as JSON
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A page to look at in a browser
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

const CHOOSING: &str = "Choosing the strength";

const HELP: &str = "\
Examples:
  kiln linear fit homes.csv --label rent --out rent.json --page rent.html
  kiln linear fit patients.csv --label died --ignore patient,discharged --penalty lasso
  kiln linear fit visits.parquet --label visits --loss poisson --weights days
  kiln linear fit reviews.svmlight.gz --loss squared-hinge --out reviews.json
  zcat big.csv.gz | kiln linear fit - --label y --strength 0.01

What to make of the answer:
  What was held out is the measure, not what was fitted: a model that is right for its own rows may
  have learned them by heart.
  A weight tells what goes along with the label, the other columns being equal; it does not tell what
  causes it. Columns that tell the same share their weight.

Exit status:
  0  done
  2  the table cannot be read, or the arguments are wrong";

/// A table in numbers, and what was said on the way.
struct Ready {
    sample: Sample,
    label: String,
    preprocessing: Option<Preprocessing>,
    reading: TableOptions,
    notices: Vec<PreprocessingNotice>,
    remarks: Vec<String>,
    /// Where the rows stand in the file.
    places: Vec<String>,
}

impl Fit {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        for file in self.out.iter().chain(&self.page) {
            check_folder(file)?;
        }
        let ready = self.ready()?;
        let Ready { sample, label, preprocessing, reading, notices, mut remarks, places } = ready;
        if sample.rows.rows() < 2 {
            return Err(format!(
                "{}: there is one row; two are needed at least, and many to learn from",
                self.input.name()
            )
            .into());
        }
        let (method, says) = method(&sample.labels, self.loss, self.penalty, self.balance)?;
        let choosing = Choosing {
            strength: if self.penalty == PenaltyName::None { Some(0.0) } else { self.strength },
            folds: self.folds,
            share: self.held_out,
            seed: self.seed,
        };
        if self.penalty == PenaltyName::None && self.strength.is_some_and(|strength| strength != 0.0) {
            return Err("--penalty none has no strength: leave one of them out".into());
        }
        let learned = learn(&method, &sample, &choosing)
            .map_err(|error| self.explained(&error, &sample, &places, &label))?;
        for warning in words::warnings(&learned, &sample.columns) {
            eprintln!("note: {warning}");
            remarks.push(warning);
        }
        let about = About {
            label: label.clone(),
            preprocessing,
            reading,
            penalty: learned.penalty.clone(),
            strength_chosen: learned.chosen.clone(),
            certificate: learned.certificate,
            status: learned.status,
            warnings: learned.warnings.clone(),
            fitted_to: FittedTo { file: self.input.name(), rows: sample.rows.rows() },
        };
        let file = ModelFile::new(&learned.fitted, &learned.deviations, about)?;
        let answer = Answer::new(&self.input.name(), &label, &sample, &learned, says);
        // First what a person sees, even if a file cannot be written.
        kiln_receipts::cli::print(&answer.text())?;
        if let Some(path) = &self.out {
            save(path, json(&file)?.as_bytes())?;
        }
        if let Some(path) = &self.page {
            let page = super::page::page(&answer, &learned, &notices, &remarks, &command());
            save(path, page.as_bytes())?;
        }
        Ok(FOUND)
    }

    /// Reads the table, and makes numbers of it.
    fn ready(&self) -> Result<Ready, Failure> {
        match self.input.read(&TableOptions::default(), None)? {
            Loaded::Table(table) => self.of_table(&table),
            Loaded::Rows(read) => {
                if let Some(option) = [
                    ("--label", self.label.is_some()),
                    ("--weights", self.weights.is_some()),
                    ("--ignore", !self.ignore.is_empty()),
                    ("--keep", !self.keep.is_empty()),
                ]
                .iter()
                .find(|(_, given)| *given)
                {
                    return Err(format!(
                        "{} is for tables with named columns; an svmlight file has none",
                        option.0
                    )
                    .into());
                }
                let first = read.first;
                let rows: DataRows = read.rows.into();
                let columns =
                    (first..).take(rows.columns()).map(|column| format!("column {column}")).collect();
                let places = (1..=rows.rows()).map(|row| format!("row {row}")).collect();
                let classes = self.loss.classes().unwrap_or_else(|| are_classes(&read.labels));
                let labels = if classes {
                    Labels::Classes(read.labels.into_iter().map(ClassLabel::from).collect())
                } else {
                    Labels::Values(read.labels)
                };
                Ok(Ready {
                    sample: Sample { rows, columns, labels, weights: None },
                    label: "label".to_owned(),
                    preprocessing: None,
                    reading: TableOptions::default(),
                    notices: Vec::new(),
                    remarks: Vec::new(),
                    places,
                })
            }
        }
    }

    fn of_table(&self, table: &DataTable) -> Result<Ready, Failure> {
        let names =
            || table.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        let Some(label) = &self.label else {
            return Err(format!(
                "say which column is to be predicted with --label; there are {}",
                shortened(&names())
            )
            .into());
        };
        let column = table.column(label)?;
        // What was made of the file is said before anything can go wrong with it.
        let mut remarks: Vec<String> = table.notes().iter().map(words::note).collect();
        let said = remarks.len();
        for remark in &remarks {
            eprintln!("note: {remark}");
        }
        let weights = match &self.weights {
            None => None,
            Some(name) => Some(weights_of(table, name)?),
        };
        let ignore = self.ignore.iter().chain([label]).chain(&self.weights).cloned().collect();
        let options = PreprocessingOptions { ignore, keep: self.keep.clone() };
        let (preprocessing, notices) = Preprocessing::fit(table, &options)?;
        remarks.extend(notices.iter().map(words::notice));
        let (encoded, _) = preprocessing.apply(table)?;
        let columns = encoded.columns.clone();
        let mut rows = data_rows(encoded)?;
        let kept: Vec<usize> = (0..table.rows()).filter(|&row| !column.values.is_missing(row)).collect();
        if kept.is_empty() {
            return Err(format!("the column {label:?} has no value in any row").into());
        }
        if kept.len() < table.rows() {
            let dropped = table.rows() - kept.len();
            remarks.push(format!(
                "{} of {} rows have no {label:?}, and were left out",
                count(dropped as u64),
                count(table.rows() as u64)
            ));
            rows = rows.select(&kept)?;
        }
        for remark in remarks.iter().skip(said) {
            eprintln!("note: {remark}");
        }
        let labels = self.labels(table, label, &kept)?;
        let weights =
            weights.map(|weights| kept.iter().filter_map(|&row| weights.get(row)).copied().collect());
        let mut words = preprocessing.words();
        if matches!(column.values, ColumnValues::Words { .. }) {
            words.push(label.clone());
        }
        let given = self.input.options(&TableOptions::default());
        let reading = TableOptions { words, missing: given.missing, ..TableOptions::default() };
        let places = kept.iter().map(|&row| table.place(row).to_string()).collect();
        Ok(Ready {
            sample: Sample { rows, columns, labels, weights },
            label: label.clone(),
            preprocessing: Some(preprocessing),
            reading,
            notices,
            remarks,
            places,
        })
    }

    /// The labels of some rows.
    fn labels(&self, table: &DataTable, label: &str, kept: &[usize]) -> Result<Labels, Failure> {
        let column = table.column(label)?;
        let all = match (&column.values, self.loss.classes()) {
            (ColumnValues::Words { .. }, Some(false)) => table.numbers(label)?,
            (ColumnValues::Words { levels, codes }, _) => {
                let of = |&row: &usize| codes.get(row).and_then(|&code| levels.get(code as usize));
                let labels: Vec<ClassLabel> =
                    kept.iter().filter_map(of).cloned().map(ClassLabel::from).collect();
                if levels.len() > 20 && 2 * levels.len() > labels.len() {
                    return Err(format!(
                        "the column {label:?} holds {} different words in {} rows: too many to be classes",
                        levels.len(),
                        labels.len()
                    )
                    .into());
                }
                return Ok(Labels::Classes(labels));
            }
            (ColumnValues::Numbers(numbers), _) => numbers,
        };
        let numbers: Vec<f64> = kept.iter().filter_map(|&row| all.get(row)).copied().collect();
        if let Some(at) = numbers.iter().position(|number| number.is_infinite()) {
            let place = kept.get(at).map(|&row| table.place(row).to_string()).unwrap_or_default();
            return Err(format!(
                "{}, {place}, column {label:?} is infinite; leave the cell empty, or write a number",
                table.file()
            )
            .into());
        }
        let classes = self.loss.classes().unwrap_or_else(|| !column.dates && are_classes(&numbers));
        Ok(if classes {
            Labels::Classes(numbers.into_iter().map(ClassLabel::from).collect())
        } else {
            Labels::Values(numbers)
        })
    }

    /// An error of the engine with the file's terms.
    fn explained(&self, error: &LinearDataError, sample: &Sample, places: &[String], label: &str) -> Failure {
        let file = self.input.name();
        let place = |row: usize| places.get(row).cloned().unwrap_or_else(|| format!("row {}", row + 1));
        match error {
            LinearDataError::Label { row, value, must } => {
                format!("{file}, {}: {label:?} is {value}; it must be {must}", place(*row))
            }
            LinearDataError::ColumnOverflow { column } => {
                let name = sample.columns.get(*column).cloned().unwrap_or_default();
                format!(
                    "{file}: the squares of column {name:?} overflow; divide it by a constant, or \
                 --ignore it"
                )
            }
            LinearDataError::OneClass { class } => format!(
                "{file}: {label:?} is {class} in all rows that count; there must be two classes at least to \
                 tell apart"
            ),
            error => format!("{file}: {}", words::in_arguments(&error.to_string())),
        }
        .into()
    }
}

/// Whether numbers are codes of classes: whole, and few for the number of rows.
pub(crate) fn are_classes(labels: &[f64]) -> bool {
    if labels.iter().any(|label| label.fract() != 0.0) {
        return false;
    }
    let mut different: Vec<f64> = Vec::new();
    for &label in labels {
        if !different.contains(&label) {
            different.push(label);
        }
        if different.len() > 10 {
            return false;
        }
    }
    different.len() <= 2 || 10 * different.len() <= labels.len()
}

fn weights_of(table: &DataTable, name: &str) -> Result<Vec<f64>, Failure> {
    let weights = table.numbers(name)?;
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        None => Ok(weights.to_vec()),
        Some(row) => Err(format!(
            "{}, {}: the weight {name:?} must be a number that is not negative",
            table.file(),
            table.place(row)
        )
        .into()),
    }
}

/// Rows for the engine.
pub(super) fn data_rows(encoded: EncodedRows) -> Result<DataRows, LinearDataError> {
    let columns = encoded.columns.len();
    Ok(match encoded.entries {
        Entries::Dense(values) => DenseRows::new(columns, values)?.into(),
        Entries::Sparse { starts, indices, values } => {
            SparseRows::new(columns, starts, indices, values)?.into()
        }
    })
}

/// The beginning of a long list.
fn shortened(list: &str) -> String {
    const LETTERS: usize = 300;
    if list.chars().count() <= LETTERS {
        return list.to_owned();
    }
    list.chars().take(LETTERS).collect::<String>() + " …"
}
