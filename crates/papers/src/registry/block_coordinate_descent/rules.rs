//! Rules, updates and partitions.

use kiln_optim::Solver;
use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Partition, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseRegression};
use kiln_receipts::statistics::{geometric_mean, quantile};
use kiln_receipts::{Arm, Axis, Check, Context, ExperimentError, Figure, Number, Recorder, Runs, Table};

use super::claims::{self, GS_GSL, MATRIX_FIXED, MATRIX_VARIABLE, RANDOM_GS, RANDOM_GSL};

pub(super) const ITERATIONS: u64 = 500;
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

/// `f / f(0)` at every tenth iteration.
type Curve = Vec<f64>;

const RANDOM: usize = 0;
const GS: usize = 3;
const GSL: usize = 4;

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

fn last(values: &Curve) -> f64 {
    values.last().copied().unwrap_or(f64::NAN)
}

/// Data set A by the rule, in blocks, with the update.
fn arm<'a>(
    context: &'a Context,
    name: &str,
    blocks: &BlockPartition,
    rule: BlockRule,
    update: Update,
) -> Arm<'a, Curve> {
    let solver = BlockCoordinateDescent { blocks: blocks.clone(), rule, update, seed: 0 };
    Arm::new(name, &solver.clone(), move |seed| {
        let solver = BlockCoordinateDescent { seed, ..solver.clone() };
        progress_of(&data_a(context, seed)?, &solver, ITERATIONS)
    })
}

fn draw(recorder: &mut Recorder, id: &str, title: &str, runs: &[Runs<Curve>]) {
    let caption = "f / f(0) by iteration.";
    let figure = Figure::new(id, title, caption, Axis::linear("iteration"), Axis::log("f / f(0)"));
    recorder.figure(
        figure.with_runs(runs, |values| {
            values.iter().enumerate().map(|(at, f)| (10.0 * at as f64, *f)).collect()
        }),
    );
}

/// All rules with one kind of blocks, by `1/L_b` and by matrix updates.
fn rules_and_updates(
    context: &Context,
    recorder: &mut Recorder,
    blocks: &BlockPartition,
    kind: &str,
) -> Result<[Vec<Runs<Curve>>; 2], ExperimentError> {
    let seeds = context.seeds(5);
    let mut of = |id: &str, name: &str, update| {
        let arms = RULES.map(|(name, rule)| arm(context, name, blocks, rule, update));
        let runs = recorder.sweep_all(&seeds, Vec::from(arms))?;
        draw(recorder, id, &format!("Least squares, {kind} blocks, {name} updates"), &runs);
        Ok::<_, ExperimentError>(runs)
    };
    let all = [of("gradient", "1/L_b", Update::Gradient)?, of("matrix", "matrix", Update::Matrix)?];
    let mut table = Table::new(
        "final",
        &format!("f / f(0) after 500 iterations, {kind} blocks of 5"),
        "Geometric mean over the seeds, and the least and the largest.",
        &["rule", "1/L_b", "range", "matrix", "range"],
    );
    for (rule, (name, _)) in RULES.iter().enumerate() {
        let cells = all.iter().flat_map(|runs| {
            let values = runs[rule].each(last);
            let [low, high] = [0.0, 1.0].map(|share| Number(quantile(&values, share)));
            [Number(geometric_mean(&values)).to_string(), format!("{low} to {high}")]
        });
        table.row(std::iter::once((*name).to_owned()).chain(cells));
    }
    recorder.table(table);
    Ok(all)
}

fn compare(recorder: &mut Recorder, check: &Check, a: &Runs<Curve>, b: &Runs<Curve>) {
    recorder.observe(check, a.paired(b, last));
}

pub(super) fn fixed_blocks(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let [gradient, matrix] = rules_and_updates(context, recorder, &FIXED, "fixed")?;
    compare(recorder, &RANDOM_GSL, &gradient[RANDOM], &gradient[GSL]);
    compare(recorder, &GS_GSL, &gradient[GS], &gradient[GSL]);
    compare(recorder, &MATRIX_FIXED, &gradient[GSL], &matrix[GSL]);
    Ok(())
}

pub(super) fn variable_blocks(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let [gradient, matrix] = rules_and_updates(context, recorder, &VARIABLE, "variable")?;
    compare(recorder, &RANDOM_GS, &gradient[RANDOM], &gradient[GS]);
    compare(recorder, &MATRIX_VARIABLE, &gradient[GSL], &matrix[GSL]);
    Ok(())
}

pub(super) fn fixed_against_variable(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<(), ExperimentError> {
    let fixed = |partition| BlockPartition::Fixed { size: BLOCK, partition };
    let blocks = [
        ("in order", fixed(Partition::InOrder)),
        ("sorted", FIXED),
        ("averaged", fixed(Partition::Averaged)),
        ("variable", VARIABLE),
    ];
    let seeds = context.seeds(5);
    let mut means = Vec::new();
    for (group, update) in [("1/L_b", Update::Gradient), ("matrix", Update::Matrix)] {
        let arms = blocks
            .each_ref()
            .map(|(name, blocks)| arm(context, &format!("{name}, {group}"), blocks, BlockRule::Gsl, update));
        let runs = recorder.sweep(&seeds, arms)?;
        let [_, sorted, _, variable] = &runs;
        recorder.observe_in(group, &claims::VARIABLE, sorted.paired(variable, last));
        means.push(runs.each_ref().map(|runs| Number(geometric_mean(runs.each(last))).to_string()));
    }
    let mut table = Table::new(
        "partitions",
        "f / f(0) after 500 iterations of GSL, blocks of 5",
        "Geometric mean over the seeds.",
        &["blocks", "1/L_b", "matrix"],
    );
    for (place, (name, _)) in blocks.iter().enumerate() {
        table.row([(*name).to_owned(), means[0][place].clone(), means[1][place].clone()]);
    }
    recorder.table(table);
    Ok(())
}

/// Data set B: all updates with one rule.
pub(super) fn logistic(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (rows, columns) = context.pick((200, 1000), (1000, 10_000));
    let arm = |(name, update): (&str, Update)| {
        Arm::new(name, &update, move |seed| {
            let problem = SparseRegression::generate(rows, columns, RegressionLoss::Logistic, seed)?;
            let solver = BlockCoordinateDescent { blocks: VARIABLE, rule: BlockRule::Gsl, update, seed };
            progress_of(&problem.with_ridge(1.0)?, &solver, ITERATIONS)
        })
    };
    let updates = [
        ("1/L_b", Update::Gradient),
        ("doubling", Update::Doubling),
        ("matrix", Update::Matrix),
        ("line search", Update::LineSearch),
    ];
    let runs = recorder.sweep(&context.seeds(1), updates.map(arm))?;
    draw(recorder, "updates", "Logistic regression, GSL with variable blocks of 5, by update", &runs);
    Ok(())
}
