//! The mathematics, on small random graphs with weights, loops, parallel edges and several components.

use kiln_graph::WeightUnit::AsGiven;
use kiln_graph::{
    Adjacency, CountingGraph, CsrGraph, L1Path, Limits, LocalAnswer, PageRankCertificate, QueueOrder,
    Stagewise, Status, SweepLimits, sweep, sweep_profile,
};
use proptest::prelude::*;

use crate::graphs::{
    Case, L1_SOLVERS, Problem, SOLVERS, Solver, certify, differences, l1_distance, problem, volume,
};

fn solver() -> impl Strategy<Value = Solver> {
    prop::sample::select(SOLVERS.to_vec())
}

fn order() -> impl Strategy<Value = QueueOrder> {
    prop::sample::select(vec![QueueOrder::Fifo, QueueOrder::Lifo, QueueOrder::MaxFirst])
}

fn signed_mass(solution: &LocalAnswer<PageRankCertificate>) -> f64 {
    solution.mass.iter().map(|entry| entry.1).sum()
}

/// Mass and residual, both the solver's own and recomputed from the graph, sum to 1.
fn check_mass(problem: &Problem, solution: &LocalAnswer<PageRankCertificate>) -> Result<(), TestCaseError> {
    let proof = solution.certify(&problem.graph()).unwrap();
    let own = signed_mass(solution) + solution.certificate.residual_mass;
    prop_assert!((own - 1.0).abs() <= 1e-12, "{own}");
    prop_assert!((signed_mass(solution) + proof.residual_mass - 1.0).abs() <= 1e-12);
    prop_assert!((proof.residual_mass - solution.certificate.residual_mass).abs() <= 1e-12);
    prop_assert!(
        (proof.max_residual_over_degree - solution.certificate.max_residual_over_degree).abs() <= 1e-11
    );
    prop_assert!((proof.kkt_residual - solution.certificate.kkt_residual).abs() <= 1e-12);
    prop_assert!((proof.objective - solution.certificate.objective).abs() <= 1e-12);
    Ok(())
}

/// `lower <= upper` in every coordinate.
fn check_below(
    lower: &LocalAnswer<PageRankCertificate>,
    upper: &LocalAnswer<PageRankCertificate>,
) -> Result<(), TestCaseError> {
    let least = differences(&upper.mass, &lower.mass).fold(0.0, f64::min);
    prop_assert!(least >= -1e-12, "{least}\n{lower:?}\n{upper:?}");
    Ok(())
}

/// Conductance of a set, from the definition.
fn conductance(problem: &Problem, set: &[u64]) -> f64 {
    let (mut cut, mut inside, mut total) = (0.0, 0.0, 0.0);
    for &(u, v, weight) in &problem.edges {
        let ends = if u == v { vec![u] } else { vec![u, v] };
        total += weight * ends.len() as f64;
        inside += weight * ends.iter().filter(|end| set.contains(end)).count() as f64;
        if set.contains(&u) != set.contains(&v) {
            cut += weight;
        }
    }
    let smaller = f64::min(inside, total - inside);
    if smaller <= 1e-9 { 1.0 } else { cut / smaller }
}

proptest! {
    #[test]
    fn mass_and_residual_sum_to_one_wherever_a_query_stops(
        problem in problem(), solver in solver(), order in order(), max_work in 0_u64..400,
    ) {
        let limits = Limits { max_work: Some(max_work), ..Limits::default() };
        let query = problem.query(solver).order(order).tolerance(1e-6).limits(limits);
        let solution = query.run(&problem.graph()).unwrap();
        prop_assert!(solution.work.edges_touched <= max_work);
        check_mass(&problem, &solution)?;
        // Whatever is monotone lies below the solution wherever it stops.
        if matches!(solver, Solver::L1Cd | Solver::L1Ista | Solver::L1Exact) {
            check_below(&solution, &problem.query(Solver::L1Exact).run(&problem.graph()).unwrap())?;
        }
    }

    #[test]
    fn limits_on_nodes_hold(
        problem in problem(),
        solver in solver(),
        max_nodes in 1_usize..12,
        max_arcs in 1_usize..8,
    ) {
        let graph = problem.graph();
        let limits = Limits { max_nodes: Some(max_nodes), max_arcs: Some(max_arcs), max_work: None };
        let solution = problem.query(solver).tolerance(1e-6).limits(limits).run(&graph).unwrap();
        check_mass(&problem, &solution)?;
        let seeds = problem.seeds().resolve(&graph).unwrap();
        prop_assert!(solution.work.nodes_touched <= max_nodes.max(seeds.len()) as u64);
        prop_assert!(solution.support().all(|u| graph.arc_count(u) <= max_arcs));
        let stuck = |u: u64| graph.arc_count(u) > max_arcs;
        if solution.status == Status::HubsSkipped {
            prop_assert!((0..problem.node_count).any(stuck));
        }
    }

    #[test]
    fn certificates_follow_the_definition(
        problem in problem(),
        values in prop::collection::vec(-1.0_f64..1.0, 14),
    ) {
        // Any vector, also one that no solver would give: negative, overshooting, off the seeds' components.
        let graph = problem.graph();
        let (alpha, rho) = (problem.alpha, problem.rho);
        let nodes = (0..problem.node_count).filter(|&u| graph.degree(u) > 0.0);
        let mass: Vec<(u64, f64)> = nodes.clone().zip(values).filter(|entry| entry.1.abs() > 0.3).collect();
        let mut r = vec![0.0; problem.node_count as usize];
        for (u, s) in problem.seeds().resolve(&graph).unwrap() {
            r[u as usize] += s;
        }
        for &(u, p) in &mass {
            r[u as usize] -= (1.0 + alpha) / (2.0 * alpha) * p;
            let share = (1.0 - alpha) / (2.0 * alpha) * p / graph.degree(u);
            graph.neighbors(u, |v, weight| r[v as usize] += share * weight);
        }
        let violation = |u: u64| {
            let (r, threshold) = (r[u as usize], rho * graph.degree(u));
            match mass.iter().find(|entry| entry.0 == u) {
                Some(&(_, p)) => (r - threshold * p.signum()).abs(),
                None => f64::max(r - threshold, -r),
            }
        };
        let worst = nodes.map(violation).fold(0.0, f64::max);
        let proof = certify(&graph, &problem.seeds(), alpha, rho, &mass).unwrap();
        let found = proof.kkt_residual;
        prop_assert!((found - worst).abs() <= 1e-11 * worst.max(1.0), "{found} {worst}");
    }

    #[test]
    fn error_bounds_hold_for_any_vector(
        problem in problem(),
        values in prop::collection::vec(-0.5_f64..1.0, 14),
    ) {
        let graph = problem.graph();
        let nodes = (0..problem.node_count).filter(|&u| graph.degree(u) > 0.0);
        let mass: Vec<(u64, f64)> = nodes.zip(values).filter(|entry| entry.1.abs() > 0.2).collect();
        let proof = certify(&graph, &problem.seeds(), problem.alpha, problem.rho, &mass).unwrap();
        let exact = problem.query(Solver::L1Exact).run(&graph).unwrap();
        for u in 0..problem.node_count {
            let mass = mass.iter().find(|entry| entry.0 == u).map_or(0.0, |entry| entry.1);
            let error = (mass - exact.mass_of(u)).abs();
            prop_assert!(error <= graph.degree(u) * proof.sup_error + 1e-11, "{u}: {error}");
        }
        prop_assert!(exact.certificate.sup_error <= 1e-11 / problem.alpha);
    }

    #[test]
    fn stagewise_keeps_its_books(problem in problem(), max_work in 0_u64..2000) {
        let graph = problem.graph();
        let method = Stagewise { alpha: problem.alpha, step_size: 1e-3, ..Stagewise::new(problem.rho) };
        let limits = Limits { max_work: Some(max_work), ..Limits::default() };
        let (solution, path) = method.solve_path(&graph, &problem.seeds(), limits).unwrap();
        check_mass(&problem, &solution)?;
        let work = solution.work;
        prop_assert!(work.edges_touched <= max_work);
        prop_assert!((solution.mass_l1() - 1e-3 * work.pushes as f64).abs() <= 1e-12);
        let chosen = |&(u, mass): &(u64, f64)| (mass / 1e-3).round() as u64 * graph.arc_count(u) as u64;
        prop_assert_eq!(work.edges_touched, solution.mass.iter().map(chosen).sum::<u64>());
        prop_assert_eq!(path.len() as u64, work.pushes + 1);
        let end = path[path.len() - 1];
        prop_assert!((end.rho - solution.certificate.max_residual_over_degree).abs() <= 1e-12 / problem.alpha);
        // The path is in the paper's unit. At its end itself rounding decides.
        let rho = problem.rho / graph.mean_weight();
        let at_the_end = (end.rho / rho - 1.0).abs() <= 1e-9;
        prop_assert!(at_the_end || (solution.status == Status::WorkLimit) == (end.rho > rho));
    }

    #[test]
    fn l1_solvers_agree(problem in problem(), order in order()) {
        let graph = problem.graph();
        let exact = problem.query(Solver::L1Exact).run(&graph).unwrap();
        prop_assert!(exact.certificate.kkt_residual <= 1e-13, "{}", exact.certificate.kkt_residual);
        let support_volume = volume(&graph, exact.support());
        prop_assert!(problem.rho * support_volume <= 1.0 - exact.mass_l1() + 1e-12);
        for solver in L1_SOLVERS {
            let found = problem.query(solver).order(order).tolerance(1e-12).run(&graph).unwrap();
            let distance = l1_distance(&found.mass, &exact.mass);
            prop_assert!(distance <= 1e-8, "{:?} {}", solver, distance);
            prop_assert!((found.certificate.objective - exact.certificate.objective).abs() <= 1e-10);
        }
    }

    #[test]
    fn a_tolerance_bounds_the_error(problem in problem(), tolerance in 1e-4_f64..1.0) {
        let graph = problem.graph();
        let exact = problem.query(Solver::L1Exact).run(&graph).unwrap();
        for solver in [Solver::L1Cd, Solver::L1Ista] {
            let found = problem.query(solver).tolerance(tolerance).run(&graph).unwrap();
            check_below(&found, &exact)?;
            let bound = tolerance * problem.rho * volume(&graph, exact.support());
            prop_assert!(l1_distance(&found.mass, &exact.mass) <= bound + 1e-12);
            let allowed = (1.0 + tolerance) * problem.rho * (1.0 + 1e-12);
            prop_assert!(found.certificate.max_residual_over_degree <= allowed);
        }
        let found = problem.query(Solver::L1Fista).tolerance(tolerance).run(&graph).unwrap();
        let largest = (0..problem.node_count).map(|u| graph.degree(u)).fold(0.0, f64::max);
        prop_assert!(found.certificate.kkt_residual <= tolerance * problem.rho * largest * (1.0 + 1e-9));
    }

    #[test]
    fn appr_is_bounded_by_l1_solutions(problem in problem(), order in order()) {
        let graph = problem.graph();
        let exact = |rho| problem.query(Solver::L1Exact).rho(rho).run(&graph).unwrap();
        let lazy = problem.query(Solver::Appr).order(order).run(&graph).unwrap();
        check_below(&exact(problem.rho), &lazy)?;
        check_below(&lazy, &exact((1.0 - problem.alpha) / 2.0 * problem.rho))?;
        let whole = problem.query(Solver::ApprOpt).order(order).run(&graph).unwrap();
        check_below(&exact(problem.rho), &whole)?;
    }

    #[test]
    fn solutions_grow_as_rho_falls(problem in problem(), factor in 0.01_f64..1.0) {
        let graph = problem.graph();
        let larger = problem.query(Solver::L1Exact).run(&graph).unwrap();
        let smaller = problem.query(Solver::L1Exact).rho(problem.rho * factor).run(&graph).unwrap();
        check_below(&larger, &smaller)?;
    }

    #[test]
    fn empty_exactly_when_rho_reaches_the_largest_seed(problem in problem(), gap in 1e-6_f64..0.5) {
        let graph = problem.graph();
        let seeds = problem.seeds().resolve(&graph).unwrap();
        let largest = seeds.iter().map(|&(u, s)| s / graph.degree(u)).fold(0.0, f64::max);
        for solver in L1_SOLVERS {
            let query = problem.query(solver).tolerance(1e-9);
            let above = query.clone().rho(largest * (1.0 + gap)).run(&graph).unwrap();
            prop_assert_eq!((above.status, above.mass.len()), (Status::Empty, 0));
            let below = query.rho(largest * (1.0 - gap)).run(&graph).unwrap();
            prop_assert!(below.status == Status::Converged && !below.mass.is_empty());
        }
    }

    #[test]
    fn relabelling_nodes_permutes_the_answer(problem in problem(), shift in 1_u64..13, solver in solver()) {
        // Another order of neighbours is another order of pushes: only the l1 problem has one answer.
        let n = problem.node_count;
        let relabel = |u: u64| (n - 1 - u + shift) % n;
        let mut relabelled = problem.clone();
        for (u, v, _) in &mut relabelled.edges {
            (*u, *v) = (relabel(*u), relabel(*v));
        }
        for (u, _) in &mut relabelled.seeds {
            *u = relabel(*u);
        }
        let solver = if matches!(solver, Solver::Appr | Solver::ApprOpt) { Solver::L1Cd } else { solver };
        let mut expected = problem.query(solver).tolerance(1e-10).run(&problem.graph()).unwrap().mass;
        for entry in &mut expected {
            entry.0 = relabel(entry.0);
        }
        let found = relabelled.query(solver).tolerance(1e-10).run(&relabelled.graph()).unwrap().mass;
        prop_assert!(l1_distance(&found, &expected) <= 1e-9);
    }

    #[test]
    fn scaling_all_weights_scales_rho(problem in problem(), scale in 0.01_f64..100.0, solver in solver()) {
        let mut scaled = problem.clone();
        for edge in &mut scaled.edges {
            edge.2 *= scale;
        }
        let solver = if matches!(solver, Solver::Appr | Solver::ApprOpt) { Solver::L1Cd } else { solver };
        let expected = problem.query(solver).tolerance(1e-10).run(&problem.graph()).unwrap().mass;
        let query = scaled.query(solver).rho(problem.rho / scale).tolerance(1e-10);
        prop_assert!(l1_distance(&query.run(&scaled.graph()).unwrap().mass, &expected) <= 1e-9);
    }

    #[test]
    fn splitting_an_edge_in_two_halves_changes_nothing(
        mut problem in problem(),
        solver in solver(),
        edge in any::<prop::sample::Index>(),
    ) {
        // Distinct pairs, so that the halves are summed with each other first.
        problem.edges.sort_by_key(|&(u, v, _)| (u.min(v), u.max(v)));
        problem.edges.dedup_by_key(|&mut (u, v, _)| (u.min(v), u.max(v)));
        let has_edge = |s: u64| problem.edges.iter().any(|&(u, v, _)| s == u || s == v);
        prop_assume!(problem.seeds.iter().all(|seed| has_edge(seed.0)));
        let mut split = problem.clone();
        let (u, v, weight) = *edge.get(&split.edges);
        split.edges.retain(|&(a, b, _)| (a, b) != (u, v));
        split.edges.extend([(u, v, weight / 2.0), (v, u, weight / 2.0)]);
        prop_assert_eq!(
            split.query(solver).run(&split.graph()).unwrap(),
            problem.query(solver).run(&problem.graph()).unwrap()
        );
    }

    #[test]
    fn a_far_component_changes_nothing(problem in problem(), far in problem(), solver in solver()) {
        let mut both = problem.clone();
        both.node_count += far.node_count;
        let n = problem.node_count;
        let shift = |&(u, v, weight): &(u64, u64, f64)| (u + n, v + n, weight);
        both.edges.extend(far.edges.iter().map(shift));
        prop_assert_eq!(
            both.query(solver).run(&both.graph()).unwrap(),
            problem.query(solver).run(&problem.graph()).unwrap()
        );
    }

    #[test]
    fn the_counters_count_what_is_read(problem in problem(), solver in solver()) {
        let graph = problem.graph();
        let counting = CountingGraph::new(&graph);
        let solution = problem.query(solver).run(&counting).unwrap();
        let work = solution.work;
        prop_assert_eq!(counting.arcs_read(), work.arcs_read);
        let seeds = problem.seeds().resolve(&graph).unwrap();
        let mut touched: std::collections::BTreeSet<u64> = seeds.iter().map(|seed| seed.0).collect();
        let seed_count = touched.len() as u64;
        if solver == Solver::L1Fista {
            // It may have read the neighbours of a node that is 0 again.
            prop_assert_eq!(counting.nodes_read().len() as u64, work.nodes_touched);
            prop_assert!(work.nodes_ever_active >= solution.mass.len() as u64);
        } else {
            for u in solution.support() {
                touched.insert(u);
                graph.neighbors(u, |v, _| { touched.insert(v); });
            }
            prop_assert_eq!(work.nodes_touched, touched.len() as u64);
            prop_assert_eq!(counting.nodes_read(), touched);
            prop_assert_eq!(work.nodes_ever_active, solution.mass.len() as u64);
        }
        prop_assert!(work.nodes_touched <= seed_count + work.edges_touched);
        prop_assert!(work.arcs_read <= work.edges_touched);
        prop_assert_eq!(counting.lists_read(), work.nodes_ever_active);
    }

    #[test]
    fn a_used_workspace_changes_nothing(problems in prop::collection::vec((problem(), solver()), 2..6)) {
        let mut workspace = kiln_graph::Workspace::default();
        for (problem, solver) in problems {
            let (query, graph) = (problem.query(solver).query(), problem.graph());
            prop_assert_eq!(query.run_in(&graph, &mut workspace).unwrap(), query.run(&graph).unwrap());
        }
    }

    #[test]
    fn the_sweep_finds_the_best_prefix(problem in problem()) {
        let graph = problem.graph();
        let mass = problem.query(Solver::Appr).run(&graph).unwrap().mass;
        let counting = CountingGraph::new(&graph);
        let cut = sweep(&counting, &mass, SweepLimits::default()).unwrap();
        prop_assert_eq!(cut.is_some(), !mass.is_empty());
        prop_assert_eq!(counting.nodes_read(), mass.iter().map(|entry| entry.0).collect());
        let arcs: usize = mass.iter().map(|&(u, _)| graph.arc_count(u)).sum();
        prop_assert_eq!(counting.arcs_read(), arcs as u64);

        let mut order = mass.clone();
        let score = |&(u, value): &(u64, f64)| value / graph.degree(u);
        order.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.0.cmp(&b.0)));
        let order: Vec<u64> = order.iter().map(|entry| entry.0).collect();
        let profile = sweep_profile(&graph, &mass, SweepLimits::default()).unwrap();
        let mut least = f64::INFINITY;
        for (i, point) in profile.iter().enumerate() {
            prop_assert_eq!(point.node, order[i]);
            let expected = conductance(&problem, &order[..=i]);
            prop_assert!((point.conductance - expected).abs() <= 1e-9, "{} {}", point.conductance, expected);
            least = least.min(expected);
        }
        if let Some(cut) = cut {
            prop_assert!((cut.conductance - least).abs() <= 1e-9);
            prop_assert!((conductance(&problem, &cut.nodes) - least).abs() <= 1e-9);
        }
    }

    #[test]
    fn the_exact_path_agrees_with_separate_solutions(problem in problem(), at in 0.0_f64..1.0) {
        let graph = problem.graph();
        let path = L1Path { alpha: problem.alpha, weight_unit: AsGiven, ..L1Path::new(1e-4) }
            .solve(&graph, &problem.seeds(), Limits::default()).unwrap();
        prop_assert!(path.breakpoints.windows(2).all(|pair| pair[0].rho >= pair[1].rho));
        let Some(first) = path.breakpoints.first() else { return Ok(()) };
        let rho = 1e-4 * (first.rho / 1e-4).powf(at);
        let exact = problem.query(Solver::L1Exact).rho(rho).run(&graph).unwrap();
        let distance = path.sup_error(&graph, rho, &exact.mass).unwrap();
        prop_assert!(distance <= 1e-12, "{}", distance);
        for breakpoint in &path.breakpoints {
            let mass = path.mass_at(&graph, breakpoint.rho).unwrap();
            let total: f64 = mass.iter().map(|entry| entry.1).sum();
            prop_assert!((total - breakpoint.mass_l1).abs() <= 1e-12);
        }
        // A path cut short is the beginning of the whole one.
        let half = path.breakpoints.len() / 2;
        let cut = L1Path { alpha: problem.alpha, weight_unit: AsGiven, max_breakpoints: half, ..L1Path::new(1e-4) }
            .solve(&graph, &problem.seeds(), Limits::default()).unwrap();
        prop_assert_eq!(&cut.breakpoints[..], &path.breakpoints[..half]);
        prop_assert_eq!((cut.status, cut.rho_end), (Status::WorkLimit, path.breakpoints[half].rho));
    }

    #[test]
    fn many_queries_at_once_answer_as_one_by_one(problem in problem(), solver in solver()) {
        let graph = problem.graph();
        let query = problem.query(solver).tolerance(1e-9);
        let seeds = vec![problem.seeds(); 3];
        for found in query.query().run_batch(&graph, &seeds) {
            prop_assert_eq!(found.unwrap(), query.run(&graph).unwrap());
        }
        let alphas = [0.7, problem.alpha, 0.05];
        let methods = alphas.map(|alpha| query.clone().alpha(alpha).method());
        for (found, alpha) in query.query().run_each(&graph, &methods).unwrap().into_iter().zip(alphas) {
            let expected = query.clone().alpha(alpha).run(&graph).unwrap();
            // The second stage of coordinate descent queues slots in another order, so answers agree within
            // its tolerance; the rest differ by rounding.
            prop_assert!(l1_distance(&found.mass, &expected.mass) <= 2e-9);
            prop_assert_eq!(found.status, expected.status);
        }
    }
}

/// A graph that answers like another but denies that its weights are 1.
struct Unwilling(CsrGraph);

impl Adjacency for Unwilling {
    fn node_count(&self) -> u64 {
        self.0.node_count()
    }
    fn total_volume(&self) -> f64 {
        self.0.total_volume()
    }
    fn degree(&self, u: u64) -> f64 {
        self.0.degree(u)
    }
    fn arc_count(&self, u: u64) -> usize {
        self.0.arc_count(u)
    }
    fn neighbors(&self, u: u64, visit: impl FnMut(u64, f64)) {
        self.0.neighbors(u, visit);
    }
}

#[test]
fn stored_and_omitted_unit_weights_are_the_same() {
    let graph = crate::graphs::karate();
    for solver in SOLVERS {
        let query = Case::node(0).solver(solver);
        assert_eq!(query.run(&graph).unwrap(), query.run(&Unwilling(graph.clone())).unwrap());
    }
}
