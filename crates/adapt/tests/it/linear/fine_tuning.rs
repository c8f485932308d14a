use faer::{Col, Mat};
use kiln_adapt::linear::fine_tuning::{
    Choice, FtCip, FtDip, FtOlsSource, LinearFineTuning, LinearMasft, StartKind, TargetOnly,
};
use kiln_adapt::linear::regression::Ols;
use kiln_adapt::linear::{FeatureMoments, LinearModel, Moments};
use kiln_adapt::scm::{Intervention, Ssda};
use kiln_adapt::{AdaptError, Fit, Labelled, Labels, Predict, SemiSupervised, SourceChoice};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{difference, gaussian, regression_domain, regression_problem};

fn problem(seed: u64, sources: usize, d: usize, labelled: usize) -> SemiSupervised<Mat<f64>> {
    let labels = regression_domain(seed, 50, labelled, d);
    regression_problem(seed, sources, d).with_target_labels(labels).unwrap()
}

fn methods(rank: usize, intercept: bool) -> [Box<dyn LinearFineTuning>; 3] {
    let sources = SourceChoice::All;
    [
        Box::new(FtDip { sources, rank, intercept }),
        Box::new(FtOlsSource { sources, rank, intercept }),
        Box::new(FtCip { rank, intercept }),
    ]
}

fn moments(problem: &SemiSupervised<Mat<f64>>) -> (Vec<Moments>, FeatureMoments) {
    let sources = problem.adaptation().sources().iter().map(|s| Moments::of(s).unwrap()).collect();
    (sources, FeatureMoments::of(problem.adaptation().target().x()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn all_directions_are_least_squares_on_the_target(
        seed in any::<u64>(), d in 2_usize..6, intercept in any::<bool>(),
    ) {
        let problem = problem(seed, 3, d, 3 * d + 5);
        let x = problem.labelled().x();
        let target_only = TargetOnly { intercept }.fit(&problem).unwrap();
        let [dip, ols, _] = methods(d, intercept);
        for method in [dip, ols] {
            let model = method.fit(&problem).unwrap();
            prop_assert!(difference(&model, &target_only, x, x) < 1e-6);
        }
        if intercept {
            let ols = Moments::of(problem.labelled()).unwrap().best().unwrap();
            prop_assert!(difference(&target_only, &ols, x, x) < 1e-6);
        }
    }

    #[test]
    fn without_directions_the_start_is_returned(seed in any::<u64>(), d in 1_usize..6, intercept in any::<bool>()) {
        let problem = problem(seed, 3, d, 10);
        let x = problem.labelled().x();
        for method in methods(0, intercept) {
            let start = {
                let (sources, target) = moments(&problem);
                method.start(&sources, &target).unwrap()
            };
            prop_assert_eq!(start.dimension(), 0);
            prop_assert_eq!(&method.fit(&problem).unwrap(), start.untuned());
            if intercept {
                let ols = Ols::default().fit(problem.adaptation()).unwrap();
                prop_assert!(difference(start.untuned(), &ols, x, x) < 1e-7);
            }
        }
    }

    #[test]
    fn fine_tuning_never_worsens_the_fit_and_is_a_minimum(
        seed in any::<u64>(), rank in 1_usize..4, rows in 2_usize..30, intercept in any::<bool>(),
    ) {
        let problem = problem(seed, 4, 5, rows);
        let (sources, target) = moments(&problem);
        for method in methods(rank, intercept) {
            let start = method.start(&sources, &target).unwrap();
            let tuned = start.fine_tune(problem.labelled()).unwrap();
            let before = -start.untuned().evaluate(problem.labelled()).unwrap().score();
            let after = -tuned.evaluate(problem.labelled()).unwrap().score();
            prop_assert!(after <= before * (1.0 + 1e-9));
            // The residual is orthogonal to all that the move can change, the constant too with an intercept.
            let residual: Vec<f64> = problem.labelled().values().unwrap().iter()
                .zip(tuned.predict_values(problem.labelled().x()).unwrap()).map(|(y, p)| y - p).collect();
            let moved: Vec<f64> = tuned.predict_values(problem.labelled().x()).unwrap().into_iter()
                .zip(start.untuned().predict_values(problem.labelled().x()).unwrap()).map(|(a, b)| a - b).collect();
            let inner: f64 = residual.iter().zip(&moved).map(|(a, b)| a * b).sum();
            let size = (before * rows as f64).max(1e-12);
            prop_assert!(inner.abs() < 1e-6 * size, "{inner} of {size}");
            if intercept {
                prop_assert!(residual.iter().sum::<f64>().abs() < 1e-6 * size.sqrt() * rows as f64);
            }
        }
    }

    /// A change of the covariance of rank q alone: both starts are in the same affine space.
    #[test]
    fn ft_dip_is_ft_ols_when_the_change_has_that_rank(seed in any::<u64>(), rank in 1_usize..4) {
        let d = 5;
        let source = Moments::of(&regression_domain(seed, 0, 60, d)).unwrap();
        let v = gaussian(seed, 7, d, rank);
        let changed = source.features().covariance() + &v * v.transpose();
        let mean: Vec<f64> = source.features().mean().iter().copied().collect();
        let target = FeatureMoments::new(&mean, &changed).unwrap();
        let labelled = regression_domain(seed, 1, 30, d);
        let [dip, ols, _] = methods(rank, true);
        let [dip, ols] = [dip, ols].map(|method| {
            method.start(std::slice::from_ref(&source), &target).unwrap().fine_tune(&labelled).unwrap()
        });
        prop_assert!(difference(&dip, &ols, labelled.x(), labelled.x()) < 1e-6);
        // While the starts themselves differ: that of DIP predicts nothing along the change.
        let start = FtDip::new(rank).start(std::slice::from_ref(&source), &target).unwrap();
        let along = v.transpose() * start.untuned().coefficients();
        prop_assert!(along.norm_max() < 1e-8 * v.norm_max() * start.untuned().coefficients().norm_max().max(1.0));
    }

    /// Exact covariances and labels without noise: `k` of them are enough.
    #[test]
    fn the_best_model_is_recovered_from_a_few_exact_labels(seed in any::<u64>(), which in 0_usize..3) {
        let intervention = [
            Intervention::ConfoundedAdditive,
            Intervention::SparseConnectivity,
            Intervention::AnticausalWeight,
        ][which];
        let simulation = Ssda::new(intervention, 12, 6, seed);
        let population = simulation.population().unwrap();
        let best = population.target.best().unwrap();
        let x = simulation.labelled_rows(0).unwrap().x().clone();
        let exact = Labelled::new("exact", x.clone(), Labels::values(best.predict_values(&x).unwrap())).unwrap();
        let method = &methods(4, false)[which.min(2)];
        let start = method.start(&population.sources, population.target.features()).unwrap();
        prop_assert_eq!(start.dimension(), if which == 2 { 5 } else { 4 });
        let tuned = start.fine_tune(&exact).unwrap();
        let excess = population.target.excess_risk(&tuned).unwrap();
        prop_assert!(excess < 1e-12, "{intervention:?}: {excess}");
        prop_assert!(population.target.excess_risk(start.untuned()).unwrap() > 1e-6);
    }

    #[test]
    fn another_candidate_never_raises_the_validation_error(seed in any::<u64>(), rows in 4_usize..40) {
        let problem = problem(seed, 3, 5, rows);
        let mut masft = LinearMasft { starts: vec![(StartKind::Dip, 1)], ..LinearMasft::new(5, seed) };
        let mut before = f64::INFINITY;
        for next in [(StartKind::OlsSource, 2), (StartKind::Cip, 1), (StartKind::Dip, 4)] {
            let fit = masft.fit(&problem).unwrap();
            let best = fit.validation.iter().map(|(_, error)| *error).fold(f64::INFINITY, f64::min);
            let chosen = fit.validation.iter().find(|(choice, _)| *choice == fit.choice).unwrap().1;
            prop_assert_eq!(chosen, best);
            prop_assert!(best <= before);
            before = best;
            masft.starts.push(next);
        }
    }
}

#[test]
fn excess_risk_is_of_the_order_of_the_dimension() {
    // σ²k/n within a factor of two, with exact covariances: the spec's M1 at one point, without its many
    // draws.
    let mut total = 0.0;
    let draws = 60;
    for seed in 0..draws {
        let simulation = Ssda::new(Intervention::ConfoundedAdditive, 20, 80, 900 + seed);
        let population = simulation.population().unwrap();
        let method = FtDip { intercept: false, ..FtDip::new(4) };
        let start = method.start(&population.sources, population.target.features()).unwrap();
        let tuned = start.fine_tune(&simulation.labelled_rows(0).unwrap()).unwrap();
        let unit = population.target.unexplained().unwrap() * 4.0 / 80.0;
        total += population.target.excess_risk(&tuned).unwrap() / unit;
    }
    let ratio = total / draws as f64;
    assert!((0.5..2.0).contains(&ratio), "{ratio}");
}

#[test]
fn masft_finds_a_tuned_start_and_follows_the_target_when_nothing_transfers() {
    let mut sparse = Ssda::new(Intervention::ConfoundedAdditive, 20, 60, 3);
    (sparse.rows, sparse.unlabelled) = (2000, 2000);
    let fit = LinearMasft::new(20, 1).fit(&sparse.draw(0).unwrap()).unwrap();
    assert!(matches!(fit.choice, Choice::Tuned(..)), "{:?}", fit.choice);
    let mut dense = Ssda::new(Intervention::Dense, 10, 400, 3);
    (dense.rows, dense.unlabelled) = (2000, 2000);
    let dense = dense.draw(0).unwrap();
    let once = LinearMasft { intercept: false, ..LinearMasft::new(10, 1) };
    assert_eq!(once.fit(&dense).unwrap().choice, Choice::TargetOnly);
    // Fitted again, the winner is least squares on all labelled rows.
    let again = LinearMasft { refit: true, ..once }.fit(&dense).unwrap();
    assert_eq!(again.model, TargetOnly { intercept: false }.fit(&dense).unwrap());
}

#[test]
fn the_split_follows_the_seed() {
    let problem = problem(4, 3, 5, 30);
    let fit = |seed| LinearMasft::new(5, seed).fit(&problem).unwrap();
    assert_eq!(fit(1).validation, fit(1).validation);
    assert_ne!(fit(1).validation, fit(2).validation);
}

#[test]
fn fewer_labels_than_features_give_the_shortest_solution() {
    let labelled = regression_domain(3, 0, 4, 9);
    let model = TargetOnly { intercept: false }.fit_labelled(&labelled).unwrap();
    assert!(-model.evaluate(&labelled).unwrap().score() < 1e-18);
    // Orthogonal to all that the rows do not see.
    let w: Col<f64> = model.coefficients().col(0).to_owned();
    let kernel = labelled.x().transpose();
    let projected = kernel * {
        let gram = labelled.x() * labelled.x().transpose();
        faer::linalg::solvers::Solve::solve(&gram.partial_piv_lu(), labelled.x() * &w)
    };
    assert!((projected - &w).norm_max() < 1e-9 * w.norm_max());
    // One row, with an intercept: its level.
    let one = regression_domain(3, 0, 1, 9);
    let model = TargetOnly { intercept: true }.fit_labelled(&one).unwrap();
    assert_eq!(model.coefficients().norm_max(), 0.0);
    assert!((model.intercepts()[0] - one.values().unwrap()[0]).abs() < 1e-12);
}

#[test]
fn bad_input_is_refused() {
    let problem = problem(1, 3, 4, 10);
    for method in methods(5, true) {
        assert!(matches!(method.fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    let missing = FtDip { sources: SourceChoice::One(3), ..FtDip::new(1) };
    assert!(matches!(missing.fit(&problem), Err(AdaptError::Input(InputError::Index { .. }))));
    let (sources, target) = moments(&problem);
    let one = FtCip::new(1).start(&sources[..1], &target);
    assert!(matches!(one, Err(AdaptError::TooFewSources { needed: 2, found: 1, .. })));
    let flat = FeatureMoments::new(&[0.0; 4], &Mat::zeros(4, 4)).unwrap();
    assert!(matches!(FtDip::new(1).start(&sources, &flat), Err(AdaptError::Singular { .. })));
    let start = FtDip::new(1).start(&sources, &target).unwrap();
    let classes = super::class_domain(1, 0, 10, 4, 2, 0.0);
    assert!(matches!(start.fine_tune(&classes), Err(AdaptError::Labels { .. })));
    assert!(matches!(
        start.fine_tune(&regression_domain(1, 0, 10, 3)),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    let single = Labelled::new("one", gaussian(1, 1, 1, 4), Labels::values([0.0])).unwrap();
    let masft = LinearMasft::new(4, 1);
    assert!(matches!(
        masft.fit_moments(&sources, &target, &single),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let none = LinearMasft { starts: vec![], ..masft };
    let few = regression_domain(1, 0, 4, 4);
    assert!(matches!(none.fit_moments(&sources, &target, &few), Err(AdaptError::Method(_))));
    // Labels of one value in a source.
    let level = Labelled::new("level", gaussian(1, 1, 30, 4), Labels::values(vec![1.0; 30])).unwrap();
    let level = Moments::of(&level).unwrap();
    let start = FtCip::new(1).start(&[level, sources[1].clone()], &target);
    assert!(matches!(start, Err(AdaptError::Method(_))));
}

#[test]
fn tables_without_features_have_no_directions() {
    let none = |rows: usize| Mat::<f64>::zeros(rows, 0);
    let domain = |m: u64| {
        let domain = regression_domain(1, m, 20, 2);
        Labelled::new(domain.name(), none(20), domain.y().clone()).unwrap()
    };
    let adaptation =
        kiln_adapt::Adaptation::new(vec![domain(0), domain(1)], domain(2).without_labels()).unwrap();
    let problem = adaptation.with_target_labels(domain(3)).unwrap();
    for method in methods(0, true) {
        assert_eq!(method.fit(&problem).unwrap().features(), 0);
    }
    assert!(TargetOnly { intercept: true }.fit(&problem).is_ok());
    assert_eq!(LinearMasft::new(0, 1).fit(&problem).unwrap().choice, Choice::TargetOnly);
}

#[test]
fn a_model_without_intercept_has_none() {
    let problem = problem(2, 3, 4, 12);
    for method in methods(2, false) {
        let model: LinearModel = method.fit(&problem).unwrap();
        assert_eq!(model.intercepts(), [0.0]);
    }
}
