//! R13: ranks that share each batch.

use kiln_optim::zeroth_order::{Alone, Comm, Method, Mezo, MezoSvrg, Threads, Tuner};

use super::super::mezo_svrg::problem::{COLUMNS, LeastSquares, ROWS};
use crate::claim::ExperimentError;
use crate::context::Context;
use crate::number::Number;
use crate::recorder::{Recorder, Table};

const RANKS: usize = 4;
const STEPS: u64 = 200;
const BATCH: usize = 64;

/// The scalars of each step, and the hash of the parameters after it.
type Trail = Vec<(Vec<f32>, u64)>;

fn walk<M: Method>(
    problem: &LeastSquares,
    tuner: &Tuner<M>,
    comm: &dyn Comm,
) -> Result<Trail, ExperimentError> {
    let mut state = tuner.start(ROWS, vec![0.0; COLUMNS])?;
    (0..STEPS)
        .map(|_| {
            let report = tuner.step(problem, &mut state, comm)?;
            Ok((report.scalars, state.hash()?))
        })
        .collect()
}

fn compare<M: Method + Sync>(
    recorder: &mut Recorder,
    table: &mut Table,
    name: &str,
    problem: &LeastSquares,
    tuner: &Tuner<M>,
) -> Result<(), ExperimentError> {
    let alone = walk(problem, tuner, &Alone)?;
    let shared: Vec<Trail> = std::thread::scope(|scope| {
        let ranks = Threads::new(RANKS).into_iter();
        let threads: Vec<_> = ranks.map(|rank| scope.spawn(move || walk(problem, tuner, &rank))).collect();
        let join =
            |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().map_err(|_| "a rank panicked")?;
        threads.into_iter().map(join).collect::<Result<_, ExperimentError>>()
    })?;
    let relative = |a: f32, b: f32| {
        if a == b { 0.0 } else { (f64::from(a) - f64::from(b)).abs() / f64::from(b).abs() }
    };
    let mut largest = 0.0_f64;
    for (one, four) in alone.iter().zip(&shared[0]) {
        if one.0.len() != four.0.len() {
            return Err("one rank and four have different numbers of scalars".into());
        }
        largest = one.0.iter().zip(&four.0).map(|(&one, &four)| relative(four, one)).fold(largest, f64::max);
    }
    let differ = |step: usize| shared.iter().any(|trail| trail[step].1 != shared[0][step].1);
    let different = (0..STEPS as usize).filter(|&step| differ(step)).count() as f64;
    recorder.record("R13", "relative difference", [largest]);
    recorder.record("R13", "steps with different ranks", [different]);
    let cells = [largest, different].map(|x| Number(x).to_string());
    table.row(std::iter::once(name.to_owned()).chain(cells));
    Ok(())
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "ranks",
        "Four ranks against one",
        "One row a run of 200 steps. Scalars are stored in f32, which hides differences below 6e-8 relative.",
        &["", "largest relative difference of a scalar", "steps with different ranks"],
    );
    for seed in context.seeds(3) {
        let problem = LeastSquares::new(1.0, seed)?;
        compare(recorder, &mut table, "MeZO", &problem, &Tuner::new(Mezo::new(1e-4), BATCH, seed))?;
        let svrg = Tuner::new(MezoSvrg::new(1e-3, 1e-3), BATCH, seed);
        compare(recorder, &mut table, "MeZO-SVRG", &problem, &svrg)?;
    }
    recorder.table(table);
    Ok(())
}
