//! Importance of coefficients: equal to the plain method without a transform, complete with a residual, the
//! chain rule.

use burn::tensor::{Tensor, TensorData, activation::relu};
use kiln_core::InputError;
use kiln_interpret::attribution::{
    Attribution, ExactShapley, InputXGradient, IntegratedGradients, Model, Quadrature, Question, Saliency,
    ShapleySampling,
};
use kiln_interpret::transform::{
    Fourier, Identity, NonnegativeFactorization, PrincipalComponents, Transform, WaveletTransform,
};
use kiln_interpret::wavelet::{Boundary, Wavelet};
use kiln_interpret::{InterpretError, Trim};
use kiln_tensor::device_tests;
use proptest::prelude::*;
use serde_json::Value;

use crate::reference::{distance, numbers, reference};
use crate::transform::{normal, tensor, values};

/// A smooth function, so that few midpoints suffice.
fn smooth(width: usize) -> impl Fn(Tensor<2>) -> Tensor<2> {
    let weights = normal(99, width * 3).iter().map(|w| w * 0.3).collect::<Vec<_>>();
    move |x: Tensor<2>| {
        let weights = tensor(&weights, [width, 3]);
        let weights = if x.is_autodiff() { weights.autodiff() } else { weights };
        x.matmul(weights).tanh()
    }
}

/// Of the smooth function it is exact to rounding.
fn integrated() -> IntegratedGradients {
    IntegratedGradients::default()
}

fn sums(scores: Tensor<2>) -> Vec<f64> {
    values(scores.sum_dim(1))
}

#[test]
fn without_a_transform_it_is_the_plain_method() {
    let model = smooth(8);
    let x = tensor(&normal(1, 24), [3, 8]);
    same(&Saliency::default(), &model, &x);
    same(&InputXGradient, &model, &x);
    same(&integrated(), &model, &x);
    same(&ExactShapley::default(), &model, &x);
}

fn same<A: Attribution>(method: &A, model: &impl Model<2>, x: &Tensor<2>) {
    let identity = Identity::new(&[8]).unwrap();
    let question = Question::output(1);
    let plain = method.attribute(model, x, &question).unwrap();
    let trim = Trim::new(model, &identity).attribute(method, x, &question).unwrap();
    assert_eq!(values(plain.values), values(trim.values));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With `T` orthogonal the gradient's coefficients are the gradient of the coefficients, and inputs times
    /// gradients keep their sum.
    #[test]
    fn orthogonal_transforms_turn_the_gradient(seed in 0u64..1000) {
        let model = smooth(8);
        let x = tensor(&normal(seed, 16), [2, 8]);
        let gradient = Saliency::default().attribute(&model, &x, &Question::output(2)).unwrap().values;
        let expected = sums(x.clone() * gradient.clone());
        let wavelet =
            WaveletTransform::of_signals(&Wavelet::named("db2").unwrap(), Boundary::Periodization, &[8], 1);
        turns(&model, &wavelet.unwrap(), &x, &gradient, &expected);
        turns(&model, &Fourier::of_signals(&[8]).unwrap(), &x, &gradient, &expected);
    }

    /// From coefficients 0 the sum is `f(x) − f(r)`.
    #[test]
    fn with_a_residual_it_is_complete(seed in 0u64..1000) {
        let model = smooth(6);
        let positive: Vec<f64> = normal(seed, 48).iter().map(|x| x.abs()).collect();
        let fitted = tensor(&positive, [8, 6]);
        let parts = NonnegativeFactorization::fit(&fitted, 2, 50, 1).unwrap();
        complete(&model, &parts, &fitted.clone().narrow(0, 0, 3));
        let components = PrincipalComponents::fit(&fitted, 2).unwrap();
        complete(&model, &components, &fitted.narrow(0, 2, 4));
    }
}

fn turns<M: Model<2>, T: Transform<2>>(
    model: &M,
    transform: &T,
    x: &Tensor<2>,
    gradient: &Tensor<2>,
    expected: &[f64],
) {
    let trim = Trim::new(model, transform);
    let turned = trim.attribute(&Saliency::default(), x, &Question::output(2)).unwrap().values;
    let coefficients = values(transform.forward(gradient.clone()).unwrap());
    assert!(distance(&values(turned), &coefficients) < 1e-10);
    let products = trim.attribute(&InputXGradient, x, &Question::output(2)).unwrap().values;
    assert!(distance(&sums(products), expected) < 1e-10);
}

fn complete<M: Model<2>, T: Transform<2>>(model: &M, transform: &T, x: &Tensor<2>) {
    let trim = Trim::new(model, transform);
    let trimmed = trim.at(x).unwrap();
    let output = |x: Tensor<2>| values(model.outputs(x).unwrap().narrow(1, 0, 1));
    // The inverse of 0 is the mean for principal components.
    let nothing: Tensor<2> = transform.inverse(trimmed.coefficients().zeros_like()).unwrap();
    let start = output(nothing + trimmed.residual().clone());
    let expected: Vec<f64> = output(x.clone()).iter().zip(&start).map(|(a, b)| a - b).collect();
    let path = trim.attribute(&integrated(), x, &Question::output(0)).unwrap();
    assert!(distance(&sums(path.values.clone()), &expected) < 1e-9);
    assert!(path.delta.unwrap().iter().all(|delta| delta.abs() < 1e-9));
    let sampled = ShapleySampling::default();
    let sampled = trim.attribute(&sampled, x, &Question::output(0)).unwrap();
    assert!(distance(&sums(sampled.values), &expected) < 1e-9);
}

device_tests! {
    fn scores_on_every_device_sum_to_the_output(device) {
        let positive: Vec<f32> = normal(3, 24).iter().map(|x| x.abs() as f32).collect();
        let x = Tensor::<2>::from_data(TensorData::new(positive, [4, 6]), device);
        let model = |x: Tensor<2>| x.powi_scalar(2).sum_dim(1);
        let parts = NonnegativeFactorization::fit(&x, 2, 20, 1).unwrap();
        let trim = Trim::new(&model, &parts);
        let residual = trim.at(&x).unwrap().residual().clone();
        let scores = trim.attribute(&integrated(), &x, &Question::output(0)).unwrap().values;
        let expected = model(x) - model(residual);
        let error = (scores.sum_dim(1) - expected).abs().max().into_scalar::<f32>();
        assert!(error < 1e-4, "{error}");
    }
}

#[test]
fn examples_do_not_depend_on_each_other() {
    let model = smooth(6);
    let positive: Vec<f64> = normal(4, 48).iter().map(|x| x.abs()).collect();
    let x = tensor(&positive, [8, 6]);
    let parts = NonnegativeFactorization::fit(&x, 3, 50, 1).unwrap();
    let trim = Trim::new(&model, &parts);
    let baseline = tensor(&normal(5, 24).iter().map(|x| x.abs()).collect::<Vec<_>>(), [8, 3]);
    let all = Question::output(1).baseline(baseline.clone());
    let all = values(trim.attribute(&integrated(), &x, &all).unwrap().values);
    for row in 0..8 {
        let one = Question::output(1).baseline(baseline.clone().narrow(0, row, 1));
        let one = trim.attribute(&integrated(), &x.clone().narrow(0, row, 1), &one).unwrap();
        let one = values(one.values);
        assert!(distance(&one, &all[row * 3..][..3]) < 1e-9);
    }
}

/// As it would, were the residual taken anew on the way.
#[test]
fn the_path_is_not_input_times_gradient() {
    let model = smooth(6);
    let positive: Vec<f64> = normal(4, 48).iter().map(|x| 2.0 * x.abs()).collect();
    let x = tensor(&positive, [8, 6]);
    let parts = NonnegativeFactorization::fit(&x, 3, 50, 1).unwrap();
    let trim = Trim::new(&model, &parts);
    let path = values(trim.attribute(&integrated(), &x, &Question::output(1)).unwrap().values);
    let product = values(trim.attribute(&InputXGradient, &x, &Question::output(1)).unwrap().values);
    assert!(distance(&path, &product) > 0.1);
}

/// The 6-5-4-3 network of the references.
fn network(file: &Value) -> impl Fn(Tensor<2>) -> Tensor<2> {
    let layers: Vec<(Vec<f64>, Vec<f64>)> = file["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            (layer["weight"].as_array().unwrap().iter().flat_map(numbers).collect(), numbers(&layer["bias"]))
        })
        .collect();
    move |x: Tensor<2>| {
        let like = |t: Tensor<2>| if x.is_autodiff() { t.autodiff() } else { t };
        layers.iter().enumerate().fold(x.clone(), |x, (index, (weight, bias))| {
            let outputs = bias.len();
            let weight = like(tensor(weight, [outputs, weight.len() / outputs]));
            let y = x.matmul(weight.transpose()) + like(tensor(bias, [1, outputs]));
            if index + 1 < layers.len() { relu(y) } else { y }
        })
    }
}

#[test]
fn a_haar_level_is_that_of_the_reference() {
    let file = reference("mlp_attributions.json");
    let model = network(&file);
    let haar =
        WaveletTransform::of_signals(&Wavelet::named("haar").unwrap(), Boundary::Periodization, &[6], 1)
            .unwrap();
    let x = tensor(&numbers(&file["x"]), [1, 6]);
    let class = usize::try_from(file["class"].as_u64().unwrap()).unwrap();
    let expected = &file["trim_haar1"];
    let trim = Trim::new(&model, &haar);
    let close = |found: Vec<f64>, key: &str| {
        let error = distance(&found, &numbers(&expected[key]));
        assert!(error < 1e-10, "{key}: {error:e}");
    };
    close(values(trim.at(&x).unwrap().coefficients().clone()), "s");
    let question = Question::output(class);
    close(values(trim.attribute(&Saliency::default(), &x, &question).unwrap().values), "saliency");
    close(values(trim.attribute(&InputXGradient, &x, &question).unwrap().values), "input_x_gradient");
    let midpoints = IntegratedGradients { quadrature: Quadrature::Midpoint, nodes: 300, ..integrated() };
    close(values(trim.attribute(&midpoints, &x, &question).unwrap().values), "ig_midpoint_300_zero");
}

#[test]
fn rings_of_a_quadratic_model_are_those_of_the_reference() {
    let file = reference("fourier_bands.json");
    let flat = |key: &str| file[key].as_array().unwrap().iter().flat_map(numbers).collect::<Vec<f64>>();
    let weights = flat("a");
    let model = move |x: Tensor<3>| {
        let weights = tensor(&weights, [1, 8, 8]);
        let weights = if x.is_autodiff() { weights.autodiff() } else { weights };
        let batch = x.dims()[0];
        (x * weights).reshape([batch, 64]).sum_dim(1).square()
    };
    let fourier = Fourier::of_pictures(&[8, 8]).unwrap();
    let x = tensor(&flat("image"), [1, 8, 8]);
    let question = Question::output(0).groups(fourier.rings(&[0.25, 0.5, 0.75, 1.0]).unwrap());
    let by_ring = Trim::new(&model, &fourier).attribute(&integrated(), &x, &question).unwrap();
    assert!(distance(&values(by_ring.values), &numbers(&file["ig_zero_baseline_by_band"])) < 1e-11);
}

#[test]
fn bad_input_is_refused() {
    let model = smooth(6);
    let positive: Vec<f64> = normal(4, 24).iter().map(|x| x.abs()).collect();
    let x = tensor(&positive, [4, 6]);
    let parts = NonnegativeFactorization::fit(&x, 2, 10, 1).unwrap();
    let trim = Trim::new(&model, &parts);
    assert!(matches!(trim.at(&tensor(&[], [0, 6])), Err(InterpretError::Input(InputError::Empty { .. }))));
    let nan = tensor(&[f64::NAN; 6], [1, 6]);
    let identity = Identity::new(&[6]).unwrap();
    let refused = Trim::new(&model, &identity).attribute(&Saliency::default(), &nan, &Question::output(0));
    assert!(matches!(refused, Err(InterpretError::Input(InputError::NotFinite { .. }))));
    assert!(matches!(trim.at(&nan), Err(InterpretError::Input(InputError::NotFinite { .. }))));
    assert!(matches!(
        trim.at(&tensor(&[1.0; 5], [1, 5])),
        Err(InterpretError::Input(InputError::Shape { .. }))
    ));
    let two = trim.at(&x.clone().narrow(0, 0, 2)).unwrap();
    assert!(matches!(
        two.outputs(tensor(&[1.0; 6], [3, 2])),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
}
