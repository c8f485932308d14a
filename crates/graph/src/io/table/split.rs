//! The fields of one record of a table.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// What stands between two columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Any run of spaces and tabs.
    Space,
    Byte(u8),
    Char(char),
}

impl Separator {
    pub(super) fn of(separator: char) -> Self {
        match u8::try_from(separator) {
            Ok(b' ') => Self::Space,
            Ok(byte) if byte.is_ascii() => Self::Byte(byte),
            _ => Self::Char(separator),
        }
    }

    pub(super) fn in_words(self) -> String {
        match self {
            Self::Space => "white space".to_owned(),
            Self::Byte(b'\t') => "tabs".to_owned(),
            Self::Byte(b',') => "commas".to_owned(),
            Self::Byte(b';') => "semicolons".to_owned(),
            Self::Byte(byte) => format!("{:?}", char::from(byte)),
            Self::Char(separator) => format!("{separator:?}"),
        }
    }
}

/// A field without the white space around it and without its quotes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether `bytes` holds doubled quotes, each of which stands for one.
    pub(super) doubled: bool,
}

impl<'a> Field<'a> {
    /// What the field says.
    pub(super) fn value(self, quote: Option<u8>) -> Cow<'a, [u8]> {
        let Some(quote) = quote.filter(|_| self.doubled) else { return Cow::Borrowed(self.bytes) };
        let mut value = Vec::with_capacity(self.bytes.len());
        let mut after_quote = false;
        for &byte in self.bytes {
            if byte != quote || !after_quote {
                value.push(byte);
            }
            after_quote = byte == quote && !after_quote;
        }
        Cow::Owned(value)
    }
}

/// Why a record has no fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// A quote is opened and not closed.
    Unclosed,
    /// Something other than a separator follows a closing quote.
    AfterQuote,
}

/// Calls `visit` with each field of `record` and its number from 0, and returns how many there are. Only a
/// quote at the start of a field encloses it.
#[inline]
pub(super) fn split<'a>(
    record: &'a [u8],
    separator: Separator,
    quote: Option<u8>,
    mut visit: impl FnMut(usize, Field<'a>),
) -> Result<usize, Broken> {
    if let Some(quote) = quote
        && memchr(quote, record).is_some()
    {
        return split_quoted(record, separator, quote, visit);
    }
    let mut count = 0;
    let mut rest = record;
    if separator == Separator::Space {
        loop {
            rest = rest.trim_ascii_start();
            if rest.is_empty() {
                return Ok(count);
            }
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (bytes, after) = rest.split_at(end);
            visit(count, Field { bytes, doubled: false });
            count += 1;
            rest = after;
        }
    }
    loop {
        let found = find(separator, rest);
        let bytes = found.map_or(rest, |(start, _)| &rest[..start]);
        visit(count, Field { bytes: bytes.trim_ascii(), doubled: false });
        count += 1;
        match found {
            Some((_, end)) => rest = &rest[end..],
            None => return Ok(count),
        }
    }
}

fn split_quoted<'a>(
    record: &'a [u8],
    separator: Separator,
    quote: u8,
    mut visit: impl FnMut(usize, Field<'a>),
) -> Result<usize, Broken> {
    let space = separator == Separator::Space;
    let mut count = 0;
    let mut rest = record;
    loop {
        rest = trim_start(rest, separator);
        if space && rest.is_empty() {
            return Ok(count);
        }
        let (field, after) = if let Some(inside) = rest.strip_prefix(&[quote]) {
            enclosed(inside, quote)?
        } else {
            let end = find(separator, rest).map_or(rest.len(), |(start, _)| start);
            (Field { bytes: rest[..end].trim_ascii(), doubled: false }, &rest[end..])
        };
        visit(count, field);
        count += 1;
        let gap = trim_start(after, separator);
        if gap.is_empty() {
            return Ok(count);
        }
        match find(separator, if space { after } else { gap }) {
            Some((0, end)) => rest = &(if space { after } else { gap })[end..],
            _ => return Err(Broken::AfterQuote),
        }
    }
}

/// White space that is no separator, left off.
fn trim_start(bytes: &[u8], separator: Separator) -> &[u8] {
    let keep = |byte: u8| separator == Separator::Byte(byte) || !byte.is_ascii_whitespace();
    let start = bytes.iter().position(|&byte| keep(byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

/// The field before the closing quote, and what follows that.
fn enclosed(inside: &[u8], quote: u8) -> Result<(Field<'_>, &[u8]), Broken> {
    let mut end = 0;
    let mut doubled = false;
    loop {
        end += memchr(quote, &inside[end..]).ok_or(Broken::Unclosed)?;
        if inside.get(end + 1) == Some(&quote) {
            doubled = true;
            end += 2;
        } else {
            return Ok((Field { bytes: &inside[..end], doubled }, &inside[end + 1..]));
        }
    }
}

/// Where the next separator starts and ends.
#[inline]
fn find(separator: Separator, bytes: &[u8]) -> Option<(usize, usize)> {
    match separator {
        Separator::Space => bytes.iter().position(u8::is_ascii_whitespace).map(|start| (start, start + 1)),
        Separator::Byte(byte) => memchr(byte, bytes).map(|start| (start, start + 1)),
        Separator::Char(separator) => {
            let mut buffer = [0; 4];
            let encoded = separator.encode_utf8(&mut buffer).as_bytes();
            memmem::find(bytes, encoded).map(|start| (start, start + encoded.len()))
        }
    }
}
