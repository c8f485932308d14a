//! The data search path, its readers, and `data get` with fake package tools.
mod domains;
mod formats;
mod get;
mod images;
mod npy;
mod search;
mod series;
mod sparse;
mod texts;

use kiln_datasets::{LoadError, MissingData};
use sha2::{Digest, Sha256};

/// The data set that is missing.
fn missing<T: std::fmt::Debug>(loaded: Result<T, LoadError>) -> MissingData {
    match loaded {
        Err(LoadError::Missing(missing)) => missing,
        other => panic!("{other:?}"),
    }
}

/// SHA-256 in hexadecimal.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Rows of each of ten classes.
fn class_counts(labels: &[u8]) -> [usize; 10] {
    let mut counts = [0; 10];
    for &label in labels {
        counts[usize::from(label)] += 1;
    }
    counts
}
