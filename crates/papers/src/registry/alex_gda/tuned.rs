//! Gradient calls of every method after tuning on random quadratic games (claims C3 and C4).
//!
//! The games' matrices share their singular vectors, so each is 100 scalar games side by side.

use kiln_optim::minimax::{AlexGda, AlternatingOptimisticGradient, Extragradient, OptimisticGradient};
use kiln_optim::problems::QuadraticGame;
use kiln_optim::{OptimError, Solver};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Statistic, Table};

const METHODS: [&str; 6] = ["Sim", "Alt", "EG", "OGDA", "AltOGDA", "Alex"];

/// A row of the official results; `L = 1` for both players.
struct Row {
    number: usize,
    mu: f64,
    mu_xy: f64,
    l_xy: f64,
    target: f64,
    /// The official medians, in the order of [`METHODS`].
    official: [f64; 6],
}

const ROWS: [Row; 5] = [
    Row {
        number: 1,
        mu: 0.1,
        mu_xy: 0.1,
        l_xy: 1.0,
        target: 1e-8,
        official: [1999.0, 105.5, 131.0, 128.5, 88.0, 61.5],
    },
    Row {
        number: 2,
        mu: 0.1,
        mu_xy: 0.05,
        l_xy: 2.0,
        target: 1e-8,
        official: [7951.5, 149.0, 244.0, 207.0, 113.5, 99.0],
    },
    Row {
        number: 3,
        mu: 0.01,
        mu_xy: 0.01,
        l_xy: 1.0,
        target: 1e-4,
        official: [106_383.5, 572.0, 247.0, 228.0, 168.5, 104.0],
    },
    Row {
        number: 4,
        mu: 0.01,
        mu_xy: 0.05,
        l_xy: 2.0,
        target: 1e-4,
        official: [425_214.5, 772.0, 270.0, 280.5, 144.0, 109.0],
    },
    Row {
        number: 5,
        mu: 0.01,
        mu_xy: 0.001,
        l_xy: 0.5,
        target: 1e-4,
        official: [43628.0, 401.0, 271.0, 251.0, 161.5, 122.5],
    },
];

const SIZE: usize = 100;
const STARTS: u64 = 3;
const MOST_STEPS: u64 = 1000;
const MOST_STEPS_OF_SIM: u64 = 1_000_000;

pub(super) fn row_1(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let medians = tune(context.seeds(10), &ROWS[0], recorder, |method| {
        (method != "AltOGDA").then(|| ("C3", method.to_owned()))
    })?;
    let [sim, alt, extragradient, optimistic, alternating_optimistic, alex] = medians;
    recorder.record("C3", "median Alex / AltOGDA", [alex / alternating_optimistic]);
    recorder.record("C3", "median AltOGDA / Alt", [alternating_optimistic / alt]);
    recorder.record("C3", "median Alt / OGDA", [alt / optimistic]);
    recorder.record("C3", "median OGDA / EG", [optimistic / extragradient]);
    recorder.record("C3", "median Sim / EG", [sim / extragradient]);
    Ok(())
}

pub(super) fn row_2(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    other_row(context, &ROWS[1], recorder)
}

pub(super) fn row_3(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    other_row(context, &ROWS[2], recorder)
}

pub(super) fn row_4(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    other_row(context, &ROWS[3], recorder)
}

pub(super) fn row_5(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    other_row(context, &ROWS[4], recorder)
}

fn other_row(context: &Context, row: &Row, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let number = row.number;
    let seeds = context.seeds(context.pick(1, 10));
    let medians = tune(seeds, row, recorder, |method| Some(("C4", format!("row {number}, {method}"))))?;
    let best_other = medians[..5].iter().copied().fold(f64::INFINITY, f64::min);
    recorder.record("C4", "median Alex / best other median", [medians[5] / best_other]);
    Ok(())
}

/// Tunes every method on every game from every start, and gives the medians.
fn tune(
    seeds: Vec<u64>,
    row: &Row,
    recorder: &mut Recorder,
    check: impl Fn(&str) -> Option<(&'static str, String)>,
) -> Result<[f64; 6], ExperimentError> {
    let progress = recorder.progress(seeds.len() as u64 * STARTS, "games");
    let mut scores: Vec<Vec<f64>> = Vec::new();
    for seed in seeds {
        for start in 0..STARTS {
            scores.push(
                recorder
                    .memo(&format!("{seed} {start}"), || Ok(Instance::new(row, seed, start)?.scores()?))?,
            );
            progress.inc(1);
        }
    }
    let mut table = Table::new(
        "gradient-calls",
        &format!("Gradient calls after tuning, row {}", row.number),
        &format!(
            "μ = {}, μxy = {}, Lxy = {}, until ‖z‖² < {}; {} games and starts.",
            Number(row.mu),
            Number(row.mu_xy),
            Number(row.l_xy),
            Number(row.target),
            scores.len()
        ),
        &["method", "median", "smallest", "largest", "official median"],
    );
    let mut figure = Figure::new(
        "gradient-calls",
        &format!("Gradient calls after tuning, row {}", row.number),
        "Every game and start, the medians, and the medians of the official code's results.",
        Axis::categories("method", METHODS),
        Axis::log("gradient calls"),
    );
    let mut medians = [0.0; 6];
    let mut every = Vec::new();
    for (i, method) in METHODS.into_iter().enumerate() {
        let values: Vec<f64> = scores.iter().map(|scores| scores[i]).collect();
        let [median, smallest, largest] = [Statistic::Median, Statistic::Min, Statistic::Max]
            .map(|statistic| statistic.of(&values).unwrap_or(f64::NAN));
        medians[i] = median;
        let cells = [median, smallest, largest, row.official[i]].map(|value| Number(value).to_string());
        table.row(std::iter::once(method.to_owned()).chain(cells));
        every.extend(values.iter().map(|&value| (i as f64, value)));
        if let Some((claim, name)) = check(method) {
            recorder.record(claim, &name, values);
        }
    }
    let by_method = |values: [f64; 6]| values.into_iter().enumerate().map(|(i, value)| (i as f64, value));
    figure = figure
        .with(Kind::Points, "each game", 2, every)
        .with(Kind::LinePoints, "median", 0, by_method(medians))
        .with(Kind::Dashed, "official median", 1, by_method(row.official));
    recorder.table(table);
    recorder.figure(figure);
    Ok(medians)
}

struct Instance {
    game: QuadraticGame,
    start: (Vec<f64>, Vec<f64>),
    mu: f64,
    l_xy: f64,
    target: f64,
}

impl Instance {
    fn new(row: &Row, seed: u64, start: u64) -> Result<Self, OptimError> {
        // Two fixed values, the rest uniform between the bounds.
        let spectrum = |parameter, first, last, low: f64, high: f64| {
            let mut values = vec![0.0; SIZE];
            Noise { seed, distribution: Distribution::Uniform }.fill(parameter, 0, &mut values);
            for value in &mut values {
                *value = low + (high - low) * *value;
            }
            (values[0], values[1]) = (first, last);
            values
        };
        let a = spectrum(0, row.mu, 1.0, row.mu, 1.0);
        let b = spectrum(1, row.l_xy, row.l_xy, row.mu_xy, row.l_xy);
        let c = spectrum(2, row.mu, 1.0, row.mu, 1.0);
        let games = a.into_iter().zip(b).zip(c).map(|((a, b), c)| (a, b, c)).collect();
        let normal = |parameter| {
            let mut values = vec![0.0; SIZE];
            Noise { seed, distribution: Distribution::Gaussian }.fill(parameter, 0, &mut values);
            values.scale(2.0);
            values
        };
        Ok(Self {
            game: QuadraticGame::from_scalar_games(games)?,
            start: (normal(2 * start), normal(2 * start + 1)),
            mu: row.mu,
            l_xy: row.l_xy,
            target: row.target,
        })
    }

    /// Gradient calls of each method, in the order of [`METHODS`].
    fn scores(&self) -> Result<Vec<f64>, OptimError> {
        // From large to small: slow solvers are then soon given up.
        let tenths = |from: u32, to: u32| (from..=to).rev().map(|i| f64::from(i) / 10.0);
        let base = (1.0 / self.l_xy).min(1.0);
        let small = self.mu * (1.0 / self.l_xy.powi(2)).min(1.0);
        let pairs = || tenths(1, 15).flat_map(|i| tenths(1, 15).map(move |j| (i * base, j * base)));
        // As in the official code z − αF(zₖ) + γF(zₖ₋₁), where only α > γ moves towards the solution.
        let optimistic = || {
            let forward = pairs().filter(|(alpha, gamma)| alpha - gamma > 0.01 * base);
            forward.map(|(alpha, gamma)| (alpha - gamma, gamma / (alpha - gamma)))
        };
        let extrapolations =
            || tenths(5, 30).flat_map(|gamma| tenths(5, 30).map(move |delta| (gamma, delta)));
        Ok(vec![
            // The official code's form of Sim: the sequence (xₖ₊₁, yₖ).
            self.best(
                MOST_STEPS_OF_SIM,
                1,
                tenths(1, 15).map(|f| AlexGda {
                    gamma: 1.0,
                    delta: 0.0,
                    ..AlexGda::new(f * small, f * small)
                }),
            )?,
            self.best(MOST_STEPS, 1, tenths(1, 15).map(|f| AlexGda::alt(f * base, f * base)))?,
            self.best(
                MOST_STEPS,
                2,
                pairs().map(|(extrapolation, step)| Extragradient {
                    extrapolation_step: extrapolation.into(),
                    step_size: step.into(),
                }),
            )?,
            self.best(
                MOST_STEPS,
                1,
                optimistic()
                    .map(|(step, correction)| OptimisticGradient { step_size: step.into(), correction }),
            )?,
            self.best(
                MOST_STEPS,
                1,
                optimistic().map(|(step, correction)| AlternatingOptimisticGradient {
                    step_size_x: step.into(),
                    step_size_y: step.into(),
                    correction,
                }),
            )?,
            self.best(
                MOST_STEPS,
                1,
                extrapolations().filter(|&pair| pair != (1.0, 1.0)).flat_map(|(gamma, delta)| {
                    tenths(1, 15).map(move |f| AlexGda { gamma, delta, ..AlexGda::new(f * base, f * base) })
                }),
            )?,
        ])
    }

    /// The official score of the best of the solvers: states seen until `‖z‖² < ε`, the start included, times
    /// calls a step; that of the most steps allowed when none arrives. A solver is given up once it cannot be
    /// the best, and, as in the official code, when `‖z‖² > 10⁶`.
    fn best<S: Solver<QuadraticGame>>(
        &self,
        most_steps: u64,
        calls: u64,
        solvers: impl Iterator<Item = S>,
    ) -> Result<f64, OptimError> {
        let mut fewest = most_steps;
        for solver in solvers {
            let mut state = solver.start(&self.game, self.start.clone())?;
            while state.iteration + 1 < fewest {
                solver.advance(&self.game, &mut state)?;
                let square = state.iterate.dot(&state.iterate)?;
                if square < self.target {
                    fewest = state.iteration;
                } else if square.is_nan() || square > 1e6 {
                    break;
                }
            }
        }
        Ok(((fewest + 1) * calls) as f64)
    }
}
