//! PageRank-Nibble: approximate PageRank and a sweep with targets for volume and conductance.
//!
//! Andersen, Chung, Lang, "Local graph partitioning using PageRank vectors", FOCS 2006, section 6. To find a
//! set of conductance φ and volume about k in a graph of m edges, [`PagerankNibble::for_target`] sets
//!
//! ```text
//! α = φ² / (225 ln(100 √m)),      ε = 1 / (48 k ⌈log₂ m⌉).
//! ```
//!
//! These are our settings, after the paper's; its constants and its guarantee have not been checked against its
//! text, and nothing here relies on them. They are cautious: larger α and ε find the same sets for less work in
//! practice. Costs `1/(αε)` edges at most, plus the sweep.

use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{Result, check};
use crate::query::{LocalQuery, LocalSolution, Solver};
use crate::seeds::SeedDistribution;
use crate::sweep::{SweepCut, SweepLimits, sweep_profile};

/// APPR, then the sweep prefix of least conductance among those that meet both targets.
///
/// ```
/// use kiln_graph::{CsrGraph, diffusions::PagerankNibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = PagerankNibble::for_target(&graph, 0.2, 7.0)?.cluster(&graph, &0.into())?;
/// assert_eq!(cluster.unwrap().nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PagerankNibble {
    /// Teleport probability of the lazy walk, in (0, 1).
    pub alpha: f64,
    /// Threshold of residual over degree, positive.
    pub epsilon: f64,
    /// Largest conductance of the cluster, in (0, 1].
    pub conductance: f64,
    /// Least volume of the cluster, positive. The largest is two thirds of the graph's.
    pub min_volume: f64,
}

impl PagerankNibble {
    /// Parameters for a cluster of the given conductance, in (0, 1], and volume, at least 1: see this method's
    /// formulas. Accepts clusters of at least half that volume.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange).
    pub fn for_target(graph: &impl Adjacency, conductance: f64, volume: f64) -> Result<Self> {
        check("conductance", conductance, |c| c > 0.0 && c <= 1.0, "above 0 and at most 1")?;
        check("volume", volume, |v| v >= 1.0, "finite and at least 1")?;
        let edges = (graph.total_volume() / 2.0).max(2.0);
        Ok(Self {
            alpha: conductance * conductance / (225.0 * (100.0 * edges.sqrt()).ln()),
            epsilon: 1.0 / (48.0 * volume * edges.log2().ceil()),
            conductance,
            min_volume: volume / 2.0,
        })
    }

    /// The approximate PageRank vector, and the best sweep prefix that meets the targets, if one does.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange) for a parameter, and those of
    /// [`SeedDistribution::resolve`].
    pub fn cluster(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
    ) -> Result<(LocalSolution, Option<SweepCut>)> {
        check("conductance", self.conductance, |c| c > 0.0 && c <= 1.0, "above 0 and at most 1")?;
        check("min_volume", self.min_volume, |v| v > 0.0, "finite and positive")?;
        let solution = self.solve(graph, seeds)?;
        let limits =
            SweepLimits { max_volume: Some(graph.total_volume() * 2.0 / 3.0), ..SweepLimits::default() };
        let profile = sweep_profile(graph, &solution.mass, limits)?;
        let best = profile
            .iter()
            .enumerate()
            .filter(|(_, point)| point.volume >= self.min_volume && point.conductance <= self.conductance)
            .min_by(|a, b| a.1.conductance.total_cmp(&b.1.conductance));
        let cut = best.map(|(last, point)| {
            let mut nodes: Vec<u64> = profile[..=last].iter().map(|point| point.node).collect();
            nodes.sort_unstable();
            SweepCut { nodes, conductance: point.conductance, volume: point.volume, cut: point.cut }
        });
        Ok((solution, cut))
    }

    /// The approximate PageRank vector alone.
    ///
    /// # Errors
    /// As [`cluster`](Self::cluster).
    pub fn solve(&self, graph: &impl Adjacency, seeds: &SeedDistribution) -> Result<LocalSolution> {
        LocalQuery::new(seeds.clone()).alpha(self.alpha).rho(self.epsilon).solver(Solver::Appr).run(graph)
    }
}
