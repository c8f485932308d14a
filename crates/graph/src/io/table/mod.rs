//! Tables: an edge in each line, ends by number or by name.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use rayon::prelude::*;

use super::edges::{Built, Edges};
use super::input::decompressed;
use super::options::{Format, ReadOptions};
use super::report::{ReadNote, ReadReport};
use super::{MAX_LINE, check_node_count, parse_error};
use crate::error::Result;
use crate::labelled::{NodeLabels, whole_number};
use crate::names::Names;
use crate::symmetrize::Symmetrize;

mod dictionary;
mod layout;
mod piece;
mod split;

use layout::Layout;
use piece::{End, Ids, Piece};

/// What one thread parses at a time.
const PIECE: usize = 2 << 20;
/// How many edges have their places in the table of names read ahead together.
const AHEAD: usize = 32;
/// What the names of the nodes of a bipartite table begin with.
const SIDES: [u8; 2] = [b'r', b'c'];

/// A table on its way to a graph.
struct Table<'a> {
    options: &'a ReadOptions,
    report: ReadReport,
    ids: Ids,
    bipartite: bool,
    edges: Edges,
    names: Names,
    comments: u64,
    first_comment: u64,
    keys: BTreeMap<String, u64>,
    directed: u64,
    undirected: u64,
}

/// Reads a table whose ends are names, or node numbers if `numbered`, where no report reaches the caller.
pub(super) fn read(
    reader: impl Read,
    format: Format,
    options: &ReadOptions,
    numbered: bool,
) -> Result<(Built, NodeLabels, ReadReport)> {
    let base = u64::from(options.one_based);
    let ids = match options.node_count {
        None if !numbered => Ids::Small,
        bound => Ids::Numbers { base, bound },
    };
    let mut table = Table {
        options,
        report: ReadReport::new(format),
        ids,
        bipartite: options.bipartite,
        edges: Edges::default(),
        names: Names::default(),
        comments: 0,
        first_comment: 0,
        keys: BTreeMap::new(),
        directed: 0,
        undirected: 0,
    };
    let layout = table.read(decompressed(reader)?, numbered)?;
    table.finish(&layout, numbered)
}

impl Table<'_> {
    fn read(&mut self, mut reader: impl Read, numbered: bool) -> Result<Layout> {
        let mut buffer = Vec::new();
        let mut found: Option<Layout> = None;
        let mut line = 1;
        loop {
            let size = PIECE * rayon::current_num_threads().clamp(1, 64);
            let wanted = size.saturating_sub(buffer.len()).max(PIECE) as u64;
            let read = reader.by_ref().take(wanted).read_to_end(&mut buffer)?;
            let last = (read as u64) < wanted;
            let layout = if let Some(layout) = found.take() {
                layout
            } else {
                if buffer.starts_with("\u{feff}".as_bytes()) {
                    buffer.drain(..3);
                }
                let layout = Layout::find(&buffer, self.options, numbered, &mut self.report)?;
                self.bipartite = layout.bipartite;
                if self.bipartite {
                    self.ids = match self.ids {
                        Ids::Numbers { base, .. } if numbered => Ids::Numbers { base, bound: None },
                        _ => Ids::Names,
                    };
                }
                if let Some(header) = layout.header {
                    self.skip_header(&mut buffer, &layout, header, &mut line);
                }
                layout
            };
            let (consumed, lines) = self.pieces(&buffer, line, &layout, last)?;
            line += lines;
            buffer.drain(..consumed);
            if last {
                return Ok(layout);
            }
            found = Some(layout);
        }
    }

    /// Leaves out the header and the comments before it, which are counted.
    fn skip_header(&mut self, buffer: &mut Vec<u8>, layout: &Layout, header: u64, line: &mut u64) {
        let mut start = 0;
        while *line <= header {
            let end = memchr::memchr(b'\n', &buffer[start..]).map_or(buffer.len(), |at| start + at + 1);
            if *line < header && layout.is_comment(buffer[start..end].trim_ascii()) {
                self.count_comments(1, *line);
            }
            start = end;
            *line += 1;
        }
        buffer.drain(..start);
    }

    fn count_comments(&mut self, count: u64, first: u64) {
        if self.comments == 0 {
            self.first_comment = first;
        }
        self.comments += count;
    }

    /// Takes what is whole from `text` and returns its length in bytes and in lines.
    fn pieces(&mut self, text: &[u8], first_line: u64, layout: &Layout, last: bool) -> Result<(usize, u64)> {
        let mut start = 0;
        let mut line = first_line;
        // Once more from the first piece that turned out to need another way of reading.
        'again: loop {
            let bounds = bounds(text, start, last);
            if bounds.len() == 1 && !last && text.len() - start > MAX_LINE {
                return Err(parse_error(line, "a line longer than 1 MiB: is this a text file?"));
            }
            let ranges: Vec<_> = bounds.windows(2).map(|pair| pair[0]..pair[1]).collect();
            let lines_before: Vec<u64> = ranges
                .par_iter()
                .map(|range| memchr::memchr_iter(b'\n', &text[range.clone()]).count() as u64)
                .collect();
            let firsts: Vec<u64> = lines_before
                .iter()
                .scan(line, |next, &lines| {
                    let first = *next;
                    *next += lines;
                    Some(first)
                })
                .collect();
            let ids = self.ids;
            let pieces: Vec<Piece> = ranges
                .par_iter()
                .zip(firsts)
                .map(|(range, first)| {
                    Piece::parse(&text[range.clone()], first, layout, ids, last && range.end == text.len())
                })
                .collect();
            for (mut piece, range) in pieces.into_iter().zip(ranges) {
                let piece_end = range.end;
                start = range.start + piece.consumed;
                line += piece.lines;
                let end = std::mem::take(&mut piece.end);
                self.take(piece, &text[range])?;
                match end {
                    End::Failed(error) => return Err(error),
                    End::NotSmall => {
                        self.give_names();
                        continue 'again;
                    }
                    // A record that crosses the end of its piece makes the beginnings of the others wrong.
                    End::Open if bounds.last().is_some_and(|&end| piece_end < end) => continue 'again,
                    End::Open => return Ok((start, line - first_line)),
                    End::Whole => {}
                }
            }
            return Ok((start, line - first_line));
        }
    }

    /// Adds what a piece holds.
    fn take(&mut self, piece: Piece, text: &[u8]) -> Result<()> {
        if piece.comments > 0 {
            self.count_comments(piece.comments, piece.first_comment);
        }
        self.directed += piece.directed;
        self.undirected += piece.undirected;
        for (key, count) in &piece.keys {
            *self.keys.entry(key.clone()).or_default() += count;
        }
        if self.ids != Ids::Names {
            self.edges.append(&piece.edges);
            return Ok(());
        }
        let mut ends = Vec::with_capacity(piece.spans.len());
        let mut before: [&[u8]; 2] = [&[], &[]];
        let mut numbers = [0; 2];
        let mut side = Vec::new();
        for rows in piece.spans.chunks(AHEAD) {
            // The places in the table do not wait for each other, so they are read ahead together.
            let places = rows.iter().flatten().fold(0, |all, span| all ^ self.names.warm(span.hash));
            std::hint::black_box(places);
            for spans in rows {
                for (at, &span) in spans.iter().enumerate() {
                    let name = piece.name(text, span);
                    if name == before[at] {
                        continue; // lists are often sorted by one end
                    }
                    before[at] = name;
                    let number = if self.bipartite {
                        side.clear();
                        side.push(SIDES[at]);
                        side.extend_from_slice(name);
                        self.names.insert(&side)
                    } else {
                        self.names.insert_hashed(name, span.hash)
                    };
                    numbers[at] = number as u32;
                }
                ends.push((numbers[0], numbers[1]));
            }
            if self.names.len() >= u32::MAX as usize {
                return Err(parse_error(piece.edges.line(0), "more than 4294967294 names"));
            }
        }
        let mut edges = piece.edges;
        edges.ends = ends;
        self.edges.append(&edges);
        Ok(())
    }

    /// Turns the numbers read so far into names.
    fn give_names(&mut self) {
        self.ids = Ids::Names;
        let mut numbers = HashMap::new();
        for ends in &mut self.edges.ends {
            for end in [&mut ends.0, &mut ends.1] {
                let number =
                    numbers.entry(*end).or_insert_with(|| self.names.insert(end.to_string().as_bytes()));
                *end = *number as u32;
            }
        }
    }

    fn finish(mut self, layout: &Layout, numbered: bool) -> Result<(Built, NodeLabels, ReadReport)> {
        if self.comments > 0 {
            self.report.note(ReadNote::Comments { count: self.comments, first_line: self.first_comment });
        }
        for (key, count) in std::mem::take(&mut self.keys) {
            self.report.unused(format!("data {key:?}"), count, "");
        }
        let rule = self.rule(layout)?;
        let rows = if layout.bipartite { self.rows() } else { 0 };
        let (node_count, labels) = self.nodes(numbered)?;
        let name = |node: u64| {
            let label = labels.label(node);
            if labels.first_number().is_some() { format!("node {label}") } else { format!("{label:?}") }
        };
        if layout.bipartite {
            self.report.note(ReadNote::Bipartite { rows, columns: node_count - rows.min(node_count) });
        }
        let graph = self.edges.build(node_count, rule, self.options.directed, name, &mut self.report)?;
        Ok((graph, labels, self.report))
    }

    /// What to do with edges that are directed.
    fn rule(&mut self, layout: &Layout) -> Result<Option<Symmetrize>> {
        if self.directed > 0 && self.undirected > 0 {
            let message = "directed and undirected edges are mixed: expected one kind";
            return Err(parse_error(layout.header.unwrap_or(1), message));
        }
        if self.undirected > 0 {
            return Ok(None);
        }
        if self.directed > 0 || layout.directed {
            if self.options.rule().is_none() {
                return Err(parse_error(layout.header.unwrap_or(1), super::DIRECTED));
            }
            if !self.options.directed {
                self.report.note(ReadNote::Undirected { count: self.edges.len() as u64 });
            }
        }
        Ok(self.options.rule())
    }

    /// Nodes of the first kind of a bipartite table.
    fn rows(&self) -> u64 {
        match self.ids {
            Ids::Names => self.names.iter().filter(|name| name.first() == Some(&SIDES[0])).count() as u64,
            _ => self.edges.ends.iter().map(|&(u, _)| u64::from(u) + 1).max().unwrap_or(0),
        }
    }

    /// Numbers the nodes from 0, and says what they are called.
    fn nodes(&mut self, numbered: bool) -> Result<(u64, NodeLabels)> {
        match self.ids {
            Ids::Numbers { base, .. } => {
                if self.bipartite {
                    let rows = self.rows();
                    for ends in &mut self.edges.ends {
                        let shifted = u64::from(ends.1) + rows;
                        ends.1 = u32::try_from(shifted).unwrap_or(u32::MAX);
                    }
                }
                let largest = |&(u, v): &(u32, u32)| u64::from(u.max(v)) + 1;
                let found = self.edges.ends.par_iter().map(largest).max().unwrap_or(0);
                let node_count = self.options.node_count.unwrap_or(found);
                if node_count < found || node_count > u64::from(u32::MAX) || self.options.node_count.is_none()
                {
                    let line = self.edges.line_where(|(u, v)| u64::from(u.max(v)) + 1 == found);
                    if node_count < found {
                        let message =
                            format!("there are {found} nodes, `ReadOptions::node_count` is {node_count}");
                        return Err(parse_error(line, message));
                    }
                    check_node_count(node_count, self.edges.len(), line, self.options)?;
                }
                Ok((node_count, NodeLabels::counted(base, node_count)))
            }
            Ids::Small => {
                debug_assert!(!numbered);
                let labels = NodeLabels::from_ascending(renumber(&mut self.edges.ends));
                Ok((labels.len(), labels))
            }
            Ids::Names => {
                let numbers: Option<Vec<u64>> = self.names.iter().map(whole_number).collect();
                let labels = match numbers {
                    Some(numbers) => {
                        let mut order: Vec<u32> = (0..numbers.len() as u32).collect();
                        order.par_sort_unstable_by_key(|&at| numbers[at as usize]);
                        let mut ranks = vec![0; order.len()];
                        for (rank, &at) in order.iter().enumerate() {
                            ranks[at as usize] = rank as u32;
                        }
                        self.edges
                            .ends
                            .par_iter_mut()
                            .for_each(|ends| *ends = (ranks[ends.0 as usize], ranks[ends.1 as usize]));
                        NodeLabels::from_ascending(order.iter().map(|&at| numbers[at as usize]).collect())
                    }
                    None => NodeLabels::from_names(std::mem::take(&mut self.names)),
                };
                Ok((labels.len(), labels))
            }
        }
    }
}

/// Where pieces of `text[start..]` begin, and where the last ends: each after a line end, or at the end of the
/// file.
fn bounds(text: &[u8], start: usize, last: bool) -> Vec<usize> {
    let mut bounds = vec![start];
    let end = if last { text.len() } else { memchr::memrchr(b'\n', text).map_or(start, |at| at + 1) };
    let mut at = start;
    while at < end {
        let near = (at + PIECE).min(end);
        at = memchr::memchr(b'\n', &text[near..end]).map_or(end, |found| near + found + 1);
        bounds.push(at);
    }
    bounds
}

/// Replaces numbers by their ranks, and returns the numbers in ascending order.
fn renumber(ends: &mut [(u32, u32)]) -> Vec<u64> {
    let largest = ends.par_iter().map(|&(u, v)| u.max(v)).max().unwrap_or(0) as usize;
    if largest / 64 > ends.len() + (1 << 20) {
        let mut numbers: Vec<u32> = ends.iter().flat_map(|&(u, v)| [u, v]).collect();
        numbers.par_sort_unstable();
        numbers.dedup();
        let rank = |number: u32| numbers.partition_point(|&other| other < number) as u32;
        ends.par_iter_mut().for_each(|ends| *ends = (rank(ends.0), rank(ends.1)));
        return numbers.into_iter().map(u64::from).collect();
    }
    // One bit a number, and for each word of bits how many stand before it.
    let mut words = vec![(0_u64, 0_u32); largest / 64 + 1];
    for &(u, v) in ends.iter() {
        words[u as usize / 64].0 |= 1 << (u % 64);
        words[v as usize / 64].0 |= 1 << (v % 64);
    }
    let mut count = 0;
    let mut numbers = Vec::new();
    for (at, (word, before)) in words.iter_mut().enumerate() {
        *before = count;
        count += word.count_ones();
        let mut bits = if ends.is_empty() { 0 } else { *word };
        while bits != 0 {
            numbers.push(at as u64 * 64 + u64::from(bits.trailing_zeros()));
            bits &= bits - 1;
        }
    }
    if numbers.last() != Some(&(numbers.len() as u64).wrapping_sub(1)) {
        let rank = |number: u32| {
            let (word, before) = words[number as usize / 64];
            before + (word & ((1 << (number % 64)) - 1)).count_ones()
        };
        ends.par_iter_mut().for_each(|ends| *ends = (rank(ends.0), rank(ends.1)));
    }
    numbers
}
