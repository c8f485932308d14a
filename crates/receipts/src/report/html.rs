//! The report as one self-contained HTML page: nothing is loaded, it is light or dark as the reader's system is, and
//! its script only folds and filters.

use std::{
    collections::BTreeSet,
    fmt::{self, Formatter},
};

use super::{
    ClaimReport, PaperReport, Report, behind, circumstances, data_table, escape::escape, evidence,
    figure::Figure, figure_file, interval, measured, svg, wanted,
};
use crate::recorder::Table;
use crate::verdict::{CheckReport, Finding};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// `report.html` of a report, by its `Display`.
#[derive(Debug, Clone, Copy)]
pub struct Html<'a>(pub &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let title = report.papers.first().map_or("Claims and verdicts", |paper| match report.papers.len() {
            1 => paper.title.as_str(),
            _ => "Claims and verdicts",
        });
        writeln!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}: claims and verdicts</title>\n<style>{STYLE}{}</style>\n</head>\n<body>\n<main>\n\
             <h1>Claims and verdicts</h1>",
            svg::style_sheet(),
            title = escape(title),
        )?;
        write_counts(out, report)?;
        write_tools(out, report)?;
        write_matrix(out, report)?;
        writeln!(out, "<dl class=\"circumstances\">")?;
        for (name, value) in circumstances(report) {
            writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
        }
        writeln!(out, "</dl>")?;
        report.papers.iter().try_for_each(|paper| write_paper(out, report, paper))?;
        writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
    }
}

/// The sign of a verdict, so that its colour is not all that tells it.
fn sign(words: &str) -> &'static str {
    match words {
        "reproduced" => "✓",
        "contradicted" => "✗",
        "not shown" => "N",
        "undecided" => "?",
        "not attempted" => "–",
        "needs data" => "D",
        "needs GPU" => "G",
        "skipped at this scale" => "S",
        _ => "!",
    }
}

/// A verdict as a class.
fn class(words: &str) -> String {
    words.to_lowercase().replace(' ', "-")
}

fn write_counts(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(out, "<ul class=\"counts\">")?;
    for (count, words) in report.summary.counts() {
        let (class, sign) = (class(words), sign(words));
        writeln!(
            out,
            "<li><button type=\"button\" disabled aria-pressed=\"false\" data-of=\"{class}\"><span class=\"cell \
             {class}\">{sign}</span> <strong>{count}</strong> {words}</button></li>"
        )?;
    }
    let surprises = report.summary.surprises;
    let word = if surprises == 0 {
        "All is as expected.".to_owned()
    } else {
        format!("{surprises} not as expected.")
    };
    writeln!(out, "<li class=\"{}\">{word}</li>\n</ul>", if surprises == 0 { "" } else { "alarm" })
}

/// What the script makes work, and shows.
fn write_tools(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let options = |names: BTreeSet<&str>| {
        names
            .into_iter()
            .fold(String::new(), |options, name| options + &format!("<option>{}</option>", escape(name)))
    };
    let domains = options(report.papers.iter().map(|paper| paper.domain.as_str()).collect());
    let claims = report.papers.iter().flat_map(|paper| &paper.claims);
    let terms =
        options(claims.filter(|claim| claim.is_attempted()).map(|claim| claim.terms.as_str()).collect());
    writeln!(
        out,
        "<form id=\"tools\" hidden><label>Search <input id=\"search\" type=\"search\"></label> \
         <label>Domain <select id=\"domain\"><option value=\"\">all</option>{domains}</select></label> \
         <label>Terms <select id=\"terms\"><option value=\"\">all</option>{terms}</select></label> \
         <label><input id=\"surprises\" type=\"checkbox\"> not as expected</label> \
         <button id=\"unfold\" type=\"button\">Unfold all</button> \
         <button id=\"fold\" type=\"button\">Fold all</button> \
         <output id=\"found\"></output></form>"
    )
}

/// Papers × claims: a cell each, in the order of the paper.
fn write_matrix(out: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(out, "<div class=\"matrix\">")?;
    for paper in &report.papers {
        let (id, title, domain) = (escape(&paper.id), escape(&paper.title), escape(&paper.domain));
        let first = paper.experiments.iter().find_map(|outcome| Some((outcome, outcome.figures.first()?)));
        let thumbnail = first.map_or(String::new(), |(outcome, figure)| {
            let name = figure_file(&paper.id, &outcome.experiment, &figure.id);
            let ([width, height], [left, top, across, down]) = svg::sizes(figure);
            format!(
                "<svg aria-hidden=\"true\" preserveAspectRatio=\"none\" viewBox=\"{left:.0} {top:.0} {across:.0} \
                 {down:.0}\"><use href=\"#figure-{name}\" width=\"{width}\" height=\"{height}\"/></svg>"
            )
        });
        write!(
            out,
            "<div class=\"row\" id=\"row-{id}\"><a class=\"thumbnail\" href=\"#{id}\" tabindex=\"-1\">{thumbnail}</a>\
             <span class=\"name\"><a href=\"#{id}\">{title}</a> <small>{domain}</small></span><span class=\"cells\">"
        )?;
        for claim in &paper.claims {
            let words = claim.verdict.words();
            let (sign, class, terms) = (sign(words), class(words), escape(&claim.terms));
            let surprise = if claim.is_a_surprise() { " surprise" } else { "" };
            let of_terms = if claim.is_attempted() { format!(", {terms}") } else { String::new() };
            write!(
                out,
                "<a class=\"cell {class} {terms}{surprise}\" href=\"#{id}-{claim}\" \
                 title=\"{claim}: {words}{of_terms}. {says}\">\
                 <span class=\"sign\">{sign}</span><span class=\"id\">{claim}</span></a>",
                claim = escape(&claim.id),
                says = escape(&claim.says),
            )?;
        }
        writeln!(out, "</span></div>")?;
    }
    writeln!(
        out,
        "<p class=\"legend\"><small>A cell is a claim. Its frame says how near our terms are to the paper's: \
         <span class=\"cell exact\">a</span> exact, <span class=\"cell reduced\">a</span> reduced, \
         <span class=\"cell stand-in\">a</span> stand-in, <span class=\"cell ours\">a</span> ours. \
         A claim that was not shown failed on a stand-in or on terms of ours, which says nothing \
         against the paper.</small></p></div>"
    )
}

fn write_paper(out: &mut Formatter<'_>, report: &Report, paper: &PaperReport) -> fmt::Result {
    let (id, title, url) = (escape(&paper.id), escape(&paper.title), escape(&paper.url));
    let lower = escape(&paper.title.to_lowercase());
    writeln!(
        out,
        "<details class=\"paper\" id=\"{id}\" data-domain=\"{domain}\" data-title=\"{lower}\" open>\n<summary>\
         <h2>{title}</h2></summary>\n<p>{citation}. <a href=\"{url}\">{url}</a></p>",
        domain = escape(&paper.domain),
        citation = escape(&paper.citation),
    )?;
    let links = [("About it", &report.links.page), ("Source of the experiments", &report.links.source)];
    let links: Vec<_> = links
        .into_iter()
        .filter_map(|(words, pattern)| Some((words, report.address(pattern, &paper.id)?)))
        .map(|(words, address)| format!("<a href=\"{}\">{words}</a>", escape(&address)))
        .collect();
    if !links.is_empty() {
        writeln!(out, "<p>{}</p>", links.join(" · "))?;
    }
    writeln!(
        out,
        "<div class=\"scroll\"><table class=\"claims\">\n<thead><tr><th>Verdict</th><th>Claim</th>\
         <th>The paper says</th><th>Tested here</th><th>Measured</th><th>Evidence</th></tr></thead>"
    )?;
    for claim in &paper.claims {
        write_claim(out, paper, claim)?;
    }
    writeln!(out, "</table></div>")?;
    if !paper.not_run.is_empty() {
        writeln!(out, "<p>Not run here: {}.</p>", escape(&paper.not_run.join(", ")))?;
    }
    for note in paper.experiments.iter().flat_map(|outcome| &outcome.notes) {
        writeln!(out, "<p>{}</p>", escape(note))?;
    }
    if paper.experiments.iter().any(|outcome| !outcome.figures.is_empty()) {
        writeln!(out, "<div class=\"figures\">")?;
        for outcome in &paper.experiments {
            for figure in &outcome.figures {
                write_figure(out, figure, &figure_file(&paper.id, &outcome.experiment, &figure.id))?;
            }
        }
        writeln!(out, "</div>")?;
    }
    for table in paper.experiments.iter().flat_map(|outcome| &outcome.tables).chain(&data_table(paper)) {
        write_table(out, table)?;
    }
    writeln!(out, "</details>")
}

fn write_figure(out: &mut Formatter<'_>, figure: &Figure, name: &str) -> fmt::Result {
    let id = format!("figure-{name}");
    let picture = svg::inline(figure, &id);
    writeln!(
        out,
        "<figure id=\"at-{id}\">\n{}\n<figcaption>{} <small><a href=\"figures/{name}.csv\" download>numbers</a> · \
         <a href=\"#at-{id}\">link</a></small></figcaption>\n</figure>",
        picture.trim_end(),
        escape(&figure.caption)
    )
}

fn write_claim(out: &mut Formatter<'_>, paper: &PaperReport, claim: &ClaimReport) -> fmt::Result {
    let (id, place, paper) = (escape(&claim.id), escape(&claim.place), escape(&paper.id));
    let (says, test, terms) = (escape(&claim.says), escape(&claim.test), escape(&claim.terms_in_full));
    let words = claim.verdict.words();
    let tested =
        if claim.is_attempted() { format!("{test}<br><small>Terms: {terms}</small>") } else { String::new() };
    let surprise = claim.is_a_surprise();
    writeln!(
        out,
        "<tbody id=\"{paper}-{id}\" data-paper=\"{paper}\" data-verdict=\"{}\" data-terms=\"{}\" \
         data-surprise=\"{}\">\n\
         <tr>\n<td data-label=\"Verdict\">{}</td>\n\
         <td data-label=\"Claim\"><a class=\"anchor\" href=\"#{paper}-{id}\"><strong>{id}</strong></a> {place}</td>\n\
         <td data-label=\"The paper says\">{says}</td>\n<td data-label=\"Tested here\">{tested}</td>\n\
         <td data-label=\"Measured\"><ul>",
        class(words),
        escape(&claim.terms),
        if surprise { "yes" } else { "no" },
        badge(words),
    )?;
    claim.checks.iter().try_for_each(|check| write_check(out, check))?;
    writeln!(out, "</ul></td>\n<td data-label=\"Evidence\"><ul>")?;
    for line in evidence(claim) {
        writeln!(out, "<li>{}</li>", escape(&line))?;
    }
    writeln!(out, "</ul></td>\n</tr>")?;
    for remark in claim.remarks() {
        let class = if surprise { "remark alarm" } else { "remark" };
        writeln!(out, "<tr class=\"{class}\"><td colspan=\"6\">{}</td></tr>", escape(&remark))?;
    }
    writeln!(out, "</tbody>")
}

fn write_check(out: &mut Formatter<'_>, check: &CheckReport) -> fmt::Result {
    let class = match check.finding {
        Finding::Holds => "passed",
        Finding::Fails => "failed",
        Finding::Undecided { .. } | Finding::NotJudged { .. } => "open",
    };
    let (name, measured, wanted) = (escape(&check.name), escape(&measured(check)), escape(&wanted(check)));
    let behind =
        behind(check).map_or(String::new(), |behind| format!("<br><small>{}</small>", escape(&behind)));
    write!(
        out,
        "<li class=\"{class}\">{name}: <strong>{measured}</strong>{behind}<br><small>{wanted}</small>"
    )?;
    if check.groups.len() > 1 {
        write!(out, "<details><summary><small>all settings</small></summary><ul>")?;
        for group in &check.groups {
            let (count, finding) = (group.count, group.finding.words());
            let text = format!(
                "{}: {}{}, {count} observations: {finding}",
                group.name,
                group.estimate,
                interval(group)
            );
            write!(out, "<li><small>{}</small></li>", escape(&text))?;
        }
        write!(out, "</ul></details>")?;
    }
    writeln!(out, "</li>")
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
    format!("<span class=\"badge {}\">{} {words}</span>", class(words), sign(words))
}
