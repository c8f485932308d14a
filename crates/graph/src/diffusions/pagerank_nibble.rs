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

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::method::{Clustering, LocalMethod};
use crate::methods::appr::Appr;
use crate::objective::PageRankCertificate;
use crate::outcome::{Judge, Targets};
use crate::question::LocalQuestion;

/// APPR, then the sweep prefix of least conductance among those that meet both targets.
///
/// ```
/// use kiln_graph::{CsrGraph, LocalQuery, diffusions::PagerankNibble};
/// let graph = CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)])?;
/// let method = PagerankNibble::for_target(0.2, 7.0)?;
/// let (_, cluster) = LocalQuery::node(0).method(method).cluster(&graph)?;
/// assert_eq!(cluster.found()?.nodes, [0, 1, 2]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PagerankNibble {
    /// Teleport probability of the lazy walk, in (0, 1).
    pub alpha: f64,
    /// Threshold of residual over degree, positive, in the question's [`WeightUnit`](crate::WeightUnit).
    pub epsilon: f64,
    /// Largest conductance of the cluster, in (0, 1].
    pub conductance: f64,
    /// Least volume of the cluster, positive, in the same unit. (The paper's largest, two thirds of the graph's,
    /// is [`ClusterLimits::max_share`](crate::ClusterLimits::max_share), one half unless set.)
    pub min_volume: f64,
}

impl PagerankNibble {
    /// Parameters for a cluster of the given conductance, in (0, 1], and volume, positive: `alpha =
    /// 4φ/(1+4φ)` and `epsilon = 1/(4 volume)`, with which a set K of this conductance and volume gets at
    /// least 5/8 of the mass from the average node of K, drawn by degree. Accepts clusters of at least half
    /// the volume.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input).
    pub fn for_target(conductance: f64, volume: f64) -> Result<Self> {
        check_conductance(conductance)?;
        check::positive("volume", volume)?;
        Ok(Self {
            alpha: 4.0 * conductance / (1.0 + 4.0 * conductance),
            epsilon: 1.0 / (4.0 * volume),
            conductance,
            min_volume: volume / 2.0,
        })
    }
}

fn check_conductance(value: f64) -> check::Checked {
    check::setting("conductance", value, value > 0.0 && value <= 1.0, "above 0 and at most 1")
}

/// The answer is that of [`Appr`]. The cluster is the best sweep prefix that meets the targets, if one does.
impl LocalMethod for PagerankNibble {
    type Certificate = PageRankCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        check_conductance(self.conductance)?;
        check::positive("min_volume", self.min_volume)?;
        Appr { alpha: self.alpha, ..Appr::new(self.epsilon) }.solve(question)
    }

    fn cluster<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> Result<Clustering<PageRankCertificate>> {
        let judge = Judge::new(question)?;
        let answer = self.solve(question)?;
        let min_volume = self.min_volume * question.weight_unit();
        let targets = Targets { conductance: self.conductance, min_volume };
        let outcome = judge.sweep_for(question.graph(), &answer.mass, answer.status, Some(targets))?;
        Ok((answer, outcome))
    }
}
