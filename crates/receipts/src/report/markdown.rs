//! The report as Markdown.

use std::fmt::{self, Formatter};

use super::{ClaimReport, PaperReport, Report, figure_file};
use crate::{progress::duration, verdict::CheckReport};

/// `report.md` of a report, by its `Display`.
#[derive(Debug, Clone, Copy)]
pub struct Markdown<'a>(pub &'a Report);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write_report(out, self.0)
    }
}

fn write_report(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(out, "# Kiln: reproduced claims\n")?;
    for (count, name) in report.summary.counts() {
        writeln!(out, "* {count} {name}")?;
    }
    writeln!(
        out,
        "\n{}",
        super::circumstances(report).map(|(name, value)| format!("{name}: {value}")).join(". ")
    )?;
    for paper in &report.papers {
        write_paper(out, paper)?;
    }
    Ok(())
}

fn write_paper(out: &mut Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    writeln!(out, "\n## {}\n\n{}. <{}>\n", escape(&paper.title), escape(&paper.citation), paper.url)?;
    writeln!(out, "| claim | place | terms | verdict | measured | time |\n|---|---|---|---|---|---|")?;
    for claim in &paper.claims {
        let measured: Vec<_> = claim.checks.iter().map(|check| escape(&check_line(check))).collect();
        let (id, place, words) = (escape(&claim.id), escape(&claim.place), claim.verdict.words());
        let terms = &claim.terms;
        writeln!(
            out,
            "| {id} | {place} | {terms} | {words} | {} | {} |",
            measured.join("<br>"),
            duration(claim.seconds)
        )?;
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
            writeln!(out, "\n![{}](figures/{file})\n\n{}", escape(&figure.title), escape(&figure.caption))?;
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
    writeln!(out, "* Terms: {}", escape(&claim.terms_in_full))?;
    writeln!(out, "* Tested here: {}", escape(&claim.test))?;
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
