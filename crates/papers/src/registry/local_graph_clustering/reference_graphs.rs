//! Five small graphs: two versions of Zachary's club, two planted partitions, and one with loops, doubled
//! edges and several components.

use kiln_graph::generators::uniform;
use kiln_graph::{CsrGraph, SeedDistribution};

use kiln_receipts::{Context, ExperimentError, Recorder};

/// A graph with the parameters that are tried on it.
pub(super) struct ReferenceGraph {
    pub(super) name: &'static str,
    pub(super) graph: CsrGraph,
    pub(super) alphas: &'static [f64],
    pub(super) rhos: &'static [f64],
    pub(super) seeds: Vec<SeedDistribution>,
}

/// Weights of the 78 edges of Zachary's club in the order of the embedded file (number of contexts in which
/// two members met; Zachary 1977, figure 3).
const KARATE_WEIGHTS: [u8; 78] = [
    4, 5, 3, 3, 3, 3, 2, 2, 2, 3, 1, 3, 2, 2, 2, 2, 6, 3, 4, 5, 1, 2, 2, 2, 3, 4, 5, 1, 3, 2, 2, 2, 3, 3, 3,
    2, 3, 5, 3, 3, 3, 3, 3, 4, 2, 3, 3, 2, 3, 4, 1, 2, 1, 3, 1, 2, 3, 5, 4, 3, 5, 4, 2, 3, 2, 7, 4, 2, 4, 2,
    2, 4, 2, 3, 3, 4, 4, 5,
];

pub(super) fn karate(context: &Context, recorder: &mut Recorder) -> Result<CsrGraph, ExperimentError> {
    super::protocol::load(context, recorder, "graph-labelled/karate.edges.tsv")
}

/// Blocks of `size` nodes; `u < v` are joined iff `U(seed, n u + v)` is below the probability.
fn planted(blocks: u64, size: u64, inside: f64, across: f64, seed: u64) -> impl Iterator<Item = (u64, u64)> {
    let n = blocks * size;
    (0..n)
        .flat_map(move |u| (u + 1..n).map(move |v| (u, v)))
        .filter(move |&(u, v)| uniform(seed, n * u + v) < if u / size == v / size { inside } else { across })
}

pub(super) fn planted200() -> Result<CsrGraph, ExperimentError> {
    Ok(CsrGraph::from_edges(200, planted(4, 50, 0.3, 0.02, 2021))?)
}

/// All five, with the parameters of Kiln's specification.
pub(super) fn all(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<Vec<ReferenceGraph>, ExperimentError> {
    let node = SeedDistribution::node;
    let karate = karate(context, recorder)?;
    let weighted = karate.edges().zip(KARATE_WEIGHTS).map(|((u, v, _), weight)| (u, v, f64::from(weight)));
    let karate_weighted = CsrGraph::from_weighted_edges(34, weighted)?;
    let planted120 = planted(3, 40, 0.3, 0.03, 7).map(|(u, v)| (u, v, 0.25 + 3.75 * uniform(8, 120 * u + v)));
    let edge_cases = [
        (0, 1, 1.0),
        (1, 1, 1.5),
        (1, 2, 1.0),
        (0, 2, 1.0),
        (0, 2, 2.0),
        (2, 3, 1.0),
        (3, 4, 1.0),
        (3, 5, 1.0),
        (6, 7, 1.0),
        (7, 8, 1.0),
        (10, 11, 1.0),
    ];
    Ok(vec![
        ReferenceGraph {
            name: "karate",
            graph: karate,
            alphas: &[0.01, 0.05, 0.15, 0.5],
            rhos: &[1e-4, 1e-3, 1e-2, 0.05],
            seeds: vec![node(0), node(33), node(16), SeedDistribution::uniform([0, 33])],
        },
        ReferenceGraph {
            name: "karate, weighted",
            graph: karate_weighted,
            alphas: &[0.05, 0.15],
            rhos: &[1e-4, 1e-3, 1e-2],
            seeds: vec![node(0), node(16)],
        },
        ReferenceGraph {
            name: "planted, 200 nodes",
            graph: planted200()?,
            alphas: &[0.02, 0.1, 0.3],
            rhos: &[2e-5, 2e-4, 1e-3],
            seeds: vec![node(0), node(120), SeedDistribution::uniform(0..4)],
        },
        ReferenceGraph {
            name: "planted, 120 nodes, weighted",
            graph: CsrGraph::from_weighted_edges(120, planted120)?,
            alphas: &[0.05, 0.2],
            rhos: &[1e-4, 1e-3],
            seeds: vec![node(0), SeedDistribution::weighted([(60, 0.75), (61, 0.25)])],
        },
        ReferenceGraph {
            name: "edge cases",
            graph: CsrGraph::from_weighted_edges(12, edge_cases)?,
            alphas: &[0.05, 0.3],
            rhos: &[1e-4, 1e-2, 0.1],
            seeds: vec![node(0), node(1), node(6), node(3)],
        },
    ])
}
