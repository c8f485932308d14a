//! SMAT, the sparse matrix text format of several graph-clustering packages.
//!
//! The first line is `rows columns entries`; each further line is `i j value`, with numbers from 0. Blank
//! lines are skipped; there are no comments. Accepted are square matrices that either hold every edge from
//! both ends (as the packages write them) or only entries on and to one side of the diagonal, and matrices that
//! are not square, which are those of bipartite graphs. Anything else needs [`ReadOptions::symmetrize`].

use std::io::{BufWriter, Read, Write};

use super::edges::Built;
use super::input::decompressed;
use super::lines::Lines;
use super::matrix::Matrix;
use super::options::{Format, ReadOptions};
use super::report::ReadReport;
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;
use crate::labelled::NodeLabels;

/// Reads a graph from SMAT.
///
/// # Errors
/// [`GraphError::Parse`](crate::GraphError::Parse) also if there are more or fewer entries than declared, or if
/// both triangles are there and differ, and those listed in [`read_graph`](super::read_graph).
pub fn read_smat(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    read(reader, options).map(|(built, ..)| built.graph)
}

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut lines = Lines::new(decompressed(reader)?);
    let (mut matrix, declared) = Matrix::sizes(&mut lines, 0, false)?;
    matrix.read_entries(&mut lines, declared, Some(true), options, false)?;
    let ends = &matrix.entries.ends;
    let triangle = ends.iter().all(|&(i, j)| i <= j) || ends.iter().all(|&(i, j)| i >= j);
    matrix.graph(!triangle || options.rule().is_some(), options, ReadReport::new(Format::Smat))
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
