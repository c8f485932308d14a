//! Which program, from which sources, on which machine: what a reader needs to get the same numbers again.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::checkpoint::sha256;

/// What a program knows of itself when it is compiled; [`build!`](crate::build) writes it.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// Name of the package, and of the program.
    pub name: &'static str,
    /// Version of the package.
    pub version: &'static str,
    /// Folder of its manifest; the repository and the lock file are looked for from there upwards.
    pub folder: &'static str,
    /// Where the repository is published; empty if the manifest does not say.
    pub repository: &'static str,
    /// The package's features, and whether each is on.
    pub features: &'static [(&'static str, bool)],
}

/// The [`Build`](crate::provenance::Build) of the package in which it is written, with these features of it:
/// `build!()`, `build!("graph", "wgpu")`.
#[macro_export]
macro_rules! build {
    ($($feature:literal),* $(,)?) => {
        $crate::provenance::Build {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            folder: env!("CARGO_MANIFEST_DIR"),
            repository: env!("CARGO_PKG_REPOSITORY"),
            features: &[$(($feature, cfg!(feature = $feature))),*],
        }
    };
}

/// The program that ran the experiments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the executable.
    pub sha256: String,
    /// Version of kiln-receipts.
    pub receipts: String,
    /// Version of Burn in the lock file, if it is there.
    pub burn: Option<String>,
    /// The compiler.
    pub rustc: String,
    /// Features that are on.
    pub features: Vec<String>,
    /// Where the repository is published; empty if it is not.
    pub repository: String,
    /// The commit that it was built from, if that is known.
    pub commit: Option<String>,
    /// Whether its sources differ from the commit, or have changed since it was built.
    pub changed: bool,
    /// SHA-256 of the lock file, if it is there.
    pub lock: Option<String>,
    /// The arguments that it was started with.
    pub arguments: Vec<String>,
}

/// The machine that ran the experiments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Model of the processor, where the system says it.
    pub processor: Option<String>,
    /// Cores that the program could use.
    pub cores: usize,
    /// Bytes of memory, where the system says it.
    pub memory: Option<u64>,
}

impl Program {
    /// The running program. Its sources are described if the folder that it was built in is still there.
    ///
    /// # Errors
    /// An executable that cannot be read.
    pub fn running(build: &Build) -> io::Result<Self> {
        let executable = std::env::current_exe()?;
        let folder = Path::new(build.folder);
        let commit = git(folder, &["rev-parse", "HEAD"]).map(|commit| commit.trim().to_owned());
        let differs = || {
            let changes = git(folder, &["status", "--porcelain", "--untracked-files=no"]);
            changes.is_none_or(|changes| !changes.is_empty()) || is_older_than_its_sources(&executable)
        };
        let changed = commit.is_some() && differs();
        let lock = folder.ancestors().find_map(|folder| fs::read_to_string(folder.join("Cargo.lock")).ok());
        Ok(Self {
            name: build.name.to_owned(),
            version: build.version.to_owned(),
            sha256: sha256(&fs::read(&executable)?),
            receipts: env!("CARGO_PKG_VERSION").to_owned(),
            burn: lock.as_deref().and_then(|lock| locked_version(lock, "burn")),
            rustc: env!("KILN_RUSTC").to_owned(),
            features: build
                .features
                .iter()
                .filter(|(_, on)| *on)
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            repository: build.repository.to_owned(),
            commit,
            changed,
            lock: lock.map(|lock| sha256(lock.as_bytes())),
            arguments: std::env::args().skip(1).collect(),
        })
    }

    /// A program of which only the name is known.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Why this program's results cannot be joined with those of `other`, if they cannot: they are neither one
    /// executable nor built from one commit, lock file and set of features.
    pub fn differs_from(&self, other: &Self) -> Option<String> {
        if self.sha256 == other.sha256 {
            return None;
        }
        let short = |commit: &str| commit.get(..12).unwrap_or(commit).to_owned();
        for program in [self, other] {
            match &program.commit {
                None => {
                    let why = "two executables, and the commit of one is not known";
                    return Some(format!("{why}: join what one executable ran"));
                }
                Some(commit) if program.changed => {
                    let commit = short(commit);
                    return Some(format!(
                        "two executables, and one was built from changes to commit {commit} that are not committed"
                    ));
                }
                Some(_) => {}
            }
        }
        let differ = |what: &str, here: String, there: String| Some(format!("{what} {here} and {there}"));
        let (name, features) = (&self.name, |program: &Self| format!("{:?}", program.features));
        if *name != other.name {
            return differ("programs", name.clone(), other.name.clone());
        }
        if self.commit != other.commit {
            let commit = |program: &Self| program.commit.as_deref().map(short).unwrap_or_default();
            return differ("commits", commit(self), commit(other));
        }
        if self.lock != other.lock {
            let lock = |program: &Self| program.lock.as_deref().map_or("none".to_owned(), short);
            return differ("lock files with SHA-256", lock(self), lock(other));
        }
        (self.features != other.features)
            .then(|| format!("features {} and {}", features(self), features(other)))
    }

    /// Commit and whether it was changed, in words.
    pub fn sources(&self) -> String {
        let Some(commit) = &self.commit else { return "unknown sources".to_owned() };
        let changed = if self.changed { ", with changes that are not committed" } else { "" };
        format!("commit {commit}{changed}")
    }
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kilobytes = |memory: String| memory.trim_end_matches(" kB").parse::<u64>().ok();
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: field("/proc/meminfo", "MemTotal").and_then(kilobytes).map(|memory| memory * 1024),
        }
    }
}

/// What git says about a folder; nothing when it is no repository, or there is no git.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a source file was written after the program was, by the list of them that cargo leaves beside it.
fn is_older_than_its_sources(executable: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let Some(built) = modified(executable) else { return false };
    sources(executable).iter().filter_map(|source| modified(source)).any(|time: SystemTime| time > built)
}

/// The files that a program was made from, if cargo's list of them is there.
fn sources(executable: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read_to_string(executable.with_extension("d")) else { return Vec::new() };
    let files = list.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, files)| files);
    // A blank in a path is written as "\ ".
    let files = files.replace("\\ ", "\0");
    files.split_whitespace().map(|file| PathBuf::from(file.replace('\0', " "))).collect()
}

/// The version of a package in a lock file.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_versions() {
        let lock = "[[package]]\nname = \"burn-core\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"burn\"\n\
                    version = \"0.22.1\"\n";
        assert_eq!(locked_version(lock, "burn").as_deref(), Some("0.22.1"));
        assert_eq!(locked_version(lock, "serde"), None);
    }

    #[test]
    fn the_running_program_is_described() {
        let program = Program::running(&crate::build!()).unwrap();
        assert_eq!((program.name.as_str(), program.sha256.len()), ("kiln-receipts", 64));
        assert!(program.rustc.starts_with("rustc 1."), "{}", program.rustc);
        assert!(program.commit.is_none_or(|commit| commit.len() == 40));
        assert!(Machine::here().cores > 0);
    }

    /// The list that cargo writes names a file with a blank.
    #[test]
    fn sources_newer_than_the_program_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let [program, source] = ["program", "a source.rs"].map(|name| folder.path().join(name));
        fs::write(&program, "").unwrap();
        fs::write(&source, "").unwrap();
        let at = |path: &Path, seconds: u64| {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
        };
        at(&program, 1000);
        at(&source, 2000);
        assert!(!is_older_than_its_sources(&program), "there is no list");
        let listed = source.display().to_string().replace(' ', "\\ ");
        fs::write(folder.path().join("program.d"), format!("{}: {listed}\n", program.display())).unwrap();
        assert!(is_older_than_its_sources(&program));
        at(&source, 500);
        assert!(!is_older_than_its_sources(&program));
    }
}
