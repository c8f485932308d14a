//! GraphML: one undirected graph with an optional weight on edges.
//!
//! Nodes are numbered in order of first appearance. The weight is the `<data>` of the `<key>` that has
//! `attr.name="weight"` and is for edges (or all), with its `<default>`, else 1. Other data, and `<desc>`,
//! are skipped. Hyperedges, nested graphs and a second graph are errors; so are directed edges unless
//! [`ReadOptions::symmetrize`] says what to do with them, and a mixture of directed and undirected ones.
//! Entities declared in a DOCTYPE are not expanded.

use std::collections::HashMap;
use std::io::{BufRead, BufWriter, Read, Write};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{ReadOptions, decompressed, parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};

/// Reads a graph from GraphML, and the name (`id`) of every node.
///
/// # Errors
/// Those listed in [`read_graph`](super::read_graph).
pub fn read_graphml(reader: impl Read, options: &ReadOptions) -> Result<(CsrGraph, Vec<String>)> {
    let mut xml = Reader::from_reader(CountingLines { reader: decompressed(reader)?, line: 1 });
    let mut document = Document { options: options.clone(), ..Document::default() };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().line;
        match event.map_err(|error| xml_error(error, line))? {
            Event::Start(element) => document.open(&element, line)?,
            Event::Empty(element) => {
                document.open(&element, line)?;
                document.close(line)?;
            }
            Event::End(_) => document.close(line)?,
            Event::Text(text) => document.text(&text),
            Event::CData(text) => document.text(&text),
            Event::GeneralRef(entity) => document.text(&format!("&{};", &*entity)),
            Event::Eof => return document.finish(line),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// Counts the line ends that have been consumed.
struct CountingLines<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead> Read for CountingLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for CountingLines<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The bytes are still there: fill_buf returned them and nothing has been consumed since.
        if let Ok(bytes) = self.reader.fill_buf() {
            self.line += bytes.iter().take(amount).filter(|&&byte| byte == b'\n').count() as u64;
        }
        self.reader.consume(amount);
    }
}

struct Edge {
    u: u64,
    v: u64,
    weight: Option<f64>,
    directed: bool,
    line: u64,
}

/// What has been read so far.
#[derive(Default)]
struct Document {
    options: ReadOptions,
    /// Local names of the open elements.
    open: Vec<String>,
    graphs: usize,
    directed_by_default: bool,
    /// The number of every name, and the line of its first use.
    numbers: HashMap<String, u64>,
    names: Vec<String>,
    first_use: Vec<u64>,
    declared: Vec<bool>,
    edges: Vec<Edge>,
    weight_key: Option<String>,
    default_weight: Option<f64>,
    /// Whether the open `<key>` is that of the weight.
    in_weight_key: bool,
    /// The text of the weight or default weight being read.
    number: Option<String>,
}

impl Document {
    fn open(&mut self, element: &BytesStart, line: u64) -> Result<()> {
        let name = element.local_name().as_ref().to_owned();
        let attribute = |name: &str| attribute(element, name, line);
        let required = |name: &str| {
            let message =
                || format!("expected the attribute {name:?} in <{}>", element.local_name().as_ref());
            attribute(name)?.ok_or_else(|| parse_error(line, message()))
        };
        let parent = self.open.last().map(String::as_str);
        match (parent, name.as_str()) {
            (None, "graphml") => {}
            (None, _) => {
                return Err(parse_error(
                    line,
                    format!("expected <graphml> as the root element, found <{name}>"),
                ));
            }
            (Some("graphml"), "key") => {
                let is_weight = attribute("attr.name")?.is_some_and(|name| name == "weight");
                let for_edges = matches!(attribute("for")?.as_deref(), None | Some("edge" | "all"));
                self.in_weight_key = is_weight && for_edges;
                if self.in_weight_key {
                    if self.weight_key.is_some() {
                        return Err(parse_error(line, "a second <key> for edge weights: expected one"));
                    }
                    self.weight_key = Some(required("id")?);
                }
            }
            (Some("key"), "default") if self.in_weight_key => {
                self.number = Some(String::new());
            }
            (Some("graphml"), "graph") => {
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err(parse_error(line, "a second <graph>: expected one"));
                }
                self.directed_by_default = match attribute("edgedefault")?.as_deref() {
                    Some("directed") => true,
                    Some("undirected") => false,
                    other => {
                        let message =
                            format!("expected edgedefault=\"directed\" or \"undirected\", found {other:?}");
                        return Err(parse_error(line, message));
                    }
                };
            }
            (_, "graph" | "hyperedge") => {
                return Err(parse_error(
                    line,
                    format!("<{name}> in <{}>: only plain graphs can be read", parent.unwrap_or_default()),
                ));
            }
            (Some("graph"), "node") => {
                let id = required("id")?;
                let number = self.number_of(id, line) as usize;
                if std::mem::replace(&mut self.declared[number], true) {
                    return Err(parse_error(
                        line,
                        format!("node {:?} is declared twice", self.names[number]),
                    ));
                }
            }
            (Some("graph"), "edge") => {
                let directed = match attribute("directed")?.as_deref() {
                    None => self.directed_by_default,
                    Some("true") => true,
                    Some("false") => false,
                    Some(other) => {
                        let message = format!("expected directed=\"true\" or \"false\", found {other:?}");
                        return Err(parse_error(line, message));
                    }
                };
                if directed && self.options.symmetrize.is_none() {
                    let message = "a directed edge: set `ReadOptions::symmetrize` to read it as undirected";
                    return Err(parse_error(line, message));
                }
                if self.edges.first().is_some_and(|first| first.directed != directed) {
                    return Err(parse_error(
                        line,
                        "directed and undirected edges are mixed: expected one kind",
                    ));
                }
                let (source, target) = (required("source")?, required("target")?);
                let (u, v) = (self.number_of(source, line), self.number_of(target, line));
                self.edges.push(Edge { u, v, weight: None, directed, line });
            }
            (Some("edge"), "data") if self.weight_key.is_some() && attribute("key")? == self.weight_key => {
                self.number = Some(String::new());
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(number) = &mut self.number {
            number.push_str(text);
        }
    }

    fn close(&mut self, line: u64) -> Result<()> {
        // The reader checks that end tags match, so the stack cannot be empty here; popping is safe anyway.
        let closed = self.open.pop();
        let text = match closed.as_deref() {
            Some("data" | "default") => self.number.take(),
            _ => None,
        };
        let Some(text) = text else { return Ok(()) };
        let weight = parse_weight(text.trim(), line)?;
        if closed.as_deref() == Some("default") {
            self.default_weight = Some(weight);
        } else if let Some(edge) = self.edges.last_mut()
            && edge.weight.replace(weight).is_some()
        {
            return Err(parse_error(line, "an edge with two weights: expected one"));
        }
        Ok(())
    }

    fn number_of(&mut self, name: String, line: u64) -> u64 {
        let next = self.names.len() as u64;
        let names = &mut self.names;
        let (first_use, declared) = (&mut self.first_use, &mut self.declared);
        *self.numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            first_use.push(line);
            declared.push(false);
            next
        })
    }

    fn finish(self, line: u64) -> Result<(CsrGraph, Vec<String>)> {
        if let Some(element) = self.open.last() {
            return Err(parse_error(
                line,
                format!("the file ends inside <{element}>: expected </{element}>"),
            ));
        }
        if self.graphs == 0 {
            return Err(parse_error(
                line,
                "no <graph> in the file: expected <graphml><graph>...</graph></graphml>",
            ));
        }
        if let Some(node) = self.declared.iter().position(|&declared| !declared) {
            let message = format!("an edge ends at {:?}, but there is no such <node>", self.names[node]);
            return Err(parse_error(self.first_use[node], message));
        }
        let node_count = self.names.len() as u64;
        if let Some(expected) = self.options.node_count.filter(|&expected| expected != node_count) {
            let message = format!("the file has {node_count} nodes, `ReadOptions::node_count` is {expected}");
            return Err(parse_error(line, message));
        }
        let default = self.default_weight.unwrap_or(1.0);
        let rule = self.options.symmetrize.filter(|_| self.edges.first().is_some_and(|edge| edge.directed));
        let edges = self.edges.iter().map(|edge| (edge.u, edge.v, edge.weight.unwrap_or(default)));
        let graph = match rule {
            None => CsrGraph::from_weighted_edges(node_count, edges),
            Some(rule) => CsrGraph::from_arcs(node_count, edges, rule),
        };
        Ok((graph.map_err(|error| self.in_words(error))?, self.names))
    }

    /// An asymmetry in the file's own names.
    fn in_words(&self, error: GraphError) -> GraphError {
        let GraphError::NotSymmetric { u, v, forward, backward } = error else { return error };
        let edge = self.edges.iter().find(|edge| (edge.u, edge.v) == (u, v) || (edge.u, edge.v) == (v, u));
        let (source, target) = (&self.names[u as usize], &self.names[v as usize]);
        let message = format!(
            "{source:?} -> {target:?} weighs {forward}, its reverse {backward}: choose `Symmetrize::Sum` or \
             `Symmetrize::Max`"
        );
        parse_error(edge.map_or(1, |edge| edge.line), message)
    }
}

fn attribute(element: &BytesStart, name: &str, line: u64) -> Result<Option<String>> {
    let found = element
        .try_get_attribute(name)
        .map_err(|error| parse_error(line, format!("a malformed attribute: {error}")))?;
    found
        .map(|attribute| {
            attribute.normalized_value(XmlVersion::Implicit1_0).map(std::borrow::Cow::into_owned)
        })
        .transpose()
        .map_err(|error| parse_error(line, format!("a malformed attribute {name:?}: {error}")))
}

fn xml_error(error: quick_xml::Error, line: u64) -> GraphError {
    match error {
        quick_xml::Error::Io(source) => {
            GraphError::from(std::io::Error::new(source.kind(), source.to_string()))
        }
        other => parse_error(line, format!("not well-formed XML: {other}")),
    }
}

/// Writes an undirected GraphML file with nodes `n0`, `n1`, ... and, if the graph has weights, weights that
/// read back to the same bits.
///
/// # Errors
/// [`GraphError::Io`].
pub fn write_graphml(graph: &CsrGraph, writer: impl Write) -> Result<()> {
    let mut writer = BufWriter::new(writer);
    writeln!(writer, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(writer, r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">"#)?;
    if graph.is_weighted() {
        writeln!(writer, r#"<key id="weight" for="edge" attr.name="weight" attr.type="double"/>"#)?;
    }
    writeln!(writer, r#"<graph edgedefault="undirected">"#)?;
    for u in 0..graph.node_count() {
        writeln!(writer, r#"<node id="n{u}"/>"#)?;
    }
    for (u, v, weight) in graph.edges() {
        write!(writer, r#"<edge source="n{u}" target="n{v}""#)?;
        if graph.is_weighted() {
            writeln!(writer, r#"><data key="weight">{weight:?}</data></edge>"#)?;
        } else {
            writeln!(writer, "/>")?;
        }
    }
    writeln!(writer, "</graph>\n</graphml>")?;
    Ok(writer.flush()?)
}
