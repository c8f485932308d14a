//! A small network on generated images.

use std::ops::ControlFlow;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Device, Tensor, TensorData};
use kiln_optim::training::{Dash, ShrinkAndPerturb};
use kiln_optim::{FiniteSum, ModuleObjective, Order, Sampler};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Table};
use kiln_tensor::network::{InitialLaw, LayerDraws};
use kiln_tensor::training::{BatchLoss, ByBatches, Descent, index_tensor};
use kiln_tensor::{Distribution, Noise, Parameters, TensorError};
use serde::{Deserialize, Serialize};

use super::claims::{BETTER, CHEAPER, NORMALIZED};
use crate::device::TensorDevice;

const CLASSES: usize = 4;
const PATTERNS: usize = 8;
/// An image has 12 × 12 pixels.
const PIXELS: usize = 144;
/// Share of its class's patterns that an image shows, and how strongly, in deviations of the noise.
const SHOWN: f64 = 0.3;
const STRENGTH: f32 = 2.5;
const HIDDEN: usize = 64;
const CHUNK: usize = 80;
const TEST: usize = 2000;
const BATCH: usize = 32;
/// As the authors have it.
const STEP_SIZE: f64 = 1e-3;
const MOMENTUM: f64 = 0.9;
const ACCURACY: f64 = 0.999;
/// At most, for a chunk.
const EPOCHS: usize = 2000;

#[derive(Clone, Copy, Serialize)]
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

/// A perceptron with two hidden layers, with or without batch normalization before the rectifiers.
#[derive(Module, Debug)]
struct Network {
    hidden: Vec<Linear>,
    normalizations: Vec<BatchNorm>,
    last: Linear,
}

impl Network {
    fn new(normalized: bool, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut layers = LayerDraws::new(InitialLaw::He, seed, device);
        let hidden = vec![layers.linear(PIXELS, HIDDEN)?, layers.linear(HIDDEN, HIDDEN)?];
        let normalizations = if normalized { hidden.len() } else { 0 };
        let normalizations = (0..normalizations).map(|_| BatchNormConfig::new(HIDDEN).init(device)).collect();
        Ok(Self { hidden, normalizations, last: layers.linear(HIDDEN, CLASSES)? })
    }

    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (at, layer) in self.hidden.iter().enumerate() {
            x = layer.forward(x);
            if let Some(normalization) = self.normalizations.get(at) {
                x = normalization.forward(x);
            }
            x = relu(x);
        }
        self.last.forward(x)
    }
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

    /// Mean cross-entropy, and the number of hits.
    fn loss(&self, network: &Network) -> BatchLoss {
        let scores = network.forward(self.images.clone());
        let report = self.hits(scores.clone().inner()).sum();
        let loss = -(log_softmax(scores, 1) * self.classes.clone()).sum_dim(1).mean();
        BatchLoss { loss, report }
    }

    /// With the averages that normalizations remember.
    fn accuracy(&self, network: &Network) -> Result<f64, ExperimentError> {
        let scores = network.valid().forward(self.images.clone().inner());
        Ok(self.hits(scores).mean().try_into_vec_as::<f64>()?[0])
    }

    fn hits(&self, scores: Tensor<2>) -> Tensor<2> {
        scores.argmax(1).equal(self.classes.clone().inner().argmax(1)).float()
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

fn train(
    method: Method,
    normalized: bool,
    chunks: usize,
    seed: u64,
    device: &Device,
) -> Result<Run, ExperimentError> {
    let all = Examples::new(seed, 0, CHUNK * chunks, device);
    let test = Examples::new(seed, 1, TEST, device);
    let mut network = Network::new(normalized, seed, device)?;
    let mut sgd = optimizer();
    let mut result = Run { accuracy: Vec::new(), steps: Vec::new() };
    for chunk in 0..chunks {
        let rows: Vec<usize> = (0..CHUNK * (chunk + 1)).collect();
        if chunk > 0 {
            match method {
                Method::Warm => {}
                Method::Cold => {
                    network = Network::new(normalized, seed + chunk as u64, device)?;
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
        let descent = Descent::new(network, sgd).run(EPOCHS, &mut task, |_, epoch| {
            let enough = epoch.sums[0] >= ACCURACY * rows.len() as f64;
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
        examples.select(rows).loss(network).loss
    })?;
    let dash = Dash::default();
    let mut parameters = Parameters::new(network);
    let direction = dash.direction(rows.chunks(CHUNK).map(|chunk| problem.batch(chunk, &parameters)))?;
    dash.shrink(&mut parameters, &direction)?;
    Ok(parameters.into_inner())
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?.autodiff();
    let (seeds, chunks) = (context.seeds(context.pick(5, 10)), context.pick(3, 10));
    let mut table = Table::new(
        "network",
        "A small network on generated images",
        "Means over the seeds: test accuracy after the last chunk, mean of the test accuracies after all chunks but \
         the first, steps for these.",
        &["network", "method", "test accuracy, last", "test accuracy, mean", "steps"],
    );
    let last = |run: &Run| run.accuracy[chunks - 1];
    let average = |run: &Run| mean(&run.accuracy[1..]);
    let steps = |run: &Run| run.steps[1..].iter().sum::<u64>() as f64;
    let mut relative_steps: Vec<Vec<f64>> = Vec::new();
    for (network, id, normalized) in
        [("with batch normalization", "network", true), ("without normalization", "network-plain", false)]
    {
        let arm = |(name, method): (&str, Method)| {
            let settings = (method, normalized, chunks);
            Arm::new(name, &settings, move |seed| train(method, normalized, chunks, seed, device))
        };
        let runs = recorder.sweep(&seeds, METHODS.map(arm))?;
        let [cold, warm, dash, _] = &runs;
        if normalized {
            recorder.observe(&BETTER, dash.paired(warm, last));
            recorder.observe(&CHEAPER, dash.paired(cold, steps));
        }
        relative_steps.push(dash.paired(cold, steps).into_iter().map(|(dash, cold)| dash / cold).collect());
        for runs in &runs {
            let numbers = [mean(runs.each(last)), mean(runs.each(average)), mean(runs.each(steps))];
            table.numbers([network, &runs.name], numbers);
        }
        let figure = Figure::new(
            id,
            &format!("Warm starts against shrinking, {network}"),
            "Test accuracy of a small network after each chunk of generated images, median and quartiles.",
            Axis::linear("chunk"),
            Axis::linear("test accuracy"),
        );
        let curve = |run: &Run| (1_u32..).map(f64::from).zip(run.accuracy.iter().copied()).collect();
        recorder.figure(figure.with_runs(&runs, curve));
    }
    recorder.table(table);
    recorder.observe(&NORMALIZED, relative_steps[1].iter().copied().zip(relative_steps[0].iter().copied()));
    Ok(())
}
