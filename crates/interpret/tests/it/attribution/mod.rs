//! Attributions: against the reference file, their invariants, what sampling promises, and what is refused.

use burn::tensor::activation::{relu, tanh};
use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_interpret::InterpretError;
use kiln_interpret::attribution::{
    Ablation, Attributed, Attribution, ExactShapley, GradientShap, InputXGradient, IntegratedGradients,
    KernelShap, Model, Occlusion, Pair, Question, Saliency, ShapleySampling, SmoothGrad,
};
use kiln_tensor::{Distribution, Noise};

mod errors;
mod invariants;
mod reference;
mod sampling;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, DType::F64))
}

fn values<const D: usize>(tensor: &Tensor<D>) -> Vec<f64> {
    tensor.clone().try_into_vec_as::<f64>().unwrap()
}

fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what}: {found:?}, expected {expected:?}");
    }
}

/// Standard normal numbers.
fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut numbers = vec![0.0; count];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut numbers);
    numbers
}

/// Dense layers with a function of each element between them.
struct Network {
    layers: Vec<(Vec<f64>, Vec<f64>)>,
    between: fn(Tensor<2>) -> Tensor<2>,
}

impl Network {
    fn layer(&self, index: usize, x: &Tensor<2>) -> Tensor<2> {
        let (weight, bias) = &self.layers[index];
        let constant = |values: &[f64], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), (&x.device(), x.dtype()))
        };
        let weight = constant(weight, [bias.len(), weight.len() / bias.len()]);
        x.clone().matmul(weight.transpose()) + constant(bias, [1, bias.len()])
    }

    fn outputs(&self, mut x: Tensor<2>) -> Tensor<2> {
        for index in 0..self.layers.len() {
            if index > 0 {
                x = (self.between)(x);
            }
            x = self.layer(index, &x);
        }
        x
    }

    fn pair(&self, mut x: Pair<2>) -> Pair<2> {
        for index in 0..self.layers.len() {
            if index > 0 {
                x = x.nonlinear(self.between);
            }
            x = x.linear(|x| self.layer(index, &x));
        }
        x
    }

    /// With random weights of a size that keeps activations at about 1.
    fn random(seed: u64, widths: &[usize], between: fn(Tensor<2>) -> Tensor<2>) -> Self {
        let layer = |(index, sides): (usize, &[usize])| {
            let scale = (sides[0] as f64).sqrt();
            let weight = normal(seed * 100 + index as u64, sides[0] * sides[1]);
            let bias = normal(seed * 100 + 50 + index as u64, sides[1]);
            (weight.iter().map(|w| w / scale).collect(), bias.iter().map(|b| 0.3 * b).collect())
        };
        Self { layers: widths.windows(2).enumerate().map(layer).collect(), between }
    }
}

fn smooth_network(seed: u64, features: usize) -> Network {
    Network::random(seed, &[features, 6, 3], tanh)
}

fn kinked_network(seed: u64, features: usize) -> Network {
    Network::random(seed, &[features, 6, 5, 3], relu)
}

/// What every method that takes a model says. Those that sample take few samples.
fn every<M: Model<2>>(
    model: &M,
    x: &Tensor<2>,
    question: &Question<2>,
    batch_size: usize,
) -> Vec<(&'static str, Result<Attributed, InterpretError>)> {
    let window = Occlusion { stride: vec![2], batch_size, ..Occlusion::new(vec![2]) };
    let permutations = ShapleySampling { permutations: 4, batch_size, ..ShapleySampling::default() };
    let gradients = IntegratedGradients { batch_size, ..IntegratedGradients::default() };
    let smooth = SmoothGrad { samples: 7, batch_size, ..SmoothGrad::default() };
    let expected = GradientShap { samples: 9, batch_size, ..GradientShap::default() };
    let kernel = KernelShap { batch_size, ..KernelShap::default() };
    let sampled = KernelShap { coalitions: 20, ..kernel };
    vec![
        ("saliency", Saliency { absolute: true }.attribute(model, x, question)),
        ("input x gradient", InputXGradient.attribute(model, x, question)),
        ("integrated gradients", gradients.attribute(model, x, question)),
        ("SmoothGrad", smooth.attribute(model, x, question)),
        ("GradientSHAP", expected.attribute(model, x, question)),
        ("ablation", Ablation { batch_size }.attribute(model, x, question)),
        ("occlusion", window.attribute(model, x, question)),
        ("exact Shapley", ExactShapley { batch_size }.attribute(model, x, question)),
        ("Shapley sampling", permutations.attribute(model, x, question)),
        (
            "antithetic Shapley sampling",
            ShapleySampling { antithetic: true, ..permutations }.attribute(model, x, question),
        ),
        ("KernelSHAP", kernel.attribute(model, x, question)),
        ("sampled KernelSHAP", sampled.attribute(model, x, question)),
    ]
}
