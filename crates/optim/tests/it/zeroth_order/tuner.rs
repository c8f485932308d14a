//! The invariants Z1 to Z10 and M1 to M8 of zeroth-order methods.

use kiln_optim::zeroth_order::{
    Alone, AnchorStorage, BatchObjective, Difference, DirectionLaw, Entry, Fidelity, Mezo, MezoSvrg, Restore,
    Spsa, SumOverBatch, Tuner, WeightDecay, ZerothOrder, ZoSvrg, direction_like,
};
use kiln_tensor::Vector;
use proptest::prelude::*;

use super::quadratic::{FIDELITIES, Problem, distribution, restore, run, still, svrg, take_steps};
use super::{cases, gaussian};

proptest! {
    #![proptest_config(cases(30))]

    /// Z1: exact modes come back to the same bits, the others to within rounding.
    #[test]
    fn perturbations_are_taken_back(
        restore in restore(), distribution in distribution(), seed in 0..1000_u64, forward: bool,
    ) {
        let problem = Problem::new(12, 30, seed);
        let tuner = Tuner {
            restore, distribution,
            difference: if forward { Difference::Forward } else { Difference::Central },
            ..Tuner::new(still(3, 1e-2), 4, seed)
        };
        let mut state = tuner.start(12, gaussian(30, seed)).unwrap();
        let before = state.point.clone();
        for _ in 0..20 {
            let report = tuner.step(&problem, &mut state, &Alone).unwrap();
            prop_assert!(report.scalars.iter().all(|p| p.is_finite()));
        }
        if restore.is_exact() {
            prop_assert_eq!(state.point, before);
        } else {
            for (x, y) in state.point.iter().zip(&before) {
                prop_assert!((x - y).abs() <= 20.0 * 3.0 * 2.0 * f64::EPSILON * (x.abs() + 0.06));
            }
        }
    }

    /// Fused has the bits of in-place.
    #[test]
    fn fused_is_in_place(seed in 0..1000_u64, directions in 1..4_usize, period in 1..4_u64) {
        let problem = Problem::new(12, 30, seed);
        let mezo = Mezo { directions, ..Mezo::new(0.01) };
        let with = |restore| run(&Tuner { restore, ..Tuner::new(mezo, 4, seed) }, &problem, 15).0.point;
        prop_assert_eq!(with(Restore::InPlace), with(Restore::Fused));
        let method = svrg(Fidelity::Corrected, AnchorStorage::RankOne, period);
        let with = |restore| run(&Tuner { restore, ..Tuner::new(method, 4, seed) }, &problem, 15).0.point;
        prop_assert_eq!(with(Restore::InPlace), with(Restore::Fused));
    }

    /// Z2: on a quadratic the central difference is the derivative, for any ε, in the direction's own
    /// rounding.
    #[test]
    fn differences_are_derivatives(
        distribution in distribution(), seed in 0..1000_u64, size in 1e-4..1.0_f32,
    ) {
        let problem = Problem::new(8, 20, seed);
        let x = gaussian(20, seed + 5);
        let tuner = Tuner { distribution, restore: Restore::Copy, ..Tuner::new(still(1, size), 8, seed) };
        let mut state = tuner.start(8, x.clone()).unwrap();
        let p = f64::from(tuner.step(&problem, &mut state, &Alone).unwrap().scalars[0]);
        let z = direction_like(&x, distribution, seed, 0, 0).unwrap();
        let expected = z.dot(&problem.gradient(&problem.all(), &x)).unwrap();
        // The scalar is logged in f32; the losses' own rounding grows as ε falls.
        let tolerance = (1.0 + expected.abs()) * (1e-7 + 1e-13 / f64::from(size));
        prop_assert!((p - expected).abs() < tolerance, "{} {}", p, expected);
    }

    /// Z3: a constant added to f changes nothing but rounding, a factor scales p.
    #[test]
    fn shift_and_scale(seed in 0..1000_u64, shift in -10.0..10.0_f64, factor in 0.1..10.0_f64) {
        let problem = Problem::new(8, 20, seed);
        let scalars = |a: f64, c: f64| {
            let inner = problem.clone();
            let changed = SumOverBatch::new(8, move |batch: &[usize], x: &Vec<f64>| {
                a * inner.batch_sum(batch, x).unwrap() + c * batch.len() as f64
            }).unwrap();
            let tuner = Tuner { restore: Restore::Copy, ..Tuner::new(still(2, 1e-2), 3, seed) };
            let mut state = tuner.start(8, gaussian(20, seed)).unwrap();
            let reports = take_steps(&tuner, &changed, &mut state, 3);
            reports.into_iter().flat_map(|r| r.scalars).collect::<Vec<_>>()
        };
        let plain = scalars(1.0, 0.0);
        for ((p, shifted), scaled) in plain.iter().zip(scalars(1.0, shift)).zip(scalars(factor, 0.0)) {
            prop_assert!((p - shifted).abs() < 1e-5 * (1.0 + p.abs()));
            let p = f64::from(*p);
            prop_assert!((p * factor - f64::from(scaled)).abs() < 1e-5 * factor * (1.0 + p.abs()));
        }
    }

    /// Z4: equal losses leave every bit as it is, and the report says that nothing moved.
    #[test]
    fn no_difference_no_move(
        restore in proptest::sample::select(vec![Restore::Copy, Restore::Grid]), seed in 0..1000_u64,
    ) {
        let flat = SumOverBatch::new(4, |batch: &[usize], _: &Vec<f64>| batch.len() as f64).unwrap();
        let tuner = Tuner { restore, ..Tuner::new(Mezo { directions: 2, ..Mezo::new(1.0) }, 2, seed) };
        let mut state = tuner.start(4, gaussian(40, seed)).unwrap();
        let before = state.point.clone();
        for _ in 0..5 {
            let report = tuner.step(&flat, &mut state, &Alone).unwrap();
            prop_assert!(!report.moved && !report.skipped);
            prop_assert_eq!(report.scalars, [0.0, 0.0]);
        }
        prop_assert_eq!(state.point, before);
    }

    /// Z8: n directions give the mean of the n estimates: p of each is that of a run that has it alone.
    #[test]
    fn directions_average(seed in 0..1000_u64, n in 2..5_usize) {
        let problem = Problem::new(8, 20, seed);
        let method = Mezo { directions: n, ..Mezo::new(0.1) };
        let mut tuner = Tuner { restore: Restore::Copy, ..Tuner::new(method, 8, seed) };
        let x = gaussian(20, seed);
        let mut state = tuner.start(8, x.clone()).unwrap();
        let together = tuner.step(&problem, &mut state, &Alone).unwrap();
        let mut expected = x.clone();
        for (k, &p) in (0..).zip(&together.scalars) {
            let z = direction_like(&x, DirectionLaw::Gaussian, seed, 0, k).unwrap();
            let derivative = z.dot(&problem.gradient(&problem.all(), &x)).unwrap();
            prop_assert!((f64::from(p) - derivative).abs() < 1e-5 * (1.0 + derivative.abs()));
            expected.axpy(-0.1 / n as f64 * f64::from(p), &z).unwrap();
        }
        prop_assert!(state.point.sub(&expected).unwrap().norm().unwrap() < 1e-5);
        tuner.method.directions = 1;
        let mut state = tuner.start(8, x).unwrap();
        prop_assert_eq!(tuner.step(&problem, &mut state, &Alone).unwrap().scalars[0], together.scalars[0]);
    }

    /// Z9, Z10, and undoing: scalars alone lead to the same bits in every mode, in two halves too, and back
    /// to the start.
    #[test]
    fn scalars_determine_the_run(
        restore in restore(),
        distribution in distribution(),
        fidelity in proptest::sample::select(FIDELITIES.to_vec()),
        storage in proptest::sample::select(vec![AnchorStorage::RankOne, AnchorStorage::Replay]),
        period in 1..4_u64, seed in 0..1000_u64, split in 0..25_usize, keep in 0..25_u64,
    ) {
        let problem = Problem::new(11, 30, seed);
        let tuner = Tuner { restore, distribution, ..Tuner::new(svrg(fidelity, storage, period), 4, seed) };
        replays(&tuner, &problem, split, keep)?;
        let zo_svrg = ZoSvrg {
            step_size: 1e-3,
            directions: 2,
            inner_steps: period,
            rebuild_anchor: storage == AnchorStorage::Replay,
            shared_directions: seed % 2 == 0,
            ..ZoSvrg::new(30)
        };
        let tuner = Tuner { restore, distribution, ..zo_svrg.tuner(4, seed) };
        replays(&tuner, &problem, split, keep)?;
        let tuner = Tuner { restore, ..Spsa::new(0.005, 0.1).tuner(4, seed) };
        replays(&tuner, &problem, split, keep)?;
        let mezo = Mezo { directions: 2, ..Mezo::new(0.003) };
        let decay = Some(WeightDecay { rate: 0.1, vectors: true }).filter(|_| restore != Restore::Grid);
        let tuner = Tuner { restore, distribution, weight_decay: decay, ..Tuner::new(mezo, 4, seed) };
        replays(&tuner, &problem, split, keep)?;
    }

    /// M1: q = 1 is full-batch ZO gradient descent, bit for bit.
    #[test]
    fn period_one_is_full_batch(restore in restore(), seed in 0..1000_u64) {
        let problem = Problem::new(9, 30, seed);
        let method = MezoSvrg { anchor_period: 1, ..MezoSvrg::new(0.02, 0.5) };
        let (svrg, entries) = run(&Tuner { restore, ..Tuner::new(method, 4, seed) }, &problem, 12);
        // The order of the examples matters to the last bits of a sum only; the batch is all of them in
        // order.
        let order = kiln_optim::Order::Cyclic;
        let tuner = Tuner { restore, order, ..Tuner::new(Mezo::new(0.02), 9, seed) };
        let (mezo, expected) = run(&tuner, &problem, 12);
        let scalars = |entries: &[Entry]| -> Vec<f32> {
            entries.iter().flat_map(|e| e.scalars.clone().unwrap()).collect()
        };
        prop_assert_eq!(scalars(&entries)[0], scalars(&expected)[0]);
        // Coefficients are rounded as η (p z) there and (η p) z here.
        let distance = svrg.point.sub(&mezo.point).unwrap().norm().unwrap();
        prop_assert!(distance < 1e-5 * mezo.point.norm().unwrap(), "{}", distance);
    }

    /// M2, M3: at the anchor the correction vanishes and the step is −η₂ g.
    #[test]
    fn nothing_changes_at_the_anchor(
        storage in proptest::sample::select(
            vec![AnchorStorage::Textbook, AnchorStorage::RankOne, AnchorStorage::Replay],
        ),
        seed in 0..1000_u64,
    ) {
        let problem = Problem::new(9, 30, seed);
        let method = MezoSvrg { storage, anchor_step_size: 0.0, ..MezoSvrg::new(0.02, 0.3) };
        let tuner = Tuner { restore: Restore::Copy, ..Tuner::new(method, 4, seed) };
        let start = gaussian(30, seed);
        let mut state = tuner.start(9, start.clone()).unwrap();
        let anchor = tuner.step(&problem, &mut state, &Alone).unwrap();
        prop_assert_eq!(&state.point, &start);
        let inner = tuner.step(&problem, &mut state, &Alone).unwrap();
        prop_assert_eq!(&inner.scalars[..], &[0.0][..]);
        let z = direction_like(&start, DirectionLaw::Gaussian, seed, 0, 0).unwrap();
        let (outer, p) = (0.3_f32, anchor.scalars[0]);
        let expected: Vec<f64> = start.iter().zip(&z)
            .map(|(x, z)| x - f64::from(outer) * (f64::from(p) * z)).collect();
        prop_assert_eq!(&state.point, &expected);
    }

    /// M6: one number instead of the vector g changes no bit; nor, on the grid, does rebuilding the anchor.
    #[test]
    fn storage_changes_nothing(seed in 0..1000_u64, period in 2..6_u64, restore in restore()) {
        let problem = Problem::new(9, 30, seed);
        let with = |storage, restore| {
            let tuner = Tuner { restore, ..Tuner::new(svrg(Fidelity::Corrected, storage, period), 4, seed) };
            run(&tuner, &problem, 20).0.point
        };
        if restore == Restore::Grid {
            prop_assert_eq!(with(AnchorStorage::RankOne, restore), with(AnchorStorage::Replay, restore));
        } else {
            prop_assert_eq!(with(AnchorStorage::Textbook, restore), with(AnchorStorage::RankOne, restore));
            let exact = with(AnchorStorage::RankOne, restore);
            let rebuilt = with(AnchorStorage::Replay, restore);
            prop_assert!(exact.sub(&rebuilt).unwrap().norm().unwrap() < 1e-6);
        }
    }

    /// M7: the queries reported are those that the problem saw.
    #[test]
    fn queries_are_counted(seed in 0..1000_u64, n in 1..4_usize, forward: bool, period in 1..5_u64) {
        let difference = if forward { Difference::Forward } else { Difference::Central };
        let problem = Problem::new(10, 5, seed);
        let mezo = Mezo { directions: n, ..Mezo::new(0.01) };
        let (state, _) = run(&Tuner { difference, ..Tuner::new(mezo, 4, seed) }, &problem, 10);
        prop_assert_eq!(state.queries().examples, problem.asked.get());
        let problem = Problem::new(10, 5, seed);
        for fidelity in FIDELITIES {
            problem.asked.set(0);
            let order = kiln_optim::Order::WithReplacement;
            let method = svrg(fidelity, AnchorStorage::Replay, period);
            let tuner = Tuner { difference, order, ..Tuner::new(method, 4, seed) };
            let (state, _) = run(&tuner, &problem, 12);
            prop_assert_eq!(state.queries().examples, problem.asked.get());
            if !forward {
                let anchors = 12_u64.div_ceil(period);
                prop_assert_eq!(state.queries().examples, anchors * 2 * 10 + (12 - anchors) * 4 * 4);
            }
        }
    }

    /// M8: without inner steps the point moves at anchors only.
    #[test]
    fn no_inner_step_size(seed in 0..1000_u64) {
        let problem = Problem::new(9, 10, seed);
        let method = MezoSvrg { anchor_period: 3, ..MezoSvrg::new(0.02, 0.0) };
        let tuner = Tuner { restore: Restore::Copy, ..Tuner::new(method, 4, seed) };
        let mut state = tuner.start(9, gaussian(10, seed)).unwrap();
        for step in 0..9 {
            let before = state.point.clone();
            let moved = tuner.step(&problem, &mut state, &Alone).unwrap().moved;
            prop_assert_eq!(moved, step % 3 == 0);
            prop_assert_eq!(state.point != before, step % 3 == 0);
        }
    }

    /// A state read back goes on to the same bits.
    #[test]
    fn checkpoints_resume(restore in restore(), seed in 0..1000_u64, at in 1..12_u64) {
        let problem = Problem::new(9, 10, seed);
        let kept = svrg(Fidelity::Corrected, AnchorStorage::RankOne, 3);
        let tuner = Tuner { restore, anneal: Some(1.5), ..Tuner::new(kept, 4, seed) };
        resumes(&tuner, &problem, at)?;
        let rebuilt = svrg(Fidelity::Corrected, AnchorStorage::Replay, 3);
        let tuner = Tuner { restore, ..Tuner::new(rebuilt, 4, seed) };
        resumes(&tuner, &problem, at)?;
    }
}

fn replays<M: ZerothOrder>(
    tuner: &Tuner<M>,
    problem: &Problem,
    split: usize,
    keep: u64,
) -> Result<(), TestCaseError> {
    let (mut live, entries) = run(tuner, problem, 25);
    let start = gaussian(problem.dimension, 99);
    let mut replayed = tuner.start(problem.components(), start.clone()).unwrap();
    for entry in &entries[..split] {
        tuner.replay_step(entry, &mut replayed).unwrap();
    }
    // From anywhere on, a live run goes the same way.
    let mut continued = replayed.clone();
    for entry in &entries[split..] {
        prop_assert_eq!(&tuner.step(problem, &mut continued, &Alone).unwrap().entry(), entry);
        tuner.replay_step(entry, &mut replayed).unwrap();
    }
    prop_assert_eq!(&replayed.point, &live.point);
    prop_assert_eq!(&continued.point, &live.point);

    let mut there = tuner.start(problem.components(), start).unwrap();
    for entry in &entries[..keep as usize] {
        tuner.replay_step(entry, &mut there).unwrap();
    }
    tuner.undo(&entries, keep, &mut live).unwrap();
    prop_assert_eq!(live.step(), keep);
    if tuner.restore == Restore::Grid {
        prop_assert_eq!(&live.point, &there.point);
    } else {
        let distance = live.point.sub(&there.point).unwrap().norm().unwrap();
        prop_assert!(distance <= 1e-10 * (1.0 + there.point.norm().unwrap()), "{}", distance);
    }
    Ok(())
}

fn resumes<M: ZerothOrder>(tuner: &Tuner<M>, problem: &Problem, at: u64) -> Result<(), TestCaseError> {
    let mut state = tuner.start(problem.components(), gaussian(problem.dimension, 1)).unwrap();
    take_steps(tuner, problem, &mut state, at);
    let Ok(bytes) = tuner.save(&mut state) else {
        prop_assert!(!tuner.can_save(&state));
        return Ok(());
    };
    let mut resumed = tuner.load(&bytes, state.point.clone()).unwrap();
    let reports = take_steps(tuner, problem, &mut state, 20);
    prop_assert_eq!(reports, take_steps(tuner, problem, &mut resumed, 20));
    prop_assert_eq!(state.queries(), resumed.queries());
    prop_assert_eq!(state.point, resumed.point);
    prop_assert!(tuner.load(&bytes, vec![0.0; problem.dimension + 1]).is_err());
    Ok(())
}
