//! Rates in the long run, and what the theory's step sizes guarantee.

use faer::Mat;
use kiln_optim::minimax::{AlexGda, AlternatingOptimisticGradient, Extragradient, OptimisticGradient};
use kiln_optim::problems::{GameConstants, QuadraticGame, spectral_radius};
use kiln_optim::{OptimError, Solver};
use proptest::prelude::*;

use super::games::{Point, Random, cases, joined, norm, trajectory};

/// The rate in the long run of a solver on a game with saddle point 0: the two-term recurrence that three
/// late iterates obey, whose larger root has that modulus. This is exact where one real eigenvalue or one
/// complex pair dominates.
fn measured_rate<S: Solver<QuadraticGame>>(
    solver: &S,
    game: &QuadraticGame,
    start: Point,
    steps: usize,
) -> f64 {
    let iterates = trajectory(solver, game, start, steps);
    let late: Vec<Vec<f64>> = iterates[steps - 2..].iter().map(joined).collect();
    let scale = norm(&late[0]);
    let dot =
        |i: usize, j: usize| late[i].iter().zip(&late[j]).map(|(a, b)| a / scale * (b / scale)).sum::<f64>();
    // The squared sine between two iterates: rounding (about 1e-16) for a real eigenvalue, at least 1e-4 for
    // a pair that `separated` accepts.
    let determinant = dot(1, 1) - dot(0, 1).powi(2);
    if determinant <= 1e-10 * dot(1, 1) {
        return dot(1, 1).sqrt();
    }
    let first = (dot(1, 2) - dot(0, 1) * dot(0, 2)) / determinant;
    let second = (dot(1, 1) * dot(0, 2) - dot(0, 1) * dot(1, 2)) / determinant;
    let discriminant = first * first / 4.0 + second;
    if discriminant < 0.0 { (-second).sqrt() } else { first.abs() / 2.0 + discriminant.sqrt() }
}

/// Moduli of the eigenvalues, descending, or none where no measurement can tell the first from the rest.
fn separated(matrix: &Mat<f64>) -> Option<f64> {
    let mut moduli: Vec<(f64, f64)> = matrix
        .eigenvalues()
        .unwrap()
        .iter()
        .map(|value| (value.re.hypot(value.im), value.im.abs()))
        .collect();
    moduli.sort_by(|a, b| b.0.total_cmp(&a.0));
    let dominant = if moduli[0].1 > 1e-2 { 2 } else { 1 };
    let alone = moduli[0].1 == 0.0 || moduli[0].1 > 1e-2;
    (alone && moduli[dominant].0 < 0.98 * moduli[0].0).then_some(moduli[0].0)
}

#[test]
fn measured_rates_are_spectral_radii() {
    let mut measured = 0;
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let game = random.game(3, 3, 10.0, 0.5);
        let start = random.point(&game);
        let mut check = |matrix: Mat<f64>, rate: &dyn Fn(usize) -> f64| {
            let Some(radius) = separated(&matrix) else { return };
            // As far as the squares of the iterates stay away from the smallest numbers.
            let steps = (-300.0 / radius.ln()).min(2000.0) as usize;
            if radius < 1.0 {
                let rate = rate(steps);
                assert!((rate - radius).abs() <= 1e-6, "seed {seed}: measured {rate}, radius {radius}");
                measured += 1;
            }
        };
        for solver in [AlexGda::sim(0.1, 0.1), AlexGda::alt(0.3, 0.3), AlexGda::new(0.3, 0.3)] {
            check(solver.iteration_matrix(&game), &|steps| {
                measured_rate(&solver, &game, start.clone(), steps)
            });
        }
        let solver = Extragradient::new(0.3);
        check(solver.iteration_matrix(&game), &|steps| measured_rate(&solver, &game, start.clone(), steps));
        let solver = OptimisticGradient::new(0.2);
        check(solver.iteration_matrix(&game), &|steps| measured_rate(&solver, &game, start.clone(), steps));
        let (step_size_x, step_size_y) = (0.2.into(), 0.2.into());
        let solver = AlternatingOptimisticGradient { step_size_x, step_size_y, correction: 1.0 };
        check(solver.iteration_matrix(&game), &|steps| measured_rate(&solver, &game, start.clone(), steps));
    }
    assert!(measured >= 60, "only {measured} of 240 games could be measured");
}

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    m: usize,
    n: usize,
    kappa: f64,
    coupling: f64,
}

fn case() -> impl Strategy<Value = Case> {
    (any::<u64>(), 2..9_usize, 2..9_usize, 0.0..2.5, -2.0..1.0).prop_map(|(seed, m, n, kappa, coupling)| {
        Case { seed, m, n, kappa: 10_f64.powf(kappa), coupling: 10_f64.powf(coupling) }
    })
}

/// `Ψ = ‖x‖²/α + ‖y‖²/β` falls by the factor `1 − min(αμₓ, βμᵧ)` or more in every step.
#[test]
fn simultaneous_contraction() {
    proptest!(cases(100), |(case in case())| {
        let mut random = Random::new(case.seed);
        let game = random.game(case.m, case.n, case.kappa, case.coupling);
        let k = game.constants()?;
        let solver = AlexGda::sim_for_constants(&k)?;
        let (alpha, beta) = (solver.step_size_x.at(0), solver.step_size_y.at(0));
        let energy = |(x, y): &Point| norm(x).powi(2) / alpha + norm(y).powi(2) / beta;
        let factor = 1.0 - (alpha * k.mu_x).min(beta * k.mu_y);
        let start = random.point(&game);
        for pair in trajectory(&solver, &game, start, 60).windows(2) {
            prop_assert!(energy(&pair[1]) <= factor * energy(&pair[0]) * (1.0 + 1e-12));
        }
    });
}

type Theory = fn(&GameConstants) -> Result<AlexGda, OptimError>;

/// `−ln ρ ≥ 0.95 min(αμₓ, βμᵧ)` at the step sizes of the theory.
#[test]
fn rates_by_theory() {
    proptest!(cases(100), |(case in case(), gamma in 1.0..3.0_f64, delta in 1.0..3.0_f64)| {
        let game = Random::new(case.seed).game(case.m, case.n, case.kappa, case.coupling);
        let k = game.constants()?;
        let check = |solver: AlexGda| {
            let radius = spectral_radius(&solver.iteration_matrix(&game)).unwrap();
            let guaranteed = (solver.step_size_x.at(0) * k.mu_x).min(solver.step_size_y.at(0) * k.mu_y);
            let ratio = -radius.ln() / guaranteed;
            assert!(ratio >= 0.95, "γ = {}, δ = {}: {ratio}", solver.gamma, solver.delta);
        };
        for theory in [AlexGda::alt_for_constants as Theory, AlexGda::for_constants] {
            check(theory(&k)?);
        }
        let pairs = [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (1.5, 2.5), (3.0, 3.0), (gamma, delta)];
        for (gamma, delta) in pairs {
            check(AlexGda::alex_for_constants(gamma, delta, &k)?);
        }
    });
}

/// Three scalar games on which simultaneous steps cannot be fast, whatever they are.
fn separation(mu: f64, l: f64, b: f64) -> QuadraticGame {
    QuadraticGame::from_scalar_games(vec![(mu, b, mu), (mu, 0.0, mu), (l, 0.0, l)]).unwrap()
}

#[test]
fn alternation_beats_every_simultaneous_step() {
    let (mu, l, b) = (0.01, 1.0, 1.0);
    let game = separation(mu, l, b);
    let bound = 2.0 / (1.0 + (b / mu).powi(2));
    let contraction = |solver: AlexGda| 1.0 - spectral_radius(&solver.iteration_matrix(&game)).unwrap();
    let mut best = 0.0_f64;
    for i in 0..61 {
        for j in 0..61 {
            let step = |i: i32| 1e-7 * 2e7_f64.powf(f64::from(i) / 60.0);
            let simultaneous = contraction(AlexGda::sim(step(i), step(j)));
            assert!(simultaneous <= bound * (1.0 + 1e-6), "{simultaneous} for {i}, {j}");
            best = best.max(simultaneous);
        }
    }
    let alternating = contraction(AlexGda::alt_for_constants(&game.constants().unwrap()).unwrap());
    assert!(alternating >= 4.0 * best && best > 0.0, "{alternating} against {best}");
}
