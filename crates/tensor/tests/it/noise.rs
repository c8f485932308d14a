use burn::tensor::{DType, Device, Tensor};
use kiln_tensor::{Distribution, Noise, Real, TensorError, device_tests};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const ALL: [Distribution; 3] = [Distribution::Gaussian, Distribution::Rademacher, Distribution::Uniform];

fn values<T: Real>(noise: Noise, parameter: u64, offset: u64, length: usize) -> Vec<T> {
    let mut out = vec![T::default(); length];
    noise.fill(parameter, offset, &mut out);
    out
}

fn distribution() -> impl Strategy<Value = Distribution> {
    prop::sample::select(&ALL[..])
}

/// The first 64 bytes of the `ChaCha8` key stream for the all-zero key and nonce (eSTREAM's test vector).
#[test]
fn known_key_stream() {
    let stream = "3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e\
                  984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42";
    let expected: Vec<f64> = (0..8)
        .map(|i| {
            let word = u64::from_str_radix(&stream[16 * i..16 * (i + 1)], 16).unwrap().swap_bytes();
            (word >> 11) as f64 * 2f64.powi(-53)
        })
        .collect();
    assert_eq!(values::<f64>(Noise { seed: 0, distribution: Distribution::Uniform }, 0, 0, 8), expected);
}

/// Computed by a Python program that implements `ChaCha8` itself and takes `Φ⁻¹` from
/// `statistics.NormalDist`. Runs stored as seeds rely on these numbers: if this test fails, change the code,
/// not the test.
#[test]
fn numbers_never_change() {
    let at = |distribution| values::<f64>(Noise { seed: 20_261_122, distribution }, 5, (1 << 40) - 2, 8);
    let gaussian = [
        0.733_971_557_843_396_6,
        0.187_570_716_954_419_9,
        1.412_412_790_364_764_3,
        -0.064_804_066_942_275_04,
        -0.237_486_822_550_907_17,
        -0.796_331_647_756_599_4,
        -1.704_680_794_000_397,
        -2.053_519_677_539_248_4,
    ];
    assert_eq!(at(Distribution::Gaussian), gaussian);
    assert_eq!(at(Distribution::Rademacher), gaussian.map(f64::signum));
    let uniform = [
        0.768_516_963_580_140_7,
        0.574_393_408_374_581_3,
        0.921_085_773_710_845_5,
        0.474_165_001_653_837_46,
        0.406_139_570_456_595_3,
        0.212_919_647_708_173_5,
        0.044_126_986_872_422_114,
        0.020_011_101_651_980_28,
    ];
    assert_eq!(at(Distribution::Uniform), uniform);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_bits(
        seed: u64, distribution in distribution(), parameter: u64, offset: u64,
        cuts in prop::collection::vec(0..300_usize, 0..6),
    ) {
        let noise = Noise { seed, distribution };
        let whole = values::<f64>(noise, parameter, offset, 300);
        let mut cuts = cuts;
        cuts.extend([0, 300]);
        cuts.sort_unstable();
        // Last block first: the order does not matter either.
        for cut in cuts.windows(2).rev() {
            if let Some(start) = offset.checked_add(cut[0] as u64) {
                let block = values::<f64>(noise, parameter, start, cut[1] - cut[0]);
                prop_assert_eq!(&block, &whole[cut[0]..cut[1]]);
            }
        }
    }

    #[test]
    fn words_are_those_of_rand_chacha(seed: u64, parameter: u64, offset: u64) {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut reference = ChaCha8Rng::from_seed(key);
        reference.set_stream(parameter);
        reference.set_word_pos(2 * u128::from(offset));
        for value in values::<f64>(Noise { seed, distribution: Distribution::Uniform }, parameter, offset, 40) {
            prop_assert_eq!(value, (reference.next_u64() >> 11) as f64 * 2f64.powi(-53));
        }
    }

    #[test]
    fn single_precision_is_double_precision_rounded(seed: u64, distribution in distribution(), offset: u64) {
        let noise = Noise { seed, distribution };
        for (narrow, wide) in values::<f32>(noise, 0, offset, 50).into_iter().zip(values::<f64>(noise, 0, offset, 50)) {
            if distribution == Distribution::Uniform {
                let (narrow, ulp) = (f64::from(narrow), 2f64.powi(-24));
                prop_assert!(narrow <= wide && wide < narrow + ulp && narrow < 1.0);
            } else {
                prop_assert_eq!(narrow, wide as f32);
            }
        }
    }

    #[test]
    fn one_word_makes_all_three(seed: u64, offset: u64) {
        let [g, r, u] = ALL.map(|distribution| values::<f64>(Noise { seed, distribution }, 1, offset, 50));
        for i in 0..50 {
            prop_assert_eq!(g[i].signum(), r[i]);
            let back = 0.5 * libm::erfc(-g[i] * std::f64::consts::FRAC_1_SQRT_2);
            prop_assert!((back - u[i]).abs() < 1e-15, "Φ({}) = {} but u = {}", g[i], back, u[i]);
        }
    }
}

/// Moments within five standard errors, and no correlation between neighbouring seeds, parameters and
/// positions.
#[test]
fn moments_and_independence() {
    let n = 1 << 17;
    let within = |what: &str, measured: f64, expected: f64, variance: f64| {
        let errors = (measured - expected) / (variance / n as f64).sqrt();
        assert!(errors.abs() < 5.0, "{what}: {measured}, expected {expected}: {errors} standard errors off");
    };
    for distribution in ALL {
        // Mean, variance and kurtosis; for the variance of z² the fourth moment, for that of z⁴ the eighth.
        let (mean, variance, fourth, eighth) = match distribution {
            Distribution::Gaussian => (0.0, 1.0, 3.0, 105.0),
            Distribution::Rademacher => (0.0, 1.0, 1.0, 1.0),
            Distribution::Uniform => (0.5, 1.0 / 12.0, 1.8, 9.0),
        };
        let sample = |seed, parameter, offset| -> Vec<f64> {
            values::<f64>(Noise { seed, distribution }, parameter, offset, n)
                .into_iter()
                .map(|x| (x - mean) / f64::sqrt(variance))
                .collect()
        };
        let x = sample(11, 4, 0);
        let average = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        within("mean", average(&|i| x[i]), 0.0, 1.0);
        within("fourth moment", average(&|i| x[i].powi(4)), fourth, (eighth - fourth * fourth).max(1e-30));
        within("second moment", average(&|i| x[i] * x[i]), 1.0, (fourth - 1.0).max(1e-30));
        for (what, y) in
            [("seed", sample(12, 4, 0)), ("parameter", sample(11, 5, 0)), ("position", sample(11, 4, 1))]
        {
            within(&format!("correlation with the next {what}"), average(&|i| x[i] * y[i]), 0.0, 1.0);
        }
    }
}

#[test]
fn configuration_survives_json() {
    let noise = Noise { seed: u64::MAX, distribution: Distribution::Rademacher };
    let json = serde_json::to_string(&noise).unwrap();
    assert_eq!(json, r#"{"seed":18446744073709551615,"distribution":"rademacher"}"#);
    assert_eq!(serde_json::from_str::<Noise>(&json).unwrap(), noise);
}

fn bits(tensor: Tensor<2>) -> Vec<u64> {
    tensor.try_into_vec_as::<f64>().unwrap().into_iter().map(f64::to_bits).collect()
}

device_tests! {
    fn every_device_gets_the_same_bits(device) {
        for distribution in ALL {
            let noise = Noise { seed: 3, distribution };
            let host = values::<f32>(noise, 9, 1000, 35);
            let expected: Vec<u64> = host.iter().map(|&x| f64::from(x).to_bits()).collect();
            assert_eq!(bits(noise.tensor(9, 1000, [5, 7], device).unwrap()), expected);
            assert_eq!(bits(noise.tensor(9, 1000, [5, 7], &device.clone().autodiff()).unwrap()), expected);
            if device.supports_dtype(DType::F64) {
                let expected: Vec<u64> =
                    values::<f64>(noise, 9, 1000, 35).into_iter().map(f64::to_bits).collect();
                assert_eq!(bits(noise.tensor(9, 1000, [5, 7], (device, DType::F64)).unwrap()), expected);
            } else {
                eprintln!("skipped: no F64 on {device:?}");
            }
        }
    }

    fn bad_requests_are_errors(device) {
        let noise = Noise { seed: 3, distribution: Distribution::Gaussian };
        let integers: Result<Tensor<1>, _> = noise.tensor(0, 0, [2], (device, DType::I32));
        assert!(matches!(integers, Err(TensorError::NoiseElementType { dtype: DType::I32, .. })));
        for shape in [[usize::MAX, 2], [usize::MAX / 8, 1], [1 << 40, 1 << 40]] {
            let huge: Result<Tensor<2>, _> = noise.tensor(0, 0, shape, device);
            assert!(matches!(huge, Err(TensorError::TooLarge { .. })), "{shape:?}");
        }
        assert_eq!(noise.tensor(0, 0, [0, 3], device).unwrap().dims(), [0, 3]);
    }
}

/// Noise drawn on one device and moved to another is the noise drawn there.
#[test]
fn devices_agree() {
    let noise = Noise { seed: 8, distribution: Distribution::Gaussian };
    let devices: Vec<Device> = kiln_tensor::devices::all().into_iter().filter_map(|(_, d)| d.ok()).collect();
    for pair in devices.windows(2) {
        let moved = noise.tensor(1, 2, [4, 6], &pair[0]).unwrap().to_device(&pair[1]);
        assert_eq!(bits(moved), bits(noise.tensor(1, 2, [4, 6], &pair[1]).unwrap()));
    }
}
