//! Games between Burn modules, and the optimistic gradient as a Burn optimizer.

use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use faer::Mat;
use kiln_core::InputError;
use kiln_optim::minimax::{AlexGda, Extragradient, ModuleGame, OptimisticGradientOptimizer};
use kiln_optim::problems::QuadraticGame;
use kiln_optim::{Operator, OptimError, SaddleOperator};
use kiln_tensor::{Coordinates, Parameters, device_tests};

use super::games::{Random, distance, trajectory};

const M: usize = 3;
const N: usize = 2;

fn player(inputs: usize, values: &[f64], device: &Device) -> Parameters<Linear> {
    let module = LinearConfig::new(inputs, 1).with_bias(false).init(device);
    Parameters::new(module).with_coordinates(values).unwrap()
}

/// `½‖x‖² + xᵀBy − ½‖y‖²` with the weights of two layers as `x` and `y`.
fn payoff(b: &Mat<f64>, device: &Device) -> impl Fn(&Linear, &Linear) -> Tensor<1> + use<> {
    let entries: Vec<f32> = (0..M * N).map(|k| b[(k / N, k % N)] as f32).collect();
    let b = Tensor::<1>::from_data(&entries[..], device).reshape([M, N]);
    move |x, y| {
        let (x, y) = (x.weight.val(), y.weight.val());
        let coupling = (b.clone().matmul(y.clone()) * x.clone()).sum();
        coupling + x.square().sum() * 0.5 - y.square().sum() * 0.5
    }
}

device_tests! {
    fn modules_play_as_vectors_do(device) {
        let device = device.clone().autodiff();
        let mut random = Random::new(4);
        let b = random.matrix(M, N);
        let reference = QuadraticGame::new(Mat::identity(M, M), b.clone(), Mat::identity(N, N)).unwrap();
        let (x, y) = random.point(&reference);
        let game = ModuleGame::new(payoff(&b, &device));
        let start = || (player(M, &x, &device), player(N, &y, &device));

        let ours = game.operator(&start()).unwrap().coordinates().unwrap();
        let (x_gradient, y_gradient) = reference.operator(&(x.clone(), y.clone())).unwrap();
        assert!(distance(&ours, &[x_gradient, y_gradient].concat()) <= 1e-5);
        let partial = game.gradient_y(&start().0, &start().1).unwrap().coordinates().unwrap();
        assert!(distance(&partial, &reference.gradient_y(&x, &y).unwrap()) <= 1e-5);

        let alex = AlexGda { gamma: 1.5, delta: 2.0, ..AlexGda::new(0.1, 0.2) };
        let modules = trajectory(&alex, &game, start(), 5);
        let vectors = trajectory(&alex, &reference, (x.clone(), y.clone()), 5);
        for (module, vector) in modules.iter().zip(&vectors) {
            assert!(distance(&module.coordinates().unwrap(), &vector.coordinates().unwrap()) <= 1e-5);
        }
        let extragradient = Extragradient::new(0.1);
        let module = &trajectory(&extragradient, &game, start(), 3)[3];
        let vector = &trajectory(&extragradient, &reference, (x.clone(), y.clone()), 3)[3];
        assert!(distance(&module.coordinates().unwrap(), &vector.coordinates().unwrap()) <= 1e-5);
    }

    fn optimistic_gradient_as_an_optimizer(device) {
        let device = device.clone().autodiff();
        let start = [1.0, -2.0, 0.5];
        let mut module = player(M, &start, &device).into_inner();
        let mut optimizer: ModuleOptimizer = OptimisticGradientOptimizer { correction: 0.5 }.into();
        // The loss ½‖w‖² has gradient w.
        let (mut expected, mut previous) = (start.to_vec(), start.to_vec());
        for step in 0..4 {
            let loss = module.weight.val().square().sum() * 0.5;
            let gradients = GradientsParams::from_grads(loss.backward(), &module);
            module = optimizer.step(0.1, module, gradients);
            let gradient = expected.clone();
            for ((w, g), old) in expected.iter_mut().zip(&gradient).zip(&previous) {
                *w -= 0.1 * (1.5 * g - 0.5 * old);
            }
            previous = gradient;
            let found = Parameters::new(module.clone()).coordinates().unwrap();
            assert!(distance(&found, &expected) <= 1e-6);
            if step == 1 {
                let stored = optimizer.into_bytes().unwrap();
                let fresh: ModuleOptimizer = OptimisticGradientOptimizer { correction: 0.5 }.into();
                optimizer = fresh.from_bytes(stored).unwrap();
            }
        }
    }

    fn payoffs_without_gradient_are_refused(device) {
        let plain = device.clone();
        let start = || (player(M, &[1.0; M], &plain), player(N, &[1.0; N], &plain));
        let game = ModuleGame::new(payoff(&Mat::zeros(M, N), &plain));
        assert!(matches!(game.operator(&start()), Err(OptimError::Problem(_))));
        let vector = ModuleGame::new(|x: &Linear, _: &Linear| x.weight.val().reshape([M]));
        assert!(matches!(vector.operator(&start()), Err(OptimError::Input(InputError::Size { .. }))));
    }
}
