//! Distributionally robust classification: invariants 13 and 14 of the method, exact oracles against brute
//! force.

mod mixtures;

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use kiln_adapt::robust::oracle::{exact_mixture, worst_point};
use kiln_adapt::robust::{
    Ball, ConditionalSource, Conditionals, PseudoLabels, Robust, RobustClassification, SpuriousSources,
    Supervised, evaluate, frozen_features, mixture_step, oracle_perturbation,
};
use kiln_adapt::{
    AdaptError, Adaptation, FeatureModel, FeatureNetwork, Features, Fit, Labelled, Labels, Predict,
    Unlabelled,
};
use kiln_core::InputError;
use kiln_tensor::network::MultilayerPerceptron;
use kiln_tensor::{Distribution, Noise, device_tests};

fn gaussian(seed: u64, count: usize) -> Vec<f64> {
    let mut numbers = vec![0.0; count];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut numbers);
    numbers
}

fn tensor(numbers: &[f64], columns: usize, device: &Device) -> Tensor<2> {
    let numbers: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
    let rows = numbers.len() / columns;
    Tensor::from_data(TensorData::new(numbers, [rows, columns]), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Gaussian rows with the deviation `scale`.
fn rows(seed: u64, count: usize, width: usize, scale: f64, device: &Device) -> Unlabelled<Tensor<2>> {
    let x: Vec<f64> = gaussian(seed, count * width).into_iter().map(|x| scale * x).collect();
    Unlabelled::new("target", tensor(&x, width, device)).unwrap()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|x| x.exp()).sum();
    logits.iter().map(|x| x.exp() / sum).collect()
}

fn probabilities(seed: u64, count: usize, rows: usize, classes: usize) -> Vec<Vec<Vec<f64>>> {
    let all = gaussian(seed, count * rows * classes);
    let conditional = |part: &[f64]| {
        let row = |row: &[f64]| softmax(&row.iter().map(|x| 1.5 * x).collect::<Vec<_>>());
        part.chunks_exact(classes).map(row).collect()
    };
    all.chunks_exact(rows * classes).map(conditional).collect()
}

fn conditionals(seed: u64, count: usize, rows: usize, classes: usize) -> Conditionals {
    Conditionals::new(&probabilities(seed, count, rows, classes)).unwrap()
}

fn linear(parameters: &[f64], width: usize, classes: usize, device: &Device) -> Linear {
    let (weight, bias) = parameters.split_at(width * classes);
    let bias: Vec<f32> = bias.iter().map(|&x| x as f32).collect();
    let bias = Tensor::from_data(TensorData::new(bias, [classes]), device);
    Linear {
        weight: Param::from_tensor(tensor(weight, classes, device)),
        bias: Some(Param::from_tensor(bias)),
    }
}

fn random_linear(seed: u64, width: usize, classes: usize, device: &Device) -> Linear {
    linear(&gaussian(seed, (width + 1) * classes), width, classes, device)
}

fn parameters(model: &Linear) -> Vec<f64> {
    let mut all = numbers(model.weight.val());
    all.extend(numbers(model.bias.as_ref().unwrap().val()));
    all
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b} within {tolerance}");
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Three sources of unequal size whose conditionals differ, three features, two classes.
fn sources(device: &Device) -> Vec<Labelled<Tensor<2>>> {
    let source = |k: u64, count: usize| {
        let x = gaussian(100 + k, count * 3);
        let tilt = [1.0, 0.2, -1.0][k as usize];
        let class = |row: &[f64]| usize::from(row[0] + tilt * row[1] > 0.0);
        let classes: Vec<usize> = x.chunks_exact(3).map(class).collect();
        Labelled::new(format!("s{k}"), tensor(&x, 3, device), Labels::classes(classes, 2)).unwrap()
    };
    vec![source(0, 60), source(1, 40), source(2, 25)]
}

fn adaptation(device: &Device) -> Adaptation<Tensor<2>> {
    Adaptation::new(sources(device), rows(7, 24, 3, 1.0, device)).unwrap()
}

/// Few rounds from a given model, with everything switched on.
fn quick(covariate_radius: f64, mixture_radius: f64) -> RobustClassification {
    RobustClassification {
        ascent_steps: 3,
        outer_rounds: 4,
        batch_size: 64,
        learning_rate: 0.02,
        heads: Supervised { learning_rate: 0.1, epochs: 4, patience: 4 },
        start: None,
        ..RobustClassification::new(covariate_radius, mixture_radius)
    }
}

/// For what needs many steps: the mathematics is the same on every device, and the other tests compare those.
fn on_flex(test: impl FnOnce(&Device)) {
    kiln_tensor::devices::run("flex", test);
}

#[test]
fn settings_survive_serialization() {
    let settings = RobustClassification {
        conditionals: ConditionalSource::Resampled { count: 10, size: 30 },
        labels: PseudoLabels::Hard,
        reference: Some(vec![0.25, 0.75]),
        ..RobustClassification::new(0.2, 0.4)
    };
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<RobustClassification>(&json).unwrap(), settings);
}

device_tests! {
    fn ascent_finds_the_closed_form(device) {
        let (count, width) = (16, 3);
        let target = rows(1, count, width, 1.0, device);
        let values = conditionals(2, 2, count, 2);
        let model = random_linear(3, width, 2, device);
        let theta = parameters(&model);
        let slope: Vec<f64> = (0..width).map(|j| theta[2 * j + 1] - theta[2 * j]).collect();
        let bias = theta[2 * width + 1] - theta[2 * width];
        let z = numbers(target.x().clone());
        let shares = values.mixture(&[0.3, 0.7]).unwrap();
        for ball in [Ball::L2, Ball::LInf] {
            for radius in [0.01, 0.5, 3.0] {
                let settings = RobustClassification { ball, ..RobustClassification::new(radius, 0.0) };
                let moved = settings.displacements(&model, &target, &values, &[0.3, 0.7]).unwrap();
                let moved = numbers(moved);
                for (i, step) in moved.chunks_exact(width).enumerate() {
                    let size = match ball {
                        Ball::L2 => distance(step, &vec![0.0; width]),
                        Ball::LInf => step.iter().fold(0.0, |most, x: &f64| x.abs().max(most)),
                    };
                    assert!(size <= radius * (1.0 + 1e-6), "{size} in a ball of {radius}");
                    let margin = bias + dot(&slope, &z[i * width..(i + 1) * width]);
                    let share = shares[2 * i + 1];
                    let best = worst_point(&slope, margin, share, ball, radius).unwrap().loss;
                    let t = margin + dot(&slope, step);
                    let loss = t.max(0.0) + (-t.abs()).exp().ln_1p() - share * t;
                    assert!(loss >= 0.99 * best && loss <= best * (1.0 + 1e-5), "{loss} against {best}");
                }
            }
        }
    }

    fn robust_values_grow_with_both_radii(device) {
        let target = rows(4, 12, 3, 1.0, device);
        // With two conditionals and two classes the value is exact.
        let values = conditionals(5, 2, 12, 2);
        let model = random_linear(6, 3, 2, device);
        let value = |covariate: f64, mixture: f64| {
            let settings = RobustClassification { ascent_steps: 4, ..RobustClassification::new(covariate, mixture) };
            settings.surrogate(&model, &target, &values).unwrap().value
        };
        let (covariates, mixtures) = ([0.0, 0.2, 1.0], [0.0, 0.4, 1.5]);
        let table: Vec<Vec<f64>> =
            covariates.iter().map(|&e| mixtures.iter().map(|&m| value(e, m)).collect()).collect();
        for i in 0..3 {
            for j in 0..3 {
                assert!(i == 0 || table[i][j] >= table[i - 1][j] - 1e-5, "{table:?}");
                assert!(j == 0 || table[i][j] >= table[i][j - 1] - 1e-5, "{table:?}");
            }
        }
        assert!(table[2][2] > table[0][0] + 0.1);
    }

    fn two_class_robust_values_match_the_closed_form(device) {
        let (count, width) = (10, 3);
        let target = rows(8, count, width, 1.0, device);
        let values = conditionals(9, 2, count, 2);
        let model = random_linear(10, width, 2, device);
        let theta = parameters(&model);
        let slope: Vec<f64> = (0..width).map(|j| theta[2 * j + 1] - theta[2 * j]).collect();
        let bias = theta[2 * width + 1] - theta[2 * width];
        let z = numbers(target.x().clone());
        let (radius, reach) = (0.4, 0.5);
        let mean = |beta: &[f64]| {
            let shares = values.mixture(beta).unwrap();
            let loss = |i: usize| {
                let margin = bias + dot(&slope, &z[i * width..(i + 1) * width]);
                worst_point(&slope, margin, shares[2 * i + 1], Ball::L2, radius).unwrap().loss
            };
            (0..count).map(loss).sum::<f64>() / count as f64
        };
        // Convex in β, so largest at an end of the segment.
        let end = reach / 2.0_f64.sqrt();
        let expected = mean(&[0.5 + end, 0.5 - end]).max(mean(&[0.5 - end, 0.5 + end]));
        let found = RobustClassification::new(radius, reach).surrogate(&model, &target, &values).unwrap();
        assert!((found.value - expected).abs() < 1e-4 * expected, "{} against {expected}", found.value);
    }

    fn robust_values_of_linear_models_are_convex(device) {
        let target = rows(11, 10, 2, 1.0, device);
        for (classes, count, covariate) in [(2, 2, 0.5), (3, 4, 0.0)] {
            let values = conditionals(12, count, 10, classes);
            let settings = RobustClassification { ascent_steps: 4, ..RobustClassification::new(covariate, 0.6) };
            let value = |theta: &[f64]| {
                let model = linear(theta, 2, classes, device);
                settings.surrogate(&model, &target, &values).unwrap().value
            };
            for seed in 0..2 {
                let (a, b) = (gaussian(20 + seed, 3 * classes), gaussian(40 + seed, 3 * classes));
                let middle: Vec<f64> = a.iter().zip(&b).map(|(a, b)| f64::midpoint(*a, *b)).collect();
                assert!(value(&middle) <= f64::midpoint(value(&a), value(&b)) + 1e-5);
            }
        }
    }

    fn copies_of_a_conditional_change_nothing(device) {
        let target = rows(13, 12, 3, 1.0, device);
        let mut list = probabilities(14, 3, 12, 3);
        let model = random_linear(15, 3, 3, device);
        let value = |list: &[Vec<Vec<f64>>]| {
            let values = Conditionals::new(list).unwrap();
            RobustClassification::new(0.0, 1.5).surrogate(&model, &target, &values).unwrap().value
        };
        let plain = value(&list);
        for k in 0..3 {
            list.push(list[k].clone());
            assert!((value(&list) - plain).abs() < 1e-9);
        }
    }

    fn the_order_of_sources_does_not_matter(device) {
        let model = random_linear(16, 3, 2, device);
        let data = adaptation(device);
        let mut turned = sources(device);
        turned.rotate_left(1);
        let turned = Adaptation::new(turned, data.target().clone()).unwrap();
        let a = quick(0.2, 0.5).on(&model).fit(&data).unwrap();
        let b = quick(0.2, 0.5).on(&model).fit(&turned).unwrap();
        let mut mixture = a.mixture().to_vec();
        mixture.rotate_left(1);
        close(b.mixture(), &mixture, 1e-4);
        close(&parameters(a.model()), &parameters(b.model()), 1e-3);
        assert!((a.robust_value() - b.robust_value()).abs() < 1e-4);
    }

    fn every_round_stays_in_the_set_and_radius_zero_keeps_the_reference(device) {
        let data = adaptation(device);
        let model = random_linear(17, 3, 2, device);
        let reference = vec![0.5, 0.3, 0.2];
        for radius in [0.0, 0.3] {
            let settings = RobustClassification { reference: Some(reference.clone()), ..quick(0.1, radius) };
            let fitted = settings.on(&model).fit(&data).unwrap();
            assert_eq!(fitted.trace().len(), 4);
            for round in fitted.trace() {
                assert!((round.mixture.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(round.mixture.iter().all(|share| *share >= 0.0));
                assert!(distance(&round.mixture, &reference) <= radius * (1.0 + 1e-12));
            }
            assert_eq!(fitted.mixture() == reference, radius == 0.0);
            assert!(fitted.entropy_bound() <= fitted.robust_value());
        }
    }

    fn without_radii_the_mean_conditional_is_distilled(device) {
        let target = rows(18, 12, 3, 1.0, device);
        let list = probabilities(19, 3, 12, 2);
        let mean: Vec<Vec<f64>> = (0..12)
            .map(|i| (0..2).map(|c| list.iter().map(|p| p[i][c]).sum::<f64>() / 3.0).collect())
            .collect();
        let model = random_linear(20, 3, 2, device);
        let fit = |values: &Conditionals| quick(0.0, 0.0).on(&model).fit_given(&target, values, None).unwrap();
        let robust = fit(&Conditionals::new(&list).unwrap());
        let distilled = fit(&Conditionals::new(&[mean]).unwrap());
        close(&parameters(robust.model()), &parameters(distilled.model()), 1e-5);
        assert!((robust.robust_value() - distilled.robust_value()).abs() < 1e-6);
    }

    fn equal_seeds_give_equal_bits_and_target_labels_are_not_seen(device) {
        let model = random_linear(21, 3, 2, device);
        let z = rows(7, 24, 3, 1.0, device).x().clone();
        let labelled = |classes: Vec<usize>| Labelled::new("target", z.clone(), Labels::classes(classes, 2)).unwrap();
        let settings = RobustClassification { batch_size: 16, outer_rounds: 2, ..quick(0.3, 0.5) };
        let fit = |seed: u64, target: &Labelled<Tensor<2>>| {
            let data = Adaptation::new(sources(device), target.without_labels()).unwrap();
            let fitted = RobustClassification { seed, ..settings.clone() }.on(&model).fit(&data).unwrap();
            (parameters(fitted.model()), fitted.mixture().to_vec())
        };
        let straight = labelled((0..24).map(|i| i % 2).collect());
        let scrambled = labelled((0..24).map(|i| usize::from(i < 9)).collect());
        let first = fit(1, &straight);
        assert_eq!(first, fit(1, &scrambled));
        assert_ne!(first, fit(2, &straight));
    }

    fn frozen_features_are_those_of_the_model(device) {
        let data = adaptation(device);
        let network = FeatureNetwork::perceptron(&[3, 5, 2], Features::LastHidden, 3, device).unwrap();
        let mapped = frozen_features(&network, &data, 7).unwrap();
        for (source, from) in mapped.sources().iter().zip(data.sources()) {
            let expected = network.features(from.x().clone());
            close(&numbers(source.x().clone()), &numbers(expected), 1e-6);
            assert_eq!((source.name(), source.y()), (from.name(), from.y()));
        }
        let expected = numbers(network.features(data.target().x().clone()));
        close(&numbers(mapped.target().x().clone()), &expected, 1e-6);
        assert!(frozen_features(&network, &data, 0).is_err());
    }
}

#[test]
fn a_perceptron_is_fitted_with_every_option() {
    on_flex(|device| {
        let data = adaptation(device);
        let network = FeatureNetwork::perceptron(&[3, 8, 2], Features::LastHidden, 3, device).unwrap();
        let base = RobustClassification {
            ball: Ball::LInf,
            labels: PseudoLabels::Hard,
            conditionals: ConditionalSource::Resampled { count: 4, size: 30 },
            start: Some(Supervised { learning_rate: 0.01, epochs: 3, patience: 2 }),
            ..quick(0.2, 0.4)
        };
        let fitted = base.on(&network).fit(&data).unwrap();
        assert_eq!((fitted.conditionals().count(), fitted.mixture().len()), (4, 4));
        assert!(fitted.entropy_bound() <= fitted.robust_value());
        assert_eq!(fitted.predict_classes(data.target().x()).unwrap().len(), 24);
        let soft = RobustClassification { labels: PseudoLabels::Soft, ..base.clone() };
        let soft = soft.on(&network).fit(&data).unwrap();
        assert_ne!(soft.robust_value(), fitted.robust_value());
        // No rounds: the model after ERM.
        let started = RobustClassification { outer_rounds: 0, ..base }.on(&network).fit(&data).unwrap();
        assert!(started.trace().is_empty());
        let pooled = data.source(0).unwrap();
        let score = |model: &FeatureNetwork<MultilayerPerceptron>| evaluate(model, pooled).unwrap().score();
        assert!(score(started.model()) > score(&network) - 0.05);
    });
}

#[test]
fn distillation_reaches_its_stationary_point() {
    on_flex(|device| {
        let target = rows(30, 30, 3, 1.0, device);
        let values = conditionals(31, 3, 30, 3);
        let settings = RobustClassification {
            outer_rounds: 600,
            learning_rate: 0.02,
            ..RobustClassification::new(0.0, 0.0)
        };
        let model = random_linear(32, 3, 3, device);
        let fitted = settings.on(&model).fit_given(&target, &values, None).unwrap();
        let mean = tensor(&values.mixture(&[1.0 / 3.0; 3]).unwrap(), 3, device);
        let outputs = FeatureModel::<Tensor<2>>::forward(fitted.model(), target.x().clone());
        let residual = burn::tensor::activation::softmax(outputs, 1) - mean;
        let gradient = target.x().clone().transpose().matmul(residual) / 30.0;
        let largest = numbers(gradient).into_iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        assert!(largest < 1e-3, "gradient {largest}");
    });
}

#[test]
fn steps_on_real_conditionals_reach_the_exact_value() {
    on_flex(|device| {
        let generator = SpuriousSources { majority_rows: 300, minority_rows: 200, ..SpuriousSources::new(3) };
        let data = generator.adaptation(device).unwrap();
        let settings = RobustClassification::new(0.0, 0.0);
        let values = settings.estimate_conditionals(&data).unwrap();
        let reference = [1.0 / 6.0; 6];
        for seed in 0..3 {
            let model = random_linear(seed, 5, 2, device);
            let outputs = FeatureModel::<Tensor<2>>::forward(&model, data.target().x().clone());
            let logarithms = numbers(burn::tensor::activation::log_softmax(outputs, 1));
            let loss = |k: usize| {
                let corner: Vec<f64> = (0..6).map(|j| f64::from(u8::from(j == k))).collect();
                -dot(&values.mixture(&corner).unwrap(), &logarithms) / values.rows() as f64
            };
            let losses: Vec<f64> = (0..6).map(loss).collect();
            for radius in [0.1, 0.3, 0.6, 1.5] {
                let mut beta = reference.to_vec();
                for _ in 0..2000 {
                    beta = mixture_step(&beta, &losses, &reference, radius, 0.05).unwrap();
                }
                let best = dot(&exact_mixture(&losses, &reference, radius).unwrap(), &losses);
                let found = dot(&beta, &losses);
                assert!(found >= 0.99 * best, "{found} of {best} at {radius}: {losses:?}");
            }
        }
    });
}

#[test]
fn a_validation_score_picks_the_round_and_ends_training() {
    on_flex(|device| {
        let data = adaptation(device);
        let model = random_linear(33, 3, 2, device);
        let settings = RobustClassification { outer_rounds: 30, patience: 4, ..quick(0.0, 0.5) };
        let mut rounds = 0;
        let mut kept = Vec::new();
        // Rises until round 5, then falls.
        let mut score = |model: &Linear| {
            rounds += 1;
            if rounds == 6 {
                kept = parameters(model);
            }
            Ok(-f64::abs(f64::from(rounds) - 6.0))
        };
        let fitted = settings.on(&model).fit_validated(&data, Some(&mut score)).unwrap();
        assert_eq!(fitted.trace().len(), 10);
        assert_eq!(parameters(fitted.model()), kept);
        assert_eq!(fitted.mixture(), fitted.trace()[5].mixture);
        assert_eq!(fitted.trace()[5].score, Some(0.0));
        let nan = settings.on(&model).fit_validated(&data, Some(&mut |_: &Linear| Ok(f64::NAN)));
        assert!(matches!(nan, Err(AdaptError::Input(InputError::NotFinite { .. }))));
        let failing = settings
            .on(&model)
            .fit_validated(&data, Some(&mut |_: &Linear| Err(AdaptError::Method("the score failed"))));
        assert!(matches!(failing, Err(AdaptError::Method("the score failed"))));
    });
}

#[test]
fn the_oracle_differs_from_the_method_where_rows_move() {
    on_flex(|device| {
        let generator = SpuriousSources { majority_rows: 60, minority_rows: 60, ..SpuriousSources::new(4) };
        let data = generator.adaptation(device).unwrap();
        let target = generator.target(generator.target_rows, device).unwrap();
        let model = random_linear(34, 5, 2, device);
        let both = |radius: f64| -> (Robust<Linear>, Robust<Linear>) {
            let settings = quick(radius, 0.5);
            let sources = data.sources().to_vec();
            let oracle = oracle_perturbation(&settings.on(&model), sources, &target, None).unwrap();
            (settings.on(&model).fit(&data).unwrap(), oracle)
        };
        let (plain, oracle) = both(0.0);
        assert_eq!(parameters(plain.model()), parameters(oracle.model()));
        let (plain, oracle) = both(0.5);
        assert_ne!(parameters(plain.model()), parameters(oracle.model()));
    });
}

#[test]
fn bad_input_is_an_error() {
    on_flex(|device| {
        let data = adaptation(device);
        let model = random_linear(35, 3, 2, device);
        let base = quick(0.1, 0.1);
        let refuses = |settings: RobustClassification| {
            assert!(settings.on(&model).fit(&data).is_err(), "{settings:?}");
        };
        for bad in [f64::NAN, -0.1, f64::INFINITY] {
            refuses(RobustClassification { covariate_radius: bad, ..base.clone() });
            refuses(RobustClassification { mixture_radius: bad, ..base.clone() });
            refuses(RobustClassification { step_size: bad, ..base.clone() });
            refuses(RobustClassification { learning_rate: bad, ..base.clone() });
            refuses(RobustClassification {
                heads: Supervised { learning_rate: bad, ..base.heads },
                ..base.clone()
            });
        }
        refuses(RobustClassification { batch_size: 0, ..base.clone() });
        refuses(RobustClassification { ascent_steps: 0, ..base.clone() });
        refuses(RobustClassification { patience: 0, ..base.clone() });
        refuses(RobustClassification { start: Some(Supervised { epochs: 0, ..base.heads }), ..base.clone() });
        refuses(RobustClassification { reference: Some(vec![0.5, 0.5]), ..base.clone() });
        refuses(RobustClassification { reference: Some(vec![0.5, 0.6, 0.1]), ..base.clone() });
        refuses(RobustClassification { reference: Some(vec![0.5, 0.5, 0.0]), ..base.clone() });
        for (count, size) in [(0, 10), (3, 0)] {
            let conditionals = ConditionalSource::Resampled { count, size };
            refuses(RobustClassification { conditionals, ..base.clone() });
        }
        // A resample of one row has one class.
        let one = ConditionalSource::Resampled { count: 2, size: 1 };
        let result = RobustClassification { conditionals: one, ..base.clone() }.on(&model).fit(&data);
        assert!(matches!(result, Err(AdaptError::MissingClass { .. })));

        let diverging = RobustClassification { learning_rate: 1e38, outer_rounds: 20, ..base.clone() };
        assert!(matches!(diverging.on(&model).fit(&data), Err(AdaptError::Diverged { .. })));

        let wrong = random_linear(36, 3, 3, device);
        assert!(matches!(base.on(&wrong).fit(&data), Err(AdaptError::Input(InputError::Size { .. }))));
        let few = conditionals(1, 2, 5, 2);
        assert!(matches!(
            base.on(&model).fit_given(data.target(), &few, None),
            Err(AdaptError::Input(InputError::Size { .. }))
        ));
        assert!(matches!(
            base.surrogate(&model, data.target(), &few),
            Err(AdaptError::Input(InputError::Size { .. }))
        ));
        let fitting = conditionals(1, 2, 24, 2);
        assert!(base.displacements(&model, data.target(), &fitting, &[0.9, 0.2]).is_err());

        // A source that lacks a class has no conditional.
        let mut list = sources(device);
        let x = rows(40, 5, 3, 1.0, device).x().clone();
        list.push(Labelled::new("lacking", x.clone(), Labels::classes([1; 5], 2)).unwrap());
        let lacking = Adaptation::new(list, data.target().clone()).unwrap();
        match base.on(&model).fit(&lacking) {
            Err(AdaptError::MissingClass { domain, class, .. }) => {
                assert_eq!((domain.as_str(), class), ("lacking", 0));
            }
            other => panic!("{other:?}"),
        }
        // Values are not classes.
        let values = Labelled::new("values", x, Labels::values([1.0, 2.0, 3.0, 4.0, 5.0])).unwrap();
        let regression = Adaptation::new(vec![values.clone()], data.target().clone()).unwrap();
        let outputs = random_linear(37, 3, 1, device);
        assert!(matches!(base.on(&outputs).fit(&regression), Err(AdaptError::Labels { .. })));
        assert!(matches!(evaluate(&outputs, &values), Err(AdaptError::Labels { .. })));
    });
}

#[test]
fn spurious_sources_are_as_described() {
    on_flex(|device| {
        let generator = SpuriousSources::new(5);
        let data = generator.adaptation(device).unwrap();
        let counts: Vec<usize> = data.sources().iter().map(Labelled::rows).collect();
        assert_eq!(counts, [900, 900, 900, 900, 900, 500]);
        let test = generator.target(4000, device).unwrap();
        let first = numbers(test.x().clone().slice_dim(0, 0..100));
        assert_eq!(numbers(data.target().x().clone()), first);
        let check = |domain: &Labelled<Tensor<2>>, sign: f64| {
            let (classes, _) = domain.classes().unwrap();
            let x = numbers(domain.x().clone());
            let n = classes.len() as f64;
            let y = |i: usize| if classes[i] == 1 { 1.0 } else { -1.0 };
            let balance = (0..classes.len()).map(y).sum::<f64>() / n;
            assert!(balance.abs() < 5.0 / n.sqrt());
            for (j, expected) in [1.5, 1.5 * sign, 0.0, 0.0, 0.0].into_iter().enumerate() {
                let noise: Vec<f64> = (0..classes.len()).map(|i| x[5 * i + j] - expected * y(i)).collect();
                let mean = noise.iter().sum::<f64>() / n;
                let variance = noise.iter().map(|e| e * e).sum::<f64>() / n;
                assert!(mean.abs() < 5.0 / n.sqrt(), "mean {mean}");
                assert!((variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "variance {variance}");
            }
        };
        data.sources().iter().take(5).for_each(|source| check(source, 1.0));
        check(data.source(5).unwrap(), -1.0);
        check(&test, -1.0);
        let again = SpuriousSources::new(6).adaptation(device).unwrap();
        assert_ne!(numbers(again.target().x().clone()), numbers(data.target().x().clone()));
        for bad in [
            SpuriousSources { minority_rows: 0, ..generator.clone() },
            SpuriousSources { core: f64::NAN, ..generator.clone() },
            SpuriousSources { spurious: f64::INFINITY, ..generator },
        ] {
            assert!(bad.adaptation(device).is_err());
        }
    });
}
