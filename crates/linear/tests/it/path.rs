//! Regularization paths.

use kiln_linear::{
    ClassLabel, HeldOut, LinearClassifier, LinearPath, LinearPenalty, LinearRegressor, PathMethod,
    PenalizedScale,
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
    let held = |share, patience| Some(HeldOut { share, seed: 0, patience });
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
    // A class of one row that is held out is told.
    let mut names = vec![ClassLabel::from("a"); 10];
    names[1] = "b".into();
    names[2] = "b".into();
    let classifier = LinearClassifier::new(LinearPenalty::ridge(1.0));
    let told = (0..40).any(|seed| {
        let path = LinearPath { points: 2, ..LinearPath::new(HeldOut { share: 0.5, ..HeldOut::new(seed) }) };
        path.fit(&classifier, &rows, &names).is_err()
    });
    assert!(told);
}
