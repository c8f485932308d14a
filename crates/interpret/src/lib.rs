//! Interpretation of models: [`attribution`]s, also of coefficients in a [`transform`]ed domain, and [`wavelet`]s.
#![forbid(unsafe_code)]

pub mod attribution;
pub mod awd;
mod error;
pub mod transform;
pub mod wavelet;

pub use error::InterpretError;
