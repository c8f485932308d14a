//! R11: what the dimension does not do.

use kiln_optim::zeroth_order::{Alone, Mezo, SumOverBatch, Tuner};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, sweep};

use super::claims::{DIMENSION, RANK};

/// Coordinates of large curvature where the effective rank is small.
const LARGE: usize = 10;
/// Trace of the Hessian.
const TRACE: f64 = 11.0;
const DIMENSIONS: [usize; 3] = [100, 1_000, 10_000];
const RATE: f64 = 0.05;
/// Of the value at the start.
const TARGET: f64 = 0.1;
const MOST_STEPS: u64 = 10_000;

/// Curvatures of the coordinates and where they start: in a few coordinates, or in all alike.
fn quadratic(dimension: usize, even: bool) -> (Vec<f64>, Vec<f64>) {
    if even {
        return (vec![TRACE / dimension as f64; dimension], vec![1.0; dimension]);
    }
    let small = (TRACE - LARGE as f64) / (dimension - LARGE) as f64;
    (0..dimension).map(|i| if i < LARGE { (1.0, 1.0) } else { (small, 0.0) }).unzip()
}

/// The share of the value that is left before each step, until it is small.
fn descend(dimension: usize, even: bool, seed: u64) -> Result<Vec<f64>, ExperimentError> {
    let (curvatures, start) = quadratic(dimension, even);
    let value = |point: &Vec<f64>| 0.5 * curvatures.iter().zip(point).map(|(h, x)| h * x * x).sum::<f64>();
    let first = value(&start);
    let problem = SumOverBatch::new(1, |_: &[usize], point: &Vec<f64>| value(point))?;
    // The same seed would give the coordinates that count the same directions in any dimension.
    let tuner = Tuner::new(Mezo::new(RATE), 1, seed + dimension as u64);
    let mut state = tuner.start(1, start)?;
    let mut shares = vec![1.0];
    while shares.last().is_none_or(|&last| last > TARGET) {
        if state.step() == MOST_STEPS {
            return Err(format!("more than {TARGET} of the value is left after {MOST_STEPS} steps").into());
        }
        tuner.step(&problem, &mut state, &Alone)?;
        shares.push(value(&state.point) / first);
    }
    Ok(shares)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(21, 101));
    let arm = |d: usize, even: bool| {
        let name = if even { format!("d = {d}, effective rank {d}") } else { format!("d = {d}") };
        Arm::new(name, &(LARGE, TRACE, RATE, TARGET), move |seed| descend(d, even, seed))
    };
    let [small, middle, large] = DIMENSIONS;
    let arms =
        [arm(small, false), arm(middle, false), arm(large, false), arm(small, true), arm(middle, true)];
    let runs = recorder.sweep(&seeds, arms)?;
    let steps = |shares: &Vec<f64>| (shares.len() - 1) as f64;
    let caption = "Quadratics of trace 11 and, where nothing else is said, effective rank 11; rate 0.05.";
    recorder.table(sweep::table("steps", "Steps until a tenth of the value is left", caption, &runs, steps));
    let figure = Figure::new(
        "value-against-steps",
        "The effective rank, not the dimension, sets the speed",
        &format!("MeZO. {caption}"),
        Axis::log("steps"),
        Axis::log("f / f(start)"),
    );
    recorder.figure(figure.with_runs(&runs, |shares| {
        shares.iter().enumerate().skip(1).map(|(step, share)| (step as f64, *share)).collect()
    }));
    let [hundred, more @ .., even_hundred, even_thousand] = &runs;
    for runs in more {
        recorder.observe_in(&runs.name, &DIMENSION, runs.paired(hundred, steps));
    }
    recorder.observe(&RANK, even_thousand.paired(even_hundred, steps));
    Ok(())
}
