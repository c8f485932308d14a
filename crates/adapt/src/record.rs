//! Fitted models in a folder: parameters in Burn's format, everything else as JSON.

use std::path::Path;

use burn::module::Module;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::AdaptError;

const SUMMARY: &str = "summary.json";
const PARAMETERS: &str = "parameters.bpk";

fn failed(path: &Path, error: &dyn std::fmt::Display) -> AdaptError {
    AdaptError::Record { path: path.display().to_string(), reason: error.to_string() }
}

/// Writes both into a folder, which is made if need be.
pub(crate) fn save<M: Module>(folder: &Path, model: &M, summary: &impl Serialize) -> Result<(), AdaptError> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let path = folder.join(SUMMARY);
    let json = serde_json::to_vec_pretty(summary).map_err(|error| failed(&path, &error))?;
    std::fs::write(&path, json).map_err(|error| failed(&path, &error))?;
    let path = folder.join(PARAMETERS);
    model.clone().save_file(&path).map_err(|error| failed(&path, &error))
}

/// Reads both, the parameters into a copy of `model`, which has the architecture and the device.
pub(crate) fn load<M: Module, S: DeserializeOwned>(folder: &Path, model: &M) -> Result<(M, S), AdaptError> {
    let path = folder.join(SUMMARY);
    let json = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
    let summary: S = serde_json::from_slice(&json).map_err(|error| failed(&path, &error))?;
    let path = folder.join(PARAMETERS);
    let loaded = model.clone().try_load_file(&path);
    // A GPU's server reads the file when it gets to it, which must not be after the caller has deleted it.
    for device in model.devices() {
        device.sync().map_err(|error| failed(&path, &error))?;
    }
    Ok((loaded.map_err(|error| failed(&path, &error))?.valid(), summary))
}
