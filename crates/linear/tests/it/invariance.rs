//! What must not change an answer.

use kiln_linear::{
    ClassBalance, ClassifierLoss, FitWith, LinearClassifier, LinearPenalty, LinearRegressor, LinearSolver,
    RegressorLoss,
};
use proptest::prelude::*;

use super::tables::{breast_cancer, dense, iris, numbers, sparse, synthetic};

fn near(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    let size = a.iter().fold(0.0_f64, |size, a| size.max(a.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * size)
}

fn penalties() -> Vec<LinearPenalty> {
    vec![
        LinearPenalty::ridge(1e-2),
        LinearPenalty::lasso(1e-2),
        LinearPenalty::elastic_net(1e-2, 0.5),
        LinearPenalty::group_lasso(1e-2, vec![vec![0, 1, 2], vec![4, 5]]),
    ]
}

#[test]
fn the_unit_of_a_column_does_not_matter() {
    let (rows, labels) = synthetic(1, 200, 8);
    let scaled: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| row.iter().enumerate().map(|(j, x)| x * if j % 2 == 0 { 1e6 } else { 1e-6 }).collect())
        .collect();
    let signs: Vec<f64> = labels.iter().map(|y| 1.0_f64.copysign(*y)).collect();
    for penalty in penalties() {
        for solver in [LinearSolver::Newton, LinearSolver::Lbfgs] {
            let regressor =
                LinearRegressor { solver, tolerance: 1e-12, ..LinearRegressor::new(penalty.clone()) };
            let values = [&rows, &scaled].map(|rows| {
                let rows = dense(rows);
                regressor.fit(&rows, &labels).unwrap().model.predict_values(&rows).unwrap()
            });
            assert!(near(&values[0], &values[1], 1e-5), "{penalty:?} {solver:?}");
            let classifier =
                LinearClassifier { solver, tolerance: 1e-12, ..LinearClassifier::new(penalty.clone()) };
            let values = [&rows, &scaled].map(|rows| {
                let rows = sparse(rows);
                let fit = classifier.fit(&rows, &signs).unwrap();
                let p = fit.model.predict_probabilities(&rows).unwrap();
                p.values().to_vec()
            });
            assert!(near(&values[0], &values[1], 1e-5), "{penalty:?} {solver:?}");
        }
    }
}

#[test]
fn the_unit_of_labels_scales_the_answer() {
    let (rows, labels) = synthetic(2, 150, 6);
    let rows = dense(&rows);
    for scale in [1e6, 1e-6] {
        let scaled: Vec<f64> = labels.iter().map(|y| y * scale).collect();
        for penalty in [LinearPenalty::ridge(1e-2), LinearPenalty::none()] {
            let regressor = LinearRegressor::new(penalty);
            let one = regressor.fit(&rows, &labels).unwrap();
            let other = regressor.fit(&rows, &scaled).unwrap();
            let expected: Vec<f64> = one.model.weights().iter().map(|w| w * scale).collect();
            assert!(near(&expected, other.model.weights(), 1e-9));
            assert_eq!(one.work.steps, other.work.steps);
            assert!((one.certificate.relative - other.certificate.relative).abs() <= 1e-9);
        }
        // The strength of a lasso and the width of Huber's loss are in the unit of labels.
        let lasso = |strength| LinearRegressor::new(LinearPenalty::lasso(strength));
        let one = lasso(1e-2).fit(&rows, &labels).unwrap();
        let other = lasso(1e-2 * scale).fit(&rows, &scaled).unwrap();
        let expected: Vec<f64> = one.model.weights().iter().map(|w| w * scale).collect();
        assert!(near(&expected, other.model.weights(), 1e-6));
        let huber = |delta| LinearRegressor {
            loss: RegressorLoss::Huber { delta },
            ..LinearRegressor::new(LinearPenalty::ridge(1e-2))
        };
        let one = huber(0.1).fit(&rows, &labels).unwrap();
        let other = huber(0.1 * scale).fit(&rows, &scaled).unwrap();
        let expected: Vec<f64> = one.model.weights().iter().map(|w| w * scale).collect();
        assert!(near(&expected, other.model.weights(), 1e-6));
    }
}

#[test]
fn large_labels_are_no_divergence() {
    // 206,000 + 75,000 a − 30,000 b: an absolute bound on the answer's norm would call this divergence.
    let mut next = numbers(4);
    let rows: Vec<Vec<f64>> = (0..400).map(|_| vec![next(), next()]).collect();
    let labels: Vec<f64> =
        rows.iter().map(|row| 206_000.0 + 75_000.0 * row[0] - 30_000.0 * row[1] + 100.0 * next()).collect();
    let rows = dense(&rows);
    let fit = LinearRegressor::new(LinearPenalty::ridge(1e-3)).fit(&rows, &labels).unwrap();
    assert!(fit.warnings.is_empty() && fit.model.score(&rows, &labels).unwrap() > 0.999);
}

fn losses() -> impl Strategy<Value = ClassifierLoss> {
    prop_oneof![
        Just(ClassifierLoss::Logistic),
        Just(ClassifierLoss::LogisticOneAgainstRest),
        Just(ClassifierLoss::Hinge),
        Just(ClassifierLoss::SquaredHinge),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_may_come_in_any_order(seed in 0_u64..1000, loss in losses()) {
        let (rows, labels) = synthetic(seed, 60, 4);
        let name = |y: &f64| if *y < -0.3 { "low" } else if *y < 0.3 { "mid" } else { "high" };
        let names: Vec<&str> = labels.iter().map(name).collect();
        let order: Vec<usize> = (0..60).map(|i| i * 23 % 60).collect();
        let penalty = LinearPenalty::ridge(0.05);
        let classifier = LinearClassifier { loss, tolerance: 1e-10, ..LinearClassifier::new(penalty) };
        let one = classifier.fit(&dense(&rows), &names).unwrap();
        let permuted: Vec<&str> = order.iter().map(|&i| names[i]).collect();
        let other = classifier.fit(&dense(&rows).select(&order).unwrap(), &permuted).unwrap();
        // Scores have margins for their unit: a class that the rest drowns has weights of rounding.
        let rows = dense(&rows);
        let [a, b] = [&one, &other].map(|fit| fit.model.predict_scores(&rows).unwrap());
        prop_assert!(a.values().iter().zip(b.values()).all(|(a, b)| (a - b).abs() < 1e-3));
        prop_assert_eq!(one.model.classes(), other.model.classes());
        // And the same rows give the same bits.
        prop_assert_eq!(&classifier.fit(&rows, &names).unwrap(), &one);
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice(seed in 0_u64..1000, loss in losses(), sparse_penalty: bool) {
        let (rows, labels) = synthetic(seed, 50, 4);
        let signs: Vec<i32> = labels.iter().map(|y| if *y < 0.1 { -1 } else { 1 }).collect();
        let penalty = if sparse_penalty && loss != ClassifierLoss::Hinge {
            LinearPenalty::elastic_net(0.02, 0.5)
        } else {
            LinearPenalty::ridge(0.02)
        };
        let classifier = LinearClassifier { loss, tolerance: 1e-11, ..LinearClassifier::new(penalty) };
        let weights: Vec<f64> = (0..50).map(|i| f64::from(i as u8 % 3)).collect();
        let twice: Vec<usize> = (0..50).flat_map(|i| vec![i; i % 3]).collect();
        let rows = dense(&rows);
        let with = FitWith { weights: Some(&weights[..]), ..FitWith::default() };
        let one = classifier.fit_with(&rows, &signs, with).unwrap();
        let repeated: Vec<i32> = twice.iter().map(|&i| signs[i]).collect();
        let other = classifier.fit(&rows.select(&twice).unwrap(), &repeated).unwrap();
        let difference = (one.certificate.objective / other.certificate.objective - 1.0).abs();
        prop_assert!(difference < 1e-8, "{difference}");
        prop_assert!(near(&one.model.weights()[0], &other.model.weights()[0], 2e-4));
    }

    #[test]
    fn dense_and_sparse_rows_agree(seed in 0_u64..1000) {
        let (rows, labels) = synthetic(seed, 40, 5);
        let penalty = LinearPenalty::elastic_net(1e-3, 0.3);
        let regressor = LinearRegressor { tolerance: 1e-12, ..LinearRegressor::new(penalty) };
        let one = regressor.fit(&dense(&rows), &labels).unwrap();
        let other = regressor.fit(&sparse(&rows), &labels).unwrap();
        prop_assert!(near(&one.model.predict_values(&dense(&rows)).unwrap(),
                          &other.model.predict_values(&sparse(&rows)).unwrap(), 1e-5));
    }
}

#[test]
fn balanced_classes_weigh_the_same() {
    let table = breast_cancer();
    let count = |class: &str| table.labels.iter().filter(|label| label.to_string() == class).count() as f64;
    let balanced = LinearClassifier {
        balance: ClassBalance::Balanced,
        tolerance: 1e-10,
        ..LinearClassifier::new(LinearPenalty::ridge(1e-3))
    };
    let given = LinearClassifier {
        balance: ClassBalance::Given(vec![(0.into(), 1.0 / count("0")), (1.into(), 1.0 / count("1"))]),
        ..balanced.clone()
    };
    let weights: Vec<f64> = table.labels.iter().map(|label| 1.0 / count(&label.to_string())).collect();
    let equal = LinearClassifier { balance: ClassBalance::Equal, ..balanced.clone() };
    let with = FitWith { weights: Some(&weights[..]), ..FitWith::default() };
    let fits = [
        balanced.fit(&table.rows, &table.labels).unwrap(),
        given.fit(&table.rows, &table.labels).unwrap(),
        equal.fit_with(&table.rows, &table.labels, with).unwrap(),
    ];
    for fit in &fits {
        assert!(near(&fits[0].model.weights()[0], &fit.model.weights()[0], 1e-5));
    }
}

#[test]
fn models_are_read_back_and_start_others() {
    let table = iris();
    let classifier = LinearClassifier::new(LinearPenalty::ridge(1e-3));
    let fit = classifier.fit(&table.rows, &table.labels).unwrap();
    let text = serde_json::to_string(&fit).unwrap();
    let back: kiln_linear::LinearFit<kiln_linear::FittedClassifier> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, fit);
    let with = FitWith { start: Some(&back.model), ..FitWith::default() };
    let again = classifier.fit_with(&table.rows, &table.labels, with).unwrap();
    assert_eq!(again.work.steps, 0, "{:?}", again.work);
    let p = fit.model.predict_probabilities(&table.rows).unwrap();
    assert!((0..150).all(|i| (p.get(i).unwrap().iter().sum::<f64>() - 1.0).abs() < 1e-12));
    assert!(fit.model.score(&table.rows, &table.labels).unwrap() > 0.95);
}
