//! All data sets, and those that a name means.

use super::catalogue::DataSet;
use super::graph_sets::GRAPHS;
use super::sets::OTHERS;

/// Every data set.
pub fn list() -> impl Iterator<Item = &'static DataSet> {
    GRAPHS.iter().chain(OTHERS)
}

/// The data sets that `name` means: one by its name or by one of its files, those of that name in any folder
/// (`minilm` is `models/minilm`), or all of a folder.
pub fn select(name: &str) -> Vec<&'static DataSet> {
    let name = name.trim_end_matches('/');
    let exact: Vec<_> = list().filter(|set| set.name == name || set.holds(name)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let short: Vec<_> =
        list().filter(|set| set.name.split_once('/').is_some_and(|(_, short)| short == name)).collect();
    if !short.is_empty() {
        return short;
    }
    list().filter(|set| set.name.split('/').next() == Some(name)).collect()
}

/// How to get the file or folder `name`, for people.
pub(super) fn how_to_get(name: &str) -> String {
    match select(name).as_slice() {
        [] => {
            "not in the catalogue of `cargo xtask data list`; put it into your --data folder under this name"
                .into()
        }
        [set] => set.how_to_get(),
        sets => {
            let names: Vec<&str> = sets.iter().map(|set| set.name).collect();
            format!("`cargo xtask data list` says how to get {}", names.join(", "))
        }
    }
}
