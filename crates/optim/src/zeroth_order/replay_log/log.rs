//! A log that was read.

use std::path::Path;

use super::codec::{Contents, Encoder, Main, STEPS_PER_BLOCK, check_size};
use super::entry::Entry;
use super::error::LogError;
use super::files::read;
use super::header::LogHeader;

/// A log that was read: the run so far.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayLog {
    /// What the run is.
    pub header: LogHeader,
    /// Its steps.
    pub entries: Vec<Entry>,
    /// The hash of the weights after the last step, of a finished run.
    pub final_hash: Option<u64>,
    lost: u64,
}

impl From<Contents> for ReplayLog {
    fn from(contents: Contents) -> Self {
        let Contents { header, entries, final_hash, lost, .. } = contents;
        Self { header, entries, final_hash, lost }
    }
}

impl ReplayLog {
    /// A log made of parts.
    pub fn new(header: LogHeader, entries: Vec<Entry>, final_hash: Option<u64>) -> Self {
        Self { header, entries, final_hash, lost: 0 }
    }

    /// Reads a log, finished or not. It may be being written.
    ///
    /// # Errors
    /// When the file cannot be read, is no log or of another version, or is damaged. A log whose end is
    /// missing is read as unfinished as far as it goes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        Ok(read(path.as_ref())?.into())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, or a log's file without its tail.
    ///
    /// # Errors
    /// As [`open`](Self::open), without those of the file system.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        Ok(Main::read(bytes)?.join(&[])?.into())
    }

    /// The log as the content of one file, which [`LogWriter::resume`](super::LogWriter::resume) can go on
    /// with: to hand a run to a late joiner.
    ///
    /// # Errors
    /// [`LogError::TooLarge`], [`LogError::Settings`] when the log was made of parts that none can hold, and
    /// [`LogError::Version`] when its header is of another version.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LogError> {
        let mut encoder = Encoder::default();
        encoder.header(&self.header)?;
        self.entries.iter().try_for_each(check_size)?;
        let mut rates = None;
        let mut first = 0;
        for block in self.entries.chunks(STEPS_PER_BLOCK) {
            encoder.block(first, block, &mut rates);
            first += block.len() as u64;
        }
        if let Some(final_hash) = self.final_hash {
            encoder.footer(first, final_hash);
        }
        Ok(encoder.bytes)
    }

    /// Whether the run was ended by [`LogWriter::finish`](super::LogWriter::finish), with nothing missing.
    pub fn is_finished(&self) -> bool {
        self.final_hash.is_some()
    }

    /// Bytes at the end of the files that hold no complete step, and were left out: after a crash at most one
    /// step's; more when a file was cut off.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The run's first `steps` steps, or all of them if there are fewer.
    #[must_use]
    pub fn prefix(&self, steps: usize) -> Self {
        let entries = self.entries[..steps.min(self.entries.len())].to_vec();
        let final_hash = self.final_hash.filter(|_| entries.len() == self.entries.len());
        Self { header: self.header.clone(), entries, final_hash, lost: 0 }
    }

    /// Checks that weights are those that the log begins with.
    ///
    /// # Errors
    /// [`LogError::Mismatch`] when they are not.
    pub fn check_base(&self, hash: u64) -> Result<(), LogError> {
        same_hash("the hash of the base weights", self.header.base_hash, hash)
    }

    /// Checks that replayed weights are those of the run. An unfinished log cannot tell.
    ///
    /// # Errors
    /// [`LogError::Mismatch`] when they are not.
    pub fn check_final(&self, hash: u64) -> Result<(), LogError> {
        self.final_hash.map_or(Ok(()), |logged| same_hash("the hash of the replayed weights", logged, hash))
    }
}

fn same_hash(what: &str, logged: u64, found: u64) -> Result<(), LogError> {
    if logged == found {
        return Ok(());
    }
    let [logged, found] = [logged, found].map(|hash| format!("{hash:#018x}"));
    Err(LogError::Mismatch { what: what.to_owned(), logged, found })
}
