//! `CsrGraph` against a dense matrix, and its limits.

use kiln_graph::{Adjacency, CsrGraph, GraphError, Symmetrize};
use proptest::collection::vec;
use proptest::prelude::*;

const N: usize = 12;

fn weighted_edges() -> impl Strategy<Value = Vec<(u64, u64, f64)>> {
    // Multiples of 1/8: every sum is exact, so that a dense matrix must agree to the last bit.
    vec((0..N as u64, 0..N as u64, (0_u8..20).prop_map(|w| f64::from(w) / 8.0)), 0..60)
}

fn dense(edges: &[(u64, u64, f64)]) -> [[f64; N]; N] {
    let mut matrix = [[0.0; N]; N];
    for &(u, v, weight) in edges {
        matrix[u as usize][v as usize] += weight;
        if u != v {
            matrix[v as usize][u as usize] += weight;
        }
    }
    matrix
}

fn check_against(graph: &CsrGraph, matrix: &[[f64; N]; N]) -> Result<(), TestCaseError> {
    let mut volume = 0.0;
    for (u, row) in matrix.iter().enumerate() {
        let mut found = Vec::new();
        graph.neighbors(u as u64, |v, weight| found.push((v, weight)));
        let expected: Vec<_> =
            (0_u64..).zip(row.iter().copied()).filter(|&(_, weight)| weight > 0.0).collect();
        prop_assert_eq!(graph.degree(u as u64), row.iter().sum::<f64>());
        prop_assert_eq!(graph.arc_count(u as u64), expected.len());
        prop_assert_eq!(found, expected);
        volume += row.iter().sum::<f64>();
    }
    prop_assert_eq!(graph.total_volume(), volume);
    let unit = matrix.iter().flatten().all(|&weight| weight == 0.0 || weight == 1.0);
    prop_assert_eq!(graph.is_weighted(), !unit);
    let upper = (0..N).flat_map(|u| (u..N).map(move |v| (u, v)));
    let edges: Vec<_> =
        upper.filter(|&(u, v)| matrix[u][v] > 0.0).map(|(u, v)| (u as u64, v as u64, matrix[u][v])).collect();
    prop_assert_eq!(graph.edge_count(), edges.len() as u64);
    prop_assert_eq!(graph.edges().collect::<Vec<_>>(), edges);
    Ok(())
}

proptest! {
    #[test]
    fn equals_a_dense_matrix(edges in weighted_edges()) {
        let graph = CsrGraph::from_weighted_edges(N as u64, edges.iter().copied()).unwrap();
        check_against(&graph, &dense(&edges))?;
    }

    #[test]
    fn unweighted_edges_count(edges in vec((0..N as u64, 0..N as u64), 0..60)) {
        let unit: Vec<_> = edges.iter().map(|&(u, v)| (u, v, 1.0)).collect();
        let graph = CsrGraph::from_edges(N as u64, edges.iter().copied()).unwrap();
        check_against(&graph, &dense(&unit))?;
        let mut simple = dense(&unit);
        simple.iter_mut().flatten().for_each(|weight| *weight = weight.min(1.0));
        check_against(&CsrGraph::from_simple_edges(N as u64, edges).unwrap(), &simple)?;
    }

    #[test]
    fn is_symmetric_to_the_last_bit(edges in vec((0..5_u64, 0..5_u64, 0.0..1.0_f64), 0..60)) {
        let graph = CsrGraph::from_weighted_edges(5, edges).unwrap();
        let weight = |u, v| {
            let mut found = 0.0;
            graph.neighbors(u, |w, weight| if w == v { found = weight });
            found
        };
        for (u, v) in (0..5).flat_map(|u| (0..5).map(move |v| (u, v))) {
            prop_assert_eq!(weight(u, v).to_bits(), weight(v, u).to_bits());
        }
    }

    #[test]
    fn order_of_rows_does_not_matter(mut edges in weighted_edges(), seed in any::<u64>()) {
        let graph = CsrGraph::from_weighted_edges(N as u64, edges.iter().copied()).unwrap();
        edges.sort_by_key(|&(u, v, _)| (u ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ v);
        for edge in &mut edges {
            *edge = (edge.1, edge.0, edge.2);
        }
        prop_assert_eq!(graph, CsrGraph::from_weighted_edges(N as u64, edges).unwrap());
    }

    #[test]
    fn symmetrizing_equals_a_dense_matrix(arcs in weighted_edges()) {
        let mut directed = [[0.0_f64; N]; N];
        for &(u, v, weight) in &arcs {
            directed[u as usize][v as usize] += weight;
        }
        let combine = |rule: fn(f64, f64) -> f64| {
            let mut matrix = directed;
            for (u, v) in (0..N).flat_map(|u| (0..N).map(move |v| (u, v))).filter(|(u, v)| u != v) {
                matrix[u][v] = rule(directed[u][v], directed[v][u]);
            }
            matrix
        };
        let sum = CsrGraph::from_arcs(N as u64, arcs.iter().copied(), Symmetrize::Sum).unwrap();
        check_against(&sum, &combine(|a, b| a + b))?;
        let max = CsrGraph::from_arcs(N as u64, arcs.iter().copied(), Symmetrize::Max).unwrap();
        check_against(&max, &combine(f64::max))?;
        let strict = CsrGraph::from_arcs(N as u64, arcs.iter().copied(), Symmetrize::Reject);
        let symmetric = (0..N).all(|u| (0..N).all(|v| directed[u][v] == directed[v][u]));
        prop_assert_eq!(strict.is_ok(), symmetric);
        let both = arcs.iter().flat_map(|&(u, v, w)| {
            std::iter::once((u, v, w)).chain((u != v).then_some((v, u, w)))
        });
        let doubled = CsrGraph::from_arcs(N as u64, both, Symmetrize::Reject).unwrap();
        check_against(&doubled, &dense(&arcs))?;
    }
}

#[test]
fn many_blocks_of_rows() {
    // More nodes than one block of 1024, a hub, isolated nodes and repeated edges.
    let n = 5000;
    let edges: Vec<_> = (0..n - 100).map(|u| (0, u)).chain((0..2000).map(|u| (u, u + 1))).collect();
    let graph = CsrGraph::from_edges(n, edges.iter().copied()).unwrap();
    assert_eq!(graph.total_volume(), (2 * edges.len() - 1) as f64);
    assert_eq!(graph.neighbor_ids(0).len() as u64, n - 100);
    let mut first = Vec::new();
    graph.neighbors(0, |v, weight| first.push((v, weight)));
    assert_eq!(first[..3], [(0, 1.0), (1, 2.0), (2, 1.0)]);
    assert!(graph.neighbor_ids(n - 1).is_empty());
    let simple = CsrGraph::from_simple_edges(n, edges).unwrap();
    assert_eq!(simple, graph.without_weights());
}

#[test]
fn bad_input_is_an_error() {
    assert!(matches!(CsrGraph::from_edges(2, [(0, 2)]), Err(GraphError::UnknownNode { node: 2, .. })));
    assert!(matches!(CsrGraph::from_simple_edges(1 << 33, []), Err(GraphError::TooManyNodes { .. })));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let error = CsrGraph::from_weighted_edges(2, [(0, 1, weight)]);
        assert!(matches!(error, Err(GraphError::BadWeight { u: 0, v: 1, .. })));
        let error = CsrGraph::from_arcs(2, [(0, 1, weight)], Symmetrize::Max);
        assert!(matches!(error, Err(GraphError::BadWeight { u: 0, v: 1, .. })));
    }
}

#[test]
fn sums_that_overflow_are_an_error() {
    let overflow = |edges: &[(u64, u64, f64)]| match CsrGraph::from_weighted_edges(4, edges.to_vec()) {
        Err(GraphError::WeightOverflow { node }) => Some(node),
        _ => None,
    };
    assert_eq!(overflow(&[(0, 1, 1e308), (1, 0, 1e308)]), Some(0), "parallel edges");
    assert_eq!(overflow(&[(0, 1, 1e308), (1, 2, 1e308)]), Some(1), "a degree, or the volume");
    assert_eq!(overflow(&[(0, 1, 8e307), (2, 3, 8e307)]), Some(2), "the volume only");
    assert_eq!(overflow(&[(0, 1, 4e307), (2, 3, 4e307)]), None);
    let arcs = [(0, 1, 1e308), (1, 0, 1e308)];
    let error = CsrGraph::from_arcs(2, arcs, Symmetrize::Sum);
    assert!(matches!(error, Err(GraphError::WeightOverflow { node: 0 })));
}

#[test]
fn a_number_that_is_no_node_has_no_neighbours() {
    let plain = CsrGraph::from_edges(3, [(0, 1), (1, 2)]).unwrap();
    let weighted = CsrGraph::from_weighted_edges(3, [(0, 1, 0.5), (1, 2, 2.0)]).unwrap();
    for graph in [plain, weighted] {
        for unknown in [3, u64::from(u32::MAX), u64::MAX] {
            assert_eq!((graph.degree(unknown), graph.arc_count(unknown)), (0.0, 0));
            assert!(graph.neighbor_ids(unknown).is_empty());
            graph.neighbors(unknown, |v, _| panic!("neighbour {v}"));
        }
    }
}
