//! Importance of coefficients: equal to the plain method without a transform, complete with a residual, the chain rule.

use burn::tensor::{Tensor, activation::relu};
use kiln_interpret::attribution::{Attributed, Attribution, Groups, Model, Question, Target};
use kiln_interpret::transform::{
    Fourier, Identity, NonnegativeFactorization, PrincipalComponents, Transform, WaveletTransform,
};
use kiln_interpret::wavelet::{Boundary, Wavelet};
use kiln_interpret::{InterpretError, Trim};
use proptest::prelude::*;
use serde_json::Value;

use crate::reference::{distance, numbers, reference};
use crate::transform::{normal, tensor, values};

/// Integrated gradients by so many midpoints: one model call of `batch · steps` rows, the example changing fastest.
struct Path(usize);

impl Attribution for Path {
    fn attribute<const D: usize, M: Model<D>>(
        &self,
        model: &M,
        x: &Tensor<D>,
        question: &Question<D>,
    ) -> Result<Attributed, InterpretError> {
        let start = question.baseline.clone().unwrap_or_else(|| x.zeros_like()).expand(x.shape());
        let way = x.clone() - start.clone();
        let points = (0..self.0).map(|step| {
            let share = (step as f64 + 0.5) / self.0 as f64;
            start.clone() + way.clone() * share
        });
        let points = Tensor::cat(points.collect(), 0).autodiff().require_grad();
        let outputs = model.outputs(points.clone())?;
        let Target::Output(output) = question.target else { unreachable!("the tests ask for one output") };
        let mut gradients = outputs.narrow(1, output, 1).sum().backward();
        let gradient = points.grad_remove(&mut gradients).unwrap();
        let (batch, features) = (x.dims()[0], x.dims()[1..].iter().product());
        let mean = gradient.reshape([self.0, batch, features]).mean_dim(0).squeeze_dim::<2>(0);
        let values = way.reshape([batch, features]) * mean;
        Ok(Attributed { values, delta: Some(vec![0.0; batch]), standard_error: None, evaluations: self.0 })
    }
}

/// A smooth function, so that few midpoints suffice.
fn smooth(width: usize) -> impl Fn(Tensor<2>) -> Tensor<2> {
    let weights = normal(99, width * 3).iter().map(|w| w * 0.3).collect::<Vec<_>>();
    move |x: Tensor<2>| {
        let weights = tensor(&weights, [width, 3]);
        let weights = if x.is_autodiff() { weights.autodiff() } else { weights };
        x.matmul(weights).tanh()
    }
}

fn ask(target: usize) -> Question<2> {
    Question { target: Target::Output(target), baseline: None, groups: None }
}

fn sums(scores: Tensor<2>) -> Vec<f64> {
    values(scores.sum_dim(1))
}

#[test]
fn without_a_transform_it_is_the_plain_method() {
    let model = smooth(8);
    let x = tensor(&normal(1, 24), [3, 8]);
    let identity = Identity::new(&[8]).unwrap();
    let plain = Path(7).attribute(&model, &x, &ask(1)).unwrap();
    let trim = Trim::new(&model, &identity).attribute(&Path(7), &x, &ask(1)).unwrap();
    assert_eq!(values(plain.values), values(trim.values));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With `T` orthogonal the gradient's coefficients are the gradient of the coefficients, and inputs times gradients keep
    /// their sum.
    #[test]
    fn orthogonal_transforms_turn_the_gradient(seed in 0u64..1000) {
        let model = smooth(8);
        let x = tensor(&normal(seed, 16), [2, 8]);
        let leaf = x.clone().autodiff().require_grad();
        let mut gradients = model(leaf.clone()).narrow(1, 2, 1).sum().backward();
        let gradient = leaf.grad_remove(&mut gradients).unwrap();
        let expected = sums(x.clone() * gradient.clone());
        let wavelet =
            WaveletTransform::of_signals(&Wavelet::named("db2").unwrap(), Boundary::Periodization, &[8], 1);
        turns(&model, &wavelet.unwrap(), &x, &gradient, &expected);
        turns(&model, &Fourier::of_signals(&[8]).unwrap(), &x, &gradient, &expected);
    }

    /// From coefficients 0 the sum is `f(x) − f(r)`; the path is not input times gradient.
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
    let trimmed = Trim::new(model, transform).at(x).unwrap();
    assert!(trimmed.is_exact());
    let leaf = trimmed.coefficients().clone().autodiff().require_grad();
    let mut gradients = trimmed.outputs(leaf.clone()).unwrap().narrow(1, 2, 1).sum().backward();
    let turned = leaf.grad_remove(&mut gradients).unwrap();
    let coefficients = values(transform.forward(gradient.clone()).unwrap());
    assert!(distance(&values(turned.clone()), &coefficients) < 1e-10);
    let found = sums(trimmed.coefficients().clone() * turned);
    assert!(distance(&found, expected) < 1e-10);
}

fn complete<M: Model<2>, T: Transform<2>>(model: &M, transform: &T, x: &Tensor<2>) {
    let trim = Trim::new(model, transform);
    let trimmed = trim.at(x).unwrap();
    assert!(!trimmed.is_exact());
    let output = |x: Tensor<2>| values(model.outputs(x).unwrap().narrow(1, 0, 1));
    // The inverse of 0 is the mean for principal components.
    let nothing: Tensor<2> = transform.inverse(trimmed.coefficients().zeros_like()).unwrap();
    let start = output(nothing + trimmed.residual().clone());
    let expected: Vec<f64> = output(x.clone()).iter().zip(&start).map(|(a, b)| a - b).collect();
    let path = trim.attribute(&Path(200), x, &ask(0)).unwrap();
    assert!(distance(&sums(path.values.clone()), &expected) < 1e-3);
    assert_eq!(path.delta.unwrap().len(), x.dims()[0]);
    assert_eq!(path.evaluations, 200);
    let leaf = trimmed.coefficients().clone().autodiff().require_grad();
    let mut gradients = trimmed.outputs(leaf.clone()).unwrap().narrow(1, 0, 1).sum().backward();
    let product = values(trimmed.coefficients().clone() * leaf.grad_remove(&mut gradients).unwrap());
    assert!(distance(&values(path.values), &product) > 1e-3);
}

#[test]
fn examples_do_not_depend_on_each_other() {
    let model = smooth(6);
    let positive: Vec<f64> = normal(4, 48).iter().map(|x| x.abs()).collect();
    let x = tensor(&positive, [8, 6]);
    let parts = NonnegativeFactorization::fit(&x, 3, 50, 1).unwrap();
    let trim = Trim::new(&model, &parts);
    let baseline = tensor(&normal(5, 24).iter().map(|x| x.abs()).collect::<Vec<_>>(), [8, 3]);
    let all = Question { baseline: Some(baseline.clone()), ..ask(1) };
    let all = values(trim.attribute(&Path(9), &x, &all).unwrap().values);
    for row in 0..8 {
        let one = Question { baseline: Some(baseline.clone().narrow(0, row, 1)), ..ask(1) };
        let one = values(trim.attribute(&Path(9), &x.clone().narrow(0, row, 1), &one).unwrap().values);
        assert!(distance(&one, &all[row * 3..][..3]) < 1e-9);
    }
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
    let Some(file) = reference("a_haar_level_is_that_of_the_reference", "mlp_attributions.json") else {
        return;
    };
    let model = network(&file);
    let haar =
        WaveletTransform::of_signals(&Wavelet::named("haar").unwrap(), Boundary::Periodization, &[6], 1)
            .unwrap();
    let x = tensor(&numbers(&file["x"]), [1, 6]);
    let class = usize::try_from(file["class"].as_u64().unwrap()).unwrap();
    let expected = &file["trim_haar1"];
    let trim = Trim::new(&model, &haar);
    let trimmed = trim.at(&x).unwrap();
    let close = |found: Vec<f64>, key: &str| {
        let error = distance(&found, &numbers(&expected[key]));
        assert!(error < 1e-10, "{key}: {error:e}");
    };
    close(values(trimmed.coefficients().clone()), "s");
    let leaf = trimmed.coefficients().clone().autodiff().require_grad();
    let mut gradients = trimmed.outputs(leaf.clone()).unwrap().narrow(1, class, 1).sum().backward();
    let gradient = leaf.grad_remove(&mut gradients).unwrap();
    close(values(gradient.clone()), "saliency");
    close(values(gradient * trimmed.coefficients().clone()), "input_x_gradient");
    close(values(trim.attribute(&Path(300), &x, &ask(class)).unwrap().values), "ig_midpoint_300_zero");
}

#[test]
fn rings_of_a_quadratic_model_are_those_of_the_reference() {
    let Some(file) = reference("rings_of_a_quadratic_model", "fourier_bands.json") else { return };
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
    let scores = Trim::new(&model, &fourier).attribute(&Path(2), &x, &ask(0)).unwrap();
    let scores = values(scores.values);
    let rings: Groups = fourier.rings(&[0.25, 0.5, 0.75, 1.0]).unwrap();
    let mut by_ring = vec![0.0; 5];
    for (score, ring) in scores.iter().zip(rings.ids()) {
        by_ring[*ring] += score;
    }
    assert!(distance(&by_ring, &numbers(&file["ig_zero_baseline_by_band"])) < 1e-11);
}

#[test]
fn bad_input_is_refused() {
    let model = smooth(6);
    let positive: Vec<f64> = normal(4, 24).iter().map(|x| x.abs()).collect();
    let x = tensor(&positive, [4, 6]);
    let parts = NonnegativeFactorization::fit(&x, 2, 10, 1).unwrap();
    let trim = Trim::new(&model, &parts);
    assert!(matches!(trim.at(&tensor(&[], [0, 6])), Err(InterpretError::Empty { .. })));
    assert!(matches!(trim.at(&tensor(&[f64::NAN; 6], [1, 6])), Err(InterpretError::NotFinite { .. })));
    assert!(matches!(trim.at(&tensor(&[1.0; 5], [1, 5])), Err(InterpretError::Shape { .. })));
    let two = trim.at(&x.clone().narrow(0, 0, 2)).unwrap();
    assert!(matches!(two.outputs(tensor(&[1.0; 6], [3, 2])), Err(InterpretError::Size { .. })));
    let targets = Question { target: Target::Each(vec![0, 1]), ..ask(0) };
    assert!(matches!(trim.attribute(&Path(1), &x, &targets), Err(InterpretError::Size { .. })));
    let baseline = Question { baseline: Some(tensor(&[0.0; 6], [3, 2])), ..ask(0) };
    assert!(matches!(trim.attribute(&Path(1), &x, &baseline), Err(InterpretError::Shape { .. })));
}
