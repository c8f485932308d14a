use std::borrow::Cow;

/// What is wrong with something that a caller passed. The same mistake has the same words in every crate.
///
/// A message names the setting, or what is wrong and where, and says what it must be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A setting is out of its range.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field or argument is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: Cow<'static, str>,
    },
    /// Two counts that must agree do not.
    #[error("{what}: found {found}, expected {expected}")]
    Size {
        /// What was counted.
        what: Cow<'static, str>,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Two shapes that must agree do not. Nothing is broadcast.
    #[error("{what} has shape {found:?}; it must be {expected:?}")]
    Shape {
        /// What has the wrong shape.
        what: Cow<'static, str>,
        /// Its shape.
        found: Vec<usize>,
        /// What it must be.
        expected: Vec<usize>,
    },
    /// An index has nothing to point at.
    #[error("{what} {index} was asked for, but there are {count}, counted from 0")]
    Index {
        /// What kind of index it is.
        what: Cow<'static, str>,
        /// The index.
        index: usize,
        /// The smallest index that is too large.
        count: usize,
    },
    /// Something that must have members has none.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: Cow<'static, str>,
    },
    /// A number that must be finite is not.
    #[error("{what} holds a number that is not finite")]
    NotFinite {
        /// Where the number stands.
        what: Cow<'static, str>,
    },
    /// A tensor has another element type than it must have.
    #[error("{what} has element type {found}; it must be {expected}")]
    ElementType {
        /// Which tensor.
        what: Cow<'static, str>,
        /// Its element type.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A tensor lives on another device than it must.
    #[error("{what} lives on {found}; it must live on {expected}: move it with `to_device` first")]
    Device {
        /// Which tensor.
        what: Cow<'static, str>,
        /// Its device.
        found: String,
        /// Where it must live.
        expected: String,
    },
}

impl InputError {
    /// [`InputError::Setting`]
    pub fn setting(name: &'static str, value: f64, must: impl Into<Cow<'static, str>>) -> Self {
        Self::Setting { name, value, must: must.into() }
    }

    /// [`InputError::Size`]
    pub fn size(what: impl Into<Cow<'static, str>>, found: usize, expected: usize) -> Self {
        Self::Size { what: what.into(), found, expected }
    }

    /// [`InputError::Shape`]
    pub fn shape(what: impl Into<Cow<'static, str>>, found: &[usize], expected: &[usize]) -> Self {
        Self::Shape { what: what.into(), found: found.to_vec(), expected: expected.to_vec() }
    }

    /// [`InputError::Index`]
    pub fn index(what: impl Into<Cow<'static, str>>, index: usize, count: usize) -> Self {
        Self::Index { what: what.into(), index, count }
    }

    /// [`InputError::Empty`]
    pub fn empty(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Empty { what: what.into() }
    }

    /// [`InputError::NotFinite`]
    pub fn not_finite(what: impl Into<Cow<'static, str>>) -> Self {
        Self::NotFinite { what: what.into() }
    }
}
