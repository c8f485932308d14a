//! Local means local: what a query reads does not depend on the size of the graph.

use kiln_graph::generators::{HashedPlantedPartition, ImplicitPlanted, mix};
use kiln_graph::{Adjacency, ClusterLimits, CountingGraph, CsrGraph};

use crate::graphs::{Case, Solver};

const PUSH_SOLVERS: [Solver; 3] = [Solver::Appr, Solver::ApprOpt, Solver::L1Cd];
const CORE: u64 = 1000;

/// A planted partition of `CORE` nodes, numbered after `rest` further nodes that form one of their own. Every
/// core node of `border` is joined to a node of the rest.
fn core_in(rest: u64, border: &[u64]) -> CsrGraph {
    let core = HashedPlantedPartition::new(CORE).generate().unwrap();
    let inner = core.edges().map(|(u, v, _)| (rest + u, rest + v));
    if rest == 0 {
        return CsrGraph::from_edges(CORE, inner).unwrap();
    }
    let outer =
        HashedPlantedPartition { rng_seed: 1, ..HashedPlantedPartition::new(rest) }.generate().unwrap();
    let outer = outer.edges().map(|(u, v, _)| (u, v));
    let bridges = border.iter().map(|&u| (rest + u, mix(u) % rest));
    CsrGraph::from_edges(rest + CORE, outer.chain(inner).chain(bridges)).unwrap()
}

#[test]
fn a_query_is_identical_whatever_lies_beyond_the_nodes_it_reads() {
    // The sweep's best set, be it a cluster or not.
    let limits = ClusterLimits { max_conductance: 1.0, ..ClusterLimits::default() };
    let query = |seed: u64, solver: Solver| {
        Case::node(seed).alpha(0.2).rho(1e-3).solver(solver).query().cluster_limits(limits)
    };
    let core = core_in(0, &[]);
    let alone = PUSH_SOLVERS.map(|solver| {
        let counting = CountingGraph::new(&core);
        let answer = query(0, solver).cluster(&counting).unwrap();
        (answer, counting.arcs_read(), counting.lists_read(), counting.nodes_read())
    });
    let border: Vec<u64> = (0..CORE).filter(|u| alone.iter().all(|(.., nodes)| !nodes.contains(u))).collect();
    assert!(!border.is_empty(), "the query has read all of the core, so nothing can lie beyond");

    for rest in [1_000, 10_000, 100_000, 1_000_000] {
        let graph = core_in(rest, &border);
        for (solver, ((expected, expected_cut), arcs, lists, nodes)) in PUSH_SOLVERS.iter().zip(&alone) {
            let counting = CountingGraph::new(&graph);
            let (solution, cut) = query(rest, *solver).cluster(&counting).unwrap();
            let mut moved = expected.clone();
            moved.mass.iter_mut().for_each(|entry| entry.0 += rest);
            moved.seeds.clone_from(&solution.seeds);
            assert_eq!(solution, moved);
            let (cut, expected_cut) = (cut.found().unwrap(), expected_cut.cluster().unwrap());
            assert_eq!((cut.cut, cut.volume), (expected_cut.cut, expected_cut.volume));
            assert!(cut.nodes.iter().map(|u| u - rest).eq(expected_cut.nodes.iter().copied()));
            assert_eq!((counting.arcs_read(), counting.lists_read()), (*arcs, *lists));
            assert!(counting.nodes_read().iter().map(|u| u - rest).eq(nodes.iter().copied()));
        }
    }
}

/// Mean edges touched, nodes touched and arcs read from 50 seeds.
fn mean_work(graph: &impl Adjacency, solver: Solver) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for i in 0..50 {
        let counting = CountingGraph::new(graph);
        let query = Case::node(mix(i) % graph.node_count()).alpha(0.05).rho(1e-4).solver(solver);
        let solution = query.run(&counting).unwrap();
        let work = solution.work;
        if solver == Solver::Appr {
            assert!(work.volume_touched <= 1.0 / (0.05 * 1e-4));
        }
        assert_eq!(counting.arcs_read(), work.arcs_read);
        assert_eq!(counting.nodes_read().len() as u64, work.nodes_touched);
        for (sum, count) in sums.iter_mut().zip([work.edges_touched, work.nodes_touched, work.arcs_read]) {
            *sum += count as f64 / 50.0;
        }
    }
    sums
}

/// Largest over smallest, minus 1.
fn spread(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::MIN, f64::max);
    let smallest = values.iter().copied().fold(f64::MAX, f64::min);
    largest / smallest - 1.0
}

#[test]
fn work_on_the_implicit_graph_is_flat_up_to_a_million_million_nodes() {
    for solver in [Solver::Appr, Solver::L1Cd] {
        let edges = [14, 20, 26, 32, 40]
            .map(|bits| mean_work(&ImplicitPlanted::new(bits).generate().unwrap(), solver)[0]);
        assert!(spread(&edges) <= 0.05, "{solver:?}: {edges:?}");
    }
}

#[test]
fn work_on_planted_partitions_is_flat() {
    let works = [10_000, 100_000, 1_000_000]
        .map(|nodes| mean_work(&HashedPlantedPartition::new(nodes).generate().unwrap(), Solver::Appr));
    let edges = works.map(|work| work[0]);
    assert!(spread(&edges) <= 0.05, "{works:?}");
}
