use burn::module::Module;
use burn::tensor::Tensor;
use kiln_core::InputError;
use kiln_tensor::network::{
    ConvolutionalNetwork, ConvolutionalSizes, InitialLaw, LayerDraws, MultilayerPerceptron,
};
use kiln_tensor::{Coordinates, Distribution, Noise, Parameters, TensorError, device_tests};

use crate::vector::host;

fn uniform(seed: u64, stream: u64, count: usize, fan_in: usize) -> Vec<f64> {
    let mut values = vec![0.0_f32; count];
    Noise { seed, distribution: Distribution::Uniform }.fill(stream, 0, &mut values);
    let bound = 1.0 / (fan_in as f64).sqrt();
    values.into_iter().map(|u| f64::from(u * (2.0 * bound) as f32 - bound as f32)).collect()
}

fn parameters<M: Module>(module: M) -> Vec<f64> {
    Parameters::new(module).coordinates().unwrap()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
}

device_tests! {
    /// Streams in the order of the layers, a weight's before its bias.
    fn fan_in_is_the_noise_of_the_seed(device) {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, 7, device);
        let first = layers.linear(4, 3).unwrap();
        let second = layers.convolution([2, 3], 5, 1).unwrap();
        close(&host(&first.weight.val()), &uniform(7, 0, 12, 4));
        close(&host(&first.bias.unwrap().val()), &uniform(7, 1, 3, 4));
        close(&host(&second.weight.val()), &uniform(7, 2, 150, 50));
        close(&host(&second.bias.unwrap().val()), &uniform(7, 3, 3, 50));
        let lstm = parameters(LayerDraws::new(InitialLaw::FanIn, 7, device).lstm(2, 3).unwrap());
        assert!(lstm.iter().all(|x| x.abs() <= 1.0 / 3_f64.sqrt()));
    }

    fn normal_laws_have_their_variance_and_no_bias(device) {
        let (inputs, outputs) = (300, 200);
        let expected = [
            (InitialLaw::He, 2.0 / 300.0),
            (InitialLaw::Glorot { gain: 1.0 }, 2.0 / 500.0),
            (InitialLaw::Glorot { gain: 0.1 }, 0.02 / 500.0),
        ];
        for (law, variance) in expected {
            let mut layers = LayerDraws::new(law, 3, device);
            let layer = layers.linear(inputs, outputs).unwrap();
            let weights = host(&layer.weight.val());
            let found = weights.iter().map(|w| w * w).sum::<f64>() / weights.len() as f64;
            assert!((found / variance - 1.0).abs() < 0.02, "{law:?}: {found}");
            assert_eq!(host(&layer.bias.unwrap().val()), vec![0.0; outputs]);
            // The next layer has the next stream: biases took none.
            let mut next = vec![0.0_f32; 6];
            Noise { seed: 3, distribution: Distribution::Gaussian }.fill(1, 0, &mut next);
            let scale = match law {
                InitialLaw::Glorot { gain } => gain * (2.0_f64 / 5.0).sqrt(),
                _ => 1.0,
            };
            let next: Vec<f64> = next.into_iter().map(|x| f64::from(x) * scale).collect();
            close(&host(&layers.linear(2, 3).unwrap().weight.val()), &next);
        }
    }

    fn perceptrons_compute_what_they_say(device) {
        let mut layers = LayerDraws::new(InitialLaw::FanIn, 1, device);
        let network = MultilayerPerceptron::new(&[2, 3, 1], &mut layers).unwrap();
        let x = [[1.0, -2.0], [0.5, 0.25]];
        let found = host(&network.forward(Tensor::from_data(x, device)));
        let [w, b, v, c] = [(0, 6, 2), (1, 3, 2), (2, 3, 3), (3, 1, 3)].map(|(s, n, f)| uniform(1, s, n, f));
        for (x, found) in x.iter().zip(found) {
            let hidden = (0..3).map(|j| (x[0] * w[j] + x[1] * w[3 + j] + b[j]).max(0.0));
            let expected = hidden.zip(&v).map(|(h, v)| h * v).sum::<f64>() + c[0];
            assert!((found - expected).abs() < 1e-5);
        }
        assert_eq!(network.hidden_layers().len(), 1);
        assert_eq!(network.last_layer().weight.dims(), [3, 1]);
    }

    fn convolutional_networks_fit_their_pictures(device) {
        for (side, kernel) in [(28, 5), (16, 5), (10, 3), (4, 1)] {
            let sizes = ConvolutionalSizes { channels: [3, 4, 5], side, kernel, hidden: 6, outputs: 2 };
            let network = ConvolutionalNetwork::new(&sizes, &mut LayerDraws::new(InitialLaw::He, 1, device)).unwrap();
            let x = Tensor::<4>::ones([2, 3, side, side], device);
            let outputs = network.forward(x.clone());
            assert_eq!(outputs.dims(), [2, 2]);
            assert_eq!(host(&network.outputs(network.hidden(x))), host(&outputs));
        }
    }

    fn bad_sizes_are_refused(device) {
        let layers = || LayerDraws::new(InitialLaw::FanIn, 1, device);
        let refused = |found: Result<_, TensorError>| {
            assert!(matches!(found, Err(TensorError::Input(InputError::Setting { .. }))));
        };
        for widths in [&[][..], &[3], &[3, 0, 2], &[0, 1]] {
            refused(MultilayerPerceptron::new(widths, &mut layers()).map(drop));
        }
        refused(layers().convolution([1, 1], 0, 0).map(drop));
        refused(layers().convolution([0, 1], 3, 0).map(drop));
        refused(layers().linear(3, 0).map(drop));
        refused(layers().lstm(0, 3).map(drop));
        refused(layers().lstm(3, 0).map(drop));
        for gain in [f64::NAN, -1.0, f64::INFINITY] {
            refused(LayerDraws::new(InitialLaw::Glorot { gain }, 1, device).linear(2, 2).map(drop));
        }
        let good = ConvolutionalSizes::le_net(1, 16, 10);
        for bad in [
            ConvolutionalSizes { side: 15, ..good },
            ConvolutionalSizes { side: 0, ..good },
            ConvolutionalSizes { kernel: 0, ..good },
            ConvolutionalSizes { hidden: 0, ..good },
            ConvolutionalSizes { channels: [1, 0, 2], ..good },
        ] {
            refused(ConvolutionalNetwork::new(&bad, &mut layers()).map(drop));
        }
    }
}

#[test]
fn laws_are_stored_by_name() {
    for (law, stored) in [
        (InitialLaw::FanIn, r#""fan-in""#),
        (InitialLaw::He, r#""he""#),
        (InitialLaw::Glorot { gain: 0.5 }, r#"{"glorot":{"gain":0.5}}"#),
    ] {
        assert_eq!(serde_json::to_string(&law).unwrap(), stored);
        assert_eq!(serde_json::from_str::<InitialLaw>(stored).unwrap(), law);
    }
}
