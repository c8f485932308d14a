use kiln_datasets::{ReadError, read_svmlight};
use proptest::prelude::*;

#[test]
fn svmlight_is_read() {
    let (rows, targets) = read_svmlight("a", "1 0:2 4:1\n-1\r\n0.5 3:-1.5 \n".as_bytes(), 5).unwrap();
    assert_eq!((rows.len(), rows.width(), rows.entries(), targets), (3, 5, 3, vec![1.0, -1.0, 0.5]));
    assert_eq!(rows.row(0).collect::<Vec<_>>(), [(0, 2.0), (4, 1.0)]);
    assert_eq!(rows.row(1).count(), 0, "a row may have no entries");
    assert_eq!(rows.dense_rows(&[2, 1]), [0.0, 0.0, 0.0, -1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(rows.dense_rows(&[]).is_empty());
    let (rows, _) = read_svmlight("a", "1\n1\n".as_bytes(), 0).unwrap();
    assert!(rows.dense_rows(&[0, 1]).is_empty());
}

#[test]
fn svmlight_that_is_malformed_names_the_line() {
    for (line, words) in [
        ("", "the line is empty"),
        ("yes 0:1", "target \"yes\""),
        ("nan 0:1", "target \"nan\""),
        ("1 0:1 2", "\"2\" is not COLUMN:VALUE"),
        ("1 -1:1", "\"-1:1\" is not COLUMN:VALUE"),
        ("1 0:inf", "\"0:inf\" is not COLUMN:VALUE"),
        ("1 0:1:1", "\"0:1:1\" is not COLUMN:VALUE"),
        ("1 4294967296:1", "is not COLUMN:VALUE"),
        ("1 5:1", "column 5 of 5, counted from 0"),
        ("1 4294967295:1", "column 4294967295 of 5"),
        ("1 2:1 2:1", "column 2 is not above the one before"),
        ("1 2:1 1:1", "column 1 is not above the one before"),
        ("1 0:1 # five", "\"#\" is not COLUMN:VALUE"),
    ] {
        let error = read_svmlight("a", format!("1 0:1\n{line}\n").as_bytes(), 5).unwrap_err().to_string();
        assert!(error.starts_with("a, line 2: ") && error.contains(words), "{error}");
    }
    assert!(read_svmlight("a", "".as_bytes(), 5).unwrap_err().to_string().contains("no rows"));
    assert!(matches!(read_svmlight("a", &b"1 0:1\n\xff"[..], 5), Err(ReadError::Io { .. })));
}

proptest! {
    #[test]
    fn dense_rows_come_back(table in (1_usize..6).prop_flat_map(|width| {
        proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(0_u8), 1..9_u8], width), 1..8)
    })) {
        let width = table[0].len();
        let line = |row: &Vec<u8>| {
            let entries = row.iter().enumerate().filter(|(_, value)| **value > 0);
            let entries: Vec<String> = entries.map(|(column, value)| format!(" {column}:{value}")).collect();
            format!("-1{}\n", entries.concat())
        };
        let text: String = table.iter().map(line).collect();
        let (rows, targets) = read_svmlight("a", text.as_bytes(), width as u32).unwrap();
        let places: Vec<usize> = (0..table.len()).rev().collect();
        let expected: Vec<f32> = table.iter().rev().flatten().copied().map(f32::from).collect();
        prop_assert_eq!(rows.dense_rows(&places), expected);
        prop_assert_eq!(targets, vec![-1.0; table.len()]);
    }

    #[test]
    fn the_svmlight_reader_never_panics(text in "[-0-9:. e\n]{0,60}", width in 0_u32..5) {
        if let Ok((rows, targets)) = read_svmlight("a", text.as_bytes(), width) {
            let places: Vec<usize> = (0..rows.len()).collect();
            prop_assert_eq!(rows.dense_rows(&places).len(), targets.len() * rows.width());
        }
    }
}
