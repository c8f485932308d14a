use std::error::Error;
use std::io;
use std::path::PathBuf;

use kiln_core::InputError;
use kiln_tensor::TensorError;

/// What can go wrong when models and tokenizers are read and used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// What was passed is wrong: a setting, a count, an index, an empty list.
    #[error(transparent)]
    Input(#[from] InputError),
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
    /// A row of a batch has no tokens. An empty text is such a row if the tokenizer adds no tokens of its
    /// own.
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
    /// Tensors do not fit each other, or their device failed.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A result could not be read back from its device.
    #[error("a result could not be read back from its device")]
    ReadBack(#[from] burn::tensor::TensorReadError),
}
