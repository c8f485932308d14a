//! Every order of the components on sums of quadratic games.

use kiln_optim::first_order::Sgd;
use kiln_optim::minimax::StochasticExtragradient;
use kiln_optim::problems::AffineFiniteSum;
use kiln_optim::{Operator, Order, Solver, StepSize};
use kiln_receipts::statistics::{geometric_mean, quantile};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Runs, Table};
use kiln_tensor::Vector;

use super::claims::{BEATS_DSEG, FALLS, FASTEST, GROWS};

const COMPONENTS: usize = 40;
const SIZE: usize = 20;

/// Passes and the squared norm of `F` over its value at the start; infinite once it left the range of numbers.
type Curve = Vec<(f64, f64)>;

struct Problem {
    games: AffineFiniteSum,
    start: Vec<f64>,
    seed: u64,
}

impl Problem {
    fn monotone(seed: u64) -> Result<Self, ExperimentError> {
        let games = AffineFiniteSum::monotone_games(COMPONENTS, SIZE, seed)?;
        Ok(Self::displaced(games, seed, 1.0))
    }

    fn strongly_monotone(seed: u64) -> Result<Self, ExperimentError> {
        let games = AffineFiniteSum::strongly_monotone_games(COMPONENTS, SIZE, seed)?;
        Ok(Self::displaced(games, seed, 1.0 / (2.0 * SIZE as f64).sqrt()))
    }

    fn displaced(games: AffineFiniteSum, seed: u64, displacement: f64) -> Self {
        let start = games.solution().iter().map(|z| z + displacement).collect();
        Self { games, start, seed }
    }

    /// `η₀ / (1 + k/10)^0.34` from `η₀ = 1/‖J‖_F`, at most 0.01; `k` counts pairs of passes whatever an epoch is,
    /// so that all methods have the same step after the same passes, as in the authors' code.
    fn schedule(&self, passes_per_epoch: f64) -> StepSize {
        let initial = (1.0 / self.games.mean_matrix().norm_l2()).min(0.01);
        StepSize::Power { initial, period: 20.0 / passes_per_epoch, exponent: 0.34 }
    }

    /// A pass of extragradient evaluates every component twice, one of gradient descent-ascent once.
    fn curve(&self, solver: &impl Solver<AffineFiniteSum>, stops: &[u64]) -> Result<Curve, ExperimentError> {
        let square = |z: &Vec<f64>| Ok::<_, ExperimentError>(self.games.operator(z)?.norm()?.powi(2));
        let first = square(&self.start)?;
        let mut state = solver.start(&self.games, self.start.clone())?;
        let (mut curve, mut ratio) = (Vec::new(), 1.0);
        for &passes in stops {
            while f64::is_finite(ratio) && state.iteration < passes * COMPONENTS as u64 {
                solver.advance(&self.games, &mut state)?;
            }
            if ratio.is_finite() {
                ratio =
                    Some(square(&state.iterate)? / first).filter(|x| x.is_finite()).unwrap_or(f64::INFINITY);
            }
            curve.push((passes as f64, ratio));
        }
        Ok(curve)
    }
}

fn arm<'a, S: Solver<AffineFiniteSum>>(
    name: &str,
    problem: fn(u64) -> Result<Problem, ExperimentError>,
    stops: &'a [u64],
    solver: impl Fn(&Problem) -> S + Sync + 'a,
) -> Arm<'a, Curve> {
    Arm::new(name, &stops, move |seed| {
        let problem = problem(seed)?;
        problem.curve(&solver(&problem), stops)
    })
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

/// The value after so many passes, at most 1e300, so that it can be divided.
fn after(passes: u64) -> impl Fn(&Curve) -> f64 {
    move |curve| {
        let point = curve.iter().find(|(x, _)| *x == passes as f64);
        point.map_or(f64::NAN, |(_, value)| value.min(1e300))
    }
}

fn show(recorder: &mut Recorder, runs: &[Runs<Curve>], passes: u64, figure: Figure) {
    let mut table = Table::new(
        &figure.id,
        &figure.title,
        "‖F(z)‖² over its value at the start: geometric mean, smallest and largest over the runs.",
        &["method", "passes", "geometric mean", "smallest", "largest"],
    );
    for passes in [1_000, 10_000].into_iter().filter(|decade| *decade < passes).chain([passes]) {
        for arm in runs {
            let values = arm.each(after(passes));
            let numbers = [geometric_mean(&values), quantile(&values, 0.0), quantile(&values, 1.0)];
            table.numbers([arm.name.clone(), passes.to_string()], numbers);
        }
    }
    recorder.table(table);
    recorder.figure(figure.with_runs(runs, Curve::clone));
}

fn axes() -> (Axis, Axis) {
    (Axis::log("passes over the components"), Axis::log("‖F(z)‖² / ‖F(z₀)‖²"))
}

fn flip_flop_anchored(stops: &[u64]) -> Arm<'_, Curve> {
    let solver = |p: &Problem| StochasticExtragradient::flip_flop_anchored(p.schedule(2.0), p.seed);
    arm("SEG-FFA", Problem::monotone, stops, solver)
}

pub(super) fn monotone(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let passes = context.pick(10_000, 100_000);
    let stops = &stops(passes);
    let arm =
        |name, solver: fn(&Problem) -> StochasticExtragradient| arm(name, Problem::monotone, stops, solver);
    let runs = recorder.sweep(
        &context.seeds(context.pick(5, 20)),
        [
            flip_flop_anchored(stops),
            arm("SEG-FF", |p| StochasticExtragradient::flip_flop(p.schedule(2.0), p.seed)),
            arm("SEG-RR", |p| StochasticExtragradient::reshuffled(p.schedule(1.0), p.seed)),
            arm("SEG-US", |p| StochasticExtragradient::with_replacement(p.schedule(1.0), p.seed)),
            arm("SEG-RRA", |p| StochasticExtragradient::reshuffled_anchored(p.schedule(1.0), p.seed)),
            arm("SEG-RRA, α = β/2", |p| StochasticExtragradient {
                extrapolation_step: p.schedule(1.0).scaled(0.5),
                ..StochasticExtragradient::reshuffled_anchored(p.schedule(1.0), p.seed)
            }),
        ],
    )?;
    let over = |arm: &Runs<Curve>, earlier: u64| {
        let (end, before) = (arm.each(after(passes)), arm.each(after(earlier)));
        end.into_iter().zip(before).collect::<Vec<_>>()
    };
    recorder.observe(&FALLS, over(&runs[0], passes / 10));
    for arm in &runs[1..4] {
        recorder.observe_in(&arm.name, &GROWS, over(arm, 1_000));
    }
    let (x, y) = axes();
    let figure = Figure::new(
        "monotone",
        "Flip-flop with the anchor converges on monotone games",
        "Squared norm of the saddle operator of monotone sums of 40 nonmonotone quadratic games. A curve that ends \
         early left the range of floating-point numbers.",
        x,
        y,
    );
    show(recorder, &runs, passes, figure);
    Ok(())
}

pub(super) fn strongly_monotone(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const STEP: f64 = 1e-3;
    let stops: &Vec<_> = &(1..=40).map(|i| 20 * i).collect();
    let arm = |name, solver: fn(&Problem) -> StochasticExtragradient| {
        arm(name, Problem::strongly_monotone, stops, solver)
    };
    let descent_ascent = |name, order| {
        let solver = move |p: &Problem| Sgd { step_size: STEP.into(), batch_size: 1, order, seed: p.seed };
        self::arm(name, Problem::strongly_monotone, stops, solver)
    };
    let runs = recorder.sweep(
        &context.seeds(context.pick(5, 20)),
        [
            arm("SEG-FFA", |p| StochasticExtragradient::flip_flop_anchored(STEP, p.seed)),
            arm("SEG-FF", |p| StochasticExtragradient::flip_flop(STEP, p.seed)),
            arm("SEG-RR", |p| StochasticExtragradient::reshuffled(STEP, p.seed)),
            arm("SEG-US", |p| StochasticExtragradient::with_replacement(STEP, p.seed)),
            arm("SEG-RRA", |p| StochasticExtragradient::reshuffled_anchored(STEP, p.seed)),
            descent_ascent("SGDA-RR", Order::Reshuffled),
            descent_ascent("SGDA-US", Order::WithReplacement),
        ],
    )?;
    for arm in &runs[1..] {
        recorder.observe_in(&arm.name, &FASTEST, arm.paired(&runs[0], after(800)));
    }
    let figure = Figure::new(
        "strongly-monotone",
        "Flip-flop with the anchor goes lowest on strongly monotone games",
        "Sums of 40 strongly monotone quadratic games at step size 0.001. Each method ends at a level set by its bias \
         for this step size. A pass of gradient descent-ascent (SGDA) costs half of one of extragradient.",
        Axis::linear("passes over the components"),
        axes().1,
    );
    show(recorder, &runs, 800, figure);
    Ok(())
}

pub(super) fn independent_samples(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    /// `scale / (t + 19)^exponent`.
    fn power(scale: f64, exponent: f64) -> StepSize {
        StepSize::Power { initial: scale / 19_f64.powf(exponent), period: 19.0, exponent }
    }
    let stops = &stops(10_000);
    let arm =
        |name, solver: fn(&Problem) -> StochasticExtragradient| arm(name, Problem::monotone, stops, solver);
    let runs = recorder.sweep(
        &context.seeds(context.pick(8, 20)),
        [
            flip_flop_anchored(stops),
            arm("DSEG, exponents 0 and 1", |p| {
                StochasticExtragradient::independent_samples(1.0, power(0.1, 1.0), p.seed)
            }),
            arm("DSEG, exponents 1/3 and 2/3", |p| {
                let (extrapolation, step) = (power(0.1, 1.0 / 3.0), power(0.05, 2.0 / 3.0));
                StochasticExtragradient::independent_samples(extrapolation, step, p.seed)
            }),
        ],
    )?;
    for arm in &runs[1..] {
        recorder.observe_in(&arm.name, &BEATS_DSEG, arm.paired(&runs[0], after(10_000)));
    }
    let (x, y) = axes();
    let figure = Figure::new(
        "independent-samples",
        "Flip-flop with the anchor against independent samples",
        "The games of the first figure; DSEG draws two independent components a step.",
        x,
        y,
    );
    show(recorder, &runs, 10_000, figure);
    Ok(())
}
