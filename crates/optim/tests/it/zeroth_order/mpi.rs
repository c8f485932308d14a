//! Ranks that are processes: the example `data_parallel` under `mpirun`.
//!
//! Without an `mpirun` these tests are left out with a word, or fail if `KILN_REQUIRE_MPI` is set.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kiln_optim::zeroth_order::ReplayLog;

/// What a rank prints at its end.
#[derive(Clone, Debug, PartialEq)]
struct Report {
    rank: usize,
    step: u64,
    hash: u64,
    loss: f64,
    resynchronised: u32,
}

impl Report {
    fn of_line(line: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = &line[line.find(name)? + name.len()..];
            Some(value.trim_start().split([' ', ',', ':']).next()?.to_owned())
        };
        Some(Self {
            rank: field("rank ")?.parse().ok()?,
            step: field("step ")?.parse().ok()?,
            hash: u64::from_str_radix(&field("hash ")?, 16).ok()?,
            loss: field("loss ")?.parse().ok()?,
            resynchronised: field("resynchronised ")?.parse().ok()?,
        })
    }
}

/// Cargo builds examples next to the tests' folder whenever it builds the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().find(|folder| folder.ends_with("deps")).unwrap().parent().unwrap();
    let example = target.join("examples").join(format!("data_parallel{}", std::env::consts::EXE_SUFFIX));
    assert!(example.exists(), "{} is missing: cargo build --example data_parallel", example.display());
    example
}

fn mpirun(ranks: usize, arguments: &[&str]) -> Output {
    let mut mpirun = Command::new("mpirun");
    mpirun.args(["--oversubscribe", "--allow-run-as-root", "-n", &ranks.to_string()]);
    // Ranks that outnumber the cores must not spin while they wait.
    mpirun.args(["--mca", "mpi_yield_when_idle", "1"]);
    mpirun.arg(example()).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Whether there is an mpirun to test with.
fn available() -> bool {
    let found = Command::new("mpirun").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(
        found || std::env::var_os("KILN_REQUIRE_MPI").is_none(),
        "KILN_REQUIRE_MPI is set, but there is no mpirun"
    );
    if !found {
        eprintln!("skipped: there is no mpirun");
    }
    found
}

/// The ranks' reports of a run that comes to its end.
fn finished(ranks: usize, arguments: &[&str]) -> Vec<Report> {
    let output = mpirun(ranks, arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let mut reports: Vec<_> = stdout.lines().filter_map(Report::of_line).collect();
    reports.sort_by_key(|report| report.rank);
    assert_eq!(reports.len(), ranks, "{stdout}\n{stderr}");
    for (rank, report) in reports.iter().enumerate() {
        assert_eq!(*report, Report { rank, ..reports[0].clone() });
    }
    reports
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn processes_agree_and_give_what_one_gives() {
    if !available() {
        return;
    }
    let one = &finished(1, &[])[0];
    assert_eq!((one.step, one.resynchronised), (200, 0));
    assert!(one.loss < 0.4, "the loss begins at ln 2: {}", one.loss);
    for ranks in [2, 4] {
        let many = &finished(ranks, &[])[0];
        assert_eq!((many.step, many.resynchronised), (200, 0));
        assert!((many.loss - one.loss).abs() <= 1e-10 * one.loss, "{} {}", many.loss, one.loss);
    }
}

#[test]
fn a_job_that_lost_a_process_goes_on_from_its_log() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.zo");
    let reference = &finished(4, &["--log", text(&whole)])[0];
    for dies in ["2", "0"] {
        let path = folder.path().join(format!("killed-{dies}.zo"));
        let killed = mpirun(4, &["--log", text(&path), "--die", "101", dies]);
        assert!(!killed.status.success());
        assert!(!String::from_utf8_lossy(&killed.stdout).contains("hash"), "no rank comes to its end");
        // MPI kills the others whenever it notices: rank 0 may not have written the last step that all took.
        let log = ReplayLog::open(&path).unwrap();
        assert!((100..=101).contains(&log.entries.len()) && !log.is_finished(), "{}", log.entries.len());

        let again = &finished(4, &["--log", text(&path)])[0];
        assert_eq!(again, reference);
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&whole).unwrap());
    }
}

#[test]
fn a_late_process_has_the_same_weights() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let early = &finished(3, &["--log", text(&path), "--steps", "120"])[0];
    // Alone, or with the others: base and log are all it takes.
    for ranks in [1, 4] {
        assert_eq!(finished(ranks, &["--log", text(&path), "--steps", "120"])[0], *early);
    }
    let on = &finished(4, &["--log", text(&path)])[0];
    assert_eq!(on.step, 200);
    assert_eq!(ReplayLog::open(&path).unwrap().final_hash, Some(on.hash));
}

#[test]
fn altered_weights_are_replaced_by_those_of_rank_0() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.zo");
    let altered = &finished(4, &["--log", text(&path), "--alter", "50", "3"])[0];
    assert_eq!((altered.step, altered.resynchronised), (200, 1));
    // The log is of rank 0: replaying it gives these weights.
    let replayed = &finished(1, &["--log", text(&path)])[0];
    assert_eq!(replayed.hash, altered.hash);
}
