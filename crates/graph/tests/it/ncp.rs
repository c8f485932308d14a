//! The network community profile.

use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_graph::{
    ClusterScores, CsrGraph, GraphError, LocalQuery, NetworkCommunityProfile, SweepLimits, sweep_profile,
};

/// 30 cliques of 6 to 12 nodes in a ring.
fn ring_of_cliques() -> CsrGraph {
    let mut edges = Vec::new();
    let mut first = 0;
    for c in 0..30 {
        let size = 6 + c % 7;
        edges.extend((0..size).flat_map(|i| (i + 1..size).map(move |j| (first + i, first + j))));
        edges.push((first + size - 1, first + size));
        first += size;
    }
    edges.last_mut().unwrap().1 = 0;
    CsrGraph::from_edges(first, edges).unwrap()
}

fn profile() -> NetworkCommunityProfile {
    NetworkCommunityProfile {
        seeds: 40,
        rng_seed: 7,
        alphas: vec![0.1, 0.02],
        rhos: vec![1e-2, 1e-3],
        bins_per_decade: 30,
    }
}

#[test]
fn points_are_sets_of_that_conductance_and_none_found_is_better() {
    let graph = ring_of_cliques();
    let profile = profile();
    let done = AtomicUsize::new(0);
    let points = profile
        .run(&graph, |count| {
            assert!((1..=40).contains(&count));
            done.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    assert_eq!(done.into_inner(), 40);
    assert!(points.windows(2).all(|pair| pair[0].bin < pair[1].bin));
    for point in &points {
        let nodes = point.nodes(&graph).unwrap();
        let scores = ClusterScores::of(&graph, &nodes).unwrap();
        assert_eq!(nodes.len(), point.size);
        assert!((scores.conductance() - point.conductance).abs() <= 1e-12);
        assert!((scores.volume - point.volume).abs() <= 1e-9);
        // The same query from this seed finds nothing better in the bin.
        let mass = LocalQuery::node(point.seed).alpha(point.alpha).rho(point.rho).run(&graph).unwrap().mass;
        for (prefix, size) in
            sweep_profile(&graph, &mass, SweepLimits::default()).unwrap().iter().zip(1_usize..)
        {
            if ((size as f64).log10() * 30.0).floor() == f64::from(point.bin) {
                assert!(point.conductance <= prefix.conductance);
            }
        }
    }
    // A clique of 12 is the best set of up to 12 nodes: 2 edges leave its volume of 134.
    let clique = points.iter().find(|point| point.size == 12).unwrap();
    assert_eq!(clique.conductance, 2.0 / 134.0);
}

#[test]
fn the_answer_depends_on_the_rng_seed_and_on_nothing_else() {
    let graph = ring_of_cliques();
    let few = NetworkCommunityProfile { seeds: 3, ..profile() };
    let here = few.run(&graph, |_| ()).unwrap();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| few.run(&graph, |_| ()).unwrap()), here);
    let other = NetworkCommunityProfile { rng_seed: 8, ..few };
    assert_ne!(other.run(&graph, |_| ()).unwrap(), here);
}

#[test]
fn small_graphs_use_every_connected_node() {
    let graph = CsrGraph::from_edges(5, [(0, 1), (2, 3)]).unwrap();
    let done = AtomicUsize::new(0);
    let points = profile()
        .run(&graph, |_| {
            done.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    assert_eq!(done.into_inner(), 4);
    assert!(points.iter().any(|point| point.size == 2 && point.conductance == 0.0));
}

#[test]
fn bad_parameters_are_errors() {
    let graph = ring_of_cliques();
    for bad in [
        NetworkCommunityProfile { alphas: vec![], ..profile() },
        NetworkCommunityProfile { alphas: vec![0.1, 1.0], ..profile() },
        NetworkCommunityProfile { rhos: vec![], ..profile() },
        NetworkCommunityProfile { rhos: vec![f64::NAN], ..profile() },
        NetworkCommunityProfile { bins_per_decade: 0, ..profile() },
    ] {
        assert!(matches!(bad.run(&graph, |_| ()), Err(GraphError::Input(_))));
    }
    let none = NetworkCommunityProfile { seeds: 0, ..profile() };
    assert!(matches!(none.run(&graph, |_| ()), Err(GraphError::NoSeeds)));
    let empty = CsrGraph::from_edges(3, []).unwrap();
    assert!(matches!(profile().run(&empty, |_| ()), Err(GraphError::EmptyGraph)));
}
