use faer::linalg::solvers::Solve;
use faer::{Col, Mat, mat};
use kiln_adapt::linear::regression::{
    Cip, Cirm, CirmWeigh, Dip, DipWeigh, MaximinAggregate, Mixed, Ols, Regression, dip_oracle,
    maximin_weights, target_ols,
};
use kiln_adapt::linear::{FeatureMoments, LinearModel, Moments, Weight};
use kiln_adapt::{AdaptError, Adaptation, Fit, Labelled, Labels, Pooling, Predict, SourceChoice, Unlabelled};
use kiln_core::InputError;
use proptest::prelude::*;

use super::{
    all_rows, difference, gaussian, regression_domain, regression_problem, with_features, with_sources,
};

/// `[X, 1]`.
fn extended(x: &Mat<f64>) -> Mat<f64> {
    let d = x.ncols();
    Mat::from_fn(x.nrows(), d + 1, |i, j| if j < d { x[(i, j)] } else { 1.0 })
}

fn labels(domain: &Labelled<Mat<f64>>) -> Col<f64> {
    let values = domain.values().unwrap();
    Col::from_fn(values.len(), |i| values[i])
}

fn column_means(x: &Mat<f64>) -> Col<f64> {
    Col::from_fn(x.ncols(), |j| x.col(j).iter().sum::<f64>() / x.nrows() as f64)
}

fn solved(a: &Mat<f64>, b: &Col<f64>) -> LinearModel {
    let beta = a.partial_piv_lu().solve(b);
    let d = beta.nrows() - 1;
    LinearModel::new(beta.subrows(0, d).as_mat().to_owned(), vec![beta[d]]).unwrap()
}

/// What each domain counts.
fn shares(domains: &[Labelled<Mat<f64>>], pooling: Pooling) -> Vec<f64> {
    let rows: usize = domains.iter().map(Labelled::rows).sum();
    let share = |domain: &Labelled<Mat<f64>>| match pooling {
        Pooling::BySource => 1.0 / domains.len() as f64,
        Pooling::ByRows => domain.rows() as f64 / rows as f64,
    };
    domains.iter().map(share).collect()
}

/// The equations of the authors' code, with a column of ones for the intercept and no centring.
struct Equations {
    gram: Mat<f64>,
    right: Col<f64>,
}

impl Equations {
    fn of(domain: &Labelled<Mat<f64>>) -> Self {
        let x = extended(domain.x());
        let share = faer::Scale(1.0 / domain.rows() as f64);
        Self { gram: x.transpose() * &x * share, right: x.transpose() * labels(domain) * share }
    }

    fn mean(domains: &[Labelled<Mat<f64>>], pooling: Pooling) -> Self {
        let all: Vec<Self> = domains.iter().map(Self::of).collect();
        let shares = shares(domains, pooling);
        let d = all[0].right.nrows();
        let parts = || all.iter().zip(&shares).map(|(part, share)| (part, faer::Scale(*share)));
        Self {
            gram: parts().fold(Mat::zeros(d, d), |sum, (part, share)| sum + &part.gram * share),
            right: parts().fold(Col::zeros(d), |sum, (part, share)| sum + &part.right * share),
        }
    }

    fn ridge(mut self, ridge: f64) -> Self {
        for j in 0..self.right.nrows() - 1 {
            self.gram[(j, j)] += ridge;
        }
        self
    }

    fn penalty(mut self, delta: &Col<f64>, weight: f64) -> Self {
        self.gram += delta * delta.transpose() * faer::Scale(weight);
        self
    }

    fn solve(&self) -> LinearModel {
        solved(&self.gram, &self.right)
    }
}

fn cip_reference(sources: &[Labelled<Mat<f64>>], lambda: f64, ridge: f64, pooling: Pooling) -> LinearModel {
    let shares = shares(sources, pooling);
    let given_label: Vec<Col<f64>> = sources
        .iter()
        .map(|source| {
            let (x, y) = (extended(source.x()), labels(source));
            let ratio = y.iter().sum::<f64>() / y.nrows() as f64 / y.squared_norm_l2();
            column_means(&x) - x.transpose() * &y * faer::Scale(ratio)
        })
        .collect();
    let zero = Col::zeros(given_label[0].nrows());
    let parts = || given_label.iter().zip(&shares);
    let mean = parts().fold(zero, |sum, (d, share)| sum + d * faer::Scale(*share));
    let mut equations = Equations::mean(sources, pooling).ridge(ridge);
    for (d, share) in parts() {
        equations = equations.penalty(&(d - &mean), lambda * share);
    }
    equations.solve()
}

fn cirm_reference(
    problem: &Adaptation<Mat<f64>>,
    source: usize,
    cip: f64,
    weight: f64,
    pooling: Pooling,
) -> LinearModel {
    let sources = problem.sources();
    let invariant = cip_reference(sources, cip, 0.0, pooling);
    let shares = shares(sources, pooling);
    let parts = || sources.iter().zip(&shares);
    let label_mean: f64 =
        parts().map(|(s, share)| share * labels(s).iter().sum::<f64>() / s.rows() as f64).sum();
    let d = problem.target().x().ncols();
    let (mut numerator, mut denominator) = (Col::<f64>::zeros(d), 0.0);
    for (source, share) in parts() {
        let centred = Col::from_fn(source.rows(), |i| labels(source)[i] - label_mean);
        let of_row = share / source.rows() as f64;
        numerator += source.x().transpose() * &centred * faer::Scale(of_row);
        let guess = invariant.predict_values(source.x()).unwrap();
        denominator += guess.iter().zip(centred.iter()).map(|(g, y)| g * y).sum::<f64>() * of_row;
    }
    let residual = |x: &Mat<f64>| {
        let guess = invariant.predict_values(x).unwrap();
        let mean = guess.iter().sum::<f64>() / guess.len() as f64;
        let mut r = column_means(x) - &numerator * faer::Scale(mean / denominator);
        r.resize_with(d + 1, |_| 0.0);
        r
    };
    let source = &sources[source];
    let delta = residual(problem.target().x()) - residual(source.x());
    Equations::of(source).penalty(&delta, weight).solve()
}

trait Fitter: Fn(&Adaptation<Mat<f64>>) -> LinearModel {}
impl<F: Fn(&Adaptation<Mat<f64>>) -> LinearModel> Fitter for F {}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fits_solve_the_equations_of_the_paper(
        seed in any::<u64>(),
        sources in 1_usize..5,
        d in 1_usize..6,
        exponent in -2.0_f64..3.0,
        ridge in prop_oneof![Just(0.0), 0.01_f64..1.0],
    ) {
        let problem = regression_problem(seed, sources, d);
        let lambda = 10.0_f64.powf(exponent);
        let last = sources - 1;
        let source = &problem.sources()[last];
        let x = problem.target().x();
        let close = |fitted: LinearModel, reference: LinearModel| difference(&fitted, &reference, x, x) < 1e-7;

        let ols = Ols { ridge, ..Ols::new(SourceChoice::One(last)) }.fit(&problem).unwrap();
        prop_assert!(close(ols, Equations::of(source).ridge(ridge).solve()));
        let pooled = Ols { ridge, ..Ols::new(SourceChoice::All) }.fit(&problem).unwrap();
        prop_assert!(close(pooled, Equations::mean(problem.sources(), Pooling::BySource).ridge(ridge).solve()));
        let delta = column_means(&extended(x)) - column_means(&extended(source.x()));
        let dip = Dip { source: last, weight: Weight::Finite(lambda), ridge }.fit(&problem).unwrap();
        prop_assert!(close(dip, Equations::of(source).ridge(ridge).penalty(&delta, lambda).solve()));
        for pooling in [Pooling::BySource, Pooling::ByRows] {
            let cip = Cip { ridge, pooling, ..Cip::new(lambda) };
            prop_assert!(close(cip.fit(&problem).unwrap(), cip_reference(problem.sources(), lambda, ridge, pooling)));
            let cirm = Cirm { cip: Cip { ridge: 0.0, ..cip }, ..Cirm::new(last, lambda, 2.0) };
            let reference = cirm_reference(&problem, last, lambda, 2.0, pooling);
            prop_assert!(close(cirm.fit(&problem).unwrap(), reference));
            // Without a penalty and with causes alone it is pooled least squares.
            let pooled = Ols { pooling, ..Ols::default() }.fit(&problem).unwrap();
            let free = Cip { pooling, ..Cip::new(0.0) }.fit(&problem).unwrap();
            prop_assert!(close(free, pooled.clone()));
            let causes = Mixed { pooling, ..Mixed::new((0..d).collect(), Dip::new(0, 1.0)) }.fit(&problem).unwrap();
            let change = (causes.coefficients() - pooled.coefficients()).norm_max();
            prop_assert!(change < 1e-8 * pooled.coefficients().norm_max());
        }
    }

    #[test]
    fn without_weight_or_with_one_source_methods_are_least_squares(seed in any::<u64>(), d in 1_usize..6) {
        let problem = regression_problem(seed, 3, d);
        let x = problem.target().x();
        let first = Ols::new(SourceChoice::One(0)).fit(&problem).unwrap();
        let pooled = Ols::default().fit(&problem).unwrap();
        let same = |a: &LinearModel, b: &LinearModel| difference(a, b, x, x) < 1e-9;
        prop_assert!(same(&Dip::new(0, 0.0).fit(&problem).unwrap(), &first));
        prop_assert!(same(&Cip::new(0.0).fit(&problem).unwrap(), &pooled));
        prop_assert!(same(&Cirm::new(0, 3.0, 0.0).fit(&problem).unwrap(), &first));
        let one = with_sources(&problem, &[0]);
        prop_assert!(same(&Cip::new(7.0).fit(&one).unwrap(), &first));
        prop_assert!(same(&Cip::new(f64::INFINITY).fit(&one).unwrap(), &first));
        let dip = Dip::new(0, 7.0).fit(&one).unwrap();
        prop_assert!(same(&DipWeigh::new(7.0).fit(&one).unwrap(), &dip));
        let cirm = Cirm::new(0, 3.0, 7.0).fit(&one).unwrap();
        prop_assert!(same(&CirmWeigh::new(3.0, 7.0).fit(&one).unwrap(), &cirm));
        prop_assert!(same(&MaximinAggregate::default().fit(&one).unwrap(), &first));
    }

    #[test]
    fn a_larger_weight_costs_fit_and_buys_invariance(seed in any::<u64>(), d in 2_usize..6) {
        let problem = regression_problem(seed, 1, d);
        let source = &problem.sources()[0];
        let delta = column_means(problem.target().x()) - column_means(source.x());
        let mut before = (0.0, f64::INFINITY);
        for weight in [0.0, 0.1, 1.0, 10.0, 1e3, 1e6, f64::INFINITY] {
            let model = Dip::new(0, weight).fit(&problem).unwrap();
            let risk = -model.evaluate(source).unwrap().score();
            let gap = (model.coefficients().col(0).transpose() * &delta).powi(2);
            prop_assert!(risk >= before.0 - 1e-9 * risk);
            prop_assert!(gap <= before.1 + 1e-12 * delta.squared_norm_l2());
            before = (risk, gap);
        }
        prop_assert!(before.1 < 1e-20 * delta.squared_norm_l2().max(1.0));
        let limit = Dip::new(0, f64::INFINITY).fit(&problem).unwrap();
        let x = source.x();
        prop_assert!(difference(&limit, &Dip::new(0, 1e10).fit(&problem).unwrap(), x, x) < 1e-6);
        // And no digits are lost on the way.
        prop_assert!(difference(&limit, &Dip::new(0, 1e18).fit(&problem).unwrap(), x, x) < 1e-9);
    }

    #[test]
    fn in_the_limit_cip_predicts_alike_given_the_label(seed in any::<u64>()) {
        let problem = regression_problem(seed, 3, 5);
        let limit = Cip::new(f64::INFINITY).fit(&problem).unwrap();
        let given_label = |source: &Labelled<Mat<f64>>| {
            let guess = limit.predict_values(source.x()).unwrap();
            let (n, y) = (source.rows() as f64, source.values().unwrap());
            let with_label = guess.iter().zip(y).map(|(g, y)| g * y).sum::<f64>() / n;
            let square = y.iter().map(|y| y * y).sum::<f64>() / n;
            guess.iter().sum::<f64>() / n - y.iter().sum::<f64>() / n * with_label / square
        };
        let all: Vec<f64> = problem.sources().iter().map(given_label).collect();
        let scale = all_rows(problem.sources()).norm_max();
        prop_assert!((all[0] - all[1]).abs() < 1e-9 * scale && (all[0] - all[2]).abs() < 1e-9 * scale, "{all:?}");
        let x = problem.target().x();
        prop_assert!(difference(&limit, &Cip::new(1e9).fit(&problem).unwrap(), x, x) < 1e-5);
    }

    #[test]
    fn predictions_do_not_depend_on_coordinates(seed in any::<u64>(), d in 1_usize..5) {
        let problem = regression_problem(seed, 3, d);
        let map = gaussian(seed, 77, d, d) + Mat::<f64>::identity(d, d) * faer::Scale(3.0);
        let offset = gaussian(seed, 78, 1, d) * faer::Scale(10.0);
        let mapped = |x: &Mat<f64>| x * &map;
        let moved = |x: &Mat<f64>| Mat::from_fn(x.nrows(), d, |i, j| x[(i, j)] + offset[(0, j)]);
        let x = problem.target().x();
        // Directions in which many mixtures are nearly as good cost the maximin half of its digits.
        let methods: [(&dyn Fitter, f64); 6] = [
            (&|p: &_| Dip::new(1, 5.0).fit(p).unwrap(), 1e-7),
            (&|p: &_| Dip::new(1, f64::INFINITY).fit(p).unwrap(), 1e-7),
            (&|p: &_| Cip::new(5.0).fit(p).unwrap(), 1e-7),
            (&|p: &_| Cirm::new(0, 5.0, 2.0).fit(p).unwrap(), 1e-7),
            (&|p: &_| CirmWeigh::new(5.0, 2.0).fit(p).unwrap(), 1e-7),
            (&|p: &_| MaximinAggregate::default().fit(p).unwrap(), 1e-4),
        ];
        for (k, (fit, tolerance)) in methods.iter().enumerate() {
            let plain = fit(&problem);
            let after = fit(&with_features(&problem, mapped));
            prop_assert!(difference(&plain, &after, x, &mapped(x)) < 100.0 * tolerance, "method {k}, map");
            let after = fit(&with_features(&problem, moved));
            prop_assert!(difference(&plain, &after, x, &moved(x)) < *tolerance, "method {k}, shift");
            let change = (plain.coefficients() - after.coefficients()).norm_max();
            prop_assert!(change < tolerance * plain.coefficients().norm_max().max(1.0), "method {k}, shift");
        }
    }

    #[test]
    fn the_order_of_sources_does_not_matter(seed in any::<u64>()) {
        let problem = regression_problem(seed, 4, 3);
        let shuffled = with_sources(&problem, &[2, 0, 3, 1]);
        let x = problem.target().x();
        let same = |a: LinearModel, b: LinearModel| difference(&a, &b, x, x) < 1e-8;
        prop_assert!(same(Cip::new(2.0).fit(&problem).unwrap(), Cip::new(2.0).fit(&shuffled).unwrap()));
        prop_assert!(same(DipWeigh::new(2.0).fit(&problem).unwrap(), DipWeigh::new(2.0).fit(&shuffled).unwrap()));
        let cirm = CirmWeigh::new(2.0, 1.0);
        prop_assert!(same(cirm.fit(&problem).unwrap(), cirm.fit(&shuffled).unwrap()));
        let maximin = MaximinAggregate::default();
        let apart = difference(&maximin.fit(&problem).unwrap(), &maximin.fit(&shuffled).unwrap(), x, x);
        // It weighs the sources' regressions, which may be far larger than what it makes of them.
        let regression = |k| Ols::new(SourceChoice::One(k)).fit(&problem).unwrap();
        let largest = (0..4).map(|k| regression(k).scores(x).unwrap().norm_max()).fold(1.0, f64::max);
        prop_assert!(apart < 1e-8 * largest, "maximin: {apart:e}");
        prop_assert!(same(Dip::new(0, 2.0).fit(&problem).unwrap(), Dip::new(1, 2.0).fit(&shuffled).unwrap()));
    }

    #[test]
    fn a_mixed_method_is_the_method_on_residuals(seed in any::<u64>()) {
        let problem = regression_problem(seed, 2, 5);
        let causal = vec![3, 0];
        let others = [1, 2, 4];
        // Residuals by hand, with the slopes of pooled regressions on the causes.
        let pick = |x: &Mat<f64>, columns: &[usize]| Mat::from_fn(x.nrows(), columns.len(), |i, j| x[(i, columns[j])]);
        let slopes = |response: &dyn Fn(&Labelled<Mat<f64>>) -> Vec<f64>| {
            let on_causes = |s: &Labelled<Mat<f64>>| {
                Labelled::new("causes", pick(s.x(), &causal), Labels::values(response(s))).unwrap()
            };
            let sources: Vec<_> = problem.sources().iter().map(on_causes).collect();
            Equations::mean(&sources, Pooling::BySource).solve()
        };
        let of_label = slopes(&|s| s.values().unwrap().to_vec());
        let of_others = others.map(|j| slopes(&|s| s.x().col(j).iter().copied().collect()));
        let residual_x = |x: &Mat<f64>| {
            let causes = pick(x, &causal);
            let fitted = of_others.each_ref().map(|model| &causes * model.coefficients());
            Mat::from_fn(x.nrows(), 3, |i, k| x[(i, others[k])] - fitted[k][(i, 0)])
        };
        let explained = |x: &Mat<f64>| pick(x, &causal) * of_label.coefficients();
        let residual = |s: &Labelled<Mat<f64>>| {
            let fitted = explained(s.x());
            let y: Vec<f64> = s.values().unwrap().iter().enumerate().map(|(i, y)| y - fitted[(i, 0)]).collect();
            Labelled::new("residual", residual_x(s.x()), Labels::values(y)).unwrap()
        };
        let target = Unlabelled::new("target", residual_x(problem.target().x())).unwrap();
        let residuals = Adaptation::new(problem.sources().iter().map(residual).collect(), target).unwrap();
        let x = problem.target().x();
        for weight in [0.5, 20.0] {
            let mixed = Mixed::new(causal.clone(), Dip::new(1, weight)).fit(&problem).unwrap();
            let inner = Dip::new(1, weight).fit(&residuals).unwrap().predict_values(&residual_x(x)).unwrap();
            let fitted = explained(x);
            for (i, value) in mixed.predict_values(x).unwrap().into_iter().enumerate() {
                prop_assert!((value - inner[i] - fitted[(i, 0)]).abs() < 1e-7 * value.abs().max(1.0));
            }
        }
        let plain = Mixed::new(vec![], CirmWeigh::new(1.0, 2.0)).fit(&problem).unwrap();
        prop_assert!(difference(&plain, &CirmWeigh::new(1.0, 2.0).fit(&problem).unwrap(), x, x) < 1e-9);
        // With nothing left, the slopes are those of pooled least squares.
        let all = Mixed::new((0..5).collect(), Dip::new(0, 1.0)).fit(&problem).unwrap();
        let pooled = Ols::default().fit(&problem).unwrap();
        let change = (all.coefficients() - pooled.coefficients()).norm_max();
        prop_assert!(change < 1e-8 * pooled.coefficients().norm_max());
    }

    #[test]
    fn maximin_weights_are_best_on_the_simplex(seed in any::<u64>()) {
        let target = FeatureMoments::of(regression_domain(seed, 9, 60, 4).x()).unwrap();
        let models: Vec<LinearModel> = (0..3)
            .map(|k| LinearModel::new(gaussian(seed, k, 4, 1), vec![0.2 * k as f64]).unwrap())
            .collect();
        let weights = maximin_weights(&models, &target).unwrap();
        prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        prop_assert!(weights.iter().all(|w| *w >= 0.0));
        let square = |weights: &[f64]| {
            let mut w = Col::<f64>::zeros(4);
            let mut b = 0.0;
            for (model, weight) in models.iter().zip(weights) {
                w += model.coefficients().col(0) * faer::Scale(*weight);
                b += weight * model.intercepts()[0];
            }
            let mean = w.transpose() * target.mean() + b;
            let spread: f64 = w.transpose() * target.covariance() * &w;
            spread + mean * mean
        };
        let best = square(&weights);
        for i in 0..=20 {
            for j in 0..=20 - i {
                let other = [i, j, 20 - i - j].map(|k| f64::from(k) / 20.0);
                prop_assert!(best <= square(&other) * (1.0 + 1e-9) + 1e-12, "{weights:?} against {other:?}");
            }
        }
    }
}

#[test]
fn maximin_of_opposite_effects_predicts_nothing() {
    let target = FeatureMoments::new(&[0.0], &mat![[2.0]]).unwrap();
    let models = [1.0, -3.0].map(|w| LinearModel::regression(&[w], 0.0).unwrap());
    let weights = maximin_weights(&models, &target).unwrap();
    assert!((weights[0] - 0.75).abs() < 1e-9 && (weights[1] - 0.25).abs() < 1e-9, "{weights:?}");
    // Duplicates do not trouble it, nor models that predict nothing.
    let models = [1.0, 1.0, 2.0].map(|w| LinearModel::regression(&[w], 0.0).unwrap());
    let weights = maximin_weights(&models, &target).unwrap();
    assert!((weights[0] + weights[1] - 1.0).abs() < 1e-9, "{weights:?}");
    let models = [0.0, 0.0].map(|w| LinearModel::regression(&[w], 0.0).unwrap());
    assert_eq!(maximin_weights(&models, &target).unwrap(), [0.5, 0.5]);
}

#[test]
fn oracles_use_the_labels_they_are_given() {
    let problem = regression_problem(5, 2, 3);
    let target = regression_domain(5, 2, 30 + 14, 3);
    let x = target.x();
    let labelled = Labelled::new("target", x.clone(), target.y().clone()).unwrap();
    let ols = target_ols(&labelled, 0.0).unwrap();
    assert!(difference(&ols, &Equations::of(&labelled).solve(), x, x) < 1e-9);
    let problem = Adaptation::new(problem.sources().to_vec(), labelled.without_labels()).unwrap();
    let delta = column_means(&extended(x)) - column_means(&extended(problem.sources()[1].x()));
    let oracle = dip_oracle(&Dip::new(1, 4.0), &problem, &labelled).unwrap();
    assert!(difference(&oracle, &Equations::of(&labelled).penalty(&delta, 4.0).solve(), x, x) < 1e-9);
}

#[test]
fn the_target_s_rows_are_not_needed_to_be_many() {
    // One row has a mean, and that is all these methods want.
    let problem = regression_problem(6, 2, 3);
    let one = Unlabelled::new("one", gaussian(6, 5, 1, 3)).unwrap();
    let problem = Adaptation::new(problem.sources().to_vec(), one).unwrap();
    assert!(Dip::new(0, 10.0).fit(&problem).is_ok());
    assert!(CirmWeigh::new(1.0, 10.0).fit(&problem).is_ok());
}

/// Every method on the problem; the first results decide.
fn all_methods(problem: &Adaptation<Mat<f64>>) -> Vec<Result<LinearModel, AdaptError>> {
    vec![
        Ols::default().fit(problem),
        Dip::new(0, 1.0).fit(problem),
        Dip::new(0, f64::INFINITY).fit(problem),
        DipWeigh::new(1.0).fit(problem),
        Cip::new(1.0).fit(problem),
        Cirm::new(0, 1.0, 1.0).fit(problem),
        CirmWeigh::new(1.0, 1.0).fit(problem),
        Mixed::new(vec![0], Dip::new(0, 1.0)).fit(problem),
        MaximinAggregate::default().fit(problem),
    ]
}

#[test]
fn singular_covariances_are_an_error_that_a_ridge_removes() {
    let problem = regression_problem(8, 2, 3);
    let constant = |x: &Mat<f64>| Mat::from_fn(x.nrows(), 3, |i, j| if j == 1 { 0.1 } else { x[(i, j)] });
    let collinear = |x: &Mat<f64>| {
        Mat::from_fn(x.nrows(), 3, |i, j| if j == 1 { x[(i, 0)] - 2.0 * x[(i, 2)] + 5.0 } else { x[(i, j)] })
    };
    for changed in [with_features(&problem, constant), with_features(&problem, collinear)] {
        for (k, fit) in all_methods(&changed).into_iter().enumerate() {
            assert!(matches!(fit, Err(AdaptError::Singular { .. })), "method {k}: {fit:?}");
        }
        assert!(Ols { ridge: 0.1, ..Ols::new(SourceChoice::All) }.fit(&changed).is_ok());
        assert!(Dip { source: 0, weight: Weight::Infinite, ridge: 0.1 }.fit(&changed).is_ok());
        assert!(Cip { ridge: 0.1, ..Cip::new(1.0) }.fit(&changed).is_ok());
    }
}

#[test]
fn units_do_not_make_a_covariance_singular() {
    let problem = regression_problem(8, 2, 3);
    let units = [1e-9, 1.0, 1e9];
    let scaled = with_features(&problem, |x| Mat::from_fn(x.nrows(), 3, |i, j| x[(i, j)] * units[j]));
    for (k, fit) in all_methods(&scaled).into_iter().enumerate() {
        assert!(fit.is_ok(), "method {k}: {fit:?}");
    }
}

#[test]
fn labels_that_tell_nothing_are_an_error_or_a_constant() {
    let sources = (0..2)
        .map(|m| Labelled::new("s", gaussian(1, m, 20, 2), Labels::values(vec![0.0; 20])).unwrap())
        .collect();
    let problem = Adaptation::new(sources, Unlabelled::new("t", gaussian(1, 9, 20, 2)).unwrap()).unwrap();
    assert!(matches!(Cirm::new(0, 1.0, 1.0).fit(&problem), Err(AdaptError::Method(_))));
    for model in [Dip::new(0, 1.0).fit(&problem).unwrap(), Cip::new(1.0).fit(&problem).unwrap()] {
        assert!(model.coefficients().norm_max() < 1e-12 && model.intercepts()[0].abs() < 1e-12);
    }
}

#[test]
fn bad_settings_are_refused() {
    let problem = regression_problem(4, 2, 3);
    for weight in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        let weight = Weight::from(weight);
        assert!(matches!(
            Dip::new(0, weight).fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        assert!(matches!(
            DipWeigh::new(weight).fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        assert!(matches!(Cip::new(weight).fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
        assert!(matches!(
            Cirm::new(0, 1.0, weight).fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
        assert!(matches!(
            CirmWeigh::new(weight, 1.0).fit(&problem),
            Err(AdaptError::Input(InputError::Setting { .. }))
        ));
    }
    assert!(matches!(
        Dip::new(2, 1.0).fit(&problem),
        Err(AdaptError::Input(InputError::Index { index: 2, count: 2, .. }))
    ));
    assert!(matches!(Cirm::new(2, 1.0, 1.0).fit(&problem), Err(AdaptError::Input(InputError::Index { .. }))));
    let negative = Ols { ridge: -1.0, ..Ols::new(SourceChoice::All) };
    assert!(matches!(negative.fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    assert!(matches!(
        DipWeigh { sharpness: f64::INFINITY, ..DipWeigh::new(1.0) }.fit(&problem),
        Err(AdaptError::Input(InputError::Setting { .. }))
    ));
    for causal in [vec![3], vec![1, 1]] {
        let mixed = Mixed::new(causal, Dip::new(0, 1.0));
        assert!(matches!(mixed.fit(&problem), Err(AdaptError::Input(InputError::Setting { .. }))));
    }
    let sources: Vec<Moments> = problem.sources().iter().map(|s| Moments::of(s).unwrap()).collect();
    let other = FeatureMoments::of(&gaussian(1, 1, 10, 2)).unwrap();
    assert!(matches!(
        Dip::new(0, 1.0).fit_moments(&sources, &other),
        Err(AdaptError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        Dip::new(0, 1.0).fit_moments(&[], &other),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    let classes = super::class_problem(1, 2, 3, 2, 1.0);
    for fit in all_methods(&classes) {
        assert!(matches!(fit, Err(AdaptError::Labels { .. })));
    }
    assert!(maximin_weights(&[], &other).is_err());
}

#[test]
fn tables_without_features_give_constants() {
    let none = with_features(&regression_problem(4, 2, 3), |x| Mat::zeros(x.nrows(), 0));
    let models = [
        Ols::default().fit(&none).unwrap(),
        Dip::new(0, 1.0).fit(&none).unwrap(),
        DipWeigh::new(f64::INFINITY).fit(&none).unwrap(),
        Cip::new(1.0).fit(&none).unwrap(),
        MaximinAggregate::default().fit(&none).unwrap(),
    ];
    for model in models {
        assert_eq!(model.features(), 0);
        assert!(model.predict_values(none.target().x()).unwrap().iter().all(|value| value.is_finite()));
    }
    assert!(matches!(Cirm::new(0, 1.0, 1.0).fit(&none), Err(AdaptError::Method(_))));
}

#[test]
fn settings_survive_json() {
    let method = Mixed::new(vec![1], CirmWeigh::new(f64::INFINITY, 10.0));
    let text = serde_json::to_string(&method).unwrap();
    assert_eq!(serde_json::from_str::<Mixed<CirmWeigh>>(&text).unwrap(), method);
}
