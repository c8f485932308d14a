//! The invariants Z1 to Z10 and M1 to M9 of zeroth-order methods.

use std::cell::Cell;

use kiln_optim::OptimError;
use kiln_optim::zeroth_order::{
    Advisor, Alone, AnchorStorage, BatchObjective, Difference, Distribution, Entry, Fidelity, Method, Mezo,
    MezoSvrg, NonFinite, Rates, Restore, Spsa, StepReport, SumOverBatch, Tuner, TunerState, Warning,
    WeightDecay, ZoSvrg, advise, direction_like, drift, hash,
};
use kiln_tensor::Vector;
use proptest::prelude::*;

use super::{cases, gaussian};

/// `fᵢ(x) = ½ Σⱼ hⱼ(xⱼ − cᵢⱼ)²`: quadratic, with data noise in the centres.
#[derive(Clone)]
struct Problem {
    rows: usize,
    dimension: usize,
    centres: Vec<f64>,
    curvature: Vec<f64>,
    asked: std::rc::Rc<Cell<u64>>,
}

impl Problem {
    fn new(rows: usize, dimension: usize, seed: u64) -> Self {
        let curvature = gaussian(dimension, seed + 1).iter().map(|h| 0.5 + h.abs()).collect();
        let centres = gaussian(rows * dimension, seed);
        Self { rows, dimension, centres, curvature, asked: std::rc::Rc::default() }
    }

    fn gradient(&self, batch: &[usize], x: &[f64]) -> Vec<f64> {
        (0..self.dimension)
            .map(|j| {
                let mean: f64 = batch.iter().map(|i| self.centres[i * self.dimension + j]).sum::<f64>()
                    / batch.len() as f64;
                self.curvature[j] * (x[j] - mean)
            })
            .collect()
    }

    fn all(&self) -> Vec<usize> {
        (0..self.rows).collect()
    }
}

impl BatchObjective for Problem {
    type Point = Vec<f64>;
    fn components(&self) -> usize {
        self.rows
    }
    fn batch_sum(&self, batch: &[usize], x: &Vec<f64>) -> Result<f64, OptimError> {
        self.asked.set(self.asked.get() + batch.len() as u64);
        let of_row = |i: &usize| -> f64 {
            let centre = &self.centres[i * self.dimension..][..self.dimension];
            x.iter().zip(centre).zip(&self.curvature).map(|((x, c), h)| 0.5 * h * (x - c).powi(2)).sum()
        };
        Ok(batch.iter().map(of_row).sum())
    }
}

fn take_steps<M: Method, P: BatchObjective>(
    tuner: &Tuner<M>,
    problem: &P,
    state: &mut TunerState<P::Point>,
    steps: u64,
) -> Vec<StepReport> {
    (0..steps).map(|_| tuner.step(problem, state, &Alone).unwrap()).collect()
}

fn run<M: Method>(tuner: &Tuner<M>, problem: &Problem, steps: u64) -> (TunerState<Vec<f64>>, Vec<Entry>) {
    let start = gaussian(problem.dimension, 99);
    let mut state = tuner.start(problem.components(), start).unwrap();
    let reports = take_steps(tuner, problem, &mut state, steps);
    (state, reports.iter().map(StepReport::entry).collect())
}

const RESTORES: [Restore; 4] = [Restore::InPlace, Restore::Fused, Restore::Copy, Restore::Grid];
const DISTRIBUTIONS: [Distribution; 3] =
    [Distribution::Gaussian, Distribution::Rademacher, Distribution::Sphere];
const FIDELITIES: [Fidelity; 4] =
    [Fidelity::Corrected, Fidelity::SharedCycle, Fidelity::Independent, Fidelity::Official];

fn restore() -> impl Strategy<Value = Restore> {
    proptest::sample::select(RESTORES.to_vec())
}

fn distribution() -> impl Strategy<Value = Distribution> {
    proptest::sample::select(DISTRIBUTIONS.to_vec())
}

fn svrg(fidelity: Fidelity, storage: AnchorStorage, period: u64) -> MezoSvrg {
    MezoSvrg { fidelity, storage, anchor_period: period, ..MezoSvrg::new(0.01, 0.005) }
}

/// A method that measures and never moves, to see the scalars.
fn still(directions: usize, eps: f32) -> Mezo {
    Mezo { eps, directions, ..Mezo::new(1e-30) }
}

proptest! {
    #![proptest_config(cases(30))]

    /// Z1: exact modes come back to the same bits, the others to within rounding.
    #[test]
    fn perturbations_are_taken_back(restore in restore(), distribution in distribution(), seed in 0..1000_u64, forward: bool) {
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

    /// Z2: on a quadratic the central difference is the derivative, for any ε, in the direction's own rounding.
    #[test]
    fn differences_are_derivatives(distribution in distribution(), seed in 0..1000_u64, size in 1e-4..1.0_f32) {
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
            take_steps(&tuner, &changed, &mut state, 3).into_iter().flat_map(|r| r.scalars).collect::<Vec<_>>()
        };
        let plain = scalars(1.0, 0.0);
        for (p, (shifted, scaled)) in plain.iter().zip(scalars(1.0, shift).into_iter().zip(scalars(factor, 0.0))) {
            prop_assert!((p - shifted).abs() < 1e-5 * (1.0 + p.abs()));
            prop_assert!((f64::from(*p) * factor - f64::from(scaled)).abs() < 1e-5 * factor * (1.0 + f64::from(p.abs())));
        }
    }

    /// Z4: equal losses leave every bit as it is, and the report says that nothing moved.
    #[test]
    fn no_difference_no_move(restore in proptest::sample::select(vec![Restore::Copy, Restore::Grid]), seed in 0..1000_u64) {
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
        let mut tuner = Tuner { restore: Restore::Copy, ..Tuner::new(Mezo { directions: n, ..Mezo::new(0.1) }, 8, seed) };
        let x = gaussian(20, seed);
        let mut state = tuner.start(8, x.clone()).unwrap();
        let together = tuner.step(&problem, &mut state, &Alone).unwrap();
        let mut expected = x.clone();
        for (k, &p) in (0..).zip(&together.scalars) {
            let z = direction_like(&x, Distribution::Gaussian, seed, 0, k).unwrap();
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
        let zo_svrg = ZoSvrg { step_size: 1e-3, directions: 2, inner_steps: period, storage, shared_directions: seed % 2 == 0, ..ZoSvrg::new(30) };
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
        // The order of the examples only matters to the last bits of a sum; the batch is all of them in order.
        let tuner = Tuner { restore, order: kiln_optim::Order::Cyclic, ..Tuner::new(Mezo::new(0.02), 9, seed) };
        let (mezo, expected) = run(&tuner, &problem, 12);
        let scalars = |entries: &[Entry]| entries.iter().flat_map(|e| e.scalars.clone().unwrap()).collect::<Vec<_>>();
        prop_assert_eq!(scalars(&entries)[0], scalars(&expected)[0]);
        // Coefficients are rounded as η (p z) there and (η p) z here.
        let distance = svrg.point.sub(&mezo.point).unwrap().norm().unwrap();
        prop_assert!(distance < 1e-5 * mezo.point.norm().unwrap(), "{}", distance);
    }

    /// M2, M3: at the anchor the correction vanishes and the step is −η₂ g.
    #[test]
    fn nothing_changes_at_the_anchor(
        storage in proptest::sample::select(vec![AnchorStorage::Textbook, AnchorStorage::RankOne, AnchorStorage::Replay]),
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
        let z = direction_like(&start, Distribution::Gaussian, seed, 0, 0).unwrap();
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
            let (exact, rebuilt) = (with(AnchorStorage::RankOne, restore), with(AnchorStorage::Replay, restore));
            prop_assert!(exact.sub(&rebuilt).unwrap().norm().unwrap() < 1e-6);
        }
    }

    /// M7: the queries reported are those that the problem saw.
    #[test]
    fn queries_are_counted(seed in 0..1000_u64, n in 1..4_usize, forward: bool, period in 1..5_u64) {
        let difference = if forward { Difference::Forward } else { Difference::Central };
        let problem = Problem::new(10, 5, seed);
        let (state, _) = run(&Tuner { difference, ..Tuner::new(Mezo { directions: n, ..Mezo::new(0.01) }, 4, seed) }, &problem, 10);
        prop_assert_eq!(state.queries().examples, problem.asked.get());
        let problem = Problem::new(10, 5, seed);
        for fidelity in FIDELITIES {
            problem.asked.set(0);
            let tuner = Tuner { difference, order: kiln_optim::Order::WithReplacement, ..Tuner::new(svrg(fidelity, AnchorStorage::Replay, period), 4, seed) };
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
        let tuner = Tuner { restore, anneal: Some(1.5), ..Tuner::new(svrg(Fidelity::Corrected, AnchorStorage::RankOne, 3), 4, seed) };
        resumes(&tuner, &problem, at)?;
        let tuner = Tuner { restore, ..Tuner::new(svrg(Fidelity::Corrected, AnchorStorage::Replay, 3), 4, seed) };
        resumes(&tuner, &problem, at)?;
    }
}

fn replays<M: Method>(
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

fn resumes<M: Method>(tuner: &Tuner<M>, problem: &Problem, at: u64) -> Result<(), TestCaseError> {
    let mut state = tuner.start(problem.components(), gaussian(problem.dimension, 1)).unwrap();
    take_steps(tuner, problem, &mut state, at);
    let Ok(bytes) = state.to_bytes(tuner) else {
        prop_assert!(!state.is_checkpoint(tuner));
        return Ok(());
    };
    let mut resumed = TunerState::from_bytes(&bytes, state.point.clone()).unwrap();
    let reports = take_steps(tuner, problem, &mut state, 20);
    prop_assert_eq!(reports, take_steps(tuner, problem, &mut resumed, 20));
    prop_assert_eq!(state.point, resumed.point);
    prop_assert!(TunerState::from_bytes(&bytes[..bytes.len() / 2], vec![0.0; problem.dimension]).is_err());
    prop_assert!(TunerState::from_bytes(&bytes, vec![0.0; problem.dimension + 1]).is_err());
    Ok(())
}

/// Z7: the second moment of the estimate, `((d + k ± 1)/k)‖g‖²`, and its mean, within five standard errors.
#[test]
fn moments_of_estimates() {
    let (d, draws) = (50, 100_000_u64);
    let problem = Problem::new(1, d, 4);
    let x = gaussian(d, 8);
    let gradient = problem.gradient(&[0], &x);
    let square = gradient.dot(&gradient).unwrap();
    for distribution in DISTRIBUTIONS {
        for k in [1_u32, 4] {
            let (mut sum, mut squares) = (0.0, 0.0);
            for step in 0..draws / u64::from(k) {
                let mut estimate = vec![0.0; d];
                for index in 0..k {
                    let z = direction_like(&x, distribution, 5, step, index).unwrap();
                    let p = z.dot(&gradient).unwrap();
                    estimate.axpy(p / f64::from(k), &z).unwrap();
                }
                let value = estimate.dot(&estimate).unwrap() / square;
                sum += value;
                squares += value * value;
            }
            let n = (draws / u64::from(k)) as f64;
            let mean = sum / n;
            let error = ((squares / n - mean * mean) / n).sqrt();
            let (d, k) = (d as f64, f64::from(k));
            let one = if distribution == Distribution::Gaussian { 1.0 } else { -1.0 };
            let expected = (d + k + one) / k;
            assert!((mean - expected).abs() < 5.0 * error, "{distribution:?} {k}: {mean} {expected}");
        }
    }
}

/// M4, M5: mean and second moment of the MeZO-SVRG direction, over batches, z and z₀.
#[test]
fn moments_of_variance_reduction() {
    let (d, rows, batch_size) = (20, 16, 4);
    let problem = Problem::new(rows, d, 21);
    let (x, anchor) = (gaussian(d, 1), gaussian(d, 2));
    let full = problem.gradient(&problem.all(), &x);
    let at_anchor = problem.gradient(&problem.all(), &anchor);
    let draws = 60_000;
    let mut mean = vec![0.0; d];
    let (mut shared, mut independent) = (0.0, 0.0);
    let (mut delta, mut here, mut there) = (0.0, 0.0, 0.0);
    let mut sampler =
        kiln_optim::Sampler::new(kiln_optim::Order::WithReplacement, rows, batch_size, 3).unwrap();
    for step in 0..draws {
        let batch = sampler.next_batch().to_vec();
        let (g, h) = (problem.gradient(&batch, &x), problem.gradient(&batch, &anchor));
        let [z, other, z0] =
            [0, 1, 2].map(|k| direction_like(&x, Distribution::Gaussian, 6, step, k).unwrap());
        let mut v = z.clone();
        v.scale(z.dot(&g).unwrap() - z.dot(&h).unwrap());
        v.axpy(z0.dot(&at_anchor).unwrap(), &z0).unwrap();
        mean.axpy(1.0 / draws as f64, &v).unwrap();
        shared += v.dot(&v).unwrap() / draws as f64;
        let mut w = z.clone();
        w.scale(z.dot(&g).unwrap());
        w.axpy(-other.dot(&h).unwrap(), &other).unwrap();
        w.axpy(z0.dot(&at_anchor).unwrap(), &z0).unwrap();
        independent += w.dot(&w).unwrap() / draws as f64;
        let difference = g.sub(&h).unwrap();
        delta += difference.dot(&difference).unwrap() / draws as f64;
        here += g.dot(&g).unwrap() / draws as f64;
        there += h.dot(&h).unwrap() / draws as f64;
    }
    let d = d as f64;
    let anchored = at_anchor.dot(&at_anchor).unwrap();
    let cross = 2.0 * full.sub(&at_anchor).unwrap().dot(&at_anchor).unwrap();
    let expected = (d + 2.0) * (delta + anchored) + cross;
    assert!((shared / expected - 1.0).abs() < 0.03, "{shared} {expected}");
    assert!((independent / shared) > 0.0 && independent > (d + 2.0) * (here + there) * 0.9);
    let error = mean.sub(&full).unwrap().norm().unwrap();
    assert!(error < 5.0 * (shared / draws as f64).sqrt(), "{error}");
}

/// M9 and the floor: step sizes never rise through annealing, and end at the floor or where they began below it.
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

/// Descent on a quadratic, for every method: a wrong sign anywhere shows.
#[test]
fn every_method_descends() {
    let problem = Problem::new(16, 20, 5);
    let value = |x: &Vec<f64>| problem.batch_sum(&problem.all(), x).unwrap() / 16.0;
    let best = {
        let mean: Vec<f64> =
            (0..20).map(|j| (0..16).map(|i| problem.centres[i * 20 + j]).sum::<f64>() / 16.0).collect();
        value(&mean)
    };
    let excess = |state: &TunerState<Vec<f64>>| value(&state.point) - best;
    let start = value(&gaussian(20, 99)) - best;
    for distribution in DISTRIBUTIONS {
        for restore in RESTORES {
            let tuner = Tuner { distribution, restore, ..Tuner::new(Mezo::new(0.01), 8, 1) };
            assert!(excess(&run(&tuner, &problem, 1500).0) < 0.1 * start, "{tuner:?}");
            let tuner = Tuner { distribution, restore, ..Tuner::new(MezoSvrg::new(0.01, 0.01), 8, 1) };
            // No floor: the data noise is gone.
            assert!(excess(&run(&tuner, &problem, 3000).0) < 1e-4 * start, "{tuner:?}");
        }
    }
    let spsa = Spsa { stability: 100.0, ..Spsa::new(0.3, 0.1) }.tuner(16, 1);
    assert!(excess(&run(&spsa, &problem, 3000).0) < 0.1 * start);
    // Long cycles use an anchor's few directions too often for 20 dimensions.
    let zo_svrg =
        ZoSvrg { step_size: 0.01, shared_directions: true, directions: 4, inner_steps: 5, ..ZoSvrg::new(20) };
    assert!(excess(&run(&zo_svrg.tuner(8, 1), &problem, 1500).0) < 0.01 * start);
}

/// The advisor finds the trace of a known Hessian and a step size that is stable; twice the bound is not.
#[test]
fn advice() {
    let problem = Problem::new(4, 200, 5);
    let trace: f64 = problem.curvature.iter().sum();
    let mut point = gaussian(200, 3);
    let before = point.clone();
    let settings = Advisor { directions: 64, ..Advisor::default() };
    let advice = advise(&problem, &mut point, &problem.all(), &settings).unwrap();
    assert!((advice.trace - trace).abs() < 5.0 * advice.trace_error, "{} {trace}", advice.trace);
    assert!(point.sub(&before).unwrap().norm().unwrap() < 1e-12);
    let bound = advice.step_size_bound.unwrap();
    assert!(bound < 2.0 / trace * 1.3 && bound > 1.0 / trace);
    let ends_at = |step_size: f64| {
        let tuner = Tuner::new(Mezo::new(step_size), 4, 1);
        let mut state = tuner.start(4, before.clone()).unwrap();
        take_steps(&tuner, &problem, &mut state, 400).last().unwrap().loss
    };
    let start = problem.batch_sum(&problem.all(), &before).unwrap() / 4.0;
    assert!(ends_at(advice.step_size.unwrap()) < start);
    assert!(ends_at(4.0 * bound).partial_cmp(&start) != Some(std::cmp::Ordering::Less));
    // On a quadratic in f64 any ε will do; none is refused.
    assert!(advice.trials.iter().all(|trial| trial.error < 1e-6 && trial.unmoved == 0.0));
    let flat = SumOverBatch::new(2, |b: &[usize], _: &Vec<f64>| b.len() as f64).unwrap();
    let flat = advise(&flat, &mut point, &[0, 1], &Advisor::default()).unwrap();
    assert_eq!(flat.step_size_bound, None);
    let bad = Advisor { directions: 0, ..Advisor::default() };
    assert!(advise(&problem, &mut point, &problem.all(), &bad).is_err());
    assert!(advise(&problem, &mut point, &[], &Advisor::default()).is_err());
}

/// What perturbing alone does to the numbers.
#[test]
fn drift_is_rounding() {
    let point: Vec<f64> = gaussian(2000, 1).iter().map(|x| 0.02 * x).collect();
    assert_eq!(drift(&point, Restore::Grid, 1e-3, 50, 1).unwrap(), 0.0);
    assert_eq!(drift(&point, Restore::Copy, 1e-3, 50, 1).unwrap(), 0.0);
    let drifted = drift(&point, Restore::InPlace, 1e-3, 100, 1).unwrap();
    assert!(drifted > 0.0 && drifted < 1e-13, "{drifted}");
    assert!(drift(&point, Restore::InPlace, -1.0, 1, 1).is_err());
    let mut other = point.clone();
    assert_eq!(hash(&mut other).unwrap(), hash(&mut point.clone()).unwrap());
    other[7] = -other[7];
    assert_ne!(hash(&mut other).unwrap(), hash(&mut point.clone()).unwrap());
}
