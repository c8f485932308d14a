//! Score on the sources with each row weighted by how much more often rows like it occur in the target:
//!
//! ```text
//! Σ_i w(x_i) 1(f(x_i) = y_i) / Σ_i w(x_i),   or   −Σ_i w(x_i) (f(x_i) − y_i)² / Σ_i w(x_i)
//! ```
//!
//! over the rows of all sources, whose ratio to the target is estimated as one. When the labels' law given the
//! features is the same in both domains, it estimates the target's score. [`cross_validate`] is the same with
//! every row held out once, as the paper has it; the ratio is estimated once from all rows, which needs no
//! labels.
//!
//! Sugiyama, Krauledat, Müller, "Covariate shift adaptation by importance weighted cross validation", JMLR 8,
//! 2007.
//!
//! Cost: that of the ratio, and a forward pass over the sources; for `k` folds `k` fits of each method.

use kiln_core::{check, random};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Scorer, Selected, converged};
use crate::importance::{DensityRatio, ImportanceWeights, weigh_sources};
use crate::{AdaptError, Adaptation, Fit, Labelled, Labels, Predict, Rows};

/// Score on the sources, weighted by a density ratio; see the source file.
///
/// ```
/// use faer::Mat;
/// use kiln_adapt::importance::Ulsif;
/// use kiln_adapt::linear::LinearModel;
/// use kiln_adapt::selection::{DensityWeighted, SourceScore, select};
/// use kiln_adapt::{Adaptation, Labelled, Labels, Unlabelled};
///
/// // y = |x|, a target on the right: there a rising line is better, on the source a flat one.
/// let x = Mat::from_fn(81, 1, |i, _| (i as f64 - 40.0) / 20.0);
/// let y: Vec<f64> = x.col(0).iter().map(|x| x.abs()).collect();
/// let target = Mat::from_fn(40, 1, |i, _| 0.5 + i as f64 / 40.0);
/// let data = Adaptation::new(
///     vec![Labelled::new("source", x, Labels::values(y))?],
///     Unlabelled::new("target", target)?,
/// )?;
/// let candidates = [LinearModel::regression(&[0.0], 1.0)?, LinearModel::regression(&[1.0], 0.0)?];
/// assert_eq!(select(&candidates, &SourceScore::default(), &data)?.best, 0);
/// assert_eq!(select(&candidates, &DensityWeighted::new(Ulsif::default()), &data)?.best, 1);
/// # Ok::<(), kiln_adapt::AdaptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DensityWeighted<R> {
    /// How rows are weighted.
    pub ratio: R,
}

impl<R> DensityWeighted<R> {
    /// By this ratio.
    pub fn new(ratio: R) -> Self {
        Self { ratio }
    }
}

impl<X: Rows, F: Predict<X>, R: DensityRatio> Scorer<X, F> for DensityWeighted<R> {
    fn name(&self) -> &'static str {
        "density-weighted score"
    }

    fn score(&self, model: &F, validation: &Adaptation<X>) -> Result<f64, AdaptError> {
        let (weighted, _) = weigh_sources(&self.ratio, validation)?;
        by_rows(model, weighted.sources())
    }
}

/// The score on rows of several domains as on those of one.
fn by_rows<X: Rows, F: Predict<X>>(model: &F, domains: &[Labelled<X>]) -> Result<f64, AdaptError> {
    let (mut sum, mut total) = (0.0, 0.0);
    for domain in domains {
        let weight: f64 = (0..domain.rows()).map(|row| domain.weight(row)).sum();
        sum += weight * model.evaluate(domain)?.score();
        total += weight;
    }
    check::setting("total weight of the sources", total, total > 0.0, "above 0")?;
    Ok(sum / total)
}

/// Importance-weighted cross-validation: each method is fitted `folds` times to the other rows of every source,
/// and scored on those of the fold by the ratio's weights. Methods see the target's rows each time, and rows
/// without weights; to weigh these too, put [`CovariateShift`](crate::importance::CovariateShift) before them.
///
/// # Errors
/// Without methods, with fewer than two folds or fewer rows of a source than folds, when the ratio finds no
/// weights, or when a method cannot be fitted or scored for another reason than divergence.
pub fn cross_validate<X: Rows, T: Fit<X, Data = Adaptation<X>>>(
    methods: &[T],
    data: &Adaptation<X>,
    ratio: &(impl DensityRatio + ?Sized),
    folds: usize,
    seed: u64,
) -> Result<Selected, AdaptError> {
    check::setting("folds", folds as f64, folds >= 2, "at least 2")?;
    let (_, found) = weigh_sources(ratio, data)?;
    let parts = folded(data, &found, folds, seed)?;
    let score = |method: &T| -> Result<Option<f64>, AdaptError> {
        let mut scores = Vec::new();
        for (training, held) in &parts {
            let Some(model) = converged(method.fit(training))? else { return Ok(None) };
            scores.push((
                by_rows(&model, held)?,
                held.iter().filter_map(Labelled::weights).flatten().sum::<f64>(),
            ));
        }
        let total: f64 = scores.iter().map(|(_, weight)| weight).sum();
        Ok(Some(scores.iter().map(|(score, weight)| score * weight).sum::<f64>() / total))
    };
    Selected::of("importance-weighted cross-validation", methods.iter().map(score).collect::<Result<_, _>>()?)
}

type Fold<X> = (Adaptation<X>, Vec<Labelled<X>>);

/// For each fold the problem without its rows, and its rows with their weights. Each class is spread over all
/// folds. A fold whose rows count nothing is left out.
fn folded<X: Rows>(
    data: &Adaptation<X>,
    found: &ImportanceWeights,
    folds: usize,
    seed: u64,
) -> Result<Vec<Fold<X>>, AdaptError> {
    let mut of_rows = Vec::new();
    for (stream, source) in data.sources().iter().enumerate() {
        let rows = source.rows();
        if rows < folds {
            let why = "each fold needs one: take fewer folds, or leave the source out";
            return Err(AdaptError::TooFewRows { domain: source.name().into(), rows, needed: folds, why });
        }
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(&mut random::stream(seed, stream as u64));
        if let Labels::Classes { classes, .. } = source.y() {
            order.sort_by_key(|row| classes[*row]);
        }
        let mut fold_of = vec![0; rows];
        order.iter().enumerate().for_each(|(place, row)| fold_of[*row] = place % folds);
        of_rows.push(fold_of);
    }
    let mut parts = Vec::new();
    for fold in 0..folds {
        let (mut training, mut held) = (Vec::new(), Vec::new());
        let mut before = 0;
        for (source, fold_of) in data.sources().iter().zip(&of_rows) {
            let rows = |inside: bool| -> Vec<usize> {
                (0..source.rows()).filter(|row| (fold_of[*row] == fold) == inside).collect()
            };
            training.push(source.select(&rows(false))?);
            let own = rows(true);
            let weights: Vec<f64> = own.iter().map(|row| found.weights[before + row]).collect();
            if weights.iter().any(|weight| *weight > 0.0) {
                held.push(source.select(&own)?.weighted(weights)?);
            }
            before += source.rows();
        }
        if !held.is_empty() {
            parts.push((Adaptation::new(training, data.target().clone())?, held));
        }
    }
    Ok(parts)
}
