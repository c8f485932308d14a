//! From the files of a package or of the public origin to the layout that the project reads.
//!
//! Each function takes the contents of its source files in the order that the catalogue names them and gives
//! the contents of its output files, again in the catalogue's order. The catalogue pins the SHA-256 of both
//! sides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;

use quick_xml::events::{BytesStart, Event};

use super::error::ConvertError;
use super::gt::{GtGraph, read_gt};
use super::hash::gunzip;
use super::npy::read_npy_numbers;

/// A conversion: contents of the sources to contents of the outputs.
pub type Convert = fn(&[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError>;

/// Undirected edges `u < v`, sorted, with the largest weight seen.
type Edges = BTreeMap<(usize, usize), f64>;

fn insert(edges: &mut Edges, u: usize, v: usize, weight: f64) {
    if u != v {
        let best = edges.entry((u.min(v), u.max(v))).or_insert(weight);
        *best = best.max(weight);
    }
}

fn text(bytes: &[u8]) -> Result<&str, ConvertError> {
    std::str::from_utf8(bytes).map_err(|_| ConvertError::Text)
}

fn fault(line: usize, reason: impl Into<String>) -> ConvertError {
    ConvertError::Line { line, reason: reason.into() }
}

/// Edges of a text file of two node numbers a line, `first` being the smallest number the file uses.
fn number_pairs(
    bytes: &[u8],
    separator: Option<char>,
    first: usize,
) -> Result<Vec<(usize, usize)>, ConvertError> {
    let mut pairs = Vec::new();
    for (index, line) in text(bytes)?.lines().enumerate() {
        let fields: Vec<&str> = match separator {
            Some(separator) => line.split(separator).collect(),
            None => line.split_whitespace().collect(),
        };
        let number = |field: &str| {
            field
                .trim()
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(first))
                .ok_or_else(|| fault(index + 1, format!("\"{field}\" is not a node number from {first}")))
        };
        let &[u, v] = fields.as_slice() else {
            return Err(fault(index + 1, format!("{} fields, 2 expected", fields.len())));
        };
        pairs.push((number(u)?, number(v)?));
    }
    Ok(pairs)
}

/// Lines of two tab-separated texts.
fn text_pairs(bytes: &[u8]) -> Result<Vec<(&str, &str)>, ConvertError> {
    text(bytes)?
        .lines()
        .enumerate()
        .map(|(index, line)| {
            line.split_once('\t').ok_or_else(|| fault(index + 1, "no tab between two fields"))
        })
        .collect()
}

fn unweighted(pairs: impl IntoIterator<Item = (usize, usize)>) -> Edges {
    let mut edges = Edges::new();
    for (u, v) in pairs {
        insert(&mut edges, u, v, 1.0);
    }
    edges
}

fn edges_tsv(edges: &Edges) -> Vec<u8> {
    let mut out = String::new();
    for (u, v) in edges.keys() {
        let _ = writeln!(out, "{u}\t{v}");
    }
    out.into_bytes()
}

/// `NAME.edges` of the folder `graph`.
fn edges_file(name: &str, nodes: usize, edges: &Edges, weighted: bool) -> Vec<u8> {
    let columns = if weighted { "u v weight" } else { "u v" };
    let count = edges.len();
    let mut out =
        format!("# {name}: undirected, 0-based, one line per edge, {columns}; n={nodes} m={count}\n");
    for ((u, v), weight) in edges {
        let _ = if weighted { writeln!(out, "{u} {v} {weight}") } else { writeln!(out, "{u} {v}") };
    }
    out.into_bytes()
}

fn communities_json(groups: &[(&str, BTreeSet<usize>)]) -> Vec<u8> {
    let groups: Vec<String> = groups
        .iter()
        .map(|(name, members)| {
            let members: Vec<String> = members.iter().map(usize::to_string).collect();
            format!("{}: [{}]", serde_json::Value::from(*name), members.join(", "))
        })
        .collect();
    format!("{{{}}}", groups.join(", ")).into_bytes()
}

fn nodes_tsv(header: &str, rows: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut out = format!("node\t{header}\n");
    for (node, row) in rows.into_iter().enumerate() {
        let _ = writeln!(out, "{node}\t{row}");
    }
    out.into_bytes()
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()
}

/// The files as they are.
///
/// # Errors
/// None.
pub fn keep(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    Ok(sources.to_vec())
}

fn graph_tool(source: &[u8]) -> Result<(GtGraph, Vec<u8>), ConvertError> {
    let graph = read_gt(&gunzip(source)?)?;
    let edges = edges_tsv(&unweighted(graph.edges.iter().map(|&(u, v)| (u as usize, v as usize))));
    Ok((graph, edges))
}

fn graph_tool_labelled(
    sources: &[Vec<u8>],
    header: &str,
    properties: &[&'static str],
) -> Result<Vec<Vec<u8>>, ConvertError> {
    let (graph, edges) = graph_tool(&sources[0])?;
    let columns: Vec<&Vec<String>> = properties
        .iter()
        .map(|&name| graph.node_properties.get(name).ok_or(ConvertError::Property(name)))
        .collect::<Result<_, _>>()?;
    let rows = (0..graph.nodes).map(|node| {
        let fields: Vec<&str> = columns.iter().map(|column| column[node].trim()).collect();
        fields.join("\t")
    });
    Ok(vec![edges, nodes_tsv(header, rows)])
}

/// Zachary's karate club from graph-tool's `karate.gt.gz`. That file has no labels: the clubs are the
/// embedded ones.
pub(super) fn karate(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let (_, edges) = graph_tool(&sources[0])?;
    Ok(vec![edges, include_bytes!("embedded/karate.nodes.tsv").to_vec()])
}

/// `dolphins.gt.gz`.
pub(super) fn dolphins(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    graph_tool_labelled(sources, "name", &["label"])
}

/// `football.gt.gz`.
pub(super) fn football(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    graph_tool_labelled(
        sources,
        "team\tconference\tconference_corrected",
        &["label", "value", "value_tsevans"],
    )
}

/// `polbooks.gt.gz`.
pub(super) fn polbooks(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    graph_tool_labelled(sources, "title\tleaning", &["label", "value"])
}

/// `polblogs.gt.gz`: 19,090 directed links become 16,715 undirected edges.
pub(super) fn polblogs(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    graph_tool_labelled(sources, "blog\tleaning", &["label", "value"])
}

/// Nodes in order of appearance and edges of a GraphML file; without a value for the key `weight` an edge
/// weighs 1.
fn graphml(bytes: &[u8]) -> Result<(Vec<String>, Edges), ConvertError> {
    let mut reader = quick_xml::Reader::from_str(text(bytes)?);
    let (mut names, mut number_of, mut edges) = (Vec::new(), HashMap::new(), Edges::new());
    let mut edge: Option<(usize, usize, f64)> = None;
    let mut in_weight = false;
    loop {
        let position = reader.buffer_position();
        let fault = |reason: String| ConvertError::Xml { reason, position };
        let attribute = |tag: &BytesStart<'_>, key: &str| -> Result<String, ConvertError> {
            let found = tag.try_get_attribute(key).map_err(|e| fault(e.to_string()))?;
            let value = found.ok_or_else(|| fault(format!("no attribute \"{key}\"")))?;
            let value = value.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            Ok(value.map_err(|e| fault(e.to_string()))?.into_owned())
        };
        let event = reader.read_event().map_err(|e| fault(e.to_string()))?;
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "node" => {
                    let id = attribute(&tag, "id")?;
                    if number_of.insert(id.clone(), names.len()).is_some() {
                        return Err(fault(format!("node \"{id}\" is given twice")));
                    }
                    names.push(id);
                }
                "edge" => {
                    let end = |key| {
                        let id = attribute(&tag, key)?;
                        number_of
                            .get(&id)
                            .copied()
                            .ok_or_else(|| fault(format!("edge to unknown node \"{id}\"")))
                    };
                    let (u, v) = (end("source")?, end("target")?);
                    if is_empty {
                        insert(&mut edges, u, v, 1.0);
                    } else {
                        edge = Some((u, v, 1.0));
                    }
                }
                "data" => in_weight = !is_empty && attribute(&tag, "key")? == "weight",
                _ => {}
            },
            Event::Text(content) if in_weight => {
                if let Some(edge) = &mut edge {
                    let content = content.xml_content(quick_xml::XmlVersion::Implicit1_0);
                    edge.2 = content.trim().parse().map_err(|_| fault(format!("weight \"{content}\"")))?;
                }
            }
            Event::End(tag) if tag.name().as_ref() == "data" => in_weight = false,
            Event::End(tag) if tag.name().as_ref() == "edge" => {
                if let Some((u, v, weight)) = edge.take() {
                    insert(&mut edges, u, v, weight);
                }
            }
            Event::Eof => return Ok((names, edges)),
            _ => {}
        }
    }
}

/// Groups of a table of node name and group name, in order of first appearance.
fn named_groups<'a>(
    pairs: &[(&'a str, &'a str)],
    names: &[String],
) -> Result<Vec<(&'a str, BTreeSet<usize>)>, ConvertError> {
    let number_of: HashMap<&str, usize> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let mut groups: Vec<(&str, BTreeSet<usize>)> = Vec::new();
    for (index, (node, group)) in pairs.iter().enumerate() {
        let node =
            *number_of.get(node).ok_or_else(|| fault(index + 1, format!("unknown node \"{node}\"")))?;
        match groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, members)) => _ = members.insert(node),
            None => groups.push((group, BTreeSet::from([node]))),
        }
    }
    Ok(groups)
}

/// `graph/sfld` from its GraphML and ground-truth files: unweighted, and the two families that the paper
/// uses.
pub(super) fn sfld(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let (names, edges) = graphml(&sources[0])?;
    let pairs: Vec<_> =
        text_pairs(&sources[1])?.into_iter().map(|(node, group)| (node, group.trim())).collect();
    let mut groups = named_groups(&pairs, &names)?;
    groups.retain(|(name, _)| ["AMP", "urease.0"].contains(name));
    Ok(vec![edges_file("sfld", names.len(), &edges, false), communities_json(&groups)])
}

/// The complexes that the local-clustering papers report.
const PPI_COMPLEXES: [&str; 19] = [
    "Actin-associated-proteins",
    "Anaphase-promoting-complex",
    "Cdc28p-complexes",
    "Coat-complexes",
    "cytoplasmic-ribosomal-large-subunit",
    "cytoplasmic-ribosomal-small-subunit",
    "F0-F1-ATP-synthase",
    "H+-transporting-ATPase-vacuolar",
    "mitochondrial-ribosomal-large-subunit",
    "mitochondrial-ribosomal-small-subunit",
    "Mitochondrial-translation-complexes",
    "mRNA-splicing",
    "Nuclear-pore-complex",
    "RNA-polymerase-II-holoenzyme",
    "Spindle-pole-body",
    "TRAPP-complex",
    "tRNA-splicing",
    "19-22S-regulator",
    "20S-proteasome",
];

fn complexes(bytes: &[u8]) -> Result<Vec<(&str, &str)>, ConvertError> {
    Ok(text_pairs(bytes)?.into_iter().map(|(node, group)| (node, group.trim_end_matches(":1.0"))).collect())
}

/// `graph/ppi_mips` from its GraphML and ground-truth files. A protein of several complexes counts for the
/// one listed last, as in the published experiment.
pub(super) fn ppi_mips(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let (names, edges) = graphml(&sources[0])?;
    let pairs = complexes(&sources[1])?;
    let last: HashMap<&str, &str> = pairs.iter().copied().collect();
    let pairs: Vec<_> = pairs.into_iter().filter(|(node, group)| last[node] == *group).collect();
    let all = named_groups(&pairs, &names)?;
    let groups: Vec<_> = PPI_COMPLEXES
        .iter()
        .filter_map(|name| all.iter().find(|(group, _)| group == name).cloned())
        .collect();
    Ok(vec![edges_file("ppi_mips", names.len(), &edges, true), communities_json(&groups)])
}

fn facebook(
    name: &str,
    pairs: Vec<(usize, usize)>,
    communities: &[u8],
    groups: &[&'static str],
) -> Result<Vec<Vec<u8>>, ConvertError> {
    let edges = unweighted(pairs);
    let nodes = edges.keys().map(|&(_, v)| v + 1).max().unwrap_or(0);
    let lines: Vec<&str> = text(communities)?.lines().collect();
    if lines.len() != groups.len() {
        return Err(fault(
            lines.len(),
            format!("{} lines, one for each of {} groups expected", lines.len(), groups.len()),
        ));
    }
    let mut sets = Vec::new();
    for (index, (name, line)) in groups.iter().zip(lines).enumerate() {
        let mut members = BTreeSet::new();
        for field in line.split_whitespace() {
            let node = field.parse::<usize>().ok().filter(|node| (1..=nodes).contains(node));
            members.insert(node.ok_or_else(|| fault(index + 1, format!("\"{field}\" is not a node")))? - 1);
        }
        sets.push((*name, members));
    }
    Ok(vec![edges_file(name, nodes, &edges, false), communities_json(&sets)])
}

/// `graph/johns_hopkins55`: 0-based edges of one repository, 1-based sets of the other.
pub(super) fn johns_hopkins55(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let groups = ["year2006", "year2007", "year2008", "year2009", "major217"];
    facebook("johns_hopkins55", number_pairs(&sources[0], None, 0)?, &sources[1], &groups)
}

/// `graph/colgate88`: 1-based edges and sets.
pub(super) fn colgate88(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let groups = ["year2004", "year2005", "year2006", "year2007", "year2008", "year2009"];
    facebook("colgate88", number_pairs(&sources[0], None, 1)?, &sources[1], &groups)
}

/// `graph-labelled/ppi-mips`: unweighted, every complex.
pub(super) fn ppi_mips_labelled(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let (names, edges) = graphml(&sources[0])?;
    let number_of: HashMap<&str, usize> =
        names.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
    let mut memberships = "node\tcommunity\n".to_string();
    for (index, (node, group)) in complexes(&sources[1])?.into_iter().enumerate() {
        let node = number_of.get(node).ok_or_else(|| fault(index + 1, format!("unknown node \"{node}\"")))?;
        let _ = writeln!(memberships, "{node}\t{group}");
    }
    Ok(vec![edges_tsv(&edges), nodes_tsv("protein", names), memberships.into_bytes()])
}

/// `graph-labelled/sfld`: nodes sorted by name, similarities to ten significant digits, every family.
pub(super) fn sfld_labelled(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let mut rows = Vec::new();
    for (index, line) in text(&sources[0])?.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[u, v, weight] = fields.as_slice() else {
            return Err(fault(index + 1, format!("{} fields, 3 expected", fields.len())));
        };
        let weight: f64 = weight.parse().map_err(|_| fault(index + 1, format!("similarity \"{weight}\"")))?;
        rows.push((u, v, weight));
    }
    let names: Vec<&str> =
        rows.iter().flat_map(|row| [row.0, row.1]).collect::<BTreeSet<_>>().into_iter().collect();
    let number_of: HashMap<&str, usize> = names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
    let mut edges = Edges::new();
    for (u, v, weight) in rows {
        insert(&mut edges, number_of[u], number_of[v], weight);
    }
    let mut out = String::new();
    for ((u, v), weight) in &edges {
        let rounded: f64 = format!("{weight:.9e}").parse().expect("a formatted number parses");
        let _ = writeln!(out, "{u}\t{v}\t{rounded}");
    }
    let family: HashMap<&str, &str> = text_pairs(&sources[1])?.into_iter().collect();
    let rows = names.iter().map(|name| {
        let family = family.get(name).copied().unwrap_or_default().trim();
        format!("{name}\t{}", family.strip_suffix(".0").unwrap_or(family))
    });
    Ok(vec![out.into_bytes(), nodes_tsv("protein\tfamily", rows)])
}

/// `graph-labelled/blogcatalog`: node `n` of the source is `n - 1`; communities keep their numbers.
pub(super) fn blogcatalog(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let edges = edges_tsv(&unweighted(number_pairs(&sources[0], Some(','), 1)?));
    let mut memberships = "node\tcommunity\n".to_string();
    for (node, group) in number_pairs(&sources[1], Some(','), 1)? {
        let _ = writeln!(memberships, "{node}\t{}", group + 1);
    }
    Ok(vec![gzip(&edges)?, memberships.into_bytes()])
}

/// `graph-labelled/email-eu-core` from SNAP's two gzip files: undirected, without loops.
pub(super) fn email_eu_core(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let edges = unweighted(number_pairs(&gunzip(&sources[0])?, None, 0)?);
    let departments: BTreeMap<usize, usize> =
        number_pairs(&gunzip(&sources[1])?, None, 0)?.into_iter().collect();
    Ok(vec![edges_tsv(&edges), nodes_tsv("department", departments.into_values().map(|d| d.to_string()))])
}

/// `digits/optdigits` from scikit-learn's `digits.csv.gz`: in each line 64 pixels and the label.
pub(super) fn optdigits(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let table = gunzip(&sources[0])?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (index, line) in text(&table)?.lines().enumerate() {
        let values: Result<Vec<u8>, _> = line.split(',').map(str::parse).collect();
        let values = values.map_err(|_| fault(index + 1, "a field is no whole number of 0 to 255"))?;
        let Some((&label, picture)) = values.split_last().filter(|(_, picture)| picture.len() == 64) else {
            return Err(fault(index + 1, format!("{} fields, 65 expected", values.len())));
        };
        pixels.extend(picture);
        labels.push(label);
    }
    let count = (labels.len() as u32).to_be_bytes();
    let images = [&[0, 0, 8, 3], &count[..], &[0, 0, 0, 8, 0, 0, 0, 8], &pixels].concat();
    Ok(vec![gzip(&images)?, gzip(&[&[0, 0, 8, 1], &count[..], &labels].concat())?])
}

/// Tables of series, the class first, from `.ts` files: after `@data` a series a line, `value,…,value:class`.
pub(super) fn series_tables(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    sources
        .iter()
        .map(|source| {
            let mut table = String::new();
            let lines = text(source)?.lines().enumerate().skip_while(|(_, line)| *line != "@data").skip(1);
            for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
                let (values, class) = line
                    .split_once(':')
                    .ok_or_else(|| fault(index + 1, "no colon between series and class"))?;
                let _ = writeln!(table, "{class},{values}");
            }
            Ok(table.into_bytes())
        })
        .collect()
}

/// A number as C's `%g` writes it, with all its digits; for those below 10⁸.
fn general(value: f64) -> String {
    if value == 0.0 || value.abs() >= 1e-4 {
        return value.to_string();
    }
    let scientific = format!("{value:e}");
    scientific
        .split_once("e-")
        .map_or(scientific.clone(), |(digits, exponent)| format!("{digits}e-{exponent:0>2}"))
}

/// The same from an archive of `X_train`, `y_train`, `X_test` and `y_test`.
pub(super) fn archived_series(sources: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConvertError> {
    let broken = |error: &dyn std::fmt::Display| ConvertError::Archive(error.to_string());
    let mut archive =
        zip::ZipArchive::new(std::io::Cursor::new(&sources[0])).map_err(|error| broken(&error))?;
    let mut array = |name: String| {
        let file = archive.by_name(&name).map_err(|error| broken(&error))?;
        read_npy_numbers(&name, file).map_err(|error| broken(&error))
    };
    ["train", "test"]
        .iter()
        .map(|part| {
            let (shape, values) = array(format!("X_{part}.npy"))?;
            let (_, classes) = array(format!("y_{part}.npy"))?;
            let len = shape.iter().skip(1).product::<usize>().max(1);
            let mut table = String::new();
            for (class, series) in classes.iter().zip(values.chunks(len)) {
                let series: Vec<String> = series.iter().map(|value| general(*value)).collect();
                let _ = writeln!(table, "{class},{}", series.join(","));
            }
            Ok(table.into_bytes())
        })
        .collect()
}
