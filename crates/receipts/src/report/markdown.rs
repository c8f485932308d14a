//! The report as Markdown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Formatter},
};

use super::{ClaimReport, PaperReport, Report, figure_file};
use crate::{progress::duration, verdict::CheckReport};

/// `report.md` of a report, by its `Display`.
#[derive(Debug, Clone, Copy)]
pub struct Markdown<'a> {
    /// The report.
    pub report: &'a Report,
    /// An earlier one: what changed since is then said first.
    pub baseline: Option<&'a Report>,
}

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(out, "# Claims and verdicts\n")?;
        for (count, name) in report.summary.counts() {
            writeln!(out, "* {count} {name}")?;
        }
        if let Some(baseline) = self.baseline {
            write_changes(out, report, baseline)?;
        }
        writeln!(
            out,
            "\n{}",
            super::circumstances(report)
                .into_iter()
                .map(|(name, value)| escape(&format!("{name}: {value}")))
                .collect::<Vec<_>>()
                .join("  \n")
        )?;
        report.papers.iter().try_for_each(|paper| write_paper(out, paper))
    }
}

/// What became of each claim, by paper and claim.
fn verdicts(report: &Report) -> BTreeMap<(&str, &str), String> {
    let words = |claim: &ClaimReport| {
        let surprise = if claim.is_a_surprise() { ", not as expected" } else { "" };
        let terms = if claim.is_attempted() { format!(" ({})", claim.terms) } else { String::new() };
        format!("{}{terms}{surprise}", claim.verdict.words())
    };
    let claims = report.papers.iter().flat_map(|paper| paper.claims.iter().map(move |claim| (paper, claim)));
    claims.map(|(paper, claim)| ((paper.id.as_str(), claim.id.as_str()), words(claim))).collect()
}

/// The claims whose verdict or terms are not what they were.
fn write_changes(out: &mut Formatter<'_>, report: &Report, baseline: &Report) -> fmt::Result {
    let (before, now) = (verdicts(baseline), verdicts(report));
    let claims: BTreeSet<_> = before.keys().chain(now.keys()).copied().collect();
    let changed: Vec<_> = claims.into_iter().filter(|claim| before.get(claim) != now.get(claim)).collect();
    let sources = |report: &Report| escape(&report.program.sources());
    writeln!(
        out,
        "\n## Changes\n\nAgainst {} of {}, {} scale: ",
        sources(baseline),
        baseline.created,
        baseline.settings.scale
    )?;
    if changed.is_empty() {
        return writeln!(out, "no verdict changed.");
    }
    writeln!(out, "\n| paper | claim | before | now |\n|---|---|---|---|")?;
    for claim in changed {
        let word =
            |known: &BTreeMap<_, String>| known.get(&claim).cloned().unwrap_or_else(|| "absent".to_owned());
        let cells = [claim.0.to_owned(), claim.1.to_owned(), word(&before), word(&now)];
        writeln!(out, "{}", row(&cells))?;
    }
    Ok(())
}

fn write_paper(out: &mut Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    writeln!(out, "\n## {}\n\n{}. <{}>\n", escape(&paper.title), escape(&paper.citation), paper.url)?;
    writeln!(out, "| claim | place | terms | verdict | measured | time |\n|---|---|---|---|---|---|")?;
    for claim in &paper.claims {
        let measured: Vec<_> = claim.checks.iter().map(|check| escape(&check_line(check))).collect();
        let (id, place, words) = (escape(&claim.id), escape(&claim.place), claim.verdict.words());
        let (terms, time) = if claim.is_attempted() {
            (claim.terms.as_str(), duration(claim.seconds))
        } else {
            ("", String::new())
        };
        writeln!(out, "| {id} | {place} | {terms} | {words} | {} | {time} |", measured.join("<br>"))?;
    }
    if !paper.not_run.is_empty() {
        writeln!(out, "\nNot run here: {}.", paper.not_run.join(", "))?;
    }
    for claim in &paper.claims {
        write_claim(out, claim)?;
    }
    for outcome in &paper.experiments {
        for note in &outcome.notes {
            writeln!(out, "\n{}", escape(note))?;
        }
        for figure in &outcome.figures {
            let file = figure_file(&paper.id, &outcome.experiment, &figure.id);
            writeln!(
                out,
                "\n![{}](figures/{file}.svg)\n\n{}",
                escape(&figure.title),
                escape(&figure.caption)
            )?;
        }
    }
    for table in paper.experiments.iter().flat_map(|outcome| &outcome.tables).chain(&super::data_table(paper))
    {
        writeln!(out, "\n### {}\n", escape(&table.title))?;
        if !table.caption.is_empty() {
            writeln!(out, "{}\n", escape(&table.caption))?;
        }
        writeln!(out, "{}", row(&table.columns))?;
        writeln!(out, "|{}", "---|".repeat(table.columns.len()))?;
        for cells in &table.rows {
            writeln!(out, "{}", row(cells))?;
        }
    }
    Ok(())
}

fn write_claim(out: &mut Formatter<'_>, claim: &ClaimReport) -> fmt::Result {
    writeln!(out, "\n### {} {}: {}\n", escape(&claim.id), escape(&claim.place), claim.verdict.words())?;
    writeln!(out, "* The paper says: {}", escape(&claim.says))?;
    if claim.is_attempted() {
        writeln!(out, "* Terms: {}", escape(&claim.terms_in_full))?;
        writeln!(out, "* Tested here: {}", escape(&claim.test))?;
    }
    for check in &claim.checks {
        writeln!(out, "* {}", escape(&check_line(check)))?;
    }
    for line in super::evidence(claim) {
        writeln!(out, "* {}", escape(&line))?;
    }
    for remark in claim.remarks() {
        writeln!(out, "* {}", escape(&remark))?;
    }
    Ok(())
}

/// One check in one line.
fn check_line(check: &CheckReport) -> String {
    let behind = super::behind(check).map_or(String::new(), |behind| format!(" ({behind})"));
    format!("{}: {}{behind}; {}", check.name, super::measured(check), super::wanted(check))
}

pub(super) fn row(cells: &[String]) -> String {
    cells.iter().fold("|".to_owned(), |row, cell| format!("{row} {} |", escape(cell)))
}

/// Escapes what Markdown or its HTML would read as markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => escaped.extend(['\\', c]),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}
