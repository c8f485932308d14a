//! Edge lists: one edge a line.
//!
//! `u v` or `u v weight`, with node numbers from 0. Blank lines and lines that start with `#`, `%` or `//`
//! are skipped. All edge lines have the same number of columns.

use std::io::{BufWriter, Read, Write};

use super::{Format, ReadOptions, table};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::Result;

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
/// [`GraphError::Parse`](crate::GraphError::Parse) for a line that is not an edge, a node number over 2³² - 2 or
/// not below [`ReadOptions::node_count`], a column that is not used, and those listed in
/// [`read_graph`](super::read_graph).
pub fn read_edge_list(reader: impl Read, options: &ReadOptions) -> Result<CsrGraph> {
    table::read(reader, Format::EdgeList, options, true).map(|(built, ..)| built.graph)
}

/// Writes every edge once, `u v` with `u <= v`, and its weight if the graph has weights, in a form that
/// reads back to the same bits.
///
/// The number of nodes stands in a comment only: isolated nodes at the end come back if
/// [`ReadOptions::node_count`] is set.
///
/// # Errors
/// [`GraphError::Io`](crate::GraphError::Io).
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
