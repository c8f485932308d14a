use burn::tensor::Device;

/// Whether the tensors of a device are in the host's memory, so that [`Blocks`](crate::Blocks) change them
/// where they lie: the backends `flex` and `ndarray`, with or without autodiff.
///
/// What is cheap on the host only, such as an element-by-element function of our own or work in small
/// portions, asks first.
pub fn on_host(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    if *device == Device::flex() {
        return true;
    }
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    if *device == Device::ndarray() {
        return true;
    }
    let _ = device;
    false
}
