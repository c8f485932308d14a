//! What can go wrong with wavelets.

use super::Boundary;

/// What can go wrong with wavelets.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WaveletError {
    /// Something that must have members has none.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// A count is not what it must be.
    #[error("{what} has {found} values; it must have {must}")]
    Size {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        must: String,
    },
    /// A number is not finite.
    #[error("{what} is not finite at index {index}")]
    NotFinite {
        /// Where.
        what: &'static str,
        /// The first such index.
        index: usize,
    },
    /// All numbers given are finite, but the result is too large for the type.
    #[error("{what} overflows")]
    Overflow {
        /// What is too large.
        what: &'static str,
    },
    /// A filter and a signal are of different element types, or on different devices.
    #[error("a filter is {filter}, the signal {signal}")]
    Place {
        /// Of the filter.
        filter: String,
        /// Of the signal.
        signal: String,
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
pub(super) fn finite<T: super::Real>(what: &'static str, values: &[T]) -> Result<(), WaveletError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(WaveletError::NotFinite { what, index }),
        None => Ok(()),
    }
}
