//! Nutini, Laradji, Schmidt, "Let's make block coordinate descent converge faster: faster greedy rules,
//! message-passing, active-set complexity, and superlinear convergence", JMLR 23(131), 2022.

use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Partition, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseQuadratic, SparseRegression};
use kiln_optim::{Composite, Every, Objective, Solver, Stop, Trace, run};
use kiln_tensor::prox::NonNegative;

use kiln_receipts::statistics::geometric_mean;
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

const fn spec(name: &'static str, threshold: Threshold) -> Check {
    Check::new(name, Statistic::Max, threshold)
}

pub(super) const PAPER: Paper = Paper {
    id: "block-coordinate-descent",
    title: "Let's make block coordinate descent converge faster",
    citation: "Julie Nutini, Issam Laradji, Mark Schmidt. Journal of Machine Learning Research 23(131), 2022",
    url: "https://arxiv.org/abs/1712.08859",
    domain: "optim",
    claims: &[
        Claim {
            id: "B1",
            place: "figures 4 and 8",
            says: "Greedy rules that know the Lipschitz constants are far better than Gauss-Southwell and random; \
                   Gauss-Southwell alone beats random only with variable blocks.",
            test: "Least squares (data set A; at quick scale 200 x 1000), blocks of 5, 500 iterations, \
                updates 1/L_b: ratios of f after the last iteration.",
            checks: &[
                spec("GSL / Random, fixed blocks", Threshold::AtMost(1e-2)),
                spec("GSL / GS, fixed blocks", Threshold::AtMost(2e-2)),
                spec("GS / Random, variable blocks", Threshold::AtMost(5e-2)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "B2",
            place: "figures 5 and 11",
            says: "Matrix updates are far better than 1/L_b.",
            test: "The same problems and GSL: f with matrix updates / f with 1/L_b.",
            checks: &[
                spec("matrix / gradient, fixed blocks", Threshold::AtMost(1e-2)),
                spec("matrix / gradient, variable blocks", Threshold::AtMost(1e-2)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "B3",
            place: "figures 4, 5 and 11",
            says: "For greedy rules variable blocks are at least as good as fixed ones.",
            test: "The same problems and GSL: f with variable blocks / f with fixed ones.",
            checks: &[
                spec("variable / fixed, 1/L_b", Threshold::AtMost(1.0)),
                spec("variable / fixed, matrix", Threshold::AtMost(1.0)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "B4",
            place: "figure 7",
            says: "With x ≥ 0 and an ℓ1 penalty of 5e4 the zeros of the solution are found after finitely many steps.",
            test: "Data set A at its real size (1000 x 10000), variable blocks of 5 and 50 (at full scale \
                also 100), greedy for x ≥ 0, projected 1/L_b and two-metric updates, 500 iterations: changes \
                of the set of zeros during the last 100.",
            checks: &[spec("changes of the zeros", Threshold::AtMost(0.0))],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "B5",
            place: "figure 6",
            says: "Forest-structured blocks, solved by message passing, make more progress than blocks whose \
                dense solve costs as much.",
            test: "Label propagation on a lattice (30 x 30 with 36 labels at quick scale, 50 x 50 with 100 \
                in the paper), 100 iterations: f - f* of greedy forests / of Gauss-Southwell with variable \
                blocks of n^{1/3}; the largest ratio over all iterations at which the latter is above 1e-10 \
                of its start.",
            checks: &[spec("forests / blocks of n^{1/3}, worst iteration", Threshold::Below(1.0))],
            needs: &[],
            known_finding: None,
        },
    ],
    experiments: &[
        Experiment { id: "fixed-blocks", claims: &["B1", "B2"], run: fixed_blocks },
        Experiment { id: "variable-blocks", claims: &["B1", "B2"], run: variable_blocks },
        Experiment { id: "fixed-against-variable", claims: &["B3"], run: fixed_against_variable },
        Experiment { id: "logistic", claims: &[], run: logistic },
        Experiment { id: "active-set", claims: &["B4"], run: active_set },
        Experiment { id: "message-passing", claims: &["B5"], run: message_passing },
    ],
};

const ITERATIONS: u64 = 500;
const BLOCK: usize = 5;
const RULES: [(&str, BlockRule); 7] = [
    ("Random", BlockRule::Random),
    ("Cyclic", BlockRule::Cyclic),
    ("Lipschitz", BlockRule::Lipschitz),
    ("GS", BlockRule::Gs),
    ("GSL", BlockRule::Gsl),
    ("GSD", BlockRule::Gsd),
    ("GSQ", BlockRule::Gsq),
];

const FIXED: BlockPartition = BlockPartition::Fixed { size: BLOCK, partition: Partition::Sorted };
const VARIABLE: BlockPartition = BlockPartition::Variable { size: BLOCK };

fn data_a(context: &Context, seed: u64) -> Result<SparseRegression, ExperimentError> {
    let (rows, columns) = context.pick((200, 1000), (1000, 10_000));
    Ok(SparseRegression::generate(rows, columns, RegressionLoss::Squared, seed)?)
}

/// `f` after every tenth iteration, over `f` of the start, which is zero.
///
/// By a loop of its own: columns of small scale make solutions with large entries, which the guard of `run`
/// against divergence would stop. No step can increase `f`.
fn progress_of<P: CoordinateProblem>(
    problem: &P,
    solver: &BlockCoordinateDescent,
    iterations: u64,
) -> Result<Vec<f64>, ExperimentError> {
    let mut state = solver.start(problem, vec![0.0; problem.dimension()])?;
    let mut values = vec![problem.value(&state.iterate)?];
    while state.iteration < iterations {
        solver.advance(problem, &mut state)?;
        if state.iteration.is_multiple_of(10) {
            values.push(problem.value(&state.iterate)?);
        }
    }
    let first = values[0];
    Ok(values.into_iter().map(|value| value / first).collect())
}

fn last(values: &[f64]) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

/// The progress of every rule with one kind of blocks and one update, for all seeds.
fn of_rules(
    context: &Context,
    recorder: &mut Recorder,
    blocks: &BlockPartition,
    (update_name, update): (&str, Update),
    rules: &[(&str, BlockRule)],
    seeds: &[u64],
) -> Result<Vec<Vec<Vec<f64>>>, ExperimentError> {
    let progress = recorder.progress((seeds.len() * rules.len()) as u64, update_name);
    let mut all = Vec::new();
    for &seed in seeds {
        let problem = data_a(context, seed)?;
        let mut of_seed = Vec::new();
        for &(name, rule) in rules {
            let solver = BlockCoordinateDescent { blocks: blocks.clone(), rule, update, seed };
            let key = format!("{blocks:?} {update_name} {name} {seed}");
            of_seed.push(recorder.memo(&key, || progress_of(&problem, &solver, ITERATIONS))?);
            progress.inc(1);
        }
        all.push(of_seed);
    }
    Ok(all)
}

fn figure_of(
    id: &str,
    title: &str,
    names: impl Iterator<Item = &'static str>,
    curves: &[Vec<f64>],
) -> Figure {
    let caption = "f / f(0) by iteration, first seed.";
    let figure = Figure::new(id, title, caption, Axis::linear("iteration"), Axis::log("f / f(0)"));
    names.zip(curves).enumerate().fold(figure, |figure, (colour, (name, curve))| {
        figure.with(Kind::Line, name, colour, curve.iter().enumerate().map(|(at, f)| (10.0 * at as f64, *f)))
    })
}

/// All rules and both updates with one kind of blocks, the final values by update, rule and seed.
fn rules_and_updates(
    context: &Context,
    recorder: &mut Recorder,
    blocks: &BlockPartition,
    kind: &str,
) -> Result<[Vec<Vec<f64>>; 2], ExperimentError> {
    let seeds = context.seeds(context.pick(3, 5));
    let mut table = Table::new(
        "final",
        &format!("f / f(0) after 500 iterations, {kind} blocks of 5"),
        "Geometric mean over the seeds, and the least and the largest.",
        &["rule", "1/L_b", "range", "matrix", "range"],
    );
    let updates = [("1/L_b", Update::Gradient), ("matrix", Update::Matrix)];
    let mut finals = [Vec::new(), Vec::new()];
    for (finals, update) in finals.iter_mut().zip(updates) {
        let curves = of_rules(context, recorder, blocks, update, &RULES, &seeds)?;
        let id = if update.1 == Update::Gradient { "gradient" } else { "matrix" };
        let title = format!("Least squares, {kind} blocks, {} updates", update.0);
        recorder.figure(figure_of(id, &title, RULES.iter().map(|rule| rule.0), &curves[0]));
        *finals = (0..RULES.len()).map(|rule| curves.iter().map(|c| last(&c[rule])).collect()).collect();
    }
    for (rule, (name, _)) in RULES.iter().enumerate() {
        let mut row = vec![(*name).to_owned()];
        for finals in &finals {
            let values: &Vec<f64> = &finals[rule];
            let mean = geometric_mean(values);
            let (low, high) = (Statistic::Min.of(values), Statistic::Max.of(values));
            let number = |value: Option<f64>| Number(value.unwrap_or(f64::NAN));
            row.extend([Number(mean).to_string(), format!("{} to {}", number(low), number(high))]);
        }
        table.row(row);
    }
    recorder.table(table);
    Ok(finals)
}

fn ratios<'a>(numerator: &'a [f64], denominator: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    numerator.iter().zip(denominator).map(|(a, b)| a / b)
}

const RANDOM: usize = 0;
const GS: usize = 3;
const GSL: usize = 4;

fn fixed_blocks(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let [gradient, matrix] = rules_and_updates(context, recorder, &FIXED, "fixed")?;
    recorder.record("B1", "GSL / Random, fixed blocks", ratios(&gradient[GSL], &gradient[RANDOM]));
    recorder.record("B1", "GSL / GS, fixed blocks", ratios(&gradient[GSL], &gradient[GS]));
    recorder.record("B2", "matrix / gradient, fixed blocks", ratios(&matrix[GSL], &gradient[GSL]));
    Ok(())
}

fn variable_blocks(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let [gradient, matrix] = rules_and_updates(context, recorder, &VARIABLE, "variable")?;
    recorder.record("B1", "GS / Random, variable blocks", ratios(&gradient[GS], &gradient[RANDOM]));
    recorder.record("B2", "matrix / gradient, variable blocks", ratios(&matrix[GSL], &gradient[GSL]));
    Ok(())
}

fn fixed_against_variable(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(3, 5));
    let partitions =
        [("in order", Partition::InOrder), ("sorted", Partition::Sorted), ("averaged", Partition::Averaged)];
    let mut blocks: Vec<_> =
        partitions.map(|(name, partition)| (name, BlockPartition::Fixed { size: BLOCK, partition })).into();
    blocks.push(("variable", VARIABLE));
    let mut table = Table::new(
        "partitions",
        "f / f(0) after 500 iterations of GSL, blocks of 5",
        "Geometric mean over the seeds.",
        &["blocks", "1/L_b", "matrix"],
    );
    let mut finals = Vec::new();
    for (_, blocks) in &blocks {
        let mut of = |update| -> Result<Vec<f64>, ExperimentError> {
            let curves = of_rules(context, recorder, blocks, update, &[("GSL", BlockRule::Gsl)], &seeds)?;
            Ok(curves.iter().map(|curves| last(&curves[0])).collect())
        };
        finals.push([of(("1/L_b", Update::Gradient))?, of(("matrix", Update::Matrix))?]);
    }
    for ((name, _), finals) in blocks.iter().zip(&finals) {
        let mean = |f: &[f64]| Number(geometric_mean(f)).to_string();
        table.row([(*name).to_owned(), mean(&finals[0]), mean(&finals[1])]);
    }
    recorder.record("B3", "variable / fixed, 1/L_b", ratios(&finals[3][0], &finals[1][0]));
    recorder.record("B3", "variable / fixed, matrix", ratios(&finals[3][1], &finals[1][1]));
    recorder.table(table);
    Ok(())
}

/// Data set B: all updates with one rule.
fn logistic(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (rows, columns) = context.pick((200, 1000), (1000, 10_000));
    let Some(&seed) = context.seeds(1).first() else { return Ok(()) };
    let problem =
        SparseRegression::generate(rows, columns, RegressionLoss::Logistic, seed)?.with_ridge(1.0)?;
    let updates = [
        ("1/L_b", Update::Gradient),
        ("doubling", Update::Doubling),
        ("matrix", Update::Matrix),
        ("line search", Update::LineSearch),
    ];
    let mut curves = Vec::new();
    for (name, update) in updates {
        let solver = BlockCoordinateDescent { blocks: VARIABLE, rule: BlockRule::Gsl, update, seed };
        curves.push(recorder.memo(name, || progress_of(&problem, &solver, ITERATIONS))?);
    }
    let title = "Logistic regression, GSL with variable blocks of 5, by update";
    recorder.figure(figure_of("updates", title, updates.into_iter().map(|update| update.0), &curves));
    Ok(())
}

fn active_set(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
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
                recorder.record("B4", "changes of the zeros", [late as f64]);
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
    run(&solver, problem, vec![0.0; problem.dimension()], &stop, &mut counts)?;
    let counts = counts.points().iter().map(|point| point.value as u32).collect();
    Ok((counts, changes))
}

fn message_passing(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (side, labels) = context.pick((30, 36), (50, 100));
    let mut table = Table::new(
        "lattice",
        "Label propagation on a lattice",
        "(f - f*) / (f(0) - f*) after 100 iterations; f* by 5000 iterations with forests.",
        &["seed", "forests", "random forests", "GS, n^{1/3}", "GSL and matrix, n^{1/3}"],
    );
    let seeds = context.seeds(context.pick(3, 5));
    let progress = recorder.progress(seeds.len() as u64, "lattices");
    for (index, &seed) in seeds.iter().enumerate() {
        let problem = SparseQuadratic::lattice(side, 1e5, labels, seed)?;
        let dimension = problem.dimension();
        let size = (dimension as f64).cbrt().round() as usize;
        let solver = |blocks, rule| BlockCoordinateDescent { blocks, rule, update: Update::Matrix, seed };
        let solvers = [
            ("greedy forests", solver(BlockPartition::Forest, BlockRule::Gs)),
            ("random forests", solver(BlockPartition::Forest, BlockRule::Random)),
            ("GS, blocks of n^{1/3}", solver(BlockPartition::Variable { size }, BlockRule::Gs)),
            ("GSL, blocks of n^{1/3}", solver(BlockPartition::Variable { size }, BlockRule::Gsl)),
        ];
        let (best, curves): (f64, Vec<Vec<f64>>) = recorder.memo(&format!("seed {seed}"), || {
            let zero = vec![0.0; dimension];
            let solution = run(&solvers[0].1, &problem, zero.clone(), &Stop::after(5000), &mut ())?;
            let curves = solvers.iter().map(|(_, solver)| {
                let mut values =
                    Trace::new(Every::Iterations(1), |problem: &SparseQuadratic, x: &Vec<f64>| {
                        problem.value(x)
                    });
                run(solver, &problem, zero.clone(), &Stop::after(100), &mut values)?;
                Ok::<_, ExperimentError>(values.points().iter().map(|point| point.value).collect())
            });
            Ok((problem.value(&solution.state.iterate)?, curves.collect::<Result<_, _>>()?))
        })?;
        progress.inc(1);
        let gaps: Vec<Vec<f64>> = curves
            .iter()
            .map(|curve| curve.iter().map(|f| ((f - best) / (curve[0] - best)).max(0.0)).collect())
            .collect();
        let compared = gaps[0].iter().zip(&gaps[2]).skip(1).filter(|(_, block)| **block > 1e-10);
        let worst = compared.map(|(forest, block)| forest / block).fold(f64::NEG_INFINITY, f64::max);
        recorder.record("B5", "forests / blocks of n^{1/3}, worst iteration", [worst]);
        table.row([
            (index + 1).to_string(),
            Number(last(&gaps[0])).to_string(),
            Number(last(&gaps[1])).to_string(),
            Number(last(&gaps[2])).to_string(),
            Number(last(&gaps[3])).to_string(),
        ]);
        if index == 0 {
            let figure = Figure::new(
                "lattice",
                "Label propagation on a lattice",
                "(f - f*) / (f(0) - f*) by iteration, first seed. n is the number of nodes without a label.",
                Axis::linear("iteration"),
                Axis::log("(f - f*) / (f(0) - f*)"),
            );
            let series = solvers.iter().zip(&gaps).enumerate();
            recorder.figure(series.fold(figure, |figure, (colour, ((name, _), gaps))| {
                let points = gaps.iter().enumerate().map(|(at, gap)| (at as f64, *gap));
                figure.with(Kind::Line, name, colour, points)
            }));
        }
    }
    recorder.table(table);
    Ok(())
}
