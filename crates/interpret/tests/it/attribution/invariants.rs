//! What must hold of every model.

use std::cell::Cell;

use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, tanh};
use kiln_interpret::attribution::{
    Ablation, Attribution, DeepLift, ExactShapley, FeatureGroups, InputXGradient, IntegratedGradients,
    KernelShap, Layers, Moment, Occlusion, Pair, Quadrature, Question, Saliency, ShapleySampling, SmoothGrad,
    Target,
};
use kiln_tensor::devices;
use proptest::prelude::*;

use super::{close, every, kinked_network, normal, smooth_network, tensor, values};

/// How far complete methods may miss the difference of outputs.
fn gap(name: &str) -> Option<f64> {
    match name {
        "integrated gradients" => Some(1e-6),
        "exact Shapley"
        | "Shapley sampling"
        | "antithetic Shapley sampling"
        | "KernelSHAP"
        | "sampled KernelSHAP" => Some(1e-11),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn complete_methods_sum_to_the_difference(seed in 0_u64..1_000_000) {
        devices::run("flex", |device| {
            let network = smooth_network(seed, 5);
            let model = |x: Tensor<2>| network.outputs(x);
            let x = tensor(&normal(seed, 10), [2, 5], device);
            let baseline = tensor(&normal(seed + 1, 10), [2, 5], device);
            let question = Question::of(Target::Each(vec![2, 0])).baseline(baseline.clone());
            let [at_x, at_baseline] = [&x, &baseline].map(|x| values(&network.outputs(x.clone())));
            let difference = [at_x[2] - at_baseline[2], at_x[3] - at_baseline[3]];
            for (name, found) in every(&model, &x, &question, 256) {
                let found = found.unwrap();
                assert_eq!(found.delta.is_some(), gap(name).is_some(), "{name}");
                let (Some(gap), Some(delta)) = (gap(name), found.delta) else { continue };
                let sums: Vec<f64> = values(&found.values).chunks(5).map(|row| row.iter().sum()).collect();
                close(name, &sums, &difference, gap);
                close(name, &delta, &[0.0, 0.0], gap);
            }
            let found = DeepLift.attribute(&Layers(|x: Pair<2>| network.pair(x)), &x, &question).unwrap();
            close("DeepLIFT", &found.delta.unwrap(), &[0.0, 0.0], 1e-11);
            assert_eq!(found.evaluations, 2);
        });
    }

    #[test]
    fn of_a_linear_model_all_say_the_weights(seed in 0_u64..1_000_000) {
        devices::run("flex", |device| {
            let [w, x, baseline] = [0, 1, 2].map(|i| normal(seed + i, 4));
            let weight = tensor(&w, [4, 1], device).autodiff();
            let model = |x: Tensor<2>| x.matmul(weight.clone()) + 0.7;
            let change: Vec<f64> = (0..4).map(|i| w[i] * (x[i] - baseline[i])).collect();
            let pairs = [change[0] + change[1], change[2] + change[3]];
            let halves = [pairs[0], pairs[0], pairs[1], pairs[1]];
            let size: Vec<f64> = w.iter().map(|w| w.abs()).collect();
            let product: Vec<f64> = (0..4).map(|i| w[i] * x[i]).collect();
            let [x, baseline] = [x, baseline].map(|x| tensor(&x, [1, 4], device));
            let question = Question::output(0).baseline(baseline);
            for (name, found) in every(&model, &x, &question, 256) {
                let found = found.unwrap();
                let expected = match name {
                    "saliency" => &size,
                    "SmoothGrad" => &w,
                    "input x gradient" => &product,
                    // Windows of two without overlap.
                    "occlusion" => &halves.to_vec(),
                    // The mean of the way from the single reference.
                    _ => &change,
                };
                close(name, &values(&found.values), expected, 1e-10);
                if let Some(error) = found.standard_error {
                    close(name, &values(&error), &[0.0; 4], 1e-7);
                }
            }
            let found = DeepLift.attribute(&Layers(|x: Pair<2>| x.linear(model)), &x, &question).unwrap();
            close("DeepLIFT", &values(&found.values), &change, 1e-11);
        });
    }

    /// A feature that the model ignores gets nothing, and two that it adds get the same if they change alike.
    #[test]
    fn dummies_and_twins(seed in 0_u64..1_000_000) {
        devices::run("flex", |device| {
            let network = smooth_network(seed, 3);
            // Features 0 and 1 are added, feature 3 is not used.
            let reduced = |x: Tensor<2>| {
                let part = |i, n| x.clone().narrow(1, i, n);
                Tensor::cat(vec![part(0, 1) + part(1, 1), part(2, 1), part(4, 1)], 1)
            };
            let model = |x: Tensor<2>| network.outputs(reduced(x));
            let mut numbers = normal(seed + 7, 5);
            numbers[1] = numbers[0];
            let x = tensor(&numbers, [1, 5], device);
            let question = Question::output(1).baseline(tensor(&[0.1, 0.1, -0.2, 0.3, 0.4], [1, 5], device));
            for (name, found) in every(&model, &x, &question, 256) {
                let scores = values(&found.unwrap().values);
                if !matches!(name, "occlusion" | "sampled KernelSHAP") {
                    assert!(scores[3].abs() < 1e-12, "{name}: {scores:?}");
                }
                if !name.contains("ampl") && name != "occlusion" {
                    assert!((scores[0] - scores[1]).abs() < 1e-11, "{name}: {scores:?}");
                }
            }
        });
    }

    /// A batch with an output and a baseline for each row says what its rows say alone, whatever the
    /// portions.
    #[test]
    fn rows_of_a_batch_are_apart(seed in 0_u64..1_000_000) {
        devices::run("flex", |device| {
            let network = smooth_network(seed, 5);
            let model = |x: Tensor<2>| network.outputs(x);
            let x = tensor(&normal(seed, 15), [3, 5], device);
            let baseline = tensor(&normal(seed + 1, 15), [3, 5], device);
            let targets = [1, 0, 2];
            let groups = FeatureGroups::new(vec![2, 0, 1, 1, 3]).unwrap();
            let question = |rows: &[usize]| Question {
                target: Target::Each(rows.iter().map(|&row| targets[row]).collect()),
                baseline: Some(baseline.clone().narrow(0, rows[0], rows.len())),
                groups: Some(groups.clone()),
            };
            let together = every(&model, &x, &question(&[0, 1, 2]), 7);
            for row in 0..3 {
                let alone = every(&model, &x.clone().narrow(0, row, 1), &question(&[row]), 100);
                for ((name, together), (_, alone)) in together.iter().zip(alone) {
                    let (together, alone) = (together.as_ref().unwrap(), alone.unwrap());
                    // Of three rows this method takes all as references.
                    if *name == "GradientSHAP" {
                        continue;
                    }
                    close(name, &values(&together.values)[4 * row..4 * row + 4], &values(&alone.values), 1e-10);
                    assert_eq!(together.evaluations, alone.evaluations, "{name}");
                    if let Some(error) = &together.standard_error {
                        let alone = values(&alone.standard_error.unwrap());
                        close(name, &values(error)[4 * row..4 * row + 4], &alone, 1e-7);
                    }
                }
            }
        });
    }

    /// Polynomials of degree `2n` along the way are integrated by `n` nodes.
    #[test]
    fn gauss_legendre_is_exact(seed in 0_u64..1_000_000, nodes in 1_i32..12) {
        devices::run("flex", |device| {
            let bounded: Vec<f64> = normal(seed, 6).iter().map(|x| x.tanh()).collect();
            let x = tensor(&bounded[..3], [1, 3], device);
            let question = Question::output(0).baseline(tensor(&bounded[3..], [1, 3], device));
            let power = 2 * nodes;
            let model = |x: Tensor<2>| x.powi_scalar(power).sum_dim(1);
            let method = IntegratedGradients { nodes: nodes as usize, ..IntegratedGradients::default() };
            let found = method.attribute(&model, &x, &question).unwrap();
            let expected: Vec<f64> = (0..3).map(|i| bounded[i].powi(power) - bounded[i + 3].powi(power)).collect();
            close("powers", &values(&found.values), &expected, 1e-12);
        });
    }
}

#[test]
fn groups_add_gradients_and_move_together() {
    devices::run("flex", |device| {
        let network = smooth_network(3, 5);
        let model = |x: Tensor<2>| network.outputs(x);
        let x = tensor(&normal(4, 10), [2, 5], device);
        let baseline = tensor(&normal(5, 5), [1, 5], device);
        let ids = vec![1, 0, 1, 2, 0];
        let plain = Question::output(1).baseline(baseline.clone());
        let grouped = plain.clone().groups(FeatureGroups::new(ids.clone()).unwrap());
        for ((name, single), (_, summed)) in
            every(&model, &x, &plain, 256).into_iter().zip(every(&model, &x, &grouped, 256))
        {
            if ![
                "saliency",
                "input x gradient",
                "integrated gradients",
                "SmoothGrad",
                "GradientSHAP",
                "occlusion",
            ]
            .contains(&name)
            {
                continue;
            }
            let single = values(&single.unwrap().values);
            let mut expected = vec![0.0; 6];
            for (i, score) in single.iter().enumerate() {
                expected[i / 5 * 3 + ids[i % 5]] += score;
            }
            close(name, &values(&summed.unwrap().values), &expected, 1e-12);
        }
        // Shapley values of groups are those of a model of switches, one for each group.
        let row = x.clone().narrow(0, 1, 1);
        let spread: Vec<f64> =
            (0..3).flat_map(|group| ids.iter().map(move |&id| f64::from(u8::from(id == group)))).collect();
        let spread = tensor(&spread, [3, 5], device).autodiff();
        let (start, way) = (baseline.clone().autodiff(), (row.clone() - baseline).autodiff());
        let switched =
            |on: Tensor<2>| network.outputs(on.matmul(spread.clone()) * way.clone() + start.clone());
        let on = tensor(&[1.0; 3], [1, 3], device);
        let exact = ExactShapley::default();
        let found = exact.attribute(&model, &row, &grouped).unwrap();
        let expected = exact.attribute(&switched, &on, &Question::output(1)).unwrap();
        close("groups", &values(&found.values), &values(&expected.values), 1e-12);
        let found = Ablation::default().attribute(&model, &row, &grouped).unwrap();
        let expected = Ablation::default().attribute(&switched, &on, &Question::output(1)).unwrap();
        close("groups", &values(&found.values), &values(&expected.values), 1e-12);
        // One group is all the difference.
        let all = plain.groups(FeatureGroups::new(vec![0; 5]).unwrap());
        for (name, found) in
            every(&model, &row, &all, 256).into_iter().filter(|(name, _)| name.contains("SHAP"))
        {
            assert_eq!(found.unwrap().values.dims(), [1, 1], "{name}");
        }
    });
}

#[test]
fn evaluations_are_the_rows_that_the_model_saw() {
    devices::run("flex", |device| {
        let network = kinked_network(1, 6);
        let x = tensor(&normal(2, 18), [3, 6], device);
        for batch_size in [1, 8, 256] {
            let (rows, most) = (Cell::new(0), Cell::new(0));
            let model = |x: Tensor<2>| {
                let called = x.dims()[0];
                assert!(called.is_multiple_of(3), "whole copies of the batch");
                rows.set(rows.get() + called);
                most.set(most.get().max(called));
                network.outputs(x)
            };
            let mut counted = 0;
            for (name, found) in every(&model, &x, &Question::output(0), batch_size) {
                let evaluations = found.unwrap().evaluations;
                let expected = match name {
                    "saliency" | "input x gradient" => 1,
                    "integrated gradients" => 52,
                    "GradientSHAP" => 9,
                    "SmoothGrad" | "ablation" => 7,
                    "occlusion" => 4,
                    "exact Shapley" | "KernelSHAP" => 64,
                    "Shapley sampling" | "sampled KernelSHAP" => 4 * 5 + 2,
                    "antithetic Shapley sampling" => 8 * 5 + 2,
                    _ => 0,
                };
                assert_eq!(evaluations, expected, "{name}");
                // And two by which it is checked that the model is steady.
                counted += 3 * (evaluations + 2);
            }
            assert_eq!(rows.get(), counted);
            assert!(most.get() <= batch_size.max(3));
        }
    });
}

#[test]
fn windows_share_their_cost() {
    devices::run("flex", |device| {
        // A picture of 3 x 5, and a model that weighs its cells: a window's cost is the sum of its cells.
        let (weights, x) = (normal(1, 15), normal(2, 15));
        let weight = tensor(&weights, [1, 3, 5], device).autodiff();
        let model = |x: Tensor<3>| (x * weight.clone()).reshape([-1, 15]).sum_dim(1);
        let picture = tensor(&x, [1, 3, 5], device);
        let method = Occlusion { stride: vec![1, 2], ..Occlusion::new(vec![2, 2]) };
        let found = method.attribute(&model, &picture, &Question::output(0)).unwrap();
        let mut sums = [0.0; 15];
        let mut counts = [0.0; 15];
        for top in 0..2 {
            for left in [0, 2, 4] {
                let cells: Vec<usize> =
                    (top..top + 2).flat_map(|i| (left..5.min(left + 2)).map(move |j| 5 * i + j)).collect();
                let cost: f64 = cells.iter().map(|&cell| weights[cell] * x[cell]).sum();
                for &cell in &cells {
                    sums[cell] += cost;
                    counts[cell] += 1.0;
                }
            }
        }
        let expected: Vec<f64> = sums.iter().zip(counts).map(|(sum, count)| sum / count).collect();
        close("windows", &values(&found.values), &expected, 1e-12);
        assert_eq!(found.evaluations, 7);
        // The whole picture is one window.
        let all = Occlusion::new(vec![3, 5]).attribute(&model, &picture, &Question::output(0)).unwrap();
        let total: f64 = weights.iter().zip(&x).map(|(weight, x)| weight * x).sum();
        close("all", &values(&all.values), &[total; 15], 1e-12);
    });
}

/// Residual ways, other functions than `ReLU`, maxima, and activations that do not move.
#[test]
fn slopes_of_deep_networks_are_complete() {
    devices::run("flex", |device| {
        let network = kinked_network(5, 6);
        let pairs = Layers(|x: Pair<2>| {
            let hidden = x.linear(|x| network.layer(0, &x)).nonlinear(tanh);
            let residual = hidden.clone().nonlinear(sigmoid).join(hidden, |a, b| a - b * 0.5);
            let pooled =
                residual.clone().linear(|x| x.narrow(1, 0, 3)).max(residual.linear(|x| x.narrow(1, 3, 3)));
            pooled.clone().join(pooled, |a, b| Tensor::cat(vec![a, b * 2.0], 1)).nonlinear(relu)
        });
        let mut numbers = normal(6, 12);
        let baseline = normal(7, 6);
        // A feature that does not move, and a row in which none does.
        numbers[2] = baseline[2];
        numbers[6..].copy_from_slice(&baseline);
        let x = tensor(&numbers, [2, 6], device);
        for output in 0..6 {
            let question = Question::output(output).baseline(tensor(&baseline, [1, 6], device));
            let found = DeepLift.attribute(&pairs, &x, &question).unwrap();
            let scores = values(&found.values);
            assert!(found.delta.unwrap().iter().all(|delta| delta.abs() < 1e-12));
            assert_eq!(scores[2], 0.0);
            assert_eq!(scores[6..], [0.0; 6]);
        }
        // Where nothing moves slopes are derivatives: the row next to it has almost the same.
        let near: Vec<f64> = baseline.iter().map(|x| x + 1e-5).collect();
        let question = Question::output(0).baseline(tensor(&baseline, [1, 6], device));
        let model = |x: Tensor<2>| network.outputs(x);
        let x = tensor(&near, [1, 6], device);
        let slopes = DeepLift.attribute(&Layers(|x: Pair<2>| network.pair(x)), &x, &question).unwrap();
        let gradient = Saliency::default().attribute(&model, &x, &question).unwrap();
        let expected: Vec<f64> = values(&gradient.values).iter().map(|g| g * 1e-5).collect();
        close("near", &values(&slopes.values), &expected, 1e-9);
    });
}

#[test]
fn input_x_gradient_is_complete_without_biases() {
    devices::run("flex", |device| {
        let mut network = kinked_network(9, 4);
        network.layers.iter_mut().for_each(|(_, bias)| bias.fill(0.0));
        let model = |x: Tensor<2>| network.outputs(x);
        let x = tensor(&normal(10, 4), [1, 4], device);
        let found = InputXGradient.attribute(&model, &x, &Question::output(2)).unwrap();
        let sum: f64 = values(&found.values).iter().sum();
        close("sum", &[sum], &values(&network.outputs(x))[2..], 1e-12);
    });
}

#[test]
fn settings_and_groups_are_stored() {
    let groups = FeatureGroups::new(vec![1, 0, 1]).unwrap();
    assert_eq!((groups.len(), groups.ids(), groups.is_empty()), (2, &[1, 0, 1][..], false));
    assert_eq!(serde_json::to_string(&groups).unwrap(), "[1,0,1]");
    assert_eq!(serde_json::from_str::<FeatureGroups>("[1,0,1]").unwrap(), groups);
    assert!(serde_json::from_str::<FeatureGroups>("[2,0]").is_err());
    let smooth = SmoothGrad { moment: Moment::Squares, ..SmoothGrad::default() };
    let text = serde_json::to_string(&smooth).unwrap();
    assert_eq!(serde_json::from_str::<SmoothGrad>(&text).unwrap(), smooth);
    let midpoint = IntegratedGradients { quadrature: Quadrature::Midpoint, ..IntegratedGradients::default() };
    assert!(serde_json::to_string(&midpoint).unwrap().contains("\"midpoint\""));
    assert_eq!(KernelShap::default().batch_size, ShapleySampling::default().batch_size);
}

/// The slope of a function is asked for where its derivative is infinite.
#[test]
fn deep_lift_needs_no_derivative_between_distant_values() {
    let model = Layers(|pair: Pair<2>| pair.nonlinear(Tensor::sqrt));
    let device = devices::named("flex").unwrap();
    let x = Tensor::<2>::from_data([[0.0, 4.0]], &device);
    let question = Question::output(0).baseline(x.ones_like());
    let found = DeepLift.attribute(&model, &x, &question).unwrap();
    let scores: Vec<f64> = found.values.into_data().iter::<f64>().collect();
    assert_eq!(scores, [-1.0, 0.0]);
}
