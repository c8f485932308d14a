//! The unbiased estimate of the maximum mean discrepancy.

use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_tensor::{Divergence, MmdKernel, Sample};

fn cpu() -> Device {
    kiln_tensor::devices::named("flex").unwrap()
}

fn matrix(rows: &[Vec<f64>], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), rows[0].len()]), (device, DType::F64))
}

fn rows(count: usize, from: f64) -> Vec<Vec<f64>> {
    (0..count).map(|i| vec![(1.7 * i as f64 + from).sin(), from + (2.3 * i as f64).cos()]).collect()
}

fn kernel(x: &[f64], y: &[f64]) -> f64 {
    let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
    [0.1_f64, 1.0, 10.0].iter().map(|sigma| (-squared / (2.0 * sigma * sigma)).exp()).sum()
}

/// The definition, term by term.
fn by_hand(a: &[Vec<f64>], p: &[f64], b: &[Vec<f64>], q: &[f64], k: fn(&[f64], &[f64]) -> f64) -> f64 {
    let own = |x: &[Vec<f64>], p: &[f64]| {
        let mut sum = 0.0;
        for i in 0..x.len() {
            for j in (0..x.len()).filter(|j| *j != i) {
                sum += p[i] * p[j] * k(&x[i], &x[j]);
            }
        }
        sum / (1.0 - p.iter().map(|p| p * p).sum::<f64>())
    };
    let mut cross = 0.0;
    for (x, p) in a.iter().zip(p) {
        for (y, q) in b.iter().zip(q) {
            cross += p * q * k(x, y);
        }
    }
    own(a, p) + own(b, q) - 2.0 * cross
}

fn equal(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

#[test]
fn it_is_its_definition_with_weights_and_without() {
    let device = cpu();
    let (a, b) = (rows(5, 0.0), rows(7, 0.4));
    let divergence = Divergence::UnbiasedMmd(MmdKernel::GaussianSum);
    let (sa, sb) = (Sample::new(matrix(&a, &device)), Sample::new(matrix(&b, &device)));
    let found = divergence.between(&sa, &sb).unwrap().into_scalar::<f64>();
    assert!((found - by_hand(&a, &equal(5), &b, &equal(7), kernel)).abs() < 1e-13, "{found}");
    let p = [0.1, 0.3, 0.2, 0.0, 0.4];
    let weights =
        Tensor::from_data(TensorData::new(p.map(|p| 20.0 * p).to_vec(), [5]), (&device, DType::F64));
    let found = divergence.between(&sa.weighted(weights), &sb).unwrap().into_scalar::<f64>();
    assert!((found - by_hand(&a, &p, &b, &equal(7), kernel)).abs() < 1e-13, "{found}");
    // Inner products, from an origin far off: 1e6 away, squares have 1e12 in them.
    let far = |x: &[Vec<f64>]| x.iter().map(|x| x.iter().map(|x| x + 1e6).collect()).collect::<Vec<_>>();
    let linear = Divergence::UnbiasedMmd(MmdKernel::Linear);
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum();
    let expected = by_hand(&a, &equal(5), &b, &equal(7), dot);
    let sample = |x: &[Vec<f64>]| Sample::new(matrix(&far(x), &device));
    let found = linear.between(&sample(&a), &sample(&b)).unwrap().into_scalar::<f64>();
    assert!((found - expected).abs() < 1e-8, "{found} is not {expected}");
}

/// Its mean over all pairs of samples of two of six rows is the discrepancy of two drawings of those rows;
/// that of the biased estimate is far above it.
#[test]
fn its_mean_over_samples_is_that_of_the_population() {
    let device = cpu();
    let all = rows(6, 0.0);
    let mut means = [0.0; 2];
    let mut count = 0.0;
    for i in 0..6 {
        for j in 0..i {
            for k in (0..6).filter(|k| *k != i && *k != j) {
                for l in (0..k).filter(|l| *l != i && *l != j) {
                    let pair =
                        |m: usize, n: usize| Sample::new(matrix(&[all[m].clone(), all[n].clone()], &device));
                    let of = |divergence: Divergence| {
                        divergence.between(&pair(i, j), &pair(k, l)).unwrap().into_scalar::<f64>()
                    };
                    means[0] += of(Divergence::UnbiasedMmd(MmdKernel::GaussianSum));
                    means[1] += of(Divergence::Mmd(MmdKernel::GaussianSum));
                    count += 1.0;
                }
            }
        }
    }
    // Two samples without a row in common, of one population: no discrepancy.
    assert!((means[0] / count).abs() < 1e-13, "{}", means[0] / count);
    assert!(means[1] / count > 0.5, "{}", means[1] / count);
}

#[test]
fn pairs_at_once_are_the_pairs_and_lone_rows_are_left_out() {
    let device = cpu();
    let all = rows(12, 0.0);
    let features = matrix(&all, &device);
    let groups = vec![vec![0, 3, 5], vec![1, 2], vec![4], vec![6, 7, 8, 9], vec![]];
    let kernels =
        [MmdKernel::GaussianSum, MmdKernel::Linear, MmdKernel::MeanDistance { lowest: -2, highest: 1 }];
    for kernel in kernels {
        let divergence = Divergence::UnbiasedMmd(kernel);
        assert_eq!(divergence.least_rows(), 2);
        let sample = |group: &Vec<usize>| {
            Sample::new(matrix(&group.iter().map(|&row| all[row].clone()).collect::<Vec<_>>(), &device))
        };
        let mut expected = 0.0;
        for (a, b) in [(0, 1), (0, 3), (1, 3)] {
            let value = divergence.between(&sample(&groups[a]), &sample(&groups[b])).unwrap();
            expected += value.into_scalar::<f64>();
        }
        let found = divergence.pairwise(&features, &groups).unwrap().into_scalar::<f64>();
        assert!((found - expected).abs() < 1e-12, "{divergence:?}: {found} is not {expected}");
        let lone = Sample::new(matrix(&all[..1], &device));
        let refused = divergence.between(&lone, &sample(&groups[0])).unwrap_err().to_string();
        assert!(refused.contains("two rows"), "{refused}");
    }
}

#[test]
fn its_gradient_is_that_of_differences() {
    let device = cpu();
    let (a, b) = (rows(4, 0.0), rows(3, 0.4));
    for kernel in [MmdKernel::GaussianSum, MmdKernel::Linear] {
        let divergence = Divergence::UnbiasedMmd(kernel);
        let value = |a: &[Vec<f64>]| {
            let pair = (Sample::new(matrix(a, &device)), Sample::new(matrix(&b, &device)));
            divergence.between(&pair.0, &pair.1).unwrap().into_scalar::<f64>()
        };
        let tracked = matrix(&a, &device.clone().autodiff()).require_grad();
        let other = Sample::new(matrix(&b, &device.clone().autodiff()));
        let gradients = divergence.between(&Sample::new(tracked.clone()), &other).unwrap().backward();
        let found = tracked.grad(&gradients).unwrap().try_into_vec_as::<f64>().unwrap();
        for (place, found) in found.iter().enumerate() {
            let moved = |step: f64| {
                let mut a = a.clone();
                a[place / 2][place % 2] += step;
                value(&a)
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((found - expected).abs() < 1e-7, "{divergence:?}: {found} is not {expected}");
        }
    }
}
