//! Outputs of PyWavelets.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of reference outputs, which lie beside the data sets: in `KILN_DATA`, or in `shared/data` next to
/// the clone. `None`, with a note, where it is absent.
pub(crate) fn reference(test: &str, file: &str) -> Option<Value> {
    let data = std::env::var_os("KILN_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = data.join("../reference/interpret").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {test}: no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The largest difference.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
