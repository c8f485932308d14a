//! What is found, in words and numbers for people.

use kiln_graph::Status;

use super::outcome::Outcome;
use crate::numbers::{Share, Short, count, readable};

/// Names in a row.
fn named<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| readable(name)).collect::<Vec<_>>().join(", ")
}

/// The answer in a few sentences.
pub(super) fn answer(outcome: &Outcome) -> String {
    let seeds = named(outcome.seeds.iter());
    let nodes = count(outcome.network.nodes);
    let mut more = Vec::new();
    if outcome.cluster.is_some() {
        let left_out = outcome.scores.iter().filter(|score| score.seed && !score.member);
        let left_out = named(left_out.map(|score| &score.node));
        if !left_out.is_empty() {
            more.push(format!("Not in it: {left_out}."));
        }
    }
    if !outcome.seeds_apart.is_empty() {
        let apart = named(outcome.seeds_apart.iter());
        let others = outcome.seeds.iter().filter(|name| !outcome.seeds_apart.contains(name));
        more.push(format!("No path joins {apart} with {}: each may be asked about alone.", named(others)));
    }
    let said = match (&outcome.cluster, &outcome.no_cluster_because) {
        (Some(cluster), _) => format!(
            "{} of {nodes} nodes form the cluster of {seeds}: {} of their connections lead out of it.",
            count(cluster.size as u64),
            Share(cluster.conductance)
        ),
        (None, Some(because)) => format!("There is no cluster around {seeds}: {because}."),
        (None, None) => format!("There is no cluster around {seeds}."),
    };
    [vec![said], more].concat().join(" ")
}

/// What a score means.
pub(super) fn meaning(outcome: &Outcome) -> &'static str {
    if outcome.directed {
        "A score says how many times as often a random walk is at a node as by chance, if it follows the directions \
         and keeps returning to the seeds: 1 is chance, for a walk without directions."
    } else {
        "A score says how many times as often as by chance a random walk is at a node, if it keeps returning to the \
         seeds: 1 is chance."
    }
}

/// What the share inside means.
pub(super) fn inside() -> &'static str {
    "Inside is the share of a node's connections that lead to members."
}

/// How sure the scores are.
pub(super) fn certainty(outcome: &Outcome) -> String {
    let bar = outcome.error_bar;
    let mut more = String::new();
    if outcome.members_are_proved_best() {
        more += " The exact scores have the same members ahead of all other nodes.";
    }
    if outcome.status == Status::WorkLimit {
        more += " A limit on the work ended the search early: there may be better clusters.";
    }
    format!(
        "Error bar, proved: no score is off by more than {}; all of them together by {} of the walk's time.{more}",
        Short(bar.each),
        Short(bar.together)
    )
}
