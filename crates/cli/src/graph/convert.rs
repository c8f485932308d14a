//! `kiln convert`.

use std::path::PathBuf;

use clap::Args;
use kiln_graph::Adjacency as _;
use kiln_graph::io::{Format, write_labelled};

use super::input::Input;
use crate::cli::{FOUND, Failure};
use crate::numbers::count;

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
        let to = self.to.display();
        // Before the work of reading.
        let format = Format::from_path(&self.to).ok().filter(|format| format.is_written());
        let Some(format) = format else {
            let all = Format::all().filter(|format| format.is_written());
            let endings: Vec<_> =
                all.flat_map(Format::extensions).map(|ending| format!(".{ending}")).collect();
            let endings = endings.join(", ");
            return Err(format!(
                "cannot write {to}: its name must end in {endings}, and may then end in .gz, .bz2 or .zst"
            )
            .into());
        };
        let network = self.input.read(false)?;
        let names = write_labelled(&network.graph, &self.to).map_err(|error| {
            let said = error.to_string();
            let said = said.strip_prefix(&format!("{to}: ")).unwrap_or(&said);
            format!("cannot write {to}: {said}")
        })?;
        let graph = network.graph.graph();
        for note in network.notes().filter(|note| !note.is_warning()) {
            eprintln!("{note}");
        }
        let (nodes, edges) = (count(graph.node_count()), count(graph.edge_count()));
        eprintln!("wrote {to}: {nodes} nodes, {edges} edges");
        let alone = (0..graph.node_count()).filter(|&node| graph.arc_count(node) == 0).count() as u64;
        if alone > 0 && matches!(format, Format::EdgeList | Format::Ncol) {
            let alone = count(alone);
            eprintln!(
                "note: nodes without connections have no place in a list of them and are left out: {alone}"
            );
        }
        if let Some(names) = names {
            eprintln!(
                "wrote {}: the names of the nodes, one a line, as the format holds none",
                names.display()
            );
        }
        Ok(FOUND)
    }
}
