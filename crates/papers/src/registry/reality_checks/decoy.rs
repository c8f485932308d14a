//! C6: digits with a grey square in a corner that gives the label away in training and misleads in the test.

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::networks::{Network, OnPixels, Training, accuracy, drawn};
use super::penalties::{Penalty, mask};
use super::{Variant, difference, l1, rrr, share, synthetic};
use crate::device::TensorDevice;
use crate::pictures::{Grey, Pictures, add_decoys, corners, glyphs};
use kiln_datasets::{ImagePart, mnist};
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Recorder, Scale, Table, mean_and_deviation,
};
use kiln_tensor::network::ConvolutionalSizes;

/// Training pictures of MNIST, and those after them that are kept back.
const MNIST_TRAIN: usize = 10_000;
const MNIST_KEPT_BACK: usize = 2_000;

/// Test accuracies of one training, in percent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Accuracies {
    /// After the last epoch.
    last: f64,
    /// After the epoch that is best on pictures kept back, whose squares say nothing.
    chosen: f64,
    /// Of the best epoch, known by looking at the test.
    best: f64,
}

/// Pictures without squares, of values 0 to 1.
struct Problem {
    train: Pictures,
    kept_back: Pictures,
    test: Pictures,
    /// Side of the square.
    square: usize,
    /// What the network is given for a value.
    to_input: fn(f32) -> f32,
    training: Training,
}

impl Problem {
    /// Trains a network and looks at it after each epoch.
    fn measure<N: Network>(
        &self,
        network: N,
        variant: Variant,
        device: &Device,
    ) -> Result<Accuracies, ExperimentError> {
        let seed = self.training.seed;
        let with = |pictures: &Pictures, grey: Grey, stream: u64| {
            let mut pictures = pictures.clone();
            if variant != Variant::Control {
                add_decoys(&mut pictures, self.square, grey, seed.wrapping_add(stream));
            }
            pictures.map(self.to_input)
        };
        let train = with(&self.train, Grey::OfLabel, 1);
        let looked_at = [with(&self.kept_back, Grey::Random, 2), with(&self.test, Grey::Reversed, 3)];
        let inputs = looked_at.each_ref().map(|pictures| pictures.tensor(device));
        let corners = mask(&corners(train.shape, self.square), train.shape, device);
        let look = |network: &N| {
            let percent = |i: usize| {
                Ok::<f64, ExperimentError>(100.0 * accuracy(network, &inputs[i], &looked_at[i].labels)?)
            };
            Ok::<[f64; 2], ExperimentError>([percent(0)?, percent(1)?])
        };
        let penalty = |network: &N, x: &Tensor<4>, classes: &_, _| match variant {
            Variant::Penalized(penalty, weight) => {
                Ok(Some(penalty.of(network, x, classes, &corners)? * weight))
            }
            _ => Ok(None),
        };
        let looks = self.training.fit(network, &train, device, penalty, look)?;
        // Of several that are best the first.
        let chosen = looks.iter().rev().max_by(|a, b| a[0].total_cmp(&b[0]));
        Ok(Accuracies {
            last: looks.last().map_or(f64::NAN, |look| look[1]),
            chosen: chosen.map_or(f64::NAN, |look| look[1]),
            best: looks.iter().map(|look| look[1]).fold(f64::NAN, f64::max),
        })
    }
}

/// Trains every variant with every seed.
fn trainings<N: Network>(
    context: &Context,
    recorder: &Recorder,
    variants: &[Variant],
    seeds: &[u64],
    problem: impl Fn(u64) -> Problem,
    network: impl Fn(u64, &Device) -> Result<N, ExperimentError>,
) -> Result<Vec<Vec<Accuracies>>, ExperimentError> {
    let device = context.tensor_device()?;
    let progress = recorder.progress((variants.len() * seeds.len()) as u64, "trainings");
    let mut found = vec![Vec::new(); variants.len()];
    for &seed in seeds {
        let problem = problem(seed);
        for (variant, found) in variants.iter().zip(&mut found) {
            found.push(recorder.memo(&format!("{} {seed}", variant.name()), || {
                problem.measure(network(seed, &device.clone().autodiff())?, *variant, &device)
            })?);
            progress.inc(1);
        }
    }
    Ok(found)
}

fn of(found: &[Accuracies], get: fn(&Accuracies) -> f64) -> Vec<f64> {
    found.iter().map(get).collect()
}

fn last(found: &[Accuracies]) -> Vec<f64> {
    of(found, |a| a.last)
}

/// The accuracies of a variant.
fn found_for<'a>(variants: &[Variant], found: &'a [Vec<Accuracies>], variant: Variant) -> &'a [Accuracies] {
    variants.iter().position(|v| *v == variant).map_or(&[], |place| &found[place])
}

/// Some digits with their squares, in training and in the test.
fn examples(id: &str, problem: &Problem) -> Figure {
    const GAP: usize = 2;
    let digits = [0, 3, 6, 9];
    let caption = "Above as in training, where the grey tells the digit; below as in the test.";
    let mut figure =
        Figure::new(id, "Digits with decoys", caption, Axis::linear("pixel"), Axis::linear("pixel"));
    let parts = [("training", &problem.train, Grey::OfLabel), ("test", &problem.test, Grey::Reversed)];
    for (row, (name, pictures, grey)) in parts.into_iter().enumerate() {
        let mut pictures = pictures.clone();
        add_decoys(&mut pictures, problem.square, grey, problem.training.seed);
        let [_, height, width] = pictures.shape;
        let wide = digits.len() * (width + GAP);
        let mut values = vec![0.0; height * wide];
        for (column, digit) in digits.into_iter().enumerate() {
            let place = pictures.labels.iter().position(|label| *label == digit).unwrap_or(0);
            for (pixel, value) in pictures.picture(place).iter().enumerate() {
                let at = pixel / width * wide + column * (width + GAP) + pixel % width;
                values[at] = f64::from(value.clamp(0.0, 1.0));
            }
        }
        let bottom = ((1 - row) * (height + GAP)) as f64;
        figure = figure.with_picture(name, 7 - row, (&values, wide), (0.0, bottom));
    }
    figure
}

fn show(recorder: &mut Recorder, id: &str, title: &str, variants: &[Variant], found: &[Vec<Accuracies>]) {
    let mut table = Table::new(
        id,
        title,
        "Accuracy on the test in percent, mean over the seeds, standard deviation in brackets: after the \
         last epoch, after the one that is best on pictures kept back whose squares are random, and after \
         the one that is best on the test.",
        &["training", "last epoch", "chosen epoch", "best epoch"],
    );
    let mut figure = Figure::new(
        id,
        title,
        "Accuracy on the test after the last epoch, mean over the seeds.",
        Axis::log("weight λ of the penalty"),
        Axis::linear("accuracy, %"),
    );
    let weights = || variants.iter().filter_map(|variant| variant.weight());
    let ends = [weights().fold(f64::INFINITY, f64::min), weights().fold(0.0, f64::max)];
    for (variant, found) in variants.iter().zip(found) {
        let columns = [last(found), of(found, |a| a.chosen), of(found, |a| a.best)];
        let cells = columns.iter().map(|values| mean_and_deviation(values, 1));
        table.row(std::iter::once(variant.name()).chain(cells));
        let level = mean(last(found));
        match variant {
            Variant::Control => {
                figure = figure.with(Kind::Dashed, "no decoy", 6, ends.map(|weight| (weight, level)));
            }
            Variant::Vanilla => {
                figure = figure.with(Kind::Dashed, "vanilla", 0, ends.map(|weight| (weight, level)));
            }
            Variant::Penalized(..) => {}
        }
    }
    for (colour, penalty) in Penalty::ALL.into_iter().enumerate() {
        let of_penalty = variants.iter().zip(found).filter_map(|(variant, found)| match variant {
            Variant::Penalized(other, weight) if *other == penalty => Some((*weight, mean(last(found)))),
            _ => None,
        });
        let points: Vec<_> = of_penalty.collect();
        if !points.is_empty() {
            figure = figure.with(Kind::LinePoints, penalty.name(), colour + 1, points);
        }
    }
    recorder.table(table);
    recorder.figure(figure);
}

pub(super) fn small(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let all = [
        Variant::Control,
        Variant::Vanilla,
        l1(1.0),
        l1(3.0),
        l1(5.0),
        l1(10.0),
        l1(50.0),
        share(10.0),
        share(100.0),
        rrr(10.0),
        rrr(100.0),
        rrr(1000.0),
    ];
    let judged = [Variant::Control, Variant::Vanilla, l1(5.0), rrr(1000.0)];
    let variants = context.pick(&judged[..], &all[..]);
    let problem = |seed: u64| {
        let draw = |count, stream: u64| {
            glyphs(count, seed.wrapping_add(stream)).halved().with_noise(0.4, seed.wrapping_add(10 + stream))
        };
        Problem {
            train: draw(3000, 0),
            kept_back: draw(1000, 1),
            test: draw(2000, 2),
            square: 3,
            to_input: |value| value,
            training: Training { epochs: 15, batch: 64, weight_decay: 1e-4, seed },
        }
    };
    let network = |seed, device: &Device| Ok(OnPixels::new(&[196, 64, 32, 10], seed, device)?);
    let seeds = context.seeds(context.pick(3, 5));
    recorder.used_data(synthetic("drawn digits", 6000 * seeds.len()));
    let found = trainings(context, recorder, variants, &seeds, problem, network)?;
    let of = |variant| last(found_for(variants, &found, variant));
    let [control, vanilla, cdep, rrr] = judged.map(of);
    recorder.record("C6", "no decoy minus vanilla", difference(&control, &vanilla));
    recorder.record("C6", "CDEP-L1 (λ = 5) minus vanilla", difference(&cdep, &vanilla));
    recorder.record("C6", "RRR (λ = 1000) minus vanilla", difference(&rrr, &vanilla));
    recorder.record("C6", "RRR minus no decoy", difference(&rrr, &control));
    recorder.record("C6", "RRR minus CDEP-L1", difference(&rrr, &cdep));
    let problem = problem(seeds[0]);
    recorder.figure(examples("decoy-glyphs-examples", &problem));
    show(recorder, "decoy-glyphs", "Decoys on drawn digits, 14×14", variants, &found);
    Ok(())
}

/// MNIST with squares of 5×5; the seed draws the corners, the order and the network.
fn on_mnist(
    context: &Context,
    recorder: &mut Recorder,
    epochs: usize,
) -> Result<impl Fn(u64) -> Problem + use<>, ExperimentError> {
    let (train, test) = (mnist(&*context.data, ImagePart::Train)?, mnist(&*context.data, ImagePart::Test)?);
    train.sources.iter().chain(&test.sources).cloned().for_each(|source| recorder.used_data(source));
    let (train, test) = (Pictures::from(&train), Pictures::from(&test));
    let kept_back = train.part(MNIST_TRAIN..MNIST_TRAIN + MNIST_KEPT_BACK);
    let train = train.part(0..MNIST_TRAIN);
    Ok(move |seed| Problem {
        train: train.clone(),
        kept_back: kept_back.clone(),
        test: test.clone(),
        square: 5,
        to_input: |value| 2.0 * value - 1.0,
        training: Training { epochs, batch: 64, weight_decay: 1e-4, seed },
    })
}

pub(super) fn perceptron(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let all = [
        Variant::Control,
        Variant::Vanilla,
        l1(3.0),
        l1(10.0),
        share(10.0),
        share(100.0),
        share(200.0),
        rrr(10.0),
        rrr(100.0),
        rrr(1000.0),
    ];
    let judged = [Variant::Control, Variant::Vanilla, share(100.0), rrr(1000.0)];
    let variants = context.pick(&judged[..], &all[..]);
    let problem = on_mnist(context, recorder, 6)?;
    let network = |seed, device: &Device| Ok(OnPixels::new(&[784, 128, 64, 10], seed, device)?);
    let seeds = context.seeds(context.pick(2, 3));
    let found = trainings(context, recorder, variants, &seeds, &problem, network)?;
    let [_, vanilla, cdep, rrr] = judged.map(|variant| found_for(variants, &found, variant));
    let chosen = |found: &[Accuracies]| of(found, |a| a.chosen);
    recorder.record("C6-MNIST", "RRR (λ = 1000)", last(rrr));
    recorder.record(
        "C6-MNIST",
        "CDEP-softmax (λ = 100) minus vanilla",
        difference(&last(cdep), &last(vanilla)),
    );
    recorder.record(
        "C6-MNIST",
        "CDEP-softmax minus vanilla, chosen epochs",
        difference(&chosen(cdep), &chosen(vanilla)),
    );
    recorder.record("C6-MNIST", "RRR minus CDEP-softmax", difference(&last(rrr), &last(cdep)));
    recorder.figure(examples("decoy-mnist-examples", &problem(seeds[0])));
    show(recorder, "decoy-mnist", "Decoys on MNIST, perceptron", variants, &found);
    Ok(())
}

pub(super) fn convolutional(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let problem = on_mnist(context, recorder, 5)?;
    if context.scale == Scale::Quick {
        recorder.note("Minutes for each training: at full scale only.");
        return Ok(());
    }
    let variants = [Variant::Control, Variant::Vanilla, share(100.0), rrr(1000.0)];
    let sizes = ConvolutionalSizes { hidden: 256, ..ConvolutionalSizes::le_net(1, 28, 10) };
    let network = |seed, device: &Device| Ok(drawn(&sizes, seed, device)?);
    let seeds = context.seeds(2);
    let found = trainings(context, recorder, &variants, &seeds, problem, network)?;
    let of = |place: usize| last(&found[place]);
    recorder.record("C6-CNN", "RRR (λ = 1000)", of(3));
    recorder.record("C6-CNN", "CDEP-softmax (λ = 100) minus vanilla", difference(&of(2), &of(1)));
    show(recorder, "decoy-cnn", "Decoys on MNIST, convolutional network", &variants, &found);
    Ok(())
}
