//! What can go wrong with wavelets.

use kiln_core::InputError;

use super::{Boundary, WaveletFloat};

/// What can go wrong with wavelets.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WaveletError {
    /// Of what was passed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// All numbers given are finite, but the result is too large for the type.
    #[error("{what} overflows")]
    Overflow {
        /// What is too large.
        what: &'static str,
    },
    /// Nothing is called so.
    #[error("no {what} is called {name:?}")]
    Name {
        /// What was looked for: a wavelet (the names are in `Wavelet::names`) or a boundary mode.
        what: &'static str,
        /// The name given.
        name: String,
    },
    /// The filters are not those of a wavelet.
    #[error("the filters miss {condition} by {residual:e}, and {tolerance:e} is allowed")]
    Condition {
        /// The condition.
        condition: &'static str,
        /// By how much it is missed.
        residual: f64,
        /// How much was allowed.
        tolerance: f64,
    },
    /// A number of levels is out of range.
    #[error("level {level} is not in 1..={most}")]
    Level {
        /// The level given.
        level: usize,
        /// The largest one.
        most: usize,
    },
    /// A mode needs a longer signal than there is at some level.
    #[error("mode {boundary} needs at least 2 samples on every level, but level {level} starts from {len}")]
    TooShort {
        /// The mode.
        boundary: Boundary,
        /// The level, 1 the finest.
        level: usize,
        /// The length there.
        len: usize,
    },
}

/// The first number that is not finite, as an error.
pub(super) fn finite<T: WaveletFloat>(what: &'static str, values: &[T]) -> Result<(), InputError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(InputError::not_finite(format!("value {index} of {what}"))),
        None => Ok(()),
    }
}

/// That a filter has an even number of taps, and some.
pub(super) fn even_filter(taps: usize) -> Result<(), InputError> {
    kiln_core::check::not_empty("the filter", taps)?;
    let what = "taps of the filter, which must be even in number: pad it with a zero";
    kiln_core::check::size(what, taps, taps.next_multiple_of(2))
}
