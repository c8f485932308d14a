//! The report as one self-contained HTML page: no script, nothing loaded, light or dark as the reader's
//! system is.

use std::fmt::{self, Formatter};

use super::{
    ClaimReport, PaperReport, Report, behind, circumstances, data_table, evidence, measured, wanted,
};
use crate::recorder::Table;
use crate::verdict::Finding;

const STYLE: &str = include_str!("style.css");

/// `report.html` of a report, by its `Display`.
#[derive(Debug, Clone, Copy)]
pub struct Html<'a>(pub &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write_page(out, self.0)
    }
}

/// Escapes text for HTML, also inside quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

fn write_page(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Kiln: reproduced claims</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Reproduced claims</h1>\n<ul class=\"counts\">"
    )?;
    for (count, words) in report.summary.counts() {
        let badge = badge(words);
        writeln!(out, "<li><strong>{count}</strong> {badge}</li>")?;
    }
    writeln!(out, "</ul>\n<dl class=\"circumstances\">")?;
    for (name, value) in circumstances(report) {
        writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
    }
    writeln!(out, "</dl>")?;
    for paper in &report.papers {
        write_paper(out, paper)?;
    }
    writeln!(out, "</main>\n</body>\n</html>")
}

fn write_paper(out: &mut Formatter<'_>, paper: &PaperReport) -> fmt::Result {
    let (id, title, url) = (escape(&paper.id), escape(&paper.title), escape(&paper.url));
    writeln!(
        out,
        "<section id=\"{id}\">\n<h2>{title}</h2>\n<p>{}. <a href=\"{url}\">{url}</a></p>",
        escape(&paper.citation)
    )?;
    writeln!(
        out,
        "<div class=\"scroll\"><table class=\"claims\">\n<thead><tr><th>Verdict</th><th>Claim</th>\
         <th>The paper says</th><th>Tested here</th><th>Measured</th><th>Evidence</th></tr></thead>\n<tbody>"
    )?;
    for claim in &paper.claims {
        write_claim(out, paper, claim)?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if !paper.not_run.is_empty() {
        writeln!(out, "<p>Not run here: {}.</p>", escape(&paper.not_run.join(", ")))?;
    }
    for note in paper.experiments.iter().flat_map(|outcome| &outcome.notes) {
        writeln!(out, "<p>{}</p>", escape(note))?;
    }
    let figures: Vec<_> = paper.experiments.iter().flat_map(|outcome| &outcome.figures).collect();
    if !figures.is_empty() {
        writeln!(out, "<div class=\"figures\">")?;
        for figure in figures {
            let caption = match figure.caption.as_str() {
                "" => String::new(),
                caption => format!("\n<figcaption>{}</figcaption>", escape(caption)),
            };
            writeln!(out, "<figure>\n{}{caption}\n</figure>", figure.svg().trim_end())?;
        }
        writeln!(out, "</div>")?;
    }
    for table in paper.experiments.iter().flat_map(|outcome| &outcome.tables).chain(&data_table(paper)) {
        write_table(out, table)?;
    }
    writeln!(out, "</section>")
}

fn write_claim(out: &mut Formatter<'_>, paper: &PaperReport, claim: &ClaimReport) -> fmt::Result {
    let (badge, id, place) = (badge(claim.verdict.words()), escape(&claim.id), escape(&claim.place));
    let (says, test, terms) = (escape(&claim.says), escape(&claim.test), escape(&claim.terms_in_full));
    writeln!(
        out,
        "<tr id=\"{}-{id}\">\n<td data-label=\"Verdict\">{badge}</td>\n\
         <td data-label=\"Claim\"><strong>{id}</strong> {place}</td>\n\
         <td data-label=\"The paper says\">{says}</td>\n<td data-label=\"Tested here\">{test}<br><small>Terms: {terms}</small></td>\n\
         <td data-label=\"Measured\"><ul>",
        escape(&paper.id)
    )?;
    for check in &claim.checks {
        let class = match check.finding {
            Finding::Holds => "passed",
            Finding::Fails => "failed",
            Finding::Undecided { .. } | Finding::NotJudged { .. } => "open",
        };
        let (name, measured, wanted) =
            (escape(&check.name), escape(&measured(check)), escape(&wanted(check)));
        let behind =
            behind(check).map_or(String::new(), |behind| format!("<br><small>{}</small>", escape(&behind)));
        writeln!(
            out,
            "<li class=\"{class}\">{name}: <strong>{measured}</strong>{behind}<br><small>{wanted}</small></li>"
        )?;
    }
    writeln!(out, "</ul></td>\n<td data-label=\"Evidence\"><ul>")?;
    for line in evidence(claim) {
        writeln!(out, "<li>{}</li>", escape(&line))?;
    }
    writeln!(out, "</ul></td>\n</tr>")?;
    for remark in claim.remarks() {
        writeln!(out, "<tr class=\"remark\"><td colspan=\"6\">{}</td></tr>", escape(&remark))?;
    }
    Ok(())
}

fn write_table(out: &mut Formatter<'_>, table: &Table) -> fmt::Result {
    let (title, caption) = (escape(&table.title), escape(&table.caption));
    writeln!(out, "<h3>{title}</h3>")?;
    if !caption.is_empty() {
        writeln!(out, "<p>{caption}</p>")?;
    }
    writeln!(out, "<div class=\"scroll\"><table class=\"data\">\n<thead><tr>")?;
    for column in &table.columns {
        writeln!(out, "<th>{}</th>", escape(column))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in &table.rows {
        let cells = row.iter().map(|cell| {
            let number =
                cell.chars().next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '−' | '-' | '∞'));
            format!("<td{}>{}</td>", if number { " class=\"number\"" } else { "" }, escape(cell))
        });
        writeln!(out, "<tr>{}</tr>", cells.collect::<String>())?;
    }
    writeln!(out, "</tbody></table></div>")
}

/// A verdict in its colour; the colour says nothing that the words don't.
fn badge(words: &str) -> String {
    format!("<span class=\"badge {}\">{words}</span>", words.replace(' ', "-"))
}
