//! Recovery of a planted set on the local random model.

use std::collections::BTreeSet;

use kiln_graph::generators::LocalRandomModel;
use kiln_graph::{
    Adjacency, CsrGraph, L1Exact, L1Path, Limits, Recovery, SeedDistribution, WeightUnit, volume,
};
use serde::{Deserialize, Serialize};

use super::claims::{ENCLOSED, EXCESS, FALSE_POSITIVES, OPEN, RECALL};
use super::protocol::{paper_query, support_excess};
use kiln_receipts::statistics::mean;
use kiln_receipts::{Arm, Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Runs, Table};

const ALPHA: f64 = 0.1;
const GAMMAS: [f64; 4] = [0.6, 0.75, 0.9, 0.95];
const SEED_NODE: u64 = 0;

/// The exact solution on one random graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Support {
    recall: f64,
    /// Volume of the false positives over vol(K).
    false_positives: f64,
    excess: f64,
}

/// What one seed gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trial {
    support: Support,
    /// With twice the nodes, in K and in all.
    twice: Support,
    /// Exact recovery on the path, as generated and with the seed's outside edges removed.
    open: bool,
    enclosed: bool,
}

impl Trial {
    fn new(p: f64, gamma: f64, seed: u64) -> Result<Self, ExperimentError> {
        let model = LocalRandomModel::new(p, gamma, seed);
        let twice =
            LocalRandomModel { nodes: 2 * model.nodes, cluster_size: 2 * model.cluster_size, ..model };
        let enclosed = LocalRandomModel { enclosed_node: Some(SEED_NODE), ..model };
        Ok(Self {
            support: support(&model)?,
            twice: support(&twice)?,
            open: recovers_exactly(&model)?,
            enclosed: recovers_exactly(&enclosed)?,
        })
    }
}

pub(super) fn recovery(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(context.pick(20, 50));
    let rows: Vec<_> = [0.3, 0.5].into_iter().flat_map(|p| GAMMAS.map(|gamma| (p, gamma))).collect();
    // A seed makes graphs of different γ from the same numbers, and those would not be independent.
    let arms = (0..).zip(&rows).map(|(row, &(p, gamma))| {
        let name = format!("p = {p}, γ = {gamma}");
        Arm::new(name, &row, move |seed| Trial::new(p, gamma, seed.wrapping_add(row)))
    });
    let runs = recorder.sweep_all(&seeds, arms.collect())?;
    let mut table = Table::new(
        "recovery",
        "Recovery of a planted set of 100 among 1,000 nodes, α = 0.1, ρ = γp/(4d̄²)",
        "γ: share of a node's expected degree that stays inside the set. False positives: their volume over \
         that of the set, which 4/γ² − 1 bounds once recall is 1; also with 200 among 2,000 nodes. Exact \
         recovery: some ρ on the path has exactly the set as support.",
        &[
            "p",
            "γ",
            "graphs",
            "recall 1",
            "false positives, mean",
            "largest",
            "bound",
            "mean, k = 200",
            "exact",
            "exact, seed enclosed",
        ],
    );
    let share =
        |arm: &Runs<Trial>, of: fn(&Trial) -> bool| mean(arm.each(|trial| f64::from(u8::from(of(trial)))));
    for (&(p, gamma), arm) in rows.iter().zip(&runs) {
        recorder.observe(&EXCESS, arm.each(|trial| trial.support.excess.max(trial.twice.excess)));
        recorder.observe(&RECALL, arm.values.iter().map(|trial| trial.support.recall == 1.0));
        if gamma <= 0.75 {
            let volumes = |trial: &Trial| (trial.twice.false_positives, trial.support.false_positives);
            recorder.observe_in(&arm.name, &FALSE_POSITIVES, arm.values.iter().map(volumes));
        }
        if gamma >= 0.75 {
            recorder.observe(&ENCLOSED, arm.values.iter().map(|trial| trial.enclosed));
        }
        if gamma <= 0.9 {
            recorder.observe(&OPEN, arm.values.iter().map(|trial| trial.open));
        }
        let volumes = arm.each(|trial| trial.support.false_positives);
        let cells = [
            p,
            gamma,
            seeds.len() as f64,
            share(arm, |trial| trial.support.recall == 1.0),
            mean(&volumes),
            volumes.iter().copied().fold(0.0, f64::max),
            4.0 / (gamma * gamma) - 1.0,
            mean(arm.each(|trial| trial.twice.false_positives)),
            share(arm, |trial| trial.open),
            share(arm, |trial| trial.enclosed),
        ];
        table.row(cells.map(Number));
    }
    recorder.table(table);

    let mut figure = Figure::new(
        "recovery",
        "Exact recovery needs a seed whose edges stay inside",
        "Share of random graphs on which some ρ gives exactly the planted set.",
        Axis::linear("γ"),
        Axis::linear("share with exact recovery"),
    );
    for (i, (name, enclosed)) in [("seed enclosed", true), ("seed open", false)].into_iter().enumerate() {
        let share = |arm| share(arm, if enclosed { |trial| trial.enclosed } else { |trial| trial.open });
        for (j, arms) in runs.chunks(GAMMAS.len()).enumerate() {
            let p = rows[j * GAMMAS.len()].0;
            let points = GAMMAS.into_iter().zip(arms.iter().map(share));
            figure = figure.with(Kind::LinePoints, &format!("{name}, p = {p}"), 2 * i + j, points);
        }
    }
    recorder.figure(figure);
    Ok(())
}

fn rho(model: &LocalRandomModel) -> f64 {
    model.gamma * model.inside_probability / (4.0 * model.mean_degree().powi(2))
}

fn support(model: &LocalRandomModel) -> Result<Support, ExperimentError> {
    let (graph, rho) = (model.generate()?, rho(model));
    let target: Vec<u64> = (0..model.cluster_size).collect();
    let solution =
        paper_query(SeedDistribution::node(SEED_NODE)).method(L1Exact { alpha: ALPHA, rho }).run(&graph)?;
    let support: Vec<u64> = solution.support().collect();
    let outside: f64 = support.iter().filter(|&&u| u >= model.cluster_size).map(|&u| graph.degree(u)).sum();
    Ok(Support {
        recall: Recovery::of(&graph, &support, &target)?.recall,
        false_positives: outside / volume(&graph, &target)?,
        excess: support_excess(&graph, &solution, rho),
    })
}

/// Whether the support is exactly the target set at some breakpoint of the path down to `ρ`.
fn recovers_exactly(model: &LocalRandomModel) -> Result<bool, ExperimentError> {
    let graph: CsrGraph = model.generate()?;
    let method = L1Path { alpha: ALPHA, weight_unit: WeightUnit::AsGiven, ..L1Path::new(rho(model)) };
    let path = method.solve(&graph, &SeedDistribution::node(SEED_NODE), Limits::default())?;
    let mut support: BTreeSet<u64> = BTreeSet::new();
    for breakpoint in &path.breakpoints {
        support.extend(&breakpoint.entering);
        if support.last().is_some_and(|&u| u >= model.cluster_size) {
            return Ok(false);
        }
        if support.len() as u64 == model.cluster_size {
            return Ok(true);
        }
    }
    Ok(false)
}
