//! The command line that a list of papers gets: `reproduce`, `list`, `merge`, `tables`.
//!
//! A program of its own is one line, [`main`]. One with further commands flattens [`Commands`] into its own:
//!
//! ```
//! use clap::{CommandFactory, FromArgMatches, Parser};
//! use kiln_receipts::cli::{App, Commands};
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(subcommand)]
//!     command: Command,
//! }
//!
//! #[derive(clap::Subcommand)]
//! enum Command {
//!     #[command(flatten)]
//!     Receipts(Commands),
//!     /// Something else.
//!     More,
//! }
//!
//! let app = App::new(&[], kiln_receipts::build!());
//! let matches = app.with_devices(Cli::command()).get_matches_from(["mine", "list"]);
//! match Cli::from_arg_matches(&matches)?.command {
//!     Command::Receipts(command) => assert_eq!(command.run(&app)?, 0),
//!     Command::More => {}
//! }
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use kiln_core::data::FindData;

use crate::{
    claim::ExperimentError,
    context::Scale,
    folders::Folders,
    paper::Paper,
    progress::Reporter,
    provenance::{Build, Program},
    registry::{lacks_its_domain, select},
    report::{Links, Report, SummaryTable, list, pages},
    run::{self, Options},
    shard::Shard,
};

/// A program that reproduces papers.
#[derive(Debug, Clone)]
pub struct App {
    /// The papers.
    pub papers: &'static [Paper],
    /// What it is.
    pub build: Build,
    /// Names of the devices that `--device` takes; the first is the default.
    pub devices: &'static [&'static str],
    /// Says what is the matter with a device, if something is; asked before anything runs.
    pub device_works: fn(&str) -> Result<(), String>,
    /// Where data are found, given `--data`.
    pub find_data: fn(Option<PathBuf>) -> Arc<dyn FindData>,
    /// How to get a program with the domain of a paper that this one lacks.
    pub with_domain: fn(&Paper) -> String,
    /// Where a paper's page and source are, seen from the root of the repository.
    pub links: Links,
}

#[derive(Debug, Parser)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Commands,
}

/// What can be done with a list of papers.
#[derive(Debug, Subcommand)]
pub enum Commands {
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
        /// Papers by id or domain; all of them when none is given.
        #[arg(value_name = "PAPER")]
        papers: Vec<String>,
        /// Print JSON for programs, without verdicts.
        #[arg(long)]
        json: bool,
        /// Where `reproduce` put its reports.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
    },
    /// Join the reports of `reproduce --shard I/N` into one.
    ///
    /// The shards must have been run with the same settings, by one executable or by executables built from one
    /// commit, lock file and set of features. Experiments that occur twice are refused. Experiments that no
    /// report has are named, and the exit status is then 2.
    #[command(after_long_help = MERGE_HELP)]
    Merge {
        /// Folders that hold a report.json.
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// Where the joined reports go.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
        /// Say in report.md what changed against this earlier report.json.
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Put a report's tables into pages of documentation.
    ///
    /// What stands between `<!-- table PAPER/EXPERIMENT/TABLE -->` and `<!-- /table -->` is replaced, and
    /// likewise `verdicts/PAPER`, `verdicts/papers`, `verdicts/domains`. Where the report has no such table what
    /// stands there stays, and its name is printed at the end.
    Tables {
        /// Markdown files.
        #[arg(required = true, value_name = "PAGE")]
        pages: Vec<PathBuf>,
        /// Change nothing; the exit status is 1 if a table is missing, or is not what stands in its place.
        #[arg(long)]
        check: bool,
        /// Where `reproduce` put its reports.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
        out: PathBuf,
    },
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

/// The arguments of `reproduce`.
#[derive(Debug, clap::Args)]
pub struct Reproduce {
    /// Papers by id or domain; all of them when none is given.
    #[arg(value_name = "PAPER")]
    papers: Vec<String>,
    /// How much to run: minutes, or the papers' own sizes.
    #[arg(long, value_enum, default_value_t = Scale::Quick)]
    scale: Scale,
    /// Where tensors live; papers that use none do not care.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Number of random seeds, in place of each experiment's own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// Experiments at a time, and threads inside each; the results do not depend on it [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    /// Where reports and checkpoints go [default: target/reproduce, or its folder shard-I-of-N].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A folder with data sets, looked into before `$KILN_DATA`, ./data and the program's other places.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Run only every N-th experiment, starting with the I-th.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Forget the checkpoints in OUT and run everything again.
    #[arg(long)]
    fresh: bool,
    /// Say in report.md what changed against this earlier report.json.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// A whole program: reads the arguments of the process and does what they say; gives the exit status.
///
/// ```no_run
/// use kiln_receipts::Paper;
///
/// const PAPERS: &[Paper] = &[];
///
/// fn main() -> std::process::ExitCode {
///     kiln_receipts::main(PAPERS, kiln_receipts::build!())
/// }
/// ```
pub fn main(papers: &'static [Paper], build: Build) -> ExitCode {
    let app = App::new(papers, build);
    let command = Cli::command().name(build.name).bin_name(build.name).version(build.version);
    let matches = app.with_devices(command).get_matches();
    let done = match Cli::from_arg_matches(&matches) {
        Ok(Cli { command }) => command.run(&app),
        Err(error) => error.exit(),
    };
    exit_code(done)
}

/// The exit status of a command that was done, or 2 after saying why it was not.
pub fn exit_code(done: Result<u8, ExperimentError>) -> ExitCode {
    ExitCode::from(done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        2
    }))
}

impl App {
    /// With one device, `cpu`, and data in [`Folders`].
    pub fn new(papers: &'static [Paper], build: Build) -> Self {
        Self {
            papers,
            build,
            devices: &["cpu"],
            device_works: |_| Ok(()),
            find_data: |given| Arc::new(Folders::new(given)),
            with_domain: |paper| format!("build it with the feature {}", paper.domain),
            links: Links::default(),
        }
    }

    /// The command with the devices of the program as the possible values of `reproduce --device`.
    #[must_use]
    pub fn with_devices(&self, command: Command) -> Command {
        let (devices, default) = (self.devices, self.devices.first().copied());
        command.mut_subcommand("reproduce", |reproduce| {
            reproduce.mut_arg("device", |device| device.value_parser(devices.to_vec()).default_value(default))
        })
    }

    /// The papers that the names select and that this build can run.
    fn chosen(&self, names: &[String], reporter: &Reporter) -> Result<Vec<Paper>, ExperimentError> {
        let chosen = select(self.papers, names)?;
        let (absent, present): (Vec<_>, Vec<_>) = chosen.into_iter().partition(lacks_its_domain);
        let Some(first) = absent.first() else { return Ok(present) };
        let ids = absent.iter().map(|paper| paper.id).collect::<Vec<_>>().join(", ");
        let how = (self.with_domain)(first);
        let word = format!("this build has no experiments of the domain {}: {how}", first.domain);
        if present.is_empty() || !names.is_empty() {
            return Err(format!("cannot run {ids}: {word}").into());
        }
        reporter.notice(&format!("left out: {ids}; {word}"));
        Ok(present)
    }
}

impl Commands {
    /// Does it; gives the exit status.
    ///
    /// # Errors
    /// Arguments that name what is not there, and whatever the file system refuses.
    pub fn run(self, app: &App) -> Result<u8, ExperimentError> {
        match self {
            Self::Reproduce(arguments) => reproduce(app, arguments),
            Self::List { papers, json, out } => {
                let papers = select(app.papers, &papers)?;
                if json {
                    return print(&list::json(&papers)?).map(|()| 0);
                }
                print(&list::text(&papers, Report::read(&out).ok().as_ref())).map(|()| 0)
            }
            Self::Merge { folders, out, baseline } => merge(app, &folders, &out, baseline.as_deref()),
            Self::Tables { pages, check, out } => tables(&pages, check, &out),
        }
    }
}

/// Prints; a reader that has gone away has read enough.
///
/// # Errors
/// Whatever else the system refuses.
pub fn print(text: &str) -> Result<(), ExperimentError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn reproduce(app: &App, arguments: Reproduce) -> Result<u8, ExperimentError> {
    let reporter = Reporter::standard_error();
    let papers = app.chosen(&arguments.papers, &reporter)?;
    let device = arguments.device.unwrap_or_default();
    (app.device_works)(&device)?;
    let baseline = arguments.baseline.as_deref().map(Report::read_file).transpose()?;
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.map_or_else(all, |n| n as usize);
    rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global()?;
    let options = Options {
        scale: arguments.scale,
        device,
        seeds: arguments.seeds.map(|n| n as usize),
        jobs,
        out: arguments.out.unwrap_or_else(|| match arguments.shard {
            Some(Shard { index, count }) => Path::new(DEFAULT_OUT).join(format!("shard-{index}-of-{count}")),
            None => DEFAULT_OUT.into(),
        }),
        data: (app.find_data)(arguments.data),
        shard: arguments.shard,
        fresh: arguments.fresh,
        program: Program::running(&app.build)?,
        reporter,
    };
    let report = run::run(&papers, &options)?;
    publish(report, app, &options.out, baseline.as_ref())
}

/// Writes and shows a report; gives the exit status.
fn publish(
    mut report: Report,
    app: &App,
    out: &Path,
    baseline: Option<&Report>,
) -> Result<u8, ExperimentError> {
    report.links = app.links.clone();
    report.write_against(out, baseline)?;
    print(&format!("{}{}\n", SummaryTable(&report), out.join("report.html").display()))?;
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

fn tables(pages: &[PathBuf], check: bool, out: &Path) -> Result<u8, ExperimentError> {
    let report = Report::read(out)?;
    let mut remarks = Vec::new();
    for path in pages {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let page = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let filled = pages::fill(&page, &report).map_err(|error| failed(&error))?;
        let missing = |name: &String| failed(&format!("{} has no table {name}", out.display()));
        remarks.extend(filled.missing.iter().map(missing));
        if filled.page != page && check {
            remarks.push(failed(&format!("it does not have the tables of {}", out.display())));
        } else if filled.page != page {
            std::fs::write(path, filled.page).map_err(|error| failed(&error))?;
        }
    }
    for remark in &remarks {
        eprintln!("{remark}");
    }
    Ok(u8::from(check && !remarks.is_empty()))
}

fn merge(app: &App, folders: &[PathBuf], out: &Path, baseline: Option<&Path>) -> Result<u8, ExperimentError> {
    let baseline = baseline.map(Report::read_file).transpose()?;
    let read = |folder: &PathBuf| Report::read(folder).map(|report| (folder.clone(), report));
    let reports = folders.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let this = Program::running(&app.build)?;
    let (report, missing) = run::merge(app.papers, &this, &reports)?;
    std::fs::create_dir_all(out)?;
    let status = publish(report, app, out, baseline.as_ref())?;
    if missing.is_empty() {
        return Ok(status);
    }
    Err(format!("these experiments are in no report, and their claims were left out: {}", missing.join(", "))
        .into())
}
