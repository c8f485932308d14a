//! Graphs given by a formula without chance.

use crate::csr::CsrGraph;
use crate::error::Result;

/// A star: node 0 joined to nodes `1..=leaves`.
///
/// ```
/// use kiln_graph::{Adjacency, generators::star};
/// assert_eq!(star(5)?.degree(0), 5.0);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`TooManyNodes`](crate::GraphError::TooManyNodes) beyond 32-bit node numbers.
pub fn star(leaves: u64) -> Result<CsrGraph> {
    CsrGraph::from_edges(leaves.saturating_add(1), (1..=leaves).map(|leaf| (0, leaf)))
}

/// The complete graph on `nodes` nodes, without loops.
///
/// # Errors
/// As [`star`].
pub fn complete(nodes: u64) -> Result<CsrGraph> {
    CsrGraph::from_edges(nodes, (0..nodes).flat_map(|u| (u + 1..nodes).map(move |v| (u, v))))
}

/// The path `0 - 1 - … - (nodes - 1)`.
///
/// # Errors
/// As [`star`].
pub fn path(nodes: u64) -> Result<CsrGraph> {
    CsrGraph::from_edges(nodes, (1..nodes).map(|u| (u - 1, u)))
}
