//! C5: digits whose colour gives the label away in training, and another's in the test.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{CNN_CHECKS, DRAWN_CHECKS, SMALL_CHECKS};
use super::networks::{Look, Network, Training, drawn};
use super::variants::{Variant, rrr, runs_of, share, synthetic};
use crate::device::TensorDevice;
use crate::pictures::{Pictures, coloured, glyphs};
use kiln_datasets::ImagePart;
use kiln_receipts::statistics::mean_and_spread;
use kiln_receipts::{Arm, Axis, Check, Context, ExperimentError, Figure, Recorder, Runs, Scale, Table};
use kiln_tensor::network::ConvolutionalSizes;

/// Single-pixel groups of a step.
const PIXELS: usize = 8;

/// What is seen of one training after each epoch; accuracies in percent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    /// On validation pictures in inverted colours, on test pictures in inverted colours and in those of training.
    looks: Vec<[Look; 3]>,
}

impl Seen {
    fn last(&self, which: usize) -> f64 {
        self.looks.last().map_or(f64::NAN, |looks| looks[which].accuracy)
    }

    /// As the authors stop: at the epoch before the first that does not lower the validation loss.
    fn chosen(&self) -> Option<&[Look; 3]> {
        let risen = self.looks.windows(2).position(|pair| pair[1][0].loss >= pair[0][0].loss);
        self.looks.get(risen.unwrap_or(self.looks.len().saturating_sub(1)))
    }

    fn chosen_accuracy(&self) -> f64 {
        self.chosen().map_or(f64::NAN, |looks| looks[1].accuracy)
    }

    fn validation_loss(&self) -> f64 {
        self.chosen().map_or(f64::NAN, |looks| looks[0].loss)
    }
}

/// Grey pictures.
struct Problem {
    train: Arc<Pictures>,
    validation: Arc<Pictures>,
    test: Arc<Pictures>,
    training: Training,
}

impl Problem {
    fn measure<N: Network>(
        &self,
        network: N,
        variant: Variant,
        device: &Device,
    ) -> Result<Seen, ExperimentError> {
        let mut all = [
            coloured(&self.train, false),
            coloured(&self.validation, true),
            coloured(&self.test, true),
            coloured(&self.test, false),
        ];
        let [channels, height, width] = all[0].shape;
        standardize(&mut all, channels);
        let [train, looked_at @ ..] = all;
        let inputs = looked_at.each_ref().map(|pictures| pictures.tensor(device));
        let look = |network: &N| {
            let at = |i: usize| Look::at(network, &inputs[i], &looked_at[i].labels);
            Ok([at(0)?, at(1)?, at(2)?])
        };
        let drawn = Drawn::new(&self.train, self.training.seed);
        let penalty = |network: &N, x: &Tensor<4>, classes: &_, step| match variant {
            Variant::Penalized(penalty, weight) => {
                let masks = TensorData::new(drawn.masks(step), [PIXELS, 1, height, width]);
                let masks = Tensor::from_data(masks, device);
                Ok(Some(penalty.of(network, x, classes, &masks)? * weight))
            }
            _ => Ok(None),
        };
        Ok(Seen { looks: self.training.fit(network, &train, device, penalty, look)? })
    }
}

/// Each channel shifted and scaled to mean 0 and deviation 1 on the first pictures.
fn standardize(all: &mut [Pictures; 4], channels: usize) {
    let size = all[0].size() / channels;
    for channel in 0..channels {
        let of_channel = |pictures: &Pictures| {
            let planes = pictures.values.chunks_exact(size).skip(channel).step_by(channels);
            planes.flatten().map(|value| f64::from(*value)).collect::<Vec<_>>()
        };
        let values = of_channel(&all[0]);
        let (centre, deviation) = mean_and_spread(&values);
        for pictures in all.iter_mut() {
            let planes = pictures.values.chunks_exact_mut(size).skip(channel).step_by(channels);
            planes.flatten().for_each(|value| *value = ((f64::from(*value) - centre) / deviation) as f32);
        }
    }
}

/// Draws pixels in proportion to how often they are not black.
struct Drawn {
    /// Running sums of the shares.
    up_to: Vec<f64>,
    noise: Noise,
}

impl Drawn {
    fn new(pictures: &Pictures, seed: u64) -> Self {
        let size = pictures.size();
        let mut counts = vec![0.0; size];
        for (place, value) in pictures.values.iter().enumerate() {
            counts[place % size] += f64::from(u8::from(*value > 0.0));
        }
        let mut sum = 0.0;
        let up_to = counts.iter().map(|count| {
            sum += count;
            sum
        });
        let up_to = up_to.collect();
        Self { up_to, noise: Noise { seed: seed.wrapping_add(1), distribution: Distribution::Uniform } }
    }

    /// One mask for each pixel of a step.
    fn masks(&self, step: u64) -> Vec<f32> {
        let size = self.up_to.len();
        let mut drawn = [0.0; PIXELS];
        self.noise.fill(0, step * PIXELS as u64, &mut drawn);
        let mut masks = vec![0.0; PIXELS * size];
        for (mask, share) in masks.chunks_exact_mut(size).zip(drawn) {
            let place = self.up_to.partition_point(|sum| *sum <= share * self.up_to[size - 1]);
            mask[place.min(size - 1)] = 1.0;
        }
        masks
    }
}

/// Trains every variant, of which the first has no penalty, with every seed; shows it and observes the checks.
fn trainings(
    context: &Context,
    recorder: &mut Recorder,
    [id, title]: [&str; 2],
    sizes: &ConvolutionalSizes,
    (variants, checks): (&[Variant], &[Check; 4]),
    problem: impl Fn(u64) -> Problem + Sync,
) -> Result<(), ExperimentError> {
    let (device, problem) = (&context.tensor_device()?, &problem);
    let arms = variants.iter().map(|&variant| {
        Arm::new(variant.name(), &variant, move |seed| {
            problem(seed).measure(drawn(sizes, seed, &device.clone().autodiff())?, variant, device)
        })
    });
    let runs = recorder.sweep_all(&context.seeds(5), arms.collect())?;

    let (vanilla, last) = (&runs[0], |seen: &Seen| seen.last(1));
    let reasons = best(variants, &runs, &[rrr(100.0), rrr(1000.0), rrr(5000.0)]);
    let cdep = best(variants, &runs, &[share(30.0), share(50.0), share(5000.0)]);
    let cdep = cdep.into_iter().map(Seen::chosen_accuracy).collect::<Vec<_>>();
    let [by_last, reasons_by_last, by_rule, gain] = checks;
    recorder.observe(by_last, vanilla.each(last));
    recorder.observe(reasons_by_last, reasons.into_iter().map(last));
    recorder.observe(by_rule, &cdep);
    recorder.observe(gain, cdep.iter().copied().zip(vanilla.each(Seen::chosen_accuracy)));

    let table = Table::new(
        id,
        title,
        "Accuracy in percent, mean over 5 seeds, standard deviation in brackets: on test pictures in the colours of \
         training; in inverted colours after the last epoch, and after the one at which the authors' rule stops by \
         the loss on validation pictures in inverted colours.",
        &["training", "same colours", "inverted, last epoch", "inverted, by the rule"],
    );
    recorder.table(table.with_runs(&runs, 1, &[&|seen| seen.last(2), &last, &Seen::chosen_accuracy]));
    if vanilla.values.iter().any(|seen| seen.looks.len() < 2) {
        return Ok(());
    }
    let curve =
        |seen: &Seen| (1_u8..).map(f64::from).zip(seen.looks.iter().map(|looks| looks[1].accuracy)).collect();
    let caption = "Accuracy on test pictures in inverted colours.";
    let figure = Figure::new(id, title, caption, Axis::linear("epoch"), Axis::linear("accuracy, %"));
    recorder.figure(figure.with_runs(&runs, curve));
    Ok(())
}

/// Seed by seed the training of that wanted variant which is best on the validation pictures.
fn best<'a>(variants: &[Variant], runs: &'a [Runs<Seen>], wanted: &[Variant]) -> Vec<&'a Seen> {
    let all = runs_of(variants, runs, |variant| wanted.contains(&variant));
    let of_seed = |seed: usize| {
        let all = all.iter().map(|(_, runs)| &runs.values[seed]);
        all.min_by(|a, b| a.validation_loss().total_cmp(&b.validation_loss()))
    };
    (0..runs[0].values.len()).filter_map(of_seed).collect()
}

const SMALL: ConvolutionalSizes =
    ConvolutionalSizes { channels: [3, 12, 24], side: 14, kernel: 3, hidden: 48, outputs: 10 };

/// Whether the scale is that at which colours are run.
fn is_full(context: &Context, recorder: &mut Recorder) -> bool {
    if context.scale == Scale::Quick {
        recorder.note("Minutes for each training: at full scale only.");
    }
    context.scale == Scale::Full
}

pub(super) fn small(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if !is_full(context, recorder) {
        return Ok(());
    }
    let penalties = [share(30.0), share(50.0), share(200.0), rrr(100.0), rrr(1000.0), rrr(1e5), rrr(1e7)];
    let variants: Vec<_> = std::iter::once(Variant::Vanilla).chain(penalties).collect();
    let problem = |seed: u64| {
        let draw = |count, stream| Arc::new(glyphs(count, seed.wrapping_add(stream)).halved());
        Problem {
            train: draw(4000, 0),
            validation: draw(1000, 1),
            test: draw(2000, 2),
            training: Training { epochs: 6, batch: 128, weight_decay: 1e-3, seed },
        }
    };
    recorder.used_data(synthetic("drawn digits", 35_000));
    let title = ["colour-glyphs", "Coloured drawn digits, 14×14"];
    trainings(context, recorder, title, &SMALL, (&variants, &DRAWN_CHECKS), problem)
}

/// The first pictures of MNIST, and as many after them as asked for to choose by.
fn on_mnist(
    context: &Context,
    recorder: &mut Recorder,
    [train, validation]: [usize; 2],
    change: fn(Pictures) -> Pictures,
    training: Training,
) -> Result<impl Fn(u64) -> Problem + Sync + use<>, ExperimentError> {
    let mut read = |part| Pictures::mnist(context, recorder, part);
    let (all, test) = (read(ImagePart::Train)?, read(ImagePart::Test)?);
    let validation = Arc::new(change(all.part(train..train + validation)));
    let (train, test) = (Arc::new(change(all.part(0..train))), Arc::new(change(test)));
    Ok(move |seed| Problem {
        train: train.clone(),
        validation: validation.clone(),
        test: test.clone(),
        training: Training { seed, ..training },
    })
}

pub(super) fn half_size(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let training = Training { epochs: 6, batch: 128, weight_decay: 1e-3, seed: 0 };
    let problem = on_mnist(context, recorder, [6_000, 2_000], |pictures| pictures.halved(), training)?;
    if !is_full(context, recorder) {
        return Ok(());
    }
    let variants = [Variant::Vanilla, share(50.0), rrr(1000.0)];
    let title = ["colour-mnist", "ColorMNIST, 14×14"];
    trainings(context, recorder, title, &SMALL, (&variants, &SMALL_CHECKS), problem)
}

pub(super) fn paper_size(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let training = Training { epochs: 1, batch: 256, weight_decay: 1e-3, seed: 0 };
    let problem = on_mnist(context, recorder, [54_000, 6_000], |pictures| pictures, training)?;
    if !is_full(context, recorder) {
        return Ok(());
    }
    let variants = [Variant::Vanilla, share(5000.0), rrr(5000.0)];
    let title = ["colour-cnn", "ColorMNIST, the paper's network"];
    let sizes = ConvolutionalSizes::le_net(3, 28, 10);
    trainings(context, recorder, title, &sizes, (&variants, &CNN_CHECKS), problem)
}
