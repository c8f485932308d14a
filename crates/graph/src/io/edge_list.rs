//! Edge lists: one edge a line.
//!
//! `u v` or `u v weight`, with node numbers from 0. Blank lines and lines that start with `#`, `%` or `//`
//! are skipped. All edge lines have the same number of columns.

use std::io::{BufWriter, Read, Write};

use super::lines::Lines;
use super::{ReadOptions, WeightColumn, check_node_count, decompressed, parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};

/// Reads an edge list. The number of nodes is the largest node number + 1 unless the options give one.
///
/// ```
/// use kiln_graph::{Adjacency, io::{ReadOptions, read_edge_list}};
/// let graph = read_edge_list("# a triangle\n0,1\n1,2\n2,0\n".as_bytes(), &ReadOptions::default())?;
/// assert_eq!((graph.node_count(), graph.degree(0)), (3, 2.0));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::Parse`] for a line that is not an edge, [`GraphError::TooManyNodes`] for a node number over
/// 2³² - 2, [`GraphError::UnknownNode`] for one that is not below [`ReadOptions::node_count`], and those
/// listed in [`read_graph`](super::read_graph).
pub fn read_edge_list(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    let mut lines = Lines::new(decompressed(reader)?);
    let mut ends: Vec<(u32, u32)> = Vec::new();
    // Filled once a weight other than 1 occurs, so that unweighted files cost 8 bytes an edge.
    let mut weights: Vec<f64> = Vec::new();
    let mut columns = None;
    let mut largest = (0, 0);
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next_line()? else { break };
        if line.is_empty() || line.starts_with(['#', '%']) || line.starts_with("//") {
            continue;
        }
        let (u, v, weight, found) = parse_line(line, number, options)?;
        if *columns.get_or_insert(found) != found && options.weights != WeightColumn::Ignore {
            let expected = columns.unwrap_or_default();
            let message = format!("expected {expected} columns as in the lines before, found {found}");
            return Err(parse_error(number, message));
        }
        for node in [u, v] {
            match options.node_count {
                Some(node_count) if node >= node_count => {
                    return Err(GraphError::UnknownNode { node, node_count });
                }
                _ if node >= u64::from(u32::MAX) => return Err(GraphError::TooManyNodes { node }),
                _ => largest = largest.max((node + 1, number)),
            }
        }
        if weight != 1.0 && weights.is_empty() {
            weights = vec![1.0; ends.len()];
            weights.push(weight);
        } else if !weights.is_empty() {
            weights.push(weight);
        }
        ends.push((u as u32, v as u32));
    }
    let node_count = options.node_count.unwrap_or(largest.0);
    check_node_count(node_count, ends.len(), largest.1.max(1), options)?;
    let wide = |(u, v): (u32, u32)| (u64::from(u), u64::from(v));
    if let Some(rule) = options.symmetrize {
        let weights = weights.into_iter().chain(std::iter::repeat(1.0));
        let arcs = ends.into_iter().zip(weights).map(|(edge, weight)| (wide(edge).0, wide(edge).1, weight));
        CsrGraph::from_arcs(node_count, arcs, rule)
    } else if weights.is_empty() {
        CsrGraph::from_edges(node_count, ends.into_iter().map(wide))
    } else {
        let edges = ends.into_iter().zip(weights).map(|(edge, weight)| (wide(edge).0, wide(edge).1, weight));
        CsrGraph::from_weighted_edges(node_count, edges)
    }
}

fn parse_line(line: &str, number: u64, options: &ReadOptions) -> Result<(u64, u64, f64, usize)> {
    let separator = options.separator.or_else(|| [',', ';'].into_iter().find(|&c| line.contains(c)));
    let mut fields = [""; 3];
    let mut found = 0;
    let mut keep = |field| {
        if found < 3 {
            fields[found] = field;
        }
        found += 1;
    };
    match separator {
        Some(separator) if separator != ' ' => line.split(separator).map(str::trim).for_each(&mut keep),
        _ => line.split_whitespace().for_each(&mut keep),
    }
    let (accepted, expected) = match options.weights {
        WeightColumn::Auto => (found == 2 || found == 3, "2 or 3 columns (u v [weight])"),
        WeightColumn::Ignore => (found >= 2, "at least 2 columns (u v)"),
        WeightColumn::Required => (found == 3, "3 columns (u v weight)"),
    };
    if !accepted {
        return Err(parse_error(number, format!("expected {expected}, found {found}")));
    }
    let node = |text: &str| {
        let error = || format!("expected a node number (0, 1, 2, ...), found {text:?}");
        text.parse::<u64>().map_err(|_| parse_error(number, error()))
    };
    let weighted = found == 3 && options.weights != WeightColumn::Ignore;
    let weight = if weighted { parse_weight(fields[2], number)? } else { 1.0 };
    Ok((node(fields[0])?, node(fields[1])?, weight, found))
}

/// Writes every edge once, `u v` with `u <= v`, and its weight if the graph has weights, in a form that
/// reads back to the same bits.
///
/// The number of nodes stands in a comment only: isolated nodes at the end come back if
/// [`ReadOptions::node_count`] is set.
///
/// # Errors
/// [`GraphError::Io`].
pub fn write_edge_list(graph: &CsrGraph, writer: impl Write) -> Result<()> {
    let mut writer = BufWriter::new(writer);
    writeln!(
        writer,
        "# undirected, nodes numbered from 0: {} nodes, {} edges",
        graph.node_count(),
        graph.edge_count()
    )?;
    for (u, v, weight) in graph.edges() {
        if graph.is_weighted() {
            writeln!(writer, "{u} {v} {weight:?}")?;
        } else {
            writeln!(writer, "{u} {v}")?;
        }
    }
    Ok(writer.flush()?)
}
