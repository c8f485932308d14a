//! Points in few dimensions: those of the proofs, a hard data set, random ones.

use kiln_optim::first_order::GradientDescent;
use kiln_optim::training::{
    BatchPerceptron, LinearSeparation, NormalizedLogistic, NormalizedPerceptron, Separation, separate,
};
use kiln_optim::{Every, Objective, Solver, Trace};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

use super::claims::{
    AT_LEAST, BATCH, FIRST_LOSS, LOGISTIC, NORMALIZED, PRINTED, REFERENCE_LOSS, REFERENCE_UPDATES,
    SAME_DIRECTION, SAME_UPDATES, SOONER_AT_RANDOM, TWO_UPDATES,
};

const LIMIT: u64 = 1_000_000;

/// Runs from zero or from half the mean until the data are separated, which they must be.
fn solve<S: Solver<LinearSeparation>>(
    solver: &S,
    data: &LinearSeparation,
    start: Vec<f64>,
) -> Result<Separation<S::Memory>, ExperimentError> {
    let separation = separate(solver, data, start, LIMIT, &mut ())?;
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

fn hard_points(n: usize) -> Result<LinearSeparation, ExperimentError> {
    let mut points = vec![vec![1.0, 0.1]; n - 1];
    points.push(vec![-0.9, 0.4]);
    Ok(LinearSeparation::new(&points, &vec![1.0; n])?)
}

/// The largest margin of points in the plane, by trying angles.
fn largest_margin(data: &LinearSeparation) -> Result<f64, ExperimentError> {
    let mut largest = f64::NEG_INFINITY;
    for i in 0..100_000 {
        let (sine, cosine) = (std::f64::consts::TAU * f64::from(i) / 1e5).sin_cos();
        largest = largest.max(data.margin(&[cosine, sine])?);
    }
    Ok(largest)
}

pub(super) fn hard_data(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    reference(recorder)?;
    let mut table = Table::new(
        "hard-data",
        "Updates until separation on the hard data",
        "n - 1 points (1, 0.1) and one (-0.9, 0.4). The bound is R²/μ²; the batch perceptron's is n times that.",
        &[
            "n",
            "batch perceptron",
            "normalized perceptron",
            "normalized GD, γ = 1",
            "normalized GD, γ = 10",
            "bound",
        ],
    );
    let mut counts = Vec::new();
    // Repeating a point does not change the margin.
    let margin = largest_margin(&hard_points(2)?)?;
    for &n in context.pick(&[10, 100, 1000][..], &[10, 100, 1000, 10_000]) {
        let data = hard_points(n)?;
        if n <= 1000 {
            compare_with_perceptron(recorder, &data)?;
        }
        let bound = (data.radius() / margin).powi(2);
        let zero = vec![0.0, 0.0];
        let batch = solve(&BatchPerceptron, &data, zero.clone())?.state.iteration as f64;
        let normalized = solve(&NormalizedPerceptron, &data, zero.clone())?.state.iteration as f64;
        recorder.observe(&NORMALIZED, [normalized / bound]);
        recorder.observe(&BATCH, [batch / (n as f64 * bound)]);
        let mut logistic = |step_size| normalized_logistic(recorder, &data, n, step_size, margin);
        let row = [n as f64, batch, normalized, logistic(1.0)?, logistic(10.0)?, bound];
        table.row(row.map(Number));
        counts.push(row);
    }
    recorder.table(table);
    let column = |i: usize| counts.iter().map(move |row| (row[0], row[i]));
    recorder.figure(
        Figure::new(
            "updates",
            "Normalization takes the number of points out of the number of updates",
            "Updates until separation against the number of points of the hard data.",
            Axis::log("number of points n"),
            Axis::log("updates"),
        )
        .with(Kind::LinePoints, "batch perceptron", 0, column(1))
        .with(Kind::LinePoints, "normalized perceptron", 1, column(2))
        .with(Kind::LinePoints, "normalized gradient descent, γ = 1", 2, column(3))
        .with(Kind::Dashed, "R²/μ²", 6, column(5)),
    );
    Ok(())
}

/// Updates of normalized gradient descent, held against the bound of Theorem 6.1.
fn normalized_logistic(
    recorder: &mut Recorder,
    data: &LinearSeparation,
    n: usize,
    step_size: f64,
    margin: f64,
) -> Result<f64, ExperimentError> {
    let solver = NormalizedLogistic { step_size: step_size.into() };
    let updates = solve(&solver, data, vec![0.0; 2])?.state.iteration as f64;
    let bound = (data.radius().powi(2) + 2.0 * (2.0 * n as f64 - 1.0).ln() / step_size) / margin.powi(2);
    recorder.observe(&LOGISTIC, [updates / bound]);
    Ok(updates)
}

/// The loss after every update until the points are separated.
pub(super) fn losses(data: &LinearSeparation, step_size: f64) -> Result<Vec<f64>, ExperimentError> {
    let mut trace =
        Trace::new(Every::Iterations(1), |data: &LinearSeparation, theta: &Vec<f64>| data.value(theta));
    let zero = vec![0.0; data.half_mean().len()];
    if !separate(&gradient_descent(step_size), data, zero, LIMIT, &mut trace)?.separated {
        return Err("the data were not separated".into());
    }
    Ok(trace.points().iter().map(|point| point.value).collect())
}

/// Claim L3-hard.
fn reference(recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let data = hard_points(100)?;
    let mut figure = Figure::new(
        "loss",
        "A higher loss, and yet a faster separation",
        "Mean logistic loss of gradient descent against updates on the hard data, n = 100. Each curve ends when the \
         points are separated, or below 1e-3.",
        Axis::log("updates"),
        Axis::log("loss"),
    );
    let mut table = Table::new(
        "losses",
        "Step size, largest loss and updates on the hard data",
        "Gradient descent on the logistic loss, n = 100.",
        &["γ", "largest loss", "updates"],
    );
    let references = [None, Some((0.69, 46.0)), Some((4.2, 45.0)), Some((42.0, 45.0))];
    for (colour, (step_size, reference)) in [1.0, 100.0, 1e3, 1e4].into_iter().zip(references).enumerate() {
        let losses = losses(&data, step_size)?;
        let largest = losses.iter().copied().fold(0.0, f64::max);
        let updates = (losses.len() - 1) as f64;
        table.row([step_size, largest, updates].map(Number));
        if let Some((loss, count)) = reference {
            recorder.observe(&REFERENCE_LOSS, [f64::abs(largest / loss - 1.0)]);
            recorder.observe(&REFERENCE_UPDATES, [f64::abs(updates - count)]);
        }
        // The last loss of a large step is so small that it would hide all others.
        let shown = losses.into_iter().enumerate().filter(|(_, loss)| *loss >= 1e-3);
        let points = shown.map(|(update, loss)| (update as f64, loss));
        figure = figure.with(Kind::Line, &format!("γ = {step_size}"), colour, points);
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}

/// The data of the proofs of Theorems 4.1 and 5.1.
pub(super) fn proofs(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let data = LinearSeparation::new(&[vec![1.0, -1.0], vec![-1.0, -4.0]], &[1.0, -1.0])?;
    for step_size in [10.0, 100.0, 1e3] {
        let losses = losses(&data, step_size)?;
        recorder.observe(&TWO_UPDATES, [(losses.len() - 1) as f64]);
        recorder.observe(&FIRST_LOSS, losses.get(1).map(|first| first / losses[0]));
    }

    let mut table = Table::new(
        "table-1",
        "Updates until separation on the worst-case data set",
        "One point (0.5, −1) and n − 1 points (0.5, 1) after their labels, as in Theorem 5.1; R²/μ² = 5. The perceptron \
         starts from half the mean. The paper's Table 1 has n = 1000.",
        &["n", "batch perceptron", "GD, γ = 100", "normalized GD, γ = 100", "10", "1", "0.1"],
    );
    for &n in context.pick(&[10, 100, 1000][..], &[10, 100, 1000, 10_000]) {
        let mut points = vec![vec![0.5, 1.0]; n - 1];
        points.push(vec![0.5, -1.0]);
        let data = LinearSeparation::new(&points, &vec![1.0; n])?;
        let batch = 1 + solve(&BatchPerceptron, &data, data.half_mean())?.state.iteration;
        recorder.observe(&AT_LEAST, [batch as f64 / n as f64]);
        recorder.observe(&BATCH, [batch as f64 / (5.0 * n as f64)]);
        let normalized = solve(&NormalizedPerceptron, &data, vec![0.0; 2])?.state.iteration;
        recorder.observe(&NORMALIZED, [normalized as f64 / 5.0]);
        let mut updates = vec![solve(&gradient_descent(100.0), &data, vec![0.0; 2])?.state.iteration as f64];
        for step_size in [100.0, 10.0, 1.0, 0.1] {
            updates.push(normalized_logistic(recorder, &data, n, step_size, 0.5)?);
        }
        if n == 1000 {
            let printed = [308.0, 2.0, 2.0, 16.0, 157.0];
            recorder.observe(&PRINTED, updates.iter().zip(printed).map(|(found, printed)| found - printed));
        }
        table.row([n as f64, batch as f64].into_iter().chain(updates).map(Number));
    }
    recorder.table(table);
    Ok(())
}
