//! petgraph graphs give the very same answers.

use kiln_graph::{CsrGraph, GraphError, Symmetrize};
use petgraph::graph::{DiGraph, UnGraph};
use petgraph::graphmap::UnGraphMap;
use petgraph::stable_graph::StableUnGraph;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::graphs::{Case, Solver};

const N: u32 = 15;

fn edges() -> impl Strategy<Value = Vec<(u32, u32, f64)>> {
    vec((0..N, 0..N, 0.1..4.0_f64), 1..40)
}

fn csr(edges: &[(u32, u32, f64)]) -> CsrGraph {
    let edges = edges.iter().map(|&(u, v, weight)| (u64::from(u), u64::from(v), weight));
    CsrGraph::from_weighted_edges(u64::from(N), edges).unwrap()
}

fn same_answers(a: &CsrGraph, b: &CsrGraph, seed: u64) {
    for solver in [Solver::Appr, Solver::ApprOpt, Solver::L1Cd] {
        let query = Case::node(seed).rho(1e-3).solver(solver);
        assert_eq!(query.cluster(a).unwrap(), query.cluster(b).unwrap());
    }
}

proptest! {
    #[test]
    fn undirected_graphs(edges in edges()) {
        let expected = csr(&edges);
        let seed = u64::from(edges[0].0);
        let mut graph = UnGraph::<(), f64>::default();
        (0..N).for_each(|_| { graph.add_node(()); });
        graph.extend_with_edges(edges.iter().copied());
        let (found, nodes) = CsrGraph::from_petgraph(&graph, |&weight| weight).unwrap();
        prop_assert_eq!(&found, &expected);
        prop_assert!(nodes.iter().enumerate().all(|(i, node)| node.index() == i));
        same_answers(&found, &expected, seed);

        let back = found.to_petgraph().unwrap();
        prop_assert_eq!(CsrGraph::from_petgraph(&back, |&weight| weight).unwrap().0, found);
    }

    #[test]
    fn stable_graph_with_holes(edges in edges(), removed in vec(0..N, 0..6)) {
        let mut graph = StableUnGraph::<(), f64>::default();
        (0..N).for_each(|_| { graph.add_node(()); });
        graph.extend_with_edges(edges.iter().copied());
        for &node in &removed {
            graph.remove_node(node.into());
        }
        let (found, nodes) = CsrGraph::from_petgraph(&graph, |&weight| weight).unwrap();
        let kept: Vec<u32> = (0..N).filter(|node| !removed.contains(node)).collect();
        prop_assert_eq!(nodes.iter().map(|node| node.index() as u32).collect::<Vec<_>>(), kept.clone());
        let number = |node: &u32| kept.binary_search(node).ok().map(|i| i as u64);
        let renumbered = edges.iter().filter_map(|(u, v, weight)| Some((number(u)?, number(v)?, *weight)));
        let expected = CsrGraph::from_weighted_edges(kept.len() as u64, renumbered).unwrap();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn graph_map(edges in edges()) {
        let graph: UnGraphMap<u32, f64> = edges.iter().copied().collect();
        let (found, nodes) = CsrGraph::from_petgraph(&graph, |&weight| weight).unwrap();
        let number = |name| nodes.iter().position(|&node| node == name).unwrap() as u64;
        let named = graph.all_edges().map(|(u, v, &weight)| (number(u), number(v), weight));
        let expected = CsrGraph::from_weighted_edges(nodes.len() as u64, named).unwrap();
        prop_assert_eq!(&found, &expected);
        same_answers(&found, &expected, 0);
    }
}

#[test]
fn directed_graphs_need_a_rule() {
    let graph = DiGraph::<(), u32>::from_edges([(0, 1, 2), (1, 0, 3), (1, 2, 4), (2, 2, 1)]);
    let read = |rule| CsrGraph::from_directed_petgraph(&graph, rule, |&weight| f64::from(weight));
    let sum = read(Symmetrize::Sum).unwrap().0;
    assert_eq!(sum.edges().collect::<Vec<_>>(), [(0, 1, 5.0), (1, 2, 4.0), (2, 2, 1.0)]);
    let max = read(Symmetrize::Max).unwrap().0;
    assert_eq!(max.edges().collect::<Vec<_>>(), [(0, 1, 3.0), (1, 2, 4.0), (2, 2, 1.0)]);
    let error = read(Symmetrize::Reject).unwrap_err();
    assert!(matches!(error, GraphError::NotSymmetric { u: 0, v: 1, forward: 2.0, backward: 3.0 }));
}

#[test]
fn bad_weights_are_an_error() {
    let graph = UnGraph::<(), f64>::from_edges([(0, 1, -1.0)]);
    let error = CsrGraph::from_petgraph(&graph, |&weight| weight).unwrap_err();
    assert!(matches!(error, GraphError::BadWeight { u: 0, v: 1, .. }));
}
