//! The crate's one error type.

use std::path::{Path, PathBuf};

use kiln_core::InputError;

use crate::cluster_limits::NoClusterReason;

/// What can go wrong in `kiln-graph`. Every message names the setting, the node or the place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A setting is out of its range, or a set or a list is empty.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The graph has no edge, so it has no volume and no clusters.
    #[error("the graph has no edges: nothing can be clustered")]
    EmptyGraph,
    /// A node number is not in the graph.
    #[error("node {node} is not in the graph, whose nodes are 0..{node_count}")]
    UnknownNode {
        /// The number that was asked for.
        node: u64,
        /// The graph's number of nodes.
        node_count: u64,
    },
    /// A seed has degree 0, so no walk can start there.
    #[error(
        "seed {0} has degree 0: no walk can start there (`SeedDistribution::drop_isolated` leaves such seeds out)"
    )]
    IsolatedSeed(u64),
    /// No seed was given, or every one was dropped.
    #[error("the seed distribution is empty")]
    NoSeeds,
    /// An answer shows no cluster.
    #[error(transparent)]
    NoCluster(#[from] NoClusterReason),
    /// A node is named twice where each may be named once.
    #[error("`{argument}` names node {node} twice")]
    DuplicateNode {
        /// The argument's name.
        argument: &'static str,
        /// The node.
        node: u64,
    },
    /// An edge weight is negative, infinite or NaN.
    #[error("edge {u} - {v} has weight {weight}: weights must be finite and not negative")]
    BadWeight {
        /// One end of the edge.
        u: u64,
        /// The other end.
        v: u64,
        /// Its weight.
        weight: f64,
    },
    /// The weights are finite but their sum is not.
    #[error("the edge weights sum to infinity at node {node}: scale them all down, which changes no cluster")]
    WeightOverflow {
        /// The node at which the running sum of degrees passes the largest f64.
        node: u64,
    },
    /// A directed graph was given where an undirected one is needed.
    #[error(
        "arc {u} -> {v} has weight {forward} but its reverse has {backward}: choose `Symmetrize::Sum` or \
         `Symmetrize::Max`"
    )]
    NotSymmetric {
        /// The arc's tail.
        u: u64,
        /// The arc's head.
        v: u64,
        /// Weight of u -> v.
        forward: f64,
        /// Weight of v -> u (0 when absent).
        backward: f64,
    },
    /// A node number does not fit the 32 bits of [`CsrGraph`](crate::CsrGraph).
    #[error("node {node} does not fit in 32 bits: this graph type holds at most 4294967295 nodes")]
    TooManyNodes {
        /// The offending number.
        node: u64,
    },
    /// An iteration did not reach its accuracy.
    #[error("`{method}` did not converge: its residual is {residual:e}")]
    NotConverged {
        /// The function that gave up.
        method: &'static str,
        /// What was left.
        residual: f64,
    },
    /// A graph file cannot be understood.
    #[error("{}line {line}: {message}", path.as_ref().map(|p| format!("{}, ", p.display())).unwrap_or_default())]
    Parse {
        /// The file, where known.
        path: Option<PathBuf>,
        /// 1-based line number in the (decompressed) text.
        line: u64,
        /// What is wrong and what was expected.
        message: String,
    },
    /// The name of a graph file does not tell its format.
    #[error(
        "cannot tell the graph format of {} from its name: expected {}, each also with .gz; or name the `Format`",
        path.display(), crate::io::EXTENSIONS
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A compressed graph (`BVGraph`) is missing a file, is corrupt or does not suit this crate.
    #[error("{}: {message}", path.display())]
    Compressed {
        /// The offending file, or the graph's base name.
        path: PathBuf,
        /// What is wrong and what was expected.
        message: String,
    },
    /// Reading or writing failed.
    #[error("{}{source}", path.as_ref().map(|p| format!("{}: ", p.display())).unwrap_or_default())]
    Io {
        /// The file, where known.
        path: Option<PathBuf>,
        /// The system's own error.
        source: std::io::Error,
    },
}

impl GraphError {
    /// Names the file in an error that lacks it.
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        if let Self::Parse { path, .. } | Self::Io { path, .. } = &mut self {
            path.get_or_insert_with(|| file.to_owned());
        }
        self
    }
}

impl From<std::io::Error> for GraphError {
    fn from(source: std::io::Error) -> Self {
        Self::Io { path: None, source }
    }
}

/// Shorthand used all over the crate.
pub type Result<T> = std::result::Result<T, GraphError>;

/// Checks that every node of `nodes` exists.
pub(crate) fn check_nodes(nodes: impl IntoIterator<Item = u64>, node_count: u64) -> Result<()> {
    match nodes.into_iter().find(|&node| node >= node_count) {
        Some(node) => Err(GraphError::UnknownNode { node, node_count }),
        None => Ok(()),
    }
}
