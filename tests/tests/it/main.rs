//! What crosses Kiln's crates.

mod commands;
mod conformance;
mod documentation;
mod messages;
mod reproduce;

use std::path::{Path, PathBuf};

use kiln_tests::root;

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
