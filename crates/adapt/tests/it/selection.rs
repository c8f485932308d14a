//! Scores of fitted models against their definitions, worked out from the models' outputs.

use std::sync::LazyLock;

use burn::nn::Linear;
use burn::optim::SgdConfig;
use burn::tensor::{Device, Tensor, TensorData};
use faer::Mat;
use kiln_adapt::linear::classification::Logistic;
use kiln_adapt::selection::{
    Circular, ClassWeights, DeepEmbedded, Fitting, ImportanceWeighted, InvariantAgreement, LeaveOneSourceOut,
    PenalizedRisk, PredictionEntropy, Scorer, SoftNeighborhood, SourceScore, hold_out, hold_out_rows, search,
    select,
};
use kiln_adapt::{
    AdaptError, AdaptMethod, Adaptation, Adapted, Fit, LabelShiftEstimator, Labelled, Labels, Predict,
    ShiftStatistics, SourceChoice, Training, Unlabelled, glorot_linear,
};
use kiln_core::InputError;
use kiln_tensor::{Distribution, Divergence, Noise, device_tests};
use proptest::prelude::*;

const WIDTH: usize = 4;

fn tensor(values: Vec<f32>, width: usize, device: &Device) -> Tensor<2> {
    let rows = values.len() / width;
    Tensor::from_data(TensorData::new(values, [rows, width]), device)
}

/// Noise plus the class in the first two features and the domain in the third; three classes.
fn domain(seed: u64, index: usize, n: usize, device: &Device) -> Labelled<Tensor<2>> {
    let mut values = vec![0.0_f32; n * WIDTH];
    Noise { seed, distribution: Distribution::Gaussian }.fill(index as u64, 0, &mut values);
    let classes: Vec<usize> = (0..n).map(|i| (i * 7 + index) % 5 % 3).collect();
    for (row, class) in values.chunks_exact_mut(WIDTH).zip(&classes) {
        row[0] += if *class == 1 { 1.5 } else { 0.0 };
        row[1] += if *class == 2 { 1.5 } else { 0.0 };
        row[2] += index as f32;
    }
    Labelled::new(format!("domain {index}"), tensor(values, WIDTH, device), Labels::classes(classes, 3))
        .unwrap()
}

fn problem(sizes: &[usize], device: &Device) -> Adaptation<Tensor<2>> {
    let sources = sizes.iter().enumerate().map(|(i, &n)| domain(3, i, n, device)).collect();
    Adaptation::new(sources, domain(3, 9, 21, device).without_labels()).unwrap()
}

/// With real labels.
fn regression(device: &Device) -> Adaptation<Tensor<2>> {
    let with_values = |index: usize, n: usize| {
        let x = domain(5, index, n, device).x().clone();
        let rows = x.clone().try_into_vec_as::<f64>().unwrap();
        let y: Vec<f64> =
            rows.chunks_exact(WIDTH).map(|row| row[0] - 2.0 * row[1] + 0.3 * row[3].powi(2)).collect();
        Labelled::new(format!("{index}"), x, Labels::values(y)).unwrap()
    };
    let sources = vec![with_values(0, 11), with_values(1, 14)];
    Adaptation::new(sources, with_values(2, 9).without_labels()).unwrap()
}

fn start(outputs: usize, device: &Device) -> Linear {
    glorot_linear(WIDTH, outputs, 0.5, 5, device).unwrap()
}

fn training() -> Training {
    Training { seed: 2, ..Training::adam(4, 8, 0.05) }
}

fn fit(method: &AdaptMethod, data: &Adaptation<Tensor<2>>, device: &Device) -> Adapted<Linear> {
    method.on(&start(data.outputs(), device), &training()).fit(data).unwrap()
}

/// The model's outputs on the host.
fn outputs(model: &Adapted<Linear>, x: &Tensor<2>) -> Vec<Vec<f64>> {
    model.scores(x).unwrap().row_iter().map(|row| row.iter().copied().collect()).collect()
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let total: f64 = row.iter().map(|z| z.exp()).sum();
    row.iter().map(|z| z.exp() / total).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn accuracy(model: &Adapted<Linear>, domain: &Labelled<Tensor<2>>) -> f64 {
    let found = model.predict_classes(domain.x()).unwrap();
    let (classes, _) = domain.classes().unwrap();
    mean(found.iter().zip(classes).map(|(a, b)| f64::from(u8::from(a == b))))
}

#[track_caller]
fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 2e-5 * (1.0 + a.abs()), "{a} and {b} differ");
}

device_tests! {
    fn scores_are_what_they_are_defined_as(device) {
        let data = problem(&[17, 30, 9], device);
        let model = fit(&AdaptMethod::dip(1, Divergence::Mean, 0.5), &data, device);
        let score = |scorer: &dyn Scorer<Tensor<2>, Adapted<Linear>>| scorer.score(&model, &data).unwrap();

        let all = mean(data.sources().iter().map(|source| accuracy(&model, source)));
        close(score(&SourceScore::default()), all);
        close(score(&SourceScore { sources: SourceChoice::One(2) }), accuracy(&model, &data.sources()[2]));

        // Equal weights are none.
        let given = |weights: [f64; 3]| ImportanceWeighted {
            weights: ClassWeights::Given(weights.to_vec()),
            sources: SourceChoice::All,
        };
        close(score(&given([2.0; 3])), all);
        let by_class = |weights: &[f64]| {
            let (mut right, mut total) = (0.0, 0.0);
            for source in data.sources() {
                let (classes, _) = source.classes().unwrap();
                let found = model.predict_classes(source.x()).unwrap();
                for (class, found) in classes.iter().zip(found) {
                    let weight = weights[*class] / classes.len() as f64;
                    total += weight;
                    right += if *class == found { weight } else { 0.0 };
                }
            }
            right / total
        };
        close(score(&given([0.5, 3.0, 0.0])), by_class(&[0.5, 3.0, 0.0]));
        let predicted: Vec<Vec<usize>> =
            data.sources().iter().map(|source| model.predict_classes(source.x()).unwrap()).collect();
        let pairs: Vec<(&[usize], &[usize])> = predicted
            .iter()
            .zip(data.sources())
            .map(|(found, source)| (found.as_slice(), source.classes().unwrap().0))
            .collect();
        let target = model.predict_classes(data.target().x()).unwrap();
        let statistics = ShiftStatistics::from_predictions(&pairs, &target, 3).unwrap();
        let rlls = LabelShiftEstimator::rlls();
        let weights = rlls.weights(&statistics).unwrap().weights;
        let scorer = ImportanceWeighted { weights: ClassWeights::Estimated(rlls), sources: SourceChoice::All };
        close(score(&scorer), by_class(&weights));

        let rows: Vec<Vec<f64>> = outputs(&model, data.target().x()).iter().map(|row| softmax(row)).collect();
        let entropy = mean(rows.iter().map(|row| row.iter().map(|p| p * p.ln()).sum()));
        close(score(&PredictionEntropy), entropy);

        let unit = |row: &Vec<f64>| {
            let norm = row.iter().map(|p| p * p).sum::<f64>().sqrt();
            row.iter().map(|p| p / norm).collect::<Vec<f64>>()
        };
        let units: Vec<Vec<f64>> = rows.iter().map(unit).collect();
        let temperature = 0.2;
        let density = mean((0..units.len()).map(|i| {
            let similarity = |j: usize| units[i].iter().zip(&units[j]).map(|(a, b)| a * b).sum::<f64>();
            let others: Vec<f64> =
                (0..units.len()).filter(|j| *j != i).map(|j| similarity(j) / temperature).collect();
            -softmax(&others).iter().map(|p| p * p.ln()).sum::<f64>()
        }));
        close(score(&SoftNeighborhood { temperature }), density);
        assert!(density <= 20.0_f64.ln());
    }

    /// The criterion of `DIPweigh`: mean squared error and squared difference of mean predictions.
    fn penalized_risk_is_the_criterion_of_dip_weigh(device) {
        let data = regression(device);
        let dip = AdaptMethod::dip(1, Divergence::Mean, 1.0);
        for (method, sources) in [(dip, 1..2), (AdaptMethod::pooled_erm(), 0..2)] {
            let model = fit(&method, &data, device);
            let of = |x: &Tensor<2>| outputs(&model, x).concat();
            let target = mean(of(data.target().x()));
            let criterion = mean(data.sources()[sources].iter().map(|source| {
                let (found, y) = (of(source.x()), source.values().unwrap());
                let squares = mean(found.iter().zip(y).map(|(a, b)| (a - b).powi(2)));
                squares + 2.5 * (mean(found) - target).powi(2)
            }));
            let scorer = PenalizedRisk { divergence: Divergence::Mean, weight: 2.5 };
            close(scorer.score(&model, &data).unwrap(), -criterion);
        }
    }
}

fn ndarray() -> Device {
    static DEVICE: LazyLock<Device> = LazyLock::new(|| kiln_tensor::devices::named("ndarray").unwrap());
    DEVICE.clone()
}

#[test]
fn deep_embedded_validation_is_its_definition() {
    let device = ndarray();
    let data = problem(&[41], &device);
    let model = fit(&AdaptMethod::erm(0), &data, &device);
    let scorer = DeepEmbedded { seed: 7, ..DeepEmbedded::default() };
    let (first, second) = hold_out_rows(&data.sources()[0], 0.5, 7).unwrap();
    let matrix = |x: &Tensor<2>| {
        let rows = outputs(&model, x);
        Mat::from_fn(rows.len(), 3, |i, j| rows[i][j])
    };
    let (source, target) = (matrix(first.x()), matrix(data.target().x()));
    let both = Mat::from_fn(source.nrows() + target.nrows(), 3, |i, j| {
        if i < source.nrows() { source[(i, j)] } else { target[(i - source.nrows(), j)] }
    });
    let is_target: Vec<usize> = (0..both.nrows()).map(|i| usize::from(i >= source.nrows())).collect();
    let both = Labelled::new("both", both, Labels::classes(is_target, 2)).unwrap();
    let discriminator = Logistic::new(1.0).fit_domain(&both).unwrap();
    let probabilities = discriminator.predict_probabilities(&matrix(second.x())).unwrap();
    let ratio = source.nrows() as f64 / target.nrows() as f64;
    let (classes, _) = second.classes().unwrap();
    let losses: Vec<f64> = outputs(&model, second.x())
        .iter()
        .zip(classes)
        .map(|(row, class)| -softmax(row)[*class].ln())
        .collect();
    let weights: Vec<f64> =
        (0..losses.len()).map(|i| ratio * probabilities[(i, 1)] / probabilities[(i, 0)]).collect();
    let products: Vec<f64> = weights.iter().zip(&losses).map(|(w, loss)| w * loss).collect();
    let (w, p) = (mean(weights.clone()), mean(products.clone()));
    let covariance = mean(weights.iter().zip(&products).map(|(a, b)| (a - w) * (b - p)));
    let control = -covariance / mean(weights.iter().map(|a| (a - w).powi(2)));
    close(scorer.score(&model, &data).unwrap(), -(p + control * w - control));
}

/// Domains that do not differ have weights near 1, and the score is near minus the plain loss: with the
/// control variate the noise of the weights costs less than with the weights alone.
#[test]
fn deep_embedded_validation_without_shift_is_the_plain_loss() {
    let device = ndarray();
    let source = domain(3, 0, 400, &device);
    let target = Labelled::new("again", domain(4, 0, 400, &device).x().clone(), source.y().clone()).unwrap();
    let data = Adaptation::new(vec![source], target.without_labels()).unwrap();
    let model = fit(&AdaptMethod::erm(0), &data, &device);
    let loss = mean(data.sources().iter().flat_map(|source| {
        let (classes, _) = source.classes().unwrap();
        outputs(&model, source.x()).into_iter().zip(classes).map(|(row, class)| -softmax(&row)[*class].ln())
    }));
    let score = DeepEmbedded::default().score(&model, &data).unwrap();
    // Half of the rows: standard error of the loss about 0.5/√200.
    assert!((score + loss).abs() < 5.0 * 0.5 / 200.0_f64.sqrt(), "{score} and {loss}");
}

/// A spurious feature that is reversed in the target, and one that is not: the model on the first cannot be
/// better than that on the second.
#[test]
fn models_that_cannot_be_better_are_rejected() {
    let device = ndarray();
    let n = 200;
    let rows = |invariant: f32, spurious: f32| -> (Tensor<2>, Vec<usize>) {
        let classes: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let values = classes.iter().enumerate().flat_map(|(i, class)| {
            let sign = 2.0 * *class as f32 - 1.0;
            // The invariant feature is wrong for a fifth of the rows of either class.
            let right = if i / 2 % 5 == 0 { -1.0 } else { 1.0 };
            [invariant * sign * right, spurious * sign]
        });
        (tensor(values.collect(), 2, &device), classes)
    };
    let problem = |invariant: f32, spurious: f32| {
        let (x, classes) = rows(invariant, spurious);
        let (target, _) = rows(1.0, -1.0);
        let source = Labelled::new("source", x, Labels::classes(classes, 2)).unwrap();
        Adaptation::new(vec![source], Unlabelled::new("target", target).unwrap()).unwrap()
    };
    let fit = |invariant: f32, spurious: f32| {
        let start = glorot_linear(2, 2, 0.01, 1, &device).unwrap();
        AdaptMethod::erm(0)
            .on(&start, &Training::adam(30, 50, 0.1))
            .fit(&problem(invariant, spurious))
            .unwrap()
    };
    let (invariant, spurious) = (fit(1.0, 0.0), fit(0.0, 1.0));
    let data = problem(1.0, 1.0);
    let scorer = InvariantAgreement { invariant: &invariant };
    assert_eq!(scorer.score(&invariant, &data).unwrap(), 1.0);
    // R_S(f) = 0, R_S(c) = δ_S = .2, δ_T = .8: at most .8 of the target, which is not below the .8 of c.
    close(scorer.score(&spurious, &data).unwrap(), 0.2);
    // With labels of the source that make f wrong as often, R_S(f) = .2, R_S(c) = 0: at most .2 of the
    // target.
    let (x, classes) = rows(1.0, 1.0);
    let noisy: Vec<usize> = classes
        .iter()
        .enumerate()
        .map(|(i, class)| if i / 2 % 5 == 0 { 1 - class } else { *class })
        .collect();
    let source = Labelled::new("source", x, Labels::classes(noisy, 2)).unwrap();
    let data = Adaptation::new(vec![source], data.target().clone()).unwrap();
    close(scorer.score(&spurious, &data).unwrap(), -0.8);
    assert_eq!(select(&[spurious, invariant.clone()], &scorer, &data).unwrap().best, 1);
}

#[test]
fn leaving_a_source_out_renumbers_the_others() {
    let device = ndarray();
    let data = problem(&[17, 30, 12], &device);
    let (train, validation) = hold_out(&data, 0.3, 1).unwrap();
    let (start, training) = (start(3, &device), training());
    let scorer = LeaveOneSourceOut { fitting: Fitting { data: &train, start: &start, training: &training } };
    let fold = |left_out: usize, method: AdaptMethod| {
        let mut sources = train.sources().to_vec();
        let target = sources.remove(left_out).without_labels();
        let fitted = method.on(&start, &training).fit(&Adaptation::new(sources, target).unwrap()).unwrap();
        accuracy(&fitted, &validation.sources()[left_out])
    };
    let mean_divergence = Divergence::Mean;
    let pooled = |weight| AdaptMethod::pooled_dip(Divergence::Mean, weight);
    let expected = mean((0..3).map(|left_out| fold(left_out, pooled(1.0))));
    close(scorer.score(&fit(&pooled(1.0), &train, &device), &validation).unwrap(), expected);
    // The source that the method names is never left out.
    let iw = |source| AdaptMethod::iw_dip(source, mean_divergence.clone(), 1.0, 1.0);
    let expected = mean([fold(0, iw(0)), fold(2, iw(1))]);
    close(scorer.score(&fit(&iw(1), &train, &device), &validation).unwrap(), expected);

    let one = problem(&[17], &device);
    let scorer = LeaveOneSourceOut { fitting: Fitting { data: &one, start: &start, training: &training } };
    let refused = scorer.score(&fit(&AdaptMethod::erm(0), &one, &device), &one);
    assert!(matches!(refused, Err(AdaptError::TooFewSources { needed: 2, found: 1, .. })));
}

#[test]
fn circular_validation_goes_back() {
    let device = ndarray();
    // A target near the sources, for predictions of more than one class.
    let target = domain(3, 2, 21, &device).without_labels();
    let data = Adaptation::new(problem(&[17, 30], &device).sources().to_vec(), target).unwrap();
    let (train, validation) = hold_out(&data, 0.3, 1).unwrap();
    let (start, training) = (start(3, &device), training());
    let fitting = Fitting { data: &train, start: &start, training: &training };
    let scorer = Circular { fitting, sources: SourceChoice::All };
    let model = fit(&AdaptMethod::joint_dip(1, Divergence::Mean, 1.0, 1.0), &train, &device);
    let target = train.target().x();
    let labels = Labels::classes(model.predict_classes(target).unwrap(), 3);
    let reversed = Labelled::new("target", target.clone(), labels).unwrap();
    let back = |index: usize| {
        let data = Adaptation::new(vec![reversed.clone()], train.sources()[index].without_labels()).unwrap();
        let method = AdaptMethod::joint_dip(0, Divergence::Mean, 1.0, 1.0);
        accuracy(&method.on(&start, &training).fit(&data).unwrap(), &validation.sources()[index])
    };
    close(scorer.score(&model, &validation).unwrap(), mean([back(0), back(1)]));
    let scorer = Circular { fitting, sources: SourceChoice::One(1) };
    close(scorer.score(&model, &validation).unwrap(), back(1));

    // One class everywhere: its share is the score.
    let mut constant = glorot_linear(WIDTH, 3, 0.0, 1, &device).unwrap();
    constant.bias = constant.bias.map(|bias| bias.map(|b| b + Tensor::from_data([0.0, 9.0, 0.0], &device)));
    let still = Training { learning_rate: 1e-9, ..training.clone() };
    let constant = AdaptMethod::erm(0).on(&constant, &still).fit(&train).unwrap();
    let (classes, _) = validation.sources()[1].classes().unwrap();
    let share = mean(classes.iter().map(|class| f64::from(u8::from(*class == 1))));
    close(scorer.score(&constant, &validation).unwrap(), share);

    // Values go back too.
    let data = regression(&device);
    let start = glorot_linear(WIDTH, 1, 0.5, 5, &device).unwrap();
    let fitting = Fitting { data: &data, start: &start, training: &training };
    let model = AdaptMethod::erm(0).on(&start, &training).fit(&data).unwrap();
    assert!(Circular { fitting, sources: SourceChoice::All }.score(&model, &data).unwrap() < 0.0);
}

#[test]
fn a_search_reports_all_scores_and_what_diverged() {
    let device = ndarray();
    let data = problem(&[60, 60], &device);
    let (train, validation) = hold_out(&data, 0.4, 5).unwrap();
    let (start, training) = (
        start(3, &device),
        Training { optimizer: SgdConfig::new().init(), learning_rate: 0.5, ..training() },
    );
    let methods = [
        AdaptMethod::dip(0, Divergence::Mean, 1e30),
        AdaptMethod::pooled_erm(),
        AdaptMethod::pooled_erm(),
        AdaptMethod::pooled_dip(Divergence::Mean, 0.1),
    ]
    .map(|method| method.on(&start, &training));
    let scorer = SourceScore::default();
    let (model, selected) = search(&methods, &train, &scorer, &validation).unwrap();
    assert_eq!(selected.scores.len(), 4);
    assert_eq!(selected.scores[0], None);
    let largest = selected.scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(selected.scores[selected.best], Some(largest));
    assert_ne!(selected.best, 2, "of equal scores the first");
    assert_eq!(model.summary().method, methods[selected.best].method);
    close(scorer.score(&model, &validation).unwrap(), largest);
    assert_eq!(selected.scorer, "source score");

    assert!(matches!(search(&methods[..1], &train, &scorer, &validation), Err(AdaptError::Method(_))));
    assert!(matches!(
        search(&methods[..0], &train, &scorer, &validation),
        Err(AdaptError::Input(InputError::Empty { .. }))
    ));
    // What is wrong for another reason is an error.
    let refused = search(&[AdaptMethod::erm(2).on(&start, &training)], &train, &scorer, &validation);
    assert!(matches!(refused, Err(AdaptError::Input(InputError::Index { index: 2, .. }))));
    let none: [Adapted<Linear>; 0] = [];
    assert!(matches!(select(&none, &scorer, &validation), Err(AdaptError::Input(InputError::Empty { .. }))));
}

#[test]
fn what_does_not_suit_a_scorer_is_refused() {
    let device = ndarray();
    let data = problem(&[17, 30], &device);
    let model = fit(&AdaptMethod::erm(0), &data, &device);
    let refused = |scorer: &dyn Scorer<Tensor<2>, Adapted<Linear>>| scorer.score(&model, &data).is_err();
    let values = regression(&device);
    let of_values = fit(&AdaptMethod::erm(0), &values, &device);
    let not_for_values =
        |scorer: &dyn Scorer<Tensor<2>, Adapted<Linear>>| scorer.score(&of_values, &values).is_err();

    assert!(refused(&SourceScore { sources: SourceChoice::One(2) }));
    let weighted = |weights: Vec<f64>| ImportanceWeighted {
        weights: ClassWeights::Given(weights),
        sources: SourceChoice::All,
    };
    assert!(refused(&weighted(vec![1.0; 2])));
    assert!(refused(&weighted(vec![-1.0, 1.0, 1.0])));
    assert!(refused(&weighted(vec![0.0; 3])));
    assert!(refused(&SoftNeighborhood { temperature: 0.0 }));
    assert!(refused(&PenalizedRisk { divergence: Divergence::Mean, weight: -1.0 }));
    assert!(refused(&DeepEmbedded { discriminator: Logistic::new(0.0), ..DeepEmbedded::default() }));
    let single = Adaptation::new(
        data.sources().to_vec(),
        Unlabelled::new("target", data.target().x().clone().slice_dim(0, 0..1)).unwrap(),
    )
    .unwrap();
    assert!(SoftNeighborhood::default().score(&model, &single).is_err());

    assert!(not_for_values(&PredictionEntropy));
    assert!(not_for_values(&SoftNeighborhood::default()));
    assert!(not_for_values(&ImportanceWeighted::default()));
    assert!(not_for_values(&InvariantAgreement { invariant: &of_values }));
    // But these do suit values.
    assert!(!not_for_values(&SourceScore::default()));
    assert!(!not_for_values(&DeepEmbedded::default()));
    // A model of values on classes.
    assert!(DeepEmbedded::default().score(&of_values, &data).is_err());
    assert!(SourceScore::default().score(&of_values, &data).is_err());
}

/// The row numbers of a part, for rows that hold their numbers.
fn numbers(domain: &Labelled<Mat<f64>>) -> Vec<usize> {
    domain.x().col(0).iter().map(|value| *value as usize).collect()
}

proptest! {
    #[test]
    fn parts_share_no_row(n in 4_usize..60, share in 0.1_f64..0.9, seed: u64, classes in 1_usize..5) {
        let labels: Vec<usize> = (0..n).map(|i| i * i % classes).collect();
        let x = Mat::from_fn(n, 1, |i, _| i as f64);
        let domain = Labelled::new("rows", x, Labels::classes(labels.clone(), classes)).unwrap();
        let due = (share * n as f64).round() as usize;
        let parts = hold_out_rows(&domain, share, seed);
        if due == 0 || due == n {
            let refused = matches!(parts, Err(AdaptError::TooFewRows { .. }));
            prop_assert!(refused, "expected an error");
            return Ok(());
        }
        let (kept, held) = parts.unwrap();
        prop_assert_eq!(held.rows(), due);
        let mut all = [numbers(&kept), numbers(&held)].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        for part in [&kept, &held] {
            let (of_part, _) = part.classes().unwrap();
            for (row, class) in numbers(part).into_iter().zip(of_part) {
                prop_assert_eq!(labels[row], *class);
            }
        }
        // Each class gives its share, up to one row.
        for class in 0..classes {
            let of = |labels: &[usize]| labels.iter().filter(|of| **of == class).count() as f64;
            prop_assert!((of(held.classes().unwrap().0) - share * of(&labels)).abs() <= 1.0);
        }
        prop_assert_eq!(numbers(&hold_out_rows(&domain, share, seed).unwrap().0), numbers(&kept));
    }

    #[test]
    fn all_domains_are_split(sizes in prop::collection::vec(8_usize..30, 1..4), seed: u64) {
        let rows = |domain: usize, n: usize| Mat::from_fn(n, 2, |i, j| [i, domain][j] as f64);
        let sources: Vec<_> = sizes.iter().enumerate().map(|(domain, &n)| {
            let classes: Vec<usize> = (0..n).map(|i| i % 2).collect();
            Labelled::new(format!("{domain}"), rows(domain, n), Labels::classes(classes, 2)).unwrap()
        }).collect();
        let data = Adaptation::new(sources, Unlabelled::new("target", rows(9, 20)).unwrap()).unwrap();
        let (train, validation) = hold_out(&data, 0.25, seed).unwrap();
        prop_assert_eq!((train.target().x().nrows(), validation.target().x().nrows()), (15, 5));
        for ((train, validation), &n) in train.sources().iter().zip(validation.sources()).zip(&sizes) {
            prop_assert_eq!(train.name(), validation.name());
            prop_assert_eq!(train.rows() + validation.rows(), n);
            prop_assert!(numbers(train).iter().all(|row| !numbers(validation).contains(row)));
        }
    }
}

#[test]
fn other_seeds_hold_out_other_rows() {
    let x = Mat::from_fn(50, 1, |i, _| i as f64);
    let domain = Labelled::new("rows", x, Labels::values(vec![0.0; 50])).unwrap();
    let held = |seed| numbers(&hold_out_rows(&domain, 0.5, seed).unwrap().1);
    assert_ne!(held(1), held(2));
    for share in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(hold_out_rows(&domain, share, 1).is_err(), "{share}");
    }
}
