//! Forests against blocks that are solved densely.

use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Update,
};
use kiln_optim::problems::SparseQuadratic;
use kiln_optim::{Every, Objective, Stop, Trace, run as solve, run_observed};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, sweep};

use super::claims::FORESTS;

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (side, labels) = context.pick((30, 36), (50, 100));
    let lattice = |seed| SparseQuadratic::lattice(side, 1e5, labels, seed);
    // Labelled nodes are no coordinates.
    let size = ((side * side - labels) as f64).cbrt().round() as usize;
    let forests = BlockPartition::Forest;
    let dense = BlockPartition::Variable { size };
    let arm = |(name, blocks, rule): (&str, &BlockPartition, BlockRule)| {
        let solver = BlockCoordinateDescent { blocks: blocks.clone(), rule, update: Update::Matrix, seed: 0 };
        Arm::new(name, &solver.clone(), move |seed| {
            let problem = lattice(seed)?;
            let zero = vec![0.0; problem.dimension()];
            let mut values =
                Trace::new(Every::Iterations(1), |problem: &SparseQuadratic, x: &Vec<f64>| problem.value(x));
            let solver = BlockCoordinateDescent { seed, ..solver.clone() };
            run_observed(&solver, &problem, zero, &Stop::after(100), &mut values)?;
            Ok(values.points().iter().map(|point| point.value).collect::<Vec<_>>())
        })
    };
    let seeds = context.seeds(5);
    let mut runs = recorder.sweep(
        &seeds,
        [
            ("greedy forests", &forests, BlockRule::Gs),
            ("random forests", &forests, BlockRule::Random),
            ("GS, blocks of n^{1/3}", &dense, BlockRule::Gs),
            ("GSL, blocks of n^{1/3}", &dense, BlockRule::Gsl),
        ]
        .map(arm),
    )?;
    let best = Arm::new("best", &5000, |seed| {
        let (problem, rule, update) = (lattice(seed)?, BlockRule::Gs, Update::Matrix);
        let solver = BlockCoordinateDescent { blocks: BlockPartition::Forest, rule, update, seed };
        let zero = vec![0.0; problem.dimension()];
        let solution = solve(&solver, &problem, zero, &Stop::after(5000))?;
        Ok(problem.value(&solution.state.iterate)?)
    });
    let [best] = recorder.sweep(&seeds, [best])?;
    // From here on (f − f*)/(f(0) − f*).
    for runs in &mut runs {
        for (values, best) in runs.values.iter_mut().zip(&best.values) {
            let first = values[0];
            for f in values {
                *f = ((*f - best) / (first - best)).max(0.0);
            }
        }
    }
    let caption = "(f − f*)/(f(0) − f*) after 100 iterations; f* by 5000 iterations with forests.";
    let end = |gaps: &Vec<f64>| gaps.last().copied().unwrap_or(f64::NAN);
    recorder.table(sweep::table("lattice", "Label propagation on a lattice", caption, &runs, end));
    let figure = Figure::new(
        "lattice",
        "Label propagation on a lattice",
        "(f − f*)/(f(0) − f*) by iteration. n is the number of nodes without a label.",
        Axis::linear("iteration"),
        Axis::log("(f − f*)/(f(0) − f*)"),
    );
    recorder.figure(
        figure.with_runs(&runs, |gaps| gaps.iter().enumerate().map(|(at, gap)| (at as f64, *gap)).collect()),
    );
    let [forests, _, dense, _] = &runs;
    for at in [10, 30, 100] {
        let gap = |gaps: &Vec<f64>| gaps.get(at).copied().unwrap_or(f64::NAN);
        recorder.observe_in(format!("{at} iterations"), &FORESTS, dense.paired(forests, gap));
    }
    Ok(())
}
