use kiln_datasets::{ReadError, read_npy_bytes};
use proptest::prelude::*;

fn npy(header: &str, contents: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), contents].concat()
}

fn bytes_of(shape: &str, contents: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}   \n"), contents)
}

#[test]
fn npy_is_read() {
    let file = bytes_of("(2, 3)", &[1, 2, 3, 4, 5, 6]);
    assert_eq!(read_npy_bytes("a", file.as_slice()).unwrap(), ([2, 3], vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(read_npy_bytes("a", bytes_of("(2,)", &[7, 8]).as_slice()).unwrap(), ([2], vec![7, 8]));
    assert_eq!(read_npy_bytes("a", bytes_of("(0, 5)", &[]).as_slice()).unwrap(), ([0, 5], vec![]));
    let other_order = npy("{'shape':(1,),'fortran_order':False,'descr':'|u1'}", &[9]);
    assert_eq!(read_npy_bytes("a", other_order.as_slice()).unwrap(), ([1], vec![9]));
}

#[test]
fn npy_that_is_malformed_names_the_file_and_the_fault() {
    let good = bytes_of("(2, 3)", &[1, 2, 3, 4, 5, 6]);
    for length in 0..good.len() {
        let error = read_npy_bytes::<2>("words.npy", &good[..length]).unwrap_err().to_string();
        assert!(error.starts_with("words.npy: "), "{length} bytes: {error}");
    }
    let entries = |descr: &str, order: &str, shape: &str| {
        npy(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"), &[0; 6])
    };
    let second_version = [&good[..6], &[2, 0], &good[8..]].concat();
    for (file, words) in [
        ([good.as_slice(), &[0]].concat(), "7 bytes after the header, which says [2, 3]"),
        (second_version, "not a NumPy file of format 1.0"),
        (bytes_of("(6,)", &[0; 6]), "of shape [6], 2 dimensions expected"),
        (bytes_of("(18446744073709551615, 2)", &[0; 6]), "6 bytes after the header"),
        (bytes_of("(18446744073709551616, 2)", &[0; 6]), "the header cannot be read"),
        (bytes_of("(-2, -3)", &[0; 6]), "the header cannot be read"),
        (bytes_of("(2,, 3)", &[0; 6]), "the header cannot be read"),
        (bytes_of("(2, 3", &[0; 6]), "the header cannot be read"),
        (entries("'<f4'", "False", "(2, 3)"), "values of type <f4 in C order"),
        (entries("'|u1'", "True", "(2, 3)"), "in Fortran order"),
        (entries("'|u1'", "None", "(2, 3)"), "the header cannot be read"),
        (entries("|u1", "False", "(2, 3)"), "the header cannot be read"),
        (npy("{'descr': '|u1', 'shape': (2, 3)}", &[0; 6]), "the header cannot be read"),
        (npy("{'descr': '|u1' 'shape': (2, 3)}", &[0; 6]), "the header cannot be read"),
        (npy("{'size': 6}", &[0; 6]), "the header cannot be read"),
        (npy("", &[]), "the header cannot be read"),
    ] {
        let error = read_npy_bytes::<2>("a", file.as_slice()).unwrap_err();
        assert!(matches!(error, ReadError::Malformed { line: None, .. }));
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

proptest! {
    #[test]
    fn npy_comes_back(rows in 0_usize..5, width in 0_usize..5, seed: u8) {
        let values: Vec<u8> = (0..rows * width).map(|i| seed.wrapping_mul(31).wrapping_add(i as u8)).collect();
        let file = bytes_of(&format!("({rows}, {width})"), &values);
        prop_assert_eq!(read_npy_bytes("a", file.as_slice()).unwrap(), ([rows, width], values));
    }

    #[test]
    fn the_npy_reader_never_panics(
        header in "[{}',:()a-z|u1 0-9TF]{0,60}",
        tail in proptest::collection::vec(any::<u8>(), 0..20),
        place in 0_usize..90,
        value: u8,
    ) {
        let _ = read_npy_bytes::<2>("a", npy(&header, &tail).as_slice());
        let _ = read_npy_bytes::<2>("a", [b"\x93NUMPY\x01\x00", tail.as_slice()].concat().as_slice());
        let mut changed = bytes_of("(2, 3)", &[0; 6]);
        let place = place % changed.len();
        changed[place] = value;
        let _ = read_npy_bytes::<2>("a", changed.as_slice());
    }
}
