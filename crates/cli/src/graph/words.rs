//! What is found, in words and numbers for people.

use std::fmt;

use kiln_graph::Status;
use kiln_receipts::Number;

use super::outcome::Outcome;

/// A number with three significant digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short(pub(super) f64);

/// A share in percent, with two significant digits; never rounded to none or to all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share(pub(super) f64);

impl fmt::Display for Short {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = format!("{:.2e}", self.0).parse().unwrap_or(self.0);
        // Whole numbers are counts, which are not rounded.
        let whole = self.0.fract() == 0.0 && self.0.abs() < 1e9;
        fmt::Display::fmt(&Number(if whole { self.0 } else { rounded }), out)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.0;
        match percent {
            x if x <= 0.0 => write!(out, "0 %"),
            x if x >= 100.0 => write!(out, "100 %"),
            x if x < 0.1 => write!(out, "under 0.1 %"),
            x if x > 99.9 => write!(out, "over 99.9 %"),
            x if (10.0..=99.0).contains(&x) => write!(out, "{x:.0} %"),
            x => write!(out, "{x:.1} %"),
        }
    }
}

/// A count with its thousands set apart.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A name as people can read it: without line breaks and signs that steer a terminal.
pub(super) fn readable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_wrong() {
        assert_eq!(
            [0.123_456, 1234.0, 1234.56, 0.0].map(|x| Short(x).to_string()),
            ["0.123", "1234", "1230", "0"]
        );
        let shares = [0.0, 1e-9, 0.012_34, 0.5, 0.9999, 1.0].map(|x| Share(x).to_string());
        assert_eq!(shares, ["0 %", "under 0.1 %", "1.2 %", "50 %", "over 99.9 %", "100 %"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
