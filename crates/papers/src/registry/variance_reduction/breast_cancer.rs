//! Share of the excess that is left, against work.

use kiln_optim::first_order::{GradientDescent, Katyusha, LooplessSvrg, Nesterov, Saga, Sgd, Svrg};
use kiln_optim::linear::{DenseRows, LinearLoss, Loss};
use kiln_optim::{Every, Objective, Order, Solver, Stop, Trace, run as solve, run_observed};
use kiln_receipts::statistics::mean_and_spread;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, sweep};

use super::claims::{PLAIN, REACHED, RESHUFFLED};

const PASSES: u64 = 60;

/// `(passes, (f − min f)/(f(0) − min f))`.
type Curve = Vec<(f64, f64)>;

fn last(curve: &Curve) -> f64 {
    curve.last().map_or(f64::NAN, |point| point.1)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let found = context.data.find("domains/breast-cancer-wisconsin.csv")?;
    let model = &model(&String::from_utf8(found.read()?)?)?;
    recorder.used_file(&found, model.labels().len());
    let (constants, minimum) = (model.constants(), minimum(model)?);
    // Where all seeds end in the same rounding four groups of them need eight to be judged.
    let (l, seeds) = (constants.smoothness, context.seeds(context.pick(8, 30)));

    let sgd =
        |share: f64, order| move |seed| Sgd { step_size: (share / l).into(), batch_size: 1, order, seed };
    let runs = recorder.sweep(
        &seeds,
        [
            arm("gradient descent, 1/L", model, minimum, |_| GradientDescent { step_size: (1.0 / l).into() }),
            arm("SGD, 1/(2L)", model, minimum, sgd(0.5, Order::WithReplacement)),
            arm("SGD, 1/(40L)", model, minimum, sgd(0.025, Order::WithReplacement)),
            arm("reshuffled SGD, 1/(40L)", model, minimum, sgd(0.025, Order::Reshuffled)),
            arm("SVRG, 1/(4L)", model, minimum, |seed| Svrg::new(0.25 / l, seed)),
            arm("loopless SVRG, 1/(6L)", model, minimum, |seed| LooplessSvrg::new(1.0 / (6.0 * l), seed)),
            arm("SAGA, 1/(3L)", model, minimum, |seed| Saga::new(1.0 / (3.0 * l), seed)),
            arm("Katyusha", model, minimum, |seed| Katyusha::new(constants, seed)),
        ],
    )?;
    let caption = format!("{} seeds; L/λ = {}", seeds.len(), Number(l / constants.strong_convexity));
    recorder.table(sweep::table("excess", "Share of the excess left after 60 passes", &caption, &runs, last));
    let figure = Figure::new(
        "convergence",
        "Suboptimality against work",
        "Logistic regression on the Wisconsin breast cancer data. Methods that reduce the variance reach rounding \
         error, the others stop or crawl.",
        Axis::linear("passes over the data (component gradients / n)"),
        Axis::log("(f − min f)/(f(0) − min f)"),
    );
    recorder.figure(figure.with_runs(&runs, Curve::clone));

    let [descent, plain, small, reshuffled, reduced @ ..] = &runs;
    let slowest = |seed: usize| reduced.iter().map(|arm| last(&arm.values[seed])).fold(0.0, f64::max);
    for arm in [descent, plain] {
        let pairs = arm.each(last).into_iter().enumerate().map(|(seed, excess)| (excess, slowest(seed)));
        recorder.observe_in(&arm.name, &PLAIN, pairs);
    }
    for arm in reduced {
        recorder.observe_in(&arm.name, &REACHED, arm.each(last));
    }
    recorder.observe(&RESHUFFLED, small.paired(reshuffled, last));
    Ok(())
}

fn arm<'a, S: Solver<LinearLoss>>(
    name: &str,
    model: &'a LinearLoss,
    minimum: f64,
    solver: impl Fn(u64) -> S + Sync + 'a,
) -> Arm<'a, Curve> {
    Arm::new(name, &solver(0), move |seed| curve(&solver(seed), model, minimum))
}

fn curve(
    solver: &impl Solver<LinearLoss>,
    model: &LinearLoss,
    minimum: f64,
) -> Result<Curve, ExperimentError> {
    let n = model.labels().len() as u64;
    let start = vec![0.0; model.columns()];
    let scale = model.value(&start)? - minimum;
    let mut excess =
        Trace::new(Every::Work(n), |model: &LinearLoss, w: &Vec<f64>| Ok(model.value(w)? - minimum));
    run_observed(solver, model, start, &Stop::after_work(PASSES * n), &mut excess)?;
    // Rounding may find a value below the minimum found before.
    let share = |excess: f64| (excess / scale).max(f64::EPSILON);
    Ok(excess
        .points()
        .iter()
        .map(|point| (point.work.components as f64 / n as f64, share(point.value)))
        .collect())
}

/// `min f`, by accelerated gradient descent until the gradient is rounding error.
fn minimum(model: &LinearLoss) -> Result<f64, ExperimentError> {
    let solver = Nesterov::for_constants(model.constants())?;
    let stop = Stop::after(5_000).or_residual(1e-14);
    let solution = solve(&solver, model, vec![0.0; model.columns()], &stop)?;
    Ok(model.value(&solution.state.iterate)?)
}

/// Columns standardized, a 1 appended, rows of length 1, λ = 1/n.
fn model(text: &str) -> Result<LinearLoss, ExperimentError> {
    let mut lines = text.lines();
    lines.next().ok_or("the table is empty")?;
    let table: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(str::parse).collect()).collect::<Result<_, _>>()?;
    let rows = table.len() as f64;
    let columns = table.first().map_or(0, |row| row.len().saturating_sub(1));
    if columns == 0 || table.iter().any(|row| row.len() != columns + 1) {
        return Err("the table's rows have different lengths".into());
    }
    let column = |j: usize| table.iter().map(|row| row[j]).collect::<Vec<_>>();
    let scales: Vec<(f64, f64)> = (0..columns).map(|j| mean_and_spread(&column(j))).collect();
    let mut values = Vec::new();
    for row in &table {
        let mut scaled: Vec<f64> =
            scales.iter().zip(row).map(|((mean, deviation), x)| (x - mean) / deviation).collect();
        scaled.push(1.0);
        let length = scaled.iter().map(|x| x * x).sum::<f64>().sqrt();
        values.extend(scaled.iter().map(|x| x / length));
    }
    let labels = table.iter().map(|row| 2.0 * row[columns] - 1.0).collect();
    Ok(LinearLoss::new(DenseRows::new(columns + 1, values)?, labels, Loss::Logistic, 1.0 / rows)?)
}
