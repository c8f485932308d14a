//! Weighted multinomial logistic regression with a ridge, by [`kiln_linear`].
//!
//! ```text
//! min over W, b of   Σᵢ vᵢ (log Σ_c exp s_ic − s_iyᵢ) + ½ ρ ‖W‖²,   s = X W + b,   Σ v = 1
//! ```
//!
//! The intercepts are free. Two classes have one column of scores, that of class 1, against 0. The solver
//! stops by the duality gap relative to the loss of the best constant answer, so neither the unit of the
//! features nor the size of the weights decides when.
//!
//! A class without weight has no best intercept, which would be minus infinity. Its score is the mean of the
//! other classes' less [`ABSENT`]: it is nowhere predicted, and has a probability of at most `e^−40`.

use faer::Mat;
use kiln_linear::{
    ClassLabel, DataRows, DenseRows, FitStatus, FitWith, LinearClassifier, LinearDataError, LinearPenalty,
    LinearSolver,
};

use crate::AdaptError;
use crate::linear::LinearModel;

/// Relative duality gap that is asked for.
const TOLERANCE: f64 = 1e-12;
/// Relative duality gap with which a fit is taken where rounding hides any further descent. Without a ridge
/// the gap is a bound within a radius, far above the truth.
const ENOUGH: f64 = 1e-6;
/// The same as a mean loss in nats, which has no unit: where a class has nearly no weight, the best constant
/// has nearly no loss to measure a gap by.
const NATS: f64 = 1e-9;
/// Up to so many columns Newton's method gets to the rounding error in a step or two more.
const FEW: usize = 300;
/// Relative duality gap that is asked for then.
const TO_ROUNDING: f64 = 1e-16;
/// How far the score of a class without weight is below the mean of the others.
const ABSENT: f64 = 40.0;

/// The fit of the rows of `x`, whose classes are below `count`. `weights` are at least 0, and not all 0.
pub(crate) fn logistic(
    x: &Mat<f64>,
    classes: &[usize],
    count: usize,
    weights: &[f64],
    ridge: f64,
) -> Result<LinearModel, AdaptError> {
    let mut totals = vec![0.0; count];
    classes.iter().zip(weights).for_each(|(class, weight)| totals[*class] += weight);
    let present: Vec<usize> = (0..count).filter(|class| totals[*class] > 0.0).collect();
    let mut coefficients = Mat::zeros(x.ncols(), count);
    let mut intercepts = vec![0.0; count];
    if x.ncols() == 0 || present.len() < 2 {
        // Nothing but the shares of the classes.
        let total: f64 = totals.iter().sum();
        for &class in &present {
            intercepts[class] = (totals[class] / total).ln();
        }
    } else {
        let values = x.row_iter().flat_map(|row| row.iter().copied()).collect();
        let rows: DataRows = DenseRows::new(x.ncols(), values).map_err(solver_error)?.into();
        let labels: Vec<ClassLabel> = classes.iter().map(|class| ClassLabel::from(*class)).collect();
        let penalty = LinearPenalty::ridge(ridge).on_columns_as_given();
        let (tolerance, solver) = if x.ncols() <= FEW {
            (TO_ROUNDING, LinearSolver::Newton)
        } else {
            (TOLERANCE, LinearSolver::Automatic)
        };
        let solver = LinearClassifier { tolerance, solver, ..LinearClassifier::new(penalty) };
        let with = FitWith { weights: Some(weights), ..FitWith::default() };
        let fit = solver.fit_with(&rows, &labels, with).map_err(solver_error)?;
        let gap = fit.certificate;
        let near = fit.status == FitStatus::Converged || gap.relative <= ENOUGH || gap.gap <= NATS;
        if !near {
            let iterations = usize::try_from(fit.work.steps).unwrap_or(usize::MAX);
            return Err(AdaptError::NotConverged { what: "logistic regression", iterations });
        }
        let (found, constants) = (fit.model.weights(), fit.model.intercepts());
        for (at, &class) in present.iter().enumerate() {
            // One output speaks for the second of two classes; each gets half of it.
            let (output, factor) = match (found.len(), at) {
                (1, 0) => (0, -0.5),
                (1, _) => (0, 0.5),
                _ => (at, 1.0),
            };
            for (j, w) in found[output].iter().enumerate() {
                coefficients[(j, class)] = factor * w;
            }
            intercepts[class] = factor * constants[output];
        }
    }
    let share = 1.0 / present.len() as f64;
    for class in (0..count).filter(|class| totals[*class] <= 0.0) {
        for j in 0..x.ncols() {
            coefficients[(j, class)] = present.iter().map(|&other| coefficients[(j, other)] * share).sum();
        }
        intercepts[class] = present.iter().map(|&other| intercepts[other] * share).sum::<f64>() - ABSENT;
    }
    LinearModel::new(coefficients, intercepts)
}

pub(crate) fn solver_error(error: LinearDataError) -> AdaptError {
    match error {
        LinearDataError::Input(error) => AdaptError::Input(error),
        error => AdaptError::Linear(error),
    }
}
