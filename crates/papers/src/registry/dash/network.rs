//! A small network on generated images.

use std::ops::ControlFlow;

use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_optim::training::{Dash, ShrinkAndPerturb};
use kiln_optim::{FiniteSum, ModuleObjective, Order, Sampler};
use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::{ByBatches, Descent, index_tensor};
use kiln_tensor::{Distribution, Noise, Parameters, TensorError};
use serde::{Deserialize, Serialize};

use crate::device::TensorDevice;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const CLASSES: usize = 4;
const PATTERNS: usize = 8;
/// An image has 12 × 12 pixels.
const PIXELS: usize = 144;
/// Share of its class's patterns that an image shows, and how strongly, in deviations of the noise.
const SHOWN: f64 = 0.3;
const STRENGTH: f32 = 2.5;
const HIDDEN: usize = 64;
const CHUNK: usize = 80;
const CHUNKS: usize = 10;
const TEST: usize = 2000;
const BATCH: usize = 32;
const STEP_SIZE: f64 = 0.02;
const MOMENTUM: f64 = 0.9;
const ACCURACY: f64 = 0.999;
const EPOCHS: usize = 200;

#[derive(Clone, Copy, PartialEq)]
enum Method {
    Cold,
    Warm,
    Dash,
    ShrinkAndPerturb,
}

const METHODS: [(&str, Method); 4] = [
    ("cold start", Method::Cold),
    ("warm start", Method::Warm),
    ("DASH", Method::Dash),
    ("shrink and perturb", Method::ShrinkAndPerturb),
];

type Network = MultilayerPerceptron;

fn perceptron(seed: u64, device: &Device) -> Result<Network, TensorError> {
    let mut layers = LayerDraws::new(InitialLaw::He, seed, device);
    MultilayerPerceptron::new(&[PIXELS, HIDDEN, HIDDEN, CLASSES], &mut layers)
}

/// Images as rows and classes as unit vectors.
#[derive(Clone)]
struct Examples {
    images: Tensor<2>,
    classes: Tensor<2>,
}

impl Examples {
    /// `count` examples, set number `set` of the seed; the patterns are those of the seed. Streams 0 to 9 of
    /// the noise belong to the network, 10 and on to the data, 100 and on to shrink and perturb.
    fn new(seed: u64, set: u64, count: usize, device: &Device) -> Self {
        let gaussian = Noise { seed, distribution: Distribution::Gaussian };
        let uniform = Noise { seed, distribution: Distribution::Uniform };
        let mut patterns = vec![0.0_f32; CLASSES * PATTERNS * PIXELS];
        gaussian.fill(10, 0, &mut patterns);
        for pattern in patterns.chunks_exact_mut(PIXELS) {
            let norm = pattern.iter().map(|x| x * x).sum::<f32>().sqrt();
            for x in pattern {
                *x *= STRENGTH / norm;
            }
        }
        let mut images = vec![0.0_f32; count * PIXELS];
        gaussian.fill(20 + set, 0, &mut images);
        let mut shown = vec![0.0_f64; count * PATTERNS];
        uniform.fill(30 + set, 0, &mut shown);
        let mut classes = vec![0.0_f32; count * CLASSES];
        for (i, (image, shown)) in
            images.chunks_exact_mut(PIXELS).zip(shown.chunks_exact(PATTERNS)).enumerate()
        {
            let class = i % CLASSES;
            classes[i * CLASSES + class] = 1.0;
            for (k, _) in shown.iter().enumerate().filter(|(_, u)| **u < SHOWN) {
                let pattern = &patterns[(class * PATTERNS + k) * PIXELS..][..PIXELS];
                image.iter_mut().zip(pattern).for_each(|(x, p)| *x += p);
            }
        }
        Self {
            images: Tensor::from_data(TensorData::new(images, [count, PIXELS]), device),
            classes: Tensor::from_data(TensorData::new(classes, [count, CLASSES]), device),
        }
    }

    fn select(&self, rows: &[usize]) -> Self {
        let rows = index_tensor(rows, &self.images.device());
        Self {
            images: self.images.clone().select(0, rows.clone()),
            classes: self.classes.clone().select(0, rows),
        }
    }

    /// Mean cross-entropy.
    fn loss(&self, network: &Network) -> Tensor<1> {
        let logarithms = log_softmax(network.forward(self.images.clone()), 1);
        -(logarithms * self.classes.clone()).sum_dim(1).mean()
    }

    fn accuracy(&self, network: &Network) -> Result<f64, ExperimentError> {
        let scores = network.forward(self.images.clone()).inner();
        let hits = scores.argmax(1).equal(self.classes.clone().inner().argmax(1)).float().mean();
        Ok(hits.try_into_vec_as::<f64>()?[0])
    }
}

/// Test accuracy and steps after each chunk.
#[derive(Serialize, Deserialize)]
struct Run {
    accuracy: Vec<f64>,
    steps: Vec<u64>,
}

fn optimizer() -> ModuleOptimizer {
    let momentum = MomentumConfig::new().with_momentum(MOMENTUM).with_dampening(0.0);
    SgdConfig::new().with_momentum(Some(momentum)).init()
}

fn run(method: Method, seed: u64, device: &Device) -> Result<Run, ExperimentError> {
    let all = Examples::new(seed, 0, CHUNK * CHUNKS, device);
    let test = Examples::new(seed, 1, TEST, device);
    let mut network = perceptron(seed, device)?;
    let mut sgd = optimizer();
    let mut result = Run { accuracy: Vec::new(), steps: Vec::new() };
    for chunk in 0..CHUNKS {
        let rows: Vec<usize> = (0..CHUNK * (chunk + 1)).collect();
        if chunk > 0 {
            match method {
                Method::Warm => {}
                Method::Cold => {
                    network = perceptron(seed + chunk as u64, device)?;
                    sgd = optimizer();
                }
                Method::Dash => network = dash(network, &all, &rows)?,
                Method::ShrinkAndPerturb => {
                    let mut parameters = Parameters::new(network);
                    let method = ShrinkAndPerturb { seed, ..ShrinkAndPerturb::default() };
                    method.apply(&mut parameters, 100 + chunk as u64)?;
                    network = parameters.into_inner();
                }
            }
        }
        let seen = all.select(&rows);
        let mut sampler = Sampler::new(Order::Reshuffled, rows.len(), BATCH, seed + chunk as u64)?;
        let mut task = ByBatches {
            batches: |_| {
                Ok((0..sampler.batches_per_epoch()).map(|_| sampler.next_batch().to_vec()).collect())
            },
            learning_rate: STEP_SIZE,
            loss: |network: &Network, rows: &Vec<usize>, _| -> Result<_, ExperimentError> {
                Ok(all.select(rows).loss(network))
            },
        };
        let descent = Descent::new(network, sgd).run(EPOCHS, &mut task, |network, _| {
            let enough = seen.accuracy(network)? >= ACCURACY;
            Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        result.steps.push(descent.steps());
        (network, sgd) = descent.into_parts();
        result.accuracy.push(test.accuracy(&network)?);
    }
    Ok(result)
}

fn dash(network: Network, examples: &Examples, rows: &[usize]) -> Result<Network, ExperimentError> {
    let problem = ModuleObjective::new(rows.len(), |network: &Network, rows: &[usize]| {
        examples.select(rows).loss(network)
    })?;
    let dash = Dash::default();
    let mut parameters = Parameters::new(network);
    let direction = dash.direction(rows.chunks(CHUNK).map(|chunk| problem.batch(chunk, &parameters)))?;
    dash.shrink(&mut parameters, &direction)?;
    Ok(parameters.into_inner())
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?.autodiff();
    let seeds = context.seeds(context.pick(3, 10));
    let progress = recorder.progress((METHODS.len() * seeds.len()) as u64, "networks");
    let mut runs: Vec<Vec<Run>> = Vec::new();
    for (name, method) in METHODS {
        let of_method = seeds
            .iter()
            .map(|&seed| {
                let run = recorder.memo(&format!("{name}, seed {seed}"), || run(method, seed, &device));
                progress.inc(1);
                run
            })
            .collect::<Result<_, _>>()?;
        runs.push(of_method);
    }
    let steps = |run: &Run| run.steps[1..].iter().sum::<u64>() as f64;
    for ((cold, warm), dash) in runs[0].iter().zip(&runs[1]).zip(&runs[2]) {
        let last = CHUNKS - 1;
        recorder.record("D3", "accuracy, DASH minus warm", [dash.accuracy[last] - warm.accuracy[last]]);
        recorder.record("D3", "steps, DASH over cold", [steps(dash) / steps(cold)]);
    }
    let mut table = Table::new(
        "network",
        "A small network on generated images",
        "Means over the seeds: test accuracy after the last of 10 chunks, mean of the test accuracies after \
         chunks 2 to 10, steps for chunks 2 to 10.",
        &["method", "test accuracy, last", "test accuracy, mean", "steps"],
    );
    let mut figure = Figure::new(
        "network",
        "Warm starts against shrinking",
        "Test accuracy of a small network after each chunk of generated images, mean over the seeds.",
        Axis::linear("chunk"),
        Axis::linear("test accuracy"),
    );
    for (colour, ((name, _), runs)) in METHODS.iter().zip(&runs).enumerate() {
        let mean = |f: &dyn Fn(&Run) -> f64| mean(runs.iter().map(f));
        let average = |run: &Run| run.accuracy[1..].iter().sum::<f64>() / (CHUNKS - 1) as f64;
        let numbers = [mean(&|run| run.accuracy[CHUNKS - 1]), mean(&average), mean(&steps)];
        table.row([(*name).to_owned()].into_iter().chain(numbers.map(|x| Number(x).to_string())));
        let points = (0..CHUNKS).map(|chunk| ((chunk + 1) as f64, mean(&|run| run.accuracy[chunk])));
        figure = figure.with(Kind::LinePoints, name, colour, points);
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}
