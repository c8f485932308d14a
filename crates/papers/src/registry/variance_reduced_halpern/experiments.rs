//! Component calls of both algorithms and of their deterministic counterparts.

use kiln_optim::minimax::{Halpern, InexactHalpern, InnerSolver, VarianceReducedHalpern};
use kiln_optim::problems::{AffineFiniteSum, MatrixGame, ScaledFiniteSum};
use kiln_optim::{Composite, FiniteSum, Operator, Solver, residual};
use kiln_receipts::{
    Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Table, sweep,
};
use kiln_tensor::prox::Simplex;
use kiln_tensor::{Distribution, Noise, Vector};

use super::claims::{GAIN_GROWS, PAYS, RATE, SMALL};

/// Passes, which are component calls over n, and a residual.
type Curve = Vec<(f64, f64)>;

fn gaussian(seed: u64, length: usize) -> Vec<f64> {
    let mut values = vec![0.0; length];
    Noise { seed, distribution: Distribution::Gaussian }.fill(1 << 40, 0, &mut values);
    values
}

/// `measure` after every step, until it is at most `target`.
fn trace<P: FiniteSum>(
    solver: &impl Solver<P>,
    problem: &P,
    start: P::Point,
    target: f64,
    measure: impl Fn(&P::Point) -> Result<f64, ExperimentError>,
) -> Result<Curve, ExperimentError> {
    const MOST: f64 = 100_000.0;
    let mut state = solver.start(problem, start)?;
    let mut curve = Vec::new();
    loop {
        let value = measure(&state.iterate)?;
        let passes = state.work.components as f64 / problem.components() as f64;
        curve.push((passes, value));
        if value <= target {
            return Ok(curve);
        }
        if passes >= MOST || !value.is_finite() {
            return Err(format!("the target {target} was not reached in {passes} passes: {value}").into());
        }
        solver.advance(problem, &mut state)?;
    }
}

fn passes(curve: &Curve) -> f64 {
    curve.last().map_or(f64::NAN, |point| point.0)
}

/// Each arm's first run, without its start, which has no place on a logarithmic axis.
fn first_runs(figure: Figure, runs: &[Runs<Curve>]) -> Figure {
    runs.iter().enumerate().fold(figure, |figure, (colour, arm)| {
        figure.with(Kind::LinePoints, &arm.name, colour, arm.values[0].iter().skip(1).copied())
    })
}

pub(super) fn cocoercive(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const DIMENSION: usize = 50;
    const TARGET: f64 = 0.003;
    let arm = |name: &str, components: usize, reduced: bool| {
        Arm::new(name, &components, move |seed| {
            let problem = ScaledFiniteSum::random(components, DIMENSION, 1e-4, seed)?;
            let start = gaussian(seed, DIMENSION);
            let first = start.norm()?;
            let relative = |u: &Vec<f64>| Ok(problem.operator(u)?.norm()? / first);
            if reduced {
                let solver = VarianceReducedHalpern::new(problem.average_cocoercivity(), seed);
                trace(&solver, &problem, start, TARGET, relative)
            } else {
                // The largest eigenvalue of H is 1.
                trace(&Halpern { step_size: 1.0 }, &problem, start, TARGET, relative)
            }
        })
    };
    let seeds = context.seeds(5);
    let runs = recorder.sweep(
        &seeds,
        [
            arm("deterministic", 256, false),
            arm("variance-reduced, n = 256", 256, true),
            arm("variance-reduced, n = 4096", 4096, true),
            arm("variance-reduced, n = 65536", 65536, true),
        ],
    )?;
    recorder.observe(&PAYS, runs[0].paired(&runs[3], passes));
    let falling = (0..seeds.len()).map(|seed| [3, 2, 1].map(|arm: usize| passes(&runs[arm].values[seed])));
    recorder.observe(&GAIN_GROWS, falling);
    let caption = format!("Component calls over n, {} runs.", seeds.len());
    recorder.table(sweep::table("passes", "Passes until ‖F(u)‖ ≤ 0.003 ‖u₀‖", &caption, &runs, passes));
    let figure = Figure::new(
        "cocoercive",
        "Variance reduction pays for many components",
        "Norm of F against component calls over n, first run. H and the start are the same for all n, and so is \
         deterministic Halpern, which costs one pass a step.",
        Axis::log("passes (component calls / n)"),
        Axis::log("‖F(u)‖ / ‖u₀‖"),
    );
    recorder.figure(first_runs(figure, &runs));
    Ok(())
}

pub(super) fn bilinear(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const COMPONENTS: usize = 100;
    const SIZE: usize = 5;
    const STEPS: u64 = 30;
    let arm = Arm::new("Algorithm 2", &(COMPONENTS, SIZE, STEPS), |seed| {
        let problem = AffineFiniteSum::bilinear_games(COMPONENTS, SIZE, seed)?;
        let start = gaussian(seed, 2 * SIZE);
        // The solution is 0.
        let first = start.norm()?;
        let solver = InexactHalpern::new(problem.average_lipschitz()?, COMPONENTS, seed);
        let mut state = solver.start(&problem, start)?;
        let mut curve = Vec::new();
        for k in 0..STEPS {
            let resolvent = problem.exact_resolvent(solver.resolvent_step, &state.iterate)?;
            curve.push(((k + 1) as f64, state.iterate.sub(&resolvent)?.norm()? / first));
            solver.advance(&problem, &mut state)?;
        }
        Ok((curve, state.work.components as f64 / COMPONENTS as f64))
    });
    let runs: [Runs<(Curve, f64)>; 1] = recorder.sweep(&context.seeds(5), [arm])?;
    let largest = |curve: &Curve| curve.iter().map(|(k, value)| k * value).fold(0.0, f64::max);
    recorder.observe(&RATE, runs[0].each(|(curve, _)| largest(curve)));
    let mut table = Table::new(
        "bilinear",
        "The 1/k rate of Algorithm 2",
        "Largest (k+1) ‖u − J(u)‖ / ‖u₀ − u*‖ over 30 outer steps, and passes spent on them.",
        &["run", "largest", "passes"],
    );
    for (run, (curve, passes)) in runs[0].values.iter().enumerate() {
        table.row([(run + 1) as f64, largest(curve), *passes].map(Number));
    }
    recorder.table(table);
    let figure = Figure::new(
        "bilinear",
        "Algorithm 2 has the 1/k rate on bilinear games",
        "Distance of the iterate from its resolvent, in units of its distance from the solution at the start; the \
         dashed line is the bound for exact resolvents.",
        Axis::log("outer steps k, plus 1"),
        Axis::log("‖u − J(u)‖ / ‖u₀ − u*‖"),
    );
    let bound = (1..=STEPS).map(|k| (k as f64, 2.0 / k as f64));
    let figure = figure.with_runs(&runs, |(curve, _)| curve.clone());
    recorder.figure(figure.with(Kind::Dashed, "2 / (k + 1)", 6, bound));
    Ok(())
}

pub(super) fn matrix_game(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    const TARGET: f64 = 0.1;
    let houses = context.pick(64, 256);
    // `resolvent_step` of the deterministic method by its Lipschitz constant and that of Algorithm 2.
    let deterministic = |step: fn(f64, f64) -> f64| {
        move |reduced: InexactHalpern, lipschitz: f64| InexactHalpern {
            lipschitz,
            inner: InnerSolver::Deterministic,
            resolvent_step: step(lipschitz, reduced.resolvent_step),
            ..reduced
        }
    };
    let runs = recorder.sweep(
        &context.seeds(5),
        [
            play("Algorithm 2", houses, TARGET, |reduced, _| reduced),
            play("deterministic, η = 1/L", houses, TARGET, deterministic(|lipschitz, _| 1.0 / lipschitz)),
            play("deterministic, η of Algorithm 2", houses, TARGET, deterministic(|_, step| step)),
        ],
    )?;
    let [reduced, short, long] = [0, 1, 2].map(|arm: usize| runs[arm].each(passes));
    let cheaper = short.iter().zip(&long).map(|(short, long)| short.min(*long));
    recorder.observe(&SMALL, cheaper.zip(reduced));
    recorder.table(sweep::table(
        "matrix-game",
        "Passes to a residual of 0.1 of the first on policeman and burglar",
        &format!("Component calls over n, {houses} houses; η is the resolvent step."),
        &runs,
        passes,
    ));
    let figure = Figure::new(
        "matrix-game",
        "Variance reduction on a small matrix game",
        "Natural residual of inexact Halpern on policeman and burglar, over its value at uniform strategies, first \
         run. A point is an outer step.",
        Axis::log("passes (component calls / n)"),
        Axis::log("relative residual"),
    );
    recorder.figure(first_runs(figure, &runs));
    Ok(())
}

/// `solver` is made of Algorithm 2's and the game's Lipschitz constant.
fn play<'a>(
    name: &str,
    houses: usize,
    target: f64,
    solver: impl Fn(InexactHalpern, f64) -> InexactHalpern + Sync + 'a,
) -> Arm<'a, Curve> {
    Arm::new(name, &(houses, target), move |seed| {
        let game = MatrixGame::policeman_and_burglar(houses, seed)?;
        let start = game.uniform_strategies();
        let reduced = InexactHalpern::new(game.average_lipschitz(), houses, seed);
        let solver = solver(reduced, game.lipschitz()?);
        let regularizer = (Simplex::default(), Simplex::default());
        let problem = Composite { problem: game, regularizer };
        let first = residual(&problem, &start)?;
        let relative = |z: &_| Ok(residual(&problem, z)? / first);
        trace(&solver, &problem, start.clone(), target, relative)
    })
}
