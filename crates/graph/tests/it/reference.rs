//! Comparison with reference outputs that an independent script made (dense linear algebra, no shared code).

use kiln_graph::{
    Adjacency, CsrGraph, L1Path, Limits, SeedDistribution, SolutionPath, Stagewise, Status, SweepLimits,
    sweep,
};
use serde_json::Value;

use crate::graphs::{Case, Solver, ask, differences, l1_distance, reference_graph, reference_json, volume};

const GRAPHS: [&str; 5] = ["karate", "karate_weighted", "planted200", "planted120_weighted", "edgecases"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn nodes(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(count).collect()
}

fn entries(value: &Value) -> Vec<(u64, f64)> {
    let mut entries: Vec<(u64, f64)> =
        value.as_object().unwrap().iter().map(|(node, x)| (node.parse().unwrap(), number(x))).collect();
    entries.sort_unstable_by_key(|entry| entry.0);
    entries
}

/// Calls `test` on every case.
fn for_each_case(test: impl Fn(&CsrGraph, &Case, &Value)) {
    let mut cases = 0;
    for name in GRAPHS {
        let file = reference_json(name);
        let graph = reference_graph(name, Some(count(&file["n"])));
        for case in file["cases"].as_array().unwrap() {
            let seeds = SeedDistribution::weighted(entries(&case["seed"]));
            let query = Case::new(seeds).alpha(number(&case["alpha"])).rho(number(&case["rho"]));
            test(&graph, &query, case);
            cases += 1;
        }
    }
    assert_eq!(cases, 135);
}

#[test]
fn exact_solutions_and_sweeps() {
    for_each_case(|graph, query, case| {
        let (rho, expected) = (number(&case["rho"]), entries(&case["p"]));
        let found = query.clone().solver(Solver::L1Exact).run(graph).unwrap();
        let cut = sweep(graph, &found.mass, SweepLimits::default()).unwrap();
        assert_eq!(
            found.support().collect::<Vec<_>>(),
            expected.iter().map(|entry| entry.0).collect::<Vec<_>>()
        );
        assert!(differences(&found.mass, &expected).all(|difference| difference.abs() <= 1e-12), "{case}");
        assert!((found.certificate.objective - number(&case["objective"])).abs() <= 1e-14, "{case}");
        assert!(found.certificate.kkt_residual <= 1e-13, "{} {case}", found.certificate.kkt_residual);
        let proof = found.certify(graph).unwrap();
        assert!(proof.kkt_residual <= 1e-13);
        assert!((found.mass_l1() + proof.residual_mass - 1.0).abs() <= 1e-12);
        let support_volume = volume(graph, found.support());
        assert!((support_volume - number(&case["support_volume"])).abs() <= 1e-9);
        assert!(rho * support_volume <= 1.0 - found.mass_l1() + 1e-12);
        assert_eq!(found.work.iterations, count(&case["active_set_rounds"]), "{case}");

        let expected = &case["sweep"];
        let Some(cut) = cut else {
            assert_eq!((found.status, count(&expected["size"])), (Status::Empty, 0));
            return;
        };
        if count(&expected["size"]) == graph.node_count() {
            // One case: the reference script divided the rounding error of the whole graph's cut by that of
            // its complement's volume. The conductance of the whole graph is 1 by definition.
            assert_eq!((graph.node_count(), number(&expected["phi"])), (120, 0.007_812_5));
            return;
        }
        assert!((cut.conductance - number(&expected["phi"])).abs() <= 1e-12);
        if expected["relative_gap_at_cut"].as_f64().is_none_or(|gap| gap > 1e-9) {
            let mut set = nodes(&expected["set"]);
            set.sort_unstable();
            assert_eq!(cut.nodes, set);
        }
    });
}

#[test]
fn push_counts_are_equal_bit_for_bit() {
    for_each_case(|graph, query, case| {
        for (solver, expected) in
            [(Solver::Appr, &case["appr_lazy_fifo"]), (Solver::ApprOpt, &case["appr_optimised_fifo"])]
        {
            let found = query.clone().rho(number(&expected["eps"])).solver(solver).run(graph).unwrap();
            assert_eq!(found.work.pushes, count(&expected["pushes"]), "{solver:?} {case}");
            assert_eq!(found.work.edges_touched, count(&expected["edges_touched"]));
            assert_eq!(found.mass.len() as u64, count(&expected["support_size"]));
            assert!((found.mass_l1() - number(&expected["p_l1"])).abs() <= 1e-12);
            if let Some(residual) = expected["r_l1"].as_f64() {
                assert!((found.certificate.residual_mass - residual).abs() <= 1e-12);
                let expected = number(&expected["max_r_over_d"]);
                assert!((found.certificate.max_residual_over_degree - expected).abs() <= 1e-14);
            }
        }
    });
}

#[test]
fn lazy_appr_lies_between_two_l1_solutions() {
    for_each_case(|graph, query, case| {
        let epsilon = number(&case["appr_lazy_fifo"]["eps"]);
        let upper = (1.0 - number(&case["alpha"])) / 2.0 * epsilon;
        let exact = |rho| query.clone().rho(rho).solver(Solver::L1Exact).run(graph).unwrap();
        let appr = query.clone().rho(epsilon).solver(Solver::Appr).run(graph).unwrap();
        assert!(differences(&appr.mass, &exact(epsilon).mass).all(|difference| difference >= -1e-12));
        assert!(differences(&exact(upper).mass, &appr.mass).all(|difference| difference >= -1e-12));
    });
}

#[test]
fn iterative_solvers_reach_the_exact_solution() {
    for_each_case(|graph, query, case| {
        for solver in [Solver::L1Cd, Solver::L1Ista, Solver::L1Fista] {
            let found = query.clone().tolerance(1e-9).solver(solver).run(graph).unwrap();
            let empty = count(&case["support_size"]) == 0;
            assert_eq!(found.status, if empty { Status::Empty } else { Status::Converged });
            let distance = l1_distance(&found.mass, &entries(&case["p"]));
            assert!(distance <= 2e-9, "{solver:?} {distance}");
        }
    });
}

#[test]
fn exact_paths() {
    let file = reference_json("paths");
    let paths = file["paths"].as_array().unwrap();
    assert_eq!(paths.len(), 7);
    for expected in paths {
        let graph = path_graph(expected);
        let path = exact_path(expected, &graph);
        assert_eq!(path.status, Status::Converged);
        let breakpoints = expected["breakpoints"].as_array().unwrap();
        assert_eq!(path.breakpoints.len(), breakpoints.len());
        for (found, expected) in path.breakpoints.iter().zip(breakpoints) {
            let mut entering = nodes(&expected["enter"]);
            entering.sort_unstable();
            assert_eq!(found.entering, entering);
            assert!((found.rho / number(&expected["rho"]) - 1.0).abs() <= 1e-9);
            assert!((found.mass_l1 - number(&expected["p_l1"])).abs() <= 1e-10);
        }
    }
}

#[test]
fn stagewise_errors_against_the_exact_path() {
    let file = reference_json("paths");
    for case in file["paths"].as_array().unwrap() {
        let graph = path_graph(case);
        let path = exact_path(case, &graph);
        let mut errors = Vec::new();
        for expected in case["stagewise"].as_array().unwrap() {
            let (step_size, rho_stop) = (number(&expected["eta"]), number(&expected["rho_stop"]));
            let seeds = SeedDistribution::node(count(&case["seed"]));
            let alpha = number(&case["alpha"]);
            let method = Stagewise { alpha, step_size, ..Stagewise::new(rho_stop) };
            let solution = ask(&method, &graph, &seeds).unwrap();
            assert_eq!(solution.work.pushes, count(&expected["steps"]));
            assert_eq!(solution.work.edges_touched, count(&expected["edges_touched"]));
            assert!((solution.mass_l1() - step_size * solution.work.pushes as f64).abs() <= 1e-9);
            let error = path.sup_error(&graph, rho_stop, &solution.mass).unwrap();
            let reference = number(&expected["sup_error_p"]);
            assert!((error - reference).abs() <= 1e-12);
            errors.push(error);
        }
        assert!(errors[2] <= 1e-3 && errors[2] <= errors[1] / 4.0, "{errors:?}");
    }
}

fn path_graph(case: &Value) -> CsrGraph {
    let name = case["graph"].as_str().unwrap();
    reference_graph(name, Some(count(&reference_json(name)["n"])))
}

fn exact_path(case: &Value, graph: &CsrGraph) -> SolutionPath {
    let method = L1Path { alpha: number(&case["alpha"]), ..L1Path::new(number(&case["rho_min"])) };
    method.solve(graph, &SeedDistribution::node(count(&case["seed"])), Limits::default()).unwrap()
}
