//! R8: an analogue of fine-tuning on shifted digits.

use burn::module::Module;
use kiln_optim::first_order::Sgd;
use kiln_optim::zeroth_order::{Alone, Fidelity, Mezo, MezoSvrg, ModuleLoss, Tuner, ZerothOrder};
use kiln_optim::{ModuleObjective, Order, Solver};
use kiln_tensor::Parameters;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::digits::{BATCH, Drawn, FineTuning, Network, Score, pictures};
use crate::device::TensorDevice;
use kiln_receipts::statistics::median;
use kiln_receipts::{
    Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Scale, Statistic, Table,
};

/// Forward passes of one example: the budget of the comparisons, and that of the stability claim.
const BUDGET: u64 = 640_000;
const LONG_BUDGET: u64 = 4 * BUDGET;
/// The one grid of rates of the comparison like for like.
const GRID: [f32; 4] = [1e-4, 3e-4, 1e-3, 3e-3];
/// Queries from one evaluation to the next.
const SAMPLED_EVERY: u64 = 40_000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Gradients { rate: f64, steps: u64 },
    Mezo { rate: f64 },
    Svrg { anchor_rate: f32, rate: f32, fidelity: Fidelity },
    AllExamples { rate: f32 },
}

impl Way {
    const fn svrg(anchor_rate: f32, rate: f32) -> Self {
        Self::Svrg { anchor_rate, rate, fidelity: Fidelity::Corrected }
    }

    fn name(self) -> String {
        match self {
            Self::Gradients { rate, .. } => format!("SGD with gradients, {rate}"),
            Self::Mezo { rate } => format!("MeZO, {rate:e}"),
            Self::Svrg { anchor_rate, rate, fidelity: Fidelity::Official } => {
                format!("authors' code, {anchor_rate:e} and {rate:e}")
            }
            Self::Svrg { anchor_rate, rate, .. } => format!("MeZO-SVRG, {anchor_rate:e} and {rate:e}"),
            Self::AllExamples { rate } => format!("MeZO on all examples, {rate:e}"),
        }
    }
}

const AS_CONFIGURED: [Way; 2] = [Way::Mezo { rate: 1e-5 }, Way::svrg(3e-3, 1e-4)];
const STABLE: [Way; 4] = [
    Way::Mezo { rate: 1e-3 },
    Way::Mezo { rate: 2e-3 },
    Way::svrg(3e-3, 1e-4),
    Way::AllExamples { rate: 3e-3 },
];

/// Every way with its budget; those of [`STABLE`] have the long one.
fn ways() -> Vec<(Way, u64)> {
    let mut ways = vec![
        Way::Gradients { rate: 0.05, steps: 1000 },
        Way::Mezo { rate: 1e-6 },
        Way::Mezo { rate: 1e-5 },
        Way::Mezo { rate: 2e-3 },
        Way::Svrg { anchor_rate: 3e-3, rate: 3e-3, fidelity: Fidelity::Official },
    ];
    ways.extend(GRID.map(mezo));
    ways.extend(GRID.map(|rate| Way::AllExamples { rate }));
    ways.extend(GRID.iter().flat_map(|&anchor_rate| GRID.map(|rate| Way::svrg(anchor_rate, rate))));
    ways.into_iter().map(|way| (way, if STABLE.contains(&way) { LONG_BUDGET } else { BUDGET })).collect()
}

/// A rate of the grid as it is written, not as its nearest `f32` reads in `f64`.
fn mezo(rate: f32) -> Way {
    Way::Mezo { rate: rate.to_string().parse().expect("a number that was just written") }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    queries: u64,
    train: Score,
    held_out: Score,
}

type Curve = Vec<Sample>;

/// The first evaluation with so many queries, or the last there is.
fn at(curve: &Curve, queries: u64) -> Sample {
    let found = curve.iter().find(|sample| sample.queries >= queries).or(curve.last());
    *found.expect("a curve has its start")
}

fn sample(task: &FineTuning, network: &Network, queries: u64) -> Result<Sample, ExperimentError> {
    Ok(Sample { queries, train: task.train.score(network)?, held_out: task.held_out.score(network)? })
}

fn tune(task: &FineTuning, way: Way, budget: u64, seed: u64) -> Result<Curve, ExperimentError> {
    match way {
        Way::Gradients { rate, steps } => by_gradients(task, rate, steps, seed),
        Way::Mezo { rate } => follow(task, &Tuner::new(Mezo::new(rate), BATCH, seed), budget),
        Way::Svrg { anchor_rate, rate, fidelity } => {
            let method = MezoSvrg { fidelity, ..MezoSvrg::new(anchor_rate, rate) };
            follow(task, &Tuner::new(method, BATCH, seed), budget)
        }
        Way::AllExamples { rate } => {
            let method = MezoSvrg { anchor_period: 1, ..MezoSvrg::new(rate, 0.0) };
            follow(task, &Tuner::new(method, BATCH, seed), budget)
        }
    }
}

fn follow<M: ZerothOrder>(
    task: &FineTuning,
    tuner: &Tuner<M>,
    budget: u64,
) -> Result<Curve, ExperimentError> {
    let problem = ModuleLoss::new(task.train.len(), |network: &Network, rows: &[usize]| {
        task.train.losses(network, rows)
    })?;
    let mut state = tuner.start(task.train.len(), Parameters::new(task.network.clone()))?;
    let mut curve = vec![sample(task, &task.network, 0)?];
    let mut next = SAMPLED_EVERY.min(budget);
    while next <= budget {
        while state.queries().examples < next {
            tuner.step(&problem, &mut state, &Alone)?;
        }
        curve.push(sample(task, state.point.as_ref(), state.queries().examples)?);
        next += SAMPLED_EVERY;
    }
    Ok(curve)
}

/// A gradient counts as one query, as in the authors' logs.
fn by_gradients(task: &FineTuning, rate: f64, steps: u64, seed: u64) -> Result<Curve, ExperimentError> {
    let train = task.train.clone().autodiff();
    let problem = ModuleObjective::new(train.len(), |network: &Network, rows: &[usize]| {
        train.losses(network, rows).mean()
    })?;
    let solver = Sgd { step_size: rate.into(), batch_size: BATCH, order: Order::Reshuffled, seed };
    let mut state = solver.start(&problem, Parameters::new(task.network.clone().train()))?;
    let mut curve = vec![sample(task, &task.network, 0)?];
    for step in 1..=steps {
        solver.advance(&problem, &mut state)?;
        if step.is_multiple_of(50) || step == steps {
            curve.push(sample(task, &state.iterate.as_ref().valid(), step * BATCH as u64)?);
        }
    }
    Ok(curve)
}

/// The curves of one way, a seed each.
struct Runs {
    way: Way,
    curves: Vec<Curve>,
}

impl Runs {
    fn at(&self, queries: u64) -> impl Iterator<Item = Sample> {
        self.curves.iter().map(move |curve| at(curve, queries))
    }

    fn accuracy(&self, queries: u64) -> Vec<f64> {
        self.at(queries).map(|sample| sample.held_out.accuracy).collect()
    }

    fn loss(&self, queries: u64) -> Vec<f64> {
        self.at(queries).map(|sample| sample.train.loss).collect()
    }
}

fn pairwise(a: &[f64], b: &[f64], of: fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(&a, &b)| of(a, b)).collect()
}

pub(super) fn experiment(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = pictures(context, recorder)?;
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 3));
    let tasks = |drawn: Drawn| -> Result<Vec<FineTuning>, ExperimentError> {
        seeds.par_iter().map(|&seed| FineTuning::new(&pictures, drawn, seed, &device)).collect()
    };
    let ways = match context.scale {
        // A few steps of the two that are compared first, to see that it runs.
        Scale::Quick => AS_CONFIGURED.map(|way| (way, 10_000)).to_vec(),
        Scale::Full => ways(),
    };
    let networks = tasks(Drawn::He)?;
    let runs = runs(recorder, "", &ways, &seeds, &networks)?;
    let before: Vec<f64> = networks.iter().map(|task| task.before_the_shift).collect();
    recorder
        .note(format!("Before the shift the networks' accuracy is {} (median).", Number(median(&before))));
    recorder.table(ends("fine-tuning", "Fine-tuning on shifted digits", &runs));
    recorder.figure(curves(&runs));
    if context.scale == Scale::Quick {
        recorder.note("10,000 queries only, to see that it runs; R8 is measured at full scale.");
        return Ok(());
    }
    judge(recorder, &runs)?;
    // Not judged: what the networks' initialization does.
    let ways = [AS_CONFIGURED[0], AS_CONFIGURED[1], STABLE[0]].map(|way| (way, BUDGET));
    let others = self::runs(recorder, "PyTorch's initialization, ", &ways, &seeds, &tasks(Drawn::Uniform)?)?;
    let title = "Fine-tuning of networks with PyTorch's initialization (not judged)";
    recorder.table(ends("fine-tuning-initialization", title, &others));
    Ok(())
}

/// All ways on all seeds, in parallel.
fn runs(
    recorder: &Recorder,
    prefix: &str,
    ways: &[(Way, u64)],
    seeds: &[u64],
    tasks: &[FineTuning],
) -> Result<Vec<Runs>, ExperimentError> {
    let bar = recorder.progress((ways.len() * seeds.len()) as u64, "runs");
    let jobs: Vec<_> =
        ways.iter().flat_map(|&way| seeds.iter().zip(tasks).map(move |seed| (way, seed))).collect();
    let mut curves = jobs
        .into_par_iter()
        .map(|((way, budget), (&seed, task))| {
            let key = format!("{prefix}{}, {budget} queries, seed {seed}", way.name());
            let curve = recorder.memo(&key, || tune(task, way, budget, seed))?;
            bar.inc(1);
            Ok(curve)
        })
        .collect::<Result<Vec<Curve>, ExperimentError>>()?
        .into_iter();
    let of = |&(way, _): &(Way, u64)| Runs { way, curves: curves.by_ref().take(seeds.len()).collect() };
    Ok(ways.iter().map(of).collect())
}

fn judge(recorder: &mut Recorder, runs: &[Runs]) -> Result<(), ExperimentError> {
    let find =
        |way: Way| runs.iter().find(|runs| runs.way == way).ok_or_else(|| format!("no {}", way.name()));
    let difference = |a: f64, b: f64| a - b;

    let [mezo, svrg] = AS_CONFIGURED.map(|way| find(way).map(|runs| runs.accuracy(BUDGET)));
    let gap = pairwise(&svrg?, &mezo?, difference);
    recorder.record("R8-as-configured", "MeZO-SVRG minus MeZO", gap);

    let best = |mut is_candidate: Box<dyn FnMut(Way) -> bool>| {
        let candidates = runs.iter().filter(|runs| is_candidate(runs.way));
        let by_accuracy =
            |a: &&Runs, b: &&Runs| median(a.accuracy(BUDGET)).total_cmp(&median(b.accuracy(BUDGET)));
        candidates.max_by(by_accuracy).ok_or("there are no candidates")
    };
    let grid = GRID.map(self::mezo);
    let mezo = best(Box::new(move |way| grid.contains(&way)))?;
    let svrg = best(Box::new(|way| matches!(way, Way::Svrg { fidelity: Fidelity::Corrected, .. })))?;
    recorder.note(format!("Best of the grid: {}; {}.", mezo.way.name(), svrg.way.name()));
    let gap = pairwise(&svrg.accuracy(BUDGET), &mezo.accuracy(BUDGET), difference);
    recorder.record("R8-like-for-like", "MeZO-SVRG minus MeZO", gap);

    let [calm, wild, svrg, all] = STABLE.map(find);
    let (calm, wild, svrg, all) = (calm?, wild?, svrg?, all?);
    let ratio = |a: f64, b: f64| a / b;
    let growth = |runs: &Runs| pairwise(&runs.loss(LONG_BUDGET), &runs.loss(BUDGET), ratio);
    let apart = pairwise(&wild.loss(LONG_BUDGET), &calm.loss(LONG_BUDGET), ratio);
    recorder.record("R8-stability", "MeZO, loss at 2e-3 / at 1e-3", apart);
    recorder.record("R8-stability", "MeZO-SVRG, loss at the end / at a quarter", growth(svrg));
    recorder.record("R8-stability", "all examples, loss at the end / at a quarter", growth(all));
    let gap = pairwise(&all.accuracy(LONG_BUDGET), &wild.accuracy(LONG_BUDGET), difference);
    recorder.record("R8-stability", "accuracy, all examples minus MeZO at 2e-3", gap);
    Ok(())
}

/// What each way comes to, at the budget and at its end.
fn ends(id: &str, title: &str, runs: &[Runs]) -> Table {
    let mut table = Table::new(
        id,
        title,
        "Medians over the seeds: training loss, accuracy on 1,000 other digits and its range. A gradient \
         counts as one query.",
        &["", "queries", "training loss", "accuracy", "smallest", "largest"],
    );
    for runs in runs {
        let end = runs.curves.iter().filter_map(|curve| curve.last()).map(|s| s.queries).max().unwrap_or(0);
        let stops = if end >= LONG_BUDGET { vec![BUDGET, end] } else { vec![end] };
        for queries in stops {
            let accuracy = runs.accuracy(queries);
            let range = [Statistic::Min, Statistic::Max].map(|of| of.of(&accuracy).unwrap_or(f64::NAN));
            let numbers = [queries as f64, median(runs.loss(queries)), median(&accuracy), range[0], range[1]];
            table.row(std::iter::once(runs.way.name()).chain(numbers.map(|x| Number(x).to_string())));
        }
    }
    table
}

fn curves(runs: &[Runs]) -> Figure {
    let shown = [
        AS_CONFIGURED[0],
        STABLE[0],
        STABLE[1],
        STABLE[2],
        STABLE[3],
        Way::Gradients { rate: 0.05, steps: 1000 },
    ];
    let mut figure = Figure::new(
        "accuracy-against-queries",
        "Fine-tuning on shifted digits",
        "Accuracy on 1,000 other digits against queries (forward passes of one example), median over the seeds.",
        Axis::log("queries"),
        Axis::linear("accuracy"),
    );
    for (colour, way) in shown.into_iter().enumerate() {
        let Some(runs) = runs.iter().find(|runs| runs.way == way) else { continue };
        let length = runs.curves.iter().map(Vec::len).min().unwrap_or(0);
        let points = (1..length).map(|i| {
            let accuracies: Vec<f64> = runs.curves.iter().map(|curve| curve[i].held_out.accuracy).collect();
            (runs.curves[0][i].queries as f64, median(&accuracies))
        });
        figure = figure.with(Kind::Line, &way.name(), colour, points.collect::<Vec<_>>());
    }
    figure
}
