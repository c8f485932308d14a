//! Maps like those of weak lensing: parameters from the peaks of filtered maps, with distilled and other
//! filters.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::attribution::Model;
use kiln_interpret::awd::{Awd, ConciseModel, Covariance, NearestMean, PeakFilter, PeakHistogram, Teacher};
use kiln_interpret::transform::{Fourier, Transform};
use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};
use serde::{Deserialize, Serialize};

use super::networks::host;
use super::spectra::{SIDE, SpectraMaps};
use crate::device::TensorDevice;
use crate::registry::convergence_maps::{AMPLITUDES, ConvergenceMaps, SLOPES};
use kiln_receipts::statistics::{mean, mean_and_spread};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Number, Recorder, Table};

const PIXELS: usize = SIDE * SIDE;
/// Of each of the 25 classes: to fit histograms, to choose `γ`, to test.
const TRAINING: usize = 60;
const VALIDATION: usize = 16;
const TEST: usize = 16;
/// Maps that the wavelet is distilled on.
const DISTILLED: usize = 400;
const RINGS: usize = 12;
const WEIGHTS: [f64; 5] = [0.0, 0.02, 0.2, 2.0, 20.0];

/// Maps of a class, one after the other.
struct Class {
    /// The one that is distilled, and another one.
    parameters: [f64; 2],
    training: Vec<f64>,
    validation: Vec<f64>,
    test: Vec<f64>,
}

/// Slope and amplitude.
fn grid(seed: u64) -> Result<Vec<Class>, ExperimentError> {
    let grid = AMPLITUDES.iter().flat_map(|amplitude| SLOPES.map(|slope| (*amplitude, slope)));
    let classes = (0..).zip(grid).map(|(index, (amplitude, slope))| {
        let maps = ConvergenceMaps::new(amplitude, slope);
        Ok(([slope, amplitude], maps.draw(TRAINING + VALIDATION + TEST, SIDE, seed.wrapping_add(index))?))
    });
    standardized(classes)
}

/// `S₈` and `Ω_m`.
fn cosmologies(maps: &SpectraMaps, seed: u64) -> Result<Vec<Class>, ExperimentError> {
    let classes = maps.parameters.iter().enumerate().map(|(index, parameters)| {
        let drawn = maps.draw(index, TRAINING + VALIDATION + TEST, seed.wrapping_add(index as u64))?;
        Ok((*parameters, drawn))
    });
    standardized(classes)
}

/// In units of the deviation of all training pixels.
fn standardized(
    all: impl Iterator<Item = Result<([f64; 2], Vec<f64>), ExperimentError>>,
) -> Result<Vec<Class>, ExperimentError> {
    let mut classes = Vec::new();
    for class in all {
        let (parameters, mut maps) = class?;
        let test = maps.split_off((TRAINING + VALIDATION) * PIXELS);
        let validation = maps.split_off(TRAINING * PIXELS);
        classes.push(Class { parameters, training: maps, validation, test });
    }
    let training: Vec<f64> = classes.iter().flat_map(|class| &class.training).copied().collect();
    let (_, deviation) = mean_and_spread(&training);
    for class in &mut classes {
        for map in [&mut class.training, &mut class.validation, &mut class.test] {
            for pixel in map.iter_mut() {
                *pixel /= deviation;
            }
        }
    }
    Ok(classes)
}

fn pictures(maps: &[f64], device: &Device) -> Tensor<4> {
    let data = TensorData::new(maps.to_vec(), [maps.len() / PIXELS, 1, SIDE, SIDE]).convert::<f32>();
    Tensor::from_data(data, device)
}

/// Ridge regression of the first parameter on the logarithms of the power in twelve rings.
struct Spectrum {
    fourier: Fourier,
    /// `[coefficients, rings]`, means.
    rings: Tensor<2>,
    model: ConciseModel,
}

impl Spectrum {
    fn fit(classes: &[Class], device: &Device) -> Result<Self, ExperimentError> {
        let fourier = Fourier::of_pictures(&[1, SIDE, SIDE])?;
        // Logarithmic edges from 1 to 34 cycles per map.
        let edge = |i: usize| 34.0_f64.powf(i as f64 / RINGS as f64);
        let ring = |index: usize| {
            let cycles = fourier.radius(index) * SIDE as f64 / 2.0;
            (0..RINGS).find(|i| (edge(*i)..edge(i + 1)).contains(&cycles))
        };
        let mut members = vec![0.0; PIXELS * RINGS];
        let mut counts = [0.0; RINGS];
        for index in 0..PIXELS {
            if let Some(ring) = ring(index) {
                members[index * RINGS + ring] = 1.0;
                counts[ring] += 1.0;
            }
        }
        for (place, member) in members.iter_mut().enumerate() {
            *member /= f64::max(counts[place % RINGS], 1.0);
        }
        let data = TensorData::new(members, [PIXELS, RINGS]).convert::<f32>();
        let model = ConciseModel { coefficients: vec![0.0; RINGS], intercept: 0.0 };
        let mut spectrum = Self { fourier, rings: Tensor::from_data(data, device), model };
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        for class in classes {
            let powers = host(spectrum.log_powers(pictures(&class.training, device))?);
            features.extend(powers.chunks(RINGS).map(<[f64]>::to_vec));
            targets.extend(vec![class.parameters[0]; TRAINING]);
        }
        spectrum.model = ConciseModel::fit(&features, &targets, 1e-2)?;
        Ok(spectrum)
    }

    fn log_powers(&self, x: Tensor<4>) -> Result<Tensor<2>, InterpretError> {
        let power = self.fourier.forward(x)?.square();
        let rings =
            if power.device().is_autodiff() { self.rings.clone().autodiff() } else { self.rings.clone() };
        Ok(power.matmul(rings).log())
    }
}

impl Model<4> for Spectrum {
    fn outputs(&self, x: Tensor<4>) -> Result<Tensor<2>, InterpretError> {
        let powers = self.log_powers(x)?;
        let weights = TensorData::new(self.model.coefficients.clone(), [RINGS, 1]);
        let weights = Tensor::from_data(weights, (&powers.device(), powers.dtype()));
        Ok(powers.matmul(weights) + self.model.intercept)
    }
}

/// Root mean squared errors of both parameters.
type Errors = [f64; 2];

/// Of peak counting with these filters.
fn errors(
    classes: &[Class],
    filters: &[PeakFilter],
    bins: usize,
    part: fn(&Class) -> &[f64],
) -> Result<Errors, ExperimentError> {
    let shape = [SIDE, SIDE];
    let maps = || classes.iter().flat_map(|class| class.training.chunks(PIXELS));
    let histograms = filters
        .iter()
        .map(|filter| PeakHistogram::between_quantiles(*filter, maps(), shape, [0.01, 0.99], bins))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |map: &[f64]| -> Result<Vec<f64>, InterpretError> {
        let parts = histograms.iter().map(|histogram| histogram.counts(map, shape));
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    };
    let rows = classes
        .iter()
        .map(|class| class.training.chunks(PIXELS).map(row).collect())
        .collect::<Result<Vec<Vec<_>>, _>>()?;
    let nearest = NearestMean::fit(&rows, Covariance::Pooled { shrinkage: 0.05 })?;
    let (mut squares, mut count) = ([0.0; 2], 0.0);
    for class in classes {
        for map in part(class).chunks(PIXELS) {
            let found = &classes[nearest.predict_classes(&[row(map)?])?[0]];
            for (square, (found, true_one)) in
                squares.iter_mut().zip(found.parameters.iter().zip(&class.parameters))
            {
                *square += (found - true_one).powi(2);
            }
            count += 1.0;
        }
    }
    Ok(squares.map(|square| f64::sqrt(square / count)))
}

#[derive(Clone, Serialize, Deserialize)]
struct Outcome {
    /// Of the spectrum's regression, of the first parameter.
    teacher: f64,
    raw: Errors,
    laplace: Errors,
    roberts: Errors,
    db5: Errors,
    awd: Errors,
    /// `γ` chosen, and the filter.
    interpretation: f64,
    rec_lo: Vec<f64>,
}

fn outcome(classes: &[Class], seed: u64, device: &Device) -> Result<Outcome, ExperimentError> {
    let test: fn(&Class) -> &[f64] = |class| &class.test;
    let spectrum = Spectrum::fit(classes, device)?;
    let mut squares = Vec::new();
    for class in classes {
        let found = host(spectrum.outputs(pictures(&class.test, device))?);
        squares.extend(found.into_iter().map(|found| (found - class.parameters[0]).powi(2)));
    }
    let teacher_error = mean(&squares).sqrt();

    // As many of each class.
    let each = DISTILLED / classes.len();
    let maps: Vec<f64> = classes.iter().flat_map(|class| &class.training[..each * PIXELS]).copied().collect();
    let teacher = Teacher::new(&spectrum, &[0], pictures(&maps, device))?;
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [SIDE, SIDE], 3)?;
    let awd = Awd { epochs: 8, batch_size: 50, learning_rate: 2e-3, seed, ..Awd::new(1e-3, 0.0) };
    let mut best: Option<(f64, f64, Wavelet, Vec<f64>)> = None;
    for (distilled, weight) in awd.path(&dwt, &teacher, db5.rec_lo(), &WEIGHTS)?.into_iter().zip(WEIGHTS) {
        let wavelet = distilled.wavelet()?;
        let error = errors(classes, &PeakFilter::wavelet(&wavelet), 10, |class| &class.validation)?[0];
        if best.as_ref().is_none_or(|best| error < best.0) {
            best = Some((error, weight, wavelet, distilled.rec_lo));
        }
    }
    let (_, interpretation, wavelet, rec_lo) = best.ok_or("no weight was tried")?;
    Ok(Outcome {
        teacher: teacher_error,
        raw: errors(classes, &[PeakFilter::Raw], 22, test)?,
        laplace: errors(classes, &[PeakFilter::LAPLACE], 22, test)?,
        roberts: errors(classes, &[PeakFilter::Roberts], 22, test)?,
        db5: errors(classes, &PeakFilter::wavelet(&db5), 10, test)?,
        awd: errors(classes, &PeakFilter::wavelet(&wavelet), 10, test)?,
        interpretation,
        rec_lo,
    })
}

pub(super) fn cosmology(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 5));
    let progress = recorder.progress(seeds.len() as u64, "sets of maps");
    let mut outcomes = Vec::new();
    for seed in seeds {
        let outcome: Outcome = recorder.memo(&format!("{seed}"), || outcome(&grid(seed)?, seed, &device))?;
        judge(recorder, "A4-stand-in", &outcome);
        recorder.record("A4-db5", "AWD / db5", [outcome.awd[0] / outcome.db5[0]]);
        outcomes.push(outcome);
        progress.inc(1);
    }
    show(
        recorder,
        &outcomes,
        ["slope n", "amplitude A"],
        "400 test maps, 25 classes. Drawing a class by lot gives 0.60 for the slope.",
    )
}

pub(super) fn spectra(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let maps = SpectraMaps::read(&*context.data)?;
    for data in &maps.sources {
        recorder.used_data(data.clone());
    }
    if context.pick(true, false) {
        return Ok(());
    }
    let device = context.tensor_device()?;
    let seeds = context.seeds(3);
    let pixels = maps.draw(0, 20, seeds[0])?;
    let moment = |power: i32| mean(pixels.iter().map(|pixel| pixel.powi(power)));
    let (deviation, skewness) = (moment(2).sqrt(), moment(3) / moment(2).powf(1.5));
    recorder.note(format!(
        "20 maps of cosmology 0: deviation {}, skewness {}; the four that come with the data: 0.01396, 1.47.",
        Number(deviation),
        Number(skewness)
    ));
    let progress = recorder.progress(seeds.len() as u64, "sets of maps");
    let mut outcomes = Vec::new();
    for seed in seeds {
        let outcome: Outcome =
            recorder.memo(&format!("{seed}"), || outcome(&cosmologies(&maps, seed)?, seed, &device))?;
        judge(recorder, "A4-spectra", &outcome);
        outcomes.push(outcome);
        progress.inc(1);
    }
    show(recorder, &outcomes, ["S₈", "Ω_m"], "656 test maps, 41 cosmologies.")
}

fn judge(recorder: &mut Recorder, claim: &str, outcome: &Outcome) {
    let Outcome { teacher, raw, laplace, roberts, db5, awd, .. } = *outcome;
    for (check, ratio) in [
        ("Laplace / raw", laplace[0] / raw[0]),
        ("Roberts / raw", roberts[0] / raw[0]),
        ("AWD / Laplace", awd[0] / laplace[0]),
        ("AWD / Roberts", awd[0] / roberts[0]),
        ("AWD / db5", awd[0] / db5[0]),
        ("AWD / network", awd[0] / teacher),
    ] {
        recorder.record(claim, check, [ratio]);
    }
}

fn show(
    recorder: &mut Recorder,
    outcomes: &[Outcome],
    parameters: [&str; 2],
    caption: &str,
) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "errors",
        "Root mean squared errors of the parameters",
        &format!("{caption} Mean over seeds, and its largest difference."),
        &["filter", parameters[0], "±", parameters[1]],
    );
    let mut row = |name: &str, of: &dyn Fn(&Outcome) -> Errors| {
        let mean = |k: usize| mean(outcomes.iter().map(|o| of(o)[k]));
        let first = mean(0);
        let spread = outcomes.iter().map(|o| (of(o)[0] - first).abs()).fold(0.0, f64::max);
        // The spectrum's regression has no second one.
        let second = if mean(1).is_nan() { String::new() } else { Number(mean(1)).to_string() };
        table.row([name.to_owned(), Number(first).to_string(), Number(spread).to_string(), second]);
    };
    row("none", &|o| o.raw);
    row("Laplace", &|o| o.laplace);
    row("Roberts", &|o| o.roberts);
    row("the spectrum's regression", &|o| [o.teacher, f64::NAN]);
    row("db5", &|o| o.db5);
    row("AWD", &|o| o.awd);
    recorder.table(table);
    let weights: Vec<String> = outcomes.iter().map(|o| Number(o.interpretation).to_string()).collect();
    recorder.note(format!("γ chosen on other maps: {}.", weights.join(", ")));
    kernels(recorder, &outcomes[0])
}

/// The four kernels of db5 and of the distilled wavelet, as pictures.
fn kernels(recorder: &mut Recorder, outcome: &Outcome) -> Result<(), ExperimentError> {
    let reversed: Vec<f64> = outcome.rec_lo.iter().rev().copied().collect();
    let learned = Wavelet::orthogonal("distilled", &reversed, f64::INFINITY)?;
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
