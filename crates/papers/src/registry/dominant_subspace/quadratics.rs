//! The toy and the valley, whose Hessians are constant.

use kiln_optim::curvature::{SubspacePart, SubspaceSgd};
use kiln_optim::problems::CrossCurvature;
use kiln_optim::{Objective, Operator, Order};

use super::{METHODS, follow, last};
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

/// What the specification varies between the two models.
struct Setting {
    step_size: f64,
    batch_size: usize,
    steps: u64,
    /// Where losses are compared.
    compared: &'static [u64],
    seed: u64,
}

struct Outcome {
    /// Of SGD, Dom-SGD, Bulk-SGD and gradient descent, all from the start.
    losses: Vec<Vec<(f64, f64)>>,
    /// Alignment: minibatch and full gradient under SGD, full gradient after 500 steps of gradient descent.
    alignments: [f64; 3],
}

fn compare(
    recorder: &mut Recorder,
    problem: &CrossCurvature,
    setting: &Setting,
) -> Result<Outcome, ExperimentError> {
    let &Setting { step_size, batch_size, steps, compared, seed } = setting;
    let every = compared[0] / 50;
    let solver = |part| SubspaceSgd {
        // The Hessian is the same everywhere.
        recompute_every: 1000,
        order: Order::WithReplacement,
        ..SubspaceSgd::new(part, problem.sharp(), step_size, batch_size, seed)
    };
    let descent =
        SubspaceSgd { batch_size: problem.components(), order: Order::Cyclic, ..solver(SubspacePart::Whole) };
    let start = problem.start();
    let initial = problem.value(&start)?;
    let mut losses = Vec::new();
    let mut alignments = [f64::NAN; 3];
    for (_, part) in METHODS {
        let found = follow(&solver(part), problem, start.clone(), steps, every)?;
        if part == SubspacePart::Whole {
            let gradient = problem.operator(&found.state.iterate)?;
            alignments[0] = found.alignment;
            if let Some(subspace) = found.state.memory.subspace() {
                alignments[1] = subspace.alignment(&gradient)?;
            }
            let half = follow(&solver(part), problem, start.clone(), steps / 2, steps)?.state.iterate;
            let after = follow(&descent, problem, half, 500, 500)?.state;
            alignments[2] = after.memory.alignment().unwrap_or(f64::NAN);
        }
        losses.push(found.losses);
    }
    losses.push(follow(&descent, problem, start, steps, every)?.losses);
    recorder.record("D1", "χ of minibatch gradients, SGD", [alignments[0]]);
    recorder.record("D1", "χ after 500 steps of gradient descent", [alignments[2]]);
    for &step in compared {
        let at = |method: usize| {
            losses[method].iter().find(|point| point.0 == step as f64).map_or(f64::NAN, |point| point.1)
        };
        recorder.record("D1", "loss of Dom-SGD / initial loss", [at(1) / initial]);
        recorder.record("D1", "loss of Bulk-SGD / loss of SGD", [at(2) / at(0)]);
    }
    Ok(Outcome { losses, alignments })
}

fn table(title: &str) -> Table {
    Table::new(
        "runs",
        title,
        "χ is the alignment with the dominant subspace: of minibatch gradients under SGD (mean), of the full \
         gradient where SGD ends, and of the full gradient 500 steps after a switch to gradient descent.",
        &[
            "η",
            "seed",
            "χ minibatch",
            "χ full",
            "χ after GD",
            "initial loss",
            "SGD",
            "Dom-SGD",
            "Bulk-SGD",
            "GD",
        ],
    )
}

fn row(table: &mut Table, step_size: f64, index: usize, outcome: &Outcome) {
    let initial = outcome.losses[0][0].1;
    let ends = outcome.losses.iter().map(|losses| last(losses));
    let numbers =
        [step_size, (index + 1) as f64].into_iter().chain(outcome.alignments).chain([initial]).chain(ends);
    table.row(numbers.map(|x| Number(x).to_string()));
}

fn figure(id: &str, title: &str, outcome: &Outcome) -> Figure {
    let mut figure = Figure::new(
        id,
        title,
        "First seed. Dom-SGD follows the dominant part of each minibatch gradient, Bulk-SGD the rest; GD is gradient \
         descent.",
        Axis::linear("steps"),
        Axis::log("loss"),
    );
    let names = METHODS.iter().map(|(name, _)| *name).chain(["GD"]);
    for (colour, (name, losses)) in names.zip(&outcome.losses).enumerate() {
        let kind = if name == "GD" { Kind::Dashed } else { Kind::Line };
        figure = figure.with(kind, name, colour, losses.iter().copied());
    }
    figure
}

pub(super) fn toy(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let problem = CrossCurvature::toy();
    let mut table = table("Toy: ½(1000x² + y²) ± 100xy, 20000 steps");
    for step_size in [1e-4, 5e-4] {
        for (index, seed) in context.seeds(10).into_iter().enumerate() {
            let setting = Setting { step_size, batch_size: 1, steps: 20_000, compared: &[20_000], seed };
            let outcome = compare(recorder, &problem, &setting)?;
            row(&mut table, step_size, index, &outcome);
            if index == 0 {
                let id = if step_size > 2e-4 { "toy-large-step" } else { "toy-small-step" };
                recorder.figure(figure(
                    id,
                    &format!("Toy, η = {step_size}: the dominant part is noise"),
                    &outcome,
                ));
            }
        }
    }
    recorder.table(table);
    Ok(())
}

pub(super) fn valley(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = table("Valley: 5 sharp and 55 flat directions, 3000 steps");
    for (index, seed) in context.seeds(3).into_iter().enumerate() {
        let problem = CrossCurvature::valley(5, 55, 100, 1.5, seed)?;
        let setting = Setting { step_size: 0.005, batch_size: 5, steps: 3000, compared: &[500, 3000], seed };
        let outcome = compare(recorder, &problem, &setting)?;
        row(&mut table, setting.step_size, index, &outcome);
        if index == 0 {
            recorder.figure(figure(
                "valley",
                "Valley: loss with and without the dominant subspace",
                &outcome,
            ));
        }
    }
    recorder.table(table);
    Ok(())
}
