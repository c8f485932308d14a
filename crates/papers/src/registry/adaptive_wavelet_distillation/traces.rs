//! Traces like those of clathrin and auxilin at a cell's membrane: a network, and linear models of few
//! wavelet coefficients.

use burn::tensor::{Device, Tensor, TensorData};
use kiln_interpret::awd::{Awd, ConciseModel, Distilled, Teacher, compression, largest_coefficients};
use kiln_interpret::wavelet::{Boundary, FilterBank, LearnableDwt, TensorDwt, Wavelet};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::networks::{Recurrent, Regression, host, r_squared, trained};
use crate::device::TensorDevice;
use kiln_receipts::statistics::{mean, mean_and_spread};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const LEN: usize = 40;
const LEVELS: usize = 4;
const TRAINING: usize = 3_000;
const TEST: usize = 1_500;
/// Of each block of coefficients.
pub(super) const LARGEST: usize = 6;
/// Below this a coefficient or an attribution counts as zero.
pub(super) const NEGLIGIBLE: f64 = 1e-3;

struct Draws(ChaCha8Rng);

impl Draws {
    fn uniform(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(0.0, 1.0)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(0.0, 1.0)).cos()
    }
}

/// A trace and its response. Of 45 % the end is sharp, and these respond.
fn trace(draws: &mut Draws) -> (Vec<f64>, f64) {
    let success = draws.uniform(0.0, 1.0) < 0.45;
    let amplitude = (0.35 * draws.normal()).exp() * if success { 1.0 } else { 0.75 };
    let rise = draws.uniform(0.12, 0.40);
    let drop = if success { draws.uniform(0.72, 0.92) } else { draws.uniform(0.55, 0.92) };
    let steepness = if success { draws.uniform(30.0, 60.0) } else { draws.uniform(6.0, 14.0) };
    let offset = 0.05 * draws.normal();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut noise = draws.normal();
    let x = (0..LEN)
        .map(|i| {
            let t = i as f64 / (LEN - 1) as f64;
            if i > 0 {
                noise = 0.5 * noise + 0.75_f64.sqrt() * draws.normal();
            }
            amplitude * sigmoid((t - rise) / 0.06) * sigmoid(-steepness * (t - drop)) + 0.12 * noise + offset
        })
        .collect();
    let response = if success { 0.4 + 0.6 * amplitude } else { 0.0 };
    (x, response + 0.45 * draws.normal())
}

/// Traces and responses, standardized by mean and deviation of the training ones.
struct Traces {
    x: Tensor<3>,
    y: Vec<f64>,
    test: Tensor<3>,
    test_y: Vec<f64>,
}

fn standardized(values: &mut [f64], training: usize) {
    let (mean, deviation) = mean_and_spread(&values[..training]);
    for value in values {
        *value = (*value - mean) / deviation;
    }
}

impl Traces {
    fn new(seed: u64, device: &Device) -> Self {
        let mut draws = Draws(ChaCha8Rng::seed_from_u64(seed));
        let (rows, mut y): (Vec<_>, Vec<_>) = (0..TRAINING + TEST).map(|_| trace(&mut draws)).unzip();
        let mut x = rows.concat();
        standardized(&mut x, TRAINING * LEN);
        standardized(&mut y, TRAINING);
        let tensor = |x: &[f64]| {
            let data = TensorData::new(x.to_vec(), [x.len() / LEN, 1, LEN]).convert::<f32>();
            Tensor::from_data(data, device)
        };
        let test_y = y.split_off(TRAINING);
        Self { x: tensor(&x[..TRAINING * LEN]), test: tensor(&x[TRAINING * LEN..]), y, test_y }
    }
}

/// What a wavelet is worth.
#[derive(Clone, Serialize, Deserialize)]
struct Score {
    /// Of the linear model of its largest coefficients, on test traces.
    r_squared: f64,
    /// The same by cross-validation on the training traces.
    validated: f64,
    compression: f64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Candidate {
    sparsity: f64,
    interpretation: f64,
    distilled: Distilled,
    score: Score,
}

#[derive(Clone, Serialize, Deserialize)]
struct Outcome {
    network: f64,
    raw: f64,
    db1: Score,
    db5: Score,
    candidates: Vec<Candidate>,
}

/// A table's rows.
pub(super) fn rows(x: Tensor<2>) -> Vec<Vec<f64>> {
    let width = x.dims()[1];
    host(x).chunks(width).map(<[f64]>::to_vec).collect()
}

pub(super) fn predicted(model: &ConciseModel, features: &[Vec<f64>]) -> Result<Vec<f64>, ExperimentError> {
    Ok(model.predict_values(features)?)
}

/// What models fitted to four folds predict for the fifth.
pub(super) fn cross_validated(
    features: &[Vec<f64>],
    y: &[f64],
    ridge: f64,
) -> Result<Vec<f64>, ExperimentError> {
    let mut predictions = vec![0.0; y.len()];
    for fold in 0..5 {
        let (mut train, mut labels) = (Vec::new(), Vec::new());
        for (_, (row, y)) in (0..).zip(features.iter().zip(y)).filter(|(place, _)| place % 5 != fold) {
            train.push(row.clone());
            labels.push(*y);
        }
        let model = ConciseModel::fit(&train, &labels, ridge)?;
        for place in (fold..y.len()).step_by(5) {
            predictions[place] = model.predict_values(&features[place..=place])?[0];
        }
    }
    Ok(predictions)
}

fn score(wavelet: &Wavelet, traces: &Traces, gradients: &Tensor<3>) -> Result<Score, ExperimentError> {
    let filters = FilterBank::new(wavelet, &traces.x);
    let dwt = TensorDwt::new(wavelet.filter_len(), Boundary::Zero, [LEN], LEVELS)?;
    let largest = |x: &Tensor<3>| -> Result<_, ExperimentError> {
        let coefficients = dwt.forward(&filters, x.clone())?;
        Ok(rows(largest_coefficients(&coefficients, &dwt.blocks(), LARGEST)?))
    };
    let (train, test) = (largest(&traces.x)?, largest(&traces.test)?);
    let model = ConciseModel::fit(&train, &traces.y, 0.0)?;
    let coefficients = dwt.forward(&filters, traces.test.clone())?;
    let attributions = dwt.inverse_transposed(&filters, gradients.clone())?;
    Ok(Score {
        r_squared: r_squared(&predicted(&model, &test)?, &traces.test_y),
        validated: r_squared(&cross_validated(&train, &traces.y, 0.0)?, &traces.y),
        compression: compression(&coefficients, &attributions, NEGLIGIBLE)?,
    })
}

/// The grid of the specification; quick: one λ, and 0, 0.1, 1.
fn grid(context: &Context) -> (Vec<f64>, Vec<f64>) {
    let path = (0..9).map(|k| 10.0_f64.powf(-3.0 + 0.5 * f64::from(k)));
    context.pick(
        (vec![1e-3], vec![0.0, 0.1, 1.0]),
        (vec![1e-4, 1e-3, 5e-3], std::iter::once(0.0).chain(path).collect()),
    )
}

fn outcome(
    seed: u64,
    device: &Device,
    (sparsities, interpretations): &(Vec<f64>, Vec<f64>),
) -> Result<Outcome, ExperimentError> {
    let traces = Traces::new(seed, device);
    let labels = TensorData::new(traces.y.clone(), [TRAINING, 1]).convert::<f32>();
    let labels = Tensor::from_data(labels, device);
    let network = Recurrent::new(20, seed, &device.clone().autodiff())?;
    let network = trained(network, &traces.x, &labels, (40, 4e-3), seed)?;
    let predictions = host(network.outputs(traces.test.clone().autodiff()).inner());
    let flat = |x: &Tensor<3>| rows(x.clone().flatten(1, 2));
    let linear = ConciseModel::fit(&flat(&traces.x), &traces.y, 0.0)?;

    let model = |x: Tensor<3>| network.outputs(x);
    let teacher = Teacher::new(&model, &[0], traces.x.clone())?;
    let test = Teacher::new(&model, &[0], traces.test.clone())?;
    let db5 = Wavelet::named("db5")?;
    let dwt = TensorDwt::new(db5.filter_len(), Boundary::Zero, [LEN], LEVELS)?;
    let mut candidates = Vec::new();
    for sparsity in sparsities {
        let awd = Awd { epochs: 20, seed, ..Awd::new(*sparsity, 0.0) };
        let path = awd.path(&dwt, &teacher, db5.rec_lo(), interpretations)?;
        for (distilled, interpretation) in path.into_iter().zip(interpretations) {
            let score = score(&distilled.wavelet()?, &traces, test.gradients())?;
            candidates.push(Candidate {
                sparsity: *sparsity,
                interpretation: *interpretation,
                distilled,
                score,
            });
        }
    }
    Ok(Outcome {
        network: r_squared(&predictions, &traces.test_y),
        raw: r_squared(&predicted(&linear, &flat(&traces.test))?, &traces.test_y),
        db1: score(&Wavelet::named("db1")?, &traces, test.gradients())?,
        db5: score(&db5, &traces, test.gradients())?,
        candidates,
    })
}

pub(super) fn traces(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 3));
    let grid = grid(context);
    let progress = recorder.progress(seeds.len() as u64, "networks and their wavelets");
    let mut outcomes = Vec::new();
    for seed in seeds {
        let outcome: Outcome = recorder.memo(&format!("{seed}"), || outcome(seed, &device, &grid))?;
        let chosen = chosen(&outcome);
        let of = |interpretation: f64| {
            let same = |c: &&Candidate| c.sparsity == 1e-3 && c.interpretation == interpretation;
            outcome.candidates.iter().find(same).map_or(f64::NAN, |c| c.score.compression)
        };
        recorder.record("A2-stand-in", "network's R²", [outcome.network]);
        recorder.record(
            "A2-stand-in",
            "R² of AWD less that of db5",
            [chosen.score.r_squared - outcome.db5.r_squared],
        );
        recorder.record(
            "A2-compression",
            "compression of AWD less that of db5",
            [chosen.score.compression - outcome.db5.compression],
        );
        recorder.record("A2-compression", "compression, γ = 0 less γ = 1", [of(0.0) - of(1.0)]);
        recorder.record(
            "A2-db5",
            "R² of AWD less that of db5",
            [chosen.score.r_squared - outcome.db5.r_squared],
        );
        let without = best(outcome.candidates.iter().filter(|c| c.interpretation == 0.0));
        let less = chosen.score.r_squared - without.score.r_squared;
        recorder.record("A3-stand-in", "R² of AWD less that of γ = 0", [less]);
        recorder.record(
            "A2-network",
            "R² of AWD less the network's",
            [chosen.score.r_squared - outcome.network],
        );
        outcomes.push(outcome);
        progress.inc(1);
    }
    show(recorder, &outcomes);
    Ok(())
}

fn chosen(outcome: &Outcome) -> &Candidate {
    best(outcome.candidates.iter())
}

/// By cross-validation.
fn best<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> &'a Candidate {
    let best = candidates.max_by(|a, b| a.score.validated.total_cmp(&b.score.validated));
    best.expect("the grid is not empty")
}

fn show(recorder: &mut Recorder, outcomes: &[Outcome]) {
    let mut table = Table::new(
        "models",
        "Predicting the response",
        "R² on 1,500 test traces, mean over seeds. Wavelets: least squares on the six largest coefficients \
         of each of five blocks (Haar's coarsest ones have three). Compression: the share of coefficients \
         that are not negligible and neither is what the network attributes to them.",
        &["model", "R²", "compression", "λ, γ chosen"],
    );
    let mean = |of: &dyn Fn(&Outcome) -> f64| mean(outcomes.iter().map(of));
    let mut row = |name: &str, r: f64, compression: Option<f64>, chosen: String| {
        table.row([
            name.to_owned(),
            Number(r).to_string(),
            compression.map_or(String::new(), |c| Number(c).to_string()),
            chosen,
        ]);
    };
    row("recurrent network", mean(&|o| o.network), None, String::new());
    row("least squares on the samples", mean(&|o| o.raw), None, String::new());
    row("Haar", mean(&|o| o.db1.r_squared), Some(mean(&|o| o.db1.compression)), String::new());
    row("db5", mean(&|o| o.db5.r_squared), Some(mean(&|o| o.db5.compression)), String::new());
    let picks: Vec<String> = outcomes
        .iter()
        .map(|o| format!("{}, {}", Number(chosen(o).sparsity), Number(chosen(o).interpretation)))
        .collect();
    let (r, c) = (mean(&|o| chosen(o).score.r_squared), mean(&|o| chosen(o).score.compression));
    row("AWD", r, Some(c), picks.join("; "));
    let without = |o: &Outcome| best(o.candidates.iter().filter(|c| c.interpretation == 0.0)).score.clone();
    let picks = "γ = 0".to_owned();
    row(
        "AWD without interpretation",
        mean(&|o| without(o).r_squared),
        Some(mean(&|o| without(o).compression)),
        picks,
    );
    recorder.table(table);

    let mut figure = Figure::new(
        "path",
        "Compression and accuracy along the path",
        "λ = 0.001, mean over seeds; γ = 0 is drawn at 0.0003.",
        Axis::log("weight γ of the interpretation term"),
        Axis::linear("R² and compression"),
    );
    let along = |of: fn(&Score) -> f64| {
        let candidates = outcomes[0].candidates.iter().enumerate().filter(|(_, c)| c.sparsity == 1e-3);
        candidates
            .map(|(index, c)| {
                let place = if c.interpretation == 0.0 { 3e-4 } else { c.interpretation };
                (place, mean(&|o| of(&o.candidates[index].score)))
            })
            .collect::<Vec<_>>()
    };
    figure = figure.with(Kind::LinePoints, "R² of AWD", 0, along(|score| score.r_squared)).with(
        Kind::LinePoints,
        "compression of AWD",
        1,
        along(|score| score.compression),
    );
    let ends = |value: f64| [(3e-4, value), (10.0, value)];
    recorder.figure(
        figure
            .with(Kind::Dashed, "R² of db5", 0, ends(mean(&|o| o.db5.r_squared)))
            .with(Kind::Dashed, "compression of db5", 1, ends(mean(&|o| o.db5.compression)))
            .with(Kind::Dashed, "R² of the network", 2, ends(mean(&|o| o.network))),
    );
}
