//! SMAT, the sparse matrix text format of several graph-clustering packages.
//!
//! The first line is `rows columns entries`; each further line is `i j value`, with numbers from 0. Blank
//! lines are skipped; there are no comments. Accepted are square matrices that either hold every edge from
//! both ends (as the packages write them) or only entries on and to one side of the diagonal. Anything
//! else needs [`ReadOptions::symmetrize`].

use std::io::{BufRead, BufWriter, Read, Write};

use super::lines::Lines;
use super::{ReadOptions, check_node_count, decompressed, parse_error, parse_weight};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;
use crate::symmetrize::Symmetrize;

/// Reads a graph from SMAT.
///
/// # Errors
/// [`GraphError::Parse`](crate::GraphError::Parse) also if there are more or fewer entries than declared,
/// [`GraphError::NotSymmetric`](crate::GraphError::NotSymmetric) if both triangles are there and differ,
/// and those listed in [`read_graph`](super::read_graph).
pub fn read_smat(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    let mut lines = Lines::new(decompressed(reader)?);
    let (rows, declared, header) = matrix_size(&mut lines, false, options)?;
    let entries = matrix_entries(&mut lines, rows, declared, 0, true)?;
    check_node_count(rows, entries.len(), header, options)?;
    let triangle = entries.iter().all(|&(i, j, _)| i <= j) || entries.iter().all(|&(i, j, _)| i >= j);
    match options.symmetrize {
        None if triangle => CsrGraph::from_weighted_edges(rows, entries),
        rule => CsrGraph::from_arcs(rows, entries, rule.unwrap_or(Symmetrize::Reject)),
    }
}

/// Finds `rows columns entries` of a square matrix: rows, entries and the number of that line.
pub(super) fn matrix_size(
    lines: &mut Lines<impl BufRead>,
    comments: bool,
    options: &ReadOptions,
) -> Result<(u64, u64, u64)> {
    let (number, line) = loop {
        let number = lines.number() + 1;
        match lines.next_line()? {
            None => {
                return Err(parse_error(
                    number,
                    "expected `rows columns entries`, found the end of the file",
                ));
            }
            Some(line) if line.is_empty() || (comments && line.starts_with('%')) => {}
            Some(line) => break (number, line.to_owned()),
        }
    };
    let sizes: Option<Vec<u64>> = line.split_whitespace().map(|field| field.parse().ok()).collect();
    let Some([rows, columns, entries]) = sizes.as_deref() else {
        let message = format!("expected three sizes, `rows columns entries`, found {line:?}");
        return Err(parse_error(number, message));
    };
    if rows != columns {
        let message = format!("the matrix is {rows} x {columns}: a graph needs a square one");
        return Err(parse_error(number, message));
    }
    match options.node_count {
        Some(expected) if expected != *rows => {
            let message = format!("the file declares {rows} nodes, `ReadOptions::node_count` {expected}");
            Err(parse_error(number, message))
        }
        _ => Ok((*rows, *entries, number)),
    }
}

/// Reads exactly `declared` lines `i j value` (`i j` without values), numbers from `base`.
pub(super) fn matrix_entries(
    lines: &mut Lines<impl BufRead>,
    rows: u64,
    declared: u64,
    base: u64,
    values: bool,
) -> Result<Vec<(u64, u64, f64)>> {
    let expected = if values { "`row column value`" } else { "`row column`" };
    let mut entries = Vec::new();
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next_line()? else { break };
        if line.is_empty() || (base == 1 && line.starts_with('%')) {
            continue;
        }
        if entries.len() as u64 == declared {
            let message = format!("expected the end of the file after {declared} entries, found {line:?}");
            return Err(parse_error(number, message));
        }
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        let (row, column, value) = match (fields.as_slice(), values) {
            ([row, column, value], true) => (row, column, parse_weight(value, number)?),
            ([row, column], false) => (row, column, 1.0),
            _ => return Err(parse_error(number, format!("expected {expected}, found {line:?}"))),
        };
        let index = |text: &str| match text.parse::<u64>() {
            Ok(index) if index >= base && index - base < rows => Ok(index - base),
            _ => {
                let last = (rows + base).saturating_sub(1);
                let message = format!("expected a node number from {base} to {last}, found {text:?}");
                Err(parse_error(number, message))
            }
        };
        entries.push((index(row)?, index(column)?, value));
    }
    if (entries.len() as u64) < declared {
        let message = format!("the file ends after {} of {declared} declared entries", entries.len());
        return Err(parse_error(lines.number().max(1), message));
    }
    Ok(entries)
}

/// Writes a graph as SMAT, each edge from both ends and a self-loop once, with values that read back to
/// the same bits.
///
/// # Errors
/// [`GraphError::Io`](crate::GraphError::Io).
pub fn write_smat(graph: &CsrGraph, writer: impl Write) -> Result<()> {
    let mut writer = BufWriter::new(writer);
    let n = graph.node_count();
    let entries: usize = (0..n).map(|u| graph.arc_count(u)).sum();
    writeln!(writer, "{n} {n} {entries}")?;
    for u in 0..n {
        let mut written = Ok(());
        graph.neighbors(u, |v, weight| {
            if written.is_ok() {
                written = writeln!(writer, "{u} {v} {weight:?}");
            }
        });
        written?;
    }
    Ok(writer.flush()?)
}
