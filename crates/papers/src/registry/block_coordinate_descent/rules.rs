//! Rules, updates and partitions.

use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockPartition, BlockRule, CoordinateProblem, Partition, Update,
};
use kiln_optim::problems::{RegressionLoss, SparseRegression};
use kiln_optim::{Every, Stop, Trace, run_observed as solve};
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
    // B2 and B3 were rewritten after a full run, and meet other data sets than it did.
    Ok(SparseRegression::generate(rows, columns, RegressionLoss::Squared, seed ^ 2)?)
}

/// `f` after every tenth iteration, over `f` of the start, which is zero.
fn progress_of<P: CoordinateProblem>(
    problem: &P,
    solver: &BlockCoordinateDescent,
    iterations: u64,
) -> Result<Vec<f64>, ExperimentError> {
    let mut trace = Trace::new(Every::Iterations(10), |problem: &P, x: &Vec<f64>| problem.value(x));
    let stop = Stop { check_every: Some(50), ..Stop::after(iterations) };
    solve(solver, problem, vec![0.0; problem.dimension()], &stop, &mut trace)?;
    let values: Vec<f64> = trace.points().iter().map(|point| point.value).collect();
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
    let fixed = |partition| (BlockPartition::Fixed { size: BLOCK, partition }, BlockRule::Gsl);
    let kinds = [
        ("in order", fixed(Partition::InOrder)),
        ("sorted", (FIXED, BlockRule::Gsl)),
        ("averaged", fixed(Partition::Averaged)),
        ("variable", (VARIABLE, BlockRule::GsdBound)),
        ("sorted, GS", (FIXED, BlockRule::Gs)),
        ("variable, GS", (VARIABLE, BlockRule::Gs)),
    ];
    let seeds = context.seeds(5);
    let sweep = |name: &str, update| {
        let arms = kinds
            .each_ref()
            .map(|(kind, (blocks, rule))| arm(context, &format!("{kind}, {name}"), blocks, *rule, update));
        recorder.sweep(&seeds, arms)
    };
    let gradient = sweep("1/L_b", Update::Gradient)?;
    let matrix = sweep("matrix", Update::Matrix)?;
    let [_, sorted, _, variable, sorted_gs, variable_gs] = &gradient;
    recorder.observe_in("GS, 1/L_b", &claims::VARIABLE, sorted_gs.paired(variable_gs, last));
    recorder.observe(&claims::VARIABLE_GSL, sorted.paired(variable, last));
    let [_, sorted, _, variable, ..] = &matrix;
    recorder.observe_in("GSL, matrix", &claims::VARIABLE, sorted.paired(variable, last));
    let mut table = Table::new(
        "partitions",
        "f / f(0) after 500 iterations, blocks of 5",
        "Geometric mean over the seeds. GSL but where GS is said; of variable blocks with row sums of |H|.",
        &["blocks", "1/L_b", "matrix"],
    );
    for (place, (kind, _)) in kinds.iter().enumerate() {
        let mean = |runs: &[Runs<Curve>; 6]| Number(geometric_mean(runs[place].each(last))).to_string();
        table.row([(*kind).to_owned(), mean(&gradient), mean(&matrix)]);
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
