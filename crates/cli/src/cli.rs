//! The commands, their exit statuses and their errors.

use std::{env, error::Error, path::Path, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

/// What ends a command early: said after `error:`.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Exit statuses, as `grep` has them.
pub(crate) const FOUND: u8 = 0;
#[cfg(feature = "graph")]
pub(crate) const NOTHING_FOUND: u8 = 1;
const FAILED: u8 = 2;

/// Kiln's methods on files of your own: clusters of networks, linear models of tables.
///
/// A network is a file with two columns of names: `kiln cluster` finds the group around the names that
/// you give, and says how sure its scores are. A table is a file with named columns: `kiln linear`
/// learns to predict one of them from the others, and says how near its model is to the best one.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    bin_name = "kiln",
    version,
    verbatim_doc_comment,
    arg_required_else_help = true,
    after_help = HELP
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  kiln cluster friends.csv --seed alice                    who belongs to alice's group
  kiln cluster friends.csv --seed alice --out alice.html   the same as a page with a picture
  kiln profile friends.csv --out profile.html              at which sizes the network has groups at all
  kiln convert friends.csv friends.graphml                 for Gephi, Cytoscape, networkx
  kiln linear fit homes.csv --label rent --out rent.json   learns what the rent depends on
  kiln linear predict rent.json new.csv                    predicts it for other homes
  kiln adapt diagnose --source a.csv b.csv --target t.csv --label ill
                                                           whether tables a and b can be used for t

Exit status:
  0  done
  1  done, but there is no cluster; the reason is said
  2  a file cannot be read, or the arguments are wrong";

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "graph")]
    #[command(flatten)]
    Graph(crate::graph::Command),
    #[cfg(feature = "linear")]
    #[command(subcommand)]
    Linear(crate::linear::Command),
    #[cfg(feature = "adapt")]
    #[command(subcommand)]
    Adapt(crate::adapt::Command),
    /// Use tables with labels to predict another one that differs: not in this build
    ///
    /// `cargo install --path crates/cli --features adapt` builds it in. It compiles Burn, which takes some
    /// minutes.
    #[cfg(not(feature = "adapt"))]
    #[command(verbatim_doc_comment)]
    Adapt {
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        _arguments: Vec<std::ffi::OsString>,
    },
}

/// Reads the arguments of the process and does what they say.
pub(crate) fn main() -> ExitCode {
    let Cli { command } = Cli::try_parse().unwrap_or_else(|error| with_tip(error).exit());
    let done = match command {
        #[cfg(feature = "graph")]
        Command::Graph(command) => command.run(),
        #[cfg(feature = "linear")]
        Command::Linear(command) => command.run(),
        #[cfg(feature = "adapt")]
        Command::Adapt(command) => command.run(),
        #[cfg(not(feature = "adapt"))]
        Command::Adapt { .. } => Err("this program was built without kiln adapt: cargo install --path \
            crates/cli --features adapt builds it in"
            .into()),
    };
    ExitCode::from(done.unwrap_or_else(|failure| {
        eprintln!("error: {}", in_full(&*failure));
        FAILED
    }))
}

/// The error with what was probably meant.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let typed: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let has = |words: &[&str]| typed.iter().any(|word| words.contains(&word.as_str()));
    let at = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => word.clone(),
        _ => String::new(),
    };
    let tip = match error.kind() {
        _ if has(&["linear", "adapt"]) => return error,
        ErrorKind::MissingRequiredArgument if has(&["--seed", "--out", "-o"]) => {
            "--seed and --out take everything after them: put FILE first, as in kiln cluster friends.csv \
             --seed alice"
                .to_owned()
        }
        ErrorKind::InvalidSubcommand if Path::new(&at(ContextKind::InvalidSubcommand)).is_file() => {
            format!("kiln cluster {} --seed NAME", at(ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument if !at(ContextKind::InvalidArg).starts_with('-') && has(&["cluster"]) => {
            format!("names follow --seed: --seed {}", at(ContextKind::InvalidArg))
        }
        ErrorKind::UnknownArgument if has(&["--seed"]) => {
            "a name that begins with - is typed as --seed=-NAME".to_owned()
        }
        _ => return error,
    };
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// A failure with its causes, each said once.
fn in_full(failure: &dyn Error) -> String {
    let mut said = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}\n  {more}");
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
