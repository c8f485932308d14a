//! Transforms of inputs: there and back, energy, references, and what is refused.

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_interpret::InterpretError;
use kiln_interpret::transform::{
    Cosine, Fourier, Identity, NonnegativeFactorization, PrincipalComponents, SpectrumPart, Transform,
    WaveletTransform, magnitudes, part,
};
use kiln_interpret::wavelet::{Boundary, Wavelet};
use kiln_tensor::{Distribution, Noise, device_tests};
use proptest::prelude::*;

use crate::reference::{distance, numbers, reference};

pub(crate) fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&Device::flex(), DType::F64))
}

pub(crate) fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
    values
}

pub(crate) fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.try_into_vec_as().unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn db(name: &str) -> Wavelet {
    Wavelet::named(name).unwrap()
}

/// There and back, `⟨T⁻¹c, u⟩ = ⟨c, (T⁻¹)ᵀu⟩` with the transpose by automatic differentiation; energy and
/// `(T⁻¹)ᵀ = T` where the transform is orthogonal.
fn holds<const D: usize, T: Transform<D>>(transform: &T, shape: [usize; D], seed: u64, orthogonal: bool) {
    let count = shape.iter().product();
    let x = normal(seed, count);
    let coefficients = transform.forward(tensor(&x, shape)).unwrap();
    let back = values::<D>(transform.inverse(coefficients.clone()).unwrap());
    assert!(distance(&back, &x) < 1e-10, "there and back {shape:?}");

    let many = coefficients.dims();
    let c = normal(seed + 1, many[0] * many[1]);
    let u = normal(seed + 2, count);
    let leaf = tensor(&c, many).autodiff().require_grad();
    let inverse: Tensor<D> = transform.inverse(leaf.clone()).unwrap();
    let left = dot(&values(inverse.clone().inner()), &u);
    let mut gradients = (inverse * tensor(&u, shape).autodiff()).sum().backward();
    let transposed = values(leaf.grad_remove(&mut gradients).unwrap());
    assert!((left - dot(&c, &transposed)).abs() < 1e-9 * (1.0 + left.abs()));
    if orthogonal {
        let s = values(coefficients);
        assert!((dot(&s, &s) - dot(&x, &x)).abs() < 1e-10 * dot(&x, &x));
        let of_u = values(transform.forward(tensor(&u, shape)).unwrap());
        assert!(distance(&transposed, &of_u) < 1e-10);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn signals_come_back(length in 1usize..40, channels in 1usize..3, seed in 0u64..1000) {
        let shape = [2, channels, length];
        holds(&Fourier::of_signals(&shape[1..]).unwrap(), shape, seed, true);
        holds(&Cosine::of_signals(&shape[1..]).unwrap(), shape, seed, true);
        holds(&Identity::new(&shape[1..]).unwrap(), shape, seed, true);
        let wavelet = WaveletTransform::of_signals(&db("db3"), Boundary::Symmetric, &shape[1..], 2).unwrap();
        holds(&wavelet, shape, seed, false);
    }

    #[test]
    fn pictures_come_back(height in 1usize..9, width in 1usize..9, seed in 0u64..1000) {
        let shape = [2, height, width];
        holds(&Fourier::of_pictures(&shape[1..]).unwrap(), shape, seed, true);
        holds(&Cosine::of_pictures(&shape[1..]).unwrap(), shape, seed, true);
        let wavelet = WaveletTransform::of_pictures(&db("db2"), Boundary::Zero, &shape[1..], 1).unwrap();
        holds(&wavelet, shape, seed, false);
        let even = [1, 2, 4 * height, 4 * width];
        let wavelet =
            WaveletTransform::of_pictures(&db("db2"), Boundary::Periodization, &even[1..], 2).unwrap();
        holds(&wavelet, even, seed, true);
    }

    /// Every coefficient is what `frequency` says: the part of the spectrum, by its definition.
    #[test]
    fn fourier_coefficients_are_parts_of_the_spectrum(height in 1usize..8, width in 1usize..8, seed in 0u64..1000) {
        let x = normal(seed, height * width);
        let fourier = Fourier::of_pictures(&[height, width]).unwrap();
        let found = values(fourier.forward(tensor(&x, [1, height, width])).unwrap());
        let mut seen = std::collections::BTreeSet::new();
        for (index, found) in found.iter().enumerate() {
            let frequency = fourier.frequency(index);
            prop_assert!(seen.insert(frequency));
            let (row, column) = (frequency.row as f64 / height as f64, frequency.column as f64 / width as f64);
            let own = |f: f64| (2.0 * f).fract() == 0.0;
            let scale = if own(row) && own(column) { 1.0 } else { 2.0_f64 } / (height * width) as f64;
            let expected: f64 = (0..height * width).map(|pixel| {
                let angle = (row * (pixel / width) as f64 + column * (pixel % width) as f64) * std::f64::consts::TAU;
                x[pixel] * if frequency.part == SpectrumPart::Real { angle.cos() } else { -angle.sin() }
            }).sum();
            prop_assert!((found - scale.sqrt() * expected).abs() < 1e-10);
        }
    }
}

#[test]
fn bands_of_pictures_are_those_of_the_reference() {
    let file = reference("fourier_bands.json");
    let flat = |key: &str| file[key].as_array().unwrap().iter().flat_map(numbers).collect::<Vec<f64>>();
    let image = flat("image");
    let edges = numbers(&file["edges"]);
    let fourier = Fourier::of_pictures(&[8, 8]).unwrap();
    let rings = fourier.rings(&edges[1..5]).unwrap();
    assert_eq!(rings.len(), 5);
    let s = values(fourier.forward(tensor(&image, [1, 8, 8])).unwrap());
    let of_ring = |ring: usize| (0..64).filter(move |&i| rings.ids()[i] == ring);
    for ring in 0..5 {
        let members: Vec<usize> = of_ring.clone()(ring).collect();
        assert_eq!(members.len() as u64, file["count"][ring].as_u64().unwrap());
        let power: f64 = members.iter().map(|&i| s[i] * s[i]).sum();
        assert!((power - file["power"][ring].as_f64().unwrap()).abs() < 1e-11);
        let keep = fourier.band(edges[ring], edges[ring + 1]);
        assert!(
            members.iter().all(|&i| keep[i]) && keep.iter().filter(|keep| **keep).count() == members.len()
        );
        let component = values(part(&fourier, tensor(&image, [1, 8, 8]), &keep).unwrap());
        let expected: Vec<f64> =
            file["components"][ring].as_array().unwrap().iter().flat_map(numbers).collect();
        assert!(distance(&component, &expected) < 1e-11);
    }
}

#[test]
fn magnitudes_are_lengths_of_groups() {
    let groups = Fourier::of_signals(&[4]).unwrap().frequencies();
    assert_eq!(groups.ids(), [0, 1, 2, 1]);
    let found = magnitudes(&tensor(&[-1.0, 3.0, 2.0, -4.0], [1, 4]), &groups).unwrap();
    assert_eq!(values(found), [1.0, 5.0, 2.0]);
    assert!(matches!(
        magnitudes(&tensor(&[1.0], [1, 1]), &groups),
        Err(InterpretError::Input(InputError::Shape { .. }))
    ));
}

#[test]
fn frequencies_and_levels_are_groups() {
    let fourier = Fourier::of_signals(&[2, 7]).unwrap();
    assert_eq!(fourier.frequencies().ids(), [0, 1, 2, 3, 1, 2, 3, 0, 1, 2, 3, 1, 2, 3]);
    assert_eq!(Fourier::of_signals(&[6]).unwrap().frequencies().ids(), [0, 1, 2, 3, 1, 2]);
    assert!((fourier.radius(3) - 6.0 / 7.0).abs() < 1e-15);
    let wavelet = WaveletTransform::of_signals(&db("haar"), Boundary::Zero, &[2, 8], 2).unwrap();
    assert_eq!(wavelet.levels().ids(), [0, 0, 1, 1, 2, 2, 2, 2].repeat(2));
    let wavelet = WaveletTransform::of_pictures(&db("haar"), Boundary::Zero, &[4, 4], 2).unwrap();
    assert_eq!(wavelet.bands().ids(), [0, 1, 2, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6]);
    assert_eq!(wavelet.levels().ids(), [0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn principal_components_are_orthonormal_and_best(n in 3usize..12, width in 2usize..8, seed in 0u64..1000) {
        let x = tensor(&normal(seed, n * width), [n, width]);
        let most = n.min(width);
        let all = PrincipalComponents::fit(&x, most).unwrap();
        for i in 0..most {
            for j in 0..=i {
                let product = dot(all.direction(i).unwrap(), all.direction(j).unwrap());
                // Centred, one direction less than examples has variance; the last is any.
                prop_assert!((product - f64::from(u8::from(i == j))).abs() < 1e-9);
            }
        }
        let back: Tensor<2> = all.inverse(all.forward(x.clone()).unwrap()).unwrap();
        prop_assert!(distance(&values(back), &values(x.clone())) < 1e-9);
        // The residual of k directions is the variance of the others.
        let few = PrincipalComponents::fit(&x, 1).unwrap();
        let rest = values(x.clone() - few.inverse(few.forward(x.clone()).unwrap()).unwrap());
        let centred = values(x.clone() - x.mean_dim(0));
        let share = 1.0 - dot(&rest, &rest) / dot(&centred, &centred);
        prop_assert!(few.direction(1).is_none());
        prop_assert!((share - few.explained()[0]).abs() < 1e-9);
        prop_assert!((all.explained().iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    /// Amounts are nonnegative least squares: the gradient is 0 where an amount is positive, and not negative
    /// where it is 0.
    #[test]
    fn amounts_of_parts_are_optimal(seed in 0u64..1000) {
        let x: Vec<f64> = normal(seed, 60).iter().map(|value| value.abs()).collect();
        let x = tensor(&x, [10, 6]);
        let parts = NonnegativeFactorization::fit(&x, 3, 30, seed).unwrap();
        let w = parts.forward(x.clone()).unwrap();
        let back: Tensor<2> = parts.inverse(w.clone()).unwrap();
        let (w, rest) = (values(w), values(back - x));
        for (amounts, rest) in w.chunks(3).zip(rest.chunks(6)) {
            for (k, amount) in amounts.iter().enumerate() {
                let slope = dot(parts.part(k).unwrap(), rest);
                prop_assert!(*amount >= 0.0);
                prop_assert!(slope > -1e-6 && (*amount == 0.0 || slope < 1e-6));
            }
        }
    }
}

/// As scikit-learn 1.9.1 has them: `NMF(3, init="nndsvd", max_iter=200).fit(x).components_`.
#[test]
fn parts_from_singular_vectors_are_those_of_scikit_learn() {
    let entry = |i: i32, j: i32| f64::from((7 * i + 3 * j * j + i * j) % 11) * (1.0 + 0.3 * f64::from(j));
    let x: Vec<f64> = (0..12).flat_map(|i| (0..8).map(move |j| entry(i, j))).collect();
    let parts = NonnegativeFactorization::fit_from_svd(&tensor(&x, [12, 8]), 3, 200).unwrap();
    let expected = [
        [
            0.900_310_06,
            1.563_537_7,
            0.0,
            2.726_719_91,
            1.935_958_77,
            3.688_494_64,
            6.893_581_96,
            0.177_942_22,
        ],
        [0.782_043_19, 2.211_157_08, 1.673_973_98, 0.0, 1.582_747_39, 0.0, 1.754_592_89, 6.571_261_37],
        [
            0.686_675_89,
            0.086_788_01,
            2.391_298_62,
            2.208_407_73,
            1.304_910_03,
            3.555_931_68,
            0.0,
            2.757_921_72,
        ],
    ];
    for (k, expected) in expected.iter().enumerate() {
        for (found, expected) in parts.part(k).unwrap().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "part {k}: {found} instead of {expected}");
        }
    }
}

#[test]
fn factors_of_a_sum_of_parts_are_found() {
    let (n, k, width) = (40, 4, 12);
    let positive = |seed, count| normal(seed, count).into_iter().map(|x| x.max(0.0)).collect::<Vec<_>>();
    let x = tensor(&positive(1, n * k), [n, k]).matmul(tensor(&positive(2, k * width), [k, width]));
    let parts = NonnegativeFactorization::fit(&x, k, 500, 3).unwrap();
    let back: Tensor<2> = parts.inverse(parts.forward(x.clone()).unwrap()).unwrap();
    let rest = values(x.clone() - back);
    assert!(dot(&rest, &rest).sqrt() < 0.02 * dot(&values(x.clone()), &values(x.clone())).sqrt());
    assert_eq!(parts, NonnegativeFactorization::fit(&x, k, 500, 3).unwrap());
    assert!(parts.part(k).is_none());
    for part in 0..k {
        let part = parts.part(part).unwrap();
        assert!((dot(part, part) - 1.0).abs() < 1e-12);
        assert!(part.iter().all(|x| *x >= 0.0));
    }
}

device_tests! {
    fn transforms_work_on_every_device(device) {
        let picture: Tensor<4> =
            Tensor::from_data(TensorData::new(normal(5, 2 * 20), [2, 1, 4, 5]), (device, DType::F32));
        let check = |back: Tensor<4>, tolerance: f32| {
            let worst = (back - picture.clone()).abs().max().into_scalar::<f32>();
            assert!(worst < tolerance, "{worst}");
        };
        let fourier = Fourier::of_pictures(&[1, 4, 5]).unwrap();
        check(fourier.inverse(fourier.forward(picture.clone()).unwrap()).unwrap(), 1e-5);
        let wavelet =
            WaveletTransform::of_pictures(&db("db2"), Boundary::Symmetric, &[1, 4, 5], 1).unwrap();
        check(wavelet.inverse(wavelet.forward(picture.clone()).unwrap()).unwrap(), 1e-5);
        let components = PrincipalComponents::fit(&picture, 2).unwrap();
        check(components.inverse(components.forward(picture.clone()).unwrap()).unwrap(), 1e-4);
    }
}

#[test]
fn a_transform_read_back_is_the_same() {
    let fourier = Fourier::of_pictures(&[3, 4]).unwrap();
    let text = serde_json::to_string(&fourier).unwrap();
    assert_eq!(serde_json::from_str::<Fourier>(&text).unwrap(), fourier);
}

#[test]
fn bad_input_is_refused() {
    let x = tensor(&normal(1, 12), [2, 6]);
    assert!(matches!(Fourier::of_signals(&[0]), Err(InterpretError::Input(InputError::Empty { .. }))));
    assert!(matches!(Fourier::of_signals(&[]), Err(InterpretError::Input(InputError::Size { .. }))));
    assert!(matches!(Cosine::of_pictures(&[4]), Err(InterpretError::Input(InputError::Size { .. }))));
    let fourier = Fourier::of_signals(&[5]).unwrap();
    assert!(matches!(fourier.forward(x.clone()), Err(InterpretError::Input(InputError::Shape { .. }))));
    assert!(matches!(
        fourier.forward(x.clone().unsqueeze::<3>()),
        Err(InterpretError::Input(InputError::Size { .. }))
    ));
    let back: Result<Tensor<2>, _> = fourier.inverse(x.clone());
    assert!(matches!(back, Err(InterpretError::Input(InputError::Shape { .. }))));
    assert!(matches!(fourier.rings(&[0.5, 0.5]), Err(InterpretError::Input(InputError::Setting { .. }))));
    assert!(matches!(fourier.rings(&[f64::NAN]), Err(InterpretError::Input(InputError::Setting { .. }))));
    let six = Fourier::of_signals(&[6]).unwrap();
    assert!(matches!(part(&six, x.clone(), &[true]), Err(InterpretError::Input(InputError::Size { .. }))));
    assert!(matches!(
        PrincipalComponents::fit(&x, 3),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        NonnegativeFactorization::fit(&x, 1, 5, 1),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    assert!(matches!(
        NonnegativeFactorization::fit(&x, 0, 5, 1),
        Err(InterpretError::Input(InputError::Setting { .. }))
    ));
    let nan = tensor(&[f64::NAN, 1.0], [1, 2]);
    assert!(matches!(
        PrincipalComponents::fit(&nan, 1),
        Err(InterpretError::Input(InputError::NotFinite { .. }))
    ));
    let none = tensor(&[], [0, 2]);
    assert!(matches!(
        PrincipalComponents::fit(&none, 1),
        Err(InterpretError::Input(InputError::Empty { .. }))
    ));
    let wavelet = WaveletTransform::of_signals(&db("haar"), Boundary::Zero, &[5], 1).unwrap();
    assert!(matches!(wavelet.forward(x), Err(InterpretError::Input(InputError::Shape { .. }))));
}
