//! The nodes that matter most to every node: a sparse top-k matrix of local answers.
//!
//! Bojchevski et al., "Scaling graph neural networks with approximate PageRank" (`PPRGo`), KDD 2020: row u holds
//! the k largest entries of the approximate PageRank vector of seed u. Rows are computed in parallel and handed
//! over in order, a block at a time, so memory holds one block of rows and one workspace a thread, whatever the
//! size of the graph; the cost is one local query a node.

use kiln_core::check;
use rayon::prelude::*;

use crate::adjacency::Adjacency;
use crate::answer::GraphWork;
use crate::error::Result;
use crate::method::LocalMethod;
use crate::query::LocalQuery;
use crate::question::Workspace;
use crate::seeds::SeedDistribution;

/// Rows that are computed before they are handed over.
const BLOCK: u64 = 4096;

/// Asks `query` from every node in place of its own seeds, and hands `sink` each node with its `k` largest
/// masses, in order of falling mass (ties by node), the node itself included. Nodes come in ascending order; one
/// without an edge has an empty row. Returns what all of it cost.
///
/// Runs on the current `rayon` pool; the rows do not depend on the number of threads. `sink` is called on this
/// thread, and what it holds back is all that grows with the graph.
///
/// ```
/// use kiln_graph::{Appr, CsrGraph, LocalQuery, top_k_for_all};
/// // Two triangles joined by one edge.
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let query = LocalQuery::node(0).method(Appr::new(1e-4));
/// let mut rows = Vec::new();
/// top_k_for_all(&graph, &query, 2, |node, row| {
///     rows.push((node, row.iter().map(|entry| entry.0).collect::<Vec<u64>>()));
///     Ok(())
/// })?;
/// assert_eq!(rows[0], (0, vec![0, 2])); // itself, then the triangle's node of degree 3
/// assert_eq!(rows.len(), 6);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::Input`](crate::GraphError::Input) for `k` 0, those of the query, and whatever `sink` returns;
/// the first one ends the run.
pub fn top_k_for_all<G: Adjacency + Sync, M: LocalMethod + Sync>(
    graph: &G,
    query: &LocalQuery<M>,
    k: usize,
    mut sink: impl FnMut(u64, &[(u64, f64)]) -> Result<()>,
) -> Result<GraphWork> {
    check::at_least_one("k", k)?;
    let row = |workspace: &mut Workspace, node: u64| {
        if graph.degree(node) <= 0.0 {
            return Ok((node, Vec::new(), GraphWork::default()));
        }
        let seeds = SeedDistribution::node(node);
        let mut question = query.question(graph, &seeds, workspace)?;
        let answer = query.method.solve(&mut question)?;
        Ok((node, largest(answer.mass, k), answer.work))
    };
    let mut total = GraphWork::default();
    let node_count = graph.node_count();
    let mut first = 0;
    while first < node_count {
        let end = node_count.min(first.saturating_add(BLOCK));
        let rows: Vec<Result<Row>> = (first..end).into_par_iter().map_init(Workspace::default, row).collect();
        for row in rows {
            let (node, entries, work) = row?;
            sink(node, &entries)?;
            total += work;
        }
        first = end;
    }
    Ok(total)
}

/// A node, its entries, and what they cost.
type Row = (u64, Vec<(u64, f64)>, GraphWork);

/// The `k` entries of largest mass.
fn largest(mut mass: Vec<(u64, f64)>, k: usize) -> Vec<(u64, f64)> {
    let order = |a: &(u64, f64), b: &(u64, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if mass.len() > k {
        mass.select_nth_unstable_by(k, order);
        mass.truncate(k);
    }
    mass.sort_unstable_by(order);
    mass.shrink_to_fit();
    mass
}
