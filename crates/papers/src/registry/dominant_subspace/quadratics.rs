//! The toy and the valley, whose Hessians are constant.

use kiln_optim::curvature::{SubspacePart, SubspaceSgd};
use kiln_optim::problems::CrossCurvature;
use kiln_optim::{Operator, OptimError, Order};
use kiln_receipts::statistics::{geometric_mean, mean};
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Number, Recorder, Table};
use serde::{Deserialize, Serialize};

use super::claims::{ALIGNED, BULK_LOSS, DOMINANT_LOSS, WITHOUT_NOISE};
use super::runs::{Curve, METHODS, Method, SGD, follow, last};

#[derive(Clone, Copy, Serialize)]
struct Setting {
    id: &'static str,
    title: &'static str,
    step_size: f64,
    batch_size: usize,
    steps: u64,
}

#[derive(Serialize, Deserialize)]
struct Run {
    losses: Curve,
    /// Of SGD: alignment of the minibatch gradients (mean), of the full gradient at the end, and of the full
    /// gradient after 500 steps of gradient descent.
    alignments: Option<[f64; 3]>,
}

fn measure(
    problem: &CrossCurvature,
    setting: &Setting,
    method: Method,
    seed: u64,
) -> Result<Run, ExperimentError> {
    let &Setting { step_size, batch_size, steps, .. } = setting;
    let sgd = SubspaceSgd {
        // The Hessian is the same everywhere.
        recompute_every: 1000,
        order: Order::WithReplacement,
        ..SubspaceSgd::new(SubspacePart::Whole, problem.sharp(), step_size, batch_size, seed)
    };
    let found = follow(&method.of(sgd, problem.components()), problem, problem.start(), steps, steps / 100)?;
    let alignments = if method == SGD {
        let gradient = problem.operator(&found.state.iterate)?;
        let subspace = found.state.memory.subspace().ok_or("SGD has no subspace")?;
        let half = follow(&sgd, problem, problem.start(), steps / 2, steps)?.state.iterate;
        let descent = Method::GradientDescent.of(sgd, problem.components());
        let after = follow(&descent, problem, half, 500, 500)?.state.memory.alignment();
        Some([found.alignment, subspace.alignment(&gradient)?, after.unwrap_or(f64::NAN)])
    } else {
        None
    };
    Ok(Run { losses: found.losses, alignments })
}

fn compare(
    recorder: &mut Recorder,
    table: &mut Table,
    seeds: &[u64],
    setting: Setting,
    problem: impl Fn(u64) -> Result<CrossCurvature, OptimError> + Sync,
) -> Result<(), ExperimentError> {
    let problem = &problem;
    let arm = |(name, method)| {
        Arm::new(name, &setting, move |seed| measure(&problem(seed)?, &setting, method, seed))
    };
    let runs = recorder.sweep(seeds, METHODS.map(arm))?;
    let [sgd, _, _, descent] = &runs;
    // Which of the points is the first with a loss below 1e-3 of the start, by gradient descent.
    let passed = |losses: &Curve| losses.iter().position(|(_, loss)| *loss <= 1e-3 * losses[0].1);
    let there: Vec<[f64; 5]> = (0..seeds.len())
        .map(|seed| {
            let losses = &descent.values[seed].losses;
            let place = passed(losses).ok_or("gradient descent did not pass 1e-3 of its loss")?;
            let loss = |method: usize| runs[method].values[seed].losses[place].1;
            Ok([loss(0), loss(1), loss(2), loss(3), losses[0].1])
        })
        .collect::<Result<_, ExperimentError>>()?;
    recorder.observe_in(
        setting.title,
        &DOMINANT_LOSS,
        there.iter().map(|[_, dominant, .., start]| (*dominant, *start)),
    );
    recorder.observe_in(setting.title, &BULK_LOSS, there.iter().map(|[sgd, _, bulk, ..]| (*bulk, *sgd)));
    let alignments: Vec<[f64; 3]> = sgd.values.iter().filter_map(|run| run.alignments).collect();
    recorder.observe_in(setting.title, &ALIGNED, alignments.iter().map(|chi| chi[0]));
    recorder.observe_in(setting.title, &WITHOUT_NOISE, alignments.iter().map(|chi| chi[2]));

    for (method, runs) in runs.iter().enumerate() {
        let compared = geometric_mean(there.iter().map(|losses| losses[method] / losses[4]));
        let end = geometric_mean(runs.each(|run| last(&run.losses) / run.losses[0].1));
        let chi = [0, 1, 2].map(|which| match method {
            0 => Number(mean(alignments.iter().map(|chi| chi[which]))).to_string(),
            _ => String::new(),
        });
        let numbers = [compared, end].map(|x| Number(x).to_string());
        table.row([setting.title.to_owned(), runs.name.clone()].into_iter().chain(numbers).chain(chi));
    }
    let figure = Figure::new(
        setting.id,
        setting.title,
        "Dom-SGD follows the dominant part of each minibatch gradient, Bulk-SGD the rest; GD is gradient descent. \
         Median and quartiles.",
        Axis::linear("steps"),
        Axis::log("loss"),
    );
    recorder.figure(figure.with_runs(&runs, |run| run.losses.clone()));
    Ok(())
}

fn table(title: &str) -> Table {
    Table::new(
        "runs",
        title,
        "Losses as shares of the loss at the start, geometric means over the seeds: where gradient descent passes \
         1e-3, and at the end. χ is the mean alignment with the dominant subspace: of minibatch gradients under \
         SGD, of the full gradient where SGD ends, and of the full gradient 500 steps after a switch to gradient \
         descent.",
        &["setting", "method", "loss, compared", "loss, end", "χ minibatch", "χ full", "χ after GD"],
    )
}

pub(super) fn toy(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(20);
    let mut table = table("Toy: ½(1000x² + y²) ± 100xy");
    // Gradient descent passes 1e-3 after ln(1000)/(2η) steps.
    for (id, title, step_size, steps) in
        [("toy-small-step", "toy, η = 1e-4", 1e-4, 40_000), ("toy-large-step", "toy, η = 5e-4", 5e-4, 20_000)]
    {
        let setting = Setting { id, title, step_size, batch_size: 1, steps };
        compare(recorder, &mut table, &seeds, setting, |_| Ok(CrossCurvature::toy()))?;
    }
    recorder.table(table);
    Ok(())
}

pub(super) fn valley(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let setting = Setting { id: "valley", title: "valley", step_size: 0.005, batch_size: 5, steps: 5000 };
    let mut table = table("Valley: 5 sharp and 55 flat directions");
    let problem = |seed| CrossCurvature::valley(5, 55, 100, 1.5, seed);
    compare(recorder, &mut table, &context.seeds(10), setting, problem)?;
    recorder.table(table);
    Ok(())
}
