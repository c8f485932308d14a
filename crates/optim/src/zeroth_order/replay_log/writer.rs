//! A log that is being written.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crc32fast::Hasher;

use super::codec::{Encoder, STEPS_PER_BLOCK, Sealed, check_size};
use super::diff::SettingDifference;
use super::entry::Entry;
use super::error::{LogError, io_error};
use super::files::{Appender, beside, lock, read, sync_folder};
use super::header::LogHeader;
use super::log::ReplayLog;

/// Writes a log while the run goes on.
///
/// When [`append`](Self::append) returns, the step is with the operating system: the process may die at any
/// moment and loses at most the step that it is in. Blocks of 64 steps are synced to the disk, single steps
/// are not ([`sync`](Self::sync) does that), so a failure of power may lose up to the last 64.
///
/// ```
/// use kiln_optim::zeroth_order::{Entry, LogHeader, LogWriter, Rates, ReplayLog};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("run.zo");
/// let header = LogHeader { base_hash: 0x1234, ..LogHeader::new("mezo", &"settings", 1, 1000)? };
/// let mut writer = LogWriter::create(&path, &header)?;
/// let rates = Rates { step_size: 1e-6, anchor_step_size: 1e-6 };
/// writer.append(&Entry { rates, scalars: Some(vec![0.25]) })?;
/// drop(writer); // a crash
///
/// let (mut writer, log) = LogWriter::resume(&path, &header)?;
/// assert_eq!(log.entries.len(), 1);
/// writer.append(&Entry { rates, scalars: None })?;
/// writer.finish(0x5678)?;
/// assert!(ReplayLog::open(&path)?.is_finished());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LogWriter {
    main: Appender,
    tail: Appender,
    identity: Hasher,
    sealed: Sealed,
    /// The steps in the tail.
    pending: Vec<Entry>,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("path", &self.main.path)
            .field("steps", &self.steps())
            .finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Steps in a block.
    pub const STEPS_PER_BLOCK: usize = STEPS_PER_BLOCK;

    /// Begins a log. The folder must exist, the file must not.
    ///
    /// # Errors
    /// When the file exists or cannot be written, the header is of another version or too large.
    pub fn create(path: impl AsRef<Path>, header: &LogHeader) -> Result<Self, LogError> {
        let path = path.as_ref();
        if path.exists() {
            return Err(io_error(path)(io::ErrorKind::AlreadyExists.into()));
        }
        let mut encoder = Encoder::default();
        encoder.header(header)?;
        // What an earlier log of this name left would belong to this one.
        let tail = Appender::replace(&beside(path, ".tail"), &[])?;
        let main = Appender::replace(path, &encoder.bytes)?;
        lock(&main.file, path)?;
        let crc = encoder.crc;
        let sealed = Sealed { steps: 0, bytes: main.length, crc: crc.clone(), rates: None };
        Ok(Self { main, tail, identity: crc, sealed, pending: Vec::new() })
    }

    /// Goes on with a log, also with a finished one, and returns what it holds. What a crash left incomplete
    /// is removed.
    ///
    /// # Errors
    /// As [`ReplayLog::open`], [`LogError::Mismatch`] when the header differs from `header` in more than the
    /// note, and [`LogError::InUse`] when another writer has the log open (this is noticed on Unix only).
    pub fn resume(path: impl AsRef<Path>, header: &LogHeader) -> Result<(Self, ReplayLog), LogError> {
        let path = path.as_ref();
        // Not through the appender, which would create the file.
        let file = OpenOptions::new().write(true).open(path).map_err(io_error(path))?;
        lock(&file, path)?;
        let contents = read(path)?;
        let (sealed, identity) = (contents.sealed.clone(), contents.identity.clone());
        let log = ReplayLog::from(contents);
        if let Some(SettingDifference { name, left, right }) = log.header.first_difference(header) {
            return Err(LogError::Mismatch { what: name, logged: left, found: right });
        }
        let mut main = Appender::at(file, path, sealed.bytes);
        let pending = log.entries[sealed.steps as usize..].to_vec();
        // An incomplete last block moves back to the tail, and is there before it is taken from the log.
        let mut records = Vec::new();
        for (step, entry) in (sealed.steps..).zip(&pending) {
            let mut encoder = Encoder::after(&identity);
            encoder.record(step, entry);
            records.extend(encoder.bytes);
        }
        let tail = Appender::replace(&beside(path, ".tail"), &records)?;
        main.truncate(sealed.bytes)?;
        main.sync()?;
        Ok((Self { main, tail, identity, sealed, pending }, log))
    }

    /// Steps in the log.
    pub fn steps(&self) -> u64 {
        self.sealed.steps + self.pending.len() as u64
    }

    /// Adds a step. After an error it is not in the log, and the same or another step may be appended.
    ///
    /// # Errors
    /// When a file cannot be written, or the step has more than 65,535 scalars.
    pub fn append(&mut self, entry: &Entry) -> Result<(), LogError> {
        check_size(entry)?;
        if self.pending.len() == Self::STEPS_PER_BLOCK {
            self.seal()?;
        }
        let mut encoder = Encoder::after(&self.identity);
        encoder.record(self.steps(), entry);
        self.tail.append(&encoder.bytes)?;
        self.pending.push(entry.clone());
        Ok(())
    }

    /// Forces all steps to the disk, as with a checkpoint.
    ///
    /// # Errors
    /// When the system cannot do so.
    pub fn sync(&self) -> Result<(), LogError> {
        self.tail.sync()
    }

    /// Ends the log with the hash of the final weights.
    ///
    /// # Errors
    /// When a file cannot be written; the log can be resumed then.
    pub fn finish(mut self, final_hash: u64) -> Result<(), LogError> {
        if !self.pending.is_empty() {
            self.seal()?;
        }
        let mut encoder = Encoder::after(&self.sealed.crc);
        encoder.footer(self.sealed.steps, final_hash);
        self.main.append(&encoder.bytes)?;
        self.main.sync()?;
        fs::remove_file(&self.tail.path).map_err(io_error(&self.tail.path))?;
        sync_folder(&self.main.path);
        Ok(())
    }

    /// Moves the tail's steps to the log.
    fn seal(&mut self) -> Result<(), LogError> {
        let mut rates = self.sealed.rates;
        let mut encoder = Encoder::after(&self.sealed.crc);
        encoder.block(self.sealed.steps, &self.pending, &mut rates);
        self.tail.sync()?;
        self.main.append(&encoder.bytes)?;
        self.main.sync()?;
        let (steps, bytes) = (self.steps(), self.main.length);
        self.sealed = Sealed { steps, bytes, crc: encoder.crc, rates };
        self.pending.clear();
        self.tail.truncate(0)
    }
}
