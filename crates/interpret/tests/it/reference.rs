//! Outputs of PyWavelets.

use serde_json::Value;

/// A file of reference outputs.
pub(crate) fn reference(file: &str) -> Value {
    serde_json::from_str(&kiln_tests::reference_text(&format!("interpret/{file}"))).unwrap()
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// The largest difference.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
