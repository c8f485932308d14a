//! What the limits of a query say about the next step.

use crate::adjacency::Adjacency;
use crate::explored::Explored;
use crate::query::Limits;

/// Whether the limits allow an update of a node.
pub(crate) enum Step {
    Allowed,
    Hub,
    Limit,
}

/// Judges, before any list is read, whether `slot` may be updated once `edges_touched` edges have been.
pub(crate) fn step_allowed(
    limits: Limits,
    graph: &impl Adjacency,
    explored: &Explored,
    slot: u32,
    edges_touched: u64,
) -> Step {
    if limits.max_work.is_none() && limits.max_nodes.is_none() && limits.max_arcs.is_none() {
        return Step::Allowed;
    }
    let expanded = explored.is_expanded(slot);
    let arcs =
        if expanded { explored.arc_count(slot) } else { graph.arc_count(explored.nodes()[slot as usize]) };
    if limits.max_arcs.is_some_and(|most| arcs > most) {
        Step::Hub
    } else if limits.max_work.is_some_and(|most| edges_touched + arcs as u64 > most)
        || (!expanded && limits.max_nodes.is_some_and(|most| explored.len() + arcs > most))
    {
        Step::Limit
    } else {
        Step::Allowed
    }
}
