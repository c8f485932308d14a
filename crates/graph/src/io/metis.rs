//! METIS (and Chaco) files: line k lists the neighbours of node k.
//!
//! The first line that is no comment (`%`) is `nodes edges [fmt [ncon]]`; then a line for each node, which may
//! be blank, with its neighbours, numbered from 1. The digits of `fmt` say whether lines begin with a size of
//! the node, whether with `ncon` weights of the node (both are reported as not used), and whether each neighbour
//! is followed by the weight of the edge. Every edge is there from both ends.

use std::io::{Read, Write};

use super::edges::{Built, Edges};
use super::input::decompressed;
use super::lines::Lines;
use super::matrix::{check_declared, counted, node_index};
use super::options::{Format, ReadOptions, WeightColumn};
use super::report::{ReadNote, ReadReport};
use super::{check_node_count, parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::NodeLabels;
use crate::symmetrize::Symmetrize;

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut report = ReadReport::new(Format::Metis);
    let mut lines = Lines::long(decompressed(reader)?);
    let (mut comments, mut first_comment) = (0, 0);
    let mut sizes: Option<Sizes> = None;
    let mut node = 0;
    let mut edges = Edges::default();
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next_line()? else { break };
        if line.starts_with('%') {
            comments += 1;
            first_comment = if comments == 1 { number } else { first_comment };
            continue;
        }
        let Some(sizes) = &sizes else {
            if !line.is_empty() {
                sizes = Some(Sizes::parse(line, number)?);
            }
            continue;
        };
        if node == sizes.nodes {
            if line.is_empty() {
                continue;
            }
            let message = format!("expected the end of the file after the lines of {node} nodes");
            return Err(parse_error(number, message));
        }
        let mut fields = line.split_whitespace().skip(sizes.skipped);
        let u = u32::try_from(node)
            .map_err(|_| parse_error(number, "more than 2^32 nodes do not fit in 32 bits"))?;
        while let Some(field) = fields.next() {
            let v = node_index(field, 1, sizes.nodes, number)?;
            let mut weight = 1.0;
            if sizes.weighted {
                let missing =
                    || parse_error(number, format!("neighbour {field} has no weight, though `fmt` says so"));
                let text = fields.next().ok_or_else(missing)?;
                if options.weights != WeightColumn::Ignore {
                    weight = parse_weight(text, number)?;
                }
            }
            edges.push(u, v, weight, number);
        }
        node += 1;
    }
    let end = lines.number().max(1);
    let Some(sizes) = sizes else {
        return Err(parse_error(end, "expected `nodes edges [fmt [ncon]]`, found the end of the file"));
    };
    if node < sizes.nodes {
        let message = format!("the file ends after the lines of {node} of {} declared nodes", sizes.nodes);
        return Err(parse_error(end, message));
    }
    if comments > 0 {
        report.note(ReadNote::Comments { count: comments, first_line: first_comment });
    }
    if sizes.skipped > 0 {
        report.unused("the sizes and weights of nodes", node, "");
    }
    check_declared(node, sizes.line, options)?;
    check_node_count(node, edges.len(), sizes.line, options)?;
    let rule = options.rule().unwrap_or(Symmetrize::Reject);
    let read = counted(edges, node, 1, Some(rule), options, report)?;
    if read.2.edges == sizes.edges {
        return Ok(read);
    }
    let (graph, labels, mut report) = read;
    let what = format!("the file declares {} edges and has {}", sizes.edges, report.edges);
    report.note(ReadNote::Lenient { what });
    Ok((graph, labels, report))
}

/// The first line.
struct Sizes {
    nodes: u64,
    edges: u64,
    weighted: bool,
    /// How many fields of a line come before the neighbours.
    skipped: usize,
    line: u64,
}

impl Sizes {
    fn parse(text: &str, line: u64) -> Result<Self> {
        let error = || {
            parse_error(
                line,
                format!("expected `nodes edges [fmt [ncon]]` with `fmt` of 0s and 1s, found {text:?}"),
            )
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let (Some(nodes), Some(edges)) = (number(0), number(1)) else { return Err(error()) };
        let fmt = fields.get(2).copied().unwrap_or("0");
        if fmt.len() > 3 || !fmt.bytes().all(|digit| matches!(digit, b'0' | b'1')) || fields.len() > 4 {
            return Err(error());
        }
        let is = |from_end: usize| fmt.bytes().rev().nth(from_end) == Some(b'1');
        let weights = if fields.len() == 4 { number(3).ok_or_else(error)? } else { u64::from(is(1)) };
        let weights = if is(1) { usize::try_from(weights).map_err(|_| error())? } else { 0 };
        Ok(Self { nodes, edges, weighted: is(0), skipped: weights.saturating_add(usize::from(is(2))), line })
    }
}

/// Writes a METIS file; weights are written as they are, though METIS itself takes only whole ones.
pub(super) fn write(graph: &CsrGraph, labels: &NodeLabels, mut writer: impl Write) -> Result<()> {
    let loops = (0..graph.node_count()).find(|&u| graph.neighbor_ids(u).binary_search(&(u as u32)).is_ok());
    if let Some(node) = loops {
        return Err(GraphError::NotWritable {
            format: Format::Metis,
            message: format!(
                "{:?} has a connection with itself, and METIS files hold none",
                labels.label(node)
            ),
        });
    }
    let fmt = if graph.is_weighted() { " 001" } else { "" };
    writeln!(writer, "{} {}{fmt}", graph.node_count(), graph.edge_count())?;
    for u in 0..graph.node_count() {
        let mut line = String::new();
        graph.neighbors(u, |v, weight| {
            use std::fmt::Write;
            let space = if line.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = if graph.is_weighted() {
                write!(line, "{space}{} {weight:?}", v + 1)
            } else {
                write!(line, "{space}{}", v + 1)
            };
        });
        writeln!(writer, "{line}")?;
    }
    Ok(())
}
