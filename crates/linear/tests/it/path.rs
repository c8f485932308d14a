//! Regularization paths.

use kiln_linear::{
    ClassLabel, HeldOut, HeldOutRows, LinearClassifier, LinearPath, LinearPenalty, LinearRegressor,
    PathMethod, PathWith, PenalizedScale,
};

use super::tables::{breast_cancer, dense, diabetes, synthetic};

#[test]
fn every_point_is_the_fit_of_its_strength() {
    let table = diabetes();
    let labels = table.numbers();
    for penalty in
        [LinearPenalty::lasso(1.0), LinearPenalty::elastic_net(1.0, 0.5), LinearPenalty::ridge(1.0)]
    {
        let regressor = LinearRegressor { tolerance: 1e-9, ..LinearRegressor::new(penalty) };
        let path = LinearPath { points: 12, least: 1e-3, first: None, held_out: None };
        let answer = path.fit(&regressor, &table.rows, &labels).unwrap();
        assert_eq!((answer.points.len(), answer.best), (12, 11));
        for point in &answer.points {
            assert!(point.gap <= 1e-9);
            let alone = regressor.with_strength(point.strength).fit(&table.rows, &labels).unwrap();
            let values = alone.model.predict_values(&table.rows).unwrap();
            let warm = point.model.predict_values(&table.rows).unwrap();
            assert!(values.iter().zip(&warm).all(|(a, b)| (a - b).abs() < 0.1), "{}", point.strength);
        }
        assert!(answer.points.windows(2).all(|pair| pair[0].strength > pair[1].strength));
    }
}

#[test]
fn a_warm_start_costs_less() {
    let table = breast_cancer();
    let classifier = LinearClassifier::new(LinearPenalty::lasso(1.0));
    let path = LinearPath { points: 30, least: 1e-3, first: None, held_out: None };
    let answer = path.fit(&classifier, &table.rows, &table.labels).unwrap();
    assert_eq!(answer.points[0].used, 0);
    let warm: f64 = answer.points.iter().map(|point| point.passes).sum();
    let cold: f64 = answer
        .points
        .iter()
        .map(|point| {
            classifier.with_strength(point.strength).fit(&table.rows, &table.labels).unwrap().work.passes
        })
        .sum();
    assert!(warm < 0.8 * cold, "{warm} {cold}");
}

#[test]
fn rows_held_out_choose_and_end() {
    let (mut rows, labels) = synthetic(21, 120, 4);
    // Forty columns of noise.
    let mut next = super::tables::numbers(99);
    for row in &mut rows {
        row.extend((0..40).map(|_| next()));
    }
    let rows = dense(&rows);
    let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
    let path = LinearPath { least: 1e-6, ..LinearPath::new(HeldOut::new(3)) };
    let answer = path.fit(&regressor, &rows, &labels).unwrap();
    let best = answer.points[answer.best].held_out_loss.unwrap();
    assert!(answer.points.iter().all(|point| point.held_out_loss.unwrap() >= best));
    assert!(answer.points.len() < 100, "the path ends before noise is fitted");
    assert_eq!(answer.points.len(), answer.best + 11);
    let strength = answer.points[answer.best].strength;
    let alone = regressor.with_strength(strength).fit(&rows, &labels).unwrap();
    assert!((alone.certificate.objective / answer.fit.certificate.objective - 1.0).abs() < 1e-6);
    // The same seed holds out the same rows.
    assert_eq!(path.fit(&regressor, &rows, &labels).unwrap(), answer);
    assert_eq!(regressor.penalty.scale, PenalizedScale::Standardized);
}

#[test]
fn bad_paths_are_refused() {
    let (rows, labels) = synthetic(22, 10, 2);
    let rows = dense(&rows);
    let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
    let path = LinearPath::new(HeldOut::new(0));
    let held = |share, patience| Some(HeldOut { rows: HeldOutRows::Share(share), seed: 0, patience });
    for bad in [
        LinearPath { points: 0, ..path },
        LinearPath { least: 1.0, ..path },
        LinearPath { least: f64::NAN, ..path },
        LinearPath { first: Some(-1.0), ..path },
        LinearPath { held_out: held(0.0, 1), ..path },
        LinearPath { held_out: held(0.01, 1), ..path },
        LinearPath { held_out: held(0.99, 1), ..path },
        LinearPath { held_out: held(0.2, 0), ..path },
    ] {
        assert!(bad.fit(&regressor, &rows, &labels).is_err(), "{bad:?}");
    }
    let folds = |folds| LinearPath::new(HeldOut::folds(folds, 0));
    for bad in [folds(0), folds(1), folds(11)] {
        assert!(bad.fit(&regressor, &rows, &labels).is_err(), "{bad:?}");
    }
}

/// Whatever is drawn, the fits of a path know all classes.
#[test]
fn every_class_is_among_the_rows_to_fit_to() {
    let (rows, _) = synthetic(22, 10, 2);
    let rows = dense(&rows);
    let mut names = vec![ClassLabel::from("a"); 10];
    names[1] = "b".into();
    names[2] = "b".into();
    names[7] = "c".into();
    let classifier = LinearClassifier::new(LinearPenalty::ridge(1.0));
    for seed in 0..20 {
        for rows_held in [HeldOutRows::Share(0.5), HeldOutRows::Folds(3), HeldOutRows::Folds(10)] {
            let held_out = Some(HeldOut { rows: rows_held, seed, patience: 2 });
            let path = LinearPath { points: 2, held_out, ..LinearPath::new(HeldOut::new(0)) };
            let answer = path.fit(&classifier, &rows, &names).unwrap();
            assert_eq!(answer.fit.model.classes().len(), 3);
        }
    }
}

/// Cross-validation by hand, with the fold that each row is in found out by leaving each row out.
#[test]
fn folds_judge_every_row_once() {
    let (raw, labels) = synthetic(23, 12, 2);
    let rows = dense(&raw);
    let regressor = LinearRegressor { tolerance: 1e-10, ..LinearRegressor::new(LinearPenalty::ridge(1.0)) };
    let path = LinearPath { points: 1, first: Some(0.3), ..LinearPath::new(HeldOut::folds(12, 5)) };
    let answer = path.fit(&regressor, &rows, &labels).unwrap();
    let mut total = 0.0;
    for left_out in 0..12 {
        let others: Vec<usize> = (0..12).filter(|&row| row != left_out).collect();
        let some: Vec<f64> = others.iter().map(|&row| labels[row]).collect();
        let fit = regressor.with_strength(0.3).fit(&rows.select(&others).unwrap(), &some).unwrap();
        let value = fit.model.predict_values(&rows.select(&[left_out]).unwrap()).unwrap()[0];
        total += (value - labels[left_out]).powi(2) / 2.0;
    }
    let loss = answer.points[0].held_out_loss.unwrap();
    assert!((loss / (total / 12.0) - 1.0).abs() < 1e-6, "{loss} {}", total / 12.0);
    assert_eq!(answer.points[0].held_out_right, None);
    // The point's model is that of all rows.
    assert_eq!(answer.points[0].model, answer.fit.model);
}

/// A weight of 2 is the row twice, for fits and judgements; of 0, a row that is not there.
#[test]
fn weights_of_rows_hold_along_a_path() {
    let (raw, labels) = synthetic(24, 30, 3);
    let rows = dense(&raw);
    let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
    let path = LinearPath { points: 20, ..LinearPath::new(HeldOut::new(1)) };
    let fit = |weights: &[f64]| {
        let mut seen = 0;
        let mut progress = |points| seen = points;
        let with = PathWith { weights: Some(weights), progress: Some(&mut progress), columns: None };
        let answer = path.fit_with(&regressor, &rows, &labels, with).unwrap();
        assert_eq!(seen, answer.points.len());
        answer
    };
    let plain = path.fit(&regressor, &rows, &labels).unwrap();
    let (ones, twos) = (fit(&[1.0; 30]), fit(&[2.0; 30]));
    for answer in [&ones, &twos] {
        assert_eq!(answer.best, plain.best);
        let (a, b) = (answer.points[3].held_out_loss.unwrap(), plain.points[3].held_out_loss.unwrap());
        assert!((a / b - 1.0).abs() < 1e-9);
    }
    let mut some = [1.0; 30];
    some[..15].fill(0.0);
    let chosen = fit(&some);
    let kept: Vec<usize> = (15..30).collect();
    let strength = chosen.points[chosen.best].strength;
    let alone = regressor.with_strength(strength).fit(&rows.select(&kept).unwrap(), &labels[15..]).unwrap();
    let gap = alone.certificate.objective / chosen.fit.certificate.objective - 1.0;
    assert!(gap.abs() < 1e-5, "{gap}");
    let bad = PathWith { weights: Some(&[1.0]), ..PathWith::default() };
    assert!(path.fit_with(&regressor, &rows, &labels, bad).is_err());
}
