//! Writing graph files.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::options::Format;
use super::whole_file::to_file;
use super::{binary, dimacs, gml, graphml, metis, names_file, pajek};
use super::{write_edge_list, write_graphml, write_matrix_market, write_smat};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::{LabelledGraph, NodeLabels};

/// Writes a graph in the format that the extension names, compressed if the name ends in `.gz`, `.bz2` or
/// `.zst`. Nodes are called by their numbers, from 1 in the formats that count from 1.
///
/// # Errors
/// [`GraphError::UnknownFormat`], [`GraphError::NotWritable`] and [`GraphError::Io`].
pub fn write_graph(graph: &CsrGraph, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    // The numbers of the format are the nodes' names, whatever the first one is.
    names_file::are_needed(path, format, &NodeLabels::counted(0, 0))?;
    to_file(path, |writer: &mut dyn Write| match format {
        Format::EdgeList => write_edge_list(graph, writer),
        Format::GraphMl => write_graphml(graph, writer),
        _ => write_as(graph, &NodeLabels::counted(0, graph.node_count()), format, path, writer),
    })
}

/// Writes a graph and the names of its nodes in the format that the extension names, compressed if the name
/// ends in `.gz`, `.bz2` or `.zst`.
///
/// Tables (commas for `.csv`, tabs for `.tsv`, else spaces) have a header, and quotes where a name needs them.
/// They list edges, so nodes without edges are not in them. SMAT, Matrix Market, METIS and DIMACS hold numbers
/// only. Names other than those numbers then stand in a file beside, one a line: `graph.mtx.names`.
/// [`read_labelled`](super::read_labelled) finds them there.
///
/// Returns the file of the names, if there is one. A file that is there already is replaced once all is written.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("graph.mtx");
/// use kiln_graph::io::{ReadOptions, read_labelled, write_labelled};
/// use kiln_graph::{CsrGraph, LabelledGraph, NodeLabels};
/// let graph = CsrGraph::from_edges(3, [(0, 1), (1, 2)])?;
/// let named = LabelledGraph::new(graph, NodeLabels::new(["alice", "bob", "carol"])?)?;
/// let names = write_labelled(&named, &path)?.expect("the format holds no names");
/// assert_eq!(std::fs::read_to_string(names).unwrap(), "alice\nbob\ncarol\n");
/// assert_eq!(read_labelled(&path, &ReadOptions::default())?.graph, named);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// Those of [`write_graph`](super::write_graph).
pub fn write_labelled(labelled: &LabelledGraph, path: impl AsRef<Path>) -> Result<Option<PathBuf>> {
    let path = path.as_ref();
    let format = Format::from_path(path)?;
    let beside = names_file::are_needed(path, format, labelled.labels())?;
    to_file(path, |writer: &mut dyn Write| {
        write_as(labelled.graph(), labelled.labels(), format, path, writer)
    })?;
    beside.then(|| names_file::write(path, labelled.labels())).transpose()
}

fn write_as(
    graph: &CsrGraph,
    labels: &NodeLabels,
    format: Format,
    path: &Path,
    writer: &mut dyn Write,
) -> Result<()> {
    match format {
        Format::EdgeList => write_table(graph, labels, separator(path), writer),
        Format::Ncol => write_ncol(graph, labels, writer),
        Format::Smat => write_smat(graph, writer),
        Format::MatrixMarket => write_matrix_market(graph, writer),
        Format::GraphMl => graphml::write(graph, labels, writer),
        Format::Metis => metis::write(graph, labels, writer),
        Format::Gml => gml::write(graph, labels, writer),
        Format::Pajek => pajek::write(graph, labels, writer),
        Format::Dimacs => dimacs::write(graph, writer),
        Format::Binary => binary::write(graph, labels, writer),
        Format::Gexf | Format::Npz => {
            let message = "this format is read only: choose .graphml, .gml, .csv or .mtx".to_owned();
            Err(GraphError::NotWritable { format, message })
        }
    }
}

/// What the extension stands for.
fn separator(path: &Path) -> char {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = super::options::COMPRESSED.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(&name);
    match name.rsplit_once('.').map(|parts| parts.1) {
        Some("csv") => ',',
        Some("tsv") => '\t',
        _ => ' ',
    }
}

fn write_table(graph: &CsrGraph, labels: &NodeLabels, separator: char, mut writer: impl Write) -> Result<()> {
    let sign = if separator == ' ' { "# " } else { "" };
    let weight = if graph.is_weighted() { format!("{separator}weight") } else { String::new() };
    writeln!(writer, "{sign}source{separator}target{weight}")?;
    for (u, v, weight) in graph.edges() {
        let (source, target) = (labels.label(u), labels.label(v));
        let (source, target) = (quoted(&source, separator)?, quoted(&target, separator)?);
        if graph.is_weighted() {
            writeln!(writer, "{source}{separator}{target}{separator}{weight:?}")?;
        } else {
            writeln!(writer, "{source}{separator}{target}")?;
        }
    }
    Ok(())
}

/// A name as it stands in a table.
fn quoted(name: &str, separator: char) -> Result<Cow<'_, str>> {
    if name.is_empty() {
        let message = "a node has the empty name".to_owned();
        return Err(GraphError::NotWritable { format: Format::EdgeList, message });
    }
    let plain = !name.contains([separator, '"', '\n', '\r', '\t', ',', ';', '|', '{', '}'])
        && !name.starts_with(['#', '%', '/'])
        && !name.contains(char::is_whitespace);
    Ok(if plain { Cow::Borrowed(name) } else { Cow::Owned(format!("\"{}\"", name.replace('"', "\"\""))) })
}

fn write_ncol(graph: &CsrGraph, labels: &NodeLabels, mut writer: impl Write) -> Result<()> {
    for (u, v, weight) in graph.edges() {
        let (source, target) = (labels.label(u), labels.label(v));
        if let Some(name) = [&source, &target].into_iter().find(|name| name.contains(char::is_whitespace)) {
            let message = format!("the name {name:?} holds white space");
            return Err(GraphError::NotWritable { format: Format::Ncol, message });
        }
        if graph.is_weighted() {
            writeln!(writer, "{source} {target} {weight:?}")?;
        } else {
            writeln!(writer, "{source} {target}")?;
        }
    }
    Ok(())
}
