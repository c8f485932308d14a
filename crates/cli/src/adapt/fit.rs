//! `kiln adapt fit`.

use std::path::PathBuf;

use clap::Args;
use kiln_adapt::diagnosis::{Diagnosis, LinearCandidate};
use kiln_adapt::{Fit as _, Predict as _};

use super::answer;
use super::model::ModelFile;
use super::tables::Tables;
use crate::cli::{FOUND, Failure};
use crate::files::{check_folder, json, save};
use crate::print::wrapped;

/// Learn from the sources to predict the target.
///
/// By default the method is the one that kiln adapt diagnose recommends; pooled-erm, the rows of all
/// sources as one table, if it recommends none.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_long_help = HELP, after_help = "Examples: kiln adapt fit --help")]
pub(crate) struct Fit {
    #[command(flatten)]
    tables: Tables,
    /// auto, or one of pooled-erm, covariate-shift, coral, dip, cip, joint-dip, iw-erm, iw-dip, iw-cip,
    /// iw-joint-dip (for classes) and cirm (for numbers)
    #[arg(long, value_name = "METHOD", default_value = "auto")]
    method: String,
    /// The file for the model, as JSON
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
}

const HELP: &str = "\
Examples:
  kiln adapt fit --source basel.csv budapest.csv --target zurich.csv --label ill --out ill.json
  kiln adapt predict ill.json zurich.csv --with patient --out risk.csv

Exit status:
  0  done
  2  a table cannot be read, or the arguments are wrong";

impl Fit {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        check_folder(&self.out)?;
        let chosen = match self.method.as_str() {
            "auto" => None,
            name => Some(
                name.parse::<LinearCandidate>()
                    .map_err(|unknown| format!("{unknown}; kiln adapt fit --help lists them"))?,
            ),
        };
        let ready = self.tables.read()?;
        let (method, reasons) = if let Some(method) = chosen {
            (method, vec!["It was asked for.".to_owned()])
        } else {
            let found = Diagnosis { seed: self.tables.seed }.run(&ready.data)?;
            (found.recommendation.method, answer::reasons(&found))
        };
        let model = method.fit(&ready.data)?;
        kiln_receipts::cli::print(&wrapped(&format!("Fitted by {method}: {}.", answer::what(method))))?;
        for reason in &reasons {
            kiln_receipts::cli::print(&wrapped(reason))?;
        }
        for warning in model.warnings() {
            eprintln!("note: {warning}");
        }
        save(&self.out, json(&ModelFile::new(&ready, method, reasons, model))?.as_bytes())?;
        Ok(FOUND)
    }
}
