//! R13: ranks that share each batch.

use std::cell::RefCell;

use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, BatchObjective, Comm, Entry, Mezo, MezoSvrg, Threads, Tuner, TunerState, ZerothOrder,
};

use super::super::mezo_svrg::problem::{COLUMNS, LeastSquares, ROWS};
use super::claims::{APART, DIFFERENT};
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Table};

const RANKS: usize = 4;
const STEPS: u64 = 200;
const BATCH: usize = 64;

/// The problem, and a note of each sum that was asked for with the number of examples in it.
struct Noting<'a> {
    problem: &'a LeastSquares,
    sums: RefCell<Vec<(f64, usize)>>,
}

impl<'a> Noting<'a> {
    fn new(problem: &'a LeastSquares) -> Self {
        Self { problem, sums: RefCell::default() }
    }
}

impl BatchObjective for Noting<'_> {
    type Point = Vec<f64>;

    fn components(&self) -> usize {
        ROWS
    }

    fn batch_sum(&self, batch: &[usize], point: &Vec<f64>) -> Result<f64, OptimError> {
        let sum = self.problem.batch_sum(batch, point)?;
        self.sums.borrow_mut().push((sum, batch.len()));
        Ok(sum)
    }
}

/// A step as one rank saw it.
struct Seen {
    entry: Entry,
    sums: Vec<(f64, usize)>,
    /// Of the parameters afterwards.
    hash: u64,
}

fn step<M: ZerothOrder>(
    problem: &LeastSquares,
    tuner: &Tuner<M>,
    state: &mut TunerState<Vec<f64>>,
    comm: &dyn Comm,
) -> Result<Seen, ExperimentError> {
    let noting = Noting::new(problem);
    let entry = tuner.step(&noting, state, comm)?.entry();
    Ok(Seen { entry, sums: noting.sums.into_inner(), hash: state.hash()? })
}

/// The differences `f(θ + εz) − f(θ − εz)` of a step, in `f64`, before they become scalars in `f32`.
fn differences(ranks: &[&Seen]) -> Result<Vec<f64>, ExperimentError> {
    let evaluations = ranks[0].sums.len();
    if !evaluations.is_multiple_of(2) || ranks.iter().any(|seen| seen.sums.len() != evaluations) {
        return Err("the ranks were not asked for pairs of sums".into());
    }
    let value = |evaluation: usize| {
        let sums = ranks.iter().map(|seen| seen.sums[evaluation]);
        let (sum, count) = sums.fold((0.0, 0), |total, one| (total.0 + one.0, total.1 + one.1));
        sum / count as f64
    };
    Ok((0..evaluations / 2).map(|pair| value(2 * pair) - value(2 * pair + 1)).collect())
}

fn compare<M: ZerothOrder + Sync>(
    recorder: &mut Recorder,
    table: &mut Table,
    name: &str,
    problem: &LeastSquares,
    tuner: &Tuner<M>,
) -> Result<(), ExperimentError> {
    let start = || tuner.start(ROWS, vec![0.0; COLUMNS]);
    let run = |comm: &dyn Comm| -> Result<Vec<Seen>, ExperimentError> {
        let mut state = start()?;
        (0..STEPS).map(|_| step(problem, tuner, &mut state, comm)).collect()
    };
    let shared: Vec<Vec<Seen>> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> =
            Threads::new(RANKS).into_iter().map(|rank| scope.spawn(move || run(&rank))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a rank panicked")?)
            .collect::<Result<_, _>>()
    })?;

    // One rank measures at the very parameters of the four.
    let mut state = start()?;
    let (mut largest, mut apart, mut scalars) = (0.0_f64, 0.0_f64, 0_u32);
    let mut different = 0_u32;
    for number in 0..STEPS as usize {
        let ranks: Vec<&Seen> = shared.iter().map(|seen| &seen[number]).collect();
        different += u32::from(ranks.iter().any(|seen| seen.hash != ranks[0].hash));
        let alone = step(problem, tuner, &mut state.clone(), &Alone)?;
        scalars += u32::from(alone.entry != ranks[0].entry);
        let (four, one) = (differences(&ranks)?, differences(&[&alone])?);
        if four.len() != one.len() {
            return Err("one rank and four measure different numbers of differences".into());
        }
        for (four, one) in four.iter().zip(&one) {
            largest = largest.max(one.abs());
            apart = apart.max((four - one).abs());
        }
        tuner.replay_step(&ranks[0].entry, &mut state)?;
    }
    recorder.observe(&APART, [apart / largest]);
    recorder.observe(&DIFFERENT, [f64::from(different)]);
    let cells = [apart / largest, f64::from(scalars), f64::from(different)].map(|x| Number(x).to_string());
    table.row(std::iter::once(name.to_owned()).chain(cells));
    Ok(())
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "ranks",
        "Four ranks against one",
        "One row a run of 200 steps: largest difference of a measured f(θ + εz) − f(θ − εz) over the largest \
         such number; steps whose scalars, which are stored in f32, differ in a bit; steps after which the \
         ranks' parameters do.",
        &["", "relative difference", "steps with other scalars", "steps with different ranks"],
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
