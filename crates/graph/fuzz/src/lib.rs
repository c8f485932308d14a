//! What every fuzzer does with its bytes.

use kiln_graph::Adjacency;
use kiln_graph::Symmetrize;
use kiln_graph::io::{Format, ReadOptions, read_labelled_from};

/// Reads `data`, whose first byte chooses the options: no panic, and a graph that holds together.
pub fn read(format: Format, data: &[u8]) {
    let (choice, data) = data.split_first().map_or((0, data), |(&choice, rest)| (choice, rest));
    let rules = [None, Some(Symmetrize::Sum), Some(Symmetrize::Max), Some(Symmetrize::Reject)];
    let options = ReadOptions {
        symmetrize: rules[usize::from(choice & 3)],
        one_based: choice & 4 != 0,
        bipartite: choice & 8 != 0,
        ..ReadOptions::default()
    };
    let Ok(read) = read_labelled_from(data, format, &options) else { return };
    let (graph, labels) = (read.graph.graph(), read.graph.labels());
    assert_eq!(labels.len(), graph.node_count());
    assert_eq!(read.report.edges, graph.edge_count());
    assert!(graph.total_volume().is_finite());
    for node in (0..graph.node_count()).take(100) {
        assert_eq!(labels.id(&labels.label(node)), Some(node));
        graph.neighbors(node, |other, weight| assert!(other < graph.node_count() && weight > 0.0));
    }
}
