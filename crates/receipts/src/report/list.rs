//! The list of papers and claims, for people and for programs.

use serde::Serialize;

use super::{Report, terminal};
use crate::{claim::Claim, paper::Paper};

#[derive(Serialize)]
struct ListedPaper {
    id: &'static str,
    title: &'static str,
    citation: &'static str,
    url: &'static str,
    domain: &'static str,
    /// Ids of the experiments; none in a build without the domain.
    experiments: Vec<&'static str>,
    claims: Vec<ListedClaim>,
}

#[derive(Serialize)]
struct ListedClaim {
    id: &'static str,
    place: &'static str,
    says: &'static str,
    terms: &'static str,
    terms_in_full: String,
    test: &'static str,
    not_attempted: Option<&'static str>,
    checks: Vec<ListedCheck>,
}

#[derive(Serialize)]
struct ListedCheck {
    name: &'static str,
    wanted: String,
    unit: &'static str,
    origin: String,
    full_only: bool,
}

/// The list as JSON, an array of papers.
///
/// # Errors
/// None that is known: there is nothing in it that JSON does not have.
pub fn json(papers: &[Paper]) -> serde_json::Result<String> {
    let claim = |claim: &Claim| ListedClaim {
        id: claim.id,
        place: claim.place,
        says: claim.says,
        terms: claim.terms_in_words().0,
        terms_in_full: claim.terms_in_words().1,
        test: claim.test,
        not_attempted: claim.not_attempted,
        checks: claim
            .checks
            .iter()
            .map(|check| ListedCheck {
                name: check.name,
                wanted: check.rule.to_string(),
                unit: check.unit,
                origin: check.origin.to_string(),
                full_only: check.full_only,
            })
            .collect(),
    };
    let listed: Vec<_> = papers
        .iter()
        .map(|paper| ListedPaper {
            id: paper.id,
            title: paper.title,
            citation: paper.citation,
            url: paper.url,
            domain: paper.domain,
            experiments: paper.experiments.iter().map(|experiment| experiment.id).collect(),
            claims: paper.claims.iter().map(claim).collect(),
        })
        .collect();
    Ok(serde_json::to_string_pretty(&listed)? + "\n")
}

/// The list for people, with the verdicts of the last report.
pub fn text(papers: &[Paper], last: Option<&Report>) -> String {
    let mut text = String::new();
    for paper in papers {
        let heading =
            format!("{} ({})\n{}. {}. {}", paper.id, paper.domain, paper.title, paper.citation, paper.url);
        text += &terminal::wrapped(&heading);
        let report = last.and_then(|report| report.papers.iter().find(|p| p.id == paper.id));
        let rows = paper.claims.iter().map(|claim| {
            let last = report.and_then(|report| report.claims.iter().find(|c| c.id == claim.id));
            let unknown = if claim.not_attempted.is_some() { "not attempted" } else { "not run" };
            let verdict = last.map_or(unknown, |claim| claim.verdict.words());
            [claim.id, claim.place, claim.says, claim.terms_in_words().0, verdict].map(str::to_owned).to_vec()
        });
        let rows = rows.map(|row| row.into_iter().map(comfy_table::Cell::new).collect()).collect();
        text += &terminal::rows(&["claim", "where", "says", "terms", "last verdict"], rows);
        text += "\n\n";
    }
    if papers.is_empty() {
        text += "There are no papers.\n";
    }
    text
}
