//! Points in few dimensions: those of the proofs, and random ones.

use kiln_optim::first_order::GradientDescent;
use kiln_optim::training::{
    BatchPerceptron, LinearSeparation, NormalizedLogistic, NormalizedPerceptron, Separation, separate,
    separate_observed,
};
use kiln_optim::{Every, Objective, Solver, Trace};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

use super::claims::{
    AT_LEAST, BATCH, FIRST_LOSS, LOGISTIC, NORMALIZED, PRINTED, SAME_DIRECTION, SAME_UPDATES,
    SOONER_AT_RANDOM, TWO_UPDATES,
};

const LIMIT: u64 = 1_000_000;

/// Runs from zero or from half the mean until the data are separated, which they must be.
fn solve<S: Solver<LinearSeparation>>(
    solver: &S,
    data: &LinearSeparation,
    start: Vec<f64>,
) -> Result<Separation<S::Memory>, ExperimentError> {
    let separation = separate(solver, data, start, LIMIT)?;
    if separation.separated { Ok(separation) } else { Err("the data were not separated".into()) }
}

pub(super) fn gradient_descent(step_size: f64) -> GradientDescent {
    GradientDescent { step_size: step_size.into() }
}

/// Claim L1 on one data set.
fn compare_with_perceptron(recorder: &mut Recorder, data: &LinearSeparation) -> Result<(), ExperimentError> {
    let dimension = data.half_mean().len();
    let logistic = solve(&gradient_descent(1e8), data, vec![0.0; dimension])?;
    let perceptron = solve(&BatchPerceptron, data, data.half_mean())?;
    let difference = logistic.state.iteration.abs_diff(perceptron.state.iteration + 1);
    recorder.observe(&SAME_UPDATES, [difference as f64]);
    let direction = |mut theta: Vec<f64>| -> Result<Vec<f64>, ExperimentError> {
        theta.scale(theta.norm()?.recip());
        Ok(theta)
    };
    let distance = direction(logistic.state.iterate)?.sub(&direction(perceptron.state.iterate)?)?.norm()?;
    recorder.observe(&SAME_DIRECTION, [distance]);
    Ok(())
}

/// Points on the unit sphere at a distance of at least `margin` from a random plane, and the plane's normal
/// vector.
fn random_points(
    n: usize,
    dimension: usize,
    margin: f64,
    seed: u64,
) -> Result<(LinearSeparation, Vec<f64>), ExperimentError> {
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let unit = |index: u64| -> Result<Vec<f64>, ExperimentError> {
        let mut x = vec![0.0; dimension];
        noise.fill(index, 0, &mut x);
        x.scale(x.norm()?.recip());
        Ok(x)
    };
    let normal = unit(0)?;
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for index in 1.. {
        let point = unit(index)?;
        let distance = point.dot(&normal)?;
        if distance.abs() >= margin {
            points.push(point);
            labels.push(distance.signum());
        }
        if points.len() == n {
            break;
        }
    }
    Ok((LinearSeparation::new(&points, &labels)?, normal))
}

pub(super) fn random_data(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const STEP_SIZES: [f64; 4] = [1.0, 10.0, 100.0, 1e3];
    let mut table = Table::new(
        "random-data",
        "Updates until separation on random data",
        "200 points on the unit sphere of 20 dimensions, margin at least 0.02; one row for each seed. GD is gradient \
         descent on the logistic loss. The bound is R²/μ² with the largest margin found.",
        &[
            "margin",
            "GD, γ = 1",
            "γ = 10",
            "γ = 100",
            "γ = 1000",
            "batch perceptron",
            "normalized perceptron",
            "bound",
        ],
    );
    for seed in context.seeds(10) {
        let (data, normal) = random_points(200, 20, 0.02, seed)?;
        compare_with_perceptron(recorder, &data)?;
        let mut margin = data.margin(&normal)?;
        let mut updates = Vec::new();
        for step_size in STEP_SIZES {
            let state = solve(&gradient_descent(step_size), &data, vec![0.0; 20])?.state;
            margin = margin.max(data.margin(&state.iterate)?);
            updates.push(state.iteration as f64);
        }
        recorder.observe(&SOONER_AT_RANDOM, [updates.iter().rev().map(|n| n.log10()).collect::<Vec<_>>()]);
        let batch = solve(&BatchPerceptron, &data, vec![0.0; 20])?.state;
        let normalized = solve(&NormalizedPerceptron, &data, vec![0.0; 20])?.state;
        margin = margin.max(data.margin(&batch.iterate)?).max(data.margin(&normalized.iterate)?);
        let bound = (data.radius() / margin).powi(2);
        recorder.observe(&NORMALIZED, [normalized.iteration as f64 / bound]);
        recorder.observe(&BATCH, [batch.iteration as f64 / (200.0 * bound)]);
        let perceptrons = [batch.iteration as f64, normalized.iteration as f64, bound];
        table.row([margin].into_iter().chain(updates).chain(perceptrons).map(Number));
    }
    recorder.table(table);
    Ok(())
}

/// Of the data of Theorem 5.1: the largest margin `μ`, and `R²/μ²`.
const MARGIN: f64 = 0.5;
const BOUND: f64 = 5.0;

/// The data of Theorem 5.1 after their labels: n − 1 points (0.5, 1) and one (0.5, −1).
fn worst_points(n: usize) -> Result<LinearSeparation, ExperimentError> {
    let mut points = vec![vec![0.5, 1.0]; n - 1];
    points.push(vec![0.5, -1.0]);
    Ok(LinearSeparation::new(&points, &vec![1.0; n])?)
}

/// The data of the proofs of Theorems 4.1 and 5.1.
pub(super) fn worst_case(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let data = LinearSeparation::new(&[vec![1.0, -1.0], vec![-1.0, -4.0]], &[1.0, -1.0])?;
    for step_size in [10.0, 100.0, 1e3] {
        let losses = losses(&data, step_size)?;
        recorder.observe(&TWO_UPDATES, [(losses.len() - 1) as f64]);
        recorder.observe(&FIRST_LOSS, losses.get(1).map(|first| first / (step_size / 8.0)));
    }

    let mut table = Table::new(
        "table-1",
        "Updates until separation on the worst-case data",
        "One point (0.5, −1) and n − 1 points (0.5, 1) after their labels; R²/μ² = 5. The batch perceptron starts from \
         half the mean. The paper's Table 1 has the last five columns with n = 1000.",
        &[
            "n",
            "batch perceptron",
            "normalized perceptron",
            "GD, γ = 100",
            "normalized GD, γ = 100",
            "γ = 10",
            "γ = 1",
            "γ = 0.1",
        ],
    );
    let mut rows = Vec::new();
    for &n in context.pick(&[10, 100, 1000][..], &[10, 100, 1000, 10_000]) {
        let data = worst_points(n)?;
        if n <= 1000 {
            compare_with_perceptron(recorder, &data)?;
        }
        let batch = 1.0 + solve(&BatchPerceptron, &data, data.half_mean())?.state.iteration as f64;
        recorder.observe(&AT_LEAST, [batch / n as f64]);
        recorder.observe(&BATCH, [batch / (n as f64 * BOUND)]);
        let normalized = solve(&NormalizedPerceptron, &data, vec![0.0; 2])?.state.iteration as f64;
        recorder.observe(&NORMALIZED, [normalized / BOUND]);
        let mut updates = vec![solve(&gradient_descent(100.0), &data, vec![0.0; 2])?.state.iteration as f64];
        for step_size in [100.0, 10.0, 1.0, 0.1] {
            let solver = NormalizedLogistic { step_size: step_size.into() };
            let found = solve(&solver, &data, vec![0.0; 2])?.state.iteration as f64;
            let bound = BOUND + 2.0 * (2.0 * n as f64 - 1.0).ln() / (step_size * MARGIN.powi(2));
            recorder.observe(&LOGISTIC, [found / bound]);
            updates.push(found);
        }
        if n == 1000 {
            let printed = [308.0, 2.0, 2.0, 16.0, 157.0];
            recorder.observe(&PRINTED, updates.iter().zip(printed).map(|(found, printed)| found - printed));
        }
        let row: Vec<_> = [n as f64, batch, normalized].into_iter().chain(updates).collect();
        table.row(row.iter().copied().map(Number));
        rows.push(row);
    }
    recorder.table(table);
    let column = |i: usize| rows.iter().map(move |row| (row[0], row[i]));
    recorder.figure(
        Figure::new(
            "updates",
            "Normalization takes the number of points out of the number of updates",
            "Updates until separation against the number of points of Theorem 5.1.",
            Axis::log("number of points n"),
            Axis::log("updates"),
        )
        .with(Kind::LinePoints, "batch perceptron", 0, column(1))
        .with(Kind::LinePoints, "normalized perceptron", 1, column(2))
        .with(Kind::LinePoints, "normalized gradient descent, γ = 1", 2, column(6))
        .with(Kind::Dashed, "R²/μ²", 6, rows.iter().map(|row| (row[0], BOUND))),
    );
    Ok(())
}

/// The loss after every update until the points are separated.
pub(super) fn losses(data: &LinearSeparation, step_size: f64) -> Result<Vec<f64>, ExperimentError> {
    let mut trace =
        Trace::new(Every::Iterations(1), |data: &LinearSeparation, theta: &Vec<f64>| data.value(theta));
    let zero = vec![0.0; data.half_mean().len()];
    if !separate_observed(&gradient_descent(step_size), data, zero, LIMIT, &mut trace)?.separated {
        return Err("the data were not separated".into());
    }
    Ok(trace.points().iter().map(|point| point.value).collect())
}
