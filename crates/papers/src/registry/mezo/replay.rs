//! R12: runs as files.

use burn::tensor::Device;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Mezo, MezoSvrg, ModuleLoss, ReplayLog, Tuner, ZerothOrder, hash,
};
use kiln_tensor::{Blocks, Distribution, Noise, Parameters};
use serde::{Deserialize, Serialize};

use super::super::mezo_svrg::digits::{Digits, Drawn, Network};
use super::super::mezo_svrg::problem::{COLUMNS, LeastSquares};
use crate::device::TensorDevice;
use kiln_datasets::LabelledImages;
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Table};

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

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let device = context.tensor_device()?;
    let seeds = context.seeds(3);
    let bar = recorder.progress(3 * seeds.len() as u64, "runs");
    let mut table = Table::new(
        "logs",
        "Runs as files",
        "One row a run: the size of its log, and whether the replay ended in the same bits.",
        &["", "parameters", "steps", "bytes of the log", "bytes a step", "same bits"],
    );
    let mut note = |recorder: &mut Recorder, name: &str, parameters: usize, steps: u64, run: Replayed| {
        recorder.record("R12", "runs that end in other bits", [f64::from(u8::from(!run.same_bits))]);
        let a_step = Number(run.bytes as f64 / steps as f64).to_string();
        let bits = if run.same_bits { "yes" } else { "no" };
        let cells =
            [parameters.to_string(), steps.to_string(), run.bytes.to_string(), a_step, bits.to_owned()];
        table.row(std::iter::once(name.to_owned()).chain(cells));
        bar.inc(1);
    };
    for seed in seeds {
        let squares = LeastSquares::new(1.0, seed)?;
        let (steps, start) = (20_000, vec![0.0; COLUMNS]);
        let run = recorder.memo(&format!("MeZO {seed}"), || {
            Ok(run_and_replay(&squares, &Tuner::new(Mezo::new(1e-4), 32, seed), &start, steps)?.1)
        })?;
        recorder.record("R12", "log of 20,000 steps", [run.bytes as f64]);
        note(recorder, "MeZO, least squares", COLUMNS, steps, run);
        let run = recorder.memo(&format!("MeZO-SVRG {seed}"), || {
            let method = MezoSvrg { storage: AnchorStorage::Replay, ..MezoSvrg::new(1e-3, 1e-3) };
            // An anchor step costs 30 ordinary ones.
            Ok(run_and_replay(&squares, &Tuner::new(method, 32, seed), &start, 2_000)?.1)
        })?;
        note(recorder, "MeZO-SVRG, least squares", COLUMNS, 2_000, run);
        let run = recorder.memo(&format!("network {seed}"), || {
            let digits = noise(512, seed, &device);
            let problem =
                ModuleLoss::new(512, |network: &Network, rows: &[usize]| digits.losses(network, rows))?;
            let start = Parameters::new(Network::new(seed, Drawn::Uniform, &device)?);
            Ok(run_and_replay(&problem, &Tuner::new(Mezo::new(1e-3), 16, seed), &start, 2_000)?.1)
        })?;
        note(recorder, "MeZO, network", 25_818, 2_000, run);
    }
    recorder.table(table);
    Ok(())
}
