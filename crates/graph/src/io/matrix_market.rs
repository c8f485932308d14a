//! Matrix Market coordinate files (`.mtx`).
//!
//! `%%MatrixMarket matrix coordinate FIELD SYMMETRY`, comments `%`, a line `rows columns entries`, then
//! `i j value` (`i j` for `pattern`), with numbers from 1. FIELD is real, double, integer or pattern (all
//! weights 1). SYMMETRY is symmetric (one triangle is stored; which one is not checked) or general, which
//! must be symmetric unless [`ReadOptions::symmetrize`] says what to do. All else is an error.

use std::io::{BufWriter, Read, Write};

use super::lines::Lines;
use super::smat::{matrix_entries, matrix_size};
use super::{ReadOptions, check_node_count, decompressed, parse_error};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;
use crate::symmetrize::Symmetrize;

const BANNER: &str = "`%%MatrixMarket matrix coordinate real|integer|pattern symmetric|general`";

/// Reads a graph from a Matrix Market file.
///
/// # Errors
/// [`GraphError::Parse`](crate::GraphError::Parse) also if there are more or fewer entries than declared,
/// [`GraphError::NotSymmetric`](crate::GraphError::NotSymmetric) for a general matrix that is not
/// symmetric, and those listed in [`read_graph`](super::read_graph).
pub fn read_matrix_market(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    let mut lines = Lines::new(decompressed(reader)?);
    let banner = lines.next_line()?.unwrap_or_default().to_lowercase();
    let words: Vec<_> = banner.split_whitespace().collect();
    let found = || parse_error(1, format!("expected {BANNER}, found {:?}", words.join(" ")));
    let ["%%matrixmarket", "matrix", "coordinate", field, symmetry] = words[..] else { return Err(found()) };
    let values = match field {
        "real" | "double" | "integer" => true,
        "pattern" => false,
        _ => return Err(found()),
    };
    let symmetric = match symmetry {
        "symmetric" => true,
        "general" => false,
        _ => return Err(found()),
    };
    let (rows, declared, header) = matrix_size(&mut lines, true, options)?;
    let entries = matrix_entries(&mut lines, rows, declared, 1, values)?;
    check_node_count(rows, entries.len(), header, options)?;
    if !symmetric {
        return CsrGraph::from_arcs(rows, entries, options.symmetrize.unwrap_or(Symmetrize::Reject));
    }
    let below = entries.iter().any(|&(i, j, _)| i > j);
    if below && let Some(&(i, j, _)) = entries.iter().find(|&&(i, j, _)| i < j) {
        let message = format!(
            "declared symmetric, which stores one triangle, but has entries on both sides of the diagonal \
             (such as {} {})",
            i + 1,
            j + 1
        );
        return Err(parse_error(header, message));
    }
    CsrGraph::from_weighted_edges(rows, entries)
}

/// Writes the lower triangle, `real symmetric` or `pattern symmetric`, with values that read back to the
/// same bits.
///
/// # Errors
/// [`GraphError::Io`](crate::GraphError::Io).
pub fn write_matrix_market(graph: &CsrGraph, writer: impl Write) -> Result<()> {
    let mut writer = BufWriter::new(writer);
    let n = graph.node_count();
    let field = if graph.is_weighted() { "real" } else { "pattern" };
    writeln!(writer, "%%MatrixMarket matrix coordinate {field} symmetric")?;
    writeln!(writer, "{n} {n} {}", graph.edge_count())?;
    for (u, v, weight) in graph.edges() {
        if graph.is_weighted() {
            writeln!(writer, "{} {} {weight:?}", v + 1, u + 1)?;
        } else {
            writeln!(writer, "{} {}", v + 1, u + 1)?;
        }
    }
    Ok(writer.flush()?)
}
