//! R11: what the dimension does not do.

use kiln_optim::zeroth_order::{Alone, Mezo, SumOverBatch, Tuner};
use rayon::prelude::*;

use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Statistic, Table};

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

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(21, 101));
    let mut table = Table::new(
        "steps",
        "Steps until the value is 5e-3",
        "A quadratic of rank 10, rate 0.05.",
        &["dimension", "median", "smallest", "largest"],
    );
    let mut figure = Figure::new(
        "value-against-steps",
        "The rank, not the dimension, sets the speed",
        "MeZO on a quadratic of rank 10 in more and more dimensions, first seed.",
        Axis::linear("steps"),
        Axis::log("f"),
    );
    let mut medians = Vec::new();
    for (colour, dimension) in DIMENSIONS.into_iter().enumerate() {
        let runs: Vec<Vec<f64>> =
            seeds.par_iter().map(|&seed| descend(dimension, seed)).collect::<Result<_, _>>()?;
        let steps: Vec<f64> = runs.iter().map(|values| (values.len() - 1) as f64).collect();
        let [median, smallest, largest] = [Statistic::Median, Statistic::Min, Statistic::Max]
            .map(|statistic| statistic.of(&steps).unwrap_or(f64::NAN));
        medians.push(median);
        table.row([dimension as f64, median, smallest, largest].map(|x| Number(x).to_string()));
        let points = runs[0].iter().enumerate().map(|(step, &value)| (step as f64, value));
        figure = figure.with(Kind::Line, &format!("d = {dimension}"), colour, points);
    }
    let largest = medians.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = medians.iter().copied().fold(f64::INFINITY, f64::min);
    recorder.record("R11", "largest median / smallest", [largest / smallest]);
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}
