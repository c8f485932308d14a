//! A wavelet is recovered from a network that was trained on three of its coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, AwdTerms, Distilled, Teacher, awd_terms};
use kiln_interpret::wavelet::{Boundary, Dwt, TensorDwt, Wavelet};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{NEAREST, NEEDED, RECONSTRUCTION, SYM5_FOUND};
use super::models::{from_taps, gammas};
use super::networks::{Regression, host, perceptron, r_squared, trained};
use crate::device::TensorDevice;
use kiln_receipts::statistics::mean;
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Scale, Table,
};
use kiln_tensor::network::MultilayerPerceptron;

const LEN: usize = 64;
const LEVELS: usize = 4;
const TEST: usize = 5_000;

/// The reference's starting filter: db5 and noise of deviation 0.3, in the order of `rec_lo`.
const NOISY_DB5: [f64; 10] = [
    0.263_778, 0.850_315, 0.82344, -0.252_519, 0.029_312, 0.101_668, -0.083_514, 0.168_094, 0.096_791,
    0.091_575,
];

/// One filter of a path.
#[derive(Clone, Serialize, Deserialize)]
struct Point {
    interpretation: f64,
    distilled: Distilled,
    /// From db5.
    distance: f64,
    /// On test signals.
    test: AwdTerms,
}

#[derive(Clone, Serialize, Deserialize)]
struct Path {
    /// Of the network, on test signals.
    r_squared: f64,
    /// In the order of γ, which begins with 0.
    points: Vec<Point>,
}

impl Path {
    /// The filter nearest to db5 of those with an interpretation term.
    fn nearest(&self) -> &Point {
        let nearest = self.points[1..].iter().min_by(|a, b| a.distance.total_cmp(&b.distance));
        nearest.unwrap_or(&self.points[0])
    }
}

/// The signals and the network of one seed.
struct Problem {
    device: Device,
    x: Tensor<3>,
    test: Tensor<3>,
    network: MultilayerPerceptron,
    r_squared: f64,
}

/// `2 (cD₃[7] + cD₃[8] + cD₃[9])` of db5 is linear in the signal; these are its coefficients.
fn response() -> Result<Vec<f64>, ExperimentError> {
    let dwt = Dwt::<f64, 1>::new(&Wavelet::named("db5")?, Boundary::Zero, [LEN], LEVELS)?;
    let start = dwt.details(3)?.start;
    let identity: Vec<f64> = (0..LEN * LEN).map(|i| f64::from(u8::from(i / LEN == i % LEN))).collect();
    let coefficients = dwt.forward(&identity)?;
    Ok(coefficients
        .chunks(dwt.coefficient_len())
        .map(|row| 2.0 * row[start + 7..start + 10].iter().sum::<f64>())
        .collect())
}

impl Problem {
    fn new(training: usize, seed: u64, device: &Device) -> Result<Self, ExperimentError> {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut x = vec![0.0_f32; (training + TEST) * LEN];
        noise.fill(0, 0, &mut x);
        let mut errors = vec![0.0_f32; training + TEST];
        noise.fill(1, 0, &mut errors);
        let weights = response()?;
        let exact =
            |row: &[f32]| row.iter().zip(&weights).map(|(x, w)| f64::from(*x) * w).sum::<f64>() as f32;
        let y: Vec<f32> = x.chunks(LEN).zip(&errors).map(|(row, error)| exact(row) + 0.1 * error).collect();
        let signals =
            |x: &[f32]| Tensor::<3>::from_data(TensorData::new(x.to_vec(), [x.len() / LEN, 1, LEN]), device);
        let (signals, test) = (signals(&x[..training * LEN]), signals(&x[training * LEN..]));
        let labels = Tensor::from_data(TensorData::new(y[..training].to_vec(), [training, 1]), device);
        let network = perceptron(&[LEN, 32, 32, 1], seed, &device.clone().autodiff())?;
        let network = trained(network, &signals, &labels, (30, 5e-3), seed)?;
        let predictions = host(network.outputs(test.clone().autodiff()).inner());
        let y: Vec<f64> = y[training..].iter().map(|y| f64::from(*y)).collect();
        let r_squared = r_squared(&predictions, &y);
        Ok(Self { device: device.clone(), x: signals, test, network, r_squared })
    }

    /// Filters along the path of weights.
    fn path(&self, awd: &Awd, start: &[f64], weights: &[f64]) -> Result<Vec<Point>, ExperimentError> {
        let model = |x: Tensor<3>| self.network.outputs(x);
        let teacher = Teacher::new(&model, &[0], self.x.clone())?;
        let test = Teacher::new(&model, &[0], self.test.clone())?;
        let dwt = TensorDwt::new(start.len(), Boundary::Zero, [LEN], LEVELS)?;
        let truth = Wavelet::named("db5")?;
        let path = awd.path(&dwt, &teacher, start, weights)?;
        path.into_iter()
            .zip(weights)
            .map(|(distilled, weight)| {
                let taps = TensorData::new(distilled.rec_lo.clone(), [start.len()]);
                let filter = Tensor::from_data(taps, (&self.device, self.x.dtype()));
                let test = awd_terms(&dwt, &filter, test.signals(), test.gradients())?.values();
                let distance = distilled.wavelet()?.distance(&truth);
                Ok(Point { interpretation: *weight, distilled, distance, test })
            })
            .collect()
    }
}

pub(super) fn simulation(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = &context.tensor_device()?;
    let long = gammas(7);
    // Quick: 0, 0.01, 0.1, 0.32, which is the middle of the seven.
    let weights = &context.pick([0, 1, 3, 4].map(|place| long[place]).to_vec(), long);
    let middle = context.pick(3, 4);
    let starts = [("db5 + noise", NOISY_DB5.to_vec()), ("coif2", Wavelet::named("coif2")?.rec_lo().to_vec())];
    let arms = starts.clone().map(|(name, start)| {
        Arm::new(format!("from {name}"), weights, move |seed| {
            let problem = Problem::new(10_000, seed, device)?;
            let awd = Awd { epochs: 10, seed, ..Awd::new(1e-4, 0.0) };
            Ok(Path { r_squared: problem.r_squared, points: problem.path(&awd, &start, weights)? })
        })
    });
    let runs = recorder.sweep(&context.seeds(context.pick(1, 5)), arms)?;

    let mut table = Table::new(
        "path",
        "Filters along the path",
        "Means over seeds, after training. Reconstruction: squared error of a test signal of 64 samples.",
        &["from", "distance before", "γ", "distance from db5", "filter conditions", "reconstruction"],
    );
    let truth = Wavelet::named("db5")?;
    for ((name, start), arm) in starts.iter().zip(&runs) {
        let before = from_taps(start)?.distance(&truth);
        for (index, weight) in weights.iter().enumerate() {
            let numbers: [fn(&Point) -> f64; 3] =
                [|p| p.distance, |p| p.test.filter(), |p| p.test.reconstruction];
            let means = numbers.map(|number| mean(arm.each(|path| number(&path.points[index]))));
            table.numbers([name], [before, *weight].into_iter().chain(means));
        }
        recorder.observe_in(&arm.name, &NEAREST, arm.each(|path| path.nearest().distance));
        let with_and_without = |path: &Path| (path.points[middle].distance, path.points[0].distance);
        recorder.observe_in(&arm.name, &NEEDED, arm.values.iter().map(with_and_without));
        let lost = arm.each(|path| path.nearest().test.reconstruction / LEN as f64);
        recorder.observe_in(&arm.name, &RECONSTRUCTION, lost);
    }
    let r_squared: Vec<_> = runs[0].each(|path| path.r_squared).iter().map(|r| format!("{r:.4}")).collect();
    recorder.note(format!("The networks' R² on test signals: {}.", r_squared.join(", ")));
    recorder.table(table);
    distances(recorder, 0.003, &runs);
    wavelets(recorder, &starts, &runs)
}

/// γ = 0 has no place on a logarithmic axis, so that it is drawn at `zero`.
fn distances(recorder: &mut Recorder, zero: f64, runs: &[Runs<Path>]) {
    let figure = Figure::new(
        "distances",
        "Distance from db5 along the path",
        &format!("γ = 0 is drawn at {zero}. Within 0.21 a wavelet loses less than the paper's network."),
        Axis::log("weight γ of the interpretation term"),
        Axis::log("distance of the wavelet from db5"),
    );
    let figure = figure.with_runs(runs, |path| {
        path.points.iter().map(|point| (point.interpretation.max(zero), point.distance)).collect()
    });
    recorder.figure(figure.with(Kind::Dashed, "0.21", runs.len(), [(zero, 0.21), (10.0, 0.21)]));
}

/// Wavelet functions and frequency responses of the first seed, before and after.
fn wavelets(
    recorder: &mut Recorder,
    starts: &[(&str, Vec<f64>)],
    runs: &[Runs<Path>],
) -> Result<(), ExperimentError> {
    let mut figure = Figure::new(
        "wavelets",
        "Learned wavelets and db5",
        "ψ at cascade level 5 of the nearest filter of each path, first seed, moved so that the largest \
         value is at 0. Wavelets that differ by a shift or by reversal are the same to the distance.",
        Axis::linear("t"),
        Axis::linear("ψ(t)"),
    );
    let mut response = Figure::new(
        "responses",
        "Frequency response of the high-pass filters",
        "Solid: the same filters; dashed: those that the paths began with, and db5.",
        Axis::linear("cycles per sample"),
        Axis::linear("|ĥ₁|"),
    );
    let mut shown = vec![(Wavelet::named("db5")?, Kind::Dashed, starts.len(), "db5".to_owned())];
    for (colour, run) in runs.iter().enumerate() {
        let learned = run.values[0].nearest().distilled.wavelet()?;
        shown.push((learned, Kind::Line, colour, run.name.clone()));
    }
    for (wavelet, kind, colour, name) in &shown {
        let functions = wavelet.functions(5)?;
        let values = functions.wavelet.iter().enumerate();
        let largest = values.clone().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let points = values.map(|(i, value)| ((i as f64 - largest as f64) * functions.step, *value));
        figure = figure.with(*kind, name, *colour, points);
    }
    for (colour, (name, start)) in starts.iter().enumerate() {
        shown.push((from_taps(start)?, Kind::Dashed, colour, (*name).to_owned()));
    }
    for (wavelet, kind, colour, name) in &shown {
        let points = wavelet.frequency_response(128).into_iter().map(|at| (at.frequency, at.high));
        response = response.with(*kind, name, *colour, points);
    }
    recorder.figure(figure);
    recorder.figure(response);
    Ok(())
}

/// The authors' λ, as they round them.
const SPARSITIES: [f64; 5] = [1e-5, 2e-5, 3e-5, 6e-5, 1e-4];

/// The authors' grid from sym5.
pub(super) fn sym5(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    if context.scale == Scale::Quick {
        recorder.note("105 filters of 25,000 steps each: `--scale full` trains them.");
        return Ok(());
    }
    let seeds = context.seeds(1);
    let problem = Problem::new(50_000, seeds[0], &context.tensor_device()?)?;
    let problem = &problem;
    let awd = |sparsity, seed| Awd { seed, ..Awd::new(sparsity, 0.0) };
    // The authors' 20, from 1e-5 to 50.
    let weights: &Vec<f64> = &(0..20).map(|k| 1e-5 * 5e6_f64.powf(f64::from(k) / 19.0)).collect();
    let mut start = Wavelet::named("sym5")?.rec_lo().to_vec();
    let mut arms = Vec::new();
    for sparsity in SPARSITIES {
        let first = recorder.memo(&format!("γ = 0, λ = {sparsity}"), || {
            problem.path(&awd(sparsity, seeds[0]), &start, &[0.0])
        })?;
        start.clone_from(&first[0].distilled.rec_lo);
        arms.push(Arm::new(format!("λ = {sparsity}"), weights, move |seed| {
            let along = problem.path(&awd(sparsity, seed), &first[0].distilled.rec_lo, weights)?;
            let points = first.iter().cloned().chain(along).collect();
            Ok(Path { r_squared: problem.r_squared, points })
        }));
    }
    let runs = recorder.sweep_all(&seeds[..1], arms)?;
    let mut table = Table::new(
        "basins",
        "Where the paths from sym5 end",
        "Distance from db5: of the filter at γ = 0, of the nearest on the path, and of the last. sym5 is \
         1.28 away. The authors' paths end at 2.5 for the first two λ and at 0.78 for the others.",
        &["λ", "γ = 0", "nearest", "its γ", "last"],
    );
    for (sparsity, run) in SPARSITIES.into_iter().zip(&runs) {
        let (path, nearest) = (&run.values[0], run.values[0].nearest());
        let last = path.points.last().map_or(f64::NAN, |point| point.distance);
        let cells = [sparsity, path.points[0].distance, nearest.distance, nearest.interpretation, last];
        table.row(cells.map(Number));
    }
    let nearest = runs.iter().flat_map(|run| run.each(|path| path.nearest().distance));
    recorder.observe(&SYM5_FOUND, [nearest.fold(f64::INFINITY, f64::min)]);
    recorder.table(table);
    distances(recorder, 3e-6, &runs);
    Ok(())
}
