//! Classes of real series: a network, and linear models of few wavelet coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, Teacher};
use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};

use super::claims::{FEWER_ATTRIBUTIONS, FEWER_COEFFICIENTS, OVER_DB5, OVER_NETWORK};
use super::models::{LEVELS, Of, Part, Trial, gammas, means, pairs, worth};
use super::networks::{Regression, host, perceptron, trained};
use crate::device::TensorDevice;
use kiln_datasets::{LabelledSeries, ucr};
use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const SPARSITY: f64 = 1e-3;
const RIDGE: f64 = 1.0;

/// Series with a column for each class that is 1 for its series.
fn part(series: &LabelledSeries, device: &Device) -> Part {
    let labels = series.labels();
    let classes = labels.iter().max().map_or(0, |last| last + 1);
    let of = |class| labels.iter().map(|label| f64::from(*label == class)).collect();
    let data = TensorData::new(series.values.concat(), [series.len(), 1, series.points()]);
    Part { x: Tensor::from_data(data.convert::<f32>(), device), responses: (0..classes).map(of).collect() }
}

/// The share of rows whose largest score is that of their class.
fn accuracy(scores: &[Vec<f64>], part: &Part) -> f64 {
    let rows = 0..part.responses[0].len();
    mean(rows.map(|row| {
        let best = (0..scores.len()).max_by(|&a, &b| scores[a][row].total_cmp(&scores[b][row]));
        best.map_or(0.0, |class| part.responses[class][row])
    }))
}

fn trial(seed: u64, parts: &[Part; 2], weights: &[f64], device: &Device) -> Result<Trial, ExperimentError> {
    let [train, test] = parts;
    let ([count, _, points], classes) = (train.x.dims(), train.responses.len());
    let targets = TensorData::new(train.responses.concat(), [classes, count]).convert::<f32>();
    let targets = Tensor::<2>::from_data(targets, device).transpose();
    let network = perceptron(&[points, 64, classes], seed, &device.clone().autodiff())?;
    let network = trained(network, &train.x, &targets, (300, 2e-3), seed)?;
    let outputs = host(network.outputs(test.x.clone().autodiff()).inner().transpose());
    let outputs: Vec<Vec<f64>> = outputs.chunks(test.x.dims()[0]).map(<[f64]>::to_vec).collect();

    let model = |x: Tensor<3>| network.outputs(x);
    let every: Vec<usize> = (0..classes).collect();
    let teacher = Teacher::new(&model, &every, train.x.clone())?;
    let asked = Teacher::new(&model, &every, test.x.clone())?;
    let point = |wavelet: &Wavelet| {
        let quality = |found: &[Vec<f64>]| accuracy(found, test);
        worth(wavelet, parts, (asked.gradients(), RIDGE), quality, wavelet.orthogonality_residual())
    };
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [points], LEVELS)?;
    let awd = Awd { epochs: 600, seed, ..Awd::new(SPARSITY, 0.0) };
    let path = awd.path(&dwt, &teacher, db5.rec_lo(), weights)?;
    Ok(Trial {
        distilled: accuracy(&outputs, test),
        start: point(&db5)?,
        path: path.iter().map(|distilled| point(&distilled.wavelet()?)).collect::<Result<_, _>>()?,
    })
}

pub(super) fn trace(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let series = ucr(&*context.data, "trace")?;
    recorder.used_sources(series.iter().flat_map(|part| &part.sources));
    let parts = &series.each_ref().map(|series| part(series, device));
    let weights = &context.pick(vec![0.0, 0.1, 1.0], gammas(9));
    let arm = Arm::new("AWD", weights, |seed| trial(seed, parts, weights, device));
    let [run] = recorder.sweep(&context.seeds(context.pick(1, 5)), [arm])?;
    let from_db5: [Of; 2] = [Trial::chosen, |trial| &trial.start];
    recorder.observe(&OVER_DB5, pairs(&run, from_db5, |point| point.quality));
    recorder.observe(&OVER_NETWORK, run.values.iter().map(|t| (t.chosen().quality, t.distilled)));
    recorder.observe(&FEWER_COEFFICIENTS, pairs(&run, from_db5, |point| point.coefficients));
    recorder.observe_in("UCR Trace", &FEWER_ATTRIBUTIONS, pairs(&run, from_db5, |point| point.attributions));

    let mut table = Table::new(
        "trace",
        "UCR Trace",
        "Share of test series in their class, mean over seeds. Wavelets: least squares on the six largest \
         coefficients of each of five blocks. Coefficients, attributions: share of a series' that hold 99 % \
         of their energy. Residual: the largest error of orthonormality to even shifts.",
        &["model", "accuracy", "coefficients", "attributions", "residual", "γ chosen"],
    );
    let number = |value: f64| Number(value).to_string();
    let network = ["perceptron".to_owned(), number(mean(run.each(|trial| trial.distilled)))];
    table.row(network.into_iter().chain(std::iter::repeat_n(String::new(), 4)));
    let picks: Vec<String> = run.values.iter().map(|trial| number(weights[trial.place()])).collect();
    for ((name, of), pick) in ["AWD", "db5"].into_iter().zip(from_db5).zip([picks.join("; "), String::new()])
    {
        table.row(std::iter::once(name.to_owned()).chain(means(&run, of)).chain([pick]));
    }
    recorder.table(table);

    let figure = Figure::new(
        "trace-path",
        "UCR Trace: accuracy along the path",
        "γ = 0 is drawn at 0.0003.",
        Axis::log("weight γ of the interpretation term"),
        Axis::linear("accuracy"),
    );
    let level = |of: fn(&Trial) -> f64| [3e-4, 10.0].map(|weight| (weight, median(run.each(of))));
    let (db5, network) = (level(|trial| trial.start.quality), level(|trial| trial.distilled));
    let figure = figure.with_runs(&[run], |trial| trial.curve(weights, 3e-4, |point| point.quality));
    recorder.figure(figure.with(Kind::Dashed, "db5", 1, db5).with(Kind::Dashed, "the network", 2, network));
    Ok(())
}
