//! `kiln cluster --all`: for every node the nodes that its own walk visits most.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use kiln_graph::{Adjacency as _, GraphError};
use kiln_receipts::progress::Reporter;

use super::ask::{Parameters, top};
use super::input::{Input, Loaded};
use super::output::{Form, Target};
use super::table::plain;
use crate::cli::{FOUND, Failure};
use crate::numbers::count;

/// How many neighbours of each node are kept.
const TOP: u32 = 32;

/// What `--all` takes besides.
#[derive(Debug, Args)]
pub(super) struct All {
    /// For every node of the network the nodes nearest to it, as one sparse matrix
    ///
    /// A row is NODE, NEIGHBOUR, SHARE, separated by tabs, to standard output or to the one .tsv
    /// or .tsv.gz of --out: the share of its time that a walk which keeps returning to NODE spends
    /// at NEIGHBOUR. Rows are written as they are found, in the order of the nodes, so memory does
    /// not grow with their number. --method appr is the default here.
    #[arg(
        long,
        verbatim_doc_comment,
        conflicts_with_all = ["seed", "size", "print"],
        help_heading = "Every node at once"
    )]
    all: bool,
    /// How many neighbours of each node are kept: 32 if not said
    #[arg(
        long,
        value_name = "K",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Every node at once"
    )]
    top: Option<u32>,
}

impl All {
    pub(super) fn wanted(&self) -> Result<bool, Failure> {
        if self.top.is_some() && !self.all {
            return Err("--top belongs to --all; --size says about how many members are wanted".into());
        }
        Ok(self.all)
    }

    pub(super) fn run(
        &self,
        input: &Input,
        out: &[Target],
        parameters: Parameters,
        directed: bool,
    ) -> Result<u8, Failure> {
        for target in out {
            target.check(&[Form::Tsv, Form::TsvGz])?;
        }
        let target = match out {
            [] => None,
            [target] => Some(target),
            _ => return Err("--all writes one file".into()),
        };
        let read = input.read(directed)?;
        let labelled = &read.graph;
        if labelled.graph().total_volume() <= 0.0 {
            return Err(GraphError::EmptyGraph.into());
        }
        let Some(target) = target else {
            let done = self.rows(&read, parameters, &mut BufWriter::new(io::stdout().lock()));
            // A reader that has gone away has read enough.
            return match done {
                Err(error) if is_closed_pipe(&*error) => Ok(FOUND),
                done => done.map(|_| FOUND),
            };
        };
        // Whole or absent: the rows go to a file beside it first.
        let mut partial = target.path.clone().into_os_string();
        partial.push(".part");
        let done = self
            .write(&read, parameters, target.form, Path::new(&partial))
            .and_then(|rows| Ok(fs::rename(&partial, &target.path).map(|()| rows)?));
        match done {
            Ok(rows) => {
                eprintln!("wrote {}: {} rows", target.path.display(), count(rows));
                Ok(FOUND)
            }
            Err(failure) => {
                // What is left of it is of no use; why it cannot be removed neither.
                let _ = fs::remove_file(&partial);
                Err(format!("cannot write {}: {failure}", target.path.display()).into())
            }
        }
    }

    fn write(&self, read: &Loaded, parameters: Parameters, form: Form, path: &Path) -> Result<u64, Failure> {
        let mut file = BufWriter::new(File::create(path)?);
        if form != Form::TsvGz {
            return self.rows(read, parameters, &mut file);
        }
        let mut packed = GzEncoder::new(file, Compression::default());
        let rows = self.rows(read, parameters, &mut packed)?;
        packed.finish()?.flush()?;
        Ok(rows)
    }

    /// Writes every row; gives their number.
    fn rows(&self, read: &Loaded, parameters: Parameters, to: &mut impl Write) -> Result<u64, Failure> {
        let labelled = &read.graph;
        let progress = Reporter::standard_error().steps(labelled.graph().node_count(), "nodes");
        writeln!(to, "node\tneighbour\tshare")?;
        let mut written = 0;
        top(
            (labelled.graph(), read.arcs.as_ref()),
            parameters,
            self.top.unwrap_or(TOP) as usize,
            |node, row| {
                let name = plain(&labelled.label(node));
                for &(other, share) in row {
                    writeln!(to, "{name}\t{}\t{share}", plain(&labelled.label(other)))?;
                    written += 1;
                }
                progress.inc(1);
                Ok(())
            },
        )?;
        to.flush()?;
        Ok(written)
    }
}

fn is_closed_pipe(failure: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let of_graph = failure.downcast_ref().and_then(|error| match error {
        GraphError::Io { source, .. } => Some(source),
        _ => None,
    });
    let error = of_graph.or_else(|| failure.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
