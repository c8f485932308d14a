//! Tables from files of any make, and numbers from tables.
//!
//! ```
//! use kiln_table::{Preprocessing, PreprocessingOptions, TableOptions, read_table_from};
//!
//! let text = "age;height;job\n30;1,70;cook\nNA;1,80;judge\n50;1,65;cook\n";
//! let table = read_table_from("people.csv", text.as_bytes(), &TableOptions::default())?;
//! assert_eq!(table.numbers("height")?, [1.7, 1.8, 1.65]); // semicolons and decimal commas were found
//!
//! let options = PreprocessingOptions { ignore: vec!["height".into()], ..Default::default() };
//! let (preprocessing, notices) = Preprocessing::fit(&table, &options)?;
//! let (rows, _) = preprocessing.apply(&table)?;
//! assert_eq!(rows.columns, ["age", "age is missing", "job=judge"]);
//! assert_eq!(rows.to_dense(), [30.0, 0.0, 0.0, 40.0, 1.0, 1.0, 50.0, 0.0, 0.0]);
//! assert!(notices[0].to_string().starts_with("\"age\" is missing in 1 row (\"NA\" once)"));
//! # Ok::<(), kiln_table::TableError>(())
//! ```
//!
//! # Reading
//!
//! [`read_table`] reads a file, or standard input as `-`. It goes by what is in the file, not by its name:
//!
//! | Format | What is found out |
//! |---|---|
//! | text | separator (comma, tab, semicolon, bar; Excel's `sep=`), quotes, names of columns, decimal commas, ISO dates; byte-order marks, CRLF; UTF-8, else Windows-1252 |
//! | Parquet, Arrow IPC (Feather 2), with the feature `parquet` | numbers, text, truth values, dates, categories; others are reported |
//! | any of these by gzip, bzip2, zstd | by the first bytes |
//!
//! A [`TableColumn`] holds numbers or words. Missing are empty cells, nulls and the [`MISSING_WORDS`]; a
//! column says how they were spelled. What a reader decided that may not be what was meant is in
//! [`DataTable::notes`]. Errors name the file, the line, the column and what to do.
//!
//! # Numbers
//!
//! A [`Preprocessing`] is fitted to one table, saved with a model by serde, and applied to others, whose
//! columns it finds by name.

#[cfg(feature = "parquet")]
mod arrow;
#[cfg(feature = "parquet")]
mod arrow_lengths;
mod cells;
mod dates;
mod dialect;
mod encoded;
mod error;
mod names;
mod note;
mod notice;
mod options;
mod packed;
mod preprocessing;
mod read;
mod records;
mod table;
mod text;

pub use cells::MISSING_WORDS;
pub use encoded::{EncodedRows, Entries};
pub use error::TableError;
pub use note::TableNote;
pub use notice::PreprocessingNotice;
pub use options::TableOptions;
pub use packed::{PackedError, decompressed};
pub use preprocessing::{ColumnKind, FittedColumn, Preprocessing, PreprocessingOptions};
#[cfg(feature = "parquet")]
pub use read::columnar_as_csv;
pub use read::{read_table, read_table_from, read_table_with_progress};
pub use records::csv_line;
pub use table::{ColumnValues, DataTable, Place, TableColumn};
