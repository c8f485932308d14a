//! Bilinear games: growth, drift and rate of every singular mode (claim C1), trajectories and distances.

use faer::Mat;
use kiln_optim::minimax::{AlexGda, Extragradient, OptimisticGradient};
use kiln_optim::problems::QuadraticGame;
use kiln_optim::{OptimError, Solver};
use kiln_tensor::{Distribution, Noise, Vector};

use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Recorder, sweep};

use super::claims::{DRIFT, GROWTH, RATE};

const SIZE: usize = 20;
const STEP: f64 = 0.6;
const SMALLEST: f64 = 0.3;

type Point = (Vec<f64>, Vec<f64>);

/// The error of a closed form.
type Error = fn(&Bilinear) -> Result<f64, OptimError>;

/// `B = U diag(σ) Vᵀ`.
struct Bilinear {
    game: QuadraticGame,
    u: Mat<f64>,
    v: Mat<f64>,
    sigma: Vec<f64>,
    start: Point,
}

impl Bilinear {
    fn new(seed: u64) -> Result<Self, OptimError> {
        let gaussian = Noise { seed, distribution: Distribution::Gaussian };
        let normal = |parameter, length| {
            let mut values = vec![0.0; length];
            gaussian.fill(parameter, 0, &mut values);
            values
        };
        let orthogonal = |parameter| {
            let values: Vec<f64> = normal(parameter, SIZE * SIZE);
            Mat::from_fn(SIZE, SIZE, |i, j| values[i + SIZE * j]).qr().compute_Q()
        };
        let mut sigma = vec![0.0; SIZE];
        Noise { seed, distribution: Distribution::Uniform }.fill(0, 0, &mut sigma);
        for sigma in &mut sigma {
            *sigma = SMALLEST + (1.0 - SMALLEST) * *sigma;
        }
        // Both ends are attained.
        (sigma[0], sigma[1]) = (SMALLEST, 1.0);
        let (u, v) = (orthogonal(0), orthogonal(1));
        let scaled = Mat::from_fn(SIZE, SIZE, |i, j| u[(i, j)] * sigma[j]);
        let game = QuadraticGame::bilinear(scaled * v.transpose())?;
        Ok(Self { game, u, v, sigma, start: (normal(2, SIZE), normal(3, SIZE)) })
    }

    /// The coordinates of `x` and `y` in singular mode `i`.
    fn mode(&self, (x, y): &Point, i: usize) -> (f64, f64) {
        let product = |basis: &Mat<f64>, z: &[f64]| basis.col(i).iter().zip(z).map(|(b, z)| b * z).sum();
        (product(&self.u, x), product(&self.v, y))
    }

    /// The largest of an error over the modes, given each mode's `αβσ²`.
    fn largest(&self, error: impl Fn(usize, f64) -> f64) -> f64 {
        let errors = self.sigma.iter().enumerate().map(|(i, sigma)| error(i, (STEP * sigma).powi(2)).abs());
        errors.fold(0.0, f64::max)
    }

    /// `‖x‖²/α + ‖y‖²/β − xᵀBy` for `α = β`, which Alt-GDA conserves.
    fn conserved(&self, z: &Point) -> f64 {
        let mode = |i| {
            let (x, y) = self.mode(z, i);
            (x * x + y * y) / STEP - self.sigma[i] * x * y
        };
        (0..SIZE).map(mode).sum()
    }
}

/// The first `steps + 1` iterates, each with the gradient calls until then.
fn path<S: Solver<QuadraticGame>>(
    solver: &S,
    game: &QuadraticGame,
    start: &Point,
    steps: usize,
) -> Result<Vec<(f64, Point)>, OptimError> {
    let mut state = solver.start(game, start.clone())?;
    let mut path = vec![(0.0, state.iterate.clone())];
    for _ in 0..steps {
        solver.advance(game, &mut state)?;
        path.push((state.work.gradient_calls(), state.iterate.clone()));
    }
    Ok(path)
}

/// The root of the determinant of the two-term recurrence that a sequence obeys: the modulus of its pair of
/// roots.
fn rate(mode: &[f64]) -> f64 {
    let determinant = |k: usize| mode[k] * mode[k + 2] - mode[k + 1].powi(2);
    let steps = mode.len() - 3;
    (determinant(steps) / determinant(0)).powf(0.5 / steps as f64)
}

/// The largest error of Sim's growth over the modes.
fn growth(problem: &Bilinear) -> Result<f64, OptimError> {
    let sim = path(&AlexGda::sim(STEP, STEP), &problem.game, &problem.start, 50)?;
    let energy = |k: usize, i| {
        let (x, y) = problem.mode(&sim[k].1, i);
        x * x + y * y
    };
    Ok(problem.largest(|i, s| (energy(50, i) / energy(0, i)).powf(1.0 / 50.0) - 1.0 - s))
}

/// The largest drift of what Alt conserves.
fn drift(problem: &Bilinear) -> Result<f64, OptimError> {
    let alt = path(&AlexGda::alt(STEP, STEP), &problem.game, &problem.start, 1000)?;
    let first = problem.conserved(&problem.start);
    Ok(alt.iter().map(|(_, z)| (problem.conserved(z) / first - 1.0).abs()).fold(0.0, f64::max))
}

/// The largest error of Alex's rate over the modes.
fn shrinkage(problem: &Bilinear) -> Result<f64, OptimError> {
    let alex = path(&alex(STEP), &problem.game, &problem.start, 60)?;
    Ok(problem.largest(|i, s| {
        // The first steps hold a part that is gone at once: a root 0 of the characteristic polynomial.
        let mode: Vec<f64> = alex[3..].iter().map(|(_, z)| problem.mode(z, i).0).collect();
        rate(&mode) - (1.0 - s).sqrt()
    }))
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(5);
    let errors: [(&str, Error); 3] =
        [("Sim, growth", growth), ("Alt, drift", drift), ("Alex, rate", shrinkage)];
    let arm =
        |(name, error): (&str, Error)| Arm::new(name, &STEP, move |seed| Ok(error(&Bilinear::new(seed)?)?));
    let runs = recorder.sweep(&seeds, errors.map(arm))?;
    for (check, arm) in [GROWTH, DRIFT, RATE].iter().zip(&runs) {
        recorder.observe(check, &arm.values);
    }
    recorder.table(sweep::table(
        "bilinear",
        "Bilinear games of 20 × 20",
        "Largest error over the 20 singular modes. Growth and rate are per step; drift is over 1000 steps.",
        &runs,
        |error| *error,
    ));
    recorder.figure(distances(&Bilinear::new(seeds[0])?)?);
    recorder.figure(trajectories()?);
    Ok(())
}

fn alex(step: f64) -> AlexGda {
    AlexGda { gamma: 1.0, delta: 2.0, ..AlexGda::new(step, step) }
}

/// Adds the paths of five methods, OGDA with half the step.
fn with_paths(
    mut figure: Figure,
    kind: Kind,
    (game, start, step): (&QuadraticGame, &Point, f64),
    steps: [usize; 5],
    point: impl Fn((f64, Point)) -> Result<(f64, f64), OptimError>,
) -> Result<Figure, OptimError> {
    let paths = [
        ("Sim-GDA", path(&AlexGda::sim(step, step), game, start, steps[0])?),
        ("Alt-GDA", path(&AlexGda::alt(step, step), game, start, steps[1])?),
        ("Alex-GDA (1, 2)", path(&alex(step), game, start, steps[2])?),
        ("extragradient", path(&Extragradient::new(step), game, start, steps[3])?),
        ("OGDA", path(&OptimisticGradient::new(step / 2.0), game, start, steps[4])?),
    ];
    for (colour, (name, path)) in paths.into_iter().enumerate() {
        let points = path.into_iter().map(&point).collect::<Result<Vec<_>, _>>()?;
        figure = figure.with(kind, name, colour, points);
    }
    Ok(figure)
}

fn distances(problem: &Bilinear) -> Result<Figure, OptimError> {
    let figure = Figure::new(
        "distance",
        "Distance to the saddle point of a bilinear game",
        "The game of 20 × 20 of the first seed, all steps 0.6 (OGDA 0.3). An evaluation of the whole operator is one \
         gradient call, as is a pair of one gradient in x and one in y.",
        Axis::linear("gradient calls"),
        Axis::log("‖z‖ / ‖z₀‖"),
    );
    let first = problem.start.norm()?;
    let setting = (&problem.game, &problem.start, STEP);
    with_paths(figure, Kind::Line, setting, [25, 600, 600, 300, 600], |(calls, z)| {
        Ok((calls, z.norm()? / first))
    })
}

fn trajectories() -> Result<Figure, OptimError> {
    let game = QuadraticGame::from_scalar_games(vec![(0.0, 1.0, 0.0)])?;
    let figure = Figure::new(
        "trajectories",
        "Five methods on min max xy",
        "From (1, 1), all steps 0.3 (OGDA 0.15), 20 steps of Sim and 40 of the others. The saddle point is the origin.",
        Axis::linear("x"),
        Axis::linear("y"),
    );
    let setting = (&game, &(vec![1.0], vec![1.0]), 0.3);
    with_paths(figure, Kind::LinePoints, setting, [20, 40, 40, 40, 40], |(_, (x, y))| Ok((x[0], y[0])))
}
