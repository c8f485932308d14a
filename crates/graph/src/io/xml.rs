//! What GraphML and GEXF share: elements, attributes and lines.

use std::io::{BufRead, Read};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::input::decompressed;
use super::parse_error;
use crate::error::{GraphError, Result};

/// What reads a kind of XML document.
pub(super) trait Document {
    /// An element begins inside the open elements `path`, outermost first.
    fn open(&mut self, element: &Element<'_>, path: &[String]) -> Result<()>;
    /// Text of the innermost open element, with entities as they stand in the file.
    fn text(&mut self, text: &str);
    /// The element `name` ends.
    fn close(&mut self, name: &str, line: u64) -> Result<()>;
}

/// The start of an element, and the line where it ends.
pub(super) struct Element<'a> {
    start: &'a BytesStart<'a>,
    pub(super) name: &'a str,
    pub(super) line: u64,
}

impl Element<'_> {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>> {
        let malformed = |error: &dyn std::fmt::Display| {
            parse_error(self.line, format!("a malformed attribute {name:?}: {error}"))
        };
        let found = self.start.try_get_attribute(name).map_err(|error| malformed(&error))?;
        let value =
            found.map(|one| one.normalized_value(XmlVersion::Implicit1_0).map(std::borrow::Cow::into_owned));
        value.transpose().map_err(|error| malformed(&error))
    }

    /// The value of an attribute that must be there.
    pub(super) fn required(&self, name: &str) -> Result<String> {
        let message = || format!("expected the attribute {name:?} in <{}>", self.name);
        self.attribute(name)?.ok_or_else(|| parse_error(self.line, message()))
    }

    /// The names of the attributes that are not in `known`, but for name spaces.
    pub(super) fn others(&self, known: &[&str]) -> Vec<String> {
        let names = self.start.attributes().filter_map(|one| Some(one.ok()?.key.as_ref().to_owned()));
        let foreign =
            |name: &String| !name.contains(':') && name != "xmlns" && !known.contains(&name.as_str());
        names.filter(foreign).collect()
    }
}

/// Hands every element of `reader` to `document`; returns the number of comments, the line of the first and
/// the last line.
pub(super) fn read(reader: impl Read, document: &mut impl Document) -> Result<(u64, u64, u64)> {
    let mut xml = Reader::from_reader(CountingLines { reader: decompressed(reader)?, line: 1 });
    let mut buffer = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let (mut comments, mut first_comment) = (0, 0);
    loop {
        buffer.clear();
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().line;
        match event.map_err(|error| xml_error(error, line))? {
            Event::Start(start) => {
                let local = start.local_name();
                let name: &str = local.as_ref();
                document.open(&Element { start: &start, name, line }, &path)?;
                path.push(name.to_owned());
            }
            Event::Empty(start) => {
                let local = start.local_name();
                let name: &str = local.as_ref();
                document.open(&Element { start: &start, name, line }, &path)?;
                document.close(name, line)?;
            }
            // The reader checks that end tags match, so there is always an open element.
            Event::End(_) => document.close(&path.pop().unwrap_or_default(), line)?,
            Event::Text(text) => document.text(&text),
            Event::CData(text) => document.text(&text),
            Event::GeneralRef(entity) => document.text(&format!("&{};", &*entity)),
            Event::Eof => {
                if let Some(open) = path.last() {
                    return Err(parse_error(line, format!("the file ends inside <{open}>")));
                }
                return Ok((comments, first_comment, line));
            }
            Event::Comment(_) => {
                comments += 1;
                if comments == 1 {
                    first_comment = line;
                }
            }
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// Text with the entities that XML knows replaced.
pub(super) fn unescaped(text: &str, line: u64) -> Result<String> {
    quick_xml::escape::unescape(text.trim())
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| parse_error(line, format!("a malformed text: {error}")))
}

/// Counts the line ends that have been consumed.
struct CountingLines<R> {
    reader: R,
    line: u64,
}

impl<R: BufRead> Read for CountingLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for CountingLines<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The bytes are still there: fill_buf returned them and nothing has been consumed since.
        if let Ok(bytes) = self.reader.fill_buf() {
            self.line += bytes.iter().take(amount).filter(|&&byte| byte == b'\n').count() as u64;
        }
        self.reader.consume(amount);
    }
}

fn xml_error(error: quick_xml::Error, line: u64) -> GraphError {
    match error {
        quick_xml::Error::Io(source) => {
            GraphError::from(std::io::Error::new(source.kind(), source.to_string()))
        }
        other => parse_error(line, format!("not well-formed XML: {other}")),
    }
}
