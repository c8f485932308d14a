//! First-order methods: unbiasedness, special cases, rates, proximal forms.

use kiln_optim::first_order::{
    ConvexConstants, GradientDescent, HeavyBall, Katyusha, LooplessSvrg, Nesterov, Saga, Sgd, Svrg,
    SvrgBarzilaiBorwein,
};
use kiln_optim::problems::{AffineFiniteSum, Quadratic};
use kiln_optim::{
    Composite, FiniteSum, Objective, Operator, OptimError, Order, Solver, State, StepSize, Stop, residual,
    run,
};
use kiln_tensor::Vector;
use kiln_tensor::prox::L1;
use proptest::prelude::*;

use crate::core::{LeastSquares, distance};

const STEP: f64 = 0.05;

fn state_after<S: Solver<LeastSquares>>(
    solver: &S,
    problem: &LeastSquares,
    steps: u64,
) -> State<Vec<f64>, S::Memory> {
    let start = vec![0.4; problem.rows[0].len()];
    run(solver, problem, start, &Stop::after(steps)).unwrap().state
}

/// The problem with components renumbered, so that one order visits each of them next.
struct Rotated<'a>(&'a LeastSquares, usize);

impl Operator for Rotated<'_> {
    type Point = Vec<f64>;
    fn operator(&self, x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.0.operator(x)
    }
    fn components(&self) -> usize {
        self.0.components()
    }
}

impl FiniteSum for Rotated<'_> {
    fn batch(&self, batch: &[usize], x: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        let batch: Vec<_> = batch.iter().map(|i| (i + self.1) % self.0.components()).collect();
        self.0.batch(&batch, x)
    }
}

/// Where one step with each component in turn goes, as descent directions.
fn directions<'a, S, M>(solver: &S, problem: &'a LeastSquares, state: &State<Vec<f64>, M>) -> Vec<Vec<f64>>
where
    S: Solver<Rotated<'a>, Memory = M>,
    M: Clone,
{
    (0..problem.components())
        .map(|rotation| {
            let mut next = state.clone();
            solver.advance(&Rotated(problem, rotation), &mut next).unwrap();
            let mut direction = state.iterate.sub(&next.iterate).unwrap();
            direction.scale(1.0 / STEP);
            direction
        })
        .collect()
}

fn mean(vectors: &[Vec<f64>]) -> Vec<f64> {
    let mut mean = vectors[0].zeros_like();
    for vector in vectors {
        mean.axpy(1.0 / vectors.len() as f64, vector).unwrap();
    }
    mean
}

fn sgd(order: Order) -> Sgd {
    Sgd { step_size: STEP.into(), batch_size: 1, order, seed: 9 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// F1: the mean of the step over all components is the gradient.
    #[test]
    fn variance_reduced_steps_are_unbiased(n in 2..9_usize, steps in 1..30_u64, seed: u64) {
        let problem = LeastSquares::random(n, 3, seed);
        // Never a new anchor at the step that is enumerated.
        let svrg = Svrg { order: Order::Cyclic, epoch_length: Some(1000), ..Svrg::new(STEP, 1) };
        let state = state_after(&svrg, &problem, steps);
        let gradient = problem.operator(&state.iterate).unwrap();
        prop_assert!(distance(&mean(&directions(&svrg, &problem, &state)), &gradient) < 1e-12);

        let loopless =
            LooplessSvrg { order: Order::Cyclic, anchor_probability: Some(0.3), ..LooplessSvrg::new(STEP, seed) };
        let state = state_after(&loopless, &problem, steps);
        let gradient = problem.operator(&state.iterate).unwrap();
        prop_assert!(distance(&mean(&directions(&loopless, &problem, &state)), &gradient) < 1e-12);

        let saga = Saga { order: Order::Reshuffled, ..Saga::new(STEP, seed) };
        let state = state_after(&saga, &problem, steps);
        let gradient = problem.operator(&state.iterate).unwrap();
        let possible: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let mut direction = problem.component(i, &state.iterate).sub(&state.memory.table()[i]).unwrap();
                direction.axpy(1.0, state.memory.mean()).unwrap();
                direction
            })
            .collect();
        prop_assert!(distance(&mean(&possible), &gradient) < 1e-12);
        let mut next = state.clone();
        saga.advance(&problem, &mut next).unwrap();
        let mut moved = state.iterate.sub(&next.iterate).unwrap();
        moved.scale(1.0 / STEP);
        prop_assert!(possible.iter().any(|direction| distance(direction, &moved) < 1e-12));
    }

    /// F2: with the anchor at the point, every component gives the gradient step.
    #[test]
    fn a_fresh_anchor_gives_gradient_descent(n in 2..9_usize, seed: u64) {
        let problem = LeastSquares::random(n, 3, seed);
        let svrg = Svrg { order: Order::Cyclic, epoch_length: Some(1), ..Svrg::new(STEP, seed) };
        let state = state_after(&svrg, &problem, 3);
        let gradient = problem.operator(&state.iterate).unwrap();
        for direction in directions(&svrg, &problem, &state) {
            prop_assert!(distance(&direction, &gradient) < 1e-12);
        }
        let descent = state_after(&GradientDescent { step_size: STEP.into() }, &problem, 20);
        prop_assert!(distance(&state_after(&svrg, &problem, 20).iterate, &descent.iterate) < 1e-12);
        // F6: loopless SVRG with p = 1 is gradient descent, with p = 0 it is SVRG with one anchor for ever.
        let always = LooplessSvrg { anchor_probability: Some(1.0), ..LooplessSvrg::new(STEP, seed) };
        prop_assert!(distance(&state_after(&always, &problem, 20).iterate, &descent.iterate) < 1e-12);
        let never = LooplessSvrg { anchor_probability: Some(0.0), ..LooplessSvrg::new(STEP, seed) };
        let eternal = Svrg { epoch_length: Some(1000), ..Svrg::new(STEP, seed) };
        prop_assert_eq!(
            state_after(&never, &problem, 20).iterate, state_after(&eternal, &problem, 20).iterate
        );
        // A batch of everything is gradient descent too, for SAGA from the second step on.
        let whole = Sgd { batch_size: n, ..sgd(Order::Reshuffled) };
        prop_assert!(distance(&state_after(&whole, &problem, 20).iterate, &descent.iterate) < 1e-12);
        let saga = Saga { batch_size: n, order: Order::Reshuffled, ..Saga::new(STEP, seed) };
        prop_assert!(distance(&state_after(&saga, &problem, 20).iterate, &descent.iterate) < 1e-12);
    }

    /// F3: when all components agree at the anchor, SVRG steps as SGD does. F4: when all components are
    /// equal, every method is gradient descent.
    #[test]
    fn useless_anchors_and_equal_components(n in 2..9_usize, seed: u64) {
        let mut problem = LeastSquares::random(n, 3, seed);
        let start = vec![0.4; 3];
        // Targets that every component meets at the start: gradients there are the ridge's alone.
        problem.targets =
            problem.rows.iter().map(|row| row.iter().zip(&start).map(|(a, x)| a * x).sum()).collect();
        let svrg = Svrg { order: Order::Reshuffled, epoch_length: Some(1000), ..Svrg::new(STEP, 9) };
        let plain = state_after(&sgd(Order::Reshuffled), &problem, 25).iterate;
        prop_assert!(distance(&state_after(&svrg, &problem, 25).iterate, &plain) < 1e-12);

        let mut equal = LeastSquares::random(n, 3, seed);
        equal.rows = vec![equal.rows[0].clone(); n];
        equal.targets = vec![equal.targets[0]; n];
        let descent = state_after(&GradientDescent { step_size: STEP.into() }, &equal, 25).iterate;
        let close = |iterate: Vec<f64>| distance(&iterate, &descent) < 1e-12;
        prop_assert!(close(state_after(&sgd(Order::WithReplacement), &equal, 25).iterate));
        prop_assert!(close(state_after(&Svrg::new(STEP, 1), &equal, 25).iterate));
        prop_assert!(close(state_after(&LooplessSvrg::new(STEP, 1), &equal, 25).iterate));
    }

    /// F5: the running mean of SAGA is the mean of its table, also with repeated indices in a batch.
    #[test]
    fn the_mean_of_sagas_table_does_not_drift(n in 2..9_usize, batch_size in 1..5_usize, seed: u64) {
        let problem = LeastSquares::random(n, 3, seed);
        let saga = Saga { batch_size: batch_size.min(n), ..Saga::new(0.02, seed) };
        let state = state_after(&saga, &problem, 60 * n as u64);
        prop_assert!(distance(&mean(state.memory.table()), state.memory.mean()) <= 1e-12);
    }

    /// F8: at the solution, with the anchor there, variance-reduced methods stay and SGD does not.
    #[test]
    fn variance_vanishes_at_the_solution(n in 3..9_usize, seed: u64) {
        let problem = LeastSquares::random(n, 2, seed);
        let solution = problem.minimizer();
        let after = |solver: &dyn Fn() -> Vec<f64>| distance(&solver(), &solution);
        let go = |solver: &Svrg| run(solver, &problem, solution.clone(), &Stop::after(50)).unwrap();
        prop_assert!(after(&|| go(&Svrg::new(STEP, seed)).state.iterate) < 1e-9);
        let noisy = run(&sgd(Order::WithReplacement), &problem, solution.clone(), &Stop::after(50)).unwrap();
        let noise = (0..n).map(|i| distance(&problem.component(i, &solution), &[0.0; 2])).fold(0.0, f64::max);
        prop_assert!(distance(&noisy.state.iterate, &solution) > 1e-3 * STEP * noise);
    }

    /// Polyak's boundary on quadratics, `η h < 2 (1 + β)`, and heavy ball with β = 0 as gradient descent.
    #[test]
    fn heavy_ball_is_stable_up_to_its_boundary(curvature in 0.1..10.0_f64, momentum in 0.0..0.95_f64) {
        let problem = Quadratic::diagonal(vec![curvature], vec![0.0]).unwrap();
        let boundary = 2.0 * (1.0 + momentum) / curvature;
        let go = |step_size: f64, momentum: f64| {
            let solver = HeavyBall { step_size: step_size.into(), momentum };
            run(&solver, &problem, vec![1.0], &Stop::after(20_000)).map(|end| end.state.iterate[0].abs())
        };
        prop_assert!(go(boundary * 0.99, momentum).unwrap() < 1e-6);
        // At the boundary the root is −1 exactly: what is left neither grows nor vanishes.
        let amplitude = go(boundary, momentum).unwrap();
        prop_assert!(amplitude > 1e-3 && amplitude < 1e3, "{}", amplitude);
        prop_assert!(go(boundary * 1.01, momentum).is_err());
        let plain = GradientDescent { step_size: (1.0 / curvature / 3.0).into() };
        let plain = run(&plain, &problem, vec![1.0], &Stop::after(10)).unwrap().state.iterate;
        let heavy = HeavyBall { step_size: (1.0 / curvature / 3.0).into(), momentum: 0.0 };
        let heavy = run(&heavy, &problem, vec![1.0], &Stop::after(10)).unwrap().state.iterate;
        prop_assert_eq!(heavy, plain);
    }

    /// The rates that theory gives on strongly convex quadratics, and Nesterov's bound for convex ones at
    /// every step.
    #[test]
    fn deterministic_methods_meet_their_rates(
        middle in prop::collection::vec(0.01..1.0_f64, 1..6),
        start in prop::collection::vec(-1.0..1.0_f64, 8),
    ) {
        let mut curvatures = vec![0.01, 1.0];
        curvatures.extend(middle);
        let dimension = curvatures.len();
        let problem = Quadratic::diagonal(curvatures, vec![0.0; dimension]).unwrap();
        let start = start[..dimension].to_vec();
        let initial = start.norm().unwrap();
        let eigenvalues = problem.eigenvalues().unwrap();
        prop_assert!((eigenvalues[0] - 0.01).abs() < 1e-12 && (eigenvalues[dimension - 1] - 1.0).abs() < 1e-12);

        let steps = 400;
        let end = |iterate: Vec<f64>| iterate.norm().unwrap() / initial;
        let descent = GradientDescent { step_size: 1.0.into() };
        let descent = run(&descent, &problem, start.clone(), &Stop::after(steps)).unwrap();
        prop_assert!(end(descent.state.iterate) <= 0.99_f64.powi(steps as i32) * (1.0 + 1e-9));

        // Heavy ball: ((√κ − 1)/(√κ + 1))ᵗ up to a factor that grows linearly in t.
        let constants = |strong_convexity| ConvexConstants { strong_convexity, smoothness: 1.0 };
        let heavy = HeavyBall::for_constants(constants(0.01)).unwrap();
        let heavy = run(&heavy, &problem, start.clone(), &Stop::after(steps)).unwrap();
        prop_assert!(end(heavy.state.iterate) <= (9.0_f64 / 11.0).powi(steps as i32) * 20.0 * steps as f64);

        // f − f* ≤ (1 − 1/√κ)ᵗ (f(z₀) − f* + μ/2 ‖z₀ − z*‖²).
        let nesterov = Nesterov::for_constants(constants(0.01)).unwrap();
        let nesterov = run(&nesterov, &problem, start.clone(), &Stop::after(steps)).unwrap();
        let bound = 0.9_f64.powi(steps as i32) * (problem.value(&start).unwrap() + 0.005 * initial * initial);
        prop_assert!(problem.value(&nesterov.state.iterate).unwrap() <= bound * (1.0 + 1e-6) + 1e-30);

        let convex = Nesterov::for_constants(constants(0.0)).unwrap();
        let mut state = convex.start(&problem, start.clone()).unwrap();
        for t in 1..=100 {
            convex.advance(&problem, &mut state).unwrap();
            let bound = 2.0 * initial * initial / f64::from(t + 1).powi(2);
            prop_assert!(problem.value(&state.iterate).unwrap() <= bound * (1.0 + 1e-12));
        }
    }

    /// The lasso with an orthonormal design has a closed form, which every proximal method must find.
    #[test]
    fn proximal_forms_solve_the_lasso(
        targets in prop::collection::vec(-2.0..2.0_f64, 4),
        weight in 0.05..1.0_f64,
        seed: u64,
    ) {
        let mut problem = LeastSquares::random(4, 4, 0);
        problem.ridge = 0.0;
        for (i, row) in problem.rows.iter_mut().enumerate() {
            *row = (0..4).map(|j| if i == j { 2.0 } else { 0.0 }).collect();
        }
        problem.targets.clone_from(&targets);
        // f(x) = ¼ Σ ½ (2xᵢ − bᵢ)² = ½ Σ (xᵢ − bᵢ/2)².
        let expected: Vec<f64> =
            targets.iter().map(|b| (b / 2.0).signum() * ((b / 2.0).abs() - weight).max(0.0)).collect();
        let lasso = Composite { problem, regularizer: L1 { weight } };
        let stop = Stop::after(4000);
        let descent = GradientDescent { step_size: 0.5.into() };
        let constants = ConvexConstants { strong_convexity: 1.0, smoothness: 4.0 };
        let found = [
            run(&descent, &lasso, vec![0.0; 4], &stop).unwrap().state.iterate,
            run(&Nesterov { step_size: 0.5.into(), momentum: None }, &lasso, vec![0.0; 4], &stop)
                .unwrap().state.iterate,
            run(&HeavyBall { step_size: 0.5.into(), momentum: 0.5 }, &lasso, vec![0.0; 4], &stop)
                .unwrap().state.iterate,
            run(&Svrg::new(0.05, seed), &lasso, vec![0.0; 4], &stop).unwrap().state.iterate,
            run(&LooplessSvrg::new(0.05, seed), &lasso, vec![0.0; 4], &stop).unwrap().state.iterate,
            run(&Saga::new(0.05, seed), &lasso, vec![0.0; 4], &stop).unwrap().state.iterate,
            run(&Katyusha::new(constants, seed), &lasso, vec![0.0; 4], &stop).unwrap().state.iterate,
        ];
        for iterate in found {
            prop_assert!(distance(&iterate, &expected) < 1e-6, "{:?} {:?}", iterate, expected);
            prop_assert!(residual(&lasso, &iterate).unwrap() < 1e-6);
        }
    }
}

/// On one well-conditioned problem, over several seeds: what reduces variance converges with a constant step,
/// plain SGD does not, and all of it within the number of passes that theory allows.
#[test]
fn variance_reduction_converges_linearly() {
    for seed in 0..5 {
        let problem = LeastSquares::random(50, 5, seed);
        let solution = problem.minimizer();
        let smoothness = problem.smoothness();
        let error =
            |solver: &dyn Fn(&Stop) -> Vec<f64>| distance(&solver(&Stop::after_work(60 * 50)), &solution);
        let go = |stop: &Stop, step_size: f64| {
            run(&Svrg::new(step_size, seed), &problem, vec![0.0; 5], stop).unwrap().state.iterate
        };
        assert!(error(&|stop| go(stop, 1.0 / (4.0 * smoothness))) < 1e-6);
        let saga = Saga::new(1.0 / (3.0 * smoothness), seed);
        assert!(error(&|stop| run(&saga, &problem, vec![0.0; 5], stop).unwrap().state.iterate) < 1e-6);
        let loopless = LooplessSvrg::new(1.0 / (6.0 * smoothness), seed);
        assert!(error(&|stop| run(&loopless, &problem, vec![0.0; 5], stop).unwrap().state.iterate) < 1e-3);
        let katyusha = Katyusha::new(ConvexConstants { strong_convexity: 0.1, smoothness }, seed);
        assert!(error(&|stop| run(&katyusha, &problem, vec![0.0; 5], stop).unwrap().state.iterate) < 1e-6);
        let plain =
            Sgd { step_size: StepSize::from(1.0 / (2.0 * smoothness)), ..sgd(Order::WithReplacement) };
        assert!(error(&|stop| run(&plain, &problem, vec![0.0; 5], stop).unwrap().state.iterate) > 1e-3);
    }
}

/// The methods use operator values only, so a game is a problem like any other: variance reduction finds its
/// saddle point, where SGD stays at a distance.
#[test]
fn variance_reduction_solves_games() {
    for seed in 0..3 {
        let game = AffineFiniteSum::strongly_monotone_games(10, 3, seed).unwrap();
        let saddle = game.solution();
        let (start, stop) = (vec![1.0; 6], Stop::after(6000));
        let error = |iterate: Vec<f64>| distance(&iterate, &saddle) / distance(&start, &saddle);
        let svrg = run(&Svrg::new(0.02, seed), &game, start.clone(), &stop).unwrap();
        assert!(error(svrg.state.iterate) < 1e-9);
        let saga = run(&Saga::new(0.02, seed), &game, start.clone(), &stop).unwrap();
        assert!(error(saga.state.iterate) < 1e-9);
        let plain = Sgd { step_size: 0.02.into(), ..sgd(Order::WithReplacement) };
        let plain = run(&plain, &game, start.clone(), &stop).unwrap();
        assert!(error(plain.state.iterate) > 1e-4);
    }
}

/// SVRG-BB: the step sizes are those of its formula on the anchors, between `1/(mL)` and `1/(mμ)`; with one
/// anchor it is SVRG; and it converges from first steps that differ a thousandfold.
#[test]
fn barzilai_and_borwein_find_the_step_size() {
    for seed in 0..5 {
        let problem = LeastSquares::random(50, 5, seed);
        let (solution, start) = (problem.minimizer(), vec![0.0; 5]);
        // The Hessian's eigenvalues lie between the ridge and the largest smoothness of a row.
        let (mu, l) = (problem.ridge, problem.smoothness());
        let m = 100;
        for initial_step in [1e-5 / l, 1e-2 / l] {
            let solver =
                SvrgBarzilaiBorwein { epoch_length: Some(m), ..SvrgBarzilaiBorwein::new(initial_step, seed) };
            let mut state = solver.start(&problem, start.clone()).unwrap();
            let mut anchors: Vec<Vec<f64>> = Vec::new();
            for t in 0..60 * m {
                if t % m == 0 {
                    anchors.push(state.iterate.clone());
                }
                solver.advance(&problem, &mut state).unwrap();
                let step = state.memory.step_size();
                if let [.., last, now] = &anchors[..] {
                    let moved = now.sub(last).unwrap();
                    if moved.norm().unwrap() > 1e-8 {
                        let change =
                            problem.operator(now).unwrap().sub(&problem.operator(last).unwrap()).unwrap();
                        let expected = moved.dot(&moved).unwrap() / moved.dot(&change).unwrap() / m as f64;
                        assert!((step / expected - 1.0).abs() < 1e-6, "{step} {expected}");
                        assert!(step * m as f64 * mu < 1.0 + 1e-6 && step * m as f64 * l > 1.0 - 1e-6);
                    }
                } else {
                    assert_eq!(step, initial_step);
                }
            }
            assert!(distance(&state.iterate, &solution) < 1e-6, "{initial_step}");
        }
        let plain = Svrg { epoch_length: Some(1000), ..Svrg::new(0.05, seed) };
        let adaptive =
            SvrgBarzilaiBorwein { epoch_length: Some(1000), ..SvrgBarzilaiBorwein::new(0.05, seed) };
        let same = [state_after(&plain, &problem, 40).iterate, state_after(&adaptive, &problem, 40).iterate];
        assert_eq!(same[0], same[1]);
    }
}
