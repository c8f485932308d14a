//! R7: training from scratch.

use burn::tensor::Device;
use kiln_optim::zeroth_order::{Alone, Method, Mezo, MezoSvrg, ModuleLoss, Tuner};
use kiln_tensor::Parameters;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::digits::{Digits, Drawn, Network, Score, pictures, shuffled};
use crate::claim::{ExperimentError, Statistic};
use crate::context::{Context, Scale};
use crate::data::LabelledImages;
use crate::number::Number;
use crate::recorder::{Recorder, Table};
use crate::report::figure::{Axis, Figure, Kind};

const TRAIN: usize = 4000;
const BATCHES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
const RATE: f64 = 1e-3;
const FULL_BATCH_RATE: f32 = 2e-3;
/// Evaluations on the way.
const SAMPLES: u64 = 20;

/// What a run is fed.
#[derive(Clone, Copy, PartialEq)]
enum Fed {
    Batches(usize),
    All,
}

impl Fed {
    fn name(self) -> String {
        match self {
            Self::Batches(size) => format!("batches of {size}"),
            Self::All => "all examples".to_owned(),
        }
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
    fed: Fed,
    steps: u64,
    seed: u64,
    device: &Device,
) -> Result<Run, ExperimentError> {
    let order = shuffled(pictures.len(), seed)?;
    let data = Digits::new(pictures, &order[..TRAIN], (0, 0), device);
    let held_out = Digits::new(pictures, &order[TRAIN..], (0, 0), device);
    let network = Network::new(seed, Drawn::Uniform, device)?;
    match fed {
        Fed::Batches(size) => {
            follow(&Tuner::new(Mezo::new(RATE), size, seed), network, &data, &held_out, steps)
        }
        Fed::All => {
            let method = MezoSvrg { anchor_period: 1, ..MezoSvrg::new(FULL_BATCH_RATE, 0.0) };
            follow(&Tuner::new(method, TRAIN, seed), network, &data, &held_out, steps)
        }
    }
}

fn follow<M: Method>(
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
    let ways: Vec<Fed> = BATCHES.map(Fed::Batches).into_iter().chain([Fed::All]).collect();
    let bar = recorder.progress((ways.len() * seeds.len()) as u64, "networks");
    let runs: Vec<_> = ways.iter().flat_map(|&fed| seeds.iter().map(move |&seed| (fed, seed))).collect();
    let shared = &*recorder;
    let runs = runs
        .into_par_iter()
        .map(|(fed, seed)| {
            let key = format!("{}, seed {seed}", fed.name());
            let run = shared.memo(&key, || train(&pictures, fed, steps, seed, &device))?;
            bar.inc(1);
            Ok(run)
        })
        .collect::<Result<Vec<Run>, ExperimentError>>()?;
    let runs: Vec<&[Run]> = runs.chunks(seeds.len()).collect();

    if context.scale == Scale::Full {
        let (all, batches) = runs.split_last().ok_or("there are no runs")?;
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
        "Training loss of a 784-32-16-10 network on 4,000 digits, first seed: MeZO at rate 1e-3 on batches, at 2e-3 on all.",
        Axis::linear("steps"),
        Axis::log("training loss"),
    );
    for (colour, (fed, runs)) in ways.iter().zip(&runs).enumerate() {
        let losses: Vec<f64> = runs.iter().map(|run| run.train.loss).collect();
        let accuracies: Vec<f64> = runs.iter().map(|run| run.held_out.accuracy).collect();
        let numbers = [Statistic::Median, Statistic::Min, Statistic::Max].map(|of| of.of(&losses));
        let cells = numbers.into_iter().chain([Statistic::Median.of(&accuracies)]);
        table
            .row(std::iter::once(fed.name()).chain(cells.map(|x| Number(x.unwrap_or(f64::NAN)).to_string())));
        figure = figure.with(Kind::Line, &fed.name(), colour, runs[0].curve.iter().copied());
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}
