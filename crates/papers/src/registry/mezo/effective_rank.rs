//! R11: what the dimension does not do.

use kiln_optim::zeroth_order::{Alone, Mezo, SumOverBatch, Tuner};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, sweep};

use super::claims::DIMENSION;

/// The rank of the Hessian.
const RANK: usize = 10;
const DIMENSIONS: [usize; 3] = [100, 1_000, 10_000];
const RATE: f64 = 0.05;
const TARGET: f64 = 5e-3;
const MOST_STEPS: u64 = 10_000;

fn value(point: &[f64]) -> f64 {
    0.5 * point[..RANK].iter().map(|x| x * x).sum::<f64>()
}

/// The value before each step, until it is small.
fn descend(dimension: usize, seed: u64) -> Result<Vec<f64>, ExperimentError> {
    let problem = SumOverBatch::new(1, |_: &[usize], point: &Vec<f64>| value(point))?;
    // The same seed would give the coordinates that count the same directions in any dimension.
    let tuner = Tuner::new(Mezo::new(RATE), 1, seed + dimension as u64);
    let mut start = vec![0.0; dimension];
    start[..RANK].fill(1.0);
    let mut state = tuner.start(1, start)?;
    let mut values = vec![value(&state.point)];
    while values.last().is_none_or(|&last| last > TARGET) {
        if state.step() == MOST_STEPS {
            return Err(format!("no value of {TARGET} in {MOST_STEPS} steps").into());
        }
        tuner.step(&problem, &mut state, &Alone)?;
        values.push(value(&state.point));
    }
    Ok(values)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(21, 101));
    let settings = (RANK, RATE, TARGET);
    let arm = |d: usize| Arm::new(format!("d = {d}"), &(d, settings), move |seed| descend(d, seed));
    let runs = recorder.sweep(&seeds, DIMENSIONS.map(arm))?;
    let steps = |values: &Vec<f64>| (values.len() - 1) as f64;
    let caption = "A quadratic of rank 10, rate 0.05.";
    recorder.table(sweep::table("steps", "Steps until the value is 5e-3", caption, &runs, steps));
    let figure = Figure::new(
        "value-against-steps",
        "The rank, not the dimension, sets the speed",
        "MeZO on a quadratic of rank 10 in more and more dimensions.",
        Axis::linear("steps"),
        Axis::log("f"),
    );
    recorder.figure(figure.with_runs(&runs, |values| {
        values.iter().enumerate().map(|(step, value)| (step as f64, *value)).collect()
    }));
    let [hundred, more @ ..] = &runs;
    for runs in more {
        recorder.observe_in(&runs.name, &DIMENSION, runs.paired(hundred, steps));
    }
    Ok(())
}
