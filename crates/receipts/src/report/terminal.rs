//! The summary on the terminal.

use std::{collections::BTreeMap, fmt, io::IsTerminal};

use comfy_table::{
    Attribute, Cell, Color, ContentArrangement, Table,
    presets::{NOTHING, UTF8_FULL_CONDENSED},
};

use super::{ClaimReport, PaperReport, Report};
use crate::progress::duration;
use crate::verdict::{CheckReport, Finding, Verdict};

/// The claims with their verdicts as a table, what the reader must know besides, and the counts, by its
/// `Display`. Coloured when standard output is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy)]
pub struct SummaryTable<'a>(pub &'a Report);

impl fmt::Display for SummaryTable<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for paper in &report.papers {
            let row = |claim: &ClaimReport| {
                let verdict = format!("{}\n{}", claim.verdict.words(), claim.terms);
                let verdict = Cell::new(verdict.trim_end()).fg(colour(claim)).add_attribute(Attribute::Bold);
                let time = if claim.is_attempted() { duration(claim.seconds) } else { String::new() };
                let (id, place) = (Cell::new(&claim.id), Cell::new(&claim.place));
                vec![id, place, verdict, Cell::new(checks(claim)), Cell::new(time)]
            };
            let claims = paper.claims.iter().map(row).collect();
            let table = rows(&["claim", "place", "verdict", "measured", "time"], claims);
            writeln!(out, "{}\n{table}", paper.id)?;
            write_remarks(out, paper)?;
        }
        let counts: Vec<_> =
            report.summary.counts().iter().map(|(count, name)| format!("{count} {name}")).collect();
        let counts = format!("{}; the experiments took {}", counts.join(", "), duration(report.seconds));
        out.write_str(&wrapped(&counts))?;
        let surprises = report.papers.iter().flat_map(|paper| {
            let claims = paper.claims.iter().filter(|claim| claim.is_a_surprise());
            claims.map(|claim| format!("{} of {}", claim.id, paper.id))
        });
        let surprises: Vec<_> = surprises.collect();
        if surprises.is_empty() {
            return Ok(());
        }
        out.write_str(&wrapped(&format!("NOT as expected: {}", surprises.join(", "))))
    }
}

/// What the reader must know besides the table; where to get data is said once for each data set.
fn write_remarks(out: &mut fmt::Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    for claim in &paper.claims {
        if let Verdict::NeedsData { what, .. } = &claim.verdict {
            out.write_str(&wrapped(&format!("{}: Needs {what}", claim.id)))?;
            continue;
        }
        for remark in claim.remarks() {
            out.write_str(&wrapped(&format!("{}: {remark}", claim.id)))?;
        }
    }
    let missing = paper.experiments.iter().flat_map(|outcome| &outcome.missing);
    let hints: BTreeMap<_, _> = missing.map(|missing| (&missing.name, &missing.hint)).collect();
    for (name, hint) in hints {
        out.write_str(&wrapped(&format!("To get {name}: {hint}")))?;
    }
    if !paper.not_run.is_empty() {
        out.write_str(&wrapped(&format!("Not run here: {}", paper.not_run.join(", "))))?;
    }
    Ok(())
}

/// Columns of the terminal; of a pipe, `COLUMNS` or 100.
fn width() -> u16 {
    let named = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let shown = std::io::stdout().is_terminal().then(|| Table::new().width()).flatten();
    shown.or_else(named).unwrap_or(100).max(20)
}

/// Below this many columns a table is shown as a list of its rows.
const NARROW: u16 = 72;

/// An empty table that fits the terminal; in a pipe without colours.
pub fn table() -> Table {
    let terminal = std::io::stdout().is_terminal();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if !terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        table.force_no_tty();
    }
    table.set_width(width());
    table
}

/// A table with these heads and rows; on a narrow terminal, each row as a list of heads and cells.
pub(super) fn rows(heads: &[&str], rows: Vec<Vec<Cell>>) -> String {
    let mut table = table();
    if width() >= NARROW {
        table.set_header(heads.to_vec());
        table.add_rows(rows);
        return table.to_string();
    }
    table.load_style(NOTHING);
    for (number, row) in rows.into_iter().enumerate() {
        if number > 0 {
            table.add_row([""]);
        }
        for (head, cell) in heads.iter().zip(row).filter(|(_, cell)| !cell.content().is_empty()) {
            table.add_row([Cell::new(head), cell]);
        }
    }
    table.to_string()
}

/// The text in lines that fit the terminal, as far as its words do, with a line break at the end.
pub(super) fn wrapped(text: &str) -> String {
    let width = usize::from(width());
    let mut lines = String::new();
    for line in text.lines() {
        let mut column = 0;
        for (number, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if number > 0 {
                let fits = column + 1 + length <= width;
                lines.push(if fits { ' ' } else { '\n' });
                column = if fits { column + 1 } else { 0 };
            }
            lines.push_str(word);
            column += length;
        }
        lines.push('\n');
    }
    lines
}

fn colour(claim: &ClaimReport) -> Color {
    match &claim.verdict {
        Verdict::Error { .. } => Color::Red,
        _ if claim.is_a_surprise() => Color::Red,
        Verdict::Reproduced => Color::Green,
        _ => Color::Yellow,
    }
}

/// One line for each check that was measured.
fn checks(claim: &ClaimReport) -> String {
    let lines = claim.checks.iter().filter(|check| !check.groups.is_empty()).map(|check| {
        let CheckReport { name, wanted, finding, .. } = check;
        let word = match finding {
            Finding::Holds => "holds",
            Finding::Fails => "fails",
            Finding::Undecided { .. } => "undecided",
            Finding::NotJudged { .. } => "not judged",
        };
        format!("{name}: {} ({wanted}): {word}", super::measured(check))
    });
    lines.collect::<Vec<_>>().join("\n")
}
