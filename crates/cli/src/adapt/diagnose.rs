//! `kiln adapt diagnose`.

use std::path::PathBuf;

use clap::Args;
use kiln_adapt::diagnosis::Diagnosis;

use super::answer;
use super::tables::Tables;
use crate::cli::{FOUND, Failure};
use crate::files::{check_folder, command, json, save};

/// Look at sources and target, and say whether to adapt, how, and why.
///
/// Tables that come from several places (hospitals, shops, years) are the sources; another one is to be
/// predicted, whose labels nobody knows. Methods that adapt can be much better than pooling all
/// sources, and much worse. This looks for what differs, tries every method on sources whose labels are
/// known, and recommends one only if it surely gains there and nothing speaks against it in the target.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln adapt diagnose --help")]
pub(crate) struct Diagnose {
    #[command(flatten)]
    tables: Tables,
    /// The file for everything that was found, as JSON
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A page to look at in a browser
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  kiln adapt diagnose --source basel.csv budapest.csv --target zurich.csv --label ill
  kiln adapt diagnose --source 20*.csv --target 2026.csv --label rent --ignore name --page shift.html

What to make of the answer:
  With one source there is nothing to try a method on: bring a second one.
  What is tried on sources carries over to the target only as far as the target differs from them as
  they differ from each other.
  kiln adapt fit --method auto fits what is recommended.

Exit status:
  0  done
  2  a table cannot be read, or the arguments are wrong";

impl Diagnose {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        for file in self.out.iter().chain(&self.page) {
            check_folder(file)?;
        }
        let ready = self.tables.read()?;
        let found = Diagnosis { seed: self.tables.seed }.run(&ready.data)?;
        kiln_receipts::cli::print(&answer::text(&ready, &found))?;
        if let Some(path) = &self.out {
            save(path, json(&found)?.as_bytes())?;
        }
        if let Some(path) = &self.page {
            save(path, super::page::page(&ready, &found, &command()).as_bytes())?;
        }
        Ok(FOUND)
    }
}
