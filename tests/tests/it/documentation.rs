//! The book, README and their links.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{markdown_in, pages, prose_and_code, read, root};

/// Targets of `[text](target)` outside code.
fn links(markdown: &str) -> Vec<String> {
    let (prose, _) = prose_and_code(markdown);
    // Every second piece is in `code`.
    let prose: String = prose.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

#[test]
fn links_are_found() {
    let text = "[a](x.md), ![b](y/z.svg) `[c](no)`\n```rust\n[d](no)\n```\n[`e`](w.md#part)";
    assert_eq!(links(text), ["x.md", "y/z.svg", "w.md#part"]);
}

#[test]
fn relative_links_lead_somewhere() {
    let book = root().join("docs/src").canonicalize().unwrap();
    let mut broken = Vec::new();
    for page in pages() {
        for link in links(&read(&page)) {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let file = link.split('#').next().expect("split gives at least one piece");
            let dir = page.parent().expect("a file lies in a directory").canonicalize().unwrap();
            // A page of the book must stay inside it, or the link breaks when the book is published.
            match dir.join(file).canonicalize() {
                Ok(target) if dir != book || target.starts_with(&book) => {}
                _ => broken.push(format!("{}: {link}", page.display())),
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn summary_lists_exactly_the_pages() {
    let source = root().join("docs/src");
    let listed: BTreeSet<_> = links(&read(&source.join("SUMMARY.md"))).into_iter().collect();
    let name = |path: &Path| path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    let mut present: BTreeSet<_> = markdown_in(&source).iter().map(|path| name(path)).collect();
    assert!(present.remove("SUMMARY.md"));
    assert_eq!(listed, present);
}

#[test]
fn rust_examples_run_as_doc_tests() {
    let tested = read(&root().join("tests/src/lib.rs"));
    for page in pages() {
        if read(&page).lines().any(|line| line.trim_start().starts_with("```rust")) {
            let page = page.strip_prefix(root()).expect("pages lie in the workspace").to_owned();
            let page = page.to_string_lossy().replace('\\', "/");
            assert!(
                tested.contains(&format!("\"../../{page}\"")),
                "{page} is not listed in tests/src/lib.rs"
            );
        }
    }
}

/// Code that is shown but cannot run alone is an excerpt: its first line names the file, whose lines the others are.
#[test]
fn excerpts_stand_in_their_files() {
    let mut excerpts = 0;
    for page in pages() {
        let text = read(&page);
        for block in text.split("```rs\n").skip(1) {
            let block = block.split("```").next().expect("split gives at least one piece");
            let (first, excerpt) = block.split_once('\n').expect("an excerpt has lines");
            let file = first.strip_prefix("// ").unwrap_or_else(|| panic!("{}: {first}", page.display()));
            let source = read(&root().join(file));
            let mut lines = source.lines();
            for line in excerpt.lines() {
                assert!(
                    lines.any(|candidate| candidate == line),
                    "{}: {file} has no {line:?}",
                    page.display()
                );
            }
            excerpts += 1;
        }
    }
    assert!(excerpts > 0);
}
