//! Moved and weighted source rows.

use faer::{Mat, mat};
use kiln_adapt::importance::WeightLimit;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::linear::{Coral, DiscriminatorRatio, FeatureMoments, GaussianDensityRatio};
use kiln_adapt::{AdaptError, Adaptation, Labelled, Labels, Unlabelled};
use kiln_core::InputError;
use kiln_tensor::{Distribution, Noise};
use proptest::prelude::*;

use super::{class_domain, difference, regression_problem, with_features};

fn moments(x: &Mat<f64>) -> FeatureMoments {
    FeatureMoments::of(x).unwrap()
}

fn near(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(1.0))
}

/// A source with these numbers as its only feature, and a target.
fn one_feature(source: &[f64], target: &[f64]) -> Adaptation<Mat<f64>> {
    let column = |values: &[f64]| Mat::from_fn(values.len(), 1, |i, _| values[i]);
    let labels = Labels::values(vec![0.0; source.len()]);
    let source = Labelled::new("source", column(source), labels).unwrap();
    Adaptation::new(vec![source], Unlabelled::new("target", column(target)).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn aligned_sources_have_the_targets_moments(seed in any::<u64>(), sources in 1_usize..4, d in 1_usize..6) {
        let problem = regression_problem(seed, sources, d);
        let aligned = Coral::default().align(&problem).unwrap();
        let target = moments(problem.target().x());
        for (source, before) in aligned.sources().iter().zip(problem.sources()) {
            let found = moments(source.x());
            let size = target.covariance().norm_max().max(1.0);
            prop_assert!((found.covariance() - target.covariance()).norm_max() < 1e-9 * size);
            prop_assert!((found.mean() - target.mean()).norm_max() < 1e-9 * size);
            prop_assert_eq!(source.y(), before.y());
        }
        // Nothing is left to do.
        let again = Coral::default().align(&aligned).unwrap();
        for (again, once) in again.sources().iter().zip(aligned.sources()) {
            prop_assert!((again.x() - once.x()).norm_max() < 1e-7 * once.x().norm_max());
        }
    }

    /// Densities change by one factor under an invertible map of the features.
    #[test]
    fn weights_do_not_depend_on_coordinates(seed in any::<u64>(), d in 1_usize..5) {
        let problem = regression_problem(seed, 1, d);
        let weights = |problem: &Adaptation<Mat<f64>>| {
            let ratio = GaussianDensityRatio { least_effective: 0.0, ..GaussianDensityRatio::default() };
            ratio.weights(problem.sources()[0].x(), problem.target().x()).unwrap().weights
        };
        let turned = Mat::from_fn(d, d, |i, j| if i == j { 2.0 } else { 0.3 / (1 + i + j) as f64 });
        let moved = with_features(&problem, |x| {
            Mat::from_fn(x.nrows(), d, |i, j| (0..d).map(|k| x[(i, k)] * turned[(k, j)]).sum::<f64>() - 3.0)
        });
        prop_assert!(near(&weights(&moved), &weights(&problem), 1e-6));
        let source = problem.sources()[0].x();
        let same = GaussianDensityRatio::default().weights(source, source).unwrap();
        prop_assert!(near(&same.weights, &vec![1.0; same.weights.len()], 1e-9));
        prop_assert!((same.effective_rows / same.weights.len() as f64 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn whole_weights_repeat_rows(seed in any::<u64>(), classes in 2_usize..4) {
        let domain = class_domain(seed, 0, 30, 3, classes, 0.5);
        let logistic = Logistic::new(0.7);
        let counts: Vec<usize> = (0..30).map(|i| 1 + (i * 7) % 3).collect();
        let rows: Vec<usize> = (0..30).flat_map(|i| vec![i; counts[i]]).collect();
        let weights: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        let weighted = logistic.fit_weighted(&domain, &weights).unwrap();
        let repeated = logistic.fit_domain(&domain.select(&rows).unwrap()).unwrap();
        prop_assert!(difference(&weighted, &repeated, domain.x(), domain.x()) < 1e-6);
        let plain = logistic.fit_weighted(&domain, &[1.0; 30]).unwrap();
        prop_assert!(difference(&plain, &logistic.fit_domain(&domain).unwrap(), domain.x(), domain.x()) < 1e-9);
    }
}

#[test]
fn one_feature_is_standardized() {
    let aligned = Coral::default().align(&one_feature(&[0.0, 2.0, 4.0], &[10.0, 16.0])).unwrap();
    let x = aligned.sources()[0].x();
    // Mean 13 and deviation 3, where it was 2 and √(8/3).
    let step = 3.0 / (8.0_f64 / 3.0).sqrt();
    assert!(near(&[x[(0, 0)], x[(1, 0)], x[(2, 0)]], &[13.0 - 2.0 * step, 13.0, 13.0 + 2.0 * step], 1e-12));
}

#[test]
fn weights_are_ratios_of_densities() {
    // Source N(0, 1), target N(1, 4), by sample moments.
    let found = GaussianDensityRatio::default().weights(&mat![[-1.0], [1.0]], &mat![[-1.0], [3.0]]).unwrap();
    let ratio = |x: f64| 0.5 * (-(x - 1.0).powi(2) / 8.0 + x * x / 2.0).exp();
    let mean = f64::midpoint(ratio(-1.0), ratio(1.0));
    assert!(near(&found.weights, &[ratio(-1.0) / mean, ratio(1.0) / mean], 1e-12));
    assert!((found.log_mean - mean.ln()).abs() < 1e-12);
    let squares = ratio(-1.0).powi(2) + ratio(1.0).powi(2);
    assert!((found.effective_rows - (2.0 * mean).powi(2) / squares).abs() < 1e-12);
    assert_eq!(found.clipped, 0);
}

/// Before, a target 30 deviations away gave weights of 0, and 30 features a sum of 2e9 n.
#[test]
fn few_effective_rows_are_refused_and_counted() {
    let noise = |stream: u64, rows: usize, columns: usize, shift: f64| {
        let mut values = vec![0.0; rows * columns];
        Noise { seed: 5, distribution: Distribution::Gaussian }.fill(stream, 0, &mut values);
        Mat::from_fn(rows, columns, |i, j| values[i * columns + j] + shift)
    };
    let source = noise(0, 410, 1, 0.0);
    let refused = GaussianDensityRatio::default().weights(&source, &noise(1, 100, 1, 30.0)).unwrap_err();
    assert!(matches!(refused, AdaptError::FewEffectiveRows { rows: 410, .. }));
    assert!(refused.to_string().contains("least_effective"), "{refused}");
    // Asked for, they come: one row carries nearly all, and the others are not lost.
    let any = GaussianDensityRatio { least_effective: 0.0, ..GaussianDensityRatio::default() };
    let far = any.weights(&source, &noise(1, 100, 1, 30.0)).unwrap();
    assert!(far.effective_rows < 3.0 && far.weights.iter().all(|w| w.is_finite()), "{}", far.effective_rows);
    assert!((far.weights.iter().sum::<f64>() / 410.0 - 1.0).abs() < 1e-12);

    // A mild shift in each of 30 features, estimated from as many rows.
    let (wide, shifted) = (noise(2, 410, 30, 0.0), noise(3, 410, 30, 0.5));
    let error = GaussianDensityRatio::default().weights(&wide, &shifted).unwrap_err();
    assert!(matches!(error, AdaptError::FewEffectiveRows { .. }), "{error}");
    let found = any.weights(&wide, &shifted).unwrap();
    assert!(found.effective_rows < 20.0 && found.clipped > 0);
    let largest = found.weights.iter().copied().fold(0.0, f64::max);
    let unlimited =
        GaussianDensityRatio { limit: WeightLimit::Unlimited, ..any }.weights(&wide, &shifted).unwrap();
    assert!(largest < unlimited.weights.iter().copied().fold(0.0, f64::max));
    // With spheres for covariances a mild shift in few features is no difficulty.
    let mild =
        GaussianDensityRatio::default().weights(&noise(2, 410, 2, 0.0), &noise(3, 410, 2, 0.3)).unwrap();
    assert!(mild.effective_rows > 250.0, "{}", mild.effective_rows);
    for limit in [0.5, f64::NAN] {
        let ratio = GaussianDensityRatio { limit: WeightLimit::TimesMean(limit), ..any };
        assert!(matches!(
            ratio.weights(&source, &source),
            Err(AdaptError::Input(InputError::Setting { name: "limit", .. }))
        ));
    }
}

#[test]
fn a_discriminator_finds_log_linear_ratios() {
    // Rows of two values; the target has the first value with probability 3/4, the source with 1/4.
    let rows = |ones: usize| Mat::from_fn(40, 1, |i, _| if i < ones { 5.0 } else { 1.0 });
    let ratio = DiscriminatorRatio { strength: 1e-9, ..DiscriminatorRatio::default() };
    let found = ratio.weights(&rows(10), &rows(30)).unwrap();
    let expected: Vec<f64> = (0..40).map(|i| if i < 10 { 3.0 } else { 1.0 / 3.0 }).collect();
    assert!(near(&found.weights, &expected, 1e-4), "{:?}", found.weights);
    assert!(found.log_mean.abs() < 1e-4, "the mean of true ratios is 1");
    assert!((found.effective_rows - 40.0 * 40.0 / (10.0 * 9.0 + 30.0 / 9.0)).abs() < 1e-2);
    // Units and origin are no matter, with a strong ridge neither.
    let strong = DiscriminatorRatio { strength: 0.5, ..ratio };
    let moved = |x: Mat<f64>| Mat::from_fn(40, 1, |i, _| 1e6 * x[(i, 0)] - 3e6);
    let (one, other) = (
        strong.weights(&rows(10), &rows(30)).unwrap(),
        strong.weights(&moved(rows(10)), &moved(rows(30))).unwrap(),
    );
    assert!(near(&one.weights, &other.weights, 1e-7));
    // One law: weights of 1. Apart: an error.
    let same = ratio.weights(&rows(10), &rows(10)).unwrap();
    assert!(near(&same.weights, &[1.0; 40], 1e-6));
    let mut values = vec![0.0; 400];
    Noise { seed: 5, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    let gaussian = |shift: f64| Mat::from_fn(200, 2, |i, j| values[2 * i + j] + shift);
    assert!(matches!(
        DiscriminatorRatio::default().weights(&gaussian(0.0), &gaussian(8.0)),
        Err(AdaptError::FewEffectiveRows { .. })
    ));
    for bad in [0.0, -1.0, f64::NAN] {
        let ratio = DiscriminatorRatio { strength: bad, ..ratio };
        assert!(matches!(ratio.weights(&rows(10), &rows(30)), Err(AdaptError::Input(_))));
    }
    let (nan, none) = (mat![[f64::NAN]], Mat::zeros(0, 1));
    for (source, target) in
        [(&nan, &rows(1)), (&rows(1), &nan), (&none, &rows(1)), (&rows(1), &mat![[1.0, 2.0]])]
    {
        assert!(matches!(ratio.weights(source, target), Err(AdaptError::Input(_))));
    }
}

/// Weights that range over many orders: the solution is that of the rows that count, to the digits that they
/// determine. Before, the objective was 25 times the best one.
#[test]
fn extreme_weights_are_solved() {
    let domain = class_domain(4, 0, 60, 3, 2, 0.5);
    let logistic = Logistic::new(1.0);
    let weights: Vec<f64> = (0..60).map(|i| 10.0_f64.powi(8 - (i % 13))).collect();
    let found = logistic.fit_weighted(&domain, &weights).unwrap();
    let (w, b) = found.direction().unwrap();
    let (classes, _) = domain.classes().unwrap();
    // The gradient of ½‖w‖² + C Σ weight · loss is 0, measured in what its terms are.
    let (mut slope, mut size) = ([w[0], w[1], w[2], 0.0], [w[0].abs(), w[1].abs(), w[2].abs(), 0.0]);
    for i in 0..60 {
        let row = |j: usize| if j < 3 { domain.x()[(i, j)] } else { 1.0 };
        let score: f64 = b + (0..3).map(|j| w[j] * row(j)).sum::<f64>();
        let pull = weights[i] * (1.0 / (1.0 + (-score).exp()) - classes[i] as f64);
        for j in 0..4 {
            slope[j] += pull * row(j);
            size[j] += (pull * row(j)).abs();
        }
    }
    for j in 0..4 {
        assert!(slope[j].abs() <= 1e-6 * size[j], "{slope:?} of {size:?}");
    }
    // Weights are units: a million times them with a millionth of C is the same problem.
    let scaled: Vec<f64> = weights.iter().map(|w| 1e6 * w).collect();
    let same = Logistic::new(1e-6).fit_weighted(&domain, &scaled).unwrap();
    assert!(difference(&found, &same, domain.x(), domain.x()) < 1e-9);
}

#[test]
fn shrinkage_replaces_the_covariance() {
    let problem = regression_problem(3, 1, 4);
    // With spheres for covariances only means and sizes are moved.
    let aligned = Coral { shrinkage: 1.0 }.align(&problem).unwrap();
    let (from, to) = (moments(problem.sources()[0].x()), moments(problem.target().x()));
    let size = |m: &FeatureMoments| (0..4).map(|j| m.covariance()[(j, j)]).sum::<f64>();
    let scale = (size(&to) / size(&from)).sqrt();
    let x = problem.sources()[0].x();
    let expected = Mat::from_fn(x.nrows(), 4, |i, j| to.mean()[j] + scale * (x[(i, j)] - from.mean()[j]));
    assert!((aligned.sources()[0].x() - expected).norm_max() < 1e-9);
}

#[test]
fn bad_input_is_an_error() {
    let constant = one_feature(&[1.0, 1.0], &[0.0, 1.0]);
    assert!(matches!(Coral::default().align(&constant), Err(AdaptError::Singular { .. })));
    // A constant target is allowed: everything is moved there.
    let flat = Coral::default().align(&one_feature(&[0.0, 1.0], &[2.0, 2.0])).unwrap();
    assert_eq!(flat.sources()[0].x(), &mat![[2.0], [2.0]]);
    let good = one_feature(&[0.0, 1.0], &[0.0, 2.0]);
    for shrinkage in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            Coral { shrinkage }.align(&good),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        let ratio = GaussianDensityRatio { shrinkage, ..GaussianDensityRatio::default() };
        assert!(matches!(
            ratio.weights(&mat![[0.0], [1.0]], &mat![[1.0], [0.0]]),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
    }
    let ratio = GaussianDensityRatio::default();
    let two = mat![[0.0], [1.0]];
    assert!(matches!(
        ratio.weights(&two, &mat![[0.0, 1.0]]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(ratio.weights(&two, &mat![[1.0], [1.0]]), Err(AdaptError::Singular { .. })));
    assert!(matches!(
        ratio.weights(&Mat::zeros(0, 1), &two),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        ratio.weights(&mat![[0.0], [f64::NAN]], &two),
        Err(AdaptError::Input(InputError::NotFinite { .. }))
    ));

    let domain = class_domain(1, 0, 10, 2, 2, 0.5);
    let logistic = Logistic::default();
    assert!(matches!(
        logistic.fit_weighted(&domain, &[1.0; 9]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    let mut weights = vec![1.0; 10];
    weights[3] = -1.0;
    assert!(matches!(
        logistic.fit_weighted(&domain, &weights),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    let (classes, _) = domain.classes().unwrap();
    let of_one: Vec<f64> = classes.iter().map(|class| f64::from(*class == 0)).collect();
    assert!(matches!(
        logistic.fit_weighted(&domain, &of_one),
        Err(AdaptError::MissingClass { class: 1, .. })
    ));
}
