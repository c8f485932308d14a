//! How two logs differ.

use std::fmt;

use ciborium::Value;

use super::entry::{Entry, Rates};
use super::header::LogHeader;
use super::log::ReplayLog;

/// Something that two logs' headers say differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingDifference {
    /// Its name, as `settings.method.step_size`.
    pub name: String,
    /// In the first log.
    pub left: String,
    /// In the second log.
    pub right: String,
}

impl LogHeader {
    /// What tells two runs apart, by name: everything but the note.
    fn fields(&self) -> Vec<(String, String)> {
        let named = |name: &str, value: String| (name.to_owned(), value);
        let mut fields = vec![
            named("method", self.method.clone()),
            named("generator", self.generator.clone()),
            named("seed", self.seed.to_string()),
            named("components", self.components.to_string()),
            named("base weights", format!("{:#018x}", self.base_hash)),
            named("tensors", self.manifest.len().to_string()),
        ];
        flatten("settings", &self.tuner, &mut fields);
        fields.extend(self.manifest.iter().enumerate().map(|(i, b)| (format!("tensor {i}"), b.to_string())));
        fields
    }

    /// What tells this run from the other first, if anything does.
    pub fn first_difference(&self, other: &Self) -> Option<SettingDifference> {
        self.differences(other).into_iter().next()
    }

    fn differences(&self, other: &Self) -> Vec<SettingDifference> {
        let (left, right) = (self.fields(), other.fields());
        let value = |fields: &[(String, String)], name: &str| {
            fields.iter().find(|field| field.0 == name).map_or("absent".to_owned(), |field| field.1.clone())
        };
        let only_right = right.iter().filter(|field| left.iter().all(|other| other.0 != field.0));
        left.iter()
            .chain(only_right)
            .map(|(name, _)| SettingDifference {
                name: name.clone(),
                left: value(&left, name),
                right: value(&right, name),
            })
            .filter(|difference| difference.left != difference.right)
            .collect()
    }
}

/// Appends the leaves of nested settings: `settings.method.step_size`.
fn flatten(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = key.as_text().map_or_else(|| format!("{key:?}"), str::to_owned);
                flatten(&format!("{name}.{key}"), value, fields);
            }
            return;
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(&format!("{name}[{index}]"), value, fields);
            }
            return;
        }
        Value::Integer(integer) => i128::from(*integer).to_string(),
        // Settings in f32 come back as f64: their own shortest form is what was typed.
        Value::Float(float) if f64::from(*float as f32) == *float => format!("{:?}", *float as f32),
        Value::Float(float) => format!("{float:?}"),
        Value::Text(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null => "none".to_owned(),
        other => format!("{other:?}"),
    };
    fields.push((name.to_owned(), text));
}

/// The first step that two logs have differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FirstDifference {
    /// Other step sizes were in force.
    Rates {
        /// The step, counted from 0.
        step: u64,
        /// In the first log.
        left: Rates,
        /// In the second log.
        right: Rates,
    },
    /// One was skipped.
    Skipped {
        /// The step, counted from 0.
        step: u64,
        /// Whether it is skipped in the first log; in the other it is not.
        left: bool,
    },
    /// The numbers of scalars differ.
    Scalars {
        /// The step, counted from 0.
        step: u64,
        /// In the first log.
        left: usize,
        /// In the second log.
        right: usize,
    },
    /// A scalar differs.
    Scalar {
        /// The step, counted from 0.
        step: u64,
        /// Which of the step's scalars, counted from 0.
        index: usize,
        /// In the first log.
        left: f32,
        /// In the second log.
        right: f32,
    },
}

impl FirstDifference {
    fn of(step: u64, left: &Entry, right: &Entry) -> Option<Self> {
        if left.rates.to_bytes() != right.rates.to_bytes() {
            return Some(Self::Rates { step, left: left.rates, right: right.rates });
        }
        let (Some(a), Some(b)) = (&left.scalars, &right.scalars) else {
            let skipped = left.scalars.is_none();
            return (skipped != right.scalars.is_none()).then_some(Self::Skipped { step, left: skipped });
        };
        if a.len() != b.len() {
            return Some(Self::Scalars { step, left: a.len(), right: b.len() });
        }
        let index = a.iter().zip(b).position(|(a, b)| a.to_bits() != b.to_bits())?;
        Some(Self::Scalar { step, index, left: a[index], right: b[index] })
    }
}

impl fmt::Display for FirstDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Rates { step, left, right } => {
                let [left, right] = [left, right].map(|rates| (rates.step_size, rates.anchor_step_size));
                write!(f, "step {step}: step sizes {left:?} | {right:?}")
            }
            Self::Skipped { step, left } => {
                write!(f, "step {step}: skipped in the {} log only", if left { "first" } else { "second" })
            }
            Self::Scalars { step, left, right } => write!(f, "step {step}: {left} | {right} scalars"),
            Self::Scalar { step, index, left, right } => {
                let by = f64::from(right) - f64::from(left);
                write!(f, "step {step}, scalar {index}: {left:?} | {right:?}, by {by:e}")
            }
        }
    }
}

/// How two runs differ; [`Display`](fmt::Display) tells it to a person.
#[derive(Clone, Debug, PartialEq)]
pub struct LogDiff {
    /// Settings, seed, tensors and base weights.
    pub settings: Vec<SettingDifference>,
    /// How many steps the logs have.
    pub steps: [u64; 2],
    /// The hashes of their final weights.
    pub final_hashes: [Option<u64>; 2],
    /// The first of the steps in both that differs in any bit.
    pub first: Option<FirstDifference>,
    /// Scalars at the same place of both logs.
    pub compared: u64,
    /// The largest difference among those, 0 if there are none.
    pub largest: f64,
    /// Their correlation; none where it is undefined, because there are too few or they do not vary.
    pub correlation: Option<f64>,
}

impl ReplayLog {
    /// How two runs differ.
    pub fn diff(&self, other: &Self) -> LogDiff {
        LogDiff::of(self, other)
    }
}

impl LogDiff {
    fn of(left: &ReplayLog, right: &ReplayLog) -> Self {
        let both = || left.entries.iter().zip(&right.entries);
        let mut pairs = Vec::new();
        for (a, b) in both() {
            let (Some(a), Some(b)) = (&a.scalars, &b.scalars) else { continue };
            pairs.extend(a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b))));
        }
        Self {
            settings: left.header.differences(&right.header),
            steps: [left, right].map(|log| log.entries.len() as u64),
            final_hashes: [left.final_hash, right.final_hash],
            first: (0..).zip(both()).find_map(|(step, (a, b))| FirstDifference::of(step, a, b)),
            compared: pairs.len() as u64,
            largest: pairs.iter().map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
            correlation: correlation(&pairs),
        }
    }

    /// Whether the logs tell of the same run to the same end.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty()
            && self.steps[0] == self.steps[1]
            && self.final_hashes[0] == self.final_hashes[1]
            && self.first.is_none()
    }
}

fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| pairs.iter().map(part).sum::<f64>() / n;
    let (a, b) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |part: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|p| part(p.0 - a, p.1 - b)).sum::<f64>();
    let r = sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    r.is_finite().then_some(r.clamp(-1.0, 1.0))
}

impl fmt::Display for LogDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "the same run of {} steps", self.steps[0]);
        }
        for SettingDifference { name, left, right } in &self.settings {
            writeln!(f, "{name}: {left} | {right}")?;
        }
        if self.settings.is_empty() {
            writeln!(f, "settings and base weights: the same")?;
        }
        let [left, right] = self.steps;
        writeln!(f, "steps: {left} | {right}")?;
        if let [Some(left), Some(right)] = self.final_hashes {
            writeln!(f, "final weights: {left:#018x} | {right:#018x}")?;
        }
        let common = left.min(right);
        match self.first {
            None => write!(f, "the first {common} steps: the same"),
            Some(first) => {
                writeln!(f, "first difference: {first}")?;
                let Self { compared, largest, .. } = self;
                write!(f, "{compared} scalars in {common} common steps: largest difference {largest:e}")?;
                self.correlation.map_or(Ok(()), |r| write!(f, ", correlation {r:.6}"))
            }
        }
    }
}
