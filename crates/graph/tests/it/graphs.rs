//! Graphs, random problems, dense answers to compare with and files that several tests use.

use std::path::PathBuf;

use kiln_core::InputError;
use kiln_graph::io::{ReadOptions, read_edge_list};
use kiln_graph::{
    Adjacency, Appr, ApprOpt, Clustering, CsrGraph, GraphError, L1Cd, L1Exact, L1Fista, L1Ista, Limits,
    LocalAnswer, LocalMethod, LocalQuery, LocalQuestion, PageRankCertificate, PageRankMethod,
    PageRankProblem, QueueOrder, Result, SeedDistribution, WeightUnit, Workspace,
};
use proptest::prelude::*;

/// The methods of PageRank.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Solver {
    Appr,
    ApprOpt,
    L1Cd,
    L1Ista,
    L1Fista,
    L1Exact,
}

/// All of them.
pub(crate) const SOLVERS: [Solver; 6] =
    [Solver::Appr, Solver::ApprOpt, Solver::L1Cd, Solver::L1Ista, Solver::L1Fista, Solver::L1Exact];

/// Those that answer the l1 problem.
pub(crate) const L1_SOLVERS: [Solver; 4] = [Solver::L1Cd, Solver::L1Ista, Solver::L1Fista, Solver::L1Exact];

/// One set of numbers for a query to any of the PageRank methods, which take what they know.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    seeds: SeedDistribution,
    solver: Solver,
    alpha: f64,
    rho: f64,
    tolerance: f64,
    order: QueueOrder,
    max_iterations: u64,
    limits: Limits,
}

macro_rules! setters {
    ($($name:ident: $kind:ty),*) => {$(
        pub(crate) fn $name(self, $name: $kind) -> Self {
            Self { $name, ..self }
        }
    )*};
}

impl Case {
    pub(crate) fn new(seeds: SeedDistribution) -> Self {
        Self {
            seeds,
            solver: Solver::L1Cd,
            alpha: 0.1,
            rho: 1e-4,
            tolerance: 1e-2,
            order: QueueOrder::Fifo,
            max_iterations: 1_000_000,
            limits: Limits::default(),
        }
    }

    pub(crate) fn node(seed: u64) -> Self {
        Self::new(SeedDistribution::node(seed))
    }

    setters! {
        solver: Solver, alpha: f64, rho: f64, tolerance: f64, order: QueueOrder, max_iterations: u64,
        limits: Limits
    }

    pub(crate) fn method(&self) -> PageRankMethod {
        let Self { solver, alpha, rho, tolerance, order, max_iterations, .. } = *self;
        match solver {
            Solver::Appr => PageRankMethod::Appr(Appr { alpha, epsilon: rho, order }),
            Solver::ApprOpt => PageRankMethod::ApprOpt(ApprOpt { alpha, epsilon: rho, order }),
            Solver::L1Cd => PageRankMethod::L1Cd(L1Cd { alpha, rho, tolerance, order }),
            Solver::L1Ista => PageRankMethod::L1Ista(L1Ista { alpha, rho, tolerance, max_iterations }),
            Solver::L1Fista => PageRankMethod::L1Fista(L1Fista { alpha, rho, tolerance, max_iterations }),
            Solver::L1Exact => PageRankMethod::L1Exact(L1Exact { alpha, rho }),
        }
    }

    pub(crate) fn query(&self) -> LocalQuery<PageRankMethod> {
        // Tests speak of rho and epsilon as the papers do.
        let query = LocalQuery::new(self.seeds.clone()).method(self.method()).limits(self.limits);
        query.weight_unit(WeightUnit::AsGiven)
    }

    pub(crate) fn run(&self, graph: &impl Adjacency) -> Result<LocalAnswer<PageRankCertificate>> {
        self.query().run(graph)
    }

    pub(crate) fn cluster(&self, graph: &impl Adjacency) -> Result<Clustering<PageRankCertificate>> {
        self.query().cluster(graph)
    }
}

/// Asks a method about `seeds`, without limits.
pub(crate) fn ask<M: LocalMethod>(
    method: &M,
    graph: &impl Adjacency,
    seeds: &SeedDistribution,
) -> Result<LocalAnswer<M::Certificate>> {
    ask_within(method, graph, seeds, Limits::default())
}

pub(crate) fn ask_within<M: LocalMethod>(
    method: &M,
    graph: &impl Adjacency,
    seeds: &SeedDistribution,
    limits: Limits,
) -> Result<LocalAnswer<M::Certificate>> {
    let mut workspace = Workspace::default();
    let question = LocalQuestion::new(graph, seeds, limits, &mut workspace)?;
    method.solve(&mut question.with_weight_unit(WeightUnit::AsGiven))
}

/// The cluster that a method finds, without limits.
pub(crate) fn cluster_by<M: LocalMethod>(
    method: &M,
    graph: &impl Adjacency,
    seeds: &SeedDistribution,
) -> Result<Clustering<M::Certificate>> {
    let mut workspace = Workspace::default();
    let question = LocalQuestion::new(graph, seeds, Limits::default(), &mut workspace)?;
    method.cluster(&mut question.with_weight_unit(WeightUnit::AsGiven))
}

/// The certificate of any mass vector.
pub(crate) fn certify(
    graph: &impl Adjacency,
    seeds: &SeedDistribution,
    alpha: f64,
    rho: f64,
    mass: &[(u64, f64)],
) -> Result<PageRankCertificate> {
    PageRankProblem { seeds: seeds.clone(), alpha, rho }.certify(graph, mass)
}

/// The setting that an error is about.
pub(crate) fn wrong_setting<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(GraphError::Input(InputError::Setting { name, .. })) => name,
        other => panic!("no wrong setting: {other:?}"),
    }
}

/// Zachary's karate club, 34 nodes and 78 edges: each node with its larger neighbours.
const KARATE: &[(u64, &[u64])] = &[
    (0, &[1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31]),
    (1, &[2, 3, 7, 13, 17, 19, 21, 30]),
    (2, &[3, 7, 8, 9, 13, 27, 28, 32]),
    (3, &[7, 12, 13]),
    (4, &[6, 10]),
    (5, &[6, 10, 16]),
    (6, &[16]),
    (8, &[30, 32, 33]),
    (9, &[33]),
    (13, &[33]),
    (14, &[32, 33]),
    (15, &[32, 33]),
    (18, &[32, 33]),
    (19, &[33]),
    (20, &[32, 33]),
    (22, &[32, 33]),
    (23, &[25, 27, 29, 32, 33]),
    (24, &[25, 27, 31]),
    (25, &[31]),
    (26, &[29, 33]),
    (27, &[33]),
    (28, &[31, 33]),
    (29, &[32, 33]),
    (30, &[32, 33]),
    (31, &[32, 33]),
    (32, &[33]),
];

pub(crate) fn karate() -> CsrGraph {
    let edges = KARATE.iter().flat_map(|&(u, list)| list.iter().map(move |&v| (u, v)));
    CsrGraph::from_edges(34, edges).unwrap()
}

pub(crate) fn volume(graph: &impl Adjacency, nodes: impl IntoIterator<Item = u64>) -> f64 {
    nodes.into_iter().map(|u| graph.degree(u)).sum()
}

pub(crate) fn l1_distance(x: &[(u64, f64)], y: &[(u64, f64)]) -> f64 {
    differences(x, y).map(f64::abs).sum()
}

/// `x_u - y_u` for every node of either.
pub(crate) fn differences(x: &[(u64, f64)], y: &[(u64, f64)]) -> impl Iterator<Item = f64> {
    let mut difference: std::collections::BTreeMap<u64, f64> = x.iter().copied().collect();
    for &(node, value) in y {
        *difference.entry(node).or_default() -= value;
    }
    difference.into_values()
}

/// A small random problem: loops, parallel edges, several components and isolated nodes all occur.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) node_count: u64,
    pub(crate) edges: Vec<(u64, u64, f64)>,
    pub(crate) seeds: Vec<(u64, f64)>,
    pub(crate) alpha: f64,
    pub(crate) rho: f64,
}

impl Problem {
    pub(crate) fn graph(&self) -> CsrGraph {
        CsrGraph::from_weighted_edges(self.node_count, self.edges.iter().copied()).unwrap()
    }

    pub(crate) fn seeds(&self) -> SeedDistribution {
        SeedDistribution::weighted(self.seeds.iter().copied())
    }

    pub(crate) fn query(&self, solver: Solver) -> Case {
        Case::new(self.seeds()).alpha(self.alpha).rho(self.rho).solver(solver)
    }
}

pub(crate) fn problem() -> impl Strategy<Value = Problem> {
    (2_u64..14).prop_flat_map(|node_count| {
        let unit = prop::collection::vec((0..node_count, 0..node_count, Just(1.0)), 1..40);
        let weighted = prop::collection::vec((0..node_count, 0..node_count, 0.1_f64..4.0), 1..40);
        let seeds = prop::collection::vec((any::<prop::sample::Index>(), 0.1_f64..2.0), 1..4);
        let rho = (-9.0_f64..0.5).prop_map(f64::exp);
        (prop_oneof![unit, weighted], seeds, 0.02_f64..0.9, rho).prop_map(
            move |(edges, seeds, alpha, rho)| {
                let seeds = seeds.into_iter().map(|(edge, weight)| (edge.get(&edges).0, weight)).collect();
                Problem { node_count, edges, seeds, alpha, rho }
            },
        )
    })
}

/// Graphs of 2 to `most` nodes with weights, self-loops, isolated nodes and several components; never without
/// edges.
pub(crate) fn weighted_graph(most: u64) -> impl Strategy<Value = CsrGraph> {
    (2..=most)
        .prop_flat_map(|n| (Just(n), prop::collection::vec((0..n, 0..n, 1_u32..40), 1..3 * n as usize)))
        .prop_map(|(n, edges)| {
            let weighted = edges.into_iter().map(|(u, v, w)| (u, v, f64::from(w) / 8.0));
            CsrGraph::from_weighted_edges(n, weighted).unwrap()
        })
}

/// A graph and a nonempty set of its nodes with an edge.
pub(crate) fn graph_and_set(most: u64) -> impl Strategy<Value = (CsrGraph, Vec<u64>)> {
    (weighted_graph(most), any::<u64>()).prop_map(|(graph, bits)| {
        let connected: Vec<u64> = (0..graph.node_count()).filter(|&u| graph.degree(u) > 0.0).collect();
        let mut set: Vec<u64> = connected.iter().copied().filter(|u| bits >> u & 1 == 1).collect();
        if set.is_empty() {
            set.push(connected[bits as usize % connected.len()]);
        }
        (graph, set)
    })
}

/// The weight matrix.
pub(crate) fn dense(graph: &CsrGraph) -> Vec<Vec<f64>> {
    let n = graph.node_count() as usize;
    let mut matrix = vec![vec![0.0; n]; n];
    for (u, v, weight) in graph.edges() {
        matrix[u as usize][v as usize] = weight;
        matrix[v as usize][u as usize] = weight;
    }
    matrix
}

/// A file of reference outputs as JSON.
pub(crate) fn reference_json(name: &str) -> serde_json::Value {
    serde_json::from_str(&kiln_tests::reference_text(&format!("graph/{name}.json"))).unwrap()
}

/// An edge list of the reference as a graph; the number of nodes is found out if it is not given.
pub(crate) fn reference_graph(name: &str, node_count: Option<u64>) -> CsrGraph {
    let options = ReadOptions { node_count, ..ReadOptions::default() };
    read_edge_list(kiln_tests::reference_text(&format!("graph/{name}.edges")).as_bytes(), &options).unwrap()
}

/// Where a file of the data sets lies. `None`, and a visible note, if it is not there.
pub(crate) fn data_path(name: &str) -> Option<PathBuf> {
    kiln_tests::data_with(name).map(|folder| folder.join(name))
}
