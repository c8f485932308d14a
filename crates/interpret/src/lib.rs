//! Interpretation of models: [`attribution`]s, also of coefficients in a [`transform`]ed
//! domain, [`contextual_decomposition`], hierarchies of it ([`acd`]) and training with it ([`cdep`]),
//! and [`wavelet`]s.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use kiln_interpret::attribution::{IntegratedGradients, Question};
//! use kiln_interpret::{Trim, transform::Fourier};
//!
//! // A model that answers the difference of the first and the last of eight samples.
//! let model = |x: Tensor<2>| x.clone().narrow(1, 0, 1) - x.narrow(1, 7, 1);
//! let x = Tensor::<2>::from_data([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]], &Device::flex());
//!
//! // Which frequencies, from 0 to 4 cycles, made the answer what it is?
//! let fourier = Fourier::of_signals(&[8])?;
//! let question = Question::output(0).groups(fourier.frequencies());
//! let scored = Trim::new(&model, &fourier).attribute(&IntegratedGradients::default(), &x, &question)?;
//! assert_eq!(scored.values.dims(), [1, 5]);
//! # Ok::<(), kiln_interpret::InterpretError>(())
//! ```
#![forbid(unsafe_code)]

pub mod acd;
pub mod attribution;
pub mod awd;
mod border;
pub mod cdep;
pub mod contextual_decomposition;
mod error;
pub mod transform;
mod trim;
pub mod wavelet;

pub use error::InterpretError;
pub use trim::{Trim, Trimmed};
