//! Yao, Gholami, Shen, Mustafa, Keutzer, Mahoney, "`AdaHessian`: an adaptive second order optimizer for
//! machine learning", AAAI 2021.

use burn::optim::{AdamConfig, Optimizer};
use burn::tensor::{DType, Tensor};
use faer::Mat;
use kiln_optim::curvature::{AdaHessian, Hessian, SecondOrderSum};
use kiln_optim::problems::{Quadratic, Rosenbrock};
use kiln_optim::{Every, Objective, Stop, Trace, run};
use kiln_tensor::{Coordinates, Distribution, Hutchinson, Noise};

use crate::device::TensorDevice;
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Need, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

const VALLEY: &str = "AdaHessian ends at 3.4e-3 (best step 1.8), Adam at 6.7e-14 (best step 0.56). Along the \
    valley the bad conditioning is not in the diagonal: dividing by |Hξ| cannot undo it, and the \
    off-diagonal 400 enters |Hξ| as noise, so progress along the valley stays slow. Adam's steps do not \
    shrink with the gradient. The same holds for a quadratic in random directions (2.7e-2 against 1.1e-7).";

pub(super) const PAPER: Paper = Paper {
    id: "adahessian",
    title: "AdaHessian: an adaptive second order optimizer for machine learning",
    citation: "Zhewei Yao, Amir Gholami, Sheng Shen, Mustafa Mustafa, Kurt Keutzer, Michael W. Mahoney. AAAI 2021",
    url: "https://arxiv.org/abs/2006.00719",
    domain: "optim",
    claims: &[
        Claim {
            id: "H1",
            place: "section 3 (preconditioning by the Hessian's diagonal)",
            says: "On a problem with a diagonal Hessian the path does not depend on the curvatures.",
            test: "Curvatures 1e-3 to 1e3, random starts, η = 0.15, ε = 0, 100 steps: largest difference of \
                x_i(t)/x_i(0) from that of curvature 1.",
            checks: &[Check::new("difference", Statistic::Max, Threshold::AtMost(1e-10))],
            ..Claim::EMPTY
        },
        Claim {
            id: "H2",
            place: "section 3.1 (Hutchinson's method)",
            says: "The diagonal of the Hessian is the mean of z ⊙ Hz over random signs z.",
            test: "1e4 probes of three dense random Hessians in 20 dimensions: distance to the diagonal in standard \
                   errors, largest coordinate.",
            checks: &[Check::new("standard errors", Statistic::Max, Threshold::AtMost(4.0))],
            ..Claim::EMPTY
        },
        Claim {
            id: "H3",
            place: "section 1 (ill-conditioned problems)",
            says: "With the curvature in its steps it does better than Adam where the conditioning is bad.",
            test: "A quadratic with curvatures 1e-3 to 1e3 along the axes, 1000 steps, the step size of \
                either method the best of 17 from 1e-3 to 10: final value of AdaHessian over that of Burn's \
                Adam, equal in steps but not in work. AdaHessian's signs are random: largest ratio of three seeds.",
            checks: &[Check::new("quadratic, ratio", Statistic::Max, Threshold::Below(1.0))],
            ..Claim::EMPTY
        },
        Claim {
            id: "H3-valley",
            place: "section 1 (ill-conditioned problems)",
            says: "The same where the bad conditioning is not along the axes.",
            test: "As H3, in Rosenbrock's valley from (-1.2, 1).",
            checks: &[Check::new("Rosenbrock, ratio", Statistic::Max, Threshold::Below(1.0))],
            known_finding: Some(VALLEY),
            ..Claim::EMPTY
        },
        Claim {
            id: "H4",
            place: "Table on CIFAR-10",
            says: "ResNet-20 on CIFAR-10: AdaHessian is as good as SGD and better than Adam (92.31, 91.38, 90.24 %).",
            test: "Not yet: 160 epochs of training.",
            needs: &[Need::Gpu, Need::Data("cifar10")],
            ..Claim::EMPTY
        },
        Claim {
            id: "H5",
            place: "Table on machine translation",
            says: "IWSLT14 German-English: BLEU 35.90.",
            test: "Not yet: a transformer.",
            needs: &[Need::Gpu, Need::Data("iwslt14")],
            ..Claim::EMPTY
        },
    ],
    experiments: &[
        Experiment { id: "invariance", claims: &["H1"], run: invariance },
        Experiment { id: "probes", claims: &["H2"], run: probes },
        Experiment { id: "against-adam", claims: &["H3", "H3-valley"], run: against_adam },
    ],
};

const CURVATURES: [f64; 7] = [1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];

fn invariance(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let problem = Quadratic::diagonal(CURVATURES.to_vec(), vec![0.0; 7])?;
    for seed in context.seeds(3) {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let start = vec![0.0; 7].random_like(&noise, 0)?;
        let solver = AdaHessian { epsilon: 0.0, ..AdaHessian::new(0.15, 1, seed) };
        let end = run(&solver, &problem, start.clone(), &Stop::after(100), &mut ())?.state.iterate;
        let ratios: Vec<f64> = end.iter().zip(&start).map(|(end, start)| end / start).collect();
        recorder.record("H1", "difference", ratios.iter().map(|ratio| (ratio - ratios[3]).abs()));
        recorder.note(format!("x(100)/x(0) = {:.8}", ratios[3]));
    }
    Ok(())
}

/// A dense quadratic with the given curvatures in random directions.
fn rotated(curvatures: &[f64], seed: u64) -> Result<Quadratic, ExperimentError> {
    let size = curvatures.len();
    let mut entries = vec![0.0; size * size];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut entries);
    let q = Mat::from_fn(size, size, |i, j| entries[i * size + j]).qr().compute_Q();
    let entry = |i: usize, j: usize| (0..size).map(|l| q[(i, l)] * curvatures[l] * q[(j, l)]).sum::<f64>();
    let hessian = Mat::from_fn(size, size, |i, j| entry(i.min(j), i.max(j)));
    Ok(Quadratic::new(hessian, vec![0.0; size])?)
}

fn log_spaced(low: f64, high: f64, count: usize) -> Vec<f64> {
    let exponent = |i: usize| i as f64 / (count - 1) as f64;
    (0..count).map(|i| low * (high / low).powf(exponent(i))).collect()
}

fn probes(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    for seed in context.seeds(3) {
        let mut curvatures = vec![0.0; 20];
        Noise { seed, distribution: Distribution::Gaussian }.fill(1, 0, &mut curvatures);
        let (problem, z) = (rotated(&curvatures, seed)?, vec![0.0; 20]);
        let hessian = Hessian::new(&problem, &z);
        let estimate = Hutchinson::new(10_000, seed).diagonal(&hessian, &z)?;
        for i in 0..20 {
            let basis: Vec<f64> = (0..20).map(|j| f64::from(i == j)).collect();
            let exact = kiln_tensor::LinearOperator::apply(&hessian, &basis)?[i];
            let error = (estimate.mean[i] - exact).abs() / estimate.standard_error[i];
            recorder.record("H2", "standard errors", [error]);
        }
    }
    Ok(())
}

const STEPS: u64 = 1000;

/// The values every 10 steps; infinite once the run has diverged.
type Curve = Vec<(f64, f64)>;

fn adahessian<P>(problem: &P, start: &[f64], step_size: f64, seed: u64) -> Curve
where
    P: SecondOrderSum<Point = Vec<f64>> + Objective,
{
    let mut trace = Trace::new(Every::Iterations(10), |problem: &P, z: &Vec<f64>| problem.value(z));
    let solver = AdaHessian::new(step_size, 1, seed);
    let ended = run(&solver, problem, start.to_vec(), &Stop::after(STEPS), &mut trace).is_ok();
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
    device: &burn::tensor::Device,
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

fn against_adam(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "against-adam",
        "Final values at the best of 17 step sizes",
        "1000 steps, and for Adam also 3000, which cost as many gradients if a Hessian-vector product costs \
         two. The last row has its curvatures in random directions, where the diagonal says little, and is not judged.",
        &[
            "problem",
            "AdaHessian, worst of 3 seeds",
            "its step size",
            "Adam",
            "its step size",
            "Adam, 3000 steps",
        ],
    );
    let seeds = context.seeds(3);
    let wide = log_spaced(1e-3, 1e3, 50);
    let quadratic = Quadratic::diagonal(wide.clone(), vec![0.0; 50])?;
    let turned = rotated(&log_spaced(1e-2, 1e2, 20), seeds[0])?;
    let (valley, ones) = (vec![-1.2, 1.0], vec![1.0; 50]);
    compare(context, recorder, &mut table, (&Rosenbrock, "Rosenbrock", &valley), &seeds, Some("H3-valley"))?;
    compare(context, recorder, &mut table, (&quadratic, "quadratic", &ones), &seeds, Some("H3"))?;
    compare(context, recorder, &mut table, (&turned, "rotated quadratic", &ones[..20]), &seeds, None)?;
    recorder.table(table);
    Ok(())
}

fn compare<P>(
    context: &Context,
    recorder: &mut Recorder,
    table: &mut Table,
    (problem, name, start): (&P, &str, &[f64]),
    seeds: &[u64],
    claim: Option<&str>,
) -> Result<(), ExperimentError>
where
    P: SecondOrderSum<Point = Vec<f64>> + Objective,
{
    let grid = log_spaced(1e-3, 10.0, 17);
    let device = if context.device == "wgpu" {
        kiln_tensor::devices::named("flex")?
    } else {
        context.tensor_device()?
    };
    let tuned = |steps: u64| -> Result<(f64, Curve), ExperimentError> {
        let run = |&step_size: &f64| Ok((step_size, adam(problem, start, step_size, steps, &device)?));
        Ok(best(grid.iter().map(run).collect::<Result<Vec<_>, ExperimentError>>()?))
    };
    let (adam_step, adam_curve): (f64, Curve) = recorder.memo(&format!("{name} adam"), || tuned(STEPS))?;
    let (_, longer): (f64, Curve) = recorder.memo(&format!("{name} adam longer"), || tuned(3 * STEPS))?;
    let last = |curve: &Curve| curve.last().map_or(f64::NAN, |p| p.1);
    let mut worst: Option<(f64, Curve)> = None;
    for &seed in seeds {
        let (step, curve) = best(grid.iter().map(|&step| (step, adahessian(problem, start, step, seed))));
        if let Some(claim) = claim {
            recorder.record(claim, &format!("{name}, ratio"), [last(&curve) / last(&adam_curve)]);
        }
        if worst.as_ref().is_none_or(|(_, other)| last(&curve) > last(other)) {
            worst = Some((step, curve));
        }
    }
    let Some((step, curve)) = worst else { return Ok(()) };
    let numbers = [last(&curve), step, last(&adam_curve), adam_step, last(&longer)];
    table.row(std::iter::once(name.to_owned()).chain(numbers.map(|x| Number(x).to_string())));
    let floor = |curve: Curve| curve.into_iter().map(|(x, y)| (x, y.max(1e-32))).collect::<Vec<_>>();
    recorder.figure(
        Figure::new(
            &name.to_lowercase().replace(' ', "-"),
            &format!("AdaHessian and Adam: {name}"),
            "Value against steps, each method at its best step size; AdaHessian's worst of three seeds. \
             Values are cut at 1e-32.",
            Axis::linear("steps"),
            Axis::log("f"),
        )
        .with(Kind::Line, "AdaHessian", 0, floor(curve))
        .with(Kind::Line, "Adam", 1, floor(adam_curve)),
    );
    Ok(())
}
