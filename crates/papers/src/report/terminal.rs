//! The summary on the terminal.

use std::{fmt, io::IsTerminal};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{ClaimReport, Report, measured};
use crate::{progress::duration, verdict::Verdict};

/// The claims with their verdicts as a table, what the reader must know besides, and the counts, by its `Display`.
/// Coloured when standard output is a terminal and `NO_COLOR` is not set.
#[derive(Debug, Clone, Copy)]
pub struct SummaryTable<'a>(pub &'a Report);

impl fmt::Display for SummaryTable<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let claims =
            || report.papers.iter().flat_map(|paper| paper.claims.iter().map(move |claim| (paper, claim)));
        let mut table = table();
        table.set_header(["paper", "claim", "verdict", "measured", "time"]);
        for (paper, claim) in claims() {
            let verdict = Cell::new(claim.words()).fg(colour(claim)).add_attribute(Attribute::Bold);
            table.add_row([
                Cell::new(&paper.id),
                Cell::new(format!("{} {}", claim.id, claim.place)),
                verdict,
                Cell::new(checks(claim)),
                Cell::new(duration(claim.seconds)),
            ]);
        }
        writeln!(out, "{table}")?;
        for (paper, claim) in claims().filter(|(_, claim)| claim.verdict != Verdict::SkippedAtThisScale) {
            if let Some(remark) = claim.remark() {
                writeln!(out, "{} {}: {remark}", paper.id, claim.id)?;
            }
        }
        for paper in report.papers.iter().filter(|paper| !paper.not_run.is_empty()) {
            writeln!(out, "{}: not run here: {}", paper.id, paper.not_run.join(", "))?;
        }
        let counts: Vec<_> =
            report.summary.counts().iter().map(|(count, name)| format!("{count} {name}")).collect();
        let counts = if counts.is_empty() { "no claims".to_owned() } else { counts.join(", ") };
        writeln!(out, "{counts}; the experiments took {}", duration(report.seconds))
    }
}

/// An empty table that fits the terminal, or 100 columns without colours.
pub(crate) fn table() -> Table {
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
    match (&claim.verdict, &claim.known_finding) {
        (Verdict::Reproduced, _) => Color::Green,
        (Verdict::NotReproduced, None) | (Verdict::Error { .. }, _) => Color::Red,
        _ => Color::Yellow,
    }
}

/// One line for each check that was measured.
fn checks(claim: &ClaimReport) -> String {
    let lines = claim.checks.iter().filter(|check| check.measured.is_some()).map(|check| {
        let verb = if check.passed == Some(false) { "should be" } else { "wanted" };
        format!("{} {} ({verb} {})", check.name, measured(check), check.threshold)
    });
    lines.collect::<Vec<_>>().join("\n")
}
