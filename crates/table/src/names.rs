//! Names of columns, each given once.

use std::collections::HashSet;

use crate::TableNote;

/// The names, with others in place of those that are empty or occur before.
pub(crate) fn unique(names: Vec<String>, notes: &mut Vec<TableNote>) -> Vec<String> {
    let given: HashSet<String> = names.iter().cloned().collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut out = Vec::with_capacity(names.len());
    for (at, name) in (1_usize..).zip(names) {
        let free = |called: &String| !given.contains(called) && !taken.contains(called);
        let called = if name.is_empty() {
            let called = first_free(&format!("column {at}"), free);
            notes.push(TableNote::Unnamed { called: called.clone() });
            called
        } else if taken.contains(&name) {
            let called = first_free(&format!("{name} (2)"), |called| free(called));
            notes.push(TableNote::SameName { name, called: called.clone() });
            called
        } else {
            name
        };
        taken.insert(called.clone());
        out.push(called);
    }
    out
}

/// `wanted`, or that with a number which makes it free.
fn first_free(wanted: &str, free: impl Fn(&String) -> bool) -> String {
    let stem = wanted.strip_suffix(" (2)").unwrap_or(wanted);
    let numbered = (if stem == wanted { 2_usize } else { 3 }..).map(|number| format!("{stem} ({number})"));
    std::iter::once(wanted.to_owned()).chain(numbered).find(free).unwrap_or_default()
}
