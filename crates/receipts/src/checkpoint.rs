//! Results on disk that survive a kill at any moment.
//!
//! A checkpoint is a file that holds the SHA-256 of the rest, a line break, and CBOR (which, unlike JSON, has
//! NaN and infinities). It is written beside its place,
//! flushed, then renamed, so a file under its own name is complete; should a disk damage it all the same, the
//! hash shows it and the work is redone.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kiln_core::files::write_atomically;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::progress::Reporter;

/// The checkpoints of one experiment under one set of circumstances.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store at `folder/key`. Other keys there belong to an earlier build or to other data: they are
    /// removed.
    pub(crate) fn open(folder: &Path, key: &str) -> io::Result<Self> {
        let store = Self { folder: folder.join(&sha256(key.as_bytes())[..32]) };
        fs::create_dir_all(&store.folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path != store.folder && path.is_dir() {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(store)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.checkpoint", &sha256(name.as_bytes())[..32]))
    }

    /// What was written under that name; a damaged file counts as absent, with a notice.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str, reporter: &Reporter) -> Option<T> {
        let path = self.path(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                reporter.notice(&format!(
                    "checkpoint {} can't be read ({error}): redoing {name}",
                    path.display()
                ));
                return None;
            }
        };
        let value = bytes
            .split_at_checked(65)
            .filter(|(head, body)| head[64] == b'\n' && head[..64] == *sha256(body).as_bytes())
            .and_then(|(_, body)| from_bytes(body).ok());
        if value.is_none() {
            reporter.notice(&format!("checkpoint {} is damaged: redoing {name}", path.display()));
        }
        value
    }

    /// Writes a value under a name, all or nothing.
    pub(crate) fn write<T: Serialize>(&self, name: &str, value: &T) -> io::Result<()> {
        let body = to_bytes(value)?;
        let mut bytes = sha256(&body).into_bytes();
        bytes.push(b'\n');
        bytes.extend(body);
        write_atomically(&self.path(name), &bytes)
    }

    /// Removes everything but that name.
    pub(crate) fn keep_only(&self, name: &str) -> io::Result<()> {
        let kept = self.path(name);
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path != kept {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// The value in CBOR.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The value that [`to_bytes`] wrote.
pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    ciborium::from_reader(bytes).map_err(io::Error::other)
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("half a byte is a hexadecimal digit");
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
