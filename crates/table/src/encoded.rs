//! Rows of numbers.

use crate::preprocessing::{Matched, UNSEEN};
use crate::{ColumnKind, ColumnValues, FittedColumn};

/// Rows are stored sparsely if at most this share of their entries would be.
const SPARSE: f64 = 0.25;

/// Rows of numbers with the names of their columns.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// How many rows there are.
    pub rows: usize,
    /// The numbers, all finite.
    pub entries: Entries,
}

/// Numbers row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Entries {
    /// Every entry.
    Dense(Vec<f64>),
    /// Compressed sparse rows: row `i` has the columns `indices[starts[i]..starts[i + 1]]`, ascending, with
    /// the values at the same places. Where most levels of words are not those of a row, this is what fits.
    Sparse {
        /// Where each row starts, and where the last one ends.
        starts: Vec<usize>,
        /// Columns.
        indices: Vec<u32>,
        /// Values.
        values: Vec<f64>,
    },
}

impl EncodedRows {
    pub(crate) fn of(columns: Vec<String>, rows: usize, matched: &[(&FittedColumn, Matched)]) -> Self {
        let width = columns.len();
        // A column of numbers or words stores one entry a row, more or less.
        let sparse = (matched.len() as f64) < SPARSE * width as f64;
        if sparse {
            let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
            for row in 0..rows {
                each_entry(matched, row, |column, value| {
                    indices.push(u32::try_from(column).unwrap_or(u32::MAX));
                    values.push(value);
                });
                starts.push(values.len());
            }
            return Self { columns, rows, entries: Entries::Sparse { starts, indices, values } };
        }
        let mut values = vec![0.0; rows * width];
        for (row, entries) in values.chunks_exact_mut(width.max(1)).enumerate() {
            each_entry(matched, row, |column, value| {
                if let Some(entry) = entries.get_mut(column) {
                    *entry = value;
                }
            });
        }
        Self { columns, rows, entries: Entries::Dense(values) }
    }

    /// Every entry, row by row.
    pub fn to_dense(&self) -> Vec<f64> {
        match &self.entries {
            Entries::Dense(values) => values.clone(),
            Entries::Sparse { starts, indices, values } => {
                let width = self.columns.len();
                let mut dense = vec![0.0; self.rows * width];
                for (row, bounds) in starts.windows(2).enumerate() {
                    let range = bounds[0]..bounds[1];
                    let entries = indices.get(range.clone()).into_iter().flatten();
                    for (&column, &value) in entries.zip(values.get(range).into_iter().flatten()) {
                        if let Some(entry) = dense.get_mut(row * width + column as usize) {
                            *entry = value;
                        }
                    }
                }
                dense
            }
        }
    }
}

/// Calls `put` with the column and the value of each entry of a row that is not 0.
fn each_entry(matched: &[(&FittedColumn, Matched)], row: usize, mut put: impl FnMut(usize, f64)) {
    let mut first = 0;
    for (fitted, column) in matched {
        let skipped = fitted.skipped();
        let (width, missing) = match &fitted.holds {
            ColumnKind::Numbers { median } | ColumnKind::Dates { median } => {
                let number = match column {
                    Matched::Numbers(numbers) => numbers.get(row).copied().unwrap_or(f64::NAN),
                    _ => f64::NAN,
                };
                let value = if number.is_nan() { *median } else { number };
                if value != 0.0 {
                    put(first, value);
                }
                (1, number.is_nan())
            }
            ColumnKind::Words { levels } => {
                let code = match column {
                    Matched::Words(codes) => codes.get(row).copied().unwrap_or(ColumnValues::MISSING),
                    _ => ColumnValues::MISSING,
                };
                if code != ColumnValues::MISSING
                    && code != UNSEEN
                    && let Some(place) = (code as usize).checked_sub(skipped)
                {
                    put(first + place, 1.0);
                }
                (levels.len() - skipped, code == ColumnValues::MISSING)
            }
        };
        first += width;
        if fitted.some_missing {
            if missing {
                put(first, 1.0);
            }
            first += 1;
        }
    }
}
