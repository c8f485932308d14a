//! What can go wrong in fine-tuning, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use kiln_core::InputError;
use kiln_datasets::{MissingData, ReadError};
use kiln_models::ModelError;
use kiln_optim::OptimError;
use kiln_tensor::TensorError;

/// Why fine-tuning failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FinetuneError {
    /// A setting is out of its range, or does not go with another.
    #[error("--{option}: {reason}")]
    Setting {
        /// The option, as the command line calls it.
        option: &'static str,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// What was passed is wrong: a number out of its range, something empty.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Data were not found.
    #[error(transparent)]
    Missing(#[from] MissingData),
    /// Data could not be read.
    #[error(transparent)]
    Data(#[from] ReadError),
    /// The model could not be loaded or evaluated.
    #[error("{}", with_causes(.0))]
    Model(ModelError),
    /// The method refused its settings or failed.
    #[error("{}", with_causes(.0))]
    Optim(OptimError),
    /// Parameters do not fit, or a device failed.
    #[error("{}", with_causes(.0))]
    Tensor(TensorError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file of an earlier run is damaged, or of another run.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
}

/// The error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl From<ModelError> for FinetuneError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

impl From<TensorError> for FinetuneError {
    fn from(error: TensorError) -> Self {
        Self::Tensor(error)
    }
}

impl From<OptimError> for FinetuneError {
    fn from(error: OptimError) -> Self {
        // What the model says is the message; that it came through a method is not.
        match error {
            OptimError::Problem(source) => match source.downcast::<ModelError>() {
                Ok(model) => Self::Model(*model),
                Err(source) => Self::Optim(OptimError::Problem(source)),
            },
            OptimError::Tensor(source) => Self::Tensor(source),
            OptimError::Input(source) => Self::Input(source),
            other => Self::Optim(other),
        }
    }
}

/// Names the path in an I/O error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> FinetuneError {
    let path = path.to_path_buf();
    move |source| FinetuneError::Io { path, source }
}

/// A [`FinetuneError::File`].
pub(super) fn broken(path: &Path, reason: impl Into<String>) -> FinetuneError {
    FinetuneError::File { path: path.to_path_buf(), reason: reason.into() }
}
