//! Optima with ridge penalties against the independent Newton method.

use kiln_linear::{
    ClassifierLoss, DataRows, FitStatus, LinearClassifier, LinearPenalty, LinearRegressor, LinearSolver,
    LinearWarning, Loss, RegressorLoss,
};

use super::reference::Dense;
use super::tables::{Table, amazon, breast_cancer, diabetes, digits, iris, sparse, sst, synthetic, wine};

/// How near an objective must come to the independent minimum, relative to it.
const NEAR: f64 = 1e-8;

const SOLVERS: [LinearSolver; 3] = [LinearSolver::Automatic, LinearSolver::Newton, LinearSolver::Lbfgs];

fn equal(rows: usize) -> Vec<f64> {
    vec![1.0 / rows as f64; rows]
}

/// A loss of outputs: its value, slopes and second derivatives.
type Bent = (f64, Vec<f64>, Vec<Vec<f64>>);

fn scalar(loss: Loss, labels: &[f64]) -> impl Fn(usize, &[f64]) -> Bent + '_ {
    move |i, m| {
        let (m, y) = (m[0], labels[i]);
        (loss.value(m, y), vec![loss.derivative(m, y)], vec![vec![loss.second_derivative(m, y)]])
    }
}

fn softmax(labels: &[usize]) -> impl Fn(usize, &[f64]) -> Bent + '_ {
    move |i, m| {
        let most = m.iter().fold(f64::MIN, |a, &b| a.max(b));
        let total: f64 = m.iter().map(|m| (m - most).exp()).sum();
        let p: Vec<f64> = m.iter().map(|m| (m - most).exp() / total).collect();
        let value = most + total.ln() - m[labels[i]];
        let slope = p.iter().enumerate().map(|(k, p)| p - f64::from(k == labels[i])).collect();
        let curvature =
            (0..m.len()).map(|a| (0..m.len()).map(|b| p[a] * (f64::from(a == b) - p[b])).collect()).collect();
        (value, slope, curvature)
    }
}

fn penalty(strength: f64, standardized: bool) -> LinearPenalty {
    let penalty = LinearPenalty::ridge(strength);
    if standardized { penalty } else { penalty.on_columns_as_given() }
}

/// All solvers, both scales of the penalty.
fn regression(table: &Table, loss: RegressorLoss, scalar_loss: Loss, strength: f64) {
    let labels = table.numbers();
    for standardized in [true, false] {
        let dense = Dense::new(&table.dense(), equal(labels.len()), strength, standardized);
        let losses = scalar(scalar_loss, &labels);
        let best = dense.value(&dense.minimize(1, &losses), 1, &losses);
        for solver in SOLVERS {
            let regressor = LinearRegressor {
                loss,
                solver,
                tolerance: 1e-9,
                ..LinearRegressor::new(penalty(strength, standardized))
            };
            for rows in [&table.rows, &sparse(&table.dense())] {
                let fit = regressor.fit(rows, &labels).unwrap();
                let what = format!("{}, {loss:?}, {solver:?}, {standardized}", table.name);
                assert_eq!(fit.status, FitStatus::Converged, "{what}: {:?}", fit.warnings);
                let w: Vec<f64> =
                    fit.model.weights().iter().copied().chain([fit.model.intercept()]).collect();
                let value = dense.value(&w, 1, &losses);
                assert!((value / best - 1.0).abs() <= NEAR, "{what}: {value} {best}");
                assert!((fit.certificate.objective / value - 1.0).abs() <= NEAR, "{what}");
                assert!(value - best <= fit.certificate.gap + 1e-11 * best, "{what}: {:?}", fit.certificate);
            }
        }
    }
}

fn classification(table: &Table, strength: f64, solvers: &[LinearSolver], scales: &[bool]) {
    let classes = table.classes();
    let labels: Vec<usize> = table.labels.iter().map(|label| classes.binary_search(label).unwrap()).collect();
    let signs: Vec<f64> = labels.iter().map(|&k| if k == 1 { 1.0 } else { -1.0 }).collect();
    let outputs = if classes.len() == 2 { 1 } else { classes.len() };
    for &standardized in scales {
        let dense = Dense::new(&table.dense(), equal(labels.len()), strength, standardized);
        let binary = scalar(Loss::Logistic, &signs);
        let many = softmax(&labels);
        let losses: &super::reference::RowLoss<'_> = if outputs == 1 { &binary } else { &many };
        let best = dense.value(&dense.minimize(outputs, losses), outputs, losses);
        for &solver in solvers {
            let classifier = LinearClassifier {
                solver,
                tolerance: 1e-9,
                ..LinearClassifier::new(penalty(strength, standardized))
            };
            let fit = classifier.fit(&table.rows, &table.labels).unwrap();
            let what = format!("{}, {solver:?}, {standardized}", table.name);
            assert_eq!(fit.status, FitStatus::Converged, "{what}: {:?}", fit.warnings);
            let w: Vec<f64> = fit
                .model
                .weights()
                .iter()
                .zip(fit.model.intercepts())
                .flat_map(|(w, b)| w.iter().chain([b]))
                .copied()
                .collect();
            let value = dense.value(&w, outputs, losses);
            assert!((value / best - 1.0).abs() <= NEAR, "{what}: {value} {best}");
            assert!(value - best <= fit.certificate.gap + 1e-11 * best, "{what}: {:?}", fit.certificate);
        }
    }
}

#[test]
fn diabetes_squares_huber_poisson() {
    let table = diabetes();
    regression(&table, RegressorLoss::Squares, Loss::Squares, 1e-2);
    regression(&table, RegressorLoss::Huber { delta: 30.0 }, Loss::Huber { delta: 30.0 }, 1e-2);
    regression(&table, RegressorLoss::Poisson, Loss::Poisson, 1e-2);
}

#[test]
fn iris_wine_and_digits() {
    classification(&iris(), 1.0 / 150.0, &SOLVERS, &[true, false]);
    classification(&wine(), 1.0 / 178.0, &SOLVERS, &[true, false]);
    let digits = digits().thinned(6);
    classification(&digits, 1.0 / 300.0, &[LinearSolver::Automatic], &[true]);
}

#[test]
fn breast_cancer_raw_and_standardized() {
    let table = breast_cancer();
    classification(&table, 1.0 / 569.0, &SOLVERS, &[true, false]);
    classification(&table.standardized(), 1.0 / 569.0, &SOLVERS, &[true, false]);
}

#[test]
fn texts() {
    // The independent method is cubic in the columns: the most frequent 300 stand for all.
    for table in [sst(), amazon("books")].into_iter().flatten() {
        let table = frequent(&table, 300).thinned(2);
        let strength = 1.0 / table.rows.rows() as f64;
        classification(&table, strength, &SOLVERS, &[true, false]);
    }
}

/// The columns that most rows have.
fn frequent(table: &Table, count: usize) -> Table {
    let rows = table.dense();
    let mut columns: Vec<usize> = (0..rows[0].len()).collect();
    let uses = |j: usize| rows.iter().filter(|row| row[j] != 0.0).count();
    columns.sort_by_cached_key(|&j| std::cmp::Reverse(uses(j)));
    columns.truncate(count);
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| columns.iter().map(|&j| row[j]).collect()).collect();
    Table { name: table.name.clone(), rows: sparse(&rows), labels: table.labels.clone() }
}

#[test]
fn all_columns_of_the_reviews() {
    let Some(table) = amazon("books") else { return };
    let strength = 1.0 / table.rows.rows() as f64;
    for standardized in [true, false] {
        let objectives: Vec<f64> = SOLVERS
            .iter()
            .map(|&solver| {
                let classifier = LinearClassifier {
                    solver,
                    // The minimum is a hundredth of the start, in whose unit the tolerance is.
                    tolerance: 1e-11,
                    ..LinearClassifier::new(penalty(strength, standardized))
                };
                let fit = classifier.fit(&table.rows, &table.labels).unwrap();
                assert_eq!(fit.status, FitStatus::Converged, "{solver:?}: {:?} {:?}", fit.warnings, fit.work);
                fit.certificate.objective
            })
            .collect();
        assert!(objectives.iter().all(|o| (o / objectives[0] - 1.0).abs() < 1e-8), "{objectives:?}");
    }
}

#[test]
fn machines() {
    let table = breast_cancer();
    let signs: Vec<f64> =
        table.labels.iter().map(|label| if label.to_string() == "1" { 1.0 } else { -1.0 }).collect();
    for (strength, standardized) in [(1.0 / 569.0, true), (1e-2, true), (1e-3, false)] {
        let dense = Dense::new(&table.dense(), equal(569), strength, standardized);
        let squared = scalar(Loss::SquaredHinge, &signs);
        let best = dense.value(&dense.minimize(1, &squared), 1, &squared);
        for loss in [ClassifierLoss::SquaredHinge, ClassifierLoss::Hinge] {
            let classifier = LinearClassifier {
                loss,
                tolerance: 1e-8,
                ..LinearClassifier::new(penalty(strength, standardized))
            };
            let fit = classifier.fit(&table.rows, &table.labels).unwrap();
            let what = format!("{loss:?} {strength} {standardized}");
            assert_eq!(fit.status, FitStatus::Converged, "{what}: {:?} {:?}", fit.warnings, fit.work);
            let w: Vec<f64> =
                fit.model.weights()[0].iter().copied().chain(fit.model.intercepts().to_vec()).collect();
            if loss == ClassifierLoss::SquaredHinge {
                let value = dense.value(&w, 1, &squared);
                assert!((value / best - 1.0).abs() <= NEAR, "{what}: {value} {best}");
            } else {
                // The hinge has no Newton method; its certificate is checked against what it certifies.
                let hinge = scalar(Loss::Hinge, &signs);
                let value = dense.value(&w, 1, &hinge);
                assert!(
                    (value / fit.certificate.objective - 1.0).abs() < 1e-9,
                    "{what}: {value} {:?}",
                    fit.certificate
                );
                assert!(fit.certificate.relative <= 1e-8);
            }
            assert!(fit.model.score(&table.rows, &table.labels).unwrap() > 0.95);
        }
    }
}

#[test]
fn without_a_penalty() {
    let (rows, labels) = synthetic(3, 400, 9);
    let dense = Dense::new(&rows, equal(400), 0.0, true);
    let losses = scalar(Loss::Squares, &labels);
    let best = dense.value(&dense.minimize(1, &losses), 1, &losses);
    let rows = super::tables::dense(&rows);
    let regressor = LinearRegressor { tolerance: 1e-10, ..LinearRegressor::new(LinearPenalty::none()) };
    let fit = regressor.fit(&rows, &labels).unwrap();
    assert!((fit.certificate.objective / best - 1.0).abs() < NEAR);
    assert!(fit.certificate.within.is_some() && fit.warnings.is_empty(), "{:?}", fit.warnings);

    // Classes that overlap, and classes that can be told apart.
    for (name, apart) in [("overlapping", false), ("apart", true)] {
        let signs: Vec<f64> = labels
            .iter()
            .enumerate()
            .map(|(i, y)| {
                let flip = !apart && i % 7 == 0;
                if (*y > 0.0) == flip { -1.0 } else { 1.0 }
            })
            .collect();
        let apart_rows: DataRows = match &rows {
            DataRows::Dense(dense) if apart => {
                let rows: Vec<Vec<f64>> = (0..400)
                    .map(|i| dense.get(i).unwrap().iter().copied().chain([labels[i]]).collect())
                    .collect();
                super::tables::dense(&rows)
            }
            rows => rows.clone(),
        };
        let fit = LinearClassifier::new(LinearPenalty::none()).fit(&apart_rows, &signs).unwrap();
        assert_eq!(fit.status, FitStatus::Converged, "{name}: {:?} {:?}", fit.certificate, fit.work);
        assert_eq!(fit.warnings.contains(&LinearWarning::Separable), apart, "{name}");
    }
}
