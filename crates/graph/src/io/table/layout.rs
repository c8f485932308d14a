//! How a table is laid out: found out from its first lines, the options and the names of its columns.

use super::super::options::{Column, Format, Header, OtherColumns, ReadOptions, WeightColumn};
use super::super::parse_error;
use super::super::report::{ReadNote, ReadReport};
use super::dictionary;
use super::split::{Field, Separator, split};
use crate::error::Result;

/// How many lines of data are looked at.
const SAMPLE: usize = 64;

/// What a parser of lines has to know.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a file")]
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) separator: Separator,
    pub(super) quote: Option<u8>,
    pub(super) comments: Vec<Vec<u8>>,
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) weight: Option<usize>,
    /// The column that says `Directed` or `Undirected`, as Gephi writes it.
    pub(super) direction: Option<usize>,
    /// How many columns each line must have; at least two where `None`.
    pub(super) columns: Option<usize>,
    /// Whether a dictionary of data may follow each edge.
    pub(super) dictionaries: bool,
    /// Whether the weights in the dictionaries are wanted.
    pub(super) weights: bool,
    /// The line of the header.
    pub(super) header: Option<u64>,
    /// Whether sources and targets are different nodes.
    pub(super) bipartite: bool,
    /// Whether the file says that its edges are directed.
    pub(super) directed: bool,
}

/// The first lines of a table.
struct Sample<'a> {
    /// Comments before the first data, without their signs.
    comments: Vec<&'a [u8]>,
    /// Lines with data (or the header), and their numbers.
    lines: Vec<(u64, &'a [u8])>,
}

impl<'a> Sample<'a> {
    fn of(text: &'a [u8], options: &ReadOptions) -> Self {
        let mut sample = Self { comments: Vec::new(), lines: Vec::new() };
        let quote = options.quote.map(|quote| quote as u32 as u8).filter(u8::is_ascii);
        let mut next = 0;
        let mut number = 1;
        while next < text.len() {
            let start = next;
            let first = number;
            next = after_line(text, next);
            number += 1;
            let is_comment = comment_sign(text[start..next].trim_ascii(), &options.comments).is_some();
            // A field that opens with a quote may go on in the lines that follow.
            let mut end = next;
            while is_open(&text[start..end], quote) && !is_comment && end < text.len() && number - first < 50
            {
                end = after_line(text, end);
                number += 1;
            }
            if is_open(&text[start..end], quote) {
                number = first + 1;
            } else {
                next = end;
            }
            let line = &text[start..next];
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let number = first;
            let trimmed = line.trim_ascii();
            match comment_sign(trimmed, &options.comments) {
                Some(sign) if sample.lines.is_empty() => sample.comments.push(trimmed[sign..].trim_ascii()),
                Some(_) => {}
                None if trimmed.is_empty() => {}
                None => sample.lines.push((number, line)),
            }
            if sample.lines.len() > SAMPLE {
                break;
            }
        }
        sample
    }
}

/// Where the line after that of `at` begins.
fn after_line(text: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end + 1)
}

/// Whether there is an odd number of quotes.
fn is_open(text: &[u8], quote: Option<u8>) -> bool {
    quote.is_some_and(|quote| memchr::memchr_iter(quote, text).count() % 2 == 1)
}

/// How long the sign is with which a line says that it is a comment.
fn comment_sign(line: &[u8], signs: &[String]) -> Option<usize> {
    signs
        .iter()
        .filter(|sign| !sign.is_empty())
        .find(|sign| line.starts_with(sign.as_bytes()))
        .map(String::len)
}

/// What the first lines say of the columns.
#[derive(Debug, Clone, Copy)]
struct Columns<'a> {
    names: Option<&'a [String]>,
    /// The fields of the lines after the header.
    data: &'a [Vec<String>],
    count: usize,
    first_line: u64,
}

impl Layout {
    /// Looks at the first lines of `text`; `strict` if no report goes to the caller.
    pub(super) fn find(
        text: &[u8],
        options: &ReadOptions,
        strict: bool,
        report: &mut ReadReport,
    ) -> Result<Self> {
        let sample = Sample::of(text, options);
        let quote = options.quote.and_then(|quote| u8::try_from(quote).ok()).filter(u8::is_ascii);
        let mut layout = Self {
            separator: Separator::Space,
            quote,
            comments: options.comments.iter().map(|sign| sign.as_bytes().to_vec()).collect(),
            source: 0,
            target: 1,
            weight: None,
            direction: None,
            columns: None,
            dictionaries: false,
            weights: options.weights != WeightColumn::Ignore,
            header: None,
            bipartite: options.bipartite,
            directed: false,
        };
        layout.read_konect(&sample);
        let Some(&(first_line, _)) = sample.lines.first() else { return Ok(layout) };
        let has_data = |line: &[u8]| {
            dictionary::detach(line).is_some_and(|(_, data)| dictionary::entries(data, |_, _| ()))
        };
        layout.dictionaries =
            report.format != Format::Ncol && sample.lines.iter().take(2).any(|&(_, line)| has_data(line));
        layout.separator = options.separator.map_or_else(|| layout.guess_separator(&sample), Separator::of);
        let rows: Vec<Vec<String>> = sample.lines.iter().map(|(_, line)| layout.fields(line)).collect();
        let names = layout.header(&rows, &sample, options, first_line);
        let data = if layout.header.is_some() { &rows[1..] } else { &rows[..] };
        let count = data.first().or(rows.first()).map_or(2, Vec::len);
        let columns = Columns { names: names.as_deref(), data, count, first_line };
        layout.choose(options, columns, report)?;
        let vary = options.weights == WeightColumn::Ignore && names.is_none();
        layout.columns = (!vary).then_some(count);
        layout.other_columns(options, columns, strict, report)?;
        if let Some(line) = layout.header {
            report.note(ReadNote::Header { line });
        }
        let name = |column: usize| column_name(names.as_deref(), column);
        let in_data = layout.dictionaries && layout.weights && layout.weight.is_none();
        report.note(ReadNote::Columns {
            separator: layout.separator.in_words(),
            source: name(layout.source),
            target: name(layout.target),
            weight: layout.weight.map(name).or_else(|| in_data.then(|| "the data \"weight\"".to_owned())),
        });
        Ok(layout)
    }

    /// Whether `line` is a comment; it is trimmed at its start.
    #[inline]
    pub(super) fn is_comment(&self, line: &[u8]) -> bool {
        self.comments.iter().any(|sign| !sign.is_empty() && line.starts_with(sign))
    }

    /// `% sym|asym|bip kind`, the first line of a KONECT file.
    fn read_konect(&mut self, sample: &Sample<'_>) {
        const KINDS: [&[u8]; 8] = [
            b"unweighted",
            b"positive",
            b"posweighted",
            b"signed",
            b"multisigned",
            b"weighted",
            b"multiweighted",
            b"dynamic",
        ];
        let Some(first) = sample.comments.first() else { return };
        let mut words = first.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (Some(shape), Some(kind)) = (words.next(), words.next()) else { return };
        if KINDS.contains(&kind) {
            self.bipartite |= shape == b"bip";
            self.directed |= shape == b"asym";
        }
    }

    /// The fields of a line, without a dictionary that may follow.
    fn fields(&self, line: &[u8]) -> Vec<String> {
        let line =
            if self.dictionaries { dictionary::detach(line).map_or(line, |parts| parts.0) } else { line };
        let mut fields = Vec::new();
        let _ = split(line, self.separator, self.quote, |_, field: Field<'_>| {
            fields.push(String::from_utf8_lossy(&field.value(self.quote)).into_owned());
        });
        fields
    }

    /// White space, if the last comment names the columns so and all lines have as many. Otherwise the separator
    /// that gives all lines equally many fields, as many as possible; white space, if only that does; without
    /// one, that which the first line holds.
    fn guess_separator(&self, sample: &Sample<'_>) -> Separator {
        let spaced: Vec<usize> = sample.lines.iter().map(|&(_, line)| self.fields(line).len()).collect();
        let named = sample.comments.last().is_some_and(|comment| {
            let names: Vec<String> =
                String::from_utf8_lossy(comment).split_whitespace().map(str::to_owned).collect();
            pair(&names).is_some() && spaced.iter().all(|&count| count == names.len())
        });
        if named {
            return Separator::Space;
        }
        let mut best = (1, Separator::Space);
        let mut held = None;
        for byte in [b'\t', b',', b';', b'|'] {
            let separator = Separator::Byte(byte);
            let mut counts = sample.lines.iter().map(|&(_, line)| {
                let line =
                    if self.dictionaries { dictionary::detach(line).map_or(line, |p| p.0) } else { line };
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let mut empty = false;
                let count = split(line, separator, self.quote, |at, field| {
                    empty |= at == 1 && field.bytes.is_empty();
                });
                (count.unwrap_or(0), empty)
            });
            let Some((count, empty)) = counts.next() else { continue };
            // R leaves out the name of the column of row names.
            let same = counts.all(|(other, _)| other == count || other == count + 1);
            if same && !empty && count > best.0 {
                best = (count, separator);
            }
            if count > 1 && held.is_none() && byte != b'\t' && byte != b'|' {
                held = Some(separator);
            }
        }
        let by_space = spaced[0] > 1 && spaced.iter().all(|&count| count == spaced[0]);
        match held {
            _ if best.0 > 1 => best.1,
            Some(held) if !by_space => held,
            _ => Separator::Space,
        }
    }

    /// Finds out whether there is a header, and the names of the columns.
    fn header(
        &mut self,
        rows: &[Vec<String>],
        sample: &Sample<'_>,
        options: &ReadOptions,
        first_line: u64,
    ) -> Option<Vec<String>> {
        let first = rows.first()?;
        let second = rows.get(1);
        let in_comment = self.names_in_comment(first, sample).filter(|_| options.header == Header::Detect);
        let is_header = match options.header {
            Header::Present => true,
            Header::Absent => false,
            Header::Detect if in_comment.is_some() => false,
            Header::Detect => {
                pair(first).is_some() || second.is_some_and(|second| words_over_numbers(first, second))
            }
        };
        if !is_header {
            return in_comment;
        }
        self.header = Some(first_line);
        let mut names = first.clone();
        if second.is_some_and(|second| second.len() == names.len() + 1) {
            names.insert(0, String::new()); // R names no column for the names of the rows
        }
        Some(names)
    }

    /// The names of the columns in the last comment before the data, as SNAP writes them.
    fn names_in_comment(&self, first: &[String], sample: &Sample<'_>) -> Option<Vec<String>> {
        let comment = sample.comments.last()?;
        let spaced = String::from_utf8_lossy(comment).split_whitespace().map(str::to_owned).collect();
        let named = |names: &Vec<String>| names.len() == first.len() && pair(names).is_some();
        [self.fields(comment), spaced].into_iter().find(named)
    }

    /// Chooses the columns.
    fn choose(&mut self, options: &ReadOptions, columns: Columns<'_>, report: &mut ReadReport) -> Result<()> {
        let Columns { names, data, count, first_line } = columns;
        let find = |column: &Column| find_column(column, names, count, first_line);
        let wanted = &options.columns;
        let usual = names.and_then(pair).unwrap_or_else(|| {
            // A table of pandas or R begins with a column of row names that has no name itself.
            if count > 2 && names.is_some_and(|names| names.first().is_some_and(String::is_empty)) {
                (1, 2)
            } else {
                (0, 1)
            }
        });
        self.source = wanted.source.as_ref().map_or(Ok(usual.0), find)?;
        self.target = wanted.target.as_ref().map_or(Ok(usual.1), find)?;
        if wanted.source.is_some() != wanted.target.is_some() && self.source == self.target {
            let other = if self.source == usual.0 { usual.1 } else { usual.0 };
            if wanted.source.is_some() { self.target = other } else { self.source = other }
        }
        let is_end = |column: usize| column == self.source || column == self.target;
        self.direction = names.and_then(|names| {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case("type"))?;
            let says =
                |row: &Vec<String>| row.get(named).is_some_and(|text| direction(text.as_bytes()).is_some());
            (data.iter().all(says) && !data.is_empty()).then_some(named)
        });
        if options.weights == WeightColumn::Ignore {
            return Ok(());
        }
        if let Some(column) = &wanted.weight {
            self.weight = Some(find(column)?);
            return Ok(());
        }
        let candidate = match names {
            Some(names) => {
                (0..count).find(|&at| !is_end(at) && names.get(at).is_some_and(|name| is_weight(name)))
            }
            None => (0..count).find(|&at| !is_end(at)).filter(|&at| at == 2 || count == 3),
        };
        let required = options.weights == WeightColumn::Required;
        let Some(candidate) = candidate else {
            let in_data = self.dictionaries;
            if required && !in_data {
                let message = format!(
                    "expected a column of weights, found {count} columns, none of which is one: name it in \
                     `ReadOptions::columns`"
                );
                return Err(parse_error(first_line, message));
            }
            return Ok(());
        };
        let values: Vec<&str> =
            data.iter().filter_map(|row| row.get(candidate)).map(String::as_str).collect();
        let number =
            values.iter().find(|text| !text.is_empty()).is_some_and(|text| text.parse::<f64>().is_ok());
        let times =
            names.is_none() && !required && !values.is_empty() && values.iter().all(|text| is_time(text));
        if times {
            let what = column_name(names, candidate);
            let why = "its numbers look like Unix times, not weights; name it in `ReadOptions::columns` if they \
                       are weights";
            report.unused(what, 0, why);
        } else if number || required || names.is_some() {
            self.weight = Some(candidate);
        }
        Ok(())
    }

    /// Reports or refuses the columns that are not used.
    fn other_columns(
        &self,
        options: &ReadOptions,
        columns: Columns<'_>,
        strict: bool,
        report: &mut ReadReport,
    ) -> Result<()> {
        let Columns { names, count, first_line, .. } = columns;
        let used = |column: &usize| {
            *column == self.source
                || *column == self.target
                || self.weight == Some(*column)
                || self.direction == Some(*column)
        };
        let unused: Vec<String> =
            (0..count).filter(|column| !used(column)).map(|column| column_name(names, column)).collect();
        let asked = options.weights == WeightColumn::Ignore && names.is_none();
        let refused = match options.other_columns {
            OtherColumns::Refuse => true,
            OtherColumns::Report => strict && !asked,
            OtherColumns::Ignore => false,
        };
        if unused.is_empty() {
            return Ok(());
        }
        let columns = unused.join(", ");
        if refused {
            let reason = report.notes.iter().find_map(|note| match note {
                ReadNote::Unused { what, why, .. } if unused.contains(what) => Some(why.as_str()),
                _ => None,
            });
            let reason = reason.unwrap_or(
                "expected 2 or 3 columns (u v [weight]); name the weight in `ReadOptions::columns`, or let \
                 `ReadOptions::other_columns` ignore the rest",
            );
            return Err(parse_error(first_line, format!("{columns} not used, of {count} columns: {reason}")));
        }
        let told = |note: &ReadNote| matches!(note, ReadNote::Unused { what, .. } if *what == columns);
        if !report.notes.iter().any(told) {
            let why = if asked { "" } else { "only ends of edges and weights are" };
            report.unused(columns, 0, why);
        }
        Ok(())
    }
}

fn column_name(names: Option<&[String]>, column: usize) -> String {
    match names.and_then(|names| names.get(column)).filter(|name| !name.is_empty()) {
        Some(name) => format!("column {name:?}"),
        None => format!("column {}", column + 1),
    }
}

fn find_column(column: &Column, names: Option<&[String]>, count: usize, line: u64) -> Result<usize> {
    let found = match column {
        Column::Number(number) => number.checked_sub(1).filter(|&at| at < count),
        Column::Name(wanted) => names.and_then(|names| {
            let exact = names.iter().position(|name| name == wanted);
            exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(wanted)))
        }),
    };
    found.ok_or_else(|| {
        let there = match names {
            Some(names) => format!("the columns are {}", names.join(", ")),
            None => format!("there are {count} columns, without a header"),
        };
        parse_error(line, format!("there is no {column}: {there}"))
    })
}

/// A name without what differs between programs: case, spaces and signs.
fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The columns that a header calls the two ends of an edge.
fn pair(names: impl AsRef<[String]>) -> Option<(usize, usize)> {
    const PAIRS: [(&str, &str); 16] = [
        ("source", "target"),
        ("src", "dst"),
        ("src", "tgt"),
        ("source", "destination"),
        ("from", "to"),
        ("fromnodeid", "tonodeid"),
        ("sourceid", "targetid"),
        ("fromid", "toid"),
        ("node1", "node2"),
        ("nodea", "nodeb"),
        ("id1", "id2"),
        ("nodeid1", "nodeid2"),
        ("protein1", "protein2"),
        ("gene1", "gene2"),
        ("officialsymbolinteractora", "officialsymbolinteractorb"),
        ("srcid", "dstid"),
    ];
    let names: Vec<String> = names.as_ref().iter().map(|name| plain_name(name)).collect();
    let at = |wanted: &str| names.iter().position(|name| name == wanted);
    PAIRS.iter().find_map(|(source, target)| Some((at(source)?, at(target)?)))
}

fn is_weight(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "weight",
        "weights",
        "w",
        "edgeweight",
        "value",
        "strength",
        "score",
        "combinedscore",
        "similarity",
        "count",
        "multiplicity",
        "wt",
    ];
    NAMES.contains(&plain_name(name).as_str())
}

/// Whether the first row has words wherever the second has numbers, of which there must be some.
fn words_over_numbers(first: &[String], second: &[String]) -> bool {
    let is_number = |text: &str| text.parse::<f64>().is_ok();
    let mut numbers = false;
    for (above, below) in first.iter().zip(second) {
        if is_number(below) {
            numbers = true;
            if is_number(above) || above.is_empty() {
                return false;
            }
        }
    }
    numbers
}

/// Whole numbers of the size of Unix times in seconds, from 1985 to 2103, or milliseconds.
fn is_time(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = 500_000_000..=4_200_000_000_u64;
    digits
        && text.parse::<u64>().is_ok_and(|time| seconds.contains(&time) || seconds.contains(&(time / 1000)))
}

/// What Gephi writes in its column `Type`: whether the edge is directed.
pub(super) fn direction(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"undirected" => Some(false),
        b"directed" | b"mutual" => Some(true),
        _ => None,
    }
}
