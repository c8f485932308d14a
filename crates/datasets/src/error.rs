//! What can go wrong when data are fetched, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use kiln_core::data::MissingData;

use super::gt::GtError;

/// Why `cargo xtask data` failed.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The catalogue has no such data set.
    #[error("no data set is called \"{name}\"; `cargo xtask data list` shows them all")]
    Unknown {
        /// The name given.
        name: String,
    },
    /// The wanted route does not exist for this data set.
    #[error("{name}: {hint}")]
    NoRoute {
        /// The data set.
        name: String,
        /// What to do instead.
        hint: String,
    },
    /// The environment names no cache folder.
    #[error("no cache folder: set KILN_CACHE or HOME, or give --cache DIR")]
    NoCache,
    /// A download tool is not installed.
    #[error("{tool} was not found: {install}")]
    ToolMissing {
        /// The tool.
        tool: &'static str,
        /// How to install it.
        install: &'static str,
    },
    /// The network or the server was not reached.
    #[error(
        "{tool} could not reach the network for {wanted}; connect (or set the tool's mirror or proxy) and run the \
         command again, it goes on where it stopped. {tool} said:\n  {said}"
    )]
    Offline {
        /// The tool.
        tool: &'static str,
        /// The package or address.
        wanted: String,
        /// The last lines of its error output.
        said: String,
    },
    /// A download tool failed.
    #[error("{tool} failed on {wanted} ({status}). It said:\n  {said}")]
    ToolFailed {
        /// The tool.
        tool: &'static str,
        /// The package or address.
        wanted: String,
        /// Its exit status.
        status: String,
        /// The last lines of its error output.
        said: String,
    },
    /// A file is not the one that the catalogue names.
    #[error(
        "{what} is not the expected file: SHA-256 expected {expected}, found {found}. The download was deleted; run \
         the command again, and if this comes back, the source has changed"
    )]
    Hash {
        /// The file or archive.
        what: String,
        /// The SHA-256 of the catalogue.
        expected: String,
        /// The SHA-256 of what came.
        found: String,
    },
    /// An archive cannot be unpacked.
    #[error("{} cannot be unpacked: {reason}. It was deleted; run the command again", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A source file cannot be converted to the layout.
    #[error("{name} cannot be converted: {source}")]
    Convert {
        /// The data set.
        name: String,
        /// What is wrong.
        source: ConvertError,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Some of several data sets failed; each was reported when it failed.
    #[error("{} of {wanted} data sets failed: {}", failed.len(), failed.join(", "))]
    Incomplete {
        /// How many were wanted.
        wanted: usize,
        /// Those that failed.
        failed: Vec<String>,
    },
}

/// Why a source file could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Not a readable `.gt` file.
    #[error(transparent)]
    Gt(#[from] GtError),
    /// The `.gt` file lacks a property that the labels need.
    #[error("the graph has no node property \"{0}\"")]
    Property(&'static str),
    /// The gzip stream is broken.
    #[error("broken gzip data: {0}")]
    Gzip(#[from] std::io::Error),
    /// Not well-formed GraphML.
    #[error("not valid GraphML: {reason} (byte {position})")]
    Xml {
        /// What is wrong.
        reason: String,
        /// Offset in the file.
        position: u64,
    },
    /// A line of a text file is malformed.
    #[error("line {line}: {reason}")]
    Line {
        /// Line number from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Not a readable `.npz` archive.
    #[error("broken NumPy archive: {0}")]
    Archive(String),
    /// The file is not UTF-8 text.
    #[error("the file is not UTF-8 text")]
    Text,
}

/// Why a data set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is nowhere to be found.
    #[error("{0}")]
    Missing(#[source] MissingData),
    /// It is there and cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<MissingData> for LoadError {
    fn from(missing: MissingData) -> Self {
        Self::Missing(missing)
    }
}

/// Why a data file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system cannot read it, or it is broken gzip data or no text.
    #[error("{name}: {source}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{name}{}: {reason}", line.map_or_else(String::new, |line| format!(", line {line}")))]
    Malformed {
        /// The file.
        name: String,
        /// Number of the line from 1, where it has one.
        line: Option<usize>,
        /// What is wrong, and what to do if it is the user's.
        reason: String,
    },
}

impl ReadError {
    pub(super) fn malformed(name: &str, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self::Malformed { name: name.into(), line, reason: reason.into() }
    }

    /// Names the file in an I/O error.
    pub(super) fn io(name: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { name: name.into(), source }
    }

    /// An error unless the groups of a table are these, in this order: experiments count on it.
    pub(super) fn expect_names<'a>(
        name: &str,
        found: impl Iterator<Item = &'a String>,
        expected: &[&str],
    ) -> Result<(), Self> {
        let found: Vec<&str> = found.map(String::as_str).collect();
        if found == expected {
            return Ok(());
        }
        let (found, expected) = (found.join(", "), expected.join(", "));
        Err(Self::malformed(name, None, format!("it holds {found}; expected {expected}")))
    }
}

/// Names the path in an I/O error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> DataError {
    let path = path.to_path_buf();
    move |source| DataError::Io { path, source }
}
