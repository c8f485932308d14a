//! Graph files: tables of names or numbers, and the formats of other programs, plain or compressed.
//!
//! [`read_labelled`] keeps the names of the nodes and reports what it did not use; [`read_graph`] is for files of
//! numbers.
//!
//! ```no_run
//! use kiln_graph::io::{ReadOptions, read_labelled, write_labelled};
//! let read = read_labelled("friends.csv", &ReadOptions::default())?;
//! println!("{}", read.report);
//! write_labelled(&read.graph, "friends.graphml.gz")?;
//! # Ok::<(), kiln_graph::GraphError>(())
//! ```
//!
//! What holds for every reader:
//!
//! * gzip, bzip2 and zstd are recognised by the file's first bytes, whatever its name, and members may follow
//!   each other; writers compress when the name ends in `.gz`, `.bz2` or `.zst`;
//! * a pair that occurs several times is summed into one edge; a zero weight means no edge; a negative,
//!   infinite or NaN weight is an error;
//! * nothing is lost in silence: a column, a key or a section that is not used is in the [`ReadReport`];
//! * errors are [`GraphError::Parse`] with the 1-based line of the decompressed text (for XML, the line where
//!   the offending element ends), or [`GraphError::Io`], which is also how a truncated gzip file ends;
//! * memory follows what the file holds, never what it declares. As a graph takes 8 bytes a node even
//!   where no edge ends, a node count (declared, or the largest number + 1) above 2²⁰ + 64 × edges is an
//!   error. [`ReadOptions::node_count`] lifts this bound.

use std::fs::File;
use std::io::Read as IoRead;
use std::path::Path;

use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::directed_graph::DirectedGraph;
use crate::error::{GraphError, Result};
use crate::labelled::LabelledGraph;

mod binary;
mod dimacs;
mod edge_list;
mod edges;
mod gexf;
mod gml;
mod graphml;
mod input;
mod lines;
mod matrix;
mod matrix_market;
mod metis;
mod names_file;
mod nodes;
mod npz;
mod options;
mod output;
mod pajek;
mod report;
mod smat;
mod table;
mod whole_file;
mod xml;

use edges::Built;

pub use binary::{open_binary, write_binary};
pub use edge_list::{read_edge_list, write_edge_list};
pub use graphml::{read_graphml, write_graphml};
pub use matrix_market::{read_matrix_market, write_matrix_market};
pub(crate) use options::known_extensions;
pub use options::{Column, Columns, Format, Header, NodeNames, OtherColumns, ReadOptions, WeightColumn};
pub use output::{write_graph, write_labelled};
pub use report::{ReadNote, ReadReport};
pub use smat::{read_smat, write_smat};

/// Longest line that is read; a binary file must not be taken for one endless line.
const MAX_LINE: usize = 1 << 20;

/// The error for edges that a file declares directed.
const DIRECTED: &str = "the edges are directed, and clusters are those of undirected graphs: choose in \
                        `ReadOptions::symmetrize` whether the weights of both directions are added \
                        (`Symmetrize::Sum`) or the larger one counts (`Symmetrize::Max`)";

/// A graph that was read, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The graph with the names of its nodes.
    pub graph: LabelledGraph,
    /// The arcs with their directions, if [`ReadOptions::directed`] asks for them.
    pub arcs: Option<DirectedGraph>,
    /// How the file was understood, and what in it was not used.
    pub report: ReadReport,
}

/// Reads a graph file in the format that its extension names, with the names of its nodes.
///
/// An edge list may hold any names. If all are whole numbers the nodes are in ascending order, else in the
/// order in which they first occur. Nodes of the other formats are in the order of the file; where a format
/// holds only numbers, a file of names beside it is read as well (see [`write_labelled`]).
///
/// ```
/// use kiln_graph::io::{ReadOptions, read_labelled};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("proteins.tsv");
/// # std::fs::write(&path, "TP53\tMDM2\t0.999\nMDM2\tCDK4\t0.7\n").unwrap();
/// let read = read_labelled(&path, &ReadOptions::default())?;
/// assert_eq!(read.graph.id("CDK4"), Some(2));
/// assert!(!read.report.has_warnings());
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// Those of [`read_graph`].
pub fn read_labelled(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Read> {
    let path = path.as_ref();
    read_labelled_with(path, Format::from_path(path)?, options)
}

/// [`read_labelled`] in a given format.
///
/// # Errors
/// Those of [`read_graph`] but for the unknown format.
pub fn read_labelled_with(path: impl AsRef<Path>, format: Format, options: &ReadOptions) -> Result<Read> {
    read_labelled_with_progress(path, format, options, |_| ())
}

/// [`read_labelled_with`], where `progress` is called with the length of each part of the file that has been read,
/// in bytes. A file in Kiln's own format, which is not read but mapped into memory, has no parts.
///
/// # Errors
/// Those of [`read_labelled_with`].
pub fn read_labelled_with_progress(
    path: impl AsRef<Path>,
    format: Format,
    options: &ReadOptions,
    progress: impl FnMut(u64),
) -> Result<Read> {
    let path = path.as_ref();
    let read = || {
        if format == Format::Binary && binary::is_binary(path)? {
            let graph = open_binary(path)?;
            let report = ReadReport {
                nodes: graph.graph().node_count(),
                edges: graph.graph().edge_count(),
                ..ReadReport::new(format)
            };
            return Ok(Read { graph, arcs: None, report });
        }
        let file = Watched { file: File::open(path)?, progress };
        names_file::read(path, format, read_labelled_from(file, format, options)?)
    };
    read().map_err(|error| error.in_file(path))
}

/// A file of which each part is told.
struct Watched<F> {
    file: File,
    progress: F,
}

impl<F: FnMut(u64)> IoRead for Watched<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// [`read_labelled`] from any source of bytes, such as standard input.
///
/// # Errors
/// Those of [`read_graph`] but for the unknown format; they name no file.
pub fn read_labelled_from(reader: impl IoRead, format: Format, options: &ReadOptions) -> Result<Read> {
    let (built, labels, report) = match format {
        Format::EdgeList => table::read(reader, format, options, false)?,
        Format::Ncol => table::read(reader, format, &ncol(options), false)?,
        Format::Smat => smat::read(reader, options)?,
        Format::MatrixMarket => matrix_market::read(reader, options)?,
        Format::GraphMl => graphml::read(reader, options)?,
        Format::Metis => metis::read(reader, options)?,
        Format::Gml => gml::read(reader, options)?,
        Format::Pajek => pajek::read(reader, options)?,
        Format::Gexf => gexf::read(reader, options)?,
        Format::Dimacs => dimacs::read(reader, options)?,
        Format::Npz => npz::read(reader, options)?,
        Format::Binary => binary::read(reader)?,
    };
    let Built { graph, arcs } = built;
    Ok(Read { graph: LabelledGraph::new(graph, labels)?, arcs, report })
}

/// The options of a table that has neither header, quotes nor comments.
fn ncol(options: &ReadOptions) -> ReadOptions {
    ReadOptions {
        separator: Some(' '),
        quote: None,
        comments: Vec::new(),
        header: Header::Absent,
        ..options.clone()
    }
}

/// Reads a graph file in the format that its extension names, and forgets what the nodes are called: in an edge
/// list they must be numbers, and node `u` is the number `u`. There is no report either, so what would be in
/// it as a column that is not used is an error.
///
/// # Errors
/// [`GraphError::UnknownFormat`], [`GraphError::Io`] and [`GraphError::Parse`].
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
    let read = || match format {
        Format::EdgeList => read_edge_list(File::open(path)?, options),
        _ => read_labelled_with(path, format, options).map(|read| read.graph.into_parts().0),
    };
    read().map_err(|error: GraphError| error.in_file(path))
}

/// A [`GraphError::Parse`] whose file is not known yet.
fn parse_error(line: u64, message: impl Into<String>) -> GraphError {
    GraphError::Parse { path: None, line, message: message.into() }
}

fn weight_error(text: &str, line: u64) -> GraphError {
    let message = format!(
        "weight {text}: weights must be finite and not negative; `ReadOptions::columns` chooses other weights, \
         `ReadOptions::weights` leaves them out"
    );
    parse_error(line, message)
}

/// Parses a weight; `line` is for the error.
fn parse_weight(text: &str, line: u64) -> Result<f64> {
    match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok(weight),
        Ok(_) => Err(weight_error(text, line)),
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
             or let `io::read_labelled` take the numbers for names, or set `ReadOptions::node_count` if this is \
             meant",
            node_count / 125_000
        );
        return Err(parse_error(line, message));
    }
    Ok(())
}
