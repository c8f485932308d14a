use std::io;

use kiln_core::InputError;

use crate::{PackedError, Place};

/// What is wrong with a table. Lines count from 1, the names of the columns among them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file cannot be read to its end.
    #[error("{file} cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The file is packed or encoded as no table here is.
    #[error("{file}: {source}")]
    Packed {
        /// The file.
        file: String,
        /// How.
        source: PackedError,
    },
    /// A format that is known and not read.
    #[error("{file} is {format}: {instead}")]
    NotRead {
        /// The file.
        file: String,
        /// What it is.
        format: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// No row below the names of the columns.
    #[error("{file} has no rows{}", if *.names { ": its only line names the columns" } else { "" })]
    NoRows {
        /// The file.
        file: String,
        /// Whether there are names of columns.
        names: bool,
    },
    /// A row with another number of cells than the first line.
    #[error(
        "{file}, line {line}: {found} cells, but the first line has {expected}; look for a separator or a \
         quote in a cell: cells that hold one stand in quotes, and a quote in quotes is doubled"
    )]
    Width {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// Its cells.
        found: usize,
        /// Those of the first line.
        expected: usize,
    },
    /// A damaged file of a binary format.
    #[error("{file} is no whole {format} file: {message}; write or fetch it again")]
    Damaged {
        /// The file.
        file: String,
        /// Its format.
        format: &'static str,
        /// What its reader says.
        message: String,
    },
    /// A column that is needed and not there.
    #[error("{file} has no column {column:?}; {}", in_place(like.as_deref(), columns))]
    NoColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// A column with a similar name.
        like: Option<String>,
        /// The columns that are there.
        columns: Vec<String>,
    },
    /// A word in a column that must hold numbers.
    #[error(
        "{file}, {place}, column {column:?}: {found:?} is no number; mend the cell, or leave it empty for \
         missing"
    )]
    NoNumber {
        /// The file.
        file: String,
        /// The row.
        place: Place,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
    },
    /// Numbers where there were dates, or dates where there were numbers.
    #[error("{file}, column {column:?} holds {found}; when the columns were fitted it held {expected}")]
    Dates {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What it holds.
        found: &'static str,
        /// What it held.
        expected: &'static str,
    },
    /// A number that is infinite.
    #[error("{file}, {place}, column {column:?} is infinite; leave the cell empty, or write a number")]
    Infinite {
        /// The file.
        file: String,
        /// The row.
        place: Place,
        /// The column.
        column: String,
    },
    /// No column that could tell anything.
    #[error("{file} has no column left to learn from{}", reasons(because))]
    NothingLeft {
        /// The file.
        file: String,
        /// What was left out, and why.
        because: Vec<String>,
    },
    /// A setting out of its range.
    #[error(transparent)]
    Input(#[from] InputError),
}

fn reasons(because: &[String]) -> String {
    because.iter().fold(String::new(), |said, reason| format!("{said}\n  {reason}"))
}

fn in_place(like: Option<&str>, columns: &[String]) -> String {
    const SHOWN: usize = 12;
    let named =
        |names: &[String]| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    match (like, columns) {
        (Some(like), _) => format!("did you mean {like:?}?"),
        (None, [one]) => format!("its only column is {one:?}: is something else the separator?"),
        (None, columns) if columns.len() > SHOWN => {
            format!("its {} columns begin with {}", columns.len(), named(&columns[..SHOWN]))
        }
        (None, columns) => format!("its columns are {}", named(columns)),
    }
}
