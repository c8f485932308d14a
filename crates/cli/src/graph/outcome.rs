//! What `kiln cluster` found, with names: this is what is printed, written and drawn, and what `.json` holds.

use std::collections::{HashMap, HashSet};

use kiln_graph::{Adjacency, ClusterScores, CsrGraph, GraphWork, LabelledGraph, Status, SweepPoint};
use serde::Serialize;

use super::ask::{Asked, Compared};
use crate::cli::Failure;

/// The whole answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Outcome {
    /// The program and its version.
    pub(super) program: String,
    /// What was read.
    pub(super) network: Network,
    /// The names that were asked about.
    pub(super) seeds: Vec<String>,
    /// Those of them that no path joins with the first.
    pub(super) seeds_apart: Vec<String>,
    /// Whether the walk follows directions.
    pub(super) directed: bool,
    /// The method with all its settings.
    pub(super) method: serde_json::Value,
    /// The cluster, if there is one.
    pub(super) cluster: Option<Cluster>,
    /// Why there is none.
    pub(super) no_cluster_because: Option<String>,
    /// How it compares with those elsewhere in the network; only where a page is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compared: Option<Compared>,
    /// How far the scores may be from the exact ones.
    pub(super) error_bar: ErrorBar,
    /// Every node that was reached and every member, best first.
    pub(super) scores: Vec<Scored>,
    /// The conductance of the first node, of the first two, and so on, in the order of the scores.
    pub(super) sweep: Vec<f64>,
    /// How many of them have at most half of the network's connections: only those can be clusters.
    pub(super) sweep_to_half: usize,
    /// For which numbers of nodes it is proved that the best by these scores are the best by the exact ones.
    pub(super) proved_prefixes: Vec<usize>,
    /// How the method ended.
    pub(super) status: Status,
    /// What it cost.
    pub(super) work: GraphWork,
}

/// What was read of a file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Network {
    /// The file as it was named.
    pub(super) file: String,
    /// Number of nodes.
    pub(super) nodes: u64,
    /// Number of edges.
    pub(super) edges: u64,
    /// Whether edges have weights other than 1.
    pub(super) weighted: bool,
    /// What the reader has to say: what of the file it did not use.
    pub(super) remarks: Vec<String>,
}

/// The scores of the cluster as a whole.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Cluster {
    /// Number of members.
    pub(super) size: usize,
    /// Share of the members' connections that lead out of the cluster, by weight.
    pub(super) conductance: f64,
    /// Sum of the members' degrees.
    pub(super) volume: f64,
    /// Weight of the edges that leave.
    pub(super) cut: f64,
    /// Weight of the edges inside.
    pub(super) internal_weight: f64,
    /// Share of the pairs of members that are joined, where edges have no weights.
    pub(super) internal_density: f64,
    /// Share of the network's volume.
    pub(super) share_of_network: f64,
}

/// Bounds on the distance of the scores from the exact answer of the same question. They are proved from the graph
/// and the answer alone.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ErrorBar {
    /// No score is farther than this from the exact one.
    pub(super) each: f64,
    /// All scores together, as shares of the walk's time.
    pub(super) together: f64,
}

/// One node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Scored {
    /// Its name.
    pub(super) node: String,
    /// How many times as often as chance the walk from the seeds is here: mass over degree, times the volume of the
    /// network. A constant factor on the weights changes nothing.
    pub(super) score: f64,
    /// Its weighted degree.
    pub(super) degree: f64,
    /// Share of its connections that lead to members, by weight.
    pub(super) inside: f64,
    /// Whether it belongs to the cluster.
    pub(super) member: bool,
    /// Whether it was asked about.
    pub(super) seed: bool,
    /// Its number in the graph.
    #[serde(skip)]
    pub(super) id: u64,
}

impl Network {
    pub(super) fn of(file: &str, graph: &CsrGraph, remarks: Vec<String>) -> Self {
        Self {
            file: file.to_owned(),
            nodes: graph.node_count(),
            edges: graph.edge_count(),
            weighted: graph.is_weighted(),
            remarks,
        }
    }
}

impl Outcome {
    /// Puts names to what was asked and found.
    pub(super) fn new(
        network: Network,
        labelled: &LabelledGraph,
        seeds: &[u64],
        asked: Asked,
    ) -> Result<Self, Failure> {
        let graph = labelled.graph();
        let members: HashSet<u64> = asked.members.iter().flatten().copied().collect();
        let seeds_apart = apart(graph, seeds).into_iter().map(|id| labelled.label(id).to_string()).collect();
        let seeds: HashSet<u64> = seeds.iter().copied().collect();
        let mass: HashMap<u64, f64> = asked.mass.iter().copied().collect();
        let mut ids: Vec<u64> = members.iter().chain(mass.keys()).chain(&seeds).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let unit = graph.total_volume();
        let mut scores: Vec<_> = ids
            .into_iter()
            .map(|id| {
                let degree = graph.degree(id);
                let mass = mass.get(&id).copied().unwrap_or(0.0);
                let mut inside = 0.0;
                graph.neighbors(id, |v, weight| {
                    if members.contains(&v) {
                        inside += weight;
                    }
                });
                Scored {
                    node: labelled.label(id).to_string(),
                    score: if degree > 0.0 { mass / degree * unit } else { 0.0 },
                    degree,
                    inside: if degree > 0.0 { inside / degree } else { 0.0 },
                    member: members.contains(&id),
                    seed: seeds.contains(&id),
                    id,
                }
            })
            .collect();
        scores.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        let cluster = asked.members.as_deref().map(|members| Cluster::of(graph, members)).transpose()?;
        Ok(Self {
            program: format!("kiln {}", env!("CARGO_PKG_VERSION")),
            network,
            seeds: scores.iter().filter(|score| score.seed).map(|score| score.node.clone()).collect(),
            seeds_apart,
            directed: asked.directed,
            method: asked.method,
            cluster,
            no_cluster_because: asked.because,
            compared: asked.compared,
            error_bar: ErrorBar { each: asked.sup_error * unit, together: asked.l1_error },
            scores,
            sweep: asked.sweep.iter().map(|point: &SweepPoint| point.conductance).collect(),
            sweep_to_half: asked.sweep.partition_point(|point| point.volume <= unit / 2.0),
            proved_prefixes: asked.proved,
            status: asked.status,
            work: asked.work,
        })
    }

    /// Whether it is proved that the members are the nodes of best exact scores.
    pub(super) fn members_are_proved_best(&self) -> bool {
        let count = self.members().count();
        count > 0
            && self.scores.iter().take(count).all(|score| score.member)
            && self.proved_prefixes.contains(&count)
    }

    /// The members, best first.
    pub(super) fn members(&self) -> impl Iterator<Item = &Scored> {
        self.scores.iter().filter(|score| score.member)
    }
}

/// The seeds that no path joins with the first.
fn apart(graph: &CsrGraph, seeds: &[u64]) -> Vec<u64> {
    let Some((&first, others)) = seeds.split_first() else { return Vec::new() };
    let mut missing: Vec<u64> = others.iter().copied().filter(|&seed| seed != first).collect();
    let mut seen = HashSet::from([first]);
    let mut next = vec![first];
    while let Some(node) = next.pop() {
        if missing.is_empty() {
            break;
        }
        for &neighbour in graph.neighbor_ids(node) {
            let neighbour = u64::from(neighbour);
            if seen.insert(neighbour) {
                missing.retain(|&seed| seed != neighbour);
                next.push(neighbour);
            }
        }
    }
    missing
}

impl Cluster {
    fn of(graph: &CsrGraph, members: &[u64]) -> Result<Self, Failure> {
        let scores = ClusterScores::of(graph, members)?;
        Ok(Self {
            size: members.len(),
            conductance: scores.conductance(),
            volume: scores.volume,
            cut: scores.cut,
            internal_weight: scores.internal_weight,
            internal_density: scores.internal_density(),
            share_of_network: scores.volume / scores.total_volume,
        })
    }
}
