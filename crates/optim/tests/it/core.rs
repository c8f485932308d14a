//! The loop, orders, states and counters, which all methods share.

use std::cell::Cell;

use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use kiln_core::InputError;
use kiln_optim::first_order::{
    ConvexConstants, GradientDescent, HeavyBall, Katyusha, LooplessSvrg, Nesterov, Saga, Sgd, Svrg,
};
use kiln_optim::problems::Quadratic;
use kiln_optim::{
    Checkpoint, Every, FiniteSum, ModuleObjective, Observed, Observer, Operator, OptimError, Order,
    ProgressObserver, Reason, RunError, Sampler, Solver, State, StepSize, Stop, Trace, Work, check_batch,
    resume, resume_observed, run, run_observed,
};
use kiln_tensor::{Coordinates, Parameters, TensorError, device_tests};
use proptest::prelude::*;

/// `f(x) = (1/n) Σᵢ ½(aᵢᵀx − bᵢ)² + ½ λ ‖x‖²`, which counts its own evaluations.
#[derive(Clone, Debug)]
pub(crate) struct LeastSquares {
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) targets: Vec<f64>,
    pub(crate) ridge: f64,
    pub(crate) evaluated: Cell<u64>,
}

impl LeastSquares {
    /// Rows and targets from a generator that knows nothing of the crate's own.
    pub(crate) fn random(rows: usize, columns: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        Self {
            rows: (0..rows).map(|_| (0..columns).map(|_| draw()).collect()).collect(),
            targets: (0..rows).map(|_| draw()).collect(),
            ridge: 0.1,
            evaluated: Cell::new(0),
        }
    }

    pub(crate) fn component(&self, i: usize, x: &[f64]) -> Vec<f64> {
        let error = self.rows[i].iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - self.targets[i];
        self.rows[i].iter().zip(x).map(|(a, x)| error * a + self.ridge * x).collect()
    }

    /// The largest smoothness of a component.
    pub(crate) fn smoothness(&self) -> f64 {
        let square = |row: &Vec<f64>| row.iter().map(|a| a * a).sum::<f64>();
        self.rows.iter().map(square).fold(0.0, f64::max) + self.ridge
    }

    /// The minimizer, by many steps of gradient descent.
    pub(crate) fn minimizer(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.rows[0].len()];
        for _ in 0..20_000 {
            let gradient = self.operator(&x).unwrap();
            x.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= g / self.smoothness());
        }
        x
    }
}

impl Operator for LeastSquares {
    type Point = Vec<f64>;

    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.batch(&(0..self.rows.len()).collect::<Vec<_>>(), x)
    }

    fn components(&self) -> usize {
        self.rows.len()
    }
}

impl FiniteSum for LeastSquares {
    fn batch(&self, batch: &[usize], x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        check_batch(batch, self.rows.len())?;
        if x.len() != self.rows[0].len() {
            return Err(TensorError::shape(&[x.len()], &[self.rows[0].len()]).into());
        }
        self.evaluated.set(self.evaluated.get() + batch.len() as u64);
        let mut mean = vec![0.0; x.len()];
        for &i in batch {
            let component = self.component(i, x);
            mean.iter_mut().zip(component).for_each(|(m, c)| *m += c / batch.len() as f64);
        }
        Ok(mean)
    }
}

pub(crate) fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

const ORDERS: [Order; 6] = [
    Order::WithReplacement,
    Order::IndependentSubsets,
    Order::Reshuffled,
    Order::ShuffledOnce,
    Order::Cyclic,
    Order::FlipFlop,
];

proptest! {
    #[test]
    fn orders_hold_what_they_promise(n in 1..40_usize, b in 1..40_usize, seed: u64) {
        let b = b.min(n);
        for order in ORDERS {
            let mut sampler = Sampler::new(order, n, b, seed).unwrap();
            let per_epoch = sampler.batches_per_epoch();
            let epochs: Vec<Vec<Vec<usize>>> = (0..3)
                .map(|_| (0..per_epoch).map(|_| sampler.next_batch().to_vec()).collect())
                .collect();
            prop_assert_eq!(sampler.epochs(), 3);
            for epoch in &epochs {
                let flat: Vec<usize> = epoch.concat();
                prop_assert!(flat.iter().all(|&i| i < n));
                let mut counts = vec![0; n];
                for &i in &flat {
                    counts[i] += 1;
                }
                match order {
                    Order::WithReplacement => prop_assert!(epoch.iter().all(|batch| batch.len() == b)),
                    Order::IndependentSubsets => for batch in epoch {
                        let mut sorted = batch.clone();
                        sorted.sort_unstable();
                        sorted.dedup();
                        prop_assert_eq!(sorted.len(), b);
                    },
                    Order::FlipFlop => {
                        prop_assert!(counts.iter().all(|&count| count == 2));
                        let (out, back) = epoch.split_at(epoch.len() / 2);
                        prop_assert!(out.iter().eq(back.iter().rev()));
                    }
                    _ => prop_assert!(counts.iter().all(|&count| count == 1)),
                }
            }
            match order {
                Order::ShuffledOnce => prop_assert_eq!(&epochs[0], &epochs[2]),
                Order::Cyclic => prop_assert_eq!(epochs[1].concat(), (0..n).collect::<Vec<_>>()),
                // 13! orders and more: equal ones would be no accident.
                Order::Reshuffled if n > 12 => prop_assert_ne!(&epochs[0], &epochs[1]),
                _ => {}
            }
        }
    }

    #[test]
    fn a_stored_sampler_goes_on_where_it_was(n in 1..30_usize, b in 1..5_usize, drawn in 0..70_usize, seed: u64) {
        for order in ORDERS {
            let mut sampler = Sampler::new(order, n, b.min(n), seed).unwrap();
            (0..drawn).for_each(|_| drop(sampler.next_batch().to_vec()));
            let stored = serde_json::to_string(&sampler).unwrap();
            let mut restored: Sampler = serde_json::from_str(&stored).unwrap();
            for _ in 0..2 * n {
                prop_assert_eq!(sampler.next_batch(), restored.next_batch());
            }
        }
    }

    /// F7 of the specification's list, and that batches of one epoch are drawn evenly.
    #[test]
    fn indices_are_uniform(seed: u64) {
        for order in [Order::WithReplacement, Order::IndependentSubsets, Order::Reshuffled] {
            let mut sampler = Sampler::new(order, 5, 2, seed).unwrap();
            let mut first = [0.0_f64; 5];
            let draws = 3000;
            for _ in 0..draws {
                first[sampler.next_batch()[0]] += 1.0;
                if order == Order::Reshuffled {
                    (0..2).for_each(|_| drop(sampler.next_batch().to_vec()));
                }
            }
            // Five standard deviations of a binomial with p = 1/5.
            let deviation = 5.0 * (f64::from(draws) * 0.16).sqrt();
            prop_assert!(first.iter().all(|count| (count - f64::from(draws) / 5.0).abs() < deviation), "{:?}", first);
        }
    }
}

#[test]
fn step_sizes_on_schedule() {
    let power = StepSize::Power { initial: 0.5, period: 10.0, exponent: 0.5 };
    assert_eq!((power.at(0), power.at(30)), (0.5, 0.25));
    let warmup = StepSize::Warmup { from: 0.1, to: 0.5, iterations: 4 };
    assert_eq!([0, 2, 4, 9].map(|t| warmup.at(t)), [0.1, 0.1 + 0.4 * 0.5, 0.5, 0.5]);
    assert_eq!(StepSize::from(0.25).at(1000), 0.25);
}

/// A run of `steps` equals one that was stored after each of some steps, byte for byte, and its work is what
/// the problem itself counted.
fn resumes_to_the_same_bits<S>(solver: &S, problem: &LeastSquares, steps: u64)
where
    S: Solver<LeastSquares>,
{
    let start = vec![0.3; problem.rows[0].len()];
    problem.evaluated.set(0);
    let whole = run(solver, problem, start.clone(), &Stop::after(steps)).unwrap().state;
    assert_eq!(whole.work.components, problem.evaluated.get(), "work is what the problem counted");
    assert_ne!(whole.iterate, start, "the iterate moved");
    for cut in [0, 1, steps / 3, steps - 1] {
        let part = run(solver, problem, start.clone(), &Stop::after(cut)).unwrap().state;
        let restored = State::from_bytes(&part.to_bytes().unwrap(), solver, problem, &start).unwrap();
        let resumed = resume(solver, problem, restored, &Stop::after(steps)).unwrap().state;
        assert_eq!(resumed.to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}

#[test]
fn every_method_resumes_to_the_same_bits() {
    let problem = LeastSquares::random(12, 4, 3);
    let smoothness = problem.smoothness();
    let step_size = 1.0 / (6.0 * smoothness);
    let constants = ConvexConstants { strong_convexity: 0.1, smoothness };
    resumes_to_the_same_bits(&GradientDescent { step_size: step_size.into() }, &problem, 50);
    resumes_to_the_same_bits(&HeavyBall { step_size: step_size.into(), momentum: 0.7 }, &problem, 50);
    resumes_to_the_same_bits(&Nesterov { step_size: step_size.into(), momentum: None }, &problem, 50);
    for order in ORDERS {
        let step_size = StepSize::from(step_size);
        let (batch_size, seed) = (3, 7);
        resumes_to_the_same_bits(&Sgd { step_size, batch_size, order, seed }, &problem, 50);
        resumes_to_the_same_bits(
            &Svrg { step_size, epoch_length: Some(7), batch_size, order, seed },
            &problem,
            50,
        );
        resumes_to_the_same_bits(&Saga { step_size, batch_size, order, seed }, &problem, 50);
        let anchor_probability = Some(0.2);
        resumes_to_the_same_bits(
            &LooplessSvrg { step_size, anchor_probability, batch_size, order, seed },
            &problem,
            50,
        );
        let katyusha =
            Katyusha { batch_size, order, epoch_length: Some(9), ..Katyusha::new(constants, seed) };
        resumes_to_the_same_bits(&katyusha, &problem, 50);
    }
}

/// Stops a run from within, as a signal would.
struct Interrupt(u64);

impl<P: Operator, M> Observer<P, M> for Interrupt {
    fn observe(&mut self, _: &P, state: &State<P::Point, M>, _: bool) -> Result<Observed, OptimError> {
        Ok(if state.iteration == self.0 { Observed::Stop } else { Observed::Continue })
    }
}

#[test]
fn a_killed_run_goes_on_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.state");
    let problem = LeastSquares::random(10, 3, 5);
    let solver = Svrg::new(0.1, 3);
    let start = vec![0.0; 3];
    let stop = Stop::after(200);
    let whole = run(&solver, &problem, start.clone(), &stop).unwrap().state;

    let mut first = (Checkpoint::new(Every::Iterations(10), &path), Interrupt(57));
    let fresh = Checkpoint::read(&path, &solver, &problem, start.clone()).unwrap();
    assert_eq!(fresh.iteration, 0);
    let ended = resume_observed(&solver, &problem, fresh, &stop, &mut first).unwrap();
    assert_eq!((ended.reason, ended.state.iteration), (Reason::Observer, 57));

    let state = Checkpoint::read(&path, &solver, &problem, start.clone()).unwrap();
    assert_eq!(state.iteration, 50, "the last one written before it was killed");
    let resumed =
        resume_observed(&solver, &problem, state, &stop, &mut Checkpoint::new(Every::Iterations(10), &path))
            .unwrap();
    assert_eq!(resumed.state.to_bytes().unwrap(), whole.to_bytes().unwrap());

    // The wrong method, the wrong size and a torn file are errors.
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::read(&path, &solver, &problem, start.clone()).map(drop)
    };
    let other = run(&Saga::new(0.1, 1), &problem, start.clone(), &Stop::after(1)).unwrap().state;
    assert!(matches!(read(&other.to_bytes().unwrap()), Err(OptimError::OtherRun { .. })));
    let bytes = whole.to_bytes().unwrap();
    assert!(matches!(read(&bytes[..bytes.len() / 2]), Err(OptimError::State(_))));
    assert!(matches!(State::from_bytes(&[], &solver, &problem, &start), Err(OptimError::State(_))));
    let larger = LeastSquares::random(10, 4, 5);
    let state = run(&solver, &larger, vec![0.0; 4], &Stop::after(1)).unwrap().state;
    assert!(matches!(read(&state.to_bytes().unwrap()), Err(OptimError::Tensor(_))));
}

#[test]
fn stops_for_the_reason_given() {
    let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0]).unwrap();
    let solver = GradientDescent { step_size: 0.25.into() };
    let run = |stop: Stop| run(&solver, &problem, vec![0.0, 0.0], &stop).unwrap();
    let limited = run(Stop::after(3));
    assert_eq!((limited.reason, limited.state.iteration, limited.residual), (Reason::Limit, 3, None));
    assert_eq!(run(Stop::after_work(5)).state.work.components, 5);
    assert_eq!(run(Stop::after(0)).state.iterate, [0.0, 0.0]);
    let exact = run(Stop::after(1000).or_residual(1e-8));
    assert_eq!(exact.reason, Reason::Residual);
    // The error of the slow coordinate is .75 to the t.
    assert_eq!(exact.state.iteration, (1e-8_f64.ln() / 0.75_f64.ln()).ceil() as u64);
    assert!(exact.residual.unwrap() <= 1e-8);
    assert_eq!(run(Stop::after(1000).or_time(std::time::Duration::ZERO)).reason, Reason::Time);
}

#[test]
fn observers_see_what_they_asked_for() {
    let problem = LeastSquares::random(10, 3, 5);
    let solver = Sgd { step_size: 0.1.into(), batch_size: 2, order: Order::Reshuffled, seed: 1 };
    let mut iterations = Vec::new();
    let mut observer = (
        Trace::new(Every::Work(10), |problem: &LeastSquares, x: &Vec<f64>| {
            Ok(distance(&problem.operator(x)?, &[0.0; 3]))
        }),
        ProgressObserver::new(Every::Iterations(4), |iteration, _| iterations.push(iteration)),
    );
    run_observed(&solver, &problem, vec![0.0; 3], &Stop::after(12), &mut observer).unwrap();
    let work: Vec<_> = observer.0.points().iter().map(|point| point.work.components).collect();
    assert_eq!(work, [0, 10, 20, 24]);
    assert!(observer.0.points()[3].value < observer.0.points()[0].value);
    drop(observer);
    assert_eq!(iterations, [0, 4, 8, 12]);
}

/// Not a number from the fifth evaluation on.
struct Breaks(Cell<u32>);
impl Operator for Breaks {
    type Point = Vec<f64>;
    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.0.set(self.0.get() + 1);
        Ok(if self.0.get() >= 5 { vec![f64::NAN] } else { z.clone() })
    }
}

#[test]
fn divergence_is_an_error_that_holds_the_last_good_iterate() {
    let problem = Quadratic::diagonal(vec![1.0, 4.0], vec![1.0, 1.0]).unwrap();
    let solver = GradientDescent { step_size: 1.0.into() };
    match run(&solver, &problem, vec![0.0, 0.0], &Stop::after(1000)).unwrap_err() {
        RunError::Diverged { iteration, last, .. } => {
            assert_eq!(last.iteration, iteration - 1);
            assert!(last.iterate.iter().all(|x| x.is_finite() && x.abs() < 1e3));
        }
        other => panic!("{other}"),
    }

    // The bound is the caller's.
    let limit = |growth| Stop { growth: Some(growth), ..Stop::after(12) };
    assert!(run(&solver, &problem, vec![0.0, 0.0], &Stop::after(12)).is_err());
    assert!(run(&solver, &problem, vec![0.0, 0.0], &limit(f64::INFINITY)).is_ok());
    for growth in [0.0, f64::NAN] {
        let refused = run(&solver, &problem, vec![0.0, 0.0], &limit(growth));
        assert!(matches!(
            refused,
            Err(RunError::Start(OptimError::Input(InputError::Setting { name: "growth", .. })))
        ));
    }

    let solver = GradientDescent { step_size: 0.5.into() };
    match run(&solver, &Breaks(Cell::new(0)), vec![1.0], &Stop::after(10)).unwrap_err() {
        RunError::Diverged { iteration, last, what } => {
            assert_eq!((iteration, last.iteration, last.iterate), (5, 4, vec![0.5_f64.powi(4)]));
            assert_eq!(what, "is not finite");
        }
        other => panic!("{other}"),
    }
    let not_a_number = run(&solver, &Breaks(Cell::new(0)), vec![f64::NAN], &Stop::after(10));
    assert!(matches!(not_a_number, Err(RunError::Start(OptimError::Input(InputError::NotFinite { .. })))));
}

/// `½x² − bx` is solved from 0, whatever `b`, and where a run diverges it is noticed at the same step: what
/// is called divergence has no unit.
#[test]
fn divergence_has_no_unit() {
    let stop = Stop::after(50_000);
    let mut noticed = Vec::new();
    for b in [2.0_f64.powi(-30), 1.0, 2.0_f64.powi(18), 2.0_f64.powi(40)] {
        let problem = Quadratic::diagonal(vec![1.0, 1e-4], vec![b, b]).unwrap();
        let run = |step_size: f64| {
            let solver = Nesterov { step_size: step_size.into(), momentum: None };
            run(&solver, &problem, vec![0.0; 2], &stop)
        };
        let found = run(1.0).unwrap().state.iterate;
        assert!((found[1] / (1e4 * b) - 1.0).abs() < 1e-3, "{found:?} for {b}");
        let Err(RunError::Diverged { iteration, last, .. }) = run(3.0) else { panic!("{b}: no divergence") };
        assert_eq!(last.iteration, iteration - 1);
        noticed.push(iteration);
    }
    assert!(noticed[0] < 20 && noticed.iter().all(|iteration| *iteration == noticed[0]), "{noticed:?}");
}

#[test]
fn all_work_counts() {
    let one = Work {
        components: 1,
        partial_gradients: 1,
        block_minimizations: 2,
        partial_derivatives: 3,
        values: 4,
        hessian_vector_products: 5,
    };
    let mut two = one;
    two += one;
    let twice = Work {
        components: 2,
        partial_gradients: 2,
        block_minimizations: 4,
        partial_derivatives: 6,
        values: 8,
        hessian_vector_products: 10,
    };
    assert_eq!(two, twice);
    assert_eq!((one.units(), two.units()), (1 + 2 + 3 + 4 + 5, 2 + 3 + 6 + 8 + 10));
}

/// What is wrong with a state of another run is said in words.
#[test]
fn a_state_says_what_differs() {
    let problem = LeastSquares::random(10, 3, 5);
    let start = vec![0.0; 3];
    let state = run(&Svrg::new(0.1, 3), &problem, start.clone(), &Stop::after(4)).unwrap().state;
    let bytes = state.to_bytes().unwrap();
    let read = |solver: &Svrg| State::from_bytes(&bytes, solver, &problem, &start).unwrap_err().to_string();
    let words = read(&Svrg { batch_size: 2, ..Svrg::new(0.1, 3) });
    assert!(words.contains("setting batch_size is 1, but 2"), "{words}");
    let words = read(&Svrg { order: Order::FlipFlop, ..Svrg::new(0.1, 3) });
    assert!(words.contains("setting order is with-replacement, but flip-flop"), "{words}");
    let words = read(&Svrg::new(0.2, 3));
    assert!(words.contains("setting step_size is {constant: 0.1}, but {constant: 0.2}"), "{words}");
    let words = State::from_bytes(&bytes, &Saga::new(0.1, 3), &problem, &start).unwrap_err().to_string();
    assert!(words.contains("method is svrg, but saga"), "{words}");
    let fewer = LeastSquares::random(9, 3, 5);
    let words = State::from_bytes(&bytes, &Svrg::new(0.1, 3), &fewer, &start).unwrap_err().to_string();
    assert!(words.contains("number of components is 10, but 9"), "{words}");
    let resumed = resume(&Svrg::new(0.1, 4), &problem, state, &Stop::after(9));
    assert!(matches!(resumed, Err(RunError::Start(OptimError::OtherRun { .. }))));
}

/// A file keeps the state from before a run went wrong.
#[test]
fn a_diverged_iterate_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.state");
    let solver = GradientDescent { step_size: 0.5.into() };
    let stop = Stop { check_every: Some(100), ..Stop::after(10) };
    let problem = Breaks(Cell::new(0));
    let mut checkpoint = Checkpoint::new(Every::Iterations(1), &path);
    assert!(run_observed(&solver, &problem, vec![1.0], &stop, &mut checkpoint).is_err());
    let state = Checkpoint::read(&path, &solver, &problem, vec![1.0]).unwrap();
    assert_eq!((state.iteration, state.iterate), (4, vec![0.5_f64.powi(4)]));
}

#[test]
fn bad_settings_are_refused() {
    let problem = LeastSquares::random(10, 3, 5);
    let refused = |result: Result<(), OptimError>| {
        assert!(matches!(result, Err(OptimError::Input(InputError::Setting { .. }))), "{result:?}");
    };
    let init = |step_size: f64, batch_size: usize| {
        let sgd = Sgd { step_size: step_size.into(), batch_size, order: Order::Cyclic, seed: 0 };
        sgd.init(&problem, &vec![0.0; 3]).map(drop)
    };
    init(0.1, 10).unwrap();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(init(bad, 1));
        refused(GradientDescent { step_size: bad.into() }.init(&problem, &vec![0.0; 3]));
        refused(Saga::new(bad, 0).init(&problem, &vec![0.0; 3]).map(drop));
        let flat = ConvexConstants { strong_convexity: bad, smoothness: 1.0 };
        refused(Katyusha::new(flat, 0).init(&problem, &vec![0.0; 3]).map(drop));
        refused(HeavyBall::for_constants(flat).map(drop));
        let steep = ConvexConstants { strong_convexity: 1.0, smoothness: bad };
        refused(Nesterov::for_constants(steep).map(drop));
        refused(StepSize::Warmup { from: bad, to: 1.0, iterations: 3 }.check("step_size"));
        refused(StepSize::Power { initial: 1.0, period: bad, exponent: 1.0 }.check("step_size"));
    }
    refused(init(0.1, 0));
    refused(init(0.1, 11));
    refused(HeavyBall { step_size: 0.1.into(), momentum: 1.0 }.init(&problem, &vec![0.0; 3]).map(drop));
    refused(Svrg { epoch_length: Some(0), ..Svrg::new(0.1, 0) }.init(&problem, &vec![0.0; 3]).map(drop));
    let coin = LooplessSvrg { anchor_probability: Some(1.5), ..LooplessSvrg::new(0.1, 0) };
    refused(coin.init(&problem, &vec![0.0; 3]).map(drop));
    assert!(matches!(Sampler::new(Order::Cyclic, 0, 1, 0), Err(OptimError::Input(InputError::Empty { .. }))));
    assert!(matches!(problem.batch(&[], &vec![0.0; 3]), Err(OptimError::Input(InputError::Empty { .. }))));
    assert!(matches!(problem.batch(&[10], &vec![0.0; 3]), Err(OptimError::Input(InputError::Index { .. }))));

    let wrong_shape = run(&Svrg::new(0.1, 0), &problem, vec![0.0; 2], &Stop::after(1));
    assert!(matches!(
        wrong_shape,
        Err(RunError::Step { iteration: 1, source: OptimError::Tensor(TensorError::Input(_)), .. })
    ));
}

/// `½‖(x, y) − c‖²` as the saddle operator of a pair is enough to see that methods do not care what a point
/// is.
struct Pull<V>(V);

impl<V: kiln_tensor::Vector> Operator for Pull<V> {
    type Point = V;
    fn operator(&self, z: &V) -> Result<V, OptimError> {
        Ok(z.sub(&self.0)?)
    }
    fn components(&self) -> usize {
        3
    }
}

impl<V: kiln_tensor::Vector> FiniteSum for Pull<V> {
    fn batch(&self, batch: &[usize], z: &V) -> Result<V, OptimError> {
        check_batch(batch, 3)?;
        self.operator(z)
    }
}

#[test]
fn one_method_moves_slices_and_pairs() {
    fn moves<V: Coordinates + std::fmt::Debug>(start: &V, target: V) {
        let target_coordinates = target.coordinates().unwrap();
        let end = run(&Svrg::new(0.5, 1), &Pull(target), start.clone(), &Stop::after(60)).unwrap();
        assert!(distance(&end.state.iterate.coordinates().unwrap(), &target_coordinates) < 1e-12);
    }
    moves(&vec![0.0; 3], vec![1.0, 2.0, 3.0]);
    moves(&(vec![0.0; 2], vec![5.0]), (vec![1.0, 2.0], vec![3.0]));
    moves(&((vec![0.0], vec![0.0]), vec![5.0]), ((vec![1.0], vec![2.0]), vec![3.0]));
}

type BatchLoss = Box<dyn Fn(&Linear, &[usize]) -> Tensor<1>>;

/// Least squares on a Burn module; returns the problem in both forms, and the module.
fn linear_regression(
    device: &Device,
) -> (LeastSquares, ModuleObjective<Linear, BatchLoss>, Parameters<Linear>) {
    let problem = LeastSquares { ridge: 0.0, ..LeastSquares::random(8, 3, 11) };
    let device = device.clone().autodiff();
    let flat: Vec<f32> = problem.rows.concat().iter().map(|&x| x as f32).collect();
    let inputs = Tensor::<1>::from_data(flat.as_slice(), &device).reshape([8, 3]);
    let targets: Vec<f32> = problem.targets.iter().map(|&x| x as f32).collect();
    let targets = Tensor::<1>::from_data(targets.as_slice(), &device).reshape([8, 1]);
    let module = LinearConfig::new(3, 1).with_bias(false).init(&device);
    let loss: BatchLoss = Box::new(move |module, batch| {
        let rows: Vec<i32> = batch.iter().map(|&i| i32::try_from(i).unwrap()).collect();
        let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &inputs.device());
        let error = module.forward(inputs.clone().select(0, rows.clone())) - targets.clone().select(0, rows);
        error.powf_scalar(2.0).mean() / 2.0
    });
    let start = Parameters::new(module).with_coordinates(&[0.5, -0.5, 0.25]).unwrap();
    (problem, ModuleObjective::new(8, loss).unwrap(), start)
}

device_tests! {
    fn a_module_trains_as_the_slice_does(device) {
        let (slice, module, start) = linear_regression(device);
        let solver = Saga { order: Order::Reshuffled, ..Saga::new(0.1, 5) };
        let stop = Stop::after(24);
        let on_module = run(&solver, &module, start.clone(), &stop).unwrap().state;
        let on_slice = run(&solver, &slice, vec![0.5, -0.5, 0.25], &stop).unwrap().state;
        let trained = on_module.iterate.coordinates().unwrap();
        assert!(distance(&trained, &on_slice.iterate) < 1e-5, "{trained:?} {:?}", on_slice.iterate);
        assert!(distance(&trained, &[0.5, -0.5, 0.25]) > 1e-2);
        assert_eq!(on_module.work, on_slice.work);

        // Stored and resumed on the device, bit for bit.
        let part = run(&solver, &module, start.clone(), &Stop::after(10)).unwrap().state;
        let restored = State::from_bytes(&part.to_bytes().unwrap(), &solver, &module, &start).unwrap();
        let resumed = resume(&solver, &module, restored, &stop).unwrap().state;
        assert_eq!(resumed.to_bytes().unwrap(), on_module.to_bytes().unwrap());

        // A module without autodiff is an error, and chunks change nothing but rounding.
        let plain = Parameters::new(burn::module::Module::valid(start.as_ref()));
        assert!(matches!(module.operator(&plain), Err(OptimError::Problem(_))));
        let whole = module.operator(&start).unwrap().coordinates().unwrap();
        let chunked = module.in_chunks_of(3).unwrap().operator(&start).unwrap();
        assert!(distance(&whole, &chunked.coordinates().unwrap()) < 1e-6);
    }
}
