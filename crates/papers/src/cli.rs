//! The command line: that of every list of papers, and the commands that only these papers have.

use std::{process::ExitCode, sync::Arc};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use kiln_datasets::{DataCommand, DataPath};
use kiln_receipts::{
    cli::{self, App, Commands},
    report::Links,
};

#[cfg(feature = "models")]
use crate::registry::MemoryProbe;
use crate::registry::PAPERS;

/// Kiln's receipts: reruns the experiments of papers and says, claim by claim, what was reproduced.
#[derive(Debug, Parser)]
#[command(name = "kiln-papers", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Receipts(Commands),
    /// List the data sets, or get one.
    Data(DataCommand),
    /// Fine-tune a language model on a table of labelled texts.
    Finetune(kiln_finetune::FinetuneCommand),
    /// Measures the memory of one method at one size, for `reproduce mezo`.
    #[cfg(feature = "models")]
    #[command(hide = true)]
    MemoryProbe(MemoryProbe),
}

/// Reads the arguments of the process and does what they say; gives the exit status.
pub fn main() -> ExitCode {
    let app = app();
    let matches = app.with_devices(Cli::command()).get_matches();
    let command = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command;
    cli::exit_code(match command {
        Command::Receipts(command) => command.run(&app),
        Command::Data(command) => command.run().map(|()| 0).map_err(Into::into),
        #[cfg(feature = "models")]
        Command::Finetune(command) => command.run().map(|()| 0).map_err(Into::into),
        #[cfg(not(feature = "models"))]
        Command::Finetune(_) => {
            Err("this build has no language models: `cargo xtask finetune` builds them in".into())
        }
        #[cfg(feature = "models")]
        Command::MemoryProbe(command) => command.run().map(|()| 0),
    })
}

fn app() -> App {
    let build =
        kiln_receipts::build!("adapt", "graph", "interpret", "models", "optim", "flex", "ndarray", "wgpu");
    App {
        devices: &["flex", "ndarray", "wgpu"],
        device_works,
        find_data: |given| Arc::new(DataPath::new(given)),
        with_domain: |paper| {
            let (id, domain) = (paper.id, paper.domain);
            format!("`cargo xtask reproduce {id}` builds them in, and so does `--features {domain}`")
        },
        links: Links {
            page: "docs/src/paper-{id}.md".to_owned(),
            source: "crates/papers/src/registry/{module}".to_owned(),
        },
        ..App::new(PAPERS, build)
    }
}

/// Whether tensors can live on this device.
#[cfg(any(feature = "adapt", feature = "interpret", feature = "optim"))]
fn device_works(name: &str) -> Result<(), String> {
    let lacks =
        |error| format!("{error}; `cargo xtask reproduce --device {name}` builds it in, where it works");
    kiln_tensor::devices::named(name).map(|_| ()).map_err(lacks)
}

/// A build without tensors has papers that need none.
#[cfg(not(any(feature = "adapt", feature = "interpret", feature = "optim")))]
fn device_works(name: &str) -> Result<(), String> {
    if name == "flex" {
        return Ok(());
    }
    Err(format!("no device {name}: this build has no papers that use tensors"))
}
