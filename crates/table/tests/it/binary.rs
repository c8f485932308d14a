//! Parquet and Arrow files. Not part of the usual build: `cargo nextest run -p kiln-table --features
//! parquet`.

use kiln_table::{DataTable, TableError, TableOptions, read_table, read_table_from};

use crate::{cells, names, notes, read};

fn reference(name: &str) -> std::path::PathBuf {
    kiln_tests::reference(&format!("table/{name}"))
}

fn table(name: &str) -> DataTable {
    read_table(reference(name), &TableOptions::default()).unwrap()
}

#[test]
fn files_of_pandas_and_polars_hold_the_same() {
    for name in ["pandas.parquet", "pandas.feather", "polars.parquet", "polars.arrow"] {
        let table = table(name);
        assert_eq!(names(&table), ["name", "height", "children", "member", "born", "town"], "{name}");
        assert_eq!(cells(&table, "name"), ["Ann", "Bob", "-", "Chloé"], "{name}");
        assert_eq!(cells(&table, "height"), ["1.7", "-", "1.65", "1.8"], "{name}");
        assert_eq!(cells(&table, "children"), ["0", "2", "-", "3"], "{name}");
        assert_eq!(cells(&table, "member"), ["true", "false", "true", "true"], "{name}");
        let noon = if name.starts_with("pandas") { "11016.5" } else { "11016" };
        assert_eq!(cells(&table, "born"), ["7425", "5836", noon, "-"], "{name}");
        assert!(table.column("born").unwrap().dates);
        assert_eq!(cells(&table, "town"), ["Ulm", "Bonn", "Ulm", "-"], "{name}");
        assert_eq!(table.place(2).to_string(), "row 3");
    }
    assert!(notes(&table("polars.parquet")).contains("column \"tags\" is not read: its type is"));
}

#[test]
fn types_of_arrow() {
    let table = table("pyarrow.parquet");
    assert_eq!(cells(&table, "price"), ["1.25", "-", "-3.5", "0.1"]);
    assert_eq!(cells(&table, "small"), ["1", "2", "3", "4"]);
    assert_eq!(cells(&table, "half"), ["1.5", "2.5", "-", "4"]);
    assert_eq!(cells(&table, "empty"), ["-"; 4]);
    assert_eq!(cells(&table, "large"), ["x", "-", "-", "y"]);
    // Numbers that only tell apart are kept to the last digit if they are said to be words.
    let options = TableOptions { words: vec!["big".into()], ..TableOptions::default() };
    let table = read_table(reference("pyarrow.parquet"), &options).unwrap();
    assert_eq!(cells(&table, "big"), ["1152921504606846977", "1", "2", "3"]);
}

/// Damage anywhere is an error or is seen by no reader: no panic, and no memory that the file does not hold.
#[test]
fn damaged_files() {
    let hook = std::panic::take_hook();
    // The panics of the crates are caught; their words would fill the log.
    std::panic::set_hook(Box::new(|_| ()));
    let mut damaged = 0;
    for name in ["pandas.parquet", "polars.parquet", "pyarrow.parquet", "pandas.feather", "polars.arrow"] {
        let bytes = std::fs::read(reference(name)).unwrap();
        for at in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut wrong = bytes.clone();
                wrong[at] ^= flip;
                damaged += usize::from(matches!(read(&wrong), Err(TableError::Damaged { .. })));
            }
            if at > 6 {
                let error = read(&bytes[..at]);
                assert!(error.is_err(), "{name} {at}");
            }
        }
    }
    std::panic::set_hook(hook);
    assert!(damaged > 1000, "{damaged}");
    let error = read_table_from("a.parquet", &b"PAR1 and no more"[..], &TableOptions::default()).unwrap_err();
    assert!(error.to_string().starts_with("a.parquet is no whole Parquet file"), "{error}");
}
