//! Against dense decompositions by faer.

use burn::tensor::{DType, Device, Tensor, TensorData};
use faer::{Mat, Side};
use kiln_core::InputError;
use kiln_tensor::{
    ConjugateGradient, Coordinates, Distribution, Hutchinson, Lanczos, LinearOperator, Noise, PowerIteration,
    TensorError, Vector, device_tests,
};
use proptest::prelude::*;

use crate::vector::cases;

const GAUSSIAN: Noise = Noise { seed: 11, distribution: Distribution::Gaussian };

fn random_orthogonal(size: usize, seed: u64) -> Mat<f64> {
    let mut entries = vec![0.0; size * size];
    Noise { seed, ..GAUSSIAN }.fill(0, 0, &mut entries);
    Mat::from_fn(size, size, |i, j| entries[i * size + j]).qr().compute_Q()
}

fn with_eigenvalues(values: &[f64], seed: u64) -> Mat<f64> {
    let q = random_orthogonal(values.len(), seed);
    let scaled = Mat::from_fn(values.len(), values.len(), |i, j| q[(i, j)] * values[j]);
    let product = &scaled * q.transpose();
    Mat::from_fn(values.len(), values.len(), |i, j| f64::midpoint(product[(i, j)], product[(j, i)]))
}

fn map(matrix: &Mat<f64>) -> impl Fn(&Vec<f64>) -> Result<Vec<f64>, TensorError> {
    |v: &Vec<f64>| {
        assert_eq!(v.len(), matrix.ncols());
        Ok((0..matrix.nrows()).map(|i| (0..v.len()).map(|j| matrix[(i, j)] * v[j]).sum()).collect())
    }
}

fn descending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

fn start(size: usize) -> Vec<f64> {
    vec![0.0; size].random_like(&GAUSSIAN, 9).unwrap()
}

/// Repeated, clustered and negative eigenvalues among ordinary ones.
fn spectrum() -> impl Strategy<Value = Vec<f64>> {
    let value =
        prop_oneof![3 => -10.0..10.0, 1 => Just(3.0), 1 => Just(-4.0), 1 => Just(0.0), 1 => 2.99..3.01];
    prop::collection::vec(value, 1..25)
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn lanczos_finds_the_largest_eigenvalues(values in spectrum(), part in 0.0..=1.0, seed in 0..1000_u64) {
        let matrix = with_eigenvalues(&values, seed);
        let expected = descending(matrix.self_adjoint_eigenvalues(Side::Lower).unwrap());
        let size = values.len();
        let k = 1 + (part * (size - 1) as f64) as usize;
        let solver = Lanczos { tolerance: 1e-10, ..Lanczos::new(k, seed) };
        let found = solver.largest(&map(&matrix), &start(size)).unwrap();
        let scale = expected.iter().fold(1e-12, |s: f64, v| s.max(v.abs()));
        for i in 0..k {
            prop_assert!((found.values[i] - expected[i]).abs() <= 1e-9 * scale, "{:?} {:?}", found.values, expected);
            prop_assert!(found.residuals[i] <= 1e-9 * scale, "{:?}", found.residuals);
            for j in 0..=i {
                let inner = found.vectors[i].dot(&found.vectors[j]).unwrap();
                prop_assert!((inner - f64::from(i == j)).abs() < 1e-10);
            }
        }
        prop_assert_eq!(found.next.is_none(), k == size);
        if let Some(next) = found.next {
            prop_assert!(next <= expected[k] + 1e-9 * scale && next >= expected[k] - 0.05 * scale, "{next} \
                {expected:?}");
        }
    }

    #[test]
    fn conjugate_gradients_solve(values in prop::collection::vec(0.1..10.0, 1..20), seed in 0..1000_u64) {
        let matrix = with_eigenvalues(&values, seed);
        let x = start(values.len());
        let b = map(&matrix)(&x).unwrap();
        let solution = ConjugateGradient { tolerance: 1e-12, max_iterations: 200 }.solve(&map(&matrix), &b).unwrap();
        prop_assert!(solution.x.sub(&x).unwrap().norm().unwrap() < 1e-8 * x.norm().unwrap());
        prop_assert!(solution.residual <= 1e-12 * b.norm().unwrap());
        prop_assert!(solution.products <= 2 * values.len() as u64 + 2);
    }

    /// One probe is exact on diagonal maps, whatever the signs.
    #[test]
    fn one_sign_probe_knows_a_diagonal(values in prop::collection::vec(-5.0..5.0, 1..20), seed in any::<u64>()) {
        let diagonal = values.clone();
        let map = move |v: &Vec<f64>| Ok::<_, TensorError>(v.iter().zip(&diagonal).map(|(v, d)| v * d).collect());
        let found = Hutchinson::new(2, seed).diagonal(&map, &values).unwrap();
        prop_assert_eq!(&found.mean, &values);
        prop_assert!(found.standard_error.iter().all(|s| *s == 0.0));
    }
}

#[test]
fn power_iteration_finds_the_largest_magnitude() {
    let matrix = with_eigenvalues(&[1.0, -5.0, 3.0, 0.5], 3);
    let solver = PowerIteration { tolerance: 1e-9, max_iterations: 500 };
    let found = solver.largest(&map(&matrix), &start(4)).unwrap();
    assert!((found.value + 5.0).abs() < 1e-9 && found.residual <= 5e-9);
    let limited = PowerIteration { max_iterations: 3, ..solver }.largest(&map(&matrix), &start(4)).unwrap();
    assert!(limited.products == 3 && limited.residual > 5e-9, "an early end is visible");
    let zero = solver.largest(&|v: &Vec<f64>| Ok::<_, TensorError>(v.zeros_like()), &start(4)).unwrap();
    assert_eq!((zero.value, zero.residual), (0.0, 0.0));
}

/// 4000 probes, and the standard errors against the variances of the theory.
#[test]
fn hutchinson_is_unbiased() {
    let matrix = with_eigenvalues(&[4.0, -2.0, 1.0, 3.0, 0.5, 7.0], 5);
    let probes = 4000;
    let estimator = Hutchinson::new(probes, 8);
    let off_diagonal = |i: usize| (0..6).filter(|j| *j != i).map(|j| matrix[(i, j)].powi(2)).sum::<f64>();
    let diagonal = estimator.diagonal(&map(&matrix), &vec![0.0; 6]).unwrap();
    for i in 0..6 {
        let deviation = (off_diagonal(i) / probes as f64).sqrt();
        assert!((diagonal.mean[i] - matrix[(i, i)]).abs() < 4.0 * deviation);
        assert!((diagonal.standard_error[i] / deviation - 1.0).abs() < 0.1);
    }
    let trace = estimator.trace(&map(&matrix), &vec![0.0; 6]).unwrap();
    let deviation = (2.0 * (0..6).map(off_diagonal).sum::<f64>() / probes as f64).sqrt();
    assert!((trace.mean - 13.5).abs() < 4.0 * deviation);
    assert!((trace.standard_error / deviation - 1.0).abs() < 0.1);
    let gaussian = Hutchinson { distribution: Distribution::Gaussian, ..estimator };
    let trace = gaussian.trace(&map(&matrix), &vec![0.0; 6]).unwrap();
    assert!((trace.mean - 13.5).abs() < 4.0 * trace.standard_error);
}

#[test]
fn bad_input_is_refused() {
    let good = with_eigenvalues(&[1.0, 2.0], 1);
    let not_a_number = |v: &Vec<f64>| Ok::<_, TensorError>(vec![f64::NAN; v.len()]);
    let (v, zero) = (vec![1.0, 1.0], vec![0.0, 0.0]);
    for k in [0, 3] {
        let error = Lanczos::new(k, 1).largest(&map(&good), &v).unwrap_err();
        assert!(
            matches!(error, TensorError::Input(InputError::Setting { name: "eigenpairs", .. })),
            "{error}"
        );
    }
    let lanczos = Lanczos::new(1, 1);
    assert!(matches!(lanczos.largest(&map(&good), &zero), Err(TensorError::ZeroStart)));
    assert!(matches!(
        lanczos.largest(&not_a_number, &v),
        Err(TensorError::Input(InputError::NotFinite { .. }))
    ));
    assert!(matches!(
        lanczos.largest(&map(&good), &vec![f64::NAN, 1.0]),
        Err(TensorError::Input(InputError::NotFinite { .. }))
    ));
    for tolerance in [0.0, -1.0, f64::NAN] {
        assert!(Lanczos { tolerance, ..lanczos }.largest(&map(&good), &v).is_err());
    }
    assert!(Lanczos { max_dimension: Some(0), ..lanczos }.largest(&map(&good), &v).is_err());
    let power = PowerIteration { tolerance: 1e-3, max_iterations: 10 };
    assert!(matches!(power.largest(&map(&good), &zero), Err(TensorError::ZeroStart)));
    assert!(matches!(
        power.largest(&not_a_number, &v),
        Err(TensorError::Input(InputError::NotFinite { .. }))
    ));
    let solver = ConjugateGradient { tolerance: 1e-6, max_iterations: 10 };
    let indefinite = |v: &Vec<f64>| Ok::<_, TensorError>(vec![v[0], -2.0 * v[1]]);
    assert!(matches!(solver.solve(&indefinite, &v), Err(TensorError::NotPositiveDefinite { .. })));
    assert_eq!(solver.solve(&map(&good), &zero).unwrap().products, 0);
    assert!(Hutchinson::new(1, 1).trace(&map(&good), &v).is_err());
    let uniform = Hutchinson { distribution: Distribution::Uniform, ..Hutchinson::new(9, 1) };
    assert!(uniform.diagonal(&map(&good), &v).is_err());
    assert!(matches!(
        Hutchinson::new(5, 1).trace(&not_a_number, &v),
        Err(TensorError::Input(InputError::NotFinite { .. }))
    ));
    // A map into another space is an error of the vectors.
    let misfit = |_: &Vec<f64>| Ok::<_, TensorError>(vec![1.0]);
    assert!(matches!(lanczos.largest(&misfit, &v), Err(TensorError::Input(InputError::Shape { .. }))));
}

/// With too small a space the answer says so.
#[test]
fn an_early_end_shows_in_the_residuals() {
    let values: Vec<f64> = (0..40).map(f64::from).collect();
    let matrix = with_eigenvalues(&values, 2);
    let solver = Lanczos { max_dimension: Some(4), tolerance: 1e-8, ..Lanczos::new(2, 1) };
    let found = solver.largest(&map(&matrix), &start(40)).unwrap();
    assert!(!found.converged(1e-8));
    assert!(
        Lanczos { max_dimension: None, ..solver }.largest(&map(&matrix), &start(40)).unwrap().converged(1e-7)
    );
}

struct OnDevice(Tensor<2>);

impl LinearOperator<Tensor<1>> for OnDevice {
    type Error = TensorError;

    fn apply(&self, v: &Tensor<1>) -> Result<Tensor<1>, TensorError> {
        Ok(self.0.clone().matmul(v.clone().unsqueeze_dim(1)).squeeze_dim(1))
    }
}

fn on_device(matrix: &Mat<f64>, device: &Device, dtype: DType) -> OnDevice {
    let size = matrix.nrows();
    let entries: Vec<f64> = (0..size * size).map(|i| matrix[(i / size, i % size)]).collect();
    OnDevice(Tensor::from_data(TensorData::new(entries, [size, size]), (device, dtype)))
}

device_tests! {
    fn tensors_on_a_device(device) {
        let values = [9.0, 9.0, 7.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.1, 0.1];
        let matrix = with_eigenvalues(&values, 4);
        for (dtype, precision) in [(DType::F64, 1e-9), (DType::F32, 3e-5)] {
            if !device.supports_dtype(dtype) {
                continue;
            }
            let map = on_device(&matrix, device, dtype);
            let like: Tensor<1> = Tensor::zeros([values.len()], (device, dtype));
            let start = Coordinates::random_like(&like, &GAUSSIAN, 9).unwrap();
            let found = Lanczos { tolerance: precision / 10.0, ..Lanczos::new(3, 1) }.largest(&map, &start).unwrap();
            for (found, expected) in found.values.iter().zip(&values) {
                assert!((found - expected).abs() < 10.0 * precision, "{found} {expected}");
            }
            assert!(found.converged(10.0 * precision), "{:?}", found.residuals);
            assert!((found.gap().unwrap() - 5.0).abs() < 0.2);
            let b = map.apply(&start).unwrap();
            let solution = ConjugateGradient { tolerance: precision, max_iterations: 40 }.solve(&map, &b).unwrap();
            assert!(Vector::sub(&solution.x, &start).unwrap().norm().unwrap() < 300.0 * precision);
            // The probes are the same on every device.
            let trace = Hutchinson::new(5, 3).trace(&map, &like).unwrap();
            let on_host = Hutchinson::new(5, 3).trace(&self::map(&matrix), &vec![0.0; values.len()]).unwrap();
            assert!((trace.mean - on_host.mean).abs() < 100.0 * precision);
        }
    }
}

/// `diag(1, −1)` and its like: both extremes are of one size, and either is an answer.
#[test]
fn power_iteration_parts_eigenvalues_of_two_signs() {
    let power = PowerIteration { tolerance: 1e-10, max_iterations: 200 };
    for diagonal in [[1.0, -1.0, 0.5], [-3.0, 2.0, 3.0], [1e-9, -1e-9, 0.0]] {
        let map = |v: &Vec<f64>| Ok::<_, TensorError>(v.iter().zip(diagonal).map(|(v, d)| d * v).collect());
        let found = power.largest(&map, &vec![1.0, 2.0, 1.5]).unwrap();
        let largest = diagonal.iter().fold(0.0, |a: f64, d| a.max(d.abs()));
        assert!((found.value.abs() / largest - 1.0).abs() < 1e-9, "{diagonal:?}: {found:?}");
        assert!(found.residual <= 1e-10 * largest);
    }
}
