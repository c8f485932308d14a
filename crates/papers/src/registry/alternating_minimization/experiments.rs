//! Ha, Barber, "Alternating minimization and alternating descent over nonconvex sets", arXiv 1709.04451.

use faer::{Mat, Side};
use kiln_optim::alternating::{AlternatingDescent, AlternatingMinimization};
use kiln_optim::first_order::GradientDescent;
use kiln_optim::problems::{CoupledQuadratic, LowRankPlusSparse, MultitaskRegression};
use kiln_optim::{Every, Objective, Operator, OptimError, Solver, Stop, Trace, run};
use kiln_tensor::prox::{ConstraintSet, L1Ball, LowRank, SparseVectors};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

pub(super) const PAPER: Paper = Paper {
    id: "alternating-minimization",
    title: "Alternating minimization and alternating descent over nonconvex sets",
    citation: "Wooseok Ha, Rina Foygel Barber. arXiv:1709.04451, 2017",
    url: "https://arxiv.org/abs/1709.04451",
    domain: "optim",
    claims: &[
        Claim {
            id: "A1",
            place: "convergence theorem, low rank + sparse",
            says: "Exact alternating minimization converges linearly to the truth over nonconvex sets.",
            test: "60 x 60, rank 3, 5 % entries of ±5, true rank and true number of entries, no noise, from \
                zero: squared error after 30 sweeps / after 0.",
            checks: &[Check::new("error at 30 / error at 0", Statistic::Max, Threshold::Below(1e-18))],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A2",
            place: "comparison with joint gradient descent",
            says: "Alternating minimization needs strong convexity block by block only, and beats gradient \
                descent in both blocks together.",
            test: "The same problems: squared error of alternating minimization after 30 sweeps / of \
                projected gradient with step ½ = 1/L after 60 steps.",
            checks: &[Check::new(
                "error at 30 / error of joint at 60",
                Statistic::Max,
                Threshold::AtMost(1e-6),
            )],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A3",
            place: "inexact alternating minimization",
            says: "Alternating descent converges at a comparable linear rate.",
            test: "Slope of the logarithm of the error per block step (one gradient step, or one exact \
                minimization), between errors 1e-1 and 1e-8 of the first, of alternating descent / of exact \
                alternating minimization, on the same problems, with steps of 1/(2L): 1/L would be the exact \
                minimization. (The other experiments show the ratio with 1/L where blocks are less well \
                conditioned; theory promises less there.)",
            checks: &[Check::new("slope / exact slope", Statistic::Min, Threshold::AtLeast(0.5))],
            needs: &[],
            known_finding: Some(
                "The rate is linear but 0.28 to 0.30 of the exact one. With the paper's step 1/L alternating \
                 descent is exact alternating minimization on this problem, ratio 1. With half of it every \
                 step leaves half of the distance to the block's minimizer, while exact minimization divides \
                 the whole squared error by 6.6 to 8.4 a sweep. On coupled quadratics, with 1/L and \
                 condition numbers of 4 to 6, the ratio is 0.19 to 0.23: about one over the condition \
                 number. So comparable holds up to the conditioning of the blocks, not up to a factor 2.",
            ),
        },
        Claim {
            id: "A4",
            place: "multitask regression",
            says: "Alternating over low-rank coefficients and the inverse covariance of correlated noise \
                estimates both.",
            test: "n = 200, p = 30, q = 20, rank 3, noise an autoregression over the tasks with correlation 0.7 and \
                   deviation 1 (own sizes): largest increase of the objective over 50 sweeps; Frobenius \
                   error of B / that of least squares.",
            checks: &[
                Check::new("largest increase of the objective", Statistic::Max, Threshold::AtMost(1e-9)),
                Check::new("error / error of least squares", Statistic::Max, Threshold::AtMost(0.7)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A5",
            place: "quadratic case (derived in the specification)",
            says: "On L = ½xᵀAx + xᵀBy + ½yᵀCy the rate is ‖A^{-1/2}BC^{-1/2}‖².",
            test: "Random positive definite 30 x 30: error of y from sweep to sweep against C⁻¹BᵀA⁻¹B times \
                the error before, relative, over 20 sweeps.",
            checks: &[Check::new("relative difference", Statistic::Max, Threshold::AtMost(1e-12))],
            needs: &[],
            known_finding: None,
        },
    ],
    experiments: &[
        Experiment { id: "low-rank-plus-sparse", claims: &["A1", "A2", "A3"], run: low_rank_plus_sparse },
        Experiment { id: "multitask-regression", claims: &["A4"], run: multitask_regression },
        Experiment { id: "coupled-quadratic", claims: &["A5"], run: coupled_quadratic },
    ],
};

type Pair = (Vec<f64>, Vec<f64>);

/// The squared distance from `target`, or any other number, after every step.
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

fn points(values: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    values.iter().enumerate().map(|(step, value)| (step as f64, *value))
}

const SIZE: usize = 60;
const RANK: usize = 3;
const ENTRIES: usize = SIZE * SIZE / 20;

/// Errors of alternating minimization, alternating descent and joint descent on one problem.
fn split<S: ConstraintSet<Vec<f64>>>(
    truth: &Pair,
    sparse: S,
    noise: f64,
    seed: u64,
) -> Result<[Vec<f64>; 3], ExperimentError> {
    let mut observed = vec![0.0; SIZE * SIZE];
    Noise { seed, distribution: Distribution::Gaussian }.fill(9, 0, &mut observed);
    observed.scale(noise);
    observed.axpy(1.0, &truth.0)?;
    observed.axpy(1.0, &truth.1)?;
    let set = LowRank { rank: RANK, rows: SIZE, columns: SIZE };
    let problem = LowRankPlusSparse::new(observed, set, sparse)?;
    let zero = (vec![0.0; SIZE * SIZE], vec![0.0; SIZE * SIZE]);
    let error = |_: &_, z: &Pair| squared_distance(z, truth);
    let descent = AlternatingDescent { inner_steps: 1, relative_step: 0.5 };
    let joint = GradientDescent { step_size: 0.5.into() };
    Ok([
        trace(&AlternatingMinimization, &problem, zero.clone(), 30, error)?.0,
        trace(&descent, &problem, zero.clone(), 60, error)?.0,
        trace(&joint, &problem, zero, 60, error)?.0,
    ])
}

fn low_rank_plus_sparse(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(3, 10));
    let mut table = Table::new(
        "errors",
        "Squared errors of low rank + sparse, 60 x 60",
        "The sets have the true rank, number of entries or radius. Factor: of the squared error from sweep \
         to sweep, mean of sweeps 10 to 20.",
        &["sparse set", "noise", "seed", "AM at 30", "factor", "descent at 60", "joint at 60"],
    );
    let progress = recorder.progress(4 * seeds.len() as u64, "problems");
    for (index, &seed) in seeds.iter().enumerate() {
        let truth = LowRankPlusSparse::truth(SIZE, RANK, ENTRIES, seed);
        let radius = truth.1.iter().map(|y| y.abs()).sum();
        for (name, noise) in [("l0", 0.0), ("l1", 0.0), ("l0", 0.1), ("l1", 0.1)] {
            let errors: [Vec<f64>; 3] = recorder.memo(&format!("{name} {noise} {seed}"), || {
                if name == "l0" {
                    split(&truth, SparseVectors { nonzeros: ENTRIES }, noise, seed)
                } else {
                    split(&truth, L1Ball { radius }, noise, seed)
                }
            })?;
            progress.inc(1);
            let [exact, descent, joint] = &errors;
            table.row([
                name.to_owned(),
                noise.to_string(),
                (index + 1).to_string(),
                Number(exact[30]).to_string(),
                Number((exact[20] / exact[10]).powf(0.1)).to_string(),
                Number(descent[60]).to_string(),
                Number(joint[60]).to_string(),
            ]);
            if (name, noise) == ("l0", 0.0) {
                recorder.record("A1", "error at 30 / error at 0", [exact[30] / exact[0]]);
                recorder.record("A2", "error at 30 / error of joint at 60", [exact[30] / joint[60]]);
                recorder.record("A3", "slope / exact slope", [slope(descent) / slope(exact)]);
            }
            if index == 0 {
                let id = format!("{name}-noise-{}", if noise > 0.0 { "01" } else { "0" });
                let ball = if name == "l0" { "ℓ₀ ball" } else { "ℓ₁ ball" };
                recorder.figure(
                    Figure::new(
                        &id,
                        &format!("Low rank + sparse, {ball}, noise {noise}"),
                        "Squared error of both matrices by sweep (joint descent: by step), first seed.",
                        Axis::linear("sweep"),
                        Axis::log("squared error"),
                    )
                    .with(Kind::Line, "alternating minimization", 0, points(exact))
                    .with(Kind::Line, "alternating descent, 1/(2L)", 1, points(descent))
                    .with(Kind::Line, "joint projected gradient", 2, points(joint)),
                );
            }
        }
    }
    recorder.table(table);
    Ok(())
}

fn multitask_regression(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(3, 20));
    let mut table = Table::new(
        "errors",
        "Multitask regression, n = 200, p = 30, q = 20, rank 3",
        "Frobenius errors of the coefficients after 50 sweeps. Reduced rank: the low-rank block alone, with Ω = I.",
        &["seed", "least squares", "reduced rank", "alternating minimization", "ratio"],
    );
    let progress = recorder.progress(seeds.len() as u64, "problems");
    for (index, &seed) in seeds.iter().enumerate() {
        type Result4 = (Vec<f64>, Vec<f64>, Vec<f64>, [f64; 3]);
        let (values, exact, descent, [full, reduced, alternating]): Result4 =
            recorder.memo(&format!("seed {seed}"), || regression(seed))?;
        progress.inc(1);
        let increases = values.windows(2).map(|pair| pair[1] - pair[0]);
        recorder.record(
            "A4",
            "largest increase of the objective",
            [increases.fold(f64::NEG_INFINITY, f64::max)],
        );
        recorder.record("A4", "error / error of least squares", [alternating / full]);
        table.row([(index + 1) as f64, full, reduced, alternating, alternating / full].map(Number));
        if index == 0 {
            recorder.figure(
                Figure::new(
                    "convergence",
                    "Multitask regression",
                    "Squared distance from the limit of alternating minimization by sweep, first seed.",
                    Axis::linear("sweep"),
                    Axis::log("squared distance"),
                )
                .with(Kind::Line, "alternating minimization", 0, points(&exact))
                .with(Kind::Line, "alternating descent", 1, points(&descent)),
            );
        }
    }
    recorder.table(table);
    Ok(())
}

/// Objective values, squared distances from the limit of both methods, and errors of least squares, of the
/// low-rank block alone and of alternating minimization.
type Regression = (Vec<f64>, Vec<f64>, Vec<f64>, [f64; 3]);

fn regression(seed: u64) -> Result<Regression, ExperimentError> {
    use kiln_optim::alternating::ExactBlocks;
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

fn coupled_quadratic(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut series = Vec::new();
    let mut table = Table::new(
        "slopes",
        "Slopes of log ‖y‖² per sweep on coupled quadratics",
        "Alternating descent takes one step of 1/L in each block: its slope is lower the worse the blocks \
         are conditioned.",
        &["condition of A", "condition of C", "exact", "descent", "ratio"],
    );
    for seed in context.seeds(context.pick(5, 20)) {
        let mut values = vec![0.0; 60 * 180];
        Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
        let factor = Mat::from_fn(60, 180, |i, j| values[i * 180 + j]);
        let whole = &factor * factor.transpose() * faer::Scale(1.0 / 180.0);
        let cut = |i: usize, j: usize| whole.submatrix(i, j, 30, 30).to_owned();
        let problem = CoupledQuadratic::new(cut(0, 0), cut(0, 30), cut(30, 30))?;
        let step = problem.iteration_matrix();
        let start = (vec![0.0; 30], vec![1.0; 30]);
        let mut before: Option<Vec<f64>> = None;
        let mut worst = 0.0_f64;
        let compare = |_: &_, (_, y): &Pair| {
            if let Some(before) = before.replace(y.clone()) {
                let expected: Vec<f64> =
                    (0..30).map(|i| (0..30).map(|j| step[(i, j)] * before[j]).sum::<f64>()).collect();
                worst = worst.max(y.sub(&expected)?.norm()? / expected.norm()?);
            }
            Ok(y.dot(y)?)
        };
        let (exact, _) = trace(&AlternatingMinimization, &problem, start.clone(), 100, compare)?;
        recorder.record("A5", "relative difference", [worst]);
        let of_y = |_: &_, (_, y): &Pair| Ok(y.dot(y)?);
        let (descent, _) = trace(&AlternatingDescent::default(), &problem, start, 2000, of_y)?;
        let [a, c] = [(0, 0), (30, 30)].map(|(i, j)| cut(i, j).self_adjoint_eigenvalues(Side::Lower));
        let conditions = [a, c].map(|values| values.map_or(f64::NAN, |v| v[29] / v[0]));
        let (exact_slope, descent_slope) = (slope(&exact), slope(&descent));
        table.row(
            [conditions[0], conditions[1], exact_slope, descent_slope, descent_slope / exact_slope]
                .map(Number),
        );
        series.push((exact, descent));
    }
    recorder.table(table);
    if let Some((exact, descent)) = series.first() {
        recorder.figure(
            Figure::new(
                "convergence",
                "Coupled quadratic",
                "Squared norm of y by sweep, first seed; the solution is 0.",
                Axis::linear("sweep"),
                Axis::log("‖y‖²"),
            )
            .with(Kind::Line, "alternating minimization", 0, points(exact))
            .with(
                Kind::Line,
                "alternating descent",
                1,
                points(&descent[..descent.len().min(200)]),
            ),
        );
    }
    Ok(())
}
