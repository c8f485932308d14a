//! Chae, Yun, Kim, "Stochastic extragradient with flip-flop shuffling & anchoring: provable improvements",
//! NeurIPS 2024.

use kiln_optim::first_order::Sgd;
use kiln_optim::minimax::StochasticExtragradient;
use kiln_optim::problems::AffineFiniteSum;
use kiln_optim::{Operator, Order, Solver, StepSize};
use kiln_tensor::Vector;
use rayon::prelude::*;

use kiln_receipts::statistics::geometric_mean;
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Need, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

/// Every recorded value is a geometric mean over the runs already, or a ratio of two: one number a check.
const fn spec(name: &'static str, threshold: Threshold) -> Check {
    Check::new(name, Statistic::Mean, threshold)
}

const fn full(name: &'static str, threshold: Threshold) -> Check {
    spec(name, threshold).at_full_scale()
}

pub(super) const PAPER: Paper = Paper {
    id: "seg-flip-flop-anchor",
    title: "Stochastic extragradient with flip-flop shuffling and anchoring: provable improvements",
    citation: "Jiseok Chae, Chulhee Yun, Donghwan Kim. NeurIPS 2024",
    url: "https://arxiv.org/abs/2501.00511",
    domain: "optim",
    claims: &[
        Claim {
            id: "F1",
            place: "section on experiments, monotone problems",
            says: "Of the shuffling variants of stochastic extragradient only SEG-FFA converges on monotone problems; \
                   SEG-FF, SEG-RR and SEG-US diverge.",
            test: "5 random monotone sums of 40 nonmonotone quadratic games with 20 coordinates a player, the authors' \
                   generator and step sizes: geometric means of ‖F(z)‖² over its value at the start, after \
                   1e5 passes (1e4 at quick scale).",
            checks: &[
                full("SEG-FFA", Threshold::Below(2e-5)),
                spec("SEG-FFA, over a tenth of the passes", Threshold::Below(1.0)),
                spec("SEG-FF", Threshold::Above(1e-2)),
                full("SEG-FF, over its value at 1e3 passes", Threshold::Above(1.0)),
                spec("SEG-RR", Threshold::Above(1e-2)),
                full("SEG-RR, over its value at 1e3 passes", Threshold::Above(1.0)),
                spec("SEG-US", Threshold::Above(1.0)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "F2",
            place: "section on experiments, strongly monotone problems",
            says: "SEG-FFA is the fastest on strongly monotone problems.",
            test: "5 random sums of 40 strongly monotone quadratic games with 20 coordinates a player, 800 \
                passes at step size 1e-3: ratios of geometric means of ‖F(z)‖².",
            checks: &[
                spec("SEG-FF / SEG-FFA", Threshold::AtLeast(3.0)),
                spec("SEG-RR / SEG-FFA", Threshold::AtLeast(10.0)),
                spec("SEG-US / SEG-FFA", Threshold::AtLeast(1e3)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "F3",
            place: "appendix, comparison with independent samples",
            says: "SEG-FFA beats stochastic extragradient with independent samples and two step sizes (DSEG).",
            test: "The problems of F1, 1e4 passes, DSEG with the step sizes of its authors: ratios of geometric means \
                   of ‖F(z)‖².",
            checks: &[
                spec("SEG-FFA / DSEG, exponents 0 and 1", Threshold::Below(1.0)),
                spec("SEG-FFA / DSEG, exponents 1/3 and 2/3", Threshold::Below(1.0)),
            ],
            ..Claim::EMPTY
        },
        Claim {
            id: "F4",
            place: "adversarial training on CIFAR-10",
            says: "With Adam in place of plain steps, SEG-FFA trains a robust classifier as well as or better than the \
                   other variants.",
            test: "Not run: it takes a network, images and days of a graphics processor.",
            needs: &[Need::Gpu],
            ..Claim::EMPTY
        },
    ],
    experiments: &[
        Experiment { id: "monotone", claims: &["F1"], run: monotone },
        Experiment { id: "strongly-monotone", claims: &["F2"], run: strongly_monotone },
        Experiment { id: "independent-samples", claims: &["F3"], run: independent_samples },
    ],
};

const COMPONENTS: usize = 40;
const SIZE: usize = 20;
const RUNS: usize = 5;

/// Passes and the squared norm of `F` over its value at the start.
type Curve = Vec<(f64, f64)>;

/// A method: its name, its look, and how it runs from `z` for so many passes, stopping by at the given ones.
struct Method {
    name: &'static str,
    colour: usize,
    kind: Kind,
    run: Box<Run>,
}

type Run = dyn Fn(&Problem, &[u64]) -> Result<Curve, ExperimentError> + Sync;

struct Problem {
    games: AffineFiniteSum,
    start: Vec<f64>,
    seed: u64,
}

impl Problem {
    /// `1 / ‖J‖_F` of the mean game, at most 0.01.
    fn largest_step(&self) -> f64 {
        (1.0 / self.games.mean_matrix().norm_l2()).min(0.01)
    }

    fn displaced(games: AffineFiniteSum, seed: u64, displacement: f64) -> Self {
        let start = games.solution().iter().map(|z| z + displacement).collect();
        Self { games, start, seed }
    }

    /// A pass of extragradient evaluates every component twice, one of gradient descent-ascent once.
    fn curve<S: Solver<AffineFiniteSum>>(
        &self,
        solver: &S,
        steps_per_pass: usize,
        passes: &[u64],
    ) -> Result<Curve, ExperimentError> {
        let square = |z: &Vec<f64>| Ok::<_, ExperimentError>(self.games.operator(z)?.norm()?.powi(2));
        let first = square(&self.start)?;
        let mut state = solver.start(&self.games, self.start.clone())?;
        let mut curve = Vec::new();
        for &passes in passes {
            while state.iteration < passes * steps_per_pass as u64 {
                solver.advance(&self.games, &mut state)?;
            }
            let ratio = square(&state.iterate)? / first;
            if !ratio.is_finite() {
                curve.push((passes as f64, f64::INFINITY));
                break;
            }
            curve.push((passes as f64, ratio));
        }
        Ok(curve)
    }
}

fn method(
    name: &'static str,
    colour: usize,
    solver: impl Fn(&Problem) -> StochasticExtragradient + Sync + 'static,
) -> Method {
    let run = move |problem: &Problem, passes: &[u64]| problem.curve(&solver(problem), COMPONENTS, passes);
    Method { name, colour, kind: Kind::Line, run: Box::new(run) }
}

fn descent_ascent(name: &'static str, colour: usize, order: Order, step_size: f64) -> Method {
    let run = move |problem: &Problem, passes: &[u64]| {
        let solver = Sgd { step_size: step_size.into(), batch_size: 1, order, seed: problem.seed };
        problem.curve(&solver, COMPONENTS, passes)
    };
    Method { name, colour, kind: Kind::Dashed, run: Box::new(run) }
}

/// 1, 1.25, 1.6, … to the last, rounded to even numbers, at which epochs of one and of two passes end.
fn stops(last: u64) -> Vec<u64> {
    let mut stops: Vec<u64> = (0..100)
        .map(|i| 2 * (10_f64.powf(f64::from(i) / 10.0) / 2.0).round().max(1.0) as u64)
        .take_while(|&t| t < last)
        .collect();
    stops.push(last);
    stops.dedup();
    stops
}

/// The geometric mean of the curves at each of their common stops; infinite once one of them is.
fn mean_curve(curves: &[Curve], stops: &[u64]) -> Curve {
    let value = |curve: &Curve, i: usize| curve.get(i).map_or(f64::INFINITY, |&(_, value)| value);
    let mean = |i| geometric_mean(curves.iter().map(|curve| value(curve, i)));
    stops.iter().enumerate().map(|(i, &passes)| (passes as f64, mean(i))).collect()
}

/// The value at so many passes.
fn at(curve: &Curve, passes: u64) -> f64 {
    curve.iter().find(|(x, _)| *x == passes as f64).map_or(f64::NAN, |&(_, value)| value)
}

/// Runs all methods on all problems, and shows them in a figure and a table.
fn compare(
    recorder: &mut Recorder,
    problems: &[Problem],
    methods: &[Method],
    stops: &[u64],
    figure: Figure,
) -> Result<Vec<Curve>, ExperimentError> {
    let passes = *stops.last().ok_or("no stops")?;
    let progress = recorder.progress((problems.len() * methods.len()) as u64, "runs");
    let tasks: Vec<_> = methods.iter().flat_map(|m| problems.iter().map(move |p| (m, p))).collect();
    let shared: &Recorder = recorder;
    let curves = tasks
        .into_par_iter()
        .map(|(method, problem)| {
            let key = format!("{} seed {} passes {passes}", method.name, problem.seed);
            let curve = shared.memo(&key, || (method.run)(problem, stops));
            progress.inc(1);
            curve
        })
        .collect::<Result<Vec<_>, _>>()?;
    drop(progress);
    let by_method: Vec<_> = curves.chunks(problems.len()).collect();
    let means: Vec<_> = by_method.iter().map(|curves| mean_curve(curves, stops)).collect();
    let mut table = Table::new(
        &figure.id,
        &figure.title,
        "‖F(z)‖² over its value at the start: geometric mean, smallest and largest over the runs.",
        &["method", "passes", "geometric mean", "smallest", "largest"],
    );
    let decades = (3..10).map(|exponent| 10_u64.pow(exponent)).filter(|&t| t < passes).chain([passes]);
    for passes in decades {
        for ((method, curves), mean) in methods.iter().zip(&by_method).zip(&means) {
            let index = stops.iter().position(|&stop| stop == passes).ok_or("no such stop")?;
            let values = curves.iter().map(|curve| curve.get(index).map_or(f64::INFINITY, |p| p.1));
            let (low, high) =
                values.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
            let numbers = [mean[index].1, low, high].map(|x| Number(x).to_string());
            table.row([method.name.to_owned(), passes.to_string()].into_iter().chain(numbers));
        }
    }
    recorder.table(table);
    let figure = methods.iter().zip(&means).fold(figure, |figure, (method, mean)| {
        figure.with(method.kind, method.name, method.colour, mean.iter().copied())
    });
    recorder.figure(figure);
    Ok(means)
}

fn axes() -> (Axis, Axis) {
    (Axis::log("passes over the components"), Axis::log("‖F(z)‖² / ‖F(z₀)‖²"))
}

fn monotone_problems(context: &Context) -> Result<Vec<Problem>, ExperimentError> {
    let problem = |seed| {
        let games = AffineFiniteSum::monotone_games(COMPONENTS, SIZE, seed)?;
        Ok(Problem::displaced(games, seed, 1.0))
    };
    context.seeds(RUNS).into_iter().map(problem).collect()
}

/// `η₀ / (1 + k/10)^0.34`, `k` counting pairs of passes whatever an epoch is, so that all methods have the
/// same step after the same passes, as in the authors' code.
fn schedule(problem: &Problem, passes_per_epoch: f64) -> StepSize {
    StepSize::Power { initial: problem.largest_step(), period: 20.0 / passes_per_epoch, exponent: 0.34 }
}

fn flip_flop_anchored() -> Method {
    method("SEG-FFA", 0, |p| StochasticExtragradient::flip_flop_anchored(schedule(p, 2.0), p.seed))
}

fn monotone(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let methods = [
        flip_flop_anchored(),
        method("SEG-FF", 1, |p| StochasticExtragradient::flip_flop(schedule(p, 2.0), p.seed)),
        method("SEG-RR", 2, |p| StochasticExtragradient::reshuffled(schedule(p, 1.0), p.seed)),
        method("SEG-US", 3, |p| StochasticExtragradient::with_replacement(schedule(p, 1.0), p.seed)),
        method("SEG-RRA", 4, |p| StochasticExtragradient::reshuffled_anchored(schedule(p, 1.0), p.seed)),
        method("SEG-RRA, α = β/2", 5, |p| StochasticExtragradient {
            extrapolation_step: schedule(p, 1.0).scaled(0.5),
            ..StochasticExtragradient::reshuffled_anchored(schedule(p, 1.0), p.seed)
        }),
    ];
    let passes = context.pick(10_000, 100_000);
    let (x, y) = axes();
    let figure = Figure::new(
        "monotone",
        "Flip-flop with the anchor converges on monotone games",
        "Squared norm of the saddle operator of monotone sums of 40 nonmonotone quadratic games, geometric \
         mean over the runs. A curve that ends early left the range of floating-point numbers.",
        x,
        y,
    );
    let means = compare(recorder, &monotone_problems(context)?, &methods, &stops(passes), figure)?;
    let end = |method: usize| at(&means[method], passes);
    recorder.record("F1", "SEG-FFA", [end(0)]);
    recorder.record("F1", "SEG-FFA, over a tenth of the passes", [end(0) / at(&means[0], passes / 10)]);
    for (method, name) in [(1, "SEG-FF"), (2, "SEG-RR")] {
        recorder.record("F1", name, [end(method)]);
        let growth = end(method) / at(&means[method], 1000);
        recorder.record("F1", &format!("{name}, over its value at 1e3 passes"), [growth]);
    }
    recorder.record("F1", "SEG-US", [end(3)]);
    Ok(())
}

fn strongly_monotone(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const STEP: f64 = 1e-3;
    let problem = |seed| {
        let games = AffineFiniteSum::strongly_monotone_games(COMPONENTS, SIZE, seed)?;
        Ok::<_, ExperimentError>(Problem::displaced(games, seed, 1.0 / (2.0 * SIZE as f64).sqrt()))
    };
    let problems = context.seeds(RUNS).into_iter().map(problem).collect::<Result<Vec<_>, _>>()?;
    let methods = [
        method("SEG-FFA", 0, |p| StochasticExtragradient::flip_flop_anchored(STEP, p.seed)),
        method("SEG-FF", 1, |p| StochasticExtragradient::flip_flop(STEP, p.seed)),
        method("SEG-RR", 2, |p| StochasticExtragradient::reshuffled(STEP, p.seed)),
        method("SEG-US", 3, |p| StochasticExtragradient::with_replacement(STEP, p.seed)),
        method("SEG-RRA", 4, |p| StochasticExtragradient::reshuffled_anchored(STEP, p.seed)),
        descent_ascent("SGDA-RR", 2, Order::Reshuffled, STEP),
        descent_ascent("SGDA-US", 3, Order::WithReplacement, STEP),
    ];
    let stops: Vec<_> = (1..=40).map(|i| 20 * i).collect();
    let (_, y) = axes();
    let figure = Figure::new(
        "strongly-monotone",
        "Flip-flop with the anchor goes lowest on strongly monotone games",
        "Squared norm of the saddle operator of sums of 40 strongly monotone quadratic games at step size \
         0.001, geometric mean over the runs. Each method ends at a level set by its bias for this step \
         size. A pass of gradient descent-ascent (SGDA) costs half of one of extragradient.",
        Axis::linear("passes over the components"),
        y,
    );
    let means = compare(recorder, &problems, &methods, &stops, figure)?;
    let best = at(&means[0], 800);
    for (name, method) in [("SEG-FF / SEG-FFA", 1), ("SEG-RR / SEG-FFA", 2), ("SEG-US / SEG-FFA", 3)] {
        recorder.record("F2", name, [at(&means[method], 800) / best]);
    }
    Ok(())
}

fn independent_samples(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    /// `scale / (t + 19)^exponent`.
    fn power(scale: f64, exponent: f64) -> StepSize {
        StepSize::Power { initial: scale / 19_f64.powf(exponent), period: 19.0, exponent }
    }
    let methods = [
        flip_flop_anchored(),
        method("DSEG, exponents 0 and 1", 3, |p| {
            StochasticExtragradient::independent_samples(1.0, power(0.1, 1.0), p.seed)
        }),
        method("DSEG, exponents 1/3 and 2/3", 6, |p| {
            let (extrapolation, step) = (power(0.1, 1.0 / 3.0), power(0.05, 2.0 / 3.0));
            StochasticExtragradient::independent_samples(extrapolation, step, p.seed)
        }),
    ];
    let (x, y) = axes();
    let figure = Figure::new(
        "independent-samples",
        "Flip-flop with the anchor against independent samples",
        "The games of the first figure; DSEG draws two independent components a step.",
        x,
        y,
    );
    let means = compare(recorder, &monotone_problems(context)?, &methods, &stops(10_000), figure)?;
    let end = |method: usize| at(&means[method], 10_000);
    recorder.record("F3", "SEG-FFA / DSEG, exponents 0 and 1", [end(0) / end(1)]);
    recorder.record("F3", "SEG-FFA / DSEG, exponents 1/3 and 2/3", [end(0) / end(2)]);
    Ok(())
}
