//! The names of a graph whose format holds only numbers, in a file beside it: one name a line.
//!
//! SMAT, Matrix Market, METIS and DIMACS number their nodes. The names stand in a file that is called like the
//! graph's (without `.gz`, `.bz2` or `.zst`) with `.names` behind: line k is the name of the k-th node. So
//! `paste` puts them beside what another program says of each node, such as the parts that METIS makes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::options::{COMPRESSED, Format};
use super::report::ReadNote;
use super::whole_file::to_file;
use super::{MAX_LINE, Read, parse_error};
use crate::adjacency::Adjacency;
use crate::error::{GraphError, Result};
use crate::labelled::{LabelledGraph, NodeLabels};
use crate::names::Names;

/// The number of the first node in a format that holds no names.
fn first_number(format: Format) -> Option<u64> {
    match format {
        Format::Smat => Some(0),
        Format::MatrixMarket | Format::Metis | Format::Dimacs => Some(1),
        _ => None,
    }
}

/// Where the names of the nodes of the file `path` stand.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_lowercase();
    let end = COMPRESSED.iter().find(|end| lower.ends_with(**end)).map_or(0, |end| end.len());
    let plain = name.get(..name.len() - end).unwrap_or(&name);
    path.with_file_name(format!("{plain}.names"))
}

/// Gives the nodes the names that stand beside the file, if there are any.
pub(super) fn read(path: &Path, format: Format, read: Read) -> Result<Read> {
    let names = beside(path);
    if first_number(format).is_none() || !names.is_file() {
        return Ok(read);
    }
    let Read { graph, arcs, mut report } = read;
    let (graph, _) = graph.into_parts();
    let labels = read_names(&names, graph.node_count(), path).map_err(|error| error.in_file(&names))?;
    report.note(ReadNote::Names { file: names.display().to_string() });
    Ok(Read { graph: LabelledGraph::new(graph, labels)?, arcs, report })
}

fn read_names(file: &Path, nodes: u64, of: &Path) -> Result<NodeLabels> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut names = Names::default();
    let mut line = Vec::new();
    let mut count = 0;
    loop {
        line.clear();
        let longest = MAX_LINE as u64 + 1;
        if std::io::Read::take(&mut reader, longest).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        count += 1;
        let name = line.strip_suffix(b"\n").unwrap_or(&line);
        let name = name.strip_suffix(b"\r").unwrap_or(name);
        if name.len() > MAX_LINE || str::from_utf8(name).is_err() {
            return Err(parse_error(count, "expected a name of at most 1 MiB in UTF-8"));
        }
        if count > nodes {
            break;
        }
        if names.insert(name) as u64 != count - 1 {
            let name = String::from_utf8_lossy(name);
            return Err(parse_error(count, format!("{name:?} is the name of an earlier node too")));
        }
    }
    if count != nodes {
        let found = if count > nodes { "more".to_owned() } else { count.to_string() };
        let message = format!(
            "{found} names for the {nodes} nodes of {}: expected one a line. Remove this file if it belongs to \
             another graph",
            of.display()
        );
        return Err(parse_error(count.max(1), message));
    }
    Ok(NodeLabels::from_names(names))
}

/// Whether names other than the format's own numbers must stand beside the file; an error if they cannot, or if
/// others stand there that would be taken for this graph's.
pub(super) fn are_needed(path: &Path, format: Format, labels: &NodeLabels) -> Result<bool> {
    let Some(first) = first_number(format) else { return Ok(false) };
    let refuse = |message| Err(GraphError::NotWritable { format, message });
    let needed = labels.first_number() != Some(first) && !labels.is_empty();
    let names = beside(path);
    if !needed && names.exists() {
        return refuse(format!(
            "{} would be taken for its names: remove that file, or choose another name",
            names.display()
        ));
    }
    if let Some(name) = labels.iter().find(|name| needed && name.contains(['\n', '\r'])) {
        return refuse(format!(
            "the name {name:?} has a line break, and names stand in a file of their own, one a line: choose \
             .graphml, .gml or .csv"
        ));
    }
    Ok(needed)
}

/// Writes the names beside the file `path`, and returns where.
pub(super) fn write(path: &Path, labels: &NodeLabels) -> Result<PathBuf> {
    let names = beside(path);
    to_file(&names, |writer: &mut dyn Write| {
        for name in labels.iter() {
            writeln!(writer, "{name}")?;
        }
        Ok(())
    })?;
    Ok(names)
}
