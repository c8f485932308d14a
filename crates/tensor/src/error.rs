use burn::tensor::DType;
use kiln_core::InputError;

/// What can go wrong with tensors, and with the methods that need no more than these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// What was passed is wrong: a setting, a shape, a size, an element type, a device, a number.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A device was asked for by name, and is not there.
    #[error("no device {name}: {reason}")]
    NoDevice {
        /// The name asked for.
        name: String,
        /// Why there is none.
        reason: &'static str,
    },
    /// A parameter of a module does not fit its counterpart.
    #[error("parameter `{path}`: {source}")]
    Parameter {
        /// Where the parameter is in the module the method was called on, as in `encoder.weight`.
        path: String,
        /// What is wrong with it.
        source: Box<TensorError>,
    },
    /// Noise was asked for in an element type that is not real, or that the device lacks.
    #[error("{device} has no real element type {dtype:?}; ask for F32, or check `Device::supports_dtype`")]
    NoiseElementType {
        /// The element type asked for.
        dtype: DType,
        /// The device asked.
        device: String,
    },
    /// A shape has more elements than the address space.
    #[error("shape {shape:?} has more elements than this machine can address")]
    TooLarge {
        /// The shape asked for.
        shape: Vec<usize>,
    },
    /// A loss does not depend on the parameters by operations that autodiff records.
    #[error(
        "the loss records no gradients; train a module on a device with autodiff, or what `train` returns"
    )]
    NoGradient,
    /// Training stopped making sense: what it reports is no longer finite.
    #[error("training diverged in epoch {epoch}: the loss is {loss}; a smaller learning rate may help")]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// What is not finite.
        loss: f64,
    },
    /// A singular value decomposition did not converge, or overflowed.
    #[error("the singular value decomposition failed; entries near the limits of f64 are a usual cause")]
    Decomposition,
    /// A result could not be read back from its device.
    #[error("a result could not be read back from its device")]
    Read(#[from] burn::tensor::TensorReadError),
    /// A method cannot begin at zero.
    #[error("the start vector is zero; draw one with `Coordinates::random_like`")]
    ZeroStart,
    /// Conjugate gradients met a direction `p` with `pᵀAp ≤ 0`.
    #[error("the linear map is not positive definite: pᵀAp / pᵀp = {curvature:e} in some direction p")]
    NotPositiveDefinite {
        /// `pᵀAp / pᵀp`.
        curvature: f64,
    },
    /// The eigenvalues of a small dense matrix could not be computed.
    #[error("the projected eigenvalue problem did not converge")]
    Eigenvalues,
}

impl TensorError {
    /// A vector of the wrong length or shape. Nothing is broadcast.
    pub fn shape(found: &[usize], expected: &[usize]) -> Self {
        InputError::shape("the vector", found, expected).into()
    }
}
