//! Paragraphs and columns for a terminal.

use comfy_table::{CellAlignment, ContentArrangement, presets::NOTHING};
use kiln_receipts::report::terminal;

/// Letters in a line.
const WIDTH: usize = 79;

/// A paragraph in lines of at most 79 letters.
pub(crate) fn wrapped(text: &str) -> String {
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
pub(crate) fn columns<'a>(
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
