//! The model as a finite sum: values, gradients, constants.

use kiln_core::InputError;
use kiln_optim::first_order::{GradientDescent, Svrg};
use kiln_optim::linear::{DataRows, DenseRows, LinearLoss, Loss};
use kiln_optim::{FiniteSum, Objective, Operator, OptimError, Stop, run};
use kiln_tensor::Vector;
use proptest::prelude::*;

use super::{densely, distance, model, numbers};

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![Just(Loss::Logistic), Just(Loss::Squares)]
}

fn point(seed: u64, size: usize) -> Vec<f64> {
    let mut next = numbers(seed ^ 0x5eed);
    (0..size).map(|_| next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn gradient_is_the_slope_of_the_value(seed: u64, loss in loss(), l2_weight in 0.0..1.0) {
        let model = model(seed, 30, 7, loss, l2_weight);
        let (w, direction) = (point(seed, 7), point(seed ^ 1, 7));
        let slope = Vector::dot(&model.operator(&w).unwrap(), &direction).unwrap();
        let at = |t: f64| {
            let mut moved = w.clone();
            moved.axpy(t, &direction).unwrap();
            model.value(&moved).unwrap()
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        prop_assert!((slope - difference).abs() < 1e-8, "{slope} {difference}");
    }

    #[test]
    fn dense_and_sparse_agree(seed: u64, loss in loss(), l2_weight in 0.0..1.0) {
        let model = model(seed, 25, 37, loss, l2_weight);
        let dense = densely(&model);
        let w = point(seed, 37);
        prop_assert!(distance(&model.operator(&w).unwrap(), &dense.operator(&w).unwrap()) < 1e-12);
        prop_assert!((model.value(&w).unwrap() - dense.value(&w).unwrap()).abs() < 1e-12);
        prop_assert!((model.smoothness() - dense.smoothness()).abs() < 1e-12);
        prop_assert!(distance(&model.predictions(&w).unwrap(), &dense.predictions(&w).unwrap()) < 1e-12);
    }

    #[test]
    fn the_gradient_is_the_mean_of_its_components(seed: u64, loss in loss(), l2_weight in 0.0..1.0) {
        let model = model(seed, 20, 6, loss, l2_weight);
        let w = point(seed, 6);
        let mut mean = vec![0.0; 6];
        for i in 0..20 {
            mean.axpy(0.05, &model.batch(&[i], &w).unwrap()).unwrap();
        }
        let whole = model.operator(&w).unwrap();
        prop_assert!(distance(&mean, &whole) < 1e-12);
        let all: Vec<usize> = (0..20).rev().collect();
        prop_assert!(distance(&model.batch(&all, &w).unwrap(), &whole) < 1e-12);
        let twice = model.batch(&[3, 3, 4], &w).unwrap();
        let mut expected = model.batch(&[3], &w).unwrap();
        expected.scale(2.0 / 3.0);
        expected.axpy(1.0 / 3.0, &model.batch(&[4], &w).unwrap()).unwrap();
        prop_assert!(distance(&twice, &expected) < 1e-12);
    }

    #[test]
    fn components_are_smooth_and_strongly_convex(seed: u64, loss in loss(), l2_weight in 0.0..1.0) {
        let model = model(seed, 20, 6, loss, l2_weight);
        let (x, y) = (point(seed, 6), point(seed ^ 1, 6));
        let apart = x.sub(&y).unwrap();
        let square = Vector::dot(&apart, &apart).unwrap();
        for i in 0..20 {
            let change = model.batch(&[i], &x).unwrap().sub(&model.batch(&[i], &y).unwrap()).unwrap();
            let inner = Vector::dot(&change, &apart).unwrap();
            prop_assert!(change.norm().unwrap() <= model.smoothness() * square.sqrt() + 1e-12);
            prop_assert!(inner >= model.strong_convexity() * square - 1e-12);
        }
    }
}

#[test]
fn the_smoothness_is_the_largest_and_the_spread_is_told() {
    let rows = DenseRows::new(2, vec![3.0, 4.0, 1.0, 0.0, 0.0, 2.0]).unwrap();
    let model = LinearLoss::new(rows, vec![1.0, -1.0, 1.0], Loss::Logistic, 0.5).unwrap();
    assert_eq!(model.smoothness(), 25.0 / 4.0 + 0.5);
    assert_eq!(model.strong_convexity(), 0.5);
    assert_eq!(model.row_norm_spread(), 25.0 / 4.0);
    let zero = DenseRows::new(1, vec![0.0, 0.0]).unwrap();
    assert_eq!(LinearLoss::new(zero, vec![1.0, 1.0], Loss::Squares, 0.0).unwrap().row_norm_spread(), 1.0);
}

#[test]
fn the_logistic_loss_does_not_overflow() {
    for m in [0.0, 1e-300, 30.0, 709.0, 1e4, 1e300, f64::MAX] {
        for (m, y) in [(m, 1.0), (-m, 1.0), (m, -1.0), (-m, -1.0)] {
            let (value, derivative) = (Loss::Logistic.value(m, y), Loss::Logistic.derivative(m, y));
            assert!(value.is_finite() && value >= 0.0, "{m} {y}");
            assert!((-1.0..=0.0).contains(&(derivative * y)), "{m} {y}");
        }
    }
    assert_eq!(Loss::Logistic.value(-1e4, 1.0), 1e4);
    assert_eq!(Loss::Logistic.derivative(-1e4, 1.0), -1.0);
    assert_eq!(Loss::Logistic.value(0.0, 1.0), 2.0_f64.ln());
    // e^{−40} is below the rounding of 1, but not lost.
    assert!((Loss::Logistic.value(40.0, 1.0) / (-40.0_f64).exp() - 1.0).abs() < 1e-12);
}

#[test]
fn an_intercept_is_a_column() {
    let model = model(5, 15, 4, Loss::Logistic, 0.1);
    let w = point(5, 5);
    for rows in [model.rows().clone(), densely(&model).rows().clone()] {
        let with =
            LinearLoss::new(rows.with_intercept(2.0).unwrap(), model.labels().to_vec(), Loss::Logistic, 0.1)
                .unwrap();
        let plain = model.predictions(&w[..4]).unwrap();
        let shifted: Vec<f64> = plain.iter().map(|m| m + 2.0 * w[4]).collect();
        assert!(distance(&with.predictions(&w).unwrap(), &shifted) < 1e-12);
    }
    assert!(DataRows::from(DenseRows::new(1, vec![1.0]).unwrap()).with_intercept(f64::NAN).is_err());
}

#[test]
fn general_solvers_run_on_it() {
    let model = model(6, 60, 8, Loss::Logistic, 0.1);
    let start = vec![0.0; 8];
    let stop = Stop::after(100_000).or_residual(1e-12);
    let descent = GradientDescent { step_size: (1.0 / model.smoothness()).into() };
    let a = run(&descent, &model, start.clone(), &stop).unwrap().state.iterate;
    let b = run(&Svrg::new(0.25 / model.smoothness(), 3), &model, start, &stop).unwrap().state.iterate;
    assert!(distance(&a, &b) < 1e-10);
    assert!(distance(&a, &[0.0; 8]) > 1e-3);
}

#[test]
fn wrong_sizes_are_refused() {
    let model = model(7, 5, 3, Loss::Squares, 0.0);
    let short = vec![0.0; 2];
    assert!(matches!(model.operator(&short), Err(OptimError::Tensor(_))));
    assert!(matches!(model.value(&short), Err(OptimError::Tensor(_))));
    assert!(matches!(model.predictions(&short), Err(OptimError::Tensor(_))));
    let w = vec![0.0; 3];
    assert!(matches!(model.batch(&[], &w), Err(OptimError::Input(InputError::Empty { .. }))));
    assert!(matches!(
        model.batch(&[0, 5], &w),
        Err(OptimError::Input(InputError::Index { index: 5, count: 5, .. }))
    ));
}
