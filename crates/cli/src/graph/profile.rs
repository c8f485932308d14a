//! `kiln profile`.

use clap::Args;
use kiln_graph::{Adjacency as _, Clusterer, LabelledGraph, NetworkCommunityProfile, ProfilePoint};
use kiln_receipts::progress::Reporter;
use kiln_receipts::report::figure::{Axis, Figure, Kind};
use maud::{PreEscaped, html};
use serde::Serialize;

use super::input::Input;
use super::outcome::Network;
use super::output::{Form, Print, Target};
use super::table::plain;
use crate::cli::{FOUND, Failure};
use crate::files::{command, gzipped, json, save};
use crate::numbers::{Share, Short, count, readable};
use crate::page;
use crate::print::columns;

/// See at which sizes a network has clusters at all.
///
/// From many random nodes the best cluster of each size is sought: the network community profile of
/// Leskovec, Lang, Dasgupta and Mahoney. Where the curve dips, clusters of that size stand out; the
/// node beside each point is a name to give to `kiln cluster`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP)]
pub(crate) struct Profile {
    #[command(flatten)]
    input: Input,
    /// Number of random nodes to start from
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Determines which nodes are drawn
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    rng_seed: u64,
    /// Files for the answer, by their endings: .html, .svg, .tsv, .json
    #[arg(long, short, value_name = "FILE", num_args = 1.., value_parser = Target::named)]
    out: Vec<Target>,
    /// What standard output gets
    #[arg(long, value_enum, default_value_t = Print::Text, value_name = "FORM")]
    print: Print,
}

const HELP: &str = "\
Examples:
  kiln profile friends.csv
  kiln profile friends.csv --seeds 1000 --out profile.html profile.tsv

Exit status:
  0  done
  2  the file cannot be read, or the arguments are wrong";

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    network: Network,
    points: Vec<Point>,
}

/// The best cluster of one range of sizes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Point {
    /// Number of members.
    size: usize,
    /// Share of their connections that lead out.
    conductance: f64,
    /// A name from which it is found.
    seed: String,
    /// The parameters of the walk that found it.
    alpha: f64,
    rho: f64,
}

impl Profile {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        for target in &self.out {
            target.check(&[Form::Html, Form::Svg, Form::Tsv, Form::TsvGz, Form::Json])?;
        }
        let read = self.input.read(false)?;
        let network = Network::of(&self.input.name(), read.graph.graph(), read.remarks());
        let points = self.points(&read.graph)?;
        let found = Found { network, points };
        for target in &self.out {
            let bytes = match target.form {
                Form::Tsv => found.tsv().into_bytes(),
                Form::TsvGz => gzipped(&found.tsv())?,
                Form::Json => json(&found)?.into_bytes(),
                Form::Svg => found.figure().svg().into_bytes(),
                _ => found.page().into_bytes(),
            };
            save(&target.path, &bytes)?;
        }
        kiln_receipts::cli::print(&match self.print {
            Print::Text => found.text(),
            Print::Tsv => found.tsv(),
            Print::Json => json(&found)?,
        })?;
        Ok(FOUND)
    }

    fn points(&self, labelled: &LabelledGraph) -> Result<Vec<Point>, Failure> {
        let graph = labelled.graph();
        let seeds = u64::from(self.seeds).min(graph.node_count());
        let method = NetworkCommunityProfile {
            seeds: self.seeds as usize,
            rng_seed: self.rng_seed,
            ..NetworkCommunityProfile::default()
        };
        let progress = Reporter::standard_error().steps(seeds, "seeds");
        let found = method.run(graph, |_| progress.inc(1))?;
        let named = |point: ProfilePoint| Point {
            size: point.size,
            conductance: point.conductance,
            seed: labelled.label(point.seed).to_string(),
            alpha: point.alpha,
            rho: point.rho,
        };
        Ok(found.into_iter().map(named).collect())
    }
}

impl Found {
    fn best(&self) -> Option<&Point> {
        self.points.iter().min_by(|a, b| a.conductance.total_cmp(&b.conductance))
    }

    fn says(&self) -> String {
        match self.best() {
            Some(best) if best.conductance > Clusterer::default().cluster_limits.max_conductance => format!(
                "No cluster was seen: the best group has {} of {} nodes and is around {}, and {} of its connections \
                 lead out.",
                count(best.size as u64),
                count(self.network.nodes),
                readable(&best.seed),
                Share(best.conductance)
            ),
            Some(best) => format!(
                "The clearest cluster that was seen has {} of {} nodes and is around {}: {} of its connections lead \
                 out.",
                count(best.size as u64),
                count(self.network.nodes),
                readable(&best.seed),
                Share(best.conductance)
            ),
            None => "No cluster was seen.".to_owned(),
        }
    }

    fn rows(&self) -> impl Iterator<Item = Vec<String>> {
        self.points.iter().map(|point| {
            vec![count(point.size as u64), Short(point.conductance).to_string(), readable(&point.seed)]
        })
    }

    fn text(&self) -> String {
        if self.points.is_empty() {
            return format!("{}\n", self.says());
        }
        let table = columns(["size", "conductance", "found from"].into_iter(), self.rows(), &[0, 1]);
        format!("{}\n\n{table}", self.says())
    }

    fn tsv(&self) -> String {
        let row = |point: &Point| {
            let Point { size, conductance, seed, alpha, rho } = point;
            format!("{size}\t{conductance}\t{}\t{alpha}\t{rho}\n", plain(seed))
        };
        let head = "size\tconductance\tseed\talpha\trho\n".to_owned();
        self.points.iter().fold(head, |text, point| text + &row(point))
    }

    fn figure(&self) -> Figure {
        let points = self.points.iter().map(|point| (point.size as f64, point.conductance));
        Figure::new(
            "profile",
            "Network community profile",
            "",
            Axis::log("size of the cluster, nodes"),
            Axis::log("least conductance"),
        )
        .with(Kind::LinePoints, "", 0, points)
    }

    fn page(&self) -> String {
        let content = html! {
            p class="lead" { (page::joined(&self.says())) }
            div class="figures" {
                figure {
                    (PreEscaped(self.figure().svg()))
                    figcaption {
                        "The least share of connections that lead out, of the clusters that were found of each size. "
                        "Where the curve dips, clusters of that size stand out."
                    }
                }
                div class="scroll" {
                    table {
                        thead { tr {
                            th class="number" { "size" }
                            th class="number" { "conductance" }
                            th class="name" { "found from" }
                        } }
                        tbody {
                            @for row in self.rows() {
                                tr { @for (i, cell) in row.iter().enumerate() {
                                    td class=(if i < 2 { "number" } else { "name" }) { (cell) }
                                } }
                            }
                        }
                    }
                }
            }
        };
        page::page(
            &format!("Clusters of {} by size", self.network.file),
            &self.network.remarks,
            &command(),
            &content,
        )
    }
}
