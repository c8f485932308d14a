//! Tables as text: one row a line, cells separated by a sign.

use std::io::{BufRead, Read};

use encoding_rs::WINDOWS_1252;

use crate::cells::{Cells, Look, MISSING_WORDS};
use crate::dialect::Dialect;
use crate::names::unique;
use crate::records::Record;
use crate::{DataTable, Place, TableError, TableNote, TableOptions};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a text whose first bytes are in `sample`; `whole` if there are no more.
pub(crate) fn read(
    file: &str,
    (sample, whole): (&[u8], bool),
    rest: impl BufRead,
    options: &TableOptions,
) -> Result<DataTable, TableError> {
    let sample = sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample);
    let separator = match options.separator {
        None => None,
        Some(separator) => Some(u8::try_from(separator).map_err(|_| {
            let must = "a sign of one byte, such as , ; or tab";
            kiln_core::InputError::setting("separator", f64::from(u32::from(separator)), must)
        })?),
    };
    let (told, sample) = excel_separator(sample);
    let dialect = Dialect::of(sample, whole, separator.or(told));
    let mut records = dialect.records(sample.chain(rest));
    let mut text =
        Text { options, first_line: if told.is_some() { 2 } else { 1 }, ..Text::new(file, options) };
    let mut record = Record::default();
    let unreadable = |source| TableError::Unreadable { file: file.to_owned(), source };
    while records.read(&mut record).map_err(unreadable)? {
        let line = record.line + text.first_line - 1;
        text.push(&record, line)?;
    }
    text.finish(dialect)
}

/// The separator that the first line names, as Excel writes it: `sep=;`.
fn excel_separator(sample: &[u8]) -> (Option<u8>, &[u8]) {
    let Some(rest) = sample.strip_prefix(b"sep=") else { return (None, sample) };
    match rest {
        [sign, b'\r', b'\n', rest @ ..] | [sign, b'\n', rest @ ..] => (Some(*sign), rest),
        _ => (None, sample),
    }
}

/// Whether the first line names the columns: no number is in it, or one of its words stands above a number,
/// or its numbers count up by one (years, places) and those below do not.
fn names_columns(first: &[String], second: &Record) -> bool {
    let of = |word: &str| word.parse::<f64>().ok().filter(|number| !number.is_nan());
    let below = |at: usize| {
        second.get(at).and_then(|cell| std::str::from_utf8(cell).ok()).and_then(|cell| of(cell.trim()))
    };
    let is_word = |word: &str| !word.is_empty() && of(word).is_none() && !MISSING_WORDS.contains(&word);
    let numbers: Vec<f64> = first.iter().filter_map(|word| of(word)).collect();
    let count_up =
        |numbers: &[f64]| numbers.len() > 1 && numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
    let shift = usize::from(first.len() + 1 == second.len());
    numbers.is_empty()
        || (0..).zip(first).any(|(at, word)| is_word(word) && below(at + shift).is_some())
        || (count_up(&numbers) && !count_up(&(0..second.len()).filter_map(below).collect::<Vec<_>>()))
}

/// A table that is being read.
struct Text<'a> {
    file: &'a str,
    options: &'a TableOptions,
    first_line: u64,
    /// The first record, until it is known whether it names the columns.
    first: Option<(Vec<String>, u64)>,
    names: Vec<String>,
    cells: Vec<Cells>,
    lines: Vec<u64>,
    /// The first line that is not UTF-8, and how many cells are not.
    foreign: Option<(u64, usize)>,
    notes: Vec<TableNote>,
}

impl<'a> Text<'a> {
    fn new(file: &'a str, options: &'a TableOptions) -> Self {
        Self {
            file,
            options,
            first_line: 1,
            first: None,
            names: Vec::new(),
            cells: Vec::new(),
            lines: Vec::new(),
            foreign: None,
            notes: Vec::new(),
        }
    }

    fn decoded(&mut self, cell: &[u8], line: u64) -> String {
        let cell = cell.trim_ascii();
        if let Ok(text) = std::str::from_utf8(cell) {
            return text.to_owned();
        }
        let (first, cells) = self.foreign.unwrap_or((line, 0));
        self.foreign = Some((first, cells + 1));
        WINDOWS_1252.decode_without_bom_handling(cell).0.into_owned()
    }

    fn push(&mut self, record: &Record, line: u64) -> Result<(), TableError> {
        let is_first = self.first.is_none() && self.cells.is_empty();
        if is_first {
            let words: Vec<String> = record.iter().map(|cell| self.decoded(cell, line)).collect();
            self.first = Some((words, line));
            return Ok(());
        }
        if let Some((words, first_line)) = self.first.take() {
            self.begin(words, first_line, record);
        }
        if record.len() != self.cells.len() {
            return Err(TableError::Width {
                file: self.file.to_owned(),
                line,
                found: record.len(),
                expected: self.cells.len(),
            });
        }
        for (at, cell) in record.iter().enumerate() {
            // Most cells need no copy of their own.
            let text = match std::str::from_utf8(cell) {
                Ok(text) => std::borrow::Cow::Borrowed(text.trim_ascii()),
                Err(_) => std::borrow::Cow::Owned(self.decoded(cell, line)),
            };
            if let Some(cells) = self.cells.get_mut(at) {
                cells.push(&text);
            }
        }
        self.lines.push(line);
        Ok(())
    }

    /// Decides what the first line is, now that the second one is known.
    fn begin(&mut self, mut words: Vec<String>, line: u64, second: &Record) {
        let named = self.options.names.unwrap_or_else(|| names_columns(&words, second));
        if !named {
            self.notes.push(TableNote::NoNames);
            self.names = (1..=words.len()).map(|at| format!("column {at}")).collect();
            self.cells = words
                .iter()
                .map(|word| {
                    let mut cells = Cells::default();
                    cells.push(word);
                    cells
                })
                .collect();
            self.lines.push(line);
            return;
        }
        if words.len() + 1 == second.len() {
            words.insert(0, "row names".to_owned());
            self.notes.push(TableNote::RowNames);
        }
        self.names = unique(words, &mut self.notes);
        self.cells = self.names.iter().map(|_| Cells::default()).collect();
    }

    fn finish(mut self, dialect: Dialect) -> Result<DataTable, TableError> {
        if let Some((words, line)) = self.first.take() {
            self.begin(words, line, &Record::default());
        }
        if self.lines.is_empty() {
            return Err(TableError::NoRows { file: self.file.to_owned(), names: !self.names.is_empty() });
        }
        if let Some((line, cells)) = self.foreign {
            self.notes.push(TableNote::NotUtf8 { line, cells });
        }
        let lines = self.lines;
        let place = |row: usize| Place::Line(lines.get(row).copied().unwrap_or(0));
        let mut columns = Vec::with_capacity(self.cells.len());
        for (name, cells) in self.names.into_iter().zip(self.cells) {
            let look = Look {
                missing: &self.options.missing,
                words: self.options.words.contains(&name),
                commas: dialect.separator != b',',
            };
            columns.push(cells.typed(&name, look, place, &mut self.notes));
        }
        let rows = lines.len();
        Ok(DataTable { file: self.file.to_owned(), columns, rows, lines: Some(lines), notes: self.notes })
    }
}
