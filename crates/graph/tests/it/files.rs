//! Files: compression, the binary format, names beside a format of numbers, what is left when writing fails.

use std::io::Write;

use kiln_graph::io::{ReadOptions, open_binary, read_labelled, write_binary, write_graph, write_labelled};
use kiln_graph::{CsrGraph, GraphError, LabelledGraph, NodeLabels};

#[test]
fn compressed_files() {
    let folder = tempfile::tempdir().unwrap();
    let graph = CsrGraph::from_weighted_edges(3, [(0, 1, 0.1), (1, 2, 2.0)]).unwrap();
    let named = LabelledGraph::new(graph, NodeLabels::new(["a", "b c", "d"]).unwrap()).unwrap();
    for name in [
        "g.csv.gz",
        "g.tsv.bz2",
        "g.txt.zst",
        "g.graphml.zst",
        "g.kiln",
        "g.kiln.gz",
        "g.kiln.bz2",
        "g.gml.gz",
    ] {
        let path = folder.path().join(name);
        write_labelled(&named, &path).unwrap();
        let plain = read_labelled(&path, &ReadOptions::default()).unwrap();
        assert_eq!(plain.graph, named, "{name}");
        let bytes = std::fs::read(&path).unwrap();
        if name == "g.kiln" {
            continue;
        }
        let damaged = folder.path().join(format!("damaged-{name}"));
        std::fs::write(&damaged, &bytes[..bytes.len() - 5]).unwrap();
        let error = read_labelled(&damaged, &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, GraphError::Io { path: Some(_), .. }), "{name}: {error:?}");
        // Zeros are padding, anything else is something that would be lost.
        std::fs::write(&damaged, [&bytes[..], &[0; 600]].concat()).unwrap();
        assert_eq!(read_labelled(&damaged, &ReadOptions::default()).unwrap().graph, named, "{name}");
        std::fs::write(&damaged, [&bytes[..], b"c d\n"].concat()).unwrap();
        let error = read_labelled(&damaged, &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.contains("the compressed data ends before the file does"), "{name}: {error}");
    }
    let path = folder.path().join("members.txt");
    let packed = |text: &str| {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    std::fs::write(&path, [packed("a b\n"), packed("b c\n")].concat()).unwrap();
    assert_eq!(read_labelled(&path, &ReadOptions::default()).unwrap().report.edges, 2);
    std::fs::write(&path, b"\xff\xfea\0 \0b\0\n\0").unwrap();
    assert!(read_labelled(&path, &ReadOptions::default()).unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn the_binary_file_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.kiln");
    let graph = CsrGraph::from_weighted_edges(4, [(0, 1, 0.1), (1, 2, 2.0), (3, 3, 1.0)]).unwrap();
    let labels = [
        NodeLabels::new(["a", "b", "c", "d"]).unwrap(),
        NodeLabels::new(["1", "5", "7", "90"]).unwrap(),
        NodeLabels::counted(1, 4),
        NodeLabels::sides(1, 3),
    ];
    for labels in labels {
        for graph in [graph.clone(), graph.without_weights()] {
            let named = LabelledGraph::new(graph, labels.clone()).unwrap();
            write_binary(&named, &path).unwrap();
            let opened = open_binary(&path).unwrap();
            assert_eq!(opened, named);
            for (node, label) in labels.iter().enumerate() {
                assert_eq!(opened.id(&label), Some(node as u64));
            }
            assert_eq!(opened.id("nobody"), None);
            assert_eq!(read_labelled(&path, &ReadOptions::default()).unwrap().graph, named);
        }
    }
    let empty = LabelledGraph::new(CsrGraph::from_edges(0, []).unwrap(), NodeLabels::counted(0, 0)).unwrap();
    write_binary(&empty, &path).unwrap();
    assert_eq!(open_binary(&path).unwrap(), empty);
    let named = LabelledGraph::new(graph, NodeLabels::new(["a", "b", "c", "d"]).unwrap()).unwrap();
    write_binary(&named, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.kiln");
    let mut unseen = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&damaged, &changed).unwrap();
        match open_binary(&damaged) {
            Err(GraphError::Parse { path: Some(_), .. }) => {}
            Ok(graph) => {
                // Only the padding between sections is not in a checksum.
                assert_eq!(graph, named);
                unseen += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(unseen < 6 * 64, "{unseen}");
    for length in [0, 7, 100, 255, 256, bytes.len() - 1] {
        std::fs::write(&damaged, &bytes[..length]).unwrap();
        assert!(open_binary(&damaged).is_err(), "{length}");
    }
    assert!(open_binary(folder.path().join("nowhere.kiln")).is_err());
}

#[test]
fn names_stand_beside_a_format_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let graph = CsrGraph::from_weighted_edges(4, [(0, 1, 0.5), (1, 2, 2.0)]).unwrap();
    let named = LabelledGraph::new(graph.clone(), NodeLabels::new(["a b", "#", "", "7"]).unwrap()).unwrap();
    for name in ["g.mtx", "g.smat", "G.GRAPH.GZ", "g.dimacs.bz2"] {
        let path = folder.path().join(name);
        let names = write_labelled(&named, &path).unwrap().unwrap();
        assert!(names.ends_with(format!(
            "{}.names",
            name.split_inclusive('.').take(2).collect::<String>().trim_end_matches('.')
        )));
        assert_eq!(std::fs::read_to_string(&names).unwrap(), "a b\n#\n\n7\n");
        let read = read_labelled(&path, &ReadOptions::default()).unwrap();
        assert_eq!(read.graph, named, "{name}");
        assert!(read.report.to_string().contains(".names"), "{}", read.report);
        // Line ends of Windows are no part of a name.
        std::fs::write(&names, "a b\r\n#\r\n\r\n7").unwrap();
        assert_eq!(read_labelled(&path, &ReadOptions::default()).unwrap().graph, named, "{name}");
        for (text, line, words) in [
            ("a\nb\nc\n", 3, "3 names for the 4 nodes of"),
            ("a\nb\nc\nd\ne\n", 5, "more names for the 4 nodes of"),
            ("a\nb\na\nd\n", 3, "\"a\" is the name of an earlier node"),
        ] {
            std::fs::write(&names, text).unwrap();
            match read_labelled(&path, &ReadOptions::default()).unwrap_err() {
                GraphError::Parse { path: Some(file), line: at, message } => {
                    assert_eq!((file, at), (names.clone(), line), "{text:?}");
                    assert!(message.contains(words), "{message}");
                }
                other => panic!("{other}"),
            }
        }
        // What would be taken for the names of another graph is not left there in silence.
        let numbered =
            LabelledGraph::new(graph.clone(), NodeLabels::counted(u64::from(name != "g.smat"), 4)).unwrap();
        let error = write_labelled(&numbered, &path).unwrap_err().to_string();
        assert!(error.contains(".names would be taken for its names"), "{error}");
        assert!(write_graph(&graph, &path).is_err());
        std::fs::remove_file(&names).unwrap();
        assert_eq!(write_labelled(&numbered, &path).unwrap(), None);
        write_graph(&graph, &path).unwrap();
        assert_eq!(read_labelled(&path, &ReadOptions::default()).unwrap().graph, numbered);
    }
    // Numbers that are not the format's own are names too.
    let path = folder.path().join("five.mtx");
    let five = LabelledGraph::new(graph.clone(), NodeLabels::counted(5, 4)).unwrap();
    assert!(write_labelled(&five, &path).unwrap().is_some());
    assert_eq!(read_labelled(&path, &ReadOptions::default()).unwrap().graph, five);
    let broken = LabelledGraph::new(graph, NodeLabels::new(["a", "b\nc", "d", "e"]).unwrap()).unwrap();
    let error = write_labelled(&broken, folder.path().join("b.mtx")).unwrap_err().to_string();
    assert!(error.contains("line break"), "{error}");
    assert!(!folder.path().join("b.mtx").exists());
}

/// A file is replaced once all is written: a graph that is mapped from it stays whole, and so does the old file if
/// something fails.
#[test]
fn files_are_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let graph = CsrGraph::from_edges(3, [(0, 1), (1, 2), (2, 2)]).unwrap();
    let named = LabelledGraph::new(graph, NodeLabels::new(["a", "b", "c"]).unwrap()).unwrap();
    let path = folder.path().join("g.kiln");
    write_labelled(&named, &path).unwrap();
    let opened = open_binary(&path).unwrap();
    write_labelled(&opened, &path).unwrap();
    write_binary(&opened, &path).unwrap();
    assert_eq!((open_binary(&path).unwrap(), &opened), (named.clone(), &named));
    // METIS holds no self-loops.
    let path = folder.path().join("g.graph");
    std::fs::write(&path, "before").unwrap();
    assert!(write_labelled(&named, &path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["g.graph", "g.kiln"]);
}

#[test]
fn names_that_a_format_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let graph = CsrGraph::from_edges(2, [(0, 1)]).unwrap();
    let named =
        |names: [&str; 2]| LabelledGraph::new(graph.clone(), NodeLabels::new(names).unwrap()).unwrap();
    for name in ["g.gexf", "g.npz"] {
        let error = write_labelled(&named(["a", "b"]), folder.path().join(name)).unwrap_err();
        assert!(matches!(error, GraphError::NotWritable { .. }), "{name}: {error}");
    }
    assert!(write_labelled(&named(["a b", "c"]), folder.path().join("g.ncol")).is_err());
    assert!(write_labelled(&named(["a\"", "c"]), folder.path().join("g.net")).is_err());
    assert!(write_labelled(&named(["a\u{1}", "c"]), folder.path().join("g.graphml")).is_err());
    assert!(matches!(NodeLabels::new(["a", "a"]), Err(GraphError::DuplicateLabel { .. })));
    let error = named(["Alice", "Bob"]).node("alice").unwrap_err().to_string();
    assert_eq!(error, "no node is called \"alice\": did you mean Alice?");
}
