//! The question to the library: the one place that knows its methods.

use std::io;

use clap::ValueEnum;
use kiln_graph::{
    Appr, ApprOpt, ClusterOutcome, Clusterer, ClustererAnswer, CsrGraph, GraphError, GraphWork, L1Cd,
    L1Exact, L1Fista, L1Ista, LocalAnswer, LocalQuery, NoClusterReason, PageRankCertificate, PageRankMethod,
    SeedDistribution, Status, SweepLimits, SweepPoint, proved_prefixes, sweep_profile, top_k_for_all,
};
use serde_json::{Value, json};

use super::words::Share;
use crate::cli::Failure;

/// What was found, with node numbers.
#[derive(Debug)]
pub(super) struct Asked {
    /// The members, if there is a cluster.
    pub(super) members: Option<Vec<u64>>,
    /// Why there is none.
    pub(super) because: Option<String>,
    /// The scores: mass by node.
    pub(super) mass: Vec<(u64, f64)>,
    /// Bounds on the error of mass over degree at any node, and of all masses together.
    pub(super) sup_error: f64,
    pub(super) l1_error: f64,
    /// The prefixes of the sweep over the scores.
    pub(super) sweep: Vec<SweepPoint>,
    /// The lengths of those prefixes that the exact scores have too.
    pub(super) proved: Vec<usize>,
    /// The method with its settings.
    pub(super) method: Value,
    /// How it ended.
    pub(super) status: Status,
    /// What it cost.
    pub(super) work: GraphWork,
}

/// Methods of PageRank, by their names in the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    /// l1-regularised PageRank, exact up to rounding
    L1Exact,
    /// l1-regularised PageRank by coordinate descent
    L1Cd,
    /// l1-regularised PageRank by proximal gradient steps
    L1Ista,
    /// l1-regularised PageRank by accelerated proximal gradient steps
    L1Fista,
    /// Approximate PageRank by lazy pushes
    Appr,
    /// Approximate PageRank by whole pushes
    ApprOpt,
}

/// The parameters of a method; what is not given has the library's default.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parameters {
    pub(super) method: Option<Method>,
    pub(super) alpha: Option<f64>,
    pub(super) rho: Option<f64>,
}

impl Parameters {
    fn are_given(self) -> bool {
        self.method.is_some() || self.alpha.is_some() || self.rho.is_some()
    }

    /// The method of PageRank that was chosen, or this one.
    fn method_or(self, default: Method) -> PageRankMethod {
        let alpha = self.alpha.unwrap_or(0.1);
        let rho = self.rho.unwrap_or(1e-4);
        match self.method.unwrap_or(default) {
            Method::L1Exact => PageRankMethod::L1Exact(L1Exact { alpha, rho }),
            Method::L1Cd => PageRankMethod::L1Cd(L1Cd { alpha, ..L1Cd::new(rho) }),
            Method::L1Ista => PageRankMethod::L1Ista(L1Ista { alpha, ..L1Ista::new(rho) }),
            Method::L1Fista => PageRankMethod::L1Fista(L1Fista { alpha, ..L1Fista::new(rho) }),
            Method::Appr => PageRankMethod::Appr(Appr { alpha, ..Appr::new(rho) }),
            Method::ApprOpt => PageRankMethod::ApprOpt(ApprOpt { alpha, ..ApprOpt::new(rho) }),
        }
    }
}

/// Asks for the cluster around `seeds`: by the method that was chosen, else by what needs no choice.
pub(super) fn ask(
    graph: &CsrGraph,
    seeds: &[u64],
    size: Option<usize>,
    parameters: Parameters,
) -> Result<Asked, Failure> {
    let seeds = SeedDistribution::uniform(seeds.iter().copied());
    if !parameters.are_given() {
        let clusterer = Clusterer { size, ..Clusterer::default() };
        let ClustererAnswer { outcome, answer, polish, status, work, .. } = clusterer.run(graph, &seeds)?;
        let PageRankCertificate { alpha, rho, .. } = answer.certificate;
        let method =
            json!({ "clusterer": clusterer, "chosen": { "alpha": alpha, "rho": rho, "polish": polish } });
        return Asked::new(graph, outcome, answer, method, (status, work));
    }
    let method = parameters.method_or(Method::L1Exact);
    let (answer, outcome) = LocalQuery::new(seeds).method(method).cluster(graph)?;
    let ended = (answer.status, answer.work);
    Asked::new(graph, outcome, answer, serde_json::to_value(method)?, ended)
}

impl Asked {
    fn new(
        graph: &CsrGraph,
        outcome: ClusterOutcome,
        answer: LocalAnswer<PageRankCertificate>,
        method: Value,
        (status, work): (Status, GraphWork),
    ) -> Result<Self, Failure> {
        let sweep = sweep_profile(graph, &answer.mass, SweepLimits::default())?;
        let (members, because) = match outcome.found() {
            Ok(cluster) => (Some(cluster.nodes), None),
            Err(because) => (None, Some(in_words(because))),
        };
        let PageRankCertificate { sup_error, l1_error, .. } = answer.certificate;
        let proved = proved_prefixes(&sweep, sup_error);
        let mass = answer.mass;
        Ok(Self { members, because, mass, sup_error, l1_error, sweep, proved, method, status, work })
    }
}

/// Why there is no cluster, without the library's names of settings where it can be said so.
fn in_words(because: NoClusterReason) -> String {
    match because {
        NoClusterReason::LooselyTied { size: 1, max_conductance, .. } => {
            format!(
                "every group around it has more than {} of its connections leading out",
                Share(max_conductance)
            )
        }
        NoClusterReason::LooselyTied { size, conductance, max_conductance } => format!(
            "the best group around it, of {size} nodes, has {} of its connections leading out, more than {}",
            Share(conductance),
            Share(max_conductance)
        ),
        NoClusterReason::TooLarge { max_size: None, .. } => {
            "every group that holds it is more than half of the network".to_owned()
        }
        NoClusterReason::Empty { .. } => {
            "the scores that it could have are below --rho; take a smaller one".to_owned()
        }
        other => other.to_string(),
    }
}

/// Hands on, node by node, the `k` nodes where the walk from it spends most of its time, with these shares.
pub(super) fn top(
    graph: &CsrGraph,
    parameters: Parameters,
    k: usize,
    mut sink: impl FnMut(u64, &[(u64, f64)]) -> io::Result<()>,
) -> Result<(), GraphError> {
    let method = parameters.method_or(Method::Appr);
    let query = LocalQuery::new(SeedDistribution::node(0)).method(method);
    top_k_for_all(graph, &query, k, |node, row| Ok(sink(node, row)?)).map(drop)
}
