//! The tutorial's commands, run as they stand there, print what stands there. With `INSTA_UPDATE=always`, as for
//! snapshots, the page and its picture take over what is printed.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Ran, kiln};

/// What a page puts in place of further lines.
const MORE: &str = "[...]";
/// The picture, and the file that a command of the page writes it to.
const PICTURE: (&str, &str) = ("images/cluster-python.svg", "python.svg");

/// A part of the page.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Prose(&'a str),
    /// A command in a block `sh`, and what the block `text` after it shows.
    Example {
        line: &'a str,
        shown: &'a str,
    },
}

fn parts(page: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = page;
    while let Some((before, block)) = rest.split_once("```sh\nkiln ") {
        let Some((line, after)) = block.split_once("\n```\n\n```text\n") else { break };
        // A command without shown output is prose.
        if line.contains('\n') {
            let (line, after) = block.split_once("\n```\n").unwrap();
            let end = page.len() - after.len();
            parts.push(Part::Prose(&page[page.len() - rest.len()..end]));
            assert!(!line.contains('\n'), "one command a block: {line}");
            rest = after;
            continue;
        }
        let (shown, after) = after.split_once("```").unwrap();
        parts.push(Part::Prose(before));
        parts.push(Part::Example { line, shown });
        rest = after;
    }
    parts.push(Part::Prose(rest));
    parts
}

/// What a page shows of an output: as many lines as before.
fn excerpt(printed: &str, shown: &str) -> String {
    let printed = printed.trim_end();
    let Some(kept) = shown.trim_end().strip_suffix(MORE).map(|kept| kept.lines().count()) else {
        return format!("{printed}\n");
    };
    let lines: Vec<_> = printed.lines().take(kept).collect();
    if lines.len() == printed.lines().count() {
        format!("{printed}\n")
    } else {
        format!("{}\n{MORE}\n", lines.join("\n"))
    }
}

/// A line without quotes, pipes and variables.
fn run(folder: &Path, line: &str) -> Ran {
    let words: Vec<_> = line.split_whitespace().collect();
    let ran = kiln(folder, &words);
    assert!(ran.status < 2, "kiln {line}: {}", ran.err);
    ran
}

#[test]
fn commands_print_what_the_page_shows() {
    let book = kiln_tests::root().join("docs/src");
    let path = book.join("cluster-your-network.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(book.join("data/desktops.tsv.gz"), folder.path().join("desktops.tsv.gz")).unwrap();
    let mut now = String::new();
    let mut examples = 0;
    for part in parts(&page) {
        match part {
            Part::Prose(text) => now += text,
            Part::Example { line, shown } => {
                let printed = run(folder.path(), line).out;
                let shown = excerpt(&printed, shown);
                write!(now, "```sh\nkiln {line}\n```\n\n```text\n{shown}```").unwrap();
                examples += 1;
            }
        }
    }
    assert!(examples > 4, "{examples}");
    let drawn = std::fs::read_to_string(folder.path().join(PICTURE.1)).unwrap();
    let picture = book.join(PICTURE.0);
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &now).unwrap();
        std::fs::write(&picture, drawn).unwrap();
        return;
    }
    assert_eq!(now, page, "INSTA_UPDATE=always makes the page anew");
    let before = std::fs::read_to_string(&picture).unwrap();
    assert!(drawn == before, "the picture has changed: INSTA_UPDATE=always makes it anew");
}

#[test]
fn pages_are_taken_apart_and_put_together() {
    let page = "a\n```sh\nkiln x y\n```\n\n```text\nout\n```\nb\n```sh\nkiln convert z\n```\n\nc\n";
    let parts = parts(page);
    assert_eq!(parts[1], Part::Example { line: "x y", shown: "out\n" });
    assert_eq!(parts[2], Part::Prose("\nb\n```sh\nkiln convert z\n```\n\nc\n"));
    assert_eq!(excerpt("1\n2\n3\n", "x\n[...]\n"), "1\n[...]\n");
    assert_eq!(excerpt("1\n2\n", "x\n"), "1\n2\n");
}
