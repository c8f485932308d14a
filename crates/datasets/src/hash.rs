//! SHA-256 of files and of folders, and gzip.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A gzip file of the catalogue never holds more than this; more means a broken or hostile file.
const LARGEST: u64 = 1 << 30;

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// SHA-256 of `bytes` in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file; of a folder, SHA-256 of the lines `SHA256  RELATIVE/NAME` of its files sorted by name.
pub(super) fn sha256_of(path: &Path) -> std::io::Result<String> {
    if path.is_dir() {
        let mut lines = Vec::new();
        for name in files_under(path, "")? {
            lines.push(format!("{}  {name}\n", sha256_of(&path.join(&name))?));
        }
        return Ok(sha256(lines.concat().as_bytes()));
    }
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn files_under(root: &Path, folder: &str) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = format!("{folder}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            names.extend(files_under(root, &format!("{name}/"))?);
        } else {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The contents of a gzip file.
pub(super) fn gunzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).take(LARGEST).read_to_end(&mut out)?;
    Ok(out)
}
