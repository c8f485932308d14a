//! What every method does on bilinear games, where `s = αβσ²`.

use faer::Mat;
use kiln_optim::minimax::{AlexGda, Extragradient};
use kiln_optim::problems::{QuadraticGame, spectral_radius};
use proptest::prelude::*;

use super::games::{Random, cases, distance, times, trajectory};

fn bilinear(singular_values: &[f64]) -> QuadraticGame {
    QuadraticGame::from_scalar_games(singular_values.iter().map(|&sigma| (0.0, sigma, 0.0)).collect())
        .unwrap()
}

/// `‖x‖²/α + ‖y‖²/β` grows by `1 + s` in each singular mode.
#[test]
fn simultaneous_steps_diverge() {
    proptest!(cases(32), |(seed: u64, alpha in 0.01..1.0_f64, beta in 0.01..1.0_f64, sigma in 0.1..2.0_f64)| {
        let game = bilinear(&[sigma, 0.5 * sigma]);
        let start = Random::new(seed).point(&game);
        let iterates = trajectory(&AlexGda::sim(alpha, beta), &game, start, 50);
        let energy = |(x, y): &(Vec<f64>, Vec<f64>), i: usize| x[i].powi(2) / alpha + y[i].powi(2) / beta;
        for pair in iterates.windows(2) {
            for (i, sigma) in [sigma, 0.5 * sigma].into_iter().enumerate() {
                let growth = energy(&pair[1], i) / energy(&pair[0], i);
                prop_assert!((growth - 1.0 - alpha * beta * sigma * sigma).abs() <= 1e-12);
            }
        }
    });
}

/// `‖x‖²/α + ‖y‖²/β − xᵀBy` is conserved; bounded iff all `s < 4`.
#[test]
fn alternating_steps_cycle() {
    proptest!(cases(16), |(seed: u64, m in 1..6_usize, n in 1..6_usize, largest in 0.1..3.9_f64)| {
        let mut random = Random::new(seed);
        let b = random.matrix(m, n);
        let game = QuadraticGame::bilinear(b.clone())?;
        let l_xy = game.constants()?.l_xy;
        let (alpha, beta) = (largest / l_xy, 1.0 / l_xy);
        let conserved = |(x, y): &(Vec<f64>, Vec<f64>)| {
            let coupling: f64 = x.iter().zip(times(&b, y)).map(|(x, by)| x * by).sum();
            x.iter().map(|x| x * x).sum::<f64>() / alpha + y.iter().map(|y| y * y).sum::<f64>() / beta - coupling
        };
        let start = random.point(&game);
        let first = conserved(&start);
        let iterates = trajectory(&AlexGda::alt(alpha, beta), &game, start, 1000);
        for z in &iterates {
            prop_assert!((conserved(z) / first - 1.0).abs() <= 1e-11);
        }
        let radius = |s: f64| spectral_radius(&AlexGda::alt(s, 1.0).iteration_matrix(&bilinear(&[1.0])));
        prop_assert!((radius(largest)? - 1.0).abs() <= 1e-12);
        prop_assert!(radius(4.0 + largest)? > 1.01);
    });
}

#[test]
fn alex_converges_exactly_where_it_should() {
    proptest!(cases(2000), |(gamma in 1.0..4.0_f64, delta in 1.0..4.0_f64, ratio in 0.01..2.0_f64)| {
        prop_assume!((ratio - 1.0_f64).abs() > 1e-3 && gamma + delta > 2.01);
        let s = ratio * 4.0 / ((2.0 * gamma - 1.0) * (2.0 * delta - 1.0));
        let solver = AlexGda { gamma, delta, ..AlexGda::new(s, 1.0) };
        let radius = spectral_radius(&solver.iteration_matrix(&bilinear(&[1.0])))?;
        prop_assert_eq!(radius < 1.0, ratio < 1.0, "radius {}", radius);
    });
}

/// `1 − ρ = (γ + δ − 2) s/2 · (1 + O(s))`.
#[test]
fn alex_rate_for_small_steps() {
    proptest!(cases(100), |(gamma in 1.0..3.0_f64, delta in 1.1..3.0_f64, exponent in 4.0..6.0_f64)| {
        let s = 10_f64.powf(-exponent);
        let solver = AlexGda { gamma, delta, ..AlexGda::new(s, 1.0) };
        let radius = spectral_radius(&solver.iteration_matrix(&bilinear(&[1.0])))?;
        let predicted = (gamma + delta - 2.0) * s / 2.0;
        prop_assert!(((1.0 - radius) / predicted - 1.0).abs() <= 100.0 * s + 1e-6);
    });
}

/// `γ = 1`: `ρ = √(1 − (δ−1) αβμₓᵧ²)` while `s < 4/δ²`.
#[test]
fn alex_rate_with_one_extrapolation() {
    proptest!(cases(100), |(delta in 1.05..3.0_f64, share in 0.05..0.95_f64, smallest in 0.1..1.0_f64)| {
        let largest = share * 4.0 / (delta * delta);
        let solver = AlexGda { gamma: 1.0, delta, ..AlexGda::new(largest, 1.0) };
        let radius = spectral_radius(&solver.iteration_matrix(&bilinear(&[1.0, smallest, 1.0])))?;
        let expected = (1.0 - (delta - 1.0) * largest * smallest * smallest).sqrt();
        prop_assert!((radius - expected).abs() <= 1e-12);
    });
}

#[test]
fn alex_can_end_in_three_steps() {
    let game = bilinear(&[2.0, 2.0]);
    let start = Random::new(5).point(&game);
    let iterates = trajectory(&AlexGda { gamma: 1.0, delta: 2.0, ..AlexGda::new(0.5, 0.5) }, &game, start, 3);
    let (x, y) = &iterates[3];
    assert!(x.iter().chain(y).all(|z| z.abs() <= 1e-15));
}

#[test]
fn extragradient_rates() {
    proptest!(cases(100), |(eta in 0.05..1.5_f64, small in 0.1..1.0_f64)| {
        prop_assume!((eta - 1.0_f64).abs() > 1e-3);
        let game = bilinear(&[1.0, small]);
        let radius = spectral_radius(&Extragradient::new(eta).iteration_matrix(&game))?;
        let square = |sigma: f64| 1.0 - (eta * sigma).powi(2) + (eta * sigma).powi(4);
        prop_assert!((radius.powi(2) - square(1.0).max(square(small))).abs() <= 1e-12);
        prop_assert_eq!(radius < 1.0, eta < 1.0);
        // Twice the step of the extrapolation: ρ² = 1 + 4h⁴σ⁴.
        let doubled = Extragradient { extrapolation_step: eta.into(), step_size: (2.0 * eta).into() };
        let radius = spectral_radius(&doubled.iteration_matrix(&game))?;
        prop_assert!((radius.powi(2) / (1.0 + 4.0 * eta.powi(4)) - 1.0).abs() <= 1e-12);
    });
}

/// With a singular `B` the limit is the projection of the start on the set of saddle points.
#[test]
fn null_components_stay() {
    let mut random = Random::new(9);
    let (u, v) = (random.orthogonal(4), random.orthogonal(3));
    // Rank 2.
    let sigma = Mat::from_fn(4, 3, |i, j| if i == j && i < 2 { 1.0 - 0.5 * i as f64 } else { 0.0 });
    let game = QuadraticGame::bilinear(&u * &sigma * v.transpose()).unwrap();
    let (x, y) = random.point(&game);
    let project = |basis: &Mat<f64>, z: &[f64]| {
        let mut coordinates = times(&basis.transpose().to_owned(), z);
        coordinates[..2].fill(0.0);
        times(basis, &coordinates)
    };
    let expected = (project(&u, &x), project(&v, &y));
    let iterates =
        trajectory(&AlexGda { gamma: 1.0, delta: 2.0, ..AlexGda::new(0.6, 0.6) }, &game, (x, y), 800);
    let (x, y) = iterates.last().unwrap();
    assert!(distance(x, &expected.0) <= 1e-12 && distance(y, &expected.1) <= 1e-12);
}
