//! Work is counted, and little.

use kiln_linear::{FitStatus, LinearClassifier, LinearPenalty, LinearRegressor, LinearSolver};

use super::tables::{breast_cancer, dense, numbers, sparse};

/// A table with many rows and few columns, as many have them.
fn tall() -> (Vec<Vec<f64>>, Vec<i32>) {
    let mut next = numbers(31);
    let rows: Vec<Vec<f64>> = (0..30_000)
        .map(|_| {
            let common = next();
            (0..12).map(|j| (next() + common) * 10_f64.powi(j - 6) + 5.0).collect()
        })
        .collect();
    let labels = rows
        .iter()
        .map(|row| {
            let m: f64 = row.iter().enumerate().map(|(j, x)| (x - 5.0) * 10_f64.powf(6.0 - j as f64)).sum();
            if m + 8.0 * next() > 1.0 { 1 } else { -1 }
        })
        .collect();
    (rows, labels)
}

#[test]
fn a_sample_spares_the_whole() {
    let (rows, labels) = tall();
    for rows in [dense(&rows), sparse(&rows)] {
        let classifier = LinearClassifier {
            tolerance: 1e-8,
            ..LinearClassifier::new(LinearPenalty::ridge(1.0 / 30_000.0))
        };
        let fit = classifier.fit(&rows, &labels).unwrap();
        assert_eq!(fit.status, FitStatus::Converged);
        assert!(fit.work.passes < 60.0, "{:?}", fit.work);
        // Without the matrix of columns by columns it takes longer, and arrives too.
        let slower =
            LinearClassifier { solver: LinearSolver::Lbfgs, ..classifier }.fit(&rows, &labels).unwrap();
        assert_eq!(slower.status, FitStatus::Converged);
        assert!((slower.certificate.objective / fit.certificate.objective - 1.0).abs() < 1e-7);
    }
}

#[test]
fn raw_columns_cost_what_scaled_ones_do() {
    let table = breast_cancer();
    let scaled = table.standardized();
    let classifier =
        LinearClassifier { tolerance: 1e-8, ..LinearClassifier::new(LinearPenalty::ridge(1.0 / 569.0)) };
    let [raw, scaled] = [&table, &scaled].map(|table| classifier.fit(&table.rows, &table.labels).unwrap());
    assert!(raw.work.steps <= scaled.work.steps + 1, "{:?} {:?}", raw.work, scaled.work);
    assert!(raw.work.steps < 15);
}

#[test]
fn a_lasso_looks_at_few_columns() {
    let mut next = numbers(32);
    let rows: Vec<Vec<f64>> = (0..100).map(|_| (0..2_000).map(|_| next()).collect()).collect();
    let labels: Vec<f64> = rows.iter().map(|row| 3.0 * row[7] - 2.0 * row[1_000] + 0.1 * next()).collect();
    let regressor = LinearRegressor { tolerance: 1e-8, ..LinearRegressor::new(LinearPenalty::lasso(0.1)) };
    let fit = regressor.fit(&dense(&rows), &labels).unwrap();
    assert_eq!(fit.status, FitStatus::Converged);
    let used: Vec<usize> = (0..2_000).filter(|&j| fit.model.weights()[j] != 0.0).collect();
    assert_eq!(used, [7, 1_000]);
    assert!(fit.work.passes < 40.0, "{:?}", fit.work);
}

#[test]
fn a_lasso_on_reviews_reads_few_columns_often() {
    let Some(table) = super::tables::amazon("books") else { return };
    let classifier = LinearClassifier {
        intercept: false,
        ..LinearClassifier::new(LinearPenalty::lasso(2e-3).on_columns_as_given())
    };
    for (tolerance, most) in [(1e-4, 150.0), (1e-8, 350.0)] {
        let fit =
            LinearClassifier { tolerance, ..classifier.clone() }.fit(&table.rows, &table.labels).unwrap();
        assert_eq!(fit.status, FitStatus::Converged);
        assert!(fit.work.passes < most, "{:?}", fit.work);
    }
}
