use std::fs;
use std::path::{Path, PathBuf};

use crate::ModelError;

/// A file of the given name in `dir` or `dir/model`.
pub(crate) fn locate(dir: &Path, file: &'static str) -> Result<PathBuf, ModelError> {
    [dir.join(file), dir.join("model").join(file)]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| ModelError::NoFile { dir: dir.to_owned(), file })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|source| ModelError::Read { path: path.to_owned(), source })
}
