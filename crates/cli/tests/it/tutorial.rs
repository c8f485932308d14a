//! The tutorial's commands, run as they stand there, print what stands there.

use std::path::Path;

use crate::Ran;

/// Commands with what the page shows of their output: a block `sh`, then a block `text`.
fn examples(page: &str) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    let mut blocks = page.split("\n```").skip(1).step_by(2).peekable();
    while let Some(block) = blocks.next() {
        let (language, code) = block.split_once('\n').unwrap();
        let Some(line) = code.lines().find(|line| line.starts_with("kiln ")) else { continue };
        let shown = blocks.peek().and_then(|next| next.strip_prefix("text\n")).unwrap_or_default();
        if language == "sh" {
            examples.push((line.to_owned(), shown.to_owned()));
        }
    }
    examples
}

#[test]
fn commands_print_what_the_page_shows() {
    let book = kiln_tests::root().join("docs/src");
    let page = std::fs::read_to_string(book.join("cluster-your-network.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(book.join("data/desktops.tsv.gz"), folder.path().join("desktops.tsv.gz")).unwrap();
    let examples = examples(&page);
    assert!(examples.len() > 3);
    for (line, shown) in examples {
        let ran = run(folder.path(), &line);
        assert!(ran.status < 2, "{line}: {}", ran.err);
        let shown = shown.trim_end();
        // A page may end an output with an ellipsis.
        let (printed, shown) = match shown.strip_suffix("\n[...]") {
            Some(shown) => (ran.out.get(..shown.len()).unwrap_or(&ran.out).to_owned(), shown),
            None => (ran.out.trim_end().to_owned(), shown),
        };
        assert_eq!(printed, shown, "{line}");
    }
}

/// A line without quotes, pipes and variables.
fn run(folder: &Path, line: &str) -> Ran {
    let words: Vec<_> = line.split_whitespace().skip(1).collect();
    crate::kiln(folder, &words)
}
