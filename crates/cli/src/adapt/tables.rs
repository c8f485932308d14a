//! Sources and a target from files.

use std::path::PathBuf;

use clap::Args;
use faer::Mat;
use kiln_adapt::{Adaptation, Labelled, Labels, Unlabelled};
use kiln_table::{ColumnValues, DataTable, Preprocessing, PreprocessingOptions, TableOptions, read_table};

use crate::cli::Failure;
use crate::linear::{fit::are_classes, words};
use crate::numbers::count;

/// The files and the label.
#[derive(Debug, Args)]
pub(super) struct Tables {
    /// Tables with labels, one a place, time or group where rows come from: .csv, .tsv, .parquet, also
    /// compressed
    #[arg(long, value_name = "TABLE", num_args = 1.., required = true)]
    source: Vec<PathBuf>,
    /// The table to predict; labels in it are not looked at
    #[arg(long, value_name = "TABLE")]
    target: PathBuf,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    pub(super) label: String,
    /// Columns that must not be used, with commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Columns that are used even if they look like names or numbers of rows
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    keep: Vec<String>,
    /// Columns that hold words even if they look like numbers, with commas: codes of kinds, postcodes
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = READING)]
    words: Vec<String>,
    /// A word that means missing, besides empty cells, NA, NaN, null and ?; may be given again
    #[arg(long, value_name = "WORD", help_heading = READING)]
    missing: Vec<String>,
    /// Determines which rows are held out to look at the data
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(super) seed: u64,
}

const READING: &str = "Reading the tables";

/// The tables in numbers.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) data: Adaptation<Mat<f64>>,
    pub(super) label: String,
    /// The classes, in the order of their numbers.
    pub(super) classes: Option<Vec<String>>,
    /// The columns of numbers.
    pub(super) columns: Vec<String>,
    pub(super) preprocessing: Preprocessing,
    /// How tables to come are read.
    pub(super) reading: TableOptions,
    /// What was made of the files.
    pub(super) remarks: Vec<String>,
}

impl Tables {
    /// Reads everything, and says what was made of it.
    pub(super) fn read(&self) -> Result<Ready, Failure> {
        let options = TableOptions {
            words: self.words.clone(),
            missing: self.missing.clone(),
            ..TableOptions::default()
        };
        let mut remarks = Vec::new();
        let mut sources = Vec::new();
        for path in &self.source {
            let table = read_table(path, &options)?;
            remarks
                .extend(table.notes().iter().map(|note| format!("{}: {}", table.file(), words::note(note))));
            table.column(&self.label)?;
            finite(&table)?;
            sources.push(table);
        }
        let stacked = DataTable::stacked(&sources)?;
        for table in &sources {
            let lost = table.columns().iter().map(|column| &column.name);
            let lost: Vec<String> =
                lost.filter(|name| stacked.column(name).is_err()).map(|name| format!("{name:?}")).collect();
            if !lost.is_empty() {
                remarks.push(format!(
                    "{}: {} left out, since not all sources have it",
                    table.file(),
                    lost.join(", ")
                ));
            }
        }
        let ignore = self.ignore.iter().chain([&self.label]).cloned().collect();
        let chosen = PreprocessingOptions { ignore, keep: self.keep.clone() };
        let (preprocessing, notices) = Preprocessing::fit(&stacked, &chosen)?;
        remarks.extend(notices.iter().map(words::notice));
        let (encoded, _) = preprocessing.apply(&stacked)?;
        let columns = encoded.columns.clone();
        let (labels, classes) = self.labels(&stacked)?;
        let mut known = preprocessing.words();
        known.extend(self.words.iter().cloned());
        if classes.is_some() {
            known.push(self.label.clone());
        }
        let reading = TableOptions { words: known, missing: self.missing.clone(), ..TableOptions::default() };
        let numbers = Numbers { width: columns.len(), values: encoded.to_dense() };
        let mut domains = Vec::new();
        let mut first = 0;
        for table in &sources {
            let rows = first..first + table.rows();
            first = rows.end;
            let kept: Vec<usize> = rows.clone().filter(|row| labels.is_known(*row)).collect();
            if kept.len() < rows.len() {
                remarks.push(format!(
                    "{}: {} of {} rows have no {:?}, and were left out",
                    table.file(),
                    count((rows.len() - kept.len()) as u64),
                    count(rows.len() as u64),
                    self.label
                ));
            }
            if kept.is_empty() {
                let reason = "has no value in any row; a source needs labels, the target none";
                return Err(format!("{}: the column {:?} {reason}", table.file(), self.label).into());
            }
            domains.push(Labelled::new(
                table.file(),
                numbers.of(&kept),
                labels.of(&kept, classes.as_deref()),
            )?);
        }
        let table = read_table(&self.target, &TableOptions { words: reading.words.clone(), ..options })?;
        remarks.extend(table.notes().iter().map(|note| format!("{}: {}", table.file(), words::note(note))));
        if table.column(&self.label).is_ok() {
            remarks.push(format!(
                "{}: its column {:?} is not looked at: the target is taken to have no labels",
                table.file(),
                self.label
            ));
        }
        let (encoded, notices) = preprocessing.apply(&table)?;
        let warnings = notices.iter().filter(|notice| notice.is_warning());
        remarks.extend(warnings.map(|notice| format!("{}: {}", table.file(), words::notice(notice))));
        let all: Vec<usize> = (0..table.rows()).collect();
        let numbers = Numbers { width: columns.len(), values: encoded.to_dense() };
        let data = Adaptation::new(domains, Unlabelled::new(table.file(), numbers.of(&all))?)?;
        for remark in &remarks {
            eprintln!("note: {remark}");
        }
        let label = self.label.clone();
        Ok(Ready { data, label, classes, columns, preprocessing, reading, remarks })
    }

    /// What stands in the column of labels, and its classes.
    fn labels(&self, table: &DataTable) -> Result<(Known, Option<Vec<String>>), Failure> {
        match &table.column(&self.label)?.values {
            ColumnValues::Words { levels, codes } => {
                if levels.len() > 20 && 2 * levels.len() > table.rows() {
                    return Err(format!(
                        "the column {:?} holds {} different words in {} rows: too many to be classes",
                        self.label,
                        levels.len(),
                        table.rows()
                    )
                    .into());
                }
                Ok((Known::Codes(codes.clone()), Some(levels.clone())))
            }
            ColumnValues::Numbers(numbers) => {
                if let Some(row) = numbers.iter().position(|number| number.is_infinite()) {
                    return Err(
                        format!("{}, row {}: {:?} is infinite", table.file(), row + 1, self.label).into()
                    );
                }
                let mut there: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
                if table.column(&self.label)?.dates || !are_classes(&there) {
                    return Ok((Known::Values(numbers.clone()), None));
                }
                there.sort_by(f64::total_cmp);
                there.dedup();
                let code = |number: &f64| {
                    there
                        .iter()
                        .position(|class| class == number)
                        .map_or(ColumnValues::MISSING, |at| at as u32)
                };
                let codes = numbers.iter().map(code).collect();
                Ok((Known::Codes(codes), Some(there.iter().map(ToString::to_string).collect())))
            }
        }
    }
}

/// While a row still has its line: that no number is infinite.
fn finite(table: &DataTable) -> Result<(), Failure> {
    for column in table.columns() {
        let ColumnValues::Numbers(numbers) = &column.values else { continue };
        if let Some(row) = numbers.iter().position(|number| number.is_infinite()) {
            return Err(format!(
                "{}, {}, column {:?} is infinite; leave the cell empty, or write a number",
                table.file(),
                table.place(row),
                column.name
            )
            .into());
        }
    }
    Ok(())
}

/// Rows one after the other.
pub(super) struct Numbers {
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

impl Numbers {
    pub(super) fn of(&self, rows: &[usize]) -> Mat<f64> {
        let at = |i: usize, j: usize| {
            let row = rows.get(i).copied().unwrap_or_default();
            self.values.get(row * self.width + j).copied().unwrap_or(f64::NAN)
        };
        Mat::from_fn(rows.len(), self.width, at)
    }
}

/// Labels, where there are any.
enum Known {
    /// Places among the classes.
    Codes(Vec<u32>),
    /// NaN where missing.
    Values(Vec<f64>),
}

impl Known {
    fn is_known(&self, row: usize) -> bool {
        match self {
            Self::Codes(codes) => codes.get(row).is_some_and(|code| *code != ColumnValues::MISSING),
            Self::Values(values) => values.get(row).is_some_and(|value| !value.is_nan()),
        }
    }

    fn of(&self, rows: &[usize], classes: Option<&[String]>) -> Labels {
        match self {
            Self::Codes(codes) => {
                let codes = rows.iter().filter_map(|row| codes.get(*row)).map(|code| *code as usize);
                Labels::classes(codes.collect::<Vec<_>>(), classes.map_or(0, <[String]>::len))
            }
            Self::Values(values) => {
                Labels::values(rows.iter().filter_map(|row| values.get(*row)).copied().collect::<Vec<_>>())
            }
        }
    }
}
