//! R8: an analogue of fine-tuning on shifted digits.

use std::collections::HashMap;

use burn::module::Module;
use kiln_optim::first_order::Sgd;
use kiln_optim::zeroth_order::{Alone, Fidelity, Mezo, MezoSvrg, ModuleLoss, Tuner, ZerothOrder};
use kiln_optim::{ModuleObjective, Order, Solver};
use kiln_tensor::Parameters;
use kiln_tensor::network::InitialLaw;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::claims::{CONFIGURED_GAP, GOES_ON, LARGER_RATE, LIKE_FOR_LIKE, STABLE_GAP};
use super::digits::{BATCH, FineTuning, Network, Score, pictures};
use crate::device::TensorDevice;
use kiln_receipts::statistics::{median, quantile};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Runs, Scale, Table};

/// Forward passes of one example: the budget of the comparisons, and that of the stability claim.
const BUDGET: u64 = 640_000;
const LONG_BUDGET: u64 = 4 * BUDGET;
/// The one grid of rates of the comparison like for like.
const GRID: [f64; 4] = [1e-4, 3e-4, 1e-3, 3e-3];
/// Queries from one evaluation to the next.
const SAMPLED_EVERY: u64 = 40_000;
/// Steps with gradients.
const STEPS: u64 = 1000;

/// A method with its rates; MeZO-SVRG has that of its anchor steps first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Gradients(f64),
    Mezo(f64),
    Svrg(f64, f64),
    Official(f64, f64),
    AllExamples(f64),
}

impl Way {
    fn name(self) -> String {
        match self {
            Self::Gradients(rate) => format!("SGD with gradients, {rate}"),
            Self::Mezo(rate) => format!("MeZO, {rate:e}"),
            Self::Svrg(anchor_rate, rate) => format!("MeZO-SVRG, {anchor_rate:e} and {rate:e}"),
            Self::Official(anchor_rate, rate) => format!("authors' code, {anchor_rate:e} and {rate:e}"),
            Self::AllExamples(rate) => format!("MeZO on all examples, {rate:e}"),
        }
    }
}

const AS_CONFIGURED: [Way; 2] = [Way::Mezo(1e-5), Way::Svrg(3e-3, 1e-4)];
const STABLE: [Way; 4] = [Way::Mezo(1e-3), Way::Mezo(2e-3), Way::Svrg(3e-3, 1e-4), Way::AllExamples(3e-3)];

/// Every way with its budget; those of [`STABLE`] have the long one.
fn ways() -> Vec<(Way, u64)> {
    let mut ways = vec![Way::Gradients(0.05), Way::Mezo(1e-6), Way::Mezo(1e-5), Way::Mezo(2e-3)];
    ways.push(Way::Official(3e-3, 3e-3));
    ways.extend(GRID.map(Way::Mezo));
    ways.extend(GRID.map(Way::AllExamples));
    ways.extend(GRID.iter().flat_map(|&anchor_rate| GRID.map(|rate| Way::Svrg(anchor_rate, rate))));
    ways.into_iter().map(|way| (way, if STABLE.contains(&way) { LONG_BUDGET } else { BUDGET })).collect()
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
    let svrg = |anchor_rate: f64, rate: f64| MezoSvrg::new(anchor_rate as f32, rate as f32);
    let method = match way {
        Way::Gradients(rate) => return by_gradients(task, rate, seed),
        Way::Mezo(rate) => return follow(task, &Tuner::new(Mezo::new(rate), BATCH, seed), budget),
        Way::Svrg(anchor_rate, rate) => svrg(anchor_rate, rate),
        Way::Official(anchor_rate, rate) => {
            MezoSvrg { fidelity: Fidelity::Official, ..svrg(anchor_rate, rate) }
        }
        Way::AllExamples(rate) => MezoSvrg { anchor_period: 1, ..svrg(rate, 0.0) },
    };
    follow(task, &Tuner::new(method, BATCH, seed), budget)
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
fn by_gradients(task: &FineTuning, rate: f64, seed: u64) -> Result<Curve, ExperimentError> {
    let train = task.train.clone().autodiff();
    let problem = ModuleObjective::new(train.len(), |network: &Network, rows: &[usize]| {
        train.losses(network, rows).mean()
    })?;
    let solver = Sgd { step_size: rate.into(), batch_size: BATCH, order: Order::Reshuffled, seed };
    let mut state = solver.start(&problem, Parameters::new(task.network.clone().train()))?;
    let mut curve = vec![sample(task, &task.network, 0)?];
    for step in 1..=STEPS {
        solver.advance(&problem, &mut state)?;
        if step.is_multiple_of(50) {
            curve.push(sample(task, &state.iterate.as_ref().valid(), step * BATCH as u64)?);
        }
    }
    Ok(curve)
}

/// Training loss at so many queries; a network that diverged has a large one.
fn loss(queries: u64) -> impl Fn(&Curve) -> f64 {
    move |curve| at(curve, queries).train.loss.min(1e30)
}

fn accuracy(queries: u64) -> impl Fn(&Curve) -> f64 {
    move |curve| at(curve, queries).held_out.accuracy
}

pub(super) fn run(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let pictures = pictures(context, recorder)?;
    let device = context.tensor_device()?;
    let seeds = context.seeds(context.pick(1, 5));
    let ways = match context.scale {
        // A few steps of the two that are compared first, to see that it runs.
        Scale::Quick => AS_CONFIGURED.map(|way| (way, 10_000)).to_vec(),
        Scale::Full => ways(),
    };
    let sweep = |recorder: &Recorder, law: InitialLaw, prefix: &str, ways: &[(Way, u64)]| {
        let task = |&seed: &u64| Ok((seed, FineTuning::new(&pictures, law, seed, &device)?));
        let tasks: HashMap<u64, FineTuning> =
            seeds.par_iter().map(task).collect::<Result<_, ExperimentError>>()?;
        let arm = |&(way, budget): &(Way, u64)| {
            let tasks = &tasks;
            Arm::new(format!("{prefix}{}", way.name()), &budget, move |seed| {
                tune(&tasks[&seed], way, budget, seed)
            })
        };
        let runs = recorder.sweep_all(&seeds, ways.iter().map(arm).collect())?;
        let before = median(tasks.values().map(|task| task.before_the_shift));
        Ok::<_, ExperimentError>((ways.iter().map(|way| way.0).zip(runs).collect::<Vec<_>>(), before))
    };
    let (runs, before) = sweep(recorder, InitialLaw::FanIn, "", &ways)?;
    recorder.note(format!("Before the shift the networks' accuracy is {} (median).", Number(before)));
    recorder.table(ends("fine-tuning", "Fine-tuning on shifted digits", &runs));
    recorder.figure(curves(&runs));
    let find = |way: Way| {
        let found = runs.iter().find(|(other, _)| *other == way);
        found.map(|(_, runs)| runs).ok_or_else(|| format!("no {}", way.name()))
    };
    let [mezo, svrg] = AS_CONFIGURED.map(find);
    recorder.observe(&CONFIGURED_GAP, svrg?.paired(mezo?, accuracy(BUDGET)));
    if context.scale == Scale::Quick {
        return Ok(());
    }

    let best = |is_candidate: &dyn Fn(Way) -> bool| {
        let candidates = runs.iter().filter(|(way, _)| is_candidate(*way)).map(|(_, runs)| runs);
        let of = |runs: &Runs<Curve>| median(runs.each(accuracy(BUDGET)));
        candidates.max_by(|a, b| of(a).total_cmp(&of(b))).ok_or("there are no candidates")
    };
    let mezo = best(&|way| GRID.map(Way::Mezo).contains(&way))?;
    let svrg = best(&|way| matches!(way, Way::Svrg(..)))?;
    recorder.note(format!("Best of the grid: {}; {}.", mezo.name, svrg.name));
    recorder.observe(&LIKE_FOR_LIKE, mezo.paired(svrg, accuracy(BUDGET)));

    let [calm, wild, svrg, all] = STABLE.map(find);
    let (calm, wild, svrg, all) = (calm?, wild?, svrg?, all?);
    recorder.observe(&LARGER_RATE, wild.paired(calm, loss(LONG_BUDGET)));
    for runs in [svrg, all] {
        let pairs = runs.each(loss(LONG_BUDGET)).into_iter().zip(runs.each(loss(BUDGET)));
        recorder.observe_in(&runs.name, &GOES_ON, pairs);
    }
    recorder.observe(&STABLE_GAP, all.paired(wild, accuracy(LONG_BUDGET)));

    let ways = [AS_CONFIGURED[0], AS_CONFIGURED[1], STABLE[0]].map(|way| (way, BUDGET));
    let (others, _) = sweep(recorder, InitialLaw::He, "He, ", &ways)?;
    let title = "Fine-tuning of networks drawn by He et al. (a control)";
    recorder.table(ends("fine-tuning-initialization", title, &others));
    Ok(())
}

/// What each way comes to, at the budget and at its end.
fn ends(id: &str, title: &str, runs: &[(Way, Runs<Curve>)]) -> Table {
    let mut table = Table::new(
        id,
        title,
        "Medians over the seeds: training loss, accuracy on 1,000 other digits and its range. A gradient \
         counts as one query.",
        &["", "queries", "training loss", "accuracy", "smallest", "largest"],
    );
    for (_, runs) in runs {
        let end = runs.values.iter().filter_map(|curve| curve.last()).map(|s| s.queries).max().unwrap_or(0);
        let stops = if end >= LONG_BUDGET { vec![BUDGET, end] } else { vec![end] };
        for queries in stops {
            let accuracy = runs.each(accuracy(queries));
            let [low, middle, high] = [0.0, 0.5, 1.0].map(|share| quantile(&accuracy, share));
            let numbers = [queries as f64, median(runs.each(loss(queries))), middle, low, high];
            table.numbers([&runs.name], numbers);
        }
    }
    table
}

fn curves(runs: &[(Way, Runs<Curve>)]) -> Figure {
    let is_shown =
        |way: &Way| AS_CONFIGURED.contains(way) || STABLE.contains(way) || matches!(way, Way::Gradients(_));
    let shown = runs.iter().filter(|(way, _)| is_shown(way)).map(|(_, runs)| runs.clone());
    let figure = Figure::new(
        "accuracy-against-queries",
        "Fine-tuning on shifted digits",
        "Accuracy on 1,000 other digits against queries (forward passes of one example).",
        Axis::log("queries"),
        Axis::linear("accuracy"),
    );
    figure.with_runs(&shown.collect::<Vec<_>>(), |curve| {
        curve.iter().skip(1).map(|sample| (sample.queries as f64, sample.held_out.accuracy)).collect()
    })
}
