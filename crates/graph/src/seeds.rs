//! Seed distributions: where the walk starts and restarts.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result, check_nodes};

/// A probability distribution `s` over a few nodes.
///
/// Weights are normalised to sum to 1 and duplicates are summed. By default a seed of degree 0 is an error.
///
/// ```
/// use kiln_graph::{CsrGraph, SeedDistribution};
/// let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)])?; // node 3 has no edge
/// let seeds = SeedDistribution::weighted([(0, 3.0), (2, 1.0), (3, 1.0)]);
/// assert!(seeds.resolve(&graph).is_err());
/// assert_eq!(seeds.drop_isolated().resolve(&graph)?, [(0, 0.75), (2, 0.25)]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedDistribution {
    weights: Vec<(u64, f64)>,
    drop_isolated: bool,
}

impl SeedDistribution {
    /// All mass on one node.
    pub fn node(node: u64) -> Self {
        Self::uniform([node])
    }

    /// Equal mass on every node given (a node given twice gets twice the mass).
    pub fn uniform(nodes: impl IntoIterator<Item = u64>) -> Self {
        Self::weighted(nodes.into_iter().map(|node| (node, 1.0)))
    }

    /// Mass proportional to the weights given.
    pub fn weighted(weights: impl IntoIterator<Item = (u64, f64)>) -> Self {
        Self { weights: weights.into_iter().collect(), drop_isolated: false }
    }

    /// Leaves out seeds of degree 0 instead of failing, and renormalises.
    #[must_use]
    pub fn drop_isolated(mut self) -> Self {
        self.drop_isolated = true;
        self
    }

    /// The normalised distribution on `graph`, in the order of first mention.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`], [`GraphError::Input`] for a weight that is negative or not
    /// finite, [`GraphError::IsolatedSeed`], [`GraphError::NoSeeds`] when nothing is left, and
    /// [`GraphError::EmptyGraph`].
    pub fn resolve(&self, graph: &impl Adjacency) -> Result<Vec<(u64, f64)>> {
        if graph.total_volume() <= 0.0 {
            return Err(GraphError::EmptyGraph);
        }
        check_nodes(self.weights.iter().map(|s| s.0), graph.node_count())?;
        let mut order = crate::node_index::NodeIndex::default();
        let mut masses: Vec<f64> = Vec::new();
        for &(node, weight) in &self.weights {
            check::nonnegative("seed weight", weight)?;
            if weight == 0.0 {
                continue;
            }
            if graph.degree(node) <= 0.0 {
                if self.drop_isolated {
                    continue;
                }
                return Err(GraphError::IsolatedSeed(node));
            }
            match order.insert(node) {
                (_, true) => masses.push(weight),
                (slot, false) => masses[slot as usize] += weight,
            }
        }
        let total: f64 = masses.iter().sum();
        if masses.is_empty() {
            return Err(GraphError::NoSeeds);
        }
        check::positive("sum of seed weights", total)?;
        Ok(order.nodes().iter().zip(masses).map(|(&node, mass)| (node, mass / total)).collect())
    }
}

impl From<u64> for SeedDistribution {
    fn from(node: u64) -> Self {
        Self::node(node)
    }
}
