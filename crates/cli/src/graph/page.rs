//! The page of a cluster.

use kiln_receipts::report::figure::{Axis, Figure, Kind};
use maud::{Markup, PreEscaped, html};

use super::ask::Compared;
use super::drawing::Drawing;
use super::outcome::{Cluster, Outcome};
use super::words::{answer, certainty, inside, meaning};
use crate::numbers::{Share, Short, count, readable};
use crate::page::{fact, file_name, joined, page};

/// A sweep over fewer nodes shows nothing.
const FEWEST: usize = 4;
/// At most so many rows of the table of members.
const ROWS: usize = 1000;

/// The page of a cluster.
pub(super) fn cluster(outcome: &Outcome, drawing: &Drawing, command: &str) -> String {
    let seeds = outcome.seeds.iter().map(|name| readable(name)).collect::<Vec<_>>().join(", ");
    let title = match &outcome.cluster {
        Some(_) => format!("The cluster around {seeds}"),
        None => format!("No cluster around {seeds}"),
    };
    let network = &outcome.network;
    let nodes = format!("{} nodes, {} edges", count(network.nodes), count(network.edges));
    let members = outcome.members().count();
    let content = html! {
        p class="lead" { (joined(&answer(outcome))) }
        dl {
            (fact("Network", file_name(&network.file), &nodes))
            @if let Some(cluster) = &outcome.cluster {
                (fact("Members", &count(cluster.size as u64), &format!(
                    "{} of the network's connections",
                    Share(cluster.share_of_network)
                )))
                (fact("Conductance", &Short(cluster.conductance).to_string(), "share of connections that lead out"))
                (connections(cluster, network.weighted))
                @if let Some(compared) = &outcome.compared {
                    (fact("Clearest of this size", &Short(compared.least).to_string(), &elsewhere(compared)))
                }
            }
            (fact("Error bar of a score", &format!("± {}", Short(outcome.error_bar.each)), "proved"))
        }
        div class="figures" {
            figure { (drawing.svg(&title)) figcaption { (drawing.caption()) } }
            @if outcome.sweep_to_half >= FEWEST {
                figure { (PreEscaped(sweep(outcome).svg())) figcaption { (sweep_caption(outcome)) } }
            }
        }
        h2 { @if outcome.cluster.is_some() { "Members" } @else { "Best scores" } }
        p { (meaning(outcome)) @if outcome.cluster.is_some() { " " (inside()) } }
        p { (joined(&certainty(outcome))) }
        (table(outcome))
        @if members > ROWS {
            p { (members - ROWS) " more members are in the .tsv and .json forms of this answer." }
        }
        details {
            summary { "How it was found" }
            p { (format!("The walk touched {} edges of the network.", count(outcome.work.edges_touched))) }
            pre { (serde_json::to_string_pretty(&outcome.method).unwrap_or_default()) }
        }
    };
    page(&title, &network.remarks, command, &content)
}

/// What joins the members, and what leads out.
fn connections(cluster: &Cluster, weighted: bool) -> Markup {
    let number = |sum: f64| if sum.fract() == 0.0 { count(sum as u64) } else { Short(sum).to_string() };
    let name = if weighted { "Weight of connections" } else { "Connections" };
    let (inside, out) = (number(cluster.internal_weight), number(cluster.cut));
    fact(name, &format!("{inside} inside"), &format!("{out} lead out"))
}

/// What a cluster is compared with.
fn elsewhere(compared: &Compared) -> String {
    let seen = format!("the least conductance seen from {} random nodes", compared.seeds);
    if compared.ratio <= 1.0 {
        format!("{seen}: none is clearer")
    } else if compared.ratio.is_infinite() {
        format!("{seen}; here it is more")
    } else {
        match Short(compared.ratio).to_string().as_str() {
            "1" => format!("{seen}; here it is about the same"),
            times => format!("{seen}; here it is {times} times that"),
        }
    }
}

/// Members, or the best scores where there is no cluster.
fn table(outcome: &Outcome) -> Markup {
    let found = outcome.cluster.is_some();
    html! {
        div class="scroll" {
            table {
                thead {
                    tr {
                        th class="name" { "node" }
                        th class="number" { "score" }
                        @if found { th class="number" { "inside" } }
                        th class="number degree" { "degree" }
                    }
                }
                tbody {
                    @for score in outcome.scores.iter().filter(|score| score.member || !found).take(ROWS) {
                        tr class=[score.seed.then_some("seed")] {
                            td class="name" { (readable(&score.node)) }
                            td class="number" { (Short(score.score)) }
                            @if found { td class="number" { (Share(score.inside)) } }
                            td class="number degree" { (Short(score.degree)) }
                        }
                    }
                }
            }
        }
    }
}

/// The conductance of every beginning of the list of scores.
fn sweep(outcome: &Outcome) -> Figure {
    let label = "nodes taken, best score first";
    // What has more than half of all connections is no cluster, but the rest of one.
    let shown = outcome.sweep_to_half.max(outcome.members().count()).min(outcome.sweep.len());
    let x = if shown > 200 { Axis::log(label) } else { Axis::linear(label) };
    let y = Axis::linear("conductance");
    let points =
        outcome.sweep.iter().take(shown).zip(1..).map(|(&conductance, size)| (f64::from(size), conductance));
    let found = outcome.cluster.is_some();
    let title = if found { "Where the cluster ends" } else { "No cluster ends here" };
    let mut figure = Figure::new("sweep", title, "", x, y).with(Kind::Line, "", 0, points);
    if let Some(compared) = &outcome.compared {
        let others = compared.profile.iter().filter(|(size, _)| *size <= shown);
        let others = others.map(|&(size, conductance)| (size as f64, conductance));
        figure = figure.with(Kind::Dashed, "the least seen elsewhere", 2, others);
    }
    match &outcome.cluster {
        Some(cluster) => {
            figure.with(Kind::Points, "the cluster", 1, [(cluster.size as f64, cluster.conductance)])
        }
        None => figure,
    }
}

fn sweep_caption(outcome: &Outcome) -> String {
    let valley = if outcome.cluster.is_some() {
        "A deep valley is a clear cluster."
    } else {
        "Without a valley there is no cluster."
    };
    format!(
        "The share of connections that lead out of the best node, of the two best, and so on, up to half of the \
         network. {valley}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Compared, elsewhere};

    #[test]
    fn a_ratio_is_said_in_words_where_a_number_says_nothing() {
        let said = |ratio: f64| elsewhere(&Compared { seeds: 20, least: 0.1, ratio, profile: Vec::new() });
        assert!(said(0.97).ends_with(": none is clearer"));
        assert!(said(1.001).ends_with("; here it is about the same"), "{}", said(1.001));
        assert!(said(1.5).ends_with("; here it is 1.5 times that"));
        assert!(said(f64::INFINITY).ends_with("; here it is more"));
    }
}
