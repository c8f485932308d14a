//! Matrix Market coordinate files (`.mtx`).
//!
//! `%%MatrixMarket matrix coordinate FIELD SYMMETRY`, comments `%`, a line `rows columns entries`, then
//! `i j value` (`i j` for `pattern`), with numbers from 1. FIELD is real, double, integer, unsigned-integer or
//! pattern (all weights 1, unless there are values, as in files of the Network Repository). SYMMETRY is
//! symmetric (one triangle, or all entries from both sides) or general, which must be symmetric unless
//! [`ReadOptions::symmetrize`] says what to do. A matrix that is not square is that of a bipartite graph: its
//! rows are the first nodes and its columns the others. All else is an error.

use std::io::{BufWriter, Read, Write};

use super::edges::Built;
use super::input::decompressed;
use super::lines::Lines;
use super::matrix::Matrix;
use super::options::{Format, ReadOptions};
use super::parse_error;
use super::report::{ReadNote, ReadReport};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;
use crate::labelled::NodeLabels;

const BANNER: &str =
    "`%%MatrixMarket matrix coordinate real|integer|unsigned-integer|pattern symmetric|general`";

/// Reads a graph from a Matrix Market file.
///
/// # Errors
/// [`GraphError::Parse`](crate::GraphError::Parse) also if there are more or fewer entries than declared or if a
/// general matrix is not symmetric, and those listed in [`read_graph`](super::read_graph).
pub fn read_matrix_market(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    read(reader, options).map(|(built, ..)| built.graph)
}

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut report = ReadReport::new(Format::MatrixMarket);
    let mut lines = Lines::new(decompressed(reader)?);
    let banner = lines.next_line()?.unwrap_or_default().to_lowercase();
    let words: Vec<_> = banner.split_whitespace().collect();
    let found = || parse_error(1, format!("expected {BANNER}, found {:?}", words.join(" ")));
    let ["%%matrixmarket" | "%matrixmarket", "matrix", "coordinate", field, symmetry] = words[..] else {
        return Err(found());
    };
    let pattern = match field {
        "real" | "double" | "integer" | "unsigned-integer" => false,
        "pattern" => true,
        _ => return Err(found()),
    };
    let symmetric = match symmetry {
        "symmetric" => true,
        "general" => false,
        _ => return Err(found()),
    };
    let (mut matrix, declared) = Matrix::sizes(&mut lines, 1, true)?;
    if symmetric && matrix.rows != matrix.columns {
        let message = format!(
            "declared symmetric, but the matrix is {} x {}: expected a square one, or `general`",
            matrix.rows, matrix.columns
        );
        return Err(parse_error(matrix.header, message));
    }
    let expected = if pattern { None } else { Some(true) };
    let values = matrix.read_entries(&mut lines, declared, expected, options, true)?;
    if pattern && values {
        let what = "declared `pattern`, but the entries have values: read as weights".to_owned();
        report.note(ReadNote::Lenient { what });
    }
    let both = symmetric && both_sides(&matrix)?;
    if both {
        let what =
            "declared `symmetric`, but holds every entry from both sides: read as a whole matrix".to_owned();
        report.note(ReadNote::Lenient { what });
    }
    matrix.graph(!symmetric || both, options, report)
}

/// Whether a matrix that is declared symmetric holds every pair twice; an error if it holds some pairs twice.
fn both_sides(matrix: &Matrix) -> Result<bool> {
    let ends = &matrix.entries.ends;
    let (below, above) = (ends.iter().any(|&(i, j)| i > j), ends.iter().find(|&&(i, j)| i < j));
    let Some(&(i, j)) = above.filter(|_| below) else { return Ok(false) };
    let mut pairs: Vec<(u32, u32)> =
        ends.iter().filter(|&&(i, j)| i != j).map(|&(i, j)| (i.min(j), i.max(j))).collect();
    pairs.sort_unstable();
    let twice = pairs.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count();
    if twice == 0 {
        return Ok(false);
    }
    if 2 * twice == pairs.len() {
        return Ok(true);
    }
    let message = format!(
        "declared symmetric, which stores one triangle, but has entries on both sides of the diagonal (such as \
         {} {}), of which {twice} pairs occur twice and others once",
        i + 1,
        j + 1
    );
    Err(parse_error(matrix.header, message))
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
