//! The edges of one piece of a table, a run of whole lines. Pieces are parsed in parallel.

use std::collections::BTreeMap;

use memchr::{memchr, memchr_iter};

use super::super::edges::Edges;
use super::super::{MAX_LINE, parse_error, parse_weight};
use super::dictionary;
use super::layout::{Layout, direction};
use super::split::{Broken, Field, split};
use crate::error::{GraphError, Result};
use crate::names::hash;

/// How many lines one record may have.
const MAX_RECORD: usize = 1000;

/// What the ends of edges are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// Node numbers from `base`, below `base + bound`: anything else is an error.
    Numbers { base: u64, bound: Option<u64> },
    /// Names that have all been usual numbers of 32 bits so far.
    Small,
    /// Any names.
    Names,
}

/// Where a name stands: in the piece or, if it had to be rewritten, in [`Piece::rewritten`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: u32,
    length: u32,
    pub(super) hash: u64,
}

const REWRITTEN: u32 = 1 << 31;

/// What a piece holds.
#[derive(Default)]
pub(super) struct Piece {
    /// With numbers for the ends unless the ids are names.
    pub(super) edges: Edges,
    /// The ends if the ids are names.
    pub(super) spans: Vec<[Span; 2]>,
    rewritten: Vec<u8>,
    /// Length of the whole records at the start of the piece, and how many lines they are.
    pub(super) consumed: usize,
    pub(super) lines: u64,
    pub(super) comments: u64,
    pub(super) first_comment: u64,
    /// Keys of dictionaries that are not used.
    pub(super) keys: BTreeMap<String, u64>,
    /// Edges that say that they are directed.
    pub(super) directed: u64,
    pub(super) undirected: u64,
    pub(super) end: End,
}

/// How a piece ended.
#[derive(Default)]
pub(super) enum End {
    #[default]
    Whole,
    /// The last record goes on after the piece.
    Open,
    /// A name is no small number.
    NotSmall,
    Failed(GraphError),
}

impl Piece {
    /// Reads `text`, whose first line has the number `line`; `last` if nothing follows it.
    pub(super) fn parse(text: &[u8], line: u64, layout: &Layout, ids: Ids, last: bool) -> Self {
        let mut piece = Self::default();
        if let Err(error) = std::str::from_utf8(text) {
            let line = line + memchr_iter(b'\n', &text[..error.valid_up_to()]).count() as u64;
            let message =
                "not UTF-8 text: if it is text in another encoding, convert it with `iconv -t UTF-8`";
            piece.end = End::Failed(parse_error(line, message));
            return piece;
        }
        while piece.consumed < text.len() && matches!(piece.end, End::Whole) {
            if let Err(error) = piece.record(text, line + piece.lines, layout, ids, last) {
                piece.end = End::Failed(error);
            }
        }
        piece
    }

    /// The bytes of a name.
    pub(super) fn name<'a>(&'a self, text: &'a [u8], span: Span) -> &'a [u8] {
        let from = if span.start & REWRITTEN == 0 { text } else { &self.rewritten };
        let start = (span.start & !REWRITTEN) as usize;
        from.get(start..start + span.length as usize).unwrap_or_default()
    }

    #[inline]
    fn record(&mut self, text: &[u8], line: u64, layout: &Layout, ids: Ids, last: bool) -> Result<()> {
        let rest = &text[self.consumed..];
        let mut end = line_end(rest, 0);
        let mut lines = 1;
        if end > MAX_LINE {
            return Err(parse_error(line, "a line longer than 1 MiB: is this a text file?"));
        }
        let start = rest[..end].trim_ascii_start();
        if start.is_empty() || layout.is_comment(start) {
            if !start.is_empty() {
                self.comments += 1;
                self.first_comment = if self.comments == 1 { line } else { self.first_comment };
            }
            self.done(rest, end, 1);
            return Ok(());
        }
        loop {
            let found = self.edge(&rest[..end], line, layout, ids);
            match found? {
                Ok(()) => {
                    self.done(rest, end, lines);
                    return Ok(());
                }
                Err(Some(Broken::Unclosed)) if end < rest.len() && lines < MAX_RECORD => {
                    // The field goes on in the next line that has a quote.
                    let quote = layout.quote.and_then(|quote| memchr(quote, &rest[end + 1..]));
                    let next = quote.map_or(rest.len(), |at| line_end(rest, end + 1 + at));
                    lines += memchr_iter(b'\n', &rest[end..next]).count();
                    if quote.is_none() && !last && rest.len() <= MAX_LINE {
                        self.end = End::Open;
                        return Ok(());
                    }
                    if quote.is_none() || next > MAX_LINE || lines > MAX_RECORD {
                        return Err(unclosed(line));
                    }
                    end = next;
                }
                Err(Some(Broken::Unclosed)) if !last && lines < MAX_RECORD => {
                    self.end = End::Open;
                    return Ok(());
                }
                Err(Some(Broken::Unclosed)) => return Err(unclosed(line)),
                Err(Some(Broken::AfterQuote)) => {
                    let message = "text after a closing quote: expected a separator (a quote inside a quoted field \
                                   is doubled; `ReadOptions::quote` takes quotes for letters)";
                    return Err(parse_error(line, message));
                }
                Err(None) => {
                    self.end = End::NotSmall;
                    return Ok(());
                }
            }
        }
    }

    /// Goes on after `lines` lines, which end at `end`.
    #[inline]
    fn done(&mut self, rest: &[u8], end: usize, lines: usize) {
        self.consumed += (end + 1).min(rest.len());
        self.lines += lines as u64;
    }

    /// Adds the edge of a record; fails inside with what is broken, or with `None` for a name that is no small
    /// number.
    #[inline]
    fn edge(
        &mut self,
        record: &[u8],
        line: u64,
        layout: &Layout,
        ids: Ids,
    ) -> Result<std::result::Result<(), Option<Broken>>> {
        let (record, data) = match layout.dictionaries.then(|| dictionary::detach(record)).flatten() {
            Some((record, data)) => (record, Some(data)),
            None => (record, None),
        };
        let (mut source, mut target) = (Field::default(), Field::default());
        let (mut weight, mut kind) = (None, None);
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        let count = match split(record, layout.separator, layout.quote, |at, field| {
            if at == layout.source {
                source = field;
            }
            if at == layout.target {
                target = field;
            } else if layout.weight == Some(at) {
                weight = Some(field);
            } else if layout.direction == Some(at) {
                kind = Some(field);
            }
        }) {
            Ok(count) => count,
            Err(broken) => return Ok(Err(Some(broken))),
        };
        let least = layout.source.max(layout.target) + 1;
        match layout.columns {
            None if count < least => {
                return Err(parse_error(
                    line,
                    format!("expected at least {least} columns (u v), found {count}"),
                ));
            }
            Some(columns) if count != columns || columns < least => {
                let message = if columns < least {
                    format!("expected at least {least} columns (u v), found {count}")
                } else {
                    format!("expected {columns} columns as in the lines before, found {count}")
                };
                return Err(parse_error(line, message));
            }
            _ => {}
        }
        let small = if ids == Ids::Small {
            let (Some(u), Some(v)) = (small_number(source), small_number(target)) else {
                return Ok(Err(None));
            };
            (u, v)
        } else {
            (0, 0)
        };
        let text = |field: Field<'_>| String::from_utf8_lossy(&field.value(layout.quote)).into_owned();
        let mut value = match weight {
            None => 1.0,
            Some(field) => parse_weight(&text_of(field), line)?,
        };
        if let Some(data) = data {
            value = self.data(data, value, line, layout)?;
        }
        if let Some(kind) = kind {
            match direction(kind.bytes) {
                Some(true) => self.directed += 1,
                Some(false) => self.undirected += 1,
                None => {
                    let message = format!("expected `Directed` or `Undirected`, found {:?}", text(kind));
                    return Err(parse_error(line, message));
                }
            }
        }
        match ids {
            Ids::Numbers { base, bound } => {
                let number = |field: Field<'_>| match small_number(field) {
                    Some(number) if is_node(u64::from(number), base, bound) => Ok(number - base as u32),
                    _ => node_number(&text(field), base, bound, line),
                };
                let (u, v) = (number(source)?, number(target)?);
                self.edges.push(u, v, value, line);
            }
            Ids::Small => self.edges.push(small.0, small.1, value, line),
            Ids::Names => {
                if source.bytes.is_empty() || target.bytes.is_empty() {
                    return Err(parse_error(line, "an empty field where the name of a node is expected"));
                }
                // The record starts where the consumed text ends.
                let base = record.as_ptr().addr();
                let spans = [source, target].map(|field| {
                    if field.doubled {
                        let start = self.rewritten.len();
                        self.rewritten.extend_from_slice(&field.value(layout.quote));
                        let hash = hash(&self.rewritten[start..]);
                        let length = (self.rewritten.len() - start) as u32;
                        Span { start: start as u32 | REWRITTEN, length, hash }
                    } else {
                        let start = self.consumed + (field.bytes.as_ptr().addr() - base);
                        Span {
                            start: start as u32,
                            length: field.bytes.len() as u32,
                            hash: hash(field.bytes),
                        }
                    }
                });
                self.spans.push(spans);
                self.edges.push(0, 0, value, line);
            }
        }
        Ok(Ok(()))
    }

    /// The weight in a dictionary; its other keys are counted.
    fn data(&mut self, data: &[u8], column: f64, line: u64, layout: &Layout) -> Result<f64> {
        let mut weight = None;
        let whole = dictionary::entries(data, |key, value| {
            if layout.weights && layout.weight.is_none() && key.eq_ignore_ascii_case(b"weight") {
                weight = Some(value);
            } else {
                *self.keys.entry(String::from_utf8_lossy(key).into_owned()).or_default() += 1;
            }
        });
        if !whole {
            let text = String::from_utf8_lossy(data).into_owned();
            return Err(parse_error(
                line,
                format!("expected data such as {{'weight': 2.0}}, found {{{text}}}"),
            ));
        }
        weight.map_or(Ok(column), |value| parse_weight(&String::from_utf8_lossy(value), line))
    }
}

fn text_of(field: Field<'_>) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(field.bytes)
}

fn unclosed(line: u64) -> GraphError {
    let message = format!(
        "a field opens with a quote that is not closed in the next {MAX_RECORD} lines: close it, or let \
         `ReadOptions::quote` take quotes for letters"
    );
    parse_error(line, message)
}

/// Where the line that `at` is in ends.
#[inline]
fn line_end(text: &[u8], at: usize) -> usize {
    memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end)
}

/// The usual decimal form of a number below 2³² - 1.
#[inline]
fn small_number(field: Field<'_>) -> Option<u32> {
    let (&first, rest) = field.bytes.split_first()?;
    if !first.is_ascii_digit() || (first == b'0' && !rest.is_empty()) || rest.len() > 9 {
        return None;
    }
    let mut number = u64::from(first - b'0');
    for &byte in rest {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u64::from(byte - b'0');
    }
    u32::try_from(number).ok().filter(|&number| number < u32::MAX)
}

#[inline]
fn is_node(number: u64, base: u64, bound: Option<u64>) -> bool {
    number >= base && bound.is_none_or(|bound| number - base < bound)
}

fn node_number(text: &str, base: u64, bound: Option<u64>, line: u64) -> Result<u32> {
    let Ok(number) = text.parse::<u64>() else {
        let message = format!(
            "expected a node number ({base}, {}, {}, ...), found {text:?}; a file of names is read by \
             `io::read_labelled`",
            base + 1,
            base + 2
        );
        return Err(parse_error(line, message));
    };
    let Some(node) = number.checked_sub(base) else {
        return Err(parse_error(line, format!("node {number}: nodes are said to be numbered from {base}")));
    };
    if let Some(bound) = bound
        && node >= bound
    {
        let last = (bound + base).saturating_sub(1);
        let message =
            format!("node {number} is not one of the {bound} of `ReadOptions::node_count`, {base} to {last}");
        return Err(parse_error(line, message));
    }
    if node >= u64::from(u32::MAX) {
        let message = format!(
            "node {number} is too large to be a number of a node, of which there are 4294967295 at most: \
             `io::read_labelled` takes it for a name and renumbers the nodes"
        );
        return Err(parse_error(line, message));
    }
    Ok(node as u32)
}
