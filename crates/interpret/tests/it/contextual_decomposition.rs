//! Contextual decomposition of feed-forward networks: the reference, and what must add up.

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::pool::{
    AdaptiveAvgPool1dConfig, AdaptiveAvgPool2dConfig, AvgPool1dConfig, AvgPool2dConfig, MaxPool1dConfig,
    MaxPool2dConfig,
};
use burn::nn::{
    BatchNorm, BatchNormConfig, DropoutConfig, LeakyReluConfig, Linear, LinearConfig, PaddingConfig1d,
    PaddingConfig2d, Relu, Tanh,
};
use burn::tensor::{DType, Device, Tensor};
use kiln_core::InputError;
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::Parts;
use kiln_interpret::transform::Transform;
use kiln_tensor::device_tests;
use proptest::prelude::*;

use crate::networks::{filled, linear, list, nested, random, random_mask, tensor};
use crate::reference::{distance, numbers, reference};

fn flex() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

fn close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let error = distance(&list(found), &list(expected));
    assert!(error < 1e-11, "{what}: {error:e}");
}

fn zero<const D: usize>(what: &str, x: Tensor<D>) {
    let size = x.clone().zeros_like();
    close(what, x, size);
}

/// Running statistics that are not those of the start.
fn batch_norm(channels: usize, seed: u64, device: &Device) -> BatchNorm {
    let mut norm = filled(BatchNormConfig::new(channels).init(device), seed, 1.0);
    norm.running_mean = RunningState::new(random(seed, 101, [channels], device));
    norm.running_var = RunningState::new(random(seed, 102, [channels], device).square() + 0.1);
    norm
}

struct Cnn {
    convolution: Conv2d,
    norm: BatchNorm,
    linear: Linear,
}

impl Cnn {
    /// That of the reference.
    fn read(file: &serde_json::Value, dtype: DType, device: &Device) -> Self {
        let vector = |value: &serde_json::Value| tensor(numbers(value), [2], dtype, device);
        let mut convolution = Conv2dConfig::new([1, 2], [3, 3]).init(device);
        convolution.weight =
            Param::from_tensor(tensor(nested(&file["conv_weight"]), [2, 1, 3, 3], dtype, device));
        convolution.bias = Some(Param::from_tensor(vector(&file["conv_bias"])));
        let values = &file["bn"];
        let mut norm = BatchNormConfig::new(2).with_epsilon(values["eps"].as_f64().unwrap()).init(device);
        norm.gamma = Param::from_tensor(vector(&values["gamma"]));
        norm.beta = Param::from_tensor(vector(&values["beta"]));
        norm.running_mean = RunningState::new(vector(&values["mean"]));
        norm.running_var = RunningState::new(vector(&values["var"]));
        let linear = linear(&file["linear_weight"], Some(&file["linear_bias"]), dtype, device);
        Self { convolution, norm, linear }
    }

    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let pool = MaxPool2dConfig::new([2, 2]).init();
        let parts = parts.through(&self.convolution)?.through(&self.norm)?.through(&Relu)?.through(&pool)?;
        parts.flatten().through(&self.linear)
    }
}

device_tests! {
    fn convolutional_network_is_that_of_the_reference(device) {
        let file = reference("cnn_cd.json");
        let types = [(DType::F32, 2e-6), (DType::F64, 1e-12)];
        for (dtype, tolerance) in types.into_iter().filter(|(dtype, _)| device.supports_dtype(*dtype)) {
            let network = Cnn::read(&file, dtype, device);
            let image = tensor(nested(&file["image"]), [1, 1, 6, 6], dtype, device);
            // All masks in one batch.
            let cases = file["cd"].as_array().unwrap();
            let masks: Vec<f64> = cases.iter().flat_map(|case| nested(&case["mask"])).collect();
            let masks = tensor(masks, [cases.len(), 1, 6, 6], dtype, device);
            let parts = network.decompose(Parts::masked(image, masks).unwrap()).unwrap();
            for (part, key) in [(parts.relevant, "relevant"), (parts.irrelevant, "irrelevant")] {
                assert_eq!(part.dtype(), dtype);
                let expected: Vec<f64> = cases.iter().flat_map(|case| numbers(&case[key])).collect();
                let error = distance(&list(part), &expected);
                assert!(error < tolerance, "{key}, {dtype:?}: {error:e}");
            }
        }
    }

    /// Where `β + γ` is equal in a window the first counts, also with padding.
    fn first_maximum_counts(device) {
        let ours = tensor(vec![1.0, 5.0, 2.0, 3.0], [1, 1, 2, 2], DType::F32, device);
        let parts = Parts::new(ours.clone(), -ours).unwrap();
        let pool = MaxPool2dConfig::new([2, 2]);
        let pooled = parts.clone().through(&pool.init()).unwrap();
        assert_eq!(list(pooled.relevant), [1.0]);
        assert_eq!(list(pooled.irrelevant), [-1.0]);
        let padded = pool.with_strides([1, 1]).with_padding(PaddingConfig2d::Explicit(1, 0, 0, 0)).init();
        assert_eq!(list(parts.through(&padded).unwrap().relevant), [1.0, 1.0]);
        let ours = tensor(vec![4.0, 1.0, 2.0, 3.0], [1, 1, 4], DType::F32, device);
        let parts = Parts::new(ours.clone(), -ours).unwrap();
        let pool = MaxPool1dConfig::new(2).with_stride(1).init();
        assert_eq!(list(parts.through(&pool).unwrap().relevant), [4.0, 1.0, 2.0]);
    }
}

#[test]
fn perceptron_is_that_of_the_reference() {
    let file = reference("mlp_attributions.json");
    let device = flex();
    let layers: Vec<Linear> = file["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| linear(&layer["weight"], Some(&layer["bias"]), DType::F64, &device))
        .collect();
    let decompose = |parts: Parts<2>| {
        let hidden = parts.through(&layers[0]).unwrap().through(&Relu).unwrap();
        hidden.through(&layers[1]).unwrap().through(&Relu).unwrap().through(&layers[2]).unwrap()
    };
    let x = tensor(numbers(&file["x"]), [1, 6], DType::F64, &device);
    for case in file["cd"].as_array().unwrap() {
        let mask = tensor(numbers(&case["mask"]), [1, 6], DType::F64, &device);
        let parts = decompose(Parts::masked(x.clone(), mask).unwrap());
        assert!(distance(&list(parts.relevant), &numbers(&case["relevant"])) < 1e-13);
        assert!(distance(&list(parts.irrelevant), &numbers(&case["irrelevant"])) < 1e-13);
    }
    // The approximation of a Haar transform as the relevant part.
    let mask = tensor([[1.0; 3], [0.0; 3]].concat(), [1, 6], DType::F64, &device);
    let parts = decompose(Parts::transformed(&Haar, x.clone(), mask).unwrap());
    let expected = &file["trim_haar1"];
    assert!(distance(&list(parts.relevant), &numbers(&expected["cd_cA_relevant"])) < 1e-13);
    assert!(distance(&list(parts.irrelevant), &numbers(&expected["cd_cA_irrelevant"])) < 1e-13);
    // All coefficients are all of the input.
    let all = tensor(vec![1.0; 6], [1, 6], DType::F64, &device);
    let through = decompose(Parts::transformed(&Haar, x.clone(), all.clone()).unwrap());
    let plain = decompose(Parts::masked(x, all).unwrap());
    close("all coefficients", through.relevant, plain.relevant);
}

/// One level, six samples; orthogonal.
struct Haar;

impl Haar {
    fn matrix(device: &Device) -> Tensor<2> {
        let s = 0.5_f64.sqrt();
        let mut values = vec![0.0; 36];
        for k in 0..3 {
            (values[k * 6 + 2 * k], values[k * 6 + 2 * k + 1]) = (s, s);
            (values[(3 + k) * 6 + 2 * k], values[(3 + k) * 6 + 2 * k + 1]) = (s, -s);
        }
        tensor(values, [6, 6], DType::F64, device)
    }
}

impl Transform<2> for Haar {
    fn forward(&self, x: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        Ok(x.clone().matmul(Self::matrix(&x.device()).transpose()))
    }

    fn inverse(&self, coefficients: Tensor<2>) -> Result<Tensor<2>, InterpretError> {
        Ok(coefficients.clone().matmul(Self::matrix(&coefficients.device())))
    }
}

/// Layer by layer: the parts add to the activation. Returns the parts of the logits.
macro_rules! chain {
    ($parts:expr, $x:expr; $($layer:expr),+) => {{
        let (parts, x) = ($parts, $x);
        $(
            let (parts, x) = (parts.through(&$layer).unwrap(), $layer.forward(x));
            close(stringify!($layer), parts.sum(), x.clone());
        )+
        (parts, x)
    }};
}

/// A network of pictures with a residual block; `x` and the mask are `[2, 2, 9, 8]`.
fn pictures(seed: u64, x: &Tensor<4>, mask: &Tensor<4>) -> (Parts<2>, Tensor<2>) {
    let device = x.device();
    let conv = |index: u64, config: Conv2dConfig| filled(config.init(&device), seed + index, 0.4);
    let first = conv(
        1,
        Conv2dConfig::new([2, 4], [3, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 0, 2, 1))
            .with_groups(2)
            .with_stride([2, 1]),
    );
    let norm = batch_norm(4, seed, &device);
    let pool = MaxPool2dConfig::new([2, 2]).with_strides([1, 1]).with_padding(PaddingConfig2d::Same).init();
    let (leaky, dropout) =
        (LeakyReluConfig::new().with_negative_slope(0.1).init(), DropoutConfig::new(0.5).init());
    let start = Parts::masked(x.clone(), mask.clone()).unwrap();
    let (trunk, x) = chain!(start, x.clone(); first, norm, leaky, dropout, pool);
    let second =
        conv(2, Conv2dConfig::new([4, 4], [3, 3]).with_padding(PaddingConfig2d::Same).with_bias(false));
    let (branch, y) = chain!(trunk.clone(), x.clone(); second, Tanh);
    let (parts, x) = (trunk.plus(branch).unwrap(), x + y);
    let pools = (
        AvgPool2dConfig::new([2, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 0, 0)).init(),
        AdaptiveAvgPool2dConfig::new([2, 3]).init(),
    );
    let (parts, x) = chain!(parts, x; Relu, pools.0, pools.1);
    let last = filled(LinearConfig::new(24, 3).init(&device), seed + 3, 0.4);
    let [batch, ..] = x.dims();
    let (parts, x) = (parts.flatten(), x.reshape([batch, 24]));
    chain!(parts, x; last)
}

/// A network of signals; `x` and the mask are `[2, 2, 15]`.
fn signals(seed: u64, x: &Tensor<3>, mask: &Tensor<3>) -> (Parts<3>, Tensor<3>) {
    let device = x.device();
    let conv: Conv1d = filled(
        Conv1dConfig::new(2, 4, 3)
            .with_dilation(2)
            .with_padding(PaddingConfig1d::Explicit(1, 2))
            .init(&device),
        seed,
        0.5,
    );
    let pools = (
        MaxPool1dConfig::new(3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 0)).init(),
        AvgPool1dConfig::new(2).with_stride(1).with_padding(PaddingConfig1d::Same).init(),
        AdaptiveAvgPool1dConfig::new(5).init(),
    );
    let norm = batch_norm(4, seed + 1, &device);
    // Of rank 3.
    let last = filled(LinearConfig::new(5, 2).init(&device), seed + 2, 0.5);
    let start = Parts::masked(x.clone(), mask.clone()).unwrap();
    chain!(start, x.clone(); conv, Tanh, norm, pools.0, pools.1, pools.2, last, Relu)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// After every layer; and all or nothing of the input is all or nothing of the output.
    #[test]
    fn parts_add_to_the_activation(seed in 0_u64..1 << 40) {
        let device = flex();
        let x = random::<4>(seed, 0, [2, 2, 9, 8], &device);
        pictures(seed, &x, &random_mask(seed, [2, 1, 9, 8], &device));
        let (all, logits) = pictures(seed, &x, &x.ones_like());
        zero("nothing is irrelevant", all.irrelevant);
        close("all is relevant", all.relevant, logits.clone());
        let (none, _) = pictures(seed, &x, &x.zeros_like());
        zero("nothing is relevant", none.relevant);
        close("all is irrelevant", none.irrelevant, logits);

        let x = random::<3>(seed, 0, [2, 2, 15], &device);
        signals(seed, &x, &random_mask(seed, [1, 2, 15], &device));
        zero("nothing is irrelevant", signals(seed, &x, &x.ones_like()).0.irrelevant);
        zero("nothing is relevant", signals(seed, &x, &x.zeros_like()).0.relevant);
    }

    /// Without biases and activations: occlusion of the group, linear in the mask.
    #[test]
    fn linear_networks_are_occluded(seed in 0_u64..1 << 40) {
        let device = flex();
        let bare = LinearConfig::new(6, 5).with_bias(false);
        let first = filled(bare.init(&device), seed, 1.0);
        let second = filled(LinearConfig { d_input: 5, d_output: 3, ..bare }.init(&device), seed + 1, 1.0);
        let x = random::<2>(seed, 0, [3, 6], &device);
        let score = |mask: Tensor<2>| {
            let parts = Parts::masked(x.clone(), mask).unwrap();
            parts.through(&first).unwrap().through(&second).unwrap().relevant
        };
        let forward = |x: Tensor<2>| second.forward(first.forward(x));
        let (a, b) = (random_mask::<2>(seed, [1, 6], &device), random::<2>(seed, 7, [1, 6], &device));
        let without = x.clone() * (a.ones_like() - a.clone());
        close("occlusion", score(a.clone()), forward(x.clone()) - forward(without));
        close("linear", score(a.clone() * 2.0 - b.clone()), score(a) * 2.0 - score(b));
    }
}

/// The scores of a training network can be trained on: gradients of `Σ β²` against differences.
#[test]
fn gradients_reach_the_parameters() {
    let device = flex();
    let conv = filled(Conv2dConfig::new([1, 2], [2, 2]).init(&device), 1, 0.6);
    let norm = batch_norm(2, 2, &device);
    let last = filled(LinearConfig::new(8, 2).init(&device), 3, 0.6);
    let x = random::<4>(4, 0, [2, 1, 5, 5], &device);
    let mask = random_mask(5, [1, 1, 5, 5], &device);
    let pool = MaxPool2dConfig::new([2, 2]).init();
    let loss = |conv: &Conv2d, norm: &BatchNorm, last: &Linear| {
        let parts = Parts::masked(x.clone(), mask.clone()).unwrap();
        let hidden = parts.through(conv).unwrap().through(norm).unwrap().through(&Tanh).unwrap();
        hidden.through(&pool).unwrap().flatten().through(last).unwrap().relevant.square().sum()
    };
    let (c, n, l) = (conv.clone().train(), norm.clone().train(), last.clone().train());
    let gradients = loss(&c, &n, &l).backward();
    let slope = |shift: &dyn Fn(f64) -> Tensor<1>| {
        let [up, down] = [1e-6, -1e-6].map(|step| list(shift(step))[0]);
        (up - down) / 2e-6
    };
    let check = |what: &str, gradient: f64, difference: f64| {
        assert!(
            (gradient - difference).abs() < 1e-6 * (1.0 + difference.abs()),
            "{what}: {gradient}, {difference}"
        );
    };
    let direction = random::<4>(6, 0, [2, 1, 2, 2], &device);
    let found = list((c.weight.grad(&gradients).unwrap() * direction.clone()).sum())[0];
    check(
        "convolution",
        found,
        slope(&|step| {
            let mut conv = conv.clone();
            conv.weight = conv.weight.map(|w| w + direction.clone() * step);
            loss(&conv, &norm, &last)
        }),
    );
    let found = list(c.bias.as_ref().unwrap().grad(&gradients).unwrap().sum())[0];
    check(
        "its bias",
        found,
        slope(&|step| {
            let mut conv = conv.clone();
            conv.bias = conv.bias.map(|b| b.map(|b| b + step));
            loss(&conv, &norm, &last)
        }),
    );
    let found = list(n.beta.grad(&gradients).unwrap().sum())[0];
    check(
        "batch norm",
        found,
        slope(&|step| {
            let mut norm = norm.clone();
            norm.beta = norm.beta.map(|b| b + step);
            loss(&conv, &norm, &last)
        }),
    );
    let found = list(l.weight.grad(&gradients).unwrap().sum())[0];
    check(
        "linear",
        found,
        slope(&|step| {
            let mut last = last.clone();
            last.weight = last.weight.map(|w| w + step);
            loss(&conv, &norm, &last)
        }),
    );
}

/// Also in `f32`, where the division of biases is delicate.
#[test]
fn groups_of_zeros_have_finite_gradients() {
    let device = flex();
    for dtype in [DType::F32, DType::F64] {
        let cast = |x: Tensor<2>| x.cast(dtype);
        let mut layer = filled(LinearConfig::new(4, 3).init(&device), 1, 1.0);
        layer.weight = layer.weight.map(cast);
        layer.bias = layer.bias.map(|b| b.map(|b| b.cast(dtype)));
        let layer = layer.train();
        let x = tensor(vec![0.0; 4], [1, 4], dtype, &device);
        let parts = Parts::masked(x.clone(), x.ones_like()).unwrap().through(&layer).unwrap();
        // Half of the bias each.
        let half = list(layer.bias.as_ref().unwrap().val() * 0.5);
        assert!(distance(&list(parts.relevant.clone()), &half) < 1e-7);
        let gradients = parts.through(&Relu).unwrap().relevant.square().sum().backward();
        for gradient in [
            list(layer.weight.grad(&gradients).unwrap()),
            list(layer.bias.unwrap().grad(&gradients).unwrap()),
        ] {
            assert!(gradient.iter().all(|g| g.is_finite()), "{dtype:?}: {gradient:?}");
        }
        let norm = BatchNormConfig::new(4).init(&device);
        let mut norm = filled(norm, 2, 1.0);
        norm.running_var = RunningState::new(tensor(vec![1.0; 4], [4], dtype, &device));
        norm.running_mean = RunningState::new(tensor(vec![1.0; 4], [4], dtype, &device));
        norm.gamma = norm.gamma.map(|g| g.cast(dtype));
        norm.beta = norm.beta.map(|b| b.cast(dtype));
        let norm = norm.train();
        let parts = Parts::masked(x.clone(), x.zeros_like()).unwrap().through(&norm).unwrap();
        assert_eq!(list(parts.relevant.clone()), [0.0; 4], "the irrelevant part gets the shift");
        let gradients = (parts.relevant + parts.irrelevant * 2.0).sum().backward();
        assert!(list(norm.beta.grad(&gradients).unwrap()).iter().all(|g| *g == 2.0));
    }
}

#[test]
fn bad_input_is_refused() {
    use InterpretError as E;
    let device = flex();
    let x = random::<4>(1, 0, [2, 1, 6, 6], &device);
    let parts = || Parts::masked(x.clone(), x.ones_like()).unwrap();
    assert!(matches!(
        Parts::new(x.clone(), random::<4>(1, 0, [2, 1, 6, 5], &device)),
        Err(E::Input(InputError::Shape { .. }))
    ));
    assert!(matches!(
        Parts::masked(x.clone(), random::<4>(1, 0, [3, 1, 6, 6], &device)),
        Err(E::Input(InputError::Shape { .. }))
    ));
    let narrow = x.ones_like().cast(DType::F32);
    let refused = Parts::masked(x.clone(), narrow.clone());
    assert!(matches!(refused, Err(E::Input(InputError::ElementType { .. }))));
    assert!(matches!(
        Parts::masked(x.clone(), x.ones_like() * f64::NAN),
        Err(E::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        Parts::masked(x.clone() / 0.0, x.ones_like()),
        Err(E::Input(InputError::NotFinite { .. }))
    ));
    let empty = tensor(vec![], [0, 1, 6, 6], DType::F64, &device);
    assert!(matches!(Parts::masked(empty.clone(), empty), Err(E::Input(InputError::Empty { .. }))));
    let wide = tensor(vec![1.0; 7], [1, 7], DType::F64, &device);
    let refused = Parts::transformed(&Haar, random::<2>(1, 0, [2, 6], &device), wide);
    assert!(matches!(refused, Err(E::Input(InputError::Shape { .. }))));

    assert!(matches!(parts().reshape([2, 35]), Err(E::Input(InputError::Shape { .. }))));
    assert!(parts().reshape([4, 18]).is_ok());
    let half = Parts::masked(x.clone().narrow(0, 0, 1), x.ones_like().narrow(0, 0, 1)).unwrap();
    assert!(matches!(parts().plus(half), Err(E::Input(InputError::Shape { .. }))));
    let linear = filled(LinearConfig::new(5, 2).init(&device), 1, 1.0);
    assert!(matches!(
        parts().through(&linear),
        Err(E::Input(InputError::Size { found: 6, expected: 5, .. }))
    ));
    let conv = filled(Conv2dConfig::new([2, 2], [3, 3]).init(&device), 1, 1.0);
    assert!(matches!(parts().through(&conv), Err(E::Input(InputError::Size { found: 1, expected: 2, .. }))));
    let conv = filled(Conv2dConfig::new([1, 2], [7, 3]).init(&device), 1, 1.0);
    assert!(matches!(parts().through(&conv), Err(E::Input(InputError::Size { found: 6, expected: 7, .. }))));
    assert!(matches!(
        parts().through(&BatchNormConfig::new(3).init(&device)),
        Err(E::Input(InputError::Size { .. }))
    ));
    for pool in
        [MaxPool2dConfig::new([2, 7]).init(), MaxPool2dConfig::new([4, 2]).with_dilation([2, 1]).init()]
    {
        assert!(matches!(
            parts().through(&pool),
            Err(E::Input(InputError::Size { found: 6, expected: 7, .. }))
        ));
    }
    assert!(matches!(
        parts().through(&AvgPool2dConfig::new([7, 1]).init()),
        Err(E::Input(InputError::Size { .. }))
    ));
    // Layers in f32.
    let conv = Conv2dConfig::new([1, 2], [3, 3]).init(&device);
    assert!(matches!(parts().through(&conv), Err(E::Input(InputError::ElementType { .. }))));
    // Autodiff is switched on where it is missing, but not in layers.
    let tracked = || Parts::masked(x.clone(), x.ones_like().autodiff()).unwrap();
    let conv = filled(conv, 1, 1.0);
    assert!(matches!(tracked().through(&conv), Err(E::Missing { .. })));
    assert!(tracked().through(&conv.train()).is_ok());
    assert!(tracked().plus(parts()).is_ok());

    let flat = random::<1>(1, 0, [4], &device);
    let norm = BatchNormConfig::new(4).init(&device);
    let refused = Parts::masked(flat.clone(), flat.ones_like()).unwrap().through(&norm);
    assert!(matches!(refused, Err(E::Input(InputError::Size { found: 1, expected: 2, .. }))));
    let row = random::<3>(1, 0, [1, 1, 4], &device);
    let row = || Parts::masked(row.clone(), row.ones_like()).unwrap();
    let pool = MaxPool1dConfig::new(2).with_stride(2).with_padding(PaddingConfig1d::Explicit(2, 2)).init();
    assert!(matches!(row().through(&pool), Err(E::Input(InputError::Setting { name: "padding", .. }))));
    let pool = MaxPool1dConfig::new(2).with_stride(0).init();
    assert!(matches!(row().through(&pool), Err(E::Input(InputError::Setting { name: "stride", .. }))));
}

#[test]
fn layers_may_recompute() {
    let device = flex().autodiff().gradient_checkpointing();
    let layer = LinearConfig::new(4, 3).init(&device);
    let x = random::<2>(1, 0, [2, 4], &flex()).cast(DType::F32);
    let parts = Parts::masked(x.clone(), x.ones_like()).unwrap().through(&layer).unwrap();
    assert!(layer.weight.grad(&parts.relevant.sum().backward()).is_some());
}
