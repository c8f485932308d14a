//! A small convolutional network on the MNIST digits: `AdaHessian` and Adam, step by step and at equal work.

use std::time::{Duration, Instant};

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_datasets::{ImagePart, LabelledImages, mnist};
use kiln_optim::curvature::{AdaHessian, Differences, kernel_blocks};
use kiln_optim::{ModuleObjective, Order, Sampler, Solver};
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, Runs, Table};
use kiln_tensor::network::{InitialLaw, LayerDraws};
use kiln_tensor::training::{Descent, RowOrder, adam, index_tensor};
use kiln_tensor::{Parameters, TensorError};
use serde::{Deserialize, Serialize};

use super::claims::{STEP_BY_STEP, WORK};
use crate::device::TensorDevice;

const SIDE: usize = 14;
const CLASSES: usize = 10;
const TRAIN: usize = 10_000;
const BATCH: usize = 64;
/// Gradients of a step of `AdaHessian`: one, and two for the Hessian-vector product.
const COST: usize = 3;
/// Adam makes so many times the steps of `AdaHessian`.
const LONGER: usize = 6;
/// Measurements during a run of `AdaHessian`.
const MEASUREMENTS: usize = 4;
/// The methods' defaults, 0.15 and 1e-3, are among them.
const HESSIAN_RATES: [f64; 5] = [0.015, 0.05, 0.15, 0.5, 1.5];
const ADAM_RATES: [f64; 5] = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2];

#[derive(Clone, Copy, Serialize)]
struct Sizes {
    /// Of `AdaHessian`.
    steps: usize,
    held_out: usize,
    test: usize,
}

/// Smooth throughout, so that differences of gradients are Hessian-vector products.
#[derive(Module, Debug)]
struct Network {
    first: Conv2d,
    second: Conv2d,
    pool: AvgPool2d,
    last: Linear,
}

impl Network {
    fn new(seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut layers = LayerDraws::new(InitialLaw::Glorot { gain: 1.0 }, seed, device);
        Ok(Self {
            first: layers.convolution([1, 8], 3, 1)?,
            second: layers.convolution([8, 16], 3, 1)?,
            pool: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            last: layers.linear(16 * 3 * 3, CLASSES)?,
        })
    }

    fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(self.first.forward(pictures).tanh());
        self.last.forward(self.pool.forward(self.second.forward(x).tanh()).flatten(1, 3))
    }
}

/// Pictures of half the side, and classes as unit vectors.
struct Digits {
    pictures: Tensor<4>,
    classes: Tensor<2>,
}

impl Digits {
    fn new(images: &LabelledImages, places: &[usize], device: &Device) -> Self {
        let mut pictures = Vec::with_capacity(places.len() * SIDE * SIDE);
        let mut classes = vec![0.0_f32; places.len() * CLASSES];
        for (row, &place) in places.iter().enumerate() {
            let image = images.image(place);
            let pixel = |y: usize, x: usize| f32::from(image[y * images.width + x]);
            pictures.extend((0..SIDE * SIDE).map(|at| {
                let (y, x) = (2 * (at / SIDE), 2 * (at % SIDE));
                (pixel(y, x) + pixel(y, x + 1) + pixel(y + 1, x) + pixel(y + 1, x + 1)) / (4.0 * 255.0)
            }));
            classes[row * CLASSES + usize::from(images.labels[place])] = 1.0;
        }
        Self {
            pictures: Tensor::from_data(TensorData::new(pictures, [places.len(), 1, SIDE, SIDE]), device),
            classes: Tensor::from_data(TensorData::new(classes, [places.len(), CLASSES]), device),
        }
    }

    /// Mean cross-entropy of these rows.
    fn loss(&self, network: &Network, rows: &[usize]) -> Tensor<1> {
        let rows = index_tensor(rows, &self.pictures.device());
        let scores = network.forward(self.pictures.clone().select(0, rows.clone()));
        -(log_softmax(scores, 1) * self.classes.clone().select(0, rows)).sum_dim(1).mean()
    }

    /// Mean cross-entropy, infinite for a network that diverged, and accuracy. The pictures are on a device
    /// without autodiff.
    fn score(&self, network: &Network) -> Result<(f64, f64), ExperimentError> {
        let scores = network.forward(self.pictures.clone());
        let hits = scores.clone().argmax(1).equal(self.classes.clone().argmax(1)).float().mean();
        let loss = -(log_softmax(scores, 1) * self.classes.clone()).sum_dim(1).mean();
        let (loss, hits) = (loss.try_into_vec_as::<f64>()?[0], hits.try_into_vec_as::<f64>()?[0]);
        Ok((if loss.is_finite() { loss } else { f64::INFINITY }, hits))
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Measured {
    rate: f64,
    held_out_loss: f64,
    /// On the test digits, as is the accuracy.
    loss: f64,
    accuracy: f64,
}

#[derive(Serialize, Deserialize)]
struct Run {
    /// At equal distances of steps, not at the start.
    measured: Vec<Measured>,
    seconds_per_step: f64,
}

/// One network to be trained. Which digits it is trained on, and which are held out, depends on the seed.
struct Trial {
    train: Digits,
    held_out: Digits,
    test: Digits,
    sizes: Sizes,
    rate: f64,
    seed: u64,
    device: Device,
}

type Train = fn(&Trial) -> Result<Run, ExperimentError>;

impl Trial {
    fn new(
        [train, test]: &[LabelledImages; 2],
        sizes: Sizes,
        (rate, seed): (f64, u64),
        device: &Device,
    ) -> Self {
        let rows = RowOrder::Shuffled { seed }.of(train.len(), 0);
        let (first, rest) = rows.split_at(TRAIN);
        let plain = device.clone().inner();
        Self {
            train: Digits::new(train, first, device),
            held_out: Digits::new(train, &rest[..sizes.held_out], &plain),
            test: Digits::new(test, &(0..sizes.test).collect::<Vec<_>>(), &plain),
            sizes,
            rate,
            seed,
            device: device.clone(),
        }
    }

    /// So many steps of a method, `network` what it has reached.
    fn follow<S>(
        &self,
        steps: usize,
        mut state: S,
        mut advance: impl FnMut(S) -> Result<S, ExperimentError>,
        network: impl Fn(&S) -> &Network,
    ) -> Result<Run, ExperimentError> {
        let (mut measured, mut time) = (Vec::new(), Duration::ZERO);
        for step in 1..=steps {
            let start = Instant::now();
            state = advance(state)?;
            time += start.elapsed();
            if step % (self.sizes.steps / MEASUREMENTS) == 0 {
                let network = network(&state).valid();
                let ((held_out_loss, _), (loss, accuracy)) =
                    (self.held_out.score(&network)?, self.test.score(&network)?);
                measured.push(Measured { rate: self.rate, held_out_loss, loss, accuracy });
            }
        }
        Ok(Run { measured, seconds_per_step: time.as_secs_f64() / steps as f64 })
    }

    fn adahessian(&self) -> Result<Run, ExperimentError> {
        let loss = |network: &Network, rows: &[usize]| self.train.loss(network, rows);
        let problem = Differences::new(ModuleObjective::new(TRAIN, loss)?);
        let start = Parameters::new(Network::new(self.seed, &self.device)?);
        let averaging = kernel_blocks(&start);
        let solver = AdaHessian { averaging, ..AdaHessian::new(self.rate, BATCH, self.seed) };
        let advance = |mut state| {
            solver.advance(&problem, &mut state)?;
            Ok(state)
        };
        let state = solver.start(&problem, start)?;
        self.follow(self.sizes.steps, state, advance, |state| state.iterate.as_ref())
    }

    fn adam(&self) -> Result<Run, ExperimentError> {
        let mut sampler = Sampler::new(Order::Reshuffled, TRAIN, BATCH, self.seed)?;
        let advance = |descent: Descent<Network>| {
            let mut gradients = self.train.loss(descent.module(), sampler.next_batch()).backward();
            let gradients = GradientsParams::from_module(&mut gradients, descent.module());
            Ok(descent.step(self.rate, gradients)?)
        };
        let descent = Descent::new(Network::new(self.seed, &self.device)?, adam());
        self.follow(LONGER * self.sizes.steps, descent, advance, Descent::module)
    }
}

/// The runs of a method, one arm a rate.
struct Tuned([Runs<Run>; 5]);

impl Tuned {
    /// What the rate with the lowest loss on held-out digits has reached by the measurement `at`.
    fn best(&self, seed: usize, at: usize) -> Measured {
        let [first, others @ ..] = self.0.each_ref().map(|runs| runs.values[seed].measured[at]);
        others.into_iter().fold(first, |a, b| if b.held_out_loss < a.held_out_loss { b } else { a })
    }

    fn seconds_per_step(&self, seed: usize) -> f64 {
        median(self.0.iter().map(|runs| runs.values[seed].seconds_per_step))
    }
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let images = &[mnist(&*context.data, ImagePart::Train)?, mnist(&*context.data, ImagePart::Test)?];
    images.iter().flat_map(|part| part.sources.clone()).for_each(|used| recorder.used_data(used));
    let sizes = context.pick(
        Sizes { steps: 20, held_out: 500, test: 1000 },
        Sizes { steps: 1000, held_out: 2000, test: 10_000 },
    );
    let (device, seeds) = (&context.tensor_device()?.autodiff(), context.seeds(context.pick(1, 5)));
    let tuned = |name: &str, train: Train, rates: [f64; 5]| {
        let arm = |rate: f64| {
            Arm::new(format!("{name}, {rate}"), &(sizes, rate), move |seed| {
                train(&Trial::new(images, sizes, (rate, seed), device))
            })
        };
        recorder.sweep(&seeds, rates.map(arm)).map(Tuned)
    };
    let hessian = tuned("AdaHessian", Trial::adahessian, HESSIAN_RATES)?;
    let adam = tuned("Adam", Trial::adam, ADAM_RATES)?;

    let mut table = Table::new(
        "digits",
        "A small convolutional network on digits",
        "Each method at the rate that is best on held-out digits; medians over the seeds. AdaHessian's row is what \
         the others are compared with.",
        &["", "steps", "rate", "loss on test digits", "accuracy"],
    );
    let mut row = |name: &str, measurements: &[usize], reached: &[Measured]| {
        let steps = mean(measurements.iter().map(|at| (at * sizes.steps / MEASUREMENTS) as f64));
        let columns: [fn(&Measured) -> f64; 3] = [|it| it.rate, |it| it.loss, |it| it.accuracy];
        let numbers = columns.map(|of| median(reached.iter().map(of)));
        table.numbers([name], std::iter::once(steps).chain(numbers));
    };
    let reached = |tuned: &Tuned, measurements: &[usize]| -> Vec<_> {
        measurements.iter().enumerate().map(|(seed, at)| tuned.best(seed, at - 1)).collect()
    };
    let same = vec![MEASUREMENTS; seeds.len()];
    let ends = reached(&hessian, &same);
    row("AdaHessian", &same, &ends);
    // In measurements of Adam, which are as many steps apart.
    let in_time = |seed: usize| {
        let steps = hessian.seconds_per_step(seed) / adam.seconds_per_step(seed) * MEASUREMENTS as f64;
        (steps.round() as usize).clamp(1, LONGER * MEASUREMENTS)
    };
    for (name, check, measurements) in [
        ("equal steps", &STEP_BY_STEP, same),
        ("equal gradients", &WORK, vec![COST * MEASUREMENTS; seeds.len()]),
        ("equal time", &WORK, (0..seeds.len()).map(in_time).collect()),
    ] {
        let reached = reached(&adam, &measurements);
        let pairs = ends.iter().zip(&reached).map(|(hessian, adam)| (hessian.loss, adam.loss));
        recorder.observe_in(name, check, pairs);
        row(&format!("Adam, {name}"), &measurements, &reached);
    }
    recorder.table(table);

    let curves = |name: &str, tuned: &Tuned, cost: usize, length: usize| {
        let gradients = |at: usize| (cost * (at + 1) * sizes.steps / MEASUREMENTS) as f64;
        let curve = |seed| (0..length).map(|at| (gradients(at), tuned.best(seed, at).loss)).collect();
        Runs { name: name.to_owned(), values: (0..seeds.len()).map(curve).collect() }
    };
    let runs: [Runs<Vec<(f64, f64)>>; 2] =
        [curves("AdaHessian", &hessian, COST, MEASUREMENTS), curves("Adam", &adam, 1, LONGER * MEASUREMENTS)];
    let figure = Figure::new(
        "digits",
        "AdaHessian and Adam on digits, by gradients",
        "Loss on test digits at the rate that is best on held-out ones by then; median and quartiles.",
        Axis::linear("gradients of a batch"),
        Axis::log("loss on test digits"),
    );
    recorder.figure(figure.with_runs(&runs, Clone::clone));
    Ok(())
}
