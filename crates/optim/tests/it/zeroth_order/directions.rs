//! Directions: functions of their position, with the right moments.

use burn::tensor::{Device, Tensor};
use kiln_optim::zeroth_order::{DirectionLaw, direction_like};
use kiln_tensor::{Blocks, Coordinates, device_tests};
use proptest::prelude::*;

use super::cases;

fn direction(length: usize, distribution: DirectionLaw, seed: u64, step: u64, index: u32) -> Vec<f64> {
    direction_like(&vec![0.0; length], distribution, seed, step, index).unwrap()
}

const ALL: [DirectionLaw; 3] = [DirectionLaw::Gaussian, DirectionLaw::Rademacher, DirectionLaw::Sphere];

proptest! {
    #![proptest_config(cases(40))]

    /// A longer block begins with the same numbers, whatever chunks and threads it is cut into.
    #[test]
    fn a_prefix_is_a_prefix(seed: u64, step in 0..1_000_000_u64, length in 1..600_usize) {
        for distribution in [DirectionLaw::Gaussian, DirectionLaw::Rademacher] {
            let long = direction(40_000, distribution, seed, step, 3);
            let short = direction(length, distribution, seed, step, 3);
            prop_assert_eq!(&long[..length], &short[..]);
            let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let alone = one_thread.install(|| direction(40_000, distribution, seed, step, 3));
            prop_assert_eq!(long, alone);
        }
    }

    /// Blocks, steps, numbers and seeds have streams of their own.
    #[test]
    fn streams_differ(seed: u64, step in 0..1_000_000_u64, index in 0..1000_u32) {
        let of = |seed, step, index| direction(64, DirectionLaw::Gaussian, seed, step, index);
        let base = of(seed, step, index);
        for other in [of(seed ^ 1, step, index), of(seed, step + 1, index), of(seed, step, index + 1)] {
            // No coordinate in common, not at another place either.
            prop_assert!(base.iter().all(|z| !other.contains(z)));
        }
        let pair = direction_like(&(vec![0.0; 64], vec![0.0; 64]), DirectionLaw::Gaussian, seed, step, index);
        let (first, second) = pair.unwrap();
        prop_assert_eq!(&first, &base);
        prop_assert!(second.iter().all(|z| !base.contains(z)));
    }

    /// The norm over all blocks together is √d, up to the rounding of coordinates to `f32`.
    #[test]
    fn spheres_have_radius_root_d(seed: u64, a in 1..300_usize, b in 1..40_000_usize) {
        let point = (vec![0.0; a], vec![0.0; b]);
        let z = direction_like(&point, DirectionLaw::Sphere, seed, 5, 1).unwrap().coordinates().unwrap();
        let square: f64 = z.iter().map(|z| z * z).sum();
        let d = (a + b) as f64;
        prop_assert!((square - d).abs() < 1e-6 * d, "{} {}", square, d);
    }
}

/// Mean, variance, fourth moment and correlations within five standard errors.
#[test]
fn moments() {
    let n = 1_000_000;
    for distribution in ALL {
        let [z, next, other] =
            [(0, 0), (0, 1), (1, 0)].map(|(step, index)| direction(n, distribution, 17, step, index));
        let mean = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>() / n as f64;
        let root = (n as f64).sqrt();
        let fourth = if distribution == DirectionLaw::Rademacher { 1.0 } else { 3.0 };
        assert!(mean(&|i| z[i]).abs() < 5.0 / root);
        assert!((mean(&|i| z[i].powi(2)) - 1.0).abs() < 5.0 * (fourth - 1.0_f64).sqrt() / root + 1e-7);
        assert!((mean(&|i| z[i].powi(4)) - fourth).abs() < 5.0 * 96.0_f64.sqrt() / root);
        for partner in [&next, &other] {
            assert!(mean(&|i| z[i] * partner[i]).abs() < 5.0 / root);
        }
        for lag in [1, 64, 256] {
            assert!((0..n - lag).map(|i| z[i] * z[i + lag]).sum::<f64>().abs() < 5.0 * root, "lag {lag}");
        }
    }
}

/// Kolmogorov and Smirnov: the distribution function of a million draws is the normal one.
#[test]
fn gaussians_are_normal() {
    let n = 1_000_000;
    let mut z = direction(n, DirectionLaw::Gaussian, 3, 1, 4);
    z.sort_by(f64::total_cmp);
    let distance = z
        .iter()
        .enumerate()
        .map(|(i, z)| {
            let expected = 0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
            (expected - (i as f64 + 0.5) / n as f64).abs()
        })
        .fold(0.0, f64::max);
    // Passes 999 times in 1000.
    assert!(distance < 1.95 / (n as f64).sqrt(), "{distance}");
}

/// Some numbers of the format: logs written today must be readable for ever.
#[test]
fn numbers_of_the_format() {
    let z = direction(300, DirectionLaw::Gaussian, 42, 7, 1);
    let bits = [0, 1, 64, 255, 256, 299].map(|i| (z[i] as f32).to_bits());
    assert_eq!(bits, FORMAT, "{bits:#010x?}");
}
/// From an implementation in NumPy, in `float32` throughout, after the description in `direction.rs`.
const FORMAT: [u32; 6] = [0x3ee4_d755, 0x3de9_9b8e, 0xbfb0_3f67, 0xbf57_54fd, 0xbfa5_5708, 0x3f5f_32da];

device_tests! {
    /// Every device moves a tensor by the same bits.
    fn tensors_see_the_same_numbers(device) {
        let host = direction(3 * 700, DirectionLaw::Gaussian, 9, 2, 0);
        let zeros = Tensor::<2>::zeros([3, 700], device);
        let tensor = direction_like(&zeros, DirectionLaw::Gaussian, 9, 2, 0).unwrap();
        assert_eq!(Coordinates::coordinates(&tensor).unwrap(), host);
    }

    /// Blocks are changed where they lie, and a change is seen.
    fn blocks_round_trip(device) {
        let check: fn(&Device) = |device| {
            let mut tensor = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], device).transpose();
            let mut seen = Vec::new();
            tensor.update_blocks(&mut |info, block| {
                let kiln_tensor::BlockMut::F32(values) = block else { panic!("{info:?}") };
                seen = values.to_vec();
                for v in values {
                    *v *= 10.0;
                }
            }).unwrap();
            assert_eq!(seen, [1.0, 3.0, 2.0, 4.0]);
            assert_eq!(Coordinates::coordinates(&tensor).unwrap(), [10.0, 30.0, 20.0, 40.0]);
        };
        check(device);
    }
}
