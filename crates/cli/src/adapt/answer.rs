//! What a diagnosis found, for people.

use std::fmt::Write as _;

use kiln_adapt::Labelled;
use kiln_adapt::diagnosis::{DiagnosisAnswer, FeatureShift, LinearCandidate, MethodTrial};

use super::tables::Ready;
use crate::numbers::{Share, Short, readable};
use crate::print::{columns, wrapped};

/// Columns that are printed; the file of the answer has all.
const ROWS: usize = 12;

/// What a method is, in a few words.
pub(super) fn what(method: LinearCandidate) -> &'static str {
    match method {
        LinearCandidate::PooledErm => "the rows of all sources as one table",
        LinearCandidate::CovariateShift => "rows weighted to look like the target",
        LinearCandidate::Coral => "sources moved to the target's mean and covariance",
        LinearCandidate::Dip => "scores with one mean in sources and target",
        LinearCandidate::Cip => "scores with one mean given the label in all sources",
        LinearCandidate::Cirm => "scores alike in sources and target, but for what the label moves",
        LinearCandidate::JointDip => "scores alike in sources and target, jointly with what is invariant",
        LinearCandidate::IwErm => "classes weighted to have the target's shares",
        LinearCandidate::IwDip => "dip, with classes weighted to have the target's shares",
        LinearCandidate::IwCip => "cip, with classes weighted to have the target's shares",
        LinearCandidate::IwJointDip => "joint-dip, with classes weighted to have the target's shares",
    }
}

/// What to do, in a sentence.
pub(super) fn advice(answer: &DiagnosisAnswer) -> String {
    let method = answer.recommendation.method;
    if answer.recommendation.adapts() {
        format!("Adapt, with {method}: {}.", what(method))
    } else {
        "Do not adapt: fit the rows of all sources as one table (pooled-erm).".to_owned()
    }
}

/// Why, each reason a sentence.
pub(super) fn reasons(answer: &DiagnosisAnswer) -> Vec<String> {
    let recommended = &answer.recommendation;
    let because = recommended.reasons.iter().map(|reason| sentence(&reason.to_string()));
    let refused = recommended.refused.iter();
    let refused =
        refused.map(|(method, reason)| format!("Not {method}, though it gained on the sources: {reason}."));
    because.chain(refused).collect()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect::<String>() + ".")
        .unwrap_or_default()
}

/// A number with its sign, in points of a hundred.
pub(super) fn points(gain: f64) -> String {
    format!("{:+.1}", 100.0 * gain).replace('-', "−")
}

/// The columns that move, those first on which the pooled model rests most.
pub(super) fn by_importance(answer: &DiagnosisAnswer) -> Vec<&FeatureShift> {
    let mut features: Vec<&FeatureShift> = answer.features.iter().collect();
    let size = |feature: &FeatureShift| {
        // Where the sources have one value only, nothing is farther.
        feature.weight * feature.moved.map_or(f64::MAX, f64::abs).min(1e6)
    };
    features.sort_by(|a, b| size(b).total_cmp(&size(a)).then(b.weight.total_cmp(&a.weight)));
    features
}

/// The cells of a column: its name, how far it moved, its spread, how alike the sources are, its weight.
pub(super) fn feature_cells(feature: &FeatureShift, names: &[String]) -> Vec<String> {
    let or_dash = |value: Option<f64>, say: &dyn Fn(f64) -> String| value.map_or("–".to_owned(), say);
    vec![
        names.get(feature.feature).map(|name| readable(name)).unwrap_or_default(),
        or_dash(feature.moved, &|moved| format!("{moved:+.2}").replace('-', "−")),
        or_dash(feature.spread, &|spread| Short(spread).to_string()),
        or_dash(feature.between_sources, &|share| Share(share).to_string()),
        Share(feature.weight).to_string(),
    ]
}

pub(super) const FEATURE_HEADS: [&str; 5] = ["column", "moved by", "spread", "between sources", "weight"];

/// The cells of a method: its gain on each source, the mean, and what that is at least.
pub(super) fn trial_cells(trial: &MethodTrial) -> Vec<String> {
    let or_dash = |gain: Option<f64>| gain.map_or("–".to_owned(), points);
    let mut cells = vec![trial.method.to_string(), or_dash(trial.mean), or_dash(trial.at_least)];
    cells.extend(trial.gains.iter().map(|gain| or_dash(*gain)));
    cells
}

pub(super) fn domain_cells(answer: &DiagnosisAnswer) -> impl Iterator<Item = Vec<String>> {
    answer.domains.iter().map(|test| {
        let [low, high] = test.interval;
        vec![
            readable(&test.domain),
            test.from.clone(),
            format!("{:.2} [{low:.2}, {high:.2}]", test.auc),
            probability(test.p_value),
        ]
    })
}

/// A probability, which is never quite none.
pub(super) fn probability(p: f64) -> String {
    if p < 0.001 { "under 0.001".to_owned() } else { format!("{p:.3}") }
}

pub(super) fn share_cells(answer: &DiagnosisAnswer, classes: &[String]) -> Vec<Vec<String>> {
    let shares = answer.class_shares.iter().flatten().zip(classes);
    shares
        .map(|(share, class)| {
            let [low, high] = share.interval;
            vec![
                readable(class),
                Share(share.pooled).to_string(),
                format!("{} [{}, {}]", Share(share.target), Share(low), Share(high)),
            ]
        })
        .collect()
}

/// Sentences on what was found.
pub(super) fn findings(ready: &Ready, answer: &DiagnosisAnswer) -> Vec<String> {
    let mut said = Vec::new();
    let rows: usize = ready.data.sources().iter().map(Labelled::rows).sum();
    match answer.effective_rows {
        Some(effective) => said.push(format!(
            "Weighted to look like the target, the {rows} rows of the sources are worth {}.",
            Short(effective.round())
        )),
        None => said.push("The sources cannot be weighted to look like the target.".to_owned()),
    }
    let differ: Vec<String> = answer
        .conditionals
        .iter()
        .filter(|test| test.interval[0] > 0.0)
        .map(|test| format!("{} ({} points)", readable(&test.source), points(test.own_gain)))
        .collect();
    if !differ.is_empty() {
        said.push(format!(
            "Half of its own rows predict better than all other sources together: {}. Its label depends on the \
             columns otherwise, or it lies where the others have no rows.",
            differ.join(", ")
        ));
    }
    if let Some(most) = answer.accuracy_at_most {
        said.push(format!(
            "If what is invariant in the sources (cip) errs in the target as often as there, pooled-erm is right \
             for {} of the target's rows at most.",
            Share(most)
        ));
    }
    said
}

/// What a person reads.
pub(super) fn text(ready: &Ready, answer: &DiagnosisAnswer) -> String {
    let mut said = wrapped(&advice(answer));
    for sentence in reasons(answer).iter().chain(&findings(ready, answer)) {
        said += &wrapped(sentence);
    }
    if !answer.domains.is_empty() {
        said += "\nCan a table be told from others? From 0.5, not at all, to 1.\n";
        said += &columns(["table", "from", "AUC", "p"].into_iter(), domain_cells(answer), &[]);
    }
    if !answer.trials.is_empty() {
        said += "\nGain over pooling in points, each source in turn as the target.\n";
        let sources = ready.data.sources().iter().map(|source| readable(source.name()));
        let heads: Vec<String> =
            ["method", "mean", "at least"].map(str::to_owned).into_iter().chain(sources).collect();
        let numbers: Vec<usize> = (1..heads.len()).collect();
        said += &columns(heads.iter().map(String::as_str), answer.trials.iter().map(trial_cells), &numbers);
    }
    if let (Some(classes), true) = (&ready.classes, answer.class_shares.is_some()) {
        said += "\nShares of the classes, if nothing else differs.\n";
        let heads = ["class", "sources", "target"].into_iter();
        said += &columns(heads, share_cells(answer, classes).into_iter(), &[1]);
    }
    said += "\nColumns that move most where the pooled model rests on them.\n";
    let features = by_importance(answer);
    let cells = features.iter().take(ROWS).map(|feature| feature_cells(feature, &ready.columns));
    said += &columns(FEATURE_HEADS.into_iter(), cells, &[1, 2, 3, 4]);
    if features.len() > ROWS {
        let _ = writeln!(said, "… and {} more: --out FILE.json has all", features.len() - ROWS);
    }
    said.push('\n');
    said + &wrapped(MEANING)
}

pub(super) const MEANING: &str = "Moved by: the target's mean less the sources', in standard deviations of the sources; spread: its deviation \
     over theirs. Between sources: the share of what varies given the label that lies between sources; what is \
     near 0 is invariant. Weight: the share of the pooled model's weights.";
