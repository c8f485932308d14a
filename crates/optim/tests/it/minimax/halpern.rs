//! Halpern iterations and the inner solvers of the inexact one.

use faer::Mat;
use kiln_core::InputError;
use kiln_optim::minimax::{
    ForwardReflectedBackward, Halpern, InexactHalpern, InnerSolver, VarianceReducedForwardReflectedBackward,
    VarianceReducedHalpern,
};
use kiln_optim::problems::{AffineFiniteSum, MatrixGame, Quadratic, ScaledFiniteSum};
use kiln_optim::{Composite, FiniteSum, Operator, OptimError, Solver, Work, residual};
use kiln_tensor::prox::{L1, Prox, Simplex};
use kiln_tensor::{Distribution, Noise, TensorError, Vector, device_tests};
use proptest::prelude::*;

use super::{after, agrees_on, distance, norm, resumes};

fn gaussian(seed: u64, length: usize) -> Vec<f64> {
    let mut values = vec![0.0; length];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    values
}

/// `½ ‖x − centre‖²`.
struct Proximity(Vec<f64>);

impl Prox<Vec<f64>> for Proximity {
    fn prox(&self, step: f64, x: &mut Vec<f64>) -> Result<(), TensorError> {
        x.axpy(step, &self.0)?;
        x.scale(1.0 / (1.0 + step));
        Ok(())
    }

    fn value(&self, x: &Vec<f64>) -> Result<f64, TensorError> {
        Ok(x.sub(&self.0)?.norm()?.powi(2) / 2.0)
    }
}

/// `s F` for another `F`.
struct Times<P>(f64, P);

impl<P: Operator<Point = Vec<f64>>> Operator for Times<P> {
    type Point = Vec<f64>;

    fn operator(&self, z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.1.operator(z).map(|value| value.iter().map(|f| self.0 * f).collect())
    }

    fn components(&self) -> usize {
        self.1.components()
    }
}

impl<P: FiniteSum<Point = Vec<f64>>> FiniteSum for Times<P> {
    fn batch(&self, batch: &[usize], z: &Vec<f64>) -> Result<Vec<f64>, OptimError> {
        self.1.batch(batch, z).map(|value| value.iter().map(|f| self.0 * f).collect())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For linear `T`, `u − T u = (u₀ − Tᵏ⁺¹ u₀) / (k + 1)`; a rotation by `π/(k + 1)` attains the bound at
    /// `k`.
    #[test]
    fn rotations_have_a_closed_form(angle in 0.0..std::f64::consts::TAU, bound_at in 0_u64..40) {
        for (angle, attains) in [(angle, None), (std::f64::consts::PI / (bound_at + 1) as f64, Some(bound_at))] {
            let (sin, cos) = angle.sin_cos();
            let matrix = Mat::from_fn(2, 2, |i, j| [[1.0 - cos, sin], [-sin, 1.0 - cos]][i][j]);
            let problem = AffineFiniteSum::new(&[(matrix, vec![0.0; 2])]).unwrap();
            let solver = Halpern { step_size: 1.0 };
            let mut state = solver.start(&problem, vec![0.6, -0.8]).unwrap();
            for k in 0..40 {
                let scaled = (k + 1) as f64 * residual(&problem, &state.iterate).unwrap();
                let exact = 2.0 * ((k + 1) as f64 * angle / 2.0).sin().abs();
                prop_assert!((scaled - exact).abs() < 1e-12, "{k}: {scaled} {exact}");
                if attains == Some(k) {
                    prop_assert!((scaled - 2.0).abs() < 1e-12);
                }
                solver.advance(&problem, &mut state).unwrap();
            }
        }
    }

    /// `‖u − T u‖ ≤ 2 ‖u₀ − u*‖ / (k + 1)` for a gradient step, and with a regularizer; and the sharper bound
    /// on `‖F‖`.
    #[test]
    fn the_rate_holds_for_convex_functions(seed in any::<u64>(), weight in 0.0_f64..1.0) {
        let spectrum: Vec<_> = gaussian(seed, 5).iter().map(|g| (2.0 * g).exp()).collect();
        let largest = spectrum.iter().copied().fold(0.0, f64::max);
        let linear: Vec<_> = gaussian(seed ^ 1, 5);
        let soft = |b: f64, h: f64| b.signum() * (b.abs() - weight).max(0.0) / h;
        let solution: Vec<_> = linear.iter().zip(&spectrum).map(|(&b, &h)| soft(b, h)).collect();
        let problem = Composite {
            problem: Quadratic::diagonal(spectrum, linear).unwrap(),
            regularizer: L1 { weight },
        };
        let start = gaussian(seed ^ 2, 5);
        let first = distance(&start, &solution);
        let solver = Halpern { step_size: 1.0 / largest };
        let mut state = solver.start(&problem, start).unwrap();
        for k in 0..60 {
            let mut image = state.iterate.clone();
            image.axpy(-solver.step_size, &problem.operator(&image).unwrap()).unwrap();
            problem.resolvent(solver.step_size, &mut image).unwrap();
            let moved = distance(&state.iterate, &image);
            prop_assert!(moved * f64::from(k + 1) <= 2.0 * first * (1.0 + 1e-10), "{k}");
            solver.advance(&problem, &mut state).unwrap();
        }
        prop_assert_eq!(state.work, Work { components: 60, ..Work::default() });
    }

    #[test]
    fn without_a_regularizer_the_operator_falls_like_l_over_k(seed in any::<u64>()) {
        let spectrum: Vec<_> = gaussian(seed, 5).iter().map(|g| (2.0 * g).exp()).collect();
        let largest = spectrum.iter().copied().fold(0.0, f64::max);
        let problem = Quadratic::diagonal(spectrum, vec![0.0; 5]).unwrap();
        let start = gaussian(seed ^ 2, 5);
        let solver = Halpern { step_size: 1.0 / largest };
        for k in [1, 2, 5, 20, 80] {
            let found = after(&solver, &problem, &start, k).iterate;
            let scaled = k as f64 * residual(&problem, &found).unwrap() / largest;
            prop_assert!(scaled <= norm(&start) * (1.0 + 1e-10), "{k}");
        }
    }

    /// With `p = 1` nothing is random: the recursion with the whole `F`, at `η = 1/(4L)`.
    #[test]
    fn full_evaluations_make_it_deterministic(seed in any::<u64>()) {
        let problem = ScaledFiniteSum::random(9, 4, 0.01, seed).unwrap();
        let cocoercivity = problem.average_cocoercivity();
        let solver = VarianceReducedHalpern {
            full_probability: Some(1.0),
            ..VarianceReducedHalpern::new(cocoercivity, seed)
        };
        let start = gaussian(seed, 4);
        let mut u = start.clone();
        for k in 0..20 {
            let value = problem.operator(&u).unwrap();
            let weight = 2.0 / (f64::from(k) + 4.0);
            for (u, (start, value)) in u.iter_mut().zip(start.iter().zip(value)) {
                *u = weight * start + (1.0 - weight) * *u - value / (4.0 * cocoercivity);
            }
        }
        let state = after(&solver, &problem, &start, 20);
        prop_assert!(distance(&state.iterate, &u) <= 1e-14);
        prop_assert_eq!(state.work.components, 20 * 9);
    }

    /// PAGE makes no error when the components share their linear part, as a single one does with itself.
    #[test]
    fn page_is_exact_for_a_shared_linear_part(seed in any::<u64>(), n in 1_usize..12) {
        let matrix = Mat::from_fn(3, 3, |i, j| [[1.0, 0.3, 0.0], [0.3, 0.5, 0.1], [0.0, 0.1, 0.2]][i][j]);
        let constants = gaussian(seed, 3 * n);
        let components: Vec<_> = constants.chunks(3).map(|t| (matrix.clone(), t.to_vec())).collect();
        let problem = AffineFiniteSum::new(&components).unwrap();
        let solver = VarianceReducedHalpern::new(1.2, seed);
        let whole = VarianceReducedHalpern { full_probability: Some(1.0), ..solver };
        let start = vec![1.0, -1.0, 0.5];
        let (found, exact) =
            (after(&solver, &problem, &start, 50).iterate, after(&whole, &problem, &start, 50).iterate);
        prop_assert!(distance(&found, &exact) <= 1e-12 * (1.0 + norm(&exact)), "{found:?} {exact:?}");
    }

    /// The bound of specification 3, whose constant is not the paper's.
    #[test]
    fn the_variance_reduced_operator_falls_like_l_over_k(seed in any::<u64>(), n in 1_usize..200) {
        let problem = ScaledFiniteSum::random(n, 8, 1e-3, seed).unwrap();
        let cocoercivity = problem.average_cocoercivity();
        let start = gaussian(seed, 8);
        let bound = 16.0 * cocoercivity * norm(&start);
        let solver = VarianceReducedHalpern::new(cocoercivity, seed);
        let mut state = solver.start(&problem, start).unwrap();
        for k in 0..300 {
            let value = f64::from(k) * residual(&problem, &state.iterate).unwrap();
            prop_assert!(value <= bound, "{k}: {value} {bound}");
            solver.advance(&problem, &mut state).unwrap();
        }
        // n for the whole F, else two batches of ⌈√n⌉, and mostly the latter.
        let batches = 2 * (n as f64).sqrt().ceil() as u64;
        let work = state.work.components;
        let whole = (0..=300).find(|whole| whole * n as u64 + (300 - whole) * batches == work);
        prop_assert!(whole.is_some(), "{work}");
    }

    /// Algorithm 2 with both inner solvers: the rate of exact resolvents, on games that are not cocoercive.
    #[test]
    fn inexact_resolvents_keep_the_rate(seed in any::<u64>(), deterministic in any::<bool>()) {
        let problem = AffineFiniteSum::bilinear_games(20, 2, seed).unwrap();
        let mut solver = InexactHalpern::new(problem.average_lipschitz().unwrap(), 20, seed);
        if deterministic {
            solver.inner = InnerSolver::Deterministic;
        }
        let start = gaussian(seed, 4);
        let first = norm(&start);
        let mut state = solver.start(&problem, start).unwrap();
        for k in 0..15 {
            let image = problem.exact_resolvent(solver.resolvent_step, &state.iterate).unwrap();
            let scaled = f64::from(k + 1) * distance(&state.iterate, &image) / first;
            prop_assert!(scaled <= 2.0, "{k}: {scaled}");
            solver.advance(&problem, &mut state).unwrap();
        }
        prop_assert!(!deterministic || state.work.components.is_multiple_of(20));
    }

    /// The certificate is honest: the inner solution is as near to the resolvent as it says, with `G` too.
    #[test]
    fn inner_solutions_are_as_accurate_as_asked(
        seed in any::<u64>(),
        weight in 0.0..0.5,
        accuracy in 0.001..0.9,
        inner in prop_oneof![Just(InnerSolver::VarianceReduced), Just(InnerSolver::Deterministic)],
    ) {
        let game = AffineFiniteSum::bilinear_games(10, 2, seed).unwrap();
        let lipschitz = game.average_lipschitz().unwrap();
        let solver = InexactHalpern { accuracy, inner, ..InexactHalpern::new(lipschitz, 10, seed) };
        let problem = Composite { problem: game, regularizer: L1 { weight } };
        let start = gaussian(seed, 4);
        // The first step ends at ½ (u₀ + Ĵ(u₀)).
        let resolvent = |solver: &InexactHalpern| {
            let end = after(solver, &problem, &start, 1).iterate;
            end.iter().zip(&start).map(|(u, u0)| 2.0 * u - u0).collect::<Vec<_>>()
        };
        let exact = resolvent(&InexactHalpern { accuracy: 1e-9, ..solver });
        let error = distance(&resolvent(&solver), &exact);
        prop_assert!(error <= accuracy / 2.0 * distance(&start, &exact) + 1e-8, "{error}");
        if weight == 0.0 {
            let resolvent = problem.problem.exact_resolvent(solver.resolvent_step, &start).unwrap();
            prop_assert!(distance(&exact, &resolvent) < 1e-8);
        }
    }

    #[test]
    fn a_resumed_run_has_the_bits_of_an_uninterrupted_one(split in 0_u64..12, seed in any::<u64>()) {
        let problem = AffineFiniteSum::bilinear_games(9, 2, 3).unwrap();
        let start = vec![1.0, -0.5, 2.0, 0.1];
        resumes(&Halpern { step_size: 0.1 }, &problem, &start, split, 12);
        resumes(&VarianceReducedHalpern::new(10.0, seed), &problem, &start, split, 12);
        resumes(&ForwardReflectedBackward { step_size: 0.1 }, &problem, &start, split, 12);
        let reduced = VarianceReducedForwardReflectedBackward::new(3.0, 4, seed);
        resumes(&reduced, &problem, &start, split, 12);
        resumes(&InexactHalpern::new(3.0, 9, seed), &problem, &start, split.min(4), 4);
    }
}

/// Linear convergence of VR-FoRB on `0 = η F(u) + u − v`: a tenth every 25 passes, for any `n` (specification
/// 3).
#[test]
fn variance_reduced_forb_converges_linearly() {
    for components in [100, 400] {
        for seed in 1..4 {
            let game = AffineFiniteSum::bilinear_games(components, 5, seed).unwrap();
            let lipschitz = game.average_lipschitz().unwrap();
            let step = (components as f64).sqrt() / lipschitz;
            let centre = gaussian(seed, 10);
            let exact = game.exact_resolvent(step, &centre).unwrap();
            let problem = Composite { problem: Times(step, game), regularizer: Proximity(centre.clone()) };
            let solver = VarianceReducedForwardReflectedBackward::new(step * lipschitz, components, seed);
            let mut state = solver.start(&problem, centre.clone()).unwrap();
            let mut passes = |limit: u64| {
                while state.work.components < limit * components as u64 {
                    solver.advance(&problem, &mut state).unwrap();
                }
                distance(&state.iterate, &exact) / distance(&centre, &exact)
            };
            let (early, late) = (passes(30), passes(150));
            assert!(early < 0.5 && late < 1e-4, "n = {components}: {early} {late}");
        }
    }
}

/// FoRB without and with a regularizer reaches the resolvent; each step costs one evaluation of `F`.
#[test]
fn deterministic_forb_converges() {
    let game = AffineFiniteSum::bilinear_games(4, 2, 7).unwrap();
    let centre = gaussian(7, 4);
    let exact = game.exact_resolvent(2.0, &centre).unwrap();
    let lipschitz = 2.0 * game.average_lipschitz().unwrap();
    let problem = Composite { problem: Times(2.0, game), regularizer: Proximity(centre.clone()) };
    let solver = ForwardReflectedBackward { step_size: 0.49 / lipschitz };
    let state = after(&solver, &problem, &centre, 300);
    assert!(distance(&state.iterate, &exact) < 1e-8);
    assert_eq!(state.work.components, 300 * 4);
}

/// On a game with a known value: the diagonal game `A = diag(a)` has `xᵢ = yᵢ ∝ 1/aᵢ`.
#[test]
fn matrix_games_are_solved_on_the_simplex() {
    let diagonal = [1.0, 2.0, 4.0];
    let game = MatrixGame::new(Mat::from_fn(3, 3, |i, j| if i == j { diagonal[i] } else { 0.0 })).unwrap();
    let problem = Composite { problem: game.clone(), regularizer: (Simplex::default(), Simplex::default()) };
    let total: f64 = diagonal.iter().map(|a| 1.0 / a).sum();
    let optimal = diagonal.map(|a| 1.0 / a / total).to_vec();
    assert!(residual(&problem, &(optimal.clone(), optimal.clone())).unwrap() < 1e-14);
    let whole = InexactHalpern::new(game.average_lipschitz(), 3, 5);
    let deterministic =
        InexactHalpern { lipschitz: game.lipschitz().unwrap(), inner: InnerSolver::Deterministic, ..whole };
    for solver in [whole, deterministic] {
        let (x, y) = after(&solver, &problem, &game.uniform_strategies(), 300).iterate;
        for strategy in [&x, &y] {
            assert!((strategy.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(strategy.iter().all(|&s| s >= 0.0));
            assert!(distance(strategy, &optimal) < 0.05, "{solver:?}: {strategy:?}");
        }
    }
}

#[test]
fn components_of_a_matrix_game_have_its_mean_and_lipschitz_constant() {
    let game = MatrixGame::policeman_and_burglar(6, 2).unwrap();
    assert!((game.lipschitz().unwrap() - 1.0).abs() < 1e-12);
    let z = (gaussian(1, 6), gaussian(2, 6));
    let mean = game.batch(&[0, 1, 2, 3, 4, 5], &z).unwrap();
    let whole = game.operator(&z).unwrap();
    assert!(distance(&mean.0, &whole.0) + distance(&mean.1, &whole.1) < 1e-12);
    let square = |z: &(Vec<f64>, Vec<f64>)| z.dot(z).unwrap();
    let mean_square = |z: &_| (0..6).map(|i| square(&game.batch(&[i], z).unwrap())).sum::<f64>() / 6.0;
    let bound = game.average_lipschitz().powi(2);
    assert!(mean_square(&z) <= bound * square(&z));
    let unit = |i: usize| (0..6).map(|j| f64::from(i == j)).collect::<Vec<_>>();
    let sharpest = (0..6)
        .flat_map(|i| [mean_square(&(unit(i), vec![0.0; 6])), mean_square(&(vec![0.0; 6], unit(i)))])
        .fold(0.0, f64::max);
    assert!((sharpest - bound).abs() < 1e-12 * bound, "{sharpest} {bound}");
    assert!(MatrixGame::new(Mat::zeros(0, 0)).is_err());
    assert!(MatrixGame::new(Mat::zeros(2, 3)).is_err());
    assert!(MatrixGame::new(Mat::from_fn(1, 1, |_, _| f64::NAN)).is_err());
    assert!(game.operator(&(vec![0.0; 6], vec![0.0; 5])).is_err());
}

#[test]
fn bad_settings_are_refused() {
    fn refused<S: Solver<AffineFiniteSum>>(solver: &S) {
        let problem = AffineFiniteSum::bilinear_games(4, 2, 7).unwrap();
        let Err(error) = solver.start(&problem, vec![0.0; 4]) else { panic!("a bad setting was accepted") };
        assert!(matches!(error, OptimError::Input(InputError::Setting { .. })), "{error}");
    }
    let page = VarianceReducedHalpern::new(1.0, 0);
    let reduced = VarianceReducedForwardReflectedBackward::new(1.0, 4, 0);
    let inexact = InexactHalpern::new(1.0, 4, 0);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(&Halpern { step_size: bad });
        refused(&ForwardReflectedBackward { step_size: bad });
        refused(&VarianceReducedHalpern { step_size: bad, ..page });
        refused(&VarianceReducedForwardReflectedBackward { step_size: bad, ..reduced });
        refused(&VarianceReducedForwardReflectedBackward { snapshot_probability: bad, ..reduced });
        refused(&InexactHalpern { resolvent_step: bad, ..inexact });
        refused(&InexactHalpern { lipschitz: bad, ..inexact });
        refused(&InexactHalpern { accuracy: bad, ..inexact });
    }
    refused(&VarianceReducedHalpern { full_probability: Some(1.5), ..page });
    refused(&VarianceReducedHalpern { batch_size: Some(0), ..page });
    refused(&VarianceReducedHalpern { batch_size: Some(5), ..page });
    refused(&VarianceReducedForwardReflectedBackward { snapshot_probability: 1.5, ..reduced });
    refused(&VarianceReducedForwardReflectedBackward { batch_size: 5, ..reduced });
    refused(&InexactHalpern { accuracy: 1.0, ..inexact });
    assert!(ScaledFiniteSum::new(vec![], vec![1.0]).is_err());
    assert!(ScaledFiniteSum::new(vec![1.0], vec![]).is_err());
    assert!(ScaledFiniteSum::new(vec![0.0], vec![1.0]).is_err());
    assert!(ScaledFiniteSum::new(vec![1.0], vec![-1.0]).is_err());
    assert!(ScaledFiniteSum::random(3, 2, 0.0, 1).is_err());
}

/// A Lipschitz constant that is far too small ends in an error, not in an endless loop.
#[test]
fn an_inner_solver_that_diverges_is_an_error() {
    let problem = AffineFiniteSum::bilinear_games(10, 2, 7).unwrap();
    for inner in [InnerSolver::VarianceReduced, InnerSolver::Deterministic] {
        let solver = InexactHalpern { inner, ..InexactHalpern::new(1e-3, 10, 0) };
        let mut state = solver.start(&problem, vec![1.0; 4]).unwrap();
        assert!(solver.advance(&problem, &mut state).is_err());
    }
}

device_tests! {
    fn runs_on_tensors(device) {
        agrees_on(device, &Halpern { step_size: 0.5 });
        agrees_on(device, &VarianceReducedHalpern::new(2.0, 3));
        agrees_on(device, &ForwardReflectedBackward { step_size: 0.2 });
        agrees_on(device, &VarianceReducedForwardReflectedBackward::new(2.0, 4, 3));
    }
}
