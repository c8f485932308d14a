//! The exact methods, against their defining equations and against brute force.

mod alignment;
mod bounds;
mod classification;
mod fine_tuning;
mod label_shift;
mod model;
mod moments;
mod regression;

use faer::Mat;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::{Adaptation, Labelled, Labels, Predict, Rows};
use kiln_tensor::{Distribution, Noise};

/// Independent standard normal numbers.
pub(crate) fn gaussian(seed: u64, stream: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut values = vec![0.0; rows * columns];
    Noise { seed, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
    Mat::from_fn(rows, columns, |i, j| values[i * columns + j])
}

/// A domain for regression: mixed features off the origin with noise of their own, so that none is nearly a
/// combination of others; labels that depend on them, in its own way and with noise.
fn regression_domain(seed: u64, m: u64, rows: usize, d: usize) -> Labelled<Mat<f64>> {
    let mixing = gaussian(seed, 1000, d, d);
    let offset = gaussian(seed, 1001 + m, 1, d);
    let beta = gaussian(seed, 2000, d, 1) + gaussian(seed, 2001 + m, d, 1) * faer::Scale(0.3);
    let noise = gaussian(seed, 3000 + m, rows, 2 * d + 1);
    let mixed = noise.subcols(0, d) * mixing;
    let x = Mat::from_fn(rows, d, |i, j| mixed[(i, j)] + 0.7 * noise[(i, d + j)] + 2.0 * offset[(0, j)]);
    let signal = &x * beta;
    let y: Vec<f64> = (0..rows).map(|i| signal[(i, 0)] + noise[(i, 2 * d)] + 0.5 * m as f64).collect();
    Labelled::new(format!("domain {m}"), x, Labels::values(y)).unwrap()
}

/// Sources of unequal size, and a target.
fn regression_problem(seed: u64, sources: usize, d: usize) -> Adaptation<Mat<f64>> {
    let rows = |m: usize| 3 * d + 10 + 7 * m;
    let domains = (0..sources).map(|m| regression_domain(seed, m as u64, rows(m), d)).collect();
    let target = regression_domain(seed, sources as u64, rows(sources), d);
    Adaptation::new(domains, target.without_labels()).unwrap()
}

/// A domain with classes: a mean for each class, moved by a shift of the domain's own.
fn class_domain(seed: u64, m: u64, rows: usize, d: usize, classes: usize, shift: f64) -> Labelled<Mat<f64>> {
    let means = gaussian(seed, 1000, classes, d);
    let offset = gaussian(seed, 1001 + m, 1, d);
    let noise = gaussian(seed, 2000 + m, rows, d);
    let y: Vec<usize> = (0..rows).map(|i| (i + i / classes) % classes).collect();
    let x = Mat::from_fn(rows, d, |i, j| 1.2 * means[(y[i], j)] + shift * offset[(0, j)] + noise[(i, j)]);
    Labelled::new(format!("domain {m}"), x, Labels::classes(y, classes)).unwrap()
}

fn class_problem(seed: u64, sources: usize, d: usize, classes: usize, shift: f64) -> Adaptation<Mat<f64>> {
    let rows = |m: usize| 60 + 20 * m;
    let domains = (0..sources).map(|m| class_domain(seed, m as u64, rows(m), d, classes, shift)).collect();
    let target = class_domain(seed, sources as u64, 150, d, classes, shift);
    Adaptation::new(domains, target.without_labels()).unwrap()
}

/// The problem with the features of all domains changed.
fn with_features(
    problem: &Adaptation<Mat<f64>>,
    change: impl Fn(&Mat<f64>) -> Mat<f64>,
) -> Adaptation<Mat<f64>> {
    let changed = |domain: &Labelled<Mat<f64>>| {
        Labelled::new(domain.name(), change(domain.x()), domain.y().clone()).unwrap()
    };
    let sources = problem.sources().iter().map(changed).collect();
    let target = kiln_adapt::Unlabelled::new("target", change(problem.target().x())).unwrap();
    Adaptation::new(sources, target).unwrap()
}

fn with_sources(problem: &Adaptation<Mat<f64>>, order: &[usize]) -> Adaptation<Mat<f64>> {
    let sources = order.iter().map(|&m| problem.sources()[m].clone()).collect();
    Adaptation::new(sources, problem.target().clone()).unwrap()
}

fn all_rows(domains: &[Labelled<Mat<f64>>]) -> Mat<f64> {
    Mat::concat(domains.iter().map(|domain| domain.x().clone()).collect()).unwrap()
}

/// Largest difference of scores on these rows, relative to the largest score.
fn difference(a: &LinearModel, b: &LinearModel, x_a: &Mat<f64>, x_b: &Mat<f64>) -> f64 {
    let (a, b) = (a.scores(x_a).unwrap(), b.scores(x_b).unwrap());
    (&a - &b).norm_max() / a.norm_max().max(1.0)
}
