use std::path::{Path, PathBuf};

/// `Device::default()` depends on which backends happen to be compiled in: devices come from the caller.
///
/// Clippy's `disallowed-methods` cannot ban it (it cannot tell one type's implementation of a trait from
/// another's). But Clippy's `default_trait_access`, which is on, leaves only this one spelling to look for.
#[test]
fn nobody_asks_for_the_default_device() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Vec::new();
    for member in ["crates", "tests", "xtask"] {
        collect(&root.join(member), &mut sources);
    }
    assert!(sources.iter().any(|path| path.ends_with("tensor/src/vector.rs")), "looked in the wrong place");
    let offenders: Vec<_> = sources
        .into_iter()
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("Device::default()"))
        .filter(|path| !path.ends_with("it/default_device.rs"))
        .collect();
    assert!(
        offenders.is_empty(),
        "take a device from the caller instead of the default one in {offenders:?}"
    );
}

fn collect(directory: &Path, sources: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}
