//! DIMACS files: `c` comments, a line `p KIND nodes edges`, then `e u v [weight]` or `a u v [weight]`.
//!
//! Nodes are numbered from 1. `e` lines are edges. `a` lines (of shortest paths, `p sp`, and flows) are arcs,
//! which must be there from both ends unless [`ReadOptions::symmetrize`] says what to do. The graphs of PACE
//! (`p tw`) have edges without a letter. Other lines are reported as not used.

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
use crate::error::Result;
use crate::labelled::NodeLabels;
use crate::symmetrize::Symmetrize;

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut report = ReadReport::new(Format::Dimacs);
    let mut lines = Lines::new(decompressed(reader)?);
    let (mut comments, mut first_comment, mut others) = (0, 0, 0);
    let (mut edge_lines, mut arc_lines) = (0_u64, 0_u64);
    let mut sizes: Option<(u64, u64, u64)> = None;
    let mut edges = Edges::default();
    loop {
        let number = lines.number() + 1;
        let Some(line) = lines.next_line()? else { break };
        let fields: Vec<&str> = line.split_whitespace().take(6).collect();
        let (u, v, weight) = match fields[..] {
            [] => continue,
            ["c", ..] => {
                comments += 1;
                first_comment = if comments == 1 { number } else { first_comment };
                continue;
            }
            ["p", _, nodes, declared] if sizes.is_none() => {
                let (Ok(nodes), Ok(declared)) = (nodes.parse(), declared.parse()) else {
                    let message = format!("expected `p KIND nodes edges`, found {line:?}");
                    return Err(parse_error(number, message));
                };
                sizes = Some((nodes, declared, number));
                continue;
            }
            ["e", u, v] => (u, v, None),
            ["e", u, v, weight] => (u, v, Some(weight)),
            ["a", u, v] => {
                arc_lines += 1;
                (u, v, None)
            }
            ["a", u, v, weight] => {
                arc_lines += 1;
                (u, v, Some(weight))
            }
            [u, v] if u.bytes().all(|byte| byte.is_ascii_digit()) => (u, v, None),
            [letter, ..]
                if letter.len() == 1 && letter != "p" && letter.bytes().all(|b| b.is_ascii_alphabetic()) =>
            {
                others += 1;
                continue;
            }
            _ => {
                let expected = "`c ...`, one `p KIND nodes edges`, `e u v [weight]` or `a u v [weight]`";
                return Err(parse_error(number, format!("expected {expected}, found {line:?}")));
            }
        };
        let Some((nodes, ..)) = sizes else {
            return Err(parse_error(number, "an edge before the line `p KIND nodes edges`"));
        };
        edge_lines += 1;
        let weight = match weight.filter(|_| options.weights != WeightColumn::Ignore) {
            Some(weight) => parse_weight(weight, number)?,
            None => 1.0,
        };
        edges.push(node_index(u, 1, nodes, number)?, node_index(v, 1, nodes, number)?, weight, number);
    }
    let Some((nodes, declared, line)) = sizes else {
        return Err(parse_error(lines.number().max(1), "expected a line `p KIND nodes edges`, found none"));
    };
    if arc_lines > 0 && arc_lines < edge_lines {
        return Err(parse_error(line, "arcs (`a`) and edges (`e`) are mixed: expected one kind"));
    }
    if comments > 0 {
        report.note(ReadNote::Comments { count: comments, first_line: first_comment });
    }
    if others > 0 {
        report.unused("lines that are neither edges nor arcs", others, "");
    }
    if declared != edge_lines {
        let what = format!("the file declares {declared} edges and has {edge_lines}");
        report.note(ReadNote::Lenient { what });
    }
    check_declared(nodes, line, options)?;
    check_node_count(nodes, edges.len(), line, options)?;
    let rule = if arc_lines > 0 { options.rule().or(Some(Symmetrize::Reject)) } else { options.symmetrize };
    counted(edges, nodes, 1, rule, options, report)
}

/// Writes `e u v`, with the weight behind if the graph has weights.
pub(super) fn write(graph: &CsrGraph, mut writer: impl Write) -> Result<()> {
    writeln!(writer, "p edge {} {}", graph.node_count(), graph.edge_count())?;
    for (u, v, weight) in graph.edges() {
        if graph.is_weighted() {
            writeln!(writer, "e {} {} {weight:?}", u + 1, v + 1)?;
        } else {
            writeln!(writer, "e {} {}", u + 1, v + 1)?;
        }
    }
    Ok(())
}
