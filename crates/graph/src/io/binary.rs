//! Kiln's own binary format (`.kiln`): a graph and its names, opened by mapping the file into memory.
//!
//! All numbers are little-endian. The head has 256 bytes: the sign `KILNGRPH`, the version (1), the kind of the
//! names, whether there are weights, the numbers of nodes and arcs, two numbers of the names, the total volume,
//! and a checksum (XXH3) of each section and of the head itself. The sections follow, each from a multiple of 64
//! bytes: where the list of each node starts (8 bytes), the neighbours (4), then, if there are weights, those of
//! the arcs and the degrees (8 each), then the names: numbers (8) or ends (8) and bytes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::Path;

use bytemuck::Pod;
use mmap_io::MemoryMappedFile;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::edges::Built;
use super::input::decompressed;
use super::options::Format;
use super::parse_error;
use super::report::ReadReport;
use super::whole_file::replace;
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::{LabelParts, LabelledGraph, NodeLabels};
use crate::slab::Slab;

const SIGN: &[u8; 8] = b"KILNGRPH";
const VERSION: u64 = 1;
const HEAD: usize = 256;
/// Where a section may start.
const ALIGNMENT: u64 = 64;
/// What is hashed at once; pieces are hashed in parallel.
const PIECE: usize = 1 << 20;
/// Numbers in the head before the checksums.
const FIELDS: usize = 9;
const SECTIONS: usize = 6;

/// Opens a graph in Kiln's binary format. The file is mapped into memory and checked, not copied (but for the
/// names): ten million edges take tens of milliseconds.
///
/// The file must not change while the graph is in use.
///
/// ```
/// use kiln_graph::{CsrGraph, LabelledGraph, NodeLabels};
/// use kiln_graph::io::{open_binary, write_binary};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("friends.kiln");
/// let graph = CsrGraph::from_edges(2, [(0, 1)])?;
/// let friends = LabelledGraph::new(graph, NodeLabels::new(["alice", "bob"])?)?;
/// write_binary(&friends, &path)?;
/// assert_eq!(open_binary(&path)?, friends);
/// # Ok::<(), kiln_graph::GraphError>(())
/// ```
///
/// # Errors
/// [`GraphError::Io`], and [`GraphError::Parse`] for a file that is no graph of this version, is damaged, or is
/// opened on a machine that is not 64-bit and little-endian.
pub fn open_binary(path: impl AsRef<Path>) -> Result<LabelledGraph> {
    let path = path.as_ref();
    let open = || {
        let length = File::open(path)?.metadata()?.len();
        if length < HEAD as u64 {
            return Err(fail("the file is too short to be a graph of Kiln"));
        }
        let mapped =
            MemoryMappedFile::open_ro(path).map_err(|error| std::io::Error::other(error.to_string()))?;
        let bytes =
            mapped.as_slice_bytes(0, length).map_err(|error| std::io::Error::other(error.to_string()))?;
        graph(bytes, Some(&mapped))
    };
    open().map_err(|error: GraphError| error.in_file(path))
}

/// Whether a file begins as one in this format does.
pub(super) fn is_binary(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(SIGN.len() as u64).read_to_end(&mut start)?;
    Ok(start == SIGN)
}

/// Reads a copy, from any source of bytes.
pub(super) fn read(reader: impl Read) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut bytes = Vec::new();
    decompressed(reader)?.read_to_end(&mut bytes)?;
    let (graph, labels) = graph(&bytes, None)?.into_parts();
    let mut report = ReadReport::new(Format::Binary);
    report.nodes = graph.node_count();
    report.edges = graph.edge_count();
    Ok((Built { graph, arcs: None }, labels, report))
}

/// Writes a graph and its names in Kiln's binary format, whatever the name of the file.
///
/// # Errors
/// [`GraphError::Io`].
pub fn write_binary(labelled: &LabelledGraph, path: impl AsRef<Path>) -> Result<()> {
    replace(path.as_ref(), "", |writer: &mut dyn Write| write(labelled.graph(), labelled.labels(), writer))
}

pub(super) fn write(graph: &CsrGraph, labels: &NodeLabels, mut writer: impl Write) -> Result<()> {
    let parts = graph.parts();
    let (kind, first, second, numbers, text) = match labels.parts() {
        LabelParts::Counted { first } => (0, first, 0, Cow::Borrowed(&[][..]), &[][..]),
        LabelParts::Numbers(numbers) => (1, 0, 0, Cow::Borrowed(numbers), &[][..]),
        LabelParts::Text { ends, bytes } => (2, 0, 0, Cow::Borrowed(ends), bytes),
        LabelParts::Sides { rows, columns } => (3, rows, columns, Cow::Borrowed(&[][..]), &[][..]),
    };
    let offsets: Cow<'_, [u8]> = if cfg!(target_pointer_width = "64") {
        Cow::Borrowed(bytemuck::cast_slice(parts.offsets))
    } else {
        let wide: Vec<u64> = parts.offsets.iter().map(|&offset| offset as u64).collect();
        Cow::Owned(bytemuck::cast_slice(&wide).to_vec())
    };
    let (arcs, degrees) = parts.weights.unwrap_or_default();
    let sections: [&[u8]; SECTIONS] = [
        &offsets,
        bytemuck::cast_slice(parts.targets),
        bytemuck::cast_slice(arcs),
        bytemuck::cast_slice(degrees),
        bytemuck::cast_slice(&numbers),
        text,
    ];
    let mut head = SIGN.to_vec();
    let fields: [u64; FIELDS] = [
        VERSION,
        kind,
        u64::from(parts.weights.is_some()),
        graph.node_count(),
        parts.targets.len() as u64,
        first,
        second,
        text.len() as u64,
        parts.total_volume.to_bits(),
    ];
    for field in fields.into_iter().chain(sections.iter().map(|section| checksum(section))) {
        head.extend_from_slice(&field.to_le_bytes());
    }
    head.resize(HEAD - 8, 0);
    head.extend_from_slice(&xxh3_64(&head).to_le_bytes());
    if cfg!(target_endian = "big") {
        let message = "it is written on little-endian machines only".to_owned();
        return Err(GraphError::NotWritable { format: Format::Binary, message });
    }
    writer.write_all(&head)?;
    let mut written = HEAD as u64;
    for section in sections {
        let padding = written.next_multiple_of(ALIGNMENT) - written;
        writer.write_all(&[0; ALIGNMENT as usize][..padding as usize])?;
        writer.write_all(section)?;
        written += padding + section.len() as u64;
    }
    Ok(())
}

/// A checksum of pieces, so that they can be hashed in parallel.
fn checksum(section: &[u8]) -> u64 {
    let pieces: Vec<u64> = section.par_chunks(PIECE).map(xxh3_64).collect();
    let bytes: Vec<u8> = pieces.into_iter().flat_map(u64::to_le_bytes).collect();
    xxh3_64(&bytes)
}

/// A binary file has no lines.
fn fail(message: impl Into<String>) -> GraphError {
    parse_error(1, message)
}

fn graph(bytes: &[u8], mapped: Option<&MemoryMappedFile>) -> Result<LabelledGraph> {
    if cfg!(not(all(target_endian = "little", target_pointer_width = "64"))) {
        return Err(fail("graphs of Kiln's binary format are opened on 64-bit little-endian machines only"));
    }
    if !bytes.starts_with(SIGN) || bytes.len() < HEAD {
        return Err(fail("no graph in Kiln's binary format: expected a file that begins with KILNGRPH"));
    }
    let field = |at: usize| {
        let start = SIGN.len() + 8 * at;
        bytes.get(start..start + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
    };
    if field(0) != VERSION {
        let message = format!(
            "the file has version {}, this program reads version {VERSION}: convert it again from its source",
            field(0)
        );
        return Err(fail(message));
    }
    let damaged = || fail("the file is damaged: its checksum is not right. Convert it again from its source");
    if xxh3_64(&bytes[..HEAD - 8]) != field(HEAD / 8 - 2) {
        return Err(damaged());
    }
    let [kind, weighted, nodes, arcs, first, second, text] = [1, 2, 3, 4, 5, 6, 7].map(field);
    let total_volume = f64::from_bits(field(8));
    let names = if kind == 1 || kind == 2 { nodes } else { 0 };
    let lengths = [
        nodes.checked_add(1).and_then(|count| count.checked_mul(8)),
        arcs.checked_mul(4),
        arcs.checked_mul(8 * weighted.min(1)),
        nodes.checked_mul(8 * weighted.min(1)),
        names.checked_mul(8),
        Some(text),
    ];
    let mut ranges: [Range<u64>; SECTIONS] = std::array::from_fn(|_| 0..0);
    let mut end = HEAD as u64;
    for (range, length) in ranges.iter_mut().zip(lengths) {
        let start = end.checked_next_multiple_of(ALIGNMENT).ok_or_else(damaged)?;
        end = length.and_then(|length| start.checked_add(length)).ok_or_else(damaged)?;
        *range = start..end;
    }
    if end != bytes.len() as u64 {
        return Err(fail(format!("the file is damaged: it has {} bytes and should have {end}", bytes.len())));
    }
    for (at, range) in ranges.iter().enumerate() {
        if checksum(&bytes[range.start as usize..range.end as usize]) != field(FIELDS + at) {
            return Err(damaged());
        }
    }
    let [offsets, targets, arc_weights, degrees, numbers, text] = ranges;
    let weights = match weighted {
        0 => None,
        _ => Some((list(bytes, mapped, arc_weights)?, list(bytes, mapped, degrees)?)),
    };
    let graph = CsrGraph::from_checked_parts(
        list(bytes, mapped, offsets)?,
        list(bytes, mapped, targets)?,
        weights,
        total_volume,
    );
    let graph = graph.ok_or_else(|| fail("the file is damaged: its lists of neighbours are not a graph"))?;
    let numbers: Slab<u64> = list(bytes, None, numbers)?;
    let text = bytes[text.start as usize..text.end as usize].to_vec();
    let labels = match kind {
        0 => first.checked_add(nodes).map(|_| NodeLabels::counted(first, nodes)),
        1 => numbers.is_sorted_by(|a, b| a < b).then(|| NodeLabels::from_ascending(numbers.to_vec())),
        2 => NodeLabels::from_text_parts(text, numbers.to_vec()),
        3 => Some(NodeLabels::sides(first, second)),
        _ => None,
    };
    let labels = labels.filter(|labels| labels.checked_len() == Some(nodes));
    LabelledGraph::new(
        graph,
        labels.ok_or_else(|| fail("the file is damaged: its names do not fit the nodes"))?,
    )
}

/// A section as numbers: mapped, or a copy.
fn list<T: Pod>(bytes: &[u8], mapped: Option<&MemoryMappedFile>, range: Range<u64>) -> Result<Slab<T>> {
    match mapped {
        Some(file) if range.start < range.end => {
            Slab::mapped(file, range).ok_or_else(|| fail("the file is damaged: a section is not aligned"))
        }
        _ => {
            let bytes = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
            Ok(bytemuck::pod_collect_to_vec::<u8, T>(bytes).into())
        }
    }
}
