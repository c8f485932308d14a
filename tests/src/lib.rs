//! What crosses Kiln's crates: README, reports, resume after a kill; and the files that tests of all crates
//! read.
//!
//! Reference outputs lie in `tests/reference`: a test that lacks one fails. Data sets lie outside the
//! repository: a test that lacks one is left out with a word, or fails if `KILN_REQUIRE_DATA` is 1, as it is
//! in CI.

use std::path::{Path, PathBuf};

/// The root of the workspace that the calling test belongs to.
///
/// It is found at run time: a target directory may be shared by several clones.
///
/// # Panics
/// When the tests were started by something else than cargo, and their sources are gone.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = package.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or_else(|| panic!("{} is in no workspace", package.display())).to_owned()
}

/// A file of reference outputs, as `graph/karate.json`.
///
/// # Panics
/// When it is not there: the repository holds all of them.
pub fn reference(name: &str) -> PathBuf {
    let path = root().join("tests/reference").join(name);
    assert!(path.is_file(), "there is no reference output {}", path.display());
    path
}

/// The text of what [`reference()`] finds.
///
/// # Panics
/// When it cannot be read.
pub fn reference_text(name: &str) -> String {
    let path = reference(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The folder of data sets, if it holds `name` (as `graph/sfld.edges`): `KILN_DATA` where that is set, else
/// `shared/data` beside the checkout. A test that gets `None` returns; the word that it was left out is said
/// here.
///
/// # Panics
/// When `KILN_REQUIRE_DATA` is 1 and `name` is not there.
pub fn data_with(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("KILN_DATA").map_or_else(beside, PathBuf::from);
    let found = folder.join(name).exists();
    let required = std::env::var_os("KILN_REQUIRE_DATA").is_some_and(|value| value == "1");
    assert!(found || !required, "KILN_REQUIRE_DATA is 1, but {} holds no {name}", folder.display());
    if !found {
        eprintln!("skipped: no data {name}");
    }
    found.then_some(folder)
}

/// Compares a text with that of `tests/snapshots/NAME.snap`. With `INSTA_UPDATE=always` the file takes the
/// text over.
///
/// # Panics
/// When they differ.
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn beside() -> PathBuf {
    root().parent().unwrap_or(Path::new("/")).join("shared/data")
}

macro_rules! run_examples_of {
    ($($name:ident: $file:literal,)*) => {
        $(#[cfg(doctest)] #[doc = include_str!($file)] pub struct $name;)*
    };
}

run_examples_of! {
    Readme: "../../README.md",
    AdaptiveWaveletDistillation: "../../docs/src/adaptive-wavelet-distillation.md",
    Attributions: "../../docs/src/attributions.md",
    ContextualDecomposition: "../../docs/src/contextual-decomposition.md",
    DomainAdaptation: "../../docs/src/domain-adaptation.md",
    ErrorBar: "../../docs/src/error-bar.md",
    Graphs: "../../docs/src/graphs.md",
    LinearModels: "../../docs/src/linear-models.md",
    BurnTraining: "../../docs/src/burn-training.md",
    Optimization: "../../docs/src/optimization.md",
    ReplayLog: "../../docs/src/replay-log.md",
    Transforms: "../../docs/src/transforms.md",
    Wavelets: "../../docs/src/wavelets.md",
    ZerothOrder: "../../docs/src/zeroth-order.md",
    AddAMethod: "../../docs/src/add-a-method.md",
    AddAPaper: "../../docs/src/add-a-paper.md",
    ReceiptsForYourPaper: "../../docs/src/receipts-for-your-paper.md",
}
