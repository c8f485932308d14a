//! Speed of logistic regression against scikit-learn.

use std::io::Read;
use std::path::PathBuf;

use clap::Parser;
use kiln_optim::linear::{DataRows, LinearLoss, LinearSaga, LinearSvrg, Loss};
use kiln_optim::{Objective, Solver, Stop, run as run_solver};
use serde_json::json;

use super::linear_sets::{Labelled, amazon, dense, sparse, write};
use super::peers::Peers;
use super::report::{Goal, Report, timed};
use kiln_datasets::{DataPath, open};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};

/// l2-logistic regression with λ = 1/n and no intercept: CPU time to reach a relative suboptimality (f −
/// f*)/f* of 1e-6 and 1e-10, one thread, against scikit-learn in the same run.
///
/// Every program stops after a number of iterations. The least number that reaches the accuracy is looked for
/// first; its time is the median over repeats in which the programs take turns (fewer where a fit takes
/// seconds). Reading the data is not timed; whatever a fit does with them is. scikit-learn is a Python
/// package (`pip install scikit-learn`); without it only Kiln is measured.
#[derive(Debug, Parser)]
#[command(name = "optim", no_binary_name = true)]
struct Options {
    /// Python interpreter that has scikit-learn.
    #[arg(long, default_value = "python3")]
    python: String,
    /// Repeats of each timing.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// CPU seconds after which the search for a peer's number of iterations is given up, if that is more than
    /// ten times what Kiln needs.
    #[arg(long, default_value_t = 60.0)]
    patience: f64,
    /// Data sets to run.
    #[arg(long, value_delimiter = ',', default_value = "dense,sparse,amazon")]
    sets: Vec<String>,
    /// Folder with data sets, for the Amazon reviews.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where optim.json and optim.md are written.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

const ACCURACIES: [f64; 2] = [1e-6, 1e-10];

/// The solver that the goals are about: the one that the documentation recommends.
const OURS: &str = "Kiln Svrg";

const STOCHASTIC: [&str; 2] = ["saga", "sag"];

/// What one method needs to reach one accuracy.
enum Needed {
    Iterations(usize),
    /// Not within the patience, or it ended by itself before: the milliseconds of the longest fit, and how
    /// far it came.
    More {
        milliseconds: f64,
        gap: f64,
    },
}

struct Contestant {
    name: String,
    needed: [Needed; 2],
    times: [Vec<f64>; 2],
}

pub(super) fn run(args: &[String]) -> Result<(), ExperimentError> {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(help) => help.exit(),
    };
    let mut report = Report::default();
    let mut peers = match Peers::start(&options.python, include_str!("linear_peers.py")) {
        Ok(peers) => Some(peers),
        Err(error) => {
            report.notes.push(format!("no peers: {error}"));
            None
        }
    };
    let data = DataPath::new(options.data.clone());
    for set in &options.sets {
        let read = |name: &str| -> Result<Vec<u8>, ExperimentError> {
            let mut bytes = Vec::new();
            open(&data.find(name)?)?.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let (rows, what) = match set.as_str() {
            "dense" => (dense(), "Normal columns; neighbours have correlation 0.9."),
            "sparse" => {
                (sparse(), "Rows of length 1; a column's frequency falls with its rank, as that of words.")
            }
            "amazon" => (amazon(&read), "Reviews of four kinds of products: counts of words, not scaled."),
            other => return Err(format!("no data set {other}; known: dense, sparse, amazon").into()),
        };
        match rows.map(|rows| DataSet::new(set, what, rows)) {
            Ok(set) => compare(&options, &set, &mut peers, &mut report)?,
            Err(missing) => report.notes.push(format!("a data set was left out: {missing}")),
        }
    }
    report.publish("logistic regression", "optim", &options.out)
}

struct DataSet {
    name: String,
    about: String,
    rows: DataRows,
    labels: Vec<f64>,
}

impl DataSet {
    fn new(name: &str, what: &str, (rows, labels): Labelled) -> Self {
        let (n, d) = (rows.rows(), rows.columns());
        let share = 100.0 * rows.nonzeros() as f64 / (n as f64 * d as f64);
        let about = format!("{n} x {d}, {share:.2} % nonzeros. {what}");
        Self { name: name.to_owned(), about, rows, labels }
    }
}

/// A data set with what all measurements on it need.
struct Field<'a> {
    set: &'a DataSet,
    model: LinearLoss,
    /// `f*`.
    least: f64,
}

impl Field<'_> {
    fn model(set: &DataSet) -> Result<LinearLoss, ExperimentError> {
        let l2_weight = 1.0 / set.labels.len() as f64;
        Ok(LinearLoss::new(set.rows.clone(), set.labels.clone(), Loss::Logistic, l2_weight)?)
    }

    fn gap(&self, w: &Vec<f64>) -> Result<f64, ExperimentError> {
        Ok(self.model.value(w)? / self.least - 1.0)
    }

    /// Epochs until each accuracy.
    fn epochs<S: Solver<LinearLoss>>(&self, solver: &S) -> Result<[Needed; 2], ExperimentError> {
        let mut state = solver.start(&self.model, vec![0.0; self.model.columns()])?;
        let mut needed = Vec::new();
        for accuracy in ACCURACIES {
            while self.gap(&state.iterate)? > accuracy {
                solver.advance(&self.model, &mut state)?;
                if state.iteration > 100_000 {
                    return Err(format!("{}: Kiln does not reach {accuracy}", self.set.name).into());
                }
            }
            needed.push(Needed::Iterations(state.iteration as usize));
        }
        needed.try_into().map_err(|_| "two accuracies".into())
    }

    /// From the data in memory to the weights: checks, row norms, all epochs.
    fn time<S: Solver<LinearLoss>>(&self, solver: &S, epochs: usize) -> Result<f64, ExperimentError> {
        let (rows, labels) = (self.set.rows.clone(), self.set.labels.clone());
        let (time, solution) = timed(|| -> Result<_, ExperimentError> {
            let model = LinearLoss::new(rows, labels, Loss::Logistic, self.model.l2_weight())?;
            let start = vec![0.0; model.columns()];
            let solution = run_solver(solver, &model, start, &Stop::after(epochs as u64));
            Ok((solution.map_err(|error| error.to_string())?.state.iterate, model))
        });
        drop(solution?);
        Ok(time)
    }
}

/// One fit: CPU milliseconds, weights, and whether it ended before the iterations did.
fn fit(
    peers: &mut Peers,
    field: &Field,
    peer: &str,
    (iterations, tolerance): (usize, f64),
) -> Result<(f64, Vec<f64>, bool), ExperimentError> {
    let answer = peers.ask(&json!({"peer": peer, "iterations": iterations, "tolerance": tolerance,
        "strength": field.model.l2_weight(), "intercept": false}))?;
    let Some(time) = answer["cpu_ms"].as_f64() else {
        return Err(answer["skip"].as_str().unwrap_or("no answer").into());
    };
    let weights = answer["weights"][0].as_array().map_or(&[][..], Vec::as_slice);
    let weights = weights.iter().map(|weight| weight.as_f64().unwrap_or(f64::NAN)).collect();
    Ok((time, weights, answer["iterations"].as_u64() < Some(iterations as u64)))
}

/// Milliseconds after which a fit is not repeated: noise is small against such times.
const LONG: f64 = 3e3;

/// A tolerance that no fit reaches, so that the number of iterations decides; liblinear refuses 0.
const NEVER: f64 = 1e-300;

/// The least iterations of a peer that reach each accuracy, to 5 %; `patience` is in milliseconds.
fn search(
    field: &Field,
    peers: &mut Peers,
    peer: &str,
    patience: f64,
) -> Result<[Needed; 2], ExperimentError> {
    let mut spent = 0.0;
    let mut known: Vec<(usize, f64, f64)> = Vec::new();
    let mut needed = Vec::new();
    for accuracy in ACCURACIES {
        needed.push(loop {
            known.sort_by_key(|&(iterations, ..)| iterations);
            let reached =
                known.iter().find(|&&(_, gap, _)| gap <= accuracy).map(|&(iterations, ..)| iterations);
            let below =
                |&&(iterations, ..): &&(usize, f64, f64)| reached.is_none_or(|reached| iterations < reached);
            let failed =
                known.iter().take_while(below).map(|&(iterations, ..)| iterations).max().unwrap_or(0);
            let next = match reached {
                Some(reached) if reached - failed <= 1 + reached / 20 => break Needed::Iterations(reached),
                Some(reached) => usize::midpoint(failed, reached),
                None if spent > patience => {
                    let longest = known.last().copied().unwrap_or((0, f64::NAN, 0.0));
                    break Needed::More { milliseconds: longest.2, gap: longest.1 };
                }
                None => (failed + failed / 2).max(failed + 1),
            };
            let (time, weights, ended) = fit(peers, field, peer, (next, NEVER))?;
            spent += time;
            let gap = field.gap(&weights)?;
            if ended && gap > accuracy {
                break Needed::More { milliseconds: time, gap };
            }
            known.push((next, gap, time));
        });
    }
    needed.try_into().map_err(|_| "two accuracies".into())
}

fn compare(
    options: &Options,
    set: &DataSet,
    peers: &mut Option<Peers>,
    report: &mut Report,
) -> Result<(), ExperimentError> {
    eprintln!("bench: {}, {}", set.name, set.about);
    let folder = tempfile::tempdir()?;
    let model = Field::model(set)?;
    let (svrg, saga) = (LinearSvrg::new(0), LinearSaga::new(0));
    let stop = Stop::after(100_000).or_residual(1e-10);
    let start = vec![0.0; model.columns()];
    let best = run_solver(&svrg, &model, start, &stop).map_err(|error| error.to_string())?;
    let mut field = Field { set, least: model.value(&best.state.iterate)?, model };

    if let Some(running) = peers {
        let answer = running.ask(&write((&set.rows, &set.labels), folder.path())?)?;
        if let Some(version) = answer["version"].as_str() {
            let (_, weights, _) = fit(running, &field, "newton-cg", (1_000, 1e-13))?;
            let apart = field.gap(&weights)?;
            if apart.abs() > 1e-12 {
                return Err(format!(
                    "{}: the minimum of scikit-learn's newton-cg is {apart:e} away: not the same problem",
                    set.name
                )
                .into());
            }
            field.least = field.least.min(field.model.value(&weights)?);
            report.notes.push(format!(
                "{}: f* = {:.15}; the minima of Kiln and of scikit-learn {version} (newton-cg) differ by \
                 {apart:.1e} f*.",
                set.name, field.least
            ));
        } else {
            report.notes.push(format!("no peers: {}", answer["skip"].as_str().unwrap_or("?")));
            *peers = None;
        }
    }

    let mut contestants = Vec::new();
    let mut patience = 1e3 * options.patience;
    for (name, needed) in [(OURS, field.epochs(&svrg)?), ("Kiln Saga", field.epochs(&saga)?)] {
        if let (OURS, Needed::Iterations(epochs)) = (name, &needed[1]) {
            // The longest fit is a third of the search: it must be well beyond twice our time for a goal to
            // be decided.
            patience = patience.max(10.0 * field.time(&svrg, *epochs)?);
        }
        contestants.push(Contestant { name: name.to_owned(), needed, times: Default::default() });
    }
    if let Some(running) = peers {
        let newton = (set.name == "dense").then_some("newton-cholesky");
        for peer in ["saga", "sag", "lbfgs", "liblinear"].into_iter().chain(newton) {
            eprintln!("bench: {}, {peer}", set.name);
            match search(&field, running, peer, patience) {
                Ok(needed) => {
                    contestants.push(Contestant { name: peer.to_owned(), needed, times: Default::default() });
                }
                Err(why) => report.notes.push(format!("{}: {peer} was left out: {why}", set.name)),
            }
        }
    }
    for _ in 0..options.repeats {
        for Contestant { name, needed, times } in &mut contestants {
            for (needed, times) in needed.iter().zip(times) {
                let Needed::Iterations(iterations) = *needed else { continue };
                if times.iter().sum::<f64>() > LONG {
                    continue;
                }
                times.push(match (name.as_str(), peers.as_mut()) {
                    (OURS, _) => field.time(&svrg, iterations)?,
                    ("Kiln Saga", _) => field.time(&saga, iterations)?,
                    (peer, Some(peers)) => fit(peers, &field, peer, (iterations, NEVER))?.0,
                    (_, None) => continue,
                });
            }
        }
    }
    tabulate(options, set, &contestants, report);
    Ok(())
}

/// CPU milliseconds, and whether the accuracy was reached in them.
fn outcome(contestant: &Contestant, accuracy: usize) -> (f64, bool) {
    match contestant.needed[accuracy] {
        Needed::Iterations(_) => (median(&contestant.times[accuracy]), true),
        Needed::More { milliseconds, .. } => (milliseconds, false),
    }
}

fn tabulate(options: &Options, set: &DataSet, contestants: &[Contestant], report: &mut Report) {
    let mut columns = vec!["method".to_owned()];
    for accuracy in ACCURACIES {
        columns.push(format!("iterations to {accuracy:.0e}"));
        columns.push("ms".to_owned());
        columns.push(format!("/ {OURS}"));
    }
    let mut table = Table::new(
        &set.name,
        &format!("{}: CPU milliseconds, median of up to {}", set.name, options.repeats),
        &format!(
            "{} λ = 1/n. Kiln and scikit-learn on one thread; an iteration of Kiln is an epoch.",
            set.about
        ),
        &columns.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let ours = [0, 1].map(|accuracy| outcome(&contestants[0], accuracy).0);
    for contestant in contestants {
        let mut cells = vec![contestant.name.clone()];
        for (accuracy, ours) in ours.iter().enumerate() {
            let (time, reached) = outcome(contestant, accuracy);
            let more = if reached { "" } else { "> " };
            cells.push(match contestant.needed[accuracy] {
                Needed::Iterations(iterations) => iterations.to_string(),
                Needed::More { gap, .. } => format!("gave up at {gap:.0e}"),
            });
            cells.push(format!("{more}{}", Number(time)));
            cells.push(format!("{more}{}", Number(time / ours)));
        }
        table.row(cells);
    }
    report.tables.push(table);
    for (accuracy, ours) in ours.iter().enumerate() {
        let best = |names: &dyn Fn(&str) -> bool| {
            let peers = contestants.iter().filter(|c| !c.name.starts_with("Kiln") && names(&c.name));
            peers.map(|peer| outcome(peer, accuracy).0).min_by(f64::total_cmp)
        };
        let mut goal = |what: &str, best: Option<f64>, wanted: f64| {
            let Some(best) = best else { return };
            report.goals.push(Goal {
                what: format!("{}, {:.0e}: {what} over {OURS}", set.name, ACCURACIES[accuracy]),
                wanted: format!("at least {wanted}"),
                measured: best / ours,
                met: best / ours >= wanted,
            });
        };
        goal("the best stochastic peer", best(&|name| STOCHASTIC.contains(&name)), 2.0);
        if set.name == "sparse" {
            goal("the best peer", best(&|_| true), 1.0);
        }
    }
}
