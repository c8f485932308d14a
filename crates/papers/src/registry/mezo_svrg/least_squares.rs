//! R1 to R6.

use kiln_optim::first_order::Sgd;
use kiln_optim::zeroth_order::{Alone, Fidelity, Mezo, MezoSvrg, Tuner, ZerothOrder};
use kiln_optim::{Order, Solver};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::problem::{COLUMNS, LeastSquares, ROWS};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Statistic, Table};

/// Steps of the specification's runs, but for R4.
const STEPS: u64 = 15_000;
const BATCH: usize = 32;
const RATE: f32 = 1e-3;
/// Queries of [`STEPS`] steps of `MeZO-SVRG` with q = 2: the mean of an anchor step's 2n and an inner step's
/// 4b.
const QUERIES: u64 = STEPS * (2 * ROWS as u64 + 4 * BATCH as u64) / 2;
const MEZO_RATES: [f64; 5] = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3];
/// Below this the figures are cut.
const FLOOR: f64 = 1e-16;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    step: u64,
    queries: u64,
    excess: f64,
}

type Curve = Vec<Sample>;

fn last(curve: &Curve) -> f64 {
    curve.last().map_or(f64::NAN, |sample| sample.excess)
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

fn mezo(
    problem: &LeastSquares,
    rate: f64,
    batch: usize,
    steps: u64,
    seed: u64,
) -> Result<Curve, ExperimentError> {
    follow(problem, &Tuner::new(Mezo::new(rate), batch, seed), steps)
}

fn svrg(
    problem: &LeastSquares,
    anchor_period: u64,
    rate: f32,
    fidelity: Fidelity,
    seed: u64,
) -> Result<Curve, ExperimentError> {
    let method = MezoSvrg { anchor_period, fidelity, ..MezoSvrg::new(RATE, rate) };
    follow(problem, &Tuner::new(method, BATCH, seed), STEPS)
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

type Run<'a> = dyn Fn(&LeastSquares, u64) -> Result<Curve, ExperimentError> + Sync + 'a;

/// The curves of every method on every seed's problem, in parallel.
fn curves(
    context: &Context,
    recorder: &Recorder,
    sigma: f64,
    methods: &[(String, Box<Run<'_>>)],
) -> Result<Vec<Vec<Curve>>, ExperimentError> {
    let seeds = context.seeds(context.pick(3, 10));
    let problems: Vec<_> =
        seeds.iter().map(|&seed| LeastSquares::new(sigma, seed)).collect::<Result<_, _>>()?;
    let bar = recorder.progress((methods.len() * seeds.len()) as u64, "runs");
    let runs: Vec<_> = methods
        .iter()
        .flat_map(|method| seeds.iter().zip(&problems).map(move |seed| (method, seed)))
        .collect();
    let mut curves = runs
        .into_par_iter()
        .map(|((name, method), (&seed, problem))| {
            let curve = recorder.memo(&format!("{name} {seed}"), || method(problem, seed))?;
            bar.inc(1);
            Ok(curve)
        })
        .collect::<Result<Vec<_>, ExperimentError>>()?
        .into_iter();
    Ok(methods.iter().map(|_| curves.by_ref().take(seeds.len()).collect()).collect())
}

fn ends(curves: &[Curve]) -> Vec<f64> {
    curves.iter().map(last).collect()
}

/// A table of the ends: median, smallest, largest.
fn table(id: &str, title: &str, caption: &str, rows: &[(&str, Vec<f64>)]) -> Table {
    let mut table = Table::new(id, title, caption, &["", "median", "smallest", "largest"]);
    for (name, values) in rows {
        let statistics = [Statistic::Median, Statistic::Min, Statistic::Max];
        let cells = statistics.map(|of| of.of(values).map_or_else(String::new, |x| Number(x).to_string()));
        table.row(std::iter::once((*name).to_owned()).chain(cells));
    }
    table
}

const EXCESS: &str = "f − min f";

type Coordinate = fn(&Sample) -> u64;

fn figure(id: &str, title: &str, caption: &str, x: &str) -> Figure {
    let caption = format!("{caption} The first seed. Cut at 1e-16.");
    Figure::new(id, title, &caption, Axis::log(x), Axis::log(EXCESS))
}

fn points(curve: &Curve, x: Coordinate) -> Vec<(f64, f64)> {
    let drawn = |sample: &&Sample| sample.step > 0 && sample.excess < 1e12;
    curve.iter().filter(drawn).map(|sample| (x(sample) as f64, sample.excess.max(FLOOR))).collect()
}

pub(super) fn against_mezo(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut methods: Vec<(String, Box<Run<'_>>)> = vec![(
        "MeZO-SVRG".to_owned(),
        Box::new(|problem, seed| svrg(problem, 2, RATE, Fidelity::Corrected, seed)),
    )];
    for rate in MEZO_RATES {
        let steps = QUERIES / (2 * BATCH as u64);
        methods.push((
            format!("MeZO, {rate:e}"),
            Box::new(move |problem, seed| mezo(problem, rate, BATCH, steps, seed)),
        ));
    }
    let curves = curves(context, recorder, 1.0, &methods)?;
    let best = |seed: usize| curves[1..].iter().map(|c| last(&c[seed])).fold(f64::INFINITY, f64::min);
    recorder.record("R1", "MeZO-SVRG", ends(&curves[0]));
    recorder.record("R1", "MeZO, best rate", (0..curves[0].len()).map(best));

    let rows: Vec<_> =
        methods.iter().zip(&curves).map(|((name, _), curves)| (name.as_str(), ends(curves))).collect();
    recorder.table(table("ends", EXCESS, "Least squares with σ = 1 after 1.6e7 queries.", &rows));
    let mut figure = figure(
        "excess-against-queries",
        "MeZO stops where its batches disagree",
        "Least squares with σ = 1, batches of 32: MeZO-SVRG (q = 2, rates 1e-3) and MeZO at several rates.",
        "queries (forward passes of one example)",
    );
    for (colour, ((name, _), curves)) in methods.iter().zip(&curves).enumerate() {
        figure = figure.with(Kind::Line, name, colour, points(&curves[0], |sample| sample.queries));
    }
    recorder.figure(figure);
    Ok(())
}

pub(super) fn variants(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let variant = |name: &str, period: u64, rate: f32, fidelity: Fidelity| -> (String, Box<Run<'_>>) {
        (name.to_owned(), Box::new(move |problem, seed| svrg(problem, period, rate, fidelity, seed)))
    };
    let methods = [
        variant("a direction for each term", 2, RATE, Fidelity::Independent),
        variant("as the authors' code", 2, RATE, Fidelity::Official),
        variant("the direction of the anchor", 2, RATE, Fidelity::SharedCycle),
        variant("q = 1", 1, RATE, Fidelity::Corrected),
        variant("q = 2", 2, RATE, Fidelity::Corrected),
        variant("q = 5", 5, RATE, Fidelity::Corrected),
        variant("q = 10", 10, RATE, Fidelity::Corrected),
        variant("q = 10, inner rate 1e-4", 10, 1e-4, Fidelity::Corrected),
    ];
    let curves = curves(context, recorder, 1.0, &methods)?;
    for (i, (name, _)) in methods.iter().enumerate() {
        let claim = match i {
            0 | 1 => "R2",
            3..=6 => "R6",
            _ => continue,
        };
        recorder.record(claim, name, ends(&curves[i]));
    }
    let rows: Vec<_> =
        methods.iter().zip(&curves).map(|((name, _), curves)| (name.as_str(), ends(curves))).collect();
    let caption = "Least squares with σ = 1, batches of 32, 15,000 steps; rates 1e-3 and q = 2 where nothing \
        else is said.";
    recorder.table(table("variants", EXCESS, caption, &rows));
    let mut figure = figure(
        "variants-of-mezo-svrg",
        "A shared direction and a frequent anchor are what works",
        caption,
        "queries (forward passes of one example)",
    );
    for (colour, ((name, _), curves)) in methods.iter().zip(&curves).enumerate() {
        figure = figure.with(Kind::Line, name, colour, points(&curves[0], |sample| sample.queries));
    }
    recorder.figure(figure);
    Ok(())
}

const BATCHES: [usize; 5] = [1, 4, 16, 32, 64];

pub(super) fn batch_sizes(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let run = |name: String, rate: f64, batch: usize, steps: u64| -> (String, Box<Run<'_>>) {
        (name, Box::new(move |problem, seed| mezo(problem, rate, batch, steps, seed)))
    };
    let mut methods: Vec<_> =
        BATCHES.map(|batch| run(format!("batches of {batch}"), 1e-3, batch, STEPS)).into();
    methods.push(run("rate 4e-3, batches of 32".to_owned(), 4e-3, BATCH, 4_000));
    methods.push(run("rate 4e-3, all examples".to_owned(), 4e-3, ROWS, 4_000));
    let curves = curves(context, recorder, 1e-3, &methods)?;

    let ends: Vec<Vec<f64>> = curves.iter().map(|curves| ends(curves)).collect();
    for (i, name) in [(0, "batches of 1"), (1, "batches of 4"), (4, "batches of 64")] {
        recorder.record("R3", name, ends[i].iter().copied());
    }
    let gain = |seed: usize| (ends[2][seed] / ends[3][seed]).min(ends[3][seed] / ends[4][seed]);
    recorder.record("R3", "smallest gain of a doubled batch", (0..ends[0].len()).map(gain));
    recorder.record("R4", "batches of 32", ends[5].iter().copied());
    recorder.record("R4", "all examples", ends[6].iter().copied());

    let rows: Vec<_> = methods.iter().zip(ends).map(|((name, _), ends)| (name.as_str(), ends)).collect();
    let caption =
        "MeZO on least squares with σ = 1e-3: rate 1e-3 and 15,000 steps, or rate 4e-3 and 4,000 steps.";
    recorder.table(table("batch-sizes", EXCESS, caption, &rows));
    let mut figure = figure("mezo-by-batch-size", "MeZO needs large batches", caption, "steps");
    for (colour, ((name, _), curves)) in methods.iter().zip(&curves).enumerate() {
        figure = figure.with(Kind::Line, name, colour, points(&curves[0], |sample| sample.step));
    }
    recorder.figure(figure);
    Ok(())
}

pub(super) fn against_gradients(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let methods: [(String, Box<Run<'_>>); 3] = [
        (
            "MeZO-SVRG, q = 1".to_owned(),
            Box::new(|problem, seed| svrg(problem, 1, RATE, Fidelity::Corrected, seed)),
        ),
        ("MeZO".to_owned(), Box::new(|problem, seed| mezo(problem, 1e-3, BATCH, STEPS, seed))),
        ("SGD with gradients".to_owned(), Box::new(|problem, seed| sgd(problem, 1e-2, seed))),
    ];
    let curves = curves(context, recorder, 1e-3, &methods)?;
    let [svrg, mezo, sgd] = [0, 1, 2].map(|i| ends(&curves[i]));
    let ratios = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a / b).collect::<Vec<_>>();
    recorder.record("R5", "SGD / MeZO-SVRG", ratios(&sgd, &svrg));
    recorder.record("R5", "MeZO / SGD", ratios(&mezo, &sgd));
    recorder.record("R5", "MeZO-SVRG", svrg);

    let rows: Vec<_> =
        methods.iter().zip(&curves).map(|((name, _), curves)| (name.as_str(), ends(curves))).collect();
    let caption = "Least squares with σ = 1e-3, 15,000 steps.";
    recorder.table(table("against-gradients", EXCESS, caption, &rows));
    let axes: [(&str, &str, Coordinate); 2] = [
        ("steps", "steps", |sample| sample.step),
        ("queries", "queries (a gradient of one example counts as one)", |sample| sample.queries),
    ];
    for (name, label, x) in axes {
        let id = format!("least-squares-against-{name}");
        let title = format!("The paper's figure on least squares, against {name}");
        let mut figure = figure(&id, &title, caption, label);
        for (colour, ((name, _), curves)) in methods.iter().zip(&curves).enumerate() {
            figure = figure.with(Kind::Line, name, colour, points(&curves[0], x));
        }
        recorder.figure(figure);
    }
    Ok(())
}
