//! What a diagnosis finds where the truth is known, and what it makes of strange tables.

use faer::Mat;
use kiln_adapt::diagnosis::{Diagnosis, DiagnosisReason, LinearCandidate};
use kiln_adapt::scm::{ChenBuhlmann, CicScm, CicSimulation};
use kiln_adapt::{Adaptation, Fit, Labelled, Labels, Predict, Unlabelled};
use kiln_core::random;

/// About normal.
fn noise(seed: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut generator = random::stream(seed, 0);
    let mut draw = || (0..12).map(|_| random::unit_interval(&mut generator)).sum::<f64>() - 6.0;
    Mat::from_fn(rows, columns, |_, _| draw())
}

/// Two columns, of which the first carries the label.
fn domain(name: &str, seed: u64, rows: usize, shift: f64) -> Labelled<Mat<f64>> {
    let mut x = noise(seed, rows, 2);
    let y: Vec<usize> = (0..rows).map(|row| row % 2).collect();
    for row in 0..rows {
        x[(row, 0)] += 3.0 * y[row] as f64;
        x[(row, 1)] += shift;
    }
    Labelled::new(name, x, Labels::classes(y, 2)).unwrap()
}

fn problem(sources: Vec<Labelled<Mat<f64>>>, target: &Labelled<Mat<f64>>) -> Adaptation<Mat<f64>> {
    Adaptation::new(sources, target.without_labels()).unwrap()
}

#[test]
fn what_moves_is_found() {
    let sources = vec![domain("a", 1, 200, 0.0), domain("b", 2, 200, 0.0)];
    let data = problem(sources, &domain("t", 3, 200, 2.0));
    let found = Diagnosis::default().run(&data).unwrap();
    assert_eq!(found.domains[0].domain, "t");
    assert!(found.domains[0].p_value < 1e-6 && found.domains[0].auc > 0.8, "{:?}", found.domains);
    assert!(found.domains[1].p_value > 0.001, "{:?}", found.domains);
    let [first, second] = &found.features[..] else { panic!() };
    assert!((second.moved.unwrap() - 2.0).abs() < 0.3 && first.moved.unwrap().abs() < 0.3);
    assert!(first.weight > 0.8 && (first.weight + second.weight - 1.0).abs() < 1e-12);
    assert!(found.conditionals.iter().all(|test| test.interval[0] <= 0.0), "{:?}", found.conditionals);
    assert!(found.effective_rows.unwrap() < 200.0);
}

#[test]
fn shares_of_classes_are_found() {
    let source = domain("a", 1, 400, 0.0);
    // Three quarters of class 1.
    let all = domain("t", 2, 600, 0.0);
    let rows: Vec<usize> = (0..600).filter(|row| row % 2 == 1 || row % 6 == 0).collect();
    let data = problem(vec![source], &all.select(&rows).unwrap());
    let shares = Diagnosis::default().run(&data).unwrap().class_shares.unwrap();
    let one = &shares[1];
    assert!((one.pooled - 0.5).abs() < 1e-12);
    assert!((one.target - 0.75).abs() < 0.05, "{one:?}");
    assert!(one.interval[0] > 0.6 && one.interval[1] < 0.9 && one.interval[0] < one.interval[1]);
    assert!((shares[0].target + one.target - 1.0).abs() < 1e-9);
}

#[test]
fn a_source_of_another_law_is_found() {
    let turned = domain("b", 2, 200, 0.0).map(|x| Mat::from_fn(200, 2, |i, j| -x[(i, j)])).unwrap();
    let sources = vec![domain("a", 1, 200, 0.0), turned, domain("c", 3, 200, 0.0)];
    let found = Diagnosis::default().run(&problem(sources, &domain("t", 4, 200, 0.0))).unwrap();
    assert!(found.conditionals[1].interval[0] > 0.3, "{:?}", found.conditionals);
    assert!(found.features[0].between_sources.unwrap() > 0.1);
    assert!(found.features[1].between_sources.unwrap() < 0.05);
}

#[test]
fn one_source_is_no_ground_to_adapt() {
    let found = Diagnosis::default()
        .run(&problem(vec![domain("a", 1, 100, 0.0)], &domain("t", 2, 100, 2.0)))
        .unwrap();
    assert_eq!(found.recommendation.method, LinearCandidate::PooledErm);
    assert_eq!(found.recommendation.reasons, [DiagnosisReason::OneSource]);
    assert!(found.trials.is_empty());
}

/// The simulations in which CIP, and nothing that looks at the target's means, is to be trusted: whatever is
/// recommended is not far behind pooled ERM.
#[test]
fn reversed_features_are_not_walked_into() {
    for seed in 0..3 {
        let (data, target) =
            CicSimulation { rows: 300, ..CicSimulation::new(CicScm::Iii, seed) }.draw(0).unwrap();
        let found = Diagnosis::default().run(&data).unwrap().recommendation;
        let score = |method: LinearCandidate| method.fit(&data).unwrap().evaluate(&target).unwrap().score();
        assert!(score(found.method) > score(LinearCandidate::PooledErm) - 0.02, "{found:?}");
    }
}

#[test]
fn values_have_a_diagnosis_too() {
    let simulation = ChenBuhlmann { rows: 200, ..ChenBuhlmann::experiment(2, 5).unwrap() };
    let (data, _) = simulation.draw(0).unwrap();
    let found = Diagnosis::default().run(&data).unwrap();
    assert_eq!(found.class_shares, None);
    assert_eq!(found.accuracy_at_most, None);
    assert_eq!(found.trials.len(), 5);
    assert_eq!(found.conditionals.len(), 7);
    assert!(found.trials.iter().all(|trial| trial.at_least.is_none_or(|least| least <= trial.mean.unwrap())));
}

/// The same finding in any units, and for any order of the columns' units.
#[test]
fn units_do_not_matter() {
    let (data, _) = CicSimulation { rows: 100, ..CicSimulation::new(CicScm::Ii, 3) }.draw(0).unwrap();
    let plain = Diagnosis::default().run(&data).unwrap();
    for factors in [[1e6, 1e-6], [1e-6, 1.0], [1e100, 1e-100]] {
        let scaled = data
            .map(|x| Mat::from_fn(x.nrows(), x.ncols(), |i, j| factors[j % 2] * x[(i, j)] + factors[j % 2]))
            .unwrap();
        let found = Diagnosis::default().run(&scaled).unwrap();
        assert_eq!(found.recommendation.method, plain.recommendation.method);
        for (a, b) in found.domains.iter().zip(&plain.domains) {
            assert!((a.auc - b.auc).abs() < 1e-3, "{a:?} {b:?}");
        }
        for (a, b) in found.features.iter().zip(&plain.features) {
            assert!((a.moved.unwrap() - b.moved.unwrap()).abs() < 1e-6);
            assert!((a.weight - b.weight).abs() < 1e-4, "{a:?} {b:?}");
        }
    }
}

#[test]
fn the_answer_is_saved_and_the_same_each_time() {
    let (data, _) = CicSimulation { rows: 100, ..CicSimulation::new(CicScm::Iv, 3) }.draw(0).unwrap();
    let found = Diagnosis { seed: 4 }.run(&data).unwrap();
    assert_eq!(Diagnosis { seed: 4 }.run(&data).unwrap(), found);
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<kiln_adapt::diagnosis::DiagnosisAnswer>(&text).unwrap(), found);
    for reason in &found.recommendation.reasons {
        assert!(!reason.to_string().is_empty());
    }
}

#[test]
fn strange_tables_have_an_answer_or_an_error() {
    let target = domain("t", 9, 30, 1.0);
    let few = domain("few", 1, 6, 0.0);
    let constant = target.map(|_| Mat::from_fn(30, 2, |_, _| 7.0)).unwrap();
    let doubled = domain("a", 2, 40, 0.0).map(|x| Mat::from_fn(40, 2, |i, _| x[(i, 0)])).unwrap();
    let one_class = Labelled::new("one", noise(4, 30, 2), Labels::classes(vec![0; 30], 2)).unwrap();
    let a = || domain("a", 2, 40, 0.0);
    let weighed = a().weighted(vec![2.0; 40]).unwrap();
    for (sources, target) in [
        (vec![few.clone(), a()], &target),
        (vec![few], &target),
        (vec![a(), domain("b", 3, 40, 1.0)], &constant),
        (vec![constant.clone(), a()], &target),
        (vec![doubled.clone(), doubled], &target),
        (vec![one_class.clone(), a()], &target),
        (vec![weighed, a()], &target),
        // Too few rows to be told from others.
        (vec![a(), domain("b", 3, 40, 1.0), domain("c", 5, 40, 2.0)], &domain("t", 6, 4, 9.0)),
    ] {
        let found = Diagnosis::default().run(&problem(sources, target)).unwrap();
        assert!(!found.recommendation.adapts(), "{found:?}");
        assert!(!found.recommendation.reasons.is_empty() || !found.recommendation.refused.is_empty());
    }
    assert!(Adaptation::new(vec![one_class], target.without_labels()).is_err());
    let nothing = Unlabelled::new("t", Mat::<f64>::zeros(5, 0)).unwrap();
    let empty = Labelled::new("a", Mat::<f64>::zeros(4, 0), Labels::classes([0, 1, 0, 1], 2)).unwrap();
    // Without columns the best constant is the answer, or there is an error; no panic.
    let _ = Diagnosis::default().run(&Adaptation::new(vec![empty], nothing).unwrap());
}
