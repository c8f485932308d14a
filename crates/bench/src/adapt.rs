//! Training of domain adaptation against the same loop in PyTorch, and exact fits against scikit-learn and
//! skada.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use clap::Parser;
use faer::Mat;
use kiln_adapt::importance::WeightLimit;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::linear::{Coral, GaussianDensityRatio, LinearModel};
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, Discriminator, FeatureNetwork, Features, Fit, Labelled, Labels,
    OverClasses, Training, Unlabelled,
};
use kiln_tensor::network::ConvolutionalSizes;
use kiln_tensor::{Distribution, Divergence, MmdKernel, Noise, devices};
use serde_json::{Value, json};

use super::peers::Peers;
use super::report::{Goal, Report};
use kiln_receipts::statistics::median;
use kiln_receipts::{ExperimentError, Number, Table};

/// An epoch of LeNet on pictures of the size of MNIST, five sources and a target, against the same loop in
/// PyTorch; and exact fits against scikit-learn's and skada's, which must give the same coefficients.
///
/// Times are medians of wall time over repeats in which everything takes turns, with as many threads on
/// either side. The peers are Python packages (`pip install torch scikit-learn skada`); what is missing is
/// left out.
#[derive(Debug, Parser)]
#[command(name = "adapt", no_binary_name = true)]
struct Options {
    /// Python interpreter that has them [default: `$KILN_PYTHON`, else python3].
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
    exact(&options, &mut peers, &mut report)?;
    report.publish("domain adaptation", "adapt", &options.out)
}

fn methods() -> [(&'static str, &'static str, AdaptMethod); 3] {
    let mmd = || Divergence::Mmd(MmdKernel::GaussianSum);
    let discriminator = Discriminator { ramp_steps: 0, ..Discriminator::default() };
    [
        ("DIP-MMD", "dip-mmd", AdaptMethod::dip(0, mmd(), 1.0)),
        ("CIP-MMD", "cip-mmd", AdaptMethod::cip(mmd(), 0.1).over_classes(OverClasses::Sum)),
        ("DANN", "dann", AdaptMethod::dann(discriminator, 1.0)),
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
    let model =
        FeatureNetwork::convolutional(&ConvolutionalSizes::le_net(1, 28, 2), Features::Outputs, 1, &device)?;
    let training = Training { shuffle: false, ..Training::adam(1, options.batch, 1e-3) };
    let mut table = Table::new(
        "epochs",
        &format!("Milliseconds of an epoch, median of {}", options.repeats),
        &format!(
            "LeNet, {SOURCES} sources and a target of {} pictures each, batches of {} of each domain, flex, \
             {threads} threads.",
            options.rows, options.batch
        ),
        &["method", "Kiln", "PyTorch", "Kiln / PyTorch"],
    );
    for (name, peer, method) in methods() {
        eprintln!("bench: epochs of {name}");
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for repeat in 0..=options.repeats {
            let start = Instant::now();
            let fitted = method.on(&model, &training).fit(&data)?;
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

/// A source and a target of Gaussian features whose mean and covariance differ a little; the labels depend on
/// the features alike in both.
fn gaussian_domains() -> Result<Adaptation<Mat<f64>>, ExperimentError> {
    const ROWS: usize = 5000;
    const COLUMNS: usize = 20;
    let noise = Noise { seed: 1, distribution: Distribution::Gaussian };
    let mut mixing = vec![0.0; COLUMNS * COLUMNS];
    noise.fill(0, 0, &mut mixing);
    let domain = |stream: u64, mean: f64, scale: f64| -> Result<Labelled<Mat<f64>>, ExperimentError> {
        let mut values = vec![0.0; ROWS * (COLUMNS + 1)];
        noise.fill(stream, 0, &mut values);
        let own = Mat::from_fn(ROWS, COLUMNS, |i, j| mean + scale * values[i * (COLUMNS + 1) + j]);
        let label =
            |i: usize| usize::from(own[(i, 0)] - own[(i, 1)] + values[i * (COLUMNS + 1) + COLUMNS] > 0.0);
        let classes: Vec<usize> = (0..ROWS).map(label).collect();
        let mixed = &own * Mat::from_fn(COLUMNS, COLUMNS, |i, j| mixing[i * COLUMNS + j]);
        Ok(Labelled::new(format!("domain {stream}"), mixed, Labels::classes(classes, 2))?)
    };
    Ok(Adaptation::new(vec![domain(1, 0.0, 1.0)?], domain(2, 0.2, 1.1)?.without_labels())?)
}

type Exact = fn(&Adaptation<Mat<f64>>) -> Result<LinearModel, AdaptError>;

/// What is fitted, the peer's name for it, and the peer.
fn exact_fits() -> [(&'static str, &'static str, &'static str, Exact); 3] {
    const LOGISTIC: Logistic = Logistic::new(1.0);
    [
        ("logistic regression", "logistic", "scikit-learn", |data| LOGISTIC.fit(data)),
        ("CORAL, then logistic regression", "coral", "skada", |data| {
            LOGISTIC.fit(&Coral::default().align(data)?)
        }),
        ("Gaussian density ratio, then logistic regression", "density-ratio", "skada", |data| {
            let source = data.source(0)?;
            // As the peer has them: neither clipped nor divided by their mean.
            let ratio =
                GaussianDensityRatio { limit: WeightLimit::Unlimited, ..GaussianDensityRatio::default() };
            let found = ratio.weights(source.x(), data.target().x())?;
            let mean = found.log_mean.exp();
            LOGISTIC.fit_weighted(source, &found.weights.iter().map(|w| w * mean).collect::<Vec<_>>())
        }),
    ]
}

fn exact(options: &Options, peers: &mut Option<Peers>, report: &mut Report) -> Result<(), ExperimentError> {
    eprintln!("bench: exact fits");
    let data = gaussian_domains()?;
    let source = data.source(0)?;
    let folder = tempfile::tempdir()?;
    write(folder.path(), "source", &by_rows(source.x()))?;
    write(folder.path(), "target", &by_rows(data.target().x()))?;
    write(folder.path(), "y", &source.classes()?.0.iter().map(|class| *class as f64).collect::<Vec<_>>())?;
    let mut table = Table::new(
        "exact",
        &format!("Milliseconds of an exact fit, median of {}", options.repeats),
        &format!(
            "A source and a target of {} rows and {} Gaussian features each. The last column is the largest \
             difference of a coefficient.",
            source.rows(),
            source.x().ncols()
        ),
        &["method", "Kiln", "peer", "ms of the peer", "Kiln / peer", "difference"],
    );
    for (name, peer, package, fit) in exact_fits() {
        let (mut ours, mut theirs, mut difference) = (Vec::new(), Vec::new(), 0.0_f64);
        let mut version = String::new();
        for _ in 0..options.repeats {
            let start = Instant::now();
            let fitted = fit(&data)?;
            ours.push(start.elapsed().as_secs_f64() * 1e3);
            let question =
                json!({"exact": peer, "folder": folder.path(), "columns": source.x().ncols(), "c": 1.0});
            if let Some(answer) = ask(peers, &question, report)? {
                theirs.extend(answer["ms"].as_f64());
                let peer = answer["coefficients"].as_array().cloned().unwrap_or_default();
                let (own, _) = fitted.direction()?;
                difference = own.iter().enumerate().fold(difference, |most, (j, own)| {
                    let theirs = peer.get(j).and_then(Value::as_f64).unwrap_or(f64::INFINITY);
                    most.max((own - theirs).abs())
                });
                answer["version"].as_str().unwrap_or_default().clone_into(&mut version);
            }
        }
        let ours = median(&ours);
        let (name, package) = (name.to_owned(), format!("{package} {version}"));
        if theirs.is_empty() {
            table.row([name, Number(ours).to_string(), "not installed".to_owned()]);
            continue;
        }
        let theirs = median(&theirs);
        let mut goal = |what: &str, wanted: &str, measured: f64, most: f64| {
            report.goals.push(Goal {
                what: format!("{name}: {what} {package}"),
                wanted: wanted.to_owned(),
                measured,
                met: measured <= most,
            });
        };
        goal("time over that of", "at most 1", ours / theirs, 1.0);
        goal("largest difference of a coefficient from", "at most 1e-4", difference, 1e-4);
        let numbers = [theirs, ours / theirs].map(|x| Number(x).to_string());
        let row = [name, Number(ours).to_string(), package].into_iter().chain(numbers);
        table.row(row.chain([format!("{difference:.1e}")]));
    }
    report.tables.push(table);
    Ok(())
}

fn by_rows(x: &Mat<f64>) -> Vec<f64> {
    x.row_iter().flat_map(|row| row.iter().copied().collect::<Vec<_>>()).collect()
}

fn write(folder: &Path, name: &str, values: &[f64]) -> Result<(), ExperimentError> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(fs::write(folder.join(name), bytes)?)
}
