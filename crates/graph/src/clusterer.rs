//! The cluster around some seeds, with nothing to tune.
//!
//! A local query has two parameters that decide what it finds: α, how far the walk goes, and ρ, how thinly its
//! mass may spread. [`Clusterer`] tries a grid of both within a budget of counted work:
//!
//! 1. for every α of four, ρ falls fourfold from where the first nodes get mass to where the support may cover
//!    the graph ([`L1Cd`]);
//! 2. every prefix of every answer's sweep that meets the [`ClusterLimits`] is a candidate;
//! 3. the candidate of least score wins, `(1 + 2/|S|) cut(S) vol(V) / (vol(S) vol(V∖S))`: its cut over the
//!    cut that a set of its volume has on average in a random graph with the same degrees, and a charge for
//!    chance, which finds good small sets more easily than large ones. While the conductance of random sets
//!    falls as they grow to half the graph, this prefers no size; a score of 1 or more shows nothing;
//! 4. flow improvement ([`Mqi`], then [`SimpleLocal`]) polishes the winner, and is kept where it helps.
//!
//! The exact path ([`L1Path`](crate::L1Path)) would solve two linear systems for every node that enters. The
//! grid costs a third more than its last answers, and the sweeps look at every size in between.

use std::collections::BTreeMap;

use kiln_core::check;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{GraphWork, LocalAnswer, Status};
use crate::cluster_limits::{ClusterLimits, NoClusterReason};
use crate::conductance::{ClusterScores, rest_of};
use crate::error::{GraphError, Result};
use crate::flow::{FlowCertificate, Mqi, SimpleLocal};
use crate::method::LocalMethod;
use crate::methods::l1_cd::L1Cd;
use crate::network_community_profile::ProfilePoint;
use crate::objective::PageRankCertificate;
use crate::outcome::{ClusterOutcome, Judge};
use crate::question::{Limits, LocalQuestion, WeightUnit, Workspace};
use crate::seeds::SeedDistribution;
use crate::sweep::{SweepCut, SweepPoint};

/// Teleport probabilities, from near to far: a set of conductance φ holds a walk's mass where α is about φ.
const ALPHAS: [f64; 4] = [0.3, 0.1, 0.03, 0.01];
/// From one ρ to the next.
const STEP: f64 = 4.0;
/// The last ρ, over one over the graph's volume: the support may then cover the graph.
const LAST_RHO: f64 = 0.2;
/// Of the L1 answers: only the order of the nodes counts.
const TOLERANCE: f64 = 0.1;
/// How near to the winner the polished set stays.
const DELTA: f64 = 0.5;

/// Finds the cluster around seeds. Every field has a default that need not be changed.
///
/// ```
/// use kiln_graph::{Clusterer, Recovery, SeedDistribution, generators::HashedPlantedPartition};
/// // Blocks of 100 nodes; a quarter of a block's edges leave it.
/// let graph = HashedPlantedPartition::new(100_000).generate()?;
/// let answer = Clusterer::default().run(&graph, &SeedDistribution::node(12_345))?;
/// let cluster = answer.outcome.found()?; // or the reason why there is none
/// let block: Vec<u64> = (12_300..12_400).collect();
/// assert!(Recovery::of(&graph, &cluster.nodes, &block)?.f1 > 0.9);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clusterer {
    /// About how many nodes the cluster should have, at least 1: it will have from half to twice as many.
    /// None, any number, unless set.
    pub size: Option<usize>,
    /// What counts as a cluster: as everywhere, but for a conductance of up to three quarters, since a set is
    /// compared with random ones as well.
    pub cluster_limits: ClusterLimits,
    /// Most edges to touch, those of sweeps and flows included; 4,000,000 unless set. The walks get three
    /// quarters of it, in equal parts (what one leaves goes to the next), polishing the rest.
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
    /// [`Status::Converged`] if all was looked at, [`Status::WorkLimit`] if the budget ended something.
    pub status: Status,
    /// What all of it cost.
    pub work: GraphWork,
}

/// A flow method that improved a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Polish {
    /// [`Mqi`]: a subset.
    Mqi,
    /// [`SimpleLocal`]: a set nearby.
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
        let mut search = Search::new(Judge::new(&question)?, graph, self.size);
        let answer = search.walk(&mut question, self.max_work - self.max_work / 4)?;
        search.polish(graph, self.max_work, workspace)?;
        search.finish(graph, answer)
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

/// The best candidate so far, and where it came from.
#[derive(Debug)]
struct Best {
    cut: SweepCut,
    score: f64,
    answer: LocalAnswer<PageRankCertificate>,
    polish: Option<Polish>,
}

/// A set that is no cluster.
#[derive(Debug, Clone, Copy)]
struct Loose {
    score: f64,
    size: usize,
    conductance: f64,
    /// Of a random set of its volume.
    random: f64,
}

#[derive(Debug)]
struct Search {
    judge: Judge,
    total_volume: f64,
    wanted: Option<usize>,
    best: Option<Best>,
    /// The best of the sets that are no clusters.
    loose: Option<Loose>,
    /// Of the sizes that occurred, the largest below the one wanted.
    largest: usize,
    scales: BTreeMap<u32, ScalePoint>,
    status: Status,
    work: GraphWork,
}

impl Search {
    fn new(judge: Judge, graph: &impl Adjacency, wanted: Option<usize>) -> Self {
        Self {
            judge,
            total_volume: graph.total_volume(),
            wanted,
            best: None,
            loose: None,
            largest: 0,
            scales: BTreeMap::new(),
            status: Status::Converged,
            work: GraphWork::default(),
        }
    }

    /// Walks on the grid; returns the last answer.
    fn walk<G: Adjacency>(
        &mut self,
        question: &mut LocalQuestion<'_, G>,
        budget: u64,
    ) -> Result<LocalAnswer<PageRankCertificate>> {
        let first = self.judge.largest_score() / STEP;
        let end = LAST_RHO / self.total_volume;
        let mut last = Err(GraphError::NoSeeds);
        let mut budget = budget;
        for (alpha, remaining) in ALPHAS.into_iter().zip((1..=ALPHAS.len() as u64).rev()) {
            let mut left = budget / remaining;
            budget -= left;
            let mut rho = first;
            loop {
                // Every node with mass was pushed, so the sweep costs no more than the pushes.
                question.limits.max_work = Some(left / 2);
                let method = L1Cd { alpha, tolerance: TOLERANCE, ..L1Cd::new(rho) };
                let answer = method.solve(question)?;
                let stopped = answer.status == Status::WorkLimit;
                let swept: u64 = answer.support().map(|u| question.graph.arc_count(u) as u64).sum();
                left = left.saturating_sub(answer.work.edges_touched + swept);
                self.count(&answer.work, swept);
                let best = self.sweep(question.graph, &answer)?;
                if let Some((cut, score)) = best {
                    self.best = Some(Best { cut, score, answer: answer.clone(), polish: None });
                }
                last = Ok(answer);
                if stopped {
                    self.status = Status::WorkLimit;
                }
                if stopped || rho <= end {
                    break;
                }
                rho = (rho / STEP).max(end);
            }
            budget += left;
        }
        self.work.nodes_touched = question.explored().len() as u64;
        self.work.arcs_read = question.explored().arcs_read();
        last
    }

    fn count(&mut self, work: &GraphWork, swept: u64) {
        let edges_touched = work.edges_touched + swept;
        // What has been read is counted by whoever has read it.
        self.work += GraphWork { edges_touched, nodes_touched: 0, arcs_read: 0, ..*work };
    }

    /// Looks at every prefix; returns the best if it is better than all before.
    fn sweep(
        &mut self,
        graph: &impl Adjacency,
        answer: &LocalAnswer<PageRankCertificate>,
    ) -> Result<Option<(SweepCut, f64)>> {
        let (profile, first) = self.judge.profile(graph, &answer.mass)?;
        let Some(first) = first else { return Ok(None) };
        let PageRankCertificate { alpha, rho, .. } = answer.certificate;
        let mut best: Option<(usize, f64)> = None;
        for (rank, point) in profile.iter().enumerate().skip(first) {
            let size = rank + 1;
            let &SweepPoint { volume, conductance, cut, .. } = point;
            let bin = ((size as f64).log10() * 10.0) as u32;
            let scale = ScalePoint { size, volume, conductance, alpha, rho };
            let known = self.scales.entry(bin).or_insert(scale);
            if conductance < known.conductance {
                *known = scale;
            }
            if let Some(score) = self.score(size, volume, cut, conductance)
                && best.map_or(self.best_score(), |best| best.1) > score
            {
                best = Some((rank, score));
            }
        }
        Ok(best.and_then(|(rank, score)| prefix(&profile, rank).map(|cut| (cut, score))))
    }

    fn best_score(&self) -> f64 {
        self.best.as_ref().map_or(f64::INFINITY, |best| best.score)
    }

    /// The cut over what a random set of this volume has, with the charge for chance; `None` for what is no
    /// candidate.
    fn score(&mut self, size: usize, volume: f64, cut: f64, conductance: f64) -> Option<f64> {
        let rest = rest_of(self.total_volume, volume);
        if rest <= 0.0 {
            return None;
        }
        if self.wanted.is_some_and(|wanted| 2 * size < wanted) {
            self.largest = self.largest.max(size);
            return None;
        }
        let score = cut / volume * (self.total_volume / rest) * (1.0 + 2.0 / size as f64);
        if score < 1.0 && self.judge.is_tight(conductance) {
            return Some(score);
        }
        if self.loose.is_none_or(|loose| score < loose.score) {
            // Its cut over the smaller volume, which with `max_share` above one half may be the rest's.
            let random = f64::max(volume, rest) / self.total_volume;
            self.loose = Some(Loose { score, size, conductance, random });
        }
        None
    }

    /// Lets flows improve on the winner, within what is left of the budget.
    fn polish(&mut self, graph: &impl Adjacency, max_work: u64, workspace: &mut Workspace) -> Result<()> {
        for polish in [Polish::Mqi, Polish::SimpleLocal] {
            let Some(best) = &self.best else { return Ok(()) };
            let reference = SeedDistribution::uniform(best.cut.nodes.iter().copied());
            let left = max_work.saturating_sub(self.work.edges_touched);
            let limits = Limits { max_work: Some(left), ..Limits::default() };
            let mut question = LocalQuestion::new(graph, &reference, limits, workspace)?;
            let found = match polish {
                Polish::Mqi => Mqi {}.solve(&mut question)?,
                Polish::SimpleLocal => SimpleLocal::new(DELTA).solve(&mut question)?,
            };
            let GraphWork { nodes_touched, arcs_read, .. } = found.work;
            self.count(&found.work, 0);
            self.work += GraphWork { nodes_touched, arcs_read, ..GraphWork::default() };
            if found.status == Status::WorkLimit {
                self.status = Status::WorkLimit;
            }
            let FlowCertificate { conductance, volume, cut, .. } = found.certificate;
            let set = SweepCut { nodes: found.support().collect(), conductance, volume, cut };
            let Ok(cut) = self.judge.set(set).found() else { continue };
            let score = self.score(cut.nodes.len(), volume, cut.cut, conductance);
            if let Some(score) = score
                && let Some(best) = &mut self.best
                && score < best.score * (1.0 - 1e-12)
            {
                (best.cut, best.score, best.polish) = (cut, score, Some(polish));
            }
        }
        Ok(())
    }

    fn finish(
        self,
        graph: &impl Adjacency,
        last: LocalAnswer<PageRankCertificate>,
    ) -> Result<ClustererAnswer> {
        let Self { judge, wanted, best, loose, largest, scales, status, work, .. } = self;
        let (outcome, answer, polish) = match (best, loose, wanted) {
            (Some(best), ..) => (ClusterOutcome::Found(best.cut), best.answer, best.polish),
            (None, Some(Loose { size, conductance, random, .. }), _) => {
                let outcome = if judge.is_tight(conductance) {
                    let because = NoClusterReason::LikeRandom { size, conductance, random };
                    ClusterOutcome::NoCluster { because }
                } else {
                    judge.loosely_tied(size, conductance)
                };
                (outcome, last, None)
            }
            (None, None, Some(wanted)) if largest > 0 => {
                let because = NoClusterReason::TooSmall { largest, wanted };
                (ClusterOutcome::NoCluster { because }, last, None)
            }
            (None, None, _) => (judge.sweep(graph, &last)?, last, None),
        };
        let scores = outcome.cluster().map(|cut| ClusterScores::of(graph, &cut.nodes)).transpose()?;
        let scales = scales.into_values().collect();
        Ok(ClustererAnswer { outcome, scores, answer, polish, scales, status, work })
    }
}

/// The set of the nodes up to `rank`.
fn prefix(profile: &[SweepPoint], rank: usize) -> Option<SweepCut> {
    let &SweepPoint { volume, cut, conductance, .. } = profile.get(rank)?;
    let mut nodes: Vec<u64> = profile.iter().take(rank + 1).map(|point| point.node).collect();
    nodes.sort_unstable();
    Some(SweepCut { nodes, conductance, volume, cut })
}
