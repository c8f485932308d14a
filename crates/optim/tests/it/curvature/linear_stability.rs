use faer::Mat;
use kiln_optim::curvature::LinearStability;
use kiln_tensor::{LinearOperator, Vector};
use proptest::prelude::*;

use super::{cases, gaussian};

fn design(samples: usize, dimension: usize, seed: u64) -> Vec<Vec<f64>> {
    gaussian(samples * dimension, seed).chunks(dimension).map(<[f64]>::to_vec).collect()
}

/// `T` as the average over all batches of `(I − ηH_B) S (I − ηH_B)`, by enumeration, for batches of 1 and 2.
fn by_enumeration(samples: &[Vec<f64>], eta: f64, batch_size: usize, s: &Mat<f64>) -> Mat<f64> {
    let (n, d) = (samples.len(), samples[0].len());
    let batches: Vec<Vec<usize>> = if batch_size == 1 {
        (0..n).map(|i| vec![i]).collect()
    } else {
        (0..n * n).map(|i| vec![i / n, i % n]).collect()
    };
    let mut sum = Mat::zeros(d, d);
    for batch in &batches {
        let step = Mat::from_fn(d, d, |i, j| {
            let h: f64 =
                batch.iter().map(|&b| samples[b][i] * samples[b][j]).sum::<f64>() / batch.len() as f64;
            f64::from(i == j) - eta * h
        });
        sum += &step * s * &step;
    }
    sum * faer::Scale(1.0 / batches.len() as f64)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn it_is_the_mean_over_batches(seed in 0..10_000_u64, n in 1..6_usize, d in 1..5_usize, batch_size in 1..=2_usize) {
        let samples = design(n, d, seed);
        let entries = gaussian(d * d, seed + 1);
        let s = Mat::from_fn(d, d, |i, j| entries[i * d + j]);
        let stability = LinearStability::new(samples.clone(), 0.3, batch_size).unwrap();
        let found = stability.apply(&entries).unwrap();
        let expected = by_enumeration(&samples, 0.3, batch_size, &s);
        for i in 0..d * d {
            prop_assert!((found[i] - expected[(i / d, i % d)]).abs() < 1e-9 * (1.0 + expected.norm_max()));
        }
        // Self-adjoint, and the bound on the radius that implies tr H ≤ 2/η for batches of 1.
        let other = gaussian(d * d, seed + 2);
        let (left, right) = (found.dot(&other).unwrap(), stability.apply(&other).unwrap().dot(&entries).unwrap());
        prop_assert!((left - right).abs() < 1e-9 * (1.0 + left.abs()));
        let identity: Vec<f64> = (0..d * d).map(|i| f64::from(i % (d + 1) == 0)).collect();
        let mean = stability.apply(&identity).unwrap().dot(&identity).unwrap() / d as f64;
        let radius = stability.spectral_radius().unwrap();
        prop_assert!(radius >= mean - 1e-9 * mean.abs());
        let fourth = samples.iter().map(|x| x.dot(x).unwrap().powi(2)).sum::<f64>() / n as f64;
        let trace = stability.trace();
        if batch_size == 1 {
            let closed = 1.0 + 0.3 / d as f64 * (0.3 * fourth - 2.0 * trace);
            prop_assert!((mean - closed).abs() < 1e-9 * (1.0 + closed.abs()));
            prop_assert!(radius > 1.0 || trace <= 2.0 / 0.3 * (1.0 + 1e-9));
        }
    }

    /// The radius is the rate at which repeated application grows or shrinks.
    #[test]
    fn the_radius_is_a_rate(seed in 0..10_000_u64) {
        let stability = LinearStability::new(design(5, 3, seed), 0.4, 1).unwrap();
        let mut s: Vec<f64> = (0..9).map(|i| f64::from(i % 4 == 0)).collect();
        let mut rate = 0.0;
        for _ in 0..3000 {
            s = stability.apply(&s).unwrap();
            rate = s.norm().unwrap();
            s.scale(1.0 / rate);
        }
        let radius = stability.spectral_radius().unwrap();
        prop_assert!((rate / radius - 1.0).abs() < 1e-3, "{rate} {radius}");
    }
}

#[test]
fn large_batches_are_gradient_descent() {
    let samples = design(6, 3, 1);
    for (step_size, stable) in [(1.99, true), (2.01, false)] {
        let sharpness = LinearStability::new(samples.clone(), 1.0, 1).unwrap().sharpness().unwrap();
        let descent = LinearStability::new(samples.clone(), step_size / sharpness, 1_000_000_000).unwrap();
        assert_eq!(descent.spectral_radius().unwrap() <= 1.0 + 1e-6, stable);
    }
}

#[test]
fn bad_input_is_refused() {
    let good = vec![vec![1.0, 0.0]];
    assert!(LinearStability::new(Vec::new(), 1.0, 1).is_err());
    assert!(LinearStability::new(vec![Vec::new()], 1.0, 1).is_err());
    assert!(LinearStability::new(vec![vec![1.0], vec![1.0, 2.0]], 1.0, 1).is_err());
    assert!(LinearStability::new(vec![vec![f64::NAN]], 1.0, 1).is_err());
    assert!(LinearStability::new(good.clone(), 0.0, 1).is_err());
    assert!(LinearStability::new(good.clone(), 1.0, 0).is_err());
    assert!(LinearStability::new(good, 1.0, 1).unwrap().apply(&vec![1.0]).is_err());
}
