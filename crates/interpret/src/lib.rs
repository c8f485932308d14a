//! Interpretation of models: [`attribution`]s, also of coefficients in a [`transform`]ed
//! domain, [`contextual_decomposition`], hierarchies of it ([`acd`]) and training with it ([`cdep`]),
//! and [`wavelet`]s.
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
