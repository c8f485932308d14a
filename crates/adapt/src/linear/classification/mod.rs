//! Linear classification that adapts, with invariance as a hard constraint.
//!
//! The gradient-trained methods of this crate add `λ ·` discrepancy to a logistic loss. For a linear score
//! `Wᵀx + b` and discrepancies between means the limit `λ → ∞` is exact: the discrepancy of means is 0 when
//! `W` is orthogonal to a few known vectors. So the features are projected on what is orthogonal to these,
//! and logistic regression is fitted there to a duality gap, without tuning (our limit of Wu, Chen, Ha, Yu,
//! arXiv 2309.10301):
//!
//! | Method | `W` is orthogonal to |
//! |---|---|
//! | [`ErmLogistic`] | nothing |
//! | [`CipHard`] | the differences between the sources' class means, where they stand out from noise |
//! | [`DipHard`] | the difference between the means of source and target |
//! | [`JointDipHard`] | this, and the difference between the covariances of `x` with CIP's score |
//!
//! The forms that begin with `Iw` estimate class weights with a first classifier
//! (see [`label_shift`](crate::label_shift)) and weight the loss, and the source's moments, with them; they
//! return both as [`Reweighted`].
//!
//! A tiny ridge, `1e-6` by default, on `W` makes every fit finite, of separable classes too. A ridge of 0 is
//! allowed; then such data end in a typed error, or in very large coefficients. A class that its weight takes
//! out is nowhere predicted.
//!
//! [`Logistic`] is ordinary penalised logistic regression for tables with many columns. [`target_logistic`]
//! sees the labels of the target and is there to be compared with.

pub mod cip;
pub mod dip;
mod erm;
pub mod joint_dip;
pub mod logistic;
mod oracle;
mod solver;

pub use cip::{CipHard, IwCipHard};
pub use dip::{DipHard, IwDipHard};
pub use erm::{ErmLogistic, IwErmLogistic};
use faer::{Col, Mat};
pub use joint_dip::{IwJointDipHard, JointDipHard};
pub use logistic::Logistic;
pub use oracle::target_logistic;
use serde::{Deserialize, Serialize};
use solver::logistic;
pub(crate) use solver::solver_error;

use super::LinearModel;
use super::algebra::complement;
use super::moments::centre;
use crate::{
    AdaptError, Adaptation, FitWarning, LabelShiftWeights, Labelled, Pooling, Predict, Rows, ShiftStatistics,
};

/// The ridge that keeps hard-constraint fits finite unless another is asked for.
pub const DEFAULT_RIDGE: f64 = 1e-6;

/// A classifier fitted with class weights, and the weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reweighted {
    /// The classifier.
    pub model: LinearModel,
    /// The weights, and what had to be worked around to find them.
    pub shift: LabelShiftWeights,
}

impl Predict<Mat<f64>> for Reweighted {
    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn scores(&self, x: &Mat<f64>) -> Result<Mat<f64>, AdaptError> {
        self.model.scores(x)
    }

    fn warnings(&self) -> Vec<FitWarning> {
        self.model.warnings()
    }
}

/// Rows of several sources with weights that sum to 1, pooled as asked, and within a source by class. A
/// source whose classes all have weight 0 is left out.
struct Stacked {
    x: Mat<f64>,
    classes: Vec<usize>,
    count: usize,
    weights: Vec<f64>,
    /// What the rows count before the weights are made to sum to 1.
    total: f64,
}

impl Stacked {
    fn new(
        sources: &[Labelled<Mat<f64>>],
        class_weights: Option<&[f64]>,
        pooling: Pooling,
    ) -> Result<Self, AdaptError> {
        let of_class = |class: usize| class_weights.map_or(1.0, |weights| weights[class]);
        let mut classes = Vec::new();
        let mut weights = Vec::new();
        let (mut kept, mut totals) = (Vec::new(), Vec::new());
        let mut count = 0;
        for source in sources {
            let (own, of_source) = source.classes()?;
            count = of_source;
            let counted = |(row, class): (usize, &usize)| source.weight(row) * of_class(*class);
            let total: f64 = own.iter().enumerate().map(counted).sum();
            if total > 0.0 {
                classes.extend_from_slice(own);
                weights.push(own.iter().enumerate().map(|at| counted(at) / total).collect::<Vec<_>>());
                kept.push(source.x().clone());
                totals.push(total);
            }
        }
        if count < 2 {
            return Err(AdaptError::Method("a classifier needs at least two classes"));
        }
        let shares = pooling.shares(&totals);
        let weights =
            weights.iter().zip(shares).flat_map(|(own, share)| own.iter().map(move |w| w * share)).collect();
        let x = Mat::concat(kept)
            .ok_or(AdaptError::Method("the class weights leave no row of the sources with a weight"))?;
        Ok(Self { x, classes, count, weights, total: totals.iter().sum() })
    }

    /// Logistic regression with `W` orthogonal to the `constraints`, which are rows.
    fn fit(self, constraints: &Constraints, ridge: f64) -> Result<LinearModel, AdaptError> {
        let basis = complement(&constraints.rows, constraints.cutoff)?;
        let reduced = logistic(&(&self.x * &basis), &self.classes, self.count, &self.weights, ridge)?;
        LinearModel::new(&basis * reduced.coefficients(), reduced.intercepts().to_vec())
    }
}

/// Vectors to which `W` is orthogonal, but for the directions in which all of them are shorter than `cutoff`.
struct Constraints {
    rows: Mat<f64>,
    cutoff: f64,
}

impl Constraints {
    fn none(features: usize) -> Self {
        Self { rows: Mat::zeros(0, features), cutoff: 0.0 }
    }

    /// Each of these vectors, in units of its length so that none is lost beside a longer one; but for those
    /// that are rounding error beside the numbers that they are the difference of, whose size is given.
    fn all(vectors: &[(Col<f64>, f64)], features: usize) -> Self {
        let units: Vec<Col<f64>> = vectors
            .iter()
            .map(|(vector, size)| (vector, vector.norm_l2(), size))
            .filter(|(_, length, size)| *length > 1e-12 * **size)
            .map(|(vector, length, _)| vector * faer::Scale(1.0 / length))
            .collect();
        Self { rows: Mat::from_fn(units.len(), features, |i, j| units[i][j]), cutoff: 0.0 }
    }
}

/// Mean of a source's rows and their covariances with `scores`, features by columns of scores, with class
/// weights.
fn weighted_moments(
    source: &Labelled<Mat<f64>>,
    class_weights: Option<&[f64]>,
    scores: &Mat<f64>,
) -> Result<(Col<f64>, Mat<f64>), AdaptError> {
    let (classes, _) = source.classes()?;
    let of_class = |class: usize| class_weights.map_or(1.0, |weights| weights[class]);
    let counted = |row: usize| source.weight(row) * of_class(classes[row]);
    let total: f64 = (0..classes.len()).map(counted).sum();
    if total <= 0.0 {
        return Err(AdaptError::Method("the class weights leave no row of the source with a weight"));
    }
    let weights = Col::from_fn(classes.len(), |i| counted(i) / total);
    // Counted from the plain mean, for the digits.
    let (origin, centred) = centre(source.x())?;
    let shift = centred.transpose() * &weights;
    let mean_scores = scores.transpose() * &weights;
    let weighted =
        Mat::from_fn(scores.nrows(), scores.ncols(), |i, c| weights[i] * (scores[(i, c)] - mean_scores[c]));
    let covariance = centred.transpose() * weighted;
    Ok((origin + shift, covariance))
}

/// Root of the mean squared length of the rows.
fn row_size(x: &Mat<f64>) -> f64 {
    x.norm_l2() / (x.nrows() as f64).sqrt()
}

/// What `model` predicts in the sources and in the target.
fn statistics(
    model: &LinearModel,
    sources: &[Labelled<Mat<f64>>],
    data: &Adaptation<Mat<f64>>,
) -> Result<ShiftStatistics, AdaptError> {
    let predicted =
        sources.iter().map(|source| model.predict_classes(source.x())).collect::<Result<Vec<_>, _>>()?;
    let mut pairs = Vec::new();
    for (source, predicted) in sources.iter().zip(&predicted) {
        source.unweighted()?;
        pairs.push((&predicted[..], source.classes()?.0));
    }
    let target = data.target().x();
    ShiftStatistics::from_predictions(&pairs, &model.predict_classes(target)?, model.outputs())?
        .with_posteriors(model.predict_probabilities(target)?)
}
