use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use kiln_core::InputError;
use kiln_optim::training::{Dash, DashUnits, ShrinkAndPerturb};
use kiln_optim::{ModuleObjective, Operator, OptimError};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, Vector, device_tests};
use proptest::prelude::*;

#[derive(Module, Debug)]
struct Network {
    convolution: Conv2d,
    normalization: BatchNorm,
    linear: Linear,
}

/// Coordinates in Burn's order: kernels, their bias, gamma, beta, the linear weight as `[in, out]`, its bias.
const KERNELS: usize = 3 * 2;
const KERNEL: usize = 4;
const INPUTS: usize = 5;
const OUTPUTS: usize = 4;

fn network(device: &Device, seed: u64) -> Parameters<Network> {
    let network = Network {
        convolution: Conv2dConfig::new([2, 3], [2, 2]).init(device),
        normalization: BatchNormConfig::new(3).init(device),
        linear: LinearConfig::new(INPUTS, OUTPUTS).init(device),
    };
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    Parameters::new(network).random_like(&noise, 0).unwrap()
}

/// The coordinates of each unit.
fn units() -> Vec<Vec<usize>> {
    let mut units: Vec<Vec<usize>> = (0..KERNELS).map(|k| (k * KERNEL..(k + 1) * KERNEL).collect()).collect();
    let bias = KERNELS * KERNEL;
    units.push((bias..bias + 3).collect());
    let linear = bias + 3 + 6;
    units.extend((0..OUTPUTS).map(|out| (0..INPUTS).map(|i| linear + i * OUTPUTS + out).collect()));
    let bias = linear + INPUTS * OUTPUTS;
    units.push((bias..bias + OUTPUTS).collect());
    units
}

/// The method on coordinates, written as the definition says.
fn shrunk(dash: Dash, weights: &[f64], direction: &[f64]) -> Vec<f64> {
    let mut result = weights.to_vec();
    for unit in units() {
        let sum = |f: &dyn Fn(usize) -> f64| unit.iter().map(|&i| f(i)).sum::<f64>();
        let inner = sum(&|i| weights[i] * direction[i]);
        let norms =
            sum(&|i| weights[i].powi(2)).sqrt().max(1e-8) * sum(&|i| direction[i].powi(2)).sqrt().max(1e-8);
        let scale = (inner / norms).clamp(dash.lambda, 1.0);
        for i in unit {
            result[i] *= scale;
        }
    }
    result
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

device_tests! {
    fn units_shrink_by_their_cosine(device) {
        for (seed, lambda) in [(1, 0.3), (2, 0.0), (3, 1.0), (4, 0.05)] {
            let dash = Dash { lambda, alpha: 0.3 };
            let mut parameters = network(device, seed);
            let direction = network(device, seed + 10);
            let weights = parameters.coordinates().unwrap();
            let expected = shrunk(dash, &weights, &direction.coordinates().unwrap());
            dash.shrink(&mut parameters, &direction).unwrap();
            let found = parameters.coordinates().unwrap();
            assert!(distance(&found, &expected) < 1e-5, "{found:?}\n{expected:?}");
            // Normalization parameters are untouched, and λ = 1 is the identity: to the bit.
            let exempt = KERNELS * KERNEL + 3;
            assert_eq!(found[exempt..exempt + 6], weights[exempt..exempt + 6]);
            assert_eq!(found == weights, lambda == 1.0);
            // A unit keeps its direction, and its norm falls to no less than λ of what it was.
            for unit in units() {
                let ratios: Vec<f64> = unit.iter().map(|&i| found[i] / weights[i]).collect();
                assert!(ratios.iter().all(|r| (r - ratios[0]).abs() < 1e-5), "{ratios:?}");
                assert!((lambda - 1e-6..=1.0 + 1e-6).contains(&ratios[0]), "{ratios:?}");
            }
        }
    }

    fn extremes_of_the_cosine(device) {
        let dash = Dash { lambda: 0.25, alpha: 0.3 };
        let start = network(device, 5);
        let moved = |direction: &Parameters<Network>| {
            let mut parameters = start.clone();
            dash.shrink(&mut parameters, direction).unwrap();
            parameters.coordinates().unwrap()
        };
        let weights = start.coordinates().unwrap();
        // Along the weights nothing shrinks; against them, and without a gradient, everything shrinks by
        // exactly λ.
        assert!(distance(&moved(&start), &weights) < 1e-5);
        let mut against = start.clone();
        against.scale(-1.0);
        for direction in [against, start.zeros_like()] {
            let found = moved(&direction);
            for unit in units() {
                assert!(unit.iter().all(|&i| found[i] == 0.25 * weights[i]));
            }
        }
        // Weights of zero stay zero.
        let mut zero = start.zeros_like();
        dash.shrink(&mut zero, &start).unwrap();
        assert!(zero.coordinates().unwrap().iter().all(|&w| w == 0.0));
    }

    fn the_direction_averages_negative_gradients(device) {
        let gradients: Vec<Parameters<Network>> = (0..3).map(|seed| network(device, seed)).collect();
        let dash = Dash { lambda: 0.3, alpha: 0.4 };
        let direction = dash.direction(gradients.iter().cloned().map(Ok)).unwrap().coordinates().unwrap();
        let mut expected = vec![0.0; direction.len()];
        for gradient in &gradients {
            for (e, g) in expected.iter_mut().zip(gradient.coordinates().unwrap()) {
                *e = 0.6 * *e - 0.4 * g;
            }
        }
        assert!(distance(&direction, &expected) < 1e-5);
    }

    /// A neuron that fits its data better when it grows is kept, and one that should turn round is shrunk.
    fn shrinking_reduces_what_the_loss_dislikes(device) {
        let device = device.clone().autodiff();
        let input = Tensor::<2>::from_data([[1.0, 1.0]], &device);
        let target = Tensor::<2>::from_data([[3.0, -3.0]], &device);
        let problem = ModuleObjective::new(1, |model: &Linear, _: &[usize]| {
            (model.forward(input.clone()) - target.clone()).powf_scalar(2.0).mean()
        })
        .unwrap();
        let model: Linear = LinearConfig::new(2, 2).with_bias(false).init(&device);
        let id = model.weight.id;
        let mut model = Parameters::new(model).with_coordinates(&[1.0; 4]).unwrap();
        let dash = Dash::default();
        let direction = dash.direction([problem.operator(&model)]).unwrap();
        dash.shrink(&mut model, &direction).unwrap();
        // [in, out]: the first output wants to grow, the second to turn round.
        assert!(distance(&model.coordinates().unwrap(), &[1.0, 0.3, 1.0, 0.3]) < 1e-6);
        assert!(model.as_ref().weight.val().is_require_grad());
        assert_eq!(model.as_ref().weight.id, id);
    }

    fn rules_of_ones_own(device) {
        let dash = Dash { lambda: 0.5, alpha: 1.0 };
        let model: Linear = LinearConfig::new(2, 2).with_bias(false).init(device);
        let model = Parameters::new(model).with_coordinates(&[1.0, 1.0, 1.0, 1.0]).unwrap();
        let direction = model.with_coordinates(&[1.0, 1.0, -1.0, 1.0]).unwrap();
        for (units, expected) in [
            (DashUnits::Rows, [1.0, 1.0, 0.5, 0.5]),
            (DashUnits::Columns, [0.5, 1.0, 0.5, 1.0]),
            (DashUnits::Whole, [0.5; 4]),
            (DashUnits::Kernels, [1.0, 1.0, 0.5, 1.0]),
            (DashUnits::Untouched, [1.0; 4]),
        ] {
            let mut model = model.clone();
            dash.shrink_units(&mut model, &direction, |parameter| {
                assert_eq!(parameter.shape, [2, 2]);
                assert_eq!((parameter.path.as_str(), parameter.container.as_str()), ("weight", "Struct:Linear"));
                units
            })
            .unwrap();
            let seen = model.coordinates().unwrap();
            assert!(distance(&seen, &expected) < 1e-6, "{units:?}: {seen:?}");
        }
    }

    fn shrink_and_perturb(device) {
        let start = network(device, 1);
        let method = ShrinkAndPerturb { shrink: 0.5, deviation: 0.1, seed: 3 };
        let moved = |stage| {
            let mut parameters = start.clone();
            method.apply(&mut parameters, stage).unwrap();
            parameters.coordinates().unwrap()
        };
        assert_eq!(moved(1), moved(1));
        assert_ne!(moved(1), moved(2));
        let noise = Noise { seed: 3, distribution: Distribution::Gaussian };
        let mut values = vec![0.0; start.dimension()];
        noise.fill(1, 0, &mut values);
        let weights = start.coordinates().unwrap();
        let mut expected: Vec<f64> = weights.iter().zip(values).map(|(w, e)| 0.5 * w + 0.1 * e).collect();
        // Normalization parameters are untouched, to the bit.
        let exempt = KERNELS * KERNEL + 3;
        expected[exempt..exempt + 6].copy_from_slice(&weights[exempt..exempt + 6]);
        let found = moved(1);
        assert!(distance(&found, &expected) < 1e-5);
        assert_eq!(found[exempt..exempt + 6], weights[exempt..exempt + 6]);
    }

    fn bad_input(device) {
        let mut parameters = network(device, 1);
        let direction = parameters.clone();
        for (lambda, alpha) in [(-0.1, 0.3), (1.1, 0.3), (f64::NAN, 0.3), (0.3, 0.0), (0.3, 1.5), (0.3, f64::NAN)] {
            let dash = Dash { lambda, alpha };
            let error = dash.shrink(&mut parameters, &direction).unwrap_err();
            assert!(matches!(error, OptimError::Input(InputError::Setting { .. })), "{error}");
            assert!(dash.direction([Ok(direction.clone())]).is_err());
        }
        let none: [Result<Parameters<Network>, OptimError>; 0] = [];
        assert!(matches!(Dash::default().direction(none), Err(OptimError::Input(InputError::Empty { .. }))));
        let wide: Parameters<Linear> = Parameters::new(LinearConfig::new(2, 3).init(device));
        let mut narrow: Parameters<Linear> = Parameters::new(LinearConfig::new(2, 2).init(device));
        assert!(matches!(Dash::default().shrink(&mut narrow, &wide), Err(OptimError::Tensor(_))));
        for (shrink, deviation) in [(1.5, 0.0), (0.5, -1.0), (f64::NAN, 0.0)] {
            assert!(ShrinkAndPerturb { shrink, deviation, seed: 0 }.apply(&mut narrow, 0).is_err());
        }
    }
}

proptest! {
    /// The average has closed form `−α Σ (1 − α)^age g`, the age of the last gradient being 0.
    #[test]
    fn the_average_in_closed_form(
        gradients in prop::collection::vec(prop::collection::vec(-5.0..5.0_f64, 3), 1..8),
        alpha in 0.01..1.0_f64,
    ) {
        let direction = Dash { lambda: 0.3, alpha }.direction(gradients.iter().cloned().map(Ok)).unwrap();
        for (k, found) in direction.iter().enumerate() {
            let expected: f64 = gradients
                .iter()
                .rev()
                .zip(0..)
                .map(|(g, age)| -alpha * (1.0 - alpha).powi(age) * g[k])
                .sum();
            prop_assert!((found - expected).abs() < 1e-12);
        }
    }
}
