//! A wavelet is recovered from a network that was trained on three of its coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, AwdTerms, Distilled, Teacher, awd_terms};
use kiln_interpret::wavelet::{Boundary, Dwt, TensorDwt, Wavelet};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::networks::{Regression, host, perceptron, r_squared, trained};
use crate::device::TensorDevice;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};
use kiln_tensor::network::MultilayerPerceptron;

const LEN: usize = 64;
const LEVELS: usize = 4;
const TRAINING: usize = 10_000;
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
    distance: f64,
    /// On test signals.
    test: AwdTerms,
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
    fn new(seed: u64, device: &Device) -> Result<Self, ExperimentError> {
        let noise = Noise { seed, distribution: Distribution::Gaussian };
        let mut x = vec![0.0_f32; (TRAINING + TEST) * LEN];
        noise.fill(0, 0, &mut x);
        let mut errors = vec![0.0_f32; TRAINING + TEST];
        noise.fill(1, 0, &mut errors);
        let weights = response()?;
        let y: Vec<f32> = x
            .chunks(LEN)
            .zip(&errors)
            .map(|(row, error)| {
                let exact: f64 = row.iter().zip(&weights).map(|(x, w)| f64::from(*x) * w).sum();
                exact as f32 + 0.1 * error
            })
            .collect();
        let signals =
            |x: &[f32]| Tensor::<3>::from_data(TensorData::new(x.to_vec(), [x.len() / LEN, 1, LEN]), device);
        let (training, test) = (signals(&x[..TRAINING * LEN]), signals(&x[TRAINING * LEN..]));
        let labels = Tensor::from_data(TensorData::new(y[..TRAINING].to_vec(), [TRAINING, 1]), device);
        let network = perceptron(&[LEN, 32, 32, 1], seed, &device.clone().autodiff())?;
        let network = trained(network, &training, &labels, (30, 5e-3), seed)?;
        let predictions = host(network.outputs(test.clone().autodiff()).inner());
        let y: Vec<f64> = y[TRAINING..].iter().map(|y| f64::from(*y)).collect();
        let r_squared = r_squared(&predictions, &y);
        Ok(Self { device: device.clone(), x: training, test, network, r_squared })
    }

    /// Filters along the path of weights.
    fn path(
        &self,
        start: &[f64],
        weights: &[f64],
        epochs: usize,
        seed: u64,
    ) -> Result<Vec<Point>, ExperimentError> {
        let model = |x: Tensor<3>| self.network.outputs(x);
        let teacher = Teacher::new(&model, &[0], self.x.clone())?;
        let test = Teacher::new(&model, &[0], self.test.clone())?;
        let dwt = TensorDwt::new(start.len(), Boundary::Zero, [LEN], LEVELS)?;
        let truth = Wavelet::named("db5")?;
        let awd = Awd { epochs, seed, ..Awd::new(1e-4, 0.0) };
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

/// The `γ` of the path: 0, and from 0.01 to 10.
fn weights(context: &Context) -> Vec<f64> {
    let grid = |k: i32| 10.0_f64.powf(-2.0 + 3.0 * f64::from(k) / 6.0);
    let all: Vec<f64> = std::iter::once(0.0).chain((0..7).map(grid)).collect();
    // Quick: 0, 0.01, 0.1, 0.32.
    context.pick(vec![all[0], all[1], all[3], all[4]], all)
}

pub(super) fn simulation(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 3));
    let weights = weights(context);
    let starts = [
        ("db5 + noise", NOISY_DB5.to_vec()),
        ("coif2", Wavelet::named("coif2")?.rec_lo().to_vec()),
        ("sym5", Wavelet::named("sym5")?.rec_lo().to_vec()),
    ];
    let progress = recorder.progress((seeds.len() * starts.len()) as u64, "paths");
    let mut table = Table::new(
        "distances",
        "Distance of the learned wavelet from db5",
        "Mean over seeds, and largest difference from it.",
        &["start", "before", "γ", "distance", "spread", "filter conditions", "reconstruction error"],
    );
    let mut paths: Vec<Vec<Vec<Point>>> = vec![Vec::new(); starts.len()];
    for &seed in &seeds {
        let mut problem: Option<Problem> = None;
        for ((name, start), paths) in starts.iter().zip(&mut paths) {
            let (path, r_squared): (Vec<Point>, f64) = recorder.memo(&format!("{seed} {name}"), || {
                let problem = match &mut problem {
                    Some(problem) => problem,
                    none => none.insert(Problem::new(seed, &device)?),
                };
                Ok((problem.path(start, &weights, 10, seed)?, problem.r_squared))
            })?;
            recorder.record("A1", "network's R² on test signals", [r_squared]);
            judge(recorder, name, &path);
            paths.push(path);
            progress.inc(1);
        }
    }
    let truth = Wavelet::named("db5")?;
    for ((name, start), paths) in starts.iter().zip(&paths) {
        let reversed: Vec<f64> = start.iter().rev().copied().collect();
        let before = Wavelet::orthogonal("start", &reversed, f64::INFINITY)?.distance(&truth);
        for (index, weight) in weights.iter().enumerate() {
            let mean = |of: &dyn Fn(&Point) -> f64| mean(paths.iter().map(|path| of(&path[index])));
            let distance = mean(&|point| point.distance);
            let spread = paths.iter().map(|path| (path[index].distance - distance).abs()).fold(0.0, f64::max);
            let numbers = [
                before,
                *weight,
                distance,
                spread,
                mean(&|p| p.test.filter()),
                mean(&|p| p.test.reconstruction),
            ];
            table.row(std::iter::once((*name).to_owned()).chain(numbers.map(|x| Number(x).to_string())));
        }
    }
    recorder.table(table);
    distances(recorder, &starts, &paths);
    wavelets(recorder, &starts, &paths)
}

fn best(path: &[Point]) -> &Point {
    let nearest = path.iter().min_by(|a, b| a.distance.total_cmp(&b.distance));
    nearest.expect("a path has filters")
}

fn judge(recorder: &mut Recorder, name: &str, path: &[Point]) {
    let best = best(path);
    if name == "sym5" {
        recorder.record("A1-sym5", "distance, best γ, from sym5", [best.distance]);
        let nearest = path[1..].iter().map(|point| point.distance).fold(f64::INFINITY, f64::min);
        recorder.record("A1-sym5", "distance, best γ above 0, from sym5", [nearest]);
        return;
    }
    recorder.record("A1", &format!("distance, best γ, from {name}"), [best.distance]);
    recorder.record("A1", &format!("distance, γ = 0, from {name}"), [path[0].distance]);
    recorder.record("A1", "filter conditions, best γ", [best.test.filter()]);
    recorder.record("A1", "reconstruction error of a test signal, best γ", [best.test.reconstruction]);
}

fn distances(recorder: &mut Recorder, starts: &[(&str, Vec<f64>)], paths: &[Vec<Vec<Point>>]) {
    // γ = 0 is drawn at 0.003, where a logarithmic axis has room.
    let place = |weight: f64| if weight == 0.0 { 0.003 } else { weight };
    let mut figure = Figure::new(
        "distances",
        "Distance from db5 along the path",
        "A line for each seed; γ = 0 is drawn at 0.003. Within 0.25 the wavelets are hard to tell apart by eye.",
        Axis::log("weight γ of the interpretation term"),
        Axis::log("distance of the wavelet from db5"),
    );
    for (colour, ((name, _), paths)) in starts.iter().zip(paths).enumerate() {
        for path in paths {
            figure = figure.with(
                Kind::LinePoints,
                name,
                colour,
                path.iter().map(|p| (place(p.interpretation), p.distance)),
            );
        }
    }
    recorder.figure(figure.with(Kind::Dashed, "0.25", 4, [(0.003, 0.25), (10.0, 0.25)]));
}

/// Wavelet functions and frequency responses of the first seed, before and after.
fn wavelets(
    recorder: &mut Recorder,
    starts: &[(&str, Vec<f64>)],
    paths: &[Vec<Vec<Point>>],
) -> Result<(), ExperimentError> {
    let mut figure = Figure::new(
        "wavelets",
        "Learned wavelets and db5",
        "ψ at cascade level 5 of the nearest filter of each path, first seed, moved so that the largest value is at 0. \
         Wavelets that differ by a shift or by reversal are the same to the distance.",
        Axis::linear("t"),
        Axis::linear("ψ(t)"),
    );
    let mut response = Figure::new(
        "responses",
        "Frequency response of the high-pass filters",
        "Solid: the same filters; dashed: those that the paths began with. sym5 and db5 have one response, \
         which is why only the attributions could tell them apart.",
        Axis::linear("cycles per sample"),
        Axis::linear("|ĥ₁|"),
    );
    let responses = |wavelet: &Wavelet| {
        wavelet.frequency_response(128).into_iter().map(|at| (at.frequency, at.high)).collect::<Vec<_>>()
    };
    let db5 = (Wavelet::named("db5")?, Kind::Dashed, 4, "db5".to_owned());
    let learned = starts.iter().zip(paths).enumerate().map(|(colour, ((name, _), paths))| {
        Ok::<_, ExperimentError>((
            best(&paths[0]).distilled.wavelet()?,
            Kind::Line,
            colour,
            format!("from {name}"),
        ))
    });
    for entry in learned.chain([Ok(db5)]) {
        let (wavelet, kind, colour, name) = entry?;
        let functions = wavelet.functions(5)?;
        let values = functions.wavelet.iter().enumerate();
        let largest = values.clone().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
        let points = values.map(|(i, value)| ((i as f64 - largest as f64) * functions.step, *value));
        figure = figure.with(kind, &name, colour, points);
        response = response.with(kind, &name, colour, responses(&wavelet));
    }
    for (colour, (name, start)) in starts.iter().enumerate() {
        let reversed: Vec<f64> = start.iter().rev().copied().collect();
        let wavelet = Wavelet::orthogonal("start", &reversed, f64::INFINITY)?;
        response = response.with(Kind::Dashed, name, colour, responses(&wavelet));
    }
    recorder.figure(figure);
    recorder.figure(response);
    Ok(())
}
