use burn::tensor::DType;

/// What can go wrong with vectors and noise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Two vectors differ in length or shape. Nothing is broadcast.
    #[error("the vectors have shapes {left:?} and {right:?}; they must be equal (nothing is broadcast)")]
    Shape {
        /// Shape of the vector the method was called on.
        left: Vec<usize>,
        /// Shape of its argument.
        right: Vec<usize>,
    },
    /// Two tensors differ in element type.
    #[error("the tensors have element types {left:?} and {right:?}; cast one of them first")]
    ElementType {
        /// Element type of the tensor the method was called on.
        left: DType,
        /// Element type of its argument.
        right: DType,
    },
    /// Two tensors live on different devices.
    #[error("the tensors live on {left} and {right}; move one of them with `to_device` first")]
    Device {
        /// Device of the tensor the method was called on.
        left: String,
        /// Device of its argument.
        right: String,
    },
    /// Two samples differ in their number of features.
    #[error("the samples have {left} and {right} features; they must have equally many")]
    Features {
        /// Number of features of the first sample.
        left: usize,
        /// Number of those of the second.
        right: usize,
    },
    /// A device was asked for by name, and is not there.
    #[error("no device {name}: {reason}")]
    NoDevice {
        /// The name asked for.
        name: String,
        /// Why there is none.
        reason: &'static str,
    },
    /// Quantized tensors are not a vector space.
    #[error("a quantized tensor has no vector arithmetic; dequantize it first")]
    Quantized,
    /// Two modules differ in their number of trainable float parameters.
    #[error(
        "the modules have {left} and {right} trainable float parameters; they must be of one architecture"
    )]
    ParameterCount {
        /// Number of trainable float parameters of the module the method was called on.
        left: usize,
        /// Number of those of its argument.
        right: usize,
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
    /// A setting is out of its range, or does not fit the vector.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// A number that must be finite is not.
    #[error("{what} is not finite")]
    NotFinite {
        /// Where the number stands.
        what: String,
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
