//! Tables of a report in hand-written pages, so that nobody copies figures.

use std::fmt::Write as _;

use super::{Report, markdown::row};
use crate::recorder::Table;

/// A page that asks for what the report does not have, or asks wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A place without an end.
    #[error("`{OPEN}{name} -->` has no `{CLOSE}` after it")]
    Open {
        /// What the place asks for.
        name: String,
    },
    /// A place whose table is not in the report.
    #[error("the report has no table {name}; it has {known}. A name is PAPER/EXPERIMENT/TABLE")]
    Unknown {
        /// What the place asks for.
        name: String,
        /// The names that would do.
        known: String,
    },
}

const OPEN: &str = "<!-- table ";
const CLOSE: &str = "<!-- /table -->";

/// The page with the report's tables in its places, which look like
///
/// ```text
/// <!-- table PAPER/EXPERIMENT/TABLE -->
/// whatever stood here before
/// <!-- /table -->
/// ```
///
/// # Errors
/// [`PageError`]; the page is then not to be changed.
pub fn fill(page: &str, report: &Report) -> Result<String, PageError> {
    let mut filled = String::new();
    let mut rest = page;
    while let Some((before, place)) = rest.split_once(OPEN) {
        let name = place.split_once(" -->").map_or(place, |(name, _)| name).trim();
        let Some((_, after)) = place.split_once(CLOSE) else {
            return Err(PageError::Open { name: name.lines().next().unwrap_or_default().to_owned() });
        };
        let table = tables(report).find(|(known, _)| known == name).ok_or_else(|| {
            let known: Vec<_> = tables(report).map(|(name, _)| name).collect();
            PageError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })?;
        filled.push_str(before);
        let _ = write!(filled, "{OPEN}{name} -->\n{}{CLOSE}", markdown(table.1));
        rest = after;
    }
    Ok(filled + rest)
}

fn tables(report: &Report) -> impl Iterator<Item = (String, &Table)> {
    report.papers.iter().flat_map(|paper| {
        paper.experiments.iter().flat_map(move |outcome| {
            let name = move |table: &Table| format!("{}/{}/{}", paper.id, outcome.experiment, table.id);
            outcome.tables.iter().map(move |table| (name(table), table))
        })
    })
}

fn markdown(table: &Table) -> String {
    let mut text = row(&table.columns) + "\n|" + &"---|".repeat(table.columns.len()) + "\n";
    for cells in &table.rows {
        text += &row(cells);
        text.push('\n');
    }
    text
}
