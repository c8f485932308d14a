//! Where data are looked for, and by which route each was found.

use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::catalogue;
use super::error::ReadError;
use super::hash::{gunzip, sha256, sha256_of};
use crate::recorder::DataUse;

/// The data compiled into the program: name in the layout and contents.
const EMBEDDED: [(&str, &[u8]); 7] = [
    (
        "digits/optdigits-images-8x8-0to16.idx3-ubyte.gz",
        include_bytes!("embedded/optdigits-images-8x8-0to16.idx3-ubyte.gz"),
    ),
    ("digits/optdigits-labels.idx1-ubyte.gz", include_bytes!("embedded/optdigits-labels.idx1-ubyte.gz")),
    ("domains/breast-cancer-wisconsin.csv", include_bytes!("embedded/breast-cancer-wisconsin.csv")),
    ("graph-labelled/karate.edges.tsv", include_bytes!("embedded/karate.edges.tsv")),
    ("graph-labelled/karate.nodes.tsv", include_bytes!("embedded/karate.nodes.tsv")),
    ("graph-labelled/football.edges.tsv", include_bytes!("embedded/football.edges.tsv")),
    ("graph-labelled/football.nodes.tsv", include_bytes!("embedded/football.nodes.tsv")),
];

/// Where a data set came from. A report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
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
pub struct Found {
    /// Name in the layout, such as `graph/sfld.edges`.
    pub name: String,
    /// Where it lies; `None` if it is embedded.
    pub path: Option<PathBuf>,
    /// How it was found.
    pub route: Route,
    /// SHA-256 of the file as it lies there, in hexadecimal. Of a folder: SHA-256 of the lines `SHA256  RELATIVE/NAME`
    /// of its files sorted by name, which is what `sha256sum` over the sorted names prints.
    pub sha256: String,
}

impl Found {
    /// The bytes of the file as it lies there.
    ///
    /// # Errors
    /// What the system says when the file cannot be read any more, or is a folder.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match &self.path {
            Some(path) => std::fs::read(path),
            None => embedded(&self.name).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }

    /// The contents: as [`Found::read`], but uncompressed if the name ends in `.gz`.
    ///
    /// # Errors
    /// As [`Found::read`]; a broken gzip stream.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        let bytes = self.read()?;
        let is_gzip = Path::new(&self.name).extension().is_some_and(|extension| extension == "gz");
        Ok(Box::new(io::Cursor::new(if is_gzip { gunzip(&bytes)? } else { bytes })))
    }

    /// As [`Found::open`], its error naming the file.
    pub(super) fn reader(&self) -> Result<Box<dyn Read>, ReadError> {
        self.open().map_err(ReadError::io(&self.name))
    }

    /// Its line in the report, `rows` of it having been read.
    pub fn used(&self, rows: usize) -> DataUse {
        let Self { name, route, sha256, .. } = self;
        DataUse { name: name.clone(), route: route.to_string(), rows, sha256: sha256.clone() }
    }
}

/// Where data are found: a [`DataPath`], or the [`DataSource`](crate::context::DataSource) of an experiment.
pub trait FindData {
    /// Finds a file, or a whole folder, by its name in the layout of `shared/data`.
    ///
    /// # Errors
    /// [`MissingData`] says how to get it.
    fn find_data(&self, name: &str) -> Result<Found, MissingData>;
}

impl FindData for DataPath {
    fn find_data(&self, name: &str) -> Result<Found, MissingData> {
        self.find(name)
    }
}

/// No folder of the search path has the data set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no data {name}: {hint}")]
pub struct MissingData {
    /// The name that was looked for.
    pub name: String,
    /// Where to get it, and where it was looked for.
    pub hint: String,
}

/// The folders to look in, in order.
#[derive(Debug, Clone)]
pub struct DataPath {
    folders: Vec<(Route, PathBuf)>,
}

impl DataPath {
    /// The search path: `explicit` (the `--data` option), the environment variable `KILN_DATA`, `data` and
    /// `../shared/data` seen from the current folder and from the root of the checkout that it lies in, and the cache
    /// ([`cache_folder`]). Karate, football, the Wisconsin breast cancer table and optdigits are found even if none of
    /// these has them.
    pub fn new(explicit: Option<PathBuf>) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let checkout = here.ancestors().find(|folder| folder.join("crates/papers/Cargo.toml").is_file());
        let mut roots = vec![here.as_path()];
        roots.extend(checkout.filter(|checkout| *checkout != here));
        let mut folders: Vec<_> = explicit.map(|folder| (Route::Explicit, folder)).into_iter().collect();
        folders.extend(environment_folder("KILN_DATA").map(|folder| (Route::Explicit, folder)));
        for root in roots {
            folders.push((Route::Shared, root.join("data")));
            folders.extend(root.parent().map(|beside| (Route::Shared, beside.join("shared/data"))));
        }
        folders.extend(cache_folder().map(|folder| (Route::Cache, folder)));
        Self { folders }
    }

    /// A search path of just these folders, in this order (and the embedded sets after them).
    pub fn of_folders(folders: Vec<(Route, PathBuf)>) -> Self {
        Self { folders }
    }

    /// Finds a file, or a whole folder, by its name in the layout of `shared/data`, such as `graph/sfld.edges`.
    ///
    /// ```
    /// use kiln_papers::data::{DataPath, Route};
    /// let karate = DataPath::of_folders(vec![]).find("graph-labelled/karate.edges.tsv").unwrap();
    /// assert_eq!(karate.route, Route::Embedded);
    /// ```
    ///
    /// # Errors
    /// [`MissingData`] says how to get it. A file that is there but cannot be read is passed over.
    pub fn find(&self, name: &str) -> Result<Found, MissingData> {
        if let Some((route, path)) = self.locate(name) {
            let sha256 = match &path {
                Some(path) => sha256_of(path).map_err(|error| MissingData {
                    name: name.to_string(),
                    hint: format!("{} cannot be read: {error}", path.display()),
                })?,
                None => embedded(name).map(sha256).unwrap_or_default(),
            };
            return Ok(Found { name: name.to_string(), path, route, sha256 });
        }
        let describe = |(_, folder): &(Route, PathBuf)| {
            format!("{}{}", folder.display(), if folder.is_dir() { "" } else { " (no such folder)" })
        };
        let folders: Vec<_> = self.folders.iter().map(describe).collect();
        let looked = if folders.is_empty() { "nowhere".to_string() } else { folders.join(", ") };
        Err(MissingData {
            name: name.to_string(),
            hint: format!("{} (looked in: {looked})", catalogue::how_to_get(name)),
        })
    }

    /// As [`DataPath::find`] without reading the file: route and path.
    pub(super) fn locate(&self, name: &str) -> Option<(Route, Option<PathBuf>)> {
        let stays_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if !stays_inside || name.is_empty() {
            return None;
        }
        let on_disk = self.folders.iter().map(|(route, folder)| (*route, folder.join(name)));
        on_disk
            .into_iter()
            .find(|(_, path)| path.exists())
            .map(|(route, path)| (route, Some(path)))
            .or_else(|| embedded(name).map(|_| (Route::Embedded, None)))
    }
}

fn embedded(name: &str) -> Option<&'static [u8]> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, contents)| *contents)
}

fn environment_folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The cache: `KILN_CACHE`, else `kiln/data` in the user's cache folder (`XDG_CACHE_HOME`, or `.cache` in the home
/// folder). `None` if the environment names neither.
pub fn cache_folder() -> Option<PathBuf> {
    environment_folder("KILN_CACHE").or_else(|| {
        environment_folder("XDG_CACHE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| environment_folder("HOME").map(|home| home.join(".cache")))
            .map(|folder| folder.join("kiln/data"))
    })
}
