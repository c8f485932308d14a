//! Pajek files (`.net`): `*Vertices`, then `*Edges` or `*Arcs`, as pairs, lists or a matrix.
//!
//! `*Vertices n` is followed by lines `number "label" …` for some or all of them; `*Vertices n rows` says that
//! the first `rows` nodes are of one kind and the others of another. `*Edges` and `*Arcs` hold `u v [weight]`,
//! `*Edgeslist` and `*Arcslist` a node and its neighbours, `*Matrix` all weights. Arcs need
//! [`ReadOptions::symmetrize`]. Coordinates, shapes and other sections are reported as not used.

use std::io::{BufRead, Read, Write};

use super::edges::{Built, Edges};
use super::input::decompressed;
use super::lines::Lines;
use super::matrix::{check_declared, node_index};
use super::nodes;
use super::options::{Format, NodeNames, ReadOptions, WeightColumn};
use super::report::{ReadNote, ReadReport};
use super::{DIRECTED, check_node_count, parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::NodeLabels;
use crate::names::Names;
use crate::symmetrize::Symmetrize;

#[derive(Clone, Copy, PartialEq)]
enum Section {
    None,
    Vertices,
    Pairs { arcs: bool },
    Lists { arcs: bool },
    Matrix,
    Other,
}

#[derive(Default)]
struct Network {
    nodes: u64,
    /// The line of `*Vertices`.
    header: u64,
    labels: Vec<(u32, String)>,
    edges: Edges,
    arcs: u64,
    symmetric: bool,
    comments: u64,
    first_comment: u64,
    /// What is behind the labels, behind the weights, and in other sections.
    vertex_data: u64,
    edge_data: u64,
    others: Vec<String>,
    rows_read: u64,
}

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut network = Network::default();
    let last = network.read(&mut Lines::long(decompressed(reader)?), options)?;
    if network.header == 0 {
        return Err(parse_error(last, "expected a line `*Vertices n`, found the end of the file"));
    }
    network.finish(options)
}

impl Network {
    fn read(&mut self, lines: &mut Lines<impl BufRead>, options: &ReadOptions) -> Result<u64> {
        let mut section = Section::None;
        loop {
            let number = lines.number() + 1;
            let Some(line) = lines.next_line()? else { break };
            if line.is_empty() {
                continue;
            }
            if line.starts_with('%') {
                self.comments += 1;
                self.first_comment = if self.comments == 1 { number } else { self.first_comment };
                continue;
            }
            if let Some(title) = line.strip_prefix('*') {
                section = self.section(title, number)?;
                continue;
            }
            match section {
                Section::None => {
                    return Err(parse_error(number, format!("expected `*Vertices n`, found {line:?}")));
                }
                Section::Vertices => self.vertex(line, number)?,
                Section::Pairs { arcs } => self.pair(line, arcs, number, options)?,
                Section::Lists { arcs } => {
                    let mut fields = line.split_whitespace();
                    let Some(first) = fields.next() else { continue };
                    let u = node_index(first, 1, self.nodes, number)?;
                    for field in fields {
                        self.arcs += u64::from(arcs);
                        self.edges.push(u, node_index(field, 1, self.nodes, number)?, 1.0, number);
                    }
                }
                Section::Matrix => self.matrix_row(line, number, options)?,
                Section::Other => {}
            }
        }
        Ok(lines.number().max(1))
    }

    fn section(&mut self, title: &str, line: u64) -> Result<Section> {
        let mut words = title.split_whitespace();
        let name = words.next().unwrap_or_default().to_lowercase();
        if self.header == 0 && !matches!(name.as_str(), "vertices" | "network") {
            return Err(parse_error(line, format!("`*{name}` before `*Vertices n`")));
        }
        Ok(match name.as_str() {
            "network" => Section::None,
            "vertices" => {
                if self.header > 0 {
                    return Err(parse_error(line, "a second `*Vertices`: expected one network in the file"));
                }
                let count = words.next().and_then(|word| word.parse().ok());
                let message = "expected `*Vertices n` with the number of nodes";
                self.nodes = count.ok_or_else(|| parse_error(line, message))?;
                if self.nodes > u64::from(u32::MAX) {
                    return Err(parse_error(line, format!("{} nodes do not fit in 32 bits", self.nodes)));
                }
                self.header = line;
                Section::Vertices
            }
            "edges" => Section::Pairs { arcs: false },
            "arcs" => Section::Pairs { arcs: true },
            "edgeslist" => Section::Lists { arcs: false },
            "arcslist" => Section::Lists { arcs: true },
            "matrix" => {
                self.symmetric = true;
                Section::Matrix
            }
            _ => {
                self.others.push(format!("the section `*{title}` of line {line}"));
                Section::Other
            }
        })
    }

    fn vertex(&mut self, line: &str, number: u64) -> Result<()> {
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let node = node_index(first, 1, self.nodes, number)?;
        let rest = rest.trim_start();
        let (label, rest) = match rest.strip_prefix('"') {
            Some(inside) => inside.split_once('"').ok_or_else(|| {
                parse_error(number, "the label of a vertex opens with a quote that is not closed")
            })?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        self.vertex_data += u64::from(!rest.trim().is_empty());
        self.labels.push((node, label.to_owned()));
        Ok(())
    }

    fn pair(&mut self, line: &str, arcs: bool, number: u64, options: &ReadOptions) -> Result<()> {
        let mut fields = line.split_whitespace();
        let (Some(u), Some(v)) = (fields.next(), fields.next()) else {
            return Err(parse_error(number, format!("expected `u v [weight]`, found {line:?}")));
        };
        let mut fields = fields.peekable();
        // Words are attributes of the drawing: the weight is left out.
        let weight = fields.next_if(|field| field.parse::<f64>().is_ok());
        let weight = match weight.filter(|_| options.weights != WeightColumn::Ignore) {
            Some(weight) => parse_weight(weight, number)?,
            None => 1.0,
        };
        self.edge_data += u64::from(fields.next().is_some());
        self.arcs += u64::from(arcs);
        let (u, v) = (node_index(u, 1, self.nodes, number)?, node_index(v, 1, self.nodes, number)?);
        self.edges.push(u, v, weight, number);
        Ok(())
    }

    fn matrix_row(&mut self, line: &str, number: u64, options: &ReadOptions) -> Result<()> {
        let u = self.rows_read;
        let fields: Vec<&str> = line.split_whitespace().collect();
        if u >= self.nodes || fields.len() as u64 != self.nodes {
            let message = format!(
                "expected {0} rows of {0} weights, found {1} in row {2}",
                self.nodes,
                fields.len(),
                u + 1
            );
            return Err(parse_error(number, message));
        }
        self.rows_read += 1;
        for (v, field) in fields.into_iter().enumerate() {
            let weight = parse_weight(field, number)?;
            let weight = if options.weights == WeightColumn::Ignore && weight > 0.0 { 1.0 } else { weight };
            if weight > 0.0 {
                self.edges.push(u as u32, v as u32, weight, number);
            }
        }
        Ok(())
    }

    fn finish(self, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
        let mut report = ReadReport::new(Format::Pajek);
        if self.comments > 0 {
            report.note(ReadNote::Comments { count: self.comments, first_line: self.first_comment });
        }
        for (what, count) in [
            ("what follows the labels of vertices (coordinates, shapes)", self.vertex_data),
            ("what follows the weights of edges", self.edge_data),
        ] {
            if count > 0 {
                report.unused(what, count, "");
            }
        }
        for section in self.others {
            report.unused(section, 0, "");
        }
        check_declared(self.nodes, self.header, options)?;
        check_node_count(self.nodes, self.edges.len() + self.labels.len(), self.header, options)?;
        if self.arcs > 0 && self.arcs < self.edges.len() as u64 {
            let message = "arcs and edges are mixed: expected one kind";
            return Err(parse_error(self.header, message));
        }
        let rule = if self.symmetric {
            options.rule().or(Some(Symmetrize::Reject))
        } else if self.arcs == 0 {
            None
        } else if options.rule().is_none() {
            return Err(parse_error(self.edges.line(0), DIRECTED));
        } else {
            if !options.directed {
                report.note(ReadNote::Undirected { count: self.arcs });
            }
            options.rule()
        };
        let labels = if self.labels.is_empty() || options.names == NodeNames::Id {
            NodeLabels::counted(1, self.nodes)
        } else {
            let mut ids = Names::default();
            let mut labels = vec![None; self.nodes as usize];
            for node in 1..=self.nodes {
                ids.insert(node.to_string().as_bytes());
            }
            for (node, label) in self.labels {
                labels[node as usize] = Some(label);
            }
            nodes::name(ids, &labels, Format::Pajek, options, &mut report)?
        };
        let name = |node: u64| format!("{:?}", labels.label(node));
        let graph = self.edges.build(self.nodes, rule, options.directed, name, &mut report)?;
        Ok((graph, labels, report))
    }
}

/// Writes the labels in quotes.
pub(super) fn write(graph: &CsrGraph, labels: &NodeLabels, mut writer: impl Write) -> Result<()> {
    writeln!(writer, "*Vertices {}", graph.node_count())?;
    for (node, label) in labels.iter().enumerate() {
        if label.contains(['"', '\n', '\r']) {
            let message =
                format!("the name {label:?} holds a quote or a line break, which Pajek files cannot");
            return Err(GraphError::NotWritable { format: Format::Pajek, message });
        }
        writeln!(writer, "{} \"{label}\"", node + 1)?;
    }
    writeln!(writer, "*Edges")?;
    for (u, v, weight) in graph.edges() {
        writeln!(writer, "{} {} {weight:?}", u + 1, v + 1)?;
    }
    Ok(())
}
