//! Flow improvement against brute force over all sets.

use kiln_graph::flow::{FlowMethod, FlowSolution};
use kiln_graph::{Adjacency, ClusterScores, CountingGraph, CsrGraph, GraphError, Limits, Status};
use proptest::prelude::*;

use crate::graphs::graph_and_set;

/// The method's objective by its definition; `None` where the denominator is not positive.
fn value(graph: &CsrGraph, reference: &[u64], set: &[u64], delta: f64) -> Option<f64> {
    let scores = ClusterScores::of(graph, set).unwrap();
    let volume = |keep: &dyn Fn(&u64) -> bool| -> f64 {
        set.iter().filter(|u| keep(u)).map(|&u| graph.degree(u)).sum()
    };
    let of_reference: f64 = reference.iter().map(|&u| graph.degree(u)).sum();
    let outside = volume(&|u| !reference.contains(u));
    let penalty = if outside > 0.0 {
        (of_reference / (graph.total_volume() - of_reference) + delta) * outside
    } else {
        0.0
    };
    let denominator = volume(&|u| reference.contains(u)) - penalty;
    (denominator > 1e-9 * of_reference).then(|| scores.cut / denominator)
}

fn delta_of(method: FlowMethod) -> f64 {
    match method {
        FlowMethod::FlowImprove => 0.0,
        FlowMethod::SimpleLocal { delta } => delta,
        FlowMethod::Mqi => f64::INFINITY,
    }
}

fn any_method() -> impl Strategy<Value = FlowMethod> {
    prop_oneof![
        Just(FlowMethod::FlowImprove),
        Just(FlowMethod::Mqi),
        prop::sample::select(vec![0.0, 0.05, 0.3, 1.0, 5.0])
            .prop_map(|delta| FlowMethod::SimpleLocal { delta }),
    ]
}

/// What must hold of any answer.
fn check_answer(
    graph: &CsrGraph,
    reference: &[u64],
    method: FlowMethod,
    found: &FlowSolution,
) -> Result<(), TestCaseError> {
    let delta = delta_of(method);
    let scores = ClusterScores::of(graph, &found.nodes).unwrap();
    prop_assert!((scores.cut - found.cut).abs() <= 1e-9 && (scores.volume - found.volume).abs() <= 1e-9);
    prop_assert!((scores.conductance() - found.conductance).abs() <= 1e-9);
    prop_assert!((value(graph, reference, &found.nodes, delta).unwrap() - found.value).abs() <= 1e-9);
    let before = value(graph, reference, reference, delta).unwrap();
    prop_assert!(found.value <= before + 1e-12, "{} is worse than {before}", found.value);
    if method == FlowMethod::Mqi {
        prop_assert!(found.nodes.iter().all(|u| reference.contains(u)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_set_is_better((graph, reference) in graph_and_set(12), method in any_method()) {
        let found = method.improve(&graph, &reference).unwrap();
        check_answer(&graph, &reference, method, &found)?;
        for bits in 1_u64..1 << graph.node_count() {
            let set: Vec<u64> = (0..graph.node_count()).filter(|u| bits >> u & 1 == 1).collect();
            if let Some(other) = value(&graph, &reference, &set, delta_of(method)) {
                prop_assert!(found.value <= other + 1e-9 * (1.0 + other), "{:?} has {other} < {}", set, found.value);
            }
        }
    }

    /// Each round's network holds R and as much again over σ, and nothing beyond its neighbours is read.
    #[test]
    fn work_is_bounded((graph, reference) in graph_and_set(40), delta in 0.01_f64..2.0) {
        let counting = CountingGraph::new(&graph);
        let method = FlowMethod::SimpleLocal { delta };
        let found = method.improve(&counting, &reference).unwrap();
        check_answer(&graph, &reference, method, &found)?;
        let volume: f64 = reference.iter().map(|&u| graph.degree(u)).sum();
        let sigma = volume / (graph.total_volume() - volume) + delta;
        let bound = found.work.iterations as f64 * volume * (1.0 + 1.0 / sigma);
        prop_assert!(found.work.volume_touched <= bound * (1.0 + 1e-9));
        prop_assert_eq!(found.work.arcs_read, counting.arcs_read());
        prop_assert_eq!(found.work.nodes_touched, counting.nodes_read().len() as u64);
    }

    /// Rounding penalties up worsens values, and changes nothing where there are no penalties.
    #[test]
    fn limits_leave_a_set_that_is_no_worse((graph, reference) in graph_and_set(20), method in any_method(), max_work in 0_u64..300, max_arcs in 1_usize..10) {
        let limits = Limits { max_work: Some(max_work), max_arcs: Some(max_arcs), ..Limits::default() };
        let found = method.improve_within(&graph, &reference, limits).unwrap();
        prop_assert!(found.work.edges_touched <= max_work);
        prop_assert!(found.nodes.iter().all(|u| reference.contains(u) || graph.arc_count(*u) <= max_arcs));
        check_answer(&graph, &reference, method, &found)?;
        if found.status == Status::Converged {
            prop_assert_eq!(found, method.improve(&graph, &reference).unwrap());
        }
    }

    #[test]
    fn whole_penalties((graph, reference) in graph_and_set(30), delta in 0.0_f64..2.0) {
        let method = FlowMethod::SimpleLocal { delta };
        let exact = method.improve(&graph, &reference).unwrap();
        let rounded = method.improve_with_whole_penalties(&graph, &reference).unwrap();
        let true_value = value(&graph, &reference, &rounded.nodes, delta).unwrap();
        prop_assert!(exact.value <= true_value + 1e-9);
        prop_assert!(true_value <= rounded.value + 1e-9);
        prop_assert!(rounded.value <= value(&graph, &reference, &reference, delta).unwrap() + 1e-9);
        prop_assert_eq!(
            FlowMethod::Mqi.improve_with_whole_penalties(&graph, &reference).unwrap(),
            FlowMethod::Mqi.improve(&graph, &reference).unwrap()
        );
    }

    #[test]
    fn a_larger_delta_never_lowers_the_value((graph, reference) in graph_and_set(30)) {
        let values: Vec<f64> = [0.0, 0.1, 1.0, 10.0].iter()
            .map(|&delta| FlowMethod::SimpleLocal { delta }.improve(&graph, &reference).unwrap().value)
            .chain([FlowMethod::Mqi.improve(&graph, &reference).unwrap().value])
            .collect();
        prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9), "{values:?}");
    }
}

/// A grid of side 300 with a dense block: the block is found from part of it, and the grid is hardly read.
#[test]
fn large_graphs_are_hardly_read() {
    const SIDE: u64 = 300;
    let grid = (0..SIDE * SIDE).flat_map(|u| {
        let right = (u % SIDE + 1 < SIDE).then_some((u, u + 1, 1.0));
        let down = (u + SIDE < SIDE * SIDE).then_some((u, u + SIDE, 1.0));
        right.into_iter().chain(down)
    });
    let block = |u: u64| (100..110).contains(&(u / SIDE)) && (100..110).contains(&(u % SIDE));
    let graph = CsrGraph::from_weighted_edges(
        SIDE * SIDE,
        grid.map(|(u, v, w)| (u, v, if block(u) && block(v) { 10.0 } else { w })),
    )
    .unwrap();
    let members: Vec<u64> = (0..SIDE * SIDE).filter(|&u| block(u)).collect();
    // Rows 100 to 107 of the block, and one row of grid above it.
    let reference: Vec<u64> = (0..SIDE * SIDE)
        .filter(|&u| (99..108).contains(&(u / SIDE)) && (100..110).contains(&(u % SIDE)))
        .collect();
    let counting = CountingGraph::new(&graph);
    let found = FlowMethod::SimpleLocal { delta: 1.0 }.improve(&counting, &reference).unwrap();
    assert_eq!(found.nodes, members);
    assert!(counting.nodes_read().len() < 3000, "{}", counting.nodes_read().len());
    let inside = FlowMethod::Mqi.improve(&graph, &reference).unwrap();
    assert!(inside.nodes.iter().all(|u| reference.contains(u)));
    assert!(found.value < inside.value);
}

#[test]
fn closed_sets_stay() {
    let graph = CsrGraph::from_edges(5, [(0, 1), (1, 2), (3, 4)]).unwrap();
    for method in [FlowMethod::FlowImprove, FlowMethod::Mqi, FlowMethod::SimpleLocal { delta: 0.3 }] {
        for reference in [vec![0, 1, 2], vec![3, 4], vec![0, 1, 2, 3, 4]] {
            let found = method.improve(&graph, &reference).unwrap();
            assert_eq!((&found.nodes, found.value, found.work.iterations), (&reference, 0.0, 0));
        }
    }
    // A whole component is reached from part of it.
    let whole = FlowMethod::FlowImprove.improve(&graph, &[0, 1]).unwrap();
    assert_eq!((whole.nodes, whole.value), (vec![0, 1, 2], 0.0));
}

#[test]
fn methods_survive_json() {
    for method in [FlowMethod::FlowImprove, FlowMethod::Mqi, FlowMethod::SimpleLocal { delta: 0.3 }] {
        let text = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<FlowMethod>(&text).unwrap(), method);
    }
}

#[test]
fn bad_input_is_an_error() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).unwrap();
    for delta in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            FlowMethod::SimpleLocal { delta }.improve(&graph, &[0]),
            Err(GraphError::OutOfRange { argument: "delta", .. })
        ));
    }
    let improve = |reference: &[u64]| FlowMethod::FlowImprove.improve(&graph, reference);
    assert!(matches!(improve(&[]), Err(GraphError::EmptySet { argument: "reference" })));
    assert!(matches!(improve(&[9]), Err(GraphError::UnknownNode { node: 9, .. })));
    assert!(matches!(improve(&[1, 1]), Err(GraphError::DuplicateNode { node: 1, .. })));
    assert!(matches!(improve(&[0, 3]), Err(GraphError::IsolatedSeed(3))));
}
