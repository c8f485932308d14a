//! A fine-tune on disk: the hash of the base weights, the settings, and a few scalars per step.
//!
//! Directions are derived from the seed, so a zeroth-order run is determined by what it measured: [`Entry`] after
//! [`Entry`], 4 bytes for a step of [`Mezo`](super::Mezo). [`LogWriter`] writes them as the run
//! goes, [`ReplayLog`] reads them, for a restart, another machine, an undo, or a comparison with another run
//! ([`ReplayLog::diff`]).
//!
//! # Format
//!
//! Little-endian. `check` is the CRC-32 (IEEE) of all bytes of the file before it, other checks left out, so that no
//! part can be altered, dropped, repeated or moved.
//!
//! ```text
//! log     = header block* footer?            finished exactly if there is a footer, which then ends the file
//! header  = 89 'K' 'Z' 'O' 0D 0A 1A 0A, version u16, n u32, n bytes of CBOR (LogHeader), check
//! block   = 'B', first step u64, steps u8, n u32, check, n bytes of segments, check
//! segment = steps u8, flags u8, scalars per step u16, (step size f32, anchor step size f32)?, f32*
//! footer  = 'F', steps u64, hash of the final weights u64, check
//! ```
//!
//! All blocks but the last hold 64 steps. A segment is a longest run of steps with the same step sizes and number of
//! scalars; flag 1 says that its steps were skipped (and have no scalars), flag 2 that the step sizes follow because
//! they are not those before.
//!
//! The last, incomplete block of a run that goes on lives in a second file, the log's name with `.tail` appended, one
//! record per step. When it holds 64 of them, the block is appended to the log and synced before the tail is emptied:
//! every step is whole in one of the two files. The checks of a record begin anew from the header's.
//!
//! ```text
//! record  = step u64, flags u8, scalars u16, step size f32, anchor step size f32, check, f32*, check
//! ```

mod codec;
mod diff;

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ciborium::Value;
use crc32fast::Hasher;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use codec::{Encoder, Main, Sealed};
pub use diff::{FirstDifference, LogDiff, SettingDifference};

/// The step sizes in force in a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Of ordinary steps.
    pub step_size: f32,
    /// Of anchor steps; methods without anchors keep it equal to `step_size`.
    pub anchor_step_size: f32,
}

impl Rates {
    fn to_bytes(self) -> [u8; 8] {
        (u64::from(self.step_size.to_bits()) | u64::from(self.anchor_step_size.to_bits()) << 32).to_le_bytes()
    }

    fn from_bytes(bytes: [u8; 8]) -> Self {
        let bits = u64::from_le_bytes(bytes);
        let (step_size, anchor_step_size) =
            (f32::from_bits(bits as u32), f32::from_bits((bits >> 32) as u32));
        Self { step_size, anchor_step_size }
    }
}

/// What one step adds to the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step sizes in force.
    pub rates: Rates,
    /// The step's scalars; `None` when it was skipped, because a loss was not finite.
    pub scalars: Option<Vec<f32>>,
}

impl Entry {
    /// Equal in every bit, NaN included.
    fn same_bits(&self, other: &Self) -> bool {
        let bits = |entry: &Self| {
            entry.scalars.as_ref().map(|scalars| scalars.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        self.rates.to_bytes() == other.rates.to_bytes() && bits(self) == bits(other)
    }
}

/// One tensor of the model that a log belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct LoggedBlock {
    /// Its name in the model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its elements, such as `f32`.
    pub dtype: String,
    /// How many elements.
    pub length: u64,
    /// With the restore mode `Grid`: its values are multiples of `2^grid_exponent`.
    pub grid_exponent: Option<i16>,
}

/// A [`LoggedBlock`] as it is stored: field names in each of hundreds of rows would fill the header.
type Row = (String, Vec<usize>, String, u64, Option<i16>);

impl From<Row> for LoggedBlock {
    fn from((name, shape, dtype, length, grid_exponent): Row) -> Self {
        Self { name, shape, dtype, length, grid_exponent }
    }
}

impl From<LoggedBlock> for Row {
    fn from(block: LoggedBlock) -> Self {
        (block.name, block.shape, block.dtype, block.length, block.grid_exponent)
    }
}

impl fmt::Display for LoggedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, dtype, .. } = self;
        write!(f, "{name} {dtype}{shape:?}")?;
        self.grid_exponent.map_or(Ok(()), |exponent| write!(f, " on multiples of 2^{exponent}"))
    }
}

/// What a log says before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogHeader {
    /// The version of the file format: [`VERSION`](Self::VERSION).
    #[serde(skip)]
    pub version: u16,
    /// The generator of the directions, whose numbers are part of the format.
    pub generator: String,
    /// All settings of the run; see [`settings`](Self::settings).
    pub tuner: Value,
    /// The seed from which every direction and every batch is derived.
    pub seed: u64,
    /// Components (training examples) of the problem.
    pub components: u64,
    /// The model's tensors, in the order in which they are visited.
    pub manifest: Vec<LoggedBlock>,
    /// The hash of the weights before the first step.
    pub base_hash: u64,
    /// Anything: the model's name, the data, the program's version. Two logs that differ in it alone are of one run.
    pub note: String,
}

impl LogHeader {
    /// The version of the file format that this crate reads and writes.
    pub const VERSION: u16 = 1;

    /// A header with the settings as CBOR.
    ///
    /// # Errors
    /// [`LogError::Settings`] when the settings cannot be written as CBOR.
    pub fn new(
        generator: impl Into<String>,
        settings: &impl Serialize,
        seed: u64,
        components: u64,
        manifest: Vec<LoggedBlock>,
        base_hash: u64,
        note: impl Into<String>,
    ) -> Result<Self, LogError> {
        let tuner = Value::serialized(settings).map_err(|e| LogError::Settings(e.to_string()))?;
        let (version, generator, note) = (Self::VERSION, generator.into(), note.into());
        Ok(Self { version, generator, tuner, seed, components, manifest, base_hash, note })
    }

    /// The settings, as what they were written from.
    ///
    /// # Errors
    /// [`LogError::Settings`] when they are of another type.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, LogError> {
        self.tuner.deserialized().map_err(|e| LogError::Settings(e.to_string()))
    }
}

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
    /// Bytes inside the log are not those that were written. (The incomplete end of a log that was cut off is not an
    /// error: see [`ReplayLog::lost`].)
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

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> LogError + '_ {
    |source| LogError::Io { path: path.to_owned(), source }
}

/// The path with something appended to the file's name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

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

impl ReplayLog {
    /// A log made of parts.
    pub fn new(header: LogHeader, entries: Vec<Entry>, final_hash: Option<u64>) -> Self {
        Self { header, entries, final_hash, lost: 0 }
    }

    /// Reads a log, finished or not. It may be being written.
    ///
    /// # Errors
    /// When the file cannot be read, is no log or of another version, or is damaged. A log whose end is missing is
    /// read as unfinished as far as it goes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogError> {
        Ok(read(path.as_ref())?.0)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, or a log's file without its tail.
    ///
    /// # Errors
    /// As [`open`](Self::open), without those of the file system.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        Ok(Main::read(bytes)?.join(&[])?.0)
    }

    /// The log as the content of one file, which [`LogWriter::resume`] can go on with: to hand a run to a late joiner.
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
        for block in self.entries.chunks(LogWriter::STEPS_PER_BLOCK) {
            encoder.block(first, block, &mut rates);
            first += block.len() as u64;
        }
        if let Some(final_hash) = self.final_hash {
            encoder.footer(first, final_hash);
        }
        Ok(encoder.bytes)
    }

    /// Whether the run was ended by [`LogWriter::finish`], with nothing missing.
    pub fn is_finished(&self) -> bool {
        self.final_hash.is_some()
    }

    /// Bytes at the end of the files that hold no complete step, and were left out: after a crash at most one step's;
    /// more when a file was cut off.
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

    /// How two runs differ.
    pub fn diff(&self, other: &Self) -> LogDiff {
        LogDiff::new(self, other)
    }
}

fn same_hash(what: &str, logged: u64, found: u64) -> Result<(), LogError> {
    if logged == found {
        return Ok(());
    }
    let [logged, found] = [logged, found].map(|hash| format!("{hash:#018x}"));
    Err(LogError::Mismatch { what: what.to_owned(), logged, found })
}

/// The log and where its writer stands.
fn read(path: &Path) -> Result<(ReplayLog, Sealed, Hasher), LogError> {
    let tail_path = beside(path, ".tail");
    // The tail first: a writer that seals a block in between leaves steps in both files then, not in neither.
    let tail = match fs::read(&tail_path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(io_error(&tail_path))?,
    };
    let bytes = fs::read(path).map_err(io_error(path))?;
    Main::read(&bytes)?.join(&tail)
}

/// A file that grows, and whose failed writes are undone by the next.
#[derive(Debug)]
struct Appender {
    file: File,
    path: PathBuf,
    length: u64,
    failed: bool,
}

impl Appender {
    /// A file with this content, which replaces another in one go.
    fn replace(path: &Path, bytes: &[u8]) -> Result<Self, LogError> {
        let partial = beside(path, ".partial");
        let file = File::create(&partial).map_err(io_error(&partial))?;
        let mut appender = Self { file, path: partial, length: 0, failed: false };
        appender.append(bytes)?;
        appender.sync()?;
        fs::rename(&appender.path, path).map_err(io_error(path))?;
        sync_folder(path);
        path.clone_into(&mut appender.path);
        Ok(appender)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        let written = (|| {
            if self.failed {
                self.file.set_len(self.length)?;
            }
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)
        })();
        self.failed = written.is_err();
        self.length += if self.failed { 0 } else { bytes.len() as u64 };
        written.map_err(io_error(&self.path))
    }

    fn truncate(&mut self, length: u64) -> Result<(), LogError> {
        self.file.set_len(length).map_err(io_error(&self.path))?;
        self.length = length;
        Ok(())
    }

    fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(io_error(&self.path))
    }
}

/// Writes a log while the run goes on.
///
/// When [`append`](Self::append) returns, the step is with the operating system: the process may die at any moment
/// and loses at most the step that it is in. Blocks of 64 steps are synced to the disk, single steps are not
/// ([`sync`](Self::sync) does that), so a failure of power may lose up to the last 64.
///
/// ```
/// use kiln_optim::zeroth_order::{Entry, LogHeader, LogWriter, Rates, ReplayLog};
///
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("run.zo");
/// let header = LogHeader::new("generator", &"settings", 1, 1000, Vec::new(), 0x1234, "a note")?;
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
    pub const STEPS_PER_BLOCK: usize = 64;

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
    /// As [`ReplayLog::open`], [`LogError::Mismatch`] when the header differs from `header` in more than the note, and
    /// [`LogError::InUse`] when another writer has the log open (this is noticed on Unix only).
    pub fn resume(path: impl AsRef<Path>, header: &LogHeader) -> Result<(Self, ReplayLog), LogError> {
        let path = path.as_ref();
        // Not through the appender, which would create the file.
        let file = OpenOptions::new().write(true).open(path).map_err(io_error(path))?;
        lock(&file, path)?;
        let (log, sealed, identity) = read(path)?;
        if let Some(SettingDifference { name, left, right }) =
            log.header.differences(header).into_iter().next()
        {
            return Err(LogError::Mismatch { what: name, logged: left, found: right });
        }
        let mut main = Appender { file, path: path.to_owned(), length: sealed.bytes, failed: false };
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

fn check_size(entry: &Entry) -> Result<(), LogError> {
    let (what, most) = ("scalars of a step", usize::from(u16::MAX));
    match entry.scalars.as_ref().map_or(0, Vec::len) {
        found if found > most => Err(LogError::TooLarge { what, found, most }),
        _ => Ok(()),
    }
}

/// Keeps other writers out. Where the system has no advisory locks it does nothing: a mandatory one would keep readers
/// out as well.
fn lock(file: &File, path: &Path) -> Result<(), LogError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) if cfg!(unix) => Err(LogError::InUse { path: path.to_owned() }),
        // Network file systems without locks.
        _ => Ok(()),
    }
}

/// Makes a new or removed name last, where the system can; its failure loses no step.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
