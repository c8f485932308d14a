use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_optim::block_coordinate::{
    BlockCoordinateDescent, BlockCoordinateMemory, BlockPartition, BlockRule, CoordinateProblem, Partition,
    Update, solve_forest,
};
use kiln_optim::problems::{RegressionLoss, SparseQuadratic, SparseRegression};
use kiln_optim::{
    Composite, Objective, Operator, OptimError, RunError, Solver, State, Stop, residual, resume, run,
};
use kiln_tensor::prox::NonNegative;
use kiln_tensor::{Distribution, Noise, Vector};
use proptest::prelude::*;

const RULES: [BlockRule; 8] = [
    BlockRule::Random,
    BlockRule::Cyclic,
    BlockRule::Lipschitz,
    BlockRule::Gs,
    BlockRule::Gsl,
    BlockRule::Gsd,
    BlockRule::GsdBound,
    BlockRule::Gsq,
];
const UPDATES: [Update; 4] = [Update::Gradient, Update::Matrix, Update::Doubling, Update::LineSearch];
const NONNEGATIVE_RULES: [BlockRule; 4] =
    [BlockRule::Random, BlockRule::Cyclic, BlockRule::Lipschitz, BlockRule::GsqNonnegative];
const NONNEGATIVE_UPDATES: [Update; 3] = [Update::Gradient, Update::Doubling, Update::TwoMetric];
const SIZE: usize = 3;

fn all_blocks() -> [BlockPartition; 4] {
    [
        BlockPartition::Fixed { size: SIZE, partition: Partition::InOrder },
        BlockPartition::Fixed { size: SIZE, partition: Partition::Sorted },
        BlockPartition::Fixed { size: SIZE, partition: Partition::Averaged },
        BlockPartition::Variable { size: SIZE },
    ]
}

fn gaussian(seed: u64, parameter: u64, size: usize) -> Vec<f64> {
    let mut values = vec![0.0; size];
    Noise { seed, distribution: Distribution::Gaussian }.fill(parameter, 0, &mut values);
    values
}

fn regression(loss: RegressionLoss, seed: u64) -> SparseRegression {
    SparseRegression::generate(15, 11, loss, seed).unwrap().with_ridge(0.5).unwrap()
}

/// A quadratic on a random sparse graph, with a diagonal that dominates.
fn quadratic(size: usize, edges: &[(usize, usize, f64)], seed: u64) -> SparseQuadratic {
    let mut upper: Vec<_> =
        edges.iter().filter(|e| e.0 != e.1).map(|&(i, j, h)| (i.min(j), i.max(j), h)).collect();
    for i in 0..size {
        let row: f64 = upper.iter().filter(|e| e.0 == i || e.1 == i).map(|e| e.2.abs()).sum();
        upper.push((i, i, row + 0.5 + (i % 3) as f64));
    }
    // Entries that repeat add up, and the diagonal still dominates.
    SparseQuadratic::new(upper, gaussian(seed, 0, size), 1.0).unwrap()
}

fn block_matrix(problem: &impl CoordinateProblem, block: &[usize]) -> Mat<f64> {
    Mat::from_fn(block.len(), block.len(), |a, b| problem.hessian_bound(block[a], block[b]))
}

fn advance<P: CoordinateProblem>(
    problem: &P,
    solver: &BlockCoordinateDescent,
    x: &[f64],
) -> State<Vec<f64>, BlockCoordinateMemory> {
    let mut state = solver.start(problem, x.to_vec()).unwrap();
    solver.advance(problem, &mut state).unwrap();
    state
}

fn never_increases<P: CoordinateProblem>(problem: &P, solver: &BlockCoordinateDescent, start: &[f64]) {
    let mut state = solver.start(problem, start.to_vec()).unwrap();
    let mut before = problem.value(&state.iterate).unwrap();
    for step in 0..40 {
        solver.advance(problem, &mut state).unwrap();
        let after = problem.value(&state.iterate).unwrap();
        assert!(after <= before + 1e-10 * before.abs().max(1.0), "{solver:?} at {step}: {before} to {after}");
        before = after;
    }
}

fn stays_up_to_date<P: CoordinateProblem>(
    problem: &P,
    x: &[f64],
    i: usize,
    by: f64,
    close: impl Fn(&[f64], &[f64]) -> bool,
) {
    let mut image = problem.image(x).unwrap();
    problem.shift(&mut image, i, by);
    let mut moved = x.to_vec();
    moved[i] += by;
    assert!(close(&image, &problem.image(&moved).unwrap()));
    let partials: Vec<f64> = (0..x.len()).map(|i| problem.partial(&moved, &image, i)).collect();
    assert!(close(&partials, &problem.operator(&moved).unwrap()));
    // Derivatives by differences, and the product with H by its entries.
    let value = |x: &[f64]| problem.value_from(x, &problem.image(x).unwrap());
    let (mut up, mut down) = (moved.clone(), moved.clone());
    up[i] += 1e-5;
    down[i] -= 1e-5;
    let slope = (value(&up) - value(&down)) / 2e-5;
    assert!((slope - partials[i]).abs() <= 1e-5 * (1.0 + value(&moved).abs()), "{slope} {}", partials[i]);
    let product = problem.hessian_bound_product(x);
    let entries = |i: usize| (0..x.len()).map(|j| problem.hessian_bound(i, j) * x[j]).sum::<f64>();
    assert!(close(&(0..x.len()).map(entries).collect::<Vec<_>>(), &product));
    let sums = |i: usize| (0..x.len()).map(|j| problem.hessian_bound(i, j).abs()).sum::<f64>();
    assert!(close(&(0..x.len()).map(sums).collect::<Vec<_>>(), &problem.hessian_bound_row_sums()));
    let curvature = problem.hessian(&image, i, i);
    assert!(curvature <= problem.curvature(i) * (1.0 + 1e-12));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn no_step_increases_the_objective(seed in 0_u64..1_000_000) {
        let x = gaussian(seed, 100, 11);
        let positive: Vec<f64> = x.iter().map(|x| x.max(0.0)).collect();
        for loss in [RegressionLoss::Squared, RegressionLoss::Logistic] {
            let problem = regression(loss, seed);
            for blocks in all_blocks() {
                for rule in RULES {
                    for update in UPDATES {
                        let blocks = blocks.clone();
                        let solver = BlockCoordinateDescent { blocks, rule, update, seed };
                        never_increases(&problem, &solver, &x);
                    }
                }
            }
            let problem = Composite { problem, regularizer: NonNegative };
            for blocks in all_blocks() {
                for rule in NONNEGATIVE_RULES {
                    for update in NONNEGATIVE_UPDATES {
                        let solver = BlockCoordinateDescent { blocks: blocks.clone(), rule, update, seed };
                        never_increases(&problem, &solver, &positive);
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// GSL with `1/L_b` lowers `f` by at least `max_b ‖g_b‖²/(2L_b)`, GSQ with `H_b⁻¹` by at least
    /// `max_b ½ g_bᵀH_b⁻¹g_b`, and by exactly that for quadratics.
    #[test]
    fn greedy_steps_decrease_as_promised(seed in 0_u64..1_000_000) {
        let x = gaussian(seed, 100, 11);
        let blocks = BlockPartition::Fixed { size: SIZE, partition: Partition::InOrder };
        let all: Vec<usize> = (0..11).collect();
        for loss in [RegressionLoss::Squared, RegressionLoss::Logistic] {
            let problem = regression(loss, seed);
            let gradient = problem.operator(&x).unwrap();
            let gains = all.chunks(SIZE).map(|block| {
                let matrix = block_matrix(&problem, block);
                let g = Mat::from_fn(block.len(), 1, |a, _| gradient[block[a]]);
                let largest = *matrix.self_adjoint_eigenvalues(Side::Lower).unwrap().last().unwrap();
                let newton = g.transpose() * matrix.llt(Side::Lower).unwrap().solve(&g);
                (g.squared_norm_l2() / (2.0 * largest), newton[(0, 0)] / 2.0)
            });
            let (gsl, gsq) = gains.fold((0.0_f64, 0.0_f64), |best, gain| (best.0.max(gain.0), best.1.max(gain.1)));
            let before = problem.value(&x).unwrap();
            let decrease = |rule, update| {
                let solver = BlockCoordinateDescent { blocks: blocks.clone(), rule, update, seed };
                before - problem.value(&advance(&problem, &solver, &x).iterate).unwrap()
            };
            let rounding = 1e-10 * before.max(1.0);
            prop_assert!(decrease(BlockRule::Gsl, Update::Gradient) >= gsl - rounding);
            let matrix = decrease(BlockRule::Gsq, Update::Matrix);
            prop_assert!(matrix >= gsq - rounding);
            prop_assert!(loss == RegressionLoss::Logistic || (matrix - gsq).abs() <= rounding);
        }
    }

    /// The approximate GSQ block gains at least what the GSL block gains; on one coordinate both are the best
    /// of all.
    #[test]
    fn variable_blocks_take_the_best_coordinates(seed in 0_u64..1_000_000) {
        let problem = regression(RegressionLoss::Squared, seed);
        let x = gaussian(seed, 100, 11);
        let gradient = problem.operator(&x).unwrap();
        let moved = |size, rule, update| {
            let solver = BlockCoordinateDescent { blocks: BlockPartition::Variable { size }, rule, update, seed };
            advance(&problem, &solver, &x).iterate
        };
        let value = |x: &Vec<f64>| problem.value(x).unwrap();
        let gsl = value(&moved(SIZE, BlockRule::Gsl, Update::Matrix));
        prop_assert!(value(&moved(SIZE, BlockRule::Gsq, Update::Matrix)) <= gsl + 1e-9 * gsl.abs().max(1.0));
        let best = (0..11).map(|i| gradient[i].powi(2) / (2.0 * problem.curvature(i))).fold(0.0, f64::max);
        for rule in [BlockRule::Gsl, BlockRule::Gsd, BlockRule::Gsq] {
            let decrease = value(&x) - value(&moved(1, rule, Update::Gradient));
            prop_assert!((decrease - best).abs() <= 1e-9 * value(&x).max(1.0), "{rule:?}");
        }
        let after = moved(SIZE, BlockRule::Gs, Update::Gradient);
        let mut order: Vec<usize> = (0..11).collect();
        order.sort_by(|&i, &j| gradient[j].abs().total_cmp(&gradient[i].abs()));
        prop_assert!(order[SIZE..].iter().all(|&i| after[i] == x[i]));
    }

    /// What is kept up to date agrees with what is computed afresh.
    #[test]
    fn images_do_not_drift(seed in 0_u64..1_000_000, i in 0_usize..11, by in -3.0..3.0) {
        let x = gaussian(seed, 100, 11);
        let close = |a: &[f64], b: &[f64]| {
            let scale = b.iter().fold(1.0, |scale: f64, b| scale.max(b.abs()));
            a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * scale)
        };
        let quadratic = quadratic(11, &[(0, 1, 1.0), (3, 7, -2.0), (7, 1, 0.5)], seed);
        let squared = regression(RegressionLoss::Squared, seed);
        let logistic = regression(RegressionLoss::Logistic, seed).with_tilt(0.3).unwrap();
        stays_up_to_date(&quadratic, &x, i, by, close);
        stays_up_to_date(&squared, &x, i, by, close);
        stays_up_to_date(&logistic, &x, i, by, close);
    }

    /// Message passing agrees with a dense solve, for the forest that the solver picks among all nodes.
    #[test]
    fn forests_are_solved_exactly(
        edges in prop::collection::vec((0_usize..12, 0_usize..12, -2.0..2.0), 0..25),
        seed in 0_u64..1_000_000,
    ) {
        let problem = quadratic(12, &edges, seed);
        let x = gaussian(seed, 100, 12);
        let (blocks, rule, update) = (BlockPartition::Forest, BlockRule::Gs, Update::Matrix);
        let solver = BlockCoordinateDescent { blocks, rule, update, seed };
        let state = advance(&problem, &solver, &x);
        let moved: Vec<usize> = (0..12).filter(|&i| state.iterate[i] != x[i]).collect();
        let gradient = problem.operator(&x).unwrap();
        let rhs = Mat::from_fn(moved.len(), 1, |a, _| -gradient[moved[a]]);
        let expected = block_matrix(&problem, &moved).llt(Side::Lower).unwrap().solve(&rhs);
        for (a, &i) in moved.iter().enumerate() {
            prop_assert!((state.iterate[i] - x[i] - expected[(a, 0)]).abs() <= 1e-8);
        }
        // A forest, and no other node can join it.
        let inside = |i: usize| problem.neighbours(i).unwrap().iter().filter(|e| moved.contains(&e.0) && e.1 != 0.0);
        let edges = moved.iter().map(|&i| inside(i).count()).sum::<usize>() / 2;
        prop_assert!(moved.is_empty() || edges < moved.len());
        for other in (0..12).filter(|i| !moved.contains(i)) {
            prop_assert!(inside(other).count() >= 2, "node {other} would close no cycle");
        }
    }
}

#[test]
fn every_rule_solves_the_problem() {
    let problem = regression(RegressionLoss::Logistic, 4);
    let start = vec![0.0; 11];
    for rule in RULES {
        let blocks = BlockPartition::Variable { size: SIZE };
        let solver = BlockCoordinateDescent { blocks, rule, update: Update::LineSearch, seed: 1 };
        if rule == BlockRule::Lipschitz {
            // Here it would hardly ever visit the coordinates of small curvature.
            let problem = quadratic(11, &[(0, 1, 1.0), (3, 7, -2.0)], 4);
            let stop = Stop::after(1000).or_residual(1e-6);
            let solution = run(&solver, &problem, start.clone(), &stop).unwrap();
            assert!(solution.residual.unwrap() <= 1e-6);
            continue;
        }
        let solution = run(&solver, &problem, start.clone(), &Stop::after(3000).or_residual(1e-6)).unwrap();
        assert!(solution.residual.unwrap() <= 1e-6, "{rule:?}: {:?}", solution.residual);
    }
    let problem = Composite {
        problem: regression(RegressionLoss::Squared, 4).with_tilt(200.0).unwrap(),
        regularizer: NonNegative,
    };
    for update in NONNEGATIVE_UPDATES {
        let solver = BlockCoordinateDescent {
            blocks: BlockPartition::Variable { size: SIZE },
            rule: BlockRule::GsqNonnegative,
            update,
            seed: 1,
        };
        let solution = run(&solver, &problem, start.clone(), &Stop::after(5000)).unwrap();
        let x = solution.state.iterate;
        assert!(residual(&problem, &x).unwrap() <= 1e-6, "{update:?}");
        assert!(x.iter().all(|x| *x >= 0.0) && x.contains(&0.0) && x.iter().any(|x| *x > 0.0));
    }
}

#[test]
fn work_is_that_of_the_block_unless_the_rule_is_greedy() {
    let problem = regression(RegressionLoss::Squared, 1);
    for rule in RULES {
        for blocks in all_blocks() {
            let solver = BlockCoordinateDescent { blocks, rule, update: Update::Matrix, seed: 2 };
            let work = run(&solver, &problem, vec![0.0; 11], &Stop::after(4)).unwrap().state.work;
            let greedy = !matches!(rule, BlockRule::Random | BlockRule::Cyclic | BlockRule::Lipschitz);
            let derivatives = work.partial_derivatives;
            assert!(if greedy { derivatives == 44 } else { derivatives <= 12 }, "{solver:?}: {derivatives}");
            assert_eq!((work.values, work.components), (0, 0));
        }
    }
}

#[test]
fn rules_and_partitions_cover_all_coordinates() {
    let problem = regression(RegressionLoss::Squared, 1);
    for blocks in all_blocks() {
        for rule in [BlockRule::Random, BlockRule::Cyclic, BlockRule::Lipschitz] {
            let solver =
                BlockCoordinateDescent { blocks: blocks.clone(), rule, update: Update::Gradient, seed: 2 };
            let steps = if rule == BlockRule::Cyclic { 4 } else { 400 };
            let x = run(&solver, &problem, vec![0.0; 11], &Stop::after(steps)).unwrap().state.iterate;
            assert!(x.iter().all(|x| *x != 0.0), "{solver:?}");
        }
    }
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    let problem = regression(RegressionLoss::Logistic, 8);
    for rule in RULES {
        let solver = BlockCoordinateDescent {
            blocks: BlockPartition::Variable { size: 2 },
            rule,
            update: Update::Doubling,
            seed: 9,
        };
        let start = vec![0.0; 11];
        let whole = run(&solver, &problem, start.clone(), &Stop::after(20)).unwrap();
        let half = run(&solver, &problem, start.clone(), &Stop::after(7)).unwrap();
        let state = State::from_bytes(&half.state.to_bytes().unwrap(), &solver, &problem, &start).unwrap();
        let resumed = resume(&solver, &problem, state, &Stop::after(20)).unwrap();
        assert_eq!(resumed.state.iterate, whole.state.iterate);
        assert_eq!(resumed.state.work, whole.state.work);
    }
}

#[test]
fn bad_input_is_refused() {
    let problem = regression(RegressionLoss::Squared, 1);
    let start = || vec![0.0; 11];
    let good = BlockCoordinateDescent::new(SIZE);
    let refused = |solver: &BlockCoordinateDescent| {
        let error = run(solver, &problem, start(), &Stop::after(1)).unwrap_err();
        assert!(matches!(error, RunError::Start(_)), "{error}");
    };
    refused(&BlockCoordinateDescent::new(0));
    refused(&BlockCoordinateDescent::new(12));
    refused(&BlockCoordinateDescent { blocks: BlockPartition::Forest, ..good.clone() });
    refused(&BlockCoordinateDescent { rule: BlockRule::GsqNonnegative, ..good.clone() });
    refused(&BlockCoordinateDescent { update: Update::TwoMetric, ..good.clone() });
    assert!(run(&good, &problem, vec![0.0; 10], &Stop::after(1)).is_err());
    assert!(matches!(
        run(&good, &problem, vec![f64::NAN; 11], &Stop::after(1)),
        Err(RunError::Diverged { .. } | RunError::Start(_) | RunError::Step { .. })
    ));
    let problem = Composite { problem, regularizer: NonNegative };
    assert!(run(&good, &problem, start(), &Stop::after(1)).is_err());
    let solver = BlockCoordinateDescent { rule: BlockRule::Cyclic, update: Update::Gradient, ..good };
    assert!(run(&solver, &problem, vec![-1.0; 11], &Stop::after(1)).is_err());

    let squared = RegressionLoss::Squared;
    assert!(SparseRegression::new(vec![], vec![1.0], squared).is_err());
    assert!(SparseRegression::new(vec![vec![(1, 1.0)]], vec![1.0], squared).is_err());
    assert!(SparseRegression::new(vec![vec![(1, 1.0), (0, 1.0)]], vec![1.0; 2], squared).is_err());
    assert!(SparseRegression::new(vec![vec![(0, f64::NAN)]], vec![1.0], squared).is_err());
    assert!(SparseRegression::new(vec![vec![(0, 1.0)]], vec![0.5], RegressionLoss::Logistic).is_err());
    assert!(SparseQuadratic::new([(0, 2, 1.0)], vec![0.0; 2], 0.0).is_err());
    assert!(SparseQuadratic::new([(1, 0, 1.0)], vec![0.0; 2], 0.0).is_err());
    assert!(SparseQuadratic::new([(0, 0, -1.0)], vec![0.0; 2], 0.0).is_err());
    assert!(SparseQuadratic::lattice(3, 1.0, 9, 0).is_err());

    let triangle = [vec![(1, 1.0), (2, 1.0)], vec![(0, 1.0), (2, 1.0)], vec![(0, 1.0), (1, 1.0)]];
    let forest = |block: &[usize]| {
        solve_forest(block, 3, |_| 3.0, |i| triangle[i].as_slice(), &vec![1.0; block.len()])
    };
    assert!(forest(&[0, 1]).is_ok());
    for block in [&[0, 1, 2][..], &[0, 0], &[3]] {
        assert!(matches!(
            forest(block),
            Err(OptimError::Problem(_) | OptimError::Input(InputError::Index { .. }))
        ));
    }
    assert!(solve_forest(&[0, 1], 3, |_| 0.5, |i| triangle[i].as_slice(), &[1.0, 1.0]).is_err());
}

#[test]
fn the_lattice_is_label_propagation() {
    let problem = SparseQuadratic::lattice(5, 2.0, 6, 3).unwrap();
    assert_eq!(problem.dimension(), 19);
    let mut x = Vec::new();
    for rule in [BlockRule::Random, BlockRule::Cyclic, BlockRule::Lipschitz, BlockRule::Gsl, BlockRule::Gs] {
        let solver =
            BlockCoordinateDescent { blocks: BlockPartition::Forest, rule, update: Update::Matrix, seed: 0 };
        let solution = run(&solver, &problem, vec![0.0; 19], &Stop::after(300)).unwrap();
        x = solution.state.iterate;
        let gradient = problem.operator(&x).unwrap().norm().unwrap();
        assert!(gradient < 1e-8, "{rule:?}: {gradient}");
    }
    // Means of ±1 over neighbours, and an energy that is a sum of squares.
    assert!(x.iter().all(|x| x.abs() <= 1.0 + 1e-12));
    assert!(problem.value(&x).unwrap() >= 0.0);
}
