//! When the zeros of the solution are found.

use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseRegression};
use kiln_optim::{Composite, Every, Stop, Trace, run as solve};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Table};
use kiln_tensor::prox::NonNegative;

use super::claims::LATE;
use super::rules::ITERATIONS;

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "active-set",
        "Zeros with x ≥ 0 and ℓ1 weight 5e4, data set A, 1000 x 10000",
        "Last change: the iteration after which the set of zeros stayed the same until iteration 500.",
        &["seed", "block", "update", "nonzeros", "last change"],
    );
    let seeds = context.seeds(context.pick(1, 3));
    let updates = [("1/L_b", Update::Gradient), ("two-metric", Update::TwoMetric)];
    let sizes: &[usize] = context.pick(&[5, 50], &[5, 50, 100]);
    let progress = recorder.progress((seeds.len() * sizes.len() * 2) as u64, "runs");
    for (index, &seed) in seeds.iter().enumerate() {
        let regression =
            SparseRegression::generate(1000, 10_000, RegressionLoss::Squared, seed)?.with_tilt(5e4)?;
        let problem = Composite { problem: regression, regularizer: NonNegative };
        let mut figure = Figure::new(
            &format!("nonzeros-{}", index + 1),
            "Coordinates that are not zero",
            "Number of nonzeros by iteration, up to 60 of 500.",
            Axis::linear("iteration"),
            Axis::linear("nonzeros"),
        );
        for (colour, &size) in sizes.iter().enumerate() {
            for (name, update) in updates {
                let (counts, changes): (Vec<u32>, Vec<u64>) = recorder
                    .memo(&format!("{size} {name} {seed}"), || zeros(&problem, size, update, seed))?;
                progress.inc(1);
                let late =
                    changes.iter().filter(|iteration| **iteration > ITERATIONS - ITERATIONS / 5).count();
                recorder.observe(&LATE, [late as f64]);
                let final_count = counts.last().copied().unwrap_or_default();
                let last_change = changes.last().copied().unwrap_or_default();
                table.row([
                    (index + 1).to_string(),
                    size.to_string(),
                    name.to_owned(),
                    final_count.to_string(),
                    last_change.to_string(),
                ]);
                let kind = if update == Update::Gradient { Kind::Dashed } else { Kind::Line };
                let points =
                    counts.iter().enumerate().take(61).map(|(at, count)| (at as f64, f64::from(*count)));
                figure = figure.with(kind, &format!("{size}, {name}"), colour, points);
            }
        }
        recorder.figure(figure);
    }
    recorder.table(table);
    Ok(())
}

/// The number of nonzeros after every iteration, and the iterations that changed which they are.
fn zeros<P: CoordinateProblem>(
    problem: &P,
    size: usize,
    update: Update,
    seed: u64,
) -> Result<(Vec<u32>, Vec<u64>), ExperimentError> {
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
    let counts = counts.points().iter().map(|point| point.value as u32).collect();
    Ok((counts, changes))
}
