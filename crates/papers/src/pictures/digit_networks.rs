//! The digit classifiers that the authors of AWD and TRIM trained, from `models-small`.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::store::{KeyRemapper, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use kiln_datasets::{DataUse, FindData};
use kiln_interpret::InterpretError;
use kiln_interpret::contextual_decomposition::{Decompose, Parts};
use kiln_receipts::ExperimentError;
use kiln_tensor::TensorError;
use kiln_tensor::network::{InitialLaw, LayerDraws};

use super::Pictures;

/// The network of AWD's experiments, and of TRIM's where it has two outputs: two convolutions of 5×5 (10 and
/// 20 channels), each followed by pooling, then linear layers of 50 and 10.
#[derive(Module, Debug)]
pub struct AwdCnn {
    /// 1 to 10 channels.
    pub conv1: Conv2d,
    /// 10 to 20 channels.
    pub conv2: Conv2d,
    /// 320 to 50.
    pub fc1: Linear,
    /// 50 to 10.
    pub fc2: Linear,
    /// After each convolution, before the rectifier.
    pub pool: MaxPool2d,
}

/// TRIM's LeNet-5: convolutions of 5×5 with 6, 16 and 120 channels, rectifiers, pooling after the first two,
/// then linear layers of 84 and 10.
#[derive(Module, Debug)]
pub struct TrimLeNet {
    /// 1 to 6 channels.
    pub c1: Conv2d,
    /// 6 to 16 channels.
    pub c3: Conv2d,
    /// 16 to 120 channels.
    pub c5: Conv2d,
    /// 120 to 84.
    pub f6: Linear,
    /// 84 to 10.
    pub f7: Linear,
    /// After the first two rectifiers.
    pub pool: MaxPool2d,
}

fn convolution(inputs: usize, outputs: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([inputs, outputs], [5, 5]).init(device)
}

fn load<M: ModuleSnapshot>(
    module: &mut M,
    name: &str,
    remap: &[(&str, &str)],
    data: &impl FindData,
) -> Result<DataUse, ExperimentError> {
    let found = data.find_data(name)?;
    let mut store = SafetensorsStore::from_bytes(Some(found.read()?))
        .remap(KeyRemapper::from_patterns(remap.to_vec()).map_err(|error| error.to_string())?)
        .with_from_adapter(PyTorchToBurnAdapter);
    module.load_from(&mut store)?;
    Ok(found.used(1))
}

impl AwdCnn {
    /// A network for grey pictures of `side` pixels, drawn as `PyTorch` draws it.
    ///
    /// # Errors
    /// When the pictures are too small.
    pub fn drawn(side: usize, outputs: usize, seed: u64, device: &Device) -> Result<Self, TensorError> {
        let mut draw = LayerDraws::new(InitialLaw::FanIn, seed, device);
        let shrunk = |side: usize| (side + 1).saturating_sub(5) / 2;
        Ok(Self {
            conv1: draw.convolution([1, 10], 5, 0)?,
            conv2: draw.convolution([10, 20], 5, 0)?,
            fc1: draw.linear(20 * shrunk(shrunk(side)).pow(2), 50)?,
            fc2: draw.linear(50, outputs)?,
            pool: MaxPool2dConfig::new([2, 2]).init(),
        })
    }

    /// The trained network.
    ///
    /// # Errors
    /// [`MissingData`](kiln_datasets::MissingData) when it is not found; what the reader says of a file of
    /// another network.
    pub fn load(data: &impl FindData, device: &Device) -> Result<(Self, DataUse), ExperimentError> {
        let mut network = Self {
            conv1: convolution(1, 10, device),
            conv2: convolution(10, 20, device),
            fc1: LinearConfig::new(320, 50).init(device),
            fc2: LinearConfig::new(50, 10).init(device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
        };
        let used = load(&mut network, "models-small/mnist-cnn-awd.safetensors", &[], data)?;
        Ok((network, used))
    }

    /// MNIST of 28×28 pixels of 0 to 1 as the network wants it, `[pictures, 1, 28, 28]`.
    pub fn input(pictures: &Pictures, device: &Device) -> Tensor<4> {
        (pictures.tensor(device) - 0.1307) / 0.3081
    }

    /// Logits, `[pictures, 10]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = relu(self.pool.forward(self.conv1.forward(x)));
        let x = relu(self.pool.forward(self.conv2.forward(x)));
        self.fc2.forward(relu(self.fc1.forward(x.flatten(1, 3))))
    }
}

impl TrimLeNet {
    /// The trained network.
    ///
    /// # Errors
    /// As [`AwdCnn::load`].
    pub fn load(data: &impl FindData, device: &Device) -> Result<(Self, DataUse), ExperimentError> {
        let mut network = Self {
            c1: convolution(1, 6, device),
            c3: convolution(6, 16, device),
            c5: convolution(16, 120, device),
            f6: LinearConfig::new(120, 84).init(device),
            f7: LinearConfig::new(84, 10).init(device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
        };
        let name = "models-small/mnist-lenet5-trim.safetensors";
        let used = load(&mut network, name, &[(r"^(convnet|fc)\.", "")], data)?;
        Ok((network, used))
    }

    /// MNIST of 28×28 pixels of 0 to 1 as the network wants it, `[pictures, 1, 32, 32]`.
    pub fn input(pictures: &Pictures, device: &Device) -> Tensor<4> {
        pictures.resized(32).tensor(device)
    }

    /// Logits, `[pictures, 10]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.c1.forward(x)));
        let x = self.pool.forward(relu(self.c3.forward(x)));
        let x = relu(self.c5.forward(x)).flatten(1, 3);
        self.f7.forward(relu(self.f6.forward(x)))
    }
}

impl Decompose<4, 2> for AwdCnn {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let parts = parts.through(&self.conv1)?.through(&self.pool)?.through(&Relu)?;
        let parts = parts.through(&self.conv2)?.through(&self.pool)?.through(&Relu)?;
        parts.flatten().through(&self.fc1)?.through(&Relu)?.through(&self.fc2)
    }
}

impl Decompose<4, 2> for TrimLeNet {
    fn decompose(&self, parts: Parts<4>) -> Result<Parts<2>, InterpretError> {
        let parts = parts.through(&self.c1)?.through(&Relu)?.through(&self.pool)?;
        let parts = parts.through(&self.c3)?.through(&Relu)?.through(&self.pool)?;
        let parts = parts.through(&self.c5)?.through(&Relu)?.flatten();
        parts.through(&self.f6)?.through(&Relu)?.through(&self.f7)
    }
}
