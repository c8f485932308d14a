//! What an error bar proves besides itself: whether an old answer still holds, and which prefixes of a sweep
//! are certain. The theorem is in the book, `docs/src/error-bar.md`.

use crate::adjacency::Adjacency;
use crate::answer::LocalAnswer;
use crate::error::Result;
use crate::objective::{PageRankCertificate, PageRankProblem};
use crate::sweep::SweepPoint;

/// How wrong an answer has become on a changed graph: the 1-norm of the distance of its mass from the exact
/// solution of the same problem there is at most this.
///
/// The problem keeps the answer's `alpha` and its `rho` in the paper's unit. Mass on nodes that no longer have
/// an edge, or no longer exist, counts as wrong. Costs one pass over the neighbours of the answer's support;
/// for the whole error bar, and where no node was lost, see
/// [`LocalAnswer::certify`](LocalAnswer::certify).
///
/// ```
/// use kiln_graph::{LocalQuery, generators::path, stale_bound};
/// let answer = LocalQuery::node(0).rho(0.02).stop_at_error(1e-9).run(&path(100)?)?;
/// assert!(stale_bound(&path(101)?, &answer)? <= 1e-9); // the far end is not its concern
/// assert!(stale_bound(&path(3)?, &answer)? > 1e-3);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// Those of [`PageRankProblem::certify`]: for one, a seed that has lost its last edge has no answer at all.
pub fn stale_bound(graph: &impl Adjacency, answer: &LocalAnswer<PageRankCertificate>) -> Result<f64> {
    let PageRankCertificate { alpha, rho, .. } = answer.certificate;
    let holds = |node: u64| node < graph.node_count() && graph.degree(node) > 0.0;
    let (left, lost): (Vec<_>, Vec<_>) = answer.mass.iter().partition(|entry| holds(entry.0));
    let lost: f64 = lost.iter().map(|entry: &(u64, f64)| entry.1.abs()).sum();
    let problem = PageRankProblem { seeds: answer.seeds.clone(), alpha, rho };
    // An empty sum of floats is -0.
    Ok(0.0 + problem.certify(graph, &left)?.l1_error + lost)
}

/// The lengths of those prefixes of a sweep that the sweep of the exact answer has too, as sets, ascending.
///
/// `sup_error` is that of the answer's [`PageRankCertificate`]. Scores that differ by more than twice as much
/// are in the exact order, so a prefix is certain where the score falls by more than that to the next node;
/// the nodes off the support have score 0. `profile` must be that of the whole answer, from
/// [`sweep_profile`](crate::sweep_profile) without limits.
///
/// ```
/// use kiln_graph::{LocalQuery, SweepLimits, generators::star, proved_prefixes, sweep_profile};
/// let star = star(4)?;
/// let answer = LocalQuery::node(1).rho(1e-3).stop_at_error(1e-6).run(&star)?;
/// let profile = sweep_profile(&star, &answer.mass, SweepLimits::default())?;
/// // The seed, the centre, then three leaves that no answer can tell apart.
/// assert_eq!(proved_prefixes(&profile, answer.certificate.sup_error), [1, 2, 5]);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
pub fn proved_prefixes(profile: &[SweepPoint], sup_error: f64) -> Vec<usize> {
    let next = profile.iter().skip(1).map(|point| point.score).chain([0.0]);
    let pairs = profile.iter().zip(next).enumerate();
    pairs.filter(|(_, (point, next))| point.score - next > 2.0 * sup_error).map(|(i, _)| i + 1).collect()
}
