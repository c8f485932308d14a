//! How often each class occurs in the target, relative to the sources, from a classifier's predictions alone.
//!
//! Under label shift the target differs from the sources in the shares of its classes only, so predictions
//! given the class have one law. With `C_ij = P_S(prediction i, class j)` and `q_i = P_T(prediction i)` then
//!
//! ```text
//! C w = q   for   w_j = P_T(class j) / P_S(class j).
//! ```
//!
//! | Estimator | Rule | Paper |
//! |---|---|---|
//! | [`Bbse`] | `w = C⁻¹ q`, negative weights set to 0 | Lipton, Wang, Smola, ICML 2018 |
//! | [`Rlls`] | `θ = argmin_{θ ≥ −1} ‖Cθ − (q − C1)‖ + ρ‖θ‖`, `w = 1 + θ` | Azizzadenesheli et al., ICLR 2019 |
//! | [`Em`] | maximum likelihood, by re-weighting the posteriors until nothing changes | Saerens et al., 2002 |
//!
//! [`Bbse`]: LabelShiftEstimator::Bbse
//! [`Rlls`]: LabelShiftEstimator::Rlls
//! [`Em`]: LabelShiftEstimator::Em
//!
//! (arXiv 1802.03916, arXiv 1903.09734, Neural Computation 14)
//! with `ρ = 3α (2 ln(2k/δ)/(3n) + √(2 ln(2k/δ)/n))` for `k` classes and `n` source rows.
//!
//! The norms of RLLS are not squared. Its minimiser still solves a squared problem, with penalty `μ‖θ‖²`
//! where `μ ‖θ‖ = ρ ‖Cθ − q + C1‖`; the left side over the right grows with `μ`, so bisection finds it, and
//! every squared problem is solved exactly by active sets. Cost: `O(k³)` each.
//!
//! ```
//! use kiln_adapt::label_shift::{LabelShiftEstimator, ShiftStatistics};
//!
//! // A classifier that is right for 80 % of either class; the target has three quarters of class 1.
//! let joint = faer::mat![[0.4, 0.1], [0.1, 0.4]];
//! let statistics = ShiftStatistics::new(joint, vec![0.35, 0.65], 1000)?;
//! let shift = LabelShiftEstimator::Bbse.weights(&statistics)?;
//! assert!((shift.weights[0] - 0.5).abs() < 1e-12 && (shift.weights[1] - 1.5).abs() < 1e-12);
//! # Ok::<(), kiln_adapt::AdaptError>(())
//! ```

use faer::linalg::solvers::Solve;
use faer::{ColRef, Mat};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::AdaptError;
use crate::linear::algebra::non_negative_quadratic;

/// Singular values below this, relative to the largest, count as zero.
const SINGULAR: f64 = 1e-10;
/// How far the mean log likelihood may be from its maximum when EM stops, and how often it tries.
const EM_GAP: f64 = 1e-8;
const EM_ITERATIONS: usize = 100_000;

/// Shares of prediction and class, `C_ij = P(prediction i, class j)`, which sum to 1.
///
/// # Errors
/// Without rows, when the lengths differ, or when an index is not below `classes`.
pub fn confusion(predicted: &[usize], actual: &[usize], classes: usize) -> Result<Mat<f64>, AdaptError> {
    if predicted.len() != actual.len() {
        let what = "predictions to compare with classes";
        return Err(InputError::size(what, predicted.len(), actual.len()).into());
    }
    check_count(classes)?;
    check_classes("the predictions", predicted, classes)?;
    check_classes("the classes", actual, classes)?;
    let share = 1.0 / predicted.len() as f64;
    let mut joint = Mat::zeros(classes, classes);
    for (&i, &j) in predicted.iter().zip(actual) {
        joint[(i, j)] += share;
    }
    Ok(joint)
}

/// There is a number for each pair of classes.
fn check_count(classes: usize) -> Checked {
    let must = "at most 4096 for an estimate of class weights";
    check::setting("number of classes", classes as f64, classes <= 4096, must)
}

fn check_classes(what: &str, found: &[usize], classes: usize) -> Result<(), AdaptError> {
    if found.is_empty() {
        return Err(InputError::empty(what.to_owned()).into());
    }
    match found.iter().enumerate().find(|(_, class)| **class >= classes) {
        Some((row, &class)) => Err(AdaptError::Class { domain: what.to_owned(), row, class, classes }),
        None => Ok(()),
    }
}

/// What a classifier predicts in the sources and in the target: all that the estimators see.
#[derive(Debug, Clone)]
pub struct ShiftStatistics {
    joint: Mat<f64>,
    predicted: Vec<f64>,
    rows: usize,
    posteriors: Option<Mat<f64>>,
}

impl ShiftStatistics {
    /// `C`, classes by classes, `q`, and the number of source rows behind `C` (for the penalty of RLLS).
    ///
    /// # Errors
    /// When sizes do not fit, when something is negative or not finite, or when `C` or `q` does not sum to 1.
    pub fn new(joint: Mat<f64>, predicted: Vec<f64>, rows: usize) -> Result<Self, AdaptError> {
        let classes = predicted.len();
        for found in [joint.nrows(), joint.ncols()] {
            if found != classes {
                let what = "rows or columns of the confusion matrix";
                return Err(InputError::size(what, found, classes).into());
            }
        }
        check::at_least_one("rows", rows)?;
        let entries: Vec<f64> = joint.col_iter().flat_map(|column| column.iter().copied()).collect();
        check_shares("sum of the confusion matrix", &entries)?;
        check_shares("sum of the shares of predictions", &predicted)?;
        Ok(Self { joint, predicted, rows, posteriors: None })
    }

    /// From predicted and true classes of each source and the predicted classes of the target. Each source
    /// counts the same, whatever its number of rows.
    ///
    /// # Errors
    /// Without sources, and as [`confusion`].
    pub fn from_predictions(
        sources: &[(&[usize], &[usize])],
        target: &[usize],
        classes: usize,
    ) -> Result<Self, AdaptError> {
        if sources.is_empty() {
            return Err(InputError::empty("the list of sources").into());
        }
        check_count(classes)?;
        check_classes("the predictions in the target", target, classes)?;
        let mut joint = Mat::zeros(classes, classes);
        for (predicted, actual) in sources {
            joint += confusion(predicted, actual, classes)? * faer::Scale(1.0 / sources.len() as f64);
        }
        let mut predicted = vec![0.0; classes];
        for &class in target {
            predicted[class] += 1.0 / target.len() as f64;
        }
        let rows = sources.iter().map(|(predicted, _)| predicted.len()).sum();
        Self::new(joint, predicted, rows)
    }

    /// Adds the classifier's probabilities on the target, rows by classes, which
    /// [`Em`](LabelShiftEstimator::Em) needs.
    ///
    /// # Errors
    /// Without rows, with another number of columns than classes, or when a number is not a probability.
    pub fn with_posteriors(mut self, posteriors: Mat<f64>) -> Result<Self, AdaptError> {
        if posteriors.nrows() == 0 {
            return Err(InputError::empty("the matrix of posteriors").into());
        }
        if posteriors.ncols() != self.predicted.len() {
            let what = "columns of the posteriors";
            let (found, expected) = (posteriors.ncols(), self.predicted.len());
            return Err(InputError::size(what, found, expected).into());
        }
        let wrong = posteriors.col_iter().flat_map(ColRef::iter).find(|p| !(0.0..=1.0 + 1e-6).contains(*p));
        if let Some(&value) = wrong {
            return Err(InputError::setting("posterior", value, "in [0, 1]").into());
        }
        self.posteriors = Some(posteriors);
        Ok(self)
    }

    /// Share of each class in the sources: the column sums of `C`.
    pub fn source_shares(&self) -> Vec<f64> {
        self.joint.col_iter().map(|column| column.iter().sum()).collect()
    }

    fn check_rlls(alpha: f64, delta: f64) -> Checked {
        check::nonnegative("alpha", alpha)?;
        check::setting("delta", delta, delta > 0.0 && delta < 1.0, "between 0 and 1")
    }
}

fn check_shares(name: &'static str, shares: &[f64]) -> Checked {
    let valid = shares.iter().all(|share| share.is_finite() && *share >= 0.0);
    let sum: f64 = shares.iter().sum();
    check::setting(name, sum, valid && (sum - 1.0).abs() < 1e-6, "1, with all shares finite and at least 0")
}

/// How the weights are estimated; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelShiftEstimator {
    /// Black-box shift estimation.
    Bbse,
    /// Regularised learning under label shift.
    Rlls {
        /// `α ≥ 0`, the strength of the penalty. 0 gives the non-negative weights nearest to solving `C w =
        /// q`.
        alpha: f64,
        /// `δ` in `(0, 1)`, the probability with which the bound behind the penalty may fail.
        delta: f64,
    },
    /// Maximum likelihood by expectation maximisation. It needs
    /// [`with_posteriors`](ShiftStatistics::with_posteriors), and calibrated ones.
    Em,
}

/// Estimated weights, and what had to be worked around.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelShiftWeights {
    /// `w_j`, an estimate of `P_T(class j) / P_S(class j)`: finite, at least 0.
    pub weights: Vec<f64>,
    /// Classes without a row in the sources. Nothing can be said of them, and no source row bears their
    /// weight, which is 1.
    pub missing: Vec<usize>,
    /// `C` is singular up to rounding, as when one class is never predicted: of all `w` that fit best, this
    /// is the one nearest to 1, that is `1 + C⁺(q − C1)`.
    pub singular: bool,
    /// A weight was negative and is now 0; then the shares that the weights imply need not sum to 1.
    pub clipped: bool,
}

impl LabelShiftEstimator {
    /// RLLS with the constants of the reference code, `α = 0.01` and `δ = 0.05`.
    pub fn rlls() -> Self {
        Self::Rlls { alpha: 0.01, delta: 0.05 }
    }

    /// The weights of the classes.
    ///
    /// # Errors
    /// When `alpha` or `delta` is out of range, when [`Em`](Self::Em) lacks posteriors, or when an iteration
    /// does not converge.
    pub fn weights(&self, statistics: &ShiftStatistics) -> Result<LabelShiftWeights, AdaptError> {
        let shares = statistics.source_shares();
        let (present, missing): (Vec<usize>, Vec<usize>) =
            (0..shares.len()).partition(|class| shares[*class] > 0.0);
        let joint = Mat::from_fn(shares.len(), present.len(), |i, j| statistics.joint[(i, present[j])]);
        let (values, singular) = match *self {
            Self::Bbse => solve(&joint, &statistics.predicted)?,
            Self::Rlls { alpha, delta } => {
                ShiftStatistics::check_rlls(alpha, delta)?;
                let bound = 2.0 * (2.0 * shares.len() as f64 / delta).ln() / statistics.rows as f64;
                let penalty = 3.0 * alpha * (bound / 3.0 + bound.sqrt());
                let (unconstrained, singular) = solve(&joint, &statistics.predicted)?;
                (regularised(&joint, &statistics.predicted, penalty, &unconstrained)?, singular)
            }
            Self::Em => {
                let Some(posteriors) = &statistics.posteriors else {
                    return Err(AdaptError::Method("EM needs the classifier's probabilities on the target"));
                };
                let posteriors =
                    Mat::from_fn(posteriors.nrows(), present.len(), |i, j| posteriors[(i, present[j])]);
                let shares: Vec<f64> = present.iter().map(|class| shares[*class]).collect();
                (expectation_maximisation(&posteriors, &shares)?, false)
            }
        };
        let clipped = values.iter().any(|value| *value < 0.0);
        let mut weights = vec![1.0; shares.len()];
        for (class, value) in present.into_iter().zip(values) {
            weights[class] = value.max(0.0);
        }
        Ok(LabelShiftWeights { weights, missing, singular, clipped })
    }
}

/// `1 + C⁺(q − C1)`, which is `C⁻¹q` when `C` is invertible, and whether it is not.
fn solve(joint: &Mat<f64>, predicted: &[f64]) -> Result<(Vec<f64>, bool), AdaptError> {
    let shift = Mat::from_fn(joint.nrows(), 1, |i, _| {
        predicted[i] - (0..joint.ncols()).map(|j| joint[(i, j)]).sum::<f64>()
    });
    let svd = joint.thin_svd().map_err(|_| AdaptError::Decomposition { what: "the confusion matrix" })?;
    let singular_values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let cutoff = SINGULAR * singular_values.first().copied().unwrap_or(0.0);
    let singular = singular_values.iter().any(|value| *value <= cutoff);
    if !singular && joint.nrows() == joint.ncols() {
        let theta = joint.partial_piv_lu().solve(&shift);
        return Ok(((0..joint.ncols()).map(|j| 1.0 + theta[(j, 0)]).collect(), false));
    }
    let mut along = svd.U().transpose() * shift;
    for (k, value) in singular_values.iter().enumerate() {
        along[(k, 0)] = if *value > cutoff { along[(k, 0)] / value } else { 0.0 };
    }
    let theta = svd.V() * along;
    Ok(((0..joint.ncols()).map(|j| 1.0 + theta[(j, 0)]).collect(), singular))
}

/// The minimiser of RLLS for `ρ = penalty`.
fn regularised(
    joint: &Mat<f64>,
    predicted: &[f64],
    penalty: f64,
    unconstrained: &[f64],
) -> Result<Vec<f64>, AdaptError> {
    let classes = joint.ncols();
    let gram = joint.transpose() * joint;
    let linear: Vec<f64> =
        joint.col_iter().map(|column| column.iter().zip(predicted).map(|(c, q)| c * q).sum()).collect();
    let scale = (0..classes).map(|j| gram[(j, j)]).sum::<f64>();
    // In w = 1 + θ ≥ 0.
    let weights = |mu: f64| {
        let mut gram = gram.clone();
        for j in 0..classes {
            gram[(j, j)] += mu;
        }
        let linear: Vec<f64> = linear.iter().map(|value| value + mu).collect();
        non_negative_quadratic(&gram, &linear)
    };
    let slope = |mu: f64, weights: &[f64]| {
        let misfit: f64 = (0..joint.nrows())
            .map(|i| {
                let fitted: f64 = weights.iter().enumerate().map(|(j, w)| joint[(i, j)] * w).sum();
                (fitted - predicted[i]).powi(2)
            })
            .sum();
        let size: f64 = weights.iter().map(|w| (w - 1.0).powi(2)).sum();
        if size == 0.0 { f64::INFINITY } else { mu * (size / misfit).sqrt() }
    };
    let (mut low, mut high) = ((1e-9 * scale).ln(), (1e13 * scale).ln());
    let least = weights(low.exp())?;
    if penalty == 0.0 || slope(low.exp(), &least) >= penalty {
        // The limit μ → 0: the unconstrained solution, if it is allowed.
        return Ok(if unconstrained.iter().all(|w| *w >= 0.0) { unconstrained.to_vec() } else { least });
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if slope(middle.exp(), &weights(middle.exp())?) < penalty {
            low = middle;
        } else {
            high = middle;
        }
    }
    weights(high.exp())
}

/// The fixed point of `w_j ← w_j d_j`, `d_j = (1/n) Σᵢ p_ij / (P_S(j) Σ_l w_l p_il)`. The log likelihood is
/// concave in the shares `P_S(j) w_j` and `d` is its gradient, so its mean is at most `max d − 1` below the
/// maximum.
fn expectation_maximisation(posteriors: &Mat<f64>, shares: &[f64]) -> Result<Vec<f64>, AdaptError> {
    let classes = shares.len();
    let mut weights = vec![1.0; classes];
    for _ in 0..EM_ITERATIONS {
        let mut gradient = vec![0.0; classes];
        let mut rows = 0.0;
        for i in 0..posteriors.nrows() {
            let total: f64 = (0..classes).map(|j| weights[j] * posteriors[(i, j)]).sum();
            // A row without probability on the classes of the sources says nothing about them.
            if total > 0.0 {
                rows += 1.0;
                for (j, gradient) in gradient.iter_mut().enumerate() {
                    *gradient += posteriors[(i, j)] / (shares[j] * total);
                }
            }
        }
        if rows == 0.0 {
            return Ok(weights);
        }
        let gap = gradient.iter().fold(0.0, |gap: f64, gradient| gap.max(gradient / rows - 1.0));
        weights.iter_mut().zip(&gradient).for_each(|(weight, gradient)| *weight *= gradient / rows);
        if gap < EM_GAP {
            return Ok(weights);
        }
    }
    Err(AdaptError::NotConverged {
        what: "expectation maximisation of the class shares",
        iterations: EM_ITERATIONS,
    })
}
