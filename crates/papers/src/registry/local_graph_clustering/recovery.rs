//! Recovery of a planted set on the local random model.

use std::collections::BTreeSet;

use kiln_graph::generators::LocalRandomModel;
use kiln_graph::{
    Adjacency, CsrGraph, L1Exact, L1Path, Limits, LocalQuery, Recovery, SeedDistribution, volume,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::protocol::support_excess;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Number, Recorder, Table};

const ALPHA: f64 = 0.1;
const GAMMAS: [f64; 4] = [0.6, 0.75, 0.9, 0.95];
const SEED_NODE: u64 = 0;
const CLUSTER_SIZE: u64 = 100;

/// What one random graph gave.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trial {
    recall: f64,
    /// Volume of the false positives over vol(K).
    false_positives: f64,
    excess: f64,
    /// Exact recovery on the path, as generated and with the seed's outside edges removed.
    exact: bool,
    exact_enclosed: bool,
}

pub(super) fn recovery(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(20);
    let mut table = Table::new(
        "recovery",
        "Recovery of a planted set of 100 among 1,000 nodes, α = 0.1, ρ = γp/(4d̄²)",
        "γ: share of a node's expected degree that stays inside the set. The bound on the false positives' volume \
         is 4/γ² - 1 times that of the set. Exact recovery: some ρ on the path has exactly the set as support.",
        &[
            "p",
            "γ",
            "graphs",
            "recall 1",
            "false positives, mean",
            "largest",
            "bound",
            "exact",
            "exact, seed enclosed",
        ],
    );
    let progress = recorder.progress(2 * GAMMAS.len() as u64, "rows of the local random model");
    let mut figure = Figure::new(
        "recovery",
        "Exact recovery needs a seed whose edges stay inside",
        "Share of random graphs on which some ρ gives exactly the planted set.",
        Axis::linear("γ"),
        Axis::linear("share with exact recovery"),
    );
    for (i, p) in [0.3, 0.5].into_iter().enumerate() {
        let (mut open, mut enclosed) = (Vec::new(), Vec::new());
        for gamma in GAMMAS {
            let trials: Vec<Trial> = recorder.memo(&format!("p {p} gamma {gamma}"), || {
                seeds.par_iter().map(|&seed| trial(p, gamma, seed)).collect()
            })?;
            let share = |holds: fn(&Trial) -> bool| {
                trials.iter().filter(|t| holds(t)).count() as f64 / trials.len() as f64
            };
            let bound = 4.0 / (gamma * gamma) - 1.0;
            let full = share(|t| t.recall == 1.0);
            let (exact, exact_enclosed) = (share(|t| t.exact), share(|t| t.exact_enclosed));
            recorder.record("G2", "excess over the bound", trials.iter().map(|t| t.excess));
            recorder.record("G6", "share of graphs with recall 1, worst row", [full]);
            recorder.record(
                "G6",
                "vol(false positives) / bound",
                trials.iter().map(|t| t.false_positives / bound),
            );
            if gamma >= 0.75 {
                recorder.record("G7", "share of graphs with exact recovery, worst row", [exact_enclosed]);
            }
            if gamma <= 0.9 {
                recorder.record("G7n", "share of graphs with exact recovery, worst row", [exact]);
            }
            let volumes = trials.iter().map(|t| t.false_positives);
            let (mean, largest) = (mean(volumes.clone()), volumes.fold(0.0, f64::max));
            table.row(
                [p, gamma, trials.len() as f64, full, mean, largest, bound, exact, exact_enclosed]
                    .map(Number),
            );
            open.push((gamma, exact));
            enclosed.push((gamma, exact_enclosed));
            progress.inc(1);
        }
        figure = figure.with(Kind::LinePoints, &format!("seed enclosed, p = {p}"), i, enclosed).with(
            Kind::LinePoints,
            &format!("seed open, p = {p}"),
            i + 2,
            open,
        );
    }
    recorder.table(table);
    recorder.figure(figure);
    Ok(())
}

fn trial(p: f64, gamma: f64, seed: u64) -> Result<Trial, ExperimentError> {
    let model = LocalRandomModel::new(p, gamma, seed);
    let rho = gamma * p / (4.0 * model.mean_degree().powi(2));
    let target: Vec<u64> = (0..CLUSTER_SIZE).collect();
    let graph = model.generate()?;
    let query = LocalQuery::node(SEED_NODE).method(L1Exact { alpha: ALPHA, rho });
    let solution = query.run(&graph)?;
    let support: Vec<u64> = solution.support().collect();
    let outside: f64 = support.iter().filter(|&&u| u >= CLUSTER_SIZE).map(|&u| graph.degree(u)).sum();
    let enclosed = LocalRandomModel { enclosed_node: Some(SEED_NODE), ..model }.generate()?;
    Ok(Trial {
        recall: Recovery::of(&graph, &support, &target)?.recall,
        false_positives: outside / volume(&graph, &target)?,
        excess: support_excess(&graph, &solution, rho),
        exact: recovers_exactly(&graph, rho)?,
        exact_enclosed: recovers_exactly(&enclosed, rho)?,
    })
}

/// Whether the support is exactly the target set at some breakpoint of the path down to `rho_min`.
fn recovers_exactly(graph: &CsrGraph, rho_min: f64) -> Result<bool, ExperimentError> {
    let method = L1Path { alpha: ALPHA, ..L1Path::new(rho_min) };
    let path = method.solve(graph, &SeedDistribution::node(SEED_NODE), Limits::default())?;
    let mut support: BTreeSet<u64> = BTreeSet::new();
    for breakpoint in &path.breakpoints {
        support.extend(&breakpoint.entering);
        if support.last().is_some_and(|&u| u >= CLUSTER_SIZE) {
            return Ok(false);
        }
        if support.len() as u64 == CLUSTER_SIZE {
            return Ok(true);
        }
    }
    Ok(false)
}
