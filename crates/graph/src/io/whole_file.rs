//! Files that are whole or absent.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::error::{GraphError, Result};

fn buffered(to: impl Write, write: impl Fn(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut buffer = BufWriter::new(to);
    write(&mut buffer)?;
    Ok(buffer.flush()?)
}

/// Hands out a writer that compresses as the name of the file says.
pub(super) fn to_file(path: &Path, write: impl Fn(&mut dyn Write) -> Result<()>) -> Result<()> {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    replace(path, extension.to_str().unwrap_or_default(), write)
}

/// Hands out a writer that compresses as `compression` says, the ending of such files. The file is whole or absent: a
/// graph may come from the very file that it replaces, even mapped into memory.
pub(super) fn replace(
    path: &Path,
    compression: &str,
    write: impl Fn(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    // A pipe or a device cannot be replaced.
    let direct = path.metadata().is_ok_and(|there| !there.is_file());
    let work = || {
        if direct {
            return compressed(File::create(path)?, compression, &write);
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let done = File::create(&temporary)
            .map_err(GraphError::from)
            .and_then(|file| compressed(file, compression, &write))
            .and_then(|()| Ok(fs::rename(&temporary, path)?));
        if done.is_err() {
            // What is left of it is of no use; why it cannot be removed neither.
            let _ = fs::remove_file(&temporary);
        }
        done
    };
    work().map_err(|error: GraphError| error.in_file(path))
}

fn compressed(file: File, compression: &str, write: &impl Fn(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = BufWriter::new(file);
    match compression {
        "gz" => {
            let mut encoder = GzEncoder::new(&mut file, flate2::Compression::default());
            buffered(&mut encoder, write)?;
            encoder.finish()?;
        }
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut file, bzip2::Compression::default());
            buffered(&mut encoder, write)?;
            encoder.finish()?;
        }
        "zst" => {
            // The encoder cannot report errors of what it writes to, so it writes to memory.
            let mut plain = Vec::new();
            write(&mut plain)?;
            file.write_all(&compress_to_vec(plain.as_slice(), CompressionLevel::Fastest))?;
        }
        _ => write(&mut file)?,
    }
    Ok(file.flush()?)
}
