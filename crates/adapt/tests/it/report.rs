//! Reports against what they are made of.

use std::sync::LazyLock;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::bounds::{Agreement, Predictions, Region, disagreement};
use kiln_adapt::linear::LinearModel;
use kiln_adapt::report::{linear_weight_shares, weight_shares};
use kiln_adapt::selection::Fitting;
use kiln_adapt::{
    AdaptMethod, AdaptReport, Adaptation, Adapted, Fit, Labelled, Labels, Pooling, Predict, Training,
    glorot_linear,
};
use kiln_tensor::{Distribution, Divergence, Noise, device_tests};
use proptest::prelude::*;

const WIDTH: usize = 3;

fn domain(seed: u64, index: usize, n: usize, device: &Device) -> Labelled<Tensor<2>> {
    let mut values = vec![0.0_f32; n * WIDTH];
    Noise { seed, distribution: Distribution::Gaussian }.fill(index as u64, 0, &mut values);
    let classes: Vec<usize> = (0..n).map(|i| (i + i / 3) % 2).collect();
    for (row, class) in values.chunks_exact_mut(WIDTH).zip(&classes) {
        row[0] += 2.0 * *class as f32 - 1.0;
        row[1] += if index == 1 { 1.0 - 2.0 * *class as f32 } else { 2.0 * *class as f32 - 1.0 };
    }
    let x = Tensor::from_data(TensorData::new(values, [n, WIDTH]), device);
    Labelled::new(format!("domain {index}"), x, Labels::classes(classes, 2)).unwrap()
}

fn problem(device: &Device) -> (Adaptation<Tensor<2>>, Labelled<Tensor<2>>) {
    let target = domain(3, 2, 40, device);
    let sources = vec![domain(3, 0, 24, device), domain(3, 1, 31, device)];
    (Adaptation::new(sources, target.without_labels()).unwrap(), target)
}

fn fit(method: &AdaptMethod, data: &Adaptation<Tensor<2>>, device: &Device) -> Adapted<Linear> {
    let start = glorot_linear(WIDTH, data.outputs(), 0.5, 5, device).unwrap();
    method.on(&start, &Training { seed: 2, ..Training::adam(4, 8, 0.05) }).fit(data).unwrap()
}

device_tests! {
    fn a_report_says_what_there_is(device) {
        let (data, target) = problem(device);
        let method = AdaptMethod::iw_dip(0, Divergence::Mean, 1.0, 1.0);
        let model = fit(&method, &data, device);
        let first = model.first_stage().unwrap();
        let report = AdaptReport::new(&model, &data, Some(&target), None).unwrap();
        assert_eq!(report.method, method);
        assert_eq!(report.class_weights, model.summary().class_weights);
        assert!(report.class_weights.is_some());
        let described = report.sources.iter().chain([&report.target]);
        for (described, domain) in described.zip(data.sources().iter().chain([&target])) {
            assert_eq!((described.name.as_str(), described.rows), (domain.name(), domain.rows()));
            assert_eq!(described.evaluation, Some(model.evaluate(domain).unwrap()));
            let found = model.predict_classes(domain.x()).unwrap();
            let ones = found.iter().filter(|class| **class == 1).count() as f64 / found.len() as f64;
            let shares = described.predicted_shares.as_ref().unwrap();
            assert!((shares[1] - ones).abs() < 1e-9 && (shares[0] + shares[1] - 1.0).abs() < 1e-9);
            let of_first = first.predict_classes(domain.x()).unwrap();
            assert_eq!(described.first_stage_disagreement, Some(disagreement(&found, &of_first).unwrap()));
        }
        // The bounds are those of the first stage, with the source that the method names.
        let source = &data.sources()[0];
        let predict = |model: &Adapted<Linear>, x: &Tensor<2>| model.predict_classes(x).unwrap();
        let confidence = |x: &Tensor<2>| {
            let scores = first.scores(x).unwrap();
            let sure = |i: usize| 1.0 / (1.0 + (-(scores[(i, 1)] - scores[(i, 0)]).abs()).exp());
            (0..scores.nrows()).map(sure).collect::<Vec<f64>>()
        };
        let (in_source, in_target) = (confidence(source.x()), confidence(target.x()));
        assert_eq!(report.bounds.iter().map(|bound| bound.share).collect::<Vec<_>>(), [0.0, 0.25, 0.5, 0.75]);
        for bound in &report.bounds {
            let region = Region::surer_than(bound.share, &in_source, &in_target).unwrap();
            let agreement = Agreement::confident(
                Predictions {
                    classifier: &predict(&model, source.x()),
                    invariant: &predict(first, source.x()),
                },
                source.classes().unwrap().0,
                Predictions {
                    classifier: &predict(&model, target.x()),
                    invariant: &predict(first, target.x()),
                },
                &region,
            );
            let found = bound.accuracy_at_most.unwrap();
            // A row at the edge of the region may fall on either side of it.
            let step = if bound.share == 0.0 { 1e-9 } else { 0.5 };
            assert!((found - agreement.unwrap().accuracy_at_most()).abs() <= step);
        }
        // Another invariant model, or labels that are not given.
        let report = AdaptReport::new(&model, &data, None, Some(&model)).unwrap();
        assert_eq!(report.target.evaluation, None);
        assert_eq!(report.target.rows, 40);
        // With itself a model never disagrees, and the bound is 1 + R_S.
        let risk = 1.0 - model.evaluate(source).unwrap().score();
        assert!((report.bounds[0].accuracy_at_most.unwrap() - 1.0 - risk).abs() < 1e-9);
    }
}

fn ndarray() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| kiln_tensor::devices::named("ndarray").unwrap());
    DEVICE.clone()
}

#[test]
fn without_a_first_stage_there_is_less_to_say() {
    let device = ndarray();
    let (data, _) = problem(&device);
    let report =
        AdaptReport::new(&fit(&AdaptMethod::group_dro(0.1), &data, &device), &data, None, None).unwrap();
    assert_eq!(report.bounds, []);
    assert_eq!(report.class_weights, None);
    assert_eq!(report.group_weights.unwrap().len(), 2);
    assert!(report.sources.iter().all(|source| source.first_stage_disagreement.is_none()));
}

#[test]
fn values_have_no_shares() {
    let device = ndarray();
    let with_values = |index: usize| {
        let x = domain(5, index, 12, &device).x().clone();
        Labelled::new(format!("{index}"), x, Labels::values((0..12).map(f64::from).collect::<Vec<_>>()))
            .unwrap()
    };
    let data =
        Adaptation::new(vec![with_values(0), with_values(1)], with_values(2).without_labels()).unwrap();
    let model = fit(&AdaptMethod::cirm(0, Divergence::Mean, 1.0, 1.0), &data, &device);
    let report = AdaptReport::new(&model, &data, Some(&with_values(2)), None).unwrap();
    assert_eq!(report.bounds, []);
    assert!(report.target.predicted_shares.is_none() && report.target.first_stage_disagreement.is_none());
    assert_eq!(report.target.evaluation, Some(model.evaluate(&with_values(2)).unwrap()));
    let stored = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<AdaptReport>(&stored).unwrap(), report);
    // Classes do not suit a model of values.
    assert!(AdaptReport::new(&model, &problem(&device).0, None, None).is_err());
}

fn layer(weights: &[f32], outputs: usize) -> Linear {
    let shape = [weights.len() / outputs, outputs];
    let weight = Tensor::from_data(TensorData::new(weights.to_vec(), shape), &ndarray());
    Linear { weight: Param::from_tensor(weight), bias: None }
}

proptest! {
    /// For two classes only the difference of the columns counts.
    #[test]
    fn shares_are_of_what_tells_classes_apart(
        pairs in prop::collection::vec((-2.0_f32..2.0, -2.0_f32..2.0), 1..8),
        scale in 0.1_f32..5.0, shift in -3.0_f32..3.0,
    ) {
        let difference: Vec<f64> = pairs.iter().map(|(a, b)| f64::from(b - a)).collect();
        let total: f64 = difference.iter().map(|d| d * d).sum();
        prop_assume!(total > 1e-3);
        let of = |change: &dyn Fn(f32) -> f32| {
            let weights: Vec<f32> = pairs.iter().flat_map(|(a, b)| [change(*a), change(*b)]).collect();
            weight_shares(&layer(&weights, 2)).unwrap()
        };
        let shares = of(&|w| w);
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        for (share, d) in shares.iter().zip(&difference) {
            prop_assert!((share - d * d / total).abs() < 1e-4);
        }
        let changed = of(&|w| scale * (w + shift));
        prop_assert!(shares.iter().zip(&changed).all(|(a, b)| (a - b).abs() < 1e-3));
        let exact = LinearModel::binary(&difference, 0.3).unwrap();
        let exact = linear_weight_shares(&exact).unwrap();
        prop_assert!(shares.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-4));
    }

    #[test]
    fn shares_of_a_regression_are_of_its_weights(weights in prop::collection::vec(-2.0_f32..2.0, 1..8)) {
        let total: f64 = weights.iter().map(|w| f64::from(*w).powi(2)).sum();
        prop_assume!(total > 1e-3);
        for (share, w) in weight_shares(&layer(&weights, 1)).unwrap().iter().zip(&weights) {
            prop_assert!((share - f64::from(*w).powi(2) / total).abs() < 1e-6);
        }
    }
}

#[test]
fn shares_of_nothing_are_zero_and_of_no_number_an_error() {
    assert_eq!(weight_shares(&layer(&[0.0, 0.0, 1.0, 1.0], 2)).unwrap(), [0.0, 0.0]);
    assert!(weight_shares(&layer(&[f32::NAN, 0.0], 2)).is_err());
    let huge = LinearModel::new(Mat::from_fn(1, 1, |_, _| 1e300), vec![0.0]).unwrap();
    assert!(linear_weight_shares(&huge).is_err());
}

/// What a method must beat: the stronger of two poolings, whichever a user happened to take.
#[test]
fn the_baseline_is_the_stronger_pooling() {
    let device = kiln_tensor::devices::named("flex").unwrap();
    // The large source is like the target, the small one is reversed in a feature.
    let target = domain(3, 2, 60, &device);
    let sources = vec![domain(3, 0, 90, &device), domain(3, 1, 12, &device)];
    let data = Adaptation::new(sources, target.without_labels()).unwrap();
    let start = glorot_linear(WIDTH, 2, 0.5, 5, &device).unwrap();
    let training = Training { seed: 2, ..Training::adam(15, 8, 0.05) };
    let model = AdaptMethod::erm(1).on(&start, &training).fit(&data).unwrap();
    let report = AdaptReport::new(&model, &data, Some(&target), None).unwrap();
    assert!(report.baseline.is_none());
    let fitting = Fitting { data: &data, start: &start, training: &training };
    let score = |pooling: Pooling| {
        let erm = AdaptMethod::pooled_erm().pooling(pooling).on(&start, &training).fit(&data).unwrap();
        erm.evaluate(&target).unwrap().score()
    };
    let (by_rows, by_source) = (score(Pooling::ByRows), score(Pooling::BySource));
    let found = report.clone().with_baseline(fitting, Some(&target)).unwrap().baseline.unwrap();
    assert_eq!((found.score, found.other), (by_rows.max(by_source), by_rows.min(by_source)));
    assert!(found.on_target && found.target.evaluation.as_ref().unwrap().score() == found.score);
    let stronger = if by_rows >= by_source { Pooling::ByRows } else { Pooling::BySource };
    assert_eq!(found.pooling, stronger);
    // Without labels of the target, by rows of the sources that are held out.
    let report = report.with_baseline(fitting, None).unwrap();
    let found = report.baseline.as_ref().unwrap();
    assert!(!found.on_target && found.target.evaluation.is_none() && found.score >= found.other);
    let stored = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<AdaptReport>(&stored).unwrap(), report);
}
