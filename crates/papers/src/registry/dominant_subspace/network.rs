//! A network of 676 weights.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation::tanh};
use kiln_optim::curvature::{Differences, SubspacePart, SubspaceSgd};
use kiln_optim::{FiniteSum, ModuleObjective, Objective, OptimError, Order};
use kiln_tensor::{Distribution, Noise, Parameters};

use super::{METHODS, follow, last};
use crate::device::TensorDevice;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

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

/// Losses of SGD up to the switch, then of SGD, Dom-SGD, Bulk-SGD and gradient descent; SGD's mean alignment,
/// and the Hessian-vector products that a subspace took.
type Measured = (Vec<(f64, f64)>, Vec<Vec<(f64, f64)>>, f64, f64);

fn measure(seed: u64, device: &Device, recompute_every: u64) -> Result<Measured, ExperimentError> {
    let dtype = if device.supports_dtype(DType::F64) { DType::F64 } else { DType::F32 };
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let maker = Maker { noise, device: device.clone().autodiff(), dtype };
    let problem = Differences::new(maker.problem()?);
    let solver = |part| SubspaceSgd { recompute_every, ..SubspaceSgd::new(part, CLASSES, 0.05, 20, seed) };
    let without = |part| SubspaceSgd { dimension: 0, ..solver(part) };
    let warm = follow(&without(SubspacePart::Whole), &problem, maker.network(), STEPS, 10)?;
    let mut curves = Vec::new();
    let (mut alignment, mut products) = (f64::NAN, f64::NAN);
    for (_, part) in METHODS {
        let found = follow(&solver(part), &problem, warm.state.iterate.clone(), STEPS, 10)?;
        if part == SubspacePart::Whole {
            alignment = found.alignment;
            let spent = found.state.work.components - 20 * STEPS;
            products = spent as f64 / (2 * POINTS) as f64 / STEPS.div_ceil(recompute_every) as f64;
        }
        curves.push(found.losses);
    }
    let descent = SubspaceSgd { batch_size: POINTS, order: Order::Cyclic, ..without(SubspacePart::Whole) };
    curves.push(follow(&descent, &problem, warm.state.iterate, STEPS, 10)?.losses);
    Ok((warm.losses, curves, alignment, products))
}

pub(super) fn network(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "network",
        "Loss of a small network before and after 200 more steps",
        "χ is the mean alignment of minibatch gradients under SGD with the top 4 eigenvectors.",
        &["seed", "χ", "products per subspace", "at the switch", "SGD", "Dom-SGD", "Bulk-SGD", "GD"],
    );
    let device = context.tensor_device()?;
    let seeds = context.seeds(3);
    let progress = recorder.progress(seeds.len() as u64, "networks");
    for (index, seed) in seeds.into_iter().enumerate() {
        let (warm, curves, alignment, products): Measured =
            recorder.memo(&seed.to_string(), || measure(seed, &device, context.pick(20, 1)))?;
        progress.inc(1);
        let switch = last(&warm);
        let ends: Vec<f64> = curves.iter().map(|curve| last(curve)).collect();
        let decrease = |method: usize| (switch - ends[method]) / (switch - ends[0]);
        recorder.record("D2", "decrease by Dom-SGD / by SGD", [decrease(1)]);
        recorder.record("D2", "decrease by Bulk-SGD / by SGD", [decrease(2)]);
        let numbers = [(index + 1) as f64, alignment, products, switch].into_iter().chain(ends);
        table.row(numbers.map(|x| Number(x).to_string()));
        if index > 0 {
            continue;
        }
        let mut figure = Figure::new(
            "network",
            "Small network: loss with and without the dominant subspace",
            "First seed: SGD, and the four methods from its iterate after 200 steps.",
            Axis::linear("steps"),
            Axis::log("loss"),
        );
        let names = METHODS.iter().map(|(name, _)| *name).chain(["GD"]);
        for (colour, (name, curve)) in names.zip(curves).enumerate() {
            let shifted = curve.into_iter().map(|(step, loss)| (step + STEPS as f64, loss));
            let before = if name == "SGD" { warm.clone() } else { Vec::new() };
            let kind = if name == "GD" { Kind::Dashed } else { Kind::Line };
            figure = figure.with(kind, name, colour, before.into_iter().chain(shifted));
        }
        recorder.figure(figure);
    }
    recorder.table(table);
    Ok(())
}
