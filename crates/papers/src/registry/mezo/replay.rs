//! R12: runs as files.

use burn::tensor::Device;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Mezo, MezoSvrg, ModuleLoss, ReplayLog, Tuner, ZerothOrder, hash,
};
use kiln_tensor::network::InitialLaw;
use kiln_tensor::{Blocks, Distribution, Noise, Parameters};
use serde::{Deserialize, Serialize};

use super::super::mezo_svrg::digits::{Digits, Network, network};
use super::super::mezo_svrg::problem::{COLUMNS, LeastSquares};
use super::claims::{LOG_BYTES, OTHER_BITS};
use crate::device::TensorDevice;
use kiln_datasets::LabelledImages;
use kiln_receipts::{Arm, Context, ExperimentError, Number, Recorder, Table};

/// Of the three kinds of runs.
const STEPS: [u64; 3] = [20_000, 2_000, 2_000];

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Replayed {
    pub(super) same_bits: bool,
    bytes: usize,
}

/// Runs, writes the log, reads it, and replays it from the same start.
pub(super) fn run_and_replay<P, M>(
    problem: &P,
    tuner: &Tuner<M>,
    start: &P::Point,
    steps: u64,
) -> Result<(P::Point, Replayed), ExperimentError>
where
    P: BatchObjective,
    P::Point: Blocks,
    M: ZerothOrder,
{
    let base = hash(&mut start.clone())?;
    let mut state = tuner.start(problem.components(), start.clone())?;
    let header = tuner.header(&mut state, base, String::new())?;
    let mut entries = Vec::new();
    for _ in 0..steps {
        entries.push(tuner.step(problem, &mut state, &Alone)?.entry());
    }
    let end = state.hash()?;
    let bytes = ReplayLog::new(header, entries, Some(end)).to_bytes()?;

    let log = ReplayLog::from_bytes(&bytes)?;
    let tuner: Tuner<M> = log.header.settings()?;
    let mut again = tuner.start(problem.components(), start.clone())?;
    log.check_base(base)?;
    for entry in &log.entries {
        tuner.replay_step(entry, &mut again)?;
    }
    let replayed = Replayed { same_bits: again.hash()? == end, bytes: bytes.len() };
    Ok((state.point, replayed))
}

/// Grey noise with random labels: what matters here is the arithmetic, not what is learned.
fn noise(count: usize, seed: u64, device: &Device) -> Digits {
    let draw = |stream: u64, length: usize, below: f64| -> Vec<u8> {
        let mut values = vec![0.0_f64; length];
        Noise { seed, distribution: Distribution::Uniform }.fill(stream, 0, &mut values);
        values.into_iter().map(|u| (u * below) as u8).collect()
    };
    let pixels = draw(100, count * 28 * 28, 256.0);
    let labels = draw(101, count, 10.0);
    let pictures = LabelledImages { width: 28, height: 28, pixels, labels, sources: Vec::new() };
    Digits::new(&pictures, &(0..count).collect::<Vec<_>>(), (0, 0), device)
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(3);
    let zero = vec![0.0; COLUMNS];
    let on_squares = |seed| LeastSquares::new(1.0, seed);
    // An anchor step costs 30 ordinary ones.
    let svrg = MezoSvrg { storage: AnchorStorage::Replay, ..MezoSvrg::new(1e-3, 1e-3) };
    let arms = [
        Arm::new("MeZO, least squares", &STEPS[0], |seed| {
            let tuner = Tuner::new(Mezo::new(1e-4), 32, seed);
            Ok(run_and_replay(&on_squares(seed)?, &tuner, &zero, STEPS[0])?.1)
        }),
        Arm::new("MeZO-SVRG, least squares", &STEPS[1], |seed| {
            Ok(run_and_replay(&on_squares(seed)?, &Tuner::new(svrg, 32, seed), &zero, STEPS[1])?.1)
        }),
        Arm::new("MeZO, network", &STEPS[2], |seed| {
            let digits = noise(512, seed, &device);
            let problem =
                ModuleLoss::new(512, |network: &Network, rows: &[usize]| digits.losses(network, rows))?;
            let start = Parameters::new(network(seed, InitialLaw::FanIn, &device)?);
            Ok(run_and_replay(&problem, &Tuner::new(Mezo::new(1e-3), 16, seed), &start, STEPS[2])?.1)
        }),
    ];
    let runs = recorder.sweep(&seeds, arms)?;
    let mut table = Table::new(
        "logs",
        "Runs as files",
        "One row a run: the size of its log, and whether the replay ended in the same bits.",
        &["", "parameters", "steps", "bytes of the log", "bytes a step", "same bits"],
    );
    for ((runs, parameters), steps) in runs.iter().zip([COLUMNS, COLUMNS, 25_818]).zip(STEPS) {
        recorder.observe_in(&runs.name, &OTHER_BITS, runs.values.iter().map(|run| !run.same_bits));
        for run in &runs.values {
            let a_step = Number(run.bytes as f64 / steps as f64).to_string();
            let [parameters, steps, bytes] =
                [parameters as u64, steps, run.bytes as u64].map(|n| n.to_string());
            let bits = if run.same_bits { "yes" } else { "no" }.to_owned();
            table.row([runs.name.clone(), parameters, steps, bytes, a_step, bits]);
        }
    }
    recorder.observe(&LOG_BYTES, runs[0].each(|run| run.bytes as f64));
    recorder.table(table);
    Ok(())
}
