//! R13: ranks that share each batch.

use kiln_optim::zeroth_order::{Alone, Comm, Entry, Mezo, MezoSvrg, Threads, Tuner, TunerState, ZerothOrder};
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Table};

use super::super::mezo_svrg::problem::{COLUMNS, LeastSquares, ROWS};
use super::claims::{APART, DIFFERENT};

const RANKS: usize = 4;
const STEPS: usize = 200;
const BATCH: usize = 64;

/// What a step stored, and a hash of the parameters after it.
type Seen = (Entry, u64);

fn compare<M: ZerothOrder + Sync>(
    recorder: &mut Recorder,
    table: &mut Table,
    name: &str,
    problem: &LeastSquares,
    tuner: &Tuner<M>,
) -> Result<(), ExperimentError> {
    let start = || tuner.start(ROWS, vec![0.0; COLUMNS]);
    let step = |state: &mut TunerState<Vec<f64>>, comm: &dyn Comm| -> Result<Seen, ExperimentError> {
        let entry = tuner.step(problem, state, comm)?.entry();
        Ok((entry, state.hash()?))
    };
    let run = |comm: &dyn Comm| -> Result<Vec<Seen>, ExperimentError> {
        let mut state = start()?;
        (0..STEPS).map(|_| step(&mut state, comm)).collect()
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
    let (mut largest, mut apart, mut others, mut different) = (0.0_f32, 0.0_f32, 0_u32, 0_u32);
    for number in 0..STEPS {
        let (entry, hash) = &shared[0][number];
        different += u32::from(shared.iter().any(|rank| rank[number].1 != *hash));
        let (alone, _) = step(&mut state.clone(), &Alone)?;
        others += u32::from(alone != *entry);
        let (Some(one), Some(four)) = (&alone.scalars, &entry.scalars) else {
            return Err("a loss was not finite".into());
        };
        for (one, four) in one.iter().zip(four) {
            largest = largest.max(one.abs());
            apart = apart.max((four - one).abs());
        }
        tuner.replay_step(entry, &mut state)?;
    }
    recorder.observe(&APART, [f64::from(apart / largest)]);
    recorder.observe(&DIFFERENT, [f64::from(different)]);
    let cells = [f64::from(apart / largest), f64::from(others), f64::from(different)];
    table.row(std::iter::once(name.to_owned()).chain(cells.map(|x| Number(x).to_string())));
    Ok(())
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "ranks",
        "Four ranks against one",
        "One row a run of 200 steps: largest difference of a scalar over the largest scalar; steps whose scalars \
         differ in a bit of their f32; steps after which the ranks' parameters do.",
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
