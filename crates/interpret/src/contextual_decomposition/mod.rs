//! Contextual decomposition (CD): how much of an output a part of the input is responsible for, with what it
//! does together with itself.
//!
//! Every activation is written as `β + γ`: what the relevant part of the input did, and all the rest. A
//! network is a chain of layers, each with a rule of its own:
//!
//! | layer | rule |
//! | --- | --- |
//! | linear, convolution | `Wβ` and `Wγ`; the bias `b` is divided, see below |
//! | batch norm | an affine map by running statistics; its shift is divided too |
//! | `ReLU`, leaky `ReLU` | `a(β)` and `a(β+γ) − a(β)` |
//! | tanh | `½[a(β) + a(β+γ) − a(γ)]` and `½[a(γ) + a(β+γ) − a(β)]` |
//! | max pool | the parts at the place where `β+γ` is largest |
//! | average pool, dropout, reshape | the same on both parts |
//! | LSTM, GRU | [`Steps`] |
//!
//! With `β₀ = Wβ` and `γ₀ = Wγ` a unit's bias is divided by `w = (|β₀|+ε)/(|β₀|+|γ₀|+2ε)`, which gives
//! `β₀ + wb` and `γ₀ + (1−w)b`; the shift of a batch norm by `w = |β₀|/(|β₀|+|γ₀|+ε)`.
//!
//! So the parts always add to the activation. `ε` is `1e-20` in `f64` and `1e-10` in `f32`. Where a unit sees
//! nothing but zeros `w` is ½. Softmax is not decomposed: the scores are those of logits.
//!
//! Murdoch, Liu, Yu, *Beyond word importance* (ICLR 2018, LSTM); Singh, Murdoch, Yu, *Hierarchical
//! interpretations for neural network predictions* (ICLR 2019, the other layers). The rule for GRUs is our
//! own.
//!
//! Cost: two forward passes, both differentiable in the parameters.
//!
//! ```
//! use burn::nn::{LinearConfig, Relu};
//! use burn::tensor::{Device, Tensor};
//! use kiln_interpret::contextual_decomposition::Parts;
//!
//! let device = Device::flex();
//! device.seed(1);
//! let (first, last) = (LinearConfig::new(4, 3).init(&device), LinearConfig::new(3, 2).init(&device));
//! let x = Tensor::<2>::from_data([[0.3, -1.0, 0.5, 2.0]], &device);
//! let mask = Tensor::<2>::from_data([[1.0, 1.0, 0.0, 0.0]], &device);
//!
//! // What the first two features do to the two outputs.
//! let parts = Parts::masked(x.clone(), mask)?.through(&first)?.through(&Relu)?.through(&last)?;
//!
//! let output = last.forward(Relu.forward(first.forward(x)));
//! assert!((parts.sum() - output).abs().max().into_scalar::<f32>() < 1e-5);
//! # Ok::<(), kiln_interpret::InterpretError>(())
//! ```

mod activation;
mod batch_norm;
mod convolution;
mod dropout;
mod gru;
mod linear;
mod lstm;
mod networks;
mod parts;
mod pooling;
mod recurrent;

pub use parts::Parts;
pub(crate) use parts::alike;
pub use recurrent::Steps;

use crate::InterpretError;

/// A layer that can be decomposed.
pub trait Decompose<const D: usize, const E: usize> {
    /// What both parts of the input become.
    ///
    /// # Errors
    /// When they do not fit the layer: shape, element type or device.
    fn decompose(&self, parts: Parts<D>) -> Result<Parts<E>, InterpretError>;
}
