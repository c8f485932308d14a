use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_core::InputError;
use kiln_tensor::{CoralForm, Distribution, Divergence, MmdKernel, Noise, Sample, TensorError, device_tests};
use proptest::prelude::*;

use crate::vector::cases;

type Rows = Vec<Vec<f64>>;

/// A sample on the host.
#[derive(Clone, Debug)]
struct Host {
    rows: Rows,
    weights: Option<Vec<f64>>,
}

impl Host {
    fn new(rows: Rows) -> Self {
        Self { rows, weights: None }
    }

    fn weighted(&self, weights: impl IntoIterator<Item = f64>) -> Self {
        Self { rows: self.rows.clone(), weights: Some(weights.into_iter().collect()) }
    }

    fn map(&self, row: impl FnMut(&Vec<f64>) -> Vec<f64>) -> Self {
        Self { rows: self.rows.iter().map(row).collect(), weights: self.weights.clone() }
    }

    /// The last row first.
    fn reversed(&self) -> Self {
        let reversed = |weights: &Vec<f64>| weights.iter().rev().copied().collect();
        Self { rows: self.rows.iter().rev().cloned().collect(), weights: self.weights.as_ref().map(reversed) }
    }

    /// Each row as often as its weight says.
    fn repeated(&self) -> Self {
        let counts = self.weights.as_ref().unwrap().iter().map(|count| *count as usize);
        let copies = self.rows.iter().zip(counts).flat_map(|(row, count)| vec![row.clone(); count]);
        Self::new(copies.collect())
    }

    fn on(&self, device: &Device, dtype: DType) -> Sample {
        let sample = Sample::new(matrix(&self.rows, device, dtype));
        match &self.weights {
            None => sample,
            Some(weights) => sample.weighted(vector(weights, device, dtype)),
        }
    }

    fn shares(&self) -> Vec<f64> {
        let weights = self.weights.clone().unwrap_or_else(|| vec![1.0; self.rows.len()]);
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    fn mean(&self) -> Vec<f64> {
        let shares = self.shares();
        (0..self.rows[0].len())
            .map(|f| self.rows.iter().zip(&shares).map(|(row, p)| p * row[f]).sum())
            .collect()
    }
}

fn matrix(rows: &Rows, device: &Device, dtype: DType) -> Tensor<2> {
    let width = rows.first().map_or(1, Vec::len);
    Tensor::from_data(TensorData::new(rows.concat(), [rows.len(), width]), (device, dtype))
}

fn vector(values: &[f64], device: &Device, dtype: DType) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), (device, dtype))
}

/// Double precision where there is one with exponentials. Those of wgpu are wrong (cubecl issue 1316).
fn dtype(device: &Device) -> DType {
    let has = |dtype| {
        device.supports_dtype(dtype)
            && Tensor::<1>::zeros([1], (device, dtype)).exp().into_scalar::<f64>() == 1.0
    };
    if has(DType::F64) { DType::F64 } else { DType::F32 }
}

/// Few cases where each operation is a kernel to compile first.
fn cases_on(device: &Device) -> ProptestConfig {
    cases(if dtype(device) == DType::F64 { 24 } else { 2 })
}

fn sliced(projections: usize, seed: u64, control_variate: bool) -> Divergence {
    Divergence::SlicedWasserstein { projections, seed, control_variate }
}

fn all() -> Vec<Divergence> {
    vec![
        Divergence::Mean,
        Divergence::Mmd(MmdKernel::default()),
        Divergence::Mmd(MmdKernel::Bandwidths(vec![0.7, 2.0])),
        Divergence::Mmd(MmdKernel::DomainBed),
        Divergence::Mmd(MmdKernel::MeanDistance { lowest: -3, highest: 1 }),
        Divergence::Mmd(MmdKernel::Linear),
        Divergence::Coral(CoralForm::default()),
        Divergence::Coral(CoralForm::Deep),
        sliced(3, 5, false),
        sliced(3, 5, true),
    ]
}

/// Rows of each sample and features: few, and so many that squared distances come from a matrix product.
const SIZES: [(usize, usize); 2] = [(3, 2), (33, 250)];

fn is_sliced(divergence: &Divergence) -> bool {
    matches!(divergence, Divergence::SlicedWasserstein { .. })
}

/// `Σ_r r`, which bounds what an error in a squared distance does to the kernel.
fn rates(divergence: &Divergence) -> f64 {
    match divergence {
        Divergence::Mmd(MmdKernel::GaussianSum) => 50.505,
        Divergence::Mmd(MmdKernel::DomainBed) => 1_111.111,
        Divergence::Mmd(_) => 8.0,
        _ => 0.0,
    }
}

/// Features are of order 1, but divergences grow with their fourth power.
fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1.0)
}

/// What rounding may do. All features are at most 3 and their differences at most 6; the divergences but MMD
/// are polynomials of degree 2 or 4 in these. Squared distances have a relative error, so kernels `k(t) ≤ 1`
/// one of `rt k ≤ 1`.
fn tolerance(dtype: DType) -> f64 {
    let epsilon = if dtype == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    1e3 * epsilon
}

/// Between samples on the host, evaluated on a device.
fn evaluate(divergence: &Divergence, a: &Host, b: &Host, device: &Device) -> f64 {
    let dtype = dtype(device);
    let value = divergence.between(&a.on(device, dtype), &b.on(device, dtype)).unwrap();
    assert_eq!((value.dims(), value.dtype()), ([1], dtype));
    value.into_scalar()
}

// References: the definitions, in loops.

fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum()
}

fn reference(divergence: &Divergence, a: &Host, b: &Host) -> f64 {
    let width = a.rows[0].len() as f64;
    let gaussians = |rates: Vec<f64>| {
        expected_kernels(a, b, |x, y| rates.iter().map(|r| (-r * squared_distance(x, y)).exp()).sum())
    };
    match divergence {
        Divergence::UnbiasedMmd(_) => unreachable!("tested in unbiased_mmd"),
        Divergence::Mean => squared_distance(&a.mean(), &b.mean()) / width,
        Divergence::Mmd(MmdKernel::GaussianSum) => gaussians(vec![50.0, 0.5, 0.005]),
        Divergence::Mmd(MmdKernel::Bandwidths(sigmas)) => {
            gaussians(sigmas.iter().map(|sigma| 1.0 / (2.0 * sigma * sigma)).collect())
        }
        Divergence::Mmd(MmdKernel::DomainBed) => gaussians(vec![0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]),
        Divergence::Mmd(MmdKernel::MeanDistance { lowest, highest }) => {
            let pool = |x: &Host, y: &Host| mean_over_pairs(x, y, squared_distance);
            let mean = (pool(a, a) + 2.0 * pool(a, b) + pool(b, b)) / 4.0;
            gaussians((*lowest..=*highest).map(|e| 1.0 / (2.0 * 2f64.powi(e) * mean)).collect())
        }
        Divergence::Mmd(MmdKernel::Linear) => {
            expected_kernels(a, b, |x, y| x.iter().zip(y).map(|(x, y)| x * y).sum())
        }
        Divergence::Coral(form) => {
            let covariances = squared_distance(&covariance(a), &covariance(b)) / (width * width);
            match form {
                CoralForm::MeanAndCovariance => squared_distance(&a.mean(), &b.mean()) / width + covariances,
                CoralForm::Deep => covariances / 4.0,
            }
        }
        Divergence::SlicedWasserstein { projections, seed, control_variate } => {
            let mut noise = vec![0.0; projections * a.rows[0].len()];
            Noise { seed: *seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut noise);
            let shift: Vec<f64> = a.mean().iter().zip(b.mean()).map(|(a, b)| a - b).collect();
            let squares = noise.chunks(a.rows[0].len()).map(|g| {
                let norm = squared_distance(g, &vec![0.0; g.len()]).sqrt();
                let project = |x: &[f64]| x.iter().zip(g).map(|(x, g)| x * g).sum::<f64>() / norm;
                let along = |sample: &Host| sample.map(|row| vec![project(row)]);
                let correction = if *control_variate { project(&shift).powi(2) } else { 0.0 };
                wasserstein(&along(a), &along(b)) - correction
            });
            let mean = squares.sum::<f64>() / *projections as f64;
            if *control_variate { mean + squared_distance(&a.mean(), &b.mean()) / width } else { mean }
        }
    }
}

fn mean_over_pairs(a: &Host, b: &Host, f: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    let (p, q) = (a.shares(), b.shares());
    let row = |i: usize| (0..q.len()).map(|j| q[j] * f(&a.rows[i], &b.rows[j])).sum::<f64>();
    (0..p.len()).map(|i| p[i] * row(i)).sum()
}

fn expected_kernels(a: &Host, b: &Host, kernel: impl Fn(&[f64], &[f64]) -> f64) -> f64 {
    mean_over_pairs(a, a, &kernel) + mean_over_pairs(b, b, &kernel) - 2.0 * mean_over_pairs(a, b, &kernel)
}

fn covariance(sample: &Host) -> Vec<f64> {
    let (shares, mean) = (sample.shares(), sample.mean());
    let unbiased = 1.0 - shares.iter().map(|p| p * p).sum::<f64>();
    let entry = |f: usize, g: usize| {
        let products = sample.rows.iter().map(|row| (row[f] - mean[f]) * (row[g] - mean[g]));
        products.zip(&shares).map(|(product, p)| p * product).sum::<f64>() / unbiased
    };
    (0..mean.len()).flat_map(|f| (0..mean.len()).map(move |g| (f, g))).map(|(f, g)| entry(f, g)).collect()
}

/// `∫ (F⁻¹ − G⁻¹)²` of samples of one feature, by the values of the quantile functions between all of their
/// jumps.
fn wasserstein(a: &Host, b: &Host) -> f64 {
    let steps = |sample: &Host| {
        let mut steps: Vec<(f64, f64)> = sample.rows.iter().map(|row| row[0]).zip(sample.shares()).collect();
        steps.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut level = 0.0;
        for step in &mut steps {
            level += step.1;
            step.1 = level;
        }
        steps
    };
    let (a, b) = (steps(a), steps(b));
    let quantile =
        |steps: &[(f64, f64)], s: f64| steps.iter().find(|step| step.1 >= s).map_or(0.0, |step| step.0);
    let mut jumps: Vec<f64> =
        [0.0, 1.0].into_iter().chain(a.iter().chain(&b).map(|step| step.1.min(1.0))).collect();
    jumps.sort_by(f64::total_cmp);
    let squares = jumps.windows(2).filter(|between| between[1] - between[0] > 1e-12).map(|between| {
        let middle = f64::midpoint(between[0], between[1]);
        (between[1] - between[0]) * (quantile(&a, middle) - quantile(&b, middle)).powi(2)
    });
    squares.sum()
}

// Inputs.

/// Numbers that `f32` holds exactly.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => (-3.0_f32..3.0).prop_map(f64::from), 1 => (-2_i8..=2).prop_map(f64::from)]
}

fn rows(count: std::ops::Range<usize>, width: usize) -> impl Strategy<Value = Rows> {
    prop::collection::vec(prop::collection::vec(number(), width), count)
}

/// Two to five rows, perhaps weighted; the first two weights are positive, so that there is a covariance.
fn sample(width: usize) -> impl Strategy<Value = Host> {
    let weights = prop::collection::vec((0_u8..4).prop_map(f64::from), 5);
    (rows(2..6, width), prop::option::of(weights)).prop_map(|(rows, weights)| {
        let weights = weights.map(|weights| {
            (0..rows.len()).map(|i| if i < 2 { weights[i] + 1.0 } else { weights[i] }).collect()
        });
        Host { rows, weights }
    })
}

fn width() -> impl Strategy<Value = usize> {
    1_usize..5
}

fn pair() -> impl Strategy<Value = (Host, Host)> {
    width().prop_flat_map(|width| (sample(width), sample(width)))
}

/// A product of rotations in the planes of neighbouring features.
fn rotated(row: &[f64], angle: f64) -> Vec<f64> {
    let (sin, cos) = angle.sin_cos();
    let mut row = row.to_vec();
    for f in 1..row.len() {
        let (x, y) = (row[f - 1], row[f]);
        (row[f - 1], row[f]) = (cos * x - sin * y, sin * x + cos * y);
    }
    row
}

#[test]
fn divergences_are_stored_by_name() {
    for divergence in all() {
        let stored = serde_json::to_string(&divergence).unwrap();
        assert_eq!(serde_json::from_str::<Divergence>(&stored).unwrap(), divergence);
    }
    let stored = [r#""mean""#, r#"{"mmd":"gaussian-sum"}"#, r#"{"coral":"mean-and-covariance"}"#];
    let defaults =
        [Divergence::Mean, Divergence::Mmd(MmdKernel::default()), Divergence::Coral(CoralForm::default())];
    assert_eq!(defaults.map(|divergence| serde_json::to_string(&divergence).unwrap()), stored);
}

device_tests! {
    fn the_definitions_hold(device) {
        proptest!(cases_on(device), |((a, b) in pair())| {
            for divergence in all() {
                let (found, expected) = (evaluate(&divergence, &a, &b, device), reference(&divergence, &a, &b));
                let tolerance = tolerance(dtype(device));
                prop_assert!(near(found, expected, tolerance), "{divergence:?}: {found}, expected {expected}");
            }
        });
    }

    /// Zero between equal samples, nonnegative, symmetric, the same in any order of rows.
    fn they_are_divergences(device) {
        proptest!(cases_on(device), |((a, b) in pair())| {
            for divergence in all() {
                let tolerance = tolerance(dtype(device));
                let between = |a: &Host, b: &Host| evaluate(&divergence, a, b, device);
                let distance = between(&a, &b);
                prop_assert!(between(&a, &a).abs() <= tolerance, "{divergence:?}");
                prop_assert!(distance >= -tolerance, "{divergence:?}: {distance}");
                prop_assert!(near(between(&b, &a), distance, tolerance), "{divergence:?}: not symmetric");
                let reordered = between(&a.reversed(), &b);
                prop_assert!(near(reordered, distance, tolerance), "{divergence:?}: depends on the order");
            }
        });
    }

    /// All depend on differences of features only, and all but the sliced distance with its fixed directions
    /// are invariant to a common rotation.
    fn motions_change_nothing(device) {
        proptest!(cases_on(device), |((a, b) in pair(), angle in -3.0..3.0)| {
            // Features grow to 5 here and are no longer exact in single precision.
            let rounding = if dtype(device) == DType::F64 { 0.0 } else { 1e-6 };
            for divergence in all() {
                let tolerance = 4.0 * tolerance(dtype(device))
                    + rounding * rates(&divergence);
                let distance = evaluate(&divergence, &a, &b, device);
                let moved = |row: &Vec<f64>| row.iter().zip([1.0, -2.0].iter().cycle()).map(|(x, y)| x + y).collect();
                let shifted = evaluate(&divergence, &a.map(moved), &b.map(moved), device);
                prop_assert!(near(shifted, distance, tolerance), "{divergence:?}: {shifted}, not {distance}");
                if !is_sliced(&divergence) {
                    let turned = |row: &Vec<f64>| rotated(row, angle);
                    let turned = evaluate(&divergence, &a.map(turned), &b.map(turned), device);
                    prop_assert!(near(turned, distance, tolerance), "{divergence:?}: {turned}, not {distance}");
                }
            }
        });
    }

    /// Equal weights are none, their scale does not matter, and a whole weight is that many rows. Covariances
    /// divide by `1 − Σp²`, which is another number for the repeated rows.
    fn weights_are_shares(device) {
        proptest!(cases_on(device), |((a, b) in pair())| {
            let a = if a.weights.is_some() {
                a
            } else {
                a.weighted([2.0, 1.0, 0.0, 3.0, 1.0][..a.rows.len()].to_vec())
            };
            let weights = a.weights.clone().unwrap();
            for divergence in all() {
                let tolerance = tolerance(dtype(device));
                let close = |what: &str, x: f64, y: f64| {
                    assert!(near(x, y, tolerance), "{divergence:?}: {what}: {x}, not {y}");
                };
                let plain = Host::new(a.rows.clone());
                let equal = a.weighted(vec![3.0; a.rows.len()]);
                let value = |a: &Host| evaluate(&divergence, a, &b, device);
                close("equal weights", value(&equal), value(&plain));
                for scale in [1e-30, 1e30] {
                    close("scale", value(&a.weighted(weights.iter().map(|weight| weight * scale))), value(&a));
                }
                let repeated = a.repeated();
                if let Divergence::Coral(_) = divergence {
                    // Against a sample without covariance, and with the mean of `a`.
                    let point = Host::new(vec![a.mean(); 2]);
                    let value = |a: &Host| evaluate(&divergence, a, &point, device);
                    let divisor = |a: &Host| 1.0 - a.shares().iter().map(|p| p * p).sum::<f64>();
                    let ratio = divisor(&a) / divisor(&repeated);
                    close("repeated rows", value(&a) * ratio * ratio, value(&repeated));
                } else {
                    close("repeated rows", value(&a), value(&repeated));
                }
            }
        });
    }

    /// The kernel of the default is at most 3, which two far points attain; a linear kernel compares means.
    fn maximum_mean_discrepancy_is_bounded(device) {
        let gaussians = Divergence::Mmd(MmdKernel::GaussianSum);
        proptest!(cases_on(device), |((a, b) in pair(), scale in 0.0..100.0)| {
            let scaled = |sample: &Host| sample.map(|row| row.iter().map(|x| scale * x).collect());
            let distance = evaluate(&gaussians, &scaled(&a), &scaled(&b), device);
            prop_assert!((-1e-5..=6.0 + 1e-5).contains(&distance), "{distance}");
            let width = a.rows[0].len() as f64;
            let linear = evaluate(&Divergence::Mmd(MmdKernel::Linear), &a, &b, device);
            let mean = evaluate(&Divergence::Mean, &a, &b, device);
            prop_assert!((linear - width * mean).abs() <= tolerance(dtype(device)));
        });
        let point = |x: f64| Host::new(vec![vec![x, 0.0]]);
        assert_eq!(evaluate(&gaussians, &point(0.0), &point(1e3), device), 6.0);
    }

    /// Also with empty groups, single rows, and rows in several groups or repeatedly in one.
    fn all_pairs_at_once_are_the_pairs_one_by_one(device) {
        let dtype = dtype(device);
        let group = || prop::collection::vec(0_usize..9, 0..5);
        let features = width().prop_flat_map(|width| rows(9..10, width));
        proptest!(cases_on(device), |(features in features, groups in prop::collection::vec(group(), 0..5))| {
            let on_device = matrix(&features, device, dtype);
            for divergence in all() {
                let found: f64 = divergence.pairwise(&on_device, &groups).unwrap().into_scalar();
                let least = if matches!(divergence, Divergence::Coral(_)) { 2 } else { 1 };
                let parts: Vec<Host> = groups
                    .iter()
                    .filter(|group| group.len() >= least)
                    .map(|group| Host::new(group.iter().map(|&row| features[row].clone()).collect()))
                    .collect();
                let pairs = (0..parts.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
                let expected: f64 = pairs.map(|(i, j)| evaluate(&divergence, &parts[i], &parts[j], device)).sum();
                let tolerance = 10.0 * tolerance(dtype);
                prop_assert!(near(found, expected, tolerance), "{divergence:?}: {found}, expected {expected}");
            }
        });
    }

    fn one_feature_has_the_exact_transport_cost(device) {
        proptest!(cases_on(device), |(a in rows(4..5, 1), b in rows(4..5, 1))| {
            let cost = |order: &[usize]| order.iter().zip(&a).map(|(&j, x)| squared_distance(x, &b[j])).sum::<f64>();
            let mut least = f64::INFINITY;
            for code in 0..256_usize {
                let order: Vec<usize> = (0..4).map(|i| code >> (2 * i) & 3).collect();
                if (0..4).all(|j| order.contains(&j)) {
                    least = least.min(cost(&order) / 4.0);
                }
            }
            let (a, b) = (Host::new(a.clone()), Host::new(b.clone()));
            for control_variate in [false, true] {
                let found = evaluate(&sliced(2, 1, control_variate), &a, &b, device);
                prop_assert!((found - least).abs() <= 1e-5, "{found}, expected {least}");
            }
        });
    }

    fn gradients_are_those_of_central_differences(device) {
        if !device.supports_dtype(DType::F64) {
            return; // Differences of single-precision values say nothing at this accuracy.
        }
        let width = 3;
        let rows = |seed: u64, count: usize| -> Rows {
            let mut values = vec![0.0; count * width];
            Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
            // Near enough to each other that no Gaussian is flat.
            values.chunks(width).map(|row| row.iter().map(|x| 0.2 * x).collect()).collect()
        };
        let (a, b) = (Host::new(rows(1, 3)), Host::new(rows(2, 4)));
        for divergence in all() {
            match divergence {
                // Bandwidths tied to the distances are constants; the next test has them.
                Divergence::Mmd(MmdKernel::MeanDistance { .. }) => continue,
                Divergence::Mmd(_) if dtype(device) != DType::F64 => continue,
                _ => {}
            }
            // Against constants without autodiff, on either side; then all pairs of three groups.
            let weighted = a.weighted([1.0, 0.5, 2.0]);
            check_gradient(&divergence, &a.rows, device, |divergence, x| {
                divergence.between(&Sample::new(x), &b.on(device, DType::F64))
            });
            check_gradient(&divergence, &b.rows, device, |divergence, x| {
                divergence.between(&weighted.on(device, DType::F64), &Sample::new(x))
            });
            check_gradient(&divergence, &[&a.rows[..], &b.rows[..]].concat(), device, |divergence, x| {
                divergence.pairwise(&x, &[vec![0, 1], vec![6, 2, 3], vec![5, 4]])
            });
        }
        let weights = [0.3, 1.0, 0.0, 2.0];
        for divergence in [sliced(3, 5, false), Divergence::Coral(CoralForm::default())] {
            check_gradient(&divergence, &b.rows, device, |divergence, x| {
                let x = Sample::new(x).weighted(vector(&weights, device, DType::F64));
                divergence.between(&x, &a.on(device, DType::F64))
            });
        }
    }

    /// The gradient is that of the Gaussians with the bandwidths that these samples have.
    fn no_gradient_flows_through_the_mean_distance(device) {
        let dtype = dtype(device);
        proptest!(cases_on(device), |((a, b) in pair())| {
            let kernel = MmdKernel::MeanDistance { lowest: -1, highest: 1 };
            let pool = |x: &Host, y: &Host| mean_over_pairs(x, y, squared_distance);
            let mean = (pool(&a, &a) + 2.0 * pool(&a, &b) + pool(&b, &b)) / 4.0;
            let fixed = MmdKernel::Bandwidths(vec![(mean / 2.0).sqrt(), mean.sqrt(), (2.0 * mean).sqrt()]);
            let gradient = |kernel: &MmdKernel| -> Vec<f64> {
                let x = matrix(&a.rows, &device.clone().autodiff(), dtype).require_grad();
                let sample = Sample { features: x.clone(), ..a.on(device, dtype) };
                let value = Divergence::Mmd(kernel.clone()).between(&sample, &b.on(device, dtype)).unwrap();
                x.grad(&value.backward()).unwrap().try_into_vec_as().unwrap()
            };
            let tolerance = if dtype == DType::F64 { 1e-12 } else { 1e-4 };
            for (found, expected) in gradient(&kernel).iter().zip(gradient(&fixed)) {
                prop_assert!((found - expected).abs() <= tolerance, "{found}, not {expected}");
            }
        });
    }

    /// Where squared distances come from a matrix product.
    fn many_wide_rows_have_the_same_discrepancy(device) {
        let dtype = dtype(device);
        let (count, width) = (100, 30); // More than 2²⁰ differences of features.
        let rows = |seed: u64| -> Rows {
            let mut values = vec![0.0_f32; count * width];
            Noise { seed, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
            values.chunks(width).map(|row| row.iter().map(|x| f64::from(0.2 * x)).collect()).collect()
        };
        let (a, mut b) = (rows(1), rows(2));
        b[..10].clone_from_slice(&a[..10]);
        let (a, b) = (Host::new(a), Host::new(b));
        for kernel in [MmdKernel::GaussianSum, MmdKernel::MeanDistance { lowest: -1, highest: 1 }] {
            let divergence = Divergence::Mmd(kernel);
            let (found, expected) = (evaluate(&divergence, &a, &b, device), reference(&divergence, &a, &b));
            let tolerance = if dtype == DType::F64 { 1e-13 } else { 1e-5 };
            assert!((found - expected).abs() <= tolerance, "{divergence:?}: {found}, expected {expected}");
        }
        if dtype == DType::F64 {
            // All entries at once: along one direction.
            let divergence = Divergence::Mmd(MmdKernel::GaussianSum);
            let along = |t: f64| {
                let bent = b.map(|row| row.iter().map(|x| x + t * x * x).collect());
                evaluate(&divergence, &a, &bent, device)
            };
            let x = matrix(&b.rows, &device.clone().autodiff(), dtype).require_grad();
            let value = divergence.between(&a.on(device, dtype), &Sample::new(x.clone())).unwrap();
            let gradient: Vec<f64> = x.grad(&value.backward()).unwrap().try_into_vec_as().unwrap();
            let found: f64 = gradient.iter().zip(b.rows.concat()).map(|(g, x)| g * x * x).sum();
            let expected = (along(1e-5) - along(-1e-5)) / 2e-5;
            assert!((found / expected - 1.0).abs() <= 1e-6, "{found}, expected {expected}");
        }
    }

    fn coincident_rows_have_finite_gradients(device) {
        for (count, width) in SIZES {
            let row = vec![1.5; width];
            let other: Vec<f64> = (0..width).map(|f| (f % 7) as f64 / 3.0).collect();
            for last in [&row, &other] {
                let mut rows = vec![row.clone(); count];
                rows[count - 1].clone_from(last);
                let x = matrix(&rows, &device.clone().autodiff(), DType::F32).require_grad();
                let y = matrix(&vec![row.clone(); count], device, DType::F32);
                for divergence in all() {
                    let value = divergence.between(&Sample::new(x.clone()), &Sample::new(y.clone())).unwrap();
                    let gradient: Vec<f64> = x.grad(&value.backward()).unwrap().try_into_vec_as().unwrap();
                    assert!(gradient.iter().all(|g| g.is_finite()), "{divergence:?}, width {width}");
                }
            }
        }
    }

    /// In single precision, where squares of the common mean have no digits left for the divergence.
    fn a_large_common_mean_does_no_harm(device) {
        for (count, width) in SIZES {
            let mut values = vec![0.0_f32; 2 * count * width];
            Noise { seed: 9, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
            let rows: Rows = values.chunks(width).map(|row| row.iter().map(|x| f64::from(x + 1e3)).collect()).collect();
            let (a, b) = (Host::new(rows[..count].to_vec()), Host::new(rows[count..].to_vec()));
            let features = matrix(&rows, device, DType::F32);
            let groups = [(0..count).collect(), (count..2 * count).collect()];
            let mmd = Divergence::Mmd(MmdKernel::Bandwidths(vec![(2.0 * width as f64).sqrt()]));
            let mut divergences = vec![Divergence::Mean, mmd, sliced(3, 5, true)];
            if width == 2 {
                divergences.push(Divergence::Coral(CoralForm::default())); // The reference is slow for many features.
            }
            for divergence in divergences {
                let expected = reference(&divergence, &a, &b);
                let between = divergence.between(&a.on(device, DType::F32), &b.on(device, DType::F32)).unwrap();
                let pairwise = divergence.pairwise(&features, &groups).unwrap();
                for found in [between, pairwise] {
                    let found: f64 = found.into_scalar();
                    let error = (found - expected).abs() / expected;
                    assert!(error <= 2e-3, "{divergence:?}, width {width}: {found}, expected {expected}");
                }
            }
        }
    }

    /// Samples of shifted Gaussians, over seeds of the directions.
    fn the_control_variate_keeps_the_mean_and_reduces_the_variance(device) {
        let dtype = dtype(device);
        let mut values = vec![0.0; 40 * 4];
        Noise { seed: 4, distribution: Distribution::Gaussian }.fill(0, 0, &mut values);
        let rows: Rows = values.chunks(4).map(<[f64]>::to_vec).collect();
        let a = Host::new(rows[..20].to_vec()).on(device, dtype);
        let b = Host::new(rows[20..].to_vec()).map(|row| row.iter().map(|x| x + 1.0).collect()).on(device, dtype);
        let statistics = |control_variate: bool| {
            let draws = (0..100).map(|seed| sliced(2, seed, control_variate).between(&a, &b).unwrap());
            let draws: Vec<f64> = Tensor::cat(draws.collect(), 0).try_into_vec_as().unwrap();
            let mean = draws.iter().sum::<f64>() / 100.0;
            (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 99.0)
        };
        let ((plain, variance), (controlled, reduced)) = (statistics(false), statistics(true));
        assert!(reduced < variance / 2.0, "variance {reduced} with control variate, {variance} without");
        let error = ((variance + reduced) / 100.0).sqrt();
        assert!((plain - controlled).abs() < 5.0 * error, "{controlled}, not {plain}");
    }

    fn a_feature_that_is_not_a_number_shows(device) {
        for (count, width) in SIZES {
            let clean: Rows = (0..count).map(|row| vec![row as f64 / count as f64; width]).collect();
            let mut spoilt = clean.clone();
            spoilt[1][1] = f64::NAN;
            let weights = vector(&vec![2.0; count], device, DType::F32);
            let groups = [(0..count).collect(), (count..2 * count).collect()];
            for device in [device.clone(), device.clone().autodiff()] {
                let [clean, spoilt] = [&clean, &spoilt].map(|rows| matrix(rows, &device, DType::F32));
                let spoilt = if device.is_autodiff() { spoilt.require_grad() } else { spoilt };
                let both = Tensor::cat(vec![clean.clone(), spoilt.clone()], 0);
                let [clean, spoilt] = [clean, spoilt].map(Sample::new);
                for divergence in all() {
                    let weighted = spoilt.clone().weighted(weights.clone());
                    for value in [
                        divergence.between(&spoilt, &clean),
                        divergence.between(&clean, &weighted),
                        divergence.pairwise(&both, &groups),
                    ] {
                        assert!(value.unwrap().into_scalar::<f64>().is_nan(), "{divergence:?}, width {width}");
                    }
                }
            }
        }
    }

    /// Features are not read back, so numbers that are not finite go through.
    fn features_that_are_not_finite_do_not_panic(device) {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let spoilt = Tensor::<2>::from_data([[1.0, 2.0], [bad, 0.0], [3.0, bad]], device);
            let good = Sample::new(Tensor::<2>::ones([4, 2], device));
            for divergence in all() {
                let sample = Sample::new(spoilt.clone());
                let _ = divergence.between(&sample, &good).unwrap().into_scalar::<f64>();
                let weighted = sample.weighted(vector(&[1.0, 2.0, 3.0], device, DType::F32));
                let _ = divergence.between(&good, &weighted).unwrap().into_scalar::<f64>();
                let _ = divergence.pairwise(&spoilt, &[vec![0, 1], vec![2, 0]]).unwrap();
            }
        }
    }

    fn bad_input_is_refused(device) {
        let rows = |count: usize, width: usize| {
            Sample::new(Tensor::ones([count, width], (device, DType::F32)))
        };
        let weights = |weights: &[f64]| vector(weights, device, DType::F32);
        for divergence in all() {
            let error = |a: &Sample, b: &Sample| {
                divergence.between(b, a).unwrap_err();
                divergence.between(a, b).unwrap_err()
            };
            let good = rows(3, 2);
            assert!(divergence.between(&good, &rows(4, 2)).is_ok(), "{divergence:?}");
            let error_of_width = error(&good, &rows(3, 1));
            let width = matches!(error_of_width, TensorError::Input(InputError::Size { found: 1, expected: 2, .. }));
            assert!(width, "{error_of_width}");
            let setting = |a: &Sample| match error(a, &good) {
                TensorError::Input(InputError::Setting { name, .. }) => name,
                error => panic!("{divergence:?}: {error}"),
            };
            let none = error(&rows(0, 2), &good);
            assert!(matches!(none, TensorError::Input(InputError::Empty { .. })), "{none}");
            assert_eq!(setting(&good.clone().weighted(weights(&[1.0, -1.0, 1.0]))), "weight");
            assert_eq!(setting(&good.clone().weighted(weights(&[0.0, 0.0, 0.0]))), "largest weight");
            let short = good.clone().weighted(weights(&[1.0, 1.0]));
            assert!(matches!(error(&short, &good), TensorError::Input(InputError::Size { .. })));
            for bad in [f64::NAN, f64::INFINITY] {
                let spoilt = good.clone().weighted(weights(&[1.0, bad, 1.0]));
                assert!(error(&spoilt, &good).to_string().starts_with("weight 1 of the sample holds"));
            }
            if device.supports_dtype(DType::F64) {
                let double = Sample::new(Tensor::ones([3, 2], (device, DType::F64)));
                assert!(matches!(error(&good, &double), TensorError::Input(InputError::ElementType { .. })));
            }
            let features = &good.features;
            let outside = divergence.pairwise(features, &[vec![0], vec![3]]).unwrap_err();
            assert!(matches!(outside, TensorError::Input(InputError::Index { .. })));
            for groups in [vec![], vec![vec![0, 1]], vec![vec![], vec![2, 0], vec![]]] {
                let none = divergence.pairwise(features, &groups).unwrap();
                assert_eq!(none.into_scalar::<f64>(), 0.0, "{divergence:?}");
            }
            if let Divergence::Coral(_) = divergence {
                assert_eq!(setting(&rows(1, 2)), "number of rows");
                let concentrated = good.clone().weighted(weights(&[0.0, 1.0, 0.0]));
                assert_eq!(setting(&concentrated), "largest share of the weights");
            }
        }
        assert!(Divergence::Mean.between(&rows(2, 0), &rows(2, 0)).is_err());
        assert!(Divergence::Mean.pairwise(&rows(2, 0).features, &[]).is_err());
        let settings = [
            Divergence::Mmd(MmdKernel::Bandwidths(vec![])),
            Divergence::Mmd(MmdKernel::Bandwidths(vec![1.0, 0.0])),
            Divergence::Mmd(MmdKernel::Bandwidths(vec![f64::NAN])),
            Divergence::Mmd(MmdKernel::Bandwidths(vec![1e-200])),
            Divergence::Mmd(MmdKernel::MeanDistance { lowest: 1, highest: 0 }),
            Divergence::Mmd(MmdKernel::MeanDistance { lowest: i32::MIN, highest: 0 }),
            Divergence::Mmd(MmdKernel::MeanDistance { lowest: 0, highest: i32::MAX }),
            sliced(0, 1, false),
        ];
        for divergence in settings {
            let error = divergence.between(&rows(2, 2), &rows(2, 2)).unwrap_err();
            assert!(matches!(error, TensorError::Input(InputError::Setting { .. })), "{divergence:?}: {error}");
            assert!(divergence.pairwise(&rows(2, 2).features, &[]).is_err());
        }
        let error = sliced(usize::MAX, 1, false).between(&rows(2, 2), &rows(2, 2)).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge { .. }));
    }
}

/// The gradient of `f` at `rows` against central differences, to `1e-6` of its largest entry.
fn check_gradient(
    divergence: &Divergence,
    rows: &Rows,
    device: &Device,
    f: impl Fn(&Divergence, Tensor<2>) -> Result<Tensor<1>, TensorError>,
) {
    let step = 2e-6;
    let x = matrix(rows, &device.clone().autodiff(), DType::F64).require_grad();
    let gradients = f(divergence, x.clone()).unwrap().backward();
    let gradient: Vec<f64> = x.grad(&gradients).unwrap().try_into_vec_as().unwrap();
    let width = rows[0].len();
    let shifted = |i: usize, by: f64| {
        let mut rows = rows.clone();
        rows[i / width][i % width] += by;
        f(divergence, matrix(&rows, device, DType::F64)).unwrap()
    };
    let values = |by: f64| -> Vec<f64> {
        let values = (0..gradient.len()).map(|i| shifted(i, by)).collect();
        Tensor::cat(values, 0).try_into_vec_as().unwrap()
    };
    let (up, down) = (values(step), values(-step));
    let differences: Vec<f64> = up.iter().zip(&down).map(|(up, down)| (up - down) / (2.0 * step)).collect();
    let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
    for (i, (found, expected)) in gradient.iter().zip(&differences).enumerate() {
        let error = (found - expected).abs() / largest;
        assert!(error <= 1e-6, "{divergence:?}: entry {i} is {found}, not {expected}");
    }
}
