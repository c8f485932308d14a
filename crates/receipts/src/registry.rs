//! Lists of papers: choosing from one, and refusing mistakes in one.

use std::collections::BTreeSet;

use crate::{check::Check, claim::Claim, paper::Paper};

/// A mistake in a paper's constants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("registry: {0}")]
pub struct RegistryError(String);

impl RegistryError {
    /// What is wrong.
    pub(crate) fn reason(&self) -> &str {
        &self.0
    }
}

/// An argument that names no paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no paper or domain {name:?}; {known}")]
pub struct UnknownPaper {
    name: String,
    /// What was probably meant, or what there is.
    known: String,
}

/// The papers that the names select, each by its id or its domain; all of them when there are no names.
///
/// # Errors
/// [`UnknownPaper`] for a name that is neither.
pub fn select(papers: &[Paper], names: &[String]) -> Result<Vec<Paper>, UnknownPaper> {
    let matches = |paper: &Paper, name: &str| paper.id == name || paper.domain == name;
    if let Some(name) = names.iter().find(|name| !papers.iter().any(|paper| matches(paper, name))) {
        return Err(UnknownPaper { name: name.clone(), known: meant(papers, name) });
    }
    let wanted = |paper: &Paper| names.is_empty() || names.iter().any(|name| matches(paper, name));
    Ok(papers.iter().filter(|paper| wanted(paper)).copied().collect())
}

/// Whether a paper has claims to test and no experiment that could: its domain was not compiled.
pub fn lacks_its_domain(paper: &Paper) -> bool {
    paper.experiments.is_empty() && paper.claims.iter().any(|claim| claim.not_attempted.is_none())
}

/// The name that was probably meant, or all names.
fn meant(papers: &[Paper], name: &str) -> String {
    if let Some(meant) = nearest(papers.iter().flat_map(|paper| [paper.id, paper.domain]), name) {
        return format!("did you mean {meant}? `list` names all");
    }
    if papers.is_empty() {
        return "there are no papers".to_owned();
    }
    let known: Vec<_> = papers.iter().map(|paper| format!("{} ({})", paper.id, paper.domain)).collect();
    format!("known: {}", known.join(", "))
}

/// The known names that a mistyped one is nearest to, if one is near.
pub(crate) fn nearest<'a>(known: impl IntoIterator<Item = &'a str>, name: &str) -> Option<String> {
    let is_part = |known: &str| name.len() > 2 && known.contains(name);
    let distance = |known: &str| if is_part(known) { 0 } else { edits(name, known) };
    let known: BTreeSet<_> = known.into_iter().collect();
    let near: Vec<_> = known.into_iter().filter(|known| distance(known) <= 1 + known.len() / 5).collect();
    let least = near.iter().map(|known| distance(known)).min();
    let nearest: Vec<_> = near.into_iter().filter(|known| Some(distance(known)) == least).collect();
    let quoted: Vec<_> = nearest.into_iter().map(|known| format!("{known:?}")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" or "))
}

/// How many letters have to be put in, taken out or changed to make one word of another (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Refuses papers whose claims could not be judged.
///
/// # Errors
/// The first mistake: a repeated name, a threshold that cannot decide, a claim that nothing measures, an
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
            if let Some(claim) = experiment.claims.iter().find(|claim| paper.claim(claim.id).is_none()) {
                let (name, claim) = (experiment.id, claim.id);
                return fail(format!("{id}: experiment {name} feeds claim {claim}, which is not listed"));
            }
        }
        let (mut claims, mut checks) = (BTreeSet::new(), BTreeSet::new());
        for claim in paper.claims {
            if !claims.insert(claim.id) {
                return fail(format!("{id}: claim {} is listed twice", claim.id));
            }
            if let Some(check) = claim.checks.iter().find(|check| !checks.insert(check.name)) {
                return fail(format!("{id}: check {:?} is listed twice", check.name));
            }
            validate_claim(paper, claim)
                .or_else(|mistake| fail(format!("{id}: claim {}: {mistake}", claim.id)))?;
        }
    }
    Ok(())
}

fn validate_claim(paper: &Paper, claim: &Claim) -> Result<(), String> {
    let attempted = claim.not_attempted.is_none();
    if attempted == claim.checks.is_empty() {
        let has = if attempted { "no check, so it cannot fail" } else { "checks and is not attempted" };
        return Err(format!("it has {has}"));
    }
    if attempted && !paper.experiments.is_empty() && paper.feeding(claim.id).next().is_none() {
        return Err("no experiment feeds it".to_owned());
    }
    let mistake = |check: &Check| check.mistake().map(|mistake| format!("check {:?}: {mistake}", check.name));
    claim.checks.iter().find_map(mistake).map_or(Ok(()), Err)
}

fn is_file_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
