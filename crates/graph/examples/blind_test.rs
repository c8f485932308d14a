//! The blind test of `Clusterer`: mean F1 on the eleven class years and majors of two universities (Facebook100),
//! against the present solvers with the best fixed parameters of each, which are chosen with the answers in hand.
//!
//! ```text
//! cargo run --release -p kiln-graph --example blind_test -- DATA [STRIDE]
//! ```
//!
//! `DATA` holds `graph/*.edges` and `graph/*.communities.json`; every STRIDE-th member of a set, 20 unless
//! given, is a seed. The rules of `Clusterer` are not tuned on these sets: the first ones were committed before
//! this was first run, and what was changed since, for other graphs, was committed before it was run again.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;

use kiln_graph::diffusions::{HeatKernel, Nibble};
use kiln_graph::io::{Format, ReadOptions, read_graph_with};
use kiln_graph::{
    Adjacency, Appr, ClusterLimits, Clusterer, CsrGraph, GraphError, L1Cd, LocalMethod, LocalQuery, Recovery,
    SeedDistribution, SeedRule, WeightUnit, Workspace,
};
use rayon::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Set {
    graph: usize,
    name: String,
    members: Vec<u64>,
    seeds: Vec<SeedDistribution>,
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("which folder holds the data?")?;
    let stride = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let (mut graphs, mut sets) = (Vec::new(), Vec::new());
    for name in ["johns_hopkins55", "colgate88"] {
        let edges = format!("{data}/graph/{name}.edges");
        let graph = read_graph_with(&edges, Format::EdgeList, &ReadOptions::default())?;
        let text = fs::read_to_string(format!("{data}/graph/{name}.communities.json"))?;
        for (community, members) in serde_json::from_str::<BTreeMap<String, Vec<u64>>>(&text)? {
            let connected = members.iter().copied().filter(|&u| graph.degree(u) > 0.0);
            let seeds = connected.step_by(stride).map(SeedDistribution::node).collect();
            sets.push(Set { graph: graphs.len(), name: format!("{name} {community}"), members, seeds });
        }
        graphs.push(graph);
    }

    let start = std::time::Instant::now();
    let mut none = 0;
    let scores: Vec<f64> = sets
        .iter()
        .map(|set| {
            let graph = &graphs[set.graph];
            let answers = Clusterer::default().run_batch(graph, &set.seeds);
            let mut sum = 0.0;
            for (answer, seed) in answers.into_iter().zip(&set.seeds) {
                let cluster = answer?.outcome.found();
                none += usize::from(cluster.is_err());
                sum += f1(graph, set, cluster.ok().map(|cluster| cluster.nodes), seed)?;
            }
            Ok(sum / set.seeds.len() as f64)
        })
        .collect::<Outcome<_>>()?;
    let seeds: usize = sets.iter().map(|set| set.seeds.len()).sum();
    println!("Clusterer, {seeds} seeds, {none} without a cluster, {:.1?}", start.elapsed());
    for (set, score) in sets.iter().zip(&scores) {
        println!("  {:28} {score:.4}", set.name);
    }
    println!("  mean {:.4}", mean(&scores));

    let alphas = [0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01];
    let rhos = [1e-4, 3e-5, 1e-5, 3e-6, 1e-6];
    let grid = || alphas.into_iter().flat_map(move |alpha| rhos.map(|rho| (alpha, rho)));
    best("ℓ1", &graphs, &sets, grid().map(|(alpha, rho)| L1Cd { alpha, ..L1Cd::new(rho) }))?;
    best("APPR", &graphs, &sets, grid().map(|(alpha, rho)| Appr { alpha, ..Appr::new(rho) }))?;
    let times = [2.0, 5.0, 10.0, 20.0, 40.0];
    let grid = || times.into_iter().flat_map(|t| [1e-4, 1e-5, 1e-6].map(|epsilon| (t, epsilon)));
    best("heat kernel", &graphs, &sets, grid().map(|(t, epsilon)| HeatKernel::new(t, epsilon)))?;
    best("Nibble", &graphs, &sets, grid().map(|(t, epsilon)| Nibble::new(t as u32, epsilon)))?;
    Ok(())
}

/// Runs every setting, with clusters of any kind and with the default limits, and prints the best.
fn best<M>(name: &str, graphs: &[CsrGraph], sets: &[Set], settings: impl Iterator<Item = M>) -> Outcome<()>
where
    M: LocalMethod + Copy + Sync + std::fmt::Debug,
{
    let any =
        ClusterLimits { max_share: 1.0, max_conductance: 1.0, seeds: SeedRule::Free, ..Default::default() };
    let half = ClusterLimits { max_conductance: 1.0, ..ClusterLimits::default() };
    let mut best: Option<(f64, String)> = None;
    for method in settings {
        for limits in [any, half] {
            let of_set = |set: &Set| -> Outcome<f64> {
                let graph = &graphs[set.graph];
                let of_seed = |workspace: &mut Workspace, seeds: &SeedDistribution| -> Outcome<f64> {
                    let query = LocalQuery::new(seeds.clone())
                        .method(method)
                        .cluster_limits(limits)
                        .weight_unit(WeightUnit::AsGiven);
                    let cluster = query.cluster_in(graph, workspace)?.1.found().ok();
                    f1(graph, set, cluster.map(|cluster| cluster.nodes), seeds)
                };
                let scores: Vec<f64> =
                    set.seeds.par_iter().map_init(Workspace::default, of_seed).collect::<Outcome<_>>()?;
                Ok(mean(&scores))
            };
            let score = mean(&sets.iter().map(of_set).collect::<Outcome<Vec<f64>>>()?);
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, format!("{method:?}, clusters of at most {}", limits.max_share)));
            }
        }
    }
    if let Some((score, settings)) = best {
        println!("{name}: mean {score:.4} with {settings}");
    }
    Ok(())
}

/// F1 of a cluster, or of the seed alone where there is none.
fn f1(graph: &CsrGraph, set: &Set, cluster: Option<Vec<u64>>, seed: &SeedDistribution) -> Outcome<f64> {
    let alone = || Ok::<_, GraphError>(seed.resolve(graph)?.iter().map(|seed| seed.0).collect());
    let cluster = cluster.map_or_else(alone, Ok)?;
    Ok(Recovery::of(graph, &cluster, &set.members)?.f1)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
