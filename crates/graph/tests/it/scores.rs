//! Cluster scores, recovery, Dirichlet eigenvalue, balls.

use std::collections::{BTreeMap, BTreeSet};

use kiln_core::InputError;
use kiln_graph::io::read_graph;
use kiln_graph::{
    Adjacency, ClusterScores, CountingGraph, CsrGraph, GraphError, Recovery, bfs_ball, conductance, cut,
    dirichlet_eigenvalue, volume,
};
use proptest::prelude::*;

use crate::graphs::{data_path, dense, graph_and_set, reference_json, weighted_graph};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + b.abs())
}

/// The largest eigenvalue of a symmetric matrix by Jacobi rotations.
fn largest_eigenvalue(mut matrix: Vec<Vec<f64>>) -> f64 {
    let n = matrix.len();
    for _ in 0..60 {
        for p in 0..n {
            for q in p + 1..n {
                if matrix[p][q].abs() < 1e-300 {
                    continue;
                }
                let angle = 0.5 * f64::atan2(2.0 * matrix[p][q], matrix[q][q] - matrix[p][p]);
                let (s, c) = angle.sin_cos();
                for row in &mut matrix {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (above, below) = matrix.split_at_mut(q);
                for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
    }
    (0..n).map(|i| matrix[i][i]).fold(f64::NEG_INFINITY, f64::max)
}

/// What an error says is empty.
fn empty<T: std::fmt::Debug>(result: kiln_graph::Result<T>) -> String {
    match result {
        Err(GraphError::Input(InputError::Empty { what })) => what.into_owned(),
        other => panic!("nothing is empty: {other:?}"),
    }
}

proptest! {
    #[test]
    fn scores_follow_their_definitions((graph, set) in graph_and_set(12)) {
        let a = dense(&graph);
        let n = a.len();
        let inside = |u: usize| set.contains(&(u as u64));
        let sum = |keep: &dyn Fn(usize, usize) -> bool| -> f64 {
            let pairs = (0..n).flat_map(|u| (0..n).map(move |v| (u, v)));
            pairs.filter(|&(u, v)| keep(u, v)).map(|(u, v)| a[u][v]).sum()
        };
        let total = sum(&|_, _| true);
        let vol = sum(&|u, _| inside(u));
        let leaving = sum(&|u, v| inside(u) && !inside(v));
        let within = sum(&|u, v| inside(u) && inside(v) && u < v);
        let loops = sum(&|u, v| inside(u) && u == v);
        let k = set.len() as f64;

        let scores = ClusterScores::of(&graph, &set).unwrap();
        prop_assert!(close(scores.volume, vol) && close(volume(&graph, &set).unwrap(), vol));
        prop_assert!(close(scores.cut, leaving) && close(cut(&graph, &set).unwrap(), leaving));
        prop_assert!(close(scores.internal_weight, within) && close(scores.loop_weight, loops));
        prop_assert!(close(scores.volume, 2.0 * scores.internal_weight + scores.loop_weight + scores.cut));
        let rest = total - vol;
        if rest > 1e-9 {
            prop_assert!(close(conductance(&graph, &set).unwrap(), leaving / vol.min(rest)));
            prop_assert!(close(scores.normalized_cut(), leaving / vol + leaving / rest));
        } else {
            prop_assert_eq!(scores.conductance(), 1.0);
        }
        prop_assert!(close(scores.expansion() * k, leaving));
        prop_assert!(close(scores.cut_ratio() * k * (n as f64 - k), leaving));
        prop_assert!(close(scores.internal_density() * k * (k - 1.0) / 2.0, within));
        prop_assert!(close(scores.average_internal_degree() * k, 2.0 * within));
        if leaving > 0.0 {
            prop_assert!(close(scores.separability(), within / leaving));
        }
        // Newman's definition: A_uv - d_u d_v / vol(V) over pairs inside, over vol(V).
        let degree = |u: usize| a[u].iter().sum::<f64>();
        let modularity = sum(&|u, v| inside(u) && inside(v)) / total
            - (0..n).filter(|&u| inside(u)).flat_map(|u| (0..n).filter(|&v| inside(v)).map(move |v| (u, v)))
                .map(|(u, v)| degree(u) * degree(v)).sum::<f64>() / (total * total);
        prop_assert!(close(scores.modularity(), modularity));
    }

    #[test]
    fn recovery_follows_its_definition((graph, truth) in graph_and_set(12), bits in 1_u64..4096) {
        let found: Vec<u64> = (0..graph.node_count()).filter(|u| bits >> u & 1 == 1).collect();
        prop_assume!(!found.is_empty());
        let recovery = Recovery::of(&graph, &found, &truth).unwrap();
        let shared: Vec<u64> = found.iter().copied().filter(|u| truth.contains(u)).collect();
        let common = if shared.is_empty() { 0.0 } else { volume(&graph, &shared).unwrap() };
        if common == 0.0 {
            prop_assert_eq!(recovery, Recovery { precision: 0.0, recall: 0.0, f1: 0.0 });
        } else {
            let (of_found, of_truth) = (volume(&graph, &found).unwrap(), volume(&graph, &truth).unwrap());
            prop_assert!(close(recovery.precision, common / of_found));
            prop_assert!(close(recovery.recall, common / of_truth));
            prop_assert!(close(recovery.f1, 2.0 * common / (of_found + of_truth)));
        }
    }

    #[test]
    fn dirichlet_eigenvalue_agrees_with_jacobi((graph, set) in graph_and_set(14)) {
        let a = dense(&graph);
        let scaled: Vec<Vec<f64>> = set.iter().map(|&u| set.iter().map(|&v| {
            a[u as usize][v as usize] / (graph.degree(u) * graph.degree(v)).sqrt()
        }).collect()).collect();
        let expected = 1.0 - largest_eigenvalue(scaled);
        let found = dirichlet_eigenvalue(&graph, &set).unwrap();
        prop_assert!((found - expected).abs() <= 1e-12, "{found} instead of {expected}");
        // The set's indicator in the Rayleigh quotient.
        let scores = ClusterScores::of(&graph, &set).unwrap();
        prop_assert!(found <= scores.cut / scores.volume + 1e-14);
    }

    #[test]
    fn balls_grow_by_distance(graph in weighted_graph(20), seed in 0_u64..20, most in 1_usize..20) {
        prop_assume!(seed < graph.node_count());
        let mut volumes = Vec::new();
        let ball = bfs_ball(&graph, seed, |_, volume| {
            volumes.push(volume);
            volumes.len() == most
        }).unwrap();
        let mut distance = BTreeMap::from([(seed, 0)]);
        let mut layer = BTreeSet::from([seed]);
        for step in 1.. {
            let next: BTreeSet<u64> = layer.iter()
                .flat_map(|&u| graph.neighbor_ids(u).iter().map(|&v| u64::from(v)))
                .filter(|v| !distance.contains_key(v)).collect();
            if next.is_empty() {
                break;
            }
            distance.extend(next.iter().map(|&v| (v, step)));
            layer = next;
        }
        prop_assert_eq!(ball.len(), most.min(distance.len()));
        prop_assert!(ball.windows(2).all(|pair| distance[&pair[0]] <= distance[&pair[1]]));
        let farthest = distance[ball.last().unwrap()];
        let nearer = distance.values().filter(|&&d| d < farthest).count();
        prop_assert!(ball.len() > nearer, "a nearer node is missing");
        prop_assert!(close(volumes[volumes.len() - 1], volume(&graph, &ball).unwrap()));
    }
}

#[test]
fn extreme_sets() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (2, 2)]).unwrap();
    let pair = ClusterScores::of(&graph, &[0, 1]).unwrap();
    assert_eq!((pair.conductance(), pair.separability(), pair.normalized_cut()), (0.0, f64::INFINITY, 0.0));
    let isolated = ClusterScores::of(&graph, &[3]).unwrap();
    assert_eq!(
        (isolated.conductance(), isolated.internal_density(), isolated.separability()),
        (1.0, 0.0, 0.0)
    );
    let all = ClusterScores::of(&graph, &[0, 1, 2, 3]).unwrap();
    assert_eq!((all.conductance(), all.cut_ratio(), all.normalized_cut()), (1.0, 0.0, 1.0));
    assert_eq!(dirichlet_eigenvalue(&graph, &[0, 1]).unwrap(), 0.0);
    assert_eq!(dirichlet_eigenvalue(&graph, &[0]).unwrap(), 1.0);
    assert_eq!(dirichlet_eigenvalue(&graph, &[2]).unwrap(), 0.0);
}

/// A path leaks from its two ends; the eigenvalue is `1 - cos(π / (n + 1))`, tiny and poorly separated.
#[test]
fn dirichlet_eigenvalues_do_not_depend_on_the_unit_of_the_weights() {
    let edges = [(0, 1, 1.5), (1, 2, 0.5), (0, 2, 1.0), (2, 3, 0.25)];
    let eigenvalue = |unit: f64| {
        let scaled = edges.map(|(u, v, weight)| (u, v, weight * unit));
        dirichlet_eigenvalue(&CsrGraph::from_weighted_edges(4, scaled).unwrap(), &[0, 1, 2]).unwrap()
    };
    let expected = eigenvalue(1.0);
    for unit in [2_f64.powi(-1000), 2_f64.powi(1000)] {
        assert_eq!(eigenvalue(unit), expected);
    }
    for unit in [1e-300, 1e-6, 1e6, 2_f64.powi(501), 1e300] {
        assert!((eigenvalue(unit) / expected - 1.0).abs() <= 1e-14);
    }
}

#[test]
fn dirichlet_eigenvalue_of_a_long_path() {
    for inner in [10_u64, 100, 400] {
        let graph = CsrGraph::from_edges(inner + 2, (0..=inner).map(|u| (u, u + 1))).unwrap();
        let nodes: Vec<u64> = (1..=inner).collect();
        let half = std::f64::consts::PI / (inner + 1) as f64 / 2.0;
        let expected = 2.0 * half.sin().powi(2);
        let found = dirichlet_eigenvalue(&graph, &nodes).unwrap();
        assert!((found / expected - 1.0).abs() <= 1e-12, "{inner}: {found} instead of {expected}");
    }
}

#[test]
fn dirichlet_eigenvalues_of_the_reference_sets() {
    let experiments = reference_json("experiments");
    for name in ["sfld", "ppi_mips", "johns_hopkins55", "colgate88"] {
        let Some(path) = data_path(&format!("graph/{name}.edges")) else { continue };
        let graph = read_graph(&path).unwrap();
        let sets = std::fs::read_to_string(path.with_extension("communities.json")).unwrap();
        let sets: BTreeMap<String, Vec<u64>> = serde_json::from_str(&sets).unwrap();
        let (_, rows) = experiments[name].as_object().unwrap().iter().next().unwrap();
        for row in rows.as_array().unwrap() {
            let nodes = &sets[row["cluster"].as_str().unwrap()];
            let scores = ClusterScores::of(&graph, nodes).unwrap();
            let lambda = dirichlet_eigenvalue(&graph, nodes).unwrap();
            // The file's numbers are rounded to so many digits.
            assert!((lambda - row["lambda"].as_f64().unwrap()).abs() <= 5.1e-6, "{name} {row}: {lambda}");
            assert!(
                (scores.conductance() - row["conductance"].as_f64().unwrap()).abs() <= 5.1e-5,
                "{name} {row}"
            );
            assert_eq!(scores.volume.round(), row["volume"].as_f64().unwrap(), "{name} {row}");
        }
    }
}

#[test]
fn bad_sets_are_errors() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).unwrap();
    assert_eq!(empty(ClusterScores::of(&graph, &[])), "nodes");
    assert!(matches!(volume(&graph, &[7]), Err(GraphError::UnknownNode { node: 7, node_count: 4 })));
    assert!(matches!(cut(&graph, &[1, 0, 1]), Err(GraphError::DuplicateNode { argument: "nodes", node: 1 })));
    assert_eq!(empty(Recovery::of(&graph, &[0], &[])), "truth");
    assert_eq!(empty(Recovery::of(&graph, &[], &[0])), "found");
    assert!(matches!(dirichlet_eigenvalue(&graph, &[0, 3]), Err(GraphError::IsolatedSeed(3))));
    assert!(matches!(dirichlet_eigenvalue(&graph, &[]), Err(GraphError::Input(InputError::Empty { .. }))));
    assert!(matches!(bfs_ball(&graph, 4, |_, _| false), Err(GraphError::UnknownNode { .. })));
}

#[test]
fn scores_read_the_set_only() {
    let ring = CsrGraph::from_edges(10_000, (0..10_000).map(|u| (u, (u + 1) % 10_000))).unwrap();
    let counting = CountingGraph::new(&ring);
    let set: Vec<u64> = (100..120).collect();
    ClusterScores::of(&counting, &set).unwrap();
    dirichlet_eigenvalue(&counting, &set).unwrap();
    assert_eq!(counting.nodes_read(), set.iter().copied().collect());
    assert_eq!((counting.lists_read(), counting.arcs_read()), (40, 80));
}
