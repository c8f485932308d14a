//! Small networks, and layers whose numbers are drawn from a seed.
//!
//! A layer's numbers are a function of the seed, of the law and of the order in which layers are asked for,
//! the same on every device: Burn's own initializers draw from a generator of the process. [`LayerDraws`]
//! draws them by an [`InitialLaw`]; what two or more domains or papers train is here as a module:
//! [`MultilayerPerceptron`] and [`ConvolutionalNetwork`].
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_tensor::network::{InitialLaw, LayerDraws, MultilayerPerceptron};
//!
//! let device = Device::flex();
//! let mut layers = LayerDraws::new(InitialLaw::FanIn, 7, &device);
//! let network = MultilayerPerceptron::new(&[3, 16, 2], &mut layers)?;
//! let outputs = network.forward(Tensor::<2>::zeros([5, 3], &device));
//! assert_eq!(outputs.dims(), [5, 2]);
//! # Ok::<(), kiln_tensor::TensorError>(())
//! ```

mod convolutional;
mod layers;
mod perceptron;

pub use convolutional::{ConvolutionalNetwork, ConvolutionalSizes};
pub use layers::{InitialLaw, LayerDraws};
pub use perceptron::MultilayerPerceptron;
