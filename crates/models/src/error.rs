use std::error::Error;
use std::io;
use std::path::PathBuf;

use kiln_tensor::TensorError;

/// What can go wrong when models and tokenizers are read and used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A folder holds no such file, neither directly nor in its subfolder `model`.
    #[error("{dir} holds no {file}, and neither does its subfolder `model`")]
    NoFile {
        /// The folder.
        dir: PathBuf,
        /// The name of the file.
        file: &'static str,
    },
    /// A file is not of the format it should be: something else, or cut off.
    #[error("{path} is not {format}, or is damaged")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
        /// What its reader says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file is sound, but holds a kind of model or tokenizer that Kiln does not know.
    #[error("{path}: {what}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it holds, and what is known.
        what: String,
    },
    /// An entry of a GGUF file's metadata is not there, or of another type.
    #[error("{path}: its metadata has no {must} `{key}`")]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The entry's key.
        key: String,
        /// What should be there.
        must: &'static str,
    },
    /// A file lacks tensors of the model.
    #[error("{path} lacks {}", names.join(", "))]
    MissingTensors {
        /// The file.
        path: PathBuf,
        /// Their names in the file.
        names: Vec<String>,
    },
    /// A tensor in a file has another shape than the configuration says.
    #[error("{path}: `{name}` has shape {found:?}; by the configuration it is {expected:?}")]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// A setting is out of its range.
    #[error("{name} is {value}; it must be {must}")]
    Setting {
        /// The setting, as its field or argument is named.
        name: &'static str,
        /// What it was.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// There is nothing to work on.
    #[error("{what} is empty")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// A row of a batch has no tokens. An empty text is such a row if the tokenizer adds no tokens of its own.
    #[error("row {row} of the batch has no tokens")]
    EmptyRow {
        /// The row.
        row: usize,
    },
    /// A batch has more tokens in a row than the model has positions.
    #[error("the batch is {length} tokens long; the model takes {limit}")]
    TooLong {
        /// Length of the longest row.
        length: usize,
        /// The model's number of positions.
        limit: usize,
    },
    /// An index has nothing to point at: a token outside the vocabulary, a label without a class, a row outside the
    /// batch.
    #[error("{what} {index} is out of range: there are {count}")]
    OutOfRange {
        /// What kind of index it is.
        what: &'static str,
        /// The index.
        index: usize,
        /// The smallest index that is too large.
        count: usize,
    },
    /// There is not one label for each example.
    #[error("there are {labels} labels for {examples} examples")]
    LabelCount {
        /// Number of labels.
        labels: usize,
        /// Number of examples.
        examples: usize,
    },
    /// A tokenizer could not handle a text.
    #[error("the tokenizer failed")]
    Tokenize(#[source] Box<dyn Error + Send + Sync>),
    /// Two words of a prompt begin with the same token, so that the model cannot tell their classes apart.
    #[error("the words {first:?} and {second:?} begin with the same token")]
    SameToken {
        /// One word.
        first: String,
        /// The other.
        second: String,
    },
    /// A random number could not be drawn.
    #[error(transparent)]
    Noise(#[from] TensorError),
    /// A result could not be read back from its device.
    #[error("a result could not be read back from its device")]
    ReadBack(#[from] burn::tensor::TensorReadError),
}

pub(crate) mod require {
    use super::ModelError;

    pub(crate) fn positive(name: &'static str, value: usize) -> Result<(), ModelError> {
        if value == 0 {
            return Err(ModelError::Setting { name, value: 0.0, must: "at least 1" });
        }
        Ok(())
    }

    pub(crate) fn positive_finite(name: &'static str, value: f64) -> Result<(), ModelError> {
        if value > 0.0 && value.is_finite() {
            return Ok(());
        }
        Err(ModelError::Setting { name, value, must: "positive and finite" })
    }

    /// `index < count`
    pub(crate) fn in_range(what: &'static str, index: usize, count: usize) -> Result<(), ModelError> {
        if index < count { Ok(()) } else { Err(ModelError::OutOfRange { what, index, count }) }
    }
}
