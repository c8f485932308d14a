use faer::{Mat, mat};
use kiln_adapt::AdaptError;
use kiln_adapt::label_shift::{LabelShiftEstimator, LabelShiftWeights, ShiftStatistics, confusion};
use kiln_core::InputError;
use proptest::prelude::*;

use super::gaussian;

/// Shares from positive numbers.
fn shares(seed: u64, stream: u64, count: usize) -> Vec<f64> {
    let raw: Vec<f64> = gaussian(seed, stream, count, 1).col(0).iter().map(|x| x.exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|x| x / sum).collect()
}

/// A classifier by its law given the class, `P(prediction i | class j)`; right more often than not.
fn classifier(seed: u64, classes: usize) -> Mat<f64> {
    let mut law = Mat::zeros(classes, classes);
    for j in 0..classes {
        let wrong = shares(seed, 100 + j as u64, classes);
        for i in 0..classes {
            law[(i, j)] = 0.45 * wrong[i] + if i == j { 0.55 } else { 0.0 };
        }
    }
    law
}

/// Exact statistics of that classifier under these shares of source and target.
fn population(law: &Mat<f64>, source: &[f64], target: &[f64]) -> ShiftStatistics {
    let classes = source.len();
    let joint = Mat::from_fn(classes, classes, |i, j| law[(i, j)] * source[j]);
    let predicted = (0..classes).map(|i| (0..classes).map(|j| law[(i, j)] * target[j]).sum()).collect();
    ShiftStatistics::new(joint, predicted, 1000).unwrap()
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < tolerance)
}

fn weights(estimator: LabelShiftEstimator, statistics: &ShiftStatistics) -> LabelShiftWeights {
    estimator.weights(statistics).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn weights_of_populations_are_exact(seed in any::<u64>(), classes in 2_usize..7) {
        let law = classifier(seed, classes);
        let (source, target) = (shares(seed, 1, classes), shares(seed, 2, classes));
        let statistics = population(&law, &source, &target);
        let truth: Vec<f64> = target.iter().zip(&source).map(|(t, s)| t / s).collect();
        let bbse = weights(LabelShiftEstimator::Bbse, &statistics);
        prop_assert!(close(&bbse.weights, &truth, 1e-9 * truth.iter().fold(1.0, |a: f64, b| a.max(*b))));
        prop_assert!(!bbse.singular && !bbse.clipped && bbse.missing.is_empty());
        let total: f64 = bbse.weights.iter().zip(&source).map(|(w, s)| w * s).sum();
        prop_assert!((total - 1.0).abs() < 1e-10);
        // Without a penalty RLLS finds the same, as it is feasible.
        let rlls = weights(LabelShiftEstimator::Rlls { alpha: 0.0, delta: 0.05 }, &statistics);
        let largest = truth.iter().fold(1.0, |a: f64, b| a.max(*b));
        prop_assert!(close(&rlls.weights, &truth, 1e-6 * largest), "{rlls:?} {truth:?}");
        // And with any penalty that is small enough, as norms are not squared.
        let rlls = weights(LabelShiftEstimator::Rlls { alpha: 1e-4, delta: 0.05 }, &statistics);
        prop_assert!(close(&rlls.weights, &truth, 1e-5 * largest), "{rlls:?} {truth:?}");
        let heavy = weights(LabelShiftEstimator::Rlls { alpha: 1e6, delta: 0.05 }, &statistics);
        prop_assert!(close(&heavy.weights, &vec![1.0; classes], 1e-9));
    }

    #[test]
    fn without_shift_weights_are_one(seed in any::<u64>(), classes in 2_usize..7) {
        let law = classifier(seed, classes);
        let source = shares(seed, 1, classes);
        let statistics = population(&law, &source, &source);
        for estimator in [LabelShiftEstimator::Bbse, LabelShiftEstimator::rlls()] {
            prop_assert!(close(&weights(estimator, &statistics).weights, &vec![1.0; classes], 1e-8));
        }
    }

    /// Predictions that no weights explain: BBSE clips, RLLS must find the constrained minimum.
    #[test]
    fn rlls_minimises_its_objective(
        seed in any::<u64>(),
        classes in 2_usize..6,
        alpha in prop_oneof![Just(0.0), 0.001_f64..2.0],
    ) {
        let law = classifier(seed, classes);
        let source = shares(seed, 1, classes);
        let joint = Mat::from_fn(classes, classes, |i, j| law[(i, j)] * source[j]);
        let predicted = shares(seed, 3, classes);
        let statistics = ShiftStatistics::new(joint.clone(), predicted.clone(), 500).unwrap();
        let found = weights(LabelShiftEstimator::Rlls { alpha, delta: 0.05 }, &statistics).weights;
        prop_assert!(found.iter().all(|w| *w >= 0.0));
        let bound = 2.0 * (2.0 * classes as f64 / 0.05).ln() / 500.0;
        let penalty = 3.0 * alpha * (bound / 3.0 + bound.sqrt());
        let objective = |w: &[f64]| {
            let misfit: f64 = (0..classes)
                .map(|i| ((0..classes).map(|j| joint[(i, j)] * w[j]).sum::<f64>() - predicted[i]).powi(2))
                .sum();
            misfit.sqrt() + penalty * w.iter().map(|w| (w - 1.0).powi(2)).sum::<f64>().sqrt()
        };
        let best = objective(&found);
        for k in 0..300 {
            let direction = gaussian(seed, 500 + k, classes, 1);
            let size = 10.0_f64.powi(-(k as i32 % 6));
            let other: Vec<f64> =
                found.iter().enumerate().map(|(j, w)| (w + size * direction[(j, 0)]).max(0.0)).collect();
            prop_assert!(best <= objective(&other) + 1e-7, "{found:?} has {best}, {other:?} {}", objective(&other));
        }
    }

    /// `x` takes a few values; the target's rows occur as often as they should.
    #[test]
    fn em_maximises_the_likelihood_and_is_exact_for_true_posteriors(seed in any::<u64>(), classes in 2_usize..5) {
        let values = 6;
        let given_class: Vec<Vec<f64>> = (0..classes).map(|j| shares(seed, 200 + j as u64, values)).collect();
        let (source, target) = (shares(seed, 1, classes), shares(seed, 2, classes));
        let mut rows = Vec::new();
        for value in 0..values {
            let of_class = |shares: &[f64]| -> Vec<f64> {
                shares.iter().zip(&given_class).map(|(share, law)| share * law[value]).collect()
            };
            let (joint, frequency) = (of_class(&source), of_class(&target).iter().sum::<f64>());
            let total: f64 = joint.iter().sum();
            for _ in 0..(400.0 * frequency).round() as usize {
                rows.push(joint.iter().map(|p| p / total).collect::<Vec<f64>>());
            }
        }
        let posteriors = Mat::from_fn(rows.len(), classes, |i, j| rows[i][j]);
        let joint = Mat::from_fn(classes, classes, |i, j| if i == j { source[j] } else { 0.0 });
        let statistics =
            ShiftStatistics::new(joint, target.clone(), 100).unwrap().with_posteriors(posteriors).unwrap();
        let found = match LabelShiftEstimator::Em.weights(&statistics) {
            Ok(found) => found.weights,
            // Laws that nearly coincide make it slow; then it says so.
            Err(AdaptError::NotConverged { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let likelihood = |w: &[f64]| -> f64 {
            rows.iter().map(|row| row.iter().zip(w).map(|(p, w)| p * w).sum::<f64>().ln()).sum::<f64>()
                / rows.len() as f64
        };
        let total: f64 = found.iter().zip(&source).map(|(w, s)| w * s).sum();
        prop_assert!((total - 1.0).abs() < 1e-9);
        let truth: Vec<f64> = target.iter().zip(&source).map(|(t, s)| t / s).collect();
        prop_assert!(likelihood(&found) >= likelihood(&truth) - 2e-8);
    }

    #[test]
    fn counts_are_shares(seed in any::<u64>(), rows in 1_usize..200) {
        let numbers = gaussian(seed, 0, rows, 2);
        let class = |value: f64| if value < -0.5 { 0 } else if value < 0.5 { 1 } else { 2 };
        let predicted: Vec<usize> = (0..rows).map(|i| class(numbers[(i, 0)])).collect();
        let actual: Vec<usize> = (0..rows).map(|i| class(numbers[(i, 1)])).collect();
        let joint = confusion(&predicted, &actual, 3).unwrap();
        for i in 0..3 {
            for j in 0..3 {
                let count = predicted.iter().zip(&actual).filter(|(p, a)| **p == i && **a == j).count();
                prop_assert!((joint[(i, j)] - count as f64 / rows as f64).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn every_source_counts_the_same() {
    let (few, many) = (vec![0_usize, 1], vec![1_usize; 100]);
    let statistics =
        ShiftStatistics::from_predictions(&[(&few, &few), (&many, &many)], &[0, 0, 1, 1], 2).unwrap();
    assert!(close(&statistics.source_shares(), &[0.25, 0.75], 1e-12));
    let found = weights(LabelShiftEstimator::Bbse, &statistics);
    assert!(close(&found.weights, &[2.0, 2.0 / 3.0], 1e-12));
}

#[test]
fn a_class_that_no_source_has_gets_weight_one_and_a_flag() {
    let joint = mat![[0.5, 0.1, 0.0], [0.1, 0.3, 0.0], [0.0, 0.0, 0.0]];
    let predicted = vec![0.35, 0.65, 0.0];
    let statistics = ShiftStatistics::new(joint, predicted, 10)
        .unwrap()
        .with_posteriors(mat![[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
        .unwrap();
    for estimator in [LabelShiftEstimator::Bbse, LabelShiftEstimator::rlls(), LabelShiftEstimator::Em] {
        let found = weights(estimator, &statistics);
        assert_eq!(found.missing, [2]);
        assert_eq!(found.weights[2], 1.0);
        assert!(found.weights.iter().all(|w| w.is_finite() && *w >= 0.0));
    }
    // The other two classes as if the third were not there.
    let found = weights(LabelShiftEstimator::Bbse, &statistics);
    let alone = ShiftStatistics::new(mat![[0.5, 0.1], [0.1, 0.3]], vec![0.35, 0.65], 10).unwrap();
    assert!(close(&found.weights[..2], &weights(LabelShiftEstimator::Bbse, &alone).weights, 1e-9));
}

#[test]
fn a_classifier_that_never_predicts_a_class_changes_nothing() {
    // One class is never predicted: all that can be said is that nothing contradicts w = 1.
    let statistics = ShiftStatistics::new(mat![[0.9, 0.1], [0.0, 0.0]], vec![1.0, 0.0], 10).unwrap();
    for estimator in [LabelShiftEstimator::Bbse, LabelShiftEstimator::rlls()] {
        let found = weights(estimator, &statistics);
        assert!(found.singular);
        assert!(close(&found.weights, &[1.0, 1.0], 1e-9), "{found:?}");
    }
    // Predictions that tell nothing about the class.
    let statistics = ShiftStatistics::new(mat![[0.3, 0.2], [0.3, 0.2]], vec![0.5, 0.5], 10).unwrap();
    let found = weights(LabelShiftEstimator::Bbse, &statistics);
    assert!(found.singular && close(&found.weights, &[1.0, 1.0], 1e-9), "{found:?}");
}

#[test]
fn negative_weights_become_zero_and_are_flagged() {
    let statistics = ShiftStatistics::new(mat![[0.4, 0.1], [0.1, 0.4]], vec![0.1, 0.9], 10).unwrap();
    let found = weights(LabelShiftEstimator::Bbse, &statistics);
    assert!(found.clipped && !found.singular);
    assert_eq!(found.weights[0], 0.0);
    let total: f64 = found.weights.iter().sum();
    assert!(total > 0.0);
}

#[test]
fn bad_input_is_refused() {
    assert!(matches!(confusion(&[0], &[0, 1], 2), Err(AdaptError::Input(InputError::Size { .. }))));
    assert!(matches!(confusion(&[], &[], 2), Err(AdaptError::Input(InputError::Empty { .. }))));
    assert!(matches!(confusion(&[2], &[0], 2), Err(AdaptError::Class { .. })));
    let joint = || mat![[0.5, 0.0], [0.0, 0.5]];
    assert!(matches!(
        ShiftStatistics::new(joint(), vec![1.0], 1),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        ShiftStatistics::new(joint(), vec![0.5, 0.4], 1),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        ShiftStatistics::new(joint(), vec![f64::NAN, 1.0], 1),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        ShiftStatistics::new(joint(), vec![0.5, 0.5], 0),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        ShiftStatistics::new(mat![[1.5, -0.5], [0.0, 0.0]], vec![0.5, 0.5], 1),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        ShiftStatistics::from_predictions(&[], &[0], 2),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let good = ShiftStatistics::new(joint(), vec![0.5, 0.5], 1).unwrap();
    assert!(matches!(LabelShiftEstimator::Em.weights(&good), Err(AdaptError::Method(_))));
    for (alpha, delta) in [(-1.0, 0.05), (f64::NAN, 0.05), (0.1, 0.0), (0.1, 1.0)] {
        let estimator = LabelShiftEstimator::Rlls { alpha, delta };
        assert!(matches!(estimator.weights(&good), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    assert!(matches!(
        good.clone().with_posteriors(Mat::zeros(0, 2)),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        good.clone().with_posteriors(mat![[1.0]]),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        good.with_posteriors(mat![[1.0, f64::NAN]]),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
}
