//! R7: training from scratch.

use burn::tensor::Device;
use kiln_optim::zeroth_order::{Alone, Mezo, MezoSvrg, ModuleLoss, Tuner, ZerothOrder};
use kiln_tensor::Parameters;
use kiln_tensor::network::InitialLaw;
use serde::{Deserialize, Serialize};

use super::claims::{BEST_BATCH, MORE_THAN_SIZE};
use super::digits::{Digits, Network, Score, network, pictures, shuffled};
use crate::device::TensorDevice;
use kiln_datasets::LabelledImages;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Recorder, sweep};

const TRAIN: usize = 4000;
const BATCHES: [usize; 7] = [16, 32, 64, 128, 256, 512, 1024];
const RATE: f32 = 1e-3;
const FULL_BATCH_RATE: f32 = 2e-3;
/// Evaluations on the way.
const SAMPLES: u64 = 20;

/// A run: on batches, or on all examples.
#[derive(Clone, Copy)]
struct Way {
    batch: Option<usize>,
    rate: f32,
    law: InitialLaw,
}

/// Those that are judged, all examples last; then the rate of either for the other, and another initialization.
fn ways() -> Vec<Way> {
    let way = |batch, rate| Way { batch, rate, law: InitialLaw::FanIn };
    let judged = BATCHES.map(|size| way(Some(size), RATE)).into_iter().chain([way(None, FULL_BATCH_RATE)]);
    let controls = [way(None, RATE), way(Some(64), FULL_BATCH_RATE)];
    let he = [(Some(16), RATE), (Some(1024), RATE), (None, FULL_BATCH_RATE)].map(|(batch, rate)| Way {
        batch,
        rate,
        law: InitialLaw::He,
    });
    judged.chain(controls).chain(he).collect()
}

impl Way {
    fn name(self) -> String {
        let fed = self.batch.map_or("all examples".to_owned(), |size| format!("batches of {size}"));
        let drawn = if self.law == InitialLaw::He { "He, " } else { "" };
        format!("{drawn}{fed}, {:e}", self.rate)
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
    let network = network(seed, way.law, device)?;
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

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = pictures(context, recorder)?;
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 5));
    let steps = context.pick(5, 8000);
    let (pictures, device) = (&pictures, &device);
    let arms = ways()
        .into_iter()
        .map(|way| Arm::new(way.name(), &steps, move |seed| train(pictures, way, steps, seed, device)));
    let runs = recorder.sweep_all(&seeds, arms.collect())?;

    let (batches, all) = (&runs[..BATCHES.len()], &runs[BATCHES.len()]);
    // A network that diverged has a large one.
    let loss = |run: &Run| run.train.loss.min(1e30);
    for (seed, all) in all.each(loss).into_iter().enumerate() {
        let losses = batches.iter().map(|runs| loss(&runs.values[seed]));
        let (best, worst) =
            losses.fold((f64::INFINITY, 0.0_f64), |(best, worst), loss| (best.min(loss), worst.max(loss)));
        recorder.observe(&BEST_BATCH, [(best, all)]);
        recorder.observe(&MORE_THAN_SIZE, [(best - all, worst - best)]);
    }
    let title = format!("Training from scratch, {steps} steps: training loss");
    let caption = "A 784-32-16-10 network on 4,000 digits, drawn as PyTorch does or by He et al.";
    recorder.table(sweep::table("from-scratch", &title, caption, &runs, |run| run.train.loss));
    let title = format!("Training from scratch, {steps} steps: accuracy on 1,000 other digits");
    recorder
        .table(sweep::table("from-scratch-accuracy", &title, caption, &runs, |run| run.held_out.accuracy));
    let figure = Figure::new(
        "training-loss",
        "Without gradients, from scratch",
        &format!("{caption} MeZO on batches or on all of them, with its rate."),
        Axis::linear("steps"),
        Axis::log("training loss"),
    );
    recorder.figure(figure.with_runs(&runs, |run| run.curve.clone()));
    Ok(())
}
