//! Small random graphs and the dense answers to compare with.

use std::path::{Path, PathBuf};

use kiln_graph::{Adjacency, CsrGraph};
use proptest::prelude::*;

/// Graphs of 2 to `most` nodes with weights, self-loops, isolated nodes and several components; never without edges.
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

/// A file of the shared directory (the parent of `KILN_DATA`) as text, or a visible note that the test was skipped.
pub(crate) fn shared(name: &str) -> Option<String> {
    let data = std::env::var_os("KILN_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let text = std::fs::read_to_string(data.join("..").join(name)).ok();
    if text.is_none() {
        eprintln!("skipped: no data {name}");
    }
    text
}

/// An edge list in the format of the shared data: `u v` or `u v weight`, `#` comments.
pub(crate) fn parse_edges(text: &str) -> CsrGraph {
    let edges: Vec<(u64, u64, f64)> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split_whitespace();
            let mut next = || fields.next().unwrap_or("1").parse::<f64>().unwrap();
            (next() as u64, next() as u64, next())
        })
        .collect();
    let nodes = edges.iter().map(|e| e.0.max(e.1) + 1).max().unwrap();
    CsrGraph::from_weighted_edges(nodes, edges).unwrap()
}
