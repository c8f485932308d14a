//! Answers as text for people and as columns for programs.

use std::fmt::Write as _;

use super::outcome::Outcome;
use super::words::{answer, certainty, inside, meaning};
use crate::numbers::{Share, Short, readable};
use crate::print::{columns, wrapped};

/// Rows that are printed; the forms for programs hold all.
const ROWS: usize = 30;

/// What a person reads.
pub(super) fn text(outcome: &Outcome) -> String {
    let found = outcome.cluster.is_some();
    let shown: Vec<_> = outcome.scores.iter().filter(|score| score.member || !found).collect();
    let rows = shown.iter().take(ROWS).map(|score| {
        let mut row =
            vec![readable(&score.node), Short(score.score).to_string(), Short(score.degree).to_string()];
        if found {
            row.push(Share(score.inside).to_string());
        }
        row
    });
    let heads = ["node", "score", "degree", "inside"];
    let mut said = wrapped(&answer(outcome)) + "\n";
    said += &columns(heads.iter().take(if found { 4 } else { 3 }).copied(), rows, &[1, 2, 3]);
    if shown.len() > ROWS {
        let _ = writeln!(said, "… and {} more: --print tsv or --out FILE.tsv has all", shown.len() - ROWS);
    }
    let sentences = [meaning(outcome), if found { inside() } else { "" }, &certainty(outcome)];
    said.push('\n');
    for sentence in sentences.iter().filter(|sentence| !sentence.is_empty()) {
        said += &wrapped(sentence);
    }
    said
}

/// Every score in tab-separated columns, members first.
pub(super) fn tsv(outcome: &Outcome) -> String {
    let mut text = "node\tscore\terror\tdegree\tinside\tmember\tseed\n".to_owned();
    let (members, others): (Vec<_>, Vec<_>) = outcome.scores.iter().partition(|score| score.member);
    for score in members.into_iter().chain(others) {
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}",
            plain(&score.node),
            score.score,
            outcome.error_bar.each,
            score.degree,
            score.inside,
            u8::from(score.member),
            u8::from(score.seed)
        );
    }
    text
}

/// A name without tabs and line ends, which would be columns and rows.
pub(super) fn plain(name: &str) -> String {
    name.replace(['\t', '\n', '\r'], " ")
}
