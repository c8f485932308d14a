//! Verdicts, computed from the recorded values and the thresholds and from nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    claim::{Check, Claim, Need, Statistic, Threshold, ThresholdOrigin},
    context::{Scale, is_gpu},
    number::Number,
    recorder::Outcome,
    statistics::sample_deviation,
};

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check passed.
    Reproduced,
    /// A check failed.
    NotReproduced,
    /// A data set is not on this machine.
    NeedsData {
        /// The data sets.
        what: String,
        /// Where to get them.
        r#where: String,
    },
    /// It can only be tested on a graphics processor.
    NeedsGpu,
    /// What was judged at this scale passed, but some thresholds hold only at full scale.
    SkippedAtThisScale,
    /// An experiment failed, recorded NaN, or recorded nothing.
    Error {
        /// What went wrong.
        message: String,
    },
}

/// A check with what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// What is measured.
    pub name: String,
    /// How the values become one number.
    pub statistic: Statistic,
    /// What the number must obey.
    pub threshold: Threshold,
    /// Unit of the values.
    pub unit: String,
    /// Where the threshold comes from.
    pub origin: ThresholdOrigin,
    /// Whether the threshold holds only at full scale.
    pub full_only: bool,
    /// The measurement, unless nothing was recorded.
    pub measured: Option<Measured>,
    /// Whether it passed; `null` when it was not judged.
    pub passed: Option<bool>,
}

/// The recorded values in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The check's statistic.
    pub value: Number,
    /// Smallest value.
    pub min: Number,
    /// Largest value.
    pub max: Number,
    /// Sample standard deviation; 0 for one value.
    pub sd: Number,
    /// Number of values.
    pub count: usize,
}

impl Verdict {
    /// The verdict in words.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::NotReproduced => "not reproduced",
            Self::NeedsData { .. } => "needs data",
            Self::NeedsGpu => "needs GPU",
            Self::SkippedAtThisScale => "skipped at this scale",
            Self::Error { .. } => "error",
        }
    }
}

impl Measured {
    fn of(statistic: Statistic, values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let count = values.len();
        let number = |statistic: Statistic| Number(statistic.of(values).unwrap_or(f64::NAN));
        Some(Self {
            value: number(statistic),
            min: number(Statistic::Min),
            max: number(Statistic::Max),
            sd: Number(sample_deviation(values)),
            count,
        })
    }
}

/// Judges a claim by the outcomes of all experiments that feed it.
pub fn judge(
    claim: &Claim,
    outcomes: &[&Outcome],
    scale: Scale,
    device: &str,
) -> (Verdict, Vec<CheckReport>) {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (check, numbers) in outcomes.iter().filter_map(|outcome| outcome.values.get(claim.id)).flatten() {
        values.entry(check).or_default().extend(numbers.iter().map(|number| number.0));
    }
    let mut checks: Vec<_> = claim.checks.iter().map(|check| measure(check, &values)).collect();
    if let Some(verdict) = obstacle(claim, outcomes, device) {
        return (verdict, checks);
    }
    let mut faults = Vec::new();
    for check in &mut checks {
        let judged = !check.full_only || scale == Scale::Full;
        match &check.measured {
            Some(measured) if measured.value.0.is_nan() => faults.push(format!("{} is NaN", check.name)),
            Some(measured) if judged => check.passed = Some(check.threshold.accepts(measured.value.0)),
            None if judged => faults.push(format!("nothing was recorded for {}", check.name)),
            _ => {}
        }
    }
    let verdict = if !faults.is_empty() {
        Verdict::Error { message: faults.join("; ") }
    } else if checks.iter().any(|check| check.passed == Some(false)) {
        Verdict::NotReproduced
    } else if checks.iter().any(|check| check.passed.is_none()) {
        Verdict::SkippedAtThisScale
    } else if checks.is_empty() {
        Verdict::Error { message: "it has no check".to_owned() }
    } else {
        Verdict::Reproduced
    };
    (verdict, checks)
}

/// What keeps a claim from being judged, if anything does.
fn obstacle(claim: &Claim, outcomes: &[&Outcome], device: &str) -> Option<Verdict> {
    let failures: Vec<_> = outcomes
        .iter()
        .filter_map(|o| o.failure.as_ref().map(|failure| format!("experiment {}: {failure}", o.experiment)))
        .collect();
    if !failures.is_empty() {
        return Some(Verdict::Error { message: failures.join("; ") });
    }
    let mut missing: Vec<(&str, String)> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.missing)
        .filter(|missing| missing.claim == claim.id)
        .map(|missing| (missing.name.as_str(), missing.hint.clone()))
        .collect();
    if outcomes.is_empty() {
        missing.extend(claim.needs.iter().filter_map(|need| match need {
            Need::Data(name) => Some((*name, "no experiment reads it yet".to_owned())),
            Need::Gpu => None,
        }));
    }
    missing.dedup();
    if !missing.is_empty() {
        let what = missing.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let mut hints: Vec<_> = missing.into_iter().map(|(_, hint)| hint).collect();
        hints.dedup();
        return Some(Verdict::NeedsData { what, r#where: hints.join("; ") });
    }
    (claim.needs.contains(&Need::Gpu) && (outcomes.is_empty() || !is_gpu(device)))
        .then_some(Verdict::NeedsGpu)
}

fn measure(check: &Check, values: &BTreeMap<&str, Vec<f64>>) -> CheckReport {
    CheckReport {
        name: check.name.to_owned(),
        statistic: check.statistic,
        threshold: check.threshold,
        unit: check.unit.to_owned(),
        origin: check.origin,
        full_only: check.full_only,
        measured: values.get(check.name).and_then(|values| Measured::of(check.statistic, values)),
        passed: None,
    }
}
