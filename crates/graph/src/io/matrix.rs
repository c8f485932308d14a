//! What the formats share that hold a matrix or count their nodes: sizes, entries and the graph from them.

use std::io::BufRead;

use super::edges::{Built, Edges};
use super::lines::Lines;
use super::options::{ReadOptions, WeightColumn};
use super::report::{ReadNote, ReadReport};
use super::{check_node_count, parse_error, parse_weight};
use crate::error::Result;
use crate::labelled::NodeLabels;
use crate::symmetrize::Symmetrize;

/// A sparse matrix as it stands in a file.
pub(super) struct Matrix {
    pub(super) rows: u64,
    pub(super) columns: u64,
    /// The line that says so.
    pub(super) header: u64,
    /// The number of the first row and column.
    pub(super) base: u64,
    pub(super) entries: Edges,
}

impl Matrix {
    /// Finds `rows columns entries`; returns the number of entries too.
    pub(super) fn sizes(lines: &mut Lines<impl BufRead>, base: u64, comments: bool) -> Result<(Self, u64)> {
        let (header, line) = loop {
            let number = lines.number() + 1;
            match lines.next_line()? {
                None => {
                    let message = "expected `rows columns entries`, found the end of the file";
                    return Err(parse_error(number, message));
                }
                Some(line) if line.is_empty() || (comments && line.starts_with('%')) => {}
                Some(line) => break (number, line.to_owned()),
            }
        };
        let sizes: Option<Vec<u64>> = line.split_whitespace().map(|field| field.parse().ok()).collect();
        let Some(&[rows, columns, entries]) = sizes.as_deref() else {
            let message = format!("expected three sizes, `rows columns entries`, found {line:?}");
            return Err(parse_error(header, message));
        };
        Ok((Self { rows, columns, header, base, entries: Edges::default() }, entries))
    }

    /// Reads exactly `declared` lines `i j value` (`i j` without values; `None` if the first line tells).
    /// Returns whether there are values.
    pub(super) fn read_entries(
        &mut self,
        lines: &mut Lines<impl BufRead>,
        declared: u64,
        mut values: Option<bool>,
        options: &ReadOptions,
        comments: bool,
    ) -> Result<bool> {
        loop {
            let number = lines.number() + 1;
            let Some(line) = lines.next_line()? else { break };
            if line.is_empty() || (comments && line.starts_with('%')) {
                continue;
            }
            if self.entries.len() as u64 == declared {
                let message =
                    format!("expected the end of the file after {declared} entries, found {line:?}");
                return Err(parse_error(number, message));
            }
            let mut fields = line.split_whitespace();
            let fields = [fields.next(), fields.next(), fields.next(), fields.next()];
            let has_value = *values.get_or_insert(fields[2].is_some());
            let (row, column, value) = match (fields, has_value) {
                ([Some(row), Some(column), Some(value), None], true) => (row, column, Some(value)),
                ([Some(row), Some(column), None, None], false) => (row, column, None),
                _ => {
                    let expected = if has_value { "`row column value`" } else { "`row column`" };
                    return Err(parse_error(number, format!("expected {expected}, found {line:?}")));
                }
            };
            let value = match value.filter(|_| options.weights != WeightColumn::Ignore) {
                Some(value) => parse_weight(value, number)?,
                None => 1.0,
            };
            let u = node_index(row, self.base, self.rows, number)?;
            let v = node_index(column, self.base, self.columns, number)?;
            self.entries.push(u, v, value, number);
        }
        if (self.entries.len() as u64) < declared {
            let message =
                format!("the file ends after {} of {declared} declared entries", self.entries.len());
            return Err(parse_error(lines.number().max(1), message));
        }
        Ok(values.unwrap_or(false))
    }

    /// The graph of a matrix whose entries are edges (`directed`: arcs that must be there from both ends unless
    /// the options say what to do). A matrix that is not square is that of a bipartite graph.
    pub(super) fn graph(
        mut self,
        directed: bool,
        options: &ReadOptions,
        mut report: ReadReport,
    ) -> Result<(Built, NodeLabels, ReadReport)> {
        let bipartite = options.bipartite || self.rows != self.columns;
        let node_count = if bipartite { self.rows.saturating_add(self.columns) } else { self.rows };
        check_declared(node_count, self.header, options)?;
        check_node_count(node_count, self.entries.len(), self.header, options)?;
        if !bipartite {
            let rule = if directed { options.rule().or(Some(Symmetrize::Reject)) } else { None };
            return counted(self.entries, node_count, self.base, rule, options, report);
        }
        for ends in &mut self.entries.ends {
            // Fits: rows and columns together are fewer than 2^32.
            ends.1 = (u64::from(ends.1) + self.rows) as u32;
        }
        let labels = NodeLabels::sides(self.rows, self.columns);
        report.note(ReadNote::Bipartite { rows: self.rows, columns: self.columns });
        let name = |node: u64| labels.label(node).into_owned();
        let graph = self.entries.build(node_count, None, options.directed, name, &mut report)?;
        Ok((graph, labels, report))
    }
}

/// Parses a number from `base` below `base + count`.
pub(super) fn node_index(text: &str, base: u64, count: u64, line: u64) -> Result<u32> {
    match text.parse::<u64>().ok().and_then(|index| index.checked_sub(base)).filter(|&index| index < count) {
        Some(index) if index < u64::from(u32::MAX) => Ok(index as u32),
        Some(_) => Err(parse_error(line, format!("node {text} does not fit in 32 bits"))),
        None if count == 0 => {
            Err(parse_error(line, format!("the node number {text:?} in a graph without nodes")))
        }
        None => {
            let last = (count - 1).saturating_add(base);
            let message = format!("expected a node number from {base} to {last}, found {text:?}");
            Err(parse_error(line, message))
        }
    }
}

/// Refuses a declared size that is not the one asked for.
pub(super) fn check_declared(node_count: u64, line: u64, options: &ReadOptions) -> Result<()> {
    match options.node_count {
        Some(expected) if expected != node_count => {
            let message =
                format!("the file declares {node_count} nodes, `ReadOptions::node_count` {expected}");
            Err(parse_error(line, message))
        }
        _ => Ok(()),
    }
}

/// A graph whose nodes are called `base`, `base + 1`, …
pub(super) fn counted(
    edges: Edges,
    node_count: u64,
    base: u64,
    rule: Option<Symmetrize>,
    options: &ReadOptions,
    mut report: ReadReport,
) -> Result<(Built, NodeLabels, ReadReport)> {
    let name = |node: u64| format!("node {}", node + base);
    let graph = edges.build(node_count, rule, options.directed, name, &mut report)?;
    Ok((graph, NodeLabels::counted(base, node_count), report))
}
