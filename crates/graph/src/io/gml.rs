//! GML: `graph [ node [ id 0 label "a" ] edge [ source 0 target 1 weight 2.0 ] ]`.
//!
//! The weight of an edge is its `weight`, else its `value`, as in the files of Newman (or the key that
//! [`Columns::weight`](super::Columns::weight) names). Nodes are called by their labels if all have different
//! ones. All other keys are reported as not used.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use super::edges::Built;
use super::input::decompressed;
use super::nodes::Listed;
use super::options::{Column, Format, NodeNames, ReadOptions};
use super::parse_error;
use super::report::{ReadNote, ReadReport};
use crate::adjacency::Adjacency;
use crate::csr::CsrGraph;
use crate::error::{GraphError, Result};
use crate::labelled::NodeLabels;

/// Deepest nesting that is read.
const DEEPEST: usize = 100;

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Open,
    Close,
}

/// Cuts the text into tokens and counts its lines.
struct Tokens<'a> {
    rest: &'a str,
    line: u64,
    comments: u64,
    first_comment: u64,
}

impl<'a> Tokens<'a> {
    fn skip(&mut self, length: usize) -> &'a str {
        let (skipped, rest) = self.rest.split_at(length);
        self.line += memchr::memchr_iter(b'\n', skipped.as_bytes()).count() as u64;
        self.rest = rest;
        skipped
    }

    fn next(&mut self) -> Result<Option<Token<'a>>> {
        loop {
            let space = self.rest.len() - self.rest.trim_start().len();
            self.skip(space);
            if !self.rest.starts_with('#') {
                break;
            }
            self.comments += 1;
            self.first_comment = if self.comments == 1 { self.line } else { self.first_comment };
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        Ok(Some(match first {
            '[' => {
                self.skip(1);
                Token::Open
            }
            ']' => {
                self.skip(1);
                Token::Close
            }
            '"' => {
                let start = self.line;
                self.skip(1);
                let end = self.rest.find('"');
                let end =
                    end.ok_or_else(|| parse_error(start, "a text opens with a quote that is not closed"))?;
                let text = self.skip(end);
                self.skip(1);
                Token::Text(text)
            }
            _ => {
                let end = self.rest.find(|c: char| c.is_whitespace() || "[]\"".contains(c));
                Token::Word(self.skip(end.unwrap_or(self.rest.len())))
            }
        }))
    }
}

/// The node or the edge that is being read.
#[derive(Default)]
struct Item {
    line: u64,
    id: Option<String>,
    label: Option<String>,
    source: Option<String>,
    target: Option<String>,
    /// The weight and how good its key is: 1 is best.
    weight: Option<(u8, String)>,
}

#[derive(Default)]
struct Reader {
    options: ReadOptions,
    listed: Listed,
    graphs: usize,
    directed: bool,
    item: Item,
    unused: BTreeMap<String, u64>,
    by_value: u64,
}

pub(super) fn read(reader: impl Read, options: &ReadOptions) -> Result<(Built, NodeLabels, ReadReport)> {
    let mut bytes = Vec::new();
    decompressed(reader)?.read_to_end(&mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = memchr::memchr_iter(b'\n', &bytes[..error.valid_up_to()]).count() as u64 + 1;
        parse_error(
            line,
            "not UTF-8 text: if it is text in another encoding, convert it with `iconv -t UTF-8`",
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut tokens = Tokens { rest: text, line: 1, comments: 0, first_comment: 0 };
    let mut reader = Reader { options: options.clone(), ..Reader::default() };
    let mut path: Vec<&str> = Vec::new();
    while let Some(token) = tokens.next()? {
        let line = tokens.line;
        let key = match token {
            Token::Close => {
                let closed = path.pop().ok_or_else(|| parse_error(line, "`]` without `[`"))?;
                reader.close(&path, closed)?;
                continue;
            }
            Token::Word(key) => key,
            other => return Err(parse_error(line, format!("expected a key, found {other:?}"))),
        };
        match tokens.next()? {
            Some(Token::Open) => {
                reader.open(&path, key, line)?;
                path.push(key);
                if path.len() > DEEPEST {
                    return Err(parse_error(line, format!("nested more than {DEEPEST} deep")));
                }
            }
            Some(Token::Word(value) | Token::Text(value)) => reader.value(&path, key, value, line)?,
            Some(Token::Close) | None => {
                return Err(parse_error(tokens.line, format!("the key {key:?} has no value")));
            }
        }
    }
    if let Some(open) = path.last() {
        return Err(parse_error(tokens.line, format!("the file ends inside `{open} [`: expected `]`")));
    }
    if reader.graphs == 0 {
        return Err(parse_error(tokens.line, "expected `graph [ ... ]`, found none"));
    }
    reader.finish(&tokens)
}

impl Reader {
    fn open(&mut self, path: &[&str], key: &str, line: u64) -> Result<()> {
        match (path, key) {
            ([], "graph") => {
                self.graphs += 1;
                if self.graphs > 1 {
                    return Err(parse_error(line, "a second graph: expected one"));
                }
            }
            (["graph"], "node" | "edge") => self.item = Item { line, ..Item::default() },
            _ => self.count(path, key),
        }
        Ok(())
    }

    fn value(&mut self, path: &[&str], key: &str, value: &str, line: u64) -> Result<()> {
        let item = &mut self.item;
        let rank = match &self.options.columns.weight {
            Some(Column::Name(name)) => name.eq_ignore_ascii_case(key).then_some(1),
            _ if key.eq_ignore_ascii_case("weight") => Some(1),
            _ if key.eq_ignore_ascii_case("value") => Some(2),
            _ => None,
        };
        match (path, key) {
            (["graph"], "directed") => {
                self.directed = match value {
                    "0" => false,
                    "1" => true,
                    _ => {
                        return Err(parse_error(
                            line,
                            format!("expected `directed` 0 or 1, found {value:?}"),
                        ));
                    }
                }
            }
            (["graph", "node"], "id") => item.id = Some(value.to_owned()),
            (["graph", "node"], "label") if self.options.names != NodeNames::Id => {
                item.label = Some(super::xml::unescaped(value, line)?);
            }
            (["graph", "edge"], "source") => item.source = Some(value.to_owned()),
            (["graph", "edge"], "target") => item.target = Some(value.to_owned()),
            (["graph", "edge"], _) if rank.is_some() => {
                let rank = rank.unwrap_or(u8::MAX);
                match &item.weight {
                    Some((better, _)) if *better < rank => self.count(path, key),
                    Some((same, _)) if *same == rank => {
                        return Err(parse_error(line, "an edge with two weights: expected one"));
                    }
                    Some(_) => {
                        self.by_value -= 1;
                        self.count(path, "value");
                        self.item.weight = Some((rank, value.to_owned()));
                    }
                    None => {
                        self.by_value += u64::from(rank == 2);
                        item.weight = Some((rank, value.to_owned()));
                    }
                }
            }
            // Files begin with the name of the program and the version.
            ([], "Creator" | "creator" | "Version" | "version" | "comment") => {}
            _ => self.count(path, key),
        }
        Ok(())
    }

    fn close(&mut self, path: &[&str], closed: &str) -> Result<()> {
        if path != ["graph"] || !matches!(closed, "node" | "edge") {
            return Ok(());
        }
        let Item { line, id, label, source, target, weight } = std::mem::take(&mut self.item);
        let missing = |key: &str| parse_error(line, format!("{closed} without `{key}`"));
        if closed == "node" {
            let node = self.listed.declare(&id.ok_or_else(|| missing("id"))?, line)?;
            if let Some(label) = label {
                self.listed.set_label(node, label);
            }
            return Ok(());
        }
        let u = self.listed.node(&source.ok_or_else(|| missing("source"))?, line)?;
        let v = self.listed.node(&target.ok_or_else(|| missing("target"))?, line)?;
        self.listed.edge((u, v), self.directed, line)?;
        match weight {
            Some((_, weight)) => self.listed.weight(&weight, line, &self.options),
            None => Ok(()),
        }
    }

    fn count(&mut self, path: &[&str], key: &str) {
        let what = match path {
            [] => format!("{key:?}"),
            ["graph"] => format!("{key:?} of the graph"),
            ["graph", item @ ("node" | "edge")] => format!("{key:?} of {item}s"),
            _ => return, // counted with what it is in
        };
        *self.unused.entry(what).or_default() += 1;
    }

    fn finish(self, tokens: &Tokens<'_>) -> Result<(Built, NodeLabels, ReadReport)> {
        let mut report = ReadReport::new(Format::Gml);
        if tokens.comments > 0 {
            report.note(ReadNote::Comments { count: tokens.comments, first_line: tokens.first_comment });
        }
        if self.by_value > 0 {
            let what = format!("\"value\" is read as the weight of {} edges", self.by_value);
            report.note(ReadNote::Lenient { what });
        }
        for (what, count) in &self.unused {
            report.unused(what, *count, "");
        }
        self.listed.finish(Format::Gml, tokens.line, None, &self.options, report)
    }
}

/// Writes ids from 0, names as labels, and weights if the graph has any.
pub(super) fn write(graph: &CsrGraph, labels: &NodeLabels, mut writer: impl Write) -> Result<()> {
    writeln!(writer, "graph [")?;
    for (node, label) in labels.iter().enumerate() {
        if label.trim() != label || label.is_empty() {
            let message = format!("the name {label:?} is empty or has spaces around it");
            return Err(GraphError::NotWritable { format: Format::Gml, message });
        }
        let label = quick_xml::escape::escape(&*label);
        writeln!(writer, "  node [ id {node} label \"{label}\" ]")?;
    }
    for (u, v, weight) in graph.edges() {
        if graph.is_weighted() {
            writeln!(writer, "  edge [ source {u} target {v} weight {weight:?} ]")?;
        } else {
            writeln!(writer, "  edge [ source {u} target {v} ]")?;
        }
    }
    Ok(writeln!(writer, "]")?)
}
