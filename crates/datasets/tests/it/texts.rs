use kiln_datasets::{
    DataPath, LabelledTexts, ReadError, Route, Sst2Part, TextColumns, read_labelled_tsv, sst2,
};
use kiln_tests::data_with;
use proptest::prelude::*;

use super::missing;

fn columns(text: &str, second: &str, label: &str) -> TextColumns {
    let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    TextColumns { text: some(text), second: some(second), label: some(label) }
}

fn read(table: &str, columns: &TextColumns) -> Result<LabelledTexts, ReadError> {
    read_labelled_tsv("a.tsv", table.as_bytes(), columns, None)
}

#[test]
fn columns_are_found_by_the_header() {
    let sst2 = read("label\tfine_label\tsentence\n1\t4\tgood\n0\t0\tbad\n", &columns("", "", "")).unwrap();
    assert_eq!((sst2.texts, sst2.labels), (vec!["good".to_owned(), "bad".into()], vec![1, 0]));
    assert!(sst2.seconds.is_empty());
    let pair = read("label\tquestion\tsentence\n1\twho?\tme\n", &columns("", "", "")).unwrap();
    assert_eq!((&pair.texts[0][..], &pair.seconds[0][..]), ("who?", "me"));
    let one = read("label\tquestion\tsentence\n1\twho?\tme\n", &columns("sentence", "", "")).unwrap();
    assert_eq!((&one.texts[0][..], one.seconds.len()), ("me", 0));
    let fine =
        read("label\tfine_label\tsentence\n1\t4\tgood\n0\t0\tbad\n", &columns("", "", "fine_label")).unwrap();
    assert_eq!((fine.classes, fine.labels), (vec!["0".to_owned(), "4".into()], vec![1, 0]));
}

#[test]
fn without_a_header_the_numbers_are_the_labels() {
    for table in ["0\tbad\n1\tgood\n", "bad\t0\ngood\t1\n"] {
        let read = read(table, &columns("", "", "")).unwrap();
        assert_eq!((&read.texts[1][..], read.labels), ("good", vec![0, 1]), "{table}");
    }
    let read = read("x\tbad\tneg\ny\tgood\tpos\n", &columns("2", "", "3")).unwrap();
    assert_eq!((read.texts.join(" "), read.classes.join(" ")), ("bad good".to_owned(), "neg pos".to_owned()));
}

#[test]
fn classes_are_in_order_of_their_numbers() {
    let read = read("label\ttext\n10\ta\n9\tb\n-1\tc\n", &columns("", "", "")).unwrap();
    assert_eq!((read.classes.join(" "), read.counts()), ("-1 9 10".to_owned(), vec![1, 1, 1]));
}

#[test]
fn faults_say_where_and_what_to_do() {
    let none = columns("", "", "");
    for (table, columns, words) in [
        ("", &none, "a.tsv: the file is empty"),
        ("label\tsentence\n", &none, "a header and no rows"),
        ("label\tsentence\n1\ta\n1\n", &none, "a.tsv, line 3: 1 fields, the first line has 2"),
        ("label\tsentence\n1\t \n", &none, "a.tsv, line 2: the text in column 2 is empty"),
        ("label\twords\n1\ta\n", &none, "the header has: label, words; give --text-column"),
        ("class\tsentence\n1\ta\n", &columns("sentence", "", ""), "give --label-column"),
        (
            "label\tsentence\n1\ta\n",
            &columns("", "", "labels"),
            "no column \"labels\"; the header has: label",
        ),
        ("label\tsentence\n1\ta\n", &columns("sentence", "sentence", ""), "column 2 is asked for twice"),
        ("pos\tgood\nneg\tbad\n", &none, "which column is the label?"),
        ("1\t2\n3\t4\n", &none, "which column is the label?"),
        ("1\ta\tb\n", &none, "which column is the text?"),
        ("1\ta\n", &columns("9", "", ""), "no column \"9\"; there is no header, and 2 columns"),
    ] {
        let error = read(table, columns).unwrap_err().to_string();
        assert!(error.contains(words), "{table:?}: {error}");
    }
    let error = read_labelled_tsv("a", &b"label\ttext\n1\t\xff\n"[..], &none, None).unwrap_err().to_string();
    assert!(error.contains("line 2: this is not UTF-8"), "{error}");
}

#[test]
fn labels_that_are_no_classes_are_refused() {
    let rows: Vec<String> = (0..300).map(|i| format!("{i}.5\ttext\n")).collect();
    let error = read(&format!("label\ttext\n{}", rows.concat()), &columns("", "", "")).unwrap_err();
    assert!(error.to_string().contains("300 different values"), "{error}");
}

#[test]
fn labels_that_training_had_not_are_refused() {
    let classes = ["neg".to_owned(), "pos".into()];
    let table = "label\ttext\npos\tgood\nneutral\tso\n";
    let read = read_labelled_tsv("a", table.as_bytes(), &TextColumns::default(), Some(&classes));
    let error = read.unwrap_err().to_string();
    assert!(error.contains("line 3: label \"neutral\" is none of the training labels: neg, pos"), "{error}");
}

#[test]
fn real_sst2_has_the_known_sizes() {
    let missing = missing(sst2(&DataPath::of_folders(vec![]), Sst2Part::Dev));
    assert!(missing.hint.contains("GLUE SST-2.zip"));
    let Some(folder) = data_with("text/sst2-dev.tsv") else { return };
    let path = DataPath::of_folders(vec![(Route::Shared, folder)]);
    for (part, rows, positive) in [
        (Sst2Part::Train, 6_920, 3_610),
        (Sst2Part::Dev, 872, 444),
        (Sst2Part::Test, 1_821, 909),
        (Sst2Part::Phrases, 77_616, 42_672),
    ] {
        let read = sst2(&path, part).unwrap();
        assert_eq!((read.len(), read.counts()[1]), (rows, positive), "{part:?}");
        assert_eq!((read.sources[0].rows, &read.sources[0].route[..]), (rows, "shared folder"));
    }
}

#[test]
fn every_table_of_the_folder_is_read() {
    let Some(folder) = data_with("text/qnli-dev.tsv") else { return };
    for (name, second, rows) in [
        ("cola-in-domain-dev.tsv", false, 527),
        ("qnli-dev.tsv", true, 5_463),
        ("rte1-3.tsv", true, 4_167),
        ("sick.tsv", true, 9_927),
        ("subjectivity.tsv", false, 10_000),
    ] {
        let file = std::fs::File::open(folder.join("text").join(name)).unwrap();
        let read = read_labelled_tsv(name, file, &TextColumns::default(), None).unwrap();
        assert_eq!((read.len(), read.seconds.len()), (rows, if second { rows } else { 0 }), "{name}");
    }
}

proptest! {
    #[test]
    fn the_reader_never_panics(text in "[a-z01\t\n ]{0,60}", header: bool, second in "[a-z1-4]{0,2}") {
        let text = if header { format!("label\tsentence\n{text}") } else { text };
        let _ = read(&text, &columns("", &second, ""));
        let _ = read(&text, &columns("1", "", "2"));
    }

    #[test]
    fn rows_come_back(rows in proptest::collection::vec(("[a-z ]{0,8}[a-z]", 0..4_usize), 1..20)) {
        let lines: Vec<String> = rows.iter().map(|(text, label)| format!("{label}\t{text}\n")).collect();
        let read = read(&format!("label\tsentence\n{}", lines.concat()), &columns("", "", "")).unwrap();
        prop_assert_eq!(read.counts().iter().sum::<usize>(), rows.len());
        for (i, (text, label)) in rows.iter().enumerate() {
            prop_assert_eq!(&read.texts[i], text);
            prop_assert_eq!(&read.classes[read.labels[i]], &label.to_string());
        }
    }
}
