//! Networks in Parquet and Arrow files. Not part of the usual build: `cargo nextest run -p kiln-cli --features
//! parquet`.

use crate::{Ran, folder_with, kiln};

fn table(name: &str) -> String {
    kiln_tests::reference(&format!("table/{name}")).display().to_string()
}

fn clustered(file: &str, more: &[&str]) -> Ran {
    let folder = folder_with("none.csv", "a,b\n");
    kiln(folder.path(), &[&["cluster", file], more, &["--print", "tsv"]].concat())
}

/// Nodes are told apart by numbers that no `f64` tells apart.
#[test]
fn whole_numbers_are_names_to_the_last_digit() {
    let columns = ["--columns", "from,to,weight", "--seed", "9007199254740993"];
    let ran = clustered(&table("edges.parquet"), &columns);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let names: Vec<String> = (0..4).map(|i| (9_007_199_254_740_993_u64 + i).to_string()).collect();
    assert_eq!(ran.members(), names);
    assert!(ran.err.contains("column \"tags\" is not read"), "{}", ran.err);
    assert!(ran.err.contains("\"when\""), "what is not used is said: {}", ran.err);
}

#[test]
fn categories_and_strange_words_are_names() {
    let ran = clustered(&table("edges.feather"), &["--seed", "#9007199254740993"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let members = ran.members();
    assert!(members.len() == 4 && members.contains(&"NA 9007199254740994"), "{members:?}");
}

#[test]
fn damage_is_an_error_with_the_file() {
    let bytes = std::fs::read(table("edges.parquet")).unwrap();
    let folder = folder_with("none.csv", "a,b\n");
    std::fs::write(folder.path().join("half.parquet"), &bytes[..bytes.len() / 2]).unwrap();
    let ran = kiln(folder.path(), &["cluster", "half.parquet", "--seed", "a"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("half.parquet is no whole Parquet file"), "{}", ran.err);
    let ran = clustered(&table("pyarrow.parquet"), &["--seed", "1"]);
    assert_eq!(ran.status, 2, "{}", ran.out);
}
