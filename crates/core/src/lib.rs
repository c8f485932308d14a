//! The vocabulary that Kiln's crates share. It knows no tensors.
//!
//! | Module | Holds |
//! |---|---|
//! | [`InputError`] | what can be wrong with what a caller passed; every crate's error type wraps it |
//! | [`check`] | checks of settings, sizes and numbers, each an [`InputError`] where it fails |
//! | [`random`] | the one generator, its numbered and named streams |
//! | [`data`] | what is said of a data set: found, read, missing |
//! | [`files`] | files that are whole or absent |
//!
//! ```
//! use kiln_core::{InputError, check};
//!
//! let error = check::positive("step_size", -1.0).unwrap_err();
//! assert_eq!(error.to_string(), "step_size is -1; it must be finite and greater than 0");
//! ```

pub mod check;
pub mod data;
pub mod files;
mod input_error;
pub mod random;

pub use input_error::InputError;
