//! Least-squares importance weights against a direct computation.

use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side, mat};
use kiln_adapt::AdaptError;
use kiln_adapt::importance::{ImportanceWeights, Ulsif, WeightLimit};
use kiln_core::InputError;
use kiln_tensor::{Distribution, Noise};

fn noise(stream: u64, rows: usize, shift: f64, unit: f64) -> Mat<f64> {
    let mut values = vec![0.0; rows * 2];
    Noise { seed: 41, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
    Mat::from_fn(rows, 2, |i, j| unit * (values[i * 2 + j] + if j == 0 { shift } else { 0.0 }))
}

/// Gaussians of rows at all rows of the target, each number in standard deviations of both domains.
fn gaussians(source: &Mat<f64>, target: &Mat<f64>, width: f64) -> [Mat<f64>; 2] {
    let all: Vec<Vec<f64>> =
        source.row_iter().chain(target.row_iter()).map(|row| row.iter().copied().collect()).collect();
    let n = all.len() as f64;
    let mean = |j: usize| all.iter().map(|row| row[j]).sum::<f64>() / n;
    let deviation = |j: usize| (all.iter().map(|row| (row[j] - mean(j)).powi(2)).sum::<f64>() / n).sqrt();
    let units = [deviation(0), deviation(1)];
    let squared = |x: &Mat<f64>, i: usize, l: usize| -> f64 {
        (0..2).map(|j| ((x[(i, j)] - target[(l, j)]) / units[j]).powi(2)).sum()
    };
    let mut distances = Vec::new();
    for x in [source, target] {
        for i in 0..x.nrows() {
            distances.extend((0..target.nrows()).map(|l| squared(x, i, l)));
        }
    }
    distances.sort_by(f64::total_cmp);
    let median = distances[distances.len() / 2];
    [source, target].map(|x| {
        Mat::from_fn(x.nrows(), target.nrows(), |i, l| {
            (-squared(x, i, l) / (2.0 * width * width * median)).exp()
        })
    })
}

/// `θ` of the rows that are not left out.
fn fitted(source: &Mat<f64>, target: &Mat<f64>, strength: f64, without: Option<usize>) -> Col<f64> {
    let rows = |x: &Mat<f64>| (0..x.nrows()).filter(|i| Some(*i) != without).collect::<Vec<_>>();
    let (of_source, of_target) = (rows(source), rows(target));
    let b = source.ncols();
    let h = Mat::from_fn(b, b, |j, l| {
        let products = of_source.iter().map(|&i| source[(i, j)] * source[(i, l)]);
        products.sum::<f64>() / of_source.len() as f64 + if j == l { strength } else { 0.0 }
    });
    let mean =
        Col::from_fn(b, |l| of_target.iter().map(|&i| target[(i, l)]).sum::<f64>() / of_target.len() as f64);
    let mut theta = h.llt(Side::Lower).unwrap().solve(&mean);
    theta.iter_mut().for_each(|theta| *theta = theta.max(0.0));
    theta
}

#[test]
fn rows_left_out_are_as_if_fitted_to_again() {
    let (source, target) = (noise(0, 23, 0.0, 1.0), noise(1, 17, 0.7, 1.0));
    for (width, strength) in [(0.5, 0.1), (1.0, 1e-2), (3.0, 1.0)] {
        let [a, b] = gaussians(&source, &target, width);
        let mut expected = 0.0;
        for i in 0..17 {
            let theta = fitted(&a, &b, strength, Some(i));
            let (at_source, at_target): (f64, f64) = (a.row(i) * &theta, b.row(i) * &theta);
            expected += (0.5 * at_source * at_source - at_target) / 17.0;
        }
        let found = Ulsif::default().left_out(&source, &target, width, strength).unwrap();
        assert!((found - expected).abs() < 1e-10, "{found} is not {expected}");
        let only = Ulsif { widths: vec![width], strengths: vec![strength], ..Ulsif::default() };
        let unlimited = Ulsif { limit: WeightLimit::Unlimited, ..only };
        let ratios = &a * fitted(&a, &b, strength, None);
        let mean = ratios.iter().sum::<f64>() / 23.0;
        let found = unlimited.weights(&source, &target).unwrap();
        for (found, ratio) in found.weights.iter().zip(ratios.iter()) {
            assert!((found - ratio / mean).abs() < 1e-9, "{found} is not {}", ratio / mean);
        }
    }
}

#[test]
fn weights_find_the_target_in_any_unit() {
    let (source, target) = (noise(2, 300, 0.0, 1.0), noise(3, 300, 0.8, 1.0));
    let found = Ulsif::default().weights(&source, &target).unwrap();
    // The weighted source has about the target's mean.
    let mean = |x: &Mat<f64>, weights: &[f64]| {
        x.col(0).iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / weights.iter().sum::<f64>()
    };
    let (weighted, truth) = (mean(&source, &found.weights), mean(&target, &[1.0; 300]));
    assert!((weighted - truth).abs() < 0.25, "{weighted}, {truth}");
    assert!(found.effective_rows > 60.0, "{}", found.effective_rows);
    let in_units = Ulsif::default().weights(&noise(2, 300, 0.0, 1e6), &noise(3, 300, 0.8, 1e6)).unwrap();
    for (a, b) in found.weights.iter().zip(&in_units.weights) {
        assert!((a - b).abs() < 1e-6, "{a}, {b}");
    }
    let same = Ulsif::default().weights(&source, &source).unwrap();
    assert!(same.effective_rows > 290.0, "{}", same.effective_rows);
    // Another seed, other centres, much the same weights.
    let other = Ulsif { seed: 9, ..Ulsif::default() }.weights(&source, &target).unwrap();
    assert!((mean(&source, &other.weights) - weighted).abs() < 0.1);
    assert!(found.log_mean.abs() < 0.3, "{}", found.log_mean);
}

#[test]
fn bad_input_is_refused() {
    let good = noise(0, 10, 0.0, 1.0);
    let refused = |ulsif: Ulsif| ulsif.weights(&good, &good).unwrap_err();
    for ulsif in [
        Ulsif { widths: vec![], ..Ulsif::default() },
        Ulsif { strengths: vec![], ..Ulsif::default() },
        Ulsif { widths: vec![0.0], ..Ulsif::default() },
        Ulsif { strengths: vec![f64::NAN], ..Ulsif::default() },
        Ulsif { centres: 0, ..Ulsif::default() },
        Ulsif { least_effective: 2.0, ..Ulsif::default() },
    ] {
        assert!(matches!(refused(ulsif.clone()), AdaptError::Input(_)), "{ulsif:?}");
    }
    let one = mat![[0.0, 1.0]];
    assert!(matches!(Ulsif::default().weights(&good, &one), Err(AdaptError::TooFewRows { rows: 1, .. })));
    let narrow = mat![[0.0], [1.0]];
    assert!(matches!(
        Ulsif::default().weights(&good, &narrow),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    // Columns that say nothing are no trouble.
    let flat = Mat::from_fn(10, 2, |i, j| if j == 0 { 3.0 } else { i as f64 });
    assert!(Ulsif::default().weights(&flat, &flat).is_ok());
    for logarithms in [&[f64::NAN][..], &[f64::INFINITY], &[f64::NEG_INFINITY; 3], &[]] {
        let refused = ImportanceWeights::of_logarithms(logarithms, WeightLimit::default(), 0.0);
        assert!(matches!(refused, Err(AdaptError::Input(_))), "{logarithms:?}");
    }
    let json = serde_json::to_string(&Ulsif::default()).unwrap();
    assert_eq!(serde_json::from_str::<Ulsif>(&json).unwrap(), Ulsif::default());
}
