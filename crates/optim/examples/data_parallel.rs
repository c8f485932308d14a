//! Fine-tunes on all ranks of an MPI job that exchange three numbers per step, keeps a replay log, and
//! survives crashes.
//!
//! ```sh
//! cargo build --package kiln-optim --example data_parallel --features mpi
//! mpirun -n 4 target/debug/examples/data_parallel --log run.zo
//! ```
//!
//! The same command again goes on from the log, with as many ranks as you like; a finished log is only
//! replayed. See what happens when things go wrong with `--die STEP RANK`, which kills a rank, and
//! `--alter STEP RANK`, which changes its weights behind the tuner's back.

use std::path::PathBuf;

use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    BatchObjective, Comm, LogWriter, MezoSvrg, ReplayLog, SumOverBatch, Tuner, hash, mpi::Mpi,
};

type Error = Box<dyn std::error::Error>;

/// An event at a step on a rank.
type Event = Option<(u64, usize)>;

struct Options {
    steps: u64,
    log: Option<PathBuf>,
    die: Event,
    alter: Event,
}

const EXAMPLES: usize = 500;
const FEATURES: usize = 20;

fn main() -> Result<(), Error> {
    let options = Options::read()?;
    let ranks = Mpi::initialise()?;
    if let Err(error) = fine_tune(&options, &ranks) {
        eprintln!("rank {}: {error}", ranks.rank());
        // To return would leave the other ranks waiting.
        ranks.abort(1);
    }
    Ok(())
}

fn fine_tune(options: &Options, ranks: &Mpi) -> Result<(), Error> {
    let problem = logistic_regression()?;
    let mut base = vec![0.0; FEATURES];
    let tuner = Tuner { check_every: Some(1), ..Tuner::new(MezoSvrg::new(0.5, 0.2), 30, 7) };

    let base_hash = hash(&mut base)?;
    let mut state = tuner.start(problem.components(), base.clone())?;
    // One rank reads and writes the log; the others need not see its disk.
    let (mut writer, mut log) = (None, Vec::new());
    if let (Some(path), 0) = (&options.log, ranks.rank()) {
        let header = tuner.header(&mut state, base_hash, "the example data_parallel".to_owned())?;
        if !path.exists() {
            LogWriter::create(path, &header)?;
        }
        let (resumed, so_far) = LogWriter::resume(path, &header)?;
        (writer, log) = (Some(resumed), so_far.to_bytes()?);
    }
    let log = ranks.share(log, 0)?;
    if !log.is_empty() {
        state = tuner.replay(&ReplayLog::from_bytes(&log)?, base, None)?;
    }

    let mut resynchronised = 0;
    while state.step() < options.steps {
        let now = Some((state.step(), ranks.rank()));
        if options.die == now {
            std::process::abort();
        }
        if options.alter == now {
            state.point[0] += 1e-9;
        }
        let report = tuner.step(&problem, &mut state, ranks)?;
        resynchronised += u32::from(report.resynchronised);
        if let Some(writer) = &mut writer {
            writer.append(&report.entry())?;
        }
    }

    let hash = state.hash()?;
    if let Some(writer) = writer {
        writer.finish(hash)?;
    }
    let all: Vec<_> = (0..problem.components()).collect();
    let loss = problem.batch_sum(&all, &state.point)? / all.len() as f64;
    let (rank, size, step) = (ranks.rank(), ranks.size(), state.step());
    println!(
        "rank {rank} of {size}: step {step}, hash {hash:016x}, loss {loss:.15e}, resynchronised {resynchronised}"
    );
    Ok(())
}

/// Labels that follow the first features, mostly.
fn logistic_regression() -> Result<impl BatchObjective<Point = Vec<f64>>, OptimError> {
    let row = |i: usize| (0..FEATURES).map(move |j| ((i * FEATURES + j) as f64 * 1.7).sin());
    let label = move |i: usize| (row(i).take(5).sum::<f64>() + 0.5 * (i as f64).cos()).signum();
    SumOverBatch::new(EXAMPLES, move |batch: &[usize], x: &Vec<f64>| {
        let margin = |i: usize| label(i) * row(i).zip(x).map(|(a, x)| a * x).sum::<f64>();
        batch.iter().map(|&i| (-margin(i)).exp().ln_1p()).sum()
    })
}

impl Options {
    fn read() -> Result<Self, Error> {
        let mut options = Self { steps: 200, log: None, die: None, alter: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--steps" => options.steps = value()?.parse()?,
                "--log" => options.log = Some(value()?.into()),
                "--die" => options.die = Some((value()?.parse()?, value()?.parse()?)),
                "--alter" => options.alter = Some((value()?.parse()?, value()?.parse()?)),
                _ => return Err(format!("unknown argument {argument}").into()),
            }
        }
        Ok(options)
    }
}
