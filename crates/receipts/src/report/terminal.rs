//! The summary on the terminal.

use std::{collections::BTreeMap, fmt, io::IsTerminal};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{ClaimReport, PaperReport, Report};
use crate::{progress::duration, verdict::Verdict};

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
                let verdict = Cell::new(claim.words()).fg(colour(claim)).add_attribute(Attribute::Bold);
                let (id, place) = (Cell::new(&claim.id), Cell::new(&claim.place));
                table.add_row([
                    id,
                    place,
                    verdict,
                    Cell::new(checks(claim)),
                    Cell::new(duration(claim.seconds)),
                ]);
            }
            writeln!(out, "{}\n{table}", paper.id)?;
            write_remarks(out, paper)?;
        }
        let counts: Vec<_> =
            report.summary.counts().iter().map(|(count, name)| format!("{count} {name}")).collect();
        let counts = if counts.is_empty() { "no claims".to_owned() } else { counts.join(", ") };
        writeln!(out, "{counts}; the experiments took {}", duration(report.seconds))
    }
}

/// What the reader must know besides the table; where to get data is said once for each data set.
fn write_remarks(out: &mut fmt::Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    for claim in &paper.claims {
        match (&claim.verdict, claim.remark()) {
            (Verdict::NeedsData { what, .. }, _) => writeln!(out, "{}: Needs {what}", claim.id)?,
            (Verdict::SkippedAtThisScale, _) | (_, None) => {}
            (_, Some(remark)) => writeln!(out, "{}: {remark}", claim.id)?,
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
    match (&claim.verdict, &claim.known_finding) {
        (Verdict::Reproduced, _) => Color::Green,
        (Verdict::NotReproduced, None) | (Verdict::Error { .. }, _) => Color::Red,
        _ => Color::Yellow,
    }
}

/// One line for each check that was measured.
fn checks(claim: &ClaimReport) -> String {
    let lines = claim.checks.iter().filter_map(|check| {
        let value = check.measured.as_ref()?.value;
        let verb = if check.passed == Some(false) { "should be" } else { "wanted" };
        Some(format!("{}: {value} ({verb} {})", check.name, check.threshold))
    });
    lines.collect::<Vec<_>>().join("\n")
}
