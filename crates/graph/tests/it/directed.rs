//! PageRank on directed graphs against a dense solution, and on bipartite graphs as they are.

use kiln_graph::io::{Format, ReadOptions, read_labelled_from};
use kiln_graph::{
    Adjacency, AlongArcs, ApprOpt, CsrGraph, DirectedGraph, DirectedPush, GraphError, Limits, LocalAnswer,
    LocalQuery, SeedDistribution, Status, Symmetrize,
};
use proptest::collection::vec;
use proptest::prelude::*;

type Arcs = Vec<(u64, u64, f64)>;

/// The solution of `p = a s + (1-a) (Wᵀp + s · Σ p_u over the dangling u)` by elimination.
fn dense(n: usize, arcs: &Arcs, seeds: &[f64], alpha: f64) -> Vec<f64> {
    let stop = 2.0 * alpha / (1.0 + alpha);
    let mut walk = vec![vec![0.0; n]; n];
    for &(u, v, weight) in arcs {
        walk[u as usize][v as usize] += weight;
    }
    for row in &mut walk {
        let degree: f64 = row.iter().sum();
        for (v, entry) in row.iter_mut().enumerate() {
            *entry = if degree > 0.0 { *entry / degree } else { seeds[v] };
        }
    }
    // The matrix I - (1-a) Wᵀ has dominant columns, so that no row needs to be exchanged.
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|v| {
            let entries = (0..n).map(|u| f64::from(u == v) - (1.0 - stop) * walk[u][v]);
            entries.chain([stop * seeds[v]]).collect()
        })
        .collect();
    for at in 0..n {
        for below in at + 1..n {
            let factor = rows[below][at] / rows[at][at];
            let (above, rest) = rows.split_at_mut(at + 1);
            for (x, y) in rest[below - at - 1].iter_mut().zip(&above[at]) {
                *x -= factor * y;
            }
        }
    }
    let mut p = vec![0.0; n];
    for at in (0..n).rev() {
        let known: f64 = (at + 1..n).map(|v| rows[at][v] * p[v]).sum();
        p[at] = (rows[at][n] - known) / rows[at][at];
    }
    p
}

fn distance<C>(answer: &LocalAnswer<C>, exact: &[f64]) -> f64 {
    exact.iter().enumerate().map(|(u, p)| (answer.mass_of(u as u64) - p).abs()).sum()
}

fn uniform(n: usize, seeds: &[u64]) -> Vec<f64> {
    let mut shares = vec![0.0; n];
    for &seed in seeds {
        shares[seed as usize] += 1.0 / seeds.len() as f64;
    }
    shares
}

fn any_problem() -> impl Strategy<Value = (usize, Arcs, Vec<u64>, f64, f64)> {
    (2..10_u64).prop_flat_map(|n| {
        // Few arcs, so that some nodes are dangling; weights over twelve orders.
        let weight = (-6.0..6.0_f64).prop_map(|exponent| 10_f64.powf(exponent));
        let arcs = vec((0..n, 0..n, weight), 0..2 * n as usize);
        (Just(n as usize), arcs, vec(0..n, 1..4), 0.01..0.99_f64, 1e-8..1.0_f64)
    })
}

proptest! {
    #[test]
    fn the_error_bar_is_the_error((n, arcs, seeds, alpha, epsilon) in any_problem()) {
        let graph = DirectedGraph::from_arcs(n as u64, arcs.clone()).unwrap();
        let exact = dense(n, &arcs, &uniform(n, &seeds), alpha);
        let seeds = SeedDistribution::uniform(seeds);
        let push = DirectedPush { alpha, ..DirectedPush::new(epsilon) };
        let answer = push.run(&graph, &seeds, Limits::default()).unwrap();
        let certificate = answer.certificate;
        let error = distance(&answer, &exact);
        prop_assert!(error <= certificate.l1_error + 1e-13, "{error} {certificate:?}");
        // From below the bar is the error itself.
        prop_assert!(error >= certificate.under - certificate.rounding - 1e-13, "{error} {certificate:?}");
        prop_assert!((answer.mass_l1() + certificate.residual_mass - 1.0).abs() < 1e-12);
        let again = answer.certify(&graph).unwrap();
        prop_assert!((again.l1_error - certificate.l1_error).abs() <= again.rounding + certificate.rounding);
        let bound = (1.0 + alpha) / (2.0 * alpha * epsilon);
        prop_assert!(answer.work.edges_touched as f64 <= bound * (1.0 + 1e-9), "{:?} {bound}", answer.work);
        // To an error that was asked for.
        let goal = DirectedPush { alpha, stop_at_error: Some(1e-6), ..DirectedPush::new(epsilon) };
        let near = goal.run(&graph, &seeds, Limits::default()).unwrap();
        prop_assert!(near.certificate.l1_error <= 1e-6 && distance(&near, &exact) <= 1e-6 + 1e-13);
        // Whatever became of the answer, the bar holds.
        let mut wrong = answer.clone();
        wrong.mass.iter_mut().zip([2.0, -0.5, 0.0, 1.5]).for_each(|(entry, factor)| entry.1 *= factor);
        let found = wrong.certify(&graph).unwrap();
        prop_assert!(distance(&wrong, &exact) <= found.l1_error + 1e-12);
    }

    #[test]
    fn with_every_arc_in_both_directions_it_is_the_pagerank_of_the_others(
        ends in vec((0..12_u64, 0..12_u64, 0.1..10.0_f64), 1..40),
        alpha in 0.02..0.9_f64,
    ) {
        let undirected = CsrGraph::from_weighted_edges(12, ends.iter().copied()).unwrap();
        let both = ends.iter().flat_map(|&(u, v, w)| if u == v { vec![(u, v, w)] } else { vec![(u, v, w), (v, u, w)] });
        let directed = DirectedGraph::from_arcs(12, both).unwrap();
        let seed = ends[0].0;
        let pushed = DirectedPush { alpha, stop_at_error: Some(1e-9), ..DirectedPush::new(1e-3) };
        let pushed = pushed.run(&directed, &seed.into(), Limits::default()).unwrap();
        let query = LocalQuery::node(seed).method(ApprOpt { alpha, ..ApprOpt::new(1e-3) }).stop_at_error(1e-9);
        let other = query.run(&undirected).unwrap();
        let distance: f64 = (0..12).map(|u| (pushed.mass_of(u) - other.mass_of(u)).abs()).sum();
        prop_assert!(distance <= pushed.certificate.l1_error + other.certificate.l1_error);
        prop_assert_eq!(directed.symmetrized(Symmetrize::Reject).unwrap(), undirected);
    }

    #[test]
    fn a_constant_factor_on_the_weights_changes_nothing((n, arcs, seeds, alpha, epsilon) in any_problem()) {
        let seeds = SeedDistribution::uniform(seeds);
        let answers = [1.0, 1_048_576.0, 1.0 / 1_048_576.0].map(|factor| {
            let arcs = arcs.iter().map(|&(u, v, weight)| (u, v, factor * weight));
            let graph = DirectedGraph::from_arcs(n as u64, arcs).unwrap();
            DirectedPush { alpha, ..DirectedPush::new(epsilon) }.run(&graph, &seeds, Limits::default()).unwrap()
        });
        prop_assert_eq!(&answers[0].mass, &answers[1].mass);
        prop_assert_eq!(&answers[0].mass, &answers[2].mass);
    }
}

#[test]
fn dangling_nodes_return_to_the_seeds() {
    // 0 -> 1 -> 2, and nothing leaves 2. With a = 1/2: p = (4, 2, 1) / 7.
    let graph = DirectedGraph::from_arcs(4, [(0, 1, 1.0), (1, 2, 1.0)]).unwrap();
    let push = DirectedPush { alpha: 1.0 / 3.0, ..DirectedPush::new(1e-12) };
    let answer = push.run(&graph, &SeedDistribution::node(0), Limits::default()).unwrap();
    assert!(distance(&answer, &[4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0]) < 1e-11, "{:?}", answer.mass);
    // A seed that is dangling itself is all there is.
    let answer = push.run(&graph, &SeedDistribution::node(3), Limits::default()).unwrap();
    assert!((answer.mass_of(3) - 1.0).abs() < 1e-11 && answer.mass.len() == 1);
    assert_eq!((graph.is_dangling(2), graph.is_dangling(1), graph.is_dangling(99)), (true, false, true));
}

#[test]
fn limits_give_valid_partial_answers() {
    let star = (1..100).flat_map(|leaf| [(0, leaf, 1.0), (leaf, leaf % 99 + 1, 1.0), (leaf, 0, 1.0)]);
    let graph = DirectedGraph::from_arcs(100, star).unwrap();
    let push = DirectedPush::new(1e-6);
    let ask = |limits| push.run(&graph, &SeedDistribution::node(1), limits).unwrap();
    for (limits, status) in [
        (Limits { max_work: Some(50), ..Limits::default() }, Status::WorkLimit),
        (Limits { max_nodes: Some(5), ..Limits::default() }, Status::WorkLimit),
        (Limits { max_arcs: Some(10), ..Limits::default() }, Status::HubsSkipped),
    ] {
        let answer = ask(limits);
        assert_eq!(answer.status, status, "{limits:?}");
        assert!((answer.mass_l1() + answer.certificate.residual_mass - 1.0).abs() < 1e-12, "{limits:?}");
        assert!(answer.certificate.l1_error > 1e-3);
        assert!(limits.max_work.is_none_or(|most| answer.work.edges_touched <= most));
        assert!(limits.max_nodes.is_none_or(|most| answer.work.nodes_touched <= most as u64));
    }
    let whole = ask(Limits::default());
    assert_eq!(whole.status, Status::Converged);
    assert!(whole.work.arcs_read <= graph.arc_count() && whole.work.arcs_read <= whole.work.edges_touched);
    assert_eq!(ask(Limits::default()), whole);
    // An error below rounding cannot be proved.
    let push = DirectedPush { stop_at_error: Some(1e-18), ..push };
    let answer = push.run(&graph, &SeedDistribution::node(1), Limits::default()).unwrap();
    assert_eq!(answer.status, Status::Stagnated);
    assert!(answer.certificate.l1_error < 1e-11);
    let answer = DirectedPush::new(2.0).run(&graph, &SeedDistribution::node(1), Limits::default()).unwrap();
    assert_eq!((answer.status, answer.mass.len()), (Status::Empty, 0));
}

#[test]
fn bad_input_is_refused() {
    let graph = DirectedGraph::from_arcs(3, [(0, 1, 1.0), (1, 1, 2.0), (0, 1, 0.5), (1, 2, 0.0)]).unwrap();
    assert_eq!(graph.arcs().collect::<Vec<_>>(), [(0, 1, 1.5), (1, 1, 2.0)]);
    assert_eq!((graph.arc_count(), graph.out_degree(0), graph.node_count()), (2, 1, 3));
    for arc in [(0, 3, 1.0), (0, 1, -1.0), (0, 1, f64::NAN), (0, 1, f64::INFINITY)] {
        assert!(DirectedGraph::from_arcs(3, [arc]).is_err(), "{arc:?}");
    }
    assert!(matches!(
        DirectedGraph::from_arcs(2, [(0, 1, f64::MAX), (0, 1, f64::MAX)]),
        Err(GraphError::WeightOverflow { .. })
    ));
    assert!(matches!(DirectedGraph::from_arcs(1 << 33, []), Err(GraphError::TooManyNodes { .. })));
    let seed = SeedDistribution::node(0);
    for (push, name) in [
        (DirectedPush { alpha: 0.0, ..DirectedPush::new(1e-3) }, "alpha"),
        (DirectedPush::new(0.0), "epsilon"),
        (DirectedPush::new(f64::NAN), "epsilon"),
        (DirectedPush { stop_at_error: Some(0.0), ..DirectedPush::new(1e-3) }, "stop_at_error"),
    ] {
        let error = push.run(&graph, &seed, Limits::default()).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    let push = DirectedPush::new(1e-3);
    assert!(push.run(&graph, &seed, Limits { max_nodes: Some(0), ..Limits::default() }).is_err());
    assert!(matches!(
        push.run(&graph, &SeedDistribution::node(3), Limits::default()),
        Err(GraphError::UnknownNode { node: 3, .. })
    ));
    let mut answer = push.run(&graph, &seed, Limits::default()).unwrap();
    answer.mass = vec![(0, 0.5), (0, 0.5)];
    assert!(matches!(answer.certify(&graph), Err(GraphError::DuplicateNode { node: 0, .. })));
    answer.mass = vec![(0, f64::NAN)];
    assert!(answer.certify(&graph).is_err());
    let text = serde_json::to_string(&push).unwrap();
    assert_eq!(serde_json::from_str::<DirectedPush>(&text).unwrap(), push);
}

/// Directions are kept by every format that has them, and made up by none.
#[test]
fn files_keep_their_directions() {
    let directed = ReadOptions { directed: true, ..ReadOptions::default() };
    let one_way = [
        (Format::EdgeList, "Source,Target,Type,Weight\na,b,Directed,2\nb,c,Directed,1\nb,a,Directed,3\n"),
        (Format::EdgeList, "a b 2\nb c 1\nb a 3\n"),
        (
            Format::GraphMl,
            "<graphml><graph edgedefault=\"directed\"><node id=\"a\"/><node id=\"b\"/><node id=\"c\"/>\
            <edge source=\"a\" target=\"b\"><data key=\"weight\">2</data></edge><edge source=\"b\" target=\"c\"/>\
            <edge source=\"b\" target=\"a\"><data key=\"weight\">3</data></edge></graph></graphml>",
        ),
        (Format::MatrixMarket, "%%MatrixMarket matrix coordinate real general\n3 3 3\n1 2 2\n2 3 1\n2 1 3\n"),
        (Format::Smat, "3 3 3\n0 1 2\n1 2 1\n1 0 3\n"),
        (Format::Metis, "3 3 001\n2 2\n3 1 1 3\n\n"),
        (Format::Pajek, "*Vertices 3\n*Arcs\n1 2 2\n2 3 1\n2 1 3\n"),
        (Format::Dimacs, "p sp 3 3\na 1 2 2\na 2 3 1\na 2 1 3\n"),
        (
            Format::Gml,
            "graph [ directed 1 node [ id 0 ] node [ id 1 ] node [ id 2 ] \
            edge [ source 0 target 1 weight 2 ] edge [ source 1 target 2 weight 1 ]
            edge [ source 1 target 0 weight 3 ] ]",
        ),
    ];
    for (format, text) in one_way {
        let read = read_labelled_from(text.as_bytes(), format, &directed).unwrap();
        let arcs: Arcs = read.arcs.unwrap().arcs().collect();
        assert_eq!(arcs, [(0, 1, 2.0), (1, 0, 3.0), (1, 2, 1.0)], "{format}: {text}");
        let edges: Arcs = read.graph.graph().edges().collect();
        assert_eq!(edges, [(0, 1, 5.0), (1, 2, 1.0)], "{format}");
        let max = ReadOptions { symmetrize: Some(Symmetrize::Max), ..directed.clone() };
        let read = read_labelled_from(text.as_bytes(), format, &max).unwrap();
        assert_eq!(read.graph.graph().edges().next(), Some((0, 1, 3.0)), "{format}");
        assert!(
            read_labelled_from(text.as_bytes(), format, &ReadOptions::default())
                .unwrap_or_else(|error| {
                    assert!(error.to_string().contains("Symmetrize::Sum"), "{format}: {error}");
                    read
                })
                .arcs
                .is_none_or(|arcs| arcs.arc_count() == 3)
        );
    }
    for (format, text) in [
        (
            Format::GraphMl,
            "<graphml><graph edgedefault=\"undirected\"><node id=\"a\"/><node id=\"b\"/>\
            <edge source=\"a\" target=\"b\"/></graph></graphml>",
        ),
        (Format::MatrixMarket, "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1\n"),
        (Format::Dimacs, "p edge 2 1\ne 1 2\n"),
    ] {
        let read = read_labelled_from(text.as_bytes(), format, &directed).unwrap();
        assert_eq!(read.arcs.unwrap().arcs().collect::<Arcs>(), [(0, 1, 1.0), (1, 0, 1.0)], "{format}");
    }
    assert!(
        read_labelled_from("a b\n".as_bytes(), Format::EdgeList, &ReadOptions::default())
            .unwrap()
            .arcs
            .is_none()
    );
}

#[test]
fn a_method_along_arcs_wants_the_same_nodes() {
    let arcs = &DirectedGraph::from_arcs(3, [(0, 1, 1.0), (1, 2, 1.0)]).unwrap();
    let graph = arcs.symmetrized(Symmetrize::Sum).unwrap();
    let method = AlongArcs { arcs, push: DirectedPush::new(1e-3) };
    let query = LocalQuery::node(0).method(method);
    assert_eq!(query.run(&graph).unwrap(), method.push.run(arcs, &0.into(), Limits::default()).unwrap());
    let error = query.run(&CsrGraph::from_edges(4, [(0, 1), (2, 3)]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("arcs"), "{error}");
}

/// A matrix that is not square is a bipartite graph, whose walk is lazy and so needs no special care.
#[test]
fn bipartite_rectangles_are_answered_as_they_are() {
    let text = "%%MatrixMarket matrix coordinate real general\n3 2 4\n1 1 2\n2 1 1\n2 2 3\n3 2 1\n";
    let read = read_labelled_from(text.as_bytes(), Format::MatrixMarket, &ReadOptions::default()).unwrap();
    let (graph, seed) = (read.graph.graph(), read.graph.id("r1").unwrap());
    let arcs: Arcs = graph.edges().flat_map(|(u, v, weight)| [(u, v, weight), (v, u, weight)]).collect();
    let exact = dense(5, &arcs, &uniform(5, &[seed]), 0.1);
    let query = LocalQuery::node(seed).method(ApprOpt::new(1e-3)).stop_at_error(1e-9);
    let answer = query.run(graph).unwrap();
    assert!(distance(&answer, &exact) <= answer.certificate.l1_error);
    assert_eq!(graph.node_count(), 5);
}
