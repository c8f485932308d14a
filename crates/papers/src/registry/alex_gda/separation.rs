//! What Sim-GDA can reach with any step sizes against what Alt-GDA guarantees (claim C2).

use kiln_optim::OptimError;
use kiln_optim::minimax::{AlexGda, Extragradient, OptimisticGradient};
use kiln_optim::problems::{GameConstants, QuadraticGame, spectral_radius};

use kiln_receipts::{Context, ExperimentError, Recorder, Table};

use super::claims::{ALT_FASTER, CELLS, SIM_BOUND};

/// `(μ, L, b)` and an independent program's `1 − ρ`: best Sim, Alt by theory, Alt and Alex at Alex's step, best
/// EG, best OGDA.
const ROWS: [([f64; 3], [f64; 6]); 4] = [
    ([0.01, 1.0, 1.0], [9.75e-5, 5.00e-4, 5.00e-3, 5.00e-3, 9.8e-3, 5.7e-3]),
    ([0.1, 1.0, 1.0], [9.17e-3, 1.58e-2, 5.00e-2, 5.00e-2, 8.2e-2, 5.4e-2]),
    ([0.01, 1.0, 0.5], [3.69e-4, 1.00e-3, 5.00e-3, 5.00e-3, 9.8e-3, 6.6e-3]),
    ([0.01, 1.0, 2.0], [2.40e-5, 2.50e-4, 2.50e-3, 2.50e-3, 5.0e-3, 2.9e-3]),
];

/// `count` numbers from `low` to `high` with equal ratios.
fn grid(low: f64, high: f64, count: u32) -> impl Iterator<Item = f64> + Clone {
    (0..count).map(move |i| low * (high / low).powf(f64::from(i) / f64::from(count - 1)))
}

/// The smallest contraction `1 − ρ` of the three scalar games.
fn contraction(
    games: &[QuadraticGame],
    matrix: impl Fn(&QuadraticGame) -> faer::Mat<f64>,
) -> Result<f64, OptimError> {
    let mut slowest = f64::INFINITY;
    for game in games {
        slowest = slowest.min(1.0 - spectral_radius(&matrix(game))?);
    }
    Ok(slowest)
}

pub(super) fn run(_context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "separation",
        "Contraction 1 − ρ on the separating games",
        "Three scalar games (μ, b, μ), (μ, 0, μ), (L, 0, L). Sim: the best of all step sizes on a 241 × 241 \
         grid; Alt: by theory; Alex: γ = δ = 3/2 by theory, and Alt with the same steps; EG and OGDA: best \
         of 400 steps.",
        &[
            "μ, L, b",
            "Sim, best",
            "bound for Sim",
            "Alt",
            "Alt, Alex's step",
            "Alex",
            "EG, best",
            "OGDA, best",
        ],
    );
    for ([mu, l, b], expected) in ROWS {
        let games = [(mu, b, mu), (mu, 0.0, mu), (l, 0.0, l)]
            .into_iter()
            .map(|game| QuadraticGame::from_scalar_games(vec![game]))
            .collect::<Result<Vec<_>, _>>()?;
        let sim = recorder.memo(&format!("Sim {mu} {l} {b}"), || {
            let mut best = f64::NEG_INFINITY;
            let steps: Vec<f64> = grid(1e-7, 2.0, 241).collect();
            for (i, &alpha) in steps.iter().enumerate() {
                for &beta in &steps[i..] {
                    best = best
                        .max(contraction(&games, |game| AlexGda::sim(alpha, beta).iteration_matrix(game))?);
                }
            }
            Ok(best)
        })?;
        let constants = GameConstants { mu_x: mu, mu_y: mu, l_x: l, l_y: l, l_xy: b, mu_xy: 0.0 };
        let alex = AlexGda::for_constants(&constants)?;
        let alternating =
            [AlexGda::alt_for_constants(&constants)?, AlexGda::alt(alex.step_size_x, alex.step_size_y), alex];
        let mut contractions = vec![sim];
        for solver in alternating {
            contractions.push(contraction(&games, |game| solver.iteration_matrix(game))?);
        }
        let (mut extragradient, mut optimistic) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (long, short) in grid(1e-3, 2.0, 400).zip(grid(1e-3, 1.0, 400)) {
            let measured = contraction(&games, |game| Extragradient::new(long).iteration_matrix(game))?;
            extragradient = extragradient.max(measured);
            let measured = contraction(&games, |game| OptimisticGradient::new(short).iteration_matrix(game))?;
            optimistic = optimistic.max(measured);
        }
        contractions.extend([extragradient, optimistic]);
        let bound = 2.0 / (1.0 + (b / mu).powi(2));
        recorder.observe(&SIM_BOUND, [sim / bound]);
        recorder.observe(&ALT_FASTER, [contractions[1] / sim]);
        recorder.observe(
            &CELLS,
            contractions.iter().zip(expected).map(|(cell, known)| (cell / known - 1.0).abs()),
        );
        contractions.insert(1, bound);
        table.numbers([format!("{mu}, {l}, {b}")], contractions);
    }
    recorder.table(table);
    Ok(())
}
