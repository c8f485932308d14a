//! Ranks that share the work of a run: they agree in every bit, and give what one rank gives; they survive
//! the loss of one.
//!
//! Every measured difference is rounded to `f32` before it is used. So ranks that add up the same losses in
//! another order mostly take the very same step, and otherwise one that differs in a last bit, from which
//! point runs part slowly. What the tests bound is the difference before that rounding, at one point.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::thread;

use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use kiln_core::InputError;
use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, Batch, BatchObjective, Comm, CommError, Halt, LogWriter, Mezo, MezoSvrg, ModuleLoss, Queries,
    Rates, ReplayLog, Restore, Spsa, Stepper, Tuner, TunerState, ZerothOrder, ZoSvrg, hash,
};
use kiln_tensor::{Blocks, Coordinates, Parameters, device_tests};
use serde::{Deserialize, Serialize};

use super::comm::{die, on_ranks};

const EXAMPLES: usize = 40;
const FEATURES: usize = 7;
/// Not a multiple of the number of ranks: shards of 2 and 3 examples.
const BATCH: usize = 10;

/// Least squares, whose evaluation may fail, die or be not finite.
#[derive(Clone)]
struct LeastSquares {
    rank: usize,
    evaluations: Rc<RefCell<u64>>,
    trouble: Option<(usize, u64, Trouble)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    Dies,
    Fails,
    NotFinite,
}

impl LeastSquares {
    fn new(rank: usize) -> Self {
        Self { rank, evaluations: Rc::default(), trouble: None }
    }

    /// Trouble on one rank in its evaluation of this number.
    fn with(self, trouble: Trouble, rank: usize, evaluation: u64) -> Self {
        Self { trouble: Some((rank, evaluation, trouble)), ..self }
    }

    fn row(i: usize) -> [f64; FEATURES] {
        std::array::from_fn(|j| ((i * FEATURES + j) as f64 * 1.7).sin())
    }

    fn target(i: usize) -> f64 {
        Self::row(i).iter().zip(1..).map(|(a, j)| a * f64::from(j)).sum::<f64>() + 0.1 * (i as f64).cos()
    }
}

impl BatchObjective for LeastSquares {
    type Point = Vec<f64>;

    fn components(&self) -> usize {
        EXAMPLES
    }

    fn batch_sum(&self, batch: &[usize], x: &Vec<f64>) -> Result<f64, OptimError> {
        *self.evaluations.borrow_mut() += 1;
        match self.trouble {
            Some((rank, evaluation, trouble))
                if rank == self.rank && evaluation == *self.evaluations.borrow() =>
            {
                match trouble {
                    Trouble::Dies => die(),
                    Trouble::Fails => return Err(OptimError::problem("out of memory")),
                    Trouble::NotFinite => return Ok(f64::INFINITY),
                }
            }
            _ => {}
        }
        let error = |i: usize| Self::row(i).iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - Self::target(i);
        Ok(batch.iter().map(|&i| error(i).powi(2)).sum())
    }
}

fn base() -> Vec<f64> {
    (0..FEATURES).map(|j| (j as f64).cos()).collect()
}

fn mezo() -> Tuner<Mezo> {
    Tuner::new(Mezo::new(0.01), BATCH, 3)
}

/// Hashes after every step, and what the steps said.
fn run<M: ZerothOrder>(
    tuner: &Tuner<M>,
    problem: &LeastSquares,
    steps: u64,
    comm: &dyn Comm,
) -> Vec<(u64, Vec<f32>)> {
    let mut state = tuner.start(EXAMPLES, base()).unwrap();
    (0..steps)
        .map(|_| {
            let report = tuner.step(problem, &mut state, comm).unwrap();
            assert!(report.moved && !report.resynchronised && !report.skipped);
            (state.hash().unwrap(), report.scalars)
        })
        .collect()
}

/// All ranks' runs, which must be the same.
fn agreed<M: ZerothOrder + Send + 'static>(
    tuner: &Tuner<M>,
    size: usize,
    steps: u64,
) -> Vec<(u64, Vec<f32>)> {
    let tuner = tuner.clone();
    let ranks = on_ranks(size, move |comm| run(&tuner, &LeastSquares::new(comm.rank()), steps, &comm));
    let mut ranks = ranks.into_iter().map(Result::unwrap);
    let first = ranks.next().unwrap();
    ranks.for_each(|other| assert_eq!(other, first));
    first
}

fn ulps(a: f32, b: f32) -> u32 {
    a.to_bits().abs_diff(b.to_bits())
}

fn agree_with_one_rank<M: ZerothOrder + Send + 'static>(tuner: &Tuner<M>) {
    let serial = run(tuner, &LeastSquares::new(0), 60, &Alone);
    assert_eq!(agreed(tuner, 1, 60), serial, "one rank among threads is the serial run");
    for size in [2, 4, 7] {
        let shared = agreed(tuner, size, 60);
        // The first step starts from the same point.
        for (p, q) in shared[0].1.iter().zip(&serial[0].1) {
            assert!(ulps(*p, *q) <= 1, "{p} {q}");
        }
    }
}

#[test]
fn ranks_agree_in_every_bit_at_every_step() {
    for restore in [Restore::InPlace, Restore::Fused, Restore::Copy, Restore::Grid] {
        agree_with_one_rank(&Tuner { restore, ..mezo() });
        agree_with_one_rank(&Tuner { restore, ..Tuner::new(MezoSvrg::new(0.01, 0.005), BATCH, 3) });
    }
    agree_with_one_rank(&Tuner::new(Mezo { directions: 3, ..Mezo::new(0.01) }, BATCH, 3));
}

/// Notes what it measures, before the rounding to `f32`.
#[derive(Clone, Serialize, Deserialize)]
struct Noting {
    method: Mezo,
    #[serde(skip)]
    noted: Rc<RefCell<Vec<f64>>>,
}

impl ZerothOrder for Noting {
    const NAME: &str = "noting";

    fn check(&self) -> Result<(), OptimError> {
        self.method.check()
    }

    fn rates(&self, step: u64) -> Rates {
        self.method.rates(step)
    }

    fn largest_eps(&self) -> f32 {
        self.method.largest_eps()
    }

    fn step<V: Blocks>(&self, stepper: &mut Stepper<'_, V>) -> Result<(), Halt> {
        let (eps, now) = (self.method.eps, stepper.step());
        let p = stepper.differences(Batch::Mini, eps, now, 0, 1)?[0];
        self.noted.borrow_mut().push(p);
        let p = stepper.scalar(p)?;
        stepper.take(now, 0, eps, stepper.rates().step_size, p)
    }
}

/// R13: measured 1.2e-14; the bound was set before.
#[test]
fn shared_batches_give_the_difference_of_one_rank() {
    let tuner = || {
        let noting = Noting { method: mezo().method, noted: Rc::default() };
        Tuner { restore: Restore::Copy, ..Tuner::new(noting, BATCH, 3) }
    };
    let ranks = on_ranks(4, move |comm| {
        let (tuner, problem) = (tuner(), LeastSquares::new(comm.rank()));
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        let mut step = || tuner.step(&problem, &mut state, &comm).unwrap().entry();
        let entries: Vec<_> = (0..100).map(|_| step()).collect();
        (entries, tuner.method.noted.take())
    });
    for rank in ranks {
        let (entries, shared) = rank.unwrap();
        let (tuner, problem) = (tuner(), LeastSquares::new(0));
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        for (entry, p) in entries.iter().zip(&shared) {
            // From the ranks' point, and on to their next one.
            tuner.step(&problem, &mut state.clone(), &Alone).unwrap();
            let q = tuner.method.noted.borrow_mut().pop().unwrap();
            assert!((p - q).abs() <= 1e-10 * q.abs(), "{p} {q}");
            tuner.replay_step(entry, &mut state).unwrap();
        }
        assert_eq!(shared.len(), 100);
    }
}

#[test]
fn queries_of_all_ranks_add_up_to_those_of_one() {
    let queries = |comm: &dyn Comm| {
        let tuner = Tuner::new(MezoSvrg::new(0.01, 0.005), BATCH, 3);
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        for _ in 0..6 {
            tuner.step(&LeastSquares::new(0), &mut state, comm).unwrap();
        }
        state.queries()
    };
    let of_ranks = on_ranks(4, move |comm| queries(&comm));
    let examples: u64 = of_ranks.into_iter().map(|rank| rank.unwrap().examples).sum();
    let Queries { examples: serial, .. } = queries(&Alone);
    // Three steps on everything, three on a batch here and at the anchor; two evaluations each.
    assert_eq!((examples, serial), (3 * (2 * 40 + 4 * 10), 3 * (2 * 40 + 4 * 10)));
}

/// Each rank measures whole directions: no sum is taken in another order, so every bit is that of one rank.
#[test]
fn directions_of_their_own_are_those_of_one_rank() {
    for restore in [Restore::Copy, Restore::Grid] {
        let tuner = Tuner { restore, ..Tuner::new(Mezo { directions: 4, ..Mezo::new(0.01) }, BATCH, 3) };
        let serial = run(&tuner, &LeastSquares::new(0), 60, &Alone);
        for groups in [2, 4] {
            assert_eq!(agreed(&Tuner { groups, ..tuner }, groups, 60), serial);
        }
        // Two groups of two ranks that share a batch: the sums are taken in another order.
        let both = agreed(&Tuner { groups: 2, ..tuner }, 4, 60);
        both[0].1.iter().zip(&serial[0].1).for_each(|(p, q)| assert!(ulps(*p, *q) <= 1, "{p} {q}"));
    }
    // Three ranks cannot fall into two groups, and rounding would drive groups apart.
    let tuner = Tuner { groups: 2, restore: Restore::Copy, ..mezo() };
    on_ranks(3, move |comm| {
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        let error = tuner.step(&LeastSquares::new(0), &mut state, &comm).unwrap_err();
        assert!(matches!(error, OptimError::Input(InputError::Setting { name: "groups", .. })), "{error}");
    })
    .into_iter()
    .for_each(Result::unwrap);
    assert!(Tuner { groups: 2, restore: Restore::Fused, ..mezo() }.check().is_err());
}

/// A run of so many ranks that begins or goes on with what is in the log. Rank 0 writes it.
fn logged(
    tuner: &Tuner<Mezo>,
    problem: &LeastSquares,
    steps: u64,
    path: &Path,
    comm: &dyn Comm,
) -> Result<u64, OptimError> {
    let base_hash = hash(&mut base())?;
    let mut fresh = tuner.start(EXAMPLES, base())?;
    let header = tuner.header(&mut fresh, base_hash, "a test".to_owned())?;
    let mut writer = None;
    let mut log = Vec::new();
    if comm.rank() == 0 {
        if !path.exists() {
            LogWriter::create(path, &header)?;
        }
        let (resumed, read) = LogWriter::resume(path, &header)?;
        (writer, log) = (Some(resumed), read.to_bytes()?);
    }
    // The others may not see the file.
    let log = ReplayLog::from_bytes(&comm.share(log, 0)?)?;
    let mut state = tuner.replay(&log, base(), None)?;
    while state.step() < steps {
        let report = tuner.step(problem, &mut state, comm)?;
        assert!(!report.resynchronised);
        if let Some(writer) = &mut writer {
            writer.append(&report.entry())?;
        }
    }
    let hash = state.hash()?;
    if let Some(writer) = writer {
        writer.finish(hash)?;
    }
    Ok(hash)
}

#[test]
fn a_run_that_lost_a_rank_goes_on_from_its_log_as_if_it_had_not() {
    for restore in [Restore::Fused, Restore::InPlace, Restore::Copy, Restore::Grid] {
        let tuner = Tuner { restore, check_every: Some(1), ..mezo() };
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole.zo");
        let to = whole.clone();
        let uninterrupted = on_ranks(4, move |comm| {
            logged(&tuner, &LeastSquares::new(comm.rank()), 100, &to, &comm).unwrap()
        });
        let hashes: Vec<_> = uninterrupted.into_iter().map(Result::unwrap).collect();
        assert_eq!(hashes, [hashes[0]; 4]);
        // Rank 0, which writes the log, may be the one that dies. Two evaluations a step: between and before
        // them.
        for (dies, evaluation) in [(2, 142), (0, 141)] {
            let path = folder.path().join(format!("killed-{dies}.zo"));
            let to = path.clone();
            let results = on_ranks(4, move |comm| {
                let problem = LeastSquares::new(comm.rank()).with(Trouble::Dies, dies, evaluation);
                logged(&tuner, &problem, 100, &to, &comm)
            });
            for (rank, result) in results.into_iter().enumerate() {
                match result {
                    Err(_) => assert_eq!(rank, dies),
                    Ok(result) => {
                        let error = result.unwrap_err();
                        let lost = CommError::Lost { rank: dies };
                        assert!(matches!(&error, OptimError::Ranks(e) if *e == lost), "{error:?}");
                    }
                }
            }
            let log = ReplayLog::open(&path).unwrap();
            assert_eq!((log.entries.len(), log.is_finished(), log.lost()), (70, false, 0));

            // The same ranks start again, from the base and the log.
            let to = path.clone();
            let again = on_ranks(4, move |comm| {
                logged(&tuner, &LeastSquares::new(comm.rank()), 100, &to, &comm).unwrap()
            });
            for hash in again {
                assert_eq!(hash.unwrap(), hashes[0]);
            }
            assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&whole).unwrap());
        }
        // Anyone who has base and log has the result.
        let log = ReplayLog::open(&whole).unwrap();
        let mut state = tuner.replay(&log, base(), None).unwrap();
        assert_eq!(state.hash().unwrap(), hashes[0]);
    }
}

#[test]
fn a_late_joiner_has_the_bits_of_the_others() {
    let tuner = mezo();
    let early = on_ranks(3, move |comm| {
        let problem = LeastSquares::new(comm.rank());
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        let step = |state: &mut TunerState<Vec<f64>>| tuner.step(&problem, state, &comm).unwrap().entry();
        let entries: Vec<_> = (0..50).map(|_| step(&mut state)).collect();
        (entries, state.point)
    });
    let early: Vec<_> = early.into_iter().map(Result::unwrap).collect();
    let header = {
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        tuner.header(&mut state, hash(&mut base()).unwrap(), String::new()).unwrap()
    };
    let log = ReplayLog::new(header, early[0].0.clone(), None);
    // From now on there are four ranks, all from base and log.
    let late = on_ranks(4, move |comm| {
        let mut state = tuner.replay(&log, base(), None).unwrap();
        let joined = state.point.clone();
        for _ in 0..20 {
            tuner.step(&LeastSquares::new(0), &mut state, &comm).unwrap();
        }
        (joined, state.hash().unwrap())
    });
    let late: Vec<_> = late.into_iter().map(Result::unwrap).collect();
    for (joined, hash) in &late {
        assert_eq!((joined, *hash), (&early[0].1, late[0].1));
    }
    assert!(early.iter().all(|rank| *rank == early[0]));
}

#[test]
fn altered_weights_are_noticed_and_replaced_by_those_of_rank_0() {
    for (check_every, noticed) in [(1, 5), (4, 7)] {
        let tuner =
            Tuner { check_every: Some(check_every), ..Tuner::new(MezoSvrg::new(0.01, 0.005), BATCH, 3) };
        let results = on_ranks(4, move |comm| {
            let problem = LeastSquares::new(comm.rank());
            let mut state = tuner.start(EXAMPLES, base()).unwrap();
            let mut entries = Vec::new();
            for step in 0..20 {
                if step == 5 && comm.rank() == 2 {
                    // As a bit that flips in memory.
                    state.point[3] = f64::from_bits(state.point[3].to_bits() ^ (1 << 20));
                }
                let report = tuner.step(&problem, &mut state, &comm).unwrap();
                assert_eq!(report.resynchronised, step == noticed, "step {step}");
                entries.push(report.entry());
            }
            (state.point, entries)
        });
        let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert!(results.iter().all(|result| *result == results[0]));
        // The log stays true: it tells of rank 0.
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        for entry in &results[0].1 {
            tuner.replay_step(entry, &mut state).unwrap();
        }
        assert_eq!(state.point, results[0].0);
    }
}

#[test]
fn a_loss_that_is_not_finite_on_one_rank_is_skipped_by_all() {
    for restore in [Restore::Fused, Restore::Grid] {
        let tuner = Tuner { restore, ..mezo() };
        let results = on_ranks(4, move |comm| {
            let problem = LeastSquares::new(comm.rank()).with(Trouble::NotFinite, 1, 8);
            let mut state = tuner.start(EXAMPLES, base()).unwrap();
            let reports: Vec<_> = (0..10)
                .map(|_| {
                    let report = tuner.step(&problem, &mut state, &comm).unwrap();
                    (report.skipped, report.entry(), state.hash().unwrap())
                })
                .collect();
            (reports, state.point)
        });
        let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        assert!(results.iter().all(|result| *result == results[0]));
        let skipped: Vec<_> = results[0].0.iter().map(|report| report.0).collect();
        assert_eq!(skipped, (0..10).map(|step| step == 3).collect::<Vec<_>>());
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        for (_, entry, hash) in &results[0].0 {
            tuner.replay_step(entry, &mut state).unwrap();
            assert_eq!(state.hash().unwrap(), *hash);
        }
    }
}

#[test]
fn a_rank_that_cannot_evaluate_stops_all() {
    let results = on_ranks(3, |comm| {
        let problem = LeastSquares::new(comm.rank()).with(Trouble::Fails, 1, 3);
        let tuner = Tuner { restore: Restore::Copy, ..mezo() };
        let mut state = tuner.start(EXAMPLES, base()).unwrap();
        tuner.step(&problem, &mut state, &comm).unwrap();
        let before = state.point.clone();
        let error = tuner.step(&problem, &mut state, &comm).unwrap_err();
        assert_eq!(state.point, before);
        // Nobody is left behind: the ranks can go on together.
        tuner.step(&problem, &mut state, &comm).unwrap();
        let OptimError::Problem(source) = error else { panic!("{error:?}") };
        (source.to_string(), state.hash().unwrap())
    });
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    let messages: Vec<_> = results.iter().map(|result| result.0.as_str()).collect();
    let told = "rank 1 could not evaluate its losses";
    assert_eq!(messages, [told, "out of memory", told]);
    assert!(results.iter().all(|result| result.1 == results[0].1));
}

#[test]
fn every_method_is_shared() {
    agree_with_one_rank(&Spsa::new(0.05, 0.01).tuner(BATCH, 3));
    let zo_svrg = ZoSvrg { step_size: 0.002, inner_steps: 4, ..ZoSvrg::new(FEATURES) };
    agree_with_one_rank(&zo_svrg.tuner(BATCH, 3));
}

/// Several models in one process, each in its thread, sharing the examples.
fn tensors_agree(device: &Device) {
    let inputs: Vec<f32> =
        (0..EXAMPLES * FEATURES).map(|k| LeastSquares::row(k / FEATURES)[k % FEATURES] as f32).collect();
    let targets: Vec<f32> = (0..EXAMPLES).map(|i| LeastSquares::target(i) as f32).collect();
    let weights = base();
    let run = move |device: &Device, comm: &dyn Comm| {
        let inputs = Tensor::<1>::from_data(&inputs[..], device).reshape([EXAMPLES, FEATURES]);
        let targets = Tensor::<1>::from_data(&targets[..], device).reshape([EXAMPLES, 1]);
        let on = device.clone();
        let problem = ModuleLoss::new(EXAMPLES, move |model: &Linear, batch: &[usize]| {
            let rows: Vec<i32> = batch.iter().map(|&i| i32::try_from(i).unwrap()).collect();
            let rows = Tensor::<1, Int>::from_data(&rows[..], &on);
            let error =
                model.forward(inputs.clone().select(0, rows.clone())) - targets.clone().select(0, rows);
            error.square().flatten(0, 1)
        })
        .unwrap();
        let module = LinearConfig::new(FEATURES, 1).with_bias(false).init(device);
        let start = Parameters::new(module).with_coordinates(&weights).unwrap();
        let tuner = mezo();
        let mut state = tuner.start(EXAMPLES, start).unwrap();
        (0..10)
            .map(|_| {
                let report = tuner.step(&problem, &mut state, comm).unwrap();
                assert!(report.moved);
                (state.hash().unwrap(), report.loss)
            })
            .collect::<Vec<_>>()
    };
    let alone = run(device, &Alone);
    let on = device.clone();
    let ranks: Vec<_> =
        on_ranks(2, move |comm| run(&on, &comm)).into_iter().map(thread::Result::unwrap).collect();
    assert!(ranks.iter().all(|rank| *rank == ranks[0]));
    // The losses of examples are in f32, and kernels may sum differently in batches of another size.
    assert!((ranks[0][0].1 - alone[0].1).abs() <= 1e-6 * alone[0].1, "{} {}", ranks[0][0].1, alone[0].1);
}

device_tests! {
    fn models_on_devices_agree(device) {
        tensors_agree(device);
    }
}
