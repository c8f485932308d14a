//! The question to the library: the one place that knows its methods.

use std::io;

use clap::ValueEnum;
use kiln_graph::{
    Adjacency as _, AlongArcs, Appr, ApprOpt, ClusterOutcome, Clusterer, ClustererAnswer, CsrGraph,
    DirectedGraph, DirectedPush, GraphError, GraphWork, L1Cd, L1Exact, L1Fista, L1Ista, Limits, LocalAnswer,
    LocalQuery, NetworkCommunityProfile, NoClusterReason, PageRankCertificate, PageRankMethod,
    SeedDistribution, Status, SweepLimits, SweepPoint, proved_prefixes, sweep_profile, top_k_for_all,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::Failure;
use crate::numbers::Share;

/// Most edges that a walk along arcs touches if nothing else is said.
const WORK: u64 = 4_000_000;

/// From so many random nodes clusters of all sizes are sought, to compare with.
const COMPARED: usize = 30;

/// What is asked of a network.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) seeds: &'a [u64],
    pub(super) size: Option<usize>,
    pub(super) parameters: Parameters,
    /// What the walk follows, if that is not the network without directions.
    pub(super) arcs: Option<&'a DirectedGraph>,
    /// Whether to compare with clusters elsewhere, which takes its time.
    pub(super) compare: bool,
}

/// How a cluster compares with those elsewhere in the network.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Compared {
    /// From how many random nodes those were sought.
    pub(super) seeds: usize,
    /// The least conductance among those of half to twice the size.
    pub(super) least: f64,
    /// The cluster's over that.
    pub(super) ratio: f64,
    /// The least of each size.
    pub(super) profile: Vec<(usize, f64)>,
}

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
    /// Whether the walk followed directions.
    pub(super) directed: bool,
    /// How it compares with others, if that was asked and can be told.
    pub(super) compared: Option<Compared>,
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

    /// Pushes along arcs.
    fn along(self, arcs: &DirectedGraph) -> AlongArcs<'_> {
        let push = DirectedPush::new(self.rho.unwrap_or(1e-6));
        AlongArcs { arcs, push: DirectedPush { alpha: self.alpha.unwrap_or(push.alpha), ..push } }
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
pub(super) fn ask(graph: &CsrGraph, question: &Question<'_>) -> Result<Asked, Failure> {
    let &Question { seeds, size, parameters, arcs, compare } = question;
    let seeds = SeedDistribution::uniform(seeds.iter().copied());
    if let Some(arcs) = arcs {
        return along(graph, seeds, arcs, parameters);
    }
    if !parameters.are_given() {
        let clusterer = Clusterer { size, ..Clusterer::default() };
        let found = clusterer.run(graph, &seeds)?;
        let compared = if compare { compared(graph, &found)? } else { None };
        let ClustererAnswer { outcome, answer, polish, status, work, .. } = found;
        let PageRankCertificate { alpha, rho, .. } = answer.certificate;
        let method =
            json!({ "clusterer": clusterer, "chosen": { "alpha": alpha, "rho": rho, "polish": polish } });
        let errors = (answer.certificate.sup_error, answer.certificate.l1_error);
        let asked = Asked::new(graph, outcome, &answer, errors, method, (status, work))?;
        return Ok(Asked { compared, ..asked });
    }
    let method = parameters.method_or(Method::L1Exact);
    let (answer, outcome) = LocalQuery::new(seeds).method(method).cluster(graph)?;
    let errors = (answer.certificate.sup_error, answer.certificate.l1_error);
    let ended = (answer.status, answer.work);
    Asked::new(graph, outcome, &answer, errors, serde_json::to_value(method)?, ended)
}

/// Asks for the cluster that a walk along the arcs shows.
fn along(
    graph: &CsrGraph,
    seeds: SeedDistribution,
    arcs: &DirectedGraph,
    parameters: Parameters,
) -> Result<Asked, Failure> {
    let method = parameters.along(arcs);
    // Without a threshold of one's own it goes as far as some work allows.
    let max_work = parameters.rho.is_none().then_some(WORK);
    let limits = Limits { max_work, ..Limits::default() };
    let (answer, outcome) = LocalQuery::new(seeds).method(method).limits(limits).cluster(graph)?;
    let degrees = (0..graph.node_count()).map(|node| graph.degree(node)).filter(|&degree| degree > 0.0);
    // A score is mass over degree, so its error is largest where the degree is least.
    let least = degrees.fold(f64::INFINITY, f64::min);
    let l1_error = answer.certificate.l1_error;
    let errors = (l1_error / least, l1_error);
    let settings = json!({ "along-arcs": method.push });
    let asked = Asked::new(graph, outcome, &answer, errors, settings, (answer.status, answer.work))?;
    Ok(Asked { directed: true, ..asked })
}

/// Compares a cluster with those around random nodes.
fn compared(graph: &CsrGraph, found: &ClustererAnswer) -> Result<Option<Compared>, GraphError> {
    let Some(cluster) = found.outcome.cluster() else { return Ok(None) };
    let profile = NetworkCommunityProfile { seeds: COMPARED, ..NetworkCommunityProfile::default() };
    let points = profile.run(graph, |_| ())?;
    let compared = found.compared_with(&points).filter(|ratio| ratio.is_finite());
    Ok(compared.map(|ratio| Compared {
        seeds: COMPARED.min(usize::try_from(graph.node_count()).unwrap_or(COMPARED)),
        least: cluster.conductance / ratio,
        ratio,
        profile: points.iter().map(|point| (point.size, point.conductance)).collect(),
    }))
}

impl Asked {
    fn new<C>(
        graph: &CsrGraph,
        outcome: ClusterOutcome,
        answer: &LocalAnswer<C>,
        (sup_error, l1_error): (f64, f64),
        method: Value,
        (status, work): (Status, GraphWork),
    ) -> Result<Self, Failure> {
        let sweep = sweep_profile(graph, &answer.mass, SweepLimits::default())?;
        let (members, because) = match outcome.found() {
            Ok(cluster) => (Some(cluster.nodes), None),
            Err(because) => (None, Some(in_words(because, answer.seeds.resolve(graph)?.len()))),
        };
        let proved = proved_prefixes(&sweep, sup_error);
        let mass = answer.mass.clone();
        Ok(Self {
            members,
            because,
            mass,
            sup_error,
            l1_error,
            sweep,
            proved,
            directed: false,
            compared: None,
            method,
            status,
            work,
        })
    }
}

/// Why there is no cluster, without the library's names of settings where it can be said so.
fn in_words(because: NoClusterReason, seeds: usize) -> String {
    let [it, has, tied, scores] = if seeds == 1 {
        ["it", "it has", "it is tied", "it could have"]
    } else {
        ["them", "they have", "they are tied", "they could have"]
    };
    let nodes = |size: usize| if size == 1 { "1 node".to_owned() } else { format!("{size} nodes") };
    match because {
        NoClusterReason::LooselyTied { size: 1, max_conductance, .. } => {
            format!(
                "every group around {it} has more than {} of its connections leading out",
                Share(max_conductance)
            )
        }
        NoClusterReason::LooselyTied { size, conductance, max_conductance } => format!(
            "the best group around {it}, of {}, has {} of its connections leading out, more than {}",
            nodes(size),
            Share(conductance),
            Share(max_conductance)
        ),
        NoClusterReason::LikeRandom { size, conductance, random } => format!(
            "the best group around {it}, of {}, has {} of its connections leading out, and a random group that \
             large would have about {}",
            nodes(size),
            Share(conductance),
            Share(random)
        ),
        NoClusterReason::Endless { size, conductance } => format!(
            "the groups around {it} become clearer all the way to the largest that was looked at; the best has {}, and \
             {} of its connections lead out: {tied} to everything, or the cluster is larger; --size asks for one of \
             about so many nodes",
            nodes(size),
            Share(conductance)
        ),
        NoClusterReason::TooSmall { largest, wanted } => format!(
            "no group of about {wanted} nodes was seen: the largest that was looked at has {largest}; --size may \
             be smaller"
        ),
        NoClusterReason::SeedsLeftOut => {
            "the walk stays elsewhere; take smaller values of --alpha and --rho".to_owned()
        }
        NoClusterReason::OutOfWork => format!("{has} more connections than are looked at"),
        NoClusterReason::TooLarge { max_size: None, .. } => {
            format!("every group that holds {it} is more than half of the network")
        }
        NoClusterReason::TooLarge { size, max_size: Some(most), .. } => format!(
            "the smallest group that holds {it} has {}, more than {most} or than half of the network; --size may be \
             larger",
            nodes(size)
        ),
        NoClusterReason::Empty { .. } => {
            format!("the scores that {scores} are below --rho; take a smaller one")
        }
        other => other.to_string(),
    }
}

/// Hands on, node by node, the `k` nodes where the walk from it spends most of its time, with these shares.
pub(super) fn top(
    (graph, arcs): (&CsrGraph, Option<&DirectedGraph>),
    parameters: Parameters,
    k: usize,
    mut sink: impl FnMut(u64, &[(u64, f64)]) -> io::Result<()>,
) -> Result<(), GraphError> {
    if let Some(arcs) = arcs {
        let query = LocalQuery::node(0).method(parameters.along(arcs));
        return top_k_for_all(graph, &query, k, |node, row| Ok(sink(node, row)?)).map(drop);
    }
    let method = parameters.method_or(Method::Appr);
    let query = LocalQuery::new(SeedDistribution::node(0)).method(method);
    top_k_for_all(graph, &query, k, |node, row| Ok(sink(node, row)?)).map(drop)
}
