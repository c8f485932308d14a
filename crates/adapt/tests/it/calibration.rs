//! Calibration against SciPy, its laws, and the label shift that it makes exact.
//!
//! Reference values, with SciPy 1.x's BFGS and Nelder-Mead to 1e-12 on the mean negative log likelihood of
//!
//! ```python
//! q = lambda p: np.array([((i + 1) * np.sqrt(p)) % 1.0 for i in range(60)])
//! scores = np.stack([4 * q(p) for p in (2, 3, 5)], 1)
//! classes = (scores + np.stack([3 * q(p) for p in (7, 11, 13)], 1)).argmax(1)
//! ```

use faer::{Mat, mat};
use kiln_adapt::calibration::{Calibrate, Calibrated, Calibration, CalibrationCheck, Calibrator};
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::classification::ErmLogistic;
use kiln_adapt::source_free::SourceFree;
use kiln_adapt::{
    AdaptError, Adaptation, Fit, LabelShiftEstimator, Labelled, Labels, Predict, ShiftStatistics,
    SourceChoice, Unlabelled,
};
use kiln_tensor::{Distribution, Noise};
use proptest::prelude::*;

const ALL: [Calibrator; 3] = [Calibrator::Temperature, Calibrator::BiasCorrected, Calibrator::Vector];

fn example() -> (Mat<f64>, Vec<usize>) {
    let q = |i: usize, p: f64| ((i + 1) as f64 * p.sqrt()).fract();
    let (roots, others) = ([2.0, 3.0, 5.0], [7.0, 11.0, 13.0]);
    let scores = Mat::from_fn(60, 3, |i, c| 4.0 * q(i, roots[c]));
    let best = |i: usize| {
        let noisy = |c: usize| scores[(i, c)] + 3.0 * q(i, others[c]);
        (1..3).fold(0, |best, c| if noisy(c) > noisy(best) { c } else { best })
    };
    let classes = (0..60).map(best).collect();
    (scores, classes)
}

/// Scores of three classes, drawn, and classes drawn from a distorted softmax of them.
fn drawn(seed: u64, rows: usize) -> (Mat<f64>, Vec<usize>) {
    let mut values = vec![0.0; rows * 6];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    let scores = Mat::from_fn(rows, 3, |i, c| 2.0 * values[6 * i + c]);
    let best = |i: usize| {
        let noisy = |c: usize| scores[(i, c)] + 1.5 * values[6 * i + 3 + c] + if c == 0 { 0.5 } else { 0.0 };
        (1..3).fold(0, |best, c| if noisy(c) > noisy(best) { c } else { best })
    };
    let classes = (0..rows).map(best).collect();
    (scores, classes)
}

fn fit(calibrator: Calibrator, prior: f64, scores: &Mat<f64>, classes: &[usize]) -> Calibration {
    Calibration::fit(calibrator, prior, scores, classes, None).unwrap()
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{found} is not {expected}");
    }
}

fn loss(probabilities: &Mat<f64>, classes: &[usize]) -> f64 {
    let logarithms = classes.iter().enumerate().map(|(i, class)| -probabilities[(i, *class)].ln());
    logarithms.sum::<f64>() / classes.len() as f64
}

#[test]
fn minima_are_those_of_scipy() {
    let (scores, classes) = example();
    for (calibrator, scales, biases, least) in [
        (Calibrator::Temperature, [1.224_477_288_4; 3], [0.0; 3], 0.725_218_281_102_735_1),
        (
            Calibrator::BiasCorrected,
            [1.260_778_066_077_831_4; 3],
            [0.196_753_358_1, -0.332_627_819_7, 0.135_874_461_6],
            0.708_816_156_477_745_9,
        ),
        (
            Calibrator::Vector,
            [0.987_914_337_1, 1.273_502_514_8, 1.597_193_430_6],
            [0.877_754_432_1, -0.281_735_282_5, -0.596_019_149_5],
            0.691_938_237_053_533_2,
        ),
    ] {
        let found = fit(calibrator, 0.0, &scores, &classes);
        close(&found.scales, &scales, 1e-6);
        close(&found.biases, &biases, 1e-6);
        let reached = loss(&found.probabilities(&scores).unwrap(), &classes);
        assert!((reached - least).abs() < 1e-12, "{reached} is not {least}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn laws_of_calibration(seed in any::<u64>(), exponent in -200_i32..200) {
        let (scores, classes) = drawn(seed, 80);
        let factor = 10.0_f64.powi(exponent);
        let scaled = &scores * faer::Scale(factor);
        let (mut before, shift) = (f64::INFINITY, Mat::from_fn(80, 3, |i, c| scores[(i, c)] + i as f64));
        for calibrator in ALL {
            let Ok(found) = Calibration::fit(calibrator, 0.0, &scores, &classes, None) else { continue };
            let probabilities = found.probabilities(&scores).unwrap();
            // More freedom, less loss, and never more than that of the scores as they are.
            let reached = loss(&probabilities, &classes);
            prop_assert!(reached <= before + 1e-9);
            before = reached;
            // The unit of the scores does not matter.
            let of_scaled = Calibration::fit(calibrator, 0.0, &scaled, &classes, None).unwrap();
            let away = (&probabilities - of_scaled.probabilities(&scaled).unwrap()).norm_max();
            prop_assert!(away < 1e-6, "{away}");
            // A constant for each class makes their mean probabilities their shares.
            if calibrator != Calibrator::Temperature {
                for c in 0..3 {
                    let mean = probabilities.col(c).iter().sum::<f64>() / 80.0;
                    let share = classes.iter().filter(|class| **class == c).count() as f64 / 80.0;
                    prop_assert!((mean - share).abs() < 1e-6, "{mean} {share}");
                }
            }
            // A constant in all scores of a row is not seen by one factor.
            if calibrator != Calibrator::Vector {
                let moved = Calibration::fit(calibrator, 0.0, &shift, &classes, None).unwrap();
                prop_assert!((moved.scales[0] - found.scales[0]).abs() < 1e-6 * found.scales[0]);
            }
            // A whole weight is as many copies.
            let weights: Vec<f64> = (0..80).map(|i| 1.0 + f64::from(i % 3)).collect();
            let copies: Vec<usize> = (0..80).flat_map(|i| vec![i; 1 + i % 3]).collect();
            let repeated = Mat::from_fn(copies.len(), 3, |i, c| scores[(copies[i], c)]);
            let of_copies: Vec<usize> = copies.iter().map(|i| classes[*i]).collect();
            if let Ok(copied) = Calibration::fit(calibrator, 0.0, &repeated, &of_copies, None) {
                let weighted = Calibration::fit(calibrator, 0.0, &scores, &classes, Some(&weights)).unwrap();
                let [a, b] = [weighted, copied].map(|found| found.probabilities(&scores).unwrap());
                let away = (a - b).norm_max();
                prop_assert!(away < 1e-6, "{away}");
            }
        }
    }
}

/// A classifier that is right for 80 % of either class and claims 94 %, in a target with 20 % of class 0.
#[test]
fn label_shift_by_likelihood_needs_calibration() {
    let score = (0.94_f64 / 0.06).ln();
    let claims = |ones: usize, rows: usize| {
        Mat::from_fn(rows, 2, move |i, c| if (i < ones) == (c == 1) { score } else { 0.0 })
    };
    let (held_out, target) = (claims(500, 1000), claims(680, 1000));
    let classes: Vec<usize> = (0..1000).map(|i| usize::from((100..600).contains(&i))).collect();
    let predicted = |scores: &Mat<f64>| -> Vec<usize> {
        (0..scores.nrows()).map(|i| usize::from(scores[(i, 1)] > scores[(i, 0)])).collect()
    };
    let weights = |calibration: &Calibration| {
        ShiftStatistics::from_predictions(&[(&predicted(&held_out), &classes)], &predicted(&target), 2)
            .and_then(|statistics| statistics.with_posteriors(calibration.probabilities(&target)?))
            .and_then(|statistics| LabelShiftEstimator::Em.weights(&statistics))
            .unwrap()
            .weights
    };
    let none = Calibration { scales: vec![1.0; 2], biases: vec![0.0; 2] };
    close(&weights(&none), &[13.0 / 22.0, 31.0 / 22.0], 1e-3);
    assert!((weights(&none)[0] - 0.591).abs() < 5e-4);
    for calibrator in ALL {
        let calibration = fit(calibrator, 0.0, &held_out, &classes);
        assert!((calibration.probabilities(&held_out).unwrap()[(0, 1)] - 0.8).abs() < 1e-9);
        close(&weights(&calibration), &[0.4, 1.6], 1e-3);
    }
    // And without a model, by probabilities alone.
    let probabilities = |scores: &Mat<f64>| none.probabilities(scores).unwrap();
    let exact = SourceFree { prior_rows: 0.0, ..SourceFree::default() };
    let found = exact.fit(&probabilities(&held_out), &classes, &probabilities(&target)).unwrap();
    close(&found.shift.weights, &[0.4, 1.6], 1e-3);
    close(&found.target_shares(), &[0.2, 0.8], 1e-3);
    let corrected = found.probabilities(&probabilities(&target)).unwrap();
    close(&[corrected[(0, 1)], corrected[(999, 1)]], &[1.28 / 1.36, 0.32 / 0.64], 1e-3);
    for estimator in [LabelShiftEstimator::Bbse, LabelShiftEstimator::rlls()] {
        let found = SourceFree { estimator, ..SourceFree::default() };
        let found = found.fit(&probabilities(&held_out), &classes, &probabilities(&target)).unwrap();
        close(&found.shift.weights, &[0.4, 1.6], 0.05);
    }
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<kiln_adapt::source_free::Correction>(&json).unwrap(), found);
}

#[test]
fn a_stream_comes_to_the_same_shares() {
    let mut normal = vec![0.0; 8000];
    Noise { seed: 7, distribution: Distribution::Gaussian }.fill(0, 0, &mut normal);
    let pattern = |ones: f64, rows: usize, from: usize| {
        // Whether a row looks like class 1, at random with this share.
        Mat::from_fn(rows, 2, move |i, c| {
            let one = roughly_uniform(normal[(from + i) % 8000]) < ones;
            if one == (c == 1) { 0.8 } else { 0.2 }
        })
    };
    let classes: Vec<usize> = (0..1000).map(|i| usize::from((100..600).contains(&i))).collect();
    let held_out = Mat::from_fn(1000, 2, |i, c| if (i < 500) == (c == 1) { 0.8 } else { 0.2 });
    let target = pattern(0.68, 8000, 0);
    let batch = SourceFree::default().fit(&held_out, &classes, &target).unwrap();
    let mut stream = SourceFree::default().fit(&held_out, &classes, &held_out).unwrap().stream();
    for start in (0..8000).step_by(500) {
        let rows = Mat::from_fn(500, 2, |i, c| target[(start + i, c)]);
        let corrected = stream.update(&rows).unwrap();
        assert!(corrected.row_iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    }
    assert_eq!(stream.seen(), 8000);
    assert!((stream.shares()[1] - batch.target_shares()[1]).abs() < 0.02, "{:?}", stream.shares());
    assert!((stream.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let before = stream.clone();
    assert!(stream.update(&mat![[0.5, f64::NAN]]).is_err() && stream.update(&mat![[1.0]]).is_err());
    assert_eq!(stream, before);
    let json = serde_json::to_string(&stream).unwrap();
    assert_eq!(serde_json::from_str::<kiln_adapt::source_free::StreamingShift>(&json).unwrap(), stream);
}

/// Of a normal number, by a logistic curve: enough to draw with.
fn roughly_uniform(x: f64) -> f64 {
    1.0 / (1.0 + (-1.702 * x).exp())
}

fn classes_of(x: &Mat<f64>) -> Vec<usize> {
    x.col(0).iter().enumerate().map(|(i, x)| usize::from((*x > 0.0) != (i % 7 == 0))).collect()
}

#[test]
fn methods_and_models_are_wrapped() {
    let mut values = vec![0.0; 300];
    Noise { seed: 3, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    let x = Mat::from_fn(150, 2, |i, j| values[2 * i + j]);
    let source = Labelled::new("source", x.clone(), Labels::classes(classes_of(&x), 2)).unwrap();
    let data = Adaptation::new(vec![source.clone()], Unlabelled::new("target", x.clone()).unwrap()).unwrap();
    let method = Calibrate::new(ErmLogistic::new(SourceChoice::All));
    let fitted = method.fit(&data).unwrap();
    assert_eq!(fitted, method.fit(&data).unwrap());
    let probabilities = fitted.predict_probabilities(&x).unwrap();
    assert!(probabilities.row_iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    let json = serde_json::to_string(&fitted).unwrap();
    assert_eq!(serde_json::from_str::<Calibrated<LinearModel>>(&json).unwrap(), fitted);
    assert!(fitted.predict_values(&x).is_err() && fitted.scores(&Mat::zeros(3, 5)).is_err());
    // Far too sure: calibrated, one tells nothing from chance.
    let sure = LinearModel::binary(&[40.0, 0.0], 0.0).unwrap();
    let calibrated =
        Calibrated::on(sure.clone(), std::slice::from_ref(&source), Calibrator::Temperature, 0.0).unwrap();
    assert_eq!(calibrated.predict_classes(&x).unwrap(), sure.predict_classes(&x).unwrap());
    let check = CalibrationCheck { bins: 5, ..CalibrationCheck::default() };
    let error = |model: &dyn Predict<Mat<f64>>| {
        check.of(&model.predict_probabilities(&x).unwrap(), source.classes().unwrap().0).unwrap()
    };
    let (before, after) = (error(&sure), error(&calibrated));
    assert!(before.error > before.by_chance_95, "{before:?}");
    assert!(after.error < before.error && after.log_loss < before.log_loss);
    assert!(after.by_chance > 0.0 && after.by_chance <= after.by_chance_95);
    assert_eq!(after.bins.iter().map(|bin| bin.rows).sum::<usize>(), 150);
}

#[test]
fn what_cannot_be_calibrated_is_refused() {
    let (scores, classes) = example();
    let refused = |calibrator, prior, scores: &Mat<f64>, classes: &[usize]| {
        Calibration::fit(calibrator, prior, scores, classes, None).unwrap_err()
    };
    for calibrator in ALL {
        // Separated classes have no minimum; with a prior row they do.
        let separate = Mat::from_fn(30, 3, |i, c| if c == i % 3 { 2.0 } else { 0.0 });
        let own: Vec<usize> = (0..30).map(|i| i % 3).collect();
        assert!(matches!(refused(calibrator, 0.0, &separate, &own), AdaptError::Method(_)), "{calibrator:?}");
        let found = fit(calibrator, 1.0, &separate, &own).probabilities(&separate).unwrap();
        assert!((found[(0, 0)] - (30.0 + 1.0 / 3.0) / 31.0).abs() < 1e-6, "{calibrator:?} {}", found[(0, 0)]);
        // Bad input.
        assert!(matches!(refused(calibrator, -1.0, &scores, &classes), AdaptError::Input(_)));
        assert!(matches!(refused(calibrator, 0.0, &Mat::zeros(0, 3), &[]), AdaptError::Input(_)));
        assert!(matches!(refused(calibrator, 0.0, &Mat::zeros(2, 1), &[0, 0]), AdaptError::Input(_)));
        assert!(matches!(refused(calibrator, 0.0, &scores, &classes[1..]), AdaptError::Input(_)));
        assert!(matches!(refused(calibrator, 0.0, &scores, &[3; 60]), AdaptError::Class { class: 3, .. }));
        let broken = Mat::from_fn(60, 3, |i, c| if i == 5 { f64::NAN } else { scores[(i, c)] });
        assert!(matches!(refused(calibrator, 0.0, &broken, &classes), AdaptError::Input(_)));
        let weights = Calibration::fit(calibrator, 0.0, &scores, &classes, Some(&[0.0; 60]));
        assert!(matches!(weights, Err(AdaptError::Input(_))));
        // One row, one class, equal scores, huge scores: an answer or a typed error.
        for (scores, classes) in [
            (mat![[1.0, 0.0, 0.0]], vec![0]),
            (mat![[1.0, 0.0, 0.0]], vec![1]),
            (scores.clone(), vec![0; 60]),
            (Mat::zeros(60, 3), classes.clone()),
            (Mat::from_fn(60, 3, |_, _| 5.0), classes.clone()),
            (&scores * faer::Scale(1e300), classes.clone()),
            (&scores * faer::Scale(-1.0), classes.clone()),
            (&scores * faer::Scale(1e-300), classes.clone()),
        ] {
            for prior in [0.0, 1.0] {
                match Calibration::fit(calibrator, prior, &scores, &classes, None) {
                    Ok(found) => assert!(found.probabilities(&scores).unwrap().is_all_finite()),
                    Err(
                        AdaptError::Method(_)
                        | AdaptError::MissingClass { .. }
                        | AdaptError::Singular { .. }
                        | AdaptError::Input(_),
                    ) => {}
                    Err(error) => {
                        panic!("{calibrator:?}, {prior} prior rows, {scores:?} {classes:?}: {error}")
                    }
                }
            }
        }
    }
    let one_class = refused(Calibrator::BiasCorrected, 0.0, &scores, &[0; 60]);
    assert!(matches!(one_class, AdaptError::MissingClass { class: 1, .. }));
    let opposite = &scores * faer::Scale(-1.0);
    assert!(matches!(refused(Calibrator::Temperature, 0.0, &opposite, &classes), AdaptError::Method(_)));
    let found = fit(Calibrator::Temperature, 0.0, &scores, &classes);
    assert!(found.scores(&Mat::zeros(2, 2)).is_err() && found.scores(&mat![[f64::NAN, 0.0, 0.0]]).is_err());

    let good = mat![[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]];
    let fit = |held: &Mat<f64>, classes: &[usize], target: &Mat<f64>| {
        SourceFree { calibrator: None, ..SourceFree::default() }.fit(held, classes, target)
    };
    assert!(fit(&good, &[0, 1, 1], &good).is_ok());
    for (bad, row) in
        [(mat![[0.5, 0.5], [0.5, 0.6]], 1), (mat![[-0.1, 1.1], [0.5, 0.5]], 0), (mat![[3.0, -2.0]], 0)]
    {
        let found = fit(&good, &[0, 1, 1], &bad);
        assert!(matches!(found, Err(AdaptError::Probabilities { row: at, .. }) if at == row), "{found:?}");
        assert!(CalibrationCheck::default().of(&bad, &vec![0; bad.nrows()]).is_err());
    }
    assert!(fit(&good, &[0, 1], &good).is_err() && fit(&good, &[0, 1, 2], &good).is_err());
    assert!(fit(&good, &[0, 1, 1], &Mat::zeros(0, 2)).is_err());
    assert!(fit(&good, &[0, 1, 1], &mat![[0.2, 0.3, 0.5]]).is_err());
    // Certain rows, and a class that the source lacks.
    let certain = mat![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
    let found = fit(&certain, &[0, 1, 1], &mat![[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).unwrap();
    let corrected = found.probabilities(&certain).unwrap();
    assert!(
        corrected.is_all_finite()
            && corrected.row_iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12)
    );
    assert_eq!(found.shift.missing, [2]);
    for (bins, draws) in [(0, 10), (10, 0)] {
        assert!(CalibrationCheck { bins, draws, seed: 0 }.of(&good, &[0, 1, 1]).is_err());
    }
    assert!(CalibrationCheck::default().of(&good, &[0, 1, 2]).is_err());
    assert!(CalibrationCheck::default().of(&good, &[0, 1]).is_err());
}
