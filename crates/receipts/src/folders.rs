//! Data sets in folders, for programs that have no catalogue of their own.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use kiln_core::data::{FindData, FoundFile, MissingData, Route};

use crate::checkpoint::sha256;

/// Folders in which files are looked for by their names, in order.
///
/// ```
/// use kiln_core::data::FindData;
/// use kiln_receipts::Folders;
/// let missing = Folders::new(None).find_data("no/such/table.csv").unwrap_err();
/// assert!(missing.hint.contains("table.csv"));
/// ```
#[derive(Debug, Clone)]
pub struct Folders(Vec<(Route, PathBuf)>);

impl Folders {
    /// A given folder (`--data`), that of the environment variable `KILN_DATA`, and `data` in the current
    /// folder.
    pub fn new(given: Option<PathBuf>) -> Self {
        let named = std::env::var_os("KILN_DATA").filter(|name| !name.is_empty()).map(PathBuf::from);
        let explicit = given.into_iter().chain(named).map(|folder| (Route::Explicit, folder));
        Self(explicit.chain([(Route::Shared, PathBuf::from("data"))]).collect())
    }
}

impl FindData for Folders {
    fn find_data(&self, name: &str) -> Result<FoundFile, MissingData> {
        let missing = |hint: String| MissingData { name: name.to_owned(), hint };
        let stays_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let found = self.0.iter().map(|(route, folder)| (*route, folder.join(name)));
        let found = found.into_iter().find(|(_, path)| stays_inside && path.is_file());
        let Some((route, path)) = found else {
            let folders: Vec<_> = self.0.iter().map(|(_, folder)| folder.display().to_string()).collect();
            return Err(missing(format!("put a file {name} into one of: {}", folders.join(", "))));
        };
        let bytes = fs::read(&path).map_err(|error| missing(format!("{}: {error}", path.display())))?;
        Ok(FoundFile::on_disk(name, path, route, sha256(&bytes)))
    }
}
