//! What a fit found, for people.

use std::fmt::Write as _;

use kiln_linear::ClassLabel;

use super::choice::Labels;
use super::learn::{Learned, Sample, class_counts};
use super::model::{Coefficient, StrengthChosen, coefficients};
use crate::numbers::{Share, Short, count, readable};
use crate::print::{columns, wrapped};

/// Weights that are printed; the model has all.
const ROWS: usize = 20;
/// Classes that are counted by name.
const CLASSES: usize = 8;

/// The sentences and the weights, largest effect first.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) file: String,
    pub(super) label: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// What is predicted.
    pub(super) task: String,
    /// By what method.
    pub(super) method: String,
    /// With which strength, and why.
    pub(super) strength: String,
    /// How good it is.
    pub(super) quality: String,
    /// How near it is to the best model.
    pub(super) certificate: String,
    /// Weights that are not 0, the largest effect first.
    pub(super) weights: Vec<Weight>,
    /// How many weights are 0.
    pub(super) zeros: usize,
    /// The intercepts.
    pub(super) intercepts: Vec<f64>,
    /// For which class each output speaks, where there are classes.
    pub(super) outputs: Vec<String>,
}

/// What a column counts.
#[derive(Debug)]
pub(super) struct Weight {
    pub(super) column: String,
    /// For one unit more, and for one standard deviation more, of the output that it moves most.
    pub(super) unit: f64,
    pub(super) effect: f64,
    /// That output's class, where there are several.
    pub(super) class: Option<String>,
}

impl Answer {
    pub(super) fn new(file: &str, label: &str, sample: &Sample, learned: &Learned, method: String) -> Self {
        let outputs: Vec<String> = match learned.fitted.classes() {
            Some([_, second]) => vec![second.to_string()],
            Some(classes) => classes.iter().map(ToString::to_string).collect(),
            None => Vec::new(),
        };
        let coefficients = coefficients(&learned.fitted, &learned.deviations);
        let mut weights: Vec<Weight> = coefficients.iter().map(|one| Weight::of(one, &outputs)).collect();
        weights.retain(|weight| weight.unit != 0.0);
        weights.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        Self {
            file: file.to_owned(),
            label: readable(label),
            rows: sample.rows.rows(),
            columns: sample.columns.len(),
            task: task(label, &sample.labels),
            method,
            strength: strength(learned),
            quality: quality(sample, learned),
            certificate: certificate(learned),
            zeros: coefficients.len() - weights.len(),
            weights,
            intercepts: learned.fitted.intercepts(),
            outputs,
        }
    }

    /// What a weight means.
    pub(super) fn meaning(&self) -> String {
        let adds = match &self.outputs[..] {
            [] => format!("adds to {:?}", self.label),
            [class] => format!("adds to the log-odds or score of {:?} being {}", self.label, readable(class)),
            _ => "adds to the score of its class".to_owned(),
        };
        format!(
            "A weight {adds} for one unit more of its column; the effect is that of one standard deviation \
             more."
        )
    }

    /// The heads of the table of weights.
    pub(super) fn heads(&self) -> Vec<&'static str> {
        let all = ["column", "weight", "effect", "for"];
        all.iter().take(if self.outputs.len() > 1 { 4 } else { 3 }).copied().collect()
    }

    /// The beginning of the table of weights.
    pub(super) fn cells(&self, most: usize) -> impl Iterator<Item = Vec<String>> {
        self.weights.iter().take(most).map(|weight| {
            let mut row = vec![
                readable(&weight.column),
                Short(weight.unit).to_string(),
                Short(weight.effect).to_string(),
            ];
            row.extend(weight.class.as_ref().map(|class| readable(class)));
            row
        })
    }

    /// What a person reads.
    pub(super) fn text(&self) -> String {
        let mut said = String::new();
        for sentence in [&self.task, &self.method, &self.strength, &self.quality, &self.certificate] {
            said += &wrapped(sentence);
        }
        if self.weights.is_empty() {
            return said;
        }
        said.push('\n');
        said += &columns(self.heads().into_iter(), self.cells(ROWS), &[1, 2]);
        let more = self.weights.len().saturating_sub(ROWS);
        if more > 0 {
            let _ = writeln!(said, "… and {} more: --out FILE.json has all", count(more as u64));
        }
        if self.zeros > 0 {
            let _ = writeln!(said, "{} weights are 0", count(self.zeros as u64));
        }
        said.push('\n');
        said + &wrapped(&self.meaning())
    }
}

impl Weight {
    fn of(coefficient: &Coefficient, outputs: &[String]) -> Self {
        let most = coefficient.weights.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let (output, weight) = most.map_or((0, 0.0), |(output, weight)| (output, *weight));
        Self {
            column: coefficient.column.clone(),
            unit: weight,
            effect: weight * coefficient.deviation,
            class: if outputs.len() > 1 { outputs.get(output).cloned() } else { None },
        }
    }
}

fn task(label: &str, labels: &Labels) -> String {
    let label = readable(label);
    match labels {
        Labels::Classes(labels) => {
            let counts = class_counts(labels);
            let named = |(class, rows): &(ClassLabel, usize)| {
                format!("{} ({})", readable(&class.to_string()), count(*rows as u64))
            };
            let shown: Vec<String> = counts.iter().take(CLASSES).map(named).collect();
            let more = counts.len().saturating_sub(CLASSES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(
                "{label:?} has {} classes in {} rows: {}{more}.",
                counts.len(),
                count(labels.len() as u64),
                shown.join(", ")
            )
        }
        Labels::Values(values) => {
            let (least, most) = values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), &x| (least.min(x), most.max(x)));
            format!(
                "{label:?} is a number, from {} to {} in {} rows.",
                Short(least),
                Short(most),
                count(values.len() as u64)
            )
        }
    }
}

fn strength(learned: &Learned) -> String {
    let strength = Short(learned.penalty.strength);
    match &learned.chosen {
        StrengthChosen::Given if learned.penalty.strength == 0.0 => String::new(),
        StrengthChosen::Given => format!("The strength of the penalty is {strength}, as given."),
        StrengthChosen::Path { folds, share, tried, .. } => {
            let by = match (folds, share) {
                (Some(folds), _) => format!("by cross-validation in {folds} folds"),
                (None, Some(share)) => format!("by {} of the rows, held out", Share(*share)),
                (None, None) => "by rows held out".to_owned(),
            };
            format!("The strength of the penalty is {strength}, chosen among {tried} {by}.")
        }
    }
}

/// How good the predictions are, on rows held out where there are any.
fn quality(sample: &Sample, learned: &Learned) -> String {
    let usual = match &sample.labels {
        Labels::Classes(labels) => {
            let counts = class_counts(labels);
            let most = counts.iter().max_by_key(|(_, rows)| *rows);
            most.map(|(class, rows)| (class.to_string(), *rows as f64 / labels.len() as f64))
        }
        Labels::Values(_) => None,
    };
    let against = |said: String| match &usual {
        Some((class, share)) => {
            format!("{said}; always saying {} would be right for {}.", readable(class), Share(*share))
        }
        None => format!("{said}."),
    };
    match &learned.chosen {
        StrengthChosen::Path { held_out_right: Some(right), .. } => {
            against(format!("Of the rows held out {} were predicted right", Share(*right)))
        }
        StrengthChosen::Path { held_out_loss, .. } if learned.certificate.start > 0.0 => {
            let explained = 1.0 - held_out_loss / learned.certificate.start;
            if explained <= 0.0 {
                "On rows held out the model is no better than a constant.".to_owned()
            } else {
                format!("On rows held out the model explains {} of the loss of a constant.", Share(explained))
            }
        }
        _ => match (learned.own_score, &sample.labels) {
            (Some(score), Labels::Classes(_)) => {
                against(format!("Of the rows that it was fitted to {} are predicted right", Share(score)))
            }
            (Some(score), Labels::Values(_)) => format!(
                "The model explains {} of the loss of a constant, on the rows that it was fitted to.",
                Share(score)
            ),
            (None, _) => String::new(),
        },
    }
}

fn certificate(learned: &Learned) -> String {
    let certificate = &learned.certificate;
    let within = if certificate.within.is_some() { " near this one" } else { "" };
    // The rounding of the sums, which no two processors share.
    let by = if certificate.relative < 1e-12 {
        "rounding".to_owned()
    } else {
        format!("{} times the loss of a constant", Short(certificate.relative))
    };
    format!("Certificate, proved: no model of this form{within} has a lower objective by more than {by}.")
}
