//! One test for each defect found in the reference library (specification, section 12), so that none comes
//! here.

use kiln_graph::{
    Adjacency, ClusterOutcome, CountingGraph, CsrGraph, NoClusterReason, SeedDistribution, Status,
    SweepLimits, sweep,
};

use crate::graphs::{Case, L1_SOLVERS, SOLVERS, differences, karate};

#[test]
fn adjacent_seeds_keep_their_mass() {
    // The reference loses half of it: a total of .484 instead of .984.
    for solver in SOLVERS {
        let query = Case::new(SeedDistribution::uniform([0, 1])).alpha(0.15).rho(1e-4).solver(solver);
        let solution = query.run(&karate()).unwrap();
        assert!((solution.mass_l1() + solution.certificate.residual_mass - 1.0).abs() <= 1e-12);
        assert!((solution.mass_l1() - 0.984).abs() <= 0.01, "{solver:?} {}", solution.mass_l1());
    }
}

#[test]
fn no_score_is_negative_when_rho_exceeds_the_seed() {
    // Node 33 has degree 17, so rho d = 1.7 > s = 1.
    for solver in SOLVERS {
        let (solution, cut) = Case::node(33).rho(0.1).solver(solver).cluster(&karate()).unwrap();
        assert_eq!((solution.status, solution.mass.len()), (Status::Empty, 0));
        let because = NoClusterReason::Empty { largest_score: 1.0 / 17.0 };
        assert_eq!(cut, ClusterOutcome::NoCluster { because });
        assert_eq!(solution.certificate.residual_mass, 1.0);
    }
}

#[test]
fn weights_count_in_updates() {
    // From node 0, node 1 gets three times what node 2 gets.
    let graph = CsrGraph::from_weighted_edges(3, [(0, 1, 3.0), (0, 2, 1.0)]).unwrap();
    for solver in SOLVERS {
        let query = Case::node(0).alpha(0.2).rho(1e-9).tolerance(1e-9).solver(solver);
        let solution = query.run(&graph).unwrap();
        assert!((solution.mass_of(1) - 3.0 * solution.mass_of(2)).abs() <= 1e-7, "{solver:?}");
    }
}

#[test]
fn several_seeds_have_mass_one_together_in_every_solver() {
    for solver in SOLVERS {
        let query = Case::new(SeedDistribution::uniform([0, 5, 33])).rho(1e-12).solver(solver);
        let solution = query.run(&karate()).unwrap();
        assert!((solution.mass_l1() - 1.0).abs() <= 1e-9, "{solver:?}");
    }
    // And the answer is the mean of the seeds' own answers, once rho is negligible.
    for solver in L1_SOLVERS {
        let run = |seeds: SeedDistribution| {
            Case::new(seeds).rho(1e-12).tolerance(1e-3).solver(solver).run(&karate()).unwrap().mass
        };
        let both = run(SeedDistribution::uniform([0, 33]));
        let (mut first, second) = (run(SeedDistribution::node(0)), run(SeedDistribution::node(33)));
        for (entry, other) in first.iter_mut().zip(second) {
            assert_eq!(entry.0, other.0);
            entry.1 = f64::midpoint(entry.1, other.1);
        }
        assert!(differences(&both, &first).all(|difference| difference.abs() <= 1e-9));
    }
}

#[test]
fn a_sweep_over_a_very_long_path_needs_no_stack() {
    let n = 1_000_000;
    let path = CsrGraph::from_edges(2 * n, (0..2 * n - 1).map(|u| (u, u + 1))).unwrap();
    let mass: Vec<(u64, f64)> = (0..n).map(|u| (u, (n - u) as f64)).collect();
    let sweep_in_a_small_stack = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
        let cut = sweep(&path, &mass, SweepLimits::default()).unwrap().unwrap();
        assert_eq!((cut.nodes.len() as u64, cut.cut), (n, 1.0));
    });
    sweep_in_a_small_stack.unwrap().join().unwrap();
}

#[test]
fn a_sweep_does_not_scan_the_graph() {
    let path = CsrGraph::from_edges(100_000, (0..99_999).map(|u| (u, u + 1))).unwrap();
    let counting = CountingGraph::new(&path);
    sweep(&counting, &[(500, 0.3), (501, 0.2), (502, 0.1)], SweepLimits::default()).unwrap();
    assert_eq!(counting.nodes_read(), [500, 501, 502].into());
    assert_eq!(counting.arcs_read(), [500, 501, 502].map(|u| path.arc_count(u) as u64).iter().sum::<u64>());
}
