use std::fs::File;

use kiln_datasets::{
    ConvertError, LabelError, Original, read_communities_json, read_groups_tsv, read_gt, read_idx_images,
    read_idx_labels, select,
};
use kiln_tests::data_with;
use proptest::prelude::*;

/// A `.gt` file of three nodes, undirected, links 0-1 and 1-2, a string and a 32-bit property.
fn gt_file() -> Vec<u8> {
    let mut out = "⛾ gt".as_bytes().to_vec();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    };
    out.extend([1, 0]);
    text(&mut out, "a comment");
    out.push(0);
    out.extend(3u64.to_le_bytes());
    for neighbours in [&[1u8][..], &[2], &[]] {
        out.extend((neighbours.len() as u64).to_le_bytes());
        out.extend(neighbours);
    }
    out.extend(2u64.to_le_bytes());
    out.push(1);
    text(&mut out, "label");
    out.push(6);
    for name in ["ann", "bob ", "cy"] {
        text(&mut out, name);
    }
    out.push(1);
    text(&mut out, "value");
    out.push(2);
    for value in [7i32, -1, 7] {
        out.extend(value.to_le_bytes());
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn gt_is_read() {
    let graph = read_gt(&gt_file()).unwrap();
    assert_eq!((graph.nodes, graph.directed), (3, false));
    assert_eq!(graph.edges, [(0, 1), (1, 2)]);
    assert_eq!(graph.node_properties["label"], ["ann", "bob ", "cy"]);
    assert_eq!(graph.node_properties["value"], ["7", "-1", "7"]);
}

#[test]
fn gt_cut_anywhere_or_with_more_at_the_end_is_an_error() {
    let file = gt_file();
    for length in 0..file.len() {
        assert!(read_gt(&file[..length]).is_err(), "{length} bytes");
    }
    assert!(read_gt(&[file.as_slice(), b"x"].concat()).unwrap_err().to_string().contains("after the last"));
}

#[test]
fn gt_with_one_wrong_field_names_it() {
    let comment_end = 8 + 8 + "a comment".len();
    let nodes = comment_end + 1;
    let cases = [
        (0, b'G', "magic"),
        (6, 2, "version 2"),
        (7, 9, "byte order"),
        (comment_end, 2, "direction"),
        (nodes + 6, 1, "a count of"),
        (nodes + 16, 3, "node 3 in a graph of 3"),
    ];
    for (position, byte, words) in cases {
        let mut file = gt_file();
        file[position] = byte;
        let error = read_gt(&file).unwrap_err().to_string();
        assert!(error.contains(words), "{position}: {error}");
    }
}

proptest! {
    #[test]
    fn gt_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..200), byte in 0usize..100, value: u8) {
        let mut changed = gt_file();
        let place = byte % changed.len();
        changed[place] = value;
        let _ = read_gt(&changed);
        let _ = read_gt(&[b"\xe2\x9b\xbe gt\x01\x00".as_slice(), &tail].concat());
    }

    #[test]
    fn label_readers_never_panic(text in "[\\[\\]{}:,\"0-9a\t\n]{0,60}") {
        let _ = read_communities_json(text.as_bytes());
        let _ = read_groups_tsv(text.as_bytes(), "a");
        let _ = read_groups_tsv(format!("node\ta\n{text}").as_bytes(), "a");
    }

    #[test]
    fn groups_keep_the_order_of_the_file(names in proptest::collection::hash_set("[a-z]{1,6}", 1..8)) {
        let names: Vec<String> = names.into_iter().collect();
        let json: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("\"{name}\": [{i}]")).collect();
        let groups = read_communities_json(format!("{{{}}}", json.join(",")).as_bytes()).unwrap();
        prop_assert_eq!(groups.iter().map(|group| group.0.clone()).collect::<Vec<_>>(), names.clone());
        let rows: Vec<String> = names.iter().enumerate().map(|(i, name)| format!("{i}\t{name}\n")).collect();
        let rows = rows.concat();
        prop_assert_eq!(read_groups_tsv(format!("node\tcommunity\n{rows}").as_bytes(), "community").unwrap(), groups);
    }
}

#[test]
fn malformed_labels_name_the_line() {
    for (text, words) in [
        ("{\"a\": [1,\n -2]}", "line 2"),
        ("{\"a\": [1]", "line 1"),
        ("{\"a\": [1]} x", "trailing"),
        ("[1]", "a map from"),
        ("{\"a\": [1], \"a\": [2]}", "given twice"),
        ("{\"a\": [1, 1]}", "node 1 is twice"),
    ] {
        let error = read_communities_json(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    for (text, line, words) in [
        ("", 1, "empty"),
        ("node\tclub\n0\tx\n", 1, "no column \"group\""),
        ("node\tgroup\n0\tx\n1\n", 3, "1 fields"),
        ("node\tgroup\n-1\tx\n", 2, "not a whole number"),
        ("node\tgroup\n0\tx\n0\tx\n", 3, "twice"),
        ("node\tgroup\n0\tx\n\n", 3, "1 fields"),
    ] {
        match read_groups_tsv(text.as_bytes(), "group").unwrap_err() {
            LabelError::Line { line: found, reason } => {
                assert_eq!(found, line, "{text:?}");
                assert!(reason.contains(words), "{text:?}: {reason}");
            }
            other => panic!("{other}"),
        }
    }
    assert!(matches!(read_groups_tsv(&b"node\tgroup\n\xff\n"[..], "group"), Err(LabelError::Io(_))));
}

#[test]
fn real_labels_have_the_known_sizes() {
    let Some(folder) = data_with("graph-labelled") else { return };
    let open = |name: &str| File::open(folder.join(name)).unwrap();
    let sets = read_communities_json(open("graph/johns_hopkins55.communities.json")).unwrap();
    let sizes: Vec<_> = sets.iter().map(|(name, members)| (name.as_str(), members.len())).collect();
    assert_eq!(
        sizes,
        [("year2006", 845), ("year2007", 842), ("year2008", 926), ("year2009", 910), ("major217", 201)]
    );
    let sfld = read_groups_tsv(open("graph-labelled/sfld.nodes.tsv"), "family").unwrap();
    assert_eq!(sfld.len(), 29);
    let complexes = read_groups_tsv(open("graph-labelled/ppi-mips.communities.tsv"), "community").unwrap();
    assert_eq!(complexes.len(), 220);
    assert_eq!(complexes.iter().map(|(_, members)| members.len()).sum::<usize>(), 1_565);
    assert_eq!(read_groups_tsv(open("graph-labelled/polbooks.nodes.tsv"), "leaning").unwrap().len(), 3);
}

fn from_package(name: &str, sources: &[Vec<u8>]) -> Result<Vec<String>, ConvertError> {
    texts((select(name)[0].package.unwrap().recipe.convert)(sources)?)
}

fn from_origin(name: &str, sources: &[&str]) -> Result<Vec<String>, ConvertError> {
    let Original::Fetch(recipe) = select(name)[0].original else { panic!("{name} has no origin to fetch") };
    let sources: Vec<_> = sources.iter().map(|text| text.as_bytes().to_vec()).collect();
    texts((recipe.convert)(&sources)?)
}

fn texts(contents: Vec<Vec<u8>>) -> Result<Vec<String>, ConvertError> {
    contents.into_iter().map(|bytes| String::from_utf8(bytes).map_err(|_| ConvertError::Text)).collect()
}

#[test]
fn graph_tool_graphs_become_tables() {
    let polbooks = from_package("graph-labelled/polbooks", &[gzip(&gt_file())]).unwrap();
    assert_eq!(polbooks, ["0\t1\n1\t2\n", "node\ttitle\tleaning\n0\tann\t7\n1\tbob\t-1\n2\tcy\t7\n"]);
    let error = from_package("graph-labelled/football", &[gzip(&gt_file())]).unwrap_err();
    assert!(error.to_string().contains("value_tsevans"));
    assert!(matches!(from_package("graph-labelled/dolphins", &[gt_file()]), Err(ConvertError::Gzip(_))));
}

#[test]
fn optdigits_become_idx() {
    let row = vec!["3"; 64].join(",");
    let table = format!("{row},7\n{row},0\n");
    let convert = select("digits/optdigits")[0].package.unwrap().recipe.convert;
    let files = convert(&[gzip(table.as_bytes())]).unwrap();
    let images = flate2::read::GzDecoder::new(files[0].as_slice());
    let labels = flate2::read::GzDecoder::new(files[1].as_slice());
    assert_eq!(read_idx_images("a", images).unwrap(), (8, 8, vec![3; 128]));
    assert_eq!(read_idx_labels("a", labels).unwrap(), [7, 0]);
    for (table, words) in [
        (format!("{row},7\n{row}\n"), "line 2: 64 fields, 65 expected"),
        (format!("{row},256\n"), "line 1: a field is no whole number"),
        (format!("{row},7\n\n"), "line 2: a field is no whole number"),
    ] {
        let error = convert(&[gzip(table.as_bytes())]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(convert(&[table.into_bytes()]), Err(ConvertError::Gzip(_))));
}

const GRAPHML: &str = r#"<?xml version="1.0"?><graphml>
<graph edgedefault="undirected">
<node id="p2"><data key="size">10.0</data></node><node id="p&amp;1"/><node id="p0"/>
<edge source="p2" target="p0"><data key="weight">2.0</data></edge>
<edge source="p0" target="p2"><data key="weight">56.0</data><data key="other">9</data></edge>
<edge source="p0" target="p&amp;1"/><edge source="p0" target="p0"/>
</graph></graphml>"#;

#[test]
fn graphml_and_ground_truth_become_the_layout() {
    let sfld = from_origin("graph/sfld", &[GRAPHML, "p0\turease.0\np2\tAMP \np&1\tother\n"]).unwrap();
    assert_eq!(sfld[0], "# sfld: undirected, 0-based, one line per edge, u v; n=3 m=2\n0 2\n1 2\n");
    assert_eq!(sfld[1], r#"{"urease.0": [2], "AMP": [0]}"#);
    let truth =
        "p2\tTRAPP-complex:1.0\np0\tTRAPP-complex:1.0\np2\t20S-proteasome:1.0\np&1\tnamed nowhere:1.0\n";
    let ppi = from_origin("graph/ppi_mips", &[GRAPHML, truth]).unwrap();
    assert_eq!(
        ppi[0],
        "# ppi_mips: undirected, 0-based, one line per edge, u v weight; n=3 m=2\n0 2 56\n1 2 1\n"
    );
    assert_eq!(ppi[1], r#"{"TRAPP-complex": [2], "20S-proteasome": [0]}"#, "the last complex counts");
    let labelled = from_origin("graph-labelled/ppi-mips", &[GRAPHML, truth]).unwrap();
    assert_eq!(labelled[1], "node\tprotein\n0\tp2\n1\tp&1\n2\tp0\n");
    assert!(labelled[2].starts_with("node\tcommunity\n0\tTRAPP-complex\n2\tTRAPP-complex\n"));
}

#[test]
fn text_sources_become_the_layout() {
    let table = "Source\tTarget\tWeights\nb\ta\t323.3062153431158\na\tb\t0.0\nc\ta\t3.0\n";
    let sfld = from_origin("graph-labelled/sfld", &[table, "a\tx.0\nb\ty \nc\tz\n"]).unwrap();
    assert_eq!(sfld[0], "0\t1\t323.3062153\n0\t2\t3\n");
    assert_eq!(sfld[1], "node\tprotein\tfamily\n0\ta\tx\n1\tb\ty\n2\tc\tz\n");
    let sets = "1 2\n3\n1\n2\n3\n";
    let hopkins = from_origin("graph/johns_hopkins55", &["2\t0\n1\t0\n", sets]).unwrap();
    assert!(hopkins[0].ends_with("n=3 m=2\n0 1\n0 2\n"));
    assert!(hopkins[1].starts_with(r#"{"year2006": [0, 1], "year2007": [2]"#));
    let email: Vec<_> =
        ["0 1\r\n1 0\r\n1 1\r\n", "1 5\n0 4\n"].iter().map(|text| gzip(text.as_bytes())).collect();
    let Original::Fetch(recipe) = select("graph-labelled/email-eu-core")[0].original else {
        panic!("no origin")
    };
    let email = texts((recipe.convert)(&email).unwrap()).unwrap();
    assert_eq!(email, ["0\t1\n", "node\tdepartment\n0\t4\n1\t5\n"]);
}

#[test]
fn malformed_sources_name_the_place() {
    let truth = "p0\tAMP\n";
    let error = |name: &str, sources: &[&str]| from_origin(name, sources).unwrap_err().to_string();
    assert!(error("graph/sfld", &["<graphml><node/></graphml>", truth]).contains("no attribute \"id\""));
    assert!(error("graph/sfld", &["<node id=\"a\"/><node id=\"a\"/>", truth]).contains("given twice"));
    assert!(
        error("graph/sfld", &["<edge source=\"a\" target=\"b\"/>", truth]).contains("unknown node \"a\"")
    );
    assert!(error("graph/sfld", &["<a></b>", truth]).contains("GraphML"));
    assert!(error("graph/sfld", &[GRAPHML, "p0\tAMP\np9\tAMP\n"]).contains("line 2: unknown node"));
    assert!(error("graph/sfld", &[GRAPHML, "p0 AMP\n"]).contains("line 1: no tab"));
    assert!(error("graph/colgate88", &["1 2\n0 1\n", ""]).contains("line 2: \"0\""));
    assert!(error("graph/colgate88", &["1 2\n", "1\n2\n"]).contains("one for each of 6 groups"));
    assert!(error("graph/colgate88", &["1 2\n", "1\n2\n1\n1\n1\n3\n"]).contains("line 6: \"3\""));
    assert!(error("graph-labelled/sfld", &["h\na\tb\tx\n", ""]).contains("line 2: similarity"));
}
