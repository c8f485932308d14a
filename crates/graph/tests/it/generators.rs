//! Every model against the numbers of its specification, and its own mathematics.

use std::collections::BTreeSet;

use kiln_core::InputError;
use kiln_graph::generators::{
    HashedPlantedPartition, ImplicitPlanted, Lfr, LocalRandomModel, Rmat, complete, path, star, uniform,
};
use kiln_graph::{Adjacency, CsrGraph, GraphError, conductance};
use proptest::prelude::*;

use crate::graphs::{Case, Solver, reference_graph, reference_json};

fn neighbors(graph: &impl Adjacency, u: u64) -> Vec<u64> {
    let mut list = Vec::new();
    graph.neighbors(u, |v, _| list.push(v));
    list
}

fn hpp(nodes: u64) -> CsrGraph {
    HashedPlantedPartition::new(nodes).generate().unwrap()
}

#[test]
fn planted_partition_has_the_specified_edges() {
    let small = hpp(10_000);
    assert_eq!(small.edge_count(), 93_749);
    assert_eq!([0, 1, 2, 3, 4].map(|u| small.arc_count(u)), [17, 18, 19, 28, 15]);
    let large = hpp(1_000_000);
    assert_eq!(large.edge_count(), 9_395_925);
    assert_eq!([0, 1, 2, 3, 4].map(|u| large.arc_count(u)), [22, 16, 12, 25, 8]);
    check_appr(&large, 0.05, 1e-4, [832, 15_582, 220]);
    check_appr(&large, 0.05, 1e-5, [5_241, 99_039, 1_003]);
    check_appr(&large, 0.05, 1e-6, [48_566, 916_014, 13_158]);
    check_appr(&large, 0.2, 1e-4, [257, 4_922, 99]);
}

#[test]
fn planted_partition_push_counts() {
    check_appr(&hpp(10_000), 0.05, 1e-4, [857, 15_902, 225]);
    check_appr(&hpp(100_000), 0.05, 1e-4, [888, 16_712, 222]);
}

/// Pushes, edges and support of APPR from node 0.
fn check_appr(graph: &CsrGraph, alpha: f64, epsilon: f64, expected: [u64; 3]) {
    let query = Case::node(0).alpha(alpha).rho(epsilon).solver(Solver::Appr);
    let solution = query.run(graph).unwrap();
    let found = [solution.work.pushes, solution.work.edges_touched, solution.mass.len() as u64];
    assert_eq!(found, expected, "alpha {alpha}, epsilon {epsilon}");
}

#[test]
fn planted_partition_does_not_depend_on_the_number_of_threads() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| hpp(20_000)), hpp(20_000));
}

#[test]
fn rmat_follows_its_formula() {
    // A plain reading of the definition, without the shortcuts of the generator.
    let scale = 8;
    let base = kiln_graph::generators::mix(42);
    let mut expected = BTreeSet::new();
    for e in 0..10 << scale {
        let (mut row, mut column) = (0, 0);
        for level in 0..scale {
            let r = (kiln_graph::generators::mix(base ^ (e * scale + level)) >> 11) as f64 / 2_f64.powi(53);
            let bit = 1 << (scale - 1 - level);
            if r >= 0.76 {
                row |= bit;
            }
            if (0.57..0.76).contains(&r) || r >= 0.95 {
                column |= bit;
            }
        }
        if row != column {
            expected.insert((row.min(column), row.max(column)));
        }
    }
    let graph = Rmat::new(8).generate().unwrap();
    let found: BTreeSet<(u64, u64)> = graph.edges().map(|(u, v, _)| (u, v)).collect();
    assert_eq!(found, expected);
}

#[test]
fn rmat_has_the_specified_edges() {
    let graph = Rmat::new(20).generate().unwrap();
    assert_eq!(graph.edge_count(), 9_984_905);
    assert_eq!((0..1 << 20).map(|u| graph.arc_count(u)).max(), Some(46_761));
}

#[test]
fn implicit_graph_matches_the_reference() {
    let reference = reference_json("implicit_planted");
    for case in reference["neighbours"].as_array().unwrap() {
        let graph = ImplicitPlanted::new(case["b"].as_u64().unwrap() as u32).generate().unwrap();
        let expected: Vec<u64> =
            case["list"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        let node = case["node"].as_u64().unwrap();
        assert_eq!(neighbors(&graph, node), expected);
        assert_eq!(graph.arc_count(node), expected.len());
        assert_eq!(graph.degree(node), expected.len() as f64);
    }
    for case in reference["appr_lazy_fifo"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let graph = ImplicitPlanted::new(number("b") as u32).generate().unwrap();
        let query = Case::node(number("seed") as u64).alpha(number("alpha")).rho(number("eps"));
        let (solution, cut) = query.solver(Solver::Appr).cluster(&graph).unwrap();
        assert_eq!(solution.work.pushes as f64, number("pushes"));
        assert_eq!(solution.work.edges_touched as f64, number("edges_touched"));
        assert_eq!(solution.work.nodes_touched as f64, number("nodes_touched"));
        assert_eq!(solution.mass.len() as f64, number("support_size"));
        assert!((solution.mass_l1() - number("p_l1")).abs() < 1e-11);
        let cut = cut.found().unwrap();
        assert_eq!(cut.nodes.len() as f64, number("sweep_size"));
        assert!((cut.conductance - number("sweep_phi")).abs() < 1e-8);
    }
}

/// Mean conductance of the blocks of `size` nodes that start at `firsts`.
fn mean_block_conductance(graph: &impl Adjacency, size: u64, firsts: impl Iterator<Item = u64>) -> f64 {
    let found: Vec<f64> =
        firsts.map(|first| conductance(graph, &(first..first + size).collect::<Vec<_>>()).unwrap()).collect();
    found.iter().sum::<f64>() / found.len() as f64
}

#[test]
fn planted_blocks_have_the_specified_conductance() {
    let planted = mean_block_conductance(&hpp(10_000), 100, (0..10_000).step_by(100));
    assert!((planted - 0.26).abs() <= 0.01, "{planted}");
    // Expected: 5 partners across, 63 / 4 neighbours inside.
    let implicit = ImplicitPlanted::new(20).generate().unwrap();
    let implicit = mean_block_conductance(&implicit, 64, (0..1 << 20).step_by(64 * 64));
    assert!((implicit - 5.0 / 20.75).abs() <= 0.005, "{implicit}");
}

#[test]
fn implicit_graph_expects_nearly_its_volume() {
    let graph = ImplicitPlanted::new(14).generate().unwrap();
    let volume: f64 = (0..1 << 14).map(|u| graph.degree(u)).sum();
    // Five standard deviations.
    assert!((graph.total_volume() / volume - 1.0).abs() < 5.0 * 0.24 / 128.0);
    let within_blocks =
        ImplicitPlanted { bits: 6, inside_probability: 1.0, partners: 3, rng_seed: 1 }.generate().unwrap();
    assert_eq!(within_blocks.total_volume(), 64.0 * 63.0);
    assert!((0..64).all(|u| within_blocks.degree(u) == 63.0));
}

/// Recall of the target and its false positives, for one row of the reference.
#[test]
fn local_random_model_matches_the_reference() {
    let reference = reference_json("local_random_model");
    let mut rows = 0;
    for row in reference["rows"].as_array().unwrap() {
        let number = |key: &str| row[key].as_f64().unwrap();
        let (p, gamma, alpha, c0) = (number("p"), number("gamma"), number("alpha"), number("c0"));
        if (p, gamma, alpha, c0) != (0.5, 0.75, 0.1, 0.25) {
            continue;
        }
        rows += 1;
        let enclosed_node = row["seed_inside_only"].as_bool().unwrap().then_some(0);
        let (mut recall, mut ratios) = (0.0, Vec::new());
        for trial in 0..20 {
            let model = LocalRandomModel { enclosed_node, ..LocalRandomModel::new(p, gamma, 1000 + trial) };
            let graph = model.generate().unwrap();
            let rho = c0 * gamma * p / model.mean_degree().powi(2);
            let query = Case::node(0).alpha(alpha).rho(rho).tolerance(1e-7);
            let support: Vec<u64> = query.run(&graph).unwrap().support().collect();
            let volume = |nodes: &mut dyn Iterator<Item = u64>| nodes.map(|u| graph.degree(u)).sum::<f64>();
            recall += support.iter().filter(|&&u| u < 100).count() as f64 / 2000.0;
            ratios.push(volume(&mut support.iter().copied().filter(|&u| u >= 100)) / volume(&mut (0..100)));
        }
        assert!((recall - number("mean_recall")).abs() < 1e-4);
        assert!((ratios.iter().sum::<f64>() / 20.0 - number("fp_volume_ratio_mean")).abs() <= 6e-4);
        let largest = ratios.iter().copied().fold(0.0, f64::max);
        assert!((largest - number("fp_volume_ratio_max")).abs() <= 6e-4);
    }
    assert_eq!(rows, 2);
}

proptest! {
    #[test]
    fn implicit_graph_is_symmetric(
        half_bits in 3_u32..=31,
        word: u64,
        inside in 0.0..=1.0,
        partners in 0_usize..=16,
        seed: u64,
    ) {
        let bits = 2 * half_bits;
        let graph = ImplicitPlanted { bits, inside_probability: inside, partners, rng_seed: seed }
            .generate().unwrap();
        let u = word % graph.node_count();
        let list = neighbors(&graph, u);
        prop_assert!(list.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(list.len(), graph.arc_count(u));
        for v in list {
            prop_assert!(v != u && v < graph.node_count());
            prop_assert!(neighbors(&graph, v).contains(&u));
        }
    }

    #[test]
    fn local_random_model_keeps_its_definition(
        p in 0.2..0.9, gamma in 0.5..1.0, seed: u64, enclosed in 0_u64..20,
    ) {
        let model = LocalRandomModel { nodes: 90, cluster_size: 20, ..LocalRandomModel::new(p, gamma, seed) };
        let q = model.across_probability();
        let ratio = 19.0 * p / (19.0 * p + 70.0 * q);
        prop_assert!((ratio - gamma).abs() < 1e-12);
        let open = model.generate().unwrap();
        let closed = LocalRandomModel { enclosed_node: Some(enclosed), ..model }.generate().unwrap();
        for u in 0..90 {
            for v in 0..u {
                let present = uniform(seed, v * 90 + u) < if u / 20 == v / 20 { p } else { q };
                let cut = (u == enclosed || v == enclosed) && u / 20 != v / 20;
                prop_assert_eq!(open.neighbor_ids(u).contains(&(v as u32)), present);
                prop_assert_eq!(closed.neighbor_ids(u).contains(&(v as u32)), present && !cut);
            }
        }
    }

    #[test]
    fn lfr_keeps_its_guarantees(mixing in 0.0..=1.0, seed: u64, mean_degree in 5.0..15.0) {
        let model = Lfr { nodes: 300, max_degree: 40, mean_degree, ..Lfr::new(mixing, seed) };
        let benchmark = model.generate().unwrap();
        prop_assert_eq!(&benchmark, &model.generate().unwrap());
        prop_assert_eq!(benchmark.community.len(), 300);
        let communities = benchmark.community.iter().max().unwrap() + 1;
        for c in 0..communities {
            let size = benchmark.community.iter().filter(|&&other| other == c).count();
            prop_assert!((20..=100).contains(&size));
        }
        prop_assert!(!benchmark.graph.is_weighted());
        for u in 0..300 {
            prop_assert!(benchmark.graph.arc_count(u) <= 40);
            prop_assert!(!benchmark.graph.neighbor_ids(u).contains(&(u as u32)));
        }
    }
}

#[test]
fn lfr_degrees_and_mixing_are_near_their_targets() {
    for (mixing, seed) in [(0.1, 1), (0.3, 2), (0.5, 3)] {
        let benchmark = Lfr::new(mixing, seed).generate().unwrap();
        let mean_degree = benchmark.graph.total_volume() / 1000.0;
        // The degrees' standard deviation is about 8.7, so the mean's is 0.28.
        assert!((mean_degree - 10.0).abs() < 1.4, "mean degree {mean_degree}");
        let across =
            |&(u, v, _): &(u64, u64, f64)| benchmark.community[u as usize] != benchmark.community[v as usize];
        let fraction =
            benchmark.graph.edges().filter(across).count() as f64 / benchmark.graph.edge_count() as f64;
        assert!((fraction - mixing).abs() < 0.03, "mixing {fraction} instead of {mixing}");
    }
}

#[test]
fn planted_reference_graphs_follow_the_formula() {
    let blocks = |nodes: u64, block: u64, inside: f64, across: f64, seed: u64| {
        (0..nodes).flat_map(move |u| (u + 1..nodes).map(move |v| (u, v))).filter(move |&(u, v)| {
            uniform(seed, nodes * u + v) < if u / block == v / block { inside } else { across }
        })
    };
    let edges = blocks(200, 50, 0.3, 0.02, 2021).map(|(u, v)| (u, v, 1.0));
    assert!(edges.eq(reference_graph("planted200", None).edges()));
    let weight = |(u, v)| (u, v, 0.25 + 3.75 * uniform(8, 120 * u + v));
    assert!(
        blocks(120, 40, 0.3, 0.03, 7).map(weight).eq(reference_graph("planted120_weighted", None).edges())
    );
}

#[test]
fn a_number_that_is_no_node_has_no_neighbours() {
    let graph = ImplicitPlanted::new(6).generate().unwrap();
    for unknown in [64, u64::MAX] {
        assert_eq!((graph.degree(unknown), graph.arc_count(unknown)), (0.0, 0));
        assert!(neighbors(&graph, unknown).is_empty());
    }
}

#[test]
fn closed_forms() {
    let star = star(7).unwrap();
    assert_eq!((star.node_count(), star.edge_count(), star.degree(0)), (8, 7, 7.0));
    let complete = complete(6).unwrap();
    assert!((0..6).all(|u| complete.degree(u) == 5.0));
    assert_eq!(path(4).unwrap().neighbor_ids(1), [0, 2]);
    assert_eq!(path(1).unwrap().edge_count(), 0);
    assert!(matches!(kiln_graph::generators::star(u64::MAX), Err(GraphError::TooManyNodes { .. })));
}

#[test]
fn bad_parameters_are_errors() {
    let argument = |error: GraphError| match error {
        GraphError::Input(InputError::Setting { name, .. }) => name,
        other => panic!("unexpected error {other}"),
    };
    let hpp = HashedPlantedPartition::new(1000);
    let bad_hpp = [
        (HashedPlantedPartition { nodes: 0, ..hpp }, "nodes"),
        (HashedPlantedPartition { nodes: 1001, ..hpp }, "block_size"),
        (HashedPlantedPartition { block_size: 0, ..hpp }, "block_size"),
        (HashedPlantedPartition { mixing: f64::NAN, ..hpp }, "mixing"),
        (HashedPlantedPartition { edges_per_node: u64::MAX, ..hpp }, "edges_per_node"),
        (HashedPlantedPartition { edges_per_node: 1 << 30, ..hpp }, "edges_per_node"),
    ];
    for (model, expected) in bad_hpp {
        assert_eq!(argument(model.generate().unwrap_err()), expected);
    }
    let too_many = HashedPlantedPartition { nodes: 100 << 32, ..hpp };
    assert!(matches!(too_many.generate(), Err(GraphError::TooManyNodes { .. })));

    let rmat = Rmat::new(5);
    assert_eq!(argument(Rmat::new(0).generate().unwrap_err()), "scale");
    assert_eq!(argument(Rmat::new(32).generate().unwrap_err()), "scale");
    assert_eq!(argument(Rmat { edges_per_node: 1 << 40, ..rmat }.generate().unwrap_err()), "edges_per_node");
    assert_eq!(argument(Rmat { a: -0.1, ..rmat }.generate().unwrap_err()), "a");
    assert_eq!(argument(Rmat { b: 0.5, ..rmat }.generate().unwrap_err()), "a + b + c");

    for bits in [0, 4, 7, 64, u32::MAX] {
        assert_eq!(argument(ImplicitPlanted::new(bits).generate().unwrap_err()), "bits");
    }
    assert_eq!(
        argument(
            ImplicitPlanted { inside_probability: 1.5, ..ImplicitPlanted::new(8) }.generate().unwrap_err()
        ),
        "inside_probability"
    );
    assert_eq!(
        argument(ImplicitPlanted { partners: 17, ..ImplicitPlanted::new(8) }.generate().unwrap_err()),
        "partners"
    );

    let model = LocalRandomModel::new(0.3, 0.75, 0);
    let bad_models = [
        (LocalRandomModel { cluster_size: 1, ..model }, "cluster_size"),
        (LocalRandomModel { cluster_size: 1000, ..model }, "cluster_size"),
        (LocalRandomModel { inside_probability: 2.0, ..model }, "inside_probability"),
        (LocalRandomModel { gamma: 0.0, ..model }, "gamma"),
        (LocalRandomModel { gamma: 0.01, ..model }, "gamma"),
    ];
    for (model, expected) in bad_models {
        assert_eq!(argument(model.generate().unwrap_err()), expected);
    }
    let enclosed = LocalRandomModel { enclosed_node: Some(1000), ..model };
    assert!(matches!(enclosed.generate(), Err(GraphError::UnknownNode { node: 1000, .. })));

    let lfr = Lfr::new(0.3, 0);
    let bad_lfr = [
        (Lfr { nodes: 0, ..lfr }, "nodes"),
        (Lfr { mixing: -0.1, ..lfr }, "mixing"),
        (Lfr { mean_degree: 60.0, ..lfr }, "mean_degree"),
        (Lfr { mean_degree: f64::NAN, ..lfr }, "mean_degree"),
        (Lfr { max_degree: 1000, ..lfr }, "max_degree"),
        (Lfr { degree_exponent: f64::INFINITY, ..lfr }, "degree_exponent"),
        (Lfr { min_community: 0, ..lfr }, "min_community"),
        (Lfr { min_community: 600, max_community: 700, ..lfr }, "max_community"),
        (Lfr { max_community: 2000, ..lfr }, "max_community"),
    ];
    for (model, expected) in bad_lfr {
        assert_eq!(argument(model.generate().unwrap_err()), expected);
    }
}
