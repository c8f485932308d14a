//! Layers whose parameters are given, and numbers that are the same in every run.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::Linear;
use burn::tensor::{DType, Device, Tensor, TensorData};
use kiln_tensor::{Distribution, Noise};
use serde_json::Value;

/// Standard normal numbers.
pub(crate) fn normal(seed: u64, index: u64, count: usize) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Noise { seed, distribution: Distribution::Gaussian }.fill(index, 0, &mut values);
    values
}

pub(crate) fn tensor<const D: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    dtype: DType,
    device: &Device,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

pub(crate) fn random<const D: usize>(seed: u64, index: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(normal(seed, index, shape.iter().product()), shape, DType::F64, device)
}

/// Zeros and ones.
pub(crate) fn random_mask<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = normal(seed, 1000, shape.iter().product());
    let values = values.iter().map(|value| f64::from(u8::from(*value > 0.0))).collect();
    tensor(values, shape, DType::F64, device)
}

pub(crate) fn list<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// All numbers of a nested list.
pub(crate) fn nested(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(nested).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// From the rows of `W` in `y = Wx + b`.
pub(crate) fn linear(weight: &Value, bias: Option<&Value>, dtype: DType, device: &Device) -> Linear {
    let rows = weight.as_array().unwrap().len();
    let weight = nested(weight);
    let shape = [rows, weight.len() / rows];
    Linear {
        weight: Param::from_tensor(tensor(weight, shape, dtype, device).transpose()),
        bias: bias.map(|bias| Param::from_tensor(tensor(nested(bias), [rows], dtype, device))),
    }
}

/// The module with other parameters: normal numbers times `scale`, in `f64`.
pub(crate) fn filled<M: Module>(module: M, seed: u64, scale: f64) -> M {
    module.map(&mut Fill { seed, scale, index: 0 })
}

struct Fill {
    seed: u64,
    scale: f64,
    index: u64,
}

impl ModuleMapper for Fill {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.index += 1;
        param.map(|old| random(self.seed, self.index, old.dims(), &old.device()) * self.scale)
    }
}
