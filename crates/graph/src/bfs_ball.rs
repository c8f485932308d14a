//! Growing a ball around a node by breadth-first search: the simplest reference set for flow improvement.
//!
//! Nodes are added one at a time, level by level, neighbours in ascending order. Costs the volume of the
//! ball.

use std::collections::VecDeque;

use crate::adjacency::Adjacency;
use crate::error::{Result, check_nodes};
use crate::node_index::NodeIndex;

/// Adds nodes in breadth-first order from `seed` until `stop` says so or the component is used up.
///
/// After each node (the seed first) `stop` gets that node and the volume of the ball with it. The nodes are
/// returned in the order in which they were added, the one that made `stop` true included.
///
/// ```
/// use kiln_graph::{CsrGraph, bfs_ball};
/// let path = CsrGraph::from_edges(100, (0..99).map(|u| (u, u + 1)))?;
/// assert_eq!(bfs_ball(&path, 50, |_, volume| volume >= 8.0)?, [50, 49, 51, 48]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::UnknownNode`](crate::GraphError::UnknownNode).
pub fn bfs_ball(
    graph: &impl Adjacency,
    seed: u64,
    mut stop: impl FnMut(u64, f64) -> bool,
) -> Result<Vec<u64>> {
    check_nodes([seed], graph.node_count())?;
    let mut ball = NodeIndex::default();
    ball.insert(seed);
    let mut volume = graph.degree(seed);
    let mut stopped = stop(seed, volume);
    let mut waiting = VecDeque::from([seed]);
    while !stopped {
        let Some(u) = waiting.pop_front() else { break };
        graph.neighbors(u, |v, _| {
            if !stopped && ball.insert(v).1 {
                volume += graph.degree(v);
                waiting.push_back(v);
                stopped = stop(v, volume);
            }
        });
    }
    Ok(ball.nodes().to_vec())
}
