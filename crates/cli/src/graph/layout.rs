//! Where the nodes of a drawing stand: forces by the crate `visgraph` (Fruchterman and Reingold, "Graph drawing by
//! force-directed placement", Software: Practice and Experience 1991).

use petgraph::graph::{NodeIndex, UnGraph};
use visgraph::layout::force_directed::{DEFAULT_INITIAL_TEMPERATURE, force_directed_layout};

/// Steps of the forces. Their cost is the square of the number of nodes, each.
const STEPS: u32 = 700;

/// A place in the unit square for each of `count` nodes that are joined by `lines`. The same lines give the same
/// places.
pub(super) fn places(count: usize, lines: &[(usize, usize)]) -> Vec<(f64, f64)> {
    if count == 1 {
        return vec![(0.5, 0.5)];
    }
    let mut graph = UnGraph::<(), ()>::with_capacity(count, lines.len());
    for _ in 0..count {
        graph.add_node(());
    }
    for &(u, v) in lines {
        graph.add_edge(NodeIndex::new(u), NodeIndex::new(v), ());
    }
    // The crate starts from random places, drawn from this thread's generator.
    fastrand::seed(1);
    let graph = &graph;
    let place = force_directed_layout(&graph, STEPS, DEFAULT_INITIAL_TEMPERATURE);
    graph
        .node_indices()
        .map(|node| {
            let (x, y) = place(node);
            (f64::from(x), f64::from(y))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_inside_and_the_same_each_time() {
        let ring: Vec<_> = (0..20).map(|u| (u, (u + 1) % 20)).collect();
        let first = places(20, &ring);
        assert_eq!(first, places(20, &ring));
        assert!(first.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
        assert_eq!(places(0, &[]), []);
        assert_eq!(places(1, &[]), [(0.5, 0.5)]);
    }

    #[test]
    fn two_groups_are_drawn_apart() {
        let mut lines = vec![(0, 5)];
        for group in [0, 5] {
            lines.extend((0..5).flat_map(|u| (u + 1..5).map(move |v| (group + u, group + v))));
        }
        let places = places(10, &lines);
        let distance = |u: usize, v: usize| (places[u].0 - places[v].0).hypot(places[u].1 - places[v].1);
        let within = (1..5).map(|v| distance(1, v)).fold(0.0, f64::max);
        let between = (6..10).map(|v| distance(1, v)).fold(f64::INFINITY, f64::min);
        assert!(within < between, "{within} {between}");
    }
}
