//! `kiln cluster`.

use clap::Args;

use super::all::All;
use super::ask::{Method, Parameters, Question, ask};
use super::input::Input;
use super::names::nodes_of;
use super::outcome::{Network, Outcome};
use super::output::{Form, Print, Target, print, write};
use crate::cli::{FOUND, Failure, NOTHING_FOUND};

/// Find the group of nodes around the ones that you name.
///
/// Give the network and one or more names from it. Nothing needs to be tuned: several widths are
/// tried within a bounded amount of work, the best cluster is kept and polished. Or say --size, or
/// choose a method and its parameters yourself.
///
/// The answer lists the members with their scores. A score says how many times as often as by chance
/// a random walk is at a node if it keeps returning to the seeds. The error bar below says how far
/// any score can be from the exact one. It is proved anew for each answer, from the network and the
/// scores alone.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln cluster --help")]
pub(crate) struct Cluster {
    #[command(flatten)]
    input: Input,
    /// Names to start from, one or more; put FILE before them
    #[arg(
        long,
        value_name = "NAME",
        num_args = 1..,
        allow_negative_numbers = true,
        required_unless_present = "all"
    )]
    seed: Vec<String>,
    /// About how many members are wanted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    size: Option<u32>,
    /// The walk follows connections from their first end to the second only. What leads out of a
    /// group is counted in both directions
    #[arg(long, verbatim_doc_comment, conflicts_with_all = ["size", "method"])]
    directed: bool,
    /// A method of your choice, in place of what chooses for you
    #[arg(long, value_enum, conflicts_with = "size", help_heading = "For experts")]
    method: Option<Method>,
    /// How often the walk returns to the seeds, between 0 and 1: large values stay near
    #[arg(
        long,
        value_name = "A",
        allow_negative_numbers = true,
        conflicts_with = "size",
        help_heading = "For experts"
    )]
    alpha: Option<f64>,
    /// How far the walk may reach: to nodes with at most about 1/R connections together
    #[arg(
        long,
        value_name = "R",
        allow_negative_numbers = true,
        conflicts_with = "size",
        help_heading = "For experts"
    )]
    rho: Option<f64>,
    /// Files for the answer, by their endings: .html, .svg, .tsv, .json, .graphml
    #[arg(long, short, value_name = "FILE", num_args = 1.., value_parser = Target::named)]
    out: Vec<Target>,
    /// What standard output gets
    #[arg(long, value_enum, default_value_t = Print::Text, value_name = "FORM", conflicts_with = "all")]
    print: Print,
    #[command(flatten)]
    all: All,
}

const HELP: &str = "\
Examples:
  kiln cluster friends.csv --seed alice
  kiln cluster friends.csv --seed alice bob --size 20 --out alice.html alice.tsv
  zcat links.tsv.gz | kiln cluster - --seed 4711 --print tsv | cut -f1
  kiln cluster proteins.graphml --seed TP53 --method l1-exact --alpha 0.05 --rho 1e-4
  kiln cluster friends.csv --all --top 32 --out neighbours.tsv.gz

What to make of the answer:
  Conductance is the share of the members' connections that lead out of the cluster. Below a tenth or
  so the cluster is clear; near one half it is a matter of taste.
  Hubs, which everybody is tied to, make poor seeds: name a typical member.

Exit status:
  0  there is a cluster
  1  there is none around these names; the reason is said
  2  the file cannot be read, a name is unknown, or the arguments are wrong";

impl Cluster {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if self.all.wanted()? {
            return self.all.run(&self.input, &self.out, self.parameters(), self.directed);
        }
        for target in &self.out {
            target.check(&[Form::Html, Form::Svg, Form::Tsv, Form::TsvGz, Form::Json, Form::GraphMl])?;
        }
        let read = self.input.read(self.directed)?;
        let seeds = nodes_of(&read, &self.seed)?;
        let question = Question {
            seeds: &seeds,
            size: self.size.map(|size| size as usize),
            parameters: self.parameters(),
            arcs: read.arcs.as_ref(),
            compare: self.out.iter().any(|target| target.form == Form::Html),
        };
        let asked = ask(read.graph.graph(), &question)?;
        let network = Network::of(&self.input.name(), read.graph.graph(), read.remarks());
        let outcome = Outcome::new(network, &read.graph, &seeds, asked)?;
        // First what a person sees, even if a file cannot be written.
        print(&outcome, self.print)?;
        for target in &self.out {
            write(target, &read.graph, &outcome)?;
        }
        Ok(if outcome.cluster.is_some() { FOUND } else { NOTHING_FOUND })
    }

    fn parameters(&self) -> Parameters {
        Parameters { method: self.method, alpha: self.alpha, rho: self.rho }
    }
}
