//! Maps like those of weak lensing: a parameter from the peaks of filtered maps, with distilled and other
//! filters.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::awd::{Awd, Covariance, NearestMean, PeakFilter, PeakHistogram, Teacher};
use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};
use kiln_tensor::network::{ConvolutionalNetwork, ConvolutionalSizes, InitialLaw, LayerDraws};
use serde::{Deserialize, Serialize};

use super::claims::{FILTERED, LEARNED, OVER_ABLATION, OVER_FIXED, OVER_START, OVER_TEACHER};
use super::models::from_taps;
use super::networks::{host, trained};
use super::spectra::{SIDE, SpectraMaps};
use crate::device::TensorDevice;
use crate::registry::convergence_maps::ConvergenceMaps;
use kiln_receipts::statistics::{mean, mean_and_spread};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Runs, Scale, Table};

/// Maps that a wavelet is distilled on.
const DISTILLED: usize = 400;
/// Small, so that there are 800 steps at each of the authors' `γ`.
const BATCH: usize = 25;
/// Of the maps with turned phases.
const SMALL: usize = SIDE / 2;
const ANGLES: usize = 9;

/// What is run.
#[derive(Clone, Serialize)]
struct Settings {
    side: usize,
    /// Maps of a class: to fit networks and histograms, to choose `λ` and `γ`, to test.
    counts: [usize; 3],
    /// Channels of the network's convolutions.
    channels: [usize; 2],
    /// Of the network, and of each filter.
    epochs: [usize; 2],
    sparsities: Vec<f64>,
    /// `γ`, 0 first.
    weights: Vec<f64>,
}

/// The authors' `γ`.
fn weights() -> Vec<f64> {
    let positive = (0..10).map(|k| 1e-3 * 50.0_f64.powf(f64::from(k) / 9.0));
    std::iter::once(0.0).chain(positive).collect()
}

/// Maps of a class, one after the other: to fit, to choose, to test.
struct Class {
    parameter: f64,
    maps: [Vec<f64>; 3],
}

/// Classes from their parameters and maps, in units of the deviation of all training pixels.
fn standardized(
    settings: &Settings,
    all: impl Iterator<Item = Result<(f64, Vec<f64>), ExperimentError>>,
) -> Result<Vec<Class>, ExperimentError> {
    let pixels = settings.side * settings.side;
    let [fit, choose, _] = settings.counts.map(|count| count * pixels);
    let mut classes = Vec::new();
    for class in all {
        let (parameter, mut maps) = class?;
        let test = maps.split_off(fit + choose);
        let choice = maps.split_off(fit);
        classes.push(Class { parameter, maps: [maps, choice, test] });
    }
    let training: Vec<f64> = classes.iter().flat_map(|class| &class.maps[0]).copied().collect();
    let (_, deviation) = mean_and_spread(&training);
    for pixel in classes.iter_mut().flat_map(|class| &mut class.maps).flatten() {
        *pixel /= deviation;
    }
    Ok(classes)
}

/// Turns all phases along each row by an angle, which leaves the spectrum as it is: `cos · row + sin ·` its
/// Hilbert transform, but for the row's mean and its fastest oscillation, which have no phase.
fn turn(row: &mut [f64], angle: f64) {
    let n = row.len();
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let constant = mean(&*row);
    let fastest = mean(row.iter().enumerate().map(|(i, x)| sign(i) * x));
    let kept = |i: usize| constant + sign(i) * fastest;
    let rest: Vec<f64> = row.iter().enumerate().map(|(i, x)| x - kept(i)).collect();
    let kernel = |shift: usize| {
        let angle = std::f64::consts::PI * shift as f64 / n as f64;
        if shift.is_multiple_of(2) { 0.0 } else { 2.0 / (n as f64 * angle.tan()) }
    };
    let kernel: Vec<f64> = (0..n).map(kernel).collect();
    for (i, x) in row.iter_mut().enumerate() {
        let hilbert: f64 = rest.iter().enumerate().map(|(j, rest)| kernel[(i + n - j) % n] * rest).sum();
        *x = kept(i) + angle.cos() * rest[i] + angle.sin() * hilbert;
    }
}

/// Lognormal maps whose phases are turned along the rows, each cut in four.
fn turned(settings: &Settings, seed: u64) -> Result<Vec<Class>, ExperimentError> {
    let whole = settings.counts.iter().sum::<usize>().div_ceil(4);
    let classes = (0..ANGLES).map(|class| {
        let angle = std::f64::consts::FRAC_PI_2 * class as f64 / (ANGLES - 1) as f64;
        let mut drawn = ConvergenceMaps::new(1.0, 2.0).draw(whole, SIDE, seed.wrapping_add(class as u64))?;
        drawn.chunks_mut(SIDE).for_each(|row| turn(row, angle));
        let quarters = drawn.chunks(SIDE * SIDE).flat_map(|map| (0..4).map(move |quarter| (map, quarter)));
        let pixels = quarters.flat_map(|(map, quarter)| {
            let corner = quarter / 2 * SMALL * SIDE + quarter % 2 * SMALL;
            (0..SMALL * SMALL).map(move |i| map[corner + i / SMALL * SIDE + i % SMALL])
        });
        Ok((angle, pixels.collect()))
    });
    standardized(settings, classes)
}

/// Of many cosmologies, by `S₈`.
fn cosmologies(maps: &SpectraMaps, settings: &Settings, seed: u64) -> Result<Vec<Class>, ExperimentError> {
    let count = settings.counts.iter().sum();
    let classes = maps
        .parameters
        .iter()
        .enumerate()
        .map(|(index, s8)| Ok((*s8, maps.draw(index, count, seed.wrapping_add(index as u64))?)));
    standardized(settings, classes)
}

/// Root mean squared error of peak counting with these filters, on the part of this number.
fn error(
    classes: &[Class],
    side: usize,
    filters: &[PeakFilter],
    part: usize,
) -> Result<f64, ExperimentError> {
    let (shape, pixels) = ([side, side], side * side);
    // Wavelets have four kernels, the others one.
    let bins = if filters.len() > 1 { 10 } else { 22 };
    let maps = || classes.iter().flat_map(|class| class.maps[0].chunks(pixels));
    let histograms = filters
        .iter()
        .map(|filter| PeakHistogram::between_quantiles(*filter, maps(), shape, [0.01, 0.99], bins))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |map: &[f64]| -> Result<Vec<f64>, InterpretError> {
        let parts = histograms.iter().map(|histogram| histogram.counts(map, shape));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    };
    let rows =
        |class: &Class, part: usize| class.maps[part].chunks(pixels).map(row).collect::<Result<Vec<_>, _>>();
    let fitted = classes.iter().map(|class| rows(class, 0)).collect::<Result<Vec<_>, _>>()?;
    let nearest = NearestMean::fit(&fitted, Covariance::Pooled { shrinkage: 0.05 })?;
    let mut squares = Vec::new();
    for class in classes {
        let found = nearest.predict_classes(&rows(class, part)?)?;
        squares.extend(found.into_iter().map(|found| (classes[found].parameter - class.parameter).powi(2)));
    }
    Ok(mean(&squares).sqrt())
}

/// What tells the parameter, in the order of [`Outcome::errors`].
const NAMES: [&str; 7] = ["raw peaks", "Laplace", "Roberts", "network", "db5", "AWD, γ = 0", "AWD"];
const RAW: usize = 0;
const LAPLACE: usize = 1;
const ROBERTS: usize = 2;
const NETWORK: usize = 3;
const DB5: usize = 4;
const ABLATION: usize = 5;
const AWD: usize = 6;

#[derive(Clone, Serialize, Deserialize)]
struct Outcome {
    errors: [f64; NAMES.len()],
    /// `λ` and `γ` chosen, and the filter.
    chosen: [f64; 2],
    rec_lo: Vec<f64>,
}

fn outcome(
    classes: &[Class],
    settings: &Settings,
    seed: u64,
    device: &Device,
) -> Result<Outcome, ExperimentError> {
    let Settings { side, counts, channels, epochs, .. } = *settings;
    let pixels = side * side;
    let tensor = |maps: Vec<f64>| {
        let count = maps.len() / pixels;
        let data = TensorData::new(maps, [count, side, side]).convert::<f32>();
        Tensor::<3>::from_data(data, device)
    };
    let (centre, spread) = mean_and_spread(&classes.iter().map(|class| class.parameter).collect::<Vec<_>>());
    let labels = |part: usize| classes.iter().flat_map(move |class| vec![class.parameter; counts[part]]);
    let targets: Vec<f64> = labels(0).map(|parameter| (parameter - centre) / spread).collect();
    let rows = targets.len();
    let targets = Tensor::from_data(TensorData::new(targets, [rows, 1]).convert::<f32>(), device);
    let [first, second] = channels;
    let sizes = ConvolutionalSizes { channels: [1, first, second], side, kernel: 5, hidden: 32, outputs: 1 };
    let autodiff = device.clone().autodiff();
    let network =
        ConvolutionalNetwork::new(&sizes, &mut LayerDraws::new(InitialLaw::FanIn, seed, &autodiff))?;
    let all = |part: usize| tensor(classes.iter().flat_map(|class| &class.maps[part]).copied().collect());
    let network = trained(network, &all(0), &targets, (epochs[0], 2e-3), seed)?;
    let found = host(network.forward(all(2).unsqueeze_dim(1).autodiff()).inner());
    let squares =
        found.into_iter().zip(labels(2)).map(|(y, parameter)| (centre + spread * y - parameter).powi(2));

    // As many of each class.
    let each = DISTILLED / classes.len();
    let maps = tensor(classes.iter().flat_map(|class| &class.maps[0][..each * pixels]).copied().collect());
    let model = |x: Tensor<4>| network.forward(x);
    let teacher = Teacher::new(&model, &[0], maps.unsqueeze_dim(1))?;
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [side, side], 4)?;
    let mut tried = Vec::new();
    for sparsity in &settings.sparsities {
        let awd = Awd { epochs: epochs[1], batch_size: BATCH, seed, ..Awd::new(*sparsity, 0.0) };
        for (distilled, weight) in
            awd.path(&dwt, &teacher, db5.rec_lo(), &settings.weights)?.into_iter().zip(&settings.weights)
        {
            let wavelet = distilled.wavelet()?;
            let validated = error(classes, side, &PeakFilter::wavelet(&wavelet), 1)?;
            tried.push((validated, [*sparsity, *weight], wavelet, distilled.rec_lo));
        }
    }
    let best = |interpreted: bool| {
        let tried = tried.iter().filter(|(_, [_, weight], ..)| (*weight > 0.0) == interpreted);
        tried.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or("no weight was tried")
    };
    let (best, without) = (best(true)?, best(false)?);
    let of = |filters: &[PeakFilter]| error(classes, side, filters, 2);
    Ok(Outcome {
        errors: [
            of(&[PeakFilter::Raw])?,
            of(&[PeakFilter::LAPLACE])?,
            of(&[PeakFilter::Roberts])?,
            mean(squares).sqrt(),
            of(&PeakFilter::wavelet(&db5))?,
            of(&PeakFilter::wavelet(&without.2))?,
            of(&PeakFilter::wavelet(&best.2))?,
        ],
        chosen: best.1,
        rec_lo: best.3.clone(),
    })
}

/// Pairs of errors by seed.
fn pairs(run: &Runs<Outcome>, a: usize, b: usize) -> Vec<(f64, f64)> {
    run.values.iter().map(|outcome| (outcome.errors[a], outcome.errors[b])).collect()
}

pub(super) fn phases(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let settings = &Settings {
        side: SMALL,
        counts: [120, 16, 40],
        channels: [8, 16],
        epochs: context.pick([10, 5], [60, 50]),
        sparsities: context.pick(vec![0.01], vec![0.005, 0.01, 0.02]),
        weights: context.pick(vec![0.0, 0.01], weights()),
    };
    let arm = Arm::new("maps", settings, |seed| outcome(&turned(settings, seed)?, settings, seed, device));
    let [run] = recorder.sweep(&context.seeds(context.pick(1, 5)), [arm])?;
    for other in [RAW, LAPLACE, ROBERTS, NETWORK] {
        recorder.observe_in(NAMES[other], &OVER_FIXED, pairs(&run, AWD, other));
    }
    recorder.observe(&LEARNED, run.each(|outcome| outcome.errors[NETWORK]));
    recorder.observe(&OVER_START, pairs(&run, AWD, DB5));
    recorder.observe(&OVER_ABLATION, pairs(&run, AWD, ABLATION));
    show(recorder, &run, "Angles, 360 test maps. Drawing a class by lot gives 0.72.")
}

pub(super) fn spectra(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let maps = &SpectraMaps::read(&*context.data)?;
    recorder.used_sources(&maps.sources);
    if context.scale == Scale::Quick {
        return Ok(());
    }
    let device = &context.tensor_device()?;
    let seeds = context.seeds(5);
    let pixels = maps.draw(0, 20, seeds[0])?;
    let moment = |power: i32| mean(pixels.iter().map(|pixel| pixel.powi(power)));
    let (deviation, skewness) = (moment(2).sqrt(), moment(3) / moment(2).powf(1.5));
    recorder.note(format!(
        "20 maps of cosmology 0: deviation {}, skewness {}; the four that come with the data: 0.01396, 1.47.",
        Number(deviation),
        Number(skewness)
    ));
    let settings = &Settings {
        side: SIDE,
        counts: [60, 16, 16],
        channels: [4, 8],
        epochs: [15, 10],
        sparsities: vec![0.01],
        weights: weights(),
    };
    let arm = Arm::new("maps", settings, |seed| {
        outcome(&cosmologies(maps, settings, seed)?, settings, seed, device)
    });
    let [run] = recorder.sweep(&seeds, [arm])?;
    for filter in [LAPLACE, ROBERTS, AWD] {
        recorder.observe_in(NAMES[filter], &FILTERED, pairs(&run, filter, RAW));
    }
    recorder.observe(&OVER_TEACHER, pairs(&run, AWD, NETWORK));
    show(recorder, &run, "S₈, 656 test maps, 41 cosmologies.")
}

fn show(recorder: &mut Recorder, run: &Runs<Outcome>, caption: &str) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "errors",
        "Root mean squared errors of the parameter",
        &format!(
            "{caption} Mean over seeds, and its largest difference. AWD: λ and γ > 0 chosen on other maps."
        ),
        &["filter", "error", "±"],
    );
    for (index, name) in NAMES.into_iter().enumerate() {
        let errors = run.each(|outcome| outcome.errors[index]);
        let centre = mean(&errors);
        let spread = errors.iter().map(|error| (error - centre).abs()).fold(0.0, f64::max);
        table.numbers([name], [centre, spread]);
    }
    recorder.table(table);
    let chosen: Vec<String> =
        run.values.iter().map(|o| o.chosen.map(|x| Number(x).to_string()).join(", ")).collect();
    recorder.note(format!("λ, γ chosen on other maps: {}.", chosen.join("; ")));
    kernels(recorder, &run.values[0])
}

/// The four kernels of db5 and of the distilled wavelet, as pictures.
fn kernels(recorder: &mut Recorder, outcome: &Outcome) -> Result<(), ExperimentError> {
    let learned = from_taps(&outcome.rec_lo)?;
    let mut figure = Figure::new(
        "kernels",
        "Kernels whose peaks are counted",
        "LL, LH, HL and HH of db5 (above) and of the distilled wavelet (below), first seed; blue is \
         positive, orange negative.",
        Axis::categories("", [" ", "LL", " ", " ", " ", "LH", " ", " ", " ", "HL", " ", " ", " ", "HH", " "]),
        Axis::linear("pixels"),
    );
    for (row, wavelet) in [(4.0, Wavelet::named("db5")?), (0.0, learned)] {
        for (column, filter) in PeakFilter::wavelet(&wavelet).into_iter().enumerate() {
            if let PeakFilter::Kernel(weights) = filter {
                figure = figure.with_picture("", 0, (&weights, 3), (4.0 * column as f64, row));
            }
        }
    }
    recorder.figure(figure);
    Ok(())
}
