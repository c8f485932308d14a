//! The binary graph format of graph-tool (`.gt`), version 1, as published in graph-tool's documentation.
//!
//! Layout: the magic bytes `⛾ gt`, version, byte order, a comment, directed or not, the number of nodes `n`,
//! then per node the number of its out-neighbours and their numbers (1, 2, 4 or 8 bytes each, the fewest that
//! hold `n`), then the property maps. Only properties of nodes whose values are plain numbers or strings are
//! kept.

use std::collections::BTreeMap;

/// A graph as the file lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtGraph {
    /// Number of nodes.
    pub nodes: usize,
    /// Whether the links have a direction.
    pub directed: bool,
    /// The links `(from, to)` in file order, loops and duplicates included.
    pub edges: Vec<(u64, u64)>,
    /// Integer and string properties of the nodes as text, by name, one value per node.
    pub node_properties: BTreeMap<String, Vec<String>>,
}

/// What is wrong with a `.gt` file, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid .gt file: {reason} (byte {position})")]
pub struct GtError {
    /// What is wrong.
    pub reason: String,
    /// Offset in the uncompressed file.
    pub position: usize,
}

const MAGIC: &[u8] = "⛾ gt".as_bytes();

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    big_endian: bool,
}

impl<'a> Cursor<'a> {
    fn error(&self, reason: impl Into<String>) -> GtError {
        GtError { reason: reason.into(), position: self.position }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], GtError> {
        let rest = &self.bytes[self.position..];
        if count > rest.len() {
            return Err(self.error(format!("{count} bytes wanted, {} left", rest.len())));
        }
        self.position += count;
        Ok(&rest[..count])
    }

    fn unsigned(&mut self, width: usize) -> Result<u64, GtError> {
        let big_endian = self.big_endian;
        let bytes = self.take(width)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Ok(if big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    }

    fn byte(&mut self) -> Result<u8, GtError> {
        Ok(self.take(1)?[0])
    }

    /// A count of things of at least `width` bytes each: more than the file can hold is an error before any
    /// allocation.
    fn count(&mut self, width: usize) -> Result<usize, GtError> {
        let count = self.unsigned(8)?;
        let room = (self.bytes.len() - self.position) / width;
        usize::try_from(count).ok().filter(|&count| count <= room).ok_or_else(|| {
            self.error(format!("a count of {count}, but the rest of the file holds at most {room}"))
        })
    }

    fn string(&mut self) -> Result<String, GtError> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.error("text that is not UTF-8"))
    }

    /// One property value; numbers and strings as text, anything else is skipped.
    fn value(&mut self, kind: u8) -> Result<Option<String>, GtError> {
        const WIDTHS: [usize; 6] = [1, 2, 4, 8, 8, 16];
        Ok(match kind {
            0 => Some(self.byte()?.to_string()),
            1..=3 => {
                let width = WIDTHS[kind as usize];
                let shift = 64 - 8 * width as u32;
                Some(((self.unsigned(width)? << shift).cast_signed() >> shift).to_string())
            }
            4 => Some(f64::from_bits(self.unsigned(8)?).to_string()),
            5 => {
                self.take(16)?;
                None
            }
            6 => Some(self.string()?),
            7..=12 => {
                let width = WIDTHS[kind as usize - 7];
                let count = self.count(width)?;
                self.take(count * width)?;
                None
            }
            13 => {
                for _ in 0..self.count(8)? {
                    self.string()?;
                }
                None
            }
            14 => {
                let length = self.count(1)?;
                self.take(length)?;
                None
            }
            _ => return Err(self.error(format!("unknown property type {kind}"))),
        })
    }
}

/// Reads an uncompressed `.gt` file.
///
/// # Errors
/// [`GtError`] for a wrong magic, version or type byte, a node number out of range, or a file that ends too
/// early or goes on after its last property.
pub fn read_gt(bytes: &[u8]) -> Result<GtGraph, GtError> {
    let mut cursor = Cursor { bytes, position: 0, big_endian: false };
    if !bytes.starts_with(MAGIC) {
        return Err(cursor.error("it does not begin with the magic bytes"));
    }
    cursor.take(MAGIC.len())?;
    let version = cursor.byte()?;
    if version != 1 {
        return Err(cursor.error(format!("version {version}, only 1 is known")));
    }
    cursor.big_endian = flag(&mut cursor, "byte order")?;
    cursor.string()?;
    let directed = flag(&mut cursor, "direction")?;
    let nodes = cursor.count(8)?;
    let width = match nodes as u64 {
        0..=0x100 => 1,
        0x101..=0x1_0000 => 2,
        0x1_0001..=0x1_0000_0000 => 4,
        _ => 8,
    };
    let mut edges = Vec::new();
    for node in 0..nodes as u64 {
        for _ in 0..cursor.count(width)? {
            let neighbour = cursor.unsigned(width)?;
            if neighbour >= nodes as u64 {
                return Err(cursor.error(format!("node {neighbour} in a graph of {nodes} nodes")));
            }
            edges.push((node, neighbour));
        }
    }
    let mut node_properties = BTreeMap::new();
    for _ in 0..cursor.count(10)? {
        let owner = cursor.byte()?;
        let name = cursor.string()?;
        let kind = cursor.byte()?;
        let values = match owner {
            0 => 1,
            1 => nodes,
            2 => edges.len(),
            _ => return Err(cursor.error(format!("unknown owner {owner} of property \"{name}\""))),
        };
        let mut texts = Vec::new();
        for _ in 0..values {
            texts.extend(cursor.value(kind)?);
        }
        if owner == 1 && texts.len() == nodes {
            node_properties.insert(name, texts);
        }
    }
    if cursor.position != bytes.len() {
        return Err(cursor.error("bytes after the last property"));
    }
    Ok(GtGraph { nodes, directed, edges, node_properties })
}

fn flag(cursor: &mut Cursor<'_>, what: &str) -> Result<bool, GtError> {
    match cursor.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(cursor.error(format!("{what} byte {other}, 0 or 1 expected"))),
    }
}
