//! PageRank-Nibble: approximate PageRank and a sweep with targets for volume and conductance.
//!
//! Andersen, Chung, Lang, "Local graph partitioning using PageRank vectors", FOCS 2006, section 6. To find a
//! set of conductance φ and volume k, [`PagerankNibble::for_target`] sets
//!
//! ```text
//! α = 4φ / (1 + 4φ),      ε = 1 / (4k),
//! ```
//!
//! which is our choice: the paper's constants serve its worst case and are far smaller. It rests on two
//! facts. If K has `cut(K) = φ vol(K)`, a lazy walk from a random node of K (drawn by degree) has left K
//! after j steps with probability at most `jφ/2`, so PageRank puts at most `φ (1-α) / (2α) = 1/8` of its mass
//! outside K, on average. And the approximation loses at most `ε vol(K) = 1/4` of the mass inside. So on
//! average at least 5/8 of the mass is found inside K. Costs at most `1/(αε)` edges, which is `k (1 + 4φ) /
//! φ`, plus the sweep.

use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::error::{Result, check};
use crate::query::{Limits, LocalQuery, LocalSolution, Solver};
use crate::seeds::SeedDistribution;
use crate::sweep::{SweepCut, SweepLimits, best_prefix, sweep_profile};

/// APPR, then the sweep prefix of least conductance among those that meet both targets.
///
/// ```
/// use kiln_graph::{CsrGraph, diffusions::PagerankNibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let (_, cluster) = PagerankNibble::for_target(0.2, 7.0)?.cluster(&graph, &0.into())?;
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
    /// Bounds on the work of the approximate PageRank vector.
    pub limits: Limits,
}

impl PagerankNibble {
    /// Parameters for a cluster of the given conductance, in (0, 1], and volume, positive: `alpha =
    /// 4φ/(1+4φ)` and `epsilon = 1/(4 volume)`, with which a set K of this conductance and volume gets at
    /// least 5/8 of the mass from the average node of K, drawn by degree. Accepts clusters of at least half
    /// the volume.
    ///
    /// # Errors
    /// [`GraphError::OutOfRange`](crate::GraphError::OutOfRange).
    pub fn for_target(conductance: f64, volume: f64) -> Result<Self> {
        check("conductance", conductance, |c| c > 0.0 && c <= 1.0, "above 0 and at most 1")?;
        check("volume", volume, |v| v > 0.0, "finite and positive")?;
        Ok(Self {
            alpha: 4.0 * conductance / (1.0 + 4.0 * conductance),
            epsilon: 1.0 / (4.0 * volume),
            conductance,
            min_volume: volume / 2.0,
            limits: Limits::default(),
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
        let cut = best_prefix(&profile, |point| {
            point.volume >= self.min_volume && point.conductance <= self.conductance
        });
        Ok((solution, cut))
    }

    /// The approximate PageRank vector alone.
    ///
    /// # Errors
    /// As [`cluster`](Self::cluster).
    pub fn solve(&self, graph: &impl Adjacency, seeds: &SeedDistribution) -> Result<LocalSolution> {
        LocalQuery::new(seeds.clone())
            .alpha(self.alpha)
            .rho(self.epsilon)
            .solver(Solver::Appr)
            .limits(self.limits)
            .run(graph)
    }
}
