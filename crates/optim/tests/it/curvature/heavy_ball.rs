//! Section 7 of the specification: heavy ball with warmup, and where it is stable.

use kiln_optim::curvature::Sharpness;
use kiln_optim::first_order::{GradientDescent, HeavyBall};
use kiln_optim::problems::{DiagonalNetwork, Quadratic};
use kiln_optim::{Solver, StepSize, Stop, run};
use proptest::prelude::*;

use super::cases;

/// Whether the iterates on `½ h x²` shrink or grow in the long run.
fn shrinks(momentum: f64, step_size: f64, curvature: f64) -> bool {
    let problem = Quadratic::diagonal(vec![curvature], vec![0.0]).unwrap();
    let solver = HeavyBall { step_size: step_size.into(), momentum };
    let mut state = solver.start(&problem, vec![1.0]).unwrap();
    let mut peaks = [0.0_f64; 2];
    for t in 0..40_000 {
        solver.advance(&problem, &mut state).unwrap();
        let late = usize::from(t >= 20_000);
        if t >= 10_000 {
            peaks[late] = peaks[late].max(state.iterate[0].abs());
        }
    }
    peaks[1] < peaks[0]
}

/// `sharpness < 2(1 + β)/η`, from both sides to 1e-4; the boundary itself by the closed form to 1e-6.
#[test]
fn the_stability_boundary_on_quadratics() {
    for momentum in [0.0, 0.5, 0.9] {
        let boundary = 2.0 * (1.0 + momentum);
        assert!(shrinks(momentum, boundary * (1.0 - 1e-4), 1.0));
        assert!(!shrinks(momentum, boundary * (1.0 + 1e-4), 1.0));
        // λ² − (1 + β − ηh) λ + β has a root of modulus 1 exactly at ηh = 2(1 + β), where λ = −1 is one.
        let radius = |eta: f64| {
            let trace = 1.0 + momentum - eta;
            let discriminant = trace * trace - 4.0 * momentum;
            if discriminant < 0.0 { momentum.sqrt() } else { f64::midpoint(trace.abs(), discriminant.sqrt()) }
        };
        assert!(radius(boundary - 1e-6) < 1.0 && radius(boundary + 1e-6) > 1.0);
    }
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn without_momentum_it_is_gradient_descent(seed in 0..10_000_u64, steps in 0..30_u64) {
        let problem = DiagonalNetwork::sparse_regression(5, 8, 2, seed).unwrap();
        let step_size = StepSize::Warmup { from: 1e-3, to: 2e-2, iterations: 20 };
        let start = vec![0.3; 16];
        let stop = Stop::after(steps);
        let ball = run(&HeavyBall { step_size, momentum: 0.0 }, &problem, start.clone(), &stop).unwrap();
        let descent = run(&GradientDescent { step_size }, &problem, start, &stop).unwrap();
        for (x, y) in ball.state.iterate.iter().zip(&descent.state.iterate) {
            prop_assert!((x - y).abs() < 1e-13);
        }
    }
}

#[test]
fn a_warmup_ends_where_it_should() {
    let warmup = StepSize::Warmup { from: 1e-4, to: 0.8, iterations: 10_000 };
    assert_eq!(warmup.at(0), 1e-4);
    assert_eq!(warmup.at(10_000), 0.8);
    assert_eq!(warmup.at(u64::MAX), 0.8);
    assert!((warmup.at(5000) - 0.400_05).abs() < 1e-12);
}

/// A minimizer with zero velocity is a fixed point, at any step size.
#[test]
fn a_minimizer_stays() {
    let problem = DiagonalNetwork::sparse_regression(5, 8, 2, 1).unwrap();
    let minimizer: Vec<f64> = (0..16).map(|j| if j < 2 { 1.0 } else { 0.0 }).collect();
    let solver = HeavyBall { step_size: 100.0.into(), momentum: 0.9 };
    let state = run(&solver, &problem, minimizer.clone(), &Stop::after(50)).unwrap().state;
    assert_eq!(state.iterate, minimizer);
    assert!(Sharpness::new(1).at(&problem, &minimizer).unwrap() > 0.0);
}
