//! A cluster, or the reason why there is none.

use kiln_graph::diffusions::{HeatKernel, Nibble};
use kiln_graph::flow::{FlowImprove, Mqi};
use kiln_graph::io::read_graph;
use kiln_graph::{
    Adjacency, ClusterLimits, ClusterOutcome, CsrGraph, GraphError, L1Exact, Limits, LocalQuery,
    NoClusterReason, SeedDistribution, SeedRule, SweepLimits,
};
use proptest::prelude::*;

use crate::graphs::{Case, SOLVERS, data_path, karate, problem, volume, wrong_setting};

fn free(limits: ClusterLimits) -> ClusterLimits {
    ClusterLimits { max_share: 1.0, max_conductance: 1.0, ..limits }
}

/// Two triangles joined by an edge.
fn triangles() -> CsrGraph {
    CsrGraph::from_edges(6, [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (4, 5), (3, 5)]).unwrap()
}

fn reason(outcome: ClusterOutcome) -> NoClusterReason {
    outcome.found().unwrap_err()
}

/// A tiny rho used to bring the giant component back, 1,222 nodes of conductance 0: converged, and no cluster.
#[test]
fn the_giant_component_is_no_cluster() {
    let Some(path) = data_path("graph-labelled/polblogs.edges.tsv") else { return };
    let graph = read_graph(path).unwrap();
    let giant = graph.largest_component();
    assert_eq!(giant.len(), 1222);
    for &seed in giant.iter().step_by(100) {
        let (answer, outcome) = LocalQuery::node(seed).rho(1e-6).cluster(&graph).unwrap();
        assert_eq!(answer.mass.len(), 1222);
        match outcome {
            ClusterOutcome::Found(cluster) => {
                assert!(cluster.nodes.contains(&seed) && cluster.volume <= graph.total_volume() / 2.0);
                assert!(cluster.conductance > 0.0 && cluster.conductance <= 0.5);
            }
            ClusterOutcome::NoCluster { because } => panic!("{seed}: {because}"),
        }
        // Asked for the best set whatever it is, it is still there.
        let query = LocalQuery::node(seed).rho(1e-6);
        let all = query.cluster_limits(free(ClusterLimits::default())).cluster(&graph).unwrap().1.found();
        assert_eq!(all.unwrap().nodes, giant);
    }
}

/// Seeds of high degree get nothing at a threshold that suits others: the reason says which would do.
#[test]
fn a_hub_is_told_why() {
    let graph = karate();
    for solver in SOLVERS {
        let (_, outcome) = Case::node(33).rho(0.1).solver(solver).cluster(&graph).unwrap();
        let because = reason(outcome);
        let NoClusterReason::Empty { largest_score } = because else { panic!("{because:?}") };
        assert_eq!(largest_score, 1.0 / graph.degree(33));
        assert!(because.to_string().contains("5.88"), "{because}");
        let (answer, _) = Case::node(33).rho(0.5 * largest_score).solver(solver).cluster(&graph).unwrap();
        assert!(!answer.mass.is_empty());
    }
    // A limit on the work is another matter.
    let none = Limits { max_work: Some(0), ..Limits::default() };
    let (_, outcome) = Case::node(33).rho(1e-3).limits(none).cluster(&graph).unwrap();
    assert_eq!(reason(outcome), NoClusterReason::OutOfWork);
}

#[test]
fn a_set_that_is_tied_to_the_rest_is_no_cluster() {
    // In a complete graph no set is a cluster, whatever the seeds.
    let complete = kiln_graph::generators::complete(9).unwrap();
    for seed in 0..9 {
        let (_, outcome) = LocalQuery::node(seed).rho(1e-4).cluster(&complete).unwrap();
        let because = reason(outcome);
        assert!(matches!(because, NoClusterReason::LooselyTied { max_conductance: 0.5, .. }), "{because}");
    }
    // A node of a ring and its neighbour are: as much to outside as inside, counted from both ends.
    let ring = CsrGraph::from_edges(100, (0..100).map(|u| (u, (u + 1) % 100))).unwrap();
    let limits = ClusterLimits { max_size: Some(2), ..ClusterLimits::default() };
    let query = LocalQuery::node(0).rho(1e-3).cluster_limits(limits);
    assert_eq!(query.cluster(&ring).unwrap().1.found().unwrap().conductance, 0.5);
}

#[test]
fn limits_are_kept_and_named() {
    let graph = triangles();
    let query = LocalQuery::node(0).rho(1e-3);
    let with = |limits| query.clone().cluster_limits(limits).cluster(&graph).unwrap().1;
    let default = ClusterLimits::default();
    assert_eq!(with(default).found().unwrap().nodes, [0, 1, 2]);
    let two = ClusterLimits { max_size: Some(2), ..default };
    assert_eq!(with(two).found().unwrap().nodes, [0, 1]);
    let small = ClusterLimits { max_volume: Some(4.0), ..default };
    assert_eq!(with(small).found().unwrap().nodes, [0, 1]);
    let smaller = reason(with(ClusterLimits { max_volume: Some(1.5), ..default }));
    assert!(matches!(smaller, NoClusterReason::TooLarge { size: 1, volume: 2.0, .. }), "{smaller}");
    let strict = reason(with(ClusterLimits { max_conductance: 0.1, ..default }));
    assert!(matches!(strict, NoClusterReason::LooselyTied { size: 3, .. }), "{strict}");
    for (bad, name) in [
        (ClusterLimits { max_share: 0.0, ..default }, "max_share"),
        (ClusterLimits { max_share: 1.1, ..default }, "max_share"),
        (ClusterLimits { max_share: f64::NAN, ..default }, "max_share"),
        (ClusterLimits { max_conductance: -0.1, ..default }, "max_conductance"),
        (ClusterLimits { max_volume: Some(0.0), ..default }, "max_volume"),
    ] {
        assert_eq!(wrong_setting(query.clone().cluster_limits(bad).cluster(&graph)), name);
        let flow = LocalQuery::node(0).method(Mqi {}).cluster_limits(bad);
        assert_eq!(wrong_setting(flow.cluster(&graph)), name);
    }
    let empty = query.clone().cluster_limits(ClusterLimits { max_size: Some(0), ..default });
    assert!(matches!(empty.cluster(&graph), Err(GraphError::Input(_))));
}

#[test]
fn the_rule_about_seeds() {
    let graph = triangles();
    let rule = |seeds| ClusterLimits { seeds, ..ClusterLimits::default() };
    let query = LocalQuery::new(SeedDistribution::weighted([(0, 9.0), (5, 1.0)])).rho(1e-3);
    let with = |limits| query.clone().cluster_limits(limits).cluster(&graph).unwrap().1;
    assert_eq!(with(rule(SeedRule::Any)).found().unwrap().nodes, [0, 1, 2]);
    assert_eq!(with(rule(SeedRule::Free)).found().unwrap().nodes, [0, 1, 2]);
    let every = reason(with(rule(SeedRule::Every)));
    assert!(matches!(every, NoClusterReason::TooLarge { .. }), "{every}");
    // The second seed's residual stays below the threshold.
    let coarse = query.clone().rho(0.1).cluster_limits(rule(SeedRule::Every));
    assert_eq!(reason(coarse.cluster(&graph).unwrap().1), NoClusterReason::SeedsLeftOut);
}

#[test]
fn every_kind_of_method_judges() {
    let graph = triangles();
    let seeds = SeedDistribution::uniform([0, 1]);
    let limits = ClusterLimits { max_conductance: 0.1, ..ClusterLimits::default() };
    let query = LocalQuery::new(seeds).cluster_limits(limits);
    for outcome in [
        query.clone().method(L1Exact::new(1e-3)).cluster(&graph).unwrap().1,
        query.clone().method(Nibble::new(10, 1e-4)).cluster(&graph).unwrap().1,
        query.clone().method(HeatKernel::new(3.0, 1e-4)).cluster(&graph).unwrap().1,
        query.method(FlowImprove {}).cluster(&graph).unwrap().1,
    ] {
        assert!(matches!(reason(outcome), NoClusterReason::LooselyTied { .. }));
    }
}

#[test]
fn outcomes_survive_json() {
    let graph = triangles();
    let found = LocalQuery::node(0).rho(1e-3).cluster(&graph).unwrap().1;
    let text = serde_json::to_string(&found).unwrap();
    assert!(text.starts_with(r#"{"found":{"nodes":[0,1,2]"#), "{text}");
    assert_eq!(serde_json::from_str::<ClusterOutcome>(&text).unwrap(), found);
    let none = Case::node(33).rho(0.1).cluster(&karate()).unwrap().1;
    let text = serde_json::to_string(&none).unwrap();
    assert!(text.starts_with(r#"{"no-cluster":{"because":{"empty":{"largest_score":"#), "{text}");
    assert_eq!(serde_json::from_str::<ClusterOutcome>(&text).unwrap(), none);
    // Settings may be left out.
    let limits: ClusterLimits = serde_json::from_str(r#"{"seeds":"every"}"#).unwrap();
    assert_eq!(limits, ClusterLimits { seeds: SeedRule::Every, ..ClusterLimits::default() });
    // The reason is an error of the crate as well.
    let error = GraphError::from(reason(none));
    assert!(error.to_string().starts_with("no node got any mass"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// What is found keeps all limits; what is not found is not there, among the prefixes of the sweep.
    #[test]
    fn the_best_allowed_prefix_or_none(
        problem in problem(),
        max_share in 0.05_f64..1.0,
        max_conductance in 0.0_f64..1.0,
        every in any::<bool>(),
        max_size in prop::option::of(1_usize..8),
    ) {
        let graph = problem.graph();
        let rule = if every { SeedRule::Every } else { SeedRule::Any };
        let limits = ClusterLimits { max_share, max_conductance, max_size, seeds: rule, max_volume: None };
        let query = LocalQuery::new(problem.seeds()).alpha(problem.alpha).rho(problem.rho).cluster_limits(limits);
        let (answer, outcome) = query.cluster(&graph).unwrap();
        let seeds: Vec<u64> = answer.seeds.resolve(&graph).unwrap().iter().map(|seed| seed.0).collect();
        let profile = kiln_graph::sweep_profile(&graph, &answer.mass, SweepLimits::default()).unwrap();
        let mut best: Option<(usize, f64)> = None;
        for (size, point) in (1..).zip(&profile) {
            let prefix: Vec<u64> = profile[..size].iter().map(|point| point.node).collect();
            let held = seeds.iter().filter(|seed| prefix.contains(seed)).count();
            if held >= if every { seeds.len() } else { 1 }
                && volume(&graph, prefix.iter().copied()) <= max_share * graph.total_volume() * (1.0 + 1e-11)
                && max_size.is_none_or(|most| size <= most)
                && point.conductance <= max_conductance
                && point.volume < graph.total_volume() * (1.0 - 1e-11)
                && best.is_none_or(|best| point.conductance < best.1)
            {
                best = Some((size, point.conductance));
            }
        }
        let found = outcome.cluster().map(|cluster| (cluster.nodes.len(), cluster.conductance));
        prop_assert_eq!(found, best, "{:?}", outcome);
        // The unit of the weights is nobody's business.
        for unit in [1e-6, 1e6] {
            let edges = problem.edges.iter().map(|&(u, v, weight)| (u, v, weight * unit));
            let scaled = CsrGraph::from_weighted_edges(problem.node_count, edges).unwrap();
            let again = query.cluster(&scaled).unwrap().1.found().ok().map(|cluster| cluster.nodes.len());
            if let (Some(again), Some((size, phi))) = (again, best) {
                let same = profile.get(again - 1).is_some_and(|point| (point.conductance - phi).abs() <= 1e-9);
                prop_assert!(same, "{again} nodes, {size} before");
            }
        }
    }
}
