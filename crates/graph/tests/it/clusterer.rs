//! The cluster around seeds with nothing to tune.

use std::collections::BTreeMap;

use kiln_graph::generators::{HashedPlantedPartition, ImplicitPlanted, Lfr, complete, path, star, uniform};
use kiln_graph::io::{Format, ReadOptions, read_graph_with};
use kiln_graph::{
    Adjacency, ClusterLimits, ClusterOutcome, ClusterScores, Clusterer, ClustererAnswer, CountingGraph,
    CsrGraph, GraphError, NetworkCommunityProfile, NoClusterReason, Recovery, SeedDistribution, SeedRule,
    Status,
};
use proptest::prelude::*;

use crate::graphs::{data_path, problem, volume, wrong_setting};

fn cluster(graph: &impl Adjacency, seed: u64) -> ClustererAnswer {
    Clusterer::default().run(graph, &seed.into()).unwrap()
}

fn nodes(answer: ClustererAnswer) -> Vec<u64> {
    answer.outcome.found().unwrap().nodes
}

/// Blocks of sizes 20 to 60 with edges of random weights, each node called `label(node)`.
fn blocks(unit: f64, label: impl Fn(u64) -> u64) -> CsrGraph {
    let block = |u: u64| [20, 50, 90, 150].iter().position(|&end| u < end);
    let pairs = (0..150_u64).flat_map(|u| (u + 1..150).map(move |v| (u, v)));
    let edges =
        pairs.filter(|&(u, v)| uniform(7, 150 * u + v) < if block(u) == block(v) { 0.4 } else { 0.02 });
    let edges = edges.map(|(u, v)| (label(u), label(v), unit * (0.5 + uniform(8, 150 * u + v))));
    CsrGraph::from_weighted_edges(150, edges).unwrap()
}

/// Up to three fifths of the graph: its largest block has 53 % of its volume.
fn wide(graph: &impl Adjacency, seed: u64) -> Vec<u64> {
    let cluster_limits = ClusterLimits { max_share: 0.6, ..Clusterer::default().cluster_limits };
    nodes(Clusterer { cluster_limits, ..Clusterer::default() }.run(graph, &seed.into()).unwrap())
}

#[test]
fn blocks_of_any_size_are_found() {
    let graph = blocks(1.0, |u| u);
    for (seed, block) in [(7, 0..20), (33, 20..50), (77, 50..90)] {
        let block: Vec<u64> = block.collect();
        assert_eq!(nodes(cluster(&graph, seed)), block);
        assert_eq!(wide(&graph, seed), block);
    }
    // The largest block has more than half of the volume: a cluster is that part of it which has not.
    let part = nodes(cluster(&graph, 149));
    assert!(part.iter().all(|node| (90..150).contains(node)) && part.len() > 50, "{part:?}");
    assert_eq!(wide(&graph, 149), (90..150).collect::<Vec<u64>>());
    for (nodes_of_graph, seeds) in [(10_000, [4_321, 17, 9_999]), (100_000, [5, 12_345, 99_999])] {
        let planted = HashedPlantedPartition::new(nodes_of_graph).generate().unwrap();
        for seed in seeds {
            let block: Vec<u64> = (seed / 100 * 100..seed / 100 * 100 + 100).collect();
            assert!(Recovery::of(&planted, &nodes(cluster(&planted, seed)), &block).unwrap().f1 > 0.9);
        }
    }
}

/// Every two neighbours on the ring are a better set than each, and the more the better.
#[test]
fn two_clusters_are_not_one() {
    for (cliques, size) in [(12, 5), (40, 8), (300, 6)] {
        let clique = |i: u64| {
            let pairs = (0..size).flat_map(move |u| (u + 1..size).map(move |v| (u, v)));
            pairs.map(move |(u, v)| (i * size + u, i * size + v))
        };
        let ring = (0..cliques).map(|i| (i * size, (i + 1) % cliques * size + 1));
        let graph = CsrGraph::from_edges(cliques * size, (0..cliques).flat_map(clique).chain(ring)).unwrap();
        for seed in [0, 1, 2, 3 * size + 1] {
            let first = seed / size * size;
            let expected: Vec<u64> = (first..first + size).collect();
            assert_eq!(nodes(cluster(&graph, seed)), expected, "{cliques} cliques of {size}, from {seed}");
        }
    }
}

#[test]
fn what_only_a_limit_ends_is_no_cluster() {
    let nowhere = path(400).unwrap();
    let because = cluster(&nowhere, 200).outcome.found().unwrap_err();
    assert!(matches!(because, NoClusterReason::Endless { .. }), "{because}");
    // Whoever asks for a size gets it.
    let sized = Clusterer { size: Some(20), ..Clusterer::default() };
    assert!((10..=40).contains(&nodes(sized.run(&nowhere, &200.into()).unwrap()).len()));
    // A hub that every node of every block is tied to leaves a block what it is.
    let blocks = HashedPlantedPartition::new(2_000).generate().unwrap();
    let edges = blocks.edges().map(|(u, v, _)| (u, v)).chain((0..2_000).map(|u| (u, 2_000)));
    let graph = CsrGraph::from_edges(2_001, edges).unwrap();
    let block: Vec<u64> = (500..600).collect();
    assert!(Recovery::of(&graph, &nodes(cluster(&graph, 555)), &block).unwrap().f1 > 0.9);
}

#[test]
fn communities_of_a_benchmark_are_found() {
    let lfr = Lfr::new(0.3, 5).generate().unwrap();
    let mut sum = 0.0;
    for seed in (0..1000).step_by(40) {
        let truth: Vec<u64> =
            (0..1000).filter(|&u| lfr.community[u as usize] == lfr.community[seed as usize]).collect();
        sum += Recovery::of(&lfr.graph, &nodes(cluster(&lfr.graph, seed)), &truth).unwrap().f1 / 25.0;
    }
    assert!(sum > 0.85, "mean F1 {sum}");
}

#[test]
fn a_graph_as_large_as_one_likes() {
    let graph = ImplicitPlanted::new(40).generate().unwrap();
    let counting = CountingGraph::new(&graph);
    let answer = cluster(&counting, 197_241_930_332);
    assert!(answer.work.edges_touched <= Clusterer::default().max_work);
    assert!(answer.outcome.found().unwrap().conductance < 0.35);
}

/// The eleven sets of the blind test (`examples/blind_test.rs`), from every 150th member.
#[test]
fn known_sets_of_two_universities() {
    let (mut sum, mut sets) = (0.0, 0);
    for name in ["johns_hopkins55", "colgate88"] {
        let Some(edges) = data_path(&format!("graph/{name}.edges")) else { return };
        let Some(communities) = data_path(&format!("graph/{name}.communities.json")) else { return };
        let graph = read_graph_with(edges, Format::EdgeList, &ReadOptions::default()).unwrap();
        let text = std::fs::read_to_string(communities).unwrap();
        for members in serde_json::from_str::<BTreeMap<String, Vec<u64>>>(&text).unwrap().values() {
            let connected = members.iter().copied().filter(|&u| graph.degree(u) > 0.0);
            let seeds: Vec<SeedDistribution> = connected.step_by(150).map(SeedDistribution::node).collect();
            let mut of_set = 0.0;
            for (answer, seed) in Clusterer::default().run_batch(&graph, &seeds).into_iter().zip(&seeds) {
                // Without a cluster, the seed alone.
                let alone = |_| seed.resolve(&graph).unwrap().iter().map(|seed| seed.0).collect();
                let nodes = answer.unwrap().outcome.found().map_or_else(alone, |cluster| cluster.nodes);
                of_set += Recovery::of(&graph, &nodes, members).unwrap().f1;
            }
            sum += of_set / seeds.len() as f64;
            sets += 1;
        }
    }
    assert_eq!(sets, 11);
    assert!((sum / 11.0 - 0.650).abs() < 0.01, "mean F1 {}", sum / 11.0);
}

#[test]
fn no_cluster_is_invented() {
    for graph in [complete(30).unwrap(), star(30).unwrap()] {
        for seed in [0, 7] {
            let answer = cluster(&graph, seed);
            assert!(answer.outcome.cluster().is_none() && answer.scores.is_none(), "{:?}", answer.outcome);
        }
    }
    let complete = cluster(&complete(30).unwrap(), 3);
    let because = complete.outcome.reason().unwrap();
    assert!(matches!(because, NoClusterReason::LikeRandom { .. }), "{because}");
    assert!(complete.scales.iter().all(|point| point.conductance > 0.5));
    // An edge alone is a component, but of more than half the volume.
    let edge = CsrGraph::from_edges(2, [(0, 1)]).unwrap();
    assert!(cluster(&edge, 0).outcome.cluster().is_none());
    // Two of them: each is a cluster, cut off from the rest.
    let edges = CsrGraph::from_edges(4, [(0, 1), (2, 3)]).unwrap();
    assert_eq!(nodes(cluster(&edges, 0)), [0, 1]);
}

#[test]
fn units_and_labels_change_nothing() {
    let expected = [7, 33, 77, 149].map(|seed| wide(&blocks(1.0, |u| u), seed));
    for (seed, expected) in [7, 33, 77, 149].into_iter().zip(&expected) {
        for unit in [1e-6, 3.0, 1e6] {
            assert_eq!(&wide(&blocks(unit, |u| u), seed), expected, "weights times {unit}");
        }
        for (factor, shift) in [(1, 17), (149, 0), (7, 31)] {
            let label = |u: u64| (factor * u + shift) % 150;
            let mut moved: Vec<u64> = expected.iter().map(|&u| label(u)).collect();
            moved.sort_unstable();
            assert_eq!(wide(&blocks(1.0, label), label(seed)), moved);
        }
    }
}

#[test]
fn a_size_is_kept_within_a_factor_of_two() {
    // Four pairs of blocks of 30; the two of a pair are joined more to each other than to the rest.
    let pair = |u: u64, v: u64| {
        if u / 30 == v / 30 {
            0.5
        } else if u / 60 == v / 60 {
            0.02
        } else {
            0.005
        }
    };
    let pairs = (0..240_u64).flat_map(|u| (u + 1..240).map(move |v| (u, v)));
    let edges = pairs.filter(|&(u, v)| uniform(3, 240 * u + v) < pair(u, v));
    let graph = CsrGraph::from_edges(240, edges).unwrap();
    let sized =
        |size| Clusterer { size: Some(size), ..Clusterer::default() }.run(&graph, &70.into()).unwrap();
    assert_eq!(nodes(sized(25)), (60..90).collect::<Vec<u64>>());
    assert_eq!(nodes(sized(50)), (60..120).collect::<Vec<u64>>());
    let huge = sized(1000).outcome;
    let because = huge.reason().unwrap();
    assert!(matches!(because, NoClusterReason::TooSmall { wanted: 1000, .. }), "{because}");
    assert_eq!(wrong_setting_size(&graph), "size");
}

fn wrong_setting_size(graph: &CsrGraph) -> &'static str {
    wrong_setting(Clusterer { size: Some(0), ..Clusterer::default() }.run(graph, &0.into()))
}

#[test]
fn any_budget_gives_an_answer() {
    let graph = blocks(1.0, |u| u);
    for max_work in [0, 1, 10, 100, 1000, 10_000] {
        let method = Clusterer { max_work, ..Clusterer::default() };
        let answer = method.run(&graph, &33.into()).unwrap();
        assert!(answer.work.edges_touched <= max_work, "{max_work}: {:?}", answer.work);
        assert_eq!(answer.status, Status::WorkLimit);
        if max_work <= 1 {
            assert_eq!(answer.outcome.found(), Err(NoClusterReason::OutOfWork));
        }
    }
    assert_eq!(cluster(&graph, 33).status, Status::Converged);
}

#[test]
fn seeds_and_limits_are_kept() {
    let graph = blocks(1.0, |u| u);
    let seeds = SeedDistribution::uniform([3, 25]);
    let with =
        |cluster_limits| Clusterer { cluster_limits, ..Clusterer::default() }.run(&graph, &seeds).unwrap();
    let every = ClusterLimits { seeds: SeedRule::Every, ..ClusterLimits::default() };
    let both = nodes(with(every));
    assert!(both.contains(&3) && both.contains(&25));
    let any = nodes(with(ClusterLimits::default()));
    assert!(any.contains(&3) || any.contains(&25));
    let small = ClusterLimits { max_size: Some(25), ..ClusterLimits::default() };
    assert!(nodes(with(small)).len() <= 25);
    let bad = Clusterer {
        cluster_limits: ClusterLimits { max_share: 2.0, ..ClusterLimits::default() },
        ..Clusterer::default()
    };
    assert_eq!(wrong_setting(bad.run(&graph, &seeds)), "max_share");
    assert!(matches!(Clusterer::default().run(&graph, &150.into()), Err(GraphError::UnknownNode { .. })));
    let lonely = CsrGraph::from_edges(3, [(0, 1)]).unwrap();
    assert!(matches!(Clusterer::default().run(&lonely, &2.into()), Err(GraphError::IsolatedSeed(2))));
}

#[test]
fn answers_say_what_they_are() {
    let graph = blocks(1.0, |u| u);
    let answer = cluster(&graph, 33);
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<ClustererAnswer>(&text).unwrap().outcome, answer.outcome);
    let settings: Clusterer = serde_json::from_str(r#"{"size":30}"#).unwrap();
    assert_eq!(settings, Clusterer { size: Some(30), ..Clusterer::default() });
    let found = answer.outcome.cluster().unwrap();
    assert_eq!(answer.scores.unwrap(), ClusterScores::of(&graph, &found.nodes).unwrap());
    assert!(answer.scales.windows(2).all(|pair| pair[0].size < pair[1].size));
    // One query a seed, in order, whatever the number of threads.
    let seeds: Vec<SeedDistribution> = (0..150).step_by(10).map(SeedDistribution::node).collect();
    for (seed, batched) in seeds.iter().zip(Clusterer::default().run_batch(&graph, &seeds)) {
        assert_eq!(batched.unwrap(), Clusterer::default().run(&graph, seed).unwrap());
    }
    // As good as the graph's best sets of this size.
    let profile = NetworkCommunityProfile::default().run(&graph, |_| ()).unwrap();
    let ratio = answer.compared_with(&profile).unwrap();
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
    assert_eq!(answer.compared_with(&[]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// On any graph: what is found keeps the limits and is what its scores say.
    #[test]
    fn what_is_found_is_a_cluster(problem in problem()) {
        let graph = problem.graph();
        let answer = Clusterer::default().run(&graph, &problem.seeds()).unwrap();
        match &answer.outcome {
            ClusterOutcome::Found(found) => {
                let scores = ClusterScores::of(&graph, &found.nodes).unwrap();
                prop_assert!((scores.conductance() - found.conductance).abs() <= 1e-9);
                prop_assert!((scores.cut - found.cut).abs() <= 1e-9 && found.conductance <= 0.75 + 1e-9);
                prop_assert!(volume(&graph, found.nodes.iter().copied()) <= graph.total_volume() / 2.0 + 1e-9);
                let seeds = problem.seeds().resolve(&graph).unwrap();
                prop_assert!(seeds.iter().any(|seed| found.nodes.contains(&seed.0)));
                prop_assert_eq!(answer.scores, Some(scores));
            }
            ClusterOutcome::NoCluster { because } => prop_assert!(!because.to_string().is_empty()),
        }
        let again = answer.answer.certify(&graph).unwrap();
        prop_assert!((again.sup_error - answer.answer.certificate.sup_error).abs() <= 1e-9);
    }
}
