//! Answers as text for people and as columns for programs.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, presets::NOTHING};
use kiln_receipts::report::terminal;

use super::numbers::{Share, Short, readable};
use super::outcome::Outcome;
use super::words::{answer, certainty, inside, meaning};

/// Rows that are printed; the forms for programs hold all.
const ROWS: usize = 30;

/// Letters in a line.
const WIDTH: usize = 79;

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

/// A paragraph in lines of at most 79 letters.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    // A number stays with its sign of percent.
    for word in text.replace(" %", "\u{a0}%").split(' ').map(|word| word.replace('\u{a0}', " ")) {
        let letters = word.chars().count();
        if width > 0 && width + 1 + letters > WIDTH {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines += &word;
        width += letters;
    }
    lines + "\n"
}

/// Rows under heads; some columns are numbers, which stand to the right.
pub(super) fn columns<'a>(
    heads: impl Iterator<Item = &'a str>,
    rows: impl Iterator<Item = Vec<String>>,
    numbers: &[usize],
) -> String {
    let mut table = terminal::table();
    // A name in pieces could neither be read nor copied, so that a line may be longer than the terminal.
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for (_, column) in table.column_iter_mut().enumerate().filter(|(at, _)| numbers.contains(at)) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
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
