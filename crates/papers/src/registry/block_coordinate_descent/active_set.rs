//! When the zeros of the solution are found.

use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseRegression};
use kiln_optim::{Composite, Every, Stop, Trace, run as solve};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Table};
use kiln_tensor::prox::NonNegative;

use super::claims::LATE;
use super::rules::ITERATIONS;

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let sizes: &[usize] = context.pick(&[5, 50], &[5, 50, 100]);
    let updates = [("1/L_b", Update::Gradient), ("two-metric", Update::TwoMetric)];
    let arms = sizes.iter().flat_map(|&size| {
        updates.map(|(name, update)| {
            Arm::new(format!("blocks of {size}, {name}"), &(size, update), move |seed| {
                let regression = SparseRegression::generate(1000, 10_000, RegressionLoss::Squared, seed)?
                    .with_tilt(5e4)?;
                zeros(&Composite { problem: regression, regularizer: NonNegative }, size, update, seed)
            })
        })
    });
    let runs = recorder.sweep_all(&context.seeds(context.pick(1, 3)), arms.collect())?;
    let mut table = Table::new(
        "active-set",
        "Zeros with x ≥ 0 and ℓ1 weight 5e4, data set A, 1000 × 10000",
        "A row a data set. Last change: the iteration after which the set of zeros stayed the same until \
         iteration 500.",
        &["", "nonzeros", "last change"],
    );
    for runs in &runs {
        for (counts, changes) in &runs.values {
            let late = changes.iter().filter(|iteration| **iteration > ITERATIONS - ITERATIONS / 5).count();
            recorder.observe_in(&runs.name, &LATE, [late as f64]);
            let ends = [counts.last().copied(), changes.last().map(|last| *last as f64)];
            let ends = ends.map(|end| Number(end.unwrap_or(0.0)).to_string());
            table.row(std::iter::once(runs.name.clone()).chain(ends));
        }
    }
    recorder.table(table);
    let figure = Figure::new(
        "nonzeros",
        "Coordinates that are not zero",
        "Number of nonzeros by iteration, up to 60 of 500.",
        Axis::linear("iteration"),
        Axis::linear("nonzeros"),
    );
    recorder.figure(figure.with_runs(&runs, |(counts, _)| {
        counts.iter().enumerate().take(61).map(|(at, count)| (at as f64, *count)).collect()
    }));
    Ok(())
}

/// The number of nonzeros after every iteration, and the iterations that changed which they are.
fn zeros<P: CoordinateProblem>(
    problem: &P,
    size: usize,
    update: Update,
    seed: u64,
) -> Result<(Vec<f64>, Vec<u64>), ExperimentError> {
    let blocks = BlockPartition::Variable { size };
    let solver = BlockCoordinateDescent { blocks, rule: BlockRule::GsqNonnegative, update, seed };
    let mut before = vec![false; problem.dimension()];
    let (mut iteration, mut changes) = (0, Vec::new());
    let mut counts = Trace::new(Every::Iterations(1), |_: &P, x: &Vec<f64>| {
        let support: Vec<bool> = x.iter().map(|x| *x > 0.0).collect();
        if support != before {
            changes.push(iteration);
        }
        let count = support.iter().filter(|nonzero| **nonzero).count();
        before = support;
        iteration += 1;
        Ok(count as f64)
    });
    let stop = Stop { check_every: Some(50), ..Stop::after(ITERATIONS) };
    solve(&solver, problem, vec![0.0; problem.dimension()], &stop, &mut counts)?;
    let counts = counts.points().iter().map(|point| point.value).collect();
    Ok((counts, changes))
}
