use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};
use kiln_optim::first_order::{HeavyBall, LastPoint, MomentumOptimizer, Nesterov};
use kiln_optim::minimax::OptimisticGradientOptimizer;
use kiln_optim::{ModuleObjective, OptimError, Solver};
use kiln_tensor::{Coordinates, Parameters, Vector, device_tests};

const STEPS: usize = 6;

fn loss(model: &Linear) -> Tensor<1> {
    let device = model.weight.val().device();
    let input = Tensor::<2>::from_data([[1.0, 2.0], [0.5, -1.0], [-2.0, 0.3]], &device);
    let target = Tensor::<2>::from_data([[1.0, 0.0], [2.0, -1.0], [0.5, 0.5]], &device);
    (model.forward(input) - target).powf_scalar(2.0).mean()
}

fn model(device: &Device) -> Linear {
    let model: Linear = LinearConfig::new(2, 2).init(&device.clone().autodiff());
    let start = Parameters::new(model).with_coordinates(&[0.3, -0.2, 0.5, 0.1, 0.0, 0.4]).unwrap();
    start.into_inner()
}

/// Burn's own loop.
fn burn_loop(optimizer: impl Into<ModuleOptimizer>, mut model: Linear, step_size: f64) -> Vec<f64> {
    let mut optimizer = optimizer.into();
    for _ in 0..STEPS {
        let gradients = GradientsParams::from_grads(loss(&model).backward(), &model);
        model = optimizer.step(step_size, model, gradients);
    }
    Parameters::new(model).coordinates().unwrap()
}

/// The iterates of the solver on the parameters of the module.
fn solver_loop<S>(solver: &S, model: Linear) -> Vec<Vec<f64>>
where
    S: Solver<Problem>,
{
    let mean_loss: fn(&Linear, &[usize]) -> Tensor<1> = |model, _| loss(model);
    let problem: Problem = ModuleObjective::new(1, mean_loss).unwrap();
    let mut state = solver.start(&problem, Parameters::new(model)).unwrap();
    (0..STEPS)
        .map(|_| {
            solver.advance(&problem, &mut state).unwrap();
            state.iterate.coordinates().unwrap()
        })
        .collect()
}

type Problem = ModuleObjective<Linear, fn(&Linear, &[usize]) -> Tensor<1>>;

fn assert_close(found: &[f64], expected: &[f64], start: &[f64]) {
    let distance = |x: &[f64], y: &[f64]| x.to_vec().sub(&y.to_vec()).unwrap().norm().unwrap();
    assert!(distance(found, expected) < 1e-5, "{found:?} {expected:?}");
    assert!(distance(found, start) > 0.1, "the parameters did not move");
}

device_tests! {
    fn heavy_ball_is_the_solver(device) {
        let solver = HeavyBall { step_size: 0.1.into(), momentum: 0.8 };
        let start = Parameters::new(model(device)).coordinates().unwrap();
        let expected = solver_loop(&solver, model(device));
        let optimizer = MomentumOptimizer::heavy_ball(0.8).unwrap();
        assert_close(&burn_loop(optimizer, model(device), 0.1), &expected[STEPS - 1], &start);
    }

    /// The module holds the extrapolated points.
    fn nesterov_is_the_solver(device) {
        for momentum in [None, Some(0.7)] {
            let solver = Nesterov { step_size: 0.1.into(), momentum };
            let start = Parameters::new(model(device)).coordinates().unwrap();
            let iterates = solver_loop(&solver, model(device));
            let (last, mut extrapolated) = (&iterates[STEPS - 2], iterates[STEPS - 1].clone());
            let t = STEPS as f64;
            extrapolated.axpy(momentum.unwrap_or(t / (t + 3.0)), &iterates[STEPS - 1].sub(last).unwrap()).unwrap();
            let optimizer = MomentumOptimizer::nesterov(momentum).unwrap();
            assert_close(&burn_loop(optimizer, model(device), 0.1), &extrapolated, &start);
        }
    }

    fn states_can_be_stored(device) {
        let solver = MomentumOptimizer::nesterov(None).unwrap();
        let tensor = Tensor::<1>::from_data([1.0, 2.0], device);
        let gradient = Tensor::<1>::from_data([0.5, -1.0], device);
        let (tensor, state) = Optimizer::step(&solver, 0.1, tensor, gradient.clone(), None);
        let state = state.unwrap();
        let mut sink = StateSink::default();
        state.state_flatten("p", &mut sink);
        let mut source = StateSource::new(sink.scalars.into_iter().collect());
        for (name, data) in sink.tensors {
            source.insert_tensor(name, data);
        }
        let restored = LastPoint::<1>::state_unflatten("p", &mut source, device).unwrap();
        let next = |state| {
            let (moved, _) = Optimizer::step(&solver, 0.1, tensor.clone(), gradient.clone(), Some(state));
            moved.coordinates().unwrap()
        };
        assert_eq!(next(restored), next(state));
    }
}

#[test]
fn momentum_of_a_burn_optimizer_is_below_one() {
    for momentum in [1.5, 1.0, -0.1, f64::NAN] {
        assert!(matches!(MomentumOptimizer::heavy_ball(momentum), Err(OptimError::Input(_))));
        assert!(matches!(MomentumOptimizer::nesterov(Some(momentum)), Err(OptimError::Input(_))));
    }
    assert!(matches!(OptimisticGradientOptimizer::new(-1.0), Err(OptimError::Input(_))));
}
