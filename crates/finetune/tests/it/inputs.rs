use std::fs;

use kiln_datasets::{DataPath, Route};
use kiln_finetune::{TextTable, Tune, locate};

fn read(table: &str, classes: Option<&[String]>, limit: Option<usize>) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.tsv");
    fs::write(&file, table).unwrap();
    let data = DataPath::of_folders(vec![]);
    let name = file.to_str().unwrap();
    let read = TextTable { limit, seed: 1, ..TextTable::new(name) }.read("train", classes, &data);
    let read = read.map_err(|error| error.to_string())?;
    assert_eq!(read.sources[0].rows, table.lines().count() - 1, "of the whole table");
    assert_eq!((&read.sources[0].route[..], read.sources[0].sha256.len()), ("given folder", 64));
    Ok(read.texts)
}

#[test]
fn rows_are_drawn_by_the_seed() {
    let table = (0..40).fold("label\ttext\n".to_owned(), |table, i| format!("{table}{}\ttext {i}\n", i % 2));
    let drawn = read(&table, None, Some(10)).unwrap();
    assert_eq!(drawn, read(&table, None, Some(10)).unwrap());
    let distinct: std::collections::BTreeSet<_> = drawn.iter().collect();
    assert_eq!(distinct.len(), 10);
    assert_ne!(drawn, (0..10).map(|i| format!("text {i}")).collect::<Vec<_>>(), "not just the first ones");
    assert!(read(&table, None, Some(41)).unwrap_err().contains("--train: 41 of 40 rows"));
    assert!(read(&table, None, Some(0)).unwrap_err().contains("--train: 0 of 40 rows"));
}

#[test]
fn one_class_is_not_enough_to_train_on() {
    let error = read("label\ttext\n1\ta\n1\tb\n", None, None).unwrap_err();
    assert!(error.contains("--train: every label is \"1\""), "{error}");
    let table = format!("label\ttext\n0\tz\n{}", "1\ta\n".repeat(50));
    let error = read(&table, None, Some(1)).unwrap_err();
    assert!(error.contains("among the rows drawn"), "{error}");
    let classes = ["0".to_owned(), "1".to_owned()];
    assert!(read("label\ttext\n1\ta\n1\tb\n", Some(&classes), None).is_ok(), "but to evaluate on");
}

#[test]
fn faults_name_the_file_and_the_line() {
    for (table, words) in [
        ("", "mine.tsv: the file is empty"),
        ("label\ttext\n", "no rows"),
        ("label\twords\n1\ta\n", "give --text-column"),
        ("label\ttext\n1\ta\n0\n", "mine.tsv, line 3: 1 fields"),
    ] {
        let error = read(table, None, None).unwrap_err();
        assert!(error.contains(words), "{table:?}: {error}");
    }
    let classes = ["0".to_owned(), "1".to_owned()];
    let error = read("label\ttext\n2\ta\n", Some(&classes), None).unwrap_err();
    assert!(error.contains("line 2: label \"2\" is none of the training labels: 0, 1"), "{error}");
}

#[test]
fn a_missing_table_or_model_says_what_to_do() {
    let nowhere = DataPath::of_folders(vec![]);
    let error = TextTable::new("text/sst2-dev.tsv").read("eval", None, &nowhere).unwrap_err();
    assert!(error.to_string().contains("GLUE SST-2.zip"), "{error}");
    let error = TextTable::new(env!("CARGO_MANIFEST_DIR")).read("eval", None, &nowhere).unwrap_err();
    assert!(error.to_string().contains("--eval: ") && error.to_string().contains("is a folder"), "{error}");
    let error = locate("minilm", &nowhere).unwrap_err().to_string();
    assert!(error.contains("`cargo xtask data get models/minilm`"), "{error}");
    let error = locate("no-such-model", &nowhere).unwrap_err().to_string();
    assert!(error.contains("no model of the catalogue (minilm, smollm2)"), "{error}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let error = locate(file, &nowhere).unwrap_err().to_string();
    assert!(error.contains("is a file, but no .gguf"), "{error}");
}

#[test]
fn a_table_is_found_by_its_name_in_the_layout() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("text")).unwrap();
    fs::write(folder.path().join("text/mine.tsv"), "label\ttext\n1\ta\n0\tb\n").unwrap();
    let data = DataPath::of_folders(vec![(Route::Cache, folder.path().into())]);
    let read = TextTable::new("text/mine.tsv").read("train", None, &data).unwrap();
    assert_eq!((read.len(), &read.sources[0].route[..]), (2, "cache"));
}

#[test]
fn what_is_tuned_is_read_back_as_it_is_shown() {
    for tune in [Tune::Full, Tune::Head, Tune::LastLayers(2), Tune::Lora(8)] {
        assert_eq!(tune.to_string().parse(), Ok(tune));
    }
    for wrong in ["", "all", "lora", "lora=", "lora=0", "lora=x", "last-layers=-1", "full=1", "head=2"] {
        assert!(wrong.parse::<Tune>().is_err(), "{wrong}");
    }
}
