use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation::tanh};
use kiln_core::InputError;
use kiln_optim::curvature::{Differences, Hessian, SecondOrder, SecondOrderSum, Sharpness};
use kiln_optim::problems::{CrossCurvature, DiagonalNetwork, Quadratic, Rosenbrock};
use kiln_optim::{FiniteSum, ModuleObjective, OptimError, Work};
use kiln_tensor::{ConjugateGradient, Coordinates, Hutchinson, Parameters, Vector, device_tests};
use proptest::prelude::*;

use super::{cases, gaussian};

fn relative(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (x.to_vec(), y.to_vec());
    x.sub(&y).unwrap().norm().unwrap() / y.norm().unwrap().max(1e-300)
}

/// The products that a problem states are those of its gradients, and its Hessian is symmetric.
fn states_its_hessian<P>(problem: &P, size: usize, seed: u64)
where
    P: SecondOrderSum<Point = Vec<f64>> + Clone,
{
    let [z, v, w] = [1, 2, 3].map(|part| gaussian(size, seed * 4 + part));
    let differences = Differences::new(problem.clone());
    let exact = problem.hessian_vector(&z, &v).unwrap();
    let error = relative(&differences.hessian_vector(&z, &v).unwrap(), &exact);
    assert!(error < 1e-7, "{error:e}");
    let (left, right) = (w.dot(&exact).unwrap(), v.dot(&problem.hessian_vector(&z, &w).unwrap()).unwrap());
    assert!((left - right).abs() < 1e-10 * (1.0 + left.abs()), "{left} {right}");
    let batch = [0, problem.components() / 2];
    let exact = problem.batch_hessian_vector(&batch, &z, &v).unwrap();
    assert!(relative(&differences.batch_hessian_vector(&batch, &z, &v).unwrap(), &exact) < 1e-7);
    // The whole is the mean of its batches of one.
    let mut mean = vec![0.0; size];
    let mut gradient = vec![0.0; size];
    for i in 0..problem.components() {
        mean.axpy(1.0, &problem.batch_hessian_vector(&[i], &z, &v).unwrap()).unwrap();
        gradient.axpy(1.0, &problem.batch(&[i], &z).unwrap()).unwrap();
    }
    mean.scale(1.0 / problem.components() as f64);
    gradient.scale(1.0 / problem.components() as f64);
    assert!(relative(&mean, &problem.hessian_vector(&z, &v).unwrap()) < 1e-12);
    assert!(relative(&gradient, &problem.operator(&z).unwrap()) < 1e-12);
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn problems_state_their_hessians(seed in 0..10_000_u64) {
        states_its_hessian(&Rosenbrock, 2, seed);
        states_its_hessian(&CrossCurvature::toy(), 2, seed);
        states_its_hessian(&CrossCurvature::valley(3, 9, 7, 1.5, seed).unwrap(), 12, seed);
        let network = DiagonalNetwork::sparse_regression(6, 9, 3, seed).unwrap();
        states_its_hessian(&network, 18, seed);
        let quadratic = Quadratic::diagonal(gaussian(5, seed), gaussian(5, seed + 1)).unwrap();
        states_its_hessian(&quadratic, 5, seed);
        // The trace in closed form, against the sum over the basis.
        let z = gaussian(18, seed);
        let entry = |i: usize| {
            let basis: Vec<f64> = (0..18).map(|j| f64::from(i == j)).collect();
            network.hessian_vector(&z, &basis).unwrap()[i]
        };
        let trace: f64 = (0..18).map(entry).sum();
        prop_assert!((trace / network.hessian_trace(&z).unwrap() - 1.0).abs() < 1e-10);
    }
}

#[test]
fn a_hessian_is_a_linear_map() {
    let problem = Quadratic::diagonal(vec![1.0, 4.0, 9.0], vec![1.0, 8.0, 27.0]).unwrap();
    let z = vec![0.0; 3];
    let hessian = Hessian::new(&problem, &z);
    // One Newton step solves a quadratic.
    let b = vec![1.0, 8.0, 27.0];
    let step = ConjugateGradient { tolerance: 1e-12, max_iterations: 9 }.solve(&hessian, &b).unwrap();
    assert!(relative(&step.x, &[1.0, 2.0, 3.0]) < 1e-12);
    assert_eq!(Hutchinson::new(2, 1).trace(&hessian, &z).unwrap().mean, 14.0);
    assert!((Sharpness { tolerance: 1e-8, seed: 1 }.at(&problem, &z).unwrap() - 9.0).abs() < 1e-7);
}

/// Products are paid for: exact ones as such, differences as two gradients.
#[test]
fn work_is_counted() {
    let problem = CrossCurvature::valley(2, 3, 7, 1.0, 1).unwrap();
    let z = problem.start();
    let mut work = Work::default();
    work.hessian_vector(&problem, &z, &z).unwrap();
    work.batch_hessian_vector(&problem, &[1, 2], &z, &z).unwrap();
    assert_eq!(work, Work { hessian_vector_products: 9, ..Work::default() });
    let differences = Differences::new(problem);
    work.batch_hessian_vector(&differences, &[1, 2], &z, &z).unwrap();
    assert_eq!(work.components, 4);
}

#[test]
fn bad_input_is_refused() {
    for step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            Differences::with_relative_step(Rosenbrock, step),
            Err(OptimError::Input(InputError::Setting { name: "relative_step", .. }))
        ));
    }
    let differences = Differences::new(Rosenbrock);
    assert_eq!(differences.hessian_vector(&vec![1.0, 1.0], &vec![0.0, 0.0]).unwrap(), [0.0, 0.0]);
    assert!(differences.hessian_vector(&vec![1.0, 1.0], &vec![0.0]).is_err());
    assert!(Rosenbrock.hessian_vector(&vec![1.0], &vec![1.0, 1.0]).is_err());
    assert!(DiagonalNetwork::new(vec![vec![1.0], vec![1.0, 2.0]], vec![1.0, 1.0]).is_err());
    assert!(DiagonalNetwork::new(vec![vec![f64::NAN]], vec![1.0]).is_err());
    assert!(DiagonalNetwork::sparse_regression(3, 2, 3, 1).is_err());
    assert!(CrossCurvature::valley(1, 1, 1, 1.0, 1).is_err());
    assert!(CrossCurvature::valley(1, 1, 5, f64::NAN, 1).is_err());
    assert!(CrossCurvature::toy().batch_hessian_vector(&[2], &vec![0.0; 2], &vec![0.0; 2]).is_err());
}

#[derive(Module, Debug)]
struct Network {
    first: Linear,
    second: Linear,
}

/// `½ mean (W₂ tanh(W₁ x) − y)²` on 8 examples, with its weights written by hand.
fn network(
    device: &Device,
    dtype: DType,
) -> (impl FiniteSum<Point = Parameters<Network>>, Parameters<Network>) {
    let device = device.clone().autodiff();
    let tensor = |seed, shape: [usize; 2]| {
        let values = gaussian(shape[0] * shape[1], seed);
        Tensor::<2>::from_data(TensorData::new(values, shape), (&device, dtype))
    };
    let linear = |seed, inputs: usize, outputs: usize| Linear {
        weight: Param::from_tensor(tensor(seed, [inputs, outputs])),
        bias: Some(Param::from_tensor(tensor(seed + 1, [1, outputs]).reshape([outputs]))),
    };
    let module = Network { first: linear(3, 3, 5), second: linear(5, 5, 2) };
    let (inputs, targets) = (tensor(1, [8, 3]), tensor(2, [8, 2]));
    let start = Parameters::new(module);
    let problem = ModuleObjective::new(8, move |module: &Network, batch: &[usize]| {
        let rows: Vec<i32> = batch.iter().map(|&i| i32::try_from(i).unwrap()).collect();
        let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &device);
        let hidden = tanh(module.first.forward(inputs.clone().select(0, rows.clone())));
        (module.second.forward(hidden) - targets.clone().select(0, rows)).powi_scalar(2).mean()
    });
    (problem.unwrap(), start)
}

/// wgpu adapters may have `f64` and compute transcendental functions of it in `f32`.
fn has_double_tanh(device: &Device) -> bool {
    device.supports_dtype(DType::F64) && {
        let half = Tensor::<1>::from_data(TensorData::new(vec![0.5], [1]), (device, DType::F64));
        (tanh(half).into_scalar::<f64>() - 0.5_f64.tanh()).abs() < 1e-14
    }
}

device_tests! {
    /// The step is chosen for the precision of the parameters. The reference is the second-order accurate
    /// difference at a step where double precision is good to 1e-9, or, on devices without it, the symmetry
    /// of the Hessian.
    fn modules_have_hessians(device) {
        let (problem, start) = network(device, DType::F32);
        let single = Differences::new(problem);
        let v = start.with_coordinates(&gaussian(start.dimension(), 4)).unwrap();
        let w = start.with_coordinates(&gaussian(start.dimension(), 5)).unwrap();
        let product = single.hessian_vector(&start, &v).unwrap();
        let (left, right) =
            (product.dot(&w).unwrap(), single.hessian_vector(&start, &w).unwrap().dot(&v).unwrap());
        let scale = product.norm().unwrap() * w.norm().unwrap();
        assert!((left - right).abs() < 1e-3 * scale, "{left} {right}");
        if !has_double_tanh(device) {
            eprintln!("no comparison in F64: {device:?} computes tanh in single precision or not at all");
            return;
        }
        let (problem, start) = network(device, DType::F64);
        let v = start.with_coordinates(&gaussian(start.dimension(), 4)).unwrap();
        let reference = Differences::with_relative_step(problem, 1e-5).unwrap();
        let reference = reference.hessian_vector(&start, &v).unwrap().coordinates().unwrap();
        let double = Differences::new(network(device, DType::F64).0);
        let error = relative(&double.hessian_vector(&start, &v).unwrap().coordinates().unwrap(), &reference);
        assert!(error < 1e-8, "double: {error:e}");
        let error = relative(&product.coordinates().unwrap(), &reference);
        assert!(error < 1e-3, "single: {error:e}");
    }
}
