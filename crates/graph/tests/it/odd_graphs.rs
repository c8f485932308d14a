//! Every file of `shared/data/odd-graphs`, with its right answer.

use kiln_graph::io::{
    Column, Columns, Format, OtherColumns, Read, ReadNote, ReadOptions, WeightColumn, read_graph,
    read_graph_with, read_labelled,
};
use kiln_graph::{Adjacency, GraphError, Result, Symmetrize};

use crate::graphs::data_path;

fn read_with(name: &str, options: &ReadOptions) -> Option<Result<Read>> {
    data_path(&format!("odd-graphs/{name}")).map(|path| read_labelled(path, options))
}

/// The edges in names, each with its weight.
fn edges(read: &Read) -> Vec<(String, String, f64)> {
    let name = |u| read.graph.label(u).into_owned();
    read.graph.graph().edges().map(|(u, v, weight)| (name(u), name(v), weight)).collect()
}

fn expect(name: &str, options: &ReadOptions, expected: &[(&str, &str, f64)]) -> Option<Read> {
    let read = read_with(name, options)?.unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected: Vec<_> = expected.iter().map(|&(u, v, w)| (u.to_owned(), v.to_owned(), w)).collect();
    assert_eq!(edges(&read), expected, "{name}");
    Some(read)
}

fn said(name: &str, options: &ReadOptions) -> Option<String> {
    Some(read_with(name, options)?.expect_err(name).to_string())
}

fn unused(read: &Read) -> Vec<&str> {
    let notes = read.report.notes.iter();
    notes
        .filter_map(|note| match note {
            ReadNote::Unused { what, .. } => Some(what.as_str()),
            _ => None,
        })
        .collect()
}

fn max() -> ReadOptions {
    ReadOptions { symmetrize: Some(Symmetrize::Max), ..ReadOptions::default() }
}

#[test]
fn tables_of_names_and_numbers() {
    let plain = ReadOptions::default();
    let path = [("0", "1", 1.0), ("1", "2", 1.0)];
    let weighted = [("0", "1", 2.0), ("1", "2", 0.5)];
    expect("strings.csv", &plain, &[("alice", "bob", 1.0), ("bob", "carol", 1.0)]);
    expect("string_tsv.tsv", &plain, &[("TP53", "MDM2", 0.999), ("MDM2", "CDK4", 0.7)]);
    expect("header.csv", &plain, &path);
    expect("header_w.csv", &plain, &weighted);
    expect("quoted.csv", &plain, &path);
    expect("nx_edgelist.txt", &plain, &path);
    expect("nx_edgelist_w.txt", &plain, &weighted);
    expect("snapids.txt", &plain, &[("101", "102", 1.0), ("102", "8830000", 1.0)]);
    expect("hugeid.txt", &plain, &[("0", "1", 1.0), ("1", "4294967295", 1.0)]);
    expect("konect.txt", &plain, &[("1", "2", 1.0), ("1", "3", 1.0), ("2", "3", 1.0)]);
    for name in ["header.csv", "header_w.csv", "quoted.csv", "nx_edgelist.txt", "nx_edgelist_w.txt"] {
        let Some(path) = data_path(&format!("odd-graphs/{name}")) else { continue };
        assert_eq!(read_graph(path).unwrap().edge_count(), 2, "{name} as numbers");
    }
}

#[test]
fn columns_that_are_not_used_are_reported() {
    let plain = ReadOptions::default();
    let path = [("0", "1", 1.0), ("1", "2", 1.0)];
    if let Some(read) = expect("gephi_edges.csv", &plain, &[("0", "1", 1.0), ("1", "2", 2.0)]) {
        assert_eq!(unused(&read), ["column \"Id\", column \"Label\", column \"timeset\""]);
    }
    if let Some(read) = expect("fourcols.txt", &plain, &path) {
        assert_eq!(unused(&read), ["column 4"]);
    }
    // Times are no weights; they are if one says so.
    if let Some(read) = expect("timestamps.txt", &plain, &path) {
        assert_eq!(unused(&read), ["column 3"]);
        assert!(read.report.to_string().contains("Unix times"), "{}", read.report);
    }
    let columns = Columns { weight: Some(Column::Number(3)), ..Columns::default() };
    let times = [("0", "1", 1_262_454_010.0), ("1", "2", 1_262_454_011.0)];
    expect("timestamps.txt", &ReadOptions { columns, ..ReadOptions::default() }, &times);
    expect("timestamps.txt", &ReadOptions { weights: WeightColumn::Required, ..plain.clone() }, &times);
    let refuse = ReadOptions { other_columns: OtherColumns::Refuse, ..ReadOptions::default() };
    if let Some(text) = said("fourcols.txt", &refuse) {
        assert!(text.contains("fourcols.txt, line 1: column 4 not used"), "{text}");
    }
    // Where no report can be returned, nothing is left out.
    let Some(file) = data_path("odd-graphs/timestamps.txt") else { return };
    let text = read_graph(file).unwrap_err().to_string();
    assert!(text.contains("column 3 not used") && text.contains("Unix times"), "{text}");
}

#[test]
fn a_number_that_is_too_large_for_a_numbered_graph() {
    let Some(path) = data_path("odd-graphs/hugeid.txt") else { return };
    let text = read_graph(path).unwrap_err().to_string();
    assert!(text.contains("hugeid.txt, line 2: node 4294967295 is too large"), "{text}");
    assert!(text.contains("read_labelled"), "{text}");
    let Some(path) = data_path("odd-graphs/snapids.txt") else { return };
    let text = read_graph(path).unwrap_err().to_string();
    assert!(text.contains("snapids.txt, line 3") && text.contains("read_labelled"), "{text}");
}

#[test]
fn matrices() {
    let plain = ReadOptions::default();
    if let Some(read) = read_with("bip_rect.mtx", &plain) {
        let read = read.unwrap();
        let graph = read.graph.graph();
        assert_eq!((graph.node_count(), graph.edge_count()), (10, 10));
        let (row, column) = (read.graph.id("r2").unwrap(), read.graph.id("c6").unwrap());
        assert_eq!((row, column), (1, 9));
        assert!(graph.neighbor_ids(row).contains(&(column as u32)));
        assert!((graph.degree(row) - (0.546_207_319_902_158_1 + 0.494_289_767_718_076_76)).abs() < 1e-12);
        assert!(read.report.notes.contains(&ReadNote::Bipartite { rows: 4, columns: 6 }));
    }
    if let Some(read) = read_with("unsigned.mtx", &plain) {
        let graph = read.unwrap().graph;
        assert_eq!((graph.graph().node_count(), graph.graph().edge_count()), (6, 12));
        let degrees: Vec<f64> = (0..6).map(|u| graph.graph().degree(u)).collect();
        assert_eq!(degrees, [3.0, 2.0, 2.0, 5.0, 6.0, 4.0]);
        assert_eq!(graph.label(0), "1");
    }
    if let Some(read) = read_with("a.npz", &plain) {
        let read = read.unwrap();
        let graph = read.graph.graph();
        assert_eq!((graph.node_count(), graph.total_volume().to_bits() > 0), (6, true));
        assert_eq!(graph.neighbor_ids(0), [3, 4, 5]);
        assert!((graph.degree(1) - (0.273_049_97 + 0.783_314_47)).abs() < 1e-7);
    }
    if let Some(text) = said("asym.smat", &plain) {
        assert!(
            text.contains("asym.smat, line 4: node 1 -> node 2 has weight 1 but its reverse has 0"),
            "{text}"
        );
        assert!(text.contains("Symmetrize::Max"), "{text}");
    }
    expect("asym.smat", &max(), &[("0", "1", 1.0), ("1", "2", 1.0)]);
}

#[test]
fn formats_of_other_programs() {
    let plain = ReadOptions::default();
    expect("metis.graph", &plain, &[("1", "2", 1.0), ("2", "3", 1.0)]);
    if let Some(read) = expect("p.net", &plain, &[("0", "1", 1.0), ("1", "2", 1.0), ("2", "3", 1.0)]) {
        assert_eq!(unused(&read), ["what follows the labels of vertices (coordinates, shapes)"]);
    }
    if let Some(read) = read_with("karate.gml", &plain) {
        let read = read.unwrap();
        assert_eq!((read.report.nodes, read.report.edges), (34, 78));
        assert_eq!(read.graph.label(33), "33");
        assert_eq!(unused(&read), ["\"club\" of nodes", "\"name\" of the graph"]);
    }
}

#[test]
fn graphml_weights_are_found_or_refused() {
    let plain = ReadOptions::default();
    if let Some(text) = said("cytoscape-export.graphml", &plain) {
        assert!(text.contains("cytoscape-export.graphml, line 1: weight -0.5"), "{text}");
    }
    let unweighted = ReadOptions { weights: WeightColumn::Ignore, ..ReadOptions::default() };
    if let Some(read) = expect("cytoscape-export.graphml", &unweighted, &[("1", "2", 1.0), ("2", "3", 1.0)]) {
        assert_eq!(unused(&read), ["key \"weight\" (\"weight\", for node)"]);
    }
    expect("nx_intfloat.graphml", &plain, &[("a", "b", 1.0), ("b", "c", 2.5)]);
}

#[test]
fn every_file_is_read_or_says_where_it_is_wrong() {
    let Some(folder) = data_path("odd-graphs") else { return };
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 22);
    for path in files {
        for format in Format::all() {
            for options in [ReadOptions::default(), max()] {
                match kiln_graph::io::read_labelled_with(&path, format, &options) {
                    Ok(read) => {
                        assert_eq!(read.graph.labels().len(), read.report.nodes);
                        assert_eq!(read.graph.graph().edge_count(), read.report.edges);
                    }
                    Err(GraphError::Parse { path: Some(_), line, .. }) => assert!(line > 0),
                    Err(other) => panic!("{}, {format}: {other:?}", path.display()),
                }
                let _ = read_graph_with(&path, format, &options);
            }
        }
    }
}
