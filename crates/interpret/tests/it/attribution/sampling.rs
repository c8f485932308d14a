//! What methods that sample promise: their expectation, their standard errors, the same bits from the same
//! seed.

use burn::tensor::{Device, Tensor};
use kiln_interpret::InterpretError;
use kiln_interpret::attribution::{
    Attributed, Attribution, ExactShapley, GradientShap, IntegratedGradients, KernelShap, Moment, Question,
    ShapleySampling, SmoothGrad,
};
use kiln_tensor::{device_tests, devices};

use super::{close, normal, smooth_network, tensor, values};

/// Over many seeds: within four standard errors of what is expected, and on average one away.
fn honest(what: &str, expected: &[f64], mut found: impl FnMut(u64) -> Result<Attributed, InterpretError>) {
    const SEEDS: u64 = 40;
    let mut squares = 0.0;
    for seed in 0..SEEDS {
        let found = found(seed).unwrap();
        let errors = values(&found.standard_error.unwrap());
        for ((score, error), expected) in values(&found.values).iter().zip(errors).zip(expected) {
            let away = (score - expected) / error;
            assert!(away.abs() < 4.0, "{what}, seed {seed}: {score} is {away} errors from {expected}");
            squares += away * away;
        }
    }
    let mean = squares / (SEEDS as f64 * expected.len() as f64);
    eprintln!("{what} mean {mean}");
    assert!((0.7..1.4).contains(&mean), "{what}: errors are {} times the standard errors", mean.sqrt());
}

#[test]
fn sampled_shapley_values_are_about_the_exact_ones() {
    devices::run("flex", |device| {
        let network = smooth_network(11, 8);
        let model = |x: Tensor<2>| network.outputs(x);
        let x = tensor(&normal(12, 8), [1, 8], device);
        let question = Question::output(1).baseline(tensor(&normal(13, 8), [1, 8], device));
        let exact = ExactShapley::default().attribute(&model, &x, &question).unwrap();
        let exact = values(&exact.values);
        // Few orders with their reverses differ by what features make in threes, whose distribution is
        // skewed.
        for (antithetic, n) in [(false, 60), (true, 300)] {
            let method = ShapleySampling { permutations: n, antithetic, ..ShapleySampling::default() };
            honest("permutations", &exact, |seed| {
                ShapleySampling { seed, ..method }.attribute(&model, &x, &question)
            });
        }
        let method = KernelShap { coalitions: 200, ..KernelShap::default() };
        honest("coalitions", &exact, |seed| KernelShap { seed, ..method }.attribute(&model, &x, &question));
    });
}

#[test]
fn every_permutation_is_complete() {
    devices::run("flex", |device| {
        let network = smooth_network(21, 8);
        let model = |x: Tensor<2>| network.outputs(x);
        let x = tensor(&normal(22, 8), [1, 8], device);
        for seed in 0..10 {
            let method = ShapleySampling { permutations: 1, seed, ..ShapleySampling::default() };
            let found = method.attribute(&model, &x, &Question::output(0)).unwrap();
            close("delta", &found.delta.unwrap(), &[0.0], 1e-13);
            assert!(found.standard_error.is_none());
        }
        // Pairs of features share what they make together: an order and its reverse say it all.
        let products = |x: Tensor<2>| {
            let next = Tensor::cat(vec![x.clone().narrow(1, 1, 7), x.clone().narrow(1, 0, 1)], 1);
            (x * next).sum_dim(1)
        };
        let exact = ExactShapley::default().attribute(&products, &x, &Question::output(0)).unwrap();
        let method = ShapleySampling { permutations: 1, antithetic: true, ..ShapleySampling::default() };
        let found = method.attribute(&products, &x, &Question::output(0)).unwrap();
        close("antithetic", &values(&found.values), &values(&exact.values), 1e-12);
    });
}

#[test]
fn many_groups_are_sampled() {
    devices::run("flex", |device| {
        // 70 features: more coalitions than a number can count. Neighbours share their product.
        let x = normal(31, 70);
        let model = |x: Tensor<2>| (x.clone().narrow(1, 0, 69) * x.narrow(1, 1, 69)).sum_dim(1);
        let half = |i: usize| if i < 69 { x[i] * x[i + 1] / 2.0 } else { 0.0 };
        let exact: Vec<f64> = (0..70).map(|i| half(i) + if i > 0 { half(i - 1) } else { 0.0 }).collect();
        let row = tensor(&x, [1, 70], device);
        let found = KernelShap::default().attribute(&model, &row, &Question::output(0)).unwrap();
        let errors = values(&found.standard_error.unwrap());
        for ((score, error), exact) in values(&found.values).iter().zip(errors).zip(&exact) {
            assert!((score - exact).abs() < 4.0 * error + 1e-9, "{score}, {error}, {exact}");
        }
        close("delta", &found.delta.unwrap(), &[0.0], 1e-11);
    });
}

/// `Σ aᵢ xᵢ²`: derivatives are linear in the noise.
fn quadratic(device: &Device) -> (Vec<f64>, Vec<f64>, impl Fn(Tensor<2>) -> Tensor<2> + use<>) {
    let (a, x) = (vec![1.5, -0.4, 2.0, 0.3], vec![0.8, -1.2, 0.5, 1.8]);
    let weight = tensor(&a, [4, 1], device).autodiff();
    (a, x, move |x: Tensor<2>| x.square().matmul(weight.clone()))
}

#[test]
fn smooth_gradients_of_a_quadratic() {
    devices::run("flex", |device| {
        let (a, x, model) = quadratic(device);
        let row = tensor(&x, [1, 4], device);
        let (samples, sigma) = (1000, 0.2);
        let gradient: Vec<f64> = a.iter().zip(&x).map(|(a, x)| 2.0 * a * x).collect();
        // The range of x is 3.
        let variance: Vec<f64> = a.iter().map(|a| (2.0 * a * 3.0 * sigma).powi(2)).collect();
        let squares: Vec<f64> = gradient.iter().zip(&variance).map(|(g, v)| g * g + v).collect();
        for (moment, expected) in
            [(Moment::Mean, gradient), (Moment::Squares, squares), (Moment::Variance, variance)]
        {
            honest(&format!("{moment:?}"), &expected, |seed| {
                let method = SmoothGrad { samples, sigma, moment, seed, ..SmoothGrad::default() };
                method.attribute(&model, &row, &Question::output(0))
            });
        }
    });
}

#[test]
fn expected_gradients_are_integrated_gradients_on_average() {
    devices::run("flex", |device| {
        let (_, x, model) = quadratic(device);
        let row = tensor(&x, [1, 4], device);
        let references = tensor(&normal(41, 12), [3, 4], device);
        let single = IntegratedGradients { nodes: 1, ..IntegratedGradients::default() };
        let mut expected = vec![0.0; 4];
        for reference in 0..3 {
            let question = Question::output(0).baseline(references.clone().narrow(0, reference, 1));
            let found = single.attribute(&model, &row, &question).unwrap();
            expected.iter_mut().zip(values(&found.values)).for_each(|(sum, score)| *sum += score / 3.0);
        }
        let question = Question::output(0).baseline(references);
        honest("expected gradients", &expected, |seed| {
            let method = GradientShap { samples: 150, seed, ..GradientShap::default() };
            method.attribute(&model, &row, &question)
        });
    });
}

device_tests! {
    fn the_same_seed_has_the_same_bits(device) {
        let model = |x: Tensor<2>| x.clone().square().sum_dim(1) * x.narrow(1, 0, 1);
        let x = Tensor::<2>::from_data([[0.3, -1.0, 2.0], [1.0, 0.5, -0.5]], device);
        let question = Question::output(0);
        let all = |seed| {
            [
                SmoothGrad { samples: 5, seed, ..SmoothGrad::default() }.attribute(&model, &x, &question),
                GradientShap { samples: 5, seed, ..GradientShap::default() }.attribute(&model, &x, &question),
                ShapleySampling { permutations: 2, seed, ..ShapleySampling::default() }
                    .attribute(&model, &x, &question),
                KernelShap { coalitions: 4, seed, ..KernelShap::default() }.attribute(&model, &x, &question),
            ]
            .map(|found| values(&found.unwrap().values))
        };
        let first = all(1);
        assert_eq!(first, all(1));
        for (a, b) in first[..2].iter().zip(all(2)) {
            assert_ne!(*a, b);
        }
    }
}
