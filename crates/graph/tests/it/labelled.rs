//! Names in, names out: every format that holds names, options of tables, compression, the binary file.

use std::fmt::Write as _;

use kiln_graph::io::{
    Column, Columns, Format, Header, NodeNames, Read, ReadNote, ReadOptions, WeightColumn, read_edge_list,
    read_labelled, read_labelled_from, read_labelled_with, write_labelled,
};
use kiln_graph::{Adjacency, CsrGraph, GraphError, LabelledGraph, NodeLabels, Result, Symmetrize};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

fn table(text: &str, options: &ReadOptions) -> Result<Read> {
    read_labelled_from(text.as_bytes(), Format::EdgeList, options)
}

fn edges(read: &Read) -> Vec<(String, String, f64)> {
    let name = |u| read.graph.label(u).into_owned();
    read.graph.graph().edges().map(|(u, v, weight)| (name(u), name(v), weight)).collect()
}

#[track_caller]
fn expect(text: &str, options: &ReadOptions, expected: &[(&str, &str, f64)]) -> Read {
    let read = table(text, options).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let expected: Vec<_> = expected.iter().map(|&(u, v, w)| (u.to_owned(), v.to_owned(), w)).collect();
    assert_eq!(edges(&read), expected, "{text:?}");
    read
}

fn said(format: Format, text: &str, options: &ReadOptions) -> String {
    read_labelled_from(text.as_bytes(), format, options).expect_err(text).to_string()
}

/// Edges as a set of names, each pair in order.
fn named_edges(graph: &LabelledGraph) -> Vec<(String, String, u64)> {
    let mut all: Vec<_> = graph
        .graph()
        .edges()
        .map(|(u, v, weight)| {
            let (u, v) = (graph.label(u).into_owned(), graph.label(v).into_owned());
            (u.clone().min(v.clone()), u.max(v), weight.to_bits())
        })
        .collect();
    all.sort();
    all
}

#[test]
fn names_of_tables() {
    let plain = ReadOptions::default();
    expect("a b\nb c\n", &plain, &[("a", "b", 1.0), ("b", "c", 1.0)]);
    expect("http://x/#1 http://x/#2\n", &plain, &[("http://x/#1", "http://x/#2", 1.0)]);
    expect("New York\tLos Angeles\t2\n", &plain, &[("New York", "Los Angeles", 2.0)]);
    expect("\"a, b\",\"say \"\"hi\"\"\"\n", &plain, &[("a, b", "say \"hi\"", 1.0)]);
    expect(
        "x,\"two\nlines\"\n\"two\nlines\",y\n",
        &plain,
        &[("x", "two\nlines", 1.0), ("two\nlines", "y", 1.0)],
    );
    expect("007 7\n7 07\n", &plain, &[("007", "7", 1.0), ("7", "07", 1.0)]);
    expect("-1 0\n", &plain, &[("-1", "0", 1.0)]);
    let big = "18446744073709551615 3\n3 9\n";
    expect(big, &plain, &[("3", "9", 1.0), ("3", "18446744073709551615", 1.0)]);
    expect("99999999999999999999 3\n", &plain, &[("99999999999999999999", "3", 1.0)]);
    expect("5 1\n1 b\n", &plain, &[("5", "1", 1.0), ("1", "b", 1.0)]);
    expect("a;b;0.5\nb;c;1.5\n", &plain, &[("a", "b", 0.5), ("b", "c", 1.5)]);
    expect("ü|é\n", &plain, &[("ü", "é", 1.0)]);
    let arrow = ReadOptions { separator: Some('→'), ..ReadOptions::default() };
    expect("a → b\n", &arrow, &[("a", "b", 1.0)]);
    let node_count = ReadOptions { node_count: Some(5), one_based: true, ..ReadOptions::default() };
    let read = expect("1 2\n2 4\n", &node_count, &[("1", "2", 1.0), ("2", "4", 1.0)]);
    assert_eq!((read.graph.graph().node_count(), read.graph.id("5")), (5, Some(4)));
    // A quote that is never closed is found at its own line.
    let open = format!("a,b\nc,\"d\n{}", "x,y\n".repeat(3000));
    assert!(said(Format::EdgeList, &open, &plain).starts_with("line 2: a field opens with a quote"));
    let letters = ReadOptions { quote: None, ..ReadOptions::default() };
    expect("a,\"b\n", &letters, &[("a", "\"b", 1.0)]);
}

#[test]
fn headers_and_columns() {
    let plain = ReadOptions::default();
    let path = [("a", "b", 1.0), ("b", "c", 1.0)];
    expect("Source\tTarget\na\tb\nb\tc\n", &plain, &path);
    expect("# FromNodeId\tToNodeId\na\tb\nb\tc\n", &plain, &path);
    expect("person,friend,w\n1,2,3\n", &plain, &[("1", "2", 3.0)]);
    expect(",source,target,weight\n0,a,b,2\n1,b,c,3\n", &plain, &[("a", "b", 2.0), ("b", "c", 3.0)]);
    // As R writes it, with names of rows and none for their column.
    expect("\"source\" \"target\"\n\"1\" \"a\" \"b\"\n\"2\" \"b\" \"c\"\n", &plain, &path);
    let present = ReadOptions { header: Header::Present, ..ReadOptions::default() };
    expect("x,y\na,b\nb,c\n", &present, &path);
    let absent = ReadOptions { header: Header::Absent, ..ReadOptions::default() };
    expect("source,target\n", &absent, &[("source", "target", 1.0)]);
    let name = |name: &str| Some(Column::Name(name.to_owned()));
    let columns = Columns { source: name("who"), target: name("whom"), weight: name("times") };
    let options = ReadOptions { columns, header: Header::Present, ..ReadOptions::default() };
    let read = expect("id,who,whom,times\n7,a,b,3\n8,b,c,4\n", &options, &[("a", "b", 3.0), ("b", "c", 4.0)]);
    assert!(read.report.to_string().contains("warning: column \"id\" not used"), "{}", read.report);
    let text = said(Format::EdgeList, "who,whom\na,b\n", &options);
    assert!(text.starts_with("line 1: there is no column \"times\": the columns are who, whom"), "{text}");
    let columns = Columns { source: Some(Column::Number(3)), target: Some(Column::Number(1)), weight: None };
    let options = ReadOptions { columns, weights: WeightColumn::Ignore, ..ReadOptions::default() };
    expect("b 1 a\nc 2 b\n", &options, &[("a", "b", 1.0), ("b", "c", 1.0)]);
    // A name that looks like a number elsewhere is no header.
    expect("a 1\nb 2\n", &plain, &[("a", "1", 1.0), ("b", "2", 1.0)]);
}

#[test]
fn data_of_networkx() {
    let plain = ReadOptions::default();
    let text = "a b {'weight': 2.0, 'tags': ['x, y', {'z': 1}]}\nb c {'weight': 3}\nc d {}\n";
    let read = expect(text, &plain, &[("a", "b", 2.0), ("b", "c", 3.0), ("c", "d", 1.0)]);
    assert!(read.report.to_string().contains("data \"tags\" not used (1 place)"), "{}", read.report);
    expect("a,b,{\"weight\": 2.0}\n", &plain, &[("a", "b", 2.0)]);
    let text = said(Format::EdgeList, "a b {'weight': 2.0}\nb c {'weight'}\n", &plain);
    assert!(text.starts_with("line 2: expected data such as"), "{text}");
    assert!(said(Format::EdgeList, "a b {'weight': -1}\n", &plain).starts_with("line 1: weight -1"));
}

#[test]
fn directed_and_bipartite_tables() {
    let plain = ReadOptions::default();
    let max = ReadOptions { symmetrize: Some(Symmetrize::Max), ..ReadOptions::default() };
    let gephi = "Source,Target,Type,Weight\na,b,Directed,1\nb,a,Directed,3\n";
    assert!(said(Format::EdgeList, gephi, &plain).contains("Symmetrize::Max"));
    let read = expect(gephi, &max, &[("a", "b", 3.0)]);
    assert!(read.report.notes.contains(&ReadNote::Undirected { count: 2 }));
    let mixed = "Source,Target,Type\na,b,Directed\nb,a,Undirected\n";
    assert!(said(Format::EdgeList, mixed, &max).contains("mixed"));
    assert!(said(Format::EdgeList, "% asym unweighted\n1 2\n", &plain).contains("Symmetrize"));
    expect("% asym unweighted\n1 2\n2 1\n", &max, &[("1", "2", 1.0)]);
    let bip = "% bip unweighted\n1 1\n1 2\n2 2\n";
    let read = expect(bip, &plain, &[("r1", "c1", 1.0), ("r1", "c2", 1.0), ("c2", "r2", 1.0)]);
    assert!(read.report.notes.contains(&ReadNote::Bipartite { rows: 2, columns: 2 }));
    let bipartite = ReadOptions { bipartite: true, ..ReadOptions::default() };
    let graph = read_edge_list("0 0\n0 1\n1 1\n".as_bytes(), &bipartite).unwrap();
    assert_eq!(graph.edges().collect::<Vec<_>>(), [(0, 2, 1.0), (0, 3, 1.0), (1, 3, 1.0)]);
    let read = table("0 1\n1 0\n0 1\n", &plain).unwrap();
    assert!(read.report.notes.contains(&ReadNote::Repeated { count: 2 }), "{}", read.report);
}

#[test]
fn a_table_of_many_pieces_is_read_as_one() {
    // Longer than several pieces, with a field that crosses lines and a name late in a file of numbers.
    let count = 400_000_u64;
    let mut text = String::new();
    for u in 0..count {
        writeln!(text, "{u},{}", (u * 7919) % count).unwrap();
    }
    let numbers = table(&text, &ReadOptions::default()).unwrap().graph;
    assert_eq!(numbers.labels(), &NodeLabels::counted(0, count));
    let expected = CsrGraph::from_edges(count, (0..count).map(|u| (u, (u * 7919) % count))).unwrap();
    assert_eq!(numbers.graph(), &expected);
    assert_eq!(read_edge_list(text.as_bytes(), &ReadOptions::default()).unwrap(), expected);
    text.push_str("\"last\nname\",0\n");
    let named = table(&text, &ReadOptions::default()).unwrap().graph;
    assert_eq!(named.graph().edge_count(), expected.edge_count() + 1);
    for (u, v, weight) in expected.edges().step_by(1009) {
        let (u, v) = (named.id(&u.to_string()).unwrap(), named.id(&v.to_string()).unwrap());
        let mut found = 0.0;
        named.graph().neighbors(u, |other, w| {
            if other == v {
                found = w;
            }
        });
        assert_eq!(found, weight);
    }
    let broken = format!("{text}a,b,c\n");
    let message = table(&broken, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with(&format!("line {}: expected 2 columns", count + 3)), "{message}");
    // Quoted fields with line breaks everywhere, so that pieces begin inside fields.
    let cell = format!("\"{}\n{}\"", "x".repeat(40), "y".repeat(40));
    let mut text = String::from("source,target,text\n");
    for u in 0..60_000 {
        writeln!(text, "{u},{},{cell}", (u + 1) % 60_000).unwrap();
    }
    let ring = table(&text, &ReadOptions::default()).unwrap().graph;
    assert_eq!((ring.graph().node_count(), ring.graph().edge_count()), (60_000, 60_000));
}

#[test]
fn graph_formats_with_names() {
    let plain = ReadOptions::default();
    let read = |format, text: &str| read_labelled_from(text.as_bytes(), format, &plain).unwrap();
    let gexf = "<gexf><graph defaultedgetype='undirected'><nodes><node id='0' label='a&amp;b'/>\n\
        <node id='1' label='c'/></nodes><edges><edge source='0' target='1' weight='2.5'><viz:color r='1'/></edge>\
        </edges></graph></gexf>";
    let found = read(Format::Gexf, gexf);
    assert_eq!(edges(&found), [("a&b".to_owned(), "c".to_owned(), 2.5)]);
    assert!(found.report.to_string().contains("<color> not used"), "{}", found.report);
    let ids = ReadOptions { names: NodeNames::Id, ..ReadOptions::default() };
    let found = read_labelled_from(gexf.as_bytes(), Format::Gexf, &ids).unwrap();
    assert_eq!(found.graph.label(1), "1");
    let igraph = "<graphml><key id='v_name' for='node' attr.name='name'/><graph edgedefault='undirected'>\
        <node id='n0'><data key='v_name'>Ann</data></node><node id='n1'><data key='v_name'>Bob</data></node>\
        <edge source='n0' target='n1'/></graph></graphml>";
    assert_eq!(edges(&read(Format::GraphMl, igraph)), [("Ann".to_owned(), "Bob".to_owned(), 1.0)]);
    let twice = igraph.replace("Bob", "Ann");
    let found = read(Format::GraphMl, &twice);
    assert_eq!(found.graph.label(1), "n1");
    assert!(found.report.to_string().contains("two nodes have the label \"Ann\""), "{}", found.report);
    let value = "<graphml><key id='d0' for='edge' attr.name='strength'/><graph edgedefault='undirected'>\
        <node id='a'/><node id='b'/><edge source='a' target='b'><data key='d0'>4</data></edge></graph></graphml>";
    assert!(
        read(Format::GraphMl, value).report.to_string().contains("\"strength\" (\"d0\", for edge) not used")
    );
    let columns = Columns { weight: Some(Column::Name("strength".to_owned())), ..Columns::default() };
    let options = ReadOptions { columns, ..ReadOptions::default() };
    let found = read_labelled_from(value.as_bytes(), Format::GraphMl, &options).unwrap();
    assert_eq!(found.graph.graph().degree(0), 4.0);
    let capital = value.replace("strength", "Weight");
    assert_eq!(read(Format::GraphMl, &capital).graph.graph().degree(0), 4.0);
    let gml = "graph [ directed 0 node [ id 1 label \"x\" ] node [ id 2 label \"y&#34;\" ]\n\
        edge [ source 1 target 2 value 3 ] ]";
    assert_eq!(edges(&read(Format::Gml, gml)), [("x".to_owned(), "y\"".to_owned(), 3.0)]);
    assert!(
        said(Format::Gml, "graph [ node [ id 1 ] edge [ source 1 ] ]", &plain).contains("without `target`")
    );
    assert!(
        said(Format::Gml, "graph [ directed 1 node [ id 1 ] edge [ source 1 target 1 ] ]", &plain)
            .contains("Symmetrize")
    );
    let arcs = "*Vertices 3\n1 \"a b\"\n2 c\n*Arcs\n1 2 5 l \"x\"\n";
    assert!(said(Format::Pajek, arcs, &plain).contains("Symmetrize"));
    let edges_list = "*vertices 3\n*edgeslist\n1 2 3\n";
    let found = read(Format::Pajek, edges_list);
    assert_eq!(edges(&found), [("1".to_owned(), "2".to_owned(), 1.0), ("1".to_owned(), "3".to_owned(), 1.0)]);
    let matrix = "*Vertices 2\n1 a\n2 b\n*Matrix\n0 2\n2 0\n";
    assert_eq!(edges(&read(Format::Pajek, matrix)), [("a".to_owned(), "b".to_owned(), 2.0)]);
    let dimacs = "c hello\np edge 3 2\nn 1 1\ne 1 2\ne 2 3\n";
    let found = read(Format::Dimacs, dimacs);
    assert_eq!((found.report.edges, found.graph.id("3")), (2, Some(2)));
    assert!(
        said(Format::Dimacs, "p sp 2 1\na 1 2 5\n", &plain).contains("line 2: node 1 -> node 2 has weight 5")
    );
    let metis = "% c\n3 2 011 2\n9 9 2 5\n8 8 1 5 3 7\n7 7 2 7\n";
    let found = read(Format::Metis, metis);
    assert_eq!(found.graph.graph().degree(1), 12.0);
    assert!(found.report.to_string().contains("weights of nodes not used"), "{}", found.report);
    assert!(said(Format::Metis, "2 1\n2\n\n", &plain).contains("line 2: node 1 -> node 2 has weight 1"));
    assert!(said(Format::Metis, "3 1\n2\n1\n", &plain).contains("2 of 3 declared nodes"));
    let ncol = read(Format::Ncol, "#a \"b\n\"b c\n");
    assert_eq!(ncol.graph.label(0), "#a");
}

#[test]
fn matrix_market_of_the_network_repository() {
    let read =
        |text: &str| read_labelled_from(text.as_bytes(), Format::MatrixMarket, &ReadOptions::default());
    let valued = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1 4\n3 1 5\n";
    let found = read(valued).unwrap();
    assert_eq!(found.graph.graph().degree(0), 9.0);
    assert!(found.report.has_warnings());
    let both = "%%MatrixMarket matrix coordinate integer symmetric\n2 2 2\n1 2 3\n2 1 3\n";
    assert_eq!(read(both).unwrap().graph.graph().degree(0), 3.0);
    let upper = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n1 2\n3 1\n";
    assert_eq!(read(upper).unwrap().graph.graph().edge_count(), 2);
    let error =
        read("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 3\n").unwrap_err().to_string();
    assert!(error.contains("line 3: node 1 -> node 2 has weight 3 but its reverse has 0:"), "{error}");
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,4}",
        "[0-9]{1,12}",
        "\\PC{1,6}",
        "[ ,;|\"'#%/{}\t\n=&<>-]{1,4}",
        Just("source".to_owned()),
        Just("\"target\"".to_owned()),
    ]
}

proptest! {
    #[test]
    fn names_come_back(
        names in btree_set(any_name(), 2..12),
        ends in vec((0..12_usize, 0..12_usize, 0.1..4.0_f64), 1..30),
        weighted in any::<bool>(),
        shuffle in any::<u64>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut names: Vec<String> = names.into_iter().collect();
        let turn = shuffle as usize % names.len();
        names.rotate_left(turn);
        let n = names.len();
        let edges = ends.iter().map(|&(u, v, w)| ((u % n) as u64, (v % n) as u64, if weighted { w } else { 1.0 }));
        let graph = CsrGraph::from_weighted_edges(n as u64, edges).unwrap();
        let named = LabelledGraph::new(graph, NodeLabels::new(&names).unwrap()).unwrap();
        let all = [
            "g.csv", "g.tsv", "g.txt", "g.graphml", "g.gml", "g.net", "g.ncol", "g.kiln", "g.mtx", "h.smat", "i.col",
        ];
        for name in all {
            let path = folder.path().join(name);
            match write_labelled(&named, &path) {
                Ok(_) => {
                    let read = read_labelled(&path, &ReadOptions::default());
                    let read = read.unwrap_or_else(|error| panic!("{error}\n{:?}", std::fs::read_to_string(&path)));
                    prop_assert_eq!(named_edges(&read.graph), named_edges(&named), "{}", name);
                    // Formats that list nodes keep those without edges, and their order.
                    if !matches!(name, "g.csv" | "g.tsv" | "g.txt" | "g.ncol") {
                        prop_assert_eq!(read.graph.labels(), named.labels(), "{}", name);
                        prop_assert_eq!(read.graph.graph(), named.graph());
                    }
                }
                Err(GraphError::NotWritable { .. }) => {
                    prop_assert!(!matches!(name, "g.csv" | "g.tsv" | "g.txt" | "g.kiln"));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..200), text in "\\PC{0,120}", mode in 0..3_u8) {
        let symmetrize = [None, Some(Symmetrize::Sum), Some(Symmetrize::Reject)][mode as usize];
        let options = ReadOptions { symmetrize, ..ReadOptions::default() };
        for format in Format::all() {
            for bytes in [&bytes[..], text.as_bytes()] {
                if let Ok(read) = read_labelled_from(bytes, format, &options) {
                    prop_assert_eq!(read.graph.labels().len(), read.graph.graph().node_count());
                }
            }
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0..10_usize,
        changes in vec((any::<usize>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let edges = [(0, 1, 0.5), (1, 2, 2.0), (2, 4, 1e300), (0, 4, 1e-300)];
        let graph = CsrGraph::from_weighted_edges(5, edges).unwrap();
        let named = LabelledGraph::new(graph, NodeLabels::counted(1, 5)).unwrap();
        let of_numbers = ["g.mtx", "g.graph", "g.dimacs"];
        let of_names = ["g.csv", "g.tsv", "g.graphml", "g.gml", "g.net", "g.ncol", "g.kiln"];
        let name = [&of_names[..], &of_numbers].concat()[which];
        let path = folder.path().join(name);
        write_labelled(&named, &path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, byte, kind) in changes {
            let at = at % bytes.len().max(1);
            match kind {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let format = Format::from_path(&path).unwrap();
        if let Ok(read) = read_labelled_with(&path, format, &ReadOptions::default()) {
            prop_assert!(read.graph.graph().total_volume().is_finite());
        }
    }
}
