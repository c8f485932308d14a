//! Small problems whose bad conditioning is along the axes, and some where it is not.

use burn::optim::{AdamConfig, Optimizer};
use burn::tensor::{DType, Device, Tensor};
use kiln_optim::curvature::{AdaHessian, SecondOrderSum};
use kiln_optim::problems::{Quadratic, Rosenbrock};
use kiln_optim::{Every, Objective, Stop, Trace, run_observed as solve};
use kiln_receipts::statistics::median;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Runs, Table};
use kiln_tensor::Coordinates;

use super::claims::NO_HELP;
use super::diagonal::rotated;
use crate::device::TensorDevice;

const STEPS: u64 = 1000;

/// The values every 10 steps; infinite once the run has diverged.
type Curve = Vec<(f64, f64)>;

fn adahessian<P>(problem: &P, start: &[f64], step_size: f64, seed: u64) -> Curve
where
    P: SecondOrderSum<Point = Vec<f64>> + Objective,
{
    let mut trace = Trace::new(Every::Iterations(10), |problem: &P, z: &Vec<f64>| problem.value(z));
    let solver = AdaHessian::new(step_size, 1, seed);
    let ended = solve(&solver, problem, start.to_vec(), &Stop::after(STEPS), &mut trace).is_ok();
    let mut curve: Curve = trace.points().iter().map(|p| (p.iteration as f64, p.value)).collect();
    if !ended {
        curve.push((STEPS as f64, f64::INFINITY));
    }
    curve
}

/// Burn's Adam on an `f64` tensor, gradients by the problem.
fn adam<P>(
    problem: &P,
    start: &[f64],
    step_size: f64,
    steps: u64,
    device: &Device,
) -> Result<Curve, ExperimentError>
where
    P: Objective<Point = Vec<f64>>,
{
    let adam = AdamConfig::new().with_epsilon(1e-8).build();
    let mut z = Tensor::<1>::from_data(start, (device, DType::F64));
    let mut memory = None;
    let mut curve = Vec::new();
    for step in 0..=steps {
        let point = z.coordinates()?;
        if step % 10 == 0 {
            curve.push((step as f64, problem.value(&point)?));
        }
        let gradient = Tensor::from_data(problem.operator(&point)?.as_slice(), (device, DType::F64));
        (z, memory) = adam.step(step_size, z, gradient, memory);
    }
    Ok(curve)
}

/// The curve that ends lowest, with its step size.
fn best(curves: impl IntoIterator<Item = (f64, Curve)>) -> (f64, Curve) {
    let end = |curve: &Curve| {
        curve.last().map_or(f64::INFINITY, |p| if p.1.is_nan() { f64::INFINITY } else { p.1 })
    };
    curves
        .into_iter()
        .min_by(|a, b| end(&a.1).total_cmp(&end(&b.1)))
        .expect("the grid of step sizes is not empty")
}

fn log_spaced(low: f64, high: f64, count: usize) -> Vec<f64> {
    let exponent = |i: usize| i as f64 / (count - 1) as f64;
    (0..count).map(|i| low * (high / low).powf(exponent(i))).collect()
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "against-adam",
        "Final values at the best of 17 rates",
        "1000 steps, and for Adam also 3000, which cost as many gradients if a Hessian-vector product costs two. \
         Medians over 5 seeds, where something is drawn. Along the axes both end in rounding, which is not judged.",
        &["problem", "AdaHessian", "its rate", "Adam", "its rate", "Adam, 3000 steps"],
    );
    let quadratic = Quadratic::diagonal(log_spaced(1e-3, 1e3, 50), vec![0.0; 50])?;
    let turned = |seed| rotated(&log_spaced(1e-2, 1e2, 20), seed);
    let (seeds, valley, ones) = (context.seeds(5), vec![-1.2, 1.0], vec![1.0; 50]);
    // Adam draws nothing: one seed, unless the problem is drawn.
    let one = &seeds[..1];
    compare(context, recorder, &mut table, ("Rosenbrock", &valley, one), |_| Ok(Rosenbrock), true)?;
    compare(context, recorder, &mut table, ("quadratic", &ones, one), |_| Ok(quadratic.clone()), false)?;
    compare(context, recorder, &mut table, ("rotated quadratic", &ones[..20], &seeds), turned, true)?;
    recorder.table(table);
    Ok(())
}

fn compare<P>(
    context: &Context,
    recorder: &mut Recorder,
    table: &mut Table,
    (name, start, adam_seeds): (&str, &[f64], &[u64]),
    problem: impl Fn(u64) -> Result<P, ExperimentError> + Sync,
    judged: bool,
) -> Result<(), ExperimentError>
where
    P: SecondOrderSum<Point = Vec<f64>> + Objective,
{
    let (grid, seeds) = (log_spaced(1e-3, 10.0, 17), context.seeds(5));
    // Adam runs in f64, which graphics processors lack.
    let device =
        if context.has_gpu() { kiln_tensor::devices::named("flex")? } else { context.tensor_device()? };
    let tuned = |steps: u64, seed: u64| {
        let problem = problem(seed)?;
        let run = |&rate: &f64| Ok((rate, adam(&problem, start, rate, steps, &device)?));
        Ok(best(grid.iter().map(run).collect::<Result<Vec<_>, ExperimentError>>()?))
    };
    let adam = |steps: u64| Arm::new(format!("Adam, {name}"), &steps, move |seed| tuned(steps, seed));
    let [short, long] = recorder.sweep(adam_seeds, [adam(STEPS), adam(3 * STEPS)])?;
    let arm = Arm::new(format!("AdaHessian, {name}"), &STEPS, |seed| {
        let problem = problem(seed)?;
        Ok(best(grid.iter().map(|&rate| (rate, adahessian(&problem, start, rate, seed)))))
    });
    let [hessian] = recorder.sweep(&seeds, [arm])?;
    let last = |run: &(f64, Curve)| run.1.last().map_or(f64::NAN, |point| point.1);
    if judged {
        // Where Adam has one run, it is paired with every run of AdaHessian.
        for ((seed, run), other) in seeds.iter().zip(&hessian.values).zip(short.values.iter().cycle()) {
            let scale = problem(*seed)?.value(&start.to_vec())?;
            recorder.observe_in(name, &NO_HELP, [(last(run) / scale, last(other) / scale)]);
        }
    }
    let of = |runs: &Runs<(f64, Curve)>| [median(runs.each(last)), median(runs.each(|run| run.0))];
    let numbers = of(&hessian).into_iter().chain(of(&short)).chain([median(long.each(last))]);
    table.numbers([name], numbers);
    let figure = Figure::new(
        &name.to_lowercase().replace(' ', "-"),
        &format!("AdaHessian and Adam: {name}"),
        "Value against steps, each method at its best rate, median and quartiles where something is drawn. Values \
        are cut at 1e-32.",
        Axis::linear("steps"),
        Axis::log("f"),
    );
    let runs = [Runs { name: "AdaHessian".to_owned(), ..hessian }, Runs { name: "Adam".to_owned(), ..short }];
    let curve = |run: &(f64, Curve)| run.1.iter().map(|(x, y)| (*x, y.max(1e-32))).collect();
    recorder.figure(figure.with_runs(&runs, curve));
    Ok(())
}
