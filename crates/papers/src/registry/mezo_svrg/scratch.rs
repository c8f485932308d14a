//! R7: training from scratch.

use burn::tensor::Device;
use kiln_optim::zeroth_order::{Alone, Mezo, MezoSvrg, ModuleLoss, Tuner, ZerothOrder};
use kiln_tensor::Parameters;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::digits::{Digits, Drawn, Network, Score, pictures, shuffled};
use crate::device::TensorDevice;
use kiln_datasets::LabelledImages;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Statistic, Table,
};

const TRAIN: usize = 4000;
const BATCHES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
const RATE: f32 = 1e-3;
const FULL_BATCH_RATE: f32 = 2e-3;
/// Evaluations on the way.
const SAMPLES: u64 = 20;

/// A run: on batches, or on all examples.
#[derive(Clone, Copy, PartialEq)]
struct Way {
    batch: Option<usize>,
    rate: f32,
}

const ALL: Way = Way { batch: None, rate: FULL_BATCH_RATE };

/// Those that are judged, and the rate of either for the other.
fn ways() -> Vec<Way> {
    let others = [Way { batch: None, rate: RATE }, Way { batch: Some(64), rate: FULL_BATCH_RATE }];
    BATCHES.map(|size| Way { batch: Some(size), rate: RATE }).into_iter().chain([ALL]).chain(others).collect()
}

impl Way {
    fn name(self) -> String {
        let fed = self.batch.map_or("all examples".to_owned(), |size| format!("batches of {size}"));
        format!("{fed}, {:e}", self.rate)
    }
}

#[derive(Serialize, Deserialize)]
struct Run {
    /// `(step, training loss)`.
    curve: Vec<(f64, f64)>,
    train: Score,
    held_out: Score,
}

fn train(
    pictures: &LabelledImages,
    way: Way,
    steps: u64,
    seed: u64,
    device: &Device,
) -> Result<Run, ExperimentError> {
    let order = shuffled(pictures.len(), seed)?;
    let data = Digits::new(pictures, &order[..TRAIN], (0, 0), device);
    let held_out = Digits::new(pictures, &order[TRAIN..], (0, 0), device);
    let network = Network::new(seed, Drawn::He, device)?;
    // MeZO-SVRG with an anchor in every step is MeZO on all examples.
    let method = MezoSvrg { anchor_period: 1, ..MezoSvrg::new(way.rate, 0.0) };
    match way.batch {
        Some(size) => {
            let tuner = Tuner::new(Mezo::new(f64::from(way.rate)), size, seed);
            follow(&tuner, network, &data, &held_out, steps)
        }
        None => follow(&Tuner::new(method, TRAIN, seed), network, &data, &held_out, steps),
    }
}

fn follow<M: ZerothOrder>(
    tuner: &Tuner<M>,
    network: Network,
    data: &Digits,
    held_out: &Digits,
    steps: u64,
) -> Result<Run, ExperimentError> {
    let problem = ModuleLoss::new(TRAIN, |network: &Network, rows: &[usize]| data.losses(network, rows))?;
    let mut state = tuner.start(TRAIN, Parameters::new(network))?;
    let mut curve = Vec::new();
    for step in 0..=steps {
        if step.is_multiple_of((steps / SAMPLES).max(1)) || step == steps {
            curve.push((step as f64, data.score(state.point.as_ref())?.loss));
        }
        if step < steps {
            tuner.step(&problem, &mut state, &Alone)?;
        }
    }
    let network = state.point.into_inner();
    Ok(Run { curve, train: data.score(&network)?, held_out: held_out.score(&network)? })
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = pictures(context, recorder)?;
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 3));
    let steps = context.pick(5, 8000);
    let ways = ways();
    let bar = recorder.progress((ways.len() * seeds.len()) as u64, "networks");
    let runs: Vec<_> = ways.iter().flat_map(|&way| seeds.iter().map(move |&seed| (way, seed))).collect();
    let shared = &*recorder;
    let runs = runs
        .into_par_iter()
        .map(|(way, seed)| {
            let key = format!("{}, seed {seed}", way.name());
            let run = shared.memo(&key, || train(&pictures, way, steps, seed, &device))?;
            bar.inc(1);
            Ok(run)
        })
        .collect::<Result<Vec<Run>, ExperimentError>>()?;
    let runs: Vec<&[Run]> = runs.chunks(seeds.len()).collect();

    if context.scale == Scale::Full {
        let (batches, all) = (&runs[..BATCHES.len()], runs[BATCHES.len()]);
        for seed in 0..seeds.len() {
            let losses: Vec<f64> = batches.iter().map(|runs| runs[seed].train.loss).collect();
            let largest = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let smallest = losses.iter().copied().fold(f64::INFINITY, f64::min);
            recorder.record("R7", "MeZO, largest loss", [largest]);
            recorder.record("R7", "MeZO, spread over batch sizes", [largest - smallest]);
            recorder.record("R7", "all examples, loss", [all[seed].train.loss]);
        }
    } else {
        recorder.note("Only a few steps, to see that it runs; R7 is measured at full scale.");
    }
    let mut table = Table::new(
        "from-scratch",
        &format!("Training from scratch, {steps} steps"),
        "Medians over the seeds, and the range of the training loss.",
        &["", "training loss", "smallest", "largest", "accuracy on 1,000 other digits"],
    );
    let mut figure = Figure::new(
        "training-loss",
        "Without gradients, from scratch",
        "Training loss of a 784-32-16-10 network on 4,000 digits, first seed: MeZO on batches or on all of them, \
         with its rate.",
        Axis::linear("steps"),
        Axis::log("training loss"),
    );
    for (colour, (way, runs)) in ways.iter().zip(&runs).enumerate() {
        let losses: Vec<f64> = runs.iter().map(|run| run.train.loss).collect();
        let accuracies: Vec<f64> = runs.iter().map(|run| run.held_out.accuracy).collect();
        let numbers = [Statistic::Median, Statistic::Min, Statistic::Max].map(|of| of.of(&losses));
        let cells = numbers.into_iter().chain([Statistic::Median.of(&accuracies)]);
        table
            .row(std::iter::once(way.name()).chain(cells.map(|x| Number(x.unwrap_or(f64::NAN)).to_string())));
        figure = figure.with(Kind::Line, &way.name(), colour, runs[0].curve.iter().copied());
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}
