//! MNIST-5k, and the network of the authors' experiment on digits.

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_datasets::{LabelledImages, mnist_5k};
use kiln_optim::first_order::Sgd;
use kiln_optim::{ModuleObjective, Order, Sampler, Solver};
use kiln_receipts::{Context, ExperimentError, Recorder};
use kiln_tensor::Parameters;
use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
use kiln_tensor::training::index_tensor;
use serde::{Deserialize, Serialize};

const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;
const CLASSES: usize = 10;
pub(in crate::registry) const BATCH: usize = 64;

/// 784-32-16-10 with rectifiers: 25,818 parameters.
pub(in crate::registry) type Network = MultilayerPerceptron;

pub(in crate::registry) fn network(
    seed: u64,
    law: InitialLaw,
    device: &Device,
) -> Result<Network, ExperimentError> {
    let widths = [PIXELS, 32, 16, CLASSES];
    Ok(MultilayerPerceptron::new(&widths, &mut LayerDraws::new(law, seed, device))?)
}

/// Digits as rows, and their classes as unit vectors.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Digits {
    images: Tensor<2>,
    classes: Tensor<2>,
}

/// How good a network is on a set of digits.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(in crate::registry) struct Score {
    pub(in crate::registry) loss: f64,
    pub(in crate::registry) accuracy: f64,
}

impl Digits {
    /// The pictures at `places`, rolled down and to the right by `shift` pixels.
    pub(in crate::registry) fn new(
        pictures: &LabelledImages,
        places: &[usize],
        shift: (usize, usize),
        device: &Device,
    ) -> Self {
        let mut images = vec![0.0_f32; places.len() * PIXELS];
        let mut classes = vec![0.0_f32; places.len() * CLASSES];
        for (row, &place) in places.iter().enumerate() {
            let image = &mut images[row * PIXELS..][..PIXELS];
            for (pixel, &shade) in pictures.image(place).iter().enumerate() {
                let (y, x) = ((pixel / SIDE + shift.0) % SIDE, (pixel % SIDE + shift.1) % SIDE);
                image[y * SIDE + x] = f32::from(shade) / 255.0;
            }
            classes[row * CLASSES + usize::from(pictures.labels[place])] = 1.0;
        }
        Self {
            images: Tensor::from_data(TensorData::new(images, [places.len(), PIXELS]), device),
            classes: Tensor::from_data(TensorData::new(classes, [places.len(), CLASSES]), device),
        }
    }

    pub(in crate::registry) fn len(&self) -> usize {
        self.images.dims()[0]
    }

    /// The same where gradients are recorded.
    pub(in crate::registry) fn autodiff(self) -> Self {
        Self { images: self.images.autodiff(), classes: self.classes.autodiff() }
    }

    fn select(&self, rows: &[usize]) -> Self {
        // All of them, in order: nothing to copy.
        if rows.len() == self.len() && rows.iter().enumerate().all(|(i, &row)| i == row) {
            return self.clone();
        }
        let rows = index_tensor(rows, &self.images.device());
        Self {
            images: self.images.clone().select(0, rows.clone()),
            classes: self.classes.clone().select(0, rows),
        }
    }

    /// The cross-entropy of each row.
    pub(in crate::registry) fn losses(&self, network: &Network, rows: &[usize]) -> Tensor<1> {
        let chosen = self.select(rows);
        let logarithms = log_softmax(network.forward(chosen.images), 1);
        -(logarithms * chosen.classes).sum_dim(1).flatten(0, 1)
    }

    /// For each row 1 if the network is wrong, else 0.
    pub(in crate::registry) fn errors(&self, network: &Network, rows: &[usize]) -> Tensor<1> {
        let chosen = self.select(rows);
        let answers = network.forward(chosen.images).argmax(1);
        answers.not_equal(chosen.classes.argmax(1)).float().flatten(0, 1)
    }

    pub(in crate::registry) fn score(&self, network: &Network) -> Result<Score, ExperimentError> {
        let rows: Vec<usize> = (0..self.len()).collect();
        let mean = |values: Tensor<1>| -> Result<f64, ExperimentError> {
            Ok(values.mean().try_into_vec_as::<f64>()?[0])
        };
        let loss = mean(self.losses(network, &rows))?;
        let accuracy = 1.0 - mean(self.errors(network, &rows))?;
        // A network that diverged knows nothing.
        Ok(if loss.is_nan() {
            Score { loss: f64::INFINITY, accuracy: 1.0 / CLASSES as f64 }
        } else {
            Score { loss, accuracy }
        })
    }
}

/// MNIST-5k, reported as read.
pub(in crate::registry) fn pictures(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<LabelledImages, ExperimentError> {
    let pictures = mnist_5k(&*context.data)?;
    for source in &pictures.sources {
        recorder.used_data(source.clone());
    }
    Ok(pictures)
}

/// A random order of the pictures.
pub(in crate::registry) fn shuffled(count: usize, seed: u64) -> Result<Vec<usize>, ExperimentError> {
    Ok(Sampler::new(Order::ShuffledOnce, count, count, seed)?.next_batch().to_vec())
}

/// The specification's analogue of fine-tuning: a network trained on upright digits, to be tuned on shifted
/// ones.
#[derive(Debug)]
pub(in crate::registry) struct FineTuning {
    pub(in crate::registry) network: Network,
    /// Accuracy of the network on upright digits.
    pub(in crate::registry) before_the_shift: f64,
    pub(in crate::registry) train: Digits,
    pub(in crate::registry) held_out: Digits,
}

const TRAINED_ON: usize = 3000;
const TUNED_ON: usize = 512;
const HELD_OUT: usize = 1000;
const SHIFT: (usize, usize) = (2, 3);

impl FineTuning {
    /// SGD at 0.1 on batches of 64 for 30 epochs; then 512 of the other digits to tune on and 1,000 to judge
    /// by.
    pub(in crate::registry) fn new(
        pictures: &LabelledImages,
        law: InitialLaw,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ExperimentError> {
        let order = shuffled(pictures.len(), seed)?;
        let (upright, rest) = order.split_at(TRAINED_ON);
        let (tuned, rest) = rest.split_at(TUNED_ON);
        let held_out = &rest[..HELD_OUT];

        let autodiff = device.clone().autodiff();
        let train = Digits::new(pictures, upright, (0, 0), &autodiff);
        let problem = ModuleObjective::new(TRAINED_ON, |network: &Network, rows: &[usize]| {
            train.losses(network, rows).mean()
        })?;
        let solver = Sgd { step_size: 0.1.into(), batch_size: BATCH, order: Order::Reshuffled, seed };
        let mut state = solver.start(&problem, Parameters::new(network(seed, law, &autodiff)?))?;
        for _ in 0..30 * TRAINED_ON.div_ceil(BATCH) {
            solver.advance(&problem, &mut state)?;
        }
        let network = state.iterate.into_inner().valid();
        let before_the_shift = Digits::new(pictures, held_out, (0, 0), device).score(&network)?.accuracy;
        Ok(Self {
            network,
            before_the_shift,
            train: Digits::new(pictures, tuned, SHIFT, device),
            held_out: Digits::new(pictures, held_out, SHIFT, device),
        })
    }
}
