use kiln_tensor::TensorError;

use crate::wavelet::WaveletError;

/// What can go wrong in interpretation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpretError {
    /// Something that must have members has none.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: String,
    },
    /// Two shapes that must agree do not.
    #[error("{what} has shape {found:?}; it must be {expected:?}")]
    Shape {
        /// What has the wrong shape.
        what: String,
        /// Its shape.
        found: Vec<usize>,
        /// What it must be.
        expected: Vec<usize>,
    },
    /// Two counts that must agree do not.
    #[error("{what}: found {found}, expected {expected}")]
    Size {
        /// What was counted.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A number that must be finite is not.
    #[error("{what} holds a number that is not finite")]
    NotFinite {
        /// Where.
        what: String,
    },
    /// A setting is out of its range.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// The model has no such output.
    #[error("output {index} was asked for, but the model has {outputs}")]
    Target {
        /// The output asked for.
        index: usize,
        /// How many outputs the model has.
        outputs: usize,
    },
    /// A method needs what it was not given.
    #[error("{method} needs {needs}")]
    Missing {
        /// The method.
        method: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A matrix could not be decomposed, or a system of equations has no single solution.
    #[error("{what} failed: {hint}")]
    Decomposition {
        /// Which decomposition.
        what: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// Of the wavelet transform.
    #[error(transparent)]
    Wavelet(#[from] WaveletError),
    /// Of vectors and tensors.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}
