//! The table that a command reads, and how.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use kiln_linear::{LabelledRows, SparseRows, read_svmlight_from};
use kiln_receipts::progress::Reporter;
use kiln_table::{DataTable, TableOptions, decompressed, read_table_with_progress};

use crate::cli::Failure;

/// Files of at least so many bytes are read with a bar.
const LARGE: u64 = 32 << 20;

/// Endings of the names of svmlight files.
const SVMLIGHT: [&str; 4] = [".svmlight", ".svm", ".libsvm", ".svmlight.txt"];

/// A table in a file.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// The table: .csv, .tsv, .parquet, .feather, .svmlight, also compressed (.gz, .bz2, .zst); - reads
    /// standard input
    #[arg(value_name = "TABLE", verbatim_doc_comment)]
    file: PathBuf,
    /// The format, where neither the content nor the name tells: svmlight
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = READING)]
    format: Option<Format>,
    /// What separates cells: one character, or tab
    #[arg(long, value_name = "SIGN", value_parser = separator_named, help_heading = READING)]
    separator: Option<char>,
    /// Whether the first line names the columns; by default, if it looks so
    #[arg(long, value_enum, value_name = "WHETHER", help_heading = READING)]
    header: Option<YesNo>,
    /// Columns that hold words even if they look like numbers, with commas: codes of kinds, postcodes
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', help_heading = READING)]
    words: Vec<String>,
    /// A word that means missing, besides empty cells, NA, NaN, null and ?; may be given again
    #[arg(long, value_name = "WORD", help_heading = READING)]
    missing: Vec<String>,
}

const READING: &str = "Reading TABLE";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line is a label and entries column:value
    Svmlight,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Loaded {
    Table(DataTable),
    Rows(Numbered),
}

/// Rows of an svmlight file.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) rows: SparseRows,
    pub(super) labels: Vec<f64>,
    /// The number of the first column: 0 or 1.
    pub(super) first: u32,
}

impl Input {
    /// The file as it was named.
    pub(super) fn name(&self) -> String {
        if self.is_standard() { "standard input".to_owned() } else { self.file.display().to_string() }
    }

    fn is_standard(&self) -> bool {
        self.file == Path::new("-")
    }

    fn is_svmlight(&self) -> bool {
        let name = self.file.to_string_lossy().to_lowercase();
        let plain = [".gz", ".bz2", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        self.format == Some(Format::Svmlight) || SVMLIGHT.iter().any(|ending| plain.ends_with(ending))
    }

    /// Reads the file, with these columns of words and words for missing besides those of the arguments;
    /// `columns` says how an svmlight file must number its columns, and how many there are.
    pub(super) fn read(
        &self,
        saved: &TableOptions,
        columns: Option<(u32, usize)>,
    ) -> Result<Loaded, Failure> {
        if self.is_svmlight() {
            return Ok(Loaded::Rows(self.svmlight(columns)?));
        }
        let options = self.options(saved);
        let bytes = self.file.metadata().map_or(0, |file| file.len());
        let table = if bytes < LARGE || !io::stderr().is_terminal() {
            read_table_with_progress(&self.file, &options, |_| ())?
        } else {
            let progress = Reporter::standard_error().steps(bytes >> 20, "MB read");
            let mut read = 0;
            read_table_with_progress(&self.file, &options, |more| {
                progress.inc(((read + more) >> 20) - (read >> 20));
                read += more;
            })?
        };
        for name in &self.words {
            table.column(name)?;
        }
        Ok(Loaded::Table(table))
    }

    /// How a table is read.
    pub(super) fn options(&self, saved: &TableOptions) -> TableOptions {
        let both = |given: &[String], saved: &[String]| [given, saved].concat();
        TableOptions {
            separator: self.separator,
            names: self.header.map(|header| matches!(header, YesNo::Yes)),
            words: both(&self.words, &saved.words),
            missing: both(&self.missing, &saved.missing),
        }
    }

    fn svmlight(&self, columns: Option<(u32, usize)>) -> Result<Numbered, Failure> {
        let name = self.name();
        let in_file = |error: &dyn std::fmt::Display| format!("{name}: {error}");
        // Without a model, the columns are numbered from 0 if column 0 is used.
        let (first, count) = columns.map_or((0, None), |(first, count)| (first, Some(count)));
        let read = if self.is_standard() {
            let text = decompressed(io::stdin().lock()).map_err(|error| in_file(&error))?;
            read_svmlight_from(first, count, text)
        } else {
            let file = File::open(&self.file).map_err(|error| in_file(&error))?;
            let text = decompressed(BufReader::new(file)).map_err(|error| in_file(&error))?;
            read_svmlight_from(first, count, text)
        };
        let LabelledRows { rows, labels } = read.map_err(|error| {
            in_file(&error.to_string().replace("; read_svmlight_from sets the first", " in the model"))
        })?;
        let entries = |row: usize| {
            rows.get(row).map(|(indices, values)| indices.iter().copied().zip(values.iter().copied()))
        };
        let row_entries = || (0..labels.len()).filter_map(entries);
        let from_zero = row_entries().flatten().any(|(column, _)| column == 0);
        if columns.is_some() || from_zero {
            return Ok(Numbered { rows, labels, first });
        }
        let width = row_entries().flatten().map(|(column, _)| column as usize).max().unwrap_or(0);
        let shifted = row_entries().map(|row| row.map(|(column, value)| (column - 1, value)));
        let rows = SparseRows::from_rows(width, shifted).map_err(|error| in_file(&error))?;
        Ok(Numbered { rows, labels, first: 1 })
    }
}

fn separator_named(name: &str) -> Result<char, String> {
    let mut letters = name.chars();
    match (name, letters.next(), letters.next()) {
        ("tab" | r"\t", ..) => Ok('\t'),
        (_, Some(separator), None) => Ok(separator),
        _ => Err("give one character, or tab".to_owned()),
    }
}
