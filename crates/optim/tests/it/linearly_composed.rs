//! The primal-dual hybrid gradient method and ADMM against solutions of other origin: the lasso of
//! `kiln-linear`, certificates of total variation computed from the signal alone, and each other.

use kiln_linear::{DenseRows, LinearPenalty, LinearRegressor};
use kiln_optim::alternating::Admm;
use kiln_optim::faer::Mat;
use kiln_optim::minimax::{Extragradient, PrimalDualHybridGradient};
use kiln_optim::problems::{Coupling, GridDifferences, LinearlyComposed, MatrixCoupling};
use kiln_optim::{Operator, OptimError, RunError, Solver, Stop, residual, run};
use kiln_tensor::Vector;
use kiln_tensor::prox::{L1, Shifted, SquaredL2};
use proptest::prelude::*;

use crate::core::distance;

type About = Shifted<SquaredL2, Vec<f64>>;

fn about(weight: f64, center: &[f64]) -> About {
    Shifted { function: SquaredL2 { weight }, center: center.to_vec() }
}

/// `λ‖x‖₁ + ½w‖Ax − b‖²`
fn lasso(
    rows: &Mat<f64>,
    targets: &[f64],
    weight: f64,
    l1: f64,
) -> LinearlyComposed<MatrixCoupling, L1, About> {
    LinearlyComposed {
        coupling: MatrixCoupling::new(rows.clone()).unwrap(),
        on_x: L1 { weight: l1 },
        on_image: about(weight, targets),
    }
}

/// `½‖x − b‖² + λ Σ |xᵢ₊₁ − xᵢ|`
fn denoising<K>(coupling: K, noisy: &[f64], weight: f64) -> LinearlyComposed<K, About, L1> {
    LinearlyComposed { coupling, on_x: about(1.0, noisy), on_image: L1 { weight } }
}

fn norm(matrix: &Mat<f64>) -> f64 {
    matrix.singular_values().unwrap()[0]
}

/// A signal of steps with some noise.
fn signal(length: usize) -> Vec<f64> {
    (0..length).map(|i| f64::from((i / 7 % 3) as u8) + 0.3 * ((i * i) as f64 * 1.7).sin()).collect()
}

fn grid(rows: usize, columns: usize) -> GridDifferences {
    GridDifferences { rows, columns }
}

/// The same differences as a matrix.
fn dense(differences: GridDifferences) -> Mat<f64> {
    let pixels = differences.rows * differences.columns;
    let columns: Vec<Vec<f64>> = (0..pixels)
        .map(|j| differences.apply(&(0..pixels).map(|i| if i == j { 1.0 } else { 0.0 }).collect()).unwrap())
        .collect();
    Mat::from_fn(differences.pairs(), pixels, |i, j| columns[j][i])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// `⟨Kx, y⟩ = ⟨x, Kᵀy⟩`, and the projection on the graph by conjugate gradients is that by the factor.
    #[test]
    fn couplings_and_their_adjoints(
        rows in 1..5_usize,
        columns in 1..5_usize,
        numbers in prop::collection::vec(-2.0..2.0_f64, 80),
    ) {
        let differences = grid(rows, columns);
        let x = numbers[..rows * columns].to_vec();
        let y = numbers[20..20 + differences.pairs()].to_vec();
        let image = differences.apply(&x).unwrap();
        let back = differences.adjoint(&y).unwrap();
        prop_assert!((image.dot(&y).unwrap() - x.dot(&back).unwrap()).abs() < 1e-12);
        if differences.pairs() > 0 {
            let matrix = MatrixCoupling::new(dense(differences)).unwrap();
            prop_assert!(distance(&matrix.adjoint(&y).unwrap(), &back) < 1e-12);
            let (by_gradients, by_factor) =
                (differences.project_on_graph(&x, &y).unwrap(), matrix.project_on_graph(&x, &y).unwrap());
            prop_assert!(by_gradients.sub(&by_factor).unwrap().norm().unwrap() < 1e-10);
            // The difference to the point is at a right angle to the graph: Kᵀ of one half is minus the other.
            let left = x.sub(&by_factor.0).unwrap();
            let down = matrix.adjoint(&y.sub(&by_factor.1).unwrap()).unwrap();
            prop_assert!(distance(&left, &down.iter().map(|d| -d).collect::<Vec<_>>()) < 1e-10);
        }
    }

    /// The lasso is that of `kiln-linear`, whose proximal Newton method shares no line with these.
    #[test]
    fn the_lasso_is_that_of_coordinate_methods(
        entries in prop::collection::vec(-1.0..1.0_f64, 60),
        targets in prop::collection::vec(-2.0..2.0_f64, 12),
        strength in 0.01..0.3_f64,
    ) {
        let rows = Mat::from_fn(12, 5, |i, j| entries[5 * i + j]);
        let regressor = LinearRegressor {
            intercept: false,
            tolerance: 1e-13,
            ..LinearRegressor::new(LinearPenalty::lasso(strength).on_columns_as_given())
        };
        let fit = regressor.fit(&DenseRows::new(5, entries.clone()).unwrap().into(), &targets).unwrap();
        let expected = fit.model.weights().to_vec();
        // The mean over rows there is a weight of 1/12 here.
        let problem = lasso(&rows, &targets, 1.0 / 12.0, strength);
        let start = (vec![0.0; 5], vec![0.0; 12]);
        let stop = Stop::after(60_000).or_residual(1e-11);
        let norm = norm(&rows);
        // The dual variable is a twelfth of a residual: it takes the shorter steps.
        let primal_dual = PrimalDualHybridGradient { step_size_x: 3.0 / norm, step_size_y: 1.0 / (3.0 * norm) };
        let found = [
            run(&primal_dual, &problem, start.clone(), &stop).unwrap().state.iterate.0,
            run(&Admm::new(0.3), &problem, start.clone(), &stop).unwrap().state.iterate.0,
            run(&Admm { penalty: 0.1, relaxation: 1.7 }, &problem, start.clone(), &stop).unwrap().state.iterate.0,
        ];
        for x in found {
            prop_assert!(distance(&x, &expected) < 1e-6, "{:?} {:?}", x, expected);
        }
    }
}

/// Optimality of a denoised signal from itself alone: the running sums of `b − x` stay within `λ`, reach it with
/// the sign of every jump, and end at 0.
fn assert_denoised(x: &[f64], noisy: &[f64], weight: f64) {
    let mut sum = 0.0;
    for i in 0..x.len() {
        sum += noisy[i] - x[i];
        // y_i = −Σ_{j ≤ i} (b_j − x_j) is the slope at the jump after i.
        let Some(next) = x.get(i + 1) else { break };
        assert!(sum.abs() <= weight + 1e-7, "{i}: {sum}");
        if (next - x[i]).abs() > 1e-6 {
            assert!((-sum - weight * (next - x[i]).signum()).abs() < 1e-6, "{i}: {sum} at {}", next - x[i]);
        }
    }
    assert!(sum.abs() < 1e-7, "{sum}");
}

#[test]
fn total_variation_of_a_signal_is_optimal() {
    let noisy = signal(40);
    let start = (vec![0.0; 40], vec![0.0; 39]);
    let stop = Stop::after(100_000).or_residual(1e-10);
    for weight in [0.1, 0.5, 3.0] {
        let problem = denoising(grid(1, 40), &noisy, weight);
        let primal_dual =
            run(&PrimalDualHybridGradient::for_coupling(2.0), &problem, start.clone(), &stop).unwrap();
        assert_denoised(&primal_dual.state.iterate.0, &noisy, weight);
        for solver in [Admm::new(1.0), Admm { penalty: 2.0, relaxation: 1.6 }] {
            let found = run(&solver, &problem, start.clone(), &stop).unwrap().state;
            assert!(residual(&problem, &found.iterate).unwrap() <= 1e-10, "{weight}");
            assert_denoised(&found.iterate.0, &noisy, weight);
        }
        // Any method for games with a resolvent solves it too.
        let extragradient = run(&Extragradient::new(0.4), &problem, start.clone(), &stop).unwrap();
        assert_denoised(&extragradient.state.iterate.0, &noisy, weight);
    }
    // A weight that leaves one step: the mean.
    let problem = denoising(grid(1, 40), &noisy, 1e3);
    let flat = run(&Admm::new(10.0), &problem, start, &Stop::after(20_000).or_residual(1e-10)).unwrap();
    let mean = noisy.iter().sum::<f64>() / 40.0;
    assert!(flat.state.iterate.0.iter().all(|x| (x - mean).abs() < 1e-8));
}

/// An image: both methods agree, and the gap between the primal value and the dual one,
/// `bᵀKᵀy − ½‖Kᵀy‖²` for slopes within `λ`, closes.
#[test]
fn total_variation_of_an_image_closes_its_gap() {
    let differences = grid(9, 8);
    let noisy = signal(72);
    let weight = 0.4;
    let problem = denoising(differences, &noisy, weight);
    let start = (vec![0.0; 72], vec![0.0; differences.pairs()]);
    let stop = Stop::after(50_000).or_residual(1e-11);
    let first =
        run(&PrimalDualHybridGradient::for_coupling(8.0_f64.sqrt()), &problem, start.clone(), &stop).unwrap();
    let second = run(&Admm::new(1.0), &problem, start, &stop).unwrap();
    for (x, y) in [first.state.iterate, second.state.iterate] {
        assert!(y.iter().all(|y| y.abs() <= weight + 1e-9));
        let back = differences.adjoint(&y).unwrap();
        let dual = noisy.dot(&back).unwrap() - back.dot(&back).unwrap() / 2.0;
        let primal = problem.primal_value(&x).unwrap();
        assert!((primal - dual).abs() < 1e-8 * primal, "{primal} {dual}");
    }
}

/// Steps with `τσ‖K‖² = 1` converge, somewhat longer ones diverge.
#[test]
fn the_bound_on_the_steps_is_sharp() {
    // A game that is bilinear up to the squares that hold it: the first x, the second −y.
    let problem = LinearlyComposed {
        coupling: MatrixCoupling::new(Mat::from_fn(1, 1, |_, _| 2.0)).unwrap(),
        on_x: about(0.0, &[0.0]),
        on_image: about(1e6, &[0.0]),
    };
    let end = |factor: f64| {
        let solver = PrimalDualHybridGradient { step_size_x: factor / 2.0, step_size_y: factor / 2.0 };
        run(&solver, &problem, (vec![1.0], vec![1.0]), &Stop::after(3000))
    };
    assert!(end(1.0).unwrap().state.iterate.0[0].abs() < 1e-6);
    assert!(end(0.5).unwrap().state.iterate.0[0].abs() < 1e-6);
    assert!(matches!(end(1.3), Err(RunError::Diverged { .. })));
}

#[test]
fn work_and_bad_input() {
    let problem = denoising(grid(1, 4), &[1.0, 2.0, 3.0, 4.0], 0.1);
    let start = || (vec![0.0; 4], vec![0.0; 3]);
    let steps = Stop::after(10);
    let spent =
        |solver: PrimalDualHybridGradient| run(&solver, &problem, start(), &steps).unwrap().state.work;
    assert_eq!(spent(PrimalDualHybridGradient::for_coupling(2.0)).units(), 10);
    // One more for the multipliers of the start.
    assert_eq!(run(&Admm::new(1.0), &problem, start(), &steps).unwrap().state.work.units(), 11);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = Admm::new(bad).init(&problem, &start()).err();
        assert!(matches!(refused, Some(OptimError::Input(_))));
        let refused = Admm { penalty: 1.0, relaxation: bad }.init(&problem, &start()).err();
        assert!(matches!(refused, Some(OptimError::Input(_))));
        let refused = PrimalDualHybridGradient::for_coupling(bad).init(&problem, &start()).err();
        assert!(bad == -1.0 || matches!(refused, Some(OptimError::Input(_))), "{bad}");
    }
    assert!(MatrixCoupling::new(Mat::new()).is_err());
    assert!(MatrixCoupling::new(Mat::from_fn(1, 1, |_, _| f64::NAN)).is_err());
    assert!(MatrixCoupling::new(Mat::from_fn(1, 1, |_, _| 1e300)).is_err());
    for wrong in [(vec![0.0; 3], vec![0.0; 3]), (vec![0.0; 4], vec![0.0; 4])] {
        assert!(problem.operator(&wrong).is_err());
        assert!(run(&Admm::new(1.0), &problem, wrong.clone(), &steps).is_err());
        assert!(run(&PrimalDualHybridGradient::for_coupling(2.0), &problem, wrong, &steps).is_err());
    }
    // No pixels, one pixel, and more than a machine can count.
    assert!(grid(0, 3).apply(&Vec::new()).is_err());
    assert!(grid(1, 1).apply(&vec![1.0]).unwrap().is_empty());
    assert!(grid(usize::MAX, 2).apply(&vec![1.0]).is_err());
}
