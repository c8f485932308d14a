//! The program `receipts`: judges the observations of any program by the claims of a file.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use kiln_receipts::{
    ExperimentError,
    cli::{exit_code, print},
    judge::judge_files,
    provenance::Program,
    report::{Report, SummaryTable},
};

/// Receipts for a paper: its claims, what was measured, and whether they hold.
#[derive(Debug, Parser)]
#[command(name = "receipts", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge observations by claims, and write the reports.
    ///
    /// CLAIMS is a TOML file: the paper, its claims, their checks. OBSERVATIONS are files with one JSON object a line,
    /// {"check": NAME, "value": NUMBER}; see the book's page "Receipts for your paper".
    #[command(after_long_help = HELP)]
    Judge {
        /// The claims, in TOML.
        claims: PathBuf,
        /// The observations, in JSON lines.
        #[arg(required = true)]
        observations: Vec<PathBuf>,
        /// Where report.html, report.md and report.json go.
        #[arg(long, value_name = "DIR", default_value = "receipts")]
        out: PathBuf,
        /// Say in report.md what changed against this earlier report.json.
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
}

const HELP: &str = "\
Exit status:
  0  every check holds, or measured what is expected of it
  1  a check measured something else
  2  a check was not observed, or a file is wrong; the message names file and line";

fn main() -> ExitCode {
    let Command::Judge { claims, observations, out, baseline } = Cli::parse().command;
    exit_code(judge(&claims, &observations, &out, baseline.as_deref()))
}

fn judge(
    claims: &std::path::Path,
    observations: &[PathBuf],
    out: &std::path::Path,
    baseline: Option<&std::path::Path>,
) -> Result<u8, ExperimentError> {
    let baseline = baseline.map(Report::read_file).transpose()?;
    let report = judge_files(claims, observations, &Program::running(&kiln_receipts::build!())?)?;
    std::fs::create_dir_all(out)?;
    report.write_against(out, baseline.as_ref())?;
    print(&format!("{}{}\n", SummaryTable(&report), out.join("report.html").display()))?;
    Ok(report.exit_status())
}
