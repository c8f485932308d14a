use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Int, Tensor, TensorData};
use kiln_core::InputError;
use kiln_optim::curvature::{AdaHessian, AveragingBlocks, Differences, SecondOrder, kernel_blocks};
use kiln_optim::problems::{DiagonalNetwork, Quadratic, Rosenbrock};
use kiln_optim::{ModuleObjective, Objective, OptimError, RunError, Solver, State, Stop, resume, run};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, device_tests};
use proptest::prelude::*;

use super::{cases, gaussian};

fn after(solver: &AdaHessian, curvatures: &[f64], steps: u64) -> Vec<f64> {
    let size = curvatures.len();
    let problem = Quadratic::diagonal(curvatures.to_vec(), vec![0.0; size]).unwrap();
    run(solver, &problem, vec![1.0; size], &Stop::after(steps)).unwrap().state.iterate
}

/// The specification's numbers: one path for all curvatures without `ε`, another with it.
#[test]
fn the_path_does_not_depend_on_the_curvature() {
    let solver = AdaHessian { epsilon: 0.0, ..AdaHessian::new(0.15, 1, 3) };
    let path = after(&solver, &[1e-3, 1e-1, 1.0, 10.0, 1e3], 100);
    for x in &path {
        assert!((x - path[2]).abs() < 1e-10, "{path:?}");
        assert!((x - 0.002_593_05).abs() < 1e-8, "{path:?}");
    }
    let with_epsilon = after(&AdaHessian { epsilon: 1e-4, ..solver }, &[1e-3, 1e3], 100);
    assert!((with_epsilon[0] - 0.000_99).abs() < 1e-5, "{with_epsilon:?}");
    assert!((with_epsilon[1] - path[2]).abs() < 1e-6, "{with_epsilon:?}");
}

/// `k = 0` is SGD with (bias-corrected) momentum and step `η/(1 + ε)`.
#[test]
fn without_the_hessian_it_is_momentum() {
    let solver = AdaHessian { hessian_power: 0.0, epsilon: 0.25, ..AdaHessian::new(0.1, 1, 3) };
    let found = after(&solver, &[0.5, 2.0], 30);
    for (curvature, found) in [0.5, 2.0].into_iter().zip(found) {
        let (mut x, mut m) = (1.0, 0.0);
        for t in 1..=30 {
            m = 0.9 * m + 0.1 * curvature * x;
            x -= 0.1 / 1.25 * m / (1.0 - 0.9_f64.powi(t));
        }
        assert!((found - x).abs() < 1e-12, "{found} {x}");
    }
}

/// Where there is no curvature the step is the mean gradient over `ε`; without `ε` the run ends with an
/// error.
#[test]
fn flat_directions_divide_by_epsilon() {
    let problem = Quadratic::diagonal(vec![0.0, 1.0], vec![-2.0, 0.0]).unwrap();
    let solver = AdaHessian { epsilon: 0.5, ..AdaHessian::new(0.1, 1, 3) };
    let one = run(&solver, &problem, vec![0.0, 0.0], &Stop::after(1)).unwrap().state.iterate;
    assert!((one[0] + 0.1 * 2.0 / 0.5).abs() < 1e-12);
    let without = AdaHessian { epsilon: 0.0, ..solver };
    let error = run(&without, &problem, vec![0.0, 0.0], &Stop::after(9)).unwrap_err();
    assert!(matches!(error, RunError::Diverged { .. }), "{error}");
}

/// Weight decay acts beside the curvature, not through it.
#[test]
fn weight_decay_is_decoupled() {
    let plain = after(&AdaHessian::new(0.1, 1, 3), &[3.0], 1)[0];
    let decayed = after(&AdaHessian { weight_decay: 0.2, ..AdaHessian::new(0.1, 1, 3) }, &[3.0], 1)[0];
    assert!((plain - decayed - 0.1 * 0.2).abs() < 1e-15);
}

proptest! {
    #![proptest_config(cases(16))]

    /// One step against the formulas, with blocks of unequal sizes.
    #[test]
    fn one_step_by_hand(seed in 0..10_000_u64) {
        let problem = DiagonalNetwork::sparse_regression(4, 3, 1, seed).unwrap();
        let z = gaussian(6, seed + 1);
        let averaging = [2, 1, 3].map(|length| AveragingBlocks { length, count: 1 }).to_vec();
        let solver = AdaHessian { averaging, epsilon: 1e-2, ..AdaHessian::new(0.1, 4, seed) };
        let found = run(&solver, &problem, z.clone(), &Stop::after(1)).unwrap().state;
        let signs = z.random_like(&Noise { seed, distribution: Distribution::Rademacher }, 0).unwrap();
        let d: Vec<f64> = problem.hessian_vector(&z, &signs).unwrap().iter().map(|v| v.abs()).collect();
        let first = f64::midpoint(d[0], d[1]);
        let d = [first, first, d[2], (d[3] + d[4] + d[5]) / 3.0];
        let g = kiln_optim::Operator::operator(&problem, &z).unwrap();
        for i in 0..6 {
            let expected = z[i] - 0.1 * g[i] / (d[i.min(3)] + 1e-2);
            prop_assert!((found.iterate[i] - expected).abs() < 1e-9 * (1.0 + expected.abs()));
        }
        prop_assert_eq!(found.work.hessian_vector_products, 4);
    }
}

#[test]
fn it_descends_rosenbrocks_valley_and_resumes() {
    let solver = AdaHessian::new(0.1, 1, 5);
    let start = vec![-1.2, 1.0];
    let whole = run(&solver, &Rosenbrock, start.clone(), &Stop::after(2000)).unwrap().state;
    let value = |z: &Vec<f64>| Rosenbrock.value(z).unwrap();
    assert!(value(&whole.iterate) < 0.2 * value(&start), "{:?}", whole.iterate);
    let half = run(&solver, &Rosenbrock, start.clone(), &Stop::after(1000)).unwrap().state;
    let half = State::from_bytes(&half.to_bytes().unwrap(), &solver, &Rosenbrock, &start).unwrap();
    let resumed = resume(&solver, &Rosenbrock, half, &Stop::after(2000)).unwrap().state;
    assert_eq!(resumed.to_bytes().unwrap(), whole.to_bytes().unwrap());
}

#[test]
fn bad_settings_are_refused() {
    let good = AdaHessian::new(0.1, 1, 1);
    let blocks = |length, count| vec![AveragingBlocks { length, count }];
    for bad in [
        AdaHessian { step_size: 0.0.into(), ..good.clone() },
        AdaHessian { momentum: 1.0, ..good.clone() },
        AdaHessian { curvature_memory: f64::NAN, ..good.clone() },
        AdaHessian { epsilon: -1.0, ..good.clone() },
        AdaHessian { hessian_power: 2.0, ..good.clone() },
        AdaHessian { weight_decay: f64::INFINITY, ..good.clone() },
        AdaHessian { averaging: blocks(0, 2), ..good.clone() },
        AdaHessian { averaging: blocks(3, 1), ..good.clone() },
        AdaHessian { batch_size: 2, ..good.clone() },
    ] {
        let error = bad.init(&Rosenbrock, &vec![0.0, 0.0]).unwrap_err();
        assert!(
            matches!(error, OptimError::Input(InputError::Setting { .. } | InputError::Size { .. })),
            "{error}"
        );
    }
    assert!(AdaHessian { averaging: blocks(1, 2), ..good }.init(&Rosenbrock, &vec![0.0, 0.0]).is_ok());
}

#[derive(Module, Debug)]
struct Network {
    convolution: Conv2d,
    linear: Linear,
}

device_tests! {
    /// A Burn module in a loop of one's own, with the paper's averaging over kernels.
    fn modules_train(device) {
        let device = device.clone().autodiff();
        let convolution = Conv2dConfig::new([1, 2], [3, 3]).init(&device);
        let start = Parameters::new(Network { convolution, linear: LinearConfig::new(2, 1).init(&device) });
        let start = start.with_coordinates(&gaussian(23, 8).iter().map(|x| x / 2.0).collect::<Vec<_>>()).unwrap();
        let averaging = kernel_blocks(&start);
        let kernels = [(9, 2), (1, 2), (1, 2), (1, 1)].map(|(length, count)| AveragingBlocks { length, count });
        assert_eq!(averaging, kernels);
        let images = Tensor::<4>::from_data(TensorData::new(gaussian(8 * 16, 1), [8, 1, 4, 4]), &device);
        let targets = Tensor::<2>::from_data(TensorData::new(gaussian(8, 2), [8, 1]), &device);
        let objective = ModuleObjective::new(8, |module: &Network, batch: &[usize]| {
            let rows: Vec<i32> = batch.iter().map(|&i| i32::try_from(i).unwrap()).collect();
            let rows = Tensor::<1, Int>::from_data(rows.as_slice(), &device);
            let features = module.convolution.forward(images.clone().select(0, rows.clone()));
            let pooled = burn::tensor::activation::tanh(features).mean_dim(3).mean_dim(2).reshape([batch.len(), 2]);
            (module.linear.forward(pooled) - targets.clone().select(0, rows)).powi_scalar(2).mean()
        });
        let problem = Differences::new(objective.unwrap());
        let solver = AdaHessian { averaging, epsilon: 1e-2, ..AdaHessian::new(0.03, 4, 3) };
        let before = problem.value(&start).unwrap();
        let mut state = solver.start(&problem, start).unwrap();
        for _ in 0..12 {
            solver.advance(&problem, &mut state).unwrap();
        }
        let after = problem.value(&state.iterate).unwrap();
        assert!(after < before, "{before} {after}");
        assert_eq!(state.work.components, 12 * 4 * 3, "a gradient and a product by two");
    }
}
