//! The page of a diagnosis.

use kiln_adapt::diagnosis::DiagnosisAnswer;
use kiln_receipts::report::figure::{Axis, Figure, Kind};
use maud::{Markup, PreEscaped, html};

use super::answer;
use super::tables::Ready;
use crate::linear::page::bar;
use crate::numbers::{Short, count, readable};
use crate::page::{fact, file_name, joined, page as whole};

/// At most so many columns in the table.
const ROWS: usize = 1000;

pub(super) fn page(ready: &Ready, found: &DiagnosisAnswer, command: &str) -> String {
    let title = format!("Can these tables be used to predict {:?}?", readable(&ready.label));
    let target = ready.data.target();
    let sources = ready.data.sources();
    let rows: usize = sources.iter().map(kiln_adapt::Labelled::rows).sum();
    let content = html! {
        p class="lead" { (joined(&answer::advice(found))) }
        @for reason in answer::reasons(found) { p { (joined(&reason)) } }
        dl {
            (fact("Target", file_name(target.name()), &format!("{} rows", count(target.x().nrows() as u64))))
            (fact("Sources", &count(sources.len() as u64), &format!("{} rows", count(rows as u64))))
            @if let Some(effective) = found.effective_rows {
                (fact("Effective rows", &Short(effective.round()).to_string(), "weighted to look like the target"))
            }
        }
        @for sentence in answer::findings(ready, found).iter().skip(1) { p { (joined(sentence)) } }
        @if !found.trials.is_empty() {
            h2 { "What methods gain on the sources" }
            p { "Each source in turn plays the target: points of accuracy more than by pooling, or hundredths of \
                 the squared error less. " b { "At least" } " is the lower end of the mean's interval, 95\u{a0}% for \
                 all methods together." }
            div class="figures" { figure {
                (PreEscaped(gains(ready, found).svg()))
                figcaption { "A point is a source. Above the line a method is better than pooling." }
            } }
            @let names = sources.iter().map(|source| readable(file_name(source.name())));
            @let heads: Vec<String> = ["method", "mean", "at least"].map(str::to_owned).into_iter().chain(names).collect();
            (table(&heads, found.trials.iter().map(answer::trial_cells), 1))
        }
        @if !found.domains.is_empty() {
            h2 { "Which tables differ" }
            p { "How well a table's rows are told from others': 0.5 not at all, 1 always." }
            (table(&["table", "from", "AUC", "p"].map(str::to_owned), answer::domain_cells(found), 2))
        }
        @if let (Some(classes), Some(_)) = (&ready.classes, &found.class_shares) {
            h2 { "Shares of the classes" }
            p { "What the predictions say of the target, if it differs in nothing else." }
            (table(&["class", "sources", "target"].map(str::to_owned), answer::share_cells(found, classes).into_iter(), 1))
        }
        h2 { "Which columns move" }
        p { (answer::MEANING) }
        (features(ready, found))
        @if !ready.remarks.is_empty() {
            h2 { "What was made of the tables" }
            ul { @for remark in &ready.remarks { li { (remark) } } }
        }
    };
    // What was made of the files comes last: what it says of usual tables is usual.
    whole(&title, &[], command, &content)
}

/// The gain of each method on each source.
fn gains(ready: &Ready, found: &DiagnosisAnswer) -> Figure {
    let methods = found.trials.iter().map(|trial| trial.method.name());
    let mut figure = Figure::new(
        "gains",
        "Gain over pooling on each source",
        "",
        Axis::categories("method", methods),
        Axis::linear("gain, points"),
    );
    for (m, source) in ready.data.sources().iter().enumerate() {
        let of = |(at, trial): (usize, &kiln_adapt::diagnosis::MethodTrial)| {
            Some((at as f64, 100.0 * (*trial.gains.get(m)?)?))
        };
        let points = found.trials.iter().enumerate().filter_map(of);
        figure = figure.with(Kind::Points, &readable(file_name(source.name())), m, points);
    }
    let last = found.trials.len().saturating_sub(1) as f64;
    figure.with(Kind::Dashed, "pooling", ready.data.sources().len(), [(0.0, 0.0), (last, 0.0)])
}

/// Cells under heads; numbers begin at a column.
fn table(heads: &[String], rows: impl Iterator<Item = Vec<String>>, numbers: usize) -> Markup {
    let class = |at: usize| if at >= numbers { "number" } else { "name" };
    html! {
        div class="scroll" { table {
            thead { tr { @for (at, head) in heads.iter().enumerate() { th class=(class(at)) { (head) } } } }
            tbody {
                @for row in rows { tr { @for (at, cell) in row.iter().enumerate() { td class=(class(at)) { (cell) } } } }
            }
        } }
    }
}

/// The columns, with bars for how far they moved.
fn features(ready: &Ready, found: &DiagnosisAnswer) -> Markup {
    let all = answer::by_importance(found);
    let largest = found.features.iter().filter_map(|feature| feature.moved).map(f64::abs).fold(0.0, f64::max);
    html! {
        div class="scroll" { table {
            thead { tr {
                @for (at, head) in answer::FEATURE_HEADS.iter().enumerate() {
                    th class=(if at > 0 { "number" } else { "name" }) { (head) }
                }
                th class="bar" { }
            } }
            tbody {
                @for feature in all.iter().take(ROWS) { tr {
                    @for (at, cell) in answer::feature_cells(feature, &ready.columns).iter().enumerate() {
                        td class=(if at > 0 { "number" } else { "name" }) { (cell) }
                    }
                    td class="bar" {
                        @if largest > 0.0 { (bar(feature.moved.unwrap_or_default() / largest)) }
                    }
                } }
            }
        } }
        @if all.len() > ROWS { p { (count((all.len() - ROWS) as u64)) " more are in the answer's file." } }
    }
}
