//! Readers and writers: round trips, bad files, byte soup.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use kiln_graph::io::{
    Format, ReadOptions, WeightColumn, read_edge_list, read_graph, read_graph_with, read_graphml,
    read_labelled_from, read_matrix_market, read_smat, write_edge_list, write_graph, write_graphml,
    write_matrix_market, write_smat,
};
use kiln_graph::{Adjacency, CsrGraph, GraphError, Result, Symmetrize};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::graphs::data_path;

const FORMATS: [Format; 4] = [Format::EdgeList, Format::Smat, Format::MatrixMarket, Format::GraphMl];

fn read(format: Format, bytes: &[u8], options: &ReadOptions) -> Result<CsrGraph> {
    match format {
        Format::EdgeList => read_edge_list(bytes, options),
        Format::Smat => read_smat(bytes, options),
        Format::MatrixMarket => read_matrix_market(bytes, options),
        Format::GraphMl => read_graphml(bytes, options).map(|(graph, _)| graph),
        other => read_labelled_from(bytes, other, options).map(|read| read.graph.into_parts().0),
    }
}

fn write(format: Format, graph: &CsrGraph) -> Vec<u8> {
    let mut bytes = Vec::new();
    match format {
        Format::EdgeList => write_edge_list(graph, &mut bytes),
        Format::Smat => write_smat(graph, &mut bytes),
        Format::MatrixMarket => write_matrix_market(graph, &mut bytes),
        Format::GraphMl => write_graphml(graph, &mut bytes),
        other => panic!("{other} is written by name"),
    }
    .unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain(format: Format, text: &str) -> Result<CsrGraph> {
    read(format, text.as_bytes(), &ReadOptions::default())
}

/// The line and the message of a parse error.
fn complaint(format: Format, text: &str) -> (u64, String) {
    match plain(format, text) {
        Err(GraphError::Parse { line, message, .. }) => (line, message),
        other => panic!("{text:?}: expected a parse error, found {other:?}"),
    }
}

fn weighted_graph() -> impl Strategy<Value = CsrGraph> {
    // Any positive finite bits that cannot overflow: denormals, 1e-300, 0.1, ...
    let weight = any::<u64>()
        .prop_map(|bits| f64::from_bits(bits >> 1))
        .prop_filter("too large", |w| w.is_finite() && *w < 1e290);
    vec((0..20_u64, 0..20_u64, weight), 0..40)
        .prop_map(|edges| CsrGraph::from_weighted_edges(20, edges).unwrap())
}

fn unweighted_graph() -> impl Strategy<Value = CsrGraph> {
    vec((0..20_u64, 0..20_u64), 0..40).prop_map(|edges| CsrGraph::from_simple_edges(20, edges).unwrap())
}

#[derive(Debug, Clone)]
enum Change {
    Flip(usize, u8),
    Delete(usize),
    Insert(usize, u8),
    Truncate(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    // Digits and separators as well as any byte: most random bytes only hit the first check.
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"0123456789 .,-e\n<>/\"=%#".to_vec())];
    let change = prop_oneof![
        4 => (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        4 => any::<usize>().prop_map(Change::Delete),
        4 => (any::<usize>(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<usize>().prop_map(Change::Truncate),
    ];
    vec(change, 1..6)
}

fn apply(bytes: &mut Vec<u8>, changes: &[Change]) {
    for change in changes {
        let len = bytes.len().max(1);
        match *change {
            Change::Flip(at, bits) if !bytes.is_empty() => bytes[at % len] ^= bits,
            Change::Delete(at) if !bytes.is_empty() => drop(bytes.remove(at % len)),
            Change::Insert(at, byte) => bytes.insert(at % len, byte),
            Change::Truncate(at) => bytes.truncate(at % len),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn round_trips_are_bit_exact(weighted in weighted_graph(), unweighted in unweighted_graph()) {
        let options = ReadOptions { node_count: Some(20), ..ReadOptions::default() };
        for graph in [weighted, unweighted] {
            for format in FORMATS {
                let bytes = write(format, &graph);
                prop_assert_eq!(&read(format, &bytes, &options).unwrap(), &graph);
                prop_assert_eq!(&read(format, &gzip(&bytes), &options).unwrap(), &graph);
            }
        }
    }

    #[test]
    fn byte_soup_never_panics(bytes in vec(any::<u8>(), 0..300)) {
        for format in FORMATS {
            // Random bytes are no graph but for a few short texts, such as a comment.
            let _ = read(format, &bytes, &ReadOptions::default());
            let _ = read(format, &gzip(&bytes), &ReadOptions::default());
        }
    }

    #[test]
    fn damaged_files_never_panic(graph in weighted_graph(), changes in changes(), mode in 0..3_u8) {
        let symmetrize = [None, Some(Symmetrize::Sum), Some(Symmetrize::Reject)][mode as usize];
        let options = ReadOptions { symmetrize, ..ReadOptions::default() };
        for format in FORMATS {
            let mut bytes = write(format, &graph);
            let mut packed = gzip(&bytes);
            apply(&mut bytes, &changes);
            apply(&mut packed, &changes);
            for bytes in [&bytes, &packed] {
                if let Ok(graph) = read(format, bytes, &options) {
                    prop_assert!(graph.total_volume().is_finite());
                }
            }
        }
    }

    #[test]
    fn a_truncated_file_is_an_error(graph in weighted_graph(), keep in 0.0..1.0_f64) {
        prop_assume!(graph.edge_count() > 0);
        let cut = |bytes: &[u8]| bytes[..(keep * bytes.len() as f64) as usize].to_vec();
        for format in FORMATS {
            let bytes = write(format, &graph);
            let packed = cut(&gzip(&bytes));
            prop_assert!(packed.is_empty() && format == Format::EdgeList
                || read(format, &packed, &ReadOptions::default()).is_err());
            // An edge list does not say where it ends, and a last digit may be missing anywhere.
            let last_line = bytes.trim_ascii_end().iter().rposition(|&byte| byte == b'\n').unwrap();
            let cut = cut(&bytes);
            if format != Format::EdgeList && cut.len() <= last_line {
                prop_assert!(read(format, &cut, &ReadOptions::default()).is_err());
            }
        }
    }
}

#[test]
fn edge_list_dialects() {
    let triangle = CsrGraph::from_edges(3, [(0, 1), (1, 2), (0, 2)]).unwrap();
    for text in [
        "0 1\n1 2\n0 2\n",
        "\u{feff}# comment\r\n0\t1\r\n\r\n% comment\r\n1   2\r\n// comment\r\n0 2",
        "0,1\n1, 2\n0 ,2\n",
        "0;1\n1;2\n2;0\n",
        "0 1 1.0\n1 2 1\n2 0 1e0\n",
        "0 1 0.5\n1 2 1\n2 0 1\n1 0 .5\n0 0 0\n",
    ] {
        assert_eq!(plain(Format::EdgeList, text).unwrap(), triangle, "{text:?}");
    }
    let read_with = |text: &str, options| read(Format::EdgeList, text.as_bytes(), &options);
    let ignore = ReadOptions { weights: WeightColumn::Ignore, ..ReadOptions::default() };
    assert_eq!(read_with("0 1 7\n1 2\n0 2 x y\n", ignore).unwrap(), triangle);
    let bar = ReadOptions { separator: Some('|'), ..ReadOptions::default() };
    assert_eq!(read_with("0|1\n1|2\n0 | 2\n", bar).unwrap(), triangle);
    let required = ReadOptions { weights: WeightColumn::Required, ..ReadOptions::default() };
    assert!(matches!(read_with("0 1\n", required), Err(GraphError::Parse { line: 1, .. })));
    let arcs = |rule| ReadOptions { symmetrize: Some(rule), ..ReadOptions::default() };
    let both = "0 1\n1 0\n1 2\n2 1\n0 2\n2 0\n";
    assert_eq!(read_with(both, arcs(Symmetrize::Reject)).unwrap(), triangle);
    assert_eq!(read_with("0 1\n1 2\n2 1\n0 2\n", arcs(Symmetrize::Max)).unwrap(), triangle);
    let error = read_with("0 1 2\n1 0 3\n", arcs(Symmetrize::Reject)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 1: node 0 -> node 1 has weight 2 but its reverse has 3"), "{text}");
    assert_eq!(plain(Format::EdgeList, "# nothing\n").unwrap().node_count(), 0);
}

#[test]
fn edge_list_errors_name_the_line() {
    let complaint = |text: &str| complaint(Format::EdgeList, text);
    assert_eq!(complaint("0 1\n\n# c\n1 x\n").0, 4);
    assert_eq!(complaint("0 1\n0 1 2\n").0, 2);
    assert_eq!(complaint("0\n").0, 1);
    assert_eq!(complaint("0 1 2 3\n").0, 1);
    assert_eq!(complaint("0,,1\n").0, 1);
    assert_eq!(complaint("0 -1\n").0, 1);
    for weight in ["-1", "NaN", "inf", "1e999", "two"] {
        let (line, message) = complaint(&format!("0 1 1\n1 2 {weight}\n"));
        assert!(line == 2 && message.contains(weight), "{message}");
    }
    let (line, message) = complaint("0 1\n0 2000000\n");
    assert!(line == 2 && message.contains("node_count"), "{message}");
    for huge in [4_294_967_295, 1 << 40, u64::MAX] {
        let error = plain(Format::EdgeList, &format!("0 {huge}\n")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("line 1: node {huge} is too large")), "{text}");
    }
    assert!(complaint("0 18446744073709551616\n").1.contains("node number"));
    let options = ReadOptions { node_count: Some(2), ..ReadOptions::default() };
    let error = read(Format::EdgeList, b"0 1\n1 2\n", &options).unwrap_err();
    assert!(error.to_string().contains("line 2: node 2 is not one of the 2"), "{error}");
    let options = ReadOptions { node_count: Some(3_000_000), ..ReadOptions::default() };
    assert_eq!(read(Format::EdgeList, b"0 2000000\n", &options).unwrap().node_count(), 3_000_000);
    let endless = vec![b'1'; 3 << 20];
    let error = read_edge_list(endless.as_slice(), &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("1 MiB"), "{error}");
    let error = read_edge_list(&b"0 1\n\xff\xfe\n"[..], &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, GraphError::Parse { line: 2, .. }));
    let error = plain(Format::EdgeList, "0 1 1e308\n0 1 1e308\n").unwrap_err();
    assert!(error.to_string().contains("line 1: the edge weights sum to infinity"), "{error}");
}

#[test]
fn smat_dialects_and_errors() {
    let path = CsrGraph::from_weighted_edges(3, [(0, 1, 2.0), (1, 2, 1.0), (2, 2, 4.0)]).unwrap();
    for text in [
        "3 3 5\n0 1 2\n1 0 2\n1 2 1\n2 1 1\n2 2 4\n",
        "\n3 3 3\n0 1 2\n1 2 1\n2 2 4\n",
        "3 3 3\n1 0 2\n2 1 1\n2 2 4",
    ] {
        assert_eq!(plain(Format::Smat, text).unwrap(), path, "{text:?}");
    }
    let lopsided = "3 3 3\n0 1 2\n1 0 3\n1 2 1\n";
    let error = plain(Format::Smat, lopsided).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("line 2: node 0 -> node 1 has weight 2 but its reverse has 3"), "{text}");
    let options = ReadOptions { symmetrize: Some(Symmetrize::Max), ..ReadOptions::default() };
    assert_eq!(read(Format::Smat, lopsided.as_bytes(), &options).unwrap().degree(0), 3.0);
    let complaint = |text: &str| complaint(Format::Smat, text);
    assert!(complaint("").1.contains("end of the file"));
    assert_eq!(complaint("3 3\n").0, 1);
    assert_eq!(complaint("3 3 1\n0 3 1\n").0, 2);
    let (line, message) = complaint("3 3 2\n0 1 1\n");
    assert!(line == 2 && message.contains("1 of 2"), "{message}");
    assert_eq!(complaint("3 3 1\n0 1 1\n1 0 1\n").0, 3);
    assert!(complaint("0 0 1\n0 0 1\n").1.contains("node number"));
    assert!(complaint("2000000 2000000 0\n").1.contains("node_count"));
    assert!(
        complaint("2000000000000000000 2000000000000000000 1000000000000000000\n0 1 1\n").1.contains("1 of")
    );
    assert!(complaint("1000000000000000000 1000000000000000000 0\n").1.contains("32 bits"));
}

#[test]
fn matrix_market_dialects_and_errors() {
    let path = CsrGraph::from_weighted_edges(3, [(0, 1, 2.0), (1, 2, 1.0), (2, 2, 4.0)]).unwrap();
    for text in [
        "%%MatrixMarket matrix coordinate real symmetric\n% c\n\n3 3 3\n2 1 2\n3 2 1\n3 3 4\n",
        "%%matrixmarket MATRIX Coordinate Integer Symmetric\n3 3 3\n1 2 2\n2 3 1\n3 3 4\n",
        "%%MatrixMarket matrix coordinate real general\n3 3 5\n1 2 2\n2 1 2\n2 3 1\n3 2 1\n3 3 4\n",
    ] {
        assert_eq!(plain(Format::MatrixMarket, text).unwrap(), path, "{text:?}");
    }
    let pattern = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 1\n";
    assert_eq!(
        plain(Format::MatrixMarket, pattern).unwrap(),
        CsrGraph::from_edges(3, [(0, 1), (0, 2)]).unwrap()
    );
    let general = "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 2\n";
    let error = plain(Format::MatrixMarket, general).unwrap_err();
    assert!(error.to_string().contains("Symmetrize"), "{error}");
    let options = ReadOptions { symmetrize: Some(Symmetrize::Sum), ..ReadOptions::default() };
    assert_eq!(read(Format::MatrixMarket, general.as_bytes(), &options).unwrap().degree(1), 2.0);
    let complaint = |text: &str| complaint(Format::MatrixMarket, text);
    for banner in [
        "",
        "0 1\n",
        "%%MatrixMarket matrix array real general\n",
        "%%MatrixMarket matrix coordinate complex general\n",
        "%%MatrixMarket matrix coordinate real skew-symmetric\n",
    ] {
        let (line, message) = complaint(banner);
        assert!(line == 1 && message.contains("expected `%%MatrixMarket"), "{message}");
    }
    let after = |rest: &str| complaint(&format!("%%MatrixMarket matrix coordinate real symmetric\n{rest}"));
    assert!(after("% c\n").1.contains("end of the file"));
    assert_eq!(after("2 3 1\n").0, 2);
    assert_eq!(after("2 2 1\n0 1 1\n").0, 3);
    assert_eq!(after("2 2 1\n1 3 1\n").0, 3);
    assert_eq!(after("2 2 1\n1 2\n").0, 3);
    assert!(after("3 3 3\n1 2 1\n2 1 1\n3 1 1\n").1.contains("both sides"));
    assert!(after("2 2 3\n1 2 1\n").1.contains("1 of 3"));
    assert!(after("1000000000000000000 1000000000000000000 1\n1 2 1\n").1.contains("32 bits"));
}

fn graphml(inside: &str) -> String {
    format!(
        "<?xml version='1.0'?>\n<graphml xmlns='http://graphml.graphdrawing.org/xmlns'>\n\
         <key id='k' for='edge' attr.name='weight' attr.type='double'><default>3</default></key>\n\
         <key id='c' for='node' attr.name='color'><default>red</default></key>\n{inside}\n</graphml>\n"
    )
}

#[test]
fn graphml_names_weights_and_direction() {
    let text = graphml(
        "<graph edgedefault='undirected'><desc>x</desc><node id='a&amp;b'><data key='c'>blue</data></node>\
         <node id='ü'/><node id='c'/><edge source='a&amp;b' target='ü'><data key='k'> 2.5 </data></edge>\
         <edge source='ü' target='c'/><edge source='c' target='c'><data key='k'><![CDATA[1]]></data></edge></graph>",
    );
    let (graph, names) = read_graphml(text.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(names, ["a&b", "ü", "c"]);
    assert_eq!(graph.edges().collect::<Vec<_>>(), [(0, 1, 2.5), (1, 2, 3.0), (2, 2, 1.0)]);

    let directed = graphml(
        "<graph edgedefault='directed'><node id='a'/><node id='b'/>\n<edge source='a' target='b'/>\n\
         <edge source='b' target='a'><data key='k'>1</data></edge></graph>",
    );
    let (line, message) = complaint(Format::GraphMl, &directed);
    assert!(line == 6 && message.contains("symmetrize"), "{line} {message}");
    let with = |rule| {
        let options = ReadOptions { symmetrize: Some(rule), ..ReadOptions::default() };
        read(Format::GraphMl, directed.as_bytes(), &options)
    };
    assert_eq!(with(Symmetrize::Sum).unwrap().degree(0), 4.0);
    assert_eq!(with(Symmetrize::Max).unwrap().degree(0), 3.0);
    let error = with(Symmetrize::Reject).unwrap_err();
    assert!(matches!(&error, GraphError::Parse { message, .. } if message.contains("\"a\"")), "{error}");
    let overridden = directed.replace("source", "directed='false' source");
    assert_eq!(plain(Format::GraphMl, &overridden).unwrap().degree(0), 4.0);
}

#[test]
fn graphml_defaults_of_other_keys_are_not_weights() {
    for default in ["red", "5"] {
        let text = format!(
            "<graphml><key id='w' for='edge' attr.name='weight'/>\
             <key id='c' for='node' attr.name='color'><default>{default}</default></key>\
             <graph edgedefault='undirected'><node id='a'/><node id='b'/><edge source='a' target='b'/></graph>\
             </graphml>"
        );
        let graph = plain(Format::GraphMl, &text).unwrap();
        assert_eq!(graph.edges().collect::<Vec<_>>(), [(0, 1, 1.0)]);
    }
}

#[test]
fn graphml_errors() {
    let inside = |text: &str| complaint(Format::GraphMl, &graphml(text));
    let graph =
        |text: &str| inside(&format!("<graph edgedefault='undirected'>\n<node id='a'/>\n{text}</graph>"));
    assert!(complaint(Format::GraphMl, "").1.contains("<graph>"));
    assert!(complaint(Format::GraphMl, "<svg/>").1.contains("<graphml>"));
    assert!(inside("").1.contains("<graph>"));
    assert!(inside("<graph/>").1.contains("edgedefault"));
    assert!(
        inside("<graph edgedefault='undirected'/><graph edgedefault='undirected'/>").1.contains("second")
    );
    let (line, message) = graph("<edge source='a' target='nowhere'/>");
    assert!(line == 7 && message.contains("nowhere"), "{line} {message}");
    assert!(graph("<edge source='a'/>").1.contains("target"));
    assert!(graph("<node id='a'/>").1.contains("twice"));
    assert!(graph("<node/>").1.contains("id"));
    assert!(graph("<hyperedge/>").1.contains("hyperedge"));
    assert!(graph("<node id='b'><graph/></node>").1.contains("plain"));
    assert!(graph("<edge source='a' target='a'><data key='k'>-1</data></edge>").1.contains("-1"));
    assert!(graph("<edge source='a' target='a'><data key='k'/></edge>").1.contains("weight"));
    assert!(graph("<edge source='a' target='a'><data key='k'>1&x;2</data></edge>").1.contains("&x;"));
    assert!(graph("</node>").1.contains("well-formed"));
    assert!(
        graph("<edge source='a' target='a'/><edge directed='true' source='a' target='a'/>")
            .1
            .contains("directed")
    );
    let text = graphml("<graph edgedefault='undirected'><node id='a'/>");
    assert!(complaint(Format::GraphMl, &text[..text.len() - 12]).1.contains("ends inside"));
    // Entities of a DOCTYPE are not expanded, so there is no entity bomb.
    let bomb = "<!DOCTYPE g [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>\n<graphml><graph \
        edgedefault='undirected'><node id='&b;'/></graph></graphml>";
    assert!(complaint(Format::GraphMl, bomb).1.contains("malformed"));
}

#[test]
fn files_by_extension_and_gzip_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let graph = CsrGraph::from_weighted_edges(3, [(0, 1, 0.1), (1, 2, 2.0)]).unwrap();
    for name in ["a.edges", "a.csv.gz", "a.SMAT", "a.smat.gz", "a.mtx", "a.mtx.gz", "a.graphml", "b.c.xml.gz"]
    {
        let path = folder.path().join(name);
        write_graph(&graph, &path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), packed, "{name}");
        assert_eq!(read_graph(&path).unwrap(), graph, "{name}");
    }
    let disguised = folder.path().join("plain.txt");
    std::fs::write(&disguised, [gzip(b"0 1\n"), gzip(b"1 2\n")].concat()).unwrap();
    assert_eq!(read_graph(&disguised).unwrap().edge_count(), 2, "two gzip members, no .gz");
    let packed = gzip(b"0 1\n1 2\n");
    std::fs::write(&disguised, &packed[..packed.len() - 4]).unwrap();
    let error = read_graph(&disguised).unwrap_err();
    assert!(matches!(&error, GraphError::Io { path: Some(path), .. } if *path == disguised), "{error:?}");
    std::fs::write(&disguised, "0 1\n0 x\n").unwrap();
    let text = read_graph(&disguised).unwrap_err().to_string();
    assert!(text.contains("plain.txt, line 2: expected a node number"), "{text}");
    assert!(matches!(read_graph("graph.bin"), Err(GraphError::UnknownFormat { .. })));
    assert!(matches!(write_graph(&graph, "gz"), Err(GraphError::UnknownFormat { .. })));
    let missing = read_graph_with("nowhere.x", Format::Smat, &ReadOptions::default()).unwrap_err();
    assert!(matches!(missing, GraphError::Io { path: Some(_), .. }));
}

#[test]
fn shared_graphs() {
    let graphs = [
        ("graph/sfld.edges", 232, 15_570, 31_140.0),
        ("graph/ppi_mips.edges", 1096, 13_221, 49_052.0),
        ("graph/johns_hopkins55.edges", 5180, 186_572, 373_144.0),
        ("graph/colgate88.edges", 3482, 155_043, 310_086.0),
    ];
    for (name, nodes, edges, volume) in graphs {
        let Some(path) = data_path(name) else { continue };
        let graph = read_graph(path).unwrap();
        assert_eq!((graph.node_count(), graph.edge_count(), graph.total_volume()), (nodes, edges, volume));
    }
}
