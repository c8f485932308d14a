//! Wavelets: filters, and transforms of slices of `f32` or `f64` and of tensors.
//!
//! | | |
//! | --- | --- |
//! | [`Wavelet`] | the four filters, by name or one's own, checked; [`functions`](Wavelet::functions), [`frequency_response`](Wavelet::frequency_response) and [`distance`](Wavelet::distance) |
//! | [`Boundary`] | what lies beyond the ends of a signal |
//! | [`Dwt`] | transform of rows, its inverse, and the transpose of that |
//! | [`Dwt2`] | the same for pictures |
//! | [`TensorDwt`], [`LearnableDwt`], [`FilterBank`] | the same on tensors, with gradients for the signal and for the filters |
//!
//! Names, signs, alignment and order are those of PyWavelets; lengths that are odd come back as they were.

mod bank;
mod boundary;
mod double;
mod dwt;
mod dwt2;
mod error;
mod family;
mod filter;
mod function;
mod host;
mod kernel;
mod real;
mod tensor;

pub use boundary::{Boundary, Terms};
pub use dwt::{Dwt, Workspace};
pub use dwt2::{Band, Dwt2};
pub use error::WaveletError;
pub use filter::Wavelet;
pub use function::{FrequencyResponse, WaveletFunctions};
pub use real::Real;
pub use tensor::{FilterBank, LearnableDwt, TensorDwt};
