//! Linear models against other packages: data sets, fits, and the course of a comparison. It is compiled into
//! the benchmark and into the example of kiln-linear, which needs nothing of the rest of the workspace.
//!
//! CPU milliseconds on one thread until the relative duality gap is 1e-4 and 1e-8. Kiln stops by its own
//! certificate. A peer is run with ever smaller tolerances until its weights, with the best intercept, have
//! the gap, by the same certificate; the time is that of the fit which first has it, the median of repeats.
//! Reading the data is not timed; whatever a fit does with them is.

use cpu_time::ProcessTime;
use kiln_linear::{
    DataRows, DualityGap, FitWith, FittedClassifier, FittedRegressor, LinearClassifier, LinearPenalty,
    LinearRegressor,
};
use serde_json::{Value, json};

use super::linear_sets::{
    Fault, Labelled, Read, adult, amazon, breast_cancer, dense, digits, sparse, wide, write,
};

/// Relative duality gaps.
pub(crate) const GAPS: [f64; 2] = [1e-4, 1e-8];

/// Seconds after which a peer's fits of one set are given up.
const PATIENCE: f64 = 45.0;

/// Rows with what is to be fitted to them, and who is to be asked.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) rows: DataRows,
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

    fn fit(&self, tolerance: f64) -> Result<Outcome, Fault> {
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
    fn gap(&self, answer: &Value) -> Result<f64, Fault> {
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
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) const SETS: [&str; 9] = [
    "breast-cancer-raw",
    "breast-cancer",
    "adult",
    "digits",
    "amazon",
    "dense",
    "sparse",
    "wide-lasso",
    "amazon-l1",
];

/// A set by its name.
pub(crate) fn set(name: &str, read: Read<'_>) -> Result<Set, Fault> {
    let dense_peers: &[&str] = &["lbfgs", "newton-cholesky", "newton-cg"];
    let sparse_peers: &[&str] = &["lbfgs", "newton-cg", "liblinear", "saga"];
    let ridge = |(rows, labels): Labelled, intercept, peers| {
        let penalty = LinearPenalty::ridge(1.0 / labels.len() as f64).on_columns_as_given();
        Set { name: "", rows, labels, penalty, intercept, is_regression: false, peers }
    };
    let lasso = |(rows, labels), strength, is_regression, peers| {
        let penalty = LinearPenalty::lasso(strength).on_columns_as_given();
        Set { name: "", rows, labels, penalty, intercept: is_regression, is_regression, peers }
    };
    let (name, set) = match name {
        "breast-cancer-raw" => ("breast-cancer-raw", ridge(breast_cancer(false, read)?, true, dense_peers)),
        "breast-cancer" => ("breast-cancer", ridge(breast_cancer(true, read)?, true, dense_peers)),
        "adult" => ("adult", ridge(adult()?, true, dense_peers)),
        "digits" => ("digits", ridge(digits(read)?, true, dense_peers)),
        "amazon" => ("amazon", ridge(amazon(read)?, false, sparse_peers)),
        "dense" => ("dense", ridge(dense()?, true, &["lbfgs", "newton-cholesky", "newton-cg", "sag"])),
        "sparse" => ("sparse", ridge(sparse()?, false, sparse_peers)),
        "wide-lasso" => ("wide-lasso", lasso(wide()?, 0.1, true, &["lasso", "celer-lasso", "skglm-lasso"])),
        "amazon-l1" => {
            let peers = &["l1-liblinear", "celer-l1", "skglm-l1", "l1-saga"];
            ("amazon-l1", lasso(amazon(read)?, 1e-3, false, peers))
        }
        other => return Err(format!("no set {other}; known: {}", SETS.join(", ")).into()),
    };
    Ok(Set { name, ..set })
}

/// What one method needs for one gap.
pub(crate) struct Line {
    pub(crate) method: String,
    /// Which of [`GAPS`].
    pub(crate) goal: usize,
    pub(crate) milliseconds: f64,
    /// The gap that it came to.
    pub(crate) gap: f64,
    /// Milliseconds over those of Kiln, at least, where the gap was not reached.
    pub(crate) ratio: f64,
    /// What else there is to say.
    pub(crate) note: String,
}

impl Line {
    pub(crate) fn is_reached(&self) -> bool {
        self.gap <= GAPS[self.goal]
    }
}

/// Asks a peer.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&Value) -> Result<Value, Fault>;

/// Kiln's lines of a set.
pub(crate) fn ours(set: &Set, repeats: usize, tell: &mut dyn FnMut(Line)) -> Result<[f64; 2], Fault> {
    let mut medians = [f64::NAN; 2];
    for (goal, gap) in GAPS.into_iter().enumerate() {
        let (mut times, mut last) = (Vec::new(), None);
        for _ in 0..repeats {
            let start = ProcessTime::now();
            let outcome = set.fit(gap)?;
            times.push(1e3 * start.elapsed().as_secs_f64());
            last = Some(outcome);
        }
        let Some(outcome) = last else { continue };
        let check = set.gap(&json!({"weights": outcome.weights, "intercepts": outcome.intercepts}))?;
        medians[goal] = median(times);
        tell(Line {
            method: "kiln".to_owned(),
            goal,
            milliseconds: medians[goal],
            gap: outcome.certificate.relative,
            ratio: 1.0,
            note: format!(
                "{:.1} passes, {} steps, {check:.1e} as written, f {:.12}",
                outcome.passes, outcome.steps, outcome.certificate.objective
            ),
        });
    }
    Ok(medians)
}

/// The peers' lines of a set; their version, or why there are none.
pub(crate) fn theirs(
    set: &Set,
    (repeats, ours): (usize, [f64; 2]),
    ask: Ask<'_>,
    tell: &mut dyn FnMut(Line),
) -> Result<String, Fault> {
    let folder = tempfile::tempdir()?;
    let loaded = ask(&write((&set.rows, &set.labels), folder.path())?)?;
    let Some(version) = loaded["version"].as_str() else {
        return Ok(loaded["skip"].as_str().unwrap_or("no answer").to_owned());
    };
    let mut version = version.to_owned();
    for &peer in set.peers {
        let (mut spent, mut goal, mut tolerance) = (0.0, 0, 1e-1);
        let mut last = (f64::INFINITY, 0.0);
        while goal < GAPS.len() && tolerance > 1e-17 && spent < PATIENCE {
            let job = json!({"peer": peer, "strength": set.penalty.strength, "intercept": set.intercept,
                "tolerance": tolerance, "iterations": 5_000});
            let answer = ask(&job)?;
            if let Some(why) = answer["skip"].as_str() {
                version = format!("{version}; {peer} left out: {why}");
                break;
            }
            let (gap, time) = (set.gap(&answer)?, answer["cpu_ms"].as_f64().unwrap_or(f64::NAN));
            spent += time / 1e3;
            last = (gap, time);
            while goal < GAPS.len() && gap <= GAPS[goal] {
                let mut times = vec![time];
                while times.len() < repeats && time < 3e3 {
                    times.push(ask(&job)?["cpu_ms"].as_f64().unwrap_or(f64::NAN));
                }
                let milliseconds = median(times);
                let ratio = milliseconds / ours[goal];
                tell(Line { method: peer.to_owned(), goal, milliseconds, gap, ratio, note: String::new() });
                goal += 1;
            }
            tolerance /= 4.0;
        }
        for goal in (goal..GAPS.len()).filter(|_| last.1 > 0.0) {
            let (gap, milliseconds) = last;
            let (ratio, note) = (milliseconds / ours[goal], "gave up".to_owned());
            tell(Line { method: peer.to_owned(), goal, milliseconds, gap, ratio, note });
        }
    }
    Ok(version)
}
