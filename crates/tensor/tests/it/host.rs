use kiln_tensor::{devices, on_host};

#[test]
fn all_devices_but_wgpu_are_on_the_host() {
    for (name, found) in devices::all() {
        if let Ok(device) = found {
            assert_eq!(on_host(&device), name != "wgpu", "{name}");
            assert_eq!(on_host(&device.autodiff()), name != "wgpu", "{name} with autodiff");
        }
    }
}
