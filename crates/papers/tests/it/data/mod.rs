//! The data search path, its readers, and `data get` with fake package tools.
mod formats;
mod get;
mod images;
mod search;
mod texts;

use std::path::PathBuf;

/// The folder of real data that a test may read; says so when there is none.
fn shared_data(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = std::env::var_os("KILN_DATA").map_or(beside, PathBuf::from);
    let found = folder.join(name).exists().then_some(folder);
    if found.is_none() {
        eprintln!("skipped: no data {name}");
    }
    found
}
