//! A network of 676 weights.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, activation::tanh};
use kiln_optim::curvature::{Differences, SubspacePart, SubspaceSgd};
use kiln_optim::{FiniteSum, ModuleObjective, Objective, OptimError};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Runs, Table};
use kiln_tensor::training::index_tensor;
use kiln_tensor::{Distribution, Noise, Parameters, TensorError};
use serde::{Deserialize, Serialize};

use super::claims::{BULK_SHARE, DOMINANT_SHARE};
use super::runs::{Curve, METHODS, Method, SGD, follow, last};
use crate::device::TensorDevice;

const CLASSES: usize = 4;
const POINTS: usize = 300;
const INPUTS: usize = 20;
const STEPS: u64 = 200;

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
    third: Linear,
}

/// Draws the network and its data.
struct Draws {
    noise: Noise,
    device: Device,
    dtype: DType,
}

impl Draws {
    fn tensor(&self, stream: u64, shape: [usize; 2]) -> Result<Tensor<2>, TensorError> {
        self.noise.tensor(stream, 0, shape, (&self.device, self.dtype))
    }

    /// Gaussian weights of variance 1/inputs, zero biases.
    fn linear(&self, stream: u64, [inputs, outputs]: [usize; 2]) -> Result<Linear, TensorError> {
        let weight = self.tensor(stream, [inputs, outputs])? / (inputs as f64).sqrt();
        let bias = Tensor::zeros([outputs], (&self.device, self.dtype));
        Ok(Linear { weight: Param::from_tensor(weight), bias: Some(Param::from_tensor(bias)) })
    }

    fn network(&self) -> Result<Parameters<Network>, TensorError> {
        Ok(Parameters::new(Network {
            first: self.linear(0, [INPUTS, 16])?,
            second: self.linear(1, [16, 16])?,
            third: self.linear(2, [16, CLASSES])?,
        }))
    }

    /// Points `c + n` around Gaussian centres, with `n` twice as wide as the centres' coordinates; squared
    /// loss to the indicator of the class, summed over classes.
    fn problem(&self) -> Result<impl FiniteSum<Point = Parameters<Network>> + Objective, OptimError> {
        let each = POINTS / CLASSES;
        let centres = self.tensor(3, [CLASSES, INPUTS])?.repeat_dim(0, each);
        let inputs = centres + self.tensor(4, [POINTS, INPUTS])? * 2.0;
        let targets = Tensor::<2>::eye(CLASSES, &self.device).cast(self.dtype).repeat_dim(0, each);
        let device = self.device.clone();
        ModuleObjective::new(POINTS, move |network: &Network, batch: &[usize]| {
            let rows = index_tensor(batch, &device);
            let hidden = tanh(network.first.forward(inputs.clone().select(0, rows.clone())));
            let outputs = network.third.forward(tanh(network.second.forward(hidden)));
            (outputs - targets.clone().select(0, rows)).powi_scalar(2).mean() * CLASSES as f64
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Measured {
    /// Losses of SGD up to the switch.
    warm: Curve,
    /// Losses of each method from there.
    curves: Vec<Curve>,
    /// SGD's mean alignment.
    alignment: f64,
    /// Hessian-vector products that a subspace took.
    products: f64,
}

impl Measured {
    /// The decrease by a method as a share of SGD's.
    fn decrease(&self, method: usize) -> f64 {
        let by = |method: usize| last(&self.warm) - last(&self.curves[method]);
        by(method) / by(0)
    }
}

fn measure(seed: u64, device: &Device, recompute_every: u64) -> Result<Measured, ExperimentError> {
    let dtype = if device.supports_dtype(DType::F64) { DType::F64 } else { DType::F32 };
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let draws = Draws { noise, device: device.clone().autodiff(), dtype };
    let problem = Differences::new(draws.problem()?);
    let sgd =
        SubspaceSgd { recompute_every, ..SubspaceSgd::new(SubspacePart::Whole, CLASSES, 0.05, 20, seed) };
    let blind = SubspaceSgd { dimension: 0, ..sgd };
    let warm = follow(&blind, &problem, draws.network()?, STEPS, 10)?;
    let mut measured =
        Measured { warm: warm.losses, curves: Vec::new(), alignment: f64::NAN, products: f64::NAN };
    for (_, method) in METHODS {
        let solver = method.of(if method == Method::GradientDescent { blind } else { sgd }, POINTS);
        let found = follow(&solver, &problem, warm.state.iterate.clone(), STEPS, 10)?;
        if method == SGD {
            measured.alignment = found.alignment;
            let spent = found.state.work.components - 20 * STEPS;
            measured.products = spent as f64 / (2 * POINTS) as f64 / STEPS.div_ceil(recompute_every) as f64;
        }
        measured.curves.push(found.losses);
    }
    Ok(measured)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let (device, recompute_every) = (context.tensor_device()?, context.pick(25, 1));
    let arm = Arm::new("networks", &recompute_every, |seed| measure(seed, &device, recompute_every));
    let [runs] = recorder.sweep(&context.seeds(5), [arm])?;
    recorder.observe(&DOMINANT_SHARE, runs.each(|run| run.decrease(1)));
    recorder.observe(&BULK_SHARE, runs.each(|run| run.decrease(2)));

    let mut table = Table::new(
        "network",
        "Loss of a small network before and after 200 more steps",
        "χ is the mean alignment of minibatch gradients under SGD with the top 4 eigenvectors.",
        &["network", "χ", "products per subspace", "at the switch", "SGD", "Dom-SGD", "Bulk-SGD", "GD"],
    );
    for (index, run) in runs.values.iter().enumerate() {
        let numbers = [(index + 1) as f64, run.alignment, run.products, last(&run.warm)];
        let numbers = numbers.into_iter().chain(run.curves.iter().map(last));
        table.row(numbers.map(Number));
    }
    recorder.table(table);
    let curves = METHODS.iter().enumerate().map(|(method, (name, _))| {
        let curve = |run: &Measured| {
            let after = run.curves[method].iter().map(|(step, loss)| (step + STEPS as f64, *loss));
            let before = if method == 0 { run.warm.clone() } else { Vec::new() };
            before.into_iter().chain(after).collect()
        };
        Runs { name: (*name).to_owned(), values: runs.values.iter().map(curve).collect() }
    });
    let figure = Figure::new(
        "network",
        "Small network: loss with and without the dominant subspace",
        "SGD, and the four methods from its iterate after 200 steps; median and quartiles.",
        Axis::linear("steps"),
        Axis::log("loss"),
    );
    recorder.figure(figure.with_runs(&curves.collect::<Vec<_>>(), Curve::clone));
    Ok(())
}
