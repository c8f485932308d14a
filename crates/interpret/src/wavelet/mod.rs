//! Wavelets: filters, and transforms of slices of `f32` or `f64` and of tensors.
//!
//! | | |
//! | --- | --- |
//! | [`Wavelet`] | the four filters, by name or one's own, checked; functions, response, distance |
//! | [`Boundary`] | what lies beyond the ends of a signal |
//! | [`Dwt`] | transform of rows or of pictures, its inverse, and the transpose of that |
//! | [`TensorDwt`], [`LearnableDwt`], [`FilterBank`] | the same on tensors, with gradients for both |
//!
//! Gradients of tensors are for the signal and for the filters.
//!
//! Names, signs, alignment and order are those of PyWavelets; lengths that are odd come back as they were.

mod bank;
mod boundary;
mod double;
mod dwt;
mod error;
mod family;
mod filter;
mod float;
mod function;
mod host;
mod kernel;
mod levels;
mod tensor;

pub use boundary::{Boundary, BoundaryTerms};
pub use dwt::{Band, Dwt, DwtWorkspace};
pub use error::WaveletError;
pub use filter::Wavelet;
pub use float::WaveletFloat;
pub use function::{FrequencyResponse, WaveletFunctions};
pub use tensor::{FilterBank, LearnableDwt, TensorDwt};
