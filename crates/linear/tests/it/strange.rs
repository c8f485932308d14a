//! Strange tables: each is solved, or told apart by an error or a warning, and no number that comes back is
//! NaN or infinite.

use kiln_linear::{
    ClassLabel, ClassifierLoss, DataRows, FitStatus, FitWith, HeldOut, HeldOutRows, LinearClassifier,
    LinearFit, LinearPath, LinearPenalty, LinearRegressor, LinearSolver, LinearWarning, RegressorLoss,
    SparseRows,
};

use super::tables::{dense, numbers, sparse, synthetic};

fn penalties() -> Vec<LinearPenalty> {
    vec![
        LinearPenalty::ridge(1e-3),
        LinearPenalty::lasso(1e-3),
        LinearPenalty::elastic_net(1e-3, 0.5),
        LinearPenalty::group_lasso(1e-3, vec![vec![0, 1]]),
        LinearPenalty::ridge(1e-3).on_columns_as_given(),
        LinearPenalty::lasso(1e-3).on_columns_as_given(),
    ]
}

fn signs(labels: &[f64]) -> Vec<i32> {
    labels.iter().map(|y| if *y > 0.0 { 1 } else { -1 }).collect()
}

/// Every number is one, and the end and the warnings agree.
fn sound<M: serde::Serialize>(fit: &LinearFit<M>, what: &str) {
    let text = serde_json::to_string(fit).unwrap();
    assert!(!text.contains("null") || !text.contains("\"gap\":null"), "{what}: {text}");
    let certificate = fit.certificate;
    assert!(certificate.objective.is_finite() && certificate.gap.is_finite(), "{what}: {certificate:?}");
    assert!(certificate.gap >= 0.0 && certificate.relative >= 0.0, "{what}: {certificate:?}");
    let told = fit.warnings.iter().any(|warning| matches!(warning, LinearWarning::NotConverged { .. }));
    assert_eq!(told, fit.status != FitStatus::Converged, "{what}");
}

/// All losses and penalties on dense and sparse rows; those that do not converge.
fn every(rows: &[Vec<f64>], labels: &[f64], what: &str) -> Vec<String> {
    let mut open = Vec::new();
    let classes = signs(labels);
    let counts: Vec<f64> = labels.iter().map(|y| y.abs().floor()).collect();
    let size = labels.iter().fold(0.0_f64, |size, y| size.max(y.abs())).max(1e-300);
    for (rows, kind) in [(dense(rows), "dense"), (sparse(rows), "sparse")] {
        for penalty in penalties() {
            for loss in
                [RegressorLoss::Squares, RegressorLoss::Huber { delta: 0.1 * size }, RegressorLoss::Poisson]
            {
                let labels = if loss == RegressorLoss::Poisson { &counts } else { labels };
                let what = format!("{what}, {kind}, {loss:?}, {penalty:?}");
                let fit =
                    LinearRegressor { loss, ..LinearRegressor::new(penalty.clone()) }.fit(&rows, labels);
                match fit {
                    Ok(fit) => {
                        sound(&fit, &what);
                        if fit.status != FitStatus::Converged {
                            open.push(format!("{what}: {:?} {:?}", fit.certificate, fit.work));
                        }
                    }
                    Err(error) => open.push(format!("{what}: {error}")),
                }
            }
            for loss in [ClassifierLoss::Logistic, ClassifierLoss::Hinge, ClassifierLoss::SquaredHinge] {
                if loss == ClassifierLoss::Hinge && penalty.l1_share > 0.0 {
                    continue;
                }
                let what = format!("{what}, {kind}, {loss:?}, {penalty:?}");
                let fit =
                    LinearClassifier { loss, ..LinearClassifier::new(penalty.clone()) }.fit(&rows, &classes);
                match fit {
                    Ok(fit) => {
                        sound(&fit, &what);
                        if fit.status != FitStatus::Converged {
                            open.push(format!("{what}: {:?} {:?}", fit.certificate, fit.work));
                        }
                    }
                    Err(error) => open.push(format!("{what}: {error}")),
                }
            }
        }
    }
    open
}

fn with_column(table: &[Vec<f64>], change: impl Fn(usize, &[f64]) -> f64) -> Vec<Vec<f64>> {
    let rows = table.iter().enumerate();
    rows.map(|(i, row)| row.iter().copied().chain([change(i, row)]).collect()).collect()
}

#[test]
fn columns_of_any_kind() {
    let (table, labels) = synthetic(41, 60, 4);
    let mut open = Vec::new();
    open.extend(every(&with_column(&table, |_, row| row[0]), &labels, "a column twice"));
    open.extend(every(&with_column(&table, |_, row| 1e150 * row[0]), &labels, "times 1e150"));
    open.extend(every(&with_column(&table, |_, row| 1e-150 * row[0]), &labels, "times 1e-150"));
    open.extend(every(&with_column(&table, |_, row| 1e9 + row[1]), &labels, "an offset of 1e9"));
    open.extend(every(&with_column(&table, |i, _| f64::from(i == 7)), &labels, "one entry"));
    open.extend(every(&with_column(&table, |i, _| f64::from(i != 7)), &labels, "one zero"));
    open.extend(every(&with_column(&table, |_, _| 0.0), &labels, "zeros"));
    open.extend(every(&with_column(&table, |_, _| -3e9), &labels, "a constant"));
    open.extend(every(&with_column(&table, |i, _| labels[i]), &labels, "the label"));
    let nothing: Vec<Vec<f64>> = vec![vec![1.0, 0.0]; 60];
    open.extend(every(&nothing, &labels, "nothing but constants"));
    // A known limit: a threshold of the l1 part that rounding hides has no dual point. The fit says so.
    open.retain(|open| {
        !(open.starts_with("times 1e150") && open.contains("l1_share: 1.0, groups: [], scale: AsGiven"))
    });
    assert!(open.is_empty(), "{} open\n{}", open.len(), open.join("\n"));
}

#[test]
fn tables_of_any_shape() {
    let mut open = Vec::new();
    for (rows, columns) in [(2, 2), (2, 40), (3, 2), (20, 200), (500, 2)] {
        let (table, mut labels) = synthetic(42, rows, columns);
        // Two classes, and counts that are not all 0.
        (labels[0], labels[1]) = (-1.5, 2.5);
        let mut part = every(&table, &labels, &format!("{rows} x {columns}"));
        if columns >= 10 * rows {
            // Known limits, which the fits tell: with far more columns than rows the hinge, and penalties of
            // columns as given whose units differ by a million, arrive slowly or not at all.
            part.retain(|open| !open.contains(", Hinge,") && !open.contains("AsGiven"));
        }
        open.extend(part);
    }
    assert!(open.is_empty(), "{} open\n{}", open.len(), open.join("\n"));
    let one = dense(&[vec![3.0, 1.0]]);
    for loss in [RegressorLoss::Squares, RegressorLoss::Huber { delta: 1.0 }, RegressorLoss::Poisson] {
        for intercept in [true, false] {
            let regressor =
                LinearRegressor { loss, intercept, ..LinearRegressor::new(LinearPenalty::ridge(1e-3)) };
            let fit = regressor.fit(&one, &[2.0]).unwrap();
            sound(&fit, "one row");
            assert!((fit.model.predict_values(&one).unwrap()[0] - 2.0).abs() < 0.2);
        }
    }
}

#[test]
fn labels_of_any_size() {
    let (table, labels) = synthetic(43, 80, 3);
    for scale in [1e-150, 1e-6, 1e6, 1e100] {
        let labels: Vec<f64> = labels.iter().map(|y| y * scale).collect();
        for penalty in [LinearPenalty::ridge(1e-3), LinearPenalty::lasso(1e-3 * scale)] {
            for loss in [RegressorLoss::Squares, RegressorLoss::Huber { delta: 0.3 * scale }] {
                let fit = LinearRegressor { loss, ..LinearRegressor::new(penalty.clone()) }
                    .fit(&dense(&table), &labels)
                    .unwrap();
                assert_eq!(fit.status, FitStatus::Converged, "{scale} {loss:?} {:?}", fit.certificate);
                assert!(fit.model.score(&dense(&table), &labels).unwrap() > 0.5);
            }
        }
    }
    // Counts of a billion, and zeros among them.
    let poisson =
        LinearRegressor { loss: RegressorLoss::Poisson, ..LinearRegressor::new(LinearPenalty::ridge(1e-6)) };
    let counts: Vec<f64> = (0..80).map(|i| if i % 3 == 0 { 0.0 } else { 1e9 * f64::from(i) }).collect();
    let fit = poisson.fit(&dense(&table), &counts).unwrap();
    assert_eq!(fit.status, FitStatus::Converged, "{:?} {:?}", fit.certificate, fit.work);
    // Outliers a billion times the rest pull no harder than the width of the loss.
    let mut wild = labels.clone();
    (wild[3], wild[50]) = (1e9, -1e12);
    let huber = LinearRegressor {
        loss: RegressorLoss::Huber { delta: 0.1 },
        tolerance: 1e-14,
        ..LinearRegressor::new(LinearPenalty::none())
    };
    let [calm, wild] = [&labels, &wild].map(|labels| huber.fit(&dense(&table), labels).unwrap());
    let near =
        calm.model.weights().iter().zip(wild.model.weights()).all(|(a, b)| (a - b).abs() < 0.2 * a.abs());
    assert!(near, "{:?} {:?} {:?}", calm.model, wild.model, wild.certificate);
}

#[test]
fn weights_of_any_size() {
    let (table, labels) = synthetic(44, 50, 3);
    let rows = dense(&table);
    let classes = signs(&labels);
    let plain: Vec<f64> = (0..50).map(|i| 1.0 + f64::from(i % 4)).collect();
    for penalty in penalties() {
        let fits = [1.0, 1e6, 1e-6, 1e300, 1e-300].map(|scale| {
            let weights: Vec<f64> = plain.iter().map(|w| w * scale).collect();
            let with = FitWith { weights: Some(&weights[..]), ..FitWith::default() };
            LinearClassifier { tolerance: 1e-9, ..LinearClassifier::new(penalty.clone()) }
                .fit_with(&rows, &classes, with)
                .unwrap()
        });
        for fit in &fits {
            assert!((fit.certificate.objective / fits[0].certificate.objective - 1.0).abs() < 1e-8);
        }
        // One row that counts is a constant; two of two classes are a fit.
        let mut alone = vec![0.0; 50];
        alone[4] = 2.0;
        let with = FitWith { weights: Some(&alone[..]), ..FitWith::default() };
        let fit = LinearRegressor::new(penalty.clone()).fit_with(&rows, &labels, with).unwrap();
        assert!((fit.model.predict_values(&rows).unwrap()[4] - labels[4]).abs() < 1e-9);
        let other = (0..50).find(|&i| classes[i] != classes[4]).unwrap();
        alone[other] = 1e-9;
        let with = FitWith { weights: Some(&alone[..]), ..FitWith::default() };
        let fit = LinearClassifier::new(penalty.clone()).fit_with(&rows, &classes, with).unwrap();
        sound(&fit, "two rows that count");
        assert_eq!(fit.status, FitStatus::Converged, "{penalty:?} {:?}", fit.certificate);
    }
}

#[test]
fn strengths_of_any_size() {
    let (table, labels) = synthetic(45, 70, 4);
    let classes = signs(&labels);
    for rows in [dense(&table), sparse(&table)] {
        for share in [0.0, 0.5, 1.0] {
            for strength in [1e-300, 1e-30, 1e30, 1e300] {
                let penalty = LinearPenalty::elastic_net(strength, share);
                let fit = LinearClassifier::new(penalty.clone()).fit(&rows, &classes).unwrap();
                sound(&fit, &format!("{strength} {share}"));
                let fit = LinearRegressor::new(penalty.clone()).fit(&rows, &labels).unwrap();
                sound(&fit, &format!("{strength} {share}"));
                // A known limit, which the fit tells: a threshold that rounding hides has no dual point.
                if share == 0.0 || strength > 1.0 {
                    assert_eq!(fit.status, FitStatus::Converged, "{strength} {share} {:?}", fit.certificate);
                }
                if strength >= 1e30 {
                    assert!(fit.model.weights().iter().all(|w| w.abs() < 1e-20));
                }
            }
        }
    }
}

#[test]
fn many_classes() {
    let mut next = numbers(46);
    let table: Vec<Vec<f64>> =
        (0..1_000).map(|i| vec![f64::from(i % 40), f64::from(i / 40), next()]).collect();
    let labels: Vec<usize> = (0..1_000).collect();
    let classifier =
        LinearClassifier { tolerance: 1e-2, ..LinearClassifier::new(LinearPenalty::ridge(1e-2)) };
    let fit = classifier.fit(&dense(&table), &labels).unwrap();
    sound(&fit, "a thousand classes");
    assert_eq!(fit.model.classes().len(), 1_000);
    assert!(matches!(&fit.warnings[0], LinearWarning::LonelyClasses { classes } if classes.len() == 1_000));
    assert_eq!(fit.model.classes()[999], ClassLabel::from(999));
}

#[test]
fn rows_without_entries() {
    let entries: Vec<Vec<(u32, f64)>> =
        (0..40).map(|i| if i % 4 == 0 { vec![] } else { vec![(i % 3, 1.0 + f64::from(i % 5))] }).collect();
    let rows: DataRows = SparseRows::from_rows(5, entries).unwrap().into();
    let labels: Vec<f64> = (0..40).map(|i| f64::from(i % 7) - 2.0).collect();
    for penalty in penalties() {
        let fit = LinearRegressor::new(penalty.clone()).fit(&rows, &labels).unwrap();
        assert_eq!(fit.status, FitStatus::Converged, "{penalty:?}");
        let fit = LinearClassifier::new(penalty).fit(&rows, &signs(&labels)).unwrap();
        assert_eq!(fit.status, FitStatus::Converged);
    }
    let none: DataRows = SparseRows::from_rows(3, vec![Vec::<(u32, f64)>::new(); 6]).unwrap().into();
    let fit = LinearClassifier::new(LinearPenalty::lasso(0.1)).fit(&none, &[0, 1, 0, 1, 1, 1]).unwrap();
    sound(&fit, "no entries at all");
    let p = fit.model.predict_probabilities(&none).unwrap();
    assert!((p.get(0).unwrap()[1] - 2.0 / 3.0).abs() < 1e-6);
}

#[test]
fn budgets_and_paths_at_their_ends() {
    let (table, labels) = synthetic(47, 30, 5);
    let rows = dense(&table);
    for penalty in penalties() {
        for solver in [LinearSolver::Automatic, LinearSolver::Newton, LinearSolver::Lbfgs] {
            let regressor = LinearRegressor {
                solver,
                passes: 1.0,
                tolerance: 1e-12,
                ..LinearRegressor::new(penalty.clone())
            };
            let fit = regressor.fit(&rows, &labels).unwrap();
            sound(&fit, "a budget of one pass");
            assert_eq!(fit.status, FitStatus::BudgetSpent, "{penalty:?} {solver:?}");
            let none = LinearRegressor { passes: 0.0, ..regressor };
            assert!(none.fit(&rows, &labels).unwrap_err().to_string().contains("passes"));
        }
    }
    let regressor = LinearRegressor::new(LinearPenalty::lasso(1.0));
    let path = LinearPath { points: 1, least: 0.1, first: Some(0.01), held_out: None };
    let answer = path.fit(&regressor, &rows, &labels).unwrap();
    assert_eq!((answer.points.len(), answer.best), (1, 0));
    // One row held out.
    let held = HeldOut { rows: HeldOutRows::Share(1.0 / 30.0), ..HeldOut::new(3) };
    let answer = LinearPath::new(held).fit(&regressor, &rows, &labels).unwrap();
    assert!(answer.points.iter().all(|point| point.held_out_loss.unwrap().is_finite()));
    // A start of another width.
    let narrow: Vec<Vec<f64>> = table.iter().map(|row| row[..4].to_vec()).collect();
    let start = regressor.fit(&dense(&narrow), &labels).unwrap().model;
    let with = FitWith { start: Some(&start), ..FitWith::default() };
    let wrong = regressor.fit_with(&rows, &labels, with).unwrap_err();
    assert_eq!(wrong.to_string(), "columns of the start: found 4, expected 5");
}

#[test]
fn a_bad_start_is_no_worse_than_none() {
    let (table, labels) = synthetic(48, 60, 4);
    let classes = signs(&labels);
    let rows = dense(&table);
    for penalty in penalties() {
        let classifier = LinearClassifier { tolerance: 1e-9, ..LinearClassifier::new(penalty.clone()) };
        let best = classifier.fit(&rows, &classes).unwrap();
        for far in [1e3, 1e8] {
            let model = serde_json::json!({"loss": "logistic", "classes": [-1, 1],
                "columns": ["a", "b", "c", "d"], "weights": [[far, -far, far, far]], "intercepts": [far]});
            let start = serde_json::from_value(model).unwrap();
            let with = FitWith { start: Some(&start), ..FitWith::default() };
            let fit = classifier.fit_with(&rows, &classes, with).unwrap();
            assert_eq!(fit.status, FitStatus::Converged, "{penalty:?} {far}: {:?}", fit.certificate);
            assert!((fit.certificate.objective / best.certificate.objective - 1.0).abs() < 1e-7);
        }
    }
}
