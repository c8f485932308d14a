//! The device that a run asks for.

use burn::tensor::Device;
use kiln_receipts::Context;
use kiln_tensor::{TensorError, devices};

/// A context whose device holds tensors.
pub(crate) trait TensorDevice {
    /// The device for tensors.
    ///
    /// # Errors
    /// When this build does not have it, or it does not work on this machine.
    fn tensor_device(&self) -> Result<Device, TensorError>;
}

impl TensorDevice for Context {
    fn tensor_device(&self) -> Result<Device, TensorError> {
        devices::named(self.use_device())
    }
}
