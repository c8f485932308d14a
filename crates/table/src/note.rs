//! What was made of a file.

use std::fmt;

use serde::Serialize;

use crate::Place;

/// Something that a reader of a table decided. [`Display`](fmt::Display) says it in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TableNote {
    /// The first line holds numbers, so it names no columns: they are called `column 1`, `column 2`, …
    NoNames,
    /// The first line has one name less than the rows have cells, as R writes tables: the first column holds
    /// names of rows, and is called `row names`.
    RowNames,
    /// A column has no name.
    Unnamed {
        /// What it is called.
        called: String,
    },
    /// A name occurs twice.
    SameName {
        /// The name.
        name: String,
        /// What the later column is called.
        called: String,
    },
    /// Cells that are not UTF-8, read as Windows-1252, which holds Latin-1.
    NotUtf8 {
        /// The first line with one.
        line: u64,
        /// How many there are.
        cells: usize,
    },
    /// Numbers that have commas before their decimals.
    DecimalCommas {
        /// The column.
        column: String,
    },
    /// Dates, which became days since the start of 1970.
    Dates {
        /// The column.
        column: String,
    },
    /// A column that holds numbers but for some cells, and was therefore taken as words.
    AlmostNumbers {
        /// The column.
        column: String,
        /// How many cells hold no number.
        cells: usize,
        /// One of them.
        found: String,
        /// Where that is.
        place: Place,
    },
    /// A column of a type that is not read.
    NotRead {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
    },
}

impl fmt::Display for TableNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNames => write!(
                f,
                "the first line holds numbers, so the columns have no names: they are called \"column 1\", \
                 \"column 2\" and so on"
            ),
            Self::RowNames => write!(
                f,
                "the first line has one name less than the rows have cells: the first column is called \"row \
                 names\""
            ),
            Self::Unnamed { called } => write!(f, "a column without a name is called {called:?}"),
            Self::SameName { name, called } => {
                write!(f, "there are two columns {name:?}: the later one is called {called:?}")
            }
            Self::NotUtf8 { line, cells } => write!(
                f,
                "{cells} {} not UTF-8 (the first in line {line}) and read as Windows-1252, which holds \
                 Latin-1; if that is wrong, convert the file with iconv",
                if *cells == 1 { "cell is" } else { "cells are" }
            ),
            Self::DecimalCommas { column } => {
                write!(f, "the commas in the numbers of column {column:?} were taken for decimal points")
            }
            Self::Dates { column } => {
                write!(f, "the dates in column {column:?} became days since 1970-01-01")
            }
            Self::AlmostNumbers { column, cells, found, place } => write!(
                f,
                "column {column:?} holds numbers but for {cells} {} (first {found:?}, {place}): it was \
                 taken as words; if {found:?} means missing, say so",
                if *cells == 1 { "cell" } else { "cells" }
            ),
            Self::NotRead { column, kind } => {
                write!(
                    f,
                    "column {column:?} is not read: its type is {kind}; only text, numbers, truth values and \
                           dates are"
                )
            }
        }
    }
}
