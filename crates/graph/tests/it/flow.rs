//! Flow improvement against brute force over all sets.

use kiln_core::InputError;
use kiln_graph::flow::{FlowCertificate, FlowImprove, Mqi, SimpleLocal, improve};
use kiln_graph::{
    Adjacency, ClusterLimits, ClusterScores, CountingGraph, CsrGraph, GraphError, Limits, LocalAnswer,
    LocalMethod, LocalQuery, LocalQuestion, NoClusterReason, SeedDistribution, Status,
};
use proptest::prelude::*;

use crate::graphs::{ask_within, cluster_by, graph_and_set, wrong_setting};

/// Any flow method.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flow {
    Improve,
    Local(f64),
    Mqi,
}

impl LocalMethod for Flow {
    type Certificate = FlowCertificate;

    fn solve<G: Adjacency>(
        &self,
        question: &mut LocalQuestion<'_, G>,
    ) -> kiln_graph::Result<LocalAnswer<FlowCertificate>> {
        match *self {
            Flow::Improve => FlowImprove {}.solve(question),
            Flow::Local(delta) => SimpleLocal::new(delta).solve(question),
            Flow::Mqi => Mqi {}.solve(question),
        }
    }
}

const METHODS: [Flow; 3] = [Flow::Improve, Flow::Mqi, Flow::Local(0.3)];

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

fn delta_of(method: Flow) -> f64 {
    match method {
        Flow::Improve => 0.0,
        Flow::Local(delta) => delta,
        Flow::Mqi => f64::INFINITY,
    }
}

fn any_method() -> impl Strategy<Value = Flow> {
    let delta = prop::sample::select(vec![0.0, 0.05, 0.3, 1.0, 5.0]);
    prop_oneof![Just(Flow::Improve), Just(Flow::Mqi), delta.prop_map(Flow::Local)]
}

fn nodes(found: &LocalAnswer<FlowCertificate>) -> Vec<u64> {
    found.support().collect()
}

/// What must hold of any answer.
fn check_answer(
    graph: &CsrGraph,
    reference: &[u64],
    method: Flow,
    found: &LocalAnswer<FlowCertificate>,
) -> Result<(), TestCaseError> {
    let (delta, nodes, certificate) = (delta_of(method), nodes(found), found.certificate);
    let scores = ClusterScores::of(graph, &nodes).unwrap();
    prop_assert!((scores.cut - certificate.cut).abs() <= 1e-9);
    prop_assert!((scores.volume - certificate.volume).abs() <= 1e-9);
    prop_assert!((scores.conductance() - certificate.conductance).abs() <= 1e-9);
    prop_assert!((value(graph, reference, &nodes, delta).unwrap() - certificate.value).abs() <= 1e-9);
    let again = found.certify(graph).unwrap();
    prop_assert!((again.value - certificate.value).abs() <= 1e-9);
    prop_assert!((found.mass_l1() - 1.0).abs() <= 1e-12);
    let before = value(graph, reference, reference, delta).unwrap();
    prop_assert!(certificate.value <= before + 1e-12, "{} is worse than {before}", certificate.value);
    if method == Flow::Mqi {
        prop_assert!(nodes.iter().all(|u| reference.contains(u)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_set_is_better((graph, reference) in graph_and_set(12), method in any_method()) {
        let found = improve(&method, &graph, &reference).unwrap();
        check_answer(&graph, &reference, method, &found)?;
        for bits in 1_u64..1 << graph.node_count() {
            let set: Vec<u64> = (0..graph.node_count()).filter(|u| bits >> u & 1 == 1).collect();
            if let Some(other) = value(&graph, &reference, &set, delta_of(method)) {
                let least = found.certificate.value;
                prop_assert!(least <= other + 1e-9 * (1.0 + other), "{set:?} has {other} < {least}");
            }
        }
    }

    /// Each round's network holds R and as much again over σ, and nothing beyond its neighbours is read.
    #[test]
    fn work_is_bounded((graph, reference) in graph_and_set(40), delta in 0.01_f64..2.0) {
        let counting = CountingGraph::new(&graph);
        let method = Flow::Local(delta);
        let found = improve(&method, &counting, &reference).unwrap();
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
    fn limits_leave_a_set_that_is_no_worse(
        (graph, reference) in graph_and_set(20),
        method in any_method(),
        max_work in 0_u64..300,
        max_arcs in 1_usize..10,
    ) {
        let limits = Limits { max_work: Some(max_work), max_arcs: Some(max_arcs), ..Limits::default() };
        let seeds = SeedDistribution::uniform(reference.clone());
        let found = ask_within(&method, &graph, &seeds, limits).unwrap();
        prop_assert!(found.work.edges_touched <= max_work);
        prop_assert!(nodes(&found).iter().all(|u| reference.contains(u) || graph.arc_count(*u) <= max_arcs));
        check_answer(&graph, &reference, method, &found)?;
        if found.status == Status::Converged {
            prop_assert_eq!(found, improve(&method, &graph, &reference).unwrap());
        }
    }

    #[test]
    fn whole_penalties((graph, reference) in graph_and_set(30), delta in 0.0_f64..2.0) {
        let method = Flow::Local(delta);
        let exact = improve(&method, &graph, &reference).unwrap();
        let whole = SimpleLocal { whole_penalties: true, ..SimpleLocal::new(delta) };
        let rounded = improve(&whole, &graph, &reference).unwrap();
        let true_value = value(&graph, &reference, &nodes(&rounded), delta).unwrap();
        prop_assert!(exact.certificate.value <= true_value + 1e-9);
        prop_assert!(true_value <= rounded.certificate.value + 1e-9);
        let before = value(&graph, &reference, &reference, delta).unwrap();
        prop_assert!(rounded.certificate.value <= before + 1e-9);
        // Nothing is rounded where nothing is outside.
        if nodes(&exact).iter().all(|u| reference.contains(u)) && nodes(&rounded) == nodes(&exact) {
            prop_assert_eq!(rounded.certificate, exact.certificate);
        }
    }

    #[test]
    fn a_larger_delta_never_lowers_the_value((graph, reference) in graph_and_set(30)) {
        let values: Vec<f64> = [0.0, 0.1, 1.0, 10.0].iter()
            .map(|&delta| improve(&Flow::Local(delta), &graph, &reference).unwrap().certificate.value)
            .chain([improve(&Flow::Mqi, &graph, &reference).unwrap().certificate.value])
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
    let found = improve(&Flow::Local(1.0), &counting, &reference).unwrap();
    assert_eq!(nodes(&found), members);
    assert!(counting.nodes_read().len() < 3000, "{}", counting.nodes_read().len());
    let inside = improve(&Flow::Mqi, &graph, &reference).unwrap();
    assert!(nodes(&inside).iter().all(|u| reference.contains(u)));
    assert!(found.certificate.value < inside.certificate.value);
}

#[test]
fn closed_sets_stay() {
    let graph = CsrGraph::from_edges(5, [(0, 1), (1, 2), (3, 4)]).unwrap();
    for method in METHODS {
        for reference in [vec![0, 1, 2], vec![3, 4], vec![0, 1, 2, 3, 4]] {
            let found = improve(&method, &graph, &reference).unwrap();
            assert_eq!(
                (&nodes(&found), found.certificate.value, found.work.iterations),
                (&reference, 0.0, 0)
            );
        }
    }
    // A whole component is reached from part of it.
    let whole = improve(&Flow::Improve, &graph, &[0, 1]).unwrap();
    assert_eq!((nodes(&whole), whole.certificate.value), (vec![0, 1, 2], 0.0));
}

#[test]
fn the_whole_graph_is_no_cluster() {
    let graph = CsrGraph::from_edges(3, [(0, 1), (1, 2)]).unwrap();
    let (answer, cluster) = cluster_by(&Mqi {}, &graph, &SeedDistribution::uniform(0..3)).unwrap();
    assert_eq!(nodes(&answer), [0, 1, 2]);
    assert!(matches!(cluster.reason(), Some(NoClusterReason::TooLarge { size: 3, .. })));
    // Nor is most of it, unless one says so.
    let query = LocalQuery::new(SeedDistribution::uniform([0, 1])).method(Mqi {});
    let reason = query.cluster(&graph).unwrap().1.found().unwrap_err();
    assert!(matches!(reason, NoClusterReason::TooLarge { size: 2, max_volume, .. } if max_volume < 2.1));
    let most = ClusterLimits { max_share: 0.9, max_conductance: 1.0, ..ClusterLimits::default() };
    assert_eq!(query.cluster_limits(most).cluster(&graph).unwrap().1.found().unwrap().nodes, [0, 1]);
}

#[test]
fn methods_and_answers_survive_json() {
    let text = serde_json::to_string(&(FlowImprove {}, Mqi {}, SimpleLocal::new(0.3))).unwrap();
    let read: (FlowImprove, Mqi, SimpleLocal) = serde_json::from_str(&text).unwrap();
    assert_eq!(read, (FlowImprove {}, Mqi {}, SimpleLocal::new(0.3)));
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2), (2, 3)]).unwrap();
    for method in METHODS {
        let answer = improve(&method, &graph, &[0, 1]).unwrap();
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<LocalAnswer<FlowCertificate>>(&text).unwrap().mass, answer.mass);
    }
}

#[test]
fn bad_input_is_an_error() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).unwrap();
    for delta in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(wrong_setting(improve(&SimpleLocal::new(delta), &graph, &[0])), "delta");
    }
    let improve = |reference: &[u64]| improve(&FlowImprove {}, &graph, reference);
    let empty = improve(&[]);
    assert!(matches!(empty, Err(GraphError::Input(InputError::Empty { what })) if what == "reference"));
    assert!(matches!(improve(&[9]), Err(GraphError::UnknownNode { node: 9, .. })));
    assert!(matches!(improve(&[1, 1]), Err(GraphError::DuplicateNode { node: 1, .. })));
    assert!(matches!(improve(&[0, 3]), Err(GraphError::IsolatedSeed(3))));
}
