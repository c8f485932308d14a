//! Laws that hold for any table.

use kiln_table::{Preprocessing, PreprocessingOptions, TableOptions, read_table_from};
use proptest::prelude::*;

use crate::{cells, lines, read};

/// A cell as CSV writes it.
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    /// Any bytes are a table or an error.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    /// Any text that looks like a table, too, and what is read can be made numbers of.
    #[test]
    fn any_text(text in "([a-c0-9.,;\"\t|-]{0,8}\r?\n?){0,20}") {
        if let Ok(table) = read(text.as_bytes())
            && let Ok((fitted, _)) = Preprocessing::fit(&table, &PreprocessingOptions::default())
        {
            let (rows, _) = fitted.apply(&table).unwrap();
            prop_assert_eq!(rows.to_dense().len(), table.rows() * fitted.encoded_names().len());
            prop_assert!(rows.to_dense().iter().all(|number| number.is_finite()));
        }
    }

    /// What is written in quotes comes back, trimmed.
    #[test]
    fn quoted_cells_come_back(rows in proptest::collection::vec(("[^\0]{1,9}", "[^\0]{1,9}"), 1..9)) {
        let cell = |name: &str, cell: &str| quoted(&format!("{name}{cell}"));
        let line = |(a, b): &(String, String)| format!("{},{}", cell("x", a), cell("y", b));
        let text = "first,second\n".to_owned() + &lines(rows.iter().map(line));
        let options = TableOptions { separator: Some(','), ..TableOptions::default() };
        let table = read_table_from("t.csv", text.as_bytes(), &options).unwrap();
        let expected: Vec<String> =
            rows.iter().map(|(a, _)| format!("x{a}").trim_ascii().to_owned()).collect();
        prop_assert_eq!(cells(&table, "first"), expected);
    }
}
