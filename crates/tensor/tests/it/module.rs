use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, activation::tanh};
use kiln_tensor::{Parameters, TensorError, Vector, device_tests};

use crate::vector::{Entries, host, tensor};

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    normalize: BatchNorm,
    second: Linear,
}

/// Entries of an `Mlp`: `3·4 + 4` in the first layer, `4 + 4` in the normalization, `4·2 + 2` in the second.
const LENGTH: usize = 34;

impl Mlp {
    fn new(device: &Device) -> Self {
        Self {
            first: LinearConfig::new(3, 4).init(device),
            normalize: BatchNormConfig::new(4).init(device),
            second: LinearConfig::new(4, 2).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.second.forward(tanh(self.normalize.forward(self.first.forward(x))))
    }
}

/// Writes consecutive entries to all float parameters that are not running statistics.
struct Write<'a>(&'a [f64]);

impl ModuleMapper for Write<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|t| {
            let (entries, rest) = self.0.split_at(t.shape().num_elements());
            self.0 = rest;
            tensor(entries, t.dims(), &t.device())
        })
    }
}

#[derive(Default)]
struct Read(Entries);

impl ModuleVisitor for Read {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(host(&param.val()));
    }
}

/// The layers' parameters alone, read without the code under test.
fn entries(module: &Mlp) -> Entries {
    let mut read = Read::default();
    module.first.visit(&mut read);
    module.normalize.gamma.visit(&mut read);
    module.normalize.beta.visit(&mut read);
    module.second.visit(&mut read);
    read.0
}

fn with_entries(mut module: Mlp, entries: &[f64]) -> Parameters<Mlp> {
    assert_eq!(entries.len(), LENGTH);
    let mut write = Write(entries);
    module.first = module.first.map(&mut write);
    module.normalize.gamma = write.map_float(module.normalize.gamma);
    module.normalize.beta = write.map_float(module.normalize.beta);
    module.second = module.second.map(&mut write);
    Parameters::new(module)
}

fn statistics(module: &Mlp) -> Entries {
    host(&module.normalize.running_var.value())
}

fn ramp(length: usize, step: f64) -> Entries {
    (0..length).map(|i| i as f64 * step).collect()
}

device_tests! {
    /// Running statistics are no coordinates, and clones share them: not even `zeros_like` may touch them.
    fn buffers_stay(device) {
        let x = with_entries(Mlp::new(device), &[1.0; LENGTH]);
        let zero = x.zeros_like();
        assert_eq!(entries(zero.as_ref()), [0.0; LENGTH]);
        assert_eq!(statistics(zero.as_ref()), [1.0; 4]);
        assert_eq!(statistics(x.as_ref()), [1.0; 4]);
        let mut y = x.clone();
        y.scale(7.0);
        y.axpy(1.0, &x).unwrap();
        assert_eq!(statistics(y.as_ref()), [1.0; 4]);
        assert_eq!(x.dot(&y).unwrap(), 8.0 * LENGTH as f64);
    }

    /// Frozen parameters are no coordinates either, on devices with and without autodiff.
    fn frozen_parameters_stay(device) {
        for device in [device.clone(), device.clone().autodiff()] {
            let mut module = with_entries(Mlp::new(&device), &[1.0; LENGTH]).into_inner();
            module.first = module.first.no_grad();
            let mut x = Parameters::new(module);
            x.scale(3.0);
            assert_eq!(entries(x.as_ref())[..16], [1.0; 16]);
            assert_eq!(entries(x.as_ref())[16..], [3.0; 18]);
            assert_eq!(x.dot(&x).unwrap(), 9.0 * 18.0);
            let thawed = with_entries(Mlp::new(&device), &[1.0; LENGTH]);
            let expected = "trainable float parameters of the other module: found 6, expected 4";
            assert_eq!(x.dot(&thawed).unwrap_err().to_string(), expected);
        }
    }

    /// A change of shape is an error, and leaves the tensor.
    fn maps_must_keep_the_shape(device) {
        let linear = || Parameters::new(LinearConfig::new(2, 3).init(device));
        let (mut x, y) = (linear(), linear());
        let before = host(&x.as_ref().weight);
        let error = x.zip_map(&y, |_, y, _| y.clone().repeat_dim(0, 2)).unwrap_err();
        assert!(matches!(&error, TensorError::Parameter { path, .. } if path == "weight"), "{error:?}");
        assert_eq!(host(&x.as_ref().weight), before);
        x.zip_map(&y, |_, _, y| y).unwrap();
        assert_eq!(host(&x.as_ref().weight), host(&y.as_ref().weight));
    }

    fn architectures_must_agree(device) {
        let linear = |inputs: usize, outputs| Parameters::new(LinearConfig::new(inputs, outputs).init(device));
        let mut x = linear(2, 3);
        let before = host(&x.as_ref().weight);
        let error = x.axpy(1.0, &linear(3, 2)).unwrap_err();
        assert!(matches!(&error, TensorError::Parameter { path, .. } if path == "weight"), "{error:?}");
        assert!(error.to_string().contains("[3, 2]; it must be [2, 3]"), "{error}");
        assert_eq!(host(&x.as_ref().weight), before, "unchanged after the error");
    }

    /// Descent by `axpy` on a module with autodiff: ids and gradient requirements survive, the loss falls as
    /// its first-order model says.
    fn training_by_axpy(device) {
        let device = device.clone().autodiff();
        let entries: Entries = ramp(LENGTH, 0.37).into_iter().map(f64::sin).collect();
        let mut x = with_entries(Mlp::new(&device), &entries).into_inner().train();
        let input = tensor(&ramp(15, 0.5).into_iter().map(f64::cos).collect::<Entries>(), [5, 3], &device);
        let loss = |module: &Mlp| module.forward(input.clone()).powi_scalar(2).mean();
        let value = |module: &Mlp| loss(module).into_scalar::<f64>();
        for _ in 0..3 {
            let start = value(&x);
            let gradients = GradientsParams::from_grads(loss(&x).backward(), &x);
            let gradient = gradient_of(&x, gradients);
            let slope = gradient.dot(&gradient).unwrap();
            let step = 1e-3 * start / slope;
            let mut moved = Parameters::new(x);
            moved.axpy(-step, &gradient).unwrap();
            x = moved.into_inner();
            let (decrease, predicted) = (start - value(&x), step * slope);
            assert!((decrease / predicted - 1.0).abs() < 0.05, "{decrease:e}, predicted {predicted:e}");
        }
    }
}

/// The gradient as a vector of the module's own space.
fn gradient_of(module: &Mlp, gradients: GradientsParams) -> Parameters<Mlp> {
    struct Replace(GradientsParams);
    impl ModuleMapper for Replace {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            match self.0.get::<D>(param.id) {
                Some(gradient) => param.map(|_| gradient),
                None => param,
            }
        }
    }
    Parameters::new(module.clone().map(&mut Replace(gradients)))
}
