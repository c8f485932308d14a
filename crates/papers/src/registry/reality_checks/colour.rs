//! C5: digits whose colour gives the label away in training, and another's in the test.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::networks::{Network, Training, accuracy, drawn};
use super::penalties::Penalty;
use super::{Variant, difference, rrr, share, synthetic};
use crate::device::TensorDevice;
use crate::pictures::{Pictures, coloured, glyphs};
use kiln_datasets::{ImagePart, mnist};
use kiln_receipts::statistics::{mean, mean_and_spread};
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Recorder, Scale, Table, mean_and_deviation,
};
use kiln_tensor::network::ConvolutionalSizes;

/// Single-pixel groups of a step.
const PIXELS: usize = 8;

/// Accuracies of one training, in percent.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Accuracies {
    /// On test pictures in the colours of training, after the last epoch.
    same: f64,
    /// On test pictures in inverted colours, after each epoch.
    inverted: Vec<f64>,
    /// After the epoch that is best on other pictures in inverted colours, as in the paper.
    chosen: f64,
    /// On those.
    validation: f64,
}

/// Grey pictures.
struct Problem {
    train: Pictures,
    validation: Pictures,
    test: Pictures,
    training: Training,
}

impl Problem {
    fn measure<N: Network>(
        &self,
        network: N,
        variant: Variant,
        device: &Device,
    ) -> Result<Accuracies, ExperimentError> {
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
            let percent = |i: usize| {
                Ok::<f64, ExperimentError>(100.0 * accuracy(network, &inputs[i], &looked_at[i].labels)?)
            };
            Ok([percent(0)?, percent(1)?, percent(2)?])
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
        let looks = self.training.fit(network, &train, device, penalty, look)?;
        let best = looks.iter().rev().max_by(|a, b| a[0].total_cmp(&b[0])).ok_or("there is no epoch")?;
        Ok(Accuracies {
            same: looks.last().map_or(f64::NAN, |look| look[2]),
            inverted: looks.iter().map(|look| look[1]).collect(),
            chosen: best[1],
            validation: best[0],
        })
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

/// Trains every variant with every seed, and shows it.
fn trainings<N: Network>(
    context: &Context,
    recorder: &mut Recorder,
    [id, title]: [&str; 2],
    variants: &[Variant],
    problem: impl Fn(u64) -> Problem,
    network: impl Fn(u64, &Device) -> Result<N, ExperimentError>,
) -> Result<Vec<Vec<Accuracies>>, ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(2);
    let progress = recorder.progress((variants.len() * seeds.len()) as u64, "trainings");
    let mut found = vec![Vec::new(); variants.len()];
    for &seed in &seeds {
        let problem = problem(seed);
        for (variant, found) in variants.iter().zip(&mut found) {
            found.push(recorder.memo(&format!("{} {seed}", variant.name()), || {
                problem.measure(network(seed, &device.clone().autodiff())?, *variant, &device)
            })?);
            progress.inc(1);
        }
    }
    drop(progress);
    show(recorder, id, title, variants, &found);
    Ok(found)
}

fn show(recorder: &mut Recorder, id: &str, title: &str, variants: &[Variant], found: &[Vec<Accuracies>]) {
    let mut table = Table::new(
        id,
        title,
        "Accuracy in percent, mean over the seeds, standard deviation in brackets: on test pictures in the \
         colours of training; in inverted colours after the last epoch, and after the epoch that is best on \
         other pictures in inverted colours.",
        &["training", "same colours", "inverted, last epoch", "inverted, chosen epoch"],
    );
    let mut figure = Figure::new(
        id,
        title,
        "Accuracy on test pictures in inverted colours, mean over the seeds.",
        Axis::linear("epoch"),
        Axis::linear("accuracy, %"),
    );
    for (colour, (variant, found)) in variants.iter().zip(found).enumerate() {
        let of = |get: &dyn Fn(&Accuracies) -> f64| found.iter().map(get).collect::<Vec<_>>();
        let epochs = found.first().map_or(0, |found| found.inverted.len());
        let columns = [of(&|a| a.same), of(&|a| a.inverted[epochs - 1]), of(&|a| a.chosen)];
        let cells = columns.iter().map(|values| mean_and_deviation(values, 1));
        table.row(std::iter::once(variant.name()).chain(cells));
        let curve = (0..epochs).map(|epoch| (epoch as f64 + 1.0, mean(of(&|a| a.inverted[epoch]))));
        let kind = match variant {
            Variant::Penalized(Penalty::InputGradient, _) => Kind::Dashed,
            _ => Kind::LinePoints,
        };
        figure = figure.with(kind, &variant.name(), colour, curve);
    }
    recorder.table(table);
    recorder.figure(figure);
}

/// Seed by seed the accuracy of the variant whose chosen epoch is best on the validation pictures.
fn best(found: &[&Vec<Accuracies>]) -> Vec<f64> {
    let seeds = found.first().map_or(0, |found| found.len());
    let of_seed = |seed: usize| {
        let all = found.iter().map(|found| &found[seed]);
        all.max_by(|a, b| a.validation.total_cmp(&b.validation)).map_or(f64::NAN, |found| found.chosen)
    };
    (0..seeds).map(of_seed).collect()
}

fn judge(recorder: &mut Recorder, claim: &str, variants: &[Variant], found: &[Vec<Accuracies>]) {
    let of = |wanted: &dyn Fn(&Variant) -> bool| {
        let all = variants.iter().zip(found).filter(|(variant, _)| wanted(variant));
        best(&all.map(|(_, found)| found).collect::<Vec<_>>())
    };
    let vanilla = of(&|variant| *variant == Variant::Vanilla);
    let cdep = of(&|variant| [share(30.0), share(50.0), share(1000.0)].contains(variant));
    let right_reasons = of(&|variant| [rrr(100.0), rrr(1000.0)].contains(variant));
    recorder.record(claim, "vanilla", vanilla.clone());
    recorder.record(claim, "CDEP-softmax minus vanilla", difference(&cdep, &vanilla));
    recorder.record(claim, "RRR minus vanilla", difference(&right_reasons, &vanilla));
}

const SMALL: ConvolutionalSizes =
    ConvolutionalSizes { channels: [3, 12, 24], side: 14, kernel: 3, hidden: 48, outputs: 10 };

pub(super) fn small(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        recorder.note("Minutes: at full scale only.");
        return Ok(());
    }
    let penalties = [share(30.0), share(50.0), share(200.0), rrr(100.0), rrr(1000.0), rrr(1e5), rrr(1e7)];
    let variants: Vec<_> = std::iter::once(Variant::Vanilla).chain(penalties).collect();
    let problem = |seed: u64| {
        let draw = |count, stream| glyphs(count, seed.wrapping_add(stream)).halved();
        Problem {
            train: draw(4000, 0),
            validation: draw(1000, 1),
            test: draw(2000, 2),
            training: Training { epochs: 6, batch: 128, weight_decay: 1e-3, seed },
        }
    };
    recorder.used_data(synthetic("drawn digits", 14_000));
    let network = |seed, device: &Device| Ok(drawn(&SMALL, seed, device)?);
    let title = ["colour-glyphs", "Coloured drawn digits, 14×14"];
    let found = trainings(context, recorder, title, &variants, problem, network)?;
    judge(recorder, "C5", &variants, &found);
    Ok(())
}

/// The first pictures of MNIST, and 2,000 after them for validation.
fn on_mnist(
    context: &Context,
    recorder: &mut Recorder,
    train: usize,
    change: fn(Pictures) -> Pictures,
    training: Training,
) -> Result<impl Fn(u64) -> Problem + use<>, ExperimentError> {
    let (all, test) = (mnist(&*context.data, ImagePart::Train)?, mnist(&*context.data, ImagePart::Test)?);
    all.sources.iter().chain(&test.sources).cloned().for_each(|source| recorder.used_data(source));
    let all = Pictures::from(&all);
    let (validation, train) = (change(all.part(train..train + 2000)), change(all.part(0..train)));
    let test = change(Pictures::from(&test));
    Ok(move |seed| Problem {
        train: train.clone(),
        validation: validation.clone(),
        test: test.clone(),
        training: Training { seed, ..training },
    })
}

pub(super) fn half_size(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let training = Training { epochs: 6, batch: 128, weight_decay: 1e-3, seed: 0 };
    let problem = on_mnist(context, recorder, 6000, |pictures| pictures.halved(), training)?;
    if context.scale == Scale::Quick {
        recorder.note("Minutes: at full scale only.");
        return Ok(());
    }
    let variants = [Variant::Vanilla, share(50.0), rrr(1000.0)];
    let network = |seed, device: &Device| Ok(drawn(&SMALL, seed, device)?);
    let title = ["colour-mnist", "ColorMNIST, 14×14"];
    let found = trainings(context, recorder, title, &variants, problem, network)?;
    judge(recorder, "C5-MNIST", &variants, &found);
    Ok(())
}

pub(super) fn paper_size(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let training = Training { epochs: 4, batch: 256, weight_decay: 1e-3, seed: 0 };
    let problem = on_mnist(context, recorder, 5_000, |pictures| pictures, training)?;
    if context.scale == Scale::Quick {
        recorder.note("Minutes for each training: at full scale only.");
        return Ok(());
    }
    let variants = [Variant::Vanilla, share(1000.0), rrr(1000.0)];
    let sizes = ConvolutionalSizes::le_net(3, 28, 10);
    let network = |seed, device: &Device| Ok(drawn(&sizes, seed, device)?);
    let title = ["colour-cnn", "ColorMNIST, the paper's network"];
    let found = trainings(context, recorder, title, &variants, problem, network)?;
    judge(recorder, "C5-CNN", &variants, &found);
    Ok(())
}
