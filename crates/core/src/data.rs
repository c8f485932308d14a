//! What is said of a data set: where it was found, what was read of it, and that it is missing.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where a data set came from. A report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The folder given by `--data` or `KILN_DATA`.
    Explicit,
    /// `data` in, or `shared/data` beside, the current folder or the checkout.
    Shared,
    /// The cache that `cargo xtask data get` fills.
    Cache,
    /// Compiled into the program.
    Embedded,
    /// A generated stand-in; the search never gives this one, the experiment that generates it does.
    Synthetic,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Route::Explicit => "given folder",
            Route::Shared => "shared folder",
            Route::Cache => "cache",
            Route::Embedded => "embedded",
            Route::Synthetic => "synthetic stand-in",
        })
    }
}

/// A data file, or a folder of them, that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundFile {
    /// Name in the layout, such as `graph/sfld.edges`.
    pub name: String,
    /// Where it lies; `None` if it is embedded.
    pub path: Option<PathBuf>,
    /// How it was found.
    pub route: Route,
    /// SHA-256 of the file as it lies there, in hexadecimal. Of a folder: SHA-256 of the lines `SHA256
    /// RELATIVE/NAME` of its files sorted by name, which is what `sha256sum` over the sorted names prints.
    pub sha256: String,
    #[serde(skip)]
    embedded: &'static [u8],
}

impl FoundFile {
    /// A file or folder on disk.
    pub fn on_disk(name: &str, path: PathBuf, route: Route, sha256: String) -> Self {
        Self { name: name.to_owned(), path: Some(path), route, sha256, embedded: &[] }
    }

    /// A file that is compiled into the program.
    pub fn embedded(name: &str, contents: &'static [u8], sha256: String) -> Self {
        Self { name: name.to_owned(), path: None, route: Route::Embedded, sha256, embedded: contents }
    }

    /// The bytes of the file as it lies there.
    ///
    /// # Errors
    /// What the system says when the file cannot be read any more, or is a folder.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        self.path.as_deref().map_or_else(|| Ok(self.embedded.to_vec()), |path: &Path| std::fs::read(path))
    }

    /// Its line in the report, `rows` of it having been read.
    pub fn used(&self, rows: usize) -> DataUse {
        let Self { name, route, sha256, .. } = self;
        DataUse { name: name.clone(), route: route.to_string(), rows, sha256: sha256.clone() }
    }
}

/// A place where data are found by name: a search path, or one that remembers what was looked for.
pub trait FindData: fmt::Debug + Send + Sync {
    /// Finds a file, or a whole folder, by its name in the layout of `shared/data`.
    ///
    /// # Errors
    /// [`MissingData`] says how to get it.
    fn find_data(&self, name: &str) -> Result<FoundFile, MissingData>;
}

/// A data set that is nowhere to be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no data {name}: {hint}")]
pub struct MissingData {
    /// The name that was looked for.
    pub name: String,
    /// Where to get it, and where it was looked for.
    pub hint: String,
}

/// A data set that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUse {
    /// Name of the data set.
    pub name: String,
    /// How it came to this machine, in the words of [`Route`].
    pub route: String,
    /// Number of rows, edges or samples read.
    pub rows: usize,
    /// SHA-256 of what was read, in hexadecimal.
    pub sha256: String,
}
