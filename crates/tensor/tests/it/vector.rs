use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_tensor::{TensorError, Vector, device_tests};
use proptest::prelude::*;

/// What single precision may lose in a `dot`, relative to `Σ|xᵢyᵢ|`: the bound that `Vector for Tensor` states.
pub(crate) const SINGLE: f64 = 4e-6;
const DOUBLE: f64 = 1e-13;

pub(crate) type Entries = Vec<f64>;

/// Two reals and three vectors with entries that `f32` holds exactly.
pub(crate) fn input(length: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Input> {
    let number = || prop_oneof![4 => -100.0_f32..100.0, 1 => Just(0.0), 1 => -1e-3_f32..1e-3];
    let entry = (number(), number(), number());
    (-3.0_f32..3.0, -3.0_f32..3.0, prop::collection::vec(entry, length)).prop_map(|(a, b, entries)| {
        let vector = |part: fn(&(f32, f32, f32)) -> f32| entries.iter().map(|e| f64::from(part(e))).collect();
        Input { a: a.into(), b: b.into(), x: vector(|e| e.0), y: vector(|e| e.1), z: vector(|e| e.2) }
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Input {
    a: f64,
    b: f64,
    x: Entries,
    y: Entries,
    z: Entries,
}

fn sum_of(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    x.iter().zip(y).map(|(x, y)| f(*x, *y)).sum()
}

/// The laws of an inner-product space, and that each operation does to the entries what it does to a `Vec<f64>`.
pub(crate) fn obeys_the_laws<V: Vector>(
    input: &Input,
    precision: f64,
    make: impl Fn(&[f64]) -> V,
    entries: impl Fn(&V) -> Entries,
) {
    let Input { a, b, .. } = *input;
    let [x, y, z] = [&input.x, &input.y, &input.z].map(|v| make(v));
    let close = |what: &str, measured: f64, expected: f64, scale: f64| {
        let error = (measured - expected).abs();
        assert!(error <= precision * scale, "{what}: {measured}, expected {expected}: off by {error:e}");
    };
    let magnitude = |v: &[f64], w: &[f64]| sum_of(v, w, |v, w| (v * w).abs());

    // Entrywise, against Vec<f64>.
    let mut combined = y.clone();
    combined.scale(b);
    combined.axpy(a, &x).unwrap();
    let expected: Entries = input.x.iter().zip(&input.y).map(|(x, y)| a * x + b * y).collect();
    for (i, (value, expected)) in entries(&combined).into_iter().zip(&expected).enumerate() {
        close("a x + b y", value, *expected, (a * input.x[i]).abs() + (b * input.y[i]).abs());
    }
    assert_eq!(entries(&combined).len(), expected.len());
    let dot = x.dot(&y).unwrap();
    close("dot", dot, sum_of(&input.x, &input.y, |x, y| x * y), magnitude(&input.x, &input.y));

    // Symmetry, linearity, positivity, Cauchy-Schwarz.
    close("symmetry", y.dot(&x).unwrap(), dot, magnitude(&input.x, &input.y));
    close(
        "linearity",
        combined.dot(&z).unwrap(),
        a * x.dot(&z).unwrap() + b * y.dot(&z).unwrap(),
        2.0 * (a.abs() * magnitude(&input.x, &input.z) + b.abs() * magnitude(&input.y, &input.z)),
    );
    let (norm_x, norm_y) = (x.norm().unwrap(), y.norm().unwrap());
    assert!(dot.abs() <= norm_x * norm_y * (1.0 + 2.0 * precision), "Cauchy-Schwarz");
    assert_eq!(norm_x == 0.0, input.x.iter().all(|x| *x == 0.0), "only zero has norm 0");

    // ‖x + a y‖² = ‖x‖² + 2 a ⟨x, y⟩ + a² ‖y‖².
    let mut moved = x.clone();
    moved.axpy(a, &y).unwrap();
    let expected = norm_x * norm_x + 2.0 * a * dot + a * a * norm_y * norm_y;
    close("axpy and dot", moved.norm().unwrap().powi(2), expected, 3.0 * (norm_x + a.abs() * norm_y).powi(2));

    // Zero, difference, interpolation.
    let zero = x.zeros_like();
    assert!(entries(&zero).iter().all(|x| *x == 0.0));
    assert_eq!(zero.dot(&x).unwrap(), 0.0);
    let mut same = x.clone();
    same.axpy(1.0, &zero).unwrap();
    assert_eq!(entries(&same), entries(&x));
    assert_eq!(x.sub(&x).unwrap().norm().unwrap(), 0.0);
    assert_eq!(entries(&x.lerp(&y, 0.0).unwrap()), entries(&x));
    assert_eq!(entries(&x.lerp(&y, 1.0).unwrap()), entries(&y));
    // Operations on copies leave the originals alone.
    for (vector, original) in [(&x, &input.x), (&y, &input.y), (&z, &input.z)] {
        assert_eq!(&entries(vector), original);
    }
}

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

pub(crate) fn tensor<const D: usize>(entries: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(entries.to_vec(), shape), device)
}

pub(crate) fn host<const D: usize>(tensor: &Tensor<D>) -> Entries {
    tensor.try_to_vec_as().unwrap()
}

proptest! {
    #[test]
    fn slices(input in input(0..200)) {
        obeys_the_laws(&input, DOUBLE, <[f64]>::to_vec, Clone::clone);
    }

    /// A pair is the direct sum of its parts.
    #[test]
    fn pairs(input in input(0..200), cut in 0.0..=1.0) {
        let cut = (input.x.len() as f64 * cut) as usize;
        obeys_the_laws(&input, DOUBLE, |v| (v[..cut].to_vec(), v[cut..].to_vec()), |(u, v)| [&u[..], v].concat());
    }
}

device_tests! {
    fn tensors(device) {
        proptest!(cases(24), |(input in input(0..200))| {
            obeys_the_laws(&input, SINGLE, |v| tensor(v, [v.len()], device), host);
        });
    }

    /// Any rank, in double precision where there is one, and also as views that are not contiguous.
    fn matrices(device) {
        let dtype = if device.supports_dtype(DType::F64) { DType::F64 } else { DType::F32 };
        let precision = if dtype == DType::F64 { DOUBLE } else { SINGLE };
        proptest!(cases(16), |(input in input(144))| {
            obeys_the_laws(
                &input,
                precision,
                |v| {
                    let data = TensorData::new(v.to_vec(), [4, 3, 12]);
                    Tensor::<3>::from_data(data, (device, dtype)).swap_dims(0, 2)
                },
                |t| host(&t.clone().swap_dims(0, 2)),
            );
        });
    }

    fn pairs_of_tensors(device) {
        proptest!(cases(8), |(input in input(30))| {
            obeys_the_laws(
                &input,
                SINGLE,
                |v| (tensor(&v[..10], [10], device), tensor(&v[10..], [4, 5], device)),
                |(u, v)| [host(u), host(v)].concat(),
            );
        });
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
        let expected = "the vectors have shapes [2, 3] and [1, 3]; they must be equal (nothing is broadcast)";
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

    /// A gradient, which carries no autodiff, is added to the parameter that it belongs to; the result is again a
    /// leaf whose gradient can be taken.
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
