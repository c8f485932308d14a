//! No method ignores a constraint: it takes the resolvent, or refuses the problem.

use kiln_optim::curvature::{AdaHessian, Differences};
use kiln_optim::faer::mat;
use kiln_optim::first_order::{HeavyBall, Nesterov};
use kiln_optim::minimax::{AlexGda, AlternatingOptimisticGradient, Extragradient, PrimalDualHybridGradient};
use kiln_optim::problems::{Quadratic, QuadraticGame};
use kiln_optim::{
    Composite, InputError, Operator, OptimError, RunError, SaddleOperator, Solver, Stop, residual, run,
};
use kiln_tensor::prox::{Bounds, L1, Simplex};

use crate::core::distance;

/// `½x² + xy − ½y²`, whose saddle point is 0, as somebody outside the crate writes it: on `[1, 2]²`, with no
/// method of the trait beside the resolvent.
struct Boxed;

impl Operator for Boxed {
    type Point = (Vec<f64>, Vec<f64>);

    fn operator(&self, (x, y): &Self::Point) -> Result<Self::Point, OptimError> {
        Ok((vec![x[0] + y[0]], vec![y[0] - x[0]]))
    }

    fn resolvent(&self, _step: f64, (x, y): &mut Self::Point) -> Result<(), OptimError> {
        x[0] = x[0].clamp(1.0, 2.0);
        y[0] = y[0].clamp(1.0, 2.0);
        Ok(())
    }
}

impl SaddleOperator for Boxed {
    type X = Vec<f64>;
    type Y = Vec<f64>;

    fn gradient_x(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        Ok(vec![x[0] + y[0]])
    }

    fn gradient_y(&self, x: &Vec<f64>, y: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        Ok(vec![x[0] - y[0]])
    }
}

fn alex() -> [AlexGda; 5] {
    let zero = AlexGda { delta: 0.0, ..AlexGda::new(0.2, 0.2) };
    [
        AlexGda::new(0.2, 0.2),
        AlexGda::alt(0.2, 0.2),
        AlexGda::sim(0.2, 0.2),
        AlexGda { gamma: 2.0, ..zero },
        zero,
    ]
}

fn optimistic() -> AlternatingOptimisticGradient {
    let step_size = 0.1.into();
    AlternatingOptimisticGradient { step_size_x: step_size, step_size_y: step_size, correction: 1.0 }
}

/// `x` wants down, `y` to follow `x`: both end at 1. Every iterate on the way is in the box.
#[test]
fn games_in_a_box_end_in_the_box() {
    fn ends<S: Solver<Boxed>>(solver: &S) {
        let mut state = solver.start(&Boxed, (vec![2.0], vec![1.5])).unwrap();
        // At least a tenth of the distance goes in each step: 0.9⁴⁰⁰ is 5e-19.
        for _ in 0..400 {
            solver.advance(&Boxed, &mut state).unwrap();
            let (x, y) = &state.iterate;
            assert!((1.0..=2.0).contains(&x[0]) && (1.0..=2.0).contains(&y[0]));
        }
        let (x, y) = &state.iterate;
        assert!(x[0] == 1.0 && (y[0] - 1.0).abs() < 1e-12, "{}: {x:?} {y:?}", S::NAME);
    }
    alex().iter().for_each(ends);
    ends(&optimistic());
    ends(&PrimalDualHybridGradient { step_size_x: 0.2, step_size_y: 0.2 });
}

/// A game on two simplexes, of which the borders are part of the solution, against extragradient.
#[test]
fn games_on_simplexes_are_those_of_extragradient() {
    let game = QuadraticGame::new(
        mat![[0.5, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 0.7]],
        mat![[1.0, -2.0], [0.3, 1.0], [-1.0, 0.5]],
        mat![[0.4, 0.0], [0.0, 0.3]],
    );
    let game = game.unwrap().with_linear(vec![0.3, -0.8, 0.9], vec![0.7, -0.2]).unwrap();
    let problem = Composite { problem: game, regularizer: (Simplex::default(), Simplex::default()) };
    let start = (vec![1.0, 0.0, 0.0], vec![1.0, 0.0]);
    let stop = Stop::after(100_000).or_residual(1e-12);
    let (x, y) = run(&Extragradient::new(0.1), &problem, start.clone(), &stop).unwrap().state.iterate;
    assert!(x.contains(&0.0), "a border is active: {x:?}");
    let close = |(a, b): (Vec<f64>, Vec<f64>), name: &str| {
        assert!(distance(&a, &x) < 1e-9 && distance(&b, &y) < 1e-9, "{name}: {a:?} {b:?}, not {x:?} {y:?}");
    };
    for solver in [AlexGda::new(0.1, 0.1), AlexGda::alt(0.1, 0.1), AlexGda::sim(0.05, 0.05)] {
        close(run(&solver, &problem, start.clone(), &stop).unwrap().state.iterate, "alex");
    }
    close(run(&optimistic(), &problem, start.clone(), &stop).unwrap().state.iterate, "optimistic");
    let primal_dual = PrimalDualHybridGradient { step_size_x: 0.2, step_size_y: 0.2 };
    close(run(&primal_dual, &problem, start, &stop).unwrap().state.iterate, "primal-dual");
    assert!(residual(&problem, &(x, y)).unwrap() <= 1e-12);
}

/// `AdaHessian` has no use for a resolvent, and says so: at the start, or when an iterate would be moved.
#[test]
fn adahessian_refuses_constraints() {
    let quadratic = || Quadratic::diagonal(vec![1.0, 2.0], vec![0.0, 0.0]).unwrap();
    let solver = AdaHessian::new(0.1, 1, 7);
    let bounds = Bounds { lower: 1.0, upper: 2.0 };
    let boxed = Differences::new(Composite { problem: quadratic(), regularizer: bounds });
    let outside = run(&solver, &boxed, vec![0.5, 1.5], &Stop::after(100)).unwrap_err();
    let RunError::Start(OptimError::Problem(source)) = &outside else { panic!("{outside}") };
    assert!(source.to_string().contains("AdaHessian takes no constraint"), "{source}");
    let inside = run(&solver, &boxed, vec![1.5, 1.5], &Stop::after(100)).unwrap_err();
    let RunError::Step { last, .. } = inside else { panic!("{inside}") };
    assert!(last.iterate.iter().all(|x| (1.0..=2.0).contains(x)));
    // A weight however small is not ignored either.
    let small = Differences::new(Composite { problem: quadratic(), regularizer: L1 { weight: 1e-12 } });
    assert!(matches!(run(&solver, &small, vec![0.5, 1.5], &Stop::after(5)), Err(RunError::Start(_))));
    assert!(run(&solver, &Differences::new(quadratic()), vec![0.5, 1.5], &Stop::after(5)).is_ok());
}

#[test]
fn momentum_is_below_one() {
    let problem = Quadratic::diagonal(vec![1.0], vec![0.0]).unwrap();
    for momentum in [1.5, 1.0, -0.1, f64::NAN] {
        let heavy = HeavyBall { step_size: 0.1.into(), momentum };
        let nesterov = Nesterov { step_size: 0.1.into(), momentum: Some(momentum) };
        for refused in [
            run(&heavy, &problem, vec![1.0], &Stop::after(5)).err(),
            run(&nesterov, &problem, vec![1.0], &Stop::after(5)).err(),
        ] {
            let Some(RunError::Start(OptimError::Input(InputError::Setting { name, .. }))) = refused else {
                panic!("{momentum}")
            };
            assert_eq!(name, "momentum");
        }
    }
}
