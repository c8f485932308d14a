//! The cluster around some seeds, with nothing to tune.
//!
//! A local query has two parameters that decide what it finds: α, how far the walk goes, and ρ, how thinly its
//! mass may spread. [`Clusterer`] tries a grid of both within a budget of counted work:
//!
//! 1. for every α of four, ρ falls fourfold from where the first nodes get mass to where the support may cover
//!    the graph (as [`L1Cd`](crate::L1Cd) does it, each answer from the one before);
//! 2. every prefix of every answer's sweep that meets the [`ClusterLimits`] is looked at, and scored by
//!    `(1 + 2/|S|) cut(S) vol(V) / (vol(S) vol(V∖S))`: its cut over the cut that a set of its volume has on
//!    average in a random graph with the same degrees, and a charge for chance, which finds good small sets
//!    more easily than large ones. A score of 1 or more shows nothing;
//! 3. a prefix is a candidate if it has an end: the one of a quarter more volume in its sweep, beyond the limits
//!    too, is no better. Otherwise the limit made the set, not the graph. If the budget
//!    ends before any end was seen, the best set whose end was out of sight counts, with
//!    [`Status::WorkLimit`];
//! 4. the candidate of least score wins. Flow improvement ([`Mqi`](crate::flow::Mqi), then
//!    [`SimpleLocal`](crate::flow::SimpleLocal)) polishes it, and is kept where it helps;
//! 5. the score prefers no size, so where clusters are tied to all others alike it likes two of them together
//!    as well as one. If a smaller candidate shows that the winner is two (by a comparison of likelihoods, see
//!    `whole.rs`), it takes its place, until the winner is one.
//!
//! The exact path ([`L1Path`](crate::L1Path)) would solve two linear systems for every node that enters. The
//! grid costs what its last answers cost, and the sweeps look at every size in between.

mod profile;
mod search;
mod whole;

use kiln_core::check;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::cluster_limits::ClusterLimits;
use crate::conductance::ClusterScores;
use crate::error::Result;
use crate::network_community_profile::ProfilePoint;
use crate::objective::PageRankCertificate;
use crate::outcome::{ClusterOutcome, Judge};
use crate::question::{Limits, LocalQuestion, WeightUnit, Workspace};
use crate::seeds::SeedDistribution;
use search::Search;

/// Finds the cluster around seeds. Every field has a default that need not be changed.
///
/// ```
/// use kiln_graph::{Clusterer, Recovery, SeedDistribution, generators::HashedPlantedPartition};
/// // Blocks of 100 nodes; a quarter of a block's edges leave it.
/// let graph = HashedPlantedPartition::new(10_000).generate()?;
/// let answer = Clusterer::default().run(&graph, &SeedDistribution::node(4_321))?;
/// let cluster = answer.outcome.found()?; // or the reason why there is none
/// let block: Vec<u64> = (4_300..4_400).collect();
/// assert!(Recovery::of(&graph, &cluster.nodes, &block)?.f1 > 0.9);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clusterer {
    /// About how many nodes the cluster should have, at least 1: it will have from half to twice as many, and may
    /// then be several clusters in one, or a part of one. None, any number, unless set.
    pub size: Option<usize>,
    /// What counts as a cluster: as everywhere, but for a conductance of up to three quarters, since a set is
    /// compared with random ones as well.
    pub cluster_limits: ClusterLimits,
    /// Most edges to touch, those of sweeps and flows included; 4,000,000 unless set. The walks get three
    /// quarters of it, in equal parts (what one leaves goes to the next), polishing the rest. Half of it takes
    /// half the time, and finds clusters of up to a few hundred nodes as well.
    pub max_work: u64,
}

impl Default for Clusterer {
    fn default() -> Self {
        let cluster_limits = ClusterLimits { max_conductance: 0.75, ..ClusterLimits::default() };
        Self { size: None, cluster_limits, max_work: 4_000_000 }
    }
}

/// What [`Clusterer`] found, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClustererAnswer {
    /// The cluster, or why there is none.
    pub outcome: ClusterOutcome,
    /// The cluster's scores: internal edges, density, modularity and others.
    pub scores: Option<ClusterScores>,
    /// The ℓ1-regularised PageRank answer whose sweep showed the cluster, or the last one if there is no
    /// cluster: its mass ranks the nodes, its certificate bounds its error.
    pub answer: LocalAnswer<PageRankCertificate>,
    /// The flow method that improved on the sweep, if one did.
    pub polish: Option<Polish>,
    /// The best sets around these seeds of every size, among all that were looked at: ten bins a decade, by
    /// ascending size, whether they count as clusters or not.
    pub scales: Vec<ScalePoint>,
    /// [`Status::Converged`] if all was looked at, [`Status::WorkLimit`] if the budget ended something: more
    /// work may then find a better or a larger cluster.
    pub status: Status,
    /// What all of it cost.
    pub work: GraphWork,
}

/// A flow method that improved a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polish {
    /// [`Mqi`](crate::flow::Mqi): a subset.
    Mqi,
    /// [`SimpleLocal`](crate::flow::SimpleLocal): a set nearby.
    SimpleLocal,
}

/// The set of least conductance that contains the seeds, of those with about so many nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalePoint {
    /// Number of nodes.
    pub size: usize,
    /// Volume.
    pub volume: f64,
    /// Conductance.
    pub conductance: f64,
    /// The walk's teleport probability.
    pub alpha: f64,
    /// Its weight of the ℓ1 term.
    pub rho: f64,
}

impl ClustererAnswer {
    /// The cluster's conductance over the least one that a [`NetworkCommunityProfile`] of the same graph has
    /// for sets of half to twice its size: below 1 it is better than all of those, far above 1 the graph has
    /// much better clusters of this size elsewhere. `None` without a cluster or such sets.
    ///
    /// [`NetworkCommunityProfile`]: crate::NetworkCommunityProfile
    ///
    /// ```
    /// use kiln_graph::{Clusterer, NetworkCommunityProfile, generators::HashedPlantedPartition};
    /// let graph = HashedPlantedPartition::new(1_000).generate()?;
    /// let profile = NetworkCommunityProfile { seeds: 20, ..Default::default() }.run(&graph, |_| ())?;
    /// let answer = Clusterer::default().run(&graph, &321.into())?;
    /// let ratio = answer.compared_with(&profile).expect("sets of this size");
    /// assert!(ratio > 0.5 && ratio < 2.0);
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    pub fn compared_with(&self, profile: &[ProfilePoint]) -> Option<f64> {
        let cluster = self.outcome.cluster()?;
        let size = cluster.nodes.len();
        let near = profile.iter().filter(|point| 2 * point.size >= size && point.size <= 2 * size);
        let least = near.map(|point| point.conductance).min_by(f64::total_cmp)?;
        Some(if least > 0.0 {
            cluster.conductance / least
        } else if cluster.conductance > 0.0 {
            f64::INFINITY
        } else {
            1.0
        })
    }
}

impl Clusterer {
    /// Finds the cluster around `seeds`.
    ///
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a setting out of its range, and those of
    /// [`SeedDistribution::resolve`].
    pub fn run(&self, graph: &impl Adjacency, seeds: &SeedDistribution) -> Result<ClustererAnswer> {
        self.run_in(graph, seeds, &mut Workspace::default())
    }

    /// [`run`](Self::run) with memory kept by the caller.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_in(
        &self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
        workspace: &mut Workspace,
    ) -> Result<ClustererAnswer> {
        let mut cluster_limits = self.cluster_limits;
        if let Some(size) = self.size {
            check::at_least_one("size", size)?;
            let most = size.saturating_mul(2);
            cluster_limits.max_size = Some(cluster_limits.max_size.map_or(most, |other| other.min(most)));
        }
        let question = LocalQuestion::new(graph, seeds, Limits::default(), workspace)?;
        // Its grid of ρ follows volumes as they are.
        let mut question = question.cluster_limits(cluster_limits).with_weight_unit(WeightUnit::AsGiven);
        let judge = Judge::new(&question)?;
        Search::new(judge, graph.total_volume(), self.size, self.max_work).run(&mut question)
    }

    /// [`run`](Self::run) for each of many seed distributions, in parallel over a shared graph, in order.
    ///
    /// Runs on the current `rayon` pool, one [`Workspace`] a worker.
    pub fn run_batch<G: Adjacency + Sync>(
        &self,
        graph: &G,
        seeds: &[SeedDistribution],
    ) -> Vec<Result<ClustererAnswer>> {
        let ask = |workspace: &mut Workspace, seeds| self.run_in(graph, seeds, workspace);
        seeds.par_iter().map_init(Workspace::default, ask).collect()
    }
}
