//! The error bar against exact answers: theorem 2 of the book's page, wherever a solver stops, and what is
//! built on it.

use kiln_graph::generators::{complete, path, star, uniform};
use kiln_graph::{
    Adjacency, Appr, CountingGraph, CsrGraph, GraphError, L1Cd, L1Exact, Limits, LocalQuery,
    PageRankCertificate, PageRankMethod, PageRankProblem, SeedDistribution, Stagewise, Status, SweepLimits,
    WeightUnit, diffusions::HeatKernel, flow::Mqi, proved_prefixes, stale_bound, sweep_profile,
};
use proptest::prelude::*;

use crate::exact_reference::exact;
use crate::graphs::{L1_SOLVERS, Problem, SOLVERS, Solver, certify, karate, problem, wrong_setting};

/// What is really wrong: in all, too much, too little, and most of mass over degree.
struct Errors {
    all: f64,
    over: f64,
    under: f64,
    sup: f64,
}

fn errors(graph: &CsrGraph, mass: &[(u64, f64)], exact: &[f64]) -> Errors {
    let mut difference: Vec<f64> = exact.iter().map(|x| -x).collect();
    for &(node, mass) in mass {
        difference[node as usize] += mass;
    }
    let sum = |part: fn(f64) -> f64| difference.iter().fold(0.0, |total, &x| total + part(x));
    let over_degree = difference.iter().enumerate().map(|(u, x)| match graph.degree(u as u64) {
        degree if degree > 0.0 => x.abs() / degree,
        _ => 0.0,
    });
    let sup = over_degree.fold(0.0, f64::max);
    Errors { all: sum(f64::abs), over: sum(|x| x.max(0.0)), under: sum(|x| (-x).max(0.0)), sup }
}

fn check(graph: &CsrGraph, mass: &[(u64, f64)], exact: &[f64], bar: &PageRankCertificate) {
    let found = errors(graph, mass, exact);
    // The reference is rounded to 64 bits.
    let slack = 1e-15;
    assert!(found.all <= bar.l1_error + slack, "{} > {bar:?}", found.all);
    assert!(found.over <= bar.over + slack, "over {} > {bar:?}", found.over);
    assert!(found.under <= bar.under + slack, "under {} > {bar:?}", found.under);
    assert!(found.sup <= bar.sup_error * (1.0 + 1e-9) + slack, "sup {} > {bar:?}", found.sup);
    assert!(bar.l1_error <= bar.over + bar.under && bar.rounding <= bar.l1_error, "{bar:?}");
}

/// The multiplier of an answer that is nearest to its residual, by the definition on the page.
fn multiplier(mass: f64, residual: f64, threshold: f64) -> f64 {
    if mass > 0.0 { threshold } else { residual.clamp(0.0, threshold) }
}

fn residuals(graph: &CsrGraph, problem: &Problem, mass: &[(u64, f64)]) -> Vec<f64> {
    let alpha = problem.alpha;
    let mut r = vec![0.0; problem.node_count as usize];
    for (u, s) in problem.seeds().resolve(graph).unwrap() {
        r[u as usize] += s;
    }
    for &(u, p) in mass {
        r[u as usize] -= (1.0 + alpha) / (2.0 * alpha) * p;
        let share = (1.0 - alpha) / (2.0 * alpha) * p / graph.degree(u);
        graph.neighbors(u, |v, weight| r[v as usize] += share * weight);
    }
    r
}

proptest! {
    #[test]
    fn the_bar_holds_wherever_a_solver_stops(problem in problem(), max_work in 0_u64..400) {
        let graph = problem.graph();
        for solver in SOLVERS {
            let limits = Limits { max_work: Some(max_work), ..Limits::default() };
            let answer = problem.query(solver).tolerance(1e-4).limits(limits).run(&graph).unwrap();
            let rho = answer.certificate.rho;
            let (p, r) = exact(&graph, &problem.seeds(), problem.alpha, rho);
            check(&graph, &answer.mass, &p, &answer.certificate);
            // With one sign the bar is the error and that of the multiplier together.
            let one_sign = matches!(solver, Solver::L1Cd | Solver::L1Ista | Solver::Appr | Solver::ApprOpt);
            if one_sign {
                let own = residuals(&graph, &problem, &answer.mass);
                let multipliers: f64 = (0..problem.node_count).map(|u| {
                    let at = u as usize;
                    let threshold = rho * graph.degree(u);
                    (multiplier(answer.mass_of(u), own[at], threshold) - r[at]).abs()
                }).sum();
                let sum = errors(&graph, &answer.mass, &p).all + multipliers;
                let gap = (answer.certificate.l1_error - answer.certificate.rounding - sum).abs();
                prop_assert!(gap <= 1e-12 * (1.0 + 1.0 / problem.alpha), "{:?}: {}", solver, gap);
                prop_assert!(answer.certificate.over <= answer.certificate.rounding * 2.0 + 1e-13);
            }
        }
    }

    #[test]
    fn the_bar_holds_for_any_vector(
        problem in problem(),
        values in prop::collection::vec(-0.5_f64..1.0, 14),
        pagerank in any::<bool>(),
    ) {
        let graph = problem.graph();
        let rho = if pagerank { 0.0 } else { problem.rho };
        let nodes = (0..problem.node_count).filter(|&u| graph.degree(u) > 0.0);
        let mass: Vec<(u64, f64)> = nodes.zip(values).filter(|entry| entry.1.abs() > 0.2).collect();
        let bar = certify(&graph, &problem.seeds(), problem.alpha, rho, &mass).unwrap();
        let (p, _) = exact(&graph, &problem.seeds(), problem.alpha, rho);
        check(&graph, &mass, &p, &bar);
        // A vector near the exact one, with noise, a node too few and one too many.
        let noisy = |u: u64| p[u as usize] * (1.0 + 1e-3 * (uniform(3, u) - 0.5));
        let mut mass: Vec<(u64, f64)> =
            (0..problem.node_count).map(|u| (u, noisy(u))).filter(|entry| entry.1 > 0.0).collect();
        mass.pop();
        let bar = certify(&graph, &problem.seeds(), problem.alpha, rho, &mass).unwrap();
        check(&graph, &mass, &p, &bar);
    }

    #[test]
    fn nothing_is_wrong_with_exact_answers_only(problem in problem()) {
        let graph = problem.graph();
        let answer = problem.query(Solver::L1Exact).run(&graph).unwrap();
        let bar = answer.certificate;
        let allowed = bar.rounding + 1e-13 / problem.alpha;
        prop_assert!(bar.l1_error <= allowed, "{:?}", bar);
        if let Some(&(node, mass)) = answer.mass.first() {
            let mut wrong = answer.mass.clone();
            wrong[0] = (node, 0.9 * mass);
            let bar = certify(&graph, &problem.seeds(), problem.alpha, problem.rho, &wrong).unwrap();
            prop_assert!(bar.l1_error - bar.rounding >= 0.1 * mass - 1e-13 / problem.alpha);
        }
    }

    #[test]
    fn names_halves_units_and_far_components_change_no_bar(
        problem in problem(), far in problem(), shift in 1_u64..13, unit in 1e-3_f64..1e3,
    ) {
        let graph = problem.graph();
        let mass = problem.query(Solver::L1Cd).tolerance(0.3).run(&graph).unwrap().mass;
        let bar = |problem: &Problem, mass: &[(u64, f64)]| {
            certify(&problem.graph(), &problem.seeds(), problem.alpha, problem.rho, mass).unwrap().l1_error
        };
        let expected = bar(&problem, &mass);
        let same = |found: f64| (found - expected).abs() <= 1e-12 / problem.alpha;

        let n = problem.node_count;
        let name = |u: u64| (u + shift) % n;
        let edges = problem.edges.iter();
        let renamed = Problem {
            edges: edges.clone().map(|&(u, v, weight)| (name(u), name(v), weight)).collect(),
            seeds: problem.seeds.iter().map(|&(u, weight)| (name(u), weight)).collect(),
            ..problem.clone()
        };
        let renamed_mass: Vec<_> = mass.iter().map(|&(u, mass)| (name(u), mass)).collect();
        prop_assert!(same(bar(&renamed, &renamed_mass)));

        let halves = edges.clone().flat_map(|&(u, v, weight)| [(u, v, 0.5 * weight); 2]).collect();
        let halved = Problem { edges: halves, ..problem.clone() };
        prop_assert!(same(bar(&halved, &mass)));

        let scaled = edges.clone().map(|&(u, v, weight)| (u, v, unit * weight)).collect();
        let scaled = Problem { edges: scaled, rho: problem.rho / unit, ..problem.clone() };
        prop_assert!(same(bar(&scaled, &mass)));

        let beyond = far.edges.iter().map(|&(u, v, weight)| (n + u, n + v, weight));
        let edges = edges.copied().chain(beyond).collect();
        let wider = Problem { edges, node_count: n + far.node_count, ..problem.clone() };
        prop_assert!(same(bar(&wider, &mass)));
    }

    #[test]
    fn an_old_answer_on_a_changed_graph(
        problem in problem(), changes in prop::collection::vec((0_u64..14, 0_u64..14, any::<bool>()), 1..6),
    ) {
        let old = problem.graph();
        let answer = problem.query(Solver::L1Exact).run(&old).unwrap();
        prop_assert!(stale_bound(&old, &answer).unwrap() <= 1e-10 / problem.alpha);
        let mut edges = problem.edges.clone();
        for (u, v, add) in changes {
            if add || edges.len() == 1 {
                edges.push((u % problem.node_count, v % problem.node_count, 1.0));
            } else {
                edges.remove((13 * u + v) as usize % edges.len());
            }
        }
        let new = Problem { edges, ..problem.clone() }.graph();
        match stale_bound(&new, &answer) {
            Ok(bound) => {
                let (p, _) = exact(&new, &problem.seeds(), problem.alpha, problem.rho);
                let error = errors(&new, &answer.mass, &p).all;
                prop_assert!(error <= bound + 1e-14, "{} > {}", error, bound);
            }
            Err(GraphError::IsolatedSeed(seed)) => prop_assert_eq!(new.degree(seed), 0.0),
            Err(GraphError::EmptyGraph) => prop_assert_eq!(new.total_volume(), 0.0),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn prefixes_that_are_proved_are_the_exact_ones(problem in problem(), tolerance in 1e-6_f64..1.0) {
        let graph = problem.graph();
        let answer = problem.query(Solver::L1Cd).tolerance(tolerance).run(&graph).unwrap();
        let profile = sweep_profile(&graph, &answer.mass, SweepLimits::default()).unwrap();
        let (p, _) = exact(&graph, &problem.seeds(), problem.alpha, problem.rho);
        let score = |u: u64| if graph.degree(u) > 0.0 { p[u as usize] / graph.degree(u) } else { 0.0 };
        for length in proved_prefixes(&profile, answer.certificate.sup_error) {
            let inside: Vec<u64> = profile[..length].iter().map(|point| point.node).collect();
            let least = inside.iter().map(|&u| score(u)).fold(f64::INFINITY, f64::min);
            let outside = (0..problem.node_count).filter(|u| !inside.contains(u));
            prop_assert!(outside.map(score).fold(0.0, f64::max) < least);
        }
    }

    #[test]
    fn an_error_that_is_asked_for_is_reached(problem in problem(), digits in 0_i32..10) {
        let graph = problem.graph();
        let goal = 10_f64.powi(-digits);
        for solver in SOLVERS {
            let answer = problem.query(solver).query().stop_at_error(goal).run(&graph).unwrap();
            let bar = answer.certificate;
            prop_assert!(bar.l1_error <= goal, "{:?}: {:?}", solver, bar);
            prop_assert!(matches!(answer.status, Status::Converged | Status::Empty), "{:?}", answer.status);
            let (p, _) = exact(&graph, &problem.seeds(), problem.alpha, answer.certificate.rho);
            prop_assert!(errors(&graph, &answer.mass, &p).all <= goal);
        }
    }
}

/// Problem i of 300: α from 1e-6 to 0.999, ρ from 1e-12 to 1 (relative to the mean weight), weights over 12
/// orders, every seventh with loops, every fifth a star or a path.
fn hard_problem(i: u64) -> (CsrGraph, SeedDistribution, f64, f64) {
    let draw = |k: u64| uniform(1000 + i, k);
    let between = |k, low: f64, high: f64| (low.ln() + draw(k) * (high / low).ln()).exp();
    let n = 3 + (draw(0) * 22.0) as u64;
    let spread = if i.is_multiple_of(3) { 1e6 } else { 10.0 };
    let weight = |k| between(k, 1.0 / spread, spread);
    let edges: Vec<(u64, u64, f64)> = match i % 10 {
        0 => (1..n).map(|u| (0, u, weight(100 + u))).collect(),
        5 => (1..n).map(|u| (u - 1, u, weight(100 + u))).collect(),
        _ => (0..3 * n)
            .map(|k| ((draw(200 + 2 * k) * n as f64) as u64, (draw(201 + 2 * k) * n as f64) as u64, k))
            .filter(|&(u, v, _)| u != v || i.is_multiple_of(7))
            .map(|(u, v, k)| (u, v, weight(600 + k)))
            .collect(),
    };
    let graph = CsrGraph::from_weighted_edges(n, edges).unwrap();
    let connected: Vec<u64> = (0..n).filter(|&u| graph.degree(u) > 0.0).collect();
    let pick = |k| connected[(draw(k) * connected.len() as f64) as usize];
    let seeds = SeedDistribution::weighted([(pick(1), 1.0), (pick(2), between(3, 1e-3, 1e3))]);
    let alpha = if i.is_multiple_of(4) { 1.0 - between(4, 1e-3, 0.5) } else { between(4, 1e-6, 0.5) };
    (graph, seeds, alpha, between(5, 1e-12, 1.0))
}

#[test]
fn three_hundred_hard_problems() {
    let mut empty = 0;
    for i in 0..300 {
        let (graph, seeds, alpha, relative) = hard_problem(i);
        let query = LocalQuery::new(seeds.clone());
        let ask = |method: PageRankMethod| query.clone().method(method).run(&graph).unwrap();
        let found = ask(PageRankMethod::L1Exact(L1Exact { alpha, rho: relative }));
        let rho = found.certificate.rho;
        let (p, _) = exact(&graph, &seeds, alpha, rho);
        check(&graph, &found.mass, &p, &found.certificate);
        let error = errors(&graph, &found.mass, &p).all;
        assert!(error <= 1e-14 + 1e-15 / alpha, "{i}: {error}, α = {alpha}, ρ = {rho}");
        let bar = found.certificate;
        assert!(bar.l1_error <= 1e-14 * (1.0 + 1.0 / alpha), "{i}: {bar:?}");
        empty += usize::from(found.status == Status::Empty);
        // No node is lost because ρd is small.
        for (u, &mass) in (0..).zip(&p) {
            assert!(mass <= 1e-13 + 1e-15 / alpha || found.mass_of(u) > 0.0, "{i}: node {u} of mass {mass}");
        }
        let found = ask(PageRankMethod::L1Cd(L1Cd { alpha, tolerance: 1e-6, ..L1Cd::new(relative) }));
        check(&graph, &found.mass, &p, &found.certificate);
        assert!(found.work.edges_touched < 2_000_000, "{i}: {:?}", found.work);
        if found.status == Status::Converged {
            let volume: f64 = found.support().map(|u| graph.degree(u)).sum();
            let promised = 1e-6 * rho * volume.max(graph.total_volume());
            assert!(errors(&graph, &found.mass, &p).all <= promised + 1e-15 / alpha, "{i}");
        }
        if alpha > 1e-2 {
            let found = ask(PageRankMethod::Appr(Appr { alpha, ..Appr::new(relative.max(1e-8)) }));
            let (p, _) = exact(&graph, &seeds, alpha, 0.0);
            check(&graph, &found.mass, &p, &found.certificate);
        }
    }
    assert!(empty < 150, "{empty} of 300 answers are empty");
}

#[test]
fn a_node_far_below_one_in_1e14_is_found() {
    // The far end of a path of falling weights: its ρd is below 1e-14.
    let graph = CsrGraph::from_weighted_edges(3, [(0, 1, 1.0), (1, 2, 1e-16)]).unwrap();
    let query = LocalQuery::node(0).weight_unit(WeightUnit::AsGiven);
    let answer = query.method(L1Exact { alpha: 0.5, rho: 0.01 }).run(&graph).unwrap();
    assert_eq!(answer.mass.len(), 3, "{:?}", answer.mass);
    let (p, _) = exact(&graph, &SeedDistribution::node(0), 0.5, 0.01);
    assert!((answer.mass_of(2) - p[2]).abs() <= 1e-3 * p[2], "{} {}", answer.mass_of(2), p[2]);
}

#[test]
fn the_same_sums_in_other_norms_are_no_bounds() {
    // A star, seeded at its centre, ρ = 0, answer 0: v is 1 at the centre, whose degree is m.
    let (alpha, m) = (0.1, 400);
    let star = star(m).unwrap();
    let (p, _) = exact(&star, &SeedDistribution::node(0), alpha, 0.0);
    let bar = certify(&star, &SeedDistribution::node(0), alpha, 0.0, &[]).unwrap();
    assert!((bar.l1_error - 1.0).abs() <= 1e-14);
    let claimed = 1.0 / (m as f64).sqrt();
    let distance: f64 = (0..).zip(&p).map(|(u, p)| p / star.degree(u).sqrt()).sum();
    assert!(distance >= (1.0 - alpha) / 2.0 && distance > 5.0 * claimed, "{distance} {claimed}");
}

#[test]
fn a_certificate_reads_the_lists_of_the_support_only() {
    let graph = CountingGraph::new(karate());
    let problem = PageRankProblem { seeds: SeedDistribution::uniform([0, 5]), alpha: 0.1, rho: 0.01 };
    problem.certify(&graph, &[(33, 0.1), (16, 0.1)]).unwrap();
    assert_eq!((graph.lists_read(), graph.arcs_read()), (2, 17 + 2));
    for solver in SOLVERS {
        let answer = crate::graphs::Case::node(0).rho(1e-3).solver(solver).run(&karate()).unwrap();
        let lists: u64 = answer.support().map(|u| karate().arc_count(u) as u64).sum();
        assert_eq!(answer.work.arcs_certified, lists);
        assert!(lists <= answer.work.edges_touched);
    }
}

#[test]
fn a_tiny_alpha_costs_no_more_than_linear_systems() {
    let mut weights = 0;
    let karate = karate();
    let edges = karate.edges().map(|(u, v, _)| {
        weights += 1;
        (u, v, 1.0 + f64::from(weights % 7))
    });
    let graph = CsrGraph::from_weighted_edges(34, edges.collect::<Vec<_>>()).unwrap();
    for alpha in [1e-3, 1e-6, 1e-9, 1e-12] {
        for rho in [1e-2, 1e-3, 1e-4] {
            let query = LocalQuery::node(16);
            let found = query.clone().alpha(alpha).rho(rho).run(&graph).unwrap();
            let exact = query.method(L1Exact { alpha, rho }).run(&graph).unwrap();
            let (least, most) = (exact.work.edges_touched, found.work.edges_touched);
            assert!(most <= 20 * least + 200_000, "α = {alpha}, ρ = {rho}: {most} and {least}");
            assert!(matches!(found.status, Status::Converged | Status::Stagnated | Status::Empty));
            // Its own rule holds where it says so.
            if found.status == Status::Converged {
                let allowed = 1.01 * found.certificate.rho * (1.0 + 1e-9);
                assert!(found.certificate.max_residual_over_degree <= allowed, "{alpha} {rho}");
            }
        }
    }
    // A limit still ends it.
    for most in [0, 100, 10_000, 100_000] {
        let limits = Limits { max_work: Some(most), ..Limits::default() };
        let answer = LocalQuery::node(16).alpha(1e-9).limits(limits).run(&graph).unwrap();
        assert!(answer.work.edges_touched <= most && answer.certificate.over <= 1e-5);
        assert!(answer.status == Status::WorkLimit || most >= 10_000, "{most}");
    }
}

#[test]
fn what_cannot_be_reached_is_said() {
    // Rounding at α = 1e-9 hides errors below some 1e-6.
    for solver in L1_SOLVERS.into_iter().filter(|solver| *solver != Solver::L1Fista) {
        let query = crate::graphs::Case::node(0).alpha(1e-3).rho(1e-3).solver(solver).query();
        let answer = query.stop_at_error(1e-17).run(&karate()).unwrap();
        assert_eq!(answer.status, Status::Stagnated, "{solver:?}");
        assert!(answer.certificate.l1_error > 1e-17);
    }
    // A coarse step overshoots.
    let coarse = Stagewise { step_size: 0.1, ..Stagewise::new(1e-2) };
    let answer = LocalQuery::node(0).method(coarse).stop_at_error(1e-6).run(&karate()).unwrap();
    assert_eq!(answer.status, Status::Stagnated);
    let fine = Stagewise { step_size: 1e-6, ..Stagewise::new(1e-2) };
    let answer = LocalQuery::node(0).method(fine).stop_at_error(1e-2).run(&karate()).unwrap();
    assert!(answer.status == Status::Converged && answer.certificate.l1_error <= 1e-2);
}

#[test]
fn an_error_to_stop_at_saves_work_and_must_make_sense() {
    let query = LocalQuery::node(0).alpha(0.05).rho(1e-4);
    let cost = |goal| query.clone().stop_at_error(goal).run(&karate()).unwrap().work.edges_touched;
    assert!(cost(0.5) < cost(1e-2) && cost(1e-2) < cost(1e-6));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(wrong_setting(query.clone().stop_at_error(bad).run(&karate())), "stop_at_error");
    }
    // Only PageRank methods have a distance to stop at.
    let query = query.stop_at_error(0.1);
    assert_eq!(
        wrong_setting(query.clone().method(HeatKernel::new(3.0, 1e-3)).run(&karate())),
        "stop_at_error"
    );
    assert_eq!(wrong_setting(query.method(Mqi {}).run(&karate())), "stop_at_error");
}

#[test]
fn the_unit_of_the_weights_is_no_matter() {
    let karate = karate();
    let edges: Vec<_> = karate.edges().map(|(u, v, _)| (u, v, 1.0 + 4.0 * uniform(1, 40 * u + v))).collect();
    let times = |unit: f64| {
        CsrGraph::from_weighted_edges(34, edges.iter().map(|&(u, v, weight)| (u, v, unit * weight))).unwrap()
    };
    for seed in [0, 11, 16, 33] {
        let expected = LocalQuery::node(seed).rho(1e-2).run(&times(1.0)).unwrap();
        assert!(expected.mass.len() > 1 && expected.mass.len() < 34);
        for unit in [1e-150, 1e-6, 1e6, 5e8, 1e150] {
            let found = LocalQuery::node(seed).rho(1e-2).run(&times(unit)).unwrap();
            assert!(found.support().eq(expected.support()), "weights times {unit}");
            assert_eq!(found.status, expected.status);
            assert!((found.certificate.l1_error - expected.certificate.l1_error).abs() <= 1e-12);
            assert!((found.certificate.rho * unit / expected.certificate.rho - 1.0).abs() <= 1e-12);
            let default = LocalQuery::node(seed).run(&times(unit)).unwrap();
            assert!(default.work.edges_touched < 20_000, "{:?}", default.work);
        }
    }
    // Without weights the two units are the same.
    let one = LocalQuery::node(0).rho(1e-3);
    assert_eq!(one.run(&karate).unwrap(), one.clone().weight_unit(WeightUnit::AsGiven).run(&karate).unwrap());
}

#[test]
fn an_empty_answer_has_no_negative_zero() {
    let answer = LocalQuery::node(0).rho(0.5).run(&complete(9).unwrap()).unwrap();
    assert_eq!(answer.status, Status::Empty);
    assert_eq!(answer.mass_l1().to_string(), "0");
    assert!(serde_json::to_string(&answer.certificate).unwrap().matches("-0.0").next().is_none());
}

#[test]
fn nodes_that_are_gone_count_as_wrong() {
    let answer = LocalQuery::node(0).rho(1e-2).stop_at_error(1e-10).run(&path(50).unwrap()).unwrap();
    let shorter = path(3).unwrap();
    let bound = stale_bound(&shorter, &answer).unwrap();
    let lost: f64 = answer.mass.iter().filter(|entry| entry.0 >= 3).map(|entry| entry.1).sum();
    assert!(bound >= lost && lost > 0.0);
    let gone = LocalQuery::node(40).rho(1e-2).run(&path(50).unwrap()).unwrap();
    assert!(matches!(stale_bound(&shorter, &gone), Err(GraphError::UnknownNode { node: 40, .. })));
}
