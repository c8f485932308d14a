//! Ghosh, Frei, Ha, Yu, "The effect of SGD batch size on autoencoder learning: sparsity, sharpness, and
//! feature learning", JMLR 26, 2025.

use kiln_optim::first_order::{GradientDescent, Sgd};
use kiln_optim::problems::{Activation, SingleNeuronAutoencoder};
use kiln_optim::{Objective, Order, Solver};
use kiln_tensor::{Distribution, Noise, Vector};
use serde::{Deserialize, Serialize};

use kiln_receipts::statistics::{mean, median};
use kiln_receipts::{
    Axis, Check, Claim, Context, Experiment, ExperimentError, Figure, Kind, Number, Paper, Recorder,
    Statistic, Table, Threshold,
};

pub(super) const PAPER: Paper = Paper {
    id: "single-neuron-autoencoder",
    title: "The effect of SGD batch size on autoencoder learning: sparsity, sharpness, and feature learning",
    citation: "Nikhil Ghosh, Spencer Frei, Wooseok Ha, Bin Yu. Journal of Machine Learning Research 26, 2025",
    url: "https://arxiv.org/abs/2308.03215",
    domain: "optim",
    claims: &[
        Claim {
            id: "A1",
            place: "main theorems (from the abstract)",
            says: "With a constant step size SGD of every batch size, full batches included, reaches a global minimum.",
            test: "n orthonormal points in n dimensions, start N(0, I/n), step size 0.1, batches drawn afresh without \
                   replacement, linear and ReLU neuron, n = 20 with b = 1, 5, 10, 20 and n = 10 with b = 9 (linear): \
                   the loss above its minimum 1 - 1/n at the end, which is when one entry holds all but 1e-8 of the \
                   squared norm, 5000 steps for b = n, or 4e5 steps.",
            checks: &[Check::new("loss above the minimum", Statistic::Max, Threshold::Below(1e-6))],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A2",
            place: "main theorems (from the abstract)",
            says: "Full batches find a dense minimum aligned with the start; any smaller batch finds a \
                sparse one that is nearly orthogonal to it.",
            test: "Linear neuron, b = n = 20: cosine of the end and the start, and its largest entry. b < n, all runs: \
                   the share of the largest entry in the squared norm; linear neuron, n = 20: |cosine|.",
            checks: &[
                Check::new("cosine to the start, b = n", Statistic::Min, Threshold::Above(1.0 - 1e-9)),
                Check::new("largest entry, b = n", Statistic::Max, Threshold::Below(0.8)),
                Check::new("share of the largest entry, b < n", Statistic::Min, Threshold::Above(0.999)),
                Check::new("|cosine| to the start, b < n", Statistic::Mean, Threshold::Below(0.45)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A3",
            place: "section on sharpness (from the abstract)",
            says: "With a ReLU the full-batch minimum is flatter, by the trace of the Hessian, than those of \
                smaller batches.",
            test: "n = 20: trace at the end of b = 1, 5, 10 minus that of b = n from the same start, entries \
                below 1e-3 set to 0. For a linear neuron all minima have one trace.",
            checks: &[
                Check::new(
                    "trace of b < n minus that of b = n, ReLU",
                    Statistic::Mean,
                    Threshold::AtLeast(0.6),
                ),
                Check::new("|difference of traces|, linear", Statistic::Max, Threshold::Below(1e-6)),
            ],
            needs: &[],
            known_finding: None,
        },
        Claim {
            id: "A4",
            place: "experiments",
            says: "A constant step size suffices, and smaller batches become sparse sooner.",
            test: "Steps until one entry holds 0.999 of the squared norm, n = 20, medians over the seeds: \
                that of b = 5 over that of b = 1, and of b = 10 over b = 5, for either neuron.",
            checks: &[Check::new(
                "ratio of median steps, larger b to smaller",
                Statistic::Min,
                Threshold::Above(1.0),
            )],
            needs: &[],
            known_finding: None,
        },
    ],
    experiments: &[
        Experiment { id: "linear", claims: &["A1", "A2", "A3", "A4"], run: linear },
        Experiment { id: "relu", claims: &["A1", "A2", "A3", "A4"], run: relu },
    ],
};

const STEP_SIZE: f64 = 0.1;
const STEPS: u64 = 400_000;
const FULL_BATCH_STEPS: u64 = 5000;
const RESIDUE: f64 = 1e-3;

/// One run, from start to end.
#[derive(Serialize, Deserialize)]
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

fn run(activation: Activation, n: usize, b: usize, seed: u64) -> Result<Run, ExperimentError> {
    let problem = SingleNeuronAutoencoder::new(n, n, activation)?;
    if b == n {
        let solver = GradientDescent { step_size: STEP_SIZE.into() };
        train(&solver, &problem, &start(n, seed), FULL_BATCH_STEPS)
    } else {
        let order = Order::IndependentSubsets;
        let solver = Sgd { step_size: STEP_SIZE.into(), batch_size: b, order, seed };
        train(&solver, &problem, &start(n, seed), STEPS)
    }
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

fn linear(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    experiment(context, recorder, Activation::Linear, &[(10, 9)])
}

fn relu(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    experiment(context, recorder, Activation::Relu, &[])
}

const N: usize = 20;
const BATCHES: [usize; 3] = [1, 5, 10];

fn experiment(
    context: &Context,
    recorder: &mut Recorder,
    activation: Activation,
    more: &[(usize, usize)],
) -> Result<(), ExperimentError> {
    // A ReLU neuron without a positive entry never moves.
    let is_alive = |n, seed| activation == Activation::Linear || start(n, seed).iter().any(|&w| w > 0.0);
    let seeds: Vec<u64> = context.seeds(10).into_iter().filter(|&seed| is_alive(N, seed)).collect();
    let mut table = Table::new(
        "ends",
        "Where each batch size ends",
        "Means over the seeds. The effective dimension is 1/Σ(wᵢ²/‖w‖²)². Steps until one entry holds 0.999 of the \
         squared norm: median, and largest in brackets. b = 19 runs at full scale only and is not judged: 4e5 steps \
         are not enough for it.",
        &[
            "n",
            "b",
            "largest entry",
            "effective dimension",
            "|cosine| to the start",
            "trace",
            "loss above minimum",
            "steps",
        ],
    );
    let mut settings: Vec<(usize, usize)> = BATCHES.iter().map(|&b| (N, b)).chain([(N, N)]).collect();
    settings.extend(more);
    settings.extend(context.pick(None, Some((N, 19))));
    let mut results = Vec::new();
    let progress = recorder.progress((settings.len() * seeds.len()) as u64, "runs");
    for &(n, b) in &settings {
        let runs: Vec<Run> = recorder.memo(&format!("n = {n}, b = {b}"), || {
            seeds
                .iter()
                .map(|&seed| {
                    progress.inc(1);
                    run(activation, n, b, seed)
                })
                .collect()
        })?;
        table.row(row(n, b, &runs));
        results.push(((n, b), runs));
    }
    recorder.table(table);
    let of = |n, b| results.iter().find(|(setting, _)| *setting == (n, b)).map_or(&[][..], |(_, runs)| runs);
    let full = of(N, N);
    for ((n, b), runs) in results.iter().filter(|((_, b), _)| *b != 19) {
        recorder.record("A1", "loss above the minimum", runs.iter().map(|run| run.gap));
        if b < n {
            recorder.record("A2", "share of the largest entry, b < n", runs.iter().map(|run| run.share));
        }
    }
    if activation == Activation::Linear {
        recorder.record("A2", "cosine to the start, b = n", full.iter().map(|run| run.cosine));
        recorder.record("A2", "largest entry, b = n", full.iter().map(|run| run.share.sqrt()));
    }
    for b in BATCHES {
        let differences = of(N, b).iter().zip(full).map(|(run, full)| run.trace - full.trace);
        if activation == Activation::Linear {
            recorder.record(
                "A2",
                "|cosine| to the start, b < n",
                of(N, b).iter().map(|run| run.cosine.abs()),
            );
            recorder.record("A3", "|difference of traces|, linear", differences.map(f64::abs));
        } else {
            recorder.record("A3", "trace of b < n minus that of b = n, ReLU", differences);
        }
    }
    let medians = BATCHES.map(|b| median(steps(of(N, b))));
    for pair in medians.windows(2) {
        recorder.record("A4", "ratio of median steps, larger b to smaller", [pair[1] / pair[0]]);
    }
    let name = if activation == Activation::Linear { "linear neuron" } else { "ReLU neuron" };
    recorder.figure(profiles(name, &seeds, &BATCHES.map(|b| (b, of(N, b))), full));
    recorder.figure(sparsification(name, &BATCHES.map(|b| (b, of(N, b))), full));
    Ok(())
}

/// Steps to sparsity; infinite for a run that was stopped before.
fn steps(runs: &[Run]) -> Vec<f64> {
    runs.iter().map(|run| run.sparse_at.map_or(f64::INFINITY, |step| step as f64)).collect()
}

fn row(n: usize, b: usize, runs: &[Run]) -> [String; 8] {
    let mean = |f: &dyn Fn(&Run) -> f64| Number(mean(runs.iter().map(f))).to_string();
    let steps = steps(runs);
    let statistic = |statistic: Statistic| Number(statistic.of(&steps).unwrap_or(f64::NAN)).to_string();
    let steps = if b == n {
        "never".to_owned()
    } else {
        format!("{} ({})", statistic(Statistic::Median), statistic(Statistic::Max))
    };
    [
        n.to_string(),
        b.to_string(),
        mean(&|run| run.share.sqrt()),
        mean(&Run::effective_dimension),
        mean(&|run| run.cosine.abs()),
        mean(&|run| run.trace),
        mean(&|run| run.gap),
        steps,
    ]
}

fn profiles(name: &str, seeds: &[u64], runs: &[(usize, &[Run])], full: &[Run]) -> Figure {
    let profile = |ends: &mut dyn Iterator<Item = Vec<f64>>| {
        let (mut mean, mut count) = (vec![0.0; N], 0.0);
        for mut end in ends {
            let norm = end.iter().map(|w| w * w).sum::<f64>().sqrt();
            for w in &mut end {
                *w = w.abs() / norm;
            }
            end.sort_by(|a, b| b.total_cmp(a));
            mean.iter_mut().zip(end).for_each(|(mean, w)| *mean += w);
            count += 1.0;
        }
        mean.into_iter().enumerate().map(move |(i, w)| ((i + 1) as f64, w / count)).collect::<Vec<_>>()
    };
    let mut figure = Figure::new(
        "profiles",
        &format!("Only full batches keep the weights dense ({name})"),
        "The entries of the weights in order of size, |wᵢ|/‖w‖, mean over the seeds, n = 20. The dashed line is the \
         start.",
        Axis::linear("rank of the entry"),
        Axis::linear("|w| / ‖w‖"),
    )
    .with(Kind::Dashed, "start", 6, profile(&mut seeds.iter().map(|&seed| start(N, seed))))
    .with(Kind::LinePoints, "b = 20 (full)", 0, profile(&mut full.iter().map(|run| run.end.clone())));
    for (colour, (b, runs)) in runs.iter().enumerate() {
        let points = profile(&mut runs.iter().map(|run| run.end.clone()));
        figure = figure.with(Kind::LinePoints, &format!("b = {b}"), colour + 1, points);
    }
    figure
}

fn sparsification(name: &str, runs: &[(usize, &[Run])], full: &[Run]) -> Figure {
    let curves = |runs: &[Run]| -> Vec<(f64, f64)> {
        runs.iter().take(3).flat_map(|run| run.curve.iter().copied().chain([(f64::NAN, f64::NAN)])).collect()
    };
    let mut figure = Figure::new(
        "sparsification",
        &format!("The smaller the batch, the sooner one entry takes all ({name})"),
        "Share of the largest entry in the squared norm against steps, three seeds for each batch size, n = 20, step \
         size 0.1. Full batches stop at a share that the start decides.",
        Axis::log("steps"),
        Axis::linear("share of the largest entry"),
    )
    .with(Kind::Line, "b = 20 (full)", 0, curves(full));
    for (colour, (b, runs)) in runs.iter().enumerate() {
        figure = figure.with(Kind::Line, &format!("b = {b}"), colour + 1, curves(runs));
    }
    figure
}
