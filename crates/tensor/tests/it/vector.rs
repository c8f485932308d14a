use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_tensor::{TensorError, Vector, device_tests};
use proptest::prelude::*;

/// What single precision may lose in a `dot`, relative to `Σ|xᵢyᵢ|`: the bound that `Vector for Tensor`
/// states.
pub(crate) const SINGLE: f64 = 4e-6;

pub(crate) type Entries = Vec<f64>;

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

pub(crate) fn tensor<const D: usize>(entries: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(entries.to_vec(), shape), device)
}

pub(crate) fn host<const D: usize>(tensor: &Tensor<D>) -> Entries {
    tensor.try_to_vec_as().unwrap()
}

device_tests! {
    fn tensors_without_elements(device) {
        let mut x = Tensor::<2>::zeros([0, 3], device);
        x.scale(2.0);
        x.axpy(1.0, &x.clone()).unwrap();
        assert_eq!(x.dims(), [0, 3]);
        assert_eq!(Vector::dot(&x, &x.zeros_like()).unwrap(), 0.0);
    }

    /// A million and one entries: the error of a sum in plain `f32` would grow with their number.
    fn long_tensors_keep_their_precision(device) {
        let length = (1 << 20) + 1;
        let x: Entries = (0..length).map(|i| f64::from(1.0 + (i % 7) as f32 / 10.0)).collect();
        let on_device = tensor(&x, [length], device);
        let dot = Vector::dot(&on_device, &on_device).unwrap();
        let expected = x.dot(&x).unwrap();
        assert!((dot - expected).abs() <= SINGLE * expected, "{dot} against {expected}");
    }

    /// In half precision even the squares of these entries overflow.
    fn half_precision_is_widened(device) {
        if !device.supports_dtype(DType::F16) {
            eprintln!("skipped: no F16 on {device:?}");
            return;
        }
        let x: Tensor<1> = Tensor::from_data(TensorData::new(vec![300.0_f32; 100], [100]), (device, DType::F16));
        assert_eq!(x.norm().unwrap(), 3000.0);
    }

    fn nothing_is_broadcast(device) {
        let row = tensor(&[1.0, 2.0, 3.0], [1, 3], device);
        let mut matrix = tensor(&[1.0; 6], [2, 3], device);
        let expected = "the other vector has shape [1, 3]; it must be [2, 3]";
        assert_eq!(matrix.axpy(1.0, &row).unwrap_err().to_string(), expected);
        assert_eq!(Vector::dot(&matrix, &row).unwrap_err().to_string(), expected);
        assert_eq!(host(&matrix), [1.0; 6], "unchanged after the error");
        // A pair is not half updated.
        let mut pair = (tensor(&[1.0], [1], device), row);
        let misfit = (tensor(&[1.0], [1], device), matrix);
        assert!(matches!(pair.axpy(1.0, &misfit), Err(TensorError::Input(InputError::Shape { .. }))));
        assert_eq!(host(&pair.0), [1.0]);
    }

    fn element_types_are_not_mixed(device) {
        if !device.supports_dtype(DType::F64) {
            eprintln!("skipped: no F64 on {device:?}");
            return;
        }
        let single = tensor(&[1.0], [1], device);
        let double: Tensor<1> = Tensor::from_data(TensorData::new(vec![1.0], [1]), (device, DType::F64));
        assert!(matches!(Vector::dot(&single, &double), Err(TensorError::Input(InputError::ElementType { .. }))));
    }

    fn not_a_number_propagates(device) {
        let mut x = tensor(&[1.0, f64::NAN], [2], device);
        assert!(x.norm().unwrap().is_nan());
        x.scale(f64::INFINITY);
        assert_eq!(host(&x)[0], f64::INFINITY);
    }

    /// A gradient, which carries no autodiff, is added to the parameter that it belongs to; the result is
    /// again a leaf whose gradient can be taken.
    fn updates_are_not_recorded(device) {
        let mut x = tensor(&[3.0, -4.0], [2], &device.clone().autodiff()).require_grad();
        for _ in 0..3 {
            let loss = (x.clone() * x.clone()).sum();
            let gradient = x.grad(&loss.backward()).unwrap();
            assert!(!gradient.is_autodiff());
            x.axpy(-0.25, &gradient).unwrap();
            assert!(x.is_require_grad());
        }
        assert_eq!(host(&x), [0.375, -0.5]);
        x.scale(2.0);
        assert!(x.is_require_grad());
        assert_eq!(x.norm().unwrap(), 1.25);
        assert!(x.zeros_like().is_autodiff());
    }
}

#[test]
fn lengths_must_agree() {
    let (mut x, y) = (vec![1.0, 2.0], vec![1.0]);
    assert!(matches!(x.axpy(1.0, &y), Err(TensorError::Input(InputError::Shape { .. }))));
    assert!(x.dot(&y).is_err() && x.sub(&y).is_err() && x.lerp(&y, 0.5).is_err());
    assert_eq!(x, [1.0, 2.0]);
}

#[test]
fn devices_are_not_mixed() {
    let devices: Vec<Device> = kiln_tensor::devices::all().into_iter().filter_map(|(_, d)| d.ok()).collect();
    if devices.len() < 2 {
        eprintln!("skipped: {} device", devices.len());
    }
    for pair in devices.windows(2) {
        let [x, y] = [0, 1].map(|i| tensor(&[1.0], [1], &pair[i]));
        assert!(matches!(Vector::dot(&x, &y), Err(TensorError::Input(InputError::Device { .. }))));
    }
}
