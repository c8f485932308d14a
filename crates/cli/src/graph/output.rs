//! Where answers go: files, whose names say the form, and standard output.

use std::path::PathBuf;

use clap::ValueEnum;
use kiln_graph::LabelledGraph;

use super::drawing::Drawing;
use super::outcome::Outcome;
use super::words::answer;
use super::{attributed, page, table};
use crate::cli::Failure;
use crate::files::{check_folder, command, gzipped, json, save};

/// Forms of an answer on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Print {
    /// For people
    Text,
    /// Tab-separated columns, every score
    Tsv,
    /// Everything
    Json,
}

/// Forms of an answer in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Tsv,
    TsvGz,
    Json,
    Html,
    Svg,
    GraphMl,
}

/// Every form with the ending of its files' names.
const FORMS: [(&str, Form); 6] = [
    (".tsv", Form::Tsv),
    (".tsv.gz", Form::TsvGz),
    (".json", Form::Json),
    (".html", Form::Html),
    (".svg", Form::Svg),
    (".graphml", Form::GraphMl),
];

/// A file for an answer.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) form: Form,
}

impl Target {
    /// Reads the form from a name; for the command line.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let lower = name.to_lowercase();
        let form = FORMS.iter().find(|(ending, _)| lower.ends_with(ending)).map(|(_, form)| *form);
        let form =
            form.ok_or_else(|| format!("the name must end in {}", endings(&FORMS.map(|form| form.1))))?;
        Ok(Self { path: PathBuf::from(name), form })
    }

    /// That it can be written, as far as that is known before the work.
    pub(super) fn check(&self, forms: &[Form]) -> Result<(), Failure> {
        if !forms.contains(&self.form) {
            return Err(format!("{}: this command writes {}", self.path.display(), endings(forms)).into());
        }
        check_folder(&self.path)
    }
}

fn endings(forms: &[Form]) -> String {
    let of = |form: &Form| FORMS.iter().find(|(_, one)| one == form).map(|(ending, _)| *ending);
    forms.iter().filter_map(of).collect::<Vec<_>>().join(", ")
}

/// Writes an answer about a cluster.
pub(super) fn write(target: &Target, labelled: &LabelledGraph, outcome: &Outcome) -> Result<(), Failure> {
    let drawing = || Drawing::new(labelled, outcome);
    let bytes = match target.form {
        Form::Tsv => table::tsv(outcome).into_bytes(),
        Form::TsvGz => gzipped(&table::tsv(outcome))?,
        Form::Json => json(outcome)?.into_bytes(),
        Form::Html => page::cluster(outcome, &drawing(), &command()).into_bytes(),
        Form::Svg => drawing().file(&answer(outcome)).into_bytes(),
        Form::GraphMl => attributed::graphml(&drawing())?,
    };
    save(&target.path, &bytes)
}

/// The answer on standard output.
pub(super) fn print(outcome: &Outcome, form: Print) -> Result<(), Failure> {
    kiln_receipts::cli::print(&match form {
        Print::Text => table::text(outcome),
        Print::Tsv => table::tsv(outcome),
        Print::Json => json(outcome)?,
    })
}
