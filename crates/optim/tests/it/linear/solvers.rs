//! The solvers of linear models: the steps of the general methods, at the cost of the nonzeros.

use kiln_core::InputError;
use kiln_optim::linear::{DataRows, DenseRows, LinearLoss, LinearSaga, LinearSvrg, Loss, SparseRows, Visits};
use kiln_optim::{
    Composite, Operator, OptimError, Order, Reason, Sampler, Solver, State, Stop, first_order, resume, run,
};
use kiln_tensor::Vector;
use kiln_tensor::prox::L1;
use proptest::prelude::*;

use super::{densely, distance, model, numbers, sparse};

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![Just(Loss::Logistic), Just(Loss::Squares)]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::WithReplacement), Just(Order::Reshuffled), Just(Order::Cyclic)]
}

fn epochs<S: Solver<LinearLoss>>(solver: &S, model: &LinearLoss, count: u64) -> State<Vec<f64>, S::Memory> {
    run(solver, model, vec![0.0; model.columns()], &Stop::after(count)).unwrap().state
}

/// The solution, by gradient steps of a length that is safe for any direction.
fn solution(model: &LinearLoss) -> Vec<f64> {
    let solver = first_order::GradientDescent { step_size: (1.0 / model.smoothness()).into() };
    let stop = Stop::after(1_000_000).or_residual(1e-13);
    run(&solver, model, vec![0.0; model.columns()], &stop).unwrap().state.iterate
}

/// SAGA as in its header, on full vectors, with the rows and their weights given.
fn saga_on_vectors(
    model: &LinearLoss,
    rows: &DenseRows,
    step_size: f64,
    visits: &[(usize, f64)],
) -> Vec<f64> {
    let (n, d) = (model.labels().len(), model.columns());
    let (mut w, mut u, mut table) = (vec![0.0; d], vec![0.0; d], vec![0.0; n]);
    for &(i, weight) in visits {
        let row = rows.get(i).unwrap();
        let prediction = row.iter().zip(&w).map(|(x, w)| x * w).sum();
        let change = model.loss().derivative(prediction, model.labels()[i]) - table[i];
        for j in 0..d {
            w[j] -= step_size * (weight * change * row[j] + u[j] + model.l2_weight() * w[j]);
            u[j] += change * row[j] / n as f64;
        }
        table[i] += change;
    }
    w
}

fn dense_rows(model: &LinearLoss) -> DenseRows {
    match model.rows() {
        DataRows::Dense(rows) => rows.clone(),
        DataRows::Sparse(rows) => rows.to_dense(),
    }
}

fn indices(order: Order, n: usize, epochs: usize, seed: u64) -> Vec<usize> {
    let mut sampler = Sampler::new(order, n, 1, seed).unwrap();
    (0..n * epochs).flat_map(|_| sampler.next_batch().to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// On the same indices as the general method, sparse and dense.
    #[test]
    fn svrg_takes_the_steps_of_the_general_method(
        seed: u64, loss in loss(), order in order(), l2_weight in 0.0..1.0, scale in 0.1_f64..1.0,
    ) {
        let model = model(seed, 30, 11, loss, l2_weight);
        let step_size = scale / (4.0 * model.smoothness());
        let general = first_order::Svrg {
            step_size: step_size.into(), epoch_length: Some(30), batch_size: 1, order, seed,
        };
        let expected = run(&general, &model, vec![0.0; 11], &Stop::after(90)).unwrap().state.iterate;
        let fast = LinearSvrg { step_size: Some(step_size), visits: Visits::Uniform(order), seed };
        for model in [&model, &densely(&model)] {
            prop_assert!(distance(&epochs(&fast, model, 3).iterate, &expected) < 1e-10);
        }
    }

    /// Without a penalty, which the general method keeps in its table.
    #[test]
    fn saga_takes_the_steps_of_the_general_method(seed: u64, loss in loss(), order in order(), scale in 0.1_f64..1.0) {
        let model = model(seed, 30, 11, loss, 0.0);
        let step_size = scale / (3.0 * model.smoothness());
        let general = first_order::Saga { step_size: step_size.into(), batch_size: 1, order, seed };
        let expected = run(&general, &model, vec![0.0; 11], &Stop::after(120)).unwrap().state.iterate;
        let fast = LinearSaga { step_size: Some(step_size), visits: Visits::Uniform(order), seed };
        for model in [&model, &densely(&model)] {
            prop_assert!(distance(&epochs(&fast, model, 4).iterate, &expected) < 1e-10);
        }
    }

    /// With a penalty, also one so strong that the scale of the representation has to be reset many times.
    #[test]
    fn saga_takes_the_steps_of_its_recurrence(
        seed: u64, loss in loss(), order in order(), l2_weight in prop_oneof![0.0..1.0, Just(50.0)], scale in 0.1..1.0,
    ) {
        let model = model(seed, 30, 11, loss, l2_weight);
        let step_size = scale / (3.0 * model.smoothness());
        let visits: Vec<_> = indices(order, 30, 4, seed).into_iter().map(|i| (i, 1.0)).collect();
        let expected = saga_on_vectors(&model, &dense_rows(&model), step_size, &visits);
        let fast = LinearSaga { step_size: Some(step_size), visits: Visits::Uniform(order), seed };
        for model in [&model, &densely(&model)] {
            prop_assert!(distance(&epochs(&fast, model, 4).iterate, &expected) < 1e-10);
        }
    }

    /// Few rows make one run, so that the order of the visits is known: all rows, then the large ones again.
    #[test]
    fn balanced_visits_are_the_weighted_recurrence(seed: u64, l2_weight in 0.01..1.0) {
        let model = with_a_large_row(seed, l2_weight);
        let mean = model.squared_norms().iter().sum::<f64>() / 12.0;
        let counts: Vec<usize> = model.squared_norms().iter().map(|q| (q / mean).ceil() as usize).collect();
        let total: usize = counts.iter().sum();
        prop_assert!(counts[5] > 1 && total <= 24);
        let mut visits = Vec::new();
        for pass in 1..=*counts.iter().max().unwrap() {
            for (i, &count) in counts.iter().enumerate().filter(|&(_, &count)| count >= pass) {
                visits.push((i, total as f64 / (12.0 * count as f64)));
            }
        }
        // F1: the estimate is unbiased, for each row's share of the visits times its weight is 1/n.
        for i in 0..12 {
            let share: f64 = visits.iter().filter(|visit| visit.0 == i).map(|visit| visit.1).sum();
            prop_assert!((share / total as f64 - 1.0 / 12.0).abs() < 1e-15);
        }
        let step_size = 1e-3;
        let expected = saga_on_vectors(&model, &dense_rows(&model), step_size, &visits);
        let fast = LinearSaga { step_size: Some(step_size), visits: Visits::Balanced, seed };
        for model in [&model, &densely(&model)] {
            let state = epochs(&fast, model, 1);
            prop_assert!(distance(&state.iterate, &expected) < 1e-10);
            prop_assert_eq!(state.work.components, total as u64);
        }
    }

    /// With an l1 penalty the lagged coordinates of the sparse path end where the plain steps of the dense
    /// path do.
    #[test]
    fn lagged_steps_are_the_steps_one_by_one(
        seed: u64, loss in loss(), l2_weight in prop_oneof![Just(0.0), 0.0..1.0], l1_weight in 0.0..0.3,
    ) {
        let (rows, labels) = sparse(seed, 90, 25, 0.05);
        let model = LinearLoss::new(rows, labels, loss, l2_weight).unwrap();
        let regularizer = L1 { weight: l1_weight };
        let [a, b] = [densely(&model), model].map(|problem| {
            let problem = Composite { problem, regularizer };
            run(&LinearSaga::new(seed), &problem, vec![0.3; 25], &Stop::after(6)).unwrap().state.iterate
        });
        prop_assert!(distance(&a, &b) < 1e-10, "{}", distance(&a, &b));
    }

    /// The elastic net, against proximal gradient steps; it has zeros and others.
    #[test]
    fn saga_solves_the_elastic_net(seed in 0_u64..1000) {
        let problem = Composite { problem: model(seed, 40, 12, Loss::Squares, 0.05), regularizer: L1 { weight: 0.05 } };
        let stop = Stop::after(100_000).or_residual(1e-12);
        let descent = first_order::GradientDescent { step_size: (1.0 / problem.problem.smoothness()).into() };
        let expected = run(&descent, &problem, vec![0.0; 12], &stop).unwrap().state.iterate;
        let found = run(&LinearSaga::new(seed), &problem, vec![1.0; 12], &stop).unwrap();
        prop_assert_eq!(found.reason, Reason::Residual);
        prop_assert!(distance(&found.state.iterate, &expected) < 1e-9);
        prop_assert!(expected.iter().any(|&w| w != 0.0));
    }

    /// F5: the mean of the table does not drift.
    #[test]
    fn the_mean_is_that_of_the_table(seed: u64, loss in loss()) {
        let model = model(seed, 30, 7, loss, 0.1);
        for model in [&model, &densely(&model)] {
            let state = epochs(&LinearSaga::new(seed), model, 60);
            let rows = dense_rows(model);
            let mut mean = vec![0.0; 7];
            for (i, t) in state.memory.table().iter().enumerate() {
                mean.axpy(t / 30.0, &rows.get(i).unwrap().to_vec()).unwrap();
            }
            prop_assert!(distance(&mean, state.memory.mean()) < 1e-12);
        }
    }

    /// F8, and the fixed point: from the solution SVRG does not move, whatever row it visits; SGD does.
    #[test]
    fn the_solution_is_a_fixed_point(seed: u64, loss in loss()) {
        let model = model(seed, 30, 6, loss, 0.1);
        let w = solution(&model);
        for model in [&model, &densely(&model)] {
            let after = run(&LinearSvrg::new(seed), model, w.clone(), &Stop::after(3)).unwrap().state.iterate;
            prop_assert!(distance(&after, &w) < 1e-11);
        }
        let sgd = first_order::Sgd { step_size: 0.1.into(), batch_size: 1, order: Order::Cyclic, seed };
        let after = run(&sgd, &model, w.clone(), &Stop::after(1)).unwrap().state.iterate;
        prop_assert!(distance(&after, &w) > 1e-6);
    }

    /// Both arrive at the solution with their own step size, also when one row is much larger than the
    /// others.
    #[test]
    fn they_solve(seed in 0_u64..1000, large: bool) {
        let model = if large { with_a_large_row(seed, 0.1) } else { model(seed, 40, 8, Loss::Logistic, 0.05) };
        let expected = solution(&model);
        let start = vec![0.0; model.columns()];
        let stop = Stop::after(20_000).or_residual(1e-12);
        let saga = run(&LinearSaga::new(seed), &model, start.clone(), &stop).unwrap();
        let svrg = run(&LinearSvrg::new(seed), &model, start, &stop).unwrap();
        prop_assert!(distance(&saga.state.iterate, &expected) < 1e-10);
        prop_assert!(distance(&svrg.state.iterate, &expected) < 1e-10);
        prop_assert!(saga.state.iteration < 20_000 && svrg.state.iteration < 20_000);
    }
}

/// 12 rows; row 5 has ten times the length of the others.
fn with_a_large_row(seed: u64, l2_weight: f64) -> LinearLoss {
    let mut next = numbers(seed);
    let entries: Vec<Vec<(u32, f64)>> = (0..12)
        .map(|i| {
            let scale = if i == 5 { 10.0 } else { 1.0 };
            vec![(i as u32 % 4, scale * (1.5 + next())), (4 + i as u32 % 3, scale * (1.5 + next()))]
        })
        .collect();
    let labels = (0..12).map(|_| next().signum()).collect();
    LinearLoss::new(SparseRows::from_rows(7, entries).unwrap(), labels, Loss::Logistic, l2_weight).unwrap()
}

/// F4: with identical rows every visit of SVRG is a gradient step.
#[test]
fn identical_rows_make_gradient_descent() {
    let rows = SparseRows::from_rows(3, (0..9).map(|_| [(0, 0.5), (2, -1.0)])).unwrap();
    let model = LinearLoss::new(rows, vec![1.0; 9], Loss::Logistic, 0.1).unwrap();
    let mut expected = vec![0.3, -0.2, 0.1];
    for _ in 0..18 {
        let gradient = model.operator(&expected).unwrap();
        expected.axpy(-0.4, &gradient).unwrap();
    }
    let svrg = LinearSvrg { step_size: Some(0.4), visits: Visits::Balanced, seed: 1 };
    for model in [&model, &densely(&model)] {
        let end = run(&svrg, model, vec![0.3, -0.2, 0.1], &Stop::after(2)).unwrap().state;
        assert!(distance(&end.iterate, &expected) < 1e-12);
    }
}

/// Counted, not timed: the coordinates touched in an epoch follow the nonzeros, not rows times columns.
#[test]
fn an_epoch_costs_the_nonzeros() {
    let (rows, labels) = sparse(3, 200, 2_000, 0.01);
    let nonzeros = DataRows::from(rows.clone()).nonzeros() as u64;
    let sparse = LinearLoss::new(rows, labels, Loss::Logistic, 0.005).unwrap();
    let entries = 200 * 2_000;
    assert!(nonzeros < entries / 50);
    let of = |visits: Visits| {
        let saga = epochs(&LinearSaga { visits, ..LinearSaga::new(1) }, &sparse, 1);
        let svrg = epochs(&LinearSvrg { visits, ..LinearSvrg::new(1) }, &sparse, 1);
        (saga.memory.touched(), svrg.memory.touched())
    };
    assert_eq!(of(Visits::Uniform(Order::Reshuffled)), (nonzeros + 2_000, 3 * nonzeros + 2 * 2_000));
    let (saga, svrg) = of(Visits::Balanced);
    assert!(saga <= 4 * nonzeros + 2_000 && svrg <= 6 * nonzeros + 2 * 2_000);
    let dense = epochs(
        &LinearSaga { visits: Visits::Uniform(Order::Cyclic), ..LinearSaga::new(1) },
        &densely(&sparse),
        1,
    );
    assert_eq!(dense.memory.touched(), entries);
}

#[test]
fn work_is_counted() {
    let model = model(8, 25, 5, Loss::Logistic, 0.1);
    let visits = Visits::Uniform(Order::Reshuffled);
    assert_eq!(epochs(&LinearSaga { visits, ..LinearSaga::new(1) }, &model, 3).work.components, 75);
    assert_eq!(epochs(&LinearSvrg { visits, ..LinearSvrg::new(1) }, &model, 3).work.components, 150);
}

#[test]
fn a_stored_run_goes_on_with_the_same_bits() {
    fn check<S: Solver<LinearLoss>>(solver: &S, model: &LinearLoss) {
        let whole = epochs(solver, model, 5);
        let bytes = epochs(solver, model, 2).to_bytes().unwrap();
        let state = State::from_bytes(&bytes, solver, model, &vec![0.0; model.columns()]).unwrap();
        let resumed = resume(solver, model, state, &Stop::after(5)).unwrap().state;
        assert_eq!(whole.iterate, resumed.iterate);
        assert_eq!(whole.work, resumed.work);
        assert_eq!(whole.to_bytes().unwrap(), resumed.to_bytes().unwrap());
    }
    let sparse = model(9, 150, 20, Loss::Logistic, 0.01);
    for model in [&sparse, &densely(&sparse), &with_a_large_row(9, 0.1)] {
        for order in [Order::WithReplacement, Order::Reshuffled, Order::FlipFlop] {
            let visits = Visits::Uniform(order);
            check(&LinearSaga { visits, ..LinearSaga::new(4) }, model);
            check(&LinearSvrg { visits, ..LinearSvrg::new(4) }, model);
        }
        check(&LinearSaga::new(4), model);
        check(&LinearSvrg::new(4), model);
    }
}

#[test]
fn bad_settings_and_states_are_refused() {
    let model = model(10, 12, 4, Loss::Logistic, 2.0);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.5] {
        let saga = LinearSaga { step_size: Some(bad), ..LinearSaga::new(1) };
        let svrg = LinearSvrg { step_size: Some(bad), ..LinearSvrg::new(1) };
        assert!(matches!(
            saga.init(&model, &vec![0.0; 4]),
            Err(OptimError::Input(InputError::Setting { name: "step_size", .. }))
        ));
        assert!(matches!(
            svrg.init(&model, &vec![0.0; 4]),
            Err(OptimError::Input(InputError::Setting { name: "step_size", .. }))
        ));
    }
    assert!(matches!(LinearSaga::new(1).init(&model, &vec![0.0; 3]), Err(OptimError::Tensor(_))));
    assert!(matches!(LinearSvrg::new(1).init(&model, &vec![0.0; 5]), Err(OptimError::Tensor(_))));
    let other = super::model(10, 13, 4, Loss::Logistic, 2.0);
    let mut state = epochs(&LinearSaga::new(1), &model, 1);
    assert!(matches!(LinearSaga::new(1).step(&other, &mut state), Err(OptimError::State(_))));
}

#[test]
fn empty_rows_and_zero_data_are_no_trouble() {
    let rows = SparseRows::from_rows(2, [vec![], vec![(1, 1.0)], vec![]]).unwrap();
    let model = LinearLoss::new(rows, vec![1.0, 1.0, -1.0], Loss::Logistic, 0.1).unwrap();
    let stop = Stop::after(10_000).or_residual(1e-12);
    let w = run(&LinearSaga::new(1), &model, vec![0.0; 2], &stop).unwrap().state.iterate;
    assert!(w[0] == 0.0 && w[1] > 0.0);
    let zero =
        LinearLoss::new(DenseRows::new(1, vec![0.0, 0.0]).unwrap(), vec![1.0, -1.0], Loss::Logistic, 0.0);
    assert_eq!(epochs(&LinearSvrg::new(1), &zero.unwrap(), 2).iterate, [0.0]);
}
