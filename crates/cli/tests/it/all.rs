//! `kiln cluster --all`: every node's neighbourhood.

use std::collections::BTreeMap;

use crate::{friends, kiln, read};

/// Rows by node.
fn rows(text: &str) -> BTreeMap<&str, Vec<(&str, f64)>> {
    let mut rows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("node\tneighbour\tshare"));
    for line in lines {
        let cells: Vec<_> = line.split('\t').collect();
        rows.entry(cells[0]).or_default().push((cells[1], cells[2].parse().unwrap()));
    }
    rows
}

#[test]
fn every_node_has_its_best_neighbours() {
    let folder = friends();
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--all", "--top", "4"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let rows = rows(&ran.out);
    assert_eq!(rows.len(), 9);
    for (node, row) in &rows {
        assert!(row.len() <= 4 && !row.is_empty());
        assert!(row.iter().any(|(name, _)| name == node), "{node}: {row:?}");
        assert!(row.is_sorted_by(|a, b| a.1 >= b.1), "{node}: {row:?}");
        assert!(row.iter().map(|entry| entry.1).sum::<f64>() <= 1.0 + 1e-12);
    }
    let mut near: Vec<_> = rows["alice"].iter().map(|entry| entry.0).collect();
    near.sort_unstable();
    assert_eq!(near, ["alice", "bob", "carol", "dave"]);
}

#[test]
fn files_hold_the_same_rows() {
    let folder = friends();
    let printed = kiln(folder.path(), &["cluster", "friends.csv", "--all"]).out;
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--all", "--out", "all.tsv"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(read(&folder, "all.tsv"), printed);
    let ran = kiln(folder.path(), &["cluster", "friends.csv", "--all", "--out", "all.tsv.gz"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let packed = std::fs::read(folder.path().join("all.tsv.gz")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
}
