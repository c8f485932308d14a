//! Whether an answer shows a cluster: what is asked of one, and why there is none.
//!
//! The best set that a sweep finds need not be a cluster: it may be most of the graph, lie beside the seeds, or
//! be tied more strongly to the rest than to itself. [`ClusterLimits`] says what counts, [`ClusterOutcome`]
//! what came of it.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::answer::{LocalAnswer, Status};
use crate::cluster_limits::{ClusterLimits, NoClusterReason, SeedRule};
use crate::conductance::rest_of;
use crate::error::Result;
use crate::question::LocalQuestion;
use crate::sweep::{SweepCut, SweepLimits, SweepPoint, best_prefix, sweep_profile};

/// Sums of degrees and of weights are compared up to this relative rounding.
const ROUNDING: f64 = 1e-12;

/// What a question about a cluster comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterOutcome {
    /// The best set that meets the [`ClusterLimits`].
    Found(SweepCut),
    /// No set that was looked at meets them.
    NoCluster {
        /// What stands against the best candidate.
        because: NoClusterReason,
    },
}

impl ClusterOutcome {
    /// The cluster, or as an error why there is none.
    ///
    /// # Errors
    /// The reason.
    pub fn found(self) -> std::result::Result<SweepCut, NoClusterReason> {
        match self {
            Self::Found(cluster) => Ok(cluster),
            Self::NoCluster { because } => Err(because),
        }
    }

    /// The cluster, if there is one.
    pub fn cluster(&self) -> Option<&SweepCut> {
        match self {
            Self::Found(cluster) => Some(cluster),
            Self::NoCluster { .. } => None,
        }
    }

    /// Why there is no cluster, if there is none.
    pub fn reason(&self) -> Option<&NoClusterReason> {
        match self {
            Self::Found(_) => None,
            Self::NoCluster { because } => Some(because),
        }
    }
}

/// [`ClusterLimits`] on one graph and set of seeds.
#[derive(Debug)]
pub(crate) struct Judge {
    limits: ClusterLimits,
    max_volume: f64,
    total_volume: f64,
    /// Ascending.
    seeds: Vec<u64>,
    largest_score: f64,
}

impl Judge {
    /// # Errors
    /// [`GraphError::Input`](crate::GraphError::Input) for a limit out of its range.
    pub(crate) fn new<G: Adjacency>(question: &LocalQuestion<'_, G>) -> Result<Self> {
        let limits = question.cluster_limits;
        let ClusterLimits { max_share, max_volume, max_size, max_conductance, .. } = limits;
        check::setting("max_share", max_share, max_share > 0.0 && max_share <= 1.0, "above 0 and at most 1")?;
        check::setting(
            "max_conductance",
            max_conductance,
            (0.0..=1.0).contains(&max_conductance),
            "between 0 and 1",
        )?;
        if let Some(most) = max_volume {
            check::positive("max_volume", most)?;
        }
        if let Some(most) = max_size {
            check::at_least_one("max_size", most)?;
        }
        let total_volume = question.graph.total_volume();
        let by_share = max_share * total_volume;
        let score = |(&(_, mass), &degree): (&(u64, f64), &f64)| mass / degree;
        let scores = question.seeds.iter().zip(question.explored().degrees()).map(score);
        let largest_score = scores.fold(0.0, f64::max) * question.weight_unit();
        let mut seeds: Vec<u64> = question.seeds.iter().map(|seed| seed.0).collect();
        seeds.sort_unstable();
        let max_volume = max_volume.map_or(by_share, |most| most.min(by_share)) * (1.0 + ROUNDING);
        Ok(Self { limits, max_volume, total_volume, seeds, largest_score })
    }

    /// The limits of sweeps, which need not look at larger prefixes.
    pub(crate) fn sweep_limits(&self) -> SweepLimits {
        SweepLimits { max_volume: Some(self.max_volume), max_size: self.limits.max_size }
    }

    /// Whether sets must be smaller than a share of the graph.
    pub(crate) fn was_asked_for_less(&self) -> bool {
        self.limits.max_size.is_some() || self.limits.max_volume.is_some()
    }

    /// The largest seed mass over degree.
    pub(crate) fn largest_score(&self) -> f64 {
        self.largest_score
    }

    /// Whether a set of this conductance counts.
    pub(crate) fn is_tight(&self, conductance: f64) -> bool {
        conductance <= self.limits.max_conductance * (1.0 + ROUNDING)
    }

    pub(crate) fn loosely_tied(&self, size: usize, conductance: f64) -> ClusterOutcome {
        let max_conductance = self.limits.max_conductance;
        no(NoClusterReason::LooselyTied { size, conductance, max_conductance })
    }

    /// The sweep's prefixes within the limits, and the place of the first that contains the seeds.
    pub(crate) fn profile(
        &self,
        graph: &impl Adjacency,
        mass: &[(u64, f64)],
    ) -> Result<(Vec<SweepPoint>, Option<usize>)> {
        let profile = sweep_profile(graph, mass, self.sweep_limits())?;
        let first = self.first_with_seeds(profile.iter().map(|point| point.node));
        Ok((profile, first))
    }

    /// The cluster that an answer's sweep shows.
    pub(crate) fn sweep<C>(&self, graph: &impl Adjacency, answer: &LocalAnswer<C>) -> Result<ClusterOutcome> {
        self.sweep_for(graph, &answer.mass, answer.status, None)
    }

    /// The best prefix of a sweep of `mass` that is a cluster and meets the method's own targets.
    pub(crate) fn sweep_for(
        &self,
        graph: &impl Adjacency,
        mass: &[(u64, f64)],
        status: Status,
        targets: Option<Targets>,
    ) -> Result<ClusterOutcome> {
        let (profile, first) = self.profile(graph, mass)?;
        let Some(first) = first else {
            return Ok(no(self.why_nothing_holds_the_seeds(graph, mass, status)?));
        };
        let candidate =
            |rank: usize, point: &SweepPoint| rank >= first && rest_of(self.total_volume, point.volume) > 0.0;
        let on_target = |point: &SweepPoint| {
            targets.is_none_or(|targets| {
                point.volume >= targets.min_volume && point.conductance <= targets.conductance
            })
        };
        let best = best_prefix(&profile, |rank, point| candidate(rank, point) && on_target(point));
        Ok(match (best, targets) {
            (Some(cut), _) => self.judged(cut),
            (None, Some(Targets { conductance, min_volume }))
                if profile.iter().enumerate().any(|(rank, point)| candidate(rank, point)) =>
            {
                no(NoClusterReason::MissesTargets { conductance, min_volume })
            }
            (None, _) => no(self.why_nothing_holds_the_seeds(graph, mass, status)?),
        })
    }

    /// A set that a method found by itself.
    pub(crate) fn set(&self, cut: SweepCut) -> ClusterOutcome {
        if self.first_with_seeds(cut.nodes.iter().copied()).is_none() {
            return no(NoClusterReason::SeedsLeftOut);
        }
        let too_many = self.limits.max_size.is_some_and(|most| cut.nodes.len() > most);
        if too_many || cut.volume > self.max_volume || rest_of(self.total_volume, cut.volume) <= 0.0 {
            return no(self.too_large(cut.nodes.len(), cut.volume));
        }
        self.judged(cut)
    }

    fn judged(&self, cut: SweepCut) -> ClusterOutcome {
        if self.is_tight(cut.conductance) {
            ClusterOutcome::Found(cut)
        } else {
            self.loosely_tied(cut.nodes.len(), cut.conductance)
        }
    }

    fn too_large(&self, size: usize, volume: f64) -> NoClusterReason {
        NoClusterReason::TooLarge {
            size,
            volume,
            max_volume: self.max_volume,
            max_size: self.limits.max_size,
        }
    }

    /// Place of the first node with which the nodes so far contain the seeds.
    pub(crate) fn first_with_seeds(&self, nodes: impl Iterator<Item = u64>) -> Option<usize> {
        let mut missing = match self.limits.seeds {
            SeedRule::Any => 1,
            SeedRule::Every => self.seeds.len(),
            SeedRule::Free => 0,
        };
        for (place, node) in nodes.enumerate() {
            if missing > 0 && self.seeds.binary_search(&node).is_ok() {
                missing -= 1;
            }
            if missing == 0 {
                return Some(place);
            }
        }
        None
    }

    fn why_nothing_holds_the_seeds(
        &self,
        graph: &impl Adjacency,
        mass: &[(u64, f64)],
        status: Status,
    ) -> Result<NoClusterReason> {
        let profile = sweep_profile(graph, mass, SweepLimits::default())?;
        Ok(match self.first_with_seeds(profile.iter().map(|point| point.node)) {
            Some(first) => self.too_large(first + 1, profile.get(first).map_or(0.0, |point| point.volume)),
            None if !profile.is_empty() => NoClusterReason::SeedsLeftOut,
            None if status == Status::Empty => NoClusterReason::Empty { largest_score: self.largest_score },
            None => NoClusterReason::OutOfWork,
        })
    }
}

/// What a method itself asks of its cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Targets {
    pub(crate) conductance: f64,
    pub(crate) min_volume: f64,
}

fn no(because: NoClusterReason) -> ClusterOutcome {
    ClusterOutcome::NoCluster { because }
}
