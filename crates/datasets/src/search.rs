//! Where data are looked for, and by which route each was found.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use kiln_core::data::{FindData, FoundFile, MissingData, Route};

use super::error::ReadError;
use super::hash::{gunzip, sha256, sha256_of};
use super::list::how_to_get;

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

/// The contents of a file: as [`FoundFile::read`], but uncompressed if its name ends in `.gz`.
///
/// # Errors
/// As [`FoundFile::read`]; a broken gzip stream.
pub fn open(found: &FoundFile) -> io::Result<Box<dyn Read>> {
    let bytes = found.read()?;
    let is_gzip = Path::new(&found.name).extension().is_some_and(|extension| extension == "gz");
    Ok(Box::new(io::Cursor::new(if is_gzip { gunzip(&bytes)? } else { bytes })))
}

/// As [`open`], its error naming the file.
pub(crate) fn reader(found: &FoundFile) -> Result<Box<dyn Read>, ReadError> {
    open(found).map_err(ReadError::io(&found.name))
}

impl FindData for DataPath {
    fn find_data(&self, name: &str) -> Result<FoundFile, MissingData> {
        self.find(name)
    }
}

/// The folders to look in, in order.
#[derive(Debug, Clone)]
pub struct DataPath {
    folders: Vec<(Route, PathBuf)>,
}

impl DataPath {
    /// The search path: `explicit` (the `--data` option), the environment variable `KILN_DATA`, `data` and
    /// `../shared/data` seen from the current folder and from the root of the checkout that it lies in, and
    /// the cache ([`cache_folder`]). Karate, football, the Wisconsin breast cancer table and optdigits are
    /// found even if none of these has them.
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

    /// Finds a file, or a whole folder, by its name in the layout of `shared/data`, such as
    /// `graph/sfld.edges`.
    ///
    /// ```
    /// use kiln_datasets::{DataPath, Route};
    /// let karate = DataPath::of_folders(vec![]).find("graph-labelled/karate.edges.tsv").unwrap();
    /// assert_eq!(karate.route, Route::Embedded);
    /// ```
    ///
    /// # Errors
    /// [`MissingData`] says how to get it. A file that is there but cannot be read is passed over.
    pub fn find(&self, name: &str) -> Result<FoundFile, MissingData> {
        if let Some((route, path)) = self.locate(name) {
            let Some(path) = path else {
                let contents = embedded(name).unwrap_or_default();
                return Ok(FoundFile::embedded(name, contents, sha256(contents)));
            };
            let sha256 = sha256_of(&path).map_err(|error| MissingData {
                name: name.to_string(),
                hint: format!("{} cannot be read: {error}", path.display()),
            })?;
            return Ok(FoundFile::on_disk(name, path, route, sha256));
        }
        let describe = |(_, folder): &(Route, PathBuf)| {
            format!("{}{}", folder.display(), if folder.is_dir() { "" } else { " (no such folder)" })
        };
        let folders: Vec<_> = self.folders.iter().map(describe).collect();
        let looked = if folders.is_empty() { "nowhere".to_string() } else { folders.join(", ") };
        Err(MissingData {
            name: name.to_string(),
            hint: format!("{} (looked in: {looked})", how_to_get(name)),
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

/// The cache: `KILN_CACHE`, else `kiln/data` in the user's cache folder (`XDG_CACHE_HOME`, or `.cache` in the
/// home folder). `None` if the environment names neither.
pub fn cache_folder() -> Option<PathBuf> {
    environment_folder("KILN_CACHE").or_else(|| {
        environment_folder("XDG_CACHE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| environment_folder("HOME").map(|home| home.join(".cache")))
            .map(|folder| folder.join("kiln/data"))
    })
}
