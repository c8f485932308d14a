//! Starts Kiln's commands: it builds what a command needs, runs it and hands its exit status on.
//!
//! It depends on none of Kiln's crates, so that it builds in seconds.

mod ci;
mod counts;
mod papers;
mod soak;
mod stages;
mod stranger;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// Kiln's commands. Run one with --help to learn its options.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask list                                   which papers there are and what each claims
  cargo xtask reproduce --scale quick                every paper, in minutes
  cargo xtask reproduce local-graph-clustering       one paper; compiles only what it needs
  cargo xtask finetune --help                        tune a language model without gradients
  cargo xtask test                                   everything that CI checks
  cargo xtask test --only clippy,tests               part of it

Environment:
  KILN_PAPERS=PATH            run this kiln-papers binary instead of building one
  KILN_BENCH=PATH             likewise for kiln-bench
  KILN_DATA=DIR               where data sets are looked for
  KILN_REQUIRE_DEVICES=a,b    a listed device that does not work fails the tests instead of being left out
  KILN_REQUIRE_DATA=1         a data set that is not found fails the tests instead of being left out";

#[derive(Subcommand)]
enum Task {
    /// Rerun papers' experiments, claim by claim, and write the reports
    #[command(disable_help_flag = true)]
    Reproduce(Arguments),
    /// List the papers: claims, where in the paper, on which terms, last verdict
    #[command(disable_help_flag = true)]
    List(Arguments),
    /// List data sets, or get one
    #[command(disable_help_flag = true)]
    Data(Arguments),
    /// Join the reports of a run that was split by --shard
    #[command(disable_help_flag = true)]
    Merge(Arguments),
    /// Put the tables of a report into pages of documentation
    #[command(disable_help_flag = true)]
    Tables(Arguments),
    /// Fine-tune a language model on a table of labelled texts, with or without gradients
    #[command(disable_help_flag = true)]
    Finetune(Arguments),
    /// Measure speed against other libraries
    #[command(disable_help_flag = true)]
    Bench(Arguments),
    /// Run every check that CI runs, or a selection
    ///
    /// Runs the stages below in that order, stops at the first that fails, and prints how long each took and
    /// how many tests ran. Everything is built in cargo's dev profile with one set of features, so that
    /// nothing is compiled twice; cold, that takes most of an hour on 2 cores, afterwards a few minutes.
    /// The exit status is 0 only if every stage passed.
    Test(stages::Options),
    /// Fuzz the readers of files, each for a while; needs nightly and cargo-fuzz
    Soak(soak::Options),
    /// Clone the committed state and run .ci/run there, exactly as CI does
    Ci,
}

/// Everything after the command's name, passed on as it is.
#[derive(clap::Args)]
struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<OsString>,
}

/// A message for the user. It says what went wrong and what to do.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Reproduce(arguments) => papers::run("reproduce", &arguments.rest),
        Task::List(arguments) => papers::run("list", &arguments.rest),
        Task::Data(arguments) => papers::run("data", &arguments.rest),
        Task::Merge(arguments) => papers::run("merge", &arguments.rest),
        Task::Tables(arguments) => papers::run("tables", &arguments.rest),
        Task::Finetune(arguments) => papers::run("finetune", &arguments.rest),
        Task::Bench(arguments) => papers::run("bench", &arguments.rest),
        Task::Test(options) => stages::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Ci => ci::run(),
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::from(2)
    })
}

/// The workspace's root directory. Cargo's variable is read when xtask runs, because a target directory may
/// be shared by several clones.
fn root() -> PathBuf {
    let manifest_dir =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest_dir).parent().expect("xtask is a directory of the workspace").to_owned()
}

/// Where cargo puts what it builds, `debug` and `release` below it: xtask itself lies in `debug`.
fn target_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().map_err(|e| format!("cannot find xtask's own file: {e}"))?;
    let dir = exe.parent().and_then(Path::parent);
    Ok(dir.ok_or_else(|| format!("{} is in no target directory", exe.display()))?.to_owned())
}

/// The cargo that started xtask, in the workspace's root.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether `program` can be run at all.
fn is_installed(program: &mut Command) -> bool {
    use std::process::Stdio;
    let quiet = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// A finished child's exit status as our own.
fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
