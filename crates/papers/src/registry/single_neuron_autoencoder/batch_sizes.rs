//! SGD on batches of every size, from the same starts.

use kiln_optim::first_order::{GradientDescent, Sgd};
use kiln_optim::problems::{Activation, SingleNeuronAutoencoder};
use kiln_optim::{Objective, Order, Solver};
use kiln_receipts::statistics::{mean, median, quantile};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Table};
use kiln_tensor::{Distribution, Noise, Vector};
use serde::{Deserialize, Serialize};

use super::claims::{COSINE, FLATTER, GAP, ONE_TRACE, SOONER, SPARSE};

const STEP_SIZE: f64 = 0.1;
const STEPS: u64 = 400_000;
/// For batches that lack one point, whose noise is the smallest.
const LONG: u64 = 10 * STEPS;
const FULL_BATCH_STEPS: u64 = 5000;
const RESIDUE: f64 = 1e-3;

/// One run, from start to end.
#[derive(Clone, Serialize, Deserialize)]
struct Run {
    /// First step with 0.999 of the squared norm in one entry.
    sparse_at: Option<u64>,
    gap: f64,
    cosine: f64,
    share: f64,
    trace: f64,
    end: Vec<f64>,
    /// Steps and share of the largest entry, thinned out.
    curve: Vec<(f64, f64)>,
}

impl Run {
    /// `1/Σ (wᵢ²/‖w‖²)²`: the number of entries if they were equal.
    fn effective_dimension(&self) -> f64 {
        let square: f64 = self.end.iter().map(|w| w * w).sum();
        1.0 / self.end.iter().map(|w| (w * w / square).powi(2)).sum::<f64>()
    }
}

fn start(n: usize, seed: u64) -> Vec<f64> {
    let mut start = vec![0.0; n];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut start);
    start.scale((n as f64).sqrt().recip());
    start
}

fn share(w: &[f64]) -> f64 {
    let (largest, sum) = w.iter().fold((0.0_f64, 0.0), |(largest, sum), w| (largest.max(w * w), sum + w * w));
    largest / sum
}

fn run(activation: Activation, [n, b]: [usize; 2], seed: u64) -> Result<Run, ExperimentError> {
    let problem = SingleNeuronAutoencoder::new(n, n, activation)?;
    if b == n {
        let solver = GradientDescent { step_size: STEP_SIZE.into() };
        train(&solver, &problem, &start(n, seed), FULL_BATCH_STEPS)
    } else {
        let order = Order::IndependentSubsets;
        let solver = Sgd { step_size: STEP_SIZE.into(), batch_size: b, order, seed };
        train(&solver, &problem, &start(n, seed), longest([n, b]))
    }
}

/// Steps after which a run on batches is stopped.
fn longest([n, b]: [usize; 2]) -> u64 {
    if n == N && b + 1 == n { LONG } else { STEPS }
}

fn train<S: Solver<SingleNeuronAutoencoder>>(
    solver: &S,
    problem: &SingleNeuronAutoencoder,
    start: &Vec<f64>,
    steps: u64,
) -> Result<Run, ExperimentError> {
    let mut state = solver.start(problem, start.clone())?;
    let (mut sparse_at, mut curve, mut next) = (None, Vec::new(), 1.0);
    while state.iteration < steps {
        solver.advance(problem, &mut state)?;
        let share = share(&state.iterate);
        if share > 0.999 {
            sparse_at = sparse_at.or(Some(state.iteration));
        }
        if state.iteration as f64 >= next {
            curve.push((state.iteration as f64, share));
            next *= 1.05;
        }
        if share > 1.0 - 1e-8 {
            break;
        }
    }
    let end = state.iterate;
    Ok(Run {
        sparse_at,
        gap: problem.value(&end)? - problem.minimum(),
        cosine: end.dot(start)? / (end.norm()? * start.norm()?),
        share: share(&end),
        trace: problem.hessian_trace(&end, RESIDUE)?,
        end,
        curve,
    })
}

pub(super) fn linear(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = runs(context, recorder, Activation::Linear, &[[10, 9]])?;
    let (batches, full) = (&runs[1..], &runs[0]);
    recorder.observe(&COSINE, full.each(|run| run.cosine));
    for runs in batches.iter().filter(|runs| runs.values.iter().all(|run| run.end.len() == N)) {
        let apart = runs.paired(full, |run| run.trace).into_iter().map(|(a, b)| (a - b).abs());
        recorder.observe_in(&runs.name, &ONE_TRACE, apart);
    }
    report(context, recorder, "linear neuron", &runs);
    Ok(())
}

pub(super) fn relu(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let runs = runs(context, recorder, Activation::Relu, &[])?;
    for batches in &runs[1..] {
        recorder.observe_in(&batches.name, &FLATTER, batches.paired(&runs[0], |run| run.trace));
    }
    report(context, recorder, "ReLU neuron", &runs);
    Ok(())
}

const N: usize = 20;

/// Full batches of n = 20 first, then smaller ones in order of size, then `more`.
fn runs(
    context: &Context,
    recorder: &mut Recorder,
    activation: Activation,
    more: &[[usize; 2]],
) -> Result<Vec<Runs<Run>>, ExperimentError> {
    // A ReLU neuron without a positive entry never moves.
    let is_alive = |seed: &u64| activation == Activation::Linear || start(N, *seed).iter().any(|&w| w > 0.0);
    let seeds: Vec<u64> = context.seeds(10).into_iter().filter(is_alive).collect();
    let batches: &[usize] = context.pick(&[N, 1, 5, 10], &[N, 1, 5, 10, 19]);
    let settings = batches.iter().map(|&b| [N, b]).chain(more.iter().copied());
    let arm = |[n, b]: [usize; 2]| {
        Arm::new(format!("n = {n}, b = {b}"), &(activation, LONG), move |seed| run(activation, [n, b], seed))
    };
    let runs = recorder.sweep_all(&seeds, settings.map(arm).collect())?;
    for (place, runs) in runs.iter().enumerate() {
        let group = format!("{activation:?}, {}", runs.name);
        recorder.observe_in(&group, &GAP, runs.each(|run| run.gap));
        if place > 0 {
            recorder.observe_in(&group, &SPARSE, runs.each(|run| run.share));
        }
    }
    // A run that was stopped before counts with its steps, which is too few.
    let steps = |at: usize| runs[at].each(|run| run.sparse_at.unwrap_or(longest([N, batches[at]])) as f64);
    for at in 2..batches.len() {
        let group = format!("{activation:?}, {} / {}", runs[at].name, runs[at - 1].name);
        recorder.observe_in(group, &SOONER, steps(at).into_iter().zip(steps(at - 1)));
    }
    Ok(runs)
}

fn report(context: &Context, recorder: &mut Recorder, name: &str, runs: &[Runs<Run>]) {
    let mut table = Table::new(
        "ends",
        "Where each batch size ends",
        "Means over the seeds. The effective dimension is 1/Σ(wᵢ²/‖w‖²)². Steps until one entry holds 0.999 of the \
         squared norm: median, and largest in brackets.",
        &[
            "",
            "largest entry",
            "effective dimension",
            "|cosine| to the start",
            "trace",
            "loss above minimum",
            "steps",
        ],
    );
    for runs in runs {
        let mean = |of: &dyn Fn(&Run) -> f64| Number(mean(runs.each(of))).to_string();
        let steps = runs.each(|run| run.sparse_at.map_or(f64::INFINITY, |step| step as f64));
        table.row([
            runs.name.clone(),
            mean(&|run| run.share.sqrt()),
            mean(&Run::effective_dimension),
            mean(&|run| run.cosine.abs()),
            mean(&|run| run.trace),
            mean(&|run| run.gap),
            format!("{} ({})", Number(median(&steps)), Number(quantile(&steps, 1.0))),
        ]);
    }
    recorder.table(table);
    let of_n: Vec<_> =
        runs.iter().filter(|runs| runs.values.iter().all(|run| run.end.len() == N)).cloned().collect();
    let starts: Vec<_> = context.seeds(10).into_iter().map(|seed| profile(&start(N, seed))).collect();
    let middle = |place: usize| ((place + 1) as f64, median(starts.iter().map(|profile| profile[place].1)));
    let figure = Figure::new(
        "profiles",
        &format!("Only full batches keep the weights dense ({name})"),
        "The entries of the weights in order of size, |wᵢ|/‖w‖, n = 20. The dashed line is the start.",
        Axis::linear("rank of the entry"),
        Axis::linear("|w| / ‖w‖"),
    )
    .with(Kind::Dashed, "start", 6, (0..N).map(middle));
    recorder.figure(figure.with_runs(&of_n, |run| profile(&run.end)));
    let mut figure = Figure::new(
        "sparsification",
        &format!("The smaller the batch, the sooner one entry takes all ({name})"),
        "Share of the largest entry in the squared norm against steps, three seeds for each batch size, n = 20, step \
         size 0.1. Full batches stop at a share that the start decides.",
        Axis::log("steps"),
        Axis::linear("share of the largest entry"),
    );
    for (colour, runs) in of_n.iter().enumerate() {
        let curves = runs.values.iter().take(3);
        let points = curves.flat_map(|run| run.curve.iter().copied().chain([(f64::NAN, f64::NAN)]));
        figure = figure.with(Kind::Line, &runs.name, colour, points);
    }
    recorder.figure(figure);
}

/// The entries in order of size, `|wᵢ|/‖w‖`.
fn profile(w: &[f64]) -> Vec<(f64, f64)> {
    let norm = w.iter().map(|w| w * w).sum::<f64>().sqrt();
    let mut sizes: Vec<f64> = w.iter().map(|w| w.abs() / norm).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    sizes.into_iter().enumerate().map(|(place, size)| ((place + 1) as f64, size)).collect()
}
