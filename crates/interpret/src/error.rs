use kiln_core::InputError;
use kiln_tensor::TensorError;

use crate::wavelet::WaveletError;

/// What can go wrong in interpretation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpretError {
    /// Of what was passed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A method needs what it was not given.
    #[error("{method} needs {needs}")]
    Missing {
        /// The method.
        method: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// The model's answer to an example depends on chance or on the rest of its batch.
    #[error(
        "the model's answer to an example changes between calls or with the rest of its batch, as with dropout or \
         batch norm in training mode: explain `module.valid()`"
    )]
    Unsteady,
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
