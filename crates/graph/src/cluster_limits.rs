//! What counts as a cluster, and why there may be none.

use serde::{Deserialize, Serialize};

/// What counts as a cluster. All defaults are free of the weights' unit.
///
/// ```
/// use kiln_graph::{ClusterLimits, ClusterOutcome, CsrGraph, LocalQuery, NoClusterReason};
/// // A star has no clusters: every set of its nodes has more edges to outside than inside.
/// let star = CsrGraph::from_edges(9, (1..9).map(|leaf| (0, leaf)))?;
/// let query = LocalQuery::node(1).rho(1e-3);
/// let (_, outcome) = query.cluster(&star)?;
/// assert!(matches!(
///     outcome,
///     ClusterOutcome::NoCluster { because: NoClusterReason::LooselyTied { .. } }
/// ));
/// // Whoever wants the best set all the same can have it.
/// let any = ClusterLimits { max_conductance: 1.0, ..ClusterLimits::default() };
/// assert_eq!(query.cluster_limits(any).cluster(&star)?.1.found()?.nodes, [1]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterLimits {
    /// Largest share of the graph's volume, above 0 and at most 1; one half unless set. From more than half on
    /// a set is the rest of something smaller.
    pub max_share: f64,
    /// Largest volume, positive, in the unit of the weights; none unless set.
    pub max_volume: Option<f64>,
    /// Largest number of nodes, at least 1; none unless set.
    pub max_size: Option<usize>,
    /// Largest conductance, in [0, 1]; one half unless set: up to there a set of at most half the volume has no
    /// more weight to outside than (twice) inside, a community in the weak sense of Radicchi et al., PNAS 2004.
    pub max_conductance: f64,
    /// Which seeds the cluster must contain.
    pub seeds: SeedRule,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            max_share: 0.5,
            max_volume: None,
            max_size: None,
            max_conductance: 0.5,
            seeds: SeedRule::default(),
        }
    }
}

/// Which seeds a cluster must contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedRule {
    /// At least one.
    #[default]
    Any,
    /// All of them (those without an edge, if they were dropped, aside).
    Every,
    /// None in particular.
    Free,
}

/// Why an answer shows no cluster. Each message says what would help.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoClusterReason {
    /// The method converged to an answer that is 0 everywhere.
    #[error(
        "no node got any mass: the method's threshold (`rho`, `epsilon`) is too high for these seeds, whose \
         largest mass over degree is {largest_score:e}; take one well below that (seeds of high degree need a \
         lower one)"
    )]
    Empty {
        /// The largest seed mass over degree: thresholds from here on give nothing.
        largest_score: f64,
    },
    /// A limit on the work ended the method before any node got mass.
    #[error("a limit on the work ended the method before any node got mass: allow more work")]
    OutOfWork,
    /// No node with mass is a seed, or, with [`SeedRule::Every`], some seed has none.
    #[error(
        "the answer leaves out seeds that the cluster must contain: lower the method's threshold (`rho`, \
         `epsilon`), or relax the rule about seeds"
    )]
    SeedsLeftOut,
    /// Every candidate that contains the seeds is too large.
    #[error(
        "every set that contains the seeds is too large: the smallest has {size} nodes and volume {volume}, and \
         at most volume {max_volume}{} is allowed (half the graph's volume unless set): other seeds, or a larger \
         alpha, stay nearer",
        max_size.map(|most| format!(" and {most} nodes")).unwrap_or_default()
    )]
    TooLarge {
        /// Nodes of the smallest candidate that contains the seeds.
        size: usize,
        /// Its volume.
        volume: f64,
        /// The largest volume that was allowed.
        max_volume: f64,
        /// The largest number of nodes that was allowed.
        max_size: Option<usize>,
    },
    /// Every candidate has too many edges to outside.
    #[error(
        "the best set around the seeds, of {size} nodes, has conductance {conductance:.3}, above \
         {max_conductance:.3}: its nodes are tied to the rest more than to each other; a smaller rho or alpha \
         looks farther, and a larger `max_conductance` accepts it"
    )]
    LooselyTied {
        /// Nodes of the candidate of least conductance.
        size: usize,
        /// Its conductance.
        conductance: f64,
        /// The largest that was allowed.
        max_conductance: f64,
    },
    /// No candidate is clearly better than chance: what [`Clusterer`](crate::Clusterer) asks for.
    #[error(
        "the best set around the seeds, of {size} nodes, has conductance {conductance:.3}, and a random set of its \
         volume has about {random:.3}: that shows no cluster"
    )]
    LikeRandom {
        /// Nodes of the best candidate.
        size: usize,
        /// Its conductance.
        conductance: f64,
        /// What a set of its volume has on average in a random graph with the same degrees.
        random: f64,
    },
    /// Sets around the seeds are good, but none has an end, as [`Clusterer`](crate::Clusterer) asks for: up to the
    /// largest that were looked at, larger ones are better.
    #[error(
        "the sets around the seeds become better all the way to the largest that was looked at; the best has \
         {size} nodes and conductance {conductance:.3}: the seeds are tied to everything, or their cluster is \
         larger; allow more work or a larger `max_share`, or ask for a size"
    )]
    Endless {
        /// Nodes of the best set.
        size: usize,
        /// Its conductance.
        conductance: f64,
    },
    /// A size was asked for, and every candidate is less than half as large.
    #[error(
        "no set of about {wanted} nodes around the seeds: the largest that was looked at has {largest}; ask for a \
         smaller size or allow more work"
    )]
    TooSmall {
        /// Nodes of the largest candidate.
        largest: usize,
        /// The size that was asked for.
        wanted: usize,
    },
    /// No candidate meets the targets that the method itself was given.
    #[error(
        "no set around the seeds has both a conductance of at most {conductance} and a volume of at least \
         {min_volume}, the method's own targets: relax one of them"
    )]
    MissesTargets {
        /// The method's largest conductance.
        conductance: f64,
        /// The method's least volume.
        min_volume: f64,
    },
}
