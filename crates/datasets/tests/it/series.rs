//! Series of the UCR archive.

use std::io::Write;

use kiln_datasets::{DataPath, Route, read_series_csv, select, ucr};
use kiln_tests::data_with;
use proptest::prelude::*;

#[test]
fn malformed_tables_name_the_line_and_the_fault() {
    for (table, words) in [
        ("", "there are no series"),
        ("1,2\nx,3\n", "line 2: the class \"x\" is no whole number"),
        ("1,2\n1,three\n", "line 2: point \"three\" is not a finite number"),
        ("1,2\n1,inf\n", "line 2: point \"inf\" is not a finite number"),
        ("1,2\n1,2,3\n", "line 2: 2 points, 1 expected"),
        ("1\n", "line 1: 0 points, 1 expected"),
    ] {
        let error = read_series_csv("a.csv", table.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("a.csv") && error.contains(words), "{error}");
    }
}

proptest! {
    #[test]
    fn tables_come_back(rows in prop::collection::vec((-3_i64..4, prop::array::uniform4(-1e3..1e3_f64)), 1..9)) {
        let line = |(class, [a, b, c, d]): &(i64, [f64; 4])| format!("{class},{a},{b},{c},{d}\n");
        let table: String = rows.iter().map(line).collect();
        let series = read_series_csv("a", table.as_bytes()).unwrap();
        prop_assert_eq!(series.points(), 4);
        prop_assert_eq!(&series.classes, &rows.iter().map(|row| row.0).collect::<Vec<_>>());
        prop_assert_eq!(&series.values, &rows.iter().map(|row| row.1.to_vec()).collect::<Vec<_>>());
        for (a, label) in series.classes.iter().zip(series.labels()) {
            for (b, other) in series.classes.iter().zip(series.labels()) {
                prop_assert_eq!(a.cmp(b), label.cmp(&other));
            }
        }
    }
}

#[test]
fn the_archive_s_formats_become_tables() {
    let convert = select("signals/ucr")[0].package.unwrap().recipe.convert;
    let source = "#words: more\n@problemName a\n@data\n0.5,-1:2\n3,4.25:1\n";
    assert_eq!(convert(&[source.into()]).unwrap(), [b"2,0.5,-1\n1,3,4.25\n"]);
    let error = convert(&[b"@data\n1,2\n".to_vec()]).unwrap_err().to_string();
    assert!(error.contains("line 2: no colon"), "{error}");

    let npy = |descr: &str, shape: &str, values: &[[u8; 8]]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        [b"\x93NUMPY\x01\x00", &[header.len() as u8, 0][..], header.as_bytes(), &values.concat()].concat()
    };
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let x = npy("<f8", "(2, 2, 1)", &[0.5, -2.0, 3.25, 1e-5].map(f64::to_le_bytes));
    let y = npy("<i8", "(2,)", &[4_i64, 1].map(i64::to_le_bytes));
    for (name, array) in [("X_train", &x), ("y_train", &y), ("X_test", &x), ("y_test", &y)] {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(array).unwrap();
    }
    let archive = archive.finish().unwrap().into_inner();
    let convert = select("signals/trace")[0].package.unwrap().recipe.convert;
    assert_eq!(convert(&[archive]).unwrap(), [b"4,0.5,-2\n1,3.25,1e-05\n"; 2]);
    assert!(convert(&[b"no archive".to_vec()]).unwrap_err().to_string().contains("broken NumPy archive"));
}

#[test]
fn shared_series_have_the_known_sizes() {
    for (set, counts, points, classes) in
        [("trace", [100, 100], 275, 4), ("gunpoint", [50, 150], 150, 2), ("arrowhead", [36, 175], 251, 3)]
    {
        let Some(folder) = data_with(&format!("signals/{set}-train.csv")) else { return };
        let data = DataPath::of_folders(vec![(Route::Shared, folder)]);
        for (part, count) in ucr(&data, set).unwrap().into_iter().zip(counts) {
            assert_eq!((part.len(), part.points()), (count, points), "{set}");
            assert_eq!(part.labels().into_iter().max(), Some(classes - 1), "{set}");
        }
    }
    let nowhere = DataPath::of_folders(Vec::new());
    assert!(ucr(&nowhere, "trace").unwrap_err().to_string().contains("signals/trace-train.csv"));
}
