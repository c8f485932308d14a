//! The summary on the terminal.

use std::{collections::BTreeMap, fmt, io::IsTerminal};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

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
            let mut table = table();
            table.set_header(["claim", "place", "verdict", "measured", "time"]);
            for claim in &paper.claims {
                let verdict = format!("{}\n{}", claim.verdict.words(), claim.terms);
                let verdict = Cell::new(verdict).fg(colour(claim)).add_attribute(Attribute::Bold);
                let (id, place) = (Cell::new(&claim.id), Cell::new(&claim.place));
                let (checks, time) = (Cell::new(checks(claim)), Cell::new(duration(claim.seconds)));
                table.add_row([id, place, verdict, checks, time]);
            }
            writeln!(out, "{}\n{table}", paper.id)?;
            write_remarks(out, paper)?;
        }
        let counts: Vec<_> =
            report.summary.counts().iter().map(|(count, name)| format!("{count} {name}")).collect();
        writeln!(out, "{}; the experiments took {}", counts.join(", "), duration(report.seconds))?;
        let surprises = report.papers.iter().flat_map(|paper| {
            let claims = paper.claims.iter().filter(|claim| claim.is_a_surprise());
            claims.map(|claim| format!("{} of {}", claim.id, paper.id))
        });
        let surprises: Vec<_> = surprises.collect();
        if surprises.is_empty() { Ok(()) } else { writeln!(out, "NOT as expected: {}", surprises.join(", ")) }
    }
}

/// What the reader must know besides the table; where to get data is said once for each data set.
fn write_remarks(out: &mut fmt::Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    for claim in &paper.claims {
        if let Verdict::NeedsData { what, .. } = &claim.verdict {
            writeln!(out, "{}: Needs {what}", claim.id)?;
            continue;
        }
        for remark in claim.remarks() {
            writeln!(out, "{}: {remark}", claim.id)?;
        }
    }
    let missing = paper.experiments.iter().flat_map(|outcome| &outcome.missing);
    let hints: BTreeMap<_, _> = missing.map(|missing| (&missing.name, &missing.hint)).collect();
    for (name, hint) in hints {
        writeln!(out, "To get {name}: {hint}")?;
    }
    if !paper.not_run.is_empty() {
        writeln!(out, "Not run here: {}", paper.not_run.join(", "))?;
    }
    Ok(())
}

/// An empty table that fits the terminal, or 100 columns without colours.
pub fn table() -> Table {
    let terminal = std::io::stdout().is_terminal();
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if !terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        table.force_no_tty();
    }
    if !terminal {
        table.set_width(100);
    }
    table
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
