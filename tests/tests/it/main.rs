//! What crosses Kiln's crates.

mod commands;
mod conformance;
mod documentation;
mod reproduce;

use std::path::{Path, PathBuf};

/// The workspace's root. Read at run time: a target directory may be shared by several clones.
fn root() -> PathBuf {
    let manifest_dir =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest_dir).parent().expect("tests is a directory of the workspace").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The Markdown files in a directory, by name.
fn markdown_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a readable directory").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

/// Every Markdown page that users read.
fn pages() -> Vec<PathBuf> {
    let mut pages = markdown_in(&root());
    pages.extend(markdown_in(&root().join("docs/src")));
    pages
}

/// The text outside fenced code, and the text inside.
fn prose_and_code(markdown: &str) -> (String, String) {
    let (mut prose, mut code) = (String::new(), String::new());
    let mut fenced = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else {
            let text = if fenced { &mut code } else { &mut prose };
            text.push_str(line);
            text.push('\n');
        }
    }
    (prose, code)
}
