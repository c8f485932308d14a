//! Devices by name, for programs that let their user choose and for tests: every backend that is compiled in
//! and works on this machine. Libraries take the device of their inputs instead.
//!
//! *Tests.* Enable the feature `test-devices` in `[dev-dependencies]` and the backends by their own features.
//! A device that is missing is a visible skip, unless the environment variable `KILN_REQUIRE_DEVICES` (as in
//! `ndarray,flex,wgpu`) names it: then it is a failure.

use burn::tensor::Device;

use crate::TensorError;

/// What [`all`] found for one backend: its device, or why there is none.
pub type FoundDevice = Result<Device, &'static str>;

/// Every backend that Kiln knows, by name.
pub fn all() -> [(&'static str, FoundDevice); 3] {
    #[cfg(not(all(feature = "ndarray", feature = "flex", feature = "wgpu")))]
    const OFF: FoundDevice = Err("the backend's feature is off");

    // With `host.rs` and `host_function` the only use of Burn's deprecated backend: when Burn drops it, it
    // goes here and in the feature's name.
    #[cfg(feature = "ndarray")]
    #[allow(deprecated)]
    let ndarray = Ok(Device::ndarray());
    #[cfg(not(feature = "ndarray"))]
    let ndarray = OFF;

    #[cfg(feature = "flex")]
    let flex = Ok(Device::flex());
    #[cfg(not(feature = "flex"))]
    let flex = OFF;

    // Opening a device where there is no adapter panics, so ask first.
    #[cfg(feature = "wgpu")]
    let wgpu = Device::enumerate(burn::tensor::DeviceType::Wgpu)
        .into_iter()
        .next()
        .ok_or("no Vulkan or OpenGL adapter");
    #[cfg(not(feature = "wgpu"))]
    let wgpu = OFF;

    [("ndarray", ndarray), ("flex", flex), ("wgpu", wgpu)]
}

/// The device of that name.
///
/// # Errors
/// When there is no such device, its backend is not compiled in, or it does not work here.
pub fn named(name: &str) -> Result<Device, TensorError> {
    let (_, found) = all()
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap_or(("", Err("there is no such backend; known are ndarray, flex and wgpu")));
    found.map_err(|reason| TensorError::NoDevice { name: name.to_owned(), reason })
}

/// Runs `test` on the device of the given name, whose random numbers it seeds, or says on standard error why it
/// cannot.
///
/// # Panics
/// When the device is missing although `KILN_REQUIRE_DEVICES` names it, [`all`] does not know it, or it fails
/// at what the test asked for.
#[cfg(feature = "test-devices")]
pub fn run(name: &str, test: impl FnOnce(&Device)) {
    let (_, found) = all().into_iter().find(|(known, _)| *known == name).expect("the name is one of `all`'s");
    match found {
        Ok(device) => {
            // Networks that Burn initializes are the same in each run.
            device.seed(1);
            test(&device);
            // A process that ends while a software GPU still works on what nobody read dies of its driver's
            // clean-up.
            device.sync().expect("the device finishes what the test asked for");
        }
        Err(reason) => {
            let required = std::env::var("KILN_REQUIRE_DEVICES").unwrap_or_default();
            assert!(
                !required.split(',').any(|r| r.trim() == name),
                "KILN_REQUIRE_DEVICES asks for {name}, but there is none: {reason}"
            );
            eprintln!("skipped: no device {name}: {reason}");
        }
    }
}

/// `device_tests! { fn name(device) { … } }` makes one test per device: `name::ndarray`, `name::flex` and
/// `name::wgpu`, with `device: &burn::tensor::Device`. Attributes such as `#[ignore]` go on each.
#[cfg(feature = "test-devices")]
#[macro_export]
macro_rules! device_tests {
    ($($(#[$attribute:meta])* fn $name:ident($device:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn check($device: &burn::tensor::Device) $body

            $(#[$attribute])*
            #[test]
            fn ndarray() {
                $crate::devices::run("ndarray", check);
            }

            $(#[$attribute])*
            #[test]
            fn flex() {
                $crate::devices::run("flex", check);
            }

            $(#[$attribute])*
            #[test]
            fn wgpu() {
                $crate::devices::run("wgpu", check);
            }
        }
    )*};
}
