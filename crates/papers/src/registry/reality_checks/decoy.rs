//! C6: digits with a grey square in a corner that gives the label away in training and misleads in the test.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::claims::{CNN_COST, CNN_ORDER, DRAWN_COST, DRAWN_MENDED, DRAWN_ORDER};
use super::networks::{Look, Network, OnPixels, Training, drawn};
use super::penalties::{Penalty, mask};
use super::variants::{Variant, l1, rrr, runs_of, share, synthetic};
use crate::device::TensorDevice;
use crate::pictures::{Grey, Pictures, add_decoys, corners, glyphs};
use kiln_datasets::ImagePart;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, Runs, Scale, Table};
use kiln_tensor::network::ConvolutionalSizes;

/// Test accuracies of one training, in percent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Accuracies {
    /// After the last epoch.
    last: f64,
    /// After the epoch that is best on pictures kept back, whose squares say nothing.
    chosen: f64,
    /// On those pictures after the last epoch.
    kept_back: f64,
    /// Of the best epoch, known by looking at the test.
    best: f64,
}

/// Pictures without squares, of values 0 to 1.
struct Problem {
    train: Arc<Pictures>,
    kept_back: Arc<Pictures>,
    test: Arc<Pictures>,
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
            let mut pictures = Pictures::clone(pictures);
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
                Ok::<_, ExperimentError>(Look::at(network, &inputs[i], &looked_at[i].labels)?.accuracy)
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
            kept_back: looks.last().map_or(f64::NAN, |look| look[0]),
            best: looks.iter().map(|look| look[1]).fold(f64::NAN, f64::max),
        })
    }
}

/// Trains every variant with every seed.
fn trainings<N: Network>(
    context: &Context,
    recorder: &Recorder,
    (variants, seeds): (&[Variant], &[u64]),
    problem: impl Fn(u64) -> Problem + Sync,
    network: impl Fn(u64, &Device) -> Result<N, ExperimentError> + Sync,
) -> Result<Vec<Runs<Accuracies>>, ExperimentError> {
    let (device, problem, network) = (&context.tensor_device()?, &problem, &network);
    let arms = variants.iter().map(|&variant| {
        Arm::new(variant.name(), &variant, move |seed| {
            problem(seed).measure(network(seed, &device.clone().autodiff())?, variant, device)
        })
    });
    recorder.sweep_all(seeds, arms.collect())
}

fn last(accuracies: &Accuracies) -> f64 {
    accuracies.last
}

/// Rows of accuracies after the last epoch, one for each seed.
fn together<const N: usize>(runs: [&Runs<Accuracies>; N]) -> impl Iterator<Item = [f64; N]> + use<'_, N> {
    (0..runs[0].values.len()).map(move |seed| runs.map(|runs| runs.values[seed].last))
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
        let mut pictures = Pictures::clone(pictures);
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

fn show(recorder: &mut Recorder, [id, title]: [&str; 2], variants: &[Variant], runs: &[Runs<Accuracies>]) {
    let table = Table::new(
        id,
        title,
        "Accuracy on the test in percent, mean over the seeds, standard deviation in brackets: after the last epoch, \
         after the one that is best on pictures kept back whose squares are random, and after the one that is best on \
         the test.",
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
    for (variant, arm) in variants.iter().zip(runs) {
        if variant.weight().is_none() {
            let colour = if *variant == Variant::Control { 6 } else { 0 };
            let level = mean(arm.each(last));
            figure = figure.with(Kind::Dashed, &arm.name, colour, ends.map(|weight| (weight, level)));
        }
    }
    for (colour, penalty) in Penalty::ALL.into_iter().enumerate() {
        let of_penalty = |variant| matches!(variant, Variant::Penalized(other, _) if other == penalty);
        let points: Vec<_> = runs_of(variants, runs, of_penalty)
            .into_iter()
            .filter_map(|(variant, arm)| Some((variant.weight()?, mean(arm.each(last)))))
            .collect();
        if !points.is_empty() {
            figure = figure.with(Kind::LinePoints, penalty.name(), colour + 1, points);
        }
    }
    recorder.table(table.with_runs(runs, 1, &[&last, &|a| a.chosen, &|a| a.best]));
    recorder.figure(figure);
}

pub(super) fn small(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    // The judged ones first.
    let all = [
        Variant::Control,
        Variant::Vanilla,
        l1(5.0),
        rrr(1000.0),
        l1(1.0),
        l1(3.0),
        l1(10.0),
        l1(50.0),
        share(10.0),
        share(100.0),
        rrr(10.0),
        rrr(100.0),
    ];
    let variants = &all[..context.pick(4, all.len())];
    let problem = |seed: u64| {
        let draw = |count, stream: u64| {
            let digits = glyphs(count, seed.wrapping_add(stream)).halved();
            Arc::new(digits.with_noise(0.4, seed.wrapping_add(10 + stream)))
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
    let seeds = context.seeds(5);
    recorder.used_data(synthetic("drawn digits", 6000 * seeds.len()));
    let runs = trainings(context, recorder, (variants, &seeds), problem, network)?;
    if let [control, vanilla, cdep, rrr, ..] = &runs[..] {
        recorder.observe(&DRAWN_COST, control.paired(vanilla, last));
        recorder.observe(&DRAWN_ORDER, together([vanilla, cdep, rrr]));
        recorder.observe(&DRAWN_MENDED, rrr.paired(control, last));
    }
    recorder.figure(examples("decoy-glyphs-examples", &problem(seeds[0])));
    show(recorder, ["decoy-glyphs", "Decoys on drawn digits, 14×14"], variants, &runs);
    Ok(())
}

pub(super) fn convolutional(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut read = |part| Pictures::mnist(context, recorder, part);
    let (all, test) = (read(ImagePart::Train)?, Arc::new(read(ImagePart::Test)?));
    let [train, kept_back] = [0..54_000, 54_000..60_000].map(|places| Arc::new(all.part(places)));
    let problem = |seed| Problem {
        train: train.clone(),
        kept_back: kept_back.clone(),
        test: test.clone(),
        square: 5,
        to_input: |value| 2.0 * value - 1.0,
        training: Training { epochs: 5, batch: 64, weight_decay: 1e-4, seed },
    };
    // The last seed chooses, the others are judged.
    let seeds = context.seeds(6);
    let Some((chooses, seeds)) = seeds.split_last() else { return Err("there is no seed".into()) };
    recorder.figure(examples("decoy-cnn-examples", &problem(*chooses)));
    if context.scale == Scale::Quick {
        recorder.note("Minutes for each training: at full scale only.");
        return Ok(());
    }
    if seeds.is_empty() {
        return Err("the last seed chooses λ, so that it takes two or more".into());
    }
    let sizes = ConvolutionalSizes { hidden: 256, ..ConvolutionalSizes::le_net(1, 28, 10) };
    let network = |seed, device: &Device| Ok(drawn(&sizes, seed, device)?);
    let grid: Vec<Variant> = [share as fn(f64) -> Variant, rrr]
        .into_iter()
        .flat_map(|penalty| [1.0, 10.0, 100.0, 1000.0, 10_000.0].map(penalty))
        .collect();
    let tried = trainings(context, recorder, (&grid, &[*chooses]), problem, network)?;
    show(
        recorder,
        ["decoy-cnn-weights", "Decoys on MNIST: weights of the penalties, one seed"],
        &grid,
        &tried,
    );
    let best = |penalty: Penalty| {
        let of_penalty = |variant| matches!(variant, Variant::Penalized(other, _) if other == penalty);
        let kept_back = |(_, arm): &(Variant, &Runs<Accuracies>)| mean(arm.each(|a| a.kept_back));
        let best = runs_of(&grid, &tried, of_penalty)
            .into_iter()
            .max_by(|a, b| kept_back(a).total_cmp(&kept_back(b)));
        best.map(|(variant, _)| variant).ok_or("no weight was tried")
    };
    let variants =
        [Variant::Control, Variant::Vanilla, best(Penalty::SoftmaxShare)?, best(Penalty::InputGradient)?];
    let runs = trainings(context, recorder, (&variants, seeds), problem, network)?;
    if let [control, vanilla, cdep, rrr] = &runs[..] {
        recorder.observe(&CNN_COST, control.paired(vanilla, last));
        recorder.observe(&CNN_ORDER, together([vanilla, cdep, rrr]));
    }
    show(recorder, ["decoy-cnn", "Decoys on MNIST, the paper's network"], &variants, &runs);
    Ok(())
}
