//! Tables of a report in hand-written pages, so that nobody copies figures.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::markdown::row;
use super::{PaperReport, Report};
use crate::context::Scale;
use crate::progress::duration;
use crate::recorder::Table;
use crate::verdict::{CheckReport, Verdict};

/// A place without an end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{OPEN}{name} -->` has no `{CLOSE}` after it")]
pub struct OpenPlace {
    /// What the place asks for.
    pub name: String,
}

/// A page whose places were filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The page.
    pub page: String,
    /// What it asks for and the report does not have; these places are as they were.
    pub missing: Vec<String>,
}

const OPEN: &str = "<!-- table ";
const CLOSE: &str = "<!-- /table -->";
const FULL: &str = "full/";

/// The page with the report's tables in its places, which look like
///
/// ```text
/// <!-- table PAPER/EXPERIMENT/TABLE -->
/// whatever stood here before
/// <!-- /table -->
/// ```
///
/// Besides the experiments' tables there are `verdicts/PAPER`, the paper's claims with terms, verdicts and what
/// was measured, `verdicts/papers` and `verdicts/domains`, which count the claims. Of a report at full scale all
/// names begin with `full/`, so that a page can have both scales, and a line says which run it was.
///
/// # Errors
/// [`OpenPlace`]; the page is then not to be changed.
pub fn fill(page: &str, report: &Report) -> Result<Filled, OpenPlace> {
    let tables: Vec<_> = tables(report).collect();
    let run = run(report);
    let (mut filled, mut missing) = (String::new(), Vec::new());
    let mut rest = page;
    while let Some((before, place)) = rest.split_once(OPEN) {
        let name = place.split_once(" -->").map_or(place, |(name, _)| name).trim();
        let Some((old, after)) = place.split_once(CLOSE) else {
            return Err(OpenPlace { name: name.lines().next().unwrap_or_default().to_owned() });
        };
        filled.push_str(before);
        let _ = if let Some((_, table)) = tables.iter().find(|(known, _)| known == name) {
            write!(filled, "{OPEN}{name} -->\n{run}{}{CLOSE}", markdown(table))
        } else {
            // Places of the other scale wait for another report.
            if name.starts_with(FULL) == (report.settings.scale == Scale::Full) {
                missing.push(name.to_owned());
            }
            write!(filled, "{OPEN}{old}{CLOSE}")
        };
        rest = after;
    }
    filled.push_str(rest);
    Ok(Filled { page: filled, missing })
}

fn tables(report: &Report) -> impl Iterator<Item = (String, Cow<'_, Table>)> {
    let experiments = report.papers.iter().flat_map(|paper| {
        paper.experiments.iter().flat_map(move |outcome| {
            let name = move |table: &Table| format!("{}/{}/{}", paper.id, outcome.experiment, table.id);
            outcome.tables.iter().map(move |table| (name(table), Cow::Borrowed(table)))
        })
    });
    let verdicts =
        report.papers.iter().map(|paper| (format!("verdicts/{}", paper.id), Cow::Owned(verdicts(paper))));
    let counts = [
        ("verdicts/papers".to_owned(), Cow::Owned(counts(report, "paper", |paper| &paper.id))),
        ("verdicts/domains".to_owned(), Cow::Owned(counts(report, "domain", |paper| &paper.domain))),
    ];
    let scale = match report.settings.scale {
        Scale::Quick => "",
        Scale::Full => FULL,
    };
    experiments.chain(verdicts).chain(counts).map(move |(name, table)| (format!("{scale}{name}"), table))
}

/// Which run a table at full scale is of.
fn run(report: &Report) -> String {
    if report.settings.scale == Scale::Quick {
        return String::new();
    }
    let commit =
        report.program.commit.as_deref().map_or("unknown", |commit| commit.get(..8).unwrap_or(commit));
    let day = report.started.get(..10).unwrap_or(&report.started);
    let time = duration(report.seconds);
    format!("Commit {commit}, begun {day}, {} cores, {time} of experiments.\n\n", report.machine.cores)
}

/// The claims of a paper.
fn verdicts(paper: &PaperReport) -> Table {
    let mut table = Table::new("verdicts", "", "", &["claim", "terms", "verdict", "measured"]);
    for claim in &paper.claims {
        let check = |check: &CheckReport| {
            format!("{}: {}; wanted {}", check.name, super::measured(check), check.wanted)
        };
        let measured = match &claim.verdict {
            Verdict::NotAttempted { because } => because.clone(),
            _ => claim.checks.iter().map(check).collect::<Vec<_>>().join(". "),
        };
        table.row([&claim.id, claim.terms.as_str(), claim.verdict.words(), &measured]);
    }
    table
}

/// How many claims of each group of papers have each verdict.
fn counts<'a>(report: &'a Report, title: &str, group: impl Fn(&'a PaperReport) -> &'a str) -> Table {
    let words: Vec<_> = report.summary.counts().iter().map(|(_, words)| *words).collect();
    let mut groups: Vec<(&str, Vec<&PaperReport>)> = Vec::new();
    for paper in &report.papers {
        match groups.iter_mut().find(|(name, _)| *name == group(paper)) {
            Some((_, papers)) => papers.push(paper),
            None => groups.push((group(paper), vec![paper])),
        }
    }
    let mut table = Table::new("counts", "", "", &[&[title], words.as_slice()].concat());
    groups.sort_by_key(|(name, _)| *name);
    for (name, papers) in &groups {
        let claims = || papers.iter().flat_map(|paper| &paper.claims);
        let count =
            |words: &&str| claims().filter(|claim| claim.verdict.words() == *words).count().to_string();
        table.row(std::iter::once((*name).to_owned()).chain(words.iter().map(count)));
    }
    let sums = report.summary.counts().into_iter().map(|(count, _)| count.to_string());
    table.row(std::iter::once("all".to_owned()).chain(sums));
    table
}

fn markdown(table: &Table) -> String {
    let mut text = row(&table.columns) + "\n|" + &"---|".repeat(table.columns.len()) + "\n";
    for cells in &table.rows {
        text += &row(cells);
        text.push('\n');
    }
    text
}
