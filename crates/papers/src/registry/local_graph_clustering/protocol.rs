//! The authors' protocol: every node of a target set as the only seed, four values of α set by the target's own
//! spectrum, the cluster of least conductance kept.

use std::io::Cursor;

use kiln_graph::io::{ReadOptions, read_edge_list};
use kiln_graph::{
    Adjacency, CsrGraph, LocalQuery, LocalSolution, Recovery, Solver, SweepCut, SweepLimits, Workspace, conductance,
    dirichlet_eigenvalue, sweep,
};
use rayon::prelude::*;

use crate::claim::ExperimentError;
use crate::context::Context;
use crate::recorder::{DataUse, Recorder};

/// A ground-truth set.
pub(super) type Target = (String, Vec<u64>);

/// Reads a graph from the data search path and notes its use.
pub(super) fn load(
    context: &Context,
    recorder: &mut Recorder,
    name: &str,
) -> Result<CsrGraph, ExperimentError> {
    let found = context.data.find(name)?;
    let graph = read_edge_list(Cursor::new(found.read()?), &ReadOptions::default())?;
    recorder.used_data(DataUse {
        name: name.to_owned(),
        route: found.route.to_string(),
        rows: graph.edge_count() as usize,
        sha256: found.sha256,
    });
    Ok(graph)
}

/// Means over seeds of precision, recall, F1 (all volume-weighted) and conductance.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(super) struct Means {
    pub(super) values: [f64; 4],
}

impl Means {
    pub(super) fn f1(&self) -> f64 {
        self.values[2]
    }
}

/// What one method found from the seeds of one target.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Found {
    pub(super) means: Means,
    /// The cluster of each seed.
    pub(super) clusters: Vec<Vec<u64>>,
    /// Largest `rho vol(support) - (1 - |p|_1)` of the ℓ1 solves.
    pub(super) excess: f64,
}

/// How a mass vector becomes a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) enum Method {
    /// Coordinate descent at this tolerance.
    L1 { tolerance: f64 },
    /// APPR on the weighted graph.
    Appr,
    /// APPR walking without weights and ordered by unweighted degree, then a weighted sweep: what the authors' code did.
    ApprIgnoringWeights,
}

/// Runs the protocol for one target: `rho = c / vol(K)`.
pub(super) fn run(
    graph: &CsrGraph,
    target: &[u64],
    seeds: &[u64],
    c: f64,
    method: Method,
) -> Result<Found, ExperimentError> {
    let lambda = dirichlet_eigenvalue(graph, target)?;
    let rho = c / kiln_graph::volume(graph, target)?;
    // The cap never binds on the paper's targets; a set without internal edges would give alpha > 1.
    let alphas = [0.5, 0.875, 1.25, 1.625].map(|factor| f64::min(factor * lambda, 0.99));
    let unweighted = matches!(method, Method::ApprIgnoringWeights).then(|| graph.without_weights());
    let (solver, tolerance) = match method {
        Method::L1 { tolerance } => (Solver::L1Cd, tolerance),
        Method::Appr | Method::ApprIgnoringWeights => (Solver::Appr, 1.0),
    };
    let from_seed = |workspace: &mut Workspace, &seed: &u64| {
        let mut best: Option<SweepCut> = None;
        let mut excess = f64::NEG_INFINITY;
        for alpha in alphas {
            let query = LocalQuery::node(seed).alpha(alpha).rho(rho).tolerance(tolerance).solver(solver);
            let walked = unweighted.as_ref().unwrap_or(graph);
            let solution = query.run_in(walked, workspace)?;
            if matches!(method, Method::L1 { .. }) {
                excess = excess.max(support_excess(graph, &solution, rho));
            }
            // The sweep divides by weighted degrees, so this orders by mass over unweighted degree.
            let mass: Vec<(u64, f64)> = solution
                .mass
                .iter()
                .map(|&(u, p)| (u, p / walked.degree(u) * graph.degree(u)))
                .collect();
            if let Some(cut) = sweep(graph, &mass, SweepLimits::default())?
                && best.as_ref().is_none_or(|best| cut.conductance <= best.conductance)
            {
                best = Some(cut);
            }
        }
        Ok((best.map_or_else(|| vec![seed], |cut| cut.nodes), excess))
    };
    let answers = seeds
        .par_iter()
        .map_init(Workspace::default, from_seed)
        .collect::<Result<Vec<_>, kiln_graph::GraphError>>()?;
    let excess = answers.iter().map(|answer| answer.1).fold(f64::NEG_INFINITY, f64::max);
    let (means, clusters) = judge(graph, target, seeds, answers.into_iter().map(|answer| answer.0).collect())?;
    Ok(Found { means, clusters, excess })
}

/// `rho vol(support) - (1 - ‖p‖₁)`, which is never positive (fact F2 of the specification).
pub(super) fn support_excess(graph: &CsrGraph, solution: &LocalSolution, rho: f64) -> f64 {
    let volume: f64 = solution.support().map(|u| graph.degree(u)).sum();
    rho * volume - (1.0 - solution.mass_l1())
}

/// Scores of clusters against the target; one that misses the target counts as its seed alone.
pub(super) fn judge(
    graph: &CsrGraph,
    target: &[u64],
    seeds: &[u64],
    clusters: Vec<Vec<u64>>,
) -> Result<(Means, Vec<Vec<u64>>), ExperimentError> {
    let mut sums = [0.0; 4];
    let mut kept = Vec::with_capacity(clusters.len());
    for (&seed, mut cluster) in seeds.iter().zip(clusters) {
        let mut recovery = Recovery::of(graph, &cluster, target)?;
        if recovery.f1 == 0.0 {
            cluster = vec![seed];
            recovery = Recovery::of(graph, &cluster, target)?;
        }
        let phi = conductance(graph, &cluster)?;
        for (sum, value) in sums.iter_mut().zip([recovery.precision, recovery.recall, recovery.f1, phi]) {
            *sum += value;
        }
        kept.push(cluster);
    }
    Ok((Means { values: sums.map(|sum| sum / seeds.len() as f64) }, kept))
}
