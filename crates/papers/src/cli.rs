//! The command line.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand, ValueEnum};
use kiln_datasets::{DataCommand, DataPath};
use kiln_receipts::{
    ExperimentError, Paper, Scale,
    progress::Reporter,
    registry::select,
    report::{Report, SummaryTable, pages, terminal},
    run::{self, Options},
    shard::Shard,
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
    /// Rerun papers' experiments and write the reports.
    ///
    /// Each claim gets a verdict, which its 95 % intervals carry: `reproduced`, `contradicted` (on the
    /// paper's own terms), `not shown` (on other data or models, which says nothing against the paper),
    /// `undecided`, `not attempted`, `needs data`, `needs GPU` or `skipped at this scale`. Rules and thresholds
    /// are fixed in the program before the run. Reports are written to OUT as report.html, report.md and
    /// report.json.
    ///
    /// A finished experiment is kept in OUT/checkpoints: a run that was interrupted continues where it was
    /// when started again with the same arguments.
    #[command(after_long_help = REPRODUCE_HELP)]
    Reproduce(Reproduce),
    /// List papers and claims: where in the paper, how near our terms are, the last verdict.
    ///
    /// The last verdicts are read from OUT/report.json.
    List {
        /// Where `reproduce` put its reports.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
    },
    /// Join the reports of `reproduce --shard I/N` into one.
    ///
    /// Refuses reports of different settings or programs, and experiments that occur twice. Experiments that
    /// no report has are named, and the exit status is then 2.
    #[command(after_long_help = MERGE_HELP)]
    Merge {
        /// Folders that hold a report.json.
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// Where the joined reports go.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
    },
    /// Put a report's tables into pages of documentation.
    ///
    /// What stands between `<!-- table PAPER/EXPERIMENT/TABLE -->` and `<!-- /table -->` is replaced. A page
    /// that asks for a table that the report does not have is left as it is, and the exit status is then 2.
    Tables {
        /// Markdown files.
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<PathBuf>,
        /// Where `reproduce` put its reports.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
    },
    /// List the data sets, or get one.
    Data(DataCommand),
    /// Fine-tune a language model on a table of labelled texts.
    #[cfg(feature = "models")]
    Finetune(kiln_finetune::FinetuneCommand),
    /// Measures the memory of one method at one size, for `reproduce mezo`.
    #[cfg(feature = "models")]
    #[command(hide = true)]
    MemoryProbe(MemoryProbe),
}

const DEFAULT_OUT: &str = "target/reproduce";

const REPRODUCE_HELP: &str = "\
Examples:
  reproduce                                 every paper, in minutes
  reproduce local-graph-clustering          one paper, by its id (see `list`)
  reproduce graph --scale full --jobs 8     every paper of a domain, at the papers' own sizes
  reproduce --shard 2/8 --out runs/2        the second of eight parts, for a job array; then `merge runs/*`

Exit status:
  0  every check that was judged holds, or measured what is expected of it
  1  a check measured something else
  2  an experiment failed, or the arguments are wrong

Environment:
  KILN_REQUIRE_DATA=1  data that an experiment looked for in vain, language models apart, make the exit status 2
                       after the reports are written";

const MERGE_HELP: &str = "\
Example, with Slurm:
  sbatch --array=1-8 --wrap='cargo xtask reproduce --scale full --shard $SLURM_ARRAY_TASK_ID/8'
  cargo xtask merge target/reproduce/shard-*";

#[derive(Debug, clap::Args)]
struct Reproduce {
    /// Papers by id or domain; all of them when none is given.
    #[arg(value_name = "PAPER")]
    papers: Vec<String>,
    /// How much to run: minutes, or the papers' own sizes.
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    scale: Scale,
    /// Where tensors live; graph papers use none.
    #[arg(long, value_enum, default_value_t = Device::Flex)]
    device: Device,
    /// Number of random seeds, in place of each experiment's own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// Experiments at a time, and threads inside each; the results do not depend on it [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Where reports and checkpoints go [default: target/reproduce, or its folder shard-I-of-N].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A folder with data sets, looked into before `$KILN_DATA`, ./data, ../shared/data and the cache.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Run only every N-th experiment, starting with the I-th.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Forget the checkpoints in OUT and run everything again.
    #[arg(long)]
    fresh: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Device {
    /// Burn's ndarray backend, on the CPU.
    Ndarray,
    /// Burn's flex backend, the fastest on the CPU.
    Flex,
    /// A graphics processor.
    Wgpu,
}

/// Reads the arguments of the process and does what they say; gives the exit status.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Reproduce(args) => reproduce(PAPERS, args),
        Command::List { out } => {
            print!("{}", list(PAPERS, Report::read(&out).ok().as_ref()));
            Ok(0)
        }
        Command::Merge { folders, out } => merge(PAPERS, &folders, &out),
        Command::Tables { pages, out } => tables(&pages, &out).map(|()| 0),
        Command::Data(command) => command.run().map(|()| 0).map_err(Into::into),
        #[cfg(feature = "models")]
        Command::Finetune(command) => command.run().map(|()| 0).map_err(Into::into),
        #[cfg(feature = "models")]
        Command::MemoryProbe(command) => command.run().map(|()| 0),
    };
    ExitCode::from(done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        2
    }))
}

fn reproduce(papers: &[Paper], args: Reproduce) -> Result<u8, ExperimentError> {
    let papers = select(papers, &args.papers)?;
    let jobs =
        args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |n| n as usize);
    rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global()?;
    let options = Options {
        scale: args.scale,
        device: args.device.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()),
        seeds: args.seeds.map(|n| n as usize),
        jobs,
        out: args.out.unwrap_or_else(|| match args.shard {
            Some(Shard { index, count }) => Path::new(DEFAULT_OUT).join(format!("shard-{index}-of-{count}")),
            None => DEFAULT_OUT.into(),
        }),
        data: Arc::new(DataPath::new(args.data)),
        shard: args.shard,
        fresh: args.fresh,
        program: run::program()?,
        reporter: Reporter::standard_error(),
    };
    let report = run::run(&papers, &options)?;
    publish(&report, &options.out)?;
    let missing = missing(&report);
    if !missing.is_empty() && std::env::var_os("KILN_REQUIRE_DATA").is_some_and(|value| value == "1") {
        return Err(format!("KILN_REQUIRE_DATA is 1, but these data sets are missing: {missing}").into());
    }
    Ok(report.exit_status())
}

/// The data sets that experiments looked for in vain. Language models do not count: they are too large to have
/// everywhere.
fn missing(report: &Report) -> String {
    let outcomes = report.papers.iter().flat_map(|paper| &paper.experiments);
    let names = outcomes.flat_map(|outcome| &outcome.missing).map(|missing| missing.name.as_str());
    let names: BTreeSet<_> = names.filter(|name| !name.starts_with("models/")).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn tables(pages: &[PathBuf], out: &Path) -> Result<(), ExperimentError> {
    let report = Report::read(out)?;
    for path in pages {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let page = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let filled = pages::fill(&page, &report).map_err(|error| failed(&error))?;
        if filled != page {
            std::fs::write(path, filled).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

fn merge(papers: &[Paper], folders: &[PathBuf], out: &Path) -> Result<u8, ExperimentError> {
    let read = |folder: &PathBuf| Report::read(folder).map(|report| (folder.clone(), report));
    let reports = folders.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (report, missing) = run::merge(papers, &run::program()?, &reports)?;
    std::fs::create_dir_all(out)?;
    publish(&report, out)?;
    if missing.is_empty() {
        return Ok(report.exit_status());
    }
    Err(format!("these experiments are in no report, and their claims were left out: {}", missing.join(", "))
        .into())
}

fn publish(report: &Report, out: &Path) -> std::io::Result<()> {
    report.write(out)?;
    print!("{}", SummaryTable(report));
    println!("{}", out.join("report.html").display());
    Ok(())
}

/// The text of `list`.
fn list(papers: &[Paper], last: Option<&Report>) -> String {
    let mut text = String::new();
    for paper in papers {
        let heading =
            format!("{} ({})\n{}. {}. {}\n", paper.id, paper.domain, paper.title, paper.citation, paper.url);
        text.push_str(&heading);
        let report = last.and_then(|report| report.papers.iter().find(|p| p.id == paper.id));
        let mut table = terminal::table();
        table.set_header(["claim", "where", "says", "terms", "last verdict"]);
        for claim in paper.claims {
            let last = report.and_then(|report| report.claims.iter().find(|c| c.id == claim.id));
            let unknown = if claim.not_attempted.is_some() { "not attempted" } else { "not run" };
            let verdict = last.map_or(unknown, |claim| claim.verdict.words());
            table.add_row([claim.id, claim.place, claim.says, claim.terms.word(), verdict]);
        }
        text.push_str(&table.to_string());
        text.push_str("\n\n");
    }
    if papers.is_empty() {
        text.push_str(
            "this build has no papers: build it with a domain's feature, such as --features graph\n",
        );
    }
    text
}
