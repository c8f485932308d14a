use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, Lstm, LstmConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use kiln_core::check;
use serde::{Deserialize, Serialize};

use crate::{Distribution, Noise, TensorError};

/// What the numbers of a layer are drawn from. `n` is the number of inputs that an output depends on, `m` the
/// number of outputs that depend on an input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialLaw {
    /// Uniform on `±1/√n`, biases too: the layers of `PyTorch`.
    FanIn,
    /// Normal of variance `2/n`, biases 0: He, Zhang, Ren, Sun, *Delving deep into rectifiers* (ICCV 2015).
    He,
    /// Normal of standard deviation `gain √(2/(n + m))`, biases 0: Glorot, Bengio, *Understanding the
    /// difficulty of training deep feedforward neural networks* (AISTATS 2010).
    Glorot {
        /// 1 in the paper; finite and at least 0.
        gain: f64,
    },
}

/// Draws layers, one after the other, on one device.
///
/// Parameter `i` that is drawn is stream `i` of [`Noise`] under the seed. Biases that are 0 take no stream.
#[derive(Clone, Debug)]
pub struct LayerDraws<'a> {
    law: InitialLaw,
    noise: Noise,
    next: u64,
    device: &'a Device,
}

impl<'a> LayerDraws<'a> {
    /// Layers on `device`, beginning with stream 0.
    pub fn new(law: InitialLaw, seed: u64, device: &'a Device) -> Self {
        let distribution = match law {
            InitialLaw::FanIn => Distribution::Uniform,
            InitialLaw::He | InitialLaw::Glorot { .. } => Distribution::Gaussian,
        };
        Self { law, noise: Noise { seed, distribution }, next: 0, device }
    }

    /// The device that layers are made on.
    pub fn device(&self) -> &Device {
        self.device
    }

    /// Weights of the law, for `n` inputs and `m` outputs.
    ///
    /// # Errors
    /// [`TensorError::Input`] when `n` or `m` is 0, or the law's gain is out of its range; as
    /// [`Noise::tensor`].
    pub fn weights<const D: usize>(
        &mut self,
        shape: [usize; D],
        n: usize,
        m: usize,
    ) -> Result<Param<Tensor<D>>, TensorError> {
        check::at_least_one("inputs", n)?;
        check::at_least_one("outputs", m)?;
        if let InitialLaw::Glorot { gain } = self.law {
            check::nonnegative("gain", gain)?;
        }
        let drawn = self.noise.tensor(self.next, 0, shape, self.device)?;
        self.next += 1;
        Ok(Param::from_tensor(match self.law {
            InitialLaw::FanIn => {
                let bound = 1.0 / (n as f64).sqrt();
                drawn * (2.0 * bound) - bound
            }
            InitialLaw::He => drawn * (2.0 / n as f64).sqrt(),
            InitialLaw::Glorot { gain } => drawn * (gain * (2.0 / (n + m) as f64).sqrt()),
        }))
    }

    fn bias(&mut self, length: usize, n: usize, m: usize) -> Result<Param<Tensor<1>>, TensorError> {
        match self.law {
            InitialLaw::FanIn => self.weights([length], n, m),
            InitialLaw::He | InitialLaw::Glorot { .. } => {
                Ok(Param::from_tensor(Tensor::zeros([length], self.device)))
            }
        }
    }

    /// A linear layer with bias.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn linear(&mut self, inputs: usize, outputs: usize) -> Result<Linear, TensorError> {
        let weight = self.weights([inputs, outputs], inputs, outputs)?;
        Ok(Linear { weight, bias: Some(self.bias(outputs, inputs, outputs)?) })
    }

    /// A convolution of stride 1 with a square kernel and bias, `channels` those of its input and its output,
    /// with `padding` zeros on each side.
    ///
    /// # Errors
    /// [`TensorError::Input`] when the kernel's side is 0; as [`weights`](Self::weights).
    pub fn convolution(
        &mut self,
        channels: [usize; 2],
        kernel: usize,
        padding: usize,
    ) -> Result<Conv2d, TensorError> {
        let [inputs, outputs] = channels;
        check::at_least_one("kernel", kernel)?;
        check::at_least_one("inputs", inputs)?;
        check::at_least_one("outputs", outputs)?;
        let (n, m) = (inputs * kernel * kernel, outputs * kernel * kernel);
        let mut layer = Conv2dConfig::new(channels, [kernel, kernel])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .init(self.device);
        layer.weight = self.weights([outputs, inputs, kernel, kernel], n, m)?;
        layer.bias = Some(self.bias(outputs, n, m)?);
        Ok(layer)
    }

    /// A long short-term memory, all its parameters drawn with `n = m = hidden`, biases too.
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn lstm(&mut self, inputs: usize, hidden: usize) -> Result<Lstm, TensorError> {
        check::at_least_one("inputs", inputs)?;
        check::at_least_one("hidden", hidden)?;
        let lstm = LstmConfig::new(inputs, hidden, true).init(self.device);
        let mut redraw = Redraw { layers: self, width: hidden, error: None };
        let lstm = lstm.map(&mut redraw);
        match redraw.error {
            Some(error) => Err(error),
            None => Ok(lstm),
        }
    }
}

/// Redraws all parameters of a module.
struct Redraw<'l, 'a> {
    layers: &'l mut LayerDraws<'a>,
    width: usize,
    error: Option<TensorError>,
}

impl ModuleMapper for Redraw<'_, '_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.layers.weights(parameter.val().dims(), self.width, self.width) {
            Ok(drawn) => drawn,
            Err(error) => {
                self.error.get_or_insert(error);
                parameter
            }
        }
    }
}
