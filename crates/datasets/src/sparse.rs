//! Tables that are mostly zero, and a reader of the svmlight format.

use std::io::Read;

use super::delimited::read_text;
use super::error::ReadError;

/// A table of which only the entries that are not zero are kept, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct SvmlightTable {
    width: usize,
    /// Where each row begins in `indices` and `values`, and where the last ends: one more than rows.
    offsets: Vec<usize>,
    /// Columns, ascending within a row.
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SvmlightTable {
    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of entries kept.
    pub fn entries(&self) -> usize {
        self.values.len()
    }

    /// Column and value of each entry of row `i`, columns ascending.
    ///
    /// # Panics
    /// Unless `i < self.len()`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let entries = self.offsets[i]..self.offsets[i + 1];
        let columns = self.indices[entries.clone()].iter().map(|&column| column as usize);
        columns.zip(self.values[entries].iter().copied())
    }

    /// The rows at these places, in this order, zeros written out: `places.len() · width` values, row by row.
    ///
    /// ```
    /// use kiln_datasets::read_svmlight;
    /// let (rows, _) = read_svmlight("a", "1 0:2\n-1 1:3 2:4\n".as_bytes(), 3).unwrap();
    /// assert_eq!(rows.dense_rows(&[1, 0]), [0.0, 3.0, 4.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When a place is not below `self.len()`.
    pub fn dense_rows(&self, places: &[usize]) -> Vec<f32> {
        let mut dense = vec![0.0; places.len() * self.width];
        for (row, &place) in dense.chunks_exact_mut(self.width.max(1)).zip(places) {
            for (column, value) in self.row(place) {
                row[column] = value;
            }
        }
        dense
    }
}

/// Reads svmlight text: in each line a target and the entries `COLUMN:VALUE` of a row, columns counted from 0
/// and ascending; a row may have none. Gives the rows, `width` columns wide, and the targets. `name` is for
/// messages.
///
/// # Errors
/// [`ReadError`] with the line for a target or a value that is no finite number, a column that is not below
/// `width` or not above the one before it, an entry of another form, an empty line; also when there are no
/// rows.
pub fn read_svmlight(
    name: &str,
    reader: impl Read,
    width: u32,
) -> Result<(SvmlightTable, Vec<f32>), ReadError> {
    let text = read_text(name, reader)?;
    let mut rows =
        SvmlightTable { width: width as usize, offsets: vec![0], indices: Vec::new(), values: Vec::new() };
    let mut targets = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fault = |reason: String| ReadError::malformed(name, Some(index + 1), reason);
        let number = |field: &str| field.parse().ok().filter(|value: &f32| value.is_finite());
        let mut fields = line.split_ascii_whitespace();
        let target = fields.next().ok_or_else(|| fault("the line is empty".into()))?;
        targets
            .push(number(target).ok_or_else(|| fault(format!("target \"{target}\" is no finite number")))?);
        let mut next = 0;
        for field in fields {
            let (column, value) = field
                .split_once(':')
                .and_then(|(column, value)| Some((column.parse::<u32>().ok()?, number(value)?)))
                .ok_or_else(|| fault(format!("\"{field}\" is not COLUMN:VALUE")))?;
            if column >= width {
                return Err(fault(format!("column {column} of {width}, counted from 0")));
            }
            if column < next {
                return Err(fault(format!("column {column} is not above the one before it")));
            }
            next = column + 1;
            rows.indices.push(column);
            rows.values.push(value);
        }
        rows.offsets.push(rows.values.len());
    }
    if targets.is_empty() {
        return Err(ReadError::malformed(name, None, "the file has no rows"));
    }
    Ok((rows, targets))
}
