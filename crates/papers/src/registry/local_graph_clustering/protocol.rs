//! The authors' protocol: every node of a target set as the only seed, four values of α set by the target's
//! own spectrum, the cluster of least conductance kept.

use kiln_graph::io::{ReadOptions, read_edge_list};
use kiln_graph::{
    Adjacency, Appr, CsrGraph, L1Cd, LocalAnswer, LocalQuery, PageRankCertificate, PageRankMethod, Recovery,
    SeedDistribution, SweepCut, SweepLimits, WeightUnit, Workspace, conductance, dirichlet_eigenvalue, sweep,
};
use rayon::prelude::*;

use kiln_datasets::open;
use kiln_receipts::{Context, ExperimentError, Recorder};

/// A ground-truth set.
pub(super) type Target = (String, Vec<u64>);

/// Reads a graph from the data search path and notes its use.
pub(super) fn load(
    context: &Context,
    recorder: &mut Recorder,
    name: &str,
) -> Result<CsrGraph, ExperimentError> {
    let found = context.data.find(name)?;
    let graph = read_edge_list(open(&found)?, &ReadOptions::default())?;
    recorder.used_file(&found, graph.edge_count() as usize);
    Ok(graph)
}

/// Means over seeds of precision, recall, F1 (all volume-weighted) and conductance.
pub(super) type Means = [f64; 4];

/// Place of the F1 score among them.
pub(super) const F1: usize = 2;

/// What one method found from the seeds of one target.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Found {
    pub(super) means: Means,
    /// Largest `rho vol(support) - (1 - |p|_1)`; only the ℓ1 method has one.
    pub(super) excess: Option<f64>,
}

/// How a mass vector becomes a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    /// Coordinate descent at this tolerance.
    L1 { tolerance: f64 },
    /// APPR on the weighted graph.
    Appr,
    /// APPR walking without weights and ordered by unweighted degree, then a weighted sweep: what the
    /// authors' code did.
    ApprIgnoringWeights,
}

/// Runs the protocol for one target with `rho = c / vol(K)`: of the four clusters of a seed the one of least
/// conductance is kept, the later on ties.
pub(super) fn run(
    graph: &CsrGraph,
    target: &[u64],
    seeds: &[u64],
    c: f64,
    method: Method,
) -> Result<Found, ExperimentError> {
    let answers = candidates(graph, target, seeds, c, method)?;
    let excess = answers.iter().filter_map(|answer| answer.excess).reduce(f64::max);
    let best = |cuts: Vec<SweepCut>| {
        let best =
            cuts.into_iter().reduce(|best, cut| if cut.conductance <= best.conductance { cut } else { best });
        best.map_or_else(Vec::new, |cut| cut.nodes)
    };
    let clusters = answers.into_iter().map(|answer| best(answer.cuts)).collect();
    Ok(Found { means: judge(graph, target, seeds, clusters)?, excess })
}

/// The clusters of one seed, one for each α that gives any.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) cuts: Vec<SweepCut>,
    excess: Option<f64>,
}

/// The clusters of each seed.
pub(super) fn candidates(
    graph: &CsrGraph,
    target: &[u64],
    seeds: &[u64],
    c: f64,
    method: Method,
) -> Result<Vec<Candidates>, ExperimentError> {
    let lambda = dirichlet_eigenvalue(graph, target)?;
    let rho = c / kiln_graph::volume(graph, target)?;
    // The cap never binds on the paper's targets; a set without internal edges would give alpha > 1.
    let alphas = [0.5, 0.875, 1.25, 1.625].map(|factor| f64::min(factor * lambda, 0.99));
    let unweighted = matches!(method, Method::ApprIgnoringWeights).then(|| graph.without_weights());
    let walked = unweighted.as_ref().unwrap_or(graph);
    let solver = |alpha| match method {
        Method::L1 { tolerance } => PageRankMethod::L1Cd(L1Cd { alpha, tolerance, ..L1Cd::new(rho) }),
        Method::Appr | Method::ApprIgnoringWeights => PageRankMethod::Appr(Appr { alpha, ..Appr::new(rho) }),
    };
    let from_seed = |workspace: &mut Workspace, &seed: &u64| {
        let mut found = Candidates { cuts: Vec::new(), excess: None };
        for alpha in alphas {
            let solution =
                paper_query(SeedDistribution::node(seed)).method(solver(alpha)).run_in(walked, workspace)?;
            if matches!(method, Method::L1 { .. }) {
                let excess = support_excess(graph, &solution, rho);
                found.excess = Some(found.excess.map_or(excess, |largest| largest.max(excess)));
            }
            // The sweep divides by weighted degrees, so this orders by mass over unweighted degree.
            let scaled = |&(u, p): &(u64, f64)| (u, p / walked.degree(u) * graph.degree(u));
            let mass: Vec<(u64, f64)> = solution.mass.iter().map(scaled).collect();
            found.cuts.extend(sweep(graph, &mass, SweepLimits::default())?);
        }
        Ok(found)
    };
    let answers: Result<Vec<_>, kiln_graph::GraphError> =
        seeds.par_iter().map_init(Workspace::default, from_seed).collect();
    Ok(answers?)
}

/// A query whose rho and epsilon are in the paper's unit, also on a graph with weights.
pub(super) fn paper_query(seeds: SeedDistribution) -> LocalQuery {
    LocalQuery::new(seeds).weight_unit(WeightUnit::AsGiven)
}

/// `rho vol(support) - (1 - ‖p‖₁)`, which is never positive (fact F2 of the specification).
pub(super) fn support_excess(graph: &CsrGraph, solution: &LocalAnswer<PageRankCertificate>, rho: f64) -> f64 {
    let volume: f64 = solution.support().map(|u| graph.degree(u)).sum();
    rho * volume - (1.0 - solution.mass_l1())
}

/// Mean scores of clusters against the target. Where a cluster misses the target, precision and recall are
/// those of the seed alone and the conductance stays the cluster's, as the authors computed it.
pub(super) fn judge(
    graph: &CsrGraph,
    target: &[u64],
    seeds: &[u64],
    clusters: Vec<Vec<u64>>,
) -> Result<Means, ExperimentError> {
    let mut sums = [0.0; 4];
    for (&seed, cluster) in seeds.iter().zip(clusters) {
        let cluster = if cluster.is_empty() { vec![seed] } else { cluster };
        let phi = conductance(graph, &cluster)?;
        let hits = cluster.iter().any(|u| target.contains(u));
        let scored = if hits { cluster } else { vec![seed] };
        let Recovery { precision, recall, f1 } = Recovery::of(graph, &scored, target)?;
        for (sum, value) in sums.iter_mut().zip([precision, recall, f1, phi]) {
            *sum += value;
        }
    }
    Ok(sums.map(|sum| sum / seeds.len() as f64))
}
