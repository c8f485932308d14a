//! What a reader found in a file, and what it did not use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Format;

/// How a file was understood, and everything in it that was not used. `Display` says it in plain words, one
/// line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReadReport {
    /// The format that was read.
    pub format: Format,
    /// Number of nodes of the graph.
    pub nodes: u64,
    /// Number of edges of the graph.
    pub edges: u64,
    /// What is worth knowing, in the order of the file.
    pub notes: Vec<ReadNote>,
}

/// One thing that a reader did, or did not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReadNote {
    /// How the columns of a table were understood.
    Columns {
        /// The separator in words.
        separator: String,
        /// The column of one end of each edge, by name or number.
        source: String,
        /// The column of the other end.
        target: String,
        /// The column of the weight.
        weight: Option<String>,
    },
    /// A line was taken for the header of a table.
    Header {
        /// Its number.
        line: u64,
    },
    /// Comments were skipped.
    Comments {
        /// How many lines or elements.
        count: u64,
        /// The line of the first.
        first_line: u64,
    },
    /// A column, a key, an attribute or a section was not used.
    Unused {
        /// What it is, with its name in the file.
        what: String,
        /// In how many places it occurs (0: not counted).
        count: u64,
        /// Why, or what to do so that it is used.
        why: String,
    },
    /// The file is not quite what its format says, and was read all the same.
    Lenient {
        /// What was found and how it was understood.
        what: String,
    },
    /// Edges that are declared directed were read as undirected.
    Undirected {
        /// How many.
        count: u64,
    },
    /// Pairs of nodes that were given more than once, and whose weights were summed.
    Repeated {
        /// How many lines or elements beyond the first of each pair.
        count: u64,
    },
    /// Edges of weight 0, which are no edges.
    ZeroWeights {
        /// How many.
        count: u64,
    },
    /// The nodes have the names of a file beside that of the graph.
    Names {
        /// That file.
        file: String,
    },
    /// The rows and the columns of the file are different nodes.
    Bipartite {
        /// Nodes of the first kind.
        rows: u64,
        /// Nodes of the second kind.
        columns: u64,
    },
}

impl ReadNote {
    /// Whether the file holds something that was not used or may not be what was meant; the other notes only
    /// say how it was read.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Unused { .. } | Self::Lenient { .. } | Self::Undirected { .. })
    }
}

impl ReadReport {
    pub(super) fn new(format: Format) -> Self {
        Self { format, nodes: 0, edges: 0, notes: Vec::new() }
    }

    pub(super) fn note(&mut self, note: ReadNote) {
        self.notes.push(note);
    }

    pub(super) fn unused(&mut self, what: impl Into<String>, count: u64, why: impl Into<String>) {
        self.note(ReadNote::Unused { what: what.into(), count, why: why.into() });
    }

    /// Whether something was not used or may not be what was meant.
    pub fn has_warnings(&self) -> bool {
        self.notes.iter().any(ReadNote::is_warning)
    }
}

impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} nodes, {} edges", self.format, self.nodes, self.edges)?;
        for note in &self.notes {
            write!(f, "\n{}{note}", if note.is_warning() { "warning: " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for ReadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns { separator, source, target, weight } => {
                write!(f, "columns separated by {separator}: edges from {source} to {target}, ")?;
                match weight {
                    Some(weight) => write!(f, "weight in {weight}"),
                    None => write!(f, "no weights"),
                }
            }
            Self::Header { line } => write!(f, "line {line} is the header"),
            Self::Comments { count: 1, first_line } => write!(f, "line {first_line} is a comment"),
            Self::Comments { count, first_line } => {
                write!(f, "{count} lines are comments, the first of them line {first_line}")
            }
            Self::Unused { what, count, why } => {
                write!(f, "{what} not used")?;
                if *count > 0 {
                    write!(f, " ({count} {})", if *count == 1 { "place" } else { "places" })?;
                }
                if why.is_empty() { Ok(()) } else { write!(f, ": {why}") }
            }
            Self::Lenient { what } => f.write_str(what),
            Self::Undirected { count } => write!(f, "{count} directed edges were read as undirected"),
            Self::Repeated { count } => {
                write!(f, "{count} edges repeat an earlier pair: their weights were summed")
            }
            Self::ZeroWeights { count } => write!(f, "{count} edges of weight 0 were left out"),
            Self::Names { file } => write!(f, "the names of the nodes are those in {file}"),
            Self::Bipartite { rows, columns } => {
                write!(f, "a bipartite graph: {rows} nodes r1, r2, ... and {columns} nodes c1, c2, ...")
            }
        }
    }
}
