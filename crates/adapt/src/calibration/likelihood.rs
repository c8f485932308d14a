//! The fit of a map of scores: damped Newton steps on a convex loss.
//!
//! Scores are divided by their size, so that it starts
//! where no probability is 0 or 1, whatever their unit. A direction that changes no probability, such as a
//! constant in all `b`, has neither slope nor curvature; a share of [`DAMPING`] of the mean curvature keeps the
//! step finite, and off it.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use kiln_core::{InputError, check};

use super::{Calibration, Calibrator};
use crate::AdaptError;

const DAMPING: f64 = 1e-12;
/// Half the squared Newton decrement, in nats: how far the loss is above its minimum.
const GAP: f64 = 1e-22;
/// The same where rounding ends the descent before.
const ENOUGH: f64 = 1e-10;
const STEPS: usize = 200;
/// A loss below this, in nats a row, is that of separated classes: it falls for ever.
const SEPARATED: f64 = 1e-9;

const SAYS_NOTHING: &str = "the scores say nothing about the classes of the held-out rows, or the opposite: no \
                            temperature makes them probabilities; look at the model first";
const NO_MINIMUM: &str = "the scores separate the classes of the held-out rows, so they could be surer without end: \
                          take more held-out rows, or `prior_rows` above 0";

/// Rows whose loss is minimized.
struct Problem<'a> {
    calibrator: Calibrator,
    /// In units of their size.
    scores: Mat<f64>,
    classes: &'a [usize],
    weights: Vec<f64>,
    /// `ρ`.
    prior: f64,
}

pub(super) fn fit(
    calibrator: Calibrator,
    prior_rows: f64,
    scores: &Mat<f64>,
    classes: &[usize],
    weights: Option<&[f64]>,
) -> Result<Calibration, AdaptError> {
    check::nonnegative("prior_rows", prior_rows)?;
    let (rows, count) = scores.shape();
    check::not_empty("the held-out rows", rows)?;
    check::setting("number of classes", count as f64, count >= 2, "at least 2")?;
    check::size("classes of the held-out rows", classes.len(), rows)?;
    if !scores.is_all_finite() {
        return Err(InputError::not_finite("the scores of the held-out rows").into());
    }
    let domain = || "the held-out rows".to_owned();
    if let Some((row, &class)) = classes.iter().enumerate().find(|(_, class)| **class >= count) {
        return Err(AdaptError::Class { domain: domain(), row, class, classes: count });
    }
    let weights = weights.map_or_else(|| vec![1.0; rows], <[f64]>::to_vec);
    check::size("weights of the held-out rows", weights.len(), rows)?;
    weights.iter().try_for_each(|weight| check::nonnegative("weight of a row", *weight))?;
    let total: f64 = weights.iter().sum();
    check::setting("sum of the weights", total, total > 0.0 && total.is_finite(), "above 0 and finite")?;
    if prior_rows == 0.0 && calibrator != Calibrator::Temperature {
        let mut seen = vec![0.0; count];
        classes.iter().zip(&weights).for_each(|(class, weight)| seen[*class] += weight);
        if let Some(class) = seen.iter().position(|seen| *seen <= 0.0) {
            let why =
                "its constant would be minus infinity: hold out more rows, or take `prior_rows` above 0";
            return Err(AdaptError::MissingClass { domain: domain(), class, why });
        }
    }
    let (scores, unit) = in_units(calibrator, scores)?;
    let problem = Problem {
        calibrator,
        scores,
        classes,
        weights: weights.iter().map(|weight| weight / total).collect(),
        prior: prior_rows / (rows as f64 + prior_rows),
    };
    let theta = problem.minimum()?;
    let (scales, mut biases) = problem.map(&theta);
    let scales: Vec<f64> = scales.into_iter().map(|scale| scale / unit[0] / unit[1]).collect();
    let mean = biases.iter().sum::<f64>() / count as f64;
    for bias in &mut biases {
        *bias -= mean;
    }
    if scales.iter().any(|scale| !scale.is_finite()) {
        return Err(InputError::not_finite("the scale of the scores of the held-out rows").into());
    }
    Ok(Calibration { scales, biases })
}

/// The scores in units of their size, and the two factors of these: one alone may be no `f64`. One factor for all
/// classes sees only the differences within a row.
fn in_units(calibrator: Calibrator, scores: &Mat<f64>) -> Result<(Mat<f64>, [f64; 2]), AdaptError> {
    let largest = match scores.norm_max() {
        0.0 => return Err(AdaptError::Method(SAYS_NOTHING)),
        largest => largest,
    };
    let mut scaled = Mat::from_fn(scores.nrows(), scores.ncols(), |i, c| scores[(i, c)] / largest);
    if calibrator == Calibrator::Vector {
        return Ok((scaled, [largest, 1.0]));
    }
    for i in 0..scaled.nrows() {
        let most = scaled.row(i).iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scaled.row_mut(i).iter_mut().for_each(|score| *score -= most);
    }
    let difference = scaled.norm_max();
    if difference == 0.0 {
        return Err(AdaptError::Method(SAYS_NOTHING));
    }
    scaled.col_iter_mut().for_each(|column| column.iter_mut().for_each(|score| *score /= difference));
    Ok((scaled, [largest, difference]))
}

impl Problem<'_> {
    fn parameters(&self) -> usize {
        let classes = self.scores.ncols();
        match self.calibrator {
            Calibrator::Temperature => 1,
            Calibrator::BiasCorrected => 1 + classes,
            Calibrator::Vector => 2 * classes,
        }
    }

    /// `a` and `b`.
    fn map(&self, theta: &Col<f64>) -> (Vec<f64>, Vec<f64>) {
        let classes = self.scores.ncols();
        let from = |start: usize| (start..start + classes).map(|p| theta[p]).collect::<Vec<_>>();
        match self.calibrator {
            Calibrator::Temperature => (vec![theta[0]; classes], vec![0.0; classes]),
            Calibrator::BiasCorrected => (vec![theta[0]; classes], from(1)),
            Calibrator::Vector => (from(0), from(classes)),
        }
    }

    /// The probabilities of the classes of a row, the target's share of each, and its loss.
    fn row(&self, i: usize, scales: &[f64], biases: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
        let classes = scales.len();
        let own: Vec<f64> = (0..classes).map(|c| scales[c] * self.scores[(i, c)] + biases[c]).collect();
        let largest = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = own.iter().map(|score| (score - largest).exp()).sum();
        let log_total = largest + total.ln();
        let target: Vec<f64> = (0..classes)
            .map(|c| self.prior / classes as f64 + if c == self.classes[i] { 1.0 - self.prior } else { 0.0 })
            .collect();
        let loss = target.iter().zip(&own).map(|(t, score)| t * (log_total - score)).sum();
        (own.iter().map(|score| (score - log_total).exp()).collect(), target, loss)
    }

    fn loss(&self, theta: &Col<f64>) -> f64 {
        let (scales, biases) = self.map(theta);
        self.weights.iter().enumerate().map(|(i, weight)| weight * self.row(i, &scales, &biases).2).sum()
    }

    /// Loss, gradient and Hessian in `a` and `b`, chained to the parameters.
    fn derivatives(&self, theta: &Col<f64>) -> (f64, Col<f64>, Mat<f64>) {
        let (scales, biases) = self.map(theta);
        let (classes, p) = (scales.len(), self.parameters());
        let (mut loss, mut gradient, mut hessian) = (0.0, Col::zeros(p), Mat::zeros(p, p));
        for (i, weight) in self.weights.iter().enumerate() {
            let (probabilities, target, own) = self.row(i, &scales, &biases);
            loss += weight * own;
            let score = |c: usize| self.scores[(i, c)];
            let slope: Vec<f64> = (0..classes).map(|c| weight * (probabilities[c] - target[c])).collect();
            let curvature = |c: usize, d: usize| {
                let diagonal = if c == d { probabilities[c] } else { 0.0 };
                weight * (diagonal - probabilities[c] * probabilities[d])
            };
            match self.calibrator {
                Calibrator::Temperature | Calibrator::BiasCorrected => {
                    let mean: f64 = (0..classes).map(|c| probabilities[c] * score(c)).sum();
                    gradient[0] += (0..classes).map(|c| slope[c] * score(c)).sum::<f64>();
                    hessian[(0, 0)] += (0..classes)
                        .map(|c| weight * probabilities[c] * (score(c) - mean).powi(2))
                        .sum::<f64>();
                    if p > 1 {
                        for c in 0..classes {
                            gradient[1 + c] += slope[c];
                            let with_scale = weight * probabilities[c] * (score(c) - mean);
                            hessian[(0, 1 + c)] += with_scale;
                            hessian[(1 + c, 0)] += with_scale;
                            (0..classes).for_each(|d| hessian[(1 + c, 1 + d)] += curvature(c, d));
                        }
                    }
                }
                Calibrator::Vector => {
                    for c in 0..classes {
                        gradient[c] += slope[c] * score(c);
                        gradient[classes + c] += slope[c];
                        for d in 0..classes {
                            let curvature = curvature(c, d);
                            hessian[(c, d)] += curvature * score(c) * score(d);
                            hessian[(c, classes + d)] += curvature * score(c);
                            hessian[(classes + c, d)] += curvature * score(d);
                            hessian[(classes + c, classes + d)] += curvature;
                        }
                    }
                }
            }
        }
        // A constant in all biases changes nothing: what rounding leaves of its slope is no step.
        let first = p.saturating_sub(classes);
        if p > 1 {
            let mean = (first..p).map(|at| gradient[at]).sum::<f64>() / classes as f64;
            (first..p).for_each(|at| gradient[at] -= mean);
        }
        (loss, gradient, hessian)
    }

    /// The best constant; for a factor for each class, the scores as they are.
    fn start(&self) -> Col<f64> {
        let classes = self.scores.ncols();
        let mut shares = vec![self.prior / classes as f64; classes];
        for (class, weight) in self.classes.iter().zip(&self.weights) {
            shares[*class] += (1.0 - self.prior) * weight;
        }
        let bias = |class: usize| shares[class].ln();
        match self.calibrator {
            Calibrator::Temperature => Col::zeros(1),
            Calibrator::BiasCorrected => {
                Col::from_fn(1 + classes, |at| if at == 0 { 0.0 } else { bias(at - 1) })
            }
            Calibrator::Vector => Col::from_fn(2 * classes, |at| if at < classes { 1.0 } else { 0.0 }),
        }
    }

    fn minimum(&self) -> Result<Col<f64>, AdaptError> {
        let p = self.parameters();
        let mut theta = self.start();
        // Along one factor the loss is convex: where it rises from 0, its minimum is not above 0.
        if self.calibrator != Calibrator::Vector && self.derivatives(&theta).1[0] >= 0.0 {
            return Err(AdaptError::Method(SAYS_NOTHING));
        }
        let mut gap = f64::INFINITY;
        for _ in 0..STEPS {
            let (loss, gradient, hessian) = self.derivatives(&theta);
            if loss < SEPARATED {
                return Err(AdaptError::Method(NO_MINIMUM));
            }
            let trace: f64 = (0..p).map(|at| hessian[(at, at)]).sum();
            if trace <= 0.0 {
                // Every probability is 0 or 1.
                return Err(AdaptError::Method(SAYS_NOTHING));
            }
            // More of it where rounding has the better of the curvature.
            let factor = (0..6).find_map(|grade| {
                let mut damped = hessian.clone();
                (0..p).for_each(|at| damped[(at, at)] += DAMPING * 100.0_f64.powi(grade) * trace);
                damped.llt(Side::Lower).ok()
            });
            let factor = factor.ok_or(AdaptError::Singular {
                what: "the curvature of the calibration",
                remedy: "hold out more rows, or take `prior_rows` above 0",
            })?;
            let step = factor.solve(&gradient);
            let slope: f64 = gradient.transpose() * &step;
            gap = 0.5 * slope;
            if gap <= GAP {
                break;
            }
            let next = (0..40)
                .map(|halved| 0.5_f64.powi(halved))
                .map(|share| (share, &theta - &step * faer::Scale(share)))
                .find(|(share, next)| self.loss(next) <= loss - 0.25 * slope * share);
            match next {
                Some((_, next)) => theta = next,
                None => break,
            }
        }
        if gap <= ENOUGH {
            Ok(theta)
        } else {
            Err(AdaptError::NotConverged { what: "calibration", iterations: STEPS })
        }
    }
}
