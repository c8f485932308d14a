//! Methods whose residuals have both signs, and accelerated ones, against dense solves.

use kiln_graph::generators::{HashedPlantedPartition, ImplicitPlanted, star};
use kiln_graph::{
    Adjacency, ApprOpt, Aspr, AsprSteps, CountingGraph, CsrGraph, DynamicPageRank, DynamicPush, EdgeChange,
    EvolvingSets, GraphError, L1Exact, LocalAnswer, LocalChebyshev, LocalMethod, LocalQuery, LocalSor,
    PageRankCertificate, Result, SeedDistribution, Status, WeightUnit,
};
use proptest::prelude::*;

use crate::graphs::{Problem, dense, karate, problem, weighted_graph};

/// The methods that answer PageRank itself.
#[derive(Debug, Clone, Copy)]
enum Signed {
    Sor(Option<f64>),
    Chebyshev,
    EvolvingSets,
    Dynamic,
}

const SIGNED: [Signed; 4] = [Signed::Sor(None), Signed::Chebyshev, Signed::EvolvingSets, Signed::Dynamic];

impl Signed {
    fn ask(
        self,
        graph: &impl Adjacency,
        seeds: &SeedDistribution,
        (alpha, epsilon): (f64, f64),
        goal: Option<f64>,
    ) -> LocalAnswer<PageRankCertificate> {
        fn run<M: LocalMethod<Certificate = PageRankCertificate>>(
            graph: &impl Adjacency,
            seeds: &SeedDistribution,
            goal: Option<f64>,
            method: M,
        ) -> Result<LocalAnswer<PageRankCertificate>> {
            let query = LocalQuery::new(seeds.clone()).method(method).weight_unit(WeightUnit::AsGiven);
            match goal {
                Some(goal) => query.stop_at_error(goal).run(graph),
                None => query.run(graph),
            }
        }
        let answer = match self {
            Self::Sor(omega) => run(graph, seeds, goal, LocalSor { alpha, epsilon, omega }),
            Self::Chebyshev => run(graph, seeds, goal, LocalChebyshev { alpha, epsilon }),
            Self::EvolvingSets => run(graph, seeds, goal, EvolvingSets { alpha, epsilon }),
            Self::Dynamic => run(graph, seeds, goal, DynamicPush { alpha, epsilon, start: Vec::new() }),
        };
        answer.unwrap()
    }
}

/// Solves a linear system by elimination with row exchanges; `None` if it is singular.
pub(crate) fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs()))?;
        a.swap(k, pivot);
        b.swap(k, pivot);
        if a[k][k].abs() < 1e-13 {
            return None;
        }
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            let (above, below) = a.split_at_mut(i);
            for (entry, pivot) in below[0][k..].iter_mut().zip(&above[k][k..]) {
                *entry -= factor * pivot;
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        for j in k + 1..n {
            b[k] -= a[k][j] * b[j];
        }
        b[k] /= a[k][k];
    }
    Some(b)
}

/// PageRank from the definition, `p = α s + (1-α)/2 (I + A D⁻¹) p`, by elimination.
fn pagerank(graph: &CsrGraph, seeds: &SeedDistribution, alpha: f64) -> Vec<f64> {
    let n = graph.node_count() as usize;
    let weights = dense(graph);
    let mut matrix = vec![vec![0.0; n]; n];
    for (u, row) in matrix.iter_mut().enumerate() {
        for (v, entry) in row.iter_mut().enumerate() {
            let degree = graph.degree(v as u64);
            let walked = if degree > 0.0 { weights[u][v] / degree } else { 0.0 };
            *entry =
                f64::from(u8::from(u == v)) - (1.0 - alpha) / 2.0 * (f64::from(u8::from(u == v)) + walked);
        }
    }
    let mut right = vec![0.0; n];
    for (node, share) in seeds.resolve(graph).unwrap() {
        right[node as usize] = alpha * share;
    }
    eliminate(matrix, right).unwrap()
}

/// An answer is as near to the dense one as its certificate and its threshold say.
fn check(graph: &CsrGraph, answer: &LocalAnswer<PageRankCertificate>, epsilon: f64) {
    let certificate = &answer.certificate;
    let exact = pagerank(graph, &answer.seeds, certificate.alpha);
    let (mut l1, mut sup) = (0.0, 0.0_f64);
    for (u, exact) in (0..).zip(&exact) {
        let error = (answer.mass_of(u) - exact).abs();
        l1 += error;
        if graph.degree(u) > 0.0 {
            sup = sup.max(error / graph.degree(u));
        }
    }
    let rounding = 1e-13 / certificate.alpha;
    assert!(l1 <= certificate.l1_error + rounding, "{l1} {certificate:?}");
    assert!(sup <= certificate.sup_error + rounding, "{sup} {certificate:?}");
    assert!(certificate.sup_error <= epsilon * (1.0 + 1e-6) + rounding, "{epsilon} {certificate:?}");
    let placed: f64 = answer.mass.iter().map(|entry| entry.1).sum();
    assert!((placed + certificate.residual_mass - 1.0).abs() <= rounding);
}

fn alpha() -> impl Strategy<Value = f64> {
    (-7.0_f64..-0.05).prop_map(f64::exp)
}

fn epsilon() -> impl Strategy<Value = f64> {
    (-18.0_f64..0.0).prop_map(f64::exp)
}

fn largest_seed(graph: &CsrGraph, seeds: &SeedDistribution) -> f64 {
    let seeds = seeds.resolve(graph).unwrap();
    seeds.iter().map(|&(u, share)| share / graph.degree(u)).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn answers_are_within_epsilon_of_pagerank(
        problem in problem(), alpha in alpha(), epsilon in epsilon(),
        method in prop::sample::select(SIGNED.to_vec()),
    ) {
        let (graph, seeds) = (problem.graph(), problem.seeds());
        let answer = method.ask(&graph, &seeds, (alpha, epsilon), None);
        check(&graph, &answer, epsilon);
        let empty = largest_seed(&graph, &seeds) < epsilon;
        prop_assert_eq!(answer.status, if empty { Status::Empty } else { Status::Converged });
    }

    #[test]
    fn sor_keeps_its_volume_bound(
        problem in problem(), alpha in alpha(), epsilon in epsilon(), omega in 0.05_f64..1.95,
    ) {
        let (graph, seeds) = (problem.graph(), problem.seeds());
        let answer = Signed::Sor(Some(omega)).ask(&graph, &seeds, (alpha, epsilon), None);
        check(&graph, &answer, epsilon);
        let largest = largest_seed(&graph, &seeds);
        let bound = (1.0 + alpha) * largest / (2.0 * omega * (2.0 - omega) * alpha * epsilon.powi(2));
        prop_assert!(answer.work.volume_touched <= bound * (1.0 + 1e-9));
    }

    #[test]
    fn without_relaxation_sor_is_optimised_appr(mut problem in problem(), epsilon in epsilon()) {
        problem.edges.retain(|edge| edge.0 != edge.1);
        let has_edge = |s: u64| problem.edges.iter().any(|&(u, v, _)| s == u || s == v);
        prop_assume!(problem.seeds.iter().all(|seed| has_edge(seed.0)));
        let (graph, alpha) = (problem.graph(), problem.alpha);
        let query = LocalQuery::new(problem.seeds()).weight_unit(WeightUnit::AsGiven);
        let pushed = query.clone().method(ApprOpt { alpha, ..ApprOpt::new(epsilon) }).run(&graph).unwrap();
        let relaxed = query.method(LocalSor { alpha, epsilon, omega: Some(1.0) }).run(&graph).unwrap();
        prop_assert_eq!(relaxed.work.edges_touched, pushed.work.edges_touched);
        let distance: f64 =
            relaxed.mass.iter().map(|&(u, mass)| (mass - pushed.mass_of(u)).abs()).sum();
        prop_assert!(distance <= 1e-12);
    }

    #[test]
    fn an_error_that_is_asked_for_is_reached(
        problem in problem(), alpha in alpha(), goal in (-20.0_f64..-0.1).prop_map(f64::exp),
        method in prop::sample::select(SIGNED.to_vec()),
    ) {
        let (graph, seeds) = (problem.graph(), problem.seeds());
        let answer = method.ask(&graph, &seeds, (alpha, 1e-3), Some(goal));
        prop_assert!(answer.certificate.l1_error <= goal, "{:?} {:?}", method, answer.certificate);
        check(&graph, &answer, f64::INFINITY);
        prop_assert_eq!(answer.status, Status::Converged);
    }

    #[test]
    fn the_counters_count_what_is_read(
        problem in problem(), alpha in alpha(), method in prop::sample::select(SIGNED.to_vec()),
    ) {
        let graph = problem.graph();
        let counting = CountingGraph::new(&graph);
        let answer = method.ask(&counting, &problem.seeds(), (alpha, 1e-4), None);
        prop_assert_eq!(counting.arcs_read(), answer.work.arcs_read);
        prop_assert!(answer.work.edges_touched >= answer.work.arcs_read);
    }

    #[test]
    fn aspr_is_within_its_tolerance_and_keeps_to_the_support(
        problem in problem(), alpha in alpha(), tolerance in (-14.0_f64..0.0).prop_map(f64::exp),
        steps in prop::sample::select(vec![AsprSteps::Gradient, AsprSteps::Conjugate]),
    ) {
        let graph = problem.graph();
        let exact = active_set(&graph, &problem, alpha);
        let method = Aspr { alpha, rho: problem.rho, tolerance, steps };
        let query = LocalQuery::new(problem.seeds()).method(method).weight_unit(WeightUnit::AsGiven);
        let answer = query.run(&graph).unwrap();
        let rounding = 1e-13 / alpha;
        for (u, exact) in (0..).zip(&exact) {
            let error = (answer.mass_of(u) - exact).abs();
            let allowed = tolerance * problem.rho * graph.degree(u) * (1.0 + 1e-9);
            prop_assert!(error <= allowed + rounding, "{} {} {:?}", u, error, answer.status);
            prop_assert!(answer.mass_of(u) == 0.0 || *exact > -rounding);
            prop_assert!(*exact > 0.0 || answer.mass_of(u) <= rounding, "{} is outside the support", u);
        }
        let l1: f64 = (0..).zip(&exact).map(|(u, exact)| (answer.mass_of(u) - exact).abs()).sum();
        prop_assert!(l1 <= answer.certificate.l1_error + rounding);
    }

    #[test]
    fn aspr_reaches_an_error_that_is_asked_for(
        problem in problem(), alpha in alpha(), goal in (-20.0_f64..-0.1).prop_map(f64::exp),
        steps in prop::sample::select(vec![AsprSteps::Gradient, AsprSteps::Conjugate]),
    ) {
        let method = Aspr { alpha, rho: problem.rho, tolerance: 1.0, steps };
        let query = LocalQuery::new(problem.seeds()).method(method).weight_unit(WeightUnit::AsGiven);
        let answer = query.stop_at_error(goal).run(&problem.graph()).unwrap();
        prop_assert!(answer.certificate.l1_error <= goal, "{:?}", answer);
    }

    #[test]
    fn a_changed_graph_is_followed(
        graph in weighted_graph(9),
        changes in prop::collection::vec((0_u64..9, 0_u64..9, 1_u32..9, any::<bool>()), 1..12),
        alpha in alpha(), epsilon in epsilon(),
    ) {
        let n = graph.node_count();
        let mut weights = std::collections::BTreeMap::new();
        for (u, v, weight) in graph.edges() {
            weights.insert((u.min(v), u.max(v)), weight);
        }
        let seeds = SeedDistribution::uniform(0..n).drop_isolated();
        let mut followed = DynamicPageRank::start(&graph, &seeds, alpha, epsilon).unwrap();
        let mut old = followed.answer(&graph).unwrap();
        for (u, v, eighths, removes) in changes {
            let (u, v) = (u.min(v) % n, u.max(v) % n);
            let (u, v) = (u.min(v), u.max(v));
            let weight = weights.entry((u, v)).or_insert(0.0);
            let by = if removes && *weight > 0.0 { -*weight } else { f64::from(eighths) / 8.0 };
            *weight += by;
            let edges = weights.iter().filter(|edge| *edge.1 > 0.0).map(|(&(u, v), &w)| (u, v, w));
            let after = CsrGraph::from_weighted_edges(n, edges).unwrap();
            if after.total_volume() == 0.0 {
                let refused = followed.update(&after, &[EdgeChange { u, v, by }]);
                prop_assert!(matches!(refused, Err(GraphError::EmptyGraph)));
                break;
            }
            followed.update(&after, &[EdgeChange { u, v, by }]).unwrap();
            let new = followed.answer(&after).unwrap();
            check(&after, &new, epsilon);
            // Without being told what has changed.
            let repair = DynamicPush { alpha, epsilon, start: old.mass.clone() };
            let query = LocalQuery::new(seeds.clone()).method(repair).weight_unit(WeightUnit::AsGiven);
            check(&after, &query.run(&after).unwrap(), epsilon);
            old = new;
        }
    }
}

/// The ℓ1 problem's solution by trying active sets until the conditions hold: dense, and no code of ours.
fn active_set(graph: &CsrGraph, problem: &Problem, alpha: f64) -> Vec<f64> {
    let n = graph.node_count() as usize;
    let weights = dense(graph);
    let degree = |u: usize| graph.degree(u as u64);
    let mut seeds = vec![0.0; n];
    for (node, share) in problem.seeds().resolve(graph).unwrap() {
        seeds[node as usize] = share;
    }
    // Q in masses: p = αs - … as in the definition of the residual.
    let residual = |p: &[f64], u: usize| {
        let walked: f64 = (0..n).filter(|&v| p[v] != 0.0).map(|v| weights[u][v] * p[v] / degree(v)).sum();
        seeds[u] - (1.0 + alpha) / (2.0 * alpha) * p[u] + (1.0 - alpha) / (2.0 * alpha) * walked
    };
    let mut set: Vec<usize> = Vec::new();
    let mut p = vec![0.0; n];
    loop {
        let new: Vec<usize> = (0..n)
            .filter(|&u| !set.contains(&u) && residual(&p, u) > problem.rho * degree(u) * (1.0 + 1e-12))
            .collect();
        if new.is_empty() {
            return p;
        }
        set.extend(new);
        let matrix = set
            .iter()
            .map(|&u| {
                let entry = |&v: &usize| {
                    let own = if u == v { f64::midpoint(1.0, alpha) } else { 0.0 };
                    own - (1.0 - alpha) / 2.0 * weights[u][v] / degree(v)
                };
                set.iter().map(entry).collect()
            })
            .collect();
        let right = set.iter().map(|&u| alpha * (seeds[u] - problem.rho * degree(u))).collect();
        let solved = eliminate(matrix, right).unwrap();
        p = vec![0.0; n];
        for (&u, mass) in set.iter().zip(solved) {
            p[u] = mass;
        }
    }
}

#[test]
fn chebyshev_steps_are_accelerated() {
    // On a whole graph the error falls by about (1 - √α)/(1 + √α) a step, and not by 1 - α.
    let graph = karate();
    let alpha: f64 = 1e-4;
    let answer = Signed::Chebyshev.ask(&graph, &SeedDistribution::node(0), (alpha, 1e-9), None);
    let rate = (1.0 - alpha.sqrt()) / (1.0 + alpha.sqrt());
    let steps = (2.0 * 78.0 / 1e-9_f64).ln() / -rate.ln();
    assert!((answer.work.iterations as f64) < 2.0 * steps, "{} {steps}", answer.work.iterations);
    check(&graph, &answer, 1e-9);
}

#[test]
fn small_alphas_cost_the_accelerated_methods_less() {
    let graph = HashedPlantedPartition::new(2000).generate().unwrap();
    let seeds = SeedDistribution::node(0);
    let (alpha, epsilon) = (1e-4, 1e-6);
    let query = LocalQuery::new(seeds.clone()).method(ApprOpt { alpha, ..ApprOpt::new(epsilon) });
    let plain = query.run(&graph).unwrap().work.edges_touched;
    for method in [Signed::Sor(None), Signed::Chebyshev, Signed::EvolvingSets] {
        let answer = method.ask(&graph, &seeds, (alpha, epsilon), None);
        assert!(answer.certificate.sup_error <= epsilon * (1.0 + 1e-6));
        let work = answer.work.edges_touched;
        assert!(3 * work < plain, "{method:?}: {work} edges, plain {plain}");
    }
}

#[test]
fn work_does_not_depend_on_the_graphs_size() {
    for method in SIGNED {
        let work = [20, 40].map(|bits| {
            let graph = ImplicitPlanted::new(bits).generate().unwrap();
            let mut edges = 0;
            for seed in 0..20 {
                let seeds = SeedDistribution::node(seed * 12_345);
                edges += method.ask(&graph, &seeds, (0.05, 1e-3), None).work.edges_touched;
            }
            edges as f64
        });
        assert!((work[1] / work[0] - 1.0).abs() < 0.1, "{method:?}: {work:?}");
    }
}

#[test]
fn extreme_alphas_and_stars_end() {
    let graph = star(50).unwrap();
    for alpha in [1e-6, 0.499_999, 0.5, 0.500_001, 0.999_999] {
        for method in SIGNED {
            let answer = method.ask(&graph, &SeedDistribution::node(1), (alpha, 1e-3), None);
            check(&graph, &answer, 1e-3);
        }
        for steps in [AsprSteps::Gradient, AsprSteps::Conjugate] {
            let query = LocalQuery::node(1).method(Aspr { alpha, steps, ..Aspr::new(1e-3) });
            let answer = query.run(&graph).unwrap();
            assert!(answer.certificate.sup_error <= 1e-5 * (1.0 + 1e-6), "{alpha} {answer:?}");
            let exact = LocalQuery::node(1).method(L1Exact { alpha, rho: 1e-3 }).run(&graph).unwrap();
            assert!(answer.support().all(|node| exact.mass_of(node) > 0.0));
        }
    }
}

#[test]
fn a_far_change_costs_nothing() {
    let graph = HashedPlantedPartition::new(5000).generate().unwrap();
    let mut followed = DynamicPageRank::start(&graph, &SeedDistribution::node(0), 0.1, 1e-3).unwrap();
    let first = followed.answer(&graph).unwrap();
    let far = (0..5000).rev().filter(|&u| first.mass_of(u) == 0.0 && graph.degree(u) > 0.0);
    let far: Vec<u64> = far.take(2).collect();
    let edges = graph.edges().map(|(u, v, _)| (u, v)).chain([(far[0], far[1])]);
    let after = CsrGraph::from_edges(5000, edges).unwrap();
    let work = followed.update(&after, &[EdgeChange { u: far[0], v: far[1], by: 1.0 }]).unwrap();
    assert_eq!((work.pushes, work.edges_touched), (0, 0));
    assert_eq!(followed.answer(&after).unwrap().mass, first.mass);
}

#[test]
fn a_repair_costs_less_than_a_new_answer() {
    let graph = HashedPlantedPartition::new(10_000).generate().unwrap();
    let v = (43..100).find(|&v| graph.edges().all(|(a, b, _)| (a, b) != (42, v))).unwrap();
    let query = LocalQuery::node(0);
    let old = query.clone().method(DynamicPush::new(1e-5)).run(&graph).unwrap();
    let mut followed = DynamicPageRank::start(&graph, &SeedDistribution::node(0), 0.1, 1e-5).unwrap();
    let edges = graph.edges().map(|(u, v, _)| (u, v)).chain([(42, v)]);
    let after = CsrGraph::from_edges(10_000, edges).unwrap();
    let new = query.clone().method(DynamicPush::new(1e-5)).run(&after).unwrap();
    let repair = DynamicPush { start: old.mass, ..DynamicPush::new(1e-5) };
    let repaired = query.method(repair).run(&after).unwrap();
    let work = followed.update(&after, &[EdgeChange { u: 42, v, by: 1.0 }]).unwrap();
    let edges = [work.edges_touched, repaired.work.edges_touched, new.work.edges_touched];
    assert!(edges[0] < edges[1] && edges[1] < edges[2], "{edges:?}");
}

#[test]
fn bad_input_is_refused() {
    let graph = karate();
    let seeds = SeedDistribution::node(0);
    let query = LocalQuery::new(seeds.clone());
    for omega in [0.0, 2.0, -1.0, f64::NAN] {
        let method = LocalSor { omega: Some(omega), ..LocalSor::new(1e-3) };
        assert!(matches!(query.clone().method(method).run(&graph), Err(GraphError::Input(_))));
    }
    let start = |start: Vec<(u64, f64)>| {
        query.clone().method(DynamicPush { start, ..DynamicPush::new(1e-3) }).run(&graph)
    };
    assert!(matches!(start(vec![(34, 0.1)]), Err(GraphError::UnknownNode { node: 34, .. })));
    assert!(matches!(start(vec![(3, 0.1), (3, 0.1)]), Err(GraphError::DuplicateNode { .. })));
    assert!(matches!(start(vec![(3, f64::NAN)]), Err(GraphError::Input(_))));
    assert!(start(vec![(3, -5.0), (0, 1e6)]).unwrap().certificate.sup_error <= 1e-3);
    let mut followed = DynamicPageRank::start(&graph, &seeds, 0.1, 1e-3).unwrap();
    for change in [EdgeChange { u: 0, v: 34, by: 1.0 }, EdgeChange { u: 0, v: 1, by: f64::INFINITY }] {
        assert!(followed.update(&graph, &[change]).is_err());
    }
    assert!(DynamicPageRank::start(&graph, &seeds, 1.0, 1e-3).is_err());
    assert!(DynamicPageRank::start(&graph, &seeds, 0.1, 0.0).is_err());
}
