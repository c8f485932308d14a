//! Tables from files, and numbers from tables.

#[cfg(feature = "parquet")]
mod binary;
mod preprocessing;
mod properties;
mod text;

use kiln_table::{DataTable, TableError, TableOptions, read_table_from};

/// Lines one after the other.
fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect::<Vec<_>>().concat()
}

/// The table of a text.
fn table(text: &str) -> DataTable {
    read(text.as_bytes()).unwrap()
}

fn read(bytes: &[u8]) -> Result<DataTable, TableError> {
    read_table_from("t.csv", bytes, &TableOptions::default())
}

/// Why a text is no table.
fn refused(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

fn names(table: &DataTable) -> Vec<&str> {
    table.columns().iter().map(|column| column.name.as_str()).collect()
}

/// What stands in a column, as text.
fn cells(table: &DataTable, name: &str) -> Vec<String> {
    let values = &table.column(name).unwrap().values;
    (0..table.rows()).map(|row| values.text(row).unwrap_or_else(|| "-".to_owned())).collect()
}

fn notes(table: &DataTable) -> String {
    table.notes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
