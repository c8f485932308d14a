//! Penalties on explanations: their values, their gradients, and what they do to training.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, Relu};
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::log_softmax;
use burn::tensor::{DType, Device, Tensor};
use kiln_core::InputError;
use kiln_interpret::InterpretError;
use kiln_interpret::cdep::{Cdep, CdepPenalty, RightReasons};
use kiln_interpret::contextual_decomposition::Parts;
use kiln_tensor::device_tests;
use proptest::prelude::*;

use crate::networks::{filled, list, normal, random, random_mask, tensor};

fn flex() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

fn number(x: Tensor<1>) -> f64 {
    list(x)[0]
}

const ALL: [CdepPenalty; 3] = [CdepPenalty::L1, CdepPenalty::SoftmaxShare, CdepPenalty::NegativeLogShare];

device_tests! {
    fn penalties_have_their_values(device) {
        let ours = tensor(vec![1.0, -2.0, 0.5, 0.0], [2, 2], DType::F32, device);
        let rest = tensor(vec![0.0, 1.0, 0.5, -300.0], [2, 2], DType::F32, device);
        let parts = Parts::new(ours, rest).unwrap();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let expected = [
            3.5 / 4.0,
            (sigmoid(1.0) + sigmoid(-3.0) + 0.5 + 1.0) / 4.0,
            // Of class 1 and class 0; of class 1 twice also where the softmax is 0 to every digit.
            (2.0_f64.ln() - sigmoid(3.0).ln()) * 0.5,
        ];
        for (penalty, expected) in ALL.into_iter().zip(expected) {
            let found = number(penalty.value(&parts, Some(&[1, 0])).unwrap());
            assert!((found - expected).abs() < 1e-6, "{penalty:?}: {found}, {expected}");
        }
        let far = number(CdepPenalty::NegativeLogShare.value(&parts, Some(&[1, 1])).unwrap());
        assert!((far - (300.0 - sigmoid(3.0).ln()) * 0.5).abs() < 1e-4, "{far}");
    }

    fn right_reasons_reach_a_linear_model(device) {
        // L = mean (x·w)²; ∂L/∂x = 2(x·w)w/n.
        let layer = LinearConfig::new(2, 1).with_bias(false).init(device).train();
        let x = tensor(vec![1.0, 2.0, -1.0, 0.5], [2, 2], DType::F32, device);
        let mask = tensor(vec![0.0, 1.0], [1, 2], DType::F32, device);
        let rrr = RightReasons { weight: 1.0, channels: None };
        let penalty = rrr.penalty(|x| layer.forward(x).square().mean(), x, mask).unwrap();
        let w = list(layer.weight.val());
        let dots = [w[0] + 2.0 * w[1], -w[0] + 0.5 * w[1]];
        let expected: f64 = dots.iter().map(|dot| (dot * w[1]).powi(2)).sum();
        // ∂/∂w of Σ (d w₁)².
        let slope = [
            2.0 * (dots[0] - dots[1]) * w[1].powi(2),
            dots.iter().zip([2.0, 0.5]).map(|(d, x)| 2.0 * d * w[1].powi(2) * x + 2.0 * d * d * w[1]).sum(),
        ];
        let found = number(penalty.clone());
        assert!((found - expected).abs() < 1e-5 * (1.0 + expected), "{found}, {expected}");
        let gradient = list(layer.weight.grad(&penalty.backward()).unwrap());
        let size = 1.0 + slope[0].abs() + slope[1].abs();
        for (found, expected) in gradient.iter().zip(slope) {
            assert!((found - expected).abs() < 5e-3 * size, "{gradient:?}, {slope:?}");
        }
    }
}

/// Two layers with tanh between.
#[derive(Module, Debug)]
struct Network {
    first: Linear,
    last: Linear,
}

impl Network {
    fn new(sizes: [usize; 3], seed: u64) -> Self {
        let device = flex();
        let [inputs, hidden, outputs] = sizes;
        Self {
            first: filled(LinearConfig::new(inputs, hidden).init(&device), seed, 0.6),
            last: filled(LinearConfig::new(hidden, outputs).init(&device), seed + 1, 0.6),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.first.forward(x).tanh())
    }

    fn with_first(mut self, shift: &Tensor<2>, step: f64) -> Self {
        self.first.weight = self.first.weight.map(|w| w + shift.clone() * step);
        self
    }
}

fn cross_entropy(logits: Tensor<2>, classes: &[usize]) -> Tensor<1> {
    let [batch, outputs] = logits.dims();
    let mut mean = vec![0.0; batch * outputs];
    classes.iter().enumerate().for_each(|(row, class)| mean[row * outputs + class] = -1.0 / batch as f64);
    let mean = tensor(mean, [batch, outputs], DType::F64, &flex());
    let mean = if logits.is_autodiff() { mean.autodiff() } else { mean };
    (log_softmax(logits, 1) * mean).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Against differences, in a random direction of the first layer's weights.
    #[test]
    fn gradients_of_decompositions_are_right(seed in 0_u64..1 << 40) {
        let device = flex();
        let network = Network::new([4, 5, 3], seed);
        let x = random::<2>(seed, 0, [3, 4], &device);
        let mask = random_mask::<2>(seed, [1, 4], &device);
        let direction = random::<2>(seed, 9, [4, 5], &device);
        for penalty in ALL {
            let value = |network: &Network| {
                let parts = Parts::masked(x.clone(), mask.clone()).unwrap().through(&network.first).unwrap();
                let parts = parts.symmetric(Tensor::tanh).through(&network.last).unwrap();
                penalty.value(&parts, Some(&[2, 0, 1])).unwrap()
            };
            let trained = network.clone().train();
            let gradients = value(&trained).backward();
            let gradient = trained.first.weight.grad(&gradients).unwrap();
            let found = number((gradient * direction.clone()).sum());
            let [up, down] =
                [1e-6, -1e-6].map(|step| number(value(&network.clone().with_first(&direction, step))));
            let expected = (up - down) / 2e-6;
            // |β| of the first penalty has kinks, which the two points rarely have between them.
            prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{penalty:?}: {found}, {expected}");
        }
    }

    /// The gradient of `Σ (m ⊙ ∂L/∂x)²` against differences of its value, which is made of gradients alone.
    #[test]
    fn gradients_of_right_reasons_are_right(seed in 0_u64..1 << 40) {
        let device = flex();
        let network = Network::new([4, 5, 3], seed);
        let x = random::<2>(seed, 0, [3, 4], &device);
        let mask = random_mask::<2>(seed, [1, 4], &device);
        let direction = random::<2>(seed, 9, [4, 5], &device);
        let rrr = RightReasons { weight: 1.0, channels: None };
        let penalty = |network: &Network| {
            let loss = |x| cross_entropy(network.forward(x), &[2, 0, 1]);
            rrr.penalty(loss, x.clone(), mask.clone()).unwrap()
        };
        let trained = network.clone().train();
        let value = penalty(&trained);
        if number(mask.clone().sum()) == 0.0 {
            prop_assert_eq!(number(value), 0.0);
            return Ok(());
        }
        let gradient = trained.first.weight.grad(&value.backward()).unwrap();
        let found = number((gradient * direction.clone()).sum());
        let [up, down] = [1e-4, -1e-4]
            .map(|step| number(penalty(&network.clone().with_first(&direction, step).train())));
        let expected = (up - down) / 2e-4;
        prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{found}, {expected}");
    }
}

/// `L = tanh(w·x)`, whose second derivatives are known.
#[test]
fn right_reasons_are_those_of_second_derivatives() {
    let device = flex();
    let layer = filled(LinearConfig::new(3, 1).with_bias(false).init(&device), 3, 0.5).train();
    let x = random::<2>(5, 0, [1, 3], &device);
    let (w, values) = (list(layer.weight.val()), list(x.clone()));
    let t = w.iter().zip(&values).map(|(w, x)| w * x).sum::<f64>().tanh();
    let slope = 1.0 - t * t;
    let loss = |x: Tensor<2>| layer.forward(x).tanh().sum();
    // Weights of features are squared with their gradients.
    let m = [1.0, 0.0, 0.5];
    let mask = tensor(m.to_vec(), [1, 3], DType::F64, &device);
    let penalty = RightReasons { weight: 1.0, channels: None }.penalty(loss, x.clone(), mask).unwrap();
    // R = slope² Σ m²w², ∂R/∂w_k = 2 slope² m_k² w_k − 4 t slope² x_k Σ m²w².
    let sum: f64 = w.iter().zip(m).map(|(w, m)| (m * w).powi(2)).sum();
    assert!((number(penalty.clone()) - slope * slope * sum).abs() < 1e-12);
    let gradient = list(layer.weight.grad(&penalty.backward()).unwrap());
    for k in 0..3 {
        let expected = 2.0 * slope * slope * (m[k] * m[k] * w[k] - 2.0 * t * values[k] * sum);
        assert!((gradient[k] - expected).abs() < 1e-8, "{}, {expected}", gradient[k]);
    }
    // Over channels first: R = slope² (Σ w)².
    let one = tensor(vec![1.0], [1, 1], DType::F64, &device);
    let penalty = RightReasons { weight: 1.0, channels: Some(1) }.penalty(loss, x, one).unwrap();
    let sum: f64 = w.iter().sum();
    assert!((number(penalty.clone()) - (slope * sum).powi(2)).abs() < 1e-12);
    let gradient = list(layer.weight.grad(&penalty.backward()).unwrap());
    for k in 0..3 {
        let expected = 2.0 * slope * slope * sum * (1.0 - 2.0 * t * values[k] * sum);
        assert!((gradient[k] - expected).abs() < 1e-8, "{}, {expected}", gradient[k]);
    }
}

/// What a few steps of training make of the first layer and of the last.
fn train(loss: impl Fn(&Network) -> Tensor<1>) -> Vec<f64> {
    let mut network = Network::new([4, 5, 3], 1).train();
    let mut optimizer: ModuleOptimizer = SgdConfig::new().init();
    for _ in 0..5 {
        let gradients = GradientsParams::from_grads(loss(&network).backward(), &network);
        network = optimizer.step(0.2, network, gradients);
    }
    [list(network.first.weight.val()), list(network.last.weight.val())].concat()
}

#[test]
fn a_weight_of_zero_changes_no_bit() {
    let device = flex();
    let x = random::<2>(2, 0, [3, 4], &device);
    let mask = tensor(vec![1.0, 1.0, 0.0, 0.0], [1, 4], DType::F64, &device);
    let classes = [2, 0, 1];
    let task = |network: &Network, x: Tensor<2>| cross_entropy(network.forward(x.autodiff()), &classes);
    let parts = |network: &Network| {
        let parts = Parts::masked(x.clone(), mask.clone())?.through(&network.first)?;
        parts.symmetric(Tensor::tanh).through(&network.last)
    };
    let plain = train(|network| task(network, x.clone()));
    for penalty in ALL {
        let with = |weight: f64| {
            train(|network| {
                let loss = task(network, x.clone());
                Cdep { penalty, weight }.regularize(loss, Some(&classes), || parts(network)).unwrap()
            })
        };
        assert_eq!(with(0.0), plain);
        assert_ne!(with(1.0), plain);
        // A product with 0 does not change a bit either.
        let product = train(|network| {
            let value = penalty.value(&parts(network).unwrap(), Some(&classes)).unwrap();
            task(network, x.clone()) + value * 0.0
        });
        assert_eq!(product, plain);
    }
    let with = |weight: f64| {
        let rrr = RightReasons { weight, channels: None };
        train(|network| rrr.regularize(|x| task(network, x), x.clone(), mask.clone()).unwrap())
    };
    assert_eq!(with(0.0), plain);
    assert_ne!(with(1.0), plain);
}

/// A penalty is there to be lowered.
#[test]
fn training_lowers_the_penalties() {
    let device = flex();
    let x = random::<2>(2, 0, [3, 4], &device);
    let mask = tensor(vec![1.0, 1.0, 0.0, 0.0], [1, 4], DType::F64, &device);
    let values = std::cell::RefCell::new(Vec::new());
    let rrr = RightReasons { weight: 1.0, channels: None };
    let lowered = || {
        let values = values.take();
        assert!(values[4] < 0.9 * values[0], "{values:?}");
    };
    train(|network| {
        let loss = |x| cross_entropy(network.forward(x), &[2, 0, 1]);
        let penalty = rrr.penalty(loss, x.clone(), mask.clone()).unwrap();
        values.borrow_mut().push(number(penalty.clone()));
        penalty * 10.0
    });
    lowered();
    train(|network| {
        let parts = Parts::masked(x.clone(), mask.clone()).unwrap().through(&network.first).unwrap();
        let parts = parts.symmetric(Tensor::tanh).through(&network.last).unwrap();
        let penalty = CdepPenalty::L1.value(&parts, None).unwrap();
        values.borrow_mut().push(number(penalty.clone()));
        penalty
    });
    lowered();
}

/// In `f32`, as the corners of most pictures are.
#[test]
fn groups_of_zeros_do_no_harm() {
    let device = flex();
    let layers =
        [LinearConfig::new(4, 5).init(&device).train(), LinearConfig::new(5, 2).init(&device).train()];
    let values = normal(1, 0, 4);
    let x = tensor([[0.0, 0.0, values[2], values[3]], [0.0; 4]].concat(), [2, 4], DType::F32, &device);
    let mask = tensor(vec![1.0, 1.0, 0.0, 0.0], [1, 4], DType::F32, &device);
    let finite = |loss: Tensor<1>| {
        let gradients = loss.backward();
        for layer in &layers {
            let gradient = list(layer.weight.grad(&gradients).unwrap());
            assert!(gradient.iter().all(|value| value.is_finite()), "{gradient:?}");
        }
    };
    for penalty in ALL {
        let parts = Parts::masked(x.clone(), mask.clone()).unwrap().through(&layers[0]).unwrap();
        let parts = parts.through(&Relu).unwrap().through(&layers[1]).unwrap();
        finite(penalty.value(&parts, Some(&[0, 1])).unwrap());
    }
    let rrr = RightReasons { weight: 1.0, channels: None };
    let loss = |x: Tensor<2>| layers[1].forward(layers[0].forward(x).tanh()).square().mean();
    finite(rrr.penalty(loss, x, mask.clone()).unwrap());
    finite(rrr.penalty(loss, mask.zeros_like(), mask).unwrap());
}

#[test]
fn bad_input_is_refused() {
    use InterpretError as E;
    let device = flex();
    let x = random::<2>(1, 0, [2, 3], &device);
    let parts = Parts::masked(x.clone(), x.ones_like()).unwrap();
    let value = |classes| CdepPenalty::NegativeLogShare.value(&parts, classes).unwrap_err();
    assert!(matches!(value(None), E::Missing { .. }));
    assert!(matches!(value(Some(&[0])), E::Input(InputError::Size { found: 1, expected: 2, .. })));
    assert!(matches!(value(Some(&[0, 3])), E::Input(InputError::Index { index: 3, count: 3, .. })));
    let none = x.clone().slice_dim(1, 0..0);
    let none = Parts { relevant: none.clone(), irrelevant: none };
    for penalty in [CdepPenalty::L1, CdepPenalty::SoftmaxShare, CdepPenalty::NegativeLogShare] {
        assert!(matches!(penalty.value(&none, Some(&[0, 0])), Err(E::Input(InputError::Empty { .. }))));
    }
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let cdep = Cdep { penalty: CdepPenalty::L1, weight };
        let refused = cdep.regularize(x.clone().sum(), None, || Ok(parts.clone()));
        assert!(matches!(refused, Err(E::Input(InputError::Setting { name: "weight", .. }))));
        let rrr = RightReasons { weight, channels: None };
        let refused = rrr.regularize(Tensor::sum, x.clone(), x.ones_like());
        assert!(matches!(refused, Err(E::Input(InputError::Setting { name: "weight", .. }))));
    }
    let penalty = |channels, x: &Tensor<2>, mask: Tensor<2>| {
        RightReasons { weight: 1.0, channels }.penalty(|x| x.square().sum(), x.clone(), mask).unwrap_err()
    };
    assert!(matches!(
        penalty(None, &x, random::<2>(1, 0, [3, 3], &device)),
        E::Input(InputError::Shape { .. })
    ));
    let one = x.clone().narrow(0, 0, 1);
    assert!(matches!(penalty(None, &one, x.ones_like()), E::Input(InputError::Shape { .. })));
    assert!(matches!(penalty(Some(1), &x, x.ones_like()), E::Input(InputError::Shape { .. })));
    assert!(matches!(
        penalty(Some(2), &x, x.ones_like()),
        E::Input(InputError::Setting { name: "channels", .. })
    ));
    assert!(matches!(
        penalty(None, &(x.clone() / 0.0), x.ones_like()),
        E::Input(InputError::NotFinite { .. })
    ));
    assert!(matches!(
        penalty(None, &x, x.ones_like().cast(DType::F32)),
        E::Input(InputError::ElementType { .. })
    ));
    let rrr = RightReasons { weight: 1.0, channels: None };
    let constant = tensor(vec![1.0], [1], DType::F64, &device);
    let refused = rrr.penalty(|_| constant.clone(), x.clone(), x.ones_like());
    assert!(matches!(refused, Err(E::Missing { .. })));
    let refused = rrr.penalty(|x| (x * 0.0).sqrt().sum(), x.clone(), x.ones_like());
    assert!(matches!(refused, Err(E::Input(InputError::NotFinite { .. }))));
}
