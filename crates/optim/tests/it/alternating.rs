use burn::tensor::{DType, Tensor, TensorData};
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_optim::alternating::{AlternatingDescent, AlternatingMinimization, ExactBlocks, TwoBlocks};
use kiln_optim::first_order::GradientDescent;
use kiln_optim::problems::{CoupledQuadratic, LowRankPlusSparse, MultitaskRegression};
use kiln_optim::{
    Every, Objective, Operator, OptimError, RunError, Solver, State, Stop, Trace, run, run_observed,
};
use kiln_tensor::prox::{L1Ball, LowRank, Prox, SparseVectors};
use kiln_tensor::{Coordinates, Distribution, Noise, Vector, device_tests};
use proptest::prelude::*;

type Pair = (Vec<f64>, Vec<f64>);

fn gaussian(seed: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// A positive definite `[[A, B], [Bᵀ, C]]`, cut in three.
fn coupled(seed: u64) -> (CoupledQuadratic, [Mat<f64>; 3]) {
    let factor = gaussian(seed, 9, 9);
    let whole = &factor * factor.transpose() + Mat::<f64>::identity(9, 9) * faer::Scale(0.5);
    let cut = |i: usize, j: usize, rows, columns| whole.submatrix(i, j, rows, columns).to_owned();
    let parts = [cut(0, 0, 5, 5), cut(0, 5, 5, 4), cut(5, 5, 4, 4)];
    let [a, b, c] = parts.clone();
    (CoupledQuadratic::new(a, b, c).unwrap(), parts)
}

/// `40 × 40`, rank 2, 32 entries.
fn split(noise: f64, seed: u64) -> (LowRankPlusSparse<SparseVectors>, Pair) {
    let (low_rank, sparse) = LowRankPlusSparse::truth(40, 2, 32, seed);
    let mut observed = low_rank.clone();
    observed.axpy(1.0, &sparse).unwrap();
    let mut error = vec![0.0; 1600];
    Noise { seed, distribution: Distribution::Gaussian }.fill(9, 0, &mut error);
    observed.axpy(noise, &error).unwrap();
    let set = LowRank { rank: 2, rows: 40, columns: 40 };
    (LowRankPlusSparse::new(observed, set, SparseVectors { nonzeros: 32 }).unwrap(), (low_rank, sparse))
}

fn regression(seed: u64) -> (MultitaskRegression, Vec<f64>) {
    MultitaskRegression::generate((40, 6, 5), 2, 0.6, 1.0, seed).unwrap()
}

/// `B = 0`, `Ω = I` where the bounds allow.
fn regression_start() -> Pair {
    (vec![0.0; 30], (0..25).map(|at| if at % 6 == 0 { 1.0 } else { 0.0 }).collect())
}

fn values<P, S>(solver: &S, problem: &P, start: P::Point, steps: u64) -> Vec<f64>
where
    P: Objective,
    S: Solver<P>,
    P::Point: Vector,
{
    let mut trace = Trace::new(Every::Iterations(1), |problem: &P, z: &P::Point| problem.value(z));
    run_observed(solver, problem, start, &Stop::after(steps), &mut trace)
        .unwrap_or_else(|_| panic!("the run failed"));
    trace.points().iter().map(|point| point.value).collect()
}

fn never_increases(values: &[f64]) {
    for pair in values.windows(2) {
        assert!(pair[1] <= pair[0] + 1e-10 * pair[0].abs().max(1.0), "{} after {}", pair[1], pair[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The error of `y` is multiplied by `C⁻¹BᵀA⁻¹B`, computed here from inverses by eigenvalues.
    #[test]
    fn exact_steps_follow_the_iteration_matrix(seed in 0_u64..1_000_000) {
        let (problem, [a, b, c]) = coupled(seed);
        let inverse = |matrix: &Mat<f64>| {
            let eigen = matrix.self_adjoint_eigen(Side::Lower).unwrap();
            let (u, n) = (eigen.U(), matrix.nrows());
            Mat::from_fn(n, n, |i, j| (0..n).map(|k| u[(i, k)] * u[(j, k)] / eigen.S()[k]).sum::<f64>())
        };
        let step: Mat<f64> = inverse(&c) * b.transpose() * inverse(&a) * &b;
        let mut y = vec![1.0, -2.0, 0.5, 3.0];
        let mut state = AlternatingMinimization.start(&problem, (vec![0.0; 5], y.clone())).unwrap();
        for _ in 0..5 {
            AlternatingMinimization.advance(&problem, &mut state).unwrap();
            y = (0..4).map(|i| (0..4).map(|j| step[(i, j)] * y[j]).sum()).collect();
            let error = state.iterate.1.sub(&y).unwrap().norm().unwrap();
            prop_assert!(error <= 1e-9, "{error:e}");
        }
        prop_assert_eq!(state.work.block_minimizations, 10);
        prop_assert!((problem.iteration_matrix() - &step).norm_max() <= 1e-9);
    }

    #[test]
    fn nothing_increases_the_objective(seed in 0_u64..1_000_000, inner_steps in 1_usize..4, relative_step in 0.2..1.0) {
        let descent = AlternatingDescent { inner_steps, relative_step };
        let zero = (vec![0.0; 1600], vec![0.0; 1600]);
        let (problem, _) = split(0.1, seed);
        never_increases(&values(&AlternatingMinimization, &problem, zero.clone(), 15));
        never_increases(&values(&descent, &problem, zero, 15));
        let (problem, _) = coupled(seed);
        let start = (vec![1.0; 5], vec![-1.0; 4]);
        never_increases(&values(&AlternatingMinimization, &problem, start.clone(), 15));
        never_increases(&values(&descent, &problem, start, 15));
        let (problem, _) = regression(seed);
        let mut start = regression_start();
        problem.resolvent(1.0, &mut start).unwrap();
        never_increases(&values(&AlternatingMinimization, &problem, start.clone(), 15));
        never_increases(&values(&descent, &problem, start, 15));
    }

    /// Exact minimizers are at least as good as any other feasible block.
    #[test]
    fn block_minimizers_minimize(seed in 0_u64..1_000_000) {
        let (problem, _) = regression(seed);
        let other = |parameter: u64, size| {
            let mut values = vec![0.0; size];
            Noise { seed, distribution: Distribution::Gaussian }.fill(parameter, 0, &mut values);
            values
        };
        let (mut b, mut omega) = (other(20, 30), other(21, 25));
        problem.project_x(&mut b).unwrap();
        problem.project_y(&mut omega).unwrap();
        let best_b = problem.minimize_x(&omega).unwrap();
        let best_omega = problem.minimize_y(&b).unwrap();
        let value = |b: &Vec<f64>, omega: &Vec<f64>| problem.value(&(b.clone(), omega.clone())).unwrap();
        prop_assert_eq!(LowRank { rank: 2, rows: 6, columns: 5 }.value(&best_b).unwrap(), 0.0);
        prop_assert!(value(&best_b, &omega) <= value(&b, &omega) + 1e-10);
        prop_assert!(value(&b, &best_omega) <= value(&b, &omega) + 1e-10);
        // Near ones too: this is what a wrong whitening would fail.
        for scale in [1e-1, 1e-2, 1e-3] {
            let mut near = best_b.clone();
            near.axpy(scale, &b).unwrap();
            problem.project_x(&mut near).unwrap();
            prop_assert!(value(&best_b, &omega) <= value(&near, &omega) + 1e-10);
            let near = best_omega.lerp(&omega, scale).unwrap();
            prop_assert!(value(&b, &best_omega) <= value(&b, &near) + 1e-10);
        }
    }

    #[test]
    fn partial_gradients_are_those_of_the_value(seed in 0_u64..1_000_000) {
        let (problem, truth) = regression(seed);
        let mut omega = regression_start().1;
        omega[1] = 0.2;
        omega[5] = 0.2;
        let z = (truth, omega);
        let gradient = problem.operator(&z).unwrap();
        let mut direction = vec![0.0; 55];
        Noise { seed, distribution: Distribution::Gaussian }.fill(30, 0, &mut direction);
        let mut direction = z.with_coordinates(&direction).unwrap();
        for at in 0..25 {
            let mirror = (at % 5) * 5 + at / 5;
            direction.1[at] = direction.1[mirror];
        }
        let along = |t: f64| {
            let mut moved = z.clone();
            moved.axpy(t, &direction).unwrap();
            problem.value(&moved).unwrap()
        };
        let slope = (along(1e-5) - along(-1e-5)) / 2e-5;
        let expected = gradient.dot(&direction).unwrap();
        prop_assert!((slope - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{slope} {expected}");
    }
}

#[test]
fn without_noise_it_finds_the_truth_and_with_noise_a_plateau() {
    let zero = (vec![0.0; 1600], vec![0.0; 1600]);
    let distance = |noise: f64, steps: u64| {
        let (problem, truth) = split(noise, 5);
        let solution = run(&AlternatingMinimization, &problem, zero.clone(), &Stop::after(steps)).unwrap();
        solution.state.iterate.sub(&truth).unwrap().norm().unwrap()
    };
    assert!(distance(0.0, 60) < 1e-10);
    let (early, late) = (distance(0.1, 60), distance(0.1, 120));
    assert!((early - late).abs() < 1e-8 && late > 0.1 && late < 5.0, "{early} {late}");
}

#[test]
fn joint_descent_is_gradient_descent_with_the_product_of_the_sets() {
    let (low_rank, sparse) = LowRankPlusSparse::truth(12, 1, 6, 2);
    let mut observed = low_rank;
    observed.axpy(1.0, &sparse).unwrap();
    let radius = sparse.iter().map(|y| y.abs()).sum();
    let set = LowRank { rank: 1, rows: 12, columns: 12 };
    let problem = LowRankPlusSparse::new(observed, set, L1Ball { radius }).unwrap();
    let joint =
        values(&GradientDescent { step_size: 0.5.into() }, &problem, (vec![0.0; 144], vec![0.0; 144]), 400);
    never_increases(&joint);
    assert!(joint[400] < 1e-3 * joint[0], "{}", joint[400]);
}

#[test]
fn a_resumed_run_has_the_same_bits() {
    let (problem, _) = split(0.1, 3);
    let solver = AlternatingDescent::default();
    let start = (vec![0.0; 1600], vec![0.0; 1600]);
    let whole = run(&solver, &problem, start.clone(), &Stop::after(8)).unwrap();
    let half = run(&solver, &problem, start.clone(), &Stop::after(3)).unwrap();
    let stored = half.state.to_bytes().unwrap();
    let state: State<Pair, ()> = State::from_bytes(&stored, &solver, &problem, &start).unwrap();
    let resumed = kiln_optim::resume(&solver, &problem, state, &Stop::after(8)).unwrap();
    assert_eq!(resumed.state.iterate, whole.state.iterate);
    assert_eq!(resumed.state.work, whole.state.work);
}

#[test]
fn bad_input_is_refused() {
    let (problem, _) = split(0.0, 1);
    let start = (vec![0.0; 1600], vec![0.0; 1600]);
    for solver in [
        AlternatingDescent { inner_steps: 0, relative_step: 1.0 },
        AlternatingDescent { inner_steps: 1, relative_step: 0.0 },
        AlternatingDescent { inner_steps: 1, relative_step: f64::NAN },
    ] {
        let error = run(&solver, &problem, start.clone(), &Stop::after(1)).unwrap_err();
        assert!(matches!(error, RunError::Start(OptimError::Input(InputError::Setting { .. }))), "{error}");
    }
    assert!(run(&AlternatingMinimization, &problem, (vec![], vec![0.0; 3]), &Stop::after(1)).is_err());
    let set = LowRank { rank: 1, rows: 2, columns: 2 };
    assert!(LowRankPlusSparse::new(vec![0.0; 3], set, SparseVectors { nonzeros: 1 }).is_err());
    assert!(LowRankPlusSparse::new(vec![f64::NAN; 4], set, SparseVectors { nonzeros: 1 }).is_err());
    let one = || Mat::<f64>::identity(2, 2);
    assert!(CoupledQuadratic::new(one(), Mat::zeros(2, 3), one()).is_err());
    assert!(CoupledQuadratic::new(Mat::zeros(2, 2), one(), one()).is_err());
    assert!(CoupledQuadratic::new(one(), one() * faer::Scale(f64::NAN), one()).is_err());
    assert!(MultitaskRegression::new(one(), Mat::zeros(3, 1), 1, (1.0, 2.0)).is_err());
    assert!(MultitaskRegression::new(one(), one(), 1, (2.0, 1.0)).is_err());
    assert!(MultitaskRegression::new(Mat::zeros(2, 2), one(), 1, (1.0, 2.0)).is_err());
}

device_tests! {
    fn tensors_are_split_too(device) {
        let (low_rank, sparse) = LowRankPlusSparse::truth(12, 1, 4, 7);
        let mut observed = low_rank;
        observed.axpy(1.0, &sparse).unwrap();
        let tensor = |values: Vec<f64>| -> Tensor<2> {
            Tensor::from_data(TensorData::new(values, [12, 12]), (device, DType::F32))
        };
        let (x, y) = (tensor(vec![0.0; 144]), tensor(vec![0.0; 144]));
        let set = LowRank { rank: 1, rows: 12, columns: 12 };
        let problem = LowRankPlusSparse::new(tensor(observed), set, SparseVectors { nonzeros: 4 }).unwrap();
        let solution = run(&AlternatingMinimization, &problem, (x, y), &Stop::after(30));
        let Ok(solution) = solution else { panic!("the run failed") };
        let found = solution.state.iterate.1.coordinates().unwrap();
        assert!(found.sub(&sparse).unwrap().norm().unwrap() < 1e-4);
    }
}
