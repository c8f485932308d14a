//! The page of a model.

use kiln_table::PreprocessingNotice;
use maud::{Markup, PreEscaped, html};

use super::answer::Answer;
use super::learn::Learned;
use super::model::StrengthChosen;
use super::plots;
use crate::numbers::{Share, Short, count, readable};
use crate::page::{fact, file_name, joined, page as whole};

/// At most so many rows of the table of weights.
const ROWS: usize = 1000;

/// The page of a model, above all its remarks.
pub(super) fn page(
    answer: &Answer,
    learned: &Learned,
    notices: &[PreprocessingNotice],
    remarks: &[String],
    command: &str,
) -> String {
    let title = format!("What predicts {:?}", answer.label);
    let columns = learned.fitted.columns();
    // What was done as always has its own place below.
    let usual: Vec<String> =
        notices.iter().filter(|notice| !notice.is_warning()).map(super::words::notice).collect();
    let remarks: Vec<String> = remarks.iter().filter(|remark| !usual.contains(remark)).cloned().collect();
    let content = html! {
        p class="lead" { (joined(&answer.task)) " " (joined(&answer.quality)) }
        dl {
            (fact("Table", file_name(&answer.file), &format!("{} rows", count(answer.rows as u64))))
            (fact(
                "Columns of numbers",
                &count(answer.columns as u64),
                &format!("{} used", count(answer.weights.len() as u64))
            ))
            (fact("Strength", &Short(learned.penalty.strength).to_string(), chosen(learned)))
            @if let Some((value, what)) = score(learned) { (fact("Held out", &value, what)) }
            (fact("Certificate", &Short(learned.certificate.relative).to_string(), "proved: the most that is \
             missing"))
        }
        p { (answer.method) " " (answer.strength) }
        @if let Some(path) = &learned.path {
            div class="figures" {
                @if !path.shown.is_empty() {
                    figure {
                        (PreEscaped(plots::effects(path, columns, answer.outputs.len() > 1).svg()))
                        figcaption {
                            "The columns with the largest effects. From right to left the penalty gives \
                             way, and they come in."
                        }
                    }
                }
                figure {
                    (PreEscaped(plots::held_out(path).svg()))
                    figcaption { "Lower is better. To the left of the lowest point the model learns its rows \
                     by heart." }
                }
            }
        }
        h2 { "Weights" }
        p { (answer.meaning()) " " (intercepts(answer)) }
        (weights(answer))
        @if answer.weights.len() > ROWS {
            p { (count((answer.weights.len() - ROWS) as u64)) " more weights are in the model's file." }
        }
        @if answer.zeros > 0 { p { (count(answer.zeros as u64)) " weights are 0." } }
        h2 { "Missing values" }
        @if usual.is_empty() { p { "No value is missing in the columns that are used." } }
        @else { ul { @for notice in &usual { li { (notice) } } } }
        details {
            summary { "How it was found" }
            p { (answer.certificate) }
            pre { (serde_json::to_string_pretty(&learned.chosen).unwrap_or_default()) }
        }
    };
    whole(&title, &remarks, command, &content)
}

fn chosen(learned: &Learned) -> &'static str {
    match learned.chosen {
        StrengthChosen::Given => "as given",
        StrengthChosen::Path { folds: Some(_), .. } => "by cross-validation",
        StrengthChosen::Path { .. } => "by rows held out",
    }
}

/// The measure of rows held out.
fn score(learned: &Learned) -> Option<(String, &'static str)> {
    match learned.chosen {
        StrengthChosen::Path { held_out_right: Some(right), .. } => {
            Some((Share(right).to_string(), "predicted right"))
        }
        StrengthChosen::Path { held_out_loss, .. } if learned.certificate.start > 0.0 => {
            let explained = 1.0 - held_out_loss / learned.certificate.start;
            Some((Share(explained).to_string(), "of a constant's loss explained"))
        }
        _ => None,
    }
}

fn intercepts(answer: &Answer) -> String {
    match (&answer.intercepts[..], &answer.outputs[..]) {
        ([one], _) => format!("The intercept is {}.", Short(*one)),
        (several, outputs) => {
            let each = outputs.iter().zip(several);
            let each: Vec<String> =
                each.take(20).map(|(class, x)| format!("{} for {}", Short(*x), readable(class))).collect();
            format!("The intercepts are: {}.", each.join(", "))
        }
    }
}

/// The table of weights, with bars for the effects.
fn weights(answer: &Answer) -> Markup {
    let largest = answer.weights.iter().map(|weight| weight.effect.abs()).fold(0.0, f64::max);
    html! {
        div class="scroll" {
            table {
                thead { tr {
                    @for (at, head) in answer.heads().into_iter().enumerate() {
                        th class=(if at == 1 || at == 2 { "number" } else { "name" }) { (head) }
                    }
                    th class="bar" { }
                } }
                tbody {
                    @for (weight, cells) in answer.weights.iter().zip(answer.cells(ROWS)) {
                        tr {
                            @for (at, cell) in cells.iter().enumerate() {
                                td class=(if at == 1 || at == 2 { "number" } else { "name" }) { (cell) }
                            }
                            td class="bar" { (bar(weight.effect / largest)) }
                        }
                    }
                }
            }
        }
    }
}

/// A bar to the right for what adds, to the left for what takes away.
pub(crate) fn bar(share: f64) -> Markup {
    let width = 50.0 * share.abs();
    let left = if share < 0.0 { 50.0 - width } else { 50.0 };
    let class = if share < 0.0 { "down" } else { "up" };
    html! {
        svg class="effect" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
            rect class=(class) x=(format!("{left:.2}")) y="1" width=(format!("{width:.2}")) height="8" {}
            line x1="50" y1="0" x2="50" y2="10" {}
        }
    }
}
