//! Receipts without Rust: claims in a TOML file, observations in JSON lines that any program wrote.
//!
//! `docs/src/receipts-for-your-paper.md` describes both files. What they say lives as long as the program, like the
//! constants of a paper that is compiled.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use kiln_core::data::{DataUse, Route};
use serde::Deserialize;
use toml::Spanned;

use crate::{
    check::{Allowed, Check, Estimate, Expected, Origin, Rule},
    checkpoint::sha256,
    claim::{Claim, Terms},
    context::Scale,
    number::Number,
    paper::{Experiment, Paper},
    provenance::Program,
    recorder::{Group, Outcome},
    registry::{nearest, validate},
    report::{Outcomes, Report, RunSettings, utc},
};

/// A file that cannot be judged, or judged by.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// How.
        source: std::io::Error,
    },
    /// A line says what it must not.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// The content of a claims file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsFile {
    paper: PaperTable,
    #[serde(default, rename = "claim")]
    claims: Vec<ClaimTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaperTable {
    id: Spanned<String>,
    title: String,
    #[serde(default)]
    citation: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    domain: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClaimTable {
    id: Spanned<String>,
    #[serde(default)]
    place: String,
    says: String,
    #[serde(default)]
    terms: Option<TermsWord>,
    #[serde(default)]
    test: String,
    #[serde(default)]
    not_attempted: Option<String>,
    #[serde(default)]
    ruled_out: String,
    #[serde(default, rename = "check")]
    checks: Vec<CheckTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum TermsWord {
    Exact,
    Reduced(String),
    StandIn { what: String, why: String },
    Ours,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CheckTable {
    name: Spanned<String>,
    #[serde(default)]
    estimate: Option<Estimate>,
    at_most: Option<f64>,
    at_least: Option<f64>,
    below: Option<f64>,
    above: Option<f64>,
    within: Option<[f64; 2]>,
    equal: Option<f64>,
    #[serde(default)]
    ordered: bool,
    same_law: Option<SameLawTable>,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    origin: OriginWord,
    #[serde(default)]
    floor: f64,
    expected: Option<ExpectedTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SameLawTable {
    reference: Vec<f64>,
    margin: f64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum OriginWord {
    Paper,
    Authors(String),
    #[default]
    Theory,
    Ours(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedTable {
    low: f64,
    high: f64,
    why: String,
}

/// A line of an observations file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    check: String,
    #[serde(default)]
    group: String,
    value: Values,
    /// For the writer's own use.
    #[serde(default, rename = "seed")]
    _seed: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "value must be a number, true or false, or a list of numbers")]
enum Values {
    Truth(bool),
    One(Number),
    Several(Vec<Number>),
}

fn leak(text: String) -> &'static str {
    text.leak()
}

fn leak_all<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

/// Reads a claims file.
///
/// # Errors
/// A file that is absent, not TOML, or whose claims could not be judged; the line is named.
pub fn read_claims(path: &Path) -> Result<Paper, JudgeError> {
    let text = read(path)?;
    let text = content(&text);
    let at = |span: Option<Range<usize>>, reason: String| {
        let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
        JudgeError::Line { path: path.to_owned(), line: before.matches('\n').count() + 1, reason }
    };
    let file: ClaimsFile =
        toml::from_str(text).map_err(|error| at(error.span(), error.message().to_owned()))?;
    let (mut claims, mut places) = (Vec::new(), Vec::new());
    for table in file.claims {
        places.push((format!("claim {}", table.id.get_ref()), table.id.span()));
        let mut checks = Vec::new();
        for check in table.checks {
            let span = check.name.span();
            places.push((format!("check {:?}", check.name.get_ref()), span.clone()));
            checks.push(check.check().map_err(|reason| at(Some(span), reason))?);
        }
        claims.push(Claim {
            id: leak(table.id.into_inner()),
            place: leak(table.place),
            says: leak(table.says),
            terms: table.terms.map_or(Terms::Exact, TermsWord::terms),
            test: leak(table.test),
            checks: leak_all(checks),
            needs: &[],
            not_attempted: table.not_attempted.map(leak),
            ruled_out: leak(table.ruled_out),
        });
    }
    let claims = leak_all(claims);
    let attempted: Vec<_> = claims.iter().filter(|claim| claim.not_attempted.is_none()).copied().collect();
    let experiment = Experiment { id: OBSERVATIONS, claims: leak_all(attempted), run: |_, _| Ok(()) };
    let PaperTable { id, title, citation, url, domain } = file.paper;
    let of_paper = id.span();
    let paper = Paper {
        id: leak(id.into_inner()),
        title: leak(title),
        citation: leak(citation),
        url: leak(url),
        domain: leak(domain),
        claims,
        experiments: leak_all(vec![experiment]),
    };
    validate(&[paper]).map_err(|error| {
        // The last of the places that the message names: a check rather than its claim, the second of two alike.
        let reason = error.reason();
        let named = |(name, _): &&(String, _)| reason.contains(name.as_str());
        at(
            places.iter().rev().find(named).map_or(Some(of_paper), |(_, span)| Some(span.clone())),
            reason.to_owned(),
        )
    })?;
    Ok(paper)
}

/// What a check's rule may be.
const RULES: &str = "a check has either `estimate` and one of at-most, at-least, below, above, within, equal; or \
                     `ordered = true`; or `same-law`";

/// Id of the one experiment.
const OBSERVATIONS: &str = "observations";

impl TermsWord {
    fn terms(self) -> Terms {
        match self {
            Self::Exact => Terms::Exact,
            Self::Reduced(what) => Terms::Reduced { what: leak(what) },
            Self::StandIn { what, why } => Terms::StandIn { what: leak(what), why: leak(why) },
            Self::Ours => Terms::Ours,
        }
    }
}

impl CheckTable {
    fn check(self) -> Result<Check, String> {
        let bounds = [
            self.at_most.map(Allowed::AtMost),
            self.at_least.map(Allowed::AtLeast),
            self.below.map(Allowed::Below),
            self.above.map(Allowed::Above),
            self.within.map(|[low, high]| Allowed::Within(low, high)),
            self.equal.map(|value| Allowed::Within(value, value)),
        ];
        let allowed: Vec<_> = bounds.into_iter().flatten().collect();
        let rule = match (self.estimate, &allowed[..], self.ordered, self.same_law) {
            (Some(estimate), [allowed], false, None) => Rule::In(estimate, *allowed),
            (None, [], true, None) => Rule::Ordered,
            (None, [], false, Some(SameLawTable { reference, margin })) => {
                Rule::SameLaw { reference: leak_all(reference), margin }
            }
            _ => return Err(format!("check {:?}: {RULES}", self.name.get_ref())),
        };
        let origin = match self.origin {
            OriginWord::Paper => Origin::Paper,
            OriginWord::Authors(file) => Origin::AuthorsCode { file: leak(file) },
            OriginWord::Theory => Origin::Theory,
            OriginWord::Ours(why) => Origin::Ours { why: leak(why) },
        };
        let expected =
            self.expected.map(|ExpectedTable { low, high, why }| Expected::full(low, high, leak(why)));
        Ok(Check {
            unit: leak(self.unit),
            origin,
            floor: self.floor,
            expected: leak_all(expected.into_iter().collect()),
            ..Check::new(leak(self.name.into_inner()), rule)
        })
    }
}

/// Reads the observations of a paper's checks from files of JSON lines.
///
/// # Errors
/// A file that is absent, or a line that is no observation of one of the checks; the line is named.
pub fn read_observations(paper: &Paper, paths: &[PathBuf]) -> Result<Outcome, JudgeError> {
    let checks: Vec<_> = paper.claims.iter().flat_map(|claim| claim.checks).collect();
    let mut observed: BTreeMap<String, Vec<Group>> = BTreeMap::new();
    let mut data = Vec::new();
    for path in paths {
        let text = read(path)?;
        let mut rows = 0;
        for (number, line) in content(&text).lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fail = |reason: String| JudgeError::Line { path: path.clone(), line: number + 1, reason };
            let Line { check, group, value, .. } =
                serde_json::from_str(line).map_err(|error| fail(in_line(&error)))?;
            let Some(known) = checks.iter().find(|known| known.name == check) else {
                let names = checks.iter().map(|check| check.name);
                let meant =
                    nearest(names, &check).map_or(String::new(), |meant| format!("; did you mean {meant}?"));
                return Err(fail(format!("no claim has a check {check:?}{meant}")));
            };
            let row = match value {
                Values::Truth(truth) => vec![Number(f64::from(u8::from(truth)))],
                Values::One(value) => vec![value],
                Values::Several(values) => values,
            };
            if let Some(mistake) = known.refuses(row.len()) {
                return Err(fail(mistake));
            }
            let groups = observed.entry(check).or_default();
            match groups.iter_mut().find(|known| known.name == group) {
                Some(known) => known.rows.push(row),
                None => groups.push(Group { name: group, rows: vec![row] }),
            }
            rows += 1;
        }
        data.push(DataUse {
            name: path.display().to_string(),
            route: Route::Explicit.to_string(),
            rows,
            sha256: sha256(text.as_bytes()),
        });
    }
    Ok(Outcome { experiment: OBSERVATIONS.to_owned(), observed, data, ..Outcome::default() })
}

/// Judges the claims of one file by the observations of others.
///
/// # Errors
/// As [`read_claims`] and [`read_observations`].
pub fn judge_files(claims: &Path, observations: &[PathBuf], program: &Program) -> Result<Report, JudgeError> {
    let (started, start) = (utc(SystemTime::now()), Instant::now());
    let paper = read_claims(claims)?;
    let outcome = read_observations(&paper, observations)?;
    let settings = RunSettings {
        papers: vec![paper.id.to_owned()],
        scale: Scale::Full,
        device: String::new(),
        seeds: None,
        shard: None,
    };
    let outcomes = Outcomes::from([((paper.id.to_owned(), OBSERVATIONS.to_owned()), outcome)]);
    let elapsed = start.elapsed().as_secs_f64();
    Ok(Report { started, elapsed, ..Report::new(&[paper], settings, program, &outcomes) })
}

/// What a file says, after the mark that some programs put before it.
fn content(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn read(path: &Path) -> Result<String, JudgeError> {
    fs::read_to_string(path).map_err(|source| JudgeError::Io { path: path.to_owned(), source })
}

/// What is wrong with a line, without its number in itself, which is always 1.
fn in_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" at line 1").map_or(text.as_str(), |(text, _)| text);
    if error.is_data() {
        return text.to_owned();
    }
    format!("this is no JSON, at its column {}: {text}", error.column())
}
