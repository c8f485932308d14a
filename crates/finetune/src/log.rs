//! The replay log of a run that may be resumed from an earlier step.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kiln_optim::zeroth_order::{Entry, LogError, LogHeader, LogWriter, ReplayLog};

use super::error::{FinetuneError, at, broken};

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    writer: LogWriter,
}

impl Log {
    /// Begins a log, or goes on with the one that is there after its first `steps` steps. Those that it has
    /// beyond were taken after the checkpoint and will be taken again.
    pub(super) fn open(path: &Path, header: &LogHeader, steps: u64) -> Result<Self, FinetuneError> {
        let fail = failed(path);
        finish_cut(path)?;
        let writer = if path.exists() {
            let (writer, log) = LogWriter::resume(path, header).map_err(&fail)?;
            let found = log.entries.len() as u64;
            if found < steps {
                let reason = format!(
                    "the log has {found} steps, the checkpoint is of step {steps}; give the log of this run \
                     by --log, or start again in another --out"
                );
                return Err(broken(path, reason));
            }
            if found > steps || log.is_finished() {
                drop(writer);
                cut(path, &log, steps)?;
                LogWriter::resume(path, header).map_err(&fail)?.0
            } else {
                writer
            }
        } else if steps > 0 {
            let reason = format!(
                "the log is not there, and the checkpoint is of step {steps}; put it back or name it by --log"
            );
            return Err(broken(path, reason));
        } else {
            LogWriter::create(path, header).map_err(&fail)?
        };
        Ok(Self { path: path.to_path_buf(), writer })
    }

    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), FinetuneError> {
        self.writer.append(entry).map_err(failed(&self.path))
    }

    pub(super) fn sync(&mut self) -> Result<(), FinetuneError> {
        self.writer.sync().map_err(failed(&self.path))
    }

    pub(super) fn finish(self, hash: u64) -> Result<(), FinetuneError> {
        self.writer.finish(hash).map_err(failed(&self.path))
    }
}

pub(super) fn failed(path: &Path) -> impl Fn(LogError) -> FinetuneError {
    let path = path.to_path_buf();
    move |error| {
        let source =
            std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        broken(&path, format!("{error}{source}"))
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Shortens a log. The short one is whole on disk before the long one, which consists of two files, is
/// touched.
fn cut(path: &Path, log: &ReplayLog, steps: u64) -> Result<(), FinetuneError> {
    let bytes = log.prefix(steps as usize).to_bytes().map_err(failed(path))?;
    let short = beside(path, ".cut");
    kiln_core::files::write_atomically(&short, &bytes).map_err(at(&short))?;
    finish_cut(path)
}

/// Puts a short log in the place of the long one, also where a crash prevented it.
fn finish_cut(path: &Path) -> Result<(), FinetuneError> {
    let (short, tail) = (beside(path, ".cut"), beside(path, ".tail"));
    if !short.exists() {
        return Ok(());
    }
    if tail.exists() {
        fs::remove_file(&tail).map_err(at(&tail))?;
    }
    fs::rename(&short, path).map_err(at(path))
}
