//! Closed forms, counted bounds, edge cases and bad input.

use kiln_graph::generators::star;
use kiln_graph::{
    Adjacency, CsrGraph, GraphError, L1Path, Limits, LocalAnswer, LocalQuery, PageRankCertificate,
    PageRankMethod, QueueOrder, SeedDistribution, Stagewise, Status, SweepLimits, sweep,
};

use crate::graphs::{
    Case, L1_SOLVERS, SOLVERS, Solver, ask, ask_within, certify, differences, karate, volume, wrong_setting,
};

fn assert_mass(found: &LocalAnswer<PageRankCertificate>, expected: &[(u64, f64)]) {
    let worst = differences(&found.mass, expected).fold(0.0, |worst: f64, d| worst.max(d.abs()));
    assert!(worst <= 1e-9, "{worst}: {found:?} {expected:?}");
}

#[test]
fn closed_forms() {
    for solver in L1_SOLVERS {
        for alpha in [0.01, 0.3, 0.9] {
            let run = |graph: &CsrGraph, rho: f64| {
                let query = Case::node(0).alpha(alpha).rho(rho).tolerance(1e-10).solver(solver);
                query.run(graph).unwrap()
            };
            // One edge, rho -> 0.
            let edge = CsrGraph::from_edges(2, [(0, 1)]).unwrap();
            assert_mass(&run(&edge, 1e-12), &[(0, f64::midpoint(1.0, alpha)), (1, (1.0 - alpha) / 2.0)]);
            // One node with a self-loop.
            let node = CsrGraph::from_weighted_edges(1, [(0, 0, 2.5)]).unwrap();
            assert_mass(&run(&node, 0.1), &[(0, 1.0 - 0.1 * 2.5)]);
            // A star with L leaves from its centre: p_c + p_l = 1 - 2 rho L, and the centre's equation.
            let (leaves, rho) = (8.0, 1e-4);
            let (stay, go) = (f64::midpoint(1.0, alpha), (1.0 - alpha) / 2.0);
            let centre = alpha * (1.0 - rho * leaves) + go * (1.0 - 2.0 * rho * leaves);
            let leaf = (1.0 - 2.0 * rho * leaves - centre / (stay + go)) / leaves;
            let expected: Vec<_> = (0..=8).map(|u| (u, if u == 0 { centre } else { leaf })).collect();
            assert_mass(&run(&star(8).unwrap(), rho), &expected);
            // The complete graph on 5 nodes: the other four are alike.
            let pairs = (0..5).flat_map(|u| (0..u).map(move |v| (u, v)));
            let complete = CsrGraph::from_edges(5, pairs).unwrap();
            let (rho, degree) = (1e-3, 4.0);
            let total = 1.0 - 5.0 * rho * degree;
            let seed = (alpha * (1.0 - rho * degree) + go * total / degree) / (stay + go / degree);
            let expected: Vec<_> =
                (0..5).map(|u| (u, if u == 0 { seed } else { (total - seed) / 4.0 })).collect();
            assert_mass(&run(&complete, rho), &expected);
        }
    }
}

#[test]
fn a_residual_at_the_threshold_is_pushed() {
    // The neighbour gets exactly the threshold: a lazy push leaves 1/4 at both ends, a whole one sends 1/3.
    let edge = CsrGraph::from_edges(2, [(0, 1)]).unwrap();
    for (solver, rho) in [(Solver::Appr, 0.25), (Solver::ApprOpt, 0.5 / 1.5)] {
        let solution = Case::node(0).alpha(0.5).rho(rho).solver(solver).run(&edge).unwrap();
        assert_eq!(solution.mass.len(), 2);
        assert!(solution.certificate.max_residual_over_degree < rho);
    }
}

#[test]
fn the_queue_order_chooses_the_first_push() {
    let graph = CsrGraph::from_edges(6, [(0, 1), (2, 3), (4, 5)]).unwrap();
    let seeds = SeedDistribution::weighted([(0, 0.3), (2, 0.4), (4, 0.3)]);
    let limits = Limits { max_work: Some(1), ..Limits::default() };
    for (order, first) in [(QueueOrder::Fifo, 0), (QueueOrder::Lifo, 4), (QueueOrder::MaxFirst, 2)] {
        for solver in [Solver::Appr, Solver::ApprOpt, Solver::L1Cd] {
            let query = Case::new(seeds.clone()).solver(solver).order(order).limits(limits);
            assert!(query.run(&graph).unwrap().support().eq([first]), "{solver:?} {order:?}");
        }
    }
}

#[test]
fn the_work_of_each_solver_is_bounded() {
    let graph = karate();
    for alpha in [0.02, 0.15, 0.6] {
        for rho in [1e-5, 1e-3, 1e-2] {
            for seed in [0, 11, 33] {
                let query = Case::node(seed).alpha(alpha).rho(rho);
                let run = |solver| query.clone().solver(solver).run(&graph).unwrap();

                let lazy = run(Solver::Appr);
                assert!(lazy.work.volume_touched <= 1.0 / (alpha * rho));
                assert!(lazy.certificate.max_residual_over_degree < rho);
                assert!(volume(&graph, lazy.support()) <= 2.0 / ((1.0 - alpha) * rho));

                let whole = run(Solver::ApprOpt);
                assert!(whole.work.volume_touched <= (1.0 + alpha) / (2.0 * alpha * rho));
                assert!(whole.certificate.max_residual_over_degree < rho);

                let exact = run(Solver::L1Exact);
                let descent = run(Solver::L1Cd);
                let tolerance = 1e-2;
                assert!(descent.work.volume_touched <= (1.0 + alpha) / (2.0 * alpha * tolerance * rho));
                assert!(descent.certificate.max_residual_over_degree <= (1.0 + tolerance) * rho);
                assert!(volume(&graph, descent.support()) <= 1.0 / rho);

                let ista = run(Solver::L1Ista);
                assert!(ista.work.volume_touched <= ista.work.iterations as f64 / rho);
                assert!(ista.support().all(|u| exact.mass_of(u) > 0.0));

                for solution in [&lazy, &whole, &exact, &descent, &ista] {
                    let work = solution.work;
                    assert!((solution.mass_l1() + solution.certificate.residual_mass - 1.0).abs() <= 1e-12);
                    assert!(work.nodes_touched <= 1 + work.edges_touched);
                    assert_eq!(work.volume_touched, work.edges_touched as f64); // weights 1
                }
            }
        }
    }
}

#[test]
fn ista_increases_and_stays_inside_the_support() {
    let query = Case::node(0).alpha(0.05).rho(2e-3).tolerance(1e-12);
    let exact = query.clone().solver(Solver::L1Exact).run(&karate()).unwrap();
    let mut previous = Vec::new();
    for iterations in 0..200 {
        let now = query.clone().solver(Solver::L1Ista).max_iterations(iterations).run(&karate()).unwrap();
        assert_eq!((now.status, now.work.iterations), (Status::WorkLimit, iterations));
        assert!(now.support().all(|u| exact.mass_of(u) > 0.0));
        assert!(differences(&now.mass, &previous).all(|difference| difference >= 0.0));
        previous = now.mass;
    }
}

#[test]
fn ista_gains_one_minus_alpha_an_iteration() {
    let (alpha, graph) = (0.3, karate());
    let query = Case::node(0).alpha(alpha).rho(1e-3).tolerance(1e-12);
    let exact = query.clone().solver(Solver::L1Exact).run(&graph).unwrap();
    let error = |iterations| {
        let now = query.clone().solver(Solver::L1Ista).max_iterations(iterations).run(&graph).unwrap();
        // The contraction is in the norm of D^(-1/2) p.
        differences(&now.mass, &exact.mass)
            .zip(exact.support())
            .map(|(difference, u)| difference * difference / graph.degree(u))
            .sum::<f64>()
            .sqrt()
    };
    for iterations in 0..30 {
        assert!(error(iterations + 1) <= (1.0 - alpha) * error(iterations) * (1.0 + 1e-9));
    }
}

#[test]
fn the_bound_on_lazy_pushes_is_tight_up_to_a_constant_on_stars() {
    for epsilon in [1e-3, 1e-4] {
        for alpha in [0.05, 0.2] {
            let graph = star((1.0 / (8.0 * epsilon)) as u64).unwrap();
            let query = Case::node(0).alpha(alpha).rho(epsilon).solver(Solver::Appr);
            let share = query.run(&graph).unwrap().work.volume_touched * alpha * epsilon;
            assert!(3.0 / 128.0 < share && share <= 1.0, "{share}");
        }
    }
}

#[test]
fn fista_stops_for_its_limits_too() {
    let query = Case::node(0).alpha(0.01).rho(1e-4).tolerance(1e-12).solver(Solver::L1Fista);
    let solution = query.max_iterations(7).run(&karate()).unwrap();
    assert_eq!((solution.status, solution.work.iterations), (Status::WorkLimit, 7));
}

#[test]
fn a_hub_is_passed_over() {
    // Node 0 of two joined stars has 5 neighbours, node 6 has 51.
    let edges = (1..=5).map(|v| (0, v)).chain([(5, 6)]).chain((7..57).map(|v| (6, v)));
    let graph = CsrGraph::from_edges(57, edges).unwrap();
    let limits = Limits { max_arcs: Some(10), ..Limits::default() };
    for solver in SOLVERS {
        let solution = Case::node(0).alpha(0.05).rho(1e-5).solver(solver).limits(limits).run(&graph).unwrap();
        assert_eq!(solution.status, Status::HubsSkipped, "{solver:?}");
        assert_eq!(solution.support().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(solution.work.nodes_touched, 7);
    }
    let run = ask_within(&Stagewise::new(1e-3), &graph, &0.into(), limits).unwrap();
    assert_eq!((run.status, run.work.nodes_touched), (Status::HubsSkipped, 7));
    let path = L1Path::new(1e-9).solve(&graph, &0.into(), limits).unwrap();
    assert_eq!(path.status, Status::WorkLimit);
    assert!(path.rho_end > 1e-9 && path.mass_at(&graph, path.rho_end).unwrap().len() == 6);
}

#[test]
fn a_tiny_component_keeps_the_mass() {
    let graph = CsrGraph::from_edges(5, [(0, 1), (2, 3), (3, 4)]).unwrap();
    for solver in SOLVERS {
        let (solution, cut) = Case::node(0).rho(1e-3).solver(solver).cluster(&graph).unwrap();
        let cut = cut.found().unwrap();
        assert_eq!((cut.nodes, cut.conductance), (vec![0, 1], 0.0));
        assert_eq!(solution.work.nodes_touched, 2);
    }
}

#[test]
fn seed_sets_are_normalised() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).unwrap();
    let resolve = |seeds: SeedDistribution| seeds.resolve(&graph);
    assert_eq!(resolve(SeedDistribution::uniform([2, 0])).unwrap(), [(2, 0.5), (0, 0.5)]);
    assert_eq!(resolve(SeedDistribution::uniform([1, 0, 1, 1])).unwrap(), [(1, 0.75), (0, 0.25)]);
    assert_eq!(
        resolve(SeedDistribution::weighted([(0, 3.0), (2, 1.0), (1, 0.0)])).unwrap(),
        [(0, 0.75), (2, 0.25)]
    );
    let with_isolated = SeedDistribution::uniform([0, 3]);
    assert!(matches!(resolve(with_isolated.clone()), Err(GraphError::IsolatedSeed(3))));
    assert_eq!(resolve(with_isolated.drop_isolated()).unwrap(), [(0, 1.0)]);
    assert!(matches!(resolve(SeedDistribution::node(3).drop_isolated()), Err(GraphError::NoSeeds)));
}

#[test]
fn bad_seeds_are_refused() {
    let graph = karate();
    let run = |seeds: SeedDistribution| Case::new(seeds).run(&graph).unwrap_err();
    assert!(matches!(run(SeedDistribution::node(34)), GraphError::UnknownNode { node: 34, node_count: 34 }));
    assert!(matches!(run(SeedDistribution::uniform([])), GraphError::NoSeeds));
    assert!(matches!(run(SeedDistribution::weighted([(0, 0.0)])), GraphError::NoSeeds));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let error = run(SeedDistribution::weighted([(0, 1.0), (1, weight)]));
        assert_eq!(wrong_setting::<()>(Err(error)), "seed weight");
    }
    let error = run(SeedDistribution::weighted([(0, f64::MAX), (1, f64::MAX)]));
    assert_eq!(wrong_setting::<()>(Err(error)), "sum of seed weights");
    let empty = CsrGraph::from_edges(3, []).unwrap();
    assert!(matches!(Case::node(0).run(&empty), Err(GraphError::EmptyGraph)));
}

#[test]
fn bad_parameters_are_refused_before_any_work() {
    let graph = karate();
    let seeds = SeedDistribution::node(0);
    for bad in [0.0, -0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for solver in SOLVERS {
            let query = Case::node(0).solver(solver);
            assert_eq!(wrong_setting(query.clone().alpha(bad).run(&graph)), "alpha");
            let pushes = matches!(solver, Solver::Appr | Solver::ApprOpt);
            let name = if pushes { "epsilon" } else { "rho" };
            assert_eq!(wrong_setting(query.clone().rho(bad).run(&graph)), name);
            if !pushes && solver != Solver::L1Exact {
                assert_eq!(wrong_setting(query.clone().tolerance(bad).run(&graph)), "tolerance");
            }
            let methods = [0.1, bad].map(|alpha| query.clone().alpha(alpha).method());
            assert_eq!(wrong_setting(query.query().run_each(&graph, &methods)), "alpha");
        }
        let path = L1Path { alpha: bad, ..L1Path::new(1e-3) };
        assert_eq!(wrong_setting(path.solve(&graph, &seeds, Limits::default())), "alpha");
        let stagewise = Stagewise::new(1e-3);
        assert_eq!(wrong_setting(ask(&Stagewise { alpha: bad, ..stagewise }, &graph, &seeds)), "alpha");
        assert_eq!(
            wrong_setting(ask(&Stagewise { step_size: bad, ..stagewise }, &graph, &seeds)),
            "step_size"
        );
        assert_eq!(wrong_setting(ask(&Stagewise::new(bad), &graph, &seeds)), "rho");
        assert_eq!(wrong_setting(certify(&graph, &seeds, bad, 0.1, &[])), "alpha");
        let limits = SweepLimits { max_volume: Some(bad), max_size: None };
        assert_eq!(wrong_setting(sweep(&graph, &[(0, 1.0)], limits)), "max_volume");
    }
    for bad in [-1e-9, f64::NAN, f64::INFINITY] {
        assert_eq!(wrong_setting(L1Path::new(bad).solve(&graph, &seeds, Limits::default())), "rho_min");
        assert_eq!(wrong_setting(certify(&graph, &seeds, 0.1, bad, &[])), "rho");
    }
    assert_eq!(wrong_setting(Case::node(0).alpha(1.0).run(&graph)), "alpha");
    let limits = Limits { max_nodes: Some(0), ..Limits::default() };
    assert_eq!(wrong_setting(Case::node(0).limits(limits).run(&graph)), "max_nodes");
    let path = L1Path::new(1e-3).solve(&graph, &seeds, Limits::default()).unwrap();
    assert_eq!(wrong_setting(path.mass_at(&graph, 1e-4)), "rho");
    assert_eq!(wrong_setting(path.support_at(f64::NAN)), "rho");
    assert!(matches!(path.mass_at(&star(3).unwrap(), 1e-3), Err(GraphError::UnknownNode { .. })));
}

#[test]
fn bad_mass_vectors_are_refused() {
    let graph = CsrGraph::from_edges(4, [(0, 1), (1, 2)]).unwrap();
    let seeds = SeedDistribution::node(0);
    let check = |mass: &[(u64, f64)], is_expected: &dyn Fn(&GraphError) -> bool| {
        let swept = sweep(&graph, mass, SweepLimits::default()).unwrap_err();
        let certified = certify(&graph, &seeds, 0.1, 0.1, mass).unwrap_err();
        assert!(is_expected(&swept) && is_expected(&certified), "{swept:?} {certified:?}");
    };
    check(&[(4, 0.1)], &|e| matches!(e, GraphError::UnknownNode { node: 4, node_count: 4 }));
    check(&[(1, 0.1), (1, 0.2)], &|e| matches!(e, GraphError::DuplicateNode { node: 1, .. }));
    check(&[(1, f64::NAN)], &|e| e.to_string().starts_with("mass is "));
    check(&[(1, f64::INFINITY)], &|e| e.to_string().starts_with("mass is "));
    check(&[(3, 0.1)], &|e| matches!(e, GraphError::IsolatedSeed(3)));
}

#[test]
fn a_certificate_sees_a_negative_residual() {
    // Five leaves at -0.2 leave r = -5 (1-α)/(2α) 0.2 at the centre; every other violation is below 1.2.
    let mass: Vec<(u64, f64)> = (1..=5).map(|leaf| (leaf, -0.2)).collect();
    let proof = certify(&star(6).unwrap(), &SeedDistribution::node(6), 0.1, 0.01, &mass).unwrap();
    assert!((proof.kkt_residual - 4.5).abs() <= 1e-12, "{}", proof.kkt_residual);
}

#[test]
fn sweep_limits_bound_the_prefixes() {
    let graph = karate();
    let mass = Case::node(0).alpha(0.05).rho(1e-5).run(&graph).unwrap().mass;
    let by_size = SweepLimits { max_size: Some(5), max_volume: None };
    assert!(sweep(&graph, &mass, by_size).unwrap().unwrap().nodes.len() <= 5);
    let by_volume = SweepLimits { max_size: None, max_volume: Some(30.0) };
    assert!(sweep(&graph, &mass, by_volume).unwrap().unwrap().volume <= 30.0);
    let none = SweepLimits { max_size: Some(0), max_volume: None };
    assert_eq!(sweep(&graph, &mass, none).unwrap(), None);
    assert_eq!(sweep(&graph, &[], SweepLimits::default()).unwrap(), None);
    assert_eq!(sweep(&graph, &[(0, 0.0), (1, -1.0)], SweepLimits::default()).unwrap(), None);
}

#[test]
fn a_sweep_finds_duplicates_beyond_its_limits() {
    let mass = [(0, 0.5), (1, 0.1), (2, 0.05), (1, 0.01)];
    for limits in [
        SweepLimits { max_size: Some(1), max_volume: None },
        SweepLimits { max_size: None, max_volume: Some(16.0) },
    ] {
        let error = sweep(&karate(), &mass, limits).unwrap_err();
        assert!(matches!(error, GraphError::DuplicateNode { node: 1, .. }), "{error}");
    }
}

#[test]
fn a_tolerance_below_rounding_ends() {
    for graph in [karate(), star(1).unwrap(), star(300).unwrap()] {
        for (alpha, rho) in [(0.5, 1e-3), (0.1, 1e-4), (0.01, 1.0 / 7000.0)] {
            let query = Case::node(0).alpha(alpha).rho(rho).tolerance(f64::MIN_POSITIVE);
            let exact = query.clone().solver(Solver::L1Exact).run(&graph).unwrap();
            for solver in L1_SOLVERS {
                let found = query.clone().max_iterations(5_000).solver(solver).run(&graph).unwrap();
                let ended = matches!(found.status, Status::Converged | Status::Stagnated);
                assert!(solver != Solver::L1Cd || ended, "{alpha}");
                let distance = differences(&found.mass, &exact.mass).map(f64::abs).sum::<f64>();
                assert!(distance <= 1e-11, "{solver:?} {alpha}: {distance}");
            }
        }
    }
}

#[test]
fn queries_and_answers_survive_json() {
    let graph = karate();
    let query = Case::node(3).alpha(0.2).rho(1e-3).solver(Solver::L1Ista).query();
    let text = serde_json::to_string(&query).unwrap();
    assert!(text.contains(r#""method":{"l1-ista":{"#), "{text}");
    let read: LocalQuery<PageRankMethod> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, query);
    let solution = query.run(&graph).unwrap();
    let read: LocalAnswer<PageRankCertificate> =
        serde_json::from_str(&serde_json::to_string(&solution).unwrap()).unwrap();
    assert_eq!(read.mass.len(), solution.mass.len());
    assert_eq!(read.work, solution.work);
    let path = L1Path::new(1e-4).solve(&graph, &3.into(), Limits::default()).unwrap();
    let text = serde_json::to_string(&path).unwrap();
    let read: kiln_graph::SolutionPath = serde_json::from_str(&text).unwrap();
    assert_eq!(read.breakpoints.len(), path.breakpoints.len());
}
