//! Classes of real series: a network, and linear models of few wavelet coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, Teacher};
use kiln_interpret::wavelet::{Boundary, TensorDwt, Wavelet};
use serde::{Deserialize, Serialize};

use super::claims::{FEWER_ATTRIBUTIONS, FEWER_COEFFICIENTS, OVER_DB5, OVER_NETWORK};
use super::models::{LEVELS, Part, score};
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

/// What a wavelet is worth.
#[derive(Clone, Serialize, Deserialize)]
struct Point {
    accuracy: f64,
    error: f64,
    coefficients: f64,
    attributions: f64,
    /// How far the filter is from a wavelet's.
    residual: f64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Trial {
    network: f64,
    db5: Point,
    /// Along the path, γ = 0 first.
    path: Vec<Point>,
}

impl Trial {
    /// The place of the least error by cross-validation.
    fn place(&self) -> usize {
        let errors = self.path.iter().map(|point| point.error).enumerate();
        errors.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
    }

    fn chosen(&self) -> &Point {
        &self.path[self.place()]
    }
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
    let point = |wavelet: &Wavelet| -> Result<Point, ExperimentError> {
        let found = score(wavelet, parts, asked.gradients(), RIDGE)?;
        Ok(Point {
            accuracy: accuracy(&found.predictions, test),
            error: found.error,
            coefficients: found.coefficients,
            attributions: found.attributions,
            residual: wavelet.orthogonality_residual(),
        })
    };
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [points], LEVELS)?;
    let awd = Awd { epochs: 600, seed, ..Awd::new(SPARSITY, 0.0) };
    let path = awd.path(&dwt, &teacher, db5.rec_lo(), weights)?;
    Ok(Trial {
        network: accuracy(&outputs, test),
        db5: point(&db5)?,
        path: path.iter().map(|distilled| point(&distilled.wavelet()?)).collect::<Result<_, _>>()?,
    })
}

pub(super) fn trace(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let series = ucr(&*context.data, "trace")?;
    series.iter().flat_map(|part| &part.sources).for_each(|source| recorder.used_data(source.clone()));
    let parts = &series.each_ref().map(|series| part(series, device));
    let long = (0..9).map(|k| 10.0_f64.powf(-3.0 + 0.5 * f64::from(k)));
    let weights = &context.pick(vec![0.0, 0.1, 1.0], std::iter::once(0.0).chain(long).collect::<Vec<_>>());
    let arm = Arm::new("AWD", weights, |seed| trial(seed, parts, weights, device));
    let [run] = recorder.sweep(&context.seeds(context.pick(1, 5)), [arm])?;
    recorder.observe(&OVER_DB5, run.values.iter().map(|t| (t.chosen().accuracy, t.db5.accuracy)));
    recorder.observe(&OVER_NETWORK, run.values.iter().map(|t| (t.chosen().accuracy, t.network)));
    for (check, of) in [
        (FEWER_COEFFICIENTS, (|p| p.coefficients) as fn(&Point) -> f64),
        (FEWER_ATTRIBUTIONS, |p| p.attributions),
    ] {
        recorder.observe_in("UCR Trace", &check, run.values.iter().map(|t| (of(t.chosen()), of(&t.db5))));
    }

    let mut table = Table::new(
        "trace",
        "UCR Trace",
        "Share of test series in their class, mean over seeds. Wavelets: least squares on the six largest \
         coefficients of each of five blocks. Coefficients, attributions: share of a series' that hold 99 % of their \
         energy. Residual: the largest error of orthonormality to even shifts.",
        &["model", "accuracy", "coefficients", "attributions", "residual", "γ chosen"],
    );
    let number = |value: f64| Number(value).to_string();
    let network = number(mean(run.each(|trial| trial.network)));
    table.row(["perceptron".to_owned(), network, String::new(), String::new(), String::new(), String::new()]);
    let picks: Vec<String> = run.values.iter().map(|trial| number(weights[trial.place()])).collect();
    let rows: [(&str, fn(&Trial) -> &Point, String); 2] =
        [("db5", |trial| &trial.db5, String::new()), ("AWD", Trial::chosen, picks.join("; "))];
    for (name, of, pick) in rows {
        let numbers: [fn(&Point) -> f64; 4] =
            [|p| p.accuracy, |p| p.coefficients, |p| p.attributions, |p| p.residual];
        let means = numbers.map(|of_point| number(mean(run.each(|trial| of_point(of(trial))))));
        table.row(std::iter::once(name.to_owned()).chain(means).chain([pick]));
    }
    recorder.table(table);

    let ends = |value: f64| [(3e-4, value), (weights.last().copied().unwrap_or(1.0), value)];
    let figure = Figure::new(
        "trace-path",
        "UCR Trace: accuracy along the path",
        "γ = 0 is drawn at 0.0003.",
        Axis::log("weight γ of the interpretation term"),
        Axis::linear("accuracy"),
    );
    let levels =
        [("db5", median(run.each(|t| t.db5.accuracy))), ("the network", median(run.each(|t| t.network)))];
    let figure = figure.with_runs(&[run], |trial| {
        weights.iter().zip(&trial.path).map(|(weight, point)| (weight.max(3e-4), point.accuracy)).collect()
    });
    let lines = levels.into_iter().zip(1..);
    recorder.figure(lines.fold(figure, |figure, ((name, level), colour)| {
        figure.with(Kind::Dashed, name, colour, ends(level))
    }));
    Ok(())
}
