//! The skeleton of pages to look at in a browser: whole in themselves, light or dark as the reader's system
//! is.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of pages, and of drawings in files of their own.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The style of tables of weights.
const WEIGHTS: &str = include_str!("weights.css");

/// A page with this title and content, and remarks above all.
pub(crate) fn page(title: &str, remarks: &[String], command: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(WEIGHTS)) }
            }
            body {
                main {
                    h1 { (title) }
                    @if !remarks.is_empty() {
                        div class="remarks" { @for remark in remarks { p { (remark) } } }
                    }
                    (content)
                    p class="soft" { "Made by" }
                    pre { (command) }
                }
            }
        }
    }
    .into_string()
}

/// A number with what it is.
pub(crate) fn fact(name: &str, value: &str, more: &str) -> Markup {
    html! { div { dt { (name) } dd { (joined(value)) @if !more.is_empty() { " " small { (joined(more)) } } } } }
}

/// Text in which no line breaks between a number and its sign of percent.
pub(crate) fn joined(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
