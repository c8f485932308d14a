//! The graphs of the arena, and a match of several methods on one of them.

use kiln_graph::generators::{HashedPlantedPartition, ImplicitGraph, ImplicitPlanted, mix};
use kiln_graph::{
    Adjacency, Aspr, CsrGraph, GraphError, L1Cd, L1Fista, L1Ista, LocalAnswer, LocalQuery,
    PageRankCertificate, PageRankMethod, WeightUnit,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use kiln_datasets::open;
use kiln_receipts::{Context, ExperimentError, Recorder};

/// Edges of the labelled real graphs, by name.
const REAL: [(&str, &str); 3] = [
    ("email-eu-core", "graph-labelled/email-eu-core.edges.tsv"),
    ("polblogs", "graph-labelled/polblogs.edges.tsv"),
    ("ppi-mips", "graph-labelled/ppi-mips.edges.tsv"),
];

/// A graph of the arena.
pub(super) enum Stage {
    Stored(CsrGraph),
    Implicit(Box<ImplicitGraph>),
}

/// The graphs, with their names. Real ones that are not there are left out, with a note.
pub(super) fn stages(
    context: &Context,
    recorder: &mut Recorder,
) -> Result<Vec<(&'static str, Stage)>, ExperimentError> {
    let mut stages = vec![
        ("planted, 2^40", Stage::Implicit(Box::new(ImplicitPlanted::new(40).generate()?))),
        ("planted, 10^5", Stage::Stored(HashedPlantedPartition::new(100_000).generate()?)),
    ];
    for (name, file) in REAL {
        match context.data.find(file) {
            Ok(found) => {
                let options = kiln_graph::io::ReadOptions::default();
                let graph = kiln_graph::io::read_edge_list(open(&found)?, &options)?;
                recorder.used_file(&found, graph.edge_count() as usize);
                stages.push((name, Stage::Stored(graph)));
            }
            Err(missing) => recorder.note(format!("{file} was left out: {missing}")),
        }
    }
    Ok(stages)
}

/// What one method does from one seed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) edges: f64,
    pub(super) l1_error: f64,
    pub(super) sup_error: f64,
    pub(super) support: f64,
    /// Nodes with mass that the last method of the match gives none.
    pub(super) outside: f64,
}

impl Stage {
    /// The weight that counts as 1 in thresholds.
    pub(super) fn unit(&self) -> f64 {
        match self {
            Self::Stored(graph) => WeightUnit::Mean.on(graph),
            Self::Implicit(graph) => WeightUnit::Mean.on(graph.as_ref()),
        }
    }

    /// Lets all methods answer from each seed's random node, to the ℓ1 error `goal` if there is one. Gives
    /// the outcomes of each method, seed by seed.
    pub(super) fn play(
        &self,
        seeds: &[u64],
        methods: &[PageRankMethod],
        goal: Option<f64>,
    ) -> Result<Vec<Vec<Outcome>>, ExperimentError> {
        match self {
            Self::Stored(graph) => play(graph, seeds, methods, goal),
            Self::Implicit(graph) => play(graph.as_ref(), seeds, methods, goal),
        }
    }
}

fn play(
    graph: &(impl Adjacency + Sync),
    seeds: &[u64],
    methods: &[PageRankMethod],
    goal: Option<f64>,
) -> Result<Vec<Vec<Outcome>>, ExperimentError> {
    let by_seed: Result<Vec<Vec<Outcome>>, ExperimentError> =
        seeds.par_iter().map(|&seed| from_seed(graph, seed, methods, goal)).collect();
    let by_seed = by_seed?;
    let of_method = |i: usize| by_seed.iter().filter_map(|outcomes| outcomes.get(i).copied()).collect();
    Ok((0..methods.len()).map(of_method).collect())
}

/// A random node that has an edge.
pub(super) fn random_node(graph: &impl Adjacency, seed: u64) -> Result<u64, ExperimentError> {
    let mut nodes = (0..1000).map(|i| mix(seed ^ (i << 40)) % graph.node_count());
    Ok(nodes.find(|&node| graph.degree(node) > 0.0).ok_or("no node has an edge")?)
}

fn from_seed(
    graph: &impl Adjacency,
    seed: u64,
    methods: &[PageRankMethod],
    goal: Option<f64>,
) -> Result<Vec<Outcome>, ExperimentError> {
    let query = LocalQuery::node(random_node(graph, seed)?);
    let mut answers = Vec::with_capacity(methods.len());
    for &method in methods {
        let ask = |method| query.clone().method(method).weight_unit(WeightUnit::Mean).run(graph);
        answers.push(match goal {
            Some(goal) => at_error(goal, |tolerance| ask(with_tolerance(method, tolerance)))?,
            None => ask(method)?,
        });
    }
    let last = answers.last().ok_or("no method")?.clone();
    let outcomes = answers.iter().map(|answer| {
        let certificate = answer.certificate;
        Outcome {
            edges: answer.work.edges_touched as f64,
            l1_error: certificate.l1_error,
            sup_error: certificate.sup_error,
            support: answer.mass.len() as f64,
            outside: answer.support().filter(|&node| last.mass_of(node) == 0.0).count() as f64,
        }
    });
    Ok(outcomes.collect())
}

/// The answer at a tolerance at which the certified ℓ1 error is at most `goal`: the first of tolerances from
/// 1 down, each as much smaller as the error must be. Only that answer's work counts.
fn at_error(
    goal: f64,
    ask: impl Fn(f64) -> Result<LocalAnswer<PageRankCertificate>, GraphError>,
) -> Result<LocalAnswer<PageRankCertificate>, GraphError> {
    let mut tolerance = 1.0;
    let mut answer = ask(tolerance)?;
    for _ in 0..30 {
        let error = answer.certificate.l1_error;
        if error <= goal {
            break;
        }
        tolerance *= f64::clamp(0.7 * goal / error, 1e-3, 0.5);
        answer = ask(tolerance)?;
    }
    Ok(answer)
}

fn with_tolerance(method: PageRankMethod, tolerance: f64) -> PageRankMethod {
    match method {
        PageRankMethod::L1Cd(method) => PageRankMethod::L1Cd(L1Cd { tolerance, ..method }),
        PageRankMethod::L1Ista(method) => PageRankMethod::L1Ista(L1Ista { tolerance, ..method }),
        PageRankMethod::L1Fista(method) => PageRankMethod::L1Fista(L1Fista { tolerance, ..method }),
        PageRankMethod::Aspr(method) => PageRankMethod::Aspr(Aspr { tolerance, ..method }),
        exact => exact,
    }
}
