//! The files of a log, such that a crash at any moment leaves what can be read.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::codec::{Contents, Main};
use super::error::{LogError, io_error};

/// The path with something appended to the file's name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A file that grows, and whose failed writes are undone by the next.
#[derive(Debug)]
pub(super) struct Appender {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) length: u64,
    failed: bool,
}

impl Appender {
    /// Goes on at the end of a file's first `length` bytes.
    pub(super) fn at(file: File, path: &Path, length: u64) -> Self {
        Self { file, path: path.to_owned(), length, failed: false }
    }

    /// A file with this content, which replaces another in one go.
    pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<Self, LogError> {
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

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), LogError> {
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

    pub(super) fn truncate(&mut self, length: u64) -> Result<(), LogError> {
        self.file.set_len(length).map_err(io_error(&self.path))?;
        self.length = length;
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(io_error(&self.path))
    }
}

/// Keeps other writers out. Where the system has no advisory locks it does nothing: a mandatory one would
/// keep readers out as well.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), LogError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) if cfg!(unix) => Err(LogError::InUse { path: path.to_owned() }),
        // Network file systems without locks.
        _ => Ok(()),
    }
}

/// Makes a new or removed name last, where the system can; its failure loses no step.
pub(super) fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// What a log's two files hold.
pub(super) fn read(path: &Path) -> Result<Contents, LogError> {
    let tail_path = beside(path, ".tail");
    // The tail first: a writer that seals a block in between leaves steps in both files then, not in neither.
    let tail = match fs::read(&tail_path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(io_error(&tail_path))?,
    };
    let bytes = fs::read(path).map_err(io_error(path))?;
    Main::read(&bytes)?.join(&tail)
}
