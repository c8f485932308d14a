//! Frank-Wolfe: its certificate, its rate, sparse iterates, and the solutions of projected gradients.

use kiln_optim::faer::Mat;
use kiln_optim::first_order::{FrankWolfe, GradientDescent, LinearMinimization, duality_gap};
use kiln_optim::problems::Quadratic;
use kiln_optim::{Composite, Objective, Operator, OptimError, RunError, Solver, Stop, run};
use kiln_tensor::prox::{Bounds, L1Ball, L2Ball, LinearOracle, NuclearBall, Prox, Shifted, Simplex};
use kiln_tensor::{TensorError, Vector};
use proptest::prelude::*;

use crate::core::distance;

/// `½ xᵀ(MᵀM + I/10)x − bᵀx`
fn quadratic(entries: &[f64], linear: &[f64]) -> Quadratic {
    let d = linear.len();
    let m = Mat::from_fn(d, d, |i, j| entries[i * d + j]);
    let mut hessian = m.transpose() * &m;
    for i in 0..d {
        hessian[(i, i)] += 0.1;
    }
    let symmetric = Mat::from_fn(d, d, |i, j| f64::midpoint(hessian[(i, j)], hessian[(j, i)]));
    Quadratic::new(symmetric, linear.to_vec()).unwrap()
}

/// The minimizer by many projected gradient steps, which share no line with Frank-Wolfe.
fn reference<G: Prox<Vec<f64>>>(problem: &Composite<Quadratic, G>, start: Vec<f64>) -> Vec<f64> {
    let smoothness = *problem.problem.eigenvalues().unwrap().last().unwrap();
    let solver = GradientDescent { step_size: (1.0 / smoothness).into() };
    run(&solver, problem, start, &Stop::after(20_000).or_residual(1e-13)).unwrap().state.iterate
}

fn holds<G: LinearOracle<Vec<f64>>>(set: G, quadratic: &Quadratic) -> Result<(), TestCaseError> {
    let problem = Composite { problem: quadratic.clone(), regularizer: set };
    let d = quadratic.operator(&vec![0.0; 4]).unwrap().len();
    let best = problem.value(&reference(&problem, vec![0.0; d])).unwrap();
    let smoothness = *quadratic.eigenvalues().unwrap().last().unwrap();
    for solver in [FrankWolfe::default(), FrankWolfe { smoothness: Some(smoothness) }] {
        let mut state = solver.start(&problem, vec![2.0; d]).unwrap();
        // The largest squared distance of two points that the run can meet.
        let mut diameter = 0.0_f64;
        let mut value = problem.value(&state.iterate).unwrap();
        prop_assert!(value.is_finite(), "the start was projected");
        for _ in 0..200 {
            let here = state.iterate.clone();
            let gap = duality_gap(&problem, &here).unwrap();
            let vertex = problem.minimize_linear(&problem.operator(&here).unwrap()).unwrap();
            diameter = diameter.max(distance(&vertex, &here));
            prop_assert!(value - best <= gap + 1e-9, "the gap is a bound: {} {}", value - best, gap);
            solver.advance(&problem, &mut state).unwrap();
            prop_assert_eq!(state.memory.gap(), Some(gap));
            let next = problem.value(&state.iterate).unwrap();
            prop_assert!(next.is_finite() && next <= value + 1e-9, "feasible, and never worse");
            value = next;
        }
        // Jaggi 2013, Theorem 1: 2C/(t + 2), with the curvature C at most L times the squared diameter, which is
        // at most twice the largest distance to a vertex.
        prop_assert!(value - best <= 2.0 * smoothness * (2.0 * diameter).powi(2) / 202.0 + 1e-9);
    }
    Ok(())
}

/// No point of the set, tried at projections of many, does better than the oracle's.
fn assert_least<G: LinearOracle<Vec<f64>>>(set: &G, direction: &Vec<f64>, others: &[Vec<f64>]) {
    let point = set.minimize_linear(direction).unwrap();
    let value = direction.dot(&point).unwrap();
    assert_eq!(set.value(&point).unwrap(), 0.0, "in the set");
    for other in others {
        let mut other = other.clone();
        set.project(&mut other).unwrap();
        assert!(direction.dot(&other).unwrap() >= value - 1e-9);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_gap_bounds_the_error_and_both_vanish(
        entries in prop::collection::vec(-1.0..1.0_f64, 16),
        linear in prop::collection::vec(-3.0..3.0_f64, 4),
        radius in 0.5..2.0_f64,
    ) {
        let quadratic = quadratic(&entries, &linear);
        holds(Simplex { total: radius }, &quadratic)?;
        holds(L1Ball { radius }, &quadratic)?;
        holds(L2Ball { radius }, &quadratic)?;
        holds(Bounds { lower: -radius, upper: 0.5 }, &quadratic)?;
        holds(NuclearBall { radius, rows: 2, columns: 2 }, &quadratic)?;
        holds(Shifted { function: L1Ball { radius }, center: vec![0.5, -0.5, 0.0, 1.0] }, &quadratic)?;
    }

    #[test]
    fn oracles_minimize(
        direction in prop::collection::vec(-1.0..1.0_f64, 6),
        others in prop::collection::vec(prop::collection::vec(-3.0..3.0_f64, 6), 20),
        radius in 0.0..2.0_f64,
    ) {
        assert_least(&Simplex { total: radius + 0.1 }, &direction, &others);
        assert_least(&L1Ball { radius }, &direction, &others);
        assert_least(&L2Ball { radius }, &direction, &others);
        assert_least(&Bounds { lower: -radius, upper: 0.1 }, &direction, &others);
        assert_least(&NuclearBall { radius, rows: 2, columns: 3 }, &direction, &others);
        // The projection on the nuclear ball moves straight at the set: ⟨x − Px, u − Px⟩ ≤ 0 in it.
        let set = NuclearBall { radius, rows: 2, columns: 3 };
        let mut nearest = direction.clone();
        set.prox(1.0, &mut nearest).unwrap();
        let away = direction.sub(&nearest).unwrap();
        let farthest: Vec<f64> = set.minimize_linear(&away.iter().map(|x| -x).collect()).unwrap();
        prop_assert!(away.dot(&farthest.sub(&nearest).unwrap()).unwrap() <= 1e-9);
    }
}

/// After `t` steps from a vertex an iterate in the `ℓ₁` ball has at most `t + 1` entries.
#[test]
fn iterates_are_sparse() {
    let d = 50;
    let linear = (0..d).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let problem = Composite {
        problem: Quadratic::diagonal((0..d).map(|i| 1.0 + f64::from(i % 7)).collect(), linear).unwrap(),
        regularizer: L1Ball { radius: 1.0 },
    };
    let mut start = vec![0.0; d as usize];
    start[3] = 1.0;
    for steps in 0..12 {
        let x =
            run(&FrankWolfe::default(), &problem, start.clone(), &Stop::after(steps)).unwrap().state.iterate;
        assert!(x.iter().filter(|x| **x != 0.0).count() as u64 <= steps + 1);
    }
}

/// On quadratics the search along a step costs one gradient, on a function that is not one a few.
#[test]
fn a_search_costs_few_gradients() {
    let problem = Composite {
        problem: Quadratic::diagonal(vec![1.0, 2.0, 3.0], vec![0.3, -0.2, 0.1]).unwrap(),
        regularizer: L1Ball { radius: 5.0 },
    };
    let work =
        run(&FrankWolfe::default(), &problem, vec![1.0, 0.0, 0.0], &Stop::after(40)).unwrap().state.work;
    // The gradient, the slope at the end and the slope at the minimizer.
    assert!(work.components <= 3 * 40, "{work:?}");
    let known = FrankWolfe { smoothness: Some(3.0) };
    let work = run(&known, &problem, vec![1.0, 0.0, 0.0], &Stop::after(40)).unwrap().state.work;
    assert_eq!(work.components, 40);
}

#[test]
fn bad_input_is_refused() {
    let quadratic = || Quadratic::diagonal(vec![1.0, 2.0], vec![1.0, 1.0]).unwrap();
    let ball = Composite { problem: quadratic(), regularizer: L1Ball { radius: 1.0 } };
    for smoothness in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let solver = FrankWolfe { smoothness: Some(smoothness) };
        assert!(matches!(solver.init(&ball, &vec![0.0; 2]), Err(OptimError::Input(_))));
    }
    let refused = run(&FrankWolfe::default(), &ball, vec![f64::NAN, 0.0], &Stop::after(1));
    assert!(matches!(refused, Err(RunError::Start(OptimError::Input(_)))));
    let nan = vec![f64::NAN, 1.0];
    assert!(matches!(Simplex::default().minimize_linear(&nan), Err(TensorError::Input(_))));
    assert!(matches!(Simplex::default().minimize_linear(&Vec::new()), Err(TensorError::Input(_))));
    assert!(matches!(L1Ball { radius: -1.0 }.minimize_linear(&vec![1.0]), Err(TensorError::Input(_))));
    let unbounded = Bounds { lower: 0.0, upper: f64::INFINITY };
    assert!(matches!(unbounded.minimize_linear(&vec![1.0]), Err(TensorError::Input(_))));
    let matrix = NuclearBall { radius: 1.0, rows: 2, columns: 2 };
    assert!(matches!(matrix.minimize_linear(&vec![1.0]), Err(TensorError::Input(_))));
    assert_eq!(matrix.minimize_linear(&vec![0.0; 4]).unwrap(), [0.0; 4]);
    // A ball of one point.
    let point = Composite { problem: quadratic(), regularizer: L1Ball { radius: 0.0 } };
    let end = run(&FrankWolfe::default(), &point, vec![3.0, 4.0], &Stop::after(5)).unwrap();
    assert_eq!(end.state.iterate, [0.0, 0.0]);
}
