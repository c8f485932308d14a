//! Speed against scikit-learn, without the rest of the workspace.
//!
//! ```text
//! cargo run --release -p kiln-linear --example against_scikit_learn -- [SET ...] [--repeats N]
//! ```
//!
//! CPU milliseconds on one thread until the relative duality gap is 1e-4 and 1e-8. Kiln stops by its own
//! certificate. A peer is run with ever smaller tolerances until its weights, with the best intercept, have
//! the gap, by the same certificate; the time is that of the fit which first has it, the median of repeats.
//! Reading the data is not timed; whatever a fit does with them is.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cpu_time::ProcessTime;
use kiln_core::random::{self, Generator, unit_interval};
use kiln_linear::{
    DataRows, DenseRows, DualityGap, FitWith, FittedClassifier, FittedRegressor, LinearClassifier,
    LinearPenalty, LinearRegressor, SparseRows, read_svmlight_from,
};
use serde_json::{Value, json};

const GAPS: [f64; 2] = [1e-4, 1e-8];

/// Seconds after which a peer's fits of one set are given up.
const PATIENCE: f64 = 60.0;

struct Set {
    name: &'static str,
    rows: DataRows,
    labels: Vec<f64>,
    penalty: LinearPenalty,
    intercept: bool,
    is_regression: bool,
    peers: &'static [&'static str],
}

/// The fit of a set, by either kind of model.
struct Outcome {
    weights: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    certificate: DualityGap,
    passes: f64,
    steps: u64,
}

impl Set {
    fn classifier(&self, tolerance: f64) -> LinearClassifier {
        LinearClassifier {
            tolerance,
            intercept: self.intercept,
            ..LinearClassifier::new(self.penalty.clone())
        }
    }

    fn regressor(&self, tolerance: f64) -> LinearRegressor {
        LinearRegressor { tolerance, intercept: self.intercept, ..LinearRegressor::new(self.penalty.clone()) }
    }

    fn fit(&self, tolerance: f64) -> Result<Outcome, Box<dyn Error>> {
        if self.is_regression {
            let fit = self.regressor(tolerance).fit(&self.rows, &self.labels)?;
            let weights = vec![fit.model.weights().to_vec()];
            let intercepts = vec![fit.model.intercept()];
            let (passes, steps) = (fit.work.passes, fit.work.steps);
            return Ok(Outcome { weights, intercepts, certificate: fit.certificate, passes, steps });
        }
        let fit = self.classifier(tolerance).fit(&self.rows, &self.labels)?;
        Ok(Outcome {
            weights: fit.model.weights().to_vec(),
            intercepts: fit.model.intercepts().to_vec(),
            certificate: fit.certificate,
            passes: fit.work.passes,
            steps: fit.work.steps,
        })
    }

    /// The gap of weights that a peer found.
    fn gap(&self, answer: &Value) -> Result<f64, Box<dyn Error>> {
        let columns: Vec<String> = (0..self.rows.columns()).map(|j| j.to_string()).collect();
        let (weights, intercepts) = (&answer["weights"], &answer["intercepts"]);
        Ok(if self.is_regression {
            let model: FittedRegressor = serde_json::from_value(
                json!({"loss": "squares", "columns": columns, "weights": weights, "intercepts": intercepts}),
            )?;
            self.regressor(1e-15).certify(
                &self.rows,
                &self.labels,
                FitWith { start: Some(&model), ..FitWith::default() },
            )?
        } else {
            let mut classes: Vec<i64> = self.labels.iter().map(|y| *y as i64).collect();
            classes.sort_unstable();
            classes.dedup();
            let model: FittedClassifier =
                serde_json::from_value(json!({"loss": "logistic", "classes": classes,
                "columns": columns, "weights": weights, "intercepts": intercepts}))?;
            self.classifier(1e-15).certify(
                &self.rows,
                &self.labels,
                FitWith { start: Some(&model), ..FitWith::default() },
            )?
        }
        .relative)
    }

    /// Writes it for the peers, and says how to load it.
    fn write(&self, folder: &Path) -> Result<Value, Box<dyn Error>> {
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes);
        let floats =
            |values: &mut dyn Iterator<Item = f64>| values.flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
        write("labels", floats(&mut self.labels.iter().copied()))?;
        let n = self.rows.rows();
        match &self.rows {
            DataRows::Dense(rows) => write("values", floats(&mut rows.values().iter().copied()))?,
            DataRows::Sparse(rows) => {
                let all = || (0..n).filter_map(|i| rows.get(i));
                write("values", floats(&mut all().flat_map(|row| row.1.iter().copied())))?;
                write("indices", all().flat_map(|row| row.0).copied().flat_map(u32::to_le_bytes).collect())?;
                let mut end = 0_u64;
                let mut starts = 0_u64.to_le_bytes().to_vec();
                for row in all() {
                    end += row.0.len() as u64;
                    starts.extend(end.to_le_bytes());
                }
                write("starts", starts)?;
            }
        }
        let sparse = matches!(self.rows, DataRows::Sparse(_));
        Ok(json!({"load": folder, "rows": n, "columns": self.rows.columns(), "sparse": sparse}))
    }
}

struct Peers {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peers {
    fn start() -> Result<Self, Box<dyn Error>> {
        let script = kiln_tests::root().join("crates/bench/src/linear_peers.py");
        let mut child = Command::new("python3")
            .arg(script)
            .envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "1")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self { child, input, output })
    }

    fn ask(&mut self, job: &Value) -> Result<Value, Box<dyn Error>> {
        writeln!(self.input, "{job}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn gaussian(generator: &mut Generator) -> f64 {
    let (u, angle) = (unit_interval(generator), unit_interval(generator));
    (-2.0 * (1.0 - u).ln()).sqrt() * (2.0 * std::f64::consts::PI * angle).cos()
}

/// Label 1 with probability `1/(1 + e^{−m})`.
fn label(generator: &mut Generator, m: f64) -> f64 {
    if unit_interval(generator) < 1.0 / (1.0 + (-m).exp()) { 1.0 } else { -1.0 }
}

/// Features of which each follows the one before it with correlation 0.9.
fn dense() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    const ROWS: usize = 50_000;
    const COLUMNS: usize = 200;
    let mut generator = random::named_stream(1, "dense");
    let rule: Vec<f64> = (0..COLUMNS).map(|_| gaussian(&mut generator)).collect();
    let (mut values, mut labels) = (Vec::with_capacity(ROWS * COLUMNS), Vec::new());
    for _ in 0..ROWS {
        let (mut x, mut m) = (gaussian(&mut generator), 0.0);
        for (j, w) in rule.iter().enumerate() {
            if j > 0 {
                x = 0.9 * x + 0.19_f64.sqrt() * gaussian(&mut generator);
            }
            values.push(x);
            m += x * w / (COLUMNS as f64).sqrt();
        }
        labels.push(label(&mut generator, m));
    }
    Ok((DenseRows::new(COLUMNS, values)?.into(), labels))
}

/// Rows of length 1 with about 50 entries, in columns whose frequency falls as that of words does.
fn sparse() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    const COLUMNS: usize = 50_000;
    let mut generator = random::named_stream(1, "sparse");
    let rule: Vec<f64> = (0..COLUMNS).map(|_| gaussian(&mut generator)).collect();
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..100_000 {
        let mut row: Vec<(u32, f64)> = (0..50)
            .map(|_| {
                let rank = 500.0 * (101_f64.powf(unit_interval(&mut generator)) - 1.0);
                let column = (rank as usize).min(COLUMNS - 1) * 7_919 % COLUMNS;
                (column as u32, gaussian(&mut generator).abs() + 0.1)
            })
            .collect();
        row.sort_by_key(|&(j, _)| j);
        row.dedup_by_key(|&mut (j, _)| j);
        let length = row.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
        for (_, x) in &mut row {
            *x /= length;
        }
        let m = 3.0 * row.iter().map(|&(j, x)| x * rule[j as usize]).sum::<f64>();
        labels.push(label(&mut generator, m));
        entries.push(row);
    }
    Ok((SparseRows::from_rows(COLUMNS, entries)?.into(), labels))
}

/// Six raw numbers (among them one in the hundred thousands and one that is 0 or large) and eight categories
/// as indicators, as in the census table "adult".
fn adult() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    const CATEGORIES: [u32; 8] = [9, 16, 7, 15, 6, 5, 2, 42];
    let mut generator = random::named_stream(1, "adult");
    let columns = 6 + CATEGORIES.iter().sum::<u32>() as usize;
    let rule: Vec<f64> = (0..columns).map(|_| gaussian(&mut generator)).collect();
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..48_842 {
        let plain: Vec<f64> = (0..6).map(|_| gaussian(&mut generator)).collect();
        let mut m = -1.5 + 0.5 * plain.iter().zip(&rule).map(|(x, w)| x * w).sum::<f64>();
        let gain = if plain[3] > 1.4 { 7_000.0 * plain[4].abs() } else { 0.0 };
        let numbers = [
            (38.0 + 13.0 * plain[0]).round(),
            (190_000.0 * (0.5 * plain[1]).exp()).round(),
            (10.0 + 2.5 * plain[2]).round(),
            gain.round(),
            if plain[5] > 1.7 { 1_900.0 } else { 0.0 },
            (40.0 + 12.0 * plain[5]).round(),
        ];
        let mut row: Vec<(u32, f64)> = (0..).zip(numbers).filter(|(_, x)| *x != 0.0).collect();
        let mut first = 6;
        for count in CATEGORIES {
            // The first categories are the most frequent ones.
            let at = first + (f64::from(count) * unit_interval(&mut generator).powi(3)) as u32;
            row.push((at, 1.0));
            m += 0.7 * rule[at as usize];
            first += count;
        }
        labels.push(label(&mut generator, m));
        entries.push(row);
    }
    Ok((SparseRows::from_rows(columns, entries)?.into(), labels))
}

/// 500 rows, 20,000 columns, 20 of which matter.
fn wide() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    const COLUMNS: usize = 20_000;
    let mut generator = random::named_stream(1, "wide");
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        let mut x = gaussian(&mut generator);
        let start = values.len();
        for _ in 0..COLUMNS {
            x = 0.5 * x + 0.75_f64.sqrt() * gaussian(&mut generator);
            values.push(x);
        }
        let m: f64 = values[start..].iter().step_by(COLUMNS / 20).sum();
        labels.push(m + gaussian(&mut generator));
    }
    Ok((DenseRows::new(COLUMNS, values)?.into(), labels))
}

fn gunzip(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path)?).read_to_end(&mut out)?;
    Ok(out)
}

fn breast_cancer(standardized: bool) -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    let path = kiln_tests::root().join("crates/datasets/src/embedded/breast-cancer-wisconsin.csv");
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path)?.lines().skip(1) {
        let numbers = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        labels.push(numbers[30]);
        rows.push(numbers[..30].to_vec());
    }
    if standardized {
        let n = rows.len() as f64;
        for j in 0..30 {
            let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let spread = (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
            for row in &mut rows {
                row[j] = (row[j] - mean) / spread;
            }
        }
    }
    Ok((DenseRows::new(30, rows.concat())?.into(), labels))
}

fn digits() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    let folder = kiln_tests::root().join("crates/datasets/src/embedded");
    let images = gunzip(&folder.join("optdigits-images-8x8-0to16.idx3-ubyte.gz"))?;
    let labels = gunzip(&folder.join("optdigits-labels.idx1-ubyte.gz"))?;
    let values = images[16..].iter().copied().map(f64::from).collect();
    Ok((DenseRows::new(64, values)?.into(), labels[8..].iter().copied().map(f64::from).collect()))
}

fn amazon() -> Result<(DataRows, Vec<f64>), Box<dyn Error>> {
    let (mut labels, mut entries) = (Vec::new(), Vec::new());
    for kind in ["books", "dvd", "electronics", "kitchen"] {
        let name = format!("domains/amazon-{kind}-train.svmlight.gz");
        let folder = kiln_tests::data_with(&name).ok_or("no Amazon reviews")?;
        let part = read_svmlight_from(0, Some(5_000), &gunzip(&folder.join(name))?[..])?;
        for (indices, values) in (0..part.labels.len()).filter_map(|i| part.rows.get(i)) {
            entries.push(indices.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>());
        }
        labels.extend(part.labels);
    }
    Ok((SparseRows::from_rows(5_000, entries)?.into(), labels))
}

const SETS: [&str; 9] = [
    "breast-cancer-raw",
    "breast-cancer",
    "adult",
    "amazon",
    "dense",
    "sparse",
    "digits",
    "wide-lasso",
    "amazon-l1",
];

fn set(name: &str) -> Result<Set, Box<dyn Error>> {
    let dense_peers: &[&str] = &["lbfgs", "newton-cholesky", "newton-cg"];
    let sparse_peers: &[&str] = &["lbfgs", "newton-cg", "liblinear", "saga"];
    let ridge = |(rows, labels): (DataRows, Vec<f64>), intercept, peers| {
        let penalty = LinearPenalty::ridge(1.0 / labels.len() as f64).on_columns_as_given();
        Set { name: "", rows, labels, penalty, intercept, is_regression: false, peers }
    };
    let lasso = |(rows, labels), strength, is_regression, peers| {
        let penalty = LinearPenalty::lasso(strength).on_columns_as_given();
        Set { name: "", rows, labels, penalty, intercept: is_regression, is_regression, peers }
    };
    let (name, set) = match name {
        "breast-cancer-raw" => ("breast-cancer-raw", ridge(breast_cancer(false)?, true, dense_peers)),
        "breast-cancer" => ("breast-cancer", ridge(breast_cancer(true)?, true, dense_peers)),
        "adult" => ("adult", ridge(adult()?, true, dense_peers)),
        "amazon" => ("amazon", ridge(amazon()?, false, sparse_peers)),
        "dense" => ("dense", ridge(dense()?, true, &["lbfgs", "newton-cholesky", "newton-cg", "sag"])),
        "sparse" => ("sparse", ridge(sparse()?, false, sparse_peers)),
        "digits" => ("digits", ridge(digits()?, true, dense_peers)),
        "wide-lasso" => ("wide-lasso", lasso(wide()?, 0.1, true, &["lasso"])),
        "amazon-l1" => ("amazon-l1", lasso(amazon()?, 1e-3, false, &["l1-liblinear", "l1-saga"])),
        other => return Err(format!("no set {other}; known: {}", SETS.join(", ")).into()),
    };
    Ok(Set { name, ..set })
}

fn compare(set: &Set, repeats: usize, peers: Option<&mut Peers>) -> Result<(), Box<dyn Error>> {
    let (n, d) = (set.rows.rows(), set.rows.columns());
    println!("\n{}: {n} x {d}, {} stored entries", set.name, set.rows.nonzeros());
    let mut ours = Vec::new();
    for gap in GAPS {
        let mut times = Vec::new();
        let mut outcome = None;
        for _ in 0..repeats {
            let start = ProcessTime::now();
            outcome = Some(set.fit(gap)?);
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
        let Some(outcome) = outcome else { continue };
        println!(
            "  {:>16} {gap:.0e}: {:9.2} ms, gap {:.1e}, {:.1} passes, {} steps, f {:.12}",
            "kiln",
            median(times.clone()),
            outcome.certificate.relative,
            outcome.passes,
            outcome.steps,
            outcome.certificate.objective
        );
        let check = set.gap(&json!({"weights": outcome.weights, "intercepts": outcome.intercepts}))?;
        if check > 2.0 * gap {
            println!("  the certificate of the model as written is {check:.1e}");
        }
        ours.push(median(times));
    }
    let Some(peers) = peers else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let loaded = peers.ask(&set.write(folder.path())?)?;
    println!("  scikit-learn {}", loaded["version"].as_str().unwrap_or("is missing"));
    for &peer in set.peers {
        let mut spent = 0.0;
        let mut at = 0;
        let mut last = (f64::INFINITY, 0.0);
        let mut tolerance = 1e-1;
        while at < GAPS.len() && tolerance > 1e-17 {
            let job = json!({"peer": peer, "strength": set.penalty.strength, "intercept": set.intercept,
                "tolerance": tolerance, "iterations": 5_000});
            let answer = peers.ask(&job)?;
            if let Some(why) = answer["skip"].as_str() {
                println!("  {peer:>16} left out: {why}");
                break;
            }
            let gap = set.gap(&answer)?;
            let time = answer["cpu_ms"].as_f64().unwrap_or(f64::NAN);
            spent += time / 1e3;
            last = (gap, time);
            while at < GAPS.len() && gap <= GAPS[at] {
                let mut times = vec![time];
                while times.len() < repeats && time < 3e3 {
                    times.push(peers.ask(&job)?["cpu_ms"].as_f64().unwrap_or(f64::NAN));
                }
                let time = median(times);
                println!(
                    "  {peer:>16} {:.0e}: {time:9.2} ms, gap {gap:.1e}, x{:.2}",
                    GAPS[at],
                    time / ours[at]
                );
                at += 1;
            }
            if spent > PATIENCE {
                break;
            }
            tolerance /= 4.0;
        }
        for at in at..GAPS.len() {
            let ratio = last.1 / ours[at];
            println!(
                "  {peer:>16} {:.0e}: gave up at {:.1e} after {:.0} ms, > x{ratio:.2}",
                GAPS[at], last.0, last.1
            );
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut names, mut repeats, mut alone) = (Vec::new(), 5, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--alone" {
            alone = true;
        } else if argument == "--repeats" {
            repeats = arguments.next().ok_or("--repeats N")?.parse::<usize>()?.max(1);
        } else {
            names.push(argument);
        }
    }
    if names.is_empty() {
        names = SETS.map(str::to_owned).to_vec();
    }
    let mut peers = if alone { None } else { Some(Peers::start()?) };
    for name in names {
        compare(&set(&name)?, repeats, peers.as_mut())?;
    }
    Ok(())
}
