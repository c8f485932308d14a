//! Gradient calls of every method after tuning on quadratic games: the authors' (claims C3 and C4), and our own
//! (C5).
//!
//! The games' matrices share their singular vectors, so each is 100 scalar games side by side.

use kiln_optim::minimax::{AlexGda, AlternatingOptimisticGradient, Extragradient, OptimisticGradient};
use kiln_optim::problems::QuadraticGame;
use kiln_optim::{OptimError, Solver};
use kiln_receipts::statistics::median;
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Table, sweep,
};
use kiln_tensor::{Distribution, Noise, Vector};
use serde::Serialize;

use super::claims::{EQUAL, EQUAL_1, FEWER, FEWEST, FEWEST_1};
use super::numpy::{RandomState, rotated};

/// Sim comes last, so that it can be left out.
const METHODS: [&str; 6] = ["Alt", "EG", "OGDA", "AltOGDA", "Alex", "Sim"];
const ALEX: usize = 4;

/// The authors' counts, in the order of [`METHODS`]; the start is their `seed_init`, the game their `seed_func`.
const AUTHORS: &str = include_str!("authors.csv");

/// A row of the authors' results; `L = 1` for both players.
#[derive(Serialize)]
struct Row {
    mu: f64,
    mu_xy: f64,
    l_xy: f64,
    target: f64,
}

const ROWS: [Row; 5] = [
    Row { mu: 0.1, mu_xy: 0.1, l_xy: 1.0, target: 1e-8 },
    Row { mu: 0.1, mu_xy: 0.05, l_xy: 2.0, target: 1e-8 },
    Row { mu: 0.01, mu_xy: 0.01, l_xy: 1.0, target: 1e-4 },
    Row { mu: 0.01, mu_xy: 0.05, l_xy: 2.0, target: 1e-4 },
    Row { mu: 0.01, mu_xy: 0.001, l_xy: 0.5, target: 1e-4 },
];

const SIZE: usize = 100;

pub(super) fn row<const ROW: usize>(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<(), ExperimentError> {
    let row = &ROWS[ROW - 1];
    let with_sim = context.pick(ROW != 3 && ROW != 4, true);
    let games: Vec<u64> = (0..10).collect();
    let arm = |start: u32| {
        Arm::new(format!("start {start}"), &(row, with_sim), move |game| {
            Ok(Instance::authors(row, start, game as u32)?.calls(with_sim)?)
        })
    };
    let runs = recorder.sweep_all(&games, (0..context.pick(1, 3)).map(arm).collect())?;
    let ours: Vec<Vec<f64>> = runs.into_iter().flat_map(|run| run.values).collect();
    let lines = AUTHORS.lines().filter(|line| line.starts_with(&format!("{ROW},")));
    let counts = lines.map(|line| line.split(',').skip(3).map(str::parse).collect());
    let authors: Vec<Vec<f64>> = counts.take(ours.len()).collect::<Result<_, _>>()?;

    let (equal, fewest) = if ROW == 1 { (EQUAL_1, FEWEST_1) } else { (EQUAL, FEWEST) };
    let best_other = |calls: &[f64]| {
        let others = calls.iter().enumerate().filter(|(method, _)| *method != ALEX);
        others.map(|(_, calls)| *calls).fold(f64::INFINITY, f64::min)
    };
    let shares = ours.iter().map(|calls| best_other(calls) / calls[ALEX]);
    recorder.observe_in(format!("row {ROW}"), &fewest, shares);
    let by_method = |counts: &[Vec<f64>], whose: &str| -> Vec<Runs<f64>> {
        let of = |(i, method)| Runs {
            name: format!("{method}{whose}"),
            values: counts.iter().map(|calls| calls[i]).collect(),
        };
        METHODS.into_iter().enumerate().take(ours[0].len()).map(of).collect()
    };
    let (found, wanted) = (by_method(&ours, ""), by_method(&authors, ", authors"));
    for (found, wanted) in found.iter().zip(&wanted) {
        let pairs = found.paired(wanted, |calls| *calls);
        let less = pairs.into_iter().map(|(found, wanted)| found - wanted);
        recorder.observe_in(format!("row {ROW}, {}", found.name), &equal, less);
    }
    let title = format!("Gradient calls after tuning, row {ROW}");
    let Row { mu, mu_xy, l_xy, target } = row;
    let caption = format!(
        "μ = {mu}, μxy = {mu_xy}, Lxy = {l_xy}, until ‖z‖² < {}; the authors' first {} instances.",
        Number(*target),
        ours.len()
    );
    let points = found.iter().enumerate().flat_map(|(i, run)| run.values.iter().map(move |y| (i as f64, *y)));
    let medians = |runs: &[Runs<f64>]| {
        runs.iter().map(|run| median(&run.values)).enumerate().map(|(i, y)| (i as f64, y)).collect::<Vec<_>>()
    };
    let (x, y) = (Axis::categories("method", METHODS), Axis::log("gradient calls"));
    let figure = Figure::new("gradient-calls", &title, &caption, x, y)
        .with(Kind::Points, "each instance", 2, points)
        .with(Kind::LinePoints, "median", 0, medians(&found))
        .with(Kind::Dashed, "authors' median", 1, medians(&wanted));
    recorder.figure(figure);
    let both: Vec<_> = found.into_iter().zip(wanted).flat_map(<[_; 2]>::from).collect();
    recorder.table(sweep::table("gradient-calls", &title, &caption, &both, |calls| *calls));
    Ok(())
}

pub(super) fn own_games(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(5, 40));
    let arm = |(i, row): (usize, &'static Row)| {
        Arm::new(format!("row {}", i + 1), row, move |seed| Ok(Instance::own(row, seed)?.calls(false)?))
    };
    let rows = &ROWS[..context.pick(1, 5)];
    let runs = recorder.sweep_all(&seeds, rows.iter().enumerate().map(arm).collect())?;
    let caption = format!("Medians over {} games.", seeds.len());
    let mut table = Table::new(
        "own-games",
        "Gradient calls after tuning, games of our own",
        &caption,
        &["", "Alt", "EG", "OGDA", "AltOGDA", "Alex"],
    );
    for run in &runs {
        table.numbers([&run.name], (0..=ALEX).map(|i| median(run.each(|calls| calls[i]))));
        for (i, method) in METHODS.into_iter().enumerate().take(ALEX) {
            let pairs = run.values.iter().map(|calls| (calls[i], calls[ALEX]));
            recorder.observe_in(format!("{}, {method}", run.name), &FEWER, pairs);
        }
    }
    recorder.table(table);
    Ok(())
}

/// How a method is counted.
struct Rules {
    /// A run of as many states as this is too long.
    most: u64,
    /// Calls a step.
    calls: u64,
    /// Whether the method remembers `F(z₋₁) = 0` at the start, where Kiln's has `F(z₋₁) = F(z₀)`.
    at_rest: bool,
}

const PLAIN: Rules = Rules { most: 1000, calls: 1, at_rest: false };

struct Instance {
    row: &'static Row,
    game: QuadraticGame,
    start: (Vec<f64>, Vec<f64>),
}

impl Instance {
    /// `A`, `C` and `B` by the entries that are drawn; the first two are fixed.
    fn new(
        row: &'static Row,
        [a, c, b]: [Vec<f64>; 3],
        start: (Vec<f64>, Vec<f64>),
    ) -> Result<Self, OptimError> {
        let ends = [(row.mu, row.l_xy, row.mu), (1.0, row.l_xy, 1.0)];
        let drawn = a.into_iter().zip(b).zip(c).map(|((a, b), c)| (a, b, c));
        let game = QuadraticGame::from_scalar_games(ends.into_iter().chain(drawn).collect())?;
        Ok(Self { row, game, start })
    }

    /// In the order of the authors' draws, in the basis of the singular vectors.
    fn authors(row: &'static Row, start: u32, game: u32) -> Result<Self, OptimError> {
        let mut random = RandomState::new(start);
        let mut point = || random.normal(SIZE).into_iter().map(|x| 2.0 * x).collect();
        let (x, y) = (point(), point());
        let mut random = RandomState::new(game);
        let [u, v] = [(); 2].map(|()| random.normal(SIZE * SIZE));
        let spectra = [(row.mu, 1.0), (row.mu, 1.0), (row.mu_xy, row.l_xy)];
        let drawn = spectra.map(|(low, high)| random.uniform(low, high, SIZE - 2));
        Self::new(row, drawn, (rotated(&u, x), rotated(&v, y)))
    }

    fn own(row: &'static Row, seed: u64) -> Result<Self, OptimError> {
        let draw = |parameter, distribution, size, low: f64, width: f64| {
            let mut values = vec![0.0; size];
            Noise { seed, distribution }.fill(parameter, 0, &mut values);
            values.into_iter().map(|value: f64| low + width * value).collect::<Vec<_>>()
        };
        let uniform =
            |parameter, low, high| draw(parameter, Distribution::Uniform, SIZE - 2, low, high - low);
        let normal = |parameter| draw(parameter, Distribution::Gaussian, SIZE, 0.0, 2.0);
        let drawn = [uniform(0, row.mu, 1.0), uniform(1, row.mu, 1.0), uniform(2, row.mu_xy, row.l_xy)];
        Self::new(row, drawn, (normal(3), normal(4)))
    }

    /// Gradient calls of each method, in the order of [`METHODS`], tuned on the authors' grids.
    fn calls(&self, with_sim: bool) -> Result<Vec<f64>, OptimError> {
        let Row { mu, l_xy, .. } = self.row;
        // From large to small: slow solvers are then soon given up.
        let tenths = |from: u32, to: u32| (from..=to).rev().map(|i| f64::from(i) / 10.0);
        let base = (1.0 / l_xy).min(1.0);
        let pairs = || tenths(1, 15).flat_map(|i| tenths(1, 15).map(move |j| (i * base, j * base)));
        // The authors' z − αF(zₖ) + γF(zₖ₋₁), where only α > γ moves towards the solution.
        let optimistic = || {
            let forward = pairs().filter(|(alpha, gamma)| alpha - gamma > 0.01 * base);
            forward.map(|(alpha, gamma)| (alpha - gamma, gamma / (alpha - gamma)))
        };
        let extragradient = pairs().map(|(extrapolation, step)| Extragradient {
            extrapolation_step: extrapolation.into(),
            step_size: step.into(),
        });
        let plain_optimistic =
            optimistic().map(|(step, correction)| OptimisticGradient { step_size: step.into(), correction });
        let alternating_optimistic = optimistic().map(|(step, correction)| AlternatingOptimisticGradient {
            step_size_x: step.into(),
            step_size_y: step.into(),
            correction,
        });
        let extrapolations = tenths(5, 30).flat_map(|gamma| tenths(5, 30).map(move |delta| (gamma, delta)));
        let alex = extrapolations.filter(|pair| *pair != (1.0, 1.0)).flat_map(|(gamma, delta)| {
            tenths(1, 15).map(move |f| AlexGda { gamma, delta, ..AlexGda::new(f * base, f * base) })
        });
        let mut calls = vec![
            self.best(&PLAIN, tenths(1, 15).map(|f| AlexGda::alt(f * base, f * base)))?,
            self.best(&Rules { calls: 2, ..PLAIN }, extragradient)?,
            self.best(&Rules { at_rest: true, ..PLAIN }, plain_optimistic)?,
            self.best(&Rules { at_rest: true, ..PLAIN }, alternating_optimistic)?,
            self.best(&PLAIN, alex)?,
        ];
        if with_sim {
            let small = mu * (1.0 / l_xy.powi(2)).min(1.0);
            // The authors' form of Sim: the sequence (xₖ₊₁, yₖ).
            let sim = |f| AlexGda { gamma: 1.0, delta: 0.0, ..AlexGda::new(f * small, f * small) };
            calls.push(self.best(&Rules { most: 1_000_000, ..PLAIN }, tenths(1, 15).map(sim))?);
        }
        Ok(calls)
    }

    /// The authors' score of the best of the solvers: states seen until `‖z‖² < ε`, the start included, times
    /// calls a step; that of the most states when none arrives sooner. A solver is given up once it cannot be
    /// the best, and, as the authors do, when `‖z‖² > 10⁶`.
    fn best<S: Solver<QuadraticGame>>(
        &self,
        rules: &Rules,
        solvers: impl Iterator<Item = S>,
    ) -> Result<f64, OptimError> {
        let (game, start) = (&self.game, &self.start);
        let mut fewest = rules.most;
        for solver in solvers {
            let mut state = if rules.at_rest {
                // A step at the saddle point, where F = 0.
                let mut state = solver.start(game, (vec![0.0; SIZE], vec![0.0; SIZE]))?;
                solver.advance(game, &mut state)?;
                (state.iterate, state.iteration) = (start.clone(), 0);
                state
            } else {
                solver.start(game, start.clone())?
            };
            while state.iteration + 2 < fewest {
                solver.advance(game, &mut state)?;
                let square = state.iterate.dot(&state.iterate)?;
                if square < self.row.target {
                    fewest = state.iteration + 1;
                } else if square.is_nan() || square > 1e6 {
                    break;
                }
            }
        }
        Ok((fewest * rules.calls) as f64)
    }
}
