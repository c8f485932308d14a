//! Games between Burn modules, and the optimistic gradient as a Burn optimizer.

use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use faer::Mat;
use kiln_core::InputError;
use kiln_optim::first_order::Svrg;
use kiln_optim::minimax::{
    AlexGda, Extragradient, FiniteModuleGame, ModuleGame, OptimisticGradientOptimizer,
    StochasticExtragradient,
};
use kiln_optim::problems::{AffineFiniteSum, QuadraticGame};
use kiln_optim::{FiniteSum, Operator, OptimError, SaddleOperator, Solver};
use kiln_tensor::{Coordinates, Parameters, Vector, device_tests};

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

    /// A finite sum of games, on modules and as vectors: values, batches, SEG-FFA and SVRG agree, and so does
    /// the work.
    fn finite_games_of_modules_play_as_vectors_do(device) {
        let device = device.clone().autodiff();
        let mut random = Random::new(9);
        let couplings: Vec<Mat<f64>> = (0..4).map(|_| random.matrix(M, N)).collect();
        // ½‖x‖² + xᵀBᵢy − ½‖y‖²: J = [[I, B], [−Bᵀ, I]].
        let components: Vec<(Mat<f64>, Vec<f64>)> = couplings
            .iter()
            .map(|b| {
                let entry = |i: usize, j: usize| match (i < M, j < M) {
                    (true, false) => b[(i, j - M)],
                    (false, true) => -b[(j, i - M)],
                    _ => f64::from(u8::from(i == j)),
                };
                (Mat::from_fn(M + N, M + N, entry), vec![0.0; M + N])
            })
            .collect();
        let reference = AffineFiniteSum::new(&components).unwrap();
        let payoffs: Vec<_> = couplings.iter().map(|b| payoff(b, &device)).collect();
        let game = FiniteModuleGame::new(4, |x: &Linear, y: &Linear, batch: &[usize]| {
            let total = batch.iter().map(|&i| payoffs[i](x, y)).reduce(|sum, next| sum + next).unwrap();
            total / batch.len() as f64
        })
        .unwrap();
        let start = [0.5, -1.0, 0.3, 1.0, -0.4];
        let players = || (player(M, &start[..M], &device), player(N, &start[M..], &device));
        let close = |ours: &(Parameters<Linear>, Parameters<Linear>), theirs: &[f64]| {
            let ours = ours.coordinates().unwrap();
            assert!(distance(&ours, theirs) <= 1e-4, "{ours:?} {theirs:?}");
        };
        close(&game.operator(&players()).unwrap(), &reference.operator(&start.to_vec()).unwrap());
        for batch in [&[2][..], &[0, 3, 3]] {
            close(&game.batch(batch, &players()).unwrap(), &reference.batch(batch, &start.to_vec()).unwrap());
        }
        let halves = (game.gradient_x(&players().0, &players().1), game.gradient_y(&players().0, &players().1));
        let (x, mut y) = (halves.0.unwrap(), halves.1.unwrap());
        y.scale(-1.0);
        close(&(x, y), &reference.operator(&start.to_vec()).unwrap());
        let seg = StochasticExtragradient::flip_flop_anchored(0.1, 3);
        close(&trajectory(&seg, &game, players(), 16)[16], &trajectory(&seg, &reference, start.to_vec(), 16)[16]);
        let svrg = Svrg::new(0.05, 3);
        close(&trajectory(&svrg, &game, players(), 16)[16], &trajectory(&svrg, &reference, start.to_vec(), 16)[16]);
        // Both players' gradients over all four games.
        let alex = AlexGda::new(0.1, 0.1);
        let mut state = alex.start(&game, players()).unwrap();
        alex.advance(&game, &mut state).unwrap();
        assert_eq!(state.work.units(), 4);

        assert!(matches!(game.batch(&[], &players()), Err(OptimError::Input(InputError::Empty { .. }))));
        assert!(matches!(game.batch(&[4], &players()), Err(OptimError::Input(InputError::Index { .. }))));
        let none = FiniteModuleGame::new(0, |x: &Linear, _: &Linear, _: &[usize]| x.weight.val().sum());
        assert!(none.is_err());
    }

    fn optimistic_gradient_as_an_optimizer(device) {
        let device = device.clone().autodiff();
        let start = [1.0, -2.0, 0.5];
        let mut module = player(M, &start, &device).into_inner();
        let mut optimizer: ModuleOptimizer = OptimisticGradientOptimizer::new(0.5).unwrap().into();
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
                let fresh: ModuleOptimizer = OptimisticGradientOptimizer::new(0.5).unwrap().into();
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
