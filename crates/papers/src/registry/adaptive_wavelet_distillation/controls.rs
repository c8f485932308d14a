//! Controls with a known answer: the response is the sum of the largest coefficient of each block of one
//! wavelet, and is itself what is distilled. The path begins with coif2.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, Teacher};
use kiln_interpret::wavelet::{Boundary, Dwt, TensorDwt, Wavelet};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use kiln_tensor::{Distribution, Noise};

use super::claims::{ABLATION_GAIN, FEWER_ATTRIBUTIONS, FOUND, NULL_GAIN, R_SQUARED_GAIN};
use super::models::{LEVELS, Of, Part, Trial, gammas, means, pairs, worth};
use super::networks::r_squared;
use crate::device::TensorDevice;

const LEN: usize = 64;
const DISTILLED: usize = 10_000;
/// Of these the responses are known.
const LABELLED: usize = 200;
const TEST: usize = 2_000;
/// Deviation of a response's noise, to one of about 1 without.
const NOISE: f64 = 0.5;
const SPARSITY: f64 = 1e-4;

/// The response to each signal, and its gradient there.
fn response(wavelet: &Wavelet, signals: &[f64]) -> Result<(Vec<f64>, Vec<f64>), ExperimentError> {
    let dwt = Dwt::<f64, 1>::new(wavelet, Boundary::Zero, [LEN], LEVELS)?;
    let identity: Vec<f64> = (0..LEN * LEN).map(|i| f64::from(u8::from(i / LEN == i % LEN))).collect();
    let columns = dwt.forward(&identity)?;
    let (width, blocks) = (dwt.coefficient_len(), dwt.blocks());
    let (mut responses, mut gradients) = (Vec::new(), Vec::new());
    for row in dwt.forward(signals)?.chunks(width) {
        let largest =
            |block: &std::ops::Range<usize>| block.clone().max_by(|a, b| row[*a].total_cmp(&row[*b]));
        let largest: Vec<usize> = blocks.iter().filter_map(largest).collect();
        responses.push(largest.iter().map(|place| row[*place]).sum());
        gradients.extend(columns.chunks(width).map(|of| largest.iter().map(|place| of[*place]).sum::<f64>()));
    }
    Ok((responses, gradients))
}

fn trial(hidden: &str, weights: &[f64], seed: u64, device: &Device) -> Result<Trial, ExperimentError> {
    let (truth, start) = (Wavelet::named(hidden)?, Wavelet::named("coif2")?);
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let mut signals = vec![0.0; (DISTILLED + TEST) * LEN];
    noise.fill(0, 0, &mut signals);
    let (exact, gradients) = response(&truth, &signals)?;
    let mut errors = vec![0.0; exact.len()];
    noise.fill(1, 0, &mut errors);
    let responses: Vec<f64> = exact.iter().zip(errors).map(|(exact, error)| exact + NOISE * error).collect();
    let tensor = |values: &[f64]| {
        let data = TensorData::new(values.to_vec(), [values.len() / LEN, 1, LEN]).convert::<f32>();
        Tensor::<3>::from_data(data, device)
    };
    let (distilled, test) = signals.split_at(DISTILLED * LEN);
    let (known, asked) = gradients.split_at(DISTILLED * LEN);
    let y = responses[DISTILLED..].to_vec();
    let parts = [
        Part { x: tensor(&distilled[..LABELLED * LEN]), responses: vec![responses[..LABELLED].to_vec()] },
        Part { x: tensor(test), responses: vec![y.clone()] },
    ];
    let asked = tensor(asked);
    let point = |wavelet: &Wavelet| {
        let quality = |found: &[Vec<f64>]| r_squared(&found[0], &y);
        worth(wavelet, &parts, (&asked, 0.0), quality, wavelet.distance(&truth))
    };
    let teacher = Teacher::from_gradients(tensor(distilled), &[tensor(known)])?;
    let dwt = TensorDwt::new(start.filter_len(), Boundary::Zero, [LEN], LEVELS)?;
    let awd = Awd { epochs: 10, seed, ..Awd::new(SPARSITY, 0.0) };
    let path = awd.path(&dwt, &teacher, start.rec_lo(), weights)?;
    let path = path.iter().map(|distilled| point(&distilled.wavelet()?)).collect::<Result<_, _>>()?;
    Ok(Trial { distilled: r_squared(&exact[DISTILLED..], &y), start: point(&start)?, path })
}

pub(super) fn controls(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let weights = &context.pick(vec![0.0, 0.1, 0.32], gammas(7));
    let arm = |hidden: &'static str| {
        let name = format!("response of {hidden}");
        Arm::new(name, weights, move |seed| trial(hidden, weights, seed, device))
    };
    let runs = recorder.sweep(&context.seeds(context.pick(1, 5)), [arm("db5"), arm("coif2")])?;

    let mut table = Table::new(
        "models",
        "Predicting a response that depends on the largest coefficients of one wavelet",
        "Means over seeds. Least squares on the six largest coefficients of each block, on 200 rows. \
         Coefficients, attributions: share of a signal's that hold 99 % of their energy. Distance: from the \
         wavelet of the response.",
        &["response", "model", "R²", "coefficients", "attributions", "distance"],
    );
    let rows: [(&str, Of); 3] =
        [("coif2", |trial| &trial.start), ("γ = 0", |trial| &trial.path[0]), ("AWD", Trial::chosen)];
    for run in &runs {
        let exact = Number(mean(run.each(|trial| trial.distilled))).to_string();
        let exact = [run.name.clone(), "the response without its noise".to_owned(), exact];
        table.row(exact.into_iter().chain(std::iter::repeat_n(String::new(), 3)));
        for (name, of) in rows {
            table.row([run.name.clone(), name.to_owned()].into_iter().chain(means(run, of)));
        }
    }
    recorder.table(table);
    let figure = Figure::new(
        "paths",
        "Distance from the wavelet of the response along the path",
        "From coif2, λ = 1e-4; γ = 0 is drawn at 0.003.",
        Axis::log("weight γ of the interpretation term"),
        Axis::linear("distance"),
    );
    let figure = figure.with_runs(&runs, |trial| trial.curve(weights, 0.003, |point| point.departure));
    recorder.figure(figure.with(Kind::Dashed, "0.21", 4, [(0.003, 0.21), (10.0, 0.21)]));

    let [of_db5, of_coif2] = &runs;
    let from_start: [Of; 2] = [Trial::chosen, |trial| &trial.start];
    recorder.observe(&R_SQUARED_GAIN, pairs(of_db5, from_start, |point| point.quality));
    recorder.observe(&NULL_GAIN, pairs(of_coif2, from_start, |point| point.quality));
    let from_ablation: [Of; 2] = [Trial::chosen, |trial| &trial.path[0]];
    recorder.observe(&ABLATION_GAIN, pairs(of_db5, from_ablation, |point| point.quality));
    recorder.observe(&FOUND, of_db5.each(|trial| trial.chosen().departure));
    let fewer = pairs(of_db5, from_start, |point| point.attributions);
    recorder.observe_in(&of_db5.name, &FEWER_ATTRIBUTIONS, fewer);
    Ok(())
}
