//! How to read a graph file.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, Result};
use crate::symmetrize::Symmetrize;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// A table with an edge in each line, of names or numbers: [`read_edge_list`](super::read_edge_list).
    EdgeList,
    /// Sparse matrix with a `rows columns entries` header: [`read_smat`](super::read_smat).
    Smat,
    /// Matrix Market coordinate format: [`read_matrix_market`](super::read_matrix_market).
    MatrixMarket,
    /// GraphML: [`read_graphml`](super::read_graphml).
    GraphMl,
    /// Names separated by white space, `u v` or `u v weight`, without header, quotes or comments, as igraph
    /// writes them.
    Ncol,
    /// METIS and Chaco: a line for each node with its neighbours, numbered from 1.
    Metis,
    /// GML.
    Gml,
    /// Pajek's `.net`.
    Pajek,
    /// GEXF of Gephi, which is read only.
    Gexf,
    /// DIMACS: `p edge n m` and lines `e u v`, numbered from 1; also those of shortest paths.
    Dimacs,
    /// A sparse matrix saved by scipy, which is read only.
    Npz,
    /// Kiln's own binary format: [`open_binary`](super::open_binary).
    Binary,
}

/// Every format with its extensions, the usual one first.
const EXTENSIONS: &[(Format, &[&str])] = &[
    (Format::EdgeList, &["edges", "edgelist", "el", "txt", "tsv", "csv"]),
    (Format::Smat, &["smat"]),
    (Format::MatrixMarket, &["mtx"]),
    (Format::GraphMl, &["graphml", "xml"]),
    (Format::Ncol, &["ncol"]),
    (Format::Metis, &["graph", "metis"]),
    (Format::Gml, &["gml"]),
    (Format::Pajek, &["net", "paj"]),
    (Format::Gexf, &["gexf"]),
    (Format::Dimacs, &["dimacs", "col", "clq", "gr"]),
    (Format::Npz, &["npz"]),
    (Format::Binary, &["kiln"]),
];

impl Format {
    /// The format that a file name stands for; a final `.gz`, `.bz2` or `.zst` is ignored, and so is case.
    ///
    /// # Errors
    /// [`GraphError::UnknownFormat`] if the extension is none of those that the error lists.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = COMPRESSED.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(&name);
        if plain.starts_with("out.") {
            return Ok(Self::EdgeList); // as KONECT calls its files
        }
        let extension = plain.rsplit_once('.').map(|parts| parts.1);
        let found = EXTENSIONS.iter().find(|(_, all)| extension.is_some_and(|one| all.contains(&one)));
        found.map(|(format, _)| *format).ok_or_else(|| GraphError::UnknownFormat { path: path.to_owned() })
    }

    /// The extensions of its files, without the dot, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        EXTENSIONS.iter().find(|(format, _)| *format == self).map_or(&[], |(_, all)| all)
    }

    /// Whether graphs can be written in it.
    pub fn is_written(self) -> bool {
        !matches!(self, Self::Gexf | Self::Npz)
    }

    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        EXTENSIONS.iter().map(|(format, _)| *format)
    }
}

/// What is left off a name before its extension is looked at.
pub(super) const COMPRESSED: [&str; 3] = [".gz", ".bz2", ".zst"];

/// The list of extensions for an error.
pub(crate) fn known_extensions() -> String {
    let all: Vec<_> =
        EXTENSIONS.iter().flat_map(|(_, all)| all.iter().map(|one| format!(".{one}"))).collect();
    all.join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EdgeList => "edge list",
            Self::Smat => "SMAT",
            Self::MatrixMarket => "Matrix Market",
            Self::GraphMl => "GraphML",
            Self::Ncol => "NCOL",
            Self::Metis => "METIS",
            Self::Gml => "GML",
            Self::Pajek => "Pajek",
            Self::Gexf => "GEXF",
            Self::Dimacs => "DIMACS",
            Self::Npz => "npz",
            Self::Binary => "Kiln's binary format",
        })
    }
}

/// What to make of the weights of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightColumn {
    /// The column that the header calls a weight; without a header the third, if all its fields are numbers
    /// and not times. Whole numbers of the size of Unix times (from 500,000,000 in 1985 to 4,200,000,000 in
    /// 2103, or a thousand times that) are times: they are left out and reported.
    #[default]
    Auto,
    /// Every weight is 1.
    Ignore,
    /// There must be weights, and they may look like times.
    Required,
}

/// Whether the first line of a table is a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Header {
    /// It is one if it names columns as headers do (`source`, `target`, …), or if it has words wherever the
    /// second line has numbers.
    #[default]
    Detect,
    /// It is.
    Present,
    /// It is not.
    Absent,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Column {
    /// By its number, from 1.
    Number(usize),
    /// By its name in the header, whose case does not matter.
    Name(String),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "column {number}"),
            Self::Name(name) => write!(f, "column {name:?}"),
        }
    }
}

/// Which columns of a table are used. `None` leaves the choice to the reader: by the names in the header, else
/// the first, the second and, for the weight, what [`WeightColumn`] says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Columns {
    /// One end of each edge.
    pub source: Option<Column>,
    /// The other end.
    pub target: Option<Column>,
    /// The weight. In GraphML and GML the name chooses the key.
    pub weight: Option<Column>,
}

/// What becomes of the columns of a table that are not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherColumns {
    /// The report lists them. A function that returns no report refuses them.
    #[default]
    Report,
    /// They are an error.
    Refuse,
    /// They are left out, and the report lists them where there is one.
    Ignore,
}

/// What the nodes of GraphML, GEXF and GML files are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeNames {
    /// By their labels (in GraphML: the node key named `label` or `name`) if every node has one and no two
    /// have the same, else by their ids.
    #[default]
    Auto,
    /// By their ids.
    Id,
    /// By their labels: a node without one, or two with the same, are an error.
    Label,
}

/// How to read a graph file. The default suits most files; a setting that a format has no use for is not
/// looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ReadOptions {
    /// Number of nodes. In an edge list of numbers the nodes are then `0..node_count` (from 1 with
    /// [`one_based`](Self::one_based)) whether they have edges or not; in a format that declares a size it must
    /// agree. Giving it also says that a graph of this size is wanted, however few its edges.
    pub node_count: Option<u64>,
    /// How to make directed input undirected.
    ///
    /// An edge list with `None` lists undirected edges, unless it says itself that they are directed; with a
    /// rule it lists arcs u → v, as files do that give every edge from both ends. In the other formats `None`
    /// accepts what is declared undirected or is symmetric, and rejects the rest.
    pub symmetrize: Option<Symmetrize>,
    /// Whether to keep directions: [`Read::arcs`](super::Read::arcs) then holds the arcs as they are, for
    /// [`DirectedPush`](crate::DirectedPush), an undirected edge in both directions. The graph is what
    /// [`symmetrize`](Self::symmetrize) makes of them, or else their sum. A file in Kiln's own format has no arcs.
    pub directed: bool,
    /// What separates the columns of a table. By default the first lines decide between tabs, commas,
    /// semicolons, bars and white space.
    pub separator: Option<char>,
    /// What encloses a field of a table that holds separators, `"` by default; it is doubled inside. `None`
    /// takes quotes for letters.
    pub quote: Option<char>,
    /// What a line of a table begins with that is a comment: `#`, `%` or `//` by default.
    pub comments: Vec<String>,
    /// Whether the first line of a table is a header.
    pub header: Header,
    /// Which columns of a table are used.
    pub columns: Columns,
    /// What becomes of the other columns of a table.
    pub other_columns: OtherColumns,
    /// Whether a table has weights.
    pub weights: WeightColumn,
    /// Whether the numbers of an edge list count nodes from 1: number k is then node k - 1.
    pub one_based: bool,
    /// Whether the sources and the targets of a table, or the rows and the columns of a matrix, are different
    /// nodes even where they are called the same. Their names begin with `r` and `c`. A matrix that is not
    /// square, and a KONECT file that says `bip`, are read so in any case.
    pub bipartite: bool,
    /// What the nodes of GraphML, GEXF and GML files are called.
    pub names: NodeNames,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            node_count: None,
            symmetrize: None,
            directed: false,
            separator: None,
            quote: Some('"'),
            comments: ["#", "%", "//"].map(str::to_owned).into(),
            header: Header::default(),
            columns: Columns::default(),
            other_columns: OtherColumns::default(),
            weights: WeightColumn::default(),
            one_based: false,
            bipartite: false,
            names: NodeNames::default(),
        }
    }
}

impl ReadOptions {
    /// How to make directed input undirected.
    pub(super) fn rule(&self) -> Option<Symmetrize> {
        self.symmetrize.or(self.directed.then_some(Symmetrize::Sum))
    }
}
