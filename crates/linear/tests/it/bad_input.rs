//! Bad input: typed errors, typed warnings.

use kiln_core::InputError;
use kiln_linear::{
    ClassBalance, ClassLabel, ClassifierLoss, DataRows, DenseRows, FitStatus, FitWith, FittedClassifier,
    FittedRegressor, LinearClassifier, LinearDataError, LinearPenalty, LinearRegressor, LinearWarning,
    RegressorLoss,
};

use super::tables::{dense, sparse, synthetic};

fn rows() -> DataRows {
    dense(&[vec![1.0, 2.0], vec![2.0, 1.0], vec![3.0, 3.5], vec![0.5, 1.0]])
}

fn ridge() -> LinearClassifier {
    LinearClassifier::new(LinearPenalty::ridge(0.1))
}

#[test]
fn lengths_and_numbers() {
    let wrong = ridge().fit(&rows(), &["a", "b"]).unwrap_err();
    assert_eq!(wrong.to_string(), "labels: found 2, expected 4");
    let weights = [1.0, 1.0];
    let with = FitWith { weights: Some(&weights[..]), ..FitWith::default() };
    let wrong = ridge().fit_with(&rows(), &["a", "b", "a", "b"], with).unwrap_err();
    assert_eq!(wrong.to_string(), "weights of rows: found 2, expected 4");
    let weights = [1.0, -1.0, 1.0, 1.0];
    let with = FitWith { weights: Some(&weights[..]), ..FitWith::default() };
    let wrong = ridge().fit_with(&rows(), &["a", "b", "a", "b"], with).unwrap_err();
    assert_eq!(wrong.to_string(), "the weight of row 1 is -1; it must be finite and at least 0");
    let with = FitWith { weights: Some(&[0.0; 4][..]), ..FitWith::default() };
    assert!(ridge().fit_with(&rows(), &["a", "b", "a", "b"], with).is_err());
    let wrong = DenseRows::new(2, vec![1.0, 2.0, f64::NAN, 3.0]).unwrap_err();
    assert_eq!(wrong.to_string(), "row 1, column 0: NaN is not finite");
    let wrong =
        LinearRegressor::new(LinearPenalty::none()).fit(&rows(), &[1.0, f64::NAN, 2.0, 3.0]).unwrap_err();
    assert!(matches!(wrong, LinearDataError::Label { row: 1, .. }));
    let poisson =
        LinearRegressor { loss: RegressorLoss::Poisson, ..LinearRegressor::new(LinearPenalty::none()) };
    let wrong = poisson.fit(&rows(), &[1.0, 2.0, -1.0, 3.0]).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "the label of row 2 is -1; it must be finite and at least 0 for the Poisson loss"
    );
}

#[test]
fn settings() {
    let labels = ["a", "b", "a", "b"];
    let bad = [
        LinearClassifier { tolerance: 0.0, ..ridge() },
        LinearClassifier { passes: f64::NAN, ..ridge() },
        LinearClassifier::new(LinearPenalty::ridge(-1.0)),
        LinearClassifier::new(LinearPenalty::elastic_net(1.0, 1.5)),
        LinearClassifier::new(LinearPenalty::group_lasso(1.0, vec![vec![0, 2]])),
        LinearClassifier::new(LinearPenalty::group_lasso(1.0, vec![vec![]])),
        LinearClassifier { balance: ClassBalance::Given(vec![("a".into(), -1.0)]), ..ridge() },
        LinearClassifier { balance: ClassBalance::Given(vec![("a".into(), 0.0)]), ..ridge() },
    ];
    for classifier in bad {
        let wrong = classifier.fit(&rows(), &labels).unwrap_err();
        assert!(matches!(wrong, LinearDataError::Input(_)), "{wrong}");
    }
    let twice = LinearClassifier::new(LinearPenalty::group_lasso(1.0, vec![vec![0, 1], vec![1]]));
    assert!(matches!(twice.fit(&rows(), &labels), Err(LinearDataError::ColumnInTwoGroups { column: 1 })));
    let unknown = LinearClassifier { balance: ClassBalance::Given(vec![("c".into(), 1.0)]), ..ridge() };
    let wrong = unknown.fit(&rows(), &labels).unwrap_err();
    assert_eq!(wrong.to_string(), "class c is unknown; the classes are a, b");
    for (classifier, labels) in [
        (
            LinearClassifier {
                loss: ClassifierLoss::Hinge,
                ..LinearClassifier::new(LinearPenalty::lasso(0.1))
            },
            labels,
        ),
        (
            LinearClassifier { loss: ClassifierLoss::Hinge, ..LinearClassifier::new(LinearPenalty::none()) },
            labels,
        ),
        (LinearClassifier::new(LinearPenalty::lasso(0.1)), ["a", "b", "c", "a"]),
    ] {
        assert!(matches!(classifier.fit(&rows(), &labels), Err(LinearDataError::Unsupported { .. })));
    }
    assert!(serde_json::from_str::<LinearClassifier>(r#"{"penalty": {"strength": 1, "l1": 1}}"#).is_err());
    let short: LinearClassifier = serde_json::from_str(r#"{"penalty": {"strength": 0.1}}"#).unwrap();
    assert_eq!(short, ridge());
}

#[test]
fn classes_and_labels() {
    let wrong = ridge().fit(&rows(), &["a"; 4]).unwrap_err();
    assert_eq!(wrong.to_string(), "all rows that count are of class a; a classifier needs two classes");
    let with = FitWith { weights: Some(&[1.0, 0.0, 1.0, 0.0][..]), ..FitWith::default() };
    assert!(matches!(
        ridge().fit_with(&rows(), &["a", "b", "a", "b"], with),
        Err(LinearDataError::OneClass { .. })
    ));
    let fit = ridge().fit(&rows(), &[true, false, true, true]).unwrap();
    assert_eq!(fit.warnings, [LinearWarning::LonelyClasses { classes: vec![ClassLabel::from(false)] }]);
    let wrong = fit.model.score(&rows(), &["true", "false", "maybe", "true"]).unwrap_err();
    assert!(matches!(wrong, LinearDataError::UnknownClass { .. }));
    assert!(matches!(
        fit.model.predict_classes(&dense(&[vec![1.0, 2.0, 3.0]])),
        Err(LinearDataError::Input(InputError::Size { found: 3, expected: 2, .. }))
    ));
    let hinge = LinearClassifier { loss: ClassifierLoss::Hinge, ..ridge() };
    let fit = hinge.fit(&rows(), &[1, 2, 1, 2]).unwrap();
    assert!(matches!(fit.model.predict_probabilities(&rows()), Err(LinearDataError::NoProbabilities)));
    let start = ridge().fit(&rows(), &["x", "y", "x", "y"]).unwrap().model;
    let with = FitWith { start: Some(&start), ..FitWith::default() };
    assert!(matches!(
        ridge().fit_with(&rows(), &["a", "b", "a", "b"], with),
        Err(LinearDataError::Unsupported { .. })
    ));
}

#[test]
fn columns_that_say_nothing() {
    let (mut table, labels) = synthetic(8, 50, 3);
    for row in &mut table {
        row.push(0.0);
        row.push(206_000.1);
    }
    for rows in [dense(&table), sparse(&table)] {
        for penalty in [LinearPenalty::ridge(0.01), LinearPenalty::lasso(0.01), LinearPenalty::none()] {
            let fit = LinearRegressor::new(penalty).fit(&rows, &labels).unwrap();
            assert_eq!(fit.warnings, [LinearWarning::ConstantColumns { columns: vec![3, 4] }]);
            assert_eq!(fit.model.weights()[3..], [0.0, 0.0]);
            assert_eq!(fit.status, FitStatus::Converged);
        }
    }
    // Without an intercept a constant column is one, and only zeros say nothing.
    let bare = LinearRegressor { intercept: false, ..LinearRegressor::new(LinearPenalty::ridge(0.01)) };
    let fit = bare.fit(&dense(&table), &labels).unwrap();
    assert_eq!(fit.warnings, [LinearWarning::ConstantColumns { columns: vec![3] }]);
}

#[test]
fn wild_values_are_solved() {
    let (table, labels) = synthetic(9, 80, 4);
    let signs: Vec<f64> = labels.iter().map(|y| 1.0_f64.copysign(*y)).collect();
    // One outlier, a large offset, a column of 1e9s, a tiny column.
    for (what, change) in [
        ("outlier", (|i, x| if i == 3 { 1e9 } else { x }) as fn(usize, f64) -> f64),
        ("offset", |_, x| x + 1e9),
        ("large", |_, x| x * 1e9),
        ("tiny", |_, x| x * 1e-200),
    ] {
        let rows: Vec<Vec<f64>> = table
            .iter()
            .enumerate()
            .map(|(i, row)| {
                let mut row = row.clone();
                row[1] = change(i, row[1]);
                row
            })
            .collect();
        for penalty in [
            LinearPenalty::ridge(1e-3),
            LinearPenalty::lasso(1e-3),
            LinearPenalty::ridge(1e-3).on_columns_as_given(),
        ] {
            let rows = dense(&rows);
            let fit = LinearClassifier::new(penalty.clone()).fit(&rows, &signs).unwrap();
            assert_eq!(fit.status, FitStatus::Converged, "{what} {penalty:?}: {:?}", fit.certificate);
            let fit = LinearRegressor::new(penalty.clone()).fit(&rows, &labels).unwrap();
            assert_eq!(fit.status, FitStatus::Converged, "{what} {penalty:?}: {:?}", fit.certificate);
            assert!(fit.model.weights().iter().all(|w| w.is_finite()));
        }
    }
    let huge = dense(&[vec![1e200, 1.0], vec![-1e200, 2.0], vec![1.0, 3.0]]);
    let wrong = LinearRegressor::new(LinearPenalty::none()).fit(&huge, &[1.0, 2.0, 3.0]).unwrap_err();
    assert!(matches!(wrong, LinearDataError::ColumnOverflow { column: 0 }));
}

#[test]
fn degenerate_tables() {
    // One row, the same row many times, more columns than rows without a penalty.
    let one = dense(&[vec![1.0, 2.0]]);
    let fit = LinearRegressor::new(LinearPenalty::ridge(0.1)).fit(&one, &[3.0]).unwrap();
    assert_eq!(fit.model.predict_values(&one).unwrap(), [3.0]);
    assert!(fit.warnings.contains(&LinearWarning::ConstantLabels));
    let poisson =
        LinearRegressor { loss: RegressorLoss::Poisson, ..LinearRegressor::new(LinearPenalty::none()) };
    let rows = dense(&[vec![1.0], vec![2.0], vec![4.0]]);
    assert!(matches!(poisson.fit(&rows, &[0.0; 3]), Err(LinearDataError::Unsupported { .. })));
    let fit = poisson.fit(&rows, &[7.0; 3]).unwrap();
    assert!((fit.model.predict_values(&rows).unwrap()[1] - 7.0).abs() < 1e-12);
    // Counts in the millions, from a start at e⁰.
    let fit = poisson.fit(&rows, &[1e6, 2e6, 8e6]).unwrap();
    assert_eq!(fit.status, FitStatus::Converged, "{:?}", fit.certificate);
    assert!((fit.model.predict_values(&rows).unwrap()[2] / 8e6 - 1.0).abs() < 1e-2);
    let same = dense(&vec![vec![1.0, 2.0]; 6]);
    let fit =
        LinearClassifier::new(LinearPenalty::ridge(0.1)).fit(&same, &["a", "b", "a", "a", "b", "a"]).unwrap();
    let p = fit.model.predict_probabilities(&same).unwrap();
    assert!((p.get(0).unwrap()[1] - 1.0 / 3.0).abs() < 1e-6);
    let (wide, labels) = synthetic(10, 5, 12);
    let fit = LinearRegressor::new(LinearPenalty::none()).fit(&dense(&wide), &labels).unwrap();
    assert!(fit.certificate.objective < 1e-6 * fit.certificate.start, "{:?}", fit.certificate);
    // Columns twice, without a penalty.
    let (mut twice, labels) = synthetic(12, 60, 3);
    for row in &mut twice {
        row.push(row[0]);
    }
    let fit = LinearRegressor::new(LinearPenalty::none()).fit(&dense(&twice), &labels).unwrap();
    assert_eq!(fit.status, FitStatus::Converged, "{:?}", fit.certificate);
}

#[test]
fn budgets_end_every_fit() {
    let (table, labels) = synthetic(13, 300, 40);
    let rows = dense(&table);
    let signs: Vec<f64> = labels.iter().map(|y| 1.0_f64.copysign(*y)).collect();
    for loss in [ClassifierLoss::Logistic, ClassifierLoss::Hinge, ClassifierLoss::SquaredHinge] {
        for solver in [kiln_linear::LinearSolver::Newton, kiln_linear::LinearSolver::Lbfgs] {
            let classifier = LinearClassifier {
                loss,
                solver,
                passes: 3.0,
                tolerance: 1e-12,
                ..LinearClassifier::new(LinearPenalty::ridge(1e-5))
            };
            let fit = classifier.fit(&rows, &signs).unwrap();
            assert_eq!(fit.status, FitStatus::BudgetSpent, "{loss:?}");
            assert!(fit.work.passes < 200.0, "{:?}", fit.work);
            assert!(fit.certificate.relative.is_finite());
            let words = fit.warnings[0].to_string();
            assert!(words.starts_with("the budget was spent at a relative duality gap of"), "{words}");
        }
    }
    let lasso = LinearClassifier {
        passes: 3.0,
        tolerance: 1e-12,
        ..LinearClassifier::new(LinearPenalty::lasso(1e-4))
    };
    assert_eq!(lasso.fit(&rows, &signs).unwrap().status, FitStatus::BudgetSpent);
}

#[test]
fn models_are_checked_as_they_are_read() {
    for text in [
        r#"{"loss":"logistic","classes":["a"],"columns":["x"],"weights":[[1.0]],"intercepts":[0.0]}"#,
        r#"{"loss":"logistic","classes":["a","b"],"columns":["x","y"],"weights":[[1.0]],"intercepts":[0.0]}"#,
        r#"{"loss":"logistic","classes":["a","b"],"columns":["x"],"weights":[[1.0],[1.0]],"intercepts":[0.0,1.0]}"#,
        r#"{"loss":"logistic","classes":["a","b"],"columns":["x"],"weights":[[1e999]],"intercepts":[0.0]}"#,
    ] {
        assert!(serde_json::from_str::<FittedClassifier>(text).is_err(), "{text}");
    }
    let text = r#"{"loss":"squares","columns":["x"],"weights":[[2.0]],"intercepts":[1.0]}"#;
    let model: FittedRegressor = serde_json::from_str(text).unwrap();
    assert_eq!(model.predict_values(&dense(&[vec![3.0]])).unwrap(), [7.0]);
    assert_eq!(serde_json::to_string(&model).unwrap(), text);
    assert!(model.predict_values(&dense(&[vec![1.7e308]])).is_err());
}
