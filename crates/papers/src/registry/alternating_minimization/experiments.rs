//! Alternating minimization and descent on three problems.

use faer::{Mat, Side};
use kiln_optim::alternating::{AlternatingDescent, AlternatingMinimization, ExactBlocks, TwoBlocks};
use kiln_optim::first_order::GradientDescent;
use kiln_optim::problems::{CoupledQuadratic, LowRankPlusSparse, MultitaskRegression, spectral_radius};
use kiln_optim::{Objective, Operator, OptimError, Solver};
use kiln_receipts::statistics::median;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Table, sweep};
use kiln_tensor::prox::{ConstraintSet, L1Ball, LowRank, SparseVectors};
use kiln_tensor::{Distribution, Noise, Vector};
use serde::{Deserialize, Serialize};

use super::claims::{BEATS_JOINT, CLOSED_FORM, CONTRACTION, ERROR, NO_INCREASE, REACHED, ROUNDING};

type Pair = (Vec<f64>, Vec<f64>);

/// Something of the iterate at the start and after every step, and the last iterate.
fn trace<P: Operator, T>(
    solver: &impl Solver<P>,
    problem: &P,
    start: P::Point,
    steps: u64,
    mut measure: impl FnMut(&P::Point) -> Result<T, OptimError>,
) -> Result<(Vec<T>, P::Point), OptimError> {
    let mut state = solver.start(problem, start)?;
    let mut values = vec![measure(&state.iterate)?];
    for _ in 0..steps {
        solver.advance(problem, &mut state)?;
        values.push(measure(&state.iterate)?);
    }
    Ok((values, state.iterate))
}

fn squared_distance<V: Vector>(z: &V, target: &V) -> Result<f64, OptimError> {
    let difference = z.sub(target)?;
    Ok(difference.dot(&difference)?)
}

fn points(values: impl IntoIterator<Item = f64>) -> Vec<(f64, f64)> {
    values.into_iter().enumerate().map(|(step, value)| (step as f64, value)).collect()
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

/// The factors of `L` from step to step over the bound.
fn shares(path: &[(f64, f64)], bound: f64) -> impl Iterator<Item = f64> {
    path.windows(2).map(move |pair| pair[1].1 / pair[0].1 / bound)
}

const SIZE: usize = 60;
const RANK: usize = 3;
const ENTRIES: usize = SIZE * SIZE / 20;

/// Squared error and `L` at the start and after every step.
type Path = Vec<(f64, f64)>;

#[derive(Clone, Copy, Serialize)]
enum Method {
    Exact,
    Descent,
    Joint,
}

fn split<S: ConstraintSet<Vec<f64>>>(
    method: Method,
    truth: &Pair,
    sparse: S,
    noise: f64,
    seed: u64,
) -> Result<Path, OptimError> {
    let mut observed = vec![0.0; SIZE * SIZE];
    Noise { seed, distribution: Distribution::Gaussian }.fill(9, 0, &mut observed);
    observed.scale(noise);
    observed.axpy(1.0, &truth.0)?;
    observed.axpy(1.0, &truth.1)?;
    let low_rank = LowRank { rank: RANK, rows: SIZE, columns: SIZE };
    let problem = &LowRankPlusSparse::new(observed, low_rank, sparse)?;
    let zero = (vec![0.0; SIZE * SIZE], vec![0.0; SIZE * SIZE]);
    let measure = |z: &Pair| {
        let excess = problem.gradient_x(&z.0, &z.1)?;
        Ok((squared_distance(z, truth)?, excess.dot(&excess)? / 2.0))
    };
    let half = AlternatingDescent { inner_steps: 1, relative_step: 0.5 };
    let joint = GradientDescent { step_size: 0.5.into() };
    let (path, _) = match method {
        Method::Exact => trace(&AlternatingMinimization, problem, zero, 30, measure)?,
        Method::Descent => trace(&half, problem, zero, 60, measure)?,
        Method::Joint => trace(&joint, problem, zero, 60, measure)?,
    };
    Ok(path)
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
    const SETS: [(&str, &str, f64); 4] = [
        ("l0-noise-0", "ℓ₀", 0.0),
        ("l1-noise-0", "ℓ₁", 0.0),
        ("l0-noise-01", "ℓ₀", 0.1),
        ("l1-noise-01", "ℓ₁", 0.1),
    ];
    let methods = [
        ("alternating minimization", Method::Exact),
        ("alternating descent, 1/(2L)", Method::Descent),
        ("joint projected gradient", Method::Joint),
    ];
    let seeds = context.seeds(context.pick(5, 10));
    let truth = |seed| LowRankPlusSparse::truth(SIZE, RANK, ENTRIES, seed);
    let arm = |(_, ball, noise): (&str, &'static str, f64), (name, method): (&str, Method)| {
        Arm::new(name, &(ball, noise, method), move |seed| {
            let truth = truth(seed);
            let radius = truth.1.iter().map(|y| y.abs()).sum();
            Ok(match ball {
                "ℓ₀" => split(method, &truth, SparseVectors { nonzeros: ENTRIES }, noise, seed)?,
                _ => split(method, &truth, L1Ball { radius }, noise, seed)?,
            })
        })
    };
    let arms = SETS.into_iter().flat_map(|set| methods.map(|method| arm(set, method))).collect();
    let runs = recorder.sweep_all(&seeds, arms)?;
    let mut table = Table::new(
        "errors",
        "Squared errors of low rank + sparse, 60 x 60",
        "The sets have the true rank, number of entries or radius. Medians over the problems. Factor: of the squared \
         error from sweep to sweep, mean of sweeps 10 to 20.",
        &["sparse set", "noise", "AM at 30", "factor", "descent at 60", "joint at 60"],
    );
    for (arms, (id, ball, noise)) in runs.chunks(3).zip(SETS) {
        let at = |method: usize, step: usize| median(arms[method].each(|path| path[step].0));
        let factor = median(arms[0].each(|path| (path[20].0 / path[10].0).powf(0.1)));
        let numbers = [noise, at(0, 30), factor, at(1, 60), at(2, 60)];
        table.numbers([format!("{ball} ball")], numbers);
        let figure = Figure::new(
            id,
            &format!("Low rank + sparse, {ball} ball, noise {noise}"),
            "Squared error of both matrices by sweep (joint descent: by step).",
            Axis::linear("sweep"),
            Axis::log("squared error"),
        );
        recorder.figure(figure.with_runs(arms, |path| points(path.iter().map(|point| point.0))));
    }
    recorder.table(table);
    let relative = |arm: usize, step: usize| runs[arm].each(|path| path[step].0 / path[0].0);
    recorder.observe(&REACHED, relative(0, 30).into_iter().map(|error| (error, 1.0)));
    recorder.observe(&BEATS_JOINT, relative(2, 60).into_iter().zip(relative(0, 30)));
    for (path, seed) in runs[1].values.iter().zip(seeds) {
        let near = path.iter().position(|point| point.0 < 1e-8 * path[0].0);
        let near = near.ok_or("alternating descent did not come near the truth")?;
        let bound = bound([0.5, 0.5], cosine(&truth(seed))?);
        // Where L is rounding its factors are, too.
        let exact = path.iter().position(|point| point.0 < ROUNDING * path[0].0).unwrap_or(path.len());
        recorder.observe_in("low rank + sparse", &CONTRACTION, shares(&path[near..exact], bound));
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
    let runs: [Runs<Regression>; 1] = recorder.sweep(&seeds, [Arm::new("regression", &(), regression)])?;
    let increase = |(values, ..): &Regression| {
        values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::NEG_INFINITY, f64::max)
    };
    recorder.observe(&NO_INCREASE, runs[0].each(increase));
    let names = [(0, "least squares"), (1, "reduced rank"), (2, "alternating minimization")];
    let errors = names.map(|(i, name)| Runs { name: name.to_owned(), values: runs[0].each(|run| run.3[i]) });
    let [others @ .., alternating] = &errors;
    for other in others {
        recorder.observe_in(&other.name, &ERROR, alternating.paired(other, |error| *error));
    }
    recorder.table(sweep::table(
        "errors",
        "Multitask regression, n = 200, p = 30, q = 20, rank 3",
        "Frobenius errors of the coefficients after 50 sweeps. Reduced rank: the low-rank block alone, with Ω = I.",
        &errors,
        |error| *error,
    ));
    let (_, exact, descent, _) = &runs[0].values[0];
    let figure = Figure::new(
        "convergence",
        "Multitask regression",
        "Squared distance from the limit of alternating minimization by sweep, first problem.",
        Axis::linear("sweep"),
        Axis::log("squared distance"),
    );
    let figure = figure.with(Kind::Line, "alternating minimization", 0, points(exact.iter().copied()));
    recorder.figure(figure.with(Kind::Line, "alternating descent", 1, points(descent.iter().copied())));
    Ok(())
}

fn regression(seed: u64) -> Result<Regression, ExperimentError> {
    let (problem, truth) = MultitaskRegression::generate((200, 30, 20), 3, 0.7, 1.0, seed)?;
    let identity: Vec<f64> = (0..400).map(|at| if at % 21 == 0 { 1.0 } else { 0.0 }).collect();
    let mut start = (vec![0.0; 600], identity.clone());
    problem.resolvent(1.0, &mut start)?;
    let (values, limit) = trace(&AlternatingMinimization, &problem, start.clone(), 50, |z| problem.value(z))?;
    let distance = |z: &Pair| squared_distance(z, &limit);
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
    /// On the factor of `L` in a sweep of alternating descent.
    bound: f64,
    /// `‖y‖²` of alternating minimization.
    exact: Vec<f64>,
    /// `‖y‖²` and `L` of alternating descent.
    descent: Vec<(f64, f64)>,
}

type OfCoupled = fn(&Coupled) -> f64;

pub(super) fn coupled_quadratic(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 20));
    let runs: [Runs<Coupled>; 1] = recorder.sweep(&seeds, [Arm::new("quadratic", &(), coupled)])?;
    for Coupled { difference, bound, descent, .. } in &runs[0].values {
        recorder.observe(&CLOSED_FORM, [*difference]);
        recorder.observe_in("coupled quadratics", &CONTRACTION, shares(&descent[..=100], *bound));
    }
    let columns: [(&str, OfCoupled); 4] = [
        ("condition of A", |run| run.conditions[0]),
        ("condition of C", |run| run.conditions[1]),
        ("largest factor of L in a sweep", |run| shares(&run.descent[..=100], 1.0).fold(0.0, f64::max)),
        ("bound on it", |run| run.bound),
    ];
    recorder.table(sweep::table(
        "rates",
        "Rates on coupled quadratics",
        "Alternating descent takes one step of 1/L in each block: it is slower the worse the blocks are conditioned.",
        &columns.map(|(name, of)| Runs { name: name.to_owned(), values: runs[0].each(of) }),
        |number| *number,
    ));
    let figure = Figure::new(
        "convergence",
        "Coupled quadratic",
        "Squared norm of y by sweep, first problem; the solution is 0.",
        Axis::linear("sweep"),
        Axis::log("‖y‖²"),
    );
    let Coupled { exact, descent, .. } = &runs[0].values[0];
    let figure = figure.with(Kind::Line, "alternating minimization", 0, points(exact.iter().copied()));
    let descent = points(descent.iter().take(200).map(|point| point.0));
    recorder.figure(figure.with(Kind::Line, "alternating descent", 1, descent));
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
    let (sweeps, _) = trace(&AlternatingMinimization, &problem, start.clone(), 100, |z| Ok(z.1.clone()))?;
    let mut difference = 0.0_f64;
    for pair in sweeps.windows(2) {
        let product = |i: usize| (0..30).map(|j| step[(i, j)] * pair[0][j]).sum::<f64>();
        let expected: Vec<f64> = (0..30).map(product).collect();
        difference = difference.max(pair[1].sub(&expected)?.norm()? / expected.norm()?);
    }
    let exact = sweeps.iter().map(|y| y.dot(y)).collect::<Result<_, _>>()?;
    let measure = |z: &Pair| Ok((z.1.dot(&z.1)?, problem.value(z)?));
    let (descent, _) = trace(&AlternatingDescent::default(), &problem, start, 2000, measure)?;
    let condition = |block: Mat<f64>| {
        let values =
            block.self_adjoint_eigenvalues(Side::Lower).map_err(|e| format!("eigenvalues: {e:?}"))?;
        Ok::<_, ExperimentError>(values[29] / values[0])
    };
    let conditions = [condition(cut(0, 0))?, condition(cut(30, 30))?];
    // The square of the cosine between the blocks is ‖A^{-1/2}BC^{-1/2}‖².
    let bound = bound(conditions.map(|condition| 1.0 - 1.0 / condition), spectral_radius(&step)?.sqrt());
    Ok(Coupled { difference, conditions, bound, exact, descent })
}
