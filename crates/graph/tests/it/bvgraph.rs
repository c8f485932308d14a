//! Compressed graphs on disk give the very same answers; damage is found where it can be.

use std::path::Path;

use kiln_graph::{Adjacency, BvAccess, CountingGraph, CsrGraph, GraphError};

use crate::graphs::{Case, Solver};

/// A ring of cliques with a hub and two self-loops.
fn graph() -> CsrGraph {
    let cliques = (0..200).flat_map(|c| {
        let first = c * 10;
        let inside = (0..10).flat_map(move |i| (0..i).map(move |j| (first + i, first + j)));
        inside.chain([(first, (first + 10) % 2000)])
    });
    let hub = (0..2000).map(|u| (u, 2000));
    CsrGraph::from_simple_edges(2002, cliques.chain(hub).chain([(3, 3), (2000, 2000)])).unwrap()
}

fn message(error: &GraphError) -> String {
    assert!(matches!(error, GraphError::Compressed { .. }), "{error:?}");
    error.to_string()
}

fn truncate(path: &Path, to: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(to).unwrap();
}

#[test]
fn answers_are_identical_to_csr() {
    let folder = tempfile::tempdir().unwrap();
    let basename = folder.path().join("ring");
    let csr = graph();
    BvAccess::write(&csr, &basename).unwrap();
    let compressed = BvAccess::open(&basename).unwrap();
    compressed.check_symmetric().unwrap();
    assert_eq!(compressed.node_count(), csr.node_count());
    assert_eq!(compressed.total_volume(), csr.total_volume());
    for u in 0..csr.node_count() {
        let mut list = Vec::new();
        compressed.neighbors(u, |v, _| list.push(v as u32));
        assert_eq!(list, csr.neighbor_ids(u));
    }
    for solver in [Solver::Appr, Solver::ApprOpt, Solver::L1Cd] {
        for seed in [0, 3, 1999, 2000] {
            let query = Case::node(seed).alpha(0.05).rho(1e-5).solver(solver);
            let counting = CountingGraph::new(&compressed);
            // Equal in p, residuals, objective and every count, to the last bit.
            assert_eq!(query.cluster(&csr).unwrap(), query.cluster(&compressed).unwrap());
            let solution = query.run(&counting).unwrap();
            assert_eq!(counting.arcs_read(), solution.work.arcs_read);
        }
    }
}

#[test]
fn missing_and_damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let basename = folder.path().join("ring");
    let error = |change: &dyn Fn()| {
        BvAccess::write(&graph(), &basename).unwrap();
        change();
        message(&BvAccess::open(&basename).unwrap_err())
    };
    let file = |extension| basename.with_extension(extension);
    for extension in ["graph", "properties", "ef", "degrees"] {
        let found = error(&|| std::fs::remove_file(file(extension)).unwrap());
        assert!(found.contains("no such file") && found.contains(extension), "{found}");
        error(&|| std::fs::write(file(extension), "").unwrap());
    }
    let found = error(&|| truncate(&file("graph"), 100));
    assert!(found.contains("truncated"), "{found}");
    error(&|| truncate(&file("ef"), 64));
    error(&|| std::fs::write(file("properties"), "nodes=many").unwrap());
    let huge = |from: &str| {
        let text = std::fs::read_to_string(file("properties")).unwrap();
        assert!(text.contains(from));
        std::fs::write(file("properties"), text.replace(from, "nodes=1000000000000000000")).unwrap();
    };
    error(&|| huge("nodes=2002"));
    assert!(BvAccess::build_index(&basename).is_err(), "a declared size must not be believed");
    BvAccess::write(&graph(), &basename).unwrap();
    let text = std::fs::read_to_string(file("properties")).unwrap();
    std::fs::write(file("properties"), text.replace("\narcs=", "\narcs=1")).unwrap();
    let error = BvAccess::open(&basename).unwrap().check_symmetric().unwrap_err();
    assert!(message(&error).contains("arcs"));
    BvAccess::write(&graph(), &basename).unwrap();
    let mut degrees = std::fs::read(file("degrees")).unwrap();
    degrees[0] ^= 1;
    std::fs::write(file("degrees"), degrees).unwrap();
    let error = BvAccess::open(&basename).unwrap().check_symmetric().unwrap_err();
    assert!(message(&error).contains("degree"));
    std::fs::remove_file(file("ef")).unwrap();
    BvAccess::build_index(&basename).unwrap();
    BvAccess::open(&basename).unwrap().check_symmetric().unwrap();
}

#[test]
fn a_number_that_is_no_node_has_no_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("graph");
    BvAccess::write(&graph(), &base).unwrap();
    let packed = BvAccess::open(&base).unwrap();
    for unknown in [packed.node_count(), u64::MAX] {
        assert_eq!((packed.degree(unknown), packed.arc_count(unknown)), (0.0, 0));
        packed.neighbors(unknown, |v, _| panic!("neighbour {v}"));
    }
}

#[test]
fn unsuitable_graphs_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let weighted = CsrGraph::from_weighted_edges(2, [(0, 1, 2.0)]).unwrap();
    let found = message(&BvAccess::write(&weighted, folder.path().join("g")).unwrap_err());
    assert!(found.contains("weights"), "{found}");
    let found = message(&BvAccess::write(&graph(), folder.path().join("g.v2")).unwrap_err());
    assert!(found.contains("base name"), "{found}");

    let directed = webgraph::graphs::vec_graph::VecGraph::from_arcs([(0, 1), (1, 0), (1, 2), (2, 2)]);
    let error = BvAccess::new(directed).check_symmetric().unwrap_err();
    assert!(matches!(error, GraphError::NotSymmetric { u: 1, v: 2, .. }));
}

#[test]
fn empty_graph() {
    let folder = tempfile::tempdir().unwrap();
    let basename = folder.path().join("empty");
    BvAccess::write(&CsrGraph::from_edges(3, []).unwrap(), &basename).unwrap();
    let graph = BvAccess::open(&basename).unwrap();
    graph.check_symmetric().unwrap();
    assert_eq!((graph.node_count(), graph.total_volume()), (3, 0.0));
    assert!(matches!(Case::node(0).run(&graph), Err(GraphError::EmptyGraph)));
}
