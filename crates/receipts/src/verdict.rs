//! Verdicts, computed from observations and rules and from nothing else.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::check::{Allowed, Check, Estimate, Rule};
use crate::claim::{Claim, Need};
use crate::context::{Scale, is_gpu};
use crate::interval::{Interval, are_equal, fewest_for_median, level, same_law};
use crate::number::Number;
use crate::recorder::{Group, Outcome};

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check holds.
    Reproduced,
    /// A check fails on the paper's own terms, exact or reduced.
    Contradicted,
    /// A check fails on a stand-in, or on terms of ours: this says nothing against the paper.
    NotShown,
    /// No check fails, and the interval of some check lies on both sides.
    Undecided,
    /// There is no experiment.
    NotAttempted {
        /// Why, and what it would take.
        because: String,
    },
    /// A data set is not on this machine.
    NeedsData {
        /// The data sets.
        what: String,
        /// Where to get them.
        r#where: String,
    },
    /// It can only be tested on a graphics processor.
    NeedsGpu,
    /// What was judged at this scale holds, but some checks are judged only at full scale, or on more seeds.
    Skipped,
    /// An experiment failed, observed NaN, or observed nothing.
    Error {
        /// What went wrong.
        message: String,
    },
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Finding {
    /// The whole interval lies on the claim's side.
    Holds,
    /// The whole interval lies on the other side.
    Fails,
    /// The interval lies on both sides.
    Undecided {
        /// How many observations would decide, if they spread as these do.
        needed: Option<u64>,
    },
    /// Not judged.
    NotJudged {
        /// Why.
        because: String,
    },
}

/// A check with what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// What is measured.
    pub name: String,
    /// What is wanted, in words.
    pub wanted: String,
    /// Unit of the observations.
    pub unit: String,
    /// Where the threshold comes from, in words.
    pub origin: String,
    /// What became of it: the worst of its groups.
    pub finding: Finding,
    /// The groups of observations, the worst first. Each must hold; their intervals do together, with 95 %.
    pub groups: Vec<GroupReport>,
    /// What is expected at this scale.
    pub expected: Option<ExpectedReport>,
    /// Whether it has to be judged, as every check has at full scale: not to be is then a finding too.
    #[serde(default)]
    pub due: bool,
}

/// A group of observations in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// Name of the group; empty when there is one.
    pub name: String,
    /// Number of observations.
    pub count: usize,
    /// The estimate; of a check of each value, the worst of them.
    pub estimate: Number,
    /// The interval's lower end; of a check of each value, the least of them.
    pub low: Number,
    /// The interval's upper end; of a check of each value, the greatest of them.
    pub high: Number,
    /// What became of it.
    pub finding: Finding,
}

/// An expectation at the run's scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpectedReport {
    /// The least estimate.
    pub low: Number,
    /// The greatest.
    pub high: Number,
    /// Why the check does not hold there.
    pub why: String,
    /// Whether the estimate of the worst group lies between.
    pub met: bool,
}

/// The least number of observations that an interval is judged by.
const FEWEST: usize = 5;

impl Verdict {
    /// The verdict in words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Contradicted => "contradicted",
            Self::NotShown => "not shown",
            Self::Undecided => "undecided",
            Self::NotAttempted { .. } => "not attempted",
            Self::NeedsData { .. } => "needs data",
            Self::NeedsGpu => "needs GPU",
            Self::Skipped => "skipped at this scale",
            Self::Error { .. } => "error",
        }
    }

    /// Whether it is one that has to be expected, or the run fails.
    pub fn is_a_finding(&self) -> bool {
        matches!(self, Self::Contradicted | Self::NotShown | Self::Undecided)
    }
}

impl Finding {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Holds => "holds".to_owned(),
            Self::Fails => "fails".to_owned(),
            Self::Undecided { needed: None } => "undecided".to_owned(),
            Self::Undecided { needed: Some(needed) } => {
                format!("undecided: about {needed} observations would decide")
            }
            Self::NotJudged { because } => format!("not judged: {because}"),
        }
    }

    /// From best to worst.
    fn rank(&self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::NotJudged { .. } => 1,
            Self::Undecided { .. } => 2,
            Self::Fails => 3,
        }
    }
}

impl CheckReport {
    /// Whether it was judged, or had to be, and measured something else than what was expected of it, or does
    /// not hold and nothing was.
    pub fn is_a_surprise(&self) -> bool {
        match (&self.finding, &self.expected) {
            (Finding::NotJudged { .. }, _) if !self.due => false,
            (_, Some(expected)) => !expected.met,
            (finding, None) => *finding != Finding::Holds,
        }
    }
}

/// Judges a claim by the outcomes of all experiments that feed it.
pub fn judge(
    claim: &Claim,
    outcomes: &[&Outcome],
    scale: Scale,
    device: &str,
) -> (Verdict, Vec<CheckReport>) {
    let mut faults = Vec::new();
    let checks: Vec<_> = claim
        .checks
        .iter()
        .map(|check| {
            let observed: Vec<_> =
                outcomes.iter().filter_map(|outcome| outcome.observed.get(check.name)).flatten().collect();
            judge_check(check, &observed, scale).unwrap_or_else(|fault| {
                faults.push(format!("{}: {fault}", check.name));
                report(check, Vec::new(), scale)
            })
        })
        .collect();
    if let Some(verdict) = obstacle(claim, outcomes, device) {
        return (verdict, checks);
    }
    let any = |found: fn(&Finding) -> bool| checks.iter().any(|check| found(&check.finding));
    let verdict = if !faults.is_empty() {
        Verdict::Error { message: faults.join("; ") }
    } else if any(|finding| *finding == Finding::Fails) {
        if claim.terms.are_the_papers() { Verdict::Contradicted } else { Verdict::NotShown }
    } else if any(|finding| matches!(finding, Finding::Undecided { .. })) {
        Verdict::Undecided
    } else if any(|finding| matches!(finding, Finding::NotJudged { .. })) {
        if scale == Scale::Full { Verdict::Undecided } else { Verdict::Skipped }
    } else if checks.is_empty() {
        Verdict::Error { message: "it has no check".to_owned() }
    } else {
        Verdict::Reproduced
    };
    (verdict, checks)
}

/// What keeps a claim from being judged, if anything does.
fn obstacle(claim: &Claim, outcomes: &[&Outcome], device: &str) -> Option<Verdict> {
    if let Some(because) = claim.not_attempted {
        return Some(Verdict::NotAttempted { because: because.to_owned() });
    }
    let failures: Vec<_> = outcomes
        .iter()
        .filter_map(|o| o.failure.as_ref().map(|failure| format!("experiment {}: {failure}", o.experiment)))
        .collect();
    if !failures.is_empty() {
        return Some(Verdict::Error { message: failures.join("; ") });
    }
    let mut missing: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.missing)
        .filter(|missing| missing.claim == claim.id)
        .map(|missing| (missing.name.as_str(), missing.hint.as_str()))
        .collect();
    missing.dedup();
    if !missing.is_empty() {
        let what = missing.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let mut hints: Vec<_> = missing.into_iter().map(|(_, hint)| hint).collect();
        hints.dedup();
        return Some(Verdict::NeedsData { what, r#where: hints.join("; ") });
    }
    (claim.needs.contains(&Need::Gpu) && !is_gpu(device)).then_some(Verdict::NeedsGpu)
}

/// A check by its observations; `Err` says why they are none.
fn judge_check(check: &Check, observed: &[&Group], scale: Scale) -> Result<CheckReport, String> {
    // One group may come in parts, from several experiments or several calls.
    let mut groups: Vec<(&str, Vec<Vec<f64>>)> = Vec::new();
    for group in observed {
        let rows = group.rows.iter().map(|row| row.iter().map(|x| x.0).collect());
        match groups.iter_mut().find(|(name, _)| *name == group.name) {
            Some((_, known)) => known.extend(rows),
            None => groups.push((&group.name, rows.collect())),
        }
    }
    groups.retain(|(_, rows)| !rows.is_empty());
    if groups.is_empty() {
        return if check.full_only && scale == Scale::Quick {
            Ok(report(check, Vec::new(), scale))
        } else {
            Err("nothing was observed".to_owned())
        };
    }
    let together = groups.len();
    let mut reports = Vec::new();
    for (name, rows) in &groups {
        let mut found = judge_group(check, rows, together)
            .map_err(|fault| if name.is_empty() { fault } else { format!("{name}: {fault}") })?;
        (*name).clone_into(&mut found.name);
        reports.push(found);
    }
    // Stable: groups that are as bad stay in the experiment's order.
    reports.sort_by(|a, b| b.finding.rank().cmp(&a.finding.rank()).then_with(|| worse_first(check, a, b)));
    Ok(report(check, reports, scale))
}

fn report(check: &Check, groups: Vec<GroupReport>, scale: Scale) -> CheckReport {
    let finding = if check.full_only && scale == Scale::Quick {
        Finding::NotJudged { because: "only at full scale".to_owned() }
    } else {
        groups.first().map_or(Finding::NotJudged { because: "nothing was observed".to_owned() }, |worst| {
            worst.finding.clone()
        })
    };
    let expected = check.expected.iter().find(|expected| expected.scale == scale).map(|expected| {
        let estimate = groups.first().map_or(f64::NAN, |worst| worst.estimate.0);
        ExpectedReport {
            low: Number(expected.low),
            high: Number(expected.high),
            why: expected.why.to_owned(),
            met: expected.low <= estimate && estimate <= expected.high,
        }
    });
    CheckReport {
        name: check.name.to_owned(),
        wanted: check.rule.to_string(),
        unit: check.unit.to_owned(),
        origin: check.origin.to_string(),
        finding,
        groups,
        expected,
        due: scale == Scale::Full,
    }
}

/// The order of two groups by how near they are to failing, or how far beyond.
fn worse_first(check: &Check, a: &GroupReport, b: &GroupReport) -> Ordering {
    let badness = |group: &GroupReport| match check.rule {
        Rule::In(_, Allowed::AtMost(_) | Allowed::Below(_)) => group.high.0,
        Rule::In(_, Allowed::AtLeast(_) | Allowed::Above(_)) | Rule::Ordered => -group.low.0,
        Rule::In(_, Allowed::Within(low, high)) => (group.high.0 - high).max(low - group.low.0),
        Rule::SameLaw { .. } => group.high.0.max(-group.low.0),
    };
    badness(b).total_cmp(&badness(a))
}

fn judge_group(check: &Check, rows: &[Vec<f64>], together: usize) -> Result<GroupReport, String> {
    if let Some(mistake) = rows.iter().find_map(|row| check.refuses(row.len())) {
        return Err(mistake);
    }
    if rows.iter().flatten().any(|x| x.is_nan()) {
        return Err("NaN was observed".to_owned());
    }
    let count = rows.len();
    let group = |interval: Interval, finding| GroupReport {
        name: String::new(),
        count,
        estimate: Number(interval.estimate),
        low: Number(interval.low),
        high: Number(interval.high),
        finding,
    };
    let single = || rows.iter().map(|row| row[0]).collect::<Vec<_>>();
    if let Rule::In(Estimate::Each, allowed) = check.rule {
        let values = single();
        let (low, high) = ends(&values);
        let finding =
            if values.iter().all(|x| allowed.accepts(*x)) { Finding::Holds } else { Finding::Fails };
        let estimate = match allowed {
            Allowed::AtMost(_) | Allowed::Below(_) => high,
            Allowed::AtLeast(_) | Allowed::Above(_) => low,
            Allowed::Within(least, most) => {
                if high - most > least - low {
                    high
                } else {
                    low
                }
            }
        };
        return Ok(group(Interval { estimate, low, high }, finding));
    }
    if rows.iter().flatten().any(|x| x.is_infinite()) {
        return Err("an infinite value was observed, which has no interval".to_owned());
    }
    // Rounding is raised to the floor, where all is equal.
    let lifted = |x: f64| if x.abs() <= check.floor { check.floor } else { x };
    let pairs = |arm: usize| -> Vec<[f64; 2]> {
        rows.iter().map(|row| [lifted(row[arm]), lifted(row[arm + 1])]).collect()
    };
    let all_rounding =
        |pairs: &[[f64; 2]]| check.floor > 0.0 && pairs.iter().flatten().all(|x| *x == check.floor);
    let few = |fewest: usize| Finding::NotJudged {
        because: format!("{count} observations, at least {fewest} are needed"),
    };
    // Where the interval of a mean lies, if there is one.
    let of_mean = |allowed: Allowed, values: &[f64], interval: Interval, rounding: bool| {
        if count < FEWEST {
            few(FEWEST)
        } else if rounding {
            Finding::NotJudged { because: "all values are rounding".to_owned() }
        } else if are_equal(values) && interval.high == f64::INFINITY {
            let because =
                format!("{count} observations, all equal: more have to be, or `each` is to judge them");
            Finding::NotJudged { because }
        } else {
            found(allowed, interval, count, matches!(check.rule, Rule::In(Estimate::Ratio, _)))
        }
    };
    let miss = level(together);
    match check.rule {
        Rule::In(estimate, allowed) => {
            let (interval, finding) = match estimate {
                Estimate::Difference => {
                    let pairs = pairs(0);
                    let differences: Vec<_> = pairs.iter().map(|[a, b]| a - b).collect();
                    let interval = Interval::mean(&differences, miss);
                    (interval, of_mean(allowed, &differences, interval, all_rounding(&pairs)))
                }
                Estimate::Ratio => {
                    let pairs = pairs(0);
                    if pairs.iter().flatten().any(|x| *x <= 0.0) {
                        return Err("a ratio of values that are not all positive".to_owned());
                    }
                    let logarithms: Vec<_> = pairs.iter().map(|[a, b]| (a / b).ln()).collect();
                    let interval = Interval::mean(&logarithms, miss).map(f64::exp);
                    (interval, of_mean(allowed, &logarithms, interval, all_rounding(&pairs)))
                }
                Estimate::Median => {
                    let interval = Interval::median(&single(), miss);
                    let fewest = FEWEST.max(fewest_for_median(miss));
                    let finding =
                        if count < fewest { few(fewest) } else { found(allowed, interval, count, false) };
                    (interval, finding)
                }
                Estimate::Share => {
                    let interval =
                        Interval::share(single().iter().filter(|x| **x != 0.0).count(), count, miss);
                    let finding =
                        if count < FEWEST { few(FEWEST) } else { found(allowed, interval, count, false) };
                    (interval, finding)
                }
                Estimate::Each | Estimate::Mean => {
                    let values = single();
                    let interval = Interval::mean(&values, miss);
                    (interval, of_mean(allowed, &values, interval, false))
                }
            };
            Ok(group(interval, finding))
        }
        Rule::Ordered => {
            let arms = rows[0].len();
            if rows.iter().any(|row| row.len() != arms) {
                return Err("rows of different lengths".to_owned());
            }
            let miss = level(together * (arms - 1));
            let step = |arm: usize| {
                let pairs = pairs(arm);
                let steps: Vec<_> = pairs.iter().map(|[a, b]| b - a).collect();
                let interval = Interval::mean(&steps, miss);
                (interval, of_mean(Allowed::Above(0.0), &steps, interval, all_rounding(&pairs)))
            };
            let worst = (0..arms - 1).map(step).max_by(|(a, found_a), (b, found_b)| {
                found_a.rank().cmp(&found_b.rank()).then_with(|| b.low.total_cmp(&a.low))
            });
            let (worst, finding) = worst.ok_or("rows of one number")?;
            Ok(group(worst, finding))
        }
        Rule::SameLaw { reference, margin } => {
            let values = single();
            let shift = Interval::shift(&values, reference, miss);
            let allowed = Allowed::Within(-margin, margin);
            let finding = if count < FEWEST {
                few(FEWEST)
            } else if same_law(&values, reference) < 0.01 / together as f64 {
                Finding::Fails
            } else {
                found(allowed, shift, count, false)
            };
            Ok(group(shift, finding))
        }
    }
}

/// Where an interval lies, and how many observations would decide if it lies on both sides: widths fall with
/// their square root.
fn found(allowed: Allowed, interval: Interval, count: usize, of_logarithms: bool) -> Finding {
    let Interval { estimate, low, high } = interval;
    if allowed.holds(low, high) {
        return Finding::Holds;
    }
    if allowed.fails(low, high) {
        return Finding::Fails;
    }
    let end = allowed.nearest_end(estimate);
    let scaled = |x: f64| if of_logarithms { x.ln() } else { x };
    let half = if end < estimate { scaled(estimate) - scaled(low) } else { scaled(high) - scaled(estimate) };
    let needed = count as f64 * (half / (scaled(end) - scaled(estimate))).powi(2);
    // More than anybody will run says no more than that it is a tie.
    let needed = (needed.is_finite() && needed < 1e6).then(|| (needed.ceil() as u64).max(count as u64 + 1));
    Finding::Undecided { needed }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)))
}
