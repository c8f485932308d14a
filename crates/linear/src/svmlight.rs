//! The text format of `SVMlight` and LIBSVM: one sample a line, its label and its nonzeros.
//!
//! ```text
//! <label> [qid:<n>] <column>:<value> <column>:<value> ... [# comment]
//! ```

use std::io::{BufRead, Write};

use kiln_core::InputError;

use crate::{LinearDataError, SparseRows};

/// Rows with their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRows {
    /// One row a line.
    pub rows: SparseRows,
    /// One label a row, as written.
    pub labels: Vec<f64>,
}

/// Reads columns that are numbered from 1, as the format says. Blank lines, comments after `#` and the field
/// `qid` are skipped, and so is a byte-order mark; the columns of a line may come in any order. There are as
/// many columns as the largest number, which may be `2³⁰` at most, since vectors of weights will have that
/// length: [`read_svmlight_from`] reads files with larger ones, and those that use column 0.
///
/// ```
/// let data = kiln_linear::read_svmlight("# two samples\n-1 2:0.5\n+1 1:1 3:-2e1 # b\n".as_bytes())?;
/// assert_eq!(data.labels, [-1.0, 1.0]);
/// assert_eq!(data.rows.to_dense(), kiln_linear::DenseRows::new(3, vec![0.0, 0.5, 0.0, 1.0, 0.0, -20.0])?);
/// # Ok::<(), kiln_linear::LinearDataError>(())
/// ```
///
/// # Errors
/// [`LinearDataError::Line`] with its number for a line of another form, [`LinearDataError::Read`] when
/// reading fails, and [`InputError::Empty`] without any row or nonzero.
pub fn read_svmlight(reader: impl BufRead) -> Result<LabelledRows, LinearDataError> {
    read_svmlight_from(1, None, reader)
}

/// As [`read_svmlight`], for columns that are numbered from `first`, 0 or 1 as a rule, and a number of
/// columns that is known beforehand, so that a training and a test set agree.
///
/// # Errors
/// As [`read_svmlight`]; also when a column is below `first` or beyond the number given.
pub fn read_svmlight_from(
    first: u32,
    columns: Option<usize>,
    reader: impl BufRead,
) -> Result<LabelledRows, LinearDataError> {
    if columns == Some(0) {
        return Err(InputError::empty("the list of columns").into());
    }
    let (mut labels, mut starts, mut indices, mut values) = (Vec::new(), vec![0], Vec::new(), Vec::new());
    let mut row = Vec::new();
    let mut width = 0;
    for (line, text) in (1..).zip(reader.lines()) {
        let mut text = text.map_err(|source| LinearDataError::Read { line, source })?;
        if line == 1 && text.starts_with(BYTE_ORDER_MARK) {
            text.remove(0);
        }
        let Some(label) = parse(&text, first, columns, &mut row)
            .map_err(|message| LinearDataError::Line { line, message })?
        else {
            continue;
        };
        labels.push(label);
        width = width.max(row.last().map_or(0, |&(column, _): &(u32, f64)| column as usize + 1));
        for (column, value) in row.drain(..) {
            indices.push(column);
            values.push(value);
        }
        starts.push(values.len());
    }
    let rows = SparseRows::new(columns.unwrap_or(width), starts, indices, values)?;
    Ok(LabelledRows { rows, labels })
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The number of columns from which on a file must be told how many it has.
const LARGEST: u32 = 1 << 30;

/// The label of a line, if it has one, with its nonzeros in `row`, sorted.
fn parse(
    text: &str,
    first: u32,
    columns: Option<usize>,
    row: &mut Vec<(u32, f64)>,
) -> Result<Option<f64>, String> {
    let mut fields = text.split('#').next().unwrap_or_default().split_ascii_whitespace();
    let Some(label) = fields.next() else { return Ok(None) };
    if label.contains(',') {
        return Err(format!("the labels {label:?} are several; one label a row is read"));
    }
    let label = finite(label, "label")?;
    row.clear();
    for field in fields {
        let (column, value) =
            field.split_once(':').ok_or_else(|| format!("expected column:value, found {field:?}"))?;
        if column == "qid" {
            continue;
        }
        let column: u32 =
            column.parse().map_err(|_| format!("expected a column number, found {column:?}"))?;
        let column = column.checked_sub(first).ok_or_else(|| {
            format!(
                "column {column}, but columns are numbered from {first}; read_svmlight_from sets the first"
            )
        })?;
        let number = u64::from(column) + u64::from(first);
        if columns.is_some_and(|columns| column as usize >= columns) {
            return Err(format!("column {number} is beyond the number of columns"));
        }
        if columns.is_none() && column >= LARGEST {
            return Err(format!(
                "column {number} asks for more than 2^30 columns; if they are meant, give their number to \
                 read_svmlight_from"
            ));
        }
        row.push((column, finite(value, "value")?));
    }
    row.sort_by_key(|&(column, _)| column);
    match row.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("column {} occurs twice", u64::from(pair[0].0) + u64::from(first))),
        None => Ok(Some(label)),
    }
}

fn finite(text: &str, what: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("expected a finite {what}, found {text:?}")),
    }
}

/// Writes what [`read_svmlight`] reads back to the same bits; only columns after the last nonzero one are
/// lost.
///
/// # Errors
/// Those of the writer.
pub fn write_svmlight(data: &LabelledRows, mut writer: impl Write) -> std::io::Result<()> {
    for (i, label) in data.labels.iter().enumerate() {
        write!(writer, "{label}")?;
        let (indices, values) = data.rows.row(i);
        for (&column, value) in indices.iter().zip(values) {
            write!(writer, " {}:{value}", u64::from(column) + 1)?;
        }
        writeln!(writer)?;
    }
    writer.flush()
}
