//! Graph files: edge lists, SMAT, Matrix Market and GraphML, plain or gzipped.
//!
//! ```no_run
//! let graph = kiln_graph::io::read_graph("karate.edges.gz")?;
//! kiln_graph::io::write_graph(&graph, "karate.mtx")?;
//! # Ok::<(), kiln_graph::GraphError>(())
//! ```
//!
//! What holds for every reader:
//!
//! * gzip is recognised by the file's first bytes, whatever its name, and members may follow each other;
//!   writers compress when the name ends in `.gz`;
//! * a pair that occurs several times is summed into one edge; a zero weight means no edge; a negative,
//!   infinite or NaN weight is an error;
//! * errors are [`GraphError::Parse`] with the 1-based line of the decompressed text (for GraphML, the line
//!   where the offending element ends), or [`GraphError::Io`], which is also how a truncated gzip file ends;
//! * memory follows what the file holds, never what it declares. As a graph takes 8 bytes a node even
//!   where no edge ends, a node count (declared, or the largest number + 1) above 2²⁰ + 64 × edges is an
//!   error. [`ReadOptions::node_count`] lifts this bound.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::symmetrize::Symmetrize;

mod edge_list;
mod graphml;
mod lines;
mod matrix_market;
mod smat;

pub use edge_list::{read_edge_list, write_edge_list};
pub use graphml::{read_graphml, write_graphml};
pub use matrix_market::{read_matrix_market, write_matrix_market};
pub use smat::{read_smat, write_smat};

pub(crate) const EXTENSIONS: &str = ".edges, .edgelist, .el, .txt, .tsv, .csv, .smat, .mtx, .graphml or .xml";

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `u v` or `u v weight` on each line: [`read_edge_list`].
    EdgeList,
    /// Sparse matrix with a `rows columns entries` header: [`read_smat`].
    Smat,
    /// Matrix Market coordinate format: [`read_matrix_market`].
    MatrixMarket,
    /// GraphML: [`read_graphml`].
    GraphMl,
}

impl Format {
    /// The format that a file name stands for; a final `.gz` is ignored, and so is case.
    ///
    /// # Errors
    /// [`GraphError::UnknownFormat`] if the extension is none of `.edges`, `.edgelist`, `.el`, `.txt`,
    /// `.tsv`, `.csv`, `.smat`, `.mtx`, `.graphml`, `.xml`.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.').map(|parts| parts.1) {
            Some("edges" | "edgelist" | "el" | "txt" | "tsv" | "csv") => Ok(Self::EdgeList),
            Some("smat") => Ok(Self::Smat),
            Some("mtx") => Ok(Self::MatrixMarket),
            Some("graphml" | "xml") => Ok(Self::GraphMl),
            _ => Err(GraphError::UnknownFormat { path: path.to_owned() }),
        }
    }
}

/// What to make of the third column of an edge list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightColumn {
    /// Every line has two columns, or every line has three and the third is the weight.
    #[default]
    Auto,
    /// Every line has at least two columns; all but the first two are ignored.
    Ignore,
    /// Every line has three columns and the third is the weight.
    Required,
}

/// How to read a graph file. The default suits most files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Number of nodes. In an edge list it replaces the largest number + 1; in a format that declares a
    /// size it must agree. Giving it also says that a graph of this size is wanted, however few its edges.
    pub node_count: Option<u64>,
    /// How to make directed input undirected.
    ///
    /// An edge list with `None` lists undirected edges; with a rule it lists arcs u → v, as files do that
    /// give every edge from both ends. In the other formats `None` accepts what is declared undirected or
    /// is symmetric, and rejects the rest.
    pub symmetrize: Option<Symmetrize>,
    /// What separates columns of an edge list. By default each line is split at commas if it has one, else
    /// at semicolons if it has one, else at white space.
    pub separator: Option<char>,
    /// Whether an edge list has weights.
    pub weights: WeightColumn,
}

/// Reads a graph file in the format that its extension names. GraphML node names are dropped; use
/// [`read_graphml`] to keep them.
///
/// # Errors
/// [`GraphError::UnknownFormat`], [`GraphError::Io`], [`GraphError::Parse`],
/// [`GraphError::NotSymmetric`] and [`GraphError::WeightOverflow`].
pub fn read_graph(path: impl AsRef<Path>) -> Result<CsrGraph> {
    let path = path.as_ref();
    read_graph_with(path, Format::from_path(path)?, &ReadOptions::default())
}

/// Reads a graph file in a given format.
///
/// # Errors
/// Those of [`read_graph`] but for the unknown format.
pub fn read_graph_with(path: impl AsRef<Path>, format: Format, options: &ReadOptions) -> Result<CsrGraph> {
    let path = path.as_ref();
    let read = || {
        let file = File::open(path)?;
        match format {
            Format::EdgeList => read_edge_list(file, options),
            Format::Smat => read_smat(file, options),
            Format::MatrixMarket => read_matrix_market(file, options),
            Format::GraphMl => read_graphml(file, options).map(|(graph, _)| graph),
        }
    };
    read().map_err(|error| error.in_file(path))
}

/// Writes a graph in the format that the extension names, gzipped if the name ends in `.gz`.
///
/// # Errors
/// [`GraphError::UnknownFormat`] and [`GraphError::Io`].
pub fn write_graph(graph: &CsrGraph, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    let to = |writer: &mut dyn Write| match format {
        Format::EdgeList => write_edge_list(graph, writer),
        Format::Smat => write_smat(graph, writer),
        Format::MatrixMarket => write_matrix_market(graph, writer),
        Format::GraphMl => write_graphml(graph, writer),
    };
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
            let mut encoder = GzEncoder::new(&mut file, Compression::default());
            to(&mut encoder)?;
            encoder.finish()?;
        } else {
            to(&mut file)?;
        }
        Ok(file.flush()?)
    };
    write().map_err(|error: GraphError| error.in_file(path))
}

/// The text of a file that may be gzipped.
fn decompressed<'a>(mut reader: impl Read + 'a) -> Result<Box<dyn BufRead + 'a>> {
    let mut magic = Vec::new();
    reader.by_ref().take(2).read_to_end(&mut magic)?;
    let gzipped = magic == [0x1f, 0x8b];
    let whole = BufReader::new(std::io::Cursor::new(magic).chain(reader));
    if gzipped { Ok(Box::new(BufReader::new(MultiGzDecoder::new(whole)))) } else { Ok(Box::new(whole)) }
}

/// A [`GraphError::Parse`] whose file is not known yet.
fn parse_error(line: u64, message: impl Into<String>) -> GraphError {
    GraphError::Parse { path: None, line, message: message.into() }
}

/// Parses a weight; `line` is for the error.
fn parse_weight(text: &str, line: u64) -> Result<f64> {
    match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok(weight),
        Ok(_) => Err(parse_error(line, format!("weight {text}: weights must be finite and not negative"))),
        Err(_) => Err(parse_error(line, format!("expected a weight, found {text:?}"))),
    }
}

/// Refuses a node count that the number of edges does not bear out; `line` is where it comes from.
fn check_node_count(node_count: u64, edge_count: usize, line: u64, options: &ReadOptions) -> Result<()> {
    let bound = (1 << 20) + 64 * edge_count as u64;
    if node_count > u64::from(u32::MAX) {
        let message = format!("{node_count} nodes do not fit in 32 bits: at most 4294967295 are possible");
        return Err(parse_error(line, message));
    }
    if options.node_count.is_none() && node_count > bound {
        let message = format!(
            "{node_count} nodes for {edge_count} edges would take {} MB for isolated nodes: renumber the nodes, \
             or set `ReadOptions::node_count` if this is meant",
            node_count / 125_000
        );
        return Err(parse_error(line, message));
    }
    Ok(())
}
