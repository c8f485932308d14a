//! Local random model: a target cluster that is random inside and at its border.
//!
//! Ha, Fountoulakis, Mahoney, JMLR 22(148), 2021, definition of the model: pairs inside the target set K,
//! `|K| = k`, are joined with probability p and pairs of K with the rest with probability q. With
//!
//! ```text
//! d̄ = p(k-1) + q(n-k),     γ = p(k-1) / d̄,     so     q = p(k-1)(1/γ - 1) / (n-k),
//! ```
//!
//! γ is the expected fraction of a target node's edges that stay in K. The model leaves the rest of the graph
//! open; here it is made of further blocks of k nodes with the same p and q (the last may be smaller). Edge
//! `u < v` exists iff `U(rng_seed, u·n + v)` is below its probability. Costs n² / 2 hashes.

use kiln_core::check;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{check_node_count, uniform};
use crate::csr::CsrGraph;
use crate::error::{Result, check_nodes};

/// A local random model whose target cluster is the nodes `0..cluster_size`.
///
/// ```
/// use kiln_graph::generators::LocalRandomModel;
/// let model = LocalRandomModel::new(0.3, 0.75, 1000);
/// assert!((model.mean_degree() - 0.3 * 99.0 / 0.75).abs() < 1e-12);
/// assert!(!model.generate()?.neighbor_ids(0).is_empty());
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalRandomModel {
    /// Number of nodes n, more than `cluster_size`.
    pub nodes: u64,
    /// Nodes in the target cluster and in every other block, k, at least 2.
    pub cluster_size: u64,
    /// Probability p of an edge inside a block.
    pub inside_probability: f64,
    /// Expected fraction γ of a node's edges that stay in its block, in (0, 1].
    pub gamma: f64,
    /// A node whose edges out of its block are removed.
    pub enclosed_node: Option<u64>,
    /// Names the graph.
    pub rng_seed: u64,
}

impl LocalRandomModel {
    /// n = 1000, k = 100, no enclosed node.
    pub fn new(inside_probability: f64, gamma: f64, rng_seed: u64) -> Self {
        Self { nodes: 1000, cluster_size: 100, inside_probability, gamma, enclosed_node: None, rng_seed }
    }

    /// Expected degree `d̄ = p(k-1) / γ` of a node of the target cluster.
    pub fn mean_degree(&self) -> f64 {
        self.inside_degree() / self.gamma
    }

    /// Probability q of an edge between blocks.
    pub fn across_probability(&self) -> f64 {
        self.inside_degree() * (1.0 / self.gamma - 1.0) / (self.nodes as f64 - self.cluster_size as f64)
    }

    fn inside_degree(&self) -> f64 {
        self.inside_probability * (self.cluster_size as f64 - 1.0)
    }

    /// Draws the graph.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a parameter (a gamma so small that q exceeds 1
    /// included), [`GraphError::UnknownNode`](crate::GraphError::UnknownNode) for the enclosed node,
    /// [`GraphError::TooManyNodes`](crate::GraphError::TooManyNodes).
    pub fn generate(&self) -> Result<CsrGraph> {
        let Self { nodes: n, cluster_size: k, inside_probability: p, gamma, enclosed_node, rng_seed } = *self;
        check_node_count(n)?;
        check::setting("cluster_size", k as f64, k >= 2 && k < n, "at least 2 and less than `nodes`")?;
        check::probability("inside_probability", p)?;
        check::setting("gamma", gamma, gamma > 0.0 && gamma <= 1.0, "above 0 and at most 1")?;
        check_nodes(enclosed_node, n)?;
        let q = self.across_probability();
        let must = "large enough that q = p(k-1)(1/gamma - 1)/(n-k) is at most 1";
        check::setting("gamma", gamma, q <= 1.0, must)?;
        let exists = |u: u64, v: u64| {
            let same_block = u / k == v / k;
            let enclosed = enclosed_node.is_some_and(|w| w == u || w == v);
            (same_block || !enclosed) && uniform(rng_seed, u * n + v) < if same_block { p } else { q }
        };
        let edges: Vec<(u64, u64)> = (0..n)
            .into_par_iter()
            .flat_map_iter(|u| (u + 1..n).filter(move |&v| exists(u, v)).map(move |v| (u, v)))
            .collect();
        CsrGraph::from_edges(n, edges)
    }
}
