//! Lists of papers: choosing from one, and refusing mistakes in one.

use std::collections::BTreeSet;

use crate::{claim::Claim, paper::Paper};

/// A mistake in a paper's constants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("registry: {0}")]
pub struct RegistryError(String);

/// An argument that names no paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no paper or domain {name:?}; known: {known}")]
pub struct UnknownPaper {
    name: String,
    known: String,
}

/// The papers that the names select, each by its id or its domain; all of them when there are no names.
///
/// # Errors
/// [`UnknownPaper`] for a name that is neither.
pub fn select(papers: &[Paper], names: &[String]) -> Result<Vec<Paper>, UnknownPaper> {
    let matches = |paper: &Paper, name: &str| paper.id == name || paper.domain == name;
    if let Some(name) = names.iter().find(|name| !papers.iter().any(|paper| matches(paper, name))) {
        let known: Vec<_> = papers.iter().map(|paper| format!("{} ({})", paper.id, paper.domain)).collect();
        return Err(UnknownPaper { name: name.clone(), known: known.join(", ") });
    }
    let wanted = |paper: &Paper| names.is_empty() || names.iter().any(|name| matches(paper, name));
    Ok(papers.iter().filter(|paper| wanted(paper)).copied().collect())
}

/// Refuses papers whose claims could not be judged.
///
/// # Errors
/// The first mistake: a repeated id, a threshold that cannot decide, a claim that nothing measures, an
/// experiment that feeds an unknown claim.
pub fn validate(papers: &[Paper]) -> Result<(), RegistryError> {
    let fail = |message: String| Err(RegistryError(message));
    let mut ids = BTreeSet::new();
    for paper in papers {
        let id = paper.id;
        if !is_file_name(id) || !ids.insert(id) {
            return fail(format!("paper id {id:?} is repeated or not made of a-z, 0-9 and '-'"));
        }
        let mut experiments = BTreeSet::new();
        for experiment in paper.experiments {
            if !is_file_name(experiment.id) || !experiments.insert(experiment.id) {
                let name = experiment.id;
                return fail(format!(
                    "{id}: experiment id {name:?} is repeated or not made of a-z, 0-9 and '-'"
                ));
            }
            if let Some(claim) = experiment.claims.iter().find(|claim| paper.claim(claim).is_none()) {
                return fail(format!(
                    "{id}: experiment {} feeds claim {claim}, which is not listed",
                    experiment.id
                ));
            }
        }
        let mut claims = BTreeSet::new();
        for claim in paper.claims {
            if !claims.insert(claim.id) {
                return fail(format!("{id}: claim {} is listed twice", claim.id));
            }
            validate_claim(paper, claim)
                .or_else(|mistake| fail(format!("{id}: claim {}: {mistake}", claim.id)))?;
        }
    }
    Ok(())
}

fn validate_claim(paper: &Paper, claim: &Claim) -> Result<(), String> {
    let measured = paper.feeding(claim.id).next().is_some();
    if claim.needs.is_empty() && !measured {
        return Err("no experiment feeds it and it needs nothing".to_owned());
    }
    if measured && claim.checks.is_empty() {
        return Err("it has no check, so it cannot fail".to_owned());
    }
    let mut names = BTreeSet::new();
    for check in claim.checks {
        if !names.insert(check.name) {
            return Err(format!("check {} is listed twice", check.name));
        }
        if !check.threshold.can_decide() {
            return Err(format!("the threshold of check {} accepts everything or nothing", check.name));
        }
    }
    Ok(())
}

fn is_file_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
