//! Work that does not depend on the graph's size, and how tight its bounds are.

use kiln_graph::generators::{HashedPlantedPartition, ImplicitPlanted, mix, star};
use kiln_graph::{Adjacency, Appr, L1Cd, L1Fista, L1Ista, LocalQuery, Workspace};
use serde::{Deserialize, Serialize};

use super::claims::{EVER_ACTIVE, EXCESS, PLANTED_WORK, SAME_WORK, STAR_WORK};
use super::protocol::support_excess;
use kiln_receipts::statistics::mean;
use kiln_receipts::{Axis, Context, ExperimentError, Figure, Kind, Recorder, Table};

const ALPHA: f64 = 0.05;
const EPSILON: f64 = 1e-4;
/// Of the implicit graphs, as powers of 2.
const SIZES: [u32; 5] = [14, 20, 26, 32, 40];

#[derive(Debug, Serialize, Deserialize)]
struct Size {
    nodes: f64,
    appr: Vec<f64>,
    l1: Vec<f64>,
}

/// Edges touched by APPR and by coordinate descent from the given nodes.
fn edges_touched(graph: &impl Adjacency, seeds: &[u64]) -> Result<Size, ExperimentError> {
    let mut workspace = Workspace::default();
    let mut size = Size { nodes: graph.node_count() as f64, appr: Vec::new(), l1: Vec::new() };
    for &seed in seeds {
        let query = LocalQuery::node(mix(seed) % graph.node_count()).alpha(ALPHA).rho(EPSILON);
        let appr = Appr { alpha: ALPHA, ..Appr::new(EPSILON) };
        let appr = query.clone().method(appr).run_in(graph, &mut workspace)?;
        let l1 = query.run_in(graph, &mut workspace)?;
        size.appr.push(appr.work.edges_touched as f64);
        size.l1.push(l1.work.edges_touched as f64);
    }
    Ok(size)
}

pub(super) fn work(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let seeds = context.seeds(50);
    let mut table = Table::new(
        "work",
        "Edges touched by one query, α = 0.05, ε = ρ = 1e-4",
        "Means over random seeds. A query on 10^12 nodes costs what it costs on 10^4.",
        &["graph", "nodes", "APPR, mean", "APPR, largest", "bound 1/(αε)", "ℓ1, mean"],
    );
    let bound = 1.0 / (ALPHA * EPSILON);
    let mut row = |graph: &str, size: &Size| {
        let largest = size.appr.iter().copied().fold(0.0, f64::max);
        table.numbers([graph], [size.nodes, mean(&size.appr), largest, bound, mean(&size.l1)]);
    };
    let mut implicit = Vec::new();
    for bits in SIZES {
        let size: Size = recorder.memo(&format!("implicit {bits}"), || {
            edges_touched(&ImplicitPlanted::new(bits).generate()?, &seeds)
        })?;
        recorder.observe(&PLANTED_WORK, size.appr.iter().map(|edges| edges / bound));
        row("implicit planted", &size);
        implicit.push(size);
    }
    for (size, bits) in implicit.iter().zip(SIZES).skip(1) {
        let pairs = size.appr.iter().copied().zip(implicit[0].appr.iter().copied());
        recorder.observe_in(format!("2^{bits} nodes"), &SAME_WORK, pairs);
    }

    let mut stored = Vec::new();
    for exponent in context.pick(4..=6, 4..=7) {
        let size: Size = recorder.memo(&format!("stored {exponent}"), || {
            edges_touched(&HashedPlantedPartition::new(10_u64.pow(exponent)).generate()?, &seeds)
        })?;
        row("hashed planted partition", &size);
        stored.push(size);
    }
    let points = |sizes: &[Size], of: fn(&Size) -> &[f64]| {
        sizes.iter().map(|size| (size.nodes, mean(of(size)))).collect::<Vec<_>>()
    };
    recorder.figure(
        Figure::new(
            "work-against-size",
            "The work of a local query does not depend on the graph's size",
            "Mean number of edges touched from random seeds, α = 0.05, ε = ρ = 1e-4. The dashed line is the \
             bound on APPR's work.",
            Axis::log("nodes in the graph"),
            Axis::log("edges touched"),
        )
        .with(Kind::LinePoints, "APPR, implicit planted graph", 0, points(&implicit, |s| &s.appr))
        .with(Kind::LinePoints, "ℓ1, implicit planted graph", 1, points(&implicit, |s| &s.l1))
        .with(Kind::LinePoints, "APPR, hashed planted partition", 2, points(&stored, |s| &s.appr))
        .with(Kind::LinePoints, "ℓ1, hashed planted partition", 3, points(&stored, |s| &s.l1))
        .with(Kind::Dashed, "bound 1/(αε)", 4, implicit.iter().map(|size| (size.nodes, bound))),
    );
    recorder.table(table);
    Ok(())
}

pub(super) fn stars(_: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    for epsilon in [1e-2_f64, 1e-3, 1e-4, 1e-5, 1e-6] {
        let graph = star((1.0 / (8.0 * epsilon)).floor() as u64)?;
        for alpha in [0.01, 0.05, 0.1, 0.2, 0.5] {
            let query = LocalQuery::node(0).method(Appr { alpha, ..Appr::new(epsilon) });
            let spent = query.run(&graph)?.work.edges_touched as f64 * alpha * epsilon;
            recorder.observe(&STAR_WORK, [spent]);
        }
    }
    Ok(())
}

pub(super) fn fista(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut table = Table::new(
        "fista",
        "Nodes that FISTA activates beyond the solution's support, planted partitions of 10^4 nodes, α = \
         .01, ρ = 2e-5",
        "One row a random graph; tolerance 1e-6.",
        &[
            "graph seed",
            "support",
            "ever active, ISTA",
            "ever active, FISTA",
            "edges, ISTA",
            "edges, FISTA",
            "edges, coordinate descent",
        ],
    );
    let rho = 2e-5;
    for seed in context.seeds(5) {
        let graph =
            HashedPlantedPartition { rng_seed: seed, ..HashedPlantedPartition::new(10_000) }.generate()?;
        let (alpha, tolerance) = (0.01, 1e-6);
        let query = LocalQuery::node(0);
        let ista = query.clone().method(L1Ista { alpha, tolerance, ..L1Ista::new(rho) }).run(&graph)?;
        let fista = query.clone().method(L1Fista { alpha, tolerance, ..L1Fista::new(rho) }).run(&graph)?;
        let descent = query.method(L1Cd { alpha, tolerance, ..L1Cd::new(rho) }).run(&graph)?;
        let support = ista.mass.len() as f64;
        recorder.observe(&EVER_ACTIVE, [fista.work.nodes_ever_active as f64 / support]);
        recorder.observe(&EXCESS, [&ista, &descent].map(|solution| support_excess(&graph, solution, rho)));
        let edges = [&ista, &fista, &descent].map(|solution| solution.work.edges_touched);
        let active = [&ista, &fista].map(|solution| solution.work.nodes_ever_active);
        table.row([seed, ista.mass.len() as u64].into_iter().chain(active).chain(edges));
    }
    recorder.table(table);
    Ok(())
}
