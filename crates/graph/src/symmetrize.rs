//! From directed arcs to an undirected graph, by an explicit rule.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::csr::{CsrGraph, check_weight};
use crate::error::{GraphError, Result};

/// What to do with directed input: the weight `A_uv` from the weights of u → v and v → u.
///
/// An absent arc weighs 0, parallel arcs of one direction are summed first, and a self-loop u → u keeps
/// its weight under every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetrize {
    /// `A_uv = w(u → v) + w(v → u)`.
    Sum,
    /// `A_uv = max(w(u → v), w(v → u))`.
    Max,
    /// The two must be equal, else [`GraphError::NotSymmetric`].
    Reject,
}

impl CsrGraph {
    /// Builds an undirected graph from directed arcs `(u, v, weight)`.
    ///
    /// ```
    /// use kiln_graph::{Adjacency, CsrGraph, Symmetrize};
    /// let arcs = [(0, 1, 2.0), (1, 0, 3.0)];
    /// assert_eq!(CsrGraph::from_arcs(2, arcs, Symmetrize::Sum)?.degree(0), 5.0);
    /// assert_eq!(CsrGraph::from_arcs(2, arcs, Symmetrize::Max)?.degree(0), 3.0);
    /// assert!(CsrGraph::from_arcs(2, arcs, Symmetrize::Reject).is_err());
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`from_weighted_edges`](Self::from_weighted_edges), and [`GraphError::NotSymmetric`] under
    /// [`Symmetrize::Reject`].
    pub fn from_arcs(
        node_count: u64,
        arcs: impl IntoIterator<Item = (u64, u64, f64)>,
        rule: Symmetrize,
    ) -> Result<Self> {
        let mut arcs: Vec<_> = arcs.into_iter().collect();
        for &(u, v, weight) in &arcs {
            check_weight(u, v, weight)?;
        }
        // Stable, so that parallel arcs are summed in the order in which they were given.
        arcs.par_sort_by_key(|&(u, v, _)| (u.min(v), u.max(v)));
        let mut edges = Vec::new();
        for pair in arcs.chunk_by(|a, b| (a.0.min(a.1), a.0.max(a.1)) == (b.0.min(b.1), b.0.max(b.1))) {
            let (u, v) = (pair[0].0.min(pair[0].1), pair[0].0.max(pair[0].1));
            // An absent arc weighs 0.0: the empty sum of `sum` is -0.0, which an error would show.
            let total = |tail| {
                pair.iter().filter(|arc| arc.0 == tail).map(|arc| arc.2).fold(0.0, |sum, weight| sum + weight)
            };
            let forward = total(u);
            let backward = if u == v { forward } else { total(v) };
            let weight = match rule {
                Symmetrize::Sum if u != v => forward + backward,
                Symmetrize::Reject if forward != backward => {
                    return Err(GraphError::NotSymmetric { u, v, forward, backward });
                }
                _ => forward.max(backward),
            };
            if weight == f64::INFINITY {
                return Err(GraphError::WeightOverflow { node: u });
            }
            edges.push((u, v, weight));
        }
        drop(arcs);
        Self::from_weighted_edges(node_count, edges)
    }
}
