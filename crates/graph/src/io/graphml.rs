//! GraphML: one undirected graph with an optional weight on edges.
//!
//! Nodes are numbered in order of first appearance. The weight of an edge is its `<data>` of a `<key>` with
//! `attr.name="weight"` (in any case; or the name that [`Columns::weight`](super::Columns::weight) gives),
//! whatever the key says that it is for; else the key's `<default>`, else 1. Several keys may be called so, as
//! networkx writes one for whole numbers and one for others. All other data are reported. Hyperedges, nested
//! graphs and a second graph are errors; so are directed edges unless [`ReadOptions::symmetrize`] says what to do
//! with them, and a mixture of directed and undirected ones. Entities declared in a DOCTYPE are not expanded.

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};

use super::edges::Built;
use super::nodes::Listed;
use super::options::{Column, Format, NodeNames, ReadOptions, WeightColumn};
use super::report::{ReadNote, ReadReport};
use super::xml::{self, Element};
use super::{parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::NodeLabels;

/// Reads a graph from GraphML, and the name (`id`) of every node.
///
/// ```
/// use kiln_graph::io::{ReadOptions, read_graphml};
/// let text = "<graphml><graph edgedefault='undirected'><node id='a'/><node id='b'/>\
///     <edge source='a' target='b'/></graph></graphml>";
/// let (graph, names) = read_graphml(text.as_bytes(), &ReadOptions::default())?;
/// assert_eq!((graph.edge_count(), names), (1, vec!["a".to_owned(), "b".to_owned()]));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// Those listed in [`read_graph`](super::read_graph).
pub fn read_graphml(reader: impl Read, options: &ReadOptions) -> Result<(CsrGraph, Vec<String>)> {
    let options = ReadOptions { names: NodeNames::Id, ..options.clone() };
    let (built, labels, _) = read(reader, &options)?;
    let names = labels.iter().map(std::borrow::Cow::into_owned).collect();
    Ok((built.graph, names))
}

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut document = Document { options: options.clone(), ..Document::default() };
    let (comments, first_line, line) = xml::read(reader, &mut document)?;
    if document.graphs == 0 {
        let message = "no <graph> in the file: expected <graphml><graph>...</graph></graphml>";
        return Err(parse_error(line, message));
    }
    let mut report = ReadReport::new(Format::GraphMl);
    if comments > 0 {
        report.note(ReadNote::Comments { count: comments, first_line });
    }
    document.tell(&mut report);
    // The default of a key for nodes is no weight of edges, unless edges use it.
    let of_edges =
        |key: &&Key| key.is_weight && (matches!(key.domain.as_str(), "edge" | "all") || key.elsewhere > 0);
    let default = document.keys.values().filter(of_edges).find_map(|key| key.default);
    document.listed.finish(Format::GraphMl, line, default, options, report)
}

struct Key {
    name: String,
    domain: String,
    is_weight: bool,
    /// How good its values are as names of nodes: 1 is best.
    is_label: Option<u8>,
    default: Option<f64>,
    declared: bool,
    /// How often it is used in what it is not declared for.
    elsewhere: u64,
    unused: u64,
}

/// What the text of the open element is.
enum Text {
    Weight(String),
    Default(String, String),
    Label(u8, String),
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    options: ReadOptions,
    graphs: usize,
    directed_by_default: bool,
    listed: Listed,
    keys: BTreeMap<String, Key>,
    /// The key whose declaration is open.
    open_key: Option<String>,
    open_node: u32,
    /// How good the label is that the open node has.
    label: u8,
    text: Option<Text>,
    /// Elements and attributes that are not used.
    unused: BTreeMap<String, u64>,
}

impl xml::Document for Document {
    fn open(&mut self, element: &Element<'_>, path: &[String]) -> Result<()> {
        let line = element.line;
        let parent = path.last().map(String::as_str);
        match (parent, element.name) {
            (None, "graphml") => {}
            (None, name) => {
                let message = format!("expected <graphml> as the root element, found <{name}>");
                return Err(parse_error(line, message));
            }
            (Some("graphml"), "key") => self.key(element)?,
            (Some("key"), "default") => {
                let weight =
                    self.open_key.clone().filter(|id| self.keys.get(id).is_some_and(|key| key.is_weight));
                self.text = weight.map(|id| Text::Default(id, String::new()));
            }
            (Some("graphml"), "graph") => {
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err(parse_error(line, "a second <graph>: expected one"));
                }
                self.directed_by_default = match element.attribute("edgedefault")?.as_deref() {
                    Some("directed") => true,
                    Some("undirected") => false,
                    other => {
                        let message =
                            format!("expected edgedefault=\"directed\" or \"undirected\", found {other:?}");
                        return Err(parse_error(line, message));
                    }
                };
            }
            (_, name @ ("graph" | "hyperedge")) => {
                let message =
                    format!("<{name}> in <{}>: only plain graphs can be read", parent.unwrap_or_default());
                return Err(parse_error(line, message));
            }
            (Some("graph"), "node") => {
                self.open_node = self.listed.declare(&element.required("id")?, line)?;
                self.label = u8::MAX;
                self.count_others(element, &["id"]);
            }
            (Some("graph"), "edge") => self.edge(element)?,
            (Some(owner @ ("edge" | "node" | "graph")), "data") => self.data(element, owner)?,
            // What is inside data or the description of a key is counted with it.
            _ if path.iter().any(|open| open == "data" || open == "key") => {}
            (_, name) => *self.unused.entry(format!("<{name}>")).or_default() += 1,
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(Text::Weight(all) | Text::Default(_, all) | Text::Label(_, all)) = &mut self.text {
            all.push_str(text);
        }
    }

    fn close(&mut self, name: &str, line: u64) -> Result<()> {
        if name == "key" {
            self.open_key = None;
        }
        if !matches!(name, "data" | "default") {
            return Ok(());
        }
        match self.text.take() {
            None => {}
            Some(Text::Weight(text)) => self.listed.weight(&text, line, &self.options)?,
            Some(Text::Default(id, text)) => {
                let weight = parse_weight(text.trim(), line)?;
                if let Some(key) = self.keys.get_mut(&id) {
                    key.default = Some(weight);
                }
            }
            Some(Text::Label(rank, text)) => {
                self.label = rank;
                self.listed.set_label(self.open_node, xml::unescaped(&text, line)?);
            }
        }
        Ok(())
    }
}

impl Document {
    fn key(&mut self, element: &Element<'_>) -> Result<()> {
        let name = element.attribute("attr.name")?;
        let domain = element.attribute("for")?.unwrap_or_else(|| "all".to_owned());
        if element.attribute("id")?.is_none() && name.is_none() {
            return Ok(()); // nothing can refer to it
        }
        let id = element.required("id")?;
        let key = self.new_key(name.unwrap_or_else(|| id.clone()), domain, true);
        if self.keys.insert(id.clone(), key).is_some() {
            return Err(parse_error(element.line, format!("the key {id:?} is declared twice")));
        }
        self.open_key = Some(id);
        Ok(())
    }

    fn new_key(&self, name: String, domain: String, declared: bool) -> Key {
        let wanted = match &self.options.columns.weight {
            Some(Column::Name(wanted)) => name.eq_ignore_ascii_case(wanted),
            _ => name.eq_ignore_ascii_case("weight"),
        };
        let is_weight = wanted && self.options.weights != WeightColumn::Ignore;
        let is_label = match name.to_ascii_lowercase().as_str() {
            "label" => Some(1),
            "name" => Some(2),
            "v_name" => Some(3),
            _ => None,
        };
        let is_label = is_label.filter(|_| self.options.names != NodeNames::Id);
        Key { name, domain, is_weight, is_label, default: None, declared, elsewhere: 0, unused: 0 }
    }

    fn edge(&mut self, element: &Element<'_>) -> Result<()> {
        let line = element.line;
        let directed = match element.attribute("directed")?.as_deref() {
            None => self.directed_by_default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                let message = format!("expected directed=\"true\" or \"false\", found {other:?}");
                return Err(parse_error(line, message));
            }
        };
        let u = self.listed.node(&element.required("source")?, line)?;
        let v = self.listed.node(&element.required("target")?, line)?;
        self.listed.edge((u, v), directed, line)?;
        self.count_others(element, &["id", "source", "target", "directed"]);
        Ok(())
    }

    fn data(&mut self, element: &Element<'_>, owner: &str) -> Result<()> {
        let id = element.required("key")?;
        if !self.keys.contains_key(&id) {
            let key = self.new_key(id.clone(), owner.to_owned(), false);
            self.keys.insert(id.clone(), key);
        }
        let label_before = self.label;
        let Some(key) = self.keys.get_mut(&id) else { return Ok(()) };
        match (owner, key.is_weight, key.is_label) {
            ("edge", true, _) => {
                key.elsewhere += u64::from(!matches!(key.domain.as_str(), "edge" | "all"));
                self.text = Some(Text::Weight(String::new()));
            }
            ("node", _, Some(rank)) if rank < label_before => {
                self.text = Some(Text::Label(rank, String::new()));
            }
            ("node", _, Some(_)) => {}
            _ => key.unused += 1,
        }
        Ok(())
    }

    fn count_others(&mut self, element: &Element<'_>, known: &[&str]) {
        for name in element.others(known) {
            *self.unused.entry(format!("the attribute {name:?} of <{}>", element.name)).or_default() += 1;
        }
    }

    /// Reports what was not used.
    fn tell(&self, report: &mut ReadReport) {
        let has_weight = self.keys.values().any(|key| key.is_weight);
        for (id, key) in &self.keys {
            let what = format!("key {:?} ({id:?}, for {})", key.name, key.domain);
            if key.elsewhere > 0 {
                let what = format!("{what} is used in {} edges: read as their weight", key.elsewhere);
                report.note(ReadNote::Lenient { what });
            }
            if !key.declared {
                report
                    .note(ReadNote::Lenient { what: format!("data of {id:?}, a key that is not declared") });
            }
            if key.unused > 0 {
                let hint = !has_weight && key.domain == "edge";
                let why = if hint { "name it in `ReadOptions::columns` if it is the weight" } else { "" };
                report.unused(what, key.unused, why);
            }
        }
        for (what, count) in &self.unused {
            report.unused(what, *count, "");
        }
    }
}

/// Writes an undirected GraphML file with nodes `n0`, `n1`, ... and, if the graph has weights, weights that
/// read back to the same bits. [`write_labelled`](super::write_labelled) writes names.
///
/// # Errors
/// [`GraphError::Io`].
pub fn write_graphml(graph: &CsrGraph, writer: impl Write) -> Result<()> {
    write_named(graph, |node| Ok(format!("n{node}")), writer)
}

/// Writes nodes whose ids are their names.
pub(super) fn write(graph: &CsrGraph, labels: &NodeLabels, writer: impl Write) -> Result<()> {
    let id = |node| {
        let label = labels.label(node);
        if label.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            let message = format!("the name {label:?} holds a sign that XML cannot");
            return Err(GraphError::NotWritable { format: Format::GraphMl, message });
        }
        // A line break in an attribute would come back as a space.
        let escaped = quick_xml::escape::escape(&*label);
        Ok(escaped.replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;"))
    };
    write_named(graph, id, writer)
}

fn write_named(graph: &CsrGraph, id: impl Fn(u64) -> Result<String>, writer: impl Write) -> Result<()> {
    let mut writer = BufWriter::new(writer);
    writeln!(writer, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(writer, r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">"#)?;
    if graph.is_weighted() {
        writeln!(writer, r#"<key id="weight" for="edge" attr.name="weight" attr.type="double"/>"#)?;
    }
    writeln!(writer, r#"<graph edgedefault="undirected">"#)?;
    for u in 0..graph.node_count() {
        writeln!(writer, r#"<node id="{}"/>"#, id(u)?)?;
    }
    for (u, v, weight) in graph.edges() {
        write!(writer, r#"<edge source="{}" target="{}""#, id(u)?, id(v)?)?;
        if graph.is_weighted() {
            writeln!(writer, r#"><data key="weight">{weight:?}</data></edge>"#)?;
        } else {
            writeln!(writer, "/>")?;
        }
    }
    writeln!(writer, "</graph>\n</graphml>")?;
    Ok(writer.flush()?)
}
