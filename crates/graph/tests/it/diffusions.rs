//! Nibble, heat kernel and PageRank-Nibble against dense references.

use kiln_graph::diffusions::{DiffusionCertificate, HeatKernel, Nibble, PagerankNibble};
use kiln_graph::{
    Adjacency, ClusterOutcome, ClusterScores, CountingGraph, CsrGraph, GraphError, Limits, LocalAnswer,
    NoClusterReason, SeedDistribution, Status,
};
use proptest::prelude::*;

use crate::graphs::{ask, ask_within, cluster_by, dense, graph_and_set, wrong_setting};

type Diffusion = LocalAnswer<DiffusionCertificate>;

/// `A D⁻¹ q`; nodes without edges hold no mass.
fn walk(a: &[Vec<f64>], q: &[f64]) -> Vec<f64> {
    let degrees: Vec<f64> = a.iter().map(|row| row.iter().sum()).collect();
    a.iter()
        .map(|row| (0..q.len()).filter(|&v| q[v] > 0.0).map(|v| row[v] * q[v] / degrees[v]).sum())
        .collect()
}

fn lazy_walk(a: &[Vec<f64>], seeds: &[f64], steps: u32) -> Vec<f64> {
    let mut q = seeds.to_vec();
    for _ in 0..steps {
        q = walk(a, &q).iter().zip(&q).map(|(moved, kept)| 0.5 * moved + 0.5 * kept).collect();
    }
    q
}

/// `exp(-t (I - P)) s` by 2^k lazy-looking steps of a short Taylor series: another route than the method's.
fn heat(a: &[Vec<f64>], seeds: &[f64], t: f64) -> Vec<f64> {
    let parts = 64;
    let short = t / f64::from(parts);
    let mut h = seeds.to_vec();
    for _ in 0..parts {
        let mut term = h.clone();
        for k in 1..30 {
            // The generator is P - I.
            let moved = walk_signed(a, &term);
            term = moved.iter().zip(&term).map(|(m, x)| (m - x) * short / f64::from(k)).collect();
            h.iter_mut().zip(&term).for_each(|(h, x)| *h += x);
        }
    }
    h
}

fn walk_signed(a: &[Vec<f64>], q: &[f64]) -> Vec<f64> {
    let positive: Vec<f64> = q.iter().map(|x| x.max(0.0)).collect();
    let negative: Vec<f64> = q.iter().map(|x| (-x).max(0.0)).collect();
    walk(a, &positive).iter().zip(walk(a, &negative)).map(|(p, n)| p - n).collect()
}

fn uniform(n: usize, set: &[u64]) -> Vec<f64> {
    let mut s = vec![0.0; n];
    for &u in set {
        s[u as usize] = 1.0 / set.len() as f64;
    }
    s
}

fn to_dense(n: usize, solution: &Diffusion) -> Vec<f64> {
    assert!(solution.mass.windows(2).all(|pair| pair[0].0 < pair[1].0), "not ascending");
    let mut x = vec![0.0; n];
    for &(u, mass) in &solution.mass {
        x[u as usize] = mass;
    }
    x
}

fn total(solution: &Diffusion) -> f64 {
    solution.mass.iter().map(|entry| entry.1).sum::<f64>() + solution.certificate.residual_mass
}

proptest! {
    #[test]
    fn nibble_without_truncation_is_the_lazy_walk((graph, set) in graph_and_set(12), steps in 0_u32..12) {
        let a = dense(&graph);
        let seeds = SeedDistribution::uniform(set.clone());
        let solution = ask(&Nibble::new(steps, 0.0), &graph, &seeds).unwrap();
        let expected = lazy_walk(&a, &uniform(a.len(), &set), steps);
        for (found, expected) in to_dense(a.len(), &solution).iter().zip(&expected) {
            prop_assert!((found - expected).abs() <= 1e-14);
        }
        prop_assert_eq!(solution.certificate.residual_mass, 0.0);
    }

    #[test]
    fn nibble_error_work_and_mass(
        (graph, set) in graph_and_set(12),
        steps in 1_u32..12,
        exponent in 0.5_f64..4.0,
    ) {
        let a = dense(&graph);
        let epsilon = 10_f64.powf(-exponent);
        let counting = CountingGraph::new(&graph);
        let seeds = SeedDistribution::uniform(set.clone());
        let solution = ask(&Nibble::new(steps, epsilon), &counting, &seeds).unwrap();
        let exact = lazy_walk(&a, &uniform(a.len(), &set), steps);
        for (u, (found, exact)) in to_dense(a.len(), &solution).iter().zip(&exact).enumerate() {
            let error = exact - found;
            prop_assert!(error >= -1e-14);
            prop_assert!(error <= f64::from(steps) * epsilon * graph.degree(u as u64) + 1e-14);
        }
        prop_assert!((total(&solution) - 1.0).abs() <= 1e-13);
        prop_assert!(solution.work.volume_touched <= f64::from(steps) / epsilon);
        prop_assert_eq!(solution.work.arcs_read, counting.arcs_read());
        prop_assert_eq!(solution.work.nodes_touched, counting.nodes_read().len() as u64);
        prop_assert_eq!(solution.status == Status::Empty, solution.mass.is_empty());
    }

    #[test]
    fn heat_kernel_error_work_and_mass(
        (graph, set) in graph_and_set(12),
        t in 0.1_f64..12.0,
        exponent in 1.0_f64..8.0,
        terms in prop::option::of(1_u32..30),
    ) {
        let a = dense(&graph);
        let epsilon = 10_f64.powf(-exponent);
        let method = HeatKernel { terms, ..HeatKernel::new(t, epsilon) };
        let solution = ask(&method, &graph, &SeedDistribution::uniform(set.clone())).unwrap();
        let seeds = uniform(a.len(), &set);
        let exact = heat(&a, &seeds, t);
        let steepest = set.iter().map(|&u| seeds[u as usize] / graph.degree(u)).fold(0.0, f64::max);
        let bound = match terms {
            None => epsilon,
            Some(terms) => {
                let mut probability = (-t).exp();
                let mut within = probability;
                for k in 1..=terms {
                    probability *= t / f64::from(k);
                    within += probability;
                }
                epsilon / 2.0 + (1.0 - within) * steepest
            }
        };
        for (u, (found, exact)) in to_dense(a.len(), &solution).iter().zip(&exact).enumerate() {
            let error = exact - found;
            prop_assert!(error >= -1e-13, "{error}");
            prop_assert!(error <= bound * graph.degree(u as u64) + 1e-13, "{error} > {bound}");
        }
        prop_assert!((total(&solution) - 1.0).abs() <= 1e-12);
        let rounds = solution.work.iterations as f64;
        let volume: f64 = set.iter().map(|&u| graph.degree(u)).sum();
        prop_assert!(solution.work.volume_touched <= volume + 2.0 * rounds * t.exp() / t / epsilon);
    }

    /// The average over the nodes of a set, drawn by degree, keeps 5/8 of the mass in it.
    #[test]
    fn limits_leave_a_valid_part(
        (graph, set) in graph_and_set(12),
        max_work in 0_u64..200,
        max_nodes in 1_usize..12,
        max_arcs in 1_usize..12,
    ) {
        let seeds = SeedDistribution::uniform(set.clone());
        let (most, nodes, arcs) = (Some(max_work), Some(max_nodes), Some(max_arcs));
        let limits = Limits { max_work: most, max_nodes: nodes, max_arcs: arcs };
        let nibble = Nibble::new(8, 1e-3);
        let heat = HeatKernel::new(4.0, 1e-3);
        let cut = ask_within(&nibble, &graph, &seeds, limits).unwrap();
        let cut_heat = ask_within(&heat, &graph, &seeds, limits).unwrap();
        for solution in [&cut, &cut_heat] {
            prop_assert!((total(solution) - 1.0).abs() <= 1e-12);
            prop_assert!(solution.work.edges_touched <= max_work);
            prop_assert!(solution.work.nodes_touched <= max_nodes.max(set.len()) as u64);
        }
        let n = graph.node_count() as usize;
        let below = |x: &Diffusion, y: &Diffusion| {
            to_dense(n, x).iter().zip(to_dense(n, y)).all(|(x, y)| *x <= y + 1e-12)
        };
        prop_assert!(below(&cut_heat, &ask(&heat, &graph, &seeds).unwrap()));
        // The limited walk is the whole one after fewer steps, but for the mass that hubs and truncation
        // took.
        let steps = ask(&Nibble::new(cut.work.iterations as u32, 0.0), &graph, &seeds).unwrap();
        prop_assert!(below(&cut, &steps));
        let stuck = |solution: &Diffusion| matches!(solution.status, Status::WorkLimit | Status::HubsSkipped);
        prop_assert!(stuck(&cut) || ask(&nibble, &graph, &seeds).unwrap() == cut);
        prop_assert!(stuck(&cut_heat) || ask(&heat, &graph, &seeds).unwrap() == cut_heat);
    }

    #[test]
    fn pagerank_nibble_keeps_mass_in_the_set((graph, set) in graph_and_set(14)) {
        let scores = ClusterScores::of(&graph, &set).unwrap();
        prop_assume!(scores.cut > 0.0);
        let method = PagerankNibble::for_target(scores.cut / scores.volume, scores.volume).unwrap();
        let mut average = 0.0;
        for &seed in &set {
            let solution = ask(&method, &graph, &seed.into()).unwrap();
            let inside: f64 = set.iter().map(|&u| solution.mass_of(u)).sum();
            average += inside * graph.degree(seed) / scores.volume;
        }
        prop_assert!(average >= 0.625, "{average}");
    }

    #[test]
    fn pagerank_nibble_meets_its_targets(
        (graph, set) in graph_and_set(14),
        phi in 0.05_f64..1.0,
        target in 1.0_f64..20.0,
    ) {
        let method = PagerankNibble::for_target(phi, target).unwrap();
        let (solution, cluster) = cluster_by(&method, &graph, &SeedDistribution::uniform(set)).unwrap();
        prop_assert!(solution.certificate.max_residual_over_degree < method.epsilon);
        if let Ok(cluster) = cluster.found() {
            let scores = ClusterScores::of(&graph, &cluster.nodes).unwrap();
            prop_assert!((scores.conductance() - cluster.conductance).abs() <= 1e-12);
            prop_assert!(cluster.conductance <= phi);
            let most = graph.total_volume() * 2.0 / 3.0 + 1e-9;
            prop_assert!(cluster.volume >= target / 2.0 && cluster.volume <= most);
        }
    }
}

/// 20 cliques of 8 nodes in a ring.
fn ring_of_cliques() -> CsrGraph {
    let inner =
        (0..20).flat_map(|c| (0..8).flat_map(move |i| (i + 1..8).map(move |j| (8 * c + i, 8 * c + j))));
    CsrGraph::from_edges(160, inner.chain((0..20).map(|c| (8 * c, (8 * c + 15) % 160)))).unwrap()
}

#[test]
fn every_method_finds_whole_cliques() {
    let graph = ring_of_cliques();
    let clique: Vec<u64> = (24..32).collect();
    let seed = SeedDistribution::node(27);
    let by_nibble = cluster_by(&Nibble::new(15, 1e-4), &graph, &seed).unwrap().1.found().unwrap();
    let by_heat = cluster_by(&HeatKernel::new(5.0, 1e-4), &graph, &seed).unwrap().1.found().unwrap();
    let by_pagerank = cluster_by(&PagerankNibble::for_target(0.05, 58.0).unwrap(), &graph, &seed)
        .unwrap()
        .1
        .found()
        .unwrap();
    for cluster in [by_nibble, by_heat, by_pagerank] {
        // Several cliques in a row are cut off by 2 edges as well.
        assert_eq!((cluster.nodes.len() % 8, cluster.cut), (0, 2.0));
        assert!(clique.iter().all(|u| cluster.nodes.contains(u)));
    }
    // No set is this good.
    let (_, none) = cluster_by(&PagerankNibble::for_target(0.001, 58.0).unwrap(), &graph, &seed).unwrap();
    let because = NoClusterReason::MissesTargets { conductance: 0.001, min_volume: 29.0 };
    assert_eq!(none, ClusterOutcome::NoCluster { because });
}

#[test]
fn far_away_nodes_are_not_read() {
    let path = CsrGraph::from_edges(100_000, (0..99_999).map(|u| (u, u + 1))).unwrap();
    let seed = SeedDistribution::node(50_000);
    for by_nibble in [true, false] {
        let counting = CountingGraph::new(&path);
        let solution = if by_nibble {
            ask(&Nibble::new(1000, 1e-3), &counting, &seed)
        } else {
            ask(&HeatKernel::new(20.0, 1e-3), &counting, &seed)
        }
        .unwrap();
        assert!(counting.nodes_read().len() < 200, "{}", counting.nodes_read().len());
        assert_eq!(counting.arcs_read(), solution.work.arcs_read);
    }
}

#[test]
fn nibble_stops_when_nothing_is_left() {
    let star = CsrGraph::from_edges(101, (1..=100).map(|leaf| (0, leaf))).unwrap();
    let (solution, cut) = cluster_by(&Nibble::new(1000, 0.02), &star, &0.into()).unwrap();
    assert_eq!(
        (solution.status, solution.certificate.residual_mass, solution.work.pushes),
        (Status::Empty, 1.0, 0)
    );
    let because = NoClusterReason::Empty { largest_score: 0.01 };
    assert_eq!(cut, ClusterOutcome::NoCluster { because });
    // A node at the threshold is dropped as well: the leaf's mass over degree is 1.
    let at_threshold = ask(&Nibble::new(1, 1.0), &star, &1.into()).unwrap();
    assert_eq!((at_threshold.status, at_threshold.certificate.residual_mass), (Status::Empty, 1.0));
}

/// At a long time the walk has mixed: mass is proportional to degree.
#[test]
fn heat_kernel_of_a_long_time() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2), (0, 2), (2, 3)]).unwrap();
    let solution = ask(&HeatKernel::new(500.0, 1e-9), &graph, &3.into()).unwrap();
    for &(u, mass) in &solution.mass {
        assert!((mass - graph.degree(u) / 8.0).abs() <= 1e-9 * graph.degree(u), "{u}: {mass}");
    }
    assert!((total(&solution) - 1.0).abs() <= 1e-10);
}

#[test]
fn bad_parameters_are_errors() {
    let graph = CsrGraph::from_edges(3, [(0, 1)]).unwrap();
    let seed = SeedDistribution::node(0);
    for epsilon in [f64::NAN, -1.0, f64::INFINITY] {
        assert_eq!(wrong_setting(ask(&Nibble::new(1, epsilon), &graph, &seed)), "epsilon");
        assert_eq!(wrong_setting(ask(&HeatKernel::new(1.0, epsilon), &graph, &seed)), "epsilon");
    }
    assert_eq!(wrong_setting(ask(&HeatKernel::new(1.0, 0.0), &graph, &seed)), "epsilon");
    for t in [0.0, -1.0, f64::NAN, 501.0] {
        assert_eq!(wrong_setting(ask(&HeatKernel::new(t, 0.1), &graph, &seed)), "t");
    }
    for terms in [0, 100_001, u32::MAX] {
        let bad = HeatKernel { terms: Some(terms), ..HeatKernel::new(1.0, 0.1) };
        assert_eq!(wrong_setting(ask(&bad, &graph, &seed)), "terms");
    }
    assert!(matches!(ask(&Nibble::new(1, 0.1), &graph, &2.into()), Err(GraphError::IsolatedSeed(2))));
    assert!(matches!(
        ask(&HeatKernel::new(1.0, 0.1), &graph, &9.into()),
        Err(GraphError::UnknownNode { .. })
    ));
    for (conductance, volume) in [(0.0, 5.0), (1.5, 5.0), (f64::NAN, 5.0), (0.5, 0.0), (0.5, f64::INFINITY)] {
        assert!(PagerankNibble::for_target(conductance, volume).is_err());
    }
    let bad = PagerankNibble { alpha: 2.0, ..PagerankNibble::for_target(0.5, 2.0).unwrap() };
    assert_eq!(wrong_setting(cluster_by(&bad, &graph, &seed)), "alpha");
}
