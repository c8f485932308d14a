//! Files that are whole or absent.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Replaces a file: after a crash it has the old content or the new one. Where that fails, on a full disk for
/// instance, nothing is left beside it.
///
/// # Errors
/// Whatever the file system reports.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let done = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        // What is left of it, as on a full disk, is of no use; why it cannot be removed neither.
        let _ = fs::remove_file(&temporary);
    }
    done?;
    // The rename itself reaches the disk with the folder; systems whose folders can't be opened have no such call.
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        folder.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_atomically;
    use std::{fs, io};

    #[test]
    fn what_cannot_be_written_leaves_nothing() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let names = || -> io::Result<Vec<_>> {
            let mut names: Vec<_> = fs::read_dir(folder.path())?
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<Result<_, _>>()?;
            names.sort();
            Ok(names)
        };
        let file = folder.path().join("answer");
        write_atomically(&file, b"old")?;
        write_atomically(&file, b"new")?;
        assert_eq!(fs::read(&file)?, b"new");
        // Another folder is in the place of the file.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken)?;
        assert!(write_atomically(&taken, b"new").is_err());
        // Its folder does not exist.
        assert!(write_atomically(&folder.path().join("nowhere/answer"), b"new").is_err());
        assert_eq!(names()?, ["answer", "taken"]);
        Ok(())
    }
}
