//! When the zeros of the solution are found.

use faer::Mat;
use faer::linalg::solvers::Solve;
use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseRegression};
use kiln_optim::{Composite, Every, Stop, Trace, run_observed as solve};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Table};
use kiln_tensor::prox::NonNegative;
use serde::{Deserialize, Serialize};

use super::claims::{LATE, SOLUTIONS};
use super::rules::ITERATIONS;

#[derive(Serialize, Deserialize)]
struct Zeros {
    /// The number of nonzeros after every iteration.
    nonzeros: Vec<f64>,
    /// The iterations that changed which they are.
    changes: Vec<u64>,
    /// See [`broken`].
    broken: usize,
}

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
        for Zeros { nonzeros, changes, broken } in &runs.values {
            let late = changes.iter().filter(|iteration| **iteration > ITERATIONS - ITERATIONS / 5).count();
            recorder.observe_in(&runs.name, &LATE, [late as f64]);
            recorder.observe_in(&runs.name, &SOLUTIONS, [*broken as f64]);
            let ends = [nonzeros.last().copied(), changes.last().map(|last| *last as f64)];
            table.numbers([&runs.name], ends.map(|end| end.unwrap_or(0.0)));
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
    recorder.figure(figure.with_runs(&runs, |zeros| {
        zeros.nonzeros.iter().enumerate().take(61).map(|(at, count)| (at as f64, *count)).collect()
    }));
    Ok(())
}

fn zeros<P: CoordinateProblem>(
    problem: &P,
    size: usize,
    update: Update,
    seed: u64,
) -> Result<Zeros, ExperimentError> {
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
    let end = solve(&solver, problem, vec![0.0; problem.dimension()], &stop, &mut counts)?.state.iterate;
    let nonzeros = counts.points().iter().map(|point| point.value).collect();
    Ok(Zeros { nonzeros, changes, broken: broken(problem, &end)? })
}

/// How many conditions of a minimum of a quadratic over `x ≥ 0` its minimum over the nonzeros of `x` breaks: that
/// these are positive, and that it falls along no other coordinate. With none broken the zeros are the solution's.
fn broken<P: CoordinateProblem>(problem: &P, x: &[f64]) -> Result<usize, ExperimentError> {
    let support: Vec<usize> = (0..x.len()).filter(|&i| x[i] > 0.0).collect();
    let image = problem.image(x)?;
    let hessian =
        Mat::from_fn(support.len(), support.len(), |i, j| problem.hessian(&image, support[i], support[j]));
    let slopes = Mat::from_fn(support.len(), 1, |i, _| problem.partial(x, &image, support[i]));
    let newton = hessian.partial_piv_lu().solve(&slopes);
    let mut minimum = x.to_vec();
    for (i, step) in support.iter().zip(newton.col(0).iter()) {
        minimum[*i] -= step;
    }
    if minimum.iter().any(|x| !x.is_finite()) {
        return Err("the minimum over the nonzeros is not unique".into());
    }
    let image = problem.image(&minimum)?;
    let breaks = |i: &usize| {
        if x[*i] > 0.0 { minimum[*i] <= 0.0 } else { problem.partial(&minimum, &image, *i) < 0.0 }
    };
    Ok((0..x.len()).filter(breaks).count())
}
