//! A network of 676 weights.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation::tanh};
use kiln_optim::curvature::{Differences, SubspacePart, SubspaceSgd};
use kiln_optim::{FiniteSum, ModuleObjective, Objective, OptimError};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Runs, Table};
use kiln_tensor::{Distribution, Noise, Parameters};
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

struct Maker {
    noise: Noise,
    device: Device,
    dtype: DType,
}

impl Maker {
    fn values(&self, stream: u64, count: usize) -> Vec<f64> {
        let mut values = vec![0.0; count];
        self.noise.fill(stream, 0, &mut values);
        values
    }

    fn tensor(&self, values: Vec<f64>, shape: [usize; 2]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, shape), (&self.device, self.dtype))
    }

    /// Gaussian weights of variance 1/inputs, zero biases.
    fn linear(&self, stream: u64, inputs: usize, outputs: usize) -> Linear {
        let scale = (inputs as f64).sqrt().recip();
        let weights = self.values(stream, inputs * outputs).into_iter().map(|w| w * scale).collect();
        Linear {
            weight: Param::from_tensor(self.tensor(weights, [inputs, outputs])),
            bias: Some(Param::from_tensor(self.tensor(vec![0.0; outputs], [1, outputs]).reshape([outputs]))),
        }
    }

    fn network(&self) -> Parameters<Network> {
        Parameters::new(Network {
            first: self.linear(0, INPUTS, 16),
            second: self.linear(1, 16, 16),
            third: self.linear(2, 16, CLASSES),
        })
    }

    /// Points `c + n` around Gaussian centres, with `n` twice as wide as the centres' coordinates; squared
    /// loss to the indicator of the class, summed over classes.
    fn problem(&self) -> Result<impl FiniteSum<Point = Parameters<Network>> + Objective, OptimError> {
        let centres = self.values(3, CLASSES * INPUTS);
        let spread = self.values(4, POINTS * INPUTS);
        let point = |i: usize, j: usize| centres[(i % CLASSES) * INPUTS + j] + 2.0 * spread[i * INPUTS + j];
        let inputs = (0..POINTS * INPUTS).map(|at| point(at / INPUTS, at % INPUTS)).collect();
        let target = |at: usize| f64::from((at / CLASSES) % CLASSES == at % CLASSES);
        let inputs = self.tensor(inputs, [POINTS, INPUTS]);
        let targets = self.tensor((0..POINTS * CLASSES).map(target).collect(), [POINTS, CLASSES]);
        let device = self.device.clone();
        ModuleObjective::new(POINTS, move |network: &Network, batch: &[usize]| {
            let (inputs, targets) = if batch.len() == POINTS {
                (inputs.clone(), targets.clone())
            } else {
                let rows: Vec<i32> =
                    batch.iter().map(|&i| i32::try_from(i).expect("there are 300 points")).collect();
                let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &device);
                (inputs.clone().select(0, rows.clone()), targets.clone().select(0, rows))
            };
            let hidden = tanh(network.second.forward(tanh(network.first.forward(inputs))));
            (network.third.forward(hidden) - targets).powi_scalar(2).mean() * CLASSES as f64
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
    let maker = Maker { noise, device: device.clone().autodiff(), dtype };
    let problem = Differences::new(maker.problem()?);
    let sgd =
        SubspaceSgd { recompute_every, ..SubspaceSgd::new(SubspacePart::Whole, CLASSES, 0.05, 20, seed) };
    let blind = SubspaceSgd { dimension: 0, ..sgd };
    let warm = follow(&blind, &problem, maker.network(), STEPS, 10)?;
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
        table.row(numbers.map(|x| Number(x).to_string()));
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
