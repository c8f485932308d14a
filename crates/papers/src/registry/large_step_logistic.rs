//! Tyurin, "From logistic regression to the perceptron algorithm: exploring gradient descent with large step
//! sizes", 2024.

use kiln_optim::first_order::GradientDescent;
use kiln_optim::training::{
    BatchPerceptron, LinearSeparation, NormalizedLogistic, NormalizedPerceptron, Separation, separate,
};
use kiln_optim::{Every, Objective, Solver, Trace};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

pub(super) const PAPER: Paper = Paper {
    id: "large-step-logistic",
    title: "From logistic regression to the perceptron algorithm: exploring gradient descent with large step sizes",
    citation: "Alexander Tyurin. 2024",
    url: "https://arxiv.org/abs/2412.08424",
    domain: "optim",
    claims: &[
        Claim {
            id: "L1",
            place: "abstract",
            says: "As the step size grows without bound, gradient descent on the logistic loss becomes the \
                batch perceptron.",
            test: "γ = 1e8 against the batch perceptron that starts from half the mean of the zᵢ, which counts as an \
                   update since gradient descent makes it. Random data (200 points on the unit sphere of 20 \
                   dimensions, margin at least 0.02) and the hard data (n - 1 points (1, 0.1), one (-0.9, 0.4); \
                   n = 10, 100, 1000): updates until all points are separated, and the distance of the directions.",
            checks: &[
                Check::new("difference of the numbers of updates", Statistic::Max, Threshold::AtMost(0.0)),
                Check::new("distance of the directions", Statistic::Max, Threshold::AtMost(1e-9)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "L2",
            place: "experiments",
            says: "Larger steps separate the data sooner.",
            test: "Random data, γ = 1, 10, 100, 1000: increase of the number of updates from one γ to the \
                next, and the ratio of the numbers at γ = 1 and 10.",
            checks: &[
                Check::new("increase of the updates, next γ", Statistic::Max, Threshold::AtMost(0.0)),
                Check::new("updates at γ = 1 over those at γ = 10", Statistic::Min, Threshold::AtLeast(5.0)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "L3",
            place: "experiments",
            says: "Larger steps can mean a higher loss and yet a faster separation: the loss is the wrong \
                thing to watch.",
            test: "Hard data, n = 100, γ = 100, 1e3, 1e4: largest loss against 0.69, 4.2, 42 and updates \
                against 46, 45, 45, which an independent program found; largest loss and updates at 1e4 against γ = 1.",
            checks: &[
                Check::new("relative error of the largest loss", Statistic::Max, Threshold::AtMost(0.05)),
                Check::new("relative error of the updates", Statistic::Max, Threshold::AtMost(0.05)),
                Check::new("largest loss, γ = 1e4 over γ = 1", Statistic::Min, Threshold::Above(1.0)),
                Check::new("updates, γ = 1e4 over γ = 1", Statistic::Max, Threshold::Below(1.0)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "L4",
            place: "section on normalization",
            says: "The batch perceptron needs up to nR²/μ² updates, the normalized one R²/μ²: the n is real, and \
                   normalization removes it.",
            test: "Updates over the bound, with the largest margin known: on the random data that of the planted plane \
                   or of a plane found, on the hard data (n = 10, 100, 1000, at full scale also 10000) that \
                   of the best of 1e5 angles. Updates of the batch perceptron over those of the normalized \
                   at n = 1000.",
            checks: &[
                Check::new("normalized, updates over the bound", Statistic::Max, Threshold::AtMost(1.0)),
                Check::new("batch, updates over the bound", Statistic::Max, Threshold::AtMost(1.0)),
                Check::new("batch over normalized, n = 1000", Statistic::Min, Threshold::AtLeast(100.0)),
            ],
            needs: &[],
            known_finding: None,
        },
    ],
    experiments: &[
        Experiment { id: "random-data", claims: &["L1", "L2", "L4"], run: random_data },
        Experiment { id: "hard-data", claims: &["L1", "L3", "L4"], run: hard_data },
    ],
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

fn gradient_descent(step_size: f64) -> GradientDescent {
    GradientDescent { step_size: step_size.into() }
}

/// Claim L1 on one data set.
fn compare_with_perceptron(recorder: &mut Recorder, data: &LinearSeparation) -> Result<(), ExperimentError> {
    let dimension = data.half_mean().len();
    let logistic = solve(&gradient_descent(1e8), data, vec![0.0; dimension])?;
    let perceptron = solve(&BatchPerceptron, data, data.half_mean())?;
    let difference = logistic.state.iteration.abs_diff(perceptron.state.iteration + 1);
    recorder.record("L1", "difference of the numbers of updates", [difference as f64]);
    let direction = |mut theta: Vec<f64>| -> Result<Vec<f64>, ExperimentError> {
        theta.scale(theta.norm()?.recip());
        Ok(theta)
    };
    let distance = direction(logistic.state.iterate)?.sub(&direction(perceptron.state.iterate)?)?.norm()?;
    recorder.record("L1", "distance of the directions", [distance]);
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

fn random_data(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
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
        let increases = updates.windows(2).map(|pair| pair[1] - pair[0]);
        recorder.record("L2", "increase of the updates, next γ", increases);
        recorder.record("L2", "updates at γ = 1 over those at γ = 10", [updates[0] / updates[1]]);
        let batch = solve(&BatchPerceptron, &data, vec![0.0; 20])?.state;
        let normalized = solve(&NormalizedPerceptron, &data, vec![0.0; 20])?.state;
        margin = margin.max(data.margin(&batch.iterate)?).max(data.margin(&normalized.iterate)?);
        let bound = (data.radius() / margin).powi(2);
        recorder.record("L4", "normalized, updates over the bound", [normalized.iteration as f64 / bound]);
        recorder.record("L4", "batch, updates over the bound", [batch.iteration as f64 / (200.0 * bound)]);
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

fn hard_data(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    losses(recorder)?;
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
        recorder.record("L4", "normalized, updates over the bound", [normalized / bound]);
        recorder.record("L4", "batch, updates over the bound", [batch / (n as f64 * bound)]);
        if n == 1000 {
            recorder.record("L4", "batch over normalized, n = 1000", [batch / normalized]);
        }
        let logistic = |step_size: f64| -> Result<f64, ExperimentError> {
            let solver = NormalizedLogistic { step_size: step_size.into() };
            Ok(solve(&solver, &data, zero.clone())?.state.iteration as f64)
        };
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

/// Claim L3.
fn losses(recorder: &mut Recorder) -> Result<(), ExperimentError> {
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
    let mut results = Vec::new();
    for (colour, step_size) in [1.0, 100.0, 1e3, 1e4].into_iter().enumerate() {
        let mut trace =
            Trace::new(Every::Iterations(1), |data: &LinearSeparation, theta: &Vec<f64>| data.value(theta));
        let solver = gradient_descent(step_size);
        let separation = separate(&solver, &data, vec![0.0, 0.0], LIMIT, &mut trace)?;
        let largest = trace.points().iter().map(|point| point.value).fold(0.0, f64::max);
        let updates = separation.state.iteration as f64;
        results.push((largest, updates));
        table.row([step_size, largest, updates].map(Number));
        // The last loss of a large step is so small that it would hide all others.
        let shown = trace.points().iter().filter(|point| point.value >= 1e-3);
        let points = shown.map(|point| (point.iteration as f64, point.value));
        figure = figure.with(Kind::Line, &format!("γ = {step_size}"), colour, points);
    }
    recorder.table(table);
    recorder.figure(figure);
    for ((largest, updates), (loss, count)) in
        results[1..].iter().zip([(0.69, 46.0), (4.2, 45.0), (42.0, 45.0)])
    {
        recorder.record("L3", "relative error of the largest loss", [(largest / loss - 1.0).abs()]);
        recorder.record("L3", "relative error of the updates", [(updates / count - 1.0_f64).abs()]);
    }
    recorder.record("L3", "largest loss, γ = 1e4 over γ = 1", [results[3].0 / results[0].0]);
    recorder.record("L3", "updates, γ = 1e4 over γ = 1", [results[3].1 / results[0].1]);
    Ok(())
}
