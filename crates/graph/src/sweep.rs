//! Sweep cut: the best prefix of the nodes ordered by mass over degree.
//!
//! Andersen, Chung, Lang, FOCS 2006, section 2. With the support ordered by `p_u / d_u` descending (ties
//! by node number), prefixes grow one node at a time:
//!
//! ```text
//! vol += d_u;   cut += d_u - A_uu - 2 · (weight of u to the prefix);   φ = cut / min(vol, vol(V) - vol).
//! ```
//!
//! Costs the volume of the support plus one sort. Nothing outside the support is read, and the graph's total
//! volume is asked for, never summed.

use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::adjacency::Adjacency;
use crate::conductance::conductance_of;
use crate::error::{GraphError, Result, check_nodes};
use crate::node_index::NodeIndex;

/// Bounds on the prefixes that a sweep looks at.
///
/// By default there are none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SweepLimits {
    /// Largest volume of a prefix.
    pub max_volume: Option<f64>,
    /// Largest number of nodes of a prefix.
    pub max_size: Option<usize>,
}

/// One prefix of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// The node that this prefix adds.
    pub node: u64,
    /// Its score, mass over degree.
    pub score: f64,
    /// Volume of the prefix.
    pub volume: f64,
    /// Weight of the edges that leave it.
    pub cut: f64,
    /// Its conductance.
    pub conductance: f64,
}

/// The best prefix of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepCut {
    /// The cluster's nodes, ascending.
    pub nodes: Vec<u64>,
    /// Its conductance.
    pub conductance: f64,
    /// Its volume.
    pub volume: f64,
    /// Weight of the edges that leave it.
    pub cut: f64,
}

/// The prefix of least conductance of the nodes with positive mass, the first one on ties; `None` when there
/// is no such node or the limits exclude every prefix.
///
/// Nothing is asked of the prefix but these limits: it may hold more than half the graph's volume (its
/// conductance is then measured from the other side), leave out the seeds, or be no cluster by any measure.
/// [`LocalQuery::cluster`](crate::LocalQuery::cluster) asks for [`ClusterLimits`](crate::ClusterLimits).
///
/// ```
/// use kiln_graph::{CsrGraph, SweepLimits, sweep};
/// let path = CsrGraph::from_edges(4, [(0, 1), (1, 2), (2, 3)])?;
/// let cut = sweep(&path, &[(0, 0.3), (1, 0.4), (2, 0.1)], SweepLimits::default())?.unwrap();
/// assert_eq!((cut.nodes, cut.cut, cut.conductance), (vec![0, 1], 1.0, 1.0 / 3.0));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// As [`sweep_profile`].
pub fn sweep(graph: &impl Adjacency, mass: &[(u64, f64)], limits: SweepLimits) -> Result<Option<SweepCut>> {
    let profile = sweep_profile(graph, mass, limits)?;
    Ok(best_prefix(&profile, |_, _| true))
}

/// The prefix of least conductance among those `allowed` (by rank of the last node), the first one on ties.
pub(crate) fn best_prefix(
    profile: &[SweepPoint],
    allowed: impl Fn(usize, &SweepPoint) -> bool,
) -> Option<SweepCut> {
    // `min_by` returns the first of equal elements.
    let (last, &SweepPoint { conductance, volume, cut, .. }) = profile
        .iter()
        .enumerate()
        .filter(|&(rank, point)| allowed(rank, point))
        .min_by(|a, b| a.1.conductance.total_cmp(&b.1.conductance))?;
    let mut nodes: Vec<u64> = profile[..=last].iter().map(|point| point.node).collect();
    nodes.sort_unstable();
    Some(SweepCut { nodes, conductance, volume, cut })
}

/// Every prefix of the sweep, in order.
///
/// ```
/// use kiln_graph::{CsrGraph, SweepLimits, sweep_profile};
/// let path = CsrGraph::from_edges(4, [(0, 1), (1, 2), (2, 3)])?;
/// let profile = sweep_profile(&path, &[(0, 0.3), (1, 0.4)], SweepLimits::default())?;
/// let conductances: Vec<f64> = profile.iter().map(|point| point.conductance).collect();
/// assert_eq!(conductances, [1.0, 1.0 / 3.0]); // {0}, then {0, 1}
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::UnknownNode`], [`GraphError::DuplicateNode`], [`GraphError::Input`] for a mass that is
/// not finite or a `max_volume` that is not a positive number, [`GraphError::IsolatedSeed`] for mass on a
/// node of degree 0.
pub fn sweep_profile(
    graph: &impl Adjacency,
    mass: &[(u64, f64)],
    limits: SweepLimits,
) -> Result<Vec<SweepPoint>> {
    if let Some(most) = limits.max_volume {
        check::positive("max_volume", most)?;
    }
    check_nodes(mass.iter().map(|entry| entry.0), graph.node_count())?;
    let mut order = Vec::with_capacity(mass.len());
    for &(node, value) in mass {
        check::finite("mass", value)?;
        if value > 0.0 {
            let degree = graph.degree(node);
            if degree <= 0.0 {
                return Err(GraphError::IsolatedSeed(node));
            }
            order.push((value / degree, node, degree));
        }
    }
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));

    // Slots are ranks: a neighbour is in the prefix iff its rank is lower.
    let mut ranks = NodeIndex::default();
    if let Some(&(_, node, _)) = order.iter().find(|entry| !ranks.insert(entry.1).1) {
        return Err(GraphError::DuplicateNode { argument: "mass", node });
    }
    let mut profile = Vec::with_capacity(order.len());
    let (mut volume, mut cut) = (0.0, 0.0);
    for (rank, (score, node, degree)) in order.into_iter().enumerate() {
        volume += degree;
        if limits.max_volume.is_some_and(|most| volume > most)
            || limits.max_size.is_some_and(|most| rank >= most)
        {
            break;
        }
        let (mut inside, mut self_loop) = (0.0, 0.0);
        graph.neighbors(node, |v, weight| {
            if v == node {
                self_loop = weight;
            } else if ranks.slot(v).is_some_and(|other| (other as usize) < rank) {
                inside += weight;
            }
        });
        cut = f64::max(0.0, cut + degree - self_loop - 2.0 * inside);
        let conductance = conductance_of(cut, volume, graph.total_volume());
        profile.push(SweepPoint { node, score, volume, cut, conductance });
    }
    Ok(profile)
}
