//! What goes wrong: losses that are not finite, problems that fail, settings that are refused.

use std::cell::Cell;

use kiln_core::InputError;
use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Comm, CommError, Entry, Fidelity, Mezo, MezoSvrg, NonFinite,
    Queries, Rates, Restore, SumOverBatch, Tuner, Warning, WeightDecay, ZoSvrg,
};
use kiln_tensor::Vector;

use super::gaussian;
use super::quadratic::{RESTORES, svrg, take_steps};

/// M9 and the floor: step sizes never rise through annealing, and end at the floor or where they began below
/// it.
#[test]
fn annealing_never_raises_a_rate() {
    let grows =
        SumOverBatch::new(8, |batch: &[usize], x: &Vec<f64>| -x[0].exp() * batch.len() as f64).unwrap();
    let worse = {
        let count = Cell::new(0.0);
        SumOverBatch::new(8, move |batch: &[usize], _: &Vec<f64>| {
            count.set(count.get() + 1.0);
            count.get() * batch.len() as f64
        })
        .unwrap()
    };
    for (anchor, inner) in [(1e-3, 1e-4), (1e-6, 1e-7)] {
        let tuner = Tuner { anneal: Some(5.0), ..Tuner::new(MezoSvrg::new(anchor, inner), 4, 1) };
        let mut state = tuner.start(8, vec![0.0]).unwrap();
        let rates: Vec<Rates> = take_steps(&tuner, &worse, &mut state, 60).iter().map(|r| r.rates).collect();
        for pair in rates.windows(2) {
            assert!(pair[1].step_size <= pair[0].step_size);
            assert!(pair[1].anchor_step_size <= pair[0].anchor_step_size);
        }
        let last = rates.last().unwrap();
        assert_eq!(last.anchor_step_size, 1e-5_f32.min(anchor));
        assert_eq!(last.step_size, 1e-6_f32.min(inner));
    }
    let tuner = Tuner { anneal: Some(5.0), ..Tuner::new(MezoSvrg::new(1e-3, 1e-3), 4, 1) };
    let mut state = tuner.start(8, vec![0.0]).unwrap();
    assert!(take_steps(&tuner, &grows, &mut state, 40).iter().all(|r| r.rates.step_size == 1e-3));
}

/// Not-a-number in either loss leaves the point as it was, and the policy decides what follows.
#[test]
fn losses_that_are_not_finite() {
    for restore in RESTORES {
        for (bad, which) in [(f64::NAN, 0), (f64::INFINITY, 1), (f64::NEG_INFINITY, 0)] {
            for period in [1, 2] {
                let count = Cell::new(0);
                let problem = SumOverBatch::new(4, |batch: &[usize], x: &Vec<f64>| {
                    count.set(count.get() + 1);
                    // In the third step only.
                    if count.get() > 6 && count.get() <= 12 && count.get() % 2 == which {
                        bad
                    } else {
                        x.iter().map(|x| x * x).sum::<f64>() * batch.len() as f64
                    }
                })
                .unwrap();
                let tuner = Tuner {
                    restore,
                    non_finite: NonFinite::HalveStepSize,
                    ..Tuner::new(svrg(Fidelity::Corrected, AnchorStorage::Replay, period), 2, 3)
                };
                let mut state = tuner.start(4, gaussian(10, 1)).unwrap();
                let mut entries = Vec::new();
                let mut skips = 0;
                for _ in 0..12 {
                    let before = state.point.clone();
                    let report = tuner.step(&problem, &mut state, &Alone).unwrap();
                    if report.skipped {
                        skips += 1;
                        assert!(!report.loss.is_finite() || report.scalars.is_empty());
                        assert!(report.warnings.iter().any(|w| matches!(w, Warning::NotFinite { .. })));
                        if restore.is_exact() {
                            assert_eq!(state.point, before);
                        }
                        assert!(state.point.sub(&before).unwrap().norm().unwrap() < 1e-12);
                    }
                    entries.push(report.entry());
                }
                assert!(skips > 0, "{restore:?} {which} {period}");
                let rates = |entry: &Entry| entry.rates.step_size;
                assert_eq!(rates(&entries[11]), rates(&entries[0]) / (1 << skips) as f32);
                let mut replayed = tuner.start(4, gaussian(10, 1)).unwrap();
                for entry in &entries {
                    tuner.replay_step(entry, &mut replayed).unwrap();
                }
                assert_eq!(replayed.point, state.point);
            }
        }
    }
    let bad = SumOverBatch::new(4, |_: &[usize], _: &Vec<f64>| f64::NAN).unwrap();
    let tuner = Tuner { non_finite: NonFinite::Abort, ..Tuner::new(Mezo::new(0.1), 2, 1) };
    let mut state = tuner.start(4, vec![1.0]).unwrap();
    let error = tuner.step(&bad, &mut state, &Alone).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("not finite"));
}

/// A problem that fails leaves the point where it was, and the step can be taken again.
#[test]
fn errors_of_the_problem() {
    struct Fails(Cell<u64>);
    impl BatchObjective for Fails {
        type Point = Vec<f64>;
        fn components(&self) -> usize {
            4
        }
        fn batch_sum(&self, _: &[usize], x: &Vec<f64>) -> Result<f64, OptimError> {
            self.0.set(self.0.get() + 1);
            if self.0.get() == 2 { Err(OptimError::problem("no")) } else { Ok(x[0]) }
        }
    }
    for restore in RESTORES {
        let tuner = Tuner { restore, ..Tuner::new(Mezo::new(0.1), 2, 1) };
        let mut state = tuner.start(4, vec![1.0]).unwrap();
        let before = state.point.clone();
        let problem = Fails(Cell::new(0));
        assert!(tuner.step(&problem, &mut state, &Alone).is_err());
        assert!(state.point.sub(&before).unwrap().norm().unwrap() < 1e-12);
        assert_eq!(state.step(), 0);
        // Once more: the step that would have been, with the batch that a replay draws.
        let again = tuner.step(&problem, &mut state, &Alone).unwrap().entry();
        let mut replayed = tuner.start(4, before).unwrap();
        tuner.replay_step(&again, &mut replayed).unwrap();
        tuner.step(&problem, &mut state, &Alone).unwrap();
        tuner.step(&problem, &mut replayed, &Alone).unwrap();
        assert!(state.point.sub(&replayed.point).unwrap().norm().unwrap() < 1e-12);
    }
}

/// Signs that something is wrong are reported, and discrete objectives are not accused.
#[test]
fn warnings() {
    let flat = SumOverBatch::new(2, |batch: &[usize], _: &Vec<f64>| batch.len() as f64).unwrap();
    let tuner = Tuner::new(Mezo::new(0.1), 2, 1);
    let mut state = tuner.start(2, vec![1.0; 4]).unwrap();
    let reports = take_steps(&tuner, &flat, &mut state, 100);
    let warned: Vec<_> = reports.iter().flat_map(|r| &r.warnings).collect();
    assert_eq!(warned, [&Warning::ZeroDifferences { of_last_100: 100 }]);

    let mut state = tuner.start(2, vec![1e6; 400]).unwrap();
    let tiny = Tuner::new(Mezo { eps: 1e-12, ..Mezo::new(0.1) }, 2, 1);
    let report = tiny.step(&flat, &mut state, &Alone).unwrap();
    assert!(report.warnings.iter().any(|w| matches!(w, Warning::Unmoved { share } if *share > 0.9)));

    let steep = SumOverBatch::new(2, |b: &[usize], x: &Vec<f64>| x[0] * x[0] * b.len() as f64).unwrap();
    let wild = Tuner::new(Mezo::new(30.0), 2, 1);
    let mut state = wild.start(2, vec![1.0]).unwrap();
    let reports = take_steps(&wild, &steep, &mut state, 30);
    let growing = reports.iter().flat_map(|r| &r.warnings).filter(|w| matches!(w, Warning::Growing { .. }));
    assert_eq!(growing.count(), 1);
}

/// Settings out of range, or that do not go together.
#[test]
fn bad_settings() {
    let start = |tuner: Tuner<Mezo>| tuner.start(4, vec![1.0]).map(drop).unwrap_err().to_string();
    let good = Tuner::new(Mezo::new(0.1), 2, 1);
    for (tuner, name) in [
        (Tuner { method: Mezo::new(f64::NAN), ..good }, "step_size"),
        (Tuner { method: Mezo { eps: 0.0, ..good.method }, ..good }, "eps"),
        (Tuner { method: Mezo { directions: 0, ..good.method }, ..good }, "directions"),
        (Tuner { batch_size: 0, ..good }, "batch_size"),
        (Tuner { batch_size: 5, ..good }, "batch_size"),
        (Tuner { clip: Some(-1.0), ..good }, "clip"),
        (Tuner { anneal: Some(0.5), ..good }, "anneal"),
        (Tuner { groups: 0, ..good }, "groups"),
        (Tuner { groups: 2, ..good }, "groups"),
        (Tuner { check_every: Some(0), ..good }, "check_every"),
        (
            Tuner {
                restore: Restore::Grid,
                weight_decay: Some(WeightDecay { rate: 0.1, vectors: true }),
                ..good
            },
            "weight_decay",
        ),
    ] {
        let message = start(tuner);
        assert!(message.contains(name), "{message}");
    }
    assert!(good.start(4, vec![f64::NAN]).is_err());
    assert!(good.start(4, Vec::<f64>::new()).is_err());
    assert!(good.start(0, vec![1.0]).is_err());
    let period = Tuner::new(MezoSvrg { anchor_period: 0, ..MezoSvrg::new(0.1, 0.1) }, 2, 1);
    assert!(period.start(4, vec![1.0]).is_err());
    let textbook = MezoSvrg { storage: AnchorStorage::Textbook, ..MezoSvrg::new(0.1, 0.1) };
    assert!(Tuner { restore: Restore::Grid, ..Tuner::new(textbook, 2, 1) }.check().is_err());
    // Beyond the grid.
    let cliff = SumOverBatch::new(2, |b: &[usize], x: &Vec<f64>| x[0] * b.len() as f64).unwrap();
    let tuner = Tuner { restore: Restore::Grid, ..Tuner::new(Mezo::new(100.0), 2, 1) };
    let mut state = tuner.start(2, vec![1.0]).unwrap();
    assert!((0..5).any(|_| tuner.step(&cliff, &mut state, &Alone).is_err()));
    // Entries of another method.
    let mut state = good.start(4, vec![1.0]).unwrap();
    let rates = Rates { step_size: 0.1, anchor_step_size: 0.1 };
    for scalars in [Vec::new(), vec![1.0, 2.0]] {
        assert!(good.replay_step(&Entry { rates, scalars: Some(scalars) }, &mut state).is_err());
    }
}

/// A rank that says what it likes of itself, and hears itself alone.
struct Absent(usize, usize);
impl Comm for Absent {
    fn rank(&self) -> usize {
        self.0
    }
    fn size(&self) -> usize {
        self.1
    }
    fn all_gather(&self, mine: &[f64]) -> Result<Vec<f64>, CommError> {
        Ok(mine.to_vec())
    }
    fn broadcast(&self, _: &mut [u8], _: usize) -> Result<(), CommError> {
        Ok(())
    }
}

/// Each is refused by name: settings at the edges of what numbers can hold, and what does not belong to the
/// run.
#[test]
fn the_border() {
    let refused = |outcome: Result<(), OptimError>| match outcome {
        Err(OptimError::Input(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let start = |tuner: Tuner<Mezo>, point: Vec<f64>| refused(tuner.start(4, point).map(drop));
    let good = Tuner::new(Mezo::new(0.1), 2, 1);
    for directions in [0, 65_536, usize::MAX] {
        let method = Mezo { directions, ..good.method };
        assert!(start(Tuner { method, ..good }, vec![1.0]).contains("directions"));
        let method = ZoSvrg { directions, ..ZoSvrg::new(1) };
        assert!(refused(method.tuner(2, 1).check()).contains("directions"));
    }
    let grid = Tuner { restore: Restore::Grid, ..good };
    assert!(start(grid, vec![1e31]).contains("the largest parameter"));
    for eps in [f32::MIN_POSITIVE, 1e31] {
        assert!(start(Tuner { method: Mezo { eps, ..good.method }, ..grid }, vec![1.0]).contains("eps"));
    }

    // A problem of another size than the run began with.
    let flat = SumOverBatch::new(5, |batch: &[usize], _: &Vec<f64>| batch.len() as f64).unwrap();
    let mut state = good.start(4, vec![1.0]).unwrap();
    let error = good.step(&flat, &mut state, &Alone).unwrap_err();
    assert!(matches!(error, OptimError::Input(InputError::Size { found: 5, expected: 4, .. })), "{error}");

    // Step sizes that no method has.
    let mut state = good.start(4, vec![1.0]).unwrap();
    for step_size in [f32::NAN, f32::INFINITY] {
        let rates = Rates { step_size, anchor_step_size: 0.1 };
        let entry = Entry { rates, scalars: Some(vec![1.0]) };
        assert!(matches!(good.replay_step(&entry, &mut state), Err(OptimError::State(_))));
        assert_eq!(state.point, [1.0]);
    }

    // Ranks that there cannot be.
    let four = SumOverBatch::new(4, |batch: &[usize], _: &Vec<f64>| batch.len() as f64).unwrap();
    for (rank, size) in [(0, 0), (2, 2), (0, 2)] {
        let error = good.step(&four, &mut state, &Absent(rank, size)).unwrap_err();
        assert!(matches!(error, OptimError::Input(_)), "{error}");
    }
}

/// Losses that are not finite when the anchor is to be set: the next step sets one, and the log leads there
/// too.
#[test]
fn an_anchor_that_could_not_be_set_is_set_later() {
    for restore in RESTORES {
        let count = Cell::new(0);
        let problem = SumOverBatch::new(4, |batch: &[usize], x: &Vec<f64>| {
            count.set(count.get() + 1);
            if count.get() <= 2 {
                f64::NAN
            } else {
                x.iter().map(|x| x * x).sum::<f64>() * batch.len() as f64
            }
        })
        .unwrap();
        let method = svrg(Fidelity::Corrected, AnchorStorage::Replay, 1_000_000);
        let tuner = Tuner { restore, ..Tuner::new(method, 2, 3) };
        let mut state = tuner.start(4, gaussian(10, 1)).unwrap();
        let reports = take_steps(&tuner, &problem, &mut state, 10);
        assert!(reports[0].skipped && reports[1..].iter().all(|report| !report.skipped));
        // On everything twice in the second step; on a batch here and at the anchor in the others.
        assert_eq!(state.queries().examples, 2 * 8 + 8 * 8);
        let mut replayed = tuner.start(4, gaussian(10, 1)).unwrap();
        for report in &reports {
            tuner.replay_step(&report.entry(), &mut replayed).unwrap();
        }
        assert_eq!(replayed.point, state.point);
    }
}

/// What a failed evaluation has cost is counted.
#[test]
fn failures_cost_queries() {
    let module = SumOverBatch::new(4, |_: &[usize], _: &Vec<f64>| f64::NAN).unwrap();
    let tuner = Tuner { non_finite: NonFinite::Abort, ..Tuner::new(Mezo::new(0.1), 2, 1) };
    let mut state = tuner.start(4, vec![1.0]).unwrap();
    assert!(tuner.step(&module, &mut state, &Alone).is_err());
    assert_eq!(state.queries(), Queries { examples: 4, evaluations: 2 });
}
