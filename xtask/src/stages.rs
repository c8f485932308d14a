//! `cargo xtask test`: the stages, their times and their counts.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::counts::Counts;
use crate::papers::keep_memory;
use crate::{Result, cargo, is_installed, root, stranger, target_dir};

/// Features that everything is built with; see [`features`].
const FEATURES: &str = "kiln-tensor/ndarray,kiln-tensor/flex,kiln-tensor/wgpu,kiln-tensor/x86-v4,\
                        kiln-tensor/test-devices,kiln-bench/webgraph,kiln-papers/wgpu,\
                        kiln-cli/adapt";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run these stages only (several: separate them by commas)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STAGE")]
    only: Vec<Stage>,
    /// Go on after a stage that failed
    #[arg(long)]
    keep_going: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The code is formatted (cargo fmt --all --check)
    Fmt,
    /// No warning from clippy, in all targets
    Clippy,
    /// Everything compiles, tests and binaries included
    Build,
    /// Unit and integration tests (nextest where it is installed)
    Tests,
    /// Examples in the API's documentation, README and the book
    DocTests,
    /// The API's documentation builds without warnings, and the book where mdbook is installed
    Docs,
    /// Each library crate compiles alone, without a backend
    Alone,
    /// Front pages' and README's examples run outside the workspace, with default features
    Stranger,
    /// Every paper at --scale quick, from the start
    Reproduce,
}

/// What a stage leaves behind.
#[derive(Default)]
struct Outcome {
    passed: bool,
    counts: Option<Counts>,
    note: &'static str,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut rows = Vec::new();
    let mut stopped = false;
    for stage in Stage::value_variants() {
        if !options.only.is_empty() && !options.only.contains(stage) {
            continue;
        }
        if stopped {
            rows.push((*stage, None, Duration::ZERO));
            continue;
        }
        eprintln!("\n==> {}", stage.name());
        let start = Instant::now();
        let outcome = stage.run()?;
        stopped = !outcome.passed && !options.keep_going;
        rows.push((*stage, Some(outcome), start.elapsed()));
    }
    let (table, all_passed) = summary(&rows);
    println!("\n{table}");
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value().expect("no stage is hidden").get_name().to_owned()
    }

    fn run(self) -> Result<Outcome> {
        match self {
            Self::Fmt => plain(cargo().args(["fmt", "--all", "--check"])),
            Self::Clippy => {
                plain(with_features("clippy", &["--all-targets"]).args(["--", "--deny", "warnings"]))
            }
            // With all targets, so that features come out as in the tests' build and nothing is built twice.
            Self::Build => plain(&mut with_features("build", &["--all-targets"])),
            Self::Tests => tests(),
            Self::DocTests => counted(&mut with_features("test", &["--doc"])),
            Self::Docs => docs(),
            Self::Alone => alone(),
            Self::Stranger => stranger(),
            Self::Reproduce => reproduce(),
        }
    }
}

/// The one feature set that everything is built with: another one would compile Burn again. It has MPI where
/// the bindings to it can be built.
fn features() -> &'static str {
    static ALL: OnceLock<String> = OnceLock::new();
    ALL.get_or_init(|| {
        let is_missing = |tool: &&str| !is_installed(Command::new(tool).arg("--version"));
        match ["mpicc", "mpirun", "clang"].into_iter().find(is_missing) {
            None => format!("{FEATURES},kiln-optim/mpi"),
            Some(tool) => {
                eprintln!("{tool} is not installed: the feature mpi of kiln-optim is left out");
                FEATURES.to_owned()
            }
        }
    })
}

/// `cargo COMMAND` for the whole workspace in the one feature set.
fn with_features(command: &str, arguments: &[&str]) -> Command {
    let mut cargo = cargo();
    cargo.args([command, "--workspace", "--features", features()]).args(arguments);
    cargo
}

fn tests() -> Result<Outcome> {
    let built = Stage::Build.run()?;
    if !built.passed {
        return Ok(built);
    }
    // For the tests of the command line.
    let programs =
        [("KILN_PAPERS", built_program("kiln-papers")?), ("KILN_BENCH", built_program("kiln-bench")?)];
    if is_installed(cargo().args(["nextest", "--version"])) {
        let mut nextest = cargo();
        nextest.args(["nextest", "run", "--workspace", "--features", features()]);
        let outcome = counted(nextest.envs(programs))?;
        if !outcome.passed {
            return Ok(outcome);
        }
        // By itself: it changes features of crates below wgpu, which would all be built once more.
        let parquet = plain(cargo().args([
            "nextest",
            "run",
            "-p",
            "kiln-table",
            "-p",
            "kiln-cli",
            "--features",
            "kiln-table/parquet,kiln-cli/parquet",
        ]))?;
        return Ok(Outcome { passed: parquet.passed, ..outcome });
    }
    let mut test = with_features("test", &["--all-targets", "--no-fail-fast"]);
    let outcome = counted(test.envs(programs))?;
    Ok(Outcome { note: "nextest is not installed: cargo test was used", ..outcome })
}

/// Where the build stage puts a program.
fn built_program(program: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("debug").join(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
}

fn docs() -> Result<Outcome> {
    let flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default() + " --deny warnings";
    let api = plain(with_features("doc", &["--no-deps"]).env("RUSTDOCFLAGS", flags.trim()))?;
    if !api.passed {
        return Ok(api);
    }
    if is_installed(Command::new("mdbook").arg("--version")) {
        plain(Command::new("mdbook").current_dir(root()).args(["build", "docs"]))
    } else {
        let note = "mdbook is not installed: the book was left out";
        eprintln!("{note}");
        Ok(Outcome { note, ..api })
    }
}

/// Feature sets differ here from the rest, so that this checks and generates no code. What it adds to the
/// target directory lies beside the other artefacts and replaces none.
fn alone() -> Result<Outcome> {
    for package in packages()? {
        eprintln!("{package}");
        let outcome = plain(cargo().args(["check", "--no-default-features", "--package", &package]))?;
        if !outcome.passed {
            return Ok(outcome);
        }
    }
    Ok(Outcome { passed: true, ..Outcome::default() })
}

/// Another workspace with other features, whose artefacts lie beside the others too.
fn stranger() -> Result<Outcome> {
    let counts = stranger::run(&target_dir()?)?;
    Ok(Outcome { passed: counts.failed == 0, counts: Some(counts), note: "" })
}

/// The packages in `crates`, which are named after their directories.
fn packages() -> Result<Vec<String>> {
    let dir = root().join("crates");
    let entries = std::fs::read_dir(&dir).map_err(|e| format!("cannot list {}: {e}", dir.display()))?;
    let mut names: Vec<_> = entries
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| format!("kiln-{}", entry.file_name().to_string_lossy()))
        .collect();
    names.sort();
    Ok(names)
}

/// Reruns the papers with the binary of the build stage. Earlier checkpoints are of other code: `--fresh`.
fn reproduce() -> Result<Outcome> {
    let built = Stage::Build.run()?;
    if !built.passed {
        return Ok(built);
    }
    let mut papers = Command::new(built_program("kiln-papers")?);
    keep_memory(&mut papers);
    papers.current_dir(root()).args(["reproduce", "--scale", "quick", "--fresh", "--out"]);
    plain(papers.arg(target_dir()?.join("reproduce-quick")))
}

/// Runs a command that writes to the terminal itself.
fn plain(command: &mut Command) -> Result<Outcome> {
    let status = command.stdin(Stdio::null()).status().map_err(|e| cannot_run(command, &e))?;
    Ok(Outcome { passed: status.success(), ..Outcome::default() })
}

/// Runs a command whose output is passed on as it comes, and adds up the summary lines in it. A command that
/// succeeds without any is a failure: nothing shows that a test ran.
fn counted(command: &mut Command) -> Result<Outcome> {
    if std::io::stderr().is_terminal() && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| cannot_run(command, &e))?;
    let counts = Mutex::new(None);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(stdout.expect("piped above"), std::io::stdout(), &counts));
        scope.spawn(|| pass_on(stderr.expect("piped above"), std::io::stderr(), &counts));
    });
    let status = child.wait().map_err(|e| cannot_run(command, &e))?;
    let counts = counts.into_inner().expect("both readers ended without a panic");
    let note = if counts.is_none() { "no test summary was found in the output" } else { "" };
    Ok(Outcome { passed: status.success() && counts.is_some(), counts, note })
}

fn pass_on(from: impl Read, mut to: impl Write, counts: &Mutex<Option<Counts>>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A closed terminal must not end the run.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        if let Some(found) = Counts::of_line(&String::from_utf8_lossy(&line)) {
            *counts.lock().expect("no holder panics").get_or_insert_default() += found;
        }
        line.clear();
    }
}

fn cannot_run(command: &Command, error: &std::io::Error) -> String {
    format!("cannot run {}: {error}", command.get_program().to_string_lossy())
}

/// The table of stages with the sum of the tests as its last line, and whether every stage passed.
fn summary(rows: &[(Stage, Option<Outcome>, Duration)]) -> (String, bool) {
    use std::fmt::Write as _;
    let mut text = format!("{:<10} {:<8} {:>9}  {}\n", "stage", "result", "seconds", "tests");
    let mut total = Counts::default();
    let mut all_passed = true;
    for (stage, outcome, time) in rows {
        let name = stage.name();
        let Some(outcome) = outcome else {
            let _ = writeln!(text, "{name:<10} not run");
            continue;
        };
        all_passed &= outcome.passed;
        let result = if outcome.passed { "passed" } else { "FAILED" };
        let counts = outcome.counts.map(|counts| {
            total += counts;
            in_words(counts)
        });
        let details: Vec<_> = counts.into_iter().chain([outcome.note.to_owned()]).collect();
        let line = format!("{name:<10} {result:<8} {:>9.1}  {}", time.as_secs_f64(), details.join("  "));
        text += line.trim_end();
        text.push('\n');
    }
    (text + &in_words(total), all_passed)
}

fn in_words(counts: Counts) -> String {
    format!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_adds_up_and_ends_with_the_sum() {
        let outcome = |passed, counts, note| Some(Outcome { passed, counts, note });
        let some = |passed, failed, skipped| Some(Counts { passed, failed, skipped });
        let rows = [
            (Stage::Fmt, outcome(true, None, ""), Duration::from_millis(1500)),
            (Stage::Tests, outcome(false, some(10, 2, 1), ""), Duration::from_secs(61)),
            (Stage::DocTests, outcome(true, some(4, 0, 0), "a note"), Duration::from_secs(2)),
            (Stage::Reproduce, None, Duration::ZERO),
        ];
        let (table, all_passed) = summary(&rows);
        assert!(!all_passed);
        assert_eq!(
            table,
            "stage      result     seconds  tests\n\
             fmt        passed         1.5\n\
             tests      FAILED        61.0  10 passed, 2 failed, 1 skipped\n\
             doc-tests  passed         2.0  4 passed, 0 failed, 0 skipped  a note\n\
             reproduce  not run\n\
             14 passed, 2 failed, 1 skipped"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_run_without_a_summary_is_no_pass() {
        let of = |script: &str| counted(Command::new("sh").args(["-c", script])).unwrap();
        assert!(!of("true").passed);
        assert!(of("echo 'test result: ok. 1 passed; 0 failed; 0 ignored'").passed);
        let failed = of("echo 'Summary [0s] 3 tests run: 2 passed, 1 failed, 0 skipped' >&2; exit 100");
        assert!(!failed.passed);
        assert_eq!(failed.counts, Some(Counts { passed: 2, failed: 1, skipped: 0 }));
    }

    #[test]
    fn every_crate_is_checked_alone() {
        for package in packages().unwrap() {
            let manifest = root().join("crates").join(&package["kiln-".len()..]).join("Cargo.toml");
            let manifest = std::fs::read_to_string(manifest).unwrap();
            assert!(manifest.contains(&format!("name = \"{package}\"")));
        }
    }
}
