//! Flow diffusion against all possible supports.

use kiln_graph::flow::{FlowDiffusion, NodeAttributes};
use kiln_graph::{
    Adjacency, CountingGraph, CsrGraph, GraphError, Limits, LocalQuery, SeedDistribution, Status, WeightUnit,
};
use proptest::prelude::*;

use crate::accelerated::eliminate;
use crate::graphs::{dense, karate, weighted_graph};

/// The heights of the exact diffusion: the one support whose linear system meets all conditions. `None` if no
/// support does, because the mass cannot settle.
fn heights(graph: &CsrGraph, weights: &[Vec<f64>], source: &[f64]) -> Option<Vec<f64>> {
    let n = source.len();
    let sink: Vec<f64> = (0..n as u64).map(|u| graph.degree(u)).collect();
    (0..1_u32 << n).find_map(|bits| {
        let set: Vec<usize> = (0..n).filter(|u| bits >> u & 1 == 1).collect();
        let entry = |u: usize, v: usize| {
            if u == v { (0..n).filter(|&w| w != u).map(|w| weights[u][w]).sum() } else { -weights[u][v] }
        };
        let matrix = set.iter().map(|&u| set.iter().map(|&v| entry(u, v)).collect()).collect();
        let right = set.iter().map(|&u| source[u] - sink[u]).collect();
        let solved = eliminate(matrix, right)?;
        let mut x = vec![0.0; n];
        for (&u, height) in set.iter().zip(solved) {
            x[u] = height;
        }
        let holds = (0..n).all(|u| {
            let left: f64 = (0..n).filter(|&v| v != u).map(|v| weights[u][v] * (x[u] - x[v])).sum();
            x[u] >= -1e-12 && source[u] - left <= sink[u] + 1e-9
        });
        holds.then_some(x)
    })
}

proptest! {
    #[test]
    fn heights_are_the_exact_ones(
        graph in weighted_graph(7),
        values in prop::collection::vec(0.0_f64..1.5, 14),
        gamma in prop_oneof![Just(0.0), 0.0_f64..2.0],
        fill in 0.1_f64..0.95,
        which in any::<prop::sample::Index>(),
    ) {
        let n = graph.node_count();
        let connected: Vec<u64> = (0..n).filter(|&u| graph.degree(u) > 0.0).collect();
        let seed = *which.get(&connected);
        let volume = fill * graph.total_volume();
        let attributes = NodeAttributes::new(2, values[..2 * n as usize].to_vec(), gamma).unwrap();
        let mut weights = dense(&graph);
        for (u, row) in (0..).zip(&mut weights) {
            for (v, weight) in (0..).zip(row) {
                *weight *= attributes.similarity(u, v);
            }
        }
        let mut source = vec![0.0; n as usize];
        source[seed as usize] = volume;
        let method = FlowDiffusion { volume, tolerance: 1e-10, attributes: Some(attributes) };
        let query = LocalQuery::node(seed).method(method.clone()).weight_unit(WeightUnit::AsGiven);
        let counting = CountingGraph::new(&graph);
        let answer = query.run(&counting).unwrap();
        prop_assert_eq!(counting.arcs_read(), answer.work.arcs_read);
        let Some(exact) = heights(&graph, &weights, &source) else {
            prop_assert_eq!(answer.status, Status::Stagnated);
            return Ok(());
        };
        prop_assert!(answer.status != Status::Stagnated, "{:?}", answer);
        let certificate = answer.certificate;
        let highest = exact.iter().copied().fold(0.0, f64::max);
        for (u, exact) in (0..).zip(&exact) {
            let found = if graph.degree(u) > 0.0 {
                answer.mass_of(u) * certificate.scale / graph.degree(u)
            } else {
                0.0
            };
            prop_assert!((found - exact).abs() <= 1e-6 * highest + 1e-9, "{} {} {}", u, found, exact);
            prop_assert!(found <= exact + 1e-9 * (1.0 + highest), "{} {} {}", u, found, exact);
        }
        prop_assert!(certificate.max_relative_excess <= 1e-10 * (1.0 + 1e-6));
        prop_assert!(certificate.max_relative_slack <= 1e-9);
        let again = answer.certify(&graph, &method).unwrap();
        prop_assert!((again.objective - certificate.objective).abs() <= 1e-9 * (1.0 + highest));
        prop_assert!((again.excess - certificate.excess).abs() <= 1e-9 * volume.max(1.0));
        // The objective is a minimum: no scaled heights are better.
        let objective = |scale: f64| {
            let mut value = 0.0;
            for u in 0..n as usize {
                value -= (source[u] - graph.degree(u as u64)) * scale * exact[u];
                for v in 0..u {
                    value += 0.5 * weights[u][v] * (scale * (exact[u] - exact[v])).powi(2);
                }
            }
            value
        };
        prop_assert!((certificate.objective - objective(1.0)).abs() <= 1e-6 * (1.0 + highest));
        prop_assert!(objective(1.0) <= objective(0.9) && objective(1.0) <= objective(1.1));
    }

    #[test]
    fn any_limit_leaves_heights_below(graph in weighted_graph(7), max_work in 0_u64..200) {
        let seed = (0..graph.node_count()).find(|&u| graph.degree(u) > 0.0).unwrap();
        let method = FlowDiffusion { tolerance: 1e-10, ..FlowDiffusion::new(0.5 * graph.total_volume()) };
        let query = LocalQuery::node(seed).method(method).weight_unit(WeightUnit::AsGiven);
        let whole = query.run(&graph).unwrap();
        let limits = Limits { max_work: Some(max_work), ..Limits::default() };
        let part = query.limits(limits).run(&graph).unwrap();
        prop_assert!(part.work.edges_touched <= max_work);
        for &(u, mass) in &part.mass {
            let (part, whole) = (mass * part.certificate.scale, whole.mass_of(u) * whole.certificate.scale);
            prop_assert!(part <= whole * (1.0 + 1e-9));
        }
    }
}

#[test]
fn attributes_tell_where_a_cluster_ends() {
    // A ring with two colours: the graph alone has no cluster.
    let n = 40;
    let ring = CsrGraph::from_edges(n, (0..n).map(|u| (u, (u + 1) % n))).unwrap();
    let colours = (0..n).map(|u| if (5..15).contains(&u) { 1.0 } else { 0.0 }).collect();
    let attributes = Some(NodeAttributes::new(1, colours, 4.0).unwrap());
    let method = FlowDiffusion { attributes, ..FlowDiffusion::new(22.0) };
    let (answer, _) = LocalQuery::node(6).method(method).cluster(&ring).unwrap();
    let inside: f64 = (5..15).map(|u| answer.mass_of(u)).sum();
    assert!(inside > 0.97, "{inside}");
    let (plain, _) = LocalQuery::node(6).method(FlowDiffusion::new(22.0)).cluster(&ring).unwrap();
    assert!((5..15).map(|u| plain.mass_of(u)).sum::<f64>() < 0.9);
}

#[test]
fn a_unit_of_weights_changes_nothing() {
    let graph = karate();
    let scaled = |unit: f64| {
        let edges = graph.edges().map(|(u, v, weight)| (u, v, unit * weight));
        CsrGraph::from_weighted_edges(34, edges).unwrap()
    };
    let masses = [1e-6, 1.0, 1e6].map(|unit| {
        let query = LocalQuery::node(0).method(FlowDiffusion::new(60.0));
        query.run(&scaled(unit)).unwrap().mass
    });
    for other in [&masses[0], &masses[2]] {
        assert_eq!(other.len(), masses[1].len());
        assert!(other.iter().zip(&masses[1]).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9));
    }
}

#[test]
fn mass_that_cannot_settle_is_noticed() {
    // Two components; the seeds' one has volume 6.
    let graph = CsrGraph::from_edges(7, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (5, 6)]).unwrap();
    for (volume, status) in [(5.9, Status::Converged), (6.1, Status::Stagnated), (1e9, Status::Stagnated)] {
        let answer = LocalQuery::node(0).method(FlowDiffusion::new(volume)).run(&graph).unwrap();
        assert_eq!(answer.status, status, "{volume}");
        assert!((answer.certificate.excess > 0.0) == (status == Status::Stagnated) || volume < 6.0);
    }
    // A seed with a self-loop only.
    let alone = CsrGraph::from_edges(3, [(0, 0), (1, 2)]).unwrap();
    let answer = LocalQuery::node(0).method(FlowDiffusion::new(3.0)).run(&alone).unwrap();
    assert_eq!(answer.status, Status::Stagnated);
    let two = SeedDistribution::uniform([0, 3]);
    let answer = LocalQuery::new(two).method(FlowDiffusion::new(11.0)).run(&graph).unwrap();
    assert_eq!(answer.status, Status::Converged, "5.5 on volumes of 6");
    let two = SeedDistribution::weighted([(0, 3.0), (3, 1.0)]);
    let answer = LocalQuery::new(two).method(FlowDiffusion::new(10.0)).run(&graph).unwrap();
    assert_eq!(answer.status, Status::Stagnated, "7.5 on a volume of 6");
}

#[test]
fn bad_settings_are_refused() {
    let graph = karate();
    let refused = |method: FlowDiffusion| {
        matches!(LocalQuery::node(0).method(method).run(&graph), Err(GraphError::Input(_)))
    };
    for volume in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(FlowDiffusion::new(volume)));
    }
    for tolerance in [0.0, 1e-13, f64::NAN, f64::INFINITY] {
        assert!(refused(FlowDiffusion { tolerance, ..FlowDiffusion::new(10.0) }));
    }
    let attributes = Some(NodeAttributes::new(1, vec![0.0; 33], 1.0).unwrap());
    assert!(refused(FlowDiffusion { attributes, ..FlowDiffusion::new(10.0) }));
    assert!(NodeAttributes::new(0, vec![], 1.0).is_err());
    assert!(NodeAttributes::new(2, vec![0.0; 3], 1.0).is_err());
    assert!(NodeAttributes::new(1, vec![f64::NAN], 1.0).is_err());
    assert!(NodeAttributes::new(1, vec![0.0], -1.0).is_err());
}
