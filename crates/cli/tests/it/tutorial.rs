//! The tutorial's commands, run as they stand there, print what stands there. With `INSTA_UPDATE=always`, as for
//! snapshots, the page and its picture take over what is printed.

use std::fmt::Write as _;
use std::path::Path;

use crate::{Ran, kiln};

/// What a page puts in place of further lines.
const MORE: &str = "[...]";
/// A page with what its commands read, and a picture with the file that one of them writes it to.
struct Tutorial {
    page: &'static str,
    data: &'static str,
    picture: (&'static str, &'static str),
}

#[cfg(feature = "graph")]
const NETWORK: Tutorial = Tutorial {
    page: "cluster-your-network.md",
    data: "desktops.tsv.gz",
    picture: ("images/cluster-python.svg", "python.svg"),
};

#[cfg(feature = "linear")]
const TABLE: Tutorial = Tutorial {
    page: "tutorial-table.md",
    data: "packages.csv.gz",
    picture: ("images/linear-path.svg", "depends.html"),
};

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

#[cfg(feature = "graph")]
#[test]
fn commands_about_a_network_print_what_the_page_shows() {
    assert!(printed(&NETWORK) > 4);
}

#[cfg(feature = "linear")]
#[test]
fn commands_about_a_table_print_what_the_page_shows() {
    assert!(printed(&TABLE) > 2);
}

/// The picture in a file: all of it, or the first one of a page.
fn drawn(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    if !text.starts_with("<!DOCTYPE") {
        return text;
    }
    let start = text.find("<svg").unwrap();
    let end = start + text[start..].find("</svg>").unwrap() + "</svg>".len();
    let picture = &text[start..end];
    // On its own, a picture must say what it is.
    let named = "<svg xmlns=\"http://www.w3.org/2000/svg\"";
    if picture.contains("xmlns=") {
        picture.to_owned() + "\n"
    } else {
        picture.replacen("<svg", named, 1) + "\n"
    }
}

/// Compares the outputs, or makes the page anew; the number of its examples.
fn printed(tutorial: &Tutorial) -> usize {
    let book = kiln_tests::root().join("docs/src");
    let path = book.join(tutorial.page);
    let page = std::fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(book.join("data").join(tutorial.data), folder.path().join(tutorial.data)).unwrap();
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
    let drawn = drawn(&folder.path().join(tutorial.picture.1));
    let picture = book.join(tutorial.picture.0);
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        std::fs::write(&path, &now).unwrap();
        std::fs::write(&picture, drawn).unwrap();
        return examples;
    }
    assert_eq!(now, page, "INSTA_UPDATE=always makes the page anew");
    let before = std::fs::read_to_string(&picture).unwrap();
    // What is drawn, not its figures: the last digits of some are not certain, and differ between processors.
    let shapes = |picture: &str| {
        picture
            .split('<')
            .map(|part| part.split([' ', '>']).next().unwrap_or("").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(shapes(&drawn), shapes(&before), "the picture has changed: INSTA_UPDATE=always makes it anew");
    examples
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
