//! Speed of linear models against scikit-learn, celer and skglm.

use std::io::Read;
use std::path::PathBuf;

use clap::Parser;
use kiln_datasets::{DataPath, open};
use kiln_receipts::{ExperimentError, Number, Table};
use serde_json::Value;

use super::linear_contest::{GAPS, Line, SETS, Set, ours, set, theirs};
use super::peers::Peers;
use super::report::{Goal, Report};

/// Linear models on raw, standardized, dense and sparse tables: CPU time on one thread to a relative duality
/// gap of 1e-4 and 1e-8, the same certificate for all programs, against other packages in the same run.
///
/// A peer is run with ever smaller tolerances until its weights have the gap. Reading the data is not timed;
/// whatever a fit does with them is. The peers are Python packages (`pip install scikit-learn celer skglm`);
/// those that are missing are left out.
#[derive(Debug, Parser)]
#[command(name = "linear", no_binary_name = true)]
struct Options {
    /// Python interpreter that has scikit-learn.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Repeats of each timing.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Data sets to run; all by default.
    #[arg(long, value_delimiter = ',')]
    sets: Vec<String>,
    /// Folder with data sets, for the Amazon reviews.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where linear.json and linear.md are written.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

/// Sets whose goal is twice the speed of the best peer; it is as fast on the others.
const TWICE: [&str; 5] = ["breast-cancer-raw", "adult", "amazon", "sparse", "amazon-l1"];

pub(super) fn run(args: &[String]) -> Result<(), ExperimentError> {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(help) => help.exit(),
    };
    let mut report = Report::default();
    let data = DataPath::new(options.data.clone());
    let read = |name: &str| -> Result<Vec<u8>, ExperimentError> {
        let mut bytes = Vec::new();
        open(&data.find(name)?)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let mut peers = match Peers::start(&options.python, include_str!("linear_peers.py")) {
        Ok(peers) => Some(peers),
        Err(error) => {
            report.notes.push(format!("no peers: {error}"));
            None
        }
    };
    let all = SETS.map(str::to_owned);
    for name in if options.sets.is_empty() { &all[..] } else { &options.sets[..] } {
        eprintln!("bench: {name}");
        match set(name, &read) {
            Ok(set) => compare(&set, options.repeats.max(1), peers.as_mut(), &mut report)?,
            Err(error) if SETS.contains(&name.as_str()) => {
                report.notes.push(format!("{name} was left out: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    report.publish("linear models", "linear", &options.out)
}

fn compare(
    set: &Set,
    repeats: usize,
    peers: Option<&mut Peers>,
    report: &mut Report,
) -> Result<(), ExperimentError> {
    let mut lines = Vec::new();
    let medians = ours(set, repeats, &mut |line| lines.push(line))?;
    if let Some(peers) = peers {
        let mut ask = |job: &Value| peers.ask(job);
        let version = theirs(set, (repeats, medians), &mut ask, &mut |line| lines.push(line))?;
        report.notes.push(format!("{}: scikit-learn {version}", set.name));
    }
    let about = format!(
        "{} x {}, {} stored entries: CPU milliseconds on one thread, median of up to {repeats}.",
        set.rows.rows(),
        set.rows.columns(),
        set.rows.nonzeros()
    );
    let columns = ["method", "gap wanted", "gap", "ms", "/ Kiln", "note"];
    let mut table = Table::new(set.name, set.name, &about, &columns);
    for line in &lines {
        let more = if line.is_reached() { "" } else { "> " };
        table.row(vec![
            line.method.clone(),
            format!("{:.0e}", GAPS[line.goal]),
            format!("{:.1e}", line.gap),
            format!("{more}{}", Number(line.milliseconds)),
            format!("{more}{}", Number(line.ratio)),
            line.note.clone(),
        ]);
    }
    report.tables.push(table);
    let wanted = if TWICE.contains(&set.name) { 2.0 } else { 1.0 };
    for (goal, gap) in GAPS.iter().enumerate() {
        let peers = |line: &&Line| line.goal == goal && line.method != "kiln";
        let Some(best) = lines.iter().filter(peers).map(|line| line.ratio).min_by(f64::total_cmp) else {
            continue;
        };
        report.goals.push(Goal {
            what: format!("{}, {gap:.0e}: the best peer over Kiln", set.name),
            wanted: format!("at least {wanted}"),
            measured: best,
            met: best >= wanted,
        });
    }
    Ok(())
}
