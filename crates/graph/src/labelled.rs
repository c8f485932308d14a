//! A graph whose nodes have names.

use std::borrow::Cow;

use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::names::Names;

/// The names of a graph's nodes: node `u` of the graph is called `label(u)`, and no two are called the same.
///
/// Names that are numbers are kept as numbers: those of a file that counts its nodes cost nothing, others 8
/// bytes each. Any other name costs its length and about 24 bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeLabels(Kind);

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// `first`, `first + 1`, …
    Counted {
        first: u64,
        count: u64,
    },
    /// Ascending.
    Numbers(Vec<u64>),
    Text(Names),
    /// Rows `r1`, `r2`, … and columns `c1`, `c2`, … of a matrix whose sides are different nodes.
    Sides {
        rows: u64,
        columns: u64,
    },
}

/// What names are stored as.
pub(crate) enum LabelParts<'a> {
    Counted { first: u64 },
    Numbers(&'a [u64]),
    Text { ends: &'a [u64], bytes: &'a [u8] },
    Sides { rows: u64, columns: u64 },
}

impl NodeLabels {
    pub(crate) fn parts(&self) -> LabelParts<'_> {
        match &self.0 {
            Kind::Counted { first, .. } => LabelParts::Counted { first: *first },
            Kind::Numbers(numbers) => LabelParts::Numbers(numbers),
            Kind::Text(names) => {
                let (bytes, ends) = names.parts();
                LabelParts::Text { ends, bytes }
            }
            Kind::Sides { rows, columns } => LabelParts::Sides { rows: *rows, columns: *columns },
        }
    }

    /// Names from a file.
    pub(crate) fn from_text_parts(bytes: Vec<u8>, ends: Vec<u64>) -> Option<Self> {
        Names::from_parts(bytes, ends).map(|names| Self(Kind::Text(names)))
    }

    /// [`len`](Self::len) of names whose counts may be anything.
    pub(crate) fn checked_len(&self) -> Option<u64> {
        match &self.0 {
            Kind::Sides { rows, columns } => rows.checked_add(*columns),
            _ => Some(self.len()),
        }
    }

    /// The numbers `first..first + count`.
    pub fn counted(first: u64, count: u64) -> Self {
        Self(Kind::Counted { first, count })
    }

    /// `r1`, `r2`, … for the rows of a matrix and then `c1`, `c2`, … for its columns.
    pub fn sides(rows: u64, columns: u64) -> Self {
        Self(Kind::Sides { rows, columns })
    }

    /// The names of nodes 0, 1, 2, …
    ///
    /// ```
    /// use kiln_graph::NodeLabels;
    /// let labels = NodeLabels::new(["alice", "bob"])?;
    /// assert_eq!((labels.id("bob"), labels.label(0)), (Some(1), "alice".into()));
    /// assert!(NodeLabels::new(["alice", "alice"]).is_err());
    /// # Ok::<(), kiln_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// [`GraphError::DuplicateLabel`] for a name that occurs twice.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut all = Names::default();
        for (number, name) in names.into_iter().enumerate() {
            if all.insert(name.as_ref().as_bytes()) != number {
                return Err(GraphError::DuplicateLabel { label: name.as_ref().to_owned() });
            }
        }
        Ok(Self::from_names(all))
    }

    /// Keeps ascending numbers as numbers.
    pub(crate) fn from_names(names: Names) -> Self {
        let numbers: Option<Vec<u64>> = names.iter().map(whole_number).collect();
        match numbers {
            Some(numbers) if numbers.is_sorted() => Self::from_ascending(numbers),
            _ => Self(Kind::Text(names)),
        }
    }

    /// Takes numbers that ascend strictly.
    pub(crate) fn from_ascending(numbers: Vec<u64>) -> Self {
        let count = numbers.len() as u64;
        match (numbers.first(), numbers.last()) {
            (Some(&first), Some(&last)) if last - first == count - 1 => Self::counted(first, count),
            (None, _) => Self::counted(0, 0),
            _ => Self(Kind::Numbers(numbers)),
        }
    }

    /// Number of nodes.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kind::Counted { count, .. } => *count,
            Kind::Numbers(numbers) => numbers.len() as u64,
            Kind::Text(names) => names.len() as u64,
            Kind::Sides { rows, columns } => rows + columns,
        }
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node that is called `name`.
    pub fn id(&self, name: &str) -> Option<u64> {
        let counted = |first: u64, count: u64, name: &str| {
            let at = whole_number(name.as_bytes())?.checked_sub(first)?;
            (at < count).then_some(at)
        };
        match &self.0 {
            Kind::Counted { first, count } => counted(*first, *count, name),
            Kind::Numbers(numbers) => {
                numbers.binary_search(&whole_number(name.as_bytes())?).ok().map(|at| at as u64)
            }
            Kind::Text(names) => names.number(name.as_bytes()).map(|at| at as u64),
            Kind::Sides { rows, columns } => match name.strip_prefix('r') {
                Some(row) => counted(1, *rows, row),
                None => counted(1, *columns, name.strip_prefix('c')?).map(|column| rows + column),
            },
        }
    }

    /// The name of `node`; empty for a number that is no node's.
    pub fn label(&self, node: u64) -> Cow<'_, str> {
        let text = match &self.0 {
            Kind::Counted { first, count } => (node < *count).then(|| Cow::Owned((first + node).to_string())),
            Kind::Numbers(numbers) => {
                usize::try_from(node).ok().and_then(|at| numbers.get(at)).map(|n| Cow::Owned(n.to_string()))
            }
            Kind::Text(names) => usize::try_from(node).ok().and_then(|at| names.text(at)),
            Kind::Sides { rows, .. } if node < *rows => Some(Cow::Owned(format!("r{}", node + 1))),
            Kind::Sides { rows, columns } => {
                (node - rows < *columns).then(|| Cow::Owned(format!("c{}", node - rows + 1)))
            }
        };
        text.unwrap_or_default()
    }

    /// Every name, in the order of the nodes.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.len()).map(|node| self.label(node))
    }

    /// The number of the first node, if the names are nothing but consecutive numbers.
    pub fn first_number(&self) -> Option<u64> {
        match self.0 {
            Kind::Counted { first, .. } => Some(first),
            _ => None,
        }
    }
}

/// The number that `text` is the usual decimal form of: no sign, no leading zero.
pub(crate) fn whole_number(text: &[u8]) -> Option<u64> {
    if text.len() > 20 || (text.len() > 1 && text[0] == b'0') || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// A graph and the names of its nodes.
///
/// ```
/// use kiln_graph::io::{Format, ReadOptions, read_labelled_from};
/// use kiln_graph::LocalQuery;
/// let text = "alice,bob\nbob,carol\ncarol,alice\ncarol,dave\n";
/// let read = read_labelled_from(text.as_bytes(), Format::EdgeList, &ReadOptions::default())?;
/// let graph = &read.graph;
/// let seed = graph.id("alice").expect("a name of the file");
/// let answer = LocalQuery::node(seed).run(graph.graph())?;
/// assert!(answer.support().any(|node| graph.label(node) == "bob"));
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledGraph {
    graph: CsrGraph,
    labels: NodeLabels,
}

impl LabelledGraph {
    /// A graph and a name for each of its nodes.
    ///
    /// # Errors
    /// [`GraphError::Input`] if there are more or fewer names than nodes.
    pub fn new(graph: CsrGraph, labels: NodeLabels) -> Result<Self> {
        if labels.len() == graph.node_count() {
            Ok(Self { graph, labels })
        } else {
            let (found, expected) = (labels.len() as usize, graph.node_count() as usize);
            Err(kiln_core::InputError::size("labels", found, expected).into())
        }
    }

    /// The graph, whose nodes are `0..node_count()`.
    pub fn graph(&self) -> &CsrGraph {
        &self.graph
    }

    /// The names.
    pub fn labels(&self) -> &NodeLabels {
        &self.labels
    }

    /// The node that is called `name`.
    pub fn id(&self, name: &str) -> Option<u64> {
        self.labels.id(name)
    }

    /// The node that is called `name`, or an error with the names most like it.
    ///
    /// # Errors
    /// [`GraphError::UnknownLabel`].
    pub fn node(&self, name: &str) -> Result<u64> {
        self.id(name).ok_or_else(|| GraphError::UnknownLabel {
            label: name.to_owned(),
            similar: similar(name, &self.labels),
        })
    }

    /// The name of `node`; empty for a number that is no node's.
    pub fn label(&self, node: u64) -> Cow<'_, str> {
        self.labels.label(node)
    }

    /// The graph and the names.
    pub fn into_parts(self) -> (CsrGraph, NodeLabels) {
        (self.graph, self.labels)
    }
}

/// Up to three names that differ from `name` in case, in spaces around it, or by what follows it.
fn similar(name: &str, labels: &NodeLabels) -> Vec<String> {
    let wanted = name.trim().to_lowercase();
    if wanted.is_empty() || matches!(labels.0, Kind::Counted { .. } | Kind::Numbers(_)) {
        return Vec::new();
    }
    let mut same = Vec::new();
    let mut starts = Vec::new();
    for label in labels.iter() {
        let lower = label.trim().to_lowercase();
        if lower == wanted {
            same.push(label.into_owned());
        } else if starts.len() < 3 && lower.starts_with(&wanted) {
            starts.push(label.into_owned());
        }
        if same.len() == 3 {
            break;
        }
    }
    same.extend(starts);
    same.truncate(3);
    same
}
