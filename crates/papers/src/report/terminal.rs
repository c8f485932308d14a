//! The summary on the terminal.

use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};

use super::{ClaimReport, Report};
use crate::{progress::duration, verdict::Verdict};

/// The claims with their verdicts as a table, then the counts. Coloured when standard output is a terminal and
/// `NO_COLOR` is not set.
pub fn summary_table(report: &Report) -> String {
    let colours = colours();
    let mut table = table(colours);
    table.set_header(["paper", "claim", "verdict", "measured", "time"]);
    for (paper, claim) in report.papers.iter().flat_map(|p| p.claims.iter().map(move |c| (p, c))) {
        let mut verdict = Cell::new(claim.words());
        if colours {
            verdict = verdict.fg(colour(claim)).add_attribute(Attribute::Bold);
        }
        table.add_row([
            Cell::new(&paper.id),
            Cell::new(format!("{} {}", claim.id, claim.place)),
            verdict,
            Cell::new(measured(claim)),
            Cell::new(duration(claim.seconds)),
        ]);
    }
    let mut text = format!("{table}\n");
    for (paper, claim) in report.papers.iter().flat_map(|p| p.claims.iter().map(move |c| (p, c))) {
        if let Some(remark) = claim.remark().filter(|_| claim.verdict != Verdict::SkippedAtThisScale) {
            text.push_str(&format!("{} {}: {remark}\n", paper.id, claim.id));
        }
    }
    for paper in report.papers.iter().filter(|paper| !paper.not_run.is_empty()) {
        text.push_str(&format!("{}: not run here: {}\n", paper.id, paper.not_run.join(", ")));
    }
    let counts = report.summary.counts().into_iter().map(|(count, name)| format!("{count} {name}"));
    text.push_str(&format!("{} in {}\n", counts.collect::<Vec<_>>().join(", "), duration(report.seconds)));
    text
}

/// Whether standard output shows colours.
pub(crate) fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An empty table that fits the terminal, or 100 columns.
pub(crate) fn table(colours: bool) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if colours {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if !std::io::stdout().is_terminal() {
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

fn measured(claim: &ClaimReport) -> String {
    let line = |check: &crate::verdict::CheckReport| {
        let measured = check.measured.as_ref()?;
        Some(format!(
            "{} {} {} ({} {})",
            check.name,
            measured.value,
            check.unit,
            if check.passed == Some(false) { "should be" } else { "wanted" },
            check.threshold
        ))
    };
    claim.checks.iter().filter_map(line).collect::<Vec<_>>().join("\n").replace("  ", " ")
}
