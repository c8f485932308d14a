//! From the names that a person types to nodes.

use kiln_graph::{Adjacency as _, LabelledGraph};

use super::input::Loaded;
use crate::cli::Failure;
use crate::numbers::count;

/// How many names like the one that was typed are shown.
const SHOWN: usize = 3;
/// Names are compared with what was typed up to this number of nodes.
const COMPARED: u64 = 2_000_000;
/// How like a name must be, from 0 to 1.
const ALIKE: f64 = 0.8;

/// The nodes of these names.
pub(super) fn nodes_of(read: &Loaded, names: &[String]) -> Result<Vec<u64>, Failure> {
    let graph = &read.graph;
    let node_of = |name: &String| {
        let node = graph.id(name).ok_or_else(|| unknown(read, name))?;
        if graph.graph().degree(node) > 0.0 {
            return Ok(node);
        }
        Err(format!("{name:?} has no connections, so it has no cluster").into())
    };
    names.iter().map(node_of).collect()
}

/// What to say of a name that no node has.
fn unknown(read: &Loaded, name: &str) -> String {
    let graph = &read.graph;
    let nodes = graph.graph().node_count();
    let quoted =
        |names: Vec<String>| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let like = like(graph, name);
    let tip = if like.is_empty() {
        let some = (0..nodes.min(SHOWN as u64)).map(|u| graph.label(u).to_string()).collect();
        format!("the names of its {} nodes begin with {}", count(nodes), quoted(some))
    } else {
        format!("similar names are {}", quoted(like))
    };
    let comments = match read.comments() {
        Some(line) if name.starts_with(['#', '%', '/']) => {
            format!("\n  tip: line {line} was taken for a comment: --comment says what comments begin with")
        }
        _ => String::new(),
    };
    format!("no node is named {name:?}\n\n  tip: {tip}{comments}")
}

/// The names most like `name`; those that contain it or differ by case count as very like.
fn like(graph: &LabelledGraph, name: &str) -> Vec<String> {
    let wanted = name.trim().to_lowercase();
    let alike = |u: u64| {
        let label = graph.label(u).to_lowercase();
        let near = strsim::jaro_winkler(&wanted, &label);
        let contains = wanted.len() > 2 && label.contains(&wanted);
        (
            if label == wanted {
                2.0
            } else if contains {
                near.max(ALIKE)
            } else {
                near
            },
            u,
        )
    };
    let mut found: Vec<_> = (0..graph.graph().node_count().min(COMPARED)).map(alike).collect();
    found.retain(|&(alike, _)| alike >= ALIKE);
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.iter().take(SHOWN).map(|&(_, u)| graph.label(u).to_string()).collect()
}
