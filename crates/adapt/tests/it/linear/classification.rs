use faer::linalg::solvers::Solve;
use faer::{Col, Mat, Side};
use kiln_adapt::label_shift::LabelShiftEstimator;
use kiln_adapt::linear::LinearModel;
use kiln_adapt::linear::classification::{
    CipHard, DipHard, ErmLogistic, IwCipHard, IwDipHard, IwErmLogistic, IwJointDipHard, JointDipHard,
    Logistic, target_logistic,
};
use kiln_adapt::{AdaptError, Adaptation, Fit, Labelled, Labels, Predict, SourceChoice, Unlabelled};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{
    all_rows, class_domain, class_problem, difference, gaussian, regression_problem, with_features,
    with_sources,
};

fn mean(x: &Mat<f64>, weights: &[f64]) -> Col<f64> {
    let total: f64 = weights.iter().sum();
    Col::from_fn(x.ncols(), |j| x.col(j).iter().zip(weights).map(|(x, w)| x * w).sum::<f64>() / total)
}

fn plain_mean(x: &Mat<f64>) -> Col<f64> {
    mean(x, &vec![1.0; x.nrows()])
}

fn covariance(x: &Mat<f64>, score: &[f64], weights: &[f64]) -> Col<f64> {
    let total: f64 = weights.iter().sum();
    let center = mean(x, weights);
    let level = score.iter().zip(weights).map(|(s, w)| s * w).sum::<f64>() / total;
    Col::from_fn(x.ncols(), |j| {
        (0..x.nrows()).map(|i| weights[i] * (x[(i, j)] - center[j]) * (score[i] - level)).sum::<f64>() / total
    })
}

/// Scores less that of class 0.
fn scores(model: &LinearModel, x: &Mat<f64>) -> Vec<Vec<f64>> {
    let scores = model.scores(x).unwrap();
    (1..model.outputs()).map(|c| (0..x.nrows()).map(|i| scores[(i, c)] - scores[(i, 0)]).collect()).collect()
}

/// `|Wᵀc| / (|W| |c|)`, the largest over the columns.
fn violation(model: &LinearModel, constraint: &Col<f64>) -> f64 {
    let size = model.coefficients().norm_l2() * constraint.norm_l2();
    let along = model.coefficients().transpose() * constraint;
    if size == 0.0 { 0.0 } else { along.norm_max() / size }
}

fn class_weights(domain: &Labelled<Mat<f64>>, weights: &[f64]) -> Vec<f64> {
    domain.classes().unwrap().0.iter().map(|class| weights[*class]).collect()
}

/// Independent Newton iteration for two classes: mean over the rows' weights of the loss plus `½ [w, b]ᵀ P
/// [w, b]`, on features that count from `origin`.
fn penalised(x: &Mat<f64>, y: &[usize], weights: &[f64], penalty: &Mat<f64>) -> (Col<f64>, f64) {
    let d = x.ncols();
    let origin = mean(x, weights);
    let rows = Mat::from_fn(x.nrows(), d + 1, |i, j| if j < d { x[(i, j)] - origin[j] } else { 1.0 });
    let total: f64 = weights.iter().sum();
    let value = |beta: &Col<f64>| {
        let s = &rows * beta;
        let loss = |i: usize| (1.0 + (-s[i].abs()).exp()).ln() + s[i].max(0.0) - y[i] as f64 * s[i];
        let penalty: f64 = beta.transpose() * penalty * beta;
        (0..y.len()).map(|i| weights[i] / total * loss(i)).sum::<f64>() + 0.5 * penalty
    };
    let mut beta = Col::<f64>::zeros(d + 1);
    for _ in 0..100 {
        let s = &rows * &beta;
        let p = Col::from_fn(s.nrows(), |i| 1.0 / (1.0 + (-s[i]).exp()));
        let residual = Col::from_fn(s.nrows(), |i| weights[i] / total * (p[i] - y[i] as f64));
        let gradient = rows.transpose() * residual + penalty * &beta;
        let curved =
            Mat::from_fn(rows.nrows(), d + 1, |i, j| weights[i] / total * p[i] * (1.0 - p[i]) * rows[(i, j)]);
        let hessian = rows.transpose() * curved + penalty;
        let step = hessian.llt(Side::Lower).unwrap().solve(&gradient);
        let mut length = 1.0;
        while length > 1e-8 && value(&(&beta - &step * faer::Scale(length))) > value(&beta) {
            length *= 0.5;
        }
        beta -= step * faer::Scale(length);
    }
    let w = beta.subrows(0, d).to_owned();
    let b = beta[d] - w.transpose() * origin;
    (w, b)
}

/// On the coefficients; the intercept is free.
fn ridge(d: usize, ridge: f64) -> Mat<f64> {
    Mat::from_fn(d + 1, d + 1, |i, j| if i == j && i < d { ridge } else { 0.0 })
}

/// Largest difference from the coefficients of a model of two classes, relative to their size.
fn apart(model: &LinearModel, (w, b): &(Col<f64>, f64)) -> f64 {
    let (found, intercept) = model.direction().unwrap();
    let largest =
        found.iter().zip(w.iter()).map(|(a, b)| (a - b).abs()).fold((intercept - b).abs(), f64::max);
    largest / w.norm_max().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn constraints_hold(seed in any::<u64>(), d in 3_usize..8, classes in 2_usize..4) {
        let problem = class_problem(seed, 3, d, classes, 0.7);
        let (source, target) = (&problem.sources()[1], problem.target().x());
        let ones = vec![1.0; source.rows()];
        let in_target = vec![1.0; target.nrows()];

        let dip = DipHard::new(1).fit(&problem).unwrap();
        prop_assert!(violation(&dip, &(plain_mean(source.x()) - plain_mean(target))) < 1e-8);

        let first = CipHard::default().fit(&problem).unwrap();
        let joint = JointDipHard::new(1).fit(&problem).unwrap();
        prop_assert!(violation(&joint, &(plain_mean(source.x()) - plain_mean(target))) < 1e-8);
        for (h, h_target) in scores(&first, source.x()).iter().zip(&scores(&first, target)) {
            let change = covariance(source.x(), h, &ones) - covariance(target, h_target, &in_target);
            prop_assert!(violation(&joint, &change) < 1e-8);
        }

        // Without a threshold every difference of class means is a constraint, if so many fit.
        let many = class_problem(seed, 2, 2 * classes + 1, classes, 0.7);
        let cip = CipHard { threshold: 0.0, ..CipHard::default() }.fit(&many).unwrap();
        for class in 0..classes {
            let of_class = |s: &Labelled<Mat<f64>>| {
                let weights: Vec<f64> =
                    s.classes().unwrap().0.iter().map(|y| f64::from(u8::from(*y == class))).collect();
                mean(s.x(), &weights)
            };
            let change = of_class(&many.sources()[0]) - of_class(&many.sources()[1]);
            prop_assert!(violation(&cip, &change) < 1e-8);
        }
    }

    #[test]
    fn weighted_constraints_hold(seed in any::<u64>(), d in 3_usize..8) {
        let problem = class_problem(seed, 3, d, 2, 0.5);
        let (source, target) = (&problem.sources()[0], problem.target().x());
        let (cip, estimator) = (CipHard::default(), LabelShiftEstimator::rlls());
        let first = cip.fit(&problem).unwrap();
        let dip = IwDipHard { dip: DipHard::new(0), cip, estimator }.fit(&problem).unwrap();
        let weights = class_weights(source, &dip.shift.weights);
        prop_assert!(violation(&dip.model, &(mean(source.x(), &weights) - plain_mean(target))) < 1e-8);

        let joint = IwJointDipHard { joint_dip: JointDipHard { source: 0, cip }, estimator }.fit(&problem).unwrap();
        let weights = class_weights(source, &joint.shift.weights);
        prop_assert!(violation(&joint.model, &(mean(source.x(), &weights) - plain_mean(target))) < 1e-8);
        let (h, h_target) = (&scores(&first, source.x())[0], &scores(&first, target)[0]);
        let change = covariance(source.x(), h, &weights) - covariance(target, h_target, &vec![1.0; target.nrows()]);
        prop_assert!(violation(&joint.model, &change) < 1e-8);
    }

    /// A large penalty instead of the constraint, by other code.
    #[test]
    fn constrained_fits_are_limits_of_penalised_ones(seed in any::<u64>(), d in 2_usize..5) {
        let problem = class_problem(seed, 2, d, 2, 0.7);
        let source = &problem.sources()[0];
        let y = source.classes().unwrap().0;
        let ones = vec![1.0; source.rows()];
        let small = 1e-3;
        let erm = ErmLogistic { ridge: small, ..ErmLogistic::new(SourceChoice::One(0)) }.fit(&problem).unwrap();
        prop_assert!(apart(&erm, &penalised(source.x(), y, &ones, &ridge(d, small))) < 1e-6);

        let delta = plain_mean(source.x()) - plain_mean(problem.target().x());
        let delta = &delta * faer::Scale(1.0 / delta.norm_l2());
        let mut penalty = ridge(d, small);
        for i in 0..d {
            for j in 0..d {
                penalty[(i, j)] += 1e6 * delta[i] * delta[j];
            }
        }
        let dip = DipHard { source: 0, ridge: small }.fit(&problem).unwrap();
        prop_assert!(apart(&dip, &penalised(source.x(), y, &ones, &penalty)) < 1e-4);
    }

    #[test]
    fn weights_enter_the_loss(seed in any::<u64>()) {
        let problem = class_problem(seed, 2, 3, 2, 0.3);
        let small = 1e-3;
        let erm = ErmLogistic { ridge: small, ..ErmLogistic::new(SourceChoice::All) };
        let fit = IwErmLogistic { erm, estimator: LabelShiftEstimator::rlls() }.fit(&problem).unwrap();
        if let Some(absent) = (0..2).find(|class| fit.shift.weights[*class] <= 0.0) {
            // The best intercept is infinite: the class is nowhere predicted.
            let everywhere = Mat::from_fn(50, 3, |i, j| 1e3 * ((i * 7 + j * 13) % 50) as f64 - 2e4);
            let found = fit.model.predict_probabilities(&everywhere).unwrap();
            prop_assert!((0..50).all(|i| found[(i, absent)] < 1e-17));
            return Ok(());
        }
        // Of a class with nearly no weight the reference knows no intercept either.
        prop_assume!(fit.shift.weights.iter().all(|weight| *weight > 1e-6));
        let mut weights = Vec::new();
        let mut y = Vec::new();
        for source in problem.sources() {
            let own = class_weights(source, &fit.shift.weights);
            let total: f64 = own.iter().sum();
            weights.extend(own.iter().map(|w| w / total));
            y.extend_from_slice(source.classes().unwrap().0);
        }
        let reference = penalised(&all_rows(problem.sources()), &y, &weights, &ridge(3, small));
        prop_assert!(apart(&fit.model, &reference) < 1e-6);
    }

    #[test]
    fn one_source_or_one_weight_changes_nothing(seed in any::<u64>(), classes in 2_usize..4) {
        let problem = class_problem(seed, 3, 4, classes, 0.5);
        let x = problem.target().x();
        let one = with_sources(&problem, &[0]);
        let erm = ErmLogistic::new(SourceChoice::All).fit(&one).unwrap();
        prop_assert!(difference(&CipHard::default().fit(&one).unwrap(), &erm, x, x) < 1e-9);
        prop_assert!(difference(&ErmLogistic::new(SourceChoice::One(0)).fit(&problem).unwrap(), &erm, x, x) < 1e-9);

        // A target that is a source: no shift of any kind.
        let same = Adaptation::new(one.sources().to_vec(), one.sources()[0].without_labels()).unwrap();
        let estimator = LabelShiftEstimator::Bbse;
        prop_assert!(difference(&DipHard::new(0).fit(&same).unwrap(), &erm, x, x) < 1e-9);
        let iw = IwErmLogistic { erm: ErmLogistic::new(SourceChoice::All), estimator }.fit(&same).unwrap();
        prop_assert!(iw.shift.weights.iter().all(|w| (w - 1.0).abs() < 1e-9));
        prop_assert!(difference(&iw.model, &erm, x, x) < 1e-6);
    }

    #[test]
    fn the_order_of_sources_does_not_matter(seed in any::<u64>()) {
        let problem = class_problem(seed, 4, 5, 2, 0.7);
        let shuffled = with_sources(&problem, &[3, 1, 0, 2]);
        let x = problem.target().x();
        let cip = CipHard::default();
        prop_assert!(difference(&cip.fit(&problem).unwrap(), &cip.fit(&shuffled).unwrap(), x, x) < 1e-6);
        let joint = (JointDipHard::new(0).fit(&problem).unwrap(), JointDipHard::new(2).fit(&shuffled).unwrap());
        prop_assert!(difference(&joint.0, &joint.1, x, x) < 1e-6);
    }

    /// `∇ (½ ‖W‖² + C Σ loss) = 0`, for both ways in which the system is solved.
    #[test]
    fn penalised_logistic_regression_is_stationary(
        seed in any::<u64>(),
        classes in 2_usize..5,
        d in prop_oneof![1_usize..6, 150_usize..250],
        exponent in -2.0_f64..1.0,
    ) {
        let domain = class_domain(seed, 0, 90, d, classes, 1.0);
        let c = 10.0_f64.powf(exponent);
        let model = Logistic::new(c).fit_domain(&domain).unwrap();
        let probabilities = model.predict_probabilities(domain.x()).unwrap();
        let y = domain.classes().unwrap().0;
        let residual = Mat::from_fn(90, classes, |i, k| probabilities[(i, k)] - f64::from(u8::from(y[i] == k)));
        let slope = domain.x().transpose() * &residual * faer::Scale(c);
        let gradient = if classes == 2 {
            // One vector w, and ½ |w|².
            let (w, _) = model.direction().unwrap();
            Mat::from_fn(d, 1, |j, _| w[j] + slope[(j, 1)])
        } else {
            model.coefficients() + &slope
        };
        let scale = c * (domain.x().transpose() * Mat::<f64>::full(90, 1, 1.0)).norm_max().max(90.0);
        prop_assert!(gradient.norm_max() < 1e-6 * scale, "{} of {scale}", gradient.norm_max());
        for k in 0..classes {
            prop_assert!(residual.col(k).iter().sum::<f64>().abs() < 1e-5 * 90.0);
        }
    }
}

#[test]
fn the_origin_of_features_does_not_matter() {
    let problem = class_problem(3, 3, 4, 3, 0.5);
    let moved = |x: &Mat<f64>| Mat::from_fn(x.nrows(), 4, |i, j| x[(i, j)] + 1e4 * j as f64);
    let far = with_features(&problem, moved);
    let x = problem.target().x();
    for (near, far) in [
        (CipHard::default().fit(&problem).unwrap(), CipHard::default().fit(&far).unwrap()),
        (JointDipHard::new(0).fit(&problem).unwrap(), JointDipHard::new(0).fit(&far).unwrap()),
        (
            Logistic::default().fit_domain(&problem.sources()[0]).unwrap(),
            Logistic::default().fit_domain(&far.sources()[0]).unwrap(),
        ),
    ] {
        assert!(difference(&near, &far, x, &moved(x)) < 1e-6);
    }
}

#[test]
fn logistic_regression_counts_sources_equally() {
    let problem = class_problem(8, 1, 3, 2, 0.0);
    let source = &problem.sources()[0];
    // The same rows as one source and, twice, as another: the same model.
    let rows: Vec<usize> = (0..source.rows()).chain(0..source.rows()).collect();
    let twice = source.select(&rows).unwrap();
    let both = Adaptation::new(vec![source.clone(), twice], problem.target().clone()).unwrap();
    let n = source.rows() as f64;
    let one = Logistic::new(3.0).fit(&both).unwrap();
    // 3n rows, each copy of the rows with half of the weight.
    let alone = Logistic::new(3.0 * 3.0 * n / n).fit_domain(source).unwrap();
    assert!(difference(&one, &alone, source.x(), source.x()) < 1e-6);
}

#[test]
fn separable_classes_give_a_finite_fit_with_a_ridge() {
    let x = Mat::from_fn(
        40,
        2,
        |i, j| if j == 0 { if i % 2 == 0 { -1.0 } else { 1.0 } } else { (i as f64).sin() },
    );
    let y = Labels::classes((0..40).map(|i| i % 2).collect::<Vec<_>>(), 2);
    let source = Labelled::new("separable", x.clone(), y).unwrap();
    let problem = Adaptation::new(vec![source.clone()], Unlabelled::new("t", x).unwrap()).unwrap();
    let model = ErmLogistic::new(SourceChoice::All).fit(&problem).unwrap();
    assert_eq!(model.evaluate(&source).unwrap().score(), 1.0);
    assert!(model.coefficients().is_all_finite());
    // Without one: an error or large numbers, but no NaN.
    match (ErmLogistic { ridge: 0.0, ..ErmLogistic::new(SourceChoice::All) }).fit(&problem) {
        Ok(model) => assert_eq!(model.evaluate(&source).unwrap().score(), 1.0),
        Err(AdaptError::Singular { .. } | AdaptError::NotConverged { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_class_that_is_missing_in_a_source_is_worked_around() {
    let problem = class_problem(2, 3, 4, 3, 0.5);
    let rows: Vec<usize> = (0..60).filter(|i| problem.sources()[0].classes().unwrap().0[*i] != 1).collect();
    let mut sources = problem.sources().to_vec();
    sources[0] = sources[0].select(&rows).unwrap();
    let problem = Adaptation::new(sources, problem.target().clone()).unwrap();
    let (cip, estimator) = (CipHard::default(), LabelShiftEstimator::Bbse);
    // Class 1 is in two sources, whose means are compared.
    assert!(cip.fit(&problem).is_ok());
    assert!(IwCipHard { cip, estimator }.fit(&problem).is_ok());
    assert!(JointDipHard::new(1).fit(&problem).is_ok());
    // A fit to that source alone never predicts the class, but stays finite.
    let model = DipHard::new(0).fit(&problem).unwrap();
    assert!(!model.predict_classes(problem.target().x()).unwrap().contains(&1));
    let dip = IwDipHard { dip: DipHard::new(0), cip, estimator }.fit(&problem).unwrap();
    assert_eq!(dip.shift.missing, [1]);
    // With a free intercept there is no such fit.
    let logistic = Logistic::default().fit_domain(&problem.sources()[0]);
    assert!(matches!(logistic, Err(AdaptError::MissingClass { class: 1, .. })), "{logistic:?}");
}

#[test]
fn a_target_of_one_class_gives_a_classifier_of_that_class() {
    let problem = class_problem(5, 2, 3, 2, 0.0);
    let far = Unlabelled::new(
        "far",
        Mat::from_fn(50, 3, |i, j| {
            let sources = problem.sources()[0].x();
            let class_0 = (0..60).find(|k| problem.sources()[0].classes().unwrap().0[*k] == 0).unwrap();
            sources[(class_0, j)] + 1e-3 * i as f64
        }),
    )
    .unwrap();
    let problem = Adaptation::new(problem.sources().to_vec(), far).unwrap();
    let estimator = LabelShiftEstimator::Bbse;
    let fit = IwErmLogistic { erm: ErmLogistic::new(SourceChoice::All), estimator }.fit(&problem).unwrap();
    assert!(fit.shift.clipped && fit.shift.weights.contains(&0.0));
    let predicted = fit.model.predict_classes(problem.sources()[1].x()).unwrap();
    assert!(predicted.iter().all(|class| *class == predicted[0]));
}

#[test]
fn constant_features_get_no_weight() {
    let problem = class_problem(6, 2, 3, 2, 0.5);
    let changed =
        with_features(&problem, |x| Mat::from_fn(x.nrows(), 4, |i, j| if j < 3 { x[(i, j)] } else { 7.0 }));
    let x = changed.target().x();
    let models = [
        ErmLogistic::new(SourceChoice::All).fit(&changed).unwrap(),
        CipHard::default().fit(&changed).unwrap(),
        DipHard::new(0).fit(&changed).unwrap(),
        JointDipHard::new(0).fit(&changed).unwrap(),
        Logistic::default().fit(&changed).unwrap(),
    ];
    for model in models {
        assert!(model.weight_shares(&[&[3]]).unwrap()[0] < 1e-12);
        assert!(model.scores(x).unwrap().is_all_finite());
    }
}

#[test]
fn more_constraints_than_features_leave_the_intercept() {
    // Two features that move apart in every source.
    let problem = class_problem(7, 6, 2, 2, 5.0);
    let model = CipHard { threshold: 0.0, ..CipHard::default() }.fit(&problem).unwrap();
    assert_eq!(model.coefficients().norm_max(), 0.0);
    assert!(model.intercepts().iter().all(|b| b.is_finite()));
}

#[test]
fn tables_without_features_give_the_most_frequent_class() {
    let none = with_features(&class_problem(6, 2, 3, 2, 0.5), |x| Mat::zeros(x.nrows(), 0));
    let models = [
        ErmLogistic::new(SourceChoice::All).fit(&none).unwrap(),
        CipHard::default().fit(&none).unwrap(),
        DipHard::new(0).fit(&none).unwrap(),
        JointDipHard::new(0).fit(&none).unwrap(),
        Logistic::default().fit(&none).unwrap(),
    ];
    for model in models {
        assert!(model.predict_probabilities(none.target().x()).unwrap().is_all_finite());
    }
}

#[test]
fn the_oracle_fits_what_it_is_given() {
    let target = class_domain(9, 0, 80, 3, 2, 0.0);
    let reference = penalised(target.x(), target.classes().unwrap().0, &[1.0; 80], &ridge(3, 1e-2));
    assert!(apart(&target_logistic(&target, 1e-2).unwrap(), &reference) < 1e-6);
}

#[test]
fn bad_settings_are_refused() {
    let problem = class_problem(1, 2, 3, 2, 0.5);
    let negative = |ridge: f64| CipHard { ridge, ..CipHard::default() };
    for ridge in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            ErmLogistic { ridge, ..ErmLogistic::new(SourceChoice::All) }.fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        assert!(matches!(negative(ridge).fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
        assert!(matches!(
            DipHard { source: 0, ridge }.fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        let joint = JointDipHard { source: 0, cip: negative(ridge) };
        assert!(matches!(joint.fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    let threshold = CipHard { threshold: -1.0, ..CipHard::default() };
    assert!(matches!(threshold.fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    assert!(matches!(DipHard::new(2).fit(&problem), Err(AdaptError::Input(InputError::Index { .. }))));
    assert!(matches!(JointDipHard::new(2).fit(&problem), Err(AdaptError::Input(InputError::Index { .. }))));
    for c in [0.0, -1.0, f64::INFINITY] {
        assert!(matches!(Logistic::new(c).fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    let values = regression_problem(1, 2, 3);
    assert!(matches!(CipHard::default().fit(&values), Err(AdaptError::Labels { .. })));
    assert!(matches!(DipHard::new(0).fit(&values), Err(AdaptError::Labels { .. })));
    assert!(matches!(JointDipHard::new(0).fit(&values), Err(AdaptError::Labels { .. })));
    let one_class = Labelled::new("one", gaussian(1, 1, 5, 2), Labels::classes([0; 5], 1)).unwrap();
    assert!(matches!(target_logistic(&one_class, 1e-6), Err(AdaptError::Method(_))));
}
