//! A run on disk, such that it can be killed at any moment and go on.
//!
//! A checkpoint is one file: a mark, the length of the header, the header in CBOR, the trainable parameters
//! as raw numbers, what a method keeps beside them, and the SHA-256 of it all. It is written beside its
//! place, flushed and renamed, piece by piece, so that it costs no memory of the size of the model.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use kiln_models::TextClassifier;
use kiln_tensor::Parameters;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::engine::Engine;
use super::error::{FinetuneError, at, broken};
use super::settings::{TuningEvaluation, TuningMethod, TuningSettings};
use super::weights::{TensorInfo, read_numbers, tensors, write_numbers};

/// Where a run keeps what it needs to go on.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The folder; it is made when it is not there.
    pub folder: PathBuf,
    /// Whether to go on with the run that is in the folder, if there is one; otherwise one is an error.
    pub resume: bool,
    /// What model and data the run is on, in words; a run goes on only with the same.
    pub inputs: String,
    /// Where the replay log of a zeroth-order method goes, if one is wanted.
    pub log: Option<PathBuf>,
}

const MARK: &[u8; 8] = b"KILNFT02";
pub(super) const CHECKPOINT: &str = "checkpoint";

/// What there is to tell of a run so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) evaluations: Vec<TuningEvaluation>,
    pub(super) seconds: f64,
    pub(super) skipped: u64,
    pub(super) warnings: Vec<String>,
}

/// What a checkpoint says besides numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) settings: TuningSettings,
    pub(super) inputs: String,
    /// The method with step sizes that were chosen filled in.
    pub(super) method: TuningMethod,
    pub(super) history: History,
    pub(super) small_state: Vec<u8>,
    pub(super) large_bytes: u64,
    pub(super) tensors: Vec<TensorInfo>,
}

/// Writes what passes through, and hashes it.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Storage {
    fn checkpoint(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    /// Refuses a place where a run is already, unless it is to be resumed.
    ///
    /// # Errors
    /// [`FinetuneError::File`] names the file that is there.
    pub fn check(&self) -> Result<(), FinetuneError> {
        let checkpoint = self.checkpoint();
        let mut files = [Some(&checkpoint), self.log.as_ref()].into_iter().flatten();
        match files.find(|path| !self.resume && path.exists()) {
            Some(path) => Err(broken(
                path,
                "there is a run already: go on with it by --resume, or choose other places by --out and --log",
            )),
            None => Ok(()),
        }
    }

    /// The run that is in the folder; `None` when a new one may begin there.
    pub(super) fn open(&self, settings: &TuningSettings) -> Result<Option<Saved>, FinetuneError> {
        self.check()?;
        let folders = [Some(self.folder.as_path()), self.log.as_deref().and_then(Path::parent)];
        for folder in folders.into_iter().flatten() {
            fs::create_dir_all(folder).map_err(at(folder))?;
        }
        let path = self.checkpoint();
        if !path.exists() {
            return Ok(None);
        }
        let saved = Saved::read(&path)?;
        saved.check(settings, &self.inputs)?;
        Ok(Some(saved))
    }

    pub(super) fn save<M: TextClassifier>(
        &self,
        engine: &mut impl Engine<M>,
        settings: &TuningSettings,
        method: TuningMethod,
        history: &History,
    ) -> Result<(), FinetuneError> {
        // The log first: it may be ahead of the checkpoint, never behind it.
        engine.sync_log()?;
        let large = engine.large_state()?;
        let header = Header {
            settings: *settings,
            inputs: self.inputs.clone(),
            method,
            history: history.clone(),
            small_state: engine.small_state()?,
            large_bytes: large.len() as u64,
            tensors: tensors(engine.point())?,
        };
        let path = self.checkpoint();
        let temporary = path.with_added_extension("partial");
        let file = File::create(&temporary).map_err(at(&temporary))?;
        let mut out = Hashing { inner: BufWriter::new(file), hasher: Sha256::new() };
        let written = (|| {
            let mut bytes = Vec::new();
            ciborium::into_writer(&header, &mut bytes).map_err(io::Error::other)?;
            out.write_all(MARK)?;
            out.write_all(&(bytes.len() as u64).to_le_bytes())?;
            out.write_all(&bytes)?;
            write_numbers(engine.point(), &mut out)?;
            out.write_all(&large)?;
            let digest = out.hasher.clone().finalize();
            out.inner.write_all(&digest)?;
            out.inner.flush()?;
            out.inner.get_ref().sync_all()
        })();
        written.map_err(at(&temporary))?;
        fs::rename(&temporary, &path).map_err(at(&path))?;
        // The rename itself reaches the disk with the folder; systems whose folders can't be opened have no
        // such call.
        if let Ok(folder) = File::open(&self.folder) {
            folder.sync_all().map_err(at(&self.folder))?;
        }
        Ok(())
    }
}

/// A checkpoint that was read, its numbers still on disk.
pub(super) struct Saved {
    path: PathBuf,
    pub(super) header: Header,
    reader: BufReader<File>,
}

impl Saved {
    pub(super) fn read(path: &Path) -> Result<Self, FinetuneError> {
        let damaged = |what: &str| broken(path, format!("{what}; delete it to start again"));
        let length = path.metadata().map_err(at(path))?.len();
        let Some(contents) = length.checked_sub(32) else { return Err(damaged("the checkpoint is cut off")) };
        let mut reader = BufReader::new(File::open(path).map_err(at(path))?);
        let mut hasher = Sha256::new();
        let mut rest = contents;
        let mut buffer = vec![0; 1 << 16];
        while rest > 0 {
            let part = rest.min(1 << 16) as usize;
            reader.read_exact(&mut buffer[..part]).map_err(at(path))?;
            hasher.update(&buffer[..part]);
            rest -= part as u64;
        }
        let mut digest = [0; 32];
        reader.read_exact(&mut digest).map_err(at(path))?;
        if hasher.finalize()[..] != digest {
            return Err(damaged("the checkpoint is damaged"));
        }
        // Whole, so what follows can only be of another program.
        let foreign = || damaged("this is no checkpoint of this program");
        let mut reader = BufReader::new(File::open(path).map_err(at(path))?);
        let mut start = [0; 16];
        reader.read_exact(&mut start).map_err(at(path))?;
        let (mark, length) = start.split_at(8);
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        if mark != MARK || length > contents.saturating_sub(16) {
            return Err(foreign());
        }
        let mut header = vec![0; length as usize];
        reader.read_exact(&mut header).map_err(at(path))?;
        let header = ciborium::from_reader(header.as_slice()).map_err(|_| foreign())?;
        Ok(Self { path: path.to_path_buf(), header, reader })
    }

    fn check(&self, settings: &TuningSettings, inputs: &str) -> Result<(), FinetuneError> {
        let refuse = |what: String| {
            let advice = "give the options of the first run, or start another with another --out";
            Err(broken(&self.path, format!("--resume asks for another run than this one: {what}; {advice}")))
        };
        if self.header.inputs != inputs {
            return refuse(format!("it was on {}, and now it is {inputs}", self.header.inputs));
        }
        // How long, and how often something is looked at or saved, may change.
        let then = TuningSettings {
            budget: settings.budget,
            eval_every: settings.eval_every,
            checkpoint_every: settings.checkpoint_every,
            ..self.header.settings
        };
        if then == *settings {
            return Ok(());
        }
        let fields = |settings: &TuningSettings| match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (then, now) = (fields(&then), fields(settings));
        let differ = then.iter().filter(|(name, value)| now.get(*name) != Some(value));
        let differ: Vec<_> = differ
            .map(|(name, value)| {
                format!("{name} was {value} and now is {}", now.get(name).unwrap_or(&serde_json::Value::Null))
            })
            .collect();
        refuse(differ.join(", "))
    }

    /// Puts the numbers into a model; the rest of the checkpoint, and what a method keeps beside the numbers.
    pub(super) fn restore<M: TextClassifier>(
        mut self,
        point: &mut Parameters<M>,
    ) -> Result<(Header, Vec<u8>), FinetuneError> {
        if tensors(point)? != self.header.tensors {
            return Err(broken(&self.path, "the checkpoint is of a model with other trainable tensors"));
        }
        read_numbers(point, &mut self.reader).map_err(at(&self.path))?;
        let mut large = Vec::new();
        let length = self.header.large_bytes;
        self.reader.by_ref().take(length).read_to_end(&mut large).map_err(at(&self.path))?;
        Ok((self.header, large))
    }
}
