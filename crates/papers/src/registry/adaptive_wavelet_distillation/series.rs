//! Classes of real series: a network, and linear models of few wavelet coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, ConciseModel, Teacher, compression, largest_coefficients};
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use serde::{Deserialize, Serialize};

use super::networks::{Regression, host, perceptron, trained};
use super::traces::{LARGEST, NEGLIGIBLE, cross_validated, predicted, rows};
use crate::device::TensorDevice;
use kiln_datasets::{LabelledSeries, ucr};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const LEVELS: usize = 4;
const SPARSITY: f64 = 1e-3;
const RIDGE: f64 = 1.0;

/// Series, with a column for each class that is 1 for its series.
struct Part {
    x: Tensor<3>,
    labels: Vec<usize>,
    targets: Vec<Vec<f64>>,
}

impl Part {
    fn new(series: &LabelledSeries, device: &Device) -> Self {
        let labels = series.labels();
        let classes = labels.iter().max().map_or(0, |last| last + 1);
        let of = |class| labels.iter().map(|label| f64::from(*label == class)).collect();
        let data = TensorData::new(series.values.concat(), [series.len(), 1, series.points()]);
        let x = Tensor::from_data(data.convert::<f32>(), device);
        Self { x, targets: (0..classes).map(of).collect(), labels }
    }

    /// The share of rows of scores, class by class, whose largest is that of their label.
    fn accuracy(&self, scores: &[Vec<f64>]) -> f64 {
        let right = self.labels.iter().enumerate().filter(|(row, label)| {
            let best = (0..scores.len()).max_by(|&a, &b| scores[a][*row].total_cmp(&scores[b][*row]));
            best == Some(**label)
        });
        right.count() as f64 / self.labels.len() as f64
    }
}

/// What a wavelet is worth.
#[derive(Clone, Serialize, Deserialize)]
struct Score {
    /// Of the linear models of its largest coefficients, on the test series.
    accuracy: f64,
    /// Their squared error by cross-validation on the training series.
    error: f64,
    compression: f64,
    /// How far the filter is from a wavelet's.
    residual: f64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Outcome {
    network: f64,
    db5: Score,
    /// Along the path.
    distilled: Vec<Score>,
}

fn score(
    wavelet: &Wavelet,
    [train, test]: &[Part; 2],
    gradients: &Tensor<3>,
) -> Result<Score, ExperimentError> {
    let filters = FilterBank::new(wavelet, &train.x);
    let dwt = TensorDwt::new(wavelet.filter_len(), Boundary::Zero, [train.x.dims()[2]], LEVELS)?;
    let largest = |x: &Tensor<3>| -> Result<_, ExperimentError> {
        let coefficients = dwt.forward(&filters, x.clone())?;
        Ok(rows(largest_coefficients(&coefficients, &dwt.blocks(), LARGEST)?))
    };
    let (features, test_features) = (largest(&train.x)?, largest(&test.x)?);
    let (mut scores, mut error) = (Vec::new(), 0.0);
    for y in &train.targets {
        scores.push(predicted(&ConciseModel::fit(&features, y, RIDGE)?, &test_features)?);
        let found = cross_validated(&features, y, RIDGE)?;
        error += found.iter().zip(y).map(|(found, y)| (found - y).powi(2)).sum::<f64>() / y.len() as f64;
    }
    let targets = gradients.dims()[0] / test.labels.len();
    let coefficients = dwt.forward(&filters, test.x.clone())?.repeat_dim(0, targets);
    let attributions = dwt.inverse_transposed(&filters, gradients.clone())?;
    Ok(Score {
        accuracy: test.accuracy(&scores),
        error,
        compression: compression(&coefficients, &attributions, NEGLIGIBLE)?,
        residual: wavelet.orthogonality_residual(),
    })
}

fn outcome(seed: u64, parts: &[Part; 2], path: &[f64], device: &Device) -> Result<Outcome, ExperimentError> {
    let [train, test] = parts;
    let ([count, _, points], classes) = (train.x.dims(), train.targets.len());
    let targets = TensorData::new(train.targets.concat(), [classes, count]).convert::<f32>();
    let targets = Tensor::<2>::from_data(targets, device).transpose();
    let network = perceptron(&[points, 64, classes], seed, &device.clone().autodiff())?;
    let network = trained(network, &train.x, &targets, (300, 2e-3), seed)?;
    let outputs = host(network.outputs(test.x.clone().autodiff()).inner().transpose());
    let outputs: Vec<Vec<f64>> = outputs.chunks(test.labels.len()).map(<[f64]>::to_vec).collect();

    let model = |x: Tensor<3>| network.outputs(x);
    let every: Vec<usize> = (0..classes).collect();
    let teacher = Teacher::new(&model, &every, train.x.clone())?;
    let asked = Teacher::new(&model, &every, test.x.clone())?;
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [points], LEVELS)?;
    let awd = Awd { epochs: 600, seed, ..Awd::new(SPARSITY, 0.0) };
    let distilled = awd.path(&dwt, &teacher, db5.rec_lo(), path)?;
    let scores = distilled.iter().map(|distilled| score(&distilled.wavelet()?, parts, asked.gradients()));
    Ok(Outcome {
        network: test.accuracy(&outputs),
        db5: score(&db5, parts, asked.gradients())?,
        distilled: scores.collect::<Result<_, _>>()?,
    })
}

/// The place of the least error by cross-validation.
fn chosen(outcome: &Outcome) -> usize {
    let errors = outcome.distilled.iter().map(|score| score.error).enumerate();
    errors.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
}

pub(super) fn trace(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    distil(context, recorder, "trace", "A2-Trace", "UCR Trace")
}

pub(super) fn gunpoint(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    distil(context, recorder, "gunpoint", "A2-GunPoint", "UCR GunPoint")
}

fn distil(
    context: &Context,
    recorder: &mut Recorder,
    set: &str,
    claim: &'static str,
    title: &str,
) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let series = ucr(&*context.data, set)?;
    for part in &series {
        part.sources.iter().cloned().for_each(|source| recorder.used_data(source));
    }
    let parts = series.each_ref().map(|series| Part::new(series, &device));
    let long = (0..9).map(|k| 10.0_f64.powf(-3.0 + 0.5 * f64::from(k)));
    let path = context.pick(vec![0.0, 0.1, 1.0], std::iter::once(0.0).chain(long).collect());
    let one = path.iter().position(|weight| *weight == 1.0).unwrap_or(0);
    let seeds = context.seeds(context.pick(1, 3));
    let progress = recorder.progress(seeds.len() as u64, "networks and their wavelets");
    let mut outcomes = Vec::new();
    for seed in seeds {
        let found: Outcome = recorder.memo(&format!("{seed}"), || outcome(seed, &parts, &path, &device))?;
        let best = &found.distilled[chosen(&found)];
        recorder.record(claim, "network's accuracy", [found.network]);
        recorder.record(claim, "accuracy of AWD less that of db5", [best.accuracy - found.db5.accuracy]);
        let less = best.compression - found.db5.compression;
        recorder.record(claim, "compression of AWD less that of db5", [less]);
        let falls = found.distilled[0].compression - found.distilled[one].compression;
        recorder.record(claim, "compression, γ = 0 less γ = 1", [falls]);
        outcomes.push(found);
        progress.inc(1);
    }
    show(recorder, set, title, &outcomes, &path);
    Ok(())
}

fn show(recorder: &mut Recorder, set: &str, title: &str, outcomes: &[Outcome], path: &[f64]) {
    let mean = |of: &dyn Fn(&Outcome) -> f64| mean(outcomes.iter().map(of));
    let mut table = Table::new(
        set,
        title,
        "Share of test series in their class, mean over seeds. Wavelets: least squares on the six largest \
         coefficients of each of five blocks. Compression: the share of coefficients that are not negligible \
         and neither is what the network attributes to them. Residual: the largest error of orthonormality \
         to even shifts.",
        &["model", "accuracy", "compression", "residual", "γ chosen"],
    );
    let number = |value: f64| Number(value).to_string();
    table.row([
        "perceptron".to_owned(),
        number(mean(&|o| o.network)),
        String::new(),
        String::new(),
        String::new(),
    ]);
    let db5 = [mean(&|o| o.db5.accuracy), mean(&|o| o.db5.compression)].map(number);
    let [accuracy, compression] = db5;
    table.row(["db5".to_owned(), accuracy, compression, String::new(), String::new()]);
    let best = |of: fn(&Score) -> f64| number(mean(&|o| of(&o.distilled[chosen(o)])));
    let picks: Vec<String> = outcomes.iter().map(|o| number(path[chosen(o)])).collect();
    let measured = [best(|s| s.accuracy), best(|s| s.compression), best(|s| s.residual)];
    table.row(std::iter::once("AWD".to_owned()).chain(measured).chain([picks.join("; ")]));
    recorder.table(table);

    let along = |of: fn(&Score) -> f64| {
        let places = path.iter().enumerate();
        places
            .map(|(place, weight)| (weight.max(3e-4), mean(&|o| of(&o.distilled[place]))))
            .collect::<Vec<_>>()
    };
    let ends = |value: f64| [(3e-4, value), (path.last().copied().unwrap_or(1.0), value)];
    recorder.figure(
        Figure::new(
            &format!("{set}-path"),
            &format!("{title}: compression and accuracy along the path"),
            "Mean over seeds; γ = 0 is drawn at 0.0003.",
            Axis::log("weight γ of the interpretation term"),
            Axis::linear("accuracy and compression"),
        )
        .with(Kind::LinePoints, "accuracy of AWD", 0, along(|score| score.accuracy))
        .with(Kind::LinePoints, "compression of AWD", 1, along(|score| score.compression))
        .with(Kind::Dashed, "accuracy of db5", 0, ends(mean(&|o| o.db5.accuracy)))
        .with(Kind::Dashed, "compression of db5", 1, ends(mean(&|o| o.db5.compression)))
        .with(Kind::Dashed, "accuracy of the network", 2, ends(mean(&|o| o.network))),
    );
}
