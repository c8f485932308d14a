//! Data matrices and the svmlight format: what is read, and what is refused.

use kiln_core::InputError;
use kiln_optim::linear::{
    DataRows, DenseRows, LabelledRows, LinearDataError, LinearLoss, Loss, SparseRows, read_svmlight,
    read_svmlight_from, write_svmlight,
};
use proptest::prelude::*;

#[test]
fn byte_order_marks_are_no_labels_and_columns_have_a_bound() {
    let data = read_svmlight("\u{feff}1 1:2\n-1 2:1\n".as_bytes()).unwrap();
    assert_eq!(data.labels, [1.0, -1.0]);
    let wide = "1 4294967295:1\n";
    assert!(refused(wide).contains("line 1: column 4294967295 asks for more than 2^30 columns"));
    let told = read_svmlight_from(1, Some(u32::MAX as usize), wide.as_bytes()).unwrap();
    assert_eq!(told.rows.get(0), Some((&[u32::MAX - 1][..], &[1.0][..])));
    assert_eq!(told.rows.get(1), None);
    assert!(refused("1,3 1:1\n").contains("several"));
}

fn refused(text: &str) -> String {
    read_svmlight(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn comments_groups_and_any_column_order() {
    let text = "# head\n\n+1 qid:3 3:0.5 1:-2 # tail\n   \n-1\n0.5 2:1e-3\r\n";
    let data = read_svmlight(text.as_bytes()).unwrap();
    assert_eq!(data.labels, [1.0, -1.0, 0.5]);
    let dense = DenseRows::new(3, vec![-2.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1e-3, 0.0]).unwrap();
    assert_eq!(data.rows.to_dense(), dense);
}

#[test]
fn columns_from_zero_and_a_known_number() {
    assert!(refused("1 0:1\n").contains("line 1: column 0, but columns are numbered from 1"));
    let data = read_svmlight_from(0, Some(4), "1 0:1\n".as_bytes()).unwrap();
    assert_eq!(data.rows.to_dense(), DenseRows::new(4, vec![1.0, 0.0, 0.0, 0.0]).unwrap());
    let error = read_svmlight_from(1, Some(2), "1 2:1\n1 3:1\n".as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "line 2: column 3 is beyond the number of columns");
    assert!(matches!(
        read_svmlight_from(0, Some(0), "1 0:1".as_bytes()),
        Err(LinearDataError::Input(InputError::Empty { .. }))
    ));
}

#[test]
fn malformed_lines_are_named() {
    for (text, expected) in [
        ("1 1:2\nx 1:2\n", "line 2: expected a finite label, found \"x\""),
        ("1 1:2\n\n1 2\n", "line 3: expected column:value, found \"2\""),
        ("1 a:2\n", "line 1: expected a column number, found \"a\""),
        ("1 -1:2\n", "line 1: expected a column number, found \"-1\""),
        ("1 4294967296:2\n", "line 1: expected a column number, found \"4294967296\""),
        ("1 1:nan\n", "line 1: expected a finite value, found \"nan\""),
        ("inf 1:1\n", "line 1: expected a finite label, found \"inf\""),
        ("1 2:1 1:1 2:3\n", "line 1: column 2 occurs twice"),
        ("", "the list of columns is empty"),
        ("# nothing\n", "the list of columns is empty"),
        ("1\n-1\n", "the list of columns is empty"),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    let not_text: &[u8] = b"1 1:1\n\xff\xfe\n";
    assert!(matches!(read_svmlight(not_text), Err(LinearDataError::Read { line: 2, .. })));
}

proptest! {
    #[test]
    fn reading_never_panics(text in "[ -~\n\t]{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = read_svmlight(text.as_bytes());
        let _ = read_svmlight(&bytes[..]);
    }

    #[test]
    fn nearly_right_lines_never_panic(
        text in "([+-]?[01]? ?(qid:1 )?([0-9]{0,11}:[-+.e0-9]{0,6} ){0,4}(#.{0,5})?\r?\n){0,6}",
        first in 0_u32..3, columns in proptest::option::of(0_usize..5),
    ) {
        if let Ok(data) = read_svmlight_from(first, columns, text.as_bytes()) {
            prop_assert_eq!(DataRows::from(data.rows).rows(), data.labels.len());
        }
    }

    #[test]
    fn round_trip(
        rows in proptest::collection::vec(
            (-1e9..1e9, proptest::collection::btree_map(0_u32..50, -1e300..1e300, 0..8)), 1..20),
    ) {
        let (labels, entries): (Vec<f64>, Vec<_>) = rows.into_iter().unzip();
        let width = entries.iter().filter_map(|row| row.keys().max()).max().map_or(0, |&j| j as usize + 1);
        prop_assume!(width > 0);
        let data = LabelledRows { rows: SparseRows::from_rows(width, entries).unwrap(), labels };
        let mut text = Vec::new();
        write_svmlight(&data, &mut text).unwrap();
        prop_assert_eq!(read_svmlight(&text[..]).unwrap(), data);
    }
}

#[test]
fn bad_matrices_are_refused() {
    let dense = |columns, values: &[f64]| DenseRows::new(columns, values.to_vec()).unwrap_err();
    assert!(matches!(dense(0, &[1.0]), LinearDataError::Input(InputError::Empty { .. })));
    assert!(matches!(dense(2, &[]), LinearDataError::Input(InputError::Empty { .. })));
    assert!(matches!(
        dense(2, &[1.0, 2.0, 3.0]),
        LinearDataError::Input(InputError::Size { found: 1, expected: 2, .. })
    ));
    assert!(matches!(
        dense(2, &[1.0, 2.0, 3.0, f64::NAN]),
        LinearDataError::NotFinite { row: 1, column: 1, .. }
    ));

    let sparse = |columns, starts: &[usize], indices: &[u32], values: &[f64]| {
        SparseRows::new(columns, starts.to_vec(), indices.to_vec(), values.to_vec()).unwrap_err()
    };
    assert!(matches!(sparse(0, &[0, 0], &[], &[]), LinearDataError::Input(InputError::Empty { .. })));
    assert!(matches!(sparse(2, &[], &[], &[]), LinearDataError::Input(InputError::Empty { .. })));
    assert!(matches!(sparse(2, &[0], &[], &[]), LinearDataError::Input(InputError::Empty { .. })));
    assert!(matches!(
        sparse(2, &[0, 1], &[0], &[]),
        LinearDataError::Input(InputError::Size { found: 1, expected: 0, .. })
    ));
    assert!(matches!(
        sparse(2, &[1, 1], &[0], &[1.0]),
        LinearDataError::Input(InputError::Size { found: 1, expected: 0, .. })
    ));
    assert!(matches!(
        sparse(2, &[0, 2], &[0], &[1.0]),
        LinearDataError::Input(InputError::Size { found: 2, expected: 1, .. })
    ));
    assert!(matches!(sparse(2, &[0, 2, 0, 1], &[0], &[1.0]), LinearDataError::Starts { row: 1 }));
    assert!(matches!(
        sparse(2, &[0, 1], &[2], &[1.0]),
        LinearDataError::Column { row: 0, column: 2, columns: 2 }
    ));
    assert!(matches!(sparse(3, &[0, 2], &[1, 1], &[1.0, 1.0]), LinearDataError::Order { row: 0, column: 1 }));
    assert!(matches!(
        sparse(3, &[0, 1], &[1], &[f64::INFINITY]),
        LinearDataError::NotFinite { row: 0, column: 1, .. }
    ));
}

#[test]
fn bad_models_are_refused() {
    use Loss::{Logistic, Squares};
    let model = |rows: &[f64], labels: &[f64], loss, l2_weight| {
        LinearLoss::new(DenseRows::new(1, rows.to_vec()).unwrap(), labels.to_vec(), loss, l2_weight)
            .unwrap_err()
    };
    assert!(matches!(
        model(&[1.0, 2.0], &[1.0], Logistic, 0.0),
        LinearDataError::Input(InputError::Size { found: 1, expected: 2, .. })
    ));
    assert!(matches!(model(&[1.0, 2.0], &[1.0, 0.0], Logistic, 0.0), LinearDataError::Label { row: 1, .. }));
    assert!(matches!(model(&[1.0], &[f64::NAN], Logistic, 0.0), LinearDataError::Label { row: 0, .. }));
    assert!(matches!(model(&[1.0], &[f64::INFINITY], Squares, 0.0), LinearDataError::Label { row: 0, .. }));
    assert!(matches!(model(&[1e200], &[1.0], Squares, 0.0), LinearDataError::Overflow { row: 0 }));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            model(&[1.0], &[1.0], Squares, weight),
            LinearDataError::Input(InputError::Setting { name: "l2_weight", .. })
        ));
    }
}
