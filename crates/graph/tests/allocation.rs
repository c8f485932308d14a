//! What a query allocates follows what it touches, never the size of the graph.
//!
//! One test in a binary of its own, because the counting allocator counts every thread.

use kiln_graph::generators::{HashedPlantedPartition, ImplicitPlanted, mix};
use kiln_graph::{Adjacency, Appr, L1Cd, LocalQuery, PageRankMethod, Workspace};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Most bytes held at once while `work` runs, beyond those held before.
fn peak_bytes<T>(work: impl FnOnce() -> T) -> (usize, T) {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let result = work();
    (ALLOCATOR.peak_usage() - before, result)
}

/// The largest peak of 20 queries from as many seeds.
fn largest_peak(graph: &impl Adjacency, method: PageRankMethod) -> usize {
    let query = |i| LocalQuery::node(mix(i) % graph.node_count()).method(method);
    let peaks = (0..20).map(|i| peak_bytes(|| query(i).cluster(graph).unwrap()).0);
    peaks.max().unwrap()
}

#[test]
fn queries_allocate_for_what_they_touch_only() {
    let implicit_graphs = [14, 40].map(|bits| ImplicitPlanted::new(bits).generate().unwrap());
    let planted_graphs =
        [10_000, 1_000_000].map(|nodes| HashedPlantedPartition::new(nodes).generate().unwrap());
    let appr = PageRankMethod::Appr(Appr { alpha: 0.05, ..Appr::new(1e-4) });
    let descent = PageRankMethod::L1Cd(L1Cd { alpha: 0.05, ..L1Cd::new(1e-4) });
    for method in [appr, descent] {
        let implicit = implicit_graphs.each_ref().map(|graph| largest_peak(graph, method));
        let planted = planted_graphs.each_ref().map(|graph| largest_peak(graph, method));
        for [small, large] in [implicit, planted] {
            // Vectors grow by doubling, so a few more touched nodes can double a buffer.
            assert!(large <= 2 * small, "{method:?}: {small} bytes, then {large}");
            assert!(large < 1 << 20, "{method:?}: {large} bytes");
        }

        let graph = ImplicitPlanted::new(40).generate().unwrap();
        let query = LocalQuery::node(604).method(method);
        let mut workspace = Workspace::default();
        let (first, expected) = peak_bytes(|| query.run_in(&graph, &mut workspace).unwrap());
        let (second, solution) = peak_bytes(|| query.run_in(&graph, &mut workspace).unwrap());
        assert_eq!(solution, expected);
        // What is left is the seeds and the answer's vector.
        assert!(second <= 2 * 16 * solution.mass.len() + 1024, "{method:?}: {first} bytes, then {second}");
    }
}
