//! R1 to R6.

use kiln_optim::first_order::Sgd;
use kiln_optim::zeroth_order::{Alone, Fidelity, Mezo, MezoSvrg, Tuner, ZerothOrder};
use kiln_optim::{Order, Solver};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Runs, sweep};
use serde::{Deserialize, Serialize};

use super::claims::{
    ALL_CONVERGE, BATCHES_DIVERGE, BEST_MEZO, DOUBLED, IN_ORDER, PERIODS, SMALL_BATCHES, VARIANT,
};
use super::problem::{COLUMNS, LeastSquares, ROWS};

/// Steps of the specification's runs, but for R4.
const STEPS: u64 = 15_000;
const BATCH: usize = 32;
const RATE: f32 = 1e-3;
/// Queries of [`STEPS`] steps of `MeZO-SVRG` with q = 2: the mean of an anchor step's 2n and an inner step's
/// 4b.
const QUERIES: u64 = STEPS * (2 * ROWS as u64 + 4 * BATCH as u64) / 2;
/// Below this the figures are cut.
const FLOOR: f64 = 1e-16;
/// Stands for what diverged.
const DIVERGED: f64 = 1e30;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    step: u64,
    queries: u64,
    excess: f64,
}

type Curve = Vec<Sample>;

fn last(curve: &Curve) -> f64 {
    curve.last().map_or(f64::NAN, |sample| sample.excess.min(DIVERGED))
}

fn logarithm(curve: &Curve) -> f64 {
    last(curve).max(FLOOR).log10()
}

fn is_above_its_start(curve: &Curve) -> bool {
    curve.first().is_none_or(|start| last(curve) > start.excess)
}

/// Step 0 and some eight steps of every decade.
fn is_sampled(step: u64, steps: u64) -> bool {
    let bucket = |step: u64| (8.0 * (step as f64).log10()).floor();
    step <= 1 || step == steps || bucket(step) > bucket(step - 1)
}

/// A zeroth-order method from zero.
fn follow<M: ZerothOrder>(
    problem: &LeastSquares,
    tuner: &Tuner<M>,
    steps: u64,
) -> Result<Curve, ExperimentError> {
    let mut state = tuner.start(ROWS, vec![0.0; COLUMNS])?;
    let mut curve = Curve::new();
    for step in 0..=steps {
        if is_sampled(step, steps) {
            let (queries, excess) = (state.queries().examples, problem.excess(&state.point));
            curve.push(Sample { step, queries, excess });
        }
        if step < steps {
            tuner.step(problem, &mut state, &Alone)?;
        }
    }
    Ok(curve)
}

fn mezo(name: &str, sigma: f64, rate: f64, batch: usize, steps: u64) -> Arm<'static, Curve> {
    Arm::new(name, &(sigma, rate, batch, steps), move |seed| {
        follow(&LeastSquares::new(sigma, seed)?, &Tuner::new(Mezo::new(rate), batch, seed), steps)
    })
}

fn svrg(name: &str, sigma: f64, anchor_period: u64, rate: f32, fidelity: Fidelity) -> Arm<'static, Curve> {
    let method = MezoSvrg { anchor_period, fidelity, ..MezoSvrg::new(RATE, rate) };
    Arm::new(name, &(sigma, method), move |seed| {
        follow(&LeastSquares::new(sigma, seed)?, &Tuner::new(method, BATCH, seed), STEPS)
    })
}

/// SGD with gradients. A gradient counts as one query here, as in the authors' logs.
fn sgd(problem: &LeastSquares, rate: f64, seed: u64) -> Result<Curve, ExperimentError> {
    let solver = Sgd { step_size: rate.into(), batch_size: BATCH, order: Order::Reshuffled, seed };
    let mut state = solver.start(problem, vec![0.0; COLUMNS])?;
    let mut curve = Curve::new();
    for step in 0..=STEPS {
        if is_sampled(step, STEPS) {
            let (queries, excess) = (step * BATCH as u64, problem.excess(&state.iterate));
            curve.push(Sample { step, queries, excess });
        }
        if step < STEPS {
            solver.advance(problem, &mut state)?;
        }
    }
    Ok(curve)
}

type Coordinate = fn(&Sample) -> u64;
const BY_QUERIES: (&str, Coordinate) = ("queries (forward passes of one example)", |sample| sample.queries);

/// The ends as a table, the curves as a figure.
fn show(
    recorder: &mut Recorder,
    [table, figure, title, caption]: [&str; 4],
    (label, x): (&str, Coordinate),
    runs: &[Runs<Curve>],
) {
    const EXCESS: &str = "f − min f";
    if !table.is_empty() {
        recorder.table(sweep::table(table, EXCESS, caption, runs, last));
    }
    let caption = format!("{caption} Cut at 1e-16.");
    let figure = Figure::new(figure, title, &caption, Axis::log(label), Axis::log(EXCESS));
    let shown = |excess: f64| if excess < 1e12 { excess.max(FLOOR) } else { f64::NAN };
    let points =
        |curve: &Curve| curve.iter().skip(1).map(|sample| (x(sample) as f64, shown(sample.excess))).collect();
    recorder.figure(figure.with_runs(runs, points));
}

pub(super) fn against_mezo(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let rates: &[f64] = context.pick(&[1e-5, 1e-4, 1e-3], &[1e-5, 3e-5, 1e-4, 3e-4, 1e-3]);
    let steps = QUERIES / (2 * BATCH as u64);
    let mut arms = vec![svrg("MeZO-SVRG", 1.0, 2, RATE, Fidelity::Corrected)];
    arms.extend(rates.iter().map(|rate| mezo(&format!("MeZO, {rate:e}"), 1.0, *rate, BATCH, steps)));
    let runs = recorder.sweep_all(&context.seeds(context.pick(5, 10)), arms)?;
    let (reduced, mezo) = (runs[0].each(last), &runs[1..]);
    let best = |seed: usize| mezo.iter().map(|runs| last(&runs.values[seed])).fold(f64::INFINITY, f64::min);
    recorder.observe(&BEST_MEZO, reduced.into_iter().enumerate().map(|(seed, excess)| (best(seed), excess)));
    let words = [
        "ends",
        "excess-against-queries",
        "MeZO stops where its batches disagree",
        "Least squares with σ = 1, batches of 32, 1.6e7 queries: MeZO-SVRG (q = 2, rates 1e-3), MeZO at several rates.",
    ];
    show(recorder, words, BY_QUERIES, &runs);
    Ok(())
}

pub(super) fn variants(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let period = |q: u64| svrg(&format!("q = {q}"), 1.0, q, RATE, Fidelity::Corrected);
    let arms = [
        svrg("a direction for each term", 1.0, 2, RATE, Fidelity::Independent),
        svrg("as the authors' code", 1.0, 2, RATE, Fidelity::Official),
        svrg("the direction of the anchor", 1.0, 2, RATE, Fidelity::SharedCycle),
        period(1),
        period(2),
        period(5),
        period(10),
        svrg("q = 10, inner rate 1e-4", 1.0, 10, 1e-4, Fidelity::Corrected),
    ];
    let runs = recorder.sweep(&context.seeds(context.pick(5, 10)), arms)?;
    let [independent, official, _, _, two, five, ten, _] = &runs;
    for variant in [independent, official] {
        recorder.observe_in(&variant.name, &VARIANT, variant.paired(two, last));
    }
    let logarithms = [two, five, ten].map(|runs| runs.each(logarithm));
    recorder.observe(&PERIODS, (0..two.values.len()).map(|seed| [0, 1, 2].map(|arm| logarithms[arm][seed])));
    let words = [
        "variants",
        "variants-of-mezo-svrg",
        "A shared direction and a frequent anchor are what works",
        "Least squares with σ = 1, batches of 32, 15,000 steps; rates 1e-3 and q = 2 where nothing else is said.",
    ];
    show(recorder, words, BY_QUERIES, &runs);
    Ok(())
}

pub(super) fn batch_sizes(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let of = |batch: usize| mezo(&format!("batches of {batch}"), 1e-3, 1e-3, batch, STEPS);
    let arms = [
        of(1),
        of(4),
        of(16),
        of(32),
        of(64),
        mezo("rate 4e-3, batches of 32", 1e-3, 4e-3, BATCH, 4_000),
        mezo("rate 4e-3, all examples", 1e-3, 4e-3, ROWS, 4_000),
    ];
    let runs = recorder.sweep(&context.seeds(context.pick(5, 10)), arms)?;
    let [one, four, sixteen, half, double, batches, all] = &runs;
    // One observation a problem: its runs are not independent.
    let small = one.values.iter().zip(&four.values);
    recorder.observe(
        &SMALL_BATCHES,
        small.map(|(one, four)| is_above_its_start(one) && is_above_its_start(four)),
    );
    recorder.observe_in("16 / 32", &DOUBLED, sixteen.paired(half, last));
    recorder.observe_in("32 / 64", &DOUBLED, half.paired(double, last));
    recorder.observe(&BATCHES_DIVERGE, batches.values.iter().map(is_above_its_start));
    recorder.observe(&ALL_CONVERGE, all.values.iter().map(|curve| !is_above_its_start(curve)));
    let words = [
        "batch-sizes",
        "mezo-by-batch-size",
        "MeZO needs large batches",
        "MeZO on least squares with σ = 1e-3: rate 1e-3 and 15,000 steps, or rate 4e-3 and 4,000 steps.",
    ];
    show(recorder, words, ("steps", |sample| sample.step), &runs);
    Ok(())
}

pub(super) fn against_gradients(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let arms = [
        svrg("MeZO-SVRG, q = 1", 1e-3, 1, RATE, Fidelity::Corrected),
        Arm::new("SGD with gradients", &1e-2, |seed| sgd(&LeastSquares::new(1e-3, seed)?, 1e-2, seed)),
        mezo("MeZO", 1e-3, 1e-3, BATCH, STEPS),
    ];
    let seeds = context.seeds(context.pick(5, 10));
    let runs = recorder.sweep(&seeds, arms)?;
    let ends = runs.each_ref().map(|runs| runs.each(logarithm));
    recorder.observe(&IN_ORDER, (0..seeds.len()).map(|seed| ends.each_ref().map(|ends| ends[seed])));
    let axes: [(&str, &str, &str, Coordinate); 2] = [
        ("against-gradients", "steps", "steps", |sample| sample.step),
        ("", "queries", "queries (a gradient of one example counts as one)", |sample| sample.queries),
    ];
    for (table, name, label, x) in axes {
        let id = format!("least-squares-against-{name}");
        let title = format!("The paper's figure on least squares, against {name}");
        show(recorder, [table, &id, &title, "Least squares with σ = 1e-3, 15,000 steps."], (label, x), &runs);
    }
    Ok(())
}
