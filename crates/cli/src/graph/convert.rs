//! `kiln convert`.

use std::path::PathBuf;

use clap::Args;
use kiln_graph::Adjacency as _;
use kiln_graph::io::write_labelled;

use super::input::Input;
use super::words::count;
use crate::cli::{FOUND, Failure};

/// Read a network in one format and write it in another, names and weights included.
///
/// The endings of the names say the formats. What the reader did not use of the file is said.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Convert {
    #[command(flatten)]
    input: Input,
    /// The file to write: its ending says the format; .gz at the end compresses it
    #[arg(value_name = "TO")]
    to: PathBuf,
}

const HELP: &str = "\
Examples:
  kiln convert friends.csv friends.graphml
  kiln convert edges.csv proteins.mtx --columns protein_a,protein_b,combined_score
  zcat links.tsv.gz | kiln convert - links.kiln        a file of our own, which opens at once";

impl Convert {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let network = self.input.read()?;
        write_labelled(&network.graph, &self.to)?;
        let graph = network.graph.graph();
        for note in network.notes().filter(|note| !note.is_warning()) {
            eprintln!("{note}");
        }
        let (nodes, edges) = (count(graph.node_count()), count(graph.edge_count()));
        eprintln!("wrote {}: {nodes} nodes, {edges} edges", self.to.display());
        Ok(FOUND)
    }
}
