//! ℓ1-regularised PageRank, to a given ℓ1 error.

use kiln_graph::{Aspr, AsprSteps, L1Cd, L1Exact, L1Fista, L1Ista, PageRankMethod};

use super::arena::{Outcome, stages};
use super::claims::{CERTIFIED, OUTSIDE, SPARSE};
use super::pagerank::{ALPHAS, SMALL, pairs};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const NAMES: [&str; 6] = ["coordinate descent", "ISTA", "FISTA", "ASPR", "CASPR", "active sets"];

/// The last one is exact.
fn methods(alpha: f64, rho: f64) -> [PageRankMethod; 6] {
    let aspr = |steps| PageRankMethod::Aspr(Aspr { alpha, steps, ..Aspr::new(rho) });
    [
        PageRankMethod::L1Cd(L1Cd { alpha, ..L1Cd::new(rho) }),
        PageRankMethod::L1Ista(L1Ista { alpha, ..L1Ista::new(rho) }),
        PageRankMethod::L1Fista(L1Fista { alpha, ..L1Fista::new(rho) }),
        aspr(AsprSteps::Gradient),
        aspr(AsprSteps::Conjugate),
        PageRankMethod::L1Exact(L1Exact { alpha, rho }),
    ]
}

fn observe(recorder: &mut Recorder, outcomes: &[Vec<Outcome>], goal: f64) {
    for outcomes in outcomes {
        recorder.observe(&CERTIFIED, outcomes.iter().map(|outcome| outcome.l1_error / goal));
    }
    for i in [3, 4] {
        recorder.observe(&OUTSIDE, outcomes[i].iter().map(|outcome| outcome.outside));
    }
}

fn means(outcomes: &[Vec<Outcome>]) -> impl Iterator<Item = f64> + '_ {
    outcomes.iter().map(|outcomes| mean(outcomes.iter().map(|outcome| outcome.edges)))
}

pub(super) fn regularised(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let goal = 1e-4;
    let seeds = context.seeds(context.pick(10, 30));
    let rhos = [1e-3, 1e-4];
    let mut columns = vec!["graph", "α", "ρ", "support"];
    columns.extend(NAMES);
    let mut table = Table::new(
        "regularised",
        "Edges touched to an ℓ1 error of 1e-4, ℓ1-regularised PageRank",
        "Means over random seeds. Active sets go to rounding error, whatever is asked for.",
        &columns,
    );
    let stages = stages(context, recorder)?;
    let progress = recorder.progress((stages.len() * ALPHAS.len() * rhos.len()) as u64, "regularised");
    let mut points: [Vec<(f64, f64)>; 6] = Default::default();
    for (name, stage) in &stages {
        for alpha in ALPHAS {
            for rho in rhos {
                let setting = format!("{name}, α = {alpha}, ρ = {rho:e}");
                let outcomes: Vec<Vec<Outcome>> =
                    recorder.memo(&setting, || stage.play(&seeds, &methods(alpha, rho), Some(goal)))?;
                observe(recorder, &outcomes, goal);
                let support = mean(outcomes[5].iter().map(|outcome| outcome.support));
                if alpha == SMALL {
                    recorder.observe_in(setting, &SPARSE, pairs(&outcomes[1], &outcomes[3]));
                    for (points, edges) in points.iter_mut().zip(means(&outcomes)) {
                        points.push((support, edges));
                    }
                }
                let start = [(*name).to_owned(), alpha.to_string(), format!("{rho:e}")];
                let numbers = std::iter::once(support).chain(means(&outcomes));
                table.row(start.into_iter().chain(numbers.map(|x| Number(x).to_string())));
                progress.inc(1);
            }
        }
    }
    recorder.table(table);
    let mut figure = Figure::new(
        "regularised-edges",
        "Edges touched against the support, α = .001, ℓ1 error 1e-4",
        "One point a graph and a ρ, means over random seeds.",
        Axis::log("nodes in the support"),
        Axis::log("edges touched"),
    );
    for (i, (name, mut points)) in NAMES.into_iter().zip(points).enumerate() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        figure = figure.with(Kind::LinePoints, name, i, points);
    }
    recorder.figure(figure);
    Ok(())
}

/// How the work grows as the error falls.
pub(super) fn errors(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let rho = 1e-4;
    let seeds = context.seeds(context.pick(10, 30));
    let mut columns = vec!["α", "ℓ1 error"];
    columns.extend(NAMES);
    let mut table = Table::new(
        "errors",
        "Edges touched against the ℓ1 error asked for, planted graph of 2^40 nodes, ρ = 1e-4",
        "Means over random seeds.",
        &columns,
    );
    let stages = stages(context, recorder)?;
    let Some((_, stage)) = stages.first() else { return Err("no graph".into()) };
    for alpha in ALPHAS {
        for goal in [1e-1, 1e-2, 1e-4, 1e-8] {
            let outcomes: Vec<Vec<Outcome>> = recorder
                .memo(&format!("α = {alpha}, error {goal:e}"), || {
                    stage.play(&seeds, &methods(alpha, rho), Some(goal))
                })?;
            for outcomes in &outcomes {
                recorder.observe(&CERTIFIED, outcomes.iter().map(|outcome| outcome.l1_error / goal));
            }
            let start = [alpha.to_string(), format!("{goal:e}")];
            table.row(start.into_iter().chain(means(&outcomes).map(|x| Number(x).to_string())));
        }
    }
    recorder.table(table);
    Ok(())
}
