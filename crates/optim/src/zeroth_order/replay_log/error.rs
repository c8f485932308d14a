//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A file could not be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another writer has the log open.
    #[error("{} is being written by another run", path.display())]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// The file does not begin as a replay log.
    #[error("this is no replay log")]
    NotALog,
    /// The log is of a version that this crate does not know.
    #[error("the log is of version {found}; this program reads version {supported}")]
    Version {
        /// The log's version.
        found: u16,
        /// The version read here.
        supported: u16,
    },
    /// Bytes inside the log are not those that were written. (The incomplete end of a log that was cut off is
    /// not an error: see [`ReplayLog::lost`](super::ReplayLog::lost).)
    #[error("the log is damaged in block {block} at byte {offset}: {what}")]
    Damaged {
        /// The block, counted from 1; 0 is the header.
        block: u64,
        /// Where the damaged part begins, in the file of which `what` speaks.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The file ends within its header, so that nothing can be recovered.
    #[error("the log ends within its header, after {length} bytes")]
    Truncated {
        /// The length of the file.
        length: u64,
    },
    /// The log is of another run, or does not lead to the weights at hand.
    #[error("{what} is {found}, but the log says {logged}")]
    Mismatch {
        /// What was compared.
        what: String,
        /// In the log.
        logged: String,
        /// What it was compared with.
        found: String,
    },
    /// The settings cannot be written as CBOR, or those in a log are of another type.
    #[error("the settings: {0}")]
    Settings(String),
    /// The header or a step is larger than the format allows.
    #[error("{what}: {found} is more than a log can hold, {most}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
}

pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> LogError + '_ {
    |source| LogError::Io { path: path.to_owned(), source }
}
