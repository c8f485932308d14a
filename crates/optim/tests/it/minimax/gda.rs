//! Single steps: golden values, iteration matrices, symmetries, what is refused.

use faer::{Mat, mat};
use kiln_core::InputError;
use kiln_optim::minimax::{AlexGda, AlternatingOptimisticGradient, Extragradient, OptimisticGradient};
use kiln_optim::problems::{GameConstants, QuadraticGame, spectral_radius};
use kiln_optim::{Operator, OptimError, RunError, SaddleOperator, Solver, State, Stop, run};
use kiln_tensor::Vector;
use proptest::prelude::*;

use super::games::{Point, Random, cases, distance, joined, norm, times, trajectory};

#[test]
fn golden_trajectory() {
    let game = QuadraticGame::bilinear(mat![[1.0]]).unwrap();
    let solver = AlexGda { gamma: 1.0, delta: 2.0, ..AlexGda::new(0.5, 0.5) };
    let iterates = trajectory(&solver, &game, (vec![1.0], vec![1.0]), 3);
    let expected = [(1.0, 1.0), (0.5, 1.25), (-0.25, 1.125), (-0.75, 0.75)];
    assert_eq!(iterates, expected.map(|(x, y)| (vec![x], vec![y])));
}

fn linear_game(random: &mut Random, m: usize, n: usize) -> QuadraticGame {
    let (p, q) = (random.vector(m), random.vector(n));
    random.game(m, n, 20.0, 0.3).with_linear(p, q).unwrap()
}

#[test]
fn simultaneous_and_alternating_are_special_cases() {
    proptest!(cases(32), |(seed: u64, m in 2..6_usize, n in 2..6_usize)| {
        let mut random = Random::new(seed);
        let game = linear_game(&mut random, m, n);
        let start = random.point(&game);
        let (alpha, beta) = (0.3, 0.2);
        let (mut sim, mut alt) = (start.clone(), start.clone());
        let sims = trajectory(&AlexGda::sim(alpha, beta), &game, start.clone(), 50);
        let alts = trajectory(&AlexGda::alt(alpha, beta), &game, start, 50);
        for k in 1..=50 {
            let (x, y) = sim.clone();
            sim.0.axpy(-alpha, &game.gradient_x(&x, &y)?)?;
            sim.1.axpy(beta, &game.gradient_y(&x, &y)?)?;
            let (x, y) = alt.clone();
            alt.0.axpy(-alpha, &game.gradient_x(&x, &y)?)?;
            alt.1.axpy(beta, &game.gradient_y(&alt.0, &y)?)?;
            for (ours, reference) in [(&sims[k], &sim), (&alts[k], &alt)] {
                prop_assert!(ours.sub(reference)?.norm()? <= 1e-14 * (1.0 + reference.norm()?));
            }
        }
    });
}

/// Errors of `solver` from its `first` iterate on against powers of `matrix` on `history` consecutive errors,
/// of which the oldest comes last.
fn follows<S: Solver<QuadraticGame>>(
    solver: &S,
    matrix: &Mat<f64>,
    game: &QuadraticGame,
    start: &Point,
    lift: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) {
    let saddle = joined(&game.saddle().unwrap());
    let errors: Vec<Vec<f64>> = trajectory(solver, game, start.clone(), 40)
        .iter()
        .map(|z| joined(z).iter().zip(&saddle).map(|(z, s)| z - s).collect())
        .collect();
    let mut expected = lift(&errors);
    let size = errors[0].len();
    let scale = 1.0 + norm(&saddle) + norm(&errors[0]);
    for error in &errors[2..] {
        expected = times(matrix, &expected);
        assert!(distance(&expected[..size], error) <= 1e-12 * scale);
    }
}

#[test]
fn steps_are_powers_of_the_iteration_matrix() {
    proptest!(cases(24), |(
        seed: u64,
        m in 2..6_usize,
        n in 2..6_usize,
        gamma in 0.0..2.0_f64,
        delta in 0.0..2.0_f64,
        correction in 0.0..1.5_f64,
    )| {
        let mut random = Random::new(seed);
        let game = linear_game(&mut random, m, n);
        let start = random.point(&game);
        let last = |errors: &[Vec<f64>]| errors[1].clone();
        let last_two = |errors: &[Vec<f64>]| [&errors[1][..], &errors[0]].concat();
        let alex = AlexGda { gamma, delta: 1.0, ..AlexGda::new(0.2, 0.3) };
        for solver in [AlexGda::sim(0.2, 0.3), AlexGda::alt(0.2, 0.3), alex] {
            follows(&solver, &solver.iteration_matrix(&game), &game, &start, last);
        }
        let solver = AlexGda { gamma, delta, ..AlexGda::new(0.2, 0.3) };
        follows(&solver, &solver.iteration_matrix(&game), &game, &start, |errors| {
            // ỹ₁ − y* = (1 − δ)(y₀ − y*) + δ(y₁ − y*)
            let ahead = errors[0][m..].iter().zip(&errors[1][m..]).map(|(y, new)| (1.0 - delta) * y + delta * new);
            errors[1].iter().copied().chain(ahead).collect()
        });
        let solver = Extragradient { extrapolation_step: 0.4.into(), step_size: 0.2.into() };
        follows(&solver, &solver.iteration_matrix(&game), &game, &start, last);
        let solver = OptimisticGradient { step_size: 0.2.into(), correction };
        follows(&solver, &solver.iteration_matrix(&game), &game, &start, last_two);
        let (step_size_x, step_size_y) = (0.2.into(), 0.1.into());
        let solver = AlternatingOptimisticGradient { step_size_x, step_size_y, correction: 0.0 };
        follows(&solver, &solver.iteration_matrix(&game), &game, &start, last_two);
    });
}

/// Its first step takes `h₋₁ = h₀`, which is no function of the iterates, so it is followed from the second
/// on.
#[test]
fn alternating_optimistic_steps_are_powers_of_the_matrix() {
    let mut random = Random::new(3);
    for (m, n) in [(1, 1), (2, 3), (4, 2)] {
        let game = if m == 1 {
            QuadraticGame::from_scalar_games(vec![(0.5, 0.7, 0.2)]).unwrap()
        } else {
            random.game(m, n, 20.0, 0.3)
        };
        let solver = AlternatingOptimisticGradient {
            step_size_x: 0.2.into(),
            step_size_y: 0.1.into(),
            correction: 0.8,
        };
        let matrix = solver.iteration_matrix(&game);
        let start = random.point(&game);
        let iterates: Vec<Vec<f64>> = trajectory(&solver, &game, start, 40).iter().map(joined).collect();
        let mut expected = [&iterates[1][..], &iterates[0]].concat();
        for z in &iterates[2..] {
            expected = times(&matrix, &expected);
            assert!(distance(&expected[..m + n], z) <= 1e-12 * (1.0 + norm(&iterates[0])));
        }
    }
}

/// `p(λ) = λ(λ−1+αa)(λ−1+βc) + αβb²(γλ+1−γ)(δλ+1−δ)` vanishes at the eigenvalues.
#[test]
fn characteristic_polynomial() {
    proptest!(cases(200), |(
        a in 0.0..1.0_f64, b in -2.0..2.0_f64, c in 0.0..1.0_f64,
        alpha in 0.1..1.0_f64, beta in 0.1..1.0_f64, gamma in 0.0..3.0_f64, delta in 1.1..3.0_f64,
    )| {
        let game = QuadraticGame::from_scalar_games(vec![(a, b, c)])?;
        let matrix = AlexGda { gamma, delta, ..AlexGda::new(alpha, beta) }.iteration_matrix(&game);
        prop_assert_eq!(matrix.nrows(), 3);
        for root in matrix.eigenvalues().unwrap() {
            let term = |slope: f64, constant: f64| root * slope + constant;
            let value = root * term(1.0, alpha * a - 1.0) * term(1.0, beta * c - 1.0)
                + term(gamma, 1.0 - gamma) * term(delta, 1.0 - delta) * (alpha * beta * b * b);
            prop_assert!(value.re.hypot(value.im) <= 1e-12 * (1.0 + root.re.hypot(root.im)).powi(3) * 10.0);
        }
    });
}

#[test]
fn saddle_points_are_stationary() {
    let (factor, step) = (0.0..4.0_f64, 0.1..2.0_f64);
    let settings = (factor.clone(), factor, step.clone(), step);
    proptest!(cases(32), |(seed: u64, (gamma, delta, alpha, beta) in settings)| {
        let game = linear_game(&mut Random::new(seed), 3, 4);
        let saddle = game.saddle()?;
        prop_assert!(game.operator(&saddle)?.norm()? <= 1e-12 * (1.0 + saddle.norm()?));
        let (step_size_x, step_size_y) = (alpha.into(), beta.into());
        let optimistic = AlternatingOptimisticGradient { step_size_x, step_size_y, correction: 1.0 };
        let after = [
            trajectory(&AlexGda { gamma, delta, ..AlexGda::new(alpha, beta) }, &game, saddle.clone(), 1),
            trajectory(&Extragradient::new(alpha), &game, saddle.clone(), 1),
            trajectory(&OptimisticGradient::new(alpha), &game, saddle.clone(), 1),
            trajectory(&optimistic, &game, saddle.clone(), 1),
        ];
        for iterates in after {
            prop_assert!(iterates[1].sub(&saddle)?.norm()? <= 1e-11 * (1.0 + saddle.norm()?));
        }
    });
}

#[test]
fn rotations_commute_with_the_methods() {
    proptest!(cases(24), |(seed: u64, gamma in 0.5..2.0_f64, delta in 0.5..2.0_f64)| {
        let mut random = Random::new(seed);
        let game = random.game(3, 4, 10.0, 0.4);
        let (u, v) = (random.orthogonal(3), random.orthogonal(4));
        let [a, b, c] = game.matrices();
        let symmetric = |m: Mat<f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| f64::midpoint(m[(i, j)], m[(j, i)]));
        let turned = QuadraticGame::new(
            symmetric(&u * &a * u.transpose()),
            &u * &b * v.transpose(),
            symmetric(&v * &c * v.transpose()),
        )?;
        let start = random.point(&game);
        let solver = AlexGda { gamma, delta, ..AlexGda::new(0.2, 0.1) };
        let plain = trajectory(&solver, &game, start.clone(), 30);
        let rotated = trajectory(&solver, &turned, (times(&u, &start.0), times(&v, &start.1)), 30);
        for ((x, y), rotated) in plain.iter().zip(&rotated) {
            let expected = [times(&u, x), times(&v, y)].concat();
            prop_assert!(distance(&expected, &joined(rotated)) <= 1e-12 * (1.0 + norm(&expected)));
        }
    });
}

/// `A`, `B`, `C` by their diagonals and as matrices are one game.
#[test]
fn diagonal_games() {
    let games = vec![(1.0, 0.5, 2.0), (0.25, -1.0, 0.0), (0.5, 0.0, 1.0)];
    let (p, q) = (vec![1.0, -1.0, 0.5], vec![0.0, 2.0, 1.0]);
    let diagonal =
        QuadraticGame::from_scalar_games(games).unwrap().with_linear(p.clone(), q.clone()).unwrap();
    let [a, b, c] = diagonal.matrices();
    let dense = QuadraticGame::new(a, b, c).unwrap().with_linear(p, q).unwrap();
    let z = (vec![0.3, -0.2, 1.0], vec![1.0, 2.0, -0.7]);
    assert_eq!(diagonal.operator(&z).unwrap(), dense.operator(&z).unwrap());
    assert_eq!(diagonal.saddle().unwrap(), dense.saddle().unwrap());
    let constants = diagonal.constants().unwrap();
    assert_eq!((constants.mu_x, constants.l_x), (0.25, 1.0));
    assert_eq!((constants.mu_y, constants.l_y), (0.0, 2.0));
    assert_eq!((constants.mu_xy, constants.l_xy), (0.5, 1.0));
}

fn work<S: Solver<QuadraticGame>>(solver: &S, game: &QuadraticGame) -> (u64, u64, f64) {
    let start = (vec![1.0], vec![1.0]);
    let work = run(solver, game, start, &Stop::after(10)).unwrap().state.work;
    (work.components, work.partial_gradients, work.gradient_calls())
}

#[test]
fn work_is_counted() {
    let game = QuadraticGame::bilinear(mat![[1.0]]).unwrap();
    assert_eq!(work(&AlexGda::new(0.1, 0.1), &game), (0, 20, 10.0));
    assert_eq!(work(&Extragradient::new(0.1), &game), (20, 0, 20.0));
    assert_eq!(work(&OptimisticGradient::new(0.1), &game), (10, 0, 10.0));
}

fn resumes<S: Solver<QuadraticGame>>(solver: &S, game: &QuadraticGame, start: &Point) {
    let mut state = solver.start(game, start.clone()).unwrap();
    for step in 0..8 {
        if step == 5 {
            state = State::from_bytes(&state.to_bytes().unwrap(), solver, game, start).unwrap();
        }
        solver.advance(game, &mut state).unwrap();
    }
    assert_eq!(state.iterate, trajectory(solver, game, start.clone(), 8)[8]);
}

#[test]
fn a_stored_state_goes_on_with_the_same_bits() {
    let mut random = Random::new(1);
    let game = linear_game(&mut random, 3, 4);
    let start = random.point(&game);
    resumes(&AlexGda { gamma: 1.0, delta: 2.0, ..AlexGda::new(0.2, 0.3) }, &game, &start);
    resumes(&OptimisticGradient::new(0.2), &game, &start);
    let (step_size_x, step_size_y) = (0.2.into(), 0.1.into());
    resumes(&AlternatingOptimisticGradient { step_size_x, step_size_y, correction: 1.0 }, &game, &start);
}

/// `min max xy` over `1 ≤ x ≤ 2`, `−1 ≤ y ≤ 1`, whose saddle point is `(1, 1)`.
struct Boxed(QuadraticGame);

impl Operator for Boxed {
    type Point = Point;

    fn operator(&self, z: &Point) -> Result<Point, OptimError> {
        self.0.operator(z)
    }

    fn resolvent(&self, _step: f64, (x, y): &mut Point) -> Result<(), OptimError> {
        x[0] = x[0].clamp(1.0, 2.0);
        y[0] = y[0].clamp(-1.0, 1.0);
        Ok(())
    }
}

#[test]
fn constraints() {
    let game = Boxed(QuadraticGame::bilinear(mat![[1.0]]).unwrap());
    let stop = Stop::after(200).or_residual(1e-12);
    let start = (vec![2.0], vec![-1.0]);
    let extragradient = run(&Extragradient::new(0.3), &game, start.clone(), &stop).unwrap();
    let optimistic = run(&OptimisticGradient::new(0.3), &game, start, &stop).unwrap();
    assert_eq!(extragradient.state.iterate, (vec![1.0], vec![1.0]));
    assert_eq!(optimistic.state.iterate, (vec![1.0], vec![1.0]));
}

fn refused<S: Solver<QuadraticGame>>(solver: &S, game: &QuadraticGame, setting: &str) {
    let result = solver.init(game, &(vec![1.0], vec![1.0]));
    assert!(matches!(result, Err(OptimError::Input(InputError::Setting { name, .. })) if name == setting));
}

#[test]
fn bad_settings_are_refused() {
    let game = QuadraticGame::bilinear(mat![[1.0]]).unwrap();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(&AlexGda::alt(bad, 0.1), &game, "step_size_x");
        refused(&AlexGda::alt(0.1, bad), &game, "step_size_y");
        refused(&Extragradient::new(bad), &game, "extrapolation_step");
        refused(&Extragradient { extrapolation_step: 0.1.into(), step_size: bad.into() }, &game, "step_size");
        refused(&OptimisticGradient::new(bad), &game, "step_size");
        if bad != 0.0 {
            refused(&AlexGda { gamma: bad, delta: 1.0, ..AlexGda::new(0.1, 0.1) }, &game, "gamma");
            refused(&AlexGda { gamma: 1.0, delta: bad, ..AlexGda::new(0.1, 0.1) }, &game, "delta");
            refused(&OptimisticGradient { step_size: 0.1.into(), correction: bad }, &game, "correction");
            assert!(AlexGda::for_constants(&constants(0.1, 0.1, 1.0, 1.0, bad)).is_err());
        }
        assert!(AlexGda::for_constants(&constants(bad, 0.1, 1.0, 1.0, 1.0)).is_err());
        assert!(AlexGda::sim_for_constants(&constants(0.1, bad, 1.0, 1.0, 1.0)).is_err());
        assert!(AlexGda::alt_for_constants(&constants(0.1, 0.1, bad, 1.0, 1.0)).is_err());
    }
    assert!(AlexGda::for_constants(&constants(2.0, 0.1, 1.0, 1.0, 1.0)).is_err(), "L below μ");
    assert!(AlexGda::alex_for_constants(0.9, 2.0, &constants(0.1, 0.1, 1.0, 1.0, 1.0)).is_err());
    assert!(AlexGda::alex_for_constants(3.5, 3.0, &constants(0.1, 0.1, 1.0, 1.0, 1.0)).is_err());
    // Without coupling the first term of the minimum alone decides.
    assert_eq!(AlexGda::for_constants(&constants(0.1, 0.1, 1.0, 2.0, 0.0)).unwrap(), AlexGda::new(0.5, 0.25));
    assert_eq!(
        AlexGda::sim_for_constants(&constants(0.1, 0.1, 1.0, 2.0, 0.0)).unwrap(),
        AlexGda::sim(0.25, 0.125)
    );
}

#[test]
fn bad_games_are_refused() {
    let one = || mat![[1.0]];
    let nan = mat![[f64::NAN]];
    assert!(matches!(
        QuadraticGame::bilinear(Mat::zeros(0, 2)),
        Err(OptimError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        QuadraticGame::from_scalar_games(vec![]),
        Err(OptimError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        QuadraticGame::new(one(), mat![[1.0, 1.0]], one()),
        Err(OptimError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        QuadraticGame::new(one(), nan.clone(), one()),
        Err(OptimError::Input(InputError::NotFinite { .. }))
    ));
    let asymmetric = mat![[1.0, 0.5], [0.0, 1.0]];
    let tall = mat![[1.0], [1.0]];
    assert!(matches!(QuadraticGame::new(asymmetric, tall, one()), Err(OptimError::Problem(_))));
    let scalar = vec![(1.0, f64::INFINITY, 1.0)];
    assert!(matches!(
        QuadraticGame::from_scalar_games(scalar),
        Err(OptimError::Input(InputError::NotFinite { .. }))
    ));
    let game = QuadraticGame::new(one(), one(), one()).unwrap();
    assert!(matches!(
        game.clone().with_linear(vec![], vec![1.0]),
        Err(OptimError::Input(InputError::Size { .. }))
    ));
    assert!(game.operator(&(vec![1.0], vec![])).is_err());
    let singular = QuadraticGame::bilinear(mat![[1.0, 1.0]]).unwrap();
    assert!(matches!(singular.saddle(), Err(OptimError::Problem(_))));
    assert!(spectral_radius(&nan).is_err() && spectral_radius(&mat![[1.0, 0.0]]).is_err());
}

fn constants(mu_x: f64, mu_y: f64, l_x: f64, l_y: f64, l_xy: f64) -> GameConstants {
    GameConstants { mu_x, mu_y, l_x, l_y, l_xy, mu_xy: 0.0 }
}

#[test]
fn divergence_keeps_the_last_good_iterate() {
    let game = QuadraticGame::bilinear(mat![[1.0]]).unwrap();
    let start = (vec![1.0], vec![1.0]);
    let error = run(&AlexGda::sim(1.0, 1.0), &game, start, &Stop::after(1000)).unwrap_err();
    let RunError::Diverged { last, .. } = error else { panic!("{error}") };
    assert!(last.iterate.norm().unwrap() <= 1e3 * 2.0_f64.sqrt());
}
