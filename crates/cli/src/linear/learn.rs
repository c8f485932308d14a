//! Fits a method to rows: at a strength that is given, or along a path.

use kiln_linear::{
    ClassLabel, DataRows, DualityGap, FitStatus, FitWith, HeldOut, HeldOutRows, LinearClassifier,
    LinearDataError, LinearFit, LinearPath, LinearPenalty, LinearRegressor, LinearWarning, PathFit,
    PathMethod, PathWith,
};
use kiln_receipts::progress::Reporter;

use super::choice::{Labels, Method};
use super::model::{Fitted, StrengthChosen};

/// From so many rows on, one set of rows held out judges well enough.
const MANY: usize = 10_000;
const FOLDS: usize = 5;
const SHARE: f64 = 0.2;

/// How many columns a plot of the path shows.
pub(super) const SHOWN: usize = 7;

/// Rows with labels.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) rows: DataRows,
    pub(super) columns: Vec<String>,
    pub(super) labels: Labels,
    pub(super) weights: Option<Vec<f64>>,
}

/// How the strength is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choosing {
    pub(super) strength: Option<f64>,
    pub(super) folds: Option<usize>,
    pub(super) share: Option<f64>,
    pub(super) seed: u64,
}

/// What was learned.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) fitted: Fitted,
    pub(super) certificate: DualityGap,
    pub(super) status: FitStatus,
    pub(super) warnings: Vec<LinearWarning>,
    pub(super) penalty: LinearPenalty,
    pub(super) chosen: StrengthChosen,
    /// The standard deviations of the columns.
    pub(super) deviations: Vec<f64>,
    pub(super) path: Option<Path>,
    /// The share of the fitted rows that are predicted right, or of their loss that is explained.
    pub(super) own_score: Option<f64>,
}

/// The path that was followed.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) points: Vec<Point>,
    pub(super) best: usize,
    /// Whether weaker penalties were left to try.
    pub(super) ended_early: bool,
    /// The columns whose effects the points have, those with the largest first.
    pub(super) shown: Vec<usize>,
}

/// A strength and what came of it.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) strength: f64,
    pub(super) loss: f64,
    /// The effects of the columns shown.
    pub(super) effects: Vec<f64>,
}

/// Fits the method.
pub(super) fn learn(
    method: &Method,
    sample: &Sample,
    choosing: &Choosing,
) -> Result<Learned, LinearDataError> {
    match (method, &sample.labels) {
        (Method::Classes(classifier), Labels::Classes(labels)) => {
            let learned = fit(classifier, sample, labels, choosing, Fitted::Classes)?;
            let own = match &learned.fitted {
                Fitted::Classes(model) => model.score(&sample.rows, labels).ok(),
                Fitted::Values(_) => None,
            };
            Ok(Learned { own_score: own, ..learned })
        }
        (Method::Values(regressor), Labels::Values(labels)) => {
            let learned = fit(regressor, sample, labels, choosing, Fitted::Values)?;
            let own = match &learned.fitted {
                Fitted::Values(model) => model.score(&sample.rows, labels).ok(),
                Fitted::Classes(_) => None,
            };
            Ok(Learned { own_score: own, ..learned })
        }
        _ => Err(LinearDataError::Unsupported {
            what: "the method is for other labels",
            instead: "choose another loss",
        }),
    }
}

/// A method of the engine whose penalty can be seen.
trait Penalized: PathMethod {
    fn penalty(&self) -> &LinearPenalty;
}

impl Penalized for LinearClassifier {
    fn penalty(&self) -> &LinearPenalty {
        &self.penalty
    }
}

impl Penalized for LinearRegressor {
    fn penalty(&self) -> &LinearPenalty {
        &self.penalty
    }
}

fn fit<T: Penalized>(
    method: &T,
    sample: &Sample,
    labels: &[T::Label],
    choosing: &Choosing,
    wrap: impl Fn(T::Model) -> Fitted,
) -> Result<Learned, LinearDataError> {
    let deviations = deviations(&sample.rows);
    let (weights, columns) = (sample.weights.as_deref(), Some(&sample.columns[..]));
    let penalty = |strength| LinearPenalty { strength, ..method.penalty().clone() };
    let learned = |fit: LinearFit<T::Model>, strength, chosen, path| Learned {
        fitted: wrap(fit.model),
        certificate: fit.certificate,
        status: fit.status,
        warnings: fit.warnings,
        penalty: penalty(strength),
        chosen,
        deviations: deviations.clone(),
        path,
        own_score: None,
    };
    if let Some(strength) = choosing.strength {
        let with = FitWith { weights, start: None, columns };
        let fit = method.with_strength(strength).fit_with(&sample.rows, labels, with)?;
        return Ok(learned(fit, strength, StrengthChosen::Given, None));
    }
    // A label that is the same everywhere leaves nothing to choose.
    let rows = sample.rows.rows();
    let held = match (choosing.folds, choosing.share) {
        (Some(folds), _) => HeldOutRows::Folds(folds),
        (None, Some(share)) => HeldOutRows::Share(share),
        (None, None) if rows >= MANY => HeldOutRows::Share(SHARE),
        (None, None) => HeldOutRows::Folds(FOLDS.min(rows)),
    };
    let sparse = method.penalty().l1_share > 0.0;
    let (points, least) = if sparse { (60, 1e-4) } else { (50, 1e-7) };
    let held_out = Some(HeldOut { rows: held, seed: choosing.seed, patience: 15 });
    let path = LinearPath { points, least, first: None, held_out };
    let progress = Reporter::standard_error().steps(points as u64, "strengths tried");
    let mut count = |_| progress.inc(1);
    let with = PathWith { weights, columns, progress: Some(&mut count) };
    let PathFit { points: tried, best, fit } = path.fit_with(method, &sample.rows, labels, with)?;
    drop(progress);
    let strength = tried.get(best).map_or(0.0, |point| point.strength);
    let chosen = StrengthChosen::Path {
        folds: if let HeldOutRows::Folds(folds) = held { Some(folds) } else { None },
        share: if let HeldOutRows::Share(share) = held { Some(share) } else { None },
        seed: choosing.seed,
        tried: tried.len(),
        held_out_loss: tried.get(best).and_then(|point| point.held_out_loss).unwrap_or(0.0),
        held_out_right: tried.get(best).and_then(|point| point.held_out_right),
    };
    let shown = largest(&effects(&wrap(fit.model.clone()), &deviations));
    let ended_early = tried.len() < points;
    let points = tried
        .into_iter()
        .map(|point| {
            let effects = effects(&wrap(point.model), &deviations);
            Point {
                strength: point.strength,
                loss: point.held_out_loss.unwrap_or(0.0),
                effects: shown.iter().filter_map(|&column| effects.get(column)).copied().collect(),
            }
        })
        .collect();
    Ok(learned(fit, strength, chosen, Some(Path { points, best, ended_early, shown })))
}

/// The columns with the largest effects, the largest first.
fn largest(effects: &[f64]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..effects.len()).filter(|&column| effects[column] != 0.0).collect();
    columns.sort_by(|&a, &b| effects[b].abs().total_cmp(&effects[a].abs()).then(a.cmp(&b)));
    columns.truncate(SHOWN);
    columns
}

/// What a standard deviation more of each column adds to the score; of several classes, the length of that.
pub(super) fn effects(fitted: &Fitted, deviations: &[f64]) -> Vec<f64> {
    let weights = fitted.weights();
    let one = |(column, deviation): (usize, &f64)| {
        let of = |weights: &&[f64]| weights.get(column).copied().unwrap_or(0.0) * deviation;
        match &weights[..] {
            [one] => of(one),
            several => several.iter().map(|weights| of(weights).powi(2)).sum::<f64>().sqrt(),
        }
    };
    deviations.iter().enumerate().map(one).collect()
}

/// The standard deviation of every column.
fn deviations(rows: &DataRows) -> Vec<f64> {
    let count = rows.rows() as f64;
    let width = rows.columns();
    let mut means = vec![0.0; width];
    each_entry(rows, |column, value| means[column] += value / count);
    let mut squares = vec![0.0; width];
    let mut stored = vec![0_usize; width];
    each_entry(rows, |column, value| {
        squares[column] += (value - means[column]).powi(2) / count;
        stored[column] += 1;
    });
    let rest = |column: usize| (count - stored[column] as f64) / count * means[column].powi(2);
    (0..width).map(|column| (squares[column] + rest(column)).sqrt()).collect()
}

/// Calls `put` with the column and value of every stored entry.
fn each_entry(rows: &DataRows, mut put: impl FnMut(usize, f64)) {
    match rows {
        DataRows::Dense(dense) => {
            let width = rows.columns();
            for row in dense.values().chunks_exact(width) {
                row.iter().enumerate().for_each(|(column, &value)| put(column, value));
            }
        }
        DataRows::Sparse(sparse) => {
            for (indices, values) in (0..rows.rows()).filter_map(|row| sparse.get(row)) {
                indices.iter().zip(values).for_each(|(&column, &value)| put(column as usize, value));
            }
        }
    }
}

/// How many rows each class has, in ascending order of classes.
pub(super) fn class_counts(labels: &[ClassLabel]) -> Vec<(ClassLabel, usize)> {
    let mut sorted: Vec<&ClassLabel> = labels.iter().collect();
    sorted.sort_unstable();
    sorted.chunk_by(|a, b| a == b).filter_map(|rows| Some(((*rows.first()?).clone(), rows.len()))).collect()
}
