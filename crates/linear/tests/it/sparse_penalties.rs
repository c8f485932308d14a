//! Penalties with an ℓ1 or a group part: conditions of optimality, checked on columns as they are.

use kiln_linear::{
    ClassifierLoss, DataRows, FitStatus, LinearClassifier, LinearPenalty, LinearRegressor, LinearWarning,
    Loss, RegressorLoss,
};

use super::tables::{Table, amazon, breast_cancer, dense, diabetes, sparse, synthetic, wine};

/// How far the slope of a group is from what its penalty allows, in units of the threshold.
fn violation(
    rows: &[Vec<f64>],
    slopes: &[f64],
    w: &[f64],
    penalty: &LinearPenalty,
    standardized: bool,
) -> f64 {
    let n = rows.len() as f64;
    let d = w.len();
    let spread: Vec<f64> = (0..d)
        .map(|j| {
            let mean = rows.iter().map(|row| row[j]).sum::<f64>() / n;
            (rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n).sqrt()
        })
        .map(|s| if standardized { s } else { 1.0 })
        .collect();
    let mut groups = penalty.groups.clone();
    let listed: Vec<usize> = groups.concat();
    groups.extend((0..d).filter(|j| !listed.contains(j)).map(|j| vec![j]));
    let (l1, l2) = (penalty.strength * penalty.l1_share, penalty.strength * (1.0 - penalty.l1_share));
    let mut most = 0.0_f64;
    for group in groups {
        let threshold = l1 * (group.len() as f64).sqrt();
        let v: Vec<f64> = group.iter().map(|&j| w[j] * spread[j]).collect();
        let z: Vec<f64> = group
            .iter()
            .zip(&v)
            .filter(|(j, _)| spread[**j] > 0.0)
            .map(|(&j, v)| {
                rows.iter().zip(slopes).map(|(row, r)| row[j] * r / n).sum::<f64>() / spread[j] + l2 * v
            })
            .collect();
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let beyond = if length > 0.0 {
            z.iter().zip(&v).map(|(z, v)| (z + threshold * v / length).powi(2)).sum::<f64>().sqrt()
        } else {
            (z.iter().map(|z| z * z).sum::<f64>().sqrt() - threshold).max(0.0)
        };
        most = most.max(beyond / threshold);
    }
    most
}

fn penalties(strength: f64) -> Vec<LinearPenalty> {
    vec![
        LinearPenalty::lasso(strength),
        LinearPenalty::elastic_net(strength, 0.4),
        LinearPenalty::lasso(strength).on_columns_as_given(),
        LinearPenalty::group_lasso(strength, vec![vec![0, 3], vec![1, 2, 4]]),
        LinearPenalty::group_lasso(strength / 10.0, vec![vec![0, 3], vec![1, 2, 4]]).on_columns_as_given(),
        LinearPenalty { l1_share: 0.5, ..LinearPenalty::group_lasso(strength, vec![vec![5, 6, 7]]) },
    ]
}

fn check_regression(table: &Table, loss: RegressorLoss, scalar: Loss, strength: f64) {
    let (rows, labels) = (table.dense(), table.numbers());
    for penalty in penalties(strength) {
        let regressor = LinearRegressor { loss, tolerance: 1e-11, ..LinearRegressor::new(penalty.clone()) };
        let what = format!("{}, {loss:?}, {penalty:?}", table.name);
        let fits = [&table.rows, &sparse(&rows)].map(|rows| regressor.fit(rows, &labels).unwrap());
        for fit in &fits {
            assert_eq!(fit.status, FitStatus::Converged, "{what}: {:?} {:?}", fit.warnings, fit.work);
            let m: Vec<f64> = rows
                .iter()
                .map(|row| {
                    fit.model.intercept()
                        + row.iter().zip(fit.model.weights()).map(|(x, w)| x * w).sum::<f64>()
                })
                .collect();
            let slopes: Vec<f64> = m.iter().zip(&labels).map(|(&m, &y)| scalar.derivative(m, y)).collect();
            let size = slopes.iter().map(|s| s.abs()).sum::<f64>();
            assert!(slopes.iter().sum::<f64>().abs() < 1e-8 * size, "{what}");
            let standardized = penalty.scale == kiln_linear::PenalizedScale::Standardized;
            let beyond = violation(&rows, &slopes, fit.model.weights(), &penalty, standardized);
            assert!(beyond < 1e-3, "{what}: {beyond}");
        }
        assert!((fits[0].certificate.objective / fits[1].certificate.objective - 1.0).abs() < 1e-9, "{what}");
    }
}

#[test]
fn conditions_of_optimality() {
    let table = diabetes();
    check_regression(&table, RegressorLoss::Squares, Loss::Squares, 3.0);
    check_regression(&table, RegressorLoss::Huber { delta: 50.0 }, Loss::Huber { delta: 50.0 }, 2.0);
    check_regression(&table, RegressorLoss::Poisson, Loss::Poisson, 2.0);
}

#[test]
fn classifiers_with_few_weights() {
    let table = breast_cancer();
    for loss in [ClassifierLoss::Logistic, ClassifierLoss::SquaredHinge] {
        for strength in [1e-1, 1e-2, 1e-3, 1e-4] {
            let classifier = LinearClassifier {
                loss,
                tolerance: 1e-8,
                ..LinearClassifier::new(LinearPenalty::lasso(strength))
            };
            let fit = classifier.fit(&table.rows, &table.labels).unwrap();
            assert_eq!(
                fit.status,
                FitStatus::Converged,
                "{loss:?} {strength}: {:?} {:?}",
                fit.certificate,
                fit.work
            );
            let used = fit.model.weights()[0].iter().filter(|w| **w != 0.0).count();
            assert!(used < 30 && used > 0, "{loss:?} {strength}: {used}");
        }
    }
    // Three classes, each against the rest.
    let table = wine();
    let classifier = LinearClassifier {
        loss: ClassifierLoss::LogisticOneAgainstRest,
        ..LinearClassifier::new(LinearPenalty::lasso(0.02))
    };
    let fit = classifier.fit(&table.rows, &table.labels).unwrap();
    assert!(fit.model.score(&table.rows, &table.labels).unwrap() > 0.95);
    assert_eq!(fit.model.weights().len(), 3);
}

#[test]
fn reviews_with_few_words() {
    let Some(table) = amazon("books") else { return };
    for strength in [1e-2, 2e-3] {
        let classifier =
            LinearClassifier { tolerance: 1e-7, ..LinearClassifier::new(LinearPenalty::lasso(strength)) };
        let fit = classifier.fit(&table.rows, &table.labels).unwrap();
        assert_eq!(fit.status, FitStatus::Converged, "{strength}: {:?} {:?}", fit.certificate, fit.work);
    }
}

#[test]
fn the_largest_strength_is_the_first_without_weights() {
    let (rows, labels) = synthetic(11, 120, 8);
    let rows: DataRows = dense(&rows);
    for penalty in penalties(1.0) {
        let regressor = LinearRegressor { tolerance: 1e-12, ..LinearRegressor::new(penalty.clone()) };
        let largest = regressor.largest_strength(&rows, &labels).unwrap();
        let at = |strength: f64| {
            let penalty = LinearPenalty { strength, ..penalty.clone() };
            LinearRegressor { penalty, ..regressor.clone() }.fit(&rows, &labels).unwrap()
        };
        let above = at(1.000_001 * largest);
        assert!(above.model.weights().iter().all(|w| *w == 0.0), "{penalty:?}");
        assert!(matches!(
            above.warnings[..],
            [LinearWarning::AllWeightsZero { from_strength }] if from_strength == largest
        ));
        assert!(at(0.9 * largest).model.weights().iter().any(|w| *w != 0.0), "{penalty:?}");
    }
}

#[test]
fn more_columns_than_rows() {
    let (rows, labels) = synthetic(5, 40, 300);
    let rows = dense(&rows);
    for strength in [1.0, 0.1, 0.01] {
        let regressor =
            LinearRegressor { tolerance: 1e-9, ..LinearRegressor::new(LinearPenalty::lasso(strength)) };
        let fit = regressor.fit(&rows, &labels).unwrap();
        assert_eq!(fit.status, FitStatus::Converged, "{strength}: {:?} {:?}", fit.certificate, fit.work);
        assert!(fit.model.weights().iter().filter(|w| **w != 0.0).count() <= 40);
    }
}
