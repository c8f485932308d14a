//! Training of domain adaptation against the same loop in PyTorch, and exact fits against scikit-learn.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use clap::Parser;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::scm::{CicScm, CicSimulation};
use kiln_adapt::{
    Adaptation, Discriminator, Features, Labelled, Labels, LeNet, Method, SourceChoice, Training, Unlabelled,
};
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise, devices};
use serde_json::{Value, json};

use super::peers::Peers;
use super::report::{Goal, Report, median};
use crate::claim::ExperimentError;
use crate::number::Number;
use crate::recorder::Table;

/// An epoch of LeNet on pictures of the size of MNIST, five sources and a target, against the same loop in PyTorch; and the
/// exact logistic regression against scikit-learn's, which must give the same coefficients.
///
/// Times are medians of wall time over repeats in which everything takes turns, with as many threads on either side. PyTorch
/// and scikit-learn are Python packages (`pip install torch scikit-learn`); what is missing is left out.
#[derive(Debug, Parser)]
#[command(name = "adapt", no_binary_name = true)]
struct Options {
    /// Python interpreter that has PyTorch and scikit-learn [default: `$KILN_PYTHON`, else python3].
    #[arg(long)]
    python: Option<String>,
    /// Repeats of each timing.
    #[arg(long, default_value_t = 5)]
    repeats: usize,
    /// Pictures of each domain.
    #[arg(long, default_value_t = 2000)]
    rows: usize,
    /// Pictures of each domain in a step.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Where adapt.json and adapt.md are written.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

const SOURCES: usize = 5;

pub(super) fn run(args: &[String]) -> Result<(), ExperimentError> {
    let options = match Options::try_parse_from(args) {
        Ok(options) => options,
        Err(help) => help.exit(),
    };
    if options.repeats == 0 || options.rows == 0 || options.batch == 0 {
        return Err("--repeats, --rows and --batch must be at least 1".into());
    }
    let threads = rayon::current_num_threads();
    let python = options.python.clone().or_else(|| std::env::var("KILN_PYTHON").ok());
    let python = python.unwrap_or_else(|| "python3".to_owned());
    let mut report = Report::default();
    let mut peers = match Peers::with_threads(&python, include_str!("adapt_peers.py"), threads) {
        Ok(peers) => Some(peers),
        Err(error) => {
            report.notes.push(format!("no peers: {error}"));
            None
        }
    };
    epochs(&options, threads, &mut peers, &mut report)?;
    logistic(&options, &mut peers, &mut report)?;
    report.publish("domain adaptation", "adapt", &options.out)
}

fn methods() -> [(&'static str, &'static str, Method); 3] {
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let discriminator = Discriminator { ramp_steps: 0, ..Discriminator::default() };
    [
        ("DIP-MMD", "dip-mmd", Method::dip(0, mmd(), 1.0)),
        ("CIP-MMD", "cip-mmd", Method::cip(mmd(), 0.1)),
        ("DANN", "dann", Method::dann(discriminator, 1.0)),
    ]
}

/// Pictures of noise: times do not depend on what is in them.
fn pictures(rows: usize, device: &Device) -> Result<Adaptation<Tensor<4>>, ExperimentError> {
    let noise = Noise { seed: 1, distribution: Distribution::Gaussian };
    let domain = |index: usize| -> Result<Labelled<Tensor<4>>, ExperimentError> {
        let mut values = vec![0.0_f32; rows * 784];
        noise.fill(index as u64, 0, &mut values);
        let classes: Vec<usize> = values.iter().step_by(784).map(|x| usize::from(*x > 0.0)).collect();
        let x = Tensor::from_data(TensorData::new(values, [rows, 1, 28, 28]), device);
        Ok(Labelled::new(format!("domain {index}"), x, Labels::classes(classes, 2))?)
    };
    let sources = (0..SOURCES).map(domain).collect::<Result<_, _>>()?;
    let target = Unlabelled::new("target", domain(SOURCES)?.x().clone())?;
    Ok(Adaptation::new(sources, target)?)
}

fn epochs(
    options: &Options,
    threads: usize,
    peers: &mut Option<Peers>,
    report: &mut Report,
) -> Result<(), ExperimentError> {
    let device = devices::named("flex")?;
    let data = pictures(options.rows, &device)?;
    let model = LeNet::new(1, 28, 2, Features::Outputs, 1, &device)?;
    let training = Training { shuffle: false, ..Training::adam(1, options.batch, 1e-3) };
    let mut table = Table::new(
        "epochs",
        &format!("Milliseconds of an epoch, median of {}", options.repeats),
        &format!(
            "LeNet, {SOURCES} sources and a target of {} pictures each, batches of {} of each domain, flex, {threads} threads.",
            options.rows, options.batch
        ),
        &["method", "Kiln", "PyTorch", "Kiln / PyTorch"],
    );
    for (name, peer, method) in methods() {
        eprintln!("bench: epochs of {name}");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for repeat in 0..=options.repeats {
            let start = Instant::now();
            let fitted = method.fit(&data, &model, &training)?;
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            drop(fitted);
            // The first one only warms up.
            if repeat > 0 {
                ours.push(milliseconds);
            }
            let question = json!({
                "torch": peer, "rows": options.rows, "sources": SOURCES, "batch": options.batch, "threads": threads,
            });
            if let Some(answer) = ask(peers, &question, report)?
                && repeat > 0
            {
                theirs.extend(answer["ms"].as_f64());
            }
        }
        let ours = median(&ours);
        if theirs.is_empty() {
            table.row([name.to_owned(), Number(ours).to_string(), "not installed".to_owned(), String::new()]);
            continue;
        }
        let theirs = median(&theirs);
        table.row(
            [name.to_owned()].into_iter().chain([ours, theirs, ours / theirs].map(|x| Number(x).to_string())),
        );
        report.goals.push(Goal {
            what: format!("epoch of {name} over PyTorch's"),
            wanted: "at most 1".to_owned(),
            measured: ours / theirs,
            met: ours <= theirs,
        });
    }
    report.tables.push(table);
    Ok(())
}

/// The answer, unless the peer is missing; then a note says so, once.
fn ask(
    peers: &mut Option<Peers>,
    question: &Value,
    report: &mut Report,
) -> Result<Option<Value>, ExperimentError> {
    let Some(running) = peers else { return Ok(None) };
    let answer = running.ask(question)?;
    if let Some(why) = answer["skip"].as_str() {
        let note = format!("left out: {why}");
        if !report.notes.contains(&note) {
            report.notes.push(note);
        }
        return Ok(None);
    }
    Ok(Some(answer))
}

fn logistic(
    options: &Options,
    peers: &mut Option<Peers>,
    report: &mut Report,
) -> Result<(), ExperimentError> {
    const C: f64 = 1.0;
    eprintln!("bench: exact fits");
    let (data, _) = CicSimulation::new(CicScm::Iii, 1).draw(0)?;
    let folder = tempfile::tempdir()?;
    let columns = data.sources()[0].x().ncols();
    let (mut rows, mut x, mut y) = (0, Vec::new(), Vec::new());
    for source in data.sources() {
        let (classes, _) = source.classes()?;
        for (i, class) in classes.iter().enumerate() {
            x.extend((0..columns).map(|j| source.x()[(i, j)]));
            y.push(*class as f64);
        }
        rows += classes.len();
    }
    write(folder.path(), "x", &x)?;
    write(folder.path(), "y", &y)?;
    let (mut ours, mut theirs, mut difference) = (Vec::new(), Vec::new(), 0.0_f64);
    let mut version = String::new();
    for _ in 0..options.repeats {
        let start = Instant::now();
        let fitted = Logistic { c: C }.fit(&data, SourceChoice::All)?;
        ours.push(start.elapsed().as_secs_f64() * 1e3);
        let (weights, intercept) = fitted.direction()?;
        let question = json!({"logistic": folder.path(), "rows": rows, "columns": columns, "c": C});
        if let Some(answer) = ask(peers, &question, report)? {
            theirs.extend(answer["ms"].as_f64());
            let peer = answer["coefficients"].as_array().cloned().unwrap_or_default();
            let peer = peer.iter().chain([&answer["intercept"]]).map(|x| x.as_f64().unwrap_or(f64::NAN));
            let own = weights.iter().copied().chain([intercept]);
            difference = own.zip(peer).fold(difference, |most, (a, b)| most.max((a - b).abs()));
            answer["version"].as_str().unwrap_or_default().clone_into(&mut version);
        }
    }
    let mut table = Table::new(
        "exact",
        "Logistic regression, exact",
        &format!(
            "Milliseconds, median of {}: {rows} rows of {columns} features, SCM III pooled.",
            options.repeats
        ),
        &["", "ms", "largest difference of a coefficient"],
    );
    table.row(["Kiln".to_owned(), Number(median(&ours)).to_string(), String::new()]);
    if !theirs.is_empty() {
        let row = [format!("scikit-learn {version}"), Number(median(&theirs)).to_string()];
        table.row(row.into_iter().chain([format!("{difference:.1e}")]));
        for (what, wanted, measured, met) in [
            ("exact fit over scikit-learn's", "at most 1", median(&ours) / median(&theirs), 1.0),
            ("difference of a coefficient from scikit-learn's", "at most 1e-4", difference, 1e-4),
        ] {
            report.goals.push(Goal {
                what: what.to_owned(),
                wanted: wanted.to_owned(),
                measured,
                met: measured <= met,
            });
        }
    }
    report.tables.push(table);
    Ok(())
}

fn write(folder: &Path, name: &str, values: &[f64]) -> Result<(), ExperimentError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(fs::write(folder.join(name), bytes)?)
}
