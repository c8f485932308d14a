//! Alternating minimization and descent on three problems.

use faer::{Mat, Side};
use kiln_optim::alternating::{AlternatingDescent, AlternatingMinimization, ExactBlocks, TwoBlocks};
use kiln_optim::first_order::GradientDescent;
use kiln_optim::problems::{CoupledQuadratic, LowRankPlusSparse, MultitaskRegression, spectral_radius};
use kiln_optim::{Every, Objective, Operator, OptimError, Solver, Stop, Trace, run};
use kiln_receipts::statistics::median;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Table};
use kiln_tensor::prox::{ConstraintSet, L1Ball, LowRank, SparseVectors};
use kiln_tensor::{Distribution, Noise, Vector};
use serde::{Deserialize, Serialize};

use super::claims::{BEATS_JOINT, CLOSED_FORM, CONTRACTION, ERROR, NO_INCREASE, REACHED};

type Pair = (Vec<f64>, Vec<f64>);

/// A number of the iterate at the start and after every step, and the last iterate.
fn trace<P, S>(
    solver: &S,
    problem: &P,
    start: P::Point,
    steps: u64,
    measure: impl FnMut(&P, &P::Point) -> Result<f64, OptimError>,
) -> Result<(Vec<f64>, P::Point), ExperimentError>
where
    P: Operator,
    P::Point: Send + Sync + std::fmt::Debug + 'static,
    S: Solver<P>,
{
    let mut trace = Trace::new(Every::Iterations(1), measure);
    let solution = run(solver, problem, start, &Stop::after(steps), &mut trace)?;
    Ok((trace.points().iter().map(|point| point.value).collect(), solution.state.iterate))
}

fn squared_distance<V: Vector>(z: &V, target: &V) -> Result<f64, OptimError> {
    let difference = z.sub(target)?;
    Ok(difference.dot(&difference)?)
}

/// How much the logarithm falls in a step, between a tenth and 1e-8 of the first value.
fn slope(errors: &[f64]) -> f64 {
    let first = |factor: f64| errors.iter().position(|e| *e <= factor * errors[0]);
    match (first(1e-1), first(1e-8)) {
        (Some(begin), Some(end)) if end > begin => (errors[begin] / errors[end]).ln() / (end - begin) as f64,
        _ => f64::NAN,
    }
}

fn points(values: &[f64]) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(step, value)| (step as f64, *value)).collect()
}

/// The largest factor of `L − min L` in a sweep that shrinks the distance to each block's minimizer by
/// `shrink`, `cosine` between the blocks, all in the norm `√(L − min L)`.
///
/// A unit error has a part `sin θ` in the first block, which shrinks, and a rest `cos θ`. The second block holds at
/// least `√(1 − cosine²)` of the rest, less `cosine` of the other part, and shrinks that.
fn bound(shrink: [f64; 2], cosine: f64) -> f64 {
    let sine = (1.0 - cosine * cosine).sqrt();
    let after = |i: u32| {
        let (part, rest) = (f64::from(i) / 10_000.0 * std::f64::consts::FRAC_PI_2).sin_cos();
        let part = shrink[0] * part;
        let seen = (sine * rest - cosine * part).max(0.0);
        part * part + rest * rest - (1.0 - shrink[1] * shrink[1]) * seen * seen
    };
    (0..=10_000).map(after).fold(0.0, f64::max)
}

fn factors(values: &[f64]) -> impl Iterator<Item = f64> {
    values.windows(2).map(|pair| pair[1] / pair[0])
}

const SIZE: usize = 60;
const RANK: usize = 3;
const ENTRIES: usize = SIZE * SIZE / 20;
const LOW_RANK: LowRank = LowRank { rank: RANK, rows: SIZE, columns: SIZE };

/// Squared errors of three methods on one problem, and `L` of the second.
#[derive(Serialize, Deserialize)]
struct Split {
    exact: Vec<f64>,
    descent: Vec<f64>,
    joint: Vec<f64>,
    loss_of_descent: Vec<f64>,
}

fn split<S: ConstraintSet<Vec<f64>>>(
    truth: &Pair,
    sparse: S,
    noise: f64,
    seed: u64,
) -> Result<Split, ExperimentError> {
    let mut observed = vec![0.0; SIZE * SIZE];
    Noise { seed, distribution: Distribution::Gaussian }.fill(9, 0, &mut observed);
    observed.scale(noise);
    observed.axpy(1.0, &truth.0)?;
    observed.axpy(1.0, &truth.1)?;
    let problem = LowRankPlusSparse::new(observed, LOW_RANK, sparse)?;
    let zero = (vec![0.0; SIZE * SIZE], vec![0.0; SIZE * SIZE]);
    let error = |_: &_, z: &Pair| squared_distance(z, truth);
    let mut loss_of_descent = Vec::new();
    let error_and_loss = |problem: &LowRankPlusSparse<S>, z: &Pair| {
        let excess = problem.gradient_x(&z.0, &z.1)?;
        loss_of_descent.push(excess.dot(&excess)? / 2.0);
        squared_distance(z, truth)
    };
    let descent = AlternatingDescent { inner_steps: 1, relative_step: 0.5 };
    let joint = GradientDescent { step_size: 0.5.into() };
    Ok(Split {
        exact: trace(&AlternatingMinimization, &problem, zero.clone(), 30, error)?.0,
        descent: trace(&descent, &problem, zero.clone(), 60, error_and_loss)?.0,
        joint: trace(&joint, &problem, zero, 60, error)?.0,
        loss_of_descent,
    })
}

/// The cosine between the tangent spaces of the sets at the truth, by power iteration: the sparse matrices with the
/// truth's places, and `M` with `(I − UUᵀ) M (I − VVᵀ) = 0`, where `U` and `V` hold the singular vectors.
fn cosine((low_rank, sparse): &Pair) -> Result<f64, ExperimentError> {
    let matrix = |values: &[f64]| Mat::from_fn(SIZE, SIZE, |i, j| values[i * SIZE + j]);
    let svd = matrix(low_rank).thin_svd().map_err(|e| format!("singular vectors: {e:?}"))?;
    let outside = |vectors: faer::MatRef<'_, f64>| {
        let first = vectors.subcols(0, RANK);
        Mat::<f64>::identity(SIZE, SIZE) - first * first.transpose()
    };
    let (left, right) = (outside(svd.U()), outside(svd.V()));
    let mut place = sparse.clone();
    let mut square = 0.0;
    for _ in 0..500 {
        let length = place.norm()?;
        place.scale(1.0 / length);
        let normal = &left * matrix(&place) * &right;
        let mut next = place.clone();
        for (at, value) in next.iter_mut().enumerate() {
            *value = if sparse[at] == 0.0 { 0.0 } else { *value - normal[(at / SIZE, at % SIZE)] };
        }
        square = next.dot(&place)?;
        place = next;
    }
    Ok(square.sqrt())
}

pub(super) fn low_rank_plus_sparse(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 10));
    let truth = |seed| LowRankPlusSparse::truth(SIZE, RANK, ENTRIES, seed);
    let arm = |name: &str, ball: &'static str, noise: f64| {
        Arm::new(name, &(ball, noise), move |seed| {
            let truth = truth(seed);
            if ball == "l0" {
                split(&truth, SparseVectors { nonzeros: ENTRIES }, noise, seed)
            } else {
                let radius = truth.1.iter().map(|y| y.abs()).sum();
                split(&truth, L1Ball { radius }, noise, seed)
            }
        })
    };
    let runs = recorder.sweep(
        &seeds,
        [
            arm("ℓ₀ ball, noise 0", "l0", 0.0),
            arm("ℓ₁ ball, noise 0", "l1", 0.0),
            arm("ℓ₀ ball, noise 0.1", "l0", 0.1),
            arm("ℓ₁ ball, noise 0.1", "l1", 0.1),
        ],
    )?;
    let mut table = Table::new(
        "errors",
        "Squared errors of low rank + sparse, 60 x 60",
        "The sets have the true rank, number of entries or radius. Medians over the problems. Factor: of the squared \
         error from sweep to sweep, mean of sweeps 10 to 20.",
        &["sparse set", "AM at 30", "factor", "descent at 60", "joint at 60"],
    );
    for (arm, id) in runs.iter().zip(["l0-noise-0", "l1-noise-0", "l0-noise-01", "l1-noise-01"]) {
        let numbers: [fn(&Split) -> f64; 4] = [
            |run| run.exact[30],
            |run| (run.exact[20] / run.exact[10]).powf(0.1),
            |run| run.descent[60],
            |run| run.joint[60],
        ];
        let medians = numbers.map(|number| Number(median(arm.each(number))).to_string());
        table.row([arm.name.clone()].into_iter().chain(medians));
        let methods: [(&str, fn(&Split) -> &Vec<f64>); 3] = [
            ("alternating minimization", |run| &run.exact),
            ("alternating descent, 1/(2L)", |run| &run.descent),
            ("joint projected gradient", |run| &run.joint),
        ];
        let figure = Figure::new(
            id,
            &format!("Low rank + sparse, {}", arm.name),
            "Squared error of both matrices by sweep (joint descent: by step), first problem.",
            Axis::linear("sweep"),
            Axis::log("squared error"),
        );
        recorder.figure(methods.into_iter().enumerate().fold(figure, |figure, (colour, (name, errors))| {
            figure.with(Kind::Line, name, colour, points(errors(&arm.values[0])))
        }));
    }
    recorder.table(table);
    for (run, seed) in runs[0].values.iter().zip(seeds) {
        let Split { exact, descent, joint, loss_of_descent } = run;
        recorder.observe(&REACHED, [(exact[30], exact[0])]);
        recorder.observe(&BEATS_JOINT, [(joint[60] / exact[0], exact[30] / exact[0])]);
        let near = descent.iter().position(|error| *error < 1e-8 * descent[0]);
        let near = near.ok_or("alternating descent did not come near the truth")?;
        let bound = bound([0.5, 0.5], cosine(&truth(seed))?);
        let shares = factors(&loss_of_descent[near..]).map(|factor| factor / bound);
        recorder.observe_in("low rank + sparse", &CONTRACTION, shares);
    }
    Ok(())
}

/// Objective values, squared distances from the limit of both methods, and errors of least squares, of the
/// low-rank block alone and of alternating minimization.
type Regression = (Vec<f64>, Vec<f64>, Vec<f64>, [f64; 3]);

pub(super) fn multitask_regression(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 20));
    let [runs] = recorder.sweep(&seeds, [Arm::new("regression", &(), regression)])?;
    let mut table = Table::new(
        "errors",
        "Multitask regression, n = 200, p = 30, q = 20, rank 3",
        "Frobenius errors of the coefficients after 50 sweeps. Reduced rank: the low-rank block alone, with Ω = I.",
        &["problem", "least squares", "reduced rank", "alternating minimization"],
    );
    for (index, (values, _, _, [full, reduced, alternating])) in runs.values.iter().enumerate() {
        let increases = values.windows(2).map(|pair| pair[1] - pair[0]);
        recorder.observe(&NO_INCREASE, [increases.fold(f64::NEG_INFINITY, f64::max)]);
        recorder.observe_in("least squares", &ERROR, [(*alternating, *full)]);
        recorder.observe_in("reduced rank", &ERROR, [(*alternating, *reduced)]);
        table.row([(index + 1) as f64, *full, *reduced, *alternating].map(Number));
    }
    recorder.table(table);
    let (_, exact, descent, _) = &runs.values[0];
    let figure = Figure::new(
        "convergence",
        "Multitask regression",
        "Squared distance from the limit of alternating minimization by sweep, first problem.",
        Axis::linear("sweep"),
        Axis::log("squared distance"),
    );
    let figure = figure.with(Kind::Line, "alternating minimization", 0, points(exact));
    recorder.figure(figure.with(Kind::Line, "alternating descent", 1, points(descent)));
    Ok(())
}

fn regression(seed: u64) -> Result<Regression, ExperimentError> {
    let (problem, truth) = MultitaskRegression::generate((200, 30, 20), 3, 0.7, 1.0, seed)?;
    let identity: Vec<f64> = (0..400).map(|at| if at % 21 == 0 { 1.0 } else { 0.0 }).collect();
    let mut start = (vec![0.0; 600], identity.clone());
    problem.resolvent(1.0, &mut start)?;
    let value = |problem: &MultitaskRegression, z: &Pair| problem.value(z);
    let (values, limit) = trace(&AlternatingMinimization, &problem, start.clone(), 50, value)?;
    let distance = |_: &_, z: &Pair| squared_distance(z, &limit);
    let (exact, _) = trace(&AlternatingMinimization, &problem, start.clone(), 30, distance)?;
    let (descent, _) = trace(&AlternatingDescent::default(), &problem, start, 400, distance)?;
    let error = |b: &Vec<f64>| squared_distance(b, &truth).map(f64::sqrt);
    let errors =
        [error(&problem.least_squares())?, error(&problem.minimize_x(&identity)?)?, error(&limit.0)?];
    Ok((values, exact, descent, errors))
}

/// One quadratic with both methods.
#[derive(Serialize, Deserialize)]
struct Coupled {
    /// Largest relative difference from the closed form.
    difference: f64,
    /// Condition numbers of `A` and `C`.
    conditions: [f64; 2],
    /// For the loss of alternating descent.
    bound: f64,
    exact: Vec<f64>,
    descent: Vec<f64>,
    loss_of_descent: Vec<f64>,
}

pub(super) fn coupled_quadratic(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 20));
    let runs: [Runs<Coupled>; 1] = recorder.sweep(&seeds, [Arm::new("quadratic", &(), coupled)])?;
    let mut table = Table::new(
        "slopes",
        "Rates on coupled quadratics",
        "Slope: of log ‖y‖² per sweep. Alternating descent takes one step of 1/L in each block: it is slower the \
         worse the blocks are conditioned. Factor: the largest of its L in a sweep.",
        &["condition of A", "condition of C", "exact, slope", "descent, slope", "ratio", "factor", "bound"],
    );
    for Coupled { difference, conditions, bound, exact, descent, loss_of_descent } in &runs[0].values {
        recorder.observe(&CLOSED_FORM, [*difference]);
        let shares = factors(&loss_of_descent[..=100]).map(|factor| factor / bound);
        recorder.observe_in("coupled quadratics", &CONTRACTION, shares);
        let (exact, descent) = (slope(exact), slope(descent));
        let largest = factors(&loss_of_descent[..=100]).fold(0.0, f64::max);
        let row = [conditions[0], conditions[1], exact, descent, descent / exact, largest, *bound];
        table.row(row.map(Number));
    }
    recorder.table(table);
    let figure = Figure::new(
        "convergence",
        "Coupled quadratic",
        "Squared norm of y by sweep, first problem; the solution is 0.",
        Axis::linear("sweep"),
        Axis::log("‖y‖²"),
    );
    let first = &runs[0].values[0];
    let figure = figure.with(Kind::Line, "alternating minimization", 0, points(&first.exact));
    recorder.figure(figure.with(Kind::Line, "alternating descent", 1, points(&first.descent[..=200])));
    Ok(())
}

fn coupled(seed: u64) -> Result<Coupled, ExperimentError> {
    let mut values = vec![0.0; 60 * 180];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    let factor = Mat::from_fn(60, 180, |i, j| values[i * 180 + j]);
    let whole = &factor * factor.transpose() * faer::Scale(1.0 / 180.0);
    let cut = |i: usize, j: usize| whole.submatrix(i, j, 30, 30).to_owned();
    let problem = CoupledQuadratic::new(cut(0, 0), cut(0, 30), cut(30, 30))?;
    let step = problem.iteration_matrix();
    let start = (vec![0.0; 30], vec![1.0; 30]);
    let mut before: Option<Vec<f64>> = None;
    let mut difference = 0.0_f64;
    let compare = |_: &_, (_, y): &Pair| {
        if let Some(before) = before.replace(y.clone()) {
            let expected: Vec<f64> =
                (0..30).map(|i| (0..30).map(|j| step[(i, j)] * before[j]).sum::<f64>()).collect();
            difference = difference.max(y.sub(&expected)?.norm()? / expected.norm()?);
        }
        Ok(y.dot(y)?)
    };
    let (exact, _) = trace(&AlternatingMinimization, &problem, start.clone(), 100, compare)?;
    let mut loss_of_descent = Vec::new();
    let measure = |problem: &CoupledQuadratic, z: &Pair| {
        loss_of_descent.push(problem.value(z)?);
        Ok(z.1.dot(&z.1)?)
    };
    let (descent, _) = trace(&AlternatingDescent::default(), &problem, start, 2000, measure)?;
    let condition = |block: Mat<f64>| {
        let values =
            block.self_adjoint_eigenvalues(Side::Lower).map_err(|e| format!("eigenvalues: {e:?}"))?;
        Ok::<_, ExperimentError>(values[29] / values[0])
    };
    let conditions = [condition(cut(0, 0))?, condition(cut(30, 30))?];
    // The square of the cosine between the blocks is ‖A^{-1/2}BC^{-1/2}‖².
    let bound = bound(conditions.map(|condition| 1.0 - 1.0 / condition), spectral_radius(&step)?.sqrt());
    Ok(Coupled { difference, conditions, bound, exact, descent, loss_of_descent })
}
