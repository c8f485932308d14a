//! Simulations: their laws against the published numbers, their rows against their laws.

mod cic;
mod regression;

use faer::Mat;
use kiln_adapt::Labelled;

/// The rows of one class, or with `None` all.
fn rows_of(domain: &Labelled<Mat<f64>>, class: Option<usize>) -> Vec<usize> {
    match class {
        None => (0..domain.rows()).collect(),
        Some(class) => {
            let classes = domain.classes().unwrap().0;
            (0..domain.rows()).filter(|i| classes[*i] == class).collect()
        }
    }
}

fn mean(x: &Mat<f64>, rows: &[usize], j: usize) -> f64 {
    rows.iter().map(|i| x[(*i, j)]).sum::<f64>() / rows.len() as f64
}

fn covariance(x: &Mat<f64>, rows: &[usize], i: usize, j: usize) -> f64 {
    let (a, b) = (mean(x, rows, i), mean(x, rows, j));
    rows.iter().map(|k| (x[(*k, i)] - a) * (x[(*k, j)] - b)).sum::<f64>() / rows.len() as f64
}

/// Whether a sample mean is within five standard errors.
fn mean_agrees(found: f64, expected: f64, variance: f64, rows: usize) -> bool {
    (found - expected).abs() <= 5.0 * (variance / rows as f64).sqrt() + 1e-12
}

/// The same for a covariance of Gaussians.
fn covariance_agrees(found: f64, expected: f64, variances: (f64, f64), rows: usize) -> bool {
    let square = variances.0 * variances.1 + expected * expected;
    (found - expected).abs() <= 5.0 * (square / rows as f64).sqrt() + 1e-12
}
