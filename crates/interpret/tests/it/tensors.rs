//! The transform on tensors against the one on slices, and its gradients.

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_interpret::wavelet::{Boundary, Dwt, FilterBank, LearnableDwt, TensorDwt, Wavelet, WaveletError};
use kiln_tensor::device_tests;
use proptest::prelude::*;

use crate::reference::distance;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device, dtype: DType) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, dtype))
}

fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// Irregular numbers.
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 12.9898).sin() * 3.0 + (i as f64 * 0.7).cos()).collect()
}

/// Of the largest number: lines go far beyond a short signal.
fn relative(found: &[f64], expected: &[f64]) -> f64 {
    distance(found, expected) / expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()))
}

fn one_axis(name: &str, boundary: Boundary, len: usize, levels: usize, device: &Device, dtype: DType) -> f64 {
    let wavelet = Wavelet::named(name).unwrap();
    let slice = Dwt::<f64, 1>::new(&wavelet, boundary, [len], levels).unwrap();
    let dwt = TensorDwt::new(wavelet.filter_len(), boundary, [len], levels).unwrap();
    assert_eq!(dwt.coefficient_len(), slice.coefficient_len());
    assert_eq!(dwt.blocks(), slice.blocks());
    let x = numbers(2 * 3 * len);
    let signal = tensor(&x, [2, 3, len], device, dtype);
    let filters = FilterBank::new(&wavelet, &signal);
    let found = dwt.forward(&filters, signal.clone()).unwrap();
    let expected = slice.forward(&x).unwrap();
    let back = dwt.inverse(&filters, tensor(&expected, found.dims(), device, dtype)).unwrap();
    let transposed = dwt.inverse_transposed(&filters, signal).unwrap();
    relative(&host(found), &expected)
        .max(relative(&host(back), &slice.inverse(&expected).unwrap()))
        .max(relative(&host(transposed), &slice.inverse_transposed(&x).unwrap()))
}

fn two_axes(
    name: &str,
    boundary: Boundary,
    shape: [usize; 2],
    levels: usize,
    device: &Device,
    dtype: DType,
) -> f64 {
    let wavelet = Wavelet::named(name).unwrap();
    let slice = Dwt::<f64, 2>::new(&wavelet, boundary, shape, levels).unwrap();
    let dwt = TensorDwt::new(wavelet.filter_len(), boundary, shape, levels).unwrap();
    let x = numbers(2 * shape[0] * shape[1]);
    let pictures = tensor(&x, [1, 2, shape[0], shape[1]], device, dtype);
    let filters = FilterBank::new(&wavelet, &pictures);
    let found = dwt.forward(&filters, pictures.clone()).unwrap();
    let expected = slice.forward(&x).unwrap();
    let back = dwt.inverse(&filters, tensor(&expected, found.dims(), device, dtype)).unwrap();
    let transposed = dwt.inverse_transposed(&filters, pictures).unwrap();
    relative(&host(found), &expected)
        .max(relative(&host(back), &slice.inverse(&expected).unwrap()))
        .max(relative(&host(transposed), &slice.inverse_transposed(&x).unwrap()))
}

device_tests! {
    fn transforms_are_those_of_slices(device) {
        for boundary in Boundary::ALL {
            assert!(one_axis("db3", boundary, 21, 2, device, DType::F32) < 1e-4, "{boundary}");
        }
        assert!(one_axis("bior2.2", Boundary::Periodization, 7, 3, device, DType::F32) < 1e-4);
        assert!(two_axes("db2", Boundary::Symmetric, [6, 9], 2, device, DType::F32) < 1e-4);
    }

    fn filters_have_gradients(device) {
        let device = device.clone().autodiff();
        let wavelet = Wavelet::named("db2").unwrap();
        let dwt = TensorDwt::new(4, Boundary::Symmetric, [11], 2).unwrap();
        let x = tensor(&numbers(22), [2, 1, 11], &device, DType::F32);
        let low = tensor::<1>(wavelet.dec_lo(), [4], &device, DType::F32).require_grad();
        let c = dwt.forward(&FilterBank::orthogonal(low.clone()).unwrap(), x).unwrap();
        let gradient = host(low.grad(&c.powi_scalar(2).sum().backward()).unwrap());
        assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|g| g.abs() > 0.1));
    }
}

#[test]
fn every_mode_every_family() {
    let device = Device::flex();
    for name in ["haar", "db10", "sym5", "coif1", "bior3.5", "rbio1.3", "dmey"] {
        for boundary in Boundary::ALL {
            for (len, levels) in [(40, 3), (17, 2)] {
                assert!(
                    one_axis(name, boundary, len, levels, &device, DType::F64) < 1e-10,
                    "{name} {boundary} {len}"
                );
            }
            assert!(two_axes(name, boundary, [12, 7], 2, &device, DType::F64) < 1e-10, "{name} {boundary}");
        }
    }
}

/// `Σ w ⊙ (T⁻¹ (T x)²)`, which every gradient passes through.
fn value<const AXES: usize>(
    dwt: &TensorDwt<AXES>,
    low: Tensor<1>,
    forward: impl Fn(&TensorDwt<AXES>, &FilterBank) -> Tensor<3>,
    inverse: impl Fn(&TensorDwt<AXES>, &FilterBank, Tensor<3>) -> Tensor<1>,
) -> Tensor<1> {
    let filters = FilterBank::orthogonal(low).unwrap();
    let back = inverse(dwt, &filters, forward(dwt, &filters).powi_scalar(2));
    let weights = tensor(&numbers(back.dims()[0]), back.dims(), &back.device(), DType::F64);
    (back * weights).sum()
}

/// How far the value and the gradients are from those where autodiff recomputes, and so there are
/// convolutions.
fn distances_from_convolutions<const AXES: usize, const D: usize>(
    dwt: &TensorDwt<AXES>,
    shape: [usize; D],
    dtype: DType,
) -> f64
where
    TensorDwt<AXES>: LearnableDwt<D>,
{
    let (count, len) = (shape.iter().product(), dwt.filter_len());
    let gradients = |device: &Device| {
        let signal = tensor(&numbers(count), shape, device, dtype).require_grad();
        let scaled: Vec<f64> = numbers(4 * len).iter().map(|tap| tap / len as f64).collect();
        let taps = tensor(&scaled, [4, len], device, dtype).require_grad();
        let filter = |which: usize| taps.clone().slice_dim(0, which..=which).squeeze_dim(0);
        let bank = FilterBank { dec_lo: filter(0), dec_hi: filter(1), rec_lo: filter(2), rec_hi: filter(3) };
        let c = dwt.forward(&bank, signal.clone()).unwrap();
        let back = dwt.inverse(&bank, c.powi_scalar(2)).unwrap();
        let transposed = dwt.inverse_transposed(&bank, back).unwrap();
        let weights = tensor(&numbers(transposed.shape().num_elements()), transposed.dims(), device, dtype);
        let found = (transposed.clone() * weights).sum().backward();
        [host(transposed), host(signal.grad(&found).unwrap()), host(taps.grad(&found).unwrap())]
    };
    let ours = gradients(&Device::flex().autodiff());
    let expected = gradients(&Device::flex().autodiff().gradient_checkpointing());
    ours.iter().zip(&expected).map(|(ours, expected)| relative(ours, expected)).fold(0.0, f64::max)
}

/// More than a portion of a thread, than a block of a row, than a strip of columns.
#[test]
fn long_signals_have_the_gradients_of_convolutions() {
    for boundary in [Boundary::Symmetric, Boundary::Periodization, Boundary::Zero] {
        for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 1e-3)] {
            let rows = TensorDwt::new(6, boundary, [9_001], 4).unwrap();
            assert!(distances_from_convolutions(&rows, [5, 2, 9_001], dtype) < tolerance, "{boundary}");
            let pictures = TensorDwt::new(6, boundary, [37, 1_210], 3).unwrap();
            assert!(
                distances_from_convolutions(&pictures, [2, 2, 37, 1_210], dtype) < tolerance,
                "{boundary}"
            );
        }
    }
}

#[test]
fn filters_alone_may_have_autodiff() {
    let device = Device::flex();
    let dwt = TensorDwt::new(4, Boundary::Reflect, [11], 2).unwrap();
    let x = tensor(&numbers(22), [2, 1, 11], &device, DType::F64);
    let low = || tensor(&numbers(4), [4], &device.clone().autodiff(), DType::F64).require_grad();
    let gradient = |x: Tensor<3>| {
        let low = low();
        let c = dwt.forward(&FilterBank::orthogonal(low.clone()).unwrap(), x).unwrap();
        host(low.grad(&c.powi_scalar(2).sum().backward()).unwrap())
    };
    assert_eq!(gradient(x.clone()), gradient(x.autodiff()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Where autodiff is to recompute what it needs, the transform is a chain of convolutions.
    #[test]
    fn gradients_are_those_of_convolutions(
        mode in 0_usize..9,
        shape in [2_usize..23, 2_usize..40],
        half in 1_usize..5,
        levels in 1_usize..4,
    ) {
        // An (anti)reflecting mode may meet a single sample.
        let dwt = TensorDwt::new(2 * half, Boundary::ALL[mode], shape, levels);
        prop_assume!(dwt.is_ok());
        let [height, width] = shape;
        prop_assert!(distances_from_convolutions(&dwt.unwrap(), [3, 2, height, width], DType::F64) < 1e-9);
    }

    #[test]
    fn gradients_are_differences(
        mode in 0_usize..9, len in 5_usize..14, half in 1_usize..4, levels in 1_usize..3, which in 0_usize..100,
    ) {
        let boundary = Boundary::ALL[mode];
        let device = Device::flex().autodiff();
        let filter: Vec<f64> = numbers(2 * half).iter().map(|h| h / 3.0).collect();
        let x = numbers(len);
        let dwt = TensorDwt::new(2 * half, boundary, [len], levels).unwrap();
        let signal = |x: &[f64]| tensor(x, [1, 1, len], &device, DType::F64);
        let low = |h: &[f64]| tensor(h, [2 * half], &device, DType::F64);
        let of = |h: Tensor<1>, x: Tensor<3>| {
            let forward = |dwt: &TensorDwt<1>, f: &FilterBank| dwt.forward(f, x.clone()).unwrap();
            let back = |dwt: &TensorDwt<1>, f: &FilterBank, c| dwt.inverse(f, c).unwrap().reshape([len]);
            value(&dwt, h, forward, back)
        };
        let (h, s) = (low(&filter).require_grad(), signal(&x).require_grad());
        let gradients = of(h.clone(), s.clone()).backward();
        let at = |h: &[f64], x: &[f64]| host(of(low(h), signal(x)))[0];

        let moved = |v: &[f64], i: usize, by: f64| { let mut v = v.to_vec(); v[i] += by; v };
        let step = 1e-5;
        let i = which % (2 * half);
        let difference = (at(&moved(&filter, i, step), &x) - at(&moved(&filter, i, -step), &x)) / (2.0 * step);
        let found = host(h.grad(&gradients).unwrap())[i];
        prop_assert!((found - difference).abs() < 1e-6 * (1.0 + difference.abs().max(found.abs())), "{found} \
            {difference}");
        let i = which % len;
        let difference = (at(&filter, &moved(&x, i, step)) - at(&filter, &moved(&x, i, -step))) / (2.0 * step);
        let found = host(s.grad(&gradients).unwrap())[i];
        prop_assert!((found - difference).abs() < 1e-6 * (1.0 + difference.abs().max(found.abs())), "{found} \
            {difference}");
    }
}

#[test]
fn bad_input() {
    let device = Device::flex();
    assert!(matches!(
        TensorDwt::new(3, Boundary::Zero, [8], 1),
        Err(WaveletError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(
        TensorDwt::new(0, Boundary::Zero, [8], 1),
        Err(WaveletError::Input(InputError::Empty { .. }))
    ));
    assert!(matches!(
        TensorDwt::new(2, Boundary::Zero, [0], 1),
        Err(WaveletError::Input(InputError::Empty { .. }))
    ));
    for levels in [0, 65, usize::MAX] {
        assert!(matches!(TensorDwt::new(2, Boundary::Zero, [8], levels), Err(WaveletError::Level { .. })));
    }
    assert!(matches!(TensorDwt::new(2, Boundary::Reflect, [8, 1], 1), Err(WaveletError::TooShort { .. })));

    let haar = Wavelet::named("haar").unwrap();
    let dwt = TensorDwt::new(4, Boundary::Zero, [8], 1).unwrap();
    let x = tensor(&numbers(8), [1, 1, 8], &device, DType::F32);
    assert!(matches!(
        dwt.forward(&FilterBank::new(&haar, &x), x.clone()),
        Err(WaveletError::Input(InputError::Size { .. }))
    ));
    let filters = FilterBank::new(&Wavelet::named("db2").unwrap(), &x);
    let longer = tensor(&numbers(9), [1, 1, 9], &device, DType::F32);
    assert!(matches!(
        dwt.forward(&filters, longer.clone()),
        Err(WaveletError::Input(InputError::Size { .. }))
    ));
    assert!(matches!(dwt.inverse(&filters, longer), Err(WaveletError::Input(InputError::Size { .. }))));
    let double = x.clone().cast(DType::F64);
    assert!(matches!(
        dwt.forward(&filters, double),
        Err(WaveletError::Input(InputError::ElementType { .. }))
    ));
    let none = Tensor::<3>::zeros([0, 1, 8], &device);
    assert!(matches!(dwt.forward(&filters, none), Err(WaveletError::Input(InputError::Empty { .. }))));
    let odd = tensor(&numbers(3), [3], &device, DType::F32);
    assert!(matches!(FilterBank::orthogonal(odd), Err(WaveletError::Input(InputError::Size { .. }))));
}
